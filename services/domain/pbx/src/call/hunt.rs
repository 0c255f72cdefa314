//! A hunt: a party waits, and somebody is looked for: stages of targets, the first answer wins.
//!
//! The waiting party is a caller who has not been answered, or somebody who was in a call and is
//! being transferred, recalled or forwarded. The first hears what its own phone plays; the second
//! hears the box: music, then ringing.

use std::collections::VecDeque;
use std::time::Duration;

use ::routing::Ticket;
use ipc::sound::Source;
use ipc::store::Outcome;
use sansio::Instant;
use sip::StatusCode;

use super::alarms::Alarm;
use super::announcement::Telling;
use super::branch::Branch;
use super::call_back::CallingBack;
use super::expected::Expected;
use super::party::Place;
use super::plan::{Plan, Ring, Stage, Target};
use super::verdict::{is_busy, verdict};
use super::{COMPLETED_ELSEWHERE, Calls, HOPS_DEFAULT, Key, Tools};
use crate::leg::LegId;
use crate::routing;

/// Somebody who is looked for.
#[derive(Debug)]
pub(super) struct Hunt {
    pub(super) waiting: LegId,
    /// Id of its record.
    pub(super) record: String,
    pub(super) aim: Aim,
    pub(super) stages: VecDeque<Stage>,
    /// The stage that runs.
    pub(super) ring: Option<Ring>,
    /// Targets of it that ring later.
    pub(super) later: Vec<(Instant, Target)>,
    pub(super) branches: Vec<Branch>,
    /// Those who ring as soon as they are back.
    pub(super) expected: Vec<Expected>,
    /// The last words of those who failed.
    pub(super) failures: Vec<u16>,
    /// Those of the stage that runs.
    pub(super) stage_failures: Vec<u16>,
    /// Somebody rang for as long as he may.
    pub(super) timed_out: bool,
    /// Max-Forwards for the next leg.
    pub(super) hops: u8,
    /// Diversion that the caller's INVITE brought.
    pub(super) diversion: Option<String>,
    /// Why the last who forwarded the call did (RFC 5806).
    pub(super) reason: &'static str,
    /// No limit turns it away.
    pub(super) emergency: bool,
    /// The waiting party does not show its number.
    pub(super) withheld: bool,
    /// What a trunk's attempt is counted under, while the next trunk is tried.
    pub(super) ticket: Option<Ticket>,
    /// Provisional statuses the waiting party was told.
    pub(super) told: Vec<StatusCode>,
    /// The branch whose early media the waiting party hears.
    pub(super) early: Option<LegId>,
    /// The waiting party was given a description, so it hears what we play.
    pub(super) early_told: bool,
    /// The process that began it is no more.
    pub(super) interrupted: bool,
    /// What the box tells the waiting party before anybody else is looked for.
    pub(super) telling: Telling,
    /// Whether somebody is called back.
    pub(super) calling_back: CallingBack,
}

/// What a hunt is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Aim {
    /// An INVITE.
    Call,
    /// A transfer.
    Transfer {
        /// Who asked for it, while it is there.
        transferor: Option<LegId>,
        /// Who is told how it goes, also after its BYE (RFC 3515 §2.4.4).
        told: LegId,
        /// Its extension, which is called back when the transfer fails.
        extension: String,
    },
    /// A party is given back to whoever parked or transferred it.
    Recall,
}

impl Hunt {
    pub(super) fn new(waiting: LegId, record: &str, aim: Aim, plan: Plan) -> Self {
        Self {
            waiting,
            record: record.to_owned(),
            aim,
            stages: plan.stages,
            ring: None,
            later: Vec::new(),
            branches: Vec::new(),
            expected: Vec::new(),
            failures: Vec::new(),
            stage_failures: Vec::new(),
            timed_out: false,
            hops: HOPS_DEFAULT,
            diversion: None,
            reason: "unconditional",
            emergency: plan.emergency,
            withheld: plan.withheld,
            ticket: None,
            told: Vec::new(),
            early: None,
            early_told: false,
            interrupted: false,
            telling: Telling::Nothing,
            calling_back: CallingBack::No,
        }
    }

    /// Whether somebody rings.
    pub(super) fn rings(&self) -> bool {
        self.branches.iter().any(|branch| branch.rings)
    }

