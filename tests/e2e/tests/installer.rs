//! The image on a memory stick as an installer: from the menu at the box onto other disks, which
//! then are boxes of their own. One of them has sectors of 4096 bytes.

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use e2e::{Failure, Proof, alone, plan, product, switch_off, wait_until};
use firmware::{KeyPlace, StateFile};
use image::progress;
use qemu::box_api::BoxApi;
use qemu::disk::BoxDisk;
use qemu::hardware::{Attachment, Drive};
use qemu::lab::{DISK_LENGTH, Lab, Way};
use qemu::serial::Serial;
use slot::{Condition, Guid, HEADER_LENGTH, Header, Slot, partition};

#[test]
fn a_stick_installs_on_disks_of_the_machine_which_are_boxes_of_their_own() -> Proof {
    let _turn = alone();
    let mut lab = Lab::set_up(&plan("installer", Way::Firmware, DISK_LENGTH), product()?)?;
    let stick = lab.disk()?.clone();
    let large_sectors = BoxDisk::used(lab.scratch().join("large-sectors.raw"), DISK_LENGTH)?;
    // A box of its own already, so that a broken installation would leave something to start.
    let image = lab.product().shipped.disk.clone();
    let second = BoxDisk::flashed(&image, lab.scratch().join("second.raw"), DISK_LENGTH)?;
    second.make_data_partition()?;
    let on_usb = drive(&stick, Attachment::Usb, 512);
    let on_nvme = drive(&large_sectors, Attachment::Nvme, 4096);
    let on_virtio = drive(&second, Attachment::Virtio, 512);
    let drives = [on_usb, on_nvme.clone(), on_virtio.clone()];
    lab.rebuild(|hardware| hardware.drives = drives.to_vec());
    lab.switch_on()?;
    lab.machine()?.wait_ready()?;
    let stick_certificate = certificate(&mut lab)?;
    let (api, _) = lab.first_sign_in()?;
    cancel(&mut lab, "vda", &second)?;
    install(&mut lab, "vda", "4.2 GB  virtio")?;
    install(
        &mut lab,
        "nvme0n1",
        "4.2 GB  nvme  QEMU NVMe Ctrl  n/s disk1",
    )?;
    check_recorded(&api)?;
    switch_off(&mut lab, BOOT_MAX)?;
    prove_made(&stick, &second)?;
    prove_made(&stick, &large_sectors)?;

    // The stick is out.
    lab.rebuild(|hardware| hardware.drives = vec![on_nvme]);
    lab.switch_on()?;
    let machine = lab.machine()?;
    machine.wait_line("ramal: the data partition was made", BOOT_MAX)?;
    machine.wait_ready()?;
    let (api, _) = lab.first_sign_in()?;
    api.create_extension("100", "Installed")?;
    assert_ne!(certificate(&mut lab)?, stick_certificate);
    switch_off(&mut lab, BOOT_MAX)?;
    assert!(guids(&large_sectors)?.is_disjoint(&guids(&stick)?));
    let [own, of_stick] = [&large_sectors, &stick].map(|it| it.look_at_state(StateFile::key_place));
    assert_ne!(own?, of_stick?, "the key of the data is that of the stick");

    lab.rebuild(|hardware| hardware.drives = vec![on_virtio]);
    lab.switch_on()?;
    let machine = lab.machine()?;
    machine.wait_line("ramal: the data partition was made", BOOT_MAX)?;
    machine.wait_services()?;
    Ok(())
}

fn drive(disk: &BoxDisk, attachment: Attachment, sector: u16) -> Drive {
    Drive {
        disk: disk.clone(),
        attachment,
        sector,
    }
}

/// What an installed disk is before its first start: a freshly flashed box with the firmware of the
/// stick, and nothing by which anybody would take it for the stick.
fn prove_made(stick: &BoxDisk, target: &BoxDisk) -> Proof {
    let shipped = guids(target)?;
    assert_eq!(shipped.len(), 5, "a disk and four partitions");
    assert!(shipped.is_disjoint(&guids(stick)?), "GUIDs of the stick");
    let no_key = target.look_at_state(StateFile::key_place)?;
    assert_eq!(no_key, KeyPlace::Empty, "a key of the stick went along");
    let state = target.boot_state()?;
    assert_eq!(state.slot(Slot::A).condition, Condition::Good(0));
    assert_eq!(state.slot(Slot::B).condition, Condition::Empty);
    let header = stick.read(partition::SLOT_A, 0, HEADER_LENGTH)?;
    let used = Header::decode(&header).map_err(|it| Failure::new(it.to_string()))?;
    let used = usize::try_from(used.used()).unwrap_or(usize::MAX);
    let slot_of = |disk: &BoxDisk| disk.read(partition::SLOT_A, 0, used);
    assert!(slot_of(stick)? == slot_of(target)?, "another firmware");
    Ok(())
}

