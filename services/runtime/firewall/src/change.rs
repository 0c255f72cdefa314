//! Changes of what is in a set, as transactions, while the ruleset stands.

use crate::attribute::Attributes;
use crate::batch::Batch;
use crate::check::{self, Fault, RulesetError};
use crate::element::Element;
use crate::expression::milliseconds;
use crate::kind::Value;
use crate::ruleset::{Set, Timeouts};
use crate::subject::Subject;
use crate::uapi::{
    NFT_MSG_DELSETELEM, NFT_MSG_DESTROYSETELEM, NFT_MSG_NEWSETELEM, NFT_SET_ELEM_INTERVAL_END,
    NFTA_DATA_VALUE, NFTA_LIST_ELEM, NFTA_SET_ELEM_FLAGS, NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_KEY_END,
    NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_TABLE,
    NFTA_SET_ELEM_TIMEOUT, NLM_F_CREATE,
};

/// The transaction after which these are in a set, each with its timeout from now on, whether or
/// not they were there before (Linux 6.12 for a new timeout of one that was there).
///
/// In a set of ranges one must not be part of another, neither of these nor of what is there.
///
/// # Errors
/// When one does not belong into the set.
pub fn add(table: &str, set: &Set, elements: &[Element]) -> Result<Batch, RulesetError> {
    check::set(set)?;
    check::elements(set, elements)?;
    let mut batch = Batch::begin();
    add_elements(&mut batch, table, set, elements, Merged::No)?;
    Ok(batch.end())
}

/// The transaction after which these are not in a set, whether or not they were there before. A
/// range goes as it was added, and not in parts.
///
/// # Errors
/// When one could not have been in the set.
pub fn remove(table: &str, set: &Set, elements: &[Element]) -> Result<Batch, RulesetError> {
    check::set(set)?;
    check::elements(set, elements)?;
    let mut batch = Batch::begin();
    let mut messages = Messages::new(&mut batch, table, set, NFT_MSG_DESTROYSETELEM, 0);
    for element in elements {
        messages.element(set, element, Timed::No);
    }
    messages.flush();
    Ok(batch.end())
}

/// The transaction after which these are in a set, and nothing else. There is no moment in which
/// the set is empty. In a set of ranges without timeouts they may overlap.
///
/// # Errors
/// When one does not belong into the set.
pub fn replace(table: &str, set: &Set, elements: &[Element]) -> Result<Batch, RulesetError> {
    check::set(set)?;
    check::elements(set, elements)?;
    let mut batch = Batch::begin();
    let mut all = Attributes::default();
    name(&mut all, table, set);
    batch.add(NFT_MSG_DELSETELEM, 0, &all, Subject::Set(set.name.clone()));
    add_elements(&mut batch, table, set, elements, Merged::Yes)?;
    Ok(batch.end())
}

/// Whether ranges that overlap become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Merged {
    Yes,
    No,
}

/// Whether entries say how long they stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timed {
    Yes,
    No,
}

pub(crate) fn add_elements(
    batch: &mut Batch,
    table: &str,
    set: &Set,
    elements: &[Element],
    merged: Merged,
) -> Result<(), RulesetError> {
    let mut messages = Messages::new(batch, table, set, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    if is_of_plain_ranges(set) {
        for element in sorted(set, elements, merged)? {
            messages.element(set, &element, Timed::Yes);
        }
    } else {
        for element in elements {
            messages.element(set, element, Timed::Yes);
        }
    }
    messages.flush();
    Ok(())
}

/// Whether the kernel keeps its ranges as a beginning and an end, each an entry of its own. Those
/// of concatenations it keeps as they are.
pub(crate) fn is_of_plain_ranges(set: &Set) -> bool {
    set.intervals && set.key.len() == 1
}

/// Ranges in their order, those that have something in common made one or refused.
fn sorted(set: &Set, elements: &[Element], merged: Merged) -> Result<Vec<Element>, RulesetError> {
    let mut all: Vec<&Element> = elements.iter().collect();
    all.sort_by(|one, other| ends(one).cmp(&ends(other)));
    let mut apart: Vec<Element> = Vec::with_capacity(all.len());
    for element in all {
        let before = apart.last_mut().and_then(|before| before.key.first_mut());
        let (Some(span), before) = (element.key.first(), before) else {
            continue;
        };
        let Some(before) = before.filter(|before| span.first <= before.last) else {
            apart.push(element.clone());
            continue;
        };
        if merged == Merged::No || set.timeouts != Timeouts::None {
            return Err(RulesetError {
                place: Subject::Set(set.name.clone()),
                fault: Fault::Overlap(Box::new(before.clone()), Box::new(span.clone())),
            });
        }
        if span.last > before.last {
            before.last = span.last.clone();
        }
    }
    Ok(apart)
}

fn ends(element: &Element) -> Option<(&Value, &Value)> {
    element.key.first().map(|span| (&span.first, &span.last))
}

/// Entries that are gathered into messages of a bounded size.
struct Messages<'a> {
    batch: &'a mut Batch,
    table: &'a str,
    set: &'a Set,
    kind: u8,
    flags: u16,
    gathered: Attributes,
    count: usize,
    done: usize,
}

