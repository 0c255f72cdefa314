//! Meters: what was spent in a day, a week and a month, with what runs at this moment.
//!
//! A meter knows the rate at which all its calls together spend, so reading it costs the same
//! however many calls there are.

use config::{Number, Site};
use sansio::{Instant, UnixTime};
use serde::{Deserialize, Serialize};

/// The day, week and month at the site, as numbers that change at each midnight, Monday and first
/// of a month there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Periods([i32; 3]);

/// Whose money it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Account {
    /// That of the whole box.
    Box,
    /// What an extension pays.
    Extension(Number),
    /// What goes out by a trunk.
    Trunk(String),
}

/// What was spent, in units of whoever counts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Meter {
    totals: [u64; 3],
    /// Units spent each millisecond by the calls that run.
    rate: u64,
    /// Up to when that is in the totals.
    since: Instant,
}

impl Periods {
    /// As numbers, for keeping.
    #[must_use]
    pub const fn numbers(self) -> [i32; 3] {
        self.0
    }

    /// Back from [`Periods::numbers`].
    #[must_use]
    pub const fn of_numbers(numbers: [i32; 3]) -> Self {
        Self(numbers)
    }

    /// Those in which a moment is.
    #[must_use]
    pub fn of(site: &Site, now: UnixTime) -> Self {
        let date = site.dialling.zone.local(now).date();
        // A box without a battery wakes up long ago: until somebody tells it the time, what was
        // spent goes on counting.
        if date.year() < EPOCH {
            return Self::default();
        }
        let year = i32::from(date.year());
        // Days from the first of year 1 on, which would have been a Monday.
        let before = year - 1;
        let leap = before / 4 - before / 100 + before / 400;
        let day = before * 365 + leap + i32::from(date.day_of_year());
        Self([day, (day - 1) / 7, year * 12 + i32::from(date.month())])
    }

    /// The clock does not know which day it is.
    pub(crate) fn is_unknown(self) -> bool {
        self == Self::default()
    }

    /// Which of them are not over at `now`. A clock that was set back ends none: what was spent
    /// goes on counting.
    fn last_until(self, now: Self) -> [bool; 3] {
        let unknown = self.is_unknown() || now.is_unknown();
        let mut lasts = [unknown; 3];
        let pairs = self.0.iter().zip(now.0);
        for (lasts, (counted, now)) in lasts.iter_mut().zip(pairs) {
            *lasts |= now <= *counted;
        }
        lasts
    }

    /// The periods to count under from `now` on. The later ones, so that a clock that is put right
    /// around midnight ends a day once; but after one that ran ahead by more than a day they are
    /// those of now, or caps would stay reached until the time it once told.
    #[must_use]
    pub(crate) fn moved_to(self, now: Self) -> Self {
        let ([counted, ..], [today, ..]) = (self.0, now.0);
        if now.is_unknown() || (!self.is_unknown() && today == counted - 1) {
            return self;
        }
        now
    }
}

impl Meter {
    /// What an earlier process had counted.
    pub(crate) const fn restored(totals: [u64; 3], at: Instant) -> Self {
        Self {
            totals,
            rate: 0,
            since: at,
        }
    }

    /// What an earlier process had counted comes to what this one has.
    pub(crate) fn take_back(&mut self, totals: [u64; 3], counted: Periods, now: Periods) {
        let mut earlier = Self::restored(totals, self.since);
        earlier.turn(counted, now);
        let sums = self.totals.iter_mut().zip(earlier.totals);
        sums.for_each(|(total, earlier)| *total = total.saturating_add(earlier));
    }

    /// What has to outlive a restart.
    pub(crate) fn totals(&self, at: Instant) -> [u64; 3] {
        let running = self.running(at);
        self.totals.map(|total| total.saturating_add(running))
    }

    /// Spent in the day, week and month of `now`, when the totals are of those of `counted`.
    pub(crate) fn spent(&self, at: Instant, counted: Periods, now: Periods) -> [u64; 3] {
        let running = self.running(at);
        let mut spent = [running; 3];
        let totals = self.totals.iter().zip(counted.last_until(now));
        for (spent, (total, same)) in spent.iter_mut().zip(totals) {
            if same {
                *spent = spent.saturating_add(*total);
            }
        }
        spent
    }

    /// A day, week or month is over: what is not counted yet goes to the new one.
    pub(crate) fn turn(&mut self, counted: Periods, now: Periods) {
        for (total, same) in self.totals.iter_mut().zip(counted.last_until(now)) {
            if !same {
                *total = 0;
            }
        }
    }

