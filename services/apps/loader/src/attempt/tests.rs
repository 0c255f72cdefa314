use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec;

use ed25519_dalek::{Signer as _, SigningKey};
use slot::{Extent, KEY_SET_LENGTH, PublicKey, Signature, Text};

use super::*;

const DISK: Guid = Guid([9; 16]);

/// A box whose programs are texts, and end at once.
struct Fake {
    state: Vec<u8>,
    slots: BTreeMap<&'static str, Vec<u8>>,
    rescue: Option<(Vec<u8>, Vec<u8>)>,
    is_read_only: bool,
    /// Where the disk can be neither read nor written.
    bad_block: Option<u64>,
    /// Writes tear what they were to write, and fail.
    is_dying: bool,
    fault: StartFault,
    /// What was started, and how, with the state that was on the disk at that moment.
    started: Vec<(String, String, Option<BootState>)>,
    said: Vec<String>,
}

impl Fake {
    fn new() -> Self {
        let mut fake = Self {
            state: vec![0; 1 << 20],
            slots: BTreeMap::new(),
            rescue: None,
            is_read_only: false,
            bad_block: None,
            is_dying: false,
            fault: StartFault::Ended(0),
            started: Vec::new(),
            said: Vec::new(),
        };
        fake.put_state(BootState::shipped());
        fake.put_slot(Slot::A, &header("1.0", "one"), "one");
        fake.put_slot(Slot::B, &header("2.0", "two"), "two");
        fake
    }

    fn put_state(&mut self, state: BootState) {
        for (place, at) in STATE_COPIES.into_iter().enumerate() {
            let mut copy = state;
            copy.sequence += place as u64;
            let at = usize::try_from(at).unwrap();
            self.state[at..at + STATE_LENGTH].copy_from_slice(&copy.encode());
        }
    }

    fn put_slot(&mut self, slot: Slot, header: &Header, program: &str) {
        let bytes = [&header.encode()[..], program.as_bytes()].concat();
        self.slots.insert(slot.name(), bytes);
    }

    fn state_on_disk(&self) -> Option<BootState> {
        let [first, second] = STATE_COPIES.map(|at| &self.state[usize::try_from(at).unwrap()..]);
        BootState::newest(first, second).0
    }

    fn boot(&mut self) -> Vec<String> {
        self.boot_asked(None)
    }

    fn boot_asked(&mut self, asked: Option<Choice>) -> Vec<String> {
        self.started.clear();
        boot(self, &keys(1, &[1]), asked);
        let started = self.started.iter();
        started.map(|(program, _, _)| program.clone()).collect()
    }

    fn reasons(&self) -> Vec<(Option<Slot>, Reason, u8)> {
        let state = self.state_on_disk().unwrap();
        let entries = state.journal();
        entries.map(|it| (it.slot, it.reason, it.detail)).collect()
    }
}

impl Machine for Fake {
    fn read(&mut self, part: Part, at: u64, length: usize) -> Result<Vec<u8>, DiskFault> {
        let bytes = match part {
            Part::State => &self.state,
            Part::Slot(slot) => self.slots.get(slot.name()).ok_or(DiskFault::Absent)?,
        };
        if part == Part::State && self.bad_block == Some(at) {
            return Err(DiskFault::Device(7));
        }
        let at = usize::try_from(at).unwrap();
        let bytes = bytes.get(at..at + length).ok_or(DiskFault::Outside)?;
        Ok(bytes.to_vec())
    }

    fn write_state(&mut self, at: u64, block: &[u8]) -> Result<(), DiskFault> {
        if self.is_read_only {
            return Err(DiskFault::Device(8));
        }
        if self.bad_block == Some(at) {
            return Err(DiskFault::Device(7));
        }
        assert_eq!(block.len(), WRITE_UNIT);
        let at = usize::try_from(at).unwrap();
        if self.is_dying {
            self.state[at..at + 100].fill(0xa5);
            return Err(DiskFault::Device(7));
        }
        self.state[at..at + block.len()].copy_from_slice(block);
        Ok(())
    }

