//! Office hours, holidays and the like.

use std::collections::BTreeSet;
use std::fmt;

use ipc::site::{DateRange, TimeCondition as RawTimes, WeekRange, Weekday};
use jiff::civil::{self, Date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use sansio::UnixTime;

use crate::wrong::{Report, Wrong};

/// Most ranges of a week, and most holidays, of one condition.
pub(crate) const RANGES_MAX: usize = 100;

const DAY_MINUTES: u16 = 24 * 60;

/// A time zone by its IANA name, with the rules that came with the firmware.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A named question about the clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimeCondition {
    /// Unique name.
    pub name: String,
    /// Whose clock.
    pub zone: Zone,
    /// When it holds; empty: at any time of the week.
    pub week: Vec<Hours>,
    /// When it does not hold all the same.
    pub holidays: Vec<Holidays>,
    /// The other way round.
    pub negated: bool,
}

/// Hours on some days of the week.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hours {
    /// The days it begins on.
    pub days: BTreeSet<Weekday>,
    /// First minute of the day.
    pub from: u16,
    /// The minute it is over; not after `from`: of the next day.
    pub to: u16,
}

/// Whole days, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holidays {
    /// Once.
    Dates(Date, Date),
    /// Every year, as (month, day); may run over New Year.
    EveryYear((i8, i8), (i8, i8)),
}

impl Zone {
    /// Looks up a zone; `None` when there is none of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let rules = TimeZoneDatabase::bundled().get(name).ok()?;
        let name = rules.iana_name()?.to_owned();
        Some(Self { name, rules })
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time at which people's clocks show `2026-11-23T12:00` there; `None` when that is none.
    #[must_use]
    pub fn read(&self, local: &str) -> Option<UnixTime> {
        let local: civil::DateTime = local.parse().ok()?;
        let zoned = self.rules.to_zoned(local).ok()?;
        Some(UnixTime::from_millis(zoned.timestamp().as_millisecond()))
    }

    /// What people's clocks show there.
    #[must_use]
    pub fn local(&self, now: UnixTime) -> civil::DateTime {
        let timestamp = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        self.rules.to_datetime(timestamp)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Monday to Friday from 8 to 18.
pub(crate) fn is_usual_time(zone: &Zone, now: UnixTime) -> bool {
    let local = zone.local(now);
    let weekend = matches!(
        weekday(local.date().weekday()),
        Weekday::Saturday | Weekday::Sunday
    );
    !weekend && (8..18).contains(&local.hour())
}

impl TimeCondition {
    /// Whether it holds at that time.
    #[must_use]
    pub fn holds(&self, now: UnixTime) -> bool {
        let local = self.zone.local(now);
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute()));
        let minute = minute.unwrap_or_default();
        let today = weekday(local.date().weekday());
        let yesterday = weekday(local.date().weekday().previous());
        let open = self.week.is_empty()
            || self
                .week
                .iter()
                .any(|hours| hours.hold(today, yesterday, minute));
        let closed = self.holidays.iter().any(|days| days.hold(local.date()));
        (open && !closed) != self.negated
    }

    pub(crate) fn parse(raw: &RawTimes, report: &mut Report<'_>) -> Option<Self> {
        let zone = report.take("zone", &raw.zone, Zone::parse, Wrong::NotAZone);
        for (field, count) in [("week", raw.week.len()), ("holidays", raw.holidays.len())] {
            if count > RANGES_MAX {
                report.wrong(field, Wrong::TooMany(RANGES_MAX));
                return None;
            }
        }
        let week = raw.week.iter();
        let week = week.filter_map(|one| Hours::parse(one, report)).collect();
        let holidays = raw.holidays.iter();
        let holidays = holidays
            .filter_map(|one| Holidays::parse(one, report))
            .collect();
        Some(Self {
            name: raw.name.clone(),
            zone: zone?,
            week,
            holidays,
            negated: raw.negated,
        })
    }

