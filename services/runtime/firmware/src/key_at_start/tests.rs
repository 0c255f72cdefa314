//! With masks in the place of TPMs: each opens what it has sealed itself, and nothing else.

use std::cell::RefCell;

use slot::layout::{DATA_KEY_COPIES, WRITE_UNIT};

use super::*;
use crate::state_file::tests::{FailingDisk, Stand};

/// A keeper of this number, which does its work while it is `sound`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mask {
    number: u8,
    sound: bool,
}

const OWN: Mask = Mask {
    number: 7,
    sound: true,
};
const OTHER: Mask = Mask {
    number: 8,
    sound: true,
};
const BROKEN: Mask = Mask {
    number: 7,
    sound: false,
};

impl Keeper for Mask {
    fn seal(&mut self, key: &DataKey, code: &RecoveryCode) -> Result<Vec<u8>, FirmwareError> {
        if !self.sound {
            return Err(FirmwareError::NotProved);
        }
        let open = [&key.material()[..], code.bytes()].concat();
        let masked = open.into_iter().map(|byte| byte ^ 0xa5);
        Ok([self.number].into_iter().chain(masked).collect())
    }

    fn open(&mut self, blob: &[u8]) -> Result<(DataKey, RecoveryCode), FirmwareError> {
        let (number, masked) = blob.split_first().ok_or(FirmwareError::NotProved)?;
        if !self.sound || *number != self.number {
            return Err(FirmwareError::NotProved);
        }
        let open: Vec<u8> = masked.iter().map(|byte| byte ^ 0xa5).collect();
        let key = open.get(..64).and_then(DataKey::from_bytes);
        let code = open.get(64..).and_then(RecoveryCode::from_bytes);
        key.zip(code).ok_or(FirmwareError::NotProved)
    }
}

struct Kept(StateFile, Stand);

impl Kept {
    fn new(name: &str) -> Self {
        let stand = Stand::new(name);
        let state = StateFile::open(&stand.0).expect("opened");
        Self(state, stand)
    }

    fn start(&self, keeper: Option<Mask>) -> Result<OpenedKey, FirmwareError> {
        self.0.key_at_start(true, |_| Ok(keeper))
    }

    fn disk(&self) -> Vec<u8> {
        std::fs::read(&self.1.0).expect("read")
    }

    fn holds(&self, key: &DataKey) -> bool {
        let piece = &key.material()[..16];
        self.disk().windows(16).any(|window| window == piece)
    }
}

#[test]
fn a_code_that_was_shown_is_not_there_any_more_and_another_one_is_made_on_request() {
    let it = Kept::new("shown");
    let first = it.start(Some(OWN)).expect("made");
    assert!(matches!(first.news, KeyNews::MadeSealed) && first.is_sealed);
    it.0.note_formatted().expect("written");
    let code = first.code.expect("nobody has seen it");
    let again = it.start(Some(OWN)).expect("opened");
    assert_eq!(again.code, Some(code.clone()));

    assert!(it.0.note_code(Code::Shown).expect("written"));
    let after = it.start(Some(OWN)).expect("opened");
    assert!(after.code.is_none() && after.is_sealed && after.is_formatted);

    assert!(it.0.note_code(Code::Renewed).expect("written"));
    // What cannot be renewed stays as it is, and is tried again.
    let mut looks = 0;
    let renewed = it.0.key_at_start(true, |_| {
        looks += 1;
        Ok(Some(if looks == 1 { OWN } else { BROKEN }))
    });
    let renewed = renewed.expect("opened");
    assert!(matches!(renewed.news, KeyNews::NotRenewed(_)) && renewed.code.is_none());
    let renewed = it.start(Some(OWN)).expect("opened");
    assert!(matches!(renewed.news, KeyNews::Renewed) && renewed.is_formatted);
    assert_eq!(renewed.key.material(), first.key.material());
    let fresh = renewed.code.expect("nobody has seen it");
    assert_ne!(fresh, code);
}

#[test]
fn a_key_that_is_not_sealed_has_no_code() {
    let it = Kept::new("open");
    assert!(!it.0.note_code(Code::Shown).expect("read"));
    let opened = it.start(None).expect("made");
    assert!(opened.code.is_none() && !opened.is_sealed);
    assert!(!it.0.note_code(Code::Renewed).expect("read"));
    let refused = it.start(Some(BROKEN)).expect("opened");
    assert!(matches!(refused.news, KeyNews::Refused(_)) && !refused.is_sealed);
    assert_eq!(refused.key.material(), opened.key.material());
}

