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
            return match kernel::cmdline::value(slot::handoff::SLOT) {
                Some(_) => Standing::Lost,
                None => Standing::Unknown,
            };
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
        let detail = failure.service().map_or(0, code_of);
        let leave = |firmware: &Firmware, state: &mut BootState| {
            state.leave(firmware.slot, Reason::Unhealthy, detail);
        };
        let why = match failure {
            Failure::GivenUp(service) => format!("service {service} was given up"),
            Failure::NotWell(service) => format!("service {service} was not well in time"),
            Failure::Maintenance => "it cannot use the data of the box".to_owned(),
        };
        // What cannot be noted is left too: the loader has counted this start, and does not start
        // new firmware that it cannot count.
        let slot = self.change_state(leave).unwrap_or_else(|error| {
            self.tell(&error.to_string());
            "none"
        });
        let why = format!("firmware in slot {slot} is left: {why}");
        self.shut_down(Shutdown::Restart, &why);
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
