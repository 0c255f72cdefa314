//! Which packets pass under which rules.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::*;
use crate::statement::{Limit, Mark, MarkSource, Per, Reject};
use crate::{Span, Verdict};

/// The office, with its networks in two sets of ranges.
fn office(rules: impl Fn(Family) -> Vec<Statement>) -> Ruleset {
    let (sets, rules) = versions()
        .into_iter()
        .map(|it| {
            let (address, length) = it.office;
            let name = of("lan", it.family);
            let element = Element::new([Span::network(address, length)]);
            let set = Set::new(&name, [kind_of(it.family)]).with_intervals();
            let mut statements = vec![Statement::from_set(it.family, &name)];
            statements.extend(rules(it.family));
            (set.with(vec![element]), Rule::new(statements))
        })
        .unzip();
    guarded(sets, rules)
}

#[test]
fn what_nobody_asked_for_is_dropped_and_an_answer_arrives() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    for it in versions() {
        assert!(world.arrives(it.stranger, it.own, SIP), "no rules yet");
    }
    let firewall = firewall();
    firewall
        .load(&guarded(Vec::new(), vec![established()]))
        .expect("taken");
    for it in versions() {
        assert!(!world.arrives(it.stranger, it.own, SIP), "{}", it.stranger);
        assert!(!world.arrives(it.phone, it.own, SIP), "{}", it.phone);
        let there = world.socket(it.stranger, 3478);
        let here = udp(it.own, 0);
        here.send_to(b"question", (it.stranger, 3478))
            .expect("sent");
        let mut heard = [0; 16];
        let (_, by) = receive(&there, &mut heard).expect("asked");
        there.send_to(b"answer", by).expect("sent");
        receive(&here, &mut heard).expect("answered");
        assert_eq!(&heard[..6], b"answer");
    }
    firewall.unload().expect("gone");
    for it in versions() {
        assert!(world.arrives(it.stranger, it.own, SIP), "no rules any more");
    }
}

#[test]
fn the_office_reaches_the_ports_of_the_box_and_strangers_do_not() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let sip = |_| vec![Statement::to_port(Transport::Udp, SIP), Statement::accept()];
    firewall().load(&office(sip)).expect("taken");
    for it in versions() {
        assert!(world.arrives(it.phone, it.own, SIP));
        assert!(world.arrives(it.other_phone, it.own, SIP));
        assert!(!world.arrives(it.phone, it.own, 5080), "another port");
        assert!(!world.arrives(it.stranger, it.own, SIP));
    }
}

#[test]
fn a_range_of_ports_has_both_its_ends() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let rtp = |_| {
        let ports = Key::DestinationPort(Transport::Udp).into();
        let range = crate::Test::Between(Value::Port(16_384), Value::Port(32_767));
        vec![Statement::Match(ports, range), Statement::accept()]
    };
    firewall().load(&office(rtp)).expect("taken");
    for it in versions() {
        for (port, passes) in [
            (16_383, false),
            (16_384, true),
            (32_767, true),
            (32_768, false),
        ] {
            assert_eq!(world.arrives(it.phone, it.own, port), passes, "{port}");
        }
    }
}

#[test]
fn a_source_has_its_own_limit() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let limit = Limit {
        rate: 1,
        per: Per::Day,
        burst: 5,
        over: true,
    };
    let mut sets = Vec::new();
    let mut rules = Vec::new();
    for it in versions() {
        let name = of("meter", it.family);
        let set = Set::new(&name, [kind_of(it.family)]);
        sets.push(set.filled_by_rules(1000, Duration::from_secs(60)));
        let update = Statement::Update {
            fields: vec![Key::Source(it.family).into()],
            set: name,
            timeout: None,
            renew: true,
            limit: Some(limit),
        };
        let to_sip = Statement::to_port(Transport::Udp, SIP);
        rules.push(Rule::named(
            "too many",
            [to_sip, update, Statement::Counter, Statement::drop()],
        ));
    }
    let accept = [Statement::to_port(Transport::Udp, SIP), Statement::accept()];
    rules.push(Rule::new(accept));
    let firewall = firewall();
    firewall.load(&guarded(sets.clone(), rules)).expect("taken");
    for it in versions() {
        // A burst of n lets n packets pass, and one more on kernels that count from 0.
        let arrived = world.how_many_arrive(it.stranger, it.own, SIP, 40);
        assert!((5..=6).contains(&arrived), "{arrived} arrived");
        assert_eq!(world.how_many_arrive(it.stranger, it.own, SIP, 5), 0);
        let others = world.how_many_arrive(it.other_stranger, it.own, SIP, 5);
        assert_eq!(others, 5, "another source has its own");
    }
    for (set, it) in sets.iter().zip(versions()) {
        let mut sources: Vec<Value> = firewall
            .elements(set)
            .expect("read")
            .into_iter()
            .map(|element| element.key[0].first.clone())
            .collect();
        sources.sort();
        assert_eq!(sources, [it.stranger.into(), it.other_stranger.into()]);
    }
    let refused: u64 = counted(&firewall, "too many");
    assert!((78..=80).contains(&refused), "{refused}");
}

