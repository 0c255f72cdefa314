//! The sounds of prompts that a backup holds, and that come back with it.
//!
//! They come into a folder beside those that are heard. It is named by the version of the
//! configuration that they belong to right before the database takes its place, and emptied into
//! the other one after it. What a cut in between leaves, the next start takes over when the
//! configuration is that one, and removes when it is not: sounds and database come back together,
//! or not at all.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;

use ipc::sound::{is_prompt_name, prompt_file};
use rtp::{Rate, wav};

use super::{HEAD, SAMPLES_MAX, Sounds};

/// Those of a backup, while they come in, and before its version when they are whole.
const RESTORING: &str = "restoring";
const RESTORED: &str = "restored-";
/// Octets of its file.
const FILE_MAX: u64 = SAMPLES_MAX + HEAD;

impl Sounds {
    /// Names of the prompts that have one, in order.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.files()?.into_iter().map(|it| it.name).collect())
    }

    /// The file of a prompt; `None` when it is gone, or is none of ours.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.folder.join(prompt_file(name))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
        if !is_sound(name, &bytes) {
            tracing::warn!("the sound of the prompt {name} is none that this box has made");
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    /// What a start finds of a restore: one that did not come to its end, or the power was cut
    /// right before it. `version` is that of the configuration that the box has, and `listed` are
    /// its prompts.
    pub(super) fn finish_restoring(&self, version: u64, listed: &BTreeSet<String>) {
        self.restored(version, listed);
        self.unstage();
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

    /// They are whole, and belong to this version: a start with it takes them over.
    pub(crate) fn settle(&self, version: u64) -> io::Result<()> {
        // What was acknowledged before nothing was taken any more is done.
        let _turn = self.turn();
        let restoring = self.folder.join(RESTORING);
        File::open(&restoring)?.sync_all()?;
        std::fs::rename(restoring, self.settled(version))?;
        File::open(&self.folder)?.sync_all()
    }

    fn settled(&self, version: u64) -> PathBuf {
        self.folder.join(format!("{RESTORED}{version}"))
    }

    /// Nothing of what came in is wanted.
    pub(crate) fn unstage(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name == RESTORING || name.starts_with(RESTORED) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Puts what was settled for this version in place; of those that are there, prompts that are
    /// not in this list lose theirs.
    fn take_over(&self, version: u64, listed: &BTreeSet<String>) -> io::Result<()> {
        let _turn = self.turn();
        let settled = self.settled(version);
        let Ok(entries) = std::fs::read_dir(&settled) else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry?;
            std::fs::rename(entry.path(), self.folder.join(entry.file_name()))?;
        }
        for name in self.names()?.iter().filter(|it| !listed.contains(*it)) {
            std::fs::remove_file(self.folder.join(prompt_file(name)))?;
        }
        File::open(&self.folder)?.sync_all()?;
        std::fs::remove_dir(settled)
    }

    /// The same, once the configuration is that of the backup.
    pub(crate) fn restored(&self, version: u64, listed: &BTreeSet<String>) {
        if let Err(error) = self.take_over(version, listed) {
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
    fn a_sound_that_cannot_be_read_is_not_one_that_is_gone() {
        let name = format!("ramal-unread-sounds-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(folder.join("closed.wav")).expect("a folder");
        let sounds = Sounds::new(&folder, 1, &BTreeSet::new());
        assert!(sounds.read("closed").is_err(), "a folder is no file");
        assert_eq!(sounds.read("open").expect("read"), None);
        std::fs::remove_dir_all(&folder).expect("removed");
        assert!(sounds.names().is_err());
    }

    #[test]
    fn what_a_backup_brings_takes_its_place_whole_also_after_a_cut() {
        let name = format!("ramal-restored-sounds-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let listed = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        let start = |version, names: &[&str]| Sounds::new(&folder, version, &listed(names));
        let sounds = &start(7, &[]);
        let heard = |name| sounds.read(name).expect("read");
        let names = || sounds.names().expect("listed");
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
        assert_eq!(heard("a"), Some(file(1)));
        // A start before everything was there forgets it.
        drop(start(7, &["a", "b", "c"]));
        assert_eq!(heard("a"), Some(file(1)));
        sounds.stage().expect("staged");
        sounds.put("a", &file(2)).expect("put");
        sounds.settle(8).expect("settled");
        sounds.restored(8, &listed(&["a", "b"]));
        assert_eq!(heard("a"), Some(file(2)));
        assert_eq!(names(), ["a", "b"], "c is no prompt any more");
        sounds.stage().expect("staged");
        sounds.put("d", &file(3)).expect("put");
        sounds.settle(9).expect("settled");
        // The power is cut here, before the database took its place, and after it.
        drop(start(8, &["a", "b"]));
        assert_eq!(names(), ["a", "b"]);
        sounds.stage().expect("staged");
        sounds.put("d", &file(3)).expect("put");
        sounds.settle(9).expect("settled");
        drop(start(9, &["a", "d"]));
        assert_eq!(names(), ["a", "d"]);
        sounds.stage().expect("staged");
        sounds.unstage();
        assert!(!sounds.folder.join(RESTORING).exists());
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
