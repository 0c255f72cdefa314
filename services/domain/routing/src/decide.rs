//! The decision itself.

use std::time::Duration;

use config::{
    Destination, Extension, Feature, Group, Number, Route, Site, Source, Strategy, is_dialled,
    rewritten,
};
use sansio::{Instant, UnixTime};

use crate::decision::{Decision, Outcome, Plan, Refusal, Ring, RouteVerdict, Stage, Step};
use crate::numbering;
use crate::outbound::trunk_of;
use crate::usage::Usage;

/// A question: where does this number lead?
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Who calls.
    pub who: Who<'a>,
    /// The number as dialled; visual separators are let go (RFC 3966 §5.1.1).
    pub dialled: &'a str,
    /// The wall clock, for time conditions and days.
    pub now: UnixTime,
    /// The clock that counts, for rates.
    pub at: Instant,
    /// What is going on.
    pub usage: &'a Usage,
    /// Why it is asked.
    pub cause: Cause<'a>,
}

/// Who calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who<'a> {
    /// An extension.
    Extension(&'a str),
    /// A call that came in by this trunk.
    Trunk(&'a str),
}

/// Why a number is looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause<'a> {
    /// The caller dialled it.
    Dialled,
    /// This extension transfers the caller there, at its own permission (F11).
    Transferred(&'a str),
    /// The last of these extensions forwards the caller there, at its own permission (F11); the
    /// ones before it forwarded to it.
    Forwarded(&'a [Number]),
}

/// Where a number leads.
#[must_use]
pub fn decide(site: &Site, query: &Query<'_>) -> Outcome {
    Search::new(site, query, None).run()
}

/// Where a number leads and why: [`decide`], with everything written down that it looked at.
#[must_use]
pub fn explain(site: &Site, query: &Query<'_>) -> Decision {
    let mut search = Search::new(site, query, Some(Vec::new()));
    let outcome = search.run();
    Decision {
        steps: search.trace.unwrap_or_default(),
        outcome,
    }
}

/// A decision on its way.
pub(crate) struct Search<'a> {
    pub(crate) site: &'a Site,
    pub(crate) query: &'a Query<'a>,
    /// The extension whose permission counts; `None`: the call goes from trunk to trunk.
    pub(crate) payer: Option<&'a Extension>,
    /// What was looked at, when somebody wants to know: a call does not.
    pub(crate) trace: Option<Vec<Step>>,
    pub(crate) stages: Vec<Stage>,
    /// Why a way was not taken; told when no other is left.
    pub(crate) refusal: Option<Refusal>,
    /// Extensions that forwarded the call, first one first.
    pub(crate) diverted: Vec<Number>,
    pub(crate) withheld: bool,
    pub(crate) pin: bool,
    /// A route on the way here records its calls.
    pub(crate) recorded: bool,
    /// Whoever had last to do with the caller's number is called back.
    pub(crate) calls_back: bool,
    /// The PIN lets the payer spend as much again.
    pub(crate) spent: bool,
    /// How often a number led to another one.
    turns: usize,
}

impl<'a> Search<'a> {
    fn new(site: &'a Site, query: &'a Query<'a>, trace: Option<Vec<Step>>) -> Self {
        let payer = match (query.cause, query.who) {
            (Cause::Transferred(by), _) => Some(by),
            (Cause::Forwarded(by), _) => by.last().map(Number::as_str),
            (Cause::Dialled, Who::Extension(number)) => Some(number),
            (Cause::Dialled, Who::Trunk(_)) => None,
        };
        let diverted = match query.cause {
            Cause::Forwarded(by) => by.to_vec(),
            Cause::Dialled | Cause::Transferred(_) => Vec::new(),
        };
        Self {
            site,
            query,
            payer: payer.and_then(|number| site.extension(number)),
            trace,
            stages: Vec::new(),
            refusal: None,
            diverted,
            withheld: false,
            pin: false,
            recorded: false,
            calls_back: false,
            spent: false,
            turns: 0,
        }
    }

    fn run(&mut self) -> Outcome {
        let dialled: String = self
            .query
            .dialled
            .chars()
            .filter(|sign| !VISUAL_SEPARATORS.contains(sign))
            .collect();
        let outcome = self.begin(&dialled);
        if let Outcome::Refused(refusal) = outcome {
            self.note(|| Step::Refused(refusal));
        }
        outcome
    }

    pub(crate) fn note(&mut self, step: impl FnOnce() -> Step) {
        if let Some(trace) = &mut self.trace {
            trace.push(step());
        }
    }

    fn begin(&mut self, dialled: &str) -> Outcome {
        let known = match (self.query.cause, self.query.who) {
            (Cause::Dialled, Who::Trunk(name)) => self.site.trunk(name).is_some(),
            (Cause::Dialled | Cause::Transferred(_) | Cause::Forwarded(_), _) => {
                self.payer.is_some()
            }
        };
        if !known {
            return Outcome::Refused(Refusal::UnknownCaller);
        }
        if !is_dialled(dialled) {
            return Outcome::Refused(Refusal::NotDialable);
        }
        if self.payer.is_none() {
            self.look_up(dialled);
            return self.finish();
        }
        if let Some(number) = numbering::emergency(&self.site.dialling, dialled) {
            return self.emergency(number);
        }
        match self.site.features.find(dialled) {
            Some((Feature::Withhold, rest)) => {
                self.note(|| Step::Withheld);
                self.withheld = true;
                if let Some(number) = numbering::emergency(&self.site.dialling, rest) {
                    return self.emergency(number);
                }
                self.look_up(rest);
                self.finish()
            }
            Some((feature, argument)) => self.feature(feature, argument),
            None => {
                let slot = self.site.parking.slots.iter();
                let mut slot = slot.filter(|slot| slot.as_str() == dialled);
                if let Some(slot) = slot.next() {
                    self.note(|| Step::Slot(slot.clone()));
                    return Outcome::Retrieve(slot.clone());
                }
                self.look_up(dialled);
                self.finish()
            }
        }
    }

    fn finish(&mut self) -> Outcome {
        if !self.leads_somewhere() {
            let refusal = self.refusal.unwrap_or(Refusal::NoRoute);
            if self.stages.is_empty() {
                return Outcome::Refused(refusal);
            }
            // Whoever is called back may answer; then the call ends as it would without him.
            self.note(|| Step::Refused(refusal));
            self.stages.push(Stage::Refused(refusal));
        }
        match self.stages.as_mut_slice() {
            [Stage::HangUp(status)] => return Outcome::Refused(Refusal::ByRoute(*status)),
            [Stage::CallBack { .. }, last @ Stage::HangUp(_)] => {
                if let Stage::HangUp(status) = *last {
                    *last = Stage::Refused(Refusal::ByRoute(status));
                }
            }
            _ => {}
        }
        Outcome::Hunt(Plan {
            stages: std::mem::take(&mut self.stages),
            pin: self.pin,
            spent: self.spent,
            withheld: self.withheld,
            emergency: false,
        })
    }

    /// Nobody sets a forward that he could not dial (F11); whether a forward may be followed is
    /// asked again at every call.
    fn feature(&mut self, feature: Feature, argument: &str) -> Outcome {
        self.note(|| Step::Feature(feature));
        // Who is transferred or forwarded did not dial the code: it must not change his settings.
        let dialled = match self.query.cause {
            Cause::Dialled => true,
            Cause::Transferred(_) => feature == Feature::Park,
            Cause::Forwarded(_) => false,
        };
        if !dialled {
            return Outcome::Refused(Refusal::NoRoute);
        }
        let forwards = match feature {
            Feature::ForwardAlways | Feature::ForwardBusy | Feature::ForwardNoAnswer => true,
            Feature::Pickup
            | Feature::PickupOf
            | Feature::ForwardAlwaysOff
            | Feature::ForwardBusyOff
            | Feature::ForwardNoAnswerOff
            | Feature::DoNotDisturb
            | Feature::DoNotDisturbOff
            | Feature::Park
            | Feature::ThreeWay
            | Feature::Withhold
            | Feature::Record
            | Feature::RecordPrompt => false,
        };
        if forwards {
            let emergency = numbering::emergency(&self.site.dialling, argument).is_some();
            let code = self.site.features.find(argument).is_some();
            if emergency || code {
                return Outcome::Refused(Refusal::NoRoute);
            }
            self.look_up(argument);
            if self.stages.is_empty() {
                return Outcome::Refused(self.refusal.unwrap_or(Refusal::NoRoute));
            }
            // A call that is forwarded has nobody who could enter it.
            if self.pin {
                return Outcome::Refused(Refusal::NoPin);
            }
        }
        if feature == Feature::PickupOf && self.site.extension(argument).is_none() {
            return Outcome::Refused(Refusal::NoRoute);
        }
        Outcome::Feature {
            feature,
            argument: argument.to_owned(),
        }
    }

    /// Adds the stages a number leads to.
    pub(crate) fn look_up(&mut self, dialled: &str) {
        // Who comes from outside reaches what a route gives him, and no more.
        let inside = self.payer.is_some() || self.turns > 0;
        if let Some(extension) = self.site.extension(dialled).filter(|_| inside) {
            self.extension(extension);
            return;
        }
        if let Some(group) = self.site.groups.get(dialled).filter(|_| inside) {
            self.group(group);
            return;
        }
        let site = self.site;
        for (index, route) in site.routes.iter().enumerate() {
            let verdict = self.ask(route, dialled);
            let taken = verdict == RouteVerdict::Taken;
            self.note(|| Step::Route {
                index,
                name: route.name.clone(),
                verdict,
            });
            if taken {
                self.take(route, dialled);
                return;
            }
        }
        self.refuse(Refusal::NoRoute);
    }

    fn ask(&self, route: &Route, dialled: &str) -> RouteVerdict {
        if !route.enabled {
            return RouteVerdict::Disabled;
        }
        if !route.pattern.matches(dialled) {
            return RouteVerdict::OtherNumber;
        }
        let fits = |source: &Source| self.is_source(source);
        if !route.sources.is_empty() && !route.sources.iter().any(fits) {
            return RouteVerdict::OtherCaller;
        }
        let Some(name) = &route.times else {
            return RouteVerdict::Taken;
        };
        let times = self.site.times.get(name);
        if times.is_some_and(|times| times.holds(self.query.now)) {
            RouteVerdict::Taken
        } else {
            RouteVerdict::OtherTime(name.clone())
        }
    }

    /// Whose permission counts is who the call comes from: a call that an extension forwards or
    /// transfers takes the routes of that extension.
    fn is_source(&self, source: &Source) -> bool {
        match (source, self.payer) {
            (Source::Extensions, payer) => payer.is_some(),
            (Source::Extension(number), Some(payer)) => payer.number == *number,
            (Source::Group(number), Some(payer)) => {
                self.site.groups.get(number).is_some_and(|group| {
                    group.members.iter().any(|it| it.extension == payer.number)
                })
            }
            (Source::Trunks, None) => true,
            (Source::Trunk(name), None) => self.query.who == Who::Trunk(name),
            (Source::Trunks | Source::Trunk(_), Some(_))
            | (Source::Extension(_) | Source::Group(_), None) => false,
        }
    }

    fn take(&mut self, route: &Route, dialled: &str) {
        let number = rewritten(dialled, route.rewrite.strip, &route.rewrite.prefix);
        if number != dialled {
            self.note(|| Step::Rewritten {
                from: dialled.to_owned(),
                to: number.clone(),
            });
        }
        if route.pin {
            if !self.can_enter_pin() {
                return self.refuse(Refusal::NoPin);
            }
            self.ask_pin();
        }
        let before = self.recorded;
        if route.record && !before {
            self.note(|| Step::Recorded);
            self.recorded = true;
        }
        let call_back = self.call_back(route);
        let start = self.stages.len();
        let mut rest = route.destinations.as_slice();
        while let Some((first, others)) = rest.split_first() {
            // Trunks next to each other are one way out, each for when the one before fails.
            let trunks: Vec<&str> = rest.iter().map_while(trunk_of).collect();
            if trunks.is_empty() {
                self.destination(first, &number);
                rest = others;
            } else {
                self.outbound(route, dialled, &number, &trunks);
                rest = rest.get(trunks.len()..).unwrap_or_default();
            }
        }
        if let Some(call_back) = call_back {
            self.put_call_back(start, call_back);
        }
        self.recorded = before;
    }

    pub(crate) fn ask_pin(&mut self) {
        if !self.pin {
            self.note(|| Step::Pin);
            self.pin = true;
        }
    }

    /// Whose permission counts has a PIN, and is the one who calls: nobody else is asked for it.
    pub(crate) fn can_enter_pin(&self) -> bool {
        self.payer.is_some_and(|payer| {
            let calls = self.query.who == Who::Extension(payer.number.as_str());
            calls && payer.settings.pin_hash.is_some()
        })
    }

    fn destination(&mut self, destination: &Destination, number: &str) {
        match destination {
            Destination::Extension(number) => {
                if let Some(extension) = self.site.extensions.get(number) {
                    self.extension(extension);
                }
            }
            Destination::Group(number) => {
                if let Some(group) = self.site.groups.get(number) {
                    self.group(group);
                }
            }
            // Only a route leads to a trunk; the configuration says so too.
            Destination::Trunk(_) => self.refuse(Refusal::NoRoute),
            Destination::Number(to) => self.turn(if to.is_empty() { number } else { to }),
            Destination::Announcement(prompt) => {
                self.stages.push(Stage::Announcement(prompt.clone()));
            }
            Destination::Park => self.stages.push(Stage::Park),
            Destination::HangUp(status) => self.stages.push(Stage::HangUp(*status)),
        }
    }

    /// Looks up another number in the same name.
    pub(crate) fn turn(&mut self, to: &str) {
        if self.turns >= TURNS_MAX {
            return self.refuse(Refusal::TooManyTurns);
        }
        self.turns += 1;
        self.note(|| Step::Turn(to.to_owned()));
        self.look_up(to);
    }

    fn group(&mut self, group: &Group) {
        self.note(|| Step::Group(group.number.clone()));
        if self.turns >= TURNS_MAX {
            return self.refuse(Refusal::TooManyTurns);
        }
        let rings = self.rings(group);
        if !rings.is_empty() {
            self.stages.push(Stage::Group {
                number: group.number.clone(),
                rings,
                diverted: self.diverted.clone(),
                recorded: self.recorded,
            });
        }
        if let Some(otherwise) = &group.otherwise {
            self.turns += 1;
            self.destination(otherwise, group.number.as_str());
        }
        if !self.leads_somewhere() {
            self.refuse(Refusal::DoNotDisturb);
        }
    }

    /// Who of a group rings when. Forwards of members are not followed, or a group would ring in
    /// somebody's pocket.
    fn rings(&mut self, group: &Group) -> Vec<Ring> {
        let mut rings = Vec::new();
        let mut turn = Duration::ZERO;
        for member in &group.members {
            let number = &member.extension;
            let disturbed = |it: &&Extension| !it.settings.do_not_disturb;
            if self.site.extensions.get(number).filter(disturbed).is_none() {
                self.note(|| Step::DoNotDisturb(number.clone()));
                continue;
            }
            let (after, lasts) = match group.strategy {
                Strategy::All => (Duration::ZERO, group.ring),
                Strategy::InOrder => (turn, group.ring),
                Strategy::Delayed => (member.delay, group.ring.saturating_sub(member.delay)),
            };
            turn += group.ring;
            if !lasts.is_zero() {
                rings.push(Ring {
                    extension: number.clone(),
                    after,
                    lasts,
                });
            }
        }
        rings
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.refusal = self.refusal.or(Some(refusal));
    }
}

/// Signs that only make a number easier to read (RFC 3966 §5.1.1).
const VISUAL_SEPARATORS: [char; 4] = ['-', '.', '(', ')'];
/// How often a number may lead to another one: deeper than any office, and a loop ends soon.
const TURNS_MAX: usize = 8;

#[cfg(test)]
mod tests;
