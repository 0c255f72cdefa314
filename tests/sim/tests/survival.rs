//! The exchange is killed and starts again: calls go on, and can be held, transferred and hung up
//! (decision 0014).

use ipc::sound::Clip;
use ipc::store::Outcome;
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
fn a_call_that_only_rang_is_recorded_as_interrupted_and_its_endpoints_are_closed() {
    let mut floor = Floor::new(2);
    floor.call(0, "101");
    floor.world.kill_pbx();
    floor.run_secs(2);
    assert_eq!(floor.world.media.open.keys().len(), 0);
    assert_eq!(outcomes(&floor), [Outcome::Interrupted]);
    assert_eq!(floor.world.node.status().calls.len(), 0);
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
        .crash_store(std::time::Duration::ZERO, std::time::Duration::from_secs(1));
    floor.run_secs(3);
    assert_eq!(outcomes(&floor), [Outcome::EndedByCaller]);
    assert!(
        floor.world.checkpoints.is_empty(),
        "{:?}",
        floor.world.checkpoints.keys()
    );
}
