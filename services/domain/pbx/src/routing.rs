//! Where a called number leads, and what the settings of those concerned say about it: the bridge
//! from `routing`, which decides, to calls, which carry it out.

use std::time::Duration;

use ::routing::{Cause, Charge, Outbound, Query, Refusal, Trigger, Usage, Who as Asker};
use config::{Dtmf, Extension, Feature, Number, Recording, Recordings, Site};
use ipc::sound::{Clip, Source, prompt_file};
use ipc::store::{Outcome, PhoneChange, PhoneSetting};
use sip::StatusCode;

use crate::call::{CallBack, Lead, Plan, RING_TIME_MAX, Ring, Stage, Target, Who};
use crate::core::Core;
use crate::leg::{self, DtmfMode, Encryption, Peer, Profile};
use crate::trunk::Caller;

/// No such number.
pub(crate) const fn nowhere() -> Lead {
    Lead::Refuse {
        status: StatusCode::NOT_FOUND,
        outcome: Outcome::NotFound,
    }
}

/// Where a number leads.
pub(crate) fn lead(
    core: &Core,
    usage: &Usage,
    caller: &Peer,
    dialled: &str,
    cause: Cause<'_>,
) -> Lead {
    let Some((_, site)) = &core.site else {
        return nowhere();
    };
    let query = query(core, usage, caller, dialled, cause);
    translated(site, caller, dialled, ::routing::decide(site, &query))
}

/// Where a call goes that rang at an extension which is busy, or did not answer.
pub(crate) fn forward(
    core: &Core,
    usage: &Usage,
    caller: &Peer,
    extension: &str,
    diverted: &[String],
    busy: bool,
) -> Option<Plan> {
    let (_, site) = core.site.as_ref()?;
    let number = Number::parse(extension).ok()?;
    let diverted: Vec<Number> = diverted
        .iter()
        .filter_map(|one| Number::parse(one).ok())
        .collect();
    let trigger = if busy {
        Trigger::Busy
    } else {
        Trigger::NoAnswer
    };
    let query = query(core, usage, caller, extension, Cause::Dialled);
    let outcome = ::routing::forward(site, &query, &number, &diverted, trigger)?;
    match translated(site, caller, extension, outcome) {
        Lead::Ring(plan) => Some(plan),
        Lead::Pickup(_)
        | Lead::GroupPickup
        | Lead::Park
        | Lead::Slot(_)
        | Lead::ThreeWay
        | Lead::Take
        | Lead::Change(_)
        | Lead::Refuse { .. } => None,
    }
}

fn query<'a>(
    core: &Core,
    usage: &'a Usage,
    caller: &'a Peer,
    dialled: &'a str,
    cause: Cause<'a>,
) -> Query<'a> {
    let who = match caller {
        Peer::Extension(number) => Asker::Extension(number),
        Peer::Trunk(name) => Asker::Trunk(name),
    };
    Query {
        who,
        dialled,
        now: core.unix(),
        at: core.now,
        usage,
        cause,
    }
}

fn translated(site: &Site, caller: &Peer, dialled: &str, outcome: ::routing::Outcome) -> Lead {
    match outcome {
        ::routing::Outcome::Hunt(plan) => Lead::Ring(Plan {
            to: dialled.to_owned(),
            emergency: plan.emergency,
            pin: plan.pin,
            spent: plan.spent,
            withheld: plan.withheld,
            stages: plan.stages.into_iter().flat_map(stages).collect(),
        }),
        ::routing::Outcome::Feature { feature, argument } => match caller {
            Peer::Extension(extension) => use_feature(extension, feature, argument),
            Peer::Trunk(_) => nowhere(),
        },
        ::routing::Outcome::Retrieve(slot) if site.parking.slots.contains(&slot) => {
            slot.as_str().parse().map_or_else(|_| nowhere(), Lead::Slot)
        }
        ::routing::Outcome::Retrieve(_) => nowhere(),
        ::routing::Outcome::Refused(refusal) => {
            let (status, outcome) = refused(refusal);
            Lead::Refuse { status, outcome }
        }
    }
}

/// What a caller is told of a refusal, and what the record says.
fn refused(refusal: Refusal) -> (StatusCode, Outcome) {
    let outcome = match refusal {
        Refusal::NotDialable | Refusal::NoRoute => Outcome::NotFound,
        Refusal::DoNotDisturb | Refusal::ByRoute(_) => Outcome::Refused,
        Refusal::NoTrunk | Refusal::BoxBusy => Outcome::Unreachable,
        Refusal::UnknownCaller
        | Refusal::ClassNotAllowed
        | Refusal::CountryNotAllowed
        | Refusal::TooManyCalls
        | Refusal::TooManyToCountry
        | Refusal::TooFast
        | Refusal::MinutesUsedUp
        | Refusal::SpendUsedUp
        | Refusal::OwnSpendUsedUp
        | Refusal::OutsideOfficeHours
        | Refusal::NoPin
        | Refusal::NotPassedOn
        | Refusal::TooManyTurns => Outcome::Rejected,
    };
    (status(refusal.status()), outcome)
}