    fn rescue_file(&mut self, file: RescueFile) -> Option<Vec<u8>> {
        let (header, program) = self.rescue.clone()?;
        Some(match file {
            RescueFile::Header => header,
            RescueFile::Program => program,
        })
    }

    fn disk(&self) -> Guid {
        DISK
    }

    fn start(&mut self, program: &[u8], handoff: &Handoff) -> StartFault {
        let program = String::from_utf8(program.to_vec()).unwrap();
        let state = self.state_on_disk();
        self.started.push((program, format!("{handoff}"), state));
        self.fault
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        self.said.push(format!("{line}"));
    }
}

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn keys(version: u32, seeds: &[u8]) -> KeySet {
    let public = |seed: &u8| PublicKey(signer(*seed).verifying_key().to_bytes());
    let public: Vec<_> = seeds.iter().map(public).collect();
    KeySet::new(version, Text::new("test").unwrap(), 1, &public).unwrap()
}

fn sign(seed: u8, message: &[u8]) -> Option<Signature> {
    let key = PublicKey(signer(seed).verifying_key().to_bytes()).id();
    let bytes = signer(seed).sign(message).to_bytes();
    Some(Signature { key, bytes })
}

fn signed(mut header: Header, seed: u8) -> Header {
    header.signatures[0] = sign(seed, &header.message());
    header
}

fn unsigned(version: &str, program: &str) -> Header {
    Header {
        hardware: Text::new(HARDWARE).unwrap(),
        version: Text::new(version).unwrap(),
        security: 5,
        built: 0,
        uki: Extent {
            start: 4096,
            length: program.len() as u64,
        },
        uki_sha256: Sha256::digest(program).into(),
        root: Extent::default(),
        verity: Extent::default(),
        root_hash: [0; 32],
        salt: [0; 32],
        signatures: [None; 4],
    }
}

fn header(version: &str, program: &str) -> Header {
    signed(unsigned(version, program), 1)
}

/// A box that has installed slot B, which is tried and refused for this reason; then A starts.
fn check_refused(spoil: impl Fn(&mut Fake), reason: Reason, detail: u8) {
    let mut fake = Fake::new();
    let mut state = BootState::shipped();
    state.security_floor = 5;
    state.finish_install(Slot::B);
    fake.put_state(state);
    spoil(&mut fake);
    assert_eq!(fake.boot(), ["one"]);
    let reasons = fake.reasons();
    assert!(
        reasons.contains(&(Some(Slot::B), reason, detail)),
        "{reasons:?}"
    );
    let before = fake.started[0].2.unwrap();
    assert_eq!(before.slot(Slot::B).condition, Condition::Bad);
    assert_eq!(before.started, Some(Slot::A));
}

#[test]
fn a_good_slot_is_started_with_its_handoff() {
    let mut fake = Fake::new();
    fake.boot();
    let (program, handoff, state) = &fake.started[0];
    assert_eq!(program, "one");
    let expected = format!("ramal.slot=a ramal.disk={DISK}");
    assert_eq!(handoff, &expected);
    assert_eq!(state.unwrap().slot(Slot::A).condition, Condition::Good(1));
}

#[test]
fn the_attempt_is_on_the_disk_before_the_slot_is_started() {
    let mut fake = Fake::new();
    let mut state = BootState::shipped();
    state.finish_install(Slot::B);
    fake.put_state(state);
    fake.boot();
    let state = fake.started[0].2.unwrap();
    assert_eq!(state.slot(Slot::B).condition, Condition::Trying(2));
    assert_eq!(state.started, Some(Slot::B));
    assert_eq!(state.sequence, 3);
}

