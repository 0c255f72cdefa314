//! What the route simulator answers, and what is dangerous about the routes, as programs see it.

use schemars::JsonSchema;
use serde::Serialize;

/// Where a number leads, and why.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Explained {
    /// The number as the trunk's rewrites leave it.
    pub(crate) dialled: String,
    /// What was asked on the way, one sentence each.
    pub(crate) steps: Vec<String>,
    pub(crate) outcome: OutcomeView,
    /// The outcome as a sentence.
    pub(crate) text: String,
    /// What whoever pays can cost when stolen.
    pub(crate) worst_case: Option<String>,
}

/// What becomes of a call.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum OutcomeView {
    /// An emergency call: it goes through whatever else is forbidden.
    Emergency(Hunt),
    Call(Hunt),
    /// A code was dialled.
    Feature {
        feature: &'static str,
        argument: String,
    },
    /// A parked call is taken back.
    ParkedCall {
        slot: String,
    },
    Refused {
        /// SIP status.
        status: u16,
    },
}

/// What rings, one stage after the other.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Hunt {
    /// A PIN is asked first.
    pub(crate) pin: bool,
    pub(crate) stages: Vec<StageView>,
}

/// What rings at one time.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum StageView {
    Extension {
        number: String,
        ring_secs: u64,
    },
    Group {
        number: String,
        members: Vec<MemberView>,
    },
    Trunks {
        class: Option<&'static str>,
        attempts: Vec<AttemptView>,
        /// Hundredths of the currency.
        minute_cents: u32,
        setup_cents: u32,
        duration_max_secs: Option<u64>,
    },
    Announcement {
        prompt: String,
    },
    /// The extension that last had to do with the caller's number, if call records know one.
    CallBack {
        /// How far back calls count.
        hours: u64,
        ring_secs: u64,
    },
    Park,
    HangUp {
        /// SIP status.
        status: u16,
    },
}

/// A member of a group that rings.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MemberView {
    pub(crate) extension: String,
    pub(crate) after_secs: u64,
    pub(crate) ring_secs: u64,
}

/// A trunk that is tried.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AttemptView {
    pub(crate) trunk: String,
    /// As the trunk gets it.
    pub(crate) number: String,
    pub(crate) caller_id: Option<String>,
    pub(crate) withheld: bool,
}

/// What is dangerous about the site.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Warnings {
    pub(crate) warnings: Vec<WarningSaid>,
    /// The extensions that can cost most.
    pub(crate) worst_cases: Vec<WorstCaseOf>,
    pub(crate) abroad: Abroad,
}

/// A warning as a sentence.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WarningSaid {
    pub(crate) text: String,
}

/// What an extension can cost in a day when it is stolen. Money in hundredths of the currency.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WorstCaseOf {
    pub(crate) extension: String,
    /// Calls at one time.
    pub(crate) calls: usize,
    pub(crate) minutes: Vec<MinutesAbout>,
    pub(crate) cents: u64,
    /// The cap that ends it earlier.
    pub(crate) cap_cents: Option<u64>,
    /// By a route that takes any number or any caller (R64, R65).
    pub(crate) generic: bool,
    pub(crate) text: String,
}

/// Calls of one class, all day long.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MinutesAbout {
    pub(crate) class: &'static str,
    pub(crate) minutes: u64,
    /// A minute of the dearest.
    pub(crate) cents: u32,
}

/// Where abroad may be called.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Abroad {
    /// `*`.
    Everywhere(&'static str),
    /// Country codes.
    Only(Vec<String>),
}
