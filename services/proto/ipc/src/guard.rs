//! `guard`: who guesses and scans, and who is banned for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::masquerade::{Report, Sighting};

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// A door found something. Only services with a door may say it. Answer: [`Reply::Taken`].
    Found(Finding),
    /// These are never banned, each for one of these reasons, which are all that the service has;
    /// they replace those it said before. Answer: [`Reply::Taken`].
    Protect(Vec<Protection>, Vec<Guest>),
    /// A request came from this address, which is outside the internal networks and no server of
    /// a trunk: the box can be reached from there (T8). Answer: [`Reply::Taken`].
    Outsider(String),
    /// What came in this way may show that a router hides who comes in. Answer: [`Reply::Taken`].
    Seen(Sighting),
    /// Forget what was seen of routers, here and at all doors, and look anew: somebody has changed
    /// a router. Only `web` may ask. Answer: [`Reply::Taken`].
    LookAnew,
    /// Who is banned, now and whenever it changes: first one [`Reply::Bans`] with `is_whole`, then
    /// one for each change. Only services with a door may ask.
    Watch,
    /// What the pages show. Only `web` may ask. Answer: [`Reply::Status`].
    Status,
    /// Ban a network no more, nor what it is a part of or has in it. It is as narrow as one ban at
    /// least: a /24, a /48 of IPv6. Only `web` may ask. Answer: [`Reply::Unbanned`], when it is
    /// kept, or some seconds later.
    Unban(String),
}

/// What `guard` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is taken.
    Taken,
    /// Who is banned, and who never is.
    Bans(Bans),
    /// What the pages show.
    Status(Status),
    /// These are banned no more, as they were; none when nobody was.
    Unbanned {
        /// The bans that were lifted: with an address also the network around it.
        lifted: Vec<String>,
        /// Whether a restart does not bring them back: `false` while the store cannot keep it.
        is_kept: bool,
    },
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
}

/// Somebody who is never banned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Guest {
    /// Why.
    pub why: Protection,
    /// An address or a network.
    pub network: String,
}

/// Why somebody is never banned (bar E9 of the research on security).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// An address of the box itself.
    Own,
    /// The way out of the customer's network: behind a masquerade everybody has its address.
    Gateway,
    /// Names and time come from there.
    Service,
    /// The hub of the grid, and all behind it.
    Grid,
    /// A provider's server.
    Trunk,
    /// In a call with the box now.
    Call,
    /// An administrator is signed in from there.
    Administrator,
    /// The customer says so.
    Listed,
}

impl Protection {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Own,
        Self::Gateway,
        Self::Service,
        Self::Grid,
        Self::Trunk,
        Self::Call,
        Self::Administrator,
        Self::Listed,
    ];
}

/// Who is banned, and who never is, as a door takes it over.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Bans {
    /// Whether everything known before is to be forgotten.
    pub is_whole: bool,
    /// Banned from now on: the network, and for how many milliseconds.
    pub banned: Vec<(String, u64)>,
    /// Banned no more, and forgiven by the door.
    pub unbanned: Vec<String>,
    /// All that are never banned, when that has changed.
    pub protected: Option<Vec<Guest>>,
    /// Where they are told: reasons of which nobody has spoken yet since the start of `guard`. A
    /// door leaves what it knows of these as it is.
    pub unknown: Vec<Protection>,
    /// Whom routers hide, when that has changed.
    pub hiding: Option<Hiding>,
}

/// Addresses that somebody outside may have, as a router writes them as his.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Hiding {
    /// Who has one of these counts as outside (T7); all there are.
    pub addresses: Vec<String>,
    /// What the door saw of it by itself before is to be forgotten.
    pub is_anew: bool,
}

/// What the pages show.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Whether anybody is banned at all (R69).
    pub is_on: bool,
    /// How many are banned.
    pub banned_count: u32,
    /// The bans that began last, at most 1,000.
    pub bans: Vec<Ban>,
    /// What was found lately, the newest first.
    pub told: Vec<Told>,
    /// Seconds since somebody outside the internal networks was first heard, when anybody was:
    /// the box can be reached from outside (T8).
    pub outsider_secs: Option<u64>,
    /// Whether a router hides who comes in, and why it is thought.
    pub masquerade: Report,
}

