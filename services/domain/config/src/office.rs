//! What the whole site has in common: groups, parking, numbers, limits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipc::site::{
    CallerRule, Class, Country, Dialling as RawDialling, Group as RawGroup, Limits as RawLimits,
    Member as RawMember, Minutes, Parking as RawParking, Presentation, Strategy, TONES,
};
use ipc::sound::Tones;

use crate::cadence::Cadences;
use crate::number::Number;
use crate::pattern::is_dialled;
use crate::phone::Phone;
use crate::plan::NumberingPlan;
use crate::route::{Destination, Known};
use crate::settings::{RING_SECS_MAX, short_secs};
use crate::site::DISPLAY_NAME_LENGTH_MAX;
use crate::tariff::{Spend, Tariffs};
use crate::times::Zone;
use crate::wrong::{Report, Wrong};

/// Most members of one group: more phones than ring in one room.
pub(crate) const MEMBERS_MAX: usize = 100;
/// Most parking slots.
pub(crate) const SLOTS_MAX: u32 = 100;
/// Most numbers of the site.
pub(crate) const OWNED_NUMBERS_MAX: usize = 10_000;
/// Most emergency numbers besides the country's own.
pub(crate) const EMERGENCY_NUMBERS_MAX: usize = 50;
/// Most names for callers.
pub(crate) const CALLERS_MAX: usize = 1_000;
/// Most calling codes; there are fewer in the world.
const COUNTRIES_MAX: usize = 400;
/// Whose tones are heard in a country that the box does not know: those of most of the world.
const USUAL_TONES: &str = "DE";
/// Every country.
const ALL_COUNTRIES: &str = "*";

/// Several extensions under one number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Dialled number.
    pub number: Number,
    /// Name shown; may be empty.
    pub name: String,
    /// Who rings.
    pub members: Vec<Member>,
    /// In which order.
    pub strategy: Strategy,
    /// Time until nobody answers; for [`Strategy::InOrder`] the time of each member.
    pub ring: Duration,
    /// Where the call goes when nobody answers; without one it ends.
    pub otherwise: Option<Destination>,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Who.
    pub extension: Number,
    /// Time after the others that it begins to ring; zero unless [`Strategy::Delayed`].
    pub delay: Duration,
}

/// Where parked calls wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parking {
    /// The slots' numbers in order; empty: there is no parking lot.
    pub slots: Vec<Number>,
    /// Time until a parked call is given back.
    pub timeout: Duration,
    /// It is given back to whoever parked it.
    pub to_parker: bool,
    /// Where it goes otherwise, and when the parker does not answer; without one it ends.
    pub otherwise: Option<Destination>,
}

/// Country, own numbers and how numbers are shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dialling {
    /// The country, whose numbering plan is in force unless another one is given.
    pub country: Country,
    /// The numbering plan that the site brought along.
    pub own_plan: Option<Box<NumberingPlan>>,
    /// The site's clock.
    pub zone: Zone,
    /// The site's area code (DDD in Brazil).
    pub area_code: Option<String>,
    /// Carrier selection code (CSP in Brazil) for trunks that want one.
    pub carrier: Option<String>,
    /// The numbers that belong to the site; the first is the main one.
    pub owned_numbers: Vec<Phone>,
    /// Emergency numbers besides the country's own.
    pub emergency_numbers: BTreeSet<String>,
    /// Trunks emergency calls go to; empty: every enabled one.
    pub emergency_trunks: Vec<String>,
    /// Countries that may be called (F2).
    pub countries: Countries,
    /// Names for callers by how their number begins, in international form.
    pub callers: BTreeMap<String, String>,
    /// How callers' numbers are shown to phones.
    pub presentation: Presentation,
    /// The country whose tones people hear, by its code; empty: the own one.
    pub tones: String,
    /// Signals that are not as there.
    pub cadences: Option<Box<Cadences>>,
    /// The prompt that whoever waits hears; without one it is music of the box's own.
    pub music: Option<String>,
}

/// Countries that may be called, besides the own one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Countries {
    /// Every one.
    All,
    /// Those with these calling codes.
    Codes(BTreeSet<String>),
}

