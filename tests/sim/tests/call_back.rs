//! Calls back (R18): who calls from outside reaches the extension first that last had to do with
//! his number, and nothing that the store does or does not say keeps his call.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use std::time::Duration;

use ipc::site::{
    CallBack, Destination, Prompt, Route, Site as RawSite, Source, Trunk, TrunkAccess,
};
use ipc::store::Outcome;
use sim::{Floor, Handset, Stand, checks};
use sip::{HeaderName, StatusCode};

/// The carrier's place in a floor of three phones.
const CARRIER: usize = 3;
/// Who calls from outside.
const MARIA: &str = "+5548999990021";
/// How long the store may take.
const PATIENCE: Duration = Duration::from_millis(300);
/// The moment at which the simulated clock starts, and a day before.
const DAY_BEFORE: i64 = 1_767_225_600_000 - 24 * 3600 * 1000;

/// Three phones and a carrier, whose calls go back to who called and ring at 100 otherwise; the
/// store says that it was 101.
fn floor_with(change: impl FnOnce(&mut RawSite)) -> Floor {
    let mut floor = Floor::with(3, |site| {
        site.dialling.area_code = "11".into();
        site.trunks = vec![Trunk {
            name: "carrier".into(),
            access: TrunkAccess::Peer {
                server: "10.0.2.4".into(),
                networks: vec!["10.0.2.4/32".into()],
            },
            qualify_secs: 0,
            ..Trunk::default()
        }];
        site.routes = vec![Route {
            name: "in".into(),
            sources: vec![Source::Trunks],
            pattern: "!".into(),
            destinations: vec![Destination::Extension("100".into())],
            call_back: CallBack {
                enabled: true,
                ..CallBack::default()
            },
            ..Route::default()
        }];
        change(site);
    });
    floor.sets.push(Handset::new("carrier", 4));
    floor.world.store.last_with = Some("101".into());
    floor.world.store.last_with_late = Some(Duration::ZERO);
    floor.run_secs(1);
    floor
}

fn floor() -> Floor {
    floor_with(|_| ())
}

/// And an extension 103 without a phone.
fn with_absent(site: &mut RawSite) {
    let mut absent = site.extensions[2].clone();
    absent.number = "103".into();
    site.extensions.push(absent);
}

/// Somebody calls from outside with this number, and no time passes.
fn dial(floor: &mut Floor, number: &str) -> usize {
    let identity = format!("<sip:{number}@10.0.2.4>");
    let headers = [(HeaderName::PAssertedIdentity, identity)];
    let call =
        |set: &mut Handset, world: &mut sim::World| set.call_with(world, "1132345678", &headers);
    floor.with_set(CARRIER, call).expect("the carrier")
}

fn rings(floor: &Floor) -> Vec<usize> {
    let sets = 0..CARRIER;
    let is_rung = |set: &usize| {
        let lines = floor.sets[*set].lines.iter();
        lines.filter(|line| line.stand == Stand::Ringing).count() > 0
    };
    sets.filter(is_rung).collect()
}

/// The one record there is: who was to be rung, who was called back, and how it ended.
fn record(floor: &Floor) -> (Vec<String>, String, Outcome) {
    let [record] = &floor.records()[..] else {
        panic!("one record: {:?}", floor.records());
    };
    let record = record.clone();
    (record.rung, record.called_back, record.outcome)
}

