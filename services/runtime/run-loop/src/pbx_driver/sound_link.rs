//! The way to `media`: requests in order, each with exactly one answer; and what `media` tells by
//! itself.
//!
//! What waits is asked together: a turn of the loop, or the time of an answer, gathers the requests
//! of a call, and they cost both processes one wake-up. What takes a file takes time, and is asked
//! alone: the requests of other calls must not fail because of it.
//!
//! What `media` did not answer is asked again, one by one, on a new connection; except what must
//! not happen twice. What it still does not answer is in the book, and told when it is back.

use std::path::PathBuf;
use std::time::Duration;

use ipc::sound::{Clip, EndpointId, Event, Reply, Request, Source};
use pbx::Input;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::sound_book::SoundBook;
use crate::ipc::{CallError, Client, Missing, Subscription};

/// Requests waiting for `media`: a call makes about ten, and a restored process asks for all calls.
const WAITING_MAX: usize = 16 * 1024;

/// Requests asked together at most.
const BATCH_MAX: usize = 64;

/// Events on their way from the watch to the book.
const EVENTS_MAX: usize = 256;

/// How often to look whether `media` still has the endpoints of all calls. It is told at once when
/// `media` ends; this is for what else may go wrong.
const LOOK: Duration = Duration::from_secs(2);

/// Rest before a watch that ended is begun again: `media` is back in a tenth of a second. Doubled
/// each time it fails again, up to the other.
const WATCH_PAUSE: Duration = Duration::from_millis(20);
const WATCH_PAUSE_MAX: Duration = Duration::from_millis(500);

/// Sends requests to `media`.
#[derive(Debug)]
pub(super) struct SoundLink {
    waiting: mpsc::Sender<Request>,
}

impl SoundLink {
    /// Starts the tasks that ask the service behind `path` and follow what it tells; answers and
    /// events go into `feed`.
    pub(super) fn start(path: PathBuf, feed: mpsc::Sender<Input>) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let (news, told) = mpsc::channel(EVENTS_MAX);
        tokio::spawn(watch(path.clone(), news));
        let asking = Asking {
            // It opens a new connection by itself when media has been restarted.
            client: Client::new(path),
            book: SoundBook::default(),
            feed,
        };
        tokio::spawn(asking.run(queue, told));
        Self { waiting }
    }

    /// Queues a request. Gives the answer at once when too many wait already.
    pub(super) fn ask(&self, request: Request) -> Option<Input> {
        let endpoint = endpoint_of(&request);
        let refused = self.waiting.try_send(request).err()?;
        tracing::warn!("media does not keep up: {refused}");
        let reason = "media does not keep up".to_owned();
        Some(Input::Sound {
            endpoint,
            reply: Reply::Failed { reason },
        })
    }
}

/// What the watch saw.
#[derive(Debug)]
enum News {
    /// Something happened.
    Event(Event),
    /// `media` is there, and perhaps new.
    Back,
}

/// Follows the events of `media` for ever.
async fn watch(path: PathBuf, news: mpsc::Sender<News>) {
    let mut seen = false;
    let mut pause = WATCH_PAUSE;
    loop {
        let begun = Instant::now();
        if let Ok(mut events) = Subscription::<Reply>::open(&path, &Request::Watch).await {
            if seen && news.send(News::Back).await.is_err() {
                return;
            }
            while let Ok(Reply::Event(event)) = events.next().await {
                if news.send(News::Event(event)).await.is_err() {
                    return;
                }
            }
            seen = true;
        }
        if news.is_closed() {
            return;
        }
        pause = if begun.elapsed() > WATCH_PAUSE_MAX {
            WATCH_PAUSE
        } else {
            pause.saturating_mul(2).min(WATCH_PAUSE_MAX)
        };
        sleep(pause).await;
    }
}

struct Asking {
    client: Client<Request, Reply>,
    book: SoundBook,
    feed: mpsc::Sender<Input>,
}

