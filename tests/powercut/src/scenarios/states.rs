//! Changes of the boot state, each known by its sequence number.

use slot::{BootState, Reason, Refusal, Slot};

use super::site::{Site, Version, key_set};
use super::{Judge, Recorded};
use crate::fault::Fault;
use crate::start::start;
use crate::view::View;

pub(super) fn make() -> Recorded {
    let version = Version {
        name: "1.0.0",
        security: u64::MAX,
        keys: 1,
    };
    let site = Site::shipped(&version)?;
    let state = site.state()?;
    let mut known = vec![BootState::shipped(), state.read()?];
    for round in 0..ROUNDS {
        for change in CHANGES {
            state.change(|it| change(it, round))?;
            let now = state.read()?;
            if Some(&now) != known.last() {
                site.disk().mark(now.sequence.to_string());
                known.push(now);
            }
        }
    }
    Ok((site.into_trace(), Box::new(Known(known))))
}

/// Every state there was, in its order.
struct Known(Vec<BootState>);

impl Judge for Known {
    fn judge(&self, view: &View<'_>, told: &[&str], _number: usize) -> Result<(), Fault> {
        let started = start(view, view.length(), &key_set(1))?;
        let found = started
            .found
            .ok_or_else(|| Fault::broken("the boot state is lost"))?;
        if !self.0.contains(&found) {
            return Err(Fault::broken("the boot state is one that nobody wrote"));
        }
        let told = told.last().and_then(|it| it.parse().ok()).unwrap_or(2);
        match (told..=told + 1).contains(&found.sequence) {
            true => Ok(()),
            false => Err(Fault::broken(format!(
                "change {told} was acknowledged, and the state is that of {}",
                found.sequence
            ))),
        }
    }
}

/// What happens to a boot state. Slot A stays one that may be started.
const CHANGES: [fn(&mut BootState, u8); 6] = [
    |state, _| {
        state.choose(&Refusal::default());
    },
    |state, round| state.commit(Slot::A, u64::from(round), 1),
    |state, round| state.note(Some(Slot::B), Reason::Unhealthy, round),
    |state, _| {
        state.begin_install(Slot::A);
    },
    |state, _| state.wants_rescue = !state.wants_rescue,
    |state, _| state.commit(Slot::A, 0, 1),
];

const ROUNDS: u8 = 4;
