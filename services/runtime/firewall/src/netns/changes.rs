//! Sets that change while the rules stand.

use std::time::Duration;

use super::*;
use crate::{Span, Statement};

/// Live sound: `source . port @rtp` passes.
fn rtp() -> ([Set; 2], Ruleset) {
    let sets = versions().map(|it| {
        Set::new(&of("rtp", it.family), [kind_of(it.family), Kind::Port]).with_timeouts()
    });
    let rules = versions().map(|it| {
        let keys = [Key::Source(it.family), Key::DestinationPort(Transport::Udp)];
        let found = Statement::found(keys, &of("rtp", it.family));
        Rule::new([found, Statement::accept()])
    });
    let ruleset = guarded(sets.to_vec(), rules.to_vec());
    (sets, ruleset)
}

#[test]
fn sound_passes_while_its_source_is_in_the_set() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let firewall = firewall();
    let (sets, ruleset) = rtp();
    firewall.load(&ruleset).expect("taken");
    for (it, set) in versions().into_iter().zip(&sets) {
        let peer = Element::new([Value::from(it.stranger), Value::Port(20_000)]);
        assert!(!world.arrives(it.stranger, it.own, 20_000));
        firewall
            .add(set, std::slice::from_ref(&peer))
            .expect("added");
        firewall
            .add(set, std::slice::from_ref(&peer))
            .expect("again");
        assert!(world.arrives(it.stranger, it.own, 20_000));
        assert!(!world.arrives(it.stranger, it.own, 20_002));
        assert!(!world.arrives(it.other_stranger, it.own, 20_000));
        assert_eq!(
            firewall.elements(set).expect("read"),
            std::slice::from_ref(&peer)
        );
        firewall
            .remove(set, std::slice::from_ref(&peer))
            .expect("removed");
        firewall
            .remove(set, std::slice::from_ref(&peer))
            .expect("it is away");
        assert!(!world.arrives(it.stranger, it.own, 20_000));
        let others = [20_004, 20_006]
            .map(|port| Element::new([Value::from(it.stranger), Value::Port(port)]));
        firewall.add(set, &[peer]).expect("added");
        firewall.replace(set, &others).expect("replaced");
        assert!(!world.arrives(it.stranger, it.own, 20_000));
        assert!(world.arrives(it.stranger, it.own, 20_006));
        firewall.replace(set, &[]).expect("emptied");
        assert_eq!(firewall.elements(set).expect("read"), []);
    }
}

#[test]
fn an_entry_goes_by_itself_and_a_new_one_begins_anew() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let firewall = firewall();
    let (sets, ruleset) = rtp();
    firewall.load(&ruleset).expect("taken");
    for (it, set) in versions().into_iter().zip(&sets) {
        let key = [Value::from(it.stranger), Value::Port(20_000)];
        let for_ms = |ms| Element::for_time(key.clone(), Duration::from_millis(ms));
        firewall.add(set, &[for_ms(600_000)]).expect("added");
        let left = firewall.elements(set).expect("read")[0]
            .timeout
            .expect("timed");
        let range = Duration::from_secs(590)..=Duration::from_secs(600);
        assert!(range.contains(&left), "{left:?}");
        // Longer, and then shorter, while it is there.
        firewall.add(set, &[for_ms(900_000)]).expect("added");
        let left = firewall.elements(set).expect("read")[0]
            .timeout
            .expect("timed");
        assert!(left > Duration::from_secs(890), "{left:?}");
        assert!(world.arrives(it.stranger, it.own, 20_000));
        firewall.add(set, &[for_ms(60)]).expect("added");
        until("the entry gone", || {
            firewall.elements(set).expect("read").is_empty()
        });
        assert!(!world.arrives(it.stranger, it.own, 20_000));
    }
}

