//! When a backup is due, and which ones are kept.

use std::collections::BTreeSet;

/// Between two backups, milliseconds (R21).
pub const INTERVAL_MILLIS: i64 = DAY_MILLIS;

/// Without a good one for longer than this, people must know, milliseconds.
pub const OVERDUE_MILLIS: i64 = 2 * INTERVAL_MILLIS;

/// How long backups are kept at one place.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// So many days each.
    pub days: i64,
    /// Those that proved good are kept beyond that until there are so many newer ones: days without
    /// a good backup must not leave none.
    pub verified: usize,
    /// Files at most, however often somebody asks for one; more than `verified`.
    pub files: usize,
}

/// On the box (R28, T10).
pub const HERE: Retention = Retention {
    days: 3,
    verified: 3,
    files: 32,
};

/// Away from it (R27, T10).
pub const AWAY: Retention = Retention {
    days: 30,
    verified: 3,
    files: 64,
};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A backup that lies on the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its file.
    pub name: String,
    /// When it was taken, milliseconds since 1970.
    pub taken_millis: i64,
    /// A trial restore of it succeeded.
    pub is_verified: bool,
}

impl Kept {
    const fn is_ahead(&self, now_millis: i64) -> bool {
        is_ahead(self.taken_millis, now_millis)
    }
}

/// Whether it was so long after now that the clock was wrong, then or now.
pub(crate) const fn is_ahead(at_millis: i64, now_millis: i64) -> bool {
    at_millis > now_millis.saturating_add(DAY_MILLIS)
}

/// Whether a backup is due: the newest that proved good is a day old. Those that are dated more
/// than a day ahead do not count, as nobody knows when they were taken.
#[must_use]
pub fn is_due(now_millis: i64, kept: &[Kept]) -> bool {
    newest(now_millis, kept).is_none_or(|taken| now_millis.saturating_sub(taken) >= INTERVAL_MILLIS)
}

/// Whether people must know that there was no good one for two days.
#[must_use]
pub fn is_overdue(now_millis: i64, kept: &[Kept]) -> bool {
    newest(now_millis, kept).is_none_or(|taken| now_millis.saturating_sub(taken) > OVERDUE_MILLIS)
}

fn newest(now_millis: i64, kept: &[Kept]) -> Option<i64> {
    let good = kept.iter().filter(|it| it.is_verified);
    let good = good.filter(|it| !it.is_ahead(now_millis));
    good.map(|it| it.taken_millis).max()
}

impl Retention {
    /// What was taken before is old, milliseconds since 1970.
    #[must_use]
    pub const fn limit(&self, now_millis: i64) -> i64 {
        now_millis.saturating_sub(self.days.saturating_mul(DAY_MILLIS))
    }

    /// The last that proved good, [`Self::verified`] at most. Those dated ahead are among them only
    /// where there are not enough others.
    #[must_use]
    pub fn last<'a>(&self, now_millis: i64, kept: &'a [Kept]) -> Vec<&'a Kept> {
        let mut good = good(now_millis, kept);
        good.truncate(self.verified);
        good
    }

    /// The files that may go once one has proved good; never one of [`Self::last`]:
    ///
    /// - those that are too old;
    /// - those that did not prove good: a later one has;
    /// - those dated ahead, once there is one that is not and is as old as any is kept: by then the
    ///   clock that says so has run so long;
    /// - where there are more than [`Self::files`] all the same, those nearest to others in time.
    #[must_use]
    pub fn superfluous(&self, now_millis: i64, kept: &[Kept]) -> Vec<String> {
        let good = good(now_millis, kept);
        if good.first().is_none_or(|it| it.is_ahead(now_millis)) {
            return Vec::new();
        }
        let limit = self.limit(now_millis);
        let is_settled = good.iter().any(|it| it.taken_millis <= limit);
        let (last, others) = good.split_at(good.len().min(self.verified));
        let mut others: Vec<&Kept> = others.to_vec();
        others.retain(|it| match it.is_ahead(now_millis) {
            true => !is_settled,
            false => it.taken_millis >= limit,
        });
        thin(&mut others, self.files.saturating_sub(self.verified));
        let stay: BTreeSet<&str> = last
            .iter()
            .chain(&others)
            .map(|it| it.name.as_str())
            .collect();
        let go = kept.iter().filter(|it| !stay.contains(it.name.as_str()));
        go.map(|it| it.name.clone()).collect()
    }
}

/// Those that proved good, newest first, and behind them those dated ahead.
fn good(now_millis: i64, kept: &[Kept]) -> Vec<&Kept> {
    let mut good: Vec<&Kept> = kept.iter().filter(|it| it.is_verified).collect();
    good.sort_by_key(|it| {
        let newest_first = std::cmp::Reverse((it.taken_millis, it.name.as_str()));
        (it.is_ahead(now_millis), newest_first)
    });
    good
}

