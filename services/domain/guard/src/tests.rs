//! Doors and bans as attackers and phones meet them, with the bars of the research on security.

use std::net::IpAddr;
use std::time::Duration;

use config::{Guard, GuardRule, Network};
use ipc::guard::{BanRow, Bans, Fate, Finding, Guest, Measure, Offence, Protection};
use proptest::prelude::*;
use sansio::{Instant, Node as _, Rng, UnixTime};

use crate::{Attempt, Door, GuardNode, Input, Output};

fn at(secs: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(1_000_000 + secs)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn network(text: &str) -> Network {
    Network::parse(text).expect("a network")
}

fn on() -> Guard {
    Guard {
        is_on: true,
        ..Guard::default()
    }
}

fn door(guard: &Guard) -> Door {
    let mut door = Door::default();
    door.configure(guard);
    door
}

fn from<'a>(source: &str, name: &'a str) -> Attempt<'a> {
    Attempt {
        source: ip(source),
        name,
    }
}

/// Guesses once a second until the door shuts or locks, `most` times at most: how many passwords
/// were looked at, and what was found.
fn guess(door: &mut Door, source: &str, name: &str, most: u64) -> (u64, Vec<Finding>) {
    let (mut looked, mut found) = (0, Vec::new());
    for secs in 0..most {
        let (now, attempt) = (at(secs), from(source, name));
        if door.is_shut(now, attempt.source) || !door.admits(now, attempt) {
            continue;
        }
        looked += 1;
        found.extend(door.offence(now, attempt, Offence::SipPassword));
    }
    (looked, found)
}

#[test]
fn as_many_passwords_are_looked_at_as_the_rule_says_and_not_one_more() {
    // E1, also where the attacker goes on for all of the ban.
    let mut door = door(&on());
    let (looked, found) = guess(&mut door, "203.0.113.7", "100", 600);
    assert_eq!(looked, 5);
    let [found] = found.as_slice() else {
        panic!("{found:?}");
    };
    let expected = ("203.0.113.7/32", Measure::Ban, true, 5);
    let told = (
        found.source.as_str(),
        found.measure,
        found.is_in_force,
        found.count,
    );
    assert_eq!(told, expected);
    assert_eq!(found.tried, ["100"]);
    // His neighbour is another, and after the ban he has five more.
    assert!(!door.is_shut(at(599), ip("203.0.113.8")));
    assert!(door.is_shut(at(603), ip("203.0.113.7")));
    assert!(!door.is_shut(at(605), ip("203.0.113.7")));
}

#[test]
fn an_ipv6_host_that_changes_its_address_with_each_guess_is_one() {
    let mut door = door(&on());
    let mut looked = 0;
    for secs in 0..100 {
        let source = format!("2001:db8:1:2::{secs:x}");
        if !door.is_shut(at(secs), ip(&source)) {
            looked += 1;
            door.offence(at(secs), from(&source, "100"), Offence::SipPassword);
        }
    }
    assert_eq!(looked, 5);
    assert!(!door.is_shut(at(100), ip("2001:db8:1:3::1")));
}

#[test]
fn off_nothing_is_shut_and_what_would_have_been_done_is_told_once_a_ban() {
    // R69, E12.
    let mut door = door(&Guard::default());
    let (looked, found) = guess(&mut door, "203.0.113.7", "100", 1_300);
    assert_eq!(looked, 1_300);
    assert_eq!(found.len(), 3, "at 4 s, 608 s and 1,212 s");
    assert!(
        found
            .iter()
            .all(|it| !it.is_in_force && it.measure == Measure::Ban)
    );
}

#[test]
fn an_offence_that_is_only_to_be_reported_shuts_nothing() {
    let mut guard = on();
    let rule = GuardRule {
        only_report: true,
        ..GuardRule::usual(Offence::SipPassword)
    };
    guard.rules.insert(Offence::SipPassword, rule);
    let (looked, found) = guess(&mut door(&guard), "203.0.113.7", "100", 60);
    assert_eq!((looked, found.len()), (60, 1));
    assert!(!found[0].is_in_force);
}

