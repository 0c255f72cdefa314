//! Sealing a secret to the TPM 2.0 of this machine, and opening it again: bytes in, bytes out.
//!
//! What this crate must never do: talk to a device, draw entropy, or panic on bytes from a TPM.
//! Read first: [`Seal`] and [`Open`], then `session`.
//!
//! ```text
//!  Seal:  CreatePrimary ──> StartAuthSession ──> Create ──────────────> Sealed
//!  Open:  CreatePrimary ──> StartAuthSession ──> Load ──> Unseal ─────> Secret
//! ```
//! The primary key is derived anew each time from the TPM's owner seed, by TCG's template for
//! storage keys, so nothing has to be kept in the TPM, and whoever else uses it is not in the way.
//! Clearing the TPM changes the seed: what was sealed before is lost.
//! The secret passes between processor and TPM encrypted, by a session whose key is agreed with
//! the primary key (ECDH). When opening, that has to be the key that sealed.
//!
//! What is loaded in the TPM stays there: give the commands to a device that forgets it when it is
//! closed, as Linux' `/dev/tpmrm0` does.
//!
//! Source: TCG, Trusted Platform Module Library, Family 2.0, Parts 1 to 3, revision 1.38. Why no
//! crate: decision 0026.

mod command;
mod dialogue;
mod fault;
mod hello;
mod secret;
mod session;
mod wire;

pub use dialogue::{Open, Seal, Sealed, Step};
pub use fault::Fault;
pub use secret::Secret;

/// Longest secret that a TPM seals, bytes: `MAX_SYM_DATA`, Part 2 §10.4.10 (table 75).
pub const SECRET_MAX: usize = 128;

/// Longest answer, bytes: 4096 in every TPM for PCs.
pub const ANSWER_MAX: usize = 4096;
