//! Programs of UEFI as files (PE32+): adding sections, and the digest that is signed.
//!
//! Sources: Microsoft PE format; Windows Authenticode Portable Executable Signature Format,
//! "Calculating the PE image hash"; EDK II SecurityPkg/Library/DxeImageVerificationLib, which is
//! what judges the result.

use sha2::{Digest as _, Sha256};

/// Why a file cannot be used as a program.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PeError {
    /// Something in it is not as it should be.
    #[error("this is no program for UEFI: {0}")]
    Form(&'static str),
    /// Its headers have no room left.
    #[error("there is no room for the section {0}: link the program with larger headers")]
    Room(String),
    /// A section's name.
    #[error("a section cannot be called {0:?}: 1 to 8 letters")]
    Name(String),
    /// What is added is too large for the format.
    #[error("the program would be larger than 2 GiB")]
    Large,
}

/// What is added to a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Section<'a> {
    /// At most eight characters.
    pub name: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

/// A program whose headers have been found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    bytes: Vec<u8>,
    /// Where the COFF header begins.
    coff: usize,
}

/// The program with these sections behind its own, readable and nothing else. Each is filled up to
/// a multiple of `unit` in the file, a power of two, and so the next one begins on one. The time at
/// which it was linked and its checksum, which nobody looks at, become zero, so that the same parts
/// give the same bytes.
///
/// # Errors
/// It is no program, was signed already, or its headers have no room.
pub fn with_sections(
    program: &[u8],
    sections: &[Section<'_>],
    unit: usize,
) -> Result<Vec<u8>, PeError> {
    let mut program = Program::parse(program.to_vec())?;
    if program.signatures()? != (0, 0) {
        return Err(PeError::Form(
            "it is signed; sections are added before that",
        ));
    }
    program.put_u32(program.coff + 4, 0)?;
    program.put_u32(program.optional() + CHECKSUM, 0)?;
    for section in sections {
        program.add(section, unit)?;
    }
    Ok(program.bytes)
}

/// The content of a section of a program as a file.
///
/// # Errors
/// It is no program.
pub fn section<'a>(program: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, PeError> {
    let parsed = Program::parse(program.to_vec())?;
    for entry in parsed.table()? {
        if parsed.name(entry)? == name.as_bytes() {
            let length = parsed.u32(entry + 8)?.min(parsed.u32(entry + 16)?);
            let start = parsed.u32(entry + 20)?;
            return Ok(program.get(start..start + length));
        }
    }
    Ok(None)
}

