//! The link against a small `guard` on a real socket, which can die.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc as channel};

use ipc::guard::{Measure, Offence, Protection};

use super::*;
use crate::ipc::{Answer, serve};

/// Longer than anything takes; a failing test ends by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A `guard` that hands on what it is asked, and says at each watch that one network is banned.
/// The first request after its start ends the connection unanswered.
fn start(socket: &Path, is_dead: Arc<AtomicBool>) -> channel::Receiver<Request> {
    let _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket).expect("a new path");
    let (asked, seen) = channel::channel();
    let is_first = std::sync::Mutex::new(true);
    std::thread::spawn(move || {
        serve(
            &listener,
            |_| false,
            move |connection, request: Request| {
                if is_dead.load(Ordering::Relaxed) {
                    return Answer::Done;
                }
                if request == Request::Watch {
                    let bans = Bans {
                        is_whole: true,
                        banned: vec![("192.0.2.0/24".into(), 60_000)],
                        ..Bans::default()
                    };
                    connection.push(&Reply::Bans(bans)).expect("watched");
                    return Answer::Done;
                }
                let mut is_first = is_first.lock().expect("no test thread panicked");
                if std::mem::take(&mut *is_first) {
                    return Answer::Done;
                }
                asked.send(request).expect("the test listens");
                Answer::Reply(Reply::Taken)
            },
        )
    });
    seen
}

fn finding(count: u16) -> Finding {
    Finding {
        offence: Offence::SipPassword,
        source: "192.0.2.7/32".into(),
        measure: Measure::Ban,
        is_in_force: true,
        count,
        within_secs: 600,
        tried: Vec::new(),
        is_one_name: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_while_the_guard_was_away_is_told_in_order_when_it_is_back() {
    let folder = std::env::temp_dir().join(format!("guard-link-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let socket = folder.join("guard.sock");
    let (feed, mut fed) = mpsc::channel::<Bans>(8);
    let link = GuardLink::start(socket.clone(), feed);
    for count in 1..=3 {
        link.found(finding(count));
    }
    let guest = Guest {
        why: Protection::Trunk,
        network: "198.51.100.1/32".into(),
    };
    link.protect(vec![guest.clone()]);
    let is_dead = Arc::<AtomicBool>::default();
    let seen = start(&socket, Arc::clone(&is_dead));
    let bans = tokio::time::timeout(PATIENCE, fed.recv()).await;
    let bans = bans.expect("in time").expect("bans");
    assert!(bans.is_whole && bans.banned == [("192.0.2.0/24".into(), 60_000)]);
    let (mut found, mut is_protected) = (Vec::new(), false);
    while found.len() < 3 || !is_protected {
        match seen.recv_timeout(PATIENCE).expect("in time") {
            Request::Found(finding) => found.push(finding.count),
            Request::Protect(guests) => is_protected = guests == [guest.clone()],
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(found, [1, 2, 3]);
    // Another guard, which knows nobody: who is protected is told it without a change.
    is_dead.store(true, Ordering::Relaxed);
    let next = start(&socket, Arc::default());
    while next.recv_timeout(PATIENCE).expect("in time") != Request::Protect(vec![guest.clone()]) {}
    std::fs::remove_dir_all(&folder).expect("ours");
}

#[tokio::test]
async fn more_than_may_wait_is_lost_and_nobody_waits_for_it() {
    let (feed, _fed) = mpsc::channel::<Bans>(1);
    let link = GuardLink::start("/nowhere/guard.sock".into(), feed);
    for _ in 0..3 * WAITING_MAX {
        link.found(finding(1));
    }
    assert_eq!(link.news.capacity(), 0);
}
