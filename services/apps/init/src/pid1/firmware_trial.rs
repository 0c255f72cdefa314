//! What the supervisor finds of the firmware that runs, told to the boot state.

use std::path::Path;

use firmware::{FirmwareError, StateFile, keys_of_firmware};
use slot::{BootState, Condition, Reason};
use supervise::{Failure, Service, Shutdown, Standing};

use super::Supervision;
use crate::boot::Firmware;

impl Supervision {
    /// What the boot state knows of the running firmware.
    pub(super) fn standing(&mut self) -> Standing {
        let Some(firmware) = &self.boot.firmware else {
            return Standing::Unknown;
        };
        match StateFile::open(&firmware.state).and_then(|state| state.read()) {
            Ok(state) => match state.slot(firmware.slot).condition {
                Condition::Good(_) => Standing::Proven,
                Condition::Trying(_) | Condition::Empty | Condition::Bad => Standing::OnTrial,
            },
            Err(error) => {
                self.tell(&error.to_string());
                Standing::Proven
            }
        }
    }

    /// The running firmware is good.
    pub(super) fn firmware_proved(&mut self) {
        let keys = keys_of_firmware(Path::new(KEYS)).map(|set| set.version);
        let keys = keys.unwrap_or_else(|error| {
            self.tell(&error.to_string());
            0
        });
        let commit = |firmware: &Firmware, state: &mut BootState| {
            state.commit(firmware.slot, firmware.security, keys);
        };
        match self.change_state(commit) {
            Ok(slot) => self.tell(&format!("firmware in slot {slot} has proved good")),
            Err(error) => self.tell(&error.to_string()),
        }
    }

    /// The firmware on trial is not good: the box goes back.
    pub(super) fn firmware_failed(&mut self, failure: Failure) {
        let detail = code_of(failure.service());
        let leave = |firmware: &Firmware, state: &mut BootState| {
            state.leave(firmware.slot, Reason::Unhealthy, detail);
        };
        let service = failure.service();
        let why = match failure {
            Failure::GivenUp(_) => format!("service {service} was given up"),
            Failure::NotWell(_) => format!("service {service} was not well in time"),
        };
        match self.change_state(leave) {
            Ok(slot) => {
                let why = format!("new firmware in slot {slot} is left: {why}");
                self.shut_down(Shutdown::Restart, &why);
            }
            Err(error) => self.tell(&error.to_string()),
        }
    }

    fn change_state(
        &self,
        change: impl FnOnce(&Firmware, &mut BootState),
    ) -> Result<&'static str, FirmwareError> {
        let Some(firmware) = &self.boot.firmware else {
            return Ok("none");
        };
        StateFile::open(&firmware.state)?.change(|state| change(firmware, state))?;
        Ok(firmware.slot.name())
    }
}

/// The set of keys that has signed this version.
const KEYS: &str = "/etc/ramal/keys";

/// A service in the detail of a boot journal's entry, from 1; its place in the start order may
/// change from version to version, so codes are given here and never again to another.
pub(crate) const fn code_of(service: Service) -> u8 {
    match service {
        Service::Store => 1,
        Service::Net => 2,
        Service::Media => 3,
        Service::Pbx => 4,
        Service::Web => 5,
        Service::Update => 6,
    }
}
