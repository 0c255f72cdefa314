//! The image on a memory stick as an installer: from the menu at the box onto another disk, which
//! then is a box of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{Failure, Proof, alone, plan, product, switch_off};
use firmware::{KeyPlace, StateFile};
use image::progress;
use qemu::disk::BoxDisk;
use qemu::hardware::{Attachment, Drive};
use qemu::lab::{DISK_LENGTH, Lab, Way};
use slot::{Condition, Guid, HEADER_LENGTH, Header, Slot, partition};

#[test]
fn a_stick_installs_on_the_disk_of_the_machine_which_is_a_box_of_its_own() -> Proof {
    let _turn = alone();
    let mut lab = Lab::set_up(&plan("installer", Way::Firmware, DISK_LENGTH), product()?)?;
    let stick = lab.disk()?.clone();
    let target = BoxDisk::used(lab.scratch().join("target.raw"), DISK_LENGTH)?;
    let drive = |disk: &BoxDisk, attachment| Drive {
        disk: disk.clone(),
        attachment,
        sector: 512,
    };
    let drives = [
        drive(&stick, Attachment::Usb),
        drive(&target, Attachment::Nvme),
    ];
    lab.rebuild(|hardware| hardware.drives = drives.to_vec());
    lab.switch_on()?;
    lab.machine()?.wait_ready()?;
    let stick_certificate = certificate(&mut lab)?;
    install(&mut lab)?;
    switch_off(&mut lab, BOOT_MAX)?;

    let shipped = guids(&target)?;
    assert_eq!(shipped.len(), 5, "a disk and four partitions");
    assert!(shipped.is_disjoint(&guids(&stick)?), "GUIDs of the stick");
    let no_key = target.look_at_state(StateFile::key_place)?;
    assert_eq!(no_key, KeyPlace::Empty, "a key of the stick went along");
    let state = target.boot_state()?;
    assert_eq!(state.slot(Slot::A).condition, Condition::Good(0));
    assert_eq!(state.slot(Slot::B).condition, Condition::Empty);
    let header = stick.read(partition::SLOT_A, 0, HEADER_LENGTH)?;
    let used = Header::decode(&header).map_err(|it| Failure::new(it.to_string()))?;
    let used = usize::try_from(used.used()).unwrap_or(usize::MAX);
    let slot_of = |disk: &BoxDisk| disk.read(partition::SLOT_A, 0, used);
    assert!(slot_of(&stick)? == slot_of(&target)?, "another firmware");

    // The stick is out.
    let drives = [drive(&target, Attachment::Nvme)];
    lab.rebuild(|hardware| hardware.drives = drives.to_vec());
    lab.switch_on()?;
    let machine = lab.machine()?;
    machine.wait_line("ramal: the data partition was made", BOOT_MAX)?;
    machine.wait_ready()?;
    let (api, _) = lab.first_sign_in()?;
    api.create_extension("100", "Installed")?;
    assert_ne!(certificate(&mut lab)?, stick_certificate);
    switch_off(&mut lab, BOOT_MAX)?;
    assert!(guids(&target)?.is_disjoint(&guids(&stick)?));
    let [own, of_stick] = [&target, &stick].map(|it| it.look_at_state(StateFile::key_place));
    assert_ne!(own?, of_stick?, "the key of the data is that of the stick");
    Ok(())
}

/// What a person types, and what he is shown.
fn install(lab: &mut Lab) -> Proof {
    let machine = lab.machine()?;
    machine.type_line("menu")?;
    let offer = machine.wait_line("Install on a disk of this machine", ANSWER_MAX)?;
    let number = offer
        .text
        .split_whitespace()
        .find(|it| it.parse::<u8>().is_ok());
    let number = number.ok_or_else(|| Failure::new(format!("no number in {:?}", offer.text)))?;
    machine.type_line(number)?;
    let disk = machine.wait_line("  1  nvme0n1  4.2 GB  nvme  QEMU NVMe Ctrl", ANSWER_MAX)?;
    progress::note(&format!("console: {}", disk.text));
    assert!(
        disk.text.contains("disk1"),
        "no serial number: {}",
        disk.text
    );
    machine.type_line("1")?;
    machine.wait_line("EVERYTHING on this disk", ANSWER_MAX)?;
    machine.type_line("ERASE")?;
    machine.wait_line("reading back 100 %", INSTALL_MAX)?;
    let done = machine.wait_line("the disk was written and read back", ANSWER_MAX)?;
    progress::note(&format!("console: {}", done.text));
    machine.wait_line("take the stick out", ANSWER_MAX)?;
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
