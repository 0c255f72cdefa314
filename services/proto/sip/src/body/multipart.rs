//! Multipart bodies (RFC 2046 §5.1, RFC 5621).

use memchr::memmem;

use super::{BodyFault, Handling, MediaType, SDP, is_encoded};
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{is_blank, trim};
use crate::parse::{BLOCK_END, Lines, parse_field};

/// Most multiparts in one another that are read. RFC 5621 §3.1 sees no use for more than two.
const DEPTH_MAX: usize = 3;
/// Most parts on one level that are read; calls carry two or three.
const PARTS_MAX: usize = 16;
/// The longest boundary (RFC 2046 §5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;
/// Most fields of one part that are read.
const PART_HEADERS_MAX: usize = 16;

/// One part of a multipart body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// Its own fields; Content-Type may be missing and then means text/plain.
    pub headers: Headers,
    /// Its content.
    pub body: &'a [u8],
}

/// What a search for a session description came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found<'a> {
    /// This is it.
    Part(&'a [u8]),
    /// Nothing, and all else is optional.
    Nothing,
    /// Something that must be understood and is not.
    Unknown,
}

impl<'a> Part<'a> {
    /// Splits a multipart body whose Content-Type is `kind`.
    ///
    /// # Errors
    /// When it has no boundary, no part, or too many.
    pub fn split(kind: &MediaType, body: &'a [u8]) -> Result<Vec<Self>, BodyFault> {
        let boundary = kind.params.unquoted("boundary");
        let boundary = boundary
            .filter(|text| (1..=BOUNDARY_BYTES_MAX).contains(&text.len()))
            .ok_or(BodyFault::Malformed)?;
        let mut delimiters = Delimiters {
            text: format!("--{boundary}").into_bytes(),
            body,
            at: 0,
        };
        let mut parts = Vec::new();
        let mut start = delimiters.next().ok_or(BodyFault::Malformed)?;
        while !start.last {
            // RFC 2046 wants a closing delimiter; without it the body's end does.
            let end = delimiters.next();
            let till = end.as_ref().map_or(body.len(), |end| end.from);
            if parts.len() == PARTS_MAX {
                return Err(BodyFault::TooMany);
            }
            // The line end before a delimiter belongs to the delimiter, so one part may be empty.
            let content = body.get(start.till..till).unwrap_or_default();
            parts.push(Self::read(content).ok_or(BodyFault::Malformed)?);
            match end {
                Some(end) => start = end,
                None => break,
            }
        }
        if parts.is_empty() {
            return Err(BodyFault::Malformed);
        }
        Ok(parts)
    }

    fn read(content: &'a [u8]) -> Option<Self> {
        if let Some(body) = content.strip_prefix(b"\r\n") {
            return Some(Self {
                headers: Headers::new(),
                body,
            });
        }
        let (block, body) = match memmem::find(content, BLOCK_END) {
            Some(at) => content.split_at_checked(at + BLOCK_END.len())?,
            None => (content, &[][..]),
        };
        let block = block.strip_suffix(b"\r\n").unwrap_or(block);
        let mut headers = Headers::new();
        for line in Lines::new(block).take(PART_HEADERS_MAX) {
            let (name, value) = parse_field(line)?;
            headers.push(name, value);
        }
        Some(Self { headers, body })
    }

    /// The type of its content.
    fn kind(&self) -> Option<MediaType> {
        match self.headers.first(&HeaderName::ContentType) {
            Some(value) => MediaType::parse(value),
            None => MediaType::parse(b"text/plain"),
        }
    }
}

/// One `--boundary` line.
struct Delimiter {
    /// Where it starts, the line end before it included.
    from: usize,
    /// Where what follows starts.
    till: usize,
    /// The closing one.
    last: bool,
}

struct Delimiters<'a> {
    text: Vec<u8>,
    body: &'a [u8],
    at: usize,
}

impl Iterator for Delimiters<'_> {
    type Item = Delimiter;

    fn next(&mut self) -> Option<Delimiter> {
        loop {
            let from = self.at + memmem::find(self.body.get(self.at..)?, &self.text)?;
            let after = from + self.text.len();
            self.at = after;
            let before = self.body.get(..from)?;
            let starts_line = before.is_empty() || before.ends_with(b"\r\n");
            let (last, till) = match self.body.get(after..)? {
                [b'-', b'-', ..] => (true, after + 2),
                _ => (false, after),
            };
            let rest = self.body.get(till..)?;
            let line = memmem::find(rest, b"\r\n").unwrap_or(rest.len());
            let blank = rest.get(..line)?.iter().all(|byte| is_blank(*byte));
            if starts_line && blank {
                let till = (till + line + 2).min(self.body.len());
                // Of two delimiters in a row, the second starts where the first ends.
                let from = from.saturating_sub(2);
                self.at = till.saturating_sub(2).max(after);
                return Some(Delimiter { from, till, last });
            }
        }
    }
}

/// The session description among the parts.
pub(super) fn find<'a>(kind: &MediaType, body: &'a [u8]) -> Result<Found<'a>, BodyFault> {
    find_at(kind, body, 1)
}

fn find_at<'a>(kind: &MediaType, body: &'a [u8], depth: usize) -> Result<Found<'a>, BodyFault> {
    let mut parts = Part::split(kind, body)?;
    let alternative = kind.essence == "multipart/alternative";
    // The best alternative comes last (RFC 2046 §5.1.4); and one that is understood is enough.
    if alternative {
        parts.reverse();
    }
    let mut found = Found::Nothing;
    for part in &parts {
        let here = find_in(part, depth)?;
        let insists = Handling::of(&part.headers) == Handling::Required;
        found = match (found, here) {
            (_, Found::Unknown) if insists && !alternative => return Ok(Found::Unknown),
            (Found::Part(first), _) => Found::Part(first),
            (_, Found::Part(first)) => Found::Part(first),
            (Found::Unknown, _) | (_, Found::Unknown) => Found::Unknown,
            (Found::Nothing, Found::Nothing) => Found::Nothing,
        };
    }
    Ok(found)
}

fn find_in<'a>(part: &Part<'a>, depth: usize) -> Result<Found<'a>, BodyFault> {
    let unknown = match Handling::of(&part.headers) {
        Handling::Optional => Found::Nothing,
        Handling::Required | Handling::Unsaid => Found::Unknown,
    };
    let Some(kind) = part.kind().filter(|_| !is_encoded(&part.headers)) else {
        return Ok(unknown);
    };
    if kind.essence == SDP && describes_session(&part.headers) {
        return Ok(Found::Part(part.body));
    }
    if kind.kind() != "multipart" {
        return Ok(unknown);
    }
    if depth == DEPTH_MAX {
        return Err(BodyFault::TooMany);
    }
    Ok(match find_at(&kind, part.body, depth + 1)? {
        Found::Unknown => unknown,
        found @ (Found::Part(_) | Found::Nothing) => found,
    })
}

/// A description may also be there for its look: only `session` is for us (RFC 3261 §20.11).
fn describes_session(headers: &Headers) -> bool {
    let value = headers.first(&HeaderName::ContentDisposition);
    let value = value.unwrap_or(b"session");
    let word = value.split(|byte| *byte == b';').next().unwrap_or_default();
    trim(word).eq_ignore_ascii_case(b"session")
}
