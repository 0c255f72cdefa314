//! What the exchange answers to the messages of RFC 4475 that are wrong, or only look so.

#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::sync::Arc;

use ipc::Redacted;
use ipc::site;
use pbx::{Input, Output, PbxNode};
use sansio::{Datagram, Entropy, Instant, Node, Rng};
use sip::{HeaderName, Message, Response, parse_datagram};

fn exchange() -> PbxNode {
    let raw = site::Site {
        realm: "example.com".into(),
        extensions: vec![site::Extension {
            number: "100".into(),
            ha1_md5: Redacted::new("0".repeat(32)),
            ha1_sha256: Redacted::new("0".repeat(64)),
            ..site::Extension::default()
        }],
        people: vec![site::Person {
            login: "ana".into(),
            role: site::Role::Administrator,
            password_hash: Redacted::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA".into()),
            ..site::Person::default()
        }],
        ..site::Site::default()
    };
    let site = config::Site::parse(&raw).expect("a site");
    let mut node = PbxNode::new(Rng::from_seed(1), Entropy::new([1; 32]));
    node.handle(Instant::ORIGIN, Input::Config(1, Arc::new(site)));
    while node.poll().is_some() {}
    node
}

/// A request with what every request has, and these fields.
fn message(start: &str, cseq: &str, fields: &str) -> Vec<u8> {
    let text = format!(
        "{start}
Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKtorture;rport
To: <sip:user@example.com>
From: <sip:caller@example.net>;tag=242etr
Max-Forwards: 6
Call-ID: torture.0ha0isndaksdj
CSeq: {cseq}
{fields}Content-Length: 0

"
    );
    text.replace('\n', "\r\n").into_bytes()
}

/// Everything the exchange sends for one datagram.
fn answers(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut node = exchange();
    let datagram = Datagram {
        source: "192.168.1.77:40000".parse().expect("an address"),
        destination: "192.168.1.1:5060".parse().expect("an address"),
        ttl: None,
        bytes,
    };
    node.handle(Instant::ORIGIN, Input::Datagram(datagram));
    let mut sent = Vec::new();
    while let Some(output) = node.poll() {
        if let Output::Transmit { bytes, .. } = output {
            sent.push(bytes);
        }
    }
    sent
}

