//! The key of the data in a TPM: what is stored outlives restarts with this TPM, and nothing else
//! opens it but the recovery code.

use std::time::Duration;

use e2e::{Failure, Proof, alone, plan, product, small_disk};
use firmware::{Keeper as _, KeyPlace, Protection, RecoveryCode, StateFile};
use image::progress;
use qemu::box_api::BoxApi;
use qemu::disk::BoxDisk;
use qemu::lab::{ADMINISTRATOR, Lab, Way};
use qemu::tpm::{Interface, Tpm};
use slot::layout::{DATA_KEY_COPIES, WRITE_UNIT};
use slot::partition;

#[test]
fn what_one_tpm_has_sealed_no_other_opens_and_nothing_is_written_over() -> Proof {
    let _turn = alone();
    let mut lab = Lab::set_up(
        &plan("sealed", Way::Kernel, small_disk(DATA_LENGTH)),
        product()?,
    )?;
    let disk = lab.disk()?.clone();
    let own = with_tpm(&mut lab, "own", Interface::Crb);
    lab.switch_on()?;
    let told = lab
        .machine()?
        .wait_line("key of the data was sealed", BOOT_MAX)?;
    progress::note(&format!("console: {}", told.text));
    lab.machine()?.wait_ready()?;
    let (api, password) = lab.first_sign_in()?;
    api.create_extension("100", "Kept")?;
    let stored = api.get("/api/extensions")?;
    assert_eq!(api.get("/api/firmware")?["data_key"], "sealed-by-tpm");
    switch_off(&mut lab)?;
    prove_not_in_the_open(&disk, &own)?;

    let before = everything(&disk)?;
    for (machine, why) in [
        (
            Some("other"),
            "sealed by another TPM, or this one was cleared",
        ),
        (None, "no TPM answers"),
    ] {
        match machine {
            Some(name) => drop(with_tpm(&mut lab, name, Interface::Crb)),
            None => lab.rebuild(|hardware| hardware.tpm = None),
        }
        lab.switch_on()?;
        let told = lab
            .machine()?
            .wait_line("ramal: MAINTENANCE: ", BOOT_MAX)?
            .text;
        progress::note(&format!("console: {told}"));
        for wanted in [
            why,
            "Nothing was erased",
            "recovery code",
            "Nada foi apagado",
        ] {
            assert!(told.contains(wanted), "no {wanted:?} in {told:?}");
        }
        switch_off(&mut lab)?;
        assert!(
            everything(&disk)? == before,
            "the box wrote to what it cannot open"
        );
    }

    // The same TPM on another bus is the same TPM.
    with_tpm(&mut lab, "own", Interface::Tis);
    lab.switch_on()?;
    lab.machine()?.wait_ready()?;
    let api = signed_in(&lab, &password)?;
    assert_eq!(api.get("/api/extensions")?, stored);
    switch_off(&mut lab)
}

#[test]
fn a_key_in_the_open_is_sealed_later_and_its_recovery_code_moves_the_data() -> Proof {
    let _turn = alone();
    let mut lab = Lab::set_up(
        &plan("recovered", Way::Firmware, small_disk(DATA_LENGTH)),
        product()?,
    )?;
    let disk = lab.disk()?.clone();
    lab.switch_on()?;
    lab.machine()?.wait_ready()?;
    let (api, password) = lab.first_sign_in()?;
    api.create_extension("100", "Kept")?;
    let stored = api.get("/api/extensions")?;
    assert_eq!(api.get("/api/firmware")?["data_key"], "on-disk");
    switch_off(&mut lab)?;
    let KeyPlace::Kept { payload: key, .. } = disk.look_at_state(StateFile::key_place)? else {
        return Err(Failure::new("no key was made"));
    };

    with_tpm(&mut lab, "first", Interface::Crb);
    lab.switch_on()?;
    let machine = lab.machine()?;
    machine.wait_line(
        "sealed by the TPM, and no longer lies on the disk",
        BOOT_MAX,
    )?;
    machine.wait_ready()?;
    assert_eq!(signed_in(&lab, &password)?.get("/api/extensions")?, stored);
    let code = recovery_code(&mut lab)?;
    switch_off(&mut lab)?;
    prove_absent(&disk, &key)?;

    with_tpm(&mut lab, "second", Interface::Tis);
    lab.switch_on()?;
    recover(&mut lab, &code)?;
    assert_eq!(signed_in(&lab, &password)?.get("/api/extensions")?, stored);
    assert!(
        recovery_code(&mut lab)? != code,
        "the code of before still counts"
    );
    switch_off(&mut lab)?;
    prove_absent(&disk, &key)
}