#[test]
fn switched_off_the_doors_open_at_once() {
    let mut door = door(&on());
    guess(&mut door, "203.0.113.7", "100", 10);
    door.bans()
        .put(at(0), network("198.51.100.0/24"), at(1_000));
    assert!(door.is_shut(at(10), ip("203.0.113.7")));
    door.configure(&Guard::default());
    door.configure(&on());
    assert!(!door.is_shut(at(10), ip("203.0.113.7")));
    assert!(!door.is_shut(at(10), ip("198.51.100.7")));
}

#[test]
fn phones_behind_one_address_go_on_when_three_of_them_have_stale_passwords() {
    // E8: an office of fifty after a power cut.
    let mut door = door(&on());
    let office = "203.0.113.7";
    let number = |phone: u32| (100 + phone).to_string();
    for phone in 0..50 {
        door.proved(at(0), from(office, &number(phone)));
    }
    let mut locked = Vec::new();
    for round in 1..=200 {
        for phone in 0..50 {
            let (now, number) = (at(3_600 + round * 30), number(phone));
            let attempt = from(office, &number);
            assert!(!door.is_shut(now, attempt.source));
            if phone < 3 {
                if door.admits(now, attempt) {
                    locked.extend(door.offence(now, attempt, Offence::SipPassword));
                }
            } else {
                assert!(door.admits(now, attempt), "{number}");
                door.proved(now, attempt);
            }
        }
    }
    assert!(locked.iter().all(|it| it.measure == Measure::Lock));
    // Five guesses each ten minutes for each of them, over 100 minutes.
    assert!((24..=30).contains(&locked.len()), "{}", locked.len());
    // The right password helps at once, when somebody has said that it may.
    door.forgive(&network("203.0.113.7/32"));
    assert!(door.admits(at(9_601), from(office, "100")));
}

#[test]
fn who_guesses_at_many_extensions_of_an_office_leaves_it_those_that_were_in_use() {
    let mut door = door(&on());
    let office = "203.0.113.7";
    door.proved(at(0), from(office, "200"));
    let mut found = Vec::new();
    let mut looked = 0;
    for secs in 0..500 {
        let number = (100 + secs / 5).to_string();
        if door.admits(at(secs), from(office, &number)) {
            looked += 1;
            found.extend(door.offence(at(secs), from(office, &number), Offence::SipPassword));
        }
    }
    assert_eq!(looked, 40, "eight extensions with five guesses each");
    let narrowed = found.last().map(|it| it.measure);
    assert_eq!((found.len(), narrowed), (8, Some(Measure::Narrow)));
    assert!(!door.is_shut(at(500), ip(office)));
    assert!(door.admits(at(500), from(office, "200")));
    assert!(!door.admits(at(500), from(office, "300")));
}

#[test]
fn the_router_and_others_who_are_protected_are_never_shut_out() {
    // E9, T7: behind a masquerade all attackers have the router's address.
    let mut door = door(&on());
    door.protected()
        .set(Protection::Gateway, vec![network("192.168.1.1")]);
    for secs in 0..100 {
        door.offence(at(secs), from("192.168.1.1", "9999"), Offence::SipExtension);
    }
    assert!(!door.is_shut(at(100), ip("192.168.1.1")));
    // A ban that somebody made before it was known is not obeyed either.
    door.bans().put(at(0), network("192.168.1.0/24"), at(1_000));
    assert!(door.is_shut(at(100), ip("192.168.1.2")));
    assert!(!door.is_shut(at(100), ip("192.168.1.1")));
}

