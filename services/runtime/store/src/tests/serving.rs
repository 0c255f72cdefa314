//! What the store answers while all is well.

use std::time::Duration;

use ipc::site::{Class, Tunnel};
use ipc::store::{
    CallFilter, CallsOf, CallsWith, PhoneChange, PhoneSetting, Provisioned, Spent, laid_down,
};

use super::*;

#[test]
fn a_new_box_has_one_unclaimed_administrator_and_no_extensions() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (version, site) = config(&store);
    assert_eq!(
        (version, site.realm.as_str(), site.extensions.len()),
        (1, "ramal", 0)
    );
    let [person] = site.people.as_slice() else {
        panic!("{site:?}")
    };
    assert_eq!(person.login, "admin");
    assert!(person.password_one_time && person.password_hash.reveal().is_empty());
    assert_eq!(health(&store).warning, "");
}

#[test]
fn a_commit_counts_up_and_a_stale_one_changes_nothing() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (base, site) = grown(&store);
    assert_eq!(commit(&store), Reply::Committed { version: 2 });
    let stale = Request::Commit {
        base,
        audit: audit("late"),
        site,
    };
    assert_eq!(store.ask(WEB, stale), Reply::Conflict { current: 2 });
    assert_eq!(config(&store).1.extensions.len(), 1);
    assert_eq!(
        history(&store, 9, None),
        [(2, "admin".into()), (1, "system".into())]
    );
}

/// Number and author of versions.
fn history(store: &Store, limit: u32, before: Option<u64>) -> Vec<(u64, String)> {
    let Reply::History(history) = store.ask(WEB, Request::History { limit, before }) else {
        panic!()
    };
    let versions = history.into_iter();
    versions.map(|it| (it.version, it.author)).collect()
}

#[test]
fn an_earlier_version_is_read_whole() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let before = config(&store);
    commit(&store);
    commit(&store);
    let (version, site) = before;
    let at = |number| store.ask(WEB, Request::ConfigAt(number));
    assert_eq!(at(1), Reply::Config { version, site });
    let Reply::Config { version: 2, site } = at(2) else {
        panic!()
    };
    assert_eq!(site.extensions.len(), 1);
    for none in [0, 4, u64::MAX] {
        assert_eq!(at(none), Reply::NoSuchVersion);
    }
    assert_eq!(history(&store, 1, Some(3)), [(2, "admin".into())]);
    assert_eq!(history(&store, 9, Some(1)), []);
}

#[test]
fn a_commit_asked_again_after_a_lost_answer_is_not_a_conflict_with_itself() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (base, site) = grown(&store);
    let request = |audit| Request::Commit {
        base,
        audit,
        site: site.clone(),
    };
    let created = || request(audit("extension created"));
    assert_eq!(store.ask(WEB, created()), Reply::Committed { version: 2 });
    assert_eq!(store.ask(WEB, created()), Reply::Committed { version: 2 });
    drop(store);
    let store = scratch.store();
    assert_eq!(store.ask(WEB, created()), Reply::Committed { version: 2 });
    let other = request(Audit {
        who: "somebody else".into(),
        ..audit("extension created")
    });
    assert_eq!(store.ask(WEB, other), Reply::Conflict { current: 2 });
    let Reply::AuditTrail(trail) = store.ask(WEB, Request::AuditTrail { limit: 9 }) else {
        panic!()
    };
    assert_eq!(trail.len(), 2, "it is in the trail once: {trail:?}");
    commit(&store);
    assert_eq!(store.ask(WEB, created()), Reply::Conflict { current: 3 });
}

#[test]
fn an_invalid_site_is_refused_with_its_faults() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (base, mut site) = grown(&store);
    site.extensions[0].number = "one".into();
    let reply = store.ask(
        WEB,
        Request::Commit {
            base,
            audit: audit("bad"),
            site,
        },
    );
    let Reply::Invalid { faults } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(config(&store).0, 1);
}

