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
    types: PhantomData<fn(Request) -> Reply>,
}

impl<Request: Serialize, Reply: DeserializeOwned> Client<Request, Reply> {
    /// A client of the service behind `path`; connects at the first call.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            link: Mutex::new(None),
            types: PhantomData,
        }
    }

    /// Asks and waits for the answer.
    ///
    /// A connection that was open before and turns out dead is opened again and the question asked
    /// once more, so requests must be idempotent; those of `proto/ipc` are.
    ///
    /// # Errors
    /// The service cannot be reached, does not answer in time, or answers nonsense.
    pub async fn call(&self, request: &Request) -> Result<Reply, CallError> {
        let replies = self.call_all(std::slice::from_ref(request)).await?;
        let reply = replies.into_iter().next();
        reply.ok_or_else(|| CallError::Closed {
            path: show(&self.path),
        })
    }

    /// Asks several questions with one write and waits for all the answers, as many and in the same
    /// order. As [`call`](Self::call) otherwise: after a dead connection all are asked once more.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_all(&self, requests: &[Request]) -> Result<Vec<Reply>, CallError> {
        let mut frames = Vec::new();
        for request in requests {
            append(&mut frames, request).map_err(|source| frame_error(&self.path, source))?;
        }
        let mut link = self.link.lock().await;
        let time = Duration::from_secs(CALL_TIMEOUT_SECS);
        // Taken out while in use: a caller that is dropped half-way must not leave a connection
        // behind on which the next answer belongs to somebody else.
        let kept = link.take();
        let asked = tokio::time::timeout(time, self.ask(kept, &frames, requests.len()));
        let (replies, used) = asked.await.map_err(|_| CallError::TimedOut {
            path: show(&self.path),
        })??;
        *link = Some(used);
        Ok(replies)
    }

    async fn ask(
        &self,
        kept: Option<Link>,
        frames: &[u8],
        count: usize,
    ) -> Result<(Vec<Reply>, Link), CallError> {
        if let Some(mut link) = kept
            && let Ok(replies) = link.exchange(&self.path, frames, count).await
        {
            return Ok((replies, link));
        }
        let mut link = Link::open(&self.path).await?;
        let replies = link.exchange(&self.path, frames, count).await?;
        Ok((replies, link))
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
        link.send(&path, &frame).await?;
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

    async fn exchange<Reply: DeserializeOwned>(
        &mut self,
        path: &Path,
        frames: &[u8],
        count: usize,
    ) -> Result<Vec<Reply>, CallError> {
        self.send(path, frames).await?;
        let mut replies = Vec::with_capacity(count);
        while replies.len() < count {
            replies.push(self.receive(path).await?);
        }
        Ok(replies)
    }

    async fn send(&mut self, path: &Path, frame: &[u8]) -> Result<(), CallError> {
        self.stream
            .write_all(frame)
            .await
            .map_err(|_| CallError::Closed { path: show(path) })
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
