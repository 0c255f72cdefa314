use std::cell::Cell;
use std::path::PathBuf;

use disks::Phase;
use gpt::{Geometry, Partition, Table};
use slot::{BootState, Guid, layout, partition};

use super::*;
use crate::pack;
use crate::sample::{self, Folder};

const MIB: u64 = 1 << 20;

/// Bytes of most disks here; the small image has 9 MiB.
const DISK: u64 = 16 * MIB;

/// What happened to a disk, in order.
#[derive(Clone)]
enum Step {
    Write(u64, Vec<u8>),
    Flush,
}

/// A disk in memory that notes what is done to it, and may be a bad one.
struct Fake {
    disk: SparseDisk,
    geometry: Geometry,
    steps: Vec<Step>,
    /// A byte that it does not keep.
    flips: Option<u64>,
    /// Writes that it takes before it fails.
    writes_left: Option<usize>,
}

impl Fake {
    fn new(sector: u64, length: u64) -> Self {
        Self {
            disk: SparseDisk::new(length),
            geometry: Geometry::new(sector, length).expect("fits"),
            steps: Vec::new(),
            flips: None,
            writes_left: None,
        }
    }

    /// One on which something else was before.
    fn used(sector: u64, length: u64) -> Self {
        let mut fake = Self::new(sector, length);
        for at in (0..length.min(20 * MIB)).step_by(4096) {
            fake.disk.write_at(at, &[0x5a; 4096]).expect("fits");
        }
        fake
    }

    fn table(&self) -> Option<Table> {
        table(&self.disk, self.geometry)
    }

    fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).expect("fits")];
        self.disk.read_at(range.start, &mut bytes).expect("read");
        bytes
    }

    fn partition(&self, kind: Guid) -> Range<u64> {
        let table = self.table().expect("a table");
        plan::range(table.of_kind(kind).expect("there"), &table)
    }
}

impl Device for Fake {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(offset, into)?;
        let place = self.flips.and_then(|flips| flips.checked_sub(offset));
        let place = place.and_then(|place| into.get_mut(usize::try_from(place).ok()?));
        if let Some(byte) = place {
            *byte ^= 1;
        }
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let sector = self.geometry.sector();
        assert_eq!(
            (offset % sector, bytes.len() as u64 % sector),
            (0, 0),
            "whole sectors"
        );
        if let Some(left) = &mut self.writes_left {
            *left = left.checked_sub(1).ok_or(io::ErrorKind::Other)?;
        }
        self.steps.push(Step::Write(offset, bytes.to_vec()));
        self.disk.write_at(offset, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.steps.push(Step::Flush);
        Ok(())
    }

