//! The firmware on its disk: first start, restart, damage, power that fails, factory reset.
//!
//! What the loader does with slots and boot state stands in `tests/boot`, with a payload in place
//! of the system; here it is the whole box.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use e2e::{Failure, OpenData, Proof, alone, alone_early, plan, product, small_disk, switch_off};
use firmware::KeyPlace;
use image::progress;
use qemu::disk::BoxDisk;
use qemu::hardware::{Attachment, Drive};
use qemu::lab::{ADMINISTRATOR, DISK_LENGTH, Lab, Way};
use qemu::serial::SerialError;
use serde_json::json;
use slot::layout::{DATA_KEY_COPIES, STATE_COPIES, WRITE_UNIT};
use slot::{
    BootState, Condition, Extent, Guid, HEADER_LENGTH, Header, Reason, Refusal, Slot, partition,
};

/// By its name before others, so that they have their turns while it waits to be proved good.
#[test]
fn a_first_start_makes_the_data_which_outlive_restarts_and_a_lost_boot_state() -> Proof {
    let turn = alone_early();
    let mut lab = Lab::set_up(&plan("first-start", Way::Firmware, DISK_LENGTH), product()?)?;
    let disk = lab.disk()?.clone();
    let shipped = guids(&disk)?;
    lab.switch_on()?;
    tell_cost(&mut lab, "the first start")?;
    let machine = lab.machine()?;
    machine.wait_line("ramal: the data partition was made", BOOT_MAX)?;
    machine.wait_ready()?;
    let (api, password) = lab.first_sign_in()?;
    api.create_extension("100", "Kept")?;
    let kept = api.get("/api/extensions")?;
    switch_off(&mut lab, BOOT_MAX)?;

    let own = guids(&disk)?;
    assert_eq!(own.len(), shipped.len() + 1, "the data partition is new");
    assert!(
        own.is_disjoint(&shipped),
        "GUIDs of the image are still there"
    );

    for copy in STATE_COPIES {
        disk.write(partition::BOOTSTATE, copy, &[0x55; WRITE_UNIT])?;
    }
    lab.switch_on()?;
    tell_cost(&mut lab, "a later start")?;
    lab.machine()?.wait_ready()?;
    let mut api = lab.api();
    api.sign_in(ADMINISTRATOR, &password)?;
    assert_eq!(api.get("/api/extensions")?, kept);
    assert_eq!(guids(&disk)?, own, "GUIDs change once");

    // Until it proves good the box only has to stand there: another may start beside it.
    drop(turn);
    lab.machine()?.wait_line("has proved good", PROOF_MAX)?;
    let state = disk.boot_state()?;
    assert_eq!(state.slot(Slot::A).condition, Condition::Good(0));
    let lost = state.journal().any(|it| it.reason == Reason::StateLost);
    assert!(lost, "the journal does not tell that the state was lost");
    let written = STATE_COPIES.map(|copy| disk.read(partition::BOOTSTATE, copy, WRITE_UNIT));
    for copy in written {
        assert!(BootState::decode(&copy?).is_some(), "a copy is still lost");
    }
    Ok(())
}

#[test]
fn a_damaged_root_is_told_and_the_other_slot_is_started() -> Proof {
    let _turn = alone();
    let (mut lab, disk) = with_two_good_slots("damaged-root")?;
    let root = header(&disk, Slot::A)?.root;
    disk.flip(partition::SLOT_A, root.start + 7)?;
    lab.switch_on()?;
    let machine = lab.machine()?;
    let told = machine.wait_line("the root of slot a is damaged", BOOT_MAX)?;
    progress::note(&format!("console: {}", told.text));
    machine.wait_ready()?;
    let state = disk.boot_state()?;
    assert_eq!(state.started, Some(Slot::B));
    let latest = state.journal().next();
    let latest = latest.ok_or_else(|| Failure::new("the journal is empty"))?;
    assert_eq!(
        (latest.slot, latest.reason),
        (Some(Slot::A), Reason::RootDamaged)
    );
    let (api, _) = lab.first_sign_in()?;
    let seen = api.get("/api/firmware")?;
    assert_eq!(seen["slots"][1]["running"], true, "{seen}");
    assert_eq!(seen["journal"][0]["reason"], "root-damaged", "{seen}");
    Ok(())
}

