//! Bodies, descriptions and STUN.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sdp::{CryptoLine, Session};
use sip::body::{MediaType, MessageSummary, Part, StatusFragment, session_description};
use sip::{HeaderName, Headers};

/// A body behind its Content-Type, parted by the first line end: a part is always a piece of it.
pub fn multipart(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (kind, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let mut headers = Headers::new();
    headers.push(HeaderName::ContentType, kind);
    if let Ok(Some(found)) = session_description(&headers, body) {
        assert!(
            found.is_empty() || within(found, body),
            "a description from elsewhere"
        );
    }
    let Some(kind) = MediaType::parse(kind) else {
        return;
    };
    for part in Part::split(&kind, body).into_iter().flatten() {
        assert!(
            part.body.is_empty() || within(part.body, body),
            "a part from elsewhere"
        );
    }
}

fn within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

/// The small bodies: what is written reads the same.
pub fn sipfrag(bytes: &[u8]) {
    if let Some(fragment) = StatusFragment::parse(bytes) {
        assert_eq!(StatusFragment::parse(&fragment.to_bytes()), Some(fragment));
    }
    if let Some(summary) = MessageSummary::parse(bytes) {
        let again = MessageSummary::parse(&summary.to_bytes());
        let again = again.map(|summary| summary.to_bytes());
        assert_eq!(again, Some(summary.to_bytes()));
    }
}

/// A session description: what is written reads the same, and is written the same again.
pub fn sdp(bytes: &[u8]) {
    let crypto = |text: &[u8]| CryptoLine::parse(str::from_utf8(text).ok()?);
    if let Some(line) = crypto(bytes) {
        let written = line.to_string();
        assert_eq!(crypto(written.as_bytes()), Some(line));
    }
    let Ok(session) = Session::parse(bytes) else {
        return;
    };
    let written = session.to_string();
    match Session::parse(written.as_bytes()) {
        Ok(again) => assert_eq!(again.to_string(), written),
        // Line ends become CRLF and bad bytes three good ones: a description may outgrow the limit.
        Err(fault) => assert!(matches!(fault, sdp::ParseError::TooLong(_)), "{fault}"),
    }
    for family in [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        for audio in sdp::read_audio(&session, family).into_iter().flatten() {
            let _ = sdp::choose(&[], &[]);
            let _ = format!("{audio:?}");
        }
    }
}

/// A STUN message: what is written reads the same; an answer is an answer to it, and short.
pub fn stun(bytes: &[u8]) {
    let source = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 5060);
    let answer = stun::answer(bytes, source);
    let Ok(message) = stun::Message::parse(bytes) else {
        assert_eq!(answer, None);
        return;
    };
    assert!(stun::is_stun(bytes));
    assert_eq!(
        stun::Message::parse(&message.to_bytes()).as_ref(),
        Ok(&message)
    );
    if let Some(answer) = answer {
        let read = stun::Message::parse(&answer);
        let read = read.map(|read| read.transaction);
        assert_eq!(read, Ok(message.transaction));
        assert!(answer.len() <= bytes.len() + 36, "an amplifier");
    }
}
