//! The template of the data disk: an empty ext4, reduced to the blocks that are not zero.
//!
//! The box has no `mkfs`: stage-1 copies these blocks to a blank disk, mounts it and grows it.
//!
//! ```text
//! "RMLEXT4T"  u32 block size  u64 blocks in all   then per block: u64 index, the block's bytes
//! ```
//! All numbers are little-endian; blocks come in ascending order.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::{HostError, command, output};

/// Why there is no template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// mke2fs failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The file it works on cannot be used.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Makes the template with this mke2fs or the host's; `scratch` is a folder for the file system
/// while it is made.
pub(crate) fn make(scratch: &Path, mke2fs: Option<&Path>) -> Result<Vec<u8>, TemplateError> {
    let path = scratch.join(format!("data-{}.ext4", std::process::id()));
    let error = |source| TemplateError::File {
        path: path.clone(),
        source,
    };
    let file = std::fs::File::create(&path).map_err(error)?;
    file.set_len(SIZE).map_err(error)?;
    let made = make_file_system(&path, mke2fs);
    let bytes = std::fs::read(&path).map_err(error);
    std::fs::remove_file(&path).map_err(error)?;
    made?;
    Ok(convert(&bytes?))
}

fn make_file_system(path: &Path, program: Option<&Path>) -> Result<(), HostError> {
    let mut mke2fs = program.map_or_else(|| command("mke2fs"), |path| Ok(Command::new(path)))?;
    // Fixed identity and time give the same bytes each time; stage-1 gives each box its own UUID,
    // which metadata_csum_seed makes cheap. meta_bg lets it grow online without a reserve.
    // Lazy inode tables: blocks that are not copied need not be zero on the box's disk.
    mke2fs.env("E2FSPROGS_FAKE_TIME", FIXED_TIME);
    mke2fs.args([
        "-q", "-F", "-t", "ext4", "-b", "4096", "-i", "16384", "-m", "1",
    ]);
    mke2fs.args([
        "-O",
        "64bit,metadata_csum,metadata_csum_seed,meta_bg,^resize_inode",
    ]);
    mke2fs.args([
        "-E",
        &format!("lazy_itable_init=1,hash_seed={FIXED_UUID},root_owner=0:0"),
    ]);
    mke2fs.args(["-J", "size=8", "-U", FIXED_UUID, "-L", "ramal-data"]);
    output(mke2fs.arg(path)).map(drop)
}

fn convert(disk: &[u8]) -> Vec<u8> {
    let mut template = MAGIC.to_vec();
    let blocks = disk.chunks_exact(BLOCK_SIZE);
    template.extend_from_slice(&BLOCK_SIZE_FIELD.to_le_bytes());
    template.extend_from_slice(&(blocks.len() as u64).to_le_bytes());
    for (index, block) in (0_u64..).zip(blocks) {
        if block.iter().any(|byte| *byte != 0) {
            template.extend_from_slice(&index.to_le_bytes());
            template.extend_from_slice(block);
        }
    }
    template
}

const MAGIC: &[u8; 8] = b"RMLEXT4T";

/// As given to mke2fs: the page size, so the kernel reads whole pages.
const BLOCK_SIZE: usize = 4096;
const BLOCK_SIZE_FIELD: u32 = 4096;

/// Bytes: the smallest data disk a box can have.
const SIZE: u64 = 64 * 1024 * 1024;

/// 2026-01-01, in seconds of Unix time.
const FIXED_TIME: &str = "1767225600";

/// Only in the template; each box gets its own.
const FIXED_UUID: &str = "52414d41-4c00-4000-8000-000000000001";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_with_content_are_kept() {
        let mut disk = vec![0; 4 * BLOCK_SIZE];
        disk[2 * BLOCK_SIZE + 7] = 9;
        let template = convert(&disk);
        assert_eq!(template.len(), 8 + 4 + 8 + 8 + BLOCK_SIZE);
        assert_eq!(template[..8], *b"RMLEXT4T");
        assert_eq!(template[8..12], 4096_u32.to_le_bytes());
        assert_eq!(template[12..20], 4_u64.to_le_bytes());
        assert_eq!(template[20..28], 2_u64.to_le_bytes());
        assert_eq!(template[28 + 7], 9);
    }
}
