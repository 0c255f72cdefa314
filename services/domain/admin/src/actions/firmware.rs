//! The firmware: what runs, why a slot was left, and updates by pieces.
//!
//! Whoever offers an update begins it, then sends the piece that each answer asks for. That is how
//! a transfer that broke off goes on, and how what the box has already is not sent.

use ipc::init::{Reply as InitReply, Request as InitRequest, SecureBoot, Shutdown, StickFile};
use ipc::update::{Reply, Request as Ask};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json;
use crate::admin::{Admin, Caller};
use crate::answers::{Fetching, Nothing, UpdateGoesOn};
use crate::fault::Fault;
use crate::fetch::{Address, FetchFault, FetchOrder, Server, Source, StickFault};
use crate::firmware_view::{FirmwareView, Seen};
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::Face;
use crate::step::{Away, Step};

/// What is said before everything that was stored is forgotten.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FactoryReset")]
pub(crate) struct Reset {
    /// `erase everything`.
    confirm: String,
}

/// Slots, keys, what is under way and why slots were left.
pub(crate) fn show(caller: Caller) -> Step {
    Step::Update(
        Ask::Status,
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::Status(status)) => Step::Fetch(
                FetchOrder::Look,
                Box::new(move |_, _, fetch| {
                    updates_on_stick(move |_, files| {
                        with_secure_boot(move |secure_boot| {
                            let seen = Seen {
                                fetch,
                                files,
                                secure_boot,
                            };
                            let view = FirmwareView::new(*status, seen, caller.language);
                            let response = match caller.face {
                                Face::Page | Face::Asset => pages::firmware(&caller, &view),
                                Face::Api => Response::json(200, &view),
                            };
                            Step::Respond(response.sealed())
                        })
                    })
                }),
            ),
            other => caller.refuse(&unmet(other)),
        }),
    )
}

/// Has an update fetched from a server; how that goes is said by [`show`].
pub(crate) fn fetch(admin: &mut Admin, request: &Request, caller: Caller) -> Step {
    let source = match json::<Fetch>(request) {
        Ok(wish) => wish.source().map_err(Fault::CannotFetch),
        Err(fault) => Err(fault),
    };
    let source = match source {
        Ok(source) => source,
        Err(fault) => return caller.refuse(&fault),
    };
    begin_fetch(admin, caller, Source::Server(source))
}

/// Has an update installed from the memory stick in the box, by a name that was listed, or the only
/// one there is; how that goes is said by [`show`].
pub(crate) fn from_stick(request: &Request, caller: Caller) -> Step {
    let file = match json::<OnStick>(request) {
        Ok(OnStick { file }) => file,
        Err(fault) => return caller.refuse(&fault),
    };
    updates_on_stick(move |admin, files| {
        let is_only = file.is_empty() && files.len() == 1;
        let is_meant = |it: &StickFile| is_only || it.offer.file == file;
        match files.into_iter().find(is_meant) {
            Some(file) => begin_fetch(admin, caller, Source::Stick(file)),
            None => caller.refuse(&Fault::CannotFetch(FetchFault::Stick(StickFault::NotThere))),
        }
    })
}

/// The same for a file that was chosen at the box.
pub(crate) fn from_stick_now(file: StickFile, caller: Caller) -> Step {
    updates_on_stick(move |admin, files| match files.contains(&file) {
        true => begin_fetch(admin, caller, Source::Stick(file)),
        false => caller.refuse(&Fault::CannotFetch(FetchFault::Stick(StickFault::NotThere))),
    })
}

/// What is to be installed from the memory stick.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnStick {
    /// Its name.
    #[serde(default)]
    file: String,
}

/// Goes on with the update files on the memory stick.
fn updates_on_stick(
    then: impl FnOnce(&mut Admin, Vec<StickFile>) -> Step + Send + 'static,
) -> Step {
    on_stick(|admin, mut files| {
        files.retain(|it| !it.offer.is_backup());
        then(admin, files)
    })
}

