//! What is asked about backups, and the threads that do it.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use ::backup::BackupKey;
use ipc::Redacted;
use ipc::store::{Audit, BackupFailure, BackupRequest, Reply};

use super::{Store, lock};
use crate::backup::{BackupSettings, Backups, KeyRow, RestoreWish, fresh_code};
use crate::files::{DiskFolder, Files};
use crate::writer::Job;
use crate::writes::Write;

/// The backups, and the thread that makes them.
pub(super) struct Kept {
    pub(super) backups: Arc<Backups>,
    pub(super) thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Store {
    /// Makes backups from now on, each day and when somebody asks (R21).
    ///
    /// # Errors
    /// No thread can be started.
    pub fn keep_backups(&self, settings: &BackupSettings) -> std::io::Result<()> {
        self.keep_backups_in(Box::new(DiskFolder::new(&settings.folder)), settings)
    }

    pub(crate) fn keep_backups_in(
        &self,
        files: Box<dyn Files>,
        settings: &BackupSettings,
    ) -> std::io::Result<()> {
        self.shared.note_replacement_in(&settings.run);
        match self.shared.missing_backup_keys() {
            Ok(Some(write)) => drop(self.write(write)),
            Ok(None) => {}
            Err(reason) => tracing::error!("{reason}"),
        }
        let version = lock(&self.shared.current).0;
        let backups = Arc::new(Backups::new(files, settings, version));
        if let Some(entry) = backups.interrupted() {
            let _ = self.write(Write::Audit(entry));
        }
        let (making, shared) = (Arc::clone(&backups), Arc::clone(&self.shared));
        let thread = std::thread::Builder::new()
            .name("backup".into())
            .spawn(move || making.run(&shared))?;
        let thread = Mutex::new(Some(thread));
        // Asked for once.
        let _ = self.backups.set(Kept { backups, thread });
        Ok(())
    }

    /// The trails that restores have replaced.
    pub(super) fn replaced_trails(&self, is_checked: bool) -> Reply {
        match self.backups.get() {
            Some(Kept { backups, .. }) => backups.replaced_trails(&self.shared, is_checked),
            None => Reply::ReplacedTrails(Vec::new()),
        }
    }

    pub(super) fn about_backups(&self, request: BackupRequest) -> Reply {
        let Some(Kept { backups, .. }) = self.backups.get() else {
            let reason = "this store keeps no backups".to_owned();
            return Reply::Failed { reason };
        };
        let shared = &self.shared;
        match request {
            BackupRequest::List => backups.shown(shared),
            BackupRequest::Make => backups.ask(shared),
            BackupRequest::NewCode(audit) => {
                let Ok(code) = fresh_code() else {
                    return Reply::BackupFailed(BackupFailure::NoKeys);
                };
                let key = BackupKey::of(&code);
                let rows = KeyRow::of_code(&shared.peers, &key, Some(audit));
                match self.write(Write::PutBackupKeys(rows)) {
                    Reply::Stored => {
                        // Until then nothing that the new code opens is there.
                        let _ = backups.ask(shared);
                        Reply::BackupCode(Redacted::new(code.shown()))
                    }
                    other => other,
                }
            }
            BackupRequest::Upload { offset, bytes } => backups.upload(shared, offset, &bytes),
            BackupRequest::Restore { file, code, audit } => {
                let queue = lock(&self.queue).clone();
                let record = Box::new(move |entry| record(queue.as_ref(), entry));
                backups.restore(shared, RestoreWish { file, code, audit }, record)
            }
        }
    }
}

/// Appends to the audit trail from a thread of the store's own.
fn record(queue: Option<&SyncSender<Job>>, entry: Audit) {
    let (answer, answered) = sync_channel(1);
    let job = Job::Write(Write::Audit(entry), answer);
    let is_sent = queue.is_some_and(|queue| queue.send(job).is_ok());
    if !is_sent || !matches!(answered.recv(), Ok(Reply::Stored)) {
        tracing::error!("what became of a restore cannot be kept in the audit trail");
    }
}
