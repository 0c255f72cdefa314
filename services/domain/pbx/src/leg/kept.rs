//! A leg as it is kept over a restart of this process, in whatever state it is; and its end, when
//! nobody goes on with it.
//!
//! An answered leg goes on ([`LegRow`]). One that rings, and one whose BYE or CANCEL is not heard
//! yet, is ended by the next process, so that no phone talks or rings on alone (decision 0014).

use std::time::Duration;

use ipc::Redacted;
use ipc::sound::Family;
use serde::{Deserialize, Serialize};
use sip::transaction::sketch;
use sip::{Headers, Message, Method, Request, Response, StatusCode};

use super::media::Endpoint;
use super::row::{FlowRow, LegRow, restore_flow, save_flow};
use super::state::{Cx, Farewell, First, Leg, Phase, REFERRAL_TIME_MAX, SETTLE_TIME_MAX};
use super::table::{Legs, Purpose, Sent, Shared};
use super::transfer::Referral;
use super::uac::Calling;
use super::uas::Incoming;
use super::{DtmfMode, Encryption, LegId, Peer, Profile, Use};
use crate::core::Core;
use crate::dialog::Dialog;

/// Not before the connections that outlived the process are told.
const END_AFTER: Duration = Duration::from_millis(500);

/// A leg in an earlier process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum KeptLeg {
    /// It was answered; it goes on, or ends with BYE.
    Answered(Box<LegRow>),
    /// It was not; it ends with CANCEL or a refusal.
    Invite(InviteRow),
}

/// An INVITE that has no final answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct InviteRow {
    id: u64,
    /// We sent it.
    ours: bool,
    flow: FlowRow,
    /// As far as its transaction needs it; there may be credentials in it.
    invite: Redacted<Vec<u8>>,
}

impl KeptLeg {
    /// The name the leg had.
    pub(crate) const fn id(&self) -> LegId {
        match self {
            Self::Answered(row) => row.leg(),
            Self::Invite(row) => LegId(row.id),
        }
    }
}

impl Legs {
    /// A leg as it is to be kept; `None` when nothing is to be said to its peer any more, or
    /// nothing was said yet.
    pub(crate) fn keep(&self, core: &Core, id: LegId) -> Option<KeptLeg> {
        let leg = self.legs.get(&id)?;
        let answered = match leg.phase {
            Phase::Early => false,
            Phase::Confirmed => true,
            Phase::Over => leg.owes_an_end(&self.shared),
        };
        if answered {
            let said = leg.farewell == Farewell::Said && !leg.says_bye(&self.shared);
            return leg.save(said).map(|row| KeptLeg::Answered(Box::new(row)));
        }
        Self::invite_row(core, leg).map(KeptLeg::Invite)
    }

    /// The INVITE of a leg that has no final answer.
    fn invite_row(core: &Core, leg: &Leg) -> Option<InviteRow> {
        let (ours, invite) = match &leg.first {
            First::Incoming(incoming) if leg.phase == Phase::Early => {
                (false, sketch(&incoming.invite))
            }
            First::Outgoing(calling) => (true, core.sip.unanswered_invite(calling.client?)?),
            First::Incoming(_) | First::Restored { .. } => return None,
        };
        Some(InviteRow {
            id: leg.id.0,
            ours,
            flow: save_flow(&leg.dialog.flow),
            invite: Redacted::new(invite.to_bytes()),
        })
    }

    /// Legs that changed without an event, or are gone for good: what is kept of them is out of
    /// date.
    pub(crate) fn take_stale(&mut self) -> Vec<LegId> {
        std::mem::take(&mut self.shared.stale).into_iter().collect()
    }

    /// Says to the peer of an earlier process that it is over, in a moment. Nothing of it is told
    /// but by [`Self::take_stale`].
    pub(crate) fn end(&mut self, core: &mut Core, kept: KeptLeg) -> Option<LegId> {
        let id = kept.id();
        if self.legs.contains_key(&id) {
            return None;
        }
        let leg = match kept {
            KeptLeg::Answered(mut row) => {
                row.forget_talk();
                Leg::restored(core, *row)
            }
            KeptLeg::Invite(row) if row.ours => self.cancelled_soon(core, &row),
            KeptLeg::Invite(row) => self.refused_soon(core, &row),
        }?;
        self.insert(core.now, leg);
        Some(id)
    }

    fn cancelled_soon(&mut self, core: &mut Core, row: &InviteRow) -> Option<Leg> {
        let (flow, invite) = (restore_flow(row.flow), row.invite()?);
        let headers = &invite.headers;
        let cseq = headers.cseq().ok()?.number;
        let (local, remote) = (headers.from().ok()?, headers.to().ok()?);
        let call_id = headers.call_id().ok()?.to_owned();
        let route = headers.addresses(&sip::HeaderName::Route).ok()?;
        let dialog = Dialog::calling(flow, call_id, local, remote, invite.uri.clone(), cseq);
        let dialog = dialog.by_way_of(route);
        let client = core.sip.resume_client(core.now, flow, invite).ok()?;
        let first = First::Outgoing(Box::new(Calling::restored(client, dialog.clone())));
        let mut leg = row.leg(first, dialog);
        leg.clients.push(client);
        let sent = Sent {
            leg: leg.id,
            purpose: Purpose::Invite,
            request: None,
            flow,
            tries: 0,
        };
        self.shared.clients.insert(client, sent);
        leg.end_soon(core);
        Some(leg)
    }

