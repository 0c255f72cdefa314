//! The whole lab: network, box, way in from the host. Dropping it takes all of it down.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::base::Base;
use image::build::{Image, Shipping};
use image::cargo::Profile;
use image::progress;

use crate::accelerate::Accelerator;
use crate::box_api::{ApiError, BoxApi};
use crate::disk::{BoxDisk, DiskError};
use crate::forward::Forwarder;
use crate::hardware::{Attachment, Display, Drive, Firmware, Hardware, Product, Start};
use crate::lan::{BOX_ADDRESS, Lan, LanError};
use crate::leftovers::Scratch;
use crate::machine::{Machine, MachineError};
use crate::process::ProcessError;
use crate::screen::ScreenError;
use crate::serial::PASSWORD_LABEL;

/// Why the lab does not stand.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The host is not ready.
    #[error(transparent)]
    Prepare(#[from] image::prepare::PrepareError),
    /// The image.
    #[error(transparent)]
    Build(#[from] image::build::BuildError),
    /// A program of the host.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The network.
    #[error(transparent)]
    Lan(#[from] LanError),
    /// The box.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The box's disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The box's screen.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// The box's API.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A phone.
    #[error(transparent)]
    Phone(#[from] crate::phone::PhoneError),
    /// A SIP question.
    #[error(transparent)]
    Probe(#[from] crate::probe::ProbeError),
    /// What a phone heard.
    #[error(transparent)]
    Sound(#[from] crate::sound::SoundFault),
    /// The way in from the host.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another with --port")]
    Forward {
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the lab.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The box showed no password although it was started for the first time.
    #[error("the box is ready but showed no one-time password on its screen")]
    NoPassword,
}

/// What is chosen for a lab.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The port on 127.0.0.1 for the box's web page; 0 takes a free one.
    pub port: u16,
    /// Show the box's console.
    pub show_console: bool,
    /// The name of the console log, under `<target>/lab/`.
    pub log_name: String,
    /// By whom the box is started.
    pub way: Way,
    /// Bytes of the box's disk, which is sparse.
    pub disk_length: u64,
}

/// By whom the box is started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// [`Start::Kernel`], with GUIDs and the data partition made beforehand, as a restarted box
    /// gets the same command line again.
    Kernel,
    /// [`Start::Firmware`], from a disk that was just flashed.
    Firmware,
}

/// As an image is built for the lab.
///
/// # Errors
/// The first part that failed.
pub fn build(profile: Profile) -> Result<Product, LabError> {
    build_as(profile, &Shipping::daily())
}

/// The same as another version, or for other disks.
///
/// # Errors
/// The first part that failed.
pub fn build_as(profile: Profile, shipping: &Shipping) -> Result<Product, LabError> {
    let target = image::prepare::prepare()?;
    let image = image::build::build(target, profile)?;
    let shipped = image::build::ship(&image, shipping)?;
    Ok(Product { image, shipped })
}

/// The same of a base that is named, for a PC.
///
/// # Errors
/// The first part that failed.
pub fn build_on(base: Base, profile: Profile) -> Result<Product, LabError> {
    let target = image::prepare::prepare()?;
    let shipping = &Shipping::daily();
    let image = image::build::build_on(
        base,
        image::Machine::X86_64,
        target,
        profile,
        &shipping.keys,
    )?;
    let shipped = image::build::ship(&image, shipping)?;
    Ok(Product { image, shipped })
}

/// The lab.
pub struct Lab {
    // Order matters: each is taken down before what it stands on.
    forwarder: Forwarder,
    machine: Option<Machine>,
    lan: Lan,
    scratch: Scratch,
    hardware: Hardware,
}

impl Lab {
    /// Makes the host ready, builds the image with this profile and switches the box on with a disk
    /// that was just flashed.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn start(plan: &Plan, profile: Profile) -> Result<Self, LabError> {
        Self::start_with(plan, build(profile)?)
    }

    /// The same with an image that is built already.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn start_with(plan: &Plan, product: Product) -> Result<Self, LabError> {
        let mut lab = Self::set_up(plan, product)?;
        lab.switch_on()?;
        Ok(lab)
    }

    /// The same, and the box is not switched on yet.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn set_up(plan: &Plan, product: Product) -> Result<Self, LabError> {
        let machine = product.image.machine;
        image::prepare::prepare_emulator(machine)?;
        let accelerator = Accelerator::probe(machine, &product.image.vmlinux)?;
        progress::step(match accelerator {
            Accelerator::Kvm => "Starting the box with hardware virtualisation",
            Accelerator::Emulation => {
                "Starting the box in software emulation (KVM does not work here)"
            }
        });
        let log = log_path(&plan.log_name)?;
        let scratch = Scratch::new().map_err(|source| file(&std::env::temp_dir(), source))?;
        let lan = Lan::start(scratch.path())?;
        let to = SocketAddr::from((BOX_ADDRESS, HTTPS_PORT));
        let inside = std::sync::Arc::clone(lan.namespace());
        let forwarder =
            Forwarder::start(plan.port, inside, to).map_err(|source| LabError::Forward {
                port: plan.port,
                source,
            })?;
        let start = match plan.way {
            Way::Kernel => Start::Kernel,
            Way::Firmware => Start::Firmware(firmware(machine, scratch.path())?),
        };
        let flashed = scratch.path().join("disk.raw");
        let disk = BoxDisk::flashed(&product.shipped.disk, flashed, plan.disk_length)?;
        if plan.way == Way::Kernel {
            disk.make_data_partition()?;
        }
        let hardware = Hardware {
            product,
            start,
            drives: vec![Drive::usual(disk)],
            accelerator,
            memory: MEMORY,
            has_network: true,
            has_usb: false,
            tpm: None,
            display: Display::Serial,
            log,
            show_console: plan.show_console,
        };
        Ok(Self {
            forwarder,
            machine: None,
            lan,
            scratch,
            hardware,
        })
    }

    /// Switches the box on, off before if it is on. Does not wait.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn switch_on(&mut self) -> Result<(), LabError> {
        self.machine = None;
        self.machine = Some(Machine::start(
            &self.lan,
            &self.hardware,
            self.scratch.path(),
        )?);
        Ok(())
    }

    /// The same with another disk, from now on.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn switch_on_with(&mut self, disk: BoxDisk) -> Result<(), LabError> {
        self.rebuild(|hardware| hardware.drives = vec![Drive::usual(disk)]);
        self.switch_on()
    }

    /// Changes what the box is made of; it is off then.
    pub fn rebuild(&mut self, change: impl FnOnce(&mut Hardware)) {
        self.machine = None;
        change(&mut self.hardware);
    }

    /// Pulls the plug.
    pub fn switch_off(&mut self) {
        self.machine = None;
    }

    /// The box.
    ///
    /// # Errors
    /// It was switched off.
    pub fn machine(&mut self) -> Result<&mut Machine, LabError> {
        let off = || LabError::Machine(MachineError::Off);
        self.machine.as_mut().ok_or_else(off)
    }

    /// The network.
    pub const fn lan(&self) -> &Lan {
        &self.lan
    }

    /// Where files of this lab go; gone with it.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The console log; it stays.
    pub fn log(&self) -> &Path {
        &self.hardware.log
    }

    /// How the box's processor is run.
    pub const fn accelerator(&self) -> Accelerator {
        self.hardware.accelerator
    }

    /// The image the box runs.
    pub const fn image(&self) -> &Image {
        &self.hardware.product.image
    }

    /// What is shipped of the firmware.
    pub const fn product(&self) -> &Product {
        &self.hardware.product
    }

    /// The disk of the box; the first, when there are several.
    ///
    /// # Errors
    /// It has none.
    pub fn disk(&self) -> Result<&BoxDisk, LabError> {
        let first = self.hardware.drives.first().map(|drive| &drive.disk);
        let none = || LabError::Machine(MachineError::Off);
        first.ok_or_else(none)
    }

    /// The box's web page.
    pub fn web_address(&self) -> String {
        format!("https://127.0.0.1:{}/", self.forwarder.port())
    }

    /// The port of the host that leads to the box's web page.
    pub fn web_port(&self) -> u16 {
        self.forwarder.port()
    }

    /// The box's API, not signed in.
    pub fn api(&self) -> BoxApi {
        BoxApi::new(self.forwarder.port())
    }

    /// Does what the installer of a new box does: signs in with the password on the screen and
    /// chooses another.
    ///
    /// # Errors
    /// The box showed no password or refused it.
    pub fn first_sign_in(&mut self) -> Result<(BoxApi, String), LabError> {
        let password = self.one_time_password()?;
        let mut api = self.api();
        api.sign_in(ADMINISTRATOR, &password)?;
        let chosen = new_password().map_err(|source| LabError::File {
            path: PathBuf::from(RANDOM),
            source,
        })?;
        api.change_password(&password, &chosen)?;
        api.sign_in(ADMINISTRATOR, &chosen)?;
        Ok((api, chosen))
    }

    /// The password that the screen of a new box shows, for whoever signs in first.
    ///
    /// # Errors
    /// It shows none.
    pub fn one_time_password(&mut self) -> Result<String, LabError> {
        // The box hashes the password before it shows it, which takes an emulated one a second.
        self.machine()?.wait_line(PASSWORD_LABEL, PASSWORD_MAX)?;
        let password = self.machine()?.serial().take_one_time_password();
        password.ok_or(LabError::NoPassword)
    }
}

