//! Mapped block devices: a part of a disk, a verified one, an encrypted one.
//!
//! Source: Linux include/uapi/linux/dm-ioctl.h (version 4), Documentation/admin-guide/
//! device-mapper/{linear,verity,dm-crypt}.rst.
#![expect(
    unsafe_code,
    reason = "the device mapper is ioctls on a structure with a variable end"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use crate::{Context, SystemError};

/// A block device as the device mapper names it: major and minor number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device {
    /// The driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

/// What a mapped device shows.
pub enum Target<'a> {
    /// Some sectors of another device.
    Linear {
        /// Where they are.
        device: Device,
        /// The first, in units of 512 bytes.
        start: u64,
        /// How many.
        sectors: u64,
    },
    /// A device whose blocks of 4096 bytes are checked against a hash tree; what does not fit
    /// cannot be read.
    Verity {
        /// What is checked.
        data: Device,
        /// Blocks of it.
        blocks: u64,
        /// Where the tree is.
        tree: Device,
        /// Its first block there.
        tree_start: u64,
        /// The hash of the tree's top block.
        root_hash: &'a [u8; 32],
        /// The salt of all hashes.
        salt: &'a [u8; 32],
    },
    /// A device whose blocks are encrypted on the way down (AES-256-XTS).
    Crypt {
        /// What holds them.
        device: Device,
        /// Sectors of 512 bytes; a multiple of 8.
        sectors: u64,
        /// Two AES-256 keys.
        key: &'a [u8; 64],
    },
}

/// Makes a device of this name; where its device file is.
///
/// # Errors
/// The kernel refuses, or the target module is missing.
pub fn create(name: &str, target: &Target<'_>) -> Result<PathBuf, SystemError> {
    let made = try_create(name, target);
    if made.is_err() {
        // Without a table it is of no use, and its name would be taken.
        let _ = remove(name);
    }
    made.context("map", name)
}

fn try_create(name: &str, target: &Target<'_>) -> io::Result<PathBuf> {
    let control = control()?;
    let flags = match target {
        Target::Verity { .. } => READ_ONLY,
        Target::Linear { .. } | Target::Crypt { .. } => 0,
    };
    Message::new(name, 0).send(&control, CREATE)?;
    let mut load = Message::new(name, flags | SECURE);
    load.add_target(target);
    load.send(&control, LOAD_TABLE)?;
    let mut resume = Message::new(name, flags);
    resume.send(&control, SUSPEND)?;
    let minor = resume.device().minor;
    Ok(PathBuf::from(format!("/dev/dm-{minor}")))
}

/// Takes a device away.
///
/// # Errors
/// It is in use or was never made.
pub fn remove(name: &str) -> Result<(), SystemError> {
    let removed = control().and_then(|control| Message::new(name, 0).send(&control, REMOVE));
    removed.context("unmap", name)
}

/// Whether every block of a verified device that was read so far was what it should be.
///
/// # Errors
/// There is no such device, or its status is none of a verified one.
pub fn is_sound(name: &str) -> Result<bool, SystemError> {
    let status = || {
        let mut message = Message::new(name, NO_FLUSH);
        message.bytes.resize(STATUS_LENGTH, 0);
        message.send(&control()?, TABLE_STATUS)?;
        message.soundness()
    };
    status().context("ask after", name)
}

/// The number of a device file.
///
/// # Errors
/// It is none.
pub fn device_of(path: &std::path::Path) -> Result<Device, SystemError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).context("look at", path.display())?;
    Ok(Device {
        major: rustix::fs::major(metadata.rdev()),
        minor: rustix::fs::minor(metadata.rdev()),
    })
}

fn control() -> io::Result<File> {
    let path = "/dev/mapper/control";
    OpenOptions::new().read(true).write(true).open(path)
}

