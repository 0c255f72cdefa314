//! Transfers (RFC 3515, RFC 3891, RFC 5589): who hears whom afterwards, what the transferor is
//! told, and what the records say.

use ipc::sound::Clip;
use ipc::store::Outcome;
use sim::{Floor, Hears, Stand, checks};

fn outcomes(floor: &Floor) -> Vec<(String, String, Outcome, String)> {
    let row = |record: ipc::store::CallRecord| {
        (
            record.from,
            record.to,
            record.outcome,
            record.transferred_to,
        )
    };
    floor.records().into_iter().map(row).collect()
}

fn row(
    from: &str,
    to: &str,
    outcome: Outcome,
    transferred: &str,
) -> (String, String, Outcome, String) {
    (from.into(), to.into(), outcome, transferred.into())
}

#[test]
fn a_blind_transfer_connects_the_party_with_the_target() {
    let mut floor = Floor::new(3);
    let (caller, callee) = floor.connect(0, 1);
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    assert_eq!(floor.sets[1].lines[callee].referred, Some(202));
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::Ringback));
    let shown = &floor.sets[2].lines[0].shown;
    assert!(shown.contains("sip:100@"), "{shown}");
    // RFC 3892 §2.2: the target is told who transfers.
    let by = floor.sets[2].lines[0].invite.headers.referred_by();
    let by = by.expect("legible").expect("there").uri;
    assert_eq!(by.user().as_deref(), Some("101"));
    floor.act(2, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (2, 0)));
    let told = &floor.sets[1].lines[callee].notified;
    assert_eq!(told.first().map(String::as_str), Some("SIP/2.0 100 Trying"));
    assert_eq!(told.last().map(String::as_str), Some("SIP/2.0 200 OK"));
    floor.run_secs(6);
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(floor.stand(2, 0), Stand::Over(200));
    assert_eq!(
        outcomes(&floor),
        [
            row("100", "101", Outcome::Transferred, "102"),
            row("100", "102", Outcome::EndedByCaller, ""),
        ]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_blind_transfer_to_somebody_busy_gives_the_two_back_to_each_other() {
    let mut floor = Floor::new(3);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    floor.act(2, |set, world| {
        set.reply(world, 0, sip::StatusCode::BUSY_HERE)
    });
    let told = &floor.sets[1].lines[callee].notified;
    assert_eq!(
        told.last().map(String::as_str),
        Some("SIP/2.0 486 Busy Here")
    );
    assert!(floor.talk((0, caller), (1, callee)));
    floor.act(1, |set, world| set.hang_up(world, callee));
    assert_eq!(
        outcomes(&floor),
        [
            row("100", "101", Outcome::Transferred, "102"),
            row("100", "102", Outcome::Refused, ""),
            row("100", "101", Outcome::EndedByCallee, ""),
        ]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_transferor_who_hung_up_is_called_back_when_the_transfer_fails() {
    let mut floor = Floor::new(3);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    floor.act(1, |set, world| set.hang_up(world, callee));
    floor.act(2, |set, world| {
        set.reply(world, 0, sip::StatusCode::DECLINE)
    });
    // RFC 3515 §2.4.4: its BYE does not end the reports, a final one does.
    let told = &floor.sets[1].lines[callee].notified;
    assert_eq!(told.last().map(String::as_str), Some("SIP/2.0 603 Decline"));
    let again = floor.last(1);
    assert_eq!(floor.stand(1, again), Stand::Ringing);
    floor.act(1, |set, world| set.answer(world, again));
    assert!(floor.talk((0, caller), (1, again)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_transfer_to_nowhere_is_refused_and_the_call_goes_on() {
    let mut floor = Floor::new(2);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "250"));
    assert_eq!(floor.sets[1].lines[callee].referred, Some(404));
    assert!(floor.talk((0, caller), (1, callee)));
}

#[test]
fn a_party_that_gives_up_during_a_transfer_stops_the_ringing() {
    let mut floor = Floor::new(3);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(floor.stand(2, 0), Stand::Over(487));
    floor.run_secs(6);
    assert_eq!(
        outcomes(&floor),
        [
            row("100", "101", Outcome::Transferred, "102"),
            row("100", "102", Outcome::Cancelled, ""),
        ]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn an_attended_transfer_joins_both_calls() {
    let mut floor = Floor::new(3);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.hold(world, callee));
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::MusicOnHold));
    let (consult, far) = floor.connect(1, 2);
    floor.act(1, |set, world| set.join(world, callee, consult));
    assert_eq!(floor.sets[1].lines[callee].referred, Some(202));
    assert!(floor.talk((0, caller), (2, far)));
    assert_eq!(floor.stand(1, consult), Stand::Over(200));
    floor.run_secs(6);
    assert_eq!(floor.stand(1, callee), Stand::Over(200));
    floor.act(2, |set, world| set.hang_up(world, far));
    assert_eq!(floor.stand(0, caller), Stand::Over(200));
    assert_eq!(
        outcomes(&floor),
        [
            row("100", "101", Outcome::Transferred, "102"),
            row("101", "102", Outcome::Transferred, "100"),
            row("100", "102", Outcome::EndedByCallee, ""),
        ]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn an_attended_transfer_to_a_call_that_still_rings_goes_on_ringing() {
    let mut floor = Floor::new(3);
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.hold(world, callee));
    let consult = floor.call(1, "102");
    floor.act(1, |set, world| set.join(world, callee, consult));
    assert_eq!(floor.sets[1].lines[callee].referred, Some(202));
    assert_eq!(floor.stand(2, 0), Stand::Ringing);
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::Ringback));
    floor.act(2, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (2, 0)));
    floor.run_secs(6);
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_replaces_that_names_no_dialog_is_refused() {
    let mut floor = Floor::new(3);
    let (caller, callee) = floor.connect(0, 1);
    let (consult, far) = floor.connect(1, 2);
    floor.act(2, |set, world| set.hang_up(world, far));
    floor.act(1, |set, world| set.join(world, callee, consult));
    assert_eq!(floor.sets[1].lines[callee].referred, Some(481));
    assert!(floor.talk((0, caller), (1, callee)));
}

/// Somebody who calls his own number has both legs of the call; to join it with itself would leave
/// one party talking with nobody.
#[test]
fn a_call_to_oneself_is_not_joined_with_itself() {
    let mut floor = Floor::new(1);
    let caller = floor.call(0, "100");
    let callee = floor.last(0);
    floor.act(0, |set, world| set.answer(world, callee));
    assert!(floor.talk((0, caller), (0, callee)));
    floor.act(0, |set, world| set.join(world, caller, callee));
    assert_eq!(floor.sets[0].lines[caller].referred, Some(481));
    assert!(floor.talk((0, caller), (0, callee)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// Who sent the party away first hears that it went elsewhere, and who sends another in its place
/// is told how that goes, whatever the first one does.
#[test]
fn a_transferred_party_may_have_another_take_its_place_and_both_transferors_are_let_go() {
    let mut floor = Floor::new(4);
    let (first, party) = floor.connect(0, 1);
    floor.act(0, |set, world| set.transfer(world, first, "103"));
    assert_eq!(floor.stand(3, 0), Stand::Ringing);
    let (second, other) = floor.connect(1, 2);
    floor.act(1, |set, world| set.join(world, second, party));
    let told = &floor.sets[0].lines[first].notified;
    let last = told.last().map(String::as_str);
    assert_eq!(last, Some("SIP/2.0 487 Request Terminated"));
    floor.act(0, |set, world| set.hang_up(world, first));
    assert_eq!(floor.stand(1, party), Stand::Over(200));
    assert_eq!(floor.stand(1, second), Stand::Talking, "it waits for news");
    floor.act(3, |set, world| set.answer(world, 0));
    assert!(floor.talk((2, other), (3, 0)));
    floor.run_secs(5);
    assert_eq!(floor.stand(1, second), Stand::Over(200));
    floor.act(2, |set, world| set.hang_up(world, other));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}
