//! Opening the database, and what is done when it cannot be opened.
//!
//! ```text
//! open and verify every page ── whole, with content ──────────────> in use
//!    │                      └── whole, empty ── snapshot? ── no ──> factory configuration
//!    │                                              └─ yes ──────┐
//!    └── damaged twice ── set it aside, open a new one ──────────┴─> snapshot restored, warning
//! ```
//! A disk that is full or refuses is not damage, and what a newer firmware wrote is none either:
//! nothing is set aside then. What an older one wrote is moved to the present schema first
//! (`migrate.rs`).

use std::path::Path;

use ipc::store::Audit;
use redb::{Builder, Database, ReadTransaction, ReadableDatabase as _};
use sansio::UnixTime;

use crate::medium::Medium;
use crate::migrate;
use crate::reads;
use crate::snapshot::{Snapshot, TooNew};
use crate::tables::{
    AUDIT, CALLS, CONFIG, Fault, META, OPEN_CALLS, REGISTRATIONS, SCHEMA_VERSION,
    SCHEMA_VERSION_KEY, SECRETS, open, put, redb_fault,
};
use crate::writes::{append_audit, put_config};

/// Memory redb may use for pages, bytes; its own default is 1 GiB.
const CACHE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Newest audit entries whose chain is checked at each start.
const CHAIN_CHECKED: usize = 1000;

/// Digest realm of a new box; part of every stored hash, so it never changes afterwards.
const FACTORY_REALM: &str = "ramal";

/// Why the store cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data disk is full or refuses.
    #[error("the database cannot be opened: {0}; check the data disk")]
    Disk(String),
    /// A newer firmware wrote the database or, where that is lost, its snapshot.
    #[error(
        "the data has schema {found}, this firmware reads up to {SCHEMA_VERSION}: \
         update the firmware"
    )]
    TooNew {
        /// What the file says.
        found: u32,
    },
    /// A newer firmware wrote what this one cannot read, though its schema is known.
    #[error("the data was written by a newer firmware ({0}): update the firmware")]
    Newer(String),
    /// The damaged file could not be moved out of the way.
    #[error("the database is damaged ({damage}) and cannot be set aside: {source}")]
    SetAside {
        /// What is wrong with the file.
        damage: String,
        /// What the disk said.
        source: std::io::Error,
    },
    /// No thread could be started.
    #[error("the store's writer thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// An open database with content, and what people must know about it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) database: Database,
    /// What was lost or repaired; `None` when all is well.
    pub(crate) note: Option<String>,
}

/// Opens the database; sets a damaged one aside and restores the last snapshot.
pub(crate) fn open_or_recover(
    medium: &dyn Medium,
    directory: &Path,
    now: UnixTime,
) -> Result<Opened, OpenError> {
    // One sector read wrong once (a loose cable) must not cost the whole database: damage is what
    // is found twice.
    let looked = match open_whole(medium) {
        Err(fault) if fault.is_damage() && !fault.is_newer() => {
            tracing::warn!("the database looks damaged ({fault}); looking again");
            open_whole(medium)
        }
        looked => looked,
    };
    let damage = match looked {
        Ok(Content::Present(database)) => {
            let note = broken_chain(&database);
            return Ok(Opened { database, note });
        }
        Ok(Content::Empty(database)) => return fill(database, directory, now, None),
        Ok(Content::TooNew(found)) => return Err(OpenError::TooNew { found }),
        Err(fault) if fault.is_newer() => return Err(OpenError::Newer(fault.to_string())),
        Err(fault) if fault.is_damage() => fault.to_string(),
        Err(fault) => return Err(OpenError::Disk(fault.to_string())),
    };
    let aside = medium.set_aside().map_err(|source| OpenError::SetAside {
        damage: damage.clone(),
        source,
    })?;
    tracing::error!("the database is damaged ({damage}); it is kept as {aside}");
    match open_whole(medium) {
        Ok(Content::Empty(database)) => fill(
            database,
            directory,
            now,
            Some(format!("{damage}; it is kept as {aside}")),
        ),
        Ok(Content::Present(_) | Content::TooNew(_)) => Err(OpenError::Disk(
            "a database that was set aside is still there".to_owned(),
        )),
        Err(fault) => Err(OpenError::Disk(fault.to_string())),
    }
}

/// How the store opens a database.
pub(crate) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE_BYTES_MAX)
        .set_check_integrity_on_open(true);
    builder
}

pub(crate) enum Content {
    Present(Database),
    Empty(Database),
    TooNew(u32),
}

