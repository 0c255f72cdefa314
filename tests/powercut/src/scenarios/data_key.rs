//! The key of the data: made, used, destroyed by a factory reset, made again.

use firmware::{KeyPlace, Medium as _, Protection};
use gpt::Table;
use slot::partition;

use super::site::{Site, Version, key_set};
use super::{Judge, Recorded};
use crate::fault::Fault;
use crate::part::Part;
use crate::start::{place, start};
use crate::view::View;

pub(super) fn make() -> Recorded {
    let version = Version {
        name: "1.0.0",
        security: 0,
        keys: 1,
    };
    let site = Site::shipped(&version)?;
    let state = site.state()?;
    for key in KEYS {
        state.keep_key(&kept(key, false))?;
        site.disk().mark(MADE);
        state.keep_key(&kept(key, true))?;
        site.disk().mark(STORED);
        state.change(|it| it.wants_reset = true)?;
        site.disk().mark(ASKED);
        state.reset_when_asked()?;
        site.disk().mark(FORGOTTEN);
    }
    Ok((site.into_trace(), Box::new(AllOrNothing)))
}

struct AllOrNothing;

impl Judge for AllOrNothing {
    fn judge(&self, view: &View<'_>, told: &[&str], _number: usize) -> Result<(), Fault> {
        let started = start(view, view.length(), &key_set(1))?;
        // How often data were forgotten says whose turn it is.
        let forgotten = told.iter().filter(|it| **it == FORGOTTEN).count();
        for old in KEYS.iter().take(forgotten) {
            never_again(view, &started.table, *old)?;
        }
        let Some(key) = KEYS.get(forgotten) else {
            return expect(started.key == KeyPlace::Empty, "a key came from nowhere");
        };
        let is_kept = started.key == kept(*key, true);
        let is_new = started.key == kept(*key, false);
        let is_gone = started.key == KeyPlace::Empty;
        let is_destroyed = started.was_reset || told.last() == Some(&ASKED);
        if is_gone && is_destroyed {
            never_again(view, &started.table, *key)?;
        }
        match told.last().copied() {
            None | Some(FORGOTTEN) => expect(is_gone || is_new, "the key is not a whole one"),
            Some(MADE) => expect(is_new || is_kept, "the key that was made is lost"),
            Some(STORED) => {
                let is_right = is_kept || (is_gone && started.was_reset);
                expect(is_right, "what was stored is lost without a factory reset")
            }
            Some(_) => expect(is_gone, "the factory reset was forgotten"),
        }
    }
}

/// Nothing of a key is left in the partition.
pub(super) fn never_again(view: &View<'_>, table: &Table, key: [u8; 64]) -> Result<(), Fault> {
    let place = place(table, partition::BOOTSTATE)?;
    let mut all = vec![0; usize::try_from(place.1).unwrap_or(0)];
    Part::new(view, place).read_at(&mut all, 0)?;
    let is_there = all.windows(16).any(|it| Some(it) == key.get(..16));
    expect(!is_there, "a key that was destroyed is still on the disk")
}

pub(super) fn expect(is_so: bool, otherwise: &str) -> Result<(), Fault> {
    match is_so {
        true => Ok(()),
        false => Err(Fault::broken(otherwise)),
    }
}

fn kept(key: [u8; 64], is_formatted: bool) -> KeyPlace {
    KeyPlace::Kept {
        protection: Protection::None,
        is_formatted,
        payload: key.to_vec(),
        paper: None,
        before: None,
    }
}

/// Longer than a sector would tear: the CRC lies seven sectors behind.
const KEYS: [[u8; 64]; 2] = [[0x17; 64], [0x29; 64]];

const MADE: &str = "key made";
const STORED: &str = "file system made";
const ASKED: &str = "factory reset asked for";
const FORGOTTEN: &str = "factory reset done";
