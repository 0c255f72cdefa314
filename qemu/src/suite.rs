//! `cargo qemu test`: everything a change must pass, and one closing line.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread::JoinHandle;

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
    /// It leaves a processor free most of the time: the image of the steps after it is built
    /// meanwhile.
    builds_image: bool,
}

/// Cheapest first, so that a mistake is known soon.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        arguments: &["fmt", "--all", "--check"],
        has_tests: false,
        builds_image: false,
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
        builds_image: false,
    },
    Step {
        name: "tidy",
        arguments: &["test", "--locked", "--package", "tidy", "--no-fail-fast"],
        has_tests: true,
        builds_image: false,
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
        builds_image: false,
    },
    Step {
        name: "the services among other people's phones and carriers",
        // All but `plays`: the last step plays the same against the built image.
        arguments: &[
            "test",
            "--package",
            "netns",
            "--lib",
            "--test",
            "connections",
            "--test",
            "recording",
            "--test",
            "timers",
            "--locked",
            "--no-fail-fast",
        ],
        has_tests: true,
        builds_image: false,
    },
    Step {
        name: "what the built image is not asked for, as it takes half a minute each",
        arguments: &[
            "test",
            "--package",
            "netns",
            "--test",
            "plays",
            "--locked",
            "--no-fail-fast",
            "--",
            "--test-threads",
            "8",
            "patience::",
        ],
        has_tests: true,
        builds_image: false,
    },
    Step {
        name: "loader and slots in QEMU, under real firmware",
        arguments: &["test", "--package", "boot", "--locked", "--no-fail-fast"],
        has_tests: true,
        builds_image: true,
    },
    Step {
        name: "the box in QEMU",
        // A test that waits for a box, or for its turn, holds a thread and no processor. All of a
        // file are there from the beginning, so that who has to wait for long can go first.
        arguments: &[
            "test",
            "--package",
            "e2e",
            "--locked",
            "--no-fail-fast",
            "--",
            "--test-threads",
            "16",
        ],
        has_tests: true,
        builds_image: false,
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
        let image = step.builds_image.then(|| build_image(profile));
        all.add(progress::timed(&what, || run_step(step, profile))?);
        if let Some(Err(error)) = image.map(join) {
            all.failed.push(format!("the image: {error}"));
        }
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

/// Builds the image that the box's tests boot, while other tests run; they find it built then.
fn build_image(profile: Profile) -> JoinHandle<Result<(), String>> {
    std::thread::spawn(move || {
        let built = crate::lab::build(profile);
        built.map(drop).map_err(|error| error.to_string())
    })
}

fn join(image: JoinHandle<Result<(), String>>) -> Result<(), String> {
    image
        .join()
        .unwrap_or_else(|_panic| Err("building it panicked".to_owned()))
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
    let did_nothing = counts == Counts::default();
    if (!succeeded && counts.failed.is_empty()) || did_nothing {
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
