//! The key of the data in a TPM: what is stored outlives restarts with this TPM, and nothing else
//! opens it but the recovery code, which an administrator sees once.

use std::time::Duration;

use e2e::{Failure, Proof, alone, converse, plan, product, small_disk, switch_off};
use firmware::{Keeper as _, KeyPlace, Protection, RecoveryCode, StateFile};
use image::progress;
use qemu::box_api::BoxApi;
use qemu::disk::BoxDisk;
use qemu::lab::{ADMINISTRATOR, Lab, Way};
use qemu::tpm::{Interface, Tpm};
use serde_json::{Value, json};
use slot::layout::{DATA_KEY_COPIES, WRITE_UNIT};
use slot::partition;

#[test]
fn what_one_tpm_has_sealed_no_other_opens_but_the_recovery_code_does() -> Proof {
    if !Tpm::is_there() {
        return Ok(());
    }
    let _turn = alone();
    let mut lab = Lab::set_up(
        &plan("sealed", Way::Firmware, small_disk(DATA_LENGTH)),
        product()?,
    )?;
    let disk = lab.disk()?.clone();
    let own = with_tpm(&mut lab, "own", Interface::Crb);
    lab.switch_on()?;
    tell(&mut lab, "key of the data was sealed by the TPM")?;
    lab.machine()?.wait_ready()?;
    let (api, password) = lab.first_sign_in()?;
    api.create_extension("100", "Kept")?;
    let stored = api.get("/api/extensions")?;
    let code = code_by_the_administrator(&lab, &api, &password)?;
    switch_off(&mut lab, BOOT_MAX)?;
    let key = prove_sealed(&disk, &own)?;

    // The disk in another machine, as a thief has it or a copy of it, and in one without a TPM.
    let before = everything(&disk)?;
    lab.rebuild(|hardware| hardware.tpm = None);
    refused(&mut lab, "no TPM answers")?;
    switch_off(&mut lab, BOOT_MAX)?;
    with_tpm(&mut lab, "other", Interface::Tis);
    refused(&mut lab, "sealed by another TPM, or this one was cleared")?;
    let wrong = RecoveryCode::fresh()?.shown();
    converse(
        &mut lab,
        &[
            (&wrong[1..], "check it"),
            (&wrong, "it is not the code of these data"),
        ],
        BOOT_MAX,
    )?;
    let after = everything(&disk)?;
    assert!(after == before, "the box wrote to what it cannot open");

    // The code is asked for by the page of the box, and the TPM that is there keeps the key.
    lab.machine()?.expect_restart();
    converse(
        &mut lab,
        &[(&code.shown(), "opened; the box restarts")],
        BOOT_MAX,
    )?;
    lab.machine()?.wait_ready()?;
    let api = signed_in(&lab, &password)?;
    assert_eq!(api.get("/api/extensions")?, stored);
    let told = api.get("/api/firmware")?;
    assert_eq!(told["data_key"], "sealed-by-tpm");
    assert_eq!(
        told["recovery_code"], "shown",
        "the code that is written down counts"
    );

    // A factory reset destroys the sealed form too.
    let blob = payload(&disk)?;
    lab.machine()?.expect_restart();
    api.post(
        "/api/firmware/reset",
        &json!({ "confirm": "erase everything" }),
    )?;
    tell(&mut lab, "factory reset: everything")?;
    lab.machine()?.wait_ready()?;
    switch_off(&mut lab, BOOT_MAX)?;
    for secret in [&*blob, &key] {
        prove_absent(&disk, secret)?;
    }
    Ok(())
}

