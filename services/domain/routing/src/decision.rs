//! What a decision is made of.

use std::time::Duration;

use config::{Feature, Number, Phone, Price};

use crate::numbering::Kind;

/// Where a number leads, and how that came about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Everything looked at, in order.
    pub steps: Vec<Step>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Look for somebody who answers.
    Hunt(Plan),
    /// Use a feature; the argument is the number that follows its code, empty where none may.
    Feature {
        /// Which.
        feature: Feature,
        /// What was dialled after the code.
        argument: String,
    },
    /// Take back the call parked in this slot.
    Retrieve(Number),
    /// Refuse.
    Refused(Refusal),
}

/// Whom to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// One after the other, until somebody answers; never empty.
    pub stages: Vec<Stage>,
    /// Ask the caller for the PIN of his extension first (F7): `Settings::is_pin`.
    pub pin: bool,
    /// The extension has spent what it may: its PIN lets it go on (F5).
    pub spent: bool,
    /// The caller does not want his number shown to anybody.
    pub withheld: bool,
    /// An emergency call: it is never refused for want of anything, and never limited (F15).
    pub emergency: bool,
}

/// One attempt to find somebody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The devices of an extension.
    Extension {
        /// Which.
        number: Number,
        /// How long they ring.
        ring: Duration,
        /// Who forwarded the call here, first one first; for Diversion (RFC 5806).
        diverted: Vec<Number>,
        /// A route it came by records its calls.
        recorded: bool,
    },
    /// The devices of several extensions.
    Group {
        /// The group.
        number: Number,
        /// Who rings when.
        rings: Vec<Ring>,
        /// Who forwarded the call here, first one first.
        diverted: Vec<Number>,
        /// A route it came by records its calls.
        recorded: bool,
    },
    /// A number outside, by the first trunk that takes it.
    Trunks(Outbound),
    /// The prompt with this name is played to the caller, who is answered.
    Announcement(String),
    /// The extension that last had to do with the caller's number, if call records know one.
    CallBack {
        /// How far back calls count.
        within: Duration,
        /// How long it rings.
        ring: Duration,
        /// A route it came by records its calls.
        recorded: bool,
    },
    /// A parking slot.
    Park,
    /// Refuse with this status.
    HangUp(u16),
    /// Refuse as if nothing had come before: there was a call back, and else the number leads
    /// nowhere.
    Refused(Refusal),
}

/// When a member of a group rings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ring {
    /// Who.
    pub extension: Number,
    /// From when.
    pub after: Duration,
    /// How long.
    pub lasts: Duration,
}

/// A call to the outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outbound {
    /// Trunks, in order; never empty.
    pub attempts: Vec<Attempt>,
    /// Who it is made by or for; `None`: it goes from trunk to trunk.
    pub payer: Option<Number>,
    /// What kind of number it is.
    pub kind: Kind,
    /// Calling code of a number abroad.
    pub country: Option<String>,
    /// What it costs.
    pub price: Price,
    /// When it is ended (F8, F5); `None`: never.
    pub duration_max: Option<Duration>,
    /// Who forwarded the call here, first one first.
    pub diverted: Vec<Number>,
    /// A route it came by records its calls.
    pub recorded: bool,
}

/// One trunk to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Its name.
    pub trunk: String,
    /// The number in the form it wants.
    pub number: String,
    /// Who we say is calling.
    pub caller_id: CallerId,
}

/// Who we say is calling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallerId {
    /// One of the site's own numbers (F12); `None`: the site has none, the trunk's account speaks.
    pub number: Option<Phone>,
    /// The caller does not want it shown.
    pub withheld: bool,
}