/// Goes on with the files on the memory stick; with none where PID 1 is not heard of.
pub(super) fn on_stick(
    then: impl FnOnce(&mut Admin, Vec<StickFile>) -> Step + Send + 'static,
) -> Step {
    Step::Init(
        InitRequest::Stick,
        Box::new(move |admin, _, reply| {
            let files = match reply {
                Ok(InitReply::Stick(files)) => files,
                Ok(_) | Err(_) => Vec::new(),
            };
            then(admin, files)
        }),
    )
}

/// Goes on with what the machine starts; with what nobody knows where PID 1 is not heard of.
fn with_secure_boot(then: impl FnOnce(SecureBoot) -> Step + Send + 'static) -> Step {
    Step::Init(
        InitRequest::SecureBoot,
        Box::new(move |_, _, reply| {
            then(match reply {
                Ok(InitReply::SecureBoot(secure_boot)) => secure_boot,
                Ok(_) | Err(_) => SecureBoot::Unknown,
            })
        }),
    )
}

fn begin_fetch(admin: &mut Admin, caller: Caller, source: Source) -> Step {
    let from = source.shown();
    let action = format!("firmware update fetched from {from}");
    let ended = caller.audit(String::new(), String::new(), String::new());
    recorded(admin, caller, &action, move |_| {
        Step::Fetch(
            FetchOrder::Begin(source, Box::new(ended)),
            Box::new(move |_, _, _| answer(&Fetching { fetching: &from })),
        )
    })
}

/// What is to be fetched.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FetchUpdate")]
pub(crate) struct Fetch {
    /// `https://` or, as the file is signed, `http://`.
    url: String,
    /// SHA-256 of the server's certificate, hexadecimal, when no public authority vouches for it.
    #[serde(default)]
    fingerprint: String,
}

impl Fetch {
    fn source(&self) -> Result<Server, FetchFault> {
        let address = Address::parse(&self.url).ok_or(FetchFault::BadAddress)?;
        let fingerprint = match self.fingerprint.trim() {
            "" => None,
            text => Some(fingerprint(text).ok_or(FetchFault::BadFingerprint)?),
        };
        Ok(Server {
            address,
            fingerprint,
        })
    }
}

/// 64 hexadecimal digits, with colons between them or without.
fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|sign| *sign != ':')
        .map(|sign| sign.to_digit(16).and_then(|it| u8::try_from(it).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let pairs = digits.chunks_exact(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|it| Some(it.first()? << 4 | it.last()?))
        .collect();
    bytes?.try_into().ok()
}

/// Begins an update.
pub(crate) fn begin(admin: &mut Admin, caller: Caller) -> Step {
    recorded(admin, caller, "firmware update begun", |caller| {
        without_fetch(caller, Ask::Begin)
    })
}

/// Takes a piece of an update; the path says where it begins in the file.
pub(crate) fn piece(admin: &Admin, request: &Request, offset: &str, caller: Caller) -> Step {
    let Ok(offset) = offset.parse() else {
        return caller.refuse(&Fault::NoSuchPage);
    };
    if let Err(fault) = may_be_recorded(admin) {
        return caller.refuse(&fault);
    }
    let bytes = request.body.clone();
    Step::Update(
        Ask::Piece { offset, bytes },
        Box::new(move |admin, _, reply| match reply {
            Ok(Reply::Next { offset, length }) => answer(&UpdateGoesOn::Wanted {
                next: offset,
                bytes: length,
            }),
            Ok(Reply::Installed { version }) => {
                let action = format!("firmware {version} installed");
                let audit = caller.audit(action, String::new(), String::new());
                admin.record(audit, move |_, _| {
                    answer(&UpdateGoesOn::Installed { installed: version })
                })
            }
            other => caller.refuse(&unmet(other)),
        }),
    )
}

/// Gives the update that is under way up.
pub(crate) fn abandon(admin: &mut Admin, caller: Caller) -> Step {
    recorded(admin, caller, "firmware update given up", |caller| {
        without_fetch(caller, Ask::Abandon)
    })
}

/// Has the other slot started at the next start.
pub(crate) fn go_back(admin: &mut Admin, caller: Caller) -> Step {
    recorded(
        admin,
        caller,
        "firmware: back to the version before",
        |caller| ask(caller, Ask::GoBack),
    )
}

/// Has the rescue system started once.
pub(crate) fn rescue(admin: &mut Admin, caller: Caller) -> Step {
    recorded(admin, caller, "rescue system asked for", |caller| {
        ask(caller, Ask::Rescue)
    })
}

/// Forgets everything that was stored, and starts the box anew.
pub(crate) fn reset(admin: &mut Admin, request: &Request, caller: Caller) -> Step {
    match json::<Reset>(request) {
        Ok(Reset { confirm }) if confirm == ERASE => {}
        Ok(_) => return caller.refuse(&Fault::NotConfirmed(ERASE)),
        Err(fault) => return caller.refuse(&fault),
    }
    reset_now(admin, caller)
}

/// The same, confirmed already.
pub(crate) fn reset_now(admin: &mut Admin, caller: Caller) -> Step {
    recorded(admin, caller, "factory reset asked for", |caller| {
        restart_with(caller, Ask::FactoryReset)
    })
}

/// Starts the rescue system.
pub(crate) fn rescue_now(admin: &mut Admin, caller: Caller) -> Step {
    recorded(admin, caller, "rescue system started", |caller| {
        restart_with(caller, Ask::Rescue)
    })
}

/// Notes what the next start is to do, and starts the box anew.
fn restart_with(caller: Caller, wish: Ask) -> Step {
    Step::Update(
        wish,
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::Done) => shut_down(caller, Shutdown::Restart),
            other => caller.refuse(&unmet(other)),
        }),
    )
}

