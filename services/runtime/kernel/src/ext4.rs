//! The data file system: making it from the template, growing it.
//!
//! The box has no mkfs program. The image carries the blocks of a small empty file system that
//! are not zero, and they are copied to the device. Whether that was done to its end is noted
//! elsewhere; until then it is done again. Source: Linux
//! Documentation/filesystems/ext4/super.rst.
#![expect(unsafe_code, reason = "growing is an ioctl")]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::ioctl::{Setter, ioctl, opcode};

use crate::crc32c::crc32c;
use crate::{Context, SystemError};

/// What the superblock says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Superblock {
    /// Bytes a block.
    pub block_bytes: u64,
    /// Blocks in all.
    pub blocks: u64,
}

/// The blocks of a small empty file system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    block_bytes: usize,
    blocks: u64,
    used: Vec<(u64, Vec<u8>)>,
}

/// Why a template is of no use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template of the data disk is damaged ({0}); write the firmware image anew")]
pub struct TemplateError(&'static str);

impl Template {
    /// Reads the template: the magic `RMLEXT4T`, a u32 block size and a u64 block count, then for
    /// each block that is not zero its u64 number and its bytes; all little-endian.
    ///
    /// # Errors
    /// When the bytes are not such a template.
    pub fn parse(bytes: &[u8]) -> Result<Self, TemplateError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(TemplateError("no magic"))?;
        let (size, rest) = rest
            .split_first_chunk()
            .ok_or(TemplateError("no block size"))?;
        let (count, mut rest) = rest
            .split_first_chunk()
            .ok_or(TemplateError("no block count"))?;
        let (size, blocks) = (u32::from_le_bytes(*size), u64::from_le_bytes(*count));
        if !(2048..=65536).contains(&size) || !size.is_power_of_two() {
            return Err(TemplateError("an impossible block size"));
        }
        let block_bytes = usize::try_from(size).unwrap_or(4096);
        let mut used = Vec::new();
        while !rest.is_empty() {
            let (number, body) = rest
                .split_first_chunk()
                .ok_or(TemplateError("a torn block number"))?;
            let number = u64::from_le_bytes(*number);
            let (block, after) = body
                .split_at_checked(block_bytes)
                .ok_or(TemplateError("a torn block"))?;
            if number >= blocks {
                return Err(TemplateError("a block beyond the end"));
            }
            used.push((number, block.to_vec()));
            rest = after;
        }
        let template = Self {
            block_bytes,
            blocks,
            used,
        };
        let first = template.block(0).ok_or(TemplateError("no block 0"))?;
        superblock(first).ok_or(TemplateError("no superblock"))?;
        Ok(template)
    }

    /// Copies the template to a device, with an identity of its own. What else is on the device is
    /// of no account: the file system does not look at it.
    ///
    /// # Errors
    /// When the device cannot be written. Doing it again is safe.
    pub fn write_to(&self, device: &File, identity: &Identity) -> Result<(), SystemError> {
        for (number, block) in &self.used {
            let mut block = block.clone();
            if *number == 0 {
                identity.put_into(&mut block);
            }
            let place = number.saturating_mul(self.block_bytes as u64);
            device
                .write_all_at(&block, place)
                .context("write", "the data")?;
        }
        device.sync_all().context("flush", "the data")
    }

    fn block(&self, number: u64) -> Option<&[u8]> {
        self.used
            .iter()
            .find(|(it, _)| *it == number)
            .map(|(_, block)| &**block)
    }
}

/// The random numbers that tell one file system from the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    uuid: [u8; 16],
    hash_seed: [u8; 16],
}

impl Identity {
    /// A fresh one.
    ///
    /// # Errors
    /// When the kernel has no random numbers.
    pub fn random() -> Result<Self, SystemError> {
        let (mut uuid, mut hash_seed) = ([0; 16], [0; 16]);
        for bytes in [&mut uuid, &mut hash_seed] {
            rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())
                .context("draw", "random numbers")?;
        }
        Ok(Self::new(uuid, hash_seed))
    }

    fn new(mut uuid: [u8; 16], hash_seed: [u8; 16]) -> Self {
        // RFC 9562 §5.4: version 4, variant 10.
        let [.., version, _, variant, _, _, _, _, _, _, _] = &mut uuid;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        Self { uuid, hash_seed }
    }

    /// Puts the identity into block 0 and corrects its checksum. All other checksums start from
    /// the old UUID, so that is kept as their seed, as tune2fs does it.
    fn put_into(&self, block: &mut [u8]) {
        let Some(superblock) = block.get_mut(SUPERBLOCK..SUPERBLOCK + SUPERBLOCK_LENGTH) else {
            return;
        };
        let has_checksums = word(superblock, READ_ONLY_FEATURES) & METADATA_CHECKSUMS != 0;
        let features = word(superblock, INCOMPATIBLE_FEATURES);
        if has_checksums && features & CHECKSUM_SEED == 0 {
            let old = superblock.get(UUID..UUID + 16).unwrap_or_default();
            let seed = crc32c(!0, old);
            put(superblock, SEED, &seed.to_le_bytes());
            put(
                superblock,
                INCOMPATIBLE_FEATURES,
                &(features | CHECKSUM_SEED).to_le_bytes(),
            );
        }
        put(superblock, UUID, &self.uuid);
        put(superblock, HASH_SEED, &self.hash_seed);
        if has_checksums {
            let checksum = crc32c(!0, superblock.get(..CHECKSUM).unwrap_or_default());
            put(superblock, CHECKSUM, &checksum.to_le_bytes());
        }
    }
}