fn status(code: u16) -> StatusCode {
    StatusCode::new(code).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
}

fn stages(stage: ::routing::Stage) -> Vec<Stage> {
    let names = |numbers: Vec<Number>| -> Vec<String> {
        numbers
            .iter()
            .map(|number| number.as_str().to_owned())
            .collect()
    };
    let extension = |number: &Number, delay, lasts| Target {
        who: Who::Extension(number.as_str().to_owned()),
        delay,
        lasts,
    };
    match stage {
        ::routing::Stage::Extension {
            number,
            ring,
            diverted,
            recorded,
        } => vec![Stage::Ring(Ring {
            targets: vec![extension(&number, Duration::ZERO, ring)],
            person: Some(number.as_str().to_owned()),
            group: None,
            diverted: names(diverted),
            recorded,
        })],
        ::routing::Stage::Group {
            number,
            rings,
            diverted,
            recorded,
        } => vec![Stage::Ring(Ring {
            targets: rings
                .iter()
                .map(|ring| extension(&ring.extension, ring.after, ring.lasts))
                .collect(),
            person: None,
            group: Some(number.as_str().to_owned()),
            diverted: names(diverted),
            recorded,
        })],
        ::routing::Stage::Trunks(outbound) => by_trunks(&outbound),
        ::routing::Stage::Announcement(prompt) => {
            vec![Stage::Announcement(prompt_file(&prompt))]
        }
        ::routing::Stage::CallBack {
            within,
            ring,
            recorded,
        } => vec![Stage::CallBack(CallBack {
            within,
            ring,
            recorded,
        })],
        ::routing::Stage::Park => vec![Stage::Park],
        ::routing::Stage::HangUp(code) => vec![Stage::Refuse(status(code))],
        ::routing::Stage::Refused(refusal) => {
            let (status, outcome) = refused(refusal);
            vec![Stage::End(status, outcome)]
        }
    }
}

fn by_trunks(outbound: &Outbound) -> Vec<Stage> {
    let stage = |attempt: &::routing::Attempt| {
        Stage::Ring(Ring {
            targets: vec![Target {
                who: Who::Trunk(Box::new((attempt.clone(), outbound.clone()))),
                delay: Duration::ZERO,
                lasts: TRUNK_RING_TIME_MAX,
            }],
            person: None,
            group: None,
            diverted: outbound
                .diverted
                .iter()
                .map(|number| number.as_str().to_owned())
                .collect(),
            recorded: outbound.recorded,
        })
    };
    outbound.attempts.iter().map(stage).collect()
}

/// Carriers give up after three minutes themselves.
const TRUNK_RING_TIME_MAX: Duration = Duration::from_secs(180);

fn use_feature(extension: &str, feature: Feature, argument: String) -> Lead {
    let change = |setting| {
        Lead::Change(PhoneChange {
            extension: extension.to_owned(),
            setting,
        })
    };
    match feature {
        Feature::Pickup => Lead::GroupPickup,
        Feature::PickupOf => Lead::Pickup(argument),
        Feature::ForwardAlways => change(PhoneSetting::ForwardAlways(argument)),
        Feature::ForwardAlwaysOff => change(PhoneSetting::ForwardAlways(String::new())),
        Feature::ForwardBusy => change(PhoneSetting::ForwardBusy(argument)),
        Feature::ForwardBusyOff => change(PhoneSetting::ForwardBusy(String::new())),
        Feature::ForwardNoAnswer => change(PhoneSetting::ForwardNoAnswer(argument)),
        Feature::ForwardNoAnswerOff => change(PhoneSetting::ForwardNoAnswer(String::new())),
        Feature::DoNotDisturb => change(PhoneSetting::DoNotDisturb(true)),
        Feature::DoNotDisturbOff => change(PhoneSetting::DoNotDisturb(false)),
        Feature::Park => Lead::Park,
        Feature::ThreeWay => Lead::ThreeWay,
        Feature::RecordPrompt => Lead::Take,
        // The number behind the one was looked up with it; the other is pressed, not dialled.
        Feature::Withhold | Feature::Record => nowhere(),
    }
}

/// Whether a call that was decided earlier may begin now (F3 to F5); else what its caller is told.
pub(crate) fn may_begin(core: &Core, usage: &Usage, charge: &Charge) -> Result<(), StatusCode> {
    let Some((_, site)) = &core.site else {
        return Ok(());
    };
    let clocks = (core.unix(), core.now);
    let may = ::routing::may_begin(site, usage, clocks, charge);
    may.map_err(|refusal| status(refusal.status()))
}

