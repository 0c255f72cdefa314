//! How the runs of the box ended, kept on its data.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use ipc::init;
use kernel::clock;
use supervise::{Run, Runs};

use super::Supervision;
use crate::replace::replace;

/// The last runs, and the file that keeps them.
pub(super) struct KeptRuns {
    runs: Runs,
    file: PathBuf,
}

impl KeptRuns {
    /// A run begins; it is on the disk when this returns, unless the disk does not take it, which
    /// ends nothing.
    fn begin(folder: &Path, by_watchdog: bool) -> (Self, io::Result<()>) {
        let file = folder.join(FILE);
        let text = fs::read(&file).unwrap_or_default();
        let mut runs = Runs::parse(&String::from_utf8_lossy(&text));
        runs.begin(clock::unix_seconds(), by_watchdog);
        let kept = Self { runs, file };
        let written = kept.write();
        (kept, written)
    }

    /// This run ends in order.
    fn end(&mut self, why: &str) -> io::Result<()> {
        match self.runs.end(why) {
            true => self.write(),
            false => Ok(()),
        }
    }

    fn write(&self) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or_else(|| Path::new("/"));
        if !folder.is_dir() {
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        replace(&self.file, self.runs.to_text().as_bytes())
    }
}

impl Supervision {
    /// Writes down that a run begins, and says how the one before ended; takes what is kept of the
    /// machine. Only where the data are mounted.
    #[must_use]
    pub fn with_runs(mut self) -> Self {
        let by_watchdog = self.watchdogs.have_restarted_the_machine();
        let (kept, written) = KeptRuns::begin(Path::new(FOLDER), by_watchdog);
        if let Some(before) = kept.runs.before() {
            let (name, why) = before.end.parts();
            self.tell(&format!("the run before ended: {name} {why}"));
        }
        if let Err(error) = written {
            self.tell(&format!("how this run ends cannot be kept: {error}"));
        }
        self.runs = Some(kept);
        self.enrolment.recall(Path::new(FOLDER));
        self
    }

    /// Writes down that this run ends in order. Not before who is to stop has been told: the disk
    /// may be what hangs.
    pub(super) fn note_end(&mut self, why: &str) {
        let written = self.runs.as_mut().map(|it| it.end(why));
        if let Some(Err(error)) = written {
            self.tell(&format!("how this run ends cannot be kept: {error}"));
        }
    }

    /// For whoever asks.
    pub(super) fn told_runs(&self) -> Vec<init::Run> {
        let told = |run: &Run| {
            let (end, why) = run.end.parts();
            init::Run {
                began: run.began,
                end: end.to_owned(),
                why,
            }
        };
        let runs = self.runs.iter().flat_map(|it| it.runs.all());
        runs.map(told).collect()
    }
}

/// Where the folder is on a box.
const FOLDER: &str = "/data/init";
const FILE: &str = "runs";

#[cfg(test)]
mod tests {
    use supervise::RunEnd;

    use super::*;

    #[test]
    fn the_next_start_finds_how_this_run_ended() {
        let folder = std::env::temp_dir().join(format!("ramal-runs-{}", std::process::id()));
        let begin = |by_watchdog| {
            let (kept, written) = KeptRuns::begin(&folder, by_watchdog);
            written.expect("written");
            let before = kept.runs.before().map(|it| it.end.clone());
            (kept, before)
        };
        assert_eq!(begin(true).1, None, "a new box");
        let (mut kept, before) = begin(false);
        assert_eq!(before, Some(RunEnd::Unexpected));
        kept.end("the power button was pressed").expect("written");
        let why = RunEnd::Ordered("the power button was pressed".into());
        assert_eq!(begin(false).1, Some(why));
        assert_eq!(begin(true).1, Some(RunEnd::Watchdog));
        fs::write(folder.join(FILE), [0xff; 40]).expect("damaged");
        assert_eq!(begin(false).1, None);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
