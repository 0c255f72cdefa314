//! Lamps (RFC 4235): what somebody's phone shows of a colleague, a slot and a group, and that a
//! lamp's key takes the call.

#![expect(
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use ipc::site::{Group, Member};
use sim::Floor;
use sip::HeaderName;

/// States in the newest document of a handset; empty when no dialog is left.
fn states(floor: &Floor, index: usize) -> Vec<String> {
    let body = floor.sets[index].lamps.last().cloned().unwrap_or_default();
    let states = body.split("<state").skip(1).filter_map(|rest| {
        let inner = rest.split_once('>')?.1;
        Some(inner.split_once('<')?.0.to_owned())
    });
    states.collect()
}

#[test]
fn a_lamp_follows_a_call_from_its_first_ring_to_its_end() {
    let mut floor = Floor::with(3, |site| {
        for extension in &mut site.extensions {
            extension.settings.pickup_group = "all".into();
        }
    });
    floor.act(2, |set, world| set.watch(world, "101"));
    assert!(states(&floor, 2).is_empty());
    let caller = floor.call(0, "101");
    assert_eq!(states(&floor, 2), ["early"]);
    let body = floor.sets[2].lamps.last().cloned().unwrap_or_default();
    assert!(
        body.contains("direction=\"recipient\"") && body.contains("sip:100@"),
        "{body}"
    );
    floor.act(1, |set, world| set.answer(world, 0));
    assert_eq!(states(&floor, 2), ["confirmed"]);
    floor.act(0, |set, world| set.hang_up(world, caller));
    let after = states(&floor, 2);
    assert!(after.iter().all(|state| state == "terminated"), "{after:?}");
}

/// Nobody is told of what is not watched; who comes to watch is told how it stands by then.
#[test]
fn who_begins_to_watch_during_a_call_sees_it() {
    let mut floor = Floor::with(3, |_| ());
    let caller = floor.call(0, "101");
    floor.act(1, |set, world| set.answer(world, 0));
    floor.act(2, |set, world| set.watch(world, "101"));
    assert_eq!(states(&floor, 2), ["confirmed"]);
    floor.act(0, |set, world| set.hang_up(world, caller));
    let after = states(&floor, 2);
    assert!(after.iter().all(|state| state == "terminated"), "{after:?}");
}

/// What the lamp's document says is enough to take the call (pbx trap 18).
#[test]
fn the_key_under_a_lamp_takes_the_call() {
    let mut floor = Floor::with(3, |site| {
        for extension in &mut site.extensions {
            extension.settings.pickup_group = "all".into();
        }
    });
    floor.act(2, |set, world| set.watch(world, "101"));
    let caller = floor.call(0, "101");
    let body = floor.sets[2].lamps.last().cloned().unwrap_or_default();
    let attribute = |name: &str| {
        let (_, rest) = body
            .split_once(&format!("{name}=\""))
            .expect("an attribute");
        rest.split_once('"').expect("its end").0.to_owned()
    };
    let (call_id, local, remote) = (
        attribute("call-id"),
        attribute("local-tag"),
        attribute("remote-tag"),
    );
    // RFC 4235 §4.1.1: local is 101's phone. Its dialog is with us, so our tag is the remote one.
    let value = format!("{call_id};to-tag={remote};from-tag={local};early-only");
    let header = [(HeaderName::Replaces, value)];
    let line = floor.with_set(2, |set, world| set.call_with(world, "101", &header));
    floor.run_secs(1);
    let line = line.expect("a handset");
    assert!(floor.talk((0, caller), (2, line)));
}

#[test]
fn a_slot_and_a_group_have_lamps_too() {
    let mut floor = Floor::with(3, |site| {
        site.groups.push(Group {
            number: "200".into(),
            members: vec![Member {
                extension: "101".into(),
                ..Member::default()
            }],
            ..Group::default()
        });
    });
    floor.act(2, |set, world| set.watch(world, "200"));
    let caller = floor.call(0, "200");
    assert_eq!(states(&floor, 2), ["early"]);
    floor.act(1, |set, world| set.answer(world, 0));
    let group = states(&floor, 2);
    assert!(group.iter().all(|state| state == "terminated"), "{group:?}");
    floor.act(2, |set, world| set.watch(world, "701"));
    floor.act(1, |set, world| set.transfer(world, 0, "700"));
    assert_eq!(states(&floor, 2), ["confirmed"]);
    floor.act(0, |set, world| set.hang_up(world, caller));
    let slot = states(&floor, 2);
    assert!(slot.iter().all(|state| state == "terminated"), "{slot:?}");
}

/// By the code alone for the own setting, and with the extension behind it for anybody's.
#[test]
fn a_setting_has_a_lamp_that_follows_its_codes() {
    let mut floor = Floor::with(4, |site| {
        for index in [1, 2] {
            site.extensions[index].settings.pickup_group = "sales".into();
        }
        site.extensions[3].settings.watchers = ipc::site::Watchers::Nobody;
    });
    floor.act(1, |set, world| set.watch(world, "*78"));
    floor.act(2, |set, world| set.watch(world, "*72101"));
    assert!(states(&floor, 1).is_empty() && states(&floor, 2).is_empty());
    floor.call(1, "*78");
    assert_eq!(states(&floor, 1), ["confirmed"]);
    floor.call(1, "*72102");
    assert_eq!(states(&floor, 2), ["confirmed"]);
    let body = floor.sets[2].lamps.last().cloned().unwrap_or_default();
    assert!(body.contains("sip:102@"), "where calls go: {body}");
    let before = floor.sets[2].lamps.len();
    floor.call(1, "*79");
    let off = states(&floor, 1);
    assert!(off.iter().all(|state| state == "terminated"), "{off:?}");
    assert_eq!(floor.sets[2].lamps.len(), before, "nothing new for him");
    // Whoever begins to watch is told how it stands.
    floor.act(0, |set, world| set.watch(world, "*72101"));
    assert_eq!(states(&floor, 0), ["confirmed"]);
    let body = floor.sets[0].lamps.last().cloned().unwrap_or_default();
    assert!(!body.contains("sip:102@"), "no colleague of his: {body}");
    let told = floor.sets[0].lamps.len();
    // One that does not want to be watched, and one that is not there.
    floor.act(0, |set, world| set.watch(world, "*78103"));
    floor.act(0, |set, world| set.watch(world, "*78999"));
    assert_eq!(floor.sets[0].lamps.len(), told);
}
