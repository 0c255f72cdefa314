//! Dialogs that are over, remembered for a while: who wants the place of one is told that it is
//! over, and not that there never was one (RFC 3891 §3).

use std::collections::VecDeque;
use std::time::Duration;

use sansio::Instant;

use super::state::{Leg, Phase};
use super::table::Legs;
use super::{LegId, Replaced};

/// How long the end of a dialog is remembered: a person presses the key under a lamp that has just
/// gone out.
const TIME_MAX: Duration = Duration::from_secs(60);
/// How many are remembered: those of a minute at a site of the largest size.
const ENDED_MAX: usize = 1024;

/// The dialogs that ended last, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ended(VecDeque<One>);

#[derive(Debug)]
struct One {
    at: Instant,
    leg: LegId,
    call_id: String,
    /// The peer's tag in each of its dialogs.
    tags: Vec<String>,
}

impl Ended {
    /// A leg is gone.
    pub(super) fn add(&mut self, now: Instant, leg: &Leg) {
        let overdue = |one: &One| now - one.at > TIME_MAX;
        while self.0.len() >= ENDED_MAX || self.0.front().is_some_and(overdue) {
            self.0.pop_front();
        }
        let tags: Vec<String> = leg.peer_tags().map(str::to_owned).collect();
        if !tags.is_empty() {
            self.0.push_back(One {
                at: now,
                leg: leg.id,
                call_id: leg.dialog.call_id.clone(),
                tags,
            });
        }
    }

    fn has(&self, now: Instant, leg: LegId, replaced: &Replaced) -> bool {
        self.0.iter().any(|one| {
            one.leg == leg
                && now - one.at <= TIME_MAX
                && one.call_id == replaced.call_id
                && one.tags.contains(&replaced.from_tag)
        })
    }
}

impl Legs {
    /// Whether the dialog that a Replaces names was one of ours and is over.
    pub(crate) fn has_ended(&self, now: Instant, replaced: &Replaced) -> bool {
        let Some(id) = LegId::of_tag(&replaced.to_tag) else {
            return false;
        };
        match self.legs.get(&id) {
            Some(leg) => {
                leg.phase == Phase::Over
                    && leg.dialog.call_id == replaced.call_id
                    && leg.peer_tags().any(|tag| tag == replaced.from_tag)
            }
            None => self.ended.has(now, id, replaced),
        }
    }
}
