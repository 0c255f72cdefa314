//! Calls whose messages cross, over the wire.

use std::sync::Arc;
use std::time::Duration;

use ipc::guard::Protection;
use ipc::sound::{EndpointId, Reply, Request as Sound};
use ipc::store::Outcome;
use sansio::Transport;
use sip::{HeaderName, Message, Method, Request, Response, StatusCode};

use crate::interface::{Event, Input, Output};
use crate::scripted::{PASSWORD, Rig, answered, register, request, site};

const CALLER: &str = "10.0.0.2:5060";
const CALLEE: &str = "10.0.0.3:5060";
const CONTACT: &str = "<sip:102@10.0.0.3:5060>";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8\r\n";

fn described(mut invite: Request) -> Request {
    let contact = "<sip:100@10.0.0.2:5060>";
    invite.headers.push(HeaderName::Contact, contact);
    invite.with_body("application/sdp", SDP.as_bytes().to_vec())
}

/// 100 calls 102, whose phone is rung while the caller's own endpoint is not open yet; gives both
/// INVITEs and that endpoint.
fn ringing(rig: &mut Rig) -> (Request, Request, EndpointId) {
    let contact = [CONTACT];
    rig.ask_as(CALLEE, "102", PASSWORD, &register("102", "r", 1, &contact));
    let mut invite = request(Method::Invite, "100", "call", 1);
    invite.uri = sip::Uri::parse(b"sip:102@10.0.0.1").expect("a URI");
    let invite = described(invite);
    let challenged = rig.ask(CALLER, &invite);
    let invite = answered(&challenged, "100", PASSWORD, &invite);
    let invite = rig.with_via(CALLER, Transport::Udp, &invite);
    rig.outputs.clear();
    rig.datagram(CALLER, invite.to_bytes());
    let asked = rig.outputs.iter().filter_map(|output| match output {
        Output::Sound(Sound::Open { id, .. }) => Some(*id),
        _ => None,
    });
    let asked: Vec<EndpointId> = asked.collect();
    let [caller, callee] = asked[..] else {
        panic!("an endpoint for each: {asked:?}");
    };
    opened(rig, callee);
    let rung = to_callee(rig, &Method::Invite).expect("an INVITE");
    (invite, rung, caller)
}

fn opened(rig: &mut Rig, endpoint: EndpointId) {
    let reply = Reply::Opened { port: 20_000 };
    rig.handle(Input::Sound { endpoint, reply });
}

/// The request of this method that was sent to the callee.
fn to_callee(rig: &mut Rig, method: &Method) -> Option<Request> {
    let sent = rig.take_messages().into_iter();
    sent.filter(|(remote, _)| *remote == CALLEE.parse().expect("an address"))
        .find_map(|(_, message)| match message {
            Message::Request(request) if request.method == *method => Some(request),
            Message::Request(_) | Message::Response(_) => None,
        })
}

/// The callee says this, with a description.
fn says(rig: &mut Rig, rung: &Request, status: StatusCode) {
    let response = Response::to_request(rung, status, Some("callee"))
        .with(HeaderName::Contact, CONTACT)
        .with_body("application/sdp", SDP.as_bytes().to_vec());
    rig.datagram(CALLEE, response.to_bytes());
}

/// RFC 3261 §9.1: a CANCEL may come until the final response goes out, and ours to the caller may
/// still wait for a port, or for a PRACK (RFC 3262 §3), when the callee has answered.
#[test]
fn a_cancel_before_our_200_hangs_up_whoever_has_answered() {
    let mut rig = Rig::new();
    let (invite, rung, _) = ringing(&mut rig);
    says(&mut rig, &rung, StatusCode::OK);
    assert!(to_callee(&mut rig, &Method::Ack).is_some());
    let mut cancel = request(Method::Cancel, "100", "call", 2);
    cancel.uri = invite.uri.clone();
    let via = invite.headers.first(&HeaderName::Via).expect("Via");
    cancel.headers.push_first(HeaderName::Via, via);
    rig.datagram(CALLER, cancel.to_bytes());
    assert!(to_callee(&mut rig, &Method::Bye).is_some());
    assert_eq!(rig.node.status().calls.len(), 0);
}

