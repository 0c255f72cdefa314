//! Header fields as a list of name and bytes.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::list;

/// A header field's name. Compact forms and odd case read as the full name (RFC 3261 §7.3.3).
#[derive(Clone, Debug)]
pub enum HeaderName {
    /// `Accept`
    Accept,
    /// `Allow`
    Allow,
    /// `Authorization`
    Authorization,
    /// `Call-ID`, `i`
    CallId,
    /// `Contact`, `m`
    Contact,
    /// `Content-Encoding`, `e`
    ContentEncoding,
    /// `Content-Length`, `l`
    ContentLength,
    /// `Content-Type`, `c`
    ContentType,
    /// `CSeq`
    CSeq,
    /// `Date`
    Date,
    /// `Event`, `o`
    Event,
    /// `Expires`
    Expires,
    /// `From`, `f`
    From,
    /// `Max-Forwards`
    MaxForwards,
    /// `Min-Expires`
    MinExpires,
    /// `Proxy-Authenticate`
    ProxyAuthenticate,
    /// `Proxy-Authorization`
    ProxyAuthorization,
    /// `Reason` (RFC 3326)
    Reason,
    /// `Record-Route`
    RecordRoute,
    /// `Refer-To`, `r`
    ReferTo,
    /// `Require`
    Require,
    /// `Retry-After`
    RetryAfter,
    /// `Route`
    Route,
    /// `Server`
    Server,
    /// `Subject`, `s`
    Subject,
    /// `Subscription-State`
    SubscriptionState,
    /// `Supported`, `k`
    Supported,
    /// `To`, `t`
    To,
    /// `Unsupported`
    Unsupported,
    /// `User-Agent`
    UserAgent,
    /// `Via`, `v`
    Via,
    /// `Warning`
    Warning,
    /// `WWW-Authenticate`
    WwwAuthenticate,
    /// Any other name, as sent.
    Other(Box<str>),
}

/// Full name, compact form, variant: one row for each name we know.
const NAMES: [(&str, Option<u8>, HeaderName); 33] = [
    ("Via", Some(b'v'), HeaderName::Via),
    ("From", Some(b'f'), HeaderName::From),
    ("To", Some(b't'), HeaderName::To),
    ("Call-ID", Some(b'i'), HeaderName::CallId),
    ("CSeq", None, HeaderName::CSeq),
    ("Contact", Some(b'm'), HeaderName::Contact),
    ("Max-Forwards", None, HeaderName::MaxForwards),
    ("Content-Length", Some(b'l'), HeaderName::ContentLength),
    ("Content-Type", Some(b'c'), HeaderName::ContentType),
    ("Authorization", None, HeaderName::Authorization),
    ("Expires", None, HeaderName::Expires),
    ("User-Agent", None, HeaderName::UserAgent),
    ("Allow", None, HeaderName::Allow),
    ("Supported", Some(b'k'), HeaderName::Supported),
    ("Route", None, HeaderName::Route),
    ("Record-Route", None, HeaderName::RecordRoute),
    ("Accept", None, HeaderName::Accept),
    ("Content-Encoding", Some(b'e'), HeaderName::ContentEncoding),
    ("Date", None, HeaderName::Date),
    ("Event", Some(b'o'), HeaderName::Event),
    ("Min-Expires", None, HeaderName::MinExpires),
    ("Proxy-Authenticate", None, HeaderName::ProxyAuthenticate),
    ("Proxy-Authorization", None, HeaderName::ProxyAuthorization),
    ("Reason", None, HeaderName::Reason),
    ("Refer-To", Some(b'r'), HeaderName::ReferTo),
    ("Require", None, HeaderName::Require),
    ("Retry-After", None, HeaderName::RetryAfter),
    ("Server", None, HeaderName::Server),
    ("Subject", Some(b's'), HeaderName::Subject),
    ("Subscription-State", None, HeaderName::SubscriptionState),
    ("Unsupported", None, HeaderName::Unsupported),
    ("Warning", None, HeaderName::Warning),
    ("WWW-Authenticate", None, HeaderName::WwwAuthenticate),
];