/// What the whole box may spend (F3, F5, F6, F16).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Outbound calls at one time, percent of the enabled trunks' channels together.
    pub outbound_percent: u8,
    /// Calls at one time to one country abroad.
    pub per_country: usize,
    /// Minutes a day of the whole box; a class that is missing is not capped.
    pub minutes_a_day: BTreeMap<Class, u32>,
    /// When calls abroad are made, except by extensions that may make them at any time (F6).
    pub office_hours: OfficeHours,
    /// What calls cost.
    pub tariffs: Tariffs,
    /// What the whole box may spend (F5).
    pub spend: Spend,
}

/// When calls abroad are made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OfficeHours {
    /// Monday to Friday from 8 to 18, site time.
    Usual,
    /// At any time.
    Always,
    /// While this time condition holds.
    During(String),
}

impl OfficeHours {
    fn parse(text: &str) -> Self {
        match text {
            "" => Self::Usual,
            ALWAYS => Self::Always,
            name => Self::During(name.to_owned()),
        }
    }

    fn to_ipc(&self) -> String {
        match self {
            Self::Usual => String::new(),
            Self::Always => ALWAYS.to_owned(),
            Self::During(name) => name.clone(),
        }
    }
}

/// Calls abroad at any time.
const ALWAYS: &str = "*";

impl Group {
    pub(crate) fn parse(
        raw: &RawGroup,
        number: Number,
        known: &Known<'_>,
        report: &mut Report<'_>,
    ) -> Self {
        report.text("name", &raw.name, DISPLAY_NAME_LENGTH_MAX);
        report.range("ring_secs", raw.ring_secs, 5, RING_SECS_MAX.into());
        let mut members: Vec<Member> = Vec::new();
        if raw.members.len() > MEMBERS_MAX {
            report.wrong("members", Wrong::TooMany(MEMBERS_MAX));
        }
        for member in raw.members.iter().take(MEMBERS_MAX) {
            report.range(
                "members.delay_secs",
                member.delay_secs,
                0,
                RING_SECS_MAX.into(),
            );
            let Some(extension) = known.extension("members", &member.extension, report) else {
                continue;
            };
            if members.iter().any(|other| other.extension == extension) {
                report.wrong("members", Wrong::Twice(member.extension.clone()));
            }
            members.push(Member {
                extension,
                delay: Duration::from_secs(member.delay_secs.into()),
            });
        }
        let otherwise = raw.otherwise.as_ref();
        Self {
            number,
            name: raw.name.clone(),
            members,
            strategy: raw.strategy,
            ring: Duration::from_secs(raw.ring_secs.into()),
            otherwise: otherwise.and_then(|to| known.inside("otherwise", to, report)),
        }
    }

    pub(crate) fn to_ipc(&self) -> RawGroup {
        let member = |member: &Member| RawMember {
            extension: member.extension.to_string(),
            delay_secs: short_secs(member.delay),
        };
        RawGroup {
            number: self.number.to_string(),
            name: self.name.clone(),
            members: self.members.iter().map(member).collect(),
            strategy: self.strategy,
            ring_secs: short_secs(self.ring),
            otherwise: self.otherwise.as_ref().map(Destination::to_ipc),
        }
    }
}

impl Parking {
    pub(crate) fn parse(raw: &RawParking, known: &Known<'_>, report: &mut Report<'_>) -> Self {
        report.range("timeout_secs", raw.timeout_secs, 10, 3_600);
        let slots = match raw.first {
            0 => Vec::new(),
            first => {
                let last = u64::from(first) + u64::from(SLOTS_MAX) - 1;
                report.range("last", raw.last, first.into(), last);
                let last = raw.last.min(first.saturating_add(SLOTS_MAX - 1));
                let slots = (first..=last).map(|slot| slot.to_string());
                slots
                    .filter_map(|slot| {
                        report.take(
                            "first",
                            &slot,
                            |slot| Number::parse(slot).ok(),
                            Wrong::NotDialled,
                        )
                    })
                    .collect()
            }
        };
        let otherwise = raw.otherwise.as_ref();
        Self {
            slots,
            timeout: Duration::from_secs(raw.timeout_secs.into()),
            to_parker: raw.to_parker,
            otherwise: otherwise.and_then(|to| known.inside("otherwise", to, report)),
        }
    }

