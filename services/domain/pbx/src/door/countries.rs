//! Who is refused for his country (R48, R49).

use std::net::IpAddr;
use std::sync::Arc;

use config::{Network, Origins};
use countries::{About, Country, Range, Table, pack};
use guard::Notice;
use ipc::guard::{Bans, Guest, Protection};
use sip::StatusCode;

use crate::interface::{Input, Output, StreamId};
use crate::scripted::{PASSWORD, Rig, register, site};

const GERMAN: &str = "198.51.100.7:5060";
const GERMAN6: &str = "[2001:db8:49::7]:5060";
const BRAZILIAN: &str = "203.0.113.7:5060";
const OFFICE: &str = "10.0.0.2:5060";

/// Only Brazil is let in, where that is on; the numbers of all extensions may be used outside.
fn rig(change: impl FnOnce(&mut Origins)) -> Rig {
    let range = |first, last, code| Range {
        first,
        last,
        country: Country::parse(code),
    };
    let ipv4 = [
        range(0xc633_6400, 0xc633_64ff, "DE"),
        range(0xcb00_7100, 0xcb00_71ff, "BR"),
    ];
    let ipv6 = [range(0x2001_0db8_0049_0000, 0x2001_0db8_0049_ffff, "DE")];
    let table = pack(&About::default(), &ipv4, &ipv6).expect("packed");
    let mut origins = Origins {
        is_on: true,
        allowed: Country::parse("BR").into_iter().collect(),
        ..Origins::default()
    };
    change(&mut origins);
    let mut rig = Rig::unconfigured();
    rig.node
        .know(Arc::new(Table::parse(table).expect("a table")));
    let mut site = site(|site| {
        for extension in &mut site.extensions {
            extension.remote = true;
        }
    });
    site.countries = origins;
    rig.handle(Input::Config(1, Arc::new(site)));
    rig.outputs.clear();
    rig
}

fn is_closed(rig: &Rig, stream: StreamId) -> bool {
    let is_it = |it: &Output| matches!(it, Output::CloseStream(closed) if *closed == stream);
    rig.outputs.iter().any(is_it)
}

fn ip(remote: &str) -> IpAddr {
    let address: std::net::SocketAddr = remote.parse().expect("an address");
    address.ip()
}

/// Code, connections, datagrams, refused.
fn came(rig: &Rig) -> Vec<(String, u64, u64, u64)> {
    let arrivals = rig.node.status().arrivals.into_iter();
    let each = arrivals.map(|it| (it.country, it.connections, it.datagrams, it.refused));
    each.collect()
}

#[test]
fn a_connection_from_another_country_is_closed_unread_and_a_handshake_not_begun() {
    let mut rig = rig(|_| {});
    for (stream, remote) in [(1, GERMAN), (2, GERMAN6)] {
        rig.open(stream, remote);
        assert!(is_closed(&rig, stream), "{remote}");
        assert!(!rig.node.hears(rig.now, ip(remote)), "{remote}");
    }
    for (stream, remote) in [(3, BRAZILIAN), (4, OFFICE)] {
        rig.open(stream, remote);
        assert!(!is_closed(&rig, stream), "{remote}");
        assert!(rig.node.hears(rig.now, ip(remote)), "{remote}");
    }
    let request = register("100", "phone", 1, &["<sip:x@10.0.0.2;transport=tcp>"]);
    let answer = rig.ask_on(4, OFFICE, &request);
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let expected = [("BR".to_owned(), 2, 0, 0), ("DE".to_owned(), 4, 0, 4)];
    assert_eq!(came(&rig), expected);
}

/// T4: the sender of a datagram can be forged, so that is for whoever asks for it.
#[test]
fn datagrams_are_read_from_anywhere_until_somebody_says_otherwise() {
    let mut open = rig(|_| {});
    let request = register("100", "phone", 1, &["<sip:x@198.51.100.7>"]);
    assert_eq!(
        open.ask_as(GERMAN, "100", PASSWORD, &request).status,
        StatusCode::OK
    );
    assert_eq!(came(&open), [("DE".to_owned(), 0, 2, 0)]);
    let mut shut = rig(|origins| origins.sip_udp = true);
    for remote in [GERMAN, GERMAN6] {
        let sent = shut.with_via(remote, sansio::Transport::Udp, &request);
        shut.datagram(remote, sent.to_bytes());
        assert!(shut.take_messages().is_empty(), "{remote}");
    }
    let request = register("100", "other", 1, &["<sip:x@203.0.113.7>"]);
    assert_eq!(
        shut.ask_as(BRAZILIAN, "100", PASSWORD, &request).status,
        StatusCode::OK
    );
    let request = register("101", "office", 1, &["<sip:x@10.0.0.2>"]);
    assert_eq!(
        shut.ask_as(OFFICE, "101", PASSWORD, &request).status,
        StatusCode::OK
    );
    assert_eq!(
        came(&shut),
        [("BR".to_owned(), 0, 2, 0), ("DE".to_owned(), 0, 2, 2)]
    );
}

#[test]
fn a_connection_that_was_let_in_ends_when_its_country_no_longer_is() {
    let mut rig = rig(|origins| origins.is_on = false);
    let stream = 1;
    rig.open(stream, GERMAN);
    let request = register("100", "phone", 1, &["<sip:x@198.51.100.7;transport=tcp>"]);
    let answer = rig.ask_on(stream, GERMAN, &request);
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let on = site(|site| {
        site.countries.on = true;
        site.countries.allowed = vec!["BR".into()];
    });
    rig.handle(Input::Config(2, Arc::new(on)));
    rig.outputs.clear();
    let bytes = rig
        .with_via(GERMAN, sansio::Transport::Tcp, &request)
        .to_bytes();
    rig.handle(Input::StreamBytes { stream, bytes });
    assert!(is_closed(&rig, stream) && rig.take_messages().is_empty());
}

#[test]
fn a_providers_server_and_a_listed_network_are_heard_from_anywhere() {
    let mut rig = rig(|_| {});
    let guest = |why, network: &str| Guest {
        why,
        network: network.into(),
    };
    let told = Bans {
        protected: Some(vec![guest(Protection::Listed, "2001:db8:49::/64")]),
        ..Bans::default()
    };
    for notice in Notice::read(rig.now, &told) {
        rig.handle(Input::Bans(notice));
    }
    rig.open(1, GERMAN6);
    assert!(!is_closed(&rig, 1));
    let own = Network::parse("198.51.100.7/32").expect("a network");
    let protected = rig.node.core_mut().door.protected();
    protected.set(Protection::Trunk, vec![own]);
    rig.open(2, GERMAN);
    assert!(!is_closed(&rig, 2));
    rig.open(3, "198.51.100.8:5060");
    assert!(is_closed(&rig, 3));
}
