//! What was found of the running firmware and has to outlive this boot: noted in the boot state,
//! and again later when the disk did not take it.

use firmware::{FirmwareError, StateFile};
use slot::Slot;

use crate::boot::Firmware;

/// What was found, and whether it is on the disk.
#[derive(Debug, Default)]
pub(super) struct Findings {
    proof: Finding,
    damage: Finding,
    /// Whether people know that the disk does not take what was found.
    is_refusal_told: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Finding {
    /// It was not made.
    #[default]
    None,
    /// It was made, and is not on the disk.
    Waits,
    /// It is on the disk.
    Noted,
}

/// What has just become durable, for people and the supervisor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Noted {
    /// The firmware in this slot has proved good.
    Proof(Slot),
    /// The root of the firmware is damaged.
    Damage {
        /// Whether the other slot is sound, and started next.
        has_other: bool,
    },
}

impl Findings {
    /// The running firmware is good.
    pub(super) const fn proved(&mut self) {
        self.proof = Finding::Waits;
    }

    /// A block of the root is not the one that was signed.
    pub(super) const fn damaged(&mut self) {
        self.damage = Finding::Waits;
    }

    /// Whether damage was found in this boot.
    pub(super) fn is_damaged(&self) -> bool {
        self.damage != Finding::None
    }

    /// Notes what waits; what is then on the disk. `keys` is the version of the set that has signed
    /// the firmware.
    ///
    /// # Errors
    /// The disk did not take it: it still waits. The error is given once only, as the next attempts
    /// would say the same.
    pub(super) fn note(
        &mut self,
        firmware: &Firmware,
        keys: impl FnOnce() -> u32,
    ) -> Result<Vec<Noted>, Option<FirmwareError>> {
        let (proves, damages) = (self.proof == Finding::Waits, self.damage == Finding::Waits);
        if !proves && !damages {
            return Ok(Vec::new());
        }
        let keys = if proves { keys() } else { 0 };
        let slot = firmware.slot;
        let written = StateFile::open(&firmware.state).and_then(|state| {
            state.change(|state| {
                // In this order: proof does not undo that the other slot is to be started.
                let has_other = damages.then(|| state.find_damage(slot));
                if proves {
                    state.commit(slot, firmware.security, keys);
                }
                has_other
            })
        });
        let has_other = written.map_err(|error| {
            let is_told = std::mem::replace(&mut self.is_refusal_told, true);
            (!is_told).then_some(error)
        })?;
        for finding in [&mut self.proof, &mut self.damage] {
            if *finding == Finding::Waits {
                *finding = Finding::Noted;
            }
        }
        let damage = has_other.map(|has_other| Noted::Damage { has_other });
        let proof = proves.then_some(Noted::Proof(slot));
        Ok(damage.into_iter().chain(proof).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use slot::{BootState, Condition, layout};

    use super::*;

    /// A box of which slot A runs, and whose boot state is not there yet.
    struct Stand(Firmware);

    impl Stand {
        fn new(name: &str) -> Self {
            let unique = format!("ramal-findings-{name}-{}", std::process::id());
            Self(Firmware {
                slot: Slot::A,
                security: 3,
                state: std::env::temp_dir().join(unique),
                device: PathBuf::new(),
                other: PathBuf::new(),
                esp: None,
                key: crate::boot::KeyKept::OnDisk,
            })
        }

        /// The disk answers again, with this state on it.
        fn mend(&self, state: &BootState) {
            let file = File::create(&self.0.state).expect("made");
            file.set_len(layout::BOOTSTATE_LENGTH).expect("as large");
            let file = StateFile::open(&self.0.state).expect("opened");
            file.change(|it| *it = *state).expect("written");
        }

        fn state(&self) -> BootState {
            let file = StateFile::open(&self.0.state).expect("opened");
            file.read().expect("read")
        }
    }

    impl Drop for Stand {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0.state);
        }
    }

    #[test]
    fn proof_that_the_disk_did_not_take_is_noted_later_and_the_refusal_is_told_once() {
        let stand = Stand::new("proof");
        let mut findings = Findings::default();
        findings.proved();
        let refused = findings.note(&stand.0, || 2);
        assert!(matches!(refused, Err(Some(_))), "{refused:?}");
        let refused = findings.note(&stand.0, || 2);
        assert!(matches!(refused, Err(None)), "{refused:?}");
        let mut on_trial = BootState::shipped();
        on_trial.finish_install(Slot::A);
        stand.mend(&on_trial);
        let noted = findings.note(&stand.0, || 2).expect("written");
        assert_eq!(noted, [Noted::Proof(Slot::A)]);
        let state = stand.state();
        assert_eq!(state.slot(Slot::A).condition, Condition::Good(0));
        assert_eq!((state.security_floor, state.keys_floor), (3, 2));
        assert_eq!(findings.note(&stand.0, || 2).expect("nothing waits"), []);
        assert_eq!(stand.state(), state);
    }

    #[test]
    fn damage_is_noted_and_proof_after_it_leaves_the_next_start_to_the_other_slot() {
        let stand = Stand::new("damage");
        let mut state = BootState::shipped();
        state.commit(Slot::B, 0, 0);
        state.commit(Slot::A, 0, 0);
        stand.mend(&state);
        let mut findings = Findings::default();
        assert!(!findings.is_damaged());
        findings.damaged();
        findings.proved();
        let noted = findings.note(&stand.0, || 1).expect("written");
        let damage = Noted::Damage { has_other: true };
        assert_eq!(noted, [damage, Noted::Proof(Slot::A)]);
        assert!(findings.is_damaged());
        let state = stand.state();
        assert!(state.slot(Slot::A).is_damaged);
        assert_eq!(state.preferred, Slot::B);
    }
}
