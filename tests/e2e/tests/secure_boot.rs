//! Secure Boot switched on by the box itself, on a machine that waits for keys: offered at the box,
//! refused while something on the disk would not be started any more, and heeded from the next
//! start on, at which a version that others have signed is left for the one that ran.
//!
//! The kernel's modules are as Debian has signed them: the daily base has none that a kernel under
//! Secure Boot would load, and is not given the files that this takes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Failure, Proof, alone, file_of, plan, small_disk, switch_off};
use image::authenticode::SecureBootKey;
use image::base::Base;
use image::build::Shipping;
use image::cargo::Profile;
use image::progress;
use qemu::box_api::{ApiError, BoxApi};
use qemu::hardware::{Product, Start};
use qemu::lab::{self, ADMINISTRATOR, Lab, Way};
use qemu::upload;
use serde_json::json;
use slot::{Slot, partition};

#[test]
fn a_machine_that_waits_for_keys_is_given_those_of_the_box_and_starts_nothing_else_then() -> Proof {
    let _turn = alone();
    let product = lab::build_on(Base::DebianSigned, Profile::of_environment()?)?;
    let plan = plan("secure-boot", Way::Firmware, small_disk(DATA_LENGTH));
    let mut lab = Lab::set_up(&plan, product.clone())?;
    let firmware = lab::secure_firmware(lab.scratch())?;
    lab.rebuild(|hardware| hardware.start = Start::Firmware(firmware));
    let keys = keys_of_others(lab.scratch())?;
    let [before, after] = ["1.0.1", "1.0.2"].map(|it| signed_by(&keys, &product, it));
    let disk = lab.disk()?.clone();
    disk.write(partition::SLOT_B, 0, &std::fs::read(&before?.shipped.slot)?)?;
    disk.change_state(|state| {
        state.change(|it| it.commit(Slot::B, 0, 0))?;
        state.change(|it| it.commit(Slot::A, 0, 0))
    })?;
    lab.switch_on()?;
    let machine = lab.machine()?;
    machine.wait_line("Secure Boot off", BOOT_MAX)?;
    machine.wait_ready()?;
    machine.wait_line("ramal: Secure Boot: offered", ANSWER_MAX)?;
    let (api, password) = lab.first_sign_in()?;

    enrol(&mut lab, "would not start any more: slot-b, other-key")?;
    assert_eq!(secure_boot(&api)?, "offered");
    // Once another version is on its way, what was in the slot is started no more.
    let update = file_of(&after?)?;
    let begun = upload::send(&api, &update, 0, 1)?;
    enrol(&mut lab, "the machine has the keys")?;
    assert_eq!(secure_boot(&api)?, "on-at-next-start");
    let trail = api.get("/api/audit?limit=20")?.to_string();
    for entry in ["keys asked for", "the machine has this box's keys"] {
        assert!(trail.contains(entry), "{entry} is not in {trail}");
    }
    upload::send(&api, &update, begun.next, u64::MAX)?;

    restart(&mut lab, &api)?;
    let machine = lab.machine()?;
    for wanted in [
        "Secure Boot on",
        "starting slot b, version 1.0.2",
        "slot b refused: RefusedByFirmware",
        "starting slot a",
        "UEFI Secure Boot is enabled",
        "ramal: stage modules",
    ] {
        let line = machine.wait_line(wanted, BOOT_MAX)?;
        progress::note(&format!("console: {}", line.text));
    }
    machine.wait_ready()?;
    machine.wait_line("ramal: Secure Boot: on", ANSWER_MAX)?;
    let mut api = lab.api();
    api.sign_in(ADMINISTRATOR, &password)?;
    assert_eq!(secure_boot(&api)?, "on");
    assert_eq!(api.get("/api/status")?["secure_boot"], "on");
    let seen = api.get("/api/firmware")?;
    assert_eq!(seen["slots"][0]["running"], true, "{seen}");
    assert_eq!(seen["slots"][1]["condition"], "bad", "{seen}");
    assert_eq!(
        seen["journal"][0]["reason"], "refused-by-secure-boot",
        "{seen}"
    );
    assert!(!warns(&api)?, "it is on");
    switch_off(&mut lab, BOOT_MAX)?;
    let forgetful = lab::secure_firmware(lab.scratch())?;
    lab.rebuild(|hardware| hardware.start = Start::Firmware(forgetful));
    is_warned_of(&mut lab, &password)
}

