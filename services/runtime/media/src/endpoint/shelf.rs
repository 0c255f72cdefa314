//! The recordings that are there: listed, deleted one by one, and thinned out so that none is older
//! than the site says and all together take no more room than it gives.
//!
//! What is being written is never deleted: whoever writes holds an [`OpenName`].

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipc::sound::{Keeping, RecordingFile, Reply};

use super::files::{FileError, checked, kernel};

/// How often recordings are thinned out.
const THIN_OUT_EVERY: Duration = Duration::from_secs(3600);

/// The recordings folder, and which of its files are being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    folder: Option<PathBuf>,
    open: Open,
}

type Open = Arc<Mutex<BTreeSet<String>>>;

/// A recording of this name is being written, until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct OpenName {
    name: String,
    open: Open,
}

impl Drop for OpenName {
    fn drop(&mut self) {
        lock(&self.open).remove(&self.name);
    }
}

impl Shelf {
    /// The recordings of a folder; without one there are none.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            open: Open::default(),
        }
    }

    pub(crate) fn folder(&self) -> Result<&PathBuf, FileError> {
        let folder = self.folder.as_ref();
        folder.ok_or(FileError::NoFolder("--recordings"))
    }

    /// Creates a recording of this name, which nobody deletes while the second answer lives. One
    /// that is there already may be somebody else's, who still writes it.
    pub(crate) fn write<T, E>(
        &self,
        name: &str,
        create: impl FnOnce() -> Result<T, E>,
    ) -> Result<(T, OpenName), E> {
        let mut open = lock(&self.open);
        let created = create()?;
        open.insert(name.to_owned());
        let writing = OpenName {
            name: name.to_owned(),
            open: Arc::clone(&self.open),
        };
        Ok((created, writing))
    }

    /// Every recording, by name.
    pub(crate) fn list(&self) -> Result<Vec<RecordingFile>, FileError> {
        let folder = self.folder()?;
        let entries = std::fs::read_dir(folder).map_err(|error| kernel(folder, error))?;
        let open = lock(&self.open).clone();
        let file = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            checked(folder, &name).ok()?;
            let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some(RecordingFile {
                is_open: open.contains(&name),
                bytes: metadata.len(),
                modified_millis: millis(metadata.modified().ok()?),
                name,
            })
        };
        let mut files: Vec<_> = entries.flatten().filter_map(file).collect();
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Deletes a recording, unless it is being written.
    pub(crate) fn delete(&self, name: &str) -> Reply {
        let path = match self.folder().and_then(|folder| checked(folder, name)) {
            Ok(path) => path,
            Err(FileError::Name(_)) => return Reply::Unknown,
            Err(error) => return failed(&error),
        };
        // Held, so that nobody begins to write it meanwhile.
        let open = lock(&self.open);
        if open.contains(name) {
            let reason = format!("{name} is being written; hang up first");
            return Reply::Failed { reason };
        }
        match std::fs::remove_file(&path) {
            Ok(()) => Reply::Done,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Reply::Unknown,
            Err(error) => failed(&kernel(&path, error)),
        }
    }

    /// A piece of a recording, unless it is being written.
    pub(crate) fn read(&self, name: &str, offset: u64) -> Reply {
        use std::io::{Read as _, Seek as _, SeekFrom};
        let path = match self.folder().and_then(|folder| checked(folder, name)) {
            Ok(path) => path,
            Err(FileError::Name(_)) => return Reply::Unknown,
            Err(error) => return failed(&error),
        };
        if lock(&self.open).contains(name) {
            let reason = format!("{name} is being written; hang up first");
            return Reply::Failed { reason };
        }
        let read = || {
            let mut file = std::fs::File::open(&path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut piece = Vec::new();
            file.take(PIECE_BYTES).read_to_end(&mut piece)?;
            Ok(piece)
        };
        match read() {
            Ok(piece) => Reply::Piece(piece),
            Err(error) if std::io::Error::kind(&error) == std::io::ErrorKind::NotFound => {
                Reply::Unknown
            }
            Err(error) => failed(&kernel(&path, error)),
        }
    }

    /// Deletes what the site does not want kept.
    fn thin_out(&self, keeping: Keeping) {
        let files = match self.list() {
            Ok(files) => files,
            Err(FileError::NoFolder(_)) => return,
            Err(error) => return tracing::warn!("recordings are not thinned out: {error}"),
        };
        for name in surplus(&files, keeping, millis(SystemTime::now())) {
            match self.delete(name) {
                Reply::Done => tracing::info!("{name}: deleted, its time is over or room is short"),
                Reply::Failed { reason } => tracing::warn!("{reason}"),
                _ => {}
            }
        }
    }

    /// Thins out whenever it is told how recordings are kept, and every hour from then on; ends
    /// when nobody can tell any more.
    pub(crate) fn look_after(&self, told: &Receiver<Keeping>) {
        let mut keeping = None;
        loop {
            match told.recv_timeout(THIN_OUT_EVERY) {
                Ok(new) => keeping = Some(new),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some(keeping) = keeping {
                self.thin_out(keeping);
            }
        }
    }
}

/// Which recordings go: those not written to for too long, then the oldest until the rest fits. The
/// room that what is being written takes counts, but it stays.
fn surplus(files: &[RecordingFile], keeping: Keeping, now_millis: i64) -> Vec<&str> {
    let oldest = now_millis.saturating_sub(i64::from(keeping.days).saturating_mul(DAY_MILLIS));
    let room = u64::from(keeping.mib).saturating_mul(MIB);
    let mut taken = files
        .iter()
        .fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
    let mut closed: Vec<_> = files.iter().filter(|file| !file.is_open).collect();
    closed.sort_by_key(|file| (file.modified_millis, &file.name));
    let goes = closed.into_iter().take_while(|file| {
        let goes = file.modified_millis < oldest || taken > room;
        taken = taken.saturating_sub(file.bytes);
        goes
    });
    goes.map(|file| file.name.as_str()).collect()
}

/// Milliseconds since 1970.
fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn lock(open: &Open) -> MutexGuard<'_, BTreeSet<String>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: &FileError) -> Reply {
    Reply::Failed {
        reason: error.to_string(),
    }
}

