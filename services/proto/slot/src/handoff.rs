//! What the loader tells the system it starts: which slot, on which disk.
//!
//! It travels as the load options of the UKI, whose own command line is signed and fixed. The stub
//! appends it only when it is exactly of this form, so that nobody can add to the command line by
//! way of the firmware's settings.

use core::fmt;

use crate::{Guid, Slot};

/// What was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handoff {
    /// The slot; `None` for the rescue system.
    pub slot: Option<Slot>,
    /// The unique GUID of the bootstate partition of the disk the loader came from.
    pub disk: Guid,
}

impl Handoff {
    /// Reads `ramal.slot=<a|b|rescue> ramal.disk=<guid>`, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (slot, disk) = text.split_once(' ')?;
        let handoff = Self::from_values(
            slot.strip_prefix(SLOT)?.strip_prefix('=')?,
            disk.strip_prefix(DISK)?.strip_prefix('=')?,
        )?;
        Some(handoff)
    }

    /// The same from the values of [`SLOT`] and [`DISK`] on a command line.
    #[must_use]
    pub fn from_values(slot: &str, disk: &str) -> Option<Self> {
        let slot = match slot {
            RESCUE => None,
            name => Some(Slot::named(name)?),
        };
        let disk = Guid::parse(disk)?;
        Some(Self { slot, disk })
    }
}

impl fmt::Display for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = self.slot.map_or(RESCUE, Slot::name);
        write!(f, "{SLOT}={slot} {DISK}={}", self.disk)
    }
}

/// The name of the slot on the command line.
pub const SLOT: &str = "ramal.slot";

/// The name of the disk on the command line.
pub const DISK: &str = "ramal.disk";

/// Longer ones are none, bytes.
pub const LENGTH_MAX: usize = 80;

const RESCUE: &str = "rescue";

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn what_the_loader_says_arrives() {
        for slot in [Some(Slot::A), Some(Slot::B), None] {
            let handoff = Handoff {
                slot,
                disk: crate::partition::DATA,
            };
            let text = handoff.to_string();
            assert!(text.len() <= LENGTH_MAX);
            assert_eq!(Handoff::parse(&text), Some(handoff));
        }
    }

    #[test]
    fn nothing_can_be_added_to_it() {
        let good = "ramal.slot=a ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d";
        assert!(Handoff::parse(good).is_some());
        for text in [
            "",
            "ramal.slot=a",
            "ramal.slot=c ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d",
            "ramal.slot=a  ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d",
            "ramal.slot=a ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d ",
            "ramal.slot=a ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d init=/bin/sh",
            "init=/bin/sh ramal.slot=a ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d",
        ] {
            assert_eq!(Handoff::parse(text), None, "{text}");
        }
    }
}
