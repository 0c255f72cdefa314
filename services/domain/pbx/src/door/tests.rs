use guard::{Attempt, Notice};
use ipc::Redacted;
use ipc::guard::{Bans, Finding, Guest, Measure, Protection};
use sip::StatusCode;
use sip::digest::{Algorithm, Ha1};

use crate::interface::{AuthFailure, Event, Input, Output};
use crate::scripted::{PASSWORD, REALM, Rig, answered, register, site};

const OFFICE: &str = "10.0.0.2:5060";
const STRANGER: &str = "10.0.0.66:5060";

fn guarded() -> Rig {
    Rig::with_site(site(|site| site.guard.on = true))
}

/// The process that keeps the bans says so.
fn obey(rig: &mut Rig, told: &Bans) {
    for notice in Notice::read(rig.now, told) {
        rig.handle(Input::Bans(notice));
    }
}

fn found(rig: &Rig) -> Vec<&Finding> {
    let found = rig.outputs.iter().filter_map(|it| match it {
        Output::Found(finding) => Some(finding),
        _ => None,
    });
    found.collect()
}

/// Guesses from an address until it hears nothing more, `most` times at most: the answers.
fn guess(rig: &mut Rig, remote: &str, user: &str, most: usize) -> Vec<StatusCode> {
    let mut answers = Vec::new();
    for turn in 0..most {
        let mut request = register(user, &format!("guess{turn}"), 1, &["<sip:x@10.0.0.66>"]);
        for _ in 0..2 {
            let sent = rig.with_via(remote, sansio::Transport::Udp, &request);
            rig.datagram(remote, sent.to_bytes());
            let heard = rig.take_messages();
            let Some((_, sip::Message::Response(response))) = heard.into_iter().next_back() else {
                return answers;
            };
            if response.status == StatusCode::UNAUTHORIZED {
                request = answered(&response, user, "wrong", &request);
            } else {
                answers.push(response.status);
            }
        }
    }
    answers
}

fn shut_out(rig: &Rig) -> u64 {
    let counters = rig.node.status().counters;
    let found = counters.into_iter().find(|(name, _)| name == "shut-out");
    found.expect("it is counted").1
}

/// E1 and E2: as many as the rule says, and the next datagram is not even read.
#[test]
fn a_guesser_has_five_answers_and_then_is_not_heard() {
    let mut rig = guarded();
    let answers = guess(&mut rig, STRANGER, "100", 100);
    assert_eq!(answers, [StatusCode::FORBIDDEN; 5]);
    assert_eq!(shut_out(&rig), 1);
    let [finding] = found(&rig)[..] else {
        panic!("{:?}", found(&rig));
    };
    let told = (
        finding.source.as_str(),
        finding.measure,
        finding.is_in_force,
    );
    assert_eq!(told, ("10.0.0.66/32", Measure::Ban, true));
    let request = register("100", "phone", 1, &["<sip:x@10.0.0.2>"]);
    let response = rig.ask_as(OFFICE, "100", PASSWORD, &request);
    assert_eq!(response.status, StatusCode::OK);
}

/// R69: off, all of it is only told.
#[test]
fn off_a_guesser_is_answered_for_ever_and_what_would_be_is_told() {
    let mut rig = Rig::new();
    let answers = guess(&mut rig, STRANGER, "100", 20);
    assert_eq!(answers, [StatusCode::FORBIDDEN; 20]);
    let told: Vec<_> = found(&rig).iter().map(|it| it.is_in_force).collect();
    assert_eq!(told, [false]);
}

/// E8: and the refusal is that of a wrong password.
#[test]
fn behind_the_address_of_phones_that_registered_one_extension_is_locked_and_the_others_go_on() {
    let mut rig = guarded();
    let others = register("102", "phone", 1, &["<sip:x@10.0.0.2>"]);
    assert_eq!(
        rig.ask_as(OFFICE, "102", PASSWORD, &others).status,
        StatusCode::OK
    );
    let answers = guess(&mut rig, OFFICE, "100", 9);
    assert_eq!(answers, [StatusCode::FORBIDDEN; 9]);
    let measures: Vec<_> = found(&rig).iter().map(|it| it.measure).collect();
    assert_eq!(measures, [Measure::Lock]);
    let right = register("100", "late", 1, &["<sip:x@10.0.0.2>"]);
    let locked = rig.ask_as(OFFICE, "100", PASSWORD, &right);
    assert_eq!(locked.status, StatusCode::FORBIDDEN);
    let last = rig.events.iter().rev().find_map(|it| match it {
        Event::AuthFailure { class, .. } => Some(*class),
        _ => None,
    });
    assert_eq!(last, Some(AuthFailure::LockedOut));
    let again = register("102", "again", 1, &["<sip:x@10.0.0.2>"]);
    assert_eq!(
        rig.ask_as(OFFICE, "102", PASSWORD, &again).status,
        StatusCode::OK
    );
    obey(
        &mut rig,
        &Bans {
            unbanned: vec!["10.0.0.2/32".into()],
            ..Bans::default()
        },
    );
    let freed = register("100", "freed", 1, &["<sip:x@10.0.0.2>"]);
    assert_eq!(
        rig.ask_as(OFFICE, "100", PASSWORD, &freed).status,
        StatusCode::OK
    );
}

