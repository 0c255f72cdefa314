//! The one entropy source: the kernel's generator.

use rustix::rand::{GetRandomFlags, getrandom};
use sansio::Entropy;

/// The kernel gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the kernel gave no random bytes: {0}")]
pub struct RandomError(#[from] rustix::io::Errno);

/// Fills `buffer` from the kernel; waits at boot until the generator is seeded.
///
/// # Errors
/// The kernel has no generator or refuses it.
pub fn fill_random(buffer: &mut [u8]) -> Result<(), RandomError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// 32 bytes of key material for a core.
///
/// # Errors
/// As [`fill_random`].
pub fn entropy() -> Result<Entropy, RandomError> {
    let mut bytes = [0; 32];
    fill_random(&mut bytes)?;
    Ok(Entropy::new(bytes))
}
