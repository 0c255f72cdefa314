//! What the first page tells: how the box is, what is to be done next, and the calls of a day.

use config::Zone;
use ipc::site::{Destination, Role, Site};
use ipc::store::{CallCount, Spans};
use report::Summary;
use sansio::UnixTime;

use crate::admin::{Admin, Caller};
use crate::form::Said;
use crate::passkeys::is_guarded;
use crate::permission::Permission;
use crate::views::{StatusView, Warning};

/// Everything on it.
#[derive(Debug, Default)]
pub(crate) struct Dashboard {
    pub(crate) view: StatusView,
    /// Extensions without a phone, by number: the number and the name.
    pub(crate) without_phone: Vec<(String, String)>,
    /// How many extensions there are.
    pub(crate) extensions: usize,
    /// The last 24 hours, the present one last; empty while the store does not answer.
    pub(crate) hours: Vec<Hour>,
    pub(crate) next: Vec<Todo>,
    /// The sum of the report on exposure and health, for whoever may do something about it.
    pub(crate) summary: Option<Summary>,
    /// What clocks at the site show, `2026-11-23 12:45`, and the name of its time zone.
    pub(crate) clock: (String, String),
}

/// The calls of an hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hour {
    /// The hour of the day it is, as clocks at the site show it.
    pub(crate) hour: i8,
    /// Whether it is of the present day there.
    pub(crate) is_today: bool,
    pub(crate) count: CallCount,
}

/// Something a new box lacks, and the page where it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Todo {
    pub(crate) said: Said,
    pub(crate) place: &'static str,
}

impl Dashboard {
    /// What is known of the site by itself; hours are added when they were counted.
    pub(crate) fn new(admin: &Admin, caller: &Caller, view: StatusView, wall: UnixTime) -> Self {
        let Some((_, site)) = &admin.site else {
            return Self {
                view,
                ..Self::default()
            };
        };
        let has_phone = |number: &String| view.phones.iter().any(|it| it.extension == *number);
        let missing = site.extensions.iter().filter(|it| !has_phone(&it.number));
        let mut without_phone: Vec<_> = missing
            .map(|it| (it.number.clone(), it.display_name.clone()))
            .collect();
        without_phone.sort();
        let zone = zone_of(site);
        let local = zone.as_ref().map(|zone| zone.local(wall));
        let clock = local.map(|local| local.strftime("%Y-%m-%d %H:%M").to_string());
        Self {
            without_phone,
            extensions: site.extensions.len(),
            hours: Vec::new(),
            next: todo(site, &view, caller),
            summary: summary(admin, caller),
            clock: (clock.unwrap_or_default(), site.dialling.zone.clone()),
            view,
        }
    }

    /// Calls of the present day: answered, and not.
    pub(crate) fn today(&self) -> CallCount {
        let today = self.hours.iter().filter(|it| it.is_today);
        today.fold(CallCount::default(), |sum, it| CallCount {
            answered: sum.answered.saturating_add(it.count.answered),
            unanswered: sum.unanswered.saturating_add(it.count.unanswered),
        })
    }
}

/// The last 24 hours by the clocks of the site, the present one last.
pub(crate) fn hours(site: &Site, wall: UnixTime) -> Spans {
    // Where clocks are half an hour off UTC, hours begin there at the half of ours.
    let local = zone_of(site).map(|zone| zone.local(wall));
    let minutes = local.map_or(0, |local| i64::from(local.minute()));
    let minute = wall.as_millis().div_euclid(MINUTE_MILLIS);
    let began = minute.saturating_sub(minutes).saturating_mul(MINUTE_MILLIS);
    Spans {
        from_millis: began.saturating_sub(HOUR_MILLIS.saturating_mul(HOURS_BEFORE)),
        span_millis: HOUR_MILLIS,
        count: 24,
    }
}

/// These hours as people say them.
pub(crate) fn named(site: &Site, spans: &Spans, counts: &[CallCount], wall: UnixTime) -> Vec<Hour> {
    let Some(zone) = zone_of(site) else {
        return Vec::new();
    };
    let today = zone.local(wall).date();
    let begins = (0..).map(|place: i64| {
        let since = spans.span_millis.saturating_mul(place);
        zone.local(UnixTime::from_millis(
            spans.from_millis.saturating_add(since),
        ))
    });
    let named = begins.zip(counts).map(|(begin, count)| Hour {
        hour: begin.hour(),
        is_today: begin.date() == today,
        count: *count,
    });
    named.collect()
}

