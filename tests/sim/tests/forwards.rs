//! Where calls go instead: forwards, do-not-disturb, call waiting, ring groups, feature codes.

#![expect(
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use ipc::site::{Destination, Group, Member, Strategy};
use ipc::sound::Clip;
use ipc::store::Outcome;
use sim::{Floor, Hears, Stand, checks};
use sip::{HeaderName, StatusCode};

fn forward(index: usize, set: impl Fn(&mut ipc::site::Forward) + Clone) -> Floor {
    Floor::with(4, |site| {
        let forward = &mut site.extensions[index].settings.forward;
        forward.ring_secs = 10;
        set(forward);
    })
}

fn diversion(floor: &Floor, index: usize) -> String {
    let invite = &floor.sets[index].lines[0].invite;
    let text = invite.headers.text(&HeaderName::Diversion);
    text.unwrap_or_default().to_owned()
}

#[test]
fn calls_are_forwarded_always() {
    let mut floor = forward(1, |forward| forward.always = "102".into());
    let caller = floor.call(0, "101");
    assert_eq!(floor.sets[1].lines.len(), 0);
    floor.act(2, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (2, 0)));
    assert!(
        diversion(&floor, 2).contains("sip:101@"),
        "{}",
        diversion(&floor, 2)
    );
    assert!(diversion(&floor, 2).contains("reason=unconditional"));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn calls_are_forwarded_when_busy_and_when_nobody_answers() {
    let mut floor = forward(1, |forward| {
        forward.busy = "102".into();
        forward.no_answer = "103".into();
    });
    let caller = floor.call(0, "101");
    floor.act(1, |set, world| set.reply(world, 0, StatusCode::BUSY_HERE));
    assert_eq!(floor.stand(2, 0), Stand::Ringing);
    assert!(diversion(&floor, 2).contains("reason=user-busy"));
    floor.act(0, |set, world| set.hang_up(world, caller));
    let caller = floor.call(0, "101");
    floor.run_secs(11);
    assert_eq!(floor.stand(1, 1), Stand::Over(487));
    assert_eq!(floor.stand(3, 0), Stand::Ringing);
    assert!(diversion(&floor, 3).contains("reason=no-answer"));
    floor.act(3, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (3, 0)));
    floor.act(3, |set, world| set.hang_up(world, 0));
    let outcomes: Vec<_> = floor.records().iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [Outcome::Cancelled, Outcome::EndedByCallee]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// pbx trap 11.
