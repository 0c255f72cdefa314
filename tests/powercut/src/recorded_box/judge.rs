//! Judges what a cut left of a real box's disk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;

use firmware::{KeyPlace, Medium};
use qemu::leftovers::Scratch;
use sha2::{Digest as _, Sha256};
use slot::{HEADER_LENGTH, Header, KeySet, Slot, layout, partition};

use super::lives::{INSTALLED, RESET, RESETTING, UPDATING};
use crate::fault::Fault;
use crate::file_system::{Data, Stored};
use crate::part::Part;
use crate::scenarios::Judge;
use crate::start::{Started, place, read_table, start};
use crate::trace::{SECTOR_LENGTH, Trace};
use crate::view::View;

/// Judges states of a recorded box.
pub(crate) struct BoxJudge {
    keys: KeySet,
    length: u64,
    /// The digest of the root and its hashes, which both versions have.
    root: [u8; 32],
    every: usize,
    scratch: Scratch,
    /// What starting came to, by what it depends on: the same outside of the data is the same.
    starts: Mutex<BTreeMap<u64, Known>>,
}

/// What a start has found.
#[derive(Clone, Debug)]
struct Known {
    slot: Slot,
    key: KeyPlace,
    data: Option<(u64, u64)>,
}

impl BoxJudge {
    pub(super) fn new(trace: &Trace, keys: KeySet, every: usize) -> Result<Self, Fault> {
        let nothing = BTreeMap::new();
        let shipped = View::new(trace, &nothing, &nothing);
        let (table, _) = read_table(&shipped, trace.length)?;
        let slot = Part::new(&shipped, place(&table, partition::SLOT_A)?);
        let mut header = vec![0; HEADER_LENGTH];
        slot.read_at(&mut header, 0)?;
        let header = Header::decode(&header).map_err(|it| Fault::broken(it.to_string()))?;
        Ok(Self {
            keys,
            length: trace.length,
            root: digest(&slot, &header)?,
            every: every.max(1),
            scratch: Scratch::new()?,
            starts: Mutex::default(),
        })
    }

    fn start(&self, view: &View<'_>) -> Result<Known, Fault> {
        let fingerprint = view.fingerprint(&self.outside_of_the_data());
        let known = self.starts.lock().map(|it| it.get(&fingerprint).cloned());
        if let Ok(Some(known)) = known {
            return Ok(known);
        }
        let started = start(view, self.length, &self.keys)?;
        self.is_whole(view, &started)?;
        let known = Known {
            slot: started.slot,
            key: started.key,
            data: place(&started.table, partition::DATA).ok(),
        };
        if let Ok(mut starts) = self.starts.lock() {
            starts.insert(fingerprint, known.clone());
        }
        Ok(known)
    }

    /// The loader looks at what it starts; the system reads the rest, to the last block.
    fn is_whole(&self, view: &View<'_>, started: &Started) -> Result<(), Fault> {
        let place = place(&started.table, partition::of_slot(started.slot))?;
        match digest(&Part::new(view, place), &started.header)? == self.root {
            true => Ok(()),
            false => Err(Fault::Broken(format!(
                "slot {} was started, and its root is not whole",
                started.slot.name()
            ))),
        }
    }

    /// The partitions before the data, and the second table behind them.
    fn outside_of_the_data(&self) -> [Range<u64>; 2] {
        let data = image::disk::IMAGE_LENGTH - layout::ALIGNMENT;
        let tail = self.length - 64 * SECTOR_LENGTH;
        [
            0..data / SECTOR_LENGTH,
            tail / SECTOR_LENGTH..self.length / SECTOR_LENGTH,
        ]
    }

    /// A folder for this thread alone.
    fn folder(&self) -> Result<PathBuf, Fault> {
        let name = format!("{:?}", std::thread::current().id());
        let name: String = name.chars().filter(char::is_ascii_digit).collect();
        let folder = self.scratch.path().join(name);
        std::fs::create_dir_all(&folder).map_err(|it| Fault::file(&folder, it))?;
        Ok(folder)
    }
}

/// Of a slot's root and its hashes.
fn digest<D: Medium>(slot: &Part<'_, D>, header: &Header) -> Result<[u8; 32], Fault> {
    let mut digest = Sha256::new();
    for extent in [header.root, header.verity] {
        let mut bytes = vec![0; usize::try_from(extent.length).unwrap_or_default()];
        slot.read_at(&mut bytes, extent.start)?;
        digest.update(&bytes);
    }
    Ok(digest.finalize().into())
}