/// The same after a restart, as what is kept of the registrations says who was let in.
#[test]
fn phones_of_an_earlier_process_are_trusted_too() {
    let mut before = guarded();
    let others = register("102", "phone", 1, &["<sip:x@10.0.0.2>"]);
    assert_eq!(
        before.ask_as(OFFICE, "102", PASSWORD, &others).status,
        StatusCode::OK
    );
    let rows = before.kept();
    let mut rig = guarded();
    rig.handle(Input::StoredRegistrations(rows));
    guess(&mut rig, OFFICE, "100", 9);
    let measures: Vec<_> = found(&rig).iter().map(|it| it.measure).collect();
    assert_eq!(measures, [Measure::Lock]);
}

/// The store and `net` speak when they like.
#[test]
fn phones_on_the_cable_are_trusted_whichever_is_known_first_they_or_the_cable() {
    let desk = "[2001:db8:0:1::2]:5060";
    let cable = || {
        let network = config::Network::parse("2001:db8:0:1::/64").expect("one");
        Input::Neighbours(vec![network])
    };
    let mut before = guarded();
    before.handle(cable());
    let own = register("102", "phone", 1, &["<sip:x@[2001:db8:0:1::2]>"]);
    let registered = before.ask_as(desk, "102", PASSWORD, &own);
    assert_eq!(registered.status, StatusCode::OK);
    let rows = before.kept();
    // By TCP too: its connection ended with the process, so it is not registered any more.
    let by_tcp = |mut row: ipc::store::Registration| {
        row.source = row.source.replace("UDP", "TCP");
        row
    };
    let lost: Vec<_> = rows.iter().cloned().map(by_tcp).collect();
    for rows in [rows, lost] {
        for is_cable_first in [true, false] {
            let mut rig = guarded();
            rig.handle(Input::Neighbours(Vec::new()));
            if is_cable_first {
                rig.handle(cable());
            }
            rig.handle(Input::StoredRegistrations(rows.clone()));
            if !is_cable_first {
                rig.handle(cable());
            }
            guess(&mut rig, desk, "100", 9);
            let measures: Vec<_> = found(&rig).iter().map(|it| it.measure).collect();
            assert_eq!(measures, [Measure::Lock], "{is_cable_first}");
        }
    }
}

/// E5: credentials with a nonce that was never given to the address, and what cannot be read.
#[test]
fn a_sender_who_may_be_somebody_else_is_not_counted() {
    let mut rig = guarded();
    let request = register("100", "spoofed", 1, &["<sip:x@10.0.0.66>"]);
    let challenged = rig.ask("10.0.0.77:5060", &request);
    for turn in 0..50 {
        let request = register("100", &format!("spoofed{turn}"), 1, &["<sip:x@10.0.0.66>"]);
        let forged = answered(&challenged, "100", "wrong", &request);
        let forged = rig.with_via(STRANGER, sansio::Transport::Udp, &forged);
        rig.datagram(STRANGER, forged.to_bytes());
        rig.datagram(STRANGER, b"REGISTER of nobody SIP/2.0\r\n\r\n".to_vec());
    }
    assert_eq!(found(&rig), Vec::<&Finding>::new());
    rig.take_messages();
    let own = register("100", "own", 1, &["<sip:x@10.0.0.66>"]);
    assert_eq!(
        rig.ask_as(STRANGER, "100", PASSWORD, &own).status,
        StatusCode::OK
    );
}

