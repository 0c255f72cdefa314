//! The first steps on a new box: plain forms, one after the other, each kept by itself. Nobody has
//! to take them, and each can be taken again by the pages that are always there.

use std::sync::Arc;

use ipc::Redacted;
use ipc::site::{
    Country, Destination, Extension, Rewrite, Route, Site, Source, Trunk, TrunkAccess,
};
use ipc::store::{Reply, Request as Ask};

use super::change::{Change, unkept};
use super::{backups, cards, form};
use crate::admin::{Admin, Caller, Trail};
use crate::dashboard::Dashboard;
use crate::fault::{Fault, Invalid};
use crate::form::Said;
use crate::http::{Request, Response};
use crate::pages::{self, Stand};
use crate::permission::Permission;
use crate::step::{Moment, Step};
use crate::text::Language;
use crate::views::StatusView;

/// One of the steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Language,
    Time,
    Network,
    Numbers,
    Extensions,
    Trunk,
    Backup,
    Ready,
}

impl Stage {
    /// In their order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Language,
        Self::Time,
        Self::Network,
        Self::Numbers,
        Self::Extensions,
        Self::Trunk,
        Self::Backup,
        Self::Ready,
    ];

    /// Where it is.
    pub(crate) const fn address(self) -> &'static str {
        match self {
            Self::Language => "/start/language",
            Self::Time => "/start/time",
            Self::Network => "/start/network",
            Self::Numbers => "/start/numbers",
            Self::Extensions => "/start/extensions",
            Self::Trunk => "/start/trunk",
            Self::Backup => "/start/backup",
            Self::Ready => "/start/ready",
        }
    }

    /// The one after it; itself for the last.
    pub(crate) fn next(self) -> Self {
        let mut all = Self::ALL.into_iter().skip_while(|it| *it != self);
        all.nth(1).unwrap_or(self)
    }

    fn named(segment: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.address().strip_prefix("/start/") == Some(segment))
    }
}

impl Admin {
    /// Somebody has taken the first steps, or wanted none.
    pub const fn start_is_over(&mut self) {
        self.is_start_over = true;
    }

    /// Where somebody goes who has just signed in.
    pub(crate) fn first_page(&self, login: &str) -> &'static str {
        let is_new = self
            .site
            .as_ref()
            .is_some_and(|(_, site)| site.extensions.is_empty());
        let may = self.person(login).is_some_and(|person| {
            let may = crate::permission::Permissions::of_role(person.role);
            may.has(Permission::ChangeConfiguration)
        });
        match is_new && may && !self.is_start_over {
            true => "/start",
            false => "/",
        }
    }
}

/// A step as it stands.
pub(crate) fn show(segment: &str, caller: Caller) -> Step {
    let Some(stage) = Stage::named(segment) else {
        return caller.refuse(&Fault::NoSuchPage);
    };
    let shown = move |caller: Caller, backup: Option<String>| {
        standing(caller, move |_, caller, mut stand| {
            stand.backup = backup;
            Step::Respond(pages::start(&caller, stage, &stand, None).sealed())
        })
    };
    match stage == Stage::Backup && caller.may(Permission::ManageData) {
        true => backups::newest(caller, shown),
        false => shown(caller, None),
    }
}

/// Goes on with what the page shows of the box and the site. Calls are not among it.
fn standing(
    caller: Caller,
    then: impl FnOnce(&Admin, Caller, Stand) -> Step + Send + 'static,
) -> Step {
    Step::Observe(Box::new(move |admin, moment, mut seen| {
        if let Ok(status) = &mut seen.pbx {
            status.calls.clear();
        }
        let view = StatusView::new(seen, 0, &admin.version);
        let Some((_, site)) = &admin.site else {
            return caller.refuse(&Fault::Starting);
        };
        let stand = Stand {
            site: site.clone(),
            dashboard: Dashboard::new(admin, &caller, view, moment.wall),
            backup: None,
            typed: Vec::new(),
        };
        then(admin, caller, stand)
    }))
}

/// Takes a step.
pub(crate) fn take(
    admin: &mut Admin,
    moment: Moment,
    segment: &str,
    request: &Request,
    caller: Caller,
) -> Step {
    match (segment, Stage::named(segment)) {
        ("skip", _) | (_, Some(Stage::Ready)) => over(admin, caller),
        (_, None) => caller.refuse(&Fault::NoSuchPage),
        (_, Some(stage @ Stage::Language)) => speak(request, stage),
        (_, Some(stage @ (Stage::Network | Stage::Backup))) => go(stage.next().address()),
        (_, Some(stage)) => {
            let request = request.clone();
            let fields = typed(&request);
            standing(caller, move |admin, mut caller, mut stand| {
                stand.typed = fields;
                let site = stand.site.clone();
                let again = move |caller: &Caller, fault: &Fault| {
                    pages::start(caller, stage, &stand, Some(fault))
                };
                // Whether the carrier knows the box is to be seen before one goes on.
                let back = match stage {
                    Stage::Trunk => stage.address(),
                    _ => stage.next().address(),
                };
                let again = Arc::new(again);
                caller.trail = Some(Trail { back, again });
                match stage {
                    Stage::Time => time(admin, &request, caller),
                    Stage::Numbers => numbers(admin, &request, caller),
                    Stage::Extensions => extensions(admin, &moment, &request, caller),
                    _ => trunk(admin, &site, &request, caller),
                }
            })
        }
    }
}

