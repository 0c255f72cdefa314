//! Putting what an archive holds into a database of its own: as a trial, and to be restored.
//!
//! Every row is read as what its table says and held against what may be, so that nothing is
//! restored that the store would not have written.

use std::collections::BTreeSet;

use ::backup::{BackupKey, Event, Header, Reader, Refusal, Summary, Table};
use ipc::site::Site;
use ipc::store::{BackupFailure, BackupRefusal, Damage};
use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _, WriteTransaction};
use rtp::wav;
use serde::de::DeserializeOwned;

use super::archive::{Made, belongs};
use super::keys::Keys;
use super::{Backups, failure};
use crate::access::Peers;
use crate::audit;
use crate::files::Open;
use crate::medium::Scratch;
use crate::opening::{begin, builder};
use crate::rows::{
    AuditRow, CallRow, ConfigRow, OutcomeRow, RegistrationRow, SecretRow, SpentRow, decode,
};
use crate::sounds::{MIB_MAX, SOUNDS_MAX, Sounds, is_sound};
use crate::store::Shared;
use crate::tables::{
    ANCHOR_KEY, AUDIT, CALLS, CONFIG, Fault, META, OPEN_CALLS, REGISTRATIONS, SCHEMA_VERSION,
    SCHEMA_VERSION_KEY, SECRETS, SPENT_KEY, WriteTable, key_number, open, put, redb_fault,
    registration_key,
};
use crate::writes::{
    AUDIT_ENTRIES_MAX, CALLS_MAX, CONFIG_VERSIONS_MAX, REGISTRATIONS_MAX, SECRET_LENGTH_MAX,
    SECRETS_MAX,
};

/// Bytes of an archive that are read at once.
const PIECE: usize = 64 * 1024;

/// Bytes of all rows at most: several times what the tables may hold.
const ROWS_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Processes that keep secrets, and some room.
const KEEPERS_MAX: u64 = 16;

/// Facts about the whole, and some room.
const FACTS_MAX: u64 = 64;

/// What was loaded.
pub(super) struct Loaded {
    pub(super) header: Header,
    pub(super) summary: Summary,
    /// The newest configuration.
    pub(super) version: u64,
    pub(super) site: Site,
    /// The newest entry of the trail, and its hash; none in an empty one.
    pub(super) trail: Option<(u64, String)>,
    /// The first entry of the trail that does not fit the one before.
    pub(super) broken: Option<u64>,
    /// Prompts whose sounds were staged.
    pub(super) sounds: BTreeSet<String>,
}

/// Why an archive was not loaded.
#[derive(Debug)]
pub(super) enum Unloaded {
    Refused(BackupRefusal),
    /// The disk, or the store itself.
    Failed(BackupFailure),
}

impl From<Refusal> for Unloaded {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refused(refusal))
    }
}

impl From<Fault> for Unloaded {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Row { table, .. } => {
                tracing::warn!("the backup: {fault}");
                damaged(Damage::Row(table.to_owned()))
            }
            Fault::Redb(_) if fault.is_disk_full() => Self::Refused(BackupRefusal::NoRoom),
            Fault::Redb(_) => Self::Failed(fault.into()),
        }
    }
}

/// A refusal as it travels.
pub(super) fn refused(refusal: Refusal) -> BackupRefusal {
    match refusal {
        Refusal::NotABackup => BackupRefusal::NotABackup,
        Refusal::NewerFormat(_) | Refusal::NewerSchema { .. } => BackupRefusal::Newer,
        Refusal::OtherCode(_) => BackupRefusal::OtherCode,
        Refusal::CutShort => BackupRefusal::CutShort,
        Refusal::TooLong => BackupRefusal::Damaged(Damage::TooLong),
        Refusal::Damaged(_) => {
            tracing::warn!("{refusal}");
            BackupRefusal::Damaged(Damage::Changed)
        }
        Refusal::NotSigned => BackupRefusal::NotSigned,
    }
}

const fn damaged(damage: Damage) -> Unloaded {
    Unloaded::Refused(BackupRefusal::Damaged(damage))
}

/// Restores an archive for trial, and compares it with what was written.
pub(super) fn prove(
    backups: &Backups,
    shared: &Shared,
    keys: &Keys,
    made: &Made,
) -> Result<(), BackupFailure> {
    shared.medium.remove_scratch(Scratch::Trial);
    let outcome = try_it(backups, shared, keys, made);
    shared.medium.remove_scratch(Scratch::Trial);
    match outcome {
        Ok(loaded) if loaded.header != made.header || loaded.summary != made.summary => {
            tracing::error!(
                "the trial restore of {} gives {:?} back, not {:?}",
                made.name,
                loaded.summary,
                made.summary
            );
            Err(BackupFailure::Differs)
        }
        Ok(loaded) => {
            told(&loaded);
            Ok(())
        }
        Err(Unloaded::Refused(BackupRefusal::NoRoom)) => Err(BackupFailure::NoRoom),
        Err(Unloaded::Refused(refusal)) => Err(BackupFailure::Unproved(refusal)),
        Err(Unloaded::Failed(failure)) => Err(failure),
    }
}

