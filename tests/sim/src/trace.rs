//! A hash over a run, so that two runs can be compared without keeping either.

use sansio::Instant;

/// FNV-1a over everything fed to it, 64 bits: stable across builds, unlike the standard hasher.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    /// Takes in one happening.
    pub fn feed(&mut self, now: Instant, kind: &str, bytes: &[u8]) {
        let parts = [&now.as_nanos().to_le_bytes()[..], kind.as_bytes(), bytes];
        for byte in parts.into_iter().flatten() {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The hash so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}
