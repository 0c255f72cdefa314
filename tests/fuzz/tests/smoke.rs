//! Every target on its corpus and on seeded mutations of it, in a minute or two and without a
//! fuzzer.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fuzz::{Mutator, TARGETS, Target};

/// Mutated inputs of each target; `RAMAL_FUZZ_RUNS` asks for another number by hand.
const RUNS: u64 = 7_500;
/// Where the mutations come from; `RAMAL_FUZZ_SEED` asks for other ones by hand.
const SEED: u64 = 0x5261_6d61;
/// The corpora together, bytes.
const CORPORA_BYTES_MAX: usize = 200_000;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path| fs::read(path).expect("a seed");
    paths.iter().map(read).collect()
}

/// Runs one input; a broken rule names it in a form that can be written to a file again.
fn run(name: &str, target: Target, bytes: &[u8], origin: &str) {
    if catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err() {
        panic!("{name}, {origin}: b\"{}\"", bytes.escape_ascii());
    }
}

/// A whole number somebody asks for by hand.
fn asked(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |asked| {
        let number = asked.parse();
        number.unwrap_or_else(|_| panic!("{variable} is {asked:?}; set it to a whole number"))
    })
}

/// All targets; by hand those that `RAMAL_FUZZ_TARGETS` names, commas between them.
fn targets() -> Vec<(&'static str, Target)> {
    let Ok(asked) = std::env::var("RAMAL_FUZZ_TARGETS") else {
        return TARGETS.to_vec();
    };
    let known = |name: &str| {
        let target = TARGETS.into_iter().find(|(known, _)| *known == name);
        target.unwrap_or_else(|| panic!("RAMAL_FUZZ_TARGETS: there is no target {name:?}"))
    };
    asked.split(',').map(known).collect()
}

#[test]
fn no_mutation_breaks_a_rule() {
    let (runs, seed) = (
        asked("RAMAL_FUZZ_RUNS", RUNS),
        asked("RAMAL_FUZZ_SEED", SEED),
    );
    let targets = targets();
    let mut total = 0;
    for (name, target) in &targets {
        let target = *target;
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for (index, bytes) in corpus.iter().enumerate() {
            run(name, target, bytes, &format!("seed {index}"));
        }
        let mut mutator = Mutator::new(seed);
        for index in 0..runs {
            let bytes = mutator.change(&corpus);
            run(
                name,
                target,
                &bytes,
                &format!("mutation {index} of seed {seed}"),
            );
        }
        total += runs;
    }
    println!(
        "{} targets, {total} mutated inputs of seed {seed}",
        targets.len()
    );
}

#[test]
fn the_corpora_stay_small() {
    let bytes: usize = TARGETS
        .iter()
        .flat_map(|(name, _)| corpus(name))
        .map(|seed| seed.len())
        .sum();
    assert!(bytes <= CORPORA_BYTES_MAX, "{bytes} bytes");
}

#[test]
fn every_target_has_its_libfuzzer_binary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    for (name, _) in TARGETS {
        let source = fs::read_to_string(folder.join(format!("targets/{name}.rs")));
        let source = source.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(source.contains(&format!("fuzz::{name}(bytes)")), "{name}");
        assert!(
            manifest.contains(&format!("path = \"targets/{name}.rs\"")),
            "{name}"
        );
    }
}

#[test]
fn the_seed_of_the_sites_is_a_site_that_is_taken() {
    let [seed] = &*corpus("site") else {
        panic!("one seed");
    };
    let raw: ipc::site::Site = serde_json::from_slice(seed).expect("JSON of a site");
    config::Site::parse(&raw).expect("without faults");
}
