//! A part of a disk, as a partition is.

use std::io;

use firmware::Medium;

/// A part of a disk.
#[derive(Debug)]
pub struct Part<'d, D> {
    disk: &'d D,
    start: u64,
    length: u64,
}

impl<'d, D> Part<'d, D> {
    /// From byte `start` on, so many bytes.
    pub const fn new(disk: &'d D, (start, length): (u64, u64)) -> Self {
        Self {
            disk,
            start,
            length,
        }
    }

    fn place(&self, at: u64, length: usize) -> io::Result<u64> {
        let end = at.saturating_add(length as u64);
        match end <= self.length {
            true => Ok(self.start.saturating_add(at)),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl<D: Medium> Medium for Part<'_, D> {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.disk.read_at(bytes, self.place(at, bytes.len())?)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.disk.write_at(bytes, self.place(at, bytes.len())?)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync()
    }

    fn forget(&self) -> io::Result<()> {
        self.disk.forget()
    }

    fn lock(&self) -> io::Result<()> {
        self.disk.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.disk.unlock()
    }
}
