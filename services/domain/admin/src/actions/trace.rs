//! The trace of SIP messages: begun and ended by whoever may, shown as it grows, handed out as a
//! capture file. Who does so is in the audit trail.

use std::time::Duration;

use ipc::Redacted;
use ipc::pbx::{Reply, Request as Pbx};
use ipc::site::{Site, TrunkAccess};
use ipc::trace::{Ask, Filter, Of, Trace, Traced, Trunk};
use sansio::Instant;
use schemars::JsonSchema;
use serde::Deserialize;

use super::looks::{Range, WHOLE, What};
use super::{done, form, json, records};
use crate::admin::{Admin, Caller};
use crate::fault::{Fault, Item};
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::{Face, OnTrace};
use crate::step::{Away, Moment, Step};
use crate::trace_view::{TraceView, WholeMessage};

/// What is to be traced. With neither extension nor trunk it is all; with both, either.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TraceWish")]
pub(crate) struct Wish {
    /// Messages of this extension.
    #[serde(default)]
    extension: String,
    /// Messages of the trunk of this name.
    #[serde(default)]
    trunk: String,
    /// It ends by itself after so long: 1 to 60.
    #[serde(default = "minutes")]
    minutes: u32,
}

const fn minutes() -> u32 {
    MINUTES
}

/// Does what is wanted.
pub(crate) fn act(
    admin: &mut Admin,
    request: &Request,
    action: OnTrace,
    segment: &str,
    caller: Caller,
) -> Step {
    match action {
        OnTrace::Show | OnTrace::Events => show(action, request, caller),
        OnTrace::Begin => begin(admin, request, caller),
        OnTrace::End => end(admin, caller),
        OnTrace::Message => message(segment, caller),
        OnTrace::File => match of(request) {
            Ok(of) => file(of, Trace::default(), caller),
            Err(fault) => caller.refuse(&fault),
        },
    }
}

fn begin(admin: &mut Admin, request: &Request, caller: Caller) -> Step {
    let wish = match caller.face {
        Face::Api => json::<Wish>(request),
        Face::Page | Face::Asset => Ok(Wish {
            extension: form(request, "extension").trim().to_owned(),
            trunk: form(request, "trunk"),
            minutes: form(request, "minutes").trim().parse().unwrap_or(0),
        }),
    };
    let wish = wish.and_then(|wish| Ok((filter(admin, &wish)?, wish)));
    let (filter, wish) = match wish {
        Ok(wish) => wish,
        Err(fault) => return caller.refuse(&fault),
    };
    // Nothing is done that cannot be recorded.
    if admin.is_unrecorded_full() {
        return caller.refuse(&Fault::StoreAway);
    }
    let told = format!("{}, {} minutes at most", said(&filter), wish.minutes);
    // One that is on ends by it.
    let before = admin
        .trace_ends
        .as_ref()
        .map(|(_, over)| over.before.clone());
    let before = before.unwrap_or_default();
    let audit = caller.audit("SIP trace begun".to_owned(), before, told);
    let over = caller.audit("SIP trace over".to_owned(), said(&filter), String::new());
    let silent = "SIP trace perhaps not begun: no answer".to_owned();
    let silent = caller.audit(silent, String::new(), said(&filter));
    let secs = wish.minutes.saturating_mul(60);
    admin.record(audit, move |admin, moment| {
        // Before it is asked for: an exchange that answers late has begun it all the same.
        let until = moment.now + Duration::from_secs(secs.into());
        admin.trace_ends = Some((until, over));
        let begin = Ask::Begin { filter, secs };
        ask_or(begin, caller, move |admin, _, caller, begun| match begun {
            Ok(_) => done(&caller, "/trace"),
            Err(fault) => {
                admin.note(silent);
                caller.refuse(&fault)
            }
        })
    })
}

/// What messages are known by that are wanted.
fn filter(admin: &Admin, wish: &Wish) -> Result<Filter, Fault> {
    let (_, site) = admin.site.as_ref().ok_or(Fault::Starting)?;
    if !(1..=MINUTES_MAX).contains(&wish.minutes) {
        return Err(Fault::BadBody("minutes: 1 to 60".to_owned()));
    }
    let mut filter = Filter::default();
    if !wish.extension.is_empty() {
        let number = &wish.extension;
        if !site.extensions.iter().any(|it| it.number == *number) {
            return Err(Fault::NoSuchExtension(number.clone()));
        }
        filter.extension = Some(number.clone());
    }
    if !wish.trunk.is_empty() {
        filter.trunk = Some(trunk(site, &wish.trunk)?);
    }
    Ok(filter)
}

