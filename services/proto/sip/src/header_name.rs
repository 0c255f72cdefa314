//! Names of header fields.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::list;

/// Makes the enum, its table and the way back to text of one list: `Variant = "Full-Name", b'c';`.
macro_rules! names {
    ($($variant:ident = $full:literal $(, $compact:literal)?;)*) => {
        /// A header field's name. Compact forms and odd case read as the full name
        /// (RFC 3261 §7.3.3).
        #[derive(Clone, Debug)]
        pub enum HeaderName {
            $(
                #[doc = concat!("`", $full, "`")]
                $variant,
            )*
            /// Any other name, as sent.
            Other(Box<str>),
        }

        /// Full name, compact form if any, variant: one row for each name we know.
        const NAMES: &[(&str, &[u8], HeaderName)] = &[
            $(($full, &[$($compact)?], HeaderName::$variant),)*
        ];

        impl HeaderName {
            /// The full name as it goes on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $full,)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

// The most frequent ones first: the table is searched in this order.
names! {
    Via = "Via", b'v';
    From = "From", b'f';
    To = "To", b't';
    CallId = "Call-ID", b'i';
    CSeq = "CSeq";
    Contact = "Contact", b'm';
    MaxForwards = "Max-Forwards";
    ContentLength = "Content-Length", b'l';
    ContentType = "Content-Type", b'c';
    Authorization = "Authorization";
    Expires = "Expires";
    UserAgent = "User-Agent";
    Allow = "Allow";
    Supported = "Supported", b'k';
    Route = "Route";
    RecordRoute = "Record-Route";
    Accept = "Accept";
    AlertInfo = "Alert-Info";
    AllowEvents = "Allow-Events", b'u';
    CallInfo = "Call-Info";
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding", b'e';
    Date = "Date";
    Diversion = "Diversion";
    Event = "Event", b'o';
    FlowTimer = "Flow-Timer";
    HistoryInfo = "History-Info";
    Join = "Join";
    MinExpires = "Min-Expires";
    MinSe = "Min-SE";
    PAssertedIdentity = "P-Asserted-Identity";
    Path = "Path";
    PEarlyMedia = "P-Early-Media";
    PPreferredIdentity = "P-Preferred-Identity";
    Privacy = "Privacy";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RAck = "RAck";
    Reason = "Reason";
    ReferredBy = "Referred-By", b'b';
    ReferSub = "Refer-Sub";
    ReferTo = "Refer-To", b'r';
    RemotePartyId = "Remote-Party-ID";
    Replaces = "Replaces";
    Require = "Require";
    RetryAfter = "Retry-After";
    RSeq = "RSeq";
    Server = "Server";
    ServiceRoute = "Service-Route";
    SessionExpires = "Session-Expires", b'x';
    Subject = "Subject", b's';
    SubscriptionState = "Subscription-State";
    Timestamp = "Timestamp";
    Unsupported = "Unsupported";
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

impl HeaderName {
    /// Reads a name; `None` when it is not a token.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let known = match text {
            [one] => NAMES.iter().find(|(_, compact, _)| match compact {
                [compact] => one.eq_ignore_ascii_case(compact),
                _ => false,
            }),
            // Lengths differ most: few names are looked at letter by letter.
            _ => NAMES.iter().find(|(full, _, _)| {
                full.len() == text.len() && full.as_bytes().eq_ignore_ascii_case(text)
            }),
        };
        match known {
            Some((_, _, name)) => Some(name.clone()),
            None if list::is_token(text) => Some(Self::Other(str::from_utf8(text).ok()?.into())),
            None => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_in_any_case_and_in_its_compact_form() {
        for (full, compact, name) in NAMES {
            assert_eq!(HeaderName::parse(full.as_bytes()), Some(name.clone()));
            assert_eq!(
                HeaderName::parse(full.to_ascii_uppercase().as_bytes()),
                Some(name.clone())
            );
            if !compact.is_empty() {
                assert_eq!(HeaderName::parse(compact), Some(name.clone()));
                assert_eq!(
                    HeaderName::parse(&compact.to_ascii_uppercase()),
                    Some(name.clone())
                );
            }
        }
        let other = HeaderName::parse(b"X-Other");
        assert_eq!(other, Some(HeaderName::Other("x-other".into())));
        assert_eq!(HeaderName::parse(b"not a token"), None);
        assert_eq!(HeaderName::parse(b""), None);
    }
}
