//! A real box in QEMU: what it writes from its first start on, and boxes started after a cut.

mod judge;
mod machine;
mod saved;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::build::{Shipping, build, ship};
use image::cargo::Profile;
use qemu::process::run;
use slot::KeySet;

use crate::fault::Fault;
use crate::log::read_log;
use crate::record::Recorder;
use crate::start::load;
use crate::states::{Plan, each_state};
use crate::trace::{Event, SECTOR_LENGTH, Trace};
use machine::Powered;

pub(crate) use judge::BoxJudge;

/// What a box wrote, and what is needed to start it again.
#[derive(Debug)]
pub struct BoxTrace {
    /// Its disk.
    pub trace: Trace,
    folder: PathBuf,
    program: Program,
    keys: KeySet,
}

/// What QEMU starts without the firmware's seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    pub(crate) vmlinux: PathBuf,
    pub(crate) initramfs: PathBuf,
    pub(crate) command_line: String,
}

/// How long a box is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watched {
    /// Until its firmware has proved good, which takes two minutes.
    UntilProved,
    /// As long as it takes to use it.
    Shortly,
}

/// Builds the image and records a box with it: its first start, sign-in, extensions, the proof that
/// its firmware is good, the power button, and a second start. All goes to `folder`.
///
/// # Errors
/// The image is not built, or the box does not do as it should without any power cut.
pub fn record_box(folder: &Path, profile: Profile, watched: Watched) -> Result<BoxTrace, Fault> {
    let in_words = |error: &dyn std::fmt::Display| Fault::Box(error.to_string());
    let target = image::prepare::prepare().map_err(|it| in_words(&it))?;
    let built = build(target, profile).map_err(|it| in_words(&it))?;
    let shipping = Shipping::daily();
    let shipped = ship(&built, &shipping).map_err(|it| in_words(&it))?;
    let keys = image::keys::read(&shipping.keys).map_err(|it| in_words(&it))?;
    std::fs::create_dir_all(folder).map_err(|it| Fault::file(folder, it))?;
    let program = Program {
        vmlinux: built.vmlinux,
        initramfs: built.initramfs,
        command_line: shipped.command_line,
    };
    let base = folder.join(BASE);
    copy(&shipped.disk, &base)?;
    let error = |source| Fault::file(&base, source);
    let file = File::options().write(true).open(&base).map_err(error)?;
    file.set_len(LENGTH).map_err(error)?;
    let mut recording = Recording {
        disk: folder.join("disk.img"),
        log: folder.join("writes.log"),
        serial: folder.join("serial.log"),
        program: program.clone(),
        keys: keys.set,
        events: Vec::new(),
    };
    copy(&base, &recording.disk)?;
    recording.first_life(watched)?;
    recording.second_life()?;
    saved::save(folder, &recording.events, &program, &keys.set)?;
    BoxTrace::open(folder)
}

impl BoxTrace {
    /// One that was recorded before.
    ///
    /// # Errors
    /// There is none in this folder.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let (events, program, keys) = saved::read(folder)?;
        let base = folder.join(BASE);
        let file = File::open(&base).map_err(|source| Fault::file(&base, source))?;
        let trace = Trace {
            base: crate::trace::Base::File(file),
            length: LENGTH,
            events,
        };
        Ok(Self {
            trace,
            folder: folder.to_owned(),
            program,
            keys,
        })
    }

    /// Its judge, who also looks into the data in one of `every` states.
    ///
    /// # Errors
    /// There is no room for scratch files.
    pub fn judge(&self, every: usize) -> Result<impl crate::scenarios::Judge + use<>, Fault> {
        BoxJudge::new(self.keys, self.trace.length, every)
    }
}

/// Starts a box in QEMU after a cut, and waits until all its services are ready; how it was cut.
///
/// # Errors
/// It does not start.
pub fn boot_state(recorded: &BoxTrace, plan: &Plan, number: usize) -> Result<String, Fault> {
    let disk = recorded.folder.join("cut.img");
    copy(&recorded.folder.join(BASE), &disk)?;
    let error = |source| Fault::file(&disk, source);
    let mut told = None;
    let mine = |it| it == number;
    each_state(&recorded.trace, plan, mine, |cut, view, _| {
        let file = File::options()
            .read(true)
            .write(true)
            .open(&disk)
            .map_err(error)?;
        for sector in view.written_in(0..recorded.trace.length / SECTOR_LENGTH) {
            let mut bytes = [0; crate::trace::SECTOR];
            let at = sector.saturating_mul(SECTOR_LENGTH);
            firmware::Medium::read_at(&view, &mut bytes, at)?;
            firmware::Medium::write_at(&file, &bytes, at)?;
        }
        told = Some(format!("cut after {} events, {}", cut.events, cut.kind));
        Ok(())
    })?;
    let told = told.ok_or_else(|| Fault::broken(format!("there is no state {number}")))?;
    let file = File::options()
        .read(true)
        .write(true)
        .open(&disk)
        .map_err(error)?;
    let handoff = load(&file, recorded.trace.length, &recorded.keys)?;
    let serial = recorded.folder.join(format!("serial-{number}.log"));
    let started = Powered::start(&recorded.program, &handoff, &disk, None, &serial)?;
    started.wait(READY, BOOT_MAX)?;
    drop(started);
    std::fs::remove_file(&disk).map_err(error)?;
    Ok(told)
}

