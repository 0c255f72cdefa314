//! Retry-After and Min-Expires (RFC 3261 §20.33 and §20.23).

use std::fmt;

use super::session_timer::delta_seconds;
use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{find_outside, trim};
use crate::params::Params;

/// `Retry-After: 18000 (in a meeting);duration=3600`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetryAfter {
    /// Seconds to wait.
    pub seconds: u32,
    /// What a person may want to know, without its parentheses.
    pub comment: Option<String>,
    /// How long the peer will then be there, seconds.
    pub duration: Option<u32>,
}

impl RetryAfter {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Self {
        Self {
            seconds,
            comment: None,
            duration: None,
        }
    }

    /// Reads the field's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = trim(value);
        let digits = value
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (seconds, rest) = value.split_at_checked(digits)?;
        let (comment, rest) = match trim(rest) {
            rest @ [b'(', ..] => comment(rest).map(|(comment, rest)| (Some(comment), rest))?,
            rest => (None, rest),
        };
        let params = Params::parse(rest)?;
        Some(Self {
            seconds: delta_seconds(seconds)?,
            comment,
            duration: params
                .get("duration")
                .and_then(|text| delta_seconds(text.as_bytes())),
        })
    }
}

/// Most parentheses in one another that are read in a comment.
const COMMENT_DEPTH_MAX: u32 = 8;

/// Reads `(...)` at the start of `text`; comments nest and have escapes (RFC 3261 §25.1).
fn comment(text: &[u8]) -> Option<(String, &[u8])> {
    let mut depth = 0;
    let mut escaped = false;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' if depth == COMMENT_DEPTH_MAX => return None,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let inner = String::from_utf8_lossy(text.get(1..at)?).into_owned();
            return Some((inner, text.get(at + 1..)?));
        }
    }
    None
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds.fmt(f)?;
        if let Some(comment) = &self.comment {
            write!(f, " ({comment})")?;
        }
        match self.duration {
            Some(duration) => write!(f, ";duration={duration}"),
            None => Ok(()),
        }
    }
}

impl Headers {
    /// Retry-After.
    ///
    /// # Errors
    /// When it is repeated or cannot be read.
    pub fn retry_after(&self) -> Result<Option<RetryAfter>, HeaderFault> {
        self.optional(HeaderName::RetryAfter, RetryAfter::parse)
    }

    /// Min-Expires in seconds, as a 423 must have it (RFC 3261 §10.3).
    ///
    /// # Errors
    /// When it is repeated or no number.
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderFault> {
        self.optional(HeaderName::MinExpires, |value| {
            let end = find_outside(value, b';').unwrap_or(value.len());
            delta_seconds(trim(value.get(..end)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::headers;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 3261 §20.33.
        let read = RetryAfter::parse(b"18000;duration=3600").expect("legible");
        assert_eq!((read.seconds, read.duration), (18000, Some(3600)));
        let read = RetryAfter::parse(b"120 (I'm in a meeting)").expect("legible");
        assert_eq!(read.comment.as_deref(), Some("I'm in a meeting"));
        assert_eq!(read.to_string(), "120 (I'm in a meeting)");
    }

    #[test]
    fn comments_nest_and_must_end() {
        let read = RetryAfter::parse(b"5 (a (b) \\) c) ; duration=1").expect("legible");
        assert_eq!(read.comment.as_deref(), Some("a (b) \\) c"));
        assert_eq!(RetryAfter::parse(read.to_string().as_bytes()), Some(read));
        let deep = format!("5 {}{}", "(".repeat(9), ")".repeat(9));
        for text in ["5 (a", "5 (a\\)", "5 a", "", "x", "-5", &deep] {
            assert_eq!(RetryAfter::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_423_says_the_shortest_time() {
        let read = headers(&[("Min-Expires", "60"), ("Retry-After", "0")]);
        assert_eq!(read.min_expires(), Ok(Some(60)));
        assert_eq!(read.retry_after(), Ok(Some(RetryAfter::seconds(0))));
    }
}
