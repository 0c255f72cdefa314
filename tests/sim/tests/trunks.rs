//! Calls by trunk: out, in, over to the next trunk, and who pays.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use ipc::site::{
    Codec, Destination, Dtmf, Encryption, Prack, Route, SessionTimers, Source, TimerMode, Trunk,
    TrunkAccess,
};
use ipc::store::Outcome;
use sim::{Floor, Stand, checks};
use sip::{HeaderName, Request, StatusCode};

/// The carriers' places in a floor of three phones.
const FIRST: usize = 3;
const SECOND: usize = 4;

fn trunk(name: &str, place: usize) -> Trunk {
    let address = format!("10.0.2.{}", place + 1);
    Trunk {
        name: name.into(),
        access: TrunkAccess::Peer {
            server: address.clone(),
            networks: vec![format!("{address}/32")],
        },
        qualify_secs: 0,
        ..Trunk::default()
    }
}

/// Three phones and two carriers: `first`, then `second`, for local numbers; calls from `first` to
/// the main number ring at 100.
fn floor() -> Floor {
    let mut floor = Floor::with(3, |site| {
        site.dialling.area_code = "11".into();
        site.dialling.owned_numbers = vec!["+551132345678".into()];
        site.trunks = vec![trunk("first", FIRST), trunk("second", SECOND)];
        site.routes = vec![
            Route {
                name: "out".into(),
                sources: vec![Source::Extensions],
                pattern: "3XXXXXXX".into(),
                destinations: ["first", "second"]
                    .map(|name| Destination::Trunk(name.into()))
                    .into(),
                ..Route::default()
            },
            Route {
                name: "in".into(),
                sources: vec![Source::Trunks],
                pattern: "!".into(),
                destinations: vec![Destination::Extension("100".into())],
                ..Route::default()
            },
        ];
    });
    for place in ["carrier-1", "carrier-2"] {
        let index = floor.sets.len();
        let place_of = u8::try_from(index + 1).expect("a small floor");
        floor.sets.push(sim::Handset::new(place, place_of));
    }
    floor.run_secs(1);
    floor
}

fn records(floor: &Floor) -> Vec<(String, Outcome, String)> {
    let row = |record: ipc::store::CallRecord| (record.to, record.outcome, record.trunk);
    floor.records().into_iter().map(row).collect()
}

