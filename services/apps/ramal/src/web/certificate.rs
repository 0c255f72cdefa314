//! The certificate that is served: kept by the store with its key, and changed while the box runs.

use std::net::IpAddr;
use std::sync::Arc;

use admin::{
    CertificateFacts, CertificateFault, CertificateOrder, CertificateState, Chain, SigningRequest,
};
use ipc::Redacted;
use ipc::store::laid_down;
use rustls::ServerConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};
use web_server::certificate::{Signed, Waiting, ask, check, facts};

use super::driver::Driver;
use super::identity;

/// What is served, and what may be served next. One order is carried out at a time.
#[derive(Default)]
pub(super) struct Certificates(Mutex<Option<Present>>);

/// From the moment something is served.
struct Present {
    facts: CertificateFacts,
    /// What others have signed, when that is served.
    signed: Option<Signed>,
    waiting: Option<Waiting>,
    /// The store has said what it keeps. Until then nothing replaces what it may keep.
    is_known: bool,
    tls: watch::Sender<Arc<ServerConfig>>,
}

/// What is served at the start: what others have signed, or what the box has.
pub(super) struct Settled {
    pub(super) tls: Arc<ServerConfig>,
    pub(super) facts: CertificateFacts,
    /// What others have signed, when that is served.
    pub(super) signed: Option<Signed>,
    pub(super) waiting: Option<Waiting>,
    /// The store has said what it keeps.
    pub(super) is_known: bool,
}

impl Certificates {
    /// Serves this from now on; what is served later comes out of the channel.
    pub(super) async fn begin(&self, settled: Settled) -> watch::Receiver<Arc<ServerConfig>> {
        let (tls, served) = watch::channel(settled.tls);
        *self.0.lock().await = Some(Present {
            facts: settled.facts,
            signed: settled.signed,
            waiting: settled.waiting,
            is_known: settled.is_known,
            tls,
        });
        served
    }

    /// Whether it has to be asked again what the store keeps.
    pub(super) fn is_behind(&self) -> bool {
        // Whoever holds it asks, or carries out an order that does.
        let present = self.0.try_lock();
        present.is_ok_and(|it| it.as_ref().is_some_and(|it| !it.is_known))
    }

    /// Serves what the store keeps, where it has not said that yet.
    pub(super) async fn learn(&self, driver: &Driver) {
        let mut present = self.0.lock().await;
        if let Some(present) = present.as_mut().filter(|it| !it.is_known) {
            present.learn(driver).await;
        }
    }

    /// Carries an order out.
    pub(super) async fn obey(
        &self,
        driver: &Driver,
        order: CertificateOrder,
    ) -> Result<CertificateState, CertificateFault> {
        let mut present = self.0.lock().await;
        let present = present.as_mut().ok_or(CertificateFault::Away)?;
        if order != CertificateOrder::Look {
            present.be_known(driver).await?;
        }
        match order {
            CertificateOrder::Look => {}
            CertificateOrder::Request { name, is_alone } => {
                let waiting = make(driver, name, is_alone).await?;
                let row = row(&KeptRequest::of(&waiting))?;
                present.keep(driver, WAITING, row).await?;
                present.waiting = Some(waiting);
            }
            CertificateOrder::Check(chain) => {
                let signed = present.check(&chain)?;
                return Ok(present.state_with(leaf_facts(&signed)?, Some(&signed)));
            }
            CertificateOrder::Set(chain) => {
                let signed = present.check(&chain)?;
                let tls = signed.server_config();
                let tls = tls.map_err(|_| CertificateFault::OtherKey)?;
                let facts = leaf_facts(&signed)?;
                let row = row(&KeptChain::of(&signed))?;
                present.keep(driver, SIGNED, row).await?;
                present.serve(driver, tls, facts, Some(signed));
            }
            CertificateOrder::SelfSigned => {
                let own = identity::own(driver).await.ok_or(CertificateFault::Away)?;
                let (tls, certificate) = own.map_err(|error| {
                    tracing::error!("{error}");
                    CertificateFault::Internal
                })?;
                let facts = facts(&certificate).ok_or(CertificateFault::Internal)?;
                // The store forgets nothing by its name alone: what is empty is none.
                present.keep(driver, SIGNED, Vec::new()).await?;
                present.serve(driver, tls, facts, None);
            }
        }
        Ok(present.state_with(present.facts.clone(), present.signed.as_ref()))
    }
}

