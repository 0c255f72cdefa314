//! The sounds of prompts that a backup holds, and that come back with it.
//!
//! They come into a folder beside those that are heard. It is renamed before the database takes its
//! place, and emptied into the other one after it, by the next start if need be: a cut in between
//! loses none of them.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::sync::PoisonError;

use ipc::sound::{is_prompt_name, prompt_file};
use rtp::{Rate, wav};

use super::{HEAD, SAMPLES_MAX, Sounds, Undone};

/// Those of a backup, while they come in, and when they are whole.
const RESTORING: &str = "restoring";
const RESTORED: &str = "restored";
/// Octets of its file.
const FILE_MAX: u64 = SAMPLES_MAX + HEAD;

impl Sounds {
    /// Names of the prompts that have one, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let sounds = self.list().unwrap_or_default();
        sounds.into_iter().map(|it| it.name).collect()
    }

    /// The file of a prompt; `None` when it is gone, or longer than any is.
    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let file = File::open(self.file(name).ok()?).ok()?;
        let mut bytes = Vec::new();
        file.take(FILE_MAX + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= FILE_MAX).then_some(bytes)
    }

    /// What a start finds of a restore: one that did not come to its end, or the power was cut
    /// right before it.
    pub(super) fn finish_restoring(&self) {
        let _ = std::fs::remove_dir_all(self.folder.join(RESTORING));
        if let Err(Undone::Failed(error)) = self.take_over(None) {
            tracing::error!("sounds of a backup do not come back: {error}");
        }
    }

    /// Begins to take in the sounds of a backup, which nobody hears before [`Self::settle`] and
    /// [`Self::take_over`].
    pub(crate) fn stage(&self) -> io::Result<()> {
        let restoring = self.folder.join(RESTORING);
        if restoring.is_dir() {
            std::fs::remove_dir_all(&restoring)?;
        }
        std::fs::create_dir(&restoring)
    }

    /// Takes in one.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(RESTORING).join(prompt_file(name));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.sync_all()
    }

    /// They are whole: from here on a start takes them over too.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let restoring = self.folder.join(RESTORING);
        File::open(&restoring)?.sync_all()?;
        std::fs::rename(restoring, self.folder.join(RESTORED))?;
        File::open(&self.folder)?.sync_all()
    }

    /// Nothing of them is wanted.
    pub(crate) fn unstage(&self) {
        for staged in [RESTORING, RESTORED] {
            let _ = std::fs::remove_dir_all(self.folder.join(staged));
        }
    }

    /// Puts what was settled in place; of those that are there, prompts that are not in this list
    /// lose theirs.
    fn take_over(&self, listed: Option<&BTreeSet<String>>) -> Result<(), Undone> {
        let _work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let restored = self.folder.join(RESTORED);
        let Ok(entries) = std::fs::read_dir(&restored) else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry?;
            std::fs::rename(entry.path(), self.folder.join(entry.file_name()))?;
        }
        if let Some(listed) = listed {
            for name in self.names().iter().filter(|it| !listed.contains(*it)) {
                std::fs::remove_file(self.file(name)?)?;
            }
        }
        self.sync()?;
        Ok(std::fs::remove_dir(restored)?)
    }

    /// The same, once the configuration is that of the backup.
    pub(crate) fn restored(&self, listed: &BTreeSet<String>) {
        if let Err(Undone::Failed(error)) = self.take_over(Some(listed)) {
            tracing::error!("sounds of the backup do not all come back: {error}");
        }
    }
}

/// Whether a backup may bring this as the sound of a prompt of this name: a file as the store makes
/// them.
pub(crate) fn is_sound(name: &str, file: &[u8]) -> bool {
    let rates = [Rate::Narrow, Rate::Wide];
    let length = (file.len() as u64).saturating_sub(HEAD);
    let length = u32::try_from(length).unwrap_or_default();
    let is_ours = |rate: Rate| file.starts_with(&wav::header(rate, 1, length));
    is_prompt_name(name)
        && file.len() as u64 <= FILE_MAX
        && length > 0
        && rates.into_iter().any(is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_backup_brings_takes_its_place_whole_also_after_a_cut() {
        let name = format!("ramal-restored-sounds-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let sounds = &Sounds::new(&folder);
        let file = |sample: u8| {
            let head = wav::header(Rate::Narrow, 1, 2);
            [head.as_slice(), &[sample, 0]].concat()
        };
        assert!(is_sound("a", &file(1)) && !is_sound("../a", &file(1)));
        assert!(!is_sound("a", &file(1)[..45]) && !is_sound("a", b"ID3"));
        for name in ["a", "b", "c"] {
            std::fs::write(sounds.folder.join(prompt_file(name)), file(1)).expect("written");
        }
        sounds.stage().expect("staged");
        sounds.put("a", &file(2)).expect("put");
        assert_eq!(sounds.read("a"), Some(file(1)));
        // A start before everything was there forgets it.
        drop(Sounds::new(&sounds.folder));
        assert_eq!(sounds.read("a"), Some(file(1)));
        sounds.stage().expect("staged");
        sounds.put("a", &file(2)).expect("put");
        sounds.settle().expect("settled");
        sounds.restored(&["a".to_owned(), "b".to_owned()].into());
        assert_eq!(sounds.read("a"), Some(file(2)));
        assert_eq!(sounds.names(), ["a", "b"], "c is no prompt any more");
        sounds.stage().expect("staged");
        sounds.put("d", &file(3)).expect("put");
        sounds.settle().expect("settled");
        // The power is cut here.
        drop(Sounds::new(&sounds.folder));
        assert_eq!(sounds.names(), ["a", "b", "d"]);
        sounds.stage().expect("staged");
        sounds.unstage();
        assert!(!sounds.folder.join(RESTORING).exists());
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
