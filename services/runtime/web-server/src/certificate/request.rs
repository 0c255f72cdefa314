//! A new key, and what others are to sign for it.

use std::fmt;
use std::net::IpAddr;

use admin::SigningRequest;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use crate::CertificateError;

/// A key that waits for a certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Waiting {
    /// PKCS #8 private key. Kept as a secret.
    pub key: Vec<u8>,
    /// What others are to sign.
    pub request: SigningRequest,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waiting({})", self.request.names.join(", "))
    }
}

/// A new P-256 key, and a request for `names`, which has at least one, and `addresses`. It names
/// them where browsers look (RFC 5280 §4.2.1.6), and the first as the subject, where it fits, which
/// some authorities want.
///
/// # Errors
/// The key cannot be generated, or a name is none.
pub fn ask(names: &[String], addresses: &[IpAddr]) -> Result<Waiting, CertificateError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names)?;
    let all = addresses.iter().map(|address| SanType::IpAddress(*address));
    params.subject_alt_names.extend(all);
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let mut subject = DistinguishedName::new();
    let first = names.first().map(String::as_str);
    let short = first.filter(|it| it.len() <= COMMON_NAME_LENGTH_MAX);
    subject.push(DnType::CommonName, short.unwrap_or("Ramal"));
    params.distinguished_name = subject;
    let addresses = addresses.iter().map(ToString::to_string);
    Ok(Waiting {
        request: SigningRequest {
            names: names.iter().cloned().chain(addresses).collect(),
            pem: params.serialize_request(&key)?.pem()?,
        },
        key: key.serialize_der(),
    })
}

/// `ub-common-name`, RFC 5280 appendix A.1.
const COMMON_NAME_LENGTH_MAX: usize = 64;
