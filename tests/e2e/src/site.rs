//! Boxes ready to be tested: switched on, or with an office around them.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use image::build::{Image, Shipping};
use image::cargo::Profile;
use ipc::Redacted;
use qemu::desk::SIP_PORT;
use qemu::hardware::Product;
use qemu::lab::{DISK_LENGTH, Lab, Plan, Way};
use qemu::lan::BOX_ADDRESS;
use qemu::office::Office;
use qemu::probe::{Credentials, Outcome, Probe, ProbeError};

use crate::{Failure, Proof, Vitals, on_the_lan};

/// An office with one more extension, at which no phone stands: the tests speak for it.
pub struct Site {
    /// The office.
    pub office: Office,
    /// The extension without a phone.
    pub spare: Credentials,
}

/// The image, built once a process, with the profile that [`image::cargo::PROFILE_VARIABLE`] names.
///
/// # Errors
/// It cannot be built.
pub fn product() -> Result<Product, Failure> {
    static BUILT: OnceLock<Result<Product, String>> = OnceLock::new();
    let build = || {
        let profile = Profile::of_environment().map_err(|error| error.to_string())?;
        qemu::lab::build(profile).map_err(|error| error.to_string())
    };
    BUILT.get_or_init(build).clone().map_err(Failure::new)
}

/// The same image as another version. The parts of it are built already when this is called.
///
/// # Errors
/// It cannot be put together.
pub fn version(
    name: &str,
    security: u64,
    change: impl FnOnce(&mut Image, &mut Shipping) -> Result<(), Failure>,
) -> Result<Product, Failure> {
    let mut image = product()?.image;
    let mut shipping = Shipping {
        version: Some(name.to_owned()),
        security,
        ..Shipping::daily()
    };
    change(&mut image, &mut shipping)?;
    let shipped = image::build::ship(&image, &shipping)?;
    Ok(Product { image, shipped })
}

/// The file that a version is sent as.
///
/// # Errors
/// It cannot be read.
pub fn file_of(product: &Product) -> Result<Vec<u8>, Failure> {
    Ok(std::fs::read(&product.shipped.update)?)
}

/// A box whose console goes to the lab's log `e2e-<name>-<number>.log`, counted by boxes of this
/// process.
pub fn plan(log: &str, way: Way, disk_length: u64) -> Plan {
    static BOXES: AtomicU32 = AtomicU32::new(1);
    let number = BOXES.fetch_add(1, Ordering::Relaxed);
    Plan {
        port: 0,
        show_console: false,
        log_name: format!("e2e-{log}-{number}.log"),
        way,
        disk_length,
    }
}

/// Bytes of a disk on which so many are for the data, not counting what rounding takes.
#[must_use]
pub const fn small_disk(data: u64) -> u64 {
    image::disk::IMAGE_LENGTH + data
}

/// A box with a disk that was just flashed, just switched on.
///
/// # Errors
/// The lab does not stand.
pub fn switched_on(log: &str) -> Result<Lab, Failure> {
    let plan = plan(log, Way::Kernel, DISK_LENGTH);
    Ok(Lab::start_with(&plan, product()?)?)
}

/// Presses the power button and waits until the box is off, at most so long.
///
/// # Errors
/// It does not go off.
pub fn switch_off(lab: &mut Lab, limit: Duration) -> Proof {
    let serial = lab.machine()?.serial().clone();
    lab.machine()?.press_power_button()?;
    serial.wait_end(limit)?;
    lab.switch_off();
    Ok(())
}

/// An office around a new box: two phones, both registered.
///
/// # Errors
/// The first thing that failed.
pub fn office(log: &str) -> Result<Office, Failure> {
    let mut lab = switched_on(log)?;
    lab.machine()?.wait_ready()?;
    Ok(Office::open(lab)?)
}

impl Site {
    /// Sets it up.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn set_up(log: &str) -> Result<Self, Failure> {
        Self::around(office(log)?)
    }

    /// The same around an office that stands already.
    ///
    /// # Errors
    /// The box refused the extension.
    pub fn around(office: Office) -> Result<Self, Failure> {
        let password = office.api.create_extension(SPARE, "Spare")?;
        let spare = Credentials {
            extension: SPARE.to_owned(),
            password: Redacted::new(password),
        };
        Ok(Self { office, spare })
    }

    /// Asks the box something in SIP over UDP, from the office network.
    ///
    /// # Errors
    /// There is no answer.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Probe) -> Result<T, ProbeError> + Send + 'static,
    ) -> Result<T, Failure> {
        let ask = move || {
            let to = SocketAddr::from((BOX_ADDRESS, SIP_PORT));
            question(&mut Probe::udp(to)?.patient_for(ANSWER_MAX))
        };
        on_the_lan(&self.office.lab, ask)
    }

    /// Proves that the phone service works: a phone can ask, register and leave, and the box says
    /// that its services are well.
    ///
    /// # Errors
    /// What does not work.
    pub fn prove_alive(&self) -> Result<(), Failure> {
        let expect = |question: &str, outcome: Outcome, wanted: &[u16]| {
            if outcome.statuses == wanted {
                return Ok(());
            }
            let statuses = outcome.statuses;
            Err(Failure::new(format!(
                "{question} was answered by {statuses:?}, not {wanted:?}"
            )))
        };
        expect("OPTIONS", self.ask(Probe::options)?, &[200])?;
        for expires in [60, 0] {
            let spare = self.spare.clone();
            let answered = self.ask(move |probe| probe.register(&spare, expires))?;
            expect("REGISTER", answered, &[401, 200])?;
        }
        Vitals::of(&self.office.api)?.all_ready()
    }

    /// Runs something bad and proves that it harmed nobody: no service ended, the phone service
    /// works afterwards.
    ///
    /// # Errors
    /// Of `bad`, or what was harmed.
    pub fn prove_unharmed(
        &mut self,
        bad: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let before = Vitals::of(&self.office.api)?;
        bad(self)?;
        self.prove_alive()?;
        before.same_as(&Vitals::of(&self.office.api)?)
    }
}

/// No phone of the lab has it.
const SPARE: &str = "110";

/// A few times what an emulated box needs.
const ANSWER_MAX: Duration = Duration::from_secs(15);
