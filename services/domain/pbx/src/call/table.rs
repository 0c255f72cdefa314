//! All calls, and the ways to find one: by dialog, by transaction, by relay, by time.

use std::collections::{BTreeMap, BTreeSet};

use ipc::media::{RelayId, Reply as MediaReply, Request as MediaRequest};
use ipc::pbx::Call as CallStatus;
use sansio::Instant;
use sip::transaction::{ClientId, Flow, ServerId};
use sip::{Method, Request, Response, StatusCode};

use super::{CALLS_MAX, CALLS_SETTLING_MAX, Call, End, Phase, Relay};
use crate::core::Core;
use crate::interface::{Output, PeerFault};

/// Every call, also those that have ended but not settled.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(super) table: BTreeMap<RelayId, Call>,
    pub(super) index: Index,
    last: RelayId,
    /// When each call wants its timer, soonest first, and the same by call.
    timers: BTreeSet<(Instant, RelayId)>,
    timer_of: BTreeMap<RelayId, Instant>,
    /// Calls that the cause at hand touched.
    touched: BTreeSet<RelayId>,
    /// The relays of an earlier process have been closed.
    swept: bool,
}

/// The ways to find a call.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Call-ID and our tag.
    pub(super) dialogs: BTreeMap<(String, String), (RelayId, End)>,
    /// Requests of ours.
    pub(super) clients: BTreeMap<ClientId, (RelayId, Purpose)>,
    /// INVITEs to us.
    pub(super) servers: BTreeMap<ServerId, RelayId>,
}

/// What a request of ours was for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// To call a contact.
    Branch(usize),
    /// To pass a re-INVITE on.
    Exchange,
    /// To pass on another request in a dialog, which waits for the answer.
    Pass(ServerId, Box<Request>),
}

impl Calls {
    /// A key no call has had.
    pub(super) const fn new_key(&mut self) -> RelayId {
        self.last = self.last.saturating_add(1);
        self.last
    }

    /// Whether one more call can be taken.
    pub(super) fn has_room(&self) -> bool {
        let live = |call: &&Call| call.phase != Phase::Ending;
        self.table.len() < CALLS_SETTLING_MAX
            && self.table.values().filter(live).count() < CALLS_MAX
    }

    /// Adds a call.
    pub(super) fn insert(&mut self, call: Call) {
        self.touched.insert(call.key);
        self.table.insert(call.key, call);
    }

    /// Does something with a call, and remembers to look after it.
    fn with(&mut self, key: RelayId, work: impl FnOnce(&mut Call, &mut Index)) {
        if let Some(call) = self.table.get_mut(&key) {
            self.touched.insert(key);
            work(call, &mut self.index);
        }
    }

    /// A request in a dialog: re-INVITE, BYE or INFO.
    pub(crate) fn in_dialog(
        &mut self,
        core: &mut Core,
        id: ServerId,
        flow: Flow,
        request: &Request,
    ) {
        let Some((key, end)) = self.find(request) else {
            core.peer_fault(flow, PeerFault::UnknownDialog);
            core.reject(id, request, StatusCode::CALL_DOES_NOT_EXIST);
            return;
        };
        // Only the peer of a dialog knows its tags.
        core.proven.extend(flow.stream);
        self.with(key, |call, index| {
            call.request(core, index, end, id, flow, request)
        });
    }

    /// Whether a request belongs to one of our dialogs.
    pub(crate) fn knows(&self, request: &Request) -> bool {
        self.find(request).is_some()
    }

    /// An ACK for a 2xx.
    pub(crate) fn ack(&mut self, core: &mut Core, flow: Flow, request: &Request) {
        if let Some((key, end)) = self.find(request) {
            self.with(key, |call, _| call.ack(core, end, flow, request));
        }
    }

    /// The dialog a request belongs to (RFC 3261 §12.2.2).
    fn find(&self, request: &Request) -> Option<(RelayId, End)> {
        let headers = &request.headers;
        let ours = headers.to().ok()?.tag()?.to_owned();
        let (key, end) = *self
            .index
            .dialogs
            .get(&(headers.call_id().ok()?.to_owned(), ours))?;
        let call = self.table.get(&key)?;
        let dialog = match end {
            End::Caller => &call.caller.dialog,
            End::Branch(branch) => &call.branches.get(branch)?.leg.dialog,
        };
        dialog.is_from(&headers.from().ok()?).then_some((key, end))
    }

    /// An INVITE of a caller was cancelled.
    pub(crate) fn cancelled(&mut self, core: &mut Core, id: ServerId, request: &Request) {
        if let Some(key) = self.index.servers.get(&id).copied() {
            self.with(key, |call, _| call.cancelled(core, id, request));
        }
    }

    /// The connection an INVITE came by is gone.
    pub(crate) fn server_lost(&mut self, core: &mut Core, id: ServerId) {
        if let Some(key) = self.index.servers.get(&id).copied() {
            self.with(key, |call, _| call.caller_lost(core, id));
        }
    }

