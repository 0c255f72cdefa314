//! The certificate that the pages are served with: what is asked of the runtime about it, and what
//! it answers. Keys are made and kept there, and no answer has one.

use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;

/// What is asked about the certificate of the pages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CertificateOrder {
    /// How it stands.
    Look,
    /// Make a new key, and a request that others sign. The one before is forgotten.
    Request {
        /// A name of the customer's own; empty for none.
        name: String,
        /// Nothing but that name: neither the one by which the box is found nor its addresses.
        is_alone: bool,
    },
    /// Say what would be served with this chain (PEM), or why it cannot be.
    Check(Chain),
    /// Serve with it from now on.
    Set(Chain),
    /// Serve with the self-signed one again.
    SelfSigned,
}

/// Certificates that others have signed for a key of the box.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    /// PEM: first that of the box, then each the one that signed the one before.
    pub pem: String,
    /// Milliseconds since 1970; `None` where the clock of the box cannot be right.
    pub now_millis: Option<i64>,
    /// Whoever brings it has said lately who he is.
    pub is_confirmed: bool,
}

/// How the certificate stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CertificateState {
    /// What is served.
    pub served: CertificateFacts,
    /// The box has signed it itself.
    pub is_self_signed: bool,
    /// The name that was asked for with the key that is served, whatever else the certificate
    /// names; none where the box has signed it itself. Passkeys go by it.
    pub asked_name: Option<String>,
    /// What others are to sign, once somebody has asked for it.
    pub request: Option<SigningRequest>,
}

/// What a certificate says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CertificateFacts {
    /// As people read it: `CN=pbx.example.com`.
    pub subject: String,
    /// Who has signed it.
    pub issuer: String,
    /// Names and addresses it is for.
    pub names: Vec<String>,
    /// From when it is valid, milliseconds since 1970.
    pub from_millis: i64,
    /// Until when.
    pub until_millis: i64,
    /// SHA-256 of it, as the box's own screen shows it.
    pub sha256: [u8; 32],
}

impl CertificateFacts {
    /// Whether it has this very name.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.iter().any(|it| it.eq_ignore_ascii_case(name))
    }
}

/// What others are to sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningRequest {
    /// Names and addresses it asks for; a chain has to name the first.
    pub names: Vec<String>,
    /// PKCS #10 in PEM (RFC 7468 §7).
    pub pem: String,
}

/// Why nothing was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CertificateFault {
    /// The store does not answer, or nothing is served yet.
    Away,
    /// No key or request could be made.
    Internal,
    /// What it is to be for is no name.
    NotAName,
    /// No key waits for a certificate.
    NoRequest,
    /// There is no certificate in it, or it is cut short or too long.
    NotPem,
    /// A private key came along.
    PrivateKey,
    /// So many certificates are not a chain.
    TooMany,
    /// This one cannot be read, counted from 1.
    Unreadable(usize),
    /// The first is not for a key of this box.
    OtherKey,
    /// Another signed one is served, and this is for another key: that asks for the password.
    ConfirmFirst,
    /// This one was not signed by the one behind it, counted from 1.
    NotSignedByNext(usize),
    /// A signature in it is not by the one it names.
    NotSigned,
    /// One of them may not do what it does here, as its authority says.
    NotForServers,
    /// This one begins later, by the clock of the box; milliseconds since 1970.
    NotYet(i64),
    /// One of them has ended, by the clock of the box.
    Over(i64),
    /// It is not for this name.
    OtherName(String),
    /// It is not for this name, by which alone passkeys of people here work.
    EndsPasskeys(String),
    /// Another name was asked for than this one, for which people here have passkeys.
    AskedForAnother(String),
}

/// How the certificate of the pages stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CertificateView {
    /// The box has signed it itself.
    pub(crate) self_signed: bool,
    pub(crate) subject: String,
    /// Who has signed it.
    pub(crate) issuer: String,
    /// Names and addresses it is for.
    pub(crate) names: Vec<String>,
    pub(crate) from: String,
    pub(crate) until: String,
    /// SHA-256 in hexadecimal, as the box's own screen shows it.
    pub(crate) fingerprint: String,
    /// What others are to sign.
    pub(crate) request: Option<SigningRequestView>,
}

/// What others are to sign.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SigningRequestView {
    /// Names and addresses it asks for.
    pub(crate) names: Vec<String>,
    /// PKCS #10.
    pub(crate) pem: String,
}

impl CertificateView {
    pub(crate) fn new(state: CertificateState) -> Self {
        let CertificateFacts {
            subject,
            issuer,
            names,
            from_millis,
            until_millis,
            sha256,
        } = state.served;
        Self {
            self_signed: state.is_self_signed,
            subject,
            issuer,
            names,
            from: rfc3339(from_millis),
            until: rfc3339(until_millis),
            fingerprint: hex::encode(sha256),
            request: state.request.map(|it| SigningRequestView {
                names: it.names,
                pem: it.pem,
            }),
        }
    }
}

/// Whether this is a name that a certificate may be for: labels of letters, digits and hyphens
/// (RFC 1123 §2.1), two or more of them, and no address.
pub(crate) fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_LENGTH_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= NAME_LENGTH_MAX
        && name.contains('.')
        && name.split('.').all(is_label)
        && !last.bytes().all(|it| it.is_ascii_digit())
}

/// Before so many days are left, people are told to have it renewed.
pub(crate) const RENEWED_DAYS: i64 = 30;

const NAME_LENGTH_MAX: usize = 253;
const LABEL_LENGTH_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_name_is_one_that_browsers_look_up() {
        for good in [
            "pbx.example.com",
            "a.b",
            "PBX-1.example.com",
            "xn--so-8ja.br",
        ] {
            assert!(is_name(good), "{good}");
        }
        let long = format!("{}.com", "a".repeat(64));
        for bad in [
            "",
            "pbx",
            "10.0.0.5",
            "fd77::7",
            "pbx.example.com.",
            "*.example.com",
            "-a.example.com",
            "a_b.example.com",
            "são.br",
            "a b.com",
            "https://pbx.example.com",
            &long,
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
