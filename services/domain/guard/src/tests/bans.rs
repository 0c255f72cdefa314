//! How long bans last, whom they hit, and what is left of them after a restart.

use super::*;

fn finding(source: &str) -> Finding {
    Finding {
        offence: Offence::SipPassword,
        source: source.into(),
        measure: Measure::Ban,
        is_in_force: true,
        count: 5,
        within_secs: 600,
        tried: vec!["100".into()],
        is_one_name: false,
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
        ((600 << 9) * 9 / 10..=600 << 9).contains(&lasted),
        "{lasted}"
    );
    let gone = pass(&mut node, secs + 60 * 86_400);
    assert!(gone.contains(&Output::Drop(vec![network("203.0.113.7/32")])));
    assert_eq!(node.deadline(), None);
}

#[test]
fn a_phone_with_a_wrong_password_is_banned_each_time_and_not_for_longer() {
    let mut node = node();
    for secs in [0, 601, 1_202, 1_803] {
        pass(&mut node, secs);
        let found = Finding {
            is_one_name: true,
            ..finding("203.0.113.7/32")
        };
        let [(_, until)] = banned(&tell(&mut node, secs, Input::Found(found)))
            .try_into()
            .expect("one");
        assert!((until - at(secs)).as_secs() <= 600);
    }
    // Whoever tries another name too is no such phone.
    pass(&mut node, 2_404);
    let outputs = tell(&mut node, 2_404, Input::Found(finding("203.0.113.7/32")));
    assert!((banned(&outputs)[0].1 - at(2_404)).as_secs() > 600);
}

#[test]
fn an_unban_lifts_what_the_address_is_in_too() {
    let mut node = node();
    for host in 1..=8 {
        let finding = finding(&format!("203.0.113.{host}/32"));
        tell(&mut node, 0, Input::Found(finding));
    }
    let wide = network("203.0.113.0/24");
    assert_eq!(node.lifted_by(&network("203.0.113.5")), [wide]);
    assert_eq!(node.lifted_by(&network("203.0.114.5")), []);
    let outputs = tell(&mut node, 1, Input::Unban(network("203.0.113.5")));
    assert!(outputs.contains(&Output::Unban(network("203.0.113.0/24"))));
    assert!(outputs.contains(&Output::Unban(network("203.0.113.5"))));
    assert_eq!(node.bans().count(), 0);
}

#[test]
fn whether_an_address_is_banned_is_also_whether_what_it_is_in_is() {
    let mut node = node();
    for host in 1..=8 {
        let finding = finding(&format!("203.0.113.{host}/32"));
        tell(&mut node, 0, Input::Found(finding));
    }
    tell(&mut node, 0, Input::Found(finding("198.51.100.7/32")));
    for banned in ["203.0.113.77", "198.51.100.7", "198.51.100.0/24"] {
        assert!(!node.lifted_by(&network(banned)).is_empty(), "{banned}");
    }
    assert_eq!(node.lifted_by(&network("198.51.100.8")), []);
    pass(&mut node, 700);
    assert_eq!(node.lifted_by(&network("198.51.100.7")), [], "it is over");
}

#[test]
fn a_ban_of_neighbours_says_what_all_of_them_tried() {
    let mut node = node();
    for host in 1..=8 {
        let finding = Finding {
            tried: vec![format!("10{}", host % 3)],
            ..finding(&format!("203.0.113.{host}/32"))
        };
        tell(&mut node, 0, Input::Found(finding));
    }
    let tried: Vec<_> = node.bans().map(|(_, ban)| ban.tried.clone()).collect();
    let [tried] = tried.as_slice() else {
        panic!("{tried:?}");
    };
    assert_eq!(tried.len(), 3, "each once: {tried:?}");
}

#[test]
fn where_nobody_is_banned_the_doors_are_told_and_the_store_is_not() {
    let mut node = node();
    let one = network("203.0.113.7");
    assert_eq!(
        tell(&mut node, 1, Input::Unban(one)),
        [Output::Unban(one)],
        "a door may have shut by itself"
    );
}

