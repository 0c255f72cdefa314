//! Stage-1: from the kernel's first process to the root file system.
//!
//! It never ends in a shell and never in a panic: whatever is missing, PID 1's loop is reached,
//! says what is wrong and answers the power button.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kernel::disk::Disk;
use kernel::ext4::Template;
use kernel::modules::Modules;
use kernel::mount::{self, Rights};
use kernel::{SystemError, clock, cmdline};

use crate::boot::{Boot, Maintenance};
use crate::console::Console;
use crate::{data_disk, disks};

/// Runs stage-1 and becomes PID 1 of the root. Returns only when that was not possible, with
/// what the caller's loop is to show.
#[must_use]
pub fn run(console: &mut Console) -> Boot {
    let mut boot = Boot::default();
    boot.reached("kernel", console);
    let mut modules = Modules::read();
    load_modules(&mut modules, console);
    boot.reached("modules", console);
    let template = data_disk::template();
    let found = find_disks(&mut modules, template.as_ref().ok());
    let Some(root) = found.root else {
        boot.maintenance = Some(no_root());
        return boot;
    };
    let data = match (found.data, &template) {
        (Some(disk), Ok(template)) => data_disk::bring_up(&disk, template, console),
        (_, Err(error)) => Err(Maintenance(format!(
            "{error}. Write the firmware image anew"
        ))),
        (None, Ok(_)) => Err(no_data()),
    };
    boot.maintenance = data.err();
    boot.reached("data", console);
    let error = match enter(&root, &mut boot, console) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    boot.maintenance = Some(Maintenance(format!(
        "root disk {}: {error}. Write the firmware image anew and restart the box",
        root.name
    )));
    boot
}

fn load_modules(modules: &mut Modules, console: &mut Console) {
    let mut told = |result: Result<(), SystemError>| {
        if let Err(error) = result {
            console.line(&format!("ramal: {error}"));
        }
    };
    for name in ALWAYS {
        told(modules.load(name).map(drop));
    }
    for _ in 0..COLDPLUG_ROUNDS {
        match modules.load_for_devices() {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => told(Err(error)),
        }
    }
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

/// Mounts the root, moves over and becomes its `/sbin/init`.
fn enter(
    root: &Disk,
    boot: &mut Boot,
    console: &mut Console,
) -> Result<std::convert::Infallible, SystemError> {
    let device = root.path();
    mount::mount(
        &device.to_string_lossy(),
        NEW_ROOT,
        "squashfs",
        Rights::ReadOnly,
        "",
    )?;
    boot.reached("root", console);
    let mut moved = vec!["/dev", "/proc", "/sys", "/run"];
    if boot.maintenance.is_none() {
        moved.push(data_disk::DATA);
    }
    console.drain();
    mount::switch_root(NEW_ROOT, &moved)?;
    let variables = boot.to_environment();
    let pairs = variables
        .iter()
        .filter_map(|variable| variable.split_once('='));
    let source = Command::new(INIT).env_clear().envs(pairs).exec();
    Err(SystemError {
        action: "run",
        subject: INIT.to_owned(),
        source,
    })
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

/// Whether the kernel has an `/sbin/init` to go to; says where stage-1 looks for it.
#[must_use]
pub fn is_stage_1() -> bool {
    mount::is_initramfs() && Path::new("/init").exists()
}

const NEW_ROOT: &str = "/root";
const INIT: &str = "/sbin/init";
/// Loaded on every box; everything else by what the devices ask for.
const ALWAYS: [&str; 6] = [
    "crc32c_generic",
    "squashfs",
    "ext4",
    "button",
    "evdev",
    "af_packet",
];
/// Buses behind buses behind buses: more levels do not occur.
const COLDPLUG_ROUNDS: u32 = 5;
/// How long the disks may take to appear.
const DISK_WAIT: Duration = Duration::from_secs(20);
/// How long to wait for a disk of ours before a blank one is taken for it.
const SETTLE: Duration = Duration::from_secs(5);
/// How often to look.
const DISK_POLL: Duration = Duration::from_millis(10);
