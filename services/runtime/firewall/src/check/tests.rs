//! Every fault is found, where it is, and said with what mends it.

use std::time::Duration;

use crate::kind::{Family, Kind, Value};
use crate::statement::{Limit, Per, Reject};
use crate::{
    Base, Chain, ChainKind, Element, Hook, Key, Policy, Rule, Ruleset, Set, Span, Standing,
    Statement, Test, Transport, Verdict, add, encode, replace,
};

fn ruleset(sets: Vec<Set>, rules: Vec<Rule>) -> Ruleset {
    let chain = |name: &str, base, rules| Chain {
        name: name.to_owned(),
        base,
        rules,
    };
    let base = Base {
        kind: ChainKind::Filter,
        hook: Hook::Input,
        priority: 0,
        policy: Policy::Drop,
    };
    Ruleset {
        table: "ramal".to_owned(),
        sets,
        counters: vec!["banned".to_owned()],
        chains: vec![
            chain("input", Some(base), rules),
            chain("office", None, Vec::new()),
        ],
    }
}

fn fault(ruleset: &Ruleset) -> String {
    let encoded = encode(ruleset, &Standing::default());
    encoded.expect_err("a fault").to_string()
}

fn check(rule: impl Into<Vec<Statement>>, expected: &str) {
    let lan = Set::new("lan", [Kind::Ipv4]);
    let ruleset = ruleset(vec![lan], vec![Rule::new(rule)]);
    assert_eq!(
        fault(&ruleset),
        format!("rule 1 of chain input: {expected}")
    );
}

#[test]
fn a_rule_names_what_there_is_and_compares_what_is_alike() {
    check(
        [Statement::from_set(Family::Ipv4, "lans")],
        "there is no set lans: add it to the ruleset, or correct the name",
    );
    check(
        [Statement::Count("bans".to_owned())],
        "there is no counter bans: add it to the ruleset, or correct the name",
    );
    for chain in ["offices", "input"] {
        check(
            [Statement::jump(chain)],
            &format!(
                "there is no chain {chain} to go to: add one without a hook, or correct the name"
            ),
        );
    }
    check(
        [Statement::from_set(Family::Ipv6, "lan")],
        "it has [Ipv6] where [Ipv4] is compared: correct one of them",
    );
    check(
        [Statement::is(Key::Mark, Value::Port(5060))],
        "it has [Port] where [Mark] is compared: correct one of them",
    );
    check(
        [Statement::is(
            Key::Source(Family::Ipv4).masked(Value::Mark(1)),
            Value::from(std::net::IpAddr::from([0, 0, 0, 0])),
        )],
        "it has [Mark] where [Ipv4] is compared: correct one of them",
    );
}

#[test]
fn a_rule_that_no_packet_meets_is_refused() {
    check(
        [
            Statement::from_set(Family::Ipv4, "lan"),
            Statement::is(Key::Hops(Family::Ipv6), Value::Hops(64)),
        ],
        "it compares what is IPv4 with what is IPv6: make a rule for each",
    );
    check(
        [
            Statement::is(Key::Family, Value::Family(Family::Ipv6)),
            Statement::is(Key::IcmpType, Value::Icmp(8)),
        ],
        "it compares what is IPv4 with what is IPv6: make a rule for each",
    );
    check(
        [
            Statement::to_port(Transport::Udp, 5060),
            Statement::Reject(Reject::TcpReset),
        ],
        "it compares what is of two protocols: make a rule for each",
    );
    let limit = Limit {
        rate: 0,
        per: Per::Second,
        burst: 5,
        over: false,
    };
    check([Statement::Limit(limit)], "its limit is 0: give at least 1");
    let backwards = Test::Between(Value::Port(9), Value::Port(8));
    check(
        [Statement::Match(
            Key::SourcePort(Transport::Udp).into(),
            backwards,
        )],
        "9 to 8 is no range: give the lower end first, of a kind with order",
    );
    let unordered = Test::Between(Value::Mark(1), Value::Mark(2));
    check(
        [Statement::Match(Key::Mark.into(), unordered)],
        "0x1 to 0x2 is no range: give the lower end first, of a kind with order",
    );
}