#[test]
fn a_watcher_sees_the_newest_configuration_and_skips_what_it_missed() {
    let scratch = Scratch::new();
    let store = scratch.store();
    assert_eq!(store.next_config(WEB, 1, Duration::ZERO), None);
    commit(&store);
    commit(&store);
    let (version, site) = store
        .next_config(WEB, 1, Duration::from_secs(5))
        .expect("it changed");
    assert_eq!((version, site.extensions.len()), (3, 2));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.next_config(WEB, 3, Duration::from_secs(30)));
        commit(&store);
        let seen = waiting
            .join()
            .expect("no panic")
            .expect("the commit wakes it");
        assert_eq!(seen.0, 4);
    });
}

#[test]
fn call_records_are_replaced_by_id_and_listed_newest_first() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let put = |records| store.ask(PBX, Request::PutCalls(records));
    let ongoing = (1..=3).map(|n| call(n, Outcome::Ongoing)).collect();
    assert_eq!(put(ongoing), Reply::Stored);
    assert_eq!(put(vec![call(2, Outcome::EndedByCaller)]), Reply::Stored);
    let ids = |records: Vec<CallRecord>| -> Vec<u32> {
        let tail = |record: &CallRecord| u32::from_str_radix(&record.id[14..], 16);
        records
            .iter()
            .map(|record| tail(record).expect("hex"))
            .collect()
    };
    assert_eq!(ids(calls(&store, 10, None)), [3, 2, 1]);
    assert_eq!(
        ids(calls(&store, 1, Some(&call(3, Outcome::Ongoing).id))),
        [2]
    );
    let interrupt = |except| store.ask(PBX, Request::InterruptOpenCalls { except });
    assert_eq!(interrupt(vec![call(3, Outcome::Ongoing).id]), Reply::Stored);
    let outcomes: Vec<_> = calls(&store, 10, None)
        .iter()
        .map(|call| call.outcome)
        .collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Ongoing,
            Outcome::EndedByCaller,
            Outcome::Interrupted
        ],
        "the call taken over goes on, the other is over"
    );
    assert_eq!(interrupt(Vec::new()), Reply::Stored);
    let newest = calls(&store, 1, None).pop().map(|call| call.outcome);
    assert_eq!(newest, Some(Outcome::Interrupted), "its turn still comes");
    let mut nameless = call(9, Outcome::Ongoing);
    nameless.id = String::new();
    assert!(matches!(put(vec![nameless]), Reply::Failed { .. }));
}

#[test]
fn a_transferred_call_is_kept_with_where_it_went_and_what_was_heard() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let record = CallRecord {
        trunk: "carrier".into(),
        transferred_to: "102".into(),
        caller_audio: ipc::store::AudioReport {
            codec: "PCMA".into(),
            mos_hundredths: 420,
            source: "10.0.0.2:4000".into(),
            ..ipc::store::AudioReport::default()
        },
        ..call(1, Outcome::Transferred)
    };
    let put = Request::PutCalls(vec![record.clone()]);
    assert_eq!(store.ask(PBX, put), Reply::Stored);
    assert_eq!(calls(&store, 1, None), [record]);
}

#[test]
fn a_setting_is_changed_at_the_phone_and_nothing_else() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let change = |extension: &str, setting| {
        let extension = extension.to_owned();
        store.ask(
            PBX,
            Request::ChangeAtPhone(PhoneChange { extension, setting }),
        )
    };
    let Reply::Config { version, mut site } = store.ask(WEB, Request::Config) else {
        panic!("a configuration");
    };
    site.extensions = vec![Extension {
        number: "100".into(),
        ha1_md5: Redacted::new("0".repeat(32)),
        ha1_sha256: Redacted::new("0".repeat(64)),
        ..Extension::default()
    }];
    let (base, audit) = (version, Audit::default());
    let site_before = site.clone();
    let commit = Request::Commit { base, audit, site };
    assert_eq!(store.ask(WEB, commit), Reply::Committed { version: 2 });
    let on = PhoneSetting::DoNotDisturb(true);
    assert_eq!(change("100", on.clone()), Reply::Committed { version: 3 });
    assert_eq!(change("100", on.clone()), Reply::Committed { version: 3 });
    let Reply::Config { site, .. } = store.ask(WEB, Request::Config) else {
        panic!("a configuration");
    };
    let mut expected = site_before;
    expected.extensions[0].settings.do_not_disturb = true;
    assert_eq!(site, expected);
    assert!(matches!(change("199", on), Reply::Invalid { .. }));
    let nonsense = PhoneSetting::ForwardAlways("the moon".into());
    assert!(matches!(change("100", nonsense), Reply::Invalid { .. }));
    let Reply::AuditTrail(trail) = store.ask(WEB, Request::AuditTrail { limit: 1 }) else {
        panic!("the trail");
    };
    assert_eq!(trail[0].audit.action, "extension 100: do not disturb on");
    assert_eq!(trail[0].audit.who, "extension 100");
}

