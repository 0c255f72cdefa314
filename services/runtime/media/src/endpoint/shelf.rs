//! The recordings that are there: listed, deleted one by one, and thinned out so that none is older
//! than the site says and all together take no more room than it gives.
//!
//! Takes (`*77`) lie among them and have a bound of their own: whoever has a phone makes them, and
//! no recording of a call may go for one.
//!
//! What is being written is never deleted: whoever writes holds an [`OpenName`].

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipc::sound::{Keeping, RecordingFile, Reply, take_of};

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
        self.delete_all(&surplus(&files, keeping, millis(SystemTime::now())));
    }

    /// Before a take: the oldest ones go, so that this one has room up to its longest.
    pub(crate) fn make_way(&self) {
        let files = match self.list() {
            Ok(files) => files,
            Err(error) => return tracing::warn!("takes are not thinned out: {error}"),
        };
        let takes = files.iter().filter(|it| is_take(it)).collect();
        let room = Bound {
            oldest: i64::MIN,
            files: TAKES_MAX.saturating_sub(1),
            bytes: TAKES_BYTES.saturating_sub(TAKE_BYTES_MAX),
        };
        self.delete_all(&over(takes, &room));
    }

    fn delete_all(&self, names: &[&str]) {
        for name in names {
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

/// What may stay: nothing that was last written to before `oldest`, so many files, so many bytes.
struct Bound {
    oldest: i64,
    files: usize,
    bytes: u64,
}

/// Which recordings go, by what the site wants of those of calls and by the bound of takes.
fn surplus(files: &[RecordingFile], keeping: Keeping, now_millis: i64) -> Vec<&str> {
    let days = i64::from(keeping.days).saturating_mul(DAY_MILLIS);
    let oldest = now_millis.saturating_sub(days);
    let (takes, calls) = files.iter().partition(|it| is_take(it));
    let of_calls = Bound {
        oldest,
        files: usize::MAX,
        bytes: u64::from(keeping.mib).saturating_mul(MIB),
    };
    let of_takes = Bound {
        oldest,
        files: TAKES_MAX,
        bytes: TAKES_BYTES,
    };
    let mut goes = over(calls, &of_calls);
    goes.extend(over(takes, &of_takes));
    goes
}

/// Which of these files go: those not written to for too long, then the oldest until the rest fits.
/// The room that what is being written takes counts, but it stays.
fn over<'a>(files: Vec<&'a RecordingFile>, bound: &Bound) -> Vec<&'a str> {
    let mut left = files.len();
    let mut taken = files
        .iter()
        .fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
    let mut closed: Vec<_> = files.into_iter().filter(|file| !file.is_open).collect();
    closed.sort_by_key(|file| (file.modified_millis, &file.name));
    let goes = closed.into_iter().take_while(|file| {
        let is_old = file.modified_millis < bound.oldest;
        let goes = is_old || taken > bound.bytes || left > bound.files;
        taken = taken.saturating_sub(file.bytes);
        left = left.saturating_sub(1);
        goes
    });
    goes.map(|file| file.name.as_str()).collect()
}

fn is_take(file: &RecordingFile) -> bool {
    take_of(&file.name).is_some()
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
/// Takes kept, and the room of all of them; one of five minutes, two channels at 16 kHz, is nearly
/// 20 MiB.
const TAKES_MAX: usize = 20;
const TAKES_BYTES: u64 = 128 * MIB;
const TAKE_BYTES_MAX: u64 = 20 * MIB;
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
    fn takes_have_a_bound_of_their_own_and_no_recording_of_a_call_goes_for_one() {
        let takes: Vec<_> = (0..25).map(|at| format!("take-100-{at:013}.wav")).collect();
        let all = |mib: u64| {
            // Older than every take, and all the room there is for recordings.
            let mut all = vec![("20260101-100-200.wav", 80, 1000, false)];
            let takes = takes.iter().zip((1..=25).rev());
            all.extend(takes.map(|(name, days)| (name.as_str(), days, mib, false)));
            all
        };
        let first =
            |count: usize| -> Vec<&str> { takes.iter().take(count).map(String::as_str).collect() };
        check(&all(1), (90, 1000), &first(5));
        check(&all(16), (90, 1000), &first(25 - 8));
        check(
            &all(1),
            (20, 1000),
            &[vec!["20260101-100-200.wav"], first(5)].concat(),
        );
        // Nor do takes stay because there is room for recordings.
        check(&all(1)[1..], (90, 100_000), &first(5));
        check(&all(1)[20..], (90, 0), &[]);
    }

    #[test]
    fn a_take_that_begins_puts_out_the_oldest() {
        let folder = std::env::temp_dir().join(format!("ramal-takes-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let put = |name: &str, secs: u64, bytes: u64| {
            let file = std::fs::File::create(folder.join(name)).expect("a new file");
            file.set_len(bytes).expect("sparse");
            let then = UNIX_EPOCH + Duration::from_secs(secs);
            file.set_modified(then).expect("a time");
        };
        put("call.wav", 1, 900 * MIB);
        let take = |at: u64| format!("take-100-{at:013}.wav");
        for at in 1..=20 {
            put(&take(at), at + 10, MIB);
        }
        let shelf = Shelf::new(Some(folder.clone()));
        let is_there = |name: &str| folder.join(name).exists();
        shelf.make_way();
        assert!(!is_there(&take(1)) && is_there(&take(2)) && is_there("call.wav"));
        put(&take(20), 30, 100 * MIB);
        shelf.make_way();
        assert!(!is_there(&take(11)) && is_there(&take(12)) && is_there("call.wav"));
        std::fs::remove_dir_all(&folder).expect("removed");
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