#[test]
fn an_open_copy_beside_a_sealed_one_that_is_not_opened_still_counts() {
    for keeper in [None, Some(BROKEN), Some(OTHER)] {
        let it = Kept::new(&format!("beside-{}", keeper.map_or(0, |it| it.number)));
        let first = it.start(None).expect("made");
        it.0.note_formatted().expect("written");
        let open = it.0.block(DATA_KEY_COPIES[1]).expect("read");
        it.start(Some(OWN)).expect("sealed");
        // The power fails before the second copy is written.
        it.0.write(DATA_KEY_COPIES[1], &open).expect("written");
        let after = it.start(keeper).expect("opened");
        assert_eq!(after.key.material(), first.key.material());
        assert!(after.is_formatted);
        // What there is now is opened by who is there now.
        let again = it.start(keeper).expect("opened");
        assert_eq!(again.is_sealed, matches!(keeper, Some(OTHER)));
        assert_eq!(it.holds(&first.key), !again.is_sealed);
    }
}

#[test]
fn what_is_not_opened_is_not_written_to() {
    let it = Kept::new("closed");
    it.start(Some(OWN)).expect("made");
    let before = it.disk();
    for keeper in [None, Some(BROKEN), Some(OTHER)] {
        assert!(it.start(keeper).is_err());
    }
    let wrong = RecoveryCode::fresh().expect("random");
    // A mask holds no envelope: a code cannot be tried on it, and nothing is changed by that.
    assert!(it.0.recover_key(&wrong, |_| Ok(Some(OTHER))).is_err());
    assert_eq!(it.disk(), before);
}

/// What a TPM seals, without the TPM: its part is empty, and nobody opens it but by the code.
fn gone_with_its_tpm(key: &DataKey, code: &RecoveryCode, seen: Code) -> KeyPlace {
    let mut blob = vec![0; 6];
    blob.extend_from_slice(&code.close(key));
    kept(Protection::Tpm(seen), true, blob)
}

#[test]
fn a_code_opens_also_the_second_copy_where_the_power_failed_as_another_code_was_made() {
    let it = Kept::new("second");
    let (key, paper, fresh) = (
        DataKey::fresh(),
        RecoveryCode::fresh(),
        RecoveryCode::fresh(),
    );
    let (key, paper) = (key.expect("random"), paper.expect("random"));
    let fresh = fresh.expect("random");
    let before = gone_with_its_tpm(&key, &paper, Code::Renewed);
    it.0.keep_key(&before).expect("written");
    let older = it.0.block(DATA_KEY_COPIES[1]).expect("read");
    let after = gone_with_its_tpm(&key, &fresh, Code::Unseen);
    it.0.keep_key(&after).expect("written");
    it.0.write(DATA_KEY_COPIES[1], &older).expect("written");

    let wrong = RecoveryCode::fresh().expect("random");
    let recovered = it.0.recover_key(&wrong, |_| Ok(Some(OWN)));
    assert!(matches!(recovered.expect("read"), Recovery::Wrong));
    let recovered = it.0.recover_key(&paper, |_| Ok(Some(OWN)));
    assert!(matches!(recovered.expect("read"), Recovery::Sealed));
    let opened = it.start(Some(OWN)).expect("opened");
    assert_eq!(opened.key.material(), key.material());
    assert!(opened.is_formatted);
}

#[test]
fn a_disk_that_does_not_take_the_sealed_form_leaves_the_key_open_and_the_box_goes_on() {
    for bad in DATA_KEY_COPIES {
        let state = FailingDisk::with_state();
        let start = |keeper| state.key_at_start(true, |_| Ok(keeper));
        let first = start(None::<Mask>).expect("made");
        state.note_formatted().expect("written");
        state.medium.unwritable.set(Some(bad));
        for _ in 0..2 {
            let opened = start(Some(OWN)).expect("the key is at hand");
            assert!(matches!(opened.news, KeyNews::Refused(_)), "{bad:#x}");
            assert!(!opened.is_sealed && opened.code.is_none() && opened.is_formatted);
            assert_eq!(opened.key.material(), first.key.material());
            // Nobody is told that a TPM keeps it.
            let place = state.key_place().expect("read");
            let open = kept(Protection::None, true, first.key.material().to_vec());
            assert!(place == open, "{bad:#x}");
            state.mend_opened(&opened).expect("no reason to stop");
        }
        state.medium.unwritable.set(None);
        let sealed = start(Some(OWN)).expect("opened");
        assert!(matches!(sealed.news, KeyNews::Sealed) && sealed.is_formatted);
    }
}

