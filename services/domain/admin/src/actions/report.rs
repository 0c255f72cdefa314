//! The report on exposure and health: every service is asked once, and the rules judge.

use std::time::Duration;

use ipc::masquerade::State;
use ipc::store::{BackupRequest, Reply as Stored, Request as AskStore};
use ipc::{grid, guard};
use report::{Certificate, Facts, Masquerade, Summary, Text};
use sansio::{Instant, UnixTime};

use crate::admin::{Admin, Caller};
use crate::calendar::rfc3339;
use crate::certificate::CertificateOrder;
use crate::dashboard::zone_of;
use crate::explain;
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::report_view::ReportView;
use crate::routes::Face;
use crate::step::{Moment, Observation, Step};
use crate::text::Language;

/// For whom a printed report is, and who has made it: what somebody types is in the answer alone.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) customer: String,
    pub(crate) installer: String,
}

/// Shows it, as a page or as JSON.
pub(crate) fn show(request: &Request, caller: Caller) -> Step {
    let tag = request.query_field("language").unwrap_or_default();
    let language = match tag.is_empty() {
        true => caller.language,
        false => Language::preferred(&tag),
    };
    let names = Names {
        customer: typed(request, "customer"),
        installer: typed(request, "installer"),
    };
    let names_people = caller.may(Permission::SeePeople);
    gather(
        names_people,
        Box::new(move |admin, moment, facts| {
            let findings = report::findings(&facts);
            admin.summary = Some((moment.now, Summary::of(&findings)));
            let made = (rfc3339(moment.wall.as_millis()), local(admin, moment.wall));
            let of_box = (admin.passkeys.name.clone(), admin.version.clone());
            let reader = (language, caller.permissions);
            let ports = report::ports(&facts);
            let response = match caller.face {
                Face::Api => {
                    let view = ReportView::new(made, of_box, &findings, &ports, reader);
                    Response::json(200, &view)
                }
                Face::Page | Face::Asset => {
                    let reader = (caller.language, caller.permissions);
                    let view = ReportView::new(made, of_box, &findings, &ports, reader);
                    pages::report(&caller, &view, &ports, &names)
                }
            };
            Step::Respond(response.sealed())
        }),
    )
}

/// Whether the state page has to tell somebody of it, and there is no sum of the last minute.
pub(crate) fn is_due(admin: &Admin, now: Instant, caller: &Caller) -> bool {
    let is_fresh = admin
        .summary
        .is_some_and(|(at, _)| now - at < SUMMARY_AGE_MAX);
    !is_fresh && caller.may_change()
}

/// Sums it up anew, and goes on.
pub(crate) fn sum(then: impl FnOnce(&mut Admin, Moment) -> Step + Send + 'static) -> Step {
    gather(
        false,
        Box::new(move |admin, moment, facts| {
            let summary = Summary::of(&report::findings(&facts));
            admin.summary = Some((moment.now, summary));
            then(admin, moment)
        }),
    )
}

/// What is done with everything that is known.
type Judge = Box<dyn FnOnce(&mut Admin, Moment, Facts) -> Step + Send>;

/// Asks every service in turn. One that does not answer leaves its facts unknown.
fn gather(may_name_people: bool, judge: Judge) -> Step {
    Step::Observe(Box::new(move |_, _, seen| {
        let facts = Facts {
            may_name_people,
            ..observed(seen)
        };
        ask_guard(facts, judge)
    }))
}

fn ask_guard(facts: Facts, judge: Judge) -> Step {
    Step::Guard(
        guard::Request::Status,
        Box::new(move |_, _, reply| {
            let guard = match reply {
                Ok(guard::Reply::Status(status)) => Some(status),
                _ => None,
            };
            let masquerade = guard.as_ref().map_or(Masquerade::NotTested, masquerade);
            let facts = Facts {
                guard,
                masquerade,
                ..facts
            };
            ask_grid(facts, judge)
        }),
    )
}

