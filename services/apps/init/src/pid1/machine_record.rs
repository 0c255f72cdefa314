//! What is kept of the machine from one start to the next: whether it started only what is signed
//! (Secure Boot), so that people hear of it when it no longer does; and whether the box has ended
//! while the machine's firmware was asked.
//!
//! Firmware that hangs keeps a processor for good, and then the kernel starts the box anew. When
//! that came of two starts in a row, the next does not ask.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use ipc::init::SecureBoot;

use crate::replace::replace;

/// What is kept, and where; nowhere on a bench, and where the data are not mounted.
#[derive(Debug, Default)]
pub(super) struct MachineRecord {
    file: Option<PathBuf>,
    kept: Kept,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Kept {
    seen: Seen,
    /// How many starts in a row have ended while it was asked, with the one that is on.
    asking: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Seen {
    /// It was never on.
    #[default]
    NeverOn,
    On,
    /// It was on, and is not.
    Lost,
}

/// What has changed since it was asked the last time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// It is on.
    On,
    /// It was on, and is not.
    Lost,
}

impl MachineRecord {
    /// Reads what is kept in `folder`; what cannot be read counts as nothing.
    pub(super) fn load(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let text = fs::read(&file).unwrap_or_default();
        Self {
            kept: Kept::parse(&String::from_utf8_lossy(&text)),
            file: Some(file),
        }
    }

    /// Whether it was on, and is not.
    pub(super) fn is_lost(&self) -> bool {
        self.kept.seen == Seen::Lost
    }

    /// Before it is asked: whether it may be.
    ///
    /// # Errors
    /// The disk does not take it, which ends nothing.
    pub(super) fn begin(&mut self) -> (bool, io::Result<()>) {
        let may_ask = self.kept.asking < ENDS_MAX;
        let asking = match may_ask {
            true => self.kept.asking.saturating_add(1),
            // The next start asks once.
            false => ENDS_MAX.saturating_sub(1),
        };
        let kept = Kept {
            asking,
            ..self.kept
        };
        (may_ask, self.keep(kept))
    }

    /// It is asked no more, and the box is there; what is `seen` where it has answered.
    ///
    /// # Errors
    /// As above.
    pub(super) fn end(&mut self, seen: Option<SecureBoot>) -> (Option<Change>, io::Result<()>) {
        let is_on = match seen {
            Some(SecureBoot::On | SecureBoot::AtNextStart) => Some(true),
            Some(
                SecureBoot::Off | SecureBoot::Setup | SecureBoot::Offered | SecureBoot::Unknown,
            ) => Some(false),
            Some(SecureBoot::NotRead) | None => None,
        };
        let (seen, change) = match (self.kept.seen, is_on) {
            (Seen::NeverOn | Seen::Lost, Some(true)) => (Seen::On, Some(Change::On)),
            (Seen::On, Some(false)) => (Seen::Lost, Some(Change::Lost)),
            (seen, _) => (seen, None),
        };
        (change, self.keep(Kept { seen, asking: 0 }))
    }

    fn keep(&mut self, kept: Kept) -> io::Result<()> {
        let before = std::mem::replace(&mut self.kept, kept);
        let Some(file) = self.file.as_ref().filter(|_| before != kept) else {
            return Ok(());
        };
        let folder = file.parent().unwrap_or_else(|| Path::new("/"));
        if !folder.is_dir() {
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        replace(file, kept.to_text().as_bytes())
    }
}

impl Kept {
    /// `on 0`
    fn to_text(self) -> String {
        format!("{} {}\n", self.seen.name(), self.asking)
    }

    fn parse(text: &str) -> Self {
        let parse = || {
            let (seen, asking) = text.trim_end().split_once(' ')?;
            let all = [Seen::NeverOn, Seen::On, Seen::Lost];
            Some(Self {
                seen: all.into_iter().find(|it| it.name() == seen)?,
                asking: asking.parse().ok()?,
            })
        };
        parse().unwrap_or_default()
    }
}

impl Seen {
    const fn name(self) -> &'static str {
        match self {
            Self::NeverOn => "never-on",
            Self::On => "on",
            Self::Lost => "lost",
        }
    }
}

const FILE: &str = "machine";

/// Starts that may end while the firmware is asked: the first may have been a power cut.
const ENDS_MAX: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let unique = format!("ramal-machine-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(unique))
        }

        /// A start at which the machine says this; what has changed.
        fn start(&self, says: SecureBoot) -> (Option<Change>, bool) {
            let mut record = MachineRecord::load(&self.0);
            let (may_ask, written) = record.begin();
            written.expect("written");
            assert!(may_ask, "{record:?}");
            let (change, written) = record.end(Some(says));
            written.expect("written");
            (change, record.is_lost())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn that_secure_boot_is_off_where_it_was_on_is_told_once_and_stays_known_until_it_is_on() {
        let folder = Folder::new("lost");
        for (says, change, is_lost) in [
            (SecureBoot::Off, None, false),
            (SecureBoot::Offered, None, false),
            // It has the keys of the box from here on.
            (SecureBoot::AtNextStart, Some(Change::On), false),
            (SecureBoot::On, None, false),
            (SecureBoot::NotRead, None, false),
            (SecureBoot::Offered, Some(Change::Lost), true),
            (SecureBoot::Setup, None, true),
            (SecureBoot::NotRead, None, true),
            (SecureBoot::Off, None, true),
            (SecureBoot::On, Some(Change::On), false),
            // The disk in a machine that knows of no such thing.
            (SecureBoot::Unknown, Some(Change::Lost), true),
        ] {
            assert_eq!(folder.start(says), (change, is_lost), "{says:?}");
        }
    }

    #[test]
    fn firmware_that_was_asked_when_two_starts_in_a_row_ended_is_asked_at_every_second_from_then() {
        let folder = Folder::new("asking");
        let ends_while_asking = || {
            let mut record = MachineRecord::load(&folder.0);
            let (may_ask, written) = record.begin();
            written.expect("written");
            may_ask
        };
        let asked: Vec<bool> = (0..6).map(|_| ends_while_asking()).collect();
        assert_eq!(asked, [true, true, false, true, false, true]);
        // It has answered at last, or was given up while the box went on.
        let mut record = MachineRecord::load(&folder.0);
        record.end(None).1.expect("written");
        assert_eq!([ends_while_asking(), ends_while_asking()], [true, true]);
    }

    #[test]
    fn what_is_damaged_counts_as_nothing_and_a_disk_that_takes_nothing_ends_nothing() {
        let folder = Folder::new("damaged");
        folder.start(SecureBoot::On);
        fs::write(folder.0.join(FILE), [0xff; 40]).expect("damaged");
        assert_eq!(folder.start(SecureBoot::Off), (None, false));
        let mut record = MachineRecord::load(Path::new("/proc/none"));
        let (may_ask, written) = record.begin();
        assert!(may_ask);
        written.expect_err("refused");
        assert_eq!(record.end(Some(SecureBoot::On)).0, Some(Change::On));
    }
}
