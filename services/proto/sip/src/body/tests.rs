use super::*;
use crate::field::headers;

const MIXED: &str = "multipart/mixed;boundary=\"b 1\"";

/// A multipart body of parts as they stand between two delimiters.
fn mixed(parts: &[&str]) -> Vec<u8> {
    let mut body = String::from("preamble, to be ignored\r\n");
    for part in parts {
        body.push_str(&format!("--b 1\r\n{part}\r\n"));
    }
    body.push_str("--b 1--\r\nepilogue\r\n");
    body.into_bytes()
}

fn find<'a>(kind: &str, body: &'a [u8]) -> Result<Option<&'a [u8]>, BodyFault> {
    session_description(&headers(&[("c", kind)]), body)
}

#[test]
fn a_plain_session_description_is_the_body() {
    assert_eq!(find("Application/SDP ; x=y", b"v=0"), Ok(Some(&b"v=0"[..])));
    assert_eq!(find("application/sdp", b""), Ok(None));
    assert_eq!(session_description(&Headers::new(), b""), Ok(None));
}

#[test]
fn a_description_is_found_among_parts_and_parts_in_parts() {
    let sdp = "Content-Type: application/sdp\r\n\r\nv=0\r\n";
    let plain = mixed(&["\r\nno fields: text/plain", sdp]);
    assert_eq!(find(MIXED, &plain), Ok(Some(&b"v=0\r\n"[..])));
    let inner = String::from_utf8(mixed(&[sdp]))
        .expect("text")
        .replace("b 1", "in");
    let outer = format!("Content-Type: multipart/related;boundary=in\r\n\r\n{inner}");
    let nested = mixed(&["Content-Type: a/b\r\n\r\nx", &outer]);
    assert_eq!(find(MIXED, &nested), Ok(Some(&b"v=0\r\n"[..])));
}

#[test]
fn of_alternatives_the_last_understood_is_taken() {
    let body = mixed(&[
        "c: application/sdp\r\n\r\nv=1",
        "c: application/sdp\r\n\r\nv=2",
        "c: application/newer\r\nContent-Disposition: session;handling=required\r\n\r\n",
    ]);
    let kind = "multipart/alternative;boundary=\"b 1\"";
    assert_eq!(find(kind, &body), Ok(Some(&b"v=2"[..])));
    assert_eq!(find(MIXED, &body), Err(BodyFault::Unsupported));
}

#[test]
fn an_unknown_part_matters_only_when_it_says_so() {
    // RFC 5621 §3.2; `handling` of RFC 3261 §20.11.
    let sdp = "Content-Type: application/sdp\r\n\r\nv=0";
    let isup = |handling: &str| {
        let kind = "Content-Type: application/ISUP;version=x";
        mixed(&[
            sdp,
            &format!("{kind}\r\nContent-Disposition: signal{handling}\r\n\r\n\u{1}"),
        ])
    };
    assert_eq!(
        find(MIXED, &isup(";handling=optional")),
        Ok(Some(&b"v=0"[..]))
    );
    assert_eq!(find(MIXED, &isup("")), Ok(Some(&b"v=0"[..])));
    assert_eq!(
        find(MIXED, &isup(";handling=required")),
        Err(BodyFault::Unsupported)
    );
}

#[test]
fn a_body_of_another_type_is_refused_unless_optional() {
    let read = |fields: &[(&str, &str)]| session_description(&headers(fields), b"x");
    assert_eq!(read(&[("c", "text/plain")]), Err(BodyFault::Unsupported));
    assert_eq!(read(&[]), Err(BodyFault::Unsupported));
    let optional = ("Content-Disposition", "render;handling=optional");
    assert_eq!(read(&[("c", "text/plain"), optional]), Ok(None));
    let gzip = ("e", "gzip");
    assert_eq!(read(&[("c", SDP), gzip]), Err(BodyFault::Encoded));
    assert_eq!(read(&[("c", SDP), gzip, optional]), Ok(None));
    assert_eq!(read(&[("c", SDP), ("e", "Identity")]), Ok(Some(&b"x"[..])));
}

