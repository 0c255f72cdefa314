//! The exchange is killed and starts again: calls go on, and can be held, transferred and hung up
//! (decision 0014).

use std::time::Duration;

use ipc::sound::Clip;
use ipc::store::Outcome;
use pbx::{Input, Stored};
use sim::{Floor, Hears, Stand, checks};

fn outcomes(floor: &Floor) -> Vec<Outcome> {
    floor
        .records()
        .iter()
        .map(|record| record.outcome)
        .collect()
}

#[test]
fn a_call_outlives_the_exchange_and_is_hung_up_by_either_side() {
    for by_caller in [true, false] {
        let mut floor = Floor::new(2);
        let (caller, callee) = floor.connect(0, 1);
        let open = floor.world.media.open.clone();
        floor.world.kill_pbx();
        floor.run_secs(5);
        assert_eq!(floor.world.media.open.keys().len(), open.keys().len());
        assert!(floor.talk((0, caller), (1, callee)));
        assert_eq!(floor.world.node.status().calls.len(), 1);
        let (index, line) = if by_caller { (0, caller) } else { (1, callee) };
        floor.act(index, |set, world| set.hang_up(world, line));
        assert_eq!(floor.stand(0, caller), Stand::Over(200));
        assert_eq!(floor.stand(1, callee), Stand::Over(200));
        let expected = match by_caller {
            true => Outcome::EndedByCaller,
            false => Outcome::EndedByCallee,
        };
        assert_eq!(outcomes(&floor), [expected]);
        assert_eq!(checks::settled(&floor.world), Ok(()));
        assert!(
            floor.world.checkpoints.len() <= 1,
            "nothing but what was spent is kept"
        );
    }
}