    fn deadline(&self) -> Option<Instant> {
        let later = self.later.iter().map(|(at, _)| *at);
        later
            .chain(self.branches.iter().map(|branch| branch.until))
            .chain(self.expected.iter().map(|one| one.give_up))
            .min()
    }
}

impl Calls {
    /// Begins to look.
    pub(super) fn start(&mut self, tools: &mut Tools<'_>, hunt: Hunt) -> Key {
        let key = tools.key();
        let waiting = hunt.waiting;
        self.put(waiting, Place::Waiting(key));
        if let Aim::Transfer {
            transferor: Some(transferor),
            ..
        } = hunt.aim
        {
            self.put(transferor, Place::Transferor(key));
        }
        if self
            .parties
            .get(&waiting)
            .is_some_and(|party| party.answered)
        {
            let music = routing::music(tools.core);
            self.hear(tools, waiting, music);
        }
        self.hunts.insert(key, hunt);
        self.next_stage(tools, key);
        key
    }

    /// Begins the next stage that has somebody to ring, or gives up.
    pub(super) fn next_stage(&mut self, tools: &mut Tools<'_>, key: Key) {
        loop {
            let next = self.hunts.get(&key).and_then(|hunt| hunt.stages.front());
            if !next.is_some_and(Stage::is_trunk) {
                // Its channel is free while phones ring.
                self.drop_ticket(tools, key);
            }
            let Some(hunt) = self.hunts.get_mut(&key) else {
                return;
            };
            match hunt.stages.pop_front() {
                Some(Stage::Ring(ring)) => {
                    let begun = |target: Target| (tools.core.now + target.delay, target);
                    hunt.stage_failures.clear();
                    hunt.later = ring.targets.iter().cloned().map(begun).collect();
                    self.changed.extend(ring.group.clone());
                    let record = hunt.record.clone();
                    let ring = hunt.ring.insert(ring).clone();
                    self.is_for(&record, ring.diverted.iter().chain(&ring.group));
                }
                Some(Stage::Announcement(file)) => {
                    self.begin_telling(tools, key, file);
                    return;
                }
                Some(Stage::CallBack(wish)) => {
                    if self.ask_last_with(tools, key, wish) {
                        return;
                    }
                    continue;
                }
                Some(Stage::Park) => {
                    self.park_waiting(tools, key);
                    return;
                }
                Some(Stage::End(status, outcome)) => {
                    if let Some(hunt) = self.take_hunt(tools, key, None) {
                        self.failed(tools, hunt, status, outcome);
                    }
                    return;
                }
                Some(Stage::Refuse(status)) => {
                    hunt.failures = vec![status.code()];
                    hunt.timed_out = false;
                    hunt.stages.clear();
                }
                None => {
                    self.exhausted(tools, key);
                    return;
                }
            }
            if self.ring_due(tools, key) {
                return;
            }
            self.stage_over(tools, key);
        }
    }

    /// Rings whose time has come, and whoever is next when nobody else is left; false when the
    /// stage has nobody any more.
    fn ring_due(&mut self, tools: &mut Tools<'_>, key: Key) -> bool {
        loop {
            let now = tools.core.now;
            let Some(hunt) = self.hunts.get_mut(&key) else {
                return false;
            };
            if hunt.branches.is_empty()
                && hunt.expected.is_empty()
                && let Some(next) = hunt.later.iter().map(|(at, _)| *at).min()
                && next > now
            {
                // Those before are through sooner than planned: everybody moves up.
                let early = next - now;
                for (at, _) in &mut hunt.later {
                    *at = Instant::from_nanos(at.as_nanos().saturating_sub(nanos(early)));
                }
            }
            let due = hunt.later.extract_if(.., |(at, _)| *at <= now);
            let due: Vec<Target> = due.map(|(_, target)| target).collect();
            if due.is_empty() {
                break;
            }
            for target in due {
                self.call_target(tools, key, &target);
            }
        }
        let alive = self.hunts.get(&key).and_then(Hunt::deadline);
        self.alarms.set(Alarm::Hunt(key), alive);
        alive.is_some()
    }