fn counted(firewall: &Firewall, comment: &str) -> u64 {
    let counts = firewall.counts().expect("read");
    let of_name = counts.iter().filter(|count| count.comment == comment);
    of_name.map(|count| count.packets).sum()
}

#[test]
fn who_is_refused_hears_so_at_once() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let rules = vec![
        established(),
        Rule::new([
            Statement::to_port(Transport::Tcp, 443),
            Statement::Reject(Reject::TcpReset),
        ]),
        Rule::new([
            Statement::to_port(Transport::Udp, SIP),
            Statement::Reject(Reject::PortUnreachable),
        ]),
    ];
    firewall().load(&guarded(Vec::new(), rules)).expect("taken");
    for it in versions() {
        let _listens = TcpListener::bind((it.own, 443)).expect("bound");
        let refused = world.run(|| connect(SocketAddr::new(it.own, 443)));
        let refused = refused.expect_err("refused").kind();
        assert_eq!(refused, io::ErrorKind::ConnectionRefused);
        let asking = world.socket(it.stranger, 0);
        let heard = world.run(|| {
            asking.connect((it.own, SIP)).expect("chosen");
            asking.send(b"asked").expect("sent");
            receive(&asking, &mut [0; 16])
        });
        let heard = heard.expect_err("refused").kind();
        assert_eq!(heard, io::ErrorKind::ConnectionRefused);
    }
}

#[test]
fn a_ban_also_ends_what_was_begun_and_is_counted() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let accept = Rule::new([Statement::to_port(Transport::Udp, SIP), Statement::accept()]);
    let mut ruleset = guarded(Vec::new(), vec![established(), accept]);
    ruleset.counters.push("banned".to_owned());
    let bans =
        versions().map(|it| Set::new(&of("bans", it.family), [kind_of(it.family)]).with_timeouts());
    let drops = versions().map(|it| {
        Rule::new([
            Statement::from_set(it.family, &of("bans", it.family)),
            Statement::Count("banned".to_owned()),
            Statement::drop(),
        ])
    });
    ruleset.sets.extend(bans.iter().cloned());
    ruleset.chains.push(Chain {
        name: "bans".to_owned(),
        base: Some(base(Hook::Prerouting, priority::RAW, Policy::Accept)),
        rules: drops.to_vec(),
    });
    let firewall = firewall();
    firewall.load(&ruleset).expect("taken");
    for (it, set) in versions().into_iter().zip(&bans) {
        assert!(world.arrives(it.stranger, it.own, SIP));
        let here = udp(it.own, SIP);
        let there = world.socket(it.stranger, 5070);
        there.send_to(b"question", (it.own, SIP)).expect("sent");
        receive(&here, &mut [0; 16]).expect("asked");
        here.send_to(b"answer", (it.stranger, 5070)).expect("sent");
        drop(here);
        let ban = Element::for_time([it.stranger], Duration::from_secs(600));
        firewall.add(set, &[ban]).expect("banned");
        there.send_to(b"again", (it.own, SIP)).expect("sent");
        let marker = world.arrives(it.other_stranger, it.own, SIP);
        assert!(marker, "another is not banned");
    }
    let counts = firewall.named_counts().expect("read");
    let [banned] = counts.as_slice() else {
        panic!("{counts:?}");
    };
    assert_eq!((banned.name.as_str(), banned.packets), ("banned", 2));
    // "again" in an UDP datagram in each version of IP.
    assert_eq!(banned.bytes, (20 + 8 + 5) + (40 + 8 + 5));
}

