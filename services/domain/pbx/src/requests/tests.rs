//! Who may speak in somebody's dialog.

use ipc::sound::Request as Sound;
use sip::{HeaderName, Method, Request, StatusCode};

use crate::interface::Output;
use crate::scripted::{PASSWORD, Rig, answered, register, request};

const PHONE: &str = "10.0.0.2:5060";
const STRANGER: &str = "10.0.0.66:5060";
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8\r\n";

/// 100 calls 102, whose phone rings; gives a request in 100's dialog, written by whoever knows its
/// tags, as everybody does who watches 100.
fn calling(rig: &mut Rig) -> impl Fn(Method, u32) -> Request + use<> {
    let contact = ["<sip:102@10.0.0.3:5060>"];
    let registered = rig.ask_as(
        "10.0.0.3:5060",
        "102",
        PASSWORD,
        &register("102", "r", 1, &contact),
    );
    assert_eq!(registered.status, StatusCode::OK);
    let uri = sip::Uri::parse(b"sip:102@10.0.0.1").expect("a URI");
    let mut invite = request(Method::Invite, "100", "call", 1);
    invite.uri = uri;
    invite
        .headers
        .push(HeaderName::Contact, "<sip:100@10.0.0.2:5060>");
    let invite = invite.with_body("application/sdp", OFFER.as_bytes().to_vec());
    rig.outputs.clear();
    rig.ask_as(PHONE, "100", PASSWORD, &invite);
    let mut opened = rig.outputs.iter().filter_map(|output| match output {
        Output::Sound(Sound::Open { id, .. }) => Some(*id),
        _ => None,
    });
    let tag = format!("{:016x}", opened.next().expect("a leg's endpoint"));
    move |method, cseq| {
        let mut request = request(method, "100", "call", cseq);
        let to = request.headers.to().expect("To").with_tag(&tag);
        request.headers.set(HeaderName::To, to.to_string());
        request
    }
}

fn calls(rig: &Rig) -> usize {
    rig.node.status().calls.len()
}

/// RFC 4235 §4.1 gives a watcher what names a dialog; it must not do for ending or moving it.
#[test]
fn who_knows_the_tags_of_a_dialog_cannot_end_it_from_elsewhere() {
    let mut rig = Rig::new();
    let in_dialog = calling(&mut rig);
    let bye = in_dialog(Method::Bye, 10);
    let challenged = rig.ask(STRANGER, &bye);
    assert_eq!(challenged.status, StatusCode::UNAUTHORIZED);
    let other = answered(&challenged, "102", PASSWORD, &bye);
    assert_eq!(rig.ask(STRANGER, &other).status, StatusCode::FORBIDDEN);
    assert_eq!(calls(&rig), 1, "the call goes on");
    let same_host = rig.ask("10.0.0.2:5099", &in_dialog(Method::Update, 20));
    assert_eq!(same_host.status, StatusCode::UNAUTHORIZED, "behind one NAT");
    rig.ask(PHONE, &bye);
    assert_eq!(calls(&rig), 0);
}

#[test]
fn a_phone_that_has_moved_proves_who_it_is_and_goes_on() {
    let mut rig = Rig::new();
    let in_dialog = calling(&mut rig);
    let bye = in_dialog(Method::Bye, 10);
    rig.ask_as("10.0.0.9:5060", "100", PASSWORD, &bye);
    assert_eq!(calls(&rig), 0);
}

#[test]
fn a_registered_way_of_the_same_extension_needs_no_proof() {
    let mut rig = Rig::new();
    let in_dialog = calling(&mut rig);
    let elsewhere = "10.0.0.9:5060";
    let contact = ["<sip:100@10.0.0.9:5060>"];
    let registered = register("100", "r100", 1, &contact);
    rig.ask_as(elsewhere, "100", PASSWORD, &registered);
    rig.ask(elsewhere, &in_dialog(Method::Bye, 10));
    assert_eq!(calls(&rig), 0);
}
