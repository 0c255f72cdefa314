//! Where numbers lead.

use std::collections::BTreeSet;

use ipc::site::{Destination as RawDestination, Route as RawRoute, Source as RawSource};

use crate::call_back::CallBack;
use crate::number::Number;
use crate::pattern::{Pattern, is_dialled};
use crate::phone::Phone;
use crate::trunk::parse_pattern;
use crate::wrong::{Report, Wrong};

/// Most sources or destinations of one route.
pub(crate) const ENDS_MAX: usize = 100;

/// One rule: a call that fits all of it takes its destinations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Unique name.
    pub name: String,
    /// Otherwise it is passed over.
    pub enabled: bool,
    /// Who may use it; empty: anybody.
    pub sources: Vec<Source>,
    /// The numbers it takes.
    pub pattern: Pattern,
    /// Name of the time condition that must hold.
    pub times: Option<String>,
    /// What is done to the number before it goes on.
    pub rewrite: Rewrite,
    /// Where the call goes, in order; never empty.
    pub destinations: Vec<Destination>,
    /// The caller must enter the PIN of his extension first.
    pub pin: bool,
    /// Every call by it is recorded.
    pub record: bool,
    /// Calls from outside go first to who last had to do with the caller's number.
    pub call_back: CallBack,
}

/// Who a call comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// Any extension.
    Extensions,
    /// Any trunk.
    Trunks,
    /// This extension.
    Extension(Number),
    /// Every member of this group.
    Group(Number),
    /// The trunk with this name.
    Trunk(String),
}

/// Changes a number on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rewrite {
    /// Digits taken away in front.
    pub strip: usize,
    /// Digits put in front.
    pub prefix: String,
    /// Number shown to the called party instead of the caller's own.
    pub caller_id: Option<Phone>,
}

/// Where a call goes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Destination {
    /// An extension.
    Extension(Number),
    /// A ring group.
    Group(Number),
    /// A trunk, by name.
    Trunk(String),
    /// Look this number up from the beginning, in the caller's name; empty: the number as
    /// rewritten.
    Number(String),
    /// The prompt with this name is played; then the call goes on to what comes next, or ends.
    Announcement(String),
    /// A parking slot.
    Park,
    /// Refuse with this SIP status.
    HangUp(u16),
}

/// What may be referred to.
pub(crate) struct Known<'a> {
    pub(crate) extensions: BTreeSet<&'a Number>,
    pub(crate) groups: BTreeSet<&'a str>,
    pub(crate) trunks: BTreeSet<&'a str>,
    pub(crate) times: BTreeSet<&'a str>,
    pub(crate) prompts: BTreeSet<&'a str>,
    pub(crate) owned: &'a [Phone],
}

impl Known<'_> {
    pub(crate) fn is_extension(&self, number: &str) -> bool {
        Number::parse(number).is_ok_and(|number| self.extensions.contains(&number))
    }
}

impl Route {
    pub(crate) fn parse(
        raw: &RawRoute,
        known: &Known<'_>,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        for (field, count) in [
            ("sources", raw.sources.len()),
            ("destinations", raw.destinations.len()),
        ] {
            if count > ENDS_MAX {
                report.wrong(field, Wrong::TooMany(ENDS_MAX));
                return None;
            }
        }
        if raw.destinations.is_empty() {
            report.wrong("destinations", Wrong::Missing);
        }
        let prefix = &raw.rewrite.prefix;
        if !prefix.is_empty() && !is_dialled(prefix) {
            report.wrong("rewrite.prefix", Wrong::NotDialled(prefix.clone()));
        }
        report.range("rewrite.strip", raw.rewrite.strip, 0, 32);
        let sources = raw.sources.iter();
        let sources = sources
            .filter_map(|one| parse_source(one, known, report))
            .collect();
        let destinations = raw.destinations.iter();
        let destinations = destinations
            .filter_map(|one| known.destination("destinations", one, report))
            .collect();
        known.times("times", &raw.times, report);
        let is_of_trunks = |one: &RawSource| matches!(one, RawSource::Trunks | RawSource::Trunk(_));
        let from_outside = raw.sources.is_empty() || raw.sources.iter().any(is_of_trunks);
        if raw.call_back.enabled && !from_outside {
            report.wrong("call_back.enabled", Wrong::FromOutsideOnly);
        }
        let caller_id = known.owned_number("rewrite.caller_id", &raw.rewrite.caller_id, report);
        Some(Self {
            name: raw.name.clone(),
            enabled: raw.enabled,
            sources,
            pattern: parse_pattern("pattern", &raw.pattern, report)?,
            times: (!raw.times.is_empty()).then(|| raw.times.clone()),
            rewrite: Rewrite {
                strip: raw.rewrite.strip.into(),
                prefix: prefix.clone(),
                caller_id,
            },
            destinations,
            pin: raw.pin,
            record: raw.record,
            call_back: CallBack::parse(&raw.call_back, report),
        })
    }

    pub(crate) fn to_ipc(&self) -> RawRoute {
        let caller_id = self.rewrite.caller_id.as_ref();
        RawRoute {
            name: self.name.clone(),
            enabled: self.enabled,
            sources: self.sources.iter().map(source_to_ipc).collect(),
            pattern: self.pattern.as_str().to_owned(),
            times: self.times.clone().unwrap_or_default(),
            rewrite: ipc::site::Rewrite {
                strip: u8::try_from(self.rewrite.strip).unwrap_or(u8::MAX),
                prefix: self.rewrite.prefix.clone(),
                caller_id: caller_id.map(ToString::to_string).unwrap_or_default(),
            },
            destinations: self.destinations.iter().map(Destination::to_ipc).collect(),
            pin: self.pin,
            record: self.record,
            call_back: self.call_back.to_ipc(),
        }
    }
}

