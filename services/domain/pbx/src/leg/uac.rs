//! The first INVITE, sent: early dialogs, the answer, the refusal, CANCEL.

use std::time::Duration;

use ipc::sound::Codec;
use sansio::Instant;
use sip::transaction::ClientId;
use sip::{Contacts, HeaderName, Headers, Method, Response, StatusClass, StatusCode, Uri};

use super::challenge::Challenges;
use super::media::Endpoint;
use super::offer_answer::Talk;
use super::state::{ALLOW, Cx, Farewell, First, Leg, Phase, SDP, own_address, place, supported};
use super::table::{LEGS_MAX, Legs, Purpose};
use super::uas::family;
use super::{LegEvent, LegId, Outgoing, Use};
use crate::core::{Core, event_text};
use crate::dialog::Dialog;
use crate::interface::Limit;

/// Early dialogs of one INVITE: a hunt group behind a trunk has no more phones.
const FORKS_MAX: usize = 16;
/// How often an INVITE is sent again because of 421 or 422.
const CORRECTIONS_MAX: u8 = 3;
/// Contacts of a 3xx that are told.
const MOVED_MAX: usize = 8;

/// What only an outgoing leg has.
#[derive(Debug)]
pub(super) struct Calling {
    hops: u8,
    headers: Vec<(HeaderName, String)>,
    codecs: Vec<Codec>,
    /// Our INVITE, once it is sent.
    pub(super) client: Option<ClientId>,
    pub(super) forks: Vec<Fork>,
    /// The credentials of our INVITE, for its ACK.
    credentials: Vec<(HeaderName, Vec<u8>)>,
    /// The dialog before anybody answered, for answers that come too late.
    template: Dialog,
    corrections: u8,
    /// The address takes no connection after all: when it is sent as a datagram.
    pub(super) by_datagram_at: Option<Instant>,
}

/// An early dialog (RFC 3261 §12.1.2): one for each phone that rings.
#[derive(Debug)]
pub(super) struct Fork {
    pub(super) dialog: Dialog,
    pub(super) talk: Talk,
    /// RSeq of its last reliable response.
    pub(super) rseq: Option<u32>,
}

impl Calling {
    /// An INVITE of an earlier process, to be cancelled.
    pub(super) const fn restored(client: ClientId, template: Dialog) -> Self {
        Self {
            hops: 0,
            headers: Vec::new(),
            codecs: Vec::new(),
            client: Some(client),
            forks: Vec::new(),
            credentials: Vec::new(),
            template,
            corrections: 0,
            by_datagram_at: None,
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.by_datagram_at
    }
}

impl Legs {
    pub(super) fn call(&mut self, core: &mut Core, wanted: Outgoing) -> Option<LegId> {
        if self.legs.len() >= LEGS_MAX {
            core.limit_reached(Limit::Calls);
            return None;
        }
        let id = Self::new_id(core);
        let call_id = core.sip.new_tag();
        let cseq = super::first_cseq(core);
        let local = wanted.from.with_tag(&id.tag());
        let dialog = Dialog::calling(wanted.flow, call_id, local, wanted.to, wanted.target, cseq)
            .by_way_of(wanted.route);
        let endpoint = Endpoint::open(core, id.0, family(wanted.flow));
        let calling = Calling {
            hops: wanted.hops,
            headers: wanted.headers,
            codecs: wanted.codecs,
            client: None,
            forks: Vec::new(),
            credentials: Vec::new(),
            template: dialog.clone(),
            corrections: 0,
            by_datagram_at: None,
        };
        let first = First::Outgoing(Box::new(calling));
        let mut leg = Leg::new(id, wanted.peer, wanted.profile, first, dialog, endpoint);
        leg.challenges = wanted.login.map(Challenges::new);
        self.insert(core.now, leg);
        Some(id)
    }
}

impl Leg {
    pub(super) const fn calling(&mut self) -> Option<&mut Calling> {
        match &mut self.first {
            First::Outgoing(calling) => Some(calling),
            First::Incoming(_) | First::Restored { .. } => None,
        }
    }

