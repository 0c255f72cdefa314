//! Which seeds a test runs, and how a person runs one of them again.

use std::ops::Range;

/// Asks for seeds by hand: `1000..2000`, or a single one.
const VARIABLE: &str = "RAMAL_SIM_SEEDS";

/// The seeds somebody asks for by hand, else these.
///
/// # Panics
/// What was asked for is not seeds.
#[must_use]
pub fn seeds(otherwise: Range<u64>) -> Range<u64> {
    let Ok(wanted) = std::env::var(VARIABLE) else {
        return otherwise;
    };
    let number = |text: &str| {
        let number = text.trim().parse::<u64>();
        number.unwrap_or_else(|_| panic!("{VARIABLE} is {wanted:?}; write 1000..2000, or 42"))
    };
    match wanted.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&wanted)..number(&wanted).saturating_add(1),
    }
}

/// The command that runs this seed of a test again; `file` is the test's, without its ending.
#[must_use]
pub fn again(seed: u64, file: &str, test: &str) -> String {
    format!("again: {VARIABLE}={seed} cargo test -p sim --test {file} {test}")
}
