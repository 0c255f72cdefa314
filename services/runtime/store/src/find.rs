//! Finding call records: by the index where it leads, otherwise by looking at all.

use std::collections::BinaryHeap;

use ipc::store::{CallCount, CallFilter, CallRecord, CallsWith, Spans};
use redb::{AccessGuard, Range, ReadOnlyTable, ReadTransaction};

use crate::calls::index_key;
use crate::reads::{readable, rows};
use crate::rows::CallRow;
use crate::seal::{Seal, TAG_LENGTH};
use crate::sought::Sought;
use crate::tables::{CALL_INDEX, CALLS, Fault, INDEX_WHOLE_KEY, SECRETS, decode, get, redb_fault};

type Rows = ReadOnlyTable<&'static [u8], &'static [u8]>;
type Entry<'a> = (
    AccessGuard<'a, &'static [u8]>,
    AccessGuard<'a, &'static [u8]>,
);

/// Records that the index leads to and that are looked at for a call back: of who calls all day and
/// is never answered.
const CALL_BACK_INDEXED: usize = 100;

/// Records that are looked at for one where there is no index: some milliseconds.
const CALL_BACK_LOOKED_AT: usize = 500;

/// How long before its recording a call may have begun, milliseconds.
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// What reads call records.
pub(crate) struct Finder {
    calls: Rows,
    /// `None` where it is not known to be whole.
    index: Option<Rows>,
    seal: Option<Seal>,
}

impl Finder {
    /// `own` is the store's user id; `is_indexed` says that the index has every record.
    pub(crate) fn new(txn: &ReadTransaction, own: u32, is_indexed: bool) -> Result<Self, Fault> {
        let secrets = txn.open_table(SECRETS).map_err(redb_fault)?;
        let seal = match Seal::kept(&secrets, own) {
            // Numbers that cannot be read are better than no calls.
            Err(fault @ Fault::Row { .. }) => {
                tracing::error!("numbers in call records cannot be read: {fault}");
                None
            }
            read => read?,
        };
        let index = match (is_indexed, &seal) {
            (true, Some(seal)) => whole_index(txn, seal)?,
            _ => None,
        };
        Ok(Self {
            calls: txn.open_table(CALLS).map_err(redb_fault)?,
            index,
            seal,
        })
    }

    /// At most `limit` records, newest first, older than `before` when that is given. Only those
    /// asked for count.
    pub(crate) fn find(
        &self,
        limit: u32,
        before: Option<&str>,
        only: &CallFilter,
    ) -> Result<Vec<CallRecord>, Fault> {
        let limit = rows(limit);
        let (from, until) = bounds(before, only);
        let mut found = Vec::new();
        let is_empty = until.as_ref().is_some_and(|until| *until <= from);
        // Nobody's calls are not worth a look at all there are.
        if limit == 0 || is_empty || only.numbers.as_ref().is_some_and(Vec::is_empty) {
            return Ok(found);
        }
        let mut take = |row: CallRow| {
            let row = row.opened(self.seal.as_ref());
            if row.is_of(only) {
                found.push(CallRecord::from(row));
            }
            found.len() < limit
        };
        match (
            &self.index,
            &self.seal,
            self.seal.as_ref().and_then(|it| tags(only, it)),
        ) {
            (Some(index), Some(_), Some(tags)) => {
                self.by_index(index, &tags, &from, until.as_deref(), &mut take)?;
            }
            _ => self.by_looking(&from, until.as_deref(), &mut take)?,
        }
        Ok(found)
    }

    /// How many calls began within each of these spans. Ids begin with the time, so no record of
    /// before is read.
    pub(crate) fn count(&self, spans: &Spans, only: &CallFilter) -> Result<Vec<CallCount>, Fault> {
        let mut counts = vec![CallCount::default(); spans.len()];
        let from = format!("{:013}", spans.from_millis.max(0)).into_bytes();
        self.by_looking(&from, None, &mut |row| {
            let counted = row.counted();
            // Of everybody's calls no number needs to be read.
            let row = match only.numbers {
                None => row,
                Some(_) => row.opened(self.seal.as_ref()),
            };
            let counted = counted.filter(|_| row.is_of(only));
            let place = counted.and_then(|(at, answered)| Some((spans.place(at)?, answered)));
            if let Some((place, answered)) = place
                && let Some(count) = counts.get_mut(place)
            {
                let kind = match answered {
                    true => &mut count.answered,
                    false => &mut count.unanswered,
                };
                *kind = kind.saturating_add(1);
            }
            true
        })?;
        Ok(counts)
    }

