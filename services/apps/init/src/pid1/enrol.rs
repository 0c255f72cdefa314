//! Secure Boot: what the machine says of it, and giving it the box's keys when somebody at the box
//! asks for that.
//!
//! ```text
//!   the services are ready ──> machine-keys asks the machine
//!
//!   asked at the box ──> secure-boot judges what is on the disk ──> machine-keys gives db, KEK, PK
//!                            │ not all of it would be started
//!                            └──> nothing is written, and the reason is said
//! ```
//! Every variable is a call of the machine's firmware, which may never come back from it: nothing
//! here opens one. A process of its own does, and each has a time by which it is done: what hangs
//! in the kernel cannot be ended, but is not waited for.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use ::firmware::{MACHINE_KEYS_FOLDER, has_keys};
use ipc::init::{Deed, EnrolStage, SecureBoot};
use ipc::machine::{Answer, Says};
use ipc::secure_boot::Verdict;
use kernel::disk::Disk;
use kernel::efi::Variables;
use kernel::process::End;
use kernel::spawn::{Identity, Opened, Rights};
use kernel::{Context as _, SystemError};
use sansio::Instant;

use super::child::Pipe;
use super::helper::{self, Limited, Started, Task};
use super::machine_record::{Change, MachineRecord};
use super::{Settings, Source, Supervision};
use crate::boot::Firmware;
use crate::screen::enrol as words;
use crate::services;

/// What is known of it, and the process that is at work on it.
#[derive(Default)]
pub(super) struct Enrolment {
    state: SecureBoot,
    /// Whether the machine was asked since the start.
    is_asked: bool,
    running: Option<Running>,
    record: MachineRecord,
}

struct Running {
    process: Limited,
    work: Work,
}

/// What a process is there for, and its first word.
enum Work {
    /// It asks the machine what it says.
    Asks(Option<Answer>),
    /// It judges what is on the disk.
    Judges(Option<Verdict>),
    /// It gives the machine the keys.
    Gives(Option<Answer>),
}

impl Enrolment {
    /// Whether the machine starts only what is signed.
    pub(super) const fn state(&self) -> SecureBoot {
        self.state
    }

    /// Whether it did so at an earlier start, and no longer does.
    pub(super) fn is_lost(&self) -> bool {
        self.record.is_lost()
    }

    /// Takes what is kept in this folder of the data.
    pub(super) fn recall(&mut self, folder: &Path) {
        self.record = MachineRecord::load(folder);
    }

    /// When the process that is at work has to be done.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.running.as_ref().map(|it| it.process.deadline)
    }
}

impl Supervision {
    /// Asks the machine, once everything else runs.
    pub(super) fn ask_machine(&mut self) {
        if std::mem::replace(&mut self.enrolment.is_asked, true) {
            return;
        }
        if !self.settings.has_variables() {
            return;
        }
        let (may_ask, written) = self.enrolment.record.begin();
        self.tell_unless_kept(written);
        if !may_ask {
            let why = "the last two starts ended while they were asked for; the next asks again";
            self.take_what_it_says(Err(why.to_owned()));
            return;
        }
        match start_keys(&self.settings, false) {
            Ok(Some(started)) => self.work_on_enrolment(KEYS, started, Work::Asks(None)),
            Ok(None) => self.note_state(None),
            Err(error) => {
                self.take_what_it_says(Err(error.to_string()));
                self.note_state(None);
            }
        }
    }

    fn take_what_it_says(&mut self, answer: Result<Answer, String>) {
        let says = match answer {
            Ok(Answer::Says(says)) => Ok(says),
            Ok(Answer::Failed(why)) | Err(why) => Err(why),
            Ok(Answer::Given) => Err("nothing was to be given".to_owned()),
        };
        let state = match says {
            Ok(says) => state_of(says, self.boot.firmware.as_ref()),
            Err(why) => {
                self.tell(&format!(
                    "the variables of the machine's firmware could not be read: {why}"
                ));
                SecureBoot::NotRead
            }
        };
        self.tell(&format!("Secure Boot: {}", state.name()));
        self.enrolment.state = state;
    }

