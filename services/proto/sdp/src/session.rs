//! The description as lines: what is before the first `m=`, then one block a medium.

use std::fmt;
use std::net::IpAddr;

use crate::media::Media;

/// Longest description read, bytes; a SIP message is at most 64 KiB anyway.
pub const LENGTH_MAX: usize = 16 * 1024;
/// Most media blocks read; a phone has two or three.
pub const MEDIA_MAX: usize = 16;

/// A line `kind=value`, without its line end.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// The letter before the equals sign.
    pub kind: char,
    /// All after it.
    pub value: String,
}

/// A whole description, lines in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Lines before the first `m=`.
    pub lines: Vec<Line>,
    /// The media, in the order that offer and answer share (RFC 3264 §6).
    pub media: Vec<Media>,
}

/// Why bytes are not a session description.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseError {
    /// Over [`LENGTH_MAX`].
    #[error("the description has {0} bytes, more than {LENGTH_MAX}")]
    TooLong(usize),
    /// The first line is not `v=0` (RFC 8866 §5.1).
    #[error("the description does not start with v=0")]
    NoVersion,
    /// Not a letter, an equals sign and a value.
    #[error("line {0} is not a letter, an equals sign and a value")]
    NotALine(usize),
    /// An `m=` line without kind, port, protocol and format (RFC 8866 §5.14).
    #[error("line {0} is not a media line: kind, port, protocol, formats")]
    MediaLine(usize),
    /// Over [`MEDIA_MAX`].
    #[error("the description has more than {MEDIA_MAX} media")]
    TooManyMedia,
}

impl Session {
    /// Reads a description. Bare LF or CR, blank lines, a missing `o=`, `s=` or `t=` and bytes
    /// that are not UTF-8 are let pass: phones send them all.
    ///
    /// # Errors
    /// [`ParseError`] names the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > LENGTH_MAX {
            return Err(ParseError::TooLong(bytes.len()));
        }
        let text = String::from_utf8_lossy(bytes);
        let mut session = Self {
            lines: Vec::new(),
            media: Vec::new(),
        };
        let lines = text
            .split(['\r', '\n'])
            .map(str::trim_end)
            .filter(|line| !line.is_empty());
        for (index, text) in lines.enumerate() {
            let number = index.saturating_add(1);
            let line = Line::parse(text).ok_or(ParseError::NotALine(number))?;
            if index == 0 && (line.kind != 'v' || line.value.trim() != "0") {
                return Err(ParseError::NoVersion);
            }
            if line.kind == 'm' {
                if session.media.len() >= MEDIA_MAX {
                    return Err(ParseError::TooManyMedia);
                }
                let media = Media::parse(&line.value).ok_or(ParseError::MediaLine(number))?;
                session.media.push(media);
            } else if let Some(media) = session.media.last_mut() {
                media.lines.push(line);
            } else {
                session.lines.push(line);
            }
        }
        if session.lines.is_empty() {
            return Err(ParseError::NoVersion);
        }
        Ok(session)
    }

    /// The address `media` is wanted at: its own `c=`, else the session's. `None` when there is
    /// none, or it is a name, or a multicast group.
    #[must_use]
    pub fn address_of(&self, media: &Media) -> Option<IpAddr> {
        let own = media.lines.iter().find(|line| line.kind == 'c');
        let line = own.or_else(|| self.lines.iter().find(|line| line.kind == 'c'))?;
        let mut words = line.value.split_ascii_whitespace();
        if words.next()? != "IN" {
            return None;
        }
        let _kind = words.next()?;
        let address: IpAddr = words.next()?.parse().ok()?;
        (!address.is_multicast()).then_some(address)
    }
}

