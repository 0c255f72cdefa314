//! The key of the data with a TPM: kept open first, as no TPM was there, then sealed, its recovery
//! code seen and renewed, destroyed by a factory reset, and made again, sealed from the beginning.
//!
//! What the TPM does is not what is judged here, so it is a mask.

use super::data_key::{expect, never_again};
use super::site::{Site, Version, key_set};
use super::{Judge, Recorded};
use crate::fault::Fault;
use crate::part::Part;
use crate::start::{place, read_table, start};
use crate::view::View;
use firmware::{
    Code, DataKey, FirmwareError, Keeper, KeyNews, KeyPlace, OpenedKey, Protection, RecoveryCode,
    StateFile,
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

    let first = open(&state, None)?;
    expect(matches!(first.news, KeyNews::MadeOpen), "no key was made")?;
    state.note_formatted()?;
    disk.mark(STORED);
    let sealed = open(&state, Some(Mask))?;
    expect(matches!(sealed.news, KeyNews::Sealed), "it was not sealed")?;
    disk.mark(SEALED);
    state.note_code(Code::Shown)?;
    state.note_code(Code::Renewed)?;
    let renewed = open(&state, Some(Mask))?;
    let is_renewed = matches!(renewed.news, KeyNews::Renewed);
    expect(is_renewed, "it has no other recovery code")?;
    forget(&state, &site)?;

    let second = open(&state, Some(Mask))?;
    expect(
        matches!(second.news, KeyNews::MadeSealed),
        "it was not sealed",
    )?;
    state.note_formatted()?;
    disk.mark(STORED_SEALED);
    forget(&state, &site)?;
    let keys = [first, second].map(|it| *it.key.material());
    Ok((site.into_trace(), Box::new(OpenOrSealed { keys })))
}

fn forget<M: firmware::Medium>(state: &StateFile<M>, site: &Site) -> Result<(), Fault> {
    state.change(|it| it.wants_reset = true)?;
    site.disk().mark(ASKED);
    state.reset_when_asked()?;
    site.disk().mark(FORGOTTEN);
    Ok(())
}

fn open<M: firmware::Medium>(
    state: &StateFile<M>,
    mask: Option<Mask>,
) -> Result<OpenedKey, FirmwareError> {
    state.key_at_start(true, |_| Ok(mask))
}

/// Judges a key that was open and gave way to its sealed form.
pub struct OpenOrSealed {
    /// The key, and the one after a factory reset.
    pub keys: [[u8; 64]; 2],
}

impl Judge for OpenOrSealed {
    fn judge(&self, view: &View<'_>, told: &[&str], _number: usize) -> Result<(), Fault> {
        let (table, _) = read_table(view, view.length())?;
        let never = |key: &[u8; 64], is_masked: bool| {
            let bytes = if is_masked { masked(key) } else { *key };
            never_again(view, &table, bytes)
        };
        let forgotten = told.iter().filter(|it| **it == FORGOTTEN).count();
        let is_sealed = forgotten == 1 || told.contains(&SEALED);
        // Also before anything is mended: whoever takes the disk out does not start the box.
        if let (true, Some(key)) = (is_sealed, self.keys.get(forgotten)) {
            never(key, false)?;
        }
        let started = start(view, view.length(), &key_set(1))?;
        for old in self.keys.iter().take(forgotten) {
            never(old, false)?;
            never(old, true)?;
        }
        let Some(key) = self.keys.get(forgotten) else {
            return expect(started.key == KeyPlace::Empty, "a key came from nowhere");
        };
        let found = match &started.key {
            KeyPlace::Kept {
                protection,
                is_formatted,
                payload,
                ..
            } => {
                let opened = match protection {
                    Protection::None => payload.clone(),
                    Protection::Tpm(_) => Mask.open(payload)?.0.material().to_vec(),
                };
                expect(opened == key, "the key that is kept opens other data")?;
                // As the box opens it.
                let place = place(&started.table, partition::BOOTSTATE)?;
                let state = StateFile::of(Part::new(view, place), "boot state");
                let again = open(&state, Some(Mask))?;
                expect(again.key.material() == key, "the box opens other data")?;
                Some((*protection, *is_formatted))
            }
            KeyPlace::Empty | KeyPlace::Damaged => None,
        };
        let is_stored = matches!(found, Some((_, true)));
        if found.is_none() && started.was_reset {
            never(key, false)?;
            never(key, true)?;
        }
        if is_sealed {
            expect(
                !matches!(found, Some((Protection::None, _))),
                "the key is open again",
            )?;
        }
        let last = told.last().copied();
        match last {
            None | Some(FORGOTTEN) => Ok(()),
            Some(ASKED) => expect(found.is_none(), "the factory reset was forgotten"),
            Some(_) => {
                let is_right = is_stored || (found.is_none() && started.was_reset);
                expect(is_right, "what was stored is lost without a factory reset")
            }
        }
    }
}

/// Where a TPM would be.
#[derive(Clone, Copy)]
pub struct Mask;

impl Keeper for Mask {
    fn seal(&mut self, key: &DataKey, code: &RecoveryCode) -> Result<Vec<u8>, FirmwareError> {
        // As long as a TPM's is, so that it lies in as many sectors.
        let mut blob = masked(key.material()).to_vec();
        blob.extend_from_slice(code.bytes());
        blob.resize(BLOB_LENGTH, 0x5a);
        Ok(blob)
    }

    fn open(&mut self, blob: &[u8]) -> Result<(DataKey, RecoveryCode), FirmwareError> {
        let key = blob.first_chunk().map(masked);
        let key = key.and_then(|it| DataKey::from_bytes(&it));
        let code = blob.get(64..84).and_then(RecoveryCode::from_bytes);
        key.zip(code).ok_or(FirmwareError::NotProved)
    }
}

fn masked(key: &[u8; 64]) -> [u8; 64] {
    key.map(|byte| byte ^ 0xa5)
}

const BLOB_LENGTH: usize = 400;

/// Acknowledged: the file system was made with an open key.
pub const STORED: &str = "stored, key open";
/// Acknowledged: the key is sealed.
pub const SEALED: &str = "key sealed";
const ASKED: &str = "factory reset asked for";
const FORGOTTEN: &str = "factory reset done";
const STORED_SEALED: &str = "stored, key sealed";
