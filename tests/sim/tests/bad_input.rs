//! What peers get wrong, at the node's own door: each gets a clear answer or event, and a call
//! placed right afterwards still goes through.

use std::net::SocketAddr;
use std::time::Duration;

use ipc::store::Outcome;
use pbx::{AuthFailure, Event, Input, PeerFault};
use sim::{Act, Ask, BOX_ADDRESS, CallPlan, Faults, Hand, Happened, PASSWORD, World, checks};
use sip::{HeaderName, Response};

const SECOND: Duration = Duration::from_secs(1);
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 10.0.9.9\r\ns=-\r\nc=IN IP4 10.0.9.9\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0\r\n";

fn inside() -> SocketAddr {
    SocketAddr::from(([10, 0, 9, 9], 5060))
}

fn office() -> (World, Hand) {
    let mut world = World::new(1, 2, Faults::NONE);
    world.act_after(Duration::ZERO, 0, Act::Register);
    world.act_after(Duration::ZERO, 1, Act::Register);
    world.run_for(SECOND);
    (world, Hand::new(inside()))
}

fn invite<'a>(more: &'a str, body: &'a str) -> Ask<'a> {
    Ask {
        method: "INVITE",
        uri: "sip:101@10.0.0.1",
        number: "100",
        more,
        body,
    }
}

fn register<'a>(more: &'a str) -> Ask<'a> {
    Ask {
        method: "REGISTER",
        uri: "sip:10.0.0.1",
        number: "100",
        more,
        body: "",
    }
}

fn status(response: Option<Response>) -> u16 {
    response.map_or(0, |response| response.status.code())
}

fn header(response: &Response, name: &HeaderName) -> String {
    response.headers.text(name).unwrap_or_default().to_owned()
}

/// The office still works: 100 calls 101 and hangs up.
fn check_still_serving(mut world: World) {
    let plan = CallPlan {
        to: "101".to_owned(),
        cancel_after: None,
        hang_up_after: Some(SECOND),
        late_offer: false,
    };
    world.act_after(Duration::ZERO, 0, Act::Call(plan));
    world.run_for(SECOND * 90);
    let last = world
        .phones
        .first()
        .and_then(|phone| phone.log.last().cloned());
    assert_eq!(last, Some(Happened::Ended(true)));
    assert_eq!(checks::settled(&world), Ok(()));
}

#[test]
fn garbage_on_the_sip_port_is_an_event_and_no_answer() {
    let (mut world, mut hand) = office();
    let mut noise = sansio::Rng::from_seed(9);
    for length in 1..400usize {
        let bytes: Vec<u8> = (0..length)
            .map(|_| noise.next_u64().to_le_bytes()[0])
            .collect();
        assert_eq!(hand.send(&mut world, &bytes), []);
    }
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "\0\0\0\0",
        "\r\n\r\n",
        "",
        "SIP/2.0 200 OK\r\n\r\n",
    ] {
        assert_eq!(hand.send(&mut world, text.as_bytes()), []);
    }
    let unreadable = |event: &&Event| {
        matches!(
            event,
            Event::PeerFault {
                fault: PeerFault::Unreadable { .. },
                ..
            }
        )
    };
    assert!(world.events.iter().filter(unreadable).count() > 300);
    check_still_serving(world);
}

#[test]
fn a_truncated_or_broken_request_never_stops_the_node() {
    let (mut world, mut hand) = office();
    let whole = hand.text(&invite("Contact: <sip:100@10.0.9.9>\r\n", OFFER), "");
    for cut in 0..whole.len() {
        hand.send(&mut world, whole.as_bytes().get(..cut).expect("within"));
    }
    let mut noise = sansio::Rng::from_seed(5);
    for _ in 0..2000 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..4 {
            let at = usize::try_from(noise.below(bytes.len() as u64)).expect("small");
            *bytes.get_mut(at).expect("within") = noise.next_u64().to_le_bytes()[0];
        }
        hand.send(&mut world, &bytes);
    }
    check_still_serving(world);
}

#[test]
fn an_oversized_message_is_refused() {
    let (mut world, mut hand) = office();
    let long = format!("X-Long: {}\r\n", "a".repeat(40_000));
    let responses = hand.ask(&mut world, &register(&long));
    assert!(matches!(status(responses), 0 | 400 | 513));
    let endless = vec![b'a'; 70_000];
    assert_eq!(hand.send(&mut world, &endless), []);
    check_still_serving(world);
}

