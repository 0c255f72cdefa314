//! What outlives a restart: what was sent, and what people must know.

use ipc::store::backup_file_millis;
use serde::{Deserialize, Deserializer, Serialize};

use super::events::{Archive, Digest};
use super::steps::There;
use crate::plan::{self, Kept};

/// Copies that are remembered; more than a place keeps.
const COPIES_MAX: usize = 128;

/// What a process tells the next one. As bytes, it is what `serde` makes of it; a later version may
/// add to it, and an earlier one reads what it knows.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The place that the rest is about.
    pub(super) place: Option<String>,
    /// When it was first known, milliseconds since 1970.
    pub(super) since_millis: Option<i64>,
    /// What was sent there and is there whole, as far as is known.
    pub(super) copies: Vec<Copied>,
    /// What was deleted there while the box had it: sent again, it would be too much again.
    pub(super) gone: Vec<String>,
    /// Why the last round came to nothing.
    #[serde(deserialize_with = "known")]
    pub(super) trouble: Option<Trouble>,
}

/// One that only a later version knows is none: the next round says what it is.
fn known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Trouble>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).ok())
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

    /// It was deleted there; `here` where the box still has it.
    pub(super) fn deleted(&mut self, name: String, is_here: bool) {
        self.forget(&name);
        if is_here && !self.gone.contains(&name) {
            self.gone.push(name);
        }
    }

    /// What is on the box now.
    pub(super) fn here(&mut self, here: &[Archive]) {
        let is_here = |name: &String| here.iter().any(|it| it.kept.name == *name);
        self.gone.retain(is_here);
    }

    /// The place is known; `now` where the clock is believed. A date ahead was made by a clock
    /// that was wrong.
    pub(super) fn since(&mut self, now_millis: Option<i64>) {
        let is_wrong = |since: i64| now_millis.is_some_and(|now| plan::is_ahead(since, now));
        if self.place.is_some() && self.since_millis.is_none_or(is_wrong) {
            self.since_millis = now_millis;
        }
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

    /// A round, or all of it, came to nothing.
    pub(super) fn failed(&mut self, trouble: Trouble) {
        // A place that cannot be reached has not got better by that.
        let is_less = |known| !matches!(known, Trouble::Away | Trouble::Overdue);
        if trouble != Trouble::Away || !self.trouble.is_some_and(is_less) {
            self.trouble = Some(trouble);
        }
    }

    /// It is that no longer.
    pub(super) fn is_better(&mut self, trouble: Trouble) {
        if self.trouble == Some(trouble) {
            self.trouble = None;
        }
    }

    /// What people must know; `now` where the clock is believed. `is_stuck` where nothing has got
    /// there for so long by the box's own count of time, which needs no clock.
    pub(super) fn alarm(&self, now_millis: Option<i64>, is_stuck: bool) -> Option<Trouble> {
        self.place.as_ref()?;
        match self.trouble {
            Some(Trouble::Away | Trouble::Overdue) | None => {
                (is_stuck || self.is_overdue(now_millis)).then_some(Trouble::Overdue)
            }
            trouble => trouble,
        }
    }

    /// Whether neither a copy nor the place itself is of the last two days.
    fn is_overdue(&self, now_millis: Option<i64>) -> bool {
        let (Some(now_millis), Some(since)) = (now_millis, self.since_millis) else {
            return false;
        };
        let is_new = now_millis.saturating_sub(since) <= plan::OVERDUE_MILLIS;
        !is_new && plan::is_overdue(now_millis, &self.kept())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_kept_is_read_as_far_as_it_is_known() {
        let digest = "00".repeat(32);
        let copy = format!(r#"{{"name":"0001790000000.backup","bytes":5,"digest":"{digest}"}}"#);
        let later = format!(
            r#"{{"place":"p","since_millis":7,"copies":[{copy}],"trouble":"Later","more":1}}"#
        );
        let memory: Memory = serde_json::from_str(&later).expect("it is read");
        assert_eq!(memory.trouble, None);
        assert_eq!(memory.since_millis, Some(7));
        assert!(memory.has("0001790000000.backup"));
        let first: Memory =
            serde_json::from_str(r#"{"place":"p","trouble":"Invalid"}"#).expect("it is read");
        assert_eq!(first.trouble, Some(Trouble::Invalid));
        assert_eq!(first.copies, []);
    }
}
