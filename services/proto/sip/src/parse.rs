//! Bytes to messages: lenient where RFC 3261 and RFC 4475 allow it, strict on framing.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::datagram::DatagramKind;
use crate::fault::{FaultKind, HeaderFault, ParseFault, Salvage};
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{decimal, is_blank, trim};
use crate::message::{Message, Request, Response};
use crate::method::Method;
use crate::status::StatusCode;
use crate::uri::Uri;
use crate::{HEADER_BLOCK_BYTES_MAX, HEADERS_MAX, MESSAGE_BYTES_MAX};

/// Reads the one message of a datagram (RFC 3261 §18.3): bytes beyond Content-Length are dropped,
/// without Content-Length the body is the rest.
///
/// # Errors
/// [`ParseFault`], with what an answer needs when that much was legible.
pub fn parse_datagram(bytes: &[u8]) -> Result<Message, ParseFault> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(FaultKind::TooLarge.into());
    }
    let mut start = bytes;
    while let [b'\r' | b'\n', rest @ ..] = start {
        start = rest;
    }
    match DatagramKind::of(bytes) {
        DatagramKind::KeepAlive | DatagramKind::Stun => return Err(FaultKind::KeepAlive.into()),
        DatagramKind::Sip => {}
    }
    let Some(end) = memmem::find(start, BLOCK_END) else {
        return Err(if is_sip(start) {
            FaultKind::Truncated
        } else {
            FaultKind::Garbage
        }
        .into());
    };
    let (block, body) = start
        .split_at_checked(end + BLOCK_END.len())
        .unwrap_or((start, &[]));
    parse_block(block)?.with_body(body, Framing::Datagram)
}

/// What ends the header block.
pub(crate) const BLOCK_END: &[u8] = b"\r\n\r\n";

/// How the end of a body is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By Content-Length, or else by the end of the datagram.
    Datagram,
    /// By Content-Length only.
    Stream,
}

/// A header block read so far, faults included, waiting for its body.
pub(crate) struct Block {
    start: StartLine,
    headers: Headers,
    /// The first legible Content-Length.
    content_length: Option<usize>,
    fault: Option<FaultKind>,
}

enum StartLine {
    Request(Method, Option<Uri>),
    Response(StatusCode, Vec<u8>),
}

/// Whether the bytes look like a message at all, so that noise is counted as noise.
fn is_sip(bytes: &[u8]) -> bool {
    let line = bytes
        .split(|byte| *byte == b'\r' || *byte == b'\n')
        .next()
        .unwrap_or_default();
    line.starts_with(b"SIP/") || memmem::find(line, b" SIP/").is_some()
}

/// Reads a start line and header block, its end included.
///
/// # Errors
/// When nothing at all can be made of it. Lesser faults wait in the block for the answer.
pub(crate) fn parse_block(block: &[u8]) -> Result<Block, ParseFault> {
    let block = block.strip_suffix(b"\r\n").unwrap_or(block);
    let mut lines = Lines(block);
    let first = lines.next().unwrap_or_default();
    let (start, mut fault) = parse_start_line(first)?;
    if block.len() > HEADER_BLOCK_BYTES_MAX {
        fault = Some(FaultKind::TooLarge);
    }
    // The names leave room for what is noted in Via.
    let mut headers = Headers::with_room(16, block.len());
    let mut content_length = None;
    for line in lines {
        let Some((name, value)) = parse_field(line) else {
            fault.get_or_insert(FaultKind::HeaderLine);
            continue;
        };
        if name == HeaderName::ContentLength {
            let length = decimal::<usize>(&value);
            // RFC 4475 §3.3.9: two that differ cannot both be right; two alike hide a mistake.
            if content_length.is_some() || length.is_none() {
                fault = Some(FaultKind::ContentLength);
            }
            content_length = content_length.or(length);
            continue;
        }
        if headers.len() == HEADERS_MAX {
            return Err(salvage(start, headers, FaultKind::TooLarge));
        }
        headers.push(name, value);
    }
    Ok(Block {
        start,
        headers,
        content_length,
        fault,
    })
}