    fn forget_cache(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn table(disk: &SparseDisk, geometry: Geometry) -> Option<Table> {
    let mut head = vec![0; geometry.head_length()];
    disk.read_at(0, &mut head).expect("read");
    let (at, length) = geometry.tail();
    let mut tail = vec![0; length];
    disk.read_at(at, &mut tail).expect("read");
    Table::find(geometry, &head, &tail).ok().map(|it| it.table)
}

/// Looks on, and ends it after so many pieces.
#[derive(Default)]
struct Looker {
    phases: Vec<Phase>,
    ends_after: Option<usize>,
    asked: Cell<usize>,
}

impl Watcher for Looker {
    fn begin(&mut self, phase: Phase, _total: u64) {
        self.phases.push(phase);
    }

    fn advance(&mut self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.ends_after
            .is_some_and(|after| self.asked.get() > after)
    }
}

/// Random bytes that a test can name again.
fn entropy(seed: u8) -> impl FnMut(&mut [u8; 16]) -> io::Result<()> {
    let mut next = seed;
    move |bytes| {
        next = next.wrapping_add(1);
        bytes.fill(next);
        Ok(())
    }
}

/// A published image.
struct Release {
    _folder: Folder,
    image: PathBuf,
}

impl Release {
    fn new(name: &str, disk: &SparseDisk) -> Self {
        let folder = Folder::new(name);
        let raw = folder.save("raw.img", disk);
        let image = pack(&raw, &folder.path("out")).expect("packed").image;
        Self {
            _folder: folder,
            image,
        }
    }

    fn source(&self) -> Source {
        Source::open(&self.image).expect("opened")
    }
}

const fn order(source: &Source) -> Order<'_> {
    Order {
        source,
        provision: None,
        keep_data: false,
        verify: true,
    }
}

fn run(fake: &mut Fake, order: Order<'_>) -> Result<Written, WriteError> {
    write(fake, order, &mut entropy(100), &mut Looker::default())
}

/// Everything that the image maps is on the disk; beyond it only what is known to be there.
fn assert_holds(fake: &Fake, image: &SparseDisk, source: &Source) {
    let inside = MIB..image.length() - MIB;
    for range in source.mapped().expect("a map").within(inside) {
        let mut expected = vec![0; usize::try_from(range.end - range.start).expect("fits")];
        image.read_at(range.start, &mut expected).expect("read");
        assert!(fake.bytes(range.clone()) == expected, "{range:?}");
    }
}

#[test]
fn a_larger_disk_gets_the_image_and_a_table_of_its_own() {
    for sector in [512, 4096] {
        let image = sample::image(sector);
        let release = Release::new(&format!("larger-{sector}"), &image);
        let source = release.source();
        let mut fake = Fake::used(sector, DISK + 8192);
        let written = run(&mut fake, order(&source)).expect("written");
        assert!(!written.is_converted);
        assert_holds(&fake, &image, &source);
        let (table, shipped) = (fake.table().expect("a table"), source.table());
        for copy in table.writes() {
            let at = copy.offset..copy.offset + copy.bytes.len() as u64;
            assert!(
                fake.bytes(at) == copy.bytes,
                "both copies, the second at the end"
            );
        }
        assert_ne!(table.disk, shipped.disk);
        let pairs = table.partitions().iter().zip(shipped.partitions());
        for (mine, theirs) in pairs {
            assert_ne!(mine.unique, theirs.unique);
            assert_eq!((mine.kind, mine.first), (theirs.kind, theirs.first));
        }
    }
}

#[test]
fn two_disks_with_one_image_have_no_guid_in_common() {
    let release = Release::new("two-disks", &sample::image(512));
    let source = release.source();
    let guids = |seed| {
        let mut fake = Fake::new(512, DISK);
        write(
            &mut fake,
            order(&source),
            &mut entropy(seed),
            &mut Looker::default(),
        )
        .expect("ok");
        let table = fake.table().expect("a table");
        let parts = table.partitions().iter().map(|it| it.unique);
        parts.chain([table.disk]).collect::<Vec<_>>()
    };
    let (one, two) = (guids(0), guids(100));
    assert!(one.iter().all(|guid| !two.contains(guid)));
}

#[test]
fn nothing_that_a_disk_held_before_is_taken_for_ours() {
    let image = sample::image(512);
    let release = Release::new("stale", &image);
    let mut fake = Fake::used(512, DISK);
    run(&mut fake, order(&release.source())).expect("written");
    let state = fake.bytes(fake.partition(partition::BOOTSTATE));
    let [first, second] = layout::STATE_COPIES.map(|at| &state[usize::try_from(at).expect("ok")..]);
    assert_eq!(
        BootState::newest(first, second).0,
        Some(BootState::shipped().next())
    );
    assert!(
        !state.contains(&0x5a),
        "the key of whoever had the disk before is gone"
    );
    let slot = fake.partition(partition::SLOT_B);
    let beginning = fake.bytes(slot.start..slot.start + (64 << 10));
    assert!(beginning.iter().all(|byte| *byte == 0));
}

/// The disk as a power cut may leave it: what was flushed, and of the rest any part, torn anywhere.
fn after_power_cut(before: &SparseDisk, steps: &[Step], random: &mut u64) -> SparseDisk {
    let mut disk = before.clone();
    let flushed = steps.iter().rposition(|step| matches!(step, Step::Flush));
    let mut toss = || {
        *random = random
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e);
        *random >> 40
    };
    for (place, step) in steps.iter().enumerate() {
        let Step::Write(at, bytes) = step else {
            continue;
        };
        let is_safe = flushed.is_some_and(|flushed| place < flushed);
        for (sector, bytes) in (0..).zip(bytes.chunks(512)) {
            if is_safe || toss() % 3 > 0 {
                disk.write_at(at + sector * 512, bytes).expect("fits");
            }
        }
    }
    disk
}