    pub(crate) fn to_ipc(&self) -> RawParking {
        let number = |slot: Option<&Number>| {
            let digits = slot.and_then(|slot| slot.as_str().parse().ok());
            digits.unwrap_or_default()
        };
        RawParking {
            first: number(self.slots.first()),
            last: number(self.slots.last()),
            timeout_secs: short_secs(self.timeout),
            to_parker: self.to_parker,
            otherwise: self.otherwise.as_ref().map(Destination::to_ipc),
        }
    }
}

impl Dialling {
    /// What numbers mean here.
    #[must_use]
    pub fn plan(&self) -> &NumberingPlan {
        let own = self.own_plan.as_deref();
        own.unwrap_or_else(|| NumberingPlan::of(self.country))
    }

    /// The tones people hear.
    #[must_use]
    pub fn tones(&self) -> Tones {
        let country = match (self.tones.as_str(), self.country) {
            ("", _) if self.own_plan.is_some() => USUAL_TONES,
            ("", Country::Brazil) => "BR",
            ("", Country::Portugal) => "PT",
            (chosen, _) => chosen,
        };
        let own = self.cadences.as_ref();
        Tones {
            country: country.to_owned(),
            own: own.map(|own| Box::new(own.sounded().clone())),
        }
    }

    /// Whether a country with this calling code may be called.
    #[must_use]
    pub fn may_call(&self, calling_code: &str) -> bool {
        match &self.countries {
            Countries::All => true,
            Countries::Codes(codes) => codes.contains(calling_code),
        }
    }

    /// The numbers that belong to the site.
    pub(crate) fn owned(raw: &RawDialling, report: &mut Report<'_>) -> Vec<Phone> {
        let mut owned: Vec<Phone> = Vec::new();
        let mut seen = BTreeSet::new();
        let numbers = &raw.owned_numbers;
        for phone in report.take_all(
            "owned_numbers",
            numbers,
            OWNED_NUMBERS_MAX,
            Phone::parse,
            Wrong::NotAPhone,
        ) {
            if !seen.insert(phone.clone()) {
                report.wrong("owned_numbers", Wrong::Twice(phone.to_string()));
            }
            owned.push(phone);
        }
        owned
    }

    pub(crate) fn parse(
        raw: &RawDialling,
        owned_numbers: Vec<Phone>,
        known: &Known<'_>,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let digits = |text: &str, max| {
            let digital = text.bytes().all(|byte| byte.is_ascii_digit());
            ((1..=max).contains(&text.len()) && digital).then(|| text.to_owned())
        };
        let emergency = report.take_all(
            "emergency_numbers",
            &raw.emergency_numbers,
            EMERGENCY_NUMBERS_MAX,
            |text| is_dialled(text).then(|| text.to_owned()),
            Wrong::NotDialled,
        );
        let trunks = raw.emergency_trunks.iter();
        let emergency_trunks = trunks
            .filter_map(|name| known.trunk("emergency_trunks", name, report))
            .collect();
        let countries = if raw.countries.iter().any(|code| code == ALL_COUNTRIES) {
            Countries::All
        } else {
            let codes = report.take_all(
                "countries",
                &raw.countries,
                COUNTRIES_MAX,
                |code| digits(code, 4).filter(|code| !code.starts_with('0')),
                Wrong::NotACallingCode,
            );
            Countries::Codes(codes.into_iter().collect())
        };
        let zone = report.take("zone", &raw.zone, Zone::parse, Wrong::NotAZone);
        if !raw.tones.is_empty() && !TONES.contains(&raw.tones.as_str()) {
            report.wrong("tones", Wrong::NoTones(raw.tones.clone()));
        }
        let plan = raw.plan.as_ref();
        let plan = plan.map(|plan| Box::new(NumberingPlan::parse(plan, report)));
        let cadences = raw.cadences.as_ref();
        let cadences = cadences.map(|own| Cadences::parse(own, report));
        let code = |text: &str| digits(text, 5);
        let music = Some(raw.music.as_str()).filter(|name| !name.is_empty());
        Some(Self {
            country: raw.country,
            own_plan: plan,
            area_code: report.take_any("area_code", &raw.area_code, code, Wrong::NotDialled),
            carrier: report.take_any("carrier", &raw.carrier, code, Wrong::NotDialled),
            owned_numbers,
            emergency_numbers: emergency.into_iter().collect(),
            emergency_trunks,
            countries,
            callers: parse_callers(&raw.callers, report),
            presentation: raw.presentation,
            tones: raw.tones.clone(),
            cadences: cadences.map(Box::new),
            music: music.and_then(|name| known.prompt("music", name, report)),
            zone: zone?,
        })
    }

    pub(crate) fn to_ipc(&self) -> RawDialling {
        let rule = |(prefix, name): (&String, &String)| CallerRule {
            prefix: prefix.clone(),
            name: name.clone(),
        };
        RawDialling {
            country: self.country,
            plan: self.own_plan.as_ref().map(|plan| plan.to_ipc()),
            zone: self.zone.name().to_owned(),
            area_code: self.area_code.clone().unwrap_or_default(),
            carrier: self.carrier.clone().unwrap_or_default(),
            owned_numbers: self.owned_numbers.iter().map(ToString::to_string).collect(),
            emergency_numbers: self.emergency_numbers.iter().cloned().collect(),
            emergency_trunks: self.emergency_trunks.clone(),
            countries: match &self.countries {
                Countries::All => vec![ALL_COUNTRIES.to_owned()],
                Countries::Codes(codes) => codes.iter().cloned().collect(),
            },
            callers: self.callers.iter().map(rule).collect(),
            presentation: self.presentation,
            tones: self.tones.clone(),
            music: self.music.clone().unwrap_or_default(),
            cadences: self.cadences.as_ref().map(|own| own.to_ipc()),
        }
    }
}

