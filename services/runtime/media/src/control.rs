//! How a request from another thread reaches the pump.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ipc::media::{Reply, Request};
use rustix::event::{EventfdFlags, eventfd};

/// Requests waiting for the pump. Each connection has one at most, and there are 64.
const WAITING_MAX: usize = 64;

/// The pump has ended; so has the process, but for its last moments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the relay thread has ended")]
pub struct Gone;

/// Asks the pump from any thread.
#[derive(Clone, Debug)]
pub struct Control {
    commands: SyncSender<Command>,
    wake: Arc<OwnedFd>,
}

/// What the pump is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Answer this.
    Ask(Request, SyncSender<Reply>),
    /// Stop pumping: the listener is broken.
    Stop(std::io::Error),
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
    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`Gone`] when the pump has ended.
    pub fn ask(&self, request: Request) -> Result<Reply, Gone> {
        let (answer, answered) = sync_channel(1);
        self.send(Command::Ask(request, answer))?;
        answered.recv().map_err(|_| Gone)
    }

    pub(crate) fn stop(&self, reason: std::io::Error) -> Result<(), Gone> {
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
