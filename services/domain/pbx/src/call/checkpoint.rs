//! Calls outlive the process (decision 0014): every talk and every parked party is kept as a row
//! whenever it changes, and the next process goes on with it. Its media endpoints go on meanwhile.
//!
//! Hunts are not kept: phones that ring are called again by whoever wants them, and the records of
//! hunts end as interrupted. Every record is kept until the store has it in its final form.

use std::time::Duration;

use config::{Class, Number, Price};
use ipc::sound::{Clip, Request as SoundRequest, Source};
use ipc::store::{CallRecord, Outcome};
use routing::{Charge, Usage, UsageState};
use sansio::Instant;
use serde::{Deserialize, Serialize};

use super::alarms::Alarm;
use super::conversation::Talk;
use super::parking::Parked;
use super::party::{Party, Place};
use super::record::Open;
use super::{Calls, Key, Tools};
use crate::interface::Output;
use crate::leg::{LegId, LegRow, Peer};
use crate::subscription::CHECKPOINT_KEYS;

/// Layout of [`Kept`]; a row of another one is of another firmware, and its call is over.
const VERSION: u8 = 2;
/// The key of what was spent: no talk gets it, and slots are small numbers.
const USAGE_KEY: Key = u64::MAX >> 1;

/// What is kept under one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Kept {
    Talk(TalkRow),
    Slot(Box<SlotRow>),
    Record(Box<CallRecord>),
    Usage(UsageState),
}

