//! Who was erased is gone from everything that was written before, and stays so (LGPD art. 18, VI).

use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use ipc::erasure::{ERASED, Erasable, Whose};
use ipc::site::{Person, Role};
use redb::ReadableDatabase as _;
use sansio::Rng;

use super::backups::{Box, filled};
use super::numbers::*;
use super::sim_disk::SimDisk;
use super::*;
use crate::tables::{META, redb_fault};

/// When the clock of these tests stands still.
const NOW: i64 = 1_700_000_000_000;

/// A call that began so long before now.
fn before(seconds: i64, to: &str) -> CallRecord {
    let at = NOW - seconds * 1000;
    CallRecord {
        id: format!("{at:013}-00000001"),
        started_millis: at,
        trunk: "Carrier".into(),
        ..outgoing(1, "100", to)
    }
}

fn erase(store: &Store, whose: Whose) {
    let audit = audit("somebody erased");
    let reply = store.ask(WEB, Request::Erase { whose, audit });
    assert_eq!(reply, Reply::Stored);
}

fn number(text: &str) -> Whose {
    let dialling = ipc::site::Dialling {
        area_code: "48".into(),
        ..ipc::site::Dialling::default()
    };
    let number = config::WholeNumber::parse(text, &dialling).expect("it is whole");
    Whose::Number(Redacted::new(number.forms()))
}

fn erasable(store: &Store, login: &str) -> Erasable {
    let login = login.into();
    match store.ask(WEB, Request::Erasable { login }) {
        Reply::Erasable(erasable) => erasable,
        other => panic!("{other:?}"),
    }
}

/// Waits until the writer has gone through everything.
fn wait(store: &Store) {
    let begun = Instant::now();
    while erasable(store, "").is_under_way {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
}

#[test]
fn a_number_is_gone_from_records_index_and_snapshots_and_the_calls_still_count() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let with_maria = before(60, MARIA);
    let local = CallRecord {
        id: format!("{:013}-00000002", NOW - 50_000),
        started_millis: NOW - 50_000,
        ..before(0, "99999-0021")
    };
    let moved = CallRecord {
        transferred_to: MARIA.into(),
        ..before(40, RUI)
    };
    let since = before(-1, MARIA);
    put(&store, &[with_maria.clone(), local.clone(), moved.clone()]);
    settle(&store);
    assert_eq!(found(&store, &with(MARIA)).len(), 3);
    erase(&store, number("(48) 99999-0021"));
    wait(&store);
    put(&store, std::slice::from_ref(&since));
    assert_eq!(
        found(&store, &with(MARIA)),
        ids(&[&since]),
        "a call since is a new one"
    );
    assert_eq!(
        found(&store, &with(RUI)),
        ids(&[&moved]),
        "others are as they were"
    );
    let kept = calls(&store, 10, None);
    let erased = CallRecord {
        to: ERASED.into(),
        source: String::new(),
        ..with_maria.clone()
    };
    assert_eq!(kept[3], erased);
    let moved = CallRecord {
        transferred_to: ERASED.into(),
        source: String::new(),
        ..moved
    };
    assert_eq!(kept[1], moved);
    let outbound = CallFilter {
        search: ipc::store::CallSearch {
            direction: Some(ipc::store::Direction::Outbound),
            ..ipc::store::CallSearch::default()
        },
        ..CallFilter::default()
    };
    assert_eq!(found(&store, &outbound).len(), 4, "a record as statistics");
    for name in ["ramal.snapshot", "ramal.snapshot.previous"] {
        let bytes = std::fs::read(scratch.path().join(name)).expect("a snapshot");
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches(r#":"erased""#).count(), 3, "{name}");
    }
    store.close();
    // Extension 100 of four, Rui of one, Maria of the one since, and that the index is whole.
    assert_eq!(rows_of_index(&scratch), 7);
}

#[test]
fn a_call_that_goes_on_meanwhile_does_not_bring_the_number_back() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let ongoing = CallRecord {
        outcome: Outcome::Ongoing,
        ..before(5, MARIA)
    };
    put(&store, std::slice::from_ref(&ongoing));
    erase(&store, number(MARIA));
    wait(&store);
    put(
        &store,
        &[CallRecord {
            outcome: Outcome::EndedByCaller,
            ..ongoing
        }],
    );
    assert_eq!(calls(&store, 10, None)[0].to, ERASED);
    assert_eq!(found(&store, &with(MARIA)), [""; 0]);
}

#[test]
fn an_erasure_that_was_acknowledged_is_done_after_a_restart_of_any_kind() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let all: Vec<_> = (1..700).map(|it| before(it, MARIA)).collect();
    put(&store, &all);
    erase(&store, number(MARIA));
    store.close();
    let store = scratch.store();
    wait(&store);
    assert_eq!(found(&store, &with(MARIA)), [""; 0]);
    assert_eq!(calls(&store, 1000, None).len(), 699);
}

