//! The sounds of prompts: WAV files in a folder of their own, which `media` plays.
//!
//! They are files and not rows: a start reads the whole database (decision 0008), and `media` reads
//! a file while a caller waits. One is written beside the others and takes its place by a rename,
//! so that a call hears the old one or the new one.
//!
//! What this module must never do: read what somebody else has made of a sound. What is brought are
//! samples; the head of the file is ours.

mod note;
mod restoring;

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Mutex, MutexGuard};

use ipc::sound::{PROMPT_SECS_MAX, is_prompt_name, prompt_file};
use ipc::store::{PROMPTS_MIB_MAX, PromptRefusal, PromptRequest, PromptSound, Reply};
use rtp::{Rate, wav};

use crate::files::Files;
use crate::store::{Shared, lock};
pub(crate) use note::Note;
use restoring::Left;
pub(crate) use restoring::is_sound;

/// One that somebody brings.
const INCOMING: &str = "incoming.part";
const MIB: u64 = 1024 * 1024;
/// Octets of the head of a file.
const HEAD: u64 = wav::HEADER_LENGTH as u64;
/// Octets of samples of the longest one.
const SAMPLES_MAX: u64 = PROMPT_SECS_MAX as u64 * 16_000 * 2;

/// The folder.
#[derive(Debug)]
pub(crate) struct Sounds {
    files: Box<dyn Files>,
    /// One change at a time.
    work: Mutex<()>,
    /// The restore that has brought the database that the box has started with, or why that cannot
    /// be read.
    restored: Result<Option<String>, String>,
    /// What that start could not finish.
    left: Mutex<Left>,
}

impl Shared {
    /// Does what is asked about the sounds of prompts.
    pub(crate) fn about_sounds(&self, request: &PromptRequest) -> Reply {
        let Some(sounds) = self.sounds.get() else {
            let reason = "this store keeps no sounds".to_owned();
            return Reply::Failed { reason };
        };
        let _turn = sounds.turn();
        // Looked at in one's turn: whoever freezes the store waits for those before him.
        let ready = match self.frozen() {
            _ if *request == PromptRequest::List => Ok(()),
            Some(reason) => Err(Reply::Failed {
                reason: reason.to_owned(),
            }),
            None => sounds.before_change().map_err(|error| failed(&error)),
        };
        match ready {
            Ok(()) => sounds.about(request, self.spare_bytes()),
            Err(reply) => reply,
        }
    }
}

/// Why something is not done.
enum Undone {
    Refused(PromptRefusal),
    Failed(io::Error),
}

impl From<io::Error> for Undone {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Refused(PromptRefusal::NoRoom)
            }
            _ => Self::Failed(error),
        }
    }
}

