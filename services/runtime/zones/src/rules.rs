//! The rules, which are the same on every box: what a site decides is in their sets.
//!
//! Chains with hooks keep their names and places for ever, so that loading them again leaves no
//! gap (decision 0070). Everything is said for IPv4 and IPv6 by one function.

use firewall::{
    Base, Chain, ChainKind, Element, Family, Field, Hook, Key, Kind, Limit, Per, Policy, Reject,
    Rule, Ruleset, Set, Statement, Test, Transport, Value, Verdict, ct_state, priority, protocol,
};

use crate::ban::{BANS, Ban};
use crate::listed::{Listed, elements};

/// The table.
pub const TABLE: &str = "ramal";
/// The counter of what was dropped of those who are banned.
pub const BANNED: &str = "banned";
/// The counter of what nobody may send us.
pub const REFUSED: &str = "refused";

/// All rules, with the sets as they are before anybody has read what the site says: private
/// addresses are the office, nobody calls from outside, and nobody is banned.
#[must_use]
pub fn ruleset() -> Ruleset {
    let listed = Listed::ALL.into_iter().flat_map(|listed| {
        let first = listed.at_first();
        FAMILIES.map(|family| listed.set(family).with(elements(&first, family)))
    });
    let bans = BANS.into_iter().map(Ban::set);
    Ruleset {
        table: TABLE.to_owned(),
        sets: listed.chain(bans).chain(constant_sets()).collect(),
        counters: vec![BANNED.to_owned(), REFUSED.to_owned()],
        chains: vec![
            chain("bans", Some(RAW), bans_chain()),
            chain("input", Some(INPUT), input_chain()),
            chain("grid", None, grid_chain()),
            chain("office", None, office_chain()),
            chain("near", None, near_chain()),
            chain("outside", None, outside_chain()),
            chain("forward", Some(FORWARD), Vec::new()),
        ],
    }
}

/// Before connections are looked up, so that a flood of who is banned makes no entry there.
fn bans_chain() -> Vec<Rule> {
    // A ban of a network must not keep the box from finding others in it by IPv6.
    let mut rules = vec![neighbours()];
    rules.extend(both(|family| vec![from(Listed::Never, family), ACCEPT]));
    let banned = |ban: Ban| {
        let mask = Value::prefix_mask(ban.family(), ban.length());
        let field = Key::Source(ban.family()).masked(mask);
        Rule::new([
            Statement::found([field], &ban.set().name),
            count(BANNED),
            DROP,
        ])
    };
    rules.extend(BANS.map(banned));
    rules
}

/// There is no rule for packets that connection tracking calls invalid: they are judged like new
/// ones, so that a phone whose connection an earlier start of the box had is told so at once (by a
/// reset), instead of waiting for an answer.
fn input_chain() -> Vec<Rule> {
    let mut rules = vec![
        Rule::named("own", [Statement::from_interface("lo"), ACCEPT]),
        Rule::named("grid", [Statement::from_interface(GRID_LINK), goto("grid")]),
    ];
    // Before connections: WireGuard alone can prove who is in the grid.
    rules.extend(both(|family| {
        vec![from(Listed::Grid, family), count(REFUSED), DROP]
    }));
    rules.extend([
        established(),
        neighbours(),
        listeners(),
        groups(),
        // An answer to a request that was sent to all comes from an address that was not asked.
        Rule::named("dhcp", dhcp()),
    ]);
    rules.extend(both(|family| {
        vec![from(Listed::Office, family), goto("office")]
    }));
    rules.extend(both(|family| {
        vec![from(Listed::Near, family), Statement::jump("near")]
    }));
    rules.push(Rule::new([goto("outside")]));
    rules
}

/// Of the tunnel.
fn grid_chain() -> Vec<Rule> {
    let mut rules = both(|family| {
        let is_other = Statement::In {
            fields: vec![Key::Source(family).into()],
            set: Listed::Grid.name(family).to_owned(),
            negated: true,
        };
        vec![is_other, count(REFUSED), DROP]
    });
    rules.push(established());
    rules.extend(echo(50));
    rules.extend([
        Rule::named("ports", [to_ports("grid_ports"), ACCEPT]),
        Rule::named("sound", [to_sound(), ACCEPT]),
        refused(),
    ]);
    rules
}

/// Of the internal networks: all that is declared, and a word where there is nothing, as from any
/// machine.
fn office_chain() -> Vec<Rule> {
    let mut rules = echo(100);
    rules.extend([
        Rule::named("ports", [to_ports("office_ports"), ACCEPT]),
        Rule::named("sound", [to_sound(), ACCEPT]),
        Rule::new([Statement::protocol(protocol::ICMP), count(REFUSED), DROP]),
        Rule::new([Statement::protocol(protocol::ICMPV6), count(REFUSED), DROP]),
        Rule::new([
            Statement::protocol(protocol::TCP),
            count(REFUSED),
            Statement::Reject(Reject::TcpReset),
        ]),
        Rule::new([count(REFUSED), Statement::Reject(Reject::PortUnreachable)]),
    ]);
    rules
}

/// Of private addresses that are not internal: the pages, and else as from outside.
fn near_chain() -> Vec<Rule> {
    vec![Rule::named("ports", [to_ports("near_ports"), ACCEPT])]
}

/// From everywhere else: calls of those who may call, and nothing.
fn outside_chain() -> Vec<Rule> {
    let mut rules = echo(20);
    rules.extend(both(|family| {
        let caller = from(Listed::Callers, family);
        vec![caller, to_ports("callers_ports"), ACCEPT]
    }));
    rules.extend(both(|family| {
        vec![from(Listed::Callers, family), to_sound(), ACCEPT]
    }));
    rules.push(refused());
    rules
}

