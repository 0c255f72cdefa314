//! Update files, whole and not, against a slot in memory.

use std::convert::Infallible;

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use slot::{Extent, KEYS_MAX, PublicKey, Signature, Text};

use super::*;
use crate::PatchEntry;
use crate::head::make_head;

/// A box and the slot that is written.
struct Bench {
    receiver: Receiver,
    slot: Vec<u8>,
    writes: usize,
    accepted: Option<Manifest>,
    key_sets: Vec<KeySet>,
    /// Each patch that came out, and what was written before it.
    patches: Vec<(Vec<u8>, usize)>,
    is_complete: bool,
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn set(version: u32, seed: u8) -> KeySet {
    let public = PublicKey(key(seed).verifying_key().to_bytes());
    KeySet::new(version, Text::new("test").unwrap(), 1, &[public]).unwrap()
}

fn sign(seed: u8, message: &[u8]) -> [Option<Signature>; KEYS_MAX] {
    let mut signatures = [None; KEYS_MAX];
    signatures[0] = Some(Signature {
        key: PublicKey(key(seed).verifying_key().to_bytes()).id(),
        bytes: key(seed).sign(message).to_bytes(),
    });
    signatures
}

/// A slot with so many bytes of UKI, signed.
fn slot_of(version: &str, seed: u8, uki: &[u8]) -> Vec<u8> {
    let mut header = Header {
        hardware: Text::new("ramal-x86_64").unwrap(),
        version: Text::new(version).unwrap(),
        security: 5,
        built: 0,
        uki: Extent {
            start: CHUNK as u64,
            length: uki.len() as u64,
        },
        uki_sha256: Sha256::digest(uki).into(),
        root: Extent::default(),
        verity: Extent::default(),
        root_hash: [0; 32],
        salt: [0; 32],
        signatures: [None; KEYS_MAX],
    };
    header.signatures = sign(seed, &header.message());
    let mut bytes = header.encode().to_vec();
    bytes.resize(CHUNK, 0);
    bytes.extend_from_slice(uki);
    bytes
}

fn manifest(version: &str) -> Manifest {
    Manifest {
        format: 1,
        hardware: vec!["ramal-x86_64".into()],
        version: version.into(),
        security: 5,
        length: 0,
        chunks_sha256: String::new(),
        notes: [("en".to_owned(), "Better.".to_owned())].into(),
        patches: Vec::new(),
    }
}

fn uki() -> Vec<u8> {
    (0..10 * CHUNK + 777)
        .map(|at| u8::try_from(at / 77 % 251).unwrap())
        .collect()
}

fn head_by(seed: u8, slot: &[u8], manifest: Manifest, sets: &[KeySet]) -> Vec<u8> {
    let sign = |message: &[u8]| Ok::<_, Infallible>(sign(seed, message));
    make_head(slot, manifest, sets, sign).unwrap()
}

/// A whole file, and its slot.
fn file() -> (Vec<u8>, Vec<u8>) {
    let slot = slot_of("2.0.0", 1, &uki());
    let head = head_by(1, &slot, manifest("2.0.0"), &[]);
    ([head, slot.clone()].concat(), slot)
}

impl Bench {
    fn new() -> Self {
        Self {
            receiver: Receiver::new(Running {
                hardware: "ramal-x86_64".into(),
                security_floor: 5,
                trusted: set(1, 1),
            }),
            slot: vec![0xee; 64 * CHUNK],
            writes: 0,
            accepted: None,
            key_sets: Vec::new(),
            patches: Vec::new(),
            is_complete: false,
        }
    }