/// E5: where each address is somebody else's, each proves only that it is there itself.
#[test]
fn a_nonce_of_one_machine_on_the_cable_proves_nothing_of_another() {
    let (own, victim) = ("[2001:db8:0:1::bad]:5060", "[2001:db8:0:1::2]:5060");
    let count = |rig: &mut Rig| {
        let request = register("100", "own", 1, &["<sip:x@[2001:db8:0:1::2]>"]);
        let challenged = rig.ask(own, &request);
        for turn in 0..20 {
            let request = register("100", &format!("as{turn}"), 1, &["<sip:x@10.0.0.66>"]);
            let forged = answered(&challenged, "100", "wrong", &request);
            let forged = rig.with_via(victim, sansio::Transport::Udp, &forged);
            rig.datagram(victim, forged.to_bytes());
        }
        rig.take_messages();
        found(rig).len()
    };
    let mut rig = guarded();
    rig.handle(Input::Neighbours(vec![
        config::Network::parse("2001:db8:0:1::/64").expect("one"),
    ]));
    assert_eq!(count(&mut rig), 0);
    // Elsewhere all of them are one customer's, who changes among them as he likes.
    assert_eq!(count(&mut guarded()), 1);
}

#[test]
fn a_connection_of_somebody_banned_is_closed_and_he_gets_no_other() {
    let mut rig = guarded();
    rig.open(1, STRANGER);
    let request = register("100", "first", 1, &["<sip:x@10.0.0.66>"]);
    let heard = rig.ask_on(1, STRANGER, &request);
    assert_eq!(heard.status, StatusCode::UNAUTHORIZED);
    obey(
        &mut rig,
        &Bans {
            banned: vec![("10.0.0.64/28".into(), 60_000)],
            ..Bans::default()
        },
    );
    let bytes = rig
        .with_via(STRANGER, sansio::Transport::Tcp, &request)
        .to_bytes();
    rig.handle(Input::StreamBytes { stream: 1, bytes });
    rig.open(2, STRANGER);
    assert_eq!(rig.take_messages(), []);
    let closed = rig.outputs.iter().filter_map(|it| match it {
        Output::CloseStream(stream) => Some(*stream),
        _ => None,
    });
    assert_eq!(closed.collect::<Vec<_>>(), [1, 2]);
}

/// E1: the ban begins between two messages, also where both came in one piece.
#[test]
fn guesses_that_come_in_one_piece_are_looked_at_as_often_as_others() {
    let mut rig = guarded();
    rig.open(1, STRANGER);
    let request = register("100", "guess", 1, &["<sip:x@10.0.0.66>"]);
    let challenge = rig.ask_on(1, STRANGER, &request);
    let mut bytes = Vec::new();
    for (turn, password) in ["a", "b", "c", "d", "e", PASSWORD].into_iter().enumerate() {
        let request = register("100", &format!("guess{turn}"), 2, &["<sip:x@10.0.0.66>"]);
        let request = answered(&challenge, "100", password, &request);
        let sent = rig.with_via(STRANGER, sansio::Transport::Tcp, &request);
        bytes.extend(sent.to_bytes());
    }
    rig.handle(Input::StreamBytes { stream: 1, bytes });
    let answers = rig.take_messages().into_iter().map(|(_, it)| match it {
        sip::Message::Response(response) => response.status,
        other => panic!("{other:?}"),
    });
    assert_eq!(answers.collect::<Vec<_>>(), [StatusCode::FORBIDDEN; 6]);
    rig.pass(std::time::Duration::from_secs(6));
    let is_kept = |it: &Output| matches!(it, Output::PersistRegistrations(_));
    assert!(!rig.outputs.iter().any(is_kept), "nobody is registered");
    assert_eq!(found(&rig).len(), 1);
}

#[test]
fn what_the_guard_says_holds_until_its_end_and_never_for_who_is_protected() {
    let mut rig = guarded();
    let guest = |network: &str| Guest {
        why: Protection::Gateway,
        network: network.into(),
    };
    let asks = |rig: &mut Rig, remote: &str| {
        let request = register("100", remote, 1, &[]);
        let request = rig.with_via(remote, sansio::Transport::Udp, &request);
        rig.datagram(remote, request.to_bytes());
        !rig.take_messages().is_empty()
    };
    obey(
        &mut rig,
        &Bans {
            is_whole: true,
            banned: vec![("10.0.0.0/24".into(), 60_000), ("no network".into(), 1)],
            protected: Some(vec![guest("10.0.0.2")]),
            ..Bans::default()
        },
    );
    assert!(!asks(&mut rig, STRANGER) && asks(&mut rig, OFFICE));
    obey(
        &mut rig,
        &Bans {
            protected: Some(Vec::new()),
            ..Bans::default()
        },
    );
    assert!(!asks(&mut rig, OFFICE));
    rig.pass(std::time::Duration::from_secs(60));
    assert!(asks(&mut rig, STRANGER));
    obey(
        &mut rig,
        &Bans {
            is_whole: true,
            ..Bans::default()
        },
    );
    assert!(asks(&mut rig, OFFICE));
}