#[test]
fn a_call_is_held_resumed_and_transferred_after_a_restart() {
    let mut floor = Floor::new(3);
    // The store hears of new registrations after some seconds.
    floor.run_secs(6);
    let (caller, callee) = floor.connect(0, 1);
    floor.world.kill_pbx();
    floor.run_secs(1);
    floor.act(0, |set, world| set.hold(world, caller));
    assert_eq!(floor.hears(1, callee), Hears::Plays(Clip::MusicOnHold));
    floor.world.kill_pbx();
    floor.run_secs(1);
    assert_eq!(floor.hears(1, callee), Hears::Plays(Clip::MusicOnHold));
    floor.act(0, |set, world| set.resume(world, caller));
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    floor.act(2, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (2, 0)));
    floor.run_secs(6);
    floor.act(2, |set, world| set.hang_up(world, 0));
    assert_eq!(
        outcomes(&floor),
        [Outcome::Transferred, Outcome::EndedByCallee]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_call_that_only_rings_is_refused_and_cancelled_by_the_next_process() {
    let mut floor = Floor::new(2);
    let line = floor.call(0, "101");
    floor.world.kill_pbx();
    floor.run_secs(2);
    assert_eq!(floor.stand(0, line), Stand::Over(480));
    assert_eq!(floor.stand(1, 0), Stand::Over(487));
    assert_eq!(floor.world.media.open.keys().len(), 0);
    assert_eq!(outcomes(&floor), [Outcome::Interrupted]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
    assert!(floor.world.checkpoints.len() <= 1, "only what was spent");
}

/// RFC 3261 §13.2.2.4: an answer that crosses the CANCEL is acknowledged and ended.
#[test]
fn a_phone_that_answers_while_the_exchange_is_away_is_hung_up() {
    let mut floor = Floor::new(2);
    floor.call(0, "101");
    floor.world.kill_pbx();
    floor.with_set(1, |set, world| set.answer(world, 0));
    floor.run_secs(2);
    assert_eq!(floor.stand(1, 0), Stand::Over(200));
    assert_eq!(outcomes(&floor), [Outcome::Interrupted]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
    assert!(floor.world.checkpoints.len() <= 1, "only what was spent");
}

#[test]
fn what_rings_for_a_moment_only_is_not_written() {
    let mut floor = Floor::new(2);
    let line = floor.with_set(0, |set, world| set.call(world, "101"));
    floor.run(Duration::from_millis(50));
    let rows = floor.world.checkpoints.len();
    floor.run(Duration::from_millis(150));
    assert_eq!(
        floor.world.checkpoints.len(),
        rows + 1,
        "it rings for longer"
    );
    floor.act(0, |set, world| set.hang_up(world, line.unwrap_or_default()));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_party_whose_transfer_was_interrupted_is_given_back_to_the_transferor() {
    let mut floor = Floor::new(3);
    floor.run_secs(6);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    assert_eq!(floor.stand(2, 0), Stand::Ringing);
    floor.world.kill_pbx();
    floor.run_secs(1);
    assert_eq!(floor.stand(2, 0), Stand::Over(487));
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::MusicOnHold));
    floor.run_secs(2);
    let told = &floor.sets[1].lines[callee].notified;
    let last = told.last().map(String::as_str);
    assert_eq!(last, Some("SIP/2.0 503 Service Unavailable"));
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    let expected = [
        Outcome::Transferred,
        Outcome::Interrupted,
        Outcome::EndedByCaller,
    ];
    assert_eq!(outcomes(&floor), expected);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// RFC 3515 §2.4.4: the reports go on after the transferor's BYE, and after a restart.
#[test]
fn a_transferor_who_hung_up_is_called_back_when_the_transfer_was_interrupted() {
    let mut floor = Floor::new(3);
    floor.run_secs(6);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    floor.act(1, |set, world| set.hang_up(world, callee));
    floor.world.kill_pbx();
    floor.run_secs(4);
    let told = &floor.sets[1].lines[callee].notified;
    let last = told.last().map(String::as_str);
    assert_eq!(last, Some("SIP/2.0 503 Service Unavailable"));
    let again = floor.last(1);
    assert_eq!(floor.stand(1, again), Stand::Ringing);
    floor.act(1, |set, world| set.answer(world, again));
    assert!(floor.talk((0, caller), (1, again)));
    floor.act(1, |set, world| set.hang_up(world, again));
    let expected = [
        Outcome::Transferred,
        Outcome::Interrupted,
        Outcome::EndedByCallee,
    ];
    assert_eq!(outcomes(&floor), expected);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_party_that_hangs_up_after_its_transfer_was_interrupted_is_recorded_so() {
    let mut floor = Floor::new(3);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    floor.world.kill_pbx();
    floor.act(0, |set, world| set.hang_up(world, caller));
    floor.run_secs(6);
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    let expected = [Outcome::Transferred, Outcome::Cancelled];
    assert_eq!(outcomes(&floor), expected);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn who_was_told_a_number_is_hung_up_and_the_parked_call_stays() {
    let mut floor = Floor::new(3);
    floor.run_secs(6);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "700"));
    floor.world.kill_pbx();
    floor.run_secs(5);
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::MusicOnHold));
    let fetcher = floor.call(2, "701");
    assert!(floor.talk((0, caller), (2, fetcher)));
    floor.act(2, |set, world| set.hang_up(world, fetcher));
    let expected = [Outcome::Transferred, Outcome::EndedByCaller];
    assert_eq!(outcomes(&floor), expected);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// A caller parked by a route has a record of his own, which goes on with him.
#[test]
fn a_call_that_a_route_parked_ends_in_one_record_each() {
    let mut floor = Floor::with(2, |site| {
        site.routes.push(ipc::site::Route {
            name: "queue".into(),
            pattern: "300".into(),
            destinations: vec![ipc::site::Destination::Park],
            ..ipc::site::Route::default()
        });
    });
    let line = floor.call(0, "300");
    assert_eq!(floor.hears(0, line), Hears::Plays(Clip::MusicOnHold));
    floor.world.kill_pbx();
    floor.run_secs(1);
    assert_eq!(floor.world.node.status().calls.len(), 1, "it goes on");
    let fetcher = floor.call(1, "701");
    assert!(floor.talk((0, line), (1, fetcher)));
    floor.act(1, |set, world| set.hang_up(world, fetcher));
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    let expected = [Outcome::EndedByCallee, Outcome::EndedByCaller];
    assert_eq!(outcomes(&floor), expected);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// The BYE is said again by the next process when nobody heard the first.
#[test]
fn a_bye_that_was_lost_with_the_process_is_said_again() {
    let mut floor = Floor::new(2);
    let (caller, callee) = floor.connect(0, 1);
    floor.with_set(0, |set, world| set.hang_up(world, caller));
    // What the exchange sent because of that never arrives.
    floor.world.elsewhere.clear();
    floor.world.kill_pbx();
    floor.run_secs(2);
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    assert_eq!(outcomes(&floor), [Outcome::EndedByCaller]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
    assert!(floor.world.checkpoints.len() <= 1, "only what was spent");
}

/// A record is final in the store even when the process dies right after the last word.
#[test]
fn a_call_that_has_just_ended_keeps_its_outcome() {
    let mut floor = Floor::new(2);
    let (caller, _) = floor.connect(0, 1);
    floor.world.store.down = true;
    floor.act(0, |set, world| set.hang_up(world, caller));
    floor.world.kill_pbx();
    floor
        .world
        .crash_store(Duration::ZERO, Duration::from_secs(1));
    floor.run_secs(3);
    assert_eq!(outcomes(&floor), [Outcome::EndedByCaller]);
    assert!(
        floor.world.checkpoints.is_empty(),
        "{:?}",
        floor.world.checkpoints.keys()
    );
}

/// While the store is away for long, its records would else fill the memory kept for calls.
#[test]
fn a_record_that_will_never_be_stored_takes_no_room_among_the_calls() {
    let mut floor = Floor::new(2);
    let (caller, _) = floor.connect(0, 1);
    let going_on: Vec<_> = floor.world.store.records.keys().cloned().collect();
    let rows = floor.world.checkpoints.len();
    let lose = |floor: &mut Floor| {
        floor
            .world
            .input(Input::Stored(Stored::Lost(going_on.clone())))
    };
    lose(&mut floor);
    assert_eq!(floor.world.checkpoints.len(), rows, "the call goes on");
    floor.world.store.down = true;
    floor.act(0, |set, world| set.hang_up(world, caller));
    floor.run_secs(2);
    let kept = floor.world.checkpoints.len();
    lose(&mut floor);
    assert_eq!(floor.world.checkpoints.len(), kept - 1);
}
