//! The queue towards the store, alone and against a small store on a real socket.

use std::os::unix::net::UnixListener;
use std::sync::mpsc as threads;

use ipc::store::{Outcome, Spent};

use super::*;
use crate::ipc::{Answer, serve};

fn record(id: &str, outcome: Outcome) -> CallRecord {
    CallRecord {
        id: id.to_owned(),
        from: "100".to_owned(),
        to: "101".to_owned(),
        source: "10.0.0.2".to_owned(),
        started_millis: 1,
        answered_millis: None,
        ended_millis: None,
        outcome,
        status: 0,
        dtmf_digits: 0,
        packets_to_callee: 0,
        packets_to_caller: 0,
        ..CallRecord::default()
    }
}

fn link() -> StoreLink {
    StoreLink::new(PathBuf::new())
}

#[test]
fn a_record_that_changed_while_under_way_is_offered_again() {
    let link = link();
    link.put_calls(vec![record("1", Outcome::Ongoing)]);
    let offer = link.shared.offer().expect("one waits");
    assert!(!link.is_idle());
    link.put_calls(vec![record("1", Outcome::Cancelled)]);
    assert_eq!(link.shared.settle(offer), Stored::Calls(Vec::new()));
    let offer = link.shared.offer().expect("its new state waits");
    assert_eq!(
        link.shared.settle(offer),
        Stored::Calls(vec!["1".to_owned()])
    );
    assert!(link.is_idle());
    assert!(link.shared.offer().is_none());
}

#[test]
fn the_queue_is_bounded_and_says_that_the_oldest_is_lost() {
    let link = link();
    let put = |number| link.put_calls(vec![record(&format!("{number:013}-0"), Outcome::Cancelled)]);
    for number in 0..WAITING_MAX {
        assert_eq!(put(number), None);
    }
    // What is kept for it elsewhere is to be forgotten.
    let lost = Stored::Lost(vec!["0000000000000-0".to_owned()]);
    assert_eq!(put(WAITING_MAX), Some(Input::Stored(lost)));
    let waiting = link.shared.lock();
    assert_eq!(waiting.calls.len(), WAITING_MAX);
    assert!(!waiting.calls.contains_key("0000000000000-0"));
}

#[test]
fn numbers_as_long_as_a_message_do_not_keep_records_from_the_store() {
    let link = link();
    for number in 0..BATCH_MAX {
        let mut long = record(&format!("{number:013}-0"), Outcome::Rejected);
        long.to = "ä".repeat(20_000);
        link.put_calls(vec![long]);
    }
    let offer = link.shared.offer().expect("a batch waits");
    assert!(
        ipc::frame::encode(&offer.request()).is_ok(),
        "it fits a frame"
    );
    let Stored::Calls(ids) = link.shared.settle(offer) else {
        panic!("calls were offered")
    };
    assert_eq!(ids.len(), BATCH_MAX);
}

#[test]
fn what_was_spent_is_written_before_registrations_and_only_as_it_is_now() {
    let link = link();
    link.put_registrations(Vec::new());
    let spent = |money| Spent {
        of_box: [money; 3],
        ..Spent::default()
    };
    link.put_spent(spent(1));
    link.put_spent(spent(2));
    let offer = link.shared.offer().expect("it waits");
    assert_eq!(offer.request(), Request::PutSpent(spent(2)));
    link.shared.take_back(offer);
    let offer = link.shared.offer().expect("it waits again");
    assert_eq!(link.shared.settle(offer), Stored::Spent);
    assert!(matches!(link.shared.offer(), Some(Offer::Registrations(_))));
}

#[test]
fn only_the_last_registrations_are_written() {
    let link = link();
    link.put_registrations(Vec::new());
    link.put_registrations(Vec::new());
    let offer = link.shared.offer().expect("one list waits");
    assert!(matches!(offer, Offer::Registrations(_)));
    assert!(link.shared.offer().is_none());
}

/// A store that remembers what it was asked, serves the factory site and keeps no registrations.
fn store(socket: &std::path::Path) -> threads::Receiver<Request> {
    let listener = UnixListener::bind(socket).expect("a writable folder");
    let (asked, questions) = threads::channel();
    std::thread::spawn(move || {
        serve(
            &listener,
            |_| false,
            move |_, request: Request| {
                let reply = match &request {
                    Request::Watch => {
                        let site = Site::factory("site.invalid").to_ipc();
                        Reply::Config { version: 1, site }
                    }
                    Request::Registrations => Reply::Registrations(Vec::new()),
                    Request::Spent => Reply::Spent(Spent::default()),
                    Request::PutRegistrations(_) => Reply::Failed {
                        reason: "more than are kept".to_owned(),
                    },
                    _ => Reply::Stored,
                };
                let _ = asked.send(request);
                Answer::Reply(reply)
            },
        )
    });
    questions
}

/// A path for a socket that no other test uses.
fn new_socket() -> PathBuf {
    let mut unique = [0; 8];
    crate::fill_random(&mut unique).expect("the kernel has a generator");
    let name = format!("ramal-store-link-{:x}.sock", u64::from_le_bytes(unique));
    std::env::temp_dir().join(name)
}

#[tokio::test]
async fn registrations_the_store_refuses_do_not_hold_call_records_back() {
    let socket = new_socket();
    let _questions = store(&socket);
    let (feeder, mut feed) = mpsc::channel(8);
    let link = StoreLink::new(socket.clone());
    link.start(vec!["0".to_owned()], feeder);
    link.put_registrations(Vec::new());
    for id in ["1", "2"] {
        link.put_calls(vec![record(id, Outcome::Cancelled)]);
        let stored = Input::Stored(Stored::Calls(vec![id.to_owned()]));
        let answered = async { while feed.recv().await.expect("the link lives") != stored {} };
        let answered = tokio::time::timeout(Duration::from_secs(10), answered).await;
        assert!(answered.is_ok(), "record {id} was not stored");
    }
    assert!(!link.is_idle(), "the registrations still wait");
    std::fs::remove_file(socket).expect("it was made above");
}

#[tokio::test]
async fn open_calls_are_interrupted_before_any_record_of_ours_is_written() {
    let socket = new_socket();
    let questions = store(&socket);
    let (feeder, mut feed) = mpsc::channel(8);
    let link = StoreLink::new(socket.clone());
    link.start(vec!["0".to_owned()], feeder);
    link.put_calls(vec![record("1", Outcome::Ongoing)]);
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(feed.recv().await.expect("the link lives"));
    }
    assert!(
        seen.iter()
            .any(|input| matches!(input, Input::Config(1, _)))
    );
    assert!(seen.contains(&Input::StoredRegistrations(Vec::new())));
    assert!(seen.contains(&Input::StoredSpent(Spent::default())));
    assert!(seen.contains(&Input::Stored(Stored::Calls(vec!["1".to_owned()]))));
    let writes: Vec<Request> = questions
        .try_iter()
        .filter(|request| *request != Request::Watch)
        .collect();
    assert_eq!(
        writes,
        [
            Request::InterruptOpenCalls {
                except: vec!["0".to_owned()]
            },
            Request::Registrations,
            Request::Spent,
            Request::PutCalls(vec![record("1", Outcome::Ongoing)]),
        ]
    );
    std::fs::remove_file(socket).expect("it was made above");
}
