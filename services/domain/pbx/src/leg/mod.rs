//! One side of a call: everything SIP about one INVITE session, as UAC or UAS, and its media
//! endpoint.
//!
//! A leg negotiates alone (decision 0013): nothing of one leg's description reaches another leg,
//! and a re-INVITE is answered here at once. Its call sees [`LegEvent`]s and gives commands; it
//! never sees a transaction or a description.

mod challenge;
mod digits;
mod ended;
mod exchange;
mod grid;
mod in_dialog;
mod interface;
mod kept;
mod media;
mod next_hop;
mod offer_answer;
mod path;
mod progress;
mod reliable;
mod row;
mod session_timer;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod transfer;
mod uac;
mod uas;

use std::net::IpAddr;

use ipc::sound::{Codec, EndpointId, Reply as SoundReply};
use sansio::Instant;
use sip::transaction::{ClientId, Flow, ServerId};
use sip::{Request, Response, StatusCode};

use crate::core::Core;
use crate::interface::{Hop, QueryId};
pub(crate) use interface::{
    Agreement, DialogName, DtmfMode, Encryption, EndCause, HangUp, LegEvent, LegId, Login,
    Outgoing, Peer, Profile, Replaced, Transfer, Use,
};
pub(crate) use kept::KeptLeg;
pub(crate) use row::LegRow;
use state::{First, Leg, Phase};
pub(crate) use table::Legs;

/// Commands. Each is total: one that does not fit the leg's state does nothing.
impl Legs {
    /// Takes an INVITE outside of a dialog that was let in; 100 is sent, and an endpoint asked for.
    ///
    /// # Errors
    /// The status it has been answered with already: 400, 415, 420, 422, 482, 483, 488, 503.
    pub(crate) fn incoming(
        &mut self,
        core: &mut Core,
        id: ServerId,
        flow: Flow,
        request: &Request,
        peer: Peer,
        profile: Profile,
    ) -> Result<LegId, StatusCode> {
        self.arrive(core, id, flow, request, (peer, profile))
    }

    /// Calls somebody: the INVITE goes out when `media` has given a port. `None`: too many legs.
    pub(crate) fn outgoing(&mut self, core: &mut Core, wanted: Outgoing) -> Option<LegId> {
        self.call(core, wanted)
    }

    /// Incoming: sends 180 to 199. With `early`, our description is in it and the peer will hear
    /// what the endpoint hears (ringback, early media); these codecs are preferred.
    pub(crate) fn progress(
        &mut self,
        core: &mut Core,
        leg: LegId,
        status: StatusCode,
        early: Option<&[Codec]>,
    ) {
        self.with(core, leg, |leg, cx| leg.progress(cx, status, early));
    }

    /// Incoming: sends 200. `prefer` is what the other party agreed on, in order.
    pub(crate) fn answer(&mut self, core: &mut Core, leg: LegId, prefer: &[Codec]) {
        self.with(core, leg, |leg, cx| leg.answer(cx, prefer));
    }

    /// Confirmed: offers the peer these codecs, when nothing can convert between it and the other
    /// party. [`LegEvent::Changed`] tells that it took one.
    pub(crate) fn renegotiate(&mut self, core: &mut Core, leg: LegId, prefer: &[Codec]) {
        self.with(core, leg, |leg, _| leg.renegotiate(prefer));
    }

    /// Ends a leg in any state: refuses, cancels, or says BYE. It tells nothing more but
    /// [`LegEvent::Closed`], and settles alone.
    pub(crate) fn hang_up(&mut self, core: &mut Core, leg: LegId, how: HangUp) {
        self.with(core, leg, |leg, cx| leg.hang_up(cx, &how));
    }

    /// Sends a digit as the profile says: by INFO, or by `media`.
    pub(crate) fn send_digit(&mut self, core: &mut Core, leg: LegId, digit: char, millis: u32) {
        self.with(core, leg, |leg, cx| leg.send_digit(cx, digit, millis));
    }

    /// Answers the last REFER with 202 and tells "100 Trying" (RFC 3515 §2.4.4).
    pub(crate) fn transfer_accepted(&mut self, core: &mut Core, leg: LegId) {
        self.with(core, leg, Leg::transfer_accepted);
    }

    /// Tells the transferor how the call it asked for goes; a final status ends the subscription.
    pub(crate) fn transfer_progress(&mut self, core: &mut Core, leg: LegId, status: StatusCode) {
        self.with(core, leg, |leg, cx| leg.notify_transfer(cx, status));
    }

    /// Answers the oldest [`LegEvent::Record`] that has no answer yet.
    pub(crate) fn record_answered(&mut self, core: &mut Core, leg: LegId, status: StatusCode) {
        self.with(core, leg, |leg, cx| leg.record_answered(cx, status));
    }

    /// Answers the last REFER with this status.
    pub(crate) fn transfer_refused(&mut self, core: &mut Core, leg: LegId, status: StatusCode) {
        self.with(core, leg, |leg, cx| leg.refuse_transfer(cx, status));
    }

