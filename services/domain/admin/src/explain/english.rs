//! In English.

use ipc::site::{Destination, Rewrite, Source};
use routing::{
    Kind, Outcome, Plan, Refusal, RouteVerdict, Stage, Step, TrunkVerdict, Warning, WorstCase,
};

pub(super) fn step(step: &Step, currency: &str) -> String {
    match step {
        Step::Emergency(number) => format!("{number} is an emergency number: it always passes"),
        Step::Feature(feature) => format!("this is the code of {}", feature.name()),
        Step::Withheld => "the caller's number is not to be shown".into(),
        Step::Slot(slot) => format!("{slot} is a parking slot"),
        Step::Extension(number) => format!("{number} is an extension"),
        Step::Group(number) => format!("{number} is a group"),
        Step::Route { name, verdict, .. } => {
            let said = match verdict {
                RouteVerdict::Disabled => "is switched off".into(),
                RouteVerdict::OtherCaller => "is for other callers".into(),
                RouteVerdict::OtherNumber => "is for other numbers".into(),
                RouteVerdict::OtherTime(times) => {
                    format!("does not hold now: time condition {times:?}")
                }
                RouteVerdict::Taken => "takes the call".into(),
            };
            format!("route {name:?} {said}")
        }
        Step::Rewritten { from, to } => format!("{from} becomes {to}"),
        Step::Read { number, kind, e164 } => {
            let whole = e164.as_ref().map(|it| format!(", {it}"));
            format!(
                "{number} is {}{}",
                self::kind(*kind),
                whole.unwrap_or_default()
            )
        }
        Step::Trunk { name, verdict } => match verdict {
            TrunkVerdict::Disabled => format!("trunk {name:?} is switched off"),
            TrunkVerdict::Full => format!("all channels of trunk {name:?} are in use"),
            TrunkVerdict::UsedUp => format!("the money of trunk {name:?} is used up for now"),
            TrunkVerdict::Tried(number) => format!("trunk {name:?} is sent {number}"),
        },
        Step::Price(price) => {
            let minute = money(price.minute.into(), currency);
            match price.setup {
                0 => format!("it costs {minute} a minute"),
                setup => format!(
                    "it costs {} and {minute} a minute",
                    money(setup.into(), currency)
                ),
            }
        }
        Step::Pin => "the caller is asked for a PIN".into(),
        Step::Recorded => "the call is recorded".into(),
        Step::CallBack { within, ring } => format!(
            "first the extension rings for {} seconds that called the caller's number last, or \
             answered it last, in the past {} hours; the simulator knows no caller's number and \
             does not look into call records, so it cannot say which, or whether there is one",
            ring.as_secs(),
            within.as_secs() / 3600
        ),
        Step::Forwarded { extension, to } => format!("extension {extension} forwards to {to}"),
        Step::ForwardLoop(number) => {
            format!("the forward of extension {number} leads back and is not followed")
        }
        Step::DoNotDisturb(number) => format!("extension {number} does not want to be disturbed"),
        Step::Turn(number) => format!("now {number} is looked up"),
        Step::Refused(refusal) => self::refusal(*refusal),
    }
}

pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Hunt(plan) => hunt(plan),
        Outcome::Feature { feature, argument } if argument.is_empty() => {
            format!("the feature {} is used", feature.name())
        }
        Outcome::Feature { feature, argument } => {
            format!("the feature {} is used with {argument}", feature.name())
        }
        Outcome::Retrieve(slot) => format!("the call parked at {slot} is taken back"),
        Outcome::Refused(refusal) => format!(
            "refused with {}: {}",
            refusal.status(),
            self::refusal(*refusal)
        ),
    }
}

