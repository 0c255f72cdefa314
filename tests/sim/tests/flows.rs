//! Each flow of an office day on a quiet network: the exact outcome is known.

#![expect(clippy::expect_used, reason = "a test's helpers may fail the test")]

use std::net::SocketAddr;
use std::time::Duration;

use ipc::store::{CallRecord, Outcome};
use pbx::{AuthFailure, Event};
use sim::{Act, Answering, CallPlan, Faults, Happened, World, checks};

const SECOND: Duration = Duration::from_secs(1);

fn plan(to: &str) -> CallPlan {
    CallPlan {
        to: to.to_owned(),
        cancel_after: None,
        hang_up_after: Some(SECOND * 5),
        late_offer: false,
    }
}

/// A quiet site whose phones are registered.
fn office(phones: u8) -> World {
    let world = World::office(phones);
    for phone in &world.phones {
        assert_eq!(phone.log, [Happened::Registered]);
    }
    world
}

/// Lets phone 100 call as planned, and checks the one record that comes of it.
fn check_call(world: &mut World, plan: CallPlan, outcome: Outcome, status: u16) -> CallRecord {
    world.act_after(Duration::ZERO, 0, Act::Call(plan));
    world.run_for(SECOND * 120);
    assert_eq!(checks::settled(world), Ok(()), "{:?}", world.events);
    let id = world.calls_started.last().expect("a call");
    let record = world.store.records.get(id).expect("a record").clone();
    assert_eq!(
        (record.outcome, record.status),
        (outcome, status),
        "{:?}",
        world.events
    );
    assert_eq!(record.from, "100");
    record
}

#[test]
fn a_phone_registers_with_either_algorithm_and_again_in_time() {
    let mut world = World::new(1, 2, Faults::NONE);
    world.phones[1].md5_only = true;
    world.act_after(Duration::ZERO, 0, Act::Register);
    world.act_after(Duration::ZERO, 1, Act::Register);
    world.run_for(SECOND * 400);
    for phone in &world.phones {
        assert_eq!(phone.log, [Happened::Registered, Happened::Registered]);
    }
    let status = world.node.status();
    assert_eq!(status.phones.len(), 2);
    assert_eq!(world.store.registrations.len(), 2);
    world.act_after(Duration::ZERO, 0, Act::Unregister);
    world.run_for(SECOND * 10);
    assert_eq!(world.node.status().phones.len(), 1);
    assert_eq!(world.store.registrations.len(), 1);
}

#[test]
fn a_phone_that_falls_silent_expires() {
    let mut world = office(1);
    world.act_after(Duration::ZERO, 0, Act::Unplug);
    world.run_for(SECOND * 600);
    assert!(world.node.status().phones.is_empty());
}

#[test]
fn a_call_is_answered_and_hung_up_by_the_caller() {
    let mut world = office(2);
    let record = check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
    assert_eq!(record.to, "101");
    assert_eq!(record.extensions, ["100", "101"], "whose call it is (R5)");
    let talked = record
        .ended_millis
        .zip(record.answered_millis)
        .map(|(e, a)| e - a);
    assert!(
        talked.is_some_and(|millis| (5000..5100).contains(&millis)),
        "{talked:?}"
    );
    assert_eq!(record.packets_to_callee, 50);
    let caller = &world.phones[0].log[1..];
    assert_eq!(
        caller,
        [
            Happened::Ringing,
            Happened::Connected,
            Happened::Ended(true)
        ]
    );
    assert_eq!(
        world.phones[1].log[1..],
        [Happened::Connected, Happened::Ended(false)]
    );
}

#[test]
fn a_call_is_hung_up_by_the_callee() {
    let mut world = office(2);
    let hang_up_after = Some(SECOND * 3);
    world.phones[1].answering = Answering::Yes {
        after: SECOND,
        hang_up_after,
    };
    check_call(&mut world, plan("101"), Outcome::EndedByCallee, 200);
}

#[test]
fn a_call_whose_offer_comes_late_is_connected() {
    let mut world = office(2);
    let late = CallPlan {
        late_offer: true,
        ..plan("101")
    };
    check_call(&mut world, late, Outcome::EndedByCaller, 200);
    assert_eq!(
        world.phones[1].log[1..],
        [Happened::Connected, Happened::Ended(false)]
    );
}

#[test]
fn a_call_is_held_by_either_side() {
    for holder in [0, 1] {
        let mut world = office(2);
        check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
        let before = world.media.relatched;
        world.act_after(SECOND * 4, holder, Act::Hold);
        check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
        assert!(
            world.phones[holder].log.contains(&Happened::Held),
            "{:?}",
            world.phones
        );
        // Only the holder's own leg negotiated, and locks to its media again.
        assert_eq!(world.media.relatched, before * 2 + 1);
    }
}

