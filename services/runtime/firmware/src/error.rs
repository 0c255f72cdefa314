//! The one error of this crate.

use std::path::PathBuf;

use kernel::SystemError;

/// Why the disk the box was started from cannot be used as it should.
#[derive(Debug, thiserror::Error)]
pub enum FirmwareError {
    /// The kernel refuses.
    #[error(transparent)]
    Kernel(#[from] SystemError),
    /// The disk's sectors are of a size that is not supported, or it is far too small.
    #[error(transparent)]
    Geometry(#[from] gpt::GeometryFault),
    /// The disk the loader named is not there.
    #[error("the disk the box was started from was not found")]
    NoBootDisk,
    /// There is no memory stick with a FAT.
    #[error("there is no memory stick with a FAT file system")]
    NoStick,
    /// There is no such file in the list.
    #[error("there is no such file")]
    NoSuchFile,
    /// There is no table, or it is damaged.
    #[error("{disk}: {fault}")]
    Table {
        /// The disk.
        disk: String,
        /// What is wrong.
        fault: gpt::ReadFault,
    },
    /// The disk has no room for the data partition.
    #[error("{disk}: {fault}")]
    NoRoom {
        /// The disk.
        disk: String,
        /// What is wrong.
        fault: gpt::TableFault,
    },
    /// A partition of ours is not in the table.
    #[error("{disk} has no {what} partition; write the firmware image anew")]
    NoPartition {
        /// The disk.
        disk: String,
        /// Which.
        what: &'static str,
    },
    /// The kernel has no device for a partition that is in the table.
    #[error("the kernel shows no device for the {what} partition of {disk}")]
    NoDevice {
        /// The disk.
        disk: String,
        /// Which.
        what: &'static str,
    },
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Device {
        /// The device.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The slot's header is not as it should be.
    #[error("{path}: {fault}")]
    Header {
        /// The device.
        path: PathBuf,
        /// What is wrong.
        fault: slot::HeaderFault,
    },
    /// A set of keys is not as it should be.
    #[error("{path}: {fault}")]
    Keys {
        /// Where it is, or was to be.
        path: PathBuf,
        /// What is wrong.
        fault: slot::KeySetFault,
    },
    /// The slot holds another root than the one that was signed.
    #[error("{0}: the root in this slot is not the one that was signed")]
    OtherRoot(PathBuf),
    /// The kernel gives no random numbers.
    #[error("the kernel gives no random numbers: {0}")]
    Entropy(std::io::Error),
    /// The data cannot be read without the key, and the key is gone.
    #[error("the key of the data is lost: {0}")]
    KeyLost(&'static str),
    /// The TPM does not do as it should.
    #[error("the key of the data: {0}")]
    Tpm(tpm::Fault),
    /// The TPM's device fails.
    #[error("the TPM does not answer: {0}")]
    TpmDevice(std::io::Error),
    /// A TPM keeps the key, and there is none.
    #[error("a TPM keeps the key of the data, and no TPM answers")]
    NoTpm,
    /// What was sealed is not what was to be.
    #[error("the TPM does not open what it has just sealed")]
    NotProved,
}

/// Fills `bytes` from the kernel, and waits until it has gathered enough randomness.
pub(crate) fn draw(bytes: &mut [u8]) -> Result<(), FirmwareError> {
    let flags = rustix::rand::GetRandomFlags::empty();
    rustix::rand::getrandom(bytes, flags)
        .map(drop)
        .map_err(|error| FirmwareError::Entropy(error.into()))
}

impl FirmwareError {
    pub(crate) fn device(path: &std::path::Path, source: impl Into<std::io::Error>) -> Self {
        Self::Device {
            path: path.to_owned(),
            source: source.into(),
        }
    }
}