    /// Tells the peer who it is connected to now: by P-Asserted-Identity in an UPDATE when it takes
    /// UPDATE, else in our next message.
    pub(crate) fn identify(&mut self, core: &mut Core, leg: LegId, name: &str, number: &str) {
        self.with(core, leg, |leg, _| leg.identify(name, number));
    }
}

/// Questions.
impl Legs {
    /// What is agreed; empty before anything is.
    pub(crate) fn agreement(&self, leg: LegId) -> Agreement {
        self.legs
            .get(&leg)
            .map_or_else(Agreement::default, |leg| leg.talk.agreement())
    }

    /// What the peer's INVITE offered; empty when it leaves the offer to us.
    pub(crate) fn offered(&self, leg: LegId) -> &[Codec] {
        match self.legs.get(&leg).map(|leg| &leg.first) {
            Some(First::Incoming(incoming)) => &incoming.offered,
            Some(First::Outgoing(_) | First::Restored { .. }) | None => &[],
        }
    }

    /// Incoming: the INVITE.
    pub(crate) fn request(&self, leg: LegId) -> Option<&Request> {
        match &self.legs.get(&leg)?.first {
            First::Incoming(incoming) => Some(&incoming.invite),
            First::Outgoing(_) | First::Restored { .. } => None,
        }
    }

    /// The way its requests go.
    pub(crate) fn flow(&self, leg: LegId) -> Option<Flow> {
        Some(self.legs.get(&leg)?.dialog.flow)
    }

    /// Its dialog.
    pub(crate) fn dialog(&self, leg: LegId) -> Option<DialogName> {
        let leg = self.legs.get(&leg)?;
        let dialog = &leg.dialog;
        Some(DialogName {
            call_id: dialog.call_id.clone(),
            local_tag: dialog.local_tag().to_owned(),
            remote_tag: dialog
                .remote
                .tag()
                .or_else(|| leg.first_fork())
                .map(str::to_owned),
        })
    }

    /// The leg whose dialog a Replaces names; never an early one that we answer (RFC 3891 §3).
    pub(crate) fn find(&self, replaced: &Replaced) -> Option<LegId> {
        let id = LegId::of_tag(&replaced.to_tag)?;
        let leg = self.legs.get(&id)?;
        let dialog = &leg.dialog;
        let named = dialog.call_id == replaced.call_id
            && (dialog.remote.tag() == Some(&replaced.from_tag)
                || leg.fork_of(Some(&replaced.from_tag)).is_some());
        let replaceable = match leg.phase {
            Phase::Early => matches!(leg.first, First::Outgoing(_)),
            Phase::Confirmed => !replaced.early_only,
            Phase::Over => false,
        };
        (named && replaceable).then_some(id)
    }

    /// Whether a 2xx was sent or taken.
    pub(crate) fn is_confirmed(&self, leg: LegId) -> bool {
        self.legs
            .get(&leg)
            .is_some_and(|leg| leg.phase == Phase::Confirmed)
    }

    /// The extension that a request in a dialog must prove to come from: it came by another way
    /// than the phone of that dialog, and not by one of that extension's registrations either.
    /// Trunks send from many addresses and have no password of ours; what names their dialogs is
    /// told to nobody else.
    pub(crate) fn to_be_proven(&self, core: &Core, flow: Flow, leg: LegId) -> Option<String> {
        let leg = self.legs.get(&leg)?;
        let Peer::Extension(extension) = &leg.peer else {
            return None;
        };
        let same = |known: &Flow| {
            let (one, other) = (known.remote, flow.remote);
            known.transport == flow.transport
                && (one.ip(), one.port()) == (other.ip(), other.port())
        };
        let bindings = core.registrar.bindings(extension).iter();
        let mut ways = std::iter::once(&leg.dialog.flow).chain(bindings.map(|it| &it.flow));
        (!ways.any(same)).then(|| extension.clone())
    }

    /// Whether keys go to this peer by INFO, which `media` cannot send.
    pub(crate) fn takes_info(&self, leg: LegId) -> bool {
        let leg = self.legs.get(&leg);
        leg.is_some_and(|leg| match leg.profile.dtmf {
            DtmfMode::Automatic | DtmfMode::Info => leg
                .talk
                .agreed
                .as_ref()
                .is_some_and(|agreed| agreed.dtmf == ipc::sound::Dtmf::Elsewhere),
            DtmfMode::Events | DtmfMode::InBand => false,
        })
    }

    /// The next thing to tell; asked by the node after every cause until there is none.
    pub(crate) fn poll(&mut self) -> Option<(LegId, LegEvent)> {
        self.shared.events.pop_front()
    }
}

/// Causes. Those that return a bool say whether they concern a leg; false means nothing was done.
impl Legs {
    /// A request in the dialog of a leg, which [`Self::named`] finds.
    pub(crate) fn in_dialog(
        &mut self,
        core: &mut Core,
        id: ServerId,
        flow: Flow,
        request: &Request,
        leg: LegId,
    ) -> bool {
        let done = self.with(core, leg, |leg, cx| leg.in_dialog(cx, id, flow, request));
        done == Some(true)
    }

