//! What must hold in every run (STYLE 4.4), each rule with its source.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use pbx::Event;
use sansio::Node;

use super::Office;
use crate::checks;
use crate::desk::Stand;

/// Endpoints open at a time: three lines on each of 22 devices, and as many that are settling or
/// ring at somebody who does not answer.
const ENDPOINTS_MAX: usize = 2 * 3 * 22;
/// Rows kept at a time: for each endpoint what it is in and a record, and the lamps.
const ROWS_MAX: usize = 3 * ENDPOINTS_MAX;

/// Phones that are called after healing: all would cost too much, and each run picks others.
const CALLED_AFTERWARDS: usize = 3;

impl Office {
    /// Once healed, the box and everybody else agree about what is up.
    pub(super) fn check_agreement(&mut self) {
        self.check_endpoints();
        self.check_lamps();
        self.check_registered();
        self.check_sources();
        self.check_amplification();
    }

    /// One endpoint for each line that talks, and none else; nobody still calls or rings
    /// (open ports = live legs; RFC 3261 §12.3, §15).
    fn check_endpoints(&mut self) {
        let rule = "open endpoints are live legs (STYLE 4.4)";
        let mut lines: BTreeMap<SocketAddr, String> = BTreeMap::new();
        let mut seen = Vec::new();
        for desk in &self.desks {
            for (line, stand) in desk.all_lines() {
                let name = format!("{} line {line} {stand:?}", desk.number);
                match stand {
                    Stand::Talking => {
                        lines.insert(desk.media(line), name);
                    }
                    Stand::Calling | Stand::Abandoned | Stand::Ringing => seen.push(name),
                }
            }
        }
        let endpoints = self.world.media.open.values();
        let peers: BTreeSet<SocketAddr> = endpoints
            .filter_map(|endpoint| endpoint.agreed.as_ref()?.remote)
            .collect();
        let only = lines.iter().filter(|(at, _)| !peers.contains(at));
        seen.extend(only.map(|(at, name)| format!("{name} at {at} has no endpoint")));
        // Who holds a call says nothing: that he is gone shows only when the session is refreshed
        // (RFC 4028 §10), or when the other side hangs up.
        for (id, endpoint) in &self.world.media.open {
            let agreed = endpoint.agreed.as_ref();
            let remote = agreed.and_then(|agreed| agreed.remote);
            let owes = agreed.is_none_or(|agreed| agreed.hears);
            if owes && remote.is_none_or(|remote| !lines.contains_key(&remote)) {
                seen.push(format!(
                    "endpoint {id:x} for {remote:?}, where nobody talks"
                ));
            }
        }
        for one in seen {
            self.breaks(rule, &one);
        }
    }

    /// A lamp is red when somebody of that number talks (RFC 4235 §3.7.1, RFC 6665 §4.2.2).
    fn check_lamps(&mut self) {
        let talks: BTreeSet<&str> = self
            .desks
            .iter()
            .filter(|desk| !desk.lines(Stand::Talking).is_empty())
            .map(|desk| desk.number.as_str())
            .collect();
        let mut seen = Vec::new();
        for desk in &self.desks {
            for (number, states) in desk.lamps() {
                let red = states.iter().any(|state| state == "confirmed");
                let is_extension = number.len() == 3 && number.starts_with('1');
                if is_extension && red != talks.contains(number) {
                    seen.push(format!(
                        "lamp of {number} at {}: {states:?}, talks: {}",
                        desk.number, !red
                    ));
                }
            }
        }
        for one in seen {
            self.breaks("lamps show calls (RFC 4235 §3.7.1)", &one);
        }
    }

    /// Every phone that wants to be registered is (RFC 3261 §10.3).
    fn check_registered(&mut self) {
        let status = self.world.node.status();
        let known: BTreeSet<String> = status.phones.into_iter().map(|one| one.address).collect();
        let mut seen = Vec::new();
        for desk in self.desks.iter().filter(|desk| desk.carrier.is_none()) {
            if !desk.registered || !known.contains(&desk.address().to_string()) {
                seen.push(format!("{} at {}", desk.number, desk.address()));
            }
        }
        for one in seen {
            self.breaks("phones come back (RFC 3261 §10.2.6)", &one);
        }
    }

    /// No call was ever started by a stranger (RFC 3261 §22.2).
    fn check_sources(&mut self) {
        let known: BTreeSet<_> = self.desks.iter().map(|desk| desk.address().ip()).collect();
        let started = self.world.events.iter().filter_map(|event| match event {
            Event::CallStarted { id, source, .. } => Some((id.clone(), *source)),
            _ => None,
        });
        let strange: Vec<_> = started.filter(|(_, ip)| !known.contains(ip)).collect();
        for (id, source) in strange {
            let seen = format!("call {id} was started from {source}");
            self.breaks("strangers start no calls (RFC 3261 §22.2)", &seen);
        }
    }

