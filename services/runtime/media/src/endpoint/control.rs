//! How a request from another thread reaches the pump.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ipc::sound::{EndpointId, Event, Reply, Request};
use rustix::event::{EventfdFlags, eventfd};

use super::files::Opened;
use super::links::Link;
use super::sounds::Loaded;

/// Requests waiting for the pump. Each connection has one at most, and there are 64.
const WAITING_MAX: usize = 64;

/// Events a watcher may be behind. Digits of a thousand calls in one second fit.
const EVENTS_WAITING_MAX: usize = 1024;

/// The pump has ended; so has the process, but for its last moments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the media thread has ended")]
pub struct Gone;

/// Asks the pump from any thread. Files are not opened here: see [`Folders`](super::Folders).
#[derive(Clone, Debug)]
pub struct Control {
    commands: SyncSender<Command>,
    wake: Arc<OwnedFd>,
}

/// What the pump is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Answer this.
    Ask(Order, SyncSender<Reply>),
    /// Tell everything that happens from now on.
    Watch(SyncSender<Event>),
    /// A recording cannot go on.
    RecordingFailed {
        /// Which.
        recording: u64,
        /// Why.
        reason: String,
    },
    /// Serve this connection.
    Adopt(Box<Link>),
    /// Stop pumping: the listener is broken.
    Stop(std::io::Error),
}

/// A request with its files open.
#[derive(Debug)]
pub(crate) enum Order {
    /// One that needs no file.
    Plain(Request),
    /// Let an endpoint hear this.
    Play(EndpointId, Loaded),
    /// Let an endpoint hear this, of this name, over and over.
    PlayOn(EndpointId, String, Loaded),
    /// Record an endpoint into this, of this name, in the place of what it was recorded into.
    Record(EndpointId, String, Opened),
    /// Record an endpoint into a file of this name that is there already: only right when that is
    /// what is being written; else this reason is the answer.
    Recorded(EndpointId, String, String),
}

/// The pump's end.
#[derive(Debug)]
pub(crate) struct Commands {
    waiting: Receiver<Command>,
    wake: Arc<OwnedFd>,
}

/// Both ends of the way to the pump.
pub(crate) fn channel() -> rustix::io::Result<(Control, Commands)> {
    let (commands, waiting) = sync_channel(WAITING_MAX);
    let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    Ok((
        Control {
            commands,
            wake: Arc::clone(&wake),
        },
        Commands { waiting, wake },
    ))
}

impl Control {
    /// Asks and waits for the answer. For requests without files; `Watch` is not one to ask.
    ///
    /// # Errors
    /// [`Gone`] when the pump has ended.
    pub fn ask(&self, request: Request) -> Result<Reply, Gone> {
        self.order(Order::Plain(request))
    }

    pub(crate) fn order(&self, order: Order) -> Result<Reply, Gone> {
        let (answer, answered) = sync_channel(1);
        self.send(Command::Ask(order, answer))?;
        answered.recv().map_err(|_| Gone)
    }

    /// Every event from now on. The channel ends when its reader falls behind, so that nothing is
    /// missed unnoticed.
    ///
    /// # Errors
    /// [`Gone`] when the pump has ended.
    pub fn watch(&self) -> Result<Receiver<Event>, Gone> {
        let (events, happened) = sync_channel(EVENTS_WAITING_MAX);
        self.send(Command::Watch(events))?;
        Ok(happened)
    }

    pub(crate) fn recording_failed(&self, recording: u64, reason: String) -> Result<(), Gone> {
        self.send(Command::RecordingFailed { recording, reason })
    }

    pub(crate) fn adopt(&self, link: Link) -> Result<(), Gone> {
        self.send(Command::Adopt(Box::new(link)))
    }

    /// Ends the pump with this reason.
    ///
    /// # Errors
    /// [`Gone`] when it has ended already.
    pub fn stop(&self, reason: std::io::Error) -> Result<(), Gone> {
        self.send(Command::Stop(reason))
    }

    fn send(&self, command: Command) -> Result<(), Gone> {
        self.commands.send(command).map_err(|_| Gone)?;
        // The counter cannot overflow: the pump empties it whenever it is not zero.
        rustix::io::write(&*self.wake, &1_u64.to_ne_bytes())
            .map(drop)
            .map_err(|_| Gone)
    }
}

impl Commands {
    /// Becomes readable when commands wait.
    pub(crate) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Quiets [`wake`](Self::wake); call before [`next`](Self::next), so that nothing is missed.
    pub(crate) fn quiet(&self) {
        // Nothing to read means another wake-up has emptied it already.
        let _ = rustix::io::read(&*self.wake, &mut [0; 8]);
    }

    /// The next command, if one waits.
    pub(crate) fn next(&self) -> Option<Command> {
        self.waiting.try_recv().ok()
    }
}
