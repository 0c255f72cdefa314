//! One side of a call: everything SIP about one INVITE session, as UAC or UAS, and its media
//! endpoint.
//!
//! A leg negotiates alone (decision 0013): nothing of one leg's description reaches another leg,
//! and a re-INVITE is answered here at once. Its call sees [`LegEvent`]s and gives commands; it
//! never sees a transaction or a description.

#![expect(dead_code, unused_imports, reason = "calls are being moved onto legs")]

mod interface;
mod row;

use std::collections::VecDeque;

use ipc::sound::{Codec, EndpointId, Reply as SoundReply, Stats};
use sansio::Instant;
use sip::transaction::{ClientId, Flow, ServerId};
use sip::{Request, Response, StatusCode};

use crate::core::Core;
pub(crate) use interface::{
    Agreement, DialogName, DtmfMode, Encryption, EndCause, HangUp, LegEvent, LegId, Login,
    Outgoing, Peer, Profile, Replaced, Transfer, Use,
};
pub(crate) use row::LegRow;

/// All legs, the ways to find one, and what they have to tell.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    events: VecDeque<(LegId, LegEvent)>,
}

/// Commands. Each is total: one that does not fit the leg's state does nothing.
impl Legs {
    /// Takes an INVITE outside of a dialog that was let in; 100 is sent, and an endpoint asked for.
    ///
    /// # Errors
    /// The status it has been answered with already: 400, 415, 420, 422, 482, 483, 488, 503.
    pub(crate) fn incoming(
        &mut self,
        _core: &mut Core,
        _id: ServerId,
        _flow: Flow,
        _request: &Request,
        _peer: Peer,
        _profile: Profile,
    ) -> Result<LegId, StatusCode> {
        Err(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Calls somebody: the INVITE goes out when `media` has given a port. `None`: too many legs.
    pub(crate) fn outgoing(&mut self, _core: &mut Core, _wanted: Outgoing) -> Option<LegId> {
        None
    }

    /// Incoming: sends 180 to 199. With `early`, our description is in it and the peer will hear
    /// what the endpoint hears (ringback, early media); these codecs are preferred.
    pub(crate) fn progress(
        &mut self,
        _core: &mut Core,
        _leg: LegId,
        _status: StatusCode,
        _early: Option<&[Codec]>,
    ) {
    }

    /// Incoming: sends 200. `prefer` is what the other party agreed on, in order.
    pub(crate) fn answer(&mut self, _core: &mut Core, _leg: LegId, _prefer: &[Codec]) {}

    /// Confirmed: offers the peer these codecs, when nothing can convert between it and the other
    /// party. [`LegEvent::Changed`] tells that it took one.
    pub(crate) fn renegotiate(&mut self, _core: &mut Core, _leg: LegId, _prefer: &[Codec]) {}

    /// Ends a leg in any state: refuses, cancels, or says BYE. It tells nothing more but
    /// [`LegEvent::Closed`], and settles alone.
    pub(crate) fn hang_up(&mut self, _core: &mut Core, _leg: LegId, _how: HangUp) {}

    /// Sends a digit as the profile says: by INFO, or by `media`.
    pub(crate) fn send_digit(&mut self, _core: &mut Core, _leg: LegId, _digit: char, _millis: u32) {
    }

    /// Answers the last REFER with 202 and tells "100 Trying" (RFC 3515 §2.4.4).
    pub(crate) fn transfer_accepted(&mut self, _core: &mut Core, _leg: LegId) {}

    /// Tells the transferor how the call it asked for goes; a final status ends the subscription.
    pub(crate) fn transfer_progress(&mut self, _core: &mut Core, _leg: LegId, _status: StatusCode) {
    }

    /// Answers the last REFER with this status.
    pub(crate) fn transfer_refused(&mut self, _core: &mut Core, _leg: LegId, _status: StatusCode) {}

    /// Tells the peer who it is connected to now: by P-Asserted-Identity in an UPDATE when it takes
    /// UPDATE, else in our next message.
    pub(crate) fn identify(&mut self, _core: &mut Core, _leg: LegId, _name: &str, _number: &str) {}
}

/// Questions.
impl Legs {
    /// What is agreed; empty before anything is.
    pub(crate) fn agreement(&self, _leg: LegId) -> Agreement {
        Agreement::default()
    }

    /// What the peer's INVITE offered; empty when it leaves the offer to us.
    pub(crate) fn offered(&self, _leg: LegId) -> &[Codec] {
        &[]
    }

    /// Incoming: the INVITE.
    pub(crate) fn request(&self, _leg: LegId) -> Option<&Request> {
        None
    }

    /// Who is at the other end.
    pub(crate) fn peer(&self, _leg: LegId) -> Option<&Peer> {
        None
    }

    /// The way its requests go.
    pub(crate) fn flow(&self, _leg: LegId) -> Option<Flow> {
        None
    }

    /// Its dialog.
    pub(crate) fn dialog(&self, _leg: LegId) -> Option<DialogName> {
        None
    }

    /// The leg whose dialog a Replaces names; never an early one that we answer (RFC 3891 §3).
    pub(crate) fn find(&self, _replaced: &Replaced) -> Option<LegId> {
        None
    }

    /// Whether a 2xx was sent or taken.
    pub(crate) fn is_confirmed(&self, _leg: LegId) -> bool {
        false
    }

    /// What passed through its endpoint, as `media` told last.
    pub(crate) fn stats(&self, _leg: LegId) -> Option<&Stats> {
        None
    }

    /// The next thing to tell; asked by the node after every cause until there is none.
    pub(crate) fn poll(&mut self) -> Option<(LegId, LegEvent)> {
        self.events.pop_front()
    }
}

/// Causes. Those that return a bool say whether they concern a leg; false means nothing was done.
impl Legs {
    /// A request with a To tag. When no leg's dialog is meant the node goes on looking, and in the
    /// end answers 481.
    pub(crate) fn in_dialog(
        &mut self,
        _core: &mut Core,
        _id: ServerId,
        _flow: Flow,
        _request: &Request,
    ) -> bool {
        false
    }

    /// An ACK for a 2xx.
    pub(crate) fn ack(&mut self, _core: &mut Core, _flow: Flow, _request: &Request) -> bool {
        false
    }

    /// An INVITE was cancelled.
    pub(crate) fn cancelled(&mut self, _core: &mut Core, _id: ServerId, _cancel: &Request) -> bool {
        false
    }

    /// A response to a request of ours.
    pub(crate) fn response(
        &mut self,
        _core: &mut Core,
        _id: ClientId,
        _response: &Response,
    ) -> bool {
        false
    }

    /// No final response in time, or the flow of the request failed.
    pub(crate) fn no_response(&mut self, _core: &mut Core, _id: ClientId) -> bool {
        false
    }

    /// The flow by which a request waits for our answer failed.
    pub(crate) fn server_lost(&mut self, _core: &mut Core, _id: ServerId) -> bool {
        false
    }

    /// `media` answered a request that names this endpoint (also a `Hear` of the call's).
    pub(crate) fn sound(&mut self, _core: &mut Core, _endpoint: EndpointId, _reply: &SoundReply) {}

    /// `media` was restarted: every endpoint is opened again under its old port and set;
    /// [`LegEvent::MediaRestored`] follows for each.
    pub(crate) fn media_restarted(&mut self, _core: &mut Core) {}

    /// A connection is gone: told before the transactions on it are.
    pub(crate) fn flow_failed(&mut self, _core: &mut Core, _flow: Flow) {}

    /// Time has passed.
    pub(crate) fn timer(&mut self, _core: &mut Core) {}

    /// When [`Self::timer`] is wanted.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// Survival of a restart.
impl Legs {
    /// A confirmed leg as a row from which [`Self::restore`] makes it again; `None` for others.
    pub(crate) fn save(&self, _core: &Core, _leg: LegId) -> Option<LegRow> {
        None
    }

    /// A leg of an earlier process. Its endpoint is told its agreement again.
    pub(crate) fn restore(&mut self, _core: &mut Core, row: LegRow) -> LegId {
        row.leg()
    }
}
