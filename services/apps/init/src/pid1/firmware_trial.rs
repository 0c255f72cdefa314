//! What the supervisor finds of the firmware that runs, told to the boot state.

use std::path::Path;

use std::time::Duration;

use firmware::{FirmwareError, StateFile, keys_of_firmware, root};
use sansio::Instant;
use slot::{BootState, Condition, Reason, Slot};
use supervise::{Failure, Input, Service, Shutdown, Standing};

use super::Supervision;
use super::findings::{Findings, Noted};
use crate::boot::Firmware;

/// What PID 1 looks at again and again: whether the root is still the one that was signed, and
/// whether what was found of the firmware is on the disk.
#[derive(Debug, Default)]
pub(super) struct Watch {
    findings: Findings,
    due: Instant,
    is_blind: bool,
}

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
        self.watch.findings.proved();
        self.note_findings();
        self.trust_with_tunnel();
    }

    /// Once in a while, on the loop's turn.
    pub(super) fn watch_firmware(&mut self) {
        if self.boot.firmware.is_none() || self.now() < self.watch.due {
            return;
        }
        self.watch.due = self.now() + WATCH_INTERVAL;
        self.look_at_root();
        self.note_findings();
        self.keep_tunnel();
    }

    /// Whether every block of the root that was read so far was the one that was signed. A damaged
    /// one is an error to whoever reads it, and the kernel tells nobody else.
    pub(super) fn look_at_root(&mut self) {
        let Some(firmware) = &self.boot.firmware else {
            return;
        };
        if self.watch.findings.is_damaged() {
            return;
        }
        let slot = firmware.slot.name();
        match root::is_sound() {
            Ok(true) => {}
            Ok(false) => {
                self.watch.findings.damaged();
                self.tell(&format!(
                    "DAMAGED: a block of the firmware in slot {slot} is not the one that was \
                     signed; what needs it fails, and the disk may be failing"
                ));
                // Before it is noted, which may be refused: firmware on trial is left all the same.
                let has_other = false;
                self.inbox.push_back(Input::RootDamaged { has_other });
                self.note_findings();
            }
            Err(error) if !self.watch.is_blind => {
                self.watch.is_blind = true;
                self.tell(&error.to_string());
            }
            Err(_) => {}
        }
    }

    /// Notes what was found; what the disk does not take is tried again.
    pub(super) fn note_findings(&mut self) {
        let Some(firmware) = &self.boot.firmware else {
            return;
        };
        let other = firmware.slot.other();
        match self.watch.findings.note(firmware, version_of_keys) {
            Ok(noted) => noted.into_iter().for_each(|it| self.tell_noted(it, other)),
            Err(Some(error)) => {
                let seconds = WATCH_INTERVAL.as_secs();
                self.tell(&format!("{error}; it is tried again every {seconds} s"));
            }
            Err(None) => {}
        }
    }

    fn tell_noted(&mut self, noted: Noted, other: Slot) {
        let other = other.name();
        match noted {
            Noted::Proof(slot) => {
                self.tell(&format!("firmware in slot {} has proved good", slot.name()));
            }
            Noted::Damage { has_other } => {
                self.tell(&if has_other {
                    format!("the next start is that of slot {other}; restart the box soon")
                } else {
                    format!("slot {other} is of no use either; install an update")
                });
                self.inbox.push_back(Input::RootDamaged { has_other });
            }
        }
    }

    /// The firmware is not good: the box goes back.
    pub(super) fn firmware_failed(&mut self, failure: Failure) {
        let detail = failure.service().map_or(0, Service::code);
        let reason = match failure {
            Failure::RootDamaged => Reason::RootDamaged,
            Failure::GivenUp(_)
            | Failure::NotWell(_)
            | Failure::TunnelDown
            | Failure::Maintenance => Reason::Unhealthy,
        };
        let leave = |firmware: &Firmware, state: &mut BootState| {
            state.leave(firmware.slot, reason, detail);
        };
        let why = match failure {
            Failure::GivenUp(service) => format!("service {service} was given up"),
            Failure::NotWell(service) => format!("service {service} was not well in time"),
            Failure::Maintenance => "it cannot use the data of the box".to_owned(),
            Failure::RootDamaged => "its root is damaged".to_owned(),
            Failure::TunnelDown => "the tunnel did not come up".to_owned(),
        };
        // What cannot be noted is left too: the loader has counted this start, and does not start
        // new firmware that it cannot count.
        let slot = self.change_state(leave).unwrap_or_else(|error| {
            self.tell(&error.to_string());
            "none"
        });
        if failure == Failure::TunnelDown {
            self.excuse_tunnel();
        }
        let why = format!("firmware in slot {slot} is left: {why}");
        self.shut_down(Shutdown::Restart, &why);
    }

    /// Changes the boot state; the name of the slot that runs.
    pub(super) fn change_state(
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

/// The version of the set of keys that has signed this firmware; 0, which raises no floor, when it
/// cannot be read.
fn version_of_keys() -> u32 {
    keys_of_firmware(Path::new(KEYS)).map_or(0, |set| set.version)
}

/// How often PID 1 looks after the firmware: one question to the kernel.
const WATCH_INTERVAL: Duration = Duration::from_secs(30);

/// The set of keys that has signed this version.
const KEYS: &str = "/etc/ramal/keys";
