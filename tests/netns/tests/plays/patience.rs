//! Calls in which somebody waits for a timer for half a minute.

use std::time::{Duration, Instant};

use ipc::site::Site;

use crate::calls::{check, check_in, two};
use crate::has_patience;

#[test]
fn progress_never_acknowledged_ends_the_call() {
    if !has_patience() {
        return;
    }
    let patient = |site: &mut Site| {
        for extension in &mut site.extensions {
            // Longer than 64*T1, after which the box gives up (RFC 3262 §3).
            extension.settings.forward.ring_secs = 60;
        }
    };
    check_in(
        patient,
        "never_acknowledges_progress",
        "rings_until_cancelled",
    );
}

#[test]
fn an_answer_whose_acks_are_all_lost_is_repeated_and_then_the_call_ends() {
    if !has_patience() {
        return;
    }
    let (office, caller, callee) = two(|_| {});
    let callee = callee.wait("answers").expect("SIPp starts");
    let begun = Instant::now();
    caller.play("never_acknowledges", &[1]).expect("the caller");
    let after = begun.elapsed();
    callee.finish().expect("the callee");
    // RFC 3261 §13.3.1.4: 64*T1, and the same answer after 0.5, 1.5, 3.5 and then every 4 s.
    assert!(after >= Duration::from_secs(32), "given up after {after:?}");
    let messages = office.messages("never_acknowledges").expect("a trace");
    let answers = messages.matches("SIP/2.0 200 OK\r\n").count() - 1;
    assert!((9..=12).contains(&answers), "answered {answers} times");
}

#[test]
fn a_refresh_and_a_reinvite_that_cross_are_both_refused_and_come_again() {
    if !has_patience() {
        return;
    }
    check("crosses_a_refresh", "answers");
}
