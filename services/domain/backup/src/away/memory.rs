//! What outlives a restart: what was sent, and what people must know.

use ipc::store::backup_file_millis;
use serde::{Deserialize, Serialize};

use super::events::{Archive, Digest};
use super::steps::There;
use crate::plan::{INTERVAL_MILLIS, Kept};

/// Copies that are remembered; more than a place keeps.
const COPIES_MAX: usize = 128;

/// What a process tells the next one. As bytes, it is what `serde` makes of it; a later version may
/// add to it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The place that the rest is about.
    pub(super) place: Option<String>,
    /// When it was first known, milliseconds since 1970.
    pub(super) since_millis: Option<i64>,
    /// What was sent there and is there whole, as far as is known.
    pub(super) copies: Vec<Copied>,
    /// Why the last round came to nothing.
    pub(super) trouble: Option<Trouble>,
}

/// A copy of an archive, as it was sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Copied {
    name: String,
    bytes: u64,
    digest: Digest,
}

impl Copied {
    fn taken_millis(&self) -> i64 {
        backup_file_millis(&self.name).unwrap_or_default()
    }
}

/// Why copies do not get away from the box.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Trouble {
    /// The place takes the credential no longer (R25): nothing is asked of it meanwhile. Backups
    /// on the box go on.
    Invalid,
    /// There is no room.
    Full,
    /// It has something else than was sent.
    Differs,
    /// What it answers is no answer.
    NoSense,
    /// It cannot be reached; for people once it has been so for [`Self::Overdue`].
    Away,
    /// No copy of the last two days is there.
    Overdue,
}

impl Memory {
    /// Of a place that nothing is known of.
    pub(super) fn of(place: Option<String>) -> Self {
        Self {
            place,
            ..Self::default()
        }
    }

    /// What is there, oldest first.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let kept = |it: &Copied| Kept {
            name: it.name.clone(),
            taken_millis: it.taken_millis(),
            is_verified: true,
        };
        self.copies.iter().map(kept).collect()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.copies.iter().any(|it| it.name == name)
    }

    /// The place has said that it has this one as it was sent.
    pub(super) fn copied(&mut self, name: String, bytes: u64, digest: Digest) {
        self.forget(&name);
        self.copies.push(Copied {
            name,
            bytes,
            digest,
        });
        self.copies.sort_by(|a, b| a.name.cmp(&b.name));
        let surplus = self.copies.len().saturating_sub(COPIES_MAX);
        self.copies.drain(..surplus);
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.copies.retain(|it| it.name != name);
    }

    /// What the place lists: what is not there as it was sent is no copy; what is there as the box
    /// has it is one.
    pub(super) fn compare(&mut self, there: &There, here: &[Archive]) {
        self.copies
            .retain(|it| there.has(&it.name, it.bytes, it.digest));
        for archive in here.iter().filter(|it| it.kept.is_verified) {
            let name = &archive.kept.name;
            if !self.has(name) && there.has(name, archive.bytes, archive.digest()) {
                self.copied(name.clone(), archive.bytes, archive.digest());
            }
        }
    }

    /// What people must know; `now` where the clock is believed.
    pub(super) fn alarm(&self, now_millis: Option<i64>) -> Option<Trouble> {
        self.place.as_ref()?;
        match self.trouble {
            Some(Trouble::Away | Trouble::Overdue) | None => {
                let newest = self.copies.iter().map(Copied::taken_millis);
                let newest = newest.chain(self.since_millis).max();
                let age = now_millis?.saturating_sub(newest?);
                (age > 2 * INTERVAL_MILLIS).then_some(Trouble::Overdue)
            }
            trouble => trouble,
        }
    }
}