fn hunt(plan: &Plan) -> String {
    let stage = |stage: &Stage| match stage {
        Stage::Extension { number, .. } => format!("extension {number} rings"),
        Stage::Group { number, .. } => format!("group {number} rings"),
        Stage::Trunks(outbound) => {
            let trunks = outbound.attempts.iter();
            let trunks = trunks.map(|it| format!("{} by trunk {:?}", it.number, it.trunk));
            format!("calls {}", trunks.collect::<Vec<_>>().join(", else "))
        }
        Stage::Announcement(prompt) => format!("prompt {prompt:?} is played"),
        Stage::CallBack { .. } => {
            "the extension rings that last had to do with the caller's number, if there is one"
                .into()
        }
        Stage::Park => "the call is parked".into(),
        Stage::HangUp(status) => format!("hangs up with {status}"),
        Stage::Refused(refusal) => format!("hangs up with {}", refusal.status()),
    };
    let stages: Vec<String> = plan.stages.iter().map(stage).collect();
    stages.join("; then ")
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Emergency => "an emergency number",
        Kind::Service => "a public service",
        Kind::Private => "a number of no public plan",
        Kind::TollFree => "a free number",
        Kind::Collect => "a collect call",
        Kind::Local => "a local number",
        Kind::National => "a number of another area",
        Kind::Mobile => "a mobile number",
        Kind::Premium => "a premium number",
        Kind::International => "a number abroad",
        Kind::Unknown => "in no numbering plan, and treated as one abroad",
    }
}

fn refusal(refusal: Refusal) -> String {
    match refusal {
        Refusal::NotDialable => "this cannot be dialled".into(),
        Refusal::NoRoute => "no extension, group or route takes it".into(),
        Refusal::UnknownCaller => "there is no such caller".into(),
        Refusal::ClassNotAllowed => "the extension may not make calls of this class".into(),
        Refusal::CountryNotAllowed => "this country is not on the list of allowed ones".into(),
        Refusal::TooManyCalls => "the extension has as many calls outside as it may".into(),
        Refusal::TooManyToCountry => "there are as many calls to this country as may be".into(),
        Refusal::BoxBusy => "the box has as many outbound calls as it may".into(),
        Refusal::TooFast => "the extension makes calls too fast".into(),
        Refusal::MinutesUsedUp => "the minutes of this class are used up for today".into(),
        Refusal::SpendUsedUp => {
            "the money for calls of the box or the trunk is used up for now".into()
        }
        Refusal::OwnSpendUsedUp => {
            "the extension has spent what it may; an administrator lets it go on, or its PIN".into()
        }
        Refusal::OutsideOfficeHours => "abroad is not called outside office hours".into(),
        Refusal::NoPin => "the route asks for a PIN, and who calls has none to enter".into(),
        Refusal::NotPassedOn => "calls from outside are not passed on to there".into(),
        Refusal::NoTrunk => "no trunk of the route can be used".into(),
        Refusal::DoNotDisturb => "the extension does not want to be disturbed".into(),
        Refusal::ByRoute(status) => format!("the route hangs up with {status}"),
        Refusal::TooManyTurns => "numbers lead to each other in a circle".into(),
    }
}

/// `if extension 100 is stolen: 2 calls at once, 2880 minutes a day (mobile: 2880 at R$ 0.50) =
/// R$ 1440.00 a day; a cap of money ends it at R$ 200.00`.
pub(super) fn worst_case(number: &str, worst: &WorstCase, currency: &str) -> String {
    let minutes: u64 = worst.minutes.iter().map(|talk| talk.minutes).sum();
    let parts = worst.minutes.iter().map(|talk| {
        let price = money(talk.cents.into(), currency);
        format!("{}: {} at {price}", super::class(talk.class), talk.minutes)
    });
    let parts: Vec<String> = parts.collect();
    let parts = if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    };
    let end = match worst.cap_cents {
        Some(cap) if cap < worst.cents => {
            format!("; a cap of money ends it at {}", money(cap, currency))
        }
        Some(_) | None => String::new(),
    };
    format!(
        "if extension {number} is stolen: {} calls at once, {minutes} minutes a day{parts} = {} a \
         day{end}",
        worst.calls,
        money(worst.cents, currency)
    )
}