/// The machine has lost its keys, as when somebody deletes them in its setup.
fn is_warned_of(lab: &mut Lab, password: &str) -> Proof {
    lab.switch_on()?;
    let machine = lab.machine()?;
    machine.wait_line("Secure Boot off", BOOT_MAX)?;
    machine.wait_ready()?;
    let line = machine.wait_line("WARNING: Secure Boot was on", ANSWER_MAX)?;
    progress::note(&format!("console: {}", line.text));
    machine.wait_line("WARNING: it was on and is off", PAGE_MAX)?;
    let mut api = lab.api();
    api.sign_in(ADMINISTRATOR, password)?;
    assert_eq!(secure_boot(&api)?, "offered");
    assert!(warns(&api)?, "it was on");
    let trail = api.get("/api/audit?limit=20")?;
    let found = |action: &str| {
        let entries = trail.as_array().into_iter().flatten();
        let is_it = |it: &&serde_json::Value| it.get("action").is_some_and(|it| it == action);
        entries.filter(is_it).count()
    };
    assert_eq!(found("Secure Boot found on"), 1, "{trail}");
    assert_eq!(found("Secure Boot found off, and was on"), 1, "{trail}");
    Ok(())
}

/// Whether the state says that Secure Boot was on.
fn warns(api: &BoxApi) -> Result<bool, Failure> {
    let status = api.get("/api/status")?;
    let warnings = status.get("warnings").map(ToString::to_string);
    Ok(warnings.is_some_and(|it| it.contains("Secure Boot was on at an earlier start")))
}

/// Chooses Secure Boot at the box and means it, until the box answers.
fn enrol(lab: &mut Lab, answer: &str) -> Proof {
    let machine = lab.machine()?;
    let serial = machine.serial().clone();
    let mark = serial.mark();
    machine.type_line("menu")?;
    let offer = serial.wait(mark, "this machine starts this box alone", ANSWER_MAX)?;
    let mut words = offer.text.split_whitespace();
    let number = words.find(|it| it.parse::<u8>().is_ok());
    let number = number.ok_or_else(|| Failure::new(format!("no number in {:?}", offer.text)))?;
    machine.type_line(number)?;
    serial.wait(
        mark,
        "Other systems on this machine do not start",
        ANSWER_MAX,
    )?;
    machine.type_line("ENROL")?;
    let answer = serial.wait(mark, answer, JUDGE_MAX)?;
    progress::note(&format!("console: {}", answer.text));
    Ok(())
}

/// A set of keys that this box trusts, but not its machine.
fn keys_of_others(scratch: &Path) -> Result<PathBuf, Failure> {
    let daily = Shipping::daily();
    let keys = scratch.join("keys");
    std::fs::create_dir(&keys)?;
    for entry in std::fs::read_dir(&daily.keys)? {
        let entry = entry?;
        std::fs::copy(entry.path(), keys.join(entry.file_name()))?;
    }
    let stranger = SecureBootKey::make("Ramal strange db")?;
    std::fs::write(keys.join("secure-boot.pem"), stranger.private_pem()?)?;
    Ok(keys)
}

/// The same firmware as another version.
fn signed_by(keys: &Path, product: &Product, version: &str) -> Result<Product, Failure> {
    let shipping = Shipping {
        keys: keys.to_owned(),
        version: Some(version.to_owned()),
        ..Shipping::daily()
    };
    let image = product.image.clone();
    let shipped = image::build::ship(&image, &shipping)?;
    Ok(Product { image, shipped })
}

fn secure_boot(api: &BoxApi) -> Result<String, Failure> {
    let seen = api.get("/api/firmware")?;
    let state = seen.get("secure_boot").and_then(serde_json::Value::as_str);
    let state = state.ok_or_else(|| Failure::new(format!("nothing of it: {seen}")))?;
    Ok(state.to_owned())
}

fn restart(lab: &mut Lab, api: &BoxApi) -> Proof {
    lab.machine()?.expect_restart();
    match api.post("/api/restart", &json!({})) {
        // The web page may end before its answer has left the box.
        Ok(_) | Err(ApiError::NoAnswer { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Bytes of the data partition.
const DATA_LENGTH: u64 = 128 * 1024 * 1024;

/// Ten times what it takes under emulation.
const BOOT_MAX: Duration = Duration::from_secs(240);
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A page waits until things have settled, and some seconds after the one before.
const PAGE_MAX: Duration = Duration::from_secs(60);

/// Everything the box starts by is read and hashed.
const JUDGE_MAX: Duration = Duration::from_secs(120);
