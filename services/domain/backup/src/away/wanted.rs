//! What is to be at the place, of what is here and there: one plan for what is sent and for what
//! is deleted, so that nothing is sent that would be deleted.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use ipc::store::backup_file_millis;

use super::events::Archive;
use super::memory::Memory;
use crate::plan::{AWAY, Kept};

/// See the module header.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    here: &'a [Archive],
    memory: &'a Memory,
    now_millis: Option<i64>,
    /// Of what is here, newest first.
    wanted: Vec<&'a Archive>,
    is_complete: bool,
    /// Names, also of what is not here.
    stay: BTreeSet<String>,
}

impl<'a> Plan<'a> {
    /// `now_millis` where the clock is believed. Without it nothing is too old, and so nothing is
    /// sent beyond as many as are kept.
    pub(super) fn of(here: &'a [Archive], memory: &'a Memory, now_millis: Option<i64>) -> Self {
        let is_good = |it: &&Archive| {
            let name = &it.kept.name;
            it.kept.is_verified && is_ours(name) && it.is_sound() && !memory.gone.contains(name)
        };
        let mut wanted: Vec<&Archive> = here.iter().filter(is_good).collect();
        let mut all: Vec<Kept> = wanted.iter().map(|it| it.kept.clone()).collect();
        let is_here = |it: &Kept| wanted.iter().any(|here| here.kept.name == it.name);
        all.extend(memory.kept().into_iter().filter(|it| !is_here(it)));
        let surplus = now_millis.map(|now| AWAY.superfluous(now, &all));
        let surplus: BTreeSet<String> = surplus.into_iter().flatten().collect();
        all.retain(|it| !surplus.contains(&it.name));
        let stay: BTreeSet<String> = all.into_iter().map(|it| it.name).collect();
        wanted.retain(|it| stay.contains(&it.kept.name));
        wanted.sort_by_key(|it| Reverse(it.kept.taken_millis));
        let all_wanted = wanted.len();
        if stay.len() > AWAY.files {
            let mut room = AWAY.files.saturating_sub(memory.kept().len());
            wanted.retain(|it| {
                let has = memory.has(&it.kept.name);
                let fits = has || room > 0;
                room = room.saturating_sub(usize::from(!has));
                fits
            });
        }
        Self {
            here,
            memory,
            now_millis,
            is_complete: wanted.len() == all_wanted,
            wanted,
            stay,
        }
    }

    /// What is to be there of what is here, newest first.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &'a Archive> {
        self.wanted.iter().copied()
    }

    /// Whether nothing is left out for want of a clock.
    pub(super) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether it may be sent once its parts are known.
    pub(super) fn may_come(&self, name: &str) -> bool {
        let mut here = self.here.iter();
        here.any(|it| it.kept.name == name && it.kept.is_verified && it.parts.is_empty())
    }

    /// What may be deleted of these that are there: of the copies those that do not stay; and what
    /// is not as it was sent, or was sent by a box that knew more, once it is as old and enough
    /// copies are newer. The last copies are counted among what is there alone, as others may not
    /// have been sent yet. The newest goes first, so that those dated ahead go while the copy is
    /// there whose age says so.
    pub(super) fn superfluous<'b>(
        &self,
        there: impl Iterator<Item = &'b String>,
    ) -> Option<&'b String> {
        let now_millis = self.now_millis?;
        let kept = self.memory.kept();
        let last = AWAY.last(now_millis, &kept);
        let limit = AWAY.limit(now_millis);
        let newer = kept.iter().filter(|it| it.taken_millis >= limit).count();
        let is_old = |name: &str| backup_file_millis(name).is_some_and(|at| at < limit);
        let may_go = |name: &&String| match self.memory.has(name) {
            true => !self.stay.contains(*name) && !last.iter().any(|it| it.name == **name),
            false => newer >= AWAY.verified && is_old(name),
        };
        there.filter(may_go).max()
    }
}

/// Whether it is the name of an archive that proved good.
pub(super) fn is_ours(name: &str) -> bool {
    backup_file_millis(name).is_some() && name.ends_with(".backup")
}
