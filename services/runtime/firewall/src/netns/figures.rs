//! What large sets cost. Figures are printed, and never part of what is asserted:
//! `RAMAL_LONG=1 cargo test -p firewall --release figures -- --nocapture`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::*;

/// Distinct sources, apart from each other so that none can become one range with its neighbour.
fn source(family: Family, number: u32) -> Value {
    match family {
        Family::Ipv4 => Value::Ipv4(Ipv4Addr::from_bits(0x2d00_0000 + number * 7)),
        Family::Ipv6 => Value::Ipv6(Ipv6Addr::from_bits(
            (0x2a00_u128 << 112) | (u128::from(number) << 72),
        )),
    }
}

fn bans(family: Family, count: u32) -> Vec<Element> {
    (0..count)
        .map(|number| {
            let timeout = Duration::from_secs(600 + u64::from(number % 60));
            Element::for_time([source(family, number)], timeout)
        })
        .collect()
}

fn kernel_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").expect("there");
    let of = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    of("Slab:") + of("VmallocUsed:") + of("Percpu:")
}

fn measured(what: &str, act: impl FnOnce()) {
    let (kib, begun) = (kernel_kib(), Instant::now());
    act();
    let seconds = begun.elapsed().as_secs_f64();
    let mib = (kernel_kib().saturating_sub(kib)) / 1024;
    println!("{what}: {seconds:.3} s, {mib} MiB more in the kernel");
}

#[test]
fn figures_of_twenty_thousand_bans_in_one_transaction() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    let firewall = firewall();
    for family in [Family::Ipv4, Family::Ipv6] {
        let set = Set::new("bans", [kind_of(family)]).with_timeouts();
        firewall
            .load(&guarded(vec![set.clone()], Vec::new()))
            .expect("taken");
        let bans = bans(family, 20_000);
        measured(&format!("{family:?}: 20,000 bans"), || {
            firewall.add(&set, &bans).expect("added");
        });
        measured(&format!("{family:?}: the same renewed"), || {
            firewall.add(&set, &bans).expect("added");
        });
        measured(&format!("{family:?}: read"), || {
            assert_eq!(firewall.elements(&set).expect("read").len(), 20_000);
        });
        measured(&format!("{family:?}: removed"), || {
            firewall.remove(&set, &bans).expect("removed");
        });
        assert_eq!(firewall.elements(&set).expect("read"), []);
    }
}

/// A tenth of what a box must bear, as CI is long enough, or all of it.
fn many() -> u32 {
    match std::env::var_os("RAMAL_LONG") {
        Some(_) => 100_000,
        None => 10_000,
    }
}

#[test]
fn figures_of_many_addresses() {
    if !is_root() {
        return;
    }
    let many = many();
    let _world = World::plug_in();
    let firewall = firewall();
    for family in [Family::Ipv4, Family::Ipv6] {
        let bans = bans(family, many);
        let single = Set::new("bans", [kind_of(family)]).with_timeouts();
        for (how, set) in [
            ("ranges", single.clone().with_intervals()),
            ("single addresses", single),
        ] {
            let filled = guarded(vec![set.clone().with(bans.clone())], Vec::new());
            let batch = crate::encode(&filled, &crate::Standing::default()).expect("right");
            let kib = batch.as_bytes().len() / 1024;
            println!("{family:?}: {many} {how}: {kib} KiB in one transaction");
            drop(batch);
            measured(&format!("{family:?}: {many} {how}, loaded"), || {
                firewall.load(&filled).expect("taken");
            });
            measured(&format!("{family:?}: {how}, one more"), || {
                let element = Element::for_time([source(family, 200_000)], PATIENCE);
                firewall.add(&set, &[element]).expect("added");
            });
            measured(&format!("{family:?}: {how}, read"), || {
                let read = firewall.elements(&set).expect("read");
                assert_eq!(read.len(), usize::try_from(many + 1).expect("few"));
                let mut values: Vec<_> = read.iter().map(|it| &it.key[0]).collect();
                values.sort_by(|one, other| one.first.cmp(&other.first));
                assert!(values.iter().all(|span| span.is_one()));
                let wanted = (0..many).map(|number| source(family, number));
                assert!(
                    wanted.eq(values
                        .iter()
                        .take(read.len() - 1)
                        .map(|it| it.first.clone()))
                );
            });
            measured(&format!("{family:?}: {how}, unloaded"), || {
                firewall.unload().expect("gone");
            });
        }
    }
}