#[test]
fn a_power_cut_at_any_moment_leaves_the_old_box_the_new_one_or_nothing_that_starts() {
    let release = Release::new("cuts", &sample::image(512));
    let source = release.source();
    let mut fake = Fake::new(512, DISK);
    run(&mut fake, order(&source)).expect("an older box");
    let old = fake.disk.clone();
    fake.steps.clear();
    write(
        &mut fake,
        order(&source),
        &mut entropy(0),
        &mut Looker::default(),
    )
    .expect("written");
    let (old_table, new_table) = (table(&old, fake.geometry), fake.table());
    assert_ne!(old_table, new_table);
    let steps = std::mem::take(&mut fake.steps);
    let mut random = 7;
    let mut seen = [0; 3];
    for cut in 0..=steps.len() {
        for _ in 0..6 {
            let disk = after_power_cut(&old, &steps[..cut], &mut random);
            let found = table(&disk, fake.geometry);
            let is_unwritten = !steps[..cut].iter().any(|step| match step {
                Step::Write(at, _) => *at >= MIB && *at < DISK - MIB,
                Step::Flush => false,
            });
            if found == new_table {
                let whole = fake
                    .disk
                    .written()
                    .filter(|it| (MIB..DISK - MIB).contains(&it.start));
                for range in whole {
                    let mut now = [0; 4096];
                    disk.read_at(range.start, &mut now).expect("read");
                    assert!(
                        now[..] == fake.bytes(range),
                        "cut {cut}: a table before its content"
                    );
                }
                seen[2] += 1;
            } else if found.is_some() {
                assert_eq!(found, old_table, "cut {cut}");
                assert!(is_unwritten, "cut {cut}: the old table with other content");
                seen[0] += 1;
            } else {
                seen[1] += 1;
            }
        }
    }
    assert!(
        seen.iter().all(|count| *count > 3),
        "old, none, new: {seen:?}"
    );
}

#[test]
fn a_disk_that_fails_or_a_run_that_is_cancelled_never_starts_half_a_box() {
    let release = Release::new("fails", &sample::image(512));
    let source = release.source();
    let mut count = 0;
    for writes in 2.. {
        let mut fake = Fake::new(512, DISK);
        fake.writes_left = Some(writes);
        match run(&mut fake, order(&source)) {
            Ok(_) => break,
            Err(WriteError::Disk(DiskFault::Device { .. })) => {}
            Err(error) => panic!("{error}"),
        }
        let is_last = fake.table().is_none();
        let writes = fake
            .steps
            .iter()
            .filter(|it| matches!(it, Step::Write(..)))
            .count();
        assert!(is_last || writes > count, "{writes}");
        count = writes;
    }
    assert!(count >= 8, "{count}");
    for pieces in 0..14 {
        let mut fake = Fake::new(512, DISK);
        let mut looker = Looker {
            ends_after: Some(pieces),
            ..Looker::default()
        };
        let ended = write(&mut fake, order(&source), &mut entropy(0), &mut looker);
        assert!(
            matches!(ended, Err(WriteError::Disk(DiskFault::Cancelled))),
            "{pieces}: {ended:?}"
        );
        assert_eq!(fake.table(), None, "{pieces}");
    }
}

#[test]
fn a_byte_that_the_disk_does_not_keep_is_found() {
    let release = Release::new("flips", &sample::image(512));
    let source = release.source();
    for flips in [MIB, 2 * MIB + 17, 3 * MIB + 1_000_000] {
        let mut fake = Fake::new(512, DISK);
        fake.flips = Some(flips);
        let error = run(&mut fake, order(&source)).expect_err("found");
        let WriteError::Disk(DiskFault::Different { from, to }) = error else {
            panic!("{error}");
        };
        assert!((from..to).contains(&flips));
        fake.flips = None;
        assert_eq!(fake.table(), None);
        fake.flips = Some(flips);
        let unverified = Order {
            verify: false,
            ..order(&source)
        };
        run(&mut fake, unverified).expect("not looked for");
    }
    // In the table itself.
    let mut fake = Fake::new(512, DISK);
    fake.flips = Some(530);
    let error = run(&mut fake, order(&source)).expect_err("found");
    assert!(
        matches!(
            error,
            WriteError::Disk(DiskFault::Different { from: 0, .. })
        ),
        "{error}"
    );
}

#[test]
fn a_damaged_image_is_refused_before_a_byte_is_written() {
    let release = Release::new("damaged", &sample::image(512));
    let mut bytes = std::fs::read(&release.image).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&release.image, &bytes).expect("written");
    let mut fake = Fake::new(512, DISK);
    let error = run(&mut fake, order(&release.source())).expect_err("refused");
    assert!(
        matches!(error, WriteError::Source(SourceError::Checksum { .. })),
        "{error}"
    );
    assert!(fake.steps.is_empty());
}