fn names(numbers: &[&str]) -> Vec<String> {
    numbers.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn a_call_goes_back_to_who_had_to_do_with_the_number_and_the_record_says_so() {
    let mut floor = floor();
    let line = dial(&mut floor, MARIA);
    floor.run_secs(1);
    assert_eq!(rings(&floor), [1]);
    let (number, since) = floor.world.store.asked[0].clone();
    assert!(number.ends_with("48999990021"), "{number}");
    assert!(
        (DAY_BEFORE..DAY_BEFORE + 60_000).contains(&since),
        "{since}"
    );
    floor.act(1, |set, world| set.answer(world, 0));
    assert!(floor.talk((CARRIER, line), (1, 0)));
    floor.act(1, |set, world| set.hang_up(world, 0));
    let expected = (names(&["101"]), "101".to_owned(), Outcome::EndedByCallee);
    assert_eq!(record(&floor), expected);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn who_does_not_answer_in_his_time_leaves_the_call_to_the_destinations() {
    let mut floor = floor();
    let line = dial(&mut floor, MARIA);
    floor.run_secs(14);
    assert_eq!(rings(&floor), [1]);
    floor.run_secs(2);
    assert_eq!(rings(&floor), [0]);
    floor.act(0, |set, world| set.answer(world, 0));
    assert!(floor.talk((CARRIER, line), (0, 0)));
    floor.act(CARRIER, |set, world| set.hang_up(world, line));
    let both = names(&["101", "100"]);
    let expected = (both, "101".to_owned(), Outcome::EndedByCaller);
    assert_eq!(record(&floor), expected);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn who_is_busy_or_refuses_or_is_not_there_costs_the_caller_nothing() {
    for status in [StatusCode::BUSY_HERE, StatusCode::DECLINE] {
        let mut floor = floor();
        dial(&mut floor, MARIA);
        floor.run_secs(1);
        floor.act(1, |set, world| set.reply(world, 0, status));
        assert_eq!(rings(&floor), [0], "{status:?}");
    }
    // Extension 103 has no phone that is registered, 109 is not there.
    for (gone, noted) in [("103", "103"), ("109", "")] {
        let mut floor = floor_with(with_absent);
        floor.world.store.last_with = Some(gone.into());
        let line = dial(&mut floor, MARIA);
        floor.run(Duration::from_millis(100));
        assert_eq!(rings(&floor), [0], "{gone}");
        assert_eq!(floor.world.store.asked.len(), 1, "{gone}");
        floor.act(CARRIER, |set, world| set.hang_up(world, line));
        assert_eq!(record(&floor).1, noted);
    }
}

/// A call waits for a phone on TLS that lost its connection with the process before.
#[test]
fn a_phone_that_is_expected_back_is_waited_for_as_long_as_it_would_ring() {
    let mut floor = floor_with(with_absent);
    floor.run_secs(7);
    let mut row = floor.world.store.registrations[0].clone();
    row.extension = "103".into();
    row.source = "tls 10.0.2.9:50001".into();
    floor.world.store.registrations.push(row);
    floor.world.kill_pbx();
    floor.run_secs(1);
    floor.world.store.last_with = Some("103".into());
    dial(&mut floor, MARIA);
    floor.run_secs(14);
    assert!(rings(&floor).is_empty());
    floor.run_secs(2);
    assert_eq!(rings(&floor), [0]);
}

#[test]
fn who_is_not_to_be_disturbed_or_sends_his_calls_elsewhere_is_not_called_back() {
    let forwards = |site: &mut RawSite| {
        site.extensions[1].settings.forward.always = "102".into();
    };
    let disturbed = |site: &mut RawSite| site.extensions[1].settings.do_not_disturb = true;
    let one_call = |site: &mut RawSite| site.extensions[1].settings.call_waiting = false;
    for change in [forwards, disturbed] {
        let mut floor = floor_with(change);
        dial(&mut floor, MARIA);
        floor.run_secs(1);
        assert_eq!(rings(&floor), [0]);
        assert_eq!(floor.records()[0].called_back, "");
        assert_eq!(floor.world.store.asked.len(), 1);
    }
    // Nor who talks and does not want to hear of a second call.
    let mut floor = floor_with(one_call);
    floor.connect(1, 2);
    dial(&mut floor, MARIA);
    floor.run_secs(1);
    assert_eq!(rings(&floor), [0]);
    assert_eq!(floor.world.store.asked.len(), 1);
}

/// A call from outside whose way leads to whoever is called back in any case rings him once, for as
/// long as he always rings.
#[test]
fn who_would_ring_first_in_any_case_is_not_rung_twice() {
    let mut floor = floor();
    floor.world.store.last_with = Some("100".into());
    dial(&mut floor, MARIA);
    floor.run_secs(20);
    assert_eq!(rings(&floor), [0]);
    assert_eq!(floor.sets[0].lines.len(), 1);
    assert_eq!(floor.records()[0].called_back, "");
}

/// Who is called back leaves nothing behind: a call that nobody else can take ends as it would have
/// without him, by status and by outcome.
#[test]
fn a_call_that_nobody_takes_ends_as_it_would_without_the_call_back() {
    let ended = |destination: &Destination, calls_back: bool, last: Option<&str>| {
        let mut floor = floor_with(|site| {
            site.extensions[0].settings.do_not_disturb = true;
            site.routes[0].destinations = vec![destination.clone()];
            site.routes[0].call_back.enabled = calls_back;
        });
        floor.world.store.last_with = last.map(ToOwned::to_owned);
        let line = dial(&mut floor, MARIA);
        floor.run_secs(30);
        assert_eq!(floor.world.store.asked.len(), usize::from(calls_back));
        assert_eq!(checks::settled(&floor.world), Ok(()));
        (floor.stand(CARRIER, line), record(&floor).2)
    };
    let statuses = [403, 404, 408, 480, 482, 486, 487, 503];
    let mut ways: Vec<Destination> = statuses.map(Destination::HangUp).into();
    ways.push(Destination::Extension("100".into()));
    // Nobody has this number, and no route leads to it.
    ways.push(Destination::Number("999".into()));
    for way in ways {
        let without = ended(&way, false, None);
        assert!(matches!(without.0, Stand::Over(_)), "{way:?}");
        assert_eq!(ended(&way, true, None), without, "{way:?}");
        assert_eq!(ended(&way, true, Some("101")), without, "{way:?}, it rang");
    }
}

#[test]
fn a_prompt_of_the_route_is_heard_by_who_was_not_called_back() {
    let mut floor = floor_with(|site| {
        site.prompts = vec![Prompt {
            name: "closed".into(),
            ..Prompt::default()
        }];
        let prompt = Destination::Announcement("closed".into());
        site.routes[0].destinations.insert(0, prompt);
    });
    let line = dial(&mut floor, MARIA);
    floor.run_secs(14);
    assert_eq!(rings(&floor), [1]);
    assert_eq!(floor.stand(CARRIER, line), Stand::Calling);
    floor.run_secs(2);
    assert_eq!(floor.stand(CARRIER, line), Stand::Talking);
    assert!(rings(&floor).is_empty());
}

#[test]
fn a_store_that_never_answers_costs_the_caller_its_time_and_nothing_else() {
    let mut floor = floor();
    floor.world.store.last_with_late = None;
    let begun = floor.world.now();
    let line = dial(&mut floor, MARIA);
    floor.run(PATIENCE - Duration::from_millis(50));
    assert!(rings(&floor).is_empty());
    // 100 was sent at once: nothing was sent again.
    assert_eq!(floor.sets[CARRIER].lines[line].told, [100]);
    floor.run(Duration::from_millis(100));
    assert_eq!(rings(&floor), [0]);
    assert!(floor.world.now() - begun < PATIENCE + Duration::from_millis(100));
    assert_eq!(floor.world.store.asked.len(), 1);
}

#[test]
fn a_store_that_is_down_costs_nothing_and_a_late_answer_changes_nothing() {
    let mut floor = floor();
    floor.world.store.down = true;
    dial(&mut floor, MARIA);
    floor.run(Duration::from_millis(50));
    assert_eq!(rings(&floor), [0]);

    let mut floor = self::floor();
    floor.world.store.last_with_late = Some(Duration::from_secs(1));
    dial(&mut floor, MARIA);
    floor.run_secs(3);
    assert_eq!(rings(&floor), [0], "an answer after 1 s is none");
}

/// RFC 3261 §9.2, §17.2.1.
#[test]
fn a_caller_who_hangs_up_while_the_store_is_asked_is_gone_and_his_answer_rings_nobody() {
    let mut floor = floor();
    floor.world.store.last_with_late = Some(Duration::from_millis(200));
    let line = dial(&mut floor, MARIA);
    floor.run(Duration::from_millis(100));
    floor.with_set(CARRIER, |set, world| set.hang_up(world, line));
    floor.run_secs(2);
    assert_eq!(floor.stand(CARRIER, line), Stand::Over(487));
    assert!(
        floor
            .sets
            .iter()
            .take(CARRIER)
            .all(|set| set.lines.is_empty())
    );
    let expected = (Vec::new(), String::new(), Outcome::Cancelled);
    assert_eq!(record(&floor), expected);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// RFC 3261 §17.2.1: a copy of the INVITE is answered with what was said last.
#[test]
fn a_copy_of_the_invite_while_the_store_is_asked_asks_nothing_again() {
    let mut floor = floor();
    floor.world.store.last_with_late = Some(Duration::from_millis(200));
    dial(&mut floor, MARIA);
    floor.run(Duration::from_millis(50));
    let invite = floor.sets[CARRIER].lines[0].invite.to_bytes();
    let from = std::net::SocketAddr::from(([10, 0, 2, 4], 5060));
    floor.world.send_to_box(from, &invite);
    floor.run_secs(1);
    assert_eq!(floor.world.store.asked.len(), 1);
    assert_eq!(rings(&floor), [1]);
    assert_eq!(floor.records().len(), 1);
}

#[test]
fn a_call_that_the_store_was_asked_about_is_refused_by_the_next_process() {
    let mut floor = floor();
    floor.world.store.last_with_late = None;
    let line = dial(&mut floor, MARIA);
    floor.run(Duration::from_millis(200));
    floor.world.kill_pbx();
    floor.run_secs(5);
    assert!(matches!(floor.stand(CARRIER, line), Stand::Over(480)));
    assert!(
        floor
            .sets
            .iter()
            .take(CARRIER)
            .all(|set| set.lines.is_empty())
    );
    assert_eq!(record(&floor).2, Outcome::Interrupted);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_phone_that_rings_for_a_call_back_is_cancelled_by_the_next_process() {
    let mut floor = floor();
    let line = dial(&mut floor, MARIA);
    floor.run_secs(2);
    assert_eq!(rings(&floor), [1]);
    floor.world.kill_pbx();
    floor.run_secs(5);
    assert!(matches!(floor.stand(CARRIER, line), Stand::Over(480)));
    assert!(rings(&floor).is_empty());
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn nobody_asks_about_a_caller_who_shows_no_number_or_one_from_inside() {
    for number in ["anonymous", "101", "maria"] {
        let mut floor = floor();
        dial(&mut floor, number);
        floor.run(Duration::from_millis(100));
        assert_eq!(rings(&floor), [0], "{number}");
        assert_eq!(floor.world.store.asked, [], "{number}");
    }
}

#[test]
fn a_route_without_calls_back_asks_nothing() {
    let mut floor = floor_with(|site| site.routes[0].call_back.enabled = false);
    dial(&mut floor, MARIA);
    floor.run(Duration::from_millis(100));
    assert_eq!(rings(&floor), [0]);
    assert_eq!(floor.world.store.asked, []);
}

#[test]
fn a_call_back_by_a_route_that_records_is_recorded() {
    let mut floor = floor_with(|site| site.routes[0].record = true);
    dial(&mut floor, MARIA);
    floor.run_secs(1);
    floor.act(1, |set, world| set.answer(world, 0));
    assert_eq!(floor.world.media.files.len(), 1);
}

/// A prompt before whatever a route leads to, and a route that records.
fn announced(destinations: &[Destination]) -> Floor {
    floor_with(|site| {
        site.prompts = vec![Prompt {
            name: "recorded".into(),
            ..Prompt::default()
        }];
        site.routes[0].record = true;
        site.routes[0].destinations = destinations.to_vec();
    })
}

/// The prompt that the caller hears is over.
fn prompt_ends(floor: &mut Floor, line: usize) {
    let (id, _) = floor.sets[CARRIER]
        .hears(&floor.world, line)
        .expect("an endpoint");
    let ended = ipc::sound::Event::ClipEnded { id };
    floor.world.input(pbx::Input::SoundEvent(ended));
    floor.run_secs(1);
}

#[test]
fn who_is_called_back_by_a_recorded_route_hears_its_prompt_before_he_is_recorded() {
    let prompt = Destination::Announcement("recorded".into());
    let mut floor = announced(&[prompt, Destination::Extension("100".into())]);
    let line = dial(&mut floor, MARIA);
    floor.run_secs(1);
    assert_eq!(floor.stand(CARRIER, line), Stand::Talking);
    assert!(rings(&floor).is_empty());
    assert_eq!(floor.world.store.asked, []);
    prompt_ends(&mut floor, line);
    assert_eq!(rings(&floor), [1]);
    floor.act(1, |set, world| set.answer(world, 0));
    assert!(floor.talk((CARRIER, line), (1, 0)));
    assert_eq!(floor.world.media.files.len(), 1);
    floor.act(1, |set, world| set.hang_up(world, 0));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// The box answered, so a call back that nobody takes is no missed call.
#[test]
fn a_prompt_with_nothing_but_a_call_back_after_it_ends_as_it_would_without() {
    let prompt = Destination::Announcement("recorded".into());
    let mut floor = announced(std::slice::from_ref(&prompt));
    let line = dial(&mut floor, MARIA);
    floor.run_secs(1);
    prompt_ends(&mut floor, line);
    assert_eq!(rings(&floor), [1]);
    floor.run_secs(20);
    assert_eq!(floor.stand(CARRIER, line), Stand::Over(200));
    assert_eq!(record(&floor).2, Outcome::EndedByBox);
    assert_eq!(checks::settled(&floor.world), Ok(()));
    // Nor is one that he gives up.
    let mut floor = announced(&[prompt]);
    let line = dial(&mut floor, MARIA);
    floor.run_secs(1);
    prompt_ends(&mut floor, line);
    floor.with_set(CARRIER, |set, world| set.hang_up(world, line));
    floor.run_secs(1);
    assert_eq!(record(&floor).2, Outcome::EndedByCaller);
    assert!(rings(&floor).is_empty());
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_caller_who_was_answered_and_hangs_up_while_the_store_is_asked_is_gone() {
    let prompt = Destination::Announcement("recorded".into());
    let mut floor = announced(&[prompt, Destination::Extension("100".into())]);
    floor.world.store.last_with_late = None;
    let line = dial(&mut floor, MARIA);
    floor.run_secs(1);
    let (id, _) = floor.sets[CARRIER]
        .hears(&floor.world, line)
        .expect("an endpoint");
    let ended = ipc::sound::Event::ClipEnded { id };
    floor.world.input(pbx::Input::SoundEvent(ended));
    floor.run(Duration::from_millis(100));
    assert_eq!(floor.world.store.asked.len(), 1);
    floor.with_set(CARRIER, |set, world| set.hang_up(world, line));
    floor.run_secs(2);
    assert!(rings(&floor).is_empty());
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn answers_in_another_order_than_they_were_asked_for_reach_whom_they_are_for() {
    let mut floor = floor();
    let mut lines = Vec::new();
    for (number, extension, late) in [(MARIA, "101", 200), ("+5548999990022", "102", 0)] {
        floor.world.store.last_with = Some(extension.into());
        floor.world.store.last_with_late = Some(Duration::from_millis(late));
        lines.push(dial(&mut floor, number));
        floor.run(Duration::from_millis(50));
    }
    assert_eq!(floor.world.store.asked.len(), 2);
    assert_eq!(rings(&floor), [2], "the second answer came first");
    floor.run(Duration::from_millis(200));
    assert_eq!(rings(&floor), [1, 2]);
    for line in lines {
        floor.act(CARRIER, |set, world| set.hang_up(world, line));
    }
    let mut told: Vec<(String, String)> = floor
        .records()
        .iter()
        .map(|it| (it.from.clone(), it.called_back.clone()))
        .collect();
    told.sort();
    let backs: Vec<&str> = told.iter().map(|it| it.1.as_str()).collect();
    assert_eq!(backs, ["101", "102"], "{told:?}");
}

#[test]
fn a_process_that_ends_in_order_while_the_store_is_asked_refuses_the_caller() {
    let mut floor = floor();
    floor.world.store.last_with_late = None;
    let line = dial(&mut floor, MARIA);
    floor.run(Duration::from_millis(100));
    assert_eq!(floor.world.store.asked.len(), 1);
    floor.world.input(pbx::Input::Shutdown);
    floor.run_secs(5);
    assert!(matches!(floor.stand(CARRIER, line), Stand::Over(_)));
    assert!(floor.world.stopped);
    assert!(rings(&floor).is_empty());
}
