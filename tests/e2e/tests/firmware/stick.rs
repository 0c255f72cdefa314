//! An update from a memory stick that is put into the running box: offered, never installed by
//! itself, refused with the reason where it must be, and tried and proved like any other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{
    Failure, Proof, alone, alone_early, file_of, memory_stick, plan, small_disk, version,
    wait_until,
};
use image::build::Shipping;
use image::slot_image::Content;
use image::{keys, progress, update_file};
use qemu::box_api::{ApiError, BoxApi};
use qemu::disk::BoxDisk;
use qemu::hardware::Product;
use qemu::lab::{ADMINISTRATOR, Lab, Way};
use qemu::machine::Machine;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use slot::{Condition, Slot, Text, partition};

#[test]
fn an_update_on_a_stick_is_offered_refused_or_installed_and_proves_good() -> Proof {
    let turn = alone_early();
    let now = version("1.0.0", 1, |_, _| Ok(()))?;
    let mut lab = Lab::set_up(&plan("stick", Way::Firmware, small_disk(DATA_LENGTH)), now)?;
    lab.rebuild(|hardware| hardware.has_usb = true);
    let disk = lab.disk()?.clone();
    // The version that runs has proved good, so that none below its security number may follow.
    disk.change_state(|state| state.change(|it| it.commit(Slot::A, 1, 0)))?;
    let image = stick(lab.scratch())?;
    let untouched = digest(&image)?;
    lab.switch_on()?;
    lab.machine()?.wait_ready()?;
    let (api, password) = lab.first_sign_in()?;
    assert_eq!(api.get("/api/firmware")?["stick"], json!([]));

    lab.machine()?.put_stick_in(&image)?;
    let offered = lab
        .machine()?
        .wait_line("Pen drive / USB stick", ANSWER_MAX)?;
    progress::note(&format!("console: {}", offered.text));
    let names: Vec<Value> = wait_until("the files on the stick", ANSWER_MAX, || {
        let seen = api.get("/api/firmware")?;
        let files = seen["stick"].as_array().cloned().unwrap_or_default();
        Ok((files.len() == FILES.len()).then_some(files))
    })?;
    for (shown, name) in names.iter().zip(FILES) {
        assert_eq!(shown["file"], name, "{names:?}");
    }
    assert_eq!(api.get("/api/firmware")?["fetch"], Value::Null, "unasked");

    refuse(&mut lab, &api, &disk)?;
    install_at_box(&mut lab)?;
    wait_until("who installed it, on record", ANSWER_MAX, || {
        let trail = api.get("/api/audit")?.to_string();
        let all = [
            "USB stick sda: d-new.update",
            "at the box",
            "firmware 1.1.0 installed",
        ];
        Ok(all.iter().all(|it| trail.contains(it)).then_some(()))
    })?;

    lab.machine()?.expect_restart();
    match api.post("/api/restart", &json!({})) {
        // The web page may end before its answer has left the box.
        Ok(_) | Err(ApiError::NoAnswer { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    lab.machine()?.wait_ready()?;
    let mut api = lab.api();
    api.sign_in(ADMINISTRATOR, &password)?;
    let seen = api.get("/api/firmware")?;
    let slot = &seen["slots"][1];
    assert_eq!(
        (&slot["running"], &slot["version"]),
        (&json!(true), &json!("1.1.0")),
        "{seen}"
    );
    // The stick was there before the box started this time.
    wait_until("the files on the stick again", ANSWER_MAX, || {
        let seen = api.get("/api/firmware")?;
        Ok((seen["stick"][0]["file"] == FILES[0]).then_some(()))
    })?;
    lab.machine()?.take_stick_out()?;
    wait_until("no files without the stick", ANSWER_MAX, || {
        let seen = api.get("/api/firmware")?;
        Ok((seen["stick"] == json!([])).then_some(()))
    })?;
    assert_eq!(digest(&image)?, untouched, "the stick was written to");
    // Until it proves good the box only has to stand there: another may start beside it.
    drop(turn);
    let proved = lab.machine()?.wait_line("has proved good", PROOF_MAX)?;
    progress::note(&format!("console: {}", proved.text));
    assert_eq!(api.get("/api/firmware")?["slots"][1]["condition"], "good");
    Ok(())
}

#[test]
fn the_rescue_system_says_in_both_languages_why_it_refuses() -> Proof {
    let _turn = alone();
    let now = version("1.0.0", 1, |_, _| Ok(()))?;
    let mut lab = Lab::set_up(
        &plan("stick-rescue", Way::Firmware, small_disk(DATA_LENGTH)),
        now,
    )?;
    lab.rebuild(|hardware| hardware.has_usb = true);
    let disk = lab.disk()?.clone();
    disk.change_state(|state| {
        state.change(|it| {
            it.commit(Slot::A, 1, 0);
            it.wants_rescue = true;
        })
    })?;
    let image = stick(lab.scratch())?;
    lab.switch_on()?;
    let machine = lab.machine()?;
    machine.put_stick_in(&image)?;
    machine.wait_line("RESCUE / RESGATE", RESCUE_MAX)?;
    for (number, portuguese, english) in [
        (
            "1",
            "é mais antiga do que",
            "is older than what this box may run",
        ),
        (
            "2",
            "a atualização é para ramal-aarch64",
            "the update is for ramal-aarch64",
        ),
        (
            "3",
            "o arquivo de atualização está danificado",
            "the update file is damaged",
        ),
    ] {
        let serial = machine.serial().clone();
        let mark = serial.mark();
        machine.type_line("2")?;
        serial.wait(mark, "number of the file, or 0", ANSWER_MAX)?;
        machine.type_line(number)?;
        let refused = serial.wait(mark, portuguese, REFUSAL_MAX)?;
        assert!(refused.text.contains(english), "{}", refused.text);
        progress::note(&format!("console: {}", refused.text));
    }
    assert_eq!(disk.boot_state()?.slot(Slot::B).condition, Condition::Empty);
    Ok(())
}

/// What must not be installed is not, by the API and by the menu at the box.
fn refuse(lab: &mut Lab, api: &BoxApi, disk: &BoxDisk) -> Proof {
    let cases = [
        ("a-old.update", "too-old", 1 << 20),
        ("b-other.update", "wrong-hardware", 1 << 20),
        // The header of the slot, without which it is none. What the box has of the version already
        // it has copied from its own slot.
        ("c-flipped.update", "damaged-on-stick", update::CHUNK),
    ];
    for (file, code, untouched) in cases {
        api.post("/api/firmware/stick", &json!({ "file": file }))?;
        let said = wait_until(file, REFUSAL_MAX, || {
            let seen = api.get("/api/firmware")?;
            let fetch = seen.get("fetch").cloned().unwrap_or_default();
            Ok((word(&fetch, "state") != "running").then_some(fetch))
        })?;
        let ended = (word(&said, "state"), word(&said, "code"));
        assert_eq!(ended, ("failed", code), "{said}");
        progress::note(&format!("{file}: {}", word(&said, "error")));
        let start = disk.read(partition::SLOT_B, 0, untouched)?;
        assert!(
            start.iter().all(|byte| *byte == 0),
            "{file}: the slot was begun"
        );
        let condition = disk.boot_state()?.slot(Slot::B).condition;
        assert_eq!(condition, Condition::Empty, "{file}");
    }
    let machine = lab.machine()?;
    choose(machine, 1)?;
    let refused = machine.wait_line("é mais antiga", ANSWER_MAX)?;
    assert!(
        refused.text.contains("is older than what this box may run"),
        "{}",
        refused.text
    );
    progress::note(&format!("console: {}", refused.text));
    Ok(())
}

fn word<'a>(view: &'a Value, name: &str) -> &'a str {
    view.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn install_at_box(lab: &mut Lab) -> Proof {
    let machine = lab.machine()?;
    choose(machine, FILES.len())?;
    let done = machine.wait_line(
        "version 1.1.0 is installed; restart by the menu",
        INSTALL_MAX,
    )?;
    progress::note(&format!("console: {}", done.text));
    Ok(())
}

/// Has the file with this number installed by the menu at the box.
fn choose(machine: &mut Machine, number: usize) -> Proof {
    let serial = machine.serial().clone();
    let mark = serial.mark();
    machine.type_line("menu")?;
    let offer = serial.wait(mark, "Install an update from the USB stick", ANSWER_MAX)?;
    let mut words = offer.text.split_whitespace();
    let place = words.find(|it| it.parse::<u8>().is_ok());
    let place = place.ok_or_else(|| Failure::new(format!("no number in {:?}", offer.text)))?;
    machine.type_line(place)?;
    serial.wait(mark, "Choose the file", ANSWER_MAX)?;
    machine.type_line(&number.to_string())?;
    serial.wait(mark, "Calls go on", ANSWER_MAX)?;
    machine.type_line("YES")?;
    Ok(())
}

/// A stick as people have them: one FAT on all of it, with the files.
fn stick(scratch: &Path) -> Result<PathBuf, Failure> {
    let older = file_of(&version("0.9.0", 0, |_, _| Ok(()))?)?;
    let product = version("1.1.0", 1, |_, _| Ok(()))?;
    let new = file_of(&product)?;
    let mut flipped = new.clone();
    let head = update::head_length(&new).ok_or_else(|| Failure::new("no head"))?;
    let byte = flipped.get_mut(head + 100);
    *byte.ok_or_else(|| Failure::new("no slot"))? ^= 1;
    let files = [older, for_other_hardware(&product)?, flipped, new];
    let named: Vec<(&str, &[u8])> = FILES
        .into_iter()
        .zip(files.iter().map(Vec::as_slice))
        .collect();
    memory_stick(scratch, &named)
}

/// The same version, signed for another box.
fn for_other_hardware(product: &Product) -> Result<Vec<u8>, Failure> {
    let content = Content {
        hardware: Text::new("ramal-aarch64")?,
        version: Text::new("1.1.0")?,
        security: 1,
        built: 0,
        uki: Vec::new(),
        root: None,
    };
    let slot = std::fs::read(&product.shipped.slot)?;
    let signers = keys::read(&Shipping::daily().keys)?;
    Ok(update_file::make(&slot, &content, &[], &signers)?)
}

fn digest(path: &Path) -> Result<[u8; 32], Failure> {
    Ok(Sha256::digest(std::fs::read(path)?).into())
}

/// As they are listed.
const FILES: [&str; 4] = [
    "a-old.update",
    "b-other.update",
    "c-flipped.update",
    "d-new.update",
];

/// Bytes of the data partition.
const DATA_LENGTH: u64 = 128 * 1024 * 1024;

/// Many times what it takes.
const ANSWER_MAX: Duration = Duration::from_secs(60);
const RESCUE_MAX: Duration = Duration::from_secs(180);
const REFUSAL_MAX: Duration = Duration::from_secs(120);
const INSTALL_MAX: Duration = Duration::from_secs(600);

/// The firmware proves good two minutes after everything is ready.
const PROOF_MAX: Duration = Duration::from_secs(360);