#[test]
fn a_call_goes_out_by_the_first_trunk() {
    let mut floor = floor();
    let caller = floor.call(0, "33334444");
    assert_eq!(floor.stand(FIRST, 0), Stand::Ringing);
    let shown = &floor.sets[FIRST].lines[0].shown;
    assert!(shown.contains("32345678"), "{shown}");
    floor.act(FIRST, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (FIRST, 0)));
    floor.act(FIRST, |set, world| set.hang_up(world, 0));
    assert_eq!(
        records(&floor),
        [("33334444".into(), Outcome::EndedByCallee, "first".into())]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// pbx trap 23.
/// The INVITE that the first carrier gets when its trunk has these settings.
fn invited(settings: fn(&mut Trunk)) -> Request {
    let mut floor = floor();
    floor.world.configure(|site| settings(&mut site.trunks[0]));
    floor.run_secs(1);
    floor.call(0, "33334444");
    floor.sets[FIRST].lines[0].invite.clone()
}

/// pbx trap 23: reliable responses, session timers, codecs, digits and encryption are those of the
/// trunk, whatever the phone that calls has.
#[test]
fn a_trunk_is_called_as_its_settings_say() {
    let has = |invite: &Request, name: HeaderName| {
        let value = invite.headers.text(&name);
        value.unwrap_or_default().to_owned()
    };
    let described = |invite: &Request| String::from_utf8_lossy(&invite.body).into_owned();

    let usual = invited(|_| {});
    assert!(has(&usual, HeaderName::Supported).starts_with("100rel, timer, "));
    assert_eq!(has(&usual, HeaderName::Require), "");
    assert!(has(&usual, HeaderName::SessionExpires).starts_with("1800"));
    let text = described(&usual);
    assert!(text.contains(" RTP/AVP ") && text.contains("PCMA") && !text.contains("crypto"));

    let lean = invited(|trunk| {
        trunk.prack = Prack::Off;
        trunk.session_timers.mode = TimerMode::Off;
        trunk.codecs = vec![Codec::Pcmu];
        trunk.dtmf = Dtmf::Info;
    });
    let supported = has(&lean, HeaderName::Supported);
    assert!(!supported.contains("100rel") && !supported.contains("timer"));
    assert_eq!(has(&lean, HeaderName::SessionExpires), "");
    let text = described(&lean);
    assert!(text.contains(" RTP/AVP 0\r\n"), "{text}");

    let strict = invited(|trunk| {
        trunk.prack = Prack::Required;
        trunk.session_timers = SessionTimers {
            mode: TimerMode::Require,
            secs: 600,
        };
        trunk.encryption = Encryption::Required;
    });
    assert!(strict.headers.requires("100rel") && strict.headers.requires("timer"));
    assert!(has(&strict, HeaderName::SessionExpires).starts_with("600"));
    let text = described(&strict);
    assert!(
        text.contains(" RTP/SAVP ") && text.contains("a=crypto:"),
        "{text}"
    );
}

#[test]
fn a_trunk_that_is_overloaded_hands_over_to_the_next_and_one_that_says_busy_does_not() {
    let mut floor = floor();
    let caller = floor.call(0, "33334444");
    floor.act(FIRST, |set, world| {
        set.reply(world, 0, StatusCode::SERVICE_UNAVAILABLE)
    });
    assert_eq!(floor.stand(SECOND, 0), Stand::Ringing);
    floor.act(SECOND, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (SECOND, 0)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    floor.run_secs(120);
    let busy = floor.call(0, "33335555");
    let (at, line) = match floor.stand(FIRST, 1) {
        Stand::Ringing => (FIRST, 1),
        _ => (SECOND, 1),
    };
    floor.act(at, |set, world| {
        set.reply(world, line, StatusCode::BUSY_HERE)
    });
    assert_eq!(floor.stand(0, busy), Stand::Over(486));
    let rows = records(&floor);
    assert_eq!(
        rows[0],
        ("33334444".into(), Outcome::EndedByCaller, "second".into())
    );
    assert_eq!(rows[1].1, Outcome::Refused);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_call_from_outside_rings_is_transferred_here_and_transfers_nobody_itself() {
    let mut floor = floor();
    let takes = [(HeaderName::Allow, "INVITE, ACK, BYE, UPDATE".to_owned())];
    let caller = floor.with_set(FIRST, |set, world| {
        set.call_with(world, "+551132345678", &takes)
    });
    let caller = caller.expect("a line");
    floor.run_secs(1);
    assert_eq!(floor.stand(0, 0), Stand::Ringing);
    floor.act(0, |set, world| set.answer(world, 0));
    assert!(floor.talk((FIRST, caller), (0, 0)));
    // A carrier that asks us to call somebody is refused.
    floor.act(FIRST, |set, world| set.transfer(world, caller, "101"));
    assert_eq!(floor.sets[FIRST].lines[caller].referred, Some(403));
    floor.act(0, |set, world| set.transfer(world, 0, "101"));
    floor.act(1, |set, world| set.answer(world, 0));
    assert!(floor.talk((FIRST, caller), (1, 0)));
    floor.run_secs(6);
    // RFC 3325 §7: who answers inside is no news for the carrier.
    let shown = &floor.sets[FIRST].lines[caller].shown;
    assert!(!shown.contains("sip:101@"), "{shown}");
    floor.act(1, |set, world| set.hang_up(world, 0));
    assert_eq!(floor.stand(FIRST, caller), Stand::Over(200));
    let rows = records(&floor);
    assert_eq!(
        rows[1],
        ("101".into(), Outcome::EndedByCallee, "first".into())
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// F15: nothing stands in the way of an emergency.
#[test]
fn an_emergency_passes_without_a_route() {
    let mut floor = floor();
    floor.world.configure(|site| {
        site.routes.clear();
        for extension in &mut site.extensions {
            extension.settings.classes.clear();
        }
    });
    floor.run_secs(1);
    let ordinary = floor.call(0, "33334444");
    assert!(matches!(floor.stand(0, ordinary), Stand::Over(_)));
    let caller = floor.call(0, "190");
    assert_eq!(floor.stand(FIRST, 0), Stand::Ringing);
    floor.act(FIRST, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (FIRST, 0)));
}

#[test]
fn a_call_is_forwarded_outside_at_the_cost_of_who_forwards() {
    let mut floor = floor();
    floor.world.configure(|site| {
        site.extensions[1].settings.forward.always = "33334444".into();
    });
    floor.run_secs(1);
    let caller = floor.call(0, "101");
    assert_eq!(floor.stand(FIRST, 0), Stand::Ringing);
    let invite = &floor.sets[FIRST].lines[0].invite;
    let diversion = invite.headers.text(&HeaderName::Diversion);
    let diversion = diversion.unwrap_or_default();
    assert!(
        diversion.contains("32345678") && diversion.contains("unconditional"),
        "{diversion}"
    );
    floor.act(0, |set, world| set.hang_up(world, caller));
    assert_eq!(floor.stand(FIRST, 0), Stand::Over(487));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// F8, F3: the longest time, and calls counted over a restart.
#[test]
fn a_call_outside_ends_after_the_longest_time_allowed_also_after_a_restart() {
    let mut floor = floor();
    floor
        .world
        .configure(|site| site.extensions[0].settings.duration_max_secs = 60);
    floor.run_secs(6);
    let caller = floor.call(0, "33334444");
    floor.act(FIRST, |set, world| set.answer(world, 0));
    floor.run_secs(20);
    floor.world.kill_pbx();
    floor.run_secs(1);
    let status = floor.world.node.status();
    assert_eq!(
        status
            .trunks
            .iter()
            .map(|one| one.calls)
            .collect::<Vec<_>>(),
        [1, 0]
    );
    assert!(floor.talk((0, caller), (FIRST, 0)));
    floor.run_secs(30);
    assert_eq!(floor.stand(0, caller), Stand::Talking);
    floor.run_secs(15);
    assert_eq!(floor.stand(0, caller), Stand::Over(200));
    assert_eq!(floor.stand(FIRST, 0), Stand::Over(200));
    assert_eq!(records(&floor)[0].1, Outcome::EndedByBox);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// F8: a call does not become endless by going from hand to hand.
#[test]
fn a_transfer_does_not_lengthen_a_call_outside() {
    let mut floor = floor();
    floor
        .world
        .configure(|site| site.extensions[0].settings.duration_max_secs = 60);
    floor.run_secs(1);
    let caller = floor.call(0, "33334444");
    floor.act(FIRST, |set, world| set.answer(world, 0));
    floor.run_secs(20);
    floor.act(0, |set, world| set.transfer(world, caller, "101"));
    floor.act(1, |set, world| set.answer(world, 0));
    assert!(floor.talk((FIRST, 0), (1, 0)));
    floor.run_secs(30);
    assert_eq!(floor.stand(1, 0), Stand::Talking);
    floor.run_secs(15);
    assert_eq!(floor.stand(1, 0), Stand::Over(200));
    assert_eq!(floor.stand(FIRST, 0), Stand::Over(200));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// RFC 3892: inner numbers are no carrier's business.
#[test]
fn a_carrier_is_not_told_who_transfers() {
    let mut floor = floor();
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "33334444"));
    floor.act(FIRST, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (FIRST, 0)));
    let invite = &floor.sets[FIRST].lines[0].invite;
    assert_eq!(invite.headers.referred_by(), Ok(None));
    floor.act(0, |set, world| set.hang_up(world, caller));
    floor.run_secs(6);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// F7.
#[test]
fn a_route_may_ask_for_a_pin() {
    let mut floor = floor();
    floor.world.configure(|site| {
        site.routes[0].pin = true;
        let hash = config::pin_hash("100", "ramal", "4711");
        site.extensions[0].settings.pin_hash = ipc::Redacted::new(hash);
    });
    floor.run_secs(1);
    let caller = floor.call(0, "33334444");
    let beep = sim::Hears::Plays(ipc::sound::Clip::Confirm);
    assert_eq!(floor.hears(0, caller), beep);
    let enter = |floor: &mut Floor, line: usize, keys: &str| {
        for key in keys.chars() {
            floor.act(0, |set, world| set.press(world, line, key));
        }
    };
    enter(&mut floor, caller, "1234#");
    assert_eq!(floor.stand(FIRST, 0), Stand::Over(0));
    enter(&mut floor, caller, "4711#");
    assert_eq!(floor.stand(FIRST, 0), Stand::Ringing);
    floor.act(FIRST, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (FIRST, 0)));
    floor.act(0, |set, world| set.hang_up(world, caller));
    let wrong = floor.call(0, "33334444");
    enter(&mut floor, wrong, "1#2#3#");
    assert_eq!(floor.stand(0, wrong), Stand::Over(200));
    // Three wrong ones lock for a minute.
    floor.run_secs(61);
    let silent = floor.call(0, "33334444");
    floor.run_secs(21);
    assert_eq!(floor.stand(0, silent), Stand::Over(200));
    // A transfer there is refused: the party cannot enter somebody else's PIN.
    let (_, callee) = floor.connect(1, 0);
    floor.act(0, |set, world| set.transfer(world, callee, "33334444"));
    assert_eq!(floor.sets[0].lines[callee].referred, Some(403));
    floor.act(0, |set, world| set.hang_up(world, callee));
    let outcomes: Vec<_> = floor.records().iter().map(|one| one.outcome).collect();
    use Outcome::{EndedByCallee, EndedByCaller, Rejected};
    assert_eq!(outcomes, [EndedByCaller, Rejected, Rejected, EndedByCallee]);
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

/// F3: the limit counts while the PIN is waited for, and who is over it is not asked.
#[test]
fn calls_that_wait_for_a_pin_together_are_no_way_around_the_limit() {
    let mut floor = floor();
    floor.world.configure(|site| {
        site.routes[0].pin = true;
        let hash = config::pin_hash("100", "ramal", "4711");
        site.extensions[0].settings.pin_hash = ipc::Redacted::new(hash);
        site.extensions[0].settings.limits.concurrent = 1;
    });
    floor.run_secs(1);
    let calls = [0, 1].map(|_| floor.call(0, "33334444"));
    for key in "4711#".chars() {
        floor.act(0, |set, world| set.press(world, calls[0], key));
    }
    assert_eq!(floor.stand(FIRST, 0), Stand::Ringing);
    assert_eq!(floor.sets[FIRST].lines.len(), 1);
    assert_eq!(floor.stand(0, calls[1]), Stand::Over(403));
}