    /// What is held at a time is in proportion to what people do, whatever goes wrong.
    pub(super) fn check_bounds(&mut self) {
        let held = [
            ("endpoints", self.world.media.open.len(), ENDPOINTS_MAX),
            ("rows", self.world.checkpoints.len(), ROWS_MAX),
        ];
        for (what, count, most) in held {
            if count > most {
                let seen = format!("{count} {what}");
                self.breaks("memory and queue bounds hold (STYLE 4.4)", &seen);
            }
        }
    }

    /// Phones that are free can be called again.
    pub(super) fn call_somebody(&mut self) {
        self.world.configure(|site| {
            for extension in &mut site.extensions {
                extension.settings.forward.always.clear();
                extension.settings.do_not_disturb = false;
            }
        });
        self.rest(Duration::from_secs(1));
        for _ in 0..CALLED_AFTERWARDS {
            let phones = self.phones();
            let (from, to) = (self.pick(phones), self.pick(phones));
            let idle = |office: &Self, index: usize| {
                let desk = office.desks.get(index);
                desk.is_some_and(|desk| desk.all_lines().is_empty())
            };
            let number = self.desks.get(to).map(|desk| desk.number.clone());
            let number = number.unwrap_or_default();
            let same = self
                .desks
                .get(from)
                .is_some_and(|desk| desk.number == number);
            let twin = self
                .desks
                .iter()
                .filter(|desk| desk.number == number)
                .count()
                > 1;
            if same || twin || !idle(self, from) || !idle(self, to) {
                continue;
            }
            let now = self.world.now();
            if let Some(desk) = self.desks.get_mut(to) {
                desk.eager = true;
            }
            if let Some(desk) = self.desks.get_mut(from) {
                desk.call(now, &number, false);
            }
            self.rest(Duration::from_secs(2));
            let talks = |index: usize| {
                let desk = self.desks.get(index);
                desk.is_some_and(|desk| desk.lines(Stand::Talking).len() == 1)
            };
            if !talks(from) || !talks(to) {
                let seen = format!("device {from} cannot reach {number}");
                self.breaks("phones can be called again (RFC 3261 §16.5)", &seen);
            }
            let now = self.world.now();
            for index in [from, to] {
                if let Some(desk) = self.desks.get_mut(index) {
                    desk.eager = false;
                    for line in desk.lines(Stand::Calling) {
                        desk.hang_up(now, line);
                    }
                }
            }
            if let Some(desk) = self.desks.get_mut(from) {
                for line in desk.lines(Stand::Talking) {
                    desk.hang_up(now, line);
                }
            }
            self.flush();
            self.rest(Duration::from_secs(1));
        }
    }

    /// Everybody has hung up: no dialog, call or endpoint is left, every record is final, every
    /// lamp is dark.
    pub(super) fn check_end(&mut self) {
        let mut seen = Vec::new();
        for desk in &self.desks {
            for (line, stand) in desk.all_lines() {
                seen.push(format!("{} line {line} {stand:?}", desk.number));
            }
        }
        for one in seen {
            self.breaks("no dialog outlives its call (RFC 3261 §15)", &one);
        }
        if let Err(broken) = checks::settled(&self.world) {
            for one in broken {
                self.breaks("one INVITE, one record (STYLE 4.4)", &one);
            }
        }
        let lamps = self.desks.iter().flat_map(|desk| {
            let lamps = desk.lamps().into_iter();
            let lit = lamps.filter(|(_, states)| !states.is_empty());
            lit.map(|(number, states)| format!("{number} at {}: {states:?}", desk.number))
        });
        for one in lamps.collect::<Vec<_>>() {
            self.breaks("lamps go out (RFC 4235 §3.7.1)", &one);
        }
    }

    /// Everybody has left: no registration, transaction, subscription, timer or checkpoint is left.
    pub(super) fn check_empty(&mut self) {
        let status = self.world.node.status();
        if !status.phones.is_empty() {
            let seen = format!("{:?}", status.phones);
            self.breaks("contacts go (RFC 3261 §10.2.2)", &seen);
        }
        if let Some(deadline) = self.world.node.deadline() {
            let seen = format!("due in {:?}", deadline - self.world.now());
            self.breaks("no timer is left running (STYLE 4.4)", &seen);
        }
        // What the day's calls have cost is kept: one row.
        if self.world.checkpoints.len() > 1 {
            let seen = format!("{:?}", self.world.checkpoints);
            self.breaks("checkpoints go with their calls (decision 0014)", &seen);
        }
    }
}
