//! The certificate that the pages are served with: a request that others sign, what they have
//! signed, and the way back to the one that the box has signed itself.
//!
//! What this must never do: take a key from anybody. The box makes it, and it stays there.

use sansio::UnixTime;
use schemars::JsonSchema;
use serde::Deserialize;

use super::firmware::recorded;
use super::{form, json};
use crate::admin::{Admin, Caller};
use crate::calendar::rfc3339;
use crate::certificate::{
    CertificateFacts, CertificateFault, CertificateOrder, CertificateState, CertificateView, Chain,
    is_name,
};
use crate::fault::{Fault, PeopleFault};
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::{Face, OnCertificate};
use crate::step::{Moment, Step};
use crate::text::Language;

/// What a request is to ask for, by the API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SigningRequestWish")]
pub(crate) struct Wish {
    /// A name of your own that leads to the box, as `pbx.example.com`; empty for none.
    #[serde(default)]
    name: String,
    /// Leave out `<name of the box>.local` and its addresses, which public authorities refuse.
    #[serde(default)]
    only: bool,
}

/// What others have signed, by the API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SignedChain")]
pub(crate) struct Signed {
    /// PEM: first the certificate of the box, then each the one that signed the one before.
    chain: String,
    /// It may leave out a name that passkeys of people were made for: they do not work then.
    #[serde(default)]
    ends_passkeys: bool,
}

/// Does one of these.
pub(crate) fn act(
    admin: &mut Admin,
    moment: &Moment,
    request: &Request,
    action: OnCertificate,
    caller: Caller,
) -> Step {
    let done = match action {
        OnCertificate::Show => return show(caller, None),
        OnCertificate::Request => wish(request, caller.face).map(Do::Request),
        OnCertificate::Set => chain(request, caller.face).map(Do::Set),
        OnCertificate::SelfSigned => Ok(Do::SelfSigned),
        OnCertificate::RequestFile => return request_file(caller),
    };
    match done {
        Ok(Do::Request(wish)) => ask_for(admin, wish, caller),
        Ok(Do::Set(signed)) => {
            let now_millis = admin.believed(moment.wall).map(|it| it.as_millis());
            let is_confirmed = caller.is_sure;
            let chain = Chain {
                pem: signed.chain,
                now_millis,
                is_confirmed,
            };
            set(chain, signed.ends_passkeys, caller)
        }
        Ok(Do::SelfSigned) => recorded(admin, caller, "self-signed certificate set", |caller| {
            change(CertificateOrder::SelfSigned, caller)
        }),
        Err(fault) => refuse(caller, fault),
    }
}

/// What somebody wants.
enum Do {
    Request(Wish),
    Set(Signed),
    SelfSigned,
}

fn wish(request: &Request, face: Face) -> Result<Wish, Fault> {
    let wish = match face {
        Face::Api => json(request)?,
        Face::Page | Face::Asset => Wish {
            name: form(request, "name"),
            only: form(request, "only") == "on",
        },
    };
    let name = wish.name.trim().to_ascii_lowercase();
    if !(is_name(&name) || name.is_empty() && !wish.only) {
        return Err(CertificateFault::NotAName.into());
    }
    Ok(Wish { name, ..wish })
}

fn chain(request: &Request, face: Face) -> Result<Signed, Fault> {
    match face {
        Face::Api => json(request),
        Face::Page | Face::Asset => Ok(Signed {
            chain: form(request, "chain"),
            ends_passkeys: form(request, "ends_passkeys") == "on",
        }),
    }
}

/// The page again with why, or that asks for the password, or the answer of the API.
fn refuse(caller: Caller, fault: Fault) -> Step {
    match caller.face {
        Face::Page if fault == CertificateFault::ConfirmFirst.into() => {
            caller.refuse(&PeopleFault::ConfirmFirst.into())
        }
        Face::Page => show(caller, Some(fault)),
        Face::Api | Face::Asset => caller.refuse(&fault),
    }
}

fn show(caller: Caller, fault: Option<Fault>) -> Step {
    order(CertificateOrder::Look, move |admin, answer| match answer {
        Ok(state) => shown(admin, &caller, CertificateView::new(state), fault.as_ref()),
        Err(fault) => caller.refuse(&fault.into()),
    })
}

fn shown(admin: &Admin, caller: &Caller, view: CertificateView, fault: Option<&Fault>) -> Step {
    let response = match caller.face {
        Face::Page | Face::Asset => pages::certificate(caller, &admin.names(), &view, fault),
        Face::Api => Response::json(200, &view),
    };
    Step::Respond(response.sealed())
}

/// How it stands, or why nothing was done.
type Answer = Result<CertificateState, CertificateFault>;

fn order(
    order: CertificateOrder,
    then: impl FnOnce(&mut Admin, Answer) -> Step + Send + 'static,
) -> Step {
    Step::Certificate(order, Box::new(move |admin, _, answer| then(admin, answer)))
}

/// Does it, and shows how it stands then. The trail says already that it was to be done; where it
/// was not, it says that too.
fn change(wanted: CertificateOrder, caller: Caller) -> Step {
    order(wanted, move |admin, answer| match answer {
        Ok(_) if caller.face == Face::Page => {
            Step::Respond(Response::redirect("/certificate").sealed())
        }
        Ok(state) => shown(admin, &caller, CertificateView::new(state), None),
        Err(fault) => {
            let fault = Fault::from(fault);
            let why = fault.text(Language::English);
            let action = format!("certificate left as it is: {why}");
            admin.note(caller.audit(action, String::new(), String::new()));
            refuse(caller, fault)
        }
    })
}