/// Which slots may be started, by what was told: the version before, or while another is on its way
/// that one, and only that one once it was said to be installed.
fn may_start(told: &[&str]) -> &'static [Slot] {
    if told.contains(&INSTALLED) {
        &[Slot::B]
    } else if told.contains(&UPDATING) {
        &[Slot::A, Slot::B]
    } else {
        &[Slot::A]
    }
}

/// What was told before and after a factory reset.
fn around_the_reset<'t, 'w>(told: &'t [&'w str]) -> (&'t [&'w str], &'t [&'w str]) {
    match told.iter().position(|it| *it == RESET) {
        None => (&[], told),
        Some(at) => {
            let (before, after) = told.split_at(at);
            (before, after.get(1..).unwrap_or_default())
        }
    }
}

/// The extensions that were created and acknowledged.
fn extensions<'t>(told: &'t [&str]) -> impl Iterator<Item = &'t str> {
    let is_number = |it: &&str| it.bytes().all(|byte| byte.is_ascii_digit());
    told.iter().copied().filter(is_number)
}

/// What is stored is what was acknowledged since the factory reset, and nothing of before.
fn compare(stored: &Stored, told: &[&str]) -> Result<(), Fault> {
    let (before, since) = around_the_reset(told);
    if !stored.warning.is_empty() {
        return Err(Fault::Broken(format!("the store says: {}", stored.warning)));
    }
    if !since.is_empty() && !stored.was_there {
        return Err(Fault::broken("the box was ready, and its database is gone"));
    }
    let has = |number: &str| stored.extensions.iter().any(|it| it == number);
    if let Some(lost) = extensions(since).find(|it| !has(it)) {
        return Err(Fault::Broken(format!(
            "extension {lost} was created and acknowledged, and is lost"
        )));
    }
    match extensions(before).find(|it| has(it)) {
        None => Ok(()),
        Some(left) => Err(Fault::Broken(format!(
            "extension {left} is still there after the factory reset"
        ))),
    }
}

impl Judge for BoxJudge {
    fn judge(&self, view: &View<'_>, told: &[&str], number: usize) -> Result<(), Fault> {
        let known = self.start(view)?;
        if !may_start(told).contains(&known.slot) {
            let what = format!(
                "slot {:?} was started after: {}",
                known.slot,
                told.join("; ")
            );
            return Err(Fault::Broken(what));
        }
        let (_, since) = around_the_reset(told);
        let KeyPlace::Kept {
            is_formatted: true,
            payload,
            ..
        } = &known.key
        else {
            return match since.is_empty() || since.contains(&RESETTING) {
                true => Ok(()),
                false => Err(Fault::broken(
                    "the box was ready, and its data are to be made anew",
                )),
            };
        };
        let place = known.data.ok_or_else(|| {
            Fault::broken("the file system was made, and there is no partition for it")
        })?;
        let data = Data::new(view, place, payload)?;
        if !data.has_file_system()? {
            return Err(Fault::broken("the file system was made, and is not there"));
        }
        if !number.is_multiple_of(self.every) {
            return Ok(());
        }
        compare(&data.stored(&self.folder()?)?, told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: [&str; 8] = [
        "ready", "100", UPDATING, INSTALLED, RESETTING, RESET, "ready", "200",
    ];

    #[test]
    fn the_version_that_may_be_started_is_the_one_that_was_told() {
        for (told, wanted) in [
            (0, &[Slot::A][..]),
            (2, &[Slot::A]),
            (3, &[Slot::A, Slot::B]),
            (4, &[Slot::B]),
            (8, &[Slot::B]),
        ] {
            assert_eq!(may_start(&TOLD[..told]), wanted, "{told}");
        }
    }

    #[test]
    fn what_was_acknowledged_has_to_be_there_and_after_a_factory_reset_nothing_of_before() {
        let stored = |extensions: &[&str]| Stored {
            extensions: extensions.iter().map(|it| (*it).to_owned()).collect(),
            warning: String::new(),
            was_there: true,
        };
        for (told, extensions, is_right) in [
            (1, &[][..], true),
            (2, &[], false),
            (2, &["100"], true),
            (2, &["100", "101"], true),
            (5, &[], false),
            (5, &["100"], true),
            (6, &[], true),
            (6, &["100"], false),
            (8, &[], false),
            (8, &["200"], true),
            (8, &["100", "200"], false),
        ] {
            let compared = compare(&stored(extensions), &TOLD[..told]);
            assert_eq!(compared.is_ok(), is_right, "{told}: {extensions:?}");
        }
    }
}
