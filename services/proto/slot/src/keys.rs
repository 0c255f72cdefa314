//! Who may sign firmware: sets of Ed25519 keys, and how one set hands over to the next.
//!
//! A set has a threshold: so many of its keys must have signed. The set a box was flashed with is
//! in the loader; later ones are written to the bootstate partition, each signed by the one before
//! (as TUF's root role does, TUF specification §5.3). Nothing here has a date: a box without a
//! clock must be able to judge a signature.

use core::fmt;

use ed25519_dalek::VerifyingKey;
use sha2::{Digest as _, Sha256};

use crate::bytes::{Block, put};
use crate::crc32::crc32;
use crate::text::Text;

/// An Ed25519 public key (RFC 8032 §5.1.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PublicKey(pub [u8; 32]);

/// Names a key: the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct KeyId(pub [u8; 8]);

/// A signature and whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    /// Whose.
    pub key: KeyId,
    /// RFC 8032 §5.1.6.
    pub bytes: [u8; 64],
}

/// What a signature is for: none is valid for anything else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    Slot,
    KeySet,
    Update,
}

/// The keys that are trusted, and how many of them must sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeySet {
    /// 1 for the first, one more for each successor.
    pub version: u32,
    /// Whether these are development keys, which no customer's box may trust.
    pub is_development: bool,
    /// How many must sign, at least 1.
    pub threshold: u8,
    /// What people call the set.
    pub name: Text<32>,
    keys: [Option<PublicKey>; KEYS_MAX],
    /// By keys of the set before; the first set needs none.
    pub signatures: [Option<Signature>; KEYS_MAX],
}

/// Why bytes are no key set that can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeySetFault {
    /// Nothing was written there.
    Absent,
    /// The bytes are damaged or of another format.
    Damaged,
    /// The threshold is 0 or more than there are keys, or a key occurs twice.
    Threshold,
    /// It does not follow the set before it, or that set did not sign it.
    NotSuccessor,
}

impl fmt::Display for KeySetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "there is no key set",
            Self::Damaged => "the key set is damaged or of another format",
            Self::Threshold => "the key set asks for an impossible number of signatures",
            Self::NotSuccessor => "the key set is not signed by the one before it",
        })
    }
}

impl core::error::Error for KeySetFault {}

impl PublicKey {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(Block(&Sha256::digest(self.0)).array(0))
    }

    fn has_signed(&self, message: &[u8], signature: &Signature) -> bool {
        let bytes = ed25519_dalek::Signature::from_bytes(&signature.bytes);
        signature.key == self.id()
            && VerifyingKey::from_bytes(&self.0)
                .is_ok_and(|key| key.verify_strict(message, &bytes).is_ok())
    }
}

impl KeySet {
    /// A set of these keys.
    ///
    /// # Errors
    /// [`KeySetFault::Threshold`]: more than [`KEYS_MAX`] keys, one twice, or a threshold that they
    /// cannot meet.
    pub fn new(
        version: u32,
        name: Text<32>,
        threshold: u8,
        keys: &[PublicKey],
    ) -> Result<Self, KeySetFault> {
        let mut room = [None; KEYS_MAX];
        for (place, key) in keys.iter().enumerate() {
            *room.get_mut(place).ok_or(KeySetFault::Threshold)? = Some(*key);
        }
        let set = Self {
            version,
            is_development: false,
            threshold,
            name,
            keys: room,
            signatures: [None; KEYS_MAX],
        };
        set.checked()
    }

    fn checked(self) -> Result<Self, KeySetFault> {
        let is_twice = self.keys().enumerate().any(|(place, key)| {
            let mut before = self.keys().take(place);
            before.any(|other| other == key)
        });
        let count = self.keys().count();
        if is_twice || self.version == 0 || self.threshold == 0 {
            return Err(KeySetFault::Threshold);
        }
        if usize::from(self.threshold) > count {
            return Err(KeySetFault::Threshold);
        }
        Ok(self)
    }

    /// Its keys.
    pub fn keys(&self) -> impl Iterator<Item = PublicKey> {
        self.keys.into_iter().flatten()
    }

    /// What a key of the set before must sign to make this one its successor.
    #[must_use]
    pub fn message(&self) -> [u8; MESSAGE_LENGTH] {
        message(Purpose::KeySet, &Sha256::digest(self.body()).into())
    }

    /// Whether enough keys of this set have signed `message`.
    #[must_use]
    pub fn approves(
        &self,
        message: &[u8; MESSAGE_LENGTH],
        signatures: &[Option<Signature>],
    ) -> bool {
        let signers = self.keys().filter(|key| {
            let mut signatures = signatures.iter().flatten();
            signatures.any(|signature| key.has_signed(message, signature))
        });
        signers.count() >= usize::from(self.threshold)
    }

