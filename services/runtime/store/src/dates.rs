//! Which day it is for what is past its date, by a clock that is not believed.
//!
//! What this must never do: move the day on faster than a real one passes. A clock may begin in
//! 1970, jump a century ahead, go back, and do so at every start of the box.

use crate::rows::KeptRow;
use crate::store::Shared;

pub(crate) const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// 2023: what is dated before is of a clock that was not set.
pub(crate) const CLOCKS_SET_MILLIS: i64 = 1_672_531_200_000;

/// How far the day by which things are past moves on at a time. A box that was off for a year
/// takes two months to catch up; one whose clock is wrong by ten years has as many for somebody to
/// see it.
pub(crate) const STRIDE_MILLIS: i64 = 7 * DAY_MILLIS;

/// What the clock has to show more before the day moves on again: rounds are a day apart, but for
/// those after a start and after a change of a period.
const MOVED_MILLIS: i64 = 20 * 60 * 60 * 1000;

/// How far a clock may be ahead of the last day that is known: a box was off for a holiday, or is
/// new.
const AHEAD_DAYS: i64 = 60;

/// Which dates are past.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Dates {
    pub(crate) as_of_millis: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Age {
    Past,
    Kept,
    Unknown,
}

/// Whether the clock was ever set.
pub(crate) const fn is_set(now_millis: i64) -> bool {
    now_millis >= CLOCKS_SET_MILLIS
}

/// The day that is known to have been: that of the last round, or that on which the firmware was
/// made, which no clock of this box has written.
pub(crate) fn day_known(noted: Option<&KeptRow>, built_millis: i64) -> i64 {
    let noted = noted.map_or(0, |it| it.as_of_millis);
    noted.max(built_millis).max(CLOCKS_SET_MILLIS)
}

/// Why what is dated now cannot be told from what is dated before; `None` of a clock that may be
/// right. `day` is the one that is known to have been.
pub(crate) fn doubt(now_millis: i64, day: i64, built_millis: i64) -> Option<String> {
    if !is_set(now_millis) || now_millis < built_millis.saturating_sub(DAY_MILLIS) {
        return Some(
            "the clock of the box is not set: wait until it is, or correct the time server; \
             nobody was erased"
                .to_owned(),
        );
    }
    // Nothing but that this product was there by then.
    if day <= CLOCKS_SET_MILLIS {
        return None;
    }
    let ahead = now_millis.saturating_sub(day) / DAY_MILLIS;
    (ahead > AHEAD_DAYS).then(|| {
        format!(
            "the clock of the box is {ahead} days ahead of when it was seen to be right: correct \
             it, or wait some {} days until it is believed; nobody was erased",
            (ahead - AHEAD_DAYS) * DAY_MILLIS / (STRIDE_MILLIS - DAY_MILLIS) + 1
        )
    })
}

impl Shared {
    /// When the firmware was made; 0 where nobody has said it.
    pub(crate) fn built_millis(&self) -> i64 {
        self.built.get().map_or(0, |it| it.as_millis())
    }
}

impl Dates {
    /// Those of a round that begins now: the day is today, unless a clock may have jumped. Notes
    /// how far it has come, and never a day before the one that is noted.
    pub(crate) fn of_round(now_millis: i64, noted: &mut KeptRow, built_millis: i64) -> Self {
        let before = day_known(Some(noted), built_millis);
        let most = match has_day_passed(now_millis, noted) {
            true => before.saturating_add(STRIDE_MILLIS),
            false => before,
        };
        let as_of_millis = now_millis.min(most);
        noted.as_of_millis = before.max(as_of_millis);
        Self { as_of_millis }
    }

    /// What is dated before this is past its date.
    pub(crate) fn limit(self, days: u16) -> i64 {
        self.as_of_millis
            .saturating_sub(i64::from(days) * DAY_MILLIS)
    }

    pub(crate) fn age(self, at_millis: i64, days: u16) -> Age {
        let is_known = at_millis >= CLOCKS_SET_MILLIS
            && at_millis <= self.as_of_millis.saturating_add(DAY_MILLIS);
        match (is_known, at_millis < self.limit(days)) {
            (false, _) => Age::Unknown,
            (true, true) => Age::Past,
            (true, false) => Age::Kept,
        }
    }
}

