//! `install-disk`: what it tells PID 1 while it makes a box of another disk, a line each.

/// How far it is, or how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// So many bytes of a phase are done.
    At {
        /// The phase.
        phase: Phase,
        /// Bytes that are done.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The disk is a box with this version.
    Made(String),
    /// It is none. Details are in the log.
    Failed(Failure),
}

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The firmware that runs is judged.
    Check,
    /// The disk is written.
    Write,
    /// The disk is read back.
    Verify,
}

/// Why there is no box on the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The running version has not proved good.
    NotSound,
    /// The running version is damaged on its disk, or cannot be read.
    Damaged,
    /// The disk is too small.
    TooSmall,
    /// The disk does not take what is written.
    DiskFails,
    /// The disk gives other bytes than were written.
    DiskLies,
    /// Something else; the log says what.
    Other,
}

impl Failure {
    /// The one word that it has for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        named(&FAILURES, self).0
    }
}

impl Report {
    /// As it is written to the pipe, without the end of the line.
    #[must_use]
    pub fn to_line(&self) -> String {
        match self {
            Self::At { phase, done, total } => {
                let (word, _) = named(&PHASES, *phase);
                format!("{AT}{word} {done} {total}")
            }
            Self::Made(version) => format!("{MADE}{}", version.replace(['\n', '\r'], " ")),
            Self::Failed(failure) => format!("{FAILED}{}", failure.word()),
        }
    }

    /// The same read again; `None` for anything else.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix(AT) {
            let mut words = rest.split(' ');
            let phase = of_word(&PHASES, words.next()?)?;
            let (done, total) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            return Some(Self::At { phase, done, total });
        }
        let made = line.strip_prefix(MADE).map(str::to_owned).map(Self::Made);
        let failed = line.strip_prefix(FAILED);
        made.or_else(|| Some(Self::Failed(of_word(&FAILURES, failed?)?)))
    }
}

fn named<T: Copy + PartialEq, const N: usize>(
    words: &[(&'static str, T); N],
    wanted: T,
) -> (&'static str, T) {
    let found = words.iter().find(|(_, it)| *it == wanted).copied();
    found.unwrap_or(("", wanted))
}

fn of_word<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    let found = words.iter().find(|(name, _)| *name == word);
    found.map(|(_, it)| *it)
}

const PHASES: [(&str, Phase); 3] = [
    ("check", Phase::Check),
    ("write", Phase::Write),
    ("verify", Phase::Verify),
];
const FAILURES: [(&str, Failure); 6] = [
    ("not-sound", Failure::NotSound),
    ("damaged", Failure::Damaged),
    ("too-small", Failure::TooSmall),
    ("disk-fails", Failure::DiskFails),
    ("disk-lies", Failure::DiskLies),
    ("other", Failure::Other),
];
const AT: &str = "AT=";
const MADE: &str = "MADE=";
const FAILED: &str = "FAILED=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_told() {
        let at = PHASES.map(|(_, phase)| Report::At {
            phase,
            done: 7,
            total: u64::MAX,
        });
        let failed = FAILURES.map(|(_, failure)| Report::Failed(failure));
        let made = Report::Made("1.4.2".into());
        for report in at.into_iter().chain(failed).chain([made]) {
            assert_eq!(Report::from_line(&report.to_line()), Some(report));
        }
        for line in ["", "AT=write 1", "AT=dream 1 2", "FAILED=", "READY=1"] {
            assert_eq!(Report::from_line(line), None, "{line}");
        }
    }
}
