//! The data partition, decrypted.

use std::path::{Path, PathBuf};

use kernel::block;
use kernel::mapper::{self, Target};

use crate::data_key::DataKey;
use crate::error::FirmwareError;

/// Opens the data partition in `device`; where its decrypted blocks are, and how many bytes.
///
/// # Errors
/// The kernel refuses.
pub fn open_data(device: &Path, key: &DataKey) -> Result<(PathBuf, u64), FirmwareError> {
    let file = std::fs::File::open(device);
    let file = file.map_err(|source| FirmwareError::device(device, source))?;
    let (_, bytes) = block::geometry(&file, &device.display().to_string())?;
    let bytes = bytes - bytes % BLOCK;
    let target = Target::Crypt {
        device: mapper::device_of(device)?,
        sectors: bytes / 512,
        key: key.material(),
    };
    Ok((mapper::create(NAME, &target)?, bytes))
}

const NAME: &str = "ramal-data";

/// Encrypted as one.
const BLOCK: u64 = 4096;