fn trunk(site: &Site, name: &str) -> Result<Trunk, Fault> {
    let found = site.trunks.iter().find(|it| it.name == name);
    let found = found.ok_or_else(|| Fault::NoSuchItem(Item::Trunk, name.to_owned()))?;
    let (server, users) = match &found.access {
        TrunkAccess::Registering {
            server,
            user,
            contact_user,
            ..
        } => (server, vec![user.clone(), contact_user.clone()]),
        TrunkAccess::Peer { server, .. } => (server, Vec::new()),
    };
    let hosts = [server, &found.outbound_proxy].map(|it| host(it).to_owned());
    let is_one = |it: &String| !it.is_empty();
    Ok(Trunk {
        name: name.to_owned(),
        hosts: hosts.into_iter().filter(is_one).collect(),
        users: users.into_iter().filter(is_one).collect(),
    })
}

/// `host:port` or `[address]:port` without its port.
fn host(server: &str) -> &str {
    if let Some(inner) = server.strip_prefix('[') {
        return inner.split(']').next().unwrap_or_default();
    }
    match server.rsplit_once(':') {
        Some((host, _)) if !host.contains(':') => host,
        _ => server,
    }
}

/// A filter in the words of the audit trail.
fn said(filter: &Filter) -> String {
    let extension = filter.extension.iter().map(|it| format!("extension {it}"));
    let trunk = filter.trunk.iter().map(|it| format!("trunk {}", it.name));
    let both: Vec<String> = extension.chain(trunk).collect();
    match both.is_empty() {
        true => "all messages".to_owned(),
        false => both.join(", "),
    }
}

fn end(admin: &mut Admin, caller: Caller) -> Step {
    if admin.is_unrecorded_full() {
        return caller.refuse(&Fault::StoreAway);
    }
    let audit = caller.audit("SIP trace ended".to_owned(), String::new(), String::new());
    admin.record(audit, move |_, _| {
        ask(Ask::End, caller, |admin, _, caller, _| {
            admin.trace_ends = None;
            done(&caller, "/trace")
        })
    })
}

/// Whose messages are wanted: those of the `call` with a record, or of whatever the message
/// `with` a number is part of; `None` for all.
fn of(request: &Request) -> Result<Option<Of>, Fault> {
    let field = |name| request.query_field(name).filter(|it| !it.is_empty());
    match (field("call"), field("with")) {
        (None, None) => Ok(None),
        (Some(call), None) if is_id(&call) => Ok(Some(Of::Call(call))),
        (Some(_), None) => Err(Fault::BadBody("call: the id of a call record".to_owned())),
        (None, Some(with)) => {
            let number = with.parse().map(Of::Message).map(Some);
            number.map_err(|_| Fault::BadBody("with: the number of a message".to_owned()))
        }
        (Some(_), Some(_)) => Err(Fault::BadBody("call, with: one of them".to_owned())),
    }
}

fn is_id(call: &str) -> bool {
    let is_of_one = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
    call.len() <= CALL_LENGTH_MAX && call.bytes().all(is_of_one)
}

/// What asks for the same again.
fn query(of: &Of) -> String {
    match of {
        Of::Call(call) => format!("call={call}"),
        Of::Message(number) => format!("with={number}"),
    }
}

/// The newest messages; of one call from its beginning, as a ladder.
fn show(action: OnTrace, request: &Request, caller: Caller) -> Step {
    let of = match of(request) {
        Ok(of) => of,
        Err(fault) => return caller.refuse(&fault),
    };
    let same = of.as_ref().map(query);
    let most = match caller.face {
        Face::Api => records::limit(request),
        Face::Page | Face::Asset => PAGE_MESSAGES,
    };
    let from = same.is_some().then_some(0);
    let read = Ask::Read { of, from, most };
    ask(read, caller, move |admin, moment, caller, trace| {
        let shown = !trace.messages.is_empty();
        looked(admin, moment.now, caller, shown, move |admin, caller| {
            let view = TraceView::new(masked(trace, &caller));
            let site = admin.site.as_ref().map(|(_, site)| site);
            let response = match (action, caller.face, site) {
                (OnTrace::Events, ..) => pages::trace_parts(&caller, &view),
                (_, Face::Api, _) => Response::json(200, &view),
                (.., Some(site)) => match &same {
                    Some(same) => pages::ladder(&caller, &view, same),
                    None => pages::trace(&caller, site, &view),
                },
                (.., None) => return caller.refuse(&Fault::Starting),
            };
            Step::Respond(response.sealed())
        })
    })
}

/// One message, whole.
fn message(segment: &str, caller: Caller) -> Step {
    let Ok(number) = segment.parse() else {
        return caller.refuse(&Fault::NoSuchPage);
    };
    let read = Ask::Read {
        of: None,
        from: Some(number),
        most: 1,
    };
    ask(read, caller, move |admin, moment, caller, trace| {
        let is_there = trace.messages.first().is_some_and(|it| it.number == number);
        looked(admin, moment.now, caller, is_there, move |_, caller| {
            let trace = masked(trace, &caller);
            let Some(message) = trace.messages.first().filter(|_| is_there) else {
                return caller.refuse(&Fault::NoSuchPage);
            };
            let view = WholeMessage::new(message);
            let response = match caller.face {
                Face::Api => Response::json(200, &view),
                Face::Page | Face::Asset => pages::traced(&caller, &view),
            };
            Step::Respond(response.sealed())
        })
    })
}

