//! The one error of this crate.

/// Why a state is not what the box may be in after a power cut, or why none could be made.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The box does not do what it promises.
    #[error("{0}")]
    Broken(String),
    /// The box's own code says no.
    #[error(transparent)]
    Firmware(#[from] firmware::FirmwareError),
    /// An update was not taken.
    #[error(transparent)]
    Install(#[from] firmware::InstallError),
    /// A file cannot be used.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Reading or writing failed.
    #[error("reading or writing failed: {0}")]
    Disk(#[from] std::io::Error),
    /// A program of the host.
    #[error(transparent)]
    Process(#[from] qemu::process::ProcessError),
    /// The box in QEMU.
    #[error("the box in QEMU: {0}")]
    Box(String),
}

impl Fault {
    /// What is broken, in words.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }

    /// A file that cannot be used.
    pub fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