#[test]
fn a_malformed_description_gets_400_with_a_warning_and_one_record() {
    let (mut world, mut hand) = office();
    let typed = "Contact: <sip:100@10.0.9.9>\r\nContent-Type: application/sdp\r\n";
    let cases = [
        ("this is no description", 400),
        ("v=0\r\nm=audio\r\n", 400),
        (&OFFER.replace("RTP/AVP", "RTP/SAVP"), 488),
        (&OFFER.replace("IN IP4 10.0.9.9", "IN IP4 phone.local"), 488),
        ("v=0\r\ns=nothing to hear\r\n", 488),
    ];
    for (body, expected) in cases {
        let response = hand
            .ask_as(&mut world, &invite(typed, body), PASSWORD)
            .expect("answer");
        assert_eq!(response.status.code(), expected, "{body}");
        assert!(
            header(&response, &HeaderName::Warning).starts_with("399 "),
            "{response:?}"
        );
    }
    assert_eq!(world.store.records.len(), 5);
    assert!(
        world
            .store
            .records
            .values()
            .all(|record| record.outcome == Outcome::Rejected)
    );
    check_still_serving(world);
}

#[test]
fn a_half_open_connection_blocks_nobody() {
    let (mut world, _) = office();
    for stream in 1..=50 {
        let remote = SocketAddr::from(([10, 0, 9, 9], 40_000 + u16::try_from(stream).expect("50")));
        world.input(Input::StreamOpened {
            stream,
            remote,
            local: BOX_ADDRESS,
        });
        let bytes = b"INVITE sip:101@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.9.9".to_vec();
        world.input(Input::StreamBytes { stream, bytes });
    }
    assert_eq!(world.streams, []);
    for stream in 1..=25 {
        world.input(Input::StreamClosed { stream });
        world.input(Input::StreamBytes {
            stream,
            bytes: b"late".to_vec(),
        });
    }
    check_still_serving(world);
}

#[test]
fn a_stream_that_is_not_framed_is_closed() {
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"[..],
        &b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n\
           From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"[..],
    ] {
        let (mut world, _) = office();
        world.input(Input::StreamOpened {
            stream: 7,
            remote: inside(),
            local: BOX_ADDRESS,
        });
        world.input(Input::StreamBytes {
            stream: 7,
            bytes: bytes.to_vec(),
        });
        assert_eq!(world.streams.last(), Some(&(7, None)), "{:?}", world.events);
        check_still_serving(world);
    }
}

#[test]
fn a_request_in_single_bytes_over_tcp_is_answered_once_whole() {
    let (mut world, mut hand) = office();
    let ask = Ask {
        method: "OPTIONS",
        ..register("")
    };
    let text = hand.text(&ask, "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    world.input(Input::StreamOpened {
        stream: 7,
        remote: inside(),
        local: BOX_ADDRESS,
    });
    for byte in text.bytes() {
        assert_eq!(world.streams, []);
        world.input(Input::StreamBytes {
            stream: 7,
            bytes: vec![byte],
        });
    }
    let answer = world
        .streams
        .pop()
        .and_then(|(_, bytes)| bytes)
        .expect("an answer");
    assert!(answer.starts_with(b"SIP/2.0 200 OK\r\n"));
    world.input(Input::StreamBytes {
        stream: 7,
        bytes: b"\r\n\r\n".to_vec(),
    });
    assert_eq!(world.streams.pop(), Some((7, Some(b"\r\n".to_vec()))));
}

#[test]
fn requests_we_do_not_serve_are_named_as_such() {
    let (mut world, mut hand) = office();
    let check = |world: &mut World, hand: &mut Hand, method: &str, expected| {
        let response = hand
            .ask(
                world,
                &Ask {
                    method,
                    ..register("")
                },
            )
            .expect("answer");
        assert_eq!(response.status.code(), expected, "{method}");
        assert!(
            header(&response, &HeaderName::Allow).contains("INVITE"),
            "{method}"
        );
    };
    check(&mut world, &mut hand, "OPTIONS", 200);
    for known in [
        "MESSAGE",
        "SUBSCRIBE",
        "NOTIFY",
        "PUBLISH",
        "REFER",
        "UPDATE",
        "PRACK",
    ] {
        check(&mut world, &mut hand, known, 405);
    }
    check(&mut world, &mut hand, "FROBNICATE", 501);
    for orphan in ["BYE", "INFO"] {
        assert_eq!(
            status(hand.ask(
                &mut world,
                &Ask {
                    method: orphan,
                    ..register("")
                }
            )),
            481
        );
    }
}

