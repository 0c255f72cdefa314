//! Calls kept in a file system that is full.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use super::tests::Folder;
use super::*;

/// Set for the process that has a file system of its own, to its path.
const CHILD: &str = "RAMAL_TEST_FULL_CALLS";

const PAGE: u64 = 4096;
const FULL_PAGE: [u8; 4096] = [1; 4096];

/// Runs this test once more in a tmpfs of 4 MiB, and there `act`.
fn in_a_small_tmpfs(name: &str, act: fn(&Path)) {
    if let Some(folder) = std::env::var_os(CHILD) {
        return act(Path::new(&folder));
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: a small file system can only be mounted by root");
        return;
    }
    let folder = Folder::new();
    let binary = std::env::current_exe().expect("we run");
    let script = format!(
        "mount -t tmpfs -o size=4m none {} && \
         exec {} --exact --nocapture pbx_driver::checkpoints::full_tests::{name}",
        folder.path().display(),
        binary.display(),
    );
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .env(CHILD, folder.path())
        .status()
        .expect("util-linux is installed");
    assert!(status.success());
}

fn checkpoints(folder: &Path) -> Checkpoints {
    Checkpoints::new(Some(folder.to_owned()))
}

/// Takes all the room there is but so many bytes.
fn fill(folder: &Path, but: u64) {
    let path = folder.join("ballast");
    let mut options = OpenOptions::new();
    let mut ballast: File = options
        .create(true)
        .append(true)
        .open(path)
        .expect("writable");
    while ballast.write(&FULL_PAGE).is_ok() {}
    let length = ballast.metadata().expect("there").len();
    ballast.set_len(length - but).expect("shorter");
}

fn empty(folder: &Path) {
    fs::remove_file(folder.join("ballast")).expect("it was there");
}

/// What a process after this one would find.
fn found(folder: &Path) -> Vec<(u64, Vec<u8>)> {
    checkpoints(folder).read()
}

#[test]
fn what_found_no_room_is_written_once_there_is_some() {
    in_a_small_tmpfs(
        "what_found_no_room_is_written_once_there_is_some",
        |folder| {
            let mut kept = checkpoints(folder);
            for key in 1..=3 {
                kept.put(key, Some(vec![1; 100_000]));
            }
            kept.flush();
            let length = || fs::metadata(folder.join(NAME)).expect("there").len();
            let before = length();
            fill(folder, 2 * PAGE);
            kept.put(1, None);
            kept.put(2, Some(vec![2; 100_000]));
            kept.put(4, Some(vec![2; 100_000]));
            kept.flush();
            assert!(kept.failing);
            assert_eq!(length(), before, "no half row stays behind");
            assert!(!folder.join("journal.new").exists(), "it would take room");
            let untouched: Vec<_> = (1..=3).map(|key| (key, vec![1; 100_000])).collect();
            assert_eq!(found(folder), untouched, "what was kept is still whole");
            // The next turn has the last word on one of them.
            kept.put(4, Some(vec![3; 100_000]));
            kept.flush();
            empty(folder);
            kept.flush();
            assert!(!kept.failing && kept.changed.is_empty());
            let expected = [
                (2, vec![2; 100_000]),
                (3, vec![1; 100_000]),
                (4, vec![3; 100_000]),
            ];
            assert_eq!(found(folder), expected);
        },
    );
}

#[test]
fn what_is_out_of_date_makes_room() {
    in_a_small_tmpfs("what_is_out_of_date_makes_room", |folder| {
        let mut kept = checkpoints(folder);
        for version in 0..60 {
            kept.put(1, Some(vec![version; 10_000]));
            kept.flush();
        }
        // Room for a new file of that call, but not for another call at the end of this one.
        fill(folder, 5 * PAGE);
        kept.put(2, Some(vec![6; 200_000]));
        kept.flush();
        assert!(!kept.failing);
        let expected = [(1, vec![59; 10_000]), (2, vec![6; 200_000])];
        assert_eq!(found(folder), expected);
    });
}

#[test]
fn calls_that_end_in_a_full_tmpfs_do_not_come_back() {
    in_a_small_tmpfs(
        "calls_that_end_in_a_full_tmpfs_do_not_come_back",
        |folder| {
            let mut kept = checkpoints(folder);
            for key in 0..500 {
                kept.put(key, Some(vec![1; 1000]));
            }
            kept.flush();
            // Not even the rows that say they have ended fit.
            fill(folder, PAGE);
            for key in 1..500 {
                kept.put(key, None);
            }
            kept.flush();
            assert_eq!(found(folder), [(0, vec![1; 1000])]);
            kept.put(500, Some(vec![2; 200_000]));
            kept.flush();
            assert_eq!(found(folder).len(), 2, "and there is room for others");
        },
    );
}
