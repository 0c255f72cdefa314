//! A message in a line.

use crate::lines::{lines, value};

/// What a line of a list says of a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// `INVITE sip:102@box`, or `200 OK (INVITE)`.
    pub what: String,
    /// The beginning of its Call-ID; empty where it has none.
    pub call_id: String,
}

/// Sums a message up, also one that no parser would take.
#[must_use]
pub fn summary(message: &[u8]) -> Summary {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let first = text(lines(message).next().unwrap_or_default().trim_ascii());
    let sequence = text(value(message, "CSeq", "CSeq").unwrap_or_default());
    let method = sequence.split_whitespace().nth(1).unwrap_or_default();
    let what = match first.strip_prefix("SIP/2.0 ") {
        Some(status) if method.is_empty() => status.to_owned(),
        Some(status) => format!("{status} ({method})"),
        None => first.trim_end_matches(" SIP/2.0").to_owned(),
    };
    let call_id = text(value(message, "Call-ID", "i").unwrap_or_default());
    Summary {
        what: what.chars().take(WHAT_MAX).collect(),
        call_id: call_id.chars().take(WHAT_MAX).collect(),
    }
}

/// Characters; more do not fit a line.
const WHAT_MAX: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_its_first_line_and_an_answer_says_to_what() {
        let check = |message: &str, what: &str, call_id: &str| {
            let (what, call_id) = (what.to_owned(), call_id.to_owned());
            assert_eq!(summary(message.as_bytes()), Summary { what, call_id });
        };
        check(
            "INVITE sip:1@b SIP/2.0\r\ni: 7\r\n\r\n",
            "INVITE sip:1@b",
            "7",
        );
        check(
            "SIP/2.0 200 OK\r\ncseq: 3 BYE\r\nCall-ID: x\r\n\r\n",
            "200 OK (BYE)",
            "x",
        );
        check("SIP/2.0 100 Trying", "100 Trying", "");
        check("", "", "");
        let long = format!("X\r\ni: {}\r\n", "7".repeat(999));
        check(&long, "X", &"7".repeat(WHAT_MAX));
    }
}