#[test]
fn a_door_takes_over_bans_and_guests_and_keeps_its_own() {
    let mut door = door(&on());
    door.protected()
        .set(Protection::Trunk, vec![network("198.51.100.1")]);
    let told = |is_whole, banned: &[&str], unbanned: &[&str], gateway: Option<&str>| Bans {
        is_whole,
        banned: banned.iter().map(|it| ((*it).to_owned(), 60_000)).collect(),
        unbanned: unbanned.iter().map(|it| (*it).to_owned()).collect(),
        protected: gateway.map(|network| {
            vec![Guest {
                why: Protection::Gateway,
                network: network.to_owned(),
            }]
        }),
    };
    let banned = [
        "203.0.113.7/32",
        "192.168.1.1/32",
        "198.51.100.1/32",
        "what",
    ];
    let first = told(true, &banned, &[], Some("192.168.1.1"));
    door.take(at(0), &first, Protection::Trunk);
    let shut = |door: &Door, secs| {
        let all = ["203.0.113.7", "192.168.1.1", "198.51.100.1"];
        all.map(|it| door.is_shut(at(secs), ip(it)))
    };
    assert_eq!(shut(&door, 59), [true, false, false]);
    assert_eq!(shut(&door, 60), [false; 3], "for as long as was said");
    // A change leaves the rest; who is protected no more is banned as was said.
    door.take(
        at(1),
        &told(false, &[], &["203.0.113.7/32"], Some("10.0.0.1")),
        Protection::Trunk,
    );
    assert_eq!(shut(&door, 2), [false, true, false]);
    door.take(
        at(2),
        &told(true, &["203.0.113.7/32"], &[], None),
        Protection::Trunk,
    );
    assert_eq!(
        shut(&door, 3),
        [true, false, false],
        "what was known before is forgotten"
    );
}

#[test]
fn the_addresses_of_phones_are_not_shut_by_bans_of_others() {
    // A ban of all their neighbours, or one that a page brought about that somebody there opened.
    let mut door = door(&on());
    door.proved(at(0), from("203.0.113.7", "100"));
    door.bans().put(at(0), network("203.0.113.0/24"), at(1_000));
    assert!(!door.is_shut(at(1), ip("203.0.113.7")) && door.is_shut(at(1), ip("203.0.113.8")));
    // Nor by what was done from there before anybody was let in.
    guess(&mut door, "198.51.100.9", "100", 5);
    assert!(door.is_shut(at(5), ip("198.51.100.9")));
    door.proved(at(6), from("198.51.100.9", "100"));
    assert!(!door.is_shut(at(6), ip("198.51.100.9")));
}

#[test]
fn whether_an_extension_exists_or_a_password_was_right_does_not_show_in_the_bans() {
    // E7, R51: four guesses at names that nobody has, and one more of each kind.
    let last = [
        Offence::SipPassword,
        Offence::SipExtension,
        Offence::SipOutside,
    ];
    for offence in last {
        let mut door = door(&on());
        for turn in 0..4 {
            let nobody = from("203.0.113.7", "nobody");
            assert_eq!(door.offence(at(turn), nobody, Offence::SipExtension), []);
        }
        let found = door.offence(at(4), from("203.0.113.7", "100"), offence);
        assert_eq!(
            found.first().map(|it| it.measure),
            Some(Measure::Ban),
            "{offence:?}"
        );
    }
    // Nor where it is guarded: who is turned away has guessed.
    let mut door = door(&on());
    for owner in 0..8 {
        let source = format!("192.0.{owner}.1");
        door.offence(at(owner), from(&source, "100"), Offence::SipPassword);
    }
    assert!(door.admits(at(9), from("203.0.113.7", "100")));
    let mut found = Vec::new();
    for turn in 10..15 {
        let attempt = from("203.0.113.7", "100");
        assert!(!door.admits(at(turn), attempt));
        found.extend(door.turned_away(at(turn), attempt));
    }
    assert_eq!(found.first().map(|it| it.measure), Some(Measure::Ban));
}

