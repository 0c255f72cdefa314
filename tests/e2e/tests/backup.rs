//! A box that is lost, and another one that takes its place: from a fresh disk and a backup to
//! phones that call each other again, with nothing changed at them (R60, R61). It comes by the web
//! admin, which refuses what is wrong with it, and in the end on a memory stick.

#![expect(
    clippy::indexing_slicing,
    reason = "what JSON does not hold reads as null, and half of a backup is there"
)]

use std::time::{Duration, Instant};

use e2e::{Failure, Proof, alone, certificate_of, memory_stick, office, wait_until};
use image::progress;
use qemu::box_api::{ApiError, BoxApi};
use qemu::disk::BoxDisk;
use qemu::lab::DISK_LENGTH;
use qemu::office::Office;
use serde_json::{Value, json};

#[test]
fn a_new_box_takes_the_place_of_a_lost_one_within_ten_minutes() -> Proof {
    let _turn = alone();
    let mut office = office("backup")?;
    office.prove_call()?;
    let call = office.newest_call()?;
    let certificate = certificate_of(&office.lab)?;
    let (code, backup) = back_up(&mut office)?;
    progress::note(&format!("a backup of {} bytes", backup.len()));

    // The box is lost with its disk, while its phones stay as they are.
    office.lab.switch_off();
    office.lab.rebuild(|hardware| hardware.has_usb = true);
    let image = office.lab.product().shipped.disk.clone();
    let disk = office.lab.scratch().join("another.raw");
    let disk = BoxDisk::flashed(&image, disk, DISK_LENGTH)?;
    disk.make_data_partition()?;
    let begun = Instant::now();
    office.lab.switch_on_with(disk)?;
    office.lab.machine()?.wait_ready()?;
    let (api, _) = office.lab.first_sign_in()?;
    refuse(&api, &backup, &code)?;
    restore_from_stick(&mut office, &api, &backup, &code)?;
    office.lab.machine()?.wait_ready()?;

    // Whoever had an account on the lost box has it here.
    office.sign_in()?;
    office.prove_call()?;
    let took = begun.elapsed();
    progress::note(&format!("from a fresh disk to a call: {took:?}"));
    assert!(took < TEN_MINUTES, "{took:?}");
    assert_eq!(office.same_call(&call)?, call, "the record of the call");
    assert_eq!(certificate_of(&office.lab)?, certificate);
    let trail = office.api.get("/api/audit")?.to_string();
    for said in [
        "backup restored",
        "extension 101 created",
        "backup code made and shown",
    ] {
        assert!(trail.contains(said), "{said}: {trail}");
    }
    let status = office.api.status()?;
    assert_eq!(status["store"]["warning"], "", "{status}");
    // The paper of the lost box is this one's, which backs itself up.
    let seen = office.api.get("/api/backups")?;
    assert_eq!(seen["code_known"], true, "{seen}");
    wait_until("a backup of the new box", BACKUP_MAX, || {
        newest(&office.api)
    })?;
    Ok(())
}

/// Has a code made and a backup under it; both.
fn back_up(office: &mut Office) -> Result<(String, Vec<u8>), Failure> {
    // A code asks for a password that was said a moment ago.
    office.sign_in()?;
    let made = office.api.post("/api/backups/code", &json!({}))?;
    let code = made["backup_code"].as_str().unwrap_or_default().to_owned();
    assert_eq!(code.len(), 35, "six groups of five");
    office.api.post("/api/backups", &json!({}))?;
    let newest = wait_until("a backup", BACKUP_MAX, || newest(&office.api))?;
    let name = newest["name"].as_str().unwrap_or_default();
    let bytes = office.api.download(&format!("/api/backups/{name}"))?;
    assert_eq!(newest["bytes"], bytes.len() as u64);
    Ok((code, bytes))
}

/// The newest backup, once it is proved and needs no other code than the box's.
fn newest(api: &BoxApi) -> Result<Option<Value>, Failure> {
    let seen = api.get("/api/backups")?;
    if let Some(failed) = seen["failed"].as_str() {
        return Err(Failure::new(format!("the backup failed: {failed}")));
    }
    let newest = &seen["backups"][0];
    let is_done = seen["running"] == false && newest["proved"] == true;
    Ok((is_done && newest["needs_code"] == false).then(|| newest.clone()))
}

/// What is damaged, or comes with another code, changes nothing.
fn refuse(api: &BoxApi, backup: &[u8], code: &str) -> Proof {
    let before = api.get("/api/extensions")?;
    let mut damaged = backup.to_vec();
    if let Some(byte) = damaged.get_mut(backup.len() / 2) {
        *byte ^= 1;
    }
    let other = "00000-00000-00000-00000-00000-00000";
    let short = &backup[..backup.len() / 2];
    for (bytes, code, said) in [
        (backup, "", "another backup code"),
        (backup, other, "another backup code"),
        (&damaged, code, "the backup is damaged"),
        (short, code, "ends too soon"),
    ] {
        api.bring_backup(bytes)?;
        match api.post("/api/backups/restore", &json!({ "code": code })) {
            Err(ApiError::Refused { status, reason, .. }) => {
                assert!(status == 409 && reason.contains(said), "{status} {reason}");
            }
            other => panic!("{said}: {other:?}"),
        }
    }
    assert_eq!(api.get("/api/extensions")?, before);
    Ok(())
}

/// From a memory stick, on which a damaged one comes first and changes nothing.
fn restore_from_stick(office: &mut Office, api: &BoxApi, backup: &[u8], code: &str) -> Proof {
    let mut damaged = backup.to_vec();
    if let Some(byte) = damaged.get_mut(backup.len() / 3) {
        *byte ^= 1;
    }
    let files = [
        ("damaged.backup", damaged.as_slice()),
        ("good.backup", backup),
    ];
    let stick = memory_stick(office.lab.scratch(), &files)?;
    office.lab.machine()?.put_stick_in(&stick)?;
    wait_until("the backups on the stick", BACKUP_MAX, || {
        let seen = api.get("/api/backups")?;
        let found = seen["stick"]
            .as_array()
            .is_some_and(|it| it.len() == files.len());
        Ok(found.then_some(()))
    })?;
    let ask = |file: &str| {
        let wish = json!({ "stick": file, "code": code });
        api.post("/api/backups/restore", &wish)
    };
    match ask("damaged.backup") {
        Err(ApiError::Refused {
            status: 409,
            reason,
            ..
        }) => {
            assert!(reason.contains("the backup is damaged"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        api.get("/api/extensions")?,
        json!([]),
        "nothing was changed"
    );
    office.lab.machine()?.expect_restart();
    match ask("good.backup") {
        Ok(answer) => assert_eq!(answer["progress"], "/api/backups/restore"),
        Err(error) => return Err(error.into()),
    }
    wait_until("the end of the restore", BACKUP_MAX, || {
        match api.get("/api/backups/restore") {
            Ok(seen) => Ok((seen["state"] == "restored").then_some(())),
            // The box starts anew some seconds after that.
            Err(ApiError::NoAnswer { .. }) => Ok(Some(())),
            Err(error) => Err(error.into()),
        }
    })
}

/// R60.
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// A trial restore on an emulated box.
const BACKUP_MAX: Duration = Duration::from_secs(120);
