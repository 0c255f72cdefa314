//! Updates into files that stand for partitions.

use std::convert::Infallible;
use std::os::unix::fs::FileExt as _;

use ed25519_dalek::{Signer as _, SigningKey};
use slot::{Choice, Condition, Extent, KEYS_MAX, PublicKey, Refusal as Refused, Signature, Text};

use super::*;
use crate::state_file::tests::Stand;

const HARDWARE: &str = "ramal-x86_64";

/// A box of three files.
struct Bench {
    state: Stand,
    slots: [Stand; 2],
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn set() -> KeySet {
    let public = PublicKey(key().verifying_key().to_bytes());
    KeySet::new(1, Text::new("test").unwrap(), 1, &[public]).unwrap()
}

fn sign(message: &[u8]) -> [Option<Signature>; KEYS_MAX] {
    let mut signatures = [None; KEYS_MAX];
    signatures[0] = Some(Signature {
        key: PublicKey(key().verifying_key().to_bytes()).id(),
        bytes: key().sign(message).to_bytes(),
    });
    signatures
}

fn slot_of(version: &str, uki: &[u8]) -> Vec<u8> {
    let mut header = Header {
        hardware: Text::new(HARDWARE).unwrap(),
        version: Text::new(version).unwrap(),
        security: 0,
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
    header.signatures = sign(&header.message());
    let mut bytes = header.encode().to_vec();
    bytes.resize(CHUNK, 0);
    bytes.extend_from_slice(uki);
    bytes
}

fn manifest(version: &str) -> Manifest {
    Manifest {
        format: 1,
        hardware: vec![HARDWARE.into()],
        version: version.into(),
        security: 0,
        length: 0,
        chunks_sha256: String::new(),
        notes: std::collections::BTreeMap::new(),
        patches: Vec::new(),
    }
}

/// An update file, and where its slot begins in it.
fn file_of(slot: &[u8], version: &str) -> (Vec<u8>, usize) {
    let manifest = manifest(version);
    let sign = |message: &[u8]| Ok::<_, Infallible>(sign(message));
    let head = update::make_head(slot, manifest, &[], sign).unwrap();
    let length = head.len();
    ([head, slot.to_vec()].concat(), length)
}

/// Noise without a chunk that occurs twice.
fn uki(chunks: usize) -> Vec<u8> {
    let piece = |index: usize| {
        let digest: [u8; 32] = Sha256::digest(index.to_le_bytes()).into();
        digest.repeat(CHUNK / 32)
    };
    (0..chunks).flat_map(piece).collect()
}

impl Bench {
    /// Version 1 runs from slot A and has proved good.
    fn new(name: &str, running: &[u8]) -> Self {
        let stand = |part: &str| Stand::new(&format!("{name}-{part}"));
        let bench = Self {
            state: stand("state"),
            slots: [stand("a"), stand("b")],
        };
        for slot in &bench.slots {
            let file = File::options().write(true).open(&slot.0).unwrap();
            file.set_len(4 << 20).unwrap();
        }
        let first = File::options().write(true).open(&bench.slots[0].0).unwrap();
        first.write_all_at(running, 0).unwrap();
        bench
            .state()
            .change(|it| *it = slot::BootState::shipped())
            .unwrap();
        bench
    }

    fn state(&self) -> StateFile {
        StateFile::open(&self.state.0).unwrap()
    }

    fn places(&self) -> Arc<Places> {
        let open = |slot: &Stand| {
            File::options()
                .read(true)
                .write(true)
                .open(&slot.0)
                .unwrap()
        };
        Arc::new(Places {
            running: Slot::A,
            source: open(&self.slots[0]),
            target: open(&self.slots[1]),
            state: self.state(),
            keys: set(),
            guard: Guard::RunningIsGood,
            patcher: None,
        })
    }

    fn target(&self) -> Vec<u8> {
        std::fs::read(&self.slots[1].0).unwrap()
    }
}

/// Sends what is asked for until `end`; how many bytes that was.
fn send(installer: &mut Installer, file: &[u8], end: usize) -> Result<usize, InstallError> {
    let mut sent = 0;
    while let Some(next) = installer.next().map(|it| usize::try_from(it).unwrap()) {
        let piece = file.get(next..end.min(next + 5000)).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        sent += piece.len();
        installer.take(next as u64, piece)?;
    }
    Ok(sent)
}

#[test]
fn an_update_is_tried_at_the_next_start() {
    let slot = slot_of("2.0.0", &uki(12));
    let (file, _) = file_of(&slot, "2.0.0");
    let bench = Bench::new("whole", &slot_of("1.0.0", b"other"));
    let mut installer = Installer::new(bench.places(), HARDWARE).unwrap();
    send(&mut installer, &file, file.len()).unwrap();
    assert!(installer.is_installed());
    assert_eq!(installer.manifest().unwrap().version, "2.0.0");
    assert!(bench.target()[..slot.len()] == slot[..]);
    let mut state = bench.state().read().unwrap();
    assert_eq!(state.choose(&Refused::default()), Choice::Start(Slot::B));
}

#[test]
fn an_update_that_breaks_off_leaves_the_running_version_and_goes_on_later() {
    let slot = slot_of("2.0.0", &uki(12));
    let (file, _) = file_of(&slot, "2.0.0");
    let bench = Bench::new("breaks", &slot_of("1.0.0", b"other"));
    let mut installer = Installer::new(bench.places(), HARDWARE).unwrap();
    send(&mut installer, &file, file.len() - 2 * CHUNK).unwrap();
    drop(installer);
    let mut state = bench.state().read().unwrap();
    assert_eq!(state.slot(Slot::B).condition, Condition::Empty);
    assert_eq!(state.choose(&Refused::default()), Choice::Start(Slot::A));
    assert!(Header::decode(&bench.target()).is_err());
    let mut installer = Installer::new(bench.places(), HARDWARE).unwrap();
    let sent = send(&mut installer, &file, file.len()).unwrap();
    assert!(
        installer.is_installed() && sent < 5 * CHUNK,
        "{sent} bytes again"
    );
    assert!(bench.target()[..slot.len()] == slot[..]);
}

#[test]
fn a_small_change_is_a_small_transfer() {
    let before = uki(100);
    let mut after = before.clone();
    after[50 * CHUNK + 7] ^= 1;
    let bench = Bench::new("delta", &slot_of("1.0.0", &before));
    let slot = slot_of("1.0.1", &after);
    let (file, head) = file_of(&slot, "1.0.1");
    let mut installer = Installer::new(bench.places(), HARDWARE).unwrap();
    let sent = send(&mut installer, &file, file.len()).unwrap();
    assert!(installer.is_installed());
    // The head, the chunk with the header, the chunk that changed; and pieces that overlap them.
    assert!(sent < head + 2 * CHUNK + 10_000, "{sent} of {}", file.len());
    assert!(bench.target()[..slot.len()] == slot[..]);
}

/// Knows what a patch makes, or that it makes nothing.
#[derive(Debug)]
struct Fake(Result<Vec<(u64, Vec<u8>)>, String>);

impl Patcher for Fake {
    fn compressor(&self) -> u32 {
        7
    }

    fn apply(&self, patch: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, String> {
        assert_eq!(patch, PATCH);
        self.0.clone()
    }
}

const PATCH: &[u8] = b"what changed";

/// Installs a version all of whose UKI is new, on a box that has a patcher; what was sent in all,
/// and how long the head is.
fn install_with(name: &str, patcher: Fake) -> (usize, usize) {
    let bench = Bench::new(name, &slot_of("1.0.0", b"other"));
    let slot = slot_of("1.0.1", &uki(100));
    let manifest = Manifest {
        patches: vec![update::PatchEntry {
            root_hash: "00".repeat(32),
            compressor: 7,
            start: 0,
            length: PATCH.len() as u64,
            sha256: hex_of(&Sha256::digest(PATCH)),
        }],
        ..manifest("1.0.1")
    };
    let signed = |message: &[u8]| Ok::<_, Infallible>(sign(message));
    let head = update::make_head(&slot, manifest, &[], signed).unwrap();
    let file = [&head, &slot, PATCH].concat();
    let mut places = bench.places();
    Arc::get_mut(&mut places).unwrap().patcher = Some(Box::new(patcher));
    let mut installer = Installer::new(places, HARDWARE).unwrap();
    let sent = send(&mut installer, &file, file.len()).unwrap();
    assert!(installer.is_installed());
    assert!(bench.target()[..slot.len()] == slot[..]);
    (sent, head.len())
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_a_patch_makes_is_not_sent() {
    let slot = slot_of("1.0.1", &uki(100));
    // Parts begin and end anywhere: the chunks 2 to 40 lie wholly in the first one.
    let parts = [CHUNK + 100..41 * CHUNK + 3000, 50 * CHUNK..60 * CHUNK];
    let parts = parts.map(|it| (it.start as u64, slot[it].to_vec()));
    let (sent, head) = install_with("patch", Fake(Ok(parts.to_vec())));
    let chunks = slot.len().div_ceil(CHUNK) - 39 - 10;
    let expected = head + PATCH.len() + chunks * CHUNK;
    assert!(sent <= expected + 20_000, "{sent}, not {expected}");
}

#[test]
fn a_patch_that_makes_nothing_or_nonsense_costs_its_own_bytes_only() {
    let nonsense = vec![
        (u64::MAX, vec![1; 3 * CHUNK]),
        (0, Vec::new()),
        (5 * CHUNK as u64, vec![1; 3 * CHUNK]),
    ];
    for (name, made) in [
        ("patch-fails", Err("other programs".into())),
        ("patch-wrong", Ok(nonsense)),
    ] {
        let (sent, head) = install_with(name, Fake(made));
        let slot = slot_of("1.0.1", &uki(100)).len();
        assert!(sent >= head + slot + PATCH.len(), "{name}: {sent}");
    }
}

#[test]
fn the_version_that_runs_can_be_installed_again_without_sending_it() {
    let slot = slot_of("1.0.0", &uki(20));
    let bench = Bench::new("again", &slot);
    let (file, head) = file_of(&slot, "1.0.0");
    let mut installer = Installer::new(bench.places(), HARDWARE).unwrap();
    let sent = send(&mut installer, &file, file.len()).unwrap();
    assert!(installer.is_installed());
    assert!(sent < head + 5000, "{sent}");
    assert!(bench.target()[..slot.len()] == slot[..]);
}

#[test]
fn nothing_is_written_over_what_the_box_would_go_back_to() {
    let slot = slot_of("3.0.0", &uki(3));
    let (file, _) = file_of(&slot, "3.0.0");
    let bench = Bench::new("trial", &slot_of("2.0.0", b"new"));
    std::fs::write(&bench.slots[1].0, slot_of("1.0.0", b"old")).unwrap();
    let on_trial = |state: &mut slot::BootState| state.finish_install(Slot::A);
    bench.state().change(on_trial).unwrap();
    let before = bench.target();
    let refused = send(
        &mut Installer::new(bench.places(), HARDWARE).unwrap(),
        &file,
        file.len(),
    );
    assert!(matches!(refused, Err(InstallError::OnTrial)), "{refused:?}");
    assert!(bench.target() == before);
}

#[test]
fn a_disk_that_loses_what_was_written_is_found_out() {
    let slot = slot_of("2.0.0", &uki(12));
    let (file, head) = file_of(&slot, "2.0.0");
    let bench = Bench::new("loses", &slot_of("1.0.0", b"other"));
    let mut installer = Installer::new(bench.places(), HARDWARE).unwrap();
    send(&mut installer, &file, file.len() - 10).unwrap();
    // A block in the middle changes on the disk.
    let target = File::options().write(true).open(&bench.slots[1].0).unwrap();
    target.write_all_at(b"rot", 7 * CHUNK as u64).unwrap();
    let failed = send(&mut installer, &file, file.len());
    assert!(
        matches!(failed, Err(InstallError::ReadBack { index: 7 })),
        "{failed:?} {head}"
    );
    assert!(Header::decode(&bench.target()).is_err());
    let state = bench.state().read().unwrap();
    assert_eq!(state.slot(Slot::B).condition, Condition::Empty);
}
