//! The link against a small `media` on a real socket, which can die.

use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex, MutexGuard};

use ipc::sound::{Family, Source, Stats};

use super::*;
use crate::ipc::{Answer, serve};

/// A `media` that notes what it is asked and forgets everything when told to.
#[derive(Clone, Default)]
struct Media(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    open: std::collections::BTreeMap<EndpointId, u16>,
    asked: Vec<Request>,
    watching: Option<std::sync::mpsc::Sender<Option<Event>>>,
}

impl Media {
    fn start(socket: &std::path::Path) -> Self {
        let listener = UnixListener::bind(socket).expect("a new path");
        let media = Self::default();
        let serving = media.clone();
        std::thread::spawn(move || {
            serve(
                &listener,
                |_| false,
                move |connection, request: Request| {
                    if request == Request::Watch {
                        let (events, waiting) = std::sync::mpsc::channel();
                        serving.state().watching = Some(events);
                        while let Ok(Some(event)) = waiting.recv() {
                            connection.push(&Reply::Event(event)).expect("watched");
                        }
                        return Answer::Done;
                    }
                    Answer::Reply(serving.answer(request))
                },
            )
        });
        media
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test thread panicked")
    }

    fn answer(&self, request: Request) -> Reply {
        let mut state = self.state();
        let reply = match &request {
            Request::Open { id, port, .. } => {
                let port = port.unwrap_or(2000);
                state.open.insert(*id, port);
                Reply::Opened { port }
            }
            Request::Set(id, _) | Request::Hear(id, _) if !state.open.contains_key(id) => {
                Reply::Unknown
            }
            Request::Close(id) => state
                .open
                .remove(id)
                .map_or(Reply::Unknown, |_| Reply::Closed(Box::default())),
            Request::Status => {
                let all = state.open.keys().map(|id| (*id, Stats::default()));
                Reply::Endpoints(all.collect())
            }
            _ => Reply::Done,
        };
        state.asked.push(request);
        reply
    }

    /// Tells something; false while nobody watches.
    fn tell(&self, event: Option<Event>) -> bool {
        let state = self.state();
        let watching = state.watching.as_ref();
        watching.is_some_and(|watching| watching.send(event).is_ok())
    }

    /// Dies and is there again at once.
    fn die(&self) {
        let mut state = self.state();
        state.open.clear();
        state.asked.clear();
        // Ends the watch, as the end of the process would.
        state.watching = None;
    }
}

fn new_socket() -> PathBuf {
    let mut unique = [0; 8];
    crate::fill_random(&mut unique).expect("the kernel has a generator");
    let name = format!("ramal-sound-link-{:x}.sock", u64::from_le_bytes(unique));
    std::env::temp_dir().join(name)
}

const fn open(port: Option<u16>) -> Request {
    Request::Open {
        id: 9,
        family: Family::V4,
        port,
    }
}

#[tokio::test]
async fn a_dead_media_is_an_answer_not_a_silence() {
    let (feeder, mut feed) = mpsc::channel(8);
    let link = SoundLink::start("/nonexistent/media.sock".into(), feeder);
    assert_eq!(link.ask(open(None)), None);
    let answer = feed.recv().await;
    let failed = matches!(
        answer,
        Some(Input::Sound {
            endpoint: 9,
            reply: Reply::Failed { .. }
        })
    );
    assert!(failed, "{answer:?}");
}

#[tokio::test]
async fn a_media_that_died_gets_everything_back_within_a_second_without_being_asked() {
    let socket = new_socket();
    let media = Media::start(&socket);
    let (feeder, mut feed) = mpsc::channel(8);
    let link = SoundLink::start(socket.clone(), feeder);
    let hear = Request::Hear(9, Source::Mix(4));
    for request in [open(None), hear.clone()] {
        assert_eq!(link.ask(request), None);
        feed.recv().await.expect("answered");
    }
    // Watched: an event arrives.
    let digit = Event::Digit {
        id: 9,
        digit: '5',
        millis: 100,
    };
    while !media.tell(Some(digit.clone())) {
        tokio::task::yield_now().await;
    }
    assert_eq!(feed.recv().await, Some(Input::SoundEvent(digit)));
    media.die();
    let back = async {
        while !media.state().asked.contains(&hear) {
            tokio::task::yield_now().await;
        }
    };
    let back = tokio::time::timeout(Duration::from_secs(1), back).await;
    assert!(
        back.is_ok(),
        "it is told what it had: {:?}",
        media.state().asked
    );
    let asked = media.state().asked.clone();
    assert_eq!(asked, [Request::Status, open(Some(2000)), hear]);
    std::fs::remove_file(socket).expect("it was made above");
}

#[tokio::test]
async fn a_request_that_finds_its_endpoint_forgotten_is_asked_again() {
    let socket = new_socket();
    let media = Media::start(&socket);
    let (feeder, mut feed) = mpsc::channel(8);
    let link = SoundLink::start(socket.clone(), feeder);
    assert_eq!(link.ask(open(None)), None);
    feed.recv().await.expect("answered");
    media.state().open.clear();
    let set = Request::Set(9, Box::default());
    assert_eq!(link.ask(set), None);
    let done = Input::Sound {
        endpoint: 9,
        reply: Reply::Done,
    };
    assert_eq!(feed.recv().await, Some(done));
    std::fs::remove_file(socket).expect("it was made above");
}

#[tokio::test]
async fn requests_asked_together_are_answered_in_order_though_one_is_asked_again() {
    let socket = new_socket();
    let media = Media::start(&socket);
    let (feeder, mut feed) = mpsc::channel(8);
    let link = SoundLink::start(socket.clone(), feeder);
    let other = Request::Open {
        id: 8,
        family: Family::V4,
        port: Some(2002),
    };
    for request in [open(None), other] {
        assert_eq!(link.ask(request), None);
        feed.recv().await.expect("answered");
    }
    media.state().open.remove(&9);
    media.state().asked.clear();
    let together = [
        Request::Hear(8, Source::Mix(4)),
        Request::Set(9, Box::default()),
        Request::Close(8),
    ];
    for request in together.clone() {
        assert_eq!(link.ask(request), None);
    }
    for (endpoint, reply) in [
        (8, Reply::Done),
        (9, Reply::Done),
        (8, Reply::Closed(Box::default())),
    ] {
        assert_eq!(feed.recv().await, Some(Input::Sound { endpoint, reply }));
    }
    let [hear, set, close] = together;
    let again = [Request::Status, open(Some(2000)), set.clone()];
    let expected: Vec<_> = [hear, set, close].into_iter().chain(again).collect();
    assert_eq!(
        media.state().asked,
        expected,
        "what was closed stays closed"
    );
    std::fs::remove_file(socket).expect("it was made above");
}
