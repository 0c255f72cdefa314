//! A box in QEMU that boots from its firmware.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use image::Machine;
use qemu::process::{Process, command};
use qemu::serial::Serial;

use crate::{BoxDisk, Failure, folder};

/// What firmware a box has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Firmware<'a> {
    /// One that starts everything.
    Plain,
    /// One with Secure Boot, whose variables these are.
    Secure(&'a Path),
    /// As `Plain`, and every write to the disk is kept in this file.
    Recorded(&'a Path),
}

/// What a box said until it switched itself off, or restarted where that ends the test.
pub struct Boot {
    /// All lines, in order.
    pub lines: Vec<String>,
}

impl Boot {
    /// Whether the box said these things in this order, other lines between them or not.
    ///
    /// # Panics
    /// It did not: with all it said.
    pub fn expect(&self, wanted: &[&str]) {
        let mut lines = self.lines.iter();
        for wanted in wanted {
            let found = lines.any(|line| line.contains(wanted));
            assert!(
                found,
                "the box did not say {wanted:?}:\n{}",
                self.lines.join("\n")
            );
        }
    }

    /// Whether the box never said this.
    ///
    /// # Panics
    /// It did: with all it said.
    pub fn expect_never(&self, unwanted: &str) {
        let said = self.lines.iter().any(|line| line.contains(unwanted));
        assert!(
            !said,
            "the box said {unwanted:?}:\n{}",
            self.lines.join("\n")
        );
    }

    /// How often it said this.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(text)).count()
    }
}

/// Boots from a disk until the box switches itself off. A restart goes on.
///
/// # Errors
/// QEMU does not run, or the box does not end.
pub fn boot(firmware: Firmware<'_>, disk: &BoxDisk) -> Result<Boot, Failure> {
    run(firmware, &[disk], End::Off, &[])
}

/// Boots from the first of some disks until the box switches itself off or restarts.
///
/// # Errors
/// QEMU does not run, or the box does not end.
pub fn boot_disks(firmware: Firmware<'_>, disks: &[&BoxDisk]) -> Result<Boot, Failure> {
    run(firmware, disks, End::Restart, &[])
}

/// The same, with keys typed when the box says something.
///
/// # Errors
/// QEMU does not run, or the box does not end.
pub fn boot_typing(disk: &BoxDisk, typed: &[(&str, &str)]) -> Result<Boot, Failure> {
    run(Firmware::Plain, &[disk], End::Restart, typed)
}

/// Boots until the box says something, and pulls the plug.
///
/// # Errors
/// QEMU does not run, or the box does not say it.
pub fn boot_until(firmware: Firmware<'_>, disk: &BoxDisk, last: &str) -> Result<Boot, Failure> {
    run(firmware, &[disk], End::Said(last), &[])
}

/// When a test is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End<'a> {
    /// When the box is off; a restart goes on.
    Off,
    /// When it is off or restarts.
    Restart,
    /// When it says this.
    Said(&'a str),
}

fn run(
    firmware: Firmware<'_>,
    disks: &[&BoxDisk],
    end: End<'_>,
    typed: &[(&str, &str)],
) -> Result<Boot, Failure> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let name = disks.first().and_then(|disk| disk.path.file_stem());
    let name = name.unwrap_or_default().to_string_lossy().into_owned();
    let scratch = folder("boxes")?;
    let variables = scratch.join(format!("{name}.vars"));
    let machine = Machine::of_environment()?;
    let (code, original) = code_and_variables(machine, firmware)?;
    if !code.exists() {
        return Err(Failure::NoFirmware(code));
    }
    std::fs::copy(original, &variables)?;
    let mut qemu = qemu_command(machine, firmware, &code, &variables)?;
    for (place, disk) in disks.iter().enumerate() {
        add_disk(&mut qemu, firmware, disk, place);
    }
    if end == End::Restart {
        qemu.arg("-no-reboot");
    }
    let errors = scratch.join(format!("{name}.errors"));
    qemu.stdin(Stdio::piped()).stdout(Stdio::piped());
    qemu.stderr(std::fs::File::create(&errors)?);
    let mut process = Process::start(qemu)?;
    let (input, output) = (process.child().stdin.take(), process.child().stdout.take());
    let broken = || Failure::Other("QEMU has no pipes".into());
    let (mut input, output) = input.zip(output).ok_or_else(broken)?;
    let serial = Serial::start(output, &scratch.join(format!("{name}.log")), false)?;
    for (wanted, keys) in typed {
        serial.wait(0, wanted, BOOT_MAX)?;
        input.write_all(keys.as_bytes())?;
    }
    if let End::Said(last) = end {
        serial.wait(0, last, BOOT_MAX)?;
        drop(process);
    } else {
        serial.wait_end(BOOT_MAX)?;
        process.wait()?;
    }
    let lines = serial.since(0).into_iter().map(|line| line.text).collect();
    let complaints = std::fs::read_to_string(&errors)?;
    std::fs::remove_file(&variables)?;
    drop(turn);
    match complaints.trim() {
        "" => Ok(Boot { lines }),
        said => Err(Failure::Other(format!("QEMU says: {said}"))),
    }
}