#[test]
fn what_is_only_reported_hides_nothing_and_hastens_nothing() {
    let mut guard = on();
    let rule = GuardRule {
        only_report: true,
        ..GuardRule::usual(Offence::SipMalformed)
    };
    guard.rules.insert(Offence::SipMalformed, rule);
    let rule = GuardRule {
        only_report: true,
        ..GuardRule::usual(Offence::SipExtension)
    };
    guard.rules.insert(Offence::SipExtension, rule);
    let mut door = door(&guard);
    for secs in 0..40 {
        door.offence(at(secs), from("203.0.113.7", ""), Offence::SipMalformed);
        door.offence(at(secs), from("203.0.113.7", "900"), Offence::SipExtension);
    }
    let mut looked = 0;
    for secs in 40..100 {
        let attempt = from("203.0.113.7", "100");
        if !door.is_shut(at(secs), attempt.source) {
            looked += 1;
            door.offence(at(secs), attempt, Offence::SipPassword);
        }
    }
    assert_eq!(looked, 5);
}

#[test]
fn switched_on_while_somebody_guesses_he_is_banned_after_as_many_guesses_as_anybody() {
    let mut door = door(&Guard::default());
    guess(&mut door, "203.0.113.7", "100", 60);
    door.configure(&on());
    let mut looked = 0;
    for secs in 60..120 {
        let attempt = from("203.0.113.7", "100");
        if !door.is_shut(at(secs), attempt.source) {
            looked += 1;
            door.offence(at(secs), attempt, Offence::SipPassword);
        }
    }
    assert_eq!(looked, 5);
}

#[test]
fn guesses_at_many_extensions_in_turn_from_an_office_have_an_end_too() {
    let mut door = door(&on());
    door.proved(at(0), from("203.0.113.7", "999"));
    let (mut looked, mut found) = (0, Vec::new());
    for turn in 0..10_000_u64 {
        let number = (100 + turn % 200).to_string();
        let attempt = from("203.0.113.7", &number);
        let now = at(0) + Duration::from_millis(turn);
        if door.admits(now, attempt) {
            looked += 1;
            found.extend(door.offence(now, attempt, Offence::SipPassword));
        }
    }
    assert_eq!(looked, 40);
    assert_eq!(
        found.iter().map(|it| it.measure).collect::<Vec<_>>(),
        [Measure::Narrow]
    );
    assert!(door.admits(at(11), from("203.0.113.7", "999")));
}

#[test]
fn a_phone_of_an_extension_that_is_gone_is_locked_and_narrows_nobody() {
    let mut door = door(&on());
    door.proved(at(0), from("203.0.113.7", "100"));
    let mut found = Vec::new();
    for turn in 0..100 {
        let attempt = from("203.0.113.7", "150");
        if door.admits(at(turn * 30), attempt) {
            found.extend(door.offence(at(turn * 30), attempt, Offence::SipExtension));
        }
    }
    assert!(
        found.iter().all(|it| it.measure == Measure::Lock),
        "{found:?}"
    );
    assert!(
        door.admits(at(3_000), from("203.0.113.7", "101")),
        "a new phone"
    );
}

#[test]
fn no_flood_of_others_makes_an_office_a_stranger() {
    let mut door = door(&on());
    door.proved(at(0), from("203.0.113.7", "100"));
    for line in 0..30_000_u32 {
        let source = format!("2001:db8:{:x}:{:x}::1", line >> 16, line & 0xffff);
        door.offence(at(1), from(&source, "100"), Offence::SipPassword);
    }
    let mut found = Vec::new();
    for turn in 0..5 {
        found.extend(door.offence(
            at(2 + turn),
            from("203.0.113.7", "101"),
            Offence::SipPassword,
        ));
    }
    assert!(
        found.iter().any(|it| it.measure == Measure::Lock),
        "{found:?}"
    );
    assert!(door.admits(at(9), from("203.0.113.7", "100")));
}

