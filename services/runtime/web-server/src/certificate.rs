//! Keys of the box for which others sign certificates: the request they get (PKCS #10, RFC 2986),
//! and whether what they send back can be served.
//!
//! What this must never do: take a key from outside, or hand one out.

mod chain;
mod facts;
mod request;

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::{CertificateError, PROTOCOLS};

pub use chain::check;
pub use facts::facts;
pub use request::{Waiting, ask};

/// A key with the certificates that others have signed for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// PKCS #8 private key. Kept as a secret.
    pub key: Vec<u8>,
    /// What it was asked for: what renews it has to name that.
    pub name: String,
    /// X.509 certificates, DER each: first the box's own, then each the one that signed the one
    /// before.
    pub chain: Vec<Vec<u8>>,
}

impl Signed {
    /// The settings to serve the pages with.
    ///
    /// # Errors
    /// Key and chain are malformed or do not belong together.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let chain = self.chain.iter().cloned().map(CertificateDer::from);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain.collect(), key)?;
        config.alpn_protocols = PROTOCOLS.iter().map(|it| it.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} certificates)", self.chain.len())
    }
}

#[cfg(test)]
mod tests;
