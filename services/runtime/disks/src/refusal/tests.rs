use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::sample::Folder;

const GIB: u64 = 1 << 30;

/// A machine as the kernel would show it.
struct Fake(Folder);

impl Fake {
    fn new(name: &str) -> Self {
        let fake = Self(Folder::new(name));
        fake.write(
            "proc/self/mountinfo",
            "22 1 0:21 / /proc rw - proc proc rw\n",
        );
        fake.write("proc/swaps", "Filename Type Size Used Priority\n");
        fake
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// A disk below the folders of its bus, with one partition.
    fn disk(&self, name: &str, bus: &str, number: u32) {
        let folder = format!("sys/devices/pci0/{bus}/block/{name}");
        let write = |file: &str, text: &str| self.write(&format!("{folder}/{file}"), text);
        write("size", &format!("{}\n", 8 * GIB / 512));
        write("dev", &format!("8:{number}\n"));
        write("removable", "1\n");
        write("ro", "0\n");
        write("device/vendor", "Acme    \n");
        write("device/model", "Stick 3000\n");
        let part = format!("{name}1");
        write(&format!("{part}/partition"), "1\n");
        write(&format!("{part}/size"), "2048\n");
        write(&format!("{part}/dev"), &format!("8:{}\n", number + 1));
        write(
            &format!("{part}/uevent"),
            "DEVTYPE=partition\nPARTNAME=photos\n",
        );
        fs::create_dir_all(self.0.path("sys/block")).expect("made");
        symlink(
            self.0.path(&folder),
            self.0.path(format!("sys/block/{name}")),
        )
        .expect("linked");
    }

    fn machine(&self) -> Machine {
        Machine::at(self.0.path(""))
    }

    fn refusals(&self, name: &str) -> Vec<Refusal> {
        let machine = self.machine();
        machine.refusals(&machine.disk(name).expect("there"), GIB, None)
    }

    fn mount(&self, line: &str) {
        self.write("proc/self/mountinfo", line);
    }
}

#[test]
fn disks_are_listed_with_what_people_know_them_by() {
    let fake = Fake::new("listed");
    fake.disk("sdb", "usb1/1-2", 16);
    fake.disk("sda", "ata1", 0);
    fake.disk("loop0", "virtual", 64);
    fake.write("sys/devices/pci0/usb1/1-2/serial", "AA00001\n");
    fake.write("run/udev/data/b8:0", "S:disk/x\nE:ID_SERIAL_SHORT=WD-77\n");
    let disks = fake.machine().disks();
    let seen: Vec<_> = disks
        .iter()
        .map(|it| {
            (
                it.name.as_str(),
                it.bus,
                it.serial.as_str(),
                it.model.as_str(),
            )
        })
        .collect();
    let model = "Acme Stick 3000";
    assert_eq!(
        seen,
        [
            ("sda", "sata", "WD-77", model),
            ("sdb", "usb", "AA00001", model)
        ]
    );
    let part = &disks[1].partitions[0];
    assert_eq!(
        (part.name.as_str(), part.label.as_str(), part.bytes),
        ("sdb1", "photos", 1 << 20)
    );
    assert!(disks[1].is_removable && disks[1].bytes == 8 * GIB);
    assert_eq!(fake.refusals("sdb"), []);
}

#[test]
fn the_disk_the_machine_runs_from_is_refused() {
    let fake = Fake::new("system");
    fake.disk("sda", "ata1", 0);
    fake.mount("27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
    assert_eq!(fake.refusals("sda"), [Refusal::System("/".into())]);
    // A file system with a number of its own.
    fake.mount("27 1 0:30 /@ / rw,relatime - btrfs /dev/sda1 rw\n");
    assert_eq!(fake.refusals("sda"), [Refusal::System("/".into())]);
    // By way of an encrypted volume.
    fake.write("sys/block/dm-0/dev", "254:0\n");
    fake.write("sys/block/dm-0/dm/name", "root\n");
    fake.write("sys/devices/pci0/ata1/block/sda/sda1/holders/dm-0/x", "");
    for source in [
        "254:0 / / rw - ext4 /dev/root",
        "0:31 / / rw - btrfs /dev/mapper/root",
    ] {
        fake.mount(&format!("27 1 {source} rw\n"));
        let expected = [Refusal::System("/".into()), Refusal::Held("dm-0".into())];
        assert_eq!(fake.refusals("sda"), expected);
    }
}

#[test]
fn a_disk_in_use_is_refused() {
    let fake = Fake::new("in-use");
    fake.disk("sdb", "usb1", 16);
    fake.mount("40 27 8:17 / /media/My\\040photos rw - vfat /dev/sdb1 rw\n");
    assert_eq!(
        fake.refusals("sdb"),
        [Refusal::Mounted("/media/My photos".into())]
    );
    fake.mount("");
    fake.write("proc/swaps", "Filename Type\n/dev/sdb1 partition 1 0 -2\n");
    assert_eq!(fake.refusals("sdb"), [Refusal::Swap("sdb1".into())]);
    fake.write("proc/swaps", "Filename Type\n");
    fake.write("sys/block/md0/dev", "9:0\n");
    fake.write("sys/devices/pci0/usb1/block/sdb/holders/md0/x", "");
    assert_eq!(fake.refusals("sdb"), [Refusal::Held("md0".into())]);
}

#[test]
fn a_disk_that_is_write_protected_or_too_small_is_refused() {
    let fake = Fake::new("small");
    fake.disk("sdb", "usb1", 16);
    fake.write("sys/block/sdb/ro", "1\n");
    fake.write(
        "sys/block/sdb/size",
        &((GIB + DATA_LENGTH_MIN) / 512 - 1).to_string(),
    );
    let found = GIB + DATA_LENGTH_MIN - 512;
    let needed = GIB + DATA_LENGTH_MIN;
    let expected = [Refusal::ReadOnly, Refusal::TooSmall { found, needed }];
    assert_eq!(fake.refusals("sdb"), expected);
}

#[test]
fn the_disk_that_the_image_lies_on_is_refused() {
    let fake = Fake::new("holds");
    fake.disk("sdb", "usb1", 16);
    fake.write("ramal.img", "an image");
    let image = fake.0.path("ramal.img");
    let machine = fake.machine();
    let refusals = || {
        let disk = machine.disk("sdb").expect("there");
        machine.refusals(&disk, GIB, Some(&image))
    };
    assert_eq!(refusals(), []);
    let number = device_number(fs::metadata(&image).expect("there").dev());
    fake.write("sys/block/sdb/sdb1/dev", &number);
    assert_eq!(refusals(), [Refusal::HoldsImage]);
    fake.write("sys/block/sdb/sdb1/dev", "8:17");
    fake.mount(&format!(
        "40 27 {number} / /media/stick rw - btrfs /dev/sdb1 rw\n"
    ));
    let expected = [Refusal::Mounted("/media/stick".into()), Refusal::HoldsImage];
    assert_eq!(refusals(), expected);
}
