//! Bans as programs and pages see them.

use ipc::guard::{Ban, Fate, Measure, Protection, Status, Told};
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;

/// Who is banned, and what was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BansView {
    /// Whether anybody is banned at all; off, what would be is told.
    pub(crate) on: bool,
    /// Somebody outside the internal networks was heard: the box can be reached from there.
    pub(crate) reachable_from_outside: bool,
    /// How long ago that was first.
    pub(crate) outside_secs: Option<u64>,
    /// How many are banned.
    pub(crate) banned: u32,
    /// The bans that began last, at most 1,000.
    pub(crate) bans: Vec<BanView>,
    /// What was found lately, the newest first.
    pub(crate) lately: Vec<ToldView>,
}

/// A ban, and what it is for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BanView {
    /// Who is banned, as `192.0.2.7/32`.
    pub(crate) network: String,
    /// For what.
    pub(crate) offence: &'static str,
    /// How often it happened.
    pub(crate) count: u16,
    /// Within so long.
    pub(crate) within_secs: u32,
    /// What was tried, some of it: extensions, logins or addresses of pages.
    pub(crate) tried: Vec<String>,
    /// Since when, as the box's clock stood.
    pub(crate) since: String,
    /// It has so long to go.
    pub(crate) left_secs: u64,
    /// The how manieth ban of this network it is, from 1.
    pub(crate) times: u32,
}

/// Something that was found, and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ToldView {
    /// When.
    pub(crate) at: String,
    /// Who did it: an address or a network.
    pub(crate) source: String,
    /// What.
    pub(crate) offence: &'static str,
    /// How often.
    pub(crate) count: u16,
    /// Within so long.
    pub(crate) within_secs: u32,
    /// What was tried, some of it.
    pub(crate) tried: Vec<String>,
    /// What follows that: `ban`, `lock` (of one name), `narrow` (to the names in use there),
    /// `slow` (of one name, for strangers).
    pub(crate) measure: &'static str,
    /// What became of it: `banned`, `would-be-banned`, `spared`, `at-the-door`,
    /// `would-be-at-the-door`.
    pub(crate) fate: &'static str,
    /// The how manieth ban it is, where it is one.
    pub(crate) times: Option<u32>,
    /// Why it is not, where somebody was spared: `own`, `gateway`, `service`, `grid`, `trunk`,
    /// `call`, `administrator`, `listed`.
    pub(crate) spared_as: Option<&'static str>,
}

impl BansView {
    pub(crate) fn new(status: Status) -> Self {
        let Status {
            is_on,
            banned_count,
            bans,
            told,
            outsider_secs,
            // It has a page of its own.
            masquerade: _,
        } = status;
        Self {
            on: is_on,
            reachable_from_outside: outsider_secs.is_some(),
            outside_secs: outsider_secs,
            banned: banned_count,
            bans: bans.into_iter().map(BanView::new).collect(),
            lately: told.into_iter().map(ToldView::new).collect(),
        }
    }

    /// Whether the box can be reached from outside while nobody is banned (R69, T8).
    pub(crate) const fn is_exposed(&self) -> bool {
        self.reachable_from_outside && !self.on
    }
}

impl BanView {
    fn new(ban: Ban) -> Self {
        let Ban { row, left_secs } = ban;
        Self {
            network: row.network,
            offence: row.offence.name(),
            count: row.count,
            within_secs: row.within_secs,
            tried: row.tried,
            since: rfc3339(row.since_secs.saturating_mul(1000)),
            left_secs,
            times: row.times,
        }
    }
}

impl ToldView {
    fn new(told: Told) -> Self {
        let Told {
            finding,
            at_millis,
            fate,
        } = told;
        let (times, spared_as) = match fate {
            Fate::Banned(times) => (Some(times), None),
            Fate::Spared(why) => (None, Some(protection_name(why))),
            Fate::WouldBeBanned | Fate::AtTheDoor | Fate::WouldBeAtTheDoor => (None, None),
        };
        Self {
            at: rfc3339(at_millis),
            source: finding.source,
            offence: finding.offence.name(),
            count: finding.count,
            within_secs: finding.within_secs,
            tried: finding.tried,
            measure: measure_name(finding.measure),
            fate: fate_name(fate),
            times,
            spared_as,
        }
    }
}

const fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Ban => "ban",
        Measure::Lock => "lock",
        Measure::Narrow => "narrow",
        Measure::Slow => "slow",
    }
}

const fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Banned(_) => "banned",
        Fate::WouldBeBanned => "would-be-banned",
        Fate::Spared(_) => "spared",
        Fate::AtTheDoor => "at-the-door",
        Fate::WouldBeAtTheDoor => "would-be-at-the-door",
    }
}

const fn protection_name(why: Protection) -> &'static str {
    match why {
        Protection::Own => "own",
        Protection::Gateway => "gateway",
        Protection::Service => "service",
        Protection::Grid => "grid",
        Protection::Trunk => "trunk",
        Protection::Call => "call",
        Protection::Administrator => "administrator",
        Protection::Listed => "listed",
    }
}
