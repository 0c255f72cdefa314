//! What becomes of a backup and of what the box has, together.
//!
//! Whether the backup is of this box's own past, trail and signature say: then nothing that
//! happened since is lost, and nobody gets back what was taken from him (decision 0036). What
//! cannot be read of what the box has is left behind and said.

use std::collections::BTreeMap;

use ::backup::BackupKey;
use ipc::site::Site;
use ipc::store::{Audit, BackupFailure, BackupRefusal, Damage};
use redb::{Database, ReadTransaction, ReadableTable as _, TableHandle as _, WriteTransaction};
use sansio::UnixTime;
use serde::de::DeserializeOwned;

use super::failure;
use super::keys::{KeyRow, OwnPast, draw, is_left_out};
use super::proof::{Loaded, Unloaded};
use super::restore::Unrestored;
use crate::access::Peers;
use crate::calls::CallTables;
use crate::erased::{self, Erased, Gone, Origin};
use crate::opening::begin;
use crate::rows::{AuditRow, CallRow, ConfigRow, KeptRow, RegistrationRow, SecretRow};
use crate::seal::{self, Seal};
use crate::tables::{
    ANCHOR_KEY, AUDIT, CALLS, CONFIG, Definition, Fault, KEPT_KEY, META, REGISTRATIONS,
    RESTORE_KEY, SECRETS, SPENT_KEY, WriteTable, decode, get, key_number, last_number, number_key,
    open, put, redb_fault,
};
use crate::writes::{CALLS_MAX, append_audit, append_row, put_newest};
use crate::{audit, provision};

/// A backup that was loaded, and who restores it.
pub(super) struct Merge<'a> {
    pub(super) loaded: Loaded,
    /// The key of a code that somebody has typed.
    pub(super) typed: Option<BackupKey>,
    pub(super) audit: Audit,
    pub(super) peers: Peers,
    pub(super) now: UnixTime,
    /// Which box this is; `None` where that cannot be read.
    pub(super) own: Option<OwnPast>,
    /// Whether to give up.
    pub(super) is_over: &'a dyn Fn() -> bool,
    /// Keeps the trail that is replaced: what is said of that.
    pub(super) keep_trail: &'a dyn Fn(&ReadTransaction) -> Result<String, BackupFailure>,
}

/// What came of a merge.
pub(super) struct Merged {
    /// Of the configuration.
    pub(super) version: u64,
    /// The backup is of this box's own past.
    pub(super) is_own: bool,
    /// Of this restore; the database has it too.
    pub(super) id: String,
}

/// Whose past a backup is of.
enum Past {
    /// This box's. Both trails have the same entries up to this number; 0 for none.
    Own { common: u64 },
    /// Another one's, or that of another site that this box was.
    Other,
}

