//! The audit trail's hash chain: an entry changed or taken out later no longer fits the next.

use sha2::{Digest as _, Sha256};

use crate::rows::AuditRow;

/// What the first entry ever is chained to.
pub(crate) const GENESIS: &str = "";

/// Lower-case hex SHA-256 over the previous entry's hash and this entry. Every part is preceded by
/// its length, so that text cannot move from one field to the next.
pub(crate) fn hash(previous: &str, sequence: u64, row: &AuditRow) -> String {
    let mut digest = Sha256::new();
    digest.update(sequence.to_be_bytes());
    digest.update(row.at_millis.to_be_bytes());
    for part in [
        previous,
        &row.who,
        &row.from,
        &row.action,
        &row.before,
        &row.after,
    ] {
        digest.update(part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    hex::encode(digest.finalize())
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

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let long = "ä".repeat(TEXT_LENGTH_MAX);
        let cut = bounded(&long);
        assert!(cut.ends_with("ä…") && cut.len() <= TEXT_LENGTH_MAX + 3);
        assert_eq!(bounded("short"), "short");
    }
}