    /// The extension that had last to do with a number outside, in a call that began since. Who
    /// asks holds a caller, so little is looked at: where many calls with the number were answered
    /// by nobody, or the index is not whole and the call lies far back, nobody is found. The index
    /// leads by the last digits of the number; whether a record is of it, the whole number says.
    pub(crate) fn last_with(
        &self,
        number: &str,
        sought: &Sought,
        since: i64,
    ) -> Result<Option<String>, Fault> {
        let from = format!("{:013}", since.max(0)).into_bytes();
        let who = |row: Option<CallRow>| {
            let row = row?.opened(self.seal.as_ref());
            row.had_to_do_with(sought).map(ToOwned::to_owned)
        };
        let (Some(index), Some(seal)) = (&self.index, &self.seal) else {
            let newest = self.calls.range(from.as_slice()..).map_err(redb_fault)?;
            for entry in newest.rev().take(CALL_BACK_LOOKED_AT) {
                let (_, value) = entry.map_err(redb_fault)?;
                let found = who(readable(decode("calls", value.value()).map(Some))?);
                if found.is_some() {
                    return Ok(found);
                }
            }
            return Ok(None);
        };
        let tag = seal.number_tag(number);
        // No id has a byte that no text has.
        let (first, last) = (index_key(&tag, &from), index_key(&tag, &[0xff]));
        let newest = index.range(first.as_slice()..last.as_slice());
        for entry in newest.map_err(redb_fault)?.rev().take(CALL_BACK_INDEXED) {
            let id = record_of(entry.map_err(redb_fault)?);
            let found = who(readable(get(&self.calls, "calls", &id))?);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Gives records until `take` has enough.
    fn by_looking(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        take: &mut dyn FnMut(CallRow) -> bool,
    ) -> Result<(), Fault> {
        let range = match until {
            Some(until) => self.calls.range(from..until),
            None => self.calls.range(from..),
        };
        for entry in range.map_err(redb_fault)?.rev() {
            let (_, value) = entry.map_err(redb_fault)?;
            let row = readable(decode("calls", value.value()).map(Some))?;
            if row.is_some_and(|row| !take(row)) {
                break;
            }
        }
        Ok(())
    }

    /// The same, of those that the index has under one of these names; each once.
    fn by_index(
        &self,
        index: &Rows,
        tags: &[[u8; TAG_LENGTH]],
        from: &[u8],
        until: Option<&[u8]>,
        take: &mut dyn FnMut(CallRow) -> bool,
    ) -> Result<(), Fault> {
        let mut ranges: Vec<Range<'_, &'static [u8], &'static [u8]>> = Vec::new();
        for tag in tags {
            let first = index_key(tag, from);
            // No id has a byte that no text has.
            let last = index_key(tag, until.unwrap_or(&[0xff]));
            let range = index.range(first.as_slice()..last.as_slice());
            ranges.push(range.map_err(redb_fault)?);
        }
        let mut newest = BinaryHeap::new();
        let mut advance = |which: usize, newest: &mut BinaryHeap<(Vec<u8>, usize)>| {
            if let Some(entry) = ranges.get_mut(which).and_then(|it| it.next_back()) {
                newest.push((record_of(entry.map_err(redb_fault)?), which));
            }
            Ok::<(), Fault>(())
        };
        for which in 0..tags.len() {
            advance(which, &mut newest)?;
        }
        let mut last = Vec::new();
        while let Some((id, which)) = newest.pop() {
            advance(which, &mut newest)?;
            if id == last {
                continue;
            }
            // A record that an older firmware has dropped is still in the index.
            let row = readable(get(&self.calls, "calls", &id))?;
            if row.is_some_and(|row| !take(row)) {
                break;
            }
            last = id;
        }
        Ok(())
    }
}

/// The index, where it has every record under this key: it may have been given up since.
fn whole_index(txn: &ReadTransaction, seal: &Seal) -> Result<Option<Rows>, Fault> {
    let table = match txn.open_table(CALL_INDEX) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(redb_fault(error)),
    };
    let whole: Option<String> = match get(&table, "call-index", INDEX_WHOLE_KEY) {
        Err(Fault::Row { .. }) => None,
        read => read?,
    };
    Ok((whole.as_deref() == Some(seal.id())).then_some(table))
}

/// The id in a row of the index.
fn record_of((key, _): Entry<'_>) -> Vec<u8> {
    key.value().get(TAG_LENGTH..).unwrap_or_default().to_vec()
}

/// The names under which the index has what is asked for; `None` where all are to be looked at.
fn tags(only: &CallFilter, seal: &Seal) -> Option<Vec<[u8; TAG_LENGTH]>> {
    let number = &only.search.number;
    let numbers = match (&only.with, &only.numbers) {
        (CallsWith::Recording(name), _) => return Some(vec![seal.recording_tag(name)]),
        // Who sees some calls only walks through those, whatever he searches for: how long it
        // takes must not say how often others called that number.
        (_, Some(calls)) => calls.iter().map(|it| &it.number).collect(),
        (_, None) if !number.is_empty() => vec![number],
        (CallsWith::Recordings, None) => return Some(vec![seal.recording_tag("")]),
        (CallsWith::Anything, None) => return None,
    };
    let mut tags: Vec<_> = numbers.iter().map(|it| seal.number_tag(it)).collect();
    tags.sort_unstable();
    tags.dedup();
    Some(tags)
}

/// From which id on, and up to which, without it; ids begin with the time.
fn bounds(before: Option<&str>, only: &CallFilter) -> (Vec<u8>, Option<Vec<u8>>) {
    let id = |millis: i64| format!("{:013}", millis.max(0)).into_bytes();
    let until = only.search.until_millis.map(id);
    let before = before.map(|it| it.as_bytes().to_vec());
    let until = match (until, before) {
        (Some(until), Some(before)) => Some(until.min(before)),
        (until, before) => until.or(before),
    };
    let from = only.search.from_millis.map(id).unwrap_or_default();
    (from.max(oldest(&only.with).into_bytes()), until)
}

/// The id before which there is nothing to look for: of a recording, whose name begins with when it
/// began, that many milliseconds less a day. No call is recorded so long after it began, short of
/// a clock that was set meanwhile.
fn oldest(with: &CallsWith) -> String {
    let CallsWith::Recording(name) = with else {
        return String::new();
    };
    let began: Option<u64> = name.split('-').next().and_then(|it| it.parse().ok());
    let began = began.unwrap_or_default();
    format!("{:013}", began.saturating_sub(DAY_MILLIS))
}

#[cfg(test)]
mod tests {
    use ipc::store::{CallSearch, CallsOf};

    use super::*;

    #[test]
    fn who_sees_some_calls_only_walks_through_those_whatever_number_he_seeks() {
        let seal = Seal::of(&[1; 32]).expect("32 bytes");
        let only = |numbers: Option<&str>, number: &str| CallFilter {
            numbers: numbers.map(|it| {
                vec![CallsOf {
                    number: it.into(),
                    since_millis: 0,
                }]
            }),
            search: CallSearch {
                number: number.into(),
                ..CallSearch::default()
            },
            ..CallFilter::default()
        };
        let (own, sought) = (seal.number_tag("100"), seal.number_tag("+5548999990021"));
        let check = |only: CallFilter, expected| assert_eq!(tags(&only, &seal), expected);
        check(only(Some("100"), "+5548999990021"), Some(vec![own]));
        check(only(Some("100"), ""), Some(vec![own]));
        check(only(None, "+5548999990021"), Some(vec![sought]));
        check(only(None, ""), None);
    }
}
