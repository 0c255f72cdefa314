//! The route simulator, and what is dangerous about the routes.

use config::{Countries, Site};
use routing::{Cause, Outcome, Query, Stage, Usage, Who, WorstCase};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json as body;
use crate::admin::{Admin, Caller};
use crate::explain;
use crate::fault::Fault;
use crate::http::{Request, Response, form_field};
use crate::step::{Moment, Step};
use crate::text::Language;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The calling extension; either this or `trunk`.
    #[serde(default)]
    from: String,
    /// The trunk the call comes in by.
    #[serde(default)]
    trunk: String,
    dialled: String,
    /// The site's local time, `2026-11-23T12:00`; empty for now.
    #[serde(default)]
    at: String,
    /// The extension that transfers the caller there.
    #[serde(default)]
    transferred_by: String,
    /// `en` or `pt`; empty as the request says.
    #[serde(default)]
    language: String,
}

/// Says where a number would lead and why: the decision itself, with nothing going on. What is
/// counted (calls in progress, rates, minutes) is known to `pbx` alone.
pub(crate) fn explain(admin: &Admin, moment: &Moment, request: &Request, caller: &Caller) -> Step {
    let question: Question = match body(request) {
        Ok(question) => question,
        Err(fault) => return caller.refuse(&fault),
    };
    let Some((_, raw)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let Ok(site) = Site::parse(raw) else {
        return caller.refuse(&Fault::Internal);
    };
    let now = if question.at.is_empty() {
        moment.wall
    } else {
        match site.dialling.zone.read(&question.at) {
            Some(time) => time,
            None => return caller.refuse(&Fault::BadBody("at: write 2026-11-23T12:00".into())),
        }
    };
    let trunk = question.trunk.clone();
    let dialled = match site.trunk(&trunk) {
        Some(trunk) => trunk.inbound(&question.dialled),
        None => question.dialled.clone(),
    };
    let query = Query {
        who: if trunk.is_empty() {
            Who::Extension(&question.from)
        } else {
            Who::Trunk(&trunk)
        },
        dialled: &dialled,
        now,
        at: moment.now,
        usage: &Usage::default(),
        cause: match question.transferred_by.as_str() {
            "" => Cause::Dialled,
            by => Cause::Transferred(by),
        },
    };
    let decision = routing::explain(&site, &query);
    let language = language(&question.language, caller);
    let currency = currency(&site);
    let steps: Vec<String> = decision
        .steps
        .iter()
        .map(|step| explain::step(step, currency, language))
        .collect();
    let payer = if question.transferred_by.is_empty() {
        &question.from
    } else {
        &question.transferred_by
    };
    let worst = site.extension(payer).map(|payer| {
        let worst = routing::worst_case(&site, payer);
        explain::worst_case(payer.number.as_str(), &worst, currency, language)
    });
    let answer = json!({
        "dialled": dialled,
        "steps": steps,
        "outcome": outcome(&decision.outcome),
        "text": explain::outcome(&decision.outcome, language),
        "worst_case": worst,
    });
    Step::Respond(Response::json(200, &answer).sealed())
}

/// What is dangerous about the site, and what each extension can cost when it is stolen.
pub(crate) fn warnings(admin: &Admin, request: &Request, caller: &Caller) -> Step {
    let tag = form_field(&request.query, "language").unwrap_or_default();
    let language = language(&tag, caller);
    let Some((_, raw)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let Ok(site) = Site::parse(raw) else {
        return caller.refuse(&Fault::Internal);
    };
    let currency = currency(&site);
    let warnings: Vec<Value> = routing::warnings(&site)
        .iter()
        .map(|warning| json!({ "text": explain::warning(warning, currency, language) }))
        .collect();
    let mut worst: Vec<(String, WorstCase)> = site
        .extensions
        .values()
        .map(|it| (it.number.to_string(), routing::worst_case(&site, it)))
        .collect();
    worst.sort_by_key(|(_, worst)| std::cmp::Reverse((worst.lost_cents(), worst.cents)));
    let shown = worst.iter().take(WORST_SHOWN).map(|(number, worst)| {
        let minutes = worst.minutes.iter().map(|talk| {
            json!({
                "class": explain::class(talk.class),
                "minutes": talk.minutes,
                "cents": talk.cents,
            })
        });
        json!({
            "extension": number,
            "calls": worst.calls,
            "minutes": minutes.collect::<Value>(),
            "cents": worst.cents,
            "cap_cents": worst.cap_cents,
            "generic": worst.generic,
            "text": explain::worst_case(number, worst, currency, language),
        })
    });
    let answer = json!({
        "warnings": warnings,
        "worst_cases": shown.collect::<Value>(),
        "abroad": match &site.dialling.countries {
            Countries::All => json!("*"),
            Countries::Codes(codes) => json!(codes),
        },
    });
    Step::Respond(Response::json(200, &answer).sealed())
}

/// What the site pays in.
fn currency(site: &Site) -> &str {
    site.dialling.plan().currency()
}

/// The language asked for, else the one the caller reads.
fn language(tag: &str, caller: &Caller) -> Language {
    if tag.is_empty() {
        caller.language
    } else {
        Language::preferred(tag)
    }
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Hunt(plan) => json!({
            "kind": if plan.emergency { "emergency" } else { "call" },
            "pin": plan.pin,
            "stages": plan.stages.iter().map(stage).collect::<Value>(),
        }),
        Outcome::Feature { feature, argument } => json!({
            "kind": "feature", "feature": feature.name(), "argument": argument,
        }),
        Outcome::Retrieve(slot) => json!({ "kind": "parked-call", "slot": slot.as_str() }),
        Outcome::Refused(refusal) => json!({ "kind": "refused", "status": refusal.status() }),
    }
}

fn stage(stage: &Stage) -> Value {
    match stage {
        Stage::Extension { number, ring, .. } => json!({
            "kind": "extension", "number": number.as_str(), "ring_secs": ring.as_secs(),
        }),
        Stage::Group { number, rings, .. } => {
            let member = |ring: &routing::Ring| {
                json!({
                    "extension": ring.extension.as_str(),
                    "after_secs": ring.after.as_secs(),
                    "ring_secs": ring.lasts.as_secs(),
                })
            };
            json!({
                "kind": "group",
                "number": number.as_str(),
                "members": rings.iter().map(member).collect::<Value>(),
            })
        }
        Stage::Trunks(outbound) => {
            let attempt = |attempt: &routing::Attempt| {
                let number = attempt.caller_id.number.as_ref();
                json!({
                    "trunk": attempt.trunk,
                    "number": attempt.number,
                    "caller_id": number.map(config::Phone::as_str),
                    "withheld": attempt.caller_id.withheld,
                })
            };
            json!({
                "kind": "trunks",
                "class": outbound.kind.class().map(explain::class),
                "attempts": outbound.attempts.iter().map(attempt).collect::<Value>(),
                "minute_cents": outbound.price.minute,
                "setup_cents": outbound.price.setup,
                "duration_max_secs": outbound.duration_max.map(|it| it.as_secs()),
            })
        }
        Stage::Park => json!({ "kind": "park" }),
        Stage::HangUp(status) => json!({ "kind": "hang-up", "status": status }),
    }
}

/// Extensions shown with their worst case: those that can cost most.
const WORST_SHOWN: usize = 100;