#[test]
fn networks_that_overlap_become_one_and_are_read_as_ranges() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    let firewall = firewall();
    let network = |text: &str| {
        let (address, length) = text.split_once('/').expect("a network");
        Element::new([Span::network(
            address.parse().expect("an address"),
            length.parse().expect("a length"),
        )])
    };
    let cases = [
        (
            Family::Ipv4,
            ["10.0.0.0/8", "10.9.0.0/16", "11.0.0.0/8", "240.0.0.0/4"],
            ["10.0.0.0/8", "11.0.0.0/8", "240.0.0.0/4"],
        ),
        (
            Family::Ipv6,
            ["fd00::/8", "fd00::/64", "fe00::/8", "ff00::/8"],
            ["fd00::/8", "fe00::/8", "ff00::/8"],
        ),
    ];
    for (family, written, stands) in cases {
        let set = Set::new("lan", [kind_of(family)]).with_intervals();
        let filled = set.clone().with(written.map(network).to_vec());
        firewall
            .load(&guarded(vec![filled], Vec::new()))
            .expect("taken");
        assert_eq!(firewall.elements(&set).expect("read"), stands.map(network));
        firewall
            .remove(&set, &[network(stands[1])])
            .expect("removed");
        let left = [network(stands[0]), network(stands[2])];
        assert_eq!(firewall.elements(&set).expect("read"), left);
        firewall
            .replace(&set, &written.map(network))
            .expect("replaced");
        assert_eq!(firewall.elements(&set).expect("read"), stands.map(network));
    }
}

#[test]
fn ranges_of_two_things_at_once_pass_what_is_in_both() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let firewall = firewall();
    let ports = Span {
        first: Value::Port(16_384),
        last: Value::Port(32_767),
    };
    let elements = versions().map(|it| {
        let source = Span::network(it.office.0, it.office.1);
        Element::for_time([source, ports.clone()], Duration::from_secs(600))
    });
    let sets = versions().map(|it| {
        let kinds = [kind_of(it.family), Kind::Port];
        let set = Set::new(&of("peers", it.family), kinds);
        set.with_intervals().with_timeouts()
    });
    let rules = versions().map(|it| {
        let keys = [Key::Source(it.family), Key::DestinationPort(Transport::Udp)];
        let found = Statement::found(keys, &of("peers", it.family));
        Rule::new([found, Statement::accept()])
    });
    firewall
        .load(&guarded(sets.to_vec(), rules.to_vec()))
        .expect("taken");
    for ((it, set), element) in versions().into_iter().zip(&sets).zip(&elements) {
        firewall
            .add(set, std::slice::from_ref(element))
            .expect("added");
        assert!(world.arrives(it.phone, it.own, 16_384));
        assert!(!world.arrives(it.phone, it.own, 16_383));
        assert!(!world.arrives(it.stranger, it.own, 16_384));
        let [read] = firewall
            .elements(set)
            .expect("read")
            .try_into()
            .expect("one");
        assert_eq!(read.key, element.key);
        firewall
            .remove(set, std::slice::from_ref(element))
            .expect("removed");
        assert!(!world.arrives(it.phone, it.own, 16_384));
    }
}

/// Bans by /64 and /56 need no ranges: what is looked up is cut to that length.
#[test]
fn a_prefix_is_banned_by_what_a_mask_leaves() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let [_, six] = versions();
    let mask = Value::prefix_mask(Family::Ipv6, 56);
    let banned = [
        Statement::found([Key::Source(Family::Ipv6).masked(mask)], "bans"),
        Statement::drop(),
    ];
    let accept = [Statement::to_port(Transport::Udp, SIP), Statement::accept()];
    let set = Set::new("bans", [Kind::Ipv6]).with_timeouts();
    let mut ruleset = guarded(vec![set.clone()], vec![Rule::new(accept)]);
    ruleset.chains[0].rules.insert(2, Rule::new(banned));
    let firewall = firewall();
    firewall.load(&ruleset).expect("taken");
    assert!(world.arrives(six.stranger, six.own, SIP));
    let network: IpAddr = "2001:db8::".parse().expect("an address");
    let ban = Element::for_time([network], Duration::from_secs(600));
    firewall.add(&set, &[ban]).expect("banned");
    let marker = udp(six.own, MARKER_PORT);
    world
        .socket(six.phone, 0)
        .send_to(b"marker", (six.own, MARKER_PORT))
        .expect("sent");
    receive(&marker, &mut [0; 8]).expect("the office is not banned");
    drop(marker);
    assert!(world.arrives(six.phone, six.own, SIP));
    // Its marker is not let through either, so that the office's says when to stop waiting.
    let here = udp(six.own, SIP);
    let stranger = world.socket(six.stranger, 0);
    stranger.send_to(b"banned", (six.own, SIP)).expect("sent");
    let phone = world.socket(six.phone, 0);
    phone.send_to(b"behind", (six.own, SIP)).expect("sent");
    let mut heard = [0; 6];
    receive(&here, &mut heard).expect("one of them");
    assert_eq!(&heard, b"behind");
}
