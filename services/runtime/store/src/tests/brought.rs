//! The sounds that a restore has brought, while the disk refuses, and while the power goes at a
//! start that finishes it: those of the backup are there or the box's own, as the database is.

use ipc::store::{PromptRefusal, PromptRequest};
use sansio::Rng;

use super::cuts::{Box, at_every_step, lay_down_sounds, named, other_box, with_prompts};
use super::sim_files::SimFiles;
use super::*;

const NOTE: &str = "restored.note";

/// A disk of a box with three sounds, and the backup of another one on it.
fn own_disk() -> (SimFiles, Redacted<String>) {
    let (archive, code) = other_box().archive();
    let disk = SimFiles::new("data");
    lay_down_sounds(&disk, &["closed", "lunch", "own"], 2);
    drop(Box::on(disk.clone(), 1));
    disk.beside("backups").lay_down(&named(0), &archive);
    (disk, code)
}

/// A disk of a box that has a backup of its own past, and later sounds than that.
fn disk_with_past(then: &[&str]) -> SimFiles {
    let disk = SimFiles::new("data");
    lay_down_sounds(&disk, then, 1);
    let own = Box::on(disk.clone(), 0);
    with_prompts(&own, &["closed", "lunch"]);
    assert!(own.make());
    drop(own);
    lay_down_sounds(&disk, &["closed", "lunch", "own"], 2);
    disk
}

fn sounds(samples: &[(&str, u8)]) -> Vec<(String, u8)> {
    let file = |(name, sample): &(&str, u8)| (format!("{name}.wav"), *sample);
    samples.iter().map(file).collect()
}

/// Those that the box has before.
fn own() -> Vec<(String, u8)> {
    sounds(&[("closed", 2), ("lunch", 2), ("own", 2)])
}

fn off(it: Box) -> SimFiles {
    let disk = it.off();
    disk.power_on(&mut Rng::from_seed(3));
    disk
}

fn ask(of: &Box, request: PromptRequest) -> Reply {
    of.store.ask(WEB, Request::Prompt(request))
}

/// Brings the sound of a prompt.
fn bring(of: &Box, name: &str, sample: u8) {
    let bytes = vec![sample, 0];
    let taken = ask(of, PromptRequest::Piece { offset: 0, bytes });
    assert_eq!(taken, Reply::Uploaded { next: 2 });
    let (name, hertz) = (name.to_owned(), 8_000);
    let keep = PromptRequest::Keep {
        name,
        bytes: 2,
        hertz,
    };
    assert_eq!(ask(of, keep), Reply::Stored);
}

fn commits(of: &Box) {
    assert!(matches!(commit(&of.store), Reply::Committed { .. }));
}

/// A disk whose power went when the restore was done, and the box not yet started anew.
fn restored(disk: &SimFiles, code: Option<&Redacted<String>>) -> SimFiles {
    let it = Box::on(disk.copied(), 2);
    assert!(it.restore(&named(0), code));
    off(it)
}

#[test]
fn a_take_over_that_the_disk_refuses_at_a_start_is_done_by_the_next_one() {
    let (disk, code) = own_disk();
    let disk = restored(&disk, Some(&code));
    let failing = [
        ("rename", "closed.brought"),
        ("remove", "lunch.wav"),
        ("remove", NOTE),
        ("sync_names", "sounds"),
    ];
    for (what, name) in failing {
        disk.fail_once(what, name);
        let first = Box::on(disk.copied(), 3);
        let said = health(&first.store).warning;
        assert!(said.contains("not all in place"), "{what} {name}: {said}");
        // The version of the configuration goes on.
        commits(&first);
        let second = Box::on(off(first), 3);
        assert_eq!(second.sounds(), sounds(&[("closed", 1)]), "{what} {name}");
        assert_eq!(health(&second.store).warning, "", "{what} {name}");
        disk.forget_failures();
    }
}

#[test]
fn a_take_over_is_tried_again_before_a_sound_is_changed_or_backed_up() {
    let (disk, code) = own_disk();
    let disk = restored(&disk, Some(&code));
    for _ in 0..3 {
        disk.fail_once("rename", "closed.brought");
    }
    let it = Box::on(disk, 3);
    let delete = || PromptRequest::Delete("own".to_owned());
    let refused = ask(&it, delete());
    assert!(matches!(refused, Reply::Failed { .. }), "{refused:?}");
    assert!(matches!(ask(&it, PromptRequest::List), Reply::Prompts(all) if all.len() == 3));
    assert!(!it.make(), "a backup would hold the sounds of two sites");
    assert!(health(&it.store).warning.contains("not all in place"));
    let missing = Reply::PromptRefused(PromptRefusal::Missing);
    assert_eq!(ask(&it, delete()), missing, "the site that has it is gone");
    assert_eq!(it.sounds(), sounds(&[("closed", 1)]));
    assert_eq!(health(&it.store).warning, "");
    bring(&it, "lunch", 7);
    let after = Box::on(off(it), 3);
    assert_eq!(after.sounds(), sounds(&[("closed", 1), ("lunch", 7)]));
}

