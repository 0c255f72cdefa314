//! The audit trail in the store: chained as it is written, checked and given out a piece at a time.

use ipc::store::{
    Audit, AuditEntry, Named, Reply, TrailAbout, TrailChecked, TrailLines, TrailPlace, TrailRequest,
};
use redb::{ReadTransaction, ReadableTable as _};
use trail::Stretch;

use crate::reads::audit_anchor;
use crate::rows::AuditRow;
use crate::store::Shared;
use crate::tables::{AUDIT, Fault, decode, get, key_number, number_key, redb_fault};

pub(crate) use trail::GENESIS;

/// See [`trail::hash`].
pub(crate) fn hash(previous: &str, sequence: u64, row: &AuditRow) -> String {
    let said = [
        row.who.as_str(),
        &row.from,
        &row.action,
        &row.before,
        &row.after,
    ];
    trail::hash(previous, sequence, row.at_millis, said)
}

/// The position of the first entry that does not fit the one before, if any. `previous` is the hash
/// that the first entry given is chained to.
pub(crate) fn first_break(
    previous: &str,
    entries: impl IntoIterator<Item = (u64, AuditRow)>,
) -> Option<u64> {
    let mut previous = previous.to_owned();
    for (sequence, row) in entries {
        if hash(&previous, sequence, &row) != row.hash {
            return Some(sequence);
        }
        previous = row.hash;
    }
    None
}

impl Shared {
    /// About the audit trail as a whole, which is signed by the key of the backups.
    pub(crate) fn about_trail(&self, request: TrailRequest) -> Reply {
        match request {
            TrailRequest::Check {
                after,
                from_millis,
                before_millis,
            } => {
                let keys = self.backup_keys();
                let of_box =
                    keys.map_or_else(|_| String::new(), |it| hex::encode(it.signer.of_box()));
                self.read(|txn| {
                    let piece = check(txn, after.clone(), from_millis, before_millis)?;
                    let of_box = of_box.clone();
                    Ok(Reply::TrailChecked(TrailChecked { of_box, ..piece }))
                })
            }
            TrailRequest::Heading { first, last } => {
                let signer = match self.backup_keys() {
                    Ok(keys) => keys.signer,
                    Err(reason) => return Reply::Failed { reason },
                };
                let now = self.now().as_millis();
                self.read(|txn| {
                    let stretch = match stretch(txn, first, last)? {
                        Ok(stretch) => stretch,
                        Err(reason) => return Ok(Reply::Failed { reason }),
                    };
                    let first = stretch.first;
                    let sign = |message: &[u8]| signer.sign(message);
                    let heading = trail::Heading::signed(stretch, signer.of_box(), now, sign);
                    let piece = lines(txn, first, last)?;
                    let text = heading.line() + &piece.text;
                    Ok(Reply::TrailLines(TrailLines { text, ..piece }))
                })
            }
            TrailRequest::Lines { first, last } => {
                self.read(|txn| lines(txn, first, last).map(Reply::TrailLines))
            }
            TrailRequest::About { names, before } => {
                self.read(|txn| about(txn, &names, before).map(Reply::TrailAbout))
            }
            // Files are not of the database.
            TrailRequest::Replaced { .. } => Reply::ReplacedTrails(Vec::new()),
        }
    }
}

/// Checks the entries behind one, [`PIECE_ENTRIES`] at most, and finds those of a time: `from` on,
/// and before the other.
pub(crate) fn check(
    txn: &ReadTransaction,
    after: Option<TrailPlace>,
    from_millis: Option<i64>,
    before_millis: Option<i64>,
) -> Result<TrailChecked, Fault> {
    let table = txn.open_table(AUDIT).map_err(redb_fault)?;
    let begin = after.as_ref().map_or(0, |it| it.sequence.saturating_add(1));
    let mut previous = match &after {
        Some(place) => place.hash.clone(),
        None => audit_anchor(txn)?,
    };
    let mut checked = TrailChecked {
        last: after,
        is_end: true,
        ..TrailChecked::default()
    };
    let rows = table.range(number_key(begin).as_slice()..);
    for entry in rows.map_err(redb_fault)? {
        if checked.entries == PIECE_ENTRIES {
            checked.is_end = false;
            break;
        }
        let (key, value) = entry.map_err(redb_fault)?;
        let sequence = key_number(key.value());
        let row = readable(value.value())?;
        let fits = row
            .as_ref()
            .filter(|row| hash(&previous, sequence, row) == row.hash);
        if fits.is_none() {
            checked.broken.get_or_insert(sequence);
        }
        let at = row.as_ref().map(|row| row.at_millis);
        let is_within = at.is_some_and(|at| {
            from_millis.is_none_or(|from| from <= at) && before_millis.is_none_or(|till| at < till)
        });
        if is_within {
            let first = checked.within.map_or(sequence, |(first, _)| first);
            checked.within = Some((first, sequence));
        }
        checked.entries += 1;
        checked.first.get_or_insert(sequence);
        previous = row.map(|row| row.hash).unwrap_or_default();
        let hash = previous.clone();
        checked.last = Some(TrailPlace { sequence, hash });
    }
    Ok(checked)
}

