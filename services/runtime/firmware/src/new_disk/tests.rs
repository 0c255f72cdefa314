//! Boxes made of files and of disks in memory.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::OnceLock;

use disks::FileDevice;
use ed25519_dalek::{Signer as _, SigningKey};
use gpt::Geometry;
use slot::{HARDWARE, KEYS_MAX, LOADER, PublicKey, Signature, Text};

use super::*;

const MIB: u64 = 1 << 20;

/// A disk that is just large enough.
const DISK: u64 = layout::IMAGE_LENGTH + disks::DATA_LENGTH_MIN;

/// A partition in memory, which may fail.
#[derive(Debug)]
struct Partition {
    bytes: RefCell<SparseDisk>,
    /// Reads that it answers before it fails.
    reads_left: Cell<Option<usize>>,
    /// Changes a byte here after so many reads.
    rots: Cell<Option<(usize, u64)>>,
}

impl Partition {
    fn new(length: u64) -> Self {
        Self {
            bytes: RefCell::new(SparseDisk::new(length)),
            reads_left: Cell::new(None),
            rots: Cell::new(None),
        }
    }

    fn flip(&self, at: u64) {
        let mut byte = [0];
        let mut disk = self.bytes.borrow_mut();
        disk.read_at(at, &mut byte).expect("read");
        disk.write_at(at, &[byte[0] ^ 4]).expect("written");
    }
}

