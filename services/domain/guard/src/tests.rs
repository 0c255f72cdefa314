//! Doors and bans as attackers and phones meet them, with the bars of the research on security.

use std::net::IpAddr;
use std::time::Duration;

use config::{Guard, GuardRule, Network};
use ipc::guard::{BanRow, Bans, Fate, Finding, Guest, Measure, Offence, Protection};
use sansio::{Instant, Node as _, Rng, UnixTime};

use crate::{Attempt, Door, GuardNode, Input, Notice, Output};

fn at(secs: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(1_000_000 + secs)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn network(text: &str) -> Network {
    Network::parse(text).expect("a network")
}

fn on() -> Guard {
    Guard {
        is_on: true,
        ..Guard::default()
    }
}

fn door(guard: &Guard) -> Door {
    let mut door = Door::default();
    door.configure(guard);
    door
}

fn from<'a>(source: &str, name: &'a str) -> Attempt<'a> {
    Attempt {
        source: ip(source),
        name,
    }
}

/// Guesses once a second until the door shuts or locks, `most` times at most: how many passwords
/// were looked at, and what was found.
fn guess(door: &mut Door, source: &str, name: &str, most: u64) -> (u64, Vec<Finding>) {
    let (mut looked, mut found) = (0, Vec::new());
    for secs in 0..most {
        let (now, attempt) = (at(secs), from(source, name));
        if door.is_shut(now, attempt.source) || !door.admits(now, attempt) {
            continue;
        }
        looked += 1;
        found.extend(door.offence(now, attempt, Offence::SipPassword));
    }
    (looked, found)
}

fn obey(door: &mut Door, secs: u64, told: &Bans) {
    for notice in Notice::read(at(secs), told) {
        door.obey(at(secs), notice, &[Protection::Trunk]);
    }
}

mod bans;
mod door;
mod owners;
mod told;
