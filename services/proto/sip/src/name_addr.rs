//! `"Name" <uri>;params`: From, To, Contact, Route and their kind (RFC 3261 §20.10).

use std::fmt;

use crate::list::{find_outside, is_blank, is_token_byte, quote, quoted, quoted_length, trim};
use crate::params::{Params, ParamsRef};
use crate::uri::{Uri, UriRef};

/// An address with an optional display name and header parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameAddr {
    /// Display name without quotes and escapes.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// Header parameters: `tag`, `expires`, `q`, `+sip.instance`...
    pub params: Params,
}

impl NameAddr {
    /// An address without name or parameters.
    #[must_use]
    pub const fn new(uri: Uri) -> Self {
        Self {
            display: None,
            uri,
            params: Params::new(),
        }
    }

    /// Reads a name-addr or addr-spec with its parameters; `None` when it is neither.
    ///
    /// Without angle brackets every parameter belongs to the header field, and a URI with a comma
    /// or question mark may not stand there at all (RFC 3261 §20, regbadct in RFC 4475).
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        NameAddrRef::parse(text).and_then(NameAddrRef::into_owned)
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The same address with this tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The `expires` parameter in seconds. A number beyond u32 reads as `u32::MAX`; anything else
    /// that is not a number reads as absent (RFC 3261 §10.2.1.1: malformed is 3600, the default).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let text = self.params.get("expires")?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(text.parse().unwrap_or(u32::MAX))
    }
}

/// An address that is known to be legible, borrowed from the field it stands in.
pub(crate) struct NameAddrRef<'a> {
    /// The display name with its quotes, if it has them.
    display: Option<&'a [u8]>,
    uri: UriRef<'a>,
    params: ParamsRef<'a>,
}

impl<'a> NameAddrRef<'a> {
    /// Reads by the same rules as [`NameAddr::parse`].
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let text = trim(text);
        let (display, rest) = match text {
            [b'"', ..] => {
                let (display, rest) = text.split_at_checked(quoted_length(text)?)?;
                (Some(display), trim(rest))
            }
            _ => unquoted_display(text)?,
        };
        if let [b'<', rest @ ..] = rest {
            let end = memchr::memchr(b'>', rest)?;
            let (uri, params) = rest.split_at_checked(end)?;
            let params = ParamsRef::parse(params.get(1..)?)?;
            return Some(Self {
                display,
                uri: UriRef::parse(uri).ok()?,
                params,
            });
        }
        if display.is_some() {
            return None;
        }
        let end = find_outside(rest, b';').unwrap_or(rest.len());
        let (uri, params) = rest.split_at_checked(end)?;
        let uri = trim(uri);
        if uri.iter().any(|byte| matches!(byte, b',' | b'?')) {
            return None;
        }
        let params = ParamsRef::parse(params)?;
        Some(Self {
            display,
            uri: UriRef::parse(uri).ok()?,
            params,
        })
    }

    /// As [`NameAddr::tag`].
    pub(crate) fn tag(&self) -> Option<&'a str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    fn into_owned(self) -> Option<NameAddr> {
        Some(NameAddr {
            display: self.display.map(|display| match quoted(display) {
                Some((content, _)) => content,
                None => String::from_utf8_lossy(display).into_owned(),
            }),
            uri: self.uri.into_owned().ok()?,
            params: self.params.to_owned(),
        })
    }
}

/// Token words before `<`; RFC 3261 wants quotes for more, and gets them from most phones.
fn unquoted_display(text: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let Some(at) = memchr::memchr(b'<', text) else {
        return Some((None, text));
    };
    let (display, rest) = text.split_at_checked(at)?;
    let display = trim(display);
    // Latin-1 and UTF-8 letters without quotes are common, separators would change the meaning.
    let harmless = |byte: &u8| is_token_byte(*byte) || is_blank(*byte) || *byte >= 0x80;
    if !display.iter().all(harmless) {
        return None;
    }
    Some(((!display.is_empty()).then_some(display), rest))
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, written: &str) {
        let address = NameAddr::parse(text.as_bytes()).expect(text);
        assert_eq!(address.to_string(), written);
        assert_eq!(NameAddr::parse(written.as_bytes()), Some(address));
    }

    #[test]
    fn addresses_of_every_form_are_read() {
        check("sip:a@b;tag=1", "<sip:a@b>;tag=1");
        check("<sip:a@b;lr>;tag=1", "<sip:a@b;lr>;tag=1");
        check("Alice <sip:a@b>", "\"Alice\" <sip:a@b>");
        check("Alice B <sip:a@b> ; tag = 1", "\"Alice B\" <sip:a@b>;tag=1");
        check("\"a;b<c>\" <sip:a@b>", "\"a;b<c>\" <sip:a@b>");
        check("\"q\\\"\\\\\" <sip:a@b>", "\"q\\\"\\\\\" <sip:a@b>");
        check("<tel:+55-11>;x=\"a;b\"", "<tel:+55-11>;x=\"a;b\"");
        check(
            "<sip:a@[::1]:5070>;+sip.instance=\"<urn:uuid:1>\"",
            "<sip:a@[::1]:5070>;+sip.instance=\"<urn:uuid:1>\"",
        );
        check("\u{e9}t\u{e9} <sip:a@b>", "\"\u{e9}t\u{e9}\" <sip:a@b>");
    }

    #[test]
    fn a_latin_1_name_does_not_hide_the_address() {
        let address = NameAddr::parse(b"\"caf\xe9\" <sip:a@b>;tag=1").expect("legible");
        assert_eq!(address.display.as_deref(), Some("caf\u{fffd}"));
        assert_eq!(address.tag(), Some("1"));
    }

    #[test]
    fn a_name_of_ours_cannot_break_out_of_its_quotes() {
        let mut address = NameAddr::new(Uri::parse(b"sip:a@b").expect("a URI"));
        address.display = Some("\" <sip:evil@c>\r\nX: y".to_owned());
        let written = address.to_string();
        assert!(!written.contains('\r') && !written.contains('\n'));
        let read = NameAddr::parse(written.as_bytes()).expect("legible");
        assert_eq!(read.uri, address.uri);
    }

    #[test]
    fn expires_is_a_number_or_nothing() {
        let check = |text: &str, expires| {
            let address = NameAddr::parse(text.as_bytes()).expect(text);
            assert_eq!(address.expires(), expires);
        };
        check("<sip:a@b>;expires=60", Some(60));
        check("<sip:a@b>;expires=99999999999", Some(u32::MAX));
        check("<sip:a@b>;expires=-1", None);
        check("<sip:a@b>;expires", None);
        check("<sip:a@b>", None);
    }
}
