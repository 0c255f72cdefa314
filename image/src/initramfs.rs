//! The initramfs: stage-1, the kernel modules it may load, and the template of the data disk.
//!
//! It is two archives, as the kernel takes any number of them: first what is the same from one
//! version to the next, then what is not. The second one begins at a multiple of an update's chunk.
//! To compress the first takes seconds, and is done once.

use std::path::Path;

use update::CHUNK;

use crate::cpio::Archive;
use crate::modules::Modules;

/// What goes in.
pub(crate) struct Parts<'a> {
    /// The `init` binary.
    pub(crate) init: Vec<u8>,
    /// What `uname -r` says.
    pub(crate) release: &'a str,
    /// The modules of the box.
    pub(crate) modules: Modules,
    /// See `data_template`.
    pub(crate) data_template: Vec<u8>,
    /// The checker of the data's file system.
    pub(crate) checker: Vec<u8>,
    /// Who may sign firmware, for the rescue system.
    pub(crate) keys: Vec<u8>,
}

/// Packs and compresses it. What the first archive came to is kept in `folder`.
///
/// # Errors
/// The compressor is out of memory, or the folder cannot be written.
pub(crate) fn pack(parts: Parts<'_>, folder: &Path) -> std::io::Result<Vec<u8>> {
    let Parts {
        init,
        release,
        modules,
        data_template,
        checker,
        keys,
    } = parts;
    let unchanging = unchanging(release, modules, data_template, checker);
    let mut packed = compressed_once(&unchanging, folder)?;
    // The kernel passes over zeros between archives.
    packed.resize(packed.len().next_multiple_of(CHUNK), 0);
    packed.extend(patch::compress(&changing(init, keys)).map_err(std::io::Error::other)?);
    Ok(packed)
}

/// The first archive, before it is compressed.
fn unchanging(
    release: &str,
    modules: Modules,
    data_template: Vec<u8>,
    checker: Vec<u8>,
) -> Vec<u8> {
    let mut archive = Archive::default();
    archive.file("data.ext4.template", 0o644, data_template);
    archive.folder("sbin");
    archive.file("sbin/e2fsck", 0o755, checker);
    // Mount points of stage-1, and the device the kernel opens as fd 0 to 2 of the first process.
    for folder in ["dev", "proc", "sys", "run", "root"] {
        archive.folder(folder);
    }
    archive.character_device("dev/console", 0o600, (5, 1));
    let base = format!("lib/modules/{}", release);
    for (path, content) in modules.files {
        archive.file(&format!("{base}/{path}"), 0o644, content);
    }
    let lists = [
        ("dep", modules.dep),
        ("alias", modules.alias),
        ("builtin", modules.builtin),
    ];
    for (list, content) in lists {
        archive.file(
            &format!("{base}/modules.{list}"),
            0o644,
            content.into_bytes(),
        );
    }
    archive.finish()
}

/// Compresses it, unless the same was compressed into this folder before in the same way: what lies
/// there is believed when it unpacks to what is to be packed.
fn compressed_once(archive: &[u8], folder: &Path) -> std::io::Result<Vec<u8>> {
    let compressor = zstd::zstd_safe::version_number();
    let kept = folder.join(format!("unchanging-{compressor}-{LEVEL}.zst"));
    let before = std::fs::read(&kept).unwrap_or_default();
    if zstd::decode_all(before.as_slice()).is_ok_and(|unpacked| unpacked == archive) {
        return Ok(before);
    }
    let packed = zstd::encode_all(archive, LEVEL)?;
    std::fs::write(kept, &packed)?;
    Ok(packed)
}

/// The second archive, before it is compressed: what a patch makes anew.
pub(crate) fn changing(init: Vec<u8>, keys: Vec<u8>) -> Vec<u8> {
    let mut archive = Archive::default();
    archive.file("init", 0o755, init);
    archive.file("etc/ramal/keys", 0o644, keys);
    archive.finish()
}

/// The highest level whose window every kernel accepts without an option.
const LEVEL: i32 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_before_is_taken_only_when_it_is_the_same() {
        let folder = std::env::temp_dir().join(format!("ramal-packed-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (one, other) = (vec![7; 5000], vec![8; 5000]);
        let first = compressed_once(&one, &folder).unwrap();
        let kept = std::fs::read_dir(&folder).unwrap();
        let kept = kept.map(|file| file.unwrap().path()).next().unwrap();
        // The same content, compressed in another way: that it comes back tells where from.
        let mark = zstd::encode_all(one.as_slice(), 1).unwrap();
        assert_ne!(mark, first);
        std::fs::write(&kept, &mark).unwrap();
        assert_eq!(compressed_once(&one, &folder).unwrap(), mark);
        let second = compressed_once(&other, &folder).unwrap();
        assert_eq!(zstd::decode_all(second.as_slice()).unwrap(), other);
        assert_eq!(compressed_once(&one, &folder).unwrap(), first);
        std::fs::write(&kept, &first[..first.len() / 2]).unwrap();
        assert_eq!(compressed_once(&one, &folder).unwrap(), first);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