    pub(crate) fn to_ipc(&self) -> RawTimes {
        RawTimes {
            name: self.name.clone(),
            zone: self.zone.name.clone(),
            week: self.week.iter().map(Hours::to_ipc).collect(),
            holidays: self
                .holidays
                .iter()
                .copied()
                .map(Holidays::to_ipc)
                .collect(),
            negated: self.negated,
        }
    }
}

impl Hours {
    fn hold(&self, today: Weekday, yesterday: Weekday, minute: u16) -> bool {
        let (from, to) = (self.from, self.to);
        if from < to {
            return self.days.contains(&today) && (from..to).contains(&minute);
        }
        (self.days.contains(&today) && minute >= from)
            || (self.days.contains(&yesterday) && minute < to)
    }

    fn parse(raw: &WeekRange, report: &mut Report<'_>) -> Option<Self> {
        if raw.days.is_empty() {
            report.wrong("week.days", Wrong::Missing);
        }
        let from = report.take("week.from", &raw.from, minute, Wrong::NotATime);
        let to = report.take("week.to", &raw.to, minute, Wrong::NotATime);
        let (from, to) = (from?, to?);
        if from == DAY_MINUTES {
            report.wrong("week.from", Wrong::NotATime(raw.from.clone()));
        }
        Some(Self {
            days: raw.days.iter().copied().collect(),
            from,
            to,
        })
    }

    fn to_ipc(&self) -> WeekRange {
        let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        WeekRange {
            days: self.days.iter().copied().collect(),
            from: text(self.from),
            to: text(self.to),
        }
    }
}

impl Holidays {
    fn hold(&self, date: Date) -> bool {
        match *self {
            Self::Dates(from, to) => (from..=to).contains(&date),
            Self::EveryYear(from, to) => {
                let day = (date.month(), date.day());
                if from <= to {
                    (from..=to).contains(&day)
                } else {
                    day >= from || day <= to
                }
            }
        }
    }

    fn parse(raw: &DateRange, report: &mut Report<'_>) -> Option<Self> {
        let last = if raw.to.is_empty() {
            &raw.from
        } else {
            &raw.to
        };
        let from = report.take("holidays.from", &raw.from, day, Wrong::NotADate)?;
        let to = report.take("holidays.to", last, day, Wrong::NotADate)?;
        let range = match (from, to) {
            (Day::Once(from), Day::Once(to)) if from <= to => Some(Self::Dates(from, to)),
            (Day::Yearly(from), Day::Yearly(to)) => Some(Self::EveryYear(from, to)),
            (Day::Once(_) | Day::Yearly(_), Day::Once(_) | Day::Yearly(_)) => None,
        };
        if range.is_none() {
            report.wrong("holidays", Wrong::Backwards);
        }
        range
    }

    fn to_ipc(self) -> DateRange {
        let yearly = |(month, day): (i8, i8)| format!("{month:02}-{day:02}");
        match self {
            Self::Dates(from, to) => DateRange {
                from: from.to_string(),
                to: to.to_string(),
            },
            Self::EveryYear(from, to) => DateRange {
                from: yearly(from),
                to: yearly(to),
            },
        }
    }
}

enum Day {
    Once(Date),
    Yearly((i8, i8)),
}

fn day(text: &str) -> Option<Day> {
    if text.len() == 5 {
        // A leap year, so that 02-29 is a day.
        let date: Date = format!("2024-{text}").parse().ok()?;
        return Some(Day::Yearly((date.month(), date.day())));
    }
    let date = (text.len() == 10).then(|| text.parse().ok())?;
    date.map(Day::Once)
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= DAY_MINUTES).then_some(all)
}

const fn weekday(day: civil::Weekday) -> Weekday {
    match day {
        civil::Weekday::Monday => Weekday::Monday,
        civil::Weekday::Tuesday => Weekday::Tuesday,
        civil::Weekday::Wednesday => Weekday::Wednesday,
        civil::Weekday::Thursday => Weekday::Thursday,
        civil::Weekday::Friday => Weekday::Friday,
        civil::Weekday::Saturday => Weekday::Saturday,
        civil::Weekday::Sunday => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests;
