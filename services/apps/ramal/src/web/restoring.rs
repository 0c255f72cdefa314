//! The restore of a backup: what the store may take minutes for, and the restart that follows.

use std::sync::Arc;

use admin::Away;
use ipc::init::{self, Shutdown};
use ipc::store::{Reply, Request};
use run_loop::ipc::Client;
use run_loop::socket_path;

/// The ways to the store and to PID 1 that a restore needs.
pub(crate) struct Restores {
    store: Client<Request, Reply>,
    init: Client<init::Request, init::Reply>,
}

/// A restore reads 200,000 call records from slow flash, and writes them to it.
const TIME_MAX_SECS: u64 = 15 * 60;

impl Restores {
    pub(crate) fn new() -> Self {
        Self {
            store: Client::within(socket_path("store"), TIME_MAX_SECS),
            init: Client::new(socket_path("init")),
        }
    }

    /// Has a backup restored and, when it was, the box start anew: every service still knows what
    /// was there before. Goes on when whoever asked does not wait for it.
    pub(crate) async fn restore(self: &Arc<Self>, request: Request) -> Result<Reply, Away> {
        let all = Arc::clone(self);
        let task = tokio::spawn(async move {
            let reply = all.store.call(&request).await;
            let reply = reply.map_err(|error| {
                tracing::warn!("{error}");
                Away::Silent("store")
            });
            if matches!(reply, Ok(Reply::Restored { .. })) {
                let restart = init::Request::Shutdown(Shutdown::Restart);
                if let Err(error) = all.init.call(&restart).await {
                    tracing::error!("a backup was restored, and the box does not restart: {error}");
                }
            }
            reply
        });
        task.await.unwrap_or(Err(Away::Silent("store")))
    }
}
