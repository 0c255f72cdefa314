//! What peers get wrong, at the node's own door: each gets a clear answer or event, and a call
//! placed right afterwards still goes through.

use std::net::SocketAddr;
use std::time::Duration;

use ipc::store::Outcome;
use pbx::{Event, Input, PeerFault};
use sim::{Act, Ask, BOX_ADDRESS, CallPlan, Hand, Happened, PASSWORD, World, checks};
use sip::{HeaderName, Response};

const SECOND: Duration = Duration::from_secs(1);
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 10.0.9.9\r\ns=-\r\nc=IN IP4 10.0.9.9\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0\r\n";

fn inside() -> SocketAddr {
    SocketAddr::from(([10, 0, 9, 9], 5060))
}

fn office() -> (World, Hand) {
    (World::office(2), Hand::new(inside()))
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
    let whole = hand.text(&Ask::invite("Contact: <sip:100@10.0.9.9>\r\n", OFFER), "");
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
    let responses = hand.ask(&mut world, &Ask::register(&long));
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
            .ask_as(&mut world, &Ask::invite(typed, body), PASSWORD)
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
            transport: sansio::Transport::Tcp,
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
            transport: sansio::Transport::Tcp,
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
        ..Ask::register("")
    };
    let text = hand.text(&ask, "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    world.input(Input::StreamOpened {
        transport: sansio::Transport::Tcp,
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
fn a_caller_whose_connection_dies_stops_the_ringing() {
    let (mut world, mut hand) = office();
    world.phones.last_mut().expect("two phones").answering = sim::Answering::Never;
    world.input(Input::StreamOpened {
        transport: sansio::Transport::Tcp,
        stream: 7,
        remote: inside(),
        local: BOX_ADDRESS,
    });
    let typed = "Contact: <sip:100@10.0.9.9>\r\nContent-Type: application/sdp\r\n";
    let ask = Ask::invite(typed, OFFER);
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
        transport: sansio::Transport::Tcp,
        stream: 7,
        remote: inside(),
        local: BOX_ADDRESS,
    });
    let ask = Ask::register("Contact: <sip:100@192.168.7.7;transport=tcp>\r\n");
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

#[test]
fn a_connection_of_strangers_is_closed_and_that_of_a_phone_stays() {
    let (mut world, mut hand) = office();
    for stream in [7, 8] {
        world.input(Input::StreamOpened {
            transport: sansio::Transport::Tcp,
            stream,
            remote: inside(),
            local: BOX_ADDRESS,
        });
    }
    let options = Ask {
        method: "OPTIONS",
        ..Ask::register("")
    };
    let text = hand.text(&options, "");
    assert_eq!(status(hand.send_by(&mut world, 7, &text)), 200);
    let ask = Ask::register("Contact: <sip:100@192.168.7.7;transport=tcp>\r\n");
    let text = hand.text(&ask, "");
    let challenged = hand.send_by(&mut world, 8, &text).expect("a challenge");
    let answer = Hand::answer(&ask, &challenged, PASSWORD).expect("digest");
    let text = hand.text(&ask, &answer);
    assert_eq!(status(hand.send_by(&mut world, 8, &text)), 200);
    world.run_for(SECOND * 20);
    let text = hand.text(&options, "");
    assert_eq!(status(hand.send_by(&mut world, 7, &text)), 200);
    world.run_for(SECOND * 20);
    assert_eq!(world.streams, [(7, None)]);
}
