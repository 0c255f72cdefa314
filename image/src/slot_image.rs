//! A slot: header, UKI, root and hash tree, signed.

use firmware::verity;
use sha2::{Digest as _, Sha256};
use slot::{Extent, HEADER_LENGTH, Header, Text};
use update::CHUNK;

use crate::keys::{Keys, KeysError};

/// What a slot is made of.
#[derive(Clone, Debug)]
pub struct Content {
    /// What it runs on.
    pub hardware: Text<24>,
    /// As people call it.
    pub version: Text<40>,
    /// See [`Header::security`].
    pub security: u64,
    /// When its source was committed, Unix seconds.
    pub built: u64,
    /// The EFI program; its command line has the root hash of [`Root`].
    pub uki: Vec<u8>,
    /// The root; none in the rescue system.
    pub root: Option<Root>,
}

/// A root file system with its hash tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Root {
    /// The squashfs, in whole blocks.
    pub squashfs: Vec<u8>,
    /// Its tree.
    pub tree: verity::Tree,
    /// The tree's salt.
    pub salt: [u8; 32],
}

impl Root {
    /// Of a squashfs. The salt is made from it, so that the same root has the same tree; what a
    /// salt is for, trees made in advance for many roots, is served by that.
    #[must_use]
    pub fn new(mut squashfs: Vec<u8>) -> Self {
        squashfs.resize(squashfs.len().next_multiple_of(verity::BLOCK), 0);
        let salt = Sha256::new()
            .chain_update(b"ramal root salt")
            .chain_update(&squashfs)
            .finalize()
            .into();
        let tree = verity::tree(&squashfs, &salt);
        Self {
            squashfs,
            tree,
            salt,
        }
    }
}

/// The bytes of a slot from its beginning; the rest of the partition is free. Every part begins at
/// a multiple of an update's chunk, so that a part that did not change is not sent again.
///
/// # Errors
/// There are too few private keys.
pub fn make(content: &Content, keys: &Keys) -> Result<Vec<u8>, KeysError> {
    let mut bytes = vec![0; CHUNK];
    let mut add = |part: &[u8]| {
        let extent = Extent {
            start: bytes.len() as u64,
            length: part.len() as u64,
        };
        bytes.extend_from_slice(part);
        bytes.resize(bytes.len().next_multiple_of(CHUNK), 0);
        extent
    };
    let mut header = Header {
        hardware: content.hardware,
        version: content.version,
        security: content.security,
        built: content.built,
        uki: add(&content.uki),
        uki_sha256: Sha256::digest(&content.uki).into(),
        root: Extent::default(),
        verity: Extent::default(),
        root_hash: [0; 32],
        salt: [0; 32],
        signatures: [None; slot::KEYS_MAX],
    };
    if let Some(root) = &content.root {
        header.root = add(&root.squashfs);
        header.verity = add(&root.tree.bytes);
        header.root_hash = root.tree.root_hash;
        header.salt = root.salt;
    }
    header.signatures = keys.sign(&header.message())?;
    if let Some(place) = bytes.get_mut(..HEADER_LENGTH) {
        place.copy_from_slice(&header.encode());
    }
    Ok(bytes)
}

/// The header of a system that is a UKI alone and lies in a file beside it, as the rescue system.
///
/// # Errors
/// There are too few private keys.
pub fn header_alone(content: &Content, keys: &Keys) -> Result<Vec<u8>, KeysError> {
    let mut bytes = make(content, keys)?;
    bytes.truncate(HEADER_LENGTH);
    Ok(bytes)
}
