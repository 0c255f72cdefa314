//! The disk answers with an error and then works again: nothing acknowledged is lost by it.

use super::sim_disk::SimDisk;
use super::*;

fn put(store: &Store, number: u32) -> Reply {
    store.ask(
        PBX,
        Request::PutCalls(vec![call(number, Outcome::Cancelled)]),
    )
}

#[test]
fn a_read_that_fails_once_does_not_cost_the_database() {
    for good in [0, 1, 5, 20, 40] {
        let (scratch, disk) = (Scratch::new(), SimDisk::new());
        let before = store(Box::new(disk.clone()), scratch.path());
        assert_eq!(commit(&before), Reply::Committed { version: 2 });
        for number in 0..600 {
            assert_eq!(put(&before, number), Reply::Stored);
        }
        before.close();
        disk.fail_reads_after(good);
        let after = store(Box::new(disk.clone()), scratch.path());
        assert_eq!(disk.times_set_aside(), 0, "{good}");
        assert_eq!(health(&after).warning, "", "{good}");
        assert_eq!(calls(&after, 1000, None).len(), 600, "{good}");
    }
}

#[test]
fn what_a_failed_sync_left_in_the_cache_is_not_built_upon() {
    // The sync that fails is the first or the second of a two-phase commit.
    for good in 0..2 {
        let (scratch, disk) = (Scratch::new(), SimDisk::new());
        let running = store(Box::new(disk.clone()), scratch.path());
        assert_eq!(put(&running, 1), Reply::Stored);
        disk.fail_syncs_after(good);
        let Reply::Failed { reason } = put(&running, 2) else {
            panic!("a failed sync was answered as stored")
        };
        assert!(reason.contains("check the data disk"), "{reason}");
        assert_eq!(put(&running, 3), Reply::Stored);
        // The power goes: only what reached the disk is left.
        disk.cut_after(0);
        drop(running);
        disk.power_on(&mut sansio::Rng::from_seed(good.into()));
        let after = store(Box::new(disk.clone()), scratch.path());
        assert_eq!(disk.times_set_aside(), 0, "{good}");
        let kept = calls(&after, 9, None);
        for number in [1, 3] {
            assert!(kept.contains(&call(number, Outcome::Cancelled)), "{good}");
        }
        assert_eq!(commit(&after), Reply::Committed { version: 2 }, "{good}");
    }
}

#[test]
fn a_disk_that_became_read_only_is_said_and_still_read() {
    let (scratch, disk) = (Scratch::new(), SimDisk::new());
    let running = store(Box::new(disk.clone()), scratch.path());
    assert_eq!(put(&running, 1), Reply::Stored);
    disk.set_read_only(true);
    let warning = health(&running).warning;
    assert!(
        warning.contains("read-only"),
        "before anybody writes: {warning}"
    );
    for number in 2..5 {
        let Reply::Failed { reason } = put(&running, number) else {
            panic!("written to a disk that is read-only")
        };
        assert!(reason.contains("read-only"), "{reason}");
        assert_eq!(
            calls(&running, 9, None).len(),
            1,
            "what is there can be read"
        );
    }
    disk.set_read_only(false);
    assert_eq!(put(&running, 5), Reply::Stored);
    assert_eq!(health(&running).warning, "");
}