#[test]
fn parts_that_cannot_be_told_apart_are_a_fault() {
    // pbx trap 13: limits on number and nesting.
    assert_eq!(find("multipart/mixed", b"--x"), Err(BodyFault::Malformed));
    assert_eq!(find(MIXED, b"no delimiter"), Err(BodyFault::Malformed));
    assert_eq!(find(MIXED, b"--b 1--\r\n"), Err(BodyFault::Malformed));
    let long = format!("multipart/mixed;boundary={}", "x".repeat(71));
    assert_eq!(find(&long, b"--x"), Err(BodyFault::Malformed));
    let many = mixed(&["\r\n"; 17]);
    assert_eq!(find(MIXED, &many), Err(BodyFault::TooMany));
    let mut deep = b"c: application/sdp\r\n\r\nv=0".to_vec();
    for level in 0..4 {
        let head = format!("c: multipart/mixed;boundary=d{level}\r\n\r\n--d{level}\r\n");
        let tail = format!("\r\n--d{level}--\r\n");
        deep = [head.as_bytes(), &deep, tail.as_bytes()].concat();
    }
    let deep = mixed(&[&String::from_utf8(deep).expect("text")]);
    assert_eq!(find(MIXED, &deep), Err(BodyFault::TooMany));
}

#[test]
fn a_delimiter_stands_at_the_start_of_a_line_and_alone_on_it() {
    let sdp = "c: application/sdp\r\n\r\ns=--b 1\r\n--b 12\r\n\r\nt=0 0";
    let body = mixed(&[sdp]);
    let whole = &b"s=--b 1\r\n--b 12\r\n\r\nt=0 0"[..];
    assert_eq!(find(MIXED, &body), Ok(Some(whole)));
    // Blanks behind a delimiter are allowed, and the closing one may be cut off.
    let cut = b"--b 1 \t\r\nc: application/sdp\r\n\r\nv=0";
    assert_eq!(find(MIXED, cut), Ok(Some(&b"v=0"[..])));
}

#[test]
fn binary_parts_keep_every_byte() {
    let kind = MediaType::parse(MIXED.as_bytes()).expect("a type");
    let bytes: Vec<u8> = (0..=255).collect();
    let body = [b"--b 1\r\nc: a/b\r\n\r\n", &*bytes, b"\r\n--b 1--"].concat();
    let parts = Part::split(&kind, &body).expect("legible");
    assert_eq!(
        parts.iter().map(|part| part.body).collect::<Vec<_>>(),
        [&*bytes]
    );
}

#[test]
fn a_refusal_says_what_would_be_taken() {
    // pbx trap 30; RFC 3261 §21.4.13.
    let request = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bKx\r\n\
                    From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";
    let Ok(crate::Message::Request(request)) = crate::parse_datagram(request) else {
        panic!("a request");
    };
    let check = |fault: BodyFault, code, name: &str| {
        let answer = fault.refusal(&request, "t");
        assert_eq!(answer.status.code(), code);
        let name = HeaderName::parse(name.as_bytes()).expect("a name");
        assert!(answer.headers.first(&name).is_some());
    };
    check(BodyFault::Unsupported, 415, "Accept");
    check(BodyFault::Encoded, 415, "Accept-Encoding");
    check(BodyFault::Malformed, 400, "To");
    check(BodyFault::TooMany, 413, "To");
}

#[test]
fn a_transfer_report_is_a_status_line() {
    let report = StatusFragment::new(StatusCode::TRYING);
    assert_eq!(report.to_bytes(), b"SIP/2.0 100 Trying\r\n");
    assert_eq!(StatusFragment::parse(&report.to_bytes()), Some(report));
    let read = |text: &str| StatusFragment::parse(text.as_bytes()).map(|it| it.status.code());
    assert_eq!(read("SIP/2.0 603 Declined"), Some(603));
    assert_eq!(read("SIP/2.0 200 OK\r\nTo: <sip:a@b>\r\n"), Some(200));
    assert_eq!(read("SIP/2.0 503"), Some(503));
    for text in [
        "",
        "INVITE sip:a@b SIP/2.0",
        "SIP/1.0 200 OK",
        "SIP/2.0 99 x",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn waiting_messages_are_counted() {
    // RFC 3842 §5.2 and its example.
    let text = "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\n\
                Voice-Message: 2/8 (0/2)\r\n";
    let summary = MessageSummary::parse(text.as_bytes()).expect("legible");
    let counts = summary.voice.expect("counted");
    assert_eq!((counts.new, counts.old, counts.urgent_old), (2, 8, 2));
    assert_eq!(summary.to_bytes(), text.as_bytes());
    let lean = MessageSummary::parse(b"messages-waiting : NO\nFax-Message: 1/0\n\nTo: x");
    assert_eq!(lean, Some(MessageSummary::default()));
    for text in ["", "Voice-Message: 1/0", "Messages-Waiting: perhaps"] {
        assert_eq!(MessageSummary::parse(text.as_bytes()), None, "{text}");
    }
}
