//! What lies on the disk a box is started from, what an update and a memory stick bring.

use config::Provision;
use gpt::{Geometry, Table};
use slot::{
    BootState, HARDWARE, HEADER_LENGTH, Handoff, Header, KEY_SET_LENGTH, KeySet, PublicKey,
    Refusal, STATE_LENGTH, Text, crc32,
};
use update::{Receiver, Running};

/// Bytes of an update that come at a time.
const PIECE: usize = 100;
/// Bytes of a partition table's header, and of its entries.
const TABLE_HEADER: usize = 92;
const TABLE_ENTRIES: usize = 128 * 128;
/// RFC 8032 §7.1, the first key: nobody here has its other half.
const NOBODYS_KEY: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];

/// What the boot partition and the beginning of a slot hold, as it came and with the check value
/// that lets the rest be read: what is read is written the same, and nothing is trusted that was
/// not signed.
pub fn slot_blocks(bytes: &[u8]) {
    let (kind, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    match kind % 4 {
        0 => both(bytes, STATE_LENGTH, boot_state),
        1 => both(bytes, HEADER_LENGTH, header),
        2 => both(bytes, KEY_SET_LENGTH, key_set),
        _ => handoff(bytes),
    }
}

/// Judges a block as it came, and whole with its CRC-32 at the end.
fn both(bytes: &[u8], length: usize, judge: fn(&[u8])) {
    judge(bytes);
    let mut block = bytes.to_vec();
    block.resize(length, 0);
    if let Some((body, check)) = block.split_last_chunk_mut::<4>() {
        *check = crc32(body).to_le_bytes();
    }
    judge(&block);
}

fn boot_state(block: &[u8]) {
    let Some(mut state) = BootState::decode(block) else {
        return;
    };
    for _ in 0..8 {
        // As bytes: places of the journal that hold nothing are closed up.
        let written = state.encode();
        let again = BootState::decode(&written).map(|it| it.encode());
        assert_eq!(again, Some(written));
        state.choose(&Refusal::default());
    }
}

fn header(block: &[u8]) {
    if let Ok(header) = Header::decode(block) {
        assert_eq!(Some(&header.encode()[..]), block.get(..HEADER_LENGTH));
        assert!(header.used() > HEADER_LENGTH as u64, "a slot of nothing");
    }
    assert!(
        Header::verify(block, &trusted()).is_err(),
        "signed by nobody"
    );
}

fn key_set(block: &[u8]) {
    if let Ok(set) = KeySet::decode(block) {
        assert_eq!(Some(&set.encode()[..]), block.get(..KEY_SET_LENGTH));
        assert!(set.keys().count() >= usize::from(set.threshold));
    }
    assert!(trusted().successor(block).is_err(), "signed by nobody");
}

fn handoff(bytes: &[u8]) {
    if let Some(handoff) = str::from_utf8(bytes).ok().and_then(Handoff::parse) {
        assert_eq!(Handoff::parse(&handoff.to_string()), Some(handoff));
    }
}

fn trusted() -> KeySet {
    let Ok(name) = Text::new("fuzz") else {
        panic!("a short name is refused");
    };
    match KeySet::new(1, name, 1, &[PublicKey(NOBODYS_KEY)]) {
        Ok(set) => set,
        Err(fault) => panic!("a set of one key is refused: {fault:?}"),
    }
}

/// A partition table: its header and then its entries, with the check values that let them be
/// read. All that is found lies on the disk, and is written as it was read.
pub fn partition_table(bytes: &[u8]) {
    let (kind, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let sector = if kind % 2 == 0 { 512 } else { 4096 };
    let Ok(geometry) = Geometry::new(sector, 1 << 30) else {
        panic!("a disk of 1 GiB");
    };
    let (head, tail) = (geometry.head_length(), geometry.tail().1);
    let _ = Table::find(geometry, bytes, bytes);
    let disk = checked(bytes, head, geometry.sector());
    let Ok(found) = Table::find(geometry, &disk, &vec![0; tail]) else {
        return;
    };
    for partition in found.table.partitions() {
        assert!(partition.first <= partition.last && partition.last < geometry.sectors());
    }
    let [tail, head] = found.table.writes();
    match Table::find(geometry, &head.bytes, &tail.bytes) {
        Ok(again) => assert!(again.is_whole && again.table == found.table, "{again:?}"),
        Err(fault) => panic!("written and not read: {fault}"),
    }
}

/// The beginning of a disk with this table, its check values put right (UEFI 2.10 §5.3.2).
fn checked(bytes: &[u8], length: usize, sector: u64) -> Vec<u8> {
    let (header, entries) = bytes.split_at_checked(TABLE_HEADER).unwrap_or((bytes, &[]));
    let (mut header, mut entries) = (header.to_vec(), entries.to_vec());
    header.resize(TABLE_HEADER, 0);
    entries.resize(TABLE_ENTRIES, 0);
    put(&mut header, 88, crc32(&entries));
    put(&mut header, 16, 0);
    let check = crc32(&header);
    put(&mut header, 16, check);
    let sector = usize::try_from(sector).unwrap_or_default();
    let mut disk = vec![0; sector];
    disk.extend_from_slice(&header);
    disk.resize(2 * sector, 0);
    disk.extend_from_slice(&entries);
    disk.resize(length, 0);
    disk
}

fn put(header: &mut [u8], at: usize, number: u32) {
    if let Some(place) = header.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = number.to_le_bytes();
    }
}

/// An update file that nobody has signed: nothing of it is taken, and what is asked for next lies
/// where it was left.
pub fn update_file(bytes: &[u8]) {
    let running = Running {
        hardware: HARDWARE.to_owned(),
        security_floor: 0,
        trusted: trusted(),
    };
    let mut receiver = Receiver::new(running);
    let _ = update::head_length(bytes);
    for (place, piece) in bytes.chunks(PIECE).enumerate() {
        let offset = (place * PIECE) as u64;
        assert_eq!(receiver.next(), Some(offset));
        let wanted = receiver.wanted();
        assert!(wanted.is_some_and(|(next, _)| next == offset), "{wanted:?}");
        if receiver.take(offset, piece).is_err() {
            break;
        }
    }
    assert_eq!(receiver.poll(), None, "taken, and signed by nobody");
}

/// A provisioning file: taken, or refused with faults that can be shown.
pub fn provisioning(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(faults) = Provision::parse(&text) {
        assert!(!faults.is_empty(), "refused without a reason");
        for fault in faults {
            assert!(!fault.to_string().is_empty());
        }
    }
}
