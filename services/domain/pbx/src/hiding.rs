//! Whom a router hides: what datagrams and connections show of it, and what follows (R67, T7).
//!
//! What is seen here is told to the process that joins what all doors saw. Nobody is refused for it
//! until a probe from outside has proved it: phones may come by the router for good reasons.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipc::guard::Hiding as Told;
use ipc::masquerade::Listener;
use masquerade::{Around, Book, Role, Sight};
use sansio::{Instant, Transport};
use sip::transaction::Flow;
use sip::{Contacts, HeaderName, Headers, Request};

use crate::core::Core;
use crate::interface::Output;

/// What this process knows of it.
#[derive(Debug, Default)]
pub(crate) struct Hiding {
    book: Book,
    /// Addresses that count as outside, as it was proved.
    told: Vec<IpAddr>,
    /// Where the datagram at hand came from, and its TTL.
    at_hand: Option<(SocketAddr, u8)>,
    /// Requests of hidden senders that may be asked who they are, and since when.
    room: Room,
}

/// A bucket of tokens.
#[derive(Debug, Default)]
struct Room {
    used: Duration,
    at: Option<Instant>,
}

impl Hiding {
    /// The box's place.
    pub(crate) fn meet(&mut self, around: Around) {
        self.book.meet(around);
    }

    /// What the guard says of all.
    pub(crate) fn take(&mut self, told: &Told) {
        if told.is_anew {
            self.book.clear(None);
        }
        let read = told.addresses.iter().filter_map(|it| it.parse().ok());
        self.told = read.collect();
    }

    /// Whether who has this address may be anybody, and so is outside.
    pub(crate) fn is_hidden(&self, address: IpAddr) -> bool {
        self.told.contains(&address.to_canonical())
    }

    /// Whether one more request of hidden senders without a password is answered: so many a
    /// second, as nobody of them can be shut out.
    pub(crate) fn has_room(&mut self, now: Instant) -> bool {
        let Room { used, at } = &mut self.room;
        *used = used.saturating_sub(at.map_or(Duration::ZERO, |at| now - at));
        *at = Some(now);
        let is_room = *used < ROOM;
        if is_room {
            *used += EACH;
        }
        is_room
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.book.deadline()
    }

    pub(crate) fn forget(&mut self, now: Instant) {
        self.book.forget(now);
    }

    /// The TTL of the datagram at hand, where it is of this flow.
    fn ttl(&self, flow: Flow) -> Option<u8> {
        let (source, ttl) = self.at_hand?;
        (flow.stream.is_none() && source == flow.remote).then_some(ttl)
    }
}

/// A datagram of SIP came.
pub(crate) fn arrived(core: &mut Core, source: SocketAddr, ttl: Option<u8>) {
    core.hiding.at_hand = ttl.map(|ttl| (source, ttl));
    if ttl.is_some() {
        let sight = Sight::of(Listener::SipUdp, source.ip());
        see(core, Sight { ttl, ..sight });
    }
}

/// Something was seen: the guard is told what is news.
pub(crate) fn see(core: &mut Core, sight: Sight) {
    if core.hiding.book.see(core.now, sight) {
        core.emit(Output::Seen(sight.told()));
    }
}

/// A request came: what it says of its sender, where a router sent it.
pub(crate) fn heard(core: &mut Core, flow: Flow, request: &Request) {
    let source = flow.remote.ip();
    let around = core.hiding.book.around();
    if !matches!(around.role(source), Role::Router | Role::Kin) {
        return;
    }
    let sight = Sight {
        ttl: core.hiding.ttl(flow),
        is_foreign: is_foreign(around, &request.headers),
        host: Some(host(&request.headers)),
        is_proven: flow.stream.is_some(),
        ..Sight::of(listener(flow), source)
    };
    see(core, sight);
}

/// Somebody has been seen to get what was sent to him.
pub(crate) fn proven(core: &mut Core, flow: Flow) {
    if let Some(ttl) = core.hiding.ttl(flow) {
        let sight = Sight {
            ttl: Some(ttl),
            is_proven: true,
            ..Sight::of(listener(flow), flow.remote.ip())
        };
        see(core, sight);
    }
}

const fn listener(flow: Flow) -> Listener {
    match flow.transport {
        Transport::Udp => Listener::SipUdp,
        Transport::Tcp | Transport::Tls => Listener::SipTcp,
    }
}

/// Whether Via or Contact name an address of another network than those the box is on as the
/// sender's (P4). A name says nothing, nor does an address that is nobody's.
fn is_foreign(around: &Around, headers: &Headers) -> bool {
    let via = headers.via().ok().and_then(|via| via.host.ip());
    let contacts = match headers.contacts() {
        Ok(Contacts::List(all)) => all,
        Ok(Contacts::Star) | Err(_) => Vec::new(),
    };
    let contacts = contacts.iter().filter_map(|it| it.uri.as_sip()?.host.ip());
    let mut all = via.into_iter().chain(contacts);
    all.any(|it| {
        let is_nobodys = it.is_unspecified() || it.is_loopback() || it.is_multicast();
        let is_ours = around.own.contains(&it);
        !is_nobodys && !is_ours && around.role(it) == Role::Other
    })
}

/// A number that the same phone has each time: its program, and where it says it is (P5).
fn host(headers: &Headers) -> u32 {
    let mut hasher = DefaultHasher::new();
    headers.first(&HeaderName::UserAgent).hash(&mut hasher);
    let via = headers.via().ok();
    via.as_ref().map(|via| via.host.as_str()).hash(&mut hasher);
    u32::try_from(hasher.finish() >> 32).unwrap_or_default()
}

/// 20 requests a second, and 40 at once: more than all phones of an office need that come back
/// after a power cut, and few enough that who guesses gets nowhere.
const EACH: Duration = Duration::from_millis(50);
/// The same as time.
const ROOM: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
