//! The lab's way: the root and the data on disks of their own, told apart by serial numbers.
//!
//! It saves the lab the firmware's and the loader's seconds. No box is started like this: the
//! command line of a slot is signed and fixed, and does not ask for it, as the lab's has to.

use std::path::PathBuf;
use std::time::Duration;

use kernel::disk::Disk;
use kernel::ext4::Template;
use kernel::modules::Modules;
use kernel::{SystemError, clock, cmdline};

use super::{DISK_POLL, DISK_WAIT, disks};
use crate::boot::Maintenance;
use crate::console::Console;
use crate::data_disk;

/// Finds both disks and mounts the data; where the root is, and why the data cannot be used.
pub(super) fn bring_up(
    modules: &mut Modules,
    template: Result<&Template, &SystemError>,
    console: &mut Console,
) -> Result<(PathBuf, Option<Maintenance>), Maintenance> {
    let found = find_disks(modules, template.ok());
    let root = found.root.ok_or_else(no_root)?;
    let data = match (found.data, template) {
        (Some(disk), Ok(template)) => data_disk::bring_up(&disk, template, console),
        (_, Err(error)) => Err(Maintenance(format!(
            "{error}. Write the firmware image anew"
        ))),
        (None, Ok(_)) => Err(no_data()),
    };
    Ok((root.path(), data.err()))
}

struct Found {
    root: Option<Disk>,
    data: Option<Disk>,
}

/// Waits until both disks are there, as a slow controller or a USB disk needs a while.
fn find_disks(modules: &mut Modules, template: Option<&Template>) -> Found {
    let wanted_root = cmdline::value("ramal.root");
    let wanted_data = cmdline::value("ramal.data");
    let start = clock::since_boot();
    loop {
        let waited = clock::since_boot().saturating_sub(start);
        let all = Disk::all();
        let root = disks::root(&all, wanted_root.as_deref()).cloned();
        let data = root.as_ref().and_then(|root| {
            let named = disks::data(&all, root, wanted_data.as_deref());
            match (named, template) {
                (None, Some(template)) if wanted_data.is_none() => {
                    unnamed_data(&all, root, template, waited)
                }
                (named, _) => named,
            }
        });
        let data = data.cloned();
        if (root.is_some() && data.is_some()) || waited >= DISK_WAIT {
            return Found { root, data };
        }
        std::thread::sleep(DISK_POLL);
        // A controller that came late may need its driver; errors were told the first time.
        let _ = modules.load_for_devices();
    }
}

/// The data disk of a box whose disks have serial numbers of their own: one of ours, else a blank
/// one, and that only when every other had the time to appear.
fn unnamed_data<'a>(
    all: &'a [Disk],
    root: &Disk,
    template: &Template,
    waited: Duration,
) -> Option<&'a Disk> {
    let ours = disks::largest(all, root, |disk| data_disk::is_ours(disk, template));
    if ours.is_some() || waited < SETTLE {
        return ours;
    }
    disks::largest(all, root, |disk| data_disk::is_free(disk, template))
}

fn no_root() -> Maintenance {
    Maintenance(format!(
        "no root disk was found within {} s: no disk {}. Attach the disk with the firmware and \
         restart the box",
        DISK_WAIT.as_secs(),
        match cmdline::value("ramal.root") {
            Some(wanted) => format!("is called {wanted} (ramal.root on the kernel command line)"),
            None => "holds a squashfs".to_owned(),
        }
    ))
}

fn no_data() -> Maintenance {
    Maintenance(format!(
        "no data disk was found within {} s: none is named ramal-data, and none is blank. \
         Nothing was erased, and no service was started. Attach the data disk or a blank disk \
         and restart the box",
        DISK_WAIT.as_secs()
    ))
}

/// How long to wait for a disk of ours before a blank one is taken for it.
const SETTLE: Duration = Duration::from_secs(5);