impl Medium for Partition {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        if let Some(left) = self.reads_left.get() {
            let left = left.checked_sub(1).ok_or(io::ErrorKind::Other)?;
            self.reads_left.set(Some(left));
        }
        if let Some((left, place)) = self.rots.take() {
            match left.checked_sub(1) {
                Some(left) => self.rots.set(Some((left, place))),
                None => self.flip(place),
            }
        }
        self.bytes.borrow().read_at(at, bytes)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.bytes.borrow_mut().write_at(at, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn forget(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self) -> io::Result<()> {
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> PublicKey {
    PublicKey(key(seed).verifying_key().to_bytes())
}

fn set(version: u32, seed: u8) -> KeySet {
    KeySet::new(version, Text::new("test").unwrap(), 1, &[public(seed)]).unwrap()
}

fn sign(seed: u8, message: &[u8]) -> [Option<Signature>; KEYS_MAX] {
    let mut signatures = [None; KEYS_MAX];
    signatures[0] = Some(Signature {
        key: public(seed).id(),
        bytes: key(seed).sign(message).to_bytes(),
    });
    signatures
}

/// Bytes without a period.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    for index in 0..(length as u64).div_ceil(32) {
        let number = seed.wrapping_add(index << 8);
        bytes.extend_from_slice(&Sha256::digest(number.to_le_bytes()));
    }
    bytes.truncate(length);
    bytes
}

/// A slot, signed by the first or second key.
fn slot(seed: u8) -> Vec<u8> {
    static MADE: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let [first, second] = MADE.get_or_init(|| [1, 2].map(make_slot));
    if seed == 1 { first } else { second }.clone()
}

fn make_slot(seed: u8) -> Vec<u8> {
    let (uki, root) = (noise(1, 1_500_000), noise(2, 200 * verity::BLOCK));
    let salt = [9; 32];
    let tree = verity::tree(&root, &salt);
    let mut bytes = vec![0; HEADER_LENGTH];
    let mut add = |part: &[u8]| {
        bytes.resize(bytes.len().next_multiple_of(verity::BLOCK), 0);
        let start = bytes.len() as u64;
        bytes.extend_from_slice(part);
        let length = part.len() as u64;
        Extent { start, length }
    };
    let mut header = Header {
        hardware: Text::new(HARDWARE).unwrap(),
        version: Text::new("1.4.2").unwrap(),
        security: 3,
        built: 0,
        uki: add(&uki),
        root: add(&root),
        verity: add(&tree.bytes),
        uki_sha256: Sha256::digest(&uki).into(),
        root_hash: tree.root_hash,
        salt,
        signatures: [None; KEYS_MAX],
    };
    header.signatures = sign(seed, &header.message());
    bytes[..HEADER_LENGTH].copy_from_slice(&header.encode());
    bytes
}

fn esp_files(rescue: &[u8]) -> Vec<EspFile> {
    let header = Header {
        uki: Extent {
            start: 4096,
            length: 90_000,
        },
        uki_sha256: Sha256::digest(noise(4, 90_000)).into(),
        root: Extent::default(),
        verity: Extent::default(),
        ..Header::decode(&slot(1)).unwrap()
    };
    let file = |path: &str, bytes: Vec<u8>| EspFile {
        path: path.into(),
        bytes,
    };
    vec![
        file(LOADER, noise(3, 70_000)),
        file("EFI/ramal/rescue.efi", rescue.to_vec()),
        file("EFI/ramal/rescue.hdr", header.encode().to_vec()),
        file("RAMAL/provision.toml", b"secrets of this box".to_vec()),
    ]
}

/// A box that runs from slot B, with a slot signed by this key and an ESP with these files.
fn running_with(seed: u8, files: &[EspFile]) -> RunningBox<Partition> {
    let state = Partition::new(layout::BOOTSTATE_LENGTH);
    for place in layout::DATA_KEY_COPIES {
        state.write_at(&[0x77; 4096], place).unwrap();
    }
    let state = StateFile::of(state, "state");
    let change = |state: &mut BootState| {
        *state = BootState::shipped();
        state.finish_install(Slot::B);
        state.commit(Slot::B, 3, 1);
    };
    state.change(change).unwrap();
    let partition = Partition::new(layout::SLOT_LENGTH);
    partition.write_at(&slot(seed), 0).unwrap();
    let esp = Partition::new(layout::ESP_LENGTH);
    *esp.bytes.borrow_mut() = esp::make_sparse(512, layout::ESP_LENGTH, files).unwrap();
    RunningBox {
        running: Slot::B,
        slot: partition,
        esp,
        state,
        keys: set(1, 1),
    }
}

fn running() -> RunningBox<Partition> {
    running_with(1, &esp_files(&noise(4, 90_000)))
}

#[derive(Clone)]
enum Step {
    Write(u64, Vec<u8>),
    Flush,
}

/// A disk in memory that notes what is done to it, and may be a bad one.
struct Target {
    disk: SparseDisk,
    geometry: Geometry,
    steps: Vec<Step>,
    writes_left: Option<usize>,
    /// A byte that it does not keep.
    flips: Option<u64>,
}

impl Target {
    /// One with another system on it.
    fn used(sector: u64, length: u64) -> Self {
        let mut disk = SparseDisk::new(length);
        for at in (0..4 * MIB).chain(length - MIB..length).step_by(4096) {
            disk.write_at(at, &[0x5a; 4096]).unwrap();
        }
        for at in [265 * MIB, 266 * MIB, 778 * MIB] {
            disk.write_at(at, &vec![0x5a; 200_000]).unwrap();
        }
        let geometry = Geometry::new(sector, length).unwrap();
        for write in disks::table_of_a_box(geometry, |it| Guid::new(u128::from(it)))
            .unwrap()
            .writes()
        {
            disk.write_at(write.offset, &write.bytes).unwrap();
        }
        Self {
            disk,
            geometry,
            steps: Vec::new(),
            writes_left: None,
            flips: None,
        }
    }

    fn table(&self) -> Option<Table> {
        table(&self.disk, self.geometry)
    }
}

fn table(disk: &SparseDisk, geometry: Geometry) -> Option<Table> {
    let mut head = vec![0; geometry.head_length()];
    disk.read_at(0, &mut head).unwrap();
    let (at, length) = geometry.tail();
    let mut tail = vec![0; length];
    disk.read_at(at, &mut tail).unwrap();
    Table::find(geometry, &head, &tail).ok().map(|it| it.table)
}

impl Device for Target {
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
        assert_eq!((offset % sector, bytes.len() as u64 % sector), (0, 0));
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

#[derive(Default)]
struct Looker {
    phases: Vec<(Phase, u64)>,
    done: u64,
    ends_after: Option<usize>,
    asked: Cell<usize>,
}

impl Watcher for Looker {
    fn begin(&mut self, phase: Phase, total: u64) {
        self.phases.push((phase, total));
    }