#[test]
fn desks_on_the_boxs_own_cable_are_told_apart_over_ipv6_too() {
    let mut door = door(&on());
    door.near(&[network("2001:db8:1:2::/64")]);
    for prefix in ["2001:db8:1:2::", "fe80::"] {
        let (one, other) = (format!("{prefix}1"), format!("{prefix}2"));
        let (_, found) = guess(&mut door, &one, "100", 10);
        assert_eq!(found[0].source, format!("{one}/128"));
        assert!(door.is_shut(at(10), ip(&one)) && !door.is_shut(at(10), ip(&other)));
    }
}

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
fn one_owner_of_many_addresses_takes_nobodys_turn() {
    let mut door = door(&on());
    for line in 0..100 {
        let source = format!("2001:db8:1:{line:x}::1");
        let found = door.offence(at(line), from(&source, "100"), Offence::SipPassword);
        assert_eq!(found, [], "these are one site");
    }
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

#[test]
fn a_decoy_is_tried_once() {
    let mut guard = on();
    guard
        .decoys
        .insert(config::Number::parse("1000").expect("one"));
    let mut door = door(&guard);
    let found = door.offence(at(0), from("203.0.113.7", "1000"), Offence::SipExtension);
    assert_eq!(found.first().map(|it| it.offence), Some(Offence::SipDecoy));
    assert!(door.is_shut(at(0), ip("203.0.113.7")));
}

fn finding(source: &str) -> Finding {
    Finding {
        offence: Offence::SipPassword,
        source: source.into(),
        measure: Measure::Ban,
        is_in_force: true,
        count: 5,
        within_secs: 600,
        tried: vec!["100".into()],
    }
}

fn node() -> GuardNode {
    let mut node = GuardNode::new(Rng::from_seed(7));
    tell(&mut node, 0, Input::Config(Box::new(on())));
    node
}

fn tell(node: &mut GuardNode, secs: u64, input: Input) -> Vec<Output> {
    node.handle(at(secs), input);
    std::iter::from_fn(|| node.poll()).collect()
}

fn banned(outputs: &[Output]) -> Vec<(String, Instant)> {
    let ban = |it: &Output| match it {
        Output::Ban(network, until) => Some((network.to_string(), *until)),
        _ => None,
    };
    outputs.iter().filter_map(ban).collect()
}

/// Lets time pass until then.
fn pass(node: &mut GuardNode, secs: u64) -> Vec<Output> {
    let mut outputs = Vec::new();
    while let Some(due) = node.deadline().filter(|due| *due <= at(secs)) {
        node.handle(due, Input::Timer);
        outputs.extend(std::iter::from_fn(|| node.poll()));
    }
    outputs
}

#[test]
fn each_ban_lasts_twice_as_long_and_quiet_days_are_credited() {
    let mut node = node();
    let mut secs = 0;
    let mut lasted = Vec::new();
    for _ in 0..12 {
        let outputs = tell(&mut node, secs, Input::Found(finding("203.0.113.7/32")));
        let [(_, until)] = banned(&outputs).try_into().expect("one");
        lasted.push((until - at(secs)).as_secs());
        secs = (until - at(0)).as_secs() + 1;
        let ended = kept(&pass(&mut node, secs));
        assert_eq!(ended.last().map(|row| row.left_secs), Some(0));
    }
    let week = 7 * 24 * 3_600;
    for (turn, secs) in lasted.iter().enumerate() {
        let whole = (600_u64 << turn).min(week);
        assert!((whole * 9 / 10..=whole).contains(secs), "{turn}: {secs}");
    }
    // Three days later it is as if there had been three fewer; after many it is forgotten.
    let outputs = tell(
        &mut node,
        secs + 3 * 86_400,
        Input::Found(finding("203.0.113.7/32")),
    );
    let [(_, until)] = banned(&outputs).try_into().expect("one");
    let lasted = (until - at(secs + 3 * 86_400)).as_secs();
    assert!(
        (600 << 9) * 9 / 10 <= lasted && lasted <= 600 << 9,
        "{lasted}"
    );
    let gone = pass(&mut node, secs + 60 * 86_400);
    assert!(gone.contains(&Output::Drop(vec![network("203.0.113.7/32")])));
    assert_eq!(node.deadline(), None);
}

#[test]
fn neighbours_who_are_all_banned_are_banned_as_one_unless_somebody_protected_is_among_them() {
    let mut node = node();
    let protected = vec![network("198.51.100.250")];
    tell(&mut node, 0, Input::Protect(Protection::Trunk, protected));
    for (prefix, is_whole) in [("203.0.113", true), ("198.51.100", false)] {
        let mut last = Vec::new();
        for host in 1..=8 {
            let finding = finding(&format!("{prefix}.{host}/32"));
            last = tell(&mut node, host, Input::Found(finding));
        }
        let all = format!("{prefix}.0/24");
        assert_eq!(banned(&last).iter().any(|(it, _)| *it == all), is_whole);
    }
    let bans = node.bans().map(|(it, _)| it.to_string());
    assert_eq!(bans.count(), 1 + 8);
    // IPv6: lines of 64 bits, then 56, then 48; lines elsewhere in the last are not counted again.
    let mut found = |line: u16| {
        let source = format!("2001:db8:1:{line:x}::/64");
        tell(&mut node, 20, Input::Found(finding(&source)));
        let six = node.bans().map(|(it, _)| it.to_string());
        six.filter(|it| it.contains(':')).collect::<Vec<_>>()
    };
    for line in [0x400, 0x500, 0x600, 0, 1, 2] {
        found(line);
    }
    let six = found(3);
    assert_eq!(six.len(), 4, "{six:?}");
    for line in [
        0x100, 0x101, 0x102, 0x103, 0x200, 0x201, 0x202, 0x203, 0x300, 0x301, 0x302,
    ] {
        found(line);
    }
    let six = found(0x303);
    assert!(six.contains(&"2001:db8:1::/48".to_owned()), "{six:?}");
}

#[test]
fn neighbours_who_are_banned_together_again_and_again_are_banned_for_longer_each_time() {
    let mut node = node();
    let mut secs = 0;
    for round in 0..3_u32 {
        let mut last = Vec::new();
        for host in 1..=8 {
            let finding = finding(&format!("203.0.113.{host}/32"));
            last = tell(&mut node, secs, Input::Found(finding));
        }
        let [(network, until)] = banned(&last).try_into().expect("one");
        let whole = 600 << round;
        let lasted = (until - at(secs)).as_secs();
        assert_eq!(network, "203.0.113.0/24");
        assert!(
            (whole * 9 / 10..=whole).contains(&lasted),
            "{round}: {lasted}"
        );
        secs += lasted + 1;
        pass(&mut node, secs);
    }
}

#[test]
fn a_full_book_takes_the_next_ban_all_the_same() {
    let mut node = GuardNode::new(Rng::from_seed(7));
    let row = |turn: u32| BanRow {
        network: Network::of(std::net::Ipv4Addr::from_bits(turn << 8).into()).to_string(),
        offence: Offence::SipPassword,
        count: 5,
        within_secs: 600,
        tried: Vec::new(),
        since_secs: 0,
        left_secs: u64::from(turn % 2) * 86_400,
        until_secs: None,
        times: 1,
    };
    let rows = (0..120_000).map(row).collect();
    tell(&mut node, 0, Input::Stored(rows));
    tell(&mut node, 0, Input::Config(Box::new(on())));
    let outputs = tell(&mut node, 1, Input::Found(finding("203.0.113.7/32")));
    assert_eq!(banned(&outputs)[0].0, "203.0.113.7/32");
    let forgotten = outputs.iter().find_map(|it| match it {
        Output::Drop(networks) => networks.first().copied(),
        _ => None,
    });
    let is_over = |it: &Network| !node.bans().any(|(banned, _)| banned == it);
    assert!(forgotten.is_some_and(|it| is_over(&it)));
    assert_eq!(node.bans().count(), 60_001, "of those in force none");
}

#[test]
fn without_a_clock_a_restart_does_not_begin_a_ban_anew_and_a_clock_ends_it_in_time() {
    let wall = |secs: i64| Some(UnixTime::from_millis(1_800_000_000_000 + secs * 1_000));
    let mut node = node();
    let mut secs = 0;
    // The last of them lasts a day.
    for _ in 0..8 {
        pass(&mut node, secs);
        let found = Input::Found(finding("203.0.113.7/32"));
        let until = banned(&tell(&mut node, secs, found))[0].1;
        secs = (until - at(0)).as_secs() + 1;
    }
    let then = secs - 80_000;
    let row = kept(&pass(&mut node, then + 7_200)).pop();
    let row = row.expect("kept anew");
    let first = row.left_secs;
    assert!(
        (72_799 - 3_600..=72_800 + 3_600).contains(&first),
        "{first}"
    );
    let mut next = GuardNode::new(Rng::from_seed(7));
    tell(&mut next, 0, Input::Stored(vec![row]));
    let outputs = tell(&mut next, 0, Input::Config(Box::new(on())));
    assert_eq!((banned(&outputs)[0].1 - at(0)).as_secs(), first);
    // A row with an end, and a clock that comes late.
    let mut row = kept(&pass(&mut next, 3_600)).pop().expect("kept anew");
    row.until_secs = Some(1_800_000_000 + 500);
    let mut last = GuardNode::new(Rng::from_seed(7));
    tell(&mut last, 0, Input::Stored(vec![row]));
    tell(&mut last, 0, Input::Config(Box::new(on())));
    tell(&mut last, 10, Input::Clock(wall(100)));
    pass(&mut last, 409);
    assert_eq!(last.bans().count(), 1);
    pass(&mut last, 410);
    assert_eq!(last.bans().count(), 0);
}

#[test]
fn who_is_protected_is_spared_and_who_becomes_so_is_banned_no_more() {
    let mut node = node();
    tell(&mut node, 0, Input::Found(finding("203.0.113.7/32")));
    let trunk = vec![network("203.0.113.0/28")];
    let outputs = tell(&mut node, 1, Input::Protect(Protection::Trunk, trunk));
    assert!(outputs.contains(&Output::Unban(network("203.0.113.7/32"))));
    let outputs = tell(&mut node, 2, Input::Found(finding("203.0.113.8/32")));
    assert_eq!(banned(&outputs), []);
    assert!(outputs.contains(&Output::Unban(network("203.0.113.8/32"))));
    let fate = node.told().next().map(|it| it.fate);
    assert_eq!(fate, Some(Fate::Spared(Protection::Trunk)));
}

#[test]
fn off_what_would_be_banned_is_told_and_switching_off_lifts_all_bans() {
    let mut node = node();
    tell(&mut node, 0, Input::Found(finding("203.0.113.7/32")));
    let outputs = tell(&mut node, 1, Input::Config(Box::default()));
    assert_eq!(outputs, [Output::UnbanAll, Output::DropAll]);
    let would = Finding {
        is_in_force: false,
        ..finding("203.0.113.9/32")
    };
    // Nor does a door that has not heard of it yet.
    for finding in [would, finding("203.0.113.9/32")] {
        let outputs = tell(&mut node, 2, Input::Found(finding));
        assert_eq!(banned(&outputs), []);
        assert_eq!(
            node.told().next().map(|it| it.fate),
            Some(Fate::WouldBeBanned)
        );
    }
    assert_eq!(node.bans().count(), 0);
}

fn kept(outputs: &[Output]) -> Vec<BanRow> {
    let rows = outputs.iter().filter_map(|it| match it {
        Output::Keep(rows) => Some(rows.clone()),
        _ => None,
    });
    rows.flatten().collect()
}

#[test]
fn bans_outlive_a_restart_for_as_long_as_they_had_to_go() {
    let wall = |secs: i64| Some(UnixTime::from_millis(1_800_000_000_000 + secs * 1_000));
    let mut node = node();
    tell(&mut node, 0, Input::Clock(wall(0)));
    let rows = kept(&tell(&mut node, 0, Input::Found(finding("203.0.113.7/32"))));
    let left = rows[0].left_secs;
    // The box's clock, the time it has been off, and what is left of the ban then.
    let cases = [
        (wall(100), left - 100),
        (None, left),
        (wall(-1_000_000), left),
        (wall(100_000), 0),
    ];
    for (clock, expected) in cases {
        let mut next = GuardNode::new(Rng::from_seed(7));
        tell(&mut next, 0, Input::Clock(clock));
        tell(&mut next, 0, Input::Stored(rows.clone()));
        let outputs = tell(&mut next, 0, Input::Config(Box::new(on())));
        let left = banned(&outputs)
            .first()
            .map(|(_, until)| (*until - at(0)).as_secs());
        assert_eq!(left, Some(expected), "{clock:?}");
        // It was banned once, so the next one is the second.
        let outputs = tell(&mut next, 100, Input::Found(finding("203.0.113.7/32")));
        assert_eq!(kept(&outputs)[0].times, 2);
    }
}

#[test]
fn a_ban_is_lifted_by_a_person_and_forgotten() {
    let mut node = node();
    tell(&mut node, 0, Input::Found(finding("203.0.113.7/32")));
    let outputs = tell(&mut node, 1, Input::Unban(network("203.0.113.7/32")));
    let lifted = network("203.0.113.7/32");
    assert_eq!(outputs, [Output::Unban(lifted), Output::Drop(vec![lifted])]);
    let outputs = tell(&mut node, 2, Input::Found(finding("203.0.113.7/32")));
    assert_eq!(kept(&outputs)[0].times, 1);
}

proptest! {
    /// Whatever comes, also while people change the rules: nobody protected and no line with phones
    /// is shut out, nothing is found in force while bans are off, and while they are on no line has
    /// more passwords looked at than the widest rule allows.
    #[test]
    fn no_order_of_events_shuts_out_who_is_protected_or_lets_anybody_guess_on(
        events in proptest::collection::vec((0_u8..6, 0_u8..90, 0_u8..12, 0_u64..40), 0..500),
    ) {
        let mut door = door(&Guard::default());
        door.protected().set(Protection::Gateway, vec![network("192.0.2.0")]);
        let (mut now, mut is_on) = (0, false);
        let mut looked: std::collections::BTreeMap<u8, Vec<u64>> = Default::default();
        for (host, name, what, later) in events {
            now += later;
            let (source, name) = (format!("192.0.2.{host}"), name.to_string());
            let attempt = from(&source, &name);
            let found = match what {
                0 => {
                    door.proved(at(now), attempt);
                    prop_assert!(!door.is_shut(at(now), attempt.source));
                    Vec::new()
                }
                1 => door.offence(at(now), attempt, Offence::SipExtension),
                2 if host == 0 => {
                    is_on = !is_on;
                    door.configure(&Guard { is_on, ..Guard::default() });
                    looked.clear();
                    Vec::new()
                }
                _ if door.is_shut(at(now), attempt.source) => Vec::new(),
                _ if door.admits(at(now), attempt) => {
                    looked.entry(host).or_default().push(now);
                    door.offence(at(now), attempt, Offence::SipPassword)
                }
                _ => door.turned_away(at(now), attempt),
            };
            prop_assert!(is_on || found.iter().all(|it| !it.is_in_force));
            prop_assert!(!door.is_shut(at(now), ip("192.0.2.0")));
            prop_assert!(is_on || !door.is_shut(at(now), attempt.source));
            for times in looked.values().filter(|_| is_on) {
                let lately = times.iter().filter(|it| now - **it < 600).count();
                prop_assert!(lately <= 2 * 40 + 90 * 5, "{lately}");
            }
        }
    }
}
