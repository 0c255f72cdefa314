//! The box's way: the disk the loader named, the verified root of its slot, the encrypted data.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firmware::{BootDisk, FirmwareError, StateFile, fresh_guid, open_data, root};
use kernel::disk::Disk;
use kernel::ext4::{self, Identity, Template};
use kernel::modules::Modules;
use kernel::{Context as _, SystemError, clock, cmdline};
use slot::{Guid, Handoff, Reason, Slot, partition};

use super::checker::{self, Verdict};
use super::{DISK_POLL, DISK_WAIT, data_key};
use crate::boot::{Boot, Firmware, KeyKept, Maintenance};
use crate::console::Console;
use crate::data::{self, Unusable};
use crate::watchdogs::Watchdogs;

/// What every step needs.
pub(super) struct Tools<'a> {
    pub(super) modules: &'a mut Modules,
    pub(super) watchdogs: &'a mut Watchdogs,
    pub(super) console: &'a mut Console,
}

/// Opens root and data of the slot that was started; where the root is, and why the data cannot be
/// used.
pub(super) fn bring_up(
    handoff: Handoff,
    template: Result<&Template, &SystemError>,
    boot: &mut Boot,
    tools: &mut Tools<'_>,
) -> Result<(PathBuf, Option<Maintenance>), Maintenance> {
    let slot = handoff.slot.ok_or_else(no_root_hash)?;
    let mut disk = find(handoff.disk, tools.modules).ok_or_else(no_disk)?;
    let hash = cmdline::value(ROOT_HASH).and_then(|text| read_hash(&text));
    let hash = hash.ok_or_else(no_root_hash)?;
    let unusable = |error: &FirmwareError| Maintenance(format!("{error}. {WRITE_ANEW}"));
    if disk.mend().map_err(|error| unusable(&error))? {
        tools.console.line("ramal: the partition table was mended");
    }
    let state_path = disk
        .device(partition::BOOTSTATE)
        .map_err(|it| unusable(&it))?;
    let state = StateFile::open(&state_path).map_err(|error| unusable(&error))?;
    let mut data = Data {
        disk: &mut disk,
        state: &state,
        slot,
        key: KeyKept::OnDisk,
    };
    let data_result = match template {
        Ok(template) => data.bring_up(template, tools),
        Err(error) => Err(Maintenance(format!("{error}. {WRITE_ANEW}"))),
    };
    let key = data.key;
    let device = |slot| disk.device(partition::of_slot(slot));
    let mut firmware = Firmware {
        slot,
        security: 0,
        key,
        state: state_path,
        device: device(slot).map_err(|error| unusable(&error))?,
        other: device(slot.other()).map_err(|error| unusable(&error))?,
        esp: disk.device(partition::ESP).ok(),
    };
    let opened = root::open(&firmware.device, &hash);
    match opened {
        Ok((root, header)) => {
            firmware.security = header.security;
            boot.firmware = Some(firmware);
            Ok((root, data_result.err()))
        }
        Err(error) => {
            boot.firmware = Some(firmware);
            root_is_useless(boot, tools.console);
            Err(unusable(&error))
        }
    }
}

/// The root cannot be used: says so to the loader, which gives the other slot its turn, and starts
/// the box anew. Returns where there is no loader.
pub(super) fn root_is_useless(boot: &Boot, console: &mut Console) {
    let Some(firmware) = &boot.firmware else {
        return;
    };
    let leave = |state: &mut slot::BootState| {
        state.leave(firmware.slot, Reason::RootDamaged, 0);
    };
    match StateFile::open(&firmware.state).and_then(|state| state.change(leave)) {
        Ok(()) => {
            let slot = firmware.slot.name();
            console.line(&format!(
                "ramal: the root of slot {slot} is damaged; restarting"
            ));
            console.drain();
            // What follows when the kernel refuses is the screen that says what to do.
            let _ = kernel::power::end(kernel::power::End::Restart);
        }
        Err(error) => console.line(&format!("ramal: {error}")),
    }
}