#[test]
fn what_is_wrong_with_a_slot_is_noted_and_the_other_is_started_in_the_same_boot() {
    let put = |fake: &mut Fake, header: Header| fake.put_slot(Slot::B, &header, "two");
    let two = unsigned("2.0", "two");
    check_refused(|it| put(it, two), Reason::NotSigned, 0);
    check_refused(|it| put(it, signed(two, 7)), Reason::NotSigned, 0);
    check_refused(
        |it| it.put_slot(Slot::B, &signed(two, 1), "tow"),
        Reason::Damaged,
        PROGRAM,
    );
    let hardware = Text::new("ramal-aarch64").unwrap();
    let other = signed(Header { hardware, ..two }, 1);
    check_refused(|it| put(it, other), Reason::WrongHardware, 0);
    let old = signed(Header { security: 4, ..two }, 1);
    check_refused(|it| put(it, old), Reason::TooOld, 4);
    let blank = |it: &mut Fake| it.slots.get_mut("b").unwrap().fill(0);
    check_refused(blank, Reason::Empty, 0);
    let flipped = |it: &mut Fake| it.slots.get_mut("b").unwrap()[50] ^= 1;
    check_refused(flipped, Reason::Damaged, HEADER);
    let cut = |it: &mut Fake| it.slots.get_mut("b").unwrap().truncate(4098);
    check_refused(cut, Reason::Damaged, UNREADABLE);
    check_refused(|it| drop(it.slots.remove("b")), Reason::Empty, 0);
}

#[test]
fn what_the_firmware_says_of_a_slot_is_noted() {
    for (fault, reason) in [
        (StartFault::Refused(15), Reason::RefusedByFirmware),
        (StartFault::Ended(15), Reason::NotStarted),
    ] {
        let mut fake = Fake::new();
        fake.fault = fault;
        assert_eq!(fake.boot(), ["one"]);
        assert_eq!(fake.reasons(), [(Some(Slot::A), reason, 15)]);
    }
}

#[test]
fn without_a_slot_the_rescue_system_is_started() {
    let mut fake = Fake::new();
    fake.slots.clear();
    let old = signed(
        Header {
            security: 0,
            ..unsigned("0.9", "help")
        },
        1,
    );
    fake.rescue = Some((old.encode().to_vec(), b"help".to_vec()));
    assert_eq!(fake.boot(), ["help"]);
    assert!(fake.started[0].1.starts_with("ramal.slot=rescue "));
    for program in ["hell", "helpless"] {
        fake.rescue = Some((old.encode().to_vec(), program.as_bytes().to_vec()));
        assert!(fake.boot().is_empty());
    }
    let strange = signed(unsigned("0.9", "help"), 3);
    fake.rescue = Some((strange.encode().to_vec(), b"help".to_vec()));
    assert!(fake.boot().is_empty());
    assert_eq!(
        fake.said.last().unwrap(),
        "rescue system refused: NotSigned (0)"
    );
}

#[test]
fn a_disk_that_tears_every_write_keeps_the_state_that_was_noted_last() {
    let mut fake = Fake::new();
    let mut state = BootState::shipped();
    state.finish_install(Slot::B);
    fake.put_state(state);
    let before = fake.state_on_disk();
    fake.is_dying = true;
    // Slot B is not started, as it cannot be counted: the state is to be written more than once.
    assert_eq!(fake.boot(), ["one"]);
    assert_eq!(fake.state_on_disk(), before);
}

#[test]
fn a_new_version_is_tried_and_counted_with_one_copy_that_the_disk_does_not_take() {
    for bad in STATE_COPIES {
        let mut fake = Fake::new();
        let mut state = BootState::shipped();
        state.finish_install(Slot::B);
        fake.put_state(state);
        let [first, second] = STATE_COPIES.map(|at| usize::try_from(at).unwrap());
        let other = first + second - usize::try_from(bad).unwrap();
        // What cannot be read when the loader looks.
        fake.bad_block = Some(bad);
        fake.state[usize::try_from(bad).unwrap()..][..STATE_LENGTH].fill(0);
        for tries in [2, 1, 0] {
            assert_eq!(fake.boot()[0], "two", "{bad}");
            let counted = fake.started[0].2.unwrap();
            assert_eq!(counted.slot(Slot::B).condition, Condition::Trying(tries));
            // The power fails while it runs.
            fake.state[other..][..STATE_LENGTH].copy_from_slice(&counted.encode());
        }
        assert_eq!(fake.boot(), ["one"]);
        // The disk has found another block for it.
        fake.bad_block = None;
        fake.boot();
        assert!(BootState::decode(&fake.state[usize::try_from(bad).unwrap()..]).is_some());
    }
}

