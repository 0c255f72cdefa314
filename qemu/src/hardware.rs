//! What a box is made of, as QEMU is told.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::Machine;
use image::assemble::{AssembleError, Shipped};
use image::build::Image;
use slot::Slot;

use crate::accelerate::Accelerator;
use crate::disk::BoxDisk;
use crate::lan::{BOX_MAC, TAP};
use crate::process::{ProcessError, command};
use crate::tpm::Tpm;

/// The firmware of the box: its parts, and what is shipped of them.
#[derive(Clone, Debug)]
pub struct Product {
    /// The parts.
    pub image: Image,
    /// Disk image and update file.
    pub shipped: Shipped,
}

/// By whom the box is started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Start {
    /// By QEMU, with the kernel of slot A and the command line that the loader would give it:
    /// everything but the machine's firmware and the loader, and some CPU seconds sooner.
    Kernel,
    /// By the machine's firmware (OVMF, on Arm AAVMF), which starts the loader from the disk.
    Firmware(Firmware),
}

/// The machine's firmware.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Firmware {
    /// Its code.
    pub code: PathBuf,
    /// Its variables, which it writes.
    pub variables: PathBuf,
    /// Whether it can do Secure Boot: its variables are then where only it can write.
    pub is_secure: bool,
}

/// How a disk is attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attachment {
    /// As virtual machines have it.
    Virtio,
    /// NVMe.
    Nvme,
    /// SATA.
    Ahci,
    /// A stick or disk on USB 3.
    Usb,
    /// An SD card.
    Sd,
}

/// A disk in a box.
#[derive(Clone, Debug)]
pub struct Drive {
    /// The disk.
    pub disk: BoxDisk,
    /// How it is attached.
    pub attachment: Attachment,
    /// Bytes of its sectors.
    pub sector: u16,
}

/// What a person sees of the box.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Display {
    /// The serial line.
    Serial,
    /// A screen.
    Screen,
}

/// What a box is made of.
#[derive(Clone, Debug)]
pub struct Hardware {
    /// What it runs.
    pub product: Product,
    /// By whom it is started.
    pub start: Start,
    /// Its disks; it is started from the first.
    pub drives: Vec<Drive>,
    /// How the processor is run.
    pub accelerator: Accelerator,
    /// Memory, MiB.
    pub memory: u32,
    /// Whether it has a network card.
    pub has_network: bool,
    /// Whether it has USB ports, whatever is in them.
    pub has_usb: bool,
    /// Its TPM, when it has one.
    pub tpm: Option<Tpm>,
    /// What a person sees of it.
    pub display: Display,
    /// Where the console log goes; appended to.
    pub log: PathBuf,
    /// Show the console on standard error too.
    pub show_console: bool,
}

/// Why QEMU cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HardwareError {
    /// QEMU is not there.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The disk is not one of the image's.
    #[error(transparent)]
    Image(#[from] AssembleError),
}

impl Hardware {
    /// QEMU's command line, with its control channel at `qmp`.
    ///
    /// # Errors
    /// QEMU is not installed, or the first disk cannot be started from.
    pub(crate) fn command(&self, qmp: &Path) -> Result<Command, HardwareError> {
        let machine = self.product.image.machine;
        let mut qemu = command(machine.emulator())?;
        match machine {
            Machine::X86_64 => self.add_pc(&mut qemu),
            Machine::Aarch64 => self.add_virt(&mut qemu),
        }
        self.add_board(&mut qemu);
        self.add_start(&mut qemu)?;
        let control = format!("socket,id=control,path={}", name(qmp));
        qemu.args(["-chardev", &control]);
        qemu.args(["-mon", "chardev=control,mode=control"]);
        for (place, drive) in self.drives.iter().enumerate() {
            add_drive(&mut qemu, place, drive);
        }
        if self.has_network {
            let tap = format!("tap,id=lan,ifname={TAP},script=no,downscript=no");
            qemu.args(["-netdev", &tap]);
            let card = format!("virtio-net-pci,netdev=lan,mac={BOX_MAC},romfile=");
            qemu.args(["-device", &card]);
        }
        if let Some(tpm) = &self.tpm {
            tpm.add_to(&mut qemu);
        }
        qemu.args(["-device", "virtio-rng-pci"]);
        qemu.args(["-device", "i6300esb", "-action", "watchdog=reset"]);
        Ok(qemu)
    }

