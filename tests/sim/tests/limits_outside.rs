//! Limits of calls outside, asked when a trunk is about to be called, and emergency calls that need
//! a channel.

#![expect(clippy::expect_used, reason = "a test's helpers may fail the test")]

use std::time::Duration;

use ipc::site::{Class, Destination, Minutes, Route, Source, Spend, Trunk, TrunkAccess};
use ipc::sound::Clip;
use ipc::store::Outcome;
use sim::{Floor, Hears, Stand, checks};
use sip::StatusCode;

/// The carriers' places in a floor of three phones.
const FIRST: usize = 3;
const SECOND: usize = 4;

fn trunk(name: &str, place: usize) -> Trunk {
    let address = format!("10.0.2.{}", place + 1);
    Trunk {
        name: name.into(),
        access: TrunkAccess::Peer {
            server: address.clone(),
            networks: vec![format!("{address}/32")],
        },
        qualify_secs: 0,
        ..Trunk::default()
    }
}

fn to_trunk(name: &str) -> Destination {
    Destination::Trunk(name.into())
}

/// Three phones and two carriers: numbers that begin with 3 go out by `first`, those that begin
/// with 4 where the test says.
fn floor(fours: Vec<Destination>, change: impl FnOnce(&mut ipc::site::Site)) -> Floor {
    let mut floor = Floor::with(3, |site| {
        site.dialling.area_code = "11".into();
        site.dialling.owned_numbers = vec!["+551132345678".into()];
        site.trunks = vec![trunk("first", FIRST), trunk("second", SECOND)];
        let route = |name: &str, pattern: &str, destinations| Route {
            name: name.into(),
            sources: vec![Source::Extensions],
            pattern: pattern.into(),
            destinations,
            ..Route::default()
        };
        site.routes = vec![
            route("threes", "3XXXXXXX", vec![to_trunk("first")]),
            route("fours", "4XXXXXXX", fours),
        ];
        for extension in &mut site.extensions {
            extension.settings.forward.ring_secs = 10;
        }
        change(site);
    });
    for place in ["carrier-1", "carrier-2"] {
        let index = floor.sets.len();
        let place_of = u8::try_from(index + 1).expect("a small floor");
        floor.sets.push(sim::Handset::new(place, place_of));
    }
    floor.run_secs(1);
    floor
}

fn at_101() -> Destination {
    Destination::Extension("101".into())
}

/// F3: a phone rings first, and in the meantime the caller uses up what he may.
#[test]
fn a_trunk_that_comes_after_a_phone_is_asked_for_when_its_turn_comes() {
    let mut floor = floor(vec![at_101(), to_trunk("second")], |site| {
        site.extensions[0].settings.limits.concurrent = 1;
    });
    let first = floor.call(0, "44445555");
    assert_eq!(floor.stand(1, 0), Stand::Ringing);
    let second = floor.call(0, "33334444");
    floor.act(FIRST, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, second), (FIRST, 0)));
    floor.run_secs(11);
    assert_eq!(floor.stand(SECOND, 0), Stand::Over(0), "never called");
    assert_eq!(floor.stand(0, first), Stand::Over(480));
    floor.act(0, |set, world| set.hang_up(world, second));
    floor.run_secs(1);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// F3: the same for a call that came back from a trunk and rings at a phone meanwhile.
