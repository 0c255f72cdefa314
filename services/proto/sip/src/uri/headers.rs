//! The header part of a SIP URI: fields for a request that is made of it (RFC 3261 §19.1.5).

use super::{SipUri, unescape};
use crate::header_name::HeaderName;

/// Most fields of one URI that are read: a transfer has two or three.
const URI_HEADERS_MAX: usize = 16;

impl SipUri {
    /// The fields after `?`, without escapes. A pair that names no field is passed over, and so is
    /// one with CR or LF in it: nothing may smuggle in a field of its own. Which fields to honour
    /// is up to the caller; most are dangerous (RFC 3261 §19.1.5).
    pub fn header_fields(&self) -> impl Iterator<Item = (HeaderName, Vec<u8>)> {
        let pairs = self.headers.as_deref().unwrap_or_default().split('&');
        pairs.take(URI_HEADERS_MAX).filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = HeaderName::parse(&unescape(name))?;
            let value = unescape(value);
            let clean = !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
            clean.then_some((name, value))
        })
    }

    /// Adds a field after `?`, escaped.
    pub fn add_header(&mut self, name: &HeaderName, value: &str) {
        let headers = self.headers.get_or_insert_default();
        if !headers.is_empty() {
            headers.push('&');
        }
        escape(headers, name.as_str());
        headers.push('=');
        escape(headers, value);
    }
}

/// `hvalue` of RFC 3261 §25.1: what may stand there unescaped does.
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/?:+$".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uri::Uri;

    fn fields(text: &str) -> Vec<(HeaderName, Vec<u8>)> {
        let uri = Uri::parse(text.as_bytes()).expect(text);
        let fields = uri.as_sip().expect("a SIP URI").header_fields();
        fields.collect()
    }

    #[test]
    fn fields_are_unescaped_and_named_by_their_full_name() {
        let read = fields("sip:a@b?s=caf%c3%a9%20x&Route=%3Csip:c%3Blr%3E&empty=&flag");
        assert_eq!(
            read,
            [
                (HeaderName::Subject, "café x".into()),
                (HeaderName::Route, b"<sip:c;lr>".to_vec()),
                (HeaderName::Other("empty".into()), Vec::new()),
                (HeaderName::Other("flag".into()), Vec::new()),
            ]
        );
        assert_eq!(fields("sip:a@b"), []);
    }

    #[test]
    fn an_escaped_line_end_adds_no_field() {
        assert_eq!(fields("sip:a@b?Subject=x%0d%0aRoute:%20y&a%0a=b"), []);
    }

    #[test]
    fn there_is_a_most_of_fields() {
        let many = format!("sip:a@b?{}", "x=y&".repeat(100));
        assert_eq!(fields(&many).len(), URI_HEADERS_MAX);
    }
}
