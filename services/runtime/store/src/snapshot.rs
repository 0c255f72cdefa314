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

use crate::calls::put_as_it_is;
use crate::reads;
use crate::rows::{AuditRow, CallRow, ConfigRow, KeptRow, RegistrationRow, SecretRow, SpentRow};
use crate::tables::{
    ANCHOR_KEY, AUDIT, CALLS, CONFIG, Fault, KEPT_KEY, META, OPEN_CALLS, REGISTRATIONS,
    RESTORE_KEY, SCHEMA_VERSION, SECRETS, SPENT_KEY, number_key, open, put, registration_key,
    secret_key,
};
use crate::writes::put_config_row;

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
    /// The shape of what follows, as [`SCHEMA_VERSION`] counts it.
    schema: u32,
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
    #[serde(default)]
    spent: Option<SpentRow>,
    /// How far what is past its date was deleted.
    #[serde(default)]
    kept: Option<KeptRow>,
    /// The restore that has brought it: its sounds may not be in place.
    #[serde(default)]
    restore: Option<String>,
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
            schema: SCHEMA_VERSION,
            version,
            config,
            secrets: reads::secret_rows(txn)?,
            audit,
            anchor,
            calls: reads::newest_calls(txn, usize::from(ENTRIES_MAX))?,
            registrations: reads::registration_rows(txn)?,
            spent: reads::spent_row(txn)?,
            kept: reads::kept_row(txn)?,
            restore: restore_id(txn)?,
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
            put_as_it_is(&mut calls, &mut ongoing, row)?;
        }
        let mut registrations = open(txn, REGISTRATIONS)?;
        for row in &self.registrations {
            let key = registration_key(&row.extension, &row.contact);
            put(&mut registrations, "registrations", &key, row)?;
        }
        let mut meta = open(txn, META)?;
        if let Some(row) = &self.spent {
            put(&mut meta, "meta", SPENT_KEY, row)?;
        }
        if let Some(row) = &self.kept {
            put(&mut meta, "meta", KEPT_KEY, row)?;
        }
        if let Some(id) = &self.restore {
            put(&mut meta, "meta", RESTORE_KEY, id)?;
        }
        put(&mut meta, "meta", ANCHOR_KEY, &self.anchor)
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

    /// A secret as the snapshots have it that are whole, the newest first.
    pub(crate) fn secrets_kept(directory: &Path, uid: u32, name: &str) -> Vec<SecretRow> {
        let [newest, previous, _] = NAMES.map(|name| directory.join(name));
        let bytes = [newest, previous].into_iter().map(std::fs::read);
        let whole = bytes.filter_map(|it| parse(&it.ok()?).ok());
        let secrets = whole.flat_map(|it| it.secrets);
        secrets
            .filter(|(of, named, _)| *of == uid && named == name)
            .map(|(_, _, row)| row)
            .collect()
    }

    /// The newest snapshot that is whole. One that is not is kept under another name, out of the
    /// way of the next: it may be the last trace of the box's configuration.
    pub(crate) fn load(directory: &Path) -> Result<Option<Self>, TooNew> {
        let [newest, previous, _] = NAMES.map(|name| directory.join(name));
        for path in [newest, previous] {
            let reason = match std::fs::read(&path) {
                Ok(bytes) => match parse(&bytes) {
                    Ok(snapshot) => return Ok(Some(snapshot)),
                    Err(Unusable::TooNew(newer)) => return Err(newer),
                    Err(Unusable::Damaged) => "it does not hold what was written".to_owned(),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => error.to_string(),
            };
            let aside = path.with_added_extension("damaged");
            tracing::error!("{} is not used: {reason}", path.display());
            if let Err(error) = std::fs::rename(&path, &aside) {
                tracing::error!("it cannot be kept as {}: {error}", aside.display());
            }
        }
        Ok(None)
    }
}

/// One that cannot be read is left out: all else is worth more.
fn restore_id(txn: &ReadTransaction) -> Result<Option<String>, Fault> {
    match reads::restore_id(txn) {
        Err(Fault::Row { .. }) => Ok(None),
        read => read,
    }
}

/// A newer firmware wrote the snapshot.
#[derive(Debug)]
pub(crate) enum TooNew {
    /// In this schema.
    Schema(u32),
    /// In a schema that is known, with what this one does not know.
    Content(String),
}

enum Unusable {
    Damaged,
    TooNew(TooNew),
}

fn parse(bytes: &[u8]) -> Result<Snapshot, Unusable> {
    /// What every snapshot has, whoever wrote it.
    #[derive(Deserialize)]
    struct Heading {
        schema: u32,
    }
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (Some(sum), Some(json)) = (lines.next(), lines.next()) else {
        return Err(Unusable::Damaged);
    };
    if hex::encode(Sha256::digest(json)).as_bytes() != sum {
        return Err(Unusable::Damaged);
    }
    match serde_json::from_slice(json) {
        Ok(Heading { schema }) if schema > SCHEMA_VERSION => {
            Err(Unusable::TooNew(TooNew::Schema(schema)))
        }
        // Its sum is right, so it is as it was written.
        Ok(_) => serde_json::from_slice(json)
            .map_err(|error| Unusable::TooNew(TooNew::Content(error.to_string()))),
        Err(_) => Err(Unusable::Damaged),
    }
}
