//! What the `nft` program, which shares no line with this crate, reads in the kernel.

use std::time::Duration;

use super::*;
use crate::statement::{Limit, Mark, MarkSource, Per, Reject};
use crate::{Span, Test, Timeouts, Verdict};

/// What `nft` says, or nothing where it is not installed.
fn nft(arguments: &[&str]) -> Option<String> {
    let output = match Command::new("nft").args(arguments).output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: nft: {error}; Debian's package nftables has it");
            return None;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "nft {arguments:?}: {said}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn everything() -> Ruleset {
    let minute = Duration::from_secs(60);
    let mut ruleset = guarded(sets(minute), [rules(minute), last_rules()].concat());
    ruleset.counters.push("banned".to_owned());
    ruleset.chains.push(Chain {
        name: "media".to_owned(),
        base: None,
        rules: vec![Rule::new([Statement::Verdict(Verdict::Return)])],
    });
    ruleset.chains.push(Chain {
        name: "early".to_owned(),
        base: Some(base(Hook::Prerouting, priority::RAW, Policy::Accept)),
        rules: vec![Rule::new([
            Statement::to_port(Transport::Udp, SIP),
            Statement::Notrack,
        ])],
    });
    ruleset.chains.push(Chain {
        name: "leaves".to_owned(),
        base: Some(Base {
            kind: ChainKind::Route,
            ..base(Hook::Output, priority::MANGLE, Policy::Accept)
        }),
        rules: vec![
            Rule::new([Statement::SetMark(
                Mark::Packet,
                MarkSource::Of {
                    mark: Mark::Connection,
                    keep: u32::MAX,
                    set: 0,
                },
            )]),
            Rule::new([
                Statement::is(Key::OutputInterface, Value::Interface("grid0".to_owned())),
                Statement::is(Key::User, Value::User(111)),
                Statement::SetMark(Mark::Packet, MarkSource::Value(7)),
            ]),
        ],
    });
    ruleset
}

fn sets(minute: Duration) -> Vec<Set> {
    let network = |text: &str, length| {
        Element::new([Span::network(text.parse().expect("an address"), length)])
    };
    vec![
        Set::new("lan4", [Kind::Ipv4])
            .with_intervals()
            .with(vec![network("192.168.0.0", 24), network("10.0.0.0", 8)]),
        Set::new("lan6", [Kind::Ipv6])
            .with_intervals()
            .with(vec![network("fd00::", 8)]),
        Set::new("ports", [Kind::Protocol, Kind::Port]).with(vec![
            Element::new([Value::Protocol(6), Value::Port(443)]),
            Element::new([Value::Protocol(17), Value::Port(5060)]),
        ]),
        Set::new("rtp6", [Kind::Ipv6, Kind::Port]).with_timeouts(),
        Set::new("routers", [Kind::Ether]),
        Set {
            timeouts: Timeouts::Default(minute),
            ..Set::new("cards", [Kind::Interface, Kind::Ipv4]).with_intervals()
        },
        Set::new("meter4", [Kind::Ipv4]).filled_by_rules(1000, minute),
    ]
}

fn rules(minute: Duration) -> Vec<Rule> {
    let source = |family| Key::Source(family);
    let ports = [Key::Protocol, Key::DestinationPort(Transport::Any)];
    let office = Value::Ipv4([172, 16, 0, 0].into());
    let not_near = Test::IsNot(Value::Hops(64));
    vec![
        established(),
        Rule::new([
            Statement::from_set(Family::Ipv4, "lan4"),
            Statement::found(ports, "ports"),
            Statement::Counter,
            Statement::accept(),
        ]),
        Rule::new([
            Statement::found([source(Family::Ipv6)], "lan6"),
            Statement::Match(Key::Hops(Family::Ipv6).into(), not_near),
            Statement::Count("banned".to_owned()),
        ]),
        Rule::new([
            Statement::is(
                source(Family::Ipv4).masked(Value::prefix_mask(Family::Ipv4, 12)),
                office,
            ),
            Statement::Update {
                fields: vec![source(Family::Ipv4).into()],
                set: "meter4".to_owned(),
                timeout: Some(minute / 2),
                renew: true,
                limit: Some(Limit {
                    rate: 20,
                    per: Per::Second,
                    burst: 40,
                    over: true,
                }),
            },
            Statement::drop(),
        ]),
        Rule::new([
            Statement::In {
                fields: vec![Key::EtherSource.into()],
                set: "routers".to_owned(),
                negated: true,
            },
            Statement::SetMark(Mark::Connection, MarkSource::Value(0x11)),
        ]),
        Rule::new([
            Statement::found(
                [source(Family::Ipv6), Key::DestinationPort(Transport::Udp)],
                "rtp6",
            ),
            Statement::jump("media"),
        ]),
    ]
}