impl Program {
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, PeError> {
        let mut program = Self { bytes, coff: 0 };
        let header = program.u32(0x3c)?;
        if program.bytes.get(..2) != Some(b"MZ") || program.array(header)? != *b"PE\0\0" {
            return Err(PeError::Form("it has no PE header"));
        }
        program.coff = header + 4;
        if program.u16(program.optional())? != PE32_PLUS {
            return Err(PeError::Form("it is not of 64 bits"));
        }
        if program.u32(program.optional() + DIRECTORIES - 4)? <= SECURITY {
            return Err(PeError::Form("it has no place for a signature"));
        }
        Ok(program)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Takes away signatures, and fills the file up to where new ones may begin.
    pub(crate) fn strip(&mut self) -> Result<(), PeError> {
        let (start, length) = self.signatures()?;
        if length > 0 {
            if start + length != self.bytes.len() {
                return Err(PeError::Form("its signatures are not at its end"));
            }
            self.bytes.truncate(start);
        }
        self.bytes
            .resize(self.bytes.len().next_multiple_of(CERTIFICATE_ALIGNMENT), 0);
        let place = self.optional() + DIRECTORIES + 8 * SECURITY;
        self.put_u32(place, 0)?;
        self.put_u32(place + 4, 0)
    }

    /// Puts a certificate table at the end.
    pub(crate) fn attach(&mut self, table: &[u8]) -> Result<(), PeError> {
        let place = self.optional() + DIRECTORIES + 8 * SECURITY;
        let start = u32::try_from(self.bytes.len()).map_err(|_| PeError::Large)?;
        let length = u32::try_from(table.len()).map_err(|_| PeError::Large)?;
        self.put_u32(place, start)?;
        self.put_u32(place + 4, length)?;
        self.bytes.extend_from_slice(table);
        Ok(())
    }

    /// What a signature is over: all but checksum, place of the signatures, and signatures.
    pub(crate) fn digest(&self) -> Result<[u8; 32], PeError> {
        let checksum = self.optional() + CHECKSUM;
        let security = self.optional() + DIRECTORIES + 8 * SECURITY;
        let headers = self.u32(self.optional() + HEADERS_LENGTH)?;
        let mut hash = Sha256::new();
        hash.update(self.range(0, checksum)?);
        hash.update(self.range(checksum + 4, security)?);
        hash.update(self.range(security + 8, headers)?);
        let mut parts = Vec::new();
        for entry in self.table()? {
            parts.push((self.u32(entry + 20)?, self.u32(entry + 16)?));
        }
        parts.sort_unstable();
        let mut sum = headers;
        for (start, length) in parts.into_iter().filter(|(_, length)| *length > 0) {
            hash.update(self.range(start, start + length)?);
            sum += length;
        }
        let (_, signatures) = self.signatures()?;
        let end = self.bytes.len().checked_sub(signatures);
        let end = end.ok_or(PeError::Form("its signatures are larger than it"))?;
        if sum < end {
            hash.update(self.range(sum, end)?);
        }
        Ok(hash.finalize().into())
    }

    /// Start and length of the certificate table; zeros when it is not signed.
    pub(crate) fn signatures(&self) -> Result<(usize, usize), PeError> {
        let place = self.optional() + DIRECTORIES + 8 * SECURITY;
        Ok((self.u32(place)?, self.u32(place + 4)?))
    }

    fn add(&mut self, section: &Section<'_>, unit: usize) -> Result<(), PeError> {
        let name = section.name.as_bytes();
        if name.is_empty() || name.len() > 8 {
            return Err(PeError::Name(section.name.to_owned()));
        }
        let optional = self.optional();
        let alignment = self.u32(optional + 32)?.max(1);
        let file_alignment = self.u32(optional + 36)?.max(1);
        let entries = self.table()?;
        let entry = entries
            .last()
            .map_or(self.table_start()?, |last| last + ENTRY);
        let mut address = self.u32(optional + IMAGE_LENGTH)?;
        for entry in &entries {
            let end = self.u32(entry + 12)? + self.u32(entry + 8)?.max(self.u32(entry + 16)?);
            address = address.max(end);
        }
        let room = self.u32(optional + HEADERS_LENGTH)?;
        let is_free = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        if entry + ENTRY > room || !is_free(self.range(entry, entry + ENTRY)?) {
            return Err(PeError::Room(section.name.to_owned()));
        }
        self.bytes
            .resize(self.bytes.len().next_multiple_of(file_alignment), 0);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(section.bytes);
        // What fills it up is part of it: no byte of the file lies between two sections, where a
        // signature would not be over it.
        let end = self.bytes.len().next_multiple_of(file_alignment.max(unit));
        self.bytes.resize(end, 0);
        let raw = self.bytes.len() - start;
        let address = address.next_multiple_of(alignment);
        let mut header = Vec::with_capacity(ENTRY);
        header.extend_from_slice(name);
        header.resize(8, 0);
        for number in [section.bytes.len(), address, raw, start, 0, 0, 0] {
            let number = u32::try_from(number).map_err(|_| PeError::Large)?;
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.extend_from_slice(&READ_ONLY_DATA.to_le_bytes());
        self.put(entry, &header)?;
        let count = u16::try_from(entries.len() + 1).map_err(|_| PeError::Large)?;
        self.put(self.coff + 2, &count.to_le_bytes())?;
        let data = self.u32(optional + 8)? + raw;
        self.put_u32(
            optional + 8,
            u32::try_from(data).map_err(|_| PeError::Large)?,
        )?;
        let end = (address + section.bytes.len()).next_multiple_of(alignment);
        let end = u32::try_from(end).map_err(|_| PeError::Large)?;
        self.put_u32(optional + IMAGE_LENGTH, end)
    }

    const fn optional(&self) -> usize {
        self.coff + 20
    }

    fn table_start(&self) -> Result<usize, PeError> {
        Ok(self.optional() + usize::from(self.u16(self.coff + 16)?))
    }

    /// Where the headers of its sections are.
    fn table(&self) -> Result<Vec<usize>, PeError> {
        let start = self.table_start()?;
        let count = usize::from(self.u16(self.coff + 2)?);
        Ok((0..count).map(|place| start + place * ENTRY).collect())
    }

    fn name(&self, entry: usize) -> Result<&[u8], PeError> {
        let name = self.range(entry, entry + 8)?;
        Ok(name.split(|byte| *byte == 0).next().unwrap_or_default())
    }

    fn range(&self, start: usize, end: usize) -> Result<&[u8], PeError> {
        self.bytes
            .get(start..end)
            .ok_or(PeError::Form("it is cut off"))
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], PeError> {
        let bytes = self.range(at, at.saturating_add(N))?;
        bytes.try_into().map_err(|_| PeError::Form("it is cut off"))
    }

    fn u16(&self, at: usize) -> Result<u16, PeError> {
        Ok(u16::from_le_bytes(self.array(at)?))
    }

    fn u32(&self, at: usize) -> Result<usize, PeError> {
        let number = u32::from_le_bytes(self.array(at)?);
        usize::try_from(number).map_err(|_| PeError::Large)
    }

    fn put(&mut self, at: usize, value: &[u8]) -> Result<(), PeError> {
        let place = self.bytes.get_mut(at..at + value.len());
        place
            .ok_or(PeError::Form("it is cut off"))?
            .copy_from_slice(value);
        Ok(())
    }

    fn put_u32(&mut self, at: usize, value: u32) -> Result<(), PeError> {
        self.put(at, &value.to_le_bytes())
    }
}

const PE32_PLUS: u16 = 0x20b;
const HEADERS_LENGTH: usize = 60;
const IMAGE_LENGTH: usize = 56;
const CHECKSUM: usize = 64;
/// The data directories, of which this one tells where signatures are.
const DIRECTORIES: usize = 112;
const SECURITY: usize = 4;
/// Bytes of a section's header.
const ENTRY: usize = 40;
/// IMAGE_SCN_CNT_INITIALIZED_DATA and IMAGE_SCN_MEM_READ.
const READ_ONLY_DATA: u32 = 0x4000_0040;
/// Certificates begin on multiples of this.
const CERTIFICATE_ALIGNMENT: usize = 8;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The smallest program: one section, headers of 1024 bytes.
    pub(crate) fn program() -> Vec<u8> {
        let mut bytes = vec![0; 1024 + 512];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, b"MZ");
        put(0x3c, &[0x40]);
        put(0x40, b"PE\0\0");
        put(0x44, &[0x64, 0x86, 1, 0, 9, 9, 9, 9]);
        put(0x54, &240u16.to_le_bytes());
        put(0x58, &PE32_PLUS.to_le_bytes());
        for (at, value) in [
            (32, 4096u32),
            (36, 512),
            (IMAGE_LENGTH, 0x2000),
            (HEADERS_LENGTH, 1024),
            (CHECKSUM, 0x1234),
            (DIRECTORIES - 4, 16),
        ] {
            put(0x58 + at, &value.to_le_bytes());
        }
        put(0x148, b".text\0\0\0");
        for (at, value) in [(8, 5u32), (12, 0x1000), (16, 512), (20, 1024)] {
            put(0x148 + at, &value.to_le_bytes());
        }
        put(1024, b"hello");
        bytes
    }

