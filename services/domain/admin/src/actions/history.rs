//! The versions of the site: who made them, what changed in them, and going back to one.

use ipc::site::Site;
use ipc::store::{Reply, Request as Ask};
use schemars::JsonSchema;
use serde::Deserialize;

use super::change::{Change, unkept};
use super::patch::differences;
use super::records::limit;
use super::{form, json};
use crate::admin::{Admin, Caller};
use crate::answers::Present;
use crate::fault::Fault;
use crate::history_view::{VersionChanges, VersionView};
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::Face;
use crate::step::Step;

/// The versions, newest first.
pub(crate) fn list(request: &Request, caller: Caller) -> Step {
    let before = request.query_field("before");
    let before = before.and_then(|text| text.parse().ok());
    let limit = limit(request);
    Step::Store(
        Ask::History { limit, before },
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::History(versions)) => {
                let full = u32::try_from(versions.len()).is_ok_and(|count| count == limit);
                let versions = versions.into_iter().map(VersionView::from);
                let versions: Vec<_> = match caller.may(Permission::SeePeople) {
                    true => versions.collect(),
                    false => versions.map(VersionView::without_people).collect(),
                };
                let response = match caller.face {
                    Face::Page | Face::Asset => pages::history(&caller, &versions, full),
                    Face::Api => Response::json(200, &versions),
                };
                Step::Respond(response.sealed())
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

/// What changed in a version, and what going back to it would change now.
pub(crate) fn show(version: &str, caller: Caller) -> Step {
    let number = match number(version) {
        Ok(number) => number,
        Err(fault) => return caller.refuse(&fault),
    };
    at(number, caller, move |_, caller, site| {
        let before = number.saturating_sub(1);
        Step::Store(
            Ask::ConfigAt(before),
            Box::new(move |admin, _, reply| match reply {
                Ok(Reply::Config { site: before, .. }) => {
                    changes(admin, &caller, number, &site, Some(&before))
                }
                Ok(Reply::NoSuchVersion) => changes(admin, &caller, number, &site, None),
                other => caller.refuse(&unkept(other)),
            }),
        )
    })
}

/// Puts the site of a version in place of the present one. Accounts and passwords stay.
pub(crate) fn back(version: &str, request: &Request, caller: Caller) -> Step {
    let wish = number(version).and_then(|number| Ok((number, seen(request, caller.face)?)));
    let (number, seen) = match wish {
        Ok(wish) => wish,
        Err(fault) => return caller.refuse(&fault),
    };
    at(number, caller, move |_, caller, earlier| {
        // The version was fetched before this is asked: nobody comes back by it who goes meanwhile.
        let login = String::new();
        Step::Store(
            Ask::Erasable { login },
            Box::new(move |admin, _, reply| match reply {
                Ok(Reply::Erasable(it)) if it.is_under_way => {
                    caller.refuse(&Fault::ErasureUnderWay)
                }
                Ok(Reply::Erasable(_)) => take_back(admin, caller, number, seen, earlier),
                other => caller.refuse(&unkept(other)),
            }),
        )
    })
}

fn take_back(admin: &Admin, caller: Caller, number: u64, seen: u64, earlier: Site) -> Step {
    let Some((present, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    // Who went back saw what that changes; what came meanwhile he has not seen.
    if *present != seen {
        return caller.refuse(&Fault::ChangedMeanwhile);
    }
    let told = match differences(site, &config::back_to(&earlier, site)) {
        Ok(told) => told.join("; "),
        Err(fault) => return caller.refuse(&fault),
    };
    let action = format!("configuration taken back to version {number}");
    let seen = site.clone();
    Change {
        audit: caller.audit(action, String::new(), told),
        caller: caller.clone(),
        edit: Box::new(move |site| {
            if *site != seen {
                return Err(Fault::ChangedMeanwhile);
            }
            *site = config::back_to(&earlier, site);
            Ok(())
        }),
        done: Box::new(move |admin, _| {
            let version = admin.site.as_ref().map_or(0, |(version, _)| *version);
            let response = match caller.face {
                Face::Page | Face::Asset => Response::redirect("/history"),
                Face::Api => Response::json(200, &Present { version }),
            };
            Step::Respond(response.sealed())
        }),
    }
    .commit(admin)
}

/// Fetches a version and goes on with it.
fn at(
    number: u64,
    caller: Caller,
    then: impl FnOnce(&mut Admin, Caller, Site) -> Step + Send + 'static,
) -> Step {
    Step::Store(
        Ask::ConfigAt(number),
        Box::new(move |admin, _, reply| match reply {
            Ok(Reply::Config { site, .. }) => then(admin, caller, site),
            Ok(Reply::NoSuchVersion) => caller.refuse(&Fault::NoSuchVersion(number)),
            other => caller.refuse(&unkept(other)),
        }),
    )
}

fn changes(
    admin: &Admin,
    caller: &Caller,
    number: u64,
    site: &Site,
    before: Option<&Site>,
) -> Step {
    let Some((present, now)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let view = VersionChanges::new(number, site, before, (*present, now), caller);
    let view = match caller.may(Permission::SeePeople) {
        true => view,
        false => view.without_people(),
    };
    let response = match caller.face {
        Face::Page | Face::Asset => pages::version(caller, &view),
        Face::Api => Response::json(200, &view),
    };
    Step::Respond(response.sealed())
}

/// What whoever wants to go back has seen.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BackWish")]
pub(crate) struct Wish {
    /// The present version.
    current: u64,
}

/// The version that whoever wants to go back has seen as the present one.
fn seen(request: &Request, face: Face) -> Result<u64, Fault> {
    match face {
        Face::Api => json::<Wish>(request).map(|wish| wish.current),
        Face::Page | Face::Asset => form(request, "current")
            .parse()
            .map_err(|_| Fault::ChangedMeanwhile),
    }
}

fn number(text: &str) -> Result<u64, Fault> {
    let number = text.parse();
    number.map_err(|_| Fault::BadBody("a version is a number, as /api/history lists them".into()))
}
