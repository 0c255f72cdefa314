//! The errand of the provisioning file: `ramal provision`, started once the store is ready where
//! the partition has the folder of such a file. Hardly any has: the folder is made with the file.
//!
//! It is no service: it ends when it has done its errand, and the box is whole without it. PID 1
//! looks into the file never itself, as what an installer's disk holds may make a library panic,
//! which would be the end of the box. It passes the partition, hears what became of the file, and
//! ends the process when that takes too long.

use std::fs::File;
use std::os::fd::AsFd as _;

use config::PROVISION_PATH;
use firmware::may_have_folder;
use ipc::init::Presence as Said;
use ipc::provision::News;
use kernel::cgroup::Group;
use kernel::process::{self, End, Stop};
use kernel::{Context as _, SystemError};
use sansio::Instant;
use supervise::{Input, Service, Signal};

use super::child::Pipe;
use super::helper::{self, Started, Task};
use super::{Settings, Source, Supervision};
use crate::services;

/// How far it is, and what people have to know of it.
#[derive(Default)]
pub(super) struct Errand {
    state: State,
    /// Why the file was refused.
    refusal: Option<String>,
}

#[derive(Default)]
enum State {
    /// It has not been done yet, or not to its end.
    #[default]
    Due,
    Running(Running),
    /// There is nothing to do until the next start.
    Done,
}

struct Running {
    pid: u32,
    group: Option<Group>,
    /// When it is killed.
    deadline: Option<Instant>,
    /// Whether it is to be done again.
    has_failed: bool,
}

impl Errand {
    /// Why the file was refused, for whoever asks for the state of the box.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.clone()
    }

    /// When it has to be ended.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Running(running) => running.deadline,
            State::Due | State::Done => None,
        }
    }

    const fn running(&mut self) -> Option<&mut Running> {
        match &mut self.state {
            State::Running(running) => Some(running),
            State::Due | State::Done => None,
        }
    }
}

impl Supervision {
    /// The store is ready: does the errand, unless it is done.
    pub(super) fn begin_errand(&mut self) {
        let State::Due = self.errand.state else {
            return;
        };
        // Stage-1 found it: on a first start the disk has another name by now than the loader gave.
        let firmware = self.boot.firmware.as_ref();
        let Some(esp) = firmware.and_then(|it| it.esp.clone()) else {
            return;
        };
        let partition = File::options().read(true).write(true).open(&esp);
        if partition.as_ref().is_ok_and(has_no_folder) {
            self.errand.state = State::Done;
            return;
        }
        let partition = partition.context("open", esp.display());
        match partition.and_then(|it| start(&self.settings, &it)) {
            Ok(started) => {
                let pid = started.pid;
                self.add(Source::ErrandOutput(pid, started.output));
                self.add(Source::ErrandNews(pid, started.reports));
                self.errand.state = State::Running(Running {
                    pid,
                    group: started.group,
                    deadline: Some(self.now() + self.settings.errand_time_max),
                    has_failed: false,
                });
            }
            Err(error) => self.tell(&format!("provision.toml was not looked for: {error}")),
        }
    }

    pub(super) fn hear_errand_output(&mut self, pipe: &mut Pipe) -> bool {
        self.hear_helper(NAME, pipe)
    }

    pub(super) fn hear_errand_news(&mut self, pipe: &mut Pipe) -> bool {
        let heard = pipe.hear();
        for news in heard.lines.iter().filter_map(|line| News::from_line(line)) {
            self.take_errand_news(news);
        }
        !heard.ended
    }

    fn take_errand_news(&mut self, news: News) {
        match news {
            News::Applied => {
                self.tell("provision.toml applied");
                // They take their part from the store as they start.
                for service in [Service::Net, Service::Pbx, Service::Web] {
                    self.feed(Input::RestartRequested(service, Signal::Terminate));
                }
            }
            News::Wiped => self.tell("provision.toml wiped"),
            News::Refused(reasons) => {
                let text = format!("provision.toml refused, nothing was changed: {reasons}");
                self.tell(&text);
                self.presence.take(Said::Notice(text));
                self.errand.refusal = Some(reasons);
            }
            News::Failed(reason) => {
                self.tell(&format!(
                    "provision.toml could not be worked off; it is tried again at the next start: \
                     {reason}"
                ));
                if let Some(running) = self.errand.running() {
                    running.has_failed = true;
                }
            }
        }
    }

    /// Ends it when it takes too long. It is not waited for.
    pub(super) fn limit_errand(&mut self) {
        let now = self.now();
        let running = self.errand.running();
        let late = running.filter(|it| it.deadline.is_some_and(|at| at <= now));
        let Some(running) = late else { return };
        running.deadline = None;
        let killed = process::stop(running.pid, Stop::Kill);
        let seconds = self.settings.errand_time_max.as_secs();
        self.tell(&format!("provision.toml took longer than {seconds} s"));
        if let Err(error) = killed {
            self.tell(&error.to_string());
        }
    }

    /// A child has ended; whether it was this one.
    pub(super) fn errand_ended(&mut self, pid: u32, end: End) -> bool {
        let State::Running(running) = &self.errand.state else {
            return false;
        };
        if running.pid != pid {
            return false;
        }
        // Nothing it may have left behind keeps the partition open.
        let cleared = running.group.as_ref().map(Group::kill_all);
        self.errand.state = match end {
            End::Code(0) if !running.has_failed => State::Done,
            End::Code(_) | End::Signal(_) => State::Due,
        };
        if let Some(Err(error)) = cleared {
            self.tell(&error.to_string());
        }
        let how = match end {
            End::Code(0) => return true,
            End::Code(code) => format!("exit code {code}"),
            End::Signal(signal) => format!("signal {signal}"),
        };
        self.tell(&format!(
            "provision.toml could not be worked off ({how}); it is tried again at the next start"
        ));
        true
    }

    /// The box ends: a wipe that is cut short goes on at the next start.
    pub(super) fn leave_errand(&mut self) {
        if let Some(running) = self.errand.running() {
            // It may have ended this moment.
            let _ = process::stop(running.pid, Stop::Kill);
        }
    }
}

/// Whether it is certain that there is nothing to do. A partition that cannot be read is told of by
/// the errand.
fn has_no_folder(partition: &File) -> bool {
    let folder = PROVISION_PATH.split('/').next().unwrap_or_default();
    matches!(may_have_folder(partition, folder), Ok(false))
}

fn start(settings: &Settings, partition: &File) -> Result<Started, SystemError> {
    helper::start(
        settings,
        &Task {
            name: NAME,
            arguments: &[],
            passed: &[("esp", partition.as_fd())],
            opened: None,
            identity: services::ERRAND_IDENTITY,
            memory_max: services::ERRAND_MEMORY_MAX,
        },
    )
}

/// Of the sub-command, of its lines in the log and of its control group.
const NAME: &str = "provision";