    /// The set that `bytes` hold, when this one has signed it.
    ///
    /// # Errors
    /// They hold none, or one that does not follow this one.
    pub fn successor(&self, bytes: &[u8]) -> Result<Self, KeySetFault> {
        let next = Self::decode(bytes)?;
        let follows = next.version == self.version.wrapping_add(1)
            && (self.is_development || !next.is_development);
        if follows && self.approves(&next.message(), &next.signatures) {
            Ok(next)
        } else {
            Err(KeySetFault::NotSuccessor)
        }
    }

    /// This set and those of a chain of places that each hold [`KEY_SET_LENGTH`] bytes; it ends at
    /// the first that is empty, damaged or not signed by the one before.
    pub fn chain_of<'a>(self, chain: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = Self> {
        let mut last = self;
        let later = chain.take(CHAIN_LENGTH_MAX).map_while(move |bytes| {
            last = last.successor(bytes).ok()?;
            Some(last)
        });
        core::iter::once(self).chain(later)
    }

    /// The last set of such a chain.
    #[must_use]
    pub fn last_of<'a>(self, chain: impl Iterator<Item = &'a [u8]>) -> Self {
        self.chain_of(chain).last().unwrap_or(self)
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; KEY_SET_LENGTH] {
        let mut block = [0; KEY_SET_LENGTH];
        put(&mut block, 0, &self.body());
        put_signatures(&mut block, SIGNATURES, &self.signatures);
        let check = crc32(block.get(..CHECK).unwrap_or_default());
        put(&mut block, CHECK, &check.to_le_bytes());
        block
    }

    /// Everything but signatures and check value.
    fn body(&self) -> [u8; SIGNATURES] {
        let mut body = [0; SIGNATURES];
        put(&mut body, 0, MAGIC);
        put(&mut body, 8, &self.version.to_le_bytes());
        let flags = u8::from(self.is_development);
        put(&mut body, 12, &[self.threshold, flags]);
        put(&mut body, 16, self.name.room());
        for (place, key) in self.keys().enumerate() {
            put(&mut body, KEYS + place * 32, &key.0);
        }
        body
    }

    /// Reads a set; says nothing of whether it may be trusted.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeySetFault> {
        let block = bytes.get(..KEY_SET_LENGTH).ok_or(KeySetFault::Damaged)?;
        if block.iter().all(|byte| *byte == 0) {
            return Err(KeySetFault::Absent);
        }
        let read = Block(block);
        let check = crc32(block.get(..CHECK).unwrap_or_default());
        if read.array(0) != *MAGIC || read.u32(CHECK) != check {
            return Err(KeySetFault::Damaged);
        }
        let mut keys = [None; KEYS_MAX];
        for (place, key) in keys.iter_mut().enumerate() {
            let bytes: [u8; 32] = read.array(KEYS + place * 32);
            *key = (bytes != [0; 32]).then_some(PublicKey(bytes));
        }
        let set = Self {
            version: read.u32(8),
            threshold: read.u8(12),
            is_development: read.u8(13) & 1 == 1,
            name: Text::read(read.array(16)).map_err(|_| KeySetFault::Damaged)?,
            keys,
            signatures: signatures(read, SIGNATURES),
        };
        // What is not read would not be signed.
        if set.encode() != block {
            return Err(KeySetFault::Damaged);
        }
        set.checked()
    }
}

/// What is signed: what the signature is for, and the SHA-256 of the matter.
pub(crate) fn message(purpose: Purpose, digest: &[u8; 32]) -> [u8; MESSAGE_LENGTH] {
    let mut message = [0; MESSAGE_LENGTH];
    let context: &[u8; 16] = match purpose {
        Purpose::Slot => b"ramal slot 1\0\0\0\0",
        Purpose::KeySet => b"ramal key set 1\0",
        Purpose::Update => b"ramal update 1\0\0",
    };
    put(&mut message, 0, context);
    put(&mut message, 16, digest);
    message
}

/// What a key must sign to vouch for an update whose manifest has this SHA-256.
#[must_use]
pub fn update_message(manifest: &[u8; 32]) -> [u8; MESSAGE_LENGTH] {
    message(Purpose::Update, manifest)
}

/// Reads [`KEYS_MAX`] signatures; a place that is all zero has none.
pub(crate) fn signatures(block: Block<'_>, at: usize) -> [Option<Signature>; KEYS_MAX] {
    let mut all = [None; KEYS_MAX];
    for (place, signature) in all.iter_mut().enumerate() {
        let at = at + place * SIGNATURE_LENGTH;
        let bytes: [u8; SIGNATURE_LENGTH] = block.array(at);
        *signature = (bytes != [0; SIGNATURE_LENGTH]).then_some(Signature {
            key: KeyId(block.array(at)),
            bytes: block.array(at + 8),
        });
    }
    all
}

