//! Sets of keys that are taken over, one by one, until the chain is full.

use firmware::StateFile;
use slot::{CHAIN_LENGTH_MAX, partition};

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
    let last = u32::try_from(CHAIN_LENGTH_MAX).unwrap_or(u32::MAX);
    for version in 2..=last + 1 {
        state.add_key_set(key_set(1), &key_set(version))?;
        site.disk().mark(version.to_string());
    }
    Ok((site.into_trace(), Box::new(TakenOver)))
}

struct TakenOver;

impl Judge for TakenOver {
    fn judge(&self, view: &View<'_>, told: &[&str], _number: usize) -> Result<(), Fault> {
        let started = start(view, view.length(), &key_set(1))?;
        let part = Part::new(view, place(&started.table, partition::BOOTSTATE)?);
        let state = StateFile::of(part, "boot state");
        let found = state.trusted(key_set(1))?.version;
        let told = told.last().and_then(|it| it.parse().ok()).unwrap_or(1);
        if !(told..=told + 1).contains(&found) {
            let what = format!("set {told} was taken over, and set {found} is trusted");
            return Err(Fault::Broken(what));
        }
        // A place that was torn must not end the chain for good.
        let last = u32::try_from(CHAIN_LENGTH_MAX).unwrap_or(u32::MAX);
        if found <= last {
            state.add_key_set(key_set(1), &key_set(found + 1))?;
            let again = state.trusted(key_set(1))?.version;
            if again != found + 1 {
                let what = format!("set {} was taken over, and {again} is trusted", found + 1);
                return Err(Fault::Broken(what));
            }
        }
        Ok(())
    }
}