fn parse_callers(raw: &[CallerRule], report: &mut Report<'_>) -> BTreeMap<String, String> {
    if raw.len() > CALLERS_MAX {
        report.wrong("callers", Wrong::TooMany(CALLERS_MAX));
    }
    let mut callers = BTreeMap::new();
    for rule in raw.iter().take(CALLERS_MAX) {
        report.text("callers.name", &rule.name, DISPLAY_NAME_LENGTH_MAX);
        if !rule.prefix.starts_with('+') || !is_dialled(&rule.prefix) {
            report.wrong("callers.prefix", Wrong::NotAPhone(rule.prefix.clone()));
        }
        if callers
            .insert(rule.prefix.clone(), rule.name.clone())
            .is_some()
        {
            report.wrong("callers.prefix", Wrong::Twice(rule.prefix.clone()));
        }
    }
    callers
}

impl Limits {
    pub(crate) fn parse(raw: &RawLimits, known: &Known<'_>, report: &mut Report<'_>) -> Self {
        report.range("outbound_percent", raw.outbound_percent, 1, 100);
        let office_hours = OfficeHours::parse(&raw.office_hours);
        if let OfficeHours::During(name) = &office_hours {
            known.times("office_hours", name, report);
        }
        let mut minutes_a_day = BTreeMap::new();
        for cap in &raw.minutes_a_day {
            if minutes_a_day.insert(cap.class, cap.minutes).is_some() {
                report.wrong("minutes_a_day", Wrong::Twice(format!("{:?}", cap.class)));
            }
        }
        Self {
            outbound_percent: raw.outbound_percent,
            per_country: raw.per_country.into(),
            minutes_a_day,
            office_hours,
            tariffs: Tariffs::parse(&raw.tariffs, report),
            spend: Spend::parse(raw.spend),
        }
    }

    pub(crate) fn to_ipc(&self) -> RawLimits {
        let minutes = |(class, minutes): (&Class, &u32)| Minutes {
            class: *class,
            minutes: *minutes,
        };
        RawLimits {
            outbound_percent: self.outbound_percent,
            per_country: u16::try_from(self.per_country).unwrap_or(u16::MAX),
            minutes_a_day: self.minutes_a_day.iter().map(minutes).collect(),
            office_hours: self.office_hours.to_ipc(),
            tariffs: self.tariffs.to_ipc(),
            spend: self.spend.to_ipc(),
        }
    }
}
