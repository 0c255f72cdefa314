//! What can be wrong with one field, and collecting it.

use std::fmt;

use ipc::site::TONES;
use ipc::sound::PROMPT_NAME_MAX;

use crate::fault::Fault;
use crate::features::Feature;
use crate::number::{NUMBER_LENGTH_MAX, NUMBER_LENGTH_MIN};
use crate::pattern::{DIALLED_LENGTH_MAX, PatternFault};
use crate::retention::{AUDIT_DAYS_MIN, DAYS_MAX};

/// Most characters of a name of a trunk, route or time condition.
pub const NAME_LENGTH_MAX: usize = 40;

/// What is wrong with a field. The sentence goes on after the field's name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Wrong {
    /// Needed, and empty.
    #[error("must be given")]
    Missing,
    /// Not E.164.
    #[error("{0:?} is not a number in international form; write it as +551132345678")]
    NotAPhone(String),
    /// Spoofing one's number is an offence (F12).
    #[error("{0} is not one of the site's own numbers; add it to them or choose one of them")]
    NotOwned(String),
    /// Nobody could dial it.
    #[error("{0:?} cannot be dialled; use 1 to {DIALLED_LENGTH_MAX} of 0-9 * # +")]
    NotDialled(String),
    /// Not a number of an extension.
    #[error("{0:?} cannot be an extension; use {NUMBER_LENGTH_MIN} to {NUMBER_LENGTH_MAX} digits")]
    NotANumber(String),
    /// Not a range of addresses.
    #[error("{0:?} is not a network; write it as 192.168.0.0/24, without bits behind the length")]
    NotANetwork(String),
    /// With such a range bans would be on and hit nobody.
    #[error("{0} is too wide: nobody in it is ever banned; use at least /{1}")]
    SparesAll(String, u8),
    /// Not a host.
    #[error("{0:?} is not a host; write a name or address, with :port if need be")]
    NotAHost(String),
    /// Not a pattern.
    #[error("{text:?} {fault}")]
    Pattern {
        /// As written.
        text: String,
        /// What to change.
        fault: PatternFault,
    },
    /// Too small or too large.
    #[error("{value} is out of range; use {from} to {to}")]
    Range {
        /// As written.
        value: u64,
        /// Smallest.
        from: u64,
        /// Largest.
        to: u64,
    },
    /// The audit trail is to answer for what was done.
    #[error(
        "{0} is out of range; use {AUDIT_DAYS_MIN} to {DAYS_MAX}: the trail must say for six \
         months at least who did what with the data of people (LGPD art. 37)"
    )]
    AuditDays(u16),
    /// Too long, or with control characters.
    #[error("use at most {0} characters and no control characters")]
    Text(usize),
    /// Not a name.
    #[error(
        "{0:?} is not a name; use 1 to {NAME_LENGTH_MAX} letters, digits, spaces, dots, dashes \
         and underscores, not a space at either end"
    )]
    NotAName(String),
    /// Not what a prompt can be called.
    #[error(
        "{0:?} cannot name a prompt; use 1 to {PROMPT_NAME_MAX} letters without accents, digits, \
         dashes and underscores, as horario-fechado"
    )]
    NotAPrompt(String),
    /// Two have one name.
    #[error("{0:?} is there twice; remove one or change it")]
    Twice(String),
    /// It refers to something that does not exist.
    #[error("there is no {what} {name:?}; create it first or choose another")]
    NoSuch {
        /// What it should be.
        what: &'static str,
        /// As written.
        name: String,
    },
    /// More than the box is built for.
    #[error("more than {0} are too many; remove some")]
    TooMany(usize),
    /// Not an IANA time zone.
    #[error("{0:?} is not a time zone; write it as America/Sao_Paulo")]
    NotAZone(String),
    /// Not a time of the day.
    #[error("{0:?} is not a time of the day; write it as 08:00, up to 24:00")]
    NotATime(String),
    /// Not a date.
    #[error("{0:?} is not a date; write it as 2026-12-24, or 12-24 for every year")]
    NotADate(String),
    /// Dates that run backwards, or one with and one without a year.
    #[error("ends before it begins, or only one end has a year; swap or complete the ends")]
    Backwards,
    /// A group whose members the person decides.
    #[error("an installer says who is in a group; grant single extensions instead")]
    GroupForInstaller,
    /// Not the secret of a second factor. Not quoted.
    #[error("must be 32 of A-Z and 2-7; set the second factor up again")]
    NotASecret,
    /// Not a hash.
    #[error("must be {0} lower-case hex digits; set it again")]
    NotAHash(usize),
    /// Not bytes as base64url.
    #[error("must be 1 to {0} bytes as base64url; enrol it again")]
    NotBytes(usize),
    /// One number would mean two things.
    #[error("{number:?} is also {other}; change one of them")]
    Clash {
        /// The number.
        number: String,
        /// What else it is.
        other: Meaning,
    },
    /// Not a feature code.
    #[error("{0:?} is not a code; use 1 to 6 of 0-9 * #, or nothing to switch it off")]
    NotACode(String),
    /// Not a final status that refuses.
    #[error("{0} is not a status that ends a call; use 400 to 699")]
    NotAStatus(u16),
    /// A destination that needs a route's number.
    #[error("a trunk, or a number left empty, is for routes only; give the number to call")]
    RouteOnly,
    /// Nobody who may use the route calls from outside.
    #[error("is for calls from outside; name a trunk among the sources or switch it off")]
    FromOutsideOnly,
    /// Not certificates.
    #[error("is not one or more certificates as PEM; paste from BEGIN to END CERTIFICATE")]
    NotACertificate,
    /// Not a fingerprint.
    #[error("{0:?} is not a SHA-256 fingerprint; write its 64 hex digits, colons are let go")]
    NotAFingerprint(String),
    /// Not a country whose tones are known.
    #[error("the tones of {0:?} are not known; use one of {known}", known = TONES.join(" "))]
    NoTones(String),
    /// An emergency number that only rules know.
    #[error("of {0:?} is emergency; list each such number in plan.emergency and remove the rule")]
    EmergencyRule(String),
    /// A rule that says nothing.
    #[error("of {0:?} is unknown; say what these numbers are or remove the rule")]
    UnknownRule(String),
    /// A rule for every area of a plan without any.
    #[error("are needed by the rule {0:?}; list the area codes or write digits for the A")]
    NoAreas(String),
    /// The trunk prefix would be part of the international form.
    #[error("leaves the trunk prefix in the international form of {0:?}; strip it")]
    KeepsPrefix(String),
    /// Not a signal.
    #[error(
        "{0:?} is not a signal; write it as 440+480/2000,0/4000: tones of 100 to 3400 Hz, / and \
         10 to 60000 milliseconds, 0 for silence"
    )]
    NotACadence(String),
    /// Not 32 bytes as base64. Not quoted: it may be a secret.
    #[error("is not a WireGuard key; write its 44 signs, as `wg pubkey` prints them")]
    NotAKey,
    /// Not an address that a machine may have in a grid.
    #[error("{0:?} is not an address of a machine in a grid; write it alone, as 10.200.0.5")]
    NotAHostIp(String),
    /// Two addresses of one IP version.
    #[error("are two of one IP version; give one, or one of each")]
    OneOfEach,
    /// Nothing can be reached from the address.
    #[error("holds no network of the IP version of the box's address; add one")]
    OtherIpVersion,
    /// A default route, or nearly one.
    #[error("{0} is too wide: all the box sends would leave by the tunnel; use at least /{1}")]
    TooWide(String, u8),
    /// Not where a grid can be.
    #[error("{0} has addresses of {1} in it, where no grid can be; choose another")]
    NoGrid(String, &'static str),
    /// The tunnel would have to go through itself.
    #[error("lies in {0}, which is reached through it; leave it out of the allowed networks")]
    Within(String),
    /// Two networks have addresses in common that must not.
    #[error("{network} has addresses in common with {other}, {what}; choose another")]
    Overlap {
        /// Of the tunnel.
        network: String,
        /// The other one.
        other: String,
        /// What that one is.
        what: &'static str,
    },
    /// Not a country.
    #[error("{0:?} is not a country; write its two letters of ISO 3166-1, as BR")]
    NotACountry(String),
    /// Nobody would be let in.
    #[error("is empty, which would keep everybody outside out; name a country or switch it off")]
    NoCountry,
    /// Not a calling code.
    #[error("{0:?} is not a country's calling code; write it as 351, or * for all")]
    NotACallingCode(String),
}

