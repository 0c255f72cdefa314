//! The first process of the box, in its two lives.
//!
//! As `/init` of the initramfs it is stage-1: it finds the disk the loader named, opens the slot's
//! verified root and the encrypted data, and steps over to the root. As `/sbin/init` of the root it
//! is PID 1: it starts the services, keeps them running and ends the system in order.
//!
//! What this crate must never do: wait for a child, format a disk that holds anything, or write a
//! one-time password anywhere but on the screen. All decisions about services are those of
//! `supervise`; this crate carries them out.
//! Read first: [`stage1`], then [`pid1::Supervision`] and [`services`].

mod boot;
mod clock_floor;
pub mod console;
mod data;
#[cfg(feature = "debug-shell")]
mod debug_shell;
mod entry;
pub mod pid1;
mod recovery_code;
mod replace;
mod rescue;
mod screen;
mod seed;
pub mod services;
pub mod stage1;
mod system;
mod tpm_relay;
mod watchdogs;

pub use boot::{Boot, Firmware, KeyKept, Maintenance};
pub use entry::main_of_pid_1;
pub use watchdogs::Watchdogs;
