//! Requests and responses, owned, and how they are written.

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
#[derive(Clone, PartialEq, Eq, Debug)]
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
#[derive(Clone, PartialEq, Eq, Debug)]
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
            .filter(|field| field.name != HeaderName::ContentLength)
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
        .filter(|field| field.name != HeaderName::ContentLength)
    {
        out.extend_from_slice(field.name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(&field.value);
        out.extend_from_slice(b"\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
    out.extend_from_slice(body);
}
