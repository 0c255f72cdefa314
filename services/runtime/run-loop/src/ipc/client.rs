//! The asking side on tokio.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipc::frame::{Decoder, append, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::{CALL_TIMEOUT_SECS, CallError};

/// Asks one service, one question at a time; reconnects when the connection has died.
#[derive(Debug)]
pub struct Client<Request, Reply> {
    path: PathBuf,
    link: Mutex<Option<Link>>,
    seconds: u64,
    types: PhantomData<fn(Request) -> Reply>,
}

impl<Request: Serialize, Reply: DeserializeOwned> Client<Request, Reply> {
    /// A client of the service behind `path`; connects at the first call.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::within(path, CALL_TIMEOUT_SECS)
    }

    /// A client of a service whose answers may take so many seconds.
    #[must_use]
    pub fn within(path: impl Into<PathBuf>, seconds: u64) -> Self {
        Self {
            path: path.into(),
            link: Mutex::new(None),
            seconds,
            types: PhantomData,
        }
    }

    /// Asks and waits for the answer.
    ///
    /// A connection that was open before and turns out dead is opened again and the question asked
    /// once more, so requests must be idempotent; for others there is [`call_all`](Self::call_all).
    ///
    /// # Errors
    /// The service cannot be reached, does not answer in time, or answers nonsense.
    pub async fn call(&self, request: &Request) -> Result<Reply, CallError> {
        let once = std::slice::from_ref(request);
        let mut answers = self.call_all(once).await;
        if let Some(missing) = &answers.missing
            && missing.was_open
            && !matches!(missing.error, CallError::TimedOut { .. })
        {
            answers = self.call_all(once).await;
        }
        let closed = || CallError::Closed {
            path: show(&self.path),
        };
        match answers.missing {
            None => answers.replies.pop().ok_or_else(closed),
            Some(missing) => Err(missing.error),
        }
    }

    /// Asks several questions with one write and waits for all the answers, which come in the same
    /// order. Each is asked once: what was answered before the connection died counts, and what to
    /// do about the rest is for the caller to say.
    pub async fn call_all(&self, requests: &[Request]) -> Answers<Reply> {
        let mut answers = Answers {
            replies: Vec::with_capacity(requests.len()),
            missing: None,
        };
        let mut link = self.link.lock().await;
        // Taken out while in use: a caller that is dropped half-way must not leave a connection
        // behind on which the next answer belongs to somebody else.
        let kept = link.take();
        let mut exchange = Exchange {
            path: &self.path,
            was_open: kept.is_some(),
            was_seen: false,
            replies: &mut answers.replies,
        };
        let time = Duration::from_secs(self.seconds);
        let asked = tokio::time::timeout(time, exchange.run(kept, requests)).await;
        let (was_open, was_seen) = (exchange.was_open, exchange.was_seen);
        let path = || show(&self.path);
        let timed_out = || CallError::TimedOut {
            path: path(),
            seconds: self.seconds,
        };
        match asked.unwrap_or_else(|_| Err(timed_out())) {
            Ok(used) => *link = Some(used),
            Err(error) => {
                answers.missing = Some(Missing {
                    error,
                    was_seen,
                    was_open,
                });
            }
        }
        answers
    }
}

/// What came of questions asked together.
#[derive(Debug)]
pub struct Answers<Reply> {
    /// The answers to the first of them, in order.
    pub replies: Vec<Reply>,
    /// Why there are no more; `None` when all are answered.
    pub missing: Option<Missing>,
}

/// Why questions have no answer.
#[derive(Debug)]
pub struct Missing {
    /// What happened.
    pub error: CallError,
    /// The service may have seen them, and done what they ask.
    pub was_seen: bool,
    /// It happened on a connection that had been open before.
    was_open: bool,
}

/// Questions on their way.
struct Exchange<'a, Reply> {
    path: &'a Path,
    was_open: bool,
    was_seen: bool,
    replies: &'a mut Vec<Reply>,
}