impl Line {
    /// A line of our own.
    #[must_use]
    pub fn new(kind: char, value: impl Into<String>) -> Self {
        Self {
            kind,
            value: value.into(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once('=')?;
        let mut letters = kind.chars();
        let letter = letters.next().filter(char::is_ascii_lowercase)?;
        letters.next().is_none().then(|| Self::new(letter, value))
    }

    /// For an `a=` line: its name, and its value after the colon if it has one.
    #[must_use]
    pub fn attribute(&self) -> Option<(&str, Option<&str>)> {
        if self.kind != 'a' {
            return None;
        }
        Some(match self.value.split_once(':') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (self.value.trim(), None),
        })
    }
}

impl fmt::Debug for Line {
    /// As it is written, but for keys of media (RFC 4568, RFC 8866 §5.12) and passwords of ICE.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.attribute().map(|(name, _)| name.to_ascii_lowercase());
        let secret = self.kind == 'k' || matches!(name.as_deref(), Some("crypto" | "ice-pwd"));
        match (secret, name) {
            (true, Some(name)) => write!(f, "{}={name}:(secret)", self.kind),
            (true, None) => write!(f, "{}=(secret)", self.kind),
            (false, _) => write!(f, "{}={}", self.kind, self.value.escape_debug()),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}\r\n", self.kind, self.value)
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| line.fmt(f))?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

    #[test]
    fn what_is_read_is_written_back() {
        let session = Session::parse(PHONE.as_bytes()).expect("valid");
        assert_eq!(session.to_string(), PHONE);
        assert_eq!(session.media.first().map(|media| media.port), Some(4000));
    }

    #[test]
    fn a_printed_description_holds_no_key() {
        let keys = "k=clear:feedbeef\r\na=Crypto:1 AES_CM_128_HMAC_SHA1_80 inline:feedbeef\r\n\
            a=ice-pwd:feedbeef\r\n";
        let session = Session::parse(format!("{PHONE}{keys}").as_bytes()).expect("valid");
        let printed = format!("{session:?}");
        assert!(printed.contains("a=crypto:(secret)") && printed.contains("a=sendrecv"));
        assert!(!printed.contains("feedbeef"), "{printed}");
    }

    #[test]
    fn line_ends_may_be_anything() {
        let bare = PHONE.replace("\r\n", "\n");
        assert_eq!(
            Session::parse(bare.as_bytes()),
            Session::parse(PHONE.as_bytes())
        );
        let old = PHONE.replace("\r\n", "\r");
        assert_eq!(
            Session::parse(old.as_bytes()),
            Session::parse(PHONE.as_bytes())
        );
    }

    #[test]
    fn the_media_level_address_wins() {
        let text = format!("{PHONE}c=IN IP4 10.0.0.9\r\n");
        let session = Session::parse(text.as_bytes()).expect("valid");
        let audio = session.media.first().expect("audio");
        assert_eq!(session.address_of(audio), "10.0.0.9".parse().ok());
    }

    #[test]
    fn names_and_groups_are_no_address() {
        for value in [
            "IN IP4 phone.example",
            "IN IP4 224.1.1.1",
            "IN IP4",
            "ATM NSAP 1",
            "",
        ] {
            let text = format!("{PHONE}c={value}\r\n");
            let session = Session::parse(text.as_bytes()).expect("valid");
            let audio = session.media.first().expect("audio");
            assert_eq!(session.address_of(audio), None, "{value}");
        }
    }

    #[test]
    fn malformed_descriptions_are_named() {
        let check = |text: &str, expected| {
            assert_eq!(Session::parse(text.as_bytes()), Err(expected), "{text:?}");
        };
        check("", ParseError::NoVersion);
        check("hello", ParseError::NotALine(1));
        check("o=x\r\n", ParseError::NoVersion);
        check("v=1\r\n", ParseError::NoVersion);
        check("v=0\r\nnonsense\r\n", ParseError::NotALine(2));
        check("v=0\r\nab=c\r\n", ParseError::NotALine(2));
        check("v=0\r\nm=audio\r\n", ParseError::MediaLine(2));
        check("v=0\r\nm=audio x RTP/AVP 0\r\n", ParseError::MediaLine(2));
        check(
            "v=0\r\nm=audio 70000 RTP/AVP 0\r\n",
            ParseError::MediaLine(2),
        );
        check(
            &format!("v=0\r\n{}", "m=audio 0 x 0\n".repeat(17)),
            ParseError::TooManyMedia,
        );
        let long = "v".repeat(LENGTH_MAX + 1);
        check(&long, ParseError::TooLong(LENGTH_MAX + 1));
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let mut bytes = PHONE.as_bytes().to_vec();
        bytes.extend(b"a=x:\xff\xfe\0\r\n");
        assert!(Session::parse(&bytes).is_ok());
    }
}
