//! The store as its peers see it: questions in, answers out, nothing answered before it is durable.
//!
//! Reads run on the asking thread. Writes go through one bounded queue to one thread, which takes
//! all that have gathered, commits them together and only then answers each (group commit).

mod backups;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use config::StaticNetwork;
use ipc::site::{Retention, Site};
use ipc::store::{
    Audit, BackupFailure, CallFilter, Health, PhoneChange, Provisioned, Reply, Request,
    TrailRequest, laid_down,
};
use redb::{Database, ReadTransaction, ReadableDatabase as _};
use sansio::UnixTime;

use crate::access::Peers;
use crate::at_phone;
#[cfg(test)]
use crate::backup::Backups;
use crate::bans;
use crate::files::{DiskFolder, Files};
use crate::find::Finder;
use crate::medium::{Medium, RESERVE, Scratch};
use crate::network;
use crate::opening::{OpenError, Opened};
use crate::provision::LaidDown;
use crate::reads;
use crate::snapshot::Snapshot;
use crate::sought::Sought;
use crate::sounds::Sounds;
use crate::tables::{Fault, redb_fault};
use crate::writer::{Job, run};
use crate::writes::Write;
use backups::Kept;

/// Writes that wait at most; each asking connection has one in flight, so this is never reached.
const QUEUE_MAX: usize = 256;

/// How often a change at a phone is applied again because somebody else committed in between.
const CHANGE_TRIES: u8 = 8;

/// A full disk is tried again at once when this many bytes more are free,
const ROOM_MADE: u64 = 1024 * 1024;

/// and after this time in any case: a smaller write may fit.
const FULL_RETRY: Duration = Duration::from_secs(10);

/// Said when the kernel does not let anybody write any more.
const READ_ONLY: &str = "the data disk has errors and is read-only now; nothing can be stored: \
                         restart the box, and replace the disk when it happens again";

/// Below this many free bytes people are warned.
const FREE_BYTES_WARNING: u64 = 32 * 1024 * 1024;

/// Reads the wall clock.
pub type WallClock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// The one owner of the database. Cheap to share behind an [`Arc`].
pub struct Store {
    shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Job>>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
    backups: OnceLock<Kept>,
}