/// What the first line of a file of these entries says, from the oldest on where the first was
/// dropped; otherwise why there is no file that would prove anything.
pub(crate) fn stretch(
    txn: &ReadTransaction,
    first: u64,
    last: u64,
) -> Result<Result<Stretch, String>, Fault> {
    let table = txn.open_table(AUDIT).map_err(redb_fault)?;
    let head = match get::<AuditRow>(&table, "audit", &number_key(last)) {
        Ok(row) => row.map(|row| row.hash),
        Err(fault) if fault.is_damage() => None,
        Err(fault) => return Err(fault),
    };
    let Some(head) = head else {
        return Ok(Err(format!(
            "entry {last} of the audit trail cannot be read"
        )));
    };
    let oldest = table.first().map_err(redb_fault)?;
    let oldest = oldest.map_or(first, |(key, _)| key_number(key.value()));
    let first = first.max(oldest);
    let previous = if first == oldest {
        Some(audit_anchor(txn)?)
    } else {
        match get::<AuditRow>(&table, "audit", &number_key(first.saturating_sub(1))) {
            Ok(row) => row.map(|row| row.hash),
            Err(fault) if fault.is_damage() => None,
            Err(fault) => return Err(fault),
        }
    };
    Ok(match previous {
        Some(previous) => Ok(Stretch {
            first,
            last,
            previous,
            head,
        }),
        None => Err(format!(
            "the entry before {first} of the audit trail cannot be read, and so nothing proves \
             those behind it: choose days that begin elsewhere"
        )),
    })
}

/// Lines of these entries, until [`LINES_BYTES`] are full. One that cannot be read is left out,
/// and missed by whoever checks the file.
pub(crate) fn lines(txn: &ReadTransaction, first: u64, last: u64) -> Result<TrailLines, Fault> {
    let mut lines = TrailLines {
        first,
        ..TrailLines::default()
    };
    if first > last {
        return Ok(lines);
    }
    let table = txn.open_table(AUDIT).map_err(redb_fault)?;
    let keys = number_key(first)..=number_key(last);
    let rows = table.range(keys.start().as_slice()..=keys.end().as_slice());
    for entry in rows.map_err(redb_fault)? {
        let (key, value) = entry.map_err(redb_fault)?;
        let sequence = key_number(key.value());
        if lines.text.len() >= LINES_BYTES {
            lines.next = Some(sequence);
            break;
        }
        if let Some(row) = readable(value.value())? {
            lines.text.push_str(&trail::line(row.entry(sequence)));
        }
    }
    Ok(lines)
}

/// Entries about somebody among the newest before one: as many as one answer may have, of as many
/// as are looked at for it.
pub(crate) fn about(
    txn: &ReadTransaction,
    names: &[Named],
    before: Option<u64>,
) -> Result<TrailAbout, Fault> {
    let mut about = TrailAbout::default();
    let table = txn.open_table(AUDIT).map_err(redb_fault)?;
    let range = match before {
        Some(before) => table.range(..number_key(before).as_slice()),
        None => table.iter(),
    };
    for (seen, entry) in (1..).zip(range.map_err(redb_fault)?.rev()) {
        let (key, value) = entry.map_err(redb_fault)?;
        let sequence = key_number(key.value());
        let row = readable(value.value())?;
        if let Some(row) = row.filter(|row| names.iter().any(|it| row.is_about(it))) {
            about.entries.push(row.entry(sequence));
        }
        if seen == LOOKED_AT || about.entries.len() == ABOUT_ENTRIES {
            about.next = Some(sequence);
            break;
        }
    }
    Ok(about)
}

/// A row; `None` where the disk has changed it.
pub(crate) fn readable(bytes: &[u8]) -> Result<Option<AuditRow>, Fault> {
    match decode("audit", bytes) {
        Ok(row) => Ok(Some(row)),
        Err(fault) if fault.is_damage() => Ok(None),
        Err(fault) => Err(fault),
    }
}

impl AuditRow {
    fn is_about(&self, named: &Named) -> bool {
        let texts = [&self.who, &self.action, &self.before, &self.after];
        self.at_millis >= named.since_millis && texts.iter().any(|it| has_word(it, &named.name))
    }

