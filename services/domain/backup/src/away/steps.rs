//! What is to be done next, by what is here, what is there and what day it is.

use std::collections::{BTreeMap, BTreeSet};

use ipc::store::backup_file_millis;

use super::events::{Archive, Begun, Command, Digest, Whole};
use super::memory::Memory;
use crate::plan::{AWAY, Kept};

/// Names that a list may have: ten times what is kept.
const LIST_MAX: usize = 1024;

/// What the place has, as far as a round knows. Of names that no backup has nothing is known, and
/// nothing is done to them.
#[derive(Debug, Default)]
pub(super) struct There {
    whole: BTreeMap<String, (u64, Digest)>,
    begun: BTreeMap<String, BTreeMap<u32, Digest>>,
}

impl There {
    /// What a list says; `None` where it makes no sense: too long, or a name twice.
    pub(super) fn read(whole: Vec<Whole>, begun: Vec<Begun>) -> Option<Self> {
        if whole.len().max(begun.len()) > LIST_MAX {
            return None;
        }
        let mut there = Self::default();
        for it in whole.into_iter().filter(|it| is_ours(&it.archive)) {
            let entry = there.whole.insert(it.archive, (it.bytes, it.digest));
            if entry.is_some() {
                return None;
            }
        }
        for it in begun.into_iter().filter(|it| is_ours(&it.archive)) {
            let parts: BTreeMap<_, _> = it.parts.into_iter().collect();
            if there.begun.insert(it.archive, parts).is_some() {
                return None;
            }
        }
        Some(there)
    }

    pub(super) fn has(&self, name: &str, bytes: u64, digest: Digest) -> bool {
        self.whole.get(name) == Some(&(bytes, digest))
    }

    pub(super) fn put(&mut self, name: &str, part: u32, digest: Digest) {
        let parts = self.begun.entry(name.to_owned()).or_default();
        parts.insert(part, digest);
    }

    pub(super) fn finished(&mut self, name: &str, bytes: u64, digest: Digest) {
        self.begun.remove(name);
        self.whole.insert(name.to_owned(), (bytes, digest));
    }

    pub(super) fn abandoned(&mut self, name: &str) {
        self.begun.remove(name);
    }

    pub(super) fn deleted(&mut self, name: &str) {
        self.whole.remove(name);
    }

    /// The next thing to do; `None` when all is as it should be.
    pub(super) fn next(
        &self,
        here: &[Archive],
        memory: &Memory,
        now_millis: Option<i64>,
    ) -> Option<Command> {
        let wanted = wanted(here, memory, now_millis);
        let missing = wanted
            .iter()
            .find(|it| !self.has(&it.kept.name, it.bytes, it.digest()));
        if let Some(archive) = missing {
            return Some(self.send(archive));
        }
        // Whatever was being sent and is not wanted any more, or lies there whole already.
        if let Some(archive) = self.begun.keys().next().cloned() {
            return Some(Command::Abandon { archive });
        }
        let archive = self.superfluous(memory, now_millis?)?;
        Some(Command::Delete { archive })
    }

    /// The first part that is not there, or the end.
    fn send(&self, archive: &Archive) -> Command {
        let name = archive.kept.name.clone();
        let there = self.begun.get(&name);
        let mut offset = 0;
        for (part, digest) in (0..).zip(&archive.parts) {
            let bytes = archive.part_bytes.min(archive.bytes.saturating_sub(offset));
            if there.and_then(|parts| parts.get(&part)) != Some(digest) {
                return Command::Put {
                    archive: name,
                    part,
                    offset,
                    bytes,
                    digest: *digest,
                };
            }
            offset = offset.saturating_add(bytes);
        }
        Command::Finish {
            archive: name,
            bytes: archive.bytes,
            parts: archive.parts.clone(),
        }
    }

    /// The oldest that may go: of the copies what [`AWAY`] says; and what is not as it was sent, or
    /// was sent by a box that knew more, once it is as old and enough copies are newer.
    fn superfluous(&self, memory: &Memory, now_millis: i64) -> Option<String> {
        let kept = memory.kept();
        let mut gone = AWAY.superfluous(now_millis, &kept);
        let limit = AWAY.limit(now_millis);
        let newer = kept.iter().filter(|it| it.taken_millis >= limit).count();
        if newer >= AWAY.verified {
            let is_old = |name: &&String| backup_file_millis(name).is_some_and(|at| at < limit);
            let strange = self.whole.keys().filter(|it| !memory.has(it));
            gone.extend(strange.filter(is_old).cloned());
        }
        gone.retain(|name| self.whole.contains_key(name));
        gone.into_iter().min()
    }
}

/// What is to be there of what is here, newest first: what proved good, and would not be too much
/// there.
pub(super) fn wanted<'a>(
    here: &'a [Archive],
    memory: &Memory,
    now_millis: Option<i64>,
) -> Vec<&'a Archive> {
    let is_good = |it: &&Archive| it.kept.is_verified && is_ours(&it.kept.name) && it.is_sound();
    let mut wanted: Vec<&Archive> = here.iter().filter(is_good).collect();
    if let Some(now_millis) = now_millis {
        let mut all: Vec<Kept> = wanted.iter().map(|it| it.kept.clone()).collect();
        let others = memory.kept().into_iter();
        let is_here = |it: &Kept| wanted.iter().any(|here| here.kept.name == it.name);
        all.extend(others.filter(|it| !is_here(it)));
        let surplus: BTreeSet<String> = AWAY.superfluous(now_millis, &all).into_iter().collect();
        wanted.retain(|it| !surplus.contains(&it.kept.name));
    }
    wanted.sort_by_key(|it| std::cmp::Reverse(it.kept.taken_millis));
    wanted
}

/// Whether it is the name of an archive that proved good.
fn is_ours(name: &str) -> bool {
    backup_file_millis(name).is_some() && name.ends_with(".backup")
}
