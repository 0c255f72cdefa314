//! The site or its extensions as a file: written, tried out, taken over.

use ipc::Redacted;
use ipc::site::Site;
use schemars::JsonSchema;
use serde::Deserialize;
use sip::digest::{Algorithm, Ha1};

use super::change::Change;
use super::items::versioned;
use super::patch::differences;
use super::{form, json, stretch};
use crate::admin::{Admin, Caller};
use crate::answers::{FileOfSite, NewPassword, Taken, TakenOrOver, TakenOver};
use crate::extension_list;
use crate::fault::Fault;
use crate::history_view::PERSON;
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::{Face, File};
use crate::site_file::{self, FromFile};
use crate::step::{Moment, Step};

/// What somebody wants taken over.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FileWish")]
pub(crate) struct Wish {
    /// Which it is.
    #[serde(skip)]
    kind: File,
    /// The file.
    file: String,
    /// Only say what it would change.
    #[serde(default)]
    dry_run: bool,
    /// The present version, as the asker has seen it: by the page. A program says it by `If-Match`.
    #[serde(skip)]
    current: Option<u64>,
}

impl File {
    fn write(self, version: u64, site: &Site) -> Result<String, Fault> {
        match self {
            Self::Site => site_file::write(version, site),
            Self::Extensions => extension_list::write(site),
        }
    }

    fn read(self, text: &str, present: &Site) -> Result<FromFile, Fault> {
        match self {
            Self::Site => site_file::read(text, present),
            Self::Extensions => extension_list::read(text, present),
        }
    }

    /// Where it is had, and what it is.
    pub(crate) const fn address(self) -> (&'static str, &'static str) {
        match self {
            Self::Site => ("/site.toml", "application/toml"),
            Self::Extensions => ("/extension-list.csv", "text/csv; charset=utf-8"),
        }
    }
}

/// The page from which the file is had and taken over.
pub(crate) fn page(admin: &Admin, kind: File, caller: &Caller) -> Step {
    match &admin.site {
        Some(_) => Step::Respond(pages::site_file(caller, kind, "", None, None).sealed()),
        None => caller.refuse(&Fault::Starting),
    }
}

