//! The way to `guard`: what a door found out, who is banned in.
//!
//! A door decides alone and goes on while `guard` is away. What it found meanwhile waits here, as
//! much as there is room for: a ban begins at the door, and only lasts longer with `guard`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipc::guard::{Bans, Finding, Guest, Protection, Reply, Request};
use ipc::masquerade::Sighting;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::sleep;

use crate::ipc::{Client, Subscription};

/// Findings that wait; more of them in the time `guard` needs to restart are a flood, of which
/// the first say enough.
const WAITING_MAX: usize = 1_024;
/// Rest before `guard` is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// Tells `guard` what a door found.
#[derive(Debug)]
pub struct GuardLink {
    news: mpsc::Sender<Request>,
    /// None while nothing was said: who has just started knows less than who ran before.
    guests: watch::Sender<Option<Vec<Guest>>>,
}

impl GuardLink {
    /// Starts the tasks that speak with the service behind `path`, for one that protects for these
    /// `reasons`. Who is banned is made what the door takes by `read`, in the task, as it may be a
    /// hundred thousand; that goes into `feed`.
    #[must_use]
    pub fn start<T: Send + 'static>(
        tasks: &Handle,
        path: PathBuf,
        reasons: &'static [Protection],
        read: impl Fn(Bans) -> Vec<T> + Send + 'static,
        feed: mpsc::Sender<T>,
    ) -> Self {
        let (news, told) = mpsc::channel(WAITING_MAX);
        let (guests, protected) = watch::channel(None);
        let again = Arc::<Notify>::default();
        tasks.spawn(tell(path.clone(), told));
        tasks.spawn(protect(
            path.clone(),
            reasons,
            protected,
            Arc::clone(&again),
        ));
        tasks.spawn(follow(path, again, read, feed));
        Self { news, guests }
    }

    /// Something was found. Beyond what may wait it is lost.
    pub fn found(&self, finding: Finding) {
        self.tell(Request::Found(finding));
    }

    /// Somebody outside was heard.
    pub fn outsider(&self, source: IpAddr) {
        self.tell(Request::Outsider(source.to_string()));
    }

    /// What came in this way may show that a router hides who comes in.
    pub fn seen(&self, sighting: Sighting) {
        self.tell(Request::Seen(sighting));
    }

    fn tell(&self, news: Request) {
        if self.news.try_send(news).is_err() {
            tracing::debug!("the guard is away, and too much was found meanwhile");
        }
    }

    /// These are never banned; they replace those of before.
    pub fn protect(&self, guests: Vec<Guest>) {
        self.guests.send_replace(Some(guests));
    }

    /// The service knows its site now: where it has said nothing of guests, it has none.
    pub fn settled(&self) {
        self.guests.send_if_modified(|guests| {
            let is_silent = guests.is_none();
            guests.get_or_insert_default();
            is_silent
        });
    }
}

/// Tells what was found, in order, each until it is taken.
async fn tell(path: PathBuf, mut told: mpsc::Receiver<Request>) {
    let client = Client::<Request, Reply>::new(path);
    while let Some(news) = told.recv().await {
        insist(&client, &news).await;
    }
}

/// Tells who is protected, once that is known: also when it is nobody, as an earlier process may
/// have said otherwise; whenever that changes; and to a guard that was restarted. What is told is
/// always the newest.
async fn protect(
    path: PathBuf,
    reasons: &'static [Protection],
    mut guests: watch::Receiver<Option<Vec<Guest>>>,
    again: Arc<Notify>,
) {
    let client = Client::<Request, Reply>::new(path);
    if guests.wait_for(Option::is_some).await.is_err() {
        return;
    }
    loop {
        let all = guests.borrow_and_update().clone().unwrap_or_default();
        let request = Request::Protect(reasons.to_vec(), all);
        if client.call(&request).await.is_err() {
            sleep(RETRY).await;
            continue;
        }
        tokio::select! {
            changed = guests.changed() => if changed.is_err() { return },
            () = again.notified() => {}
        }
    }
}

/// Asks until it is answered. A refusal is an answer: asking again would change nothing.
async fn insist(client: &Client<Request, Reply>, request: &Request) {
    let mut is_told = false;
    loop {
        match client.call(request).await {
            Ok(Reply::Taken) => return,
            Ok(other) => {
                tracing::warn!("the guard did not take what it was told: {other:?}");
                return;
            }
            Err(error) if !is_told => {
                is_told = true;
                tracing::debug!("{error}");
            }
            Err(_) => {}
        }
        sleep(RETRY).await;
    }
}

/// Follows who is banned for ever. A guard that was restarted knows nobody whom we protect.
async fn follow<T>(
    path: PathBuf,
    again: Arc<Notify>,
    read: impl Fn(Bans) -> Vec<T>,
    feed: mpsc::Sender<T>,
) {
    loop {
        if let Ok(mut bans) = Subscription::<Reply>::open(&path, &Request::Watch).await {
            again.notify_one();
            while let Ok(Reply::Bans(bans)) = bans.next().await {
                for piece in read(bans) {
                    if feed.send(piece).await.is_err() {
                        return;
                    }
                }
            }
        }
        if feed.is_closed() {
            return;
        }
        sleep(RETRY).await;
    }
}

#[cfg(test)]
mod tests;
