//! The restore of a backup: begun, watched, and the restart that follows.

use std::sync::Arc;
use std::time::Duration;

use admin::Away;
use ipc::init::{self, Shutdown};
use ipc::store::{BackupRequest, Backups, Reply, Request, Restore, RestoreState};
use run_loop::ipc::Client;
use run_loop::socket_path;

use super::driver::Driver;

/// The ways to the store and to PID 1 that a restore needs.
pub(crate) struct Restores {
    store: Client<Request, Reply>,
    init: Client<init::Request, init::Reply>,
}

/// A backup is read through before it is restored, from slow flash, and may have a GiB.
const TIME_MAX_SECS: u64 = 15 * 60;

/// How often it is looked whether a restore is over.
const WATCH: Duration = Duration::from_secs(1);

/// Between the end of a restore and the restart: an open page is asked for every three seconds,
/// and is to say how it ended.
const GRACE: Duration = Duration::from_secs(7);

/// How often the store is asked whether the box must start anew.
const LOOK: Duration = Duration::from_secs(20);

impl Restores {
    pub(crate) fn new() -> Self {
        Self {
            store: Client::within(socket_path("store"), TIME_MAX_SECS),
            init: Client::new(socket_path("init")),
        }
    }

    /// Has the store begin to restore a backup and, when it has, the box start anew: every service
    /// still knows what was there before. Goes on when whoever asked does not wait for it.
    pub(crate) async fn restore(self: &Arc<Self>, request: Request) -> Result<Reply, Away> {
        let all = Arc::clone(self);
        let task = tokio::spawn(async move {
            // Asked once: a store that ended in the middle may have begun it.
            let mut answers = all.store.call_all(std::slice::from_ref(&request)).await;
            if let Some(missing) = answers.missing {
                tracing::warn!("{}", missing.error);
            }
            let reply = answers.replies.pop().ok_or(Away::Silent("store"));
            if matches!(reply, Ok(Reply::RestoreBegun)) {
                tokio::spawn(Arc::clone(&all).watch());
            }
            reply
        });
        task.await.unwrap_or(Err(Away::Silent("store")))
    }

    /// Waits for the end of a restore. Where the store does not answer, [`attend`] looks on.
    async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(WATCH).await;
            let list = Request::Backup(BackupRequest::List);
            let Ok(Reply::Backups(Backups {
                restore: Some(Restore { state, .. }),
                ..
            })) = self.store.call(&list).await
            else {
                return;
            };
            if let RestoreState::Restored { .. } = state {
                tokio::time::sleep(GRACE).await;
                self.start_anew().await;
            }
            if state.is_over() {
                return;
            }
        }
    }

    /// Has PID 1 start the box anew.
    pub(crate) async fn start_anew(&self) {
        let restart = init::Request::Shutdown(Shutdown::Restart);
        if let Err(error) = self.init.call(&restart).await {
            tracing::error!("a backup was restored, and the box does not restart: {error}");
        }
    }
}

/// Has the box start anew when the store says that it must: who asked for a restore may be gone by
/// the time it is done, and PID 1 may not have heard.
pub(crate) async fn attend(driver: Arc<Driver>) {
    loop {
        tokio::time::sleep(LOOK).await;
        driver.start_anew_if_replaced().await;
    }
}
