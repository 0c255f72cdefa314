//! Calls are recorded: always, by a route, or when a phone asks; and nothing that goes wrong with a
//! recording reaches the call.

#![expect(
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use std::time::Duration;

use ipc::site::{Destination, Recording, Route, Site as RawSite, Source, Trunk, TrunkAccess};
use ipc::sound::{Clip, Event as SoundEvent, Keeping};
use ipc::store::Outcome;
use pbx::{Event, Input};
use sim::{Floor, Hears, Stand, checks};

/// Three phones, of which the first is recorded so.
fn floor(recording: Recording) -> Floor {
    Floor::with(3, |site| set(site, 0, recording))
}

fn set(site: &mut RawSite, extension: usize, recording: Recording) {
    site.extensions[extension].settings.recording = recording;
}

/// What is being recorded into.
fn running(floor: &Floor) -> Vec<String> {
    let open = floor.world.media.open.values();
    open.filter_map(|endpoint| endpoint.recorded.clone())
        .collect()
}

/// Every file there ever was, in the order of their names, which is that of their beginnings.
fn files(floor: &Floor) -> Vec<String> {
    floor.world.media.files.iter().cloned().collect()
}

/// What each record names, oldest first.
fn named(floor: &Floor) -> Vec<Vec<String>> {
    let records = floor.records().into_iter();
    records.map(|record| record.recordings).collect()
}

fn failures(floor: &Floor) -> usize {
    let events = floor.world.events.iter();
    events
        .filter(|event| matches!(event, Event::RecordingFailed { .. }))
        .count()
}

fn told(floor: &Floor, index: usize, line: usize) -> Vec<u16> {
    floor.sets[index].lines[line].record_told.clone()
}

#[test]
fn an_extension_that_is_always_recorded_is_so_whoever_called() {
    for (from, to) in [(0, 1), (1, 0)] {
        let mut floor = floor(Recording::Always);
        let (caller, callee) = floor.connect(from, to);
        assert!(floor.talk((from, caller), (to, callee)), "after the beep");
        let file = running(&floor);
        assert_eq!(file.len(), 1, "one of the two endpoints");
        floor.act(from, |set, world| set.hang_up(world, caller));
        assert_eq!(running(&floor), [""; 0]);
        assert_eq!(named(&floor), std::slice::from_ref(&file));
        assert_eq!(files(&floor), file);
        assert_eq!(checks::settled(&floor.world), Ok(()));
    }
    let mut floor = floor(Recording::Always);
    floor.connect(1, 2);
    assert_eq!(files(&floor), [""; 0], "none of them is recorded");
}

#[test]
fn both_hear_a_beep_when_a_recording_begins_unless_the_site_says_no() {
    for notice in [true, false] {
        let mut floor = Floor::with(2, |site| {
            set(site, 0, Recording::Always);
            site.recording.notice = notice;
        });
        let caller = floor.call(0, "101");
        floor.with_set(1, |set, world| set.answer(world, 0));
        floor.run(Duration::from_millis(300));
        let beep = Hears::Plays(Clip::Confirm);
        let beeps = [floor.hears(0, caller), floor.hears(1, 0)].map(|heard| heard == beep);
        assert_eq!(beeps, [notice; 2]);
        assert_eq!(running(&floor).len(), 1);
        floor.run_secs(1);
        assert!(floor.talk((0, caller), (1, 0)));
    }
}

