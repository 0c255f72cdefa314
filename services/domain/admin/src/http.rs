//! Requests and responses as plain values, free of any HTTP library.

use std::fmt;
use std::net::IpAddr;

/// The methods the box answers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Read.
    Get,
    /// Create or act.
    Post,
    /// Remove.
    Delete,
}

/// Who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Somebody on the network; must sign in.
    Network(IpAddr),
    /// A program on the box itself, through the control socket, whose user id was checked.
    Local,
    /// Somebody who stands before the box, by the menu on its screen.
    Screen,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => write!(f, "{address}"),
            Self::Local => f.write_str("local"),
            Self::Screen => f.write_str("screen"),
        }
    }
}

/// A request whose length and framing the web server has already checked.
#[derive(Clone)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// The path alone, as sent: `/api/calls`.
    pub path: String,
    /// What came after `?`; empty when nothing did.
    pub query: String,
    /// Names in lower case, values as sent.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
    /// Who sent it.
    pub peer: Peer,
    /// The box's own address that it was sent to; none on the box itself.
    pub at: Option<IpAddr>,
}

impl Request {
    /// The first header of this (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.header("cookie")?
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The token of `Authorization: Bearer` (RFC 6750 §2.1).
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    }

    /// The version in `If-Match: "17"` (RFC 9110 §13.1.1). A tag that is not ours is 0, the version
    /// that never was, so that the condition is false; `*` asks for nothing that we do not check.
    pub(crate) fn seen_version(&self) -> Option<u64> {
        // A form says it in a field.
        if let Some(seen) = self.form_value("seen") {
            return Some(seen.parse().unwrap_or(0));
        }
        let tag = self.header("if-match")?.trim();
        let inner = tag
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        (tag != "*").then(|| inner.and_then(|it| it.parse().ok()).unwrap_or(0))
    }

    /// The value of a field of a form that was sent.
    fn form_value(&self, name: &str) -> Option<String> {
        let is_form = self
            .header("content-type")
            .is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"));
        form_field(
            std::str::from_utf8(&self.body).ok().filter(|_| is_form)?,
            name,
        )
    }

    /// Why somebody does this, in his own words, for the audit trail: the field `reason` of the
    /// query or of a form. Longer than a sentence it is cut; a control character becomes a space.
    pub(crate) fn reason(&self) -> String {
        let said = self.query_field("reason");
        let said = said
            .or_else(|| self.form_value("reason"))
            .unwrap_or_default();
        let plain = said.chars().map(|c| if c.is_control() { ' ' } else { c });
        plain
            .take(REASON_LENGTH_MAX)
            .collect::<String>()
            .trim()
            .to_owned()
    }

    /// The value of a field in the query.
    #[must_use]
    pub fn query_field(&self, name: &str) -> Option<String> {
        form_field(&self.query, name)
    }
}

impl fmt::Debug for Request {
    /// Neither headers (cookies) nor body (passwords) nor query are printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Request({:?} {} from {})",
            self.method, self.path, self.peer
        )
    }
}

/// A response, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

/// The body of a response.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Bytes of the file that the last [`Step::Open`](crate::Step::Open) on the way here opened:
    /// they may be too many to hold.
    Opened {
        /// The first of them, from 0.
        from: u64,
        /// How many.
        bytes: u64,
    },
    /// Entries of the audit trail as a file, which the store gives out a piece at a time.
    Trail {
        /// The first line and what came with it, each with its end.
        heading: String,
        /// The entry to go on with; `None` when that was all.
        next: Option<u64>,
        /// The last.
        last: u64,
    },
    /// A stream of events that goes on: the runtime asks again every few seconds, and sends on what
    /// is otherwise than before, until the answer is another.
    Events(Vec<Event>),
}

/// Something that is shown and changes by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Tells it from the others of a stream.
    pub name: &'static str,
    /// How it is now: HTML.
    pub data: String,
}

impl Body {
    /// How many bytes it has, where that is known before they are sent.
    #[must_use]
    pub const fn known_length(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Opened { bytes, .. } => Some(*bytes),
            Self::Trail { .. } | Self::Events(_) => None,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self.known_length(), Some(0))
    }
}

