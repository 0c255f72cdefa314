//! What is wrong with a ruleset before the kernel sees it: the kernel says no more than a number.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::element::{Element, Span};
use crate::field::{Field, Key};
use crate::kind::{Kind, Value};
use crate::ruleset::{Chain, Rule, Ruleset, Set, Timeouts};
use crate::statement::{Limit, Statement, Test, Verdict};
use crate::subject::Subject;

/// Something that is no ruleset: where, and what is wrong there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct RulesetError {
    /// Where.
    pub place: Subject,
    /// What.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// A name is none.
    #[error("'{0}' is no name: give 1 to 31 letters, digits, '_', '-' and '.', the first a letter")]
    Name(String),
    /// Two have the same name.
    #[error("there is another of this name: give it a name of its own")]
    Twice,
    /// A set is not in the ruleset.
    #[error("there is no set {0}: add it to the ruleset, or correct the name")]
    UnknownSet(String),
    /// A counter is not in the ruleset.
    #[error("there is no counter {0}: add it to the ruleset, or correct the name")]
    UnknownCounter(String),
    /// A chain is not in the ruleset, or has a hook.
    #[error("there is no chain {0} to go to: add one without a hook, or correct the name")]
    UnknownChain(String),
    /// Chains jump in a circle.
    #[error("it jumps in a circle: let no chain jump to one that leads back to it")]
    Circle,
    /// Values are of other kinds than what they are held against.
    #[error("it has {found:?} where {wanted:?} is compared: correct one of them")]
    Kinds {
        /// What is asked for.
        wanted: Vec<Kind>,
        /// What is given.
        found: Vec<Kind>,
    },
    /// A range in a set without ranges.
    #[error("it is a range, and the set has none: add it to a set with intervals")]
    Range,
    /// A range of what has no order, or one that ends before it begins.
    #[error("{first} to {last} is no range: give the lower end first, of a kind with order")]
    NoRange {
        /// Its first.
        first: Value,
        /// Its last.
        last: Value,
    },
    /// Entries of which one is part of the other.
    #[error("{0} and {1} have values in common: give each to one of them alone")]
    Overlap(Box<Span>, Box<Span>),
    /// A timeout in a set without.
    #[error("it has a timeout, and the set has none: add it to a set with timeouts")]
    Timeout,
    /// A timeout that the kernel takes for none.
    #[error("its timeout is shorter than a millisecond: give a longer one")]
    TimeoutTooShort,
    /// The key of a set is of nothing or too wide.
    #[error("its key has {0} bytes: give 1 to 64")]
    KeyWidth(usize),
    /// Rules fill a set that is not for it, or that has no end.
    #[error("rules put entries into it: make it dynamic, and give it a size")]
    NotDynamic,
    /// A rule compares what no packet has at once.
    #[error("it compares what is IPv4 with what is IPv6: make a rule for each")]
    TwoFamilies,
    /// A rule compares what no packet has at once.
    #[error("it compares what is of two protocols: make a rule for each")]
    TwoProtocols,
    /// A limit that lets nothing through, ever.
    #[error("its limit is 0: give at least 1")]
    NoLimit,
    /// A text is too long.
    #[error("'{text}' has more than {bytes_max} bytes: shorten it")]
    TooLong {
        /// It.
        text: String,
        /// How long it may be.
        bytes_max: usize,
    },
    /// A message is longer than one can be.
    #[error("it has more steps than fit into a message: make two of it")]
    TooLarge,
}

/// Holds a whole ruleset against what the kernel takes.
pub(crate) fn ruleset(all: &Ruleset) -> Result<(), RulesetError> {
    let table = Subject::Table(all.table.clone());
    is_name(&all.table).map_err(at(&table))?;
    let mut names = BTreeSet::new();
    for set in &all.sets {
        let place = Subject::Set(set.name.clone());
        is_name(&set.name).map_err(at(&place))?;
        is_new(&mut names, &set.name).map_err(at(&place))?;
        self::set(set)?;
        elements(set, &set.elements)?;
    }
    names.clear();
    for counter in &all.counters {
        let place = Subject::Counter(counter.clone());
        is_name(counter).map_err(at(&place))?;
        is_new(&mut names, counter).map_err(at(&place))?;
    }
    names.clear();
    for chain in &all.chains {
        let place = Subject::Chain(chain.name.clone());
        is_name(&chain.name).map_err(at(&place))?;
        is_new(&mut names, &chain.name).map_err(at(&place))?;
    }
    for chain in &all.chains {
        for (index, rule) in chain.rules.iter().enumerate() {
            let place = Subject::Rule {
                chain: chain.name.clone(),
                number: index.saturating_add(1),
            };
            self::rule(all, rule).map_err(at(&place))?;
        }
    }
    no_circle(all)
}