#[test]
fn what_is_too_long_or_too_much_is_refused() {
    let name = "eth0123456789012";
    check(
        [Statement::from_interface(name)],
        "'eth0123456789012' has more than 15 bytes: shorten it",
    );
    let log = Statement::Log {
        group: 1,
        prefix: "x".repeat(128),
        bytes: 0,
    };
    check(
        [log],
        &format!("'{}' has more than 127 bytes: shorten it", "x".repeat(128)),
    );
    check(
        vec![Statement::Counter; 129],
        "it has more steps than fit into a message: make two of it",
    );
    let key = vec![Kind::Interface; 5];
    assert_eq!(
        fault(&ruleset(vec![Set::new("wide", key)], Vec::new())),
        "set wide: its key has 80 bytes: give 1 to 64"
    );
    assert_eq!(
        fault(&ruleset(vec![Set::new("none", [])], Vec::new())),
        "set none: its key has 0 bytes: give 1 to 64"
    );
}

#[test]
fn names_are_names_and_each_is_there_once() {
    for name in ["", "4lan", "lan 4", "a\0b", &"x".repeat(32)] {
        let set = Set::new(name, [Kind::Port]);
        let fault = fault(&ruleset(vec![set], Vec::new()));
        assert!(fault.contains("is no name: give 1 to 31"), "{fault}");
    }
    let twice = vec![Set::new("lan", [Kind::Port]), Set::new("lan", [Kind::Ipv4])];
    assert_eq!(
        fault(&ruleset(twice, Vec::new())),
        "set lan: there is another of this name: give it a name of its own"
    );
    let mut circle = ruleset(Vec::new(), vec![Rule::new([Statement::jump("office")])]);
    let goto = Statement::Verdict(Verdict::Goto("office".to_owned()));
    circle.chains[1].rules = vec![Rule::new([goto])];
    assert!(
        fault(&circle)
            .ends_with("it jumps in a circle: let no chain jump to one that leads back to it"),
        "{}",
        fault(&circle)
    );
}

#[test]
fn rules_fill_only_a_set_that_is_for_it() {
    let update = Statement::Update {
        fields: vec![Key::Source(Family::Ipv4).into()],
        set: "lan".to_owned(),
        timeout: None,
        renew: false,
        limit: None,
    };
    let expected = "rules put entries into it: make it dynamic, and give it a size";
    check([update], expected);
    let endless = Set {
        dynamic: true,
        ..Set::new("meter", [Kind::Ipv4])
    };
    assert_eq!(
        fault(&ruleset(vec![endless], Vec::new())),
        format!("set meter: {expected}")
    );
}

#[test]
fn an_entry_is_what_its_set_takes() {
    let single = Set::new("bans", [Kind::Ipv4]);
    let address = |last| Value::Ipv4([192, 0, 2, last].into());
    let range = |first, last| Span {
        first: address(first),
        last: address(last),
    };
    let second = Duration::from_secs(1);
    let cases = [
        (
            Element::new([Value::Port(1)]),
            "it has [Port] where [Ipv4] is compared: correct one of them",
        ),
        (
            Element::new([range(1, 9)]),
            "it is a range, and the set has none: add it to a set with intervals",
        ),
        (
            Element::for_time([address(1)], second),
            "it has a timeout, and the set has none: add it to a set with timeouts",
        ),
    ];
    for (element, expected) in cases {
        let elements = [Element::new([address(7)]), element];
        let refused = add("ramal", &single, &elements).expect_err("a fault");
        assert_eq!(
            refused.to_string(),
            format!("element 2 of set bans: {expected}")
        );
    }
    let timed = single.clone().with_timeouts();
    let short = Element::for_time([address(1)], Duration::from_micros(999));
    let refused = add("ramal", &timed, &[short]).expect_err("a fault");
    assert!(refused.to_string().contains("shorter than a millisecond"));
    let backwards = Element::new([range(9, 1)]);
    let refused = add("ramal", &single.with_intervals(), &[backwards]);
    assert!(
        refused
            .expect_err("a fault")
            .to_string()
            .contains("is no range")
    );
}

#[test]
fn ranges_that_overlap_are_refused_where_they_cannot_become_one() {
    let set = Set::new("lan", [Kind::Ipv4]).with_intervals();
    let network = |length| Element::new([Span::network([10, 0, 0, 0].into(), length)]);
    let both = [network(24), network(8)];
    let expected = "set lan: 10.0.0.0-10.0.0.255 and 10.0.0.0-10.255.255.255 have values in \
                    common: give each to one of them alone";
    assert!(replace("ramal", &set, &both).is_ok());
    let refused = add("ramal", &set, &both).expect_err("a fault").to_string();
    assert_eq!(refused, expected);
    let timed = set.with_timeouts();
    let refused = replace("ramal", &timed, &both).expect_err("a fault");
    assert_eq!(refused.to_string(), expected);
}
