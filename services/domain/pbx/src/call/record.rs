//! Call records: one for each accepted INVITE, and one for each later connection of two parties who
//! did not call each other.
//!
//! A record names two legs, the caller's and the callee's. It ends when either of them leaves, and
//! is final once the last word of each leg that is over has come, with what passed through it.

use ipc::sound::Stats;
use ipc::store::{AudioReport, CallRecord, Outcome, RUNG_MAX};
use sansio::UnixTime;

use super::party::Place;
use super::{Calls, Tools};
use crate::interface::Event;
use crate::leg::{LegId, Legs};

/// A record that is not final.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) record: CallRecord,
    pub(super) caller: Option<LegId>,
    pub(super) callee: Option<LegId>,
    pub(super) ended: bool,
}

/// What a new record says.
pub(super) struct Begun {
    pub(super) from: String,
    pub(super) to: String,
    /// Address of the caller.
    pub(super) source: std::net::IpAddr,
    pub(super) caller: Option<LegId>,
}

impl Calls {
    /// Opens a record; gives its id.
    pub(super) fn open_record(&mut self, tools: &mut Tools<'_>, begun: Begun) -> String {
        let started = tools.core.unix();
        let id = record_id(tools, started);
        let extension = begun.caller.and_then(|leg| self.extension_of(leg));
        let record = CallRecord {
            id: id.clone(),
            from: begun.from,
            to: begun.to,
            source: begun.source.to_string(),
            started_millis: started.as_millis(),
            extensions: extension.into_iter().collect(),
            ..CallRecord::default()
        };
        tools.core.event(Event::CallStarted {
            id: id.clone(),
            from: record.from.clone(),
            to: record.to.clone(),
            source: begun.source,
        });
        tools.core.persist(&record);
        self.keep_record(tools, &record);
        let (caller, callee, ended) = (begun.caller, None, false);
        let open = Open {
            record,
            caller,
            callee,
            ended,
        };
        self.records.insert(id.clone(), open);
        if let Some(caller) = caller {
            self.note_record(tools, caller, &id);
        }
        id
    }

    /// A record of two who talk without having called each other.
    pub(super) fn open_record_between(&mut self, tools: &mut Tools<'_>, from: LegId, to: LegId) {
        let number = |leg| self.parties.get(&leg).map(|party| party.number.clone());
        let (Some(from_number), Some(to_number)) = (number(from), number(to)) else {
            return;
        };
        let Some(flow) = tools.legs.flow(from) else {
            return;
        };
        let begun = Begun {
            from: from_number,
            to: to_number,
            source: flow.remote.ip(),
            caller: Some(from),
        };
        let id = self.open_record(tools, begun);
        self.record_answered(tools, &id, to);
    }

    /// Whether an open record is about these two.
    pub(super) fn have_record(&self, one: LegId, other: LegId) -> bool {
        self.records.values().any(|open| {
            let legs = [open.caller, open.callee];
            !open.ended && legs.contains(&Some(one)) && legs.contains(&Some(other))
        })
    }

    fn note_record(&mut self, tools: &mut Tools<'_>, leg: LegId, id: &str) {
        tell_leg(tools, leg, id);
        let known = &self.records;
        if let Some(party) = self.parties.get_mut(&leg) {
            party.records.retain(|one| known.contains_key(one));
            party.records.push(id.to_owned());
        }
        self.name_recording(leg, id);
    }

    /// The call was answered by this leg.
    pub(super) fn record_answered(&mut self, tools: &mut Tools<'_>, id: &str, callee: LegId) {
        let trunk = self.trunk_between(id, callee);
        let extension = self.extension_of(callee);
        let Some(open) = self.records.get_mut(id).filter(|open| !open.ended) else {
            return;
        };
        open.callee = Some(callee);
        open.record.trunk = trunk;
        take_part(&mut open.record, extension);
        open.record.answered_millis = Some(tools.core.unix().as_millis());
        open.record.status = sip::StatusCode::OK.code();
        tools.core.persist(&open.record);
        tools.core.event(Event::CallAnswered { id: id.to_owned() });
        self.note_record(tools, callee, id);
    }

