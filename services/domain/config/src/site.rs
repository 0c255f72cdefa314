//! The checked site and the one way to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipc::Redacted;
use ipc::site::{Extension as RawExtension, Role, Site as RawSite};
use sansio::UnixTime;

use crate::clash;
use crate::fault::Fault;
use crate::features::Features;
use crate::guard::Guard;
use crate::network::{Network, Networks};
use crate::number::Number;
use crate::office::{Dialling, Group, Limits, OfficeHours, Parking};
use crate::origins::Origins;
use crate::people::{self, Person};
use crate::phone::Phone;
use crate::prompt::Prompt;
use crate::recording::Recordings;
use crate::retention::Retention;
use crate::route::{Known, Route};
use crate::settings::Settings;
use crate::sign_in::SignIn;
use crate::times::{TimeCondition, is_usual_time};
use crate::trunk::Trunk;
use crate::tunnel::Tunnel;
use crate::wrong::{Report, Wrong, is_name};

/// Most extensions of a site: four times the largest office the box is sized for.
pub const EXTENSIONS_MAX: usize = 10_000;
/// Most people with a sign-in.
pub const PEOPLE_MAX: usize = 1_000;
/// Longest realm, bytes: fits every phone's buffer.
pub const REALM_LENGTH_MAX: usize = 64;
/// Longest display name, characters.
pub const DISPLAY_NAME_LENGTH_MAX: usize = 64;
/// Longest sign-in name, bytes.
pub const LOGIN_LENGTH_MAX: usize = 32;
/// Most trunks.
pub(crate) const TRUNKS_MAX: usize = 100;
/// Most ring groups.
pub(crate) const GROUPS_MAX: usize = 1_000;
/// Most routes; each call may look at all of them.
pub(crate) const ROUTES_MAX: usize = 1_000;
/// Most time conditions.
pub(crate) const TIMES_MAX: usize = 200;
/// Most prompts.
pub(crate) const PROMPTS_MAX: usize = 200;
/// Most networks that count as inside.
pub(crate) const INTERNAL_NETWORKS_MAX: usize = 100;
/// The administrator every new site has.
pub const FACTORY_LOGIN: &str = "admin";

const HA1_MD5_LENGTH: usize = 32;
const HA1_SHA256_LENGTH: usize = 64;

/// Everything people configure, checked. Immutable: a change is a new site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// Digest realm of every extension (RFC 3261 §22.1).
    pub realm: String,
    /// Desk and soft phones, by number.
    pub extensions: BTreeMap<Number, Extension>,
    /// People who may sign in, by sign-in name.
    pub people: BTreeMap<String, Person>,
    /// Which addresses count as inside (R51).
    pub networks: Networks,
    /// Ring groups, by number.
    pub groups: BTreeMap<Number, Group>,
    /// Lines to the outside, in the order people gave them.
    pub trunks: Vec<Trunk>,
    /// Where numbers lead, in the order they are asked.
    pub routes: Vec<Route>,
    /// Office hours, holidays and the like, by name.
    pub times: BTreeMap<String, TimeCondition>,
    /// What the box says to callers, by name.
    pub prompts: BTreeMap<String, Prompt>,
    /// The codes people dial.
    pub features: Features,
    /// Where parked calls wait.
    pub parking: Parking,
    /// Country, own numbers and how numbers are shown.
    pub dialling: Dialling,
    /// What the whole box may spend.
    pub limits: Limits,
    /// How recorded calls are kept.
    pub recording: Recordings,
    /// How long is kept what the box notes of people.
    pub retention: Retention,
    /// What is asked of people at a sign-in.
    pub sign_in: SignIn,
    /// When an address is banned, and for how long.
    pub guard: Guard,
    /// From which countries the box may be reached.
    pub countries: Origins,
    /// The box's way into a grid.
    pub tunnel: Option<Tunnel>,
}

/// A phone's identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extension {
    /// Dialled number and SIP user name.
    pub number: Number,
    /// Name shown to the called party; may be empty.
    pub display_name: String,
    /// Lower-case hex of MD5(number:realm:password).
    pub ha1_md5: Redacted<String>,
    /// Lower-case hex of SHA-256(number:realm:password).
    pub ha1_sha256: Redacted<String>,
    /// May register and call from outside the internal networks (R51, R70).
    pub remote: bool,
    /// What it may do and how its calls behave.
    pub settings: Settings,
}