impl Response {
    /// A response without a body.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bytes(Vec::new()),
        }
    }

    /// A response with a part of the opened file.
    #[must_use]
    pub fn opened(status: u16, from: u64, bytes: u64) -> Self {
        let body = Body::Opened { from, bytes };
        Self {
            body,
            ..Self::empty(status)
        }
    }

    /// A response with entries of the audit trail behind their first line.
    #[must_use]
    pub fn trail(heading: String, next: Option<u64>, last: u64) -> Self {
        let body = Body::Trail {
            heading,
            next,
            last,
        };
        Self {
            body,
            ..Self::empty(200)
        }
    }

    /// A response that goes on with what changes.
    #[must_use]
    pub fn events(events: Vec<Event>) -> Self {
        let body = Body::Events(events);
        Self {
            body,
            ..Self::empty(200)
        }
        .with("content-type", "text/event-stream")
    }

    /// A response with a body of the given type, never kept by a cache.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::empty(status)
            .with("content-type", content_type)
            .with_body(body)
    }

    /// JSON of a value made of our own view types, which always serialise.
    #[must_use]
    pub fn json(status: u16, value: &impl serde::Serialize) -> Self {
        serde_json::to_vec(value).map_or_else(
            |_| Self::empty(500),
            |body| Self::new(status, "application/json; charset=utf-8", body),
        )
    }

    /// A refusal as the API says it, of what comes to it in no readable form.
    #[must_use]
    pub fn refused(status: u16, error: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": error }))
    }

    /// See-other redirect: the browser asks for `location` with GET.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::empty(303).with("location", location)
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    }

    fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    /// Adds what every response carries: nothing is framed, sniffed, cached or loaded from
    /// elsewhere, and the browser comes back by HTTPS only.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        if self.header("cache-control").is_none() {
            self = self.with("cache-control", "no-store");
        }
        self.with("content-security-policy", CONTENT_SECURITY_POLICY)
            .with("strict-transport-security", "max-age=31536000")
            .with("x-content-type-options", "nosniff")
            .with("x-frame-options", "DENY")
            .with("cross-origin-opener-policy", "same-origin")
            .with("cross-origin-resource-policy", "same-origin")
            // Not no-referrer: that would turn the Origin of our own forms into `null`.
            .with("referrer-policy", "same-origin")
    }
}

impl fmt::Debug for Response {
    /// The body and the headers may hold a password or a session token and are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.body.known_length() {
            Some(length) => write!(f, "Response({}, {length} bytes)", self.status),
            None => write!(f, "Response({})", self.status),
        }
    }
}

/// The value of one field of `application/x-www-form-urlencoded` text.
pub(crate) fn form_field(text: &str, name: &str) -> Option<String> {
    text.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key)? == name).then(|| decode(value)).flatten()
    })
}

/// Every field of such text in its order; `None` when it is none.
pub(crate) fn form_fields(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let fields = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(key)?, decode(value)?))
    });
    fields.collect()
}

/// Undoes `+` and `%41`; `None` when the escapes are broken or the result is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Most characters of a reason.
const REASON_LENGTH_MAX: usize = 200;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_fields_are_decoded() {
        let body = "login=admin&password=a%2Bb+c%C3%A7&empty=";
        assert_eq!(form_field(body, "password").as_deref(), Some("a+b cç"));
        assert_eq!(form_field(body, "empty").as_deref(), Some(""));
        assert_eq!(form_field(body, "absent"), None);
    }

    #[test]
    fn broken_escapes_are_no_value() {
        for body in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert_eq!(form_field(body, "a"), None, "{body}");
        }
    }

    #[test]
    fn a_request_prints_neither_cookie_nor_body() {
        let request = Request {
            method: Method::Post,
            path: "/api/login".into(),
            query: String::new(),
            headers: vec![("cookie".into(), "session=topsecret".into())],
            body: b"topsecret".to_vec(),
            peer: Peer::Local,
            at: None,
        };
        assert!(!format!("{request:?}").contains("topsecret"));
        let response =
            Response::new(200, "text/plain", "topsecret").with("set-cookie", "topsecret");
        assert!(!format!("{response:?}").contains("topsecret"));
    }
}