struct Recording {
    disk: PathBuf,
    log: PathBuf,
    serial: PathBuf,
    program: Program,
    keys: KeySet,
    events: Vec<Event>,
}

impl Recording {
    fn first_life(&mut self, watched: Watched) -> Result<(), Fault> {
        let mut running = self.switch_on()?;
        running.wait(READY, BOOT_MAX)?;
        let mut marks = vec![(self.happened()?, READY_TOLD.to_owned())];
        let api = running.sign_in_first(PASSWORD)?;
        for number in ["100", "101", "102"] {
            let made = api.create_extension(number, "power cut");
            made.map_err(|it| Fault::Box(it.to_string()))?;
            marks.push((self.happened()?, number.to_owned()));
        }
        if watched == Watched::UntilProved {
            running.wait("has proved good", PROOF_MAX)?;
            marks.push((self.happened()?, PROVED_TOLD.to_owned()));
        }
        running.press_power_button()?;
        running.wait_end(BOOT_MAX)?;
        self.take_over(marks)
    }

    fn second_life(&mut self) -> Result<(), Fault> {
        let mut running = self.switch_on()?;
        running.wait(READY, BOOT_MAX)?;
        let mut marks = Vec::new();
        let api = running.sign_in(PASSWORD)?;
        for number in ["103", "104"] {
            let made = api.create_extension(number, "power cut");
            made.map_err(|it| Fault::Box(it.to_string()))?;
            marks.push((self.happened()?, number.to_owned()));
        }
        drop(running);
        self.take_over(marks)
    }

    /// Runs the loader on the disk, as the firmware of a machine would, and then the system.
    fn switch_on(&mut self) -> Result<Powered, Fault> {
        let error = |source| Fault::file(&self.disk, source);
        let file = File::options().read(true).write(true).open(&self.disk);
        let recorder = Recorder::new(file.map_err(error)?);
        let handoff = load(&recorder, LENGTH, &self.keys)?;
        self.events.extend(recorder.into_events());
        let _ = std::fs::remove_file(&self.log);
        File::create(&self.log).map_err(|it| Fault::file(&self.log, it))?;
        Powered::start(
            &self.program,
            &handoff,
            &self.disk,
            Some(&self.log),
            &self.serial,
        )
    }

    /// How many events the log of this life holds now.
    fn happened(&self) -> Result<usize, Fault> {
        Ok(read_log(&self.log)?.len())
    }

    /// Takes over what the log holds, with marks where they were made.
    fn take_over(&mut self, marks: Vec<(usize, String)>) -> Result<(), Fault> {
        let mut marks = marks.into_iter().peekable();
        for (place, event) in read_log(&self.log)?.into_iter().enumerate() {
            while let Some((_, what)) = marks.next_if(|(at, _)| *at <= place) {
                self.events.push(Event::Mark(what));
            }
            self.events.push(event);
        }
        self.events.extend(marks.map(|(_, what)| Event::Mark(what)));
        Ok(())
    }
}

/// Copies a file with holes.
fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    let names = [from, to].map(|it| it.display().to_string());
    let mut arguments = vec!["--sparse=always".to_owned(), "--reflink=auto".to_owned()];
    arguments.extend(names);
    Ok(run("cp", &arguments)?)
}

/// Bytes of the disk: the image, and room for data that the file system has to grow into.
const LENGTH: u64 = image::disk::IMAGE_LENGTH + 96 * 1024 * 1024;

const BASE: &str = "base.img";

/// The administrator's, in the recording alone.
const PASSWORD: &str = "a power cut is no reason";

const READY: &str = "ramal: ready";
pub(crate) const READY_TOLD: &str = "ready";
pub(crate) const PROVED_TOLD: &str = "proved good";

/// Ten times what it takes under emulation on an idle two-core machine.
const BOOT_MAX: Duration = Duration::from_secs(180);

/// Two minutes, and emulation.
const PROOF_MAX: Duration = Duration::from_secs(400);
