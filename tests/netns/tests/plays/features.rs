//! What an office does with its calls: hold, three-way, pickup, parking, groups, forwards, codes,
//! lamps.

use ipc::site::{Forward, Group, Member, Site, Strategy};
use native::number;
use netns::{Dialog, Office, Telephone};
use sip::{Method, StatusCode};

use crate::office;

/// A group of everybody but the caller.
const GROUP: &str = "600";
/// Seconds: the shortest that a phone may ring before the next one is tried.
const RING_SECS: u16 = 5;

/// An office and its first telephones, registered.
fn phones<const N: usize>(arrange: impl FnOnce(&mut Site)) -> (Office, [Telephone; N]) {
    let office = office(arrange);
    let phones = std::array::from_fn(|index| {
        let mut phone = office.telephone(index).expect("a telephone");
        let registered = phone.register().expect("an answer");
        assert_eq!(registered.status, StatusCode::OK);
        phone
    });
    (office, phones)
}

/// A call between two, up.
fn connect(caller: &mut Telephone, callee: &mut Telephone) -> (Dialog, Dialog) {
    let call = caller.dial(&callee.number).expect("a call");
    let incoming = callee.ring().expect("it rings");
    let theirs = callee.pick_up(&incoming).expect("it is answered");
    (caller.answered(&call).expect("an answer"), theirs)
}

fn prove_talk(one: (&Telephone, &Dialog), other: (&Telephone, &Dialog)) {
    assert!(one.0.is_heard_by(one.1, other.0).expect("sound"));
    assert!(other.0.is_heard_by(other.1, one.0).expect("sound"));
}

/// Holds (`sendonly`) a call or takes it back (`sendrecv`).
fn change(phone: &mut Telephone, dialog: &mut Dialog, direction: &str) {
    let answer = phone.request(dialog, Method::Invite, &[], Some(direction));
    assert_eq!(answer.expect("an answer").status, StatusCode::OK);
}

fn end(phone: &mut Telephone, dialog: &mut Dialog, others: &mut [&mut Telephone]) {
    phone.hang_up(dialog).expect("it is hung up");
    for other in others {
        other.expect(&Method::Bye).expect("the end");
    }
}

#[test]
fn who_is_held_hears_music_until_he_is_taken_back() {
    let (_office, [mut first, mut second]) = phones(|_| {});
    let (mut ours, theirs) = connect(&mut first, &mut second);
    prove_talk((&first, &ours), (&second, &theirs));
    change(&mut first, &mut ours, "sendonly");
    assert!(second.hears_something(&theirs).expect("sound"), "no music");
    change(&mut first, &mut ours, "sendrecv");
    prove_talk((&first, &ours), (&second, &theirs));
    end(&mut first, &mut ours, &mut [&mut second]);
}

#[test]
fn two_held_calls_are_joined_by_dialling_the_code() {
    let (_office, [mut first, mut second, mut third]) = phones(|_| {});
    let (mut to_second, with_second) = connect(&mut first, &mut second);
    change(&mut first, &mut to_second, "sendonly");
    let (mut to_third, mut with_third) = connect(&mut first, &mut third);
    change(&mut first, &mut to_third, "sendonly");
    let call = first.dial("*3").expect("a call");
    let mut joined = first.answered(&call).expect("an answer");
    for (speaker, dialog, ears) in [
        (&first, &joined, [&second, &third]),
        (&second, &with_second, [&first, &third]),
        (&third, &with_third, [&first, &second]),
    ] {
        for ear in ears {
            let heard = speaker.is_heard_by(dialog, ear).expect("sound");
            assert!(heard, "{} hears {}", ear.number, speaker.number);
        }
    }
    // Whoever joined them leaves, and the others go on.
    first.hang_up(&mut joined).expect("it is hung up");
    prove_talk((&second, &with_second), (&third, &with_third));
    end(&mut third, &mut with_third, &mut [&mut second]);
}

/// The caller is called by the second, and the third takes the call by dialling this.
fn check_pickup(code: &str, group: &str) {
    let (_office, [mut caller, mut second, mut third]) = phones(|site| {
        for extension in site.extensions.iter_mut().skip(1) {
            extension.settings.pickup_group = group.into();
        }
    });
    let call = caller.dial(&second.number).expect("a call");
    let ringing = second.ring().expect("it rings");
    let pickup = third.dial(code).expect("a call");
    let theirs = third.answered(&pickup).expect("the call");
    let mut ours = caller.answered(&call).expect("an answer");
    second.stop_ringing(&ringing).expect("it stops");
    prove_talk((&caller, &ours), (&third, &theirs));
    end(&mut caller, &mut ours, &mut [&mut third]);
}

