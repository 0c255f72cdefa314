//! What is going on and what was spent: the counters behind the fraud controls (F3 to F5).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use config::{CallLimits, Class, Number, Site};
use sansio::{Instant, UnixTime};
use serde::{Deserialize, Serialize};

/// Most attempts remembered of one extension: an hour of the highest limit worth setting. An
/// extension with more is held to have reached any limit.
const ATTEMPTS_MAX: usize = 2_000;

/// A call that is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(u64);

/// What a call is counted under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charge {
    /// The extension it is made by or for; `None` for inbound calls and those between trunks.
    pub payer: Option<Number>,
    /// The trunk it occupies.
    pub trunk: String,
    /// What it needs permission for; `None` for inbound calls and those that always pass.
    pub class: Option<Class>,
    /// Calling code of a number abroad.
    pub country: Option<String>,
}

/// Calls in progress, and what was spent today and in the last hour.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    calls: BTreeMap<Ticket, (Charge, Instant)>,
    /// When each extension began its outbound calls of the last hour.
    attempts: BTreeMap<Number, VecDeque<Instant>>,
    day: i32,
    seconds: BTreeMap<Class, u64>,
    last: u64,
}

/// What of [`Usage`] outlives a restart. Calls in progress are resumed by whoever has them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UsageState {
    /// The day the seconds are of.
    pub day: i32,
    /// Spoken that day.
    pub seconds: Vec<(Class, u64)>,
    /// How many milliseconds ago each extension began its calls of the last hour.
    pub attempts: Vec<(String, Vec<u32>)>,
}

/// The day at the site, as a number that grows by one each midnight there.
#[must_use]
pub fn day(site: &Site, now: UnixTime) -> i32 {
    let date = site.dialling.zone.local(now).date();
    i32::from(date.year()) * 366 + i32::from(date.day_of_year())
}

impl Charge {
    /// An inbound call on a trunk.
    #[must_use]
    pub fn inbound(trunk: &str) -> Self {
        Self {
            payer: None,
            trunk: trunk.to_owned(),
            class: None,
            country: None,
        }
    }
}

impl Usage {
    /// Counts a call from now on. Every ticket is given back by [`Usage::ended`].
    pub fn admit(&mut self, at: Instant, charge: Charge) -> Ticket {
        if let (Some(payer), Some(_)) = (&charge.payer, charge.class) {
            let attempts = self.attempts.entry(payer.clone()).or_default();
            attempts.retain(|begun| at - *begun < HOUR);
            attempts.push_back(at);
            if attempts.len() > ATTEMPTS_MAX {
                attempts.pop_front();
            }
        }
        self.resume(at, charge)
    }