#[test]
fn a_slot_that_is_too_old_is_not_started_in_the_place_of_the_rescue_system() {
    let mut fake = Fake::new();
    fake.slots.clear();
    let extent = |start| Extent {
        start,
        length: 4096,
    };
    let old = Header {
        root: extent(8192),
        verity: extent(12_288),
        ..unsigned("0.1", "old")
    };
    let old = signed(old, 1).encode().to_vec();
    fake.rescue = Some((old, b"old".to_vec()));
    assert!(fake.boot().is_empty());
    assert_eq!(
        fake.said.last().unwrap(),
        "rescue system refused: Damaged (1)"
    );
}

#[test]
fn a_rescue_system_that_is_asked_for_and_not_there_leaves_the_slots() {
    let mut fake = Fake::new();
    let mut state = BootState::shipped();
    state.wants_rescue = true;
    fake.put_state(state);
    assert_eq!(fake.boot(), ["one"]);
    // Counters used up, and no rescue system: a slot that had proved good is started all the same.
    for _ in 0..40 {
        assert_eq!(fake.boot(), ["one"]);
    }
}

#[test]
fn lost_states_are_made_anew_in_both_copies() {
    let mut fake = Fake::new();
    fake.state.fill(0x55);
    assert_eq!(fake.boot(), ["one", "two"]);
    assert!(fake.reasons().contains(&(None, Reason::StateLost, 0)));
    for at in STATE_COPIES {
        assert!(BootState::decode(&fake.state[usize::try_from(at).unwrap()..]).is_some());
    }
}

#[test]
fn a_new_slot_whose_attempt_cannot_be_counted_is_not_started() {
    let mut fake = Fake::new();
    let mut state = BootState::shipped();
    state.finish_install(Slot::B);
    fake.put_state(state);
    fake.is_read_only = true;
    assert_eq!(fake.boot(), ["one"]);
}

#[test]
fn a_version_of_the_keys_before_is_started_until_one_of_the_new_keys_has_proved_good() {
    let mut fake = Fake::new();
    let mut next = keys(2, &[2]);
    next.signatures[0] = sign(1, &next.message());
    let mut third = keys(3, &[3]);
    third.signatures[0] = sign(2, &third.message());
    for (place, set) in [next, third].into_iter().enumerate() {
        let at = usize::try_from(KEY_CHAIN).unwrap() + place * WRITE_UNIT;
        fake.state[at..at + KEY_SET_LENGTH].copy_from_slice(&set.encode());
    }
    let two = signed(unsigned("2.0", "two"), 3);
    fake.put_slot(Slot::B, &two, "two");
    // The keys came with the update, which is not yet whole: the version that runs goes on.
    assert_eq!(fake.boot()[0], "one");
    let mut state = BootState::shipped();
    state.finish_install(Slot::B);
    fake.put_state(state);
    assert_eq!(fake.boot(), ["two", "one"]);
    state.commit(Slot::B, 0, 3);
    fake.put_state(state);
    assert_eq!(fake.boot(), ["two"]);
    let not_signed = (Some(Slot::A), Reason::NotSigned, 0);
    assert!(fake.reasons().contains(&not_signed));
    // A chain that is lost does not make everything useless.
    let chain = usize::try_from(KEY_CHAIN).unwrap();
    fake.state[chain..chain + 2 * WRITE_UNIT].fill(0);
    assert_eq!(fake.boot(), ["one"]);
}

#[test]
fn a_person_can_ask_for_a_slot_or_the_rescue_system() {
    let mut fake = Fake::new();
    fake.rescue = Some((header("0.9", "help").encode().to_vec(), b"help".to_vec()));
    assert_eq!(fake.boot_asked(Some(Choice::Start(Slot::B)))[0], "two");
    assert_eq!(fake.boot_asked(Some(Choice::Rescue))[0], "help");
    assert_eq!(fake.boot()[0], "one");
    // Not what nobody signed.
    fake.put_slot(Slot::B, &unsigned("2.0", "two"), "two");
    assert_eq!(fake.boot_asked(Some(Choice::Start(Slot::B)))[0], "one");
}
