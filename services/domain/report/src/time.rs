//! Ages as people say them.

use crate::finding::Text;

/// Milliseconds of a day.
pub(crate) const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;
/// Seconds of a day.
pub(crate) const DAY_SECS: u64 = 24 * 3_600;

/// How long, roughly: days, hours or minutes.
pub(crate) fn rough(secs: u64) -> Text {
    let minutes = secs / 60;
    match (minutes / 1_440, minutes / 60) {
        (0, 0) => Text::same(format!("{minutes} min")),
        (0, hours) => Text::same(format!("{hours} h")),
        (1, _) => Text::new("1 day", "1 dia"),
        (days, _) => Text::new(format!("{days} days"), format!("{days} dias")),
    }
}

/// Whole days from one time to another; less than none when it lies ahead.
pub(crate) const fn days(from_millis: i64, to_millis: i64) -> i64 {
    to_millis.saturating_sub(from_millis).div_euclid(DAY_MILLIS)
}
