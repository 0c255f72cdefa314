//! What a certificate says, for people.

use std::net::IpAddr;

use admin::CertificateFacts;
use ring::digest::{SHA256, digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// What a certificate says; `None` for one that cannot be read, or with something behind it.
#[must_use]
pub fn facts(certificate: &[u8]) -> Option<CertificateFacts> {
    let parsed = parsed(certificate)?;
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, certificate).as_ref());
    Some(CertificateFacts {
        subject: plain(&parsed.subject().to_string()),
        issuer: plain(&parsed.issuer().to_string()),
        names: names(&parsed),
        from_millis: millis(parsed.validity().not_before.timestamp()),
        until_millis: millis(parsed.validity().not_after.timestamp()),
        sha256,
    })
}

pub(super) fn parsed(certificate: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, parsed) = X509Certificate::from_der(certificate).ok()?;
    rest.is_empty().then_some(parsed)
}

pub(super) const fn millis(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let all = names.value.general_names.iter().take(NAMES_SHOWN_MAX);
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(plain(name)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from),
        }
        .map(|address| address.to_string()),
        _ => None,
    };
    all.filter_map(name).collect()
}

/// An authority writes there what it likes: on a terminal and in a list it must not be more.
fn plain(text: &str) -> String {
    let shown = text.chars().take(TEXT_LENGTH_MAX);
    shown
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect()
}

const TEXT_LENGTH_MAX: usize = 256;
const NAMES_SHOWN_MAX: usize = 32;
