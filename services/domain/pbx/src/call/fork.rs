//! The middle: every contact of the callee is called at once, and the first to answer wins.

use ipc::store::Outcome;
use sdp::Session;
use sip::transaction::ServerId;
use sip::{HeaderName, Method, Request, Response, StatusCode};

use super::incoming::first_cseq;
use super::leg::{Leg, SDP};
use super::table::{Index, Purpose};
use super::{Branch, BranchState, Call, End, Phase, RING_TIME_MAX};
use crate::core::Core;
use crate::dialog::{Dialog, address};
use crate::interface::Event;
use crate::registrar::Binding;
use crate::requests::ALLOW;

/// RFC 3326: phones that read it show no missed call.
const COMPLETED_ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// Why the other side's description could not be passed on.
struct Unusable;

impl Call {
    /// The relay is open: call every contact.
    pub(super) fn ring(&mut self, core: &mut Core, index: &mut Index) {
        self.phase = Phase::Calling { ringing: false };
        self.deadline = Some(core.now + RING_TIME_MAX);
        if let Some(offer) = &self.offer
            && let Ok((_, side)) = sdp::rewrite_offer(offer, self.caller.place(0))
        {
            self.set_media(core, End::Caller, side, false);
        }
        for target in std::mem::take(&mut self.targets) {
            self.add_branch(core, index, target);
        }
        if self.branches.is_empty() {
            self.refuse(core, StatusCode::SERVICE_UNAVAILABLE, Outcome::Unreachable);
        }
    }

    fn add_branch(&mut self, core: &mut Core, index: &mut Index, target: Binding) {
        let flow = target.flow;
        let mut local = address(&self.record.from, flow).with_tag(&core.sip.new_tag());
        local.display = (!self.caller_name.is_empty()).then(|| self.caller_name.clone());
        let remote = address(&self.record.to, flow);
        let call_id = format!("{}@{}", core.sip.new_tag(), flow.local.ip());
        let cseq = first_cseq(core);
        let dialog = Dialog::calling(flow, call_id, local, remote, target.uri, cseq);
        let mut leg = Leg::new(core, dialog);
        let mut invite = leg.dialog.request(Method::Invite);
        invite
            .headers
            .set(HeaderName::MaxForwards, self.hops.to_string());
        invite
            .headers
            .push(HeaderName::Contact, leg.dialog.contact());
        invite.headers.push(HeaderName::Allow, ALLOW);
        if let Some(offer) = &self.offer {
            let place = leg.place(self.port(End::Branch(0)));
            let Ok((offer, _)) = sdp::rewrite_offer(offer, place) else {
                return;
            };
            let body = leg.describe(offer);
            invite = invite.with_body(SDP, body);
        }
        let Some(client) = core.send(flow, invite) else {
            return;
        };
        let end = End::Branch(self.branches.len());
        let caller_tag = match self.branches.is_empty() {
            true => self.caller.dialog.local_tag().to_owned(),
            false => core.sip.new_tag(),
        };
        index
            .clients
            .insert(client, (self.key, Purpose::Branch(self.branches.len())));
        let name = (
            leg.dialog.call_id.clone(),
            leg.dialog.local_tag().to_owned(),
        );
        index.dialogs.insert(name, (self.key, end));
        let name = (self.caller.dialog.call_id.clone(), caller_tag.clone());
        index.dialogs.insert(name, (self.key, End::Caller));
        let cseq = leg.dialog.local_cseq;
        let (client, state, early) = (Some(client), BranchState::Pending, None);
        self.branches.push(Branch {
            leg,
            client,
            state,
            caller_tag,
            early,
            cseq,
        });
    }

    /// A response to one of our INVITEs.
    pub(super) fn branch_response(
        &mut self,
        core: &mut Core,
        _index: &mut Index,
        branch: usize,
        response: &Response,
    ) {
        let status = response.status;
        if status.is_provisional() {
            self.provisional(core, branch, response);
        } else if status.is_success() {
            self.success(core, branch, response);
        } else {
            self.branch_failed(core, branch, status);
        }
    }