/// All messages as a capture file, read in pieces; those that come meanwhile are not waited for.
fn file(of: Option<Of>, so_far: Trace, caller: Caller) -> Step {
    let from = so_far
        .messages
        .last()
        .map_or(0, |it| it.number.saturating_add(1));
    let read = Ask::Read {
        of: of.clone(),
        from: Some(from),
        most: PIECE_MESSAGES,
    };
    ask(read, caller, move |admin, _, caller, piece| {
        let is_over = piece.messages.is_empty();
        let mut messages = so_far.messages;
        messages.extend(piece.messages);
        let all = Trace { messages, ..piece };
        if !is_over && (all.messages.len() as u64) < all.kept {
            return file(of, all, caller);
        }
        if admin.is_unrecorded_full() {
            return caller.refuse(&Fault::StoreAway);
        }
        let count = all.messages.len();
        let part = if of.is_some() { "one call of " } else { "" };
        let all_of = said(&all.filter);
        let what = format!("{count} messages, {part}{all_of}{}", whole(&caller));
        let audit = caller.audit("SIP trace downloaded".to_owned(), String::new(), what);
        admin.record(audit, move |_, _| {
            let file = trace::pcap(&masked(all, &caller).messages);
            let name = "attachment; filename=\"ramal-sip.pcap\"";
            let response = Response::new(200, PCAP, file).with("content-disposition", name);
            Step::Respond(response.sealed())
        })
    })
}

/// Messages are about others, with numbers of people outside for whoever may see them whole.
fn looked(
    admin: &mut Admin,
    now: Instant,
    caller: Caller,
    is_shown: bool,
    then: impl FnOnce(&mut Admin, Caller) -> Step + Send + 'static,
) -> Step {
    let told = is_shown.then(|| (format!("messages{}", whole(&caller)), Range::default()));
    let whole = caller.may(Permission::SeeWholeNumbers);
    admin.looked(now, caller, What::Trace { whole }, told, then)
}

const fn whole(caller: &Caller) -> &'static str {
    match caller.may(Permission::SeeWholeNumbers) {
        true => WHOLE,
        false => "",
    }
}

/// Masks what the caller may not see whole.
fn masked(trace: Trace, caller: &Caller) -> Trace {
    if caller.may(Permission::SeeWholeNumbers) {
        return trace;
    }
    let mask = |it: Traced| Traced {
        bytes: Redacted::new(trace::masked(it.bytes.reveal())),
        ..it
    };
    let messages = trace.messages.into_iter().map(mask).collect();
    Trace { messages, ..trace }
}

/// Asks the exchange, and goes on with its answer.
fn ask(
    what: Ask,
    caller: Caller,
    then: impl FnOnce(&mut Admin, Moment, Caller, Trace) -> Step + Send + 'static,
) -> Step {
    ask_or(what, caller, |admin, moment, caller, trace| match trace {
        Ok(trace) => then(admin, moment, caller, trace),
        Err(fault) => caller.refuse(&fault),
    })
}

/// The same, also where it has none.
fn ask_or(
    what: Ask,
    caller: Caller,
    then: impl FnOnce(&mut Admin, Moment, Caller, Result<Trace, Fault>) -> Step + Send + 'static,
) -> Step {
    Step::Pbx(
        Pbx::Trace(what),
        Box::new(move |admin, moment, reply: Result<Reply, Away>| {
            let trace = match reply {
                Ok(Reply::Trace(trace)) => Ok(trace),
                Ok(_) => Err(Fault::Internal),
                Err(_) => Err(Fault::PbxAway),
            };
            then(admin, moment, caller, trace)
        }),
    )
}

/// Characters of the id of a call record, and more.
const CALL_LENGTH_MAX: usize = 64;
/// When nobody says how long.
const MINUTES: u32 = 10;
const MINUTES_MAX: u32 = 60;
/// Messages on the page, and so in each part that goes to an open one: about 40 kB.
const PAGE_MESSAGES: u32 = 120;
/// Messages in one piece of the file.
const PIECE_MESSAGES: u32 = 500;
/// As IANA has it.
const PCAP: &str = "application/vnd.tcpdump.pcap";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_without_its_port() {
        for (server, expected) in [
            ("sip.example", "sip.example"),
            ("sip.example:5080", "sip.example"),
            ("192.0.2.1:5060", "192.0.2.1"),
            ("[2001:db8::1]:5060", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("", ""),
        ] {
            assert_eq!(host(server), expected, "{server}");
        }
    }
}
