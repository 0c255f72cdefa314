use std::net::SocketAddr;
use std::time::Duration;

use sansio::Node;
use sip::{HeaderName, NameAddr, Request, Response, StatusCode};

use crate::interface::{Input, Output};
use crate::scripted::{PASSWORD, Rig, answered, register, site};

const PHONE: &str = "10.0.0.2:5060";
const URN: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-aabbccddeeff>\"";

fn contacts(response: &Response) -> Vec<NameAddr> {
    match response.headers.contacts().expect("legible") {
        sip::Contacts::List(contacts) => contacts,
        sip::Contacts::Star => panic!("a star in a response"),
    }
}

fn texts(response: &Response) -> Vec<String> {
    let mut contacts = contacts(response);
    for contact in &mut contacts {
        contact.params.remove("expires");
    }
    contacts.iter().map(ToString::to_string).collect()
}

fn with(mut request: Request, fields: &[(HeaderName, &str)]) -> Request {
    for (name, value) in fields {
        request.headers.push(name.clone(), *value);
    }
    request
}

fn accepted(rig: &mut Rig, request: &Request) -> Response {
    let response = rig.ask_as(PHONE, "100", PASSWORD, request);
    assert_eq!(response.status, StatusCode::OK);
    response
}

fn outbound(call_id: &str, reg_id: u32) -> Request {
    let contact = format!("<sip:100@10.0.0.2;ob>;{URN};reg-id={reg_id}");
    with(
        register("100", call_id, 1, &[&contact]),
        &[(HeaderName::Supported, "path, outbound")],
    )
}

/// pbx trap 1: phones look for their own Contact, letter by letter. RFC 3840 §9: with its features.
#[test]
fn contacts_are_echoed_as_written_each_with_its_own_time() {
    let mut rig = Rig::new();
    let written =
        "<sip:100%20x@Phone.LOCAL:5062;transport=UDP;line=7>;q=0.5;+sip.instance=\"<urn:x>\"";
    let first = register("100", "a", 1, &[&format!("{written};expires=120")]);
    assert_eq!(texts(&accepted(&mut rig, &first)), [written]);
    rig.pass(Duration::from_secs(60));
    let second = with(
        register("100", "b", 1, &["<sip:y@10.0.0.3>"]),
        &[(HeaderName::Expires, "600")],
    );
    let response = accepted(&mut rig, &second);
    assert_eq!(texts(&response), [written, "<sip:y@10.0.0.3>"]);
    let expires: Vec<_> = contacts(&response).iter().map(NameAddr::expires).collect();
    assert_eq!(expires, [Some(60), Some(600)]);
}

