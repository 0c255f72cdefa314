//! Two updates: one that breaks off, is resumed and proves good; one that never proves good.

use slot::Slot;

use super::Recorded;
use super::promises::{Promise, Promises};
use super::site::{Site, Version};
use crate::fault::Fault;

pub(super) fn make() -> Recorded {
    let site = Site::shipped(&FIRST)?;
    run(Slot::A, &site)?;
    site.prove_good(Slot::A, &FIRST)?;
    site.disk().mark("1.0.0 proved good");
    expect(!site.install(Slot::A, &SECOND, 60)?, "it broke off")?;
    run(Slot::A, &site)?;
    site.prove_good(Slot::A, &FIRST)?;
    expect(site.install(Slot::A, &SECOND, 100)?, "2.0.0 is installed")?;
    site.disk().mark("2.0.0 installed");
    run(Slot::B, &site)?;
    site.prove_good(Slot::B, &SECOND)?;
    site.disk().mark("2.0.0 proved good");
    expect(site.install(Slot::B, &THIRD, 100)?, "3.0.0 is installed")?;
    site.disk().mark("3.0.0 installed");
    run(Slot::A, &site)?;
    run(Slot::A, &site)?;
    site.disk().mark("3.0.0 tried twice");
    run(Slot::A, &site)?;
    site.disk().mark("3.0.0 tried out");
    run(Slot::B, &site)?;
    site.prove_good(Slot::B, &SECOND)?;
    site.disk().mark("2.0.0 again");
    let judge = Promises {
        versions: &[FIRST, SECOND, THIRD],
        promises: &PROMISES,
    };
    Ok((site.into_trace(), Box::new(judge)))
}

fn run(wanted: Slot, site: &Site) -> Result<(), Fault> {
    let started = site.start()?.slot;
    expect(started == wanted, "the slot that should have started did")
}

fn expect(is_so: bool, what: &str) -> Result<(), Fault> {
    match is_so {
        true => Ok(()),
        false => Err(Fault::broken(format!(
            "without any power cut: not so: {what}"
        ))),
    }
}

const FIRST: Version = version("1.0.0", 0, 1);
const SECOND: Version = version("2.0.0", 1, 2);
const THIRD: Version = version("3.0.0", 2, 3);

const fn version(name: &'static str, security: u64, keys: u32) -> Version {
    Version {
        name,
        security,
        keys,
    }
}

/// While an update is on its way, the version that runs and the new one are both right.
const PROMISES: [Promise; 8] = [
    promise("", &["1.0.0"], 0, 1),
    promise("1.0.0 proved good", &["1.0.0", "2.0.0"], 0, 1),
    promise("2.0.0 installed", &["2.0.0"], 0, 2),
    promise("2.0.0 proved good", &["2.0.0", "3.0.0"], 1, 2),
    promise("3.0.0 installed", &["3.0.0"], 1, 3),
    promise("3.0.0 tried twice", &["3.0.0", "2.0.0"], 1, 3),
    promise("3.0.0 tried out", &["2.0.0"], 1, 3),
    promise("2.0.0 again", &["2.0.0"], 1, 3),
];

const fn promise(
    told: &'static str,
    versions: &'static [&'static str],
    floor: u64,
    keys: u32,
) -> Promise {
    Promise {
        told,
        versions,
        floor,
        keys,
    }
}
