//! How the runs of the box ended, kept on its data.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ipc::init;
use kernel::clock;
use supervise::{Report, Run, RunEnd, Runs};

use super::Supervision;

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

    /// What is to be said of the end of this run.
    fn end(&mut self, end: RunEnd) -> io::Result<()> {
        self.runs.end(end);
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or_else(|| Path::new("/"));
        if !folder.is_dir() {
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        let beside = self.file.with_extension("new");
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut new = options.open(&beside)?;
        new.write_all(self.runs.to_text().as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, &self.file)?;
        File::open(folder)?.sync_all()
    }
}

impl Supervision {
    /// Writes down that a run begins, and says how the one before ended. Only where the data are
    /// mounted.
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
        self
    }

    /// Writes down how this run is about to end.
    pub(super) fn note_end(&mut self, end: RunEnd) {
        let written = self.runs.as_mut().map(|it| it.end(end));
        if let Some(Err(error)) = written {
            self.tell(&format!("how this run ends cannot be kept: {error}"));
        }
    }

    /// A critical service that cannot be ended is about to end the run, by the watchdog, unless it
    /// ends after all. Nothing is written where it is the disk that hangs: PID 1 would wait too.
    pub(super) fn note_hang(&mut self, report: &Report) {
        let last = self.runs.as_ref().and_then(|it| it.runs.all().last());
        let Some(end) = last.map(|it| &it.end) else {
            return;
        };
        match (report, end) {
            (Report::Unkillable(service), RunEnd::Running)
                if service.is_critical() && !service.writes_to_disk() =>
            {
                self.note_end(RunEnd::Hanging(service.name().to_owned()));
            }
            (
                Report::Restarting(service, ..) | Report::GivenUp(service, _),
                RunEnd::Hanging(name),
            ) if service.name() == name => self.note_end(RunEnd::Running),
            _ => {}
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
        let why = RunEnd::Ordered("the power button was pressed".into());
        kept.end(why.clone()).expect("written");
        assert_eq!(begin(false).1, Some(why));
        assert_eq!(begin(true).1, Some(RunEnd::Watchdog(String::new())));
        fs::write(folder.join(FILE), [0xff; 40]).expect("damaged");
        assert_eq!(begin(false).1, None);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