#[test]
fn nobody_names_more_to_be_lifted_than_the_widest_ban() {
    for (text, may) in [
        ("203.0.113.7", true),
        ("203.0.113.0/24", true),
        ("203.0.112.0/23", false),
        ("10.0.0.0/8", false),
        ("0.0.0.0/0", false),
        ("2001:db8:1::/48", true),
        ("2001:db8::/47", false),
        ("::/0", false),
    ] {
        assert_eq!(crate::may_be_lifted(&network(text)), may, "{text}");
    }
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

/// A box without a clock of its own learns the time a minute after its start.
#[test]
fn a_ban_that_began_without_a_clock_gets_its_end_when_there_is_one() {
    let wall = |secs: i64| Some(UnixTime::from_millis(1_800_000_000_000 + secs * 1_000));
    let mut node = node();
    let row = |secs| BanRow {
        left_secs: 604_800,
        until_secs: None,
        ..kept(&tell(
            &mut self::node(),
            secs,
            Input::Found(finding("203.0.113.7")),
        ))[0]
            .clone()
    };
    let without = kept(&tell(&mut node, 0, Input::Found(finding("203.0.113.7"))));
    assert_eq!(without[0].until_secs, None);
    let late = kept(&tell(&mut node, 60, Input::Clock(wall(60))));
    let end = 1_800_000_000 + i64::try_from(without[0].left_secs).expect("small");
    let kept_until = late[0].until_secs.expect("an end");
    assert!((end - 1..=end + 1).contains(&kept_until), "{kept_until}");
    // And at a start with a clock, of what was kept without.
    let mut next = GuardNode::new(Rng::from_seed(7));
    tell(&mut next, 0, Input::Clock(wall(0)));
    tell(&mut next, 0, Input::Config(Box::new(on())));
    let again = kept(&tell(&mut next, 0, Input::Stored(vec![row(0)])));
    assert_eq!(again[0].until_secs, Some(1_800_000_000 + 604_800));
    let mut last = GuardNode::new(Rng::from_seed(7));
    tell(&mut last, 0, Input::Clock(wall(6 * 86_400)));
    tell(&mut last, 0, Input::Config(Box::new(on())));
    let outputs = tell(&mut last, 0, Input::Stored(again));
    assert_eq!((banned(&outputs)[0].1 - at(0)).as_secs(), 86_400);
}

#[test]
fn days_while_the_box_is_off_are_credited_too() {
    let wall = |days: i64| Some(UnixTime::from_millis(1_800_000_000_000 + days * 86_400_000));
    let row = |times| BanRow {
        network: format!("203.0.113.{times}/32"),
        offence: Offence::SipPassword,
        count: 5,
        within_secs: 600,
        tried: Vec::new(),
        since_secs: 1,
        left_secs: 0,
        until_secs: Some(1_800_000_000),
        times,
    };
    let mut node = GuardNode::new(Rng::from_seed(7));
    tell(&mut node, 0, Input::Clock(wall(3)));
    tell(&mut node, 0, Input::Config(Box::new(on())));
    let outputs = tell(&mut node, 0, Input::Stored(vec![row(2), row(5)]));
    assert!(outputs.contains(&Output::Drop(vec![network("203.0.113.2")])));
    let rows = kept(&tell(&mut node, 1, Input::Found(finding("203.0.113.5"))));
    assert_eq!(rows[0].times, 3);
}

fn row(number: u32, left_secs: u64, tried: Vec<String>) -> BanRow {
    BanRow {
        network: Network::of(std::net::Ipv4Addr::from_bits(number << 8).into()).to_string(),
        offence: Offence::SipPassword,
        count: 5,
        within_secs: 600,
        tried,
        since_secs: 0,
        left_secs,
        until_secs: None,
        times: 1,
    }
}

#[test]
fn without_a_clock_some_of_many_bans_are_kept_anew_in_each_hour_and_no_short_one() {
    let mut node = node();
    let rows = (0..30_000).map(|number| row(number, 86_400, Vec::new()));
    let short = (30_000..40_000).map(|number| row(number, 3_600, Vec::new()));
    tell(&mut node, 0, Input::Stored(rows.chain(short).collect()));
    let mut seen = std::collections::BTreeSet::new();
    for (hour, expected) in [(1, 20_000), (2, 10_000), (3, 20_000)] {
        let kept = kept(&pass(&mut node, hour * 3_600));
        let kept: Vec<_> = kept.into_iter().filter(|it| it.left_secs > 0).collect();
        assert_eq!(kept.len(), expected, "{hour}");
        seen.extend(kept.into_iter().map(|it| it.network));
    }
    assert_eq!(seen.len(), 30_000, "each once in two hours");
}

#[test]
fn what_was_tried_takes_so_much_room_and_no_more_and_the_oldest_of_it_goes_first() {
    let mut node = node();
    let long = |text: &str| format!("{text}{}", "ä".repeat(78));
    let tried = || Vec::from_iter(["1", "2", "3", "4", "5"].map(long));
    let rows = (0..70_000).map(|number| row(number, 86_400, tried()));
    tell(&mut node, 0, Input::Stored(rows.collect()));
    let cost = |it: &String| {
        assert!(it.len() <= 40, "{it}");
        it.len() + 48
    };
    let bytes: usize = node.bans().flat_map(|(_, ban)| &ban.tried).map(cost).sum();
    assert!((15 << 20..=16 << 20).contains(&bytes), "{bytes}");
    let found = Finding {
        tried: tried(),
        ..finding("203.0.113.7/32")
    };
    let kept_row = kept(&tell(&mut node, 1, Input::Found(found))).pop();
    let texts = kept_row.map(|it| it.tried).expect("kept");
    let begins: Vec<_> = texts.iter().map(|it| &it[..1]).collect();
    assert_eq!(begins, ["5", "4", "3"], "the newest");
    let has_texts = |text: &str| {
        let mut bans = node.bans();
        bans.any(|(it, ban)| *it == network(text) && !ban.tried.is_empty())
    };
    assert!(has_texts("203.0.113.7") && !has_texts("0.0.1.0"));
    // Over it only counts.
    let ended = kept(&pass(&mut node, 700));
    assert!(ended.iter().any(|it| it.network == "203.0.113.7/32"));
    assert!(ended.iter().all(|it| it.tried.is_empty()));
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

/// During an attack, with each call that begins.
#[test]
fn somebody_new_who_is_protected_is_not_compared_with_all_who_are_banned() {
    let mut node = node();
    for number in 0..5_000_u32 {
        let source = std::net::Ipv4Addr::from_bits(number << 8);
        tell(&mut node, 0, Input::Found(finding(&source.to_string())));
    }
    let calls = |count: u32| (0..count).map(|it| Network::of(std::net::Ipv4Addr::from(it).into()));
    tell(
        &mut node,
        0,
        Input::Protect(Protection::Call, calls(1_000).collect()),
    );
    let mut lifted = Vec::new();
    let steps = crate::work::of(|| {
        let calls = calls(1_000).chain([network("0.0.9.0/24")]).collect();
        lifted = tell(&mut node, 1, Input::Protect(Protection::Call, calls));
    });
    assert!(lifted.contains(&Output::Unban(network("0.0.9.0/32"))));
    assert!(steps <= 2, "{steps}");
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