#[test]
fn a_phone_begins_and_ends_a_recording_with_its_record_key() {
    let mut floor = floor(Recording::OnDemand);
    let (caller, callee) = floor.connect(0, 1);
    assert_eq!(running(&floor), [""; 0]);
    for (wish, count) in [("on", 1), ("On", 1), ("off", 0), ("off", 0), ("on", 1)] {
        floor.act(0, |set, world| set.ask_to_record(world, caller, wish));
        assert_eq!(running(&floor).len(), count, "{wish}");
    }
    floor.act(0, |set, world| set.ask_to_record(world, caller, "perhaps"));
    assert_eq!(told(&floor, 0, caller), [200, 200, 200, 200, 200, 400]);
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(1, |set, world| set.hang_up(world, callee));
    assert_eq!(files(&floor).len(), 2, "each beginning is a file");
    assert_eq!(named(&floor), [files(&floor)]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn the_code_begins_and_ends_a_recording() {
    let mut floor = floor(Recording::OnDemand);
    let (caller, _) = floor.connect(0, 1);
    for count in [1, 0] {
        for key in ['*', '1'] {
            floor.act(0, |set, world| set.press(world, caller, key));
        }
        assert_eq!(running(&floor).len(), count);
    }
    // Whoever may not presses it in vain, and whoever dials it reaches nobody.
    for key in ['*', '1'] {
        floor.act(1, |set, world| set.press(world, 0, key));
    }
    assert_eq!(running(&floor), [""; 0]);
    let line = floor.call(2, "*1");
    assert_eq!(floor.stand(2, line), Stand::Over(404));
}

#[test]
fn who_may_not_record_is_refused_and_who_must_be_recorded_cannot_stop_it() {
    let mut floor = floor(Recording::Always);
    let (caller, callee) = floor.connect(0, 1);
    let file = running(&floor);
    floor.act(1, |set, world| set.ask_to_record(world, callee, "on"));
    floor.act(1, |set, world| set.ask_to_record(world, callee, "off"));
    assert_eq!(told(&floor, 1, callee), [403, 403]);
    floor.act(0, |set, world| set.ask_to_record(world, caller, "off"));
    floor.act(0, |set, world| set.ask_to_record(world, caller, "on"));
    assert_eq!(told(&floor, 0, caller), [403, 200]);
    assert_eq!(running(&floor), file, "nothing has changed");
}

#[test]
fn a_recording_goes_on_while_somebody_is_held() {
    let mut floor = floor(Recording::Always);
    let (caller, callee) = floor.connect(0, 1);
    let file = running(&floor);
    floor.act(0, |set, world| set.hold(world, caller));
    assert_eq!(floor.hears(1, callee), Hears::Plays(Clip::MusicOnHold));
    assert_eq!(running(&floor), file);
    floor.act(0, |set, world| set.resume(world, caller));
    assert!(floor.talk((0, caller), (1, callee)));
    assert_eq!(running(&floor), file);
}

#[test]
fn a_recording_ends_with_the_extension_that_transfers_its_party() {
    let mut floor = floor(Recording::Always);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(0, |set, world| set.transfer(world, caller, "102"));
    floor.act(2, |set, world| set.answer(world, 0));
    floor.run_secs(6);
    assert!(floor.talk((1, callee), (2, 0)));
    assert_eq!(running(&floor), [""; 0]);
    floor.act(2, |set, world| set.hang_up(world, 0));
    let names = named(&floor);
    assert_eq!((names[0].len(), names[1].len()), (1, 0));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// A route that records leads from 101 to 100.
fn by_route() -> Floor {
    Floor::with(3, |site| {
        site.routes = vec![Route {
            name: "recorded".into(),
            sources: vec![Source::Extension("101".into())],
            pattern: "55".into(),
            destinations: vec![Destination::Extension("100".into())],
            record: true,
            ..Route::default()
        }];
    })
}

#[test]
fn a_call_by_a_route_that_records_is_recorded_through_a_transfer() {
    let mut floor = by_route();
    let caller = floor.call(1, "55");
    floor.act(0, |set, world| set.answer(world, 0));
    let file = running(&floor);
    assert_eq!(file.len(), 1);
    floor.act(0, |set, world| set.transfer(world, 0, "102"));
    assert_eq!(running(&floor), file, "also while it rings");
    floor.act(2, |set, world| set.answer(world, 0));
    assert!(floor.talk((1, caller), (2, 0)));
    assert_eq!(running(&floor), file);
    floor.act(1, |set, world| set.hang_up(world, caller));
    assert_eq!(named(&floor), [file.clone(), file], "both records name it");
    let direct = floor.call(1, "100");
    floor.act(0, |set, world| set.answer(world, 1));
    assert_eq!(running(&floor), [""; 0], "it did not come by the route");
    floor.act(1, |set, world| set.hang_up(world, direct));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// Three phones and a carrier, whose calls to the main number ring at 100 and are recorded.
fn with_carrier() -> Floor {
    let mut floor = Floor::with(3, |site| {
        site.dialling.owned_numbers = vec!["+551132345678".into()];
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
            record: true,
            ..Route::default()
        }];
    });
    floor.sets.push(sim::Handset::new("carrier", 4));
    floor.run_secs(1);
    floor
}

#[test]
fn a_call_from_outside_stays_recorded_whoever_of_the_site_talks_to_it() {
    const CARRIER: usize = 3;
    let mut floor = with_carrier();
    let caller = floor.call(CARRIER, "+551132345678");
    floor.act(0, |set, world| set.answer(world, 0));
    assert!(floor.talk((CARRIER, caller), (0, 0)));
    let file = running(&floor);
    assert_eq!(file.len(), 1);
    // Whoever asks for what is so already, is told so; nobody of the site can stop it.
    floor
        .world
        .configure(|site| set(site, 0, Recording::OnDemand));
    floor.run_secs(1);
    for wish in ["on", "off"] {
        floor.act(0, |set, world| set.ask_to_record(world, 0, wish));
    }
    assert_eq!(told(&floor, 0, 0), [200, 403]);
    floor.act(CARRIER, |set, world| {
        set.ask_to_record(world, caller, "off")
    });
    assert_eq!(told(&floor, CARRIER, caller), [403], "nor the carrier");
    floor.act(0, |set, world| set.transfer(world, 0, "102"));
    floor.act(2, |set, world| set.answer(world, 0));
    assert!(floor.talk((CARRIER, caller), (2, 0)));
    assert_eq!(running(&floor), file, "it is the same far end");
    // Whoever transferred it is told so, and hangs up.
    floor.run_secs(6);
    floor.act(CARRIER, |set, world| set.hang_up(world, caller));
    assert_eq!(running(&floor), [""; 0]);
    assert_eq!(named(&floor), [file.clone(), file]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_route_that_records_does_so_where_the_call_is_forwarded_too() {
    let mut floor = by_route();
    floor.world.configure(|site| {
        let forward = &mut site.extensions[0].settings.forward;
        forward.no_answer = "102".into();
        forward.ring_secs = 5;
    });
    floor.run_secs(1);
    floor.call(1, "55");
    floor.run_secs(6);
    floor.act(2, |set, world| set.answer(world, 0));
    assert_eq!(running(&floor).len(), 1);
}

#[test]
fn a_recording_outlives_the_exchange_and_ends_when_somebody_hangs_up() {
    let mut floor = floor(Recording::OnDemand);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(0, |set, world| set.ask_to_record(world, caller, "on"));
    let file = running(&floor);
    floor.world.kill_pbx();
    floor.run_secs(2);
    assert_eq!(running(&floor), file, "the same file");
    assert_eq!(files(&floor), file);
    floor.act(0, |set, world| set.ask_to_record(world, caller, "off"));
    assert_eq!(running(&floor), [""; 0], "whoever asked for it ends it");
    floor.act(0, |set, world| set.ask_to_record(world, caller, "on"));
    floor.world.kill_pbx();
    floor.run_secs(1);
    floor.act(1, |set, world| set.hang_up(world, callee));
    assert_eq!(running(&floor), [""; 0]);
    assert_eq!(named(&floor), [files(&floor)]);
    assert_eq!(files(&floor).len(), 2);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn another_file_begins_when_media_was_restarted() {
    let mut floor = floor(Recording::Always);
    let (caller, callee) = floor.connect(0, 1);
    let lost: Vec<u64> = {
        let open = floor.world.media.open.iter_mut();
        open.filter_map(|(id, endpoint)| endpoint.recorded.take().map(|_| *id))
            .collect()
    };
    // As the run-loop tells it once the endpoints are back.
    let lost = SoundEvent::RecordingLost { id: lost[0] };
    floor.world.input(Input::SoundEvent(lost));
    floor.run_secs(1);
    assert_eq!(running(&floor), files(&floor)[1..]);
    // Endpoints that the exchange itself opens again.
    floor.world.media.open.clear();
    floor.act(1, |set, world| set.hold(world, callee));
    floor.act(1, |set, world| set.resume(world, callee));
    floor.run_secs(10);
    assert_eq!(running(&floor), files(&floor)[2..]);
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(named(&floor), [files(&floor)]);
    assert_eq!((files(&floor).len(), failures(&floor)), (3, 0));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn another_file_begins_when_the_exchange_and_media_have_both_died() {
    let mut floor = floor(Recording::Always);
    floor.connect(0, 1);
    floor.world.media.open.clear();
    floor.world.kill_pbx();
    floor.run_secs(2);
    assert_eq!(running(&floor), files(&floor)[1..]);
    assert_eq!((files(&floor).len(), failures(&floor)), (2, 0));
}

#[test]
fn a_recording_that_fails_is_told_once_and_the_call_goes_on() {
    let mut floor = floor(Recording::Always);
    floor.world.media.full = true;
    let (caller, callee) = floor.connect(0, 1);
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(0, |set, world| set.hold(world, caller));
    floor.act(0, |set, world| set.resume(world, caller));
    assert_eq!(failures(&floor), 1);
    floor.act(0, |set, world| set.hang_up(world, caller));
    let records = floor.records();
    assert_eq!(records[0].outcome, Outcome::EndedByCaller);
    assert_eq!(records[0].recording_fault, "the disk is full");
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_recording_that_breaks_off_can_be_begun_again_by_the_phone() {
    let mut floor = floor(Recording::Always);
    let (caller, _) = floor.connect(0, 1);
    let mut open = floor.world.media.open.iter_mut();
    let broken = open.find_map(|(id, endpoint)| endpoint.recorded.take().map(|_| *id));
    let id = broken.expect("a recording");
    let reason = "the disk does not keep up".to_owned();
    let failed = SoundEvent::RecordingFailed { id, reason };
    floor.world.input(Input::SoundEvent(failed));
    floor.run_secs(1);
    assert_eq!((running(&floor).len(), failures(&floor)), (0, 1));
    floor.act(0, |set, world| set.ask_to_record(world, caller, "on"));
    assert_eq!(running(&floor).len(), 1);
}

#[test]
fn media_is_told_how_recordings_are_kept_whenever_that_changes() {
    let mut floor = Floor::new(1);
    let default = Keeping {
        days: 90,
        mib: 10_240,
    };
    assert_eq!(floor.world.media.keeping, Some(default));
    floor.world.media.keeping = None;
    floor.world.configure(|site| site.parking.timeout_secs = 50);
    floor.run_secs(1);
    assert_eq!(floor.world.media.keeping, None, "nothing new");
    floor.world.configure(|site| site.recording.keep_days = 7);
    floor.run_secs(1);
    let days = floor.world.media.keeping.map(|keeping| keeping.days);
    assert_eq!(days, Some(7));
}