    fn sections() -> [Section<'static>; 2] {
        let (name, bytes) = (".cmdline", &b"quiet"[..]);
        let linux = &[7; 9000];
        [
            Section { name, bytes },
            Section {
                name: ".linux",
                bytes: linux,
            },
        ]
    }

    #[test]
    fn added_sections_are_found_and_nothing_overlaps() {
        let made = with_sections(&program(), &sections(), 1).expect("made");
        assert_eq!(section(&made, ".text").expect("read"), Some(&b"hello"[..]));
        for added in sections() {
            assert_eq!(section(&made, added.name).expect("read"), Some(added.bytes));
        }
        let parsed = Program::parse(made).expect("a program");
        let address = |entry: &usize| parsed.u32(entry + 12).expect("there");
        let addresses: Vec<_> = parsed.table().expect("there").iter().map(address).collect();
        assert_eq!(addresses, [0x1000, 0x2000, 0x3000]);
        assert_eq!(parsed.u32(parsed.optional() + IMAGE_LENGTH), Ok(0x6000));
        assert_eq!(parsed.bytes.len(), 1536 + 512 + 9216);
    }

    #[test]
    fn sections_begin_where_they_are_to_and_their_content_is_the_same() {
        let made = with_sections(&program(), &sections(), 16_384).expect("made");
        let parsed = Program::parse(made.clone()).expect("a program");
        let start = |entry: &usize| parsed.u32(entry + 20).expect("there");
        let starts: Vec<_> = parsed.table().expect("there").iter().map(start).collect();
        assert_eq!(starts, [1024, 1536, 16_384]);
        assert_eq!(made.len(), 32_768);
        for added in sections() {
            assert_eq!(section(&made, added.name).expect("read"), Some(added.bytes));
        }
    }