    /// A PC.
    fn add_pc(&self, qemu: &mut Command) {
        // SATA and SMBus have nothing on them, and finding that out costs the kernel a CPU second.
        let sata = match self.has_attached(Attachment::Ahci) {
            true => "on",
            false => "off",
        };
        let is_secure = matches!(&self.start, Start::Firmware(it) if it.is_secure);
        let smm = if is_secure { ",smm=on" } else { "" };
        let machine = format!("q35,sata={sata},smbus=off{smm}");
        // Emulation clears memory a byte at a time with the instruction that is the quickest on a
        // processor, and the kernel clears each page it hands out: a seventh of a start. After the
        // one that compares 16 bytes, an interrupt can find flags that are none, and the kernel
        // ends by a double fault (seen once in QEMU 7.2); without it the kernel takes a lock.
        let processor = match self.accelerator {
            Accelerator::Kvm => "max",
            Accelerator::Emulation => "max,erms=off,cx16=off",
        };
        qemu.args(["-machine", &machine, "-cpu", processor]);
        if is_secure {
            let guarded = "driver=cfi.pflash01,property=secure,value=on";
            qemu.args(["-global", guarded, "-global", "ICH9-LPC.disable_s3=1"]);
        }
        if self.has_usb || self.has_attached(Attachment::Usb) {
            qemu.args(["-device", "qemu-xhci,id=usb"]);
        }
    }

    /// A 64-bit Arm machine as QEMU has made it up: what it is made of, its firmware tells.
    fn add_virt(&self, qemu: &mut Command) {
        // How pointers are signed is up to the processor; as Arm proposes it, emulation takes
        // several times as long for the whole of a start.
        qemu.args(["-machine", "virt", "-cpu", "max,pauth-impdef=on"]);
        // It has no keyboard otherwise, and so nobody could press Ctrl-Alt-Del.
        qemu.args([
            "-device",
            "qemu-xhci,id=usb",
            "-device",
            "usb-kbd,bus=usb.0",
        ]);
    }

    fn has_attached(&self, wanted: Attachment) -> bool {
        self.drives.iter().any(|it| it.attachment == wanted)
    }

    /// What every kind of machine has.
    fn add_board(&self, qemu: &mut Command) {
        let memory = self.memory.to_string();
        qemu.args(["-name", "ramal", "-m", &memory]);
        qemu.args(["-accel", self.accelerator.name()]);
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none"]);
        qemu.args(["-rtc", "base=utc"]);
        // The line is there without a port too: that it ends tells that QEMU has.
        qemu.args(["-chardev", "stdio,id=console,signal=off"]);
        match self.display {
            Display::Serial => qemu.args(["-serial", "chardev:console"]),
            Display::Screen => qemu.args(["-device", "VGA"]),
        };
        if self.has_attached(Attachment::Sd) {
            qemu.args(["-device", "sdhci-pci"]);
        }
    }

    fn add_start(&self, qemu: &mut Command) -> Result<(), HardwareError> {
        match &self.start {
            Start::Kernel => {
                let image = &self.product.image;
                qemu.arg("-kernel").arg(&image.vmlinux);
                qemu.arg("-initrd").arg(&image.initramfs);
                if let Some(first) = self.drives.first() {
                    let shipped = &self.product.shipped;
                    let line = shipped.command_line_of(Slot::A, first.disk.path())?;
                    qemu.args(["-append", &line]);
                }
            }
            Start::Firmware(firmware) => {
                let flash = |file: &Path, rest: &str| {
                    format!("if=pflash,format=raw,file={}{rest}", name(file))
                };
                qemu.args(["-drive", &flash(&firmware.code, ",unit=0,readonly=on")]);
                qemu.args(["-drive", &flash(&firmware.variables, ",unit=1")]);
            }
        }
        Ok(())
    }
}

fn add_drive(qemu: &mut Command, place: usize, drive: &Drive) {
    let file = name(drive.disk.path());
    let back = format!("if=none,id=disk{place},format=raw,file={file}");
    qemu.args(["-drive", &back]);
    let sector = drive.sector;
    let blocks = format!("logical_block_size={sector},physical_block_size={sector}");
    // QEMU gives a kernel it starts itself the first place.
    let turn = place + 1;
    let rest = format!("drive=disk{place},bootindex={turn},{blocks}");
    let device = match drive.attachment {
        Attachment::Virtio => format!("virtio-blk-pci,{rest}"),
        Attachment::Nvme => format!("nvme,serial=disk{place},{rest}"),
        Attachment::Ahci => format!("ide-hd,bus=ide.{place},{rest}"),
        Attachment::Usb => format!("usb-storage,bus=usb.0,removable=on,{rest}"),
        // A card has sectors of 512 bytes and is never started from by the firmware of QEMU.
        Attachment::Sd => format!("sd-card,drive=disk{place}"),
    };
    qemu.args(["-device", &device]);
}

/// QEMU doubles a comma in a file name.
fn name(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
