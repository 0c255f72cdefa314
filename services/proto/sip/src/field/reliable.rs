//! RSeq and RAck: provisional responses that must arrive (RFC 3262 §7).

use std::fmt;

use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{decimal, is_blank, trim};
use crate::method::Method;
use crate::typed::CSeq;

/// `RAck: 776656 1 INVITE`: which response a PRACK acknowledges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RAck {
    /// RSeq of the response.
    pub rseq: u32,
    /// CSeq of the response.
    pub cseq: CSeq,
}

impl RAck {
    /// Reads the field's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = trim(value);
        let at = value.iter().position(|byte| is_blank(*byte))?;
        let (rseq, cseq) = value.split_at_checked(at)?;
        Some(Self {
            rseq: sequence(rseq)?,
            cseq: CSeq::parse(trim(cseq))?,
        })
    }

    /// The acknowledgement of the response with these numbers.
    #[must_use]
    pub const fn of_invite(rseq: u32, cseq: u32) -> Self {
        Self {
            rseq,
            cseq: CSeq {
                number: cseq,
                method: Method::Invite,
            },
        }
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rseq, self.cseq)
    }
}

/// RSeq lies between 1 and 2^32 - 1 (RFC 3262 §7.1).
fn sequence(text: &[u8]) -> Option<u32> {
    decimal(text).filter(|number| *number > 0)
}

impl Headers {
    /// RSeq of a provisional response.
    ///
    /// # Errors
    /// When it is repeated or no number from 1 to 2^32 - 1.
    pub fn rseq(&self) -> Result<Option<u32>, HeaderFault> {
        self.optional(HeaderName::RSeq, sequence)
    }

    /// RAck of a PRACK, which must have one.
    ///
    /// # Errors
    /// When it is missing, repeated, or cannot be read.
    pub fn rack(&self) -> Result<RAck, HeaderFault> {
        let rack = self.optional(HeaderName::RAck, RAck::parse)?;
        rack.ok_or(HeaderFault::Missing(HeaderName::RAck))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::headers;

    #[test]
    fn a_rack_names_one_response() {
        let rack = RAck::parse(b"776656  1  INVITE").expect("legible");
        assert_eq!(rack, RAck::of_invite(776_656, 1));
        assert_eq!(rack.to_string(), "776656 1 INVITE");
        assert_eq!(RAck::parse(rack.to_string().as_bytes()), Some(rack));
    }

    #[test]
    fn a_rack_that_names_none_is_refused() {
        for text in ["", "1", "1 INVITE", "0 1 INVITE", "1 2 ", "4294967296 1 A"] {
            assert_eq!(RAck::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(
            headers(&[]).rack(),
            Err(HeaderFault::Missing(HeaderName::RAck))
        );
    }

    #[test]
    fn rseq_is_absent_a_number_or_a_fault() {
        assert_eq!(headers(&[]).rseq(), Ok(None));
        assert_eq!(
            headers(&[("RSeq", "4294967295")]).rseq(),
            Ok(Some(u32::MAX))
        );
        assert!(headers(&[("RSeq", "0")]).rseq().is_err());
        assert!(headers(&[("RSeq", "1"), ("RSeq", "1")]).rseq().is_err());
    }
}
