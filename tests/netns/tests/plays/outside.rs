//! What may be called outside, and how much at one time (F1 to F4): the far end of the trunk is a
//! telephone, which sees what goes out and what does not.

use ipc::site::{Class, ExtensionSettings, Site, Source, Trunk, TrunkAccess};
use native::number;
use netns::{Dialog, Line, Office, Telephone};
use sip::{Method, StatusCode};

use crate::office;
use crate::trunk::{OWN, PEER, arrange, peer};

/// As they are dialled.
const MOBILE: &str = "011988887777";
const PREMIUM: &str = "0900123456";
const ABROAD: &str = "00351211234567";
const ELSEWHERE: &str = "0034911234567";
const EMERGENCY: &str = "190";

/// The office, one of its telephones, and the far end of its line. On the image all plays have one
/// box, where what somebody has begun counts for an hour (F4): the many calls of a play should be
/// those of somebody who makes few in others.
pub(crate) fn with_a_line(
    caller: usize,
    arrange_too: impl FnOnce(&mut Site),
) -> (Office, Telephone, Telephone) {
    let mut office = office(|_| {});
    let trunk = peer(&office);
    office
        .configure(|site| {
            arrange(site, vec![trunk], &["peer"]);
            arrange_too(site);
        })
        .expect("the site is taken");
    let caller = office.telephone(caller).expect("a telephone");
    let line = Line {
        number: "peer".into(),
        password: ipc::Redacted::default(),
    };
    let outside = office.telephone_at(office.outside(PEER), line);
    (office, caller, outside.expect("a telephone"))
}

fn settings(site: &mut Site, caller: usize) -> &mut ExtensionSettings {
    let caller = site.extensions.get_mut(caller);
    &mut caller.expect("an extension").settings
}

/// Calls a number, which the far end is asked for in this form; both hang up again.
pub(crate) fn prove_passes(
    caller: &mut Telephone,
    callee: &mut Telephone,
    dialled: &str,
    asked: &str,
) {
    let mut ours = reach(caller, callee, dialled, asked);
    end(caller, &mut ours, callee);
}

/// A call outside that is up.
pub(crate) fn talk(caller: &mut Telephone, outside: &mut Telephone) -> Dialog {
    reach(caller, outside, MOBILE, "+5511988887777")
}

/// Calls a number, which the far end is asked for in this form and answers.
fn reach(caller: &mut Telephone, callee: &mut Telephone, dialled: &str, asked: &str) -> Dialog {
    let call = caller.dial(dialled).expect("a call");
    let incoming = callee.ring().expect("it rings");
    let number = incoming.invite.uri.user().unwrap_or_default().to_owned();
    assert_eq!(number, asked);
    callee.pick_up(&incoming).expect("it is answered");
    caller.answered(&call).expect("an answer")
}

/// Hangs up a call.
pub(crate) fn end(caller: &mut Telephone, ours: &mut Dialog, callee: &mut Telephone) {
    caller.hang_up(ours).expect("it is hung up");
    callee.expect(&Method::Bye).expect("the end");
}

/// Calls a number, which is refused.
pub(crate) fn prove_refused(caller: &mut Telephone, dialled: &str, status: StatusCode) {
    let call = caller.dial(dialled).expect("a call");
    assert_eq!(
        caller.refused(&call).expect("a refusal"),
        status,
        "{dialled}"
    );
}

#[test]
fn classes_that_are_not_allowed_are_refused_and_others_pass() {
    let (_office, mut caller, mut outside) = with_a_line(0, |_| {});
    prove_refused(&mut caller, PREMIUM, StatusCode::FORBIDDEN);
    prove_refused(&mut caller, ABROAD, StatusCode::FORBIDDEN);
    prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
}

#[test]
fn countries_that_are_not_listed_are_refused_and_others_pass() {
    let (mut office, mut caller, mut outside) = with_a_line(0, |site| {
        settings(site, 0).classes.push(Class::International);
        site.limits.office_hours = "*".into();
    });
    prove_refused(&mut caller, ABROAD, StatusCode::FORBIDDEN);
    office
        .configure(|site| site.dialling.countries = vec!["351".into()])
        .expect("the site is taken");
    prove_passes(&mut caller, &mut outside, ABROAD, "+351211234567");
}

#[test]
fn an_emergency_number_passes_whatever_is_not_allowed() {
    let (_office, mut caller, mut outside) = with_a_line(0, |site| {
        settings(site, 0).classes.clear();
        settings(site, 0).limits.per_hour = 1;
        site.routes.clear();
    });
    for _ in 0..2 {
        prove_passes(&mut caller, &mut outside, EMERGENCY, EMERGENCY);
    }
    prove_refused(&mut caller, MOBILE, StatusCode::NOT_FOUND);
}

