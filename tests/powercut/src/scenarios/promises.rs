//! What a box promises of its firmware, from one thing that people were told to the next.

use firmware::{Medium as _, StateFile};
use slot::{Condition, Slot, partition};

use super::Judge;
use super::site::{Version, key_set};
use crate::fault::Fault;
use crate::part::Part;
use crate::start::{Started, place, start};
use crate::view::View;

/// What holds from the moment on that people were told something.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// What they were told.
    pub told: &'static str,
    /// One of these is started, and nothing else.
    pub versions: &'static [&'static str],
    /// The security number is at least this.
    pub floor: u64,
    /// Keys at least of this set are trusted.
    pub keys: u32,
}

/// Judges by promises: the last one that was given counts.
#[derive(Debug)]
pub struct Promises {
    /// Every version there is.
    pub versions: &'static [Version],
    /// In their order; the first one holds from the beginning.
    pub promises: &'static [Promise],
}

impl Promises {
    fn last(&self, told: &[&str]) -> Result<&Promise, Fault> {
        let last = told.last().copied().unwrap_or_default();
        let found = self.promises.iter().find(|it| it.told == last);
        found.ok_or_else(|| Fault::broken(format!("nothing is promised for \"{last}\"")))
    }

    /// Whether a slot holds all of a version, to its last byte.
    fn whole(&self, view: &View<'_>, started: &Started, slot: Slot) -> Result<bool, Fault> {
        let part = Part::new(view, place(&started.table, partition::of_slot(slot))?);
        let holds = |version: &Version| -> Result<bool, Fault> {
            let wanted = version.slot();
            let mut found = vec![0; wanted.len()];
            part.read_at(&mut found, 0)?;
            Ok(found == wanted)
        };
        for version in self.versions {
            if holds(version)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Judge for Promises {
    fn judge(&self, view: &View<'_>, told: &[&str], _number: usize) -> Result<(), Fault> {
        let promise = self.last(told)?;
        let started = start(view, view.length(), &key_set(1))?;
        let version = started.header.version;
        if !promise.versions.contains(&version.as_str()) {
            let (told, wanted) = (promise.told, promise.versions.join(" or "));
            let what = format!("after \"{told}\", {version} is started in place of {wanted}");
            return Err(Fault::Broken(what));
        }
        let found = started
            .found
            .ok_or_else(|| Fault::broken("the boot state is lost"))?;
        for slot in Slot::BOTH {
            let may_start = match found.slot(slot).condition {
                Condition::Trying(_) | Condition::Good(_) => true,
                Condition::Empty | Condition::Bad => false,
            };
            if may_start && !self.whole(view, &started, slot)? {
                let name = slot.name();
                let what = format!("slot {name} may be started and is not whole");
                return Err(Fault::Broken(what));
            }
        }
        if found.security_floor < promise.floor {
            return Err(Fault::broken("the security number went back"));
        }
        let part = Part::new(view, place(&started.table, partition::BOOTSTATE)?);
        let trusted = StateFile::of(part, "boot state").trusted(key_set(1))?;
        match trusted.version >= promise.keys {
            true => Ok(()),
            false => Err(Fault::broken("a set of keys that was taken over is lost")),
        }
    }
}
