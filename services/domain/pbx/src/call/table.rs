//! All calls: what happens to a leg, and what that means for the party at its other end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ipc::pbx::Call as CallStatus;
use ipc::sound::{Clip, Event as SoundEvent, Keeping, Request as SoundRequest, Source, Stats};
use ipc::store::Outcome;
use routing::Usage;
use sansio::Instant;
use sip::StatusCode;

use super::alarms::{Alarm, Alarms};
use super::conversation::Talk;
use super::hunt::Hunt;
use super::parking::Parked;
use super::party::{Party, Place};
use super::pin::Asked;
use super::pin_guard::PinGuard;
use super::record::{Left, Open};
use super::take::Take;
use super::{CLOSE_TIME_MAX, Key, LEAVE_TIME_MAX, Tools};
use crate::interface::Output;
use crate::leg::{EndCause, HangUp, LegEvent, LegId};

/// Every call.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(super) parties: BTreeMap<LegId, Party>,
    pub(super) hunts: BTreeMap<Key, Hunt>,
    pub(super) talks: BTreeMap<Key, Talk>,
    pub(super) parked: BTreeMap<u32, Parked>,
    /// Callers who are to enter a PIN.
    pub(super) pins: BTreeMap<LegId, Asked>,
    /// Callers who speak what is to become a prompt.
    pub(super) takes: BTreeMap<LegId, Take>,
    /// Who guessed PINs wrong lately.
    pub(super) pin_guard: PinGuard,
    /// It is to be kept for the next process.
    pub(super) pin_guard_changed: bool,
    /// Records that are not final, by id.
    pub(super) records: BTreeMap<String, Open>,
    /// Those of them that are over for the people.
    pub(super) ending: BTreeSet<String>,
    pub(super) alarms: Alarms,
    /// Numbers whose lamps may have changed.
    pub(super) changed: BTreeSet<String>,
    /// What is to be kept for the next process.
    pub(super) dirty: BTreeSet<Key>,
    /// What only rings, and is to be kept all the same.
    pub(super) ripe: BTreeSet<Key>,
    /// Legs that are kept by themselves, by key.
    pub(super) lone: BTreeMap<Key, LegId>,
    /// Keys under which something is kept.
    pub(super) kept: BTreeSet<Key>,
    /// Under which of them a record is kept that is over.
    pub(super) record_keys: BTreeMap<String, Key>,
    /// When calls of the last minute came in by each trunk that is limited.
    pub(super) inbound: BTreeMap<String, VecDeque<Instant>>,
    /// What is going on and what was spent.
    pub(super) usage: Usage,
    /// It is to be kept for the next process.
    pub(super) usage_changed: bool,
    /// What of it is to outlive a power cut.
    pub(super) spent: super::spent::Keeping,
    /// Endpoints that nobody knows any more have been closed.
    pub(super) swept: bool,
    /// How `media` was told to keep recordings.
    pub(super) keeping: Option<Keeping>,
}

impl Calls {
    /// A leg has something to tell.
    pub(crate) fn event(&mut self, tools: &mut Tools<'_>, leg: LegId, event: LegEvent) {
        if !self.parties.contains_key(&leg) {
            return;
        }
        match event {
            LegEvent::Progress { status, early } => {
                self.branch_progress(tools, leg, status, early);
            }
            LegEvent::Answered => self.branch_answered(tools, leg),
            LegEvent::Acknowledged | LegEvent::Changed => self.changed(tools, leg),
            LegEvent::Failed { status, .. } => {
                if let Some(Place::Branch(key)) = self.place(leg) {
                    self.keep_ticket(key, leg);
                }
                self.gone(tools, leg);
                self.branch_failed(tools, leg, status);
            }
            // Also while the 200 of a found call waits for a PRACK or a port: whoever was found is
            // hung up then, as after a BYE.
            LegEvent::Cancelled => self.ended(tools, leg, EndCause::PeerHungUp),
            LegEvent::Transfer(transfer) => self.transfer(tools, leg, &transfer),
            LegEvent::Digit { digit, millis } => {
                self.pass_key(tools, leg, digit, millis);
                self.key(tools, leg, digit);
            }
            LegEvent::Record(wanted) => {
                let status = self.record_asked(tools, leg, wanted);
                tools.legs.record_answered(tools.core, leg, status);
            }
            LegEvent::Ended(cause) => self.ended(tools, leg, cause),
            LegEvent::MediaRestored => self.hear_again(tools, leg),
            LegEvent::Closed(stats) => self.closed(tools, leg, &stats),
        }
    }