/// What a person types, and what he is shown.
fn install(lab: &mut Lab, disk: &str, description: &str) -> Proof {
    let (serial, mark) = begin(lab, disk, description)?;
    serial.wait(mark, "reading back 100 %", INSTALL_MAX)?;
    let done = serial.wait(mark, "the disk was written and read back", ANSWER_MAX)?;
    progress::note(&format!("console: {}", done.text));
    serial.wait(mark, "take the stick out", ANSWER_MAX)?;
    Ok(())
}

/// Ends an installation while it writes: nothing may be left on the disk that starts.
fn cancel(lab: &mut Lab, name: &str, disk: &BoxDisk) -> Proof {
    disk.table()?;
    let (serial, mark) = begin(lab, name, "4.2 GB  virtio")?;
    serial.wait(mark, "gravando / writing", INSTALL_MAX)?;
    lab.machine()?.type_line("CANCEL")?;
    let said = serial.wait(mark, "Cancelled: the disk starts nothing", ANSWER_MAX)?;
    progress::note(&format!("console: {}", said.text));
    let left = disk.table().map(|it| it.partitions().len());
    assert!(left.is_err(), "a table of {left:?} partitions is left");
    let mut tail = vec![0xff; 64 * 1024];
    let file = disk.open()?;
    let start = DISK_LENGTH - tail.len() as u64;
    file.read_exact_at(&mut tail, start)?;
    assert!(tail.iter().all(|it| *it == 0), "the second copy is left");
    Ok(())
}

/// Chooses a disk and says that it may be erased; the serial line, and where it begins to tell of
/// the installation.
fn begin(lab: &mut Lab, disk: &str, description: &str) -> Result<(Serial, usize), Failure> {
    let machine = lab.machine()?;
    let serial = machine.serial().clone();
    let mark = serial.mark();
    machine.type_line("menu")?;
    let offer = serial.wait(mark, "Install on a disk of this machine", ANSWER_MAX)?;
    machine.type_line(&number(&offer.text)?)?;
    let wanted = format!("  {disk}  {description}");
    let line = serial.wait(mark, &wanted, ANSWER_MAX)?;
    progress::note(&format!("console: {}", line.text));
    machine.type_line(&number(&line.text)?)?;
    serial.wait(mark, "EVERYTHING on this disk", ANSWER_MAX)?;
    let mark = serial.mark();
    machine.type_line("ERASE")?;
    Ok((serial, mark))
}

/// By which a choice is made.
fn number(line: &str) -> Result<String, Failure> {
    let mut words = line.split_whitespace();
    let number = words.find(|it| it.parse::<u8>().is_ok());
    let number = number.ok_or_else(|| Failure::new(format!("no number in {line:?}")))?;
    Ok(number.to_owned())
}

/// The box that made the others says who wanted it, on which disk, and how it ended.
fn check_recorded(api: &BoxApi) -> Proof {
    let end = "installed on another disk";
    let trail = wait_until("both ends, on record", ANSWER_MAX, || {
        let trail = api.get("/api/audit")?.to_string();
        Ok((trail.matches(end).count() == 2).then_some(trail))
    })?;
    for wanted in [
        "installation on another disk begun",
        "installation on another disk cancelled",
        "at the box",
        "nvme0n1, 4.2 GB",
        "QEMU NVMe Ctrl",
        "disk1",
    ] {
        assert!(trail.contains(wanted), "{wanted} in {trail}");
    }
    Ok(())
}

/// The fingerprint of the certificate, as the page on the box's own screen shows its first half.
fn certificate(lab: &mut Lab) -> Result<String, Failure> {
    let serial = lab.machine()?.serial().clone();
    serial.wait(0, CERTIFICATE, BOOT_MAX)?;
    let lines = serial.since(0);
    let heading = lines.iter().rposition(|it| it.text.contains(CERTIFICATE));
    // It stands in the lines between this one and that of the services.
    serial.wait(heading.unwrap_or_default(), " / Services", ANSWER_MAX)?;
    let halves = |text: &str| {
        let mut words = text.split_whitespace();
        words
            .find(|word| word.split(':').count() == 16)
            .map(str::to_owned)
    };
    let lines = serial.since(0);
    let found = lines.iter().rev().find_map(|line| halves(&line.text));
    found.ok_or_else(|| Failure::new("no fingerprint on the screen"))
}

/// What the page calls it.
const CERTIFICATE: &str = "Certificado / Certificate";

fn guids(disk: &BoxDisk) -> Result<BTreeSet<Guid>, Failure> {
    let table = disk.table()?;
    let partitions = table.partitions().iter().map(|it| it.unique);
    Ok(partitions.chain([table.disk]).collect())
}

/// A few times what an emulated box needs.
const BOOT_MAX: Duration = Duration::from_secs(180);
const ANSWER_MAX: Duration = Duration::from_secs(30);
const INSTALL_MAX: Duration = Duration::from_secs(400);
