//! Stage-1: from the kernel's first process to the root file system.
//!
//! It never ends in a shell and never in a panic: whatever is missing, PID 1's loop is reached,
//! says what is wrong and answers the power button.

mod checker;
mod data_key;
mod slots;

pub(crate) use slots::find as find_boot_disk;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kernel::modules::Modules;
use kernel::mount::{self, Rights};
use kernel::{SystemError, cmdline};
use slot::Handoff;

use crate::boot::{Boot, Maintenance};
use crate::console::Console;
use crate::watchdogs::Watchdogs;
use crate::{data, rescue};

/// Runs stage-1 and becomes PID 1 of the root. Returns only when that was not possible, with
/// what the caller's loop is to show, and the watchdogs that it has to pet.
#[must_use]
pub fn run(console: &mut Console) -> (Boot, Watchdogs) {
    let mut boot = Boot::default();
    boot.reached("kernel", console);
    let mut modules = Modules::read();
    let handoff = handoff(cmdline::value);
    let is_rescue = matches!(handoff, Some(Handoff { slot: None, .. }));
    let mut watchdogs = match is_rescue {
        true => Watchdogs::default(),
        false => arm_watchdogs(&mut modules, console),
    };
    load_modules(&mut modules, console);
    if !is_rescue {
        watchdogs.open_more(console);
    }
    boot.reached("modules", console);
    let template = data::template();
    let found = match handoff {
        Some(Handoff { slot: None, disk }) => {
            rescue::run(disk, &mut modules, console);
            Err(Maintenance("the rescue system has ended".to_owned()))
        }
        Some(handoff) => {
            let template = template.as_ref();
            let mut tools = slots::Tools {
                modules: &mut modules,
                watchdogs: &mut watchdogs,
                console,
            };
            slots::bring_up(handoff, template, &mut boot, &mut tools)
        }
        None => Err(not_by_the_loader()),
    };
    let root = match found {
        Ok((root, maintenance)) => {
            boot.maintenance = maintenance;
            root
        }
        Err(reason) => {
            boot.maintenance = Some(reason);
            return (boot, watchdogs);
        }
    };
    boot.reached("data", console);
    watchdogs.pet();
    let error = match enter(&root, &mut boot, &watchdogs, console) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    slots::root_is_useless(&boot, console);
    boot.maintenance = Some(Maintenance(format!(
        "root {}: {error}. Write the firmware image anew and restart the box",
        root.display()
    )));
    (boot, watchdogs)
}

/// What the loader says of the slot, by the values on the command line. A UKI that the firmware was
/// made to start without the loader is signed all the same, but nothing tells it what to start: it
/// must not look for a root itself.
fn handoff(value: impl Fn(&str) -> Option<String>) -> Option<Handoff> {
    let (slot, disk) = (value(slot::handoff::SLOT)?, value(slot::handoff::DISK)?);
    Handoff::from_values(&slot, &disk)
}

fn not_by_the_loader() -> Maintenance {
    Maintenance(
        "this system was not started by its loader, and looks for no root of its own. Restart the \
         box from its disk"
            .to_owned(),
    )
}

/// Before all other drivers: one that hangs with its device, as a disk that does not answer while
/// its partitions are looked for, is a hang that they end.
fn arm_watchdogs(modules: &mut Modules, console: &mut Console) -> Watchdogs {
    for _ in 0..WATCHDOG_ROUNDS {
        let is_wanted = |path: &str| WATCHDOG_DRIVERS.iter().any(|it| path.contains(it));
        if let Err(error) = modules.load_for_devices_some(is_wanted) {
            console.line(&format!("ramal: {error}"));
        }
    }
    Watchdogs::open(console)
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
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => told(Err(error)),
        }
    }
    if Path::new(EFI).exists() {
        told(modules.load(EFI_VARIABLES).map(drop));
    }
    // Modules are left behind with this file system, and a stick may be put in later.
    if Path::new(USB_HOST).exists() {
        for name in STICKS {
            told(modules.load(name).map(drop));
        }
    }
}

/// Mounts the root, moves over and becomes its `/sbin/init`.
fn enter(
    device: &Path,
    boot: &mut Boot,
    watchdogs: &Watchdogs,
    console: &mut Console,
) -> Result<std::convert::Infallible, SystemError> {
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
        moved.push(data::DATA);
    }
    console.drain();
    mount::switch_root(NEW_ROOT, &moved)?;
    let mut variables = boot.to_environment();
    variables.push(watchdogs.hand_over());
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

/// Whether the kernel has an `/sbin/init` to go to; says where stage-1 looks for it.
#[must_use]
pub fn is_stage_1() -> bool {
    mount::is_initramfs() && Path::new("/init").exists()
}

const NEW_ROOT: &str = "/root";
const INIT: &str = "/sbin/init";
/// Loaded on every box; everything else by what the devices ask for.
const ALWAYS: [&str; 11] = [
    "crc32c_generic",
    "dm_mod",
    "dm_verity",
    "dm_crypt",
    "xts",
    "squashfs",
    "ext4",
    "button",
    "evdev",
    "af_packet",
    // Whether a tunnel is set is known much later, and modules are left behind with this system.
    "wireguard",
];
/// Watchdogs, and what makes Intel's visible.
const WATCHDOG_DRIVERS: [&str; 3] = ["/watchdog/", "/lpc_ich.ko", "/i2c-i801.ko"];
/// What makes one visible, and it.
const WATCHDOG_ROUNDS: u32 = 2;
/// There when the machine's firmware is UEFI, and the module of its variables.
const EFI: &str = "/sys/firmware/efi";
const EFI_VARIABLES: &str = "efivarfs";
/// There when the machine has USB at all: the hub that its controller itself is.
const USB_HOST: &str = "/sys/bus/usb/devices/usb1";
/// For memory sticks.
const STICKS: [&str; 3] = ["usb_storage", "uas", "sd_mod"];
/// Buses behind buses behind buses: more levels do not occur.
const COLDPLUG_ROUNDS: u32 = 5;
/// How long the disks may take to appear.
const DISK_WAIT: Duration = Duration::from_secs(20);
/// How often to look.
const DISK_POLL: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn handoff_of(line: &str) -> Option<Handoff> {
        let pairs: Vec<_> = line
            .split(' ')
            .filter_map(|word| word.split_once('='))
            .collect();
        handoff(|name| {
            let found = pairs.iter().find(|(found, _)| *found == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn without_the_loaders_word_no_root_is_looked_for() {
        let hash = "0f".repeat(32);
        for line in [
            // A slot's UKI and the rescue system's, started by the firmware itself.
            &*format!("console=tty0 panic=10 ramal.roothash={hash}"),
            "console=tty0 panic=10",
            "ramal.slot=a",
            "ramal.slot=c ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d",
            "ramal.slot=a ramal.disk=none",
        ] {
            assert_eq!(handoff_of(line), None, "{line}");
        }
        let line = "ramal.slot=rescue ramal.disk=7a2f1c64-0d5e-4b1a-9c37-52616d616c0d";
        assert!(matches!(handoff_of(line), Some(Handoff { slot: None, .. })));
    }
}
