//! Memory sticks that are put into the running box: `ramal stick` looks for update files and
//! backups on one and reads from them, for whoever is allowed to install or restore one.
//!
//! PID 1 never looks into a stick itself, as what a stranger's file system holds may make a library
//! panic, and does not even open it, as a stick that does not answer would make it wait. It starts
//! the process with the stick open for reading, and hears what is on it. Nothing is installed
//! because a stick is there: an administrator asks `web`, or a person at the box its menu.
//! One stick is read at a time: one without update files gives way to the next at once, and one
//! with them when it is taken out.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::Duration;

use disks::Machine;
use ipc::init::StickFile;
use ipc::stick::{OFFERS_MAX, Offer};
use kernel::cgroup::Group;
use kernel::hotplug::Hotplug;
use kernel::process::{self, End, Stop};
use kernel::spawn::Opened;
use kernel::{SystemError, network};
use sansio::Instant;

use super::child::Pipe;
use super::helper::{self, Started, Task};
use super::install::holds;
use super::{Settings, Source, Supervision};
use crate::services;

/// The sticks in the box.
#[derive(Default)]
pub(super) struct Sticks {
    /// Whether they are looked for at all.
    is_wanted: bool,
    reading: Option<Reading>,
    /// Those that were read, or are being read, as long as they are there.
    seen: BTreeSet<Key>,
    pace: Pace,
    /// When a stick is to be looked for that had to wait.
    look_at: Option<Instant>,
}

/// How often such a process is started: a device that says of itself again and again that it is
/// another one must not keep the box busy.
#[derive(Default)]
struct Pace {
    last: Option<Instant>,
    pause: Duration,
}

impl Pace {
    /// Begins one.
    ///
    /// # Errors
    /// It is too early; when it is not.
    fn begin(&mut self, now: Instant) -> Result<(), Instant> {
        let next = self.last.map_or(now, |last| last + self.pause);
        if now < next {
            return Err(next);
        }
        let is_quiet = self.last.is_none_or(|_| now >= next + self.pause);
        self.pause = match is_quiet {
            true => PAUSE,
            false => (self.pause * 2).min(PAUSE_MAX),
        };
        self.last = Some(now);
        Ok(())
    }
}

/// The process that reads one.
struct Reading {
    pid: u32,
    group: Option<Group>,
    stick: Key,
    files: Vec<StickFile>,
    backups: Vec<StickFile>,
    /// It was told to end.
    is_stopped: bool,
}

impl Reading {
    fn stop(&mut self) {
        self.is_stopped = true;
        // It may have ended this moment.
        let _ = process::stop(self.pid, Stop::Kill);
    }
}

/// A stick as long as it is in the box: its name, which the next one may have too, and its number
/// in the order of their coming.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    name: String,
    sequence: String,
}

impl Sticks {
    /// The update files on the one that is read.
    pub(super) fn files(&self) -> &[StickFile] {
        self.reading.as_ref().map_or(&[], |it| &it.files)
    }

    /// The same and the backups.
    pub(super) fn all(&self) -> Vec<StickFile> {
        let reading = self.reading.iter();
        let all = reading.flat_map(|it| it.files.iter().chain(&it.backups));
        all.cloned().collect()
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.look_at
    }
}

impl Supervision {
    /// The services are up: looks for sticks from here on, where there is a slot to install into.
    pub(super) fn begin_sticks(&mut self) {
        let has_slots = self.boot.firmware.is_some();
        if self.sticks.is_wanted || !has_slots || !self.settings.is_confined {
            return;
        }
        self.sticks.is_wanted = true;
        match Hotplug::listen() {
            Ok(hotplug) => self.add(Source::Hotplug(hotplug)),
            Err(error) => self.tell(&error.to_string()),
        }
        self.look_for_sticks();
    }

    pub(super) fn hear_hotplug(&mut self, hotplug: &mut Hotplug) {
        if hotplug.disks_changed() {
            self.look_for_sticks();
        }
    }

    /// The time has come for one that had to wait.
    pub(super) fn watch_sticks(&mut self) {
        if self.sticks.look_at.is_some_and(|at| at <= self.now()) {
            self.look_for_sticks();
        }
    }

    fn look_for_sticks(&mut self) {
        self.sticks.look_at = None;
        if !self.sticks.is_wanted {
            return;
        }
        let there = self.sticks_there();
        self.sticks.seen.retain(|seen| there.contains(seen));
        if let Some(reading) = &mut self.sticks.reading {
            if !there.contains(&reading.stick) {
                reading.files.clear();
                reading.backups.clear();
                reading.stop();
            }
            return;
        }
        let is_new = |stick: &Key| !self.sticks.seen.contains(stick);
        let Some(stick) = there.into_iter().find(is_new) else {
            return;
        };
        if let Err(next) = self.sticks.pace.begin(self.now()) {
            self.sticks.look_at = Some(next);
            return;
        }
        self.sticks.seen.insert(stick.clone());
        match start(&self.settings, &stick.name) {
            Ok(started) => {
                let pid = started.pid;
                self.add(Source::StickOutput(pid, started.output));
                self.add(Source::StickOffers(pid, started.reports));
                self.sticks.reading = Some(Reading {
                    pid,
                    group: started.group,
                    stick,
                    files: Vec::new(),
                    backups: Vec::new(),
                    is_stopped: false,
                });
            }
            Err(error) => {
                self.tell(&error.to_string());
                // There may be another one.
                self.sticks.look_at = Some(self.now() + PAUSE);
            }
        }
    }