    /// The entry it is, at its position.
    pub(crate) fn entry(self, sequence: u64) -> AuditEntry {
        AuditEntry {
            sequence,
            at_millis: self.at_millis,
            audit: Audit {
                who: self.who,
                from: self.from,
                action: self.action,
                before: self.before,
                after: self.after,
            },
            hash: self.hash,
        }
    }
}

/// Whether a name stands in a text, and not as a part of a longer one.
fn has_word(text: &str, name: &str) -> bool {
    let is_part =
        |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || "_-.".contains(it));
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let before = text.get(..at).and_then(|it| it.chars().next_back());
            let mut after = text.get(at + name.len()..).unwrap_or_default().chars();
            // A dot may end the sentence.
            let is_over = match after.next() {
                Some('.') => !is_part(after.next()),
                next => !is_part(next),
            };
            !is_part(before) && is_over
        })
}

/// A text of at most [`TEXT_LENGTH_MAX`] bytes: cut at a character, with an ellipsis.
pub(crate) fn bounded(text: &str) -> String {
    if text.len() <= TEXT_LENGTH_MAX {
        return text.to_owned();
    }
    let end = (0..=TEXT_LENGTH_MAX)
        .rev()
        .find(|at| text.is_char_boundary(*at));
    format!("{}…", text.get(..end.unwrap_or(0)).unwrap_or_default())
}

/// Longest text kept of one field, bytes: a page of 1,000 entries must fit an ipc frame.
pub(crate) const TEXT_LENGTH_MAX: usize = 1024;

/// Entries looked at for one question about somebody,
const LOOKED_AT: usize = 5_000;
/// and given at most.
const ABOUT_ENTRIES: usize = 500;

/// Entries checked for one question: some milliseconds' work.
const PIECE_ENTRIES: u64 = 1000;

/// Lines given for one question are at least as many bytes, where there are as many, and one line
/// more at most.
const LINES_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(actions: &[&str]) -> Vec<(u64, AuditRow)> {
        let mut previous = GENESIS.to_owned();
        let mut entries = Vec::new();
        for (sequence, action) in (1..).zip(actions) {
            let mut row = AuditRow {
                at_millis: 7,
                who: "admin".into(),
                from: String::new(),
                action: (*action).into(),
                before: String::new(),
                after: String::new(),
                hash: String::new(),
            };
            row.hash = hash(&previous, sequence, &row);
            previous.clone_from(&row.hash);
            entries.push((sequence, row));
        }
        entries
    }

    #[test]
    fn a_changed_moved_or_missing_entry_breaks_the_chain() {
        let good = chain(&["one", "two", "three"]);
        assert_eq!(first_break(GENESIS, good.clone()), None);
        let mut changed = good.clone();
        changed[1].1.action = "2".into();
        assert_eq!(first_break(GENESIS, changed), Some(2));
        let mut moved = good.clone();
        moved[1].1.who = "admi".into();
        moved[1].1.from = "n".into();
        assert_eq!(first_break(GENESIS, moved), Some(2));
        let missing = [good[0].clone(), good[2].clone()];
        assert_eq!(first_break(GENESIS, missing), Some(3));
    }

    /// Trails in the field were chained by firmware before this one.
    #[test]
    fn an_entry_is_hashed_as_it_always_was() {
        let chain = chain(&["one"]);
        assert_eq!(
            chain[0].1.hash,
            "973e78505a0e8a387a4f595544eef5ca7d4813c793dba6cbc6b7f50f49572c42"
        );
    }

    #[test]
    fn a_line_is_never_longer_than_who_reads_it_takes() {
        let worst = format!("{}…", "\u{1}".repeat(TEXT_LENGTH_MAX));
        let (_, row) = chain(&[&worst]).remove(0);
        let row = AuditRow {
            who: worst.clone(),
            from: worst.clone(),
            before: worst.clone(),
            after: worst,
            ..row
        };
        assert!(trail::line(row.entry(u64::MAX)).len() <= trail::LINE_BYTES_MAX);
    }

    #[test]
    fn a_name_is_found_as_a_word_and_not_in_another() {
        let check = |text: &str, name: &str, found: bool| {
            assert_eq!(has_word(text, name), found, "{name:?} in {text:?}");
        };
        check("ana", "ana", true);
        check("person ana changed", "ana", true);
        check("asked by ana.", "ana", true);
        check("person ana.b changed", "ana", false);
        check("person mariana changed", "ana", false);
        check("person ana-2 changed", "ana", false);
        check("person ana-2: asked for by ana", "ana", true);
        check("extension 1001 created", "extension 100", false);
        check("extension 100: recording", "extension 100", true);
        check("anything", "", false);
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let long = "ä".repeat(TEXT_LENGTH_MAX);
        let cut = bounded(&long);
        assert!(cut.ends_with("ä…") && cut.len() <= TEXT_LENGTH_MAX + 3);
        assert_eq!(bounded("short"), "short");
    }
}
