//! Whatever a ruleset says, encoding it ends without a panic, and every length in the messages is
//! right.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::statement::{Limit, Mark, MarkSource, Per, Reject};
use crate::uapi::NLA_F_NESTED;
use crate::{
    Base, Chain, ChainKind, Element, Family, Field, Hook, Key, Kind, Policy, Rule, Ruleset, Set,
    Span, Standing, Statement, Test, Timeouts, Transport, Value, Verdict, add, encode, remove,
    replace,
};

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Ipv4), Just(Family::Ipv6)]
}

fn key() -> impl Strategy<Value = Key> {
    let transport = prop_oneof![
        Just(Transport::Tcp),
        Just(Transport::Udp),
        Just(Transport::Any)
    ];
    prop_oneof![
        Just(Key::InputInterface),
        Just(Key::OutputInterface),
        Just(Key::Family),
        Just(Key::Protocol),
        Just(Key::Mark),
        Just(Key::User),
        family().prop_map(Key::Source),
        family().prop_map(Key::Destination),
        family().prop_map(Key::Hops),
        transport.clone().prop_map(Key::SourcePort),
        transport.prop_map(Key::DestinationPort),
        Just(Key::IcmpType),
        Just(Key::Icmp6Type),
        Just(Key::EtherSource),
        Just(Key::State),
        Just(Key::ConnectionMark),
    ]
}

/// A value of that kind, made of any number.
fn value(kind: Kind, number: u128, text: &str) -> Value {
    let bytes = number.to_be_bytes();
    let word = u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
    match kind {
        Kind::Ipv4 => Value::Ipv4(Ipv4Addr::from_bits(word)),
        Kind::Ipv6 => Value::Ipv6(Ipv6Addr::from_bits(number)),
        Kind::Ether => Value::Ether([2, 0, bytes[12], bytes[13], bytes[14], bytes[15]]),
        Kind::Protocol => Value::Protocol(bytes[15]),
        Kind::Port => Value::Port(u16::from_be_bytes([bytes[14], bytes[15]])),
        Kind::Interface => Value::Interface(text.to_owned()),
        Kind::Mark => Value::Mark(word),
        Kind::Family if bytes[15].is_multiple_of(2) => Value::Family(Family::Ipv4),
        Kind::Family => Value::Family(Family::Ipv6),
        Kind::State => Value::State(word),
        Kind::Hops => Value::Hops(bytes[15]),
        Kind::Icmp => Value::Icmp(bytes[15]),
        Kind::Icmp6 => Value::Icmp6(bytes[15]),
        Kind::User => Value::User(word),
    }
}

fn test_of(key: Key) -> impl Strategy<Value = (Field, Test)> {
    let parts = (any::<u128>(), any::<u128>(), ".{0,20}", any::<bool>(), 0..3);
    parts.prop_map(move |(one, other, text, is_masked, which)| {
        let of = |number| value(key.kind(), number, &text);
        let field = match is_masked {
            true => key.masked(of(other)),
            false => key.into(),
        };
        let test = match which {
            0 => Test::Is(of(one)),
            1 => Test::IsNot(of(one)),
            _ => Test::Between(of(one), of(other)),
        };
        (field, test)
    })
}

fn limit() -> impl Strategy<Value = Limit> {
    (any::<u64>(), any::<u32>(), any::<bool>()).prop_map(|(rate, burst, over)| Limit {
        rate,
        per: Per::Hour,
        burst,
        over,
    })
}

fn statement() -> impl Strategy<Value = Statement> {
    let name = prop_oneof![Just("s0".to_owned()), Just("s1".to_owned()), ".{0,40}"];
    let chain = prop_oneof![Just("c1".to_owned()), Just("c2".to_owned())];
    let fields = || vec(key().prop_map(Field::from), 1..5);
    let timeout = prop::option::of(any::<u64>().prop_map(Duration::from_millis));
    let mark = prop_oneof![Just(Mark::Packet), Just(Mark::Connection)];
    let source = (mark.clone(), any::<u32>(), any::<u32>());
    let update = (fields(), name.clone(), timeout, prop::option::of(limit()));
    prop_oneof![
        4 => key().prop_flat_map(test_of).prop_map(|(field, test)| Statement::Match(field, test)),
        2 => (fields(), name.clone(), any::<bool>()).prop_map(|(fields, set, negated)| {
            Statement::In { fields, set, negated }
        }),
        1 => update.prop_map(|(fields, set, timeout, limit)| {
            Statement::Update { fields, set, timeout, renew: true, limit }
        }),
        1 => limit().prop_map(Statement::Limit),
        1 => Just(Statement::Counter),
        1 => name.prop_map(Statement::Count),
        1 => (mark, source).prop_map(|(to, (mark, keep, set))| {
            Statement::SetMark(to, MarkSource::Of { mark, keep, set })
        }),
        1 => Just(Statement::Notrack),
        1 => (any::<u16>(), ".{0,200}", any::<u32>()).prop_map(|(group, prefix, bytes)| {
            Statement::Log { group, prefix, bytes }
        }),
        1 => Just(Statement::Reject(Reject::TcpReset)),
        1 => chain.prop_map(|chain| Statement::Verdict(Verdict::Jump(chain))),
        1 => Just(Statement::accept()),
    ]
}

