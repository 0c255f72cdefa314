//! `cargo qemu test`: everything a change must pass, and one closing line.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use image::cargo::{PROFILE_VARIABLE, Profile};
use image::progress;

use crate::process::{Process, ProcessError, command};

/// What a step or the whole suite came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Tests that passed.
    pub passed: usize,
    /// What failed, by name.
    pub failed: Vec<String>,
    /// What was left out, with the reason.
    pub skipped: BTreeSet<String>,
}

/// A step of the suite.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    /// Counts its own tests as libtest does; a step that does not is one test.
    has_tests: bool,
}

/// Cheapest first, so that a mistake is known soon.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        arguments: &["fmt", "--all", "--check"],
        has_tests: false,
    },
    Step {
        name: "lints",
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ],
        has_tests: false,
    },
    Step {
        name: "tidy",
        arguments: &["test", "--locked", "--package", "tidy", "--no-fail-fast"],
        has_tests: true,
    },
    Step {
        name: "unit and simulation",
        arguments: &[
            "test",
            "--workspace",
            "--exclude",
            "tidy",
            "--exclude",
            "e2e",
            "--exclude",
            "netns",
            "--exclude",
            "boot",
            "--locked",
            "--no-fail-fast",
        ],
        has_tests: true,
    },
    Step {
        name: "the services among other people's phones and carriers",
        arguments: &["test", "--package", "netns", "--locked", "--no-fail-fast"],
        has_tests: true,
    },
    Step {
        name: "loader and slots in QEMU, under real firmware",
        arguments: &["test", "--package", "boot", "--locked", "--no-fail-fast"],
        has_tests: true,
    },
    Step {
        name: "the box in QEMU",
        arguments: &["test", "--package", "e2e", "--locked", "--no-fail-fast"],
        has_tests: true,
    },
];

/// Runs all steps, whatever fails, and prints the closing line. `true` when nothing failed. Boxes
/// that are booted are built with this profile.
///
/// # Errors
/// cargo cannot be run, or standard output is gone.
pub fn run(profile: Profile) -> Result<bool, Box<dyn std::error::Error>> {
    image::prepare::prepare()?;
    image::prepare::prepare_tests()?;
    let mut all = Counts::default();
    for step in STEPS {
        let what = format!("Testing: {}", step.name);
        all.add(progress::timed(&what, || run_step(step, profile))?);
    }
    let mut output = std::io::stdout();
    for reason in &all.skipped {
        writeln!(output, "skipped: {reason}")?;
    }
    for name in &all.failed {
        writeln!(output, "failed: {name}")?;
    }
    let (passed, failed, skipped) = (all.passed, all.failed.len(), all.skipped.len());
    writeln!(
        output,
        "{passed} passed, {failed} failed, {skipped} skipped"
    )?;
    Ok(all.failed.is_empty())
}

fn run_step(step: &Step, profile: Profile) -> Result<Counts, ProcessError> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut cargo = command(&cargo)?;
    cargo
        .current_dir(image::build::workspace())
        .args(step.arguments);
    cargo.env(PROFILE_VARIABLE, profile.name());
    cargo.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut process = Process::start(cargo)?;
    let mut counts = Counts::default();
    if let Some(output) = process.child().stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The terminal may be gone; the counting goes on.
            let _shown = writeln!(std::io::stdout(), "{line}");
            if step.has_tests {
                counts.read(step.name, &line);
            }
        }
    }
    let succeeded = process.wait()?.success();
    if !step.has_tests && succeeded {
        counts.passed = 1;
    }
    if !succeeded && counts.failed.is_empty() {
        counts.failed.push(step.name.to_owned());
    }
    Ok(counts)
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }

    /// Counts a line of libtest: `test name ... ok`, `... FAILED`, `... ignored, reason`.
    fn read(&mut self, step: &str, line: &str) {
        let Some(line) = line.strip_prefix("test ") else {
            return;
        };
        let Some((name, outcome)) = line.rsplit_once(" ... ") else {
            return;
        };
        match outcome
            .split_once(", ")
            .unwrap_or((outcome, "no reason given"))
        {
            ("ok", _) => self.passed += 1,
            ("FAILED", _) => self.failed.push(format!("{step}: {name}")),
            ("ignored", reason) => {
                self.skipped.insert(format!("{name}: {reason}"));
            }
            _other => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_libtest_are_counted() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test src/lib.rs - c (line 3) ... ok",
            "test d ... FAILED",
            "test e ... ignored, needs a sound card",
            "test f - should panic ... ok",
            "test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured",
        ] {
            counts.read("unit", line);
        }
        assert_eq!(counts.passed, 3);
        assert_eq!(counts.failed, ["unit: d"]);
        assert_eq!(
            counts.skipped,
            BTreeSet::from(["e: needs a sound card".to_owned()])
        );
    }
}