impl Merge<'_> {
    /// Finishes the new database by what the box has.
    pub(super) fn apply(
        &self,
        present: Option<&ReadTransaction>,
        new: &Database,
    ) -> Result<Merged, Unrestored> {
        let txn = begin(new)?;
        let mut present = Present {
            txn: present,
            is_over: self.is_over,
            unread: BTreeMap::new(),
        };
        let (version, site) = present.config();
        let past = self.past(&mut present, &txn)?;
        self.keep_secrets(&mut present, &txn, matches!(past, Past::Own { .. }))?;
        let (loaded, gone) = self.without_erased(&txn, &past)?;
        let mut dropped = Vec::new();
        let restored = match (&past, site) {
            (Past::Own { .. }, Some(site)) => {
                let mut told = loaded.clone();
                told.people.clone_from(&site.people);
                dropped = config::drop_dangling(&mut told);
                config::back_to(&loaded, &site)
            }
            (Past::Own { .. }, None) | (Past::Other, _) => loaded,
        };
        if let Err(faults) = config::Site::parse(&restored) {
            let count = faults.len() as u64;
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            tracing::warn!("the configuration of the backup: {}", faults.join("; "));
            let refusal = BackupRefusal::Damaged(Damage::Site(count));
            return Err(Unrestored::Refused(refusal));
        }
        let newest = present.newest_entry();
        if let Past::Own { common } = past {
            keep_what_came_since(&mut present, &txn, &self.loaded, common, self.peers.own)?;
        }
        let version = version.max(last_number(&open(&txn, CONFIG)?)?) + 1;
        let kept = match (&past, present.txn) {
            (Past::Other, Some(txn)) => (self.keep_trail)(txn).map_err(Unrestored::Failed)?,
            (Past::Other, None) | (Past::Own { .. }, _) => String::new(),
        };
        let mut audit = self.entry(&past, newest);
        audit.before.push_str(&kept);
        audit.after = [audit.after, gone, not_kept(&dropped, &present.unread)].concat();
        self.finish(&txn, &past, version, &restored, &audit)?;
        let id = mark(&txn)?;
        txn.commit().map_err(redb_fault)?;
        let is_own = matches!(past, Past::Own { .. });
        Ok(Merged {
            version,
            is_own,
            id,
        })
    }

    /// The site of the backup without who was erased since, as far as somebody is left who may
    /// administer it; and what the trail says of that.
    fn without_erased(&self, txn: &WriteTransaction, past: &Past) -> Result<(Site, String), Fault> {
        let erased = match Erased::kept(&open(txn, SECRETS)?, self.peers.own) {
            Err(Fault::Row { .. }) => None,
            read => read?,
        };
        let mut site = self.loaded.site.clone();
        let gone = erased.map_or_else(Gone::default, |erased| {
            let erased = erased.by_clock(self.now);
            erased.erase_from(&mut site, self.loaded.header.taken_millis)
        });
        // Its people are not taken over where it is the box's own past.
        let gone = gone.accounts;
        if gone == 0 || matches!(past, Past::Own { .. }) {
            return Ok((site, String::new()));
        }
        Ok(match config::Site::parse(&site) {
            Ok(_) => (
                site,
                format!("; not taken over, as erased: accounts {gone}"),
            ),
            Err(_) => {
                let said = format!(
                    "; erased and taken over all the same, as the site is not whole without: \
                     accounts {gone}"
                );
                (self.loaded.site.clone(), said)
            }
        })
    }

    /// Whose list of who was erased counts.
    fn origin(&self, is_own_past: bool) -> Origin {
        let of_box = self.loaded.header.of_box;
        match self.own.is_some_and(|own| own.of_box == of_box) {
            _ if is_own_past => Origin::OwnPast,
            true => Origin::OwnBox,
            false => Origin::Another,
        }
    }

    fn finish(
        &self,
        txn: &WriteTransaction,
        past: &Past,
        version: u64,
        site: &Site,
        audit: &Audit,
    ) -> Result<(), Fault> {
        put_newest(&mut open(txn, CONFIG)?, version, audit, site, self.now)?;
        append_audit(txn, audit, self.now)?;
        // On the box's own past its code stays: a later one was made because of the one before.
        if matches!(past, Past::Own { .. }) {
            return Ok(());
        }
        KeyRow::of_site_since(&self.peers, version).apply(txn, self.now)?;
        if let Some(key) = &self.typed {
            KeyRow::of_code(&self.peers, key, None).apply(txn, self.now)?;
        }
        Ok(())
    }

    /// It is the box's own past where its trail goes on from that of the backup; or where the box
    /// has signed the backup and is the site of then, though its trail was cut off by age, or by
    /// damage of the disk.
    fn past(&self, present: &mut Present<'_>, txn: &WriteTransaction) -> Result<Past, Fault> {
        let Some((last, hash)) = &self.loaded.trail else {
            return Ok(Past::Other);
        };
        let at = present.row::<AuditRow>(AUDIT, &number_key(*last));
        if at.is_some_and(|row| row.hash == *hash) {
            return Ok(Past::Own { common: *last });
        }
        let header = &self.loaded.header;
        let is_own = self
            .own
            .is_some_and(|own| header.of_box == own.of_box && header.config_version >= own.since);
        if !is_own {
            return Ok(Past::Other);
        }
        let mut common = 0;
        let theirs = open(txn, AUDIT)?;
        present.rows(AUDIT, |key, value| {
            let Ok(row) = decode::<AuditRow>("audit", value) else {
                return Ok(Read::Not);
            };
            let same: Option<AuditRow> = get(&theirs, "audit", key)?;
            if same.is_some_and(|same| same.hash == row.hash) {
                common = key_number(key);
            }
            Ok(Read::Is)
        })?;
        present.unread.clear();
        Ok(Past::Own { common })
    }

    /// The keys of the box stay, and on its own past all that its services keep: who was given
    /// another address or certificate since has them.
    fn keep_secrets(
        &self,
        present: &mut Present<'_>,
        txn: &WriteTransaction,
        is_own_past: bool,
    ) -> Result<(), Fault> {
        let mut table = open(txn, SECRETS)?;
        let mut lists: [Option<SecretRow>; 2] = [None, None];
        let [list, list_before] = &mut lists;
        present.rows(SECRETS, |key, value| {
            let Ok(row) = decode::<SecretRow>("secrets", value) else {
                return Ok(Read::Not);
            };
            let Some((uid, name)) = key.split_first_chunk() else {
                return Ok(Read::Not);
            };
            let uid = u32::from_be_bytes(*uid);
            let name = String::from_utf8_lossy(name);
            if uid == self.peers.own && name == erased::NAME {
                *list = Some(row);
            } else if uid == self.peers.own && name == erased::NAME_BEFORE {
                *list_before = Some(row);
            } else if provision::is_ids(uid, &name) {
                provision::unite(&mut table, &row)?;
            } else if is_own_past && uid == self.peers.own && name == seal::NAME {
                // The records of the backup are read with its own.
                if table.get(key).map_err(redb_fault)?.is_none() {
                    table.insert(key, value).map_err(redb_fault)?;
                }
            } else if is_own_past || is_left_out(&self.peers, uid, &name) {
                table.insert(key, value).map_err(redb_fault)?;
            }
            Ok(Read::Is)
        })?;
        let [list, before] = &lists;
        let origin = self.origin(is_own_past);
        erased::unite(
            &mut table,
            self.peers.own,
            list.as_ref(),
            before.as_ref(),
            origin,
        )
    }

    /// The entry that both trails end in: of which box the backup is, and what trail it replaced.
    fn entry(&self, past: &Past, newest: Option<(u64, AuditRow)>) -> Audit {
        let header = &self.loaded.header;
        let of_box = hex::encode(header.of_box);
        let before = match newest {
            Some((number, row)) if matches!(past, Past::Other) => {
                format!("audit trail up to entry {number}, {}", row.hash)
            }
            Some(_) | None => String::new(),
        };
        let broken = self.loaded.broken.map_or_else(String::new, |number| {
            format!("; entry {number} of its audit trail does not fit the one before")
        });
        Audit {
            action: format!(
                "backup restored: configuration version {}, taken at {}, of box {}",
                self.loaded.version,
                header.taken_millis,
                of_box.get(..16).unwrap_or_default()
            ),
            before,
            after: format!("made by firmware {}{broken}", header.firmware),
            ..self.audit.clone()
        }
    }
}