#[test]
fn a_failed_trunk_gives_its_channel_back_while_a_phone_rings() {
    let fours = vec![to_trunk("second"), at_101(), to_trunk("second")];
    let mut floor = floor(fours, |site| {
        site.trunks[1].channels_max = 1;
        // The whole site has one call less than it has channels.
        site.limits.outbound_percent = 100;
    });
    let first = floor.call(0, "44445555");
    floor.act(SECOND, |set, world| {
        set.reply(world, 0, StatusCode::NOT_FOUND);
    });
    assert_eq!(floor.stand(1, 0), Stand::Ringing);
    let second = floor.call(2, "44446666");
    assert_eq!(floor.stand(SECOND, 1), Stand::Ringing);
    floor.act(SECOND, |set, world| set.answer(world, 1));
    assert!(floor.talk((2, second), (SECOND, 1)));
    floor.run_secs(11);
    // Its second turn by this trunk finds the only channel in use.
    assert!(matches!(floor.stand(0, first), Stand::Over(_)));
    assert_eq!(floor.sets[SECOND].lines.len(), 2);
    floor.act(2, |set, world| set.hang_up(world, second));
    floor.run_secs(1);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// F3, F11: when nobody answers, who forwards outside pays, whatever the caller has open.
#[test]
fn a_forward_outside_is_counted_for_who_forwards_when_it_begins() {
    let mut floor = floor(vec![to_trunk("second")], |site| {
        site.extensions[1].settings.forward.no_answer = "44445555".into();
        site.extensions[1].settings.limits.concurrent = 1;
        site.extensions[0].settings.limits.concurrent = 0;
    });
    let own = floor.call(1, "33334444");
    let caller = floor.call(0, "101");
    assert_eq!(floor.stand(1, 1), Stand::Ringing);
    floor.run_secs(11);
    assert_eq!(floor.stand(SECOND, 0), Stand::Over(0), "101 has a call out");
    assert!(matches!(floor.stand(0, caller), Stand::Over(_)));
    floor.act(1, |set, world| set.hang_up(world, own));
    floor.call(0, "101");
    floor.run_secs(11);
    assert_eq!(floor.stand(SECOND, 0), Stand::Ringing, "101 pays, not 100");
}

/// 20 hundredths are two minutes at ten a minute.
fn purse(site: &mut ipc::site::Site, cents: u32) {
    site.limits.tariffs = vec![ipc::site::Tariff::of_class(Class::Local, 10)];
    let spend = Spend {
        day_cents: cents,
        ..Spend::default()
    };
    for extension in &mut site.extensions {
        extension.settings.spend = spend;
    }
}

fn talks_outside(floor: &mut Floor) -> usize {
    let line = floor.call(0, "33334444");
    let carrier = floor.last(FIRST);
    floor.act(FIRST, |set, world| set.answer(world, carrier));
    assert!(floor.talk((0, line), (FIRST, carrier)));
    line
}

/// Runs until something is so; gives how long that took, in tenths of a second.
fn until(floor: &mut Floor, so: impl Fn(&Floor) -> bool) -> u64 {
    let step = Duration::from_millis(100);
    for tenths in 0..6_000 {
        if so(floor) {
            return tenths;
        }
        floor.run(step);
    }
    panic!("never");
}

/// F5: the money ends while they talk; half a minute before, they hear it.
#[test]
fn a_call_that_reaches_its_cap_of_money_is_warned_and_ended() {
    let mut floor = floor(vec![to_trunk("second")], |site| purse(site, 20));
    let line = talks_outside(&mut floor);
    let warned = |floor: &Floor| floor.hears(0, line) == Hears::Plays(Clip::Confirm);
    assert!((850..=900).contains(&until(&mut floor, warned)));
    floor.run_secs(1);
    assert!(floor.talk((0, line), (FIRST, 0)), "the beep is over");
    let over = |floor: &Floor| floor.stand(0, line) == Stand::Over(200);
    let ended = until(&mut floor, over);
    assert!((270..=300).contains(&ended), "{ended}");
    assert_eq!(floor.stand(FIRST, 0), Stand::Over(200));
    let next = floor.call(0, "33334444");
    assert_eq!(floor.stand(0, next), Stand::Over(403));
    // An emergency costs nothing and asks nobody.
    floor.call(0, "190");
    assert_eq!(floor.stand(FIRST, 1), Stand::Ringing);
    assert_eq!(floor.records()[0].outcome, Outcome::EndedByBox);
}

/// F5: two calls empty one purse in half the time.
#[test]
fn calls_that_run_together_are_ended_when_their_common_purse_is_empty() {
    let mut floor = floor(vec![to_trunk("second")], |site| purse(site, 20));
    let one = talks_outside(&mut floor);
    floor.act(0, |set, world| set.hold(world, one));
    let other = floor.call(0, "33335555");
    floor.act(FIRST, |set, world| set.answer(world, 1));
    let over = |floor: &Floor| [one, other].map(|line| floor.stand(0, line) == Stand::Over(200));
    let ended = until(&mut floor, |floor| over(floor) == [true; 2]);
    assert!((560..=610).contains(&ended), "{ended}");
}

/// F5: killing the process gives nobody his money back.
#[test]
fn what_was_spent_outlives_a_restart_in_the_midst_of_a_call() {
    let mut floor = floor(vec![to_trunk("second")], |site| purse(site, 40));
    let line = talks_outside(&mut floor);
    floor.run_secs(125);
    floor.world.kill_pbx();
    floor.run_secs(60);
    assert!(floor.talk((0, line), (FIRST, 0)));
    // Four minutes in all, and the one since the last look that may be forgotten.
    let over = |floor: &Floor| floor.stand(0, line) == Stand::Over(200);
    let ended = until(&mut floor, over);
    assert!(ended < 1_200, "{ended}");
    floor.world.kill_pbx();
    floor.run_secs(5);
    let next = floor.call(0, "33334444");
    assert_eq!(floor.stand(0, next), Stand::Over(403));
}

/// F5: an administrator lets the extension go on.
#[test]
fn an_extension_that_is_resumed_may_spend_again() {
    let mut floor = floor(vec![to_trunk("second")], |site| purse(site, 10));
    let line = talks_outside(&mut floor);
    floor.run_secs(63);
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    let refused = floor.call(0, "33334444");
    assert_eq!(floor.stand(0, refused), Stand::Over(403));
    floor
        .world
        .configure(|site| site.extensions[0].settings.spend_resumed = 1_795_446_000);
    floor.run_secs(1);
    floor.call(0, "33334444");
    assert_eq!(floor.stand(FIRST, 1), Stand::Ringing);
}

/// F5: or its PIN does.
#[test]
fn an_extension_that_spent_all_goes_on_with_its_pin() {
    let mut floor = floor(vec![to_trunk("second")], |site| {
        purse(site, 10);
        let hash = config::pin_hash("100", "ramal", "4711");
        site.extensions[0].settings.pin_hash = ipc::Redacted::new(hash);
    });
    let line = talks_outside(&mut floor);
    floor.run_secs(63);
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    let asked = floor.call(0, "33334444");
    assert_eq!(floor.hears(0, asked), Hears::Plays(Clip::Confirm));
    for key in "4711#".chars() {
        floor.act(0, |set, world| set.press(world, asked, key));
    }
    assert_eq!(floor.stand(FIRST, 1), Stand::Ringing);
}

/// F5, F15: of a three-way the call that costs money goes, and the emergency stays.
#[test]
fn a_cap_ends_the_call_that_reached_it_and_not_the_emergency_beside_it() {
    let mut floor = floor(vec![to_trunk("second")], |site| purse(site, 20));
    let paid = talks_outside(&mut floor);
    floor.act(0, |set, world| set.hold(world, paid));
    let emergency = floor.call(0, "190");
    floor.act(FIRST, |set, world| set.answer(world, 1));
    assert_eq!(floor.stand(0, emergency), Stand::Talking);
    enter(&mut floor, emergency, "*3");
    assert_eq!(floor.hears(FIRST, 1), Hears::Mix);
    let over = |floor: &Floor| floor.stand(FIRST, 0) == Stand::Over(200);
    until(&mut floor, over);
    assert_eq!(floor.stand(FIRST, 1), Stand::Talking);
    floor.run_secs(60);
    assert_eq!(floor.stand(FIRST, 1), Stand::Talking);
}

/// F15: with every channel in use the call that went out last gives way.
#[test]
fn an_emergency_takes_the_channel_of_the_newest_call_outside() {
    let mut floor = floor(Vec::new(), |site| {
        site.routes.pop();
        site.trunks.truncate(1);
        site.trunks[0].channels_max = 2;
        site.limits.outbound_percent = 100;
    });
    let [older, newer] = [(1, "33334444"), (2, "33335555")].map(|(from, to)| {
        let line = floor.call(from, to);
        let carrier = floor.last(FIRST);
        floor.act(FIRST, |set, world| set.answer(world, carrier));
        (from, line)
    });
    let caller = floor.call(0, "190");
    assert_eq!(floor.stand(FIRST, 2), Stand::Ringing);
    assert_eq!(floor.stand(newer.0, newer.1), Stand::Over(200));
    assert_eq!(floor.stand(older.0, older.1), Stand::Talking);
    floor.act(FIRST, |set, world| set.answer(world, 2));
    assert!(floor.talk((0, caller), (FIRST, 2)));
    // A second emergency does not end the first one.
    floor.call(2, "193");
    assert_eq!(floor.stand(FIRST, 3), Stand::Ringing);
    assert_eq!(floor.stand(0, caller), Stand::Talking);
    assert_eq!(floor.stand(older.0, older.1), Stand::Over(200));
    let ended = floor.records().into_iter().map(|record| record.outcome);
    let by_box = ended.filter(|outcome| *outcome == Outcome::EndedByBox);
    assert_eq!(by_box.count(), 2);
}

/// F15: one that only rings gives way too, and its caller is told.
#[test]
fn an_emergency_takes_the_channel_of_a_call_that_rings() {
    let mut floor = floor(vec![to_trunk("second")], |site| {
        site.trunks.truncate(1);
        site.routes.pop();
        site.trunks[0].channels_max = 1;
    });
    let ringing = floor.call(1, "33334444");
    assert_eq!(floor.stand(FIRST, 0), Stand::Ringing);
    floor.call(0, "190");
    assert_eq!(floor.stand(1, ringing), Stand::Over(503));
    assert_eq!(floor.stand(FIRST, 1), Stand::Ringing);
}

fn enter(floor: &mut Floor, line: usize, keys: &str) {
    for key in keys.chars() {
        floor.act(0, |set, world| set.press(world, line, key));
    }
}

/// F7: three tries a call are not three tries.
#[test]
fn pins_are_not_guessed_by_calling_again_nor_by_killing_the_process() {
    let mut floor = floor(vec![to_trunk("second")], |site| {
        let threes = site.routes.first_mut().expect("a route");
        threes.pin = true;
        let hash = config::pin_hash("100", "ramal", "4711");
        let first = site.extensions.first_mut().expect("an extension");
        first.settings.pin_hash = ipc::Redacted::new(hash);
    });
    let guessed = floor.call(0, "33334444");
    enter(&mut floor, guessed, "1#2#3#");
    assert_eq!(floor.stand(0, guessed), Stand::Over(200));
    let refused = floor.call(0, "33334444");
    assert_eq!(floor.stand(0, refused), Stand::Over(403), "not even asked");
    // What needs no PIN goes on, and so does an emergency.
    let open = floor.call(0, "44445555");
    assert_eq!(floor.stand(SECOND, 0), Stand::Ringing);
    floor.act(0, |set, world| set.hang_up(world, open));
    let emergency = floor.call(0, "190");
    assert_eq!(floor.stand(FIRST, 0), Stand::Ringing);
    floor.act(0, |set, world| set.hang_up(world, emergency));
    floor.run_secs(60);
    let again = floor.call(0, "33334444");
    enter(&mut floor, again, "4711#");
    assert_eq!(floor.stand(FIRST, 1), Stand::Ringing, "time ends the lock");
    floor.act(0, |set, world| set.hang_up(world, again));
    // Each further wrong one is waited for twice as long: 60, 120 and 240 seconds.
    for (keys, wait) in [("1#2#3#", 61), ("4#", 121), ("5#", 241), ("6#", 1)] {
        let guessed = floor.call(0, "33334444");
        enter(&mut floor, guessed, keys);
        assert_eq!(floor.stand(0, guessed), Stand::Over(200), "{keys}");
        floor.run_secs(wait);
    }
    // The sixth one locked the extension itself.
    floor.world.kill_pbx();
    floor.run_secs(5);
    let refused = floor.call(0, "33334444");
    assert_eq!(floor.stand(0, refused), Stand::Over(403));
}

/// F3, F4: who is asked for his PIN takes up as much as who calls, and is counted once.
#[test]
fn calls_that_wait_for_a_pin_count_as_calls() {
    let mut floor = floor(vec![to_trunk("second")], |site| {
        site.routes[0].pin = true;
        let settings = &mut site.extensions[0].settings;
        settings.pin_hash = ipc::Redacted::new(config::pin_hash("100", "ramal", "4711"));
        settings.limits.per_hour = 5;
    });
    let waiting = [0, 1].map(|_| floor.call(0, "33334444"));
    for line in waiting {
        assert_eq!(floor.hears(0, line), Hears::Plays(Clip::Confirm));
    }
    // Two at one time, as an extension comes.
    let third = floor.call(0, "33334444");
    assert_eq!(floor.stand(0, third), Stand::Over(403));
    enter(&mut floor, waiting[0], "4711#");
    assert_eq!(floor.stand(FIRST, 0), Stand::Ringing);
    let third = floor.call(0, "44445555");
    assert_eq!(
        floor.stand(0, third),
        Stand::Over(403),
        "one rings, one waits"
    );
    for line in waiting {
        floor.act(0, |set, world| set.hang_up(world, line));
    }
    // Two attempts of five so far; one that is left to wait until its time is over is the third.
    let silent = floor.call(0, "33334444");
    floor.run_secs(21);
    assert!(matches!(floor.stand(0, silent), Stand::Over(_)));
    for refused in [false, false, true] {
        let line = floor.call(0, "44445555");
        assert_eq!(floor.stand(0, line) == Stand::Over(403), refused);
        floor.act(0, |set, world| set.hang_up(world, line));
        floor.run_secs(1);
    }
}

/// F5: a clock that ran ahead and was put right leaves nobody without calls until the year it told.
#[test]
fn a_cap_that_was_reached_in_a_wrong_year_ends_with_the_right_day() {
    let mut floor = floor(vec![to_trunk("second")], |site| purse(site, 10));
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    floor.world.set_clock(hours(24 * 400));
    let line = talks_outside(&mut floor);
    floor.run_secs(63);
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    floor.world.set_clock(hours(24 * 10));
    let refused = floor.call(0, "33334444");
    assert_eq!(floor.stand(0, refused), Stand::Over(403), "not forgiven");
    floor.world.set_clock(hours(24 * 9 + 1));
    let refused = floor.call(0, "33334444");
    assert_eq!(
        floor.stand(0, refused),
        Stand::Over(403),
        "nor by a day less"
    );
    floor.world.set_clock(hours(24 * 11));
    floor.call(0, "33334444");
    assert_eq!(floor.stand(FIRST, 1), Stand::Ringing, "a new day");
}

/// F5: nor does pulling the plug, but for the last minute.
#[test]
fn what_was_spent_outlives_a_power_cut() {
    let mut floor = floor(vec![to_trunk("second")], |site| purse(site, 10));
    let line = talks_outside(&mut floor);
    floor.run_secs(63);
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    floor.run_secs(61);
    assert!(
        (1..=2).contains(&floor.world.store.spent.1),
        "not each second"
    );
    floor.world.cut_power();
    floor.run_secs(60);
    let next = floor.call(0, "33334444");
    assert_eq!(floor.stand(0, next), Stand::Over(403));
    let written = floor.world.store.spent.1;
    floor.run_secs(300);
    assert_eq!(
        floor.world.store.spent.1, written,
        "nothing was spent since"
    );
}

/// F5: capped minutes are handed over while they are spoken, also where they have no price.
#[test]
fn capped_minutes_without_a_price_outlive_a_power_cut_in_the_midst_of_a_call() {
    let mut floor = floor(vec![to_trunk("second")], |site| {
        site.limits.tariffs.clear();
        site.limits.minutes_a_day = vec![Minutes {
            class: Class::Local,
            minutes: 5,
        }];
    });
    talks_outside(&mut floor);
    floor.run_secs(250);
    floor.world.cut_power();
    floor.run_secs(60);
    let line = talks_outside(&mut floor);
    let over = |floor: &Floor| floor.stand(0, line) == Stand::Over(200);
    // Of five minutes four were spoken; a cut may forgive the last one, and not the three before.
    let ended = until(&mut floor, over);
    assert!((500..=1_200).contains(&ended), "{ended}");
}

/// F5: the store is not written to for calls that cost nothing.
#[test]
fn calls_that_cost_nothing_are_no_writes() {
    let mut floor = floor(vec![to_trunk("second")], |site| site.limits.tariffs.clear());
    let line = talks_outside(&mut floor);
    floor.run_secs(200);
    floor.act(0, |set, world| set.hang_up(world, line));
    floor.connect(1, 2);
    floor.run_secs(200);
    assert_eq!(floor.world.store.spent.1, 0);
}

/// Who forges the carrier's address makes phones ring no more often than the line may.
#[test]
fn calls_that_come_in_too_fast_are_refused_until_a_minute_is_over() {
    let mut floor = floor(vec![to_trunk("second")], |site| {
        site.trunks[0].inbound_per_minute = 2;
        site.routes.push(Route {
            name: "in".into(),
            sources: vec![Source::Trunks],
            pattern: "100".into(),
            destinations: vec![Destination::Extension("100".into())],
            ..Route::default()
        });
    });
    for refused in [false, false, true, true] {
        let line = floor.call(FIRST, "100");
        assert_eq!(floor.stand(FIRST, line) == Stand::Over(503), refused);
        floor.act(FIRST, |set, world| set.hang_up(world, line));
    }
    let other = floor.call(SECOND, "100");
    assert_ne!(
        floor.stand(SECOND, other),
        Stand::Over(503),
        "another trunk"
    );
    floor.act(SECOND, |set, world| set.hang_up(world, other));
    floor.run_secs(60);
    let line = floor.call(FIRST, "100");
    assert_ne!(floor.stand(FIRST, line), Stand::Over(503));
}
