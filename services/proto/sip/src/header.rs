//! Header fields as a list of name and bytes.

use std::fmt;

use crate::header_name::HeaderName;
use crate::list::{is_blank, split_list};

/// One header field. The value is bytes: peers send Latin-1 and worse.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which field.
    pub name: &'a HeaderName,
    /// Its value: unfolded, without blanks around it, without CR or LF.
    pub value: &'a [u8],
}

impl fmt::Debug for Header<'_> {
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
                let value = String::from_utf8_lossy(self.value);
                write!(f, "{}: {}", self.name.as_str(), value.escape_debug())
            }
        }
    }
}

/// The header fields of a message, in order. Content-Length is not among them: it is checked when
/// a message is read and written from the body when it is sent.
#[derive(Clone, Default)]
pub struct Headers {
    fields: Vec<Field>,
    /// The values, in one piece: a piece for each would be a dozen for every message, and each a
    /// wait for memory. What has been replaced stays in it.
    text: Vec<u8>,
}

/// A name, and where in the text its value stands.
#[derive(Clone)]
struct Field {
    name: HeaderName,
    start: usize,
    end: usize,
}

impl Headers {
    /// No header fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fields: Vec::new(),
            text: Vec::new(),
        }
    }

    /// No header fields, with room for so many with so many bytes of values.
    pub(crate) fn with_room(fields: usize, bytes: usize) -> Self {
        Self {
            fields: Vec::with_capacity(fields),
            text: Vec::with_capacity(bytes),
        }
    }

    /// The first field of that name, as sent.
    #[must_use]
    pub fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Every field of that name, as sent.
    pub fn all<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let of_name = self.fields.iter().filter(move |field| field.name == *name);
        of_name.map(|field| self.value(field))
    }

    /// Every element of the comma-separated list that the fields of that name make up.
    pub fn values<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(split_list)
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
    pub fn push(&mut self, name: HeaderName, value: impl AsRef<[u8]>) {
        let field = self.field(name, value.as_ref());
        self.fields.push(field);
    }

    /// Puts a field before all others.
    pub fn push_first(&mut self, name: HeaderName, value: impl AsRef<[u8]>) {
        let field = self.field(name, value.as_ref());
        self.fields.insert(0, field);
    }

    /// Replaces every field of that name by one, at the place of the first.
    pub fn set(&mut self, name: HeaderName, value: impl AsRef<[u8]>) {
        let Some(at) = self.fields.iter().position(|field| field.name == name) else {
            self.push(name, value);
            return;
        };
        let mut index = 0;
        self.fields.retain(|field| {
            let keep = index <= at || field.name != name;
            index += 1;
            keep
        });
        self.set_first(name, value.as_ref());
    }

    /// Takes every field of that name away.
    pub fn remove(&mut self, name: &HeaderName) {
        self.fields.retain(|field| field.name != *name);
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        self.fields.iter().map(|field| Header {
            name: &field.name,
            value: self.value(field),
        })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Bytes of all values, and of those replaced.
    pub(crate) const fn text_length(&self) -> usize {
        self.text.len()
    }

    /// Replaces the first field of that name, if there is one.
    pub(crate) fn set_first(&mut self, name: HeaderName, value: &[u8]) {
        if let Some(at) = self.fields.iter().position(|field| field.name == name) {
            let field = self.field(name, value);
            self.fields.splice(at..=at, [field]);
        }
    }

    fn value(&self, field: &Field) -> &[u8] {
        self.text.get(field.start..field.end).unwrap_or_default()
    }

    /// Adds a value to the text, clean: CR and LF become spaces, and blanks around it are left out.
    fn field(&mut self, name: HeaderName, value: &[u8]) -> Field {
        let start = self.text.len();
        self.text.extend_from_slice(value);
        let added = self.text.get_mut(start..).unwrap_or_default();
        if memchr::memchr2(b'\r', b'\n', added).is_some() {
            for byte in &mut *added {
                if matches!(byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
        let stays = |byte: &u8| !is_blank(*byte);
        let first = added.iter().position(stays).unwrap_or_default();
        let length = added.iter().rposition(stays).map_or(first, |last| last + 1);
        Field {
            name,
            start: start + first,
            end: start + length,
        }
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &Headers, expected: &[(&str, &str)]) {
        let read: Vec<_> = headers
            .iter()
            .map(|field| (field.name.as_str(), String::from_utf8_lossy(field.value)))
            .collect();
        let read: Vec<_> = read.iter().map(|(name, value)| (*name, &**value)).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn fields_are_added_replaced_and_taken_away_in_place() {
        let mut headers = Headers::new();
        headers.push(HeaderName::Via, "one");
        headers.push(HeaderName::To, "  a\r\nVia: smuggled\t");
        headers.push(HeaderName::Via, "two");
        headers.push(HeaderName::Subject, " \r\n ");
        headers.push_first(HeaderName::Route, "first");
        let to = ("To", "a  Via: smuggled");
        let (route, subject) = (("Route", "first"), ("Subject", ""));
        check(
            &headers,
            &[route, ("Via", "one"), to, ("Via", "two"), subject],
        );
        headers.set(HeaderName::Via, "longer than one");
        check(&headers, &[route, ("Via", "longer than one"), to, subject]);
        headers.set_first(HeaderName::Route, b"x");
        headers.set_first(HeaderName::Reason, b"absent");
        headers.remove(&HeaderName::To);
        headers.set(HeaderName::From, "b");
        let expected = [
            ("Route", "x"),
            ("Via", "longer than one"),
            subject,
            ("From", "b"),
        ];
        check(&headers, &expected);
    }

    #[test]
    fn what_was_replaced_makes_no_difference() {
        let (mut one, mut two) = (Headers::new(), Headers::new());
        one.push(HeaderName::To, "before");
        one.set(HeaderName::To, "after");
        two.push(HeaderName::To, "after");
        assert_eq!(one, two);
        assert_eq!(format!("{one:?}"), format!("{two:?}"));
        two.push(HeaderName::To, "after");
        assert_ne!(one, two);
    }
}
