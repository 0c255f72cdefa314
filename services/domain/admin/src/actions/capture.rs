//! The capture of packets: begun and ended by whoever may, and handed out as a capture file. Who
//! does so is in the audit trail.

use std::net::IpAddr;
use std::time::Duration;

use capture::File;
use ipc::capture::{Ask, Capture, Depth, SECS_MAX, What, Wish};
use ipc::net::{Reply, Request as Net, Status};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{done, form, json};
use crate::admin::{Admin, Caller};
use crate::capture_view::CaptureView;
use crate::fault::{Fault, PeopleFault};
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::{Face, OnCapture};
use crate::step::{Moment, Step};

/// What is to be captured.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CaptureWish")]
pub(crate) struct Asked {
    /// The card, by its name in `GET /api/status`; the first with a cable when it is left out.
    #[serde(default)]
    link: String,
    /// Only packets from or to this address.
    #[serde(default)]
    host: String,
    /// `telephony`, when it is left out: signalling and sound. `all`: everything on the card.
    #[serde(default)]
    what: String,
    /// From or to this port alone, of TCP or UDP, in the place of `what`.
    #[serde(default)]
    port: u16,
    /// Whole packets, with what is said in calls, keys pressed and passwords of SIP.
    #[serde(default)]
    whole: bool,
    /// `capture voices`, for whole packets.
    #[serde(default)]
    confirm: String,
    /// It ends by itself after so long: 1 to 10.
    #[serde(default = "minutes")]
    minutes: u32,
}

const fn minutes() -> u32 {
    MINUTES
}

/// Does what is wanted.
pub(crate) fn act(admin: &mut Admin, request: &Request, action: OnCapture, caller: Caller) -> Step {
    match action {
        OnCapture::Show | OnCapture::Events => show(action, caller),
        OnCapture::Begin => begin(admin, request, caller),
        OnCapture::End => end(admin, caller),
        OnCapture::File => file(Gathered::default(), caller),
    }
}

fn asked(request: &Request, caller: &Caller) -> Result<Asked, Fault> {
    if caller.face == Face::Api {
        return json(request);
    }
    let field = |name| form(request, name).trim().to_owned();
    let port = match &*field("port") {
        "" => 0,
        text => text.parse().map_err(|_| Fault::BadBody(PORT.to_owned()))?,
    };
    let whole = field("depth") == "whole";
    let is_known = whole && field("voices") == "yes";
    Ok(Asked {
        link: field("link"),
        host: field("host"),
        what: field("what"),
        port,
        whole,
        confirm: if is_known { CONFIRM } else { "" }.to_owned(),
        minutes: field("minutes").parse().unwrap_or(0),
    })
}

fn wish(asked: Asked, caller: &Caller) -> Result<Wish, Fault> {
    let bad = |text: &str| Err(Fault::BadBody(text.to_owned()));
    if !(1..=SECS_MAX / 60).contains(&asked.minutes) {
        return bad("minutes: 1 to 10");
    }
    let host = match &*asked.host {
        "" => None,
        text => Some(
            text.parse::<IpAddr>()
                .map_err(|_| Fault::BadBody(HOST.to_owned()))?,
        ),
    };
    let what = match (asked.port, &*asked.what) {
        (0, "" | "telephony") => What::Telephony,
        (0, "all") => What::All,
        (0, _) => return bad("what: telephony or all"),
        (port, _) => What::Port(port),
    };
    if asked.whole && !caller.may(Permission::CaptureVoices) {
        return Err(Fault::NotAllowed);
    }
    if asked.whole && asked.confirm != CONFIRM {
        return Err(Fault::NotConfirmed(CONFIRM));
    }
    let depth = if asked.whole {
        Depth::Whole
    } else {
        Depth::Headers
    };
    Ok(Wish {
        link: asked.link,
        host,
        what,
        depth,
        secs: asked.minutes.saturating_mul(60),
    })
}

fn begin(admin: &mut Admin, request: &Request, caller: Caller) -> Step {
    let wish = asked(request, &caller).and_then(|asked| wish(asked, &caller));
    let wish = match wish {
        Ok(wish) => wish,
        Err(fault) => return caller.refuse(&fault),
    };
    // Nothing is done that cannot be recorded.
    if admin.is_unrecorded_full() {
        return caller.refuse(&Fault::StoreAway);
    }
    // One that is on ends by it.
    let before = admin
        .capture_ends
        .as_ref()
        .map(|(_, over)| over.before.clone());
    let before = before.unwrap_or_default();
    let secs = wish.secs;
    let told = format!("{}, {} minutes at most", said(&wish), secs / 60);
    let audit = caller.audit("packet capture begun".to_owned(), before, told);
    let over = caller.audit("packet capture over".to_owned(), said(&wish), String::new());
    let entry = |action: &str| caller.audit(action.to_owned(), said(&wish), String::new());
    let not_begun = entry("packet capture not begun");
    let unknown = entry("packet capture may have begun: net gave no answer");
    admin.record(audit, move |_, _| {
        ask(
            Ask::Begin(wish),
            caller,
            move |admin, moment, caller, begun| {
                let until = moment.now + Duration::from_secs(secs.into());
                match begun {
                    Ok(_) => {
                        admin.capture_ends = Some((until, over));
                        done(&caller, "/capture")
                    }
                    // What net says itself.
                    Err(fault @ Fault::BadBody(_)) => {
                        admin.note(not_begun);
                        caller.refuse(&fault)
                    }
                    // It may have heard: there may be voices in memory, and a time at which it is
                    // over. That is of whichever lasts longer, as the one before may be on still.
                    Err(fault) => {
                        let before = admin.capture_ends.as_ref().map(|(until, _)| *until);
                        let until = before.map_or(until, |it| it.max(until));
                        admin.capture_ends = Some((until, over));
                        admin.note(unknown);
                        caller.refuse(&fault)
                    }
                }
            },
        )
    })
}