fn at(place: &Subject) -> impl Fn(Fault) -> RulesetError {
    move |fault| RulesetError {
        place: place.clone(),
        fault,
    }
}

fn is_name(name: &str) -> Result<(), Fault> {
    let first = name.starts_with(|it: char| it.is_ascii_alphabetic());
    let rest = |it: char| it.is_ascii_alphanumeric() || "_-.".contains(it);
    match first && name.len() <= NAME_BYTES_MAX && name.chars().all(rest) {
        true => Ok(()),
        false => Err(Fault::Name(name.to_owned())),
    }
}

fn is_new<'a>(names: &mut BTreeSet<&'a str>, name: &'a str) -> Result<(), Fault> {
    match names.insert(name) {
        true => Ok(()),
        false => Err(Fault::Twice),
    }
}

/// Holds one set, without what is in it, against what the kernel takes.
pub(crate) fn set(set: &Set) -> Result<(), RulesetError> {
    let place = Subject::Set(set.name.clone());
    let width = set.key.iter().map(|kind| kind.padded()).sum();
    if !(1..=REGISTERS_BYTES).contains(&width) {
        return Err(at(&place)(Fault::KeyWidth(width)));
    }
    if set.dynamic && set.size.is_none() {
        return Err(at(&place)(Fault::NotDynamic));
    }
    if let Timeouts::Default(timeout) = set.timeouts {
        is_timeout(timeout).map_err(at(&place))?;
    }
    Ok(())
}

/// Holds entries of a set against it.
pub(crate) fn elements(set: &Set, elements: &[Element]) -> Result<(), RulesetError> {
    for (index, element) in elements.iter().enumerate() {
        self::element(set, element).map_err(|fault| {
            let number = index.saturating_add(1);
            RulesetError {
                place: Subject::Elements {
                    set: set.name.clone(),
                    first: number,
                    last: number,
                },
                fault,
            }
        })?;
    }
    Ok(())
}

fn element(set: &Set, element: &Element) -> Result<(), Fault> {
    let firsts = element.key.iter().map(|span| span.first.kind());
    if !firsts.eq(set.key.iter().copied()) {
        return Err(Fault::Kinds {
            wanted: set.key.clone(),
            found: element.key.iter().map(|span| span.first.kind()).collect(),
        });
    }
    for span in &element.key {
        for value in [&span.first, &span.last] {
            is_value(value)?;
        }
        if !span.is_one() {
            is_range(&span.first, &span.last)?;
            if !set.intervals {
                return Err(Fault::Range);
            }
        }
    }
    match (element.timeout, set.timeouts) {
        (None, _) => Ok(()),
        (Some(_), Timeouts::None) => Err(Fault::Timeout),
        (Some(timeout), Timeouts::OfElements | Timeouts::Default(_)) => is_timeout(timeout),
    }
}

fn is_timeout(timeout: Duration) -> Result<(), Fault> {
    match timeout.as_millis() {
        0 => Err(Fault::TimeoutTooShort),
        _ => Ok(()),
    }
}

fn is_range(first: &Value, last: &Value) -> Result<(), Fault> {
    let is_one = first.kind() == last.kind() && first.kind().is_ordered() && first <= last;
    match is_one {
        true => Ok(()),
        false => Err(Fault::NoRange {
            first: first.clone(),
            last: last.clone(),
        }),
    }
}

fn is_value(value: &Value) -> Result<(), Fault> {
    match value {
        Value::Interface(name) => is_short(name, INTERFACE_BYTES_MAX),
        _ => Ok(()),
    }
}

fn is_short(text: &str, bytes_max: usize) -> Result<(), Fault> {
    match text.len() <= bytes_max && !text.contains('\0') {
        true => Ok(()),
        false => Err(Fault::TooLong {
            text: text.to_owned(),
            bytes_max,
        }),
    }
}

fn rule(all: &Ruleset, rule: &Rule) -> Result<(), Fault> {
    is_short(&rule.comment, COMMENT_BYTES_MAX)?;
    let (mut families, mut protocols) = (BTreeSet::new(), BTreeSet::new());
    for statement in &rule.statements {
        self::statement(all, statement)?;
        let fields = || statement.fields().iter().map(|field| field.key);
        families.extend(fields().filter_map(Key::family));
        protocols.extend(fields().filter_map(Key::protocol));
        protocols.extend(statement.needed_protocol());
        match statement {
            Statement::Match(Field { mask: None, .. }, Test::Is(Value::Family(family))) => {
                families.insert(*family);
            }
            Statement::Match(Field { mask: None, .. }, Test::Is(Value::Protocol(protocol))) => {
                protocols.insert(*protocol);
            }
            _ => {}
        }
    }
    if families.len() > 1 {
        return Err(Fault::TwoFamilies);
    }
    if protocols.len() > 1 {
        return Err(Fault::TwoProtocols);
    }
    Ok(())
}

