//! Secure Boot with our own keys.

use boot::{BoxDisk, Failure, Firmware, Parts, SecureBoot, boot, boot_disks, boot_until};
use boot::{disk::loader, enrolled, folder, half_enrolled, parts};
use image::authenticode::SecureBootKey;
use slot::{BootState, Reason, Slot};

type Result = std::result::Result<(), Failure>;

/// A slot whose UKI and kernel this key has signed.
fn slot(
    parts: &Parts,
    key: Option<&SecureBootKey>,
    version: &str,
) -> std::result::Result<Vec<u8>, Failure> {
    let uki = match key {
        Some(key) => key.sign(&parts.uki_of(&key.sign(&parts.payload)?, version, "off")?)?,
        None => parts.uki(version, "off")?,
    };
    Ok(image::slot_image::make(
        &parts.content(version, uki)?,
        &parts.keys,
    )?)
}

fn disk(
    name: &str,
    parts: &Parts,
    keys: &SecureBoot,
    a: &[u8],
) -> std::result::Result<BoxDisk, Failure> {
    let signed = keys.db.sign(&parts.loader)?;
    BoxDisk::with_esp(name, 512, &[loader(&signed)?], a)
}

#[test]
fn what_our_key_signed_is_started() -> Result {
    let (parts, keys) = (parts()?, enrolled()?);
    let disk = disk("signed", parts, keys, &slot(parts, Some(&keys.db), "1.0")?)?;
    let said = boot(Firmware::Secure(&keys.variables), &disk)?;
    said.expect(&[
        "Secure Boot on",
        "starting slot a",
        "payload: word version=1.0",
    ]);
    Ok(())
}

#[test]
fn a_slot_the_firmware_refuses_is_left_for_the_other_in_the_same_boot() -> Result {
    let (parts, keys) = (parts()?, enrolled()?);
    for (name, signer) in [("unsigned", None), ("strange", Some(&keys.stranger))] {
        let disk = disk(name, parts, keys, &slot(parts, Some(&keys.db), "1.0")?)?;
        disk.put_slot(Slot::B, &slot(parts, signer, "2.0")?)?;
        let mut state = BootState::shipped();
        state.finish_install(Slot::B);
        disk.put_state(state)?;
        let said = boot(Firmware::Secure(&keys.variables), &disk)?;
        said.expect(&[
            "starting slot b, version 2.0",
            "slot b refused: RefusedByFirmware",
            "starting slot a, version 1.0",
            "payload: word version=1.0",
        ]);
        said.expect_never("version=2.0");
        let reasons: Vec<_> = disk.state()?.journal().map(|it| it.reason).collect();
        assert_eq!(reasons, [Reason::RefusedByFirmware]);
    }
    Ok(())
}

#[test]
fn a_kernel_that_nobody_signed_is_refused_inside_a_signed_program() -> Result {
    let (parts, keys) = (parts()?, enrolled()?);
    let uki = keys.db.sign(&parts.uki("2.0", "off")?)?;
    let content = parts.content("2.0", uki)?;
    let bad = image::slot_image::make(&content, &parts.keys)?;
    let disk = disk("kernel", parts, keys, &slot(parts, Some(&keys.db), "1.0")?)?;
    disk.put_slot(Slot::B, &bad)?;
    let mut state = BootState::shipped();
    state.finish_install(Slot::B);
    disk.put_state(state)?;
    let said = boot(Firmware::Secure(&keys.variables), &disk)?;
    said.expect(&[
        "stub: the kernel does not run",
        "slot b refused: NotStarted",
        "version=1.0",
    ]);
    said.expect_never("payload: word version=2.0");
    Ok(())
}

#[test]
fn the_firmware_refuses_a_loader_that_nobody_signed() -> Result {
    let (parts, keys) = (parts()?, enrolled()?);
    let slot = slot(parts, Some(&keys.db), "1.0")?;
    let disk = BoxDisk::with_esp("loader", 512, &[loader(&parts.loader)?], &slot)?;
    let before = disk.states()?;
    let said = boot_until(
        Firmware::Secure(&keys.variables),
        &disk,
        "No bootable option",
    )?;
    said.expect(&["Access Denied"]);
    said.expect_never("ramal-loader");
    assert_eq!(disk.states()?, before);
    Ok(())
}

/// What the box relies on when it writes PK last.
#[test]
fn firmware_whose_power_failed_before_its_last_key_starts_everything() -> Result {
    let (parts, variables) = (parts()?, half_enrolled()?);
    let slot = slot(parts, None, "1.0")?;
    let disk = BoxDisk::with_esp("without-pk", 512, &[loader(&parts.loader)?], &slot)?;
    let said = boot(Firmware::Secure(&variables), &disk)?;
    said.expect(&[
        "Secure Boot off",
        "starting slot a",
        "payload: word version=1.0",
    ]);
    Ok(())
}

#[test]
fn sbverify_agrees_with_our_signatures() -> Result {
    let (parts, keys) = (parts()?, enrolled()?);
    let folder = folder("signed")?;
    let certificates = [&keys.db, &keys.stranger].map(|key| key.certificate_pem());
    for (place, certificate) in certificates.into_iter().enumerate() {
        std::fs::write(folder.join(format!("{place}.pem")), certificate?)?;
    }
    let kernel = std::fs::read(image::build::debian_kernel()?)?;
    let uki = parts.uki("1.0", "off")?;
    for program in [&parts.loader, &uki, &kernel] {
        let path = folder.join("program.efi");
        std::fs::write(&path, keys.db.sign(program)?)?;
        let verify = |certificate: &str| {
            let certificate = folder.join(certificate).display().to_string();
            let program = path.display().to_string();
            qemu::process::run("sbverify", &["--cert".into(), certificate, program])
        };
        verify("0.pem")?;
        assert!(verify("1.pem").is_err());
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[test]
fn a_real_kernel_takes_command_line_and_initrd_and_locks_itself_down() -> Result {
    let (parts, keys) = (parts()?, enrolled()?);
    let kernel = keys
        .db
        .sign(&std::fs::read(image::build::debian_kernel()?)?)?;
    // An archive that ends at once (newc): the kernel finds no init, and restarts.
    let name = "TRAILER!!!\0";
    let zeros = "00000000".repeat(11);
    let initrd = format!("070701{zeros}{:08x}00000000{name}\0\0\0", name.len());
    let uki = image::uki::make(&image::uki::Parts {
        stub: &parts.stub,
        os_release: "ID=ramal\n",
        command_line: "console=ttyS0 panic=-1",
        initrd: initrd.as_bytes(),
        kernel: &kernel,
    })?;
    let content = parts.content("1.0", keys.db.sign(&uki)?)?;
    let slot = image::slot_image::make(&content, &parts.keys)?;
    let disk = disk("lockdown", parts, keys, &slot)?;
    let said = boot_disks(Firmware::Secure(&keys.variables), &[&disk])?;
    let line = "Command line: console=ttyS0 panic=-1 ramal.slot=a ramal.disk=";
    said.expect(&["starting slot a", &format!("{line}{}", disk.guid()?)]);
    said.expect(&["Loaded initrd from LINUX_EFI_INITRD_MEDIA_GUID"]);
    said.expect(&["locked down from EFI Secure Boot"]);
    Ok(())
}
