//! One medium: its `m=` line and what follows it.

use std::fmt;

use crate::session::Line;

/// A media block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// `audio`, `video`...
    pub kind: String,
    /// Where RTP is wanted; 0 refuses the medium (RFC 3264 §6).
    pub port: u16,
    /// `RTP/AVP`...
    pub protocol: String,
    /// Payload types, as written.
    pub formats: Vec<String>,
    /// The lines that follow.
    pub lines: Vec<Line>,
}

/// Which way media flows, seen from whoever wrote the description (RFC 8866 §6.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Both ways: also when nothing is written.
    SendReceive,
    /// Its writer holds the other side.
    SendOnly,
    /// Its writer only listens.
    ReceiveOnly,
    /// Neither way.
    Inactive,
}

/// A payload type for DTMF events (RFC 4733).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TelephoneEvent {
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// Its clock, Hz.
    pub clock: u32,
}

impl Media {
    /// Reads the value of an `m=` line: `audio 4000/2 RTP/AVP 0 8`.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let kind = words.next()?.to_owned();
        let port = words.next()?.split('/').next()?.parse().ok()?;
        let protocol = words.next()?.to_owned();
        let formats: Vec<String> = words.map(str::to_owned).collect();
        let complete = !formats.is_empty();
        complete.then(|| Self {
            kind,
            port,
            protocol,
            formats,
            lines: Vec::new(),
        })
    }

    /// Audio over plain RTP, not refused. SRTP is not: its keys would end with us.
    #[must_use]
    pub fn is_relayable(&self) -> bool {
        let plain = ["RTP/AVP", "RTP/AVPF"]
            .iter()
            .any(|p| self.protocol.eq_ignore_ascii_case(p));
        plain && self.port != 0 && self.kind.eq_ignore_ascii_case("audio")
    }

    /// The medium refused: RFC 3264 §6 keeps its line, with port 0; attributes do not matter.
    #[must_use]
    pub fn refused(&self) -> Self {
        Self {
            kind: self.kind.clone(),
            port: 0,
            protocol: self.protocol.clone(),
            formats: self.formats.clone(),
            lines: Vec::new(),
        }
    }

    /// The direction written in this block, if any; the session's holds otherwise.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        Direction::among(&self.lines)
    }

    /// The payload type mapped to `telephone-event` and listed in the `m=` line; the 8 kHz one
    /// when there are several.
    #[must_use]
    pub fn telephone_event(&self) -> Option<TelephoneEvent> {
        let events = self
            .lines
            .iter()
            .filter_map(|line| match line.attribute()? {
                ("rtpmap", Some(map)) => self.listed_event(map),
                _ => None,
            });
        events.min_by_key(|event| event.clock != 8000)
    }

    fn listed_event(&self, map: &str) -> Option<TelephoneEvent> {
        let (number, encoding) = map.split_once(' ')?;
        let (name, clock) = encoding.trim().split_once('/')?;
        let payload_type = number.parse().ok().filter(|number| *number <= 127)?;
        let listed = self.formats.iter().any(|format| format == number);
        (listed && name.eq_ignore_ascii_case("telephone-event")).then_some(TelephoneEvent {
            payload_type,
            clock: clock.parse().ok()?,
        })
    }
}

impl Direction {
    /// The first direction among some lines.
    pub(crate) fn among(lines: &[Line]) -> Option<Self> {
        lines
            .iter()
            .find_map(|line| Self::parse(line.attribute()?.0))
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "sendrecv" => Some(Self::SendReceive),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::ReceiveOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    /// As written in an attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The same without receiving: what `c=0.0.0.0` means (RFC 3264 §8.4).
    #[must_use]
    pub const fn held(self) -> Self {
        match self {
            Self::SendReceive | Self::SendOnly => Self::SendOnly,
            Self::ReceiveOnly | Self::Inactive => Self::Inactive,
        }
    }

    /// Whether its writer does not want to hear the other side.
    #[must_use]
    pub const fn is_hold(self) -> bool {
        matches!(self, Self::SendOnly | Self::Inactive)
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {}", self.kind, self.port, self.protocol)?;
        self.formats
            .iter()
            .try_for_each(|format| write!(f, " {format}"))?;
        f.write_str("\r\n")?;
        self.lines.iter().try_for_each(|line| line.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(lines: &[&str]) -> Media {
        let mut media = Media::parse("audio 4000/2 RTP/AVP 0 100 101").expect("valid");
        media.lines = lines.iter().map(|value| Line::new('a', *value)).collect();
        media
    }

    #[test]
    fn telephone_event_is_found_by_name_not_by_number() {
        let check = |lines: &[&str], expected: Option<u8>| {
            assert_eq!(
                media(lines).telephone_event().map(|e| e.payload_type),
                expected
            );
        };
        check(&["rtpmap:101 telephone-event/8000"], Some(101));
        check(&["rtpmap:100 Telephone-Event/48000"], Some(100));
        check(
            &[
                "rtpmap:100 telephone-event/48000",
                "rtpmap:101 telephone-event/8000",
            ],
            Some(101),
        );
        check(&["rtpmap:99 telephone-event/8000"], None);
        check(&["rtpmap:101 speex/8000"], None);
        check(
            &["rtpmap:101", "rtpmap:x telephone-event/8000", "rtpmap"],
            None,
        );
    }

    #[test]
    fn srtp_video_and_refused_media_are_not_relayed() {
        let check = |value: &str, expected| {
            assert_eq!(
                Media::parse(value).map(|media| media.is_relayable()),
                Some(expected)
            );
        };
        check("audio 4000 RTP/AVP 0", true);
        check("audio 4000 RTP/AVPF 0", true);
        check("audio 0 RTP/AVP 0", false);
        check("audio 4000 RTP/SAVP 0", false);
        check("video 4000 RTP/AVP 31", false);
        check("image 4000 udptl t38", false);
    }

    #[test]
    fn the_direction_is_read_where_it_stands() {
        assert_eq!(
            media(&["ptime:20", "sendonly"]).direction(),
            Some(Direction::SendOnly)
        );
        assert_eq!(media(&["ptime:20"]).direction(), None);
        assert!(Direction::SendReceive.held().is_hold());
    }
}
