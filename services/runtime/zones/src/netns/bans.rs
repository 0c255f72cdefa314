//! Who is banned.

use firewall::Element;

use super::*;
use crate::ban;

fn banned(network: &str) -> (firewall::Set, Vec<Element>) {
    let (of, value) = ban(&Network::parse(network).expect(network)).expect("a set");
    let element = Element::for_time([value], Duration::from_secs(600));
    (of.set(), vec![element])
}

#[test]
fn nothing_of_who_is_banned_comes_in_and_all_of_his_neighbours() {
    if !is_root() {
        return;
    }
    let (world, firewall) = World::plug_in();
    list(
        &firewall,
        Listed::Callers,
        &[network("0.0.0.0/0"), network("::/0")],
    );
    let count = || {
        let counts = firewall.named_counts().expect("read");
        let of = counts.into_iter().find(|it| it.name == crate::BANNED);
        of.expect("a counter").packets
    };
    for (it, alone, around) in [
        (versions()[0], "203.0.113.5", &["203.0.113.0/24"][..]),
        (
            versions()[1],
            "2001:db8::5",
            &["2001:db8::/64", "2001:db8::/56", "2001:db8::/48"],
        ),
    ] {
        let (set, elements) = banned(alone);
        firewall.add(&set, &elements).expect("banned");
        let before = count();
        assert!(!world.arrives(it.stranger, it.own, SIP));
        assert_eq!(count(), before + 1, "and it is counted");
        assert!(world.arrives(it.other_stranger, it.own, SIP));
        firewall.remove(&set, &elements).expect("unbanned");
        assert!(world.arrives(it.stranger, it.own, SIP));
        for network in around {
            let (set, elements) = banned(network);
            firewall.add(&set, &elements).expect("banned");
            assert!(!world.arrives(it.stranger, it.own, SIP), "{network}");
            assert!(!world.arrives(it.other_stranger, it.own, SIP), "{network}");
            assert!(world.arrives(it.phone, it.own, SIP));
            list(&firewall, Listed::Never, &[Network::of(it.other_stranger)]);
            assert!(world.arrives(it.other_stranger, it.own, SIP), "{network}");
            assert!(!world.arrives(it.stranger, it.own, SIP), "{network}");
            list(&firewall, Listed::Never, &[]);
            firewall.remove(&set, &elements).expect("unbanned");
        }
    }
}

#[test]
fn a_ban_ends_what_was_open_already() {
    if !is_root() {
        return;
    }
    let (world, firewall) = World::plug_in();
    list(
        &firewall,
        Listed::Callers,
        &[network("0.0.0.0/0"), network("::/0")],
    );
    for it in versions() {
        let here = udp(it.own, SIP);
        let there = world.run(|| udp(it.stranger, SIP));
        there.send_to(b"question", (it.own, SIP)).expect("sent");
        let (_, by) = receive(&here).expect("asked");
        here.send_to(b"answer", by).expect("sent");
        receive(&there).expect("answered");
        let (set, elements) = banned(&it.stranger.to_string());
        firewall.add(&set, &elements).expect("banned");
        there.send_to(b"again", (it.own, SIP)).expect("sent");
        world.mark();
        here.set_nonblocking(true).expect("set");
        assert!(receive(&here).is_err());
    }
}

#[test]
fn a_ban_of_a_network_keeps_nobody_in_it_from_being_found() {
    if !is_root() {
        return;
    }
    let (world, firewall) = World::plug_in();
    let (set, elements) = banned("fd00::/64");
    firewall.add(&set, &elements).expect("banned");
    list(&firewall, Listed::Never, &[network("fd00::9")]);
    ip("-6 neigh flush dev eth0");
    world.run(|| ip("-6 neigh flush dev lan0"));
    let it = versions()[1];
    assert!(world.arrives(it.phone, it.own, SIP));
}