    fn advance(&mut self, bytes: u64) {
        self.done += bytes;
    }

    fn is_cancelled(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.ends_after.is_some_and(|it| self.asked.get() > it)
    }
}

fn entropy(seed: u8) -> impl FnMut(&mut [u8; 16]) -> io::Result<()> {
    let mut next = seed;
    move |bytes| {
        bytes.fill(next);
        next = next.wrapping_add(1);
        Ok(())
    }
}

fn run(
    from: &RunningBox<Partition>,
    target: &mut dyn Device,
) -> (Result<String, NewDiskError>, Looker) {
    let mut looker = Looker::default();
    let made = make_box(from, target, &mut entropy(100), &mut looker);
    (made, looker)
}

/// Reads a part of a partition of the new box.
fn part(disk: &SparseDisk, table: &Table, kind: Guid, at: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let from = start(table, kind) + at;
    disk.read_at(from, &mut bytes).unwrap();
    bytes
}

/// Everything that makes a disk a box.
fn assert_is_box(disk: &SparseDisk, geometry: Geometry, slot: &[u8]) {
    let table = table(disk, geometry).expect("a table");
    assert_ne!(table.disk, Guid::new(0), "the GUID of the system before");
    let mut esp = SparseDisk::new(layout::ESP_LENGTH);
    let at = start(&table, partition::ESP);
    let used = esp::used(&mut |place, into| disk.read_at(at + place, into)).unwrap();
    for range in used.expect("a FAT").ranges() {
        let length = usize::try_from(range.end - range.start).unwrap();
        let bytes = part(disk, &table, partition::ESP, range.start, length);
        esp.write_at(range.start, &bytes).unwrap();
    }
    let files = esp::files_of(&mut esp).expect("an ESP");
    let mut wanted = esp_files(&noise(4, 90_000));
    wanted.retain(|file| file.path.starts_with("EFI/"));
    assert_eq!(files, wanted);
    let state = part(disk, &table, partition::BOOTSTATE, 0, PIECE);
    let copy = |at: u64| {
        let at = usize::try_from(at).unwrap();
        BootState::decode(&state[at..at + 4096]).expect("a state")
    };
    assert_eq!(copy(layout::STATE_COPIES[0]), BootState::shipped());
    assert_eq!(copy(layout::STATE_COPIES[1]), BootState::shipped().next());
    let keys = usize::try_from(layout::DATA_KEY_COPIES[0]).unwrap();
    assert!(state[keys..].iter().all(|it| *it == 0), "a key of data");
    let found = part(disk, &table, partition::SLOT_A, 0, slot.len());
    assert!(found == slot, "slot A is another one");
    let other = part(disk, &table, partition::SLOT_B, 0, 65_536);
    assert_eq!(Header::decode(&other), Err(HeaderFault::Empty));
    assert!(table.of_kind(partition::DATA).is_none());
}

#[test]
fn a_disk_with_either_sectors_becomes_a_box_that_shares_nothing_but_the_firmware() {
    for sector in [512, 4096] {
        let mut target = Target::used(sector, DISK + 7 * MIB);
        let (made, looker) = run(&running(), &mut target);
        assert_eq!(made.unwrap(), "1.4.2");
        assert_is_box(&target.disk, target.geometry, &slot(1));
        let phases: Vec<_> = looker.phases.iter().map(|it| it.0).collect();
        assert_eq!(phases, [Phase::Check, Phase::Write, Phase::Verify]);
        let totals: u64 = looker.phases.iter().map(|it| it.1).sum();
        assert_eq!(looker.done, totals, "progress ends where it said it would");
        let mut guids = vec![target.table().unwrap().disk];
        guids.extend(
            target
                .table()
                .unwrap()
                .partitions()
                .iter()
                .map(|it| it.unique),
        );
        let mut unique = guids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), guids.len(), "{guids:?}");
    }
}