fn ask_for(admin: &mut Admin, wish: Wish, caller: Caller) -> Step {
    let asked = match wish.name.as_str() {
        "" => "by the name and the addresses of the box".to_owned(),
        name if wish.only => format!("for {name} alone"),
        name => format!("for {name}"),
    };
    let action = format!("signing request made {asked}");
    recorded(admin, caller, &action, move |caller| {
        let wanted = CertificateOrder::Request {
            name: wish.name,
            is_alone: wish.only,
        };
        change(wanted, caller)
    })
}

/// Serves with a chain that is good, once the trail says so.
fn set(chain: Chain, ends_passkeys: bool, caller: Caller) -> Step {
    order(CertificateOrder::Look, move |_, now| {
        order(
            CertificateOrder::Check(chain.clone()),
            move |admin, answer| {
                let next = match answer {
                    Ok(state) => state,
                    Err(fault) => return refuse(caller, fault.into()),
                };
                let lost = lost(admin, now.as_ref().ok(), &next);
                if let Some(lost) = lost.filter(|_| !ends_passkeys) {
                    return refuse(caller, lost.into());
                }
                let action = format!("certificate set: {}", told(&next.served));
                recorded(admin, caller, &action, |caller| {
                    change(CertificateOrder::Set(chain), caller)
                })
            },
        )
    })
}

/// Why passkeys of people work now and would not with the next certificate. By a name of one's own
/// they work where it was asked for, whatever an authority names besides or under a wildcard; by
/// that of the box where the certificate has it.
fn lost(
    admin: &Admin,
    now: Option<&CertificateState>,
    next: &CertificateState,
) -> Option<CertificateFault> {
    let is_local = |name: &String| *name == admin.passkeys.name;
    let names = admin.names().into_iter();
    let of_use = names.filter(|it| it.is_of_use).map(|it| it.name);
    let ends = of_use.filter_map(|name| {
        if is_local(&name) {
            let has_name = now.is_some_and(|it| it.served.has_name(&name));
            let is_lost = has_name && !next.served.has_name(&name);
            return is_lost.then_some(CertificateFault::EndsPasskeys(name));
        }
        let asked = next.asked_name.as_ref();
        let is_asked = asked.is_some_and(|it| it.eq_ignore_ascii_case(&name));
        (!is_asked).then_some(CertificateFault::AskedForAnother(name))
    });
    { ends }.next()
}

/// As the audit trail keeps it. A name in it is whatever an authority has written.
fn told(facts: &CertificateFacts) -> String {
    let names: Vec<&str> = facts.names.iter().map(String::as_str).collect();
    let names = names.join(", ");
    format!(
        "{:.200} by {:.200}, until {}, SHA-256 {}",
        names,
        facts.issuer,
        rfc3339(facts.until_millis),
        hex::encode(facts.sha256)
    )
}

/// The request alone, as a file.
fn request_file(caller: Caller) -> Step {
    order(CertificateOrder::Look, move |_, answer| {
        let fault = match answer.map(|state| state.request) {
            Ok(Some(request)) => {
                let file = Response::new(200, "application/x-pem-file", request.pem);
                let name = "attachment; filename=\"ramal.csr\"";
                return Step::Respond(file.with("content-disposition", name).sealed());
            }
            Ok(None) => CertificateFault::NoRequest,
            Err(fault) => fault,
        };
        caller.refuse(&fault.into())
    })
}

impl Admin {
    /// Learns what the certificate says that others have signed, and for which name it was asked
    /// for; `None` while the box serves with one of its own. Passkeys may be made for that name,
    /// where it is one: a wildcard and an address are none.
    pub fn serves_signed(&mut self, signed: Option<(&CertificateFacts, &str)>) {
        self.certificate_until = signed.map(|(facts, _)| facts.until_millis);
        self.passkeys.signed_for = signed.map(|(facts, _)| facts.clone());
        let name = signed.map(|(_, name)| name.to_ascii_lowercase());
        self.passkeys.signed_name = name.filter(|it| is_name(it));
    }

    /// The time, where the clock can be right: the firmware was not made later.
    pub(crate) fn believed(&self, wall: UnixTime) -> Option<UnixTime> {
        let about = self.running.about.as_ref();
        let built = about.and_then(|it| i64::try_from(it.built).ok());
        let built = built.unwrap_or_default().saturating_mul(1000);
        let floor = built.saturating_sub(DAY_MILLIS).max(CLOCKS_SET_MILLIS);
        (wall.as_millis() >= floor).then_some(wall)
    }

    /// Whole days that are left of the certificate, where that is to be told: 0 on its last day,
    /// less when it has ended.
    pub(crate) fn certificate_days_left(&self, wall: UnixTime) -> Option<i64> {
        let until = self.certificate_until?;
        let now = self.believed(wall)?.as_millis();
        let left = until.saturating_sub(now).div_euclid(DAY_MILLIS);
        (left < crate::certificate::RENEWED_DAYS).then_some(left)
    }
}

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// 2023: what is dated before is of a clock that was not set.
const CLOCKS_SET_MILLIS: i64 = 1_672_531_200_000;
