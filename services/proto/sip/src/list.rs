//! The lexical rules shared by all header fields: tokens, quoted strings, lists (RFC 3261 §25.1).

use std::fmt::{self, Write};

/// Whether `text` is one or more token characters.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// `token` of RFC 3261 §25.1.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'
        | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Linear white space within a line.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `text` without the blanks around it.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

/// Where the first `wanted` stands outside quotes and outside `<...>`.
///
/// An unbalanced quote hides everything after it; the reader of the part then finds the fault.
pub(crate) fn find_outside(text: &[u8], wanted: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let found = memchr::memchr3(wanted, b'"', b'<', rest)?;
        let rest = rest.get(found..)?;
        at += found;
        match rest.first() {
            Some(b'"') => at += quoted_length(rest)?,
            Some(b'<') => at += memchr::memchr(b'>', rest)? + 1,
            Some(_) | None => return Some(at),
        }
    }
}

/// Where the first comma stands outside quotes; `<` has no meaning here.
pub(crate) fn find_unquoted_comma(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let found = memchr::memchr2(b',', b'"', rest)?;
        let rest = rest.get(found..)?;
        at += found;
        match rest.first() {
            Some(b'"') => at += quoted_length(rest)?,
            Some(_) | None => return Some(at),
        }
    }
}

/// How long the quoted string at the start of `text` is, both quotes included.
pub(crate) fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        let found = memchr::memchr2(b'"', b'\\', rest)?;
        at += found + 1;
        if rest.get(found) == Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

/// The elements of a comma-separated list, trimmed; empty elements are passed over.
pub(crate) fn split_list(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let element = match find_outside(text, b',') {
                Some(at) => {
                    let (element, tail) = text.split_at(at);
                    rest = tail.get(1..);
                    element
                }
                None => {
                    rest = None;
                    text
                }
            };
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
    })
}

/// Reads a quoted string at the start of `text`: its content without escapes, and what follows.
/// Bytes outside UTF-8 (Latin-1 names exist) become U+FFFD.
pub(crate) fn quoted(text: &[u8]) -> Option<(String, &[u8])> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let (whole, rest) = text.split_at_checked(quoted_length(text)?)?;
    let [_, inner @ .., _] = whole else {
        return None;
    };
    let content = match memchr::memchr(b'\\', inner) {
        None => String::from_utf8_lossy(inner).into_owned(),
        Some(_) => String::from_utf8_lossy(&without_escapes(inner)).into_owned(),
    };
    Some((content, rest))
}

fn without_escapes(inner: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &byte in inner {
        if byte == b'\\' && !escaped {
            escaped = true;
        } else {
            content.push(byte);
            escaped = false;
        }
    }
    content
}

/// `text` as a quoted string; control characters cannot be written and become spaces.
pub(crate) fn quote(text: &str) -> Quoted<'_> {
    Quoted(text)
}

/// What [`quote`] gives, to be written.
pub(crate) struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |byte: u8| (b' '..0x7f).contains(&byte) && !matches!(byte, b'"' | b'\\');
        f.write_char('"')?;
        if self.0.bytes().all(plain) {
            f.write_str(self.0)?;
            return f.write_char('"');
        }
        for letter in self.0.chars() {
            if matches!(letter, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(if letter.is_control() { ' ' } else { letter })?;
        }
        f.write_char('"')
    }
}

/// A decimal number of digits only; `None` for signs, blanks, nothing, or overflow.
pub(crate) fn decimal<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}
