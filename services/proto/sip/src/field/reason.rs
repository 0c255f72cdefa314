//! Reason: why a request was sent (RFC 3326).

use std::fmt;

use super::event::token_and_params;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::quote;

/// `Reason: SIP;cause=200;text="Call completed elsewhere"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// `SIP`, `Q.850`, or newer.
    pub protocol: String,
    /// The protocol's own number.
    pub cause: Option<u16>,
    /// The reason in words.
    pub text: Option<String>,
}

impl Reason {
    /// A reason in SIP's own numbers.
    #[must_use]
    pub fn sip(cause: u16, text: &str) -> Self {
        Self {
            protocol: "SIP".to_owned(),
            cause: Some(cause),
            text: Some(text.to_owned()),
        }
    }

    /// A reason in the telephone network's numbers.
    #[must_use]
    pub fn q850(cause: u16) -> Self {
        Self {
            protocol: "Q.850".to_owned(),
            cause: Some(cause),
            text: None,
        }
    }

    /// Reads one element of the field.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (protocol, params) = token_and_params(value)?;
        Some(Self {
            protocol,
            cause: params.get("cause").and_then(|cause| cause.parse().ok()),
            text: params.unquoted("text"),
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        match &self.text {
            Some(text) => write!(f, ";text={}", quote(text)),
            None => Ok(()),
        }
    }
}

impl Headers {
    /// Every legible reason. One that cannot be read says nothing and hurts nobody.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> {
        self.values(&HeaderName::Reason).filter_map(Reason::parse)
    }

    /// Whether the call was taken by someone else, so that a phone shows no missed call.
    #[must_use]
    pub fn completed_elsewhere(&self) -> bool {
        self.reasons()
            .any(|reason| reason.protocol.eq_ignore_ascii_case("SIP") && reason.cause == Some(200))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::headers;

    #[test]
    fn every_reason_of_a_list_is_read() {
        let read = headers(&[(
            "Reason",
            "SIP ;cause=200 ;text=\"Call completed elsewhere\", Q.850;cause=26, \"bad",
        )]);
        let reasons: Vec<_> = read.reasons().collect();
        assert_eq!(
            reasons,
            [
                Reason::sip(200, "Call completed elsewhere"),
                Reason::q850(26)
            ]
        );
        assert!(read.completed_elsewhere());
        assert!(!headers(&[("Reason", "Q.850;cause=200")]).completed_elsewhere());
    }

    #[test]
    fn a_reason_of_ours_stays_in_its_quotes() {
        let reason = Reason::sip(480, "a \"b\", c;d\\");
        assert_eq!(Reason::parse(reason.to_string().as_bytes()), Some(reason));
    }
}