impl<Reply: DeserializeOwned> Exchange<'_, Reply> {
    /// Asks and gathers the answers; gives the connection they came on.
    async fn run<Request: Serialize>(
        &mut self,
        kept: Option<Link>,
        requests: &[Request],
    ) -> Result<Link, CallError> {
        let mut frames = Vec::new();
        for request in requests {
            append(&mut frames, request).map_err(|source| frame_error(self.path, source))?;
        }
        let mut link = self.send(kept, &frames).await?;
        while self.replies.len() < requests.len() {
            self.replies.push(link.receive(self.path).await?);
        }
        Ok(link)
    }

    /// Sends on the connection that was open, or on a new one when that takes nothing any more.
    async fn send(&mut self, kept: Option<Link>, frames: &[u8]) -> Result<Link, CallError> {
        if let Some(mut link) = kept {
            match link.send(self.path, frames, &mut self.was_seen).await {
                Ok(()) => return Ok(link),
                Err(error) if self.was_seen => return Err(error),
                Err(_) => self.was_open = false,
            }
        }
        let mut link = Link::open(self.path).await?;
        link.send(self.path, frames, &mut self.was_seen).await?;
        Ok(link)
    }
}

/// A stream of replies to one question, such as a configuration watch.
#[derive(Debug)]
pub struct Subscription<Reply> {
    path: PathBuf,
    link: Link,
    types: PhantomData<fn() -> Reply>,
}

impl<Reply: DeserializeOwned> Subscription<Reply> {
    /// Connects and asks.
    ///
    /// # Errors
    /// The service cannot be reached.
    pub async fn open<Request: Serialize>(
        path: impl Into<PathBuf>,
        request: &Request,
    ) -> Result<Self, CallError> {
        let path = path.into();
        let frame = encode(request).map_err(|source| frame_error(&path, source))?;
        let mut link = Link::open(&path).await?;
        link.send(&path, &frame, &mut false).await?;
        Ok(Self {
            path,
            link,
            types: PhantomData,
        })
    }

    /// The next reply, however long it takes.
    ///
    /// # Errors
    /// The service went away; open a new subscription.
    pub async fn next(&mut self) -> Result<Reply, CallError> {
        self.link.receive(&self.path).await
    }
}

#[derive(Debug)]
struct Link {
    stream: UnixStream,
    decoder: Decoder,
    /// Where bytes arrive; made once, not cleared for each answer.
    buffer: Vec<u8>,
}

impl Link {
    async fn open(path: &Path) -> Result<Self, CallError> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|source| CallError::Unreachable {
                path: show(path),
                source,
            })?;
        Ok(Self {
            stream,
            decoder: Decoder::default(),
            buffer: vec![0; 8192],
        })
    }

    /// Sends frames; `was_seen` tells from when on the service may read of them.
    async fn send(
        &mut self,
        path: &Path,
        frames: &[u8],
        was_seen: &mut bool,
    ) -> Result<(), CallError> {
        let mut rest = frames;
        while !rest.is_empty() {
            match self.stream.write(rest).await {
                Ok(count) if count > 0 => rest = rest.get(count..).unwrap_or_default(),
                _ => return Err(CallError::Closed { path: show(path) }),
            }
            *was_seen = true;
        }
        Ok(())
    }

    async fn receive<Reply: DeserializeOwned>(&mut self, path: &Path) -> Result<Reply, CallError> {
        loop {
            if let Some(reply) = self
                .decoder
                .pop()
                .map_err(|source| frame_error(path, source))?
            {
                return Ok(reply);
            }
            match self.stream.read(&mut self.buffer).await {
                Ok(count) if count > 0 => {
                    let read = self.buffer.get(..count);
                    self.decoder.push(read.unwrap_or_default());
                }
                _ => return Err(CallError::Closed { path: show(path) }),
            }
        }
    }
}

pub(super) fn show(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn frame_error(path: &Path, source: ipc::frame::FrameError) -> CallError {
    CallError::Frame {
        path: show(path),
        source,
    }
}
