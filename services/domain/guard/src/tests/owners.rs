//! Guesses from many lines, of one owner and of many (bar E10).

use super::*;

#[test]
fn one_extension_guessed_at_from_everywhere_is_guarded_and_its_own_phone_goes_on() {
    // E10: no address guesses twice.
    let mut door = door(&on());
    door.proved(at(0), from("203.0.113.7", "100"));
    let (mut looked, mut found) = (0, Vec::new());
    for turn in 0..6_000_u64 {
        let now = at(0) + Duration::from_millis(100 * turn);
        let source = format!("10.{}.{}.9", turn / 250, turn % 250);
        let attempt = from(&source, "100");
        if door.admits(now, attempt) {
            looked += 1;
            found.extend(door.offence(now, attempt, Offence::SipPassword));
        }
        assert!(door.admits(now, from("203.0.113.7", "100")));
        assert!(door.admits(now, from(&source, "101")), "another one is not");
    }
    assert_eq!(
        found.first().map(|it| (it.measure, it.count)),
        Some((Measure::Slow, 8))
    );
    assert_eq!(
        looked,
        8 + 10 * 20,
        "eight until it is found, then twenty a minute"
    );
}

#[test]
fn one_owner_of_many_addresses_guesses_no_more_often_than_an_office() {
    // N lines of a /48, a few guesses each: none of them does it too often.
    let mut door = door(&on());
    door.proved(at(0), from("2001:db8:1:ffff::1", "100"));
    let (mut looked, mut found) = (0, Vec::new());
    for line in 0..4_000_u32 {
        let source = format!("2001:db8:1:{line:x}::1");
        for name in ["100", "101", "102", "900"] {
            let attempt = from(&source, name);
            if door.admits(at(5), attempt) {
                looked += 1;
                found.extend(door.offence(at(5), attempt, Offence::SipPassword));
            }
        }
    }
    assert_eq!(looked, 40);
    let told = found.iter().map(|it| (it.source.as_str(), it.measure));
    assert!(
        told.clone()
            .any(|it| it == ("2001:db8:1::/48", Measure::Narrow)),
        "{found:?}"
    );
    assert!(
        door.admits(at(5), from("2001:db8:1:ffff::1", "100")),
        "his own phone"
    );
    assert!(!door.is_shut(at(5), ip("2001:db8:1:5::1")));
    assert!(door.admits(at(606), from("2001:db8:1:5::1", "103")));
}

#[test]
fn one_owner_of_many_addresses_takes_nobodys_turn() {
    let mut door = door(&on());
    for owner in 0..8 {
        let source = format!("192.0.{owner}.1");
        door.offence(at(100 + owner), from(&source, "100"), Offence::SipPassword);
    }
    for turn in 0..50 {
        let source = format!("2001:db8:1:{turn:x}::2");
        assert_eq!(door.admits(at(110), from(&source, "100")), turn == 0);
    }
    assert!(
        door.admits(at(110), from("203.0.113.7", "100")),
        "he who is on the road"
    );
}

/// E10: the owner calls in from a hotel while twenty others guess as fast as they can.
#[test]
fn the_owner_on_the_road_comes_in_while_many_owners_guess_at_his_extension() {
    let mut door = door(&on());
    let mut is_in = false;
    for turn in 0..20 * 60 * 10_u64 {
        let now = at(0) + Duration::from_millis(100 * turn);
        let source = format!("192.0.{}.{}", turn % 20, turn / 20 % 250);
        let attempt = from(&source, "100");
        if !door.is_shut(now, attempt.source) && door.admits(now, attempt) {
            door.offence(now, attempt, Offence::SipPassword);
        }
        if turn > 100 && turn % 300 == 0 {
            let own = from("203.0.113.7", "100");
            assert!(!door.is_shut(now, own.source));
            is_in |= door.admits(now, own);
            if is_in {
                break;
            }
        }
        assert!(turn < 2 * 60 * 10, "within two minutes");
    }
    assert!(is_in);
}

#[test]
fn a_few_owners_who_guess_often_at_one_extension_are_enough() {
    let mut door = door(&on());
    let mut found = Vec::new();
    for turn in 0..40 {
        let source = format!("192.0.{}.{}", turn % 7, turn);
        found.extend(door.offence(at(turn), from(&source, "100"), Offence::SipExtension));
    }
    let slow = found.iter().find(|it| it.measure == Measure::Slow);
    assert!(slow.is_some(), "{found:?}");
}