/// Waits until the disk is there, as a slow controller or a USB disk needs a while.
pub(crate) fn find(bootstate: Guid, modules: &mut Modules) -> Option<BootDisk> {
    let start = clock::since_boot();
    loop {
        let found = BootDisk::find(&Disk::all(), bootstate);
        if found.is_some() || clock::since_boot().saturating_sub(start) >= DISK_WAIT {
            return found;
        }
        std::thread::sleep(DISK_POLL);
        // A controller that came late may need its driver; errors were told the first time.
        let _ = modules.load_for_devices();
    }
}

/// The data partition on its way from nothing to mounted.
struct Data<'a> {
    disk: &'a mut BootDisk,
    state: &'a StateFile,
    /// The slot that was started.
    slot: Slot,
    /// Where their key is.
    key: KeyKept,
}

impl Data<'_> {
    /// Every step is on the disk before the next, and each can be done again: the power may fail
    /// anywhere. A file system that was made once is never made again, whatever is found in its
    /// place.
    fn bring_up(&mut self, template: &Template, tools: &mut Tools<'_>) -> Result<(), Maintenance> {
        let unusable = |error: FirmwareError| Maintenance(format!("{error}. {NOTHING_ERASED}"));
        self.reset_when_asked(tools.console).map_err(unusable)?;
        let opened = data_key::open(self.state, self.slot, tools);
        self.key = match &opened {
            Ok(opened) if opened.is_sealed => KeyKept::ByTpm,
            Ok(_) => KeyKept::OnDisk,
            Err(_) => data_key::kept_unopened(self.state),
        };
        let opened = opened?;
        let console = &mut *tools.console;
        if self.make_partition().map_err(unusable)? {
            console.line("ramal: the data partition was made");
        }
        let device = self.disk.device(partition::DATA).map_err(unusable)?;
        let (device, bytes) = open_data(&device, &opened.key).map_err(unusable)?;
        if !opened.is_formatted {
            console.line("ramal: making the file system of the data");
            make_file_system(&device, template).map_err(kernel_says)?;
            self.state.note_formatted().map_err(unusable)?;
        }
        mount(&device, bytes, tools)
    }

    /// A factory reset: without its key, what is encrypted is noise.
    fn reset_when_asked(&self, console: &mut Console) -> Result<(), FirmwareError> {
        if self.state.reset_when_asked()? {
            console.line("ramal: factory reset: everything that was stored is gone");
        }
        Ok(())
    }

    fn make_partition(&mut self) -> Result<bool, FirmwareError> {
        if self.disk.table().of_kind(partition::DATA).is_some() {
            return Ok(false);
        }
        // Drawn before anything is changed, so that the table is written with all of them or not
        // at all.
        let count = self.disk.table().partitions().len() + 2;
        let fresh = (0..count).map(|_| fresh_guid());
        let mut fresh = fresh.collect::<Result<Vec<_>, _>>()?.into_iter();
        let last = fresh_guid()?;
        self.disk
            .make_data_partition(|| fresh.next().unwrap_or(last))
    }
}

fn make_file_system(device: &Path, template: &Template) -> Result<(), SystemError> {
    let open = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(device);
    let file = open.context("open", device.display())?;
    template.write_to(&file, &Identity::random()?)
}

fn mount(device: &Path, bytes: u64, tools: &mut Tools<'_>) -> Result<(), Maintenance> {
    if check_file_system(device, tools) == Verdict::Damaged {
        return Err(damaged());
    }
    let superblock = ext4::superblock_of(device).map_err(kernel_says)?;
    let superblock = superblock.ok_or_else(damaged)?;
    tools.watchdogs.pet();
    let mounted = data::mount_and_share(device, bytes, superblock, tools.console);
    mounted.map_err(|error| match error {
        Unusable::Damaged => damaged(),
        Unusable::Kernel(error) => kernel_says(error),
    })
}

