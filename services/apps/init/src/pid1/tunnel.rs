//! Whether the tunnel into a grid was up lately, for the trial of the next version: kept as a file
//! on the data, which every version finds, and a factory reset forgets with the tunnel itself.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use supervise::{Input, Standing, TunnelMemory};

use super::Supervision;
use crate::data::DATA;

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
        if self.boot.firmware.is_none() {
            return;
        }
        let memory = TunnelMemory::at_start(self.now(), Path::new(DATA).join(FILE).exists());
        self.tunnel.may_change = standing == Standing::Proven;
        self.tunnel.memory = Some(memory);
        if memory.is_kept() {
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

    /// Keeps what is to be remembered; what the disk does not take is tried again.
    pub(super) fn keep_tunnel(&mut self) {
        let now = self.now();
        let Some(memory) = self.tunnel.memory.filter(|_| self.tunnel.may_change) else {
            return;
        };
        let Some(is_kept) = memory.change(now) else {
            return;
        };
        match keep(Path::new(DATA), is_kept) {
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

/// Makes the file or removes it; on the disk when this returns.
fn keep(folder: &Path, is_kept: bool) -> io::Result<()> {
    let file = folder.join(FILE);
    if is_kept {
        File::create(file)?.sync_all()?;
    } else {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    File::open(folder)?.sync_all()
}

/// Its being there says it.
const FILE: &str = "tunnel-was-up";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_and_forgotten() {
        let folder = std::env::temp_dir().join(format!("ramal-tunnel-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        for is_kept in [false, true, true, false] {
            keep(&folder, is_kept).expect("done");
            assert_eq!(folder.join(FILE).exists(), is_kept);
        }
        fs::remove_dir_all(&folder).expect("removed");
        assert!(keep(&folder, true).is_err());
    }
}
