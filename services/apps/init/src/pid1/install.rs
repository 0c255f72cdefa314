//! Installing on another disk: `ramal install-disk`, started when somebody at the box has chosen a
//! disk and said that its content may go.
//!
//! PID 1 only opens what is copied and the disk, which it takes for itself alone, and shows what it
//! hears. The process may reach nothing else, and whatever a disk does hangs it, not the box.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use disks::{Disk, Machine};
use ipc::init::{self, Deed, InstallStage};
use ipc::install::{Failure, Report};
use kernel::cgroup::Group;
use kernel::process::{self, End, Stop};
use kernel::{Context as _, SystemError};
use slot::layout;

use super::child::Pipe;
use super::helper::{self, Started, Task};
use super::{Settings, Source, Supervision};
use crate::boot::Firmware;
use crate::screen::{Candidate, Outcome};
use crate::services;

/// The process, while there is one.
pub(super) struct Installation {
    disk: Disk,
    pid: u32,
    group: Option<Group>,
    is_cancelled: bool,
    /// What it has told of its end; shown once it has ended, as another may begin from then on.
    outcome: Option<Outcome>,
}

/// The disks of the machine besides the one the box runs from. Nothing is read from them.
pub(super) fn candidates(firmware: Option<&Firmware>) -> Vec<Candidate> {
    // Without a slot and its partitions there is nothing to copy.
    let Some(firmware) = firmware.filter(|it| it.esp.is_some()) else {
        return Vec::new();
    };
    let machine = Machine::default();
    let others = machine
        .disks()
        .into_iter()
        .filter(|it| !holds(it, firmware));
    let judge = |disk: Disk| {
        let refusals = machine.refusals(&disk, layout::IMAGE_LENGTH, None);
        let refusal = refusals.into_iter().next();
        Candidate { disk, refusal }
    };
    others.map(judge).collect()
}

/// Whether the box runs from this disk.
pub(super) fn holds(disk: &Disk, firmware: &Firmware) -> bool {
    let own = [&firmware.state, &firmware.device, &firmware.other];
    let device = |name: &str| Path::new("/dev").join(name);
    let mut partitions = disk.partitions.iter().map(|it| device(&it.name));
    partitions.any(|it| own.contains(&&it))
}

impl Supervision {
    /// Begins, unless the disk is no longer the one that was chosen.
    pub(super) fn install_on(&mut self, chosen: &Candidate) {
        let now = self.now();
        self.tell(&format!(
            "asked at the box: install on {}",
            chosen.disk.name
        ));
        self.screen.work_begins(chosen, now);
        self.record(recorded(&chosen.disk, InstallStage::Begun));
        if self.installation.is_some() {
            self.installation_is_over(&chosen.disk, Outcome::Failed(Failure::Other));
            return;
        }
        let firmware = self.boot.firmware.as_ref();
        let is_same = candidates(firmware).iter().any(|it| it == chosen);
        let started = match firmware.filter(|_| is_same) {
            Some(firmware) => start(&self.settings, firmware, &chosen.disk),
            None => {
                let other = std::io::Error::other("it is another one than a moment ago");
                Err(other).context("install on", &chosen.disk.name)
            }
        };
        match started {
            Ok(started) => {
                let pid = started.pid;
                self.add(Source::InstallOutput(pid, started.output));
                self.add(Source::InstallReports(pid, started.reports));
                self.installation = Some(Installation {
                    disk: chosen.disk.clone(),
                    pid,
                    group: started.group,
                    is_cancelled: false,
                    outcome: None,
                });
            }
            Err(error) => {
                self.tell(&error.to_string());
                self.installation_is_over(&chosen.disk, Outcome::Failed(Failure::Other));
            }
        }
    }

    /// Somebody wants it to end: the process is not waited for.
    pub(super) fn cancel_installation(&mut self) {
        if let Some(installation) = &mut self.installation {
            installation.is_cancelled = true;
            // It may have ended this moment.
            let _ = process::stop(installation.pid, Stop::Kill);
        }
    }

    pub(super) fn hear_install_output(&mut self, pipe: &mut Pipe) -> bool {
        self.hear_helper(NAME, pipe)
    }

    pub(super) fn hear_install_reports(&mut self, pipe: &mut Pipe) -> bool {
        let heard = pipe.hear();
        let reports = heard.lines.iter();
        for report in reports.filter_map(|line| Report::from_line(line)) {
            match report {
                Report::At { .. } => {
                    let now = self.now();
                    let lines = self.screen.work_goes_on(report, now);
                    self.write_on_serial(&lines);
                }
                Report::Made(version) => self.keep_outcome(Outcome::Made(version)),
                Report::Failed(failure) => self.keep_outcome(Outcome::Failed(failure)),
            }
        }
        !heard.ended
    }