impl Present {
    async fn be_known(&mut self, driver: &Driver) -> Result<(), CertificateFault> {
        if !self.is_known {
            self.learn(driver).await;
        }
        self.is_known.then_some(()).ok_or(CertificateFault::Away)
    }

    async fn learn(&mut self, driver: &Driver) {
        let settled = match identity::settle_late(driver).await {
            Some(Ok(settled)) => settled,
            Some(Err(error)) => return tracing::error!("{error}"),
            None => return,
        };
        if settled.facts == self.facts {
            // What it was asked for may be another name all the same.
            tell(driver, &self.facts, settled.signed.as_ref());
            self.signed = settled.signed;
        } else {
            self.serve(driver, settled.tls, settled.facts, settled.signed);
        }
        (self.waiting, self.is_known) = (settled.waiting, true);
    }

    /// Has the store keep a row. Without an answer it may have it or not: that is asked again
    /// before anything else is done.
    async fn keep(
        &mut self,
        driver: &Driver,
        name: &str,
        row: Vec<u8>,
    ) -> Result<(), CertificateFault> {
        self.is_known = driver.keep_secret(name, row).await;
        self.is_known.then_some(()).ok_or(CertificateFault::Away)
    }

    fn check(&self, chain: &Chain) -> Result<Signed, CertificateFault> {
        check(chain, self.waiting.as_ref(), self.signed.as_ref())
    }

    /// Connections from now on get it; those that are open go on.
    fn serve(
        &mut self,
        driver: &Driver,
        tls: Arc<ServerConfig>,
        facts: CertificateFacts,
        signed: Option<Signed>,
    ) {
        self.tls.send_replace(tls);
        tell(driver, &facts, signed.as_ref());
        (self.facts, self.signed) = (facts, signed);
        tracing::info!("another certificate is served from now on");
    }

    fn state_with(&self, served: CertificateFacts, signed: Option<&Signed>) -> CertificateState {
        CertificateState {
            served,
            is_self_signed: signed.is_none(),
            asked_name: signed.map(|it| it.name.clone()),
            request: self.waiting.as_ref().map(|it| it.request.clone()),
        }
    }
}

/// Has the screen of the box show it, the first page tell of its end, and passkeys made for the
/// name that others have signed.
pub(super) fn tell(driver: &Driver, facts: &CertificateFacts, signed: Option<&Signed>) {
    driver.certificate.send_replace(Some(facts.sha256));
    let signed = signed.map(|it| (facts, it.name.as_str()));
    driver.admin().serves_signed(signed);
}

/// What the store keeps; what cannot be read is as none, and told.
pub(super) async fn kept(driver: &Driver) -> Result<Kept, admin::Away> {
    let waiting = read(WAITING, driver.secret(WAITING).await?).and_then(KeptRequest::waiting);
    let signed: Option<KeptChain> = read(SIGNED, driver.secret(SIGNED).await?);
    Ok(Kept {
        signed: signed.and_then(|it| it.signed(waiting.as_ref())),
        waiting,
    })
}

/// What the store keeps beside what the box has signed itself.
#[derive(Clone, Default)]
pub(super) struct Kept {
    pub(super) signed: Option<Signed>,
    pub(super) waiting: Option<Waiting>,
}

fn read<T: for<'de> Deserialize<'de>>(name: &str, kept: Option<Vec<u8>>) -> Option<T> {
    let bytes = kept.filter(|bytes| !bytes.is_empty())?;
    let read = serde_json::from_slice(&bytes);
    // What it says may be a part of a key.
    read.map_err(|_| tracing::warn!("{name} cannot be read: it is left out"))
        .ok()
}

