//! The data of a box that is switched off, in the clear: taken out, changed, put back.
//!
//! The product's own code finds the key; the cipher is written anew, so that a fault of the one is
//! not hidden by the same fault of the other.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use firmware::{DataKey, KeyPlace, Protection};
use qemu::disk::BoxDisk;
use slot::partition;

use crate::Failure;
use crate::xts::{SECTOR, Xts};

/// The decrypted data in a file.
pub struct OpenData {
    disk: BoxDisk,
    path: PathBuf,
    xts: Xts,
    /// Whether the box has not written any of it.
    is_new: bool,
}

impl OpenData {
    /// Decrypts what a box has written. What it never wrote is zero.
    ///
    /// # Errors
    /// The box has made no key yet, or a TPM keeps it.
    pub fn take_out(disk: &BoxDisk) -> Result<Self, Failure> {
        let place = disk.look_at_state(firmware::StateFile::key_place)?;
        let KeyPlace::Kept {
            protection: Protection::None,
            payload,
            ..
        } = place
        else {
            return Err(Failure::new(format!("no key to open: {place:?}")));
        };
        let key = DataKey::from_bytes(&payload);
        let key = key.ok_or_else(|| Failure::new("the key has the wrong length"))?;
        let open = Self {
            disk: disk.clone(),
            path: disk.path().with_extension("data"),
            xts: Xts::new(key.material()),
            is_new: false,
        };
        let plain = File::create(&open.path)?;
        open.each_sector(|place, mut sector| {
            if sector.iter().any(|byte| *byte != 0) {
                open.xts.decrypt(place, &mut sector);
                plain.write_all_at(&sector, place)?;
            }
            Ok(())
        })?;
        plain.set_len(open.length()?)?;
        Ok(open)
    }

    /// Makes a key for a box that has none yet, and has it take what is put in for data that it
    /// made itself.
    ///
    /// # Errors
    /// The disk cannot be written.
    pub fn make(disk: &BoxDisk) -> Result<Self, Failure> {
        let key = DataKey::fresh()?;
        let place = KeyPlace::Kept {
            protection: Protection::None,
            is_formatted: true,
            payload: key.material().to_vec(),
            paper: None,
            before: None,
        };
        disk.change_state(|state| state.keep_key(&place))?;
        let mut open = Self::take_out(disk)?;
        open.is_new = true;
        Ok(open)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn length(&self) -> Result<u64, Failure> {
        let (_, length) = self.disk.place(partition::DATA)?;
        Ok(length - length % SECTOR as u64)
    }

    /// Encrypts what was changed.
    ///
    /// # Errors
    /// The disk cannot be written.
    pub fn put_back(self) -> Result<(), Failure> {
        let plain = File::open(&self.path)?;
        let (start, _) = self.disk.place(partition::DATA)?;
        let file = self.disk.open()?;
        self.each_sector(|place, sector| {
            let mut wanted = [0; SECTOR];
            plain.read_exact_at(&mut wanted, place)?;
            // What the box never wrote and nobody changed stays a hole. In a file system that was
            // made here, zeros are zeros.
            if wanted == sector && !self.is_new {
                return Ok(());
            }
            self.xts.encrypt(place, &mut wanted);
            if wanted != sector {
                file.write_all_at(&wanted, start + place)?;
            }
            Ok(())
        })
    }

    fn each_sector(
        &self,
        mut job: impl FnMut(u64, [u8; SECTOR]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (start, _) = self.disk.place(partition::DATA)?;
        let file = self.disk.open()?;
        let mut sector = [0; SECTOR];
        for place in (0..self.length()?).step_by(SECTOR) {
            file.read_exact_at(&mut sector, start + place)?;
            job(place, sector)?;
        }
        Ok(())
    }
}

impl Drop for OpenData {
    fn drop(&mut self) {
        // In the lab's folder, which goes anyway.
        let _removed = fs::remove_file(&self.path);
    }
}