impl Kept {
    /// Whether this process would find it again under this key, to forget it when its time comes.
    fn belongs_under(&self, key: Key) -> bool {
        match self {
            // One alone has nobody to hang up on it.
            Self::Talk(row) => key != USAGE_KEY && row.members.len() > 1,
            Self::Slot(row) => key == Key::from(row.slot),
            Self::Record(_) => key != USAGE_KEY,
            Self::Usage(_) => key == USAGE_KEY,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct TalkRow {
    members: Vec<MemberRow>,
    mix: u64,
    records: Vec<RecordRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SlotRow {
    slot: u32,
    member: MemberRow,
    parker: String,
    until: Option<UntilRow>,
}

/// A moment that outlives the process: by the clock on the wall, and never further away than it
/// was when this was kept, should that clock have been set back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct UntilRow {
    at_millis: i64,
    left_millis: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct MemberRow {
    leg: LegRow,
    trunk: bool,
    peer: String,
    number: String,
    name: String,
    called: bool,
    /// When it must be over.
    until: Option<UntilRow>,
    charge: Option<ChargeRow>,
}

/// What a call by trunk is counted under.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ChargeRow {
    payer: Option<String>,
    trunk: String,
    class: Option<Class>,
    country: Option<String>,
    /// A minute and the set-up in hundredths; the least and the step in seconds.
    price: (u32, u32, u16, u16),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RecordRow {
    record: CallRecord,
    caller: Option<u64>,
    callee: Option<u64>,
}

impl Calls {
    /// Keeps what has changed.
    pub(super) fn checkpoint(&mut self, tools: &mut Tools<'_>) {
        for key in std::mem::take(&mut self.dirty) {
            let row = self.talk_row(tools, key).map(Kept::Talk);
            let row = row.or_else(|| Some(Kept::Slot(Box::new(self.slot_row(tools, key)?))));
            self.keep(tools, key, row.as_ref());
        }
        if std::mem::take(&mut self.usage_changed) {
            let usage = Kept::Usage(self.usage.state(tools.core.now));
            self.keep(tools, USAGE_KEY, Some(&usage));
        }
    }

    fn keep(&mut self, tools: &mut Tools<'_>, key: Key, kept: Option<&Kept>) {
        let call = kept.and_then(|kept| postcard::to_allocvec(&(VERSION, kept)).ok());
        let known = match call {
            Some(_) => !self.kept.insert(key),
            None => self.kept.remove(&key),
        };
        if call.is_some() || known {
            tools.core.emit(Output::Checkpoint { key, call });
        }
    }

    fn talk_row(&self, tools: &Tools<'_>, key: Key) -> Option<TalkRow> {
        let talk = self.talks.get(&key)?;
        let members: Option<Vec<MemberRow>> = talk
            .members
            .iter()
            .map(|leg| self.member_row(tools, *leg))
            .collect();
        let of_talk = |open: &&Open| {
            let legs = [open.caller, open.callee].into_iter().flatten();
            !open.ended && legs.into_iter().any(|leg| talk.members.contains(&leg))
        };
        let row = |open: &Open| RecordRow {
            record: open.record.clone(),
            caller: open.caller.map(|leg| leg.0),
            callee: open.callee.map(|leg| leg.0),
        };
        Some(TalkRow {
            members: members?,
            mix: talk.mix,
            records: self.records.values().filter(of_talk).map(row).collect(),
        })
    }

    fn slot_row(&self, tools: &Tools<'_>, key: Key) -> Option<SlotRow> {
        let slot = u32::try_from(key).ok()?;
        let parked = self.parked.get(&slot)?;
        Some(SlotRow {
            slot,
            member: self.member_row(tools, parked.leg)?,
            parker: parked.parker.clone(),
            until: self
                .alarms
                .of(Alarm::Slot(slot))
                .map(|until| kept_until(tools, until)),
        })
    }

    fn member_row(&self, tools: &Tools<'_>, leg: LegId) -> Option<MemberRow> {
        let party = self.parties.get(&leg)?;
        let (trunk, peer) = match &party.peer {
            Peer::Extension(number) => (false, number),
            Peer::Trunk(name) => (true, name),
        };
        Some(MemberRow {
            leg: tools.legs.save(tools.core, leg)?,
            trunk,
            peer: peer.clone(),
            number: party.number.clone(),
            name: party.name.clone(),
            called: party.called,
            until: party.until.map(|until| kept_until(tools, until)),
            charge: party.ticket.as_ref().map(|(_, charge)| ChargeRow {
                payer: charge.payer.as_ref().map(|payer| payer.as_str().to_owned()),
                trunk: charge.trunk.clone(),
                class: charge.class,
                country: charge.country.clone(),
                price: price_row(charge.price),
            }),
        })
    }

    /// Keeps a record until the store has it in its final form.
    pub(super) fn keep_record(&mut self, tools: &mut Tools<'_>, record: &CallRecord) {
        let known = self.record_keys.get(&record.id).copied();
        let key = known.unwrap_or_else(|| tools.key());
        self.record_keys.insert(record.id.clone(), key);
        let kept = Kept::Record(Box::new(record.clone()));
        self.keep(tools, key, Some(&kept));
    }

    /// The store has records; only the final ones are forgotten here.
    pub(crate) fn stored(&mut self, tools: &mut Tools<'_>, ids: &[String]) {
        for id in ids {
            if !self.records.contains_key(id)
                && let Some(key) = self.record_keys.remove(id)
            {
                self.keep(tools, key, None);
            }
        }
    }

    /// Goes on with the calls an earlier process kept; whatever endpoint is of none is closed.
    pub(crate) fn restore(&mut self, tools: &mut Tools<'_>, rows: &[(u64, Vec<u8>)]) {
        let ours = rows.iter().filter(|(key, _)| key & CHECKPOINT_KEYS == 0);
        let mut records = Vec::new();
        for (key, bytes) in ours {
            self.kept.insert(*key);
            match postcard::from_bytes::<(u8, Kept)>(bytes) {
                Ok((VERSION, kept)) if kept.belongs_under(*key) => match kept {
                    Kept::Talk(row) => self.restore_talk(tools, *key, row),
                    Kept::Slot(row) => self.restore_slot(tools, *row),
                    Kept::Record(record) => records.push((*key, *record)),
                    Kept::Usage(state) => self.restore_usage(tools, &state),
                },
                Ok(_) | Err(_) => self.keep(tools, *key, None),
            }
        }
        for (key, record) in records {
            self.restore_record(tools, key, record);
        }
        self.sweep(tools);
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

    /// A record that the store may not have: of a talk that goes on, of a call that was over, or of
    /// one that was still looking for somebody and was interrupted.
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
        let parties = self.parties.values_mut();
        self.alarms.set(Alarm::Caps, Some(tools.core.now));
        for (ticket, charge) in parties.filter_map(|party| party.ticket.as_mut()) {
            *ticket = self.usage.resume(tools.core.now, charge.clone());
        }
    }

    fn restore_talk(&mut self, tools: &mut Tools<'_>, key: Key, row: TalkRow) {
        let members: Vec<LegId> = row
            .members
            .into_iter()
            .map(|member| self.restore_member(tools, member, Place::Talk(key)))
            .collect();
        for RecordRow {
            record,
            caller,
            callee,
        } in row.records
        {
            let (caller, callee) = (caller.map(LegId), callee.map(LegId));
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
        let mix = row.mix;
        self.talks.insert(key, Talk { members, mix });
        self.wire(tools, key);
    }

    fn restore_slot(&mut self, tools: &mut Tools<'_>, row: SlotRow) {
        let leg = self.restore_member(tools, row.member, Place::Slot(row.slot));
        self.parked.insert(
            row.slot,
            Parked {
                leg,
                parker: row.parker,
            },
        );
        let until = row.until.map(|until| due(tools, until));
        self.alarms.set(Alarm::Slot(row.slot), until);
        self.hear(tools, leg, Source::Clip(Clip::MusicOnHold));
        self.slot_changed(row.slot);
    }

    fn restore_member(&mut self, tools: &mut Tools<'_>, row: MemberRow, place: Place) -> LegId {
        let peer = if row.trunk {
            Peer::Trunk(row.peer)
        } else {
            Peer::Extension(row.peer)
        };
        let leg = tools.legs.restore(tools.core, row.leg);
        let mut party = Party::new(peer, row.number, row.name, row.called, place);
        party.answered = true;
        party.until = row.until.map(|until| due(tools, until));
        party.ticket = row.charge.map(|row| {
            let payer = row.payer.and_then(|payer| Number::parse(&payer).ok());
            let charge = Charge {
                payer,
                trunk: row.trunk,
                class: row.class,
                country: row.country,
                price: price_of(row.price),
            };
            (self.usage.resume(tools.core.now, charge.clone()), charge)
        });
        self.parties.insert(leg, party);
        self.touch(leg);
        leg
    }
}

const fn price_row(price: Price) -> (u32, u32, u16, u16) {
    let Price {
        minute,
        setup,
        minimum,
        increment,
    } = price;
    (minute, setup, minimum, increment)
}

const fn price_of((minute, setup, minimum, increment): (u32, u32, u16, u16)) -> Price {
    Price {
        minute,
        setup,
        minimum,
        increment,
    }
}

/// When a kept moment comes, by this process's clock.
fn due(tools: &Tools<'_>, until: UntilRow) -> Instant {
    let left = until
        .at_millis
        .saturating_sub(tools.core.unix().as_millis())
        .max(0);
    let left = u64::try_from(left).unwrap_or_default();
    tools.core.now + Duration::from_millis(left.min(until.left_millis))
}

/// A moment as it is kept.
fn kept_until(tools: &Tools<'_>, until: Instant) -> UntilRow {
    let left = until - tools.core.now;
    UntilRow {
        at_millis: (tools.core.unix() + left).as_millis(),
        left_millis: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::Input;
    use crate::scripted::Rig;

    #[test]
    fn a_row_under_a_key_that_is_not_its_own_is_forgotten() {
        let mut rig = Rig::unconfigured();
        let usage = Kept::Usage(Usage::default().state(rig.now));
        let nobody = Kept::Talk(TalkRow {
            members: Vec::new(),
            mix: 1,
            records: Vec::new(),
        });
        let row = |kept: &Kept| postcard::to_allocvec(&(VERSION, kept)).expect("a row");
        rig.handle(Input::StoredCalls(vec![
            (7, row(&usage)),
            (8, row(&nobody)),
            (USAGE_KEY, row(&usage)),
        ]));
        let forgotten = rig.outputs.iter().filter_map(|output| match output {
            Output::Checkpoint { key, call: None } => Some(*key),
            _ => None,
        });
        assert_eq!(forgotten.collect::<Vec<_>>(), [7, 8]);
    }
}
