//! What an extension may do and how its calls behave.

use std::collections::BTreeSet;
use std::time::Duration;

use ipc::Redacted;
use ipc::site::{
    CallLimits, Class, Codec, Dtmf, Encryption, ExtensionSettings, Forward as RawForward,
    PIN_ROUNDS, Recording, Watchers,
};
use sha2::{Digest as _, Sha256};

use crate::network::Network;
use crate::pattern::is_dialled;
use crate::phone::Phone;
use crate::tariff::Spend;
use crate::wrong::{Report, Wrong, is_name};

/// Most devices of one extension.
pub(crate) const CONTACTS_MAX: u8 = 10;
/// Longest time anything rings, seconds: carriers give up after three minutes.
pub(crate) const RING_SECS_MAX: u16 = 180;
/// Longest outbound call that can be allowed, seconds: a day.
pub(crate) const DURATION_SECS_MAX: u32 = 24 * 3600;
/// Highest limit of calls that can be set: a call every two seconds for an hour.
const CALLS_MAX: u64 = 1_800;
/// Most networks one extension or trunk may be limited to.
pub(crate) const NETWORKS_MAX: usize = 32;
/// Every codec, in the order a side that names none prefers them.
pub const CODECS: [Codec; 5] = [
    Codec::Opus,
    Codec::G722,
    Codec::Pcma,
    Codec::Pcmu,
    Codec::G729,
];

/// Settings of an extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Kinds of outbound calls it may make (F1); emergency numbers need none.
    pub classes: BTreeSet<Class>,
    /// Number it shows to the outside (F12); `None`: the site's main number.
    pub caller_id: Option<Phone>,
    /// Devices that may be registered at one time.
    pub contacts_max: usize,
    /// A second call rings while one is up; otherwise it is busy.
    pub call_waiting: bool,
    /// How many outbound calls it may make (F3, F4).
    pub limits: CallLimits,
    /// Longest outbound call (F8).
    pub duration_max: Duration,
    /// Where its calls go instead.
    pub forward: Forward,
    /// It never rings; calls go where a busy one's go.
    pub do_not_disturb: bool,
    /// Extensions of one pickup group may take each other's calls.
    pub pickup_group: Option<String>,
    /// Who may watch its lamp.
    pub watchers: Watchers,
    /// How it sends and takes digits.
    pub dtmf: Dtmf,
    /// Whether its media is encrypted.
    pub encryption: Encryption,
    /// Codecs it may use, preferred first; never empty.
    pub codecs: Vec<Codec>,
    /// What [`pin_hash`] made of its PIN; without one it cannot use routes that ask for it (F7).
    pub pin_hash: Option<Redacted<String>>,
    /// The only networks it may be used from; empty: no limit beyond inside and outside.
    pub networks: Vec<Network>,
    /// It may call abroad outside office hours too (F6).
    pub off_hours: bool,
    /// What its calls may cost (F5).
    pub spend: Spend,
    /// When an administrator last let it go on, seconds since 1970.
    pub spend_resumed: u64,
    /// Whether its calls are recorded.
    pub recording: Recording,
}

/// Where calls go instead: numbers as the extension itself would dial them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forward {
    /// At once.
    pub always: Option<String>,
    /// When it is busy, or does not want to be disturbed.
    pub busy: Option<String>,
    /// When nobody answers or no device is registered.
    pub no_answer: Option<String>,
    /// How long it rings before nobody answers.
    pub ring: Duration,
}

