//! The first 4096 bytes of a slot: what is in it, for which hardware, and who signed it.
//!
//! Written last, so that a slot is either whole or has no header.

use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::bytes::{Block, put};
use crate::crc32::crc32;
use crate::keys::{
    KEYS_MAX, KeySet, MESSAGE_LENGTH, Purpose, Signature, message, put_signatures, signatures,
};
use crate::layout::SLOT_LENGTH;
use crate::text::Text;

/// Where a part lies in the slot, in bytes from the slot's beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    /// Its first byte; a multiple of [`HEADER_LENGTH`].
    pub start: u64,
    /// How many bytes.
    pub length: u64,
}

impl Extent {
    /// The byte after its last, when that is in a slot.
    const fn end(self) -> Option<u64> {
        match self.start.checked_add(self.length) {
            Some(end) if end <= SLOT_LENGTH => Some(end),
            Some(_) | None => None,
        }
    }
}

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// What it runs on, as `ramal-x86_64`.
    pub hardware: Text<24>,
    /// As people call it, as `1.4.2`.
    pub version: Text<40>,
    /// Rises when an older version must never run again.
    pub security: u64,
    /// When its source was committed, Unix seconds.
    pub built: u64,
    /// Kernel, stage-1 and command line in one EFI program.
    pub uki: Extent,
    /// SHA-256 of the UKI.
    pub uki_sha256: [u8; 32],
    /// The root, a squashfs. Nothing in the header of the rescue system, which has none.
    pub root: Extent,
    /// Its hash tree (dm-verity, version 1, SHA-256, blocks of 4096 bytes, without superblock).
    pub verity: Extent,
    /// The hash of the tree's top block with the salt.
    pub root_hash: [u8; 32],
    /// The salt.
    pub salt: [u8; 32],
    /// By keys that the box trusts.
    pub signatures: [Option<Signature>; KEYS_MAX],
}

/// Why a header is not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderFault {
    /// No slot was written there.
    Empty,
    /// The bytes are damaged or of another format.
    Damaged,
    /// Not enough trusted keys have signed it.
    NotSigned,
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the slot is empty",
            Self::Damaged => "the slot's header is damaged or of another format",
            Self::NotSigned => "the slot is not signed by keys this box trusts",
        })
    }
}

impl core::error::Error for HeaderFault {}

impl Header {
    /// Reads a header and checks who signed it.
    ///
    /// # Errors
    /// Nothing of the slot may be used then.
    pub fn verify(bytes: &[u8], trusted: &KeySet) -> Result<Self, HeaderFault> {
        let header = Self::decode(bytes)?;
        if trusted.approves(&header.message(), &header.signatures) {
            Ok(header)
        } else {
            Err(HeaderFault::NotSigned)
        }
    }

    /// Reads a header without asking who signed it: for showing it only.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let block = bytes.get(..HEADER_LENGTH).ok_or(HeaderFault::Damaged)?;
        if block.iter().all(|byte| *byte == 0) || block.iter().all(|byte| *byte == 0xff) {
            return Err(HeaderFault::Empty);
        }
        let read = Block(block);
        let check = crc32(block.get(..CHECK).unwrap_or_default());
        if read.array(0) != *MAGIC || read.u32(CHECK) != check {
            return Err(HeaderFault::Damaged);
        }
        let extent = |at| Extent {
            start: read.u64(at),
            length: read.u64(at + 8),
        };
        let header = Self {
            hardware: Text::read(read.array(16)).map_err(|_| HeaderFault::Damaged)?,
            version: Text::read(read.array(40)).map_err(|_| HeaderFault::Damaged)?,
            security: read.u64(80),
            built: read.u64(88),
            uki: extent(96),
            root: extent(112),
            verity: extent(128),
            uki_sha256: read.array(144),
            root_hash: read.array(176),
            salt: read.array(208),
            signatures: signatures(read, SIGNATURES),
        };
        // What is not read would not be signed.
        if header.encode() == block && header.is_in_order() {
            Ok(header)
        } else {
            Err(HeaderFault::Damaged)
        }
    }

    /// Whether its parts follow each other, each on a block of its own.
    fn is_in_order(&self) -> bool {
        let mut end = HEADER_LENGTH as u64;
        for extent in [self.uki, self.root, self.verity] {
            let Some(after) = extent.end() else {
                return false;
            };
            let is_aligned = extent.start % (HEADER_LENGTH as u64) == 0;
            if extent.length > 0 && (!is_aligned || extent.start < end) {
                return false;
            }
            end = end.max(after);
        }
        self.uki.length > 0 && (self.root.length == 0) == (self.verity.length == 0)
    }

    /// Bytes of the slot that are in use, from its beginning.
    #[must_use]
    pub fn used(&self) -> u64 {
        let ends = [self.uki, self.root, self.verity].map(Extent::end);
        ends.into_iter().flatten().max().unwrap_or_default()
    }

    /// What a key must sign.
    #[must_use]
    pub fn message(&self) -> [u8; MESSAGE_LENGTH] {
        message(Purpose::Slot, &Sha256::digest(self.body()).into())
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LENGTH] {
        let mut block = [0; HEADER_LENGTH];
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
        put(&mut body, 16, self.hardware.room());
        put(&mut body, 40, self.version.room());
        put(&mut body, 80, &self.security.to_le_bytes());
        put(&mut body, 88, &self.built.to_le_bytes());
        for (at, extent) in [(96, self.uki), (112, self.root), (128, self.verity)] {
            put(&mut body, at, &extent.start.to_le_bytes());
            put(&mut body, at + 8, &extent.length.to_le_bytes());
        }
        put(&mut body, 144, &self.uki_sha256);
        put(&mut body, 176, &self.root_hash);
        put(&mut body, 208, &self.salt);
        body
    }
}