#[test]
fn a_secret_belongs_to_the_process_that_kept_it() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let secret = || Redacted::new(b"key".to_vec());
    let put = Request::PutSecret("tls".into(), secret());
    assert_eq!(store.ask(WEB, put), Reply::Stored);
    let read = |uid| store.ask(uid, Request::Secret("tls".into()));
    assert_eq!(read(WEB), Reply::Secret(Some(secret())));
    assert_eq!(read(PBX), Reply::Secret(None));
    assert_eq!(read(104), Reply::Refused { uid: 104 });
    for number in 0..crate::SECRETS_MAX - 1 {
        let put = Request::PutSecret(format!("n{number}"), secret());
        assert_eq!(store.ask(WEB, put), Reply::Stored);
    }
    let one_more = Request::PutSecret("one more".into(), secret());
    assert!(matches!(store.ask(WEB, one_more), Reply::Failed { .. }));
    let again = Request::PutSecret("tls".into(), secret());
    assert_eq!(store.ask(WEB, again), Reply::Stored);
    let other = Request::PutSecret("nonce".into(), secret());
    assert_eq!(store.ask(PBX, other), Reply::Stored);
}

#[test]
fn only_web_sees_the_password_hashes_of_people() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let (base, mut site) = grown(&store);
    site.people[0].password_hash = Redacted::new("$argon2id$hash".into());
    site.people[0].password_one_time = false;
    site.people[0].second_factor = Some(ipc::site::SecondFactor {
        secret: Redacted::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into()),
        recovery: Vec::new(),
    });
    site.people[0].passkeys = vec![ipc::site::Passkey {
        name: "phone".into(),
        id: "AQID".into(),
        public_key: "pAEB".into(),
        owner: "AAAA".into(),
        ..ipc::site::Passkey::default()
    }];
    let request = Request::Commit {
        base,
        audit: audit("password changed"),
        site: site.clone(),
    };
    assert_eq!(store.ask(WEB, request), Reply::Committed { version: 2 });
    assert_eq!(config(&store).1, site);
    let watched = store.next_config(WEB, 1, Duration::ZERO);
    assert_eq!(watched, Some((2, site.clone())));
    let seen = |reply| match reply {
        Reply::Config { site, .. } => site,
        other => panic!("{other:?}"),
    };
    let asked = seen(store.ask(PBX, Request::Config));
    let (_, watched) = store.next_config(PBX, 1, Duration::ZERO).expect("newer");
    for shown in [asked, seen(store.ask(PBX, Request::Watch)), watched] {
        assert_eq!(shown.people[0].password_hash.reveal(), "");
        assert!(shown.people[0].second_factor.is_none() && shown.people[0].passkeys.is_empty());
        assert_eq!(shown.extensions, site.extensions);
        assert!(config::Site::parse(&shown).is_ok(), "pbx can use it");
    }
}

#[test]
fn what_a_process_may_not_ask_is_refused() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let put = Request::PutCalls(vec![call(1, Outcome::Ongoing)]);
    assert_eq!(store.ask(WEB, put), Reply::Refused { uid: WEB });
    let look = Request::Calls {
        limit: 1,
        before: None,
        only: CallFilter::default(),
    };
    assert_eq!(store.ask(PBX, look), Reply::Refused { uid: PBX });
    assert_eq!(store.ask(0, Request::Config), Reply::Refused { uid: 0 });
}