/// A ban as the pages show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ban {
    /// As it is kept.
    pub row: BanRow,
    /// Seconds it has to go.
    pub left_secs: u64,
}

/// What was found, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// What was found.
    pub finding: Finding,
    /// When, milliseconds since 1970, as the box's clock stood.
    pub at_millis: i64,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is banned, the so manieth time.
    Banned(u32),
    /// It would have been banned.
    WouldBeBanned,
    /// It is not, as it is somebody who never is.
    Spared(Protection),
    /// The door did what was to be done.
    AtTheDoor,
    /// It would have done it.
    WouldBeAtTheDoor,
}

/// What somebody does that honest people seldom do often.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Offence {
    /// A wrong password for an extension (R53).
    SipPassword,
    /// An extension that does not exist.
    SipExtension,
    /// The right password of an extension that may not be used from there (R51).
    SipOutside,
    /// SIP that is none, or credentials that cannot be read.
    SipMalformed,
    /// A decoy: an extension that nobody has, and that only who scans tries.
    SipDecoy,
    /// A wrong password of a person at the pages or the API.
    WebSignIn,
    /// An address below which there is nothing (R54).
    WebPath,
    /// A form that does not come from the box's own pages.
    WebForged,
}

impl Offence {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::SipPassword,
        Self::SipExtension,
        Self::SipOutside,
        Self::SipMalformed,
        Self::SipDecoy,
        Self::WebSignIn,
        Self::WebPath,
        Self::WebForged,
    ];

    /// As programs and the configuration know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SipPassword => "sip-password",
            Self::SipExtension => "sip-extension",
            Self::SipOutside => "sip-outside",
            Self::SipMalformed => "sip-malformed",
            Self::SipDecoy => "sip-decoy",
            Self::WebSignIn => "web-sign-in",
            Self::WebPath => "web-path",
            Self::WebForged => "web-forged",
        }
    }
}

/// What follows when something happened too often.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Nothing of the address is read for some time.
    Ban,
    /// No password of the one extension is taken from the address for some time: phones beside it
    /// go on.
    Lock,
    /// Only extensions that were in use from the address before are taken from it.
    Narrow,
    /// The extension is guessed at from many addresses: from those it was never used at, one
    /// password a minute of each owner of addresses is looked at, and a few of all.
    Slow,
}

/// Something happened too often.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub offence: Offence,
    /// Who did it: an address, or a network such as `2001:db8:1:2::/64`.
    pub source: String,
    /// What follows, or would.
    pub measure: Measure,
    /// Whether it does: `false` where bans are off, or this offence is only to be reported.
    pub is_in_force: bool,
    /// How often it happened.
    pub count: u16,
    /// Within so many seconds.
    pub within_secs: u32,
    /// What was tried, some of it: extensions, logins or paths.
    pub tried: Vec<String>,
    /// It was one single name each time: more likely a phone with a wrong password, so the ban
    /// does not last longer than the one before.
    pub is_one_name: bool,
}

/// A ban, as the store keeps it over a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BanRow {
    /// Who is banned: `192.0.2.7/32`.
    pub network: String,
    /// For what.
    pub offence: Offence,
    /// How often it happened.
    pub count: u16,
    /// Within so many seconds.
    pub within_secs: u32,
    /// What was tried, some of it.
    pub tried: Vec<String>,
    /// When it began, seconds since 1970; as the box's clock stood.
    pub since_secs: i64,
    /// Seconds it had to go when this was written; 0 for one that is over, which is kept because
    /// the next one lasts longer.
    pub left_secs: u64,
    /// When it ends, seconds since 1970, where the clock was believed.
    pub until_secs: Option<i64>,
    /// The how manieth ban it is, from 1.
    pub times: u32,
}

/// Strangers of one country who came to one service, since it started.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Arrivals {
    /// The code of the country; empty for addresses of none that is known.
    pub country: String,
    /// Connections.
    pub connections: u64,
    /// Datagrams; anybody can have written any sender on one.
    pub datagrams: u64,
    /// How many of both were refused for the country.
    pub refused: u64,
}