/// RFC 3261 §10.3 step 7, pbx trap 7.
#[test]
fn a_registration_too_short_is_told_the_least_and_a_long_one_is_cut() {
    let mut rig = Rig::new();
    let brief = register("100", "a", 1, &["<sip:x@10.0.0.2>;expires=5"]);
    let response = rig.ask_as(PHONE, "100", PASSWORD, &brief);
    assert_eq!(response.status, StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(response.headers.min_expires(), Ok(Some(60)));
    let long = register("100", "a", 9, &["<sip:x@10.0.0.2>;expires=999999"]);
    let response = accepted(&mut rig, &long);
    let expires = contacts(&response).first().and_then(NameAddr::expires);
    assert_eq!(expires, Some(3600));
}

/// RFC 3261 §10.2.2: a star wants Expires 0, alone.
#[test]
fn a_star_takes_all_contacts_away_only_with_expires_zero() {
    let mut rig = Rig::new();
    accepted(
        &mut rig,
        &register("100", "a", 1, &["<sip:x@10.0.0.2>", "<sip:y@10.0.0.2>"]),
    );
    let mut check = |cseq, contacts: &[&str], expires: Option<&str>, expected| {
        let mut request = register("100", "a", cseq, contacts);
        if let Some(expires) = expires {
            request.headers.push(HeaderName::Expires, expires);
        }
        let response = rig.ask_as(PHONE, "100", PASSWORD, &request);
        assert_eq!(response.status, expected, "{contacts:?} {expires:?}");
        response
    };
    check(10, &["*"], None, StatusCode::BAD_REQUEST);
    check(12, &["*"], Some("60"), StatusCode::BAD_REQUEST);
    check(
        14,
        &["*", "<sip:x@10.0.0.2>"],
        Some("0"),
        StatusCode::BAD_REQUEST,
    );
    assert_eq!(texts(&check(16, &[], None, StatusCode::OK)).len(), 2);
    assert!(texts(&check(18, &["*"], Some("0"), StatusCode::OK)).is_empty());
}

/// pbx trap 7: one bad contact spoils nothing, and one that goes leaves the others.
#[test]
fn a_contact_that_cannot_be_read_costs_no_other() {
    let mut rig = Rig::new();
    let both = register(
        "100",
        "a",
        1,
        &["<sip:x@10.0.0.2>", "\"<sip:broken", "<sip:y@10.0.0.2>"],
    );
    assert_eq!(texts(&accepted(&mut rig, &both)).len(), 2);
    let gone = register("100", "a", 9, &["<sip:x@10.0.0.2>;expires=0"]);
    assert_eq!(texts(&accepted(&mut rig, &gone)), ["<sip:y@10.0.0.2>"]);
}

/// RFC 3261 §10.3 step 7: an old request that comes late changes nothing.
#[test]
fn a_request_out_of_order_is_refused() {
    let mut rig = Rig::new();
    accepted(&mut rig, &register("100", "a", 50, &["<sip:x@10.0.0.2>"]));
    let old = register("100", "a", 40, &["<sip:x@10.0.0.2>;expires=0"]);
    let response = rig.ask_as(PHONE, "100", PASSWORD, &old);
    assert_eq!(response.status, StatusCode::SERVER_INTERNAL_ERROR);
    let list = accepted(&mut rig, &register("100", "b", 1, &[]));
    assert_eq!(texts(&list).len(), 1);
}

#[test]
fn an_extension_has_as_many_phones_as_its_settings_say() {
    let mut rig = Rig::with_site(site(|raw| {
        for extension in &mut raw.extensions {
            extension.settings.contacts_max = 2;
        }
    }));
    for (at, call_id) in ["a", "b", "c"].iter().enumerate() {
        let contact = format!("<sip:x@10.0.0.2:{}>", 6000 + at);
        accepted(&mut rig, &register("100", call_id, 1, &[&contact]));
    }
    let list = accepted(&mut rig, &register("100", "d", 1, &[]));
    assert_eq!(
        texts(&list),
        ["<sip:x@10.0.0.2:6001>", "<sip:x@10.0.0.2:6002>"]
    );
}

/// RFC 5626 §6 and §4.4.
#[test]
fn flows_of_one_phone_stand_side_by_side_and_the_answer_says_so() {
    let mut rig = Rig::new();
    let response = accepted(&mut rig, &outbound("a", 1));
    assert!(response.headers.requires("outbound"));
    assert_eq!(response.headers.flow_timer(), Ok(Some(120)));
    assert_eq!(texts(&accepted(&mut rig, &outbound("b", 2))).len(), 2);
    // The same flow again, under a new Call-ID, takes its own place.
    assert_eq!(texts(&accepted(&mut rig, &outbound("c", 2))).len(), 2);
    let phones = rig.node.core().registrar.phones("100");
    assert_eq!(
        phones.len(),
        1,
        "one phone: a call must not fork to its flows"
    );
    let ways: Vec<_> = phones.iter().flatten().map(|way| way.reg_id).collect();
    assert_eq!(ways, [Some(2), Some(1)], "the latest first");
}

/// RFC 5626 §6: without the option tag `reg-id` means nothing.
#[test]
fn a_flow_number_counts_only_with_outbound_and_an_instance() {
    let mut rig = Rig::new();
    let contact = format!("<sip:100@10.0.0.2>;{URN};reg-id=1");
    let response = accepted(&mut rig, &register("100", "a", 1, &[&contact]));
    assert!(!response.headers.requires("outbound"));
    let bare = with(
        register("100", "b", 1, &["<sip:100@10.0.0.2>;reg-id=1"]),
        &[(HeaderName::Supported, "outbound")],
    );
    assert!(!accepted(&mut rig, &bare).headers.requires("outbound"));
    let phones = rig.node.core().registrar.phones("100");
    assert!(phones.iter().flatten().all(|way| way.reg_id.is_none()));
}

/// RFC 5626 §4.2.1: one flow is one registration.
#[test]
fn two_flows_in_one_request_are_refused() {
    let mut rig = Rig::new();
    let mut request = outbound("a", 1);
    let second = format!("<sip:100@10.0.0.2;ob>;{URN};reg-id=2");
    request.headers.push(HeaderName::Contact, second);
    let response = rig.ask_as(PHONE, "100", PASSWORD, &request);
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
}

/// RFC 3327 §5.3, RFC 5626 §6.
#[test]
fn a_path_is_kept_given_back_and_must_keep_flows_for_outbound() {
    let mut rig = Rig::new();
    let through = |path: &str| {
        let via = "SIP/2.0/UDP 192.168.9.9;branch=z9hG4bKphone";
        let fields = [(HeaderName::Via, via), (HeaderName::Path, path)];
        with(outbound(&path.len().to_string(), 1), &fields)
    };
    let response = rig.ask_as(PHONE, "100", PASSWORD, &through("<sip:edge.example;lr>"));
    assert_eq!(response.status.code(), 439);
    let path = "<sip:border.example;lr>, <sip:token@edge.example;lr;ob>";
    let response = accepted(&mut rig, &through(path));
    assert!(response.headers.requires("outbound"));
    assert_eq!(response.headers.text(&HeaderName::Path), Some(path));
    let bindings = rig.node.core().registrar.bindings("100");
    let route: Vec<_> = bindings
        .iter()
        .flat_map(|it| &it.path)
        .map(ToString::to_string)
        .collect();
    assert_eq!(route.join(", "), path);
}

/// pbx trap 30, RFC 3261 §8.2.2.3.
#[test]
fn an_unknown_requirement_is_named() {
    let mut rig = Rig::new();
    let request = with(
        register("100", "a", 1, &[]),
        &[(HeaderName::Require, "path, gruu")],
    );
    let response = rig.ask_as(PHONE, "100", PASSWORD, &request);
    assert_eq!(response.status, StatusCode::BAD_EXTENSION);
    assert_eq!(
        response.headers.text(&HeaderName::Unsupported),
        Some("gruu")
    );
}

/// pbx trap 7: restart-safe, with instance, flow, path and parameters.
#[test]
fn a_restart_forgets_nothing_about_a_contact() {
    let mut rig = Rig::new();
    let path = (HeaderName::Path, "<sip:edge.example;lr;ob>");
    accepted(
        &mut rig,
        &with(outbound("a", 2), std::slice::from_ref(&path)),
    );
    accepted(
        &mut rig,
        &register("100", "b", 1, &["<sip:y@10.0.0.3>;q=0.1"]),
    );
    let kept = rig.kept();
    let before = accepted(&mut rig, &register("100", "z", 1, &[]));
    let mut next = Rig::new();
    next.handle(Input::StoredRegistrations(kept));
    let after = accepted(&mut next, &register("100", "z", 1, &[]));
    assert_eq!(texts(&after), texts(&before));
    let facts = |rig: &Rig| -> Vec<_> {
        let bindings = rig.node.core().registrar.bindings("100");
        bindings
            .iter()
            .map(|it| (it.instance.clone(), it.reg_id, it.path.len(), it.flow))
            .collect()
    };
    assert_eq!(facts(&next), facts(&rig));
}

/// A connection that outlived the process is the phone's way again, and needs no new proof.
#[test]
fn a_connection_that_survives_a_restart_keeps_its_contacts() {
    let mut rig = Rig::new();
    let (stream, remote) = (77, "10.0.0.2:40000");
    rig.open(stream, remote);
    let request = register("100", "a", 1, &["<sip:x@192.168.7.7:41000;transport=tcp>"]);
    let challenged = rig.ask_on(stream, remote, &request);
    let request = answered(&challenged, "100", PASSWORD, &request);
    assert_eq!(rig.ask_on(stream, remote, &request).status, StatusCode::OK);
    let kept = rig.kept();

    let mut next = Rig::new();
    next.open(stream, remote);
    next.handle(Input::StoredRegistrations(kept.clone()));
    next.pass(Duration::from_secs(40));
    let bindings = next.node.core().registrar.bindings("100");
    let streams: Vec<_> = bindings.iter().map(|it| it.flow.stream).collect();
    assert_eq!(streams, [Some(stream)]);
    assert!(!next.outputs.contains(&Output::CloseStream(stream)));

    // Behind a router nothing can be connected to: the phone has to come again by itself.
    let mut without = Rig::new();
    without.handle(Input::StoredRegistrations(kept));
    assert!(without.node.core().registrar.bindings("100").is_empty());
}

/// A phone with a lost connection that listens where it said is connected to, once.
#[test]
fn a_contact_outlives_its_connection_when_the_phone_can_be_connected_to() {
    let mut rig = Rig::new();
    let (stream, remote) = (5, "10.0.0.2:40000");
    rig.open(stream, remote);
    let request = register("100", "a", 1, &["<sip:x@10.0.0.2:5070;transport=tcp>"]);
    let challenged = rig.ask_on(stream, remote, &request);
    let request = answered(&challenged, "100", PASSWORD, &request);
    assert_eq!(rig.ask_on(stream, remote, &request).status, StatusCode::OK);
    rig.handle(Input::StreamClosed { stream });
    let way = rig.node.core().registrar.bindings("100").first().cloned();
    let way = way.expect("the contact stays");
    let flow = rig.node.core_mut().reach(&way);
    assert_eq!(
        flow.remote,
        "10.0.0.2:5070".parse::<SocketAddr>().expect("an address")
    );
    assert_eq!(
        rig.node.core_mut().reach(&way),
        flow,
        "one connection serves both"
    );
    rig.handle(Input::Timer);
    let connects: Vec<_> = rig
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Connect { stream, hop, .. } => Some((*stream, hop.remote)),
            _ => None,
        })
        .collect();
    assert_eq!(
        connects,
        [(flow.stream.expect("a connection"), flow.remote)]
    );
    // What the phone answers on it is read like anything else.
    let stream = flow.stream.expect("a connection");
    let options = crate::scripted::request(sip::Method::Options, "100", "o", 1);
    assert_eq!(
        rig.ask_on(stream, "10.0.0.2:5070", &options).status,
        StatusCode::OK
    );
    rig.handle(Input::StreamClosed { stream });
    assert_ne!(
        rig.node.core_mut().reach(&way),
        flow,
        "a failed connection is not used again"
    );
}

