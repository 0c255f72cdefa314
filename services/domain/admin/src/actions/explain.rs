//! The route simulator, and what is dangerous about the routes.

use config::{Countries, Site};
use routing::{Cause, Decision, Outcome, Query, Stage, Usage, Who, WorstCase};
use schemars::JsonSchema;
use serde::Deserialize;

use super::json as body;
use crate::admin::{Admin, Caller};
use crate::explain;
use crate::explain_view::{
    Abroad, AttemptView, Explained, Hunt, MemberView, MinutesAbout, OutcomeView, StageView,
    WarningSaid, Warnings, WorstCaseOf,
};
use crate::fault::Fault;
use crate::http::{Request, Response, form_field};
use crate::step::{Moment, Step};
use crate::text::Language;

/// What the simulator is asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// The calling extension; either this or `trunk`.
    #[serde(default)]
    pub(crate) from: String,
    /// The trunk the call comes in by.
    #[serde(default)]
    pub(crate) trunk: String,
    pub(crate) dialled: String,
    /// The site's local time, `2026-11-23T12:00`; empty for now.
    #[serde(default)]
    pub(crate) at: String,
    /// The extension that transfers the caller there.
    #[serde(default)]
    pub(crate) transferred_by: String,
    /// `en` or `pt`; empty as the request says.
    #[serde(default)]
    pub(crate) language: String,
}

/// What the simulator found, in words of one language.
pub(crate) struct Answer {
    /// The number as the trunk's rewrites leave it.
    pub(crate) dialled: String,
    pub(crate) steps: Vec<String>,
    outcome: Outcome,
    pub(crate) text: String,
    /// What whoever pays can cost when stolen, and whether by a route that is too wide.
    pub(crate) worst: Option<(String, bool)>,
}

/// Says where a number would lead and why.
pub(crate) fn explain(admin: &Admin, moment: &Moment, request: &Request, caller: &Caller) -> Step {
    let question: Question = match body(request) {
        Ok(question) => question,
        Err(fault) => return caller.refuse(&fault),
    };
    let language = language(&question.language, caller);
    let answer = match answer(admin, moment, &question, language) {
        Ok(answer) => answer,
        Err(fault) => return caller.refuse(&fault),
    };
    let answer = Explained {
        outcome: outcome(&answer.outcome),
        dialled: answer.dialled,
        steps: answer.steps,
        text: answer.text,
        worst_case: answer.worst.map(|(sentence, _)| sentence),
    };
    Step::Respond(Response::json(200, &answer).sealed())
}

