//! Who had last to do with a number, for a call back (R18): with the index and without.

use std::time::{Duration, Instant};

use ipc::erasure::Whose;

use super::numbers::*;
use super::*;

/// When the first call of these tests began.
const BEGIN: i64 = 1_700_000_000_000;

/// A call that somebody outside makes; `answered` says who took it.
fn incoming(number: u32, from: &str, answered: Option<&str>) -> CallRecord {
    CallRecord {
        from: from.into(),
        to: "4832321000".into(),
        trunk: answered.map(|_| "Carrier".into()).unwrap_or_default(),
        answered_millis: answered.map(|_| BEGIN + i64::from(number)),
        extensions: answered.map(Into::into).into_iter().collect(),
        rung: vec!["100".into(), "101".into(), "102".into()],
        ..call(number, Outcome::EndedByCaller)
    }
}

fn last_with(store: &Store, number: &str, since_millis: i64) -> Option<String> {
    let request = Request::LastWith {
        number: Redacted::new(number.into()),
        since_millis,
    };
    match store.ask(PBX, request) {
        Reply::LastWith(found) => found,
        other => panic!("{other:?}"),
    }
}

/// Asks with the index, and then without, as where it is not whole.
fn check(calls: &[CallRecord], number: &str, since_millis: i64, expected: Option<&str>) {
    let scratch = Scratch::new();
    let store = scratch.store();
    check_in(&store, calls, number, since_millis, expected);
}

/// The same, of a site with an area and a number of its own.
fn check_at_home(calls: &[CallRecord], number: &str, expected: Option<&str>) {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (base, mut site) = config(&store);
    site.dialling.area_code = "48".into();
    site.dialling.owned_numbers = vec!["+554832321000".into()];
    let audit = audit("area set");
    let reply = store.ask(WEB, Request::Commit { base, audit, site });
    assert_eq!(reply, Reply::Committed { version: base + 1 });
    check_in(&store, calls, number, 0, expected);
}

fn check_in(
    store: &Store,
    calls: &[CallRecord],
    number: &str,
    since_millis: i64,
    expected: Option<&str>,
) {
    put(store, calls);
    settle(store);
    let asked = || last_with(store, number, since_millis);
    assert_eq!(asked().as_deref(), expected, "{number} with the index");
    store.shared().is_indexed.store(false, Ordering::Relaxed);
    assert_eq!(asked().as_deref(), expected, "{number} without");
}

#[test]
fn a_call_back_goes_to_the_extension_that_called_the_number_last_answered_or_not() {
    let unanswered = CallRecord {
        outcome: Outcome::NoAnswer,
        ..outgoing(2, "101", "0 21 48 99999-0021")
    };
    let calls = [
        outgoing(1, "100", MARIA),
        unanswered,
        outgoing(3, "102", RUI),
    ];
    check(&calls, MARIA, 0, Some("101"));
    check(&calls[..1], "48999990021", 0, Some("100"));
    check(&calls[2..], MARIA, 0, None);
}

#[test]
fn who_answered_a_call_from_the_number_had_to_do_with_it_and_whom_it_missed_had_not() {
    let calls = [
        outgoing(1, "100", MARIA),
        incoming(2, MARIA, Some("101")),
        incoming(3, MARIA, None),
    ];
    check(&calls, MARIA, 0, Some("101"));
    check(&[calls[0].clone(), calls[2].clone()], MARIA, 0, Some("100"));
    check(&calls[2..], MARIA, 0, None);
}

#[test]
fn whoever_joined_last_is_meant_and_what_the_box_turned_away_never_reached_anybody() {
    let mut passed_on = outgoing(1, "100", MARIA);
    passed_on.extensions.push("102".into());
    let turned_away = CallRecord {
        outcome: Outcome::Rejected,
        ..outgoing(2, "101", MARIA)
    };
    check(&[passed_on, turned_away], MARIA, 0, Some("102"));
}

#[test]
fn calls_before_the_time_asked_for_do_not_count() {
    let calls = [outgoing(10, "100", MARIA)];
    check(&calls, MARIA, BEGIN + 10, Some("100"));
    check(&calls, MARIA, BEGIN + 11, None);
}

#[test]
fn a_number_that_only_ends_alike_or_is_from_inside_finds_nobody() {
    let calls = [
        outgoing(1, "100", "+5511999990021"),
        outgoing(2, "100", "101"),
        outgoing(3, "100", "anonymous"),
    ];
    check(&calls, MARIA, 0, None);
    check(&calls, "101", 0, None);
    check(&calls, "anonymous", 0, None);
}