/// An extension that is narrowed loses the contacts it may not have any more.
#[test]
fn a_new_configuration_takes_contacts_from_where_the_extension_may_not_be() {
    let mut rig = Rig::new();
    let request = register("101", "a", 1, &["<sip:x@203.0.113.9>"]);
    let outside = "203.0.113.9:5060";
    assert_eq!(
        rig.ask_as(outside, "101", PASSWORD, &request).status,
        StatusCode::OK
    );
    assert_eq!(rig.node.core().registrar.bindings("101").len(), 1);
    let narrowed = site(|raw| {
        for extension in &mut raw.extensions {
            extension.remote = false;
        }
    });
    rig.handle(Input::Config(2, std::sync::Arc::new(narrowed)));
    assert!(rig.node.core().registrar.bindings("101").is_empty());
}

/// pbx trap 32: a step of the wall clock expires nobody.
#[test]
fn the_wall_clock_may_jump() {
    let mut rig = Rig::new();
    accepted(&mut rig, &register("100", "a", 1, &["<sip:x@10.0.0.2>"]));
    rig.handle(Input::WallClock(sansio::UnixTime::from_millis(
        4_000_000_000_000,
    )));
    rig.handle(Input::Timer);
    assert_eq!(rig.node.core().registrar.bindings("100").len(), 1);
    rig.pass(Duration::from_secs(3601));
    assert!(rig.node.core().registrar.bindings("100").is_empty());
    assert!(rig.node.deadline().is_none_or(|due| due > rig.now));
}

/// pbx trap 22: keep-alives on datagrams.
#[test]
fn blanks_and_stray_zeros_are_keep_alives() {
    let mut rig = Rig::new();
    rig.events.clear();
    for bytes in [&b"\r\n\r\n"[..], b"", b"\0", b"\0\0\0\0"] {
        rig.datagram(PHONE, bytes.to_vec());
    }
    assert_eq!((rig.events.len(), rig.take_messages().len()), (0, 0));
}