/// Whether a day has passed by the clock since the day moved on last.
fn has_day_passed(now_millis: i64, noted: &mut KeptRow) -> bool {
    if now_millis >= noted.moved_millis {
        let has_passed = now_millis.saturating_sub(noted.moved_millis) >= MOVED_MILLIS;
        if has_passed {
            noted.moved_millis = now_millis;
            noted.back_millis = 0;
        }
        return has_passed;
    }
    // It was ahead then. How far it was stays noted: a clock that is ahead at every other start
    // moves nothing on by that.
    let since = noted.back_millis;
    if since == 0 || now_millis < since {
        noted.back_millis = now_millis;
        return false;
    }
    let has_passed = now_millis.saturating_sub(since) >= MOVED_MILLIS;
    if has_passed {
        noted.back_millis = now_millis;
    }
    has_passed
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT: i64 = 1_700_000_000_000;
    const CENTURY: i64 = 36_500 * DAY_MILLIS;

    /// The day that is noted after rounds at these times, in days since the firmware was made.
    fn noted(times: &[i64]) -> Vec<i64> {
        let mut row = KeptRow::default();
        let mut day = |now: &i64| {
            Dates::of_round(*now, &mut row, BUILT);
            (row.as_of_millis - BUILT) / DAY_MILLIS
        };
        times.iter().map(&mut day).collect()
    }

    #[test]
    fn a_day_moves_on_with_the_clock_and_a_jump_of_it_by_a_week() {
        let check = |days: &[i64], expected: &[i64]| {
            let times: Vec<i64> = days.iter().map(|it| BUILT + it * DAY_MILLIS).collect();
            assert_eq!(noted(&times), expected, "{days:?}");
        };
        check(&[0, 1, 2], &[0, 1, 2]);
        check(&[300, 301, 302], &[7, 14, 21]);
        check(&[0, 300, 1, 2, 3], &[0, 7, 7, 7, 7]);
        check(&[5, 36_500, 5, 6, 13, 14], &[5, 12, 12, 12, 13, 14]);
    }

    #[test]
    fn a_box_that_starts_all_the_time_under_a_wrong_clock_moves_on_once() {
        let starts: Vec<i64> = (0..70).map(|it| BUILT + CENTURY + it * 900_000).collect();
        assert_eq!(noted(&starts).last(), Some(&7));
        let every_other: Vec<i64> = (0..70)
            .map(|it| BUILT + it * 900_000 + it % 2 * CENTURY)
            .collect();
        assert_eq!(noted(&every_other).last(), Some(&7));
    }

    #[test]
    fn a_clock_is_doubted_before_the_firmware_and_months_after_the_last_day() {
        let check = |now: i64, day: i64, built: i64, is_doubted: bool| {
            assert_eq!(doubt(now, day, built).is_some(), is_doubted, "{now} {day}");
        };
        check(60_000, CLOCKS_SET_MILLIS, 0, true);
        check(BUILT - 2 * DAY_MILLIS, BUILT, BUILT, true);
        check(BUILT, BUILT, BUILT, false);
        check(BUILT + 60 * DAY_MILLIS, BUILT, BUILT, false);
        check(BUILT + 61 * DAY_MILLIS, BUILT, BUILT, true);
        check(BUILT + CENTURY, BUILT, BUILT, true);
        check(BUILT, CLOCKS_SET_MILLIS, 0, false);
    }

    #[test]
    fn no_day_is_noted_that_is_before_the_last() {
        for now in [0, 60_000, BUILT - CENTURY, BUILT + DAY_MILLIS] {
            let mut row = KeptRow {
                as_of_millis: BUILT + 9 * DAY_MILLIS,
                ..KeptRow::default()
            };
            assert_eq!(Dates::of_round(now, &mut row, BUILT).as_of_millis, now);
            assert_eq!(row.as_of_millis, BUILT + 9 * DAY_MILLIS, "{now}");
        }
    }
}