impl Block {
    /// Content-Length, unless it is absent, illegible, or stands twice.
    pub(crate) fn certain_length(&self) -> Option<usize> {
        self.content_length
            .filter(|_| self.fault != Some(FaultKind::ContentLength))
    }

    /// Gives the message up because its body would be larger than we read.
    pub(crate) fn too_large(self) -> ParseFault {
        salvage(self.start, self.headers, FaultKind::TooLarge)
    }

    /// Completes the message with its body and checks what every message must have.
    pub(crate) fn with_body(self, body: &[u8], framing: Framing) -> Result<Message, ParseFault> {
        let Self {
            start,
            headers,
            content_length,
            fault,
        } = self;
        let fault = fault.or(match (content_length, framing) {
            (Some(length), _) if length > body.len() => Some(FaultKind::ContentLength),
            (None, Framing::Stream) => Some(FaultKind::ContentLength),
            (Some(_), _) | (None, Framing::Datagram) => None,
        });
        if let Some(kind) = fault.or_else(|| mandatory(&start, &headers).err()) {
            return Err(salvage(start, headers, kind));
        }
        let body = content_length
            .and_then(|length| body.get(..length))
            .unwrap_or(body)
            .to_vec();
        match start {
            StartLine::Request(method, Some(uri)) => Ok(Message::Request(Request {
                method,
                uri,
                headers,
                body,
            })),
            StartLine::Request(_, None) => Err(salvage(start, headers, FaultKind::RequestUri)),
            StartLine::Response(status, reason) => Ok(Message::Response(Response {
                status,
                reason,
                headers,
                body,
            })),
        }
    }
}

/// Lines ended by CRLF, folded ones kept together (RFC 3261 §7.3.1).
pub(crate) struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    pub(crate) const fn new(block: &'a [u8]) -> Self {
        Self(block)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let mut searched = 0;
        while let Some(at) = memchr(b'\n', self.0.get(searched..)?) {
            searched += at + 1;
            let (line, rest) = self.0.split_at_checked(searched)?;
            let folded = rest.first().is_some_and(|next| is_blank(*next));
            if let [line @ .., b'\r', b'\n'] = line
                && !folded
            {
                self.0 = rest;
                return Some(line);
            }
        }
        Some(std::mem::take(&mut self.0))
    }
}

pub(crate) fn parse_field(line: &[u8]) -> Option<(HeaderName, Cow<'_, [u8]>)> {
    let (name, value) = line.split_at_checked(memchr(b':', line)?)?;
    let name = HeaderName::parse(trim(name))?;
    let value = trim(value.get(1..)?);
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Some((name, Cow::Borrowed(value)));
    }
    unfold(value).map(|value| (name, Cow::Owned(value)))
}

/// Each fold becomes one space; a CR or LF that is no fold is a fault.
fn unfold(value: &[u8]) -> Option<Vec<u8>> {
    let mut unfolded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memmem::find(rest, b"\r\n") {
        let (line, tail) = rest.split_at_checked(at)?;
        unfolded.extend_from_slice(trim(line));
        unfolded.push(b' ');
        rest = trim(tail.get(2..)?);
    }
    unfolded.extend_from_slice(rest);
    let stray = memchr::memchr2(b'\r', b'\n', &unfolded).is_some();
    (!stray).then(|| trim(&unfolded).to_vec())
}

