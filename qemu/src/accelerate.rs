//! Finds out whether hardware virtualisation really works here, not only whether a device is there.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::process::{Process, ProcessError, command};

/// How QEMU runs the box's processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accelerator {
    /// By the host's processor.
    Kvm,
    /// By translation: everywhere, and slowly.
    Emulation,
}

impl Accelerator {
    /// QEMU's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Emulation => "tcg",
        }
    }

    /// Tries KVM: firmware of an empty machine has to print its greeting within [`PROBE_MAX`].
    /// A `/dev/kvm` inside another virtual machine may be there and not work.
    ///
    /// # Errors
    /// QEMU is not installed.
    pub fn probe() -> Result<Self, ProcessError> {
        if !std::path::Path::new("/dev/kvm").exists() {
            return Ok(Self::Emulation);
        }
        let mut qemu = command("qemu-system-x86_64")?;
        qemu.args([
            "-accel", "kvm", "-machine", "q35", "-cpu", "max", "-m", "64",
        ]);
        qemu.args(["-nodefaults", "-display", "none", "-no-reboot"]);
        qemu.args(["-chardev", "stdio,id=firmware,signal=off"]);
        qemu.args(["-device", "isa-debugcon,iobase=0x402,chardev=firmware"]);
        qemu.stdout(Stdio::piped());
        let mut process = Process::start(qemu)?;
        let Some(output) = process.child().stdout.take() else {
            return Ok(Self::Emulation);
        };
        let (greeted, greeting) = channel();
        // Ends with the pipe, and that with the process.
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            let seen = lines.any(|line| line.contains("SeaBIOS"));
            greeted.send(seen)
        });
        let works = greeting.recv_timeout(PROBE_MAX).unwrap_or(false);
        Ok(if works { Self::Kvm } else { Self::Emulation })
    }
}

/// Firmware under working KVM greets within a tenth of this.
const PROBE_MAX: Duration = Duration::from_secs(2);
