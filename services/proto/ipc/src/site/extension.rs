//! What an extension may do and how its calls behave.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Recording, Spend};
use crate::Redacted;

/// Settings of an extension; the default is what a new one gets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExtensionSettings {
    /// Kinds of outbound calls it may make; emergency numbers need none.
    pub classes: Vec<Class>,
    /// Number it shows to the outside, in the form `+551132345678`; one of the owned numbers.
    /// Empty: the site's first owned number.
    pub caller_id: String,
    /// Devices that may be registered at one time, 1 to 10.
    pub contacts_max: u8,
    /// A second call rings while one is up; otherwise it is busy.
    pub call_waiting: bool,
    /// How many outbound calls it may make.
    pub limits: CallLimits,
    /// Longest outbound call, seconds.
    pub duration_max_secs: u32,
    /// Where its calls go instead.
    pub forward: Forward,
    /// It never rings; calls go where a busy one's go.
    pub do_not_disturb: bool,
    /// Extensions of one pickup group may take each other's calls. Empty: its calls are taken by
    /// directed pickup only.
    pub pickup_group: String,
    /// Who may watch its lamp.
    pub watchers: Watchers,
    /// How it sends and takes digits.
    pub dtmf: Dtmf,
    /// Whether its media is encrypted.
    pub encryption: Encryption,
    /// Codecs it may use, preferred first. Empty: all.
    pub codecs: Vec<Codec>,
    /// What [`PIN_ROUNDS`] rounds of SHA-256 made of the PIN for routes that ask one, lower-case
    /// hex. Empty: it has none and cannot use those routes.
    pub pin_hash: Redacted<String>,
    /// Networks it may be used from, as `10.1.0.0/16`, and no others; one outside the internal
    /// networks only helps an extension that is remote. Empty: no further limit.
    pub networks: Vec<String>,
    /// It may call abroad outside office hours too.
    pub off_hours: bool,
    /// What its calls may cost (F5).
    pub spend: Spend,
    /// When an administrator last let it go on: what it spent before does not count. Seconds since
    /// 1970; 0: never.
    pub spend_resumed: u64,
    /// Whether its calls are recorded.
    pub recording: Recording,
}

/// Rounds of SHA-256 over a PIN: keeps a reader of a stolen file busy without keeping a call
/// waiting (about 0.3 ms).
pub const PIN_ROUNDS: u32 = 1_000;

/// Calls an extension may make to the outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CallLimits {
    /// At one time.
    pub concurrent: u16,
    /// Begun in any second.
    pub per_second: u16,
    /// Begun in any minute.
    pub per_minute: u16,
    /// Begun in any hour.
    pub per_hour: u16,
}

/// Where calls go instead. Numbers as the extension itself would dial them; empty: nowhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Forward {
    /// At once.
    pub always: String,
    /// When it is busy, or does not want to be disturbed.
    pub busy: String,
    /// When nobody answers or no device is registered.
    pub no_answer: String,
    /// Seconds it rings before nobody answers.
    pub ring_secs: u16,
}

/// Kind of an outbound call, as far as permission goes (F1).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Short numbers of no public plan: another PBX behind a trunk. Extensions and groups of this
    /// site need no permission.
    Internal,
    /// Fixed numbers of the own area, free numbers and public services.
    Local,
    /// Fixed numbers of other areas.
    National,
    /// Mobile numbers.
    Mobile,
    /// Numbers that cost extra: 0300, 0500, 0900 in Brazil.
    Premium,
    /// Numbers abroad.
    International,
}

impl Class {
    /// Every class, cheapest first.
    pub const ALL: [Self; 6] = [
        Self::Internal,
        Self::Local,
        Self::National,
        Self::Mobile,
        Self::Premium,
        Self::International,
    ];
}

/// Who may watch an extension's lamp (RFC 4235). Its own phones always may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Watchers {
    /// Every extension of the site.
    #[default]
    Everybody,
    /// The extensions of its pickup group.
    PickupGroup,
    /// Nobody else.
    Nobody,
}

/// How digits travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dtmf {
    /// RFC 4733 where the other end offers it, else INFO and in-band are understood.
    #[default]
    Auto,
    /// RFC 4733 only.
    Rfc4733,
    /// SIP INFO only.
    Info,
    /// Tones in the voice, G.711 only.
    Inband,
}

/// Whether media is encrypted (SDES-SRTP).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// Never offered.
    Off,
    /// Where the other end takes it.
    #[default]
    Optional,
    /// Calls without it are refused.
    Required,
}

/// A codec by name.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// Opus (RFC 7587); passes through.
    Opus,
    /// G.722; transcoded to G.711 where needed.
    G722,
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// G.729; passes through.
    G729,
}

impl Default for ExtensionSettings {
    fn default() -> Self {
        Self {
            classes: vec![
                Class::Internal,
                Class::Local,
                Class::National,
                Class::Mobile,
            ],
            caller_id: String::new(),
            contacts_max: 5,
            call_waiting: true,
            limits: CallLimits::default(),
            duration_max_secs: 2 * 3600,
            forward: Forward::default(),
            do_not_disturb: false,
            pickup_group: String::new(),
            watchers: Watchers::default(),
            dtmf: Dtmf::default(),
            encryption: Encryption::default(),
            codecs: Vec::new(),
            pin_hash: Redacted::default(),
            networks: Vec::new(),
            off_hours: false,
            spend: Spend {
                day_cents: 20_000,
                week_cents: 60_000,
                month_cents: 180_000,
            },
            spend_resumed: 0,
            recording: Recording::default(),
        }
    }
}

/// F3 and F4: what a person at a phone does in his busiest hour, and a dialler does not.
impl Default for CallLimits {
    fn default() -> Self {
        Self {
            concurrent: 2,
            per_second: 5,
            per_minute: 20,
            per_hour: 60,
        }
    }
}

impl Default for Forward {
    fn default() -> Self {
        Self {
            always: String::new(),
            busy: String::new(),
            no_answer: String::new(),
            ring_secs: 25,
        }
    }
}
