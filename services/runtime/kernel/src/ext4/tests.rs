//! With file systems made by mke2fs and judged by e2fsck, where those are installed.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ramal-ext4-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn disk(&self, bytes: u64) -> File {
        let path = self.0.join("disk");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(path).expect("a file for the test");
        file.set_len(bytes).expect("sparse");
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const MIB: u64 = 1024 * 1024;

/// The template of a 32 MiB file system; `None`, with the reason, without mke2fs.
fn template(folder: &Path) -> Option<Template> {
    let path = folder.join("template");
    let made = Command::new("mke2fs")
        .args(["-q", "-t", "ext4", "-b", "4096", "-E", "lazy_itable_init=1"])
        .args([
            "-O",
            "64bit,metadata_csum,metadata_csum_seed,meta_bg,^resize_inode",
        ])
        .arg(&path)
        .arg("32M")
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: mke2fs of e2fsprogs is not installed");
        return None;
    }
    let bytes = fs::read(&path).expect("readable");
    let mut template = [
        MAGIC,
        &4096_u32.to_le_bytes(),
        &(32 * MIB / 4096).to_le_bytes(),
    ]
    .concat();
    for (number, block) in (0_u64..).zip(bytes.chunks(4096)) {
        if block.iter().any(|byte| *byte != 0) {
            template.extend_from_slice(&number.to_le_bytes());
            template.extend_from_slice(block);
        }
    }
    Some(Template::parse(&template).expect("well-formed"))
}

fn check_with_e2fsck(path: &Path) {
    let output = Command::new("e2fsck")
        .args(["-f", "-n"])
        .arg(path)
        .output()
        .expect("e2fsck");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn what_is_made_is_a_sound_file_system_with_its_own_uuid() {
    let folder = Folder::new("made");
    let Some(template) = template(&folder.0) else {
        return;
    };
    let device = folder.disk(64 * MIB);
    // An encrypted device is never empty: what was not written reads as noise.
    let noise: Vec<u8> = (1..=251_u8).cycle().take(1 << 20).collect();
    for place in 0..64 {
        device.write_all_at(&noise, place * MIB).expect("written");
    }
    let path = folder.0.join("disk");
    assert_eq!(superblock_of(&path).expect("readable"), None);
    let identity = Identity::new([7; 16], [9; 16]);
    template.write_to(&device, &identity).expect("written");
    let expected = Superblock {
        block_bytes: 4096,
        blocks: 32 * MIB / 4096,
    };
    assert_eq!(superblock_of(&path).expect("readable"), Some(expected));
    check_with_e2fsck(&path);
    let dump = Command::new("dumpe2fs").arg("-h").arg(&path).output();
    let dump = String::from_utf8_lossy(&dump.expect("dumpe2fs").stdout).into_owned();
    assert!(
        dump.contains("07070707-0707-4707-8707-070707070707"),
        "{dump}"
    );
}

#[test]
fn what_a_power_cut_broke_off_is_made_again() {
    let folder = Folder::new("cut");
    let Some(template) = template(&folder.0) else {
        return;
    };
    for cut in 0..=template.used.len() {
        let device = folder.disk(64 * MIB);
        for (number, block) in template.used.iter().take(cut) {
            // The last block is torn in the middle.
            let written = device.write_all_at(&block[..2048], number * 4096);
            written.expect("written");
        }
        template
            .write_to(&device, &Identity::new([1; 16], [2; 16]))
            .expect("written");
        check_with_e2fsck(&folder.0.join("disk"));
    }
}

#[test]
fn a_damaged_template_is_refused() {
    for bytes in [
        &b""[..],
        b"RMLEXT4T",
        b"RMLEXT4Txxxxyyyyyyyy",
        b"XXXXXXXXxxxxyyyyyyyy",
    ] {
        assert!(Template::parse(bytes).is_err());
    }
}

#[test]
fn a_superblock_torn_between_its_sectors_is_mended_and_the_rest_is_sound() {
    let folder = Folder::new("half");
    let Some(template) = template(&folder.0) else {
        return;
    };
    let disk = folder.disk(64 * MIB);
    let identity = Identity::random().expect("random");
    template.write_to(&disk, &identity).expect("written");
    assert_eq!(mend_torn_superblock(&disk).expect("whole"), None);
    // The time of the last mount (0x2c) is in the first sector, the check value in the second.
    let at = (SUPERBLOCK + 0x2c) as u64;
    disk.write_all_at(&[1, 2, 3, 0x60], at).expect("written");
    let mut torn = [0; SUPERBLOCK_LENGTH];
    disk.read_exact_at(&mut torn, SUPERBLOCK as u64)
        .expect("read");
    assert_eq!(mend_torn_superblock(&disk).expect("mended"), Some(torn));
    check_with_e2fsck(&folder.0.join("disk"));
    put_superblock(&disk, &torn).expect("written");
    assert_eq!(mend_torn_superblock(&disk).expect("again"), Some(torn));
}
