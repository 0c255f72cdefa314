//! The firewall of the network namespace that the thread is in when it is opened.

use crate::attribute::{Attributes, Reader};
use crate::batch::Batch;
use crate::change;
use crate::check::RulesetError;
use crate::element::Element;
use crate::encode::{encode, encode_removal};
use crate::error::FirewallError;
use crate::read::{self, Count, Entries, NamedCount};
use crate::ruleset::{Ruleset, Set};
use crate::socket::{Asked, Netfilter};
use crate::standing::Standing;
use crate::subject::Subject;
use crate::uapi::{
    NFT_MSG_GETCHAIN, NFT_MSG_GETGEN, NFT_MSG_GETOBJ, NFT_MSG_GETRULE, NFT_MSG_GETSET,
    NFT_MSG_GETSETELEM, NFT_OBJECT_COUNTER, NFTA_OBJ_TABLE, NFTA_OBJ_TYPE, NFTA_RULE_TABLE,
    NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_TABLE,
};

/// One table of nftables, and the socket by which it is changed. What is loaded stays when this is
/// dropped, and when the process ends. Needs `CAP_NET_ADMIN`. Every call waits for the kernel.
pub struct Firewall {
    table: String,
    netfilter: Netfilter,
}

impl Firewall {
    /// Opens the way to a table, which need not be there yet.
    ///
    /// # Errors
    /// When the kernel has no netfilter.
    pub fn open(table: &str) -> Result<Self, FirewallError> {
        Ok(Self {
            table: table.to_owned(),
            netfilter: Netfilter::open()?,
        })
    }

    /// Puts a ruleset in the place of the one that is there, with what its sets had and its
    /// counters counted, in one transaction: there is no moment without rules, where chains with
    /// hooks keep their names and places. Connections that are tracked stay so.
    ///
    /// # Errors
    /// When the kernel refuses it, or it is none. Then everything is as before.
    pub fn load(&self, ruleset: &Ruleset) -> Result<(), FirewallError> {
        for _ in 0..READS_MAX {
            match self.commit(encode(ruleset, &self.standing()?)) {
                Err(error) if error.is_outdated() => {}
                done => return done,
            }
        }
        Err(FirewallError::KeepsChanging(READS_MAX))
    }

    /// What the table has now; nothing where it is not there.
    fn standing(&self) -> Result<Standing, FirewallError> {
        let nothing = Attributes::default();
        let subject = Subject::Table(self.table.clone());
        let take = |it: &mut Standing, answer: Reader<'_>| it.take_generation(answer);
        let first = self.read_one(NFT_MSG_GETGEN, &nothing, &subject, take)?;
        let take = |it: &mut Standing, answer: Reader<'_>| it.take_set(&self.table, answer);
        let Standing { sets, .. } = self.read(NFT_MSG_GETSET, &nothing, &subject, take)?;
        let take = |it: &mut Standing, answer: Reader<'_>| it.take_counter(&self.table, answer);
        let counters = self.counters();
        let Standing { counters, .. } = self.read(NFT_MSG_GETOBJ, &counters, &subject, take)?;
        let take = |it: &mut Standing, answer: Reader<'_>| it.take_chain(&self.table, answer);
        let Standing { chains, .. } = self.read(NFT_MSG_GETCHAIN, &nothing, &subject, take)?;
        Ok(Standing {
            sets,
            counters,
            chains,
            ..first
        })
    }

    fn counters(&self) -> Attributes {
        let mut question = Attributes::default();
        question.text(NFTA_OBJ_TABLE, &self.table);
        question.u32(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
        question
    }

    /// Takes the table away: everything passes.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn unload(&self) -> Result<(), FirewallError> {
        self.netfilter.commit(&encode_removal(&self.table))
    }

    /// As [`change::add`] says.
    ///
    /// # Errors
    /// When the kernel refuses it, or one does not belong into the set. Then none is added.
    pub fn add(&self, set: &Set, elements: &[Element]) -> Result<(), FirewallError> {
        self.commit(change::add(&self.table, set, elements))
    }

