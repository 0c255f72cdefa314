//! What is to be done next, by what is to be there and what is.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::events::{Archive, Begun, Command, Digest, Whole};
use super::wanted::{Plan, is_ours};

/// Names of ours that a list may have: ten times what is kept.
const LIST_MAX: usize = 1024;

/// Parts that an archive may have, as at a bucket.
const PARTS_MAX: usize = 10_000;

/// What the place has, as far as a round knows. Of names that no backup has nothing is known, and
/// nothing is done to them.
#[derive(Debug, Default)]
pub(super) struct There {
    whole: BTreeMap<String, (u64, Digest)>,
    begun: BTreeMap<String, BTreeMap<u32, Digest>>,
    /// It has said in this round that it has no room.
    is_full: bool,
}

impl There {
    /// What a list says; `None` where it makes no sense: too long, or a name or a part twice.
    pub(super) fn read(whole: Vec<Whole>, begun: Vec<Begun>) -> Option<Self> {
        let mut there = Self::default();
        for it in whole.into_iter().filter(|it| is_ours(&it.archive)) {
            let entry = there.whole.insert(it.archive, (it.bytes, it.digest));
            if entry.is_some() {
                return None;
            }
        }
        for it in begun.into_iter().filter(|it| is_ours(&it.archive)) {
            let count = it.parts.len();
            let parts: BTreeMap<_, _> = it.parts.into_iter().collect();
            if count > PARTS_MAX || parts.len() != count {
                return None;
            }
            if there.begun.insert(it.archive, parts).is_some() {
                return None;
            }
        }
        (there.whole.len().max(there.begun.len()) <= LIST_MAX).then_some(there)
    }

    pub(super) fn has(&self, name: &str, bytes: u64, digest: Digest) -> bool {
        self.whole.get(name) == Some(&(bytes, digest))
    }

    fn has_whole(&self, archive: &Archive) -> bool {
        self.has(&archive.kept.name, archive.bytes, archive.digest())
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

    /// There is no room; whether some can be made.
    pub(super) fn make_room(&mut self, plan: &Plan<'_>) -> bool {
        self.is_full = true;
        plan.superfluous(self.whole.keys()).is_some()
    }

    /// Parts of what is wanted that are there.
    pub(super) fn progress(&self, plan: &Plan<'_>) -> usize {
        let there = |it: &Archive| match self.has_whole(it) {
            true => it.parts.len(),
            false => self.parts_of(it),
        };
        plan.wanted().map(there).sum()
    }

    /// The next thing to do; `None` when all is as it should be. `is_last` has the others sent
    /// first, `rests` is not sent at all.
    pub(super) fn next(
        &self,
        plan: &Plan<'_>,
        is_last: impl Fn(&str) -> bool,
        rests: impl Fn(&str) -> bool,
    ) -> Option<Command> {
        // Before anything is sent: it takes room, and each round may be cut short.
        if let Some(archive) = self.of_no_use(plan).cloned() {
            return Some(Command::Abandon { archive });
        }
        let superfluous = || {
            let archive = plan.superfluous(self.whole.keys()).cloned()?;
            Some(Command::Delete { archive })
        };
        if self.is_full
            && let Some(delete) = superfluous()
        {
            return Some(delete);
        }
        // What has begun is brought to its end first: where a line takes longer for one than the
        // box for the next, none would ever get there.
        let missing = plan
            .wanted()
            .filter(|it| !self.has_whole(it) && !rests(&it.kept.name))
            .min_by_key(|it| {
                let is_begun = self.parts_of(it) > 0;
                let newest_first = Reverse(it.kept.taken_millis);
                (is_last(&it.kept.name), !is_begun, newest_first)
            });
        match missing {
            Some(archive) => Some(self.send(archive)),
            None => superfluous(),
        }
    }

    /// What was being sent and is not wanted any more, lies there whole already, or has parts that
    /// the archive has not.
    fn of_no_use(&self, plan: &Plan<'_>) -> Option<&String> {
        let is_of_use = |name: &String, parts: &BTreeMap<u32, Digest>| {
            let wanted = plan.wanted().find(|it| it.kept.name == *name);
            match wanted {
                Some(it) => {
                    let count = it.parts.len() as u64;
                    !self.has_whole(it) && parts.keys().all(|part| u64::from(*part) < count)
                }
                None => plan.may_come(name),
            }
        };
        let mut begun = self.begun.iter();
        let found = begun.find(|(name, parts)| !is_of_use(name, parts));
        found.map(|(name, _)| name)
    }

    /// Of its parts, as many are there.
    fn parts_of(&self, archive: &Archive) -> usize {
        let Some(there) = self.begun.get(&archive.kept.name) else {
            return 0;
        };
        let parts = (0..).zip(&archive.parts);
        parts
            .filter(|(part, digest)| there.get(part) == Some(*digest))
            .count()
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
}
