//! A ruleset as one transaction.

use crate::attribute::Attributes;
use crate::batch::Batch;
use crate::change;
use crate::check::{self, Fault, RulesetError};
use crate::expression::{Expressions, milliseconds};
use crate::ruleset::{Base, Chain, Rule, Ruleset, Set, Timeouts};
use crate::standing::Standing;
use crate::subject::Subject;
use crate::uapi::{
    NFT_MSG_DELCHAIN, NFT_MSG_DELOBJ, NFT_MSG_DELRULE, NFT_MSG_DELSET, NFT_MSG_DESTROYTABLE,
    NFT_MSG_NEWCHAIN, NFT_MSG_NEWOBJ, NFT_MSG_NEWRULE, NFT_MSG_NEWSET, NFT_MSG_NEWTABLE,
    NFT_OBJECT_COUNTER, NFT_SET_CONCAT, NFT_SET_EVAL, NFT_SET_INTERVAL, NFT_SET_TIMEOUT,
    NFTA_CHAIN_HOOK, NFTA_CHAIN_NAME, NFTA_CHAIN_POLICY, NFTA_CHAIN_TABLE, NFTA_CHAIN_TYPE,
    NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY, NFTA_LIST_ELEM, NFTA_OBJ_DATA, NFTA_OBJ_NAME,
    NFTA_OBJ_TABLE, NFTA_OBJ_TYPE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_TABLE,
    NFTA_RULE_USERDATA, NFTA_SET_DESC, NFTA_SET_DESC_CONCAT, NFTA_SET_DESC_SIZE,
    NFTA_SET_FIELD_LEN, NFTA_SET_FLAGS, NFTA_SET_ID, NFTA_SET_KEY_LEN, NFTA_SET_KEY_TYPE,
    NFTA_SET_NAME, NFTA_SET_TABLE, NFTA_SET_TIMEOUT, NFTA_TABLE_NAME, NLM_F_APPEND, NLM_F_CREATE,
};

/// The transaction that puts a ruleset into the kernel in the place of what its table has, which is
/// `standing`. Tables of others are left alone.
///
/// Chains with hooks stay where they are: their rules change all at once, but the policy of a new
/// one counts only a moment after the old one has gone. What is sent in that moment passes, or is
/// lost.
///
/// # Errors
/// When it is none that the kernel would take.
pub fn encode(ruleset: &Ruleset, standing: &Standing) -> Result<Batch, RulesetError> {
    check::ruleset(ruleset)?;
    let mut batch = match standing.generation {
        Some(generation) => Batch::begin_after(generation),
        None => Batch::begin(),
    };
    let table = &ruleset.table;
    let mut named = Attributes::default();
    named.text(NFTA_TABLE_NAME, table);
    let subject = Subject::Table(table.clone());
    batch.add(NFT_MSG_NEWTABLE, NLM_F_CREATE, &named, subject);
    take_away(&mut batch, ruleset, standing);
    for counter in &ruleset.counters {
        add_counter(&mut batch, table, counter);
    }
    for (set, id) in ruleset.sets.iter().zip(1..) {
        add_set(&mut batch, table, set, id);
        change::add_elements(&mut batch, table, set, &set.elements, change::Merged::Yes)?;
    }
    for chain in &ruleset.chains {
        if !standing.chains.contains(&(chain.name.clone(), chain.base)) {
            add_chain(&mut batch, table, chain);
        }
    }
    for chain in &ruleset.chains {
        for (rule, number) in chain.rules.iter().zip(1..) {
            add_rule(&mut batch, ruleset, chain, rule, number)?;
        }
    }
    Ok(batch.end())
}

