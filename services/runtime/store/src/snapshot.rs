//! The last good content in a file of its own, for the day the database cannot be read.
//!
//! The first line is the SHA-256 of the second, which is JSON. It is written beside the old one and
//! renamed over it, and the one before is kept, so that one of them is always whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use redb::{ReadTransaction, WriteTransaction};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::reads;
use crate::rows::{AuditRow, CallRow, ConfigRow, RegistrationRow, SecretRow};
use crate::tables::{
    ANCHOR_KEY, AUDIT, CALLS, CONFIG, Fault, META, OPEN_CALLS, REGISTRATIONS, SECRETS, number_key,
    open, put, registration_key, secret_key,
};
use crate::writes::{put_call, put_config_row};

/// The newest snapshot, the one before, and the one being written.
const NAMES: [&str; 3] = [
    "ramal.snapshot",
    "ramal.snapshot.previous",
    "ramal.snapshot.new",
];

/// Newest call records and audit entries in a snapshot: it is written at every change of the
/// configuration, so it must stay small.
const ENTRIES_MAX: u16 = 500;

/// Everything that matters, in one piece.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// The configuration version.
    pub(crate) version: u64,
    config: ConfigRow,
    secrets: Vec<(u32, String, SecretRow)>,
    /// Newest first, by position.
    audit: Vec<(u64, AuditRow)>,
    /// Hash that the oldest entry in `audit` is chained to.
    anchor: String,
    /// Newest first.
    pub(crate) calls: Vec<CallRow>,
    registrations: Vec<RegistrationRow>,
}

impl Snapshot {
    /// What the database holds now; `None` while it holds no configuration.
    pub(crate) fn take(txn: &ReadTransaction) -> Result<Option<Self>, Fault> {
        let Some((version, config)) = reads::config_row(txn)? else {
            return Ok(None);
        };
        let mut audit = reads::audit_rows(txn, usize::from(ENTRIES_MAX) + 1)?;
        let anchor = if audit.len() > usize::from(ENTRIES_MAX) {
            audit.pop().map(|(_, row)| row.hash).unwrap_or_default()
        } else {
            reads::audit_anchor(txn)?
        };
        Ok(Some(Self {
            version,
            config,
            secrets: reads::secret_rows(txn)?,
            audit,
            anchor,
            calls: reads::call_rows(txn, u32::from(ENTRIES_MAX), None)?,
            registrations: reads::registration_rows(txn)?,
        }))
    }

    /// Puts everything into empty tables.
    pub(crate) fn restore(&self, txn: &WriteTransaction) -> Result<(), Fault> {
        put_config_row(&mut open(txn, CONFIG)?, self.version, &self.config)?;
        let mut secrets = open(txn, SECRETS)?;
        for (uid, name, row) in &self.secrets {
            put(&mut secrets, "secrets", &secret_key(*uid, name), row)?;
        }
        let mut audit = open(txn, AUDIT)?;
        for (sequence, row) in &self.audit {
            put(&mut audit, "audit", &number_key(*sequence), row)?;
        }
        let mut calls = open(txn, CALLS)?;
        let mut ongoing = open(txn, OPEN_CALLS)?;
        for row in &self.calls {
            put_call(&mut calls, &mut ongoing, row)?;
        }
        let mut registrations = open(txn, REGISTRATIONS)?;
        for row in &self.registrations {
            let key = registration_key(&row.extension, &row.contact);
            put(&mut registrations, "registrations", &key, row)?;
        }
        put(&mut open(txn, META)?, "meta", ANCHOR_KEY, &self.anchor)
    }

    /// Writes the snapshot; it is durable when this returns.
    pub(crate) fn save(&self, directory: &Path) -> io::Result<()> {
        let [newest, previous, new] = NAMES.map(|name| directory.join(name));
        let json = serde_json::to_vec(self).map_err(io::Error::other)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        let written = file
            .write_all(hex::encode(Sha256::digest(&json)).as_bytes())
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.write_all(&json))
            .and_then(|()| file.sync_all());
        if let Err(error) = written {
            // A half-written file on a full disk only takes room from the database.
            let _ = std::fs::remove_file(&new);
            return Err(error);
        }
        match std::fs::rename(&newest, previous) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        std::fs::rename(new, newest)?;
        File::open(directory)?.sync_all()
    }

    /// The newest snapshot that is whole.
    pub(crate) fn load(directory: &Path) -> Option<Self> {
        let [newest, previous, _] = NAMES.map(|name| directory.join(name));
        [newest, previous].iter().find_map(|path| {
            let bytes = std::fs::read(path).ok()?;
            let parsed = parse(&bytes);
            if parsed.is_none() {
                tracing::error!("{} is damaged and is not used", path.display());
            }
            parsed
        })
    }
}

fn parse(bytes: &[u8]) -> Option<Snapshot> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (sum, json) = (bytes.get(..end)?, bytes.get(end + 1..)?);
    (hex::encode(Sha256::digest(json)).as_bytes() == sum).then_some(())?;
    serde_json::from_slice(json).ok()
}
