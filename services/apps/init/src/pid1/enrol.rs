//! Secure Boot: what the machine says of it, and giving it the box's keys when somebody at the box
//! asks for that.
//!
//! ```text
//!   asked at the box ──> secure-boot judges what is on the disk ──> db, KEK, PK are written
//!                            │ not all of it would be started
//!                            └──> nothing is written, and the reason is said
//! ```
//! PK comes last: until it is there, the machine starts everything and waits for keys, wherever the
//! power fails, and the same can be asked for again.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use ipc::init::{Deed, EnrolStage, SecureBoot};
use ipc::secure_boot::Verdict;
use kernel::cgroup::Group;
use kernel::disk::Disk;
use kernel::efi::Variables;
use kernel::process::End;
use kernel::{Context as _, SystemError};
use secure_boot::{ATTRIBUTES, Role, content_of};

use super::child::Pipe;
use super::helper::{self, Started, Task};
use super::{Settings, Source, Supervision};
use crate::boot::Firmware;
use crate::screen::enrol as words;
use crate::services;

/// What is known of it, and the judge while there is one.
#[derive(Default)]
pub(super) struct Enrolment {
    variables: Option<Variables>,
    state: SecureBoot,
    judge: Option<Judge>,
}

/// The process that judges what is on the disk.
struct Judge {
    pid: u32,
    group: Option<Group>,
    /// Its first word.
    verdict: Option<Verdict>,
}

impl Enrolment {
    /// Whether the machine starts only what is signed.
    pub(super) const fn state(&self) -> SecureBoot {
        self.state
    }
}

impl Supervision {
    /// Asks the machine, once everything else runs.
    pub(super) fn look_at_secure_boot(&mut self) {
        if !self.settings.is_confined {
            return;
        }
        let found = Variables::mount().and_then(|variables| {
            let firmware = self.boot.firmware.as_ref();
            let state = variables.as_ref().map(|it| state(it, firmware));
            Ok((variables, state.transpose()?.unwrap_or_default()))
        });
        match found {
            Ok((variables, state)) => {
                self.tell(&format!("Secure Boot: {}", state.name()));
                self.enrolment.variables = variables;
                self.enrolment.state = state;
            }
            Err(error) => self.tell(&error.to_string()),
        }
    }

    /// Somebody at the box wants the machine to start this box alone.
    pub(super) fn enrol(&mut self) {
        self.tell("asked at the box: Secure Boot with the keys of this box");
        self.record(Deed::Enrolment(EnrolStage::Asked));
        if self.enrolment.state != SecureBoot::Offered || self.enrolment.judge.is_some() {
            self.enrolment_is_over(words::NOT_NOW);
            return;
        }
        let firmware = self.boot.firmware.as_ref();
        let started = firmware.map(|it| start(&self.settings, it)).transpose();
        match started {
            Ok(Some(started)) => {
                self.say(words::JUDGING);
                let pid = started.pid;
                self.add(Source::JudgeOutput(pid, started.output));
                self.add(Source::JudgeVerdict(pid, started.reports));
                self.enrolment.judge = Some(Judge {
                    pid,
                    group: started.group,
                    verdict: None,
                });
            }
            Ok(None) => self.enrolment_is_over(words::NOT_NOW),
            Err(error) => {
                self.tell(&error.to_string());
                self.enrolment_is_over(words::FAILED);
            }
        }
    }

    pub(super) fn hear_judge_output(&mut self, pipe: &mut Pipe) -> bool {
        self.hear_helper(NAME, pipe)
    }

    pub(super) fn hear_verdict(&mut self, pid: u32, pipe: &mut Pipe) -> bool {
        let heard = pipe.hear();
        let mut verdicts = heard.lines.iter().filter_map(|it| Verdict::from_line(it));
        let judge = self.enrolment.judge.as_mut();
        if let Some(judge) = judge.filter(|it| it.pid == pid) {
            judge.verdict = judge.verdict.or_else(|| verdicts.next());
        }
        !heard.ended
    }