/// All rules, sets and counters, and the chains that do not stay.
fn take_away(batch: &mut Batch, ruleset: &Ruleset, standing: &Standing) {
    let table = &ruleset.table;
    let mut all = Attributes::default();
    all.text(NFTA_RULE_TABLE, table);
    batch.add(NFT_MSG_DELRULE, 0, &all, Subject::Table(table.clone()));
    for name in &standing.sets {
        let mut it = Attributes::default();
        it.text(NFTA_SET_TABLE, table);
        it.text(NFTA_SET_NAME, name);
        batch.add(NFT_MSG_DELSET, 0, &it, Subject::Set(name.clone()));
    }
    for name in &standing.counters {
        let mut it = Attributes::default();
        it.text(NFTA_OBJ_TABLE, table);
        it.text(NFTA_OBJ_NAME, name);
        it.u32(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
        batch.add(NFT_MSG_DELOBJ, 0, &it, Subject::Counter(name.clone()));
    }
    let stays = |name: &str, old: &Option<Base>| {
        let mut chains = ruleset.chains.iter();
        chains.any(|new| new.name == name && is_at_the_same_place(&new.base, old))
    };
    for (name, _) in standing
        .chains
        .iter()
        .filter(|(name, old)| !stays(name, old))
    {
        let mut it = Attributes::default();
        it.text(NFTA_CHAIN_TABLE, table);
        it.text(NFTA_CHAIN_NAME, name);
        batch.add(NFT_MSG_DELCHAIN, 0, &it, Subject::Chain(name.clone()));
    }
}

/// Whether a chain need not be made anew: its policy alone can be changed.
fn is_at_the_same_place(new: &Option<Base>, old: &Option<Base>) -> bool {
    let place = |base: &Base| (base.kind, base.hook, base.priority);
    new.as_ref().map(place) == old.as_ref().map(place)
}

/// The transaction that takes a table away with all that is in it, or does nothing where it is not.
#[must_use]
pub fn encode_removal(table: &str) -> Batch {
    let mut batch = Batch::begin();
    let mut named = Attributes::default();
    named.text(NFTA_TABLE_NAME, table);
    let subject = Subject::Table(table.to_owned());
    batch.add(NFT_MSG_DESTROYTABLE, 0, &named, subject);
    batch.end()
}

fn add_counter(batch: &mut Batch, table: &str, name: &str) {
    let mut it = Attributes::default();
    it.text(NFTA_OBJ_TABLE, table);
    it.text(NFTA_OBJ_NAME, name);
    it.u32(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
    it.nest(NFTA_OBJ_DATA, |_| ());
    let subject = Subject::Counter(name.to_owned());
    batch.add(NFT_MSG_NEWOBJ, NLM_F_CREATE, &it, subject);
}

fn add_set(batch: &mut Batch, table: &str, set: &Set, id: u32) {
    let widths: Vec<u32> = match set.key.as_slice() {
        [kind] => vec![u32::try_from(kind.width()).unwrap_or(u32::MAX)],
        kinds => {
            let padded = kinds.iter().map(|kind| kind.padded());
            padded
                .map(|width| u32::try_from(width).unwrap_or(u32::MAX))
                .collect()
        }
    };
    let is_concatenation = widths.len() > 1;
    let mut flags = 0;
    for (has, flag) in [
        (set.intervals, NFT_SET_INTERVAL),
        (set.intervals && is_concatenation, NFT_SET_CONCAT),
        (set.timeouts != Timeouts::None, NFT_SET_TIMEOUT),
        (set.dynamic, NFT_SET_EVAL),
    ] {
        if has {
            flags |= flag;
        }
    }
    let mut it = Attributes::default();
    it.text(NFTA_SET_TABLE, table);
    it.text(NFTA_SET_NAME, &set.name);
    it.u32(NFTA_SET_ID, id);
    it.u32(NFTA_SET_FLAGS, flags);
    // As `nft` tells parts of a key apart: six bits each.
    let types = set
        .key
        .iter()
        .fold(0u32, |all, kind| all.wrapping_shl(6) | kind.nft_type());
    it.u32(NFTA_SET_KEY_TYPE, types);
    it.u32(NFTA_SET_KEY_LEN, widths.iter().sum());
    if let Timeouts::Default(timeout) = set.timeouts {
        it.u64(NFTA_SET_TIMEOUT, milliseconds(timeout));
    }
    it.nest(NFTA_SET_DESC, |it| {
        if let Some(size) = set.size {
            it.u32(NFTA_SET_DESC_SIZE, size);
        }
        if set.intervals && is_concatenation {
            it.nest(NFTA_SET_DESC_CONCAT, |it| {
                for width in &widths {
                    it.nest(NFTA_LIST_ELEM, |it| it.u32(NFTA_SET_FIELD_LEN, *width));
                }
            });
        }
    });
    let subject = Subject::Set(set.name.clone());
    batch.add(NFT_MSG_NEWSET, NLM_F_CREATE, &it, subject);
}

fn add_chain(batch: &mut Batch, table: &str, chain: &Chain) {
    let mut it = Attributes::default();
    it.text(NFTA_CHAIN_TABLE, table);
    it.text(NFTA_CHAIN_NAME, &chain.name);
    if let Some(base) = &chain.base {
        base_of(&mut it, base);
    }
    let subject = Subject::Chain(chain.name.clone());
    batch.add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, &it, subject);
}

fn base_of(it: &mut Attributes, base: &Base) {
    it.nest(NFTA_CHAIN_HOOK, |it| {
        it.u32(NFTA_HOOK_HOOKNUM, base.hook.number());
        it.i32(NFTA_HOOK_PRIORITY, base.priority);
    });
    it.u32(NFTA_CHAIN_POLICY, base.policy.number());
    it.text(NFTA_CHAIN_TYPE, base.kind.name());
}

fn add_rule(
    batch: &mut Batch,
    ruleset: &Ruleset,
    chain: &Chain,
    rule: &Rule,
    number: usize,
) -> Result<(), RulesetError> {
    let id_of = |name: &str| {
        let mut sets = ruleset.sets.iter().zip(1..);
        sets.find(|(set, _)| set.name == name).map_or(0, |it| it.1)
    };
    let expressions = Expressions::of(&rule.statements, id_of);
    let mut it = Attributes::default();
    it.text(NFTA_RULE_TABLE, &ruleset.table);
    it.text(NFTA_RULE_CHAIN, &chain.name);
    if !rule.comment.is_empty() {
        it.bytes(NFTA_RULE_USERDATA, &comment(&rule.comment));
    }
    let before = it.len().saturating_add(ATTRIBUTE_BYTES);
    it.nest(NFTA_RULE_EXPRESSIONS, |it| {
        it.append(&expressions.attributes)
    });
    let subject = Subject::Rule {
        chain: chain.name.clone(),
        number,
    };
    if it.is_too_long() || expressions.places.len() > EXPRESSIONS_MAX {
        return Err(RulesetError {
            place: subject,
            fault: Fault::TooLarge,
        });
    }
    batch.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, &it, subject);
    let places = expressions.places.iter();
    let places = places.map(|(at, name)| (before.saturating_add(*at), *name));
    batch.name_expressions(places.collect());
    Ok(())
}

/// A comment as `nft` keeps it beside a rule: type 0, its length, text and a zero.
pub(crate) fn comment(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len().saturating_add(1)).unwrap_or(u8::MAX);
    let mut bytes = vec![0, length];
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    bytes
}

/// Length and type of an attribute.
const ATTRIBUTE_BYTES: usize = 4;
/// NFT_RULE_MAXEXPRS.
const EXPRESSIONS_MAX: usize = 128;
