//! Programs for UEFI as files (PE32+): what a signature is over, and where it is.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

/// A program. It is only looked at.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    bytes: &'a [u8],
    /// Where its optional header begins.
    optional: usize,
}

impl<'a> Program<'a> {
    /// `None` for anything but a program of 64 bits with room for a signature.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut program = Self { bytes, optional: 0 };
        let header = program.u32(0x3c)?;
        let has_marks =
            bytes.get(..2)? == b"MZ" && bytes.get(header..header.checked_add(4)?)? == b"PE\0\0";
        program.optional = header.checked_add(24)?;
        let is_known = program.u16(program.optional)? == PE32_PLUS
            && program.u32(program.field(DIRECTORIES - 4)?)? > SECURITY;
        (has_marks && is_known).then_some(program)
    }

    /// SHA-256 of all but checksum, place of the signatures, and signatures.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        let checksum = self.field(CHECKSUM)?;
        let security = self.field(DIRECTORIES + 8 * SECURITY)?;
        let headers = self.u32(self.field(HEADERS_LENGTH)?)?;
        let mut hash = Sha256::new();
        hash.update(self.bytes.get(..checksum)?);
        hash.update(self.bytes.get(checksum + 4..security)?);
        hash.update(self.bytes.get(security + 8..headers)?);
        let mut sum = headers;
        let mut parts: Vec<Range<usize>> = Vec::new();
        for entry in self.table()? {
            parts.push(self.place(entry)?);
        }
        parts.sort_unstable_by_key(|it| it.start);
        for part in parts.into_iter().filter(|it| !it.is_empty()) {
            sum = sum.checked_add(part.len())?;
            hash.update(self.bytes.get(part)?);
        }
        let signatures = self.signatures()?;
        let end = self.bytes.len().checked_sub(signatures.len())?;
        if sum < end {
            hash.update(self.bytes.get(sum..end)?);
        }
        Some(hash.finalize().into())
    }

    /// The first signature (PKCS #7), when it is signed: what firmware judges.
    #[must_use]
    pub fn signature(&self) -> Option<&'a [u8]> {
        let table = self.bytes.get(self.signatures()?)?;
        let length = read_u32(table, 0)?;
        let is_known = table.get(4..8)? == REVISION_AND_TYPE;
        table.get(8..length).filter(|_| is_known)
    }

    /// The content of a section.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&'a [u8]> {
        for entry in self.table()? {
            let found = self.bytes.get(entry..entry.checked_add(8)?)?;
            let found = found.split(|byte| *byte == 0).next().unwrap_or_default();
            if found == name.as_bytes() {
                let place = self.place(entry)?;
                let length = self.u32(entry + 8)?.min(place.len());
                return self
                    .bytes
                    .get(place.start..place.start.checked_add(length)?);
            }
        }
        None
    }

    /// Where the signatures are; empty when there are none.
    fn signatures(&self) -> Option<Range<usize>> {
        let place = self.field(DIRECTORIES + 8 * SECURITY)?;
        let (start, length) = (self.u32(place)?, self.u32(place + 4)?);
        Some(start..start.checked_add(length)?)
    }

    /// Where the headers of its sections are.
    fn table(&self) -> Option<Vec<usize>> {
        let coff = self.optional.checked_sub(20)?;
        let start = self.field(usize::from(self.u16(coff + 16)?))?;
        let count = usize::from(self.u16(coff + 2)?);
        let entries = (0..count).map(|place| start.checked_add(place * ENTRY));
        entries.collect()
    }

    /// Where the content of a section is in the file.
    fn place(&self, entry: usize) -> Option<Range<usize>> {
        let length = self.u32(entry.checked_add(16)?)?;
        let start = self.u32(entry.checked_add(20)?)?;
        Some(start..start.checked_add(length)?)
    }

    fn field(&self, at: usize) -> Option<usize> {
        self.optional.checked_add(at)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    fn u32(&self, at: usize) -> Option<usize> {
        read_u32(self.bytes, at)
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

const PE32_PLUS: u16 = 0x20b;
const HEADERS_LENGTH: usize = 60;
const CHECKSUM: usize = 64;
/// The data directories, of which this one tells where signatures are.
const DIRECTORIES: usize = 112;
const SECURITY: usize = 4;
/// Bytes of a section's header.
const ENTRY: usize = 40;
/// WIN_CERTIFICATE: 2.0, and PKCS #7.
const REVISION_AND_TYPE: [u8; 4] = [0x00, 0x02, 0x02, 0x00];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(
            mut bytes in proptest::collection::vec(any::<u8>(), 0x100..0x400), at in 0x40u8..0x60
        ) {
            bytes[..2].copy_from_slice(b"MZ");
            bytes[0x3c..0x40].copy_from_slice(&[at, 0, 0, 0]);
            let at = usize::from(at);
            bytes[at..at + 4].copy_from_slice(b"PE\0\0");
            bytes[at + 24..at + 26].copy_from_slice(&PE32_PLUS.to_le_bytes());
            if let Some(program) = Program::parse(&bytes) {
                let _ = (program.digest(), program.signature(), program.section(".linux"));
            }
        }
    }
}
