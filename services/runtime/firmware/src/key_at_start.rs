//! What a start of the box does about the key of the data: opens it, makes it, has it sealed.
//!
//! ```text
//!            start, no TPM or not yet proved good       start
//!  nothing ─────────────────────────────────────> open ───────> open
//!     │ start                                      │ start with a TPM, proved good
//!     └──────────────────────> sealed <────────────┘
//!                               │  ^ the recovery code, typed at the box
//!                               └──┘
//! ```
//! Every step is on the disk before the next. What a TPM sealed was opened by it once before
//! it is written, so it is never the only form of a key that nobody has proved.
//! Of two copies that differ, as the power failed between them, either opens the same data: where
//! the TPM does not open the sealed one, an open one beside it counts.

use crate::data_key::{Code, DataKey, Keeper, KeyPlace, Protection};
use crate::error::FirmwareError;
use crate::medium::Medium;
use crate::recovery::{Envelope, RecoveryCode};
use crate::state_file::StateFile;
use crate::tpm::{envelope_of, open_by_code};

/// The key, and what became of it.
pub struct OpenedKey {
    /// The key.
    pub key: DataKey,
    /// Whether the file system was made with it.
    pub is_formatted: bool,
    /// Whether a TPM keeps it.
    pub is_sealed: bool,
    /// The code that opens it elsewhere, when a TPM keeps it and nobody has seen the code.
    pub code: Option<RecoveryCode>,
    /// What people are to know.
    pub news: KeyNews,
}

/// What a start changed.
#[derive(Debug)]
pub enum KeyNews {
    /// Nothing.
    None,
    /// It was made, and is kept open: there is no TPM, or it is not asked yet.
    MadeOpen,
    /// It was made, and a TPM keeps it.
    MadeSealed,
    /// It was open, and a TPM keeps it now.
    Sealed,
    /// There is a TPM, and the key is kept open all the same.
    Refused(FirmwareError),
    /// It has another recovery code, as was asked for.
    Renewed,
    /// It was to have another recovery code, and has the one of before.
    NotRenewed(FirmwareError),
}

/// What became of a copy of the key that was damaged or older.
#[derive(Debug)]
pub enum Mended {
    /// There was none.
    Nothing,
    /// It is whole again.
    Copy,
    /// The disk does not take it: the key is in the other one only.
    Refused(FirmwareError),
}

/// How badly a keeper is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Without it nothing is opened.
    Must,
    /// It is used where it is.
    May,
}

/// What became of a recovery code that somebody typed.
#[derive(Debug)]
pub enum Recovery {
    /// It is not the code of these data, or no TPM keeps their key: nothing was changed.
    Wrong,
    /// It is, and the TPM that is there now keeps the key, with the same code.
    Sealed,
    /// It is, and the key is kept open: there is no TPM, or it refuses.
    Open(Option<FirmwareError>),
}

/// A key that is at hand.
struct AtHand {
    key: DataKey,
    is_formatted: bool,
    /// The code that it was opened by before it was kept open.
    paper: Option<(RecoveryCode, Code)>,
    how: How,
}

/// How it came to be.
enum How {
    /// It was just made, and is nowhere yet.
    Made,
    /// It is kept open.
    KeptOpen,
    /// It is open in one copy; the other one is sealed, and not opened.
    OpenBeside(FirmwareError),
}

impl<M: Medium> StateFile<M> {
    /// Opens the key that is kept, or makes one. `find` looks for the keeper of this box, anew for
    /// each dialogue; `may_seal` says whether it may be given a key that is not sealed yet.
    ///
    /// # Errors
    /// What is kept cannot be opened, or the disk does not take what is new. Nothing that is kept
    /// is overwritten then.
    pub fn key_at_start<K: Keeper>(
        &self,
        may_seal: bool,
        mut find: impl FnMut(Need) -> Result<Option<K>, FirmwareError>,
    ) -> Result<OpenedKey, FirmwareError> {
        let at_hand = match self.key_place()? {
            KeyPlace::Kept {
                protection: Protection::Tpm(code),
                is_formatted,
                payload,
                before,
                ..
            } => match open_sealed(&payload, &mut find) {
                Ok(opened) => {
                    let before = before.or_else(|| envelope_of(&payload));
                    return self.sealed_key(opened, is_formatted, code, before, find);
                }
                Err(error) => self.open_beside(error)?,
            },
            KeyPlace::Kept {
                protection: Protection::None,
                is_formatted,
                payload,
                paper,
                ..
            } => AtHand {
                key: open_key(&payload)?,
                is_formatted,
                paper,
                how: How::KeptOpen,
            },
            KeyPlace::Empty => AtHand {
                key: DataKey::fresh()?,
                is_formatted: false,
                paper: None,
                how: How::Made,
            },
            KeyPlace::Damaged => {
                return Err(FirmwareError::KeyLost("both copies of it are damaged"));
            }
        };
        let find = || if may_seal { find(Need::May) } else { Ok(None) };
        self.keep(at_hand, find)
    }

