//! `cargo qemu test`: everything a change must pass, and one closing line.

mod counts;
mod jobs;
mod lanes;
mod programs;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use image::cargo::{PROFILE_VARIABLE, Profile};
use image::progress;

use crate::process::{Process, ProcessError, command};
use counts::Counts;
use lanes::Surroundings;

/// A step that cargo plays by itself.
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
        name: TIDY,
        arguments: &["test", "--locked", "--package", TIDY, "--no-fail-fast"],
        has_tests: true,
    },
];

/// Where tests are told which `ramal` to play with, instead of building one each.
pub const RAMAL_VARIABLE: &str = "RAMAL_PROGRAM";

/// The house rules, which are known before anything else is compiled.
const TIDY: &str = "tidy";

/// Runs all steps and all tests, whatever fails, and prints the closing line. `true` when nothing
/// failed. Boxes that are booted are built with this profile.
///
/// # Errors
/// cargo cannot be run, or standard output is gone.
pub fn run(profile: Profile) -> Result<bool, Box<dyn std::error::Error>> {
    image::prepare::prepare()?;
    image::prepare::prepare_tests()?;
    let mut all = Counts::default();
    for step in STEPS {
        let what = format!("Testing: {}", step.name);
        all.add(progress::timed(&what, || run_step(step))?);
    }
    let compiled = progress::timed("Compiling all tests", || programs::compile(&[TIDY]))?;
    if !compiled.is_whole {
        all.failed.push("tests that do not compile".to_owned());
    }
    let mut variables = vec![(PROFILE_VARIABLE, profile.name().into())];
    variables.extend(compiled.ramal.map(|path| (RAMAL_VARIABLE, path)));
    let surroundings = Surroundings {
        variables,
        images: (
            image::build::IMAGES_VARIABLE,
            image::build::target_folder().join("box/lanes"),
        ),
    };
    let jobs = jobs::jobs(compiled.tests);
    all.add(lanes::play(jobs, &surroundings, || build_image(profile)));
    tell(&all)?;
    Ok(all.failed.is_empty())
}

fn tell(all: &Counts) -> std::io::Result<()> {
    let mut output = std::io::stdout();
    for line in &all.said {
        writeln!(output, "{line}")?;
    }
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
    )
}

/// Compiles what the box's tests boot, while other tests run; they find it compiled then.
fn build_image(profile: Profile) -> Result<(), String> {
    let built = crate::lab::build(profile);
    built.map(drop).map_err(|error| error.to_string())
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn run_step(step: &Step) -> Result<Counts, ProcessError> {
    let mut cargo = command(&cargo())?;
    cargo
        .current_dir(image::build::workspace())
        .args(step.arguments);
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
    counts.close(step.name, succeeded, true);
    Ok(counts)
}