/// What arrived says that a router hides senders, or that one came from outside as he is; where
/// nobody came, it says nothing.
fn masquerade(guard: &guard::Status) -> Masquerade {
    match (guard.masquerade.state(), guard.outsider_secs) {
        (State::Confirmed, _) => Masquerade::Confirmed,
        (State::Suspect, _) => Masquerade::Suspected,
        (State::None, Some(_)) => Masquerade::Absent,
        (State::None, None) => Masquerade::NotTested,
    }
}

fn ask_grid(facts: Facts, judge: Judge) -> Step {
    Step::Grid(
        grid::Request::Status,
        Box::new(move |_, _, reply| {
            let grid = match reply {
                Ok(grid::Reply::Status(status)) => Some(status),
                _ => None,
            };
            ask_backups(Facts { grid, ..facts }, judge)
        }),
    )
}

fn ask_backups(facts: Facts, judge: Judge) -> Step {
    Step::Store(
        AskStore::Backup(BackupRequest::List),
        Box::new(move |_, _, reply| {
            let backups = match reply {
                Ok(Stored::Backups(backups)) => Some(backups),
                _ => None,
            };
            ask_certificate(Facts { backups, ..facts }, judge)
        }),
    )
}

fn ask_certificate(facts: Facts, judge: Judge) -> Step {
    Step::Certificate(
        CertificateOrder::Look,
        Box::new(move |admin, moment, reply| {
            let certificate = reply.ok().map(|state| Certificate {
                is_self_signed: state.is_self_signed,
                until_millis: state.served.until_millis,
            });
            let facts = Facts {
                certificate,
                site: admin.site.as_ref().map(|(_, site)| site.clone()),
                dangers: dangers(admin),
                clock_millis: moment.wall.as_millis(),
                is_clock_believed: admin.believed(moment.wall).is_some(),
                version: admin.version.clone(),
                remote: admin.remote_uses(),
                built_secs: admin.running.about.as_ref().map(|it| it.built),
                ..facts
            };
            judge(admin, moment, facts)
        }),
    )
}

fn observed(seen: Observation) -> Facts {
    let machine = seen.machine;
    Facts {
        init: seen.init.ok(),
        net: seen.net.ok(),
        pbx: seen.pbx.ok(),
        store: seen.store.ok(),
        update: seen.update.ok(),
        machine: Some(report::Machine {
            memory_kib: machine.memory_kib,
            available_kib: machine.available_kib,
            temperature: machine.temperature,
        }),
        ..Facts::default()
    }
}

/// What is dangerous about routes, in both languages.
fn dangers(admin: &Admin) -> Option<report::Dangers> {
    let dangers = admin.dangers().ok()?;
    let currency = &dangers.currency;
    let found = dangers.found.iter().map(|it| {
        let said = |language| explain::warning(&it.warning, currency, language);
        report::Danger {
            text: Text::new(said(Language::English), said(Language::Portuguese)),
            helps_thieves: it.warning.helps_thieves(),
        }
    });
    let worst = dangers.worst.iter().map(|(number, worst)| {
        let said = |language| explain::worst_case(number, worst, currency, language);
        report::Worst {
            text: Text::new(said(Language::English), said(Language::Portuguese)),
            is_generic: worst.generic,
            lost_cents: worst.lost_cents(),
            has_cap: worst.cap_cents.is_some(),
        }
    });
    Some(report::Dangers {
        found: found.collect(),
        worst: worst.collect(),
    })
}

/// What clocks at the site show, and the name of its time zone.
fn local(admin: &Admin, wall: UnixTime) -> String {
    let Some((_, site)) = &admin.site else {
        return String::new();
    };
    let shown = zone_of(site).map(|zone| zone.local(wall).strftime("%Y-%m-%d %H:%M").to_string());
    shown.map_or_else(String::new, |it| format!("{it} ({})", site.dialling.zone))
}

/// A name as typed, without what no name has.
fn typed(request: &Request, field: &str) -> String {
    let text = request.query_field(field).unwrap_or_default();
    let plain = text
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it });
    let cut: String = plain.take(NAME_LENGTH_MAX).collect();
    cut.trim().to_owned()
}

/// For so long a sum is not made anew: the state page asks every three seconds.
const SUMMARY_AGE_MAX: Duration = Duration::from_secs(60);
/// Characters of a name on the printed report.
const NAME_LENGTH_MAX: usize = 80;