#[test]
fn an_image_that_is_not_what_its_map_or_checksum_says_never_gets_a_table() {
    let image = sample::image(512);
    let folder = Folder::new("other-map");
    let raw = folder.save("ramal-1.2.3.img", &image);
    pack(&raw, &folder.path("")).expect("packed");
    let mut other = image.clone();
    other.write_at(3 * MIB + 70_000, &[0xee; 10]).expect("fits");
    folder.save("ramal-1.2.3.img", &other);
    let refused = || {
        let source = Source::open(&raw).expect("opened");
        let mut fake = Fake::new(512, DISK);
        // The checksum of the raw file is that of the whole.
        let mut looker = Looker::default();
        let error = write(&mut fake, order(&source), &mut entropy(0), &mut looker);
        assert_eq!(fake.table(), None);
        (error.expect_err("refused").to_string(), fake.steps.len())
    };
    assert!(refused().0.contains("SHA-256 is not the one"));
    std::fs::remove_file(folder.path("SHA256SUMS")).expect("removed");
    let (error, steps) = refused();
    assert!(error.contains("are not those of its block map"), "{error}");
    assert!(steps > 0);
    let file = std::fs::File::options()
        .write(true)
        .open(&raw)
        .expect("opened");
    file.set_len(5 * MIB).expect("cut");
    let (error, _) = refused();
    assert!(error.contains("is damaged"), "{error}");
}

#[test]
fn an_image_without_map_and_checksum_is_written_all_the_same() {
    let image = sample::image(512);
    let release = Release::new("bare", &image);
    let source = release.source();
    let folder = Folder::new("bare-copies");
    let packed = folder.path("any.zst");
    std::fs::copy(&release.image, &packed).expect("copied");
    for path in [packed, folder.save("any.img", &image)] {
        let bare = Source::open(&path).expect("opened");
        assert!(!bare.has_checksum());
        let mut fake = Fake::used(512, DISK);
        run(&mut fake, order(&bare)).expect("written");
        assert_holds(&fake, &image, &source);
    }
}

#[test]
fn a_disk_with_other_sectors_gets_the_same_files_in_its_own() {
    let text = "version = 1\n";
    for (from, to) in [(512, 4096), (4096, 512)] {
        let image = sample::whole_image(from);
        let release = Release::new(&format!("convert-{from}"), &image);
        let source = release.source();
        let mut fake = Fake::used(to, 400 * MIB);
        let order = Order {
            provision: (to == 4096).then_some(text),
            ..order(&source)
        };
        let written = run(&mut fake, order).expect("written");
        assert!(written.is_converted);
        let mut files = sample::esp_files();
        if let Some(text) = order.provision {
            files.push(EspFile {
                path: PROVISION_PATH.into(),
                bytes: text.into(),
            });
        }
        assert_eq!(esp_of(&fake), (to, files));
        let slot = fake.partition(partition::SLOT_A);
        let there = sample::place(&image, partition::SLOT_A);
        assert_eq!(slot, there);
        let mut expected = vec![0; 1_200_000];
        image.read_at(there.start, &mut expected).expect("read");
        assert!(fake.bytes(slot.start..slot.start + 1_200_000) == expected);
    }
}

/// Sectors and files of the EFI system partition.
fn esp_of(fake: &Fake) -> (u64, Vec<EspFile>) {
    let range = fake.partition(partition::ESP);
    let bytes = fake.bytes(range);
    let sector = u64::from(u16::from_le_bytes([bytes[11], bytes[12]]));
    (sector, esp::files(&bytes).expect("a FAT"))
}

#[test]
fn a_provisioning_file_lies_beside_the_loader() {
    let release = Release::new("provision", &sample::whole_image(512));
    let source = release.source();
    let mut fake = Fake::used(512, 400 * MIB);
    for text in ["version = 1\n", "version = 1 # again\n"] {
        let order = Order {
            provision: Some(text),
            ..order(&source)
        };
        run(&mut fake, order).expect("written");
        let (sector, files) = esp_of(&fake);
        assert_eq!((sector, files.len()), (512, 3));
        assert_eq!(files[2].bytes, text.as_bytes());
    }
    run(&mut fake, order(&source)).expect("written");
    assert_eq!(esp_of(&fake).1, sample::esp_files());
}

