//! Whether a call outside may begin: what is going on and what was spent (F3 to F5).
//!
//! It is asked twice. [`decide`](crate::decide()) asks it for the caller's sake, who is told at
//! once; [`may_begin`] asks it again when the trunk is about to be called, for a phone may have
//! rung for a minute in between, and a forward may have come up that somebody else pays.

use std::time::Duration;

use config::{Class, Extension, Money, Price, Site, Spend, Trunk};
use sansio::{Instant, UnixTime};

use crate::decision::{Outbound, Refusal};
use crate::meter::{Account, Periods};
use crate::usage::{Charge, Usage};

/// What the counters say, at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) site: &'a Site,
    pub(crate) usage: &'a Usage,
    pub(crate) now: UnixTime,
    pub(crate) at: Instant,
}

/// Whether a call that was decided earlier may begin now, on one of its trunks.
///
/// # Errors
/// The control that stops it. Nothing stops calls that always pass (F15).
pub fn may_begin(
    site: &Site,
    usage: &Usage,
    (now, at): (UnixTime, Instant),
    charge: &Charge,
) -> Result<(), Refusal> {
    let Some(class) = charge.class else {
        return Ok(());
    };
    let counted = Counted::new(site, usage, now, at);
    let payer = charge.payer.as_ref();
    if let Some(payer) = payer.and_then(|payer| site.extensions.get(payer)) {
        counted.at_country(charge.country.as_deref())?;
        counted.of_payer(payer, class, charge.price)?;
    } else {
        counted.of_box(class, charge.price)?;
    }
    match site.trunk(&charge.trunk) {
        Some(trunk) if counted.is_full(trunk) => Err(Refusal::NoTrunk),
        Some(trunk) if counted.is_used_up(trunk, charge.price) => Err(Refusal::SpendUsedUp),
        Some(_) | None => Ok(()),
    }
}

/// How long a call that runs may go on before a cap of minutes or of money is reached by it and by
/// the others that run (F5); `None`: no cap is on it.
#[must_use]
pub fn lasts(
    site: &Site,
    usage: &Usage,
    (now, at): (UnixTime, Instant),
    charge: &Charge,
) -> Option<Duration> {
    let counted = Counted::new(site, usage, now, at);
    let class = charge.class?;
    let minutes = counted
        .left(class)
        .and_then(|left| usage.spoken_lasts(class, left));
    let money = charge.accounts().filter_map(|account| {
        let left = counted.money_left(&account)?;
        usage.spent_lasts(&account, left)
    });
    money.chain(minutes).min()
}

impl<'a> Counted<'a> {
    pub(crate) const fn new(site: &'a Site, usage: &'a Usage, now: UnixTime, at: Instant) -> Self {
        Self {
            site,
            usage,
            now,
            at,
        }
    }

    /// All channels of a trunk are in use.
    pub(crate) fn is_full(&self, trunk: &Trunk) -> bool {
        self.usage.on_trunk(&trunk.name) >= trunk.channels_max
    }

    /// The money of a trunk does not pay for another call.
    pub(crate) fn is_used_up(&self, trunk: &Trunk, price: Price) -> bool {
        trunk.spend != Spend::default() && !self.pays(&Account::Trunk(trunk.name.clone()), price)
    }

    /// F3: calls at one time to one country abroad.
    pub(crate) fn at_country(&self, country: Option<&str>) -> Result<(), Refusal> {
        let limit = self.site.limits.per_country;
        match country {
            Some(country) if self.usage.to_country(country) >= limit => {
                Err(Refusal::TooManyToCountry)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// F3, F4 and F5: what is going on and what was spent.
    pub(crate) fn of_payer(
        &self,
        payer: &Extension,
        class: Class,
        price: Price,
    ) -> Result<(), Refusal> {
        let usage = self.usage;
        let limits = &payer.settings.limits;
        if usage.of_extension(&payer.number) >= usize::from(limits.concurrent) {
            return Err(Refusal::TooManyCalls);
        }
        if usage.is_too_fast(&payer.number, limits, self.at) {
            return Err(Refusal::TooFast);
        }
        self.of_box(class, price)?;
        if !self.pays(&Account::Extension(payer.number.clone()), price) {
            return Err(Refusal::OwnSpendUsedUp);
        }
        Ok(())
    }

    /// F3 and F5 of the whole box, whoever pays.
    pub(crate) fn of_box(&self, class: Class, price: Price) -> Result<(), Refusal> {
        if self.usage.outbound() >= calls_max(self.site) {
            return Err(Refusal::BoxBusy);
        }
        if self.left(class).is_some_and(|left| left.is_zero()) {
            return Err(Refusal::MinutesUsedUp);
        }
        if !self.pays(&Account::Box, price) {
            return Err(Refusal::SpendUsedUp);
        }
        Ok(())
    }

    /// What is left today of the minutes of a class; `None`: it is not capped.
    pub(crate) fn left(&self, class: Class) -> Option<Duration> {
        let minutes = self.site.limits.minutes_a_day.get(&class)?;
        let cap = Duration::from_secs(u64::from(*minutes) * 60);
        let spoken = self.usage.spoken(class, self.at, self.periods());
        Some(cap.saturating_sub(spoken))
    }

    /// What is left of an account's money, of whichever of its caps is nearest; `None`: it has
    /// none.
    pub(crate) fn money_left(&self, account: &Account) -> Option<Money> {
        let caps = match account {
            Account::Box => self.site.limits.spend,
            Account::Extension(number) => self.site.extensions.get(number)?.settings.spend,
            Account::Trunk(name) => self.site.trunk(name)?.spend,
        };
        if caps == Spend::default() {
            return None;
        }
        let spent = self.usage.spent(account, self.at, self.periods());
        let pairs = caps.caps().into_iter().zip(spent);
        let left = pairs.filter_map(|(cap, spent)| Some(Money(cap?.0.saturating_sub(spent.0))));
        left.min()
    }

    /// How long one more call at this price may last.
    pub(crate) fn affords(&self, account: &Account, price: Price) -> Option<Duration> {
        let left = self.money_left(account)?.0;
        let time = left.saturating_sub(Money::cents(price.setup).0);
        time.checked_div(price.minute.into())
            .map(Duration::from_millis)
    }

    /// There is money for a call that is worth while.
    fn pays(&self, account: &Account, price: Price) -> bool {
        let least = price.cost(WORTH_WHILE);
        price.is_free() || self.money_left(account).is_none_or(|left| left >= least)
    }

    fn periods(&self) -> Periods {
        Periods::of(self.site, self.now)
    }
}

impl Outbound {
    /// What the call is counted under on one of its trunks.
    #[must_use]
    pub fn charge(&self, trunk: &str) -> Charge {
        Charge {
            payer: self.payer.clone(),
            trunk: trunk.to_owned(),
            class: self.kind.class(),
            country: self.country.clone(),
            price: self.price,
        }
    }
}

/// What is too short to say anything: nobody is let in to be thrown out again at once.
const WORTH_WHILE: Duration = Duration::from_secs(10);

/// Outbound calls of a site at one time (F3): a share of the channels, so that calls still come in,
/// and at least one where there is a trunk at all.
pub(crate) fn calls_max(site: &Site) -> usize {
    let enabled = site.trunks.iter().filter(|trunk| trunk.enabled);
    let channels: usize = enabled.map(|trunk| trunk.channels_max).sum();
    (channels * usize::from(site.limits.outbound_percent) / 100).max(channels.min(1))
}