/// The one thing it sends.
fn only_answer(bytes: Vec<u8>) -> Vec<u8> {
    let mut sent = answers(bytes);
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

fn answer(bytes: Vec<u8>) -> Response {
    match parse_datagram(&only_answer(bytes)) {
        Ok(Message::Response(response)) => response,
        other => panic!("only answers are sent: {other:?}"),
    }
}

/// An answer may repeat what was wrong in the request, so only its first line is read.
fn check(bytes: Vec<u8>, status: u16) {
    let sent = only_answer(bytes);
    let line = format!("SIP/2.0 {status} ");
    assert!(sent.starts_with(line.as_bytes()), "{}", sent.escape_ascii());
}

#[test]
fn schemes_that_nobody_speaks_are_answered_416() {
    // RFC 4475 §3.3.2 and §3.3.3; pbx trap 30.
    let opaque = "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0";
    check(message(opaque, "3923423 OPTIONS", ""), 416);
    let novel = "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0";
    check(message(novel, "3923423 OPTIONS", ""), 416);
}

#[test]
fn extensions_that_nobody_has_are_answered_420_with_their_names() {
    // RFC 4475 §3.3.5; pbx trap 30.
    let start = "OPTIONS sip:user@example.com SIP/2.0";
    let fields = "Require: nothingSupportsThis, nothingSupportsThisEither\n\
                  Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis\n";
    let refusal = answer(message(start, "8 OPTIONS", fields));
    assert_eq!(refusal.status.code(), 420);
    assert_eq!(
        refusal.headers.text(&HeaderName::Unsupported),
        Some("nothingSupportsThis, nothingSupportsThisEither")
    );
}

#[test]
fn an_unknown_method_is_answered_with_those_we_have() {
    // RFC 4475 §3.1.1.2 and §3.1.2.18; pbx trap 30.
    let start = "!interesting-Method0123456789_*+`.%indeed'~ sip:user@example.com SIP/2.0";
    let refusal = answer(message(
        start,
        "1 !interesting-Method0123456789_*+`.%indeed'~",
        "",
    ));
    assert!(matches!(refusal.status.code(), 405 | 501), "{refusal:?}");
    assert!(refusal.headers.lists(&HeaderName::Allow, "INVITE"));
    check(
        message("NEWMETHOD sip:user@example.com SIP/2.0", "8 INVITE", ""),
        400,
    );
}

#[test]
fn credentials_of_an_unknown_scheme_are_asked_for_again() {
    // RFC 4475 §3.3.7.
    let fields = "Authorization: NoOneKnowsThisScheme opaque-data=here\n";
    let challenge = answer(message(
        "REGISTER sip:example.com SIP/2.0",
        "1 REGISTER",
        fields,
    ));
    assert_eq!(challenge.status.code(), 401);
    assert!(
        challenge
            .headers
            .first(&HeaderName::WwwAuthenticate)
            .is_some()
    );
}

#[test]
fn a_request_line_or_version_that_is_wrong_is_answered() {
    // RFC 4475 §3.1.2.7 to §3.1.2.11 and §3.1.2.16.
    check(
        message("INVITE <sip:user@example.com> SIP/2.0", "8 INVITE", ""),
        400,
    );
    check(
        message("INVITE sip:user@example.com; lr SIP/2.0", "8 INVITE", ""),
        400,
    );
    check(
        message("INVITE  sip:user@example.com  SIP/2.0", "8 INVITE", ""),
        400,
    );
    check(
        message("OPTIONS sip:user@example.com SIP/2.0  ", "8 OPTIONS", ""),
        400,
    );
    let escaped = "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0";
    check(message(escaped, "8 INVITE", ""), 400);
    check(
        message("OPTIONS sip:t.watson@example.org SIP/7.0", "8 OPTIONS", ""),
        505,
    );
}

#[test]
fn fields_that_contradict_each_other_are_answered_400() {
    // RFC 4475 §3.1.2.2 to §3.1.2.5, §3.1.2.17, §3.3.8 and §3.3.9.
    let start = "INVITE sip:user@example.com SIP/2.0";
    check(message(start, "8 OPTIONS", ""), 400);
    check(message(start, "36893488147419103232 INVITE", ""), 400);
    check(message(start, "8 INVITE", "Content-Length: 9999\n"), 400);
    check(
        message(start, "8 INVITE", "From: <sip:other@example.net>;tag=1\n"),
        400,
    );
    check(message(start, "8 INVITE", "Max-Forwards: 300\n"), 400);
}

#[test]
fn what_is_legal_is_served() {
    // RFC 4475 §3.2.1 (badbranch) and §3.3.11 (zeromf): who is meant answers.
    let options = message("OPTIONS sip:user@example.com SIP/2.0", "8 OPTIONS", "");
    let text = String::from_utf8(options).expect("text");
    check(text.replace("z9hG4bKtorture", "z9hG4bK").into_bytes(), 200);
    check(
        text.replace("Max-Forwards: 6", "Max-Forwards: 0")
            .into_bytes(),
        200,
    );
}

#[test]
fn what_cannot_or_must_not_be_answered_gets_silence() {
    // RFC 4475 §3.3.1 (insuf) and §3.3.10 (bcast); an ACK is never answered.
    let silent = |bytes: Vec<u8>| assert_eq!(answers(bytes), Vec::<Vec<u8>>::new());
    silent(
        b"INVITE sip:user@example.com SIP/2.0\r\nCSeq: 193942 INVITE\r\nVia: SIP/2.0/UDP \
             192.0.2.95;branch=z9hG4bKkdj.insuf\r\nContent-Length: 0\r\n\r\n"
            .to_vec(),
    );
    silent(message("SIP/2.0 200 OK", "35 INVITE", ""));
    silent(message(
        "SIP/2.0 4294967301 better not break the receiver",
        "35 INVITE",
        "",
    ));
    silent(message("ACK sip:user@example.com SIP/7.0", "8 ACK", ""));
}

/// RFC 3891 §3.
#[test]
fn replaces_is_for_an_invite_alone() {
    let fields = "Replaces: a@b;to-tag=1;from-tag=2\n";
    let options = message("OPTIONS sip:100@example.com SIP/2.0", "1 OPTIONS", fields);
    assert_eq!(answer(options).status.code(), 400);
    let plain = message("OPTIONS sip:100@example.com SIP/2.0", "1 OPTIONS", "");
    assert_eq!(answer(plain).status.code(), 200);
}

/// RFC 3261 §11.2.
#[test]
fn options_tell_what_we_can() {
    let asked = message("OPTIONS sip:100@example.com SIP/2.0", "1 OPTIONS", "");
    let answer = answer(asked);
    for name in [
        HeaderName::Allow,
        HeaderName::Accept,
        HeaderName::Supported,
        HeaderName::AllowEvents,
    ] {
        assert!(answer.headers.first(&name).is_some(), "{name}");
    }
}
