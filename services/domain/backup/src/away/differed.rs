//! What the place had otherwise than it was sent, so that it is not sent to it again and again.

use std::collections::BTreeMap;

use sansio::Instant;

use super::events::Archive;

/// Archives whose sum, or parts of them whose digest, was another one at the place. Of this
/// process only: the next one may try again.
#[derive(Debug, Default)]
pub(super) struct Differed(BTreeMap<String, BTreeMap<Option<u32>, Times>>);

#[derive(Debug)]
struct Times {
    count: u32,
    /// Not sent before.
    until: Instant,
}

/// Once may be the line; twice is the place.
const TRIES: u32 = 2;

impl Differed {
    /// The part of it, or with `None` the whole, differs. Whether it rests now, until then.
    pub(super) fn note(&mut self, name: &str, part: Option<u32>, until: Instant) -> bool {
        let parts = self.0.entry(name.to_owned()).or_default();
        let times = parts.entry(part).or_insert(Times { count: 0, until });
        times.count = times.count.saturating_add(1);
        times.until = until;
        times.count >= TRIES
    }

    pub(super) fn part_is_right(&mut self, name: &str, part: u32) {
        if let Some(parts) = self.0.get_mut(name) {
            parts.remove(&Some(part));
            if parts.is_empty() {
                self.0.remove(name);
            }
        }
    }

    pub(super) fn is_right(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// What is not on the box is sent no more.
    pub(super) fn here(&mut self, here: &[Archive]) {
        self.0
            .retain(|name, _| here.iter().any(|it| it.kept.name == *name));
    }

    /// It may be that again: others go first.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// It is not sent now.
    pub(super) fn rests(&self, name: &str, now: Instant) -> bool {
        let mut parts = self.0.get(name).into_iter().flat_map(BTreeMap::values);
        parts.any(|it| it.count >= TRIES && now < it.until)
    }
}
