use proptest::prelude::*;

use super::*;

const SEED: [u8; 32] = [7; 32];

fn code(fill: u8) -> Code {
    Code::from_random(&[fill; 30])
}

fn header(key: &BackupKey) -> Header {
    Header {
        schema: 1,
        firmware: "1.2.3".into(),
        of_box: Signer::from_seed(&SEED).of_box(),
        taken_millis: 1_700_000_000_000,
        config_version: 41,
        key: key.id(),
        nonce: [3; 16],
        sounds: false,
    }
}

type Row = (Table, Vec<u8>, Vec<u8>);

fn write(rows: &[Row]) -> Vec<u8> {
    let key = BackupKey::of(&code(1));
    let mut writer = Writer::new(&header(&key), &key).expect("a header");
    let mut bytes = Vec::new();
    for (table, key, value) in rows {
        writer.put(*table, key, value).expect("a short row");
        bytes.extend(writer.take());
    }
    let (rest, summary) = writer.finish(&Signer::from_seed(&SEED)).expect("finished");
    let total: u64 = TABLES.iter().map(|table| summary.rows(*table)).sum();
    assert_eq!(total, rows.len() as u64);
    bytes.extend(rest);
    bytes
}

/// Reads in pieces of this length.
fn read_by(bytes: &[u8], code: &Code, piece: usize) -> Result<Vec<Row>, Refusal> {
    let mut reader = Reader::new(1);
    let mut rows = Vec::new();
    let mut is_whole = false;
    let mut pieces = bytes.chunks(piece);
    loop {
        match pieces.next() {
            Some(piece) => reader.push(piece),
            None => reader.end(),
        }
        while let Some(event) = reader.poll()? {
            match event {
                Event::Header(_) => reader.open(&BackupKey::of(code))?,
                Event::Row { table, key, value } => rows.push((table, key, value)),
                Event::End(_) => is_whole = true,
            }
        }
        if reader.is_over() {
            assert!(is_whole);
            return Ok(rows);
        }
    }
}

fn read(bytes: &[u8]) -> Result<Vec<Row>, Refusal> {
    read_by(bytes, &code(1), 4096)
}

/// Rows that fill several chunks, some of which pack badly.
fn many() -> Vec<Row> {
    let mut rows = vec![(Table::Meta, b"spent".to_vec(), Vec::new())];
    let mut state = 1_u64;
    for number in 0..3000_u64 {
        let mut value = vec![0; 64];
        for byte in &mut value {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = state.to_be_bytes()[0];
        }
        rows.push((Table::Calls, number.to_be_bytes().to_vec(), value));
    }
    rows.push((Table::Secrets, b"tls".to_vec(), vec![9; 200_000]));
    rows
}

#[test]
fn what_was_written_is_read_however_the_bytes_come() {
    for rows in [Vec::new(), many()] {
        let bytes = write(&rows);
        for piece in [1000, 65_536, usize::MAX] {
            assert_eq!(read_by(&bytes, &code(1), piece), Ok(rows.clone()));
        }
    }
    let small = write(&[(Table::Audit, vec![1], vec![2])]);
    assert_eq!(
        read_by(&small, &code(1), 1),
        Ok(vec![(Table::Audit, vec![1], vec![2])])
    );
}

#[test]
fn an_archive_tells_nothing_of_its_rows() {
    let secret = b"a password of a trunk".repeat(3);
    let bytes = write(&[(Table::Config, vec![1], secret.clone())]);
    let found = bytes.windows(9).any(|it| it == &secret[..9]);
    assert!(!found);
}

