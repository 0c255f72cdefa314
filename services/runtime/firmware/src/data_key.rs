//! The key of the data: made on the first start, kept in the bootstate partition, destroyed by a
//! factory reset.
//!
//! Where the box has a TPM, what is kept is a blob that only this box's TPM opens; where it has
//! none, the key itself, which protects the data only when the disk is thrown away after a factory
//! reset, and the box says so. It is kept twice, as everything in that partition.
//!
//! ```text
//! "RMLDKEY1"  u8 protection  u8 whether the file system was made  u16 length  payload ...
//!             of an open key: u8 who has seen its recovery code, 0 for none  the code ...  u32 CRC
//!             of a sealed one: u8 whether there is another envelope  the envelope ...  u32 CRC
//! ```
//! Whoever can read the code there can read the key beside it.

use std::fmt;

use slot::crc32;
use slot::layout::{DATA_KEY_COPIES, WRITE_UNIT};

use crate::error::{FirmwareError, draw};
use crate::medium::Medium;
use crate::recovery::{CODE_LENGTH, ENVELOPE_LENGTH, RecoveryCode};
use crate::state_file::StateFile;

/// Two AES-256 keys for XTS. Never shown, and overwritten when dropped.
pub struct DataKey {
    material: Box<[u8; KEY_LENGTH]>,
}

/// Who keeps the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Nobody: it lies in the bootstate partition.
    None,
    /// The TPM of this box.
    Tpm(Code),
}

/// Who has seen the recovery code of a key that a TPM keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// Nobody.
    Unseen,
    /// Somebody, whom it was shown to: it is not shown again.
    Shown,
    /// The next start makes another one, which nobody has seen.
    Renewed,
}

/// Seals a key and opens what was sealed.
pub trait Keeper {
    /// A blob that only this keeper opens, or who has this recovery code.
    ///
    /// # Errors
    /// It does not work.
    fn seal(&mut self, key: &DataKey, code: &RecoveryCode) -> Result<Vec<u8>, FirmwareError>;

    /// Opens a blob: the key, and the blob's recovery code.
    ///
    /// # Errors
    /// It is not of this keeper, or it does not work.
    fn open(&mut self, blob: &[u8]) -> Result<(DataKey, RecoveryCode), FirmwareError>;
}

/// What the bootstate partition holds of the key.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// Nothing yet, or no longer.
    Empty,
    /// A key.
    Kept {
        /// By whom.
        protection: Protection,
        /// Whether the file system was made with it: it is never made again.
        is_formatted: bool,
        /// The key, or the blob.
        payload: Vec<u8>,
        /// Of an open key: the code that somebody has typed, which it is to be sealed by again.
        paper: Option<(RecoveryCode, Code)>,
        /// Of a sealed key whose code nobody has seen: what the code before it opens.
        before: Option<Vec<u8>>,
    },
    /// Something that cannot be read in either copy.
    Damaged,
}

impl KeyPlace {
    const fn is_formatted(&self) -> bool {
        matches!(
            self,
            Self::Kept {
                is_formatted: true,
                ..
            }
        )
    }

    const fn note_formatted(&mut self) {
        if let Self::Kept { is_formatted, .. } = self {
            *is_formatted = true;
        }
    }
}

impl fmt::Debug for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Kept { .. } => "Kept",
            Self::Damaged => "Damaged",
        })
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.material.fill(0);
        std::hint::black_box(&self.material);
    }
}

impl DataKey {
    /// A fresh one. Waits until the kernel has gathered enough randomness.
    ///
    /// # Errors
    /// The kernel gives none.
    pub fn fresh() -> Result<Self, FirmwareError> {
        let mut material = Box::new([0; KEY_LENGTH]);
        draw(&mut material[..])?;
        Ok(Self { material })
    }

    /// From what a keeper opened.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let material = Box::new(bytes.try_into().ok()?);
        Some(Self { material })
    }

    /// For the kernel, and for a keeper that seals it.
    #[must_use]
    pub const fn material(&self) -> &[u8; KEY_LENGTH] {
        &self.material
    }
}

impl<M: Medium> StateFile<M> {
    /// What is kept of the key: of the first copy that can be read.
    ///
    /// The first copy is on the disk before the second is begun. One that is torn, beside a second
    /// that is empty, is a key that was never used: the power failed as it was made.
    ///
    /// # Errors
    /// No copy holds a key, and one cannot be read.
    pub fn key_place(&self) -> Result<KeyPlace, FirmwareError> {
        Ok(match self.key_copies()? {
            [kept @ KeyPlace::Kept { .. }, _] | [_, kept @ KeyPlace::Kept { .. }] => kept,
            [_, KeyPlace::Empty] => KeyPlace::Empty,
            [_, KeyPlace::Damaged] => KeyPlace::Damaged,
        })
    }

