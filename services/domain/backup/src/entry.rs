//! What an archive holds: rows of tables, and at its end how many.

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::{KEY_MAX, VALUE_MAX};

/// A table of the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Table {
    /// Facts about the whole: where the audit trail begins, money and minutes spent.
    Meta = 1,
    /// Versions of the configuration.
    Config = 2,
    /// Call records.
    Calls = 3,
    /// Registrations of phones.
    Registrations = 4,
    /// The audit trail.
    Audit = 5,
    /// Certificates with their keys, and what an installer has laid down.
    Secrets = 6,
    /// Sounds of prompts, as WAV files; of archives that say so in their header alone.
    Sounds = 7,
}

/// All tables, in the order they stand in.
pub const TABLES: [Table; 7] = [
    Table::Meta,
    Table::Config,
    Table::Calls,
    Table::Registrations,
    Table::Audit,
    Table::Secrets,
    Table::Sounds,
];

/// How many rows there are of each of [`TABLES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "SummaryRow", into = "SummaryRow")]
pub struct Summary {
    rows: [u64; TABLES.len()],
}

/// The same as it is written: without the tables at the end that have no rows, but never fewer than
/// the first format had.
#[derive(Serialize, Deserialize)]
struct SummaryRow {
    rows: Vec<u64>,
}

/// Tables of the first format.
const TABLES_FIRST: usize = 6;

impl From<Summary> for SummaryRow {
    fn from(summary: Summary) -> Self {
        let mut rows = summary.rows.to_vec();
        while rows.len() > TABLES_FIRST && rows.last() == Some(&0) {
            rows.pop();
        }
        Self { rows }
    }
}

impl From<SummaryRow> for Summary {
    fn from(row: SummaryRow) -> Self {
        let mut summary = Self::default();
        for (to, from) in summary.rows.iter_mut().zip(row.rows) {
            *to = from;
        }
        summary
    }
}

impl Summary {
    /// Rows of a table.
    #[must_use]
    pub fn rows(&self, table: Table) -> u64 {
        let place = TABLES.iter().position(|it| *it == table);
        place
            .and_then(|at| self.rows.get(at))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn count(&mut self, table: Table) {
        let place = TABLES.iter().position(|it| *it == table);
        if let Some(rows) = place.and_then(|at| self.rows.get_mut(at)) {
            *rows = rows.saturating_add(1);
        }
    }
}

/// The mark of the end, in the place of a table.
const END: u8 = 0;
/// Bytes before the key: table, length of the key, length of the value.
const HEAD: usize = 1 + 2 + 4;
/// Bytes of the summary at most.
const SUMMARY_MAX: usize = 1024;

/// The head of an entry; `None` when key or value are longer than may be.
pub(crate) fn head(table: Table, key: &[u8], value: &[u8]) -> Option<[u8; HEAD]> {
    if key.len() > KEY_MAX || value.len() > VALUE_MAX {
        return None;
    }
    let [k0, k1] = u16::try_from(key.len()).ok()?.to_le_bytes();
    let [v0, v1, v2, v3] = u32::try_from(value.len()).ok()?.to_le_bytes();
    let mark = TABLES.iter().position(|it| *it == table)?;
    let mark = u8::try_from(mark).ok()?.checked_add(1)?;
    Some([mark, k0, k1, v0, v1, v2, v3])
}

/// The end of the entries.
pub(crate) fn end(summary: &Summary) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(summary).ok()?;
    let [l0, l1, l2, l3] = u32::try_from(json.len()).ok()?.to_le_bytes();
    let mut bytes = vec![END, 0, 0, l0, l1, l2, l3];
    bytes.extend(json);
    Some(bytes)
}

/// One thing that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Entry(Table, &'a [u8], &'a [u8]),
    End(Summary),
}

/// The first thing in these bytes and its length; `None` until it is whole.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Item<'_>, usize)>, Refusal> {
    let Some(head) = bytes.first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let [mark, k0, k1, value @ ..] = *head;
    let key = usize::from(u16::from_le_bytes([k0, k1]));
    let value = usize::try_from(u32::from_le_bytes(value)).unwrap_or(usize::MAX);
    let value_max = if mark == END { SUMMARY_MAX } else { VALUE_MAX };
    if key > KEY_MAX || value > value_max {
        return Err(Refusal::Damaged("an entry is longer than any may be"));
    }
    let middle = HEAD.saturating_add(key);
    let last = middle.saturating_add(value);
    let (Some(key), Some(value)) = (bytes.get(HEAD..middle), bytes.get(middle..last)) else {
        return Ok(None);
    };
    if mark == END {
        let summary = serde_json::from_slice(value);
        let summary = summary.map_err(|_| Refusal::Damaged("its end cannot be read"))?;
        return Ok(Some((Item::End(summary), last)));
    }
    let place = usize::from(mark).saturating_sub(1);
    let table = TABLES.get(place).copied();
    let table = table.ok_or(Refusal::Damaged("it has a table that nobody knows"))?;
    Ok(Some((Item::Entry(table, key, value), last)))
}