/// Has the file system checked, and mended where that is without doubt. What is found is told.
fn check_file_system(device: &Path, tools: &mut Tools<'_>) -> Verdict {
    let Tools {
        watchdogs, console, ..
    } = tools;
    if !Path::new(CHECKER).exists() {
        return Verdict::Unknown;
    }
    let file = File::options().read(true).write(true).open(device);
    let torn = file.context("open", device.display()).and_then(|file| {
        let torn = ext4::mend_torn_superblock(&file)?;
        Ok(torn.map(|it| (file, it)))
    });
    let torn = torn.unwrap_or_else(|error| {
        console.line(&format!("ramal: file system: {error}"));
        None
    });
    let how = if torn.is_some() { "-fp" } else { "-p" };
    let mut command = Command::new(CHECKER);
    let check = command.arg(how).arg(device);
    let checked = checker::run(check, CHECK_MAX, || watchdogs.pet());
    if let Err(error) = &checked
        && error.kind() == std::io::ErrorKind::TimedOut
    {
        check_hangs(console);
    }
    let code = checked.as_ref().ok().and_then(|it| it.status.code());
    let verdict = Verdict::of(code);
    if let Some((file, before)) = torn {
        console.line("ramal: file system: its first block was torn; everything was checked");
        if verdict != Verdict::Sound
            && let Err(error) = ext4::put_superblock(&file, &before)
        {
            console.line(&format!("ramal: file system: {error}"));
        }
    }
    match checked {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            for line in said.lines().take(CHECKER_LINES_MAX) {
                console.line(&format!("ramal: file system: {line}"));
            }
        }
        Err(error) => console.line(&format!("ramal: {CHECKER}: {error}")),
    }
    verdict
}

/// Nobody would answer the power button, and whoever waits keeps the watchdogs quiet: the box
/// starts anew, which counts as a try of this slot.
fn check_hangs(console: &mut Console) {
    let minutes = CHECK_MAX.as_secs() / 60;
    console.line(&format!(
        "ramal: the check of the data has not ended within {minutes} minutes; the disk may be \
         failing; restarting"
    ));
    console.drain();
    // When the kernel refuses, the data is mounted, which fails or hangs as the check did.
    let _ = kernel::power::end(kernel::power::End::Restart);
}

fn read_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(hash)
}

fn no_disk() -> Maintenance {
    Maintenance(format!(
        "the disk the box was started from was not found within {} s. Attach it again and \
         restart the box",
        DISK_WAIT.as_secs()
    ))
}

fn no_root_hash() -> Maintenance {
    Maintenance(format!(
        "the command line names no root ({ROOT_HASH}). {WRITE_ANEW}"
    ))
}

fn damaged() -> Maintenance {
    Maintenance(format!(
        "the data's file system is damaged and could not be mended. {NOTHING_ERASED}"
    ))
}

fn kernel_says(error: SystemError) -> Maintenance {
    Maintenance(format!("{error}. {NOTHING_ERASED}"))
}

/// On the command line: the hash of the root's hash tree, 64 hexadecimal digits.
const ROOT_HASH: &str = "ramal.roothash";

/// e2fsprogs' checker, in the initramfs.
const CHECKER: &str = "/sbin/e2fsck";

/// How long the checker may take: several times what it needs for a whole disk of a terabyte. A
/// check that is only slow must not be cut short, as it would be at the next start too.
const CHECK_MAX: Duration = Duration::from_secs(3600);

/// Of what the checker says.
const CHECKER_LINES_MAX: usize = 20;

const WRITE_ANEW: &str = "Write the firmware image anew and restart the box";

pub(super) const NOTHING_ERASED: &str = "Nothing was erased, and no service was started. \
                                         Restore a backup after a factory reset, or ask for \
                                         support";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_hash_is_64_digits_and_nothing_else() {
        assert_eq!(read_hash(&"0f".repeat(32)), Some([0x0f; 32]));
        for text in [
            "",
            "0f",
            &"0g".repeat(32),
            &"0f".repeat(33),
            &"+f".repeat(32),
        ] {
            assert_eq!(read_hash(text), None, "{text}");
        }
    }
}