#[test]
fn forwards_in_a_circle_end() {
    let mut floor = Floor::with(3, |site| {
        site.extensions[1].settings.forward.busy = "102".into();
        site.extensions[2].settings.forward.busy = "101".into();
    });
    let caller = floor.call(0, "101");
    floor.act(1, |set, world| set.reply(world, 0, StatusCode::BUSY_HERE));
    floor.act(2, |set, world| set.reply(world, 0, StatusCode::BUSY_HERE));
    assert_eq!(floor.stand(0, caller), Stand::Over(486));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn who_does_not_want_to_be_disturbed_or_called_twice_is_busy() {
    let mut floor = Floor::with(3, |site| {
        site.extensions[1].settings.call_waiting = false;
        site.extensions[2].settings.do_not_disturb = true;
    });
    let quiet = floor.call(0, "102");
    assert_eq!(floor.stand(0, quiet), Stand::Over(486));
    assert_eq!(floor.sets[2].lines.len(), 0);
    let talking = floor.call(1, "100");
    floor.act(0, |set, world| set.answer(world, 1));
    assert_eq!(floor.stand(1, talking), Stand::Talking);
    let second = floor.call(2, "101");
    assert_eq!(floor.stand(2, second), Stand::Over(486));
    assert_eq!(floor.sets[1].lines.len(), 1);
    // Whoever takes a second call hears it ring.
    let waiting = floor.call(2, "100");
    assert_eq!(floor.stand(0, 2), Stand::Ringing);
    floor.act(2, |set, world| set.hang_up(world, waiting));
}

#[test]
fn a_code_changes_a_setting_and_a_tone_says_so() {
    let mut floor = Floor::new(3);
    let set = floor.call(1, "*78");
    assert_eq!(floor.hears(1, set), Hears::Plays(Clip::Confirm));
    floor.run_secs(3);
    assert_eq!(floor.stand(1, set), Stand::Over(200));
    let caller = floor.call(0, "101");
    assert_eq!(floor.stand(0, caller), Stand::Over(486));
    floor.call(1, "*79");
    floor.call(1, "*72102");
    floor.run_secs(3);
    let caller = floor.call(0, "101");
    assert_eq!(floor.stand(2, 0), Stand::Ringing);
    floor.act(0, |set, world| set.hang_up(world, caller));
    floor.call(1, "*73");
    floor.run_secs(3);
    floor.call(0, "101");
    assert_eq!(floor.stand(1, floor.last(1)), Stand::Ringing);
}

fn group(strategy: Strategy, delays: [u16; 3]) -> Floor {
    Floor::with(5, |site| {
        let member = |(index, delay_secs): (usize, u16)| Member {
            extension: (101 + index).to_string(),
            delay_secs,
        };
        site.groups.push(Group {
            number: "200".into(),
            members: delays.into_iter().enumerate().map(member).collect(),
            strategy,
            ring_secs: 10,
            otherwise: Some(Destination::Extension("104".into())),
            ..Group::default()
        });
    })
}

fn standing(floor: &Floor) -> Vec<Stand> {
    (1..5).map(|index| floor.stand(index, 0)).collect()
}

const RINGS: Stand = Stand::Ringing;
const NOT: Stand = Stand::Over(0);
const TAKEN: Stand = Stand::Over(487);

#[test]
fn a_group_rings_all_at_once_and_then_goes_elsewhere() {
    let mut floor = group(Strategy::All, [0; 3]);
    let caller = floor.call(0, "200");
    assert_eq!(standing(&floor), [RINGS, RINGS, RINGS, NOT]);
    floor.act(1, |set, world| set.reply(world, 0, StatusCode::DECLINE));
    assert_eq!(standing(&floor), [Stand::Over(603), RINGS, RINGS, NOT]);
    floor.run_secs(10);
    assert_eq!(standing(&floor), [Stand::Over(603), TAKEN, TAKEN, RINGS]);
    floor.act(4, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (4, 0)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// Whose a call is: whoever it was for, and whoever is in it, while it goes on and on record.
#[test]
fn a_call_says_whom_it_was_for_and_who_is_in_it() {
    let mut floor = group(Strategy::InOrder, [0; 3]);
    floor.world.configure(|site| {
        site.extensions[0].settings.forward.always = "200".into();
        site.extensions.push(ipc::site::Extension {
            number: "105".into(),
            ..site.extensions[4].clone()
        });
    });
    let live = |floor: &Floor| {
        let calls = floor.world.node.status().calls;
        let call = calls.first().expect("a call");
        (call.extensions.clone(), call.rung.clone())
    };
    let strings = |all: &[&str]| -> Vec<String> { all.iter().map(|it| (*it).to_owned()).collect() };
    // 104 calls 100, who sent his calls on to the group.
    floor.call(4, "100");
    let rung = strings(&["100", "200", "101"]);
    assert_eq!(live(&floor), (strings(&["104"]), rung));
    floor.act(1, |set, world| set.reply(world, 0, StatusCode::BUSY_HERE));
    floor.act(2, |set, world| set.answer(world, 0));
    let (joined, rung) = (
        strings(&["104", "102"]),
        strings(&["100", "200", "101", "102"]),
    );
    assert_eq!(live(&floor), (joined.clone(), rung.clone()), "103 was not");
    floor.act(4, |set, world| set.hang_up(world, 0));
    assert_eq!(checks::settled(&floor.world), Ok(()));
    let record = floor.world.store.records.values().next().expect("kept");
    assert_eq!((&record.extensions, &record.rung), (&joined, &rung));
    // Nobody's phone is registered: he missed it all the same.
    floor.call(4, "105");
    floor.run_secs(1);
    let records = floor.world.store.records.values();
    assert!(records.clone().any(|it| it.rung == strings(&["105"])));
}

#[test]
fn a_group_rings_in_order_and_moves_up_when_one_declines() {
    let mut floor = group(Strategy::InOrder, [0; 3]);
    floor.call(0, "200");
    assert_eq!(standing(&floor), [RINGS, NOT, NOT, NOT]);
    floor.act(1, |set, world| set.reply(world, 0, StatusCode::BUSY_HERE));
    assert_eq!(floor.stand(2, 0), RINGS);
    floor.run_secs(10);
    assert_eq!(standing(&floor), [Stand::Over(486), TAKEN, RINGS, NOT]);
    floor.act(3, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, 0), (3, 0)));
}

#[test]
fn a_group_rings_with_delays() {
    let mut floor = group(Strategy::Delayed, [0, 3, 6]);
    floor.call(0, "200");
    assert_eq!(standing(&floor), [RINGS, NOT, NOT, NOT]);
    floor.run_secs(3);
    assert_eq!(standing(&floor), [RINGS, RINGS, NOT, NOT]);
    floor.run_secs(3);
    assert_eq!(standing(&floor), [RINGS, RINGS, RINGS, NOT]);
    floor.act(2, |set, world| set.answer(world, 0));
    assert_eq!(standing(&floor), [TAKEN, Stand::Talking, TAKEN, NOT]);
    assert!(
        floor.sets[1].lines[0]
            .reason
            .contains("completed elsewhere")
    );
}

/// Who answered is somebody else than who was dialled, and the caller's phone says so.
#[test]
fn a_caller_is_shown_who_answered() {
    let mut floor = Floor::with(4, |site| {
        site.extensions[1].settings.forward.always = "102".into();
        site.extensions[2].display_name = "Bia".into();
    });
    let caller = floor.call(0, "101");
    floor.act(2, |set, world| set.answer(world, 0));
    let shown = &floor.sets[0].lines[caller].shown;
    assert!(
        shown.contains("Bia") && shown.contains("sip:102@"),
        "{shown}"
    );
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_members_phone_shows_which_group_is_called_and_by_whom() {
    let mut floor = Floor::with(5, |site| {
        site.extensions[0].display_name = "Ana".into();
        site.groups.push(Group {
            number: "200".into(),
            name: "Vendas".into(),
            members: vec![Member {
                extension: "101".into(),
                ..Member::default()
            }],
            ring_secs: 10,
            otherwise: Some(Destination::Extension("104".into())),
            ..Group::default()
        });
    });
    floor.call(0, "200");
    let shown = floor.sets[1].lines[0].shown.clone();
    assert!(shown.starts_with("\"Vendas: Ana\" <sip:100@"), "{shown}");
    floor.run_secs(11);
    // The call has left the group.
    let shown = &floor.sets[4].lines[0].shown;
    assert!(
        shown.contains("Ana") && !shown.contains("Vendas"),
        "{shown}"
    );
}