fn set(name: &'static str) -> impl Strategy<Value = Set> {
    let kinds = vec(key().prop_map(Key::kind), 0..6);
    let flags = (any::<bool>(), any::<bool>(), 0..3);
    (kinds, flags).prop_flat_map(move |(kinds, (intervals, dynamic, timeouts))| {
        let set = Set {
            intervals,
            dynamic,
            size: dynamic.then_some(1000),
            timeouts: match timeouts {
                0 => Timeouts::None,
                1 => Timeouts::OfElements,
                _ => Timeouts::Default(Duration::from_secs(9)),
            },
            ..Set::new(name, kinds.clone())
        };
        let element = (any::<u128>(), any::<u128>(), "[a-z]{0,18}", any::<bool>());
        let timeout = prop::option::of(0..u64::MAX);
        let element =
            (element, timeout).prop_map(move |((one, other, text, is_range), timeout)| {
                let span = |kind: &Kind| {
                    let ends = [one, other].map(|number| value(*kind, number, &text));
                    let [first, last] = ends;
                    match is_range && first <= last {
                        true => Span { first, last },
                        false => Span::one(first),
                    }
                };
                Element {
                    key: kinds.iter().map(span).collect(),
                    timeout: timeout.map(Duration::from_millis),
                }
            });
        vec(element, 0..20).prop_map(move |elements| set.clone().with(elements))
    })
}

fn ruleset() -> impl Strategy<Value = Ruleset> {
    let rules = || vec(vec(statement(), 0..6).prop_map(Rule::new), 0..5);
    (set("s0"), set("s1"), rules(), rules(), rules()).prop_map(|(s0, s1, r0, r1, r2)| {
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
            table: "t".to_owned(),
            sets: vec![s0, s1],
            counters: vec!["s0".to_owned()],
            chains: vec![
                chain("c0", Some(base), r0),
                chain("c1", None, r1),
                chain("c2", None, r2),
            ],
        }
    })
}

/// Every message is as long as it says, and every attribute in it, down to the last.
fn lengths_are_right(mut bytes: &[u8]) -> usize {
    let mut messages = 0u32;
    while !bytes.is_empty() {
        let length = u32::from_ne_bytes(bytes[..4].try_into().expect("four"));
        let number = u32::from_ne_bytes(bytes[8..12].try_into().expect("four"));
        assert_eq!(number, messages, "messages are numbered");
        let length = usize::try_from(length).expect("small");
        assert_eq!(length % 4, 0);
        attributes_are_right(&bytes[20..length]);
        bytes = &bytes[length..];
        messages += 1;
    }
    usize::try_from(messages).expect("few")
}

fn attributes_are_right(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let kind = u16::from_ne_bytes([bytes[2], bytes[3]]);
        assert!(length >= 4);
        if kind & NLA_F_NESTED != 0 {
            attributes_are_right(&bytes[4..length]);
        }
        let filled = length.next_multiple_of(4);
        assert!(bytes[length..filled].iter().all(|byte| *byte == 0));
        bytes = &bytes[filled..];
    }
}

proptest! {
    #[test]
    fn encoding_never_panics_and_lengths_are_right(ruleset in ruleset()) {
        let standing = Standing {
            generation: Some(7),
            sets: vec!["s0".to_owned(), "gone".to_owned()],
            counters: vec!["s0".to_owned()],
            chains: vec![("c0".to_owned(), None), ("c1".to_owned(), None)],
        };
        if let Ok(batch) = encode(&ruleset, &standing) {
            // At least beginning and end, table, rules, what goes and what comes.
            prop_assert!(lengths_are_right(batch.as_bytes()) >= 10);
        }
        for set in &ruleset.sets {
            for batch in [add, remove, replace].map(|change| change("t", set, &set.elements)) {
                batch.iter().for_each(|batch| {
                    lengths_are_right(batch.as_bytes());
                });
            }
        }
    }
}

#[test]
fn entries_are_in_messages_of_a_bounded_size() {
    let keys = [
        (vec![Kind::Port], 1400),
        (vec![Kind::Ipv6], 1400),
        // 88 bytes each fill a message sooner.
        (
            vec![Kind::Ipv6, Kind::Interface, Kind::Ipv6, Kind::Ipv6],
            682,
        ),
    ];
    for (kinds, each) in keys {
        let set = Set::new("s", kinds.clone()).with_timeouts();
        for (count, messages) in [(0, 0), (1, 1), (each, 1), (each + 1, 2), (3 * each, 3)] {
            let key = kinds.iter().map(|kind| value(*kind, 7, "eth0"));
            let element = Element::for_time(key, Duration::from_secs(1));
            let elements = vec![element; count];
            let batch = add("t", &set, &elements).expect("right");
            assert_eq!(lengths_are_right(batch.as_bytes()), messages + 2, "{count}");
        }
    }
}
