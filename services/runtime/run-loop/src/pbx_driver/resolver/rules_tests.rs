//! RFC 3263 §4 against a DNS that is a table.

use std::collections::BTreeMap;

use super::*;

#[derive(Default)]
struct Table {
    naptr: BTreeMap<&'static str, Vec<Naptr>>,
    srv: BTreeMap<&'static str, Vec<Srv>>,
    hosts: BTreeMap<&'static str, Vec<&'static str>>,
}

fn found<T: Clone>(records: Option<&Vec<T>>) -> Found<T> {
    Found {
        records: records.cloned().unwrap_or_default(),
        ttl_secs: if records.is_some() { 300 } else { 60 },
    }
}

impl Names for Table {
    async fn naptr(&self, name: &str) -> Found<Naptr> {
        found(self.naptr.get(name))
    }

    async fn srv(&self, name: &str) -> Found<Srv> {
        found(self.srv.get(name))
    }

    async fn addresses(&self, name: &str) -> Found<IpAddr> {
        let found = found(self.hosts.get(name));
        let records = found
            .records
            .iter()
            .map(|it| it.parse().expect("an address"));
        Found {
            records: records.collect(),
            ttl_secs: found.ttl_secs,
        }
    }
}

fn naptr(order: u16, service: &str, replacement: &str) -> Naptr {
    Naptr {
        order,
        preference: 50,
        flags: "s".to_owned(),
        service: service.to_owned(),
        replacement: replacement.to_owned(),
    }
}

fn srv(priority: u16, weight: u16, target: &str) -> Srv {
    Srv {
        priority,
        weight,
        port: 5070,
        target: target.to_owned(),
    }
}

fn query(host: &str) -> Query {
    Query {
        host: host.to_owned(),
        port: None,
        transport: None,
        secure: false,
    }
}

/// `UDP 192.0.2.1:5060`, in order.
fn check(table: &Table, query: &Query, expected: &[&str]) {
    let search = servers(table, Rng::from_seed(1), query);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let found = runtime.expect("a runtime").block_on(search);
    let shown = |(transport, server): &Server| format!("{transport} {server}");
    let shown: Vec<String> = found.records.iter().map(shown).collect();
    assert_eq!(shown, expected, "{query:?}");
}

/// The example of RFC 3263 §4.1 and §4.2, with addresses.
fn example() -> Table {
    let mut table = Table::default();
    table.naptr.insert(
        "example.com",
        vec![
            naptr(100, "SIP+D2U", "_sip._udp.example.com."),
            naptr(50, "SIPS+D2T", "_sips._tcp.example.com."),
            naptr(90, "SIP+D2T", "_sip._tcp.example.com."),
            naptr(10, "H323+D2T", "_h323._tcp.example.com."),
        ],
    );
    let two = vec![
        srv(1, 1, "server2.example.com."),
        srv(0, 1, "server1.example.com."),
    ];
    table.srv.insert("_sip._tcp.example.com", two);
    let one = vec![srv(0, 1, "server1.example.com.")];
    table.srv.insert("_sip._udp.example.com", one.clone());
    table.srv.insert("_sips._tcp.example.com", one);
    table.hosts.insert("server1.example.com", vec!["192.0.2.1"]);
    table.hosts.insert("server2.example.com", vec!["192.0.2.2"]);
    table.hosts.insert("example.com", vec!["192.0.2.9"]);
    table
}

#[test]
fn the_domain_chooses_the_transport_by_naptr() {
    let expected = [
        "TLS 192.0.2.1:5070",
        "TCP 192.0.2.1:5070",
        "TCP 192.0.2.2:5070",
        "UDP 192.0.2.1:5070",
    ];
    check(&example(), &query("example.com"), &expected);
}

#[test]
fn a_secure_address_takes_nothing_but_tls() {
    let mut secure = query("example.com.");
    secure.secure = true;
    check(&example(), &secure, &["TLS 192.0.2.1:5070"]);
    let mut plain = example();
    plain.naptr.clear();
    plain.srv.clear();
    check(&plain, &secure, &["TLS 192.0.2.9:5061"]);
}

