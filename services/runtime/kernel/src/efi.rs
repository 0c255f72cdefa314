//! The variables of the machine's firmware. Source: Linux Documentation/filesystems/efivarfs.rst.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::mount::{self, Rights};
use crate::{Context, SystemError};

/// The variables, mounted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variables {
    folder: PathBuf,
}

impl Variables {
    /// Mounts them; `None` where the kernel was not started by UEFI.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn mount() -> Result<Option<Self>, SystemError> {
        if !Path::new(FIRMWARE).is_dir() {
            return Ok(None);
        }
        mount::mount("efivarfs", FOLDER, "efivarfs", Rights::DataOnly, "")?;
        Ok(Some(Self::at(Path::new(FOLDER))))
    }

    /// Those in a folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// What a variable holds, without its attributes; `None` when there is none.
    ///
    /// # Errors
    /// The firmware does not give it.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SystemError> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(bytes.get(ATTRIBUTES_LENGTH..).map(<[u8]>::to_vec)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("read", path.display()),
        }
    }

    /// Writes a variable: all at once, as the firmware takes it or leaves it.
    ///
    /// # Errors
    /// The firmware does not take it.
    pub fn write(&self, name: &str, attributes: u32, bytes: &[u8]) -> Result<(), SystemError> {
        let path = self.folder.join(name);
        let whole = [&attributes.to_le_bytes()[..], bytes].concat();
        write_at_once(&path, &whole).context("write", path.display())
    }
}

fn write_at_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() {
        make_changeable(&File::open(path)?)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    match file.write(bytes)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(ErrorKind::WriteZero.into()),
    }
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
const FOLDER: &str = "/sys/firmware/efi/efivars";
/// They lie before the content of each.
const ATTRIBUTES_LENGTH: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_written_with_its_attributes_and_read_without() {
        let folder = std::env::temp_dir().join(format!("ramal-efi-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        let variables = Variables::at(&folder);
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