impl Sounds {
    /// The sounds in a folder, of a box whose database this restore has brought. What was being
    /// brought when the process before ended is of use to nobody.
    pub(crate) fn new(files: Box<dyn Files>, restored: Result<Option<String>, String>) -> Self {
        let _ = files.remove(INCOMING);
        let sounds = Self {
            files,
            work: Mutex::new(()),
            restored,
            left: Mutex::default(),
        };
        // Why it does not succeed is kept, and said.
        let _ = sounds.finish_restoring();
        sounds
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.work)
    }

    /// Does what is asked; `spare` are the bytes of the disk that are not for the database.
    fn about(&self, request: &PromptRequest, spare: u64) -> Reply {
        let done = match request {
            PromptRequest::List => self.list().map(Reply::Prompts).map_err(Undone::from),
            PromptRequest::Piece { offset, bytes } => self
                .piece(*offset, bytes, spare)
                .map(|next| Reply::Uploaded { next }),
            PromptRequest::Keep { name, bytes, hertz } => {
                self.keep(name, *bytes, *hertz).map(|()| Reply::Stored)
            }
            PromptRequest::Delete(name) => self.delete(name).map(|()| Reply::Stored),
        };
        match done {
            Ok(reply) => reply,
            Err(Undone::Refused(refusal)) => Reply::PromptRefused(refusal),
            Err(Undone::Failed(error)) => failed(&error),
        }
    }

    fn list(&self) -> io::Result<Vec<PromptSound>> {
        let timed = |sound: PromptSound| PromptSound {
            millis: self.millis(&prompt_file(&sound.name), sound.bytes),
            ..sound
        };
        Ok(self.sounds()?.into_iter().map(timed).collect())
    }

    /// The same without how long each lasts, for which its file is read.
    fn sounds(&self) -> io::Result<Vec<PromptSound>> {
        let sound = |name: String| {
            let file = prompt_file(&name);
            Some(PromptSound {
                bytes: self.files.length(&file)?,
                millis: 0,
                modified_millis: self.files.modified_millis(&file).unwrap_or_default(),
                name,
            })
        };
        Ok(self.names()?.into_iter().filter_map(sound).collect())
    }

    fn piece(&self, offset: u64, bytes: &[u8], spare: u64) -> Result<u64, Undone> {
        let next = offset.saturating_add(bytes.len() as u64);
        if next > SAMPLES_MAX || self.taken()?.saturating_add(next) > MIB_MAX {
            return Err(Undone::Refused(PromptRefusal::TooMuch(PROMPTS_MIB_MAX)));
        }
        if spare < bytes.len() as u64 {
            return Err(Undone::Refused(PromptRefusal::NoRoom));
        }
        let end = offset.saturating_add(HEAD);
        if offset > 0 && self.files.length(INCOMING) != Some(end) {
            return Err(Undone::Refused(PromptRefusal::OutOfOrder));
        }
        let mut file = self.files.create(INCOMING, 0o600, offset == 0)?;
        if offset == 0 {
            // The head is written when the length is known.
            file.write_all(&[0; wav::HEADER_LENGTH])?;
        }
        file.seek(SeekFrom::Start(end))?;
        if let Err(error) = file.write_all(bytes) {
            let _ = self.files.remove(INCOMING);
            return Err(error.into());
        }
        Ok(next)
    }

    fn keep(&self, name: &str, bytes: u64, hertz: u32) -> Result<(), Undone> {
        let named = file(name)?;
        let rates = [Rate::Narrow, Rate::Wide];
        let rate = rates.into_iter().find(|it| it.hertz() == hertz);
        let brought = self.files.length(INCOMING);
        let (Some(rate), Ok(length), Some(brought)) = (rate, u32::try_from(bytes), brought) else {
            return Err(Undone::Refused(PromptRefusal::Missing));
        };
        if bytes == 0 || brought != bytes.saturating_add(HEAD) {
            return Err(Undone::Refused(PromptRefusal::OutOfOrder));
        }
        // One that takes the place of another is none more.
        if self.files.length(&named).is_none() && self.sounds()?.len() >= SOUNDS_MAX {
            return Err(Undone::Refused(PromptRefusal::TooMuch(PROMPTS_MIB_MAX)));
        }
        // What callers hear is no secret.
        let mut file = self.files.create(INCOMING, 0o644, false)?;
        file.write_all(&wav::header(rate, 1, length))?;
        file.sync()?;
        self.files.rename(INCOMING, &named)?;
        Ok(self.files.sync_names()?)
    }

    fn delete(&self, name: &str) -> Result<(), Undone> {
        self.files.remove(&file(name)?).map_err(missing)?;
        Ok(self.files.sync_names()?)
    }

    /// What all take together.
    fn taken(&self) -> Result<u64, Undone> {
        let sounds = self.sounds()?;
        Ok(sounds.iter().map(|it| it.bytes).sum())
    }

    /// How long a file of ours lasts; 0 for one of another making.
    fn millis(&self, file: &str, length: u64) -> u64 {
        let mut head = [0; wav::HEADER_LENGTH];
        let opened = self.files.open(file);
        let read = opened.and_then(|mut file| file.read_exact(&mut head));
        let samples = length.saturating_sub(HEAD) / 2;
        let rates = [Rate::Narrow, Rate::Wide];
        let is_of = |rate: &Rate| {
            let length = u32::try_from(length.saturating_sub(HEAD)).unwrap_or_default();
            read.is_ok() && head == wav::header(*rate, 1, length)
        };
        let rate = rates.into_iter().find(is_of);
        rate.map_or(0, |rate| {
            samples.saturating_mul(1_000) / u64::from(rate.hertz())
        })
    }
}