/// The decision itself, with nothing going on. What is counted (calls in progress, rates, minutes)
/// is known to `pbx` alone.
pub(crate) fn answer(
    admin: &Admin,
    moment: &Moment,
    question: &Question,
    language: Language,
) -> Result<Answer, Fault> {
    let (_, raw) = admin.site.as_ref().ok_or(Fault::Starting)?;
    let site = Site::parse(raw).map_err(|_| Fault::Internal)?;
    let now = match question.at.as_str() {
        "" => moment.wall,
        at => {
            let time = site.dialling.zone.read(at);
            time.ok_or_else(|| Fault::BadBody("at: write 2026-11-23T12:00".into()))?
        }
    };
    let dialled = match site.trunk(&question.trunk) {
        Some(trunk) => trunk.inbound(&question.dialled),
        None => question.dialled.clone(),
    };
    let query = Query {
        who: match question.trunk.as_str() {
            "" => Who::Extension(&question.from),
            trunk => Who::Trunk(trunk),
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
    let Decision { steps, outcome } = routing::explain(&site, &query);
    let currency = site.dialling.plan().currency();
    let payer = match question.transferred_by.as_str() {
        "" => question.from.as_str(),
        by => by,
    };
    let worst = site.extension(payer).map(|payer| {
        let worst = routing::worst_case(&site, payer);
        let sentence = explain::worst_case(payer.number.as_str(), &worst, currency, language);
        (sentence, worst.generic)
    });
    let steps = steps.iter();
    let steps = steps.map(|step| explain::step(step, currency, language));
    Ok(Answer {
        steps: steps.collect(),
        text: explain::outcome(&outcome, language),
        outcome,
        worst,
        dialled,
    })
}

/// What is dangerous about the site, and what each extension can cost when it is stolen.
pub(crate) fn warnings(admin: &Admin, request: &Request, caller: &Caller) -> Step {
    let tag = form_field(&request.query, "language").unwrap_or_default();
    let language = language(&tag, caller);
    let dangers = match admin.dangers() {
        Ok(dangers) => dangers,
        Err(fault) => return caller.refuse(&fault),
    };
    let currency = &dangers.currency;
    let warnings = dangers.found.iter().map(|it| WarningSaid {
        text: explain::warning(&it.warning, currency, language),
    });
    let shown = dangers.worst.iter().take(WORST_SHOWN);
    let shown = shown.map(|(number, worst)| WorstCaseOf {
        extension: number.clone(),
        calls: worst.calls,
        minutes: minutes(worst),
        cents: worst.cents,
        cap_cents: worst.cap_cents,
        generic: worst.generic,
        text: explain::worst_case(number, worst, currency, language),
    });
    let answer = Warnings {
        warnings: warnings.collect(),
        worst_cases: shown.collect(),
        abroad: match &dangers.abroad {
            Countries::All => Abroad::Everywhere("*"),
            Countries::Codes(codes) => {
                Abroad::Only(codes.iter().map(ToString::to_string).collect())
            }
        },
    };
    Step::Respond(Response::json(200, &answer).sealed())
}

fn minutes(worst: &WorstCase) -> Vec<MinutesAbout> {
    let talks = worst.minutes.iter().map(|talk| MinutesAbout {
        class: explain::class(talk.class),
        minutes: talk.minutes,
        cents: talk.cents,
    });
    talks.collect()
}

/// The language asked for, else the one the caller reads.
fn language(tag: &str, caller: &Caller) -> Language {
    if tag.is_empty() {
        caller.language
    } else {
        Language::preferred(tag)
    }
}

fn outcome(outcome: &Outcome) -> OutcomeView {
    match outcome {
        Outcome::Hunt(plan) => {
            let hunt = Hunt {
                pin: plan.pin,
                stages: plan.stages.iter().map(stage).collect(),
            };
            match plan.emergency {
                true => OutcomeView::Emergency(hunt),
                false => OutcomeView::Call(hunt),
            }
        }
        Outcome::Feature { feature, argument } => OutcomeView::Feature {
            feature: feature.name(),
            argument: argument.clone(),
        },
        Outcome::Retrieve(slot) => OutcomeView::ParkedCall {
            slot: slot.as_str().to_owned(),
        },
        Outcome::Refused(refusal) => OutcomeView::Refused {
            status: refusal.status(),
        },
    }
}

fn stage(stage: &Stage) -> StageView {
    match stage {
        Stage::Extension { number, ring, .. } => StageView::Extension {
            number: number.as_str().to_owned(),
            ring_secs: ring.as_secs(),
        },
        Stage::Group { number, rings, .. } => {
            let member = |ring: &routing::Ring| MemberView {
                extension: ring.extension.as_str().to_owned(),
                after_secs: ring.after.as_secs(),
                ring_secs: ring.lasts.as_secs(),
            };
            StageView::Group {
                number: number.as_str().to_owned(),
                members: rings.iter().map(member).collect(),
            }
        }
        Stage::Trunks(outbound) => {
            let attempt = |attempt: &routing::Attempt| AttemptView {
                trunk: attempt.trunk.clone(),
                number: attempt.number.clone(),
                caller_id: (attempt.caller_id.number.as_ref()).map(|it| it.as_str().to_owned()),
                withheld: attempt.caller_id.withheld,
            };
            StageView::Trunks {
                class: outbound.kind.class().map(explain::class),
                attempts: outbound.attempts.iter().map(attempt).collect(),
                minute_cents: outbound.price.minute,
                setup_cents: outbound.price.setup,
                duration_max_secs: outbound.duration_max.map(|it| it.as_secs()),
            }
        }
        Stage::Announcement(prompt) => StageView::Announcement {
            prompt: prompt.clone(),
        },
        Stage::CallBack { within, ring, .. } => StageView::CallBack {
            hours: within.as_secs() / 3600,
            ring_secs: ring.as_secs(),
        },
        Stage::Park => StageView::Park,
        Stage::HangUp(status) => StageView::HangUp { status: *status },
        Stage::Refused(refusal) => StageView::HangUp {
            status: refusal.status(),
        },
    }
}

/// Extensions shown with their worst case: those that can cost most.
const WORST_SHOWN: usize = 100;