    fn refused_soon(&mut self, core: &mut Core, row: &InviteRow) -> Option<Leg> {
        let (flow, invite) = (restore_flow(row.flow), row.invite()?);
        let id = LegId(row.id);
        let server = core
            .sip
            .resume_server(core.now, flow, &invite, false)
            .ok()?;
        let dialog = Dialog::answering(&invite, flow, &id.tag(), 1).ok()?;
        let incoming = Incoming::restored(core, server, invite);
        let mut leg = row.leg(First::Incoming(Box::new(incoming)), dialog);
        self.shared.servers.insert(server, id);
        leg.end_at = Some(core.now + END_AFTER);
        Some(leg)
    }

    /// A 2xx to an INVITE of ours that no transaction knows.
    pub(crate) fn unasked(&mut self, core: &mut Core, response: &Response) {
        let Ok(from) = response.headers.from() else {
            return;
        };
        let Some(id) = from.tag().and_then(LegId::of_tag) else {
            return;
        };
        self.with(core, id, |leg, cx| leg.unasked(cx, response));
    }
}

impl InviteRow {
    fn invite(&self) -> Option<Request> {
        match sip::parse_datagram(self.invite.reveal()) {
            Ok(Message::Request(invite)) if invite.method == Method::Invite => Some(invite),
            Ok(_) | Err(_) => None,
        }
    }

    /// A leg without media.
    fn leg(&self, first: First, dialog: Dialog) -> Leg {
        let profile = Profile {
            codecs: Vec::new(),
            dtmf: DtmfMode::Automatic,
            srtp: Encryption::Off,
            reliable: Use::Off,
            timer: Use::Off,
            session_interval: 0,
        };
        let endpoint = Endpoint::closed(self.id, Family::V4);
        // Whose it was matters to nobody any more.
        let peer = Peer::Trunk(String::new());
        let mut leg = Leg::new(LegId(self.id), peer, profile, first, dialog, endpoint);
        leg.closed_told = true;
        leg
    }
}

impl Leg {
    /// A BYE of ours has no answer yet.
    fn says_bye(&self, shared: &Shared) -> bool {
        let is_bye = |client| {
            let sent = shared.clients.get(client);
            sent.is_some_and(|sent| matches!(sent.purpose, Purpose::Bye | Purpose::LateBye))
        };
        self.clients.iter().any(is_bye)
    }

    /// Over, and its end or reports on a transfer are not heard yet.
    fn owes_an_end(&self, shared: &Shared) -> bool {
        let waits = self.farewell == Farewell::Wanted || self.end_at.is_some();
        let reports = self.referral.as_ref().is_some_and(Referral::is_active);
        waits || reports || self.says_bye(shared)
    }

    /// Over since an earlier process: what it left unsaid is said in a moment.
    pub(super) fn end_soon(&mut self, core: &Core) {
        self.phase = Phase::Over;
        self.closed_told = true;
        let reports = self.referral.as_ref().is_some_and(Referral::is_active);
        let time = match reports {
            true => REFERRAL_TIME_MAX,
            false => SETTLE_TIME_MAX,
        };
        self.settle_by = Some(core.now + time);
        self.end_at = Some(core.now + END_AFTER);
    }

    /// Says it.
    pub(super) fn end_due(&mut self, cx: &mut Cx<'_>) {
        if self.end_at.take_if(|at| *at <= cx.core.now).is_none() {
            return;
        }
        match (&self.first, self.phase) {
            (First::Incoming(_), Phase::Early) => {
                // Whoever calls may call again; a 503 would turn some phones away from us.
                self.refuse(cx, StatusCode::TEMPORARILY_UNAVAILABLE, &[]);
                self.over(cx);
            }
            (First::Outgoing(_), _) => self.cancel(cx),
            (First::Incoming(_) | First::Restored { .. }, _) => self.bye(cx),
        }
    }

    fn unasked(&mut self, cx: &mut Cx<'_>, response: &Response) {
        let headers: &Headers = &response.headers;
        let (Ok(to), Ok(cseq)) = (headers.to(), headers.cseq()) else {
            return;
        };
        let ours =
            headers.call_id() == Ok(self.dialog.call_id.as_str()) && self.dialog.is_from(&to);
        if !ours || self.acknowledge_again(cx, response) {
            return;
        }
        // The answer to a re-INVITE of an earlier process: what it agreed to is not known here.
        let before = matches!(self.first, First::Restored { .. });
        if before && cseq.number <= self.dialog.local_cseq {
            let dialog = self.dialog.clone();
            self.acknowledge(cx, &dialog, cseq.number, &[]);
            if self.phase == Phase::Confirmed {
                self.wants.codecs = self.talk.ours.as_ref().map(|ours| ours.codecs.clone());
            }
        }
    }
}