#[test]
fn a_root_that_rots_while_it_runs_is_told_and_the_other_slot_is_started_next() -> Proof {
    let _turn = alone();
    let (mut lab, disk) = with_two_good_slots("rotting-root")?;
    lab.switch_on()?;
    // The first service runs; what the others need is still to be read from the disk. They must
    // not go on meanwhile, however long the host takes to write.
    let root = header(&disk, Slot::A)?.root;
    let machine = lab.machine()?;
    machine.wait_line("ramal: stage service", BOOT_MAX)?;
    machine.qmp().execute("stop", &json!({}))?;
    rot(&disk, root)?;
    machine.qmp().execute("cont", &json!({}))?;
    let told = machine.wait_line("DAMAGED: a block of the firmware in slot a", BOOT_MAX)?;
    progress::note(&format!("console: {}", told.text));
    machine.wait_line("the next start is that of slot b", BOOT_MAX)?;
    lab.switch_off();
    let state = disk.boot_state()?;
    assert!(state.slot(Slot::A).is_damaged);

    lab.switch_on()?;
    lab.machine()?.wait_ready()?;
    assert_eq!(disk.boot_state()?.started, Some(Slot::B));
    Ok(())
}

/// Of a new version, at its last try: a driver waits for ever for its disk, before anything of the
/// system runs that could notice.
#[test]
fn a_new_version_that_hangs_before_its_services_is_reset_by_the_watchdog_and_left() -> Proof {
    let turn = alone_early();
    let (mut lab, disk) = with_two_good_slots("hanging-start")?;
    disk.change_state(|state| {
        state.change(|it| {
            it.finish_install(Slot::B);
            for _ in 1..slot::TRIES {
                it.choose(&Refusal::default());
            }
        })
    })?;
    lab.switch_on()?;
    let machine = lab.machine()?;
    machine.wait_line("starting slot b", BOOT_MAX)?;
    machine.wait_line("ramal: stage kernel", BOOT_MAX)?;
    let bytes_per_second = |limit| {
        let none = ["bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"];
        let mut limits: serde_json::Map<_, _> =
            none.iter().map(|it| ((*it).to_owned(), json!(0))).collect();
        limits.insert("bps".to_owned(), json!(limit));
        limits.insert("device".to_owned(), json!("disk0"));
        serde_json::Value::Object(limits)
    };
    let throttle = "block_set_io_throttle";
    machine.qmp().execute(throttle, &bytes_per_second(1))?;
    let hangs = Instant::now();
    // The box only has to stand there: another may start beside it.
    drop(turn);
    machine.wait_event("WATCHDOG", WATCHDOG_MAX)?;
    let seconds = hangs.elapsed().as_secs();
    machine.qmp().execute(throttle, &bytes_per_second(0))?;
    progress::note(&format!(
        "measured: the watchdog acted {seconds} s after the disk hung"
    ));
    let serial = machine.serial().clone();
    let mark = serial.mark();
    let said = serial.since(0);
    // Drivers that are in the kernel have read the disk before; its data are read after it.
    let went_on = said.iter().find(|it| it.text.contains("stage data"));
    assert!(went_on.is_none(), "it did not hang there: {went_on:?}");
    serial.wait(mark, "starting slot a", BOOT_MAX)?;
    serial.wait(mark, "ramal: ready", BOOT_MAX)?;
    let state = disk.boot_state()?;
    assert_eq!(state.slot(Slot::B).condition, Condition::Bad);
    let latest = state.journal().next();
    let latest = latest.ok_or_else(|| Failure::new("the journal is empty"))?;
    assert_eq!(
        (latest.slot, latest.reason),
        (Some(Slot::B), Reason::TriesUsedUp)
    );
    Ok(())
}

#[test]
fn a_box_whose_power_fails_twelve_times_in_a_row_starts_again() -> Proof {
    let _turn = alone();
    let plan = plan("power-fails", Way::Firmware, small_disk(DATA_LENGTH));
    let mut lab = Lab::set_up(&plan, product()?)?;
    for at in POWER_FAILS_AT {
        lab.switch_on()?;
        // In place of the system the loader may have chosen the rescue system.
        let serial = lab.machine()?.serial().clone();
        let end = match serial.wait_unless(0, at, Some(RESCUE), BOOT_MAX) {
            Ok(line) => line.text,
            Err(SerialError::Instead { .. }) => RESCUE.to_owned(),
            Err(error) => return Err(error.into()),
        };
        progress::note(&format!("the power fails at: {end}"));
        lab.switch_off();
    }
    lab.switch_on()?;
    let serial = lab.machine()?.serial().clone();
    let ready = serial.wait_unless(0, "ramal: ready", Some(RESCUE), BOOT_MAX);
    if matches!(ready, Err(SerialError::Instead { .. })) {
        // The rescue system has its turn, and counting begins anew with it.
        lab.switch_on()?;
    }
    lab.machine()?.wait_ready()?;
    let (api, _) = lab.first_sign_in()?;
    api.create_extension("100", "Works")?;
    Ok(())
}

