//! What a service tells PID 1: ready, alive, what it is at.

use std::fs::File;
use std::io::Write as _;

use ipc::install::Report;
use ipc::machine::Answer;
use ipc::provision::News;
use ipc::secure_boot::Verdict;
use ipc::stick::Offer;

use crate::passed;

/// The line to PID 1; silent in a native run, where `NOTIFY_FD` is not set.
#[derive(Debug, Default)]
pub struct Notify {
    pipe: Option<File>,
}

impl Notify {
    /// Takes the pipe that `NOTIFY_FD` names. Call once, before threads start.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            pipe: passed::take_env_fd("NOTIFY_FD").map(File::from),
        }
    }

    /// The service serves.
    pub fn ready(&self) {
        self.line("READY=1");
    }

    /// The main loop turns; owed at least every 5 s.
    pub fn watchdog(&self) {
        self.line("WATCHDOG=1");
    }

    /// What the service is at, for people.
    pub fn status(&self, text: &str) {
        self.line(&format!("STATUS={}", text.replace('\n', " ")));
    }

    /// How the tunnel stands: `up`, `down`, or `unset` when what was before counts no more.
    pub fn tunnel(&self, word: &str) {
        self.line(&format!("TUNNEL={word}"));
    }

    /// What `install-disk` has to tell.
    pub fn install(&self, report: &Report) {
        self.line(&report.to_line());
    }

    /// What `machine-keys` has to tell.
    pub fn machine(&self, answer: &Answer) {
        self.line(&answer.to_line());
    }

    /// What `secure-boot` has to tell.
    pub fn verdict(&self, verdict: Verdict) {
        self.line(&verdict.to_line());
    }

    /// What `provision` has to tell.
    pub fn news(&self, news: &News) {
        self.line(&news.to_line());
    }

    /// An update file that `stick` has found.
    pub fn offer(&self, offer: &Offer) {
        self.line(&offer.to_line());
    }

    fn line(&self, text: &str) {
        if let Some(mut pipe) = self.pipe.as_ref() {
            // PID 1 gone means the box is stopping: nobody is left to tell.
            let _ = pipe.write_all(format!("{text}\n").as_bytes());
        }
    }
}
