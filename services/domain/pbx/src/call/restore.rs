//! Takes over the calls of an earlier process (decision 0014).
//!
//! What was answered goes on. A party that waited for somebody is given back to whoever it was
//! with, or he is called again, as when nobody is found; what rang is cancelled, and a caller who
//! was not answered is refused; whoever was told something is hung up soon.

use std::time::Duration;

use ::routing::{Usage, UsageState};
use ipc::sound::Request as SoundRequest;
use ipc::store::{CallRecord, Outcome};
use sip::StatusCode;

use super::alarms::Alarm;
use super::checkpoint::lone_key;
use super::conversation::Talk;
use super::hunt::{Aim, Hunt};
use super::kept::{
    AimRow, HuntRow, Kept, LeavingRow, MemberRow, RecordRow, SlotRow, TalkRow, VERSION,
};
use super::parking::Parked;
use super::party::{Party, Place};
use super::plan::Plan;
use super::record::Open;
use super::{Calls, Key, LEAVE_TIME_MAX, Tools};
use crate::interface::Output;
use crate::leg::{KeptLeg, LegId, Peer};
use crate::routing;
use crate::subscription::CHECKPOINT_KEYS;

/// When somebody is looked for again: not before the configuration and the registrations are here.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What is looked at when everything that goes on is known.
#[derive(Default)]
struct Rest {
    ends: Vec<KeptLeg>,
    records: Vec<(Key, CallRecord)>,
}

impl Calls {
    /// Goes on with the calls an earlier process kept; whatever endpoint is of none is closed.
    pub(crate) fn restore(&mut self, tools: &mut Tools<'_>, rows: &[(u64, Vec<u8>)]) {
        let ours = rows.iter().filter(|(key, _)| key & CHECKPOINT_KEYS == 0);
        tools.core.calls_changed = true;
        let mut rest = Rest::default();
        for (key, bytes) in ours {
            self.kept.insert(*key);
            match postcard::from_bytes::<(u8, Kept)>(bytes) {
                Ok((VERSION, kept)) if kept.belongs_under(*key) => {
                    self.restore_kept(tools, *key, kept, &mut rest)
                }
                Ok(_) | Err(_) => self.keep(tools, *key, None),
            }
        }
        for leg in rest.ends {
            self.end_kept(tools, leg);
        }
        for (key, record) in rest.records {
            self.restore_record(tools, key, record);
        }
        self.sweep(tools);
    }

    fn restore_kept(&mut self, tools: &mut Tools<'_>, key: Key, kept: Kept, rest: &mut Rest) {
        match kept {
            Kept::Talk(row) => self.restore_talk(tools, key, row, rest),
            Kept::Slot(row) => self.restore_slot(tools, *row, rest),
            Kept::Hunt(row) => self.restore_hunt(tools, key, *row, rest),
            Kept::Leaving(row) => self.restore_leaving(tools, *row, rest),
            Kept::Gone(leg) => rest.ends.push(leg),
            Kept::Record(record) => return rest.records.push((key, *record)),
            Kept::Usage(state) => return self.restore_usage(tools, &state),
            Kept::Pins(rows) => return self.pin_guard.restore(&rows, tools.core.now),
        }
        // What was kept may not be what is: who rang does so no more.
        self.dirty.insert(key);
    }

    /// Closes every endpoint that belongs to no call, once.
    pub(crate) fn sweep(&mut self, tools: &mut Tools<'_>) {
        if !self.swept {
            self.swept = true;
            let known = self.parties.keys().map(|leg| leg.0).collect();
            tools
                .core
                .emit(Output::Sound(SoundRequest::KeepOnly(known)));
        }
    }

    /// A record that the store may not have: of a call that goes on, of one that was over, or of
    /// one that was interrupted.
    fn restore_record(&mut self, tools: &mut Tools<'_>, key: Key, mut record: CallRecord) {
        self.record_keys.insert(record.id.clone(), key);
        if self.records.contains_key(&record.id) {
            return;
        }
        if record.outcome == Outcome::Ongoing {
            record.outcome = Outcome::Interrupted;
            record.ended_millis = Some(tools.core.unix().as_millis());
            self.keep_record(tools, &record);
        }
        tools.core.persist(&record);
    }

    /// Takes back what was spent; calls in progress are counted on as they come back, whatever the
    /// order of the rows.
    fn restore_usage(&mut self, tools: &Tools<'_>, state: &UsageState) {
        self.usage = Usage::restored(state, tools.core.now);
        self.spent_is_known(tools);
        let parties = self.parties.values_mut();
        self.alarms.set(Alarm::Caps, Some(tools.core.now));
        for (ticket, charge) in parties.filter_map(|party| party.ticket.as_mut()) {
            *ticket = self.usage.resume(tools.core.now, charge.clone());
        }
    }

    fn restore_talk(&mut self, tools: &mut Tools<'_>, key: Key, row: TalkRow, rest: &mut Rest) {
        let members = row.members;
        if !members.iter().all(MemberRow::is_answered) {
            // One was about to be answered: there is nobody for the others to talk with.
            rest.ends
                .extend(members.into_iter().map(|member| member.leg));
            return;
        }
        let members = members.into_iter();
        let members =
            members.filter_map(|it| self.restore_member(tools, it, Place::Talk(key), rest));
        let members: Vec<LegId> = members.collect();
        self.restore_records(row.records);
        let mix = row.mix;
        self.talks.insert(key, Talk { members, mix });
        self.wire(tools, key);
    }

