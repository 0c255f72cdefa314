//! Requests and responses, owned, and how they are written.

use std::fmt;
use std::io::Write;

use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::method::Method;
use crate::status::StatusCode;
use crate::uri::Uri;

/// One SIP message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request. Typed header fields: see [`Headers`].
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its Request-URI.
    pub uri: Uri,
    /// Its header fields.
    pub headers: Headers,
    /// Its body; may be empty, need not be text.
    pub body: Vec<u8>,
}

/// A response. Typed header fields: see [`Headers`].
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// The reason phrase as sent; the default one in responses we make.
    pub reason: Vec<u8>,
    /// Its header fields.
    pub headers: Headers,
    /// Its body; may be empty, need not be text.
    pub body: Vec<u8>,
}

// A body is never printed: it may be a description with the keys of the media (RFC 4568), or the
// digits of a PIN (RFC 6086).

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &format_args!("{}", self.uri))
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

impl Message {
    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The message as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl Request {
    /// The request as it goes on the wire, Content-Length last.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(capacity(&self.headers, &self.body));
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        // Writing to memory does not fail.
        let _ = write!(out, "{} SIP/2.0\r\n", self.uri);
        write_rest(&mut out, &self.headers, &self.body);
        out
    }
}

impl Request {
    /// How many bytes [`to_bytes`](Self::to_bytes) gives.
    #[must_use]
    pub fn wire_length(&self) -> usize {
        let uri = self.uri.to_string().len();
        let start_line = self.method.as_str().len() + uri + "  SIP/2.0\r\n".len();
        let fields = self
            .headers
            .iter()
            .filter(|field| *field.name != HeaderName::ContentLength)
            .map(|field| field.name.as_str().len() + field.value.len() + ": \r\n".len());
        let digits = self.body.len().to_string().len();
        let end = "Content-Length: \r\n\r\n".len() + digits + self.body.len();
        start_line + fields.sum::<usize>() + end
    }
}

impl Response {
    /// The response as it goes on the wire, Content-Length last.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(capacity(&self.headers, &self.body));
        // Writing to memory does not fail.
        let _ = write!(out, "SIP/2.0 {} ", self.status.code());
        out.extend_from_slice(&self.reason);
        out.extend_from_slice(b"\r\n");
        write_rest(&mut out, &self.headers, &self.body);
        out
    }
}

fn capacity(headers: &Headers, body: &[u8]) -> usize {
    const START_LINE: usize = 128;
    let fields: usize = headers.iter().map(|field| field.value.len() + 24).sum();
    START_LINE + fields + body.len()
}

fn write_rest(out: &mut Vec<u8>, headers: &Headers, body: &[u8]) {
    for field in headers
        .iter()
        .filter(|field| *field.name != HeaderName::ContentLength)
    {
        out.extend_from_slice(field.name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(field.value);
        out.extend_from_slice(b"\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use crate::parse_datagram;

    /// RFC 7616 §5.8: a digest can be guessed against at leisure; RFC 4568 §7: a key in a
    /// description is all that protects the audio.
    #[test]
    fn a_printed_message_holds_no_digest_no_key_and_no_digits() {
        let text = "INVITE sip:101@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\
            From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
            Authorization: Digest username=\"u\", response=\"feedbeef\"\r\n\
            Proxy-Authorization: Digest username=\"u\", response=\"feedbeef\"\r\n\
            Authentication-Info: rspauth=\"feedbeef\"\r\nContent-Length: 41\r\n\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline";
        let message = parse_datagram(text.as_bytes()).expect("SIP");
        let printed = format!("{message:?}");
        assert!(printed.contains("sip:101@10.0.0.1") && printed.contains("41 bytes"));
        for secret in ["feedbeef", "inline", "crypto", "97, 61"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
