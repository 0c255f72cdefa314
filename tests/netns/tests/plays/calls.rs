//! Calls as SIPp makes and takes them, with everything that goes wrong on the way.

use ipc::site::Site;
use netns::{Office, Phone};

use crate::office;

/// A caller and a callee who is registered.
pub(crate) fn two(arrange: impl FnOnce(&mut Site)) -> (Office, Phone, Phone) {
    let office = office(arrange);
    let caller = office.phone(0);
    let callee = office.registered(1).expect("it registers");
    (office, caller, callee)
}

pub(crate) fn check(caller_plays: &str, callee_plays: &str) {
    check_in(|_| {}, caller_plays, callee_plays);
}

pub(crate) fn check_in(arrange: impl FnOnce(&mut Site), caller_plays: &str, callee_plays: &str) {
    let (_office, caller, callee) = two(arrange);
    let callee = callee.wait(callee_plays).expect("SIPp starts");
    caller.play(caller_plays, &[1]).expect("the caller");
    callee.finish().expect("the callee");
}

#[test]
fn a_call_is_answered_and_hung_up() {
    check("calls", "answers");
}

#[test]
fn a_second_answer_of_a_forked_invite_is_acknowledged_and_ended() {
    check("calls_for_a_while", "answers_twice");
}

#[test]
fn a_cancelled_call_stops_ringing() {
    check("cancels", "rings_until_cancelled");
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() {
    check("cancels", "answers_when_cancelled");
}

#[test]
fn each_repetition_of_an_answer_is_acknowledged() {
    check("calls_for_a_while", "answers_again");
}

#[test]
fn a_call_without_an_offer_gets_one() {
    check("calls_without_offer", "answers");
}

#[test]
fn a_bye_in_an_early_dialog_ends_it() {
    check("hangs_up_early", "rings_until_cancelled");
}

#[test]
fn hold_and_resume_are_answered() {
    check("holds_and_resumes", "answers");
}

#[test]
fn a_phone_that_insists_gets_reliable_progress() {
    check("calls_reliably", "rings_slowly");
}

#[test]
fn session_timers_are_agreed() {
    check("asks_for_a_short_session", "answers");
}

#[test]
fn a_blind_transfer_goes_through() {
    let (office, caller, callee) = two(|_| {});
    let third = office.registered(2).expect("it registers");
    let callee = callee.wait("answers").expect("SIPp starts");
    let third = third.wait("answers_and_hangs_up").expect("SIPp starts");
    caller.play("transfers", &[1, 2]).expect("the caller");
    third.finish().expect("the third");
    callee.finish().expect("the callee");
}

#[test]
fn an_attended_transfer_joins_the_two_calls_of_a_phone() {
    let office = office(|_| {});
    let attendant = office.registered(0).expect("it registers");
    let second = office.registered(2).expect("it registers");
    let attendant = attendant.wait_to_call("joins_two_calls", 2);
    let attendant = attendant.expect("SIPp starts");
    let second = second.wait("answers").expect("SIPp starts");
    // Hangs up by itself, which ends the call of the second: it is theirs by then.
    let first = office.phone(1).play("calls_for_a_while", &[0]);
    first.expect("the first");
    attendant.finish().expect("the attendant");
    second.finish().expect("the second");
}