/// Octets of a recording that are read at once.
const PIECE_BYTES: u64 = 48 * 1024;
const MIB: u64 = 1024 * 1024;
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, age in days, MiB, being written.
    fn check(files: &[(&str, i64, u64, bool)], keeping: (u16, u32), expected: &[&str]) {
        let now = 400 * DAY_MILLIS;
        let file = |(name, days, mib, is_open): &(&str, i64, u64, bool)| RecordingFile {
            name: (*name).to_owned(),
            bytes: mib * MIB,
            modified_millis: now - days * DAY_MILLIS,
            is_open: *is_open,
        };
        let files: Vec<_> = files.iter().map(file).collect();
        let (days, mib) = keeping;
        assert_eq!(surplus(&files, Keeping { days, mib }, now), expected);
    }

    #[test]
    fn recordings_go_when_their_days_are_over() {
        let files = [("a", 91, 1, false), ("b", 90, 1, false), ("c", 1, 1, false)];
        check(&files, (90, 1000), &["a"]);
        check(&files, (365, 1000), &[]);
        check(&files, (1, 1000), &["a", "b"]);
    }

    #[test]
    fn the_oldest_go_first_until_the_rest_fits() {
        let files = [
            ("c", 1, 40, false),
            ("a", 3, 40, false),
            ("b", 2, 40, false),
        ];
        check(&files, (90, 120), &[]);
        check(&files, (90, 119), &["a"]);
        check(&files, (90, 79), &["a", "b"]);
        check(&files, (90, 1), &["a", "b", "c"]);
    }

    #[test]
    fn what_is_being_written_stays_whatever_its_age_and_size() {
        let files = [("a", 200, 500, true), ("b", 2, 1, false)];
        check(&files, (90, 100), &["b"]);
        check(&files, (90, 600), &[]);
    }

    #[test]
    fn a_recording_that_is_written_is_not_deleted_and_one_that_is_done_is() {
        let folder = std::env::temp_dir().join(format!("ramal-shelf-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        std::fs::write(folder.join("note.txt"), b"x").expect("written");
        let shelf = Shelf::new(Some(folder.clone()));
        let mut writing = shelf.create("a.wav").expect("a new file");
        writing.keep();
        // Whoever asks for it again gets no file, and takes nothing from who has it.
        assert!(shelf.create("a.wav").is_err_and(|error| error.is_there()));
        assert!(
            matches!(shelf.delete("a.wav"), Reply::Failed { reason } if reason.contains("a.wav"))
        );
        assert!(shelf.list().expect("a folder")[0].is_open);
        shelf.thin_out(Keeping { days: 0, mib: 0 });
        drop(writing);
        let names: Vec<_> = shelf.list().expect("a folder");
        assert_eq!((names.len(), names[0].is_open), (1, false));
        std::fs::write(folder.join("b.wav"), [7; 10]).expect("written");
        assert_eq!(shelf.read("b.wav", 8), Reply::Piece(vec![7; 2]));
        assert_eq!(shelf.read("b.wav", 10), Reply::Piece(Vec::new()));
        assert_eq!(shelf.read("../a.wav", 0), Reply::Unknown);
        assert_eq!(shelf.read("c.wav", 0), Reply::Unknown);
        assert_eq!(shelf.delete("../a.wav"), Reply::Unknown);
        assert_eq!(shelf.delete("a.wav"), Reply::Done);
        assert_eq!(shelf.delete("a.wav"), Reply::Unknown);
        assert!(folder.join("note.txt").exists());
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
