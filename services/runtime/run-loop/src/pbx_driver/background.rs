//! A second thread for work that takes long or comes from strangers in floods: TLS and DNS.
//!
//! A handshake costs a fraction of a millisecond of arithmetic. On the loop's own thread, some
//! thousand strangers that begin one would keep every call waiting.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread; it ends when this is dropped, and all tasks on it with it.
#[derive(Debug)]
pub(super) struct Background {
    handle: Handle,
    _alive: oneshot::Sender<()>,
}

impl Background {
    /// Starts it.
    ///
    /// # Errors
    /// No thread or no descriptors are left.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("background".into())
            .spawn(move || {
                // Told by being dropped.
                let _ = runtime.block_on(ended);
            })?;
        Ok(Self {
            handle,
            _alive: alive,
        })
    }

    /// Where its tasks are started.
    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }
}
