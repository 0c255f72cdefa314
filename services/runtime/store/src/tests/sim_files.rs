//! Folders of a disk in memory that loses what was not made durable: content that was not synced,
//! sector by sector, and names given, taken or changed since their folder was.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{Builder, Database, DatabaseError, StorageBackend};
use sansio::Rng;

use crate::files::{Files, Open};

/// Bytes that a disk writes as one or not at all.
const SECTOR_LENGTH: usize = 512;

/// A folder; all made by [`Self::beside`] are on one disk.
#[derive(Clone, Debug)]
pub(super) struct SimFiles {
    disk: Arc<Mutex<State>>,
    folder: &'static str,
}

#[derive(Clone, Debug, Default)]
struct State {
    contents: Vec<Content>,
    /// Folder and name of each file: what a reader sees, and what is surely on the platter.
    names: Names,
    durable: Names,
    /// Changes of names since, in order. Each is whole or not there.
    pending: Vec<Change>,
    /// Steps until the power goes; `None` for never.
    until_cut: Option<u64>,
    steps: u64,
    /// What fails once: what is done, and with which name.
    refused: Vec<(&'static str, String)>,
}

type Place = (&'static str, String);
type Names = BTreeMap<Place, usize>;
type Change = Vec<(Place, Option<usize>)>;

#[derive(Clone, Debug, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl SimFiles {
    pub(super) fn new(folder: &'static str) -> Self {
        Self {
            disk: Arc::default(),
            folder,
        }
    }

    /// Another folder of the same disk.
    pub(super) fn beside(&self, folder: &'static str) -> Self {
        Self {
            disk: Arc::clone(&self.disk),
            folder,
        }
    }

    /// Another disk with the same on it.
    pub(super) fn copied(&self) -> Self {
        Self {
            disk: Arc::new(Mutex::new(self.state().clone())),
            folder: self.folder,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.disk.lock().unwrap()
    }

    fn place(&self, name: &str) -> Place {
        (self.folder, name.to_owned())
    }

    /// The power goes after this many more steps.
    pub(super) fn cut_after(&self, steps: u64) {
        let mut state = self.state();
        state.until_cut = Some(steps);
        state.steps = 0;
    }

    /// Steps since that was said.
    pub(super) fn steps(&self) -> u64 {
        self.state().steps
    }

    /// The disk fails once at `rename`, `remove` or `sync_names` (of a folder), of this name.
    pub(super) fn fail_once(&self, what: &'static str, name: &str) {
        self.state().refused.push((what, name.to_owned()));
    }

    pub(super) fn forget_failures(&self) {
        self.state().refused.clear();
    }

    fn is_refused(&self, what: &str, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let is_it = |it: &(&str, String)| it.0 == what && it.1 == name;
        match state.refused.iter().position(is_it) {
            Some(at) => {
                state.refused.remove(at);
                Err(io::Error::from_raw_os_error(5))
            }
            None => Ok(()),
        }
    }

    /// Whether it has gone.
    pub(super) fn is_cut(&self) -> bool {
        self.state().until_cut == Some(0)
    }

    /// The disk after the cut: of the names that were changed since their folder was synced, the
    /// first so many; of the sectors that were not, any.
    pub(super) fn power_on(&self, rng: &mut Rng) {
        let mut state = self.state();
        let pending = std::mem::take(&mut state.pending);
        let kept = rng.below(pending.len() as u64 + 1) as usize;
        for change in pending.into_iter().take(kept) {
            assign(&mut state.durable, change);
        }
        state.names = state.durable.clone();
        for content in &mut state.contents {
            for (offset, bytes) in std::mem::take(&mut content.unsynced) {
                if rng.chance(50) {
                    place(&mut content.durable, offset, &bytes);
                }
            }
            content.live = content.durable.clone();
        }
        state.until_cut = None;
    }

    /// Puts a file there that was always there.
    pub(super) fn lay_down(&self, name: &str, bytes: &[u8]) {
        let at = self.place(name);
        let mut state = self.state();
        state.contents.push(Content {
            live: bytes.to_vec(),
            durable: bytes.to_vec(),
            unsynced: Vec::new(),
        });
        let content = state.contents.len() - 1;
        state.names.insert(at.clone(), content);
        state.durable.insert(at, content);
    }

    pub(super) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let content = state.names.get(&self.place(name))?;
        Some(state.contents[*content].live.clone())
    }

    fn change(&self, change: impl FnOnce(&Names) -> io::Result<Change>) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let change = change(&state.names)?;
        assign(&mut state.names, change.clone());
        state.pending.push(change);
        Ok(())
    }

    fn opened(&self, name: &str) -> io::Result<SimFile> {
        let state = self.state();
        let content = *found(&state.names, &self.place(name))?;
        Ok(SimFile {
            disk: Arc::clone(&self.disk),
            content,
            at: 0,
        })
    }

