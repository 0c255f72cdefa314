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
    let mut builder = Builder::new(*salt);
    builder.add(data);
    builder.finish()
}

/// A tree whose data comes in pieces.
#[derive(Clone, Debug)]
pub struct Builder {
    salt: [u8; 32],
    hashes: Vec<u8>,
}

impl Builder {
    /// Over nothing yet.
    #[must_use]
    pub const fn new(salt: [u8; 32]) -> Self {
        Self {
            salt,
            hashes: Vec::new(),
        }
    }

    /// Adds whole blocks.
    pub fn add(&mut self, blocks: &[u8]) {
        let hashes = blocks.chunks(BLOCK).flat_map(|it| hash(it, &self.salt));
        self.hashes.extend(hashes);
    }

    /// The tree over all that was added, at least one block.
    #[must_use]
    pub fn finish(self) -> Tree {
        // The hash of a single block is that of the whole.
        if let Ok(root_hash) = self.hashes.as_slice().try_into() {
            let bytes = Vec::new();
            return Tree { bytes, root_hash };
        }
        let mut level = filled_up(self.hashes);
        let mut levels = Vec::new();
        while level.len() > BLOCK {
            let hashes = level.chunks(BLOCK).flat_map(|it| hash(it, &self.salt));
            let above = filled_up(hashes.collect());
            levels.push(std::mem::replace(&mut level, above));
        }
        let root_hash = hash(&level, &self.salt);
        levels.push(level);
        levels.reverse();
        let bytes = levels.concat();
        Tree { bytes, root_hash }
    }
}

/// Hashes in whole blocks.
fn filled_up(mut hashes: Vec<u8>) -> Vec<u8> {
    hashes.resize(hashes.len().next_multiple_of(BLOCK), 0);
    hashes
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