/// The account every new box has.
pub const ADMINISTRATOR: &str = "admin";

impl Drive {
    /// As most boxes have it in the lab.
    #[must_use]
    pub const fn usual(disk: BoxDisk) -> Self {
        Self {
            disk,
            attachment: Attachment::Virtio,
            sector: 512,
        }
    }
}

/// The firmware of the box with variables of its own in `scratch`.
///
/// # Errors
/// It cannot be installed or copied.
pub fn firmware(machine: image::Machine, scratch: &Path) -> Result<Firmware, LabError> {
    let shipped = image::prepare::prepare_firmware(machine)?;
    with_own_variables(shipped, scratch, false)
}

/// The same with firmware that can do Secure Boot and waits for keys.
///
/// # Errors
/// As for [`firmware`].
pub fn secure_firmware(scratch: &Path) -> Result<Firmware, LabError> {
    let shipped = image::prepare::prepare_secure_firmware()?;
    with_own_variables(shipped, scratch, true)
}

fn with_own_variables(
    (code, shipped): (PathBuf, PathBuf),
    scratch: &Path,
    is_secure: bool,
) -> Result<Firmware, LabError> {
    let variables = scratch.join("variables.fd");
    std::fs::copy(shipped, &variables).map_err(|source| file(&variables, source))?;
    Ok(Firmware {
        code,
        variables,
        is_secure,
    })
}

fn file(path: &Path, source: std::io::Error) -> LabError {
    LabError::File {
        path: path.to_owned(),
        source,
    }
}

fn log_path(name: &str) -> Result<PathBuf, LabError> {
    let folder = image::build::target_folder().join("lab");
    let error = |source| LabError::File {
        path: folder.clone(),
        source,
    };
    std::fs::create_dir_all(&folder).map_err(error)?;
    let path = folder.join(name);
    std::fs::write(&path, "").map_err(error)?;
    Ok(path)
}

/// A password as a person would choose a good one.
///
/// # Errors
/// The kernel has no random bytes.
pub fn new_password() -> std::io::Result<String> {
    use std::io::Read;
    let mut bytes = [0; 16];
    std::fs::File::open(RANDOM)?.read_exact(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// Many times what it takes.
const PASSWORD_MAX: Duration = Duration::from_secs(30);

const RANDOM: &str = "/dev/urandom";

/// The box serves nothing else to people.
const HTTPS_PORT: u16 = 443;

/// Bytes: the smallest disk a real box has is larger.
pub const DISK_LENGTH: u64 = 4 * 1024 * 1024 * 1024;

/// MiB: the smallest a box may have.
const MEMORY: u32 = 512;