    pub(super) fn fork(&mut self, index: usize) -> Option<&mut Fork> {
        self.calling()?.forks.get_mut(index)
    }

    /// The early dialog with this tag of the peer's.
    pub(super) fn fork_of(&self, tag: Option<&str>) -> Option<usize> {
        match &self.first {
            First::Outgoing(calling) => calling
                .forks
                .iter()
                .position(|fork| fork.dialog.remote.tag() == tag),
            First::Incoming(_) | First::Restored { .. } => None,
        }
    }

    /// The peer's tag in each dialog of this leg: one, or one for each phone that rings.
    pub(super) fn peer_tags(&self) -> impl Iterator<Item = &str> {
        let forks = match &self.first {
            First::Outgoing(calling) => calling.forks.as_slice(),
            First::Incoming(_) | First::Restored { .. } => &[],
        };
        let early = forks.iter().filter_map(|fork| fork.dialog.remote.tag());
        self.dialog.remote.tag().into_iter().chain(early)
    }

    /// The peer's tag in the first early dialog.
    pub(super) fn first_fork(&self) -> Option<&str> {
        match &self.first {
            First::Outgoing(calling) => calling.forks.first()?.dialog.remote.tag(),
            First::Incoming(_) | First::Restored { .. } => None,
        }
    }

    /// Sends the first INVITE, once there is a port, or again after a correction.
    pub(super) fn invite(&mut self, cx: &mut Cx<'_>) {
        let address = own_address(self.dialog.flow);
        let body = if self.talk.is_offering() {
            self.talk.offer_text(address)
        } else {
            let codecs = match self.calling() {
                Some(calling) => std::mem::take(&mut calling.codecs),
                None => return,
            };
            let place = place(&self.profile, &self.dialog, &self.endpoint, &self.peer);
            let offered = self.talk.offer(&mut cx.core.secrets, place, &codecs);
            self.talk.prefer = codecs;
            offered
        };
        let Some(body) = body else {
            return self.fail(cx, StatusCode::NOT_ACCEPTABLE_HERE, &Headers::new());
        };
        let mut invite = self.dialog.request(Method::Invite);
        let First::Outgoing(calling) = &mut self.first else {
            return;
        };
        calling.forks.clear();
        let headers = &mut invite.headers;
        headers.set(HeaderName::MaxForwards, calling.hops.to_string());
        for (name, value) in &calling.headers {
            headers.push(name.clone(), value.as_str());
        }
        headers.push(HeaderName::Contact, self.dialog.contact());
        headers.push(HeaderName::Allow, ALLOW);
        headers.push(HeaderName::Supported, supported(&self.profile));
        if self.profile.reliable == Use::Required {
            headers.push(HeaderName::Require, super::reliable::RELIABLE);
        }
        if self.profile.timer == Use::Required {
            headers.push(HeaderName::Require, super::session_timer::TIMER);
        }
        self.session.ask(&self.profile, &mut invite);
        let invite = invite.with_body(SDP, body);
        let client = self.send(cx, invite, Purpose::Invite);
        if client.is_none() {
            return self.fail(cx, StatusCode::SERVICE_UNAVAILABLE, &Headers::new());
        }
        if let Some(calling) = self.calling() {
            calling.client = client;
        }
    }

    /// The INVITE went out under another name: with credentials, or by another way.
    pub(super) fn invite_sent(&mut self, client: ClientId, headers: &Headers) {
        let credentials = [HeaderName::Authorization, HeaderName::ProxyAuthorization]
            .iter()
            .flat_map(|name| {
                let values = headers.all(name);
                values.map(|value| (name.clone(), value.to_vec()))
            })
            .collect();
        if let Some(calling) = self.calling() {
            calling.client = Some(client);
            calling.credentials = credentials;
        }
    }

    /// A response to the first INVITE.
    pub(super) fn invite_response(&mut self, cx: &mut Cx<'_>, id: ClientId, response: &Response) {
        if let Some(calling) = self.calling() {
            calling.by_datagram_at = None;
        }
        match response.status.class() {
            StatusClass::Provisional if response.status > StatusCode::TRYING => {
                self.provisional(cx, response);
            }
            StatusClass::Provisional => {}
            StatusClass::Success => {
                self.answered(cx, id);
                self.accepted(cx, response);
            }
            StatusClass::Redirection
            | StatusClass::RequestFailure
            | StatusClass::ServerFailure
            | StatusClass::GlobalFailure => self.rejected(cx, id, response),
        }
    }