#[test]
fn a_key_in_the_open_is_sealed_once_there_is_a_tpm_and_the_rescue_system_takes_the_code() -> Proof {
    if !Tpm::is_there() {
        return Ok(());
    }
    let _turn = alone();
    let mut lab = Lab::set_up(
        &plan("recovered", Way::Firmware, small_disk(DATA_LENGTH)),
        product()?,
    )?;
    let disk = lab.disk()?.clone();
    lab.switch_on()?;
    tell(&mut lab, "no TPM keeps the key of the data")?;
    lab.machine()?.wait_ready()?;
    let (api, password) = lab.first_sign_in()?;
    api.create_extension("100", "Kept")?;
    let stored = api.get("/api/extensions")?;
    let told = api.get("/api/firmware")?;
    assert_eq!(told["data_key"], "on-disk");
    assert!(told["recovery_code"].is_null());
    switch_off(&mut lab, BOOT_MAX)?;
    let key = payload(&disk)?;

    let first = with_tpm(&mut lab, "first", Interface::Crb);
    lab.switch_on()?;
    tell(
        &mut lab,
        "sealed by the TPM, and no longer lies on the disk",
    )?;
    lab.machine()?.wait_ready()?;
    let api = signed_in(&lab, &password)?;
    assert_eq!(api.get("/api/extensions")?, stored);
    let code = code_by_the_administrator(&lab, &api, &password)?;
    switch_off(&mut lab, BOOT_MAX)?;
    assert!(
        prove_sealed(&disk, &first)? == key,
        "another key was sealed"
    );

    let second = with_tpm(&mut lab, "second", Interface::Tis);
    refused(&mut lab, "sealed by another TPM")?;
    by_the_rescue_system(&mut lab, &code)?;
    lab.machine()?.wait_ready()?;
    let api = signed_in(&lab, &password)?;
    assert_eq!(api.get("/api/extensions")?, stored);
    switch_off(&mut lab, BOOT_MAX)?;
    assert!(
        prove_sealed(&disk, &second)? == key,
        "another key was sealed"
    );
    Ok(())
}

/// The code, as an administrator gets it: once, by his password, and nowhere else.
fn code_by_the_administrator(
    lab: &Lab,
    api: &BoxApi,
    password: &str,
) -> Result<RecoveryCode, Failure> {
    const PATH: &str = "/api/firmware/recovery-code";
    assert_eq!(code_state(api)?, "unseen");
    let wrong = api.post(PATH, &json!({ "password": "not his password" }));
    assert!(wrong.is_err_and(|error| error.to_string().contains("answered 400")));
    let shown = api.post(PATH, &json!({ "password": password }))?;
    let text = shown.get("recovery_code").and_then(Value::as_str);
    let text = text.unwrap_or_default();
    let code = RecoveryCode::parse(text).ok_or_else(|| Failure::new("no code was shown"))?;
    let again = api.post(PATH, &json!({ "password": password }));
    assert!(again.is_err_and(|error| error.to_string().contains("answered 409")));
    assert_eq!(code_state(api)?, "shown");
    let audit = api.get("/api/audit")?.to_string();
    assert!(audit.contains("recovery code shown") && !audit.contains(text));
    let console = std::fs::read_to_string(lab.log())?;
    assert!(!console.contains(text), "the code is in the log");
    Ok(code)
}

/// Who has seen the code, as the box tells programs.
fn code_state(api: &BoxApi) -> Result<Value, Failure> {
    let told = api.get("/api/firmware")?;
    Ok(told.get("recovery_code").cloned().unwrap_or_default())
}

/// The box says why it opens nothing, and asks for the code.
fn refused(lab: &mut Lab, why: &str) -> Proof {
    lab.switch_on()?;
    let machine = lab.machine()?;
    let told = machine.wait_line("ramal: MAINTENANCE: ", BOOT_MAX)?.text;
    progress::note(&format!("console: {told}"));
    for wanted in [
        why,
        "Nothing was erased",
        "recovery code",
        "Nada foi apagado",
    ] {
        assert!(told.contains(wanted), "no {wanted:?} in {told:?}");
    }
    machine.wait_line("type the recovery code here", BOOT_MAX)?;
    machine.wait_line("Type menu and press Enter", BOOT_MAX)?;
    Ok(())
}

