//! What QEMU recorded of a disk: writes and flushes, in order.
//!
//! Source: Linux Documentation/admin-guide/device-mapper/log-writes.rst.

use std::path::Path;

use crate::Failure;

/// One thing a disk was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Write {
    /// Bytes, from this byte of the disk.
    Bytes {
        /// Where.
        at: u64,
        /// How many.
        length: u64,
    },
    /// To keep what was written before, whatever happens.
    Flush,
}

/// Reads a record.
///
/// # Errors
/// It is none.
pub fn writes(log: &Path) -> Result<Vec<Write>, Failure> {
    let bytes = std::fs::read(log)?;
    let number = |at: usize| -> Result<u64, Failure> {
        let bytes = bytes.get(at..at + 8).and_then(|it| it.try_into().ok());
        let bytes = bytes.ok_or_else(|| Failure::Other("the record is cut off".into()))?;
        Ok(u64::from_le_bytes(bytes))
    };
    if number(0)? != MAGIC {
        return Err(Failure::Other("this is no record of writes".into()));
    }
    let mut found = Vec::new();
    let mut at = SECTOR;
    for _ in 0..number(16)? {
        let (sector, count, flags) = (number(at)?, number(at + 8)?, number(at + 16)?);
        if flags & FLUSH != 0 {
            found.push(Write::Flush);
        }
        let length = count * SECTOR as u64;
        if length > 0 {
            let at = sector * SECTOR as u64;
            found.push(Write::Bytes { at, length });
        }
        let length = usize::try_from(length).map_err(|error| Failure::Other(error.to_string()))?;
        at += SECTOR + length;
    }
    Ok(found)
}

const MAGIC: u64 = 0x006a_7366_7773_6872;
const SECTOR: usize = 512;
const FLUSH: u64 = 1;
