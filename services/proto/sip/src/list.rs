//! The lexical rules shared by all header fields: tokens, quoted strings, lists (RFC 3261 §25.1).

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

/// Where the first of `wanted` stands outside quotes and outside `<...>`.
///
/// An unbalanced quote hides everything after it; the reader of the part then finds the fault.
pub(crate) fn find_outside(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    let mut angle = false;
    for (at, &byte) in text.iter().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        if !angle && wanted.contains(&byte) {
            return Some(at);
        }
        match byte {
            b'"' if !angle => quoted = true,
            b'<' => angle = true,
            b'>' => angle = false,
            _ => {}
        }
    }
    None
}

/// The elements of a comma-separated list, trimmed; empty elements are passed over.
pub(crate) fn split_list(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let element = match find_outside(text, b",") {
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
    let [b'"', inner @ ..] = text else {
        return None;
    };
    let mut content = Vec::new();
    let mut escaped = false;
    for (at, &byte) in inner.iter().enumerate() {
        match byte {
            _ if escaped => {
                content.push(byte);
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => {
                let rest = inner.get(at + 1..).unwrap_or_default();
                return Some((String::from_utf8_lossy(&content).into_owned(), rest));
            }
            _ => content.push(byte),
        }
    }
    None
}

/// `text` as a quoted string; control characters cannot be written and become spaces.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(if letter.is_control() { ' ' } else { letter });
    }
    quoted.push('"');
    quoted
}

/// A decimal number of digits only; `None` for signs, blanks, nothing, or overflow.
pub(crate) fn decimal<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}
