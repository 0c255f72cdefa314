//! One box in QEMU: what hardware it has, and its power switch.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::accelerate::Accelerator;
use crate::lan::{BOX_ADDRESS, BOX_MAC, Lan, TAP};
use crate::netns::NetnsError;
use crate::process::{Process, ProcessError, command};
use crate::qmp::{Listener, Qmp, QmpError};
use crate::serial::{Line, Serial, SerialError};

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
    /// It is off.
    #[error("the box is switched off")]
    Off,
    /// The data disk or log cannot be made.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What a box is made of.
#[derive(Clone, Debug)]
pub struct Hardware {
    /// The image.
    pub image: image::build::Image,
    /// How the processor is run.
    pub accelerator: Accelerator,
    /// The data disk: a raw file.
    pub data_disk: PathBuf,
    /// Where the console log goes; appended to.
    pub log: PathBuf,
    /// Show the console on standard error too.
    pub show_console: bool,
}

/// A running box. Dropping it pulls the plug.
pub struct Machine {
    process: Process,
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
        let mut qemu = qemu_command(hardware, listener.path())?;
        qemu.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&errors).map_err(error)?);
        let mut process = lan.namespace().spawn(qemu)?;
        let qmp = match listener.accept() {
            Ok(qmp) => qmp,
            Err(error) => return Err(why_not_started(&errors, error)),
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

/// An empty data disk.
///
/// # Errors
/// No room or no permission.
pub fn make_data_disk(path: &Path, size: u64) -> Result<(), MachineError> {
    let error = |source| MachineError::File {
        path: path.to_owned(),
        source,
    };
    std::fs::File::create(path)
        .and_then(|file| file.set_len(size))
        .map_err(error)
}

fn qemu_command(hardware: &Hardware, qmp: &Path) -> Result<Command, ProcessError> {
    let mut qemu = command("qemu-system-x86_64")?;
    let image = &hardware.image;
    // SATA and SMBus have nothing on them, and finding that out costs the kernel a CPU second.
    let machine = "q35,sata=off,smbus=off";
    qemu.args([
        "-name", "ramal", "-machine", machine, "-cpu", "max", "-m", "512",
    ]);
    qemu.args(["-accel", hardware.accelerator.name()]);
    qemu.args([
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-rtc",
        "base=utc",
    ]);
    qemu.args([
        "-chardev",
        "stdio,id=console,signal=off",
        "-serial",
        "chardev:console",
    ]);
    qemu.args([
        "-chardev",
        &format!("socket,id=control,path={}", qmp.display()),
    ]);
    qemu.args(["-mon", "chardev=control,mode=control"]);
    qemu.arg("-kernel")
        .arg(&image.vmlinux)
        .arg("-initrd")
        .arg(&image.initramfs);
    qemu.args(["-append", KERNEL_COMMAND_LINE]);
    qemu.args(["-drive", &drive("root", &image.root, "on")]);
    qemu.args(["-device", "virtio-blk-pci,drive=root,serial=ramal-root"]);
    qemu.args(["-drive", &drive("data", &hardware.data_disk, "off")]);
    qemu.args(["-device", "virtio-blk-pci,drive=data,serial=ramal-data"]);
    qemu.args([
        "-netdev",
        &format!("tap,id=lan,ifname={TAP},script=no,downscript=no"),
    ]);
    qemu.args([
        "-device",
        &format!("virtio-net-pci,netdev=lan,mac={BOX_MAC},romfile="),
    ]);
    qemu.args(["-device", "virtio-rng-pci"]);
    qemu.args(["-device", "i6300esb", "-action", "watchdog=reset"]);
    Ok(qemu)
}

fn drive(id: &str, file: &Path, read_only: &str) -> String {
    // QEMU doubles a comma in a file name.
    let file = file.display().to_string().replace(',', ",,");
    format!("if=none,id={id},format=raw,file={file},readonly={read_only}")
}

fn why_not_started(errors: &Path, error: QmpError) -> MachineError {
    let said = std::fs::read_to_string(errors).unwrap_or_default();
    if said.trim().is_empty() {
        return MachineError::Qmp(error);
    }
    let program = "qemu-system-x86_64".to_owned();
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

/// Errors and above on the console: each line costs emulated time. A panic restarts the box. The
/// root comes on a disk of its own and is not verified.
const KERNEL_COMMAND_LINE: &str = "console=ttyS0 loglevel=4 panic=5 ramal.lab=1";

/// What PID 1 says when all services are ready.
const READY_LINE: &str = "ramal: ready";

/// What PID 1 says of a service that it does not start again.
const GIVEN_UP: &str = "GIVEN UP";

/// Ten times what it takes under emulation on an idle two-core machine.
pub const BOOT_MAX: Duration = Duration::from_secs(120);

/// Linux's USER_HZ on every architecture we use.
const TICKS_PER_SECOND: f64 = 100.0;

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
