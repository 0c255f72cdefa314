//! The provisioning file on the EFI system partition is wiped, beside files that the box starts
//! from.

use std::io::{self, Read as _, Write as _};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};
use firmware::{Found, Medium, ProvisionFile};

use super::{Judge, Recorded};
use crate::fault::Fault;
use crate::record::{MemoryDisk, Recorder};
use crate::trace::{SECTOR, SECTOR_LENGTH};
use crate::view::View;

pub(super) fn make() -> Recorded {
    let disk = MemoryDisk::default();
    lay_down(&disk).map_err(broken)?;
    let base = disk.sectors();
    let recorder = Recorder::new(disk);
    let file = ProvisionFile::open(Whole(&recorder), LENGTH, PATH).map_err(broken)?;
    file.wipe().map_err(broken)?;
    recorder.mark(WIPED);
    Ok((recorder.into_trace(base, LENGTH), Box::new(Esp)))
}

/// A new partition with the file, and others.
fn lay_down(disk: &MemoryDisk) -> io::Result<()> {
    let mut bytes = Bytes { disk, place: 0 };
    fatfs::format_volume(&mut bytes, FormatVolumeOptions::new())?;
    let volume = FileSystem::new(bytes, FsOptions::new())?;
    let folder = volume.root_dir();
    folder.create_dir("EFI")?;
    folder.create_dir("RAMAL")?;
    folder.create_file(LOADER)?.write_all(&loader())?;
    folder.create_file(PATH)?.write_all(&secrets())?;
    // Behind it, so that its clusters are in the same sector of the FAT.
    folder.create_file(RESCUE)?.write_all(&loader())?;
    drop(folder);
    volume.unmount()
}

/// Whatever a cut leaves, the next start finds the file as it was, or what is to be wiped, and
/// wipes it; and the loader is untouched.
struct Esp;

impl Judge for Esp {
    fn judge(&self, view: &View<'_>, told: &[&str], _number: usize) -> Result<(), Fault> {
        let open = || ProvisionFile::open(Whole(view), LENGTH, PATH).map_err(broken);
        let found = open()?.read(usize::MAX).map_err(broken)?;
        let is_allowed = match &found {
            Found::Content(bytes) => told.is_empty() && *bytes == secrets(),
            Found::Remains => told.is_empty(),
            Found::Nothing => true,
        };
        if !is_allowed {
            return Err(Fault::broken(
                "the file is neither whole, nor known as wiped",
            ));
        }
        if found == Found::Nothing && has_secrets(view)? {
            return Err(Fault::broken("its name is gone, and its bytes are there"));
        }
        open()?.wipe().map_err(broken)?;
        if has_secrets(view)? {
            return Err(Fault::broken("its bytes are there after the next start"));
        }
        let volume = FileSystem::new(
            Bytes {
                disk: view,
                place: 0,
            },
            FsOptions::new(),
        );
        let volume = volume.map_err(broken)?;
        for path in [LOADER, RESCUE] {
            let mut bytes = Vec::new();
            let file = volume.root_dir().open_file(path);
            file.and_then(|mut it| it.read_to_end(&mut bytes))
                .map_err(broken)?;
            if bytes != loader() {
                return Err(Fault::broken(format!("{path} is damaged")));
            }
        }
        Ok(())
    }
}

fn has_secrets(view: &View<'_>) -> Result<bool, Fault> {
    let mut bytes = vec![0; usize::try_from(LENGTH).unwrap_or_default()];
    view.read_at(&mut bytes, 0).map_err(broken)?;
    Ok(bytes.windows(SECRET.len()).any(|it| it == SECRET))
}

fn broken(error: io::Error) -> Fault {
    Fault::broken(error.to_string())
}

fn secrets() -> Vec<u8> {
    SECRET.repeat(200)
}

fn loader() -> Vec<u8> {
    b"loader".repeat(3000)
}

/// A disk by the byte, as the kernel's cache makes it: what changes in a sector dirties all of it.
#[derive(Debug)]
struct Whole<'d, D>(&'d D);

impl<D: Medium> Medium for Whole<'_, D> {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read_at(bytes, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let skip = usize::try_from(at % SECTOR_LENGTH).unwrap_or_default();
        let length = skip.saturating_add(bytes.len());
        let mut whole = vec![0; length.next_multiple_of(SECTOR)];
        let start = at - at % SECTOR_LENGTH;
        self.0.read_at(&mut whole, start)?;
        if let Some(room) = whole.get_mut(skip..length) {
            room.copy_from_slice(bytes);
        }
        self.0.write_at(&whole, start)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn forget(&self) -> io::Result<()> {
        self.0.forget()
    }

    fn lock(&self) -> io::Result<()> {
        self.0.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }
}

/// The same for `fatfs`.
struct Bytes<'d, D> {
    disk: &'d D,
    place: u64,
}

impl<D: Medium> io::Read for Bytes<'_, D> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.disk.read_at(bytes, self.place)?;
        self.place = self.place.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }
}

impl<D: Medium> io::Write for Bytes<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Whole(self.disk).write_at(bytes, self.place)?;
        self.place = self.place.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.sync()
    }
}

impl<D> io::Seek for Bytes<'_, D> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let place = match to {
            io::SeekFrom::Start(place) => Some(place),
            io::SeekFrom::End(back) => LENGTH.checked_add_signed(back),
            io::SeekFrom::Current(step) => self.place.checked_add_signed(step),
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}

/// Small, so that a state is judged in no time; the FAT works the same.
const LENGTH: u64 = 1 << 20;
const PATH: &str = "RAMAL/provision.toml";
const LOADER: &str = "EFI/loader.efi";
const RESCUE: &str = "EFI/rescue.efi";
const SECRET: &[u8] = b"code = \"K7QF-9M2X-TRWA-03BD\"\n";
const WIPED: &str = "the provisioning file was wiped";
