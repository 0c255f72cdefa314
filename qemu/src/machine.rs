//! One box in QEMU: its power switch, its buttons and what it says.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::hardware::{Hardware, HardwareError};
use crate::lan::{BOX_ADDRESS, Lan};
use crate::netns::NetnsError;
use crate::process::{Process, ProcessError};
use crate::qmp::{Listener, Qmp, QmpError};
use crate::serial::{Line, Serial, SerialError};
use crate::tpm::{Tpm, TpmError};

/// Why a box did not run.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// QEMU.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// QEMU's namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The control channel.
    #[error(transparent)]
    Qmp(#[from] QmpError),
    /// The serial line.
    #[error(transparent)]
    Serial(#[from] SerialError),
    /// The screen does not tell that the box is ready.
    #[error("the screen of the box does not show {0:?}")]
    Screen(&'static str),
    /// It restarted before it was ready.
    #[error("the box restarted before it was ready")]
    Restarted,
    /// It is off.
    #[error("the box is switched off")]
    Off,
    /// What it is made of.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// Its TPM.
    #[error(transparent)]
    Tpm(#[from] TpmError),
    /// A log cannot be made.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A running box. Dropping it pulls the plug.
pub struct Machine {
    // Before its TPM, which ends when QEMU has.
    process: Process,
    _tpm: Option<Process>,
    qmp: Qmp,
    serial: Serial,
    keys: Option<ChildStdin>,
    boot_mark: usize,
}

impl Machine {
    /// Switches it on.
    ///
    /// # Errors
    /// QEMU did not start.
    pub fn start(lan: &Lan, hardware: &Hardware, scratch: &Path) -> Result<Self, MachineError> {
        let listener = Listener::bind(scratch)?;
        let errors = scratch.join("qemu-errors");
        let error = |source| MachineError::File {
            path: errors.clone(),
            source,
        };
        let tpm = hardware.tpm.as_ref().map(Tpm::start).transpose()?;
        let mut qemu = hardware.command(listener.path())?;
        qemu.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&errors).map_err(error)?);
        let mut process = lan.namespace().spawn(qemu)?;
        let qmp = match listener.accept() {
            Ok(qmp) => qmp,
            Err(error) => return Err(why_not_started(hardware, &errors, error)),
        };
        let Some(output) = process.child().stdout.take() else {
            return Err(MachineError::Qmp(QmpError::Channel(
                std::io::ErrorKind::BrokenPipe.into(),
            )));
        };
        let keys = process.child().stdin.take();
        let serial = Serial::start(output, &hardware.log, hardware.show_console)?;
        Ok(Self {
            process,
            _tpm: tpm,
            qmp,
            serial,
            keys,
            boot_mark: 0,
        })
    }

    /// The serial line.
    pub const fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Waits until all services of this boot are ready: SIP is answered from here on.
    ///
    /// # Errors
    /// They are not within [`BOOT_MAX`], or a service was given up.
    pub fn wait_services(&self) -> Result<Line, MachineError> {
        self.wait_unless_given_up(READY_LINE)
    }

    /// The same, and until the router has given the box its address: phones and browsers reach it.
    ///
    /// # Errors
    /// They are not within [`BOOT_MAX`], or a service was given up.
    pub fn wait_ready(&self) -> Result<Line, MachineError> {
        let ready = self.wait_services()?;
        self.wait_unless_given_up(&format!("address {BOX_ADDRESS}/"))?;
        Ok(ready)
    }

    fn wait_unless_given_up(&self, wanted: &str) -> Result<Line, MachineError> {
        let (mark, never) = (self.boot_mark, Some(GIVEN_UP));
        Ok(self.serial.wait_unless(mark, wanted, never, BOOT_MAX)?)
    }

    /// Waits for a line of this boot.
    ///
    /// # Errors
    /// It did not come within `limit`.
    pub fn wait_line(&self, wanted: &str, limit: Duration) -> Result<Line, MachineError> {
        Ok(self.serial.wait(self.boot_mark, wanted, limit)?)
    }

    /// The stages of this boot: name and milliseconds since the kernel started.
    pub fn boot_stages(&self) -> Vec<(String, u64)> {
        let lines = self.serial.since(self.boot_mark);
        lines
            .iter()
            .filter_map(|line| parse_stage(&line.text))
            .collect()
    }

    /// Processor seconds QEMU has used.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds_of(self.process.id()).unwrap_or_default()
    }

    /// QEMU's process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Types a line on the serial line.
    ///
    /// # Errors
    /// QEMU is gone.
    pub fn type_line(&mut self, line: &str) -> Result<(), MachineError> {
        let keys = self.keys.as_mut().ok_or(MachineError::Off)?;
        let typed = writeln!(keys, "{line}").and_then(|()| keys.flush());
        typed.map_err(|_| MachineError::Off)
    }

    /// Presses the power button for a moment.
    ///
    /// # Errors
    /// QEMU is gone.
    pub fn press_power_button(&mut self) -> Result<(), MachineError> {
        self.qmp.execute("system_powerdown", &json!({}))?;
        Ok(())
    }

    /// Presses Ctrl, Alt and Del together; what the box says from here on is of the next boot.
    ///
    /// # Errors
    /// QEMU is gone.
    pub fn press_ctrl_alt_del(&mut self) -> Result<(), MachineError> {
        let key = |code: &str| json!({ "type": "qcode", "data": code });
        let keys = json!({ "keys": [key("ctrl"), key("alt"), key("delete")] });
        self.boot_mark = self.serial.mark();
        self.qmp.execute("send-key", &keys)?;
        Ok(())
    }

    /// Puts a memory stick with these bytes into a USB port.
    ///
    /// # Errors
    /// The box has no ports, or QEMU refuses the file.
    pub fn put_stick_in(&mut self, image: &Path) -> Result<(), MachineError> {
        let file = json!({ "driver": "file", "filename": image });
        let back = json!({ "driver": "raw", "node-name": STICK, "file": file });
        self.qmp.execute("blockdev-add", &back)?;
        let device = json!({
            "driver": "usb-storage", "id": STICK, "bus": "usb.0", "drive": STICK,
            "removable": true
        });
        self.qmp.execute("device_add", &device)?;
        Ok(())
    }

    /// Takes it out.
    ///
    /// # Errors
    /// There is none, or QEMU is gone.
    pub fn take_stick_out(&mut self) -> Result<(), MachineError> {
        self.qmp.execute("device_del", &json!({ "id": STICK }))?;
        self.qmp.wait_event("DEVICE_DELETED", STICK_OUT_MAX)?;
        self.qmp
            .execute("blockdev-del", &json!({ "node-name": STICK }))?;
        Ok(())
    }

    /// What the box says from here on is of the next boot. For restarts that the box does itself.
    pub fn expect_restart(&mut self) {
        self.boot_mark = self.serial.mark();
    }

    /// QEMU's control channel, for what a person cannot do at a box.
    pub const fn qmp(&mut self) -> &mut Qmp {
        &mut self.qmp
    }

    /// Waits for something QEMU reports, such as `RESET`, `SHUTDOWN` or `WATCHDOG`.
    ///
    /// # Errors
    /// It did not come in time.
    pub fn wait_event(&mut self, event: &str, limit: Duration) -> Result<(), MachineError> {
        Ok(self.qmp.wait_event(event, limit)?)
    }
}

fn why_not_started(hardware: &Hardware, errors: &Path, error: QmpError) -> MachineError {
    let said = std::fs::read_to_string(errors).unwrap_or_default();
    if said.trim().is_empty() {
        return MachineError::Qmp(error);
    }
    let program = hardware.product.image.machine.emulator().to_owned();
    MachineError::Process(ProcessError::Failed {
        program,
        message: said.trim().to_owned(),
    })
}

/// `ramal: stage <name> <milliseconds>`
fn parse_stage(text: &str) -> Option<(String, u64)> {
    let (_, rest) = text.split_once("ramal: ")?;
    let rest = rest.strip_prefix("stage ").unwrap_or(rest);
    let (name, millis) = rest.rsplit_once(' ')?;
    let millis = millis.trim_end_matches("ms").trim().parse().ok()?;
    Some((name.trim_end_matches(':').to_owned(), millis))
}

/// User and system time of a process. Source: proc(5), /proc/pid/stat fields 14 and 15.
fn cpu_seconds_of(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// What PID 1 says when all services are ready.
const READY_LINE: &str = "ramal: ready";

/// What PID 1 says of a service that it does not start again.
const GIVEN_UP: &str = "GIVEN UP";

/// Ten times what it takes under emulation on an idle two-core machine.
pub const BOOT_MAX: Duration = Duration::from_secs(120);

/// Linux's USER_HZ on every architecture we use.
const TICKS_PER_SECOND: f64 = 100.0;

/// QEMU's name for the memory stick.
const STICK: &str = "stick";

/// A device that is pulled out is gone at once.
const STICK_OUT_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_from_the_console() {
        assert_eq!(
            parse_stage("ramal: stage data 812"),
            Some(("data".to_owned(), 812))
        );
        assert_eq!(
            parse_stage("ramal: ready 2310"),
            Some(("ready".to_owned(), 2310))
        );
        assert_eq!(parse_stage("store: stage data"), None);
    }
}