#[test]
fn invites_we_cannot_honour_say_why() {
    let (mut world, mut hand) = office();
    let contact = "Contact: <sip:100@10.0.9.9>\r\n";
    let typed = &format!("{contact}Content-Type: application/sdp\r\n");
    let check = |world: &mut World, hand: &mut Hand, ask: Ask<'_>, expected, name, text: &str| {
        let response = hand.ask_as(world, &ask, PASSWORD).expect("answer");
        assert_eq!(response.status.code(), expected);
        assert!(header(&response, &name).contains(text), "{response:?}");
    };
    let requiring = format!("{typed}Require: 100rel, sec-agree\r\n");
    let ask = invite(&requiring, OFFER);
    check(
        &mut world,
        &mut hand,
        ask,
        420,
        HeaderName::Unsupported,
        "100rel, sec-agree",
    );
    let plain = format!("{contact}Content-Type: text/plain\r\n");
    let ask = invite(&plain, "hello");
    check(
        &mut world,
        &mut hand,
        ask,
        415,
        HeaderName::Accept,
        "application/sdp",
    );
    let exhausted = format!("{typed}Max-Forwards: 0\r\n");
    check(
        &mut world,
        &mut hand,
        invite(&exhausted, OFFER),
        483,
        HeaderName::Server,
        "",
    );
    let ask = Ask {
        uri: "mailto:boss@example.org",
        ..invite(typed, OFFER)
    };
    check(&mut world, &mut hand, ask, 416, HeaderName::Server, "");
    let ask = Ask {
        uri: "tel:199",
        ..invite(typed, OFFER)
    };
    check(&mut world, &mut hand, ask, 404, HeaderName::Server, "");
    assert_eq!(world.store.records.len(), 5);
}

#[test]
fn registers_that_ask_for_nonsense_change_nothing() {
    let (mut world, mut hand) = office();
    let check = |world: &mut World, hand: &mut Hand, more: &str, expected| {
        let response = hand.ask_as(world, &register(more), PASSWORD);
        assert_eq!(status(response), expected, "{more}");
        assert_eq!(world.node.status().phones.len(), 2, "{more}");
    };
    check(&mut world, &mut hand, "Contact: *\r\nExpires: 60\r\n", 400);
    check(
        &mut world,
        &mut hand,
        "Contact: *, <sip:a@b>\r\nExpires: 0\r\n",
        400,
    );
    check(&mut world, &mut hand, "Contact: nonsense\r\n", 400);
    check(
        &mut world,
        &mut hand,
        "Contact: <sip:x@10.0.9.9>;expires=59\r\n",
        423,
    );
    check(&mut world, &mut hand, "", 200);
    let response = hand.ask_as(
        &mut world,
        &register("Contact: <sip:a@b>;expires=1\r\n"),
        PASSWORD,
    );
    assert_eq!(
        header(&response.expect("answer"), &HeaderName::MinExpires),
        "60"
    );
}

#[test]
fn one_bad_contact_takes_no_good_one_with_it() {
    let (mut world, mut hand) = office();
    let more = "Contact: nonsense\r\nContact: <sip:x@10.0.9.9:5070>;expires=99999\r\n";
    let response = hand
        .ask_as(&mut world, &register(more), PASSWORD)
        .expect("answer");
    let contacts: Vec<String> = response
        .headers
        .values(&HeaderName::Contact)
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect();
    assert_eq!(response.status.code(), 200);
    assert!(
        contacts.contains(&"<sip:x@10.0.9.9:5070>;expires=3600".to_owned()),
        "{contacts:?}"
    );
    assert_eq!(contacts.len(), 2);
    let star = "Contact: *\r\nExpires: 0\r\n";
    let response = hand
        .ask_as(&mut world, &register(star), PASSWORD)
        .expect("answer");
    assert_eq!(response.status.code(), 200);
    assert_eq!(world.node.status().phones.len(), 1);
}

#[test]
fn every_cause_of_refusal_gets_the_same_bytes() {
    let outside = SocketAddr::from(([203, 0, 113, 9], 5060));
    let refusal = |address, number, password| {
        let (mut world, _) = office();
        let mut hand = Hand::new(address);
        let contact = "Contact: <sip:x@10.0.9.9>\r\n";
        let ask = Ask {
            number,
            ..register(contact)
        };
        let mut response = hand.ask_as(&mut world, &ask, password).expect("answer");
        let class = world.events.iter().find_map(|event| match event {
            Event::AuthFailure { class, .. } => Some(*class),
            _ => None,
        });
        // What is copied from the request, and the random tag, differ by nature.
        for copied in [HeaderName::Via, HeaderName::From, HeaderName::To] {
            response.headers.remove(&copied);
        }
        (class, response.to_bytes())
    };
    let wrong = refusal(inside(), "100", "guessed");
    let unknown = refusal(inside(), "199", "guessed");
    let remote = refusal(outside, "100", PASSWORD);
    assert_eq!(wrong.0, Some(AuthFailure::WrongPassword));
    assert_eq!(unknown.0, Some(AuthFailure::UnknownUser));
    assert_eq!(remote.0, Some(AuthFailure::RemoteNotAllowed));
    assert!(wrong.1.starts_with(b"SIP/2.0 403 Forbidden\r\n"));
    assert_eq!(wrong.1, unknown.1);
    assert_eq!(wrong.1, remote.1);
}