impl Site {
    /// The site of a box fresh from the works: no extension, and one unclaimed administrator
    /// whose one-time password is made at each start until somebody claims the account.
    ///
    /// # Panics
    /// Never: a test parses the factory's site.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a constant site, parsed by a test")]
    pub fn factory(realm: &str) -> Self {
        let admin = ipc::site::Person {
            login: FACTORY_LOGIN.to_owned(),
            role: Role::Administrator,
            password_one_time: true,
            ..ipc::site::Person::default()
        };
        let raw = RawSite {
            realm: "factory".to_owned(),
            people: vec![admin],
            ..RawSite::default()
        };
        let mut site = Self::parse(&raw).expect("the factory's site is valid");
        realm.clone_into(&mut site.realm);
        site
    }

    /// Reads a site as it travels.
    ///
    /// # Errors
    /// Every [`Fault`] there is, so that a person can correct them in one go.
    pub fn parse(raw: &RawSite) -> Result<Self, Vec<Fault>> {
        bounded(raw)?;
        let mut faults = Vec::new();
        if !is_realm(&raw.realm) {
            faults.push(Fault::Realm);
        }
        let mut report = Report::new("dialling".into(), &mut faults);
        let owned = Dialling::owned(&raw.dialling, &mut report);
        let extensions = parse_extensions(&raw.extensions, &owned, &mut faults);
        let known = Known {
            extensions: extensions.keys().collect(),
            groups: raw.groups.iter().map(|it| it.number.as_str()).collect(),
            trunks: raw.trunks.iter().map(|it| it.name.as_str()).collect(),
            times: raw.times.iter().map(|it| it.name.as_str()).collect(),
            prompts: raw.prompts.iter().map(|it| it.name.as_str()).collect(),
            owned: &owned,
        };
        let people = people::parse(&raw.people, &known, &mut faults);
        let mut report = Report::new("feature codes".into(), &mut faults);
        let features = Features::parse(&raw.features, &mut report);
        let mut report = Report::new("parking".into(), &mut faults);
        let parking = Parking::parse(&raw.parking, &known, &mut report);
        let mut report = Report::new("dialling".into(), &mut faults);
        let dialling = Dialling::parse(&raw.dialling, owned.clone(), &known, &mut report);
        let mut report = Report::new("limits".into(), &mut faults);
        let limits = Limits::parse(&raw.limits, &known, &mut report);
        let mut report = Report::new("recording".into(), &mut faults);
        let recording = Recordings::parse(raw.recording, &mut report);
        let mut report = Report::new("retention".into(), &mut faults);
        let retention = Retention::parse(raw.retention, &mut report);
        let (guard, countries) = parse_doors(raw, &mut faults);
        let groups = parse_groups(raw, &known, &mut faults);
        let routes = parse_routes(raw, &known, &mut faults);
        let (networks, tunnel) = parse_networks(raw, &mut faults);
        let trunks = parse_trunks(raw, &mut faults);
        let times = parse_times(raw, &mut faults);
        let prompts = Prompt::parse_all(&raw.prompts, &mut faults);
        clash::check(&extensions, &groups, &features, &parking, &mut faults);
        clash::check_decoys(
            &guard.decoys,
            &extensions,
            &groups,
            &features,
            &parking,
            &mut faults,
        );
        match dialling {
            Some(dialling) if faults.is_empty() => Ok(Self {
                realm: raw.realm.clone(),
                extensions,
                people,
                networks,
                groups,
                trunks,
                routes,
                times,
                prompts,
                features,
                parking,
                dialling,
                limits,
                recording,
                retention,
                sign_in: SignIn::parse(raw.sign_in),
                guard,
                countries,
                tunnel,
            }),
            _ => Err(faults),
        }
    }

    /// The site as it travels; [`Site::parse`] reads it back.
    #[must_use]
    pub fn to_ipc(&self) -> RawSite {
        let extension = |extension: &Extension| RawExtension {
            number: extension.number.as_str().to_owned(),
            display_name: extension.display_name.clone(),
            ha1_md5: extension.ha1_md5.clone(),
            ha1_sha256: extension.ha1_sha256.clone(),
            remote: extension.remote,
            settings: extension.settings.to_ipc(),
        };
        let internal = self.networks.internal.iter();
        RawSite {
            realm: self.realm.clone(),
            extensions: self.extensions.values().map(extension).collect(),
            people: self.people.values().map(Person::to_ipc).collect(),
            networks: ipc::site::Networks {
                internal: internal.map(ToString::to_string).collect(),
            },
            groups: self.groups.values().map(Group::to_ipc).collect(),
            trunks: self.trunks.iter().map(Trunk::to_ipc).collect(),
            routes: self.routes.iter().map(Route::to_ipc).collect(),
            times: self.times.values().map(TimeCondition::to_ipc).collect(),
            prompts: self.prompts.values().map(Prompt::to_ipc).collect(),
            features: self.features.to_ipc(),
            parking: self.parking.to_ipc(),
            dialling: self.dialling.to_ipc(),
            limits: self.limits.to_ipc(),
            recording: self.recording.to_ipc(),
            retention: self.retention.to_ipc(),
            sign_in: self.sign_in.to_ipc(),
            guard: self.guard.to_ipc(),
            countries: self.countries.to_ipc(),
            tunnel: self.tunnel.as_ref().map(Tunnel::to_ipc),
        }
    }