    /// A key that the TPM has opened; with another recovery code when that was asked for. Until
    /// somebody has seen that, the code `before` opens the key too: it is the one on paper.
    fn sealed_key<K: Keeper>(
        &self,
        (key, code): (DataKey, RecoveryCode),
        is_formatted: bool,
        seen: Code,
        before: Option<Vec<u8>>,
        mut find: impl FnMut(Need) -> Result<Option<K>, FirmwareError>,
    ) -> Result<OpenedKey, FirmwareError> {
        let (code, news) = match seen {
            Code::Unseen => (Some(code), KeyNews::None),
            Code::Shown => (None, KeyNews::None),
            Code::Renewed => {
                let fresh = RecoveryCode::fresh()?;
                match seal(find(Need::Must), &key, &fresh) {
                    Ok(Some(blob)) => {
                        let renewed = KeyPlace::Kept {
                            protection: Protection::Tpm(Code::Unseen),
                            is_formatted,
                            payload: blob,
                            paper: None,
                            before,
                        };
                        match self.keep_key(&renewed) {
                            Ok(()) => (Some(fresh), KeyNews::Renewed),
                            // The first copy that can be read is the one that counts.
                            Err(_) if self.key_place()? == renewed => {
                                (Some(fresh), KeyNews::Renewed)
                            }
                            Err(error) => (None, KeyNews::NotRenewed(error)),
                        }
                    }
                    Ok(None) => (None, KeyNews::NotRenewed(FirmwareError::NoTpm)),
                    Err(error) => (None, KeyNews::NotRenewed(error)),
                }
            }
        };
        Ok(OpenedKey {
            key,
            is_formatted,
            is_sealed: true,
            code,
            news,
        })
    }

    /// The copy of the key that is still open beside a sealed one that is not opened, for `error`.
    fn open_beside(&self, error: FirmwareError) -> Result<AtHand, FirmwareError> {
        for copy in self.key_copies()? {
            if let KeyPlace::Kept {
                protection: Protection::None,
                is_formatted,
                payload,
                paper,
                ..
            } = copy
            {
                return Ok(AtHand {
                    key: open_key(&payload)?,
                    is_formatted,
                    paper,
                    how: How::OpenBeside(error),
                });
            }
        }
        Err(error)
    }

    /// Has a key sealed where there is a keeper, and kept open where there is none.
    fn keep<K: Keeper>(
        &self,
        at_hand: AtHand,
        find: impl FnOnce() -> Result<Option<K>, FirmwareError>,
    ) -> Result<OpenedKey, FirmwareError> {
        let AtHand {
            key,
            is_formatted,
            paper,
            how,
        } = at_hand;
        // The code on paper goes on being the one that opens the key.
        let (code, seen) = match paper.clone() {
            Some(typed) => typed,
            None => (RecoveryCode::fresh()?, Code::Unseen),
        };
        let opened = |key, is_sealed, news| OpenedKey {
            key,
            is_formatted,
            is_sealed,
            code: (is_sealed && seen == Code::Unseen).then(|| code.clone()),
            news,
        };
        let open = || KeyPlace::Kept {
            protection: Protection::None,
            is_formatted,
            payload: key.material().to_vec(),
            paper: paper.clone(),
            before: None,
        };
        let refused = match seal(find(), &key, &code) {
            Ok(Some(blob)) => {
                let sealed = kept(Protection::Tpm(seen), is_formatted, blob);
                match (self.keep_key(&sealed), &how) {
                    (Ok(()), How::Made) => {
                        return Ok(opened(key, true, KeyNews::MadeSealed));
                    }
                    (Ok(()), How::KeptOpen | How::OpenBeside(_)) => {
                        return Ok(opened(key, true, KeyNews::Sealed));
                    }
                    (Err(error), _) if self.take_back(&open())? => Some(error),
                    (Err(error), _) => return Err(error),
                }
            }
            Ok(None) => None,
            Err(error) => Some(error),
        };
        let news = match how {
            How::Made => {
                self.keep_key(&open())?;
                refused.map_or(KeyNews::MadeOpen, KeyNews::Refused)
            }
            How::KeptOpen => refused.map_or(KeyNews::None, KeyNews::Refused),
            How::OpenBeside(error) => match self.keep_key(&open()) {
                Err(unwritten) if !self.take_back(&open())? => return Err(unwritten),
                Ok(()) | Err(_) => KeyNews::Refused(error),
            },
        };
        Ok(opened(key, false, news))
    }

    /// Mends the other copy of a key that was opened. One that the disk does not take stops nobody,
    /// unless it may hold the key open: then nobody is told that a TPM keeps it.
    ///
    /// # Errors
    /// A copy may hold open what a TPM is said to keep, and cannot be written.
    pub fn mend_opened(&self, opened: &OpenedKey) -> Result<Mended, FirmwareError> {
        match self.mend_key() {
            Ok(true) => Ok(Mended::Copy),
            Ok(false) => Ok(Mended::Nothing),
            Err(error) if opened.is_sealed && self.may_lie_open(&opened.key) => Err(error),
            Err(error) => Ok(Mended::Refused(error)),
        }
    }