#[test]
fn another_code_opens_nothing() {
    let bytes = write(&many());
    let named = BackupKey::of(&code(1)).id();
    assert_eq!(
        read_by(&bytes, &code(2), 4096),
        Err(Refusal::OtherCode(named))
    );
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let bytes = write(&many());
    for end in (0..bytes.len()).step_by(bytes.len() / 300) {
        assert!(read(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert_eq!(read(&bytes[..bytes.len() - 1]), Err(Refusal::CutShort));
    assert_eq!(read(&[]), Err(Refusal::CutShort));
}

#[test]
fn an_archive_changed_anywhere_is_refused() {
    let rows = vec![(Table::Config, vec![1], vec![2; 300])];
    let bytes = write(&rows);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(read(&changed).is_err(), "byte {at}");
    }
}

/// The parts of an archive: header, chunks with their lengths, signature.
fn parts(bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>, Vec<u8>) {
    let (_, mut at) = Header::read(bytes).expect("one").expect("whole");
    let header = bytes[..at].to_vec();
    let mut chunks = Vec::new();
    loop {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        let end = at + 4 + (length & 0x7fff_ffff) as usize;
        chunks.push(bytes[at..end].to_vec());
        at = end;
        if length >> 31 == 1 {
            return (header, chunks, bytes[at..].to_vec());
        }
    }
}

#[test]
fn parts_that_were_left_out_moved_or_doubled_are_refused() {
    let (header, chunks, signature) = parts(&write(&many()));
    assert!(chunks.len() > 3, "{}", chunks.len());
    let check = |order: &[usize]| {
        let chunks = order.iter().flat_map(|at| chunks[*at].clone());
        let bytes: Vec<u8> = header.iter().copied().chain(chunks).collect();
        read(&[bytes, signature.clone()].concat())
    };
    let all: Vec<usize> = (0..chunks.len()).collect();
    assert!(check(&all).is_ok());
    let mut moved = all.clone();
    moved.swap(0, 1);
    let changed = Err(Refusal::Damaged("a part of it was changed"));
    assert_eq!(check(&moved), changed);
    assert_eq!(check(&all[1..]), changed);
    assert_eq!(check(&[&[0], &all[..]].concat()), changed);
}

#[test]
fn parts_of_two_archives_do_not_mix() {
    let key = BackupKey::of(&code(1));
    let mut other = header(&key);
    other.nonce = [4; 16];
    let writer = Writer::new(&other, &key).expect("a header");
    let (bytes, _) = writer.finish(&Signer::from_seed(&SEED)).expect("finished");
    let (head, ..) = parts(&bytes);
    let (_, chunks, signature) = parts(&write(&[]));
    assert_eq!(
        read(&[head, chunks.concat(), signature].concat()),
        Err(Refusal::Damaged("a part of it was changed"))
    );
}

#[test]
fn what_another_box_has_signed_is_not_the_box_of_the_header() {
    let key = BackupKey::of(&code(1));
    let writer = Writer::new(&header(&key), &key).expect("a header");
    let (bytes, _) = writer
        .finish(&Signer::from_seed(&[8; 32]))
        .expect("finished");
    assert_eq!(read(&bytes), Err(Refusal::NotSigned));
}

#[test]
fn something_behind_the_end_is_refused() {
    let bytes = [write(&many()), vec![0]].concat();
    assert_eq!(read(&bytes), Err(Refusal::TooLong));
    assert_eq!(read_by(&bytes, &code(1), usize::MAX), Err(Refusal::TooLong));
}

#[test]
fn what_a_newer_version_made_is_refused_by_name() {
    let key = BackupKey::of(&code(1));
    let mut newer = header(&key);
    newer.schema = 2;
    let writer = Writer::new(&newer, &key).expect("a header");
    let (bytes, _) = writer.finish(&Signer::from_seed(&SEED)).expect("finished");
    assert_eq!(
        read(&bytes),
        Err(Refusal::NewerSchema { found: 2, known: 1 })
    );
    let mut format = write(&[]);
    format[8] = 9;
    assert_eq!(read(&format), Err(Refusal::NewerFormat(9)));
}

#[test]
fn rows_out_of_order_or_twice_are_refused() {
    let row = |number| (Table::Calls, vec![number], Vec::new());
    for rows in [
        vec![row(1), row(1)],
        vec![row(2), row(1)],
        vec![row(1), (Table::Meta, vec![9], Vec::new())],
    ] {
        assert_eq!(
            read(&write(&rows)),
            Err(Refusal::Damaged("its rows are not in order"))
        );
    }
}

#[test]
fn a_row_that_is_too_long_is_not_written() {
    let key = BackupKey::of(&code(1));
    let mut writer = Writer::new(&header(&key), &key).expect("a header");
    let long = vec![0; KEY_MAX + 1];
    assert_eq!(
        writer.put(Table::Calls, &long, &[]),
        Err(WriteError::TooLong(KEY_MAX + 1))
    );
}

#[test]
fn an_archive_of_the_first_version_is_read() {
    let bytes = hex::decode(include_str!("first.hex").trim()).expect("hexadecimal");
    let rows = read(&bytes).expect("an archive of the first version");
    assert_eq!(
        rows,
        [
            (Table::Meta, b"schema_version".to_vec(), b"1".to_vec()),
            (Table::Config, vec![0, 0, 0, 1], b"site".to_vec()),
        ]
    );
}

/// An archive of any bytes, by somebody who has the code: packed first, or not.
fn hostile(content: &[u8], is_packed: bool) -> Vec<u8> {
    let key = BackupKey::of(&code(1));
    let head = header(&key).encode().expect("a header");
    let mut chunk = Vec::new();
    if is_packed {
        let mut packer = pack::Packer::new().expect("memory");
        packer.pack(content, &mut chunk).expect("packed");
        packer.finish(&mut chunk).expect("packed");
    } else {
        chunk.extend_from_slice(content);
    }
    let sealer = key.of_archive(&head).expect("a key");
    sealer.seal(0, true, &mut chunk).expect("sealed");
    let length = u32::try_from(chunk.len()).expect("short") | 1 << 31;
    let signed = [head, length.to_le_bytes().to_vec(), chunk].concat();
    let digest = <sha2::Sha256 as sha2::Digest>::new_with_prefix(&signed);
    let signature = Signer::from_seed(&SEED).sign_archive(digest);
    [signed, signature.to_vec()].concat()
}

#[test]
fn content_that_nobody_could_hold_is_refused() {
    let long = |mark: u8, key: u16, value: u32| {
        let mut entry = vec![mark];
        entry.extend(key.to_le_bytes());
        entry.extend(value.to_le_bytes());
        read(&hostile(&entry, true))
    };
    let refused = Err(Refusal::Damaged("an entry is longer than any may be"));
    assert_eq!(long(1, u16::MAX, 0), refused);
    assert_eq!(long(1, 1, u32::MAX), refused);
    assert_eq!(long(0, 0, 1 << 20), refused);
    assert_eq!(
        long(77, 0, 0),
        Err(Refusal::Damaged("it has a table that nobody knows"))
    );
    // A frame that asks for a window of 128 MiB (RFC 8878 §3.1.1.1.2).
    let greedy = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00];
    assert_eq!(
        read(&hostile(&greedy, false)),
        Err(Refusal::Damaged("it cannot be unpacked"))
    );
}

proptest! {
    #[test]
    fn whoever_has_the_code_can_make_no_archive_that_breaks_the_reader(
        content in prop::collection::vec(any::<u8>(), 0..400),
        mark in 0..8_u8,
        is_packed in any::<bool>(),
    ) {
        let begun = [vec![mark, 2, 0, 9, 0, 0, 0], content.clone()].concat();
        for content in [content, begun] {
            prop_assert!(read(&hostile(&content, is_packed)).is_err());
        }
    }

    #[test]
    fn any_rows_survive(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..60),
        piece in 1..2000_usize,
    ) {
        let rows: Vec<Row> = values
            .into_iter()
            .enumerate()
            .map(|(at, value)| (Table::Audit, (at as u64).to_be_bytes().to_vec(), value))
            .collect();
        prop_assert_eq!(read_by(&write(&rows), &code(1), piece), Ok(rows));
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(read(&bytes).is_err());
        let (header, ..) = parts(&write(&[]));
        prop_assert!(read(&[header, bytes].concat()).is_err());
    }
}

