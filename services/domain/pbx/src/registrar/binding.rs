//! One contact of an extension, and which of the contacts known a new one takes the place of.

use std::net::SocketAddr;
use std::time::Duration;

use sansio::{Instant, Transport};
use sip::transaction::Flow;
use sip::{NameAddr, Params, Uri};

use super::clipped;

/// Ports a SIP URI without one means (RFC 3261 §19.1.2).
const PORT_DEFAULT: u16 = 5060;

/// One contact of an extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Binding {
    /// The Contact URI as the phone wrote it; echoed to it, and the Request-URI towards it.
    pub(crate) uri: Uri,
    /// Its parameters as written, except `expires`; echoed too (RFC 3840 §9).
    pub(crate) params: Params,
    /// `+sip.instance`, when given: the same phone under a new address.
    pub(crate) instance: Option<String>,
    /// Which of its flows to us the phone registered, when it does so by RFC 5626.
    pub(crate) reg_id: Option<u32>,
    /// The proxies on the way to the phone (RFC 3327), the first next to us: Route towards it.
    pub(crate) path: Vec<NameAddr>,
    /// The way its REGISTER came, and requests go. A stream that is gone reads as `None`.
    pub(crate) flow: Flow,
    /// Call-ID of its registration.
    pub(crate) call_id: String,
    /// CSeq of its last REGISTER.
    pub(crate) cseq: u32,
    /// When it is void.
    pub(crate) expires: Instant,
    /// How long it was to stand when it was last registered.
    pub(crate) lifetime: Duration,
    /// User-Agent as sent; may be empty.
    pub(crate) user_agent: String,
}

/// One contact of a REGISTER, and for how long; zero takes it away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Update {
    pub(crate) contact: NameAddr,
    /// `reg-id`, when outbound is in use for this contact.
    pub(crate) reg_id: Option<u32>,
    pub(crate) lifetime: Duration,
}

/// What all contacts of one REGISTER have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Source {
    pub(crate) flow: Flow,
    pub(crate) path: Vec<NameAddr>,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) user_agent: String,
}

impl Binding {
    pub(super) fn new(now: Instant, update: &Update, source: &Source) -> Self {
        let mut params = update.contact.params.clone();
        params.remove("expires");
        Self {
            uri: update.contact.uri.clone(),
            params,
            instance: instance(&update.contact),
            reg_id: update.reg_id,
            path: source.path.clone(),
            flow: source.flow,
            call_id: source.call_id.clone(),
            cseq: source.cseq,
            expires: now + update.lifetime,
            lifetime: update.lifetime,
            user_agent: clipped(&source.user_agent),
        }
    }

    /// Where a new connection reaches the phone, when the one it registered by is gone. Only the
    /// address the REGISTER came from is ever connected to, so that no contact makes us knock at
    /// a third party's door; behind a router or with RFC 5626 there is nothing to connect to. TLS
    /// phones have no certificate that we could check.
    pub(crate) fn listens_at(&self) -> Option<SocketAddr> {
        let source = self.flow.remote.ip();
        let next = self.path.first().map_or(&self.uri, |proxy| &proxy.uri);
        let uri = next.as_sip()?;
        let own = uri.host.ip() == Some(source.to_canonical()) || uri.host.ip() == Some(source);
        let may = self.flow.transport == Transport::Tcp && self.reg_id.is_none() && own;
        may.then(|| SocketAddr::new(source, uri.port.unwrap_or(PORT_DEFAULT)))
    }

    /// Whether it can be reached as things stand, or by connecting anew.
    pub(super) fn is_reachable(&self) -> bool {
        match self.flow.transport {
            Transport::Udp => true,
            Transport::Tcp | Transport::Tls => {
                self.flow.stream.is_some() || self.listens_at().is_some()
            }
        }
    }

    /// Whether `other` is another flow, or the same one, of one phone (RFC 5626 §4.2).
    pub(super) fn is_flow_of(&self, other: &Self) -> bool {
        self.reg_id.is_some() && other.reg_id.is_some() && self.instance == other.instance
    }

    /// Whether the REGISTER is older than what we know (RFC 3261 §10.3 step 7).
    pub(super) fn is_newer_than(&self, source: &Source) -> bool {
        self.call_id == source.call_id && self.cseq >= source.cseq
    }

    /// Whether `update` is about this contact: the same flow of the same phone (RFC 5626 §6), the
    /// same phone that has one flow only, or the same address (RFC 3261 §19.1.4).
    pub(super) fn is_of(&self, update: &Update) -> bool {
        let phone = instance(&update.contact);
        let same_phone = phone.is_some() && self.instance == phone;
        match (self.reg_id, update.reg_id) {
            (Some(known), Some(asked)) => same_phone && known == asked,
            (None, None) => same_phone || self.uri.matches(&update.contact.uri),
            // A phone that has begun to use outbound, or has given it up.
            (Some(_), None) | (None, Some(_)) => self.uri.matches(&update.contact.uri),
        }
    }
}

/// RFC 5626 §4.1: one phone is one instance.
pub(super) fn instance(contact: &NameAddr) -> Option<String> {
    let urn = contact.params.unquoted("+sip.instance")?;
    (!urn.is_empty()).then(|| clipped(&urn))
}