    /// It is asked no more; notes what it has said, and tells of a change.
    fn note_state(&mut self, state: Option<SecureBoot>) {
        let (change, written) = self.enrolment.record.end(state);
        self.tell_unless_kept(written);
        let is_on = match change {
            Some(Change::On) => true,
            Some(Change::Lost) => {
                self.tell("WARNING: Secure Boot was on at an earlier start, and is off");
                false
            }
            None => return,
        };
        self.record(Deed::SecureBoot { is_on });
    }

    fn tell_unless_kept(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.tell(&format!("what the machine says cannot be kept: {error}"));
        }
    }

    /// Somebody at the box wants the machine to start this box alone.
    pub(super) fn enrol(&mut self) {
        self.tell("asked at the box: Secure Boot with the keys of this box");
        self.record(Deed::Enrolment(EnrolStage::Asked));
        if self.enrolment.state != SecureBoot::Offered || self.enrolment.running.is_some() {
            self.enrolment_is_over(words::NOT_NOW);
            return;
        }
        let firmware = self.boot.firmware.as_ref();
        let started = firmware.map(|it| start_judge(&self.settings, it));
        match started.transpose() {
            Ok(Some(started)) => {
                self.say(words::JUDGING);
                self.work_on_enrolment(JUDGE, started, Work::Judges(None));
            }
            Ok(None) => self.enrolment_is_over(words::NOT_NOW),
            Err(error) => self.enrolment_failed(&error.to_string(), words::FAILED),
        }
    }

    fn work_on_enrolment(&mut self, name: &'static str, started: Started, work: Work) {
        let limit = match work {
            Work::Asks(_) | Work::Gives(_) => self.settings.machine_time_max,
            Work::Judges(_) => self.settings.judge_time_max,
        };
        let pid = started.pid;
        self.add(Source::MachineOutput(name, pid, started.output));
        self.add(Source::MachineReports(pid, started.reports));
        let process = Limited {
            pid,
            group: started.group,
            deadline: self.now() + limit,
        };
        self.enrolment.running = Some(Running { process, work });
    }

    /// What the process `pid` says. Only the first word counts.
    pub(super) fn hear_machine_reports(&mut self, pid: u32, pipe: &mut Pipe) -> bool {
        let heard = pipe.hear();
        let lines = heard.lines.iter();
        let running = self.enrolment.running.as_mut();
        // What comes too late counts for nothing.
        if let Some(running) = running.filter(|it| it.process.pid == pid) {
            match &mut running.work {
                Work::Asks(word) | Work::Gives(word) => {
                    let mut answers = lines.filter_map(|it| Answer::from_line(it));
                    *word = word.take().or_else(|| answers.next());
                }
                Work::Judges(word) => {
                    let mut verdicts = lines.filter_map(|it| Verdict::from_line(it));
                    *word = word.take().or_else(|| verdicts.next());
                }
            }
        }
        !heard.ended
    }

    /// A child has ended; whether it was the one at work.
    pub(super) fn machine_work_ended(&mut self, pid: u32, end: End) -> bool {
        let is_it = |it: &mut Running| it.process.pid == pid;
        let Some(running) = self.enrolment.running.take_if(is_it) else {
            return false;
        };
        if let Err(error) = running.process.clear() {
            self.tell(&error.to_string());
        }
        let why = format!("{end:?} without a word");
        match running.work {
            Work::Asks(answer) => {
                self.take_what_it_says(answer.ok_or(why));
                self.note_state(Some(self.enrolment.state));
            }
            Work::Judges(verdict) => self.take_verdict(verdict.ok_or(why)),
            Work::Gives(answer) => self.take_outcome(answer.ok_or(why)),
        }
        true
    }

    /// Gives up a process that takes too long, and goes on.
    pub(super) fn limit_machine_work(&mut self) {
        let now = self.now();
        let is_late = |it: &mut Running| it.process.deadline <= now;
        let Some(running) = self.enrolment.running.take_if(is_late) else {
            return;
        };
        if let Err(error) = running.process.give_up() {
            self.tell(&error.to_string());
        }
        let within = |limit: std::time::Duration| format!("no answer within {} s", limit.as_secs());
        let (machine, judge) = (self.settings.machine_time_max, self.settings.judge_time_max);
        match running.work {
            Work::Asks(_) => {
                self.take_what_it_says(Err(within(machine)));
                self.note_state(None);
            }
            Work::Judges(_) => {
                let why = format!("the signatures on the disk: {}", within(judge));
                self.enrolment_failed(&why, words::JUDGED_TOO_LONG);
            }
            Work::Gives(_) => {
                // It may have some of them, and asking it might hang as well.
                self.enrolment.state = SecureBoot::NotRead;
                let why = format!("the machine's firmware: {}", within(machine));
                self.enrolment_failed(&why, words::NO_ANSWER);
            }
        }
    }

    /// The box ends.
    pub(super) fn leave_machine_work(&mut self) {
        if let Some(running) = self.enrolment.running.take() {
            // It may have ended this moment.
            let _ = running.process.give_up();
            self.note_state(None);
        }
    }

    fn take_verdict(&mut self, verdict: Result<Verdict, String>) {
        match verdict {
            Ok(Verdict::Good) => match start_keys(&self.settings, true) {
                Ok(Some(started)) => self.work_on_enrolment(KEYS, started, Work::Gives(None)),
                Ok(None) => self.enrolment_is_over(words::NOT_NOW),
                Err(error) => self.enrolment_failed(&error.to_string(), words::FAILED),
            },
            Ok(Verdict::Bad(part, reason)) => {
                let (part, reason) = (part.name(), reason.name());
                let why = format!("{part}: {reason}");
                let said = format!("{}: {part}, {reason}", words::REFUSED);
                self.enrolment_failed(&why, &said);
            }
            Ok(Verdict::Unknown) => {
                let why = "the signatures on the disk: it could not be told";
                self.enrolment_failed(why, words::FAILED);
            }
            Err(why) => {
                let why = format!("the signatures on the disk: {why}");
                self.enrolment_failed(&why, words::FAILED);
            }
        }
    }

    fn take_outcome(&mut self, outcome: Result<Answer, String>) {
        let why = match outcome {
            Ok(Answer::Given) => {
                self.enrolment.state = SecureBoot::AtNextStart;
                self.tell("the machine has the keys of this box: Secure Boot from its next start");
                self.record(Deed::Enrolment(EnrolStage::Done));
                self.note_state(Some(SecureBoot::AtNextStart));
                self.enrolment_is_over(words::DONE);
                return;
            }
            Ok(Answer::Failed(why)) | Err(why) => why,
            Ok(Answer::Says(_)) => "nothing was given".to_owned(),
        };
        self.enrolment_failed(&why, words::FAILED);
    }

    /// Why goes into log and audit trail; what is said is for whoever stands there.
    fn enrolment_failed(&mut self, why: &str, said: &str) {
        self.tell(&format!("Secure Boot stays off: {why}"));
        self.record(Deed::Enrolment(EnrolStage::Failed(why.to_owned())));
        self.enrolment_is_over(said);
    }

    fn enrolment_is_over(&mut self, text: &str) {
        self.say(text);
        let notice = ipc::init::Presence::Notice(text.to_owned());
        self.presence.take(notice);
    }
}

