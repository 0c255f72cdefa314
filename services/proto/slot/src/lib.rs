//! What the loader, the system, the updater and the image builder all know of firmware slots.
//!
//! What this crate must never do: read a disk, allocate, or panic on bytes from one. It is
//! `no_std`, so that the loader (UEFI) and the system (Linux) are built from one text and cannot
//! differ in what a byte means. Read first: [`BootState`], then [`Header`] and [`KeySet`].
//!
//! The disk: a GPT with five partitions, told apart by their type ([`partition`]), never by name or
//! number.
//!
//! | partition | content |
//! |---|---|
//! | ESP | loader and rescue system, written when flashing only |
//! | bootstate, 1 MiB | [`BootState`] twice, the key chain, the data key ([`layout`]) |
//! | slot A, slot B, 512 MiB each | [`Header`], then a UKI, a squashfs and its verity tree |
//! | data | ext4, made on first boot |
#![no_std]

#[cfg(test)]
extern crate std;

mod attempt;
mod bytes;
mod crc32;
pub mod handoff;
mod header;
mod keys;
pub mod layout;
pub mod partition;
mod state;
mod text;

pub use attempt::{Choice, Refusal, TRIES, UNCLEAN_MAX};
pub use crc32::crc32;
pub use handoff::Handoff;
pub use header::{Extent, HEADER_LENGTH, Header, HeaderFault};
pub use keys::{
    CHAIN_LENGTH_MAX, KEY_SET_LENGTH, KEYS_MAX, KeyId, KeySet, KeySetFault, MESSAGE_LENGTH,
    PublicKey, Signature, update_message,
};
pub use partition::Guid;
pub use state::{BootState, Condition, Entry, JOURNAL_LENGTH, Reason, STATE_LENGTH, SlotState};
pub use text::{Text, TextFault};

/// As slots and updates name this kind of box: what the program was built for.
pub const HARDWARE: &str = THIS_MACHINE.0;

/// The loader's place in the EFI system partition, where the firmware of this kind of box looks on
/// a disk it was never told of (UEFI 2.10 §3.5.1.1).
pub const LOADER: &str = THIS_MACHINE.1;

#[cfg(target_arch = "x86_64")]
const THIS_MACHINE: (&str, &str) = ("ramal-x86_64", "EFI/BOOT/BOOTX64.EFI");
#[cfg(target_arch = "aarch64")]
const THIS_MACHINE: (&str, &str) = ("ramal-aarch64", "EFI/BOOT/BOOTAA64.EFI");

/// One of the two slots.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// `a` or `b`, as on the kernel command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// The slot of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|slot| slot.name() == name)
    }

    const fn index(self) -> u8 {
        match self {
            Self::A => 0,
            Self::B => 1,
        }
    }

    const fn of_index(index: u8) -> Option<Self> {
        match index {
            0 => Some(Self::A),
            1 => Some(Self::B),
            _ => None,
        }
    }
}