fn go(address: &str) -> Step {
    Step::Respond(Response::redirect(address).sealed())
}

/// What was typed, but for passwords: to be shown again when it will not do.
fn typed(request: &Request) -> Vec<(String, String)> {
    let text = std::str::from_utf8(&request.body).unwrap_or_default();
    let mut fields = crate::http::form_fields(text).unwrap_or_default();
    fields.retain(|(name, _)| name != "password");
    fields
}

/// Keeps the language in the browser.
fn speak(request: &Request, stage: Stage) -> Step {
    let language = match form(request, "language").as_str() {
        "en" => "en",
        _ => "pt-BR",
    };
    let cookie =
        format!("language={language}; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Strict");
    let response = Response::redirect(stage.next().address()).with("set-cookie", cookie);
    Step::Respond(response.sealed())
}

fn time(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let zone = form(request, "zone").trim().to_owned();
    keep(admin, caller, "time zone set", move |site| {
        site.dialling.zone.clone_from(&zone);
    })
}

fn numbers(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let country = match form(request, "country").as_str() {
        "pt" => Country::Portugal,
        _ => Country::Brazil,
    };
    let area_code = form(request, "area_code").trim().to_owned();
    let own = form(request, "own_number").trim().to_owned();
    keep(admin, caller, "country and numbers set", move |site| {
        site.dialling.country = country;
        site.dialling.area_code.clone_from(&area_code);
        if !own.is_empty() && !site.dialling.owned_numbers.contains(&own) {
            site.dialling.owned_numbers.insert(0, own.clone());
        }
    })
}

/// Makes the extensions; the answer is the only place their passwords ever appear.
fn extensions(admin: &Admin, moment: &Moment, request: &Request, caller: Caller) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let first = form(request, "first").trim().to_owned();
    let count = form(request, "count").trim().parse::<usize>();
    let Some(count) = count.ok().filter(|it| (1..=CARDS_MAX).contains(it)) else {
        return caller.refuse(&wrong(&caller, COUNT));
    };
    let text = form(request, "names");
    let names = text.lines().map(str::trim).chain(std::iter::repeat(""));
    let numbers = following(&first, count);
    let Some(numbers) = numbers else {
        return caller.refuse(&wrong(&caller, FIRST));
    };
    let names: Vec<String> = names.take(count).map(ToOwned::to_owned).collect();
    let wished = numbers.into_iter().zip(names);
    let made = cards::draw(&site.realm, &moment.entropy, wished);
    let all: Vec<Extension> = made.iter().map(|it| it.extension.clone()).collect();
    let mut wished = site.clone();
    wished.extensions.extend(all.iter().cloned());
    if let Err(fault) = valid(&wished) {
        return caller.refuse(&fault);
    }
    let numbers: Vec<&str> = all.iter().map(|it| it.number.as_str()).collect();
    let action = format!("extensions {} created", numbers.join(", "));
    Change {
        audit: caller.audit(action, String::new(), String::new()),
        caller: caller.clone(),
        edit: Box::new(move |site| {
            for one in &all {
                if site.extensions.iter().any(|it| it.number == one.number) {
                    return Err(Fault::ExtensionExists(one.number.clone()));
                }
            }
            site.extensions.extend(all.iter().cloned());
            Ok(())
        }),
        done: Box::new(move |_, _| cards::show(caller, made, Stage::Trunk.address())),
    }
    .commit(admin)
}

/// Numbers that follow each other, all as long as the first.
fn following(first: &str, count: usize) -> Option<Vec<String>> {
    let width = first.len();
    let begin: u64 = first.parse().ok().filter(|_| (2..=10).contains(&width))?;
    let numbers = (begin..).take(count).map(|it| format!("{it:0width$}"));
    let numbers: Vec<String> = numbers.collect();
    numbers
        .iter()
        .all(|it| it.len() == width)
        .then_some(numbers)
}