    /// `media` tells of something.
    pub(crate) fn sound_event(&mut self, tools: &mut Tools<'_>, event: SoundEvent) {
        match event {
            SoundEvent::Digit { id, digit, millis } => {
                let leg = LegId(id);
                self.pass_key_by_info(tools, leg, digit, millis);
                self.key(tools, leg, digit);
            }
            SoundEvent::Idle { id, seconds } => self.idle(tools, LegId(id), seconds),
            SoundEvent::ClipEnded { id } => self.clip_ended(tools, LegId(id)),
            SoundEvent::RecordingFailed { id, .. } | SoundEvent::RecordingLost { id }
                if self.take_failed(tools, LegId(id)) => {}
            SoundEvent::RecordingFailed { id, reason } => {
                self.tape_failed(tools, LegId(id), &reason);
            }
            SoundEvent::RecordingLost { id } => self.tape_lost(tools, LegId(id)),
        }
    }

    fn ended(&mut self, tools: &mut Tools<'_>, leg: LegId, cause: EndCause) {
        let left = match cause {
            EndCause::PeerHungUp => Left::HungUp,
            EndCause::PeerLost | EndCause::SessionExpired | EndCause::NoMedia => Left::Box,
        };
        let Some(place) = self.place(leg) else { return };
        match place {
            Place::Waiting(_) => {
                let (outcome, status) = match cause {
                    EndCause::PeerHungUp => (Outcome::Cancelled, StatusCode::REQUEST_TERMINATED),
                    EndCause::PeerLost | EndCause::SessionExpired | EndCause::NoMedia => {
                        (Outcome::EndedByBox, StatusCode::SERVICE_UNAVAILABLE)
                    }
                };
                self.abandoned(tools, leg, outcome, status);
            }
            Place::Branch(_) => {
                self.gone(tools, leg);
                self.branch_failed(tools, leg, StatusCode::SERVICE_UNAVAILABLE);
            }
            Place::Talk(key) => {
                self.gone(tools, leg);
                self.leave_talk(tools, key, leg, left);
            }
            Place::Transferor(key) => {
                self.gone(tools, leg);
                self.transferor_left(key, leg);
            }
            Place::Slot(slot) => {
                self.gone(tools, leg);
                self.parked_left(slot);
            }
            Place::Leaving => {
                self.pins.remove(&leg);
                self.end_records_of(tools, leg, left);
                self.gone(tools, leg);
            }
            Place::Gone => {}
        }
    }

    /// The last word of a leg.
    fn closed(&mut self, tools: &mut Tools<'_>, leg: LegId, stats: &Stats) {
        self.count(leg, stats);
        self.alarms.set(Alarm::Party(leg), None);
        // A leg that says this in the midst of a call is lost.
        if self.place(leg).is_some_and(|place| place != Place::Gone) {
            self.ended(tools, leg, EndCause::NoMedia);
            self.alarms.set(Alarm::Party(leg), None);
        }
        self.touch(leg);
        self.parties.remove(&leg);
    }

    pub(super) fn place(&self, leg: LegId) -> Option<Place> {
        self.parties.get(&leg).map(|party| party.place)
    }

    pub(super) fn put(&mut self, leg: LegId, place: Place) {
        self.touch(leg);
        self.keep_again(leg);
        if let Some(party) = self.parties.get_mut(&leg) {
            party.place = place;
        }
        self.keep_again(leg);
    }

    /// The lamps of a leg's number may have changed.
    pub(super) fn touch(&mut self, leg: LegId) {
        if let Some(party) = self.parties.get(&leg)
            && let Some(extension) = party.extension()
        {
            self.changed.insert(extension.to_owned());
        }
    }

    /// The leg is over by itself, or was hung up: only its last word is to come.
    pub(super) fn gone(&mut self, tools: &Tools<'_>, leg: LegId) {
        self.count_ended(tools, leg);
        self.tape_over(leg);
        self.takes.remove(&leg);
        self.put(leg, Place::Gone);
        let at = tools.core.now + CLOSE_TIME_MAX;
        self.alarms.set(Alarm::Party(leg), Some(at));
    }

    /// Ends a leg: refuses it, cancels it or says BYE.
    pub(super) fn hang_up(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        status: StatusCode,
        reason: Option<&'static str>,
    ) {
        if self.place(leg).is_none_or(|place| place == Place::Gone) {
            return;
        }
        let headers = Vec::new();
        let how = HangUp {
            status,
            reason,
            headers,
        };
        tools.legs.hang_up(tools.core, leg, how);
        self.gone(tools, leg);
    }