    fn keep_outcome(&mut self, outcome: Outcome) {
        if let Some(installation) = &mut self.installation {
            installation.outcome.get_or_insert(outcome);
        }
    }

    fn installation_is_over(&mut self, disk: &Disk, outcome: Outcome) {
        let stage = match &outcome {
            Outcome::Made(version) => InstallStage::Made(version.clone()),
            Outcome::Failed(failure) => InstallStage::Failed(failure.word().to_owned()),
            Outcome::Cancelled => InstallStage::Cancelled,
        };
        self.record(recorded(disk, stage));
        self.tell(&match &outcome {
            Outcome::Made(version) => format!("installed: {version}"),
            Outcome::Failed(failure) => format!("not installed: {failure:?}"),
            Outcome::Cancelled => "not installed: cancelled at the box".to_owned(),
        });
        let lines = self.screen.work_ends(outcome);
        self.write_on_serial(&lines);
    }

    /// A child has ended; whether it was this one.
    pub(super) fn installation_ended(&mut self, pid: u32, end: End) -> bool {
        let Some(installation) = self.installation.take_if(|it| it.pid == pid) else {
            return false;
        };
        // Nothing it may have left behind keeps the disk open.
        let cleared = installation.group.as_ref().map(Group::kill_all);
        if let Some(Err(error)) = cleared {
            self.tell(&error.to_string());
        }
        if !self.screen.is_work_open() {
            return true;
        }
        let disk = installation.disk;
        if let Some(outcome) = installation.outcome {
            self.installation_is_over(&disk, outcome);
        } else if installation.is_cancelled {
            self.installation_is_over(&disk, Outcome::Cancelled);
        } else {
            self.tell(&format!("{NAME} ended without a word: {end:?}"));
            self.installation_is_over(&disk, Outcome::Failed(Failure::Other));
        }
        true
    }
}

/// As it stands in the audit trail.
fn recorded(disk: &Disk, stage: InstallStage) -> Deed {
    Deed::Installation(init::Installation {
        disk: disk.name.clone(),
        model: disk.model.clone(),
        serial: disk.serial.clone(),
        bytes: disk.bytes,
        stage,
    })
}

fn start(settings: &Settings, firmware: &Firmware, disk: &Disk) -> Result<Started, SystemError> {
    let open = |path: &Path| File::open(path).context("open", path.display());
    let esp = firmware.esp.as_deref().unwrap_or_else(|| Path::new(""));
    let (esp, slot, state) = (open(esp)?, open(&firmware.device)?, open(&firmware.state)?);
    let path = Path::new("/dev").join(&disk.name);
    let disk = disks::open_exclusively(&path).context("open", path.display())?;
    helper::start(
        settings,
        &Task {
            name: NAME,
            arguments: &["--running", firmware.slot.name()],
            passed: &[
                ("esp", esp.as_fd()),
                ("slot", slot.as_fd()),
                ("boot-state", state.as_fd()),
                ("disk", disk.as_fd()),
            ],
            opened: None,
            identity: services::INSTALL_IDENTITY,
            memory_max: services::INSTALL_MEMORY_MAX,
        },
    )
}

/// Of the sub-command, of its lines in the log and of its control group.
const NAME: &str = "install-disk";

#[cfg(test)]
mod tests {
    use slot::Slot;

    use super::*;

    #[test]
    fn the_disk_the_box_runs_from_is_known_by_its_partitions_whatever_its_name() {
        let root = std::env::temp_dir().join(format!("ramal-holds-{}", std::process::id()));
        for disk in ["sda", "nvme0n1"] {
            let part = if disk == "sda" { "sda3" } else { "nvme0n1p3" };
            let folder = root.join("sys/block").join(disk);
            std::fs::create_dir_all(folder.join(part)).expect("made");
            for (file, text) in [("size", "8388608"), ("removable", "1")] {
                std::fs::write(folder.join(file), text).expect("written");
                std::fs::write(folder.join(part).join(file), text).expect("written");
            }
            std::fs::write(folder.join(part).join("partition"), "3").expect("written");
        }
        let disks = Machine::at(&root).disks();
        std::fs::remove_dir_all(&root).expect("removed");
        let firmware = |device: &str| Firmware {
            slot: Slot::A,
            security: 0,
            state: "/dev/other2".into(),
            device: device.into(),
            other: "/dev/other4".into(),
            esp: Some("/dev/other1".into()),
            key: crate::boot::KeyKept::OnDisk,
        };
        let held = |device: &str| {
            let of = firmware(device);
            let held = disks.iter().filter(|it| holds(it, &of));
            held.map(|it| it.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(held("/dev/sda3"), ["sda"]);
        assert_eq!(held("/dev/nvme0n1p3"), ["nvme0n1"]);
        assert!(held("/dev/sda").is_empty());
        assert!(candidates(None).is_empty());
    }
}
