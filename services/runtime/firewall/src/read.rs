//! What stands in the kernel, read back.

use std::time::Duration;

use crate::attribute::Reader;
use crate::change::is_of_plain_ranges;
use crate::element::{Element, Span};
use crate::kind::Value;
use crate::ruleset::Set;
use crate::uapi::{
    NFT_SET_ELEM_INTERVAL_END, NFTA_COUNTER_BYTES, NFTA_COUNTER_PACKETS, NFTA_DATA_VALUE,
    NFTA_EXPR_DATA, NFTA_EXPR_NAME, NFTA_OBJ_DATA, NFTA_OBJ_NAME, NFTA_OBJ_TABLE, NFTA_RULE_CHAIN,
    NFTA_RULE_EXPRESSIONS, NFTA_RULE_TABLE, NFTA_RULE_USERDATA, NFTA_SET_ELEM_EXPIRATION,
    NFTA_SET_ELEM_FLAGS, NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_KEY_END, NFTA_SET_ELEM_LIST_ELEMENTS,
    NFTA_SET_ELEM_TIMEOUT,
};

/// What a rule counted ([`crate::Statement::Counter`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    /// The rule's chain.
    pub chain: String,
    /// Its place in it, from 1.
    pub number: usize,
    /// Its name.
    pub comment: String,
    /// Packets since it was loaded.
    pub packets: u64,
    /// Their bytes, with their IP headers.
    pub bytes: u64,
}

/// What a named counter counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedCount {
    /// Its name.
    pub name: String,
    /// Packets since it was loaded.
    pub packets: u64,
    /// Their bytes, with their IP headers.
    pub bytes: u64,
}

/// Entries of a set as they come.
#[derive(Default, Debug)]
pub(crate) struct Entries {
    all: Vec<Entry>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Entry {
    key: Vec<u8>,
    /// Where it is both the end of one range and the beginning of another, the end comes first.
    is_beginning: bool,
    end: Option<Vec<u8>>,
    timeout: Option<Duration>,
}

impl Entries {
    pub(crate) fn take(&mut self, answer: Reader<'_>) {
        let list = answer.inside(NFTA_SET_ELEM_LIST_ELEMENTS);
        for (_, entry) in list.into_iter().flatten() {
            self.all.extend(entry_of(Reader(entry)));
        }
    }

    /// The entries of a set that is made like `set`; none where they are not like it.
    pub(crate) fn into_elements(mut self, set: &Set) -> Option<Vec<Element>> {
        if is_of_plain_ranges(set) {
            self.all.sort();
            return ranges(set, &self.all);
        }
        let element = |entry: &Entry| {
            let firsts = values(set, &entry.key)?;
            let lasts = match &entry.end {
                Some(end) => values(set, end)?,
                None => firsts.clone(),
            };
            let spans = firsts.into_iter().zip(lasts);
            Some(Element {
                key: spans.map(|(first, last)| Span { first, last }).collect(),
                timeout: entry.timeout,
            })
        };
        self.all.iter().map(element).collect()
    }
}

fn entry_of(entry: Reader<'_>) -> Option<Entry> {
    let key = entry.inside(NFTA_SET_ELEM_KEY)?.find(NFTA_DATA_VALUE)?;
    let end = entry.inside(NFTA_SET_ELEM_KEY_END);
    let flags = entry.find_u32(NFTA_SET_ELEM_FLAGS).unwrap_or(0);
    // Without a timeout it stays, whatever else is said.
    let is_timed = entry
        .find_u64(NFTA_SET_ELEM_TIMEOUT)
        .is_some_and(|it| it > 0)
        || entry.find(NFTA_SET_ELEM_TIMEOUT).is_none();
    let expiration = entry.find_u64(NFTA_SET_ELEM_EXPIRATION);
    Some(Entry {
        key: key.to_vec(),
        is_beginning: flags & NFT_SET_ELEM_INTERVAL_END == 0,
        end: end
            .and_then(|it| it.find(NFTA_DATA_VALUE))
            .map(<[u8]>::to_vec),
        timeout: expiration.filter(|_| is_timed).map(Duration::from_millis),
    })
}

/// Beginnings and ends, in their order, put together.
fn ranges(set: &Set, entries: &[Entry]) -> Option<Vec<Element>> {
    let [kind] = set.key.as_slice() else {
        return None;
    };
    let mut elements = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if !entry.is_beginning {
            continue;
        }
        let next = entries.get(index.checked_add(1)?);
        let last = match next {
            // Whatever begins next, this one ended before it.
            Some(next) => one_less(next.key.clone())?,
            None => vec![u8::MAX; kind.width()],
        };
        elements.push(Element {
            key: vec![Span {
                first: Value::read(*kind, &entry.key)?,
                last: Value::read(*kind, &last)?,
            }],
            timeout: entry.timeout,
        });
    }
    Some(elements)
}

fn one_less(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    for byte in bytes.iter_mut().rev() {
        let is_borrowed = *byte == 0;
        *byte = byte.wrapping_sub(1);
        if !is_borrowed {
            return Some(bytes);
        }
    }
    None
}

fn values(set: &Set, mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::with_capacity(set.key.len());
    for kind in &set.key {
        values.push(Value::read(*kind, bytes)?);
        bytes = bytes.get(kind.padded()..).unwrap_or_default();
    }
    Some(values)
}

/// Whether an answer is of that table: kernels may give those of others too.
pub(crate) fn is_of(table: &str, answer: Reader<'_>) -> bool {
    // NFTA_RULE_TABLE and NFTA_OBJ_TABLE are the same number.
    const { assert!(NFTA_RULE_TABLE == NFTA_OBJ_TABLE) };
    answer.find_text(NFTA_RULE_TABLE) == Some(table)
}

/// The count of a rule, where it counts. `rules` has the chain and number of the last one.
pub(crate) fn count(answer: Reader<'_>, rules: &mut (String, usize)) -> Option<Count> {
    let chain = answer.find_text(NFTA_RULE_CHAIN)?;
    match rules.0 == chain {
        true => rules.1 = rules.1.saturating_add(1),
        false => *rules = (chain.to_owned(), 1),
    }
    let mut expressions = answer.inside(NFTA_RULE_EXPRESSIONS)?;
    let counter = expressions.find_map(|(_, expression)| {
        let expression = Reader(expression);
        let is_counter = expression.find_text(NFTA_EXPR_NAME) == Some("counter");
        is_counter.then(|| expression.inside(NFTA_EXPR_DATA))?
    })?;
    let comment = answer.find(NFTA_RULE_USERDATA).and_then(comment_of);
    Some(Count {
        chain: chain.to_owned(),
        number: rules.1,
        comment: comment.unwrap_or_default(),
        packets: counter.find_u64(NFTA_COUNTER_PACKETS)?,
        bytes: counter.find_u64(NFTA_COUNTER_BYTES)?,
    })
}

fn comment_of(bytes: &[u8]) -> Option<String> {
    let (kind_and_length, text) = bytes.split_first_chunk::<2>()?;
    let text = match *kind_and_length {
        [0, length] => text.get(..usize::from(length))?,
        _ => return None,
    };
    let text = text.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// A named counter.
pub(crate) fn named_count(answer: Reader<'_>) -> Option<NamedCount> {
    let data = answer.inside(NFTA_OBJ_DATA)?;
    Some(NamedCount {
        name: answer.find_text(NFTA_OBJ_NAME)?.to_owned(),
        packets: data.find_u64(NFTA_COUNTER_PACKETS)?,
        bytes: data.find_u64(NFTA_COUNTER_BYTES)?,
    })
}
