//! The data disk: found, made when blank, mounted, grown; or left alone and explained.

use std::fs;
use std::path::Path;

use kernel::disk::Disk;
use kernel::ext4::{self, Content, Identity, Superblock, Template};
use kernel::mount::{self, Rights};
use kernel::{Context, SystemError};
use supervise::Service;

use crate::boot::Maintenance;
use crate::console::Console;
use crate::services;

/// Where the data file system is mounted.
pub(crate) const DATA: &str = "/data";
/// The folder of the store.
pub(crate) const STORE_FOLDER: &str = "/data/store";
/// Recorded calls, which `media` writes and `web` reads.
pub(crate) const RECORDINGS_FOLDER: &str = "/data/recordings";
/// What calls can be played, which `media` reads.
pub(crate) const SOUNDS_FOLDER: &str = "/data/sounds";
/// The volume name of our data file systems.
const LABEL: &str = "ramal-data";
/// EFSCORRUPTED and EFSBADCRC of Linux: what ext4 says of metadata that cannot be right.
const DAMAGED: i32 = 117;
const WRONG_CHECKSUM: i32 = 74;

/// Reads the template the image carries.
pub(crate) fn template() -> Result<Template, SystemError> {
    let path = "/data.ext4.template";
    let bytes = fs::read(path).context("read", path)?;
    Template::parse(&bytes).context("use", path)
}

/// Whether a disk is a data disk of ours, or could become one.
pub(crate) fn is_ours(disk: &Disk, template: &Template) -> bool {
    matches!(look(disk, template), Ok(Content::Ext4(it)) if it.label == LABEL)
}

/// Whether a disk is blank, or was begun to be made.
pub(crate) fn is_free(disk: &Disk, template: &Template) -> bool {
    let content = look(disk, template);
    disk.bytes >= template.bytes() && matches!(content, Ok(Content::Blank | Content::Unfinished))
}

fn look(disk: &Disk, template: &Template) -> Result<Content, SystemError> {
    ext4::probe(&disk.open()?, disk.bytes, template)
}

/// Makes and mounts the data file system of `disk`.
///
/// # Errors
/// Why the box cannot use it, in words for the installer. Nothing was erased then.
pub(crate) fn bring_up(
    disk: &Disk,
    template: &Template,
    console: &mut Console,
) -> Result<(), Maintenance> {
    let unusable = |why: &dyn std::fmt::Display| unusable(disk, why);
    let content = look(disk, template).map_err(|error| unusable(&error))?;
    let superblock = match content {
        Content::Blank | Content::Unfinished => {
            make(disk, template, console).map_err(|error| unusable(&error))?
        }
        Content::Ext4(superblock) if superblock.label == LABEL => superblock,
        Content::Ext4(superblock) => {
            let label = superblock.label;
            return Err(unusable(&format_args!(
                "it holds a file system named \"{label}\""
            )));
        }
        Content::Other(what) => return Err(unusable(&what)),
    };
    let device = disk.path();
    let bytes = disk.bytes;
    mount_and_share(&device, bytes, superblock, console).map_err(|error| match error {
        // The C library has no words for them.
        Unusable::Damaged => unusable(&"its file system is damaged"),
        Unusable::Kernel(error) => unusable(&error),
    })
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
    // On a full disk there may be no room for them; calls work without.
    for made in [
        give(recordings, Service::Media).and_then(|()| show(recordings, Service::Web)),
        give(Path::new(SOUNDS_FOLDER), Service::Media),
    ] {
        if let Err(error) = made {
            console.line(&format!("ramal: data {name}: {error}"));
        }
    }
    Ok(())
}

fn make(
    disk: &Disk,
    template: &Template,
    console: &mut Console,
) -> Result<Superblock, SystemError> {
    console.line(&format!(
        "ramal: data disk {} is blank: making its file system",
        disk.name
    ));
    let file = disk.open_for_writing()?;
    template.write_to(&file, &Identity::random()?)?;
    match ext4::probe(&file, disk.bytes, template)? {
        Content::Ext4(superblock) => Ok(superblock),
        Content::Blank | Content::Unfinished | Content::Other(_) => {
            let lost = std::io::Error::other("what was written does not read back");
            Err(lost).context("make a file system on", &disk.name)
        }
    }
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

/// Lets another service read what the owner of a folder writes into it (mode 2750): new files are
/// of the folder's group, which is that service's.
fn show(folder: &Path, reader: Service) -> Result<(), SystemError> {
    use std::os::unix::fs::{PermissionsExt, chown};
    chown(folder, None, Some(services::uid(reader))).context("show", folder.display())?;
    let mode = fs::Permissions::from_mode(0o2750);
    fs::set_permissions(folder, mode).context("show", folder.display())
}

fn unusable(disk: &Disk, why: &dyn std::fmt::Display) -> Maintenance {
    let serial = if disk.serial.is_empty() {
        "no serial number"
    } else {
        &disk.serial
    };
    Maintenance(format!(
        "data disk {} ({serial}): {why}. Nothing on it was erased, and no service was started. \
         Attach the right disk or a blank one, or restore a backup to it, then restart the box",
        disk.name
    ))
}