    /// The file system was made: it is never made again.
    ///
    /// # Errors
    /// The device cannot be read or written.
    pub fn note_formatted(&self) -> Result<(), FirmwareError> {
        let mut place = self.key_place()?;
        let KeyPlace::Kept { is_formatted, .. } = &mut place else {
            return Err(FirmwareError::KeyLost(
                "it is no longer where it was written",
            ));
        };
        *is_formatted = true;
        self.keep_key(&place)
    }

    /// Notes who has seen the recovery code, or that another one is wanted. The code before ends
    /// when this one was shown. Whether there is one: whether a TPM keeps the key.
    ///
    /// # Errors
    /// The device cannot be read or written.
    pub fn note_code(&self, seen: Code) -> Result<bool, FirmwareError> {
        let mut place = self.key_place()?;
        let KeyPlace::Kept {
            protection: Protection::Tpm(code),
            before,
            ..
        } = &mut place
        else {
            return Ok(false);
        };
        *code = seen;
        if seen == Code::Shown {
            *before = None;
        }
        self.keep_key(&place)?;
        Ok(true)
    }

    /// Opens the key by its recovery code, where the TPM that sealed it does not, and has it sealed
    /// by the one that is there, or by one that is there later. The code stays the same, as
    /// somebody has written it down.
    ///
    /// # Errors
    /// The device cannot be read or written, or nothing in it can be opened by a code.
    pub fn recover_key<K: Keeper>(
        &self,
        code: &RecoveryCode,
        find: impl FnOnce(Need) -> Result<Option<K>, FirmwareError>,
    ) -> Result<Recovery, FirmwareError> {
        let Some((key, seen, is_formatted)) = self.opened_by(code)? else {
            return Ok(Recovery::Wrong);
        };
        let (place, outcome) = match seal(find(Need::May), &key, code) {
            Ok(Some(blob)) => {
                let sealed = kept(Protection::Tpm(seen), is_formatted, blob);
                (sealed, Recovery::Sealed)
            }
            refused => {
                let open = KeyPlace::Kept {
                    protection: Protection::None,
                    is_formatted,
                    payload: key.material().to_vec(),
                    paper: Some((code.clone(), seen)),
                    before: None,
                };
                (open, Recovery::Open(refused.err()))
            }
        };
        self.keep_key(&place)?;
        Ok(outcome)
    }

    /// What a code opens of the sealed copies: where the power failed as one gave way to another
    /// with a code of its own, the code that somebody has written down opens the older one only.
    fn opened_by(
        &self,
        code: &RecoveryCode,
    ) -> Result<Option<(DataKey, Code, bool)>, FirmwareError> {
        let mut unopened = Ok(None);
        for copy in self.key_copies()? {
            let KeyPlace::Kept {
                protection: Protection::Tpm(seen),
                is_formatted,
                payload,
                before,
                ..
            } = copy
            else {
                continue;
            };
            match open_by_code(&payload, code) {
                Ok(Some(key)) => return Ok(Some((key, seen, is_formatted))),
                Ok(None) => {
                    let before = before.and_then(|it| Envelope::decode(&it)?.open(code));
                    if let Some(key) = before {
                        // Another one was asked for, which nobody has seen: that goes on.
                        return Ok(Some((key, Code::Renewed, is_formatted)));
                    }
                }
                Err(error) => unopened = Err(error),
            }
        }
        unopened
    }
}

fn open_sealed<K: Keeper>(
    blob: &[u8],
    mut find: impl FnMut(Need) -> Result<Option<K>, FirmwareError>,
) -> Result<(DataKey, RecoveryCode), FirmwareError> {
    let mut keeper = find(Need::Must)?.ok_or(FirmwareError::NoTpm)?;
    keeper.open(blob)
}

fn open_key(payload: &[u8]) -> Result<DataKey, FirmwareError> {
    DataKey::from_bytes(payload).ok_or(FirmwareError::KeyLost("it has the wrong length"))
}

/// Sealed, and opened once as proof; `None` when there is no keeper.
fn seal<K: Keeper>(
    keeper: Result<Option<K>, FirmwareError>,
    key: &DataKey,
    code: &RecoveryCode,
) -> Result<Option<Vec<u8>>, FirmwareError> {
    let Some(mut keeper) = keeper? else {
        return Ok(None);
    };
    let blob = keeper.seal(key, code)?;
    let (key_again, code_again) = keeper.open(&blob)?;
    if key_again.material() == key.material() && code_again == *code {
        Ok(Some(blob))
    } else {
        Err(FirmwareError::NotProved)
    }
}

const fn kept(protection: Protection, is_formatted: bool, payload: Vec<u8>) -> KeyPlace {
    KeyPlace::Kept {
        protection,
        is_formatted,
        payload,
        paper: None,
        before: None,
    }
}

#[cfg(test)]
mod tests;
