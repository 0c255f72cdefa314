//! What a box that has one version downloads of the next: counted as the box does it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use slot::{Extent, Header};
use update::CHUNK;

/// Why two versions cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is neither an update file nor a slot.
    #[error("{0} is no update file and no slot; `cargo image build` makes both")]
    Neither(PathBuf),
}

/// Chunks of a part of a slot that the box does not have, and all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    /// `header`, `uki`, `root`, `tree`; empty for all of them together.
    pub part: &'static str,
    /// Bytes that are sent.
    pub sent: u64,
    /// Bytes of the part.
    pub length: u64,
}

/// What is sent of `new` to a box that runs `old`, part by part and in all.
///
/// # Errors
/// One of the files is not what it should be.
pub fn between(old: &Path, new: &Path) -> Result<Vec<Count>, DeltaError> {
    let (old, new_slot) = (slot_in(old)?, slot_in(new)?);
    let header = Header::decode(&new_slot).map_err(|_| DeltaError::Neither(new.to_owned()))?;
    Ok(count(&old, &new_slot, &header))
}

fn count(old: &[u8], new: &[u8], header: &Header) -> Vec<Count> {
    let hash = |chunk: &[u8]| -> [u8; 32] { Sha256::digest(chunk).into() };
    let has: BTreeSet<[u8; 32]> = old.chunks(CHUNK).map(hash).collect();
    let part_of = |offset: u64| {
        let within = |it: Extent| (it.start..it.start.saturating_add(it.length)).contains(&offset);
        match () {
            () if within(header.uki) => "uki",
            () if within(header.root) => "root",
            () if within(header.verity) => "tree",
            () => "header",
        }
    };
    let mut counts: Vec<Count> = ["header", "uki", "root", "tree", ""]
        .into_iter()
        .map(|part| Count {
            part,
            sent: 0,
            length: 0,
        })
        .collect();
    for (chunk, index) in new.chunks(CHUNK).zip(0u64..) {
        let part = part_of(index.saturating_mul(CHUNK as u64));
        let length = chunk.len() as u64;
        let is_sent = !has.contains(&hash(chunk));
        for count in counts
            .iter_mut()
            .filter(|it| it.part.is_empty() || it.part == part)
        {
            count.length += length;
            count.sent += if is_sent { length } else { 0 };
        }
    }
    counts
}

/// The slot in an update file, or the file when it is one.
fn slot_in(path: &Path) -> Result<Vec<u8>, DeltaError> {
    let mut bytes = std::fs::read(path).map_err(|source| DeltaError::Read {
        path: path.to_owned(),
        source,
    })?;
    if let Some(length) = update::head_length(&bytes) {
        bytes.drain(..length.min(bytes.len()));
    }
    match Header::decode(&bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(DeltaError::Neither(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use slot::Text;

    use super::*;
    use crate::keys::{Wanted, make as make_keys};
    use crate::slot_image::{self, Content};

    #[test]
    fn only_chunks_that_changed_are_sent() {
        let folder = std::env::temp_dir().join(format!("ramal-delta-{}", std::process::id()));
        let keys = make_keys(&folder, &Wanted::development()).expect("keys");
        let mut content = Content {
            hardware: Text::new("ramal-x86_64").expect("a name"),
            version: Text::new("1.0.0").expect("a version"),
            security: 0,
            built: 0,
            uki: (0..100_000u32).flat_map(u32::to_le_bytes).collect(),
            root: None,
        };
        let mut make = |name: &str, version: &str, byte: u8| {
            content.version = Text::new(version).expect("a version");
            content.uki[200_000] = byte;
            let slot = slot_image::make(&content, &keys).expect("a slot");
            let path = folder.join(name);
            std::fs::write(&path, slot).expect("written");
            path
        };
        let (old, new) = (make("old", "1.0.0", 0), make("new", "1.0.1", 7));
        let counts = between(&old, &new).expect("compared");
        std::fs::remove_dir_all(&folder).expect("removed");
        let sent: Vec<_> = counts.iter().map(|it| (it.part, it.sent)).collect();
        let chunk = CHUNK as u64;
        assert_eq!(
            sent,
            [
                ("header", chunk),
                ("uki", chunk),
                ("root", 0),
                ("tree", 0),
                ("", 2 * chunk)
            ]
        );
    }
}
