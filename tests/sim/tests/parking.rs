//! Parking: a party waits in a slot until somebody dials it, or comes back to who parked it.

use ipc::sound::Clip;
use ipc::store::Outcome;
use sim::{Floor, Hears, Stand, checks};

fn floor() -> Floor {
    Floor::with(4, |site| site.parking.timeout_secs = 60)
}

#[test]
fn a_call_transferred_to_the_code_is_parked_and_fetched() {
    let mut floor = floor();
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "700"));
    assert_eq!(floor.sets[1].lines[callee].referred, Some(202));
    let told = floor.sets[1].lines[callee].notified.last().cloned();
    assert_eq!(told.as_deref(), Some("SIP/2.0 200 OK"));
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::MusicOnHold));
    // The parker hears where.
    assert_eq!(
        floor.hears(1, callee),
        Hears::Plays(Clip::Digits("701".into()))
    );
    floor.act(1, |set, world| set.hang_up(world, callee));
    let fetched = floor.call(2, "701");
    assert!(floor.talk((0, caller), (2, fetched)));
    let nothing = floor.call(3, "701");
    assert_eq!(floor.stand(3, nothing), Stand::Over(404));
    floor.act(2, |set, world| set.hang_up(world, fetched));
    assert_eq!(floor.stand(0, caller), Stand::Over(200));
    let outcomes: Vec<_> = floor.records().iter().map(|one| one.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Transferred,
            Outcome::EndedByCaller,
            Outcome::NotFound
        ]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn the_call_on_hold_is_parked_by_dialling_the_code() {
    let mut floor = floor();
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.hold(world, callee));
    let park = floor.call(1, "700");
    assert_eq!(
        floor.hears(1, park),
        Hears::Plays(Clip::Digits("701".into()))
    );
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    let (id, _) = floor.sets[1]
        .hears(&floor.world, park)
        .expect("an endpoint");
    let spoken = ipc::sound::Event::ClipEnded { id };
    floor.world.input(pbx::Input::SoundEvent(spoken));
    floor.run_secs(1);
    assert_eq!(floor.stand(1, park), Stand::Over(200));
    let fetched = floor.call(2, "701");
    assert!(floor.talk((0, caller), (2, fetched)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_parked_call_that_nobody_fetches_comes_back_to_the_parker() {
    let mut floor = floor();
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "700"));
    floor.act(1, |set, world| set.hang_up(world, callee));
    floor.run_secs(60);
    let back = floor.last(1);
    assert_eq!(floor.stand(1, back), Stand::Ringing);
    floor.act(1, |set, world| set.answer(world, back));
    assert!(floor.talk((0, caller), (1, back)));
    floor.act(1, |set, world| set.hang_up(world, back));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_parked_call_outlives_the_exchange() {
    let mut floor = floor();
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "700"));
    floor.act(1, |set, world| set.hang_up(world, callee));
    floor.run_secs(6);
    floor.world.kill_pbx();
    floor.run_secs(1);
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::MusicOnHold));
    let fetched = floor.call(2, "701");
    assert!(floor.talk((0, caller), (2, fetched)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(floor.stand(2, fetched), Stand::Over(200));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn somebody_who_hangs_up_while_parked_frees_the_slot() {
    let mut floor = floor();
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "700"));
    floor.act(0, |set, world| set.hang_up(world, caller));
    let nothing = floor.call(2, "701");
    assert_eq!(floor.stand(2, nothing), Stand::Over(404));
    floor.run_secs(10);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}
