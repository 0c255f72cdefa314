//! Pickup: taking a call that rings elsewhere, by code or by Replaces (RFC 3891).

#![expect(
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use ipc::store::Outcome;
use sim::{Floor, Stand, checks};
use sip::HeaderName;

fn floor() -> Floor {
    Floor::with(4, |site| {
        for index in [1, 2] {
            site.extensions[index].settings.pickup_group = "sales".into();
        }
    })
}

fn outcomes(floor: &Floor) -> Vec<(String, String, Outcome)> {
    let row = |record: ipc::store::CallRecord| (record.from, record.to, record.outcome);
    floor.records().into_iter().map(row).collect()
}

/// pbx trap 5: the phone that rang shows no missed call.
#[test]
fn a_call_is_taken_by_the_code_and_the_extension() {
    let mut floor = floor();
    let caller = floor.call(0, "101");
    assert_eq!(floor.stand(1, 0), Stand::Ringing);
    let taker = floor.call(3, "**101");
    assert!(floor.talk((0, caller), (3, taker)));
    let shown = |set: usize, line: usize| floor.sets[set].lines[line].shown.clone();
    assert!(
        shown(0, caller).contains("sip:103@"),
        "{}",
        shown(0, caller)
    );
    assert!(shown(3, taker).contains("sip:100@"), "{}", shown(3, taker));
    assert_eq!(floor.stand(1, 0), Stand::Over(487));
    assert!(
        floor.sets[1].lines[0]
            .reason
            .contains("completed elsewhere")
    );
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(floor.stand(3, taker), Stand::Over(200));
    assert_eq!(
        outcomes(&floor),
        [
            ("100".into(), "101".into(), Outcome::EndedByCaller),
            ("103".into(), "**101".into(), Outcome::EndedByCallee),
        ]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_call_is_taken_by_a_colleague_of_the_group_and_nobody_else() {
    let mut floor = floor();
    let caller = floor.call(0, "101");
    let stranger = floor.call(3, "*8");
    assert_eq!(floor.stand(3, stranger), Stand::Over(404));
    let taker = floor.call(2, "*8");
    assert!(floor.talk((0, caller), (2, taker)));
    floor.act(2, |set, world| set.hang_up(world, taker));
    assert_eq!(floor.stand(0, caller), Stand::Over(200));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn nothing_is_taken_where_nothing_rings() {
    let mut floor = floor();
    let taker = floor.call(3, "**101");
    assert_eq!(floor.stand(3, taker), Stand::Over(404));
    assert_eq!(
        outcomes(&floor),
        [("103".into(), "**101".into(), Outcome::NotFound)]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// pbx trap 17: both tags count.
#[test]
fn a_ringing_call_is_taken_by_replaces_within_the_group() {
    let mut floor = floor();
    let caller = floor.call(0, "101");
    let replaces = floor.sets[1].replaces(0);
    let take = |floor: &mut Floor, index: usize, replaces: &str| {
        let header = [(HeaderName::Replaces, replaces.to_owned())];
        let line = floor.with_set(index, |set, world| set.call_with(world, "101", &header));
        floor.run_secs(1);
        line.expect("a handset")
    };
    let stranger = take(&mut floor, 3, &replaces);
    assert_eq!(floor.stand(3, stranger), Stand::Over(403));
    let wrong = take(&mut floor, 2, &replaces.replace("from-tag=", "from-tag=x"));
    assert_eq!(floor.stand(2, wrong), Stand::Over(481));
    let early = take(&mut floor, 2, &format!("{replaces};early-only"));
    assert!(floor.talk((0, caller), (2, early)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_call_in_progress_moves_to_another_phone_of_the_same_person() {
    let mut floor = floor();
    let (caller, callee) = floor.connect(0, 1);
    let second = floor.add("101");
    let replaces = floor.sets[1].replaces(callee);
    let take = |floor: &mut Floor, index: usize, replaces: &str| {
        let header = [(HeaderName::Replaces, replaces.to_owned())];
        let line = floor.with_set(index, |set, world| set.call_with(world, "101", &header));
        floor.run_secs(1);
        line.expect("a handset")
    };
    let late = take(&mut floor, second, &format!("{replaces};early-only"));
    assert_eq!(floor.stand(second, late), Stand::Over(486));
    let thief = take(&mut floor, 3, &replaces);
    assert_eq!(floor.stand(3, thief), Stand::Over(403));
    let line = take(&mut floor, second, &replaces);
    assert!(floor.talk((0, caller), (second, line)));
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// RFC 3891 §3: whose call is over is told so, for a minute; then nobody knows of it any more.
#[test]
fn the_place_in_a_call_that_is_over_is_declined() {
    let mut floor = floor();
    let (caller, callee) = floor.connect(0, 1);
    let second = floor.add("101");
    let replaces = floor.sets[1].replaces(callee);
    let take = |floor: &mut Floor, replaces: &str| {
        let header = [(HeaderName::Replaces, replaces.to_owned())];
        let line = floor.with_set(second, |set, world| set.call_with(world, "101", &header));
        floor.run_secs(1);
        floor.stand(second, line.expect("a handset"))
    };
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(take(&mut floor, &replaces), Stand::Over(603));
    let wrong = replaces.replace("from-tag=", "from-tag=x");
    assert_eq!(take(&mut floor, &wrong), Stand::Over(481));
    let cancelled = floor.call(0, "101");
    let rings = floor.last(1);
    let early = format!("{};early-only", floor.sets[1].replaces(rings));
    floor.act(0, |set, world| set.hang_up(world, cancelled));
    assert_eq!(take(&mut floor, &early), Stand::Over(603));
    floor.run_secs(62);
    assert_eq!(take(&mut floor, &replaces), Stand::Over(481));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// RFC 3891 §3: an early dialog is replaced at who is called, never at who calls.
#[test]
fn the_place_of_a_caller_who_waits_cannot_be_taken() {
    let mut floor = floor();
    let caller = floor.call(0, "101");
    let second = floor.add("100");
    let replaces = floor.sets[0].replaces(caller);
    let header = [(HeaderName::Replaces, replaces)];
    let line = floor.with_set(second, |set, world| set.call_with(world, "101", &header));
    floor.run_secs(1);
    assert_eq!(
        floor.stand(second, line.expect("a handset")),
        Stand::Over(481)
    );
    floor.act(1, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (1, 0)));
}

/// `*67` holds for as long as the call does, whoever takes it.
#[test]
fn a_caller_who_hides_is_not_shown_to_who_picks_up_nor_by_lamps() {
    let mut floor = floor();
    floor.act(2, |set, world| set.watch(world, "101"));
    let caller = floor.call(0, "*67101");
    let hides = |floor: &Floor| {
        let lamps = floor.sets[2].lamps.join("");
        assert!(
            lamps.contains("<dialog ") && !lamps.contains("sip:100@"),
            "{lamps}"
        );
    };
    hides(&floor);
    let taker = floor.call(2, "**101");
    assert!(floor.talk((0, caller), (2, taker)));
    let shown = &floor.sets[2].lines[taker].shown;
    assert!(shown.contains("sip:anonymous@"), "{shown}");
    hides(&floor);
    floor.act(2, |set, world| set.transfer(world, taker, "103"));
    let shown = &floor.sets[3].lines[0].shown;
    assert!(
        shown.contains("anonymous") && !shown.contains("sip:100@"),
        "{shown}"
    );
    floor.act(3, |set, world| set.answer(world, 0));
    let shown = &floor.sets[3].lines[0].shown;
    assert!(!shown.contains("sip:100@"), "{shown}");
    floor.act(0, |set, world| set.hang_up(world, caller));
    // Whoever transferred is given a moment to hang up by himself.
    floor.run_secs(5);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}
