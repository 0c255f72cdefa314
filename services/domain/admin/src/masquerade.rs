//! What the pages know of a router that hides who comes in, and that it changed (R67, R68).

use std::collections::BTreeMap;

use ipc::masquerade::{Case, Listener, Report, Sighting, State};
use ipc::store::Audit;
use masquerade::{Around, Book, Sight};
use sansio::Instant;

use crate::admin::Admin;

/// What was last known.
#[derive(Debug, Default)]
pub(crate) struct Masquerade {
    states: BTreeMap<(Listener, String), State>,
    /// What came to the pages, so that what is known of it is not told again and again.
    seen: Book,
}

impl Masquerade {
    /// The worst of all.
    pub(crate) fn state(&self) -> State {
        self.states.values().copied().max().unwrap_or_default()
    }
}

impl Admin {
    /// Takes what is on the box's cables.
    pub fn is_around(&mut self, around: Around) {
        if *self.masquerade.seen.around() != around {
            self.masquerade.seen.meet(around);
        }
    }

    /// A connection to the pages began so; what of it is to be told to the process that joins what
    /// all saw.
    pub fn saw(&mut self, now: Instant, sight: Sight) -> Option<Sighting> {
        self.masquerade.seen.forget(now);
        self.masquerade.seen.see(now, sight).then(|| sight.told())
    }

    /// What was seen is to be looked at anew.
    pub(crate) fn forget_seen(&mut self) {
        self.masquerade.seen.clear(None);
    }

    /// Learns how it stands; what has changed goes into the trail, as nobody did it.
    pub fn take_masquerade(&mut self, report: &Report) {
        let of = |case: &Case| ((case.listener, case.address.clone()), case.state);
        let states = report.cases.iter().map(of);
        let states: BTreeMap<_, _> = states.filter(|(_, it)| *it != State::None).collect();
        let before = std::mem::replace(&mut self.masquerade.states, states);
        let mut changes: Vec<_> = before
            .keys()
            .filter(|at| !self.masquerade.states.contains_key(*at))
            .map(|at| (at.clone(), State::None))
            .collect();
        let now = self.masquerade.states.iter();
        let now = now.filter(|(at, state)| before.get(*at) != Some(*state));
        changes.extend(now.map(|(at, state)| (at.clone(), *state)));
        for ((listener, address), after) in changes {
            let was = before.get(&(listener, address.clone()));
            let was = was.copied().unwrap_or_default();
            let case = report.cases.iter();
            let mut case = case.filter(|it| (it.listener, &it.address) == (listener, &address));
            let why = case.next().map(why).unwrap_or_default();
            self.note(Audit {
                who: THE_BOX.into(),
                from: "guard".into(),
                action: format!("masquerade at {} by {address}", listener.name()),
                before: was.name().into(),
                after: format!("{}{why}", after.name()),
            });
        }
    }
}

/// The signals of a case, as ` (far 52, attack)`.
fn why(case: &Case) -> String {
    let signals = case.evidence.iter().map(|it| {
        let values = it.values.iter().map(|value| format!(" {value}"));
        format!("{}{}", it.signal.name(), values.collect::<String>())
    });
    match signals.collect::<Vec<_>>() {
        all if all.is_empty() => String::new(),
        all => format!(" ({})", all.join(", ")),
    }
}

/// Who did it, in the trail; no login has a space.
const THE_BOX: &str = "the box";