/// Starts the box anew, or switches it off.
pub(crate) fn end(admin: &mut Admin, how: Shutdown, caller: Caller) -> Step {
    let action = match how {
        Shutdown::Restart => "box restarted",
        Shutdown::PowerOff => "box switched off",
    };
    recorded(admin, caller, action, move |caller| shut_down(caller, how))
}

fn shut_down(caller: Caller, how: Shutdown) -> Step {
    Step::Init(
        InitRequest::Shutdown(how),
        Box::new(move |_, _, reply| match reply {
            Ok(InitReply::Done) => answer(&Nothing {}),
            Ok(_) => caller.refuse(&Fault::Internal),
            Err(_) => caller.refuse(&Fault::InitAway),
        }),
    )
}

/// Nothing is done that cannot be recorded.
pub(super) fn recorded(
    admin: &mut Admin,
    caller: Caller,
    action: &str,
    then: impl FnOnce(Caller) -> Step + Send + 'static,
) -> Step {
    if let Err(fault) = may_be_recorded(admin) {
        return caller.refuse(&fault);
    }
    let audit = caller.audit(action.to_owned(), String::new(), String::new());
    admin.record(audit, move |_, _| then(caller))
}

fn may_be_recorded(admin: &Admin) -> Result<(), Fault> {
    if admin.is_unrecorded_full() {
        Err(Fault::StoreAway)
    } else {
        Ok(())
    }
}

/// There is one update at a time: one that is being fetched makes room.
fn without_fetch(caller: Caller, request: Ask) -> Step {
    Step::Fetch(
        FetchOrder::Stop,
        Box::new(move |_, _, _| ask(caller, request)),
    )
}

fn ask(caller: Caller, request: Ask) -> Step {
    Step::Update(
        request,
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::Done) => answer(&Nothing {}),
            Ok(Reply::Next { offset, length }) => answer(&UpdateGoesOn::Wanted {
                next: offset,
                bytes: length,
            }),
            other => caller.refuse(&unmet(other)),
        }),
    )
}

fn answer(view: &impl Serialize) -> Step {
    Step::Respond(Response::json(200, view).sealed())
}

fn unmet(reply: Result<Reply, Away>) -> Fault {
    match reply {
        Ok(Reply::Refused { reason, next }) => Fault::UpdateRefused(reason, next),
        Ok(_) => Fault::Internal,
        Err(_) => Fault::UpdateAway,
    }
}

/// What a person has to say before everything is forgotten.
const ERASE: &str = "erase everything";
