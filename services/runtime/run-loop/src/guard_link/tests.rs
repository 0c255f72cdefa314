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

const REASONS: &[Protection] = &[Protection::Trunk, Protection::Call];

fn start_link(path: PathBuf, feed: mpsc::Sender<Bans>) -> GuardLink {
    let tasks = Handle::current();
    GuardLink::start(&tasks, path, REASONS, |bans| vec![bans], feed)
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
    let link = start_link(socket.clone(), feed);
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
            Request::Protect(_, guests) => is_protected = guests == [guest.clone()],
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(found, [1, 2, 3]);
    // Another guard, which knows nobody: who is protected is told it without a change.
    is_dead.store(true, Ordering::Relaxed);
    let next = start(&socket, Arc::default());
    let protect = Request::Protect(REASONS.to_vec(), vec![guest]);
    while next.recv_timeout(PATIENCE).expect("in time") != protect {}
    std::fs::remove_dir_all(&folder).expect("ours");
}

/// An earlier process of the service may have said otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn who_protects_nobody_says_so_once_he_knows_it() {
    let folder = std::env::temp_dir().join(format!("guard-nobody-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let socket = folder.join("guard.sock");
    let seen = start(&socket, Arc::default());
    let (feed, _fed) = mpsc::channel::<Bans>(8);
    let link = start_link(socket, feed);
    link.found(finding(1));
    let first = seen.recv_timeout(PATIENCE).expect("in time");
    assert_eq!(first, Request::Found(finding(1)), "and nothing before");
    link.settled();
    let first = seen.recv_timeout(PATIENCE).expect("in time");
    assert_eq!(first, Request::Protect(REASONS.to_vec(), Vec::new()));
    std::fs::remove_dir_all(&folder).expect("ours");
}

#[tokio::test]
async fn more_than_may_wait_is_lost_and_nobody_waits_for_it() {
    let (feed, _fed) = mpsc::channel::<Bans>(1);
    let link = start_link("/nowhere/guard.sock".into(), feed);
    for _ in 0..3 * WAITING_MAX {
        link.found(finding(1));
    }
    assert_eq!(link.news.capacity(), 0);
}