#[test]
fn calls_of_somebody_are_filtered_before_they_are_counted() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let records = (0..20).map(|number| {
        let mut record = call(number, Outcome::EndedByCaller);
        record.extensions = vec![if number % 5 == 0 { "300" } else { "301" }.to_owned()];
        if number == 5 {
            record.recordings = vec!["a.wav".into()];
        }
        record
    });
    let records: Vec<_> = records.collect();
    store.ask(PBX, Request::PutCalls(records.clone()));
    let ask = |limit, before: Option<&str>, with| {
        let only = CallFilter {
            numbers: Some(vec![CallsOf {
                number: "300".into(),
                since_millis: 0,
            }]),
            with,
            ..CallFilter::default()
        };
        let before = before.map(Into::into);
        let request = Request::Calls {
            limit,
            before,
            only,
        };
        match store.ask(WEB, request) {
            Reply::Calls(calls) => calls.into_iter().map(|it| it.id).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let id = |number: usize| records[number].id.clone();
    assert_eq!(ask(2, None, CallsWith::Anything), [id(15), id(10)]);
    let rest = ask(9, Some(&id(10)), CallsWith::Anything);
    assert_eq!(rest, [id(5), id(0)], "a page of others' calls is none");
    assert_eq!(ask(9, None, CallsWith::Recordings), [id(5)]);
    let named = |name: &str| ask(1, None, CallsWith::Recording(name.into()));
    assert_eq!(named("a.wav"), [id(5)]);
    assert!(named("b.wav").is_empty());
    let only = CallFilter {
        numbers: Some(Vec::new()),
        ..CallFilter::default()
    };
    let nobodys = store.ask(
        WEB,
        Request::Calls {
            limit: 9,
            before: None,
            only,
        },
    );
    assert_eq!(nobodys, Reply::Calls(Vec::new()));
}

/// A recording's name says when it began: nothing older than its call can be is looked at.
#[test]
fn the_call_of_a_recording_is_looked_for_in_a_day() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let began: u64 = 1_700_100_000_000;
    let name = format!("{began}-5e6f7a8b.wav");
    let check = |millis: u64, found: bool| {
        let mut record = call(1, Outcome::EndedByCaller);
        record.id = format!("{millis:013}-00000001");
        record.recordings = vec![name.clone()];
        store.ask(PBX, Request::PutCalls(vec![record.clone()]));
        let request = |before: Option<String>| Request::Calls {
            limit: 1,
            before,
            only: CallFilter {
                with: CallsWith::Recording(name.clone()),
                ..CallFilter::default()
            },
        };
        let expected = if found { vec![record] } else { Vec::new() };
        let newest = Some(format!("{began}-~"));
        for before in [newest, None] {
            assert_eq!(
                store.ask(WEB, request(before)),
                Reply::Calls(expected.clone())
            );
        }
        let older = Some("0000000000001".to_owned());
        assert_eq!(store.ask(WEB, request(older)), Reply::Calls(Vec::new()));
    };
    check(began - 25 * 60 * 60 * 1000, false);
    check(began - 60 * 1000, true);
}

fn spent(money: u64) -> Spent {
    Spent {
        periods: [1, 2, 3],
        spoken: vec![(Class::Mobile, [60_000; 3])],
        of_box: [money; 3],
        extensions: vec![("100".into(), [money, 5, 6])],
        trunks: vec![("Carrier".into(), [money; 3])],
        resumed: vec![("100".into(), 7)],
    }
}

#[test]
fn nothing_was_spent_on_a_new_box() {
    let store = Scratch::new().store();
    assert_eq!(
        store.ask(PBX, Request::Spent),
        Reply::Spent(Spent::default())
    );
}

