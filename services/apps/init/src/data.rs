//! The data file system: mounted, grown to its partition, and shared among the services.

use std::fs;
use std::path::Path;

use kernel::ext4::{self, Superblock, Template};
use kernel::mount::{self, Rights};
use kernel::{Context, SystemError};
use supervise::Service;

use crate::console::Console;
use crate::services;

/// Where the data file system is mounted.
pub(crate) const DATA: &str = "/data";
/// The folder of the store.
pub(crate) const STORE_FOLDER: &str = "/data/store";
/// Recorded calls, which `media` writes and `web` reads.
pub(crate) const RECORDINGS_FOLDER: &str = "/data/recordings";
/// Backups of the box, which the store makes and `web` hands out.
pub(crate) const BACKUPS_FOLDER: &str = "/data/backups";
/// What calls can be played, which the store keeps, `media` plays and `web` reads.
pub(crate) const SOUNDS_FOLDER: &str = "/data/sounds";
/// EFSCORRUPTED and EFSBADCRC of Linux: what ext4 says of metadata that cannot be right.
const DAMAGED: i32 = 117;
const WRONG_CHECKSUM: i32 = 74;

/// Reads the template the image carries.
pub(crate) fn template() -> Result<Template, SystemError> {
    let path = "/data.ext4.template";
    let bytes = fs::read(path).context("read", path)?;
    Template::parse(&bytes).context("use", path)
}

/// Why the data cannot be used.
pub(crate) enum Unusable {
    /// The file system is damaged.
    Damaged,
    /// The kernel refuses something.
    Kernel(SystemError),
}

impl From<SystemError> for Unusable {
    fn from(error: SystemError) -> Self {
        match error.source.raw_os_error() {
            Some(DAMAGED | WRONG_CHECKSUM) => Self::Damaged,
            Some(_) | None => Self::Kernel(error),
        }
    }
}

/// Mounts the data file system of a device with so many bytes, grows it to them, and makes the
/// folders of the services.
///
/// # Errors
/// It is damaged, or the kernel refuses.
pub(crate) fn mount_and_share(
    device: &Path,
    bytes: u64,
    superblock: Superblock,
    console: &mut Console,
) -> Result<(), Unusable> {
    let name = device.to_string_lossy().into_owned();
    mount::mount(&name, DATA, "ext4", Rights::DataOnly, "errors=remount-ro")?;
    let blocks = bytes / superblock.block_bytes.max(1);
    if blocks > superblock.blocks {
        // The box can live with the smaller file system, so this only gets a line.
        if let Err(error) = ext4::grow(DATA, blocks) {
            console.line(&format!("ramal: data {name}: {error}"));
        }
    }
    give(Path::new(STORE_FOLDER), Service::Store)?;
    let recordings = Path::new(RECORDINGS_FOLDER);
    let backups = Path::new(BACKUPS_FOLDER);
    let sounds = Path::new(SOUNDS_FOLDER);
    // On a full disk there may be no room for them; calls work without.
    for made in [
        give(recordings, Service::Media).and_then(|()| show(recordings, Service::Web)),
        give(backups, Service::Store).and_then(|()| show(backups, Service::Web)),
        give(sounds, Service::Store).and_then(|()| show_to_all(sounds)),
    ] {
        if let Err(error) = made {
            console.line(&format!("ramal: data {name}: {error}"));
        }
    }
    Ok(())
}

/// Makes a folder on the data disk, which belongs to one service alone.
fn give(folder: &Path, owner: Service) -> Result<(), SystemError> {
    use std::os::unix::fs::{DirBuilderExt, chown};
    if !folder.is_dir() {
        fs::DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .context("make", folder.display())?;
    }
    let owner = services::uid(owner);
    chown(folder, Some(owner), Some(owner)).context("give away", folder.display())
}

/// Lets every service read a folder: what callers hear is no secret on the box.
fn show_to_all(folder: &Path) -> Result<(), SystemError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder, mode).context("show", folder.display())
}

/// Lets another service read what the owner of a folder writes into it (mode 2750): new files are
/// of the folder's group, which is that service's.
fn show(folder: &Path, reader: Service) -> Result<(), SystemError> {
    use std::os::unix::fs::{PermissionsExt, chown};
    chown(folder, None, Some(services::uid(reader))).context("show", folder.display())?;
    let mode = fs::Permissions::from_mode(0o2750);
    fs::set_permissions(folder, mode).context("show", folder.display())
}
