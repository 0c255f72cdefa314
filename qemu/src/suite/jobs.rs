//! Which programs of tests are played how, and in which order.

use std::path::Path;

use super::programs::Program;

/// A program of tests, and what it needs of the machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Job {
    /// What is printed before each of its lines.
    pub(super) label: String,
    /// What is run.
    pub(super) program: Program,
    /// What libtest is told.
    pub(super) arguments: &'static [&'static str],
    /// How much it minds company.
    pub(super) pace: Pace,
    /// It boots the box, so it waits for its image.
    pub(super) needs_image: bool,
    /// It is wrong when it has no test: a filter that finds nothing any more.
    pub(super) has_tests: bool,
}

/// How much a program minds what else runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// Phones, sound and timers of protocols: never two of them, and the processor is theirs first.
    Timely,
    /// It waits for what happens, however long that takes.
    Patient,
}

/// All programs as jobs, in the order in which they are to begin: those without a box are ready
/// first, and what takes long begins before what does not, so that nothing long is left for the
/// end.
pub(super) fn jobs(programs: Vec<Program>) -> Vec<Job> {
    let mut jobs: Vec<Job> = programs.into_iter().map(job).collect();
    jobs.sort_by_key(|job| (job.needs_image, place(&job.program)));
    jobs
}

fn job(program: Program) -> Job {
    let package = program.package.as_path();
    let (arguments, pace): (&[&str], Pace) = match (package.to_str(), program.name.as_str()) {
        // The office of `e2e` plays the same against the built image, but for what takes half a
        // minute each.
        (Some(NETNS), "plays") => (&["--test-threads", "8", "patience::"], Pace::Timely),
        (Some(NETNS), _) => (&[], Pace::Timely),
        (Some(E2E), name) if WITH_PHONES.contains(&name) => (ALL_AT_ONCE, Pace::Timely),
        (Some(E2E), _) => (ALL_AT_ONCE, Pace::Patient),
        _ => (&[], Pace::Patient),
    };
    Job {
        label: label(package, &program.name),
        needs_image: package == Path::new(E2E),
        has_tests: program.is_test_file,
        program,
        arguments,
        pace,
    }
}

/// `e2e/office`, and for the unit tests of a crate its name alone.
fn label(package: &Path, name: &str) -> String {
    let folder = package.file_name().unwrap_or_default().to_string_lossy();
    match folder == name {
        true => name.to_owned(),
        false => format!("{folder}/{name}"),
    }
}

/// Where it is among those that take long; after them all when it does not.
fn place(program: &Program) -> usize {
    LONG.iter()
        .position(|(package, name)| program.package == Path::new(package) && program.name == *name)
        .unwrap_or(LONG.len())
}

const E2E: &str = "tests/e2e";
const NETNS: &str = "tests/netns";
const BOOT: &str = "tests/boot";

/// A test that waits for a box, or for its turn, holds a thread and no processor. All of a file are
/// there from the beginning, so that who has to wait for long can go first.
const ALL_AT_ONCE: &[&str] = &["--test-threads", "16"];

/// Files of `e2e` in which phones call each other.
const WITH_PHONES: &[&str] = &[
    "backup",
    "bad_input",
    "first_call",
    "full_disk",
    "office",
    "second_box",
    "supervision",
    "telephony",
];

/// What takes more than a minute and a half, longest first.
const LONG: &[(&str, &str)] = &[
    (E2E, "firmware"),
    (E2E, "secure_boot"),
    (E2E, "office"),
    (E2E, "web_tools"),
    (E2E, "backup"),
    (E2E, "power"),
    (E2E, "installer"),
    (BOOT, "slots"),
    (E2E, "provisioning"),
    (E2E, "supervision"),
    (E2E, "hardware"),
    (E2E, "network_menu"),
    (NETNS, "connections"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn program(package: &str, name: &str) -> Program {
        Program {
            package: package.into(),
            name: name.into(),
            is_test_file: package.starts_with("tests"),
            path: "/t".into(),
        }
    }

    #[test]
    fn what_needs_no_image_is_first_and_then_what_takes_longest() {
        let jobs = jobs(vec![
            program(E2E, "status_page"),
            program(E2E, "office"),
            program(E2E, "firmware"),
            program("services/runtime/store", "store"),
            program(BOOT, "slots"),
        ]);
        let labels: Vec<_> = jobs.iter().map(|job| job.label.as_str()).collect();
        let expected = [
            "boot/slots",
            "store",
            "e2e/firmware",
            "e2e/office",
            "e2e/status_page",
        ];
        assert_eq!(labels, expected);
    }

    #[test]
    fn phones_are_timely_and_boxes_that_only_start_are_patient() {
        let of = |package, name| job(program(package, name));
        assert_eq!(of(E2E, "telephony").pace, Pace::Timely);
        assert_eq!(of(NETNS, "recording").pace, Pace::Timely);
        assert_eq!(of(E2E, "power").pace, Pace::Patient);
        assert_eq!(of("services/proto/sip", "sip").pace, Pace::Patient);
        assert_eq!(of(NETNS, "plays").arguments.last(), Some(&"patience::"));
        assert!(of(E2E, "power").needs_image && !of(BOOT, "slots").needs_image);
    }

    #[test]
    fn every_name_here_is_that_of_a_file_with_tests() {
        let named = WITH_PHONES.iter().map(|name| (E2E, *name));
        for (package, name) in named.chain(LONG.iter().copied()) {
            let tests = image::build::workspace().join(package).join("tests");
            let is_there = tests.join(format!("{name}.rs")).is_file()
                || tests.join(name).join("main.rs").is_file();
            assert!(is_there, "{package}: {name}");
        }
    }
}
