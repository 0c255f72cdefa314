//! What a start of the box does about the key of the data: opens it, makes it, has it sealed.
//!
//! ```text
//!            start, no TPM or not yet proved good       start
//!  nothing ─────────────────────────────────────> open ───────> open
//!     │ start                                      │ start with a TPM, proved good
//!     └──────────────────────> sealed <────────────┘
//!                                └──> open again only by the recovery code, in the rescue system
//! ```
//! Every step is on the disk before the next. What a TPM sealed was opened by it once before
//! it is written, so it is never the only form of a key that nobody has proved.

use crate::data_key::{DataKey, Keeper, KeyPlace, Protection};
use crate::error::FirmwareError;
use crate::medium::Medium;
use crate::recovery::RecoveryCode;
use crate::state_file::StateFile;
use crate::tpm::open_by_code;

/// The key, and what became of it.
pub struct OpenedKey {
    /// The key.
    pub key: DataKey,
    /// Whether the file system was made with it.
    pub is_formatted: bool,
    /// The code that opens it elsewhere, when a TPM keeps it.
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
}

/// How badly a keeper is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Without it nothing is opened.
    Must,
    /// It is used where it is.
    May,
}

impl<M: Medium> StateFile<M> {
    /// Opens the key that is kept, or makes one. `find` looks for the keeper of this box; `may_seal`
    /// says whether it may be given a key that is not sealed yet.
    ///
    /// # Errors
    /// What is kept cannot be opened, or the disk does not take what is new. Nothing that is kept
    /// is overwritten then.
    pub fn key_at_start<K: Keeper>(
        &self,
        may_seal: bool,
        find: impl FnOnce(Need) -> Result<Option<K>, FirmwareError>,
    ) -> Result<OpenedKey, FirmwareError> {
        let (key, is_formatted, is_new) = match self.key_place()? {
            KeyPlace::Kept {
                protection: Protection::Tpm,
                is_formatted,
                payload,
            } => {
                let mut keeper = find(Need::Must)?.ok_or(FirmwareError::NoTpm)?;
                let (key, code) = keeper.open(&payload)?;
                return Ok(OpenedKey {
                    key,
                    is_formatted,
                    code: Some(code),
                    news: KeyNews::None,
                });
            }
            KeyPlace::Kept {
                protection: Protection::None,
                is_formatted,
                payload,
            } => {
                let key = DataKey::from_bytes(&payload);
                let key = key.ok_or(FirmwareError::KeyLost("it has the wrong length"))?;
                (key, is_formatted, false)
            }
            KeyPlace::Empty => (DataKey::fresh()?, false, true),
            KeyPlace::Damaged => {
                return Err(FirmwareError::KeyLost("both copies of it are damaged"));
            }
        };
        let keeper = if may_seal { find(Need::May) } else { Ok(None) };
        let sealed = keeper.and_then(|keeper| keeper.map(|it| sealed(it, &key)).transpose());
        let (place, code, news) = match sealed {
            Ok(Some((payload, code))) => {
                let news = if is_new {
                    KeyNews::MadeSealed
                } else {
                    KeyNews::Sealed
                };
                (
                    Some(kept(Protection::Tpm, is_formatted, payload)),
                    Some(code),
                    news,
                )
            }
            otherwise => {
                let open = || kept(Protection::None, is_formatted, key.material().to_vec());
                let news = match otherwise {
                    Err(error) => KeyNews::Refused(error),
                    Ok(_) if is_new => KeyNews::MadeOpen,
                    Ok(_) => KeyNews::None,
                };
                (is_new.then(open), None, news)
            }
        };
        if let Some(place) = place {
            self.keep_key(&place)?;
        }
        Ok(OpenedKey {
            key,
            is_formatted,
            code,
            news,
        })
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

    /// Keeps the key open again by its recovery code, so that the next start has it sealed by the
    /// TPM that is there then. Whether the code was right.
    ///
    /// # Errors
    /// The device cannot be read or written.
    pub fn recover_key(&self, code: &RecoveryCode) -> Result<bool, FirmwareError> {
        let KeyPlace::Kept {
            protection: Protection::Tpm,
            is_formatted,
            payload,
        } = self.key_place()?
        else {
            return Ok(false);
        };
        let Some(key) = open_by_code(&payload, code) else {
            return Ok(false);
        };
        let open = kept(Protection::None, is_formatted, key.material().to_vec());
        self.keep_key(&open)?;
        Ok(true)
    }
}

/// Sealed, and opened once as proof.
fn sealed<K: Keeper>(
    mut keeper: K,
    key: &DataKey,
) -> Result<(Vec<u8>, RecoveryCode), FirmwareError> {
    let blob = keeper.seal(key)?;
    let (again, code) = keeper.open(&blob)?;
    if again.material() == key.material() {
        Ok((blob, code))
    } else {
        Err(FirmwareError::NotProved)
    }
}

const fn kept(protection: Protection, is_formatted: bool, payload: Vec<u8>) -> KeyPlace {
    KeyPlace::Kept {
        protection,
        is_formatted,
        payload,
    }
}