    /// A call begins to spend: so much at once, and so much each millisecond.
    pub(crate) fn begin(&mut self, at: Instant, first: u64, rate: u64) {
        self.settle(at);
        self.add(first);
        self.rate = self.rate.saturating_add(rate);
    }

    /// A call is over. It was counted for `counted`, and cost `cost`.
    pub(crate) fn end(&mut self, at: Instant, rate: u64, counted: u64, cost: u64) {
        self.settle(at);
        self.rate = self.rate.saturating_sub(rate);
        self.add(cost.saturating_sub(counted));
        let back = counted.saturating_sub(cost);
        self.totals = self.totals.map(|total| total.saturating_sub(back));
    }

    /// Nothing of it counts any more.
    pub(crate) fn forgive(&mut self, at: Instant) {
        self.totals = [0; 3];
        self.since = at;
    }

    /// Milliseconds until the calls that run have spent so much more; `None`: they spend nothing.
    pub(crate) const fn lasts(&self, left: u64) -> Option<u64> {
        left.checked_div(self.rate)
    }

    /// Nothing was ever counted on it.
    pub(crate) fn is_empty(&self) -> bool {
        self.rate == 0 && self.totals == [0; 3]
    }

    fn settle(&mut self, at: Instant) {
        self.add(self.running(at));
        self.since = at;
    }

    fn add(&mut self, more: u64) {
        self.totals = self.totals.map(|total| total.saturating_add(more));
    }

    fn running(&self, at: Instant) -> u64 {
        let millis = u64::try_from((at - self.since).as_millis()).unwrap_or(u64::MAX);
        self.rate.saturating_mul(millis)
    }
}

/// No call of ours is older than the firmware.
const EPOCH: i16 = 2025;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::example::office;

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(secs)
    }

    fn periods(local: &str) -> Periods {
        let site = Site::parse(&office()).expect("a valid office");
        Periods::of(&site, site.dialling.zone.read(local).expect("a time"))
    }

    #[test]
    fn days_weeks_and_months_turn_at_midnight_of_the_site() {
        let sunday = periods("2026-11-29T23:59");
        let same = |other: &str| sunday.last_until(periods(other));
        assert_eq!(same("2026-11-29T00:00"), [true; 3]);
        assert_eq!(same("2026-11-30T00:00"), [false, false, true]);
        assert_eq!(same("2026-12-01T00:00"), [false; 3]);
        // A week goes on over New Year.
        let eve = periods("2026-12-31T12:00");
        assert_eq!(
            eve.last_until(periods("2027-01-01T12:00")),
            [false, true, false]
        );
    }

    #[test]
    fn a_clock_that_was_never_set_forgives_nothing() {
        let unknown = periods("1970-01-01T12:00");
        assert!(unknown.is_unknown());
        assert_eq!(unknown.last_until(periods("2026-11-29T12:00")), [true; 3]);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_no_period() {
        let counted = periods("2027-01-01T00:01");
        for earlier in ["2026-12-31T23:59", "2026-12-01T12:00", "2025-06-01T12:00"] {
            assert_eq!(counted.last_until(periods(earlier)), [true; 3], "{earlier}");
        }
        // A little around midnight: the day that began goes on.
        assert_eq!(counted.moved_to(periods("2026-12-31T23:59")), counted);
        // It had run ahead: what was spent is spent now, and ends with today.
        let put_right = periods("2026-11-29T12:00");
        assert_eq!(counted.moved_to(put_right), put_right);
        assert_eq!(counted.moved_to(Periods::default()), counted);
        assert_eq!(Periods::default().moved_to(put_right), put_right);
    }

    #[test]
    fn calls_that_run_are_counted_as_they_go() {
        let today = periods("2026-11-29T12:00");
        let mut meter = Meter::default();
        meter.begin(at(10), 500, 2);
        meter.begin(at(20), 0, 3);
        let spent = |meter: &Meter, secs| meter.spent(at(secs), today, today)[0];
        assert_eq!(spent(&meter, 20), 500 + 20_000);
        assert_eq!(spent(&meter, 30), 500 + 40_000 + 30_000);
        assert_eq!(meter.lasts(10_000), Some(2_000));
        meter.end(at(30), 3, 30_000, 36_000);
        assert_eq!(spent(&meter, 30), 500 + 40_000 + 36_000);
        meter.end(at(30), 2, 40_500, 40_000);
        assert_eq!(spent(&meter, 90), 40_000 + 36_000);
        assert_eq!(meter.lasts(1), None);
    }
}