/// E9: whatever a browser or a program beside the phone does, nobody bans it while it speaks.
#[test]
fn who_is_in_an_answered_call_is_protected_until_it_ends() {
    let mut rig = Rig::new();
    let told = |rig: &Rig| {
        let told = rig.outputs.iter().filter_map(|it| match it {
            Output::Protect(guests) => {
                let calls = guests.iter().filter(|it| it.why == Protection::Call);
                Some(calls.map(|it| it.network.clone()).collect())
            }
            _ => None,
        });
        told.collect::<Vec<Vec<String>>>()
    };
    let (_, rung, caller) = ringing(&mut rig);
    opened(&mut rig, caller);
    assert_eq!(told(&rig), <[Vec<String>; 0]>::default(), "it only rings");
    says(&mut rig, &rung, StatusCode::OK);
    let both = vec!["10.0.0.2/32".to_owned(), "10.0.0.3/32".to_owned()];
    assert_eq!(told(&rig), std::slice::from_ref(&both));
    let tags = |name: HeaderName| rung.headers.first(&name).expect("there").to_owned();
    let mut bye = request(Method::Bye, "102", "call", 2);
    bye.headers
        .set(HeaderName::CallId, tags(HeaderName::CallId));
    let us = tags(HeaderName::From);
    bye.headers.set(HeaderName::To, us);
    let mut them = tags(HeaderName::To);
    them.extend_from_slice(b";tag=callee");
    bye.headers.set(HeaderName::From, them);
    let bye = rig.with_via(CALLEE, Transport::Udp, &bye);
    rig.datagram(CALLEE, bye.to_bytes());
    assert_eq!(rig.node.status().calls.len(), 0);
    rig.pass(Duration::from_secs(2));
    assert_eq!(
        told(&rig),
        [both, Vec::new()],
        "told when some time has passed"
    );
}

/// RFC 3960 §3.1: a carrier lets the ringing be heard by 183 and need not send 180.
#[test]
fn a_phone_that_only_sends_early_media_and_is_not_answered_gave_no_answer() {
    let mut rig = Rig::new();
    let (_, rung, caller) = ringing(&mut rig);
    opened(&mut rig, caller);
    says(&mut rig, &rung, StatusCode::SESSION_PROGRESS);
    rig.pass(Duration::from_secs(70));
    let ended = rig.events.iter().find_map(|event| match event {
        Event::CallEnded { outcome, .. } => Some(*outcome),
        _ => None,
    });
    assert_eq!(ended, Some(Outcome::NoAnswer));
}

/// RFC 3261 §16.6 step 3, pbx trap 11: a call that began anew at each box would circle for ever.
#[test]
fn a_call_has_one_hop_less_on_its_other_side() {
    let mut rig = Rig::new();
    let (invite, rung, _) = ringing(&mut rig);
    let hops = |request: &Request| request.headers.max_forwards().expect("legible");
    let left = hops(&rung).expect("there");
    assert_eq!(hops(&invite), Some(left + 1));
}

/// Both legs are told as one call before the second goes out, and nothing on the wire says so.
#[test]
fn whoever_traces_is_told_which_legs_are_one_call() {
    let mut rig = Rig::new();
    let (invite, rung, _) = ringing(&mut rig);
    let call_id = |request: &Request| request.headers.call_id().expect("there").to_owned();
    let legs = rig.events.iter().filter_map(|event| match event {
        Event::CallLeg { id, call_id } => Some((id.clone(), call_id.clone())),
        _ => None,
    });
    let legs: Vec<_> = legs.collect();
    let record = rig.node.status().calls[0].id.clone();
    let both = [&invite, &rung].map(|it| (record.clone(), call_id(it)));
    assert_eq!(legs, both);
    assert_ne!(both[0].1, both[1].1);
    let wire = String::from_utf8_lossy(&rung.to_bytes()).into_owned();
    assert!(
        !wire.contains(&record) && !wire.contains(&both[0].1),
        "{wire}"
    );
    let mut asked = rig.node.call_ids();
    asked.sort();
    let mut both = both.to_vec();
    both.sort();
    assert_eq!(asked, both, "also for who asks later");
}