/// pbx trap 16, and decision 0013: a hold is not passed on, so two cannot collide.
#[test]
fn two_holds_that_cross_are_both_granted() {
    let mut world = office(2);
    world.act_after(SECOND * 4, 0, Act::Hold);
    world.act_after(SECOND * 4, 1, Act::Hold);
    check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
    for phone in &world.phones {
        assert!(phone.log.contains(&Happened::Held), "{:?}", phone.log);
    }
}

#[test]
fn a_key_pressed_as_info_reaches_the_other_side_in_the_way_it_agreed_to() {
    let mut world = office(2);
    world.act_after(SECOND * 4, 0, Act::Press);
    world.act_after(SECOND * 5, 1, Act::Press);
    check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
    for phone in &world.phones {
        let told = phone.log.contains(&Happened::Pressed(200));
        assert!(told, "{:?}", phone.log);
    }
    // Both described RFC 4733 events.
    let digits: Vec<&str> = world
        .media
        .dialled
        .iter()
        .map(|(_, digits)| digits.as_str())
        .collect();
    assert_eq!(digits, ["5", "5"]);
    assert_ne!(world.media.dialled[0].0, world.media.dialled[1].0);
}

#[test]
fn a_caller_who_gives_up_stops_the_ringing() {
    let mut world = office(2);
    world.phones[1].answering = Answering::Never;
    let given_up = CallPlan {
        cancel_after: Some(SECOND * 4),
        ..plan("101")
    };
    check_call(&mut world, given_up, Outcome::Cancelled, 487);
    assert_eq!(
        world.phones[0].log[1..],
        [Happened::Ringing, Happened::Failed(487)]
    );
    assert_eq!(world.phones[1].log[1..], [Happened::Failed(487)]);
}

#[test]
fn a_busy_callee_is_reported_busy() {
    let mut world = office(2);
    world.phones[1].answering = Answering::Busy;
    check_call(&mut world, plan("101"), Outcome::Refused, 486);
    assert_eq!(world.phones[0].log[1..], [Happened::Failed(486)]);
}

#[test]
fn a_call_nobody_answers_ends_after_the_ringing_time() {
    let mut world = office(2);
    world.phones[1].answering = Answering::Never;
    let record = check_call(&mut world, plan("101"), Outcome::NoAnswer, 480);
    let rang = record
        .ended_millis
        .map(|ended| ended - record.started_millis);
    let ring = world
        .site()
        .extension("101")
        .map(|one| one.settings.forward.ring);
    let limit = i64::try_from(ring.expect("an extension").as_millis()).expect("seconds");
    assert!(
        rang.is_some_and(|millis| (limit..limit + 100).contains(&millis)),
        "{rang:?}"
    );
}

#[test]
fn an_unknown_number_is_not_found() {
    let mut world = office(2);
    check_call(&mut world, plan("250"), Outcome::NotFound, 404);
    assert_eq!(world.phones[0].log[1..], [Happened::Failed(404)]);
}

#[test]
fn an_extension_without_a_phone_is_unavailable() {
    let mut world = office(2);
    world.act_after(Duration::ZERO, 1, Act::Unregister);
    world.run_for(SECOND);
    check_call(&mut world, plan("101"), Outcome::Unreachable, 480);
}

#[test]
fn a_callee_that_does_not_reply_is_unavailable_after_timer_b() {
    let mut world = office(2);
    world.act_after(Duration::ZERO, 1, Act::Unplug);
    world.run_for(SECOND);
    let record = check_call(&mut world, plan("101"), Outcome::Unreachable, 480);
    let waited = record
        .ended_millis
        .map(|ended| ended - record.started_millis);
    assert!(
        waited.is_some_and(|millis| (32_000..32_100).contains(&millis)),
        "{waited:?}"
    );
}

#[test]
fn a_callee_that_vanishes_in_a_call_ends_it_for_the_caller() {
    let mut world = office(2);
    world.act_after(SECOND * 4, 1, Act::Unplug);
    check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
}

#[test]
fn the_first_phone_of_an_extension_to_answer_wins() {
    let mut world = office(2);
    let second = world.add_phone(1, sim::PASSWORD);
    world.act_after(Duration::ZERO, second, Act::Register);
    world.run_for(SECOND);
    world.phones[1].answering = Answering::Never;
    check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
    assert_eq!(world.phones[1].log[1..], [Happened::Failed(487)]);
    assert_eq!(
        world.phones[second].log[1..],
        [Happened::Connected, Happened::Ended(false)]
    );
}