#[test]
fn an_extension_has_so_many_calls_outside_at_one_time() {
    let (_office, mut caller, mut outside) = with_a_line(0, |site| {
        settings(site, 0).limits.concurrent = 1;
    });
    let mut ours = talk(&mut caller, &mut outside);
    prove_refused(&mut caller, MOBILE, StatusCode::FORBIDDEN);
    end(&mut caller, &mut ours, &mut outside);
    prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
}

/// A trunk that no route leads to; nobody is at its address (RFC 5737).
fn unused(channels_max: u16) -> Trunk {
    Trunk {
        name: "unused".into(),
        access: TrunkAccess::Peer {
            server: "192.0.2.1".into(),
            networks: vec!["192.0.2.1/32".into()],
        },
        qualify_secs: 0,
        channels_max,
        ..Trunk::default()
    }
}

/// One of the office who can be called from outside.
fn reachable(office: &Office) -> Telephone {
    let mut callee = office.telephone(1).expect("a telephone");
    let registered = callee.register().expect("an answer");
    assert_eq!(registered.status, StatusCode::OK);
    callee
}

#[test]
fn a_trunk_has_as_many_calls_as_channels_whichever_way_they_go() {
    let (office, mut caller, mut outside) = with_a_line(2, |site| {
        let line = site.trunks.first_mut();
        line.expect("the line").channels_max = 1;
        // So that the box as a whole has channels left.
        site.trunks.push(unused(10));
    });
    let mut callee = reachable(&office);
    let mut ours = talk(&mut caller, &mut outside);
    prove_refused(&mut caller, MOBILE, StatusCode::SERVICE_UNAVAILABLE);
    prove_refused(&mut outside, OWN, StatusCode::SERVICE_UNAVAILABLE);
    end(&mut caller, &mut ours, &mut outside);
    let mut theirs = reach(&mut outside, &mut callee, OWN, &number(1));
    prove_refused(&mut caller, MOBILE, StatusCode::SERVICE_UNAVAILABLE);
    end(&mut outside, &mut theirs, &mut callee);
    prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
}

#[test]
fn calls_outside_leave_the_rest_of_the_channels_to_those_that_come_in() {
    let (office, mut caller, mut outside) = with_a_line(3, |site| {
        let line = site.trunks.first_mut();
        line.expect("the line").channels_max = 4;
        site.limits.outbound_percent = 50;
        settings(site, 3).limits.concurrent = 4;
    });
    let mut callee = reachable(&office);
    let [mut first, mut second] = [(); 2].map(|()| talk(&mut caller, &mut outside));
    prove_refused(&mut caller, MOBILE, StatusCode::SERVICE_UNAVAILABLE);
    prove_passes(&mut outside, &mut callee, OWN, &number(1));
    end(&mut caller, &mut first, &mut outside);
    prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
    end(&mut caller, &mut second, &mut outside);
}

#[test]
fn so_many_calls_go_to_one_country_at_one_time() {
    let (_office, mut caller, mut outside) = with_a_line(4, |site| {
        settings(site, 4).classes.push(Class::International);
        settings(site, 4).limits.concurrent = 4;
        site.limits.office_hours = "*".into();
        site.limits.per_country = 2;
        site.dialling.countries = vec!["351".into(), "34".into()];
    });
    let asked = "+351211234567";
    let [mut first, mut second] = [(); 2].map(|()| reach(&mut caller, &mut outside, ABROAD, asked));
    prove_refused(&mut caller, ABROAD, StatusCode::FORBIDDEN);
    prove_passes(&mut caller, &mut outside, ELSEWHERE, "+34911234567");
    end(&mut caller, &mut first, &mut outside);
    prove_passes(&mut caller, &mut outside, ABROAD, asked);
    end(&mut caller, &mut second, &mut outside);
}

#[test]
fn an_extension_begins_so_many_calls_outside_in_a_minute() {
    let (_office, mut caller, mut outside) = with_a_line(7, |site| {
        settings(site, 7).limits.per_minute = 2;
    });
    for _ in 0..2 {
        prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
    }
    prove_refused(&mut caller, MOBILE, StatusCode::FORBIDDEN);
}

/// R18: the number is known from the call record alone; the route leads to somebody else.
#[test]
fn who_calls_back_reaches_the_extension_that_called_him() {
    let (office, mut caller, mut outside) = with_a_line(2, |site| {
        for route in &mut site.routes {
            route.call_back.enabled = route.sources == [Source::Trunks];
        }
    });
    caller.register().expect("it registers");
    prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
    office.ended_records(1).expect("the call is on record");
    let who = format!("<sip:+5511988887777@{}>", office.outside(PEER));
    let identity = [("P-Asserted-Identity", who.as_str())];
    let call = outside.dial_with(OWN, &identity).expect("a call");
    let incoming = caller.ring().expect("it rings where the call came from");
    caller.pick_up(&incoming).expect("it is answered");
    let mut theirs = outside.answered(&call).expect("an answer");
    end(&mut outside, &mut theirs, &mut caller);
    caller.leave().expect("it is gone");
}
