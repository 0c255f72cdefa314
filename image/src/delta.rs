//! What a box that has one version downloads of the next: counted as the box does it.

use std::collections::BTreeSet;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use slot::Extent;
use update::CHUNK;

use crate::root;
use crate::shipped_file::{FileError, ShippedFile};

/// Bytes of a part of an update file that are sent, and all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    /// `head`, `header`, `uki`, `root`, `tree`, `patch`; empty for all of them together.
    pub part: &'static str,
    /// Bytes that are sent.
    pub sent: u64,
    /// Bytes of the part; of all together, those of head and slot, which is what a box downloads
    /// that has nothing of it.
    pub length: u64,
}

/// What is sent of `new` to a box that runs `old`, part by part and in all.
///
/// # Errors
/// One of the files is not what it should be.
pub fn between(old: &Path, new: &Path) -> Result<Vec<Count>, FileError> {
    let (old, new) = (ShippedFile::read(old)?, ShippedFile::read(new)?);
    let mut has = hashes(&old.slot);
    let without = count(&has, &new, 0);
    let Some(patch) = patch_for(&old, &new) else {
        return Ok(without);
    };
    for (place, bytes) in apply(&old, patch) {
        let before = place.next_multiple_of(CHUNK as u64) - place;
        let before = usize::try_from(before).unwrap_or(bytes.len());
        let whole = bytes.get(before..).unwrap_or_default();
        has.extend(whole.chunks_exact(CHUNK).map(hash));
    }
    let with = count(&has, &new, patch.len() as u64);
    let sent = |counts: &[Count]| counts.last().map_or(0, |it| it.sent);
    let is_worth_it = sent(&with) < sent(&without);
    Ok(if is_worth_it { with } else { without })
}

fn hash(chunk: &[u8]) -> [u8; 32] {
    Sha256::digest(chunk).into()
}

fn hashes(slot: &[u8]) -> BTreeSet<[u8; 32]> {
    slot.chunks(CHUNK).map(hash).collect()
}

/// The patch that a box that runs the old version would ask for.
fn patch_for<'a>(old: &ShippedFile, new: &'a ShippedFile) -> Option<&'a [u8]> {
    let root_hash = hex::encode(old.header.root_hash);
    let mut entries = new.manifest.as_ref()?.patches.iter();
    let entry = entries.find(|it| it.root_hash == root_hash)?;
    let start = usize::try_from(entry.start).ok()?;
    let length = usize::try_from(entry.length).ok()?;
    new.patches.get(start..)?.get(..length)
}

/// What it makes there; nothing when it does not fit.
fn apply(old: &ShippedFile, patch: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let programs = root::programs(&old.slot, old.header.root.start);
    let programs = programs.map(|it| it.concat()).unwrap_or_default();
    patch::apply(programs, patch).unwrap_or_default()
}

fn count(has: &BTreeSet<[u8; 32]>, new: &ShippedFile, patch: u64) -> Vec<Count> {
    let part_of = |offset: u64| {
        let within = |it: Extent| (it.start..it.start.saturating_add(it.length)).contains(&offset);
        match () {
            () if within(new.header.uki) => "uki",
            () if within(new.header.root) => "root",
            () if within(new.header.verity) => "tree",
            () => "header",
        }
    };
    let mut counts: Vec<Count> = ["head", "header", "uki", "root", "tree", "patch", ""]
        .into_iter()
        .map(|part| Count {
            part,
            sent: 0,
            length: 0,
        })
        .collect();
    let mut add = |part: &str, sent: u64, length: u64| {
        let counted = |it: &&mut Count| it.part.is_empty() || it.part == part;
        for count in counts.iter_mut().filter(counted) {
            count.sent += sent;
            count.length += length;
        }
    };
    add("head", new.head as u64, new.head as u64);
    for (chunk, index) in new.slot.chunks(CHUNK).zip(0u64..) {
        let part = part_of(index.saturating_mul(CHUNK as u64));
        let length = chunk.len() as u64;
        let is_there = has.contains(&hash(chunk));
        add(part, if is_there { 0 } else { length }, length);
    }
    add("patch", patch, 0);
    counts
}

#[cfg(test)]
mod tests {
    use slot::Text;