fn parse_start_line(line: &[u8]) -> Result<(StartLine, Option<FaultKind>), ParseFault> {
    if let Some(rest) = line.strip_prefix(b"SIP/") {
        let (status, reason) = parse_status_line(rest)?;
        return Ok((StartLine::Response(status, reason), None));
    }
    // The last element is the version: a URI with blanks in it must not hide it.
    let Some(at) = memmem::rfind(line, b" SIP/") else {
        return Err(if is_sip(line) {
            FaultKind::StartLine
        } else {
            FaultKind::Garbage
        }
        .into());
    };
    let (request, version) = line.split_at_checked(at).unwrap_or((line, &[]));
    let space = memchr(b' ', request).ok_or(FaultKind::StartLine)?;
    let (method, uri) = request.split_at_checked(space).unwrap_or((request, &[]));
    let method = Method::parse(method).ok_or(FaultKind::StartLine)?;
    // Headers in a request line are a fault, not an order (RFC 3261 §19.1.5, escruri in RFC 4475).
    let plain = |uri: &Uri| uri.as_sip().is_none_or(|uri| uri.headers.is_none());
    let uri = uri.get(1..).and_then(|uri| Uri::parse(uri).ok());
    let uri = uri.filter(plain);
    let fault = match version {
        b" SIP/2.0" => uri.is_none().then_some(FaultKind::RequestUri),
        _ if is_version(version) => Some(FaultKind::Version),
        _ => Some(FaultKind::StartLine),
    };
    Ok((StartLine::Request(method, uri), fault))
}

/// ` SIP/` digits `.` digits.
fn is_version(text: &[u8]) -> bool {
    let Some(number) = text.strip_prefix(b" SIP/") else {
        return false;
    };
    let mut parts = number.split(|byte| *byte == b'.');
    let digits = |part: Option<&[u8]>| {
        part.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
    };
    digits(parts.next()) && digits(parts.next()) && parts.next().is_none()
}

/// What follows `SIP/` in a status line.
pub(crate) fn parse_status_line(rest: &[u8]) -> Result<(StatusCode, Vec<u8>), ParseFault> {
    let rest = rest.strip_prefix(b"2.0 ").ok_or(FaultKind::Version)?;
    let end = memchr(b' ', rest).unwrap_or(rest.len());
    let (code, reason) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    let code = if code.len() == 3 { decimal(code) } else { None };
    let status = code.and_then(StatusCode::new).ok_or(FaultKind::StartLine)?;
    Ok((status, reason.get(1..).unwrap_or_default().to_vec()))
}

/// Via, From, To, Call-ID, CSeq must be there, once and legible; the scalars too where they stand.
fn mandatory(start: &StartLine, headers: &Headers) -> Result<(), FaultKind> {
    let cseq = headers.check_mandatory()?;
    match start {
        StartLine::Request(method, _) => {
            headers.max_forwards()?;
            if cseq.method != *method {
                return Err(FaultKind::MethodMismatch);
            }
        }
        StartLine::Response(..) => {}
    }
    for name in [HeaderName::MaxForwards, HeaderName::ContentType] {
        match headers.only(&name) {
            Ok(_) | Err(HeaderFault::Missing(_)) => {}
            Err(fault @ (HeaderFault::Repeated(_) | HeaderFault::Malformed(_))) => {
                return Err(fault.into());
            }
        }
    }
    Ok(())
}

/// The fault with what an answer needs, when all of that can be copied: a Via to answer along and
/// one each of From, To, Call-ID and CSeq, legible or not.
fn salvage(start: StartLine, headers: Headers, kind: FaultKind) -> ParseFault {
    let StartLine::Request(method, _) = start else {
        return kind.into();
    };
    let copied = [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ];
    // A request of another version has come by a Via of that version (RFC 4475 §3.1.2.16): the
    // answer goes where it came from.
    let strange = kind == FaultKind::Version && headers.first(&HeaderName::Via).is_some();
    let answerable = method != Method::Ack
        && (strange || headers.via_ref().is_ok())
        && copied.iter().all(|name| headers.first(name).is_some());
    ParseFault {
        kind,
        salvage: answerable.then(|| Box::new(Salvage { method, headers })),
    }
}
