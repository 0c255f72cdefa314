//! Hold, resume and conversations: who hears whom.

use ipc::sound::Clip;
use sim::{Floor, Hears, Stand, checks};

#[test]
fn whoever_is_held_hears_music_until_he_is_resumed() {
    let mut floor = Floor::new(2);
    let (caller, callee) = floor.connect(0, 1);
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(0, |set, world| set.hold(world, caller));
    assert_eq!(floor.hears(1, callee), Hears::Plays(Clip::MusicOnHold));
    floor.act(1, |set, world| set.hold(world, callee));
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::MusicOnHold));
    floor.act(0, |set, world| set.resume(world, caller));
    assert_eq!(floor.hears(1, callee), Hears::Set(0, caller));
    floor.act(1, |set, world| set.resume(world, callee));
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// pbx trap 24.
#[test]
fn a_silence_ends_a_call_but_not_one_on_hold() {
    let mut floor = Floor::new(2);
    let (caller, callee) = floor.connect(0, 1);
    let (id, _) = floor.sets[0]
        .hears(&floor.world, caller)
        .expect("an endpoint");
    let idle = |seconds| pbx::Input::SoundEvent(ipc::sound::Event::Idle { id, seconds });
    floor.act(0, |set, world| set.hold(world, caller));
    floor.world.input(idle(300));
    floor.run_secs(1);
    assert_eq!(floor.stand(1, callee), Stand::Talking);
    floor.act(0, |set, world| set.resume(world, caller));
    floor.world.input(idle(20));
    floor.run_secs(1);
    assert_eq!(floor.stand(1, callee), Stand::Talking);
    floor.world.input(idle(60));
    floor.run_secs(1);
    assert_eq!(floor.stand(0, caller), Stand::Over(200));
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    let outcomes: Vec<_> = floor.records().iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [ipc::store::Outcome::EndedByBox]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// On hold, parked, and while a transfer rings.
#[test]
fn whoever_waits_hears_what_the_site_has_chosen() {
    let mut floor = Floor::with(4, |site| {
        site.prompts.push(ipc::site::Prompt {
            name: "wait".into(),
            ..ipc::site::Prompt::default()
        });
        site.dialling.music = "wait".into();
    });
    let music = || Hears::Plays(Clip::Music("wait.wav".into()));
    let (caller, callee) = floor.connect(0, 1);
    floor.act(0, |set, world| set.hold(world, caller));
    assert_eq!(floor.hears(1, callee), music());
    floor.act(0, |set, world| set.resume(world, caller));
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(1, |set, world| set.transfer(world, callee, "700"));
    assert_eq!(floor.hears(0, caller), music());
    floor.act(1, |set, world| set.hang_up(world, callee));
    let fetched = floor.call(2, "701");
    assert!(floor.talk((0, caller), (2, fetched)));
    floor.act(2, |set, world| set.hang_up(world, fetched));
    assert_eq!(floor.stand(0, caller), Stand::Over(200));
}
