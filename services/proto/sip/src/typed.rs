//! Typed reading of the header fields every SIP element needs.

use std::fmt;
use std::net::SocketAddr;

use crate::digest::Credentials;
use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{decimal, is_blank, split_list, trim};
use crate::method::Method;
use crate::name_addr::{NameAddr, NameAddrRef};
use crate::via::{Via, ViaRef};

/// `CSeq: 314159 INVITE`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CSeq {
    /// The number, below 2^31 (RFC 3261 §8.1.1.5).
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// Reads the field's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let at = value.iter().position(|byte| is_blank(*byte))?;
        let (number, method) = value.split_at_checked(at)?;
        let number: u32 = decimal(number)?;
        if number >= 1 << 31 {
            return None;
        }
        Some(Self {
            number,
            method: Method::parse(trim(method))?,
        })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// What the Contact fields say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contacts {
    /// `*`: all bindings (only in a REGISTER with Expires 0).
    Star,
    /// These addresses; may be none.
    List(Vec<NameAddr>),
}

impl Headers {
    /// The top Via.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    pub fn via(&self) -> Result<Via, HeaderFault> {
        self.via_ref().map(ViaRef::into_owned)
    }

    pub(crate) fn via_ref(&self) -> Result<ViaRef<'_>, HeaderFault> {
        let value = self.values(&HeaderName::Via).next();
        let value = value.ok_or(HeaderFault::Missing(HeaderName::Via))?;
        ViaRef::parse(value).ok_or(HeaderFault::Malformed(HeaderName::Via))
    }

    /// Whether Via, From, To, Call-ID and CSeq are there, once and legible; CSeq's method.
    pub(crate) fn check_mandatory(&self) -> Result<CSeq, HeaderFault> {
        let mut vias = self.values(&HeaderName::Via).peekable();
        vias.peek().ok_or(HeaderFault::Missing(HeaderName::Via))?;
        if !vias.all(|value| ViaRef::parse(value).is_some()) {
            return Err(HeaderFault::Malformed(HeaderName::Via));
        }
        self.address_ref(HeaderName::From)?;
        self.address_ref(HeaderName::To)?;
        self.call_id()?;
        self.cseq()
    }

    /// From or To, read in place.
    pub(crate) fn address_ref(&self, name: HeaderName) -> Result<NameAddrRef<'_>, HeaderFault> {
        NameAddrRef::parse(self.only(&name)?).ok_or(HeaderFault::Malformed(name))
    }

    /// Every Via, the top one first.
    ///
    /// # Errors
    /// When there is none or one cannot be read.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderFault> {
        let malformed = || HeaderFault::Malformed(HeaderName::Via);
        let read = |value| Via::parse(value).ok_or_else(malformed);
        let vias: Vec<Via> = self
            .values(&HeaderName::Via)
            .map(read)
            .collect::<Result<_, _>>()?;
        if vias.is_empty() {
            Err(HeaderFault::Missing(HeaderName::Via))
        } else {
            Ok(vias)
        }
    }

    /// From.
    ///
    /// # Errors
    /// When it is missing, repeated, or cannot be read.
    pub fn from(&self) -> Result<NameAddr, HeaderFault> {
        self.address(HeaderName::From)
    }

    /// To.
    ///
    /// # Errors
    /// When it is missing, repeated, or cannot be read.
    pub fn to(&self) -> Result<NameAddr, HeaderFault> {
        self.address(HeaderName::To)
    }

    /// The tag of To: only a request in a dialog has one.
    #[must_use]
    pub fn to_tag(&self) -> Option<&str> {
        self.address_ref(HeaderName::To).ok()?.tag()
    }

    /// Call-ID.
    ///
    /// # Errors
    /// When it is missing, repeated, empty, or not UTF-8.
    pub fn call_id(&self) -> Result<&str, HeaderFault> {
        let value = str::from_utf8(self.only(&HeaderName::CallId)?);
        value
            .ok()
            .filter(|id| !id.is_empty() && !id.contains([' ', '\t']))
            .ok_or(HeaderFault::Malformed(HeaderName::CallId))
    }

    /// CSeq.
    ///
    /// # Errors
    /// When it is missing, repeated, or cannot be read.
    pub fn cseq(&self) -> Result<CSeq, HeaderFault> {
        let value = self.only(&HeaderName::CSeq)?;
        CSeq::parse(value).ok_or(HeaderFault::Malformed(HeaderName::CSeq))
    }

    /// All contacts.
    ///
    /// # Errors
    /// When one cannot be read, or `*` stands beside others.
    pub fn contacts(&self) -> Result<Contacts, HeaderFault> {
        let malformed = || HeaderFault::Malformed(HeaderName::Contact);
        let values: Vec<&[u8]> = self.values(&HeaderName::Contact).collect();
        if let [b"*"] = *values {
            return Ok(Contacts::Star);
        }
        let read = |value: &&[u8]| NameAddr::parse(value).ok_or_else(malformed);
        values
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Contacts::List)
    }

    /// Every address of Route, Record-Route or a field like them, in order.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn addresses(&self, name: &HeaderName) -> Result<Vec<NameAddr>, HeaderFault> {
        let read =
            |value| NameAddr::parse(value).ok_or_else(|| HeaderFault::Malformed(name.clone()));
        self.values(name).map(read).collect()
    }

    /// Max-Forwards, 0 to 255; `None` when absent.
    ///
    /// # Errors
    /// When it is no such number.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderFault> {
        let Some(value) = self.first(&HeaderName::MaxForwards) else {
            return Ok(None);
        };
        let hops = decimal(value).ok_or(HeaderFault::Malformed(HeaderName::MaxForwards))?;
        Ok(Some(hops))
    }

    /// Expires in seconds, a number beyond u32 reading as `u32::MAX`; `None` when absent or not a
    /// number, which means the default (RFC 3261 §20.19).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let value = self.first(&HeaderName::Expires)?;
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(decimal(value).unwrap_or(u32::MAX))
    }

    /// Content-Type without parameters, in lower case, such as `application/sdp`.
    #[must_use]
    pub fn content_type(&self) -> Option<String> {
        let value = self.text(&HeaderName::ContentType)?;
        let essence = value.split(';').next().unwrap_or_default();
        Some(
            essence
                .split_whitespace()
                .collect::<String>()
                .to_ascii_lowercase(),
        )
    }

    /// Every legible Digest in Authorization (or Proxy-Authorization: give that name).
    pub fn credentials<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = Credentials> {
        // Digest parameters are separated by commas too, so this field is never split into a list.
        self.all(name).filter_map(Credentials::parse)
    }

    /// Notes in the top Via where a request really came from: `received` always, `rport` when asked
    /// for (RFC 3261 §18.2.1, RFC 3581 §4). The transaction layer has done so for every request it
    /// hands out.
    pub fn stamp_source(&mut self, source: SocketAddr) {
        let Some(via) = self.first(&HeaderName::Via) else {
            return;
        };
        let mut vias = split_list(via);
        let Some(top) = vias.next().and_then(ViaRef::parse) else {
            return;
        };
        let mut value = top.stamped(source);
        for via in vias {
            value.extend_from_slice(b", ");
            value.extend_from_slice(via);
        }
        self.set_first(HeaderName::Via, &value);
    }

    /// The value of a field that may stand only once.
    ///
    /// # Errors
    /// When it is missing or repeated.
    pub fn only(&self, name: &HeaderName) -> Result<&[u8], HeaderFault> {
        let mut values = self.all(name);
        let Some(first) = values.next() else {
            return Err(HeaderFault::Missing(name.clone()));
        };
        if values.next().is_some() {
            return Err(HeaderFault::Repeated(name.clone()));
        }
        Ok(first)
    }

    fn address(&self, name: HeaderName) -> Result<NameAddr, HeaderFault> {
        NameAddr::parse(self.only(&name)?).ok_or(HeaderFault::Malformed(name))
    }
}
