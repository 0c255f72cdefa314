//! The sounds of prompts that a backup holds, and that come back with it.
//!
//! They come in beside those that are heard. Right before the database takes its place a note says
//! of which version of the configuration they are, and which prompts have a sound with it; after
//! it they are given their names, and then the note goes. What a cut in between leaves, the next
//! start finishes by the note when the configuration is that one, and removes when it is not:
//! sounds and database come back together, or not at all.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};

use ipc::sound::{is_prompt_name, prompt_file};
use rtp::{Rate, wav};

use super::{HEAD, SAMPLES_MAX, Sounds};

/// Behind the name of a prompt: its sound, which a backup has brought.
const BROUGHT: &str = ".brought";
/// Behind the version that they belong to: the note.
const NOTE: &str = ".restored";
/// The note, while it is written.
const NOTE_NEW: &str = "note.part";
/// Octets of a note: the names of all the prompts of a configuration.
const NOTE_MAX: u64 = 1024 * 1024;
/// The folders in which earlier versions had them.
const FOLDERS: [&str; 2] = ["restoring", "restored-"];
/// Octets of its file.
const FILE_MAX: u64 = SAMPLES_MAX + HEAD;

impl Sounds {
    /// Names of the prompts that have one, in order.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.sounds()?.into_iter().map(|it| it.name).collect())
    }

    /// The file of a prompt; `None` when it is gone, or is none of ours.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(bytes) = self.read_file(&prompt_file(name), FILE_MAX + 1)? else {
            return Ok(None);
        };
        if !is_sound(name, &bytes) {
            tracing::warn!("the sound of the prompt {name} is none that this box has made");
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    fn read_file(&self, file: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match self.files.open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// What a start finds of a restore: one that did not come to its end, or the power was cut
    /// right before it. `version` is that of the configuration that the box has.
    pub(super) fn finish_restoring(&self, version: u64) {
        self.restored(version);
        self.unstage();
    }

    /// Takes in the sound of a prompt, which nobody hears before [`Self::settle`] and
    /// [`Self::restored`].
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let brought = format!("{name}{BROUGHT}");
        let mut file = self.files.create(&brought, 0o644, true)?;
        file.write_all(bytes)?;
        file.sync()
    }

    /// They are whole, and belong to this version: a start with it takes them over. No prompt has
    /// a sound then but `listed`.
    pub(crate) fn settle(&self, version: u64, listed: &BTreeSet<String>) -> io::Result<()> {
        // What was acknowledged before nothing was taken any more is done.
        let _turn = self.turn();
        let mut note = self.files.create(NOTE_NEW, 0o600, true)?;
        for name in listed {
            writeln!(note, "{name}")?;
        }
        note.sync()?;
        // What was brought is all there when the note is.
        self.files.sync_names()?;
        self.files.rename(NOTE_NEW, &note_of(version))?;
        self.files.sync_names()
    }

    /// Nothing of what came in is wanted.
    pub(crate) fn unstage(&self) {
        let is_of_restore = |name: &String| {
            let [whole, versioned] = FOLDERS;
            let of_version = name.strip_prefix(versioned).map(str::parse::<u64>);
            let is_folder = name == whole || matches!(of_version, Some(Ok(_)));
            is_folder || name == NOTE_NEW || name.ends_with(BROUGHT) || name.ends_with(NOTE)
        };
        let mut names = self.files.names().unwrap_or_default();
        names.retain(is_of_restore);
        if names.is_empty() {
            return;
        }
        // A note first: it must not be there without what it is about.
        names.sort_by_key(|name| !name.ends_with(NOTE));
        let mut removed = names.iter().map(|name| self.files.remove(name));
        // Durable before the configuration can come to the version that a note names.
        let removed = removed.try_for_each(|it| it);
        if let Err(error) = removed.and_then(|()| self.files.sync_names()) {
            tracing::warn!("what a restore has left cannot be removed: {error}");
        }
    }

    /// Puts what was settled for this version in place; of those that are there, prompts that the
    /// note does not list lose theirs.
    fn take_over(&self, version: u64) -> io::Result<()> {
        let _turn = self.turn();
        let note = note_of(version);
        let Some(text) = self.read_file(&note, NOTE_MAX)? else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(&text);
        let listed: BTreeSet<&str> = text.lines().collect();
        for brought in self.files.names()? {
            if let Some(name) = brought.strip_suffix(BROUGHT) {
                self.files.rename(&brought, &prompt_file(name))?;
            }
        }
        for name in self.names()? {
            if !listed.contains(name.as_str()) {
                self.files.remove(&prompt_file(&name))?;
            }
        }
        self.files.sync_names()?;
        self.files.remove(&note)?;
        self.files.sync_names()
    }

    /// The same, once the configuration is that of the backup.
    pub(crate) fn restored(&self, version: u64) {
        if let Err(error) = self.take_over(version) {
            tracing::error!("sounds of the backup do not all come back: {error}");
        }
    }
}

