//! The bars of the research on security that a door alone has to hold.

use proptest::prelude::*;

use super::*;

/// Guesses at 100 once a second until the door shuts: how many passwords were looked at.
fn guess_within(door: &mut Door, secs: std::ops::Range<u64>) -> usize {
    let mut looked = 0;
    for now in secs.map(at) {
        let attempt = from("203.0.113.7", "100");
        if !door.is_shut(now, attempt.source) {
            looked += 1;
            door.offence(now, attempt, Offence::SipPassword);
        }
    }
    looked
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
    assert!(found.is_one_name);
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
    assert_eq!((found.len(), narrowed), (9, Some(Measure::Narrow)));
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
        ..Bans::default()
    };
    let banned = [
        "203.0.113.7/32",
        "192.168.1.1/32",
        "198.51.100.1/32",
        "what",
    ];
    let first = told(true, &banned, &[], Some("192.168.1.1"));
    obey(&mut door, 0, &first);
    let shut = |door: &Door, secs| {
        let all = ["203.0.113.7", "192.168.1.1", "198.51.100.1"];
        all.map(|it| door.is_shut(at(secs), ip(it)))
    };
    assert_eq!(shut(&door, 59), [true, false, false]);
    assert_eq!(shut(&door, 60), [false; 3], "for as long as was said");
    // A change leaves the rest; who is protected no more is banned as was said.
    obey(
        &mut door,
        1,
        &told(false, &[], &["203.0.113.7/32"], Some("10.0.0.1")),
    );
    assert_eq!(shut(&door, 2), [false, true, false]);
    obey(&mut door, 2, &told(true, &["203.0.113.7/32"], &[], None));
    assert_eq!(
        shut(&door, 3),
        [true, false, false],
        "what was known before is forgotten"
    );
}

/// A peer trunk of many networks, or a person who lifts all of an attack.
#[test]
fn many_bans_are_told_in_pieces_and_each_one_that_is_lifted_costs_a_few_looks() {
    let mut door = door(&on());
    let address = |it: u32| std::net::Ipv4Addr::from_bits(0x6440_0000 + it).to_string();
    for it in 0..20_000 {
        let source = address(it);
        door.offence(at(0), from(&source, "100"), Offence::SipPassword);
    }
    let some = |range: std::ops::Range<u32>| range.map(|it| (address(it), 60_000));
    let mut told = Bans {
        is_whole: true,
        banned: some(0..100_000).collect(),
        ..Bans::default()
    };
    let whole = Notice::read(at(0), &told);
    assert!(whole.len() == 1 && whole[0].is_whole());
    let steps = crate::work::of(|| obey(&mut door, 0, &told));
    assert_eq!(steps, 0, "it is taken over as it is");
    assert!(door.is_shut(at(0), ip("100.65.100.100")));
    told = Bans {
        banned: some(100_000..102_500).collect(),
        unbanned: some(0..20_000).map(|(network, _)| network).collect(),
        ..Bans::default()
    };
    let pieces = Notice::read(at(0), &told);
    assert_eq!(pieces.len(), 3 + 20);
    let most = pieces
        .into_iter()
        .map(|piece| crate::work::of(|| door.obey(at(0), piece, &[Protection::Trunk])));
    assert!(most.max() <= Some(2_000));
    assert!(!door.is_shut(at(0), ip("100.64.0.7")) && door.is_shut(at(0), ip("100.64.100.0")));
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
    // Nor where it is guarded: a name that nobody has is guarded like any other.
    for offence in [Offence::SipPassword, Offence::SipExtension] {
        let mut door = door(&on());
        for owner in 0..8 {
            let source = format!("192.0.{owner}.1");
            door.offence(at(owner), from(&source, "100"), offence);
        }
        assert!(door.admits(at(9), from("203.0.113.7", "100")));
        assert!(!door.admits(at(10), from("203.0.113.7", "100")));
    }
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
    assert_eq!(guess_within(&mut door, 40..100), 5);
}

#[test]
fn switched_on_while_somebody_guesses_he_is_banned_after_as_many_guesses_as_anybody() {
    let mut door = door(&Guard::default());
    guess(&mut door, "203.0.113.7", "100", 60);
    door.configure(&on());
    assert_eq!(guess_within(&mut door, 60..120), 5);
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
        [Measure::Narrow, Measure::Narrow],
        "the line, and its owner"
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
    for prefix in ["2001:db8:1:2::", "fe80::", "fd12:3456:789a:1::"] {
        let (one, other) = (format!("{prefix}1"), format!("{prefix}2"));
        let (_, found) = guess(&mut door, &one, "100", 10);
        assert_eq!(found[0].source, format!("{one}/128"));
        assert!(door.is_shut(at(10), ip(&one)) && !door.is_shut(at(10), ip(&other)));
    }
}