    /// A child has ended; whether it was the judge.
    pub(super) fn judge_ended(&mut self, pid: u32, end: End) -> bool {
        let Some(judge) = self.enrolment.judge.take_if(|it| it.pid == pid) else {
            return false;
        };
        if let Some(Err(error)) = judge.group.as_ref().map(Group::kill_all) {
            self.tell(&error.to_string());
        }
        match judge.verdict {
            Some(Verdict::Good) => self.write_keys(),
            Some(Verdict::Bad(part, reason)) => {
                let (part, reason) = (part.name(), reason.name());
                self.tell(&format!("Secure Boot stays off: {part} is {reason}"));
                let why = format!("{part}: {reason}");
                self.record(Deed::Enrolment(EnrolStage::Failed(why)));
                self.enrolment_is_over(&format!("{}: {part}, {reason}", words::REFUSED));
            }
            Some(Verdict::Unknown) => self.enrolment_is_over(words::FAILED),
            None => {
                self.tell(&format!("{NAME} ended without a word: {end:?}"));
                self.enrolment_is_over(words::FAILED);
            }
        }
        true
    }

    fn write_keys(&mut self) {
        let Some(variables) = &self.enrolment.variables else {
            return;
        };
        let folder = Path::new(FOLDER);
        match write(variables, folder).and_then(|()| prove(variables, folder)) {
            Ok(()) => {
                self.enrolment.state = SecureBoot::AtNextStart;
                self.tell("the machine has the keys of this box: Secure Boot from its next start");
                self.record(Deed::Enrolment(EnrolStage::Done));
                self.enrolment_is_over(words::DONE);
            }
            Err(error) => {
                self.tell(&error.to_string());
                self.record(Deed::Enrolment(EnrolStage::Failed(error.to_string())));
                self.enrolment_is_over(words::FAILED);
            }
        }
    }

    fn enrolment_is_over(&mut self, text: &str) {
        self.say(text);
        let notice = ipc::init::Presence::Notice(text.to_owned());
        self.presence.take(notice);
    }
}