fn summary(admin: &Admin, caller: &Caller) -> Option<Summary> {
    let made = admin.summary.map(|(_, summary)| summary);
    made.filter(|_| caller.may_change())
}

pub(crate) fn zone_of(site: &Site) -> Option<Zone> {
    Zone::parse(&site.dialling.zone)
}

/// What a box lacks before it does what it is for, in the order one does it; nothing for whoever
/// may not do it.
fn todo(site: &Site, view: &StatusView, caller: &Caller) -> Vec<Todo> {
    if !caller.may_change() {
        return Vec::new();
    }
    let leads = |outside: bool| {
        site.routes.iter().any(|route| {
            let to_trunk = |it: &Destination| matches!(it, Destination::Trunk(_));
            route.enabled && route.destinations.iter().any(to_trunk) == outside
        })
    };
    let has_numbers = !site.extensions.is_empty();
    let has_trunk = !site.trunks.is_empty();
    let own = site.people.iter().find(|it| it.login == caller.login);
    let is_bare = own.is_some_and(|it| it.role == Role::Administrator && !is_guarded(it));
    let is_exposed = view
        .warnings
        .iter()
        .any(|it| matches!(it, Warning::Exposed));
    let all = [
        (is_exposed, BANS),
        (!has_numbers, START),
        (has_numbers && view.phones.is_empty(), PHONES),
        (!has_trunk, TRUNK),
        (has_trunk && !leads(true), OUTSIDE),
        (has_trunk && !leads(false), INSIDE),
        (is_bare && caller.may(Permission::OwnAccount), FACTOR),
    ];
    let lacking = all.into_iter().filter(|(lacks, _)| *lacks);
    lacking.map(|(_, todo)| todo).collect()
}

const BANS: Todo = Todo {
    said: (
        "The box can be reached from outside: switch bans on",
        "A central pode ser alcançada de fora: ligue os bloqueios",
    ),
    place: "/bans",
};
const START: Todo = Todo {
    said: (
        "Create the first extensions, one for each phone",
        "Crie os primeiros ramais, um para cada telefone",
    ),
    place: "/start",
};
const PHONES: Todo = Todo {
    said: (
        "Connect a phone: enter the number and password of an extension in it",
        "Conecte um telefone: informe nele o número e a senha de um ramal",
    ),
    place: "/extensions",
};
const TRUNK: Todo = Todo {
    said: (
        "Connect your carrier, to call outside and be called",
        "Conecte sua operadora, para ligar para fora e ser chamado",
    ),
    place: "/new/trunk",
};
const OUTSIDE: Todo = Todo {
    said: (
        "Say which numbers go out by the trunk: a route",
        "Diga quais números saem pelo tronco: uma rota",
    ),
    place: "/new/route",
};
const INSIDE: Todo = Todo {
    said: (
        "Say where calls from outside lead: a route",
        "Diga para onde vão as chamadas de fora: uma rota",
    ),
    place: "/new/route",
};
const FACTOR: Todo = Todo {
    said: (
        "Protect your account with a second factor",
        "Proteja sua conta com um segundo fator",
    ),
    place: "/second-factor",
};

const MINUTE_MILLIS: i64 = 60_000;
const HOUR_MILLIS: i64 = 60 * MINUTE_MILLIS;
/// Hours shown before the present one.
const HOURS_BEFORE: i64 = 23;

#[cfg(test)]
mod tests {
    use super::*;

    fn site(zone: &str) -> Site {
        let mut site = Site::default();
        site.dialling.zone = zone.into();
        site
    }

    #[test]
    fn hours_begin_where_clocks_at_the_site_show_a_full_one() {
        // 2026-11-23 15:45:01 UTC.
        let wall = UnixTime::from_millis(1_795_448_701_000);
        let check = |zone: &str, first: i8, last: i8, today: usize| {
            let site = site(zone);
            let spans = hours(&site, wall);
            let counts = [CallCount::default(); 24];
            let named = named(&site, &spans, &counts, wall);
            assert_eq!(named.len(), 24, "{zone}");
            assert_eq!((named[0].hour, named[23].hour), (first, last), "{zone}");
            let of_today = named.iter().filter(|it| it.is_today).count();
            assert_eq!(of_today, today, "{zone}");
            let end = spans.from_millis + 24 * HOUR_MILLIS;
            assert!(
                (end - HOUR_MILLIS..end).contains(&wall.as_millis()),
                "{zone}"
            );
        };
        check("America/Sao_Paulo", 13, 12, 13);
        check("Europe/Lisbon", 16, 15, 16);
        // Half an hour off UTC.
        check("Asia/Kolkata", 22, 21, 22);
    }
}
