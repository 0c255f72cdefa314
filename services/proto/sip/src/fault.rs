//! What peers get wrong, as data: enough to answer, never an excuse to stop.

use std::net::SocketAddr;

use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::message::Response;
use crate::method::Method;
use crate::status::StatusCode;

/// A header field that a typed accessor could not give.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderFault {
    /// The header field is missing.
    #[error("the header field {0} is missing")]
    Missing(HeaderName),
    /// The header field cannot be read.
    #[error("the header field {0} cannot be read")]
    Malformed(HeaderName),
    /// The header field stands more than once.
    #[error("the header field {0} stands more than once")]
    Repeated(HeaderName),
}

/// What was wrong with the bytes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FaultKind {
    /// No message but a keep-alive: nothing, line ends, NULs, or a STUN request. No mistake at all.
    #[error("no message but a keep-alive")]
    KeepAlive,
    /// Not SIP at all.
    #[error("not SIP at all")]
    Garbage,
    /// The start line cannot be read.
    #[error("the start line cannot be read")]
    StartLine,
    /// Another version of SIP than 2.0.
    #[error("another version of SIP than 2.0")]
    Version,
    /// The header block does not end.
    #[error("the header block does not end")]
    Truncated,
    /// A line in the header block is no header field.
    #[error("a line in the header block is no header field")]
    HeaderLine,
    /// A header field that every message needs is missing or wrong.
    #[error("{0}")]
    Header(#[from] HeaderFault),
    /// CSeq names another method than the request line.
    #[error("CSeq names another method than the request line")]
    MethodMismatch,
    /// Content-Length is larger than what came, or absent on a stream.
    #[error("Content-Length is larger than what came, or absent on a stream")]
    ContentLength,
    /// The message or its header block is larger than we read.
    #[error("the message or its header block is larger than we read")]
    TooLarge,
    /// The request line holds no URI.
    #[error("the request line holds no URI")]
    RequestUri,
}

impl FaultKind {
    /// The status a request with this fault deserves.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Version => StatusCode::VERSION_NOT_SUPPORTED,
            Self::TooLarge => StatusCode::MESSAGE_TOO_LARGE,
            Self::KeepAlive
            | Self::Garbage
            | Self::StartLine
            | Self::Truncated
            | Self::HeaderLine
            | Self::Header(_)
            | Self::MethodMismatch
            | Self::ContentLength
            | Self::RequestUri => StatusCode::BAD_REQUEST,
        }
    }
}

/// A message that could not be used, with what is needed to answer it when that much was legible.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ParseFault {
    /// What was wrong first.
    pub kind: FaultKind,
    /// What an answer needs; `None` for responses, ACKs, and whatever cannot be answered.
    pub salvage: Option<Box<Salvage>>,
}

/// The legible part of a faulty request: Via, From, To, Call-ID and CSeq are all there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Salvage {
    /// The method of the request line.
    pub method: Method,
    /// The header fields that could be read.
    pub headers: Headers,
}

impl ParseFault {
    /// The answer to a faulty request that came from `source`; `None` when it cannot be answered.
    #[must_use]
    pub fn response(&self, source: SocketAddr, to_tag: &str) -> Option<Response> {
        let salvage = self.salvage.as_deref()?;
        let mut headers = salvage.headers.clone();
        headers.stamp_source(source);
        Some(Response::answering(
            &headers,
            self.kind.status(),
            Some(to_tag),
        ))
    }
}

impl From<FaultKind> for ParseFault {
    fn from(kind: FaultKind) -> Self {
        Self {
            kind,
            salvage: None,
        }
    }
}