    /// A delayed target's time has come, or somebody rang long enough.
    pub(super) fn hunt_timer(&mut self, tools: &mut Tools<'_>, key: Key) {
        let now = tools.core.now;
        self.give_up_expected(now, key);
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        if hunt.interrupted {
            self.look_again(tools, key);
            return;
        }
        if hunt.telling.goes_on() {
            self.announced(tools, key);
            return;
        }
        if hunt.calling_back.asks() {
            self.asked_enough(tools, key);
            return;
        }
        let late: Vec<Branch> = hunt
            .branches
            .extract_if(.., |branch| branch.until <= now)
            .collect();
        hunt.timed_out |= late.iter().any(|branch| branch.rings);
        for branch in late {
            if !branch.rings {
                self.target_failed(key, StatusCode::REQUEST_TIMEOUT);
            }
            self.keep_ticket(key, branch.leg);
            self.hang_up(tools, branch.leg, StatusCode::REQUEST_TERMINATED, None);
        }
        self.look_on(tools, key);
    }

    /// Goes on to the next stage when nobody is left in this one.
    pub(super) fn look_on(&mut self, tools: &mut Tools<'_>, key: Key) {
        if !self.ring_due(tools, key) && self.hunts.contains_key(&key) {
            self.stage_over(tools, key);
            self.next_stage(tools, key);
        }
    }

    /// Nobody of the stage answered: where the called person's calls go then comes next.
    fn stage_over(&mut self, tools: &mut Tools<'_>, key: Key) {
        self.call_back_over(key);
        let Some(hunt) = self.hunts.get_mut(&key) else {
            return;
        };
        hunt.early = None;
        let (waiting, plays) = (hunt.waiting, hunt.early_told);
        let busy = hunt.stage_failures.iter().any(|status| is_busy(*status));
        hunt.failures.append(&mut hunt.stage_failures);
        if let Some(ring) = hunt.ring.take() {
            self.changed.extend(ring.group.clone());
            self.forward(tools, key, &ring, busy);
        }
        if plays {
            // The phone believes in early media and plays no ringing of its own (trap 19).
            self.hear(tools, waiting, Source::Silence);
        }
    }

    /// Follows where a busy or absent extension's calls go.
    fn forward(&mut self, tools: &Tools<'_>, key: Key, ring: &Ring, busy: bool) {
        let Some(extension) = &ring.person else {
            return;
        };
        let Some(waiting) = self.hunts.get(&key).map(|hunt| hunt.waiting) else {
            return;
        };
        let Some(peer) = self.parties.get(&waiting).map(|party| &party.peer) else {
            return;
        };
        let (core, usage) = (&*tools.core, self.usage());
        let plan = routing::forward(core, usage, peer, extension, &ring.diverted, busy);
        // Nobody is there to enter a PIN.
        let plan = plan.filter(|plan| !plan.pin);
        if let (Some(plan), Some(hunt)) = (plan, self.hunts.get_mut(&key)) {
            hunt.reason = if busy { "user-busy" } else { "no-answer" };
            for mut stage in plan.stages.into_iter().rev() {
                if let Stage::Ring(next) = &mut stage {
                    // It is still a call by the route that led here.
                    next.recorded |= ring.recorded;
                }
                hunt.stages.push_front(stage);
            }
        }
    }

    /// Cancels everybody who still rings.
    pub(super) fn cancel_branches(
        &mut self,
        tools: &mut Tools<'_>,
        key: Key,
        reason: Option<&'static str>,
    ) {
        let branches = self
            .hunts
            .get_mut(&key)
            .map(|hunt| std::mem::take(&mut hunt.branches));
        for branch in branches.unwrap_or_default() {
            self.hang_up(tools, branch.leg, StatusCode::REQUEST_TERMINATED, reason);
        }
    }

    /// A hunt is over, for good or bad; the others are told that the call was taken.
    pub(super) fn take_hunt(
        &mut self,
        tools: &mut Tools<'_>,
        key: Key,
        reason: Option<&'static str>,
    ) -> Option<Hunt> {
        self.cancel_branches(tools, key, reason);
        self.alarms.set(Alarm::Hunt(key), None);
        self.drop_ticket(tools, key);
        let hunt = self.hunts.remove(&key)?;
        let ring = hunt.ring.as_ref();
        self.changed
            .extend(ring.and_then(|ring| ring.group.clone()));
        Some(hunt)
    }

