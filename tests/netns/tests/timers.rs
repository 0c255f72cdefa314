//! What takes long: answers nobody acknowledges, and session timers with a glare (RFC 4028).
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::time::{Duration, Instant};

use native::number;
use netns::{Dialog, Office, Telephone};
use sip::{HeaderName, Message, Method, Request, SessionExpires, StatusCode};

/// 64*T1, after which an answer without ACK is given up (RFC 3261 §13.3.1.4).
const GIVES_UP: Duration = Duration::from_secs(32);
/// The shortest session (RFC 4028 §4), seconds.
const SESSION_SECS: u32 = 90;

/// An office, a caller, and a callee who answers one call on a thread of its own.
fn two() -> (
    Office,
    Telephone,
    std::thread::JoinHandle<(Telephone, Dialog)>,
) {
    let office = Office::open(|_| {}).expect("an office");
    let mut callee = office.telephone(1).expect("a telephone");
    let registered = callee.register().expect("an answer");
    assert_eq!(registered.status, StatusCode::OK);
    let callee = std::thread::spawn(move || {
        let dialog = callee.answer().expect("a call");
        (callee, dialog)
    });
    let caller = office.telephone(0).expect("a telephone");
    (office, caller, callee)
}

fn is(message: &Message, method: &Method) -> bool {
    matches!(message, Message::Request(request) if request.method == *method)
}

/// The request that was waited for, at the end of what was heard.
fn request(heard: Vec<(Instant, Message)>) -> (Instant, Request) {
    match heard.into_iter().next_back() {
        Some((at, Message::Request(request))) => (at, request),
        other => panic!("not the request: {other:?}"),
    }
}

#[test]
fn an_answer_never_acknowledged_is_repeated_and_then_the_call_ends() {
    let (_office, mut caller, callee) = two();
    let (dialog, answer) = caller.call_without_ack(&number(1), &[]).expect("an answer");
    let answered = Instant::now();
    let limit = GIVES_UP + Duration::from_secs(8);
    let heard = caller.listen(limit, |message| is(message, &Method::Bye));
    let heard = heard.expect("a socket");
    let repeated = heard.iter().filter(|(_, message)| match message {
        Message::Response(again) => again.headers == answer.headers && again.body == answer.body,
        Message::Request(_) => false,
    });
    // 0.5, 1.5, 3.5 and then every 4 s.
    let repeated = repeated.count();
    assert!((8..=11).contains(&repeated), "repeated {repeated} times");
    let (at, bye) = request(heard);
    let after = at - answered;
    assert!(
        after >= GIVES_UP - Duration::from_secs(2),
        "given up after {after:?}"
    );
    assert_eq!(bye.headers.call_id(), Ok(&*dialog.call_id));
    caller.respond(&bye, StatusCode::OK).expect("sent");
    let (mut callee, _) = callee.join().expect("the callee");
    callee.expect(&Method::Bye).expect("the callee is told");
}

#[test]
fn a_refresh_that_meets_a_reinvite_is_refused_and_comes_again() {
    let (_office, mut caller, callee) = two();
    let expires = format!("{SESSION_SECS};refresher=uas");
    let headers = [("Supported", "timer"), ("Session-Expires", &*expires)];
    let (mut dialog, answer) = caller
        .call_without_ack(&number(1), &headers)
        .expect("an answer");
    let agreed = answer.headers.first(&HeaderName::SessionExpires);
    let agreed = agreed
        .and_then(SessionExpires::parse)
        .expect("a session timer");
    assert_eq!(agreed.to_string(), expires);
    caller.acknowledge(&dialog).expect("sent");
    let begun = Instant::now();

    let interval = Duration::from_secs(SESSION_SECS.into());
    let heard = caller.listen(interval, |message| is(message, &Method::Invite));
    let (at, refresh) = request(heard.expect("a socket"));
    let after = at - begun;
    assert!(
        after >= interval / 3 && after <= interval / 2 + interval / 10,
        "after {after:?}"
    );

    // Both have an INVITE under way: each refuses the other's (RFC 3261 §14.2).
    let crossed = caller
        .request_once(&mut dialog, Method::Invite, &[], Some("sendonly"))
        .expect("an answer");
    assert_eq!(crossed.status, StatusCode::REQUEST_PENDING);
    caller
        .respond(&refresh, StatusCode::REQUEST_PENDING)
        .expect("sent");
    let refused = Instant::now();

    // The Call-ID is ours, so the box waits less than two seconds (RFC 3261 §14.1).
    let limit = Duration::from_secs(4);
    let heard = caller.listen(limit, |message| is(message, &Method::Invite));
    let heard = heard.expect("a socket");
    assert!(
        heard.iter().any(|(_, message)| is(message, &Method::Ack)),
        "no ACK of the 491"
    );
    let (at, again) = request(heard);
    assert!(at - refused <= Duration::from_millis(2_500), "late");
    assert!(
        again.headers.cseq().expect("one").number > refresh.headers.cseq().expect("one").number
    );
    caller.agree(&again).expect("sent");
    caller.expect(&Method::Ack).expect("the box is content");

    let held = caller
        .request(&mut dialog, Method::Invite, &[], Some("sendonly"))
        .expect("an answer");
    assert_eq!(held.status, StatusCode::OK);
    let description = String::from_utf8_lossy(&held.body).into_owned();
    assert!(description.contains("a=recvonly"), "{description}");
    let ended = caller
        .request(&mut dialog, Method::Bye, &[], None)
        .expect("an answer");
    assert_eq!(ended.status, StatusCode::OK);
    let (mut callee, _) = callee.join().expect("the callee");
    callee.expect(&Method::Bye).expect("the callee is told");
}
