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
        is_proven: true,
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
    door.bans().put(network("198.51.100.0/24"), at(1_000));
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
    door.bans().put(network("192.168.1.0/24"), at(1_000));
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
    let banned = ["203.0.113.7/32", "192.168.1.1/32", "198.51.100.1/32", "what"];
    let first = told(true, &banned, &[], Some("192.168.1.1"));
    door.take(at(0), &first, Protection::Trunk);
    let shut = |door: &Door, secs| {
        let all = ["203.0.113.7", "192.168.1.1", "198.51.100.1"];
        all.map(|it| door.is_shut(at(secs), ip(it)))
    };
    assert_eq!(shut(&door, 59), [true, false, false]);
    assert_eq!(shut(&door, 60), [false; 3], "for as long as was said");
    // A change leaves the rest; who is protected no more is banned as was said.
    door.take(at(1), &told(false, &[], &["203.0.113.7/32"], Some("10.0.0.1")), Protection::Trunk);
    assert_eq!(shut(&door, 2), [false, true, false]);
    door.take(at(2), &told(true, &["203.0.113.7/32"], &[], None), Protection::Trunk);
    assert_eq!(shut(&door, 3), [true, false, false], "what was known before is forgotten");
}

#[test]
fn a_million_datagrams_with_the_senders_of_others_ban_none_of_them() {
    // E5: a provider, a registered phone and a stranger, none of whom sent anything.
    let mut door = door(&on());
    door.protected()
        .set(Protection::Trunk, vec![network("198.51.100.1")]);
    door.proved(at(0), from("203.0.113.7", "100"));
    let mut found = Vec::new();
    for turn in 0..1_000_000_u64 {
        let source = ["198.51.100.1", "203.0.113.7", "192.0.2.9"][(turn % 3) as usize];
        let attempt = Attempt {
            is_proven: false,
            ..from(source, "100")
        };
        let now = at(1) + Duration::from_micros(turn);
        found.extend(door.offence(now, attempt, Offence::SipPassword));
    }
    let end = at(3);
    assert!(!door.is_shut(end, ip("198.51.100.1")) && !door.is_shut(end, ip("203.0.113.7")));
    assert!(
        found
            .iter()
            .all(|it| it.measure == Measure::Hush && it.source == "192.0.2.9/32")
    );
    assert!(door.is_shut(end, ip("192.0.2.9")), "for some seconds");
    assert!(!door.is_shut(at(9), ip("192.0.2.9")));
}

#[test]
fn one_extension_guessed_at_from_everywhere_is_guarded_and_its_own_phone_goes_on() {
    // E10: no address guesses twice.
    let mut door = door(&on());
    door.proved(at(0), from("203.0.113.7", "100"));
    let (mut looked, mut found) = (0, Vec::new());
    for turn in 0..600_u64 {
        let source = format!("192.0.{}.{}", turn / 250, turn % 250);
        let attempt = from(&source, "100");
        if door.admits(at(turn), attempt) {
            looked += 1;
            found.extend(door.offence(at(turn), attempt, Offence::SipPassword));
        }
        assert!(door.admits(at(turn), from("203.0.113.7", "100")));
        assert!(
            door.admits(at(turn), from(&source, "101")),
            "another one is not"
        );
    }
    assert_eq!(
        found.first().map(|it| (it.measure, it.count)),
        Some((Measure::Slow, 8))
    );
    assert_eq!(looked, 8 + 10, "eight until it is found, then one a minute");
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
        let ended = pass(&mut node, secs);
        assert!(ended.contains(&Output::Unban(network("203.0.113.7/32"))));
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
    // IPv6: lines of 64 bits, then 56, then 48.
    for site in 0..4 {
        for line in 0..4 {
            let source = format!("2001:db8:1:{:x}::/64", site * 256 + line);
            tell(&mut node, 20, Input::Found(finding(&source)));
        }
    }
    let six: Vec<_> = node.bans().map(|(it, _)| it.to_string()).collect();
    assert!(six.contains(&"2001:db8:1::/48".to_owned()), "{six:?}");
    assert_eq!(six.len(), 1 + 8 + 1);
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
        let outputs = tell(&mut next, 0, Input::Stored(rows.clone()));
        let left = banned(&outputs)
            .first()
            .map(|(_, until)| (*until - at(0)).as_secs());
        assert_eq!(left.unwrap_or(0), expected, "{clock:?}");
        tell(&mut next, 0, Input::Config(Box::new(on())));
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
    /// Whatever comes, a door holds what it must: nobody protected is shut out, nothing is found
    /// in force while bans are off, and no more is looked at than the rules allow.
    #[test]
    fn no_order_of_events_shuts_out_who_is_protected(
        events in proptest::collection::vec((0_u8..6, 0_u8..6, 0_u8..4, any::<bool>(), 0_u64..40), 0..400),
        is_on in any::<bool>(),
    ) {
        let mut door = door(&Guard { is_on, ..Guard::default() });
        door.protected().set(Protection::Gateway, vec![network("192.0.2.0")]);
        let mut now = 0;
        for (host, name, what, is_proven, later) in events {
            now += later;
            let (source, name) = (format!("192.0.2.{host}"), name.to_string());
            let attempt = Attempt { is_proven, ..from(&source, &name) };
            match what {
                0 => door.proved(at(now), attempt),
                1 => {
                    let found = door.offence(at(now), attempt, Offence::SipExtension);
                    prop_assert!(is_on || found.iter().all(|it| !it.is_in_force));
                }
                _ if door.admits(at(now), attempt) => {
                    let found = door.offence(at(now), attempt, Offence::SipPassword);
                    prop_assert!(found.len() <= 2);
                    prop_assert!(is_proven || found.iter().all(|it| it.measure == Measure::Hush));
                }
                _ => prop_assert!(is_on),
            }
            prop_assert!(!door.is_shut(at(now), ip("192.0.2.0")));
            prop_assert!(is_on || !door.is_shut(at(now), attempt.source));
        }
    }
}