#[test]
fn without_naptr_every_transport_is_asked_for_by_srv() {
    let mut table = example();
    table.naptr.clear();
    let expected = [
        "UDP 192.0.2.1:5070",
        "TCP 192.0.2.1:5070",
        "TCP 192.0.2.2:5070",
    ];
    check(&table, &query("example.com"), &expected);
}

#[test]
fn a_transport_given_is_looked_up_by_srv_only() {
    let mut tcp = query("example.com");
    tcp.transport = Some(Transport::Tcp);
    let expected = ["TCP 192.0.2.1:5070", "TCP 192.0.2.2:5070"];
    check(&example(), &tcp, &expected);
}

#[test]
fn a_port_given_goes_straight_to_the_addresses() {
    let mut ported = query("example.com");
    ported.port = Some(5080);
    check(&example(), &ported, &["UDP 192.0.2.9:5080"]);
    ported.transport = Some(Transport::Tls);
    check(&example(), &ported, &["TLS 192.0.2.9:5080"]);
}

#[test]
fn a_name_without_services_is_a_host() {
    let mut table = Table::default();
    table.hosts.insert("box", vec!["192.0.2.7", "2001:db8::7"]);
    let expected = ["UDP 192.0.2.7:5060", "UDP [2001:db8::7]:5060"];
    check(&table, &query("box"), &expected);
    check(&table, &query("nobody"), &[]);
}

#[test]
fn a_lone_dot_says_that_there_is_no_such_service() {
    let mut table = Table::default();
    table
        .srv
        .insert("_sip._udp.example.com", vec![srv(0, 0, ".")]);
    table.hosts.insert("example.com", vec!["192.0.2.9"]);
    check(&table, &query("example.com"), &[]);
}

#[test]
fn an_address_is_not_looked_up() {
    check(
        &Table::default(),
        &query("192.0.2.5"),
        &["UDP 192.0.2.5:5060"],
    );
    let mut six = query("[2001:db8::5]");
    six.transport = Some(Transport::Tls);
    check(&Table::default(), &six, &["TLS [2001:db8::5]:5061"]);
    six.port = Some(5071);
    check(&Table::default(), &six, &["TLS [2001:db8::5]:5071"]);
    let mapped = query("::ffff:192.0.2.5");
    check(&Table::default(), &mapped, &["UDP 192.0.2.5:5060"]);
}

#[test]
fn the_shortest_life_of_all_records_counts() {
    let mut table = example();
    table.srv.remove("_sips._tcp.example.com");
    let question = query("example.com");
    let search = servers(&table, Rng::from_seed(1), &question);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let found = runtime.expect("a runtime").block_on(search);
    assert_eq!(found.ttl_secs, 60, "that of the record that is not there");
}

#[test]
fn weights_share_the_load() {
    let mut rng = Rng::from_seed(3);
    let mut first = [0_u32; 3];
    for _ in 0..4000 {
        let records = vec![
            srv(5, 0, "none"),
            srv(5, 1, "light"),
            srv(5, 3, "heavy"),
            srv(9, 9, "later"),
        ];
        let ordered = in_order(records, &mut rng);
        assert_eq!(ordered.len(), 4);
        assert_eq!(ordered[3].target, "later", "priority goes before weight");
        match ordered[0].target.as_str() {
            "none" => first[0] += 1,
            "light" => first[1] += 1,
            _ => first[2] += 1,
        }
    }
    // A draw of 0 to 4: 0 is for the one without weight, 1 for the light one, 2 to 4 the heavy one.
    assert!((700..900).contains(&first[0]), "{first:?}");
    assert!((700..900).contains(&first[1]), "{first:?}");
    assert!((2250..2550).contains(&first[2]), "{first:?}");
}

#[test]
fn a_domain_with_servers_without_end_is_cut_short() {
    let mut table = Table::default();
    let many = (0..100).map(|n| srv(n, 0, "server.example.com")).collect();
    table.srv.insert("_sip._udp.example.com", many);
    let hosts = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    table.hosts.insert("server.example.com", hosts.to_vec());
    let expected = [
        "UDP 192.0.2.1:5070",
        "UDP 192.0.2.2:5070",
        "UDP 192.0.2.3:5070",
    ];
    check(&table, &query("example.com"), &expected);
}