fn row(kept: &impl Serialize) -> Result<Vec<u8>, CertificateFault> {
    serde_json::to_vec(kept).map_err(|_| CertificateFault::Internal)
}

/// A key and a request for the names by which the box is reached.
async fn make(driver: &Driver, name: String, is_alone: bool) -> Result<Waiting, CertificateFault> {
    let mut names: Vec<String> = [name].into_iter().filter(|it| !it.is_empty()).collect();
    let mut addresses: Vec<IpAddr> = Vec::new();
    if !is_alone {
        let host = driver.secret(laid_down::HOST_NAME).await;
        let host = host.map_err(|_| CertificateFault::Away)?;
        let host = host.and_then(|it| String::from_utf8(it).ok());
        let host = host.unwrap_or_else(|| laid_down::FACTORY_HOST_NAME.to_owned());
        names.push(format!("{host}.local"));
        addresses = driver.addresses().await;
    }
    names.dedup();
    ask(&names, &addresses).map_err(|error| {
        tracing::error!("{error}");
        CertificateFault::Internal
    })
}

fn leaf_facts(signed: &Signed) -> Result<CertificateFacts, CertificateFault> {
    let first = signed.chain.first().ok_or(CertificateFault::NotPem)?;
    facts(first).ok_or(CertificateFault::Unreadable(1))
}

/// What others have signed, as the store keeps it: one row, so that no power cut leaves a key and a
/// certificate of two minds.
#[derive(Serialize, Deserialize)]
struct KeptChain {
    /// PKCS #8, in hex.
    key: Redacted<String>,
    /// What it was asked for; rows of before do not say it.
    #[serde(default)]
    name: Option<String>,
    /// DER, in hex.
    chain: Vec<String>,
}

impl KeptChain {
    fn of(signed: &Signed) -> Self {
        Self {
            key: Redacted::new(hex::encode(&signed.key)),
            name: Some(signed.name.clone()),
            chain: signed.chain.iter().map(hex::encode).collect(),
        }
    }

    fn signed(self, waiting: Option<&Waiting>) -> Option<Signed> {
        let chain: Result<Vec<_>, _> = self.chain.iter().map(hex::decode).collect();
        let chain = chain.ok()?;
        let key = hex::decode(self.key.reveal()).ok()?;
        let asked = || {
            let own = waiting.filter(|it| it.key == key)?;
            own.request.names.first().cloned()
        };
        let name = self.name.or_else(asked);
        let name = name.or_else(|| first_name(chain.first()?))?;
        Some(Signed { key, name, chain })
    }
}

/// A name that a certificate is for; under a wildcard, one of those it covers.
fn first_name(certificate: &[u8]) -> Option<String> {
    let names = facts(certificate)?.names;
    let is_address = |name: &&String| name.parse::<IpAddr>().is_ok();
    let name = names.iter().find(|it| !is_address(it));
    let name = name.or_else(|| names.first())?;
    Some(name.replacen('*', "ramal", 1))
}

/// A key that waits, likewise.
#[derive(Serialize, Deserialize)]
struct KeptRequest {
    /// PKCS #8, in hex.
    key: Redacted<String>,
    names: Vec<String>,
    pem: String,
}

impl KeptRequest {
    fn of(waiting: &Waiting) -> Self {
        Self {
            key: Redacted::new(hex::encode(&waiting.key)),
            names: waiting.request.names.clone(),
            pem: waiting.request.pem.clone(),
        }
    }

    fn waiting(self) -> Option<Waiting> {
        Some(Waiting {
            key: hex::decode(self.key.reveal()).ok()?,
            request: SigningRequest {
                names: self.names,
                pem: self.pem,
            },
        })
    }
}

/// What others have signed, with its key.
const SIGNED: &str = "tls.signed";
/// The key that waits for a certificate, with the request.
const WAITING: &str = "tls.request";
