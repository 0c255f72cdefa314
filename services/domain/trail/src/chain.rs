//! The hash chain: an entry changed or taken out later no longer fits the next.

use sha2::{Digest as _, Sha256};

/// What the first entry ever is chained to.
pub const GENESIS: &str = "";

/// Lower-case hex SHA-256 over the previous entry's hash and this entry; `said` is who, from where,
/// what was done, the state before and after. Every part is preceded by its length, so that text
/// cannot move from one field to the next.
#[must_use]
pub fn hash(previous: &str, sequence: u64, at_millis: i64, said: [&str; 5]) -> String {
    let mut digest = Sha256::new();
    digest.update(sequence.to_be_bytes());
    digest.update(at_millis.to_be_bytes());
    for part in std::iter::once(previous).chain(said) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    hex::encode(digest.finalize())
}