    /// An ACK for a 2xx.
    pub(crate) fn ack(&mut self, core: &mut Core, flow: Flow, request: &Request) -> bool {
        let Some(leg) = self.named(&request.headers) else {
            return false;
        };
        // It cannot be challenged, and may carry an answer: from a strange host it is ignored.
        let host = self.flow(leg).map(|known| known.remote.ip());
        let stranger = self.to_be_proven(core, flow, leg).is_some();
        if stranger && host != Some(flow.remote.ip()) {
            return false;
        }
        self.with(core, leg, |leg, cx| leg.ack(cx, flow, request))
            .is_some()
    }

    /// An INVITE was cancelled.
    pub(crate) fn cancelled(&mut self, core: &mut Core, id: ServerId, _cancel: &Request) -> bool {
        let Some(leg) = self.shared.servers.get(&id).copied() else {
            return false;
        };
        self.with(core, leg, |leg, cx| leg.cancelled(cx)).is_some()
    }

    /// A response to a request of ours.
    pub(crate) fn response(&mut self, core: &mut Core, id: ClientId, response: &Response) -> bool {
        let Some(leg) = self.shared.clients.get(&id).map(|sent| sent.leg) else {
            return false;
        };
        self.with(core, leg, |leg, cx| leg.response(cx, id, response))
            .is_some()
    }

    /// No final response in time, or the flow of the request failed.
    pub(crate) fn no_response(&mut self, core: &mut Core, id: ClientId) -> bool {
        let Some(leg) = self.shared.clients.get(&id).map(|sent| sent.leg) else {
            return false;
        };
        self.with(core, leg, |leg, cx| leg.no_response(cx, id))
            .is_some()
    }

    /// The flow by which a request waits for our answer failed.
    pub(crate) fn server_lost(&mut self, core: &mut Core, id: ServerId) -> bool {
        let Some(leg) = self.shared.servers.remove(&id) else {
            return false;
        };
        self.with(core, leg, |leg, cx| leg.server_lost(cx, id))
            .is_some()
    }

    /// `media` answered a request that names this endpoint (also a `Hear` of the call's).
    pub(crate) fn sound(&mut self, core: &mut Core, endpoint: EndpointId, reply: &SoundReply) {
        if let SoundReply::Endpoints(endpoints) = reply {
            for (id, stats) in endpoints {
                if let Some(leg) = self.legs.get_mut(&LegId(*id)) {
                    leg.endpoint.stats = stats.clone();
                }
            }
            return;
        }
        self.with(core, LegId(endpoint), |leg, cx| {
            let heard = leg.endpoint.reply(cx.core, reply);
            leg.heard(cx, heard);
        });
    }

    /// An answer to [`Output::Resolve`](crate::Output::Resolve).
    pub(crate) fn resolved(&mut self, core: &mut Core, id: QueryId, hops: &[Hop]) -> bool {
        let Some(leg) = self.shared.queries.remove(&id) else {
            return false;
        };
        self.with(core, leg, |leg, cx| leg.resolved(cx, id, hops))
            .is_some()
    }

    /// A connection is gone: told before the transactions on it are.
    pub(crate) fn flow_failed(&mut self, _core: &mut Core, flow: Flow) {
        for leg in self.legs.values_mut() {
            leg.flow_lost |= leg.dialog.flow == flow;
        }
    }

    /// Who is in an answered call, by where his signalling comes from.
    pub(crate) fn peers(&self) -> impl Iterator<Item = IpAddr> {
        let legs = self.legs.values();
        let answered = legs.filter(|leg| leg.phase == Phase::Confirmed);
        answered.map(|leg| leg.dialog.flow.remote.ip().to_canonical())
    }

    /// A connection is open; one that outlived an earlier process leads to its legs again.
    pub(crate) fn flow_opened(&mut self, flow: Flow) {
        for leg in self.legs.values_mut() {
            leg.flow_lost &= leg.dialog.flow != flow;
        }
    }

    /// Time has passed.
    pub(crate) fn timer(&mut self, core: &mut Core) {
        for leg in self.due(core.now) {
            self.with(core, leg, Leg::timer);
        }
    }

    /// When [`Self::timer`] is wanted.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }
}

/// Survival of a restart.
impl Legs {
    /// A leg of an earlier process. Its endpoint is told its agreement again.
    pub(crate) fn restore(&mut self, core: &mut Core, row: LegRow) -> LegId {
        let id = row.leg();
        match Leg::restored(core, row) {
            Some(leg) => self.insert(core.now, leg),
            // Not a row that this version writes: there is nothing to go on with.
            None => {
                let events = &mut self.shared.events;
                events.push_back((id, LegEvent::Ended(EndCause::PeerLost)));
                events.push_back((id, LegEvent::Closed(Box::default())));
            }
        }
        id
    }
}

/// A first CSeq of ours: far below 2^31 (RFC 3261 §8.1.1.5).
fn first_cseq(core: &mut Core) -> u32 {
    u32::try_from(core.secrets.number() & 0xffff).unwrap_or_default()
}