    fn made(&self, name: &str) -> io::Result<SimFile> {
        let at = self.place(name);
        if !self.state().names.contains_key(&at) {
            let mut state = self.state();
            state.step()?;
            state.contents.push(Content::default());
            let change = vec![(at, Some(state.contents.len() - 1))];
            assign(&mut state.names, change.clone());
            state.pending.push(change);
        }
        self.opened(name)
    }
}

fn found<'a>(names: &'a Names, at: &Place) -> io::Result<&'a usize> {
    names.get(at).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn assign(names: &mut Names, change: Change) {
    for (at, content) in change {
        match content {
            Some(content) => names.insert(at, content),
            None => names.remove(&at),
        };
    }
}

fn place(bytes: &mut Vec<u8>, offset: usize, piece: &[u8]) {
    let end = offset + piece.len();
    bytes.resize(bytes.len().max(end), 0);
    bytes[offset..end].copy_from_slice(piece);
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        match &mut self.until_cut {
            Some(0) => Err(io::Error::other("the power is off")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Files for SimFiles {
    fn open(&self, name: &str) -> io::Result<Box<dyn Open>> {
        Ok(Box::new(self.opened(name)?))
    }

    fn create(&self, name: &str, _: u32, is_emptied: bool) -> io::Result<Box<dyn Open>> {
        let file = self.made(name)?;
        if is_emptied {
            let mut state = self.state();
            state.step()?;
            state.contents[file.content] = Content::default();
        }
        Ok(Box::new(file))
    }

    fn database(&self, name: &str, builder: &Builder, _: u64) -> Result<Database, DatabaseError> {
        let file = self.made(name)?;
        crate::files::empty_if_unfinished(&file)?;
        builder.create_with_backend(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.is_refused("rename", from)?;
        let (from, to) = (self.place(from), self.place(to));
        self.change(|names| {
            let content = *found(names, &from)?;
            Ok(vec![(from, None), (to, Some(content))])
        })
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.place(from), self.place(to));
        self.change(|names| match names.contains_key(&to) {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => Ok(vec![(to, Some(*found(names, &from)?))]),
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.is_refused("remove", name)?;
        let at = self.place(name);
        if !self.state().names.contains_key(&at) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(|_| Ok(vec![(at, None)]))
    }

    fn remove_folder(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.is_refused("sync_names", self.folder)?;
        let mut state = self.state();
        state.step()?;
        let mine = |change: &mut Change| change.iter().all(|((of, _), _)| *of == self.folder);
        let durable: Vec<Change> = state.pending.extract_if(.., mine).collect();
        for change in durable {
            assign(&mut state.durable, change);
        }
        Ok(())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let state = self.state();
        let mine = state.names.keys().filter(|(of, _)| *of == self.folder);
        Ok(mine.map(|(_, name)| name.clone()).collect())
    }

    fn length(&self, name: &str) -> Option<u64> {
        Some(self.bytes(name)?.len() as u64)
    }

    fn modified_millis(&self, name: &str) -> Option<i64> {
        self.length(name).map(|_| 0)
    }

    fn free_bytes(&self) -> u64 {
        u64::MAX
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn shown(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// An open file; a database has it as what it lies in.
#[derive(Debug)]
struct SimFile {
    disk: Arc<Mutex<State>>,
    content: usize,
    at: usize,
}

impl SimFile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.disk.lock().unwrap()
    }

    fn write_at(&self, offset: usize, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let content = &mut state.contents[self.content];
        place(&mut content.live, offset, data);
        let mut at = offset;
        while at < offset + data.len() {
            let end = ((at / SECTOR_LENGTH + 1) * SECTOR_LENGTH).min(offset + data.len());
            let sector = data[at - offset..end - offset].to_vec();
            content.unsynced.push((at, sector));
            at = end;
        }
        Ok(())
    }

    fn synced(&self) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let content = &mut state.contents[self.content];
        content.unsynced.clear();
        content.durable = content.live.clone();
        Ok(())
    }

    fn read_at(&self, offset: usize, out: &mut [u8]) -> usize {
        let state = self.state();
        let live = &state.contents[self.content].live;
        let rest = live.get(offset..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        count
    }
}

impl Read for SimFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.read_at(self.at, out);
        self.at += count;
        Ok(count)
    }
}

impl Write for SimFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_at(self.at, data)?;
        self.at += data.len();
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SimFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.at = at as usize;
        Ok(at)
    }
}

impl Open for SimFile {
    fn sync(&self) -> io::Result<()> {
        self.synced()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.state().contents[self.content].live.len() as u64)
    }

    fn forget_cached(&self) {}
}

impl StorageBackend for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.read_at(offset as usize, out) == out.len() {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        // The real one allocates and syncs as it grows.
        let content = &mut state.contents[self.content];
        let length = length as usize;
        content.unsynced.retain(|(start, _)| *start < length);
        content.live.resize(length, 0);
        content.durable.resize(length, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.synced()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_at(offset as usize, data)
    }
}