/// What is wrong with what was backed up. The backup is as good as that is.
fn told(loaded: &Loaded) {
    if let Some(number) = loaded.broken {
        tracing::warn!("entry {number} of the audit trail does not fit the one before");
    }
    if let Err(faults) = config::Site::parse(&loaded.site) {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        tracing::warn!(
            "the configuration that was backed up: {}",
            faults.join("; ")
        );
    }
}

fn try_it(
    backups: &Backups,
    shared: &Shared,
    keys: &Keys,
    made: &Made,
) -> Result<Loaded, Unloaded> {
    let mut file = backups
        .folder
        .open(Some(&made.name))
        .map_err(Unloaded::Refused)?;
    // What is proved is what the disk has, not what the kernel remembers of it.
    file.forget_cached();
    let database = shared.medium.open_scratch(Scratch::Trial, &builder());
    let database = database.map_err(|error| Unloaded::from(redb_fault(error)))?;
    let into = Into {
        database: &database,
        sounds: None,
    };
    load(&mut *file, &keys.key, &shared.peers, &into, &|_| {
        !backups.is_stopped()
    })
}

/// Is told how many bytes of an archive were read, and says whether to go on.
pub(super) type GoesOn<'a> = &'a dyn Fn(u64) -> bool;

/// Where an archive is loaded.
pub(super) struct Into<'a> {
    /// It is empty.
    pub(super) database: &'a Database,
    /// Staged, where the sounds of prompts are wanted, with how many bytes there is room for.
    pub(super) sounds: Option<(&'a Sounds, u64)>,
}

/// Loads an archive into an empty database: all of it, or nothing.
pub(super) fn load(
    file: &mut dyn Open,
    key: &BackupKey,
    peers: &Peers,
    into: &Into<'_>,
    goes_on: GoesOn<'_>,
) -> Result<Loaded, Unloaded> {
    let database = into.database;
    let txn = begin(database)?;
    let mut loader = Loader::new(&txn, peers)?;
    loader.sounds = into.sounds;
    let loaded = fill(file, key, loader, goes_on)?;
    let schema = loaded.header.schema;
    put(&mut open(&txn, META)?, "meta", SCHEMA_VERSION_KEY, &schema)?;
    txn.commit().map_err(redb_fault)?;
    if counted(database)? != loaded.rows() {
        return Err(Unloaded::Failed(BackupFailure::Differs));
    }
    Ok(loaded)
}

impl Loaded {
    fn rows(&self) -> [u64; 4] {
        let of = |table| self.summary.rows(table);
        [
            of(Table::Config),
            of(Table::Calls),
            of(Table::Audit),
            of(Table::Secrets),
        ]
    }
}

/// Rows that are on the disk now.
fn counted(database: &Database) -> Result<[u64; 4], Fault> {
    let txn = database.begin_read().map_err(redb_fault)?;
    let mut rows = [0; 4];
    for (count, table) in rows.iter_mut().zip([CONFIG, CALLS, AUDIT, SECRETS]) {
        let table = txn.open_table(table).map_err(redb_fault)?;
        *count = table.len().map_err(redb_fault)?;
    }
    Ok(rows)
}

fn fill(
    file: &mut dyn Open,
    key: &BackupKey,
    mut loader: Loader<'_>,
    goes_on: GoesOn<'_>,
) -> Result<Loaded, Unloaded> {
    let take = |table, key: &[u8], value: &[u8]| loader.row(table, key, value);
    let (header, summary) = read_rows(file, key, goes_on, take)?;
    let Some((version, row)) = loader.newest else {
        return Err(damaged(Damage::NoSite));
    };
    Ok(Loaded {
        header,
        summary,
        version,
        site: Site::from(row.site),
        trail: loader.trail,
        broken: loader.broken,
        sounds: loader.staged,
    })
}

/// Whether an archive is whole, opens with the key and is signed by the box it names.
pub(super) fn read_through(
    file: &mut dyn Open,
    key: &BackupKey,
    goes_on: GoesOn<'_>,
) -> Result<(), Unloaded> {
    read_rows(file, key, goes_on, |_, _, _| Ok(())).map(drop)
}

