//! Money and minutes spent are handed to the store, so that pulling the plug forgives nothing.
//!
//! A crash of this process loses nothing: every change is in the checkpoints. A power cut may cost
//! the last minute, for a write wears the flash: changes wait that long, and calls that cost
//! nothing change nothing.

use std::time::Duration;

use config::{Class, Money};
use ipc::pbx::{Payer, Spending};
use ipc::store::Spent;
use routing::{Account, Charge, Periods, UsageState};
use sansio::Instant;

use super::alarms::Alarm;
use super::limits::periods;
use super::{Calls, Tools};
use crate::core::Core;
use crate::interface::Output;

/// What a power cut may forgive.
const DELAY: Duration = Duration::from_secs(60);

/// What is not in the store yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Keeping {
    /// Since when something waits, and until when it may.
    due: Option<Instant>,
    /// What was spent before is known: before that, writing would forget it.
    known: bool,
}

impl Keeping {
    /// What was spent before this process is counted.
    pub(super) const fn is_known(self) -> bool {
        self.known
    }
}

impl Calls {
    /// A call spent something, if it is one that costs money or minutes.
    pub(super) fn spent_by(&mut self, tools: &Tools<'_>, charge: &Charge) {
        if spends(tools.core, charge) {
            self.spent_changed(tools);
        }
    }

    /// Something of what was spent is to outlive a power cut.
    pub(super) fn spent_changed(&mut self, tools: &Tools<'_>) {
        let due = tools.core.now + DELAY;
        let due = *self.spent.due.get_or_insert(due);
        self.alarms.set(Alarm::Spent, Some(due));
    }

    /// The checkpoints of an earlier process were found: they are newer than the store.
    pub(super) fn spent_is_known(&mut self, tools: &Tools<'_>) {
        self.spent.known = true;
        self.spent_changed(tools);
    }

    /// Hands over what was spent when its time has come, or the process ends.
    pub(crate) fn save_spent(&mut self, tools: &mut Tools<'_>) {
        let (now, stopping) = (tools.core.now, tools.core.stopping);
        let due = self.spent.due.is_some_and(|due| due <= now || stopping);
        if due && self.spent.known {
            self.spent.due = None;
            self.alarms.set(Alarm::Spent, None);
            let state = self.usage.state(now);
            tools.core.emit(Output::PersistSpent(to_keep(state)));
        }
    }

    /// What was spent before a power cut counts on, unless this process knows better.
    pub(crate) fn take_back_spent(&mut self, tools: &mut Tools<'_>, spent: &Spent) {
        let known = std::mem::replace(&mut self.spent.known, true);
        if known || *spent == Spent::default() {
            return;
        }
        self.usage.take_back(&kept(spent), tools.core.now);
        self.usage_changed = true;
    }
}

impl Calls {
    /// Money spent, for people.
    pub(crate) fn spending(&self, core: &Core) -> Vec<Spending> {
        let spenders = self.usage.spenders(core.now, periods(core));
        let spending = spenders.map(|(account, spent)| Spending {
            payer: match account {
                Account::Box => Payer::Box,
                Account::Trunk(name) => Payer::Trunk(name.clone()),
                Account::Extension(number) => Payer::Extension(number.to_string()),
            },
            cents: spent.map(Money::as_cents),
        });
        spending.collect()
    }

    /// Minutes spoken today, for people.
    pub(crate) fn minutes(&self, core: &Core) -> Vec<(Class, u64)> {
        let spoken = |class| {
            let spoken = self.usage.spoken(class, core.now, periods(core));
            (class, spoken.as_secs().div_ceil(60))
        };
        let all = Class::ALL.into_iter().map(spoken);
        all.filter(|(_, minutes)| *minutes > 0).collect()
    }
}

/// Whether a call costs money, or minutes that are capped.
pub(super) fn spends(core: &Core, charge: &Charge) -> bool {
    let capped = |class| {
        let site = core.site.as_ref();
        site.is_some_and(|(_, site)| site.limits.minutes_a_day.contains_key(&class))
    };
    !charge.price.is_free() || charge.class.is_some_and(capped)
}

fn to_keep(state: UsageState) -> Spent {
    let (of_box, extensions, trunks) = state.spent;
    Spent {
        periods: state.periods.numbers(),
        spoken: state.spoken,
        of_box: of_box.unwrap_or_default(),
        extensions,
        trunks,
        resumed: state.resumed,
    }
}

fn kept(spent: &Spent) -> UsageState {
    UsageState {
        periods: Periods::of_numbers(spent.periods),
        spoken: spent.spoken.clone(),
        spent: (
            Some(spent.of_box),
            spent.extensions.clone(),
            spent.trunks.clone(),
        ),
        resumed: spent.resumed.clone(),
        attempts: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