    /// Counts a call that was begun before this process was; it is no new attempt.
    pub fn resume(&mut self, begun: Instant, charge: Charge) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.calls.insert(ticket, (charge, begun));
        ticket
    }

    /// The call was answered: what was spent begins here.
    pub fn answered(&mut self, ticket: Ticket, at: Instant) {
        if let Some((_, begun)) = self.calls.get_mut(&ticket) {
            *begun = at;
        }
    }

    /// Whether a call is paid by the same extension for the same kind of number.
    #[must_use]
    pub fn is_same(&self, ticket: Ticket, charge: &Charge) -> bool {
        self.calls.get(&ticket).is_some_and(|(known, _)| {
            let of = |it: &Charge| (it.payer.clone(), it.class, it.country.clone());
            of(known) == of(charge)
        })
    }

    /// The call goes on over another trunk.
    pub fn moved(&mut self, ticket: Ticket, trunk: &str) {
        if let Some((charge, _)) = self.calls.get_mut(&ticket) {
            trunk.clone_into(&mut charge.trunk);
        }
    }

    /// The call is over; `today` is [`day`]. One that was never answered costs nothing.
    pub fn ended(&mut self, ticket: Ticket, at: Instant, today: i32, answered: bool) {
        let Some((charge, begun)) = self.calls.remove(&ticket) else {
            return;
        };
        if today != self.day {
            self.day = today;
            self.seconds.clear();
        }
        if let Some(class) = charge.class.filter(|_| answered) {
            *self.seconds.entry(class).or_default() += (at - begun).as_secs();
        }
    }

    /// Calls on a trunk, both directions.
    #[must_use]
    pub fn on_trunk(&self, trunk: &str) -> usize {
        self.count(|charge| charge.trunk == trunk)
    }

    /// Outbound calls an extension pays for.
    #[must_use]
    pub fn of_extension(&self, number: &Number) -> usize {
        self.count(|charge| charge.payer.as_ref() == Some(number) && charge.class.is_some())
    }

    /// Calls to a country abroad.
    #[must_use]
    pub fn to_country(&self, code: &str) -> usize {
        self.count(|charge| charge.country.as_deref() == Some(code))
    }

    /// Outbound calls of the box, those that always pass left out.
    #[must_use]
    pub fn outbound(&self) -> usize {
        self.count(|charge| charge.class.is_some())
    }

    /// Time spoken today in calls of a class, those in progress included.
    #[must_use]
    pub fn spoken(&self, class: Class, at: Instant, today: i32) -> Duration {
        let ended = self.seconds.get(&class).filter(|_| today == self.day);
        let running = self.calls.values();
        let running = running.filter(|(charge, _)| charge.class == Some(class));
        let running: Duration = running.map(|(_, begun)| at - *begun).sum();
        Duration::from_secs(ended.copied().unwrap_or_default()) + running
    }

    /// Whether one more outbound call of an extension would go over one of its rates (F4).
    #[must_use]
    pub fn is_too_fast(&self, number: &Number, limits: &CallLimits, at: Instant) -> bool {
        let Some(attempts) = self.attempts.get(number) else {
            return limits.per_second == 0 || limits.per_minute == 0 || limits.per_hour == 0;
        };
        let within = |window: Duration| {
            let recent = attempts.iter().rev();
            recent.take_while(|begun| at - **begun < window).count()
        };
        attempts.len() >= ATTEMPTS_MAX
            || within(Duration::from_secs(1)) >= usize::from(limits.per_second)
            || within(Duration::from_secs(60)) >= usize::from(limits.per_minute)
            || within(HOUR) >= usize::from(limits.per_hour)
    }

    /// What has to outlive a restart.
    #[must_use]
    pub fn state(&self, at: Instant) -> UsageState {
        let ages = |(number, attempts): (&Number, &VecDeque<Instant>)| {
            let age = |begun: &Instant| u32::try_from((at - *begun).as_millis()).ok();
            let ages: Vec<u32> = attempts.iter().filter_map(age).collect();
            (number.to_string(), ages)
        };
        UsageState {
            day: self.day,
            seconds: self
                .seconds
                .iter()
                .map(|(class, it)| (*class, *it))
                .collect(),
            attempts: self.attempts.iter().map(ages).collect(),
        }
    }

    /// Goes on from what an earlier process knew. Attempts older than this process's clock are
    /// held to be as old as the clock is: a restart never forgives.
    #[must_use]
    pub fn restored(state: &UsageState, at: Instant) -> Self {
        let attempts = state.attempts.iter().filter_map(|(number, ages)| {
            let number = Number::parse(number).ok()?;
            let begun = |age: &u32| {
                let age = u64::from(*age).saturating_mul(1_000_000);
                Instant::from_nanos(at.as_nanos().saturating_sub(age))
            };
            Some((number, ages.iter().take(ATTEMPTS_MAX).map(begun).collect()))
        });
        Self {
            attempts: attempts.collect(),
            day: state.day,
            seconds: state.seconds.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// Lets go of extensions that do not exist any more.
    pub fn retain(&mut self, site: &Site) {
        self.attempts
            .retain(|number, _| site.extensions.contains_key(number));
    }

    fn count(&self, which: impl Fn(&Charge) -> bool) -> usize {
        self.calls.values().filter(|(it, _)| which(it)).count()
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Number {
        Number::parse("100").expect("digits")
    }

    fn charge(class: Class) -> Charge {
        Charge {
            payer: Some(number()),
            trunk: "carrier".into(),
            class: Some(class),
            country: None,
        }
    }

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(10_000 + secs)
    }

    const LIMITS: CallLimits = CallLimits {
        concurrent: 2,
        per_second: 2,
        per_minute: 3,
        per_hour: 4,
    };

    #[test]
    fn rates_are_those_of_any_second_minute_and_hour() {
        let mut usage = Usage::default();
        let mut attempt = |secs: u64, expected: bool| {
            assert_eq!(
                usage.is_too_fast(&number(), &LIMITS, at(secs)),
                expected,
                "{secs}"
            );
            if !expected {
                usage.admit(at(secs), charge(Class::Local));
            }
        };
        attempt(0, false);
        attempt(0, false);
        attempt(0, true);
        attempt(1, false);
        attempt(59, true);
        attempt(60, false);
        attempt(3_599, true);
        attempt(3_600, false);
    }

    #[test]
    fn calls_are_counted_while_they_last() {
        let mut usage = Usage::default();
        let ticket = usage.admit(at(0), charge(Class::Local));
        let inbound = usage.admit(at(0), Charge::inbound("carrier"));
        assert_eq!((usage.on_trunk("carrier"), usage.outbound()), (2, 1));
        assert_eq!(usage.of_extension(&number()), 1);
        usage.moved(ticket, "other");
        assert_eq!((usage.on_trunk("carrier"), usage.on_trunk("other")), (1, 1));
        usage.ended(ticket, at(10), 1, true);
        usage.ended(inbound, at(10), 1, true);
        usage.ended(inbound, at(20), 1, true);
        assert_eq!((usage.on_trunk("carrier"), usage.outbound()), (0, 0));
    }

    #[test]
    fn minutes_count_from_the_answer_and_begin_anew_each_day() {
        let mut usage = Usage::default();
        let spoken =
            |usage: &Usage, secs, day| usage.spoken(Class::Mobile, at(secs), day).as_secs();
        let first = usage.admit(at(0), charge(Class::Mobile));
        usage.answered(first, at(30));
        assert_eq!(spoken(&usage, 90, 1), 60);
        usage.ended(first, at(90), 1, true);
        let unanswered = usage.admit(at(100), charge(Class::Mobile));
        usage.ended(unanswered, at(140), 1, false);
        assert_eq!(spoken(&usage, 200, 1), 60);
        assert_eq!(spoken(&usage, 200, 2), 0);
    }

    #[test]
    fn a_restart_does_not_forgive() {
        let mut usage = Usage::default();
        for _ in 0..2 {
            let ticket = usage.admit(at(0), charge(Class::Mobile));
            usage.answered(ticket, at(0));
            usage.ended(ticket, at(30), 7, true);
        }
        let state = usage.state(at(40));
        let young = Instant::ORIGIN + Duration::from_secs(1);
        let restored = Usage::restored(&state, young);
        assert_eq!(restored.spoken(Class::Mobile, young, 7).as_secs(), 60);
        let limits = CallLimits {
            per_minute: 2,
            ..LIMITS
        };
        assert!(restored.is_too_fast(&number(), &limits, young));
        assert_eq!(restored.state(young).seconds, state.seconds);
    }
}