/// Reads an archive to its end, and gives each row.
fn read_rows(
    file: &mut dyn Open,
    key: &BackupKey,
    goes_on: GoesOn<'_>,
    mut take: impl FnMut(Table, &[u8], &[u8]) -> Result<(), Unloaded>,
) -> Result<(Header, Summary), Unloaded> {
    let mut reader = Reader::new(SCHEMA_VERSION);
    let mut header = None;
    let mut summary = None;
    let mut piece = vec![0; PIECE];
    let mut done = 0;
    while !reader.is_over() {
        if !goes_on(done) {
            return Err(Unloaded::Failed(BackupFailure::Interrupted));
        }
        let count = file.read(&mut piece);
        let count = count.map_err(|error| Unloaded::Failed(failure::of_disk(error)))?;
        done = done.saturating_add(count as u64);
        match piece.get(..count).filter(|it| !it.is_empty()) {
            Some(bytes) => reader.push(bytes),
            None => reader.end(),
        }
        while let Some(event) = reader.poll()? {
            match event {
                Event::Header(read) if read.schema == 0 => return Err(damaged(Damage::Strange)),
                Event::Header(read) => {
                    header = Some(read);
                    reader.open(key)?;
                }
                Event::Row { table, key, value } => take(table, &key, &value)?,
                Event::End(read) => summary = Some(read),
            }
        }
    }
    // Nothing may follow: the last piece may have ended where the archive does.
    if file.read(&mut piece).map_or(true, |count| count > 0) {
        return Err(Refusal::TooLong.into());
    }
    header.zip(summary).ok_or_else(|| Refusal::CutShort.into())
}

struct Loader<'txn> {
    peers: Peers,
    meta: WriteTable<'txn>,
    config: WriteTable<'txn>,
    calls: WriteTable<'txn>,
    ongoing: WriteTable<'txn>,
    registrations: WriteTable<'txn>,
    audit: WriteTable<'txn>,
    secrets: WriteTable<'txn>,
    /// Where sounds go, and how many bytes there is room for.
    sounds: Option<(&'txn Sounds, u64)>,
    /// Of which prompts.
    staged: BTreeSet<String>,
    /// Octets of the samples of all of them.
    samples: u64,
    counted: [u64; 8],
    bytes: u64,
    newest: Option<(u64, ConfigRow)>,
    /// What the next entry of the trail is chained to.
    anchor: String,
    trail: Option<(u64, String)>,
    broken: Option<u64>,
}

impl<'txn> Loader<'txn> {
    fn new(txn: &'txn WriteTransaction, peers: &Peers) -> Result<Self, Fault> {
        Ok(Self {
            peers: *peers,
            meta: open(txn, META)?,
            config: open(txn, CONFIG)?,
            calls: open(txn, CALLS)?,
            ongoing: open(txn, OPEN_CALLS)?,
            registrations: open(txn, REGISTRATIONS)?,
            audit: open(txn, AUDIT)?,
            secrets: open(txn, SECRETS)?,
            sounds: None,
            staged: BTreeSet::new(),
            samples: 0,
            counted: [0; 8],
            bytes: 0,
            newest: None,
            anchor: audit::GENESIS.to_owned(),
            trail: None,
            broken: None,
        })
    }

    fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Unloaded> {
        self.bound(table, key.len() + value.len())?;
        if !belongs(&self.peers, table, key) {
            return Err(damaged(Damage::Strange));
        }
        match table {
            Table::Meta => self.fact(key, value)?,
            Table::Config => {
                let row: ConfigRow = read("config", value)?;
                self.newest = Some((number(key)?, row));
            }
            Table::Calls => {
                let row: CallRow = read("calls", value)?;
                is_key(row.id.as_bytes() == key)?;
                if row.outcome == OutcomeRow::Ongoing {
                    let inserted = self.ongoing.insert(key, [].as_slice());
                    inserted.map_err(redb_fault).map(drop)?;
                }
            }
            Table::Registrations => {
                let row: RegistrationRow = read("registrations", value)?;
                is_key(registration_key(&row.extension, &row.contact) == key)?;
            }
            Table::Audit => {
                let number = number(key)?;
                let row: AuditRow = read("audit", value)?;
                // A trail that was changed on the box is so in its backups too, and all else of
                // them is good.
                if audit::hash(&self.anchor, number, &row) != row.hash {
                    self.broken.get_or_insert(number);
                }
                self.anchor.clone_from(&row.hash);
                self.trail = Some((number, row.hash));
            }
            Table::Secrets => {
                let row: SecretRow = read("secrets", value)?;
                is_key(row.value.reveal().len() <= SECRET_LENGTH_MAX)?;
            }
            Table::Sounds => return self.sound(key, value),
        }
        let into = match table {
            Table::Meta => &mut self.meta,
            Table::Config => &mut self.config,
            Table::Calls => &mut self.calls,
            Table::Registrations => &mut self.registrations,
            Table::Audit => &mut self.audit,
            Table::Secrets => &mut self.secrets,
            Table::Sounds => return Ok(()),
        };
        into.insert(key, value).map_err(redb_fault)?;
        Ok(())
    }