#[test]
fn known_extensions_in_turn_are_locked_each_by_itself() {
    let mut door = door(&on());
    let office = "203.0.113.7";
    for number in 100..170 {
        door.proved(at(0), from(office, &number.to_string()));
    }
    let mut looked = 0;
    for turn in 0..10_000_u64 {
        let number = (100 + turn % 70).to_string();
        let now = at(1) + Duration::from_millis(turn);
        if door.admits(now, from(office, &number)) {
            looked += 1;
            door.offence(now, from(office, &number), Offence::SipPassword);
        }
    }
    assert_eq!(looked, 70 * 5);
    assert!(
        door.admits(at(12), from(office, "200")),
        "a new phone comes in"
    );
}

#[test]
fn an_office_in_which_all_passwords_are_renewed_is_no_attack() {
    let mut door = door(&on());
    let office = "203.0.113.7";
    for number in 100..120 {
        door.proved(at(0), from(office, &number.to_string()));
    }
    for number in 100..120 {
        door.unlearn(at(1), &number.to_string());
    }
    for turn in 0..40 {
        for number in 100..119 {
            let number = number.to_string();
            if door.admits(at(2 + 30 * turn), from(office, &number)) {
                let now = at(2 + 30 * turn);
                door.offence(now, from(office, &number), Offence::SipPassword);
            }
        }
    }
    assert!(
        door.admits(at(1_203), from(office, "119")) && door.admits(at(1_203), from(office, "300"))
    );
}

#[test]
fn a_line_is_trusted_no_longer_than_some_password_of_it_is_good() {
    let mut door = door(&on());
    door.proved(at(0), from("203.0.113.7", "100"));
    door.unlearn(at(1), "100");
    let (looked, found) = guess(&mut door, "203.0.113.7", "101", 60);
    assert_eq!((looked, found[0].measure), (5, Measure::Ban));
}

#[test]
fn one_account_takes_no_office_its_trust() {
    let mut door = door(&on());
    door.proved(at(0), from("203.0.113.7", "100"));
    for line in 0..20_000_u32 {
        let source = format!("2001:db8:{:x}:{:x}::1", line >> 16, line & 0xffff);
        door.proved(at(1), from(&source, "666"));
    }
    assert!(door.knows(at(2), from("203.0.113.7", "100")));
    assert!(
        door.knows(at(2), from("2001:db8:0:4e1f::1", "666")),
        "the last of them"
    );
    assert!(!door.knows(at(2), from("2001:db8:0:5::1", "666")));
}

#[test]
fn a_line_with_somebody_protected_on_it_is_locked_and_never_banned() {
    let mut door = door(&on());
    let own = vec![network("2001:db8:1:2::5")];
    door.protected().set(Protection::Own, own);
    let (looked, found) = guess(&mut door, "2001:db8:1:2::66", "100", 100);
    assert_eq!(
        (looked, found.len(), found[0].measure),
        (5, 1, Measure::Lock)
    );
    assert!(!door.is_shut(at(100), ip("2001:db8:1:2::66")));
}

#[test]
fn a_phone_that_waits_for_the_end_of_its_lock_gets_it() {
    let mut door = door(&on());
    door.protected()
        .set(Protection::Gateway, vec![network("192.168.1.1")]);
    guess(&mut door, "192.168.1.1", "100", 10);
    for secs in (10..600).step_by(30) {
        assert!(!door.admits(at(secs), from("192.168.1.1", "100")));
    }
    assert!(door.admits(at(610), from("192.168.1.1", "100")));
}

/// T7: behind a masquerade somebody guesses, and the phones of another site keep trying.
#[test]
fn phones_that_wait_for_the_end_of_a_narrowing_get_it() {
    let mut door = door(&on());
    door.protected()
        .set(Protection::Gateway, vec![network("192.168.1.1")]);
    for turn in 0..40 {
        let name = (500 + turn).to_string();
        let attempt = from("192.168.1.1", &name);
        door.offence(at(turn), attempt, Offence::SipExtension);
    }
    for secs in (40..630).step_by(30) {
        for phone in 100..110 {
            let name = phone.to_string();
            assert!(!door.admits(at(secs), from("192.168.1.1", &name)), "{secs}");
        }
    }
    assert!(door.admits(at(640), from("192.168.1.1", "100")));
}

