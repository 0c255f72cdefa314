//! Which slot is started, and what is noted of those that are not.

use boot::{BoxDisk, Failure, Firmware, Parts, Write, boot, boot_disks, boot_typing};
use boot::{disk::loader, folder, parts, writes};
use image::Machine;
use image::esp::EspFile;
use image::slot_image::{self, Content};
use slot::layout::STATE_COPIES;
use slot::{BootState, Condition, HEADER_LENGTH, Reason, Slot, Text, partition};

type Result = std::result::Result<(), Failure>;

/// A box with good slot A, and slot B just installed.
fn updated(name: &str, parts: &Parts, a: &[u8], b: &[u8]) -> std::result::Result<BoxDisk, Failure> {
    let disk = BoxDisk::shipped(parts, name, a)?;
    disk.put_slot(Slot::B, b)?;
    let mut state = BootState::shipped();
    state.finish_install(Slot::B);
    disk.put_state(state)?;
    Ok(disk)
}

fn reasons(disk: &BoxDisk) -> std::result::Result<Vec<(Option<Slot>, Reason)>, Failure> {
    let state = disk.state()?;
    Ok(state
        .journal()
        .map(|entry| (entry.slot, entry.reason))
        .collect())
}

#[test]
fn a_good_slot_is_started_with_its_command_line_initrd_and_handoff() -> Result {
    let parts = parts()?;
    let disk = BoxDisk::shipped(parts, "good", &parts.slot("1.0", "off")?)?;
    let said = boot(Firmware::Plain, &disk)?;
    said.expect(&[
        "ramal-loader: this box trusts DEVELOPMENT keys",
        "ramal-loader: starting slot a, version 1.0",
        "payload: word version=1.0",
        "payload: word then=off",
        "payload: word ramal.slot=a",
        &format!("payload: word ramal.disk={}", disk.guid()?),
        "payload: initrd of-1.0",
    ]);
    assert_eq!(said.count("payload: word"), 4);
    let state = disk.state()?;
    assert_eq!(state.slot(Slot::A).condition, Condition::Good(1));
    assert_eq!(state.started, Some(Slot::A));
    Ok(())
}

#[test]
fn the_attempt_is_written_and_flushed_before_a_slot_is_started() -> Result {
    let parts = parts()?;
    let disk = BoxDisk::shipped(parts, "flushed", &parts.slot("1.0", "off")?)?;
    let log = folder("boxes")?.join("flushed.writes");
    std::fs::File::create(&log)?;
    boot(Firmware::Recorded(&log), &disk)?;
    let at = disk.start(partition::BOOTSTATE)? + STATE_COPIES[0];
    let length = 4096;
    let expected = [Write::Bytes { at, length }, Write::Flush];
    // The newer copy is the second, so the first is written; nothing else of the disk is.
    assert_eq!(writes(&log)?, expected);
    std::fs::remove_file(&log)?;
    Ok(())
}

#[test]
fn a_new_slot_is_tried_three_times_and_then_left_for_the_old_one() -> Result {
    let parts = parts()?;
    let (old, new) = (parts.slot("1.0", "off")?, parts.slot("2.0", "reset")?);
    let disk = updated("tries", parts, &old, &new)?;
    let said = boot(Firmware::Plain, &disk)?;
    said.expect(&[
        "starting slot b, version 2.0",
        "starting slot b, version 2.0",
        "starting slot b, version 2.0",
        "starting slot a, version 1.0",
    ]);
    assert_eq!(said.count("payload: word version=2.0"), 3);
    assert_eq!(disk.state()?.slot(Slot::B).condition, Condition::Bad);
    assert_eq!(reasons(&disk)?, [(Some(Slot::B), Reason::TriesUsedUp)]);
    Ok(())
}

/// Slot B is refused for this reason, and slot A started in the same boot.
fn check_refused(name: &str, reason: Reason, spoil: impl Fn(&Parts, &BoxDisk) -> Result) -> Result {
    let parts = parts()?;
    let (old, new) = (parts.slot("1.0", "off")?, parts.slot("2.0", "off")?);
    let disk = updated(name, parts, &old, &new)?;
    spoil(parts, &disk)?;
    let said = boot(Firmware::Plain, &disk)?;
    let refused = format!("slot b refused: {reason:?}");
    said.expect(&[
        &refused,
        "starting slot a, version 1.0",
        "payload: word ramal.slot=a",
    ]);
    said.expect_never("version=2.0");
    assert_eq!(reasons(&disk)?, [(Some(Slot::B), reason)]);
    assert_eq!(disk.state()?.slot(Slot::B).condition, Condition::Bad);
    Ok(())
}

