//! What firmware with Secure Boot is given and looks at: variables that hold keys, and signatures
//! of programs.
//!
//! What this crate must never do: read a file, hold a private key, or panic on bytes from a disk.
//! The image builder writes the variables by it, PID 1 names them by it, and the judge of programs
//! reads by it whether a machine would still start what is on its disk.
//! Read first: [`Role`], then [`judge`].
//!
//! Sources: UEFI 2.10 §3.3, §8.2, §32.3 to §32.5; Windows Authenticode Portable Executable
//! Signature Format; RFC 2315; ITU-T X.690.

mod der;
mod judge;
mod program;
mod variable;

pub use judge::{Fault, PublicKey, judge};
pub use program::Program;
pub use variable::{
    ATTRIBUTES, Role, TIME_LENGTH, authenticated, certificate_of, content_of, signature_list,
    signed_bytes, time_of,
};