#[test]
fn a_ringing_call_is_taken_by_the_code_and_the_extension() {
    check_pickup(&format!("**{}", number(1)), "");
}

#[test]
fn a_ringing_call_is_taken_within_the_pickup_group() {
    check_pickup("*8", "front");
}

#[test]
fn a_parked_call_is_fetched_by_its_slot() {
    let (office, [mut caller, mut second, mut third]) = phones(|_| {});
    let (mut ours, mut theirs) = connect(&mut caller, &mut second);
    let lot = format!("<sip:700@{}>", office.server().ip());
    let headers = [("Refer-To", &*lot)];
    let accepted = second.request(&mut theirs, Method::Refer, &headers, None);
    assert_eq!(accepted.expect("an answer").status.code(), 202);
    let mut told = second.expect(&Method::Notify).expect("progress");
    while !told.body.starts_with(b"SIP/2.0 200") {
        told = second.expect(&Method::Notify).expect("progress");
    }
    second.hang_up(&mut theirs).expect("it is hung up");
    assert!(caller.hears_something(&ours).expect("sound"), "no music");
    let call = third.dial("701").expect("a call");
    let fetched = third.answered(&call).expect("the call");
    prove_talk((&caller, &ours), (&third, &fetched));
    end(&mut caller, &mut ours, &mut [&mut third]);
}

fn group(strategy: Strategy, delay_secs: u16) -> impl FnOnce(&mut Site) {
    move |site| {
        let member = |index: usize, delay_secs| Member {
            extension: number(index),
            delay_secs,
        };
        site.groups = vec![Group {
            number: GROUP.into(),
            members: vec![member(1, 0), member(2, delay_secs)],
            strategy,
            ring_secs: RING_SECS,
            ..Group::default()
        }];
    }
}

#[test]
fn a_group_rings_all_at_once_and_who_answers_has_the_call() {
    let (_office, [mut caller, mut second, mut third]) = phones(group(Strategy::All, 0));
    let call = caller.dial(GROUP).expect("a call");
    let at_second = second.ring().expect("it rings");
    let at_third = third.ring().expect("it rings");
    let theirs = third.pick_up(&at_third).expect("it is answered");
    second.stop_ringing(&at_second).expect("it stops");
    let mut ours = caller.answered(&call).expect("an answer");
    prove_talk((&caller, &ours), (&third, &theirs));
    end(&mut caller, &mut ours, &mut [&mut third]);
}

#[test]
fn a_group_rings_in_order_and_the_next_at_once_when_one_declines() {
    let (_office, [mut caller, mut second, mut third]) = phones(group(Strategy::InOrder, 0));
    for is_declined in [true, false] {
        let call = caller.dial(GROUP).expect("a call");
        let at_second = second.ring().expect("it rings");
        match is_declined {
            true => second.decline(&at_second, StatusCode::BUSY_HERE),
            false => second.stop_ringing(&at_second),
        }
        .expect("it stops");
        let at_third = third.ring().expect("it rings");
        let theirs = third.pick_up(&at_third).expect("it is answered");
        let mut ours = caller.answered(&call).expect("an answer");
        prove_talk((&caller, &ours), (&third, &theirs));
        end(&mut caller, &mut ours, &mut [&mut third]);
    }
}

#[test]
fn a_group_rings_a_member_after_his_delay() {
    let (_office, [mut caller, mut second, mut third]) = phones(group(Strategy::Delayed, 2));
    let call = caller.dial(GROUP).expect("a call");
    let at_second = second.ring().expect("it rings");
    let begun = std::time::Instant::now();
    let at_third = third.ring().expect("it rings");
    let delay = begun.elapsed().as_millis();
    assert!((1_500..4_500).contains(&delay), "after {delay} ms");
    let theirs = second.pick_up(&at_second).expect("it is answered");
    third.stop_ringing(&at_third).expect("it stops");
    let mut ours = caller.answered(&call).expect("an answer");
    prove_talk((&caller, &ours), (&second, &theirs));
    end(&mut caller, &mut ours, &mut [&mut second]);
}