impl Asking {
    async fn run(mut self, mut queue: mpsc::Receiver<Request>, mut told: mpsc::Receiver<News>) {
        let mut look = interval_at(Instant::now() + LOOK, LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let goes_on = tokio::select! {
                biased;
                Some(news) = told.recv() => self.hear(news).await,
                request = queue.recv() => match request {
                    Some(request) => self.ask_in_turn(gather(request, &mut queue)).await,
                    None => false,
                },
                _ = look.tick() => {
                    self.restore().await;
                    true
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn hear(&mut self, news: News) -> bool {
        match news {
            News::Back => {
                self.book.is_new();
                self.restore().await;
                true
            }
            News::Event(event) => {
                self.book.note_event(&event);
                self.feed.send(Input::SoundEvent(event)).await.is_ok()
            }
        }
    }

    async fn ask_in_turn(&mut self, requests: Vec<Request>) -> bool {
        for together in batches(requests) {
            if !self.ask(together).await {
                return false;
            }
        }
        true
    }

    async fn ask(&mut self, requests: Vec<Request>) -> bool {
        if self.book.is_doubtful() && requests.iter().any(is_opening) {
            // What an earlier failure left behind would hold the ports that are wanted.
            self.restore().await;
        }
        let replies = self.answers(&requests).await;
        let mut asked: Vec<_> = requests.into_iter().zip(replies).collect();
        let is_lost = |(request, reply): &(Request, Option<Reply>)| {
            *reply == Some(Reply::Unknown) && is_about_an_open_one(request)
        };
        // What was done is in the book before anything is told again.
        let lost: Vec<bool> = asked.iter().map(is_lost).collect();
        for (done, _) in asked.iter_mut().zip(&lost).filter(|(_, lost)| !**lost) {
            self.note(done);
        }
        if lost.contains(&true) {
            self.restore().await;
        }
        for (again, _) in asked.iter_mut().zip(&lost).filter(|(_, lost)| **lost) {
            again.1 = self.ask_once(&again.0).await.ok();
            self.note(again);
        }
        for (request, reply) in asked {
            let answer = answer_to(&request, reply.unwrap_or_else(unanswered));
            if self.feed.send(answer).await.is_err() {
                return false;
            }
        }
        true
    }

    /// What `media` answers to each of these, if it does.
    async fn answers(&mut self, requests: &[Request]) -> Vec<Option<Reply>> {
        let answers = self.client.call_all(requests).await;
        let mut replies: Vec<_> = answers.replies.into_iter().map(Some).collect();
        let Some(missing) = answers.missing else {
            return replies;
        };
        tracing::warn!("media did not answer: {}", missing.error);
        let mut is_away = matches!(missing.error, CallError::Unreachable { .. });
        for request in requests.iter().skip(replies.len()) {
            if is_away || !may_be_repeated(request, &missing) {
                replies.push(None);
                continue;
            }
            let again = self.ask_once(request).await;
            // With one that does not answer, the others need not wait as long again.
            is_away = again.as_ref().is_err_and(is_away_after);
            replies.push(again.ok());
        }
        replies
    }

    /// Asks alone and once.
    async fn ask_once(&self, request: &Request) -> Result<Reply, Missing> {
        let answers = self.client.call_all(std::slice::from_ref(request)).await;
        match answers.missing {
            Some(missing) => {
                tracing::warn!("media did not answer: {}", missing.error);
                Err(missing)
            }
            None => Ok(answers.replies.into_iter().next().unwrap_or(Reply::Unknown)),
        }
    }

    /// Tells how recordings are kept, if `media` is there.
    async fn tell_keeping(&mut self) {
        if let Some(keeping) = self.book.untold_keeping() {
            let request = Request::KeepRecordings(keeping);
            if let Ok(reply) = self.client.call(&request).await {
                self.book.note(&request, reply);
            }
        }
    }

    fn note(&mut self, (request, reply): &mut (Request, Option<Reply>)) {
        let answer = reply.take().unwrap_or_else(|| {
            self.book.missed(request);
            unanswered()
        });
        *reply = Some(self.book.note(request, answer));
    }

    /// Opens again what a restarted `media` has forgotten, and closes what no call has.
    async fn restore(&mut self) {
        if self.book.is_settled() {
            return;
        }
        self.tell_keeping().await;
        // While it is away there is nothing to do; the next look comes soon.
        let Ok(Reply::Endpoints(endpoints)) = self.client.call(&Request::Status).await else {
            return;
        };
        let differences = self.book.differences(endpoints);
        if differences.is_empty() {
            return;
        }
        self.tell_again(differences).await;
        for id in self.book.take_lost() {
            // The loop gone means the process is ending.
            let lost = Input::SoundEvent(Event::RecordingLost { id });
            let _ = self.feed.send(lost).await;
        }
    }

    /// Together, too: while calls hear nothing, each would wait for the way there and back of all
    /// before it.
    async fn tell_again(&mut self, differences: Vec<Request>) {
        tracing::warn!("media was restarted or did not answer: telling it what it should have");
        let mut waiting = batches(differences).into_iter();
        while let Some(together) = waiting.next() {
            let answers = self.client.call_all(&together).await;
            let answered = answers.replies.len();
            for (request, reply) in together.iter().zip(answers.replies) {
                self.note_again(request, reply).await;
            }
            let Some(missing) = answers.missing else {
                continue;
            };
            tracing::warn!("media did not answer: {}", missing.error);
            self.book.doubt();
            // Nobody knows of these; those behind them were not told at all.
            let unanswered = together.iter().skip(answered);
            for untold in unanswered.chain(waiting.as_slice().iter().flatten()) {
                self.book.missed(untold);
            }
            return;
        }
    }

    async fn note_again(&mut self, request: &Request, reply: Reply) {
        match reply {
            Reply::Failed { reason } if takes_recorder(request) || plays_file(request) => {
                let reply = self.book.note(request, Reply::Failed { reason });
                // The loop gone means the process is ending.
                let _ = self.feed.send(answer_to(request, reply)).await;
            }
            Reply::Failed { reason } => {
                tracing::warn!("an endpoint does not come back whole: {reason}");
            }
            reply => self.tell_of_move(request, reply).await,
        }
    }
}

impl Asking {
    /// An endpoint that came back on another port, because somebody took the one it had: its peer
    /// has to be told, so the node gets this answer though it did not ask.
    async fn tell_of_move(&mut self, request: &Request, reply: Reply) {
        let (Request::Open { id, port, .. }, Reply::Opened { port: now }) = (request, &reply)
        else {
            return;
        };
        if *port == Some(*now) {
            return;
        }
        let endpoint = *id;
        let reply = self.book.note(request, reply);
        // The loop gone means the process is ending.
        let _ = self.feed.send(Input::Sound { endpoint, reply }).await;
    }
}

/// A request with whatever else waits behind it.
fn gather(request: Request, queue: &mut mpsc::Receiver<Request>) -> Vec<Request> {
    let mut requests = vec![request];
    while requests.len() < BATCH_MAX
        && let Ok(next) = queue.try_recv()
    {
        requests.push(next);
    }
    requests
}

/// Those that are asked together, [`BATCH_MAX`] at most; one that takes a file is alone.
fn batches(requests: Vec<Request>) -> Vec<Vec<Request>> {
    let mut batches: Vec<Vec<Request>> = Vec::new();
    for request in requests {
        match batches.last_mut() {
            Some(batch)
                if batch.len() < BATCH_MAX
                    && !takes_file(&request)
                    && !batch.iter().any(takes_file) =>
            {
                batch.push(request);
            }
            _ => batches.push(vec![request]),
        }
    }
    batches
}

/// What the node is told of an answer. It does not wait for one to a recording, but hears when
/// there will be none; what `media` did not answer to is told it again (see [`SoundBook::missed`]).
fn answer_to(request: &Request, reply: Reply) -> Input {
    let endpoint = endpoint_of(request);
    match reply {
        Reply::Failed { reason } if takes_recorder(request) && reason != UNANSWERED => {
            let id = endpoint;
            Input::SoundEvent(Event::RecordingFailed { id, reason })
        }
        Reply::Failed { reason } if plays_file(request) && reason != UNANSWERED => {
            tracing::warn!("a prompt is passed over: {reason}");
            Input::SoundEvent(Event::ClipEnded { id: endpoint })
        }
        reply => Input::Sound { endpoint, reply },
    }
}

/// A file that cannot be played has been heard: whoever waits for its end goes on.
const fn plays_file(request: &Request) -> bool {
    matches!(request, Request::Hear(_, Source::Clip(Clip::File(_))))
}

const fn takes_recorder(request: &Request) -> bool {
    matches!(request, Request::Record { .. })
}

fn unanswered() -> Reply {
    Reply::Failed {
        reason: UNANSWERED.to_owned(),
    }
}

/// What stands for an answer that did not come.
const UNANSWERED: &str = "media did not answer";

/// Whether there is nobody to ask at the moment; one that died is back at once.
const fn is_away_after(missing: &Missing) -> bool {
    match missing.error {
        CallError::TimedOut { .. } | CallError::Unreachable { .. } => true,
        CallError::Closed { .. } | CallError::Frame { .. } => false,
    }
}

/// Whether a request without an answer may be asked again.
const fn may_be_repeated(request: &Request, missing: &Missing) -> bool {
    match request {
        // The peer would hear the digits twice.
        Request::Dial { .. } => !missing.was_seen,
        // A file that was slow has had its time, and more of it would be that of other calls.
        Request::Hear(..) if takes_file(request) => {
            !matches!(missing.error, CallError::TimedOut { .. })
        }
        Request::Open { .. }
        | Request::Set(..)
        | Request::Hear(..)
        | Request::Record { .. }
        | Request::StopRecording(_)
        | Request::KeepRecordings(_)
        | Request::Recordings
        | Request::DeleteRecording(_)
        | Request::ReadRecording { .. }
        | Request::Close(_)
        | Request::KeepOnly(_)
        | Request::Status
        | Request::Watch => true,
    }
}

/// Whether `media` has to open a file for it.
const fn takes_file(request: &Request) -> bool {
    matches!(
        request,
        Request::Record { .. } | Request::Hear(_, Source::Clip(Clip::File(_)))
    )
}

const fn is_opening(request: &Request) -> bool {
    matches!(request, Request::Open { .. })
}

/// Whether a request makes sense only for an endpoint that is open: one that `media` does not know
/// was lost with the process before.
const fn is_about_an_open_one(request: &Request) -> bool {
    match request {
        Request::Set(..)
        | Request::Hear(..)
        | Request::Dial { .. }
        | Request::Record { .. }
        | Request::StopRecording(_) => true,
        Request::Open { .. }
        | Request::KeepRecordings(_)
        | Request::Recordings
        | Request::DeleteRecording(_)
        | Request::ReadRecording { .. }
        | Request::Close(_)
        | Request::KeepOnly(_)
        | Request::Status
        | Request::Watch => false,
    }
}

/// The endpoint a request names; 0 when it names none.
const fn endpoint_of(request: &Request) -> EndpointId {
    match request {
        Request::Open { id, .. }
        | Request::Set(id, _)
        | Request::Hear(id, _)
        | Request::Dial { id, .. }
        | Request::Record { id, .. }
        | Request::StopRecording(id)
        | Request::Close(id) => *id,
        Request::KeepRecordings(_)
        | Request::Recordings
        | Request::DeleteRecording(_)
        | Request::ReadRecording { .. }
        | Request::KeepOnly(_)
        | Request::Status
        | Request::Watch => 0,
    }
}

#[cfg(test)]
mod tests;