/// `struct dm_ioctl` and what follows it.
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn new(name: &str, flags: u32) -> Self {
        let mut message = Self {
            bytes: vec![0; HEAD_LENGTH],
        };
        for (place, number) in (0..).step_by(4).zip(VERSION) {
            message.put(place, &number.to_le_bytes());
        }
        message.put(DATA_START_AT, &HEAD_FIELD.to_le_bytes());
        message.put(FLAGS_AT, &flags.to_le_bytes());
        let name = name.as_bytes();
        message.put(NAME_AT, name.get(..NAME_MAX).unwrap_or(name));
        message
    }

    fn add_target(&mut self, target: &Target<'_>) {
        let (kind, sectors, parameters) = target.written();
        self.put(TARGETS_AT, &1u32.to_le_bytes());
        let start = self.bytes.len();
        self.bytes.resize(start + SPEC_LENGTH, 0);
        self.put(start + 8, &sectors.to_le_bytes());
        self.put(start + 24, kind.as_bytes());
        self.bytes.extend_from_slice(parameters.as_bytes());
        self.bytes.push(0);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    fn send(&mut self, control: &File, request: u32) -> io::Result<()> {
        let length = u32::try_from(self.bytes.len()).map_err(io::Error::other)?;
        self.put(DATA_SIZE_AT, &length.to_le_bytes());
        // SAFETY: every request takes a `struct dm_ioctl` of which `data_size` says how much memory
        // there is, and that is the length of this vector, which nobody else uses meanwhile.
        let result = unsafe {
            libc::ioctl(
                control.as_raw_fd(),
                request as libc::Ioctl,
                self.bytes.as_mut_ptr(),
            )
        };
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// The device's number, which the kernel has written (`huge_encode_dev`).
    fn device(&self) -> Device {
        let number = self.bytes.get(DEVICE_AT..).and_then(|it| it.first_chunk());
        let number = u64::from_le_bytes(number.copied().unwrap_or_default());
        Device {
            major: rustix::fs::major(number),
            minor: rustix::fs::minor(number),
        }
    }

    /// What the status of a verified device says, whose first character it is: `V`, all blocks that
    /// were read were valid, or `C`, corruption was seen (Linux
    /// Documentation/admin-guide/device-mapper/verity.rst). Only that is damage: a box must not
    /// leave its slot for an answer that it does not understand.
    fn soundness(&self) -> io::Result<bool> {
        match self.bytes.get(HEAD_LENGTH + SPEC_LENGTH) {
            Some(b'V') => Ok(true),
            Some(b'C') => Ok(false),
            Some(_) | None => Err(io::Error::other("its status is none of a verified device")),
        }
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        let end = at.saturating_add(value.len());
        if let Some(place) = self.bytes.get_mut(at..end) {
            place.copy_from_slice(value);
        }
    }
}

impl Drop for Message {
    /// A table may hold a key.
    fn drop(&mut self) {
        self.bytes.fill(0);
        std::hint::black_box(&self.bytes);
    }
}

impl Target<'_> {
    /// Kind, length in sectors of 512 bytes, parameters.
    fn written(&self) -> (&'static str, u64, Secret) {
        let name = |device: &Device| format!("{}:{}", device.major, device.minor);
        match self {
            Self::Linear {
                device,
                start,
                sectors,
            } => {
                let parameters = format!("{} {start}", name(device));
                ("linear", *sectors, Secret(parameters))
            }
            Self::Verity {
                data,
                blocks,
                tree,
                tree_start,
                root_hash,
                salt,
            } => {
                let (data, tree) = (name(data), name(tree));
                let (hash, salt) = (hex(*root_hash), hex(*salt));
                let parameters = format!(
                    "1 {data} {tree} 4096 4096 {blocks} {tree_start} sha256 {} {}",
                    hash.as_str(),
                    salt.as_str()
                );
                ("verity", blocks.saturating_mul(8), Secret(parameters))
            }
            Self::Crypt {
                device,
                sectors,
                key,
            } => {
                let key = hex(*key);
                let parameters = format!(
                    "aes-xts-plain64 {} 0 {} 0 1 sector_size:4096",
                    key.as_str(),
                    name(device)
                );
                ("crypt", *sectors, Secret(parameters))
            }
        }
    }
}

/// A text that is overwritten when it is no longer needed.
struct Secret(String);

impl Secret {
    const fn as_str(&self) -> &str {
        self.0.as_str()
    }

    const fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        std::hint::black_box(&bytes);
    }
}

fn hex(bytes: &[u8]) -> Secret {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    Secret(text)
}