    /// The extension with this number.
    #[must_use]
    pub fn extension(&self, number: &str) -> Option<&Extension> {
        self.extensions.get(number)
    }

    /// The trunk with this name.
    #[must_use]
    pub fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.name == name)
    }

    /// Whether an extension may be used from an address: inside, or anywhere when it is remote,
    /// and in either case only from its own networks when it has any (R51, R70). `neighbours` are
    /// those of all links of the box.
    #[must_use]
    pub fn admits(&self, extension: &Extension, address: IpAddr, neighbours: &[Network]) -> bool {
        let is_inside = || self.networks.is_internal(address, neighbours);
        (extension.remote || is_inside()) && is_of_its_own(extension, address)
    }

    /// The same for an address that a router writes as that of others: who has it may be anybody,
    /// so he is outside (T7).
    #[must_use]
    pub fn admits_hidden(&self, extension: &Extension, address: IpAddr) -> bool {
        extension.remote && is_of_its_own(extension, address)
    }

    /// Whether calls abroad are made at that time (F6).
    #[must_use]
    pub fn is_office_time(&self, now: UnixTime) -> bool {
        match &self.limits.office_hours {
            OfficeHours::Always => true,
            OfficeHours::Usual => is_usual_time(&self.dialling.zone, now),
            OfficeHours::During(name) => self.times.get(name).is_some_and(|it| it.holds(now)),
        }
    }

    /// The groups an extension is a member of.
    pub fn groups_of(&self, extension: &str) -> impl Iterator<Item = &Group> {
        self.groups.values().filter(move |group| {
            let mut members = group.members.iter();
            members.any(|member| member.extension.as_str() == extension)
        })
    }
}

/// Refuses a site that is larger than the box is built for before anything looks at all of it.
fn bounded(raw: &RawSite) -> Result<(), Vec<Fault>> {
    if raw.extensions.len() > EXTENSIONS_MAX {
        return Err(vec![Fault::TooManyExtensions(raw.extensions.len())]);
    }
    if raw.people.len() > PEOPLE_MAX {
        return Err(vec![Fault::TooManyPeople(raw.people.len())]);
    }
    let counts = [
        ("trunks", raw.trunks.len(), TRUNKS_MAX),
        ("groups", raw.groups.len(), GROUPS_MAX),
        ("routes", raw.routes.len(), ROUTES_MAX),
        ("time conditions", raw.times.len(), TIMES_MAX),
        ("prompts", raw.prompts.len(), PROMPTS_MAX),
    ];
    for (what, count, max) in counts {
        if count > max {
            return Err(vec![Fault::TooMany { what, count, max }]);
        }
    }
    Ok(())
}

/// Who is heard at all.
fn parse_doors(raw: &RawSite, faults: &mut Vec<Fault>) -> (Guard, Origins) {
    let guard = Guard::parse(&raw.guard, &mut Report::new("guard".into(), faults));
    let mut report = Report::new("countries".into(), faults);
    (guard, Origins::parse(&raw.countries, &mut report))
}

/// What is inside, and the tunnel, which leads outside.
fn parse_networks(raw: &RawSite, faults: &mut Vec<Fault>) -> (Networks, Option<Tunnel>) {
    let mut report = Report::new("networks".into(), faults);
    let internal = &raw.networks.internal;
    let (max, parse) = (INTERNAL_NETWORKS_MAX, Network::parse);
    let internal = report.take_all("internal", internal, max, parse, Wrong::NotANetwork);
    let mut report = Report::new("tunnel".into(), faults);
    let tunnel = raw.tunnel.as_ref();
    let tunnel = tunnel.and_then(|raw| Tunnel::read(raw, &mut report));
    let grid: Vec<Network> = tunnel.iter().flat_map(Tunnel::networks).collect();
    // A grid in a corner of what is inside is only left out of it; the other way round nobody
    // would be inside any more.
    for network in &grid {
        let lost = |it: &&Network| it.overlaps(network) && it.length() >= network.length();
        if let Some(other) = internal.iter().find(lost) {
            let wrong = Wrong::Overlap {
                network: network.to_string(),
                other: other.to_string(),
                what: "which counts as inside",
            };
            report.wrong("allowed", wrong);
        }
    }
    (Networks { internal, grid }, tunnel)
}