    #[test]
    fn when_it_was_linked_leaves_no_trace() {
        let mut later = program();
        later[0x48..0x4c].fill(1);
        later[0x58 + CHECKSUM] = 1;
        let made = [program(), later].map(|it| with_sections(&it, &sections(), 1).expect("made"));
        assert!(made[0] == made[1]);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let long = Section {
            name: ".too-long",
            bytes: &[],
        };
        assert_eq!(
            with_sections(&program(), &[long], 1),
            Err(PeError::Name(".too-long".into()))
        );
        let many = vec![sections()[0]; 30];
        let refused = with_sections(&program(), &many, 1);
        assert_eq!(refused, Err(PeError::Room(".cmdline".into())));
        for bytes in [
            &b""[..],
            &program()[..0x80],
            &[0; 2000],
            &program()[..0x160],
        ] {
            let refused = with_sections(bytes, &sections(), 1);
            assert!(
                matches!(refused, Err(PeError::Form(_))),
                "{} bytes",
                bytes.len()
            );
        }
    }

    #[test]
    fn the_digest_is_over_all_but_checksum_and_signatures() {
        let digest = |bytes: Vec<u8>| Program::parse(bytes).expect("a program").digest();
        let whole = digest(program());
        for at in [0x58 + CHECKSUM, 0x58 + DIRECTORIES + 8 * SECURITY] {
            let mut changed = program();
            changed[at] ^= 0xff;
            let mut other = Program::parse(changed).expect("a program");
            other
                .strip()
                .or_else(|_| other.put_u32(at, 0))
                .expect("stripped");
            assert_eq!(other.digest(), whole);
        }
        for at in [2, 0x44, 0x58 + 8, 0x148, 0x300, 1024, 1535] {
            let mut changed = program();
            changed[at] ^= 1;
            assert_ne!(digest(changed), whole, "byte {at}");
        }
        let mut longer = program();
        longer.push(1);
        assert_ne!(digest(longer), whole);
    }
}
