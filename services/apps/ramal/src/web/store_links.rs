//! Asking the store: for call records by a connection of their own. To find somebody's few it may
//! look through all there are, and neither a sign-in nor a commit waits behind that.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use admin::Away;
use ipc::store::{CallsOf, Reply, Request};
use run_loop::ipc::Client;
use tokio::sync::Semaphore;

/// The ways to the store.
pub(crate) struct StoreLinks {
    link: Client<Request, Reply>,
    searches: Arc<Searches>,
}

struct Searches {
    link: Client<Request, Reply>,
    places: Semaphore,
    /// Whose searches have a place: each is one of a person who sees the calls of these numbers.
    under_way: Mutex<Vec<Vec<CallsOf>>>,
}

/// Searches that may wait for the one under way: each holds a request of somebody's.
const WAITING_MAX: usize = 16;

/// Of them, those that one person may have who does not see all calls: one page, and another one
/// that is opened meanwhile. Everybody else's calls are shown all the same.
const WAITING_MAX_OF_ONE: usize = 2;

/// A search looks at 200,000 rows at worst, on slow flash.
const SEARCH_TIME_MAX_SECS: u64 = 30;

impl StoreLinks {
    pub(crate) fn new(socket: &Path) -> Self {
        Self {
            link: Client::new(socket),
            searches: Arc::new(Searches {
                link: Client::within(socket, SEARCH_TIME_MAX_SECS),
                places: Semaphore::new(WAITING_MAX),
                under_way: Mutex::default(),
            }),
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`Away::Silent`] when there is none, [`Away::Busy`] when too many search already.
    pub(crate) async fn call(&self, request: &Request) -> Result<Reply, Away> {
        if matches!(request, Request::Calls { .. } | Request::CallCounts { .. }) {
            return self.search(request.clone()).await;
        }
        answered(self.link.call(request).await)
    }

    /// Goes on when whoever asked does not wait for it: the store does so too, and would be asked
    /// for the next one meanwhile.
    async fn search(&self, request: Request) -> Result<Reply, Away> {
        let searches = Arc::clone(&self.searches);
        let task = tokio::spawn(async move {
            let Ok(_place) = searches.places.try_acquire() else {
                return Err(Away::Busy);
            };
            let Some(_own) = searches.own_place(&request) else {
                return Err(Away::Busy);
            };
            answered(searches.link.call(&request).await)
        });
        task.await.unwrap_or(Err(Away::Silent("store")))
    }
}

impl Searches {
    /// One of the places of whoever asks, who is known by what he may see; `None` when he has all
    /// of them already.
    fn own_place(&self, request: &Request) -> Option<OwnPlace<'_>> {
        let (Request::Calls { only, .. } | Request::CallCounts { only, .. }) = request else {
            return Some(OwnPlace(self, None));
        };
        let Some(numbers) = &only.numbers else {
            return Some(OwnPlace(self, None));
        };
        let mut under_way = self.under_way();
        if under_way.iter().filter(|it| *it == numbers).count() >= WAITING_MAX_OF_ONE {
            return None;
        }
        under_way.push(numbers.clone());
        Some(OwnPlace(self, Some(numbers.clone())))
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<Vec<CallsOf>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Free again when the search has ended.
struct OwnPlace<'a>(&'a Searches, Option<Vec<CallsOf>>);

impl Drop for OwnPlace<'_> {
    fn drop(&mut self) {
        let Some(numbers) = &self.1 else { return };
        let mut under_way = self.0.under_way();
        if let Some(at) = under_way.iter().position(|it| it == numbers) {
            under_way.swap_remove(at);
        }
    }
}

fn answered(reply: Result<Reply, run_loop::ipc::CallError>) -> Result<Reply, Away> {
    reply.map_err(|error| {
        tracing::warn!("{error}");
        Away::Silent("store")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc;

    use ipc::store::CallFilter;
    use run_loop::ipc::{Answer, serve};

    use super::*;

    fn calls() -> Request {
        Request::Calls {
            limit: 1,
            before: None,
            only: CallFilter::default(),
        }
    }

    /// A store that is not through with call records before it is told so.
    fn slow_store(name: &str) -> (StoreLinks, mpsc::Sender<()>) {
        let name = format!("ramal-store-{}-{name}.sock", std::process::id());
        let socket = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("a socket");
        let (go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        std::thread::spawn(move || {
            serve(
                &listener,
                |_| true,
                move |_, request: Request| {
                    Answer::Reply(match request {
                        Request::Calls { .. } => {
                            let gone = gone.lock().unwrap_or_else(PoisonError::into_inner);
                            let _ = gone.recv();
                            Reply::Calls(Vec::new())
                        }
                        _ => Reply::Stored,
                    })
                },
            )
        });
        (StoreLinks::new(&socket), go)
    }

    #[tokio::test]
    async fn nothing_else_waits_behind_a_search() {
        let (links, go) = slow_store("wait");
        let (request, config) = (calls(), Request::Config);
        let search = links.call(&request);
        tokio::pin!(search);
        tokio::select! {
            biased;
            _ = &mut search => panic!("nobody let it end"),
            other = links.call(&config) => assert_eq!(other, Ok(Reply::Stored)),
        }
        go.send(()).expect("it waits");
        assert_eq!(search.await, Ok(Reply::Calls(Vec::new())));
    }

    #[tokio::test]
    async fn one_person_does_not_take_the_places_of_all() {
        let (links, go) = slow_store("one");
        let links = Arc::new(links);
        let of = |number: &str| Request::Calls {
            limit: 1,
            before: None,
            only: CallFilter {
                numbers: Some(vec![CallsOf {
                    number: number.into(),
                    since_millis: 0,
                }]),
                ..CallFilter::default()
            },
        };
        for _ in 0..WAITING_MAX_OF_ONE {
            let (links, request) = (Arc::clone(&links), of("100"));
            tokio::spawn(async move { links.call(&request).await });
        }
        while links.searches.under_way().len() < WAITING_MAX_OF_ONE {
            tokio::task::yield_now().await;
        }
        assert_eq!(links.call(&of("100")).await, Err(Away::Busy));
        for _ in 0..=WAITING_MAX_OF_ONE {
            go.send(()).expect("they go on");
        }
        assert_eq!(links.call(&of("101")).await, Ok(Reply::Calls(Vec::new())));
        while !links.searches.under_way().is_empty() {
            tokio::task::yield_now().await;
        }
        go.send(()).expect("it may again");
        assert_eq!(links.call(&of("100")).await, Ok(Reply::Calls(Vec::new())));
    }

    #[tokio::test]
    async fn no_more_search_than_may_wait_whoever_hung_up() {
        let (links, go) = slow_store("many");
        let links = Arc::new(links);
        for _ in 0..WAITING_MAX {
            let links = Arc::clone(&links);
            let asked = tokio::spawn(async move { links.call(&calls()).await });
            tokio::task::yield_now().await;
            asked.abort();
        }
        while links.searches.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(links.call(&calls()).await, Err(Away::Busy));
        for _ in 0..WAITING_MAX {
            go.send(()).expect("they go on");
        }
        while links.searches.places.available_permits() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        go.send(()).expect("and one more");
        assert_eq!(links.call(&calls()).await, Ok(Reply::Calls(Vec::new())));
    }
}