#[test]
fn a_factory_reset_leaves_nothing_readable_and_starts_anew() -> Proof {
    let _turn = alone();
    let plan = plan("reset", Way::Kernel, small_disk(DATA_LENGTH));
    let mut lab = Lab::start_with(&plan, product()?)?;
    let disk = lab.disk()?.clone();
    lab.machine()?.wait_ready()?;
    let (api, password) = lab.first_sign_in()?;
    api.create_extension("100", "Forgotten")?;
    let (key, before) = (key(&disk)?, disk.read(partition::DATA, 0, SAMPLE)?);
    let body = json!({ "confirm": "erase everything" });
    lab.machine()?.expect_restart();
    api.post("/api/firmware/reset", &body)?;
    let machine = lab.machine()?;
    machine.wait_line("factory reset: everything", BOOT_MAX)?;
    machine.wait_ready()?;
    let mut api = lab.api();
    let refused = api.sign_in(ADMINISTRATOR, &password);
    assert!(refused.is_err(), "the password of before is still good");
    let (api, _) = lab.first_sign_in()?;
    assert_eq!(api.get("/api/extensions")?, json!([]));
    switch_off(&mut lab, BOOT_MAX)?;
    assert!(!disk.boot_state()?.wants_reset);
    let half = &key[..32];
    let (_, length) = disk.place(partition::BOOTSTATE)?;
    let kept = disk.read(partition::BOOTSTATE, 0, usize::try_from(length)?)?;
    let found = kept.windows(half.len()).any(|window| window == half);
    assert!(!found, "the key of before is still on the disk");
    let after = disk.read(partition::DATA, 0, SAMPLE)?;
    assert!(before != after, "the file system was not made anew");
    Ok(())
}

#[test]
fn of_a_used_disk_and_a_stick_with_the_image_the_one_the_box_starts_from_is_used() -> Proof {
    let _turn = alone();
    let product = product()?;
    let image = product.shipped.disk.clone();
    let plan = plan("two-disks", Way::Kernel, small_disk(DATA_LENGTH));
    let mut lab = Lab::set_up(&plan, product)?;
    let stick = lab.scratch().join("stick.raw");
    // The kernel calls it sda, which comes before vda.
    let stick = BoxDisk::flashed(&image, stick, small_disk(DATA_LENGTH))?;
    let untouched = std::fs::read(stick.path())?;
    let drive = Drive {
        attachment: Attachment::Usb,
        ..Drive::usual(stick.clone())
    };
    lab.rebuild(|hardware| hardware.drives.push(drive));
    lab.switch_on()?;
    lab.machine()?.wait_ready()?;
    let disk = lab.disk()?.clone();
    switch_off(&mut lab, BOOT_MAX)?;
    key(&disk)?;
    assert!(
        std::fs::read(stick.path())? == untouched,
        "the box wrote to a disk that it was not started from"
    );
    Ok(())
}

#[test]
fn what_is_stored_cannot_be_read_without_the_key() -> Proof {
    let _turn = alone();
    let plan = plan("encrypted", Way::Kernel, small_disk(DATA_LENGTH));
    let mut lab = Lab::start_with(&plan, product()?)?;
    let disk = lab.disk()?.clone();
    lab.machine()?.wait_ready()?;
    let (api, _) = lab.first_sign_in()?;
    api.create_extension("100", NEEDLE)?;
    switch_off(&mut lab, BOOT_MAX)?;
    let (_, length) = disk.place(partition::DATA)?;
    let encrypted = disk.read(partition::DATA, 0, usize::try_from(length)?)?;
    let data = OpenData::take_out(&disk)?;
    let plain = std::fs::read(data.path())?;
    assert!(holds(&plain, NEEDLE), "it is not even in the data");
    assert!(!holds(&encrypted, NEEDLE), "it is readable on the disk");
    Ok(())
}

