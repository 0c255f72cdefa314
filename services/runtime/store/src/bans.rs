//! Who is banned for guessing and scanning, as `guard` keeps it over a restart.
//!
//! In no backup and no snapshot: a ban is of the box's moment, and a lost one only ends early. So a
//! row that cannot be read is left out, and the others count.

use ipc::guard::{BanRow, Offence};
use ipc::store::{BanChanges, Reply};
use redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::tables::{BANS, Fault, WriteTable, decode, open, put, redb_fault};
use crate::writes::Outcome;

/// Bans kept: as many as `guard` does.
pub const BANS_MAX: u64 = 120_000;
/// Bans that one answer has: with the longest of everything they fit a frame.
pub const BANS_PAGE: usize = 5_000;
/// Bans that one change has, and as many again that are gone.
pub const BANS_CHANGED_MAX: usize = 20_000;
/// Bytes of the longest network as text, and some.
const NETWORK_LENGTH_MAX: usize = 64;
/// Texts of what was tried that one ban has,
const TRIED_MAX: usize = 8;
/// and bytes of each.
const TRIED_LENGTH_MAX: usize = 160;

/// A ban. What it is for is the name of an [`Offence`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Row {
    offence: Offence,
    count: u16,
    within_secs: u32,
    #[serde(default)]
    tried: Vec<String>,
    since_secs: i64,
    left_secs: u64,
    #[serde(default)]
    until_secs: Option<i64>,
    times: u32,
}

impl From<&BanRow> for Row {
    fn from(from: &BanRow) -> Self {
        Self {
            offence: from.offence,
            count: from.count,
            within_secs: from.within_secs,
            tried: from.tried.clone(),
            since_secs: from.since_secs,
            left_secs: from.left_secs,
            until_secs: from.until_secs,
            times: from.times,
        }
    }
}

impl Row {
    fn of(self, network: String) -> BanRow {
        BanRow {
            network,
            offence: self.offence,
            count: self.count,
            within_secs: self.within_secs,
            tried: self.tried,
            since_secs: self.since_secs,
            left_secs: self.left_secs,
            until_secs: self.until_secs,
            times: self.times,
        }
    }
}

/// The bans behind this network, in the order of their keys, at most [`BANS_PAGE`]; none is the
/// end.
pub(crate) fn after(txn: &ReadTransaction, network: &str) -> Result<Vec<BanRow>, Fault> {
    use std::ops::Bound::{Excluded, Unbounded};
    let table = match txn.open_table(BANS) {
        Ok(table) => table,
        // Of an older firmware.
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(redb_fault(error)),
    };
    let mut found = Vec::new();
    let bounds = (Excluded(network.as_bytes()), Unbounded);
    for entry in table.range::<&[u8]>(bounds).map_err(redb_fault)? {
        let (key, value) = entry.map_err(redb_fault)?;
        let network = String::from_utf8_lossy(key.value()).into_owned();
        match decode::<Row>("bans", value.value()) {
            Ok(row) => found.push(row.of(network)),
            Err(fault) => tracing::warn!("a ban is left out: {fault}"),
        }
        if found.len() >= BANS_PAGE {
            break;
        }
    }
    Ok(found)
}

/// Takes over what has changed. Of more bans than are kept, the last are left out: `guard` says
/// which go before others come. It cannot name those that this firmware does not read, so they go
/// where there is no room.
pub(crate) fn change(txn: &WriteTransaction, changes: &BanChanges) -> Result<Outcome, Fault> {
    change_within(txn, changes, BANS_MAX)
}

fn change_within(
    txn: &WriteTransaction,
    changes: &BanChanges,
    kept_max: u64,
) -> Result<Outcome, Fault> {
    if let Some(reason) = fault_of(changes) {
        return Ok(Outcome::refused(reason));
    }
    let mut table = open(txn, BANS)?;
    if changes.forgets_all {
        table.retain(|_, _| false).map_err(redb_fault)?;
    }
    for network in &changes.gone {
        table.remove(network.as_bytes()).map_err(redb_fault)?;
    }
    let mut room = kept_max.saturating_sub(table.len().map_err(redb_fault)?);
    let mut is_swept = false;
    for ban in &changes.put {
        let key = ban.network.as_bytes();
        if table.get(key).map_err(redb_fault)?.is_none() {
            if room == 0 && !std::mem::replace(&mut is_swept, true) {
                room = sweep(&mut table)?;
            }
            if room == 0 {
                continue;
            }
            room -= 1;
        }
        put(&mut table, "bans", key, &Row::from(ban))?;
    }
    Ok(Outcome::of(Reply::Stored))
}

