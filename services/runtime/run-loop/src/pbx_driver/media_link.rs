//! The way to `media`: requests in order, one at a time, each with exactly one answer.

use std::path::PathBuf;
use std::time::Duration;

use ipc::media::{RelayId, Reply, Request};
use pbx::Input;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::relay_book::RelayBook;
use crate::ipc::Client;

/// Requests waiting for `media`; a call makes about five.
const WAITING_MAX: usize = 2048;

/// How often to look whether `media` still has the relays of all calls.
const LOOK: Duration = Duration::from_secs(1);

/// Sends requests to `media`.
#[derive(Debug)]
pub(super) struct MediaLink {
    waiting: mpsc::Sender<Request>,
}

impl MediaLink {
    /// Starts the task that asks the service behind `path` and answers into `feed`.
    pub(super) fn start(path: PathBuf, feed: mpsc::Sender<Input>) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        tokio::spawn(ask_in_order(path, queue, feed));
        Self { waiting }
    }

    /// Queues a request. Gives the answer at once when too many wait already.
    pub(super) fn ask(&self, request: Request) -> Option<Input> {
        let relay = relay_of(&request);
        let refused = self.waiting.try_send(request).err()?;
        tracing::warn!("media does not keep up: {refused}");
        let reason = "media does not keep up".to_owned();
        Some(Input::Media {
            relay,
            reply: Reply::Failed { reason },
        })
    }
}

async fn ask_in_order(
    path: PathBuf,
    mut queue: mpsc::Receiver<Request>,
    feed: mpsc::Sender<Input>,
) {
    // The client opens a new connection by itself when media has been restarted.
    let client = Client::<Request, Reply>::new(path);
    let mut book = RelayBook::default();
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let request = tokio::select! {
            request = queue.recv() => request,
            _ = look.tick() => {
                if !book.is_settled() {
                    restore(&client, &mut book).await;
                }
                continue;
            }
        };
        let Some(request) = request else { return };
        let relay = relay_of(&request);
        if book.is_doubtful() && matches!(request, Request::Open(_)) {
            // A relay of the same name, left by an earlier process, would come with its old peers.
            restore(&client, &mut book).await;
        }
        let mut reply = client.call(&request).await;
        if matches!(reply, Ok(Reply::Unknown)) && matches!(request, Request::Set(..)) {
            restore(&client, &mut book).await;
            reply = client.call(&request).await;
        }
        let reply = reply.unwrap_or_else(|error| {
            tracing::warn!("media did not answer: {error}");
            Reply::Failed {
                reason: error.to_string(),
            }
        });
        let reply = book.note(&request, reply);
        if feed.send(Input::Media { relay, reply }).await.is_err() {
            return;
        }
    }
}

/// Opens again what a restarted `media` has forgotten, and closes what no call has.
async fn restore(client: &Client<Request, Reply>, book: &mut RelayBook) {
    // While it is away there is nothing to do; the next look comes soon.
    let Ok(Reply::Relays(relays)) = client.call(&Request::Status).await else {
        return;
    };
    let differences = book.differences(&relays);
    if differences.is_empty() {
        return;
    }
    tracing::warn!("media was restarted or did not answer: telling it again what it should have");
    for request in differences {
        match client.call(&request).await {
            Ok(Reply::Failed { reason }) => tracing::warn!("a relay does not come back: {reason}"),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!("media did not answer: {error}");
                book.doubt();
                return;
            }
        }
    }
}

/// The relay a request names; 0 when it names none.
const fn relay_of(request: &Request) -> RelayId {
    match request {
        Request::Open(relay)
        | Request::Reopen(relay, ..)
        | Request::Set(relay, ..)
        | Request::Close(relay) => *relay,
        Request::KeepOnly(_) | Request::Status => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc as threads;

    use ipc::media::{Leg, Side};

    use super::*;
    use crate::ipc::{Answer, serve};

    #[tokio::test]
    async fn a_dead_media_is_an_answer_not_a_silence() {
        let (feeder, mut feed) = mpsc::channel(8);
        let link = MediaLink::start("/nonexistent/media.sock".into(), feeder);
        assert_eq!(link.ask(Request::Open(9)), None);
        let answer = feed.recv().await;
        let failed = matches!(
            answer,
            Some(Input::Media {
                relay: 9,
                reply: Reply::Failed { .. }
            })
        );
        assert!(failed, "{answer:?}");
    }

    /// A `media` that forgets the relay once, right after it was opened.
    fn forgetful_media(listener: UnixListener) -> threads::Receiver<Request> {
        let (asked, questions) = threads::channel();
        let forgotten = std::sync::atomic::AtomicBool::new(true);
        let answer = move |request: &Request| match request {
            Request::Open(_) => Reply::Opened {
                caller_port: 2000,
                callee_port: 2002,
            },
            Request::Reopen(_, caller_port, callee_port) => {
                forgotten.store(false, std::sync::atomic::Ordering::Relaxed);
                Reply::Opened {
                    caller_port: *caller_port,
                    callee_port: *callee_port,
                }
            }
            Request::Status => Reply::Relays(Vec::new()),
            Request::Set(..) if forgotten.load(std::sync::atomic::Ordering::Relaxed) => {
                Reply::Unknown
            }
            Request::Set(..) | Request::Close(_) | Request::KeepOnly(_) => Reply::Done,
        };
        std::thread::spawn(move || {
            serve(
                &listener,
                |_| false,
                move |_, request: Request| {
                    let reply = answer(&request);
                    let _ = asked.send(request);
                    Answer::Reply(reply)
                },
            )
        });
        questions
    }

    #[tokio::test]
    async fn a_media_that_has_forgotten_a_relay_is_told_again() {
        let mut unique = [0; 8];
        crate::fill_random(&mut unique).expect("the kernel has a generator");
        let name = format!("ramal-media-link-{:x}.sock", u64::from_le_bytes(unique));
        let socket = std::env::temp_dir().join(name);
        let questions = forgetful_media(UnixListener::bind(&socket).expect("a new path"));
        let (feeder, mut feed) = mpsc::channel(8);
        let link = MediaLink::start(socket.clone(), feeder);
        let set = Request::Set(9, Side::Caller, Leg::default());
        assert_eq!(link.ask(Request::Open(9)), None);
        assert_eq!(link.ask(set.clone()), None);
        assert!(matches!(
            feed.recv().await,
            Some(Input::Media {
                reply: Reply::Opened { .. },
                ..
            })
        ));
        let answer = feed.recv().await;
        assert_eq!(
            answer,
            Some(Input::Media {
                relay: 9,
                reply: Reply::Done
            })
        );
        let asked: Vec<Request> = questions.try_iter().collect();
        let reopened = Request::Reopen(9, 2000, 2002);
        assert_eq!(
            asked,
            [
                Request::Open(9),
                set.clone(),
                Request::Status,
                reopened,
                set
            ]
        );
        std::fs::remove_file(socket).expect("it was made above");
    }
}
