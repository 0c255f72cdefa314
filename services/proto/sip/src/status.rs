//! Status codes and their default reason phrases.

use std::fmt;
use std::sync::LazyLock;

/// A response's status code, 100 to 699.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StatusCode(u16);

/// The first digit of a status code (RFC 3261 §7.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StatusClass {
    /// 1xx
    Provisional,
    /// 2xx
    Success,
    /// 3xx
    Redirection,
    /// 4xx
    RequestFailure,
    /// 5xx
    ServerFailure,
    /// 6xx
    GlobalFailure,
}

macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        impl StatusCode {
            $(
                #[doc = concat!("Status ", stringify!($code), ".")]
                pub const $name: Self = Self($code);
            )*
        }
    };
}

codes! {
    TRYING = 100,
    RINGING = 180,
    CALL_IS_BEING_FORWARDED = 181,
    QUEUED = 182,
    SESSION_PROGRESS = 183,
    OK = 200,
    ACCEPTED = 202,
    MOVED_TEMPORARILY = 302,
    BAD_REQUEST = 400,
    UNAUTHORIZED = 401,
    FORBIDDEN = 403,
    NOT_FOUND = 404,
    METHOD_NOT_ALLOWED = 405,
    NOT_ACCEPTABLE = 406,
    PROXY_AUTHENTICATION_REQUIRED = 407,
    REQUEST_TIMEOUT = 408,
    GONE = 410,
    REQUEST_ENTITY_TOO_LARGE = 413,
    UNSUPPORTED_MEDIA_TYPE = 415,
    UNSUPPORTED_URI_SCHEME = 416,
    BAD_EXTENSION = 420,
    INTERVAL_TOO_BRIEF = 423,
    TEMPORARILY_UNAVAILABLE = 480,
    CALL_DOES_NOT_EXIST = 481,
    LOOP_DETECTED = 482,
    TOO_MANY_HOPS = 483,
    ADDRESS_INCOMPLETE = 484,
    BUSY_HERE = 486,
    REQUEST_TERMINATED = 487,
    NOT_ACCEPTABLE_HERE = 488,
    BAD_EVENT = 489,
    REQUEST_PENDING = 491,
    SERVER_INTERNAL_ERROR = 500,
    NOT_IMPLEMENTED = 501,
    SERVICE_UNAVAILABLE = 503,
    SERVER_TIME_OUT = 504,
    VERSION_NOT_SUPPORTED = 505,
    MESSAGE_TOO_LARGE = 513,
    BUSY_EVERYWHERE = 600,
    DECLINE = 603,
}

impl StatusCode {
    /// A status code; `None` outside 100 to 699.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 100 && code <= 699 {
            Some(Self(code))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    /// What kind of answer it is.
    #[must_use]
    pub const fn class(self) -> StatusClass {
        match self.0 {
            0..=199 => StatusClass::Provisional,
            200..=299 => StatusClass::Success,
            300..=399 => StatusClass::Redirection,
            400..=499 => StatusClass::RequestFailure,
            500..=599 => StatusClass::ServerFailure,
            600.. => StatusClass::GlobalFailure,
        }
    }

    /// 1xx: more is to come.
    #[must_use]
    pub const fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// 2xx.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self.class(), StatusClass::Success)
    }

    /// The phrase of the RFCs; for an unknown code that of its class (x00, RFC 3261 §8.1.3.2).
    #[must_use]
    pub fn reason(self) -> &'static str {
        let of = |code: u16| {
            REASONS
                .get(usize::from(code.saturating_sub(100)))
                .and_then(Option::as_deref)
        };
        of(self.0)
            .or_else(|| of(self.0 - self.0 % 100))
            .unwrap_or("Unknown")
    }
}

impl From<rsip::StatusCode> for StatusCode {
    /// rsip's word for a code. A code outside 100 to 699 becomes 500.
    fn from(word: rsip::StatusCode) -> Self {
        Self::new(word.code()).unwrap_or(Self::SERVER_INTERNAL_ERROR)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}

/// Phrases by code - 100, made once from rsip's vocabulary.
static REASONS: LazyLock<Vec<Option<String>>> = LazyLock::new(|| (100..700).map(phrase).collect());

/// rsip 0.4 names its codes `BusyHere`: split at capitals that is the RFC's phrase, except for
/// those where it dropped a mark or made a name of its own.
fn phrase(code: u16) -> Option<String> {
    let corrected = match code {
        200 => Some("OK"),
        202 => Some("Accepted"), // rsip has 201, which SIP does not use.
        414 => Some("Request-URI Too Long"),
        416 => Some("Unsupported URI Scheme"),
        417 => Some("Unknown Resource-Priority"),
        423 => Some("Interval Too Brief"),
        436 => Some("Bad Identity Info"),
        469 => Some("Bad INFO Package"),
        481 => Some("Call/Transaction Does Not Exist"),
        504 => Some("Server Time-out"),
        606 => Some("Not Acceptable"),
        201 => return None,
        _ => None,
    };
    if let Some(corrected) = corrected {
        return Some(corrected.to_owned());
    }
    let word = rsip::StatusCode::from(code);
    if matches!(word, rsip::StatusCode::Other(..)) {
        return None;
    }
    let shown = word.to_string();
    let name = shown.split_once(' ')?.1;
    let mut phrase = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !phrase.is_empty() {
            phrase.push(' ');
        }
        phrase.push(letter);
    }
    Some(phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: u16, expected: &str) {
        assert_eq!(
            StatusCode::new(code).expect("in range").to_string(),
            expected
        );
    }

    #[test]
    fn reason_phrases_are_those_of_the_rfc() {
        check(100, "100 Trying");
        check(200, "200 OK");
        check(202, "202 Accepted");
        check(401, "401 Unauthorized");
        check(407, "407 Proxy Authentication Required");
        check(480, "480 Temporarily Unavailable");
        check(481, "481 Call/Transaction Does Not Exist");
        check(486, "486 Busy Here");
        check(487, "487 Request Terminated");
        check(504, "504 Server Time-out");
        check(505, "505 Version Not Supported");
        check(513, "513 Message Too Large");
        check(603, "603 Decline");
    }

    #[test]
    fn an_unknown_code_reads_as_its_class() {
        check(499, "499 Bad Request");
        check(699, "699 Busy Everywhere");
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(700), None);
    }

    #[test]
    fn rsip_phrases_cannot_be_used_as_they_are() {
        assert_eq!(rsip::StatusCode::BusyHere.to_string(), "486 BusyHere");
        assert_eq!(
            StatusCode::from(rsip::StatusCode::BusyHere),
            StatusCode::BUSY_HERE
        );
    }
}