impl Settings {
    /// Whether there are variables to ask for.
    fn has_variables(&self) -> bool {
        self.variables.is_some() || self.is_confined && Variables::are_there()
    }
}

/// `None` where there are no variables.
fn start_keys(settings: &Settings, gives: bool) -> Result<Option<Started>, SystemError> {
    let Identity { id, .. } = services::MACHINE_IDENTITY;
    let in_place = settings.variables.as_deref().map(Path::to_string_lossy);
    let opened = match &in_place {
        Some(folder) => Opened::File(folder),
        None if settings.is_confined && Variables::are_there() => Variables::for_process(id, gives),
        None => return Ok(None),
    };
    let rights = if gives {
        Rights::Protected
    } else {
        Rights::None
    };
    let arguments: &[&str] = if gives { &["--give"] } else { &[] };
    let task = Task {
        name: KEYS,
        arguments,
        passed: &[],
        opened: Some(("variables", opened)),
        identity: Identity { id, rights },
        memory_max: services::MACHINE_MEMORY_MAX,
    };
    helper::start(settings, &task).map(Some)
}

fn start_judge(settings: &Settings, firmware: &Firmware) -> Result<Started, SystemError> {
    let open = |path: &Path| File::open(path).context("open", path.display());
    let esp = firmware.esp.as_deref().unwrap_or_else(|| Path::new(""));
    let (esp, state) = (open(esp)?, open(&firmware.state)?);
    let (slot, other) = (open(&firmware.device)?, open(&firmware.other)?);
    helper::start(
        settings,
        &Task {
            name: JUDGE,
            arguments: &["--running", firmware.slot.name()],
            passed: &[
                ("esp", esp.as_fd()),
                ("slot-running", slot.as_fd()),
                ("slot-other", other.as_fd()),
                ("boot-state", state.as_fd()),
            ],
            opened: None,
            identity: services::JUDGE_IDENTITY,
            memory_max: services::JUDGE_MEMORY_MAX,
        },
    )
}