/// Why a call is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    /// Nobody could dial it.
    NotDialable,
    /// It leads nowhere.
    NoRoute,
    /// No such extension calls here.
    UnknownCaller,
    /// The caller may not make calls of this class (F1).
    ClassNotAllowed,
    /// Numbers in this country may not be called (F2).
    CountryNotAllowed,
    /// Too many calls of this extension at one time (F3).
    TooManyCalls,
    /// Too many calls to this country at one time (F3).
    TooManyToCountry,
    /// Too many outbound calls of the box at one time (F3).
    BoxBusy,
    /// Too many calls of this extension in too short a time (F4).
    TooFast,
    /// The minutes of this class are used up for today (F5).
    MinutesUsedUp,
    /// The money of the box, or of the trunk, is used up for now (F5).
    SpendUsedUp,
    /// The extension's money is used up for now (F5): an administrator lets it go on, or its PIN.
    OwnSpendUsedUp,
    /// Abroad is not called outside office hours (F6).
    OutsideOfficeHours,
    /// The route asks for a PIN, and who calls has none to enter (F7).
    NoPin,
    /// A call from one trunk to another that no route names expressly, or of a class that is never
    /// passed on (F11).
    NotPassedOn,
    /// Every trunk is switched off or full.
    NoTrunk,
    /// The extension does not want to be disturbed.
    DoNotDisturb,
    /// The route says so, with this status.
    ByRoute(u16),
    /// Numbers lead to numbers too many times over.
    TooManyTurns,
}

impl Refusal {
    /// The SIP status the caller is given.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::NotDialable => 484,
            Self::NoRoute => 404,
            Self::UnknownCaller
            | Self::ClassNotAllowed
            | Self::CountryNotAllowed
            | Self::TooManyCalls
            | Self::TooManyToCountry
            | Self::TooFast
            | Self::MinutesUsedUp
            | Self::SpendUsedUp
            | Self::OwnSpendUsedUp
            | Self::OutsideOfficeHours
            | Self::NoPin
            | Self::NotPassedOn => 403,
            Self::BoxBusy | Self::NoTrunk => 503,
            Self::DoNotDisturb => 486,
            Self::ByRoute(status) => status,
            Self::TooManyTurns => 482,
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// It is an emergency number and passes.
    Emergency(String),
    /// It is the code of a feature.
    Feature(Feature),
    /// The number is not to be shown.
    Withheld,
    /// It is a parking slot.
    Slot(Number),
    /// It is an extension.
    Extension(Number),
    /// It is a group.
    Group(Number),
    /// A route was asked.
    Route {
        /// Its place in the site's list.
        index: usize,
        /// Its name.
        name: String,
        /// What it said.
        verdict: RouteVerdict,
    },
    /// The route changed the number.
    Rewritten {
        /// Before.
        from: String,
        /// After.
        to: String,
    },
    /// The number was read by the numbering plan.
    Read {
        /// The number.
        number: String,
        /// What it is.
        kind: Kind,
        /// In international form, where it has one.
        e164: Option<String>,
    },
    /// A trunk was looked at.
    Trunk {
        /// Its name.
        name: String,
        /// What came of it.
        verdict: TrunkVerdict,
    },
    /// The caller is asked for a PIN.
    Pin,
    /// The route records its calls.
    Recorded,
    /// Call records are asked who had to do with the caller's number last, so far back; that
    /// extension rings so long.
    CallBack {
        /// How far back.
        within: Duration,
        /// How long.
        ring: Duration,
    },
    /// What the call costs: a minute and the set-up, hundredths.
    Price(Price),
    /// An extension forwards its calls.
    Forwarded {
        /// Which.
        extension: Number,
        /// Where to.
        to: String,
    },
    /// A forward leads back to where the call has been; it is not followed.
    ForwardLoop(Number),
    /// An extension does not want to be disturbed.
    DoNotDisturb(Number),
    /// Look up this number instead.
    Turn(String),
    /// The call, or this way of it, is refused.
    Refused(Refusal),
}

/// What a route said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RouteVerdict {
    /// It is switched off.
    Disabled,
    /// It is for other callers.
    OtherCaller,
    /// It is for other numbers.
    OtherNumber,
    /// Its time condition does not hold.
    OtherTime(String),
    /// It takes the call.
    Taken,
}

/// What came of a trunk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TrunkVerdict {
    /// It is switched off.
    Disabled,
    /// All its channels are in use.
    Full,
    /// Its money is used up for now (F5).
    UsedUp,
    /// It is tried with this number.
    Tried(String),
}