/// Forgets the bans that cannot be read, as of a newer firmware; how many those were.
fn sweep(table: &mut WriteTable<'_>) -> Result<u64, Fault> {
    let mut swept = 0_u64;
    let is_legible = |_: &[u8], value: &[u8]| {
        let is_legible = decode::<Row>("bans", value).is_ok();
        swept += u64::from(!is_legible);
        is_legible
    };
    table.retain(is_legible).map_err(redb_fault)?;
    if swept > 0 {
        tracing::warn!("{swept} bans that this version cannot read made room for others");
    }
    Ok(swept)
}

fn fault_of(changes: &BanChanges) -> Option<String> {
    if changes.put.len() > BANS_CHANGED_MAX || changes.gone.len() > BANS_CHANGED_MAX {
        return Some(format!(
            "{} bans are more than the {BANS_CHANGED_MAX} of one change",
            changes.put.len().max(changes.gone.len())
        ));
    }
    let is_bad = |ban: &&BanRow| {
        let length = ban.network.len();
        let is_long = |text: &String| text.len() > TRIED_LENGTH_MAX;
        length == 0
            || length > NETWORK_LENGTH_MAX
            || ban.tried.len() > TRIED_MAX
            || ban.tried.iter().any(is_long)
    };
    let bad = changes.put.iter().find(is_bad)?;
    Some(format!(
        "a ban of {} bytes of network and {} texts of what was tried is not kept: at most \
         {NETWORK_LENGTH_MAX} and {TRIED_MAX} are, and {TRIED_LENGTH_MAX} bytes of a text",
        bad.network.len(),
        bad.tried.len()
    ))
}

#[cfg(test)]
mod tests {
    use redb::{Database, ReadableDatabase as _, backends::InMemoryBackend};

    use super::*;

    fn ban(number: u8) -> BanRow {
        BanRow {
            network: format!("192.0.2.{number}/32"),
            offence: Offence::WebSignIn,
            count: 10,
            within_secs: 600,
            tried: Vec::new(),
            since_secs: 1,
            left_secs: 600,
            until_secs: None,
            times: 1,
        }
    }

    #[test]
    fn of_more_bans_than_are_kept_those_that_were_there_stay_and_change() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new());
        let database = database.expect("it is made");
        let longer = BanRow { times: 2, ..ban(2) };
        for put in [vec![ban(1), ban(2)], vec![ban(3), longer.clone(), ban(4)]] {
            let txn = database.begin_write().expect("one writer");
            let changes = BanChanges {
                put,
                ..BanChanges::default()
            };
            let outcome = change_within(&txn, &changes, 3).expect("it is written");
            assert_eq!(outcome.reply, Reply::Stored);
            txn.commit().expect("it is ours");
        }
        let txn = database.begin_read().expect("a reader");
        assert_eq!(after(&txn, "").expect("read"), [ban(1), longer, ban(3)]);
        assert_eq!(after(&txn, "192.0.2.1/32").expect("read").len(), 2);
    }

    #[test]
    fn bans_of_a_newer_firmware_make_room_for_those_that_are_read() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new());
        let database = database.expect("it is made");
        let txn = database.begin_write().expect("one writer");
        {
            let mut table = open(&txn, BANS).expect("a table");
            for number in [1, 2] {
                let key = format!("198.51.100.{number}/32");
                let mut row = serde_json::to_value(Row::from(&ban(number))).expect("a row");
                row["offence"] = "of-tomorrow".into();
                put(&mut table, "bans", key.as_bytes(), &row).expect("it is written");
            }
        }
        let changes = |put| BanChanges {
            put,
            ..BanChanges::default()
        };
        change_within(&txn, &changes(vec![ban(1)]), 3).expect("it is written");
        let count = |txn: &WriteTransaction| open(txn, BANS).expect("it").len().expect("counted");
        assert_eq!(
            count(&txn),
            3,
            "while there is room a newer firmware has them again"
        );
        change_within(&txn, &changes(vec![ban(2), ban(3)]), 3).expect("it is written");
        change_within(&txn, &changes(vec![ban(4)]), 3).expect("it is written");
        txn.commit().expect("it is ours");
        let txn = database.begin_read().expect("a reader");
        assert_eq!(after(&txn, "").expect("read"), [ban(1), ban(2), ban(3)]);
    }
}
