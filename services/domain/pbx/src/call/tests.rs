//! Calls whose messages cross, over the wire.

use std::time::Duration;

use ipc::sound::{EndpointId, Reply, Request as Sound};
use ipc::store::Outcome;
use sansio::Transport;
use sip::{HeaderName, Message, Method, Request, Response, StatusCode};

use crate::interface::{Event, Input, Output};
use crate::scripted::{PASSWORD, Rig, answered, register, request};

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
    cancel.headers.push_first(HeaderName::Via, via.to_vec());
    rig.datagram(CALLER, cancel.to_bytes());
    assert!(to_callee(&mut rig, &Method::Bye).is_some());
    assert_eq!(rig.node.status().calls.len(), 0);
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