#[test]
fn a_restore_that_came_to_nothing_leaves_its_box_the_sounds_at_whatever_version() {
    let (disk, code) = own_disk();
    let it = Box::on(disk, 2);
    // The database goes back to its place, and the note cannot be removed then.
    it.disk.fail_once("sync_names", "data");
    it.disk.fail_once("remove", NOTE);
    assert!(!it.restore(&named(0), Some(&code)));
    assert!(it.disk.beside("sounds").bytes(NOTE).is_some());
    for _ in 0..3 {
        commits(&it);
    }
    let version = config(&it.store).0;
    let after = Box::on(off(it), 3);
    assert_eq!(config(&after.store).0, version);
    assert_eq!(after.sounds(), own());
}

#[test]
fn a_restore_does_not_begin_beside_what_cannot_be_removed_of_another() {
    let it = Box::on(disk_with_past(&["closed"]), 2);
    lay_down_stale(&it);
    it.disk.fail_once("remove", "lunch.brought");
    assert!(!it.restore(&named(0), None));
    assert_eq!(it.store.shared().frozen(), None);
    commits(&it);
    assert!(it.restore(&named(0), None));
    let after = Box::on(off(it), 3);
    let expected = sounds(&[("closed", 1), ("lunch", 2)]);
    assert_eq!(after.sounds(), expected, "lunch is not that of another");
}

/// What a restore of another backup has left.
fn lay_down_stale(it: &Box) {
    let folder = it.disk.beside("sounds");
    let file = folder.bytes("closed.wav").expect("it is there");
    folder.lay_down("lunch.brought", &file);
}

#[test]
fn a_restore_of_the_own_past_has_its_sounds_or_those_of_now_wherever_the_power_goes() {
    let with: (&[&str], _) = (&["closed"], sounds(&[("closed", 1), ("lunch", 2)]));
    let without: (&[&str], _) = (&[], own());
    for (then, restored) in [with, without] {
        let disk = disk_with_past(then);
        let act = |it: &Box| it.restore(&named(0), None);
        let whole = Box::on(disk.copied(), 2);
        let version = config(&whole.store).0;
        whole.disk.cut_after(u64::MAX);
        assert!(act(&whole));
        let steps = whole.disk.steps();
        drop(whole);
        // What comes before changes no sound; and of another's past all is cut.
        let last = steps.saturating_sub(30);
        let seen = at_every_step(&disk, 2, last, act, |after, is_acknowledged, place| {
            let is_restored = config(&after.store).0 != version;
            assert!(is_restored || !is_acknowledged, "{place}");
            let expected = if is_restored { &restored } else { &own() };
            assert_eq!(after.sounds(), *expected, "{then:?}, {place}");
        });
        assert!(seen > last + 10, "{seen} of {steps}");
    }
}

/// Starts a box on what a cut has left, with the power going one step later each time while it
/// finishes that, until it is done before. Then it starts, a sound comes and the configuration goes
/// on, the power goes, and it starts once more.
fn at_every_step_of_a_start(disk: &SimFiles, expected: &[(String, u8)]) -> u64 {
    for steps in 0.. {
        let first = Box::without_sounds(disk.copied(), 3);
        first.disk.cut_after(steps);
        first.keep_sounds();
        let is_done = !first.disk.is_cut();
        let second = Box::on(off_by(first, steps), 3);
        let place = format!("a start that is cut after {steps} steps");
        assert_eq!(second.sounds(), expected, "{place}");
        assert_eq!(health(&second.store).warning, "", "{place}");
        bring(&second, "tea", 7);
        commits(&second);
        let third = Box::on(off_by(second, steps), 3);
        let mut later = expected.to_vec();
        later.push(("tea.wav".to_owned(), 7));
        assert_eq!(third.sounds(), later, "{place}, and once more");
        if is_done {
            return steps;
        }
    }
    unreachable!("it is done at some time")
}

fn off_by(it: Box, seed: u64) -> SimFiles {
    let disk = it.off();
    disk.power_on(&mut Rng::from_seed(seed));
    disk
}

#[test]
fn a_start_that_finishes_a_restore_is_finished_by_the_next_wherever_the_power_goes() {
    let (disk, code) = own_disk();
    let others = restored(&disk, Some(&code));
    let steps = at_every_step_of_a_start(&others, &sounds(&[("closed", 1)]));
    assert!(steps > 4, "{steps} places were cut");
    let past = restored(&disk_with_past(&["closed"]), None);
    let expected = sounds(&[("closed", 1), ("lunch", 2)]);
    let steps = at_every_step_of_a_start(&past, &expected);
    assert!(steps > 4, "{steps} places were cut");
}

#[test]
fn a_start_that_clears_away_a_restore_is_finished_by_the_next_wherever_the_power_goes() {
    let (disk, code) = own_disk();
    let whole = Box::on(disk.copied(), 2);
    let version = config(&whole.store).0;
    whole.disk.cut_after(u64::MAX);
    assert!(whole.restore(&named(0), Some(&code)));
    let steps = whole.disk.steps();
    drop(whole);
    // Cut when the note is there, and the database is not.
    let left = (0..steps).rev().find_map(|steps| {
        let it = Box::on(disk.copied(), 2);
        it.disk.cut_after(steps);
        it.restore(&named(0), Some(&code));
        let left = off(it);
        let has_note = left.beside("sounds").bytes(NOTE).is_some();
        let is_own = || config(&Box::without_sounds(left.copied(), 3).store).0 == version;
        (has_note && is_own()).then_some(left)
    });
    let steps = at_every_step_of_a_start(&left.expect("there is such a place"), &own());
    assert!(steps > 2, "{steps} places were cut");
}
