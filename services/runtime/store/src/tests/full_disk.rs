//! The data disk is full: refused clearly, nothing half-written, and on it goes when there is room.

use super::sim_disk::SimDisk;
use super::*;

/// Fills the store with call records until it refuses; returns how many it took, and its reason.
fn fill(store: &Store) -> (u32, String) {
    for batch in 0..2000 {
        let records = (0..50)
            .map(|n| call(batch * 50 + n, Outcome::Cancelled))
            .collect();
        match store.ask(PBX, Request::PutCalls(records)) {
            Reply::Stored => {}
            Reply::Failed { reason } => return (batch * 50, reason),
            other => panic!("{other:?}"),
        }
    }
    panic!("the disk never filled up");
}

/// Every record taken is there, none of the refused ones is.
fn check_kept(store: &Store, kept: u32) {
    let mut found = 0;
    let mut before = None;
    loop {
        let page = calls(store, 1000, before.as_deref());
        let Some(oldest) = page.last() else { break };
        before = Some(oldest.id.clone());
        found += page.len() as u32;
    }
    assert_eq!(found, kept);
}

#[test]
fn a_full_disk_refuses_and_recovers_when_there_is_room() {
    let scratch = Scratch::new();
    let disk = SimDisk::new();
    disk.give_room(3 * 1024 * 1024);
    let store = store(Box::new(disk.clone()), scratch.path());
    assert_eq!(commit(&store), Reply::Committed { version: 2 });
    let (kept, reason) = fill(&store);
    assert!(
        reason.contains("the data disk is full: make room"),
        "{reason}"
    );
    assert!(kept > 100, "{kept} records fitted");
    check_kept(&store, kept);
    assert_eq!(config(&store).0, 2, "the configuration can still be read");
    assert!(
        health(&store).warning.contains("full"),
        "{:?}",
        health(&store)
    );
    assert_eq!(
        disk.times_set_aside(),
        0,
        "a full disk is not a damaged one"
    );
    disk.give_room(64 * 1024 * 1024);
    let record = vec![call(1_000_000, Outcome::Cancelled)];
    assert_eq!(store.ask(PBX, Request::PutCalls(record)), Reply::Stored);
    check_kept(&store, kept + 1);
    assert!(
        !health(&store).warning.contains("full"),
        "{:?}",
        health(&store)
    );
}

#[test]
fn a_disk_that_stays_full_is_not_tried_at_every_request() {
    let scratch = Scratch::new();
    let disk = SimDisk::new();
    // The file doubles as it grows, so it no longer fits long before the last byte is taken.
    disk.give_room(7 * 1024 * 1024);
    let store = store(Box::new(disk.clone()), scratch.path());
    let (kept, _) = fill(&store);
    assert!(disk.free_bytes() > 2 * 1024 * 1024, "{}", disk.free_bytes());
    let opened = disk.times_opened();
    for number in 0..20 {
        let record = vec![call(1_000_000 + number, Outcome::Cancelled)];
        let reply = store.ask(PBX, Request::PutCalls(record));
        assert!(matches!(reply, Reply::Failed { .. }), "{reply:?}");
    }
    assert_eq!(disk.times_opened(), opened, "the file is verified once");
    check_kept(&store, kept);
}

/// Set in the child that runs inside a mount namespace of its own; holds the directory to use.
const CHILD: &str = "RAMAL_STORE_FULL_DISK";

#[test]
fn a_full_file_system_refuses_and_recovers() {
    in_a_file_system_of(6, "a_full_file_system_refuses_and_recovers", small);
}

#[test]
fn a_full_disk_has_room_for_the_rescue_of_a_damaged_database() {
    in_a_file_system_of(
        9,
        "a_full_disk_has_room_for_the_rescue_of_a_damaged_database",
        rescue,
    );
}

/// Runs this test once more, in a file system of so many MiB of its own, and there `act`.
fn in_a_file_system_of(size: u32, name: &str, act: fn(&Path)) {
    if let Some(directory) = std::env::var_os(CHILD) {
        return act(Path::new(&directory));
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: a small file system can only be mounted by root");
        return;
    }
    let scratch = Scratch::new();
    let binary = std::env::current_exe().expect("we run");
    let script = format!(
        "mount -t tmpfs -o size={size}m none {} && \
         exec {} --exact --nocapture tests::full_disk::{name}",
        scratch.path().display(),
        binary.display(),
    );
    let status = std::process::Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .env(CHILD, scratch.path())
        .status()
        .expect("util-linux is installed");
    assert!(status.success());
}

fn small(directory: &Path) {
    let ballast = directory.join("ballast");
    std::fs::write(&ballast, vec![1; 2 * 1024 * 1024]).expect("it fits");
    let store = store(Box::new(DataDisk::new(directory)), directory);
    assert_eq!(commit(&store), Reply::Committed { version: 2 });
    let (kept, reason) = fill(&store);
    assert!(
        reason.contains("the data disk is full: make room"),
        "{reason}"
    );
    check_kept(&store, kept);
    assert!(
        health(&store).warning.contains("full"),
        "{:?}",
        health(&store)
    );
    drop(store);
    let store = super::store(Box::new(DataDisk::new(directory)), directory);
    check_kept(&store, kept);
    assert_eq!(config(&store).0, 2, "a start on a full disk");
    std::fs::remove_file(ballast).expect("it is ours");
    let record = vec![call(1_000_000, Outcome::Cancelled)];
    assert_eq!(store.ask(PBX, Request::PutCalls(record)), Reply::Stored);
    check_kept(&store, kept + 1);
    assert!(
        !health(&store).warning.contains("full"),
        "{:?}",
        health(&store)
    );
}

fn rescue(directory: &Path) {
    let store = store(Box::new(DataDisk::new(directory)), directory);
    assert_eq!(commit(&store), Reply::Committed { version: 2 });
    fill(&store);
    drop(store);
    let file = directory.join("ramal.redb");
    let length = std::fs::metadata(&file).expect("it is there").len();
    // In place, as a disk does it: the damaged file keeps its room.
    let handle = std::fs::OpenOptions::new().write(true).open(&file);
    let garbage = vec![0x5a; length as usize];
    let handle = handle.expect("it is ours");
    std::os::unix::fs::FileExt::write_all_at(&handle, &garbage, 0).expect("it has its blocks");
    let store = super::store(Box::new(DataDisk::new(directory)), directory);
    assert_eq!(config(&store).0, 2, "the snapshot found room");
    assert_eq!(calls(&store, 1000, None).len(), 500);
}