    /// A record's call is for these, whether or not they take it.
    pub(super) fn is_for<'a>(&mut self, id: &str, numbers: impl IntoIterator<Item = &'a String>) {
        let Some(open) = self.records.get_mut(id) else {
            return;
        };
        let rung = &mut open.record.rung;
        for number in numbers {
            if rung.len() < RUNG_MAX && !rung.contains(number) {
                rung.push(number.clone());
            }
        }
    }

    fn extension_of(&self, leg: LegId) -> Option<String> {
        let extension = self.parties.get(&leg)?.extension();
        extension.map(ToOwned::to_owned)
    }

    fn trunk_between(&self, id: &str, callee: LegId) -> String {
        let caller = self.records.get(id).and_then(|open| open.caller);
        let legs = [Some(callee), caller].into_iter().flatten();
        let mut trunks = legs.filter_map(|leg| self.parties.get(&leg)?.trunk());
        trunks.next().unwrap_or_default().to_owned()
    }

    /// Somebody else took the place of a leg in its records.
    pub(super) fn replace_in_records(
        &mut self,
        tools: &mut Tools<'_>,
        before: LegId,
        after: LegId,
    ) {
        let mut ids = Vec::new();
        let extension = self.extension_of(after);
        for (id, open) in self.records.iter_mut().filter(|(_, open)| !open.ended) {
            for role in [&mut open.caller, &mut open.callee] {
                if *role == Some(before) {
                    *role = Some(after);
                    ids.push(id.clone());
                    take_part(&mut open.record, extension.clone());
                }
            }
        }
        for id in ids {
            self.note_record(tools, after, &id);
        }
    }

    /// The Call-IDs of the legs that are there, each with the id of its call's record; a leg may
    /// be in several.
    pub(crate) fn call_ids(&self, legs: &Legs) -> Vec<(String, String)> {
        let noted = self.parties.iter().flat_map(|(leg, party)| {
            let records = party.records.iter();
            records.map(move |id| (id, *leg))
        });
        let ringing = self.hunts.values().flat_map(|hunt| {
            let branches = hunt.branches.iter();
            branches.map(move |branch| (&hunt.record, branch.leg))
        });
        let all = noted.chain(ringing);
        all.filter_map(|(id, leg)| Some((id.clone(), legs.dialog(leg)?.call_id)))
            .collect()
    }

    /// A record's call is over.
    pub(super) fn end_record(
        &mut self,
        tools: &mut Tools<'_>,
        id: &str,
        outcome: Outcome,
        status: u16,
    ) {
        let Some(open) = self.records.get_mut(id).filter(|open| !open.ended) else {
            return;
        };
        open.ended = true;
        open.record.ended_millis = Some(tools.core.unix().as_millis());
        open.record.outcome = outcome;
        open.record.status = status;
        tools.core.event(Event::CallEnded {
            id: id.to_owned(),
            outcome,
            status,
        });
        let record = open.record.clone();
        self.ending.insert(id.to_owned());
        self.keep_record(tools, &record);
    }

    /// Every answered record that a leg is in ends, because the leg left of its own or was lost.
    pub(super) fn end_records_of(&mut self, tools: &mut Tools<'_>, leg: LegId, left: Left<'_>) {
        let ids = self.parties.get(&leg).map(|party| party.records.clone());
        for id in ids.unwrap_or_default() {
            let Some(open) = self.records.get_mut(&id).filter(|open| !open.ended) else {
                continue;
            };
            let outcome = match &left {
                Left::HungUp if open.caller == Some(leg) => Outcome::EndedByCaller,
                Left::HungUp => Outcome::EndedByCallee,
                Left::WasHungUp if open.caller == Some(leg) => Outcome::EndedByCallee,
                Left::WasHungUp => Outcome::EndedByCaller,
                Left::Box => Outcome::EndedByBox,
                Left::Transferred(to) => {
                    open.record.transferred_to = (*to).to_owned();
                    Outcome::Transferred
                }
            };
            let status = open.record.status;
            self.end_record(tools, &id, outcome, status);
        }
    }

    /// Takes the last word of a leg.
    pub(super) fn count(&mut self, leg: LegId, stats: &Stats) {
        let ids = self.parties.get(&leg).map(|party| party.records.clone());
        for id in ids.unwrap_or_default() {
            let Some(open) = self.records.get_mut(&id) else {
                continue;
            };
            let record = &mut open.record;
            record.dtmf_digits = record.dtmf_digits.saturating_add(stats.dtmf_digits);
            if open.caller == Some(leg) {
                record.packets_to_caller = stats.sent;
                record.caller_audio = report(stats);
            } else if open.callee == Some(leg) {
                record.packets_to_callee = stats.sent;
                record.callee_audio = report(stats);
            }
        }
    }

    /// Writes the records whose legs have all said their last word.
    pub(super) fn finish_records(&mut self, tools: &mut Tools<'_>) {
        let open = |leg: Option<LegId>| {
            let party = leg.and_then(|leg| self.parties.get(&leg));
            party.is_some_and(|party| party.place == Place::Gone)
        };
        let finished: Vec<String> = self
            .ending
            .iter()
            .filter(|id| {
                let record = self.records.get(*id);
                record.is_none_or(|record| !open(record.caller) && !open(record.callee))
            })
            .cloned()
            .collect();
        for id in finished {
            self.ending.remove(&id);
            if let Some(open) = self.records.remove(&id) {
                self.keep_record(tools, &open.record);
                tools.core.persist(&open.record);
            }
        }
    }
}

/// How a leg left.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// Its peer hung up.
    HungUp,
    /// Whoever it talked with hung up.
    WasHungUp,
    /// It was lost, or the box ended it.
    Box,
    /// It made way for this number.
    Transferred(&'a str),
}

/// Tells by which Call-ID a leg of a call is known.
pub(super) fn tell_leg(tools: &mut Tools<'_>, leg: LegId, id: &str) {
    if let Some(dialog) = tools.legs.dialog(leg) {
        tools.core.call_leg(id, &dialog.call_id);
    }
}

/// An extension was in the call.
fn take_part(record: &mut CallRecord, extension: Option<String>) {
    if let Some(extension) = extension
        && !record.extensions.contains(&extension)
    {
        record.extensions.push(extension);
    }
}

/// Sorts by time, and is never used twice.
fn record_id(tools: &mut Tools<'_>, started: UnixTime) -> String {
    let random = tools.core.sip.new_tag();
    let random = random.get(..8).unwrap_or_default();
    format!("{:013}-{random}", started.as_millis().max(0))
}

fn report(stats: &Stats) -> AudioReport {
    let place = |address: Option<std::net::SocketAddr>| {
        address
            .map(|address| address.to_string())
            .unwrap_or_default()
    };
    AudioReport {
        codec: stats.codec.clone(),
        received: stats.received,
        lost: stats.lost,
        jitter_micros: stats.jitter_micros,
        mos_hundredths: stats.mos_hundredths,
        source: place(stats.source),
        described: place(stats.described),
    }
}