    /// The sound of a prompt: a file as the store makes them, and nothing else.
    fn sound(&mut self, key: &[u8], file: &[u8]) -> Result<(), Unloaded> {
        let name = str::from_utf8(key).unwrap_or_default();
        if !is_sound(name, file) {
            return Err(damaged(Damage::Row("sounds".to_owned())));
        }
        let samples = file.len().saturating_sub(wav::HEADER_LENGTH) as u64;
        self.samples = self.samples.saturating_add(samples);
        if self.samples > MIB_MAX {
            return Err(damaged(Damage::TooMany));
        }
        let Some((sounds, room)) = &mut self.sounds else {
            return Ok(());
        };
        let left = room.checked_sub(file.len() as u64);
        *room = left.ok_or(Unloaded::Refused(BackupRefusal::NoRoom))?;
        let put = sounds.put(name, file);
        put.map_err(|error| Unloaded::Failed(failure::of_disk(error)))?;
        self.staged.insert(name.to_owned());
        Ok(())
    }

    /// A fact about the whole; they come before the audit trail.
    fn fact(&mut self, key: &[u8], value: &[u8]) -> Result<(), Unloaded> {
        match key {
            ANCHOR_KEY => self.anchor = read("meta", value)?,
            SPENT_KEY => drop(read::<SpentRow>("meta", value)?),
            // Of a version that knew more.
            _ => drop(read::<serde::de::IgnoredAny>("meta", value)?),
        }
        Ok(())
    }

    /// No more than the store keeps.
    fn bound(&mut self, table: Table, bytes: usize) -> Result<(), Unloaded> {
        let max = match table {
            Table::Meta => FACTS_MAX,
            Table::Config => CONFIG_VERSIONS_MAX,
            Table::Calls => CALLS_MAX,
            Table::Registrations => REGISTRATIONS_MAX as u64,
            Table::Audit => AUDIT_ENTRIES_MAX,
            Table::Secrets => SECRETS_MAX as u64 * KEEPERS_MAX,
            Table::Sounds => SOUNDS_MAX as u64,
        };
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let count = self.counted.get_mut(table as usize);
        let is_within = count.is_some_and(|count| {
            *count += 1;
            *count <= max
        });
        match is_within && self.bytes <= ROWS_BYTES_MAX {
            true => Ok(()),
            false => Err(damaged(Damage::TooMany)),
        }
    }
}

fn read<T: DeserializeOwned>(table: &'static str, value: &[u8]) -> Result<T, Fault> {
    decode(value).map_err(|source| Fault::Row { table, source })
}

fn number(key: &[u8]) -> Result<u64, Unloaded> {
    is_key(key.len() == 8)?;
    Ok(key_number(key))
}

fn is_key(is_one: bool) -> Result<(), Unloaded> {
    match is_one {
        true => Ok(()),
        false => Err(damaged(Damage::Strange)),
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;
    use rtp::Rate;

    use super::*;

    #[test]
    fn sounds_of_more_than_the_store_keeps_are_not_taken() {
        let database = builder().create_with_backend(InMemoryBackend::new());
        let database = database.expect("in memory");
        let txn = begin(&database).expect("a transaction");
        let peers = Peers {
            own: 0,
            net: 1,
            pbx: 2,
            web: 3,
            provision: 4,
            grid: 5,
            guard: 6,
        };
        let mut loader = Loader::new(&txn, &peers).expect("tables");
        let eighth = MIB_MAX / 8;
        let length = u32::try_from(eighth).expect("short");
        let mut file = wav::header(Rate::Wide, 1, length).to_vec();
        file.resize(file.len() + usize::try_from(eighth).expect("short"), 0);
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            loader.sound(name.as_bytes(), &file).expect("64 MiB");
        }
        let mut one = wav::header(Rate::Wide, 1, 2).to_vec();
        one.extend([0, 0]);
        let refused = loader.sound(b"i", &one).expect_err("more");
        let expected = BackupRefusal::Damaged(Damage::TooMany);
        assert!(matches!(refused, Unloaded::Refused(it) if it == expected));
    }
}