    /// 180 and its kind go on to the caller, with the callee's description when there is one.
    fn provisional(&mut self, core: &mut Core, branch: usize, response: &Response) {
        let Phase::Calling { .. } = self.phase else {
            return;
        };
        if response.status == StatusCode::TRYING {
            return;
        }
        self.phase = Phase::Calling { ringing: true };
        let answer = self.offer.as_ref().and_then(|_| description(response));
        let body = answer.and_then(|answer| self.early_media(core, branch, answer));
        let Some(branch) = self.branches.get(branch) else {
            return;
        };
        let tag = Some(branch.caller_tag.as_str());
        let mut passed = Response::to_request(&self.invite, response.status, tag)
            .with(HeaderName::Contact, self.caller.dialog.contact());
        if let Some(body) = body {
            passed = passed.with_body(SDP, body);
        }
        core.respond(self.invite_server, passed);
    }

    /// Takes an answer in a provisional response; gives the description for the caller.
    fn early_media(&mut self, core: &mut Core, branch: usize, answer: Session) -> Option<Vec<u8>> {
        let offer = self.offer.as_ref()?;
        let place = self.caller.place(self.port(End::Caller));
        let (ours, side) = sdp::rewrite_answer(offer, &answer, place).ok()?;
        let early = &mut self.branches.get_mut(branch)?.early;
        let news = early
            .replace(answer.clone())
            .is_none_or(|before| before != answer);
        if news {
            self.set_media(core, End::Branch(branch), side, true);
        }
        Some(self.caller.describe(ours))
    }

    fn success(&mut self, core: &mut Core, branch: usize, response: &Response) {
        let waiting = matches!(self.phase, Phase::Calling { .. });
        let Some(known) = self.branches.get_mut(branch) else {
            return;
        };
        match known.state {
            BranchState::Pending if waiting => {
                known.leg.dialog.establish(response);
                if self.answered(core, branch, response).is_err() {
                    self.drop_branch(core, branch, response);
                    self.branch_failed(core, branch, StatusCode::NOT_ACCEPTABLE_HERE);
                }
            }
            BranchState::Pending => {
                known.leg.dialog.establish(response);
                known.state = BranchState::Late;
                self.drop_branch(core, branch, response);
            }
            BranchState::Answered | BranchState::Late | BranchState::Failed(_) => {
                self.success_again(core, branch, response);
            }
        }
    }

    /// A 2xx came again: its ACK was lost, or a second phone behind the contact answered too.
    fn success_again(&mut self, core: &mut Core, branch: usize, response: &Response) {
        let Some(known) = self.branches.get_mut(branch) else {
            return;
        };
        let from_same = response
            .headers
            .to()
            .is_ok_and(|to| known.leg.dialog.is_from(&to));
        if from_same {
            known.leg.repeat_ack(core);
            return;
        }
        let mut dialog = known.leg.dialog.clone();
        dialog.establish(response);
        let (mut stranger, cseq) = (Leg::new(core, dialog), known.cseq);
        let offer = self.late_offer(response);
        hang_up(core, &mut stranger, cseq, offer);
    }

    /// Acknowledges a 2xx that nobody wants any more, and ends its dialog.
    fn drop_branch(&mut self, core: &mut Core, branch: usize, response: &Response) {
        let offer = self.late_offer(response);
        if let Some(known) = self.branches.get_mut(branch) {
            hang_up(core, &mut known.leg, known.cseq, offer);
        }
    }

    /// The offer in a 2xx to an INVITE that made none.
    fn late_offer(&self, response: &Response) -> Option<Session> {
        if self.offer.is_some() {
            None
        } else {
            description(response)
        }
    }

    /// The first 2xx: connect both legs.
    fn answered(
        &mut self,
        core: &mut Core,
        winner: usize,
        response: &Response,
    ) -> Result<(), Unusable> {
        let place = self.caller.place(self.port(End::Caller));
        let known = self.branches.get_mut(winner).ok_or(Unusable)?;
        let said = description(response)
            .or_else(|| known.early.clone())
            .ok_or(Unusable)?;
        let (ours, side) = match &self.offer {
            Some(offer) => sdp::rewrite_answer(offer, &said, place),
            None => sdp::rewrite_offer(&said, place),
        }
        .map_err(|_| Unusable)?;
        let cseq = known.cseq;
        let moved = known
            .leg
            .side
            .is_none_or(|before| before.remote != side.remote);
        known.state = BranchState::Answered;
        let pending_offer = match &self.offer {
            Some(_) => {
                known.leg.acknowledge(core, cseq, None);
                None
            }
            None => {
                known.leg.owe(cseq, said.clone());
                Some(said)
            }
        };
        let caller_tag = known.caller_tag.clone();
        self.phase = Phase::Talking { winner };
        self.deadline = None;
        self.set_media(core, End::Branch(winner), side, moved);
        self.cancel_branches(core, Some(COMPLETED_ELSEWHERE));
        let caller = &mut self.caller;
        caller.dialog.local = caller.dialog.local.clone().with_tag(&caller_tag);
        let body = caller.describe(ours);
        caller.confirm(core, self.invite_server, &self.invite, body, pending_offer);
        self.record.answered_millis = Some(core.unix().as_millis());
        self.record.status = StatusCode::OK.code();
        core.persist(&self.record);
        core.event(Event::CallAnswered {
            id: self.record.id.clone(),
        });
        Ok(())
    }

