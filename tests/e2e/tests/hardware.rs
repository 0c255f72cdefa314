//! The image on different hardware, a start each: of `cargo qemu matrix` what differs most.

use std::sync::OnceLock;

use e2e::{Failure, Proof, alone};
use image::cargo::Profile;
use image::progress;
use qemu::matrix::{Case, Products};

fn prove(name: &str) -> Proof {
    let _turn = alone();
    static BUILT: OnceLock<Result<Products, String>> = OnceLock::new();
    let build = || {
        let profile = Profile::of_environment().map_err(|error| error.to_string())?;
        Products::build(profile).map_err(|error| error.to_string())
    };
    let products = BUILT.get_or_init(build).as_ref().map_err(Failure::new)?;
    let case = Case::named(name).ok_or_else(|| Failure::new(format!("no case {name:?}")))?;
    progress::note(&format!("{name}: {}", case.prove(products)?));
    Ok(())
}

#[test]
fn a_box_starts_by_its_firmware_from_nvme() -> Proof {
    prove("by its firmware from NVMe")
}

#[test]
fn a_box_starts_by_its_firmware_from_usb() -> Proof {
    prove("by its firmware from USB")
}

#[test]
fn a_box_starts_from_sata() -> Proof {
    prove("SATA")
}

#[test]
fn a_box_starts_from_a_memory_card() -> Proof {
    prove("SD card")
}

#[test]
fn a_box_starts_from_a_disk_with_large_sectors() -> Proof {
    prove("NVMe with sectors of 4096 bytes")
}

#[test]
fn a_box_with_a_screen_alone_shows_how_it_starts() -> Proof {
    prove("a screen and no serial line")
}
