//! Which Call-IDs belong together: a call through the box has one for each of its legs, and only
//! the exchange knows which (it is a B2BUA: nothing on the wire says so).

use std::collections::{BTreeSet, VecDeque};

/// Each Call-ID with the record of a call that it is part of; the oldest make room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Together {
    pairs: VecDeque<(String, Vec<u8>)>,
}

impl Together {
    /// A leg with this Call-ID is part of the call with this record.
    pub(crate) fn join(&mut self, call: &str, id: &[u8]) {
        let is_known = |(it, known): &(String, Vec<u8>)| it == call && known == id;
        if !is_name(id) || self.pairs.iter().any(is_known) {
            return;
        }
        if self.pairs.len() >= PAIRS_MAX {
            self.pairs.pop_front();
        }
        self.pairs.push_back((call.to_owned(), id.to_vec()));
    }

    /// The records of the calls that a Call-ID is part of.
    pub(crate) fn calls(&self, id: &[u8]) -> Vec<String> {
        let pairs = self.pairs.iter().filter(|(_, known)| known == id);
        pairs.map(|(call, _)| call.clone()).collect()
    }

    /// All Call-IDs of the call with a record, and of what it became: a leg that is transferred is
    /// part of two.
    pub(crate) fn of_call(&self, call: &str) -> BTreeSet<Vec<u8>> {
        let pairs = self.pairs.iter().filter(|(it, _)| it == call);
        self.grown(pairs.map(|(_, id)| id.clone()).collect())
    }

    /// All Call-IDs that belong together with one, and itself.
    pub(crate) fn with(&self, id: &[u8]) -> BTreeSet<Vec<u8>> {
        self.grown([id.to_vec()].into())
    }

    fn grown(&self, mut ids: BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
        for _ in 0..STEPS_MAX {
            let pairs = self.pairs.iter().filter(|(_, id)| ids.contains(id));
            let calls: BTreeSet<&str> = pairs.map(|(call, _)| &**call).collect();
            let pairs = self.pairs.iter();
            let pairs = pairs.filter(|(call, id)| calls.contains(&**call) && !ids.contains(id));
            let more: Vec<_> = pairs.map(|(_, id)| id.clone()).collect();
            if more.is_empty() || ids.len() >= IDS_MAX {
                break;
            }
            ids.extend(more);
        }
        ids
    }
}

/// Whether a Call-ID can be remembered: a stranger may write any.
pub(crate) fn is_name(id: &[u8]) -> bool {
    (1..=LENGTH_MAX).contains(&id.len())
}

/// Bytes of a Call-ID.
const LENGTH_MAX: usize = 256;
/// Two legs of some hundred calls, and those that were tried: half a megabyte at the very most.
const PAIRS_MAX: usize = 1024;
/// From call to call: more transfers than one follows.
const STEPS_MAX: usize = 8;
/// Call-IDs that are looked at as one.
const IDS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[&str]) -> BTreeSet<Vec<u8>> {
        ids.iter().map(|it| it.as_bytes().to_vec()).collect()
    }

    #[test]
    fn legs_of_a_call_belong_together_and_so_does_what_a_transfer_made_of_it() {
        let mut together = Together::default();
        for (call, id) in [("1", "a"), ("1", "b"), ("2", "c"), ("2", "d"), ("1", "b")] {
            together.join(call, id.as_bytes());
        }
        assert_eq!(together.pairs.len(), 4, "once each");
        assert_eq!(together.with(b"a"), set(&["a", "b"]));
        assert_eq!(together.of_call("2"), set(&["c", "d"]));
        assert_eq!(together.of_call("3"), set(&[]));
        assert_eq!(together.with(b"x"), set(&["x"]), "a registration is alone");
        together.join("3", b"b");
        together.join("3", b"d");
        assert_eq!(together.with(b"a"), set(&["a", "b", "c", "d"]));
        assert_eq!(together.calls(b"b"), ["1", "3"]);
    }

    #[test]
    fn what_is_remembered_has_its_bounds() {
        let mut together = Together::default();
        together.join("1", &[b'x'; LENGTH_MAX + 1]);
        together.join("1", b"");
        assert!(together.pairs.is_empty());
        for number in 0..=PAIRS_MAX {
            together.join("1", number.to_string().as_bytes());
        }
        assert_eq!(together.pairs.len(), PAIRS_MAX);
        assert!(together.calls(b"0").is_empty(), "the oldest made room");
    }
}
