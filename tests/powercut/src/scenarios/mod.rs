//! What is recorded, and what has to be true after a cut.

mod data_key;
mod keys;
mod promises;
mod provision;
mod recovered_key;
pub mod sealed_key;
mod site;
mod states;
mod table;
mod update;

pub use promises::{Promise, Promises};
pub use site::{LENGTH, Site, Version, key_set};

use crate::fault::Fault;
use crate::trace::Trace;
use crate::view::View;

/// Says whether a box may be in a state.
pub trait Judge: Sync {
    /// `told` is what people had been told by then, in its order; `number` is the state's.
    ///
    /// # Errors
    /// [`Fault::Broken`]: it may not.
    fn judge(&self, view: &View<'_>, told: &[&str], number: usize) -> Result<(), Fault>;
}

/// What happened to a disk, and who judges what is left of it.
pub type Recorded = Result<(Trace, Box<dyn Judge>), Fault>;

/// Something a box does, recorded.
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What is done.
    pub about: &'static str,
    /// Records it, by the box's code on a disk in memory.
    pub make: fn() -> Recorded,
}

/// All that need no box in QEMU.
pub const ALL: [Scenario; 8] = [
    Scenario {
        name: "update",
        about: "two updates: one broken off, resumed and proved good, one left after three tries",
        make: update::make,
    },
    Scenario {
        name: "state",
        about: "every change of the boot state, over and over",
        make: states::make,
    },
    Scenario {
        name: "keys",
        about: "the firmware's keys hand over, until the chain is full",
        make: keys::make,
    },
    Scenario {
        name: "data-key",
        about: "the data's key is made, used, destroyed by a factory reset and made again",
        make: data_key::make,
    },
    Scenario {
        name: "sealed-key",
        about: "the data's key lies open, is sealed by a TPM, destroyed, and made again, sealed",
        make: sealed_key::make,
    },
    Scenario {
        name: "recovered-key",
        about: "the recovery code is shown, typed without a TPM, kept with the key, and replaced",
        make: recovered_key::make,
    },
    Scenario {
        name: "table",
        about: "the partition table moves to the end of a larger disk and gets its data partition",
        make: table::make,
    },
    Scenario {
        name: "provision",
        about: "the provisioning file on the EFI system partition is wiped",
        make: provision::make,
    },
];