    /// Lets a party hear something, and hangs up after a while.
    pub(super) fn leave(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        source: Source,
        wait: std::time::Duration,
    ) {
        self.put(leg, Place::Leaving);
        self.hear(tools, leg, source);
        self.alarms
            .set(Alarm::Party(leg), Some(tools.core.now + wait));
    }

    /// The party is left alone; it is expected to hang up, and is helped soon.
    pub(super) fn leave_alone(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        self.leave(tools, leg, Source::Silence, LEAVE_TIME_MAX);
    }

    /// What a party hears from now on.
    pub(super) fn hear(&mut self, tools: &mut Tools<'_>, leg: LegId, source: Source) {
        let Some(party) = self.parties.get_mut(&leg) else {
            return;
        };
        if party.hears != source {
            party.hears = source.clone();
            let request = SoundRequest::Hear(leg.0, source);
            tools.core.emit(Output::Sound(request));
        }
    }

    /// `media` was restarted: it has forgotten what everybody hears.
    fn hear_again(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        if let Some(party) = self.parties.get(&leg) {
            let request = SoundRequest::Hear(leg.0, party.hears.clone());
            tools.core.emit(Output::Sound(request));
        }
        self.tape_again(tools, leg);
    }

    /// Digits were spoken to the end, or a file was played.
    fn clip_ended(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        let Some(party) = self.parties.get(&leg) else {
            return;
        };
        if !matches!(party.hears, Source::Clip(Clip::Digits(_) | Clip::File(_))) {
            return self.take_beeped(tools, leg);
        }
        match party.place {
            Place::Leaving => {
                self.alarms.set(Alarm::Party(leg), None);
                self.left(tools, leg);
            }
            Place::Waiting(key) => self.announced(tools, key),
            Place::Branch(_)
            | Place::Transferor(_)
            | Place::Talk(_)
            | Place::Slot(_)
            | Place::Gone => {}
        }
    }

    /// A party that was being told something is hung up.
    fn left(&mut self, tools: &mut Tools<'_>, leg: LegId) {
        if self.pin_over(tools, leg) {
            return;
        }
        self.end_records_of(tools, leg, Left::Box);
        self.hang_up(tools, leg, StatusCode::OK, None);
    }

    /// Works off everything whose time has come.
    pub(crate) fn timer(&mut self, tools: &mut Tools<'_>) {
        while let Some(alarm) = self.alarms.pop(tools.core.now) {
            match alarm {
                Alarm::Hunt(key) => self.hunt_timer(tools, key),
                Alarm::Talk(key) => self.end_talk(tools, key),
                Alarm::Slot(slot) => self.give_back(tools, slot),
                Alarm::Caps => self.look_at_caps(tools),
                // Looked at after every cause.
                Alarm::Spent => {}
                Alarm::Beep(key) => self.beep_over(tools, key),
                Alarm::Keep(key) => self.is_ripe(key),
                Alarm::Party(leg) if self.place(leg) == Some(Place::Gone) => {
                    self.parties.remove(&leg);
                }
                Alarm::Party(leg) => self.left(tools, leg),
            }
        }
    }

    /// When [`Self::timer`] is wanted.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.alarms.deadline()
    }

    /// After each cause: what is final is written, what goes on is kept for the next process.
    pub(crate) fn settle(&mut self, tools: &mut Tools<'_>) {
        self.finish_records(tools);
        self.checkpoint(tools);
        self.light_lamps(tools);
    }

    /// Whether every call has its final record.
    pub(crate) fn all_recorded(&self) -> bool {
        self.records.is_empty()
    }

    /// The calls that are not over, oldest first.
    pub(crate) fn status(&self, unix_millis: i64) -> Vec<CallStatus> {
        let live = self.records.values().filter(|open| !open.ended);
        live.map(|open| {
            let record = &open.record;
            let seconds = unix_millis.saturating_sub(record.started_millis) / 1000;
            CallStatus {
                id: record.id.clone(),
                from: record.from.clone(),
                to: record.to.clone(),
                state: self.state(open).to_owned(),
                seconds: u64::try_from(seconds).unwrap_or_default(),
                extensions: record.extensions.clone(),
                rung: record.rung.clone(),
            }
        })
        .collect()
    }

    fn state(&self, open: &Open) -> &'static str {
        if open.record.answered_millis.is_some() {
            return "talking";
        }
        let hunt = open.caller.and_then(|leg| match self.place(leg)? {
            Place::Waiting(key) => self.hunts.get(&key),
            Place::Branch(_)
            | Place::Transferor(_)
            | Place::Talk(_)
            | Place::Slot(_)
            | Place::Leaving
            | Place::Gone => None,
        });
        match hunt {
            Some(hunt) if hunt.rings() => "ringing",
            Some(_) | None => "calling",
        }
    }
}
