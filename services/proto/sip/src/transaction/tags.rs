//! Names that nobody else can foretell: tags, branches and Call-IDs.

use sansio::Rng;
use sha2::{Digest, Sha256};

use crate::digest::hex;

/// Letters of a tag.
pub(super) const TAG_LENGTH: usize = 16;

/// A keyed hash over a counter.
///
/// Every answer shows a tag to its peer, and a branch is all that a response has to prove. The
/// generator itself is not handed out: four of its numbers would give away all that follow, and
/// with them the branch of the next INVITE, which a stranger could then answer.
#[derive(Debug)]
pub(super) struct Tags {
    /// The key already taken in.
    keyed: Sha256,
    made: u64,
}

impl Tags {
    /// Tags under a key drawn from `rng`.
    pub(super) fn new(mut rng: Rng) -> Self {
        let mut keyed = Sha256::new();
        for _ in 0..4 {
            keyed.update(rng.next_u64().to_be_bytes());
        }
        Self { keyed, made: 0 }
    }

    /// 16 hex digits, never given before.
    pub(super) fn next(&mut self) -> String {
        self.made = self.made.wrapping_add(1);
        let mut hash = self.keyed.clone();
        hash.update(self.made.to_be_bytes());
        let hash = hash.finalize();
        hex(hash.get(..8).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_no_number_of_the_generator() {
        let mut rng = Rng::from_seed(1);
        let numbers: Vec<String> = (0..64)
            .map(|_| format!("{:016x}", rng.next_u64()))
            .collect();
        let mut tags = Tags::new(Rng::from_seed(1));
        for _ in 0..64 {
            let tag = tags.next();
            assert!(tag.len() == 16 && !numbers.contains(&tag), "{tag}");
        }
    }

    #[test]
    fn a_seed_gives_one_sequence_without_repetition() {
        let draw = |seed| {
            let mut tags = Tags::new(Rng::from_seed(seed));
            std::array::from_fn::<_, 8, _>(|_| tags.next())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_ne!(draw(1)[0], draw(1)[1]);
    }
}
