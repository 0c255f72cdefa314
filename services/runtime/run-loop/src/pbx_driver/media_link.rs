//! The way to `media`: requests in order, one at a time, each with exactly one answer.

use std::path::PathBuf;

use ipc::media::{RelayId, Reply, Request};
use pbx::Input;
use tokio::sync::mpsc;

use crate::ipc::Client;

/// Requests waiting for `media`; a call makes about five.
const WAITING_MAX: usize = 2048;

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
    // The client opens a new connection by itself when media has been restarted. Its relays are
    // gone then, and it says `Unknown`, which is for the node to act upon.
    let client = Client::<Request, Reply>::new(path);
    while let Some(request) = queue.recv().await {
        let relay = relay_of(&request);
        let reply = client.call(&request).await.unwrap_or_else(|error| {
            tracing::warn!("media did not answer: {error}");
            Reply::Failed {
                reason: error.to_string(),
            }
        });
        if feed.send(Input::Media { relay, reply }).await.is_err() {
            return;
        }
    }
}

/// The relay a request names; 0 when it names none.
const fn relay_of(request: &Request) -> RelayId {
    match request {
        Request::Open(relay) | Request::Set(relay, ..) | Request::Close(relay) => *relay,
        Request::KeepOnly(_) | Request::Status => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dead_media_is_an_answer_not_a_silence() {
        let (feeder, mut feed) = mpsc::channel(8);
        let link = MediaLink::start("/nonexistent/media.sock".into(), feeder);
        assert_eq!(link.ask(Request::Open(9)), None);
        let answer = feed.recv().await;
        assert!(
            matches!(
                answer,
                Some(Input::Media {
                    relay: 9,
                    reply: Reply::Failed { .. }
                })
            ),
            "{answer:?}"
        );
    }
}