/// A box that was in use: it has data, and the key of it.
fn used_box(source: &Source) -> (Fake, Partition) {
    let mut fake = Fake::new(512, DISK);
    run(&mut fake, order(source)).expect("written");
    let mut table = fake.table().expect("a table");
    let data = table.add(partition::DATA, Guid::new(77), "ramal data", None, MIB);
    let data = data.cloned().expect("room");
    for copy in table.writes() {
        fake.disk.write_at(copy.offset, &copy.bytes).expect("fits");
    }
    let state = fake.partition(partition::BOOTSTATE).start;
    for copy in layout::DATA_KEY_COPIES {
        fake.disk
            .write_at(state + copy, &[0xd1; 4096])
            .expect("fits");
    }
    let (at, length) = data.bytes(&fake.geometry);
    for at in (at..at + length).step_by(4096) {
        fake.disk.write_at(at, &[0xda; 4096]).expect("fits");
    }
    fake.steps.clear();
    (fake, data)
}

#[test]
fn data_that_is_kept_stays_whole_with_its_key_through_any_power_cut() {
    let release = Release::new("keep", &sample::image(512));
    let source = release.source();
    let (mut fake, data) = used_box(&source);
    let old = fake.disk.clone();
    let keep = Order {
        keep_data: true,
        ..order(&source)
    };
    write(&mut fake, keep, &mut entropy(0), &mut Looker::default()).expect("written");
    let steps = std::mem::take(&mut fake.steps);
    let state = fake.partition(partition::BOOTSTATE).start;
    let mut random = 3;
    for cut in 0..=steps.len() {
        let disk = after_power_cut(&old, &steps[..cut], &mut random);
        let found = table(&disk, fake.geometry).expect("a table always");
        let kept = found.of_kind(partition::DATA).expect("data always");
        assert_eq!(
            (kept.first, kept.last),
            (data.first, data.last),
            "cut {cut}"
        );
        let (at, length) = data.bytes(&fake.geometry);
        let mut bytes = vec![0; usize::try_from(length).expect("fits")];
        disk.read_at(at, &mut bytes).expect("read");
        assert!(bytes.iter().all(|byte| *byte == 0xda), "cut {cut}");
        let mut key = [0; 4096];
        disk.read_at(state + layout::DATA_KEY_COPIES[1], &mut key)
            .expect("read");
        assert_eq!(key, [0xd1; 4096], "cut {cut}");
        // And it is still there for the next try.
        let mut again = Fake::new(512, DISK);
        again.disk = disk;
        run(&mut again, keep).expect("written");
    }
    assert_eq!(fake.table().expect("a table").partitions().len(), 5);
}

#[test]
fn data_that_cannot_be_kept_is_refused_with_the_reason() {
    let release = Release::new("keep-not", &sample::image(512));
    let source = release.source();
    let keep = Order {
        keep_data: true,
        ..order(&source)
    };
    let refused = |fake: &mut Fake, why: &str| {
        let error = run(fake, keep).expect_err("refused").to_string();
        assert!(error.contains(why), "{error}");
        assert!(fake.steps.is_empty());
    };
    refused(&mut Fake::used(512, DISK), "no partition table");
    let (mut fake, _) = used_box(&source);
    let state = fake.partition(partition::BOOTSTATE).start;
    for copy in layout::DATA_KEY_COPIES {
        fake.disk.write_at(state + copy, &[0; 4096]).expect("fits");
    }
    refused(&mut fake, "its key was destroyed");
    let change = |change: &dyn Fn(&mut Partition)| {
        let (mut fake, _) = used_box(&source);
        let old = fake.table().expect("a table");
        let mut table = Table::new(fake.geometry, old.disk);
        for part in old.partitions() {
            let mut part = part.clone();
            change(&mut part);
            let _left_out = table.put(part);
        }
        for copy in table.writes() {
            fake.disk.write_at(copy.offset, &copy.bytes).expect("fits");
        }
        fake
    };
    let mut fake = change(&|part| {
        if part.kind == partition::DATA {
            part.kind = Guid::new(5);
        }
    });
    refused(&mut fake, "no data partition");
    let mut fake = change(&|part| {
        if part.kind == partition::BOOTSTATE {
            part.last -= 8;
        }
    });
    refused(&mut fake, "its key lies where");
    let mut fake = change(&|part| match part.kind {
        partition::SLOT_B => part.kind = partition::DATA,
        partition::DATA => part.kind = Guid::new(5),
        _ => {}
    });
    refused(&mut fake, "the new version needs its place");
}

#[test]
fn a_disk_that_is_too_small_is_left_as_it_is() {
    let release = Release::new("small", &sample::image(512));
    let mut fake = Fake::used(512, 7 * MIB);
    let error = run(&mut fake, order(&release.source())).expect_err("refused");
    assert!(
        matches!(error, WriteError::Plan(PlanError::Table(_))),
        "{error}"
    );
    assert!(fake.steps.is_empty());
}