#[test]
fn an_extension_cannot_register_as_another() {
    let (mut world, mut hand) = office();
    let text = hand.text(&register(""), "");
    let challenged = hand
        .send(&mut world, text.as_bytes())
        .pop()
        .expect("answer");
    let value = challenged
        .headers
        .first(&HeaderName::WwwAuthenticate)
        .expect("challenge");
    let challenge = sip::digest::Challenge::parse(value).expect("digest");
    let ha1 = sip::digest::Ha1::from_password("100", &challenge.realm, PASSWORD);
    let method = sip::Method::Register;
    let answer = challenge.answer("100", &ha1, &method, "sip:10.0.0.1", 1, "c");
    let ask = Ask {
        number: "101",
        ..register("Contact: <sip:x@10.0.9.9>\r\n")
    };
    let text = hand.text(&ask, &format!("Authorization: {answer}\r\n"));
    assert_eq!(status(hand.send(&mut world, text.as_bytes()).pop()), 403);
    let other = |event: &Event| {
        matches!(
            event,
            Event::AuthFailure {
                class: AuthFailure::OtherExtension,
                ..
            }
        )
    };
    assert!(world.events.iter().any(other));
    assert_eq!(world.node.status().phones.len(), 2);
}

#[test]
fn before_the_first_configuration_phones_are_asked_to_come_back() {
    let mut node = pbx::PbxNode::new(sansio::Rng::from_seed(1), sansio::Entropy::new([1; 32]));
    let text = Hand::new(inside()).text(&register(""), "");
    let (source, destination) = (inside(), BOX_ADDRESS);
    let datagram = sansio::Datagram {
        source,
        destination,
        bytes: text.into_bytes(),
    };
    sansio::Node::handle(
        &mut node,
        sansio::Instant::ORIGIN,
        Input::Datagram(datagram),
    );
    let sent =
        std::iter::from_fn(|| sansio::Node::poll(&mut node)).find_map(|output| match output {
            pbx::Output::Transmit { bytes, .. } => {
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            _ => None,
        });
    let sent = sent.expect("an answer");
    assert!(
        sent.starts_with("SIP/2.0 503 ") && sent.contains("Retry-After: 2\r\n"),
        "{sent}"
    );
}

#[test]
fn a_caller_whose_connection_dies_stops_the_ringing() {
    let (mut world, mut hand) = office();
    world.phones.last_mut().expect("two phones").answering = sim::Answering::Never;
    world.input(Input::StreamOpened {
        stream: 7,
        remote: inside(),
        local: BOX_ADDRESS,
    });
    let typed = "Contact: <sip:100@10.0.9.9>\r\nContent-Type: application/sdp\r\n";
    let ask = invite(typed, OFFER);
    let text = hand.text(&ask, "");
    let challenged = hand.send_by(&mut world, 7, &text).expect("a challenge");
    let text = hand.text(
        &ask,
        &Hand::answer(&ask, &challenged, PASSWORD).expect("digest"),
    );
    let trying = hand.send_by(&mut world, 7, &text).expect("at once");
    assert_eq!(trying.status.code(), 100);
    world.run_for(SECOND * 5);
    let ringing = world
        .streams
        .pop()
        .and_then(|(_, bytes)| bytes)
        .expect("a response");
    assert!(ringing.starts_with(b"SIP/2.0 180 Ringing\r\n"));
    world.input(Input::StreamClosed { stream: 7 });
    world.run_for(SECOND * 5);
    let outcomes: Vec<_> = world
        .store
        .records
        .values()
        .map(|record| record.outcome)
        .collect();
    assert_eq!(outcomes, [Outcome::Cancelled]);
    let stopped = world
        .phones
        .last()
        .and_then(|phone| phone.log.last().cloned());
    assert_eq!(stopped, Some(Happened::Failed(487)));
    assert_eq!(checks::settled(&world), Ok(()));
}

#[test]
fn a_phone_behind_a_closed_connection_is_registered_no_more() {
    let (mut world, mut hand) = office();
    world.input(Input::StreamOpened {
        stream: 7,
        remote: inside(),
        local: BOX_ADDRESS,
    });
    let ask = register("Contact: <sip:100@10.0.9.9;transport=tcp>\r\n");
    let text = hand.text(&ask, "");
    let challenged = hand.send_by(&mut world, 7, &text).expect("a challenge");
    let text = hand.text(
        &ask,
        &Hand::answer(&ask, &challenged, PASSWORD).expect("digest"),
    );
    assert_eq!(status(hand.send_by(&mut world, 7, &text)), 200);
    assert_eq!(world.node.status().phones.len(), 3);
    world.input(Input::StreamClosed { stream: 7 });
    assert_eq!(world.node.status().phones.len(), 2);
}