/// From the page that asks for the code, by the rescue system, to a box that starts again.
fn by_the_rescue_system(lab: &mut Lab, code: &RecoveryCode) -> Proof {
    lab.machine()?.expect_restart();
    let to_rescue = [
        ("menu", "Rescue system"),
        ("3", "to confirm"),
        ("SIM", "6  Código de recuperação"),
    ];
    converse(lab, &to_rescue, BOOT_MAX)?;
    let wrong = RecoveryCode::fresh()?.shown();
    converse(
        lab,
        &[
            ("6", "Type the recovery code"),
            (&wrong, "not the code of these data"),
            ("6", "Type the recovery code"),
            (&code.shown(), "opened; press 1"),
        ],
        BOOT_MAX,
    )?;
    lab.machine()?.expect_restart();
    converse(lab, &[("1", "rescue: restart")], BOOT_MAX)?;
    Ok(())
}

/// Gives the box a TPM by the name of what it keeps.
fn with_tpm(lab: &mut Lab, name: &str, interface: Interface) -> Tpm {
    let tpm = Tpm {
        folder: lab.scratch().join(format!("tpm-{name}")),
        interface,
    };
    lab.rebuild(|hardware| hardware.tpm = Some(tpm.clone()));
    tpm
}

fn signed_in(lab: &Lab, password: &str) -> Result<BoxApi, Failure> {
    let mut api = lab.api();
    api.sign_in(ADMINISTRATOR, password)?;
    Ok(api)
}

/// The product's own code opens the key with the TPM: neither it nor its code is on the disk.
fn prove_sealed(disk: &BoxDisk, tpm: &Tpm) -> Result<Vec<u8>, Failure> {
    let KeyPlace::Kept {
        protection: Protection::Tpm(_),
        is_formatted: true,
        payload,
        ..
    } = disk.look_at_state(StateFile::key_place)?
    else {
        return Err(Failure::new("the key is not sealed"));
    };
    let (process, stream) = tpm.connect()?;
    let (key, code) = firmware::Tpm::of(stream).open(&payload)?;
    drop(process);
    prove_absent(disk, key.material())?;
    prove_absent(disk, code.bytes())?;
    Ok(key.material().to_vec())
}

/// What the bootstate partition has of the key.
fn payload(disk: &BoxDisk) -> Result<Vec<u8>, Failure> {
    match disk.look_at_state(StateFile::key_place)? {
        KeyPlace::Kept { payload, .. } => Ok(payload),
        KeyPlace::Empty | KeyPlace::Damaged => Err(Failure::new("no key is kept")),
    }
}

fn prove_absent(disk: &BoxDisk, secret: &[u8]) -> Proof {
    let needle = secret.get(..16).ok_or_else(|| Failure::new("too short"))?;
    for kind in [partition::BOOTSTATE, partition::DATA] {
        let (_, length) = disk.place(kind)?;
        let bytes = disk.read(kind, 0, usize::try_from(length)?)?;
        let found = bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!found, "a secret lies in the open on partition {kind}");
    }
    Ok(())
}

/// What the box must not write over: both copies of the key, and the data.
fn everything(disk: &BoxDisk) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    for copy in DATA_KEY_COPIES {
        all.extend(disk.read(partition::BOOTSTATE, copy, WRITE_UNIT)?);
    }
    let (_, length) = disk.place(partition::DATA)?;
    all.extend(disk.read(partition::DATA, 0, usize::try_from(length)?)?);
    Ok(all)
}

/// Waits for a line of this start, and passes it on.
fn tell(lab: &mut Lab, wanted: &str) -> Proof {
    let told = lab.machine()?.wait_line(wanted, BOOT_MAX)?;
    progress::note(&format!("console: {}", told.text));
    Ok(())
}

/// Bytes of the data partition where little is stored.
const DATA_LENGTH: u64 = 128 * 1024 * 1024;

/// Ten times what it takes under emulation.
const BOOT_MAX: Duration = Duration::from_secs(240);