/// A call to the second, whose calls go on like this; `meanwhile` is what he does about it.
fn check_forward(
    forward: impl FnOnce(&mut Forward),
    meanwhile: impl FnOnce(&mut Telephone),
    reason: &str,
) {
    let (_office, [mut caller, mut second, mut third]) = phones(|site| {
        let settings = site.extensions.get_mut(1).map(|one| &mut one.settings);
        let settings = settings.expect("an extension");
        settings.forward.ring_secs = RING_SECS;
        forward(&mut settings.forward);
    });
    let call = caller.dial(&second.number).expect("a call");
    meanwhile(&mut second);
    let incoming = third.ring().expect("it rings");
    let diversion = incoming.invite.headers.text(&sip::HeaderName::Diversion);
    let diversion = diversion.unwrap_or_default();
    assert!(diversion.contains(reason), "{diversion}");
    let theirs = third.pick_up(&incoming).expect("it is answered");
    let mut ours = caller.answered(&call).expect("an answer");
    prove_talk((&caller, &ours), (&third, &theirs));
    end(&mut caller, &mut ours, &mut [&mut third]);
}

#[test]
fn calls_are_forwarded_always() {
    let forward = |forward: &mut Forward| forward.always = number(2);
    check_forward(forward, |_| {}, "reason=unconditional");
}

#[test]
fn calls_are_forwarded_while_busy() {
    let forward = |forward: &mut Forward| forward.busy = number(2);
    let busy = |phone: &mut Telephone| {
        let call = phone.ring().expect("it rings");
        phone
            .decline(&call, StatusCode::BUSY_HERE)
            .expect("it is told");
    };
    check_forward(forward, busy, "reason=user-busy");
}

#[test]
fn calls_are_forwarded_when_nobody_answers() {
    let forward = |forward: &mut Forward| forward.no_answer = number(2);
    let absent = |phone: &mut Telephone| {
        let call = phone.ring().expect("it rings");
        phone.stop_ringing(&call).expect("it stops");
    };
    check_forward(forward, absent, "reason=no-answer");
}

#[test]
fn codes_set_a_forward_and_take_it_back() {
    let (_office, [mut caller, mut second, mut third]) = phones(|_| {});
    second
        .dial_code(&format!("*72{}", third.number))
        .expect("it is set");
    let call = caller.dial(&second.number).expect("a call");
    let incoming = third.ring().expect("it rings");
    third.pick_up(&incoming).expect("it is answered");
    let mut ours = caller.answered(&call).expect("an answer");
    end(&mut caller, &mut ours, &mut [&mut third]);
    second.dial_code("*73").expect("it is taken back");
    let (mut ours, _) = connect(&mut caller, &mut second);
    end(&mut caller, &mut ours, &mut [&mut second]);
}

#[test]
fn codes_begin_and_end_do_not_disturb() {
    let (_office, [mut caller, mut second]) = phones(|_| {});
    second.dial_code("*78").expect("it is set");
    let call = caller.dial(&second.number).expect("a call");
    let refused = caller.refused(&call).expect("a refusal");
    assert_eq!(refused, StatusCode::BUSY_HERE);
    second.dial_code("*79").expect("it is taken back");
    let (mut ours, _) = connect(&mut caller, &mut second);
    end(&mut caller, &mut ours, &mut [&mut second]);
}

/// Waits until a lamp shows this and nothing else.
fn wait_for_lamp(watcher: &mut Telephone, wanted: &str) {
    loop {
        let told = watcher.expect(&Method::Notify).expect("a lamp");
        let text = String::from_utf8_lossy(&told.body).into_owned();
        if text.contains(&format!(">{wanted}</state>")) {
            return;
        }
    }
}

#[test]
fn a_lamp_follows_a_call_from_its_first_ring_to_its_end() {
    let (_office, [mut caller, mut second, mut watcher]) = phones(|_| {});
    watcher.watch(&second.number).expect("it may");
    watcher.expect(&Method::Notify).expect("how it stands");
    let call = caller.dial(&second.number).expect("a call");
    let incoming = second.ring().expect("it rings");
    wait_for_lamp(&mut watcher, "early");
    second.pick_up(&incoming).expect("it is answered");
    let mut ours = caller.answered(&call).expect("an answer");
    wait_for_lamp(&mut watcher, "confirmed");
    end(&mut caller, &mut ours, &mut [&mut second]);
    wait_for_lamp(&mut watcher, "terminated");
}
