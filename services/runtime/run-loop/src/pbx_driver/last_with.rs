//! Asks the store who had last to do with a number, for a call back: on a connection of its own, so
//! that it waits behind no write. One task asks, one question after another. A caller waits no
//! longer than the node lets him, so what would be answered too late is not asked; and while the
//! store is silent nothing more is, so that whoever calls from outside adds nothing to its trouble.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use ipc::Redacted;
use ipc::store::{Reply, Request};
use pbx::{Input, QueryId};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::ipc::{CallError, Client};

/// Questions that wait at one time: more are not answered in time where one takes 40 ms. Further
/// ones are answered with nobody; the calls go on.
const WAITING_MAX: usize = 8;

/// How long the node waits for an answer: what is older is not asked, and a store that takes longer
/// for one question is asked nothing more until it has answered that one.
const PATIENCE: Duration = Duration::from_millis(300);

/// When a silent store is asked anew, on another connection. The one before may hold one of the few
/// places the store has for this user, so it is long.
const SILENT_SECS: u64 = 300;

/// How often trouble is told at most: calls come as often as people outside like.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Asks the store.
#[derive(Debug)]
pub(super) struct LastWith {
    questions: mpsc::Sender<Question>,
}

#[derive(Debug)]
struct Question {
    id: QueryId,
    number: Redacted<String>,
    since_millis: i64,
    asked: Instant,
}

impl LastWith {
    /// Asks the service behind `path`; answers go to `feed`.
    pub(super) fn new(path: PathBuf, feed: mpsc::Sender<Input>) -> Self {
        let (questions, asked) = mpsc::channel(WAITING_MAX);
        let asking = Asking {
            feed,
            trouble: Trouble::default(),
        };
        tokio::spawn(asking.run(Client::within(path, SILENT_SECS), asked));
        Self { questions }
    }

    /// Asks; the answer, where there is no room to ask.
    pub(super) fn ask(
        &self,
        id: QueryId,
        number: Redacted<String>,
        since_millis: i64,
    ) -> Option<Input> {
        let question = Question {
            id,
            number,
            since_millis,
            asked: Instant::now(),
        };
        let extension = None;
        let sent = self.questions.try_send(question);
        sent.is_err().then_some(Input::LastWith { id, extension })
    }
}

/// What asks, one question after another.
struct Asking {
    feed: mpsc::Sender<Input>,
    trouble: Trouble,
}

impl Asking {
    async fn run(
        mut self,
        client: Client<Request, Reply>,
        mut questions: mpsc::Receiver<Question>,
    ) {
        while let Some(question) = questions.recv().await {
            if question.asked.elapsed() >= PATIENCE {
                self.nobody(question.id, "it was too late to ask").await;
                continue;
            }
            let request = Request::LastWith {
                number: question.number,
                since_millis: question.since_millis,
            };
            let mut call = pin!(client.call(&request));
            match timeout(PATIENCE, &mut call).await {
                Ok(reply) => self.answered(question.id, reply).await,
                Err(_) => {
                    self.nobody(question.id, "the store takes too long").await;
                    // The connection stays with the answer that is due on it.
                    loop {
                        tokio::select! {
                            _ = &mut call => break,
                            next = questions.recv() => match next {
                                Some(next) => self.nobody(next.id, "the store is silent").await,
                                None => return,
                            },
                        }
                    }
                }
            }
        }
    }

    async fn answered(&mut self, id: QueryId, reply: Result<Reply, CallError>) {
        match reply {
            Ok(Reply::LastWith(extension)) => {
                self.trouble.is_over();
                self.tell(id, extension).await;
            }
            Ok(Reply::Refused { uid }) => {
                let why = format!("the store refuses it to the user with id {uid}");
                self.nobody(id, &why).await;
            }
            Ok(Reply::Failed { reason }) => {
                let why = format!("the store failed: {reason}");
                self.nobody(id, &why).await;
            }
            Ok(_) => self.nobody(id, "the store does not say who it was").await,
            Err(error) => self.nobody(id, &error.to_string()).await,
        }
    }

    async fn nobody(&mut self, id: QueryId, why: &str) {
        self.trouble.goes_on(why);
        self.tell(id, None).await;
    }

    async fn tell(&self, id: QueryId, extension: Option<String>) {
        // The process is ending when nobody hears it.
        let _ = self.feed.send(Input::LastWith { id, extension }).await;
    }
}

/// Questions that were not answered, for the log: told when it begins and when it is over.
#[derive(Default)]
struct Trouble {
    begun: Option<Instant>,
    count: u64,
}

impl Trouble {
    fn goes_on(&mut self, why: &str) {
        self.count = self.count.saturating_add(1);
        if self.begun.is_none() {
            tracing::warn!("nobody is called back: {why}");
            self.begun = Some(Instant::now());
        }
    }

    fn is_over(&mut self) {
        if self
            .begun
            .is_some_and(|begun| begun.elapsed() >= TOLD_EVERY)
        {
            let count = self.count;
            tracing::warn!("calls go back again; for {count} the store was not heard in time");
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::ipc::{Answer, serve};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    }

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("ramal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a writable folder");
        path
    }

    fn number() -> Redacted<String> {
        Redacted::new("+5548999990021".to_owned())
    }

