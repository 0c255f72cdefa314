//! Calls to the outside: which trunk, in which form, and whether they may be made at all.

use std::time::Duration;

use config::{Class, Destination, Extension, Phone, Route, Trunk, rewritten};

use crate::decide::Search;
use crate::decision::{
    Attempt, CallerId, Outbound, Outcome, Plan, Refusal, Stage, Step, TrunkVerdict,
};
use crate::numbering::{self, Kind, Number};
use crate::usage::day;

impl Search<'_> {
    /// An emergency call goes out whatever anybody set (F15): by the trunks of the route for just
    /// this number, else by those named for it, else by every trunk there is.
    pub(crate) fn emergency(&mut self, number: &str) -> Outcome {
        self.steps.push(Step::Emergency(number.to_owned()));
        let site = self.site;
        let exact =
            |route: &&Route| route.enabled && route.pattern.exact().as_deref() == Some(number);
        let route = site.routes.iter().find(exact);
        let mut names: Vec<&str> = route.map(trunks_of).unwrap_or_default();
        let mut sent = number.to_owned();
        if let Some(route) = route.filter(|_| !names.is_empty()) {
            sent = rewritten(number, route.rewrite.strip, &route.rewrite.prefix);
        } else if site.dialling.emergency_trunks.is_empty() {
            names = site
                .trunks
                .iter()
                .map(|trunk| trunk.name.as_str())
                .collect();
        } else {
            let named = site.dialling.emergency_trunks.iter();
            names = named.map(String::as_str).collect();
        }
        let caller_id = self.caller_id(None);
        let mut attempts = Vec::new();
        for trunk in names.iter().filter_map(|name| site.trunk(name)) {
            let verdict = if trunk.enabled {
                attempts.push(Attempt {
                    trunk: trunk.name.clone(),
                    number: sent.clone(),
                    caller_id: caller_id.clone(),
                });
                TrunkVerdict::Tried(sent.clone())
            } else {
                TrunkVerdict::Disabled
            };
            self.looked_at(trunk, verdict);
        }
        if attempts.is_empty() {
            return Outcome::Refused(Refusal::NoTrunk);
        }
        let outbound = Outbound {
            attempts,
            payer: self.payer.map(|payer| payer.number.clone()),
            kind: Kind::Emergency,
            country: None,
            duration_max: None,
            diverted: Vec::new(),
        };
        Outcome::Hunt(Plan {
            stages: vec![Stage::Trunks(outbound)],
            pin: false,
            emergency: true,
        })
    }

    /// Adds a number outside, by the first of these trunks that takes it.
    pub(crate) fn outbound(&mut self, route: &Route, dialled: &str, number: &str, names: &[&str]) {
        let site = self.site;
        let sent = numbering::read(&site.dialling, number);
        // What a route adds for its trunk is of no public plan; then what was dialled counts.
        let meant = match sent.kind {
            Kind::Unknown => numbering::read(&site.dialling, dialled),
            Kind::Emergency
            | Kind::Service
            | Kind::Private
            | Kind::TollFree
            | Kind::Collect
            | Kind::Local
            | Kind::National
            | Kind::Mobile
            | Kind::Premium
            | Kind::International => sent.clone(),
        };
        self.steps.push(Step::Read {
            number: meant.dialled.clone(),
            kind: meant.kind,
            e164: meant.e164.clone(),
        });
        if let Err(refusal) = self.permitted(route, &meant) {
            self.steps.push(Step::Refused(refusal));
            return self.refuse(refusal);
        }
        let caller_id = self.caller_id(route.rewrite.caller_id.as_ref());
        let mut attempts = Vec::new();
        for trunk in names.iter().filter_map(|name| site.trunk(name)) {
            let used = self.query.usage.on_trunk(&trunk.name);
            let verdict = if !trunk.enabled {
                TrunkVerdict::Disabled
            } else if used >= trunk.channels_max && meant.kind.class().is_some() {
                TrunkVerdict::Full
            } else {
                let number = numbering::written(&site.dialling, &sent, trunk.number_form);
                attempts.push(Attempt {
                    trunk: trunk.name.clone(),
                    number: number.clone(),
                    caller_id: caller_id.clone(),
                });
                TrunkVerdict::Tried(number)
            };
            self.looked_at(trunk, verdict);
        }
        if attempts.is_empty() {
            return self.refuse(Refusal::NoTrunk);
        }
        self.stages.push(Stage::Trunks(Outbound {
            attempts,
            payer: self.payer.map(|payer| payer.number.clone()),
            duration_max: self.duration_max(meant.kind),
            kind: meant.kind,
            country: meant.country,
            diverted: self.diverted.clone(),
        }));
    }

    fn looked_at(&mut self, trunk: &Trunk, verdict: TrunkVerdict) {
        self.steps.push(Step::Trunk {
            name: trunk.name.clone(),
            verdict,
        });
    }

    /// One of the site's own numbers, or none (F12).
    fn caller_id(&self, by_route: Option<&Phone>) -> CallerId {
        let own = self
            .payer
            .and_then(|payer| payer.settings.caller_id.as_ref());
        let main = self.site.dialling.owned_numbers.first();
        CallerId {
            number: by_route.or(own).or(main).cloned(),
            withheld: self.withheld,
        }
    }

    fn permitted(&self, route: &Route, number: &Number) -> Result<(), Refusal> {
        let Some(payer) = self.payer else {
            return passed_on(route, number.kind);
        };
        let Some(class) = number.kind.class() else {
            return Ok(());
        };
        if !payer.settings.classes.contains(&class) {
            return Err(Refusal::ClassNotAllowed);
        }
        if class == Class::International {
            self.abroad(payer, number)?;
        }
        self.counted(payer, class)
    }

    /// F2, F3 and F6: what is asked of calls abroad only.
    fn abroad(&self, payer: &Extension, number: &Number) -> Result<(), Refusal> {
        let limits = &self.site.limits;
        let country = number
            .country
            .as_deref()
            .ok_or(Refusal::CountryNotAllowed)?;
        if !self.site.dialling.may_call(country) {
            return Err(Refusal::CountryNotAllowed);
        }
        if !self.site.is_office_time(self.query.now) && !payer.settings.off_hours {
            return Err(Refusal::OutsideOfficeHours);
        }
        if self.query.usage.to_country(country) >= limits.per_country {
            return Err(Refusal::TooManyToCountry);
        }
        Ok(())
    }

    /// F3, F4 and F5: what is going on and what was spent.
    fn counted(&self, payer: &Extension, class: Class) -> Result<(), Refusal> {
        let usage = self.query.usage;
        let limits = &payer.settings.limits;
        if usage.of_extension(&payer.number) >= usize::from(limits.concurrent) {
            return Err(Refusal::TooManyCalls);
        }
        if usage.is_too_fast(&payer.number, limits, self.query.at) {
            return Err(Refusal::TooFast);
        }
        if usage.outbound() >= self.site_calls_max() {
            return Err(Refusal::BoxBusy);
        }
        if self.left(class).is_some_and(|left| left.is_zero()) {
            return Err(Refusal::MinutesUsedUp);
        }
        Ok(())
    }

    /// Outbound calls of the box at one time: a share of the channels, so that calls still come in.
    fn site_calls_max(&self) -> usize {
        calls_max(self.site)
    }

    /// What is left today of the minutes of a class; `None`: it is not capped.
    fn left(&self, class: Class) -> Option<Duration> {
        let minutes = self.site.limits.minutes_a_day.get(&class)?;
        let cap = Duration::from_secs(u64::from(*minutes) * 60);
        let today = day(self.site, self.query.now);
        let spoken = self.query.usage.spoken(class, self.query.at, today);
        Some(cap.saturating_sub(spoken))
    }

    /// A call is ended when its own time or the minutes of its class are over (F8, F5).
    fn duration_max(&self, kind: Kind) -> Option<Duration> {
        let class = kind.class()?;
        let own = self
            .payer
            .map_or(PASSED_ON_MAX, |it| it.settings.duration_max);
        Some(self.left(class).map_or(own, |left| left.min(own)))
    }
}