    /// Carries out what is to be done.
    fn carry_out(&mut self) {
        while let Some(output) = self.receiver.poll() {
            match output {
                Output::Accepted { manifest, key_sets } => {
                    self.accepted = Some(manifest);
                    self.key_sets = key_sets;
                }
                Output::Write { offset, bytes } => {
                    assert!(
                        self.accepted.is_some(),
                        "nothing is written before it is accepted"
                    );
                    assert!(offset >= HEADER_LENGTH as u64, "the header is written last");
                    self.put(offset, &bytes);
                    self.writes += bytes.len();
                }
                Output::Patch { bytes } => self.patches.push((bytes, self.writes)),
                Output::Complete { header } => {
                    self.put(0, &header);
                    self.is_complete = true;
                    self.receiver.close();
                }
            }
        }
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        let offset = usize::try_from(offset).unwrap();
        self.slot[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Sends from where the receiver asks, in pieces; how many bytes it took.
    fn send(&mut self, file: &[u8], piece: usize) -> Result<usize, Refusal> {
        let mut sent = 0;
        while let Some(next) = self.receiver.next() {
            let rest = file
                .get(usize::try_from(next).unwrap()..)
                .unwrap_or_default();
            let now = &rest[..piece.min(rest.len())];
            if now.is_empty() {
                break;
            }
            sent += now.len();
            let result = self.receiver.take(next, now);
            self.carry_out();
            result?;
        }
        Ok(sent)
    }
}

#[test]
fn a_whole_file_becomes_its_slot_whatever_pieces_it_comes_in() {
    let (file, slot) = file();
    for piece in [1000, CHUNK, 3 * CHUNK + 5, file.len()] {
        let mut bench = Bench::new();
        assert_eq!(
            bench.send(&file, piece),
            Ok(file.len()),
            "pieces of {piece}"
        );
        assert!(bench.is_complete);
        assert!(bench.slot[..slot.len()] == slot[..]);
        assert_eq!(bench.accepted.unwrap().notes["en"], "Better.");
    }
}

#[test]
fn a_transfer_that_broke_off_goes_on_where_it_was() {
    let (file, slot) = file();
    let mut first = Bench::new();
    first.send(&file[..file.len() - 3 * CHUNK], 999).unwrap();
    assert!(!first.is_complete);
    // The box was switched off; what was written to the slot is still there.
    let mut second = Bench::new();
    second.slot = first.slot;
    let head = file.len() - slot.len();
    second.send(&file[..head], head).unwrap();
    for index in 0..second.receiver.chunk_hashes().len() {
        let start = index * CHUNK;
        let end = (start + CHUNK).min(slot.len());
        let chunk = second.slot[start..end].to_vec();
        second.receiver.found(index, &chunk).unwrap();
    }
    let sent = second.send(&file, 4096).unwrap();
    assert!(
        second.is_complete && sent < 6 * CHUNK,
        "{sent} bytes were sent again"
    );
    assert!(second.slot[..slot.len()] == slot[..]);
}

#[test]
fn what_is_wanted_ends_where_the_box_has_something() {
    let (file, slot) = file();
    let payload = file.len() - slot.len();
    let mut bench = Bench::new();
    assert_eq!(bench.receiver.wanted(), Some((0, 12)));
    bench.receiver.take(0, &file[..12]).unwrap();
    let rest = (payload - 12) as u64;
    assert_eq!(bench.receiver.wanted(), Some((12, rest)));
    bench.receiver.take(12, &file[12..payload]).unwrap();
    bench.carry_out();
    // It has the chunks 3 and 5: what is wanted comes in three runs.
    for index in [3, 5] {
        let chunk = &slot[index * CHUNK..][..CHUNK];
        assert_eq!(bench.receiver.found(index, chunk), Ok(true));
    }
    let chunk = CHUNK as u64;
    let mut runs = Vec::new();
    while let Some((offset, length)) = bench.receiver.wanted().filter(|it| it.1 > 0) {
        runs.push(length);
        let offset_in_file = usize::try_from(offset).unwrap();
        let bytes = &file[offset_in_file..][..usize::try_from(length).unwrap()];
        bench.receiver.take(offset, bytes).unwrap();
        bench.carry_out();
    }
    assert_eq!(runs, [3 * chunk, chunk, slot.len() as u64 - 6 * chunk]);
    assert!(bench.is_complete);
}

#[test]
fn what_the_box_has_already_is_not_sent() {
    let (file, slot) = file();
    let mut bench = Bench::new();
    let head = file.len() - slot.len();
    bench.send(&file[..head], head).unwrap();
    // The running version has all of it but the first and the fourth chunk, elsewhere.
    for (index, chunk) in slot.chunks(CHUNK).enumerate() {
        if index != 0 && index != 3 {
            bench.receiver.offer(chunk).unwrap();
        }
    }
    bench.carry_out();
    let sent = bench.send(&file, CHUNK).unwrap();
    assert!(bench.is_complete);
    assert_eq!(sent, 2 * CHUNK);
    assert!(bench.slot[..slot.len()] == slot[..]);
}

/// A file with two patches behind its slot, and its slot. The second one is for [`ROOT`].
fn file_with_patches(patches: [&[u8]; 2]) -> (Vec<u8>, Vec<u8>) {
    let slot = slot_of("2.0.0", 1, &uki());
    let [other, own] = patches;
    let entry = |root: [u8; 32], start: usize, bytes: &[u8]| PatchEntry {
        root_hash: hex::encode(root),
        compressor: 7,
        start: start as u64,
        length: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(bytes)),
    };
    let manifest = Manifest {
        patches: vec![entry([8; 32], 0, other), entry(ROOT, other.len(), own)],
        ..manifest("2.0.0")
    };
    let head = head_by(1, &slot, manifest, &[]);
    ([&head, &slot[..], other, own].concat(), slot)
}

/// The root hash of the version that runs.
const ROOT: [u8; 32] = [9; 32];

/// Asks for a patch once the head is there.
fn send_with_patch(bench: &mut Bench, file: &[u8], compressor: u32) {
    let head = crate::head_length(file).unwrap();
    bench.send(&file[..head], head).unwrap();
    bench.receiver.ask_for_patch(&ROOT, compressor);
    bench.send(file, 700).unwrap();
}

#[test]
fn the_patch_for_the_version_that_runs_is_sent_before_any_chunk() {
    let patch = [5; 3 * CHUNK];
    let (file, slot) = file_with_patches([&[4; 100], &patch]);
    let head = crate::head_length(&file).unwrap();
    let mut bench = Bench::new();
    bench.send(&file[..head], head).unwrap();
    bench.receiver.ask_for_patch(&ROOT, 7);
    let start = (head + slot.len() + 100) as u64;
    assert_eq!(bench.receiver.wanted(), Some((start, patch.len() as u64)));
    // What the patch makes is offered as what the box has.
    bench.send(&file, patch.len() + 99).unwrap();
    assert_eq!(bench.patches, [(patch.to_vec(), 0)]);
    assert!(bench.is_complete && bench.slot[..slot.len()] == slot[..]);
}

#[test]
fn a_patch_that_is_no_use_is_not_asked_for() {
    let (file, slot) = file_with_patches([&[4; 100], &[5; 200]]);
    // Of another compressor.
    let mut bench = Bench::new();
    send_with_patch(&mut bench, &file, 8);
    assert!(bench.is_complete && bench.patches.is_empty());
    // Longer than all that is missing.
    let mut bench = Bench::new();
    let (file, _) = file_with_patches([&[4; 100], &vec![5; slot.len() + 1]]);
    send_with_patch(&mut bench, &file, 7);
    assert!(bench.is_complete && bench.patches.is_empty());
}

#[test]
fn a_patch_that_was_damaged_on_its_way_is_as_good_as_none() {
    let (mut file, slot) = file_with_patches([&[4; 100], &[5; 200]]);
    *file.last_mut().unwrap() ^= 1;
    let mut bench = Bench::new();
    send_with_patch(&mut bench, &file, 7);
    assert!(bench.is_complete && bench.patches.is_empty());
    assert!(bench.slot[..slot.len()] == slot[..]);
}

#[test]
fn a_damaged_chunk_is_asked_for_again_and_never_written() {
    let (file, slot) = file();
    let head = file.len() - slot.len();
    let mut damaged = file.clone();
    damaged[head + 5 * CHUNK + 99] ^= 1;
    let mut bench = Bench::new();
    assert_eq!(
        bench.send(&damaged, 700),
        Err(Refusal::ChunkDamaged { index: 5 })
    );
    let next = usize::try_from(bench.receiver.next().unwrap()).unwrap();
    assert_eq!(next, head + 5 * CHUNK);
    assert!(
        bench.slot[5 * CHUNK..6 * CHUNK]
            .iter()
            .all(|byte| *byte == 0xee)
    );
    bench.send(&file, 700).unwrap();
    assert!(bench.is_complete);
}

#[test]
fn no_byte_of_the_head_can_be_changed() {
    let (file, slot) = file();
    let head = file.len() - slot.len();
    for place in 0..head {
        let mut changed = file[..head].to_vec();
        changed[place] ^= 1;
        let mut bench = Bench::new();
        let result = bench.send(&changed, head);
        // A length that grew leaves the box waiting for more, which is as good.
        let is_refused = result.is_err() || bench.accepted.is_none();
        assert!(is_refused, "byte {place}");
        assert_eq!(bench.writes, 0, "byte {place}");
    }
}

fn refusal(slot: &[u8], manifest: Manifest) -> String {
    let head = head_by(1, slot, manifest, &[]);
    let file = [head, slot.to_vec()].concat();
    let mut bench = Bench::new();
    let refusal = bench.send(&file, 5000).expect_err("refused");
    assert!(!bench.is_complete);
    refusal.to_string()
}

#[test]
fn strangers_other_hardware_and_old_versions_are_refused_in_words() {
    let slot = slot_of("2.0.0", 1, &uki());
    let head = head_by(9, &slot, manifest("2.0.0"), &[]);
    let mut bench = Bench::new();
    let said = bench
        .send(&head, head.len())
        .expect_err("refused")
        .to_string();
    assert!(
        said.contains("not signed by keys this box trusts (`test`)"),
        "{said}"
    );
    let other = Manifest {
        hardware: vec!["ramal-aarch64".into()],
        ..manifest("2.0.0")
    };
    let said = refusal(&slot, other);
    assert!(
        said.contains("for ramal-aarch64, and this box is ramal-x86_64"),
        "{said}"
    );
    let said = refusal(
        &slot,
        Manifest {
            security: 4,
            ..manifest("2.0.0")
        },
    );
    assert!(said.contains("older than what this box may run"), "{said}");
}

#[test]
fn a_slot_that_is_not_the_one_of_the_manifest_is_refused() {
    let other_version = slot_of("1.9.9", 1, &uki());
    let said = refusal(&other_version, manifest("2.0.0"));
    assert!(said.contains("it has another version"), "{said}");
    let not_signed = slot_of("2.0.0", 9, &uki());
    let said = refusal(&not_signed, manifest("2.0.0"));
    assert!(said.contains("damaged or not signed"), "{said}");
    let said = refusal(
        &slot_of("2.0.0", 1, &uki()),
        Manifest {
            security: 6,
            ..manifest("2.0.0")
        },
    );
    assert!(said.contains("another security number"), "{said}");
}

#[test]
fn new_keys_take_over_and_sign_the_update_that_brings_them() {
    let mut second = set(2, 2);
    second.signatures = sign(1, &second.message());
    let slot = slot_of("2.0.0", 2, &uki());
    let head = head_by(2, &slot, manifest("2.0.0"), &[second]);
    let mut bench = Bench::new();
    bench.send(&[head, slot].concat(), 5000).unwrap();
    assert!(bench.is_complete);
    assert_eq!(bench.key_sets, [second]);
    // A set that nobody the box trusts has signed brings nothing in.
    let mut forged = set(2, 3);
    forged.signatures = sign(3, &forged.message());
    let slot = slot_of("2.0.0", 3, &uki());
    let head = head_by(3, &slot, manifest("2.0.0"), &[forged]);
    let mut bench = Bench::new();
    let refused = bench.send(&head, head.len());
    assert!(
        matches!(refused, Err(Refusal::NotSigned { .. })),
        "{refused:?}"
    );
}

#[test]
fn what_is_no_update_file_is_told_from_its_first_bytes() {
    let mut bench = Bench::new();
    assert_eq!(bench.send(b"PK\x03\x04", 4), Err(Refusal::NotAnUpdate));
    let mut bench = Bench::new();
    let endless = [&b"RMLUPD01"[..], &[0xff; 4]].concat();
    assert!(matches!(bench.send(&endless, 12), Err(Refusal::Damaged(_))));
}

#[test]
fn a_piece_from_elsewhere_is_refused() {
    let (file, _) = file();
    let mut bench = Bench::new();
    let refused = bench.receiver.take(7, &file[7..20]);
    assert_eq!(
        refused,
        Err(Refusal::OutOfOrder {
            found: 7,
            wanted: 0
        })
    );
}

proptest! {
    #[test]
    fn any_bytes_are_taken_without_a_panic_and_none_is_written(
        bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        begins_well in any::<bool>(),
    ) {
        let mut file = Vec::new();
        if begins_well {
            file.extend_from_slice(b"RMLUPD01\x40\x01\x00\x00");
        }
        file.extend_from_slice(&bytes);
        let mut bench = Bench::new();
        let _ = bench.send(&file, 100);
        prop_assert_eq!(bench.writes, 0);
    }
}