#[test]
fn a_restored_backup_of_before_does_not_bring_anybody_back() {
    let mut own = filled();
    put(&own.store, &[before(60, MARIA), before(50, RUI)]);
    let bytes = own.make();
    erase(&own.store, number(MARIA));
    wait(&own.store);
    own.bring(&bytes);
    let restored = own.restore(None);
    assert!(
        matches!(restored, RestoreState::Restored { .. }),
        "{restored:?}"
    );
    own.start_anew();
    wait(&own.store);
    assert_eq!(found(&own.store, &with(MARIA)), [""; 0]);
    assert_eq!(found(&own.store, &with(RUI)).len(), 1);
}

#[test]
fn a_later_backup_brings_the_list_to_another_box() {
    let own = filled();
    put(&own.store, &[before(60, MARIA)]);
    erase(&own.store, number(MARIA));
    let code = own.new_code();
    own.settle();
    let bytes = own.make();
    let mut other = Box::new();
    other.bring(&bytes);
    let restored = other.restore(Some(&code));
    assert!(
        matches!(restored, RestoreState::Restored { .. }),
        "{restored:?}"
    );
    other.start_anew();
    wait(&other.store);
    assert_eq!(found(&other.store, &with(MARIA)), [""; 0]);
    // One that was made before the erasure, and is put again by whoever has it.
    put(&other.store, &[before(60, MARIA)]);
    assert_eq!(found(&other.store, &with(MARIA)), [""; 0]);
}

/// A store whose clock a test sets.
fn at(scratch: &Scratch, clock: &Arc<AtomicI64>) -> Store {
    let clock = Arc::clone(clock);
    let now = move || UnixTime::from_millis(clock.load(Ordering::Relaxed));
    let disk = std::boxed::Box::new(DataDisk::new(scratch.path()));
    let store = try_store_by(disk, scratch.path(), now, UnixTime::from_millis(NOW));
    store.expect("the store opens")
}

/// Under such a clock nothing that is there would be of before, or everything to come would.
#[test]
fn nobody_is_erased_under_a_clock_that_cannot_be_right() {
    let (scratch, clock) = (Scratch::new(), Arc::new(AtomicI64::new(NOW)));
    let store = at(&scratch, &clock);
    put(&store, &[before(60, MARIA)]);
    for millis in [60_000, NOW - 30 * DAY, NOW + 36_500 * DAY] {
        clock.store(millis, Ordering::Relaxed);
        let whose = number(MARIA);
        let audit = audit("somebody erased");
        let refused = store.ask(WEB, Request::Erase { whose, audit });
        let Reply::Failed { reason } = refused else {
            panic!("{millis}: {refused:?}");
        };
        assert!(reason.contains("clock"), "{reason}");
        let said = erasable(&store, "");
        assert_eq!((said.is_under_way, said.refusal), (false, Some(reason)));
    }
    assert_eq!(calls(&store, 10, None)[0].to, MARIA);
    clock.store(NOW, Ordering::Relaxed);
    erase(&store, number(MARIA));
    wait(&store);
    assert_eq!(calls(&store, 10, None)[0].to, ERASED);
}

/// The clock was ahead for a while: what it has dated then was there before the erasure.
#[test]
fn what_a_clock_has_dated_that_was_ahead_is_erased_too() {
    let (scratch, clock) = (Scratch::new(), Arc::new(AtomicI64::new(NOW + 3650 * DAY)));
    let store = at(&scratch, &clock);
    with_ana(&store);
    let (base, mut site) = config(&store);
    config::erase_person(&mut site, "ana");
    change(&store, base, site);
    let (years, hours) = (before(-3650 * 86_400, MARIA), before(-3600, MARIA));
    put(&store, &[years, hours]);
    clock.store(NOW, Ordering::Relaxed);
    for whose in [number(MARIA), Whose::Login("ana".into())] {
        erase(&store, whose);
        wait(&store);
    }
    assert!(calls(&store, 10, None).iter().all(|it| it.to == ERASED));
    assert_eq!(erasable(&store, "ana").versions, 0);
}

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A site with Ana, who has extension 100 and whose name stands there.
fn with_ana(store: &Store) {
    let (base, mut site) = config(store);
    site.people.push(Person {
        login: "ana".into(),
        role: Role::User,
        password_hash: Redacted::new("$argon2id$".into()),
        extensions: vec!["100".into()],
        ..Person::default()
    });
    site.extensions.push(Extension {
        number: "100".into(),
        display_name: "Ana Lima".into(),
        ha1_md5: Redacted::new("0".repeat(32)),
        ha1_sha256: Redacted::new("0".repeat(64)),
        ..Extension::default()
    });
    change(store, base, site);
}

