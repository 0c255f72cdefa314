//! The whole lab: network, box, way in from the host. Dropping it takes all of it down.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::build::Image;
use image::cargo::Profile;
use image::progress;

use crate::accelerate::Accelerator;
use crate::box_api::{ApiError, BoxApi};
use crate::forward::Forwarder;
use crate::lan::{BOX_ADDRESS, Lan, LanError};
use crate::leftovers::Scratch;
use crate::machine::{Hardware, Machine, MachineError, make_data_disk};
use crate::process::ProcessError;
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
    /// The box showed no password although its data disk was blank.
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
    /// Makes the host ready, builds the image with this profile and switches the box on with a
    /// blank data disk.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn start(plan: &Plan, profile: Profile) -> Result<Self, LabError> {
        let target = image::prepare::prepare()?;
        let image = image::build::build(target, profile)?;
        Self::start_with(plan, image)
    }

    /// The same with an image that is built already.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn start_with(plan: &Plan, image: Image) -> Result<Self, LabError> {
        let accelerator = Accelerator::probe(&image.vmlinux)?;
        match accelerator {
            Accelerator::Kvm => progress::step("Starting the box with hardware virtualisation"),
            Accelerator::Emulation => {
                progress::step("Starting the box in software emulation (KVM does not work here)");
            }
        }
        let log = log_path(&plan.log_name)?;
        let file = |path: &Path, source| LabError::File {
            path: path.to_owned(),
            source,
        };
        let scratch = Scratch::new().map_err(|source| file(&std::env::temp_dir(), source))?;
        let lan = Lan::start(scratch.path())?;
        let to = SocketAddr::from((BOX_ADDRESS, HTTPS_PORT));
        let inside = std::sync::Arc::clone(lan.namespace());
        let forwarder =
            Forwarder::start(plan.port, inside, to).map_err(|source| LabError::Forward {
                port: plan.port,
                source,
            })?;
        let data_disk = scratch.path().join("data.raw");
        let show_console = plan.show_console;
        let hardware = Hardware {
            image,
            accelerator,
            data_disk,
            log,
            show_console,
        };
        let mut lab = Self {
            forwarder,
            machine: None,
            lan,
            scratch,
            hardware,
        };
        make_data_disk(&lab.hardware.data_disk, DATA_DISK_SIZE)?;
        lab.switch_on()?;
        Ok(lab)
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

    /// The same with another data disk, from now on.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn switch_on_with(&mut self, data_disk: PathBuf) -> Result<(), LabError> {
        self.machine = None;
        self.hardware.data_disk = data_disk;
        self.switch_on()
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
        &self.hardware.image
    }

    /// The data disk of the box.
    pub fn data_disk(&self) -> &Path {
        &self.hardware.data_disk
    }

    /// The box's web page.
    pub fn web_address(&self) -> String {
        format!("https://127.0.0.1:{}/", self.forwarder.port())
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
        // The box hashes the password before it shows it, which takes an emulated one a second.
        self.machine()?.wait_line(PASSWORD_LABEL, PASSWORD_MAX)?;
        let password = self.machine()?.serial().take_one_time_password();
        let password = password.ok_or(LabError::NoPassword)?;
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
}

/// The account every new box has.
pub const ADMINISTRATOR: &str = "admin";

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

fn new_password() -> std::io::Result<String> {
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

/// Bytes, sparse: the smallest data disk a real box has is larger.
const DATA_DISK_SIZE: u64 = 2 * 1024 * 1024 * 1024;