/// Writes signatures as [`signatures`] reads them.
pub(crate) fn put_signatures(block: &mut [u8], at: usize, all: &[Option<Signature>; KEYS_MAX]) {
    for (place, signature) in all.iter().enumerate() {
        let at = at + place * SIGNATURE_LENGTH;
        if let Some(signature) = signature {
            put(block, at, &signature.key.0);
            put(block, at + 8, &signature.bytes);
        }
    }
}

/// Most keys of a set.
pub const KEYS_MAX: usize = 4;

/// Most sets after the first. A box that has seen them all takes no further one.
pub const CHAIN_LENGTH_MAX: usize = 16;

/// Bytes of a set.
pub const KEY_SET_LENGTH: usize = 512;

/// Bytes of what is signed: what for, and a SHA-256.
pub const MESSAGE_LENGTH: usize = 48;

pub(crate) const SIGNATURE_LENGTH: usize = 72;
const MAGIC: &[u8; 8] = b"RMLKEYS1";
const KEYS: usize = 64;
const SIGNATURES: usize = KEYS + KEYS_MAX * 32;
const CHECK: usize = KEY_SET_LENGTH - 4;

#[cfg(test)]
pub(crate) mod tests {
    use std::vec::Vec;

    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    pub(crate) fn signer(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    pub(crate) fn public(seed: u8) -> PublicKey {
        PublicKey(signer(seed).verifying_key().to_bytes())
    }

    pub(crate) fn sign(seed: u8, message: &[u8]) -> Signature {
        let bytes = signer(seed).sign(message).to_bytes();
        Signature {
            key: public(seed).id(),
            bytes,
        }
    }

    pub(crate) fn set(version: u32, threshold: u8, seeds: &[u8]) -> KeySet {
        let keys: Vec<_> = seeds.iter().map(|seed| public(*seed)).collect();
        KeySet::new(version, Text::new("test").unwrap(), threshold, &keys).unwrap()
    }

    fn signed(mut set: KeySet, seeds: &[u8]) -> KeySet {
        for (place, seed) in seeds.iter().enumerate() {
            set.signatures[place] = Some(sign(*seed, &set.message()));
        }
        set
    }

    #[test]
    fn a_set_that_enough_old_keys_signed_takes_over() {
        let first = set(1, 2, &[1, 2, 3]);
        let second = signed(set(2, 1, &[4, 5]), &[1, 3]);
        assert_eq!(first.successor(&second.encode()), Ok(second));
        let third = signed(set(3, 1, &[6]), &[5]);
        let chain = [second.encode(), third.encode(), [0; KEY_SET_LENGTH]];
        assert_eq!(first.last_of(chain.iter().map(|it| &it[..])), third);
    }

    #[test]
    fn a_set_that_too_few_signed_is_not_trusted() {
        let first = set(1, 2, &[1, 2, 3]);
        let refused = Err(KeySetFault::NotSuccessor);
        for signers in [&[1][..], &[1, 1], &[1, 4], &[]] {
            let second = signed(set(2, 1, &[4, 5]), signers);
            assert_eq!(first.successor(&second.encode()), refused, "{signers:?}");
        }
        let skipped = signed(set(3, 1, &[4]), &[1, 2]);
        assert_eq!(first.successor(&skipped.encode()), refused);
        let again = signed(set(1, 1, &[4]), &[1, 2]);
        assert_eq!(first.successor(&again.encode()), refused);
    }

    #[test]
    fn release_keys_never_hand_over_to_development_keys() {
        let first = set(1, 1, &[1]);
        let mut second = set(2, 1, &[2]);
        second.is_development = true;
        let second = signed(second, &[1]);
        assert_eq!(
            first.successor(&second.encode()),
            Err(KeySetFault::NotSuccessor)
        );
    }

    #[test]
    fn a_chain_ends_at_what_is_damaged() {
        let first = set(1, 1, &[1]);
        let second = signed(set(2, 1, &[2]), &[1]);
        let third = signed(set(3, 1, &[3]), &[2]).encode();
        for place in 0..KEY_SET_LENGTH {
            let mut damaged = third;
            damaged[place] ^= 0x10;
            let chain = [second.encode(), damaged];
            assert_eq!(
                first.last_of(chain.iter().map(|it| &it[..])),
                second,
                "byte {place}"
            );
        }
    }

    #[test]
    fn impossible_thresholds_are_refused() {
        let name = Text::new("test").unwrap();
        for (threshold, keys) in [
            (0, &[1][..]),
            (2, &[1]),
            (1, &[1, 1]),
            (1, &[1, 2, 3, 4, 5]),
        ] {
            let keys: Vec<_> = keys.iter().map(|seed| public(*seed)).collect();
            assert_eq!(
                KeySet::new(1, name, threshold, &keys),
                Err(KeySetFault::Threshold)
            );
        }
        assert_eq!(
            KeySet::decode(&[0; KEY_SET_LENGTH]),
            Err(KeySetFault::Absent)
        );
        assert_eq!(KeySet::decode(&[0; 9]), Err(KeySetFault::Damaged));
    }
}
