//! Refer-To, Referred-By, Refer-Sub, Replaces and Join (RFC 3515, 3892, 4488, 3891, 3911).

use std::fmt;

use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{find_outside, trim};
use crate::name_addr::NameAddr;
use crate::params::Params;
use crate::uri::SipUri;

/// `Replaces: call-id;to-tag=a;from-tag=b;early-only`: a dialog as its recipient sees it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Replaces {
    /// Call-ID of the dialog.
    pub call_id: String,
    /// The tag of whoever receives this field (RFC 3891 §3).
    pub to_tag: String,
    /// The tag of the other side of the dialog.
    pub from_tag: String,
    /// Only a dialog that is not yet confirmed may be replaced.
    pub early_only: bool,
}

/// `Join: call-id;to-tag=a;from-tag=b`: a dialog to be made a conference (RFC 3911).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Join {
    /// Call-ID of the dialog.
    pub call_id: String,
    /// The tag of whoever receives this field.
    pub to_tag: String,
    /// The tag of the other side of the dialog.
    pub from_tag: String,
}

impl Replaces {
    /// Reads the field's value; both tags must be there, once each (RFC 3891 §6.1).
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (call_id, params) = dialog_id(value)?;
        Some(Self {
            call_id,
            to_tag: tag(&params, "to-tag")?,
            from_tag: tag(&params, "from-tag")?,
            early_only: params.has("early-only"),
        })
    }

    /// The Replaces of a URI's header part, as an attended transfer has it in Refer-To.
    ///
    /// # Errors
    /// When it is repeated or cannot be read.
    pub fn in_uri(uri: &SipUri) -> Result<Option<Self>, HeaderFault> {
        let mut found = uri
            .header_fields()
            .filter(|(name, _)| *name == HeaderName::Replaces);
        let Some((_, value)) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            return Err(HeaderFault::Repeated(HeaderName::Replaces));
        }
        let replaces = Self::parse(&value).ok_or(HeaderFault::Malformed(HeaderName::Replaces))?;
        Ok(Some(replaces))
    }
}

impl Join {
    /// Reads the field's value; both tags must be there, once each.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (call_id, params) = dialog_id(value)?;
        Some(Self {
            call_id,
            to_tag: tag(&params, "to-tag")?,
            from_tag: tag(&params, "from-tag")?,
        })
    }
}

fn dialog_id(value: &[u8]) -> Option<(String, Params)> {
    let value = trim(value);
    let end = value.iter().position(|byte| *byte == b';')?;
    let (call_id, params) = value.split_at_checked(end)?;
    let call_id = str::from_utf8(trim(call_id)).ok()?;
    if call_id.is_empty() || call_id.contains([' ', '\t']) {
        return None;
    }
    Some((call_id.to_owned(), Params::parse(params)?))
}

fn tag(params: &Params, name: &str) -> Option<String> {
    let mut found = params
        .iter()
        .filter(|param| param.name.eq_ignore_ascii_case(name));
    let value = found.next()?.value.clone()?;
    (found.next().is_none() && !value.is_empty()).then_some(value)
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call_id,
            to_tag,
            from_tag,
            early_only,
        } = self;
        write!(f, "{call_id};to-tag={to_tag};from-tag={from_tag}")?;
        f.write_str(if *early_only { ";early-only" } else { "" })
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call_id,
            to_tag,
            from_tag,
        } = self;
        write!(f, "{call_id};to-tag={to_tag};from-tag={from_tag}")
    }
}

impl Headers {
    /// Refer-To of a REFER, which must have exactly one (RFC 3515 §2.4.2).
    ///
    /// # Errors
    /// When it is missing, repeated, or cannot be read.
    pub fn refer_to(&self) -> Result<NameAddr, HeaderFault> {
        let to = self.optional(HeaderName::ReferTo, NameAddr::parse)?;
        to.ok_or(HeaderFault::Missing(HeaderName::ReferTo))
    }

    /// Referred-By.
    ///
    /// # Errors
    /// When it is repeated or cannot be read.
    pub fn referred_by(&self) -> Result<Option<NameAddr>, HeaderFault> {
        self.optional(HeaderName::ReferredBy, NameAddr::parse)
    }

    /// Refer-Sub: whether a REFER makes a subscription, or its answer says that it did.
    ///
    /// # Errors
    /// When it is repeated or neither true nor false.
    pub fn refer_sub(&self) -> Result<Option<bool>, HeaderFault> {
        self.optional(HeaderName::ReferSub, |value| {
            let end = find_outside(value, b';').unwrap_or(value.len());
            let word = trim(value.get(..end)?);
            match word.to_ascii_lowercase().as_slice() {
                b"true" => Some(true),
                b"false" => Some(false),
                _ => None,
            }
        })
    }

