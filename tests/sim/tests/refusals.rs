//! Requests that are SIP but cannot be honoured: each is refused with the status that says why.

use std::net::SocketAddr;
use std::time::Duration;

use pbx::{AuthFailure, Event, Input};
use sim::{Ask, BOX_ADDRESS, Hand, PASSWORD, World};
use sip::{HeaderName, Response};

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

#[test]
fn requests_we_do_not_serve_are_named_as_such() {
    let (mut world, mut hand) = office();
    let check = |world: &mut World, hand: &mut Hand, method: &str, expected| {
        let response = hand
            .ask(
                world,
                &Ask {
                    method,
                    ..Ask::register("")
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
    for known in ["MESSAGE", "NOTIFY", "PUBLISH"] {
        check(&mut world, &mut hand, known, 405);
    }
    check(&mut world, &mut hand, "FROBNICATE", 501);
    for orphan in ["BYE", "INFO", "PRACK", "REFER", "UPDATE"] {
        assert_eq!(
            status(hand.ask(
                &mut world,
                &Ask {
                    method: orphan,
                    ..Ask::register("")
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
    let ask = Ask::invite(&requiring, OFFER);
    check(
        &mut world,
        &mut hand,
        ask,
        420,
        HeaderName::Unsupported,
        "sec-agree",
    );
    let plain = format!("{contact}Content-Type: text/plain\r\n");
    let ask = Ask::invite(&plain, "hello");
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
        Ask::invite(&exhausted, OFFER),
        483,
        HeaderName::Server,
        "",
    );
    let ask = Ask {
        uri: "mailto:boss@example.org",
        ..Ask::invite(typed, OFFER)
    };
    // Nobody has to prove who he is for that.
    assert_eq!(status(hand.ask(&mut world, &ask)), 416);
    let ask = Ask {
        uri: "tel:250",
        ..Ask::invite(typed, OFFER)
    };
    check(&mut world, &mut hand, ask, 404, HeaderName::Server, "");
    assert_eq!(world.store.records.len(), 4);
}

#[test]
fn registers_that_ask_for_nonsense_change_nothing() {
    let (mut world, mut hand) = office();
    let check = |world: &mut World, hand: &mut Hand, more: &str, expected| {
        let response = hand.ask_as(world, &Ask::register(more), PASSWORD);
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
    let many = format!("Contact: {}\r\n", "<sip:x@10.0.9.9>,".repeat(21));
    check(&mut world, &mut hand, &many, 400);
    let long = format!("Contact: <sip:{}@10.0.9.9>\r\n", "x".repeat(512));
    check(&mut world, &mut hand, &long, 400);
    check(&mut world, &mut hand, "", 200);
    let response = hand.ask_as(
        &mut world,
        &Ask::register("Contact: <sip:a@b>;expires=1\r\n"),
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
        .ask_as(&mut world, &Ask::register(more), PASSWORD)
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
        .ask_as(&mut world, &Ask::register(star), PASSWORD)
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
            ..Ask::register(contact)
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
    let text = hand.text(&Ask::register(""), "");
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
        ..Ask::register("Contact: <sip:x@10.0.9.9>\r\n")
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
    let text = Hand::new(inside()).text(&Ask::register(""), "");
    let (source, destination) = (inside(), BOX_ADDRESS);
    let datagram = sansio::Datagram {
        source,
        destination,
        ttl: None,
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

/// RFC 3261 §26.3.2.4: whoever lives at a false source address is sent one answer, not eleven.
#[test]
fn a_stranger_is_refused_once_for_each_invite() {
    let (mut world, mut hand) = office();
    let answered = hand.ask(&mut world, &Ask::invite("", OFFER));
    assert_eq!(status(answered), 401);
    world.elsewhere.clear();
    world.run_for(Duration::from_secs(60));
    let sent = world
        .elsewhere
        .iter()
        .filter(|sent| sent.destination == inside());
    assert_eq!(sent.count(), 0);
}
