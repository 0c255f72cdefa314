//! The recovery code of the data: shown once, typed where the TPM is gone, kept beside the open key
//! until there is a TPM again, and replaced by another one when somebody has seen that.
//!
//! What was shown has to open the data, wherever the power fails, until something newer was.

use super::data_key::expect;
use super::site::{Site, Version, key_set};
use super::{Judge, Recorded};
use crate::fault::Fault;
use crate::part::Part;
use crate::start::{place, start};
use crate::view::View;
use firmware::{
    Code, DataKey, FirmwareError, Keeper, KeyNews, KeyPlace, OpenedKey, Protection, Recovery,
    RecoveryCode, StateFile,
};
use slot::partition;

pub(super) fn make() -> Recorded {
    let version = Version {
        name: "1.0.0",
        security: 0,
        keys: 1,
    };
    let site = Site::shipped(&version)?;
    let state = site.state()?;
    let disk = site.disk();

    let made = open(&state)?;
    let first = made.code.clone().ok_or_else(no_code)?;
    state.note_formatted()?;
    state.note_code(Code::Shown)?;
    disk.mark(FIRST_SHOWN);

    let without = state.recover_key(&first, |_| Ok(None::<Chip>))?;
    expect(matches!(without, Recovery::Open(None)), "it was not opened")?;
    disk.mark(TYPED);
    let again = open(&state)?;
    expect(matches!(again.news, KeyNews::Sealed), "it was not sealed")?;
    expect(again.code.is_none(), "the code on paper is not the code")?;
    disk.mark(SEALED_AGAIN);

    state.note_code(Code::Renewed)?;
    let renewed = open(&state)?;
    let second = renewed.code.clone().ok_or_else(no_code)?;
    expect(second != first, "it is the same code")?;
    disk.mark(RENEWED);
    state.note_code(Code::Shown)?;
    disk.mark(SECOND_SHOWN);

    let judge = Opens {
        key: *made.key.material(),
        codes: [first, second],
    };
    Ok((site.into_trace(), Box::new(judge)))
}

fn open<M: firmware::Medium>(state: &StateFile<M>) -> Result<OpenedKey, FirmwareError> {
    state.key_at_start(true, |_| Ok(Some(Chip)))
}

fn no_code() -> Fault {
    Fault::broken("there is no code to show")
}

/// Judges whether what people were shown opens the data.
struct Opens {
    key: [u8; 64],
    /// The code that was shown first, and the one that was asked for later.
    codes: [RecoveryCode; 2],
}

impl Judge for Opens {
    fn judge(&self, view: &View<'_>, told: &[&str], _number: usize) -> Result<(), Fault> {
        let started = start(view, view.length(), &key_set(1))?;
        let place = place(&started.table, partition::BOOTSTATE)?;
        let state = || StateFile::of(Part::new(view, place), "boot state");
        if !told.contains(&FIRST_SHOWN) {
            return Ok(());
        }
        let shown = self.shown(told, &state())?;
        // Whoever types it now, with the TPM gone; an open key needs none.
        let is_open = matches!(
            state().key_place()?,
            KeyPlace::Kept {
                protection: Protection::None,
                ..
            }
        );
        if !is_open {
            self.prove_opens(&state(), shown, "at once")?;
        }
        // And whoever types it after starts with a TPM, in which what was begun is gone on with.
        let opened = open(&state())?;
        expect(opened.is_sealed, "it is not sealed where there is a TPM")?;
        expect(opened.is_formatted, "the data would be made anew")?;
        expect(*opened.key.material() == self.key, "it opens other data")?;
        open(&state())?;
        self.prove_opens(&state(), shown, "after a start with a TPM")
    }
}

impl Opens {
    /// The code that has to open the data. That the second was shown is on the disk a moment before
    /// it is (decision 0026): from then on the first one has ended.
    fn shown<M: firmware::Medium>(
        &self,
        told: &[&str],
        state: &StateFile<M>,
    ) -> Result<&RecoveryCode, Fault> {
        let [first, second] = &self.codes;
        let is_about_to_be = || match state.key_place() {
            Ok(KeyPlace::Kept { protection, .. }) => Ok(protection == Protection::Tpm(Code::Shown)),
            Ok(KeyPlace::Empty | KeyPlace::Damaged) => Err(Fault::broken("there is no key")),
            Err(error) => Err(error.into()),
        };
        let is_second =
            told.contains(&SECOND_SHOWN) || (told.contains(&RENEWED) && is_about_to_be()?);
        Ok(if is_second { second } else { first })
    }

    fn prove_opens<M: firmware::Medium>(
        &self,
        state: &StateFile<M>,
        code: &RecoveryCode,
        when: &str,
    ) -> Result<(), Fault> {
        let outcome = state.recover_key(code, |_| Ok(Some(Chip)))?;
        if matches!(outcome, Recovery::Wrong) {
            let what = format!("the code that was shown does not open the data, {when}");
            return Err(Fault::Broken(what));
        }
        let opened = open(state)?;
        expect(*opened.key.material() == self.key, "it opens other data")
    }
}

/// Where a TPM would be: it keeps the code, and the code the key, as in a box with one.
#[derive(Clone, Copy)]
struct Chip;

impl Keeper for Chip {
    fn seal(&mut self, key: &DataKey, code: &RecoveryCode) -> Result<Vec<u8>, FirmwareError> {
        // Three parts, each after its length, as the sealed form of a TPM; as long as that is.
        let mut blob = vec![0, CODE_LENGTH];
        blob.extend(code.bytes().map(|byte| byte ^ MASK));
        blob.extend_from_slice(&[1, 0]);
        blob.resize(blob.len() + 256, 0x5a);
        blob.extend_from_slice(&[0, 0]);
        blob.extend_from_slice(&code.close(key));
        Ok(blob)
    }

    fn open(&mut self, blob: &[u8]) -> Result<(DataKey, RecoveryCode), FirmwareError> {
        let code = blob.get(2..2 + usize::from(CODE_LENGTH));
        let code: Option<Vec<u8>> = code.map(|it| it.iter().map(|byte| byte ^ MASK).collect());
        let code = code.and_then(|it| RecoveryCode::from_bytes(&it));
        let code = code.ok_or(FirmwareError::NotProved)?;
        let closed = blob.last_chunk::<CLOSED_LENGTH>();
        let key = closed.and_then(|it| code.open(it));
        Ok((key.ok_or(FirmwareError::NotProved)?, code))
    }
}

const CODE_LENGTH: u8 = 20;
/// The encrypted key and its proof.
const CLOSED_LENGTH: usize = 64 + 32;
const MASK: u8 = 0xa5;

const FIRST_SHOWN: &str = "a recovery code shown";
const TYPED: &str = "the code typed, without a TPM";
const SEALED_AGAIN: &str = "sealed again";
const RENEWED: &str = "another code made";
const SECOND_SHOWN: &str = "the other code shown";
