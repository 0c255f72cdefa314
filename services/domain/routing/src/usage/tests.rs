use super::*;
use crate::example::office;

fn number() -> Number {
    Number::parse("100").expect("digits")
}

fn site() -> Site {
    Site::parse(&office()).expect("a valid office")
}

fn on(local: &str) -> Periods {
    let site = site();
    Periods::of(&site, site.dialling.zone.read(local).expect("a time"))
}

fn monday() -> Periods {
    on("2026-11-23T12:00")
}

/// Fifty hundredths a minute, half a minute at least, in steps of six seconds.
const PRICE: Price = Price {
    minute: 50,
    setup: 0,
    minimum: 30,
    increment: 6,
};

fn charge(class: Class) -> Charge {
    Charge {
        payer: Some(number()),
        trunk: "carrier".into(),
        class: Some(class),
        country: None,
        price: PRICE,
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

fn own_cents(usage: &Usage, secs: u64, now: Periods) -> [u64; 3] {
    let account = Account::Extension(number());
    usage.spent(&account, at(secs), now).map(Money::as_cents)
}

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
    usage.ended(ticket, at(10), monday());
    usage.ended(inbound, at(10), monday());
    usage.ended(inbound, at(20), monday());
    assert_eq!((usage.on_trunk("carrier"), usage.outbound()), (0, 0));
    assert_eq!(usage.tally, Tally::default(), "nothing is left behind");
}

#[test]
fn a_call_that_is_counted_anew_is_one_attempt() {
    let mut usage = Usage::default();
    let waiting = usage.admit(at(0), charge(Class::Local));
    let other = usage.admit(at(0), charge(Class::Local));
    assert!(usage.is_too_fast(&number(), &LIMITS, at(0)));
    usage.withdrawn(waiting);
    assert!(!usage.is_too_fast(&number(), &LIMITS, at(0)));
    assert_eq!(usage.of_extension(&number()), 1);
    usage.withdrawn(other);
    usage.withdrawn(other);
    assert_eq!(usage.tally, Tally::default());
    assert!(usage.state(at(0)).attempts.is_empty());
}

#[test]
fn minutes_count_from_the_answer_and_begin_anew_each_day() {
    let mut usage = Usage::default();
    let (today, tomorrow) = (monday(), on("2026-11-24T12:00"));
    let spoken = |usage: &Usage, secs, day| usage.spoken(Class::Mobile, at(secs), day).as_secs();
    let first = usage.admit(at(0), charge(Class::Mobile));
    assert_eq!(spoken(&usage, 20, today), 0);
    usage.answered(first, at(30), today);
    assert_eq!(spoken(&usage, 90, today), 60);
    usage.ended(first, at(90), today);
    let unanswered = usage.admit(at(100), charge(Class::Mobile));
    usage.ended(unanswered, at(140), today);
    assert_eq!(spoken(&usage, 200, today), 60);
    assert_eq!(spoken(&usage, 200, tomorrow), 0);
}

#[test]
fn money_is_that_of_the_extension_the_trunk_and_the_box() {
    let mut usage = Usage::default();
    let ticket = usage.admit(at(0), charge(Class::Mobile));
    usage.answered(ticket, at(0), monday());
    // Half a minute is charged at once.
    assert_eq!(own_cents(&usage, 0, monday()), [25; 3]);
    usage.ended(ticket, at(61), monday());
    // 61 seconds are 66.
    assert_eq!(own_cents(&usage, 99, monday()), [55; 3]);
    let of = |account| usage.spent(&account, at(99), monday())[0].as_cents();
    assert_eq!(of(Account::Box), 55);
    assert_eq!(of(Account::Trunk("carrier".into())), 55);
    assert_eq!(of(Account::Trunk("other".into())), 0);
}

#[test]
fn a_day_a_week_and_a_month_end_each_in_its_time() {
    let mut usage = Usage::default();
    let sunday = on("2026-11-29T22:00");
    let spend = |usage: &mut Usage, secs, now| {
        let ticket = usage.admit(at(secs), charge(Class::Mobile));
        usage.answered(ticket, at(secs), now);
        usage.ended(ticket, at(secs + 60), now);
    };
    spend(&mut usage, 0, sunday);
    let monday = on("2026-11-30T09:00");
    assert_eq!(own_cents(&usage, 100, monday), [0, 0, 50]);
    spend(&mut usage, 100, monday);
    assert_eq!(own_cents(&usage, 200, monday), [50, 50, 100]);
    let december = on("2026-12-01T00:00");
    assert_eq!(own_cents(&usage, 200, december), [0, 50, 0]);
}

#[test]
fn a_clock_that_jumps_neither_forgives_nor_freezes_what_was_spent() {
    let mut usage = Usage::default();
    let spend = |usage: &mut Usage, secs, now| {
        let ticket = usage.admit(at(secs), charge(Class::Mobile));
        usage.answered(ticket, at(secs), now);
        usage.ended(ticket, at(secs + 60), now);
    };
    let tuesday = on("2026-11-24T00:00");
    spend(&mut usage, 0, tuesday);
    // Set back over midnight, and on again: nothing is forgiven either way.
    spend(&mut usage, 100, monday());
    assert_eq!(own_cents(&usage, 200, monday()), [100; 3]);
    assert_eq!(own_cents(&usage, 200, tuesday), [100; 3]);
    // It runs a year ahead, and is put right: what was spent meanwhile is spent today.
    let ahead = on("2027-11-24T12:00");
    spend(&mut usage, 200, ahead);
    assert_eq!(own_cents(&usage, 300, tuesday), [50; 3]);
    assert!(usage.turn(tuesday) && !usage.turn(tuesday));
    assert_eq!(own_cents(&usage, 300, tuesday), [50; 3]);
    assert_eq!(own_cents(&usage, 300, on("2026-11-25T00:00")), [0, 50, 50]);
    assert_eq!(own_cents(&usage, 300, on("2026-12-01T00:00")), [0; 3]);
}

#[test]
fn who_resumes_an_extension_vouches_for_the_clock() {
    let mut usage = Usage::default();
    let tuesday = on("2026-11-24T00:00");
    let ticket = usage.admit(at(0), charge(Class::Mobile));
    usage.answered(ticket, at(0), tuesday);
    usage.ended(ticket, at(60), tuesday);
    let mut raw = office();
    raw.extensions[1].settings.spend_resumed = 1_795_446_000;
    let site = Site::parse(&raw).expect("a valid office");
    assert!(usage.configure(&site, at(60), monday()));
    assert_eq!(own_cents(&usage, 60, monday()), [50; 3]);
    assert_eq!(own_cents(&usage, 60, tuesday), [0, 50, 50]);
}

#[test]
fn who_is_let_go_on_begins_at_nothing() {
    let mut usage = Usage::default();
    let ticket = usage.admit(at(0), charge(Class::Mobile));
    usage.answered(ticket, at(0), monday());
    assert_eq!(own_cents(&usage, 60, monday()), [75; 3]);
    let mut raw = office();
    raw.extensions[0].settings.spend_resumed = 1_795_446_000;
    let site = Site::parse(&raw).expect("a valid office");
    assert!(usage.configure(&site, at(60), monday()));
    assert_eq!(own_cents(&usage, 60, monday()), [0; 3]);
    assert_eq!(own_cents(&usage, 120, monday()), [50; 3]);
    // The same once more changes nothing, nor after a restart.
    assert!(!usage.configure(&site, at(120), monday()));
    let mut restored = Usage::restored(&usage.state(at(120)), at(120));
    assert!(!restored.configure(&site, at(120), monday()));
    assert_eq!(own_cents(&restored, 120, monday()), [50; 3]);
}

#[test]
fn a_restart_does_not_forgive() {
    let mut usage = Usage::default();
    for _ in 0..2 {
        let ticket = usage.admit(at(0), charge(Class::Mobile));
        usage.answered(ticket, at(0), monday());
        usage.ended(ticket, at(30), monday());
    }
    let running = usage.admit(at(30), charge(Class::Mobile));
    usage.answered(running, at(30), monday());
    let state = usage.state(at(60));
    let young = Instant::ORIGIN + Duration::from_secs(1);
    let mut restored = Usage::restored(&state, young);
    let spoken = |usage: &Usage| usage.spoken(Class::Mobile, young, monday()).as_secs();
    assert_eq!(spoken(&restored), 90);
    let account = Account::Extension(number());
    let cents = |usage: &Usage, at| usage.spent(&account, at, monday())[0].as_cents();
    assert_eq!(cents(&restored, young), 25 + 25 + 25 + 25);
    let limits = CallLimits {
        per_minute: 2,
        ..LIMITS
    };
    assert!(restored.is_too_fast(&number(), &limits, young));
    assert_eq!(restored.state(young).spent, state.spent);
    // The call that went on meanwhile is charged no second beginning.
    let resumed = restored.resume(young, charge(Class::Mobile));
    let later = young + Duration::from_secs(60);
    restored.ended(resumed, later, monday());
    assert_eq!(cents(&restored, later), 100 + 50);
    // A clock that does not know the day yet forgives nothing either.
    assert_eq!(cents(&restored, later), 150);
    let unknown = Periods::default();
    assert_eq!(restored.spent(&account, later, unknown)[0].as_cents(), 150);
}

#[test]
fn attempts_of_more_than_an_hour_ago_are_not_kept() {
    let mut usage = Usage::default();
    usage.admit(at(0), charge(Class::Local));
    usage.admit(at(3_000), charge(Class::Local));
    assert_eq!(
        usage.state(at(3_599)).attempts,
        [("100".to_owned(), vec![3_599_000, 599_000])]
    );
    assert_eq!(
        usage.state(at(3_600)).attempts,
        [("100".to_owned(), vec![600_000])]
    );
    assert!(usage.state(at(6_600)).attempts.is_empty());
}

/// What is kept over a power cut.
fn cut(usage: &Usage, secs: u64) -> UsageState {
    UsageState {
        attempts: Vec::new(),
        ..usage.state(at(secs))
    }
}

#[test]
fn what_was_spent_before_a_power_cut_comes_to_what_was_spent_since() {
    let mut usage = Usage::default();
    let spend = |usage: &mut Usage, now| {
        let ticket = usage.admit(at(0), charge(Class::Mobile));
        usage.answered(ticket, at(0), now);
        usage.ended(ticket, at(60), now);
    };
    spend(&mut usage, monday());
    let state = cut(&usage, 60);
    let mut after = Usage::default();
    after.take_back(&state, at(0));
    assert_eq!(own_cents(&after, 0, monday()), [50; 3]);
    assert_eq!(after.spoken(Class::Mobile, at(0), monday()).as_secs(), 60);
    // The store answered late: a call of the same day was made meanwhile, or one of the next.
    let mut after = Usage::default();
    spend(&mut after, monday());
    after.take_back(&state, at(60));
    assert_eq!(own_cents(&after, 60, monday()), [100; 3]);
    let mut after = Usage::default();
    let tuesday = on("2026-11-24T09:00");
    spend(&mut after, tuesday);
    after.take_back(&state, at(60));
    assert_eq!(own_cents(&after, 60, tuesday), [50, 100, 100]);
}

#[test]
fn who_was_resumed_is_so_after_a_power_cut_too() {
    let mut usage = Usage::default();
    let ticket = usage.admit(at(0), charge(Class::Mobile));
    usage.answered(ticket, at(0), monday());
    usage.ended(ticket, at(60), monday());
    let mut raw = office();
    let earlier = Site::parse(&raw).expect("a valid office");
    raw.extensions[0].settings.spend_resumed = 1_795_446_000;
    let resumed = Site::parse(&raw).expect("a valid office");
    // The configuration comes before what was spent, or after it.
    for (site, cents) in [(&earlier, 50), (&resumed, 0)] {
        let mut after = Usage::default();
        after.configure(site, at(60), monday());
        after.take_back(&cut(&usage, 60), at(60));
        assert_eq!(own_cents(&after, 60, monday()), [cents; 3]);
        let mut after = Usage::default();
        after.take_back(&cut(&usage, 60), at(60));
        after.configure(site, at(60), monday());
        assert_eq!(own_cents(&after, 60, monday()), [cents; 3]);
    }
}