/// What is kept of a PIN: salted with whose it is, so that equal PINs do not look equal.
#[must_use]
pub fn pin_hash(number: &str, realm: &str, pin: &str) -> String {
    let mut digest = Sha256::digest(format!("pin:{number}:{realm}:{pin}"));
    for _ in 1..PIN_ROUNDS {
        digest = Sha256::digest(digest);
    }
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Settings {
    /// What a new extension gets.
    #[must_use]
    pub fn factory() -> Self {
        let mut faults = Vec::new();
        let mut report = Report::new(String::new(), &mut faults);
        Self::parse(&ExtensionSettings::default(), &[], &mut report)
    }

    /// Whether this is the PIN of the extension with that number. Never true without a PIN.
    #[must_use]
    pub fn is_pin(&self, number: &str, realm: &str, pin: &str) -> bool {
        self.pin_hash
            .as_ref()
            .is_some_and(|hash| *hash.reveal() == pin_hash(number, realm, pin))
    }

    pub(crate) fn parse(raw: &ExtensionSettings, owned: &[Phone], report: &mut Report<'_>) -> Self {
        report.range("contacts_max", raw.contacts_max, 1, CONTACTS_MAX.into());
        report.range(
            "duration_max_secs",
            raw.duration_max_secs,
            60,
            DURATION_SECS_MAX.into(),
        );
        for (field, value) in [
            ("limits.concurrent", raw.limits.concurrent),
            ("limits.per_second", raw.limits.per_second),
            ("limits.per_minute", raw.limits.per_minute),
            ("limits.per_hour", raw.limits.per_hour),
        ] {
            report.range(field, value, 0, CALLS_MAX);
        }
        let caller_id =
            report.take_any("caller_id", &raw.caller_id, Phone::parse, Wrong::NotAPhone);
        if let Some(phone) = caller_id.as_ref().filter(|phone| !owned.contains(phone)) {
            report.wrong("caller_id", Wrong::NotOwned(phone.to_string()));
        }
        let hash = raw.pin_hash.reveal();
        if !hash.is_empty() && !crate::site::is_lower_hex(hash, PIN_HASH_LENGTH) {
            report.wrong("pin_hash", Wrong::NotAHash(PIN_HASH_LENGTH));
        }
        Self {
            classes: raw.classes.iter().copied().collect(),
            caller_id,
            contacts_max: raw.contacts_max.into(),
            call_waiting: raw.call_waiting,
            limits: raw.limits,
            duration_max: Duration::from_secs(raw.duration_max_secs.into()),
            forward: Forward::parse(&raw.forward, report),
            do_not_disturb: raw.do_not_disturb,
            pickup_group: report.take_any(
                "pickup_group",
                &raw.pickup_group,
                |text| is_name(text).then(|| text.to_owned()),
                Wrong::NotAName,
            ),
            watchers: raw.watchers,
            dtmf: raw.dtmf,
            encryption: raw.encryption,
            codecs: parse_codecs(&raw.codecs, report),
            pin_hash: (!hash.is_empty()).then(|| raw.pin_hash.clone()),
            networks: report.take_all(
                "networks",
                &raw.networks,
                NETWORKS_MAX,
                Network::parse,
                Wrong::NotANetwork,
            ),
            off_hours: raw.off_hours,
            spend: Spend::parse(raw.spend),
            spend_resumed: raw.spend_resumed,
            recording: raw.recording,
        }
    }

    pub(crate) fn to_ipc(&self) -> ExtensionSettings {
        let text = |phone: &Phone| phone.as_str().to_owned();
        ExtensionSettings {
            classes: self.classes.iter().copied().collect(),
            caller_id: self.caller_id.as_ref().map(text).unwrap_or_default(),
            contacts_max: u8::try_from(self.contacts_max).unwrap_or(CONTACTS_MAX),
            call_waiting: self.call_waiting,
            limits: self.limits,
            duration_max_secs: secs(self.duration_max),
            forward: RawForward {
                always: self.forward.always.clone().unwrap_or_default(),
                busy: self.forward.busy.clone().unwrap_or_default(),
                no_answer: self.forward.no_answer.clone().unwrap_or_default(),
                ring_secs: short_secs(self.forward.ring),
            },
            do_not_disturb: self.do_not_disturb,
            pickup_group: self.pickup_group.clone().unwrap_or_default(),
            watchers: self.watchers,
            dtmf: self.dtmf,
            encryption: self.encryption,
            codecs: codecs_to_ipc(&self.codecs),
            pin_hash: self.pin_hash.clone().unwrap_or_default(),
            networks: self.networks.iter().map(ToString::to_string).collect(),
            off_hours: self.off_hours,
            spend: self.spend.to_ipc(),
            spend_resumed: self.spend_resumed,
            recording: self.recording,
        }
    }
}

impl Forward {
    fn parse(raw: &RawForward, report: &mut Report<'_>) -> Self {
        report.range("forward.ring_secs", raw.ring_secs, 5, RING_SECS_MAX.into());
        let mut number = |field, text: &str| {
            let dialled = |text: &str| is_dialled(text).then(|| text.to_owned());
            report.take_any(field, text, dialled, Wrong::NotDialled)
        };
        Self {
            always: number("forward.always", &raw.always),
            busy: number("forward.busy", &raw.busy),
            no_answer: number("forward.no_answer", &raw.no_answer),
            ring: Duration::from_secs(raw.ring_secs.into()),
        }
    }
}

/// An empty list means all of them.
pub(crate) fn parse_codecs(raw: &[Codec], report: &mut Report<'_>) -> Vec<Codec> {
    let mut codecs: Vec<Codec> = Vec::new();
    for codec in raw {
        if codecs.contains(codec) {
            report.wrong("codecs", Wrong::Twice(format!("{codec:?}")));
        }
        codecs.push(*codec);
    }
    if codecs.is_empty() {
        codecs.extend(CODECS);
    }
    codecs
}

pub(crate) fn codecs_to_ipc(codecs: &[Codec]) -> Vec<Codec> {
    if codecs == CODECS {
        Vec::new()
    } else {
        codecs.to_vec()
    }
}

pub(crate) fn secs(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

pub(crate) fn short_secs(duration: Duration) -> u16 {
    u16::try_from(duration.as_secs()).unwrap_or(u16::MAX)
}

/// Hex digits of SHA-256.
const PIN_HASH_LENGTH: usize = 64;
