use countries::{About, Range, pack};
use ipc::guard::Protection;

use super::*;

/// Documentation networks as if they were of countries: 203.0.113.0/24 and 2001:db8:55::/48 of
/// Brazil, 198.51.100.0/24 and 2001:db8:49::/48 of Germany.
fn borders(is_on: bool) -> Borders {
    let range = |first, last, code| Range {
        first,
        last,
        country: Country::parse(code),
    };
    let ipv4 = [
        range(0xc633_6400, 0xc633_64ff, "DE"),
        range(0xcb00_7100, 0xcb00_71ff, "BR"),
    ];
    let ipv6 = [
        range(0x2001_0db8_0049_0000, 0x2001_0db8_0049_ffff, "DE"),
        range(0x2001_0db8_0055_0000, 0x2001_0db8_0055_ffff, "BR"),
    ];
    let table = pack(&About::default(), &ipv4, &ipv6).expect("packed");
    let mut borders = Borders::default();
    borders.know(Arc::new(Table::parse(table).expect("a table")));
    borders.configure(&Origins {
        is_on,
        allowed: Country::parse("BR").into_iter().collect(),
        ..Origins::default()
    });
    borders
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn network(text: &str) -> Network {
    Network::parse(text).expect("a network")
}

/// Nobody is known.
fn knock(borders: &mut Borders, way: Way, source: &str) -> bool {
    let around = Around {
        networks: &Networks::default(),
        neighbours: &[],
        protected: &Protected::default(),
    };
    let is_refused = borders.knock(way, ip(source), around);
    assert_eq!(
        borders.refuses(way, ip(source), around),
        is_refused,
        "{source}"
    );
    is_refused
}

#[test]
fn strangers_of_other_countries_are_refused_by_tcp_in_ipv4_as_in_ipv6() {
    let mut borders = borders(true);
    for way in [Way::Web, Way::Sip] {
        for source in ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8:55::1"] {
            assert!(!knock(&mut borders, way, source), "{source}");
        }
        for source in ["198.51.100.7", "::ffff:198.51.100.7", "2001:db8:49::1"] {
            assert!(knock(&mut borders, way, source), "{source}");
        }
        // Of no country that is known.
        assert!(knock(&mut borders, way, "192.0.2.1"));
    }
    // T4: by UDP nobody is, unless somebody says so.
    assert!(!knock(&mut borders, Way::SipUdp, "198.51.100.7"));
}

#[test]
fn off_or_without_a_table_nobody_is_refused_and_who_came_is_counted() {
    let mut off = borders(false);
    assert!(!knock(&mut off, Way::Web, "198.51.100.7"));
    assert!(!knock(&mut off, Way::SipUdp, "198.51.100.8"));
    assert!(!knock(&mut off, Way::Sip, "192.0.2.1"));
    let arrivals = |country: &str, connections, datagrams, refused| Arrivals {
        country: country.into(),
        connections,
        datagrams,
        refused,
    };
    assert_eq!(
        off.arrivals(),
        [arrivals("", 1, 0, 0), arrivals("DE", 1, 1, 0)]
    );
    let mut on = borders(true);
    knock(&mut on, Way::Web, "198.51.100.7");
    assert_eq!(on.arrivals(), [arrivals("DE", 1, 0, 1)]);
    on.table = None;
    assert!(!knock(&mut on, Way::Web, "198.51.100.7"));
    assert_eq!(on.arrivals().len(), 1);
}

#[test]
fn whoever_is_inside_near_or_in_the_grid_is_heard_and_not_counted() {
    let mut borders = borders(true);
    for source in [
        "10.0.0.5",
        "192.168.1.9",
        "127.0.0.1",
        "100.64.3.4",
        "169.254.1.1",
        "fd00::5",
        "fe80::1",
        "::1",
    ] {
        assert!(!knock(&mut borders, Way::Web, source), "{source}");
    }
    let networks = Networks {
        internal: vec![network("192.0.2.0/24")],
        grid: vec![network("198.51.100.0/28")],
    };
    let around = Around {
        networks: &networks,
        neighbours: &[network("2001:db8:49:1::/64")],
        protected: &Protected::default(),
    };
    for source in ["192.0.2.7", "198.51.100.7", "2001:db8:49:1::7", "10.0.0.1"] {
        assert!(!borders.knock(Way::Sip, ip(source), around), "{source}");
    }
    assert!(borders.arrivals().is_empty());
    assert!(borders.knock(Way::Sip, ip("198.51.100.77"), around));
}

#[test]
fn who_is_never_banned_is_heard_from_anywhere() {
    let mut borders = borders(true);
    let networks = Networks::default();
    for (why, is_lasting) in [
        (Protection::Trunk, true),
        (Protection::Listed, true),
        (Protection::Call, false),
        (Protection::Administrator, false),
    ] {
        let mut protected = Protected::default();
        protected.set(why, vec![network("198.51.100.7/32")]);
        let around = Around {
            networks: &networks,
            neighbours: &[],
            protected: &protected,
        };
        assert!(
            !borders.knock(Way::Sip, ip("198.51.100.7"), around),
            "{why:?}"
        );
        assert!(
            borders.knock(Way::Sip, ip("198.51.100.8"), around),
            "{why:?}"
        );
        let rule = borders.rule.clone();
        let would = borders.would_refuse(&rule, Way::Web, ip("198.51.100.7"), around);
        let expected = (!is_lasting).then(|| Country::parse("DE"));
        assert_eq!(would, expected, "{why:?}");
    }
}