    fn restore_slot(&mut self, tools: &mut Tools<'_>, row: SlotRow, rest: &mut Rest) {
        let slot = row.slot;
        let Some(leg) = self.restore_member(tools, row.member, Place::Slot(slot), rest) else {
            return;
        };
        self.restore_records(row.records);
        let parker = row.parker;
        self.parked.insert(slot, Parked { leg, parker });
        let until = row.until.map(|until| until.due(tools));
        self.alarms.set(Alarm::Slot(slot), until);
        let music = routing::music(tools.core);
        self.hear(tools, leg, music);
        self.slot_changed(slot);
    }

    fn restore_hunt(&mut self, tools: &mut Tools<'_>, key: Key, row: HuntRow, rest: &mut Rest) {
        rest.ends.extend(row.branches);
        if !row.waiting.is_answered() {
            rest.ends.push(row.waiting.leg);
            if let AimRow::Transfer {
                transferor: Some(transferor),
                ..
            } = row.aim
            {
                rest.ends.push(transferor.leg);
            }
            return;
        }
        let aim = match row.aim {
            AimRow::Call => Aim::Call,
            AimRow::Recall => Aim::Recall,
            AimRow::Transfer {
                transferor,
                told,
                extension,
            } => Aim::Transfer {
                transferor: transferor
                    .and_then(|it| self.restore_member(tools, *it, Place::Transferor(key), rest)),
                told: LegId(told),
                extension,
            },
        };
        let Some(waiting) = self.restore_member(tools, row.waiting, Place::Waiting(key), rest)
        else {
            return;
        };
        self.restore_records(row.records);
        let mut hunt = Hunt::new(waiting, &row.record, aim, Plan::default());
        hunt.interrupted = true;
        self.hunts.insert(key, hunt);
        let at = tools.core.now + LOOK_AGAIN_AFTER;
        self.alarms.set(Alarm::Hunt(key), Some(at));
        let music = routing::music(tools.core);
        self.hear(tools, waiting, music);
    }

    fn restore_leaving(&mut self, tools: &mut Tools<'_>, row: LeavingRow, rest: &mut Rest) {
        let Some(leg) = self.restore_member(tools, row.member, Place::Leaving, rest) else {
            return;
        };
        self.restore_records(row.records);
        self.keep_again(leg);
        let at = tools.core.now + LEAVE_TIME_MAX;
        self.alarms.set(Alarm::Party(leg), Some(at));
    }

    fn restore_records(&mut self, rows: Vec<RecordRow>) {
        for row in rows {
            let (caller, callee) = (row.caller.map(LegId), row.callee.map(LegId));
            let record = row.record;
            for leg in [caller, callee].into_iter().flatten() {
                if let Some(party) = self.parties.get_mut(&leg) {
                    party.records.push(record.id.clone());
                }
            }
            let open = Open {
                record,
                caller,
                callee,
                ended: false,
            };
            self.records.insert(open.record.id.clone(), open);
        }
    }

    /// A party goes on; one that was not answered is ended, and `None`.
    fn restore_member(
        &mut self,
        tools: &mut Tools<'_>,
        row: MemberRow,
        place: Place,
        rest: &mut Rest,
    ) -> Option<LegId> {
        let kept = match row.leg {
            KeptLeg::Answered(kept) => *kept,
            invite @ KeptLeg::Invite(_) => {
                rest.ends.push(invite);
                return None;
            }
        };
        let peer = match row.trunk {
            true => Peer::Trunk(row.peer),
            false => Peer::Extension(row.peer),
        };
        let leg = tools.legs.restore(tools.core, kept);
        let mut party = Party::new(peer, row.number, row.name, row.called, place);
        party.answered = true;
        party.withheld = row.withheld;
        party.taping = row.taping;
        party.until = row.until.map(|until| until.due(tools));
        party.ticket = row.charge.map(|row| {
            let charge = row.charge();
            (self.usage.resume(tools.core.now, charge.clone()), charge)
        });
        self.parties.insert(leg, party);
        self.touch(leg);
        Some(leg)
    }

    /// The peer of a leg that nobody goes on with is told so.
    fn end_kept(&mut self, tools: &mut Tools<'_>, kept: KeptLeg) {
        if let Some(leg) = tools.legs.end(tools.core, kept) {
            self.lone.insert(lone_key(leg), leg);
            self.dirty.insert(lone_key(leg));
        }
    }

    /// A hunt was interrupted by the end of a process: as if it had found nobody.
    pub(super) fn look_again(&mut self, tools: &mut Tools<'_>, key: Key) {
        let to = self
            .hunts
            .get(&key)
            .and_then(|hunt| self.records.get(&hunt.record));
        let to = to.map_or_else(String::new, |open| open.record.to.clone());
        let Some(hunt) = self.take_hunt(tools, key, None) else {
            return;
        };
        self.end_record(tools, &hunt.record, Outcome::Interrupted, 0);
        let status = StatusCode::SERVICE_UNAVAILABLE;
        match hunt.aim {
            Aim::Call => self.hang_up(tools, hunt.waiting, status, None),
            Aim::Recall if to.is_empty() => self.recall_parked(tools, hunt.waiting, ""),
            Aim::Recall => self.recall(tools, hunt.waiting, &to),
            Aim::Transfer {
                transferor,
                told,
                extension,
            } => {
                tools.legs.transfer_progress(tools.core, told, status);
                self.transfer_failed(tools, hunt.waiting, transferor, &extension);
            }
        }
    }
}