#[test]
fn an_archive_with_sounds_is_of_a_newer_format_and_one_without_of_the_first() {
    let key = BackupKey::of(&code(1));
    let signer = Signer::from_seed(&SEED);
    let mut told = header(&key);
    told.sounds = true;
    let mut writer = Writer::new(&told, &key).expect("a header");
    writer
        .put(Table::Sounds, b"closed", &[1; 70_000])
        .expect("put");
    let mut bytes = writer.take();
    bytes.extend(writer.finish(&signer).expect("finished").0);
    assert_eq!(bytes[8..10], [2, 0]);
    let expected = vec![(Table::Sounds, b"closed".to_vec(), vec![1; 70_000])];
    assert_eq!(read(&bytes), Ok(expected));
    let without = write(&[(Table::Audit, vec![1], vec![2])]);
    assert_eq!(without[8..10], [1, 0]);
    let summary = serde_json::to_string(&Summary::default()).expect("JSON");
    assert_eq!(
        summary, r#"{"rows":[0,0,0,0,0,0]}"#,
        "as it was before sounds"
    );
    let newer: Summary = serde_json::from_str(r#"{"rows":[0,0,0,0,0,1,5]}"#).expect("read");
    assert_eq!(
        (newer.rows(Table::Secrets), newer.rows(Table::Sounds)),
        (1, 5)
    );
}