impl<'a> Messages<'a> {
    fn new(batch: &'a mut Batch, table: &'a str, set: &'a Set, kind: u8, flags: u16) -> Self {
        Self {
            batch,
            table,
            set,
            kind,
            flags,
            gathered: Attributes::default(),
            count: 0,
            done: 0,
        }
    }

    fn element(&mut self, set: &Set, element: &Element, timed: Timed) {
        let firsts = element.key.iter().map(|span| &span.first);
        let lasts = element.key.iter().map(|span| &span.last);
        let key = bytes(firsts, set.key.len());
        let timeout = element.timeout.filter(|_| timed == Timed::Yes);
        let is_plain = is_of_plain_ranges(set);
        let is_range = set.intervals && !is_plain && element.key.iter().any(|it| !it.is_one());
        let end = is_range.then(|| bytes(lasts.clone(), set.key.len()));
        self.gathered.nest(NFTA_LIST_ELEM, |it| {
            it.nest(NFTA_SET_ELEM_KEY, |it| it.bytes(NFTA_DATA_VALUE, &key));
            if let Some(end) = end {
                it.nest(NFTA_SET_ELEM_KEY_END, |it| it.bytes(NFTA_DATA_VALUE, &end));
            }
            if let Some(timeout) = timeout {
                it.u64(NFTA_SET_ELEM_TIMEOUT, milliseconds(timeout));
            }
        });
        if is_plain && let Some(behind) = one_more(bytes(lasts, 1)) {
            self.gathered.nest(NFTA_LIST_ELEM, |it| {
                it.nest(NFTA_SET_ELEM_KEY, |it| it.bytes(NFTA_DATA_VALUE, &behind));
                it.u32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
            });
        }
        self.count = self.count.saturating_add(1);
        if self.count >= ELEMENTS_MAX || self.gathered.len() >= MESSAGE_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let mut it = Attributes::default();
        name(&mut it, self.table, self.set);
        it.nest(NFTA_SET_ELEM_LIST_ELEMENTS, |it| it.append(&self.gathered));
        let last = self.done.saturating_add(self.count);
        let subject = Subject::Elements {
            set: self.set.name.clone(),
            first: self.done.saturating_add(1),
            last,
        };
        self.batch.add(self.kind, self.flags, &it, subject);
        self.gathered.clear();
        (self.done, self.count) = (last, 0);
    }
}

fn name(it: &mut Attributes, table: &str, set: &Set) {
    it.text(NFTA_SET_ELEM_LIST_TABLE, table);
    it.text(NFTA_SET_ELEM_LIST_SET, &set.name);
}

/// A key as it lies in registers: parts of a concatenation fill up whole ones.
fn bytes<'a>(values: impl Iterator<Item = &'a Value>, parts: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    for value in values {
        value.write(&mut bytes);
        if parts > 1 {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
    }
    bytes
}

/// The next value, where there is one: a range that ends at the highest has no end.
fn one_more(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(bytes);
        }
    }
    None
}

/// Entries of a message: what the kernel takes well.
const ELEMENTS_MAX: usize = 1400;
/// Of an attribute's 64 KiB, leaving room for the longest entry.
const MESSAGE_BYTES: usize = 60_000;
