//! `Output::Resolve`: finds a server's hops, on the second thread.
//!
//! What DNS says is cached for as long as it says; the name servers are those `net` got with the
//! box's address.

mod dns;
mod rules;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use std::sync::Arc;
use std::time::Duration;

use pbx::{Hop, Input, Query, QueryId};
use sansio::{Rng, Transport};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use self::dns::NameServers;
pub(super) use self::dns::Source;
use self::rules::{Names as _, Server};

/// Questions worked on at once: a site has a few trunks.
const AT_ONCE_MAX: usize = 16;

/// Questions waiting beyond those.
const WAITING_MAX: usize = 64;

/// How long one may take, all its names together.
const QUESTION_MAX: Duration = Duration::from_secs(12);

/// When to ask again what could not be asked at all, seconds.
const FAILED_TTL_SECS: u32 = 10;

/// Finds servers.
#[derive(Debug)]
pub(super) struct Resolver {
    waiting: mpsc::Sender<(QueryId, Query)>,
    ports: Ports,
}

/// What we listen on: our port goes into every hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ports {
    pub(super) udp: u16,
    pub(super) tcp: u16,
    pub(super) tls: u16,
}

impl Resolver {
    /// Starts the task that asks the name servers of `source`; answers go to `feed`.
    pub(super) fn start(
        background: &Handle,
        source: Source,
        ports: Ports,
        rng: Rng,
        feed: mpsc::Sender<Input>,
    ) -> Self {
        let (waiting, questions) = mpsc::channel(WAITING_MAX);
        let asker = Asker {
            servers: NameServers::new(source),
            ports,
            rng,
            feed,
        };
        background.spawn(asker.run(questions));
        Self { waiting, ports }
    }

    /// Asks. Gives the answer at once when there is nothing to look up, or too much.
    pub(super) fn ask(&self, id: QueryId, query: Query) -> Option<Input> {
        if let Some(server) = rules::literal(&query) {
            let hops: Vec<Hop> = self.ports.hop(server).into_iter().collect();
            let ttl_secs = if hops.is_empty() {
                FAILED_TTL_SECS
            } else {
                LITERAL_TTL_SECS
            };
            return Some(Input::Resolved { id, hops, ttl_secs });
        }
        let refused = self.waiting.try_send((id, query)).err()?;
        tracing::warn!("too many names are being looked up: {refused}");
        Some(failed(id))
    }
}

/// An address stays what it is, but our own on the route to it may change: look again some time.
const LITERAL_TTL_SECS: u32 = 60;

const fn failed(id: QueryId) -> Input {
    Input::Resolved {
        id,
        hops: Vec::new(),
        ttl_secs: FAILED_TTL_SECS,
    }
}

/// Looks up addresses for other services than `pbx`, with the same name servers.
#[derive(Debug)]
pub struct Lookups(tokio::sync::Mutex<NameServers>);

impl Lookups {
    /// By the name servers that `net` has, which is asked on this socket.
    #[must_use]
    pub fn new(net: std::path::PathBuf) -> Self {
        Self(tokio::sync::Mutex::new(NameServers::new(Source::Net(net))))
    }

    /// The addresses of a name; none when it has none or nobody can say.
    pub async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let names = self.0.lock().await.current().await;
        match names {
            Some(names) => {
                let asked = timeout(QUESTION_MAX, names.addresses(name)).await;
                asked.map(|found| found.records).unwrap_or_default()
            }
            None => Vec::new(),
        }
    }
}

struct Asker {
    servers: NameServers,
    ports: Ports,
    rng: Rng,
    feed: mpsc::Sender<Input>,
}

impl Asker {
    async fn run(mut self, mut questions: mpsc::Receiver<(QueryId, Query)>) {
        let places = Arc::new(Semaphore::new(AT_ONCE_MAX));
        while let Some((id, query)) = questions.recv().await {
            // Never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let (ports, feed) = (self.ports, self.feed.clone());
            let rng = Rng::from_seed(self.rng.next_u64());
            let Some(names) = self.servers.current().await else {
                tracing::warn!(host = query.host, "no name server is known to look this up");
                let _ = feed.send(failed(id)).await;
                continue;
            };
            tokio::spawn(async move {
                let found = timeout(QUESTION_MAX, rules::servers(&*names, rng, &query)).await;
                let answer = match found {
                    Ok(found) => Input::Resolved {
                        id,
                        hops: ports.hops(found.records),
                        ttl_secs: found.ttl_secs,
                    },
                    Err(_) => failed(id),
                };
                drop(place);
                // The loop gone means the process is ending.
                let _ = feed.send(answer).await;
            });
        }
    }
}

impl Ports {
    /// The ways to these servers that there are, in order; those that lead nowhere last.
    fn hops(self, servers: Vec<Server>) -> Vec<Hop> {
        let mut hops: Vec<Hop> = servers.into_iter().filter_map(|it| self.hop(it)).collect();
        hops.sort_by_key(leads_nowhere);
        hops
    }

    /// The way to a server; `None` when there is none.
    fn hop(self, (transport, remote): Server) -> Option<Hop> {
        let port = match transport {
            Transport::Udp => self.udp,
            Transport::Tcp => self.tcp,
            Transport::Tls => self.tls,
        };
        let local = SocketAddr::new(local_towards(remote)?, port);
        Some(Hop {
            transport,
            remote,
            local,
        })
    }
}

/// IPv6 that would not get far: from a private or link-local address of ours to a public one (the
/// reason for RFC 6724 §5 rules 2 and 5).
fn leads_nowhere(hop: &Hop) -> bool {
    let (IpAddr::V6(local), IpAddr::V6(remote)) = (hop.local.ip(), hop.remote.ip()) else {
        return false;
    };
    let kind = |ip: Ipv6Addr| (ip.is_unique_local(), ip.is_unicast_link_local());
    kind(local) != kind(remote)
}

/// Our address on the route to `remote`: connecting a UDP socket sends nothing, but makes the
/// kernel choose.
fn local_towards(remote: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(remote).ok()?;
    let local = socket.local_addr().ok()?;
    Some(local.ip())
}

#[cfg(test)]
mod tests;