    use super::*;
    use crate::keys::{Keys, Wanted, make as make_keys};
    use crate::patches::Parts;
    use crate::slot_image::{self, Content};
    use crate::{initramfs, uki, update_file};

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
                ("head", 0),
                ("header", chunk),
                ("uki", chunk),
                ("root", 0),
                ("tree", 0),
                ("patch", 0),
                ("", 2 * chunk)
            ]
        );
    }

    /// Something like a program: code that is much alike and jumps to what lies elsewhere.
    fn program(functions: u32, grown: Option<u32>) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::new();
        for function in 0..functions {
            let mut state = function.wrapping_mul(2_654_435_761);
            for _ in 0..150 {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                bytes.extend_from_slice(&state.to_le_bytes()[..3]);
            }
            if grown == Some(function) {
                bytes.extend_from_slice(&[0x90; 37]);
            }
            // A call of what lies at the end, whose distance changes when something grows.
            let distance = u32::MAX - u32::try_from(bytes.len()).expect("small");
            bytes.extend_from_slice(&distance.to_le_bytes());
        }
        bytes
    }

    /// A release of programs in which a function may have grown, made as `build` and `assemble` do;
    /// the update file has a patch for the one before.
    struct Making {
        folder: std::path::PathBuf,
        keys: Keys,
    }

    impl Making {
        fn release(
            &self,
            version: &str,
            grown: [Option<u32>; 2],
            before: Option<&Path>,
        ) -> std::path::PathBuf {
            let [init, ramal] = [program(1000, grown[0]), program(4000, grown[1])];
            let mut files = root::Root::default();
            for (path, content) in patch::PROGRAMS.into_iter().zip([&init, &ramal]) {
                files.file(path, 0o755, content.clone());
            }
            files.file("/etc/build-time", 0o644, version.into());
            let root = slot_image::Root::new(files.pack().expect("packed"));
            let keys = self.keys.set.encode().to_vec();
            let changing = initramfs::changing(init, keys);
            let modules: Vec<u8> = program(1000, None).into_iter().rev().collect();
            let mut initrd = modules;
            initrd.resize(initrd.len().next_multiple_of(CHUNK), 0);
            initrd.extend(patch::compress(&changing).expect("packed"));
            let command_line = hex::encode(root.tree.root_hash);
            let content = Content {
                hardware: Text::new("ramal-x86_64").expect("a name"),
                version: Text::new(version).expect("a version"),
                security: 0,
                built: 0,
                uki: uki::make(&uki::Parts {
                    stub: &crate::pe::tests::program(),
                    os_release: version,
                    command_line: &command_line,
                    initrd: &initrd,
                    kernel: &program(10_000, None)
                        .iter()
                        .map(|it| !it)
                        .collect::<Vec<u8>>(),
                })
                .expect("a UKI"),
                root: Some(root),
            };
            let slot = slot_image::make(&content, &self.keys).expect("a slot");
            let header = slot::Header::decode(&slot).expect("a header");
            let parts = Parts {
                slot: &slot,
                initramfs: &changing,
            };
            let patches = before.map(|it| parts.patch_for(&header, it).expect("a patch"));
            let patches: Vec<_> = patches.into_iter().collect();
            let file = update_file::make(&slot, &content, &patches, &self.keys).expect("a file");
            let path = self.folder.join(version);
            std::fs::write(&path, file).expect("written");
            path
        }
    }

    #[test]
    fn a_release_with_changed_programs_sends_fifteen_percent_at_most() {
        let folder = std::env::temp_dir().join(format!("ramal-release-{}", std::process::id()));
        let keys = make_keys(&folder, &Wanted::development()).expect("keys");
        let making = Making { folder, keys };
        let old = making.release("1.0.0", [None, None], None);
        for (version, grown) in [
            ("1.0.1", [None, Some(400)]),
            ("1.0.2", [Some(30), Some(400)]),
        ] {
            let new = making.release(version, grown, Some(&old));
            let counts = between(&old, &new).expect("compared");
            let whole = counts.last().expect("there");
            assert!(whole.sent * 100 <= whole.length * 15, "{counts:?}");
            // Without the patch it is much more: what is tested is the patch.
            let without = making.release(version, grown, None);
            let without = between(&old, &without).expect("compared");
            assert!(
                without.last().expect("there").sent > 2 * whole.sent,
                "{without:?}"
            );
        }
        std::fs::remove_dir_all(&making.folder).expect("removed");
    }
}