    /// Each copy by itself. One that the disk does not read is as good as damaged beside a key, and
    /// mended as such.
    pub(crate) fn key_copies(&self) -> Result<[KeyPlace; 2], FirmwareError> {
        let copies = DATA_KEY_COPIES.map(|copy| self.block(copy));
        let place = |copy: &Result<_, _>| copy.as_ref().map_or(KeyPlace::Damaged, decode);
        let mut places = copies.each_ref().map(place);
        // The older copy may not know yet, and both are of the same key.
        if places.iter().any(KeyPlace::is_formatted) {
            places.iter_mut().for_each(KeyPlace::note_formatted);
        }
        let is_kept = |it: &KeyPlace| matches!(it, KeyPlace::Kept { .. });
        match copies.into_iter().find_map(Result::err) {
            // What cannot be read now may be whole: no other key is made in its place.
            Some(error) if !places.iter().any(is_kept) => Err(error),
            Some(_) | None => Ok(places),
        }
    }

    /// Writes the copy that is damaged or older, where the power failed or the disk has lost it,
    /// so that the loss of one later is no loss. Whether it had to. Only for who has opened what
    /// is kept: the older copy may be the one that can be opened.
    ///
    /// # Errors
    /// The device cannot be read or written.
    pub fn mend_key(&self) -> Result<bool, FirmwareError> {
        let place = self.key_place()?;
        if !matches!(place, KeyPlace::Kept { .. }) {
            return Ok(false);
        }
        let wanted = encode(&place)?;
        let mut is_mended = false;
        for copy in DATA_KEY_COPIES {
            if !self.block(copy).is_ok_and(|block| block == wanted) {
                self.write(copy, &wanted)?;
                is_mended = true;
            }
        }
        Ok(is_mended)
    }

    /// Whether a copy may hold this key open: it does, or what it holds cannot be read.
    pub(crate) fn may_lie_open(&self, key: &DataKey) -> bool {
        let holds = |block: &[u8; WRITE_UNIT]| {
            let mut pieces = block.windows(KEY_LENGTH);
            pieces.any(|piece| piece == key.material())
        };
        let mut copies = DATA_KEY_COPIES.iter().map(|copy| self.block(*copy));
        copies.any(|block| block.map_or(true, |block| holds(&block)))
    }

    /// Where a copy still holds this open key, as the disk did not take what was to be in its
    /// place: has the other one hold it again, when the disk takes that. Whether a copy does.
    pub(crate) fn take_back(&self, open: &KeyPlace) -> Result<bool, FirmwareError> {
        let is_open = self.key_copies()?.map(|copy| copy == *open);
        if is_open == [false; 2] {
            return Ok(false);
        }
        let block = encode(open)?;
        for (copy, is_open) in DATA_KEY_COPIES.into_iter().zip(is_open) {
            // Not over one that is whole: the power may fail.
            if !is_open {
                // The disk has perhaps just refused it.
                let _ = self.write(copy, &block);
            }
        }
        Ok(true)
    }

    /// Carries out a factory reset that was asked for; whether one was. Asked again after a power
    /// cut, it does all of it again.
    ///
    /// # Errors
    /// The device cannot be read or written.
    pub fn reset_when_asked(&self) -> Result<bool, FirmwareError> {
        if !self.read()?.wants_reset {
            return Ok(false);
        }
        self.destroy_key()?;
        self.change(|state| state.wants_reset = false)?;
        Ok(true)
    }

    /// Keeps a key twice; both copies are on the disk when this returns.
    ///
    /// # Errors
    /// The device cannot be written.
    pub fn keep_key(&self, place: &KeyPlace) -> Result<(), FirmwareError> {
        let block = encode(place)?;
        DATA_KEY_COPIES
            .iter()
            .try_for_each(|copy| self.write(*copy, &block))
    }

    /// Destroys the key, and with it what was encrypted: both copies are overwritten with random
    /// bytes and then with zeros, each on the disk before the next. When the power fails in between
    /// there is no key any more, or the whole one. A copy that the disk does not take holds the
    /// other one up no longer than it is tried.
    ///
    /// # Errors
    /// The device cannot be written; every copy was tried.
    pub fn destroy_key(&self) -> Result<(), FirmwareError> {
        let mut noise = [0; WRITE_UNIT];
        draw(&mut noise)?;
        let mut destroyed = Ok(());
        for block in [noise, [0; WRITE_UNIT]] {
            for copy in DATA_KEY_COPIES {
                let written = self.write(copy, &block);
                destroyed = destroyed.and(written);
            }
        }
        destroyed
    }
}