/// 4.4 has all that is used, and every kernel since Linux 3.3 takes it.
const VERSION: [u32; 3] = [4, 4, 0];
const HEAD_LENGTH: usize = 312;
const HEAD_FIELD: u32 = 312;
const SPEC_LENGTH: usize = 40;
const DATA_SIZE_AT: usize = 12;
const DATA_START_AT: usize = 16;
const TARGETS_AT: usize = 20;
const FLAGS_AT: usize = 28;
const DEVICE_AT: usize = 40;
const NAME_AT: usize = 48;
const NAME_MAX: usize = 127;
/// Room for the status of one target.
const STATUS_LENGTH: usize = 1024;
/// `DM_READONLY_FLAG`, `DM_SECURE_DATA_FLAG` and `DM_NOFLUSH_FLAG`.
const READ_ONLY: u32 = 1;
const SECURE: u32 = 1 << 15;
const NO_FLUSH: u32 = 1 << 11;
const CREATE: u32 = request(3);
const REMOVE: u32 = request(4);
const SUSPEND: u32 = request(6);
const LOAD_TABLE: u32 = request(9);
const TABLE_STATUS: u32 = request(12);

/// `_IOWR(0xfd, number, struct dm_ioctl)`.
const fn request(number: u32) -> u32 {
    (3 << 30) | (HEAD_FIELD << 16) | (0xfd << 8) | number
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: Device = Device {
        major: 254,
        minor: 3,
    };

    #[test]
    fn tables_are_as_the_kernel_documents_them() {
        let written = |target: &Target<'_>| {
            let (kind, sectors, parameters) = target.written();
            format!("0 {sectors} {kind} {}", parameters.as_str())
        };
        let linear = Target::Linear {
            device: DEVICE,
            start: 8,
            sectors: 64,
        };
        assert_eq!(written(&linear), "0 64 linear 254:3 8");
        let verity = Target::Verity {
            data: DEVICE,
            blocks: 100,
            tree: DEVICE,
            tree_start: 7,
            root_hash: &[0xab; 32],
            salt: &[0x0c; 32],
        };
        let (hash, salt) = ("ab".repeat(32), "0c".repeat(32));
        assert_eq!(
            written(&verity),
            format!("0 800 verity 1 254:3 254:3 4096 4096 100 7 sha256 {hash} {salt}")
        );
        let crypt = Target::Crypt {
            device: DEVICE,
            sectors: 80,
            key: &[0x5f; 64],
        };
        let key = "5f".repeat(64);
        assert_eq!(
            written(&crypt),
            format!("0 80 crypt aes-xts-plain64 {key} 0 254:3 0 1 sector_size:4096")
        );
    }

    #[test]
    fn requests_have_the_numbers_of_the_header_file() {
        assert_eq!(CREATE, 0xc138_fd03);
        assert_eq!(TABLE_STATUS, 0xc138_fd0c);
    }

    #[test]
    fn only_the_status_of_a_corrupted_device_is_damage() {
        let answered = |status: &[u8]| {
            let mut message = Message::new("ramal-root", NO_FLUSH);
            message.bytes.resize(STATUS_LENGTH, 0);
            message.put(HEAD_LENGTH + SPEC_LENGTH, status);
            message.soundness().ok()
        };
        assert_eq!(answered(b"V"), Some(true));
        assert_eq!(answered(b"C -"), Some(false));
        for status in [&b""[..], b"4 0", b"v"] {
            assert_eq!(answered(status), None);
        }
    }

    #[test]
    fn a_message_says_how_long_it_is() {
        let mut message = Message::new("ramal-root", READ_ONLY);
        message.add_target(&Target::Linear {
            device: DEVICE,
            start: 8,
            sectors: 64,
        });
        assert_eq!(message.bytes.len() % 8, 0);
        assert_eq!(message.bytes[NAME_AT..NAME_AT + 11], *b"ramal-root\0");
        assert_eq!(
            message.bytes[HEAD_LENGTH + 24..HEAD_LENGTH + 31],
            *b"linear\0"
        );
        assert_eq!(
            message.bytes[HEAD_LENGTH + 40..HEAD_LENGTH + 48],
            *b"254:3 8\0"
        );
    }
}
