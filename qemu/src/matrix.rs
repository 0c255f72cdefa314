//! `cargo qemu matrix`: the same image on every kind of hardware it is for, a start each.

use std::time::{Duration, Instant};

use image::build::Shipping;
use image::cargo::Profile;
use image::progress;

use crate::hardware::{Attachment, Display, Drive, Product};
use crate::lab::{self, DISK_LENGTH, Lab, LabError, Plan, Way};
use crate::machine::MachineError;
use crate::screen::Screen;

/// A box of some hardware.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// What people call it.
    pub name: &'static str,
    way: Way,
    attachment: Attachment,
    sector: u16,
    has_network: bool,
    display: Display,
}

/// The image for disks of either kind of sectors.
#[derive(Clone, Debug)]
pub struct Products {
    usual: Product,
    large_sectors: Product,
}

impl Products {
    /// Builds both.
    ///
    /// # Errors
    /// The first part that failed.
    pub fn build(profile: Profile) -> Result<Self, LabError> {
        let large = Shipping {
            version: Some(format!("{}-4096", env!("CARGO_PKG_VERSION"))),
            sector: 4096,
            ..Shipping::daily()
        };
        Ok(Self {
            usual: lab::build(profile)?,
            large_sectors: lab::build_as(profile, &large)?,
        })
    }
}

/// Every kind, the quick ones first.
pub const CASES: &[Case] = &[
    direct("virtio", Attachment::Virtio),
    direct("SATA", Attachment::Ahci),
    direct("SD card", Attachment::Sd),
    direct("USB disk", Attachment::Usb),
    direct("NVMe", Attachment::Nvme),
    Case {
        sector: 4096,
        ..direct("sectors of 4096 bytes", Attachment::Virtio)
    },
    Case {
        sector: 4096,
        ..direct("NVMe with sectors of 4096 bytes", Attachment::Nvme)
    },
    Case {
        has_network: false,
        ..direct("no network card", Attachment::Virtio)
    },
    by_firmware("by its firmware from virtio", Attachment::Virtio),
    by_firmware("by its firmware from SATA", Attachment::Ahci),
    by_firmware("by its firmware from NVMe", Attachment::Nvme),
    by_firmware("by its firmware from USB", Attachment::Usb),
    Case {
        sector: 4096,
        ..by_firmware(
            "by its firmware from sectors of 4096 bytes",
            Attachment::Virtio,
        )
    },
    Case {
        display: Display::Screen,
        ..by_firmware("a screen and no serial line", Attachment::Virtio)
    },
];

const fn direct(name: &'static str, attachment: Attachment) -> Case {
    Case {
        name,
        way: Way::Kernel,
        attachment,
        sector: 512,
        has_network: true,
        display: Display::Serial,
    }
}

const fn by_firmware(name: &'static str, attachment: Attachment) -> Case {
    Case {
        way: Way::Firmware,
        ..direct(name, attachment)
    }
}

/// A name that no case has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no kind of hardware {unknown:?}; there are: {known}")]
pub struct NoCase {
    unknown: String,
    known: String,
}

/// The cases of these names; without any, all.
///
/// # Errors
/// A name that no case has, with those there are.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Case>, NoCase> {
    if names.is_empty() {
        return Ok(CASES.iter().collect());
    }
    let named = names.iter().map(|name| {
        Case::named(name).ok_or_else(|| NoCase {
            unknown: name.clone(),
            known: CASES
                .iter()
                .map(|case| case.name)
                .collect::<Vec<_>>()
                .join(", "),
        })
    });
    named.collect()
}

/// Starts a box of each kind; a line each, and whether all came up.
///
/// # Errors
/// The image cannot be built.
pub fn run(profile: Profile, cases: &[&Case]) -> Result<(Vec<String>, bool), LabError> {
    let products = Products::build(profile)?;
    let mut lines = Vec::new();
    let mut is_well = true;
    for case in cases {
        progress::step(&format!("A box with: {}", case.name));
        let line = match case.prove(&products) {
            Ok(evidence) => format!("{}: {evidence}", case.name),
            Err(error) => {
                is_well = false;
                format!("{}: FAILED: {error}", case.name)
            }
        };
        progress::note(&line);
        lines.push(line);
    }
    Ok((lines, is_well))
}

impl Case {
    /// The case of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }

    /// Starts a box of this kind for the first time, until every service is ready; how it went.
    ///
    /// # Errors
    /// It did not come up.
    pub fn prove(&self, products: &Products) -> Result<String, LabError> {
        let begin = Instant::now();
        let log_name = format!("matrix-{}.log", self.name.replace(' ', "-"));
        let plan = Plan {
            port: 0,
            show_console: false,
            log_name,
            way: self.way,
            disk_length: DISK_LENGTH,
        };
        let product = match self.sector {
            4096 => &products.large_sectors,
            _ => &products.usual,
        };
        let mut lab = Lab::set_up(&plan, product.clone())?;
        let disk = lab.disk()?.clone();
        lab.rebuild(|hardware| {
            hardware.drives = vec![Drive {
                disk,
                attachment: self.attachment,
                sector: self.sector,
            }];
            hardware.has_network = self.has_network;
            hardware.display = self.display;
        });
        lab.switch_on()?;
        match self.display {
            Display::Serial => lab.machine()?.wait_services().map(drop)?,
            Display::Screen => wait_for_screen(&mut lab)?,
        }
        let seconds = lab.machine()?.cpu_seconds();
        Ok(format!(
            "ready after {seconds:.1} CPU seconds of QEMU, {} s on the clock",
            begin.elapsed().as_secs()
        ))
    }
}

/// Without a serial line, the web page tells that the box is ready; the screen must tell it too.
fn wait_for_screen(lab: &mut Lab) -> Result<(), LabError> {
    let begin = Instant::now();
    let scratch = lab.scratch().to_owned();
    loop {
        // Whoever is not signed in is refused, which is an answer.
        let answered = lab.api().status();
        let is_up = !matches!(answered, Err(crate::box_api::ApiError::NoAnswer { .. }));
        let screen = Screen::take(lab.machine()?.qmp(), &scratch)?;
        let missing = PAGE.into_iter().find(|text| !screen.shows(text));
        match missing {
            None if is_up => return Ok(()),
            Some(text) if begin.elapsed() > SCREEN_MAX => {
                return Err(LabError::Machine(MachineError::Screen(text)));
            }
            None if begin.elapsed() > SCREEN_MAX => {
                answered?;
            }
            _ => {}
        }
        // A box that restarts before it is ready is not well.
        if lab.machine()?.wait_event("RESET", LOOK_AGAIN).is_ok() {
            return Err(LabError::Machine(MachineError::Restarted));
        }
    }
}

/// What the status page says of a box that is well.
const PAGE: [&str; 2] = ["Certificado / Certificate", "todos prontos / all ready"];

/// Ten times what it takes.
const SCREEN_MAX: Duration = Duration::from_secs(240);

/// A picture of the screen costs little, and the box gets the time.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_chosen_by_name_and_an_unknown_name_tells_those_there_are() {
        let ask = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            chosen(&names)
        };
        let of = |names: &[&str]| {
            let cases = ask(names).expect("they exist");
            cases.iter().map(|case| case.name).collect::<Vec<_>>()
        };
        assert_eq!(of(&[]).len(), CASES.len());
        assert_eq!(of(&["NVMe", "SATA"]), ["NVMe", "SATA"]);
        let refused = ask(&["SATA", "tape"]).expect_err("there is none");
        let told = refused.to_string();
        assert!(
            told.contains("\"tape\"") && told.contains("SD card"),
            "{told}"
        );
    }
}
