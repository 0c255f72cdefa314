//! Which servers a name stands for, and in which order they are tried (RFC 3263 §4, RFC 2782).
//!
//! What is asked of DNS comes through [`Names`], so that all of it can be tried without a network.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};

use pbx::Query;
use sansio::{Rng, Transport};

/// Servers that a question is answered with at most; whoever has more is not helped by it.
const SERVERS_MAX: usize = 16;

/// Names of servers that are looked up for one question at most.
const TARGETS_MAX: usize = 8;

/// What DNS said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found<T> {
    /// In any order; empty when there are none, or nobody answered.
    pub(super) records: Vec<T>,
    /// How long that holds, seconds.
    pub(super) ttl_secs: u32,
}

/// A NAPTR record (RFC 3403 §4.1) as far as SIP uses it (RFC 3263 §4.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Naptr {
    pub(super) order: u16,
    pub(super) preference: u16,
    pub(super) flags: String,
    pub(super) service: String,
    pub(super) replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Srv {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: String,
}

/// Asks DNS.
pub(super) trait Names: Sync {
    /// NAPTR records of a domain.
    fn naptr(&self, name: &str) -> impl Future<Output = Found<Naptr>> + Send;
    /// SRV records of a service.
    fn srv(&self, name: &str) -> impl Future<Output = Found<Srv>> + Send;
    /// A and AAAA records of a host.
    fn addresses(&self, name: &str) -> impl Future<Output = Found<IpAddr>> + Send;
}

/// A server and how to speak to it.
pub(super) type Server = (Transport, SocketAddr);

/// The servers of a question, in the order to try them, and how long that holds.
pub(super) async fn servers<N: Names>(names: &N, rng: Rng, query: &Query) -> Found<Server> {
    if let Some(server) = literal(query) {
        return Found {
            records: vec![server],
            ttl_secs: u32::MAX,
        };
    }
    let mut search = Search {
        names,
        rng,
        servers: Vec::new(),
        targets: 0,
        denied: false,
        ttl_secs: u32::MAX,
    };
    search.run(query).await;
    search.servers.truncate(SERVERS_MAX);
    Found {
        records: search.servers,
        ttl_secs: search.ttl_secs,
    }
}

/// The server, when the question names an address: nothing has to be looked up.
pub(super) fn literal(query: &Query) -> Option<Server> {
    let host = query.host.trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = host.parse().ok()?;
    let transport = transport_of(query);
    let port = query.port.unwrap_or_else(|| default_port(transport));
    Some((transport, SocketAddr::new(address.to_canonical(), port)))
}

/// The transport when neither NAPTR nor SRV says one (RFC 3263 §4.1).
const fn transport_of(query: &Query) -> Transport {
    match (query.secure, query.transport) {
        (true, _) => Transport::Tls,
        (false, Some(transport)) => transport,
        (false, None) => Transport::Udp,
    }
}

/// RFC 3261 §19.1.2.
const fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
    }
}

/// The service to ask SRV for (RFC 3263 §4.2).
const fn service(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    }
}

struct Search<'a, N> {
    names: &'a N,
    rng: Rng,
    servers: Vec<Server>,
    targets: usize,
    /// The domain has said that it does not have the service.
    denied: bool,
    ttl_secs: u32,
}

impl<N: Names> Search<'_, N> {
    async fn run(&mut self, query: &Query) {
        let host = query.host.trim_end_matches('.');
        if query.port.is_none() {
            self.by_service(host, query).await;
        }
        if self.servers.is_empty() && !self.denied {
            let transport = transport_of(query);
            let port = query.port.unwrap_or_else(|| default_port(transport));
            self.by_host(host, transport, port).await;
        }
    }

    /// What the domain says of itself by NAPTR and SRV.
    async fn by_service(&mut self, host: &str, query: &Query) {
        if query.secure || query.transport.is_some() {
            let transport = transport_of(query);
            if query.transport.is_none() {
                self.by_naptr(host, true).await;
            }
            if self.servers.is_empty() {
                let name = format!("{}.{host}", service(transport));
                self.by_srv(&name, transport).await;
            }
            return;
        }
        self.by_naptr(host, false).await;
        if self.servers.is_empty() {
            // RFC 3263 §4.1: without NAPTR, SRV is asked for every transport there is. TLS is not
            // among them: `_sips` is for who demanded it.
            for transport in [Transport::Udp, Transport::Tcp] {
                let name = format!("{}.{host}", service(transport));
                self.by_srv(&name, transport).await;
            }
        }
    }

    async fn by_naptr(&mut self, host: &str, secure: bool) {
        let mut records = self.names.naptr(host).await;
        self.note(records.ttl_secs);
        records
            .records
            .sort_by_key(|record| (record.order, record.preference));
        for record in &records.records {
            let transport = match record.service.to_ascii_uppercase().as_str() {
                "SIP+D2U" if !secure => Transport::Udp,
                "SIP+D2T" if !secure => Transport::Tcp,
                "SIPS+D2T" => Transport::Tls,
                _ => continue,
            };
            if record.flags.eq_ignore_ascii_case("s") {
                let name = record.replacement.trim_end_matches('.').to_owned();
                self.by_srv(&name, transport).await;
            }
        }
    }

    async fn by_srv(&mut self, name: &str, transport: Transport) {
        let found = self.names.srv(name).await;
        self.note(found.ttl_secs);
        for record in in_order(found.records, &mut self.rng) {
            let target = record.target.trim_end_matches('.');
            if target.is_empty() {
                // A lone dot: the service is decidedly not there (RFC 2782, "Target").
                self.denied = true;
            } else {
                self.by_host(target, transport, record.port).await;
            }
        }
    }

    async fn by_host(&mut self, host: &str, transport: Transport, port: u16) {
        if self.targets >= TARGETS_MAX {
            return;
        }
        self.targets += 1;
        let found = self.names.addresses(host).await;
        self.note(found.ttl_secs);
        for address in found.records {
            let server = (transport, SocketAddr::new(address, port));
            if !self.servers.contains(&server) {
                self.servers.push(server);
            }
        }
    }

    fn note(&mut self, ttl_secs: u32) {
        self.ttl_secs = self.ttl_secs.min(ttl_secs);
    }
}

/// By priority; among equals by chance, the heavier ones sooner (RFC 2782, "Weight").
fn in_order(mut records: Vec<Srv>, rng: &mut Rng) -> Vec<Srv> {
    // Those without weight first, so that they have a small chance of being chosen.
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|record| record.priority) {
        let equals = records.iter().take_while(|it| it.priority == priority);
        let total: u64 = equals.map(|it| u64::from(it.weight)).sum();
        let drawn = rng.below(total.saturating_add(1));
        let mut running = 0;
        let chosen = records.iter().position(|record| {
            running += u64::from(record.weight);
            running >= drawn
        });
        ordered.push(records.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
