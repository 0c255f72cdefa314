//! Rows in one file that only grows, until it is written anew without what is out of date.
//!
//! ```text
//!   row = key (8) | length (4) | body | check (8)
//! ```
//!
//! A row replaces the one before of its key; one without a body says that there is none any more.
//! What a turn has changed is one write at the end of the file. A process that dies in it leaves
//! the beginning of what it wrote: the check at the end of a row is then missing or wrong, and that
//! row and what follows are not believed. Nothing is ever written over.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Bytes before and after a body.
const HEAD: usize = 12;
const FRAME: u64 = 20;

/// The length of a row that takes its key away.
const GONE: u32 = u32::MAX;

/// Bytes out of date that are not worth a new file.
const STALE_MIN: u64 = 1024 * 1024;

/// Bytes out of date that are too many in any case: while a new file is written, both must fit.
const STALE_MAX: u64 = 2 * 1024 * 1024;

/// What is written before a new file is tried again for which there was no room.
const STALE_PAUSE: u64 = 256 * 1024;

/// How much is copied at a time into a new file.
const COPY_BYTES: usize = 256 * 1024;

/// Rows to write, by key; `None` takes one away.
pub(super) type Rows = BTreeMap<u64, Option<Vec<u8>>>;

/// A file of rows.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Where the last whole row ends.
    end: u64,
    /// Where the body of each key stands.
    rows: BTreeMap<u64, Place>,
    /// Bytes of the rows in force.
    live: u64,
    /// What is to be written next.
    buffer: Vec<u8>,
    /// Where the file ended when there was no room for a new one.
    cramped: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    at: u64,
    length: u32,
}