/// Adds a trunk that registers, the routes out by it, and one in.
fn trunk(admin: &Admin, present: &Site, request: &Request, caller: Caller) -> Step {
    let text = |name: &str| form(request, name).trim().to_owned();
    let (name, server, user) = (text("name"), text("server"), text("user"));
    if [&name, &server, &user].iter().any(|it| it.is_empty()) {
        return caller.refuse(&wrong(&caller, ACCOUNT));
    }
    let password = Redacted::new(form(request, "password"));
    let (prefix, target) = (text("prefix"), text("target"));
    let access = TrunkAccess::Registering {
        server,
        user,
        auth_user: String::new(),
        password,
        realm: String::new(),
        expires_secs: REGISTER_SECS,
        contact_user: String::new(),
    };
    let trunk = Trunk {
        name: name.clone(),
        access,
        ..Trunk::default()
    };
    let mut routes = match present.dialling.plan {
        // Nobody here knows the numbers of another plan.
        Some(_) => Vec::new(),
        None => outward(caller.language, present.dialling.country, &name, &prefix),
    };
    if !target.is_empty() {
        routes.push(Route {
            name: caller.language.said(("incoming", "entrada")).to_owned(),
            sources: vec![Source::Trunk(name.clone())],
            pattern: ".".into(),
            destinations: vec![Destination::Extension(target)],
            ..Route::default()
        });
    }
    let action = format!("trunk {name} created, with {} routes", routes.len());
    keep(admin, caller, &action, move |site| {
        site.trunks.push(trunk.clone());
        let taken = |name: &str, site: &Site| site.routes.iter().any(|it| it.name == name);
        for route in &routes {
            if !taken(&route.name, site) {
                site.routes.push(route.clone());
            }
        }
    })
}

/// One route for each kind of number of the country: none that takes whatever is dialled (R64).
fn outward(language: Language, country: Country, trunk: &str, prefix: &str) -> Vec<Route> {
    let kinds: &[(Said, &str)] = match country {
        Country::Brazil => &[
            (("local", "local"), "[2-5]XXXXXXX"),
            (("mobile", "celular"), "9XXXXXXXX"),
            (("national", "DDD"), "0ZX[2-5]XXXXXXX"),
            (("national mobile", "DDD celular"), "0ZX9XXXXXXXX"),
            (("free", "0800"), "0800XXXXXXX"),
        ],
        Country::Portugal => &[
            (("fixed", "fixo"), "2XXXXXXXX"),
            (("mobile", "celular"), "9XXXXXXXX"),
            (("free", "800"), "800XXXXXX"),
        ],
    };
    let route = |(name, pattern): &(Said, &str)| Route {
        name: language.said(*name).to_owned(),
        sources: vec![Source::Extensions],
        pattern: format!("{prefix}{pattern}"),
        rewrite: Rewrite {
            strip: u8::try_from(prefix.len()).unwrap_or_default(),
            ..Rewrite::default()
        },
        destinations: vec![Destination::Trunk(trunk.to_owned())],
        ..Route::default()
    };
    kinds.iter().map(route).collect()
}

/// Keeps a change that always succeeds on a site, and goes on with the next step.
fn keep(
    admin: &Admin,
    caller: Caller,
    action: &str,
    edit: impl Fn(&mut Site) + Send + 'static,
) -> Step {
    let back = caller.trail.as_ref().map_or("/start", |trail| trail.back);
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let mut wished = site.clone();
    edit(&mut wished);
    if let Err(fault) = valid(&wished) {
        return caller.refuse(&fault);
    }
    Change {
        audit: caller.audit(action.to_owned(), String::new(), String::new()),
        caller,
        edit: Box::new(move |site| {
            edit(site);
            Ok(())
        }),
        done: Box::new(move |_, _| go(back)),
    }
    .commit_telling(admin)
}

/// Whether a site holds. The store asks too; what it says is in English alone.
fn valid(site: &Site) -> Result<(), Fault> {
    let checked = config::Site::parse(site).map(drop);
    checked.map_err(|faults| Fault::Invalid(faults.into_iter().map(Invalid::from).collect()))
}

/// What is wrong with what was typed.
fn wrong(caller: &Caller, said: Said) -> Fault {
    let said = caller.language.said(said).to_owned();
    Fault::Invalid(vec![Invalid::Said(said)])
}

/// The first steps are over: they are not shown by themselves again.
fn over(admin: &mut Admin, caller: Caller) -> Step {
    let audit = caller.audit("first steps done".into(), String::new(), String::new());
    admin.record(audit, move |_, _| {
        let secret = Redacted::new(b"1".to_vec());
        Step::Store(
            Ask::PutSecret(START.to_owned(), secret),
            Box::new(move |admin, _, reply| match reply {
                Ok(Reply::Stored) => {
                    admin.start_is_over();
                    go("/")
                }
                other => caller.refuse(&unkept(other)),
            }),
        )
    })
}

const COUNT: Said = (
    "how many phones: give a number from 1 to 16",
    "quantos telefones: informe um número de 1 a 16",
);
const FIRST: Said = (
    "number of the first: 2 to 10 digits, with room for the others after it",
    "número do primeiro: de 2 a 10 dígitos, com lugar para os outros depois dele",
);
const ACCOUNT: Said = (
    "name, server and user: give all three, as your carrier names them",
    "nome, servidor e usuário: informe os três, como a operadora os chama",
);
/// Under which name the store keeps that they are over.
pub const START: &str = "start-is-over";
/// Cards on one page: it has to stay small, and so many phones are set up at once.
const CARDS_MAX: usize = 16;
/// Seconds for which the box registers with a carrier.
const REGISTER_SECS: u32 = 600;
