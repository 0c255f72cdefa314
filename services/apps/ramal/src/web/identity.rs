//! The certificate: made at the first start, kept by the store.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use sha2::{Digest as _, Sha256};
use tokio::time::{sleep, timeout};
use web_server::{CertificateError, Identity, PROTOCOLS};

use super::driver::Driver;

/// The TLS settings to serve with, and SHA-256 of the certificate. Waits for the store, but not for
/// ever: a box whose store is broken must still be able to say so, with a certificate for this run
/// only.
pub(super) async fn settle(driver: &Driver) -> Result<Settled, CertificateError> {
    let answered = timeout(STORE_WAIT_MAX, kept(driver)).await;
    if let Ok(Some(settled)) = answered.as_ref().map(|kept| kept.as_ref().and_then(usable)) {
        return Ok(settled);
    }
    let identity = Identity::make(&driver.addresses().await)?;
    // A store that did not answer may hold one already: that one must not be replaced.
    let stored = answered.is_ok()
        && driver.keep_secret(KEY, identity.key.clone()).await
        && driver
            .keep_secret(CERTIFICATE, identity.certificate.clone())
            .await;
    if stored {
        tracing::info!("made a certificate for the web admin");
    } else {
        tracing::warn!("the store is away: this start has a certificate of its own");
    }
    Ok((identity.server_config(PROTOCOLS)?, digest(&identity)))
}

/// What to serve with, and the digest that people compare.
type Settled = (Arc<ServerConfig>, [u8; 32]);

fn digest(identity: &Identity) -> [u8; 32] {
    Sha256::digest(&identity.certificate).into()
}

/// What the store keeps, once it answers; `None` when it keeps nothing.
async fn kept(driver: &Driver) -> Option<Identity> {
    loop {
        if let (Ok(key), Ok(certificate)) =
            (driver.secret(KEY).await, driver.secret(CERTIFICATE).await)
        {
            return Some(Identity {
                key: key?,
                certificate: certificate?,
            });
        }
        sleep(STORE_PAUSE).await;
    }
}

fn usable(identity: &Identity) -> Option<Settled> {
    match identity.server_config(PROTOCOLS) {
        Ok(config) => Some((config, digest(identity))),
        Err(error) => {
            tracing::warn!("{error}; making a new one");
            None
        }
    }
}

const KEY: &str = "tls.key";
const CERTIFICATE: &str = "tls.cert";
/// After this the box serves without the store.
const STORE_WAIT_MAX: Duration = Duration::from_secs(10);
/// Before the store is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(200);
