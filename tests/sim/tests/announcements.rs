//! Announcements: the box answers, plays a prompt, and the call goes on or is over.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use ipc::site::{Destination, Group, Member, Prompt, Route};
use ipc::sound::Clip;
use ipc::store::Outcome;
use sim::{Floor, Hears, Line, Stand, checks};

fn floor(destinations: &[Destination]) -> Floor {
    Floor::with(4, |site| {
        for name in ["welcome", "closed"] {
            site.prompts.push(Prompt {
                name: name.into(),
                says: String::new(),
            });
        }
        site.groups.push(Group {
            number: "600".into(),
            members: vec![Member {
                extension: "102".into(),
                delay_secs: 0,
            }],
            ring_secs: 20,
            otherwise: Some(announce("closed")),
            ..Group::default()
        });
        site.routes.push(Route {
            name: "reception".into(),
            pattern: "500".into(),
            destinations: destinations.to_vec(),
            ..Route::default()
        });
    })
}

fn announce(name: &str) -> Destination {
    Destination::Announcement(name.into())
}

fn plays(name: &str) -> Hears {
    Hears::Plays(Clip::File(format!("{name}.wav")))
}

/// What the box plays to a line is over.
fn played(floor: &mut Floor, set: usize, line: Line) {
    let (id, _) = floor.sets[set]
        .hears(&floor.world, line)
        .expect("an endpoint");
    let ended = ipc::sound::Event::ClipEnded { id };
    floor.world.input(pbx::Input::SoundEvent(ended));
    floor.run_secs(1);
}

fn outcomes(floor: &Floor) -> Vec<(Outcome, bool)> {
    let records = floor.records();
    let records = records.iter();
    let answered = records.map(|one| (one.outcome, one.answered_millis.is_some()));
    answered.collect()
}

#[test]
fn a_caller_hears_the_prompt_and_is_hung_up_when_nothing_comes_after_it() {
    let mut floor = floor(&[announce("closed")]);
    let line = floor.call(0, "500");
    assert_eq!(floor.stand(0, line), Stand::Talking);
    assert_eq!(floor.hears(0, line), plays("closed"));
    played(&mut floor, 0, line);
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    assert_eq!(outcomes(&floor), [(Outcome::EndedByBox, true)]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_caller_who_hangs_up_during_the_last_prompt_has_ended_an_answered_call() {
    let mut floor = floor(&[announce("closed")]);
    let line = floor.call(0, "500");
    floor.act(0, |set, world| set.hang_up(world, line));
    assert_eq!(outcomes(&floor), [(Outcome::EndedByCaller, true)]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn after_the_prompt_the_call_goes_on_and_the_caller_hears_ringing() {
    let mut floor = floor(&[announce("welcome"), Destination::Extension("101".into())]);
    let line = floor.call(0, "500");
    assert_eq!(floor.hears(0, line), plays("welcome"));
    assert!(floor.sets[1].stand(0).is_none(), "nobody rings yet");
    played(&mut floor, 0, line);
    let rings = floor.last(1);
    assert_eq!(floor.stand(1, rings), Stand::Ringing);
    assert_eq!(floor.hears(0, line), Hears::Plays(Clip::Ringback));
    floor.act(1, |set, world| set.answer(world, rings));
    assert!(floor.talk((0, line), (1, rings)));
    floor.act(1, |set, world| set.hang_up(world, rings));
    assert_eq!(outcomes(&floor), [(Outcome::EndedByCallee, true)]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_caller_who_gives_up_before_anybody_was_looked_for_has_missed_everybody() {
    let mut floor = floor(&[announce("welcome"), Destination::Extension("101".into())]);
    let line = floor.call(0, "500");
    floor.act(0, |set, world| set.hang_up(world, line));
    assert_eq!(outcomes(&floor), [(Outcome::Cancelled, false)]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn the_same_prompt_twice_is_played_twice_and_a_group_that_does_not_answer_ends_in_one() {
    let group = Destination::Group("600".into());
    let mut floor = floor(&[announce("welcome"), announce("welcome"), group]);
    let line = floor.call(0, "500");
    played(&mut floor, 0, line);
    assert_eq!(floor.hears(0, line), plays("welcome"));
    played(&mut floor, 0, line);
    let rings = floor.last(2);
    assert_eq!(floor.stand(2, rings), Stand::Ringing);
    floor.run_secs(20);
    assert_eq!(floor.hears(0, line), plays("closed"));
    played(&mut floor, 0, line);
    assert_eq!(outcomes(&floor), [(Outcome::EndedByBox, true)]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_prompt_whose_end_is_never_told_does_not_keep_the_call_for_ever() {
    let mut floor = floor(&[announce("closed")]);
    let line = floor.call(0, "500");
    floor.run_secs(2 * u64::from(ipc::sound::PROMPT_SECS_MAX) + 1);
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn who_transfers_a_caller_to_a_prompt_is_told_that_it_was_answered() {
    let mut floor = floor(&[announce("closed")]);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "500"));
    let told = floor.sets[1].lines[callee].notified.last().cloned();
    assert_eq!(told.as_deref(), Some("SIP/2.0 200 OK"));
    assert_eq!(floor.hears(0, caller), plays("closed"));
    played(&mut floor, 0, caller);
    assert_eq!(floor.stand(0, caller), Stand::Over(200));
    floor.run_secs(10);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn an_announcement_that_is_interrupted_by_the_end_of_the_exchange_is_hung_up() {
    let mut floor = floor(&[announce("closed")]);
    let line = floor.call(0, "500");
    floor.world.kill_pbx();
    floor.run_secs(5);
    assert!(matches!(floor.stand(0, line), Stand::Over(_)));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}
