//! The lives of the box that is recorded, from one time it is switched on to the next:
//!
//! 1. first start, sign-in, extensions, the proof that its firmware is good, the power button;
//! 2. more extensions, and the plug is pulled;
//! 3. another version of the firmware is sent and installed, the power button;
//! 4. that version starts, one more extension, the proof that it is good, a factory reset;
//! 5. it starts as a new box, and gets an extension again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qemu::box_api::BoxApi;
use qemu::upload;
use serde_json::json;
use slot::{KeySet, Slot};

use super::machine::Powered;
use super::{BOOT_MAX, LENGTH, Program};
use crate::fault::Fault;
use crate::log::read_log;
use crate::record::Recorder;
use crate::start::load;
use crate::trace::Event;

/// A box that is being recorded.
pub(super) struct Recording {
    disk: PathBuf,
    log: PathBuf,
    serial: PathBuf,
    program: Program,
    keys: KeySet,
    events: Vec<Event>,
    /// What was told in this life, and how many events of it there were then.
    marks: Vec<(usize, String)>,
}

impl Recording {
    pub(super) fn new(folder: &Path, program: Program, keys: KeySet) -> Self {
        Self {
            disk: folder.join("disk.img"),
            log: folder.join("writes.log"),
            serial: folder.join("serial.log"),
            program,
            keys,
            events: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// The disk that is written.
    pub(super) fn disk(&self) -> &Path {
        &self.disk
    }

    /// All of them, with an update from this file.
    pub(super) fn all_lives(mut self, update_file: &Path) -> Result<Vec<Event>, Fault> {
        self.begin()?;
        self.use_it()?;
        self.update(update_file)?;
        self.reset()?;
        self.begin_anew()?;
        Ok(self.events)
    }

    fn begin(&mut self) -> Result<(), Fault> {
        let mut running = self.switch_on(Slot::A)?;
        let api = running.sign_in_first(PASSWORD)?;
        self.create(&api, &["100", "101", "102"])?;
        running.wait(PROVED, PROOF_MAX)?;
        self.mark(PROVED)?;
        running.press_power_button()?;
        self.end(running)
    }

    fn use_it(&mut self) -> Result<(), Fault> {
        let mut running = self.switch_on(Slot::A)?;
        let api = running.sign_in(PASSWORD)?;
        self.create(&api, &["103", "104"])?;
        drop(running);
        self.take_over()
    }

    fn update(&mut self, file: &Path) -> Result<(), Fault> {
        let mut running = self.switch_on(Slot::A)?;
        let api = running.sign_in(PASSWORD)?;
        self.mark(UPDATING)?;
        let file = std::fs::read(file).map_err(|it| Fault::file(file, it))?;
        let sent = upload::send(&api, &file, 0, u64::MAX);
        sent.map_err(|it| Fault::Box(it.to_string()))?;
        self.mark(INSTALLED)?;
        running.press_power_button()?;
        self.end(running)
    }

    fn reset(&mut self) -> Result<(), Fault> {
        let mut running = self.switch_on(Slot::B)?;
        let api = running.sign_in(PASSWORD)?;
        self.create(&api, &["105"])?;
        running.wait(PROVED, PROOF_MAX)?;
        // That took longer than a password stands for who said it.
        let api = running.sign_in(PASSWORD)?;
        self.mark(RESETTING)?;
        let asked = api.post("/api/firmware/reset", &json!({ "confirm": CONFIRMATION }));
        asked.map_err(|it| Fault::Box(it.to_string()))?;
        self.mark(RESET)?;
        self.end(running)
    }

    fn begin_anew(&mut self) -> Result<(), Fault> {
        let mut running = self.switch_on(Slot::B)?;
        let api = running.sign_in_first(PASSWORD)?;
        self.create(&api, &["200"])?;
        drop(running);
        self.take_over()
    }

    fn create(&mut self, api: &BoxApi, numbers: &[&str]) -> Result<(), Fault> {
        for number in numbers {
            let made = api.create_extension(number, "power cut");
            made.map_err(|it| Fault::Box(it.to_string()))?;
            self.mark(number)?;
        }
        Ok(())
    }

    /// Runs the loader on the disk, as the firmware of a machine would, and then the system; back
    /// when it is ready.
    fn switch_on(&mut self, wanted: Slot) -> Result<Powered, Fault> {
        let error = |source| Fault::file(&self.disk, source);
        let file = File::options().read(true).write(true).open(&self.disk);
        let recorder = Recorder::new(file.map_err(error)?);
        let handoff = load(&recorder, LENGTH, &self.keys)?;
        if handoff.slot != Some(wanted) {
            return Err(Fault::Box(format!("the loader chose: {handoff}")));
        }
        self.events.extend(recorder.into_events());
        let _ = std::fs::remove_file(&self.log);
        File::create(&self.log).map_err(|it| Fault::file(&self.log, it))?;
        let log = Some(&*self.log);
        let running = Powered::start(&self.program, &handoff, &self.disk, log, &self.serial)?;
        running.wait(READY, BOOT_MAX)?;
        self.mark(READY)?;
        Ok(running)
    }

    /// People were told this now.
    fn mark(&mut self, what: &str) -> Result<(), Fault> {
        let happened = read_log(&self.log)?.len();
        self.marks.push((happened, what.to_owned()));
        Ok(())
    }

    /// Waits until it has switched itself off.
    fn end(&mut self, mut running: Powered) -> Result<(), Fault> {
        running.wait_end(BOOT_MAX)?;
        self.take_over()
    }

    /// Takes over what the log holds, with marks where they were made.
    fn take_over(&mut self) -> Result<(), Fault> {
        let mut marks = std::mem::take(&mut self.marks).into_iter().peekable();
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

/// What the box says when everything serves, and what people know from then on.
pub(super) const READY: &str = "ramal: ready";
/// So it is when the firmware that runs is the one to go back to.
const PROVED: &str = "has proved good";
/// Another version is being sent.
pub(super) const UPDATING: &str = "an update is sent";
/// It was said to be installed.
pub(super) const INSTALLED: &str = "the update is installed";
/// A factory reset is being asked for.
pub(super) const RESETTING: &str = "a factory reset is asked for";
/// It was said to be on its way.
pub(super) const RESET: &str = "the factory reset is on its way";

/// What a factory reset wants to hear.
const CONFIRMATION: &str = "erase everything";

/// The administrator's, in the recording alone.
const PASSWORD: &str = "a power cut is no reason";

/// Two minutes, and emulation.
const PROOF_MAX: Duration = Duration::from_secs(400);
