//! The certificate: made at the first start, kept by the store.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipc::store::laid_down;
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
    let (kept, names) = match &answered {
        Ok((kept, names)) => (kept.as_ref(), names.clone()),
        Err(_) => (None, Names::default()),
    };
    driver.admin().call_it(&names.host);
    if let Some(settled) = kept.and_then(|kept| usable(kept, &names)) {
        return Ok(settled);
    }
    let mut addresses = driver.addresses().await;
    addresses.extend(names.address);
    let identity = Identity::make(&names.host, &addresses)?;
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

/// What the certificate has to name.
#[derive(Clone)]
struct Names {
    /// The box's name.
    host: String,
    /// Its address, if people have set one: `net` may not hold it yet.
    address: Option<IpAddr>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            host: laid_down::FACTORY_HOST_NAME.to_owned(),
            address: None,
        }
    }
}

/// What the store keeps, `None` when it keeps no certificate, and what one has to name; once it
/// answers.
async fn kept(driver: &Driver) -> (Option<Identity>, Names) {
    loop {
        if let (Ok(key), Ok(certificate), Ok(host), Ok(address)) = (
            driver.secret(KEY).await,
            driver.secret(CERTIFICATE).await,
            driver.secret(laid_down::HOST_NAME).await,
            driver.secret(laid_down::ADDRESS).await,
        ) {
            let kept = key.zip(certificate);
            let kept = kept.map(|(key, certificate)| Identity { key, certificate });
            let text = |kept: Option<Vec<u8>>| kept.and_then(|it| String::from_utf8(it).ok());
            let host = text(host).unwrap_or_else(|| Names::default().host);
            let address = text(address).and_then(|text| text.parse().ok());
            return (kept, Names { host, address });
        }
        sleep(STORE_PAUSE).await;
    }
}

fn usable(identity: &Identity, names: &Names) -> Option<Settled> {
    if !identity.is_for(&names.host, names.address) {
        tracing::info!("the box has another name or address by now: making a new certificate");
        return None;
    }
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