/// Symmetric return: an answer carries the mark of the router that the question came by.
#[test]
fn a_mark_by_the_senders_card_comes_back_on_the_answer() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let accept = Rule::new([Statement::to_port(Transport::Udp, SIP), Statement::accept()]);
    let mut ruleset = guarded(Vec::new(), vec![accept]);
    let from_router = Statement::is(Key::EtherSource, Value::Ether(PHONE_MAC));
    let mark = |mark, keep, set| MarkSource::Of { mark, keep, set };
    let by_router = Rule::named(
        "by router",
        [
            from_router,
            Statement::Counter,
            Statement::SetMark(Mark::Connection, mark(Mark::Connection, 0xffff_ff00, 0x17)),
        ],
    );
    let restored = Rule::new([Statement::SetMark(
        Mark::Packet,
        mark(Mark::Connection, u32::MAX, 0),
    )]);
    let seen = Rule::named(
        "answers",
        [
            Statement::is(Key::Mark.masked(Value::Mark(0xff)), Value::Mark(0x17)),
            Statement::is(Key::OutputInterface, Value::Interface("eth0".to_owned())),
            Statement::protocol(UDP),
            Statement::Counter,
        ],
    );
    let mangle = |hook| base(hook, priority::MANGLE, Policy::Accept);
    ruleset.chains.push(Chain {
        name: "marks".to_owned(),
        base: Some(mangle(Hook::Prerouting)),
        rules: vec![by_router],
    });
    ruleset.chains.push(Chain {
        name: "returns".to_owned(),
        base: Some(Base {
            kind: ChainKind::Route,
            ..mangle(Hook::Output)
        }),
        rules: vec![restored],
    });
    ruleset.chains.push(Chain {
        name: "leaves".to_owned(),
        base: Some(mangle(Hook::Postrouting)),
        rules: vec![seen],
    });
    let firewall = firewall();
    firewall.load(&ruleset).expect("taken");
    for it in versions() {
        let here = udp(it.own, SIP);
        let there = world.socket(it.stranger, 0);
        there.send_to(b"question", (it.own, SIP)).expect("sent");
        let (_, by) = receive(&here, &mut [0; 16]).expect("asked");
        let before = counted(&firewall, "answers");
        udp(it.own, 0).send_to(b"ours", by).expect("sent");
        assert_eq!(counted(&firewall, "answers"), before, "not an answer");
        here.send_to(b"answer", by).expect("sent");
        assert_eq!(counted(&firewall, "answers"), before + 1);
    }
    assert!(counted(&firewall, "by router") >= 2);
}

#[test]
fn the_rest_of_what_rules_can_say_does_what_it_says() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let log = Statement::Log {
        group: 1,
        prefix: "refused".to_owned(),
        bytes: 128,
    };
    let jump = [
        Statement::to_port(Transport::Udp, SIP),
        Statement::jump("sip"),
    ];
    let once = Statement::Limit(Limit {
        rate: 1,
        per: Per::Hour,
        burst: 1,
        over: false,
    });
    let untracked = [Statement::state(ct_state::UNTRACKED), Statement::accept()];
    let family = |family| Statement::is(Key::Family, Value::Family(family));
    let mut ruleset = guarded(Vec::new(), vec![Rule::new(jump), Rule::new([log])]);
    let hops = [Family::Ipv4, Family::Ipv6].map(|it| {
        let near = Statement::is(Key::Hops(it), Value::Hops(64));
        Rule::named("near", [near, Statement::Counter])
    });
    let mut rules = hops.to_vec();
    rules.push(Rule::new([
        family(Family::Ipv6),
        once,
        Statement::Verdict(Verdict::Return),
    ]));
    rules.push(Rule::new(untracked));
    ruleset.chains.push(Chain {
        name: "sip".to_owned(),
        base: None,
        rules,
    });
    ruleset.chains.push(Chain {
        name: "raw".to_owned(),
        base: Some(base(Hook::Prerouting, priority::RAW, Policy::Accept)),
        rules: vec![Rule::new([
            Statement::to_port(Transport::Udp, SIP),
            Statement::Notrack,
        ])],
    });
    let firewall = firewall();
    firewall.load(&ruleset).expect("taken");
    let [four, six] = versions();
    assert!(world.arrives(four.stranger, four.own, SIP));
    let arrived = world.how_many_arrive(six.stranger, six.own, SIP, 3);
    assert_eq!(arrived, 2, "the first went back and was dropped");
    assert_eq!(counted(&firewall, "near"), 4);
}