fn statement(all: &Ruleset, statement: &Statement) -> Result<(), Fault> {
    for field in statement.fields() {
        if let Some(mask) = &field.mask {
            are_kinds(&[field.key.kind()], &[mask.kind()])?;
        }
    }
    match statement {
        Statement::Match(field, test) => self::test(field, test),
        Statement::In { fields, set, .. } => looks_up(all, fields, set).map(drop),
        Statement::Update {
            fields,
            set,
            timeout,
            limit,
            ..
        } => {
            let set = looks_up(all, fields, set)?;
            if !set.dynamic {
                return Err(Fault::NotDynamic);
            }
            match (timeout, set.timeouts) {
                (Some(_), Timeouts::None) => return Err(Fault::Timeout),
                (Some(timeout), _) => is_timeout(*timeout)?,
                (None, _) => {}
            }
            limit.as_ref().map_or(Ok(()), is_limit)
        }
        Statement::Limit(limit) => is_limit(limit),
        Statement::Count(name) => match all.counters.contains(name) {
            true => Ok(()),
            false => Err(Fault::UnknownCounter(name.clone())),
        },
        Statement::Log { prefix, .. } => is_short(prefix, LOG_PREFIX_BYTES_MAX),
        Statement::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => {
            let found = all.chains.iter().find(|chain| chain.name == *name);
            match found {
                Some(Chain { base: None, .. }) => Ok(()),
                Some(_) | None => Err(Fault::UnknownChain(name.clone())),
            }
        }
        Statement::Counter
        | Statement::SetMark(..)
        | Statement::Notrack
        | Statement::Reject(_)
        | Statement::Verdict(Verdict::Accept | Verdict::Drop | Verdict::Return) => Ok(()),
    }
}

fn test(field: &Field, test: &Test) -> Result<(), Fault> {
    let values = match test {
        Test::Is(value) | Test::IsNot(value) => vec![value],
        Test::Between(first, last) => vec![first, last],
    };
    for value in values {
        are_kinds(&[field.key.kind()], &[value.kind()])?;
        is_value(value)?;
    }
    match test {
        Test::Between(first, last) => is_range(first, last),
        Test::Is(_) | Test::IsNot(_) => Ok(()),
    }
}

fn looks_up<'a>(all: &'a Ruleset, fields: &[Field], name: &str) -> Result<&'a Set, Fault> {
    let found = all.sets.iter().find(|set| set.name == *name);
    let set = found.ok_or_else(|| Fault::UnknownSet(name.to_owned()))?;
    let kinds: Vec<Kind> = fields.iter().map(|field| field.key.kind()).collect();
    are_kinds(&set.key, &kinds)?;
    Ok(set)
}

fn are_kinds(wanted: &[Kind], found: &[Kind]) -> Result<(), Fault> {
    match wanted == found {
        true => Ok(()),
        false => Err(Fault::Kinds {
            wanted: wanted.to_vec(),
            found: found.to_vec(),
        }),
    }
}

fn is_limit(limit: &Limit) -> Result<(), Fault> {
    match limit.rate {
        0 => Err(Fault::NoLimit),
        _ => Ok(()),
    }
}

/// Takes away chains that lead to none, until none is left; what is left leads in a circle.
fn no_circle(all: &Ruleset) -> Result<(), RulesetError> {
    let mut left: Vec<&Chain> = all.chains.iter().collect();
    loop {
        let names: BTreeSet<&str> = left.iter().map(|chain| chain.name.as_str()).collect();
        let before = left.len();
        left.retain(|chain| targets(chain).any(|target| names.contains(target)));
        match left.first() {
            None => return Ok(()),
            Some(chain) if left.len() == before => {
                return Err(RulesetError {
                    place: Subject::Chain(chain.name.clone()),
                    fault: Fault::Circle,
                });
            }
            Some(_) => {}
        }
    }
}

fn targets(chain: &Chain) -> impl Iterator<Item = &str> {
    let statements = chain.rules.iter().flat_map(|rule| &rule.statements);
    statements.filter_map(|statement| match statement {
        Statement::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => Some(name.as_str()),
        _ => None,
    })
}

/// Shorter than the kernel's 255, as names are also read by people.
const NAME_BYTES_MAX: usize = 31;
/// IFNAMSIZ less its zero.
const INTERFACE_BYTES_MAX: usize = 15;
/// The kernel keeps 256 bytes beside a rule; `nft` shows 128.
const COMMENT_BYTES_MAX: usize = 120;
/// NF_LOG_PREFIXLEN less its zero.
const LOG_PREFIX_BYTES_MAX: usize = 127;
/// Sixteen registers.
const REGISTERS_BYTES: usize = 64;

#[cfg(test)]
mod tests;