fn change(store: &Store, base: u64, site: Site) {
    let audit = audit("changed");
    let reply = store.ask(WEB, Request::Commit { base, audit, site });
    assert_eq!(reply, Reply::Committed { version: base + 1 });
}

fn version(store: &Store, version: u64) -> Site {
    match store.ask(WEB, Request::ConfigAt(version)) {
        Reply::Config { site, .. } => site,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_account_is_gone_from_earlier_versions_with_the_name_at_the_extension() {
    let scratch = Scratch::new();
    let store = scratch.store();
    with_ana(&store);
    for _ in 0..25 {
        let (base, mut site) = config(&store);
        site.recording.keep_days += 1;
        change(&store, base, site);
    }
    let (base, mut site) = config(&store);
    config::erase_person(&mut site, "ana");
    change(&store, base, site);
    assert_eq!(erasable(&store, "ana").versions, 26);
    erase(&store, Whose::Login("ana".into()));
    wait(&store);
    assert_eq!(erasable(&store, "ana"), Erasable::default());
    for number in 2..=base + 1 {
        let site = version(&store, number);
        assert_eq!(site.people.len(), 1, "version {number}");
        assert_eq!(site.extensions[0].display_name, "", "version {number}");
        assert_eq!(site.extensions[0].number, "100");
    }
    // Somebody who comes later under the same name is somebody else.
    with_ana_again(&store);
    wait(&store);
    assert_eq!(config(&store).1.people.len(), 2);
    let warning = health(&store).warning;
    assert!(warning.is_empty(), "the trail is whole: {warning}");
}

fn with_ana_again(store: &Store) {
    let (base, mut site) = config(store);
    site.people.push(Person {
        login: "ana".into(),
        role: Role::User,
        password_hash: Redacted::new("$argon2id$".into()),
        ..Person::default()
    });
    change(store, base, site);
}

#[test]
fn a_backup_of_another_box_brings_nobody_who_was_erased_there() {
    let own = filled();
    with_someone(&own, "ana");
    let code = own.new_code();
    own.settle();
    let earlier = own.make();
    erase(&own.store, Whose::Login("ana".into()));
    let later = own.make();
    let mut other = Box::new();
    for (bytes, people) in [(&later, 1), (&earlier, 1)] {
        other.bring(bytes);
        let restored = other.restore(Some(&code));
        assert!(
            matches!(restored, RestoreState::Restored { .. }),
            "{restored:?}"
        );
        other.start_anew();
        wait(&other.store);
        let (_, site) = config(&other.store);
        assert_eq!(site.people.len(), people, "{:?}", site.people);
    }
}

/// The same login is somebody else in another site.
#[test]
fn a_backup_of_another_site_loses_nobody_by_the_list_of_this_box() {
    let other = filled();
    with_someone(&other, "paula");
    put(&other.store, &[before(60, MARIA)]);
    let code = other.new_code();
    other.settle();
    let theirs = other.make();
    let mut own = filled();
    // Its trail is its own.
    let entry = Request::Audit(audit("signed in"));
    assert_eq!(own.store.ask(WEB, entry), Reply::Stored);
    with_someone(&own, "paula");
    put(&own.store, &[before(60, MARIA)]);
    let ours = own.make();
    for whose in [number(MARIA), Whose::Login("paula".into())] {
        erase(&own.store, whose);
        wait(&own.store);
    }
    own.bring(&theirs);
    let restored = own.restore(Some(&code));
    assert!(
        matches!(restored, RestoreState::Restored { .. }),
        "{restored:?}"
    );
    own.start_anew();
    wait(&own.store);
    assert_eq!(config(&own.store).1.people.len(), 2);
    assert_eq!(found(&own.store, &with(MARIA)).len(), 1);
    // The list waits for the site that it is of.
    own.bring(&ours);
    let restored = own.restore(None);
    assert!(
        matches!(restored, RestoreState::Restored { .. }),
        "{restored:?}"
    );
    own.start_anew();
    wait(&own.store);
    let (_, site) = config(&own.store);
    assert_eq!(site.people.len(), 1, "{:?}", site.people);
    assert_eq!(found(&own.store, &with(MARIA)), [""; 0]);
    let Reply::AuditTrail(entries) = own.store.ask(WEB, Request::AuditTrail { limit: 5 }) else {
        panic!("the trail is read");
    };
    let said = entries.iter().map(|it| it.audit.after.as_str());
    let told = "not taken over, as erased: accounts 1";
    assert!(said.into_iter().any(|it| it.contains(told)), "{entries:?}");
}

/// The index is being made, and has gathered its rows.
#[test]
fn a_number_that_is_erased_while_the_index_is_made_is_not_in_it() {
    let scratch = Scratch::new();
    let store = scratch.store();
    put(&store, &[before(60, MARIA), before(50, RUI)]);
    settle(&store);
    let shared = store.shared();
    let written = crate::chores::write(shared, |tables| tables.index_is_not_whole());
    assert_eq!(written, Ok((false, ())));
    let mut chores = crate::chores::Chores::default();
    // Looked at, counted, gathered.
    for _ in 0..3 {
        chores.step(shared);
    }
    erase(&store, number(MARIA));
    wait(&store);
    while chores.patience(shared).is_some() {
        chores.step(shared);
    }
    assert_eq!(found(&store, &with(RUI)).len(), 1);
    store.close();
    // Extension 100 of both, Rui, and that the index is whole.
    assert_eq!(rows_of_index(&scratch), 4);
}

/// One more account beside that of the administrator.
fn with_someone(own: &Box, login: &str) {
    let (base, mut site) = config(&own.store);
    site.people.push(Person {
        login: login.into(),
        role: Role::User,
        ..site.people[0].clone()
    });
    change(&own.store, base, site);
}

#[test]
fn what_was_gone_through_is_not_gone_through_again() {
    let scratch = Scratch::new();
    let store = scratch.store();
    erase(&store, number(MARIA));
    wait(&store);
    let done = |store: &Store| {
        store.shared().with(|database| {
            let txn = database.begin_read().map_err(redb_fault)?;
            crate::erased::done_for(&txn.open_table(META).map_err(redb_fault)?)
        })
    };
    let first = done(&store).expect("it is open");
    assert!(first.is_some());
    erase(&store, number(RUI));
    wait(&store);
    assert_ne!(done(&store).expect("it is open"), first, "another list");
}

/// A cut may come at any write: what was acknowledged is done, and no call is lost by it.
#[test]
fn a_power_cut_while_somebody_is_erased_leaves_nobody_half_gone() {
    for seed in 0..4 {
        let (scratch, disk) = (Scratch::new(), SimDisk::new());
        let cut = store(std::boxed::Box::new(disk.clone()), scratch.path());
        let all: Vec<_> = (1..300).map(|it| before(it, MARIA)).collect();
        put(&cut, &all);
        settle(&cut);
        erase(&cut, number(MARIA));
        let mut rng = Rng::from_seed(seed);
        disk.cut_after(rng.below(60));
        let begun = Instant::now();
        let is_on = || {
            let login = String::new();
            let reply = cut.ask(WEB, Request::Erasable { login });
            matches!(reply, Reply::Erasable(it) if it.is_under_way)
        };
        while health(&cut).warning.is_empty() && is_on() {
            assert!(begun.elapsed() < Duration::from_secs(60), "seed {seed}");
            std::thread::yield_now();
        }
        disk.cut_after(0);
        drop(cut);
        disk.power_on(&mut rng);
        let after = store(std::boxed::Box::new(disk.clone()), scratch.path());
        wait(&after);
        assert_eq!(found(&after, &with(MARIA)), [""; 0], "seed {seed}");
        let kept = calls(&after, 1000, None);
        assert_eq!(kept.len(), 299, "seed {seed}");
        assert!(kept.iter().all(|it| it.to == ERASED), "seed {seed}");
        assert_eq!(disk.times_set_aside(), 0, "seed {seed}");
    }
}

#[test]
fn the_name_at_the_extension_goes_also_where_the_account_was_deleted_before() {
    let scratch = Scratch::new();
    let store = scratch.store();
    with_ana(&store);
    let (base, mut site) = config(&store);
    let name = site.extensions[0].display_name.clone();
    assert!(!name.is_empty());
    site.people.retain(|it| it.login != "ana");
    change(&store, base, site);
    let (base, mut site) = config(&store);
    let other = Extension {
        number: "101".into(),
        ..site.extensions[0].clone()
    };
    site.extensions.push(other);
    change(&store, base, site);
    let former = Reply::FormerAccounts(vec!["ana".into()]);
    assert_eq!(store.ask(WEB, Request::FormerAccounts), former);
    let (base, mut site) = config(&store);
    assert_eq!(
        erasable(&store, "ana").names,
        [("100".into(), name.clone())]
    );
    // What is in force is changed by whoever asks.
    site.extensions[0].display_name.clear();
    change(&store, base, site);
    assert!(erasable(&store, "ana").names.is_empty());
    erase(&store, Whose::Login("ana".into()));
    wait(&store);
    for number in 2..=base {
        let site = version(&store, number);
        assert_eq!(site.extensions[0].display_name, "", "version {number}");
    }
    let (_, site) = config(&store);
    assert_eq!(
        site.extensions[1].display_name, name,
        "it is another extension"
    );
    let former = Reply::FormerAccounts(Vec::new());
    assert_eq!(store.ask(WEB, Request::FormerAccounts), former);
}
