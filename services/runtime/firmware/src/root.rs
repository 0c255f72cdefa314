//! The root of the running slot: every block of it is checked as it is read.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use kernel::mapper::{self, Device, Target};
use slot::{HEADER_LENGTH, Header};

use crate::error::FirmwareError;

/// Opens the root of the slot in `device`; where it can be mounted. `root_hash` comes from the
/// command line, which was signed; the slot's header only says where things are.
///
/// # Errors
/// The header is damaged, the root is another one, or the kernel refuses.
pub fn open(device: &Path, root_hash: &[u8; 32]) -> Result<(PathBuf, Header), FirmwareError> {
    let header = header(device)?;
    if header.root_hash != *root_hash {
        return Err(FirmwareError::OtherRoot(device.to_owned()));
    }
    let slot = mapper::device_of(device)?;
    let data = Target::Linear {
        device: slot,
        start: header.root.start / SECTOR,
        sectors: header.root.length / SECTOR,
    };
    let data = mapper::create(UNCHECKED, &data)?;
    let verified = verified(&header, mapper::device_of(&data)?, slot);
    Ok((mapper::create(CHECKED, &verified)?, header))
}

fn verified(header: &Header, data: Device, tree: Device) -> Target<'_> {
    Target::Verity {
        data,
        blocks: header.root.length / BLOCK,
        tree,
        tree_start: header.verity.start / BLOCK,
        root_hash: &header.root_hash,
        salt: &header.salt,
    }
}

/// What the slot in `device` says it holds.
///
/// # Errors
/// It cannot be read, or holds nothing.
pub fn header(device: &Path) -> Result<Header, FirmwareError> {
    let mut bytes = vec![0; HEADER_LENGTH];
    File::open(device)
        .and_then(|file| file.read_exact_at(&mut bytes, 0))
        .map_err(|source| FirmwareError::device(device, source))?;
    Header::decode(&bytes).map_err(|fault| FirmwareError::Header {
        path: device.to_owned(),
        fault,
    })
}

/// Whether every block of the root that was read so far was the one that was signed.
///
/// # Errors
/// There is no such root.
pub fn is_sound() -> Result<bool, FirmwareError> {
    Ok(mapper::is_sound(CHECKED)?)
}

/// Names of the mapped devices.
const UNCHECKED: &str = "ramal-root-unchecked";
const CHECKED: &str = "ramal-root";

/// The kernel counts disks in these, whatever their sectors are.
const SECTOR: u64 = 512;

/// Of data and hashes.
const BLOCK: u64 = 4096;
