//! Where numbers lead, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One rule: a call that fits all of it takes its destinations. Rules are asked in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Route {
    /// Unique name.
    pub name: String,
    /// Otherwise it is passed over.
    pub enabled: bool,
    /// Who may use it. Empty: anybody, which is warned about (R64).
    pub sources: Vec<Source>,
    /// The numbers it takes: digits, `X` 0-9, `Z` 1-9, `N` 2-9, `[1-5]`, `.` one or more of
    /// anything, `!` nothing or more.
    pub pattern: String,
    /// Name of the time condition that must hold. Empty: always.
    pub times: String,
    /// What is done to the number before it goes on.
    pub rewrite: Rewrite,
    /// Where the call goes; the next one when one fails. Trunks next to each other fail over.
    pub destinations: Vec<Destination>,
    /// The caller must enter the PIN of his extension first.
    pub pin: bool,
    /// Every call by it is recorded, from the answer to its end.
    pub record: bool,
    /// Whoever calls from outside reaches the extension first that last had to do with his number.
    pub call_back: CallBack,
}

/// Calls back go to the extension that last called the caller's number, or talked with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CallBack {
    /// Otherwise calls go to the destinations at once.
    pub enabled: bool,
    /// How far back calls count, hours; 1 to 720.
    pub hours: u16,
    /// How long that extension rings before the destinations do, seconds; 5 to 60.
    pub ring_secs: u16,
}

/// Who a call comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Any extension.
    Extensions,
    /// Any trunk.
    Trunks,
    /// This extension.
    Extension(String),
    /// Every member of the group with this number.
    Group(String),
    /// The trunk with this name.
    Trunk(String),
}

/// Changes a number on its way, in this order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Rewrite {
    /// Digits taken away in front.
    pub strip: u8,
    /// Digits put in front.
    pub prefix: String,
    /// Number shown to the called party instead, as `+551132345678`; one of the owned ones.
    /// Empty: as the caller's settings say.
    pub caller_id: String,
}

/// Where a call goes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// An extension.
    Extension(String),
    /// A ring group, by number.
    Group(String),
    /// A trunk, by name, with the number as rewritten.
    Trunk(String),
    /// Look this number up from the beginning, in the caller's name. Empty: the number as the
    /// route rewrote it.
    Number(String),
    /// The caller is answered and hears this prompt; then the call goes on to what comes next, or
    /// ends.
    Announcement(String),
    /// A parking slot.
    Park,
    /// Refuse with this SIP status, 400 to 699.
    HangUp(u16),
}

/// A named question about the clock.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TimeCondition {
    /// Unique name.
    pub name: String,
    /// IANA name of the time zone: `America/Sao_Paulo`.
    pub zone: String,
    /// When it holds. Empty: at any time of the week.
    pub week: Vec<WeekRange>,
    /// Dates on which it does not hold.
    pub holidays: Vec<DateRange>,
    /// The other way round: it holds when all of that says no.
    pub negated: bool,
}

/// Hours on some days of the week.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct WeekRange {
    /// The days; the range belongs to the day it begins on.
    pub days: Vec<Weekday>,
    /// First minute, as `08:00`.
    pub from: String,
    /// The minute it is over, as `18:00`; `24:00` is midnight. Earlier than `from`: the next day.
    pub to: String,
}

/// A day of the week.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Weekday {
    /// segunda-feira
    Monday,
    /// terça-feira
    Tuesday,
    /// quarta-feira
    Wednesday,
    /// quinta-feira
    Thursday,
    /// sexta-feira
    Friday,
    /// sábado
    Saturday,
    /// domingo
    Sunday,
}

/// Whole days, both ends included.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct DateRange {
    /// `2026-12-24`, or `12-24` for every year.
    pub from: String,
    /// In the same form; empty for one day.
    #[serde(default)]
    pub to: String,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            sources: Vec::new(),
            pattern: String::new(),
            times: String::new(),
            rewrite: Rewrite::default(),
            destinations: Vec::new(),
            pin: false,
            record: false,
            call_back: CallBack::default(),
        }
    }
}

impl Default for CallBack {
    fn default() -> Self {
        Self {
            enabled: false,
            hours: 24,
            ring_secs: 15,
        }
    }
}
