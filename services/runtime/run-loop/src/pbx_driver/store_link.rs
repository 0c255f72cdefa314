//! The way to the store: configuration in, call records and registrations out.
//!
//! The store may die at any time, and calls go on meanwhile. What waits to be kept is held here,
//! the newest state of each record only, and offered again until the store says it is durable.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use config::Site;
use ipc::store::{CallRecord, PhoneChange, Registration, Reply, Request, Spent};
use pbx::{Input, Stored};
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use crate::ipc::{Client, Subscription};

/// Call records held while the store is away: hours of calls for a small office, about 2 MiB.
const WAITING_MAX: usize = 10_000;

/// Call records in one request.
const BATCH_MAX: usize = 256;

/// Bytes kept of what a phone dialled; it may send as much as a message holds, and a batch of
/// records, or a page of them later, must fit an ipc frame.
const DIALLED_LENGTH_MAX: usize = 256;

/// How long records gather before they are offered: one commit for many calls.
const GATHER: Duration = Duration::from_millis(100);

/// Rest before the store is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// Hands records to the store.
#[derive(Debug)]
pub(super) struct StoreLink {
    path: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: BTreeMap<String, CallRecord>,
    registrations: Option<Vec<Registration>>,
    spent: Option<Spent>,
    /// A request is under way.
    offered: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.registrations.is_none() && self.spent.is_none()
    }
}

impl StoreLink {
    /// A link to the service behind `path`. It holds what it is given until [`Self::start`].
    pub(super) fn new(path: PathBuf) -> Self {
        let shared = Arc::default();
        Self { path, shared }
    }

    /// Starts watching and writing; what comes back goes to `feed`. Of the records still open in
    /// the store, only those with an id in `taken_over` go on.
    pub(super) fn start(&self, taken_over: Vec<String>, feed: mpsc::Sender<Input>) {
        tokio::spawn(watch(self.path.clone(), feed.clone()));
        let shared = Arc::clone(&self.shared);
        tokio::spawn(write(self.path.clone(), taken_over, shared, feed));
    }

    /// Changes a setting once, as somebody asked at his phone; he hears the tone that says it was
    /// taken, and tries again when it had no effect.
    pub(super) fn change(&self, change: PhoneChange) {
        let client = Client::<Request, Reply>::new(self.path.clone());
        tokio::spawn(async move {
            match client.call(&Request::ChangeAtPhone(change)).await {
                Ok(Reply::Committed { .. }) => {}
                Ok(other) => tracing::warn!("a setting was not changed: {}", refusal(&other)),
                Err(error) => tracing::warn!("a setting was not changed: {error}"),
            }
        });
    }

    /// Queues call records; a later one with the same id replaces an earlier one. Says at once
    /// which are lost because too many wait.
    pub(super) fn put_calls(&self, records: Vec<CallRecord>) -> Option<Input> {
        let mut lost = Vec::new();
        let mut waiting = self.shared.lock();
        for mut record in records {
            let end = record.to.floor_char_boundary(DIALLED_LENGTH_MAX);
            record.to.truncate(end);
            waiting.calls.insert(record.id.clone(), record);
        }
        while waiting.calls.len() > WAITING_MAX {
            // The oldest, since ids sort by time.
            if let Some((id, _)) = waiting.calls.pop_first() {
                tracing::error!(
                    call = id,
                    "the store is away too long: a call record is lost"
                );
                lost.push(id);
            }
        }
        drop(waiting);
        self.shared.wake.notify_one();
        (!lost.is_empty()).then_some(Input::Stored(Stored::Lost(lost)))
    }

    /// Queues the registrations in place of the list before.
    pub(super) fn put_registrations(&self, registrations: Vec<Registration>) {
        self.shared.lock().registrations = Some(registrations);
        self.shared.wake.notify_one();
    }

    /// Queues what was spent in place of what was said of it before.
    pub(super) fn put_spent(&self, spent: Spent) {
        self.shared.lock().spent = Some(spent);
        self.shared.wake.notify_one();
    }