    /// Nothing is read from them here. The disk the box runs from may be a stick too.
    fn sticks_there(&self) -> Vec<Key> {
        let Some(firmware) = &self.boot.firmware else {
            return Vec::new();
        };
        let disks = Machine::default().disks().into_iter();
        let sticks =
            disks.filter(|it| (it.bus == "usb" || it.is_removable) && !holds(it, firmware));
        let key = |name: String| {
            let place = Path::new("/sys/block").join(&name).join("diskseq");
            let sequence = fs::read_to_string(place).unwrap_or_default();
            Key { name, sequence }
        };
        sticks.map(|it| key(it.name)).collect()
    }

    pub(super) fn hear_stick_output(&mut self, pipe: &mut Pipe) -> bool {
        self.hear_helper(NAME, pipe)
    }

    /// What the process `pid` says. Of one whose stick was taken out, nothing counts: another
    /// stick may be read by now, and is not to be offered with its files.
    pub(super) fn hear_stick_offers(&mut self, pid: u32, pipe: &mut Pipe) -> bool {
        let heard = pipe.hear();
        let offers = heard.lines.iter();
        for offer in offers.filter_map(|line| Offer::from_line(line)) {
            let reading = self.sticks.reading.as_mut();
            let Some(reading) = reading.filter(|it| it.pid == pid && !it.is_stopped) else {
                break;
            };
            let disk = reading.stick.name.clone();
            let (kind, known) = match offer.is_backup() {
                true => ("a backup", &mut reading.backups),
                false => ("an update file", &mut reading.files),
            };
            if known.len() < OFFERS_MAX {
                self.log.push(
                    "init",
                    crate::boot::millis_since_boot(),
                    &format!("{kind} is on the memory stick {disk}: {}", offer.file),
                );
                known.push(StickFile { disk, offer });
            }
        }
        !heard.ended
    }

    /// A child has ended; whether it was this one.
    pub(super) fn stick_ended(&mut self, pid: u32, end: End) -> bool {
        let Some(reading) = self.sticks.reading.take_if(|it| it.pid == pid) else {
            return false;
        };
        // Nothing it may have left behind keeps the stick open.
        let cleared = reading.group.as_ref().map(Group::kill_all);
        if let Some(Err(error)) = cleared {
            self.tell(&error.to_string());
        }
        // Where nobody listens, nobody is to wait for an answer.
        let _ = fs::remove_file(self.settings.run_dir.join(SOCKET));
        let stick = &reading.stick.name;
        match end {
            End::Code(0) => {}
            End::Code(_) | End::Signal(_) if reading.is_stopped => {}
            End::Signal(9) => self.tell(&format!(
                "the memory stick {stick} cannot be read: that takes more memory than it may"
            )),
            End::Code(_) | End::Signal(_) => {
                self.tell(&format!("the memory stick {stick} cannot be read: {end:?}"));
            }
        }
        self.look_for_sticks();
        true
    }

    /// The box ends.
    pub(super) fn leave_sticks(&mut self) {
        self.sticks.is_wanted = false;
        if let Some(reading) = &mut self.sticks.reading {
            reading.stop();
        }
    }
}

fn start(settings: &Settings, stick: &str) -> Result<Started, SystemError> {
    let listener = network::unix_listener(&settings.run_dir.join(SOCKET))?;
    let device = format!("/dev/{stick}");
    helper::start(
        settings,
        &Task {
            name: NAME,
            arguments: &[],
            passed: &[("ipc", listener.as_fd())],
            opened: Some(("stick", Opened::File(&device))),
            identity: services::STICK_IDENTITY,
            memory_max: services::STICK_MEMORY_MAX,
        },
    )
}

/// Of the sub-command, of its lines in the log and of its control group.
const NAME: &str = "stick";

/// Where it answers while it runs.
const SOCKET: &str = "stick.sock";

/// Between the starts of two processes, and when there is no end of them.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_comes_again_and_again_is_looked_at_less_and_less() {
        let mut pace = Pace::default();
        let mut now = Instant::ORIGIN;
        let mut waited = Vec::new();
        for _ in 0..9 {
            let begun = now;
            while let Err(next) = pace.begin(now) {
                now = next;
            }
            waited.push((now - begun).as_secs());
        }
        assert_eq!(waited, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        now = now + PAUSE_MAX * 2;
        assert_eq!(pace.begin(now), Ok(()));
        assert_eq!(pace.begin(now), Err(now + PAUSE), "it was quiet for long");
    }
}