/// Mobiles of areas 11, 21 and 31 end in the same ten digits.
#[test]
fn mobiles_of_other_areas_with_the_same_last_digits_are_not_mixed_however_they_are_written() {
    let calls = [
        outgoing(1, "100", "+5511999990021"),
        outgoing(2, "101", "0 21 21 99999-0021"),
        outgoing(3, "102", "(41) 99999-0021"),
        incoming(4, "81999990021", Some("103")),
    ];
    for (areas_number, expected) in [
        ("+5511999990021", Some("100")),
        ("11999990021", Some("100")),
        ("+5521999990021", Some("101")),
        ("021999990021", Some("101")),
        ("+5531999990021", None),
        ("31999990021", None),
        ("041999990021", Some("102")),
        ("+5581999990021", Some("103")),
        ("+5491199990021", None),
    ] {
        check(&calls, areas_number, 0, expected);
    }
}

#[test]
fn a_number_dialled_without_area_is_one_of_the_sites_own_area() {
    let calls = [
        outgoing(1, "100", "3232-1010"),
        outgoing(2, "101", "99999-0021"),
    ];
    check_at_home(&calls, "+554832321010", Some("100"));
    check_at_home(&calls, "+551132321010", None);
    check_at_home(&calls, "48999990021", Some("101"));
    check_at_home(&calls, "+551899990021", None);
    // What the carrier shows without area may be anybody's.
    check_at_home(&calls, "99999-0021", None);
}

#[test]
fn calls_inside_are_not_calls_with_a_number_outside_that_looks_like_an_extension() {
    let inside = CallRecord {
        extensions: vec!["101".into(), "4832321010".into()],
        ..outgoing(1, "101", "4832321010")
    };
    let unanswered = CallRecord {
        outcome: Outcome::NoAnswer,
        rung: vec!["4832321010".into()],
        ..outgoing(2, "101", "4832321010")
    };
    check_at_home(&[inside, unanswered], "4832321010", None);
    // Nor is the site's own number, which a call has that comes back by the carrier.
    let own = [outgoing(1, "100", "4832321000")];
    check_at_home(&own, "+554832321000", None);
}

#[test]
fn little_is_looked_at_however_much_there_is() {
    // With the index: the newest hundred with the number.
    let missed = |number| incoming(number, MARIA, None);
    let mut calls = vec![outgoing(1, "100", MARIA)];
    calls.extend((2..=100).map(missed));
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &calls);
    settle(&store);
    assert_eq!(last_with(&store, MARIA, 0).as_deref(), Some("100"));
    put(&store, &[missed(101)]);
    assert_eq!(last_with(&store, MARIA, 0), None);
    // Without: the newest five hundred of all.
    store.shared().is_indexed.store(false, Ordering::Relaxed);
    let others = |numbers: std::ops::RangeInclusive<u32>| {
        let calls: Vec<_> = numbers.map(|it| outgoing(it, "102", RUI)).collect();
        put(&store, &calls);
    };
    others(102..=500);
    assert_eq!(last_with(&store, MARIA, 0).as_deref(), Some("100"));
    others(501..=501);
    assert_eq!(last_with(&store, MARIA, 0), None);
}

#[test]
fn nobody_is_called_back_by_a_number_that_was_erased() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &[outgoing(0, "100", MARIA)]);
    settle(&store);
    assert_eq!(last_with(&store, MARIA, 0).as_deref(), Some("100"));
    let dialling = ipc::site::Dialling {
        area_code: "48".into(),
        ..ipc::site::Dialling::default()
    };
    let whole = config::WholeNumber::parse(MARIA, &dialling).expect("it is whole");
    let erase = Request::Erase {
        whose: Whose::Number(Redacted::new(whole.forms())),
        audit: audit("somebody erased"),
    };
    assert_eq!(store.ask(WEB, erase), Reply::Stored);
    let begun = Instant::now();
    while last_with(&store, MARIA, 0).is_some() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    // Nor by looking at all of them.
    store.shared().is_indexed.store(false, Ordering::Relaxed);
    assert_eq!(last_with(&store, MARIA, 0), None);
}

#[test]
fn records_of_an_older_firmware_that_are_in_no_index_are_found_by_looking() {
    let scratch = Scratch::new();
    drop(scratch.store());
    edit(&scratch, |txn| {
        put_as_before(txn, &outgoing(1, "100", MARIA));
    });
    let store = scratch.store();
    // Whether or not the writer has seen to it by now.
    assert_eq!(last_with(&store, MARIA, 0).as_deref(), Some("100"));
    settle(&store);
    assert_eq!(last_with(&store, MARIA, 0).as_deref(), Some("100"));
}