/// What the superblock on a device says; `None` when there is none.
///
/// # Errors
/// When it cannot be read.
pub fn superblock_of(device: &Path) -> Result<Option<Superblock>, SystemError> {
    let mut head = [0; SUPERBLOCK + SUPERBLOCK_LENGTH];
    File::open(device)
        .and_then(|file| file.read_exact_at(&mut head, 0))
        .context("read", device.display())?;
    Ok(superblock(&head))
}

/// Corrects the check value of a superblock that is wrong, as it is when a power cut has left one
/// of its two sectors old and one new: each is one that the kernel wrote, but neither the kernel
/// nor e2fsck opens it. Whoever does this has everything else checked (`e2fsck -f`), and puts back
/// what was there, which is returned, when that finds more.
///
/// # Errors
/// The disk cannot be read or written.
pub fn mend_torn_superblock(disk: &File) -> Result<Option<[u8; SUPERBLOCK_LENGTH]>, SystemError> {
    let mut head = [0; SUPERBLOCK + SUPERBLOCK_LENGTH];
    disk.read_exact_at(&mut head, 0)
        .context("read", "the data disk")?;
    let Some(found) = head.last_chunk::<SUPERBLOCK_LENGTH>().copied() else {
        return Ok(None);
    };
    let has_checksums = word(&found, READ_ONLY_FEATURES) & METADATA_CHECKSUMS != 0;
    let wanted = crc32c(!0, found.get(..CHECKSUM).unwrap_or_default());
    if superblock(&head).is_none() || !has_checksums || word(&found, CHECKSUM) == wanted {
        return Ok(None);
    }
    let mut mended = found;
    put(&mut mended, CHECKSUM, &wanted.to_le_bytes());
    put_superblock(disk, &mended)?;
    Ok(Some(found))
}

/// Writes a superblock; it is on the disk when this returns.
///
/// # Errors
/// The disk cannot be written.
pub fn put_superblock(disk: &File, bytes: &[u8; SUPERBLOCK_LENGTH]) -> Result<(), SystemError> {
    let at = SUPERBLOCK as u64;
    disk.write_all_at(bytes, at)
        .and_then(|()| disk.sync_all())
        .context("write", "the data disk")
}

/// Grows the mounted file system at `mount_point` to `blocks` blocks.
///
/// # Errors
/// When the kernel refuses; the file system stays as it was.
pub fn grow(mount_point: &str, blocks: u64) -> Result<(), SystemError> {
    let root = File::open(mount_point).context("open", mount_point)?;
    // SAFETY: EXT4_IOC_RESIZE_FS reads a u64 (Linux fs/ext4/ext4.h).
    unsafe { ioctl(&root, Setter::<RESIZE, u64>::new(blocks)) }.context("grow", mount_point)
}

/// Reads the superblock from the start of a disk.
fn superblock(head: &[u8]) -> Option<Superblock> {
    let block = head.get(SUPERBLOCK..SUPERBLOCK + SUPERBLOCK_LENGTH)?;
    if block.get(0x38..0x3a)? != [0x53, 0xef] {
        return None;
    }
    let high = if word(block, INCOMPATIBLE_FEATURES) & WIDE == 0 {
        0
    } else {
        word(block, 0x150)
    };
    Some(Superblock {
        block_bytes: 1024_u64.checked_shl(word(block, 0x18))?,
        blocks: u64::from(high) << 32 | u64::from(word(block, 0x04)),
    })
}

fn word(block: &[u8], offset: usize) -> u32 {
    let bytes = block.get(offset..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn put(block: &mut [u8], offset: usize, bytes: &[u8]) {
    let end = offset.saturating_add(bytes.len());
    if let Some(slot) = block.get_mut(offset..end) {
        slot.copy_from_slice(bytes);
    }
}

impl From<TemplateError> for io::Error {
    fn from(error: TemplateError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

const MAGIC: &[u8] = b"RMLEXT4T";
const SUPERBLOCK: usize = 1024;
/// Bytes of a superblock.
pub const SUPERBLOCK_LENGTH: usize = 1024;
const INCOMPATIBLE_FEATURES: usize = 0x60;
const READ_ONLY_FEATURES: usize = 0x64;
const UUID: usize = 0x68;
const HASH_SEED: usize = 0xec;
const SEED: usize = 0x270;
const CHECKSUM: usize = 0x3fc;
/// `EXT4_FEATURE_INCOMPAT_64BIT`.
const WIDE: u32 = 0x80;
/// `EXT4_FEATURE_INCOMPAT_CSUM_SEED`.
const CHECKSUM_SEED: u32 = 0x2000;
/// `EXT4_FEATURE_RO_COMPAT_METADATA_CSUM`.
const METADATA_CHECKSUMS: u32 = 0x400;
/// `EXT4_IOC_RESIZE_FS`.
const RESIZE: rustix::ioctl::Opcode = opcode::write::<u64>(b'f', 16);

#[cfg(test)]
mod tests;
