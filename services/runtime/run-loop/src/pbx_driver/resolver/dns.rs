//! DNS itself: hickory, and where its name servers come from.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};
use ipc::net;
use tokio::time::Instant;

use super::FAILED_TTL_SECS;
use super::rules::{Found, Names, Naptr, Srv};
use crate::ipc::Client;

/// How long what `net` said of name servers is believed.
const BELIEVED: Duration = Duration::from_secs(30);

/// How long a name server may take; there are usually two, and each is tried twice.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// How long "there is no such name" is believed at least, and an answer at most, seconds.
const NEGATIVE_TTL_SECS: u32 = 60;

/// Answers kept.
const CACHE_ENTRIES: u64 = 256;

/// Where name servers come from.
#[derive(Debug)]
pub(in super::super) enum Source {
    /// What `net` got with the box's address; asked on this socket.
    Net(PathBuf),
    /// Given.
    #[cfg(test)]
    Given(SocketAddr),
}

/// The name servers, as long as they are the same.
#[derive(Debug)]
pub(super) struct NameServers {
    source: Source,
    asked: Option<Instant>,
    addresses: Vec<SocketAddr>,
    names: Option<Arc<Dns>>,
}

impl NameServers {
    pub(super) const fn new(source: Source) -> Self {
        Self {
            source,
            asked: None,
            addresses: Vec::new(),
            names: None,
        }
    }

    /// What to ask now; `None` while the box has no name server.
    pub(super) async fn current(&mut self) -> Option<Arc<Dns>> {
        let believed = self.names.is_some() && self.asked.is_some_and(|at| at.elapsed() < BELIEVED);
        if !believed {
            let addresses = self.source.ask().await;
            self.asked = Some(Instant::now());
            if addresses != self.addresses || self.names.is_none() {
                self.names = Dns::new(&addresses).map(Arc::new);
                self.addresses = addresses;
            }
        }
        self.names.clone()
    }
}

impl Source {
    async fn ask(&self) -> Vec<SocketAddr> {
        match self {
            Self::Net(socket) => {
                let client = Client::<net::Request, net::Reply>::new(socket);
                match client.call(&net::Request::Status).await {
                    Ok(net::Reply::Status(status)) => servers_of(&status),
                    Ok(_) | Err(_) => Vec::new(),
                }
            }
            #[cfg(test)]
            Self::Given(address) => vec![*address],
        }
    }
}

fn servers_of(status: &net::Status) -> Vec<SocketAddr> {
    let written = status.links.iter().flat_map(|link| &link.dns);
    let addresses = written.filter_map(|address| address.parse::<IpAddr>().ok());
    addresses.map(|ip| SocketAddr::new(ip, 53)).collect()
}

/// Asks certain name servers.
#[derive(Debug)]
pub(super) struct Dns {
    resolver: TokioResolver,
}

impl Dns {
    /// `None` without servers.
    fn new(servers: &[SocketAddr]) -> Option<Self> {
        if servers.is_empty() {
            return None;
        }
        let server = |address: &SocketAddr| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            for connection in &mut server.connections {
                connection.port = address.port();
            }
            server
        };
        let servers = servers.iter().map(server).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.timeout = ANSWER_MAX;
        options.attempts = 2;
        options.cache_size = CACHE_ENTRIES;
        options.use_hosts_file = ResolveHosts::Never;
        // SRV and NAPTR answers are long; providers have many.
        options.edns0 = true;
        options.try_tcp_on_error = true;
        match builder.build() {
            Ok(resolver) => Some(Self { resolver }),
            Err(error) => {
                tracing::error!("names cannot be looked up: {error}");
                None
            }
        }
    }

    async fn find<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Found<T> {
        // Rooted: there is no search list to try.
        let asked = self.resolver.lookup(format!("{name}."), kind).await;
        match asked {
            Ok(lookup) => Found {
                ttl_secs: ttl(&lookup),
                records: lookup
                    .answers()
                    .iter()
                    .filter_map(|record| read(&record.data))
                    .collect(),
            },
            Err(error) => Found {
                records: Vec::new(),
                ttl_secs: ttl_of_nothing(name, &error),
            },
        }
    }
}

fn ttl(lookup: &Lookup) -> u32 {
    let left = lookup
        .valid_until()
        .saturating_duration_since(std::time::Instant::now());
    u32::try_from(left.as_secs()).unwrap_or(u32::MAX)
}

fn ttl_of_nothing(name: &str, error: &NetError) -> u32 {
    if error.is_no_records_found() {
        return NEGATIVE_TTL_SECS;
    }
    tracing::debug!(name, "not looked up: {error}");
    FAILED_TTL_SECS
}

impl Names for Dns {
    async fn naptr(&self, name: &str) -> Found<Naptr> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let read = |data: &RData| match data {
            RData::NAPTR(record) => Some(Naptr {
                order: record.order,
                preference: record.preference,
                flags: text(&record.flags),
                service: text(&record.services),
                replacement: record.replacement.to_ascii(),
            }),
            _ => None,
        };
        self.find(name, RecordType::NAPTR, read).await
    }

    async fn srv(&self, name: &str) -> Found<Srv> {
        let read = |data: &RData| match data {
            RData::SRV(record) => Some(Srv {
                priority: record.priority,
                weight: record.weight,
                port: record.port,
                target: record.target.to_ascii(),
            }),
            _ => None,
        };
        self.find(name, RecordType::SRV, read).await
    }

    async fn addresses(&self, name: &str) -> Found<IpAddr> {
        let four = |data: &RData| match data {
            RData::A(record) => Some(IpAddr::V4(record.0)),
            _ => None,
        };
        let six = |data: &RData| match data {
            RData::AAAA(record) => Some(IpAddr::V6(record.0)),
            _ => None,
        };
        let (four, six) = tokio::join!(
            self.find(name, RecordType::A, four),
            self.find(name, RecordType::AAAA, six)
        );
        let ttl_secs = match (four.records.is_empty(), six.records.is_empty()) {
            (false, true) => four.ttl_secs,
            (true, false) => six.ttl_secs,
            (true, true) | (false, false) => four.ttl_secs.min(six.ttl_secs),
        };
        let mut records = four.records;
        records.extend(six.records);
        Found { records, ttl_secs }
    }
}