/// The file of a prompt whose name leads nowhere else.
fn file(name: &str) -> Result<String, Undone> {
    match is_prompt_name(name) {
        true => Ok(prompt_file(name)),
        false => Err(Undone::Refused(PromptRefusal::Name)),
    }
}

fn failed(error: &io::Error) -> Reply {
    Reply::Failed {
        reason: format!("the sounds of prompts: {error}"),
    }
}

/// Octets of samples of all together.
pub(crate) const MIB_MAX: u64 = PROMPTS_MIB_MAX as u64 * MIB;
/// Files: those of the prompts of a configuration, and as many that were left behind.
pub(crate) const SOUNDS_MAX: usize = 400;

fn missing(error: io::Error) -> Undone {
    match error.kind() {
        io::ErrorKind::NotFound => Undone::Refused(PromptRefusal::Missing),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::files::DiskFolder;

    const SPARE: u64 = 1 << 30;

    struct Bench {
        folder: PathBuf,
        sounds: Sounds,
    }

    impl Bench {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("ramal-sounds-{}-{count}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).expect("a temporary folder");
            let sounds = Sounds::new(Box::new(DiskFolder::new(&folder)), Ok(None));
            Self { folder, sounds }
        }

        fn piece(&self, offset: u64, bytes: &[u8]) -> Reply {
            let bytes = bytes.to_vec();
            let piece = PromptRequest::Piece { offset, bytes };
            self.sounds.about(&piece, SPARE)
        }

        fn keep(&self, name: &str, bytes: u64, hertz: u32) -> Reply {
            let name = name.to_owned();
            let keep = PromptRequest::Keep { name, bytes, hertz };
            self.sounds.about(&keep, SPARE)
        }

        fn delete(&self, name: &str) -> Reply {
            let delete = PromptRequest::Delete(name.to_owned());
            self.sounds.about(&delete, SPARE)
        }

        fn names(&self) -> Vec<(String, u64)> {
            match self.sounds.about(&PromptRequest::List, SPARE) {
                Reply::Prompts(all) => all.into_iter().map(|it| (it.name, it.millis)).collect(),
                other => panic!("{other:?}"),
            }
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    #[test]
    fn what_is_brought_in_pieces_becomes_a_file_that_is_played() {
        let bench = Bench::new();
        assert_eq!(bench.piece(0, &[1, 0, 2, 0]), Reply::Uploaded { next: 4 });
        assert_eq!(bench.names(), []);
        assert_eq!(bench.piece(4, &[3, 0]), Reply::Uploaded { next: 6 });
        assert_eq!(bench.keep("closed", 6, 16_000), Reply::Stored);
        let file = std::fs::read(bench.folder.join("closed.wav")).expect("written");
        let sound = wav::read(&file).expect("a WAV file");
        assert_eq!((sound.samples, sound.rate), (vec![1, 2, 3], Rate::Wide));
        // In its place comes another one, whole.
        let second = vec![0; 16_000];
        assert_eq!(bench.piece(0, &second), Reply::Uploaded { next: 16_000 });
        assert_eq!(bench.keep("closed", 16_000, 8_000), Reply::Stored);
        assert_eq!(bench.names(), [("closed".to_owned(), 1_000)]);
        assert_eq!(bench.delete("closed"), Reply::Stored);
        let missing = Reply::PromptRefused(PromptRefusal::Missing);
        assert_eq!(bench.delete("closed"), missing);
        assert_eq!(bench.keep("closed", 4, 8_000), missing);
    }

    #[test]
    fn pieces_of_two_people_do_not_become_one_sound() {
        let bench = Bench::new();
        let refused = || Reply::PromptRefused(PromptRefusal::OutOfOrder);
        assert_eq!(bench.piece(4, &[0, 0]), refused());
        assert_eq!(bench.piece(0, &[1; 4]), Reply::Uploaded { next: 4 });
        assert_eq!(bench.piece(0, &[2; 2]), Reply::Uploaded { next: 2 });
        assert_eq!(bench.piece(4, &[1; 4]), refused());
        assert_eq!(bench.keep("a", 8, 8_000), refused());
        assert_eq!(bench.keep("a", 2, 8_000), Reply::Stored);
        assert_eq!(bench.piece(2, &[2; 2]), refused());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let bench = Bench::new();
        for name in ["", "..", "../store/x", "a/b", "a.wav"] {
            let refused = Reply::PromptRefused(PromptRefusal::Name);
            assert_eq!(bench.delete(name), refused, "{name}");
            assert_eq!(bench.keep(name, 2, 8_000), refused, "{name}");
        }
    }

    #[test]
    fn all_together_have_an_end_and_the_database_keeps_its_room() {
        let bench = Bench::new();
        let folder = &bench.folder;
        for name in ["a.wav", "b.wav"] {
            let file = File::create(folder.join(name)).expect("created");
            file.set_len(MIB_MAX / 2 - 1_000).expect("sparse");
        }
        assert_eq!(bench.piece(0, &[0; 1_000]), Reply::Uploaded { next: 1_000 });
        let refused = Reply::PromptRefused(PromptRefusal::TooMuch(PROMPTS_MIB_MAX));
        assert_eq!(bench.piece(1_000, &[0; 1_001]), refused);
        let (offset, bytes) = (1_000, vec![0; 500]);
        let piece = PromptRequest::Piece { offset, bytes };
        let refused = Reply::PromptRefused(PromptRefusal::NoRoom);
        assert_eq!(bench.sounds.about(&piece, 499), refused);
        assert_eq!(bench.piece(SAMPLES_MAX, &[0; 2]), {
            Reply::PromptRefused(PromptRefusal::TooMuch(PROMPTS_MIB_MAX))
        });
    }

    #[test]
    fn there_are_no_more_files_than_a_backup_holds() {
        let bench = Bench::new();
        let put = |at: usize| std::fs::write(bench.folder.join(format!("{at}.wav")), b"");
        (0..SOUNDS_MAX).for_each(|at| put(at).expect("written"));
        assert_eq!(bench.piece(0, &[0; 2]), Reply::Uploaded { next: 2 });
        let refused = Reply::PromptRefused(PromptRefusal::TooMuch(PROMPTS_MIB_MAX));
        assert_eq!(bench.keep("new", 2, 8_000), refused);
        assert_eq!(
            bench.keep("7", 2, 8_000),
            Reply::Stored,
            "in the place of one"
        );
        assert_eq!(bench.delete("8"), Reply::Stored);
        assert_eq!(bench.piece(0, &[0; 2]), Reply::Uploaded { next: 2 });
        assert_eq!(bench.keep("new", 2, 8_000), Reply::Stored);
    }

    #[test]
    fn what_was_being_brought_when_the_process_ended_is_forgotten() {
        let bench = Bench::new();
        assert_eq!(bench.piece(0, &[1; 4]), Reply::Uploaded { next: 4 });
        let _again = Sounds::new(Box::new(DiskFolder::new(&bench.folder)), Ok(None));
        assert!(!bench.folder.join(INCOMING).exists());
    }
}
