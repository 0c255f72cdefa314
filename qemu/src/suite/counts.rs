//! What a step or the whole suite came to, read from what libtest prints.

use std::collections::BTreeSet;

/// What a step or the whole suite came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Tests that passed.
    pub passed: usize,
    /// What failed, by name.
    pub failed: Vec<String>,
    /// What was left out, with the reason.
    pub skipped: BTreeSet<String>,
    /// What failed tests said, in the order of their programs: who sees only the end of a long
    /// output sees why.
    pub said: Vec<String>,
    /// The line before was one of what a failed test said.
    pub is_report: bool,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
        self.said.extend(other.said);
    }

    /// At the end of a program or step: what ended badly without naming a test has failed, and so
    /// has what should have had tests and had none.
    pub(super) fn close(&mut self, name: &str, succeeded: bool, has_tests: bool) {
        let did_nothing = has_tests && *self == Self::default();
        if (!succeeded && self.failed.is_empty()) || did_nothing {
            self.failed.push(name.to_owned());
        }
    }

    /// Counts a line of libtest: `test name ... ok`, `... FAILED`, `... ignored, reason`. What a
    /// failed test said comes after them all, from `---- name stdout ----` on to the list of names.
    pub(super) fn read(&mut self, step: &str, line: &str) {
        if line.starts_with("---- ") {
            self.is_report = true;
        } else if line == "failures:" {
            self.is_report = false;
        }
        if self.is_report {
            self.said.push(format!("{step} | {line}"));
        }
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

    #[test]
    fn what_failed_tests_said_is_kept_for_the_end() {
        let mut counts = Counts::default();
        for line in [
            "test a ... ok",
            "test d ... FAILED",
            "failures:",
            "---- d stdout ----",
            "the box did not say \"ready\"",
            "failures:",
            "    d",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured",
        ] {
            counts.read("unit", line);
        }
        let expected = [
            "unit | ---- d stdout ----",
            "unit | the box did not say \"ready\"",
        ];
        assert_eq!(counts.said, expected);
        assert_eq!(counts.failed, ["unit: d"]);
    }
}
