//! The loader of the box, the stub of its kernel, and what both know of the firmware they run in.
//!
//! What this crate must never do: write to a file system; need a variable of the firmware; start
//! anything whose signature it has not judged; end in a state from which only a person can help
//! while a slot or the rescue system could still be started.
//!
//! Read first: [`attempt`], which decides and is tested on the host, then [`firmware`], which is
//! all that touches UEFI; [`programs`] puts them together.
//!
//! Sources: UEFI specification 2.10; Linux Documentation/admin-guide/efi-stub.rst.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod attempt;
pub mod command_line;
pub mod firmware;
pub mod gpt;
pub mod programs;
pub mod sections;
pub mod volume;

pub use slot::HARDWARE;