impl HeaderName {
    /// Reads a name; `None` when it is not a token.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let known = NAMES
            .iter()
            .find(|(full, compact, _)| match (text, compact) {
                ([one], Some(compact)) => one.eq_ignore_ascii_case(compact),
                _ => full.as_bytes().eq_ignore_ascii_case(text),
            });
        match known {
            Some((_, _, name)) => Some(name.clone()),
            None if list::is_token(text) => Some(Self::Other(str::from_utf8(text).ok()?.into())),
            None => None,
        }
    }

    /// The full name as it goes on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Accept => "Accept",
            Self::Allow => "Allow",
            Self::Authorization => "Authorization",
            Self::CallId => "Call-ID",
            Self::Contact => "Contact",
            Self::ContentEncoding => "Content-Encoding",
            Self::ContentLength => "Content-Length",
            Self::ContentType => "Content-Type",
            Self::CSeq => "CSeq",
            Self::Date => "Date",
            Self::Event => "Event",
            Self::Expires => "Expires",
            Self::From => "From",
            Self::MaxForwards => "Max-Forwards",
            Self::MinExpires => "Min-Expires",
            Self::ProxyAuthenticate => "Proxy-Authenticate",
            Self::ProxyAuthorization => "Proxy-Authorization",
            Self::Reason => "Reason",
            Self::RecordRoute => "Record-Route",
            Self::ReferTo => "Refer-To",
            Self::Require => "Require",
            Self::RetryAfter => "Retry-After",
            Self::Route => "Route",
            Self::Server => "Server",
            Self::Subject => "Subject",
            Self::SubscriptionState => "Subscription-State",
            Self::Supported => "Supported",
            Self::To => "To",
            Self::Unsupported => "Unsupported",
            Self::UserAgent => "User-Agent",
            Self::Via => "Via",
            Self::Warning => "Warning",
            Self::WwwAuthenticate => "WWW-Authenticate",
            Self::Other(name) => name,
        }
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(one), Self::Other(two)) => one.eq_ignore_ascii_case(two),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for HeaderName {}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One header field. The value is bytes: peers send Latin-1 and worse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Which field.
    pub name: HeaderName,
    /// Its value: unfolded, without blanks around it, without CR or LF.
    pub value: Vec<u8>,
}

/// The header fields of a message, in order. Content-Length is not among them: it is checked when
/// a message is read and written from the body when it is sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No header fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn with_capacity(fields: usize) -> Self {
        Self(Vec::with_capacity(fields))
    }

    /// The first field of that name, as sent.
    #[must_use]
    pub fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|header| header.name == *name)
            .map(|header| &*header.value)
    }

    /// Every field of that name, as sent.
    pub fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |header| header.name == *name)
            .map(|header| &*header.value)
    }

    /// Every element of the comma-separated list that the fields of that name make up.
    pub fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(list::split_list)
    }

    /// Whether the list of that name has `token`, without case (`Supported`, `Require`, `Allow`).
    #[must_use]
    pub fn lists(&self, name: &HeaderName, token: &str) -> bool {
        self.values(name)
            .any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// The first field of that name as text; `None` when absent or not UTF-8.
    #[must_use]
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        str::from_utf8(self.first(name)?).ok()
    }

    /// Adds a field at the end. CR and LF in `value` become spaces, so that no value can smuggle in
    /// a field of its own.
    pub fn push(&mut self, name: HeaderName, value: impl Into<Vec<u8>>) {
        self.0.push(Header {
            name,
            value: clean(value.into()),
        });
    }

    /// Puts a field before all others.
    pub fn push_first(&mut self, name: HeaderName, value: impl Into<Vec<u8>>) {
        self.0.insert(
            0,
            Header {
                name,
                value: clean(value.into()),
            },
        );
    }

    /// Replaces every field of that name by one, at the place of the first.
    pub fn set(&mut self, name: HeaderName, value: impl Into<Vec<u8>>) {
        let value = clean(value.into());
        let Some(at) = self.0.iter().position(|header| header.name == name) else {
            self.0.push(Header { name, value });
            return;
        };
        let mut index = 0;
        self.0.retain(|header| {
            let keep = index <= at || header.name != name;
            index += 1;
            keep
        });
        if let Some(header) = self.0.get_mut(at) {
            header.value = value;
        }
    }

    /// Takes every field of that name away.
    pub fn remove(&mut self, name: &HeaderName) {
        self.0.retain(|header| header.name != *name);
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field whose value is trimmed and has no CR or LF, as the parser leaves it.
    pub(crate) fn push_clean(&mut self, name: HeaderName, value: Vec<u8>) {
        self.0.push(Header { name, value });
    }

    pub(crate) fn first_mut(&mut self, name: &HeaderName) -> Option<&mut Header> {
        self.0.iter_mut().find(|header| header.name == *name)
    }
}

fn clean(mut value: Vec<u8>) -> Vec<u8> {
    for byte in &mut value {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    let kept = list::trim(&value);
    if kept.len() == value.len() {
        value
    } else {
        kept.to_vec()
    }
}