fn parse_groups(
    raw: &RawSite,
    known: &Known<'_>,
    faults: &mut Vec<Fault>,
) -> BTreeMap<Number, Group> {
    let mut groups = BTreeMap::new();
    for group in &raw.groups {
        let mut report = Report::new(format!("group {}", group.number), faults);
        let parse = |text: &str| Number::parse(text).ok();
        let number = report.take("number", &group.number, parse, Wrong::NotDialled);
        let Some(number) = number else { continue };
        let parsed = Group::parse(group, number.clone(), known, &mut report);
        if groups.insert(number, parsed).is_some() {
            report.wrong("number", Wrong::Twice(group.number.clone()));
        }
    }
    groups
}

fn parse_trunks(raw: &RawSite, faults: &mut Vec<Fault>) -> Vec<Trunk> {
    let mut names = BTreeSet::new();
    let mut trunks = Vec::new();
    for trunk in &raw.trunks {
        let mut report = Report::new(format!("trunk {:?}", trunk.name), faults);
        check_name(&trunk.name, &mut names, &mut report);
        trunks.extend(Trunk::parse(trunk, &mut report));
    }
    trunks
}

fn parse_routes(raw: &RawSite, known: &Known<'_>, faults: &mut Vec<Fault>) -> Vec<Route> {
    let mut names = BTreeSet::new();
    let mut routes = Vec::new();
    for route in &raw.routes {
        let mut report = Report::new(format!("route {:?}", route.name), faults);
        check_name(&route.name, &mut names, &mut report);
        routes.extend(Route::parse(route, known, &mut report));
    }
    routes
}

fn parse_times(raw: &RawSite, faults: &mut Vec<Fault>) -> BTreeMap<String, TimeCondition> {
    let mut names = BTreeSet::new();
    let mut times = BTreeMap::new();
    for condition in &raw.times {
        let mut report = Report::new(format!("time condition {:?}", condition.name), faults);
        check_name(&condition.name, &mut names, &mut report);
        let parsed = TimeCondition::parse(condition, &mut report);
        times.extend(parsed.map(|parsed| (parsed.name.clone(), parsed)));
    }
    times
}

fn check_name(name: &str, names: &mut BTreeSet<String>, report: &mut Report<'_>) {
    if !is_name(name) {
        report.wrong("name", Wrong::NotAName(name.to_owned()));
    }
    if !names.insert(name.to_owned()) {
        report.wrong("name", Wrong::Twice(name.to_owned()));
    }
}

fn parse_extensions(
    raw: &[RawExtension],
    owned: &[Phone],
    faults: &mut Vec<Fault>,
) -> BTreeMap<Number, Extension> {
    let mut extensions = BTreeMap::new();
    for extension in raw {
        let number = match Number::parse(&extension.number) {
            Ok(number) => number,
            Err(fault) => {
                faults.push(Fault::Number {
                    number: extension.number.clone(),
                    fault,
                });
                continue;
            }
        };
        let name = &extension.display_name;
        if name.chars().count() > DISPLAY_NAME_LENGTH_MAX || name.chars().any(char::is_control) {
            faults.push(Fault::DisplayName(extension.number.clone()));
        }
        for (field, hash, length) in [
            ("ha1_md5", &extension.ha1_md5, HA1_MD5_LENGTH),
            ("ha1_sha256", &extension.ha1_sha256, HA1_SHA256_LENGTH),
        ] {
            if !is_lower_hex(hash.reveal(), length) {
                faults.push(Fault::Ha1 {
                    number: extension.number.clone(),
                    field,
                    length,
                });
            }
        }
        let mut report = Report::new(format!("extension {number}"), faults);
        let settings = Settings::parse(&extension.settings, owned, &mut report);
        let parsed = Extension {
            number: number.clone(),
            display_name: name.clone(),
            ha1_md5: extension.ha1_md5.clone(),
            ha1_sha256: extension.ha1_sha256.clone(),
            remote: extension.remote,
            settings,
        };
        if extensions.insert(number, parsed).is_some() {
            faults.push(Fault::DuplicateNumber(extension.number.clone()));
        }
    }
    extensions
}

fn is_realm(text: &str) -> bool {
    let allowed = |byte: u8| (0x20..0x7f).contains(&byte) && !br#""\:"#.contains(&byte);
    (1..=REALM_LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

pub(crate) fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether an address is in the networks of an extension that has any.
fn is_of_its_own(extension: &Extension, address: IpAddr) -> bool {
    let own = &extension.settings.networks;
    own.is_empty() || own.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod telephony;
#[cfg(test)]
pub(crate) mod tests;
