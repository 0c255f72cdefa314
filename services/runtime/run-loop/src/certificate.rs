//! The box's own certificate: self-signed until the customer brings one.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::ParsedCertificate;

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A new key or certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// What is kept is not a key and certificate that belong together.
    #[error("a kept certificate cannot be used: {0}")]
    Use(#[from] rustls::Error),
}

/// A private key and its certificate, DER each.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// PKCS #8 private key. Kept as a secret.
    pub key: Vec<u8>,
    /// X.509 certificate.
    pub certificate: Vec<u8>,
}

impl Identity {
    /// A new P-256 key and a certificate for `<host>.local`, `localhost` and `addresses`.
    ///
    /// Valid from 2020 to the end of the century whatever the clock says: a box without a battery
    /// boots in 1970, and an expired certificate teaches people to click warnings away.
    ///
    /// # Errors
    /// The key cannot be generated.
    pub fn make(host: &str, addresses: &[IpAddr]) -> Result<Self, CertificateError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let names = [format!("{host}.local"), "localhost".to_owned()];
        let mut params = CertificateParams::new(names)?;
        let loopback = [IpAddr::from([127, 0, 0, 1])];
        let all = loopback.iter().chain(addresses);
        params
            .subject_alt_names
            .extend(all.map(|address| SanType::IpAddress(*address)));
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2099, 12, 31);
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, "Ramal");
        params.distinguished_name = subject;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            key: key.serialize_der(),
            certificate: certificate.der().to_vec(),
        })
    }

    /// Whether the certificate is for `<host>.local`, and for `address` if there is one.
    #[must_use]
    pub fn is_for(&self, host: &str, address: Option<IpAddr>) -> bool {
        let certificate = CertificateDer::from(self.certificate.as_slice());
        let Ok(parsed) = ParsedCertificate::try_from(&certificate) else {
            return false;
        };
        let Ok(host) = ServerName::try_from(format!("{host}.local")) else {
            return false;
        };
        let names = [Some(host), address.map(ServerName::from)];
        let is_named = |name| verify_server_name(&parsed, name).is_ok();
        names.iter().flatten().all(is_named)
    }

    /// The settings of a TLS server: ring, TLS 1.2 and 1.3, and only `protocols` of the next layer
    /// (RFC 7301); none for a server that does not negotiate them.
    ///
    /// # Errors
    /// Key and certificate are malformed or do not belong together.
    pub fn server_config(
        &self,
        protocols: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let chain = vec![CertificateDer::from(self.certificate.clone())];
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_for_the_names_it_was_made_with_and_for_no_other() {
        let [ours, other] = [5, 6].map(|last| IpAddr::from([10, 77, 0, last]));
        let identity = Identity::make("matriz", &[ours]).expect("made");
        assert!(identity.is_for("matriz", None));
        assert!(identity.is_for("matriz", Some(ours)));
        assert!(!identity.is_for("matriz", Some(other)));
        assert!(!identity.is_for("ramal", None));
        let broken = Identity {
            certificate: vec![0; 40],
            ..identity
        };
        assert!(!broken.is_for("matriz", None));
    }
}
