//! The initramfs: stage-1, the kernel modules it may load, and the template of the data disk.
//!
//! It is two archives, as the kernel takes any number of them: first what is the same from one
//! version to the next, then what is not. The second one begins at a multiple of an update's chunk.

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

/// Packs and compresses it.
///
/// # Errors
/// The compressor is out of memory.
pub(crate) fn pack(parts: Parts<'_>) -> std::io::Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.file("data.ext4.template", 0o644, parts.data_template);
    archive.folder("sbin");
    archive.file("sbin/e2fsck", 0o755, parts.checker);
    // Mount points of stage-1, and the device the kernel opens as fd 0 to 2 of the first process.
    for folder in ["dev", "proc", "sys", "run", "root"] {
        archive.folder(folder);
    }
    archive.character_device("dev/console", 0o600, (5, 1));
    let base = format!("lib/modules/{}", parts.release);
    for (path, content) in parts.modules.files {
        archive.file(&format!("{base}/{path}"), 0o644, content);
    }
    archive.file(
        &format!("{base}/modules.dep"),
        0o644,
        parts.modules.dep.into_bytes(),
    );
    archive.file(
        &format!("{base}/modules.alias"),
        0o644,
        parts.modules.alias.into_bytes(),
    );
    archive.file(
        &format!("{base}/modules.builtin"),
        0o644,
        parts.modules.builtin.into_bytes(),
    );
    let mut packed = zstd::encode_all(archive.finish().as_slice(), LEVEL)?;
    // The kernel passes over zeros between archives.
    packed.resize(packed.len().next_multiple_of(CHUNK), 0);
    let changing = changing(parts.init, parts.keys);
    packed.extend(patch::compress(&changing).map_err(std::io::Error::other)?);
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
