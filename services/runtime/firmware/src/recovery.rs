//! The recovery code: opens the data where the TPM that keeps their key is gone.
//!
//! A code is 160 random bits, so nothing slow stands between it and the key. It encrypts one key
//! and never another: each sealing draws a code of its own.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::data_key::DataKey;
use crate::error::{FirmwareError, draw};

/// The code. Shown only when somebody asks for it, and overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; CODE_LENGTH]);

impl RecoveryCode {
    /// A fresh one.
    ///
    /// # Errors
    /// The kernel gives no random numbers.
    pub fn fresh() -> Result<Self, FirmwareError> {
        let mut code = Self([0; CODE_LENGTH]);
        draw(&mut code.0)?;
        Ok(code)
    }

    /// From what a TPM opened.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For a TPM that seals it.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; CODE_LENGTH] {
        &self.0
    }

    /// The key encrypted by the code, as it lies behind what a TPM sealed.
    #[must_use]
    pub fn close(&self, key: &DataKey) -> Vec<u8> {
        Envelope::close(key, self).encode()
    }

    /// The key again; `None` when another code has encrypted it.
    #[must_use]
    pub fn open(&self, closed: &[u8]) -> Option<DataKey> {
        Envelope::decode(closed)?.open(self)
    }

    /// Reads what somebody typed. Spaces, dashes and the case do not matter, and letters that are
    /// easily taken for digits are taken for them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = Self([0; CODE_LENGTH]);
        let mut digits = text
            .chars()
            .filter(|it| !matches!(it, ' ' | '-' | '\r'))
            .map(digit);
        for five in code.0.as_chunks_mut::<5>().0 {
            let mut bits = 0_u64;
            for _ in 0..8 {
                bits = bits << 5 | digits.next()??;
            }
            five.copy_from_slice(bits.to_be_bytes().last_chunk::<5>()?);
        }
        digits.next().is_none().then_some(code)
    }

    /// As it is shown: eight groups of four of Crockford's base 32.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut text = String::new();
        for five in self.0.as_chunks::<5>().0 {
            let bits = five
                .iter()
                .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                if text.len() % 5 == 4 {
                    text.push('-');
                }
                let digit = usize::try_from(bits >> (5 * place) & 31).unwrap_or(0);
                text.push(DIGITS.get(digit).copied().map_or('?', char::from));
            }
        }
        text
    }

    /// Bytes that only the code leads to, each label to others.
    fn derive(&self, label: &[u8], text: &[u8]) -> Hmac<Sha256> {
        let mut hmac = keyed(&self.0);
        hmac.update(label);
        hmac.update(text);
        hmac
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

impl Drop for RecoveryCode {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

/// A key, encrypted by a code.
pub(crate) struct Envelope {
    /// The key, each half with 32 bytes of its own added (one-time pad).
    text: [u8; KEY_LENGTH],
    /// Who has the code made it, of this text.
    proof: [u8; PROOF_LENGTH],
}

impl Envelope {
    pub(crate) fn close(key: &DataKey, code: &RecoveryCode) -> Self {
        let mut text = *key.material();
        mask(&mut text, code);
        let proof = code.derive(PROOF, &text).finalize().into_bytes().into();
        Self { text, proof }
    }

    pub(crate) fn open(&self, code: &RecoveryCode) -> Option<DataKey> {
        let proof = code.derive(PROOF, &self.text);
        proof.verify_slice(&self.proof).ok()?;
        let mut text = self.text;
        mask(&mut text, code);
        let key = DataKey::from_bytes(&text);
        text.fill(0);
        std::hint::black_box(&text);
        key
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        [&self.text[..], &self.proof].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (text, proof) = bytes.split_first_chunk()?;
        Some(Self {
            text: *text,
            proof: proof.try_into().ok()?,
        })
    }
}

fn mask(text: &mut [u8; KEY_LENGTH], code: &RecoveryCode) {
    for (place, half) in (0_u8..).zip(text.as_chunks_mut::<PROOF_LENGTH>().0) {
        let pad = code.derive(PAD, &[place]).finalize().into_bytes();
        half.iter_mut()
            .zip(pad)
            .for_each(|(byte, pad)| *byte ^= pad);
    }
}

#[expect(clippy::expect_used, reason = "an HMAC takes a key of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length")
}

/// The value of a digit.
fn digit(letter: char) -> Option<u64> {
    let letter = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = DIGITS.iter().position(|it| char::from(*it) == letter);
    place.and_then(|it| u64::try_from(it).ok())
}

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Bytes of a code.
pub(crate) const CODE_LENGTH: usize = 20;
/// Bytes of a key that a code has encrypted.
pub(crate) const ENVELOPE_LENGTH: usize = KEY_LENGTH + PROOF_LENGTH;
const KEY_LENGTH: usize = 64;
const PROOF_LENGTH: usize = 32;
const PAD: &[u8] = b"ramal data key, pad";
const PROOF: &[u8] = b"ramal data key, proof";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_as_people_type_it() {
        let code = RecoveryCode(
            *b"\x00\x01\x02\x03\xff\xfe\xfd\xfc\x10\x20\x30\x40\x50\x60\x70\x80\x90\xa0\xb0\xc0",
        );
        let shown = code.shown();
        assert_eq!(shown, "000G-40ZZ-ZVYZ-R410-6105-0R3G-G28A-1C60");
        let spoken = shown
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        for typed in [&*shown, &*format!("{spoken}\r"), &shown.replace('-', "")] {
            assert_eq!(RecoveryCode::parse(typed), Some(code.clone()), "{typed}");
        }
        for typed in [
            "",
            &shown[1..],
            &format!("{shown}0"),
            &shown.replace('Z', "U"),
            "é",
        ] {
            assert_eq!(RecoveryCode::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn only_its_code_opens_an_envelope_and_only_as_it_was_closed() {
        let (key, code) = (DataKey::from_bytes(&[0x41; 64]), RecoveryCode([7; 20]));
        let key = key.expect("a key");
        let closed = Envelope::close(&key, &code).encode();
        let open = |bytes: &[u8], code: &RecoveryCode| {
            let key = Envelope::decode(bytes)?.open(code)?;
            Some(*key.material())
        };
        assert_eq!(open(&closed, &code), Some([0x41; 64]));
        assert_eq!(open(&closed, &RecoveryCode([8; 20])), None);
        for place in 0..closed.len() {
            let mut changed = closed.clone();
            changed[place] ^= 1;
            assert_eq!(open(&changed, &code), None, "{place}");
        }
        assert_eq!(open(&closed[1..], &code), None);
        assert!(!closed.windows(4).any(|it| it == [0x41; 4]));
    }

    #[test]
    fn nothing_printed_holds_the_code() {
        assert_eq!(format!("{:?}", RecoveryCode([7; 20])), "RecoveryCode");
    }
}
