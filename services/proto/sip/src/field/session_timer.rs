//! Session-Expires and Min-SE (RFC 4028 §4 and §5).

use std::fmt;

use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{decimal, find_outside, trim};
use crate::params::Params;

/// Who refreshes a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refresher {
    /// Who sent the request that this field or its answer stands in.
    Uac,
    /// Who answers it.
    Uas,
}

/// `Session-Expires: 1800;refresher=uac`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionExpires {
    /// How long the session lasts without a refresh.
    pub seconds: u32,
    /// Who refreshes it; `None` leaves the choice to the other side.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// Reads the field's value. A refresher that is neither `uac` nor `uas` reads as none.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (seconds, params) = seconds_and_params(value)?;
        let refresher = match params.get("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) | None => None,
        };
        Some(Self { seconds, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds.fmt(f)?;
        match self.refresher {
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

/// `delta-seconds *(SEMI generic-param)`; a number beyond u32 reads as the largest one.
fn seconds_and_params(value: &[u8]) -> Option<(u32, Params)> {
    let value = trim(value);
    let end = find_outside(value, b';').unwrap_or(value.len());
    let (seconds, params) = value.split_at_checked(end)?;
    Some((delta_seconds(trim(seconds))?, Params::parse(params)?))
}

/// `delta-seconds` of RFC 3261 §25.1, at most `u32::MAX`.
pub(super) fn delta_seconds(text: &[u8]) -> Option<u32> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(decimal(text).unwrap_or(u32::MAX))
}

impl Headers {
    /// Session-Expires.
    ///
    /// # Errors
    /// When it is repeated or cannot be read.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderFault> {
        self.optional(HeaderName::SessionExpires, SessionExpires::parse)
    }

    /// Min-SE in seconds. Absent means 90 (RFC 4028 §5).
    ///
    /// # Errors
    /// When it is repeated or cannot be read.
    pub fn min_se(&self) -> Result<Option<u32>, HeaderFault> {
        self.optional(HeaderName::MinSe, |value| {
            seconds_and_params(value).map(|(seconds, _)| seconds)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::headers;

    #[test]
    fn a_session_interval_reads_and_writes() {
        let check = |text: &str, seconds, refresher, written: &str| {
            let read = SessionExpires::parse(text.as_bytes()).expect(text);
            assert_eq!(read, SessionExpires { seconds, refresher });
            assert_eq!(read.to_string(), written);
        };
        check("1800", 1800, None, "1800");
        check(
            "90 ; Refresher=UAS",
            90,
            Some(Refresher::Uas),
            "90;refresher=uas",
        );
        check(
            "4000;refresher=uac;x=y",
            4000,
            Some(Refresher::Uac),
            "4000;refresher=uac",
        );
        check("99999999999", u32::MAX, None, "4294967295");
        check("90;refresher=proxy", 90, None, "90");
    }

    #[test]
    fn the_compact_form_is_the_same_field() {
        let read = headers(&[("x", "600"), ("Min-SE", "90;x=y")]);
        assert_eq!(
            read.session_expires().map(|it| it.map(|it| it.seconds)),
            Ok(Some(600))
        );
        assert_eq!(read.min_se(), Ok(Some(90)));
        assert_eq!(headers(&[]).min_se(), Ok(None));
    }

    #[test]
    fn what_is_no_interval_is_a_fault() {
        for text in ["", "-1", "x", "1.5", "90;\""] {
            assert!(
                headers(&[("Session-Expires", text)])
                    .session_expires()
                    .is_err()
            );
        }
    }
}