/// Opens the file and verifies the checksum of every page.
///
/// redb could open a file at once (quick-repair) and trust it, but a page that rotted then panics
/// in the middle of somebody's request, at every start again. Verified, it is found while the
/// snapshot can still stand in: docs/decisions/0008 has the figures.
pub(crate) fn open_whole(medium: &dyn Medium) -> Result<Content, Fault> {
    let database = medium.open(&builder()).map_err(redb_fault)?;
    let txn = database.begin_read().map_err(redb_fault)?;
    match reads::schema_version(&txn)? {
        0 => Ok(Content::Empty(database)),
        found if found > SCHEMA_VERSION => Ok(Content::TooNew(found)),
        found if found < SCHEMA_VERSION => {
            drop(txn);
            migrate::forward(&database, found, &migrate::STEPS)?;
            let txn = database.begin_read().map_err(redb_fault)?;
            present(database, &txn)
        }
        _ => present(database, &txn),
    }
}

fn present(database: Database, txn: &ReadTransaction) -> Result<Content, Fault> {
    Ok(match reads::config(txn)? {
        Some(_) => Content::Present(database),
        None => Content::Empty(database),
    })
}

/// Gives an empty database its first content: the last snapshot, or the factory configuration.
fn fill(
    database: Database,
    directory: &Path,
    now: UnixTime,
    damage: Option<String>,
) -> Result<Opened, OpenError> {
    let snapshot = Snapshot::load(directory).map_err(|newer| match newer {
        TooNew::Schema(found) => OpenError::TooNew { found },
        TooNew::Content(what) => OpenError::Newer(what),
    })?;
    let note = match (&damage, &snapshot) {
        (None, None) => None,
        (None, Some(snapshot)) => Some(format!(
            "the database was missing; {} was restored",
            extent(snapshot)
        )),
        (Some(damage), Some(snapshot)) => Some(format!(
            "the database was damaged ({damage}); {} was restored, later entries are lost: \
             check the data disk",
            extent(snapshot)
        )),
        (Some(damage), None) => Some(format!(
            "the database was damaged ({damage}) and there was no snapshot: the box is back to \
             its factory configuration; check the data disk"
        )),
    };
    if let Some(note) = &note {
        tracing::error!("{note}");
    }
    write_first(&database, snapshot.as_ref(), note.as_deref(), now)
        .map_err(|fault| OpenError::Disk(fault.to_string()))?;
    Ok(Opened { database, note })
}

fn extent(snapshot: &Snapshot) -> String {
    format!(
        "the snapshot of configuration version {} with the newest {} call records",
        snapshot.version,
        snapshot.calls.len()
    )
}

/// Writes the first content as one transaction: all of it is there after a power cut, or nothing.
fn write_first(
    database: &Database,
    snapshot: Option<&Snapshot>,
    note: Option<&str>,
    now: UnixTime,
) -> Result<(), Fault> {
    let txn = begin(database)?;
    // Reading a table that was never made is an error, so all are made now.
    for table in [
        META,
        CONFIG,
        CALLS,
        OPEN_CALLS,
        REGISTRATIONS,
        AUDIT,
        SECRETS,
    ] {
        drop(open(&txn, table)?);
    }
    let entry = |action: &str| Audit {
        who: "system".to_owned(),
        action: action.to_owned(),
        ..Audit::default()
    };
    if let Some(snapshot) = snapshot {
        snapshot.restore(&txn)?;
    } else {
        let site = config::Site::factory(FACTORY_REALM).to_ipc();
        let audit = entry("factory configuration");
        put_config(&mut open(&txn, CONFIG)?, 1, &audit, &site, now)?;
        append_audit(&txn, &audit, now)?;
    }
    if let Some(note) = note {
        append_audit(&txn, &entry(note), now)?;
    }
    put(
        &mut open(&txn, META)?,
        "meta",
        SCHEMA_VERSION_KEY,
        &SCHEMA_VERSION,
    )?;
    txn.commit().map_err(redb_fault)
}

/// Begins a write that is durable and checked: two-phase, because the store's rows come from the
/// network in the end, and redb's one-phase commit trusts a checksum anybody can compute.
pub(crate) fn begin(database: &Database) -> Result<redb::WriteTransaction, Fault> {
    let mut txn = database.begin_write().map_err(redb_fault)?;
    txn.set_two_phase_commit(true);
    Ok(txn)
}

fn broken_chain(database: &Database) -> Option<String> {
    let txn = database.begin_read().ok()?;
    let position = reads::audit_break(&txn, CHAIN_CHECKED).ok().flatten()?;
    let note = format!(
        "the audit trail was changed from outside: entry {position} does not fit the one before"
    );
    tracing::error!("{note}");
    Some(note)
}
