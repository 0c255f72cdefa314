//! The files: which there are, and what they say of themselves.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ::backup::plan::Kept;
use ::backup::{Header, KeyId};
use ipc::store::{BackupFile, BackupRefusal, backup_file_millis};

/// Behind the time in the name of a backup whose trial restore succeeded, and of another.
const PROVED: &str = ".backup";
const UNPROVED: &str = ".unproved";
/// One that is being written.
const NEW: &str = "new.part";
/// One that somebody brings.
const UPLOAD: &str = "upload.part";

/// Bytes of a backup that somebody brings, at most.
const UPLOAD_MAX: u64 = 1024 * 1024 * 1024;

/// Bytes that a header may have.
const HEADER_MAX: u64 = 8 * 1024;

#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Whether one was begun and did not prove good.
    pub(super) fn has_unfinished(&self) -> bool {
        self.0.join(NEW).exists() || self.kept().iter().any(|it| !it.is_verified)
    }

    /// Removes what was not finished.
    pub(super) fn sweep(&self) {
        for name in [NEW, UPLOAD] {
            let _ = std::fs::remove_file(self.0.join(name));
        }
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.0) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names
            .filter(|name| backup_file_millis(name).is_some())
            .collect();
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
            let mut file = File::open(self.0.join(&name)).ok()?;
            let header = header(&mut file).ok();
            Some(BackupFile {
                taken_millis: backup_file_millis(&name)?,
                bytes: file.metadata().ok()?.len(),
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
    pub(super) fn begin(&self) -> io::Result<File> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.0.join(NEW))?;
        file.set_permissions(Permissions::from_mode(0o640))?;
        Ok(file)
    }

    /// Gives what was written its name; it is durable then.
    pub(super) fn keep(&self, file: &File, taken_millis: i64) -> io::Result<String> {
        file.sync_all()?;
        let name = format!("{taken_millis:013}{UNPROVED}");
        self.rename(NEW, &name)?;
        Ok(name)
    }

    pub(super) fn give_up(&self) {
        let _ = std::fs::remove_file(self.0.join(NEW));
    }

    pub(super) fn mark_proved(&self, name: &str) -> io::Result<String> {
        let stem = name.strip_suffix(UNPROVED).unwrap_or(name);
        let proved = format!("{stem}{PROVED}");
        self.rename(name, &proved)?;
        Ok(proved)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.0.join(from), self.0.join(to))?;
        File::open(&self.0)?.sync_all()
    }

    pub(super) fn remove(&self, name: &str) {
        if let Err(error) = std::fs::remove_file(self.0.join(name)) {
            tracing::warn!("the backup {name} cannot be removed: {error}");
        }
    }

    /// Opens one that is kept, or what was brought.
    pub(super) fn open(&self, name: Option<&str>) -> Result<File, BackupRefusal> {
        let name = match name {
            Some(name) if backup_file_millis(name).is_none() => return Err(BackupRefusal::Missing),
            Some(name) => name,
            None => UPLOAD,
        };
        File::open(self.0.join(name)).map_err(|_| BackupRefusal::Missing)
    }

    /// Forgets what was brought.
    pub(super) fn forget_upload(&self) {
        let _ = std::fs::remove_file(self.0.join(UPLOAD));
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
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(offset == 0)
            .mode(0o600)
            .open(self.0.join(UPLOAD))
            .and_then(|mut file| {
                if file.metadata()?.len() != offset {
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
pub(super) fn header(file: &mut File) -> Result<Header, BackupRefusal> {
    let mut beginning = Vec::new();
    let read = file.take(HEADER_MAX).read_to_end(&mut beginning);
    read.map_err(|_| BackupRefusal::Missing)?;
    match Header::read(&beginning) {
        Ok(Some((header, _))) => Ok(header),
        Ok(None) => Err(BackupRefusal::CutShort),
        Err(refusal) => Err(super::proof::refused(refusal)),
    }
}