/// Outbound calls of a site at one time (F3): at least one, where there is a trunk at all.
pub(crate) fn calls_max(site: &config::Site) -> usize {
    let enabled = site.trunks.iter().filter(|trunk| trunk.enabled);
    let channels: usize = enabled.map(|trunk| trunk.channels_max).sum();
    (channels * usize::from(site.limits.outbound_percent) / 100).max(channels.min(1))
}

/// The trunks a route leads to, in order.
pub(crate) fn trunks_of(route: &Route) -> Vec<&str> {
    route.destinations.iter().filter_map(trunk_of).collect()
}

/// The trunk a destination is, if it is one.
pub(crate) fn trunk_of(destination: &Destination) -> Option<&str> {
    match destination {
        Destination::Trunk(name) => Some(name),
        Destination::Extension(_)
        | Destination::Group(_)
        | Destination::Number(_)
        | Destination::Park
        | Destination::HangUp(_) => None,
    }
}

/// A call from one trunk to another: only where a route says that it is for calls of trunks, and
/// never to numbers that cost a lot (F11).
fn passed_on(route: &Route, kind: Kind) -> Result<(), Refusal> {
    let dear = matches!(kind.class(), Some(Class::Premium | Class::International));
    if route.sources.is_empty() || dear {
        return Err(Refusal::NotPassedOn);
    }
    Ok(())
}

/// Longest call from trunk to trunk: what an extension is allowed when nobody says otherwise.
const PASSED_ON_MAX: Duration = Duration::from_secs(2 * 3_600);