#[test]
fn what_is_only_told_of_others_hides_no_guesses_at_a_known_extension() {
    let mut guard = on();
    let rule = GuardRule {
        only_report: true,
        ..GuardRule::usual(Offence::SipExtension)
    };
    guard.rules.insert(Offence::SipExtension, rule);
    let mut door = door(&guard);
    door.proved(at(0), from("203.0.113.7", "100"));
    let (mut looked, mut found) = (0, Vec::new());
    for secs in 1..60 {
        let attempt = from("203.0.113.7", "100");
        if door.admits(at(secs), attempt) {
            looked += 1;
            found.extend(door.offence(at(secs), attempt, Offence::SipPassword));
        }
        for other in 0..70 {
            let name = (900 + other).to_string();
            door.offence(at(secs), from("203.0.113.7", &name), Offence::SipExtension);
        }
    }
    assert_eq!(looked, 5);
    assert_eq!((found.len(), found[0].measure), (1, Measure::Lock));
}

#[test]
fn only_who_repeats_one_extension_is_taken_for_a_phone() {
    let check = |names: &[&str], offence, is_one_name| {
        let mut door = door(&on());
        let mut found = Vec::new();
        for turn in 0..30 {
            let name = names[turn % names.len()];
            let now = at(turn.try_into().expect("small"));
            found.extend(door.offence(now, from("203.0.113.7", name), offence));
            if !found.is_empty() {
                break;
            }
        }
        assert_eq!(found[0].is_one_name, is_one_name, "{offence:?} {names:?}");
    };
    check(&["100"], Offence::SipPassword, true);
    check(&["100"], Offence::SipOutside, true);
    check(&["100", "101"], Offence::SipPassword, false);
    check(&[""], Offence::SipMalformed, false);
    check(&["admin"], Offence::WebSignIn, false);
    check(&["/x"], Offence::WebPath, false);
}

#[test]
fn a_decoy_that_is_tried_by_mistake_in_an_office_is_told_and_narrows_nobody() {
    let mut guard = on();
    let decoy = config::Number::parse("1000").expect("one");
    guard.decoys.insert(decoy);
    let mut door = door(&guard);
    door.proved(at(0), from("203.0.113.7", "100"));
    let typed = from("203.0.113.7", "1000");
    let found = door.offence(at(1), typed, Offence::SipExtension);
    let told: Vec<_> = found.iter().map(|it| (it.offence, it.measure)).collect();
    assert_eq!(told, [(Offence::SipDecoy, Measure::Lock)]);
    assert!(
        door.admits(at(2), from("203.0.113.7", "101")),
        "a new phone"
    );
}

#[test]
fn one_account_on_many_lines_guesses_at_others_no_more_often_than_a_stranger() {
    // E1, E10: he proves his own from line to line, more of them than are kept of one name.
    for lines in [33_u64, 2_000] {
        let mut door = door(&on());
        let (mut at_one, mut in_all, mut found) = (0, 0, Vec::new());
        for step in 0..10_000_u64 {
            let now = at(step / 20);
            let line = step % lines;
            let source = format!("100.{}.{}.9", 64 + line / 250, line % 250);
            door.proved(now, from(&source, "666"));
            for guess in 0..8 {
                let name = match guess % 2 {
                    0 => "100".to_owned(),
                    _ => (101 + (step + guess) % 50).to_string(),
                };
                let attempt = from(&source, &name);
                if door.admits(now, attempt) {
                    at_one += usize::from(name == "100");
                    in_all += 1;
                    found.extend(door.offence(now, attempt, Offence::SipPassword));
                }
            }
            assert!(door.admits(now, from(&source, "666")));
        }
        assert!(at_one <= 40 + 20 * 10, "{at_one} of {lines}");
        assert!(in_all <= 51 * (40 + 20 * 10), "{in_all} of {lines}");
        assert!(found.iter().any(|it| it.measure == Measure::Slow));
    }
}

