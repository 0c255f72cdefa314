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
        .args(["-q", "-t", "ext4", "-b", "4096", "-L", "ramal-data", "-E"])
        .args(["resize=64M,lazy_itable_init=1"])
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
        if !is_zero(block) {
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
fn a_made_disk_is_a_sound_file_system_with_its_own_uuid() {
    let folder = Folder::new("made");
    let Some(template) = template(&folder.0) else {
        return;
    };
    let disk = folder.disk(64 * MIB);
    assert_eq!(
        probe(&disk, 64 * MIB, &template).expect("readable"),
        Content::Blank
    );
    let identity = Identity::new([7; 16], [9; 16]);
    template.write_to(&disk, &identity).expect("written");
    let expected = Superblock {
        label: "ramal-data".into(),
        block_bytes: 4096,
        blocks: 32 * MIB / 4096,
    };
    assert_eq!(
        probe(&disk, 64 * MIB, &template).expect("readable"),
        Content::Ext4(expected)
    );
    check_with_e2fsck(&folder.0.join("disk"));
    let dump = Command::new("dumpe2fs")
        .arg("-h")
        .arg(folder.0.join("disk"))
        .output();
    let dump = String::from_utf8_lossy(&dump.expect("dumpe2fs").stdout).into_owned();
    assert!(
        dump.contains("07070707-0707-4707-8707-070707070707"),
        "{dump}"
    );
}

#[test]
fn a_power_cut_at_any_block_leaves_a_disk_that_is_begun_again() {
    let folder = Folder::new("cut");
    let Some(template) = template(&folder.0) else {
        return;
    };
    let others: Vec<_> = template
        .used
        .iter()
        .filter(|(number, _)| *number != 0)
        .collect();
    for cut in 0..=others.len() {
        let disk = folder.disk(64 * MIB);
        for (number, block) in others.iter().take(cut) {
            // The last block is torn in the middle.
            disk.write_all_at(&block[..2048], number * 4096)
                .expect("written");
        }
        let content = probe(&disk, 64 * MIB, &template).expect("readable");
        assert!(
            matches!(content, Content::Blank | Content::Unfinished),
            "cut at {cut}"
        );
        template
            .write_to(&disk, &Identity::new([1; 16], [2; 16]))
            .expect("written");
        let content = probe(&disk, 64 * MIB, &template).expect("readable");
        assert!(
            matches!(content, Content::Ext4(_)),
            "cut at {cut}: {content:?}"
        );
    }
    check_with_e2fsck(&folder.0.join("disk"));
}

#[test]
fn a_power_cut_between_the_sectors_of_the_last_block_leaves_a_disk_begun_or_whole() {
    let folder = Folder::new("torn");
    let Some(template) = template(&folder.0) else {
        return;
    };
    let made = folder.disk(64 * MIB);
    let identity = Identity::new([7; 16], [9; 16]);
    template.write_to(&made, &identity).expect("written");
    let mut whole = vec![0; 4096];
    made.read_exact_at(&mut whole, 0).expect("readable");
    let steps = template.last_steps(&identity);
    for step in 0..steps.len() {
        // Of the step the power goes in, any of its sectors may be on the disk.
        let length = steps[step].1.len();
        for torn in 0..1_u32 << (length / SECTOR) {
            made.write_all_at(&[0; 4096], 0).expect("written");
            for (offset, bytes) in steps.iter().take(step) {
                made.write_all_at(bytes, *offset).expect("written");
            }
            let (offset, bytes) = &steps[step];
            for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                if torn & 1 << index != 0 {
                    let place = offset + (index * SECTOR) as u64;
                    made.write_all_at(sector, place).expect("written");
                }
            }
            let mut found = vec![0; 4096];
            made.read_exact_at(&mut found, 0).expect("readable");
            let content = probe(&made, 64 * MIB, &template).expect("readable");
            let is_good = match &content {
                Content::Unfinished => true,
                Content::Ext4(_) => found == whole,
                Content::Blank | Content::Other(_) => false,
            };
            assert!(is_good, "step {step}, sectors {torn:b}: {content:?}");
        }
    }
}

#[test]
fn a_disk_that_holds_anything_is_never_taken_for_blank() {
    let folder = Folder::new("other");
    let Some(template) = template(&folder.0) else {
        return;
    };
    let places = [0, 511, 512, 4096 + 7, MIB - 1, 64 * MIB - 512];
    for place in places {
        let disk = folder.disk(64 * MIB);
        disk.write_all_at(b"x", place).expect("written");
        let content = probe(&disk, 64 * MIB, &template).expect("readable");
        assert!(
            matches!(content, Content::Other(_)),
            "a byte at {place}: {content:?}"
        );
    }
}

#[test]
fn a_made_disk_whose_superblock_was_overwritten_is_damaged_not_blank() {
    let folder = Folder::new("damaged");
    let Some(template) = template(&folder.0) else {
        return;
    };
    let disk = folder.disk(64 * MIB);
    template
        .write_to(&disk, &Identity::new([7; 16], [9; 16]))
        .expect("written");
    disk.write_all_at(&[0xff; 4096], 0).expect("written");
    let content = probe(&disk, 64 * MIB, &template).expect("readable");
    assert!(matches!(content, Content::Other(_)), "{content:?}");
}

#[test]
fn a_used_disk_whose_beginning_was_wiped_is_damaged_not_blank() {
    let folder = Folder::new("wiped");
    let Some(template) = template(&folder.0) else {
        return;
    };
    let disk = folder.disk(512 * MIB);
    // The copy of the superblock in block group 1, as growing leaves it.
    disk.write_all_at(&[0x53, 0xef], 32768 * 4096 + 0x38)
        .expect("written");
    let content = probe(&disk, 512 * MIB, &template).expect("readable");
    assert!(matches!(content, Content::Other(_)), "{content:?}");
}

#[test]
fn a_foreign_disk_that_is_empty_at_both_ends_is_not_blank() {
    let folder = Folder::new("foreign");
    let Some(template) = template(&folder.0) else {
        return;
    };
    for bytes in [64 * MIB, 4096 * MIB] {
        // A fiftieth of the disk is in use, somewhere.
        for place in [3, 10, 17, 40, 49] {
            let disk = folder.disk(bytes);
            let start = bytes / 50 * place;
            for block in 0..bytes / 50 / 4096 {
                disk.write_all_at(b"x", start + block * 4096)
                    .expect("sparse");
            }
            let content = probe(&disk, bytes, &template).expect("readable");
            assert!(matches!(content, Content::Other(_)), "{bytes} {place}");
        }
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
