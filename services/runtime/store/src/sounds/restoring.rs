//! The sounds of prompts that a backup holds, and that come back with it.
//!
//! They come in beside those that are heard. Right before the database takes its place a note says
//! of which restore they are, and which prompts have a sound with it (`note.rs`). A start whose
//! database that restore has brought gives them their names, and then the note goes; one with
//! another database removes all of it: sounds and database come back together, or not at all. What
//! runs meanwhile, on what was before, goes on with the sounds of then.
//!
//! What a start cannot finish, as the disk refuses, is tried again before the next change and at
//! the next start. A note that says nothing changes no sound: people are told, and what it was
//! about goes when they change one or restore again.

use std::io::{self, Read as _, Write as _};

use ipc::sound::{is_prompt_name, prompt_file};
use rtp::{Rate, wav};

use super::note::Note;
use super::{HEAD, SAMPLES_MAX, Sounds};
use crate::store::lock;

/// Behind the name of a prompt: its sound, which a backup has brought.
const BROUGHT: &str = ".brought";
/// The note,
const NOTE: &str = "restored.note";
/// and while it is written.
const NOTE_NEW: &str = "note.part";
/// Octets of a note: the names of all the prompts of a configuration.
const NOTE_MAX: u64 = 1024 * 1024;
/// The folders in which earlier versions had them.
const FOLDERS: [&str; 2] = ["restoring", "restored-"];
/// Octets of its file.
const FILE_MAX: u64 = SAMPLES_MAX + HEAD;

/// What there is still to do of a restore.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Left {
    #[default]
    Nothing,
    /// The disk has refused; nothing is changed before it is done.
    Unfinished(String),
    /// Nobody knows what: it cannot be read, or not whose it is.
    Strange(String),
}

