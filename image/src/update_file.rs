//! The update file: a slot with a signed list of what is in it.

use update::{Manifest, PatchEntry, make_head};

use crate::keys::{Keys, KeysError};
use crate::patches::Patch;
use crate::slot_image::Content;

/// The bytes of the file for a slot that [`crate::slot_image::make`] made of `content`, with
/// patches for boxes that run versions before it.
///
/// # Errors
/// There are too few private keys.
pub fn make(
    slot: &[u8],
    content: &Content,
    patches: &[Patch],
    keys: &Keys,
) -> Result<Vec<u8>, KeysError> {
    let mut start = 0;
    let entries = patches.iter().map(|patch| {
        let entry = PatchEntry {
            start,
            ..patch.entry.clone()
        };
        start += entry.length;
        entry
    });
    let manifest = Manifest {
        format: 1,
        hardware: vec![content.hardware.as_str().to_owned()],
        version: content.version.as_str().to_owned(),
        security: content.security,
        length: 0,
        chunks_sha256: String::new(),
        notes: std::collections::BTreeMap::new(),
        patches: entries.collect(),
    };
    let mut file = make_head(slot, manifest, &[], |message| keys.sign(message))?;
    file.extend_from_slice(slot);
    for patch in patches {
        file.extend_from_slice(&patch.bytes);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use slot::Text;
    use update::{Output, Receiver, Running};

    use super::*;
    use crate::keys::{Wanted, make as make_keys};
    use crate::slot_image::{self, Root};

    #[test]
    fn a_box_with_the_same_keys_takes_the_file() {
        let folder = std::env::temp_dir().join(format!("ramal-update-{}", std::process::id()));
        let keys = make_keys(&folder, &Wanted::development()).expect("keys");
        std::fs::remove_dir_all(&folder).expect("removed");
        let content = Content {
            hardware: Text::new("ramal-x86_64").expect("a name"),
            version: Text::new("1.2.3").expect("a version"),
            security: 0,
            built: 0,
            uki: vec![7; 100_000],
            root: Some(Root::new(vec![9; 50_000])),
        };
        let slot = slot_image::make(&content, &keys).expect("a slot");
        let file = make(&slot, &content, &[], &keys).expect("a file");
        let mut receiver = Receiver::new(Running {
            hardware: "ramal-x86_64".into(),
            security_floor: 0,
            trusted: keys.set,
        });
        receiver.take(0, &file).expect("taken");
        let outputs: Vec<_> = std::iter::from_fn(|| receiver.poll()).collect();
        assert!(matches!(outputs.last(), Some(Output::Complete { .. })));
    }
}
