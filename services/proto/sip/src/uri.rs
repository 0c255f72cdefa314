//! SIP, SIPS and TEL URIs (RFC 3261 §19.1, RFC 3966), kept as sent and compared by the rules.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::params::Params;

pub use transport::TransportFault;

/// The text is not a URI: it has blanks, angle brackets, a bad host or a bad port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the text is not a URI: it has blanks, angle brackets, a bad host or a bad port")]
pub struct UriFault;

/// Any URI that may stand in a request line or an address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// `tel:`.
    Tel(TelUri),
    /// A scheme we do not speak; answered 416 in a request line.
    Other(Box<str>),
}

/// `sip:user:password@host:port;params?headers`. Equality is by letter; see [`Uri::matches`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SipUri {
    /// `sips:`.
    pub secure: bool,
    /// User part as sent, with escapes; see [`SipUri::user_decoded`].
    pub user: Option<String>,
    /// Password as sent. Never log it.
    pub password: Option<String>,
    /// Host.
    pub host: Host,
    /// Port, if written.
    pub port: Option<u16>,
    /// `;transport=tcp;lr`.
    pub params: Params,
    /// `Subject=x&Priority=y` after `?`, as sent.
    pub headers: Option<String>,
}

/// `tel:+5511999;phone-context=x`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TelUri {
    /// The number as sent, with its visual separators and leading `+`.
    pub number: String,
    /// Parameters.
    pub params: Params,
}

/// A host as written: a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Host(String);

impl Uri {
    /// Reads a URI without angle brackets.
    ///
    /// # Errors
    /// [`UriFault`] when it is none.
    pub fn parse(text: &[u8]) -> Result<Self, UriFault> {
        UriRef::parse(text).and_then(UriRef::into_owned)
    }

    /// `sip:user@host:port` of an address we choose ourselves.
    #[must_use]
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        Self::Sip(SipUri {
            secure: false,
            user: user.map(escape_user),
            password: None,
            host,
            port,
            params: Params::new(),
            headers: None,
        })
    }

    /// The SIP URI, if it is one.
    #[must_use]
    pub const fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Tel(_) | Self::Other(_) => None,
        }
    }

    /// The user part without escapes, or the digits of a telephone number; `None` when neither.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        match self {
            Self::Sip(uri) => uri.user_decoded(),
            Self::Tel(uri) => Some(uri.digits()),
            Self::Other(_) => None,
        }
    }

    /// The host of a SIP URI.
    #[must_use]
    pub const fn host(&self) -> Option<&Host> {
        match self {
            Self::Sip(uri) => Some(&uri.host),
            Self::Tel(_) | Self::Other(_) => None,
        }
    }

    /// As a Request-URI: a Contact may have header fields and a method, which have no place there
    /// (RFC 3261 §19.1.1, table 1).
    #[must_use]
    pub fn into_request_uri(mut self) -> Self {
        if let Self::Sip(uri) = &mut self {
            uri.headers = None;
            uri.params.remove("method");
        }
        self
    }

    /// Whether both name the same resource (RFC 3261 §19.1.4, RFC 3966 §4).
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(one), Self::Sip(two)) => one.matches(two),
            (Self::Tel(one), Self::Tel(two)) => one.digits() == two.digits(),
            (Self::Other(one), Self::Other(two)) => one == two,
            (Self::Sip(_) | Self::Tel(_) | Self::Other(_), _) => false,
        }
    }
}

impl SipUri {
    /// The user part with `%xx` decoded; bytes outside UTF-8 become U+FFFD.
    #[must_use]
    pub fn user_decoded(&self) -> Option<String> {
        let user = self.user.as_deref()?;
        Some(String::from_utf8_lossy(&unescape(user)).into_owned())
    }

    /// The `transport` parameter in lower case.
    #[must_use]
    pub fn transport(&self) -> Option<String> {
        self.params.get("transport").map(str::to_ascii_lowercase)
    }

    fn matches(&self, other: &Self) -> bool {
        let same_text = |one: &Option<String>, two: &Option<String>| match (one, two) {
            (None, None) => true,
            (Some(one), Some(two)) => one == two || unescape(one) == unescape(two),
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.secure == other.secure
            && same_text(&self.user, &other.user)
            && same_text(&self.password, &other.password)
            && self.host.matches(&other.host)
            && self.port == other.port
            && params_match(&self.params, &other.params)
            && (self.headers == other.headers
                || headers_match(self.headers.as_deref(), other.headers.as_deref()))
    }
}

impl TelUri {
    /// The number without visual separators, the leading `+` kept.
    #[must_use]
    pub fn digits(&self) -> String {
        self.number
            .chars()
            .filter(|letter| !"-.()".contains(*letter))
            .collect()
    }
}

impl Host {
    /// Reads a host; `None` when it is neither a name nor an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::checked(text).map(|text| Self(text.into_owned()))
    }

    /// The text of a host as we write it; `None` when it is none.
    fn checked(text: &str) -> Option<Cow<'_, str>> {
        let Some(inner) = text.strip_prefix('[') else {
            // RFC 952 forbids `_`, yet it is common in small networks.
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            let ok = !text.is_empty() && text.bytes().all(allowed);
            return ok.then_some(Cow::Borrowed(text));
        };
        let inner = inner.strip_suffix(']')?;
        if inner.parse::<Ipv6Addr>().is_ok() {
            return Some(Cow::Borrowed(text));
        }
        // The grammar of RFC 3261 allowed `:::` before an IPv4 tail (RFC 5118 §4.10).
        let mended = text.replacen(":::", "::", 1);
        let inner = mended.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok()?;
        Some(Cow::Owned(mended))
    }

    /// A host whose text went through [`checked`](Self::checked).
    pub(crate) fn checked_already(text: Cow<'_, str>) -> Self {
        Self(text.into_owned())
    }

    /// The host of an address.
    #[must_use]
    pub fn from_ip(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self(ip.to_string()),
            IpAddr::V6(ip) => Self(format!("[{ip}]")),
        }
    }

    /// The address, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self
            .0
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(six) => six.parse().ok().map(IpAddr::V6),
            None => self.0.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same name (without case) or the same address.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0) || self.ip().is_some_and(|ip| other.ip() == Some(ip))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Tel(uri) => write!(f, "tel:{}{}", uri.number, uri.params),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

mod borrowed;
pub(crate) use borrowed::{UriRef, host_port};

/// A parameter in both must agree; `user`, `ttl`, `method`, `maddr` and `transport` in only one
/// make a difference, others do not (RFC 3261 §19.1.4).
fn params_match(one: &Params, two: &Params) -> bool {
    const SIGNIFICANT: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    let agrees = |here: &Params, there: &Params| {
        here.iter().all(|param| match there.get(&param.name) {
            // Of a name that stands twice, against §19.1.1, the first counts, as everywhere here.
            Some(value) => unescape(value)
                .eq_ignore_ascii_case(&unescape(here.get(&param.name).unwrap_or_default())),
            None => !SIGNIFICANT
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&param.name)),
        })
    };
    agrees(one, two) && agrees(two, one)
}

/// Header components count whole, in any order.
fn headers_match(one: Option<&str>, two: Option<&str>) -> bool {
    let sorted = |text: Option<&str>| {
        let mut pairs: Vec<(String, Vec<u8>)> = text
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_ascii_lowercase(), unescape(value)))
            .collect();
        pairs.sort();
        pairs
    };
    sorted(one) == sorted(two)
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
            continue;
        }
        bytes.push(*first);
    }
    bytes
}

fn escape_user(user: &str) -> String {
    let mut escaped = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

mod headers;
#[cfg(test)]
mod tests;
mod transport;