/// What the machine says, and whether this box has what it waits for.
fn state_of(says: Says, firmware: Option<&Firmware>) -> SecureBoot {
    state_with(says, || may_offer(firmware, Path::new(MACHINE_KEYS_FOLDER)))
}

fn state_with(says: Says, may_offer: impl FnOnce() -> bool) -> SecureBoot {
    match (says.is_on, says.waits) {
        (Some(true), _) => SecureBoot::On,
        // What it forbids may be among what the box is started by.
        (_, Some(true)) if !says.forbids && may_offer() => SecureBoot::Offered,
        (_, Some(true)) => SecureBoot::Setup,
        (Some(false), _) | (None, Some(false)) => SecureBoot::Off,
        (None, None) => SecureBoot::Unknown,
    }
}

/// Only a box that would still start: with the files, which an image has whose kernel is for Secure
/// Boot, and without a card before its disk whose own program nobody would trust any more.
fn may_offer(firmware: Option<&Firmware>, folder: &Path) -> bool {
    let Some(firmware) = firmware.filter(|it| it.esp.is_some()) else {
        return false;
    };
    has_keys(folder) && !Disk::is_behind_option_rom(&firmware.device)
}

/// Sub-commands, and their names in the log and of their control groups.
const JUDGE: &str = "secure-boot";
const KEYS: &str = "machine-keys";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use slot::Slot;

    use super::*;

    fn firmware(esp: Option<&str>) -> Firmware {
        Firmware {
            slot: Slot::A,
            security: 0,
            state: "/dev/none2".into(),
            device: "/dev/none3".into(),
            other: "/dev/none4".into(),
            esp: esp.map(PathBuf::from),
            key: crate::boot::KeyKept::OnDisk,
        }
    }

    #[test]
    fn what_the_machine_says_is_told() {
        let says = |is_on, waits| Says {
            is_on,
            waits,
            forbids: false,
        };
        for (said, may_offer, state) in [
            (says(Some(false), Some(true)), false, SecureBoot::Setup),
            (says(Some(false), Some(true)), true, SecureBoot::Offered),
            (says(Some(false), Some(false)), true, SecureBoot::Off),
            (says(None, Some(false)), true, SecureBoot::Off),
            (says(Some(true), Some(false)), true, SecureBoot::On),
            (says(None, None), true, SecureBoot::Unknown),
        ] {
            assert_eq!(state_with(said, || may_offer), state, "{said:?}");
        }
    }

    #[test]
    fn only_a_box_with_all_files_and_an_esp_offers_it() {
        let folder = std::env::temp_dir().join(format!("ramal-enrol-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        let box_itself = firmware(Some("/dev/none1"));
        for name in ["db.auth", "KEK.auth", "PK.auth"] {
            assert!(!may_offer(Some(&box_itself), &folder), "before {name}");
            fs::write(folder.join(name), name).expect("written");
        }
        assert!(may_offer(Some(&box_itself), &folder));
        assert!(!may_offer(Some(&firmware(None)), &folder));
        assert!(!may_offer(None, &folder));
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_machine_that_forbids_programs_is_offered_nothing() {
        let says = Says {
            is_on: Some(false),
            waits: Some(true),
            forbids: true,
        };
        assert_eq!(state_with(says, || true), SecureBoot::Setup);
    }
}