/// Notes which restore has brought the database. A version of the configuration would not tell:
/// the box that a restore was refused on comes to the same.
fn mark(txn: &WriteTransaction) -> Result<String, Unrestored> {
    let drawn = draw::<16>().map_err(failure::of_keys);
    let id = hex::encode(drawn.map_err(Unrestored::Failed)?);
    put(&mut open(txn, META)?, "meta", RESTORE_KEY, &id)?;
    Ok(id)
}

/// What is not as it was, for the trail.
fn not_kept(dropped: &[String], unread: &BTreeMap<String, u64>) -> String {
    let mut said = String::new();
    if !dropped.is_empty() {
        said = format!("; taken away, as it is not there: {}", dropped.join(", "));
    }
    for (table, rows) in unread {
        said.push_str(&format!(
            "; not readable and left behind: {rows} of table {table}"
        ));
    }
    said
}

/// Whether a row could be read.
enum Read {
    Is,
    Not,
}

/// What the box has, as far as it can be read.
struct Present<'a> {
    /// `None` where nothing can be.
    txn: Option<&'a ReadTransaction>,
    is_over: &'a dyn Fn() -> bool,
    /// Rows that could not be read, by table.
    unread: BTreeMap<String, u64>,
}

impl Present<'_> {
    /// Gives every row there is, in order. What the disk does not give back ends a table.
    fn rows(
        &mut self,
        table: Definition,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<Read, Fault>,
    ) -> Result<(), Fault> {
        let Some(txn) = self.txn else { return Ok(()) };
        let mut unread = 0;
        if let Ok(rows) = txn.open_table(table)
            && let Ok(rows) = rows.iter()
        {
            for row in rows {
                if (self.is_over)() {
                    return Err(failure::interrupted());
                }
                let Ok((key, value)) = row else {
                    unread += 1;
                    break;
                };
                if matches!(take(key.value(), value.value())?, Read::Not) {
                    unread += 1;
                }
            }
        } else {
            unread = 1;
        }
        if unread > 0 {
            self.unread.insert(table.name().to_owned(), unread);
        }
        Ok(())
    }

    fn row<T: DeserializeOwned>(&self, table: Definition, key: &[u8]) -> Option<T> {
        let table = self.txn?.open_table(table).ok()?;
        get(&table, "present", key).ok()?
    }

    /// The version that is current, and its site where that can be read.
    fn config(&mut self) -> (u64, Option<Site>) {
        let table = self.txn.and_then(|txn| txn.open_table(CONFIG).ok());
        let version = table.and_then(|table| last_number(&table).ok());
        let version = version.unwrap_or(0);
        let row: Option<ConfigRow> = self.row(CONFIG, &number_key(version));
        (version, row.map(|row| row.site.into()))
    }

    /// What opens the numbers in its call records.
    fn seal(&self, own: u32) -> Option<Seal> {
        let table = self.txn?.open_table(SECRETS).ok()?;
        Seal::kept(&table, own).ok()?
    }

    fn newest_entry(&self) -> Option<(u64, AuditRow)> {
        let table = self.txn?.open_table(AUDIT).ok()?;
        let number = last_number(&table).ok()?;
        Some((number, self.row(AUDIT, &number_key(number))?))
    }
}