impl Destination {
    pub(crate) fn to_ipc(&self) -> RawDestination {
        match self {
            Self::Extension(number) => RawDestination::Extension(number.to_string()),
            Self::Group(number) => RawDestination::Group(number.to_string()),
            Self::Trunk(name) => RawDestination::Trunk(name.clone()),
            Self::Number(number) => RawDestination::Number(number.clone()),
            Self::Announcement(prompt) => RawDestination::Announcement(prompt.clone()),
            Self::Park => RawDestination::Park,
            Self::HangUp(status) => RawDestination::HangUp(*status),
        }
    }
}

impl Known<'_> {
    pub(crate) fn extension(
        &self,
        field: &'static str,
        text: &str,
        report: &mut Report<'_>,
    ) -> Option<Number> {
        let there = |text: &str| {
            let number = Number::parse(text).ok()?;
            self.extensions.contains(&number).then_some(number)
        };
        report.take(field, text, there, |name| Wrong::NoSuch {
            what: "extension",
            name,
        })
    }

    fn group(&self, field: &'static str, text: &str, report: &mut Report<'_>) -> Option<Number> {
        let there = |text: &str| {
            let number = Number::parse(text).ok()?;
            self.groups.contains(text).then_some(number)
        };
        report.take(field, text, there, |name| Wrong::NoSuch {
            what: "group",
            name,
        })
    }

    pub(crate) fn prompt(
        &self,
        field: &'static str,
        text: &str,
        report: &mut Report<'_>,
    ) -> Option<String> {
        named("prompt", &self.prompts, field, text, report)
    }

    pub(crate) fn trunk(
        &self,
        field: &'static str,
        text: &str,
        report: &mut Report<'_>,
    ) -> Option<String> {
        named("trunk", &self.trunks, field, text, report)
    }

    pub(crate) fn times(&self, field: &'static str, text: &str, report: &mut Report<'_>) {
        let there = |text: &str| self.times.contains(text).then_some(());
        report.take_any(field, text, there, |name| Wrong::NoSuch {
            what: "time condition",
            name,
        });
    }

    fn owned_number(
        &self,
        field: &'static str,
        text: &str,
        report: &mut Report<'_>,
    ) -> Option<Phone> {
        let phone = report.take_any(field, text, Phone::parse, Wrong::NotAPhone)?;
        if !self.owned.contains(&phone) {
            report.wrong(field, Wrong::NotOwned(phone.to_string()));
        }
        Some(phone)
    }

    /// Where a call goes that no route has rewritten: to a trunk it would have no number to take.
    pub(crate) fn inside(
        &self,
        field: &'static str,
        raw: &RawDestination,
        report: &mut Report<'_>,
    ) -> Option<Destination> {
        let destination = self.destination(field, raw, report)?;
        let numberless = match &destination {
            Destination::Trunk(_) => true,
            Destination::Number(number) => number.is_empty(),
            Destination::Extension(_)
            | Destination::Group(_)
            | Destination::Announcement(_)
            | Destination::Park
            | Destination::HangUp(_) => false,
        };
        if numberless {
            report.wrong(field, Wrong::RouteOnly);
        }
        Some(destination)
    }

    pub(crate) fn destination(
        &self,
        field: &'static str,
        raw: &RawDestination,
        report: &mut Report<'_>,
    ) -> Option<Destination> {
        match raw {
            RawDestination::Extension(text) => self
                .extension(field, text, report)
                .map(Destination::Extension),
            RawDestination::Group(text) => self.group(field, text, report).map(Destination::Group),
            RawDestination::Trunk(text) => self.trunk(field, text, report).map(Destination::Trunk),
            RawDestination::Number(text) => {
                let dialled =
                    |text: &str| (text.is_empty() || is_dialled(text)).then(|| text.to_owned());
                let number = report.take(field, text, dialled, Wrong::NotDialled);
                number.map(Destination::Number)
            }
            RawDestination::Announcement(text) => {
                let prompt = self.prompt(field, text, report);
                prompt.map(Destination::Announcement)
            }
            RawDestination::Park => Some(Destination::Park),
            RawDestination::HangUp(status) => {
                if !(400..700).contains(status) {
                    report.wrong(field, Wrong::NotAStatus(*status));
                }
                Some(Destination::HangUp(*status))
            }
        }
    }
}

/// A name that is to be one of these.
fn named(
    what: &'static str,
    known: &BTreeSet<&str>,
    field: &'static str,
    text: &str,
    report: &mut Report<'_>,
) -> Option<String> {
    let there = |text: &str| known.contains(text).then(|| text.to_owned());
    report.take(field, text, there, |name| Wrong::NoSuch { what, name })
}

fn parse_source(raw: &RawSource, known: &Known<'_>, report: &mut Report<'_>) -> Option<Source> {
    match raw {
        RawSource::Extensions => Some(Source::Extensions),
        RawSource::Trunks => Some(Source::Trunks),
        RawSource::Extension(text) => known
            .extension("sources", text, report)
            .map(Source::Extension),
        RawSource::Group(text) => known.group("sources", text, report).map(Source::Group),
        RawSource::Trunk(text) => known.trunk("sources", text, report).map(Source::Trunk),
    }
}

fn source_to_ipc(source: &Source) -> RawSource {
    match source {
        Source::Extensions => RawSource::Extensions,
        Source::Trunks => RawSource::Trunks,
        Source::Extension(number) => RawSource::Extension(number.to_string()),
        Source::Group(number) => RawSource::Group(number.to_string()),
        Source::Trunk(name) => RawSource::Trunk(name.clone()),
    }
}
