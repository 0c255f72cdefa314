//! When a backup is due, and which ones are kept.

use std::collections::BTreeSet;

/// Between two backups, milliseconds (R21).
pub const INTERVAL_MILLIS: i64 = DAY_MILLIS;

/// Days that a backup is kept (R28).
const KEPT_DAYS: i64 = 3;

/// Backups that proved good are kept beyond that until there are so many newer ones: three days
/// without a good backup must not leave none.
const KEPT_VERIFIED: usize = 3;

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

/// Whether a backup is due: there is none of a day around now. Those of a clock that was put back
/// since do not count, and one that is made then does: it is one a day all the same.
#[must_use]
pub fn is_due(now_millis: i64, kept: &[Kept]) -> bool {
    let around = -INTERVAL_MILLIS + 1..INTERVAL_MILLIS;
    !kept
        .iter()
        .any(|it| around.contains(&now_millis.saturating_sub(it.taken_millis)))
}

/// The files that may go: older than three days, and not among the three newest that proved good.
#[must_use]
pub fn superfluous(now_millis: i64, kept: &[Kept]) -> Vec<String> {
    let mut newest: Vec<&Kept> = kept.iter().collect();
    newest.sort_by_key(|it| std::cmp::Reverse((it.taken_millis, it.name.as_str())));
    let good = newest.iter().filter(|it| it.is_verified);
    let good: BTreeSet<&str> = good
        .take(KEPT_VERIFIED)
        .map(|it| it.name.as_str())
        .collect();
    let limit = now_millis.saturating_sub(KEPT_DAYS * DAY_MILLIS);
    let is_old = |it: &&&Kept| it.taken_millis < limit && !good.contains(it.name.as_str());
    let old = newest.iter().filter(is_old);
    old.map(|it| it.name.clone()).collect()
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
    fn a_backup_is_made_each_day_and_when_the_clock_was_put_back() {
        assert!(is_due(0, &[]));
        let first = kept(0, true);
        assert!(!is_due(DAY_MILLIS - 1, std::slice::from_ref(&first)));
        assert!(is_due(DAY_MILLIS, std::slice::from_ref(&first)));
        assert!(!is_due(-1000, &[first]));
        let later = kept(40, true);
        assert!(is_due(0, std::slice::from_ref(&later)));
        assert!(!is_due(1, &[later, kept(0, false)]), "once");
    }

    #[test]
    fn three_days_are_kept_and_what_is_older_goes() {
        let all: Vec<_> = (0..10).map(|day| kept(day, true)).collect();
        assert_eq!(
            superfluous(9 * DAY_MILLIS, &all),
            ["5", "4", "3", "2", "1", "0"]
        );
    }

    #[test]
    fn three_that_proved_good_are_kept_however_old_they_are() {
        let mut all: Vec<_> = (0..5).map(|day| kept(day, true)).collect();
        all.extend((20..24).map(|day| kept(day, false)));
        assert_eq!(
            superfluous(30 * DAY_MILLIS, &all),
            ["23", "22", "21", "20", "1", "0"]
        );
        assert_eq!(superfluous(24 * DAY_MILLIS, &all), ["20", "1", "0"]);
    }
}