#[test]
fn desks_with_old_passwords_keep_no_desk_beside_them_out() {
    // E8: a new box, and nobody has proved yet who he is. Over IPv4 and at a ULA.
    for desk in [
        |it: u64| format!("192.168.1.{it}"),
        |it| format!("fd00:1::{it}"),
    ] {
        let mut door = door(&on());
        for round in 0..120 {
            let now = at(round * 30);
            for stale in 10..20 {
                let (source, name) = (desk(stale), stale.to_string());
                let attempt = from(&source, &name);
                if !door.is_shut(now, attempt.source) && door.admits(now, attempt) {
                    door.offence(now, attempt, Offence::SipPassword);
                }
            }
            let (source, name) = (desk(20 + round), (20 + round).to_string());
            assert!(
                door.admits(now, from(&source, &name)),
                "{source} at {round}"
            );
        }
    }
}

#[test]
fn an_owner_who_is_forgiven_may_try_again() {
    let mut door = door(&on());
    for line in 0..20 {
        let source = format!("203.0.113.{line}");
        for name in ["100", "101", "102"] {
            door.offence(at(0), from(&source, name), Offence::SipPassword);
        }
    }
    let other = from("203.0.113.99", "200");
    assert!(
        !door.admits(at(1), other),
        "the owner has guessed too often"
    );
    door.forgive(&network("203.0.113.99/32"));
    assert!(door.admits(at(1), other));
}

#[test]
fn what_holds_is_not_ended_by_a_flood_of_others() {
    // E10: 100 is guarded, and then more other names are guessed at than are remembered.
    let mut door = door(&on());
    for owner in 0..8 {
        let source = format!("192.0.{owner}.1");
        door.offence(at(0), from(&source, "100"), Offence::SipPassword);
    }
    for turn in 0..12_000_u32 {
        let source = format!("100.{}.{}.1", 64 + turn / 30 / 250, turn / 30 % 250);
        let name = (1_000 + turn).to_string();
        door.offence(at(1), from(&source, &name), Offence::SipPassword);
    }
    let looked = (0..100_u32).filter(|turn| {
        let source = format!("101.1.{turn}.1");
        door.admits(at(2), from(&source, "100"))
    });
    assert_eq!(looked.count(), 20);
}

#[test]
fn who_is_banned_has_no_password_looked_at_whoever_asks() {
    // E1: several may come in one piece, after the address was looked at.
    let mut door = door(&on());
    guess(&mut door, "203.0.113.7", "100", 5);
    assert!(!door.admits(at(5), from("203.0.113.7", "101")));
    door.bans()
        .put(at(0), network("198.51.100.0/24"), at(1_000));
    assert!(!door.admits(at(5), from("198.51.100.7", "101")));
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

proptest! {
    /// Whatever comes, also while people change the rules: nobody protected and no line with phones
    /// is shut out, nothing is found in force while bans are off, and while they are on no line has
    /// more passwords looked at than the widest rule allows.
    #[test]
    fn no_order_of_events_shuts_out_who_is_protected_or_lets_anybody_guess_on(
        events in proptest::collection::vec((0_u8..6, 0_u8..20, 0_u8..40, 0_u64..10), 0..500),
    ) {
        let mut door = door(&Guard::default());
        door.protected().set(Protection::Gateway, vec![network("192.0.2.0")]);
        let (mut now, mut is_on) = (0, false);
        let mut looked: std::collections::BTreeMap<u8, Vec<u64>> = Default::default();
        let mut proved: std::collections::BTreeMap<u8, std::collections::BTreeSet<String>> =
            Default::default();
        for (host, name, what, later) in events {
            now += later;
            let (source, name) = (format!("192.0.2.{host}"), name.to_string());
            let attempt = from(&source, &name);
            let found = match what {
                0 => {
                    door.proved(at(now), attempt);
                    proved.entry(host).or_default().insert(name.clone());
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
                _ => Vec::new(),
            };
            prop_assert!(is_on || found.iter().all(|it| !it.is_in_force));
            prop_assert!(!door.is_shut(at(now), ip("192.0.2.0")));
            prop_assert!(is_on || !door.is_shut(at(now), attempt.source));
            for (host, times) in looked.iter().filter(|_| is_on) {
                let lately = times.iter().filter(|it| now - **it < 600).count();
                // A line where nobody is known: 5. Others: 40, and 5 at each name that was known.
                let known = proved.get(host).map_or(0, std::collections::BTreeSet::len);
                let most = if known == 0 && *host != 0 { 5 } else { 40 + 5 * known };
                prop_assert!(lately <= most, "{lately} of {most}");
            }
        }
    }
}