fn put_b(parts: &Parts, disk: &BoxDisk, change: impl Fn(&mut Content)) -> Result {
    let mut content = parts.content("2.0", parts.uki("2.0", "off")?)?;
    change(&mut content);
    disk.put_slot(Slot::B, &slot_image::make(&content, &parts.keys)?)
}

#[test]
fn a_bit_changed_in_the_program_of_a_slot_is_noticed() -> Result {
    let flip = |_: &Parts, disk: &BoxDisk| disk.flip(Slot::B, HEADER_LENGTH as u64 + 20_000);
    check_refused("program", Reason::Damaged, flip)
}

#[test]
fn a_bit_changed_in_the_header_of_a_slot_is_noticed() -> Result {
    check_refused("header", Reason::Damaged, |_, disk| disk.flip(Slot::B, 100))
}

#[test]
fn a_slot_signed_by_strangers_is_refused() -> Result {
    check_refused("strangers", Reason::NotSigned, |parts, disk| {
        let content = parts.content("2.0", parts.uki("2.0", "off")?)?;
        disk.put_slot(Slot::B, &slot_image::make(&content, &parts.strangers)?)
    })
}

#[test]
fn a_slot_for_another_hardware_is_refused() -> Result {
    check_refused("hardware", Reason::WrongHardware, |parts, disk| {
        let other = match Machine::of_environment()? {
            Machine::X86_64 => Machine::Aarch64,
            Machine::Aarch64 => Machine::X86_64,
        };
        let hardware = Text::new(other.hardware())?;
        put_b(parts, disk, |content| content.hardware = hardware)
    })
}

#[test]
fn a_slot_below_the_security_number_that_proved_good_is_refused() -> Result {
    check_refused("security", Reason::TooOld, |parts, disk| {
        put_b(parts, disk, |content| content.security = 0)?;
        let mut state = BootState::shipped();
        state.commit(Slot::A, 1, 0);
        state.finish_install(Slot::B);
        disk.put_state(state)
    })
}

#[test]
fn a_slot_that_is_no_program_or_ends_at_once_is_left_in_the_same_boot() -> Result {
    check_refused("no-program", Reason::NotStarted, |parts, disk| {
        put_b(parts, disk, |content| content.uki = vec![0x5a; 5000])
    })?;
    let parts = parts()?;
    let (old, new) = (parts.slot("1.0", "off")?, parts.slot("2.0", "return")?);
    let disk = updated("ends", parts, &old, &new)?;
    let said = boot(Firmware::Plain, &disk)?;
    said.expect(&[
        "payload: word version=2.0",
        "slot b refused: NotStarted",
        "starting slot a",
    ]);
    Ok(())
}

/// The files of an ESP with a rescue system.
#[expect(clippy::indexing_slicing, reason = "a slot has a header")]
fn with_rescue(parts: &Parts) -> std::result::Result<[EspFile; 3], Failure> {
    let uki = parts.uki("0.9", "off")?;
    let slot = slot_image::make(&parts.content("0.9", uki.clone())?, &parts.keys)?;
    let file = |path: &str, bytes: &[u8]| EspFile {
        path: path.into(),
        bytes: bytes.into(),
    };
    Ok([
        loader(&parts.loader)?,
        file("EFI/ramal/rescue.hdr", &slot[..HEADER_LENGTH]),
        file("EFI/ramal/rescue.efi", &uki),
    ])
}

#[test]
fn without_a_slot_the_rescue_system_is_started() -> Result {
    let parts = parts()?;
    let slot = parts.slot("1.0", "off")?;
    let disk = BoxDisk::with_esp("rescue", 512, &with_rescue(parts)?, &slot)?;
    disk.flip(Slot::A, 100)?;
    let said = boot(Firmware::Plain, &disk)?;
    said.expect(&[
        "slot a refused: Damaged",
        "starting the rescue system, version 0.9",
        "payload: word version=0.9",
        "payload: word ramal.slot=rescue",
        &format!("payload: word ramal.disk={}", disk.guid()?),
    ]);
    Ok(())
}

