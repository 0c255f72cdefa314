use std::time::Duration;

use sansio::{Instant, Node, Rng, Transport};

use super::machine::ANSWER_KEPT_MAX;
use super::table::TRANSACTIONS_MAX;
use super::timers::{GIVE_UP, TRYING_AFTER};
use super::{Flow, Input, Layer, Output, ServerId};
use crate::fault::{FaultKind, HeaderFault};
use crate::header_name::HeaderName;
use crate::message::{Message, Request, Response};
use crate::parse::parse_datagram;
use crate::status::StatusCode;

const NOW: Instant = Instant::ORIGIN;

fn layer() -> Layer {
    Layer::new(Rng::from_seed(1))
}

fn udp() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: "198.51.100.7:40001".parse().expect("an address"),
        stream: None,
    }
}

fn tcp(stream: u64) -> Flow {
    Flow {
        transport: Transport::Tcp,
        stream: Some(stream),
        ..udp()
    }
}

/// A request from behind a NAT, with this Via parameter text.
fn text(method: &str, via: &str, call_id: &str, to_tag: &str) -> String {
    format!(
        "{method} sip:101@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.2:5060{via}\r\n\
         From: <sip:100@192.0.2.1>;tag=f\r\nTo: <sip:101@192.0.2.1>{to_tag}\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn receive(layer: &mut Layer, now: Instant, flow: Flow, text: &str) -> Vec<Output> {
    let input = match parse_datagram(text.as_bytes()) {
        Ok(message) => Input::Message { flow, message },
        Err(fault) => Input::Fault { flow, fault },
    };
    layer.handle(now, input);
    drain(layer)
}

fn drain(layer: &mut Layer) -> Vec<Output> {
    std::iter::from_fn(|| layer.poll()).collect()
}

/// The one request handed up.
fn handed_up(outputs: &[Output]) -> (ServerId, Request) {
    match outputs {
        [Output::Request { id, request, .. }] => (*id, request.clone()),
        other => panic!("no request: {other:?}"),
    }
}

/// The one response sent.
fn sent(outputs: &[Output]) -> Response {
    match outputs {
        [Output::Transmit { bytes, .. }] => match parse_datagram(bytes) {
            Ok(Message::Response(response)) => response,
            other => panic!("no response: {other:?}"),
        },
        other => panic!("not one message: {other:?}"),
    }
}

fn respond(layer: &mut Layer, id: ServerId, request: &Request, code: u16) -> Vec<Output> {
    let status = StatusCode::new(code).expect("in range");
    assert!(layer.respond(
        NOW,
        id,
        &Response::to_request(request, status, Some("ours"))
    ));
    drain(layer)
}

const VIA: &str = ";branch=z9hG4bKabc;rport";

#[test]
fn an_answer_goes_to_where_the_request_came_from() {
    let mut layer = layer();
    let outputs = receive(&mut layer, NOW, udp(), &text("OPTIONS", VIA, "c", ""));
    let (id, request) = handed_up(&outputs);
    let via = request.headers.via().expect("Via");
    assert_eq!(via.received(), Some(udp().remote.ip()));
    assert_eq!(via.rport(), Some(Some(40001)));
    let outputs = respond(&mut layer, id, &request, 200);
    assert!(matches!(&*outputs, [Output::Transmit { flow, .. }] if *flow == udp()));
    assert_eq!(sent(&outputs).headers.via(), Ok(via));
}

#[test]
fn without_rport_only_received_is_noted() {
    let mut layer = layer();
    let told_lies = ";branch=z9hG4bKabc;received=10.9.9.9";
    let outputs = receive(&mut layer, NOW, udp(), &text("OPTIONS", told_lies, "c", ""));
    let via = handed_up(&outputs).1.headers.via().expect("Via");
    assert_eq!(via.received(), Some(udp().remote.ip()));
    assert_eq!(via.rport(), None);
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_is_not_handed_up() {
    let mut layer = layer();
    let text = text("REGISTER", VIA, "c", "");
    let (id, request) = handed_up(&receive(&mut layer, NOW, udp(), &text));
    assert_eq!(receive(&mut layer, NOW, udp(), &text), []);
    let first = respond(&mut layer, id, &request, 401);
    assert_eq!(receive(&mut layer, NOW, udp(), &text), first);
    assert_eq!(layer.counters().requests_absorbed, 2);
    let late = NOW + GIVE_UP;
    assert_eq!(layer.deadline(), Some(late));
    layer.handle(late, Input::Timer);
    assert!(layer.is_empty());
    handed_up(&receive(&mut layer, late, udp(), &text));
}

#[test]
fn a_request_has_one_final_answer() {
    let mut layer = layer();
    for method in ["REGISTER", "INVITE"] {
        let outputs = receive(&mut layer, NOW, udp(), &text(method, VIA, "c", ""));
        let (id, request) = handed_up(&outputs);
        respond(&mut layer, id, &request, 486);
        let again = Response::to_request(&request, StatusCode::OK, Some("ours"));
        assert!(!layer.respond(NOW, id, &again));
        assert_eq!(drain(&mut layer), []);
    }
}

#[test]
fn the_same_branch_from_another_sender_is_another_request() {
    let mut layer = layer();
    let one = text("REGISTER", VIA, "c", "");
    let two = one.replace("192.168.1.2:5060", "192.168.1.3:5060");
    handed_up(&receive(&mut layer, NOW, udp(), &one));
    handed_up(&receive(&mut layer, NOW, udp(), &two));
    assert_eq!(layer.len(), 2);
}

#[test]
fn a_slow_user_has_100_said_for_it() {
    let mut layer = layer();
    let text = text("INVITE", VIA, "c", "");
    let (id, request) = handed_up(&receive(&mut layer, NOW, udp(), &text));
    assert_eq!(layer.deadline(), Some(NOW + TRYING_AFTER));
    layer.handle(NOW + TRYING_AFTER, Input::Timer);
    let outputs = drain(&mut layer);
    let trying = sent(&outputs);
    assert_eq!(trying.status, StatusCode::TRYING);
    assert_eq!(trying.headers.to().expect("To").tag(), None);
    assert_eq!(receive(&mut layer, NOW, udp(), &text), outputs);
    let ringing = respond(&mut layer, id, &request, 180);
    assert_eq!(receive(&mut layer, NOW, udp(), &text), ringing);
}

#[test]
fn a_2xx_is_repeated_by_its_user_and_not_for_the_invite() {
    let mut layer = layer();
    let text = text("INVITE", VIA, "c", "");
    let (id, request) = handed_up(&receive(&mut layer, NOW, udp(), &text));
    let accepted = respond(&mut layer, id, &request, 200);
    assert_eq!(receive(&mut layer, NOW, udp(), &text), []);
    assert_eq!(respond(&mut layer, id, &request, 200), accepted);
    assert_eq!(layer.deadline(), Some(NOW + GIVE_UP));
    layer.handle(NOW + GIVE_UP, Input::Timer);
    assert_eq!(drain(&mut layer), []);
    let late = Response::to_request(&request, StatusCode::OK, Some("ours"));
    assert!(!layer.respond(NOW, id, &late));
}

#[test]
fn a_refusal_never_acknowledged_is_reported() {
    let mut layer = layer();
    let outputs = receive(&mut layer, NOW, udp(), &text("INVITE", VIA, "c", ""));
    let (id, request) = handed_up(&outputs);
    respond(&mut layer, id, &request, 180);
    respond(&mut layer, id, &request, 403);
    let mut repeated = 0;
    loop {
        let at = layer.deadline().expect("a timer");
        layer.handle(at, Input::Timer);
        match &*drain(&mut layer) {
            [Output::Transmit { .. }] => repeated += 1,
            [Output::AckMissing { id: missing }] => {
                assert_eq!(*missing, id);
                assert_eq!(at, NOW + GIVE_UP);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    // 0.5, 1.5, 3.5 s, then every 4 s.
    assert_eq!(repeated, 10);
    assert!(layer.is_empty());
}

/// A stranger with a false source address must not make us repeat our refusal to its owner.
#[test]
fn a_refusal_at_once_is_repeated_for_the_invite_only() {
    let mut layer = layer();
    let text = text("INVITE", VIA, "c", "");
    let (id, request) = handed_up(&receive(&mut layer, NOW, udp(), &text));
    let refusal = respond(&mut layer, id, &request, 401);
    assert_eq!(receive(&mut layer, NOW, udp(), &text), refusal);
    assert_eq!(layer.deadline(), Some(NOW + GIVE_UP));
    layer.handle(NOW + GIVE_UP, Input::Timer);
    assert_eq!(drain(&mut layer), [Output::AckMissing { id }]);
}

#[test]
fn a_cancel_is_answered_200_and_heard_once() {
    let mut layer = layer();
    let outputs = receive(&mut layer, NOW, udp(), &text("INVITE", VIA, "c", ""));
    let (id, request) = handed_up(&outputs);
    respond(&mut layer, id, &request, 180);
    let cancel = text("CANCEL", VIA, "c", "");
    let outputs = receive(&mut layer, NOW, udp(), &cancel);
    let [
        answer @ Output::Transmit { .. },
        Output::Cancelled { id: cancelled, .. },
    ] = &*outputs
    else {
        panic!("{outputs:?}")
    };
    assert_eq!(*cancelled, id);
    let ok = sent(std::slice::from_ref(answer));
    assert_eq!(ok.status, StatusCode::OK);
    assert_eq!(ok.headers.to().expect("To").tag(), Some("ours"));
    // A repeated CANCEL has the cached answer, not 481 (a field bug of another server).
    assert_eq!(
        receive(&mut layer, NOW, udp(), &cancel),
        std::slice::from_ref(answer)
    );
    respond(&mut layer, id, &request, 487);
    assert_eq!(
        receive(&mut layer, NOW, udp(), &cancel),
        std::slice::from_ref(answer)
    );
}

#[test]
fn a_cancel_that_comes_too_late_changes_nothing() {
    let mut layer = layer();
    let outputs = receive(&mut layer, NOW, udp(), &text("INVITE", VIA, "c", ""));
    let (id, request) = handed_up(&outputs);
    respond(&mut layer, id, &request, 200);
    let outputs = receive(&mut layer, NOW, udp(), &text("CANCEL", VIA, "c", ""));
    assert_eq!(sent(&outputs).status, StatusCode::OK);
}

#[test]
fn a_cancel_of_nothing_is_answered_481() {
    let mut layer = layer();
    let outputs = receive(&mut layer, NOW, udp(), &text("CANCEL", VIA, "c", ""));
    let answer = sent(&outputs);
    assert_eq!(answer.status, StatusCode::CALL_DOES_NOT_EXIST);
    assert!(answer.headers.to().expect("To").tag().is_some());
}

#[test]
fn an_ack_for_a_refusal_is_taken_and_one_for_a_2xx_handed_up() {
    let mut layer = layer();
    let outputs = receive(&mut layer, NOW, udp(), &text("INVITE", VIA, "c", ""));
    let (id, request) = handed_up(&outputs);
    let early = receive(&mut layer, NOW, udp(), &text("ACK", VIA, "c", ";tag=ours"));
    assert_eq!(early, []);
    assert_eq!(layer.counters().acks_stray, 1);
    respond(&mut layer, id, &request, 486);
    for _ in 0..2 {
        let ack = receive(&mut layer, NOW, udp(), &text("ACK", VIA, "c", ";tag=ours"));
        assert_eq!(ack, []);
    }
    let own_branch = text("ACK", ";branch=z9hG4bKother", "c", ";tag=ours");
    let outputs = receive(&mut layer, NOW, udp(), &own_branch);
    assert!(matches!(&*outputs, [Output::Ack { .. }]));
}

/// RFC 3261 §17.2.3, last part.
#[test]
fn a_peer_of_rfc_2543_is_matched_without_a_branch() {
    let mut layer = layer();
    let invite = text("INVITE", "", "c", "");
    let (id, request) = handed_up(&receive(&mut layer, NOW, udp(), &invite));
    let busy = respond(&mut layer, id, &request, 486);
    assert_eq!(receive(&mut layer, NOW, udp(), &invite), busy);
    assert_eq!(
        receive(&mut layer, NOW, udp(), &text("ACK", "", "c", ";tag=ours")),
        []
    );
    handed_up(&receive(
        &mut layer,
        NOW,
        udp(),
        &text("INVITE", "", "another", ""),
    ));
}

/// RFC 4475 §3.2.1 (badbranch).
#[test]
fn the_bare_cookie_is_no_branch() {
    let mut layer = layer();
    let bare = |call_id| text("OPTIONS", ";branch=z9hG4bK", call_id, "");
    handed_up(&receive(&mut layer, NOW, udp(), &bare("one")));
    assert_eq!(receive(&mut layer, NOW, udp(), &bare("one")), []);
    handed_up(&receive(&mut layer, NOW, udp(), &bare("two")));
}

/// RFC 4475 §3.3.10 (bcast).
#[test]
fn a_response_to_somebody_else_is_dropped() {
    let mut layer = layer();
    let stray = text("OPTIONS", VIA, "c", ";tag=x")
        .replace("OPTIONS sip:101@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK");
    assert_eq!(receive(&mut layer, NOW, udp(), &stray), []);
    assert_eq!(layer.counters().responses_stray, 1);
}

#[test]
fn a_faulty_request_is_answered_and_reported() {
    let mut layer = layer();
    let faulty = text("OPTIONS", VIA, "c", "").replace("Max-Forwards: 70", "Max-Forwards: many");
    let outputs = receive(&mut layer, NOW, udp(), &faulty);
    let [answer @ Output::Transmit { .. }, Output::Fault { kind, .. }] = &*outputs else {
        panic!("{outputs:?}")
    };
    assert_eq!(
        sent(std::slice::from_ref(answer)).status,
        StatusCode::BAD_REQUEST
    );
    let fault = HeaderFault::Malformed(HeaderName::MaxForwards);
    assert_eq!(*kind, FaultKind::Header(fault));
    let outputs = receive(&mut layer, NOW, udp(), "noise");
    assert!(matches!(
        &*outputs,
        [Output::Fault {
            kind: FaultKind::Garbage,
            ..
        }]
    ));
    assert_eq!(layer.counters().faults, 2);
    assert_eq!(receive(&mut layer, NOW, udp(), "\r\n\r\n"), []);
    assert_eq!(layer.counters().keep_alives, 1);
    assert!(layer.is_empty());
}

#[test]
fn a_closed_connection_ends_what_went_over_it() {
    let mut layer = layer();
    let outputs = receive(&mut layer, NOW, tcp(1), &text("INVITE", VIA, "c", ""));
    let (server, request) = handed_up(&outputs);
    handed_up(&receive(
        &mut layer,
        NOW,
        tcp(2),
        &text("OPTIONS", VIA, "c", ""),
    ));
    let client = layer.send_request(NOW, tcp(1), request).expect("room");
    drain(&mut layer);
    layer.handle(NOW, Input::FlowFailed(tcp(1)));
    assert_eq!(
        drain(&mut layer),
        [
            Output::ServerFlowFailed { id: server },
            Output::ClientFlowFailed { id: client }
        ]
    );
    assert_eq!(layer.len(), 1);
}

#[test]
fn a_full_layer_forgets_what_is_answered_before_it_refuses() {
    let mut layer = layer();
    let branch = |number: usize| format!(";branch=z9hG4bK{number};rport");
    for number in 0..TRANSACTIONS_MAX {
        let method = if number == 0 { "REGISTER" } else { "INVITE" };
        let outputs = receive(
            &mut layer,
            NOW,
            udp(),
            &text(method, &branch(number), "c", ""),
        );
        let (id, request) = handed_up(&outputs);
        if number < 2 {
            respond(&mut layer, id, &request, 401);
        }
    }
    for number in TRANSACTIONS_MAX..TRANSACTIONS_MAX + 2 {
        let next = text("OPTIONS", &branch(number), "c", "");
        handed_up(&receive(&mut layer, NOW, udp(), &next));
    }
    assert_eq!(layer.counters().forgotten, 2);
    let more = text("OPTIONS", &branch(TRANSACTIONS_MAX + 2), "c", "");
    let refused = sent(&receive(&mut layer, NOW, udp(), &more));
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers.text(&HeaderName::RetryAfter), Some("5"));
    assert_eq!(layer.counters().refused, 1);
    assert_eq!(layer.len(), TRANSACTIONS_MAX);
}

/// A stranger who pads his requests must not fill the memory with what we would say again.
#[test]
fn an_answer_too_long_to_keep_is_said_and_forgotten() {
    let mut layer = layer();
    let padded = format!("{VIA};x={}", "y".repeat(ANSWER_KEPT_MAX));
    for method in ["OPTIONS", "INVITE"] {
        let outputs = receive(&mut layer, NOW, udp(), &text(method, &padded, "c", ""));
        let (id, request) = handed_up(&outputs);
        assert_eq!(
            sent(&respond(&mut layer, id, &request, 401)).status.code(),
            401
        );
        assert!(layer.is_empty(), "{method}");
    }
}

#[test]
fn a_long_identity_is_kept_short_and_still_recognised() {
    let mut layer = layer();
    let long = |end: &str| {
        text(
            "OPTIONS",
            &format!(";branch={}{end}", "x".repeat(9000)),
            "c",
            "",
        )
    };
    handed_up(&receive(&mut layer, NOW, udp(), &long("1")));
    assert_eq!(receive(&mut layer, NOW, udp(), &long("1")), []);
    handed_up(&receive(&mut layer, NOW, udp(), &long("2")));
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    let mut layer = layer();
    let outputs = receive(&mut layer, NOW, udp(), &text("INVITE", VIA, "c", ""));
    let mut invite = handed_up(&outputs).1;
    invite.headers.remove(&HeaderName::Via);
    let id = layer.send_request(NOW, udp(), invite).expect("room");
    let [Output::Transmit { bytes, .. }] = &*drain(&mut layer) else {
        panic!("an INVITE")
    };
    let Ok(Message::Request(invite)) = parse_datagram(bytes) else {
        panic!("an INVITE")
    };
    layer.cancel(
        NOW,
        id,
        Some("SIP;cause=200;text=\"Call completed elsewhere\""),
    );
    layer.cancel(NOW, id, None);
    assert_eq!(drain(&mut layer), []);
    let mut hear = |code| {
        let status = StatusCode::new(code).expect("in range");
        let message = Message::Response(Response::to_request(&invite, status, Some("theirs")));
        layer.handle(
            NOW + Duration::from_secs(1),
            Input::Message {
                flow: udp(),
                message,
            },
        );
        drain(&mut layer)
    };
    let outputs = hear(180);
    let [Output::Response { .. }, Output::Transmit { bytes, .. }] = &*outputs else {
        panic!("{outputs:?}")
    };
    let Ok(Message::Request(cancel)) = parse_datagram(bytes) else {
        panic!("a CANCEL")
    };
    assert_eq!(cancel.headers.via(), invite.headers.via());
    assert_eq!(
        cancel.headers.cseq().expect("CSeq").method.as_str(),
        "CANCEL"
    );
    assert_eq!(cancel.headers.to().expect("To").tag(), None);
    let reason = cancel.headers.text(&HeaderName::Reason).expect("Reason");
    assert!(reason.contains("elsewhere"));
    assert!(matches!(&*hear(183), [Output::Response { .. }]));
}

/// An INVITE of ours as sent, and the layer that sent it.
fn invited(layer: &mut Layer, flow: Flow) -> (super::ClientId, Request) {
    let text = text("INVITE", ";branch=z9hG4bK-peer", "c1", "");
    let Ok(Message::Request(mut invite)) = parse_datagram(text.as_bytes()) else {
        panic!("an INVITE");
    };
    invite.headers.remove(&HeaderName::Via);
    let id = layer.send_request(NOW, flow, invite).expect("room");
    drain(layer);
    (id, layer.unanswered_invite(id).expect("no answer yet"))
}

#[test]
fn an_invite_of_an_earlier_process_is_cancelled_on_its_own_branch() {
    let mut before = layer();
    let (_, invite) = invited(&mut before, udp());
    let kept = invite.to_bytes();
    let Ok(Message::Request(kept)) = parse_datagram(&kept) else {
        panic!("it can be read again");
    };
    let mut layer = Layer::new(Rng::from_seed(2));
    let id = layer.resume_client(NOW, udp(), kept).expect("room");
    assert_eq!(drain(&mut layer), [], "it is not sent again");
    layer.cancel(NOW, id, None);
    let outputs = drain(&mut layer);
    let [Output::Transmit { bytes, .. }] = outputs.as_slice() else {
        panic!("one CANCEL: {outputs:?}");
    };
    let Ok(Message::Request(cancel)) = parse_datagram(bytes) else {
        panic!("a request");
    };
    assert_eq!(cancel.method, crate::Method::Cancel);
    let via = |request: &Request| request.headers.first(&HeaderName::Via).map(<[u8]>::to_vec);
    assert_eq!(via(&cancel), via(&invite));
    // Its final answer is acknowledged and reported (RFC 3261 §17.1.1.3).
    let status = StatusCode::REQUEST_TERMINATED;
    let terminated = Response::to_request(&invite, status, Some("t"));
    layer.handle(
        NOW,
        Input::Message {
            flow: udp(),
            message: Message::Response(terminated),
        },
    );
    let outputs = drain(&mut layer);
    assert!(
        matches!(
            outputs.as_slice(),
            [Output::Transmit { .. }, Output::Response { .. }]
        ),
        "{outputs:?}"
    );
    assert_eq!(layer.unanswered_invite(id), None);
}

#[test]
fn an_invite_to_an_earlier_process_is_answered_and_its_repetition_absorbed() {
    let text = text("INVITE", ";branch=z9hG4bK-peer", "c1", "");
    let mut before = layer();
    let (_, request) = handed_up(&receive(&mut before, NOW, udp(), &text));
    for (accepted, code) in [(false, 480), (true, 200)] {
        let mut layer = Layer::new(Rng::from_seed(2));
        let kept = super::sketch(&request);
        let id = layer.resume_server(NOW, udp(), &kept, accepted);
        let id = id.expect("room");
        let again = receive(&mut layer, NOW, udp(), &text);
        let is_new = again
            .iter()
            .any(|one| matches!(one, Output::Request { .. }));
        assert!(!is_new, "{again:?}");
        let answer = sent(&respond(&mut layer, id, &request, code));
        assert_eq!(answer.status.code(), code);
    }
}

#[test]
fn a_2xx_to_an_invite_that_nobody_knows_is_handed_up_and_no_other_response() {
    let mut before = layer();
    let (_, invite) = invited(&mut before, udp());
    for (code, wanted) in [(180, 0), (200, 1), (486, 0)] {
        let mut layer = Layer::new(Rng::from_seed(2));
        let status = StatusCode::new(code).expect("in range");
        let response = Response::to_request(&invite, status, Some("t"));
        layer.handle(
            NOW,
            Input::Message {
                flow: udp(),
                message: Message::Response(response),
            },
        );
        let outputs = drain(&mut layer);
        assert_eq!(outputs.len(), wanted, "{code}: {outputs:?}");
    }
}