fn decode(block: &[u8; WRITE_UNIT]) -> KeyPlace {
    if block.iter().all(|byte| *byte == 0) {
        return KeyPlace::Empty;
    }
    try_decode(block).unwrap_or(KeyPlace::Damaged)
}

fn try_decode(block: &[u8]) -> Option<KeyPlace> {
    let (body, check) = block.split_last_chunk()?;
    let rest = body.strip_prefix(MAGIC)?;
    if u32::from_le_bytes(*check) != crc32(body) {
        return None;
    }
    let ([protection, formatted, low, high], rest) = rest.split_first_chunk()?;
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let (payload, rest) = rest.split_at_checked(length)?;
    let (protection, paper, before) = match protection {
        0 => (Protection::None, decode_paper(rest), None),
        other => (Protection::Tpm(seen(*other)?), None, decode_before(rest)),
    };
    Some(KeyPlace::Kept {
        protection,
        is_formatted: *formatted == 1,
        payload: payload.to_vec(),
        paper,
        before,
    })
}

fn decode_before(bytes: &[u8]) -> Option<Vec<u8>> {
    let (is_there, envelope) = bytes.split_first()?;
    let envelope = envelope.get(..ENVELOPE_LENGTH)?;
    (*is_there == 1).then(|| envelope.to_vec())
}

fn decode_paper(bytes: &[u8]) -> Option<(RecoveryCode, Code)> {
    let (number, code) = bytes.split_first()?;
    let code = RecoveryCode::from_bytes(code.get(..CODE_LENGTH)?)?;
    Some((code, seen(*number)?))
}

const fn seen(number: u8) -> Option<Code> {
    Some(match number {
        1 => Code::Unseen,
        2 => Code::Shown,
        3 => Code::Renewed,
        _ => return None,
    })
}

const fn number(seen: Code) -> u8 {
    match seen {
        Code::Unseen => 1,
        Code::Shown => 2,
        Code::Renewed => 3,
    }
}

fn encode(place: &KeyPlace) -> Result<[u8; WRITE_UNIT], FirmwareError> {
    let mut block = [0; WRITE_UNIT];
    let KeyPlace::Kept {
        protection,
        is_formatted,
        payload,
        paper,
        before,
    } = place
    else {
        return Ok(block);
    };
    let length = u16::try_from(payload.len()).ok();
    let length = length.filter(|length| usize::from(*length) <= PAYLOAD_MAX);
    let length = length.ok_or(FirmwareError::KeyLost("its sealed form is too long"))?;
    let (protection, paper, before) = match protection {
        Protection::None => (0, paper.as_ref(), None),
        Protection::Tpm(seen) => (number(*seen), None, before.as_ref()),
    };
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[protection, u8::from(*is_formatted)]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(payload);
    if let Some((code, seen)) = paper {
        bytes.push(number(*seen));
        bytes.extend_from_slice(code.bytes());
    }
    if let Some(envelope) = before {
        bytes.push(1);
        bytes.extend_from_slice(envelope);
    }
    bytes.resize(WRITE_UNIT - 4, 0);
    let check = crc32(&bytes);
    bytes.extend_from_slice(&check.to_le_bytes());
    block.copy_from_slice(&bytes);
    bytes.fill(0);
    std::hint::black_box(&bytes);
    Ok(block)
}