/// A call from 100 to 102, whose phone on TLS was registered in an earlier process.
fn calling_who_lost_his_connection() -> Rig {
    let mut before = Rig::new();
    let by_tls = Input::StreamOpened {
        stream: 1,
        transport: Transport::Tls,
        remote: CALLEE.parse().expect("an address"),
        local: "10.0.0.1:5061".parse().expect("an address"),
    };
    before.handle(by_tls);
    let contact = ["<sip:102@10.0.0.3:5060;transport=tls>"];
    let registered = register("102", "r", 1, &contact);
    let challenged = before.ask_on(1, CALLEE, &registered);
    let registered = answered(&challenged, "102", PASSWORD, &registered);
    assert_eq!(before.ask_on(1, CALLEE, &registered).status, StatusCode::OK);
    let kept = before.kept();
    let mut rig = Rig::unconfigured();
    rig.handle(Input::StoredRegistrations(kept));
    rig.handle(Input::Config(1, Arc::new(site(|_| ()))));
    let mut invite = request(Method::Invite, "100", "call", 1);
    invite.uri = sip::Uri::parse(b"sip:102@10.0.0.1").expect("a URI");
    let invite = described(invite);
    let challenged = rig.ask(CALLER, &invite);
    let invite = answered(&challenged, "100", PASSWORD, &invite);
    let invite = rig.with_via(CALLER, Transport::Udp, &invite);
    rig.datagram(CALLER, invite.to_bytes());
    let caller = asked_for(&rig).expect("an endpoint for the caller");
    opened(&mut rig, caller);
    rig
}

/// The endpoint that `media` was asked for first.
fn asked_for(rig: &Rig) -> Option<EndpointId> {
    rig.outputs.iter().find_map(|output| match output {
        Output::Sound(Sound::Open { id, .. }) => Some(*id),
        _ => None,
    })
}

/// What the caller was told last.
fn told(rig: &mut Rig) -> Option<u16> {
    let messages = rig.take_messages().into_iter().rev();
    messages.into_iter().find_map(|(_, message)| match message {
        Message::Response(response) => Some(response.status.code()),
        Message::Request(_) => None,
    })
}

#[test]
fn a_call_waits_for_a_phone_on_tls_after_a_restart() {
    let mut rig = calling_who_lost_his_connection();
    rig.pass(Duration::from_secs(5));
    assert_eq!(told(&mut rig), Some(100), "nothing final yet");
    rig.outputs.clear();
    rig.open(9, CALLEE);
    let contact = ["<sip:102@10.0.0.3:5060;transport=tcp>"];
    let registered = register("102", "r", 3, &contact);
    let challenged = rig.ask_on(9, CALLEE, &registered);
    let registered = answered(&challenged, "102", PASSWORD, &registered);
    assert_eq!(rig.ask_on(9, CALLEE, &registered).status, StatusCode::OK);
    let callee = asked_for(&rig).expect("an endpoint for the callee");
    opened(&mut rig, callee);
    assert!(to_callee(&mut rig, &Method::Invite).is_some());
}

#[test]
fn a_phone_that_does_not_come_back_is_not_there() {
    let mut rig = calling_who_lost_his_connection();
    rig.pass(Duration::from_secs(19));
    assert_eq!(told(&mut rig), Some(100));
    rig.pass(Duration::from_secs(2));
    assert_eq!(told(&mut rig), Some(480));
    // Nor is it waited for again.
    assert_eq!(rig.node.status().calls.len(), 0);
}