#[test]
fn without_anything_to_start_the_box_says_so_and_restarts() -> Result {
    let parts = parts()?;
    let disk = BoxDisk::shipped(parts, "nothing", &parts.slot("1.0", "off")?)?;
    disk.flip(Slot::A, 100)?;
    let said = boot_disks(Firmware::Plain, &[&disk])?;
    said.expect(&[
        "slot a refused: Damaged",
        "rescue system refused: Empty",
        "No system could be started. Trying again in 30 s.",
        "Nenhum sistema iniciou.",
    ]);
    // What had proved good stays so: the disk may answer better the next time.
    assert_eq!(disk.state()?.slot(Slot::A).condition, Condition::Good(0));
    Ok(())
}

#[test]
fn a_box_whose_state_is_lost_starts_and_has_both_copies_again() -> Result {
    let parts = parts()?;
    let disk = BoxDisk::shipped(parts, "lost", &parts.slot("1.0", "off")?)?;
    disk.destroy_states()?;
    let said = boot(Firmware::Plain, &disk)?;
    said.expect(&[
        "the boot state is lost",
        "starting slot a",
        "payload: word version=1.0",
    ]);
    for copy in disk.states()? {
        assert!(BootState::decode(&copy).is_some());
    }
    assert_eq!(reasons(&disk)?, [(None, Reason::StateLost)]);
    Ok(())
}

#[test]
fn of_two_disks_with_the_same_image_the_one_the_loader_came_from_is_used() -> Result {
    let parts = parts()?;
    let first = BoxDisk::shipped(parts, "twin-1", &parts.slot("1.0", "off")?)?;
    let second = first.twin("twin-2")?;
    second.put_slot(Slot::A, &parts.slot("2.0", "off")?)?;
    assert_eq!(first.guid()?, second.guid()?);
    let untouched = [first.states()?, second.states()?];
    let said = boot_disks(Firmware::Plain, &[&second, &first])?;
    said.expect(&["starting slot a, version 2.0", "payload: word version=2.0"]);
    assert_eq!(first.states()?, untouched[0]);
    assert_ne!(second.states()?, untouched[1]);
    Ok(())
}

#[test]
fn a_disk_with_sectors_of_4096_bytes_boots() -> Result {
    let parts = parts()?;
    let slot = parts.slot("1.0", "off")?;
    let disk = BoxDisk::with_esp("sectors", 4096, &with_rescue(parts)?, &slot)?;
    boot(Firmware::Plain, &disk)?.expect(&["starting slot a", "payload: word version=1.0"]);
    assert_eq!(disk.state()?.slot(Slot::A).condition, Condition::Good(1));
    Ok(())
}

#[test]
fn a_person_at_the_box_can_choose_the_other_slot() -> Result {
    let parts = parts()?;
    let (a, b) = (parts.slot("1.0", "off")?, parts.slot("2.0", "off")?);
    let disk = BoxDisk::shipped(parts, "menu", &a)?;
    disk.put_slot(Slot::B, &b)?;
    let typed = [("hold m for the menu", "m"), ("menu: a, b, r", "b")];
    let said = boot_typing(&disk, &typed)?;
    said.expect(&[
        "menu: a, b, r",
        "starting slot b, version 2.0",
        "payload: word version=2.0",
    ]);
    Ok(())
}

#[test]
fn what_others_put_into_the_load_options_never_reaches_the_kernel() -> Result {
    let parts = parts()?;
    // A UKI in place of the loader starts ours with these options, as a shell would.
    let inner = parts.uki("1.0", "off")?;
    let handoff = "ramal.slot=a ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c00";
    let outer = image::uki::make(&image::uki::Parts {
        stub: &parts.stub,
        os_release: "",
        command_line: &format!("{handoff} init=/bin/sh"),
        initrd: &[],
        kernel: &inner,
    })?;
    let slot = parts.slot("1.0", "off")?;
    let disk = BoxDisk::with_esp("options", 512, &[loader(&outer)?], &slot)?;
    let said = boot(Firmware::Plain, &disk)?;
    said.expect(&[
        "payload: word version=1.0",
        "payload: word then=off",
        "payload: that is all",
    ]);
    assert_eq!(said.count("payload: word"), 2);
    Ok(())
}