#[test]
fn a_wrong_password_is_refused_and_reported() {
    let mut world = World::new(1, 1, Faults::NONE);
    let thief = world.add_phone(0, "guessed");
    world.act_after(Duration::ZERO, thief, Act::Register);
    world.act_after(SECOND, thief, Act::Call(plan("100")));
    world.run_for(SECOND * 60);
    let refused = [Happened::RegistrationRefused(403), Happened::Failed(403)];
    assert_eq!(world.phones[thief].log, refused);
    let failures = world.events.iter().filter_map(|event| match event {
        Event::AuthFailure {
            class,
            extension,
            source,
            ..
        } => Some((*class, extension.as_str(), *source)),
        _ => None,
    });
    let wrong = (
        AuthFailure::WrongPassword,
        "100",
        world.phones[thief].address(),
    );
    assert_eq!(failures.collect::<Vec<_>>(), [wrong, wrong]);
    assert!(world.node.status().phones.is_empty());
    assert!(world.calls_started.is_empty());
}

#[test]
fn a_store_that_crashes_delays_records_and_nothing_else() {
    let mut world = office(2);
    world.crash_store(SECOND * 2, SECOND * 30);
    check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
}

#[test]
fn a_media_service_that_is_away_refuses_calls_politely() {
    let mut world = office(2);
    world.media.broken = true;
    check_call(&mut world, plan("101"), Outcome::EndedByBox, 503);
    world.media.broken = false;
    check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
}

#[test]
fn endpoints_that_open_too_late_are_closed() {
    let mut world = office(2);
    world.media.late = SECOND * 7;
    check_call(&mut world, plan("101"), Outcome::EndedByBox, 503);
    assert_eq!(world.media.opened, 2);
}

#[test]
fn a_record_says_from_where_each_party_sent_audio_and_how_it_sounded() {
    let mut world = office(2);
    let record = check_call(&mut world, plan("101"), Outcome::EndedByCaller, 200);
    for (audio, phone) in [(&record.caller_audio, 0), (&record.callee_audio, 1)] {
        let host = world.phones[phone].address().ip();
        let described = audio.described.parse::<SocketAddr>().expect("an address");
        assert_eq!(described.ip(), host);
        assert_ne!(described.port(), 61_000);
        assert_eq!(audio.source, format!("{host}:61000"));
        let figures = (
            audio.received,
            audio.lost,
            audio.jitter_micros,
            audio.mos_hundredths,
        );
        assert_eq!(figures, (49, 1, 1_500, 420));
        assert_eq!(audio.codec, "PCMU");
    }
}

#[test]
fn a_media_service_that_restarts_in_a_call_costs_only_the_figures() {
    let mut world = office(2);
    world.act_after(Duration::ZERO, 0, Act::Call(plan("101")));
    world.run_for(SECOND * 4);
    world.media.open.clear();
    world.run_for(SECOND * 60);
    let record = world.store.records.values().next().expect("a record");
    assert_eq!(
        (record.outcome, record.packets_to_callee),
        (Outcome::EndedByCaller, 0)
    );
    assert!(
        world
            .events
            .iter()
            .any(|event| matches!(event, Event::CallEnded { .. }))
    );
    assert_eq!(checks::settled(&world), Ok(()));
}

#[test]
fn an_extension_that_is_deleted_is_reached_no_more() {
    let mut world = office(2);
    let mut site = world.site().clone();
    site.extensions.pop_last();
    world.input(pbx::Input::Config(2, std::sync::Arc::new(site)));
    assert_eq!(world.node.status().config_version, 2);
    assert_eq!(world.node.status().phones.len(), 1);
    check_call(&mut world, plan("101"), Outcome::NotFound, 404);
}

#[test]
fn an_orderly_stop_hangs_up_and_writes_every_record() {
    let mut world = office(4);
    world.phones[3].answering = Answering::Never;
    let endless = |to: &str| CallPlan {
        hang_up_after: None,
        ..plan(to)
    };
    world.act_after(Duration::ZERO, 0, Act::Call(endless("101")));
    world.act_after(Duration::ZERO, 2, Act::Call(endless("103")));
    world.run_for(SECOND * 10);
    assert_eq!(world.node.status().calls.len(), 2);
    world.input(pbx::Input::Shutdown);
    world.run_for(SECOND);
    assert!(world.stopped);
    let outcomes = world.store.records.values().map(|record| record.outcome);
    assert!(
        outcomes.eq([Outcome::EndedByBox, Outcome::EndedByBox]),
        "{:?}",
        world.store
    );
    assert_eq!(checks::settled(&world), Ok(()));
}

#[test]
fn registrations_outlive_a_restart_of_the_process() {
    let mut world = office(2);
    world.run_for(SECOND * 10);
    let kept = world.store.registrations.clone();
    let mut next = World::new(2, 2, Faults::NONE);
    next.run_for(SECOND * 20);
    next.input(pbx::Input::StoredRegistrations(kept));
    next.act_after(Duration::ZERO, 0, Act::Call(plan("101")));
    next.run_for(SECOND * 60);
    assert!(
        next.phones[0].log.contains(&Happened::Ended(true)),
        "{:?}",
        next.phones[0].log
    );
    assert_eq!(checks::settled(&next), Ok(()));
}
