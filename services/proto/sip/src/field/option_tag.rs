//! Supported, Require, Proxy-Require, Unsupported, Allow, Allow-Events, P-Early-Media: token lists.

use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{is_token, split_list};
use crate::method::Method;

impl Headers {
    /// Whether the sender knows the extension: its option tag stands in Supported or Require.
    #[must_use]
    pub fn has_option(&self, tag: &str) -> bool {
        self.lists(&HeaderName::Supported, tag) || self.requires(tag)
    }

    /// Whether the sender insists on the extension: its option tag stands in Require.
    #[must_use]
    pub fn requires(&self, tag: &str) -> bool {
        self.lists(&HeaderName::Require, tag)
    }

    /// Whether Allow says that the sender takes requests with this method. False without Allow,
    /// which says nothing either way (RFC 3261 §20.5). Methods are case-sensitive.
    #[must_use]
    pub fn allows(&self, method: &Method) -> bool {
        self.values(&HeaderName::Allow)
            .any(|name| name == method.as_str().as_bytes())
    }

    /// What of Require is not in `known`, for the Unsupported field of a 420
    /// (RFC 3261 §8.2.2.3). An element that is no token at all counts as unknown and is left out.
    #[must_use]
    pub fn unknown_requirements(&self, known: &[&str]) -> Option<String> {
        let mut unknown = Vec::new();
        let mut any = false;
        for tag in self.values(&HeaderName::Require) {
            if known
                .iter()
                .any(|known| tag.eq_ignore_ascii_case(known.as_bytes()))
            {
                continue;
            }
            any = true;
            if is_token(tag)
                && let Ok(tag) = str::from_utf8(tag)
            {
                unknown.push(tag);
            }
        }
        any.then(|| unknown.join(", "))
    }

    /// The tokens of a list field that are text, in order, each without its parameters:
    /// Allow-Events, Supported, Accept.
    pub fn tokens<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(split_list).filter_map(|value| {
            let value = value.split(|byte| *byte == b';').next()?;
            Some(str::from_utf8(value).ok()?.trim_end())
        })
    }

    /// Whether whoever sent these fields reads bodies of this type (Accept, RFC 3261 §20.1);
    /// without that field it reads what the context calls for.
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        let kind = media_type.split('/').next().unwrap_or_default();
        let mut ranges = self.tokens(&HeaderName::Accept).peekable();
        ranges.peek().is_none()
            || ranges.any(|range| {
                let range: String = range.split_whitespace().collect();
                let whole_kind = range.strip_suffix("/*");
                range == "*/*"
                    || range.eq_ignore_ascii_case(media_type)
                    || whole_kind.is_some_and(|whole| whole.eq_ignore_ascii_case(kind))
            })
    }
}

#[cfg(test)]
mod tests {
    use crate::field::headers;
    use crate::{HeaderName, Method};

    #[test]
    fn what_bodies_are_read_is_said_by_accept() {
        let check = |fields: &[&str], expected| {
            let fields: Vec<_> = fields.iter().map(|value| ("Accept", *value)).collect();
            assert_eq!(headers(&fields).accepts("application/sdp"), expected);
        };
        check(&[], true);
        check(&["text/plain", "Application / SDP ;level=1"], true);
        check(&["text/plain, application/*;q=0.1"], true);
        check(&["*/*"], true);
        check(&["text/nobodyKnowsThis"], false);
        check(&["text/*, application/sdp-ng"], false);
    }

    #[test]
    fn option_tags_are_found_in_every_form_of_the_list() {
        let read = headers(&[
            ("k", "timer ,100rel"),
            ("Supported", ""),
            ("Require", "Replaces"),
            ("Allow", "INVITE,ACK, update"),
            ("u", "dialog, message-summary;x=y"),
        ]);
        assert!(read.has_option("100REL") && read.has_option("replaces"));
        assert!(read.requires("replaces") && !read.requires("timer"));
        assert!(!read.has_option("100"));
        assert!(read.allows(&Method::Ack) && !read.allows(&Method::Update));
        let events: Vec<_> = read.tokens(&HeaderName::AllowEvents).collect();
        assert_eq!(events, ["dialog", "message-summary"]);
    }

    #[test]
    fn unknown_requirements_are_named() {
        // pbx trap 30; RFC 3261 §8.2.2.3.
        let read = headers(&[("Require", "100rel, nothingSupportsThis"), ("Require", "x")]);
        assert_eq!(
            read.unknown_requirements(&["100rel"]).as_deref(),
            Some("nothingSupportsThis, x")
        );
        let known = ["100rel", "nothingsupportsthis", "x"];
        assert_eq!(read.unknown_requirements(&known), None);
        assert_eq!(headers(&[]).unknown_requirements(&[]), None);
        let bad = headers(&[("Require", "\"")]);
        assert_eq!(bad.unknown_requirements(&[]).as_deref(), Some(""));
    }
}
