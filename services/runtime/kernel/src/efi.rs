//! The variables of the machine's firmware. Source: Linux Documentation/filesystems/efivarfs.rst.
//!
//! Each look at them is a call of the firmware, which may take as long as it likes and which no
//! signal ends; so is mounting them. The first process does neither: it has a process of its own do
//! it, which they are mounted for and for nobody else.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags, openat};

use crate::spawn::Opened;
use crate::{Context, SystemError};

/// The variables, mounted.
#[derive(Debug)]
pub struct Variables {
    folder: OwnedFd,
}

impl Variables {
    /// Whether the machine has any: the kernel was started by UEFI. Nothing is asked for that.
    #[must_use]
    pub fn are_there() -> bool {
        Path::new(FIRMWARE).is_dir()
    }

    /// For the process that is to look at them, as this user.
    #[must_use]
    pub const fn for_process(owner: u32, is_writable: bool) -> Opened<'static> {
        Opened::FileSystem {
            kind: "efivarfs",
            owner,
            is_writable,
        }
    }

    /// Those in an open folder.
    #[must_use]
    pub const fn of(folder: OwnedFd) -> Self {
        Self { folder }
    }

    /// What a variable holds, without its attributes; `None` when there is none.
    ///
    /// # Errors
    /// The firmware does not give it.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SystemError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            self.open(name, OFlags::RDONLY)?.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(bytes.get(ATTRIBUTES_LENGTH..).map(<[u8]>::to_vec)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("read", variable(name)),
        }
    }

    /// Writes a variable: all at once, as the firmware takes it or leaves it.
    ///
    /// # Errors
    /// The firmware does not take it.
    pub fn write(&self, name: &str, attributes: u32, bytes: &[u8]) -> Result<(), SystemError> {
        let whole = [&attributes.to_le_bytes()[..], bytes].concat();
        self.write_at_once(name, &whole)
            .context("write", variable(name))
    }

    fn write_at_once(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match self.open(name, OFlags::RDONLY) {
            Ok(there) => make_changeable(&there)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = self.open(name, OFlags::WRONLY | OFlags::CREATE)?;
        match file.write(bytes)? {
            written if written == bytes.len() => Ok(()),
            _ => Err(ErrorKind::WriteZero.into()),
        }
    }

    fn open(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        let file = openat(&self.folder, name, flags | OFlags::CLOEXEC, mode)?;
        Ok(File::from(file))
    }
}

fn variable(name: &str) -> String {
    format!("the firmware's variable {name}")
}

/// The kernel protects most variables from being removed by accident.
fn make_changeable(file: &File) -> io::Result<()> {
    let flags = match ioctl_getflags(file) {
        Ok(flags) => flags,
        // Another file system, which protects nothing.
        Err(rustix::io::Errno::NOTTY | rustix::io::Errno::OPNOTSUPP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if flags.contains(IFlags::IMMUTABLE) {
        ioctl_setflags(file, flags - IFlags::IMMUTABLE)?;
    }
    Ok(())
}

const FIRMWARE: &str = "/sys/firmware/efi";
/// They lie before the content of each.
const ATTRIBUTES_LENGTH: usize = 4;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_variable_is_written_with_its_attributes_and_read_without() {
        let folder = std::env::temp_dir().join(format!("ramal-efi-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        let variables = Variables::of(File::open(&folder).expect("open").into());
        assert_eq!(variables.read("PK-1").expect("looked at"), None);
        for content in [&b"longer"[..], b"shorts"] {
            variables.write("PK-1", 0x27, content).expect("written");
            let file = fs::read(folder.join("PK-1")).expect("there");
            assert_eq!(file, [&[0x27, 0, 0, 0][..], content].concat());
            let read = variables.read("PK-1").expect("read");
            assert_eq!(read.as_deref(), Some(content));
        }
        fs::remove_dir_all(&folder).expect("removed");
    }
}
