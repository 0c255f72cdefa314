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
    fn the_direction_is_read_where_it_stands() {
        assert_eq!(
            media(&["ptime:20", "sendonly"]).direction(),
            Some(Direction::SendOnly)
        );
        assert_eq!(media(&["ptime:20"]).direction(), None);
        assert_eq!(Direction::SendReceive.held(), Direction::SendOnly);
    }
}
