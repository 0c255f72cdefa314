//! Days of a whole site: twenty phones, two carriers and attackers on a lossy, reordering,
//! repeating network, with clocks that jump and processes that die. Then everything is healed, and
//! must come right in a stated time (`Office::run`).
//!
//! `RAMAL_SIM_SEEDS=1000..2000` runs other seeds, `RAMAL_SIM_SEEDS=42` a single one.

use std::ops::Range;

use sim::{Office, again, seeds};

/// Seeds of one push.
const SEEDS: Range<u64> = 0..200;

#[test]
fn a_site_comes_right_after_a_bad_day() {
    let (mut calls, mut failed) = (0, Vec::new());
    let seeds = seeds(SEEDS);
    let count = usize::try_from(seeds.end - seeds.start).expect("few seeds");
    for seed in seeds {
        let (_, started, broken) = Office::run(seed);
        calls += started;
        if !broken.is_empty() {
            let again = again(seed, "office", "a_site_comes_right_after_a_bad_day");
            failed.push(format!("seed {seed}: {broken:#?}\n{again}"));
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