/// Takes out what is nearest to its neighbours in time, until there are no more than `max`.
fn thin(kept: &mut Vec<&Kept>, max: usize) {
    kept.sort_by_key(|it| it.taken_millis);
    while kept.len() > max {
        let gap = |window: &[&Kept]| match window {
            [before, _, after] => after.taken_millis.saturating_sub(before.taken_millis),
            _ => i64::MAX,
        };
        let nearest = kept
            .windows(3)
            .map(gap)
            .enumerate()
            .min_by_key(|(_, gap)| *gap);
        kept.remove(nearest.map_or(0, |(place, _)| place + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(day: i64, is_verified: bool) -> Kept {
        Kept {
            name: format!("{day}"),
            taken_millis: day * DAY_MILLIS,
            is_verified,
        }
    }

    #[test]
    fn a_backup_is_due_a_day_after_the_last_that_proved_good() {
        let at = |millis| Kept {
            taken_millis: millis,
            ..kept(0, true)
        };
        assert!(is_due(0, &[]));
        assert!(!is_due(DAY_MILLIS - 1, &[at(0)]));
        assert!(is_due(DAY_MILLIS, &[at(0)]));
        assert!(
            !is_due(0, &[at(1000)]),
            "a clock that was put back a little"
        );
        assert!(is_due(DAY_MILLIS, &[at(0), kept(1, false)]));
        assert!(!is_overdue(2 * DAY_MILLIS, &[at(0)]));
        assert!(is_overdue(2 * DAY_MILLIS + 1, &[at(0), kept(2, false)]));
    }

    #[test]
    fn a_clock_that_was_put_back_makes_one_backup_and_not_one_after_the_other() {
        assert!(is_due(0, &[kept(40, true)]));
        assert!(!is_due(0, &[kept(40, true), kept(0, true)]));
        assert!(is_due(DAY_MILLIS, &[kept(40, true), kept(0, true)]));
    }

    #[test]
    fn three_days_are_kept_and_what_is_older_goes() {
        let all: Vec<_> = (0..10).map(|day| kept(day, true)).collect();
        assert_eq!(
            HERE.superfluous(9 * DAY_MILLIS, &all),
            ["0", "1", "2", "3", "4", "5"]
        );
    }

    #[test]
    fn away_from_the_box_thirty_days_are_kept_and_the_last_three_longer() {
        let all: Vec<_> = (0..40).map(|day| kept(day, true)).collect();
        let gone = AWAY.superfluous(39 * DAY_MILLIS, &all);
        let expected: Vec<_> = (0..9).map(|day| day.to_string()).collect();
        assert_eq!(gone, expected);
        let gone = AWAY.superfluous(300 * DAY_MILLIS, &all);
        assert_eq!(gone.len(), 37, "37 to 39 stay");
    }

    #[test]
    fn three_that_proved_good_are_kept_however_old_they_are() {
        let mut all: Vec<_> = (0..5).map(|day| kept(day, true)).collect();
        assert_eq!(HERE.superfluous(30 * DAY_MILLIS, &all), ["0", "1"]);
        // What did not prove good was made again.
        all.extend((20..24).map(|day| kept(day, false)));
        assert_eq!(
            HERE.superfluous(24 * DAY_MILLIS, &all),
            ["0", "1", "20", "21", "22", "23"]
        );
    }

    #[test]
    fn those_dated_ahead_take_no_place_and_go_once_the_clock_has_made_others() {
        let mut all: Vec<_> = (100..103).map(|day| kept(day, true)).collect();
        assert!(HERE.superfluous(0, &all).is_empty(), "there are no others");
        all.extend((0..3).map(|day| kept(day, true)));
        assert!(HERE.superfluous(2 * DAY_MILLIS, &all).is_empty());
        all.push(kept(3, true));
        assert_eq!(
            HERE.superfluous(3 * DAY_MILLIS, &all),
            ["100", "101", "102"]
        );
    }

    #[test]
    fn those_dated_ahead_stay_where_there_would_not_be_three_without_them() {
        let all = [0, 100, 101, 102].map(|day| kept(day, true));
        assert_eq!(AWAY.superfluous(40 * DAY_MILLIS, &all), ["100"]);
        let all = [0, 100, 101, 102, 4].map(|day| kept(day, true));
        assert_eq!(HERE.superfluous(4 * DAY_MILLIS, &all), ["100", "101"]);
    }

    proptest::proptest! {
        #[test]
        fn never_fewer_than_three_that_proved_good_are_left(
            days in proptest::collection::btree_set(0_i64..200, 0..100),
            now in -10_i64..300,
            unproved in 0_i64..200,
        ) {
            let all: Vec<_> = days.iter().map(|day| kept(*day, *day != unproved)).collect();
            let good = all.iter().filter(|it| it.is_verified).count();
            for rule in [HERE, AWAY] {
                let gone = rule.superfluous(now * DAY_MILLIS, &all);
                let stays = |it: &&Kept| it.is_verified && !gone.contains(&it.name);
                let left = all.iter().filter(stays).count();
                proptest::prop_assert!(left >= good.min(3), "{left} of {good}");
            }
        }
    }

    #[test]
    fn however_many_somebody_asks_for_some_of_each_day_stay() {
        let mut all: Vec<_> = (0..3).map(|day| kept(day, true)).collect();
        let asked = |minute: i64| Kept {
            name: format!("asked {minute}"),
            taken_millis: 2 * DAY_MILLIS + minute * 60_000,
            is_verified: true,
        };
        all.extend((1..200).map(asked));
        let gone = HERE.superfluous(2 * DAY_MILLIS + 200 * 60_000, &all);
        assert_eq!(all.len() - gone.len(), HERE.files);
        assert!(gone.iter().all(|name| name.starts_with("asked")));
        assert!(!gone.contains(&"asked 199".to_owned()));
    }
}
