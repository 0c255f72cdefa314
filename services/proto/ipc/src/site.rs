//! The site's configuration as it travels: plain fields, nothing checked yet.
//!
//! `config::Site::parse` turns it into the checked form; nothing acts on this one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Redacted;

mod countries;
mod extension;
mod guard;
mod office;
mod people;
mod plan;
mod prompt;
mod recording;
mod retention;
mod route;
mod sign_in;
mod tariff;
mod trunk;
mod tunnel;

pub use countries::Countries;
pub use extension::{
    CallLimits, Class, Codec, Dtmf, Encryption, ExtensionSettings, Forward, PIN_ROUNDS, Watchers,
};
pub use guard::{Guard, GuardRule};
pub use office::{
    Cadences, CallerRule, Country, Dialling, Features, Group, Limits, Member, Minutes, Networks,
    Parking, Presentation, Strategy, TONES,
};
pub use people::{Grant, Passkey, Person, Role, SecondFactor, Token, UnknownRole, Whose};
pub use plan::{NumberKind, NumberReading, NumberRule, NumberingPlan};
pub use prompt::Prompt;
pub use recording::{Recording, Recordings};
pub use retention::Retention;
pub use route::{
    CallBack, DateRange, Destination, Rewrite, Route, Source, TimeCondition, WeekRange, Weekday,
};
pub use sign_in::SignIn;
pub use tariff::{Spend, Tariff};
pub use trunk::{
    FromUser, Identity, InboundNumber, InboundRewrite, NumberForm, Prack, Privacy, SessionTimers,
    TimerMode, Trunk, TrunkAccess, TrunkTransport, TrunkTrust,
};
pub use tunnel::Tunnel;

/// Everything people configure, whole.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Site {
    /// Digest realm of every extension (RFC 3261 §22.1); part of each stored hash, so never edited.
    pub realm: String,
    /// Desk and soft phones.
    pub extensions: Vec<Extension>,
    /// People who may sign in to the web admin.
    pub people: Vec<Person>,
    /// Which addresses count as inside.
    #[serde(default)]
    pub networks: Networks,
    /// Ring groups.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Lines to the outside.
    #[serde(default)]
    pub trunks: Vec<Trunk>,
    /// Where numbers lead, the first that fits.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Office hours, holidays and the like, by name.
    #[serde(default)]
    pub times: Vec<TimeCondition>,
    /// What the box says to callers, by name.
    #[serde(default)]
    pub prompts: Vec<Prompt>,
    /// The codes people dial to use a feature.
    #[serde(default)]
    pub features: Features,
    /// Where parked calls wait.
    #[serde(default)]
    pub parking: Parking,
    /// Country, own numbers and how numbers are shown.
    #[serde(default)]
    pub dialling: Dialling,
    /// What the whole box may spend.
    #[serde(default)]
    pub limits: Limits,
    /// How recorded calls are kept.
    #[serde(default)]
    pub recording: Recordings,
    /// How long is kept what the box notes of people.
    #[serde(default)]
    pub retention: Retention,
    /// What is asked of people at a sign-in.
    #[serde(default)]
    pub sign_in: SignIn,
    /// When an address is banned, and for how long.
    #[serde(default)]
    pub guard: Guard,
    /// From which countries the box may be reached.
    #[serde(default)]
    pub countries: Countries,
    /// The box's way into a grid.
    #[serde(default)]
    pub tunnel: Option<Tunnel>,
}

/// A phone's identity. The password itself is never kept: only what a digest needs (RFC 8760).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Extension {
    /// Dialled number and SIP user name: 2 to 10 digits.
    pub number: String,
    /// Name shown to the called party; may be empty.
    pub display_name: String,
    /// Lower-case hex of MD5(number:realm:password), 32 characters.
    pub ha1_md5: Redacted<String>,
    /// Lower-case hex of SHA-256(number:realm:password), 64 characters.
    pub ha1_sha256: Redacted<String>,
    /// May register from outside the internal networks (R51, R70).
    pub remote: bool,
    /// What it may do and how it behaves.
    #[serde(default)]
    pub settings: ExtensionSettings,
}