/// How long a call may go on before it reaches a cap of minutes or money (F5).
pub(crate) fn lasts(core: &Core, usage: &Usage, charge: &Charge) -> Option<Duration> {
    let (_, site) = core.site.as_ref()?;
    ::routing::lasts(site, usage, (core.unix(), core.now), charge)
}

/// Whether a trunk has a channel for a call; else what its caller is told.
pub(crate) fn has_channel(core: &Core, usage: &Usage, charge: &Charge) -> Result<(), StatusCode> {
    let trunk = core
        .site
        .as_ref()
        .and_then(|(_, site)| site.trunk(&charge.trunk));
    let full = trunk.is_some_and(|trunk| usage.on_trunk(&trunk.name) >= trunk.channels_max);
    if full && charge.class.is_some() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(())
}

/// The number an extension has for the outside.
pub(crate) fn outside_number(core: &Core, extension: &str) -> String {
    let own = known(core, extension).and_then(|known| known.settings.caller_id.as_ref());
    let site = core.site.as_ref().map(|(_, site)| site);
    let main = site.and_then(|site| site.dialling.owned_numbers.first());
    own.or(main)
        .map_or_else(|| extension.to_owned(), ToString::to_string)
}

/// How a caller from outside is shown to phones: number and name.
pub(crate) fn shown_caller(core: &Core, caller: &Caller) -> (String, String) {
    let number = caller.number.as_deref().filter(|_| !caller.withheld);
    let (Some(number), Some((_, site))) = (number, &core.site) else {
        return ("anonymous".to_owned(), String::new());
    };
    let shown = ::routing::show_caller(site, number);
    (
        shown.number,
        shown.name.unwrap_or_else(|| caller.name.clone()),
    )
}

/// Whether a trunk's refusal lets the next trunk try.
pub(crate) fn fails_over(core: &Core, trunk: &str, status: StatusCode) -> bool {
    let trunk = core.site.as_ref().and_then(|(_, site)| site.trunk(trunk));
    trunk.is_some_and(|trunk| trunk.failover_statuses.contains(&status.code()))
}

/// The PIN an extension enters is right.
pub(crate) fn is_pin(core: &Core, extension: &str, pin: &str) -> bool {
    let Some((_, site)) = &core.site else {
        return false;
    };
    known(core, extension).is_some_and(|known| known.settings.is_pin(extension, &site.realm, pin))
}

/// Who sent a call on, and why (RFC 5806).
pub(crate) fn diversion(core: &Core, extension: &str, reason: &str) -> String {
    let realm = core.site.as_ref().map(|(_, site)| site.realm.as_str());
    let realm = realm.unwrap_or("localhost");
    format!("<sip:{extension}@{realm}>;reason={reason}")
}

/// The extension that may ring for a call back to this number; `None` for one that is gone or not
/// to be rung.
pub(crate) fn called_back(core: &Core, extension: &str) -> Option<String> {
    let (_, site) = core.site.as_ref()?;
    let number = ::routing::called_back(site, extension)?;
    Some(number.as_str().to_owned())
}

/// Why an extension's phones do not ring at all; `None` lets them.
pub(crate) fn turned_away(core: &Core, calls: usize, extension: &str) -> Option<StatusCode> {
    let settings = &known(core, extension)?.settings;
    let busy = !settings.call_waiting && calls > 0;
    (busy || settings.do_not_disturb).then_some(StatusCode::BUSY_HERE)
}

/// How an extension's phones are spoken to.
pub(crate) fn profile(core: &Core, extension: &str) -> Profile {
    let settings = known(core, extension).map(|known| &known.settings);
    let codecs = settings.map(|settings| settings.codecs.as_slice());
    Profile {
        codecs: codecs.unwrap_or_default().iter().map(codec_name).collect(),
        dtmf: settings.map_or(DtmfMode::Automatic, |settings| match settings.dtmf {
            Dtmf::Auto => DtmfMode::Automatic,
            Dtmf::Rfc4733 => DtmfMode::Events,
            Dtmf::Info => DtmfMode::Info,
            Dtmf::Inband => DtmfMode::InBand,
        }),
        srtp: settings.map_or(Encryption::Optional, |settings| match settings.encryption {
            config::Encryption::Off => Encryption::Off,
            config::Encryption::Optional => Encryption::Optional,
            config::Encryption::Required => Encryption::Required,
        }),
        reliable: leg::Use::Supported,
        timer: leg::Use::Supported,
        session_interval: SESSION_INTERVAL,
    }
}

/// Session interval wanted of phones, seconds: RFC 4028 §4 recommends it.
const SESSION_INTERVAL: u32 = 1800;

