//! The kernel's random numbers: drawing them, and giving it more to make them of.
#![expect(
    unsafe_code,
    reason = "an ioctl number and its argument type are asserted by hand"
)]

use std::fs::{File, OpenOptions};
use std::io::Write;

use rustix::ioctl::{Setter, ioctl, opcode};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::{Context, SystemError};

/// A secret of 256 bits.
pub type Secret = [u8; 32];

/// Random numbers, when the kernel has gathered enough for them to be a secret; never waits.
#[must_use]
pub fn secret() -> Option<Secret> {
    draw(GetRandomFlags::NONBLOCK)
}

/// Random numbers of whatever the kernel has. Nobody should rely upon them being a secret.
#[must_use]
pub fn anything() -> Secret {
    draw(GetRandomFlags::INSECURE).unwrap_or_default()
}

fn draw(flags: GetRandomFlags) -> Option<Secret> {
    let mut bytes = Secret::default();
    let length = getrandom(&mut bytes[..], flags).ok()?;
    (length == bytes.len()).then_some(bytes)
}

/// Gives the kernel bytes to mix in, without a word on how secret they are.
///
/// # Errors
/// The device is missing.
pub fn mix(bytes: &[u8]) -> Result<(), SystemError> {
    let mut device = device()?;
    device.write_all(bytes).context("write to", DEVICE)
}

/// Gives the kernel a secret that nobody else has and that was never given before: it counts as 256
/// bits.
///
/// # Errors
/// The device is missing, or this process is not root.
pub fn credit(secret: &Secret) -> Result<(), SystemError> {
    let pool = Pool {
        entropy_count: 256,
        size: 32,
        bytes: *secret,
    };
    // SAFETY: RNDADDENTROPY takes a pointer to a `struct rand_pool_info`, whose two ints are
    // followed by as many bytes as the second one says (Linux random.h, random(4)). It only reads.
    unsafe {
        let add = Setter::<ADD_ENTROPY, Pool>::new(pool);
        ioctl(&device()?, add).context("add entropy to", DEVICE)
    }
}

fn device() -> Result<File, SystemError> {
    let opened = OpenOptions::new().write(true).open(DEVICE);
    opened.context("open", DEVICE)
}

/// `struct rand_pool_info` of Linux random.h, with its bytes.
#[repr(C)]
struct Pool {
    /// Bits.
    entropy_count: libc::c_int,
    /// Bytes.
    size: libc::c_int,
    bytes: Secret,
}

/// `RNDADDENTROPY` of Linux random.h: its number is made from the two ints alone.
const ADD_ENTROPY: rustix::ioctl::Opcode = opcode::write::<[libc::c_int; 2]>(b'R', 3);

const DEVICE: &str = "/dev/urandom";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_never_the_same() {
        let drawn = [secret().expect("a host has been up for long"), anything()];
        assert_ne!(drawn[0], drawn[1]);
        assert!(!drawn.contains(&Secret::default()));
    }

    #[test]
    fn bytes_are_mixed_in_by_anybody() {
        mix(b"something").expect("mixed in");
    }

    #[test]
    fn the_number_of_the_call_is_that_of_linux() {
        assert_eq!(ADD_ENTROPY, 0x4008_5203);
    }
}