/// The file.
pub(crate) fn export(admin: &Admin, kind: File, caller: &Caller) -> Step {
    let Some((version, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let file = match kind.write(*version, site) {
        Ok(file) => file,
        Err(fault) => return caller.refuse(&fault),
    };
    let response = match caller.face {
        Face::Page | Face::Asset => {
            let (_, media) = kind.address();
            let name = match kind {
                File::Site => format!("ramal-{version}.toml"),
                File::Extensions => format!("extensions-{version}.csv"),
            };
            let name = format!("attachment; filename=\"{name}\"");
            Response::new(200, media, file).with("content-disposition", name)
        }
        Face::Api => Response::json(
            200,
            &FileOfSite {
                version: *version,
                file: &file,
            },
        ),
    };
    Step::Respond(versioned(response, *version).sealed())
}

/// Takes a file over, or says what that would change.
pub(crate) fn import(
    admin: &Admin,
    moment: &Moment,
    kind: File,
    request: &Request,
    caller: Caller,
) -> Step {
    let wish = match wish(kind, request, &caller) {
        Ok(wish) => wish,
        Err(fault) => return caller.refuse(&fault),
    };
    match try_out(admin, moment, &wish) {
        Err(fault) if caller.face == Face::Api => caller.refuse(&fault),
        // A person gets his file again, with the reason.
        Err(fault) => {
            let fault = fault.for_eyes_of(&caller);
            Step::Respond(pages::site_file(&caller, kind, &wish.file, None, Some(&fault)).sealed())
        }
        Ok((taken, _)) if wish.dry_run => {
            let taken = taken.for_eyes_of(&caller);
            tried(&wish, kind, &caller, &taken)
        }
        Ok((taken, made)) => take_over(admin, kind, caller, taken, made),
    }
}

impl Taken {
    /// Without what is about people, for whoever may not see them.
    fn for_eyes_of(mut self, caller: &Caller) -> Self {
        if !caller.may(Permission::SeePeople) {
            self.changes.retain(|line| !line.starts_with(PERSON));
        }
        self
    }
}

/// What a file would change.
fn tried(wish: &Wish, kind: File, caller: &Caller, taken: &Taken) -> Step {
    let response = match caller.face {
        Face::Page | Face::Asset => pages::site_file(caller, kind, &wish.file, Some(taken), None),
        Face::Api => Response::json(200, &TakenOrOver::Tried(taken)),
    };
    Step::Respond(response.sealed())
}

/// The site as it would be, and the passwords of its new extensions.
struct Made {
    site: Site,
    passwords: Vec<NewPassword>,
}

fn try_out(admin: &Admin, moment: &Moment, wish: &Wish) -> Result<(Taken, Made), Fault> {
    let (version, present) = admin.site.as_ref().ok_or(Fault::Starting)?;
    if let Some(seen) = wish.current
        && seen != *version
    {
        return Err(Fault::ChangedSince(seen));
    }
    let read = wish.kind.read(&wish.file, present)?;
    let mut site = read.site;
    let mut fill = stretch(&moment.entropy);
    let mut passwords = Vec::new();
    for number in &read.without_password {
        let password = config::generate_password(&mut fill);
        let ha1 = Ha1::from_password(number, &site.realm, &password);
        for extension in site.extensions.iter_mut().filter(|it| it.number == *number) {
            extension.ha1_md5 = Redacted::new(ha1.hex(Algorithm::Md5).to_owned());
            extension.ha1_sha256 = Redacted::new(ha1.hex(Algorithm::Sha256).to_owned());
        }
        passwords.push(NewPassword {
            number: number.clone(),
            password,
        });
    }
    let taken = Taken {
        version: *version,
        changes: differences(present, &site)?,
        new_extensions: read.without_password,
        trunks_without_password: read.trunks_without_password,
    };
    Ok((taken, Made { site, passwords }))
}

fn take_over(admin: &Admin, kind: File, caller: Caller, taken: Taken, made: Made) -> Step {
    let Some((_, present)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let present = present.clone();
    let Made { site, passwords } = made;
    let seen = taken.version;
    let action = match kind {
        File::Site => "configuration taken from a file",
        File::Extensions => "extensions taken from a list",
    };
    let action = action.to_owned();
    Change {
        audit: caller.audit(action, String::new(), taken.changes.join("; ")),
        caller: caller.clone(),
        edit: Box::new(move |now| {
            if *now != present {
                return Err(Fault::ChangedSince(seen));
            }
            now.clone_from(&site);
            Ok(())
        }),
        done: Box::new(move |admin, _| {
            let version = admin.site.as_ref().map_or(0, |(version, _)| *version);
            let response = match caller.face {
                Face::Page | Face::Asset => {
                    pages::site_taken(&caller, &passwords, &taken.trunks_without_password)
                }
                Face::Api => {
                    let taken = TakenOver {
                        version,
                        passwords: &passwords,
                        trunks_without_password: &taken.trunks_without_password,
                    };
                    Response::json(200, &TakenOrOver::Over(taken))
                }
            };
            Step::Respond(response.sealed())
        }),
    }
    .commit(admin)
}

fn wish(kind: File, request: &Request, caller: &Caller) -> Result<Wish, Fault> {
    match caller.face {
        Face::Api => {
            let wish: Wish = json(request)?;
            let current = caller.seen;
            Ok(Wish {
                kind,
                current,
                ..wish
            })
        }
        Face::Page | Face::Asset => {
            let current = form(request, "current");
            Ok(Wish {
                kind,
                file: form(request, "file"),
                dry_run: current.is_empty(),
                current: current.parse().ok(),
            })
        }
    }
}
