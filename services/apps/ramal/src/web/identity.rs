//! The certificate: what others have signed for the box, or what it has signed itself, made at the
//! first start; kept by the store.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::CertificateFacts;
use ipc::store::laid_down;
use rustls::ServerConfig;
use sha2::{Digest as _, Sha256};
use tokio::time::{sleep, timeout};
use web_server::certificate::{Signed, facts};
use web_server::{CertificateError, Identity, PROTOCOLS};

use super::certificate::{Kept, Settled, kept as kept_beside};
use super::driver::Driver;

/// What to serve with. Waits for the store, but not for ever: a box whose store is broken must
/// still be able to say so, with a certificate for this run only.
pub(super) async fn settle(driver: &Driver) -> Result<Settled, CertificateError> {
    let answered = timeout(STORE_WAIT_MAX, all_kept(driver)).await;
    let is_answered = answered.is_ok();
    settled(driver, answered.unwrap_or_default(), is_answered).await
}

/// What to serve with by what the store says at last; `None` while it does not answer.
pub(super) async fn settle_late(driver: &Driver) -> Option<Result<Settled, CertificateError>> {
    let kept = timeout(LATE_WAIT_MAX, all_kept(driver)).await.ok()?;
    Some(settled(driver, kept, true).await)
}

async fn settled(
    driver: &Driver,
    (own, names, beside): (Option<Identity>, Names, Kept),
    is_answered: bool,
) -> Result<Settled, CertificateError> {
    driver.admin().call_it(&names.host);
    let Kept { signed, waiting } = beside;
    if let Some(signed) = signed {
        match served(&signed) {
            Some((tls, facts)) => {
                return Ok(Settled {
                    tls,
                    facts,
                    signed: Some(signed),
                    waiting,
                    is_known: is_answered,
                });
            }
            None => tracing::warn!("what others have signed cannot be served"),
        }
    }
    let (tls, certificate) = self_signed(driver, own, &names, is_answered).await?;
    Ok(Settled {
        tls,
        facts: facts(&certificate).unwrap_or_else(|| CertificateFacts {
            sha256: Sha256::digest(&certificate).into(),
            ..CertificateFacts::default()
        }),
        signed: None,
        waiting,
        is_known: is_answered,
    })
}

/// What the box has signed itself, or signs now; `None` while the store does not answer.
pub(super) async fn own(driver: &Driver) -> Option<Result<Served, CertificateError>> {
    let answered = timeout(STORE_WAIT_MAX, own_kept(driver)).await;
    let (own, names) = answered.ok()?;
    Some(self_signed(driver, own, &names, true).await)
}

/// What to serve with, and the certificate, DER.
type Served = (Arc<ServerConfig>, Vec<u8>);

fn served(signed: &Signed) -> Option<(Arc<ServerConfig>, CertificateFacts)> {
    let tls = signed.server_config();
    let tls = tls.map_err(|error| tracing::warn!("{error}")).ok()?;
    Some((tls, facts(signed.chain.first()?)?))
}

async fn self_signed(
    driver: &Driver,
    own: Option<Identity>,
    names: &Names,
    is_answered: bool,
) -> Result<Served, CertificateError> {
    if let Some(served) = own.and_then(|own| usable(own, names)) {
        return Ok(served);
    }
    let mut addresses = driver.addresses().await;
    addresses.extend(names.address);
    let identity = Identity::make(&names.host, &addresses)?;
    // A store that did not answer may hold one already: that one must not be replaced.
    let stored = is_answered
        && driver.keep_secret(KEY, identity.key.clone()).await
        && driver
            .keep_secret(CERTIFICATE, identity.certificate.clone())
            .await;
    if stored {
        tracing::info!("made a certificate for the web admin");
    } else {
        tracing::warn!("the store is away: this start has a certificate of its own");
    }
    Ok((identity.server_config(PROTOCOLS)?, identity.certificate))
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

/// Everything the store keeps of it, once it answers.
async fn all_kept(driver: &Driver) -> (Option<Identity>, Names, Kept) {
    let (own, names) = own_kept(driver).await;
    loop {
        match kept_beside(driver).await {
            Ok(beside) => return (own, names, beside),
            Err(_) => sleep(STORE_PAUSE).await,
        }
    }
}

/// What the store keeps, `None` when it keeps no certificate, and what one has to name; once it
/// answers.
async fn own_kept(driver: &Driver) -> (Option<Identity>, Names) {
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

fn usable(identity: Identity, names: &Names) -> Option<Served> {
    if !identity.is_for(&names.host, names.address) {
        tracing::info!("the box has another name or address by now: making a new certificate");
        return None;
    }
    match identity.server_config(PROTOCOLS) {
        Ok(config) => Some((config, identity.certificate)),
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
/// Nor does whoever looks at the certificate wait longer for a store that is away.
const LATE_WAIT_MAX: Duration = Duration::from_secs(3);
/// Before the store is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(200);