fn established() -> Rule {
    let states = ct_state::ESTABLISHED | ct_state::RELATED;
    Rule::named("established", [Statement::state(states), ACCEPT])
}

/// RFC 4861 §4: solicitations and advertisements of routers and neighbours, not redirects. What
/// came through a router is none (§6.1, §7.1).
fn neighbours() -> Rule {
    Rule::named(
        "neighbours",
        [
            Statement::found([Key::Icmp6Type], "neighbour_types"),
            Statement::is(Key::Hops(Family::Ipv6), Value::Hops(255)),
            ACCEPT,
        ],
    )
}

/// RFC 2710, RFC 3810: who asks which groups are listened to, or a switch would send none of them
/// to the box (names in the network go to one).
fn listeners() -> Rule {
    Rule::named(
        "listeners",
        [
            Statement::found([Key::Icmp6Type], "listener_types"),
            Statement::is(Key::Hops(Family::Ipv6), Value::Hops(1)),
            Statement::Limit(limit(20)),
            ACCEPT,
        ],
    )
}

/// The same of IPv4: IGMP, RFC 3376 §4. A switch that asks may have no address.
fn groups() -> Rule {
    Rule::named(
        "groups",
        [
            Statement::protocol(IGMP),
            Statement::is(Key::Hops(Family::Ipv4), Value::Hops(1)),
            Statement::Limit(limit(20)),
            ACCEPT,
        ],
    )
}

fn dhcp() -> [Statement; 4] {
    [
        Statement::is(Key::Family, Value::Family(Family::Ipv4)),
        Statement::is(Key::SourcePort(Transport::Udp), Value::Port(67)),
        Statement::to_port(Transport::Udp, 68),
        ACCEPT,
    ]
}

/// So many echo requests a second are answered, of each version of IP. Errors of ICMP come in where
/// they belong to a connection.
fn echo(rate: u64) -> Vec<Rule> {
    let requests = [
        (Key::IcmpType, Value::Icmp(8)),
        (Key::Icmp6Type, Value::Icmp6(128)),
    ];
    let rule = |(key, value): (Key, Value)| {
        Rule::named(
            "echo",
            [
                Statement::is(key, value),
                Statement::Limit(limit(rate)),
                ACCEPT,
            ],
        )
    };
    requests.map(rule).into()
}

fn refused() -> Rule {
    Rule::new([count(REFUSED), DROP])
}

/// The sets that nobody changes: ports of each zone, and types of ICMPv6.
fn constant_sets() -> Vec<Set> {
    let (tcp, udp) = (protocol::TCP, protocol::UDP);
    let sip = [(udp, 5060), (tcp, 5060), (tcp, 5061)];
    let pages = [(tcp, 443), (tcp, 80), (udp, 5353)];
    let ports = |name: &str, ports: &[(u8, u16)]| {
        let key = |(protocol, port): &(u8, u16)| {
            Element::new([Value::Protocol(*protocol), Value::Port(*port)])
        };
        let set = Set::new(name, [Kind::Protocol, Kind::Port]);
        set.with(ports.iter().map(key).collect())
    };
    let types = |name: &str, types: &[u8]| {
        let element = |number: &u8| Element::new([Value::Icmp6(*number)]);
        Set::new(name, [Kind::Icmp6]).with(types.iter().map(element).collect())
    };
    vec![
        ports("office_ports", &[sip, pages].concat()),
        ports("grid_ports", &[&sip[..], &[(tcp, 443)]].concat()),
        ports("near_ports", &pages),
        ports("callers_ports", &sip),
        types("neighbour_types", &[133, 134, 135, 136]),
        types("listener_types", &[130, 131, 132, 143]),
    ]
}

fn chain(name: &str, base: Option<Base>, rules: Vec<Rule>) -> Chain {
    Chain {
        name: name.to_owned(),
        base,
        rules,
    }
}

/// The same for IPv4 and IPv6.
fn both(statements: impl Fn(Family) -> Vec<Statement>) -> Vec<Rule> {
    FAMILIES.map(|family| Rule::new(statements(family))).into()
}

fn from(listed: Listed, family: Family) -> Statement {
    Statement::from_set(family, listed.name(family))
}

fn to_ports(set: &str) -> Statement {
    Statement::found([Key::Protocol, Key::DestinationPort(Transport::Any)], set)
}

fn to_sound() -> Statement {
    let field: Field = Key::DestinationPort(Transport::Udp).into();
    let (first, last) = SOUND_PORTS;
    Statement::Match(field, Test::Between(Value::Port(first), Value::Port(last)))
}

fn count(counter: &str) -> Statement {
    Statement::Count(counter.to_owned())
}

fn goto(chain: &str) -> Statement {
    Statement::Verdict(Verdict::Goto(chain.to_owned()))
}

const fn limit(rate: u64) -> Limit {
    Limit {
        rate,
        per: Per::Second,
        burst: 40,
        over: false,
    }
}

const fn hooked(hook: Hook, priority: i32, policy: Policy) -> Base {
    Base {
        kind: ChainKind::Filter,
        hook,
        priority,
        policy,
    }
}

const ACCEPT: Statement = Statement::accept();
const DROP: Statement = Statement::drop();
const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];
const RAW: Base = hooked(Hook::Prerouting, priority::RAW, Policy::Accept);
const INPUT: Base = hooked(Hook::Input, priority::FILTER, Policy::Drop);
const FORWARD: Base = hooked(Hook::Forward, priority::FILTER, Policy::Drop);
/// The tunnel's link, as the service of the tunnel calls it.
const GRID_LINK: &str = "grid0";
/// Where `media` hears, first and last.
const SOUND_PORTS: (u16, u16) = (16_384, 32_767);
/// The Internet Group Management Protocol (IANA).
const IGMP: u8 = 2;
