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
    /// What goes wrong, once each, when these are asked.
    faults: Vec<(Request, Fault)>,
    /// Ends when the test lets go of what is slow.
    held: Option<std::sync::mpsc::Receiver<()>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// The connection ends, and nothing was done.
    NotDone,
    /// It was done, but the connection ends before the answer.
    NotTold,
    /// It takes until the test lets go.
    Slow,
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
                    let fault = serving.fault(&request);
                    if fault == Some(Fault::NotDone) {
                        return Answer::Done;
                    }
                    if fault == Some(Fault::Slow) {
                        let held = serving.state().held.take();
                        // Nothing is ever sent: it ends with the sender.
                        let _ = held.map(|held| held.recv());
                    }
                    let reply = serving.answer(request);
                    match fault {
                        Some(Fault::NotTold) => Answer::Done,
                        _ => Answer::Reply(reply),
                    }
                },
            )
        });
        media
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test thread panicked")
    }

    fn fault(&self, request: &Request) -> Option<Fault> {
        let faults = &mut self.state().faults;
        let at = faults.iter().position(|(guilty, _)| guilty == request)?;
        Some(faults.remove(at).1)
    }

    /// What it carried out that changes something.
    fn done(&self) -> Vec<Request> {
        let mut asked = self.state().asked.clone();
        asked.retain(|request| *request != Request::Status);
        asked
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

/// A link with endpoints 8 and 9 open.
async fn two_open(socket: &std::path::Path) -> (Media, SoundLink, mpsc::Receiver<Input>) {
    let media = Media::start(socket);
    let (feeder, mut feed) = mpsc::channel(16);
    let link = SoundLink::start(socket.to_owned(), feeder);
    for id in [8, 9] {
        let open = Request::Open {
            id,
            family: Family::V4,
            port: Some(2000 + 2 * u16::try_from(id).expect("small")),
        };
        assert_eq!(link.ask(open), None);
        feed.recv().await.expect("answered");
    }
    media.state().asked.clear();
    (media, link, feed)
}

/// Asks together, and gives the answers in order.
async fn ask(
    link: &SoundLink,
    feed: &mut mpsc::Receiver<Input>,
    requests: &[Request],
) -> Vec<Reply> {
    for request in requests {
        assert_eq!(link.ask(request.clone()), None);
    }
    let mut replies = Vec::new();
    for request in requests {
        match feed.recv().await {
            Some(Input::Sound { endpoint, reply }) if endpoint == endpoint_of(request) => {
                replies.push(reply);
            }
            other => panic!("an answer to {request:?}, not {other:?}"),
        }
    }
    replies
}

fn dial(id: EndpointId) -> Request {
    let digits = "5".to_owned();
    Request::Dial { id, digits }
}

#[tokio::test]
async fn what_was_answered_before_the_link_died_counts_and_nothing_is_dialled_or_closed_twice() {
    let socket = new_socket();
    let (media, link, mut feed) = two_open(&socket).await;
    media.state().faults = vec![(dial(9), Fault::NotTold)];
    let together = [
        Request::Hear(9, Source::Mix(4)),
        Request::Close(8),
        dial(9),
        Request::Set(9, Box::default()),
        dial(9),
    ];
    let replies = ask(&link, &mut feed, &together).await;
    let closed = Reply::Closed(Box::default());
    let expected = [
        Reply::Done,
        closed,
        unanswered(),
        Reply::Done,
        // Nobody knows whether it was heard.
        unanswered(),
    ];
    assert_eq!(replies, expected);
    assert_eq!(media.done(), together.get(..4).expect("there are five"));
    std::fs::remove_file(socket).expect("it was made above");
}

#[tokio::test]
async fn a_slow_file_fails_no_request_of_another_call() {
    let socket = new_socket();
    let (media, link, mut feed) = two_open(&socket).await;
    let file = Source::Clip(Clip::File("welcome.wav".to_owned()));
    let slow = Request::Hear(9, file);
    let (letting_go, held) = std::sync::mpsc::channel();
    media.state().held = Some(held);
    media.state().faults = vec![(slow.clone(), Fault::Slow)];
    let together = [
        Request::Set(8, Box::default()),
        slow,
        Request::Set(8, Box::default()),
        Request::Close(8),
    ];
    let replies = ask(&link, &mut feed, &together).await;
    let closed = Reply::Closed(Box::default());
    assert_eq!(replies, [Reply::Done, unanswered(), Reply::Done, closed]);
    drop(letting_go);
    std::fs::remove_file(socket).expect("it was made above");
}

#[test]
fn what_takes_a_file_is_asked_alone() {
    let file = Request::Hear(9, Source::Clip(Clip::File("welcome.wav".to_owned())));
    let record = Request::Record {
        id: 9,
        file: "call.wav".to_owned(),
    };
    let other = Request::Set(8, Box::default());
    let requests = [&other, &other, &file, &record, &other, &other].map(Clone::clone);
    let lengths: Vec<_> = batches(requests.to_vec()).iter().map(Vec::len).collect();
    assert_eq!(lengths, [2, 1, 1, 2]);
}

#[test]
fn what_a_hundred_endpoints_are_told_is_asked_in_a_few_turns() {
    let told = (0..200).map(|id| Request::Set(id, Box::default()));
    let lengths: Vec<_> = batches(told.collect()).iter().map(Vec::len).collect();
    assert_eq!(lengths, [64, 64, 64, 8]);
}

#[tokio::test]
async fn what_could_not_be_asked_of_an_open_endpoint_is_told_soon() {
    let socket = new_socket();
    let (media, link, mut feed) = two_open(&socket).await;
    let set = Request::Set(7, Box::default());
    media.state().faults = vec![(set.clone(), Fault::NotDone); 2];
    let open = Request::Open {
        id: 7,
        family: Family::V4,
        port: Some(2014),
    };
    let hear = Request::Hear(7, Source::Mix(4));
    let together = [open.clone(), set.clone(), hear.clone()];
    let replies = ask(&link, &mut feed, &together).await;
    let opened = Reply::Opened { port: 2014 };
    assert_eq!(replies, [opened, unanswered(), Reply::Done]);
    let told = async {
        while !media.done().contains(&set) {
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::time::timeout(LOOK * 3, told).await;
    assert!(told.is_ok(), "{:?}", media.done());
    std::fs::remove_file(socket).expect("it was made above");
}

#[tokio::test]
async fn what_media_is_told_again_is_told_whole_though_it_dies_meanwhile() {
    let socket = new_socket();
    let (media, link, mut feed) = two_open(&socket).await;
    let set = Request::Set(9, Box::default());
    let hear = Request::Hear(9, Source::Mix(4));
    ask(&link, &mut feed, &[set.clone(), hear.clone()]).await;
    media.state().faults = vec![(set.clone(), Fault::NotDone); 2];
    media.state().open.clear();
    media.state().asked.clear();
    // This one is asked again once all are back, which they are not at first.
    ask(&link, &mut feed, &[Request::Hear(8, Source::Mix(4))]).await;
    let told = async {
        while !(media.done().contains(&set) && media.done().contains(&hear)) {
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::time::timeout(LOOK * 3, told).await;
    assert!(told.is_ok(), "{:?}", media.done());
    assert_eq!(media.state().faults.len(), 0);
    std::fs::remove_file(socket).expect("it was made above");
}
