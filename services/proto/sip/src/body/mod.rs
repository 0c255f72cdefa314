//! Bodies: which part is the session description, and the two small ones that SIP makes itself.

mod multipart;
mod sipfrag;
mod summary;

use std::fmt;

pub use multipart::Part;
pub use sipfrag::StatusFragment;
pub use summary::{MessageCounts, MessageSummary};

use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{find_outside, is_token, trim};
use crate::message::{Request, Response};
use crate::params::Params;
use crate::status::StatusCode;

/// The type of body we describe sessions with.
pub const SDP: &str = "application/sdp";

/// A body that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BodyFault {
    /// No session description, but something else that must be understood.
    #[error("the body has a type that we do not take; send application/sdp")]
    Unsupported,
    /// Compressed or otherwise encoded.
    #[error("the body is encoded in a way that we do not take; send it as it is")]
    Encoded,
    /// The parts of a multipart body cannot be told apart.
    #[error("the parts of the multipart body cannot be told apart")]
    Malformed,
    /// More parts, or deeper in one another, than we read.
    #[error("the multipart body has more or deeper parts than we read")]
    TooMany,
}

impl BodyFault {
    /// The refusal of a request with this body (RFC 3261 §8.2.3 and §21.4.13).
    #[must_use]
    pub fn refusal(self, request: &Request, to_tag: &str) -> Response {
        let answer = |status| Response::to_request(request, status, Some(to_tag));
        match self {
            Self::Unsupported => answer(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .with(HeaderName::Accept, format!("{SDP}, multipart/mixed")),
            Self::Encoded => answer(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .with(HeaderName::Other("Accept-Encoding".into()), "identity"),
            Self::Malformed => answer(StatusCode::BAD_REQUEST),
            Self::TooMany => answer(StatusCode::REQUEST_ENTITY_TOO_LARGE),
        }
    }
}

/// `Content-Type: multipart/mixed;boundary=x`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaType {
    /// Type and subtype in lower case: `application/sdp`.
    pub essence: String,
    /// Parameters as sent.
    pub params: Params,
}

impl MediaType {
    /// Reads the field's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = trim(value);
        let end = find_outside(value, b';').unwrap_or(value.len());
        let (essence, params) = value.split_at_checked(end)?;
        let slash = memchr::memchr(b'/', essence)?;
        let (kind, subtype) = essence.split_at_checked(slash)?;
        let (kind, subtype) = (trim(kind), trim(subtype.get(1..)?));
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let essence = [kind, b"/", subtype].concat().to_ascii_lowercase();
        Some(Self {
            essence: String::from_utf8(essence).ok()?,
            params: Params::parse(params)?,
        })
    }

    /// The type before the slash, such as `multipart`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.essence.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.essence, self.params)
    }
}

/// What Content-Disposition says of handling (RFC 3261 §20.11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handling {
    Optional,
    Required,
    Unsaid,
}

impl Handling {
    pub(crate) fn of(headers: &Headers) -> Self {
        let value = headers.first(&HeaderName::ContentDisposition);
        let params = value.and_then(|value| {
            let at = find_outside(value, b';')?;
            Params::parse(value.get(at..)?)
        });
        let handling = params.and_then(|params| params.unquoted("handling"));
        match handling.map(|text| text.to_ascii_lowercase()).as_deref() {
            Some("optional") => Self::Optional,
            Some("required") => Self::Required,
            Some(_) | None => Self::Unsaid,
        }
    }
}

/// The session description in a body: the body itself, or a part of it (RFC 5621 §3). `None` when
/// the body is empty, or holds nothing that must be understood.
///
/// Beside a session description, a part of a type we do not know counts as optional unless it says
/// `handling=required`. RFC 3261 §20.11 would have us refuse a part that says nothing, and with it
/// calls that carry a location or ISDN data, emergency calls among them.
///
/// # Errors
/// [`BodyFault`]; [`BodyFault::refusal`] answers it.
pub fn session_description<'a>(
    headers: &Headers,
    body: &'a [u8],
) -> Result<Option<&'a [u8]>, BodyFault> {
    if body.is_empty() {
        return Ok(None);
    }
    let optional = Handling::of(headers) == Handling::Optional;
    if is_encoded(headers) {
        return if optional {
            Ok(None)
        } else {
            Err(BodyFault::Encoded)
        };
    }
    let Some(value) = headers.first(&HeaderName::ContentType) else {
        // RFC 3261 §20.15 wants a type for every body; nobody can say what this one is.
        return Err(BodyFault::Unsupported);
    };
    let kind = MediaType::parse(value).ok_or(BodyFault::Unsupported)?;
    if kind.essence == SDP {
        return Ok(Some(body));
    }
    let found = match kind.kind() {
        "multipart" => multipart::find(&kind, body)?,
        _ => multipart::Found::Unknown,
    };
    match found {
        multipart::Found::Part(part) => Ok(Some(part)),
        multipart::Found::Nothing => Ok(None),
        multipart::Found::Unknown if optional => Ok(None),
        multipart::Found::Unknown => Err(BodyFault::Unsupported),
    }
}

/// Whether Content-Encoding, or a part's Content-Transfer-Encoding, has changed the bytes.
pub(crate) fn is_encoded(headers: &Headers) -> bool {
    let plain = |value: &[u8], names: &[&str]| {
        names
            .iter()
            .any(|name| value.eq_ignore_ascii_case(name.as_bytes()))
    };
    let transfer = HeaderName::Other("Content-Transfer-Encoding".into());
    headers
        .values(&HeaderName::ContentEncoding)
        .any(|value| !plain(value, &["identity"]))
        || headers
            .all(&transfer)
            .any(|value| !plain(value, &["binary", "8bit", "7bit"]))
}

#[cfg(test)]
mod tests;