    /// Replaces of an INVITE.
    ///
    /// # Errors
    /// When it is repeated or cannot be read: 400 in both cases (RFC 3891 §3).
    pub fn replaces(&self) -> Result<Option<Replaces>, HeaderFault> {
        self.optional(HeaderName::Replaces, Replaces::parse)
    }

    /// Join of an INVITE.
    ///
    /// # Errors
    /// When it is repeated or cannot be read.
    pub fn join(&self) -> Result<Option<Join>, HeaderFault> {
        self.optional(HeaderName::Join, Join::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::headers;

    fn replaces() -> Replaces {
        Replaces {
            call_id: "12345600@atlanta.example".into(),
            to_tag: "54321".into(),
            from_tag: "12345".into(),
            early_only: false,
        }
    }

    #[test]
    fn replaces_reads_and_writes() {
        // RFC 3891 §6.1, with the parameters in another order and case too.
        let text = "12345600@atlanta.example;to-tag=54321;from-tag=12345";
        assert_eq!(Replaces::parse(text.as_bytes()), Some(replaces()));
        assert_eq!(replaces().to_string(), text);
        let other = b"12345600@atlanta.example ; From-Tag=12345;early-only; to-tag=54321";
        let early = Replaces::parse(other).expect("legible");
        assert!(early.early_only);
        assert!(early.to_string().ends_with(";early-only"));
    }

    #[test]
    fn replaces_without_both_tags_is_a_fault() {
        // pbx trap 17; RFC 3891 §6.1: each tag exactly once.
        for text in [
            "a@b",
            "a@b;to-tag=1",
            "a@b;from-tag=1",
            "a@b;to-tag=1;from-tag",
            "a@b;to-tag=1;from-tag=2;to-tag=3",
            ";to-tag=1;from-tag=2",
            "a b;to-tag=1;from-tag=2",
        ] {
            assert!(headers(&[("Replaces", text)]).replaces().is_err(), "{text}");
            assert!(headers(&[("Join", text)]).join().is_err(), "{text}");
        }
        let one = replaces().to_string();
        let two = headers(&[("Replaces", &one), ("Replaces", &one)]);
        assert_eq!(
            two.replaces(),
            Err(HeaderFault::Repeated(HeaderName::Replaces))
        );
    }

    #[test]
    fn an_attended_transfer_escapes_replaces_in_its_target() {
        // RFC 3891 §4 and RFC 5589 §7.3: the whole field value, escaped, after `?`.
        let text = "<sip:bob@biloxi.example;transport=tcp?Replaces=12345600%40atlanta.example\
                    %3Bto-tag%3D54321%3Bfrom-tag%3D12345&Require=replaces>;x=y";
        let to = headers(&[("r", text)]).refer_to().expect("legible");
        let mut target = to.uri.as_sip().expect("a SIP URI").clone();
        assert_eq!(Replaces::in_uri(&target), Ok(Some(replaces())));
        target.headers = None;
        target.add_header(&HeaderName::Replaces, &replaces().to_string());
        target.add_header(&HeaderName::Require, "replaces");
        assert_eq!(target, *to.uri.as_sip().expect("a SIP URI"));
        assert_eq!(to.to_string(), text);
    }

    #[test]
    fn a_blind_transfer_has_no_replaces() {
        let read = headers(&[
            ("Refer-To", "<sip:carol@c.example>"),
            ("b", "<sip:bob@b.example>;cid=\"x@y\""),
            ("Refer-Sub", "False;x=y"),
        ]);
        let to = read.refer_to().expect("legible");
        assert_eq!(
            Replaces::in_uri(to.uri.as_sip().expect("a SIP URI")),
            Ok(None)
        );
        let by = read.referred_by().expect("legible").expect("there");
        assert_eq!(by.uri.to_string(), "sip:bob@b.example");
        assert_eq!(read.refer_sub(), Ok(Some(false)));
    }

    #[test]
    fn a_refer_with_two_targets_or_none_is_a_fault() {
        assert!(headers(&[]).refer_to().is_err());
        let two = headers(&[("Refer-To", "<sip:a@b>"), ("r", "<sip:c@d>")]);
        assert!(two.refer_to().is_err());
        let listed = headers(&[("Refer-To", "<sip:a@b>, <sip:c@d>")]);
        assert!(listed.refer_to().is_err());
        assert!(headers(&[("Refer-Sub", "maybe")]).refer_sub().is_err());
    }
}
