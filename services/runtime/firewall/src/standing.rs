//! What a table has in the kernel: what a new ruleset takes the place of.

use crate::attribute::Reader;
use crate::read;
use crate::ruleset::{Base, ChainKind, Hook, Policy};
use crate::uapi::{
    NFTA_CHAIN_HOOK, NFTA_CHAIN_NAME, NFTA_CHAIN_POLICY, NFTA_CHAIN_TYPE, NFTA_GEN_ID,
    NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY, NFTA_OBJ_NAME, NFTA_SET_NAME,
};

/// The names of what stands in a table, and when it was read.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Standing {
    /// The kernel's number for all its rules at that time; it takes no change that is made for
    /// another. Without one, it is not asked.
    pub generation: Option<u32>,
    /// Sets.
    pub sets: Vec<String>,
    /// Named counters.
    pub counters: Vec<String>,
    /// Chains, and where they are hooked. One that is hooked where none of ours can be stands
    /// without a hook here, and so is made anew.
    pub chains: Vec<(String, Option<Base>)>,
}

impl Standing {
    pub(crate) fn take_generation(&mut self, answer: Reader<'_>) {
        self.generation = answer.find_u32(NFTA_GEN_ID);
    }

    pub(crate) fn take_set(&mut self, table: &str, answer: Reader<'_>) {
        if read::is_of(table, answer) {
            let name = answer.find_text(NFTA_SET_NAME);
            self.sets.extend(name.map(str::to_owned));
        }
    }

    pub(crate) fn take_counter(&mut self, table: &str, answer: Reader<'_>) {
        if read::is_of(table, answer) {
            let name = answer.find_text(NFTA_OBJ_NAME);
            self.counters.extend(name.map(str::to_owned));
        }
    }

    pub(crate) fn take_chain(&mut self, table: &str, answer: Reader<'_>) {
        if read::is_of(table, answer) {
            let name = answer.find_text(NFTA_CHAIN_NAME);
            let base = base(answer);
            self.chains.extend(name.map(|name| (name.to_owned(), base)));
        }
    }
}

fn base(answer: Reader<'_>) -> Option<Base> {
    let hook = answer.inside(NFTA_CHAIN_HOOK)?;
    let number = hook.find_u32(NFTA_HOOK_HOOKNUM)?;
    let name = answer.find_text(NFTA_CHAIN_TYPE)?;
    let policy = answer.find_u32(NFTA_CHAIN_POLICY)?;
    Some(Base {
        kind: ChainKind::ALL.into_iter().find(|it| it.name() == name)?,
        hook: Hook::ALL.into_iter().find(|it| it.number() == number)?,
        priority: hook.find_u32(NFTA_HOOK_PRIORITY)?.cast_signed(),
        policy: Policy::ALL.into_iter().find(|it| it.number() == policy)?,
    })
}
