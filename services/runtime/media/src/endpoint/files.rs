//! Recordings as files: names checked, made and mended by the thread that asked.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ipc::sound::is_recording_name;
use rtp::wav;

use super::shelf::{OpenName, Shelf};

/// As much of a wrong name is told.
const NAME_MAX: usize = 128;

/// Where recordings are written and sounds are read; a missing folder refuses what needs it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Folders {
    /// For recordings.
    pub recordings: Option<PathBuf>,
    /// For sounds.
    pub sounds: Option<PathBuf>,
}

/// A new file for a recording; removed again unless something was recorded into it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    path: PathBuf,
    is_kept: bool,
    /// Keeps it from being deleted.
    _name: OpenName,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// No folder was given at start.
    #[error("no folder for it: start media with {0}")]
    NoFolder(&'static str),
    /// A name that is not one, or leads elsewhere.
    #[error("`{0}` is not a file name: use letters, digits, - and _, then .wav")]
    Name(String),
    /// The kernel refuses.
    #[error("{path}: {source}")]
    Kernel {
        /// The file.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Not a WAV file that can be played.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FileError {
    /// A file of that name is there already.
    pub(crate) fn is_there(&self) -> bool {
        match self {
            Self::Kernel { source, .. } => source.kind() == std::io::ErrorKind::AlreadyExists,
            Self::NoFolder(_) | Self::Name(_) | Self::Format { .. } => false,
        }
    }
}

impl Folders {
    /// Writes true lengths into recordings that a killed process left open: those last written
    /// before `started`.
    pub(crate) fn repair(&self, started: SystemTime) {
        let Some(folder) = &self.recordings else {
            return;
        };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!("recordings cannot be listed: {}: {error}", folder.display());
                return;
            }
        };
        let wav = |path: &PathBuf| path.extension().is_some_and(|it| it == "wav");
        for path in entries.flatten().map(|it| it.path()).filter(wav) {
            match repair(&path, started) {
                Ok(false) => {}
                Ok(true) => tracing::info!("{}: the recording was cut short", path.display()),
                Err(error) => tracing::warn!("{}: {error}", path.display()),
            }
        }
    }
}

impl Shelf {
    /// Makes a file for a recording; it must not be there yet.
    pub(crate) fn create(&self, name: &str) -> Result<Opened, FileError> {
        let path = checked(self.folder()?, name)?;
        let create = || {
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            // PID 1 lets services make files for themselves only; whoever the folder's group is
            // may hear recordings.
            file.set_permissions(Permissions::from_mode(0o640))?;
            Ok(file)
        };
        let made = self.write(name, create);
        let (file, writing) = made.map_err(|source| kernel(&path, source))?;
        Ok(Opened {
            file,
            path,
            is_kept: false,
            _name: writing,
        })
    }
}

impl Opened {
    /// The file holds something: it stays.
    pub(crate) const fn keep(&mut self) {
        self.is_kept = true;
    }
}

#[cfg(test)]
impl Opened {
    /// A file on a disk that is always full (full(4)); it stays, whatever happens.
    pub(crate) fn on_a_full_disk() -> Self {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path);
        Self {
            file: file.expect("Linux has it"),
            path,
            is_kept: true,
            _name: OpenName::default(),
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!("{}: {error}", self.path.display());
        }
    }
}

pub(crate) fn kernel(path: &Path, source: std::io::Error) -> FileError {
    let path = path.display().to_string();
    FileError::Kernel { path, source }
}

/// The path of a file whose name leads nowhere else.
pub(crate) fn checked(folder: &Path, name: &str) -> Result<PathBuf, FileError> {
    if !is_recording_name(name) {
        return Err(FileError::Name(name.chars().take(NAME_MAX).collect()));
    }
    Ok(folder.join(name))
}

/// Corrects the header of one file; whether it had to be.
fn repair(path: &Path, started: SystemTime) -> std::io::Result<bool> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let metadata = file.metadata()?;
    if metadata.modified()? > started {
        return Ok(false);
    }
    let length = metadata.len();
    let mut header = Vec::new();
    (&mut file)
        .take(wav::HEADER_LENGTH as u64)
        .read_to_end(&mut header)?;
    let Some(repaired) = wav::repaired(&header, length) else {
        return Ok(false);
    };
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&repaired)?;
    Ok(true)
}