#[test]
fn a_sparse_file_becomes_a_box() {
    let name = format!("ramal-new-disk-{}", std::process::id());
    let path: PathBuf = std::env::temp_dir().join(name);
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(DISK).unwrap();
    let mut device = FileDevice::open(&path, 512).unwrap();
    let (made, _) = run(&running(), &mut device);
    assert_eq!(made.unwrap(), "1.4.2");
    let mut copy = SparseDisk::new(DISK);
    let mut bytes = vec![0; PIECE];
    for at in (0..DISK).step_by(PIECE) {
        device.read_at(at, &mut bytes).unwrap();
        copy.write_at(at, &bytes).unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    assert_is_box(&copy, device.geometry(), &slot(1));
}

#[test]
fn keys_younger_than_the_loader_go_with_the_slot_they_have_signed() {
    let from = running_with(2, &esp_files(&noise(4, 90_000)));
    let mut target = Target::used(512, DISK);
    let (strange, _) = run(&from, &mut target);
    let strange = strange.unwrap_err();
    let not_signed = HeaderFault::NotSigned;
    assert!(
        matches!(&strange, NewDiskError::Header(it) if *it == not_signed),
        "{strange}"
    );
    let mut next = set(2, 2);
    next.signatures = sign(1, &next.message());
    from.state.add_key_set(set(1, 1), &next).unwrap();
    run(&from, &mut target).0.unwrap();
    assert_is_box(&target.disk, target.geometry, &slot(2));
    let table = target.table().unwrap();
    let chain = Partition::new(layout::BOOTSTATE_LENGTH);
    let bytes = part(&target.disk, &table, partition::BOOTSTATE, 0, PIECE);
    chain.write_at(&bytes, 0).unwrap();
    let trusted = StateFile::of(chain, "new").trusted(set(1, 1)).unwrap();
    assert_eq!(trusted.version, 2);
}

/// Whatever is wrong with the box that runs is found before the disk changes.
fn assert_refused(from: &RunningBox<Partition>, wanted: &str) {
    let mut target = Target::used(512, DISK);
    let (made, _) = run(from, &mut target);
    let error = made.unwrap_err().to_string();
    assert!(error.contains(wanted), "{error}");
    assert!(target.steps.is_empty(), "{wanted}: it was written to");
}

#[test]
fn a_damaged_firmware_is_not_copied_and_the_disk_stays_as_it_is() {
    let header = Header::decode(&slot(1)).unwrap();
    for (at, wanted) in [
        (10, "damaged or of another format"),
        (header.uki.start + 700_000, "(kernel)"),
        (header.root.start + 5, "(root)"),
        (header.root.start + header.root.length - 1, "(root)"),
        (header.verity.start + 4097, "(hash tree)"),
    ] {
        let from = running();
        from.slot.flip(at);
        assert_refused(&from, wanted);
    }
    let from = running();
    from.slot.write_at(&[0; HEADER_LENGTH], 0).unwrap();
    assert_refused(&from, "the slot is empty");
    assert_refused(
        &running_with(1, &esp_files(&noise(5, 90_000))),
        "(rescue system)",
    );
    assert_refused(
        &running_with(1, &esp_files(&noise(4, 90_000))[1..]),
        "(loader)",
    );
    let from = running();
    from.esp.write_at(&[0; 512], 0).unwrap();
    assert_refused(&from, "(EFI system partition)");
}

#[test]
fn a_version_that_is_on_trial_or_was_found_damaged_is_not_copied() {
    let from = running();
    from.state.change(|it| it.finish_install(Slot::B)).unwrap();
    assert_refused(&from, "has not proved good");
    let from = running();
    from.state.change(|it| it.find_damage(Slot::B)).unwrap();
    assert_refused(&from, "has not proved good");
}

#[test]
fn a_source_that_cannot_be_read_never_makes_half_a_box() {
    let mut reads = 0;
    loop {
        let from = running();
        from.slot.reads_left.set(Some(reads));
        let mut target = Target::used(512, DISK);
        match run(&from, &mut target).0 {
            Err(NewDiskError::Source { what: "slot", .. }) => {}
            Ok(_) => break,
            Err(other) => panic!("{reads} reads: {other}"),
        }
        let is_untouched = target.steps.is_empty();
        assert!(is_untouched || target.table().is_none(), "{reads} reads");
        reads += 1;
    }
    assert!(reads > 5, "{reads}");
    let from = running();
    from.esp.reads_left.set(Some(2));
    assert_refused(&from, "cannot be read (EFI system partition)");
}

#[test]
fn a_source_that_changes_while_it_is_copied_never_makes_a_box() {
    let from = running();
    let checked = 1 + Header::decode(&slot(1)).unwrap().used().div_ceil(MIB);
    let place = (usize::try_from(checked).unwrap() + 1, 1_300_000);
    from.slot.rots.set(Some(place));
    let mut target = Target::used(512, DISK);
    let error = run(&from, &mut target).0.unwrap_err();
    assert!(matches!(error, NewDiskError::Changed), "{error}");
    assert!(target.table().is_none());
}

#[test]
fn a_disk_that_is_too_small_is_left_as_it_is() {
    let mut target = Target::used(512, DISK - 512);
    let before = target.disk.clone();
    let error = run(&running(), &mut target).0.unwrap_err();
    assert!(matches!(error, NewDiskError::TooSmall(_)), "{error}");
    assert!(target.disk == before);
}

#[test]
fn a_disk_that_fails_or_lies_or_is_given_up_starts_nothing() {
    let mut whole = Target::used(512, DISK);
    let (made, looker) = run(&running(), &mut whole);
    made.unwrap();
    let writes = |it: &&Step| matches!(it, Step::Write(..));
    let writes = whole.steps.iter().filter(writes).count();
    // The last write is that of the first copy of the table: the disk is a box by then.
    for left in 1..writes - 1 {
        let mut target = Target::used(512, DISK);
        target.writes_left = Some(left);
        let error = run(&running(), &mut target).0.unwrap_err();
        assert!(matches!(
            error,
            NewDiskError::Disk(DiskFault::Device { .. })
        ));
        assert!(left < 2 || target.table().is_none(), "{left} writes");
    }
    let asked = looker.asked.get();
    for ends_after in 0..asked {
        let mut target = Target::used(512, DISK);
        let mut looker = Looker {
            ends_after: Some(ends_after),
            ..Looker::default()
        };
        let made = make_box(&running(), &mut target, &mut entropy(1), &mut looker);
        let error = made.unwrap_err();
        assert!(matches!(error, NewDiskError::Disk(DiskFault::Cancelled)));
        assert!(target.steps.is_empty() || target.table().is_none());
    }
    for step in &whole.steps {
        let Step::Write(at, bytes) = step else {
            continue;
        };
        // Neither the tables nor what goes before them.
        if *at == 0 || *at >= DISK - MIB {
            continue;
        }
        let mut target = Target::used(512, DISK);
        target.flips = Some(at + bytes.len() as u64 - 1);
        let error = run(&running(), &mut target).0.unwrap_err();
        assert!(
            matches!(error, NewDiskError::Disk(DiskFault::Different { .. })),
            "{error}"
        );
        assert!(target.table().is_none(), "byte {at}");
    }
}

#[test]
fn a_power_cut_at_any_write_leaves_the_system_before_nothing_or_a_whole_box() {
    let before = Target::used(512, DISK);
    let mut target = Target::used(512, DISK);
    run(&running(), &mut target).0.unwrap();
    let (slot, geometry) = (slot(1), target.geometry);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut seen = [0; 3];
    for cut in 0..=target.steps.len() {
        let (done, _) = target.steps.split_at(cut);
        let flushed = done.iter().rposition(|it| matches!(it, Step::Flush));
        let flushed = flushed.map_or(0, |it| it + 1);
        for _ in 0..4 {
            let mut disk = before.disk.clone();
            for (place, step) in done.iter().enumerate() {
                random = random.rotate_left(13).wrapping_mul(5).wrapping_add(0x2545);
                if let Step::Write(at, bytes) = step
                    && (place < flushed || random & 4 == 0)
                {
                    disk.write_at(*at, bytes).unwrap();
                }
            }
            match table(&disk, geometry) {
                None => seen[0] += 1,
                Some(table) if table.disk == Guid::new(0) => {
                    assert_eq!(flushed, 0, "cut {cut}: the old table is still there");
                    seen[1] += 1;
                }
                Some(_) => {
                    assert_is_box(&disk, geometry, &slot);
                    seen[2] += 1;
                }
            }
        }
    }
    assert!(seen.iter().all(|it| *it > 0), "{seen:?}");
}
