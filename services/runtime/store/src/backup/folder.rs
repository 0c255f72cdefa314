//! The files: which there are, and what they say of themselves.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use ::backup::plan::Kept;
use ::backup::{Header, KeyId};
use ipc::store::{BackupFile, BackupRefusal, backup_file_millis, trail_file_millis};

use crate::files::{Files, Open};

/// Behind the time in the name of a backup whose trial restore succeeded, and of another.
const PROVED: &str = ".backup";
const UNPROVED: &str = ".unproved";
/// One that is being written.
const NEW: &str = "new.part";
/// One that somebody brings.
const UPLOAD: &str = "upload.part";

/// A trail that is being written.
const TRAIL_NEW: &str = "trail.part";

/// Bytes of a backup that somebody brings, at most.
const UPLOAD_MAX: u64 = 1024 * 1024 * 1024;

/// Bytes that a header may have.
const HEADER_MAX: u64 = 8 * 1024;

#[derive(Debug)]
pub(super) struct Folder(Box<dyn Files>);

impl Folder {
    pub(super) fn new(files: Box<dyn Files>) -> Self {
        Self(files)
    }

    /// Whether one was begun and did not prove good.
    pub(super) fn has_unfinished(&self) -> bool {
        self.0.length(NEW).is_some() || self.kept().iter().any(|it| !it.is_verified)
    }

    /// Removes what was not finished.
    pub(super) fn sweep(&self) {
        for name in [NEW, UPLOAD, TRAIL_NEW] {
            let _ = self.0.remove(name);
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.0.names().unwrap_or_default();
        names.retain(|name| backup_file_millis(name).is_some());
        names.sort();
        names
    }

    pub(super) fn kept(&self) -> Vec<Kept> {
        let kept = |name: String| {
            Some(Kept {
                taken_millis: backup_file_millis(&name)?,
                is_verified: name.ends_with(PROVED),
                name,
            })
        };
        self.names().into_iter().filter_map(kept).collect()
    }

    /// Newest first.
    pub(super) fn shown(&self, key: &KeyId) -> Vec<BackupFile> {
        let shown = |name: String| {
            let mut file = self.0.open(&name).ok()?;
            let header = header(&mut *file).ok();
            Some(BackupFile {
                taken_millis: backup_file_millis(&name)?,
                bytes: file.length().ok()?,
                is_proved: name.ends_with(PROVED),
                needs_code: header.as_ref().is_none_or(|it| it.key != *key),
                config_version: header.as_ref().map_or(0, |it| it.config_version),
                firmware: header.map(|it| it.firmware).unwrap_or_default(),
                name,
            })
        };
        let mut files: Vec<_> = self.names().into_iter().filter_map(shown).collect();
        files.reverse();
        files
    }

    /// A file to write a backup into, which the group of the folder may read.
    pub(super) fn begin(&self) -> io::Result<Box<dyn Open>> {
        self.0.create(NEW, 0o640, true)
    }

    /// Gives what was written its name; it is durable then.
    pub(super) fn keep(&self, file: &dyn Open, taken_millis: i64) -> io::Result<String> {
        file.sync()?;
        let name = format!("{taken_millis:013}{UNPROVED}");
        self.rename(NEW, &name)?;
        Ok(name)
    }

    pub(super) fn give_up(&self) {
        let _ = self.0.remove(NEW);
    }

    pub(super) fn mark_proved(&self, name: &str) -> io::Result<String> {
        let stem = name.strip_suffix(UNPROVED).unwrap_or(name);
        let proved = format!("{stem}{PROVED}");
        self.rename(name, &proved)?;
        Ok(proved)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)?;
        self.0.sync_names()
    }

    pub(super) fn remove(&self, name: &str) {
        if let Err(error) = self.0.remove(name) {
            tracing::warn!("{name} cannot be removed: {error}");
        }
    }

    /// A file to write a trail into, which the group of the folder may read.
    pub(super) fn begin_trail(&self) -> io::Result<Box<dyn Open>> {
        self.0.create(TRAIL_NEW, 0o640, true)
    }

    pub(super) fn give_up_trail(&self) {
        let _ = self.0.remove(TRAIL_NEW);
    }

    /// Gives a trail a name that none has; it is durable then.
    pub(super) fn keep_trail(
        &self,
        file: &dyn Open,
        millis: i64,
        kind: &str,
    ) -> io::Result<String> {
        file.sync()?;
        let names = (millis.max(0)..).map(|millis| format!("{millis:013}{kind}"));
        let mut free = names.filter(|name| self.0.length(name).is_none());
        let name = free.next().ok_or(io::ErrorKind::StorageFull)?;
        self.rename(TRAIL_NEW, &name)?;
        Ok(name)
    }

    /// Trails that are kept, oldest first.
    pub(super) fn trails(&self) -> Vec<String> {
        let mut names = self.0.names().unwrap_or_default();
        names.retain(|name| trail_file_millis(name).is_some());
        names.sort();
        names
    }

    pub(super) fn open_trail(&self, name: &str) -> io::Result<Box<dyn Open>> {
        self.0.open(name)
    }

    /// Opens one that is kept, or what was brought.
    pub(super) fn open(&self, name: Option<&str>) -> Result<Box<dyn Open>, BackupRefusal> {
        let name = match name {
            Some(name) if backup_file_millis(name).is_none() => return Err(BackupRefusal::Missing),
            Some(name) => name,
            None => UPLOAD,
        };
        self.0.open(name).map_err(|_| BackupRefusal::Missing)
    }

    /// Forgets what was brought.
    pub(super) fn forget_upload(&self) {
        let _ = self.0.remove(UPLOAD);
    }

    /// Keeps a piece of what somebody brings: where the next begins. A piece at 0 begins anew.
    pub(super) fn upload(
        &self,
        offset: u64,
        bytes: &[u8],
        spare_bytes: u64,
    ) -> Result<u64, BackupRefusal> {
        let end = offset.saturating_add(bytes.len() as u64);
        if end > UPLOAD_MAX || bytes.len() as u64 > spare_bytes {
            self.forget_upload();
            return Err(BackupRefusal::NoRoom);
        }
        let opened = self.0.create(UPLOAD, 0o600, offset == 0);
        let written = opened.and_then(|mut file| {
            if file.length()? != offset {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)
        });
        match written {
            Ok(()) => Ok(end),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                Err(BackupRefusal::OutOfOrder)
            }
            Err(error) => {
                tracing::warn!("the backup that is brought cannot be kept: {error}");
                self.forget_upload();
                Err(BackupRefusal::NoRoom)
            }
        }
    }
}

/// What an archive says of itself; not proved.
pub(super) fn header(file: &mut dyn Open) -> Result<Header, BackupRefusal> {
    let mut beginning = Vec::new();
    let read = file.take(HEADER_MAX).read_to_end(&mut beginning);
    read.map_err(|_| BackupRefusal::Missing)?;
    match Header::read(&beginning) {
        Ok(Some((header, _))) => Ok(header),
        Ok(None) => Err(BackupRefusal::CutShort),
        Err(refusal) => Err(super::proof::refused(refusal)),
    }
}
