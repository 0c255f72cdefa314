//! What is kept of calls for the next process, as rows (decision 0014).

use std::time::Duration;

use config::{Class, Number, Price};
use ipc::store::CallRecord;
use routing::{Charge, UsageState};
use sansio::Instant;
use serde::{Deserialize, Serialize};

use super::checkpoint::lone_key;
use super::party::Party;
use super::pin_guard::Row as PinRow;
use super::taping::Taping;
use super::{Calls, Key, Tools};
use crate::leg::{KeptLeg, LegId, Peer};

/// Layout of [`Kept`]; a row of another one is of another firmware, and its call is over.
pub(super) const VERSION: u8 = 6;
/// The key of what was spent: no talk gets it, and slots are small numbers.
pub(super) const USAGE_KEY: Key = u64::MAX >> 1;
/// The key of who guessed PINs wrong.
pub(super) const PINS_KEY: Key = USAGE_KEY - 1;

/// What is kept under one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Kept {
    /// Parties that hear each other.
    Talk(TalkRow),
    /// A parked party.
    Slot(Box<SlotRow>),
    /// A party that waits for somebody, and who rings.
    Hunt(Box<HuntRow>),
    /// A party that is told something and then hung up.
    Leaving(Box<LeavingRow>),
    /// A leg that is over for everybody here, but not yet for its peer.
    Gone(KeptLeg),
    Record(Box<CallRecord>),
    Usage(UsageState),
    Pins(Vec<PinRow>),
}

impl Kept {
    /// Whether this process would find it again under this key, to forget it when its time comes.
    pub(super) fn belongs_under(&self, key: Key) -> bool {
        let of_all = [USAGE_KEY, PINS_KEY].contains(&key);
        match self {
            // One alone has nobody to hang up on it.
            Self::Talk(row) => !of_all && row.members.len() > 1,
            Self::Slot(row) => key == Key::from(row.slot),
            Self::Hunt(_) | Self::Record(_) => !of_all,
            Self::Leaving(row) => key == lone_key(row.member.leg.id()),
            Self::Gone(leg) => key == lone_key(leg.id()),
            Self::Usage(_) => key == USAGE_KEY,
            Self::Pins(_) => key == PINS_KEY,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TalkRow {
    pub(super) members: Vec<MemberRow>,
    pub(super) mix: u64,
    pub(super) records: Vec<RecordRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SlotRow {
    pub(super) slot: u32,
    pub(super) member: MemberRow,
    pub(super) parker: String,
    pub(super) until: Option<UntilRow>,
    pub(super) records: Vec<RecordRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HuntRow {
    pub(super) waiting: MemberRow,
    /// Id of its record.
    pub(super) record: String,
    pub(super) aim: AimRow,
    pub(super) records: Vec<RecordRow>,
    /// Who rings.
    pub(super) branches: Vec<KeptLeg>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum AimRow {
    Call,
    Transfer {
        transferor: Option<Box<MemberRow>>,
        told: u64,
        extension: String,
    },
    Recall,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LeavingRow {
    pub(super) member: MemberRow,
    pub(super) records: Vec<RecordRow>,
}

/// A moment that outlives the process: by the clock on the wall, and never further away than it
/// was when this was kept, should that clock have been set back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct UntilRow {
    at_millis: i64,
    left_millis: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MemberRow {
    pub(super) leg: KeptLeg,
    pub(super) trunk: bool,
    pub(super) peer: String,
    pub(super) number: String,
    pub(super) name: String,
    pub(super) withheld: bool,
    pub(super) called: bool,
    /// When it must be over.
    pub(super) until: Option<UntilRow>,
    pub(super) charge: Option<ChargeRow>,
    pub(super) taping: Taping,
}

/// What a call by trunk is counted under.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ChargeRow {
    payer: Option<String>,
    trunk: String,
    class: Option<Class>,
    country: Option<String>,
    /// A minute and the set-up in hundredths; the least and the step in seconds.
    price: (u32, u32, u16, u16),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RecordRow {
    pub(super) record: CallRecord,
    pub(super) caller: Option<u64>,
    pub(super) callee: Option<u64>,
}

impl MemberRow {
    /// It was answered, so that it can go on.
    pub(super) const fn is_answered(&self) -> bool {
        matches!(self.leg, KeptLeg::Answered(_))
    }
}

impl Calls {
    /// A party as it is kept; `None` when nothing was said to its peer yet.
    pub(super) fn member_row(&self, tools: &Tools<'_>, leg: LegId) -> Option<MemberRow> {
        let party = self.parties.get(&leg)?;
        let (trunk, peer) = match &party.peer {
            Peer::Extension(number) => (false, number),
            Peer::Trunk(name) => (true, name),
        };
        Some(MemberRow {
            leg: tools.legs.keep(tools.core, leg)?,
            trunk,
            peer: peer.clone(),
            number: party.number.clone(),
            name: party.name.clone(),
            withheld: party.withheld,
            called: party.called,
            until: party.until.map(|until| UntilRow::of(tools, until)),
            charge: party
                .ticket
                .as_ref()
                .map(|(_, charge)| ChargeRow::of(charge)),
            taping: party.taping.clone(),
        })
    }

    /// The records of parties that are not over.
    pub(super) fn record_rows(&self, legs: &[LegId]) -> Vec<RecordRow> {
        let parties = legs.iter().filter_map(|leg| self.parties.get(leg));
        let mut ids: Vec<&String> = parties.flat_map(|party: &Party| &party.records).collect();
        ids.sort_unstable();
        ids.dedup();
        let open = ids.into_iter().filter_map(|id| self.records.get(id));
        let rows = open.filter(|open| !open.ended).map(|open| RecordRow {
            record: open.record.clone(),
            caller: open.caller.map(|leg| leg.0),
            callee: open.callee.map(|leg| leg.0),
        });
        rows.collect()
    }
}

impl ChargeRow {
    fn of(charge: &Charge) -> Self {
        Self {
            payer: charge.payer.as_ref().map(|payer| payer.as_str().to_owned()),
            trunk: charge.trunk.clone(),
            class: charge.class,
            country: charge.country.clone(),
            price: price_row(charge.price),
        }
    }

    /// As it was.
    pub(super) fn charge(self) -> Charge {
        Charge {
            payer: self.payer.and_then(|payer| Number::parse(&payer).ok()),
            trunk: self.trunk,
            class: self.class,
            country: self.country,
            price: price_of(self.price),
        }
    }
}

impl UntilRow {
    /// A moment as it is kept.
    pub(super) fn of(tools: &Tools<'_>, until: Instant) -> Self {
        let left = until - tools.core.now;
        Self {
            at_millis: (tools.core.unix() + left).as_millis(),
            left_millis: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// When a kept moment comes, by this process's clock.
    pub(super) fn due(self, tools: &Tools<'_>) -> Instant {
        let now = tools.core.unix().as_millis();
        let left = self.at_millis.saturating_sub(now).max(0);
        let left = u64::try_from(left).unwrap_or_default();
        tools.core.now + Duration::from_millis(left.min(self.left_millis))
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

#[cfg(test)]
mod tests {
    use routing::Usage;

    use super::*;
    use crate::interface::{Input, Output};
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
