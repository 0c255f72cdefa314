//! Asks the store who had last to do with a number, for a call back: on a connection of its own, so
//! that it waits behind no write. A caller waits for the answer, and no longer than the node lets
//! him: what cannot be asked now is answered at once, and what takes long is given up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipc::Redacted;
use ipc::store::{Reply, Request};
use pbx::{Input, QueryId};
use tokio::sync::{Semaphore, mpsc};

use crate::ipc::Client;

/// Questions under way at one time: each takes a millisecond, and they are asked one after another.
/// Further ones are answered with nobody; the calls go on.
const ASKED_MAX: usize = 32;

/// When a question is given up, with its connection: the node has gone on long ago.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks the store.
#[derive(Debug)]
pub(super) struct LastWith {
    client: Arc<Client<Request, Reply>>,
    room: Arc<Semaphore>,
    feed: mpsc::Sender<Input>,
}

impl LastWith {
    /// Asks the service behind `path`; answers go to `feed`.
    pub(super) fn new(path: PathBuf, feed: mpsc::Sender<Input>) -> Self {
        Self {
            client: Arc::new(Client::new(path)),
            room: Arc::new(Semaphore::new(ASKED_MAX)),
            feed,
        }
    }

    /// Asks; the answer, where there is no room to ask.
    pub(super) fn ask(
        &self,
        id: QueryId,
        number: Redacted<String>,
        since_millis: i64,
    ) -> Option<Input> {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            let extension = None;
            return Some(Input::LastWith { id, extension });
        };
        let (client, feed) = (Arc::clone(&self.client), self.feed.clone());
        tokio::spawn(async move {
            let request = Request::LastWith {
                number,
                since_millis,
            };
            let extension = match tokio::time::timeout(PATIENCE, client.call(&request)).await {
                Ok(Ok(Reply::LastWith(extension))) => extension,
                Ok(Ok(_)) => {
                    tracing::warn!("nobody is called back: the store does not say who it was");
                    None
                }
                Ok(Err(error)) => {
                    tracing::warn!("nobody is called back: {error}");
                    None
                }
                Err(_) => {
                    tracing::warn!("nobody is called back: the store takes too long");
                    None
                }
            };
            drop(room);
            // The process is ending when nobody hears it.
            let _ = feed.send(Input::LastWith { id, extension }).await;
        });
        None
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

    #[test]
    fn a_store_that_is_away_is_nobody_at_once_and_questions_are_bounded() {
        let nobody = |id| Input::LastWith {
            id,
            extension: None,
        };
        runtime().block_on(async {
            let (feeder, mut feed) = mpsc::channel(ASKED_MAX);
            let link = LastWith::new(PathBuf::from("/nowhere/store.sock"), feeder);
            for id in 0..ASKED_MAX {
                let id = u64::try_from(id).expect("small");
                assert_eq!(link.ask(id, number(), 0), None);
            }
            assert_eq!(link.ask(99, number(), 0), Some(nobody(99)));
            for _ in 0..ASKED_MAX {
                let told = feed.recv().await.expect("an answer");
                let Input::LastWith { id, .. } = told else {
                    panic!("{told:?}");
                };
                assert_eq!(told, nobody(id));
            }
            assert_eq!(link.ask(100, number(), 0), None, "there is room again");
        });
    }
}