/// Debian's OVMF; its secure build keeps variables where only the firmware can write. AAVMF is the
/// same for Arm.
fn code_and_variables(
    machine: Machine,
    firmware: Firmware<'_>,
) -> Result<(PathBuf, PathBuf), Failure> {
    let folder = match machine {
        Machine::X86_64 => Path::new("/usr/share/OVMF"),
        Machine::Aarch64 => Path::new("/usr/share/AAVMF"),
    };
    let both = |code, variables| Ok((folder.join(code), folder.join(variables)));
    match (machine, firmware) {
        (Machine::X86_64, Firmware::Plain | Firmware::Recorded(_)) => {
            both("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
        }
        (Machine::X86_64, Firmware::Secure(variables)) => {
            Ok((folder.join("OVMF_CODE_4M.secboot.fd"), variables.to_owned()))
        }
        (Machine::Aarch64, Firmware::Plain | Firmware::Recorded(_)) => {
            both("AAVMF_CODE.fd", "AAVMF_VARS.fd")
        }
        (Machine::Aarch64, Firmware::Secure(_)) => Err(Failure::NotSecure),
    }
}

fn qemu_command(
    machine: Machine,
    firmware: Firmware<'_>,
    code: &Path,
    variables: &Path,
) -> Result<Command, Failure> {
    let mut qemu = command(machine.emulator())?;
    qemu.args(["-accel", "tcg", "-cpu", "max", "-m", "512"]);
    qemu.args(["-nodefaults", "-no-user-config", "-display", "none"]);
    match (machine, firmware) {
        (Machine::Aarch64, _) => qemu.args(["-machine", "virt"]),
        (Machine::X86_64, Firmware::Plain | Firmware::Recorded(_)) => {
            qemu.args(["-machine", "q35"])
        }
        (Machine::X86_64, Firmware::Secure(_)) => qemu.args([
            "-machine",
            "q35,smm=on",
            "-global",
            "driver=cfi.pflash01,property=secure,value=on",
            "-global",
            "ICH9-LPC.disable_s3=1",
        ]),
    };
    let flash = |file: &Path, rest: &str| format!("if=pflash,format=raw,file={}{rest}", name(file));
    qemu.args(["-drive", &flash(code, ",unit=0,readonly=on")]);
    qemu.args(["-drive", &flash(variables, ",unit=1")]);
    qemu.args([
        "-chardev",
        "stdio,id=console,signal=off",
        "-serial",
        "chardev:console",
    ]);
    Ok(qemu)
}

fn add_disk(qemu: &mut Command, firmware: Firmware<'_>, disk: &BoxDisk, place: usize) {
    let file = format!(
        "driver=file,filename={},node-name=file{place}",
        name(&disk.path)
    );
    qemu.args(["-blockdev", &file]);
    let layer = match firmware {
        Firmware::Recorded(log) => {
            let log = format!("driver=file,filename={},node-name=log{place}", name(log));
            qemu.args(["-blockdev", &log]);
            let sector = "log-sector-size=512,log-append=off";
            format!("driver=blklogwrites,file=file{place},log=log{place},{sector}")
        }
        Firmware::Plain | Firmware::Secure(_) => format!("driver=raw,file=file{place}"),
    };
    qemu.args(["-blockdev", &format!("{layer},node-name=disk{place}")]);
    let sector = disk.sector;
    let blocks = format!("logical_block_size={sector},physical_block_size={sector}");
    let device = format!("virtio-blk-pci,drive=disk{place},bootindex={place},{blocks}");
    qemu.args(["-device", &device]);
}

/// QEMU doubles a comma in a file name.
fn name(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// Ten times what four boots and the loader's pause take under emulation on a busy machine.
const BOOT_MAX: Duration = Duration::from_secs(240);
