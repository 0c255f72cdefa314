//! Routers, phones and attackers as the lab and the research on security, §3, describe them.

use std::net::IpAddr;
use std::time::Duration;

use config::Network;
use ipc::masquerade::{Listener, Signal, State};
use sansio::Instant;

use crate::{Around, Sight};

mod probes;
mod properties;
mod signals;
mod states;

fn at(secs: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(1_000_000 + secs)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// An office: a router with two hardware addresses' worth of addresses, phones, IPv6.
fn office() -> Around {
    let network = |text| Network::parse(text).expect("a network");
    Around {
        on_link: vec![network("192.168.1.0/24"), network("2001:db8:1::/64")],
        own: [ip("192.168.1.5"), ip("2001:db8:1::5")].into(),
        routers: [ip(ROUTER), ip("fe80::1")].into(),
        kin: [ip(KIN), ip("2001:db8:1::1")].into(),
    }
}

/// A datagram with a TTL.
fn datagram(source: &str, ttl: u8) -> Sight {
    Sight {
        ttl: Some(ttl),
        ..Sight::of(Listener::SipUdp, ip(source))
    }
}

/// The signals of the only case there is, and its state.
fn only(book: &crate::Book) -> Option<(State, Vec<Signal>)> {
    let report = book.report(at(0));
    assert!(report.cases.len() <= 1, "{report:?}");
    let case = report.cases.into_iter().next()?;
    let signals = case.evidence.iter().map(|it| it.signal).collect();
    Some((case.state, signals))
}

const ROUTER: &str = "192.168.1.1";
const KIN: &str = "192.168.1.2";
const PHONE: &str = "192.168.1.30";