    /// Somebody was found: everybody else stops ringing, and the two talk.
    pub(super) fn found(&mut self, tools: &mut Tools<'_>, key: Key, winner: LegId) {
        if let Some(hunt) = self.hunts.get_mut(&key) {
            let won = hunt.branches.extract_if(.., |branch| branch.leg == winner);
            let longest = won.last().and_then(|branch| branch.duration_max());
            if let Some(party) = self.parties.get_mut(&winner) {
                party.until = longest.map(|longest| tools.core.now + longest);
            }
        }
        self.count_answered(tools, winner);
        let Some(hunt) = self.take_hunt(tools, key, Some(COMPLETED_ELSEWHERE)) else {
            return;
        };
        let waiting = hunt.waiting;
        if hunt.ring.as_ref().is_some_and(|ring| ring.recorded) {
            self.must_be_recorded(waiting, winner);
        }
        let codecs = tools.legs.agreement(winner).codecs;
        // Carriers' numbers are shown as they were dialled, not as they were rewritten.
        let by_extension = self
            .parties
            .get(&winner)
            .is_some_and(|it| it.trunk().is_none());
        if hunt.aim == Aim::Call && by_extension {
            self.identify(tools, waiting, winner);
        }
        self.answer(tools, waiting, &codecs);
        self.record_answered(tools, &hunt.record, winner);
        match hunt.aim {
            Aim::Call => {}
            Aim::Transfer {
                transferor, told, ..
            } => {
                self.identify_each_other(tools, waiting, winner);
                let (core, status) = (&mut *tools.core, StatusCode::OK);
                tools.legs.transfer_progress(core, told, status);
                if let Some(transferor) = transferor {
                    self.leave_alone(tools, transferor);
                }
            }
            Aim::Recall => self.identify_each_other(tools, waiting, winner),
        }
        // Under the same key, so that what was kept of the ringing makes way.
        self.talk_as(tools, key, &[waiting, winner]);
    }

    /// Nobody is left to be asked.
    fn exhausted(&mut self, tools: &mut Tools<'_>, key: Key) {
        let Some(hunt) = self.take_hunt(tools, key, None) else {
            return;
        };
        if hunt.telling == Telling::ToldLast {
            self.told_all(tools, &hunt);
            return;
        }
        let told_busy = hunt.failures.iter().any(|status| is_busy(*status));
        let (status, outcome) = if hunt.timed_out && !told_busy {
            (StatusCode::TEMPORARILY_UNAVAILABLE, Outcome::NoAnswer)
        } else {
            verdict(&hunt.failures)
        };
        self.failed(tools, hunt, status, outcome);
    }

    /// A hunt found nobody: a caller is refused, a transferred party goes back.
    pub(super) fn failed(
        &mut self,
        tools: &mut Tools<'_>,
        hunt: Hunt,
        status: StatusCode,
        outcome: Outcome,
    ) {
        match hunt.aim {
            Aim::Call => self.refuse(tools, hunt.waiting, &hunt.record, status, outcome),
            Aim::Transfer {
                transferor,
                told,
                extension,
            } => {
                self.end_record(tools, &hunt.record, outcome, status.code());
                tools.legs.transfer_progress(tools.core, told, status);
                self.transfer_failed(tools, hunt.waiting, transferor, &extension);
            }
            Aim::Recall => {
                self.end_record(tools, &hunt.record, outcome, status.code());
                self.hang_up(tools, hunt.waiting, status, None);
            }
        }
    }

    /// The waiting party is gone, or was lost.
    pub(super) fn abandoned(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        outcome: Outcome,
        status: StatusCode,
    ) {
        let place = self.place(leg);
        self.gone(tools, leg);
        let Some(Place::Waiting(key)) = place else {
            return;
        };
        let Some(hunt) = self.take_hunt(tools, key, None) else {
            return;
        };
        let (outcome, status) = match (hunt.telling, outcome) {
            // The box was who he called, and had answered.
            (Telling::Last | Telling::ToldLast, Outcome::Cancelled) => {
                (Outcome::EndedByCaller, StatusCode::OK)
            }
            _ => (outcome, status),
        };
        self.end_record(tools, &hunt.record, outcome, status.code());
        self.party_left(tools, &hunt.aim, status);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
