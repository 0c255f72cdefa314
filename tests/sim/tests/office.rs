//! Days of a whole site: twenty phones, two carriers and attackers on a lossy, reordering,
//! repeating network, with clocks that jump and processes that die. Then everything is healed, and
//! must come right in a stated time (`Office::run`).
//!
//! `RAMAL_SIM_SEEDS=1000..2000` runs other seeds, `RAMAL_SIM_SEEDS=42` a single one.

#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::ops::Range;

use sim::Office;

/// Seeds of one push.
const SEEDS: Range<u64> = 0..200;

fn seeds() -> Range<u64> {
    let Ok(wanted) = std::env::var("RAMAL_SIM_SEEDS") else {
        return SEEDS;
    };
    let number = |text: &str| text.trim().parse::<u64>().expect("a seed is a number");
    match wanted.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&wanted)..number(&wanted) + 1,
    }
}

#[test]
fn a_site_comes_right_after_a_bad_day() {
    let (mut calls, mut failed) = (0, Vec::new());
    let seeds = seeds();
    let count = usize::try_from(seeds.end - seeds.start).expect("few seeds");
    for seed in seeds {
        let (_, started, broken) = Office::run(seed);
        calls += started;
        if !broken.is_empty() {
            failed.push(format!(
                "seed {seed}: {broken:#?}\nagain: RAMAL_SIM_SEEDS={seed} cargo test -p sim \
                 --test office a_site_comes_right_after_a_bad_day"
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {count} seeds failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    // Enough really happened for the checks to mean something.
    assert!(calls > 20 * count, "only {calls} calls in {count} seeds");
}

#[test]
fn a_day_replays_to_the_same_hash() {
    for seed in [0, 77] {
        let (first, second) = (Office::run(seed).0, Office::run(seed).0);
        assert_eq!(first, second, "seed {seed} gave two different runs");
    }
    assert_ne!(Office::run(3).0, Office::run(4).0, "two seeds gave one run");
}