    fn provisional(&mut self, cx: &mut Cx<'_>, response: &Response) {
        if self.phase != Phase::Early {
            return;
        }
        self.learn(&response.headers);
        let mut early = false;
        if let Some(index) = self.early_dialog(response) {
            if !self.acknowledge_progress(cx, index, &response.headers) {
                return;
            }
            early = self.early_answer(cx, index, response);
        }
        cx.tell(LegEvent::Progress {
            status: response.status,
            early,
        });
    }

    /// The early dialog a response belongs to, made if it is the first of it; `None` when it
    /// makes none, or there are too many.
    fn early_dialog(&mut self, response: &Response) -> Option<usize> {
        let to = response.headers.to().ok()?;
        let tag = to.tag()?;
        if let Some(known) = self.fork_of(Some(tag)) {
            return Some(known);
        }
        let mut dialog = self.dialog.clone();
        dialog.establish(response);
        let talk = self.talk.clone();
        let calling = self.calling()?;
        if calling.forks.len() >= FORKS_MAX {
            return None;
        }
        calling.forks.push(Fork {
            dialog,
            talk,
            rseq: None,
        });
        Some(calling.forks.len().saturating_sub(1))
    }

    /// Takes the answer in a provisional response, and gives the ear to who sent it; whether this
    /// phone has media.
    fn early_answer(&mut self, cx: &mut Cx<'_>, index: usize, response: &Response) -> bool {
        let described = sip::body::session_description(&response.headers, &response.body);
        let described = described.is_ok_and(|text| text.is_some());
        self.as_fork(index, |leg| {
            if !described {
                return leg.talk.agreed.is_some();
            }
            if leg.talk.is_offering() {
                let taken = leg.take_answer(cx.core, &response.headers, &response.body);
                if let Err(reason) = taken {
                    cx.bad_description(leg.dialog.flow, event_text(&reason));
                    return false;
                }
            }
            leg.set_media(cx, &leg.talk, true);
            leg.talk.agreed.is_some()
        })
        .unwrap_or(false)
    }

    /// Does something in an early dialog instead of the leg's own.
    pub(super) fn as_fork<R>(
        &mut self,
        index: usize,
        work: impl FnOnce(&mut Self) -> R,
    ) -> Option<R> {
        self.swap_fork(index)?;
        let result = work(self);
        self.swap_fork(index);
        Some(result)
    }

    fn swap_fork(&mut self, index: usize) -> Option<()> {
        let First::Outgoing(calling) = &mut self.first else {
            return None;
        };
        let fork = calling.forks.get_mut(index)?;
        std::mem::swap(&mut fork.dialog, &mut self.dialog);
        std::mem::swap(&mut fork.talk, &mut self.talk);
        Some(())
    }

    /// A 2xx: the first wins, any other is acknowledged and hung up (RFC 3261 §13.2.2.4).
    fn accepted(&mut self, cx: &mut Cx<'_>, response: &Response) {
        if self.acknowledge_again(cx, response) {
            return;
        }
        if self.phase != Phase::Early {
            self.hang_up_late(cx, response);
            return;
        }
        let Ok(cseq) = response.headers.cseq() else {
            return;
        };
        let to = response.headers.to().ok();
        let tag = to.as_ref().and_then(sip::NameAddr::tag);
        if let Some(index) = self.fork_of(tag) {
            self.swap_fork(index);
        }
        self.dialog.establish(response);
        self.learn(&response.headers);
        let credentials = self
            .calling()
            .map(|one| std::mem::take(&mut one.credentials));
        let dialog = self.dialog.clone();
        self.acknowledge(cx, &dialog, cseq.number, &credentials.unwrap_or_default());
        self.phase = Phase::Confirmed;
        if let Some(calling) = self.calling() {
            calling.forks = Vec::new();
            calling.headers = Vec::new();
        }
        if self.talk.is_offering()
            && let Err(reason) = self.take_answer(cx.core, &response.headers, &response.body)
        {
            cx.bad_description(self.dialog.flow, event_text(&reason));
            self.bye(cx);
            return self.fail(cx, StatusCode::NOT_ACCEPTABLE_HERE, &Headers::new());
        }
        self.session.agreed(cx.core.now, &response.headers);
        self.set_media(cx, &self.talk, true);
        cx.tell(LegEvent::Answered);
    }