/// Keeps the trail, the versions, the money spent, the phones and the call records that the box
/// has: they are the later ones.
fn keep_what_came_since(
    present: &mut Present<'_>,
    txn: &WriteTransaction,
    loaded: &Loaded,
    common: u64,
    own: u32,
) -> Result<(), Fault> {
    keep_trail(present, txn, loaded, common)?;
    let mut meta = open(txn, META)?;
    present.rows(META, |key, value| {
        if key == SPENT_KEY {
            meta.insert(key, value).map_err(redb_fault)?;
        }
        // Records of the backup come back, and are to be looked at again.
        if key == KEPT_KEY
            && let Ok(row) = decode::<KeptRow>("meta", value)
        {
            let loaded = match get::<KeptRow>(&meta, "meta", KEPT_KEY) {
                Err(Fault::Row { .. }) => None,
                read => read?,
            };
            let row = KeptRow {
                as_of_millis: row.as_of_millis,
                moved_millis: row.moved_millis,
                back_millis: row.back_millis,
                ..loaded.unwrap_or_default()
            };
            put(&mut meta, "meta", KEPT_KEY, &row)?;
        }
        Ok(Read::Is)
    })?;
    let mut phones = open(txn, REGISTRATIONS)?;
    phones.retain(|_, _| false).map_err(redb_fault)?;
    present.rows(REGISTRATIONS, copy::<RegistrationRow>(&mut phones))?;
    let mut versions = open(txn, CONFIG)?;
    present.rows(CONFIG, copy::<ConfigRow>(&mut versions))?;
    // Sealed anew where the backup has another key. The index is made at the next start.
    let seal = present.seal(own);
    let mut calls = CallTables::open(txn, own)?;
    present.rows(CALLS, |_, value| {
        let Ok(row) = decode::<CallRow>("calls", value) else {
            return Ok(Read::Not);
        };
        calls.put_row(row.opened(seal.as_ref()))?;
        Ok(Read::Is)
    })?;
    calls.drop_all_oldest(CALLS_MAX)
}