/// A box whose two versions have proved good, switched off; A is the one that is started.
fn with_two_good_slots(name: &str) -> Result<(Lab, BoxDisk), Failure> {
    let product = product()?;
    let version_b = std::fs::read(&product.shipped.slot)?;
    let plan = plan(name, Way::Firmware, small_disk(DATA_LENGTH));
    let lab = Lab::set_up(&plan, product)?;
    let disk = lab.disk()?.clone();
    disk.write(partition::SLOT_B, 0, &version_b)?;
    disk.change_state(|state| {
        state.change(|it| it.commit(Slot::B, 0, 0))?;
        state.change(|it| it.commit(Slot::A, 0, 0))
    })?;
    Ok((lab, disk))
}

/// Changes a bit in every block of a place in slot A.
fn rot(disk: &BoxDisk, root: Extent) -> Proof {
    let length = usize::try_from(root.length)?;
    let mut bytes = disk.read(partition::SLOT_A, root.start, length)?;
    for block in bytes.chunks_mut(VERITY_BLOCK) {
        block.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    }
    Ok(disk.write(partition::SLOT_A, root.start, &bytes)?)
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Every unique GUID on a disk, its own too.
fn guids(disk: &BoxDisk) -> Result<BTreeSet<Guid>, Failure> {
    let table = disk.table()?;
    let partitions = table.partitions().iter().map(|it| it.unique);
    Ok(partitions.chain([table.disk]).collect())
}

fn header(disk: &BoxDisk, slot: Slot) -> Result<Header, Failure> {
    let bytes = disk.read(partition::of_slot(slot), 0, HEADER_LENGTH)?;
    Header::decode(&bytes).map_err(|fault| Failure::new(format!("slot {}: {fault}", slot.name())))
}

/// The key of the data, which must be kept in both copies.
fn key(disk: &BoxDisk) -> Result<Vec<u8>, Failure> {
    let [first, second] = DATA_KEY_COPIES.map(|at| disk.read(partition::BOOTSTATE, at, WRITE_UNIT));
    assert!(first? == second?, "the copies of the key differ");
    match disk.look_at_state(firmware::StateFile::key_place)? {
        KeyPlace::Kept { payload, .. } => Ok(payload),
        other => Err(Failure::new(format!("no key: {other:?}"))),
    }
}

/// What a start has cost when SIP is answered, and what of it after the kernel was there.
fn tell_cost(lab: &mut Lab, what: &str) -> Proof {
    let machine = lab.machine()?;
    machine.wait_line("ramal: stage kernel", BOOT_MAX)?;
    let kernel = machine.cpu_seconds();
    machine.wait_line("service pbx ready", BOOT_MAX)?;
    let sip = machine.cpu_seconds();
    let own = sip - kernel;
    let programs = machine.wait_line("of the processor in our programs", BOOT_MAX)?;
    progress::note(&format!(
        "measured: {what}, {sip:.1} CPU seconds from OVMF to SIP answering, of which {own:.1} \
         after the kernel was there; {}",
        programs.text
    ));
    Ok(())
}

/// Where the power fails: in the first start, in later ones, always before the firmware has proved
/// good. In every sixth the loader starts the rescue system, and no line of ours comes.
const POWER_FAILS_AT: [&str; 12] = [
    "ramal: stage kernel",
    "ramal: the data partition was made",
    "ramal: making the file system of the data",
    "ramal: stage data",
    "service store ready",
    "the rescue system, as this is the sixth",
    "ramal: stage root",
    "service net ready",
    "ramal: stage init",
    "service web ready",
    "ramal: ready",
    "the rescue system again",
];

/// What the loader says of the rescue system.
const RESCUE: &str = "starting the rescue system";

/// An extension's name that nothing else has.
const NEEDLE: &str = "Needle In The Haystack 7141";

/// Bytes of the data partition where little is stored.
const DATA_LENGTH: u64 = 128 * 1024 * 1024;

/// Bytes of a block that the kernel checks.
const VERITY_BLOCK: usize = 4096;

/// Bytes of the beginning of the data: the superblock and more.
const SAMPLE: usize = 64 * 1024;

/// Ten times what it takes under emulation.
const BOOT_MAX: Duration = Duration::from_secs(240);

/// Stage-1 gives the watchdog 180 s.
const WATCHDOG_MAX: Duration = Duration::from_secs(300);

/// The firmware proves good two minutes after everything is ready.
const PROOF_MAX: Duration = Duration::from_secs(360);
