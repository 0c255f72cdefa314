//! Finds out whether hardware virtualisation really works here, not only whether a device is there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use image::Machine;

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

    /// Tries KVM: the kernel has to greet within [`PROBE_MAX`]. A `/dev/kvm` inside another virtual
    /// machine may be there, run firmware, and hang with a kernel.
    ///
    /// # Errors
    /// QEMU is not installed.
    pub fn probe(machine: Machine, vmlinux: &Path) -> Result<Self, ProcessError> {
        // The host is a PC: the toolchain that images are made with is for nothing else.
        if machine != Machine::X86_64 || !Path::new("/dev/kvm").exists() {
            return Ok(Self::Emulation);
        }
        let mut qemu = command(machine.emulator())?;
        qemu.args([
            "-accel", "kvm", "-machine", "q35", "-cpu", "max", "-m", "256",
        ]);
        qemu.args(["-nodefaults", "-display", "none", "-no-reboot"]);
        qemu.args([
            "-chardev",
            "stdio,id=console,signal=off",
            "-serial",
            "chardev:console",
        ]);
        qemu.arg("-kernel").arg(vmlinux);
        qemu.args(["-append", "console=ttyS0 earlyprintk=serial,ttyS0 panic=-1"]);
        qemu.stdout(Stdio::piped());
        let mut process = Process::start(qemu)?;
        let Some(output) = process.child().stdout.take() else {
            return Ok(Self::Emulation);
        };
        let (greeted, greeting) = channel();
        // Ends with the pipe, and that with the process.
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            let seen = lines.any(|line| line.contains("Linux version"));
            greeted.send(seen)
        });
        let works = greeting.recv_timeout(PROBE_MAX).unwrap_or(false);
        Ok(if works { Self::Kvm } else { Self::Emulation })
    }
}

/// A kernel under working KVM greets within a tenth of this.
const PROBE_MAX: Duration = Duration::from_secs(2);