/// What else a number means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// It is an extension.
    Extension,
    /// It is a group.
    Group,
    /// Parked calls wait there.
    Slot,
    /// The code of a feature begins with it or is it.
    Code(String, Feature),
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension => f.write_str("an extension"),
            Self::Group => f.write_str("a group"),
            Self::Slot => f.write_str("a parking slot"),
            Self::Code(code, feature) => {
                write!(f, "taken by the code {code} of {}", feature.name())
            }
        }
    }
}

/// Collects what is wrong with one thing.
pub(crate) struct Report<'a> {
    /// The thing, as a person calls it: `trunk "Oi"`.
    of: String,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Report<'a> {
    pub(crate) const fn new(of: String, faults: &'a mut Vec<Fault>) -> Self {
        Self { of, faults }
    }

    pub(crate) fn wrong(&mut self, field: &'static str, wrong: Wrong) {
        self.faults.push(Fault::Setting {
            of: self.of.clone(),
            field,
            wrong,
        });
    }

    /// Keeps what is right and tells what is not.
    pub(crate) fn take<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        wrong: impl FnOnce(String) -> Wrong,
    ) -> Option<T> {
        let parsed = parse(text);
        if parsed.is_none() {
            self.wrong(field, wrong(text.to_owned()));
        }
        parsed
    }

    /// As [`Report::take`], where empty means none.
    pub(crate) fn take_any<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        wrong: impl FnOnce(String) -> Wrong,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        self.take(field, text, parse, wrong)
    }

    /// As [`Report::take`], for each of a list of at most `max`.
    pub(crate) fn take_all<T>(
        &mut self,
        field: &'static str,
        texts: &[String],
        max: usize,
        parse: impl Fn(&str) -> Option<T>,
        wrong: impl Fn(String) -> Wrong,
    ) -> Vec<T> {
        if texts.len() > max {
            self.wrong(field, Wrong::TooMany(max));
            return Vec::new();
        }
        let each = |text: &String| self.take(field, text, &parse, &wrong);
        texts.iter().filter_map(each).collect()
    }

    pub(crate) fn range(&mut self, field: &'static str, value: impl Into<u64>, from: u64, to: u64) {
        let value = value.into();
        if !(from..=to).contains(&value) {
            self.wrong(field, Wrong::Range { value, from, to });
        }
    }

    /// As [`Report::text`], of several lines.
    pub(crate) fn lines(&mut self, field: &'static str, text: &str, max: usize) {
        let control = |c: char| c.is_control() && !matches!(c, '\r' | '\n');
        if text.chars().count() > max || text.chars().any(control) {
            self.wrong(field, Wrong::Text(max));
        }
    }

    pub(crate) fn text(&mut self, field: &'static str, text: &str, max: usize) {
        if text.chars().count() > max || text.chars().any(char::is_control) {
            self.wrong(field, Wrong::Text(max));
        }
    }
}

/// Whether a text can name a trunk, a route or a time condition.
pub(crate) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || " .-_".contains(c);
    let length = text.chars().count();
    (1..=NAME_LENGTH_MAX).contains(&length) && text.chars().all(allowed) && text.trim() == text
}
