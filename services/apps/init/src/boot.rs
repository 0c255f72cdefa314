//! The stages of the boot, when each was reached, and why the box may not start its services.

use std::fmt;
use std::path::PathBuf;

use kernel::clock;
use slot::Slot;

use crate::console::Console;

/// The stages reached so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Boot {
    /// Name, and milliseconds since the kernel started.
    pub stages: Vec<(String, u64)>,
    /// Why no service is to be started.
    pub maintenance: Option<Maintenance>,
    /// The firmware slot that was started; none when it was not even found.
    pub firmware: Option<Firmware>,
}

/// The firmware that runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Firmware {
    /// From which slot.
    pub slot: Slot,
    /// Its security number.
    pub security: u64,
    /// The bootstate partition.
    pub state: PathBuf,
    /// The partition of the slot.
    pub device: PathBuf,
    /// The partition of the other slot.
    pub other: PathBuf,
    /// The EFI system partition, when the kernel shows it.
    pub esp: Option<PathBuf>,
    /// Where the key of the data is.
    pub key: KeyKept,
}

/// Where the key of the data is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKept {
    /// On the disk, beside the data.
    OnDisk,
    /// A TPM keeps it, and has opened it.
    ByTpm,
    /// A TPM keeps it, and has not opened it.
    Locked,
}

impl KeyKept {
    const fn name(self) -> &'static str {
        match self {
            Self::OnDisk => "on-disk",
            Self::ByTpm => "by-tpm",
            Self::Locked => "locked",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [Self::OnDisk, Self::ByTpm, Self::Locked];
        all.into_iter().find(|it| it.name() == name)
    }
}

impl Firmware {
    /// `slot,security,key,state,slot device,other slot's device,ESP or nothing`
    fn to_variable(&self) -> String {
        let (slot, key) = (self.slot.name(), self.key.name());
        let none = PathBuf::new();
        let esp = self.esp.as_ref().unwrap_or(&none);
        let devices = [&self.state, &self.device, &self.other, esp];
        let devices = devices.map(|it| it.to_string_lossy()).join(",");
        format!("{slot},{},{key},{devices}", self.security)
    }

    fn from_variable(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        Some(Self {
            slot: Slot::named(parts.next()?)?,
            security: parts.next()?.parse().ok()?,
            key: KeyKept::named(parts.next()?)?,
            state: PathBuf::from(parts.next()?),
            device: PathBuf::from(parts.next()?),
            other: PathBuf::from(parts.next()?),
            esp: Some(parts.next()?)
                .filter(|it| !it.is_empty())
                .map(PathBuf::from),
        })
    }
}

/// Why the box starts no service: one sentence for the screen, with what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Maintenance(pub String);

impl fmt::Display for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Boot {
    /// Notes a stage and says so on the screen.
    pub fn reached(&mut self, name: &str, console: &mut Console) {
        let millis = millis_since_boot();
        self.stages.push((name.to_owned(), millis));
        console.line(&format!("ramal: stage {name} {millis}"));
    }

    /// The variables by which stage-1 hands this over to PID 1.
    #[must_use]
    pub fn to_environment(&self) -> Vec<String> {
        let stages: Vec<String> = self
            .stages
            .iter()
            .map(|(name, millis)| format!("{name}={millis}"))
            .collect();
        let mut variables = vec![format!("{STAGES}={}", stages.join(","))];
        variables.extend(
            self.maintenance
                .iter()
                .map(|it| format!("{MAINTENANCE}={it}")),
        );
        let firmware = self.firmware.iter();
        variables.extend(firmware.map(|it| format!("{FIRMWARE}={}", it.to_variable())));
        variables
    }

    /// What stage-1 handed over; `variable` looks one up.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let stages = variable(STAGES).unwrap_or_default();
        let stage = |it: &str| {
            let (name, millis) = it.split_once('=')?;
            Some((name.to_owned(), millis.parse().ok()?))
        };
        Self {
            stages: stages.split(',').filter_map(stage).collect(),
            maintenance: variable(MAINTENANCE).map(Maintenance),
            firmware: variable(FIRMWARE).and_then(|it| Firmware::from_variable(&it)),
        }
    }
}

/// Milliseconds since the kernel started.
#[must_use]
pub(crate) fn millis_since_boot() -> u64 {
    u64::try_from(clock::since_boot().as_millis()).unwrap_or(u64::MAX)
}

const STAGES: &str = "RAMAL_BOOT_STAGES";
const MAINTENANCE: &str = "RAMAL_MAINTENANCE";
const FIRMWARE: &str = "RAMAL_FIRMWARE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stage_1_hands_over_arrives() {
        let boot = Boot {
            stages: vec![("kernel".into(), 812), ("root".into(), 1203)],
            maintenance: Some(Maintenance("vdb: no=good".into())),
            firmware: Some(Firmware {
                slot: Slot::B,
                security: 7,
                state: "/dev/vda2".into(),
                device: "/dev/vda4".into(),
                other: "/dev/vda3".into(),
                esp: Some("/dev/vda1".into()),
                key: KeyKept::Locked,
            }),
        };
        let variables = boot.to_environment();
        let find = |name: &str| {
            let value = |it: &String| Some(it.strip_prefix(name)?.strip_prefix('=')?.to_owned());
            variables.iter().find_map(value)
        };
        assert_eq!(Boot::from_environment(find), boot);
        assert_eq!(Boot::from_environment(|_| None), Boot::default());
    }
}
