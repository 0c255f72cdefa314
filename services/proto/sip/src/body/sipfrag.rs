//! `message/sipfrag` as a NOTIFY about a REFER has it: a status line (RFC 3420, RFC 3515 §2.4.5).

use crate::parse::parse_status_line;
use crate::status::StatusCode;

/// How far a transfer has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusFragment {
    /// The status of the referred request.
    pub status: StatusCode,
    /// Its reason phrase.
    pub reason: Vec<u8>,
}

impl StatusFragment {
    /// What stands in Content-Type.
    pub const CONTENT_TYPE: &'static str = "message/sipfrag;version=2.0";

    /// A fragment with the default reason phrase.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: status.reason().into(),
        }
    }

    /// Reads the status line at the start of a body; header fields behind it are passed over.
    /// `None` when it starts otherwise.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let end = memchr::memchr2(b'\r', b'\n', body).unwrap_or(body.len());
        let rest = body.get(..end)?.strip_prefix(b"SIP/")?;
        let (status, reason) = parse_status_line(rest).ok()?;
        Some(Self { status, reason })
    }

    /// The body.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("SIP/2.0 {} ", self.status.code()).into_bytes();
        out.extend_from_slice(&self.reason);
        out.extend_from_slice(b"\r\n");
        out
    }
}