impl Journal {
    /// Opens the file, or makes it, and finds its rows. What is not whole at its end is cut off.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).open(path)?;
        let bytes = fs::read(path)?;
        let mut journal = Self::empty(path.to_owned(), file, Vec::new());
        // A process that died while it wrote a new file left what there was of it.
        let _ = fs::remove_file(journal.new_path());
        while let Some((key, body)) = row(&bytes, journal.end) {
            journal.note(key, body.and_then(|body| u32::try_from(body.len()).ok()));
        }
        journal.file.set_len(journal.end)?;
        Ok(journal)
    }

    const fn empty(path: PathBuf, file: File, buffer: Vec<u8>) -> Self {
        Self {
            path,
            file,
            end: 0,
            rows: BTreeMap::new(),
            live: 0,
            buffer,
            cramped: 0,
        }
    }

    /// How many keys have a row.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of the rows in force.
    pub(super) const fn live(&self) -> u64 {
        self.live
    }

    /// Whether a key has a row.
    pub(super) fn has(&self, key: u64) -> bool {
        self.rows.contains_key(&key)
    }

    /// The row of a key.
    pub(super) fn read(&self, key: u64) -> io::Result<Vec<u8>> {
        let Place { at, length } = *self.rows.get(&key).ok_or(io::ErrorKind::NotFound)?;
        let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut body, at)?;
        Ok(body)
    }

    /// The keys that have a row, in order.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.rows.keys().copied()
    }

    /// Writes rows with one call of the system. Where there is no room for them, what is out of
    /// date makes some. After an error none of them is in force.
    pub(super) fn write(&mut self, rows: &Rows) -> io::Result<()> {
        if let Err(error) = self.append(rows) {
            // Rows that are taken away need less room in a new file, others more.
            return match self.renew(rows) {
                Ok(()) => Ok(()),
                Err(_) if self.end == self.live => Err(error),
                Err(_) => self.renew(&Rows::new()).and_then(|()| self.append(rows)),
            };
        }
        if self.is_stale() && self.renew(&Rows::new()).is_err() {
            // The rows are in force all the same.
            self.cramped = self.end;
        }
        Ok(())
    }

    fn append(&mut self, rows: &Rows) -> io::Result<()> {
        self.buffer.clear();
        for (key, body) in rows {
            push(&mut self.buffer, *key, body.as_deref())?;
        }
        if let Err(error) = self.file.write_all_at(&self.buffer, self.end) {
            // What is there of them must not stand before the next ones, nor take their room.
            self.file.set_len(self.end)?;
            return Err(error);
        }
        for (key, body) in rows {
            let length = body.as_ref().map(|body| u32::try_from(body.len()));
            self.note(*key, length.transpose().map_err(io::Error::other)?);
        }
        Ok(())
    }

    /// A row stands at the end of the file now.
    fn note(&mut self, key: u64, length: Option<u32>) {
        let at = self.end.saturating_add(HEAD as u64);
        let before = match length {
            Some(length) => self.rows.insert(key, Place { at, length }),
            None => self.rows.remove(&key),
        };
        let taken = |length: u32| u64::from(length).saturating_add(FRAME);
        let now = length.map_or(0, taken);
        let replaced = before.map_or(0, |before| taken(before.length));
        self.live = self.live.saturating_sub(replaced).saturating_add(now);
        self.end = self.end.saturating_add(now.max(FRAME));
    }

    /// Whether more than half of the file is out of date: then each byte is copied once at most
    /// for each byte that was written. A large file is renewed sooner.
    fn is_stale(&self) -> bool {
        let stale = self.end.saturating_sub(self.live);
        stale > STALE_MAX.min(self.live.saturating_add(STALE_MIN))
            && self.end.saturating_sub(self.cramped) >= STALE_PAUSE
    }

    /// Writes the rows in force, and those that are to be, into another file, and puts that in
    /// place of this one: rename(2) is atomic, so whoever looks finds the one whole or the other.
    fn renew(&mut self, rows: &Rows) -> io::Result<()> {
        let path = self.new_path();
        let renewed = self
            .copy(&path, rows)
            .and_then(|renewed| fs::rename(&path, &self.path).map(|()| renewed));
        match renewed {
            Ok(renewed) => {
                *self = renewed;
                Ok(())
            }
            Err(error) => {
                // Half of it would only take room. It may not even have been made.
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    fn new_path(&self) -> PathBuf {
        self.path.with_extension("new")
    }

    /// A file with the rows in force, except that `rows` count.
    fn copy(&mut self, path: &Path, rows: &Rows) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(path)?;
        let mut copy = Self::empty(self.path.clone(), file, std::mem::take(&mut self.buffer));
        copy.buffer.clear();
        let mut written = 0;
        for key in self.rows.keys().filter(|key| !rows.contains_key(key)) {
            copy.add(*key, &self.read(*key)?, &mut written)?;
        }
        for (key, body) in rows {
            if let Some(body) = body {
                copy.add(*key, body, &mut written)?;
            }
        }
        copy.file.write_all_at(&copy.buffer, written)?;
        Ok(copy)
    }

    /// Adds a row, and writes when much has gathered.
    fn add(&mut self, key: u64, body: &[u8], written: &mut u64) -> io::Result<()> {
        push(&mut self.buffer, key, Some(body))?;
        self.note(
            key,
            Some(u32::try_from(body.len()).map_err(io::Error::other)?),
        );
        if self.buffer.len() >= COPY_BYTES {
            self.file.write_all_at(&self.buffer, *written)?;
            *written = self.end;
            self.buffer.clear();
        }
        Ok(())
    }
}

/// Appends a row.
fn push(buffer: &mut Vec<u8>, key: u64, body: Option<&[u8]>) -> io::Result<()> {
    let length = body.map_or(Ok(GONE), |body| u32::try_from(body.len()));
    let length = length.map_err(io::Error::other)?;
    let body = body.unwrap_or_default();
    buffer.extend(key.to_le_bytes());
    buffer.extend(length.to_le_bytes());
    buffer.extend(body);
    buffer.extend(check(key, length, body).to_le_bytes());
    Ok(())
}

/// The row that begins at a place; `None` when it is not whole.
fn row(bytes: &[u8], at: u64) -> Option<(u64, Option<&[u8]>)> {
    let rest = bytes.get(usize::try_from(at).ok()?..)?;
    let (key, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (key, length) = (u64::from_le_bytes(*key), u32::from_le_bytes(*length));
    let is_gone = length == GONE;
    let taken = if is_gone {
        0
    } else {
        usize::try_from(length).ok()?
    };
    let (body, rest) = rest.split_at_checked(taken)?;
    let (found, _) = rest.split_first_chunk()?;
    let is_whole = u64::from_le_bytes(*found) == check(key, length, body);
    is_whole.then_some((key, (!is_gone).then_some(body)))
}

/// A number that another row, or half of this one, does not have; it guards against accidents,
/// not against forgers. FNV-1a, eight bytes at a time.
fn check(key: u64, length: u32, body: &[u8]) -> u64 {
    let (words, rest) = body.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    let all = [key, u64::from(length)]
        .into_iter()
        .chain(words)
        .chain(rest);
    all.fold(0xcbf2_9ce4_8422_2325, |sum, word| {
        let sum = (sum ^ word).wrapping_mul(0x0100_0000_01b3);
        // Or the upper halves of the words would only be told in the upper half of the sum.
        sum ^ (sum >> 32)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::Folder;
    use super::*;

    fn write(journal: &mut Journal, rows: &[(u64, Option<&[u8]>)]) {
        let rows: Rows = rows
            .iter()
            .map(|(key, body)| (*key, body.map(<[u8]>::to_vec)))
            .collect();
        journal.write(&rows).expect("a writable folder");
    }

    fn rows(path: &Path) -> Vec<(u64, Vec<u8>)> {
        let journal = Journal::open(path).expect("readable");
        let row = |key| (key, journal.read(key).expect("it has one"));
        journal.keys().map(row).collect()
    }

    #[test]
    fn a_file_cut_anywhere_gives_the_whole_rows_before_the_cut() {
        let folder = Folder::new();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path).expect("a writable folder");
        write(
            &mut journal,
            &[(1, Some(b"a body longer than a word")), (2, Some(b""))],
        );
        write(&mut journal, &[(1, Some(b"another")), (3, Some(b"third"))]);
        write(&mut journal, &[(2, None)]);
        let bytes = fs::read(&path).expect("written");
        let (first, empty) = (25 + 20, 20);
        let lengths = [0, first, empty, 7 + 20, 5 + 20, 20];
        let ends = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        assert_eq!(ends.last(), Some(&bytes.len()));
        for cut in 0..=bytes.len() {
            fs::write(&path, bytes.get(..cut).expect("within")).expect("written");
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let long = || (1, b"a body longer than a word".to_vec());
            let (other, none, third) = (
                || (1, b"another".to_vec()),
                || (2, Vec::new()),
                || (3, b"third".to_vec()),
            );
            let expected = match whole {
                0 => vec![],
                1 => vec![long()],
                2 => vec![long(), none()],
                3 => vec![other(), none()],
                4 => vec![other(), none(), third()],
                _ => vec![other(), third()],
            };
            assert_eq!(rows(&path), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_row_with_a_wrong_byte_is_not_believed() {
        let folder = Folder::new();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path).expect("a writable folder");
        write(&mut journal, &[(7, Some(b"what was agreed with a peer"))]);
        let bytes = fs::read(&path).expect("written");
        for wrong in 0..bytes.len() {
            let mut bytes = bytes.clone();
            *bytes.get_mut(wrong).expect("within") ^= 0x10;
            fs::write(&path, bytes).expect("written");
            assert_eq!(rows(&path), [], "byte {wrong}");
        }
    }

    #[test]
    fn what_a_dead_process_left_half_does_not_hide_what_the_next_one_writes() {
        let folder = Folder::new();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path).expect("a writable folder");
        write(
            &mut journal,
            &[(1, Some(b"whole")), (2, Some(b"half of it is lost"))],
        );
        let length = fs::metadata(&path).expect("written").len();
        journal.file.set_len(length - 9).expect("cut");
        let mut next = Journal::open(&path).expect("readable");
        write(&mut next, &[(3, Some(b"new"))]);
        assert_eq!(rows(&path), [(1, b"whole".to_vec()), (3, b"new".to_vec())]);
    }

    #[test]
    fn a_new_file_that_a_dead_process_left_half_takes_no_room() {
        let folder = Folder::new();
        let path = folder.path().join("journal");
        let left = path.with_extension("new");
        fs::write(&left, b"half a row").expect("a writable folder");
        Journal::open(&path).expect("readable");
        assert!(!left.exists());
    }

    #[test]
    fn the_file_stays_in_proportion_to_what_is_in_force() {
        let folder = Folder::new();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path).expect("a writable folder");
        let mut longest = 0;
        for version in 0..20_000_u64 {
            let body = [version.to_le_bytes(); 100].concat();
            write(
                &mut journal,
                &[(version % 50, Some(&body)), (1000 + version, None)],
            );
            longest = longest.max(fs::metadata(&path).expect("written").len());
        }
        let live = 50 * 820;
        assert!(longest <= 2 * live + STALE_MIN + 840, "{longest}");
        let found = rows(&path);
        assert_eq!(found.len(), 50);
        for (key, body) in found {
            let version = 20_000 - 50 + key;
            assert_eq!(body, [version.to_le_bytes(); 100].concat());
        }
    }
}