fn start(settings: &Settings, firmware: &Firmware) -> Result<Started, SystemError> {
    let open = |path: &Path| File::open(path).context("open", path.display());
    let esp = firmware.esp.as_deref().unwrap_or_else(|| Path::new(""));
    let (esp, state) = (open(esp)?, open(&firmware.state)?);
    let (slot, other) = (open(&firmware.device)?, open(&firmware.other)?);
    helper::start(
        settings,
        &Task {
            name: NAME,
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
fn state(variables: &Variables, firmware: Option<&Firmware>) -> Result<SecureBoot, SystemError> {
    state_of(variables, firmware, Path::new(FOLDER))
}

fn state_of(
    variables: &Variables,
    firmware: Option<&Firmware>,
    folder: &Path,
) -> Result<SecureBoot, SystemError> {
    let is_on = is_one(variables, ON)?;
    let waits = is_one(variables, WAITS)?;
    // What it forbids may be among what the box is started by.
    let forbids = variables.read(FORBIDDEN)?.is_some_and(|it| !it.is_empty());
    Ok(match (is_on, waits) {
        (Some(true), _) => SecureBoot::On,
        (_, Some(true)) if !forbids && may_offer(firmware, folder) => SecureBoot::Offered,
        (_, Some(true)) => SecureBoot::Setup,
        (Some(false), _) | (None, Some(false)) => SecureBoot::Off,
        (None, None) => SecureBoot::Unknown,
    })
}

/// Only a box that would still start: with the files, which an image has whose kernel is for Secure
/// Boot, and without a card before its disk whose own program nobody would trust any more.
fn may_offer(firmware: Option<&Firmware>, folder: &Path) -> bool {
    let Some(firmware) = firmware.filter(|it| it.esp.is_some()) else {
        return false;
    };
    let has_all = Role::ALL.iter().all(|it| file(folder, *it).is_file());
    has_all && !Disk::is_behind_option_rom(&firmware.device)
}

/// Writes what is signed in `folder`, PK last. A variable that holds the same already is left: that
/// is how this goes on where the power failed, as a machine may refuse the same time twice.
fn write(variables: &Variables, folder: &Path) -> Result<(), SystemError> {
    let files = files(folder)?;
    if is_one(variables, WAITS)? != Some(true) {
        let other = std::io::Error::other("it waits for none");
        return Err(other).context("give keys to", "the machine");
    }
    for signed in files {
        if variables.read(&signed.name)?.as_ref() != Some(&signed.content) {
            variables.write(&signed.name, ATTRIBUTES, &signed.written)?;
        }
    }
    Ok(())
}

/// Whether the machine has kept all of it: firmware has been seen to say yes, and to do nothing.
fn prove(variables: &Variables, folder: &Path) -> Result<(), SystemError> {
    for signed in files(folder)? {
        if variables.read(&signed.name)?.as_ref() != Some(&signed.content) {
            let other = std::io::Error::other("the machine did not keep what it took");
            return Err(other).context("write", signed.name);
        }
    }
    Ok(())
}

/// A variable as the build has signed it.
struct Signed {
    name: String,
    /// What the machine shows of it.
    content: Vec<u8>,
    /// What it is given.
    written: Vec<u8>,
}

/// What is signed in `folder`, PK last.
fn files(folder: &Path) -> Result<Vec<Signed>, SystemError> {
    let read = |role: Role| {
        let path = file(folder, role);
        let written = std::fs::read(&path).context("read", path.display())?;
        let content = content_of(&written).map(<[u8]>::to_vec);
        let content = content.ok_or_else(|| std::io::Error::other("it is no signed variable"));
        Ok(Signed {
            name: format!("{}-{}", role.name(), role.vendor()),
            content: content.context("use", path.display())?,
            written,
        })
    };
    Role::ALL.into_iter().map(read).collect()
}

fn is_one(variables: &Variables, name: &str) -> Result<Option<bool>, SystemError> {
    let name = format!("{name}-{}", Role::Platform.vendor());
    Ok(variables.read(&name)?.map(|it| it == [1]))
}

fn file(folder: &Path, role: Role) -> PathBuf {
    folder.join(format!("{}.auth", role.name()))
}

/// Of the sub-command, of its lines in the log and of its control group.
const NAME: &str = "secure-boot";

/// What an image has whose kernel is for Secure Boot.
const FOLDER: &str = "/etc/ramal/secure-boot";

/// Variables of the firmware (UEFI 2.10 §3.3).
const ON: &str = "SecureBoot";
const WAITS: &str = "SetupMode";
/// The list of forbidden programs (UEFI 2.10 §32.4.1, EFI_IMAGE_SECURITY_DATABASE_GUID).
const FORBIDDEN: &str = "dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f";

#[cfg(test)]
mod tests {
    use std::fs;

    use secure_boot::{authenticated, signature_list, time_of};
    use slot::Slot;

    use super::*;

    /// A machine's variables and an image's files.
    struct Bench {
        root: PathBuf,
        variables: Variables,
    }

    impl Bench {
        fn new(name: &str, setup_mode: u8) -> Self {
            let root =
                std::env::temp_dir().join(format!("ramal-enrol-{name}-{}", std::process::id()));
            for folder in ["variables", "files"] {
                fs::create_dir_all(root.join(folder)).expect("made");
            }
            let variables = Variables::at(&root.join("variables"));
            let bench = Self { root, variables };
            bench.put(WAITS, setup_mode);
            bench.put(ON, 0);
            for role in Role::ALL {
                let list = signature_list(role.name().as_bytes());
                let written = authenticated(&time_of(1), b"signed", &list);
                fs::write(file(&bench.files(), role), written).expect("written");
            }
            bench
        }

        fn put(&self, name: &str, value: u8) {
            let name = format!("{name}-{}", Role::Platform.vendor());
            self.variables.write(&name, 6, &[value]).expect("written");
        }

        fn files(&self) -> PathBuf {
            self.root.join("files")
        }

        fn variable(&self, role: Role) -> PathBuf {
            let name = format!("{}-{}", role.name(), role.vendor());
            self.root.join("variables").join(name)
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.root);
        }
    }

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
        let bench = Bench::new("state", 1);
        let none = || state(&bench.variables, None).expect("read");
        assert_eq!(none(), SecureBoot::Setup);
        bench.put(WAITS, 0);
        assert_eq!(none(), SecureBoot::Off);
        bench.put(ON, 1);
        assert_eq!(none(), SecureBoot::On);
        let empty = Variables::at(&bench.root.join("files"));
        assert_eq!(state(&empty, None).expect("read"), SecureBoot::Unknown);
    }

    #[test]
    fn only_a_box_with_all_files_and_an_esp_offers_it() {
        let bench = Bench::new("offer", 1);
        let box_itself = firmware(Some("/dev/none1"));
        assert!(may_offer(Some(&box_itself), &bench.files()));
        assert!(!may_offer(Some(&firmware(None)), &bench.files()));
        assert!(!may_offer(None, &bench.files()));
        fs::remove_file(file(&bench.files(), Role::Exchange)).expect("removed");
        assert!(!may_offer(Some(&box_itself), &bench.files()));
    }

    #[test]
    fn a_machine_that_forbids_programs_is_offered_nothing() {
        let bench = Bench::new("forbids", 1);
        let box_itself = firmware(Some("/dev/none1"));
        let seen = || state_of(&bench.variables, Some(&box_itself), &bench.files());
        assert_eq!(seen().expect("read"), SecureBoot::Offered);
        bench
            .variables
            .write(FORBIDDEN, 7, b"a list")
            .expect("written");
        assert_eq!(seen().expect("read"), SecureBoot::Setup);
    }

    #[test]
    fn what_the_machine_did_not_keep_is_found() {
        let bench = Bench::new("prove", 1);
        for role in Role::ALL {
            let shown = signature_list(role.name().as_bytes());
            let shown = [&ATTRIBUTES.to_le_bytes()[..], &shown].concat();
            fs::write(bench.variable(role), shown).expect("written");
        }
        prove(&bench.variables, &bench.files()).expect("kept");
        fs::write(bench.variable(Role::Exchange), [0x27, 0, 0, 0]).expect("written");
        prove(&bench.variables, &bench.files()).expect_err("another");
        fs::remove_file(bench.variable(Role::Exchange)).expect("removed");
        prove(&bench.variables, &bench.files()).expect_err("none");
    }

    #[test]
    fn keys_are_written_whole_with_their_attributes() {
        let bench = Bench::new("write", 1);
        write(&bench.variables, &bench.files()).expect("written");
        for role in Role::ALL {
            let found = fs::read(bench.variable(role)).expect("there");
            let wanted = fs::read(file(&bench.files(), role)).expect("there");
            assert_eq!(found, [&[0x27, 0, 0, 0][..], &wanted].concat());
        }
    }

    #[test]
    fn what_was_written_before_the_power_failed_is_not_written_again() {
        let bench = Bench::new("again", 1);
        // As the machine shows a variable that was written: only its content.
        let list = signature_list(Role::Programs.name().as_bytes());
        let shown = [&ATTRIBUTES.to_le_bytes()[..], &list].concat();
        fs::write(bench.variable(Role::Programs), &shown).expect("written");
        write(&bench.variables, &bench.files()).expect("written");
        let left = fs::read(bench.variable(Role::Programs)).expect("there");
        assert_eq!(left, shown);
        assert!(bench.variable(Role::Platform).exists());
    }

    #[test]
    fn pk_is_the_last_and_nothing_is_written_when_a_file_is_missing_or_nobody_waits() {
        let bench = Bench::new("last", 1);
        // A folder in its place: the machine does not take this one.
        fs::create_dir(bench.variable(Role::Exchange)).expect("made");
        write(&bench.variables, &bench.files()).expect_err("refused");
        assert!(bench.variable(Role::Programs).exists());
        assert!(!bench.variable(Role::Platform).exists());

        let bench = Bench::new("missing", 1);
        fs::remove_file(file(&bench.files(), Role::Platform)).expect("removed");
        write(&bench.variables, &bench.files()).expect_err("refused");
        assert!(!bench.variable(Role::Programs).exists());

        let bench = Bench::new("not-waiting", 0);
        write(&bench.variables, &bench.files()).expect_err("refused");
        assert!(!bench.variable(Role::Programs).exists());
    }
}
