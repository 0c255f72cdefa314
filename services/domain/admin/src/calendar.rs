//! Milliseconds since 1970 as RFC 3339 text, in UTC.

/// `2026-11-22T12:45:01Z`; whole seconds, rounded down.
#[must_use]
pub fn rfc3339(unix_millis: i64) -> String {
    let secs = unix_millis.div_euclid(1000);
    let (days, second_of_day) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// When a day begins, by its name: `2026-11-22`.
pub(crate) fn day_millis(name: &str) -> Option<i64> {
    let mut parts = name.splitn(3, '-').map(|part| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<i64>().ok()).flatten()
    });
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    // The same algorithm the other way round.
    let march_year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    // There is no 31st of April.
    (civil(days) == (year, month, day)).then(|| days * 86_400_000)
}

/// Year, month and day of a day number counted from 1970-01-01 (Hinnant, "chrono-compatible
/// low-level date algorithms": years start in March, so the leap day comes last).
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::{day_millis, rfc3339};

    #[test]
    fn known_days_read_right() {
        let check = |secs: i64, expected: &str| assert_eq!(rfc3339(secs * 1000 + 999), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(-1, "1969-12-31T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_795_351_501, "2026-11-22T12:45:01Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
    }

    #[test]
    fn a_day_is_known_by_its_name() {
        let check = |name: &str, expected: Option<i64>| {
            assert_eq!(day_millis(name).map(|it| it / 1000), expected, "{name}");
        };
        check("1970-01-01", Some(0));
        check("2000-02-29", Some(951_782_400));
        check("2026-11-22", Some(1_795_305_600));
        check("2100-03-01", Some(4_107_542_400));
        for none in [
            "",
            "2026",
            "2026-11",
            "2026-11-31",
            "2100-02-29",
            "2026-00-01",
            "2026-1-0",
            "2026-13-01",
            "-2026-11-22",
            "2026-11-+2",
            "22/11/2026",
            "99999-01-01",
            "2026-11-99999999999999999999",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let _ = rfc3339(i64::MAX);
        let _ = rfc3339(i64::MIN);
    }
}
