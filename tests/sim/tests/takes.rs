//! Prompts spoken into a phone: the code, the beep, the recording and its end.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use ipc::sound::{Clip, Event, take_of};
use ipc::store::Outcome;
use sim::{Floor, Hears, Line, Stand, checks};

fn heard(floor: &mut Floor, set: usize, line: Line) {
    let (id, _) = floor.sets[set]
        .hears(&floor.world, line)
        .expect("an endpoint");
    let ended = Event::ClipEnded { id };
    floor.world.input(pbx::Input::SoundEvent(ended));
    floor.run_secs(1);
}

/// The file that a line is recorded into.
fn file(floor: &Floor, set: usize, line: Line) -> Option<String> {
    let (id, _) = floor.sets[set].hears(&floor.world, line)?;
    floor.world.media.open.get(&id)?.recorded.clone()
}

#[test]
fn what_is_said_after_the_beep_is_recorded_until_the_hash() {
    let mut floor = Floor::new(2);
    let line = floor.call(0, "*77");
    assert_eq!(floor.stand(0, line), Stand::Talking);
    assert_eq!(floor.hears(0, line), Hears::Plays(Clip::Confirm));
    assert_eq!(file(&floor, 0, line), None, "not the beep");
    heard(&mut floor, 0, line);
    let name = file(&floor, 0, line).expect("it is recorded");
    assert_eq!(take_of(&name).expect("a take").0, "100");
    floor.act(0, |set, world| set.press(world, line, '5'));
    assert!(file(&floor, 0, line).is_some());
    floor.act(0, |set, world| set.press(world, line, '#'));
    assert_eq!(file(&floor, 0, line), None);
    floor.run_secs(3);
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    let records = floor.records();
    assert_eq!(records[0].outcome, Outcome::EndedByBox);
    assert!(records[0].recordings.is_empty(), "it is of no call");
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn hanging_up_ends_a_take_and_so_does_its_longest_time() {
    let mut floor = Floor::new(2);
    let line = floor.call(0, "*77");
    heard(&mut floor, 0, line);
    floor.act(0, |set, world| set.hang_up(world, line));
    assert_eq!(floor.records()[0].outcome, Outcome::EndedByCaller);
    let other = floor.call(1, "*77");
    heard(&mut floor, 1, other);
    floor.run_secs(u64::from(ipc::sound::PROMPT_SECS_MAX));
    assert_eq!(floor.stand(1, other), Stand::Over(200));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_take_that_cannot_be_recorded_is_told_by_a_tone() {
    let mut floor = Floor::new(1);
    let line = floor.call(0, "*77");
    heard(&mut floor, 0, line);
    let (id, _) = floor.sets[0].hears(&floor.world, line).expect("one");
    let reason = "the disk is full".to_owned();
    let failed = Event::RecordingFailed { id, reason };
    floor.world.input(pbx::Input::SoundEvent(failed));
    assert_eq!(floor.hears(0, line), Hears::Plays(Clip::Congestion));
    floor.run_secs(3);
    assert_eq!(floor.stand(0, line), Stand::Over(200));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}
