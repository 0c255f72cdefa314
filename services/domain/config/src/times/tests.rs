use super::*;

const MON_TO_FRI: [Weekday; 5] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
];

fn condition(days: &[Weekday], from: &str, to: &str) -> RawTimes {
    RawTimes {
        name: "office".into(),
        zone: "America/Sao_Paulo".into(),
        week: vec![WeekRange {
            days: days.to_vec(),
            from: from.into(),
            to: to.into(),
        }],
        ..RawTimes::default()
    }
}

fn parse(raw: &RawTimes) -> TimeCondition {
    let mut faults = Vec::new();
    let parsed = TimeCondition::parse(raw, &mut Report::new("times".into(), &mut faults));
    assert_eq!(faults, []);
    parsed.expect("no faults")
}

fn at(utc: &str) -> UnixTime {
    let timestamp: jiff::Timestamp = utc.parse().expect("a time");
    UnixTime::from_millis(timestamp.as_millisecond())
}

fn check(raw: &RawTimes, utc: &str, expected: bool) {
    assert_eq!(parse(raw).holds(at(utc)), expected, "{utc}");
}

#[test]
fn office_hours_are_those_of_the_zone() {
    let office = condition(&MON_TO_FRI, "08:00", "18:00");
    // São Paulo is at UTC-3. 2026-11-23 is a Monday.
    check(&office, "2026-11-23T10:59:59Z", false);
    check(&office, "2026-11-23T11:00:00Z", true);
    check(&office, "2026-11-23T20:59:59Z", true);
    check(&office, "2026-11-23T21:00:00Z", false);
    check(&office, "2026-11-22T15:00:00Z", false);
}

#[test]
fn a_time_on_the_wall_is_read_in_its_zone() {
    let zone = Zone::parse("America/Sao_Paulo").expect("a zone");
    assert_eq!(
        zone.read("2026-11-23T12:00"),
        Some(at("2026-11-23T15:00:00Z"))
    );
    assert_eq!(zone.read("noon"), None);
}

#[test]
fn the_usual_hours_are_those_of_working_days() {
    let zone = Zone::parse("America/Sao_Paulo").expect("a zone");
    let check = |utc: &str, expected| assert_eq!(is_usual_time(&zone, at(utc)), expected, "{utc}");
    check("2026-11-23T10:59:59Z", false);
    check("2026-11-23T11:00:00Z", true);
    check("2026-11-23T20:59:59Z", true);
    check("2026-11-23T21:00:00Z", false);
    check("2026-11-22T15:00:00Z", false);
    check("2026-11-28T15:00:00Z", false);
}

#[test]
fn summer_time_moves_the_hours() {
    let mut office = condition(&MON_TO_FRI, "08:00", "18:00");
    office.zone = "Europe/Lisbon".into();
    check(&office, "2026-01-12T08:00:00Z", true);
    check(&office, "2026-01-12T07:59:00Z", false);
    check(&office, "2026-07-13T07:00:00Z", true);
    check(&office, "2026-07-13T17:00:00Z", false);
}

#[test]
fn a_night_belongs_to_the_day_it_begins_on() {
    let night = condition(&[Weekday::Friday], "22:00", "06:00");
    check(&night, "2026-11-28T00:59:00Z", false);
    check(&night, "2026-11-28T01:00:00Z", true);
    check(&night, "2026-11-28T08:59:00Z", true);
    check(&night, "2026-11-28T09:00:00Z", false);
    // The night from Thursday to Friday is none.
    check(&night, "2026-11-27T05:00:00Z", false);
}

#[test]
fn a_whole_day_ends_at_midnight() {
    let sunday = condition(&[Weekday::Sunday], "00:00", "24:00");
    check(&sunday, "2026-11-22T03:00:00Z", true);
    check(&sunday, "2026-11-23T02:59:59Z", true);
    check(&sunday, "2026-11-23T03:00:00Z", false);
}

#[test]
fn holidays_close_and_negation_turns_all_of_it_round() {
    let mut office = condition(&MON_TO_FRI, "08:00", "18:00");
    let holiday = |from: &str, to: &str| DateRange {
        from: from.into(),
        to: to.into(),
    };
    office.holidays = vec![
        holiday("2026-11-20", ""),
        holiday("12-24", "01-02"),
        holiday("02-29", ""),
    ];
    check(&office, "2026-11-20T15:00:00Z", false);
    check(&office, "2026-11-19T15:00:00Z", true);
    check(&office, "2026-12-25T15:00:00Z", false);
    check(&office, "2027-01-01T15:00:00Z", false);
    check(&office, "2027-01-04T15:00:00Z", true);
    office.negated = true;
    check(&office, "2026-11-20T15:00:00Z", true);
    check(&office, "2026-11-19T15:00:00Z", false);
}

#[test]
fn a_condition_survives_the_journey() {
    let mut raw = condition(&MON_TO_FRI, "08:00", "24:00");
    raw.holidays = vec![DateRange {
        from: "12-24".into(),
        to: "12-24".into(),
    }];
    assert_eq!(parse(&raw).to_ipc(), raw);
}

#[test]
fn what_is_not_a_time_is_told() {
    let faults = |raw: &RawTimes| {
        let mut faults = Vec::new();
        let _ = TimeCondition::parse(raw, &mut Report::new("times".into(), &mut faults));
        faults.len()
    };
    for (from, to) in [
        ("8:00", "18:00"),
        ("08:00", "24:01"),
        ("08:60", "18:00"),
        ("24:00", "1"),
    ] {
        assert_ne!(faults(&condition(&MON_TO_FRI, from, to)), 0, "{from} {to}");
    }
    assert_ne!(faults(&condition(&[], "08:00", "18:00")), 0);
    let mut raw = condition(&MON_TO_FRI, "08:00", "18:00");
    raw.zone = "Brasilia".into();
    assert_ne!(faults(&raw), 0);
    for (from, to) in [
        ("2026-02-29", ""),
        ("2026-12-24", "12-25"),
        ("2026-12-24", "2026-12-23"),
    ] {
        let mut raw = condition(&MON_TO_FRI, "08:00", "18:00");
        raw.holidays = vec![DateRange {
            from: from.into(),
            to: to.into(),
        }];
        assert_ne!(faults(&raw), 0, "{from} {to}");
    }
}
