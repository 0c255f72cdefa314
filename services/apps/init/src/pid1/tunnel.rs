//! Whether the tunnel into a grid was up lately, for the trial of the next version: kept as a file
//! on the data, which every version finds, and a factory reset forgets with the tunnel itself. It
//! has the name of the slot whose version wrote it; the first ones wrote none.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use slot::Slot;
use supervise::{Input, Standing, TunnelMemory, TunnelNote};

use super::Supervision;
use crate::data::DATA;
use crate::replace::replace;

/// What PID 1 remembers of the tunnel.
#[derive(Debug, Default)]
pub(super) struct TunnelWatch {
    /// `None` where no version is tried: not on a bench, not where the data cannot be used.
    memory: Option<TunnelMemory>,
    /// Firmware on trial changes nothing of what it is held to.
    may_change: bool,
    is_refusal_told: bool,
}

impl Supervision {
    /// Recalls it, and tells the supervisor before anything is started.
    pub(super) fn recall_tunnel(&mut self, standing: Standing) {
        let Some(firmware) = &self.boot.firmware else {
            return;
        };
        let note = note(Path::new(DATA), firmware.slot);
        let memory = TunnelMemory::at_start(self.now(), note);
        self.tunnel.may_change = standing == Standing::Proven;
        self.tunnel.memory = Some(memory);
        if memory.is_of_version_before() {
            self.feed(Input::TunnelExpected);
        }
    }

    /// What `grid` says of it.
    pub(super) fn hear_tunnel(&mut self, word: &str) {
        let (now, is_up) = (self.now(), word == "up");
        if let Some(memory) = &mut self.tunnel.memory {
            match word {
                "up" | "down" => memory.heard(now, is_up),
                _ => memory.forget(),
            }
        }
        // Kept by the turn that looks at the firmware: not at each word, as `grid` may have many,
        // and the disk may be slow.
        self.feed(Input::Tunnel { is_up });
    }

    /// Nobody looks after it just now: it was up until this moment at the latest.
    pub(super) fn leave_tunnel(&mut self) {
        let now = self.now();
        let memory = self.tunnel.memory.as_mut();
        memory.into_iter().for_each(|it| it.heard(now, false));
    }

    /// The firmware has proved good, and takes over.
    pub(super) fn trust_with_tunnel(&mut self) {
        self.tunnel.may_change = true;
        self.keep_tunnel();
    }

    /// This firmware was left for the tunnel: no other is, unless the version that runs next has
    /// the tunnel up again. It may be one that knows of no tunnel, and would never forget.
    pub(super) fn excuse_tunnel(&mut self) {
        self.tunnel.memory = None;
        if let Err(error) = keep(Path::new(DATA), None) {
            self.tell(&format!(
                "that the tunnel was up cannot be forgotten: {error}"
            ));
        }
    }

    /// Keeps what is to be remembered; what the disk does not take is tried again.
    pub(super) fn keep_tunnel(&mut self) {
        let now = self.now();
        let Some(memory) = self.tunnel.memory.filter(|_| self.tunnel.may_change) else {
            return;
        };
        let (Some(is_kept), Some(firmware)) = (memory.change(now), &self.boot.firmware) else {
            return;
        };
        let slot = is_kept.then_some(firmware.slot);
        match keep(Path::new(DATA), slot) {
            Ok(()) => {
                let memory = self.tunnel.memory.as_mut();
                memory.into_iter().for_each(|it| it.kept(is_kept));
                self.tunnel.is_refusal_told = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut self.tunnel.is_refusal_told, true) {
                    self.tell(&format!(
                        "whether the tunnel was up cannot be kept: {error}"
                    ));
                }
            }
        }
    }
}

/// What is on the disk, for a version in this slot.
fn note(folder: &Path, slot: Slot) -> TunnelNote {
    match fs::read_to_string(folder.join(FILE)) {
        Ok(text) if text.trim() == slot.name() => TunnelNote::OfThisSlot,
        Err(error) if error.kind() == io::ErrorKind::NotFound => TunnelNote::None,
        Ok(_) | Err(_) => TunnelNote::OfOther,
    }
}

/// Makes the file in the name of this slot, or removes it; on the disk when this returns.
fn keep(folder: &Path, slot: Option<Slot>) -> io::Result<()> {
    let file = folder.join(FILE);
    if let Some(slot) = slot {
        return replace(&file, slot.name().as_bytes());
    }
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    File::open(folder)?.sync_all()
}

/// That it is there says that the tunnel was up.
const FILE: &str = "tunnel-was-up";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_with_the_slot_and_forgotten() {
        let folder = std::env::temp_dir().join(format!("ramal-tunnel-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        for slot in [None, Some(Slot::A), Some(Slot::B), None] {
            keep(&folder, slot).expect("done");
            let (a, b) = match slot {
                None => (TunnelNote::None, TunnelNote::None),
                Some(Slot::A) => (TunnelNote::OfThisSlot, TunnelNote::OfOther),
                Some(Slot::B) => (TunnelNote::OfOther, TunnelNote::OfThisSlot),
            };
            assert_eq!(
                (note(&folder, Slot::A), note(&folder, Slot::B)),
                (a, b),
                "{slot:?}"
            );
        }
        // As the first versions wrote it.
        File::create(folder.join(FILE)).expect("made");
        assert_eq!(note(&folder, Slot::A), TunnelNote::OfOther);
        fs::remove_dir_all(&folder).expect("removed");
        assert!(keep(&folder, Some(Slot::A)).is_err());
    }
}
