//! Header fields as a list of name and bytes.

use std::fmt;

use crate::header_name::HeaderName;
use crate::list;

/// One header field. The value is bytes: peers send Latin-1 and worse.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Which field.
    pub name: HeaderName,
    /// Its value: unfolded, without blanks around it, without CR or LF.
    pub value: Vec<u8>,
}

impl fmt::Debug for Header {
    /// As it is written, but for what an offline guess at a password could be tried against.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = matches!(
            self.name,
            HeaderName::Authorization | HeaderName::ProxyAuthorization
        ) || self
            .name
            .as_str()
            .eq_ignore_ascii_case("Authentication-Info");
        match secret {
            true => write!(f, "{}: (secret)", self.name.as_str()),
            false => {
                let value = String::from_utf8_lossy(&self.value);
                write!(f, "{}: {}", self.name.as_str(), value.escape_debug())
            }
        }
    }
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
    if memchr::memchr2(b'\r', b'\n', &value).is_some() {
        for byte in &mut value {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }
    let kept = list::trim(&value);
    if kept.len() == value.len() {
        value
    } else {
        kept.to_vec()
    }
}