    /// Whether everything handed over is durable.
    pub(super) fn is_idle(&self) -> bool {
        let waiting = self.shared.lock();
        waiting.is_empty() && !waiting.offered
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A holder that panicked left whole records behind: each step is one insertion.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the configuration for ever.
async fn watch(path: PathBuf, feed: mpsc::Sender<Input>) {
    let mut told = false;
    loop {
        let ended = match Subscription::<Reply>::open(&path, &Request::Watch).await {
            Ok(mut subscription) => {
                told = false;
                follow(&mut subscription, &feed).await
            }
            Err(error) => Some(error.to_string()),
        };
        let Some(reason) = ended else { return };
        if !told {
            told = true;
            tracing::warn!("the configuration in use stays until the store is back: {reason}");
        }
        sleep(RETRY).await;
    }
}

/// Why the watch ended; `None` when the process is ending.
async fn follow(
    subscription: &mut Subscription<Reply>,
    feed: &mpsc::Sender<Input>,
) -> Option<String> {
    loop {
        match subscription.next().await {
            Ok(Reply::Config { version, site }) => match Site::parse(&site) {
                Ok(site) => {
                    feed.send(Input::Config(version, Arc::new(site)))
                        .await
                        .ok()?;
                }
                Err(faults) => {
                    for fault in faults {
                        tracing::error!(version, "the configuration is not valid: {fault}");
                    }
                }
            },
            Ok(other) => return Some(refusal(&other)),
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// Brings the store up to date, then keeps it so.
async fn write(
    path: PathBuf,
    taken_over: Vec<String>,
    shared: Arc<Shared>,
    feed: mpsc::Sender<Input>,
) {
    let client = Client::<Request, Reply>::new(path);
    // In this order, before any record of our own: whatever else is still open in the store belongs
    // to a process that is gone.
    insist(&client, &Request::InterruptOpenCalls { except: taken_over }).await;
    if let Reply::Registrations(kept) = insist(&client, &Request::Registrations).await
        && feed.send(Input::StoredRegistrations(kept)).await.is_err()
    {
        return;
    }
    if let Reply::Spent(kept) = insist(&client, &Request::Spent).await
        && feed.send(Input::StoredSpent(kept)).await.is_err()
    {
        return;
    }
    let mut told = false;
    loop {
        shared.wake.notified().await;
        sleep(GATHER).await;
        while let Some(offer) = shared.offer() {
            if let Err(reason) = attempt(&client, &offer.request()).await {
                tell_once(&mut told, &reason);
                shared.take_back(offer);
                sleep(RETRY).await;
                continue;
            }
            told = false;
            let stored = shared.settle(offer);
            if feed.send(Input::Stored(stored)).await.is_err() {
                return;
            }
            if !shared.lock().is_empty() {
                // What came meanwhile is not alone either.
                sleep(GATHER).await;
            }
        }
    }
}

/// What is under way to the store.
enum Offer {
    Calls(Vec<CallRecord>),
    Registrations(Vec<Registration>),
    Spent(Spent),
}

impl Offer {
    fn request(&self) -> Request {
        match self {
            Self::Calls(records) => Request::PutCalls(records.clone()),
            Self::Registrations(all) => Request::PutRegistrations(all.clone()),
            Self::Spent(spent) => Request::PutSpent(spent.clone()),
        }
    }
}

impl Shared {
    fn offer(&self) -> Option<Offer> {
        let mut waiting = self.lock();
        let offer = if waiting.calls.is_empty() {
            let spent = waiting.spent.take().map(Offer::Spent);
            spent.or_else(|| waiting.registrations.take().map(Offer::Registrations))
        } else {
            Some(Offer::Calls(
                waiting.calls.values().take(BATCH_MAX).cloned().collect(),
            ))
        };
        waiting.offered = offer.is_some();
        offer
    }

    /// Keeps what the store did not take. Call records go first again: registrations it refuses
    /// must not hold them back.
    fn take_back(&self, offer: Offer) {
        let mut waiting = self.lock();
        waiting.offered = false;
        match offer {
            // They were never taken out.
            Offer::Calls(_) => {}
            Offer::Registrations(all) => {
                waiting.registrations.get_or_insert(all);
            }
            Offer::Spent(spent) => {
                waiting.spent.get_or_insert(spent);
            }
        }
    }

    /// Forgets what is durable now; a record that has changed since it was offered stays.
    fn settle(&self, offer: Offer) -> Stored {
        let mut waiting = self.lock();
        waiting.offered = false;
        match offer {
            Offer::Calls(records) => {
                let mut durable = Vec::new();
                for record in records {
                    if waiting.calls.get(&record.id) == Some(&record) {
                        waiting.calls.remove(&record.id);
                        durable.push(record.id);
                    }
                }
                Stored::Calls(durable)
            }
            Offer::Registrations(_) => Stored::Registrations,
            Offer::Spent(_) => Stored::Spent,
        }
    }
}

/// Asks until the store agrees.
async fn insist(client: &Client<Request, Reply>, request: &Request) -> Reply {
    let mut told = false;
    loop {
        match attempt(client, request).await {
            Ok(reply) => return reply,
            Err(reason) => tell_once(&mut told, &reason),
        }
        sleep(RETRY).await;
    }
}

/// Asks once; an error says why the store did not do it.
async fn attempt(client: &Client<Request, Reply>, request: &Request) -> Result<Reply, String> {
    match client.call(request).await {
        Ok(reply @ (Reply::Stored | Reply::Registrations(_) | Reply::Spent(_))) => Ok(reply),
        Ok(other) => Err(refusal(&other)),
        Err(error) => Err(error.to_string()),
    }
}

fn tell_once(told: &mut bool, reason: &str) {
    if !*told {
        *told = true;
        tracing::warn!("the store keeps nothing at the moment; trying on: {reason}");
    }
}

/// A reply that is not the one asked for, in words; never its content, which may hold secrets.
fn refusal(reply: &Reply) -> String {
    if let Reply::Failed { reason } = reply {
        reason.clone()
    } else if let Reply::Refused { uid } = reply {
        format!("the store does not serve user id {uid}")
    } else {
        "the store gave an answer to another question".to_owned()
    }
}

#[cfg(test)]
#[path = "store_link_tests.rs"]
mod tests;
