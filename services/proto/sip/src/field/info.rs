//! Alert-Info and Call-Info: `<uri>;params` (RFC 3261 §20.4 and §20.9).

use std::fmt;

use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::trim;
use crate::params::Params;
use crate::uri::Uri;

/// One element: a URI of any scheme and its parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InfoUri {
    /// `http://...`, `urn:alert:...`, or words that some phones write here.
    pub uri: Uri,
    /// `purpose=icon`, `answer-after=0`...
    pub params: Params,
}

impl InfoUri {
    /// Reads one element; angle brackets are required.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let [b'<', rest @ ..] = trim(value) else {
            return None;
        };
        let end = memchr::memchr(b'>', rest)?;
        let (uri, params) = rest.split_at_checked(end)?;
        Some(Self {
            uri: Uri::parse(uri).ok()?,
            params: Params::parse(params.get(1..)?)?,
        })
    }
}

impl fmt::Display for InfoUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl Headers {
    /// Every legible Alert-Info: how the phone is asked to ring. Others hurt nobody.
    pub fn alert_infos(&self) -> impl Iterator<Item = InfoUri> {
        self.values(&HeaderName::AlertInfo)
            .filter_map(InfoUri::parse)
    }

    /// Every legible Call-Info.
    pub fn call_infos(&self) -> impl Iterator<Item = InfoUri> {
        self.values(&HeaderName::CallInfo)
            .filter_map(InfoUri::parse)
    }

    /// Whether the phone is asked to answer by itself, as intercoms are: `answer-after=0` in
    /// Call-Info or `info=alert-autoanswer` in Alert-Info.
    #[must_use]
    pub fn asks_auto_answer(&self) -> bool {
        self.call_infos()
            .any(|info| info.params.get("answer-after") == Some("0"))
            || self.alert_infos().any(|info| {
                let kind = info.params.get("info").unwrap_or_default();
                kind.eq_ignore_ascii_case("alert-autoanswer")
            })
    }
}

#[cfg(test)]
mod tests {
    use crate::field::headers;

    #[test]
    fn every_legible_info_is_read() {
        let read = headers(&[
            (
                "Alert-Info",
                "<urn:alert:source:internal>;x=y, Bellcore-dr2",
            ),
            (
                "Call-Info",
                "<http://a.example/p.jpg> ;purpose=icon, <sip:a@b>;answer-after=0",
            ),
        ]);
        let alerts: Vec<_> = read.alert_infos().map(|info| info.to_string()).collect();
        assert_eq!(alerts, ["<urn:alert:source:internal>;x=y"]);
        assert_eq!(read.call_infos().count(), 2);
        assert!(read.asks_auto_answer());
        assert!(!headers(&[]).asks_auto_answer());
        let snom = headers(&[("Alert-Info", "<http://x>;info=alert-autoanswer;delay=0")]);
        assert!(snom.asks_auto_answer());
    }
}