fn note_of(version: u64) -> String {
    format!("{version}{NOTE}")
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
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::files::DiskFolder;

    fn folder(what: &str) -> PathBuf {
        let name = format!("ramal-{what}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        folder
    }

    fn start(folder: &Path, version: u64) -> Sounds {
        Sounds::new(Box::new(DiskFolder::new(folder)), version)
    }

    fn listed(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    fn file(sample: u8) -> Vec<u8> {
        let head = wav::header(Rate::Narrow, 1, 2);
        [head.as_slice(), &[sample, 0]].concat()
    }

    #[test]
    fn a_sound_that_cannot_be_read_is_not_one_that_is_gone() {
        let folder = folder("unread-sounds");
        std::fs::create_dir_all(folder.join("closed.wav")).expect("a folder");
        let sounds = start(&folder, 1);
        assert!(sounds.read("closed").is_err(), "a folder is no file");
        assert_eq!(sounds.read("open").expect("read"), None);
        std::fs::remove_dir_all(&folder).expect("removed");
        assert!(sounds.names().is_err());
    }

    #[test]
    fn what_a_backup_brings_takes_its_place_whole() {
        let folder = folder("restored-sounds");
        let sounds = start(&folder, 7);
        assert!(is_sound("a", &file(1)) && !is_sound("../a", &file(1)));
        assert!(!is_sound("a", &file(1)[..45]) && !is_sound("a", b"ID3"));
        for name in ["a", "b", "c"] {
            std::fs::write(folder.join(prompt_file(name)), file(1)).expect("written");
        }
        sounds.put("a", &file(2)).expect("put");
        assert_eq!(sounds.read("a").expect("read"), Some(file(1)));
        // A start before everything was there forgets it.
        let sounds = start(&folder, 7);
        assert_eq!(sounds.read("a").expect("read"), Some(file(1)));
        sounds.put("a", &file(2)).expect("put");
        sounds.settle(8, &listed(&["a", "b"])).expect("settled");
        sounds.restored(8);
        assert_eq!(sounds.read("a").expect("read"), Some(file(2)));
        assert_eq!(
            sounds.names().expect("listed"),
            ["a", "b"],
            "c is none any more"
        );
        sounds.put("d", &file(3)).expect("put");
        sounds.unstage();
        let mut left = sounds.files.names().expect("listed");
        left.sort();
        assert_eq!(left, ["a.wav", "b.wav"]);
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn what_earlier_versions_left_of_a_restore_goes_and_sounds_of_like_names_stay() {
        let folder = folder("sounds-left");
        for left in ["restoring", "restored-8"] {
            std::fs::create_dir(folder.join(left)).expect("a folder");
            std::fs::write(folder.join(left).join("a.wav"), file(2)).expect("written");
        }
        for name in ["restoring", "restored-8", "restored"] {
            std::fs::write(folder.join(prompt_file(name)), file(1)).expect("written");
        }
        let sounds = start(&folder, 8);
        let mut left = sounds.files.names().expect("listed");
        left.sort();
        assert_eq!(left, ["restored-8.wav", "restored.wav", "restoring.wav"]);
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