const KEY_LENGTH: usize = 64;
const MAGIC: &[u8] = b"RMLDKEY1";
/// With the 12 bytes before it, and behind it an envelope, which is longer than a code, and the
/// check.
const PAYLOAD_MAX: usize = WRITE_UNIT - 16 - 1 - ENVELOPE_LENGTH;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state_file::tests::Stand;

    fn kept(payload: &[u8], is_formatted: bool) -> KeyPlace {
        KeyPlace::Kept {
            protection: Protection::Tpm(Code::Unseen),
            is_formatted,
            payload: payload.to_vec(),
            paper: None,
            before: None,
        }
    }

    #[test]
    fn a_block_without_a_code_is_read_and_one_with_a_code_by_versions_that_know_of_none() {
        let code = RecoveryCode::fresh().expect("random");
        let open = |paper| KeyPlace::Kept {
            protection: Protection::None,
            is_formatted: true,
            payload: vec![7; 64],
            paper,
            before: None,
        };
        // As every version has written it.
        let mut block = [0; WRITE_UNIT];
        block[..12].copy_from_slice(b"RMLDKEY1\0\x01\x40\0");
        block[12..76].fill(7);
        let check = crc32(&block[..WRITE_UNIT - 4]);
        block[WRITE_UNIT - 4..].copy_from_slice(&check.to_le_bytes());
        assert_eq!(decode(&block), open(None));
        assert_eq!(encode(&open(None)).expect("fits"), block);
        let with_code = open(Some((code, Code::Shown)));
        let written = encode(&with_code).expect("fits");
        assert_eq!(decode(&written), with_code);
        // They look at the length, and not behind what is so long.
        assert_eq!(written[..76], block[..76]);
    }

    #[test]
    fn a_key_outlives_the_loss_of_either_copy() {
        let stand = Stand::new("key");
        let state = StateFile::open(&stand.0).expect("opened");
        assert_eq!(state.key_place().expect("read"), KeyPlace::Empty);
        let key = kept(&[7; 64], true);
        for lost in DATA_KEY_COPIES {
            state.keep_key(&key).expect("written");
            state.write(lost, &[0xa5; WRITE_UNIT]).expect("written");
            assert_eq!(state.key_place().expect("read"), key);
        }
    }

    #[test]
    fn a_key_that_is_damaged_in_both_copies_is_not_taken_for_none() {
        let stand = Stand::new("both");
        let state = StateFile::open(&stand.0).expect("opened");
        state.keep_key(&kept(&[7; 64], true)).expect("written");
        for copy in DATA_KEY_COPIES {
            let mut block = state.block(copy).expect("read");
            block[20] ^= 1;
            state.write(copy, &block).expect("written");
        }
        assert_eq!(state.key_place().expect("read"), KeyPlace::Damaged);
    }

    /// A copy as a disk leaves it that lost the power after so many sectors of it.
    fn torn(old: &[u8; WRITE_UNIT], new: &[u8; WRITE_UNIT], sectors: usize) -> [u8; WRITE_UNIT] {
        let mut torn = *old;
        torn[..sectors * 512].copy_from_slice(&new[..sectors * 512]);
        torn
    }

    #[test]
    fn a_power_cut_while_the_first_key_is_written_is_no_lost_key() {
        let stand = Stand::new("first");
        let state = StateFile::open(&stand.0).expect("opened");
        let key = encode(&kept(&[7; 64], false)).expect("fits");
        for sectors in 0..8 {
            let first = torn(&[0; WRITE_UNIT], &key, sectors);
            state.write(DATA_KEY_COPIES[0], &first).expect("written");
            let found = state.key_place().expect("read");
            assert_eq!(found, KeyPlace::Empty, "{sectors} sectors");
        }
    }

    #[test]
    fn a_power_cut_between_the_copies_is_mended_at_the_next_start() {
        let stand = Stand::new("between");
        let state = StateFile::open(&stand.0).expect("opened");
        let (before, after) = (kept(&[7; 64], false), kept(&[7; 64], true));
        state.keep_key(&before).expect("written");
        assert!(!state.mend_key().expect("nothing to mend"));
        let block = encode(&after).expect("fits");
        state.write(DATA_KEY_COPIES[0], &block).expect("written");
        assert!(state.mend_key().expect("mended"));
        // The first copy is lost later: the data were made all the same.
        let rot = [0xa5; WRITE_UNIT];
        state.write(DATA_KEY_COPIES[0], &rot).expect("written");
        assert_eq!(state.key_place().expect("read"), after);
    }

    #[test]
    fn nothing_of_a_destroyed_key_is_left() {
        let stand = Stand::new("destroyed");
        let state = StateFile::open(&stand.0).expect("opened");
        let key = DataKey::fresh().expect("random");
        let place = KeyPlace::Kept {
            protection: Protection::None,
            is_formatted: true,
            payload: key.material().to_vec(),
            paper: None,
            before: None,
        };
        state.keep_key(&place).expect("written");
        state.destroy_key().expect("written");
        assert_eq!(state.key_place().expect("read"), KeyPlace::Empty);
        let disk = std::fs::read(&stand.0).expect("read");
        let piece = &key.material()[..16];
        assert!(!disk.windows(16).any(|window| window == piece));
    }

    #[test]
    fn nothing_printed_holds_the_key() {
        let key = DataKey::from_bytes(&[0x41; 64]).expect("a key");
        let shown = format!("{key:?} {:?}", kept(key.material(), false));
        assert_eq!(shown, "DataKey Kept");
    }
}
