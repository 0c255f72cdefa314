//! GPT partition types by which every partition of ours is found (UEFI 2.10 §5.3.3).
//!
//! Types are the same on every box; the unique GUID of a partition is not, so that a memory stick
//! and a disk with the same image are never taken for each other.

use core::fmt;

use crate::Slot;

/// A GUID as it lies on the disk: the first three fields little-endian (UEFI 2.10 appendix A).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// From its written form's value, `0x` and its 32 digits.
    #[must_use]
    pub const fn new(written: u128) -> Self {
        let b = written.to_be_bytes();
        Self([
            b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
            b[14], b[15],
        ])
    }

    /// One of version 4 from random or hashed bytes (RFC 9562 §5.4).
    #[must_use]
    pub const fn random(mut bytes: [u8; 16]) -> Self {
        // On the disk the third field is little-endian: its first digit is in byte 7.
        let [.., version, variant, _, _, _, _, _, _, _] = &mut bytes;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        Self(bytes)
    }

    /// Reads the written form: 8-4-4-4-12 hexadecimal digits of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != WRITTEN_LENGTH {
            return None;
        }
        let mut value = 0u128;
        for (place, byte) in bytes.iter().enumerate() {
            if matches!(place, 8 | 13 | 18 | 23) {
                if *byte != b'-' {
                    return None;
                }
            } else {
                let digit = char::from(*byte).to_digit(16)?;
                value = (value << 4) | u128::from(digit);
            }
        }
        Some(Self::new(value))
    }

    const fn value(self) -> u128 {
        let b = self.0;
        u128::from_be_bytes([
            b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
            b[14], b[15],
        ])
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value();
        let part = |shift: u32, bits: u32| (value >> shift) & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

const WRITTEN_LENGTH: usize = 36;

/// EFI system partition (UEFI 2.10 table 5.7).
pub const ESP: Guid = Guid::new(0xc12a7328_f81f_11d2_ba4b_00a0c93ec93b);

/// Boot state, key chain and data key. Ours, like all that follow.
pub const BOOTSTATE: Guid = Guid::new(0x7a2f1c64_0d5e_4b1a_9c37_52616d616c00);

/// Slot A.
pub const SLOT_A: Guid = Guid::new(0x7a2f1c64_0d5e_4b1a_9c37_52616d616c0a);

/// Slot B.
pub const SLOT_B: Guid = Guid::new(0x7a2f1c64_0d5e_4b1a_9c37_52616d616c0b);

/// Data.
pub const DATA: Guid = Guid::new(0x7a2f1c64_0d5e_4b1a_9c37_52616d616c0d);

/// The partition type of a slot.
#[must_use]
pub const fn of_slot(slot: Slot) -> Guid {
    match slot {
        Slot::A => SLOT_A,
        Slot::B => SLOT_B,
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn the_esp_type_lies_on_the_disk_as_uefi_says() {
        let bytes = [
            0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e,
            0xc9, 0x3b,
        ];
        assert_eq!(ESP.0, bytes);
        let written = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
        assert_eq!(ESP.to_string(), written);
        assert_eq!(Guid::parse(written), Some(ESP));
        assert_eq!(Guid::parse(&written.to_uppercase()), Some(ESP));
    }

    #[test]
    fn random_guids_are_of_version_4() {
        let written = Guid::random([0xff; 16]).to_string();
        assert_eq!(written, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        for text in [
            "",
            "c12a7328f81f11d2ba4b00a0c93ec93b",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93g",
            "c12a7328-f81f-11d2-ba4b_00a0c93ec93b",
            "+12a7328-f81f-11d2-ba4b-00a0c93ec93b",
        ] {
            assert_eq!(Guid::parse(text), None, "{text}");
        }
    }
}
