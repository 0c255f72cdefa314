//! Making an archive, a row at a time.

use sha2::{Digest as _, Sha256};

use crate::entry::{Summary, Table, end, head};
use crate::header::Header;
use crate::keys::{ArchiveKey, BackupKey, Signer};
use crate::pack::Packer;
use crate::{CHUNK, TAG};

/// Set on the length of the last chunk.
pub(crate) const LAST: u32 = 1 << 31;

/// Why an archive cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WriteError {
    /// A row is longer than any may be.
    #[error("a row of {0} bytes is longer than a backup takes")]
    TooLong(usize),
    /// More than 2^32 chunks, or no memory.
    #[error("the backup cannot be packed or encrypted")]
    Failed,
}

/// Turns rows into the bytes of an archive.
pub struct Writer {
    packer: Packer,
    key: ArchiveKey,
    digest: Sha256,
    /// Packed and not yet encrypted.
    packed: Vec<u8>,
    number: u32,
    /// Ready to be written.
    ready: Vec<u8>,
    summary: Summary,
}

impl Writer {
    /// Begins an archive. `header` names `key` and the box that will sign.
    ///
    /// # Errors
    /// The header is longer than may be.
    pub fn new(header: &Header, key: &BackupKey) -> Result<Self, WriteError> {
        let bytes = header.encode().ok_or(WriteError::Failed)?;
        let key = key.of_archive(&bytes).ok_or(WriteError::Failed)?;
        let mut writer = Self {
            packer: Packer::new().ok_or(WriteError::Failed)?,
            key,
            digest: Sha256::new(),
            packed: Vec::new(),
            number: 0,
            ready: Vec::new(),
            summary: Summary::default(),
        };
        writer.emit(&bytes);
        Ok(writer)
    }

    /// Adds a row. Tables come in the order of [`crate::TABLES`], rows in the order of their keys.
    ///
    /// # Errors
    /// It is too long, or nothing can be encrypted any more.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
        let length = key.len().saturating_add(value.len());
        let head = head(table, key, value).ok_or(WriteError::TooLong(length))?;
        self.summary.count(table);
        for part in [&head, key, value] {
            self.pack(part)?;
        }
        Ok(())
    }

    /// Ends the archive: the rest of its bytes, and what it holds.
    ///
    /// # Errors
    /// Nothing can be encrypted any more.
    pub fn finish(mut self, signer: &Signer) -> Result<(Vec<u8>, Summary), WriteError> {
        let end = end(&self.summary).ok_or(WriteError::Failed)?;
        self.pack(&end)?;
        let packed = self.packer.finish(&mut self.packed);
        packed.ok_or(WriteError::Failed)?;
        while self.packed.len() > CHUNK {
            self.seal(false)?;
        }
        self.seal(true)?;
        let signature = signer.sign_archive(self.digest.clone());
        self.ready.extend(signature);
        Ok((self.ready, self.summary))
    }

    /// Bytes that are ready to be written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ready)
    }

    fn pack(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let packed = self.packer.pack(bytes, &mut self.packed);
        packed.ok_or(WriteError::Failed)?;
        // One chunk stays: it may be the last.
        while self.packed.len() > CHUNK {
            self.seal(false)?;
        }
        Ok(())
    }

    fn seal(&mut self, is_last: bool) -> Result<(), WriteError> {
        let length = self.packed.len().min(CHUNK);
        let mut chunk: Vec<u8> = self.packed.drain(..length).collect();
        let sealed = self.key.seal(self.number, is_last, &mut chunk);
        sealed.ok_or(WriteError::Failed)?;
        self.number = self.number.checked_add(1).ok_or(WriteError::Failed)?;
        let length = u32::try_from(length + TAG).map_err(|_| WriteError::Failed)?;
        let flag = if is_last { LAST } else { 0 };
        self.emit(&(length | flag).to_le_bytes());
        self.emit(&chunk);
        Ok(())
    }

    fn emit(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.ready.extend_from_slice(bytes);
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({:?})", self.summary)
    }
}