    /// As [`change::remove`] says.
    ///
    /// # Errors
    /// When the kernel refuses it, or one could not have been in the set. Then none is removed.
    pub fn remove(&self, set: &Set, elements: &[Element]) -> Result<(), FirewallError> {
        self.commit(change::remove(&self.table, set, elements))
    }

    /// As [`change::replace`] says.
    ///
    /// # Errors
    /// When the kernel refuses it, or one does not belong into the set. Then all is as before.
    pub fn replace(&self, set: &Set, elements: &[Element]) -> Result<(), FirewallError> {
        self.commit(change::replace(&self.table, set, elements))
    }

    /// What is in a set, with the time that each has left, in no order.
    ///
    /// # Errors
    /// When the set is not there, is not made like `set`, or changes all the time.
    pub fn elements(&self, set: &Set) -> Result<Vec<Element>, FirewallError> {
        let mut question = Attributes::default();
        question.text(NFTA_SET_ELEM_LIST_TABLE, &self.table);
        question.text(NFTA_SET_ELEM_LIST_SET, &set.name);
        let subject = Subject::Set(set.name.clone());
        let entries = self.read(NFT_MSG_GETSETELEM, &question, &subject, Entries::take)?;
        let elements = entries.into_elements(set);
        elements.ok_or_else(|| FirewallError::Garbled(subject.to_string()))
    }

    /// What rules counted, in the order of chains and rules.
    ///
    /// # Errors
    /// When the rules cannot be read, or change all the time.
    pub fn counts(&self) -> Result<Vec<Count>, FirewallError> {
        let mut question = Attributes::default();
        question.text(NFTA_RULE_TABLE, &self.table);
        let subject = Subject::Table(self.table.clone());
        let take = |(rules, counts): &mut ((String, usize), Vec<Count>), answer: Reader<'_>| {
            if read::is_of(&self.table, answer) {
                counts.extend(read::count(answer, rules));
            }
        };
        let (_, counts) = self.read(NFT_MSG_GETRULE, &question, &subject, take)?;
        Ok(counts)
    }

    /// What named counters counted.
    ///
    /// # Errors
    /// When they cannot be read, or change all the time.
    pub fn named_counts(&self) -> Result<Vec<NamedCount>, FirewallError> {
        let question = self.counters();
        let subject = Subject::Table(self.table.clone());
        let take = |counts: &mut Vec<NamedCount>, answer: Reader<'_>| {
            if read::is_of(&self.table, answer) {
                counts.extend(read::named_count(answer));
            }
        };
        self.read(NFT_MSG_GETOBJ, &question, &subject, take)
    }

    fn read<T: Default>(
        &self,
        kind: u8,
        question: &Attributes,
        subject: &Subject,
        mut take: impl FnMut(&mut T, Reader<'_>),
    ) -> Result<T, FirewallError> {
        for _ in 0..READS_MAX {
            let mut all = T::default();
            let each = |answer: Reader<'_>| take(&mut all, answer);
            if self
                .netfilter
                .ask(kind, Asked::All, question, subject, each)?
            {
                return Ok(all);
            }
        }
        Err(FirewallError::KeepsChanging(READS_MAX))
    }

    fn read_one<T: Default>(
        &self,
        kind: u8,
        question: &Attributes,
        subject: &Subject,
        mut take: impl FnMut(&mut T, Reader<'_>),
    ) -> Result<T, FirewallError> {
        let mut one = T::default();
        let each = |answer: Reader<'_>| take(&mut one, answer);
        self.netfilter
            .ask(kind, Asked::One, question, subject, each)?;
        Ok(one)
    }

    fn commit(&self, batch: Result<Batch, RulesetError>) -> Result<(), FirewallError> {
        self.netfilter.commit(&batch?)
    }
}

/// How often something is read that changes while it is read.
const READS_MAX: usize = 100;
