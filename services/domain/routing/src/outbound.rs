//! Calls to the outside: which trunk, in which form, and whether they may be made at all.

use std::time::Duration;

use config::{Class, Destination, Extension, Phone, Price, Route, Site, Trunk, rewritten};

use crate::admission::Counted;
use crate::decide::Search;
use crate::decision::{
    Attempt, CallerId, Outbound, Outcome, Plan, Refusal, Stage, Step, TrunkVerdict,
};
use crate::meter::Account;
use crate::numbering::{self, Kind, Number};

impl Search<'_> {
    /// An emergency call goes out whatever anybody set (F15): by the trunks of the route for just
    /// this number, else by those named for it, else by every trunk there is.
    pub(crate) fn emergency(&mut self, number: &str) -> Outcome {
        self.note(|| Step::Emergency(number.to_owned()));
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
        // A free channel first: on a full trunk somebody else's call has to end.
        let full = |name: &str| {
            site.trunk(name)
                .is_some_and(|it| self.counted().is_full(it))
        };
        attempts.sort_by_key(|attempt| full(&attempt.trunk));
        let outbound = Outbound {
            attempts,
            payer: self.payer.map(|payer| payer.number.clone()),
            kind: Kind::Emergency,
            country: None,
            price: Price::default(),
            duration_max: None,
            diverted: Vec::new(),
            recorded: route.is_some_and(|route| route.record),
        };
        Outcome::Hunt(Plan {
            stages: vec![Stage::Trunks(outbound)],
            pin: false,
            spent: false,
            withheld: self.withheld,
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
        self.note(|| Step::Read {
            number: meant.dialled.clone(),
            kind: meant.kind,
            e164: meant.e164.clone(),
        });
        let price = price(site, &meant);
        if !price.is_free() {
            self.note(|| Step::Price(price));
        }
        if let Err(refusal) = self.permitted(route, &meant, price) {
            self.note(|| Step::Refused(refusal));
            return self.refuse(refusal);
        }
        let caller_id = self.caller_id(route.rewrite.caller_id.as_ref());
        let mut attempts = Vec::new();
        for trunk in names.iter().filter_map(|name| site.trunk(name)) {
            let verdict = if !trunk.enabled {
                TrunkVerdict::Disabled
            } else if meant.kind.class().is_some() && self.counted().is_full(trunk) {
                TrunkVerdict::Full
            } else if self.counted().is_used_up(trunk, price) {
                TrunkVerdict::UsedUp
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
            duration_max: self.duration_max(meant.kind, price),
            price,
            kind: meant.kind,
            country: meant.country,
            diverted: self.diverted.clone(),
            recorded: self.recorded,
        }));
    }

    fn looked_at(&mut self, trunk: &Trunk, verdict: TrunkVerdict) {
        self.note(|| Step::Trunk {
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

    fn permitted(&mut self, route: &Route, number: &Number, price: Price) -> Result<(), Refusal> {
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
        match self.counted().of_payer(payer, class, price) {
            // The PIN of the extension lets it go on (F5), where there is somebody to enter it.
            Err(Refusal::OwnSpendUsedUp) if self.can_enter_pin() => {
                self.ask_pin();
                self.spent = true;
                Ok(())
            }
            other => other,
        }
    }

    /// F2, F3 and F6: what is asked of calls abroad only.
    fn abroad(&self, payer: &Extension, number: &Number) -> Result<(), Refusal> {
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
        self.counted().at_country(Some(country))
    }

    fn counted(&self) -> Counted<'_> {
        let query = self.query;
        Counted::new(self.site, query.usage, query.now, query.at)
    }

    /// A call is ended when its own time is over, or what is left of minutes and money (F8, F5).
    fn duration_max(&self, kind: Kind, price: Price) -> Option<Duration> {
        let class = kind.class()?;
        let own = self
            .payer
            .map_or(PASSED_ON_MAX, |it| it.settings.duration_max);
        let counted = self.counted();
        let payer = self.payer.map(|it| Account::Extension(it.number.clone()));
        // Whoever has spent all enters his PIN first, and may then spend as much again.
        let payer = payer.filter(|_| !self.spent);
        let accounts = [Account::Box].into_iter().chain(payer);
        let money = accounts.filter_map(|account| counted.affords(&account, price));
        money.chain(counted.left(class)).chain([own]).min()
    }
}

/// What a number costs. Calls that the other side pays, or nobody, cost nothing.
fn price(site: &Site, number: &Number) -> Price {
    let free = matches!(number.kind, Kind::TollFree | Kind::Collect | Kind::Private);
    match number.kind.class().filter(|_| !free) {
        Some(class) => {
            let (e164, dialled) = (number.e164.as_deref(), number.dialled.as_str());
            site.limits.tariffs.price(class, e164, dialled)
        }
        None => Price::default(),
    }
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
        | Destination::Announcement(_)
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