    #[test]
    fn the_store_is_asked_and_its_answer_is_told() {
        let folder = folder("last-with");
        let socket = folder.join("store.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        std::thread::spawn(move || {
            serve(
                &listener,
                |_| true,
                |_, request: Request| {
                    let expected = Request::LastWith {
                        number: number(),
                        since_millis: 7,
                    };
                    assert_eq!(request, expected);
                    Answer::Reply(Reply::LastWith(Some("101".to_owned())))
                },
            )
        });
        runtime().block_on(async {
            let (feeder, mut feed) = mpsc::channel(1);
            let link = LastWith::new(socket, feeder);
            assert_eq!(link.ask(3, number(), 7), None);
            let told = feed.recv().await.expect("an answer");
            let extension = Some("101".to_owned());
            assert_eq!(told, Input::LastWith { id: 3, extension });
        });
        let _ = std::fs::remove_dir_all(folder);
    }

    fn nobody(id: QueryId) -> Input {
        Input::LastWith {
            id,
            extension: None,
        }
    }

    /// Asks as often at once, and waits until all are answered.
    async fn burst(link: &LastWith, feed: &mut mpsc::Receiver<Input>, count: u64) -> Vec<Input> {
        let all = 0..count;
        let mut told: Vec<Input> = all.filter_map(|id| link.ask(id, number(), 0)).collect();
        while told.len() < usize::try_from(count).expect("small") {
            told.push(feed.recv().await.expect("an answer"));
        }
        told
    }

    #[test]
    fn a_store_that_is_away_is_nobody_at_once_and_questions_are_bounded() {
        runtime().block_on(async {
            let (feeder, mut feed) = mpsc::channel(WAITING_MAX);
            let link = LastWith::new(PathBuf::from("/nowhere/store.sock"), feeder);
            for id in 0..WAITING_MAX {
                let id = u64::try_from(id).expect("small");
                assert_eq!(link.ask(id, number(), 0), None);
            }
            assert_eq!(link.ask(99, number(), 0), Some(nobody(99)));
            for id in 0..WAITING_MAX {
                let told = feed.recv().await.expect("an answer");
                assert_eq!(told, nobody(u64::try_from(id).expect("small")));
            }
            assert_eq!(link.ask(100, number(), 0), None, "there is room again");
        });
    }

    #[test]
    fn a_silent_store_is_asked_once_on_one_connection_and_all_are_answered_with_nobody() {
        let folder = folder("last-with-silent");
        let socket = folder.join("store.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let (accepting, accepted) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // They stay open, and nothing is read.
            for stream in listener.incoming() {
                if accepting.send(stream).is_err() {
                    return;
                }
            }
        });
        runtime().block_on(async {
            let (feeder, mut feed) = mpsc::channel(64);
            let link = LastWith::new(socket, feeder);
            let begun = Instant::now();
            let told = burst(&link, &mut feed, 32).await;
            assert!((0..32).all(|id| told.contains(&nobody(id))), "{told:?}");
            assert!(begun.elapsed() < 3 * PATIENCE, "{:?}", begun.elapsed());
            // It was not heard yet, so nobody waits for it.
            let begun = Instant::now();
            let told = burst(&link, &mut feed, 3).await;
            assert!((0..3).all(|id| told.contains(&nobody(id))), "{told:?}");
            assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        });
        assert_eq!(accepted.try_iter().count(), 1);
        let _ = std::fs::remove_dir_all(folder);
    }

    /// A store of which each question takes so long, the first one as long as `first`; what it was
    /// asked, by time.
    fn slow(
        socket: &std::path::Path,
        first: Duration,
        others: Duration,
    ) -> std::sync::mpsc::Receiver<i64> {
        let listener = UnixListener::bind(socket).expect("a socket");
        let (asking, asked) = std::sync::mpsc::channel();
        let is_first = std::sync::atomic::AtomicBool::new(true);
        std::thread::spawn(move || {
            serve(
                &listener,
                |_| true,
                move |_, request: Request| {
                    let Request::LastWith { since_millis, .. } = request else {
                        panic!("{request:?}");
                    };
                    let _ = asking.send(since_millis);
                    let is_first = is_first.swap(false, std::sync::atomic::Ordering::Relaxed);
                    std::thread::sleep(if is_first { first } else { others });
                    Answer::Reply(Reply::LastWith(Some("101".to_owned())))
                },
            )
        });
        asked
    }

    #[test]
    fn a_question_that_nobody_waits_for_any_more_is_not_asked() {
        let folder = folder("last-with-slow");
        let socket = folder.join("store.sock");
        let each = Duration::from_millis(50);
        let asked = slow(&socket, each, each);
        runtime().block_on(async {
            let (feeder, mut feed) = mpsc::channel(64);
            let link = LastWith::new(socket, feeder);
            burst(&link, &mut feed, 32).await;
        });
        let count = asked.try_iter().count();
        assert!((1..=7).contains(&count), "{count}");
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn a_store_that_was_silent_is_asked_again_when_it_has_answered_and_no_answer_is_mistaken() {
        let folder = folder("last-with-again");
        let socket = folder.join("store.sock");
        let asked = slow(&socket, 2 * PATIENCE, Duration::ZERO);
        runtime().block_on(async {
            let (feeder, mut feed) = mpsc::channel(64);
            let link = LastWith::new(socket, feeder);
            assert_eq!(link.ask(1, number(), 1), None);
            assert_eq!(feed.recv().await, Some(nobody(1)));
            assert_eq!(link.ask(2, number(), 2), None);
            assert_eq!(feed.recv().await, Some(nobody(2)), "it is silent");
            tokio::time::sleep(2 * PATIENCE).await;
            assert_eq!(link.ask(3, number(), 3), None);
            let extension = Some("101".to_owned());
            let told = feed.recv().await;
            assert_eq!(told, Some(Input::LastWith { id: 3, extension }));
        });
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), [1, 3]);
        let _ = std::fs::remove_dir_all(folder);
    }
}