#[test]
fn a_restart_keeps_everything_and_the_audit_chain_holds() {
    let scratch = Scratch::new();
    let first = scratch.store();
    commit(&first);
    first.ask(WEB, Request::Audit(audit("signed in")));
    first.ask(PBX, Request::PutCalls(vec![call(1, Outcome::NoAnswer)]));
    let kept = vec![registration("100"), registration("101")];
    first.ask(PBX, Request::PutRegistrations(kept));
    first.ask(PBX, Request::PutRegistrations(vec![registration("101")]));
    first.ask(PBX, Request::PutSpent(spent(1)));
    first.ask(PBX, Request::PutSpent(spent(2)));
    first.close();
    assert!(
        matches!(commit(&first), Reply::Failed { .. }),
        "a closed store says so"
    );
    drop(first);
    let second = scratch.store();
    assert_eq!(config(&second).0, 2);
    assert_eq!(calls(&second, 10, None), [call(1, Outcome::NoAnswer)]);
    assert_eq!(
        second.ask(PBX, Request::Registrations),
        Reply::Registrations(vec![registration("101")])
    );
    assert_eq!(second.ask(PBX, Request::Spent), Reply::Spent(spent(2)));
    assert_eq!(second.ask(WEB, Request::Spent), Reply::Refused { uid: WEB });
    let Reply::AuditTrail(trail) = second.ask(WEB, Request::AuditTrail { limit: 9 }) else {
        panic!()
    };
    let actions: Vec<_> = trail
        .iter()
        .map(|entry| entry.audit.action.as_str())
        .collect();
    assert_eq!(
        actions,
        ["signed in", "extension created", "factory configuration"]
    );
    assert_eq!(trail[0].hash.len(), 64);
    assert_eq!(health(&second).warning, "", "the chain holds");
}

#[test]
fn writers_at_the_same_time_are_all_answered() {
    let scratch = Scratch::new();
    let store = scratch.store();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..10 {
                    let record = call(writer * 100 + number, Outcome::Cancelled);
                    assert_eq!(
                        store.ask(PBX, Request::PutCalls(vec![record])),
                        Reply::Stored
                    );
                }
            });
        }
    });
    assert_eq!(calls(&store, 1000, None).len(), 80);
    assert!(store.is_alive(Duration::from_secs(5)));
}

/// A file whose hash begins with `id`.
fn laid_down(id: u8, network: &str) -> Provisioned {
    Provisioned {
        id: [id; 32],
        time_zone: Some("America/Manaus".into()),
        network: Some(network.into()),
        host_name: Some("matriz".into()),
        ..Provisioned::default()
    }
}

