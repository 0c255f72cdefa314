//! The state of the box, as a page that goes on by itself, and restarting one of its services.

use ipc::init;
use ipc::masquerade::State;
use ipc::pbx::Call;
use ipc::store::{CallFilter, Reply, Request as Ask};
use schemars::JsonSchema;
use serde::Deserialize;

use super::json;
use super::looks::{Range, WHOLE, What, live};
use super::report;
use crate::admin::{Admin, Caller, UNRECORDED_MAX};
use crate::answers::Nothing;
use crate::dashboard::{self, Dashboard, Hour};
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::Face;
use crate::step::{Moment, Step};
use crate::views::{StatusView, Warning};

/// How a service is restarted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RestartManner")]
pub(crate) struct Manner {
    /// Without the chance to stop in order: how a crash is rehearsed.
    #[serde(default)]
    kill: bool,
}

/// In which form the state is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Once: a page, or JSON.
    Whole,
    /// As the parts of the page, again and again.
    Parts,
}

/// What every service says, with a warning for those that say nothing.
pub(crate) fn status(admin: &Admin, form: Form, caller: Caller) -> Step {
    let config_version = admin.site.as_ref().map_or(0, |(version, _)| *version);
    let unrecorded = admin.unrecorded.len();
    Step::Observe(Box::new(move |admin, moment, mut seen| {
        let mut others = 0;
        let mut whole = false;
        if let Ok(pbx) = &mut seen.pbx {
            if let Some(calls) = admin.calls_seen_by(&caller) {
                pbx.calls.retain(|it| live(it, moment.wall).is_of(&calls));
            }
            let calls = admin.own_calls(&caller);
            let own = |call: &Call| live(call, moment.wall).is_of(&calls);
            // The state of the box is shown whether or not the trail can say who looks at calls.
            if unrecorded >= UNRECORDED_MAX {
                pbx.calls.retain(own);
            }
            others = pbx.calls.iter().filter(|call| !own(call)).count();
            whole = admin.mask(&caller, moment.wall, &mut pbx.calls);
        }
        let mut view = StatusView::new(seen, config_version, &admin.version);
        if unrecorded > 0 {
            view.warnings.push(Warning::Unrecorded(unrecorded));
        }
        if let Some(days) = admin.certificate_days_left(moment.wall) {
            let left = u32::try_from(days).ok();
            view.warnings.push(Warning::CertificateEnds(left));
        }
        if admin.is_exposed() {
            view.warnings.push(Warning::Exposed);
        }
        match admin.masquerade.state() {
            State::None => {}
            state => view.warnings.push(Warning::Hidden(state)),
        }
        let told = format!("{others} of others{}", if whole { WHOLE } else { "" });
        let told = (others > 0).then(|| (told, Range::default()));
        let now = moment.now;
        admin.looked(
            now,
            caller,
            What::LiveCalls { whole },
            told,
            move |admin, caller| match caller.face {
                Face::Api => Step::Respond(Response::json(200, &view).sealed()),
                Face::Page | Face::Asset => counted(admin, &moment, view, form, caller),
            },
        )
    }))
}

/// Goes on with the calls of the last 24 hours, as they were counted within the last minute.
fn counted(
    admin: &mut Admin,
    moment: &Moment,
    view: StatusView,
    form: Form,
    caller: Caller,
) -> Step {
    let numbers = admin.calls_seen_by(&caller);
    let now = moment.now;
    admin.hours.retain(|_, (at, _)| now - *at < HOURS_AGE_MAX);
    if let Some((_, hours)) = admin.hours.get(&numbers) {
        let hours = hours.clone();
        return shown(admin, moment, view, hours, form, &caller);
    }
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let spans = dashboard::hours(site, moment.wall);
    let only = CallFilter {
        numbers: numbers.clone(),
        ..CallFilter::default()
    };
    Step::Store(
        Ask::CallCounts { spans, only },
        Box::new(move |admin, moment, reply| {
            let site = admin.site.as_ref().map(|(_, site)| site);
            // The state of the box is shown without them too.
            let hours = match (reply, site) {
                (Ok(Reply::CallCounts(counts)), Some(site)) => {
                    dashboard::named(site, &spans, &counts, moment.wall)
                }
                _ => Vec::new(),
            };
            if !hours.is_empty() && admin.hours.len() < HOURS_KEPT_MAX {
                admin.hours.insert(numbers, (moment.now, hours.clone()));
            }
            shown(admin, &moment, view, hours, form, &caller)
        }),
    )
}

fn shown(
    admin: &Admin,
    moment: &Moment,
    view: StatusView,
    hours: Vec<Hour>,
    form: Form,
    caller: &Caller,
) -> Step {
    if !report::is_due(admin, moment.now, caller) {
        return drawn(admin, moment, view, hours, form, caller);
    }
    let caller = caller.clone();
    report::sum(move |admin, moment| drawn(admin, &moment, view, hours, form, &caller))
}

fn drawn(
    admin: &Admin,
    moment: &Moment,
    view: StatusView,
    hours: Vec<Hour>,
    form: Form,
    caller: &Caller,
) -> Step {
    let dangers = caller.may(Permission::SeeConfiguration);
    let dangers = admin.dangers().ok().filter(|_| dangers);
    let mut dashboard = Dashboard::new(admin, caller, view, moment.wall);
    dashboard.hours = hours;
    let response = match form {
        Form::Whole => pages::status(caller, &dashboard, dangers),
        Form::Parts => pages::status_parts(caller, &dashboard, dangers),
    };
    Step::Respond(response.sealed())
}

/// For so long calls that were counted are not counted again: the page asks every few seconds.
const HOURS_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(60);
/// For so many different sets of numbers counts are kept; some 600 bytes each.
const HOURS_KEPT_MAX: usize = 64;

/// Restarts a service, recorded before it happens.
pub(crate) fn restart(admin: &mut Admin, request: &Request, name: String, caller: Caller) -> Step {
    let manner = if request.body.is_empty() {
        Ok(Manner::default())
    } else {
        json(request)
    };
    let kill = match manner {
        Ok(Manner { kill }) => kill,
        Err(fault) => return caller.refuse(&fault),
    };
    // Nothing is done that cannot be recorded.
    if admin.is_unrecorded_full() {
        return caller.refuse(&Fault::StoreAway);
    }
    let action = format!(
        "service {name} {}",
        if kill { "killed" } else { "restarted" }
    );
    let audit = caller.audit(action, String::new(), String::new());
    admin.record(audit, move |_, _| {
        Step::Init(
            init::Request::Restart {
                name: name.clone(),
                kill,
            },
            Box::new(move |_, _, reply| match reply {
                Ok(init::Reply::Done) => Step::Respond(Response::json(200, &Nothing {}).sealed()),
                Ok(init::Reply::Unknown) => caller.refuse(&Fault::NoSuchService(name)),
                Ok(_) => caller.refuse(&Fault::Internal),
                Err(_) => caller.refuse(&Fault::InitAway),
            }),
        )
    })
}