fn money(cents: u64, currency: &str) -> String {
    super::money(cents, currency, '.')
}

/// What a thief can do by a route.
fn by_thief(cents: u64, currency: &str) -> String {
    match cents {
        0 => String::new(),
        cents => format!(
            "; by it a thief spends up to {} a day",
            money(cents, currency)
        ),
    }
}

pub(super) fn warning(warning: &Warning, currency: &str) -> String {
    match warning {
        Warning::AnySource { route, cents } => format!(
            "route {route:?} leads outside for anybody; name who may use it{}",
            by_thief(*cents, currency)
        ),
        Warning::AnyNumber {
            route,
            pattern,
            cents,
        } => format!(
            "route {route:?} leads any number outside ({pattern}); write one route for each kind \
             of number{}",
            by_thief(*cents, currency)
        ),
        Warning::OpenPattern {
            route,
            pattern,
            cents,
        } => format!(
            "route {route:?} takes numbers of any length ({pattern}); write the digits as X{}",
            by_thief(*cents, currency)
        ),
        Warning::NeverTaken { route, by } => format!(
            "route {route:?} never takes a call, {by:?} before it takes all of them; move or \
             delete it"
        ),
        Warning::TakenInside { route, number } => {
            format!("route {route:?} is never asked by phones: {number} is an extension or a group")
        }
        Warning::TrunkToTrunk { route } => format!(
            "route {route:?} lets calls from outside out again; make sure that you want that"
        ),
        Warning::NoEmergencyTrunk => "emergency calls cannot leave: no trunk is switched on".into(),
        Warning::EmergencyFirst { number } => format!(
            "{number} is an emergency number, so the extension of that number cannot be called; \
             give it another"
        ),
        Warning::ServiceTaken { number } => format!(
            "{number} is a public service that nobody here can call, since an extension has the \
             number; give it another"
        ),
        Warning::NoAreaCode => "the area code is missing: local numbers cannot be completed".into(),
        Warning::UnknownAreaCode { area } => {
            format!("there is no area code {area} in this country; correct it")
        }
        Warning::EveryCountry => {
            "every country may be called; list those that the office really calls".into()
        }
        Warning::AbroadAtNight { extensions } => format!(
            "{extensions} extension(s) may call abroad at any hour; set office hours in limits"
        ),
        Warning::TrunkInGrid { trunk, network } => format!(
            "trunk {trunk:?} is in {network}, a network of the grid: its calls go through the \
             tunnel; if its carrier is on the Internet, name a narrower network in the tunnel"
        ),
        Warning::NoOwnNumber => {
            "the site has no number of its own to show; add its numbers to dialling".into()
        }
    }
}

pub(super) fn source(source: &Source) -> String {
    match source {
        Source::Extensions => "extensions".into(),
        Source::Trunks => "trunks".into(),
        Source::Extension(number) => format!("extension {number}"),
        Source::Group(number) => format!("group {number}"),
        Source::Trunk(name) => format!("trunk {name:?}"),
    }
}

pub(super) fn destination(destination: &Destination) -> String {
    match destination {
        Destination::Extension(number) => format!("extension {number}"),
        Destination::Group(number) => format!("group {number}"),
        Destination::Trunk(name) => format!("trunk {name:?}"),
        Destination::Number(number) if number.is_empty() => "whoever has the number".into(),
        Destination::Number(number) => format!("whoever has {number}"),
        Destination::Announcement(prompt) => format!("prompt {prompt:?}"),
        Destination::Park => "parking".into(),
        Destination::HangUp(status) => format!("hang up with {status}"),
    }
}

pub(super) fn rewrite(rewrite: &Rewrite) -> String {
    let Rewrite {
        strip,
        prefix,
        caller_id,
    } = rewrite;
    let parts = [
        (*strip > 0).then(|| format!("{strip} taken off in front")),
        (!prefix.is_empty()).then(|| format!("{prefix} put in front")),
        (!caller_id.is_empty()).then(|| format!("shows {caller_id}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