impl Store {
    /// Opens the database in `directory` on `medium`; a damaged one is set aside and the last
    /// snapshot restored.
    ///
    /// # Errors
    /// The disk is full or refuses, or a newer firmware wrote the database.
    pub fn open(
        medium: Box<dyn Medium>,
        directory: &Path,
        peers: Peers,
        clock: WallClock,
    ) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            medium,
            directory: directory.to_owned(),
            peers,
            clock,
            built: OnceLock::new(),
            slot: RwLock::new(Slot {
                database: None,
                generation: 0,
                frozen: None,
            }),
            current: Mutex::new((0, Site::default())),
            changed: Condvar::new(),
            condition: Mutex::new(Condition::default()),
            stopping: AtomicBool::new(false),
            is_indexed: AtomicBool::new(false),
            erases: AtomicBool::new(true),
            has_removed: AtomicBool::new(false),
            snapshot_held: Mutex::new(()),
            wanting: AtomicU32::new(0),
            is_replaced: AtomicBool::new(false),
            marker: Mutex::new(None),
            saving: Mutex::new(()),
            sounds: OnceLock::new(),
        });
        // What a power cut left half done takes room that opening may need.
        for which in [Scratch::Trial, Scratch::Restored] {
            shared.medium.remove_scratch(which);
        }
        shared.open()?;
        shared.save_snapshot();
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let writer = spawn(Arc::clone(&shared), jobs).map_err(OpenError::Thread)?;
        Ok(Self {
            shared,
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
            backups: OnceLock::new(),
        })
    }

    /// When the firmware was made: no clock that is right shows less, and what is past its date is
    /// counted from it before anything else is known. Said once, when the store is open.
    pub fn made_at(&self, built: UnixTime) {
        // What was said first counts.
        let _ = self.shared.built.set(built);
    }

    /// Keeps the sounds of prompts in this folder from now on.
    pub fn keep_sounds(&self, folder: &Path) {
        self.keep_sounds_in(Box::new(DiskFolder::new(folder)));
    }

    pub(crate) fn keep_sounds_in(&self, files: Box<dyn Files>) {
        let restored = self.shared.with(|database| {
            let txn = database.begin_read().map_err(redb_fault)?;
            match reads::restore_id(&txn) {
                Err(fault @ Fault::Row { .. }) => Ok(Err(fault.to_string())),
                read => read.map(Ok),
            }
        });
        let sounds = Sounds::new(files, restored.unwrap_or_else(Err));
        // Asked for once.
        let _ = self.shared.sounds.set(sounds);
    }

    /// Answers one question of the process with this user id; what it changes is durable then.
    /// [`Request::Watch`] is answered with the current configuration; the rest comes from
    /// [`next_config`](Self::next_config).
    pub fn ask(&self, uid: u32, request: Request) -> Reply {
        let shared = &self.shared;
        if !shared.peers.may(uid, &request) {
            return Reply::Refused { uid };
        }
        match request {
            Request::Config | Request::Watch => shared.config(uid),
            Request::Commit { base, audit, site } => match config::Site::parse(&site) {
                Ok(_) => self.write(Write::Commit {
                    base,
                    audit,
                    site: Box::new(site),
                }),
                Err(faults) => {
                    let faults = faults.iter().map(ToString::to_string).collect();
                    Reply::Invalid { faults }
                }
            },
            Request::ChangeAtPhone(change) => self.change_at_phone(&change),
            Request::Provision(provisioned) => self.provision(&provisioned),
            Request::History { limit, before } => {
                shared.read(|txn| reads::history(txn, limit, before).map(Reply::History))
            }
            Request::ConfigAt(version) => shared.read(|txn| {
                let site = reads::config_at(txn, version)?;
                Ok(site.map_or(Reply::NoSuchVersion, |site| Reply::Config { version, site }))
            }),
            Request::PutCalls(calls) => self.write(Write::PutCalls(calls)),
            Request::InterruptOpenCalls { except } => {
                self.write(Write::InterruptOpenCalls { except })
            }
            Request::Calls {
                limit,
                before,
                only,
            } => self.calls(limit, before.as_deref(), &only),
            Request::CallCounts { spans, only } => {
                self.look(|finder| finder.count(&spans, &only).map(Reply::CallCounts))
            }
            Request::PutRegistrations(kept) => self.write(Write::PutRegistrations(kept)),
            Request::Registrations => {
                shared.read(|txn| reads::registrations(txn).map(Reply::Registrations))
            }
            Request::PutSpent(spent) => self.write(Write::PutSpent(spent)),
            Request::Spent => shared.read(|txn| reads::spent(txn).map(Reply::Spent)),
            Request::LastWith {
                number,
                since_millis,
            } => self.last_with(number.reveal(), since_millis),
            Request::Bans { after } => shared.read(|txn| bans::after(txn, &after).map(Reply::Bans)),
            Request::ChangeBans(changes) => self.write(Write::ChangeBans(changes)),
            Request::Audit(audit) => self.write(Write::Audit(audit)),
            Request::AuditTrail { limit } => {
                shared.read(|txn| reads::audit_trail(txn, limit).map(Reply::AuditTrail))
            }
            Request::Trail(TrailRequest::Replaced { is_checked }) => {
                self.replaced_trails(is_checked)
            }
            Request::Trail(request) => shared.about_trail(request),
            Request::Erase { whose, audit } => self.write(Write::Erase { whose, audit }),
            Request::Erasable { login } => shared.erasable(&login),
            Request::FormerAccounts => shared.former_accounts(),
            Request::Secret(name) => {
                shared.read(|txn| reads::secret(txn, uid, &name).map(Reply::Secret))
            }
            Request::SetNetwork { network, audit } => self.set_network(network.as_deref(), audit),
            Request::PutSecret(name, value) => self.write(Write::PutSecret { uid, name, value }),
            Request::Health => Reply::Health(self.health()),
            Request::Backup(request) => self.about_backups(request),
            Request::Prompt(request) => shared.about_sounds(&request),
        }
    }

    fn set_network(&self, network: Option<&str>, audit: Audit) -> Reply {
        match self.shared.network_change(network, audit) {
            Ok(change) => self.write(Write::SetNetwork(change)),
            Err(fault) => Reply::Invalid {
                faults: vec![fault],
            },
        }
    }

    fn calls(&self, limit: u32, before: Option<&str>, only: &CallFilter) -> Reply {
        self.look(|finder| finder.find(limit, before, only).map(Reply::Calls))
    }

    fn last_with(&self, number: &str, since_millis: i64) -> Reply {
        let dialling = lock(&self.shared.current).1.dialling.clone();
        let Some(sought) = Sought::new(number, &dialling) else {
            return Reply::LastWith(None);
        };
        self.look(|finder| {
            let found = finder.last_with(number, &sought, since_millis)?;
            Ok(Reply::LastWith(found))
        })
    }

    /// Looks at call records.
    fn look(&self, look: impl Fn(&Finder) -> Result<Reply, Fault>) -> Reply {
        let shared = &self.shared;
        shared.read(|txn| {
            let is_indexed = shared.is_indexed.load(Ordering::Relaxed);
            look(&Finder::new(txn, shared.peers.own, is_indexed)?)
        })
    }

    fn health(&self) -> Health {
        let mut health = self.shared.health();
        let sounds = self.shared.sounds.get();
        if let Some(trouble) = sounds.and_then(Sounds::trouble) {
            let said = [health.warning, trouble];
            let said: Vec<String> = said.into_iter().filter(|it| !it.is_empty()).collect();
            health.warning = said.join("; ");
        }
        let backups = self.backups.get();
        health.backups = backups.and_then(|it| it.backups.trouble(&self.shared));
        let keys = self.backups.get().map(|_| self.shared.backup_keys());
        health.is_backup_code_missing = matches!(keys, Some(Ok(keys)) if !keys.has_code);
        health
    }

    /// Changes one setting of the site as it is now. When somebody else commits at the same moment
    /// it is applied to what he committed.
    fn change_at_phone(&self, change: &PhoneChange) -> Reply {
        for _ in 0..CHANGE_TRIES {
            let (base, mut site) = lock(&self.shared.current).clone();
            let before = site.clone();
            let Some(action) = at_phone::apply(&mut site, change) else {
                let faults = vec![format!("there is no extension {}", change.extension)];
                return Reply::Invalid { faults };
            };
            if site == before {
                return Reply::Committed { version: base };
            }
            if let Err(faults) = config::Site::parse(&site) {
                let faults = faults.iter().map(ToString::to_string).collect();
                return Reply::Invalid { faults };
            }
            let audit = Audit {
                who: format!("extension {}", change.extension),
                action,
                ..Audit::default()
            };
            let site = Box::new(site);
            match self.write(Write::Commit { base, audit, site }) {
                Reply::Conflict { .. } => {}
                other => return other,
            }
        }
        let reason = "other people change the configuration all the time: try again".to_owned();
        Reply::Failed { reason }
    }

    /// Keeps what an installer has laid down, in the site as it is now.
    fn provision(&self, provisioned: &Provisioned) -> Reply {
        let laid_down = LaidDown::new(provisioned, &self.shared.peers);
        for _ in 0..CHANGE_TRIES {
            let (base, mut site) = lock(&self.shared.current).clone();
            if let Some(zone) = &provisioned.time_zone {
                site.dialling.zone.clone_from(zone);
            }
            if provisioned.tunnel.is_some() {
                site.tunnel.clone_from(&provisioned.tunnel);
            }
            if let Err(faults) = config::Site::parse(&site) {
                let faults = faults.iter().map(ToString::to_string).collect();
                return Reply::Invalid { faults };
            }
            // Each may come without the other, which is then as it was.
            let network = match &provisioned.network {
                Some(text) => StaticNetwork::from_text(text),
                None => match self.network_set() {
                    Ok(network) => network,
                    Err(reason) => return Reply::Failed { reason },
                },
            };
            let in_the_way = network.and_then(|it| network::in_the_way(&it, &site));
            if let Some(fault) = in_the_way {
                return Reply::Invalid {
                    faults: vec![fault],
                };
            }
            let write = Write::Provision {
                base,
                site: Box::new(site),
                laid_down: laid_down.clone(),
            };
            match self.write(write) {
                Reply::Conflict { .. } => {}
                other => return other,
            }
        }
        let reason = "other people change the configuration all the time: try again".to_owned();
        Reply::Failed { reason }
    }

    /// The address that is set; `None` where DHCP gives it.
    fn network_set(&self) -> Result<Option<StaticNetwork>, String> {
        let net = self.shared.peers.net;
        let read =
            |txn: &ReadTransaction| reads::secret(txn, net, laid_down::NETWORK).map(Reply::Secret);
        match self.shared.read(read) {
            Reply::Secret(kept) => {
                let text = kept.and_then(|it| String::from_utf8(it.reveal().clone()).ok());
                Ok(text.and_then(|it| StaticNetwork::from_text(&it)))
            }
            Reply::Failed { reason } => Err(reason),
            other => Err(format!("the store answers {other:?}")),
        }
    }

    /// Waits at most `patience` for a configuration other than version `seen`; only ever the
    /// newest, so a slow watcher skips what it missed. `uid` is the watcher's.
    #[must_use]
    pub fn next_config(&self, uid: u32, seen: u64, patience: Duration) -> Option<(u64, Site)> {
        let current = lock(&self.shared.current);
        let (current, _) = self
            .shared
            .changed
            .wait_timeout_while(current, patience, |(version, _)| {
                *version == seen && !self.shared.stopping.load(Ordering::Relaxed)
            })
            .unwrap_or_else(PoisonError::into_inner);
        let newer = (current.0 != seen).then(|| current.clone());
        drop(current);
        newer.map(|(version, site)| (version, self.shared.peers.shown(uid, site)))
    }

    /// Whether the store is ending, and watchers should too.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    #[cfg(test)]
    pub(crate) fn backups(&self) -> &Backups {
        &self.backups.get().expect("it keeps some").backups
    }

    /// Whether the writer takes a job within `patience`; what a watchdog asks.
    #[must_use]
    pub fn is_alive(&self, patience: Duration) -> bool {
        let (answer, answered) = sync_channel(1);
        let asked = lock(&self.queue).as_ref().is_some_and(|queue| {
            // A full queue is a busy writer; whether it moves shows at the next question.
            queue.try_send(Job::Ping(answer)).is_ok()
        });
        asked && answered.recv_timeout(patience).is_ok()
    }

    /// Ends in order: everything asked is durable, the snapshot is new, the file is closed.
    pub fn close(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        if let Some(Kept { backups, thread }) = self.backups.get() {
            backups.end();
            backups.join_restore();
            if let Some(thread) = lock(thread).take()
                && thread.join().is_err()
            {
                tracing::error!("the thread that makes backups had failed");
            }
        }
        drop(lock(&self.queue).take());
        if let Some(writer) = lock(&self.writer).take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer thread had failed");
        }
        self.shared.save_snapshot();
        let mut slot = self
            .shared
            .slot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = slot.database.take()
            && let Err(error) = database.close()
        {
            tracing::error!("the database did not close cleanly: {error}");
        }
    }

    fn write(&self, write: Write) -> Reply {
        let (answer, answered) = sync_channel(1);
        let queue = lock(&self.queue).clone();
        let sent = queue.is_some_and(|queue| queue.send(Job::Write(write, answer)).is_ok());
        let stopping = || Reply::Failed {
            reason: "the store is stopping; ask again".to_owned(),
        };
        if !sent {
            return stopping();
        }
        answered.recv().unwrap_or_else(|_| stopping())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// What readers and the writer have in common.
pub(crate) struct Shared {
    pub(crate) medium: Box<dyn Medium>,
    pub(crate) directory: PathBuf,
    pub(crate) peers: Peers,
    clock: WallClock,
    /// When the firmware was made.
    pub(crate) built: OnceLock<UnixTime>,
    /// Held for reading while the database is used; for writing while it is opened again.
    pub(crate) slot: RwLock<Slot>,
    /// The newest configuration that is durable.
    pub(crate) current: Mutex<(u64, Site)>,
    changed: Condvar,
    condition: Mutex<Condition>,
    stopping: AtomicBool,
    /// The index of calls is known to be whole, for the database as it is open now.
    pub(crate) is_indexed: AtomicBool,
    /// Somebody was erased, and may not be gone from everywhere.
    pub(crate) erases: AtomicBool,
    /// Names of call records are gone from the index that may have been gathered for it before.
    pub(crate) has_removed: AtomicBool,
    /// Held by whoever reads a snapshot for longer than a question takes.
    pub(crate) snapshot_held: Mutex<()>,
    /// So many wait for that to end.
    wanting: AtomicU32,
    /// A backup was restored: what runs still knows what was before, and must start anew.
    pub(crate) is_replaced: AtomicBool,
    /// The file that says so, in the run directory.
    pub(crate) marker: Mutex<Option<PathBuf>>,
    /// Held while the snapshot is written.
    pub(crate) saving: Mutex<()>,
    /// The sounds of prompts, where they are kept.
    pub(crate) sounds: OnceLock<Sounds>,
}

pub(crate) struct Slot {
    /// `None` while it cannot be opened.
    pub(crate) database: Option<Database>,
    /// Counts the openings, so that two who saw one failure open once.
    pub(crate) generation: u64,
    /// Why nothing may be written.
    pub(crate) frozen: Option<&'static str>,
}

#[derive(Default)]
struct Condition {
    /// What was lost or repaired when the database was opened.
    note: Option<String>,
    /// Why the last write or opening failed, until one succeeds.
    failing: Option<String>,
    /// Why the last snapshot could not be written, until one can.
    snapshot: Option<String>,
    full: Option<Full>,
}

/// The disk had no room for a write.
struct Full {
    /// What was free then, too little for redb, which doubles a file to grow it.
    free_bytes: u64,
    since: Instant,
}

impl Shared {
    pub(crate) fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// Uses the open database; after a failure it is opened again, once, for the next user.
    pub(crate) fn with<T>(
        &self,
        use_it: impl FnMut(&Database) -> Result<T, Fault>,
    ) -> Result<T, String> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        self.use_slot(slot, use_it)
    }

    /// The same for somebody who writes.
    pub(crate) fn with_writable<T>(
        &self,
        use_it: impl FnMut(&Database) -> Result<T, Fault>,
    ) -> Result<T, String> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        match slot.frozen {
            Some(reason) => Err(reason.to_owned()),
            None => self.use_slot(slot, use_it),
        }
    }

    fn use_slot<T>(
        &self,
        slot: RwLockReadGuard<'_, Slot>,
        mut use_it: impl FnMut(&Database) -> Result<T, Fault>,
    ) -> Result<T, String> {
        let generation = slot.generation;
        let reason = match slot.database.as_ref().map(&mut use_it) {
            Some(Ok(value)) => return Ok(value),
            Some(Err(fault)) => self.explain(&fault),
            None => lock(&self.condition).failing.clone().unwrap_or_default(),
        };
        drop(slot);
        // redb refuses everything after a failed write until it is opened again.
        self.reopen(generation);
        Err(reason)
    }

    pub(crate) fn read(&self, read: impl Fn(&ReadTransaction) -> Result<Reply, Fault>) -> Reply {
        let once = || self.with(|database| read(&database.begin_read().map_err(redb_fault)?));
        // The second attempt meets the database that the first one's failure had opened again.
        once()
            .or_else(|_| once())
            .unwrap_or_else(|reason| Reply::Failed { reason })
    }

    /// Reads the database as it is now for as long as it takes. Nobody waits for it to end: who
    /// needs the database for himself has [`Self::wants_database`] say so, which `use_it` asks.
    pub(crate) fn with_snapshot<T>(
        &self,
        use_it: impl FnOnce(&ReadTransaction) -> Result<T, BackupFailure>,
    ) -> Result<T, BackupFailure> {
        let _held = lock(&self.snapshot_held);
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let database = slot.database.as_ref().ok_or(BackupFailure::Database)?;
        let txn = database.begin_read().map_err(redb_fault)?;
        drop(slot);
        use_it(&txn)
    }

    /// Bytes of the data disk that are for others than the database: what is free, without as much
    /// as the database has, as it doubles to grow, and some more.
    pub(crate) fn spare_bytes(&self) -> u64 {
        let reserve = self.medium.file_bytes().saturating_add(RESERVE);
        self.medium.free_bytes().saturating_sub(reserve)
    }

    pub(crate) fn wants_database(&self) -> bool {
        self.wanting.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn reopen(&self, generation: u64) {
        self.wanting.fetch_add(1, Ordering::Relaxed);
        let _held = lock(&self.snapshot_held);
        self.wanting.fetch_sub(1, Ordering::Relaxed);
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.generation == generation {
            slot.database = None;
            drop(slot);
            if let Err(error) = self.open() {
                tracing::error!("{error}");
                lock(&self.condition).failing = Some(error.to_string());
            }
        }
    }

    fn open(&self) -> Result<(), OpenError> {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.database.is_some() {
            return Ok(());
        }
        slot.generation += 1;
        self.is_indexed.store(false, Ordering::Relaxed);
        self.erases.store(true, Ordering::Relaxed);
        let Opened { database, note } = self.opened()?;
        let config = database
            .begin_read()
            .map_err(redb_fault)
            .and_then(|txn| reads::config(&txn))
            .map_err(|fault| OpenError::Disk(fault.to_string()))?;
        slot.database = Some(database);
        drop(slot);
        if let Some(note) = note {
            lock(&self.condition).note = Some(note);
        }
        // Who runs on what was before a restore does so until the box has started anew.
        if let Some((version, site)) = config
            && !self.is_replaced()
        {
            self.publish(version, site);
        }
        Ok(())
    }

    /// Which opening of the database it is.
    pub(crate) fn generation(&self) -> u64 {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        slot.generation
    }

    /// How long is kept what the box notes of people.
    pub(crate) fn retention(&self) -> Retention {
        lock(&self.current).1.retention
    }

    /// Makes a durable configuration the current one and wakes every watcher.
    pub(crate) fn publish(&self, version: u64, site: Site) {
        let mut current = lock(&self.current);
        if current.0 != version {
            *current = (version, site);
            self.changed.notify_all();
        }
    }

    fn config(&self, uid: u32) -> Reply {
        let (version, site) = lock(&self.current).clone();
        let site = self.peers.shown(uid, site);
        Reply::Config { version, site }
    }

    /// Why a write is refused without an attempt: it would fail, and redb would have to be opened
    /// and verified again for it, which readers wait for.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.medium.is_read_only() {
            return Some(READ_ONLY.to_owned());
        }
        let condition = lock(&self.condition);
        let full = condition.full.as_ref()?;
        let still = self.medium.free_bytes() < full.free_bytes.saturating_add(ROOM_MADE)
            && full.since.elapsed() < FULL_RETRY;
        still.then(|| condition.failing.clone()).flatten()
    }

    pub(crate) fn succeeded(&self) {
        let mut condition = lock(&self.condition);
        condition.failing = None;
        condition.full = None;
    }

    /// Notes a failure and says it to people.
    fn explain(&self, fault: &Fault) -> String {
        let reason = if fault.is_disk_full() {
            "the data disk is full: make room on it or give the box a larger one; nothing was \
             changed"
                .to_owned()
        } else {
            format!("{fault}: check the data disk; nothing was changed")
        };
        tracing::error!("{reason}");
        let mut condition = lock(&self.condition);
        condition.failing = Some(reason.clone());
        condition.full = fault.is_disk_full().then(|| Full {
            free_bytes: self.medium.free_bytes(),
            since: Instant::now(),
        });
        reason
    }

    /// Writes the snapshot; that it cannot be written is a warning, since nothing is lost by it.
    pub(crate) fn save_snapshot(&self) {
        let _saving = lock(&self.saving);
        // The snapshot is of what was restored already.
        if self.is_replaced() {
            return;
        }
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = slot.database.as_ref() else {
            return;
        };
        let taken = database
            .begin_read()
            .map_err(redb_fault)
            .and_then(|txn| Snapshot::take(&txn));
        drop(slot);
        let saved = taken
            .map_err(|fault| fault.to_string())
            .and_then(|snapshot| {
                snapshot.map_or(Ok(()), |snapshot| {
                    snapshot
                        .save(&self.directory)
                        .map_err(|error| error.to_string())
                })
            });
        let warning = saved.err().map(|error| {
            format!("the snapshot of the database cannot be written ({error}): check the data disk")
        });
        if let Some(warning) = &warning {
            tracing::warn!("{warning}");
        }
        lock(&self.condition).snapshot = warning;
    }

    fn health(&self) -> Health {
        let free_bytes = self.medium.free_bytes();
        let condition = lock(&self.condition);
        let scarce = (free_bytes < FREE_BYTES_WARNING)
            .then(|| format!("the data disk has only {} KiB left", free_bytes / 1024));
        let read_only = self.medium.is_read_only().then(|| READ_ONLY.to_owned());
        let said = [
            &read_only,
            &condition.failing,
            &condition.note,
            &condition.snapshot,
            &scarce,
        ];
        let said: Vec<&str> = said.iter().filter_map(|text| text.as_deref()).collect();
        Health {
            file_bytes: self.medium.file_bytes(),
            free_bytes,
            warning: said.join("; "),
            is_backup_code_missing: false,
            backups: None,
            needs_restart: self.is_replaced(),
        }
    }
}

fn spawn(shared: Arc<Shared>, jobs: Receiver<Job>) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || run(&shared, &jobs))
}

/// A lock whose content stays usable whoever panicked while holding it: each is set as a whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
