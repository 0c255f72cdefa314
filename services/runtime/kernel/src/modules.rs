//! Kernel modules: which file, in which order, and for which device.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fs::{self, File};
use std::path::PathBuf;

use rustix::io::Errno;

use crate::{Context, SystemError};

/// The modules of the running kernel, as depmod lists them.
#[derive(Debug, Default)]
pub struct Modules {
    folder: PathBuf,
    /// Name to path and the paths it needs, in the order of modules.dep.
    needs: BTreeMap<String, (String, Vec<String>)>,
    /// Pattern and module name.
    aliases: Vec<(String, String)>,
    loaded: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl Modules {
    /// Reads the lists of `/lib/modules/<release>`. A missing list counts as an empty one: a
    /// kernel with everything built in has none.
    #[must_use]
    pub fn read() -> Self {
        let release = rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned();
        let folder = PathBuf::from("/lib/modules").join(release);
        let text = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let mut modules = Self::parse(&text("modules.dep"), &text("modules.alias"));
        modules.folder = folder;
        modules
    }

    fn parse(dep: &str, alias: &str) -> Self {
        let needs = |line: &str| {
            let (path, needed) = line.split_once(':')?;
            let needed = needed.split_whitespace().map(str::to_owned).collect();
            Some((name_of(path), (path.to_owned(), needed)))
        };
        let aliases = |line: &str| {
            let (pattern, module) = line.strip_prefix("alias ")?.rsplit_once(' ')?;
            Some((pattern.to_owned(), module.to_owned()))
        };
        Self {
            needs: dep.lines().filter_map(needs).collect(),
            aliases: alias.lines().filter_map(aliases).collect(),
            ..Self::default()
        }
    }

    /// Loads a module and what it needs; returns whether the kernel took it. A module that is not
    /// in the list is built in or not part of this box, and is passed over.
    ///
    /// # Errors
    /// When the kernel refuses a file for another reason than that the device is not there.
    pub fn load(&mut self, name: &str) -> Result<bool, SystemError> {
        let name = name_of(name);
        if !self.loaded.insert(name.clone()) {
            return Ok(false);
        }
        let Some((path, needed)) = self.needs.get(&name).cloned() else {
            return Ok(false);
        };
        // modules.dep lists the needs of all levels, the deepest last.
        for need in needed.iter().rev() {
            if self.loaded.insert(name_of(need)) {
                self.insert(need)?;
            }
        }
        self.insert(&path)
    }

    /// Loads what the devices present ask for; returns how many modules were new. New modules may
    /// bring up new devices, so it is worth asking again until it returns 0.
    ///
    /// # Errors
    /// As [`Self::load`]; the other devices are served first.
    pub fn load_for_devices(&mut self) -> Result<usize, SystemError> {
        let mut wanted = BTreeSet::new();
        for modalias in devices() {
            if !self.seen.contains(&modalias) {
                wanted.extend(self.matching(&modalias));
                self.seen.insert(modalias);
            }
        }
        self.load_each(wanted)
    }

    /// The same for those modules alone whose path, as `kernel/drivers/watchdog/i6300esb.ko`, the
    /// caller wants.
    ///
    /// # Errors
    /// As [`Self::load_for_devices`].
    pub fn load_for_devices_some(
        &mut self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<usize, SystemError> {
        let asked = devices().into_iter().flat_map(|it| self.matching(&it));
        let is_wanted = |name: &String| {
            let listed = self.needs.get(&name_of(name));
            listed.is_some_and(|(path, _)| is_wanted(path))
        };
        let wanted = asked.filter(is_wanted).collect();
        self.load_each(wanted)
    }

    fn load_each(&mut self, names: BTreeSet<String>) -> Result<usize, SystemError> {
        let (mut count, mut first_error) = (0, None);
        for name in names {
            match self.load(&name) {
                Ok(true) => count += 1,
                Ok(false) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(count), Err)
    }

    fn matching(&self, modalias: &str) -> Vec<String> {
        let fits =
            |(pattern, _): &&(String, String)| matches(pattern.as_bytes(), modalias.as_bytes());
        self.aliases
            .iter()
            .filter(fits)
            .map(|(_, module)| module.clone())
            .collect()
    }

    fn insert(&self, path: &str) -> Result<bool, SystemError> {
        let file = File::open(self.folder.join(path)).context("open module", path)?;
        match rustix::system::finit_module(&file, NO_PARAMETERS, 0) {
            Ok(()) => Ok(true),
            // Loaded already, or its device or processor feature is not there.
            Err(Errno::EXIST | Errno::NODEV | Errno::NXIO) => Ok(false),
            Err(error) => Err(error).context("load module", path),
        }
    }
}

/// `kernel/drivers/hw_random/virtio-rng.ko` is called `virtio_rng`.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or_default();
    file.strip_suffix(".ko").unwrap_or(file).replace('-', "_")
}

/// What each device present is called by those that look for its driver.
fn devices() -> Vec<String> {
    let mut found = Vec::new();
    for bus in list("/sys/bus") {
        for device in list(&format!("/sys/bus/{bus}/devices")) {
            // Not every bus has a file `modalias`: that of memory cards says it here alone.
            let path = format!("/sys/bus/{bus}/devices/{device}/uevent");
            let said = fs::read_to_string(path).unwrap_or_default();
            found.extend(modalias(&said).map(str::to_owned));
        }
    }
    found
}

/// What a device is called, of all that the kernel says of it to whoever it tells of devices.
fn modalias(uevent: &str) -> Option<&str> {
    let mut lines = uevent.lines();
    lines.find_map(|line| line.strip_prefix("MODALIAS="))
}

fn list(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

/// Shell-like matching with `*`, `?` and `[...]`, as modules.alias uses it.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when a later part does not fit: after the last `*`, one byte further on.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, text));
                pattern = rest;
                continue;
            }
            (None, None) => return true,
            (Some((first, rest)), Some((byte, left))) => {
                let after = match first {
                    b'[' => class(rest, *byte),
                    b'?' => Some(rest),
                    first => (first == byte).then_some(rest),
                };
                if let Some(after) = after {
                    (pattern, text) = (after, left);
                    continue;
                }
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        let Some((after, from)) = retry else {
            return false;
        };
        let Some((_, left)) = from.split_first() else {
            return false;
        };
        retry = Some((after, left));
        (pattern, text) = (after, left);
    }
}

/// The pattern after `[...]` when `byte` is in the class.
fn class(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let end = pattern.iter().position(|it| *it == b']')?;
    let (members, rest) = pattern.split_at(end);
    let mut members = members;
    let mut fits = false;
    while let Some((first, after)) = members.split_first() {
        if let [b'-', last, more @ ..] = after {
            fits |= (*first..=*last).contains(&byte);
            members = more;
        } else {
            fits |= *first == byte;
            members = after;
        }
    }
    if fits { rest.get(1..) } else { None }
}

const NO_PARAMETERS: &CStr = c"";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(
            matches(pattern.as_bytes(), text.as_bytes()),
            expected,
            "{pattern} {text}"
        );
    }

    #[test]
    fn aliases_match_as_modprobe_matches_them() {
        check("virtio:d00000002v*", "virtio:d00000002v00001AF4", true);
        check("virtio:d00000001v*", "virtio:d00000002v00001AF4", false);
        check(
            "pci:v*d*sv*sd*bc01sc06i01*",
            "pci:v00008086d00002922sv0sd0bc01sc06i01",
            true,
        );
        check(
            "pci:v*d*sv*sd*bc01sc08i02*",
            "pci:v00008086d00002922sv0sd0bc01sc06i01",
            false,
        );
        check("acpi*:LNXPWRBN:*", "acpi:LNXPWRBN:", true);
        check("usb:v*p*d*[0-4]x[ab]*", "usb:v1p2d33xb", true);
        check("usb:v*p*d*[0-4]x[ab]*", "usb:v1p2d39xb", false);
        check("exact", "exact", true);
        check("exact", "exactly", false);
        check("a*", "", false);
        check("*", "", true);
    }

    #[test]
    fn a_memory_card_is_called_by_what_the_kernel_tells_of_it() {
        let card = "MMC_TYPE=SD\nMMC_NAME=QEMU!\nMODALIAS=mmc:block\n";
        assert_eq!(modalias(card), Some("mmc:block"));
        assert_eq!(modalias("DRIVER=pcieport\n"), None);
        assert_eq!(modalias(""), None);
    }

    #[test]
    fn lists_name_modules_by_their_kernel_name() {
        let modules = Modules::parse(
            "kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko\n\
             kernel/drivers/virtio-rng.ko:\n",
            "# comment\nalias virtio:d00000004v* virtio_rng\n",
        );
        let (path, needs) = modules.needs.get("ext4").expect("listed");
        assert_eq!(path, "kernel/fs/ext4/ext4.ko");
        assert_eq!(needs.len(), 2);
        assert_eq!(
            modules.matching("virtio:d00000004v00001AF4"),
            ["virtio_rng"]
        );
    }

    #[test]
    fn a_module_that_is_not_listed_is_passed_over() {
        assert!(
            !Modules::default()
                .load("ext4")
                .expect("built in, for all we know")
        );
    }
}