    /// Cancels every branch without a final response.
    pub(super) fn cancel_branches(&mut self, core: &mut Core, reason: Option<&str>) {
        let pending = self
            .branches
            .iter()
            .filter(|one| one.state == BranchState::Pending);
        for client in pending.filter_map(|one| one.client) {
            core.sip.cancel(core.now, client, reason);
        }
    }

    /// A branch ended without an answer; with the last one so does the call.
    pub(super) fn branch_failed(&mut self, core: &mut Core, branch: usize, status: StatusCode) {
        let Some(known) = self.branches.get_mut(branch) else {
            return;
        };
        if matches!(known.state, BranchState::Pending) {
            known.state = BranchState::Failed(status.code());
        }
        let Phase::Calling { .. } = self.phase else {
            return;
        };
        if status.code() >= 600 {
            // RFC 3261 §16.7: nobody else needs to be asked.
            self.cancel_branches(core, None);
            self.refuse(core, status, Outcome::Refused);
            return;
        }
        let pending = |one: &Branch| one.state == BranchState::Pending;
        if self.branches.iter().any(pending) {
            return;
        }
        let (status, outcome) = self.verdict();
        self.refuse(core, status, outcome);
    }

    /// What the caller is told when every branch has failed.
    fn verdict(&self) -> (StatusCode, Outcome) {
        let failed = self.branches.iter().filter_map(|one| match one.state {
            BranchState::Failed(status) => Some(status),
            BranchState::Pending | BranchState::Answered | BranchState::Late => None,
        });
        // A phone's word counts more than a phone's silence, and "busy" more than other words.
        let best = failed.min_by_key(|status| match status {
            486 | 600 | 603 => 0,
            408 => 3,
            400..=499 => 1,
            _ => 2,
        });
        match best {
            Some(408) | None => (StatusCode::TEMPORARILY_UNAVAILABLE, Outcome::Unreachable),
            // Not for the caller: he cannot log in there, nor follow; 503 would shun all of us
            // (RFC 3261 §16.7).
            Some(300..=399 | 401 | 407 | 487) => {
                (StatusCode::TEMPORARILY_UNAVAILABLE, Outcome::Refused)
            }
            Some(503) => (StatusCode::SERVER_INTERNAL_ERROR, Outcome::Refused),
            Some(other) => {
                let fallback = StatusCode::TEMPORARILY_UNAVAILABLE;
                (StatusCode::new(other).unwrap_or(fallback), Outcome::Refused)
            }
        }
    }

    /// The caller cancelled his INVITE, or a leg its re-INVITE.
    pub(super) fn cancelled(&mut self, core: &mut Core, id: ServerId, _cancel: &Request) {
        if id != self.invite_server {
            self.exchange_cancelled(core, id);
            return;
        }
        match self.phase {
            Phase::Opening | Phase::Calling { .. } => {
                self.cancel_branches(core, None);
                self.refuse(core, StatusCode::REQUEST_TERMINATED, Outcome::Cancelled);
            }
            Phase::Talking { .. } | Phase::Ending => {}
        }
    }
}

/// The description in a response, when it has one that can be read.
pub(super) fn description(response: &Response) -> Option<Session> {
    let described = response.headers.content_type().as_deref() == Some(SDP);
    if !described || response.body.is_empty() {
        return None;
    }
    Session::parse(&response.body).ok()
}

/// ACK, then BYE. An offer of the callee's is refused in the ACK.
fn hang_up(core: &mut Core, leg: &mut Leg, cseq: u32, offer: Option<Session>) {
    match offer {
        Some(offer) => leg.owe(cseq, offer),
        None => leg.acknowledge(core, cseq, None),
    }
    leg.bye(core);
}
