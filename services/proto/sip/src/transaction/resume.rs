//! INVITE transactions of an earlier process, taken up again by what it left written.
//!
//! Only what ends them: an INVITE of ours is cancelled and its answers are seen, an INVITE to us is
//! answered. What was repeated before is not; the peer has heard it, or repeats its own.

use std::sync::Arc;

use sansio::Instant;

use super::client_invite::ClientInvite;
use super::flow::{ClientId, Flow, ServerId};
use super::key::ClientKey;
use super::layer::{Full, Layer};
use super::machine::Machine;
use super::server_invite::ServerInvite;
use super::table::{Key, Server};
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::message::Request;
use crate::method::Method;

/// What of an INVITE its CANCEL and its ACK are made of (RFC 3261 §9.1, §17.1.1.3, §22.1), and what
/// its responses copy (§8.2.6).
const KEPT: [HeaderName; 9] = [
    HeaderName::Via,
    HeaderName::MaxForwards,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::Route,
    HeaderName::Authorization,
    HeaderName::ProxyAuthorization,
];

impl Layer {
    /// An INVITE of ours that has no final answer, as small as [`Self::resume_client`] needs it.
    #[must_use]
    pub fn unanswered_invite(&self, id: ClientId) -> Option<Request> {
        match self.table.machine(id.0)? {
            Machine::ClientInvite(invite) => invite.unanswered().map(sketch),
            Machine::ClientOther(_) | Machine::ServerInvite(_) | Machine::ServerOther(_) => None,
        }
    }

    /// Takes up an INVITE that an earlier process sent by this flow. [`Layer::cancel`] it: whether
    /// the peer ever got it is not known, and it is not sent again.
    ///
    /// # Errors
    /// [`Full`] when there are too many transactions, or it has no branch to be found by.
    pub fn resume_client(
        &mut self,
        now: Instant,
        flow: Flow,
        invite: Request,
    ) -> Result<ClientId, Full> {
        let branch = invite.headers.via_ref().ok();
        let branch = branch.as_ref().and_then(|via| via.branch()).ok_or(Full)?;
        let (branch, method) = (branch.into(), Method::Invite);
        let key = Key::Client(Arc::new(ClientKey { branch, method }));
        self.table.make_room()?;
        let id = self.table.insert(now, flow, key, |id, _| {
            Machine::ClientInvite(Box::new(ClientInvite::resume(ClientId(id), invite)))
        });
        Ok(ClientId(id))
    }

    /// Takes up an INVITE that an earlier process was sent by this flow; `accepted`: it was
    /// answered with 2xx, which [`Layer::respond`] repeats. Otherwise it still wants its final
    /// answer.
    ///
    /// # Errors
    /// [`Full`] when there are too many transactions, or it is not readable.
    pub fn resume_server(
        &mut self,
        now: Instant,
        flow: Flow,
        invite: &Request,
        accepted: bool,
    ) -> Result<ServerId, Full> {
        let key = self.table.key(invite).map_err(|_| Full)?;
        match self.table.server(&key) {
            Some(Server::Transaction(known)) => return Ok(ServerId(known)),
            Some(Server::Answer(_)) => return Err(Full),
            None => {}
        }
        self.table.make_room()?;
        let key = Key::Server(key);
        let id = self.table.insert(now, flow, key, |id, cx| {
            let invite = ServerInvite::resume(ServerId(id), invite, accepted, cx);
            Machine::ServerInvite(Box::new(invite))
        });
        Ok(ServerId(id))
    }
}

/// A request with nothing but what its transaction needs.
#[must_use]
pub fn sketch(request: &Request) -> Request {
    let mut headers = Headers::new();
    for name in KEPT {
        for value in request.headers.all(&name) {
            headers.push(name.clone(), value);
        }
    }
    Request {
        method: request.method.clone(),
        uri: request.uri.clone(),
        headers,
        body: Vec::new(),
    }
}
