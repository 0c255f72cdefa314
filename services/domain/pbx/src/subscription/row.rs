//! A subscription as it is kept over a restart of this process, so that lamps go on working without
//! the phones' doing.

use std::net::SocketAddr;
use std::time::Duration;

use sansio::{Instant, Transport};
use serde::{Deserialize, Serialize};
use sip::transaction::Flow;
use sip::{Event, NameAddr, Uri};

use super::admission::EXPIRES_MAX;
use super::one::{CSEQ_RESERVE, Subscription};
use super::state::Watched;
use crate::dialog::Dialog;
use crate::registrar::seconds;

/// What a row begins with; another number is of another firmware.
const VERSION: u8 = 1;
/// Documents may have been told that were not written down.
const VERSION_JUMP: u32 = CSEQ_RESERVE;

#[derive(Serialize, Deserialize)]
struct Row {
    watcher: String,
    mailbox: bool,
    watched: String,
    event: String,
    transport: u8,
    local_address: SocketAddr,
    remote_address: SocketAddr,
    stream: Option<u64>,
    call_id: String,
    local: String,
    remote: String,
    target: String,
    route: Vec<String>,
    cseq: u32,
    remote_cseq: Option<u32>,
    version: u32,
    expires_secs: u32,
}

/// A subscription as bytes; `None` when it cannot be written, which costs it only the restart.
pub(super) fn save(now: Instant, one: &Subscription) -> Option<Vec<u8>> {
    let dialog = &one.dialog;
    let row = Row {
        watcher: one.watcher.clone(),
        mailbox: matches!(one.watched, Watched::Mailbox(_)),
        watched: one.watched.number().to_owned(),
        event: one.event.to_string(),
        transport: match dialog.flow.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
            Transport::Tls => 2,
        },
        local_address: dialog.flow.local,
        remote_address: dialog.flow.remote,
        stream: dialog.flow.stream,
        call_id: dialog.call_id.clone(),
        local: dialog.local.to_string(),
        remote: dialog.remote.to_string(),
        target: dialog.target().to_string(),
        route: dialog.route().iter().map(ToString::to_string).collect(),
        cseq: one.cseq_reserved,
        remote_cseq: dialog.remote_cseq,
        version: one.version,
        expires_secs: seconds(one.expires - now),
    };
    postcard::to_allocvec(&(VERSION, row)).ok()
}

/// Bytes as a subscription that has to be told how things stand; `None` when they are none. Time
/// away does not count: it is short, and a watcher that is gone says so at the first NOTIFY.
pub(super) fn load(now: Instant, bytes: &[u8]) -> Option<Subscription> {
    let (version, row) = postcard::from_bytes::<(u8, Row)>(bytes).ok()?;
    // What is kept has numbers set aside; without any it would count as never kept, and stay.
    if version != VERSION || row.cseq == 0 {
        return None;
    }
    let transport = match row.transport {
        0 => Transport::Udp,
        1 => Transport::Tcp,
        2 => Transport::Tls,
        _ => return None,
    };
    let flow = Flow {
        transport,
        local: row.local_address,
        remote: row.remote_address,
        stream: row.stream,
    };
    let address = |text: &str| NameAddr::parse(text.as_bytes());
    let (local, remote) = (address(&row.local)?, address(&row.remote)?);
    let target = Uri::parse(row.target.as_bytes()).ok()?;
    let route = row.route.iter().map(|hop| address(hop));
    let dialog = Dialog::calling(flow, row.call_id, local, remote, target, row.cseq);
    let mut dialog = dialog.by_way_of(route.collect::<Option<_>>()?);
    dialog.remote_cseq = row.remote_cseq;
    Some(Subscription {
        watcher: row.watcher,
        watched: match row.mailbox {
            true => Watched::Mailbox(row.watched),
            false => Watched::Dialogs(row.watched),
        },
        event: Event::parse(row.event.as_bytes())?,
        dialog,
        // None is granted for longer, whatever a damaged row says.
        expires: now + Duration::from_secs(row.expires_secs.into()).min(EXPIRES_MAX),
        version: row.version.wrapping_add(VERSION_JUMP),
        cseq_reserved: row.cseq,
        outstanding: None,
        behind: true,
        wait: None,
        ended: None,
        // The keys of a TLS connection were in the process that is no more.
        lost: transport == Transport::Tls,
        told: Vec::new(),
    })
}