fn codec_name(codec: &config::Codec) -> String {
    let name = match codec {
        config::Codec::Opus => "OPUS",
        config::Codec::G722 => "G722",
        config::Codec::Pcma => "PCMA",
        config::Codec::Pcmu => "PCMU",
        config::Codec::G729 => "G729",
    };
    name.to_owned()
}

/// Name shown to others.
pub(crate) fn shown_name(core: &Core, extension: &str) -> String {
    known(core, extension)
        .map(|known| known.display_name.clone())
        .unwrap_or_default()
}

/// The name of a ring group, if it has one.
pub(crate) fn group_name<'a>(core: &'a Core, group: &str) -> Option<&'a str> {
    let (_, site) = core.site.as_ref()?;
    let name = &site.groups.get(group)?.name;
    (!name.is_empty()).then_some(name)
}

/// Whether two extensions may take each other's calls.
pub(crate) fn share_pickup_group(core: &Core, one: &str, other: &str) -> bool {
    let group = |number| known(core, number)?.settings.pickup_group.as_ref();
    group(one).is_some() && group(one) == group(other)
}

/// Everybody in an extension's pickup group but itself.
pub(crate) fn pickup_members(core: &Core, extension: &str) -> Vec<String> {
    let Some((_, site)) = &core.site else {
        return Vec::new();
    };
    let numbers = site.extensions.keys().map(Number::as_str);
    numbers
        .filter(|number| *number != extension && share_pickup_group(core, extension, number))
        .map(str::to_owned)
        .collect()
}

/// What whoever waits hears: what the site has chosen, else music of the box's own.
pub(crate) fn music(core: &Core) -> Source {
    let site = core.site.as_ref().map(|(_, site)| site);
    let chosen = site.and_then(|it| it.dialling.music.as_deref());
    Source::Clip(chosen.map_or(Clip::MusicOnHold, |it| Clip::Music(prompt_file(it))))
}

/// How long a parked party waits.
pub(crate) fn parking_time(core: &Core) -> Option<Duration> {
    core.site.as_ref().map(|(_, site)| site.parking.timeout)
}

/// The slots, in order.
pub(crate) fn parking_slots(core: &Core) -> Vec<u32> {
    let slots = core
        .site
        .as_ref()
        .map(|(_, site)| site.parking.slots.as_slice());
    let slots = slots.unwrap_or_default().iter();
    slots
        .filter_map(|slot| slot.as_str().parse().ok())
        .collect()
}

/// Where a party goes whose time in a slot is over: who parked it, and then where else.
pub(crate) fn parked_plan(core: &Core, usage: &Usage, parker: &str) -> Plan {
    let mut plan = Plan {
        to: parker.to_owned(),
        ..Plan::default()
    };
    let Some((_, site)) = &core.site else {
        return plan;
    };
    if site.parking.to_parker {
        plan.stages.push_back(Stage::recall(parker, RING_TIME_MAX));
    }
    let number = match &site.parking.otherwise {
        Some(config::Destination::Extension(number) | config::Destination::Group(number)) => {
            number.as_str()
        }
        Some(config::Destination::Number(number)) => number.as_str(),
        Some(config::Destination::Announcement(prompt)) => {
            let announcement = Stage::Announcement(prompt_file(prompt));
            plan.stages.push_back(announcement);
            return plan;
        }
        Some(
            config::Destination::Trunk(_)
            | config::Destination::Park
            | config::Destination::HangUp(_),
        )
        | None => return plan,
    };
    let caller = Peer::Extension(parker.to_owned());
    // Nobody is there to enter a PIN.
    if let Lead::Ring(other) = lead(core, usage, &caller, number, Cause::Dialled)
        && !other.pin
    {
        if plan.stages.is_empty() {
            plan.to.clone_from(&other.to);
        }
        plan.stages.extend(other.stages);
    }
    plan
}

/// The feature whose code somebody has just pressed to the end during a call.
pub(crate) fn pressed(core: &Core, keys: &str) -> Option<Feature> {
    let (_, site) = core.site.as_ref()?;
    let mut features = [Feature::ThreeWay, Feature::Record].into_iter();
    features.find(|feature| {
        let code = site.features.code(*feature);
        code.is_some_and(|code| keys.ends_with(code))
    })
}

/// Whether the calls of an extension are recorded.
pub(crate) fn recording(core: &Core, extension: &str) -> Recording {
    known(core, extension).map_or(Recording::Never, |it| it.settings.recording)
}

/// How recordings are kept; `None` while there is no configuration.
pub(crate) fn recordings(core: &Core) -> Option<Recordings> {
    core.site.as_ref().map(|(_, site)| site.recording)
}

fn known<'a>(core: &'a Core, extension: &str) -> Option<&'a Extension> {
    core.site.as_ref()?.1.extension(extension)
}

#[cfg(test)]
mod tests;