fn secret(store: &Store, uid: u32, name: &str) -> Option<String> {
    match store.ask(uid, Request::Secret(name.to_owned())) {
        Reply::Secret(kept) => kept.map(|it| String::from_utf8(it.reveal().clone()).expect("text")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_laid_down_is_kept_once_and_whole() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let network = |store: &Store| secret(store, NET, laid_down::NETWORK);
    let zone = |store: &Store| match store.ask(WEB, Request::Config) {
        Reply::Config { site, version } => (site.dialling.zone, version),
        other => panic!("{other:?}"),
    };
    let ask = |laid_down| store.ask(PROVISION, Request::Provision(laid_down));
    assert_eq!(ask(laid_down(1, "first")), Reply::Stored);
    assert_eq!(zone(&store), ("America/Manaus".into(), 2));
    for uid in [NET, PBX, WEB] {
        let name = secret(&store, uid, laid_down::HOST_NAME);
        assert_eq!(name.as_deref(), Some("matriz"), "{uid}");
    }
    // Asked again after a power cut, with the network changed by people meanwhile.
    let put = Request::PutSecret(
        laid_down::NETWORK.into(),
        Redacted::new(b"people's".to_vec()),
    );
    assert_eq!(store.ask(NET, put), Reply::Stored);
    assert_eq!(ask(laid_down(1, "first")), Reply::Stored);
    assert_eq!(network(&store).as_deref(), Some("people's"));
    assert_eq!(zone(&store).1, 2, "nothing was committed");
    // What is wrong leaves everything as it is.
    let mut wrong = laid_down(2, "second");
    wrong.time_zone = Some("Mars/Olympus".into());
    assert!(matches!(ask(wrong), Reply::Invalid { .. }));
    let mut wrong = laid_down(2, "second");
    wrong.ssh_keys = vec!["x".repeat(crate::SECRET_LENGTH_MAX + 1)];
    assert!(matches!(ask(wrong), Reply::Failed { .. }));
    assert_eq!(network(&store).as_deref(), Some("people's"));
    // Another file counts, and outlives the process.
    assert_eq!(ask(laid_down(3, "third")), Reply::Stored);
    drop(store);
    let store = scratch.store();
    assert_eq!(network(&store).as_deref(), Some("third"));
    let again = Request::Provision(laid_down(1, "first"));
    assert_eq!(store.ask(PROVISION, again), Reply::Stored);
    assert_eq!(network(&store).as_deref(), Some("third"));
    let Reply::AuditTrail(trail) = store.ask(WEB, Request::AuditTrail { limit: 9 }) else {
        panic!("the trail");
    };
    let applied: Vec<_> = trail
        .iter()
        .filter(|it| it.audit.action == "provisioning file applied")
        .map(|it| it.audit.after.as_str())
        .collect();
    assert_eq!(applied, ["network, host-name, America/Manaus"; 2]);
}

fn tunnel() -> Tunnel {
    Tunnel {
        addresses: vec!["10.200.0.5".into()],
        hub_key: "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=".into(),
        endpoint: "hub.example.com".into(),
        allowed: vec!["10.200.0.0/24".into()],
        ..Tunnel::default()
    }
}

#[test]
fn a_tunnel_is_laid_down_with_the_rest_and_outlives_the_process() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let kept = |store: &Store| match store.ask(GRID, Request::Config) {
        Reply::Config { site, .. } => site.tunnel,
        other => panic!("{other:?}"),
    };
    assert_eq!(kept(&store), None);
    let led = |tunnel| Provisioned {
        tunnel: Some(tunnel),
        ..laid_down(1, "10.0.0.5/24 - -")
    };
    let mut wrong = tunnel();
    wrong.allowed = vec!["0.0.0.0/0".into()];
    let refused = store.ask(PROVISION, Request::Provision(led(wrong)));
    assert!(matches!(refused, Reply::Invalid { .. }), "{refused:?}");
    let name = |store: &Store| secret(store, NET, laid_down::HOST_NAME);
    assert_eq!((kept(&store), name(&store)), (None, None));
    let stored = store.ask(PROVISION, Request::Provision(led(tunnel())));
    assert_eq!(stored, Reply::Stored);
    drop(store);
    let store = scratch.store();
    assert_eq!(kept(&store), Some(tunnel()));
    // Another file without one leaves it as it is.
    let again = Request::Provision(laid_down(2, "10.0.0.6/24 - -"));
    assert_eq!(store.ask(PROVISION, again), Reply::Stored);
    assert_eq!(kept(&store), Some(tunnel()));
}

#[test]
fn a_file_with_an_address_behind_the_tunnel_that_is_set_is_refused_and_the_other_way_round() {
    let inside = laid_down(2, "10.200.0.9/24 - -");
    let only_tunnel = Provisioned {
        id: [3; 32],
        tunnel: Some(tunnel()),
        ..Provisioned::default()
    };
    for (first, second) in [(&only_tunnel, &inside), (&inside, &only_tunnel)] {
        let scratch = Scratch::new();
        let store = scratch.store();
        let ask = |it: &Provisioned| store.ask(PROVISION, Request::Provision(it.clone()));
        assert_eq!(ask(first), Reply::Stored);
        let refused = ask(second);
        assert!(
            matches!(&refused, Reply::Invalid { faults } if faults[0].contains("10.200.0.0/24")),
            "{refused:?}"
        );
    }
}

#[test]
fn who_administers_a_box_is_laid_down_only_while_nobody_does() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let key = |id: u8| Provisioned {
        login_key_sha256: Some(Redacted::new([id; 32])),
        grid_code: Some(Redacted::new("a code of the grid".into())),
        ..laid_down(id, "10.0.0.5/24 - -")
    };
    let ask = |laid_down| store.ask(PROVISION, Request::Provision(laid_down));
    assert_eq!(ask(key(1)), Reply::Stored);
    let Reply::Config { version, mut site } = store.ask(WEB, Request::Config) else {
        panic!("a configuration");
    };
    site.people[0].password_hash = Redacted::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA".into());
    let base = version;
    let audit = Audit::default();
    let claimed = store.ask(WEB, Request::Commit { base, audit, site });
    assert!(matches!(claimed, Reply::Committed { .. }), "{claimed:?}");
    assert_eq!(ask(key(2)), Reply::Administered);
    let Reply::Secret(Some(kept)) = store.ask(WEB, Request::Secret(laid_down::LOGIN_KEY.into()))
    else {
        panic!("a key");
    };
    assert_eq!(kept.reveal(), &[1; 32]);
    // After a power cut before the wipe, the file that was applied is still known.
    assert_eq!(ask(key(1)), Reply::Stored);
    // Nor does who holds the disk lead a box of somebody else's into a grid.
    let led = Provisioned {
        tunnel: Some(tunnel()),
        ..laid_down(4, "10.0.0.5/24 - -")
    };
    assert_eq!(ask(led), Reply::Administered);
    // A new address is no matter of who administers the box.
    assert_eq!(ask(laid_down(3, "10.0.0.6/24 - -")), Reply::Stored);
    let network = secret(&store, NET, laid_down::NETWORK);
    assert_eq!(network.as_deref(), Some("10.0.0.6/24 - -"));
}