fn end(admin: &mut Admin, caller: Caller) -> Step {
    if admin.is_unrecorded_full() {
        return caller.refuse(&Fault::StoreAway);
    }
    let audit = caller.audit(
        "packet capture ended".to_owned(),
        String::new(),
        String::new(),
    );
    admin.record(audit, move |_, _| {
        ask(Ask::End, caller, |admin, _, caller, ended| {
            if let Err(fault) = ended {
                return caller.refuse(&fault);
            }
            admin.capture_ends = None;
            done(&caller, "/capture")
        })
    })
}

/// How it stands; packets are not shown.
fn show(action: OnCapture, caller: Caller) -> Step {
    ask(
        Ask::Read { from: None },
        caller,
        move |_, _, caller, read| {
            let view = match read {
                Ok(capture) => CaptureView::new(capture),
                Err(fault) => return caller.refuse(&fault),
            };
            match (action, caller.face) {
                (OnCapture::Events, _) => {
                    Step::Respond(pages::capture_parts(&caller, &view).sealed())
                }
                (_, Face::Api) => Step::Respond(Response::json(200, &view).sealed()),
                _ => cards(caller, move |caller, cards| {
                    Step::Respond(pages::capture(&caller, &cards, &view).sealed())
                }),
            }
        },
    )
}

/// The box's network cards, by name.
fn cards(caller: Caller, then: impl FnOnce(Caller, Vec<String>) -> Step + Send + 'static) -> Step {
    Step::Net(
        Net::Status,
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::Status(Status { links, .. })) => {
                then(caller, links.into_iter().map(|it| it.name).collect())
            }
            Ok(_) | Err(_) => caller.refuse(&Fault::NetAway),
        }),
    )
}

/// A capture file that is being read.
#[derive(Default)]
struct Gathered {
    file: File,
    /// Which capture it is of, and what was wished for it.
    of: Option<(u64, Wish)>,
    /// The number of the next packet, and of the first that is not waited for.
    next: u64,
    until: Option<u64>,
}

/// All packets as a capture file, read in pieces; those that come meanwhile are not waited for.
fn file(mut so_far: Gathered, caller: Caller) -> Step {
    let from = Some(so_far.next);
    ask(
        Ask::Read { from },
        caller,
        move |admin, _, caller, piece| {
            let piece = match piece {
                Ok(piece) => piece,
                Err(fault) => return caller.refuse(&fault),
            };
            let (run, wish) = so_far
                .of
                .get_or_insert_with(|| (piece.run, piece.wish.unwrap_or_default()));
            if *run != piece.run {
                // Another has begun meanwhile: of two there would be one file, under one wish.
                return file(Gathered::default(), caller);
            }
            let wish = wish.clone();
            if wish.depth == Depth::Whole {
                if !caller.may(Permission::CaptureVoices) {
                    return caller.refuse(&Fault::NotAllowed);
                }
                if !caller.is_sure {
                    return caller.refuse(&PeopleFault::ConfirmFirst.into());
                }
            }
            let there = piece.kept.saturating_add(piece.dropped);
            let until = *so_far.until.get_or_insert(there);
            so_far.file.add(&piece.packets);
            let last = piece.packets.last().map(|it| it.number.saturating_add(1));
            if let Some(next) = last.filter(|next| *next < until) {
                so_far.next = next;
                return file(so_far, caller);
            }
            if admin.is_unrecorded_full() {
                return caller.refuse(&Fault::StoreAway);
            }
            let what = format!("{} packets, {}", so_far.file.count(), said(&wish));
            let audit = caller.audit("packet capture downloaded".to_owned(), String::new(), what);
            admin.record(audit, move |_, _| {
                let name = "attachment; filename=\"ramal-packets.pcap\"";
                let response = Response::new(200, PCAP, so_far.file.into_bytes());
                Step::Respond(response.with("content-disposition", name).sealed())
            })
        },
    )
}

/// A wish in the words of the audit trail.
fn said(wish: &Wish) -> String {
    let what = match wish.what {
        What::Telephony => "telephony".to_owned(),
        What::Port(port) => format!("port {port}"),
        What::All => "all packets".to_owned(),
    };
    let host = wish.host.map(|it| format!(" of {it}")).unwrap_or_default();
    let link = if wish.link.is_empty() {
        "the first card"
    } else {
        &wish.link
    };
    let depth = match wish.depth {
        Depth::Headers => "headers",
        Depth::Whole => "whole packets with voices",
    };
    format!("{what}{host} on {link}, {depth}")
}

/// Asks `net`, and goes on with its answer.
fn ask(
    what: Ask,
    caller: Caller,
    then: impl FnOnce(&mut Admin, Moment, Caller, Result<Capture, Fault>) -> Step + Send + 'static,
) -> Step {
    Step::Net(
        Net::Capture(what),
        Box::new(move |admin, moment, reply| {
            let answer = match reply {
                Ok(Reply::Capture(capture)) => Ok(capture),
                Ok(Reply::NotCaptured(why)) => Err(Fault::BadBody(format!("link: {why}"))),
                Ok(_) => Err(Fault::Internal),
                Err(_) => Err(Fault::NetAway),
            };
            then(admin, moment, caller, answer)
        }),
    )
}

/// What has to be said for whole packets.
const CONFIRM: &str = "capture voices";
/// When nobody says how long.
const MINUTES: u32 = 5;
const PORT: &str = "port: a number of 1 to 65535, or nothing";
const HOST: &str = "host: an address as 10.0.0.20, or nothing";
/// As IANA has it.
const PCAP: &str = "application/vnd.tcpdump.pcap";
