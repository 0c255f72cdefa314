//! The certificate SIP over TLS is served with: made at the first start, kept by the store among
//! our own secrets. Not the one of the web admin: a process that talks to strangers gets to see no
//! key but its own.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipc::Redacted;
use ipc::store::laid_down;
use ipc::{net, store};
use rustls::ServerConfig;
use tokio::time::sleep;

use crate::certificate::Identity;
use crate::ipc::Client;

const KEY: &str = "sip.key";
const CERTIFICATE: &str = "sip.cert";

/// Before the store is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Before `net` is asked again whether the box has an address.
const ADDRESS_PAUSE: Duration = Duration::from_secs(1);

/// A certificate that is made names the box's addresses, if it gets any within so many pauses.
const ADDRESS_TRIES: usize = 15;

/// Who is asked.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    pub(super) store: PathBuf,
    pub(super) net: PathBuf,
}

/// The settings to serve with. Waits for the store as long as it takes: without it there are no
/// extensions either.
pub(super) async fn settle(sources: &Sources) -> Arc<ServerConfig> {
    let store = Client::new(&sources.store);
    loop {
        let (Ok(kept), Ok((host, address))) = (kept(&store).await, names(&store).await) else {
            sleep(STORE_PAUSE).await;
            continue;
        };
        match kept.map(|it| (it.is_for(&host, address), it.server_config(&[]))) {
            Some((true, Ok(config))) => return config,
            Some((false, _)) => tracing::info!("the box has another name or address by now"),
            Some((true, Err(error))) => tracing::warn!("{error}; making a new one"),
            None => {}
        }
        let mut named = addresses(&sources.net).await;
        named.extend(address);
        let made = Identity::make(&host, &named);
        match made.and_then(|made| Ok((made.server_config(&[])?, made))) {
            Ok((config, identity)) => {
                if keep(&store, identity).await {
                    tracing::info!("made a certificate for SIP over TLS");
                    return config;
                }
            }
            Err(error) => tracing::error!("{error}"),
        }
        sleep(STORE_PAUSE).await;
    }
}

type Store = Client<store::Request, store::Reply>;

/// What the store keeps, if it answers.
async fn kept(store: &Store) -> Result<Option<Identity>, ()> {
    let (key, certificate) = (secret(store, KEY).await?, secret(store, CERTIFICATE).await?);
    Ok(key
        .zip(certificate)
        .map(|(key, certificate)| Identity { key, certificate }))
}

/// What the certificate has to name: the box's name, and its address if people have set one.
async fn names(store: &Store) -> Result<(String, Option<IpAddr>), ()> {
    let text = |kept: Option<Vec<u8>>| kept.and_then(|bytes| String::from_utf8(bytes).ok());
    let host = text(secret(store, laid_down::HOST_NAME).await?);
    let address = text(secret(store, laid_down::ADDRESS).await?);
    let host = host.unwrap_or_else(|| laid_down::FACTORY_HOST_NAME.to_owned());
    Ok((host, address.and_then(|text| text.parse().ok())))
}

async fn secret(store: &Store, name: &str) -> Result<Option<Vec<u8>>, ()> {
    match store.call(&store::Request::Secret(name.to_owned())).await {
        Ok(store::Reply::Secret(secret)) => Ok(secret.map(|secret| secret.reveal().clone())),
        Ok(_) | Err(_) => Err(()),
    }
}

/// Whether the store has both now.
async fn keep(store: &Store, identity: Identity) -> bool {
    for (name, secret) in [(KEY, identity.key), (CERTIFICATE, identity.certificate)] {
        let request = store::Request::PutSecret(name.to_owned(), Redacted::new(secret));
        if !matches!(store.call(&request).await, Ok(store::Reply::Stored)) {
            return false;
        }
    }
    true
}

/// The addresses of the box, once it has one of IPv4, which it chooses itself in the end.
async fn addresses(net: &PathBuf) -> Vec<IpAddr> {
    let client = Client::<net::Request, net::Reply>::new(net);
    for _ in 0..ADDRESS_TRIES {
        let Ok(net::Reply::Status(status)) = client.call(&net::Request::Status).await else {
            // A box without `net` has whatever addresses it has.
            return Vec::new();
        };
        let found: Vec<IpAddr> = status.addresses().collect();
        // IPv6 comes first where there is both: nobody there waits for an answer of a server.
        if found.iter().any(IpAddr::is_ipv4) {
            return found;
        }
        sleep(ADDRESS_PAUSE).await;
    }
    Vec::new()
}