fn set_network(store: &Store, network: Option<&str>) -> Reply {
    let network = network.map(str::to_owned);
    let audit = audit("network set");
    store.ask(WEB, Request::SetNetwork { network, audit })
}

fn trail(store: &Store) -> Vec<(String, String, String)> {
    match store.ask(WEB, Request::AuditTrail { limit: 99 }) {
        Reply::AuditTrail(trail) => trail
            .into_iter()
            .map(|it| (it.audit.action, it.audit.before, it.audit.after))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_network_that_lies_behind_the_tunnel_is_refused() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let tunnel = Tunnel {
        addresses: vec!["10.200.0.7".into()],
        hub_key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into(),
        endpoint: "hub.example".into(),
        allowed: vec!["10.77.0.0/16".into()],
        ..Tunnel::default()
    };
    let (base, mut site) = config(&store);
    site.tunnel = Some(tunnel);
    let set = Request::Commit {
        base,
        audit: audit("tunnel set"),
        site,
    };
    assert_eq!(store.ask(WEB, set), Reply::Committed { version: 2 });
    for taken in ["10.77.5.5/24 - -", "10.200.0.1/24 - -"] {
        let Reply::Invalid { faults } = set_network(&store, Some(taken)) else {
            panic!("{taken} was kept");
        };
        assert!(faults[0].contains("behind the tunnel"), "{faults:?}");
    }
    assert_eq!(secret(&store, NET, laid_down::NETWORK), None);
    assert_eq!(set_network(&store, Some("10.0.0.5/24 - -")), Reply::Stored);
    assert_eq!(set_network(&store, None), Reply::Stored);
}

#[test]
fn a_networks_setting_and_who_made_it_are_kept_together() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let fixed = "10.0.0.5/24 10.0.0.1 -";
    let entries = trail(&store).len();
    assert_eq!(set_network(&store, Some(fixed)), Reply::Stored);
    // The answer was lost, and it is asked again.
    assert_eq!(set_network(&store, Some(fixed)), Reply::Stored);
    let entry = |before: &str, after: &str| ("network set".into(), before.into(), after.into());
    assert_eq!(trail(&store)[0], entry("DHCP", fixed));
    assert_eq!(trail(&store).len(), entries + 1, "entered once");
    drop(store);
    let store = scratch.store();
    let network = |store: &Store| secret(store, NET, laid_down::NETWORK);
    assert_eq!(network(&store).as_deref(), Some(fixed));
    for uid in [PBX, WEB] {
        let address = secret(&store, uid, laid_down::ADDRESS);
        assert_eq!(address.as_deref(), Some("10.0.0.5"), "{uid}");
    }
    for wrong in ["10.0.0.5", "10.0.0.0/24 - -", "10.0.0.5/24 10.1.0.1 -", ""] {
        let refused = set_network(&store, Some(wrong));
        assert!(matches!(refused, Reply::Invalid { .. }), "{wrong}");
    }
    assert_eq!(network(&store).as_deref(), Some(fixed));
    assert_eq!(set_network(&store, None), Reply::Stored);
    assert_eq!(trail(&store)[0], entry(fixed, "DHCP"));
    assert_eq!(network(&store), None);
    for uid in [PBX, WEB] {
        assert_eq!(secret(&store, uid, laid_down::ADDRESS), None, "{uid}");
    }
    let audit = audit("network set");
    let network = None;
    let refused = store.ask(PBX, Request::SetNetwork { network, audit });
    assert_eq!(refused, Reply::Refused { uid: PBX });
}