fn last_rules() -> Vec<Rule> {
    vec![
        Rule::new([
            Statement::is(Key::IcmpType, Value::Icmp(8)),
            Statement::Limit(Limit {
                rate: 10,
                per: Per::Minute,
                burst: 7,
                over: false,
            }),
            Statement::accept(),
        ]),
        Rule::new([
            Statement::to_port(Transport::Tcp, 80),
            Statement::Reject(Reject::TcpReset),
        ]),
        Rule::new([
            Statement::Log {
                group: 3,
                prefix: "rest".to_owned(),
                bytes: 96,
            },
            Statement::Reject(Reject::Prohibited),
        ]),
    ]
}

#[test]
fn nft_reads_every_rule_as_it_was_meant() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    firewall().load(&everything()).expect("taken");
    let Some(listed) = nft(&["list", "ruleset"]) else {
        return;
    };
    let listed: Vec<&str> = listed.lines().map(str::trim).collect();
    let listed = listed.join("\n");
    let expected = include_str!("listing.txt");
    assert_eq!(listed.trim(), expected.trim(), "\n{listed}");
}

#[test]
fn tables_of_others_are_left_alone() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    if nft(&["add", "table", "inet", "others"]).is_none() {
        return;
    }
    let firewall = firewall();
    firewall.load(&everything()).expect("taken");
    firewall.load(&everything()).expect("again");
    firewall.unload().expect("gone");
    firewall.unload().expect("it is away");
    let listed = nft(&["list", "tables"]).expect("installed");
    assert_eq!(listed.trim(), "table inet others");
}

/// What `nft` lists after that ruleset took the place of another.
fn listed_after(before: Option<&Ruleset>, ruleset: &Ruleset) -> Option<String> {
    let firewall = firewall();
    firewall.unload().expect("gone");
    if let Some(before) = before {
        firewall.load(before).expect("taken");
    }
    firewall.load(ruleset).expect("taken");
    nft(&["list", "ruleset"])
}

#[test]
fn whatever_stood_there_before_nothing_of_it_stays() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    let (new, mut old) = (everything(), everything());
    // The same names for other things: a set of other values, a chain with another policy, one
    // with a hook and one without, one with another priority.
    old.sets[0] = Set::new("lan4", [Kind::Ipv4]);
    old.sets.push(Set::new("gone", [Kind::Port]));
    old.counters.push("gone".to_owned());
    for chain in &mut old.chains {
        match (chain.name.as_str(), &mut chain.base) {
            ("input", Some(base)) => base.policy = Policy::Accept,
            ("leaves", Some(base)) => base.priority += 1,
            (_, base) => *base = None,
        }
    }
    old.chains.push(Chain {
        name: "gone".to_owned(),
        base: Some(base(Hook::Forward, priority::FILTER, Policy::Drop)),
        rules: vec![Rule::new([Statement::Count("gone".to_owned())])],
    });
    let Some(fresh) = listed_after(None, &new) else {
        return;
    };
    let listed = listed_after(Some(&old), &new).expect("installed");
    // A chain that stays stands before those that are new.
    let parts = |text: &str| {
        let inner = text.trim().trim_start_matches("table inet ramal {");
        let inner = inner.trim_end_matches('}');
        let mut parts: Vec<_> = inner.split("\n\n").map(|it| it.trim().to_owned()).collect();
        parts.sort();
        parts
    };
    assert_eq!(parts(&listed), parts(&fresh));
    let listed = listed_after(Some(&new), &old).expect("installed");
    assert_eq!(
        parts(&listed),
        parts(&listed_after(None, &old).expect("installed"))
    );
}