/// From the screen that says why nothing was opened, by the rescue system, to a box that is ready.
fn recover(lab: &mut Lab, code: &RecoveryCode) -> Proof {
    lab.machine()?.wait_line("ramal: MAINTENANCE: ", BOOT_MAX)?;
    lab.machine()?
        .wait_line("Type menu and press Enter", BOOT_MAX)?;
    lab.machine()?.expect_restart();
    converse(
        lab,
        &[
            ("menu", "Rescue system"),
            ("3", "to confirm"),
            ("SIM", "RESCUE"),
        ],
    )?;
    lab.machine()?
        .wait_line("6  Código de recuperação", BOOT_MAX)?;
    lab.machine()?.expect_restart();
    converse(
        lab,
        &[
            ("6", "Type the recovery code"),
            (
                &RecoveryCode::fresh()?.shown(),
                "not the code of these data",
            ),
            ("6", "Type the recovery code"),
            (&code.shown(), "opened; press 1"),
            ("1", "rescue: restart"),
        ],
    )?;
    let machine = lab.machine()?;
    machine.wait_line(
        "sealed by the TPM, and no longer lies on the disk",
        BOOT_MAX,
    )?;
    machine.wait_ready()?;
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
fn prove_not_in_the_open(disk: &BoxDisk, tpm: &Tpm) -> Proof {
    let KeyPlace::Kept {
        protection: Protection::Tpm,
        is_formatted: true,
        payload,
    } = disk.look_at_state(StateFile::key_place)?
    else {
        return Err(Failure::new("the key is not sealed"));
    };
    let (process, stream) = tpm.connect()?;
    let (key, code) = firmware::Tpm::of(stream).open(&payload)?;
    drop(process);
    prove_absent(disk, key.material())?;
    prove_absent(disk, code.bytes())
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

/// Types lines, each once the box has said what comes before it; where the last one was typed.
fn converse(lab: &mut Lab, talk: &[(&str, &str)]) -> Result<usize, Failure> {
    let machine = lab.machine()?;
    let mut mark = machine.serial().mark();
    for (line, answer) in talk {
        mark = machine.serial().mark();
        machine.type_line(line)?;
        machine.serial().wait(mark, answer, BOOT_MAX)?;
    }
    Ok(mark)
}

/// As whoever stands before the box reads it.
fn recovery_code(lab: &mut Lab) -> Result<RecoveryCode, Failure> {
    let talk = [
        ("menu", "6  Código de recuperação"),
        ("6", "Type YES to confirm"),
        ("YES", "asked at the box: the recovery code"),
    ];
    let mark = converse(lab, &talk)?;
    // What is written next comes after the code.
    converse(
        lab,
        &[("menu", "6  Código de recuperação"), ("0", "Type menu")],
    )?;
    let lines = lab.machine()?.serial().since(mark);
    let mut said = lines
        .iter()
        .filter_map(|line| line.text.strip_prefix("screen: "));
    let code = said.find_map(RecoveryCode::parse);
    code.ok_or_else(|| Failure::new("the box showed no recovery code"))
}

/// Presses the power button and waits until the box is off.
fn switch_off(lab: &mut Lab) -> Proof {
    let serial = lab.machine()?.serial().clone();
    lab.machine()?.press_power_button()?;
    serial.wait_end(BOOT_MAX)?;
    lab.switch_off();
    Ok(())
}

/// Bytes of the data partition where little is stored.
const DATA_LENGTH: u64 = 128 * 1024 * 1024;

/// Ten times what it takes under emulation.
const BOOT_MAX: Duration = Duration::from_secs(240);