    /// ACK, then BYE, for a dialog that is not wanted (any more).
    fn hang_up_late(&mut self, cx: &mut Cx<'_>, response: &Response) {
        let (Ok(cseq), Some(calling)) = (response.headers.cseq(), self.calling()) else {
            return;
        };
        let mut dialog = calling.template.clone();
        let credentials = calling.credentials.clone();
        dialog.flow = self.dialog.flow;
        dialog.local_cseq = dialog.local_cseq.max(cseq.number);
        dialog.establish(response);
        self.acknowledge(cx, &dialog, cseq.number, &credentials);
        let mut bye = dialog.request(Method::Bye);
        if let Some(reason) = self.reason {
            bye.headers.push(HeaderName::Reason, reason);
        }
        self.send(cx, bye, Purpose::LateBye);
        if self.phase == Phase::Over {
            // Whoever answered is the peer now, should it have something to say. While another one
            // talks, nothing of that dialog is touched.
            self.dialog = dialog;
            cx.shared.stale.insert(cx.id);
        }
    }

    /// 300 to 699.
    fn rejected(&mut self, cx: &mut Cx<'_>, id: ClientId, response: &Response) {
        if self.phase != Phase::Early {
            self.forget(cx, id);
            return;
        }
        if self.answer_challenge(cx, id, response) {
            return;
        }
        self.forget(cx, id);
        if self.correct(response) {
            self.invite(cx);
            return;
        }
        self.fail(cx, response.status, &response.headers);
    }

    /// 421 and 422 say what to do otherwise.
    fn correct(&mut self, response: &Response) -> bool {
        let Some(calling) = self.calling() else {
            return false;
        };
        calling.corrections = calling.corrections.saturating_add(1);
        if calling.corrections > CORRECTIONS_MAX {
            return false;
        }
        match response.status.code() {
            // RFC 4028 §7.3.
            422 => match response.headers.min_se() {
                Ok(Some(least)) if least > self.session.least => {
                    self.session.least = least;
                    true
                }
                Ok(_) | Err(_) => false,
            },
            421 => {
                let wanted = response.headers.requires(super::reliable::RELIABLE);
                let new = wanted && self.profile.reliable == Use::Off;
                if new {
                    self.profile.reliable = Use::Supported;
                }
                new
            }
            _ => false,
        }
    }

    /// The INVITE came to nothing.
    pub(super) fn fail(&mut self, cx: &mut Cx<'_>, status: StatusCode, headers: &Headers) {
        if self.phase == Phase::Over {
            return;
        }
        let retry_after = headers.retry_after().ok().flatten();
        let moved = match (status.class(), headers.contacts()) {
            (StatusClass::Redirection, Ok(Contacts::List(contacts))) => {
                let uris = contacts.into_iter().map(|contact| contact.uri);
                uris.take(MOVED_MAX).collect()
            }
            (_, _) => Vec::<Uri>::new(),
        };
        if self.farewell == Farewell::None && self.phase == Phase::Early {
            self.farewell = Farewell::Said;
        }
        cx.tell(LegEvent::Failed {
            status,
            retry_after: retry_after.map(|it| Duration::from_secs(u64::from(it.seconds))),
            moved,
        });
        self.over(cx);
    }

    /// Takes the INVITE back; what still comes of it is settled.
    pub(super) fn cancel(&mut self, cx: &mut Cx<'_>) {
        self.farewell = Farewell::Said;
        let reason = self.reason;
        if let Some(client) = self.calling().and_then(|one| one.client) {
            cx.core.sip.cancel(cx.core.now, client, reason);
        }
    }
}
