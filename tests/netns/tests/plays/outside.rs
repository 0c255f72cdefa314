//! What may be called outside, and how much at one time (F1 to F4): the far end of the trunk is a
//! telephone, which sees what goes out and what does not.

use ipc::site::{Class, ExtensionSettings, Site};
use netns::{Dialog, Line, Office, Telephone};
use sip::StatusCode;

use crate::office;
use crate::trunk::{PEER, arrange, peer};

/// As they are dialled.
const MOBILE: &str = "011988887777";
const PREMIUM: &str = "0900123456";
const ABROAD: &str = "00351211234567";
const EMERGENCY: &str = "190";

/// The office, its first telephone, and the far end of its line.
pub(crate) fn with_a_line(arrange_too: impl FnOnce(&mut Site)) -> (Office, Telephone, Telephone) {
    let mut office = office(|_| {});
    let trunk = peer(&office);
    office
        .configure(|site| {
            arrange(site, vec![trunk], &["peer"]);
            arrange_too(site);
        })
        .expect("the site is taken");
    let caller = office.telephone(0).expect("a telephone");
    let line = Line {
        number: "peer".into(),
        password: ipc::Redacted::default(),
    };
    let outside = office.telephone_at(office.outside(PEER), line);
    (office, caller, outside.expect("a telephone"))
}

fn first(site: &mut Site) -> &mut ExtensionSettings {
    let first = site.extensions.first_mut();
    &mut first.expect("an extension").settings
}

/// Calls a number, which the far end is asked for in this form; both hang up again.
pub(crate) fn prove_passes(
    caller: &mut Telephone,
    outside: &mut Telephone,
    dialled: &str,
    asked: &str,
) {
    let call = caller.dial(dialled).expect("a call");
    let incoming = outside.ring().expect("it rings");
    let number = incoming.invite.uri.user().unwrap_or_default().to_owned();
    assert_eq!(number, asked);
    outside.pick_up(&incoming).expect("it is answered");
    let mut ours = caller.answered(&call).expect("an answer");
    caller.hang_up(&mut ours).expect("it is hung up");
    outside.expect(&sip::Method::Bye).expect("the end");
}

/// A call outside that is up.
pub(crate) fn talk(caller: &mut Telephone, outside: &mut Telephone) -> Dialog {
    let call = caller.dial(MOBILE).expect("a call");
    let incoming = outside.ring().expect("it rings");
    outside.pick_up(&incoming).expect("it is answered");
    caller.answered(&call).expect("an answer")
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
    let (_office, mut caller, mut outside) = with_a_line(|_| {});
    prove_refused(&mut caller, PREMIUM, StatusCode::FORBIDDEN);
    prove_refused(&mut caller, ABROAD, StatusCode::FORBIDDEN);
    prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
}

#[test]
fn countries_that_are_not_listed_are_refused_and_others_pass() {
    let (mut office, mut caller, mut outside) = with_a_line(|site| {
        first(site).classes.push(Class::International);
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
    let (_office, mut caller, mut outside) = with_a_line(|site| {
        first(site).classes.clear();
        first(site).limits.per_hour = 1;
        site.routes.clear();
    });
    for _ in 0..2 {
        prove_passes(&mut caller, &mut outside, EMERGENCY, EMERGENCY);
    }
    prove_refused(&mut caller, MOBILE, StatusCode::NOT_FOUND);
}

#[test]
fn an_extension_has_so_many_calls_outside_at_one_time() {
    let (_office, mut caller, mut outside) = with_a_line(|site| {
        first(site).limits.concurrent = 1;
    });
    let mut ours = talk(&mut caller, &mut outside);
    prove_refused(&mut caller, MOBILE, StatusCode::FORBIDDEN);
    caller.hang_up(&mut ours).expect("it is hung up");
    outside.expect(&sip::Method::Bye).expect("the end");
    prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
}

#[test]
fn an_extension_begins_so_many_calls_outside_in_a_minute() {
    let (_office, mut caller, mut outside) = with_a_line(|site| {
        first(site).limits.per_minute = 2;
    });
    for _ in 0..2 {
        prove_passes(&mut caller, &mut outside, MOBILE, "+5511988887777");
    }
    prove_refused(&mut caller, MOBILE, StatusCode::FORBIDDEN);
}
