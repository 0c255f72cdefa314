//! What a door is told, by people and by the process that keeps the bans, and what it tells.

use super::*;

#[test]
fn who_has_networks_forgiven_again_and_again_in_which_nobody_is_held_has_nobody_missed() {
    let mut door = door(&on());
    let (source, office) = ("203.0.113.7", "198.51.100.7");
    door.proved(at(0), from(office, "200"));
    let mut looked = 0;
    for secs in 0..10 {
        door.forgive(&network("203.0.113.0/24"));
        door.forgive(&network("198.51.100.0/24"));
        for attempt in [from(source, "100"), from(office, "100")] {
            if !door.is_shut(at(secs), attempt.source) && door.admits(at(secs), attempt) {
                looked += 1;
                door.offence(at(secs), attempt, Offence::SipPassword);
            }
        }
        if secs == 4 {
            assert!(door.is_shut(at(secs), ip(source)));
            assert!(!door.admits(at(secs), from(office, "100")));
            break;
        }
    }
    assert_eq!(looked, 10, "five of each, as the rule says");
    // Where somebody is held it helps, and he begins anew.
    door.forgive(&network("203.0.113.0/24"));
    door.forgive(&network("198.51.100.0/24"));
    assert!(!door.is_shut(at(5), ip(source)));
    assert!(door.admits(at(5), from(office, "100")));
}

#[test]
fn a_process_that_has_just_begun_takes_nobody_who_is_protected_from_the_doors() {
    // E9: it knows the site, and `net` has not spoken yet.
    let mut door = door(&on());
    let guest = |why, network: &str| Guest {
        why,
        network: network.into(),
    };
    let gateway = guest(Protection::Gateway, "192.168.1.1/32");
    let told = |guests: &[&Guest], unknown: &[Protection]| Bans {
        is_whole: true,
        protected: Some(guests.iter().map(|it| (*it).clone()).collect()),
        unknown: unknown.to_vec(),
        ..Bans::default()
    };
    let listed = guest(Protection::Listed, "203.0.113.0/24");
    obey(&mut door, 0, &told(&[&gateway, &listed], &[]));
    let fresh = told(&[], &[Protection::Gateway, Protection::Own]);
    obey(&mut door, 1, &fresh);
    let why = |door: &mut Door, source: &str| door.protected().why(ip(source));
    assert_eq!(why(&mut door, "192.168.1.1"), Some(Protection::Gateway));
    assert_eq!(why(&mut door, "203.0.113.7"), None, "of the site it knows");
    guess(&mut door, "192.168.1.1", "100", 20);
    assert!(!door.is_shut(at(20), ip("192.168.1.1")));
    obey(&mut door, 21, &told(&[], &[]));
    assert_eq!(why(&mut door, "192.168.1.1"), None);
}

#[test]
fn a_finding_says_how_often_what_it_is_for_has_happened() {
    // E13.
    let said = |found: &[Finding], measure| {
        let it = found.iter().find(|it| it.measure == measure);
        it.map(|it| (it.count, it.within_secs))
    };
    let office = "203.0.113.7";
    let turns = |names: u64, count: u64| (0..count).map(move |turn| (100 + turn % names, turn));
    let mut wide = door(&on());
    wide.proved(at(0), from(office, "999"));
    let mut found = Vec::new();
    for (name, secs) in turns(40, 40) {
        let name = name.to_string();
        found.extend(wide.offence(at(secs), from(office, &name), Offence::SipPassword));
    }
    assert_eq!(said(&found, Measure::Narrow), Some((40, 600)), "40 in all");
    let mut deep = door(&on());
    deep.proved(at(0), from(office, "999"));
    let slow = (0..5).map(|turn| (100, turn * 100));
    let quick = (0..35).map(|turn| (101 + turn / 5, 700 + turn));
    let mut found = Vec::new();
    for (name, secs) in slow.chain(quick) {
        let name = name.to_string();
        found.extend(deep.offence(at(secs), from(office, &name), Offence::SipPassword));
    }
    assert_eq!(said(&found, Measure::Lock), Some((5, 600)));
    assert_eq!(
        said(&found, Measure::Narrow),
        Some((40, 1_200)),
        "eight locks"
    );
    let mut door = door(&on());
    let mut found = Vec::new();
    for (owner, secs) in turns(8, 16) {
        let source = format!("198.51.{owner}.7");
        found.extend(door.offence(at(secs), from(&source, "100"), Offence::SipPassword));
    }
    assert_eq!(
        said(&found, Measure::Slow),
        Some((8, 600)),
        "of eight owners"
    );
    let mut found = Vec::new();
    for (host, secs) in turns(40, 40) {
        let source = format!("192.0.2.{host}");
        found.extend(door.offence(at(secs), from(&source, "200"), Offence::SipPassword));
    }
    assert_eq!(said(&found, Measure::Slow), Some((40, 600)), "of one owner");
}

#[test]
fn off_an_office_is_told_of_as_on_it_would_be_treated() {
    // E12: ten of its phones have a password of before.
    let office = "203.0.113.7";
    let measures = |guard: &Guard| {
        let mut door = door(guard);
        let mut found = Vec::new();
        for turn in 0..50_u64 {
            let name = (100 + turn % 10).to_string();
            if turn < 10 {
                door.proved(at(0), from(office, &name));
            }
        }
        for turn in 0..50_u64 {
            let name = (100 + turn % 10).to_string();
            found.extend(door.offence(at(turn), from(office, &name), Offence::SipPassword));
        }
        Vec::from_iter(found.iter().map(|it| it.measure))
    };
    let off = measures(&Guard::default());
    assert_eq!(off, measures(&on()));
    assert_eq!(off, [Measure::Lock; 10]);
}

#[test]
fn switched_off_the_doors_open_at_once() {
    let mut door = door(&on());
    guess(&mut door, "203.0.113.7", "100", 10);
    door.bans()
        .put(at(0), network("198.51.100.0/24"), at(1_000));
    assert!(door.is_shut(at(10), ip("203.0.113.7")));
    door.configure(&Guard::default());
    for source in ["203.0.113.7", "198.51.100.7"] {
        assert!(!door.is_shut(at(10), ip(source)), "{source}");
    }
    // On again before whoever keeps the bans has looked: he shows them, so they are obeyed.
    door.configure(&on());
    assert!(!door.is_shut(at(10), ip("203.0.113.7")));
    assert!(door.is_shut(at(10), ip("198.51.100.7")));
    let none = Bans {
        is_whole: true,
        ..Bans::default()
    };
    obey(&mut door, 10, &none);
    assert!(!door.is_shut(at(10), ip("198.51.100.7")));
}
