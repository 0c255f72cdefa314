//! The hash tree of a root file system, as the kernel's dm-verity reads it.
//!
//! Version 1, SHA-256, data and hash blocks of 4096 bytes, no superblock. Source: Linux
//! Documentation/admin-guide/device-mapper/verity.rst; cryptsetup's `veritysetup` is the oracle of
//! the test.

use sha2::{Digest as _, Sha256};

/// A tree and what vouches for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tree {
    /// Its blocks, the top one first.
    pub bytes: Vec<u8>,
    /// The salted hash of the top block.
    pub root_hash: [u8; 32],
}

/// The tree over `data`, which has a whole number of blocks, at least one.
#[must_use]
pub fn tree(data: &[u8], salt: &[u8; 32]) -> Tree {
    let mut levels: Vec<Vec<u8>> = Vec::new();
    loop {
        let below = levels.last().map_or(data, Vec::as_slice);
        if below.len() <= BLOCK {
            let root_hash = hash(below, salt);
            levels.reverse();
            let bytes = levels.concat();
            return Tree { bytes, root_hash };
        }
        levels.push(level(below, salt));
    }
}

/// The hashes of all blocks, filled up to whole blocks.
fn level(blocks: &[u8], salt: &[u8; 32]) -> Vec<u8> {
    let hashes = blocks.chunks(BLOCK).map(|block| hash(block, salt));
    let mut level: Vec<u8> = hashes.flatten().collect();
    level.resize(level.len().next_multiple_of(BLOCK), 0);
    level
}

fn hash(block: &[u8], salt: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(block)
        .finalize()
        .into()
}

/// Bytes of a block, of data and of hashes alike.
pub const BLOCK: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks, root hash and SHA-256 of the tree as cryptsetup 2.6 made them: `veritysetup format
    /// --no-superblock --salt 0707...`. One block, one full hash block, one more, three levels.
    const OF_VERITYSETUP: [(usize, &str, &str); 4] = [
        (
            1,
            "e8c8e4bec6af4cfe355e7d14721abf7e551fc8cadab5dfe343ff406cbab6108d",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            128,
            "ce756702ec2159577d43f7cd9d283df45e45faa5c4cbe37c5ae0eb4202f97b5f",
            "b120364ef75441ccb3932325b8e78dd91b618e1dbe75d0634333228004412a42",
        ),
        (
            129,
            "a0fc5e8c4c4b4d12ba6f702a2ff936689192aacfa2f934591fd22de5d0fc3642",
            "17428e787677c7ffba81dfd59d4c58973f2c112137ec0a03018ec5bbaab80713",
        ),
        (
            128 * 128 + 1,
            "770349c691b3508cd834b3adfa5622915cfc97daa9b68729ae57e6cfee815e47",
            "f8b0ddd8abd65b5a92e5578f1ffc70d1d2f6b569dc7540788e7fa36c247dfd12",
        ),
    ];

    #[test]
    fn trees_are_those_of_veritysetup() {
        for (blocks, root_hash, of_tree) in OF_VERITYSETUP {
            let byte = |at: usize| u8::try_from(at / 511 % 256).unwrap_or_default();
            let data: Vec<u8> = (0..blocks * BLOCK).map(byte).collect();
            let tree = tree(&data, &[7; 32]);
            assert_eq!(hex::encode(tree.root_hash), root_hash, "{blocks} blocks");
            let digest = hex::encode(Sha256::digest(&tree.bytes));
            assert_eq!(digest, of_tree, "{blocks} blocks");
        }
    }
}