/// Bytes of a header, and what parts of a slot are aligned to.
pub const HEADER_LENGTH: usize = 4096;

const MAGIC: &[u8; 8] = b"RMLSLOT1";
const SIGNATURES: usize = 256;
const CHECK: usize = HEADER_LENGTH - 4;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::keys::tests::{set, sign};

    fn header() -> Header {
        Header {
            hardware: Text::new("ramal-x86_64").unwrap(),
            version: Text::new("1.4.2").unwrap(),
            security: 3,
            built: 1_793_491_200,
            uki: Extent {
                start: 4096,
                length: 9_000_001,
            },
            root: Extent {
                start: 9_007_104,
                length: 8192,
            },
            verity: Extent {
                start: 9_015_296,
                length: 4096,
            },
            uki_sha256: [1; 32],
            root_hash: [2; 32],
            salt: [3; 32],
            signatures: [None; KEYS_MAX],
        }
    }

    fn signed(seeds: &[u8]) -> Header {
        let mut header = header();
        for (place, seed) in seeds.iter().enumerate() {
            header.signatures[place] = Some(sign(*seed, &header.message()));
        }
        header
    }

    #[test]
    fn a_header_signed_by_enough_trusted_keys_is_used() {
        let trusted = set(1, 2, &[1, 2, 3]);
        let header = signed(&[3, 1]);
        assert_eq!(Header::verify(&header.encode(), &trusted), Ok(header));
        assert_eq!(header.used(), 9_019_392);
    }

    #[test]
    fn a_header_of_strangers_or_of_too_few_is_refused() {
        let trusted = set(1, 2, &[1, 2, 3]);
        for seeds in [&[][..], &[1], &[1, 1, 1], &[1, 9], &[7, 8]] {
            let header = signed(seeds).encode();
            assert_eq!(
                Header::verify(&header, &trusted),
                Err(HeaderFault::NotSigned)
            );
        }
        // A signature of a key set is none of a slot.
        let mut header = header();
        header.signatures[0] = Some(sign(1, &set(1, 1, &[1]).message()));
        let one = set(1, 1, &[1]);
        assert_eq!(
            Header::verify(&header.encode(), &one),
            Err(HeaderFault::NotSigned)
        );
    }

    #[test]
    fn no_bit_of_a_header_can_be_changed() {
        let trusted = set(1, 1, &[1]);
        let whole = signed(&[1]).encode();
        // Of the places for signatures, only the first is taken; more signatures do no harm.
        let free = SIGNATURES + 72..SIGNATURES + KEYS_MAX * 72;
        for place in (0..HEADER_LENGTH).filter(|it| !free.contains(it)) {
            let mut changed = whole;
            changed[place] ^= 1;
            assert!(Header::verify(&changed, &trusted).is_err(), "byte {place}");
            // Nor with a check value that fits.
            let check = crc32(&changed[..CHECK]);
            put(&mut changed, CHECK, &check.to_le_bytes());
            if place < CHECK {
                assert!(Header::verify(&changed, &trusted).is_err(), "byte {place}");
            }
        }
    }

    #[test]
    fn an_erased_slot_is_empty() {
        for byte in [0, 0xff] {
            assert_eq!(
                Header::decode(&[byte; HEADER_LENGTH]),
                Err(HeaderFault::Empty)
            );
        }
        assert_eq!(Header::decode(&[0; 100]), Err(HeaderFault::Damaged));
    }

    #[test]
    fn parts_that_overlap_or_lie_outside_are_refused() {
        let overlapping = Extent {
            start: 4096,
            length: 8192,
        };
        let outside = Extent {
            start: SLOT_LENGTH,
            length: 4096,
        };
        let endless = Extent {
            start: 12_288,
            length: u64::MAX,
        };
        let skewed = Extent {
            start: 9_015_297,
            length: 4096,
        };
        for verity in [overlapping, outside, endless, skewed, Extent::default()] {
            let header = Header { verity, ..header() };
            assert_eq!(Header::decode(&header.encode()), Err(HeaderFault::Damaged));
        }
        let rescue = Header {
            root: Extent::default(),
            verity: Extent::default(),
            ..header()
        };
        assert_eq!(Header::decode(&rescue.encode()), Ok(rescue));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..5000)) {
            let _ = Header::decode(&bytes);
        }
    }
}