/// T8: the box is reached from outside, whoever it is and whatever is asked; the servers of trunks
/// and phones inside say nothing of that.
#[test]
fn the_first_from_outside_is_told_once_an_hour() {
    let mut rig = Rig::new();
    let ask = |rig: &mut Rig, remote: &str, turn: u32| {
        let request = register("100", &format!("{remote}{turn}"), 1, &[]);
        rig.ask(remote, &request);
    };
    let told = |rig: &Rig| {
        let told = rig.outputs.iter().filter_map(|it| match it {
            Output::Outsider(source) => Some(source.to_string()),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    rig.node
        .core_mut()
        .set_servers("none", vec!["198.51.100.1".parse().expect("one")]);
    ask(&mut rig, OFFICE, 1);
    ask(&mut rig, "198.51.100.1:5060", 1);
    assert_eq!(told(&rig), Vec::<String>::new());
    ask(&mut rig, "203.0.113.9:5060", 1);
    ask(&mut rig, "203.0.113.10:5060", 2);
    assert_eq!(told(&rig), ["203.0.113.9"]);
    rig.pass(std::time::Duration::from_secs(3_600));
    ask(&mut rig, "203.0.113.10:5060", 3);
    assert_eq!(told(&rig), ["203.0.113.9", "203.0.113.10"]);
    // A guard that was restarted is told at once, as the banner goes by what it knows.
    let whole = Bans {
        is_whole: true,
        ..Bans::default()
    };
    obey(&mut rig, &whole);
    assert_eq!(told(&rig).len(), 3);
}

/// E8, T7: somebody beside it guesses at its extension, and it is called and calls.
#[test]
fn a_registered_phone_goes_on_while_its_own_extension_is_locked() {
    let mut rig = guarded();
    let own = |turn: u32| register("100", &format!("own{turn}"), 1, &["<sip:x@10.0.0.2>"]);
    assert_eq!(
        rig.ask_as(OFFICE, "100", PASSWORD, &own(1)).status,
        StatusCode::OK
    );
    guess(&mut rig, "10.0.0.2:6000", "100", 9);
    assert_eq!(
        rig.ask_as(OFFICE, "100", PASSWORD, &own(2)).status,
        StatusCode::OK
    );
    let beside = rig.ask_as("10.0.0.2:6000", "100", PASSWORD, &own(3));
    assert_eq!(beside.status, StatusCode::FORBIDDEN);
}

/// A thief's line is none of the extension's any more.
#[test]
fn with_another_password_nobody_is_trusted_for_the_old_one() {
    let mut rig = guarded();
    let own = register("100", "own", 1, &["<sip:x@10.0.0.2>"]);
    assert_eq!(
        rig.ask_as(OFFICE, "100", PASSWORD, &own).status,
        StatusCode::OK
    );
    let knows = |rig: &mut Rig| {
        let now = rig.now;
        let attempt = Attempt {
            source: [10, 0, 0, 2].into(),
            name: "100",
        };
        rig.node.core_mut().door.knows(now, attempt)
    };
    assert!(knows(&mut rig));
    rig.handle(Input::Config(
        2,
        std::sync::Arc::new(site(|site| site.guard.on = true)),
    ));
    assert!(knows(&mut rig), "another change");
    let changed = site(|site| {
        site.guard.on = true;
        let ha1 = Ha1::from_password("100", REALM, "another");
        site.extensions[0].ha1_md5 = Redacted::new(ha1.hex(Algorithm::Md5).to_owned());
        site.extensions[0].ha1_sha256 = Redacted::new(ha1.hex(Algorithm::Sha256).to_owned());
    });
    rig.handle(Input::Config(3, std::sync::Arc::new(changed)));
    assert!(!knows(&mut rig));
}

/// A carrier that calls from its networks without an account.
#[test]
fn networks_of_a_trunk_are_protected_and_forgotten_with_it() {
    let told = |rig: &Rig| {
        let told = rig.outputs.iter().filter_map(|it| match it {
            Output::Protect(guests) => Some(guests.iter().map(|it| it.network.clone()).collect()),
            _ => None,
        });
        told.collect::<Vec<Vec<String>>>()
    };
    let with_trunk = site(|site| {
        site.trunks.push(ipc::site::Trunk {
            name: "carrier".into(),
            access: ipc::site::TrunkAccess::Peer {
                server: "sbc.example".into(),
                networks: vec!["198.51.100.0/28".into(), "0.0.0.0/0".into()],
            },
            ..ipc::site::Trunk::default()
        });
    });
    let mut rig = Rig::with_site(with_trunk);
    rig.handle(Input::Config(2, std::sync::Arc::new(site(|_| ()))));
    assert_eq!(told(&rig), [vec!["198.51.100.0/28".to_owned()], Vec::new()]);
}
