//! Whether a call outside may begin: what is going on and what was spent (F3 to F5).
//!
//! It is asked twice. [`decide`](crate::decide()) asks it for the caller's sake, who is told at
//! once; [`may_begin`] asks it again when the trunk is about to be called, for a phone may have
//! rung for a minute in between, and a forward may have come up that somebody else pays.

use std::time::Duration;

use config::{Class, Extension, Site, Trunk};
use sansio::{Instant, UnixTime};

use crate::decision::{Outbound, Refusal};
use crate::usage::{Charge, Usage, day};

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
    let counted = Counted {
        site,
        usage,
        now,
        at,
    };
    let payer = charge.payer.as_ref();
    if let Some(payer) = payer.and_then(|payer| site.extensions.get(payer)) {
        counted.at_country(charge.country.as_deref())?;
        counted.of_payer(payer, class)?;
    }
    match site.trunk(&charge.trunk) {
        Some(trunk) if counted.is_full(trunk) => Err(Refusal::NoTrunk),
        Some(_) | None => Ok(()),
    }
}

impl Counted<'_> {
    /// All channels of a trunk are in use.
    pub(crate) fn is_full(&self, trunk: &Trunk) -> bool {
        self.usage.on_trunk(&trunk.name) >= trunk.channels_max
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
    pub(crate) fn of_payer(&self, payer: &Extension, class: Class) -> Result<(), Refusal> {
        let usage = self.usage;
        let limits = &payer.settings.limits;
        if usage.of_extension(&payer.number) >= usize::from(limits.concurrent) {
            return Err(Refusal::TooManyCalls);
        }
        if usage.is_too_fast(&payer.number, limits, self.at) {
            return Err(Refusal::TooFast);
        }
        if usage.outbound() >= calls_max(self.site) {
            return Err(Refusal::BoxBusy);
        }
        if self.left(class).is_some_and(|left| left.is_zero()) {
            return Err(Refusal::MinutesUsedUp);
        }
        Ok(())
    }

    /// What is left today of the minutes of a class; `None`: it is not capped.
    pub(crate) fn left(&self, class: Class) -> Option<Duration> {
        let minutes = self.site.limits.minutes_a_day.get(&class)?;
        let cap = Duration::from_secs(u64::from(*minutes) * 60);
        let today = day(self.site, self.now);
        let spoken = self.usage.spoken(class, self.at, today);
        Some(cap.saturating_sub(spoken))
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
        }
    }
}

/// Outbound calls of a site at one time (F3): a share of the channels, so that calls still come in,
/// and at least one where there is a trunk at all.
pub(crate) fn calls_max(site: &Site) -> usize {
    let enabled = site.trunks.iter().filter(|trunk| trunk.enabled);
    let channels: usize = enabled.map(|trunk| trunk.channels_max).sum();
    (channels * usize::from(site.limits.outbound_percent) / 100).max(channels.min(1))
}
