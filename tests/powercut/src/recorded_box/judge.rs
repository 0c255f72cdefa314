//! Judges what a cut left of a real box's disk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;

use firmware::KeyPlace;
use qemu::leftovers::Scratch;
use slot::{KeySet, Slot, layout, partition};

use super::{PROVED_TOLD, READY_TOLD};
use crate::fault::Fault;
use crate::file_system::Data;
use crate::scenarios::Judge;
use crate::start::{place, start};
use crate::trace::SECTOR_LENGTH;
use crate::view::View;

/// Judges states of a recorded box.
pub(crate) struct BoxJudge {
    keys: KeySet,
    length: u64,
    every: usize,
    scratch: Scratch,
    /// What starting came to, by what it depends on: the same outside of the data is the same.
    starts: Mutex<BTreeMap<u64, Known>>,
}

/// What a start has found.
#[derive(Clone, Debug)]
struct Known {
    key: KeyPlace,
    data: Option<(u64, u64)>,
}

impl BoxJudge {
    pub(super) fn new(keys: KeySet, length: u64, every: usize) -> Result<Self, Fault> {
        Ok(Self {
            keys,
            length,
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
        if started.slot != Slot::A {
            return Err(Fault::broken("a slot was started that holds nothing"));
        }
        let known = Known {
            key: started.key,
            data: place(&started.table, partition::DATA).ok(),
        };
        if let Ok(mut starts) = self.starts.lock() {
            starts.insert(fingerprint, known.clone());
        }
        Ok(known)
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

impl Judge for BoxJudge {
    fn judge(&self, view: &View<'_>, told: &[&str], number: usize) -> Result<(), Fault> {
        let known = self.start(view)?;
        let KeyPlace::Kept {
            is_formatted: true,
            payload,
            ..
        } = &known.key
        else {
            return match told.is_empty() {
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
        let stored = data.stored(&self.folder()?)?;
        if !stored.warning.is_empty() {
            return Err(Fault::Broken(format!("the store says: {}", stored.warning)));
        }
        if !told.is_empty() && !stored.was_there {
            return Err(Fault::broken("the box was ready, and its database is gone"));
        }
        let extensions = told
            .iter()
            .filter(|it| ![READY_TOLD, PROVED_TOLD].contains(it));
        let mut lost = extensions.filter(|it| !stored.extensions.iter().any(|has| has == *it));
        match lost.next() {
            None => Ok(()),
            Some(lost) => Err(Fault::Broken(format!(
                "extension {lost} was created and acknowledged, and is lost"
            ))),
        }
    }
}