#[test]
fn a_copy_that_the_disk_does_not_take_stops_the_box_only_where_it_may_hold_the_key_open() {
    let [_, second] = DATA_KEY_COPIES;
    let state = FailingDisk::with_state();
    let start = |keeper| state.key_at_start(true, |_| Ok(keeper));
    start(None::<Mask>).expect("made");
    let open = state.block(second).expect("read");
    let sealed = start(Some(OWN)).expect("sealed");
    let older = state.block(second).expect("read");
    state.note_formatted().expect("written");
    for (other, stops) in [(older, false), ([0xa5; WRITE_UNIT], false), (open, true)] {
        state.write(second, &other).expect("written");
        state.medium.unwritable.set(Some(second));
        let opened = start(Some(OWN)).expect("opened");
        assert_eq!(opened.key.material(), sealed.key.material());
        let mended = state.mend_opened(&opened);
        assert_eq!(mended.is_err(), stops);
        assert!(stops || matches!(mended, Ok(Mended::Refused(_))));
        state.medium.unreadable.set(Some(second));
        assert!(state.mend_opened(&opened).is_err(), "it may be open");
        state.medium.unreadable.set(None);
        state.medium.unwritable.set(None);
    }
    // What one copy knows of the file system counts, also where the other one is opened.
    state.write(second, &open).expect("written");
    let opened = start(Some(OTHER)).expect("the open one");
    assert!(opened.is_formatted);
}

#[test]
fn a_code_that_was_typed_where_no_tpm_takes_the_key_stays_the_code_when_one_does() {
    for keeper in [None, Some(BROKEN)] {
        let it = Kept::new(&format!("typed-{}", keeper.map_or(0, |it| it.number)));
        let (key, paper) = (DataKey::fresh(), RecoveryCode::fresh());
        let (key, paper) = (key.expect("random"), paper.expect("random"));
        let gone = gone_with_its_tpm(&key, &paper, Code::Shown);
        it.0.keep_key(&gone).expect("written");
        let recovered = it.0.recover_key(&paper, |_| Ok(keeper)).expect("read");
        assert!(matches!(recovered, Recovery::Open(_)));
        let opened = it.start(keeper).expect("opened");
        assert!(!opened.is_sealed && opened.code.is_none() && it.holds(&key));
        it.0.note_formatted().expect("written");
        let sealed = it.start(Some(OWN)).expect("opened");
        assert!(matches!(sealed.news, KeyNews::Sealed) && sealed.is_sealed);
        assert!(sealed.code.is_none(), "somebody has it on paper");
        assert!(!it.holds(&key));
        let KeyPlace::Kept { payload, .. } = it.0.key_place().expect("read") else {
            panic!("no key");
        };
        let (_, code) = { OWN }.open(&payload).expect("opened");
        assert_eq!(code, paper);
    }
}

/// Seals as a TPM does, with an envelope, and remembers the codes itself.
#[derive(Clone, Copy)]
struct Remembering<'a>(&'a RefCell<Vec<RecoveryCode>>);

impl Keeper for Remembering<'_> {
    fn seal(&mut self, key: &DataKey, code: &RecoveryCode) -> Result<Vec<u8>, FirmwareError> {
        self.0.borrow_mut().push(code.clone());
        let mut blob = vec![0; 6];
        blob.extend_from_slice(&code.close(key));
        Ok(blob)
    }

    fn open(&mut self, blob: &[u8]) -> Result<(DataKey, RecoveryCode), FirmwareError> {
        let codes = self.0.borrow();
        let mut opened = codes.iter().filter_map(|code| {
            let key = open_by_code(blob, code).ok()??;
            Some((key, code.clone()))
        });
        opened.next().ok_or(FirmwareError::NotProved)
    }
}

#[test]
fn the_code_on_paper_counts_until_somebody_has_seen_the_one_that_was_asked_for() {
    let it = Kept::new("asked");
    let codes = RefCell::default();
    let start = || it.0.key_at_start(true, |_| Ok(Some(Remembering(&codes))));
    let recover = |code: &RecoveryCode| {
        let found = |_| Ok(Some(Remembering(&codes)));
        it.0.recover_key(code, found).expect("read")
    };
    let first = start().expect("made");
    let paper = first.code.expect("nobody has seen it");
    it.0.note_code(Code::Shown).expect("written");
    // Twice, as the first one is not looked at: the one on paper is still the same.
    for _ in 0..2 {
        it.0.note_code(Code::Renewed).expect("written");
        assert!(matches!(start().expect("opened").news, KeyNews::Renewed));
    }
    assert!(matches!(recover(&paper), Recovery::Sealed));
    // Another one is made all the same, as was asked for.
    let renewed = start().expect("opened");
    assert!(matches!(renewed.news, KeyNews::Renewed));
    assert_eq!(renewed.key.material(), first.key.material());
    let fresh = renewed.code.expect("nobody has seen it");
    it.0.note_code(Code::Shown).expect("written");
    assert!(matches!(recover(&paper), Recovery::Wrong));
    assert!(matches!(recover(&fresh), Recovery::Sealed));
}