impl Sounds {
    /// Names of the prompts that have one, in order.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let name = |file: String| {
            let name = file.strip_suffix(".wav").filter(|it| is_prompt_name(it))?;
            Some(name.to_owned())
        };
        let mut names: Vec<_> = self.files.names()?.into_iter().filter_map(name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The same for a backup, which holds them all or is none.
    pub(crate) fn names_to_back_up(&self) -> io::Result<Vec<String>> {
        let _turn = self.turn();
        self.finish()?;
        self.names()
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

    /// What people must know of a restore that a start could not finish.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &*lock(&self.left) {
            Left::Nothing => None,
            Left::Unfinished(reason) => Some(format!(
                "the sounds of a restored backup are not all in place ({reason}): restart the box, \
                 and check the data disk when it happens again"
            )),
            Left::Strange(reason) => Some(format!(
                "which sounds of prompts a restore has brought cannot be read ({reason}): none was \
                 changed; listen to the prompts, and restore again when sounds are missing"
            )),
        }
    }

    /// Finishes what a start finds of a restore: one that did not come to its end, or the power was
    /// cut, or it is the start after it.
    ///
    /// # Errors
    /// The disk refuses; all that is still to be done is there then.
    pub(super) fn finish_restoring(&self) -> io::Result<()> {
        let done = match (self.note(), self.restored.clone()) {
            (Ok(Some(note)), Ok(restored)) if restored.as_ref() == Some(&note.id) => {
                self.take_over(&note).and_then(|()| self.unstage())
            }
            (Ok(_), Ok(_)) | (Ok(None), Err(_)) => self.unstage(),
            (Err(reason), _) | (Ok(Some(_)), Err(reason)) => {
                tracing::error!("which sounds a restore has brought cannot be read: {reason}");
                *lock(&self.left) = Left::Strange(reason);
                return Ok(());
            }
        };
        if let Err(error) = &done {
            tracing::error!("what a restore has left of sounds cannot be finished: {error}");
            *lock(&self.left) = Left::Unfinished(error.to_string());
        }
        done
    }

    /// Tries again what a start could not finish; in one's turn.
    fn finish(&self) -> io::Result<()> {
        let left = lock(&self.left).clone();
        match left {
            Left::Unfinished(_) => self.finish_restoring(),
            Left::Nothing | Left::Strange(_) => Ok(()),
        }
    }

    /// The same before somebody changes a sound: no later start may undo that.
    pub(super) fn before_change(&self) -> io::Result<()> {
        self.finish()?;
        let is_left = *lock(&self.left) != Left::Nothing;
        match is_left {
            true => self.unstage(),
            false => Ok(()),
        }
    }

    /// The same before a backup is restored, whose sounds come in after that.
    pub(crate) fn make_way(&self) -> io::Result<()> {
        let _turn = self.turn();
        self.finish()?;
        self.unstage()
    }

    /// Takes in the sound of a prompt, which nobody hears before the start after [`Self::settle`].
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.files.create(&brought(name), 0o644, true)?;
        file.write_all(bytes)?;
        file.sync()
    }

    /// They are whole: a start whose database is that of the note takes them over.
    pub(crate) fn settle(&self, note: &Note) -> io::Result<()> {
        // What was acknowledged before nothing was taken any more is done.
        let _turn = self.turn();
        let mut file = self.files.create(NOTE_NEW, 0o600, true)?;
        file.write_all(&note.text()?)?;
        file.sync()?;
        // What was brought is all there when the note is.
        self.files.sync_names()?;
        self.files.rename(NOTE_NEW, NOTE)?;
        self.files.sync_names()
    }

    /// Nothing of what came in is wanted; that is durable then.
    pub(crate) fn unstage(&self) -> io::Result<()> {
        let [whole, versioned] = FOLDERS;
        let is_folder = |name: &str| {
            let of_version = name.strip_prefix(versioned).map(str::parse::<u64>);
            name == whole || matches!(of_version, Some(Ok(_)))
        };
        let mut names = self.files.names()?;
        names.retain(|name| {
            let is_note = [NOTE, NOTE_NEW].contains(&name.as_str());
            is_note || name.ends_with(BROUGHT) || is_folder(name)
        });
        // The note first: it must not be there without what it is about.
        names.sort_by_key(|name| name != NOTE);
        for name in &names {
            match is_folder(name) {
                true => self.files.remove_folder(name)?,
                false => self.files.remove(name)?,
            }
        }
        // Where nothing was there, too: who has removed it may not have come so far.
        self.files.sync_names()?;
        *lock(&self.left) = Left::Nothing;
        Ok(())
    }

    /// The note that is there; or why it says nothing.
    fn note(&self) -> Result<Option<Note>, String> {
        let text = self.read_file(NOTE, NOTE_MAX + 1);
        let text = text.map_err(|error| error.to_string())?;
        text.map(|it| Note::parse(&it)).transpose()
    }

    /// Puts what the note lists in place; of those that are there, prompts that it does not list
    /// lose theirs. Begun before, it goes on.
    fn take_over(&self, note: &Note) -> io::Result<()> {
        for name in &note.brought {
            match self.files.rename(&brought(name), &prompt_file(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
        }
        for name in self.names()? {
            if !note.has(&name) {
                self.files.remove(&prompt_file(&name))?;
            }
        }
        // All that before the note goes.
        self.files.sync_names()
    }
}

fn brought(name: &str) -> String {
    format!("{name}{BROUGHT}")
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
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::note::summed;
    use super::*;
    use crate::files::DiskFolder;

    fn folder(what: &str) -> PathBuf {
        let name = format!("ramal-{what}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        folder
    }

    /// A start with a database that this restore has brought.
    fn start(folder: &Path, restored: &str) -> Sounds {
        let restored = Ok(Some(restored.to_owned()));
        Sounds::new(Box::new(DiskFolder::new(folder)), restored)
    }

    fn note(id: &str, brought: &[&str], kept: &[&str]) -> Note {
        let [brought, kept] =
            [brought, kept].map(|names| names.iter().map(|it| (*it).to_owned()).collect());
        Note::new(id.to_owned(), brought, kept)
    }

    fn file(sample: u8) -> Vec<u8> {
        let head = wav::header(Rate::Narrow, 1, 2);
        [head.as_slice(), &[sample, 0]].concat()
    }

    fn lay_down(folder: &Path, names: &[&str], sample: u8) {
        for name in names {
            std::fs::write(folder.join(prompt_file(name)), file(sample)).expect("written");
        }
    }

    fn left(sounds: &Sounds) -> Vec<String> {
        let mut left = sounds.files.names().expect("listed");
        left.sort();
        left
    }

    #[test]
    fn a_sound_that_cannot_be_read_is_not_one_that_is_gone() {
        let folder = folder("unread-sounds");
        std::fs::create_dir_all(folder.join("closed.wav")).expect("a folder");
        let sounds = start(&folder, "a");
        assert!(sounds.read("closed").is_err(), "a folder is no file");
        assert_eq!(sounds.names().expect("listed"), ["closed"]);
        assert_eq!(sounds.read("open").expect("read"), None);
        std::fs::remove_dir_all(&folder).expect("removed");
        assert!(sounds.names().is_err());
    }

    #[test]
    fn a_sound_dated_before_1970_is_one_all_the_same() {
        let folder = folder("old-sounds");
        lay_down(&folder, &["closed"], 1);
        let file = std::fs::File::options();
        let file = file.clone().write(true).open(folder.join("closed.wav"));
        let before = UNIX_EPOCH - Duration::from_secs(9);
        file.expect("it is there")
            .set_modified(before)
            .expect("set");
        let sounds = start(&folder, "a");
        assert_eq!(sounds.names().expect("listed"), ["closed"]);
        let listed = sounds.sounds().expect("listed");
        assert_eq!((listed.len(), listed[0].modified_millis), (1, 0));
        sounds.settle(&note("b", &[], &[])).expect("settled");
        assert_eq!(left(&start(&folder, "b")), [""; 0]);
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn what_a_backup_brings_takes_its_place_whole_at_a_start_with_its_database() {
        let folder = folder("restored-sounds");
        let sounds = start(&folder, "own");
        assert!(is_sound("a", &file(1)) && !is_sound("../a", &file(1)));
        assert!(!is_sound("a", &file(1)[..45]) && !is_sound("a", b"ID3"));
        lay_down(&folder, &["a", "b", "c"], 1);
        let bring = |sounds: &Sounds| {
            for name in ["a", "d", "stale"] {
                sounds.put(name, &file(2)).expect("put");
            }
        };
        bring(&sounds);
        assert_eq!(sounds.read("a").expect("read"), Some(file(1)));
        // A start before everything was there forgets it.
        let sounds = start(&folder, "own");
        assert_eq!(left(&sounds), ["a.wav", "b.wav", "c.wav"]);
        let theirs = note("theirs", &["a", "d"], &["b", "stale"]);
        for (restored, is_taken) in [("own", false), ("theirs", true)] {
            bring(&sounds);
            sounds.settle(&theirs).expect("settled");
            assert_eq!(sounds.read("a").expect("read"), Some(file(1)), "as before");
            let after = start(&folder, restored);
            let expected: &[&str] = match is_taken {
                true => &["a.wav", "b.wav", "d.wav"],
                false => &["a.wav", "b.wav", "c.wav"],
            };
            assert_eq!(left(&after), expected, "{restored}");
            let sample = if is_taken { 2 } else { 1 };
            assert_eq!(after.read("a").expect("read"), Some(file(sample)));
            assert_eq!(after.read("b").expect("read"), Some(file(1)));
            assert_eq!(after.trouble(), None);
        }
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_note_that_says_nothing_costs_no_sound_and_is_told_until_somebody_decides() {
        let folder = folder("strange-note");
        let whole = note("theirs", &["a"], &[]).text().expect("JSON");
        let longer = vec![b'a'; 2 * 1024 * 1024];
        let later = summed(br#"{"format":2,"id":"theirs"}"#);
        for strange in [&whole[..whole.len() - 1], b"", b"a\nb", &longer, &later] {
            lay_down(&folder, &["a", "b"], 1);
            std::fs::write(folder.join("a.brought"), file(2)).expect("written");
            std::fs::write(folder.join(NOTE), strange).expect("written");
            for _ in 0..2 {
                let sounds = start(&folder, "theirs");
                assert!(sounds.trouble().is_some());
                assert_eq!(sounds.names_to_back_up().expect("all"), ["a", "b"]);
                assert_eq!(sounds.read("a").expect("read"), Some(file(1)));
                assert!(folder.join("a.brought").exists() && folder.join(NOTE).exists());
            }
            let sounds = start(&folder, "theirs");
            sounds.before_change().expect("removed");
            assert_eq!(sounds.trouble(), None);
            assert_eq!(left(&sounds), ["a.wav", "b.wav"]);
        }
        // The database does not say whose it is.
        std::fs::write(folder.join(NOTE), &whole).expect("written");
        let unread = Err("it is rotten".to_owned());
        let sounds = Sounds::new(Box::new(DiskFolder::new(&folder)), unread);
        assert!(sounds.trouble().is_some());
        assert_eq!(left(&sounds), ["a.wav", "b.wav", NOTE]);
        sounds.make_way().expect("removed");
        assert_eq!((sounds.trouble(), left(&sounds).len()), (None, 2));
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn what_earlier_versions_left_of_a_restore_goes_and_sounds_of_like_names_stay() {
        let folder = folder("sounds-left");
        for left in ["restoring", "restored-8"] {
            std::fs::create_dir(folder.join(left)).expect("a folder");
            std::fs::write(folder.join(left).join("a.wav"), file(2)).expect("written");
        }
        lay_down(&folder, &["restoring", "restored-8", "restored"], 1);
        let sounds = start(&folder, "a");
        let expected = ["restored-8.wav", "restored.wav", "restoring.wav"];
        assert_eq!(left(&sounds), expected);
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