    /// An answer to a request of ours.
    pub(crate) fn response(&mut self, core: &mut Core, id: ClientId, response: &Response) {
        let Some((key, purpose)) = self.index.clients.get(&id).cloned() else {
            return;
        };
        self.with(key, |call, index| match purpose {
            Purpose::Branch(branch) => call.branch_response(core, index, branch, response),
            Purpose::Exchange => call.exchange_response(core, index, id, response),
            Purpose::Pass(server, request) => {
                call.passed(core, index, (id, server), &request, response.status);
            }
        });
    }

    /// A request of ours got no final response.
    pub(crate) fn no_response(&mut self, core: &mut Core, id: ClientId) {
        let Some((key, purpose)) = self.index.clients.remove(&id) else {
            return;
        };
        self.with(key, |call, index| match purpose {
            Purpose::Branch(branch) => {
                call.branch_failed(core, branch, StatusCode::REQUEST_TIMEOUT);
            }
            Purpose::Exchange => call.exchange_failed(core, StatusCode::REQUEST_TIMEOUT),
            Purpose::Pass(server, request) => {
                let status = StatusCode::REQUEST_TIMEOUT;
                call.passed(core, index, (id, server), &request, status);
            }
        });
    }

    /// `media` answered.
    pub(crate) fn media(&mut self, core: &mut Core, relay: RelayId, reply: MediaReply) {
        let wanted = |call: &Call| call.relay != Relay::Closed;
        if matches!(reply, MediaReply::Opened { .. }) && !self.table.get(&relay).is_some_and(wanted)
        {
            // It comes so late that its call has gone on or ended without it.
            core.emit(Output::Media(MediaRequest::Close(relay)));
            return;
        }
        self.with(relay, |call, index| call.media(core, index, reply));
    }

    /// Works off every call whose time has come.
    pub(crate) fn timer(&mut self, core: &mut Core) {
        let now = core.now;
        let due = self.timers.iter().take_while(|(at, _)| *at <= now);
        let due: Vec<RelayId> = due.map(|(_, key)| *key).collect();
        for key in due {
            self.with(key, |call, _| call.timer(core));
        }
    }

    /// Ends every call in order.
    pub(crate) fn shut_down(&mut self, core: &mut Core) {
        let keys: Vec<RelayId> = self.table.keys().copied().collect();
        for key in keys {
            self.with(key, |call, _| call.shut_down(core));
        }
    }

    /// Whether every call has its final record.
    pub(crate) fn all_recorded(&self) -> bool {
        self.table.values().all(|call| call.recorded)
    }

    /// After each cause: notes new deadlines and forgets what has settled.
    pub(crate) fn settle(&mut self, core: &mut Core) {
        if !self.swept {
            // Relays of an earlier process belong to calls nobody knows any more.
            self.swept = true;
            core.emit(Output::Media(MediaRequest::KeepOnly(Vec::new())));
        }
        for key in std::mem::take(&mut self.touched) {
            if let Some(at) = self.timer_of.remove(&key) {
                self.timers.remove(&(at, key));
            }
            let Some(call) = self.table.get(&key) else {
                continue;
            };
            if call.is_settled(core.now) {
                self.forget(key);
            } else if let Some(at) = call.next_deadline() {
                self.timers.insert((at, key));
                self.timer_of.insert(key, at);
            }
        }
    }

    /// When a call next wants its timer.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The calls that are not over, oldest first.
    pub(crate) fn status(&self, now: Instant) -> Vec<CallStatus> {
        let live = self.table.values().filter_map(|call| {
            let state = match call.phase {
                Phase::Opening | Phase::Calling { ringing: false } => "calling",
                Phase::Calling { ringing: true } => "ringing",
                Phase::Talking { .. } => "talking",
                Phase::Ending => return None,
            };
            Some(CallStatus {
                id: call.record.id.clone(),
                from: call.record.from.clone(),
                to: call.record.to.clone(),
                state: state.to_owned(),
                seconds: (now - call.started).as_secs(),
            })
        });
        live.collect()
    }

    /// Whether an INVITE is another copy, by another way, of one that is being worked off
    /// (RFC 3261 §8.2.2.2).
    pub(super) fn is_merged(&self, request: &Request) -> bool {
        let headers = &request.headers;
        let (Ok(call_id), Ok(from), Ok(cseq)) = (headers.call_id(), headers.from(), headers.cseq())
        else {
            return false;
        };
        debug_assert!(cseq.method == Method::Invite, "only INVITEs are compared");
        self.table.values().any(|call| {
            let dialog = &call.caller.dialog;
            dialog.call_id == call_id
                && dialog.is_from(&from)
                && dialog.remote_cseq == Some(cseq.number)
        })
    }

    fn forget(&mut self, key: RelayId) {
        self.table.remove(&key);
        let index = &mut self.index;
        index.dialogs.retain(|_, (owner, _)| *owner != key);
        index.clients.retain(|_, (owner, _)| *owner != key);
        index.servers.retain(|_, owner| *owner != key);
    }
}
