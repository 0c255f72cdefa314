//! Secrets the node makes while it runs: SRTP keys and client nonces.

use sansio::Entropy;
use sha2::{Digest, Sha256};

/// A keyed hash over a counter: as unforeseeable as the entropy it was made from, and the same in
/// every replay of a simulation.
pub(crate) struct Secrets {
    /// The key already taken in.
    keyed: Sha256,
    made: u64,
}

impl Secrets {
    /// Secrets under `key`, which must be fresh at each start.
    pub(crate) fn new(key: &Entropy) -> Self {
        // The label keeps them apart from what else is made from the same key.
        let keyed = Sha256::new()
            .chain_update(b"ramal secrets")
            .chain_update(key.bytes());
        Self { keyed, made: 0 }
    }

    /// The next 32 bytes.
    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        self.made = self.made.wrapping_add(1);
        let mut hash = self.keyed.clone();
        hash.update(self.made.to_be_bytes());
        hash.finalize().into()
    }

    /// The next 64 bits.
    pub(crate) fn number(&mut self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_follow_from_the_key_and_never_repeat() {
        let mut one = Secrets::new(&Entropy::new([1; 32]));
        let mut same = Secrets::new(&Entropy::new([1; 32]));
        let mut other = Secrets::new(&Entropy::new([2; 32]));
        let first = one.bytes();
        assert_eq!(first, same.bytes());
        assert_ne!(first, one.bytes());
        assert_ne!(first, other.bytes());
        assert_eq!(format!("{one:?}"), "Secrets(..)");
    }
}