/// Takes rows over as they are.
fn copy<'a, 'txn, T: DeserializeOwned>(
    into: &'a mut WriteTable<'txn>,
) -> impl FnMut(&[u8], &[u8]) -> Result<Read, Fault> + use<'a, 'txn, T> {
    |key, value| {
        if decode::<T>("present", value).is_err() {
            return Ok(Read::Not);
        }
        into.insert(key, value).map_err(redb_fault)?;
        Ok(Read::Is)
    }
}

/// The trail of the backup as far as both are the same, and that of the box behind it.
///
/// Where the box's trail begins later, as the oldest entries are dropped and a database that was
/// damaged comes back with the newest alone, the entries before it are those of the backup. Where
/// the backup has entries that the box has lost, what came after is chained to the last of them.
/// Where nothing joins the two, the box's own stays.
fn keep_trail(
    present: &mut Present<'_>,
    txn: &WriteTransaction,
    loaded: &Loaded,
    common: u64,
) -> Result<(), Fault> {
    let mut table = open(txn, AUDIT)?;
    let last = loaded.trail.as_ref().map_or(0, |(number, _)| *number);
    let mut first = None;
    present.rows(AUDIT, |key, value| {
        if first.is_none() {
            first = Some((key_number(key), decode::<AuditRow>("audit", value).ok()));
        }
        Ok(Read::Is)
    })?;
    let Some((first, first_row)) = first else {
        return Ok(());
    };
    let before: Option<AuditRow> = get(&table, "audit", &number_key(first.saturating_sub(1)))?;
    let follows = before
        .zip(first_row)
        .is_some_and(|(before, row)| audit::hash(&before.hash, first, &row) == row.hash);
    let is_joined = common > 0 || follows;
    let begins_before = first_number(&table)? < first;
    if !is_joined {
        table.retain(|_, _| false).map_err(redb_fault)?;
    }
    if !is_joined || !begins_before {
        take_anchor(present, txn)?;
    }
    if common == 0 || common == last {
        return present.rows(AUDIT, copy::<AuditRow>(&mut table));
    }
    drop(table);
    present.rows(AUDIT, |key, value| {
        match decode::<AuditRow>("audit", value) {
            Ok(row) if key_number(key) > common => append_row(txn, row)?,
            Ok(_) => {}
            Err(_) => return Ok(Read::Not),
        }
        Ok(Read::Is)
    })
}

fn first_number(table: &WriteTable<'_>) -> Result<u64, Fault> {
    let first = table.first().map_err(redb_fault)?;
    Ok(first.map_or(u64::MAX, |(key, _)| key_number(key.value())))
}

/// The trail begins where that of the box does.
fn take_anchor(present: &Present<'_>, txn: &WriteTransaction) -> Result<(), Fault> {
    let mut meta = open(txn, META)?;
    match present.row::<String>(META, ANCHOR_KEY) {
        Some(anchor) => put(&mut meta, "meta", ANCHOR_KEY, &anchor),
        None => meta.remove(ANCHOR_KEY).map_err(redb_fault).map(drop),
    }
}

impl From<Fault> for Unrestored {
    fn from(fault: Fault) -> Self {
        Unloaded::from(fault).into()
    }
}
