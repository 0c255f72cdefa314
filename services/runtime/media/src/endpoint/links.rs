//! Connections of those who ask, as the media thread serves them.
//!
//! The pump answers by itself what can be answered at once: a request then costs one wake-up, and
//! no other thread stands between. A request that takes a file, or time, goes with its connection
//! to a thread of its own, and the connection comes back when it is answered; meanwhile nothing is
//! read from it, so answers keep their order.

use std::sync::mpsc::{Receiver, SyncSender};

use ipc::frame::{Decoder, append};
use ipc::sound::{Clip, Reply, Request, Source};
use run_loop::ipc::Accepted;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::control::Gone;

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) accepted: Accepted,
    decoder: Decoder,
    /// Answers on their way.
    pub(crate) frames: Vec<u8>,
    may_ask: fn(u32, &Request) -> bool,
}

/// What a link wants next.
#[derive(Debug)]
pub(crate) enum Wish {
    /// An answer, which the pump has.
    Answer(Request),
    /// To be served by another thread: a request, or answers that the peer does not take yet.
    Thread(Option<Request>),
    /// Nothing for now.
    Wait,
    /// It is over.
    End,
}

/// A link on its way to another thread.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) link: Link,
    pub(crate) request: Option<Request>,
}

/// Where the pump sends what takes time.
pub(crate) type Jobs = SyncSender<Job>;

impl Link {
    /// A new connection; `may_ask` says what a user id may ask.
    pub(crate) fn new(accepted: Accepted, may_ask: fn(u32, &Request) -> bool) -> Self {
        Self {
            accepted,
            decoder: Decoder::default(),
            frames: Vec::new(),
            may_ask,
        }
    }

    /// Takes what has come, as much as the buffer holds; false when the peer is gone. No more at a
    /// time: packets have their turn between.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> bool {
        match recv(&*self, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((_, 0)) => false,
            Ok((_, count)) => {
                self.decoder.push(buffer.get(..count).unwrap_or_default());
                true
            }
            Err(error) => matches!(error, Errno::AGAIN | Errno::INTR),
        }
    }

    /// What is to be done for it; when nothing is left, its answers are sent.
    pub(crate) fn next(&mut self) -> Wish {
        let uid = self.accepted.connection.peer.uid;
        loop {
            match self.decoder.pop() {
                Ok(Some(request)) if !(self.may_ask)(uid, &request) => {
                    tracing::warn!(
                        uid,
                        "a process that may only look tried to change an endpoint"
                    );
                    if !self.answer(&Reply::Refused { uid }) {
                        return Wish::End;
                    }
                }
                Ok(Some(request)) if is_answered_at_once(&request) => {
                    return Wish::Answer(request);
                }
                Ok(Some(request)) => return Wish::Thread(Some(request)),
                Ok(None) => return self.send(),
                Err(fault) => {
                    tracing::warn!(uid, "closed a connection: {fault}");
                    return Wish::End;
                }
            }
        }
    }

    /// Puts an answer behind the others; false when it cannot be sent.
    pub(crate) fn answer(&mut self, reply: &Reply) -> bool {
        append(&mut self.frames, reply).is_ok()
    }

    fn send(&mut self) -> Wish {
        if self.frames.is_empty() {
            return Wish::Wait;
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match send(&*self, &self.frames, flags) {
            Ok(count) if count >= self.frames.len() => {
                self.frames.clear();
                Wish::Wait
            }
            Ok(count) => {
                self.frames.drain(..count);
                Wish::Thread(None)
            }
            Err(Errno::AGAIN | Errno::INTR) => Wish::Thread(None),
            Err(_) => Wish::End,
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.accepted.connection.as_fd()
    }
}

impl Job {
    /// Does the job and gives the link back by `adopt`. `serve` answers a request, or keeps the
    /// connection for itself.
    fn run(
        mut self,
        serve: &impl Fn(&mut Accepted, Request) -> Option<Reply>,
        adopt: &impl Fn(Link) -> Result<(), Gone>,
    ) {
        let link = &mut self.link;
        if link.accepted.connection.send(&link.frames).is_err() {
            return;
        }
        link.frames.clear();
        if let Some(request) = self.request {
            let Some(reply) = serve(&mut link.accepted, request) else {
                return;
            };
            if link.accepted.connection.push(&reply).is_err() {
                return;
            }
        }
        // A pump that has ended needs no links.
        let _ = adopt(self.link);
    }
}

/// Gives each job a thread, until the pump ends.
pub(crate) fn do_jobs<S, A>(jobs: &Receiver<Job>, serve: &S, adopt: &A)
where
    S: Fn(&mut Accepted, Request) -> Option<Reply> + Clone + Send + 'static,
    A: Fn(Link) -> Result<(), Gone> + Clone + Send + 'static,
{
    for job in jobs {
        let (serve, adopt) = (serve.clone(), adopt.clone());
        let spawned = std::thread::Builder::new()
            .name("ipc".into())
            .spawn(move || job.run(&serve, &adopt));
        if let Err(error) = spawned {
            tracing::warn!("no thread for a request: {error}");
        }
    }
}

/// Whether the pump answers a request by itself: without a file, and without the recorder.
const fn is_answered_at_once(request: &Request) -> bool {
    match request {
        Request::Open { .. }
        | Request::Set(..)
        | Request::Dial { .. }
        | Request::Close(_)
        | Request::KeepOnly(_)
        | Request::Status => true,
        Request::Hear(_, source) => !matches!(source, Source::Clip(Clip::File(_) | Clip::Music(_))),
        Request::Record { .. }
        | Request::StopRecording(_)
        | Request::KeepRecordings(_)
        | Request::Recordings
        | Request::DeleteRecording(_)
        | Request::ReadRecording { .. }
        | Request::Watch => false,
    }
}
