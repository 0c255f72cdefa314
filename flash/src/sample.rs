//! Images for tests: small ones, and ones with a real EFI system partition.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use gpt::{Geometry, Table};
use slot::{BootState, Extent, Guid, HEADER_LENGTH, Header, KEYS_MAX, Text, layout, partition};

use crate::content;
use disks::SparseDisk;
use disks::esp::{self, EspFile};

const MIB: u64 = 1 << 20;

/// Bytes of slot A that are in use.
const SLOT_USED: u64 = 1_200_000;

/// An image of 9 MiB; its ESP is no file system.
pub(crate) fn image(sector: u64) -> SparseDisk {
    let mut disk = empty(sector, MIB);
    let at = place(&disk, partition::ESP).start;
    disk.write_at(at, &pattern(3, 300_000)).expect("fits");
    disk
}

/// An image with an ESP as large as a real one, with these files.
pub(crate) fn whole_image(sector: u64) -> SparseDisk {
    let mut disk = empty(sector, layout::ESP_LENGTH);
    let sector = u16::try_from(sector).expect("fits");
    let esp = esp::make_sparse(sector, layout::ESP_LENGTH, &esp_files()).expect("made");
    let at = place(&disk, partition::ESP).start;
    for range in esp.written() {
        let mut block = [0; 4096];
        esp.read_at(range.start, &mut block).expect("read");
        disk.write_at(at + range.start, &block).expect("fits");
    }
    disk
}

/// What is on the ESP of [`whole_image`].
pub(crate) fn esp_files() -> Vec<EspFile> {
    let file = |path: &str, bytes| EspFile {
        path: path.into(),
        bytes,
    };
    vec![
        file("EFI/BOOT/BOOTX64.EFI", pattern(4, 70_000)),
        file("EFI/ramal/rescue.efi", pattern(5, 90_000)),
    ]
}

fn empty(sector: u64, esp_length: u64) -> SparseDisk {
    let lengths = [
        (partition::ESP, esp_length),
        (partition::BOOTSTATE, layout::BOOTSTATE_LENGTH),
        (partition::SLOT_A, 3 * MIB),
        (partition::SLOT_B, 2 * MIB),
    ];
    let length = lengths.iter().map(|it| it.1).sum::<u64>() + 2 * MIB;
    let geometry = Geometry::new(sector, length).expect("fits");
    let mut table = Table::new(geometry, Guid::new(1));
    for ((kind, length), unique) in lengths.into_iter().zip(2..) {
        let added = table.add(kind, Guid::new(unique), "part", Some(length), MIB);
        added.map(drop).expect("fits");
    }
    let mut disk = SparseDisk::new(length);
    for write in table.writes() {
        disk.write_at(write.offset, &write.bytes).expect("fits");
    }
    let state = BootState::shipped();
    let at = place(&disk, partition::BOOTSTATE).start;
    for (copy, state) in layout::STATE_COPIES.into_iter().zip([state, state.next()]) {
        disk.write_at(at + copy, &state.encode()).expect("fits");
    }
    let at = place(&disk, partition::SLOT_A).start;
    disk.write_at(at, &header().encode()).expect("fits");
    let length = usize::try_from(SLOT_USED).expect("fits") - HEADER_LENGTH;
    disk.write_at(at + HEADER_LENGTH as u64, &pattern(6, length))
        .expect("fits");
    disk
}

fn header() -> Header {
    Header {
        hardware: Text::new("ramal-x86_64").expect("a name"),
        version: Text::new("1.2.3").expect("a version"),
        security: 0,
        built: 0,
        uki: Extent {
            start: HEADER_LENGTH as u64,
            length: SLOT_USED - HEADER_LENGTH as u64,
        },
        uki_sha256: [0; 32],
        root: Extent::default(),
        verity: Extent::default(),
        root_hash: [0; 32],
        salt: [0; 32],
        signatures: [None; KEYS_MAX],
    }
}

/// Bytes that compress badly and are different everywhere.
pub(crate) fn pattern(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(step).take(length).collect()
}

/// The table of a disk, by its first copy.
pub(crate) fn table(disk: &SparseDisk) -> Option<Table> {
    content::table(disk.length(), &mut |at, into| disk.read_at(at, into)).expect("read")
}

/// The bytes of a partition.
pub(crate) fn place(disk: &SparseDisk, kind: Guid) -> Range<u64> {
    let table = table(disk).expect("a table");
    let (at, length) = table.of_kind(kind).expect("there").bytes(table.geometry());
    at..at + length
}

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("ramal-flash-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("made");
        Self(path)
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a disk to a file with holes.
    pub(crate) fn save(&self, name: &str, disk: &SparseDisk) -> PathBuf {
        let path = self.path(name);
        let file = File::create(&path).expect("made");
        file.set_len(disk.length()).expect("long enough");
        for range in disk.written() {
            let mut block = [0; 4096];
            disk.read_at(range.start, &mut block).expect("read");
            file.write_all_at(&block, range.start).expect("written");
        }
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}
