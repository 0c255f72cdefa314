//! The layer: finds the transaction for each message and keeps their timers.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sansio::{Instant, Node, Rng};

use super::client_invite::ClientInvite;
use super::client_other::ClientOther;
use super::flow::{ClientId, Flow, Input, Output, ServerId};
use super::key::{ClientKey, ServerKey};
use super::server_invite::{AckFor, ServerInvite};
use super::server_other::ServerOther;
use super::timers::{Timer, TimerTable};
use crate::fault::{FaultKind, ParseFault};
use crate::header::HeaderName;
use crate::message::{Message, Request, Response};
use crate::method::Method;
use crate::status::StatusCode;
use crate::via::{MAGIC_COOKIE, Via};

/// The most transactions held. Beyond it answered requests are forgotten early, oldest first, which
/// costs no more than doing a repetition's work twice; only then are new ones refused. About 1 KiB
/// each, so 16 MiB.
pub(super) const TRANSACTIONS_MAX: usize = 16_384;

/// Seconds a refused peer is asked to wait.
const RETRY_AFTER: &str = "5";

/// All transactions of one SIP element.
#[derive(Debug)]
pub struct Layer {
    rng: Rng,
    outputs: VecDeque<Output>,
    counters: Counters,
    next_id: u64,
    transactions: BTreeMap<u64, Transaction>,
    // Looked up only, never walked: their order is not the same twice.
    servers: HashMap<Arc<ServerKey>, u64>,
    clients: HashMap<Arc<ClientKey>, u64>,
    deadlines: BTreeSet<(Instant, u64)>,
    by_stream: BTreeSet<(u64, u64)>,
    /// Answered non-INVITE requests, oldest first; some have gone already.
    answered: VecDeque<u64>,
}

/// There are as many transactions as the layer holds; answer 503 or try again later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there are as many transactions as the layer holds; answer 503 or try again later")]
pub struct Full;

/// What has happened since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Requests repeated by their sender and absorbed.
    pub requests_absorbed: u64,
    /// Messages we repeated.
    pub retransmissions: u64,
    /// Responses that belong to no request of ours, dropped.
    pub responses_stray: u64,
    /// ACKs for an INVITE we have not answered, dropped.
    pub acks_stray: u64,
    /// Bytes that were no message.
    pub faults: u64,
    /// Requests refused with 503 because the layer was full.
    pub refused: u64,
    /// Answered requests forgotten before their time because the layer was full.
    pub forgotten: u64,
}

#[derive(Debug)]
struct Transaction {
    flow: Flow,
    key: Key,
    timers: TimerTable,
    /// The entry in `deadlines`.
    scheduled: Option<Instant>,
    machine: Machine,
}

#[derive(Debug)]
enum Key {
    Server(Arc<ServerKey>),
    Client(Arc<ClientKey>),
}

#[derive(Debug)]
enum Machine {
    ClientInvite(Box<ClientInvite>),
    ClientOther(ClientOther),
    ServerInvite(Box<ServerInvite>),
    ServerOther(ServerOther),
}

/// Whether a transaction goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Goes,
    Over,
}

/// What a machine may touch while it handles one cause.
pub(super) struct Context<'a> {
    now: Instant,
    flow: Flow,
    timers: &'a mut TimerTable,
    outputs: &'a mut VecDeque<Output>,
    counters: &'a mut Counters,
}

impl Context<'_> {
    pub(super) const fn is_reliable(&self) -> bool {
        self.flow.transport.is_reliable()
    }

    pub(super) fn set(&mut self, timer: Timer, after: Duration) {
        self.timers.set(timer, self.now + after);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.timers.stop(timer);
    }

    pub(super) const fn stop_all(&mut self) {
        self.timers.stop_all();
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn transmit(&mut self, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Transmit {
            flow: self.flow,
            bytes,
        });
    }

    pub(super) fn retransmit(&mut self, bytes: Vec<u8>) {
        self.counters.retransmissions += 1;
        self.transmit(bytes);
    }
}

impl Layer {
    /// A layer whose branches and tags follow from `rng`.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            outputs: VecDeque::new(),
            counters: Counters::default(),
            next_id: 0,
            transactions: BTreeMap::new(),
            servers: HashMap::new(),
            clients: HashMap::new(),
            deadlines: BTreeSet::new(),
            by_stream: BTreeSet::new(),
            answered: VecDeque::new(),
        }
    }

    /// Sends a request other than ACK and CANCEL: adds the top Via, repeats it, matches its answers.
    ///
    /// # Errors
    /// [`Full`] when there are too many transactions.
    pub fn send_request(
        &mut self,
        now: Instant,
        flow: Flow,
        mut request: Request,
    ) -> Result<ClientId, Full> {
        self.make_room()?;
        let branch = self.new_branch();
        add_via(&mut request, &flow, &branch);
        let key = ClientKey {
            branch: branch.into(),
            method: request.method.clone(),
        };
        Ok(self.start_client(now, flow, key, request, false))
    }

    /// Cancels an INVITE of ours that has no final response: the CANCEL goes out now, or with the
    /// first provisional response (RFC 3261 §9.1). Nothing happens for any other id.
    ///
    /// `reason` becomes the Reason field (RFC 3326). The INVITE still ends by its own final
    /// response, mostly 487, or by [`Output::Timeout`].
    pub fn cancel(&mut self, now: Instant, id: ClientId, reason: Option<&str>) {
        self.with(now, id.0, |machine, _| {
            if let Machine::ClientInvite(invite) = machine {
                invite.cancel(reason);
            }
            Life::Goes
        });
        self.send_wanted_cancel(now, id);
    }

    /// Sends an ACK for a 2xx: its own request with a branch of its own, sent once. Call it again
    /// with the same request for every repetition of the 2xx.
    pub fn send_ack(&mut self, flow: Flow, mut request: Request) {
        let branch = self.new_branch();
        add_via(&mut request, &flow, &branch);
        self.outputs.push_back(Output::Transmit {
            flow,
            bytes: request.to_bytes(),
        });
    }

    /// Answers a request. After a 2xx to INVITE, call it again with the same response to repeat it
    /// until the ACK comes, which the layer does not do by itself. False when the id is void or the
    /// request has its final answer; nothing is sent then.
    pub fn respond(&mut self, now: Instant, id: ServerId, response: &Response) -> bool {
        let mut sent = false;
        let mut answered = false;
        self.with(now, id.0, |machine, cx| {
            let life = match machine {
                Machine::ServerInvite(invite) => invite.respond(response, cx),
                Machine::ServerOther(other) => {
                    let life = other.respond(response, cx);
                    answered = life == Some(Life::Goes) && other.is_completed();
                    life
                }
                Machine::ClientInvite(_) | Machine::ClientOther(_) => None,
            };
            sent = life.is_some();
            life.unwrap_or(Life::Goes)
        });
        if answered {
            self.answered.push_back(id.0);
        }
        sent
    }

    /// A tag or Call-ID part no one else has: 16 hex digits from the layer's generator.
    pub fn new_tag(&mut self) -> String {
        format!("{:016x}", self.rng.next_u64())
    }

    /// What has happened since the start.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many transactions are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether no transaction is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    fn new_branch(&mut self) -> String {
        format!("{MAGIC_COOKIE}{}", self.new_tag())
    }

    /// Runs one machine on one cause, then keeps its timers or takes it away.
    fn with(
        &mut self,
        now: Instant,
        id: u64,
        cause: impl FnOnce(&mut Machine, &mut Context<'_>) -> Life,
    ) {
        let Some(transaction) = self.transactions.get_mut(&id) else {
            return;
        };
        let mut cx = Context {
            now,
            flow: transaction.flow,
            timers: &mut transaction.timers,
            outputs: &mut self.outputs,
            counters: &mut self.counters,
        };
        match cause(&mut transaction.machine, &mut cx) {
            Life::Over => self.remove(id),
            Life::Goes => {
                let next = transaction.timers.next();
                if next != transaction.scheduled {
                    if let Some(at) = transaction.scheduled {
                        self.deadlines.remove(&(at, id));
                    }
                    if let Some(at) = next {
                        self.deadlines.insert((at, id));
                    }
                    transaction.scheduled = next;
                }
            }
        }
    }

    fn insert(
        &mut self,
        now: Instant,
        flow: Flow,
        key: Key,
        start: impl FnOnce(u64, &mut Context<'_>) -> Machine,
    ) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let mut timers = TimerTable::new();
        let mut cx = Context {
            now,
            flow,
            timers: &mut timers,
            outputs: &mut self.outputs,
            counters: &mut self.counters,
        };
        let machine = start(id, &mut cx);
        let scheduled = timers.next();
        if let Some(at) = scheduled {
            self.deadlines.insert((at, id));
        }
        if let Some(stream) = flow.stream {
            self.by_stream.insert((stream, id));
        }
        match &key {
            Key::Server(key) => self.servers.insert(Arc::clone(key), id),
            Key::Client(key) => self.clients.insert(Arc::clone(key), id),
        };
        self.transactions.insert(
            id,
            Transaction {
                flow,
                key,
                timers,
                scheduled,
                machine,
            },
        );
        id
    }

    fn remove(&mut self, id: u64) {
        let Some(transaction) = self.transactions.remove(&id) else {
            return;
        };
        if let Some(at) = transaction.scheduled {
            self.deadlines.remove(&(at, id));
        }
        if let Some(stream) = transaction.flow.stream {
            self.by_stream.remove(&(stream, id));
        }
        match &transaction.key {
            Key::Server(key) => self.servers.remove(key),
            Key::Client(key) => self.clients.remove(key),
        };
        // Transactions mostly end in the order they were answered: this keeps the queue short.
        while self
            .answered
            .front()
            .is_some_and(|id| !self.transactions.contains_key(id))
        {
            self.answered.pop_front();
        }
    }

    fn make_room(&mut self) -> Result<(), Full> {
        while self.transactions.len() >= TRANSACTIONS_MAX {
            let oldest = self.answered.pop_front().ok_or(Full)?;
            if self.transactions.contains_key(&oldest) {
                self.counters.forgotten += 1;
                self.remove(oldest);
            }
        }
        Ok(())
    }

    fn start_client(
        &mut self,
        now: Instant,
        flow: Flow,
        key: ClientKey,
        request: Request,
        silent: bool,
    ) -> ClientId {
        let id = self.insert(now, flow, Key::Client(Arc::new(key)), |id, cx| {
            if request.method == Method::Invite {
                Machine::ClientInvite(Box::new(ClientInvite::start(ClientId(id), request, cx)))
            } else {
                Machine::ClientOther(ClientOther::start(ClientId(id), &request, silent, cx))
            }
        });
        ClientId(id)
    }

    /// Sends the CANCEL of an INVITE if it is wanted and may go out now.
    fn send_wanted_cancel(&mut self, now: Instant, id: ClientId) {
        let mut wanted = None;
        self.with(now, id.0, |machine, cx| {
            if let Machine::ClientInvite(invite) = machine {
                wanted = invite.take_cancel(cx);
            }
            Life::Goes
        });
        let Some(cancel) = wanted else { return };
        let Some(Transaction {
            flow,
            key: Key::Client(key),
            ..
        }) = self.transactions.get(&id.0)
        else {
            return;
        };
        let (flow, branch) = (*flow, key.branch.clone());
        self.start_client(
            now,
            flow,
            ClientKey {
                branch,
                method: Method::Cancel,
            },
            cancel,
            true,
        );
    }

    fn on_request(&mut self, now: Instant, flow: Flow, mut request: Request) {
        let identified = request.headers.via().and_then(|via| {
            let key = ServerKey::of(&request, &via)?;
            Ok((via, key))
        });
        let (via, key) = match identified {
            Ok(identified) => identified,
            Err(fault) => return self.on_fault(flow, &FaultKind::from(fault).into()),
        };
        let known = self.servers.get(&key).copied();
        match (&request.method, known) {
            (Method::Ack, known) => self.on_ack(now, flow, known, via, request),
            (_, Some(id)) => {
                self.counters.requests_absorbed += 1;
                self.with(now, id, |machine, cx| {
                    match machine {
                        Machine::ServerInvite(invite) => invite.on_repetition(cx),
                        Machine::ServerOther(other) => other.on_repetition(cx),
                        Machine::ClientInvite(_) | Machine::ClientOther(_) => {}
                    }
                    Life::Goes
                });
            }
            (_, None) => {
                stamp(&mut request, via, &flow);
                self.on_new_request(now, flow, key, request);
            }
        }
    }

    fn on_new_request(&mut self, now: Instant, flow: Flow, key: ServerKey, request: Request) {
        if self.make_room().is_err() {
            self.counters.refused += 1;
            let tag = self.new_tag();
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let response = Response::to_request(&request, status, Some(&tag))
                .with(HeaderName::RetryAfter, RETRY_AFTER);
            self.outputs.push_back(Output::Transmit {
                flow,
                bytes: response.to_bytes(),
            });
            return;
        }
        let invite_key = key.of_invite();
        let key = Key::Server(Arc::new(key));
        let id = self.insert(now, flow, key, |id, cx| match request.method {
            Method::Invite => {
                Machine::ServerInvite(Box::new(ServerInvite::start(ServerId(id), &request, cx)))
            }
            _ => Machine::ServerOther(ServerOther::start(ServerId(id))),
        });
        let id = ServerId(id);
        if request.method == Method::Cancel {
            self.on_cancel(now, id, &invite_key, request);
        } else {
            self.outputs
                .push_back(Output::Request { id, flow, request });
        }
    }

    /// Answers a CANCEL: 200 when its INVITE is known, answered or not, else 481 (RFC 3261 §9.2).
    fn on_cancel(&mut self, now: Instant, id: ServerId, invite: &ServerKey, request: Request) {
        let mut tag = None;
        let mut heard = false;
        let invite = self.servers.get(invite).copied();
        if let Some(invite) = invite {
            self.with(now, invite, |machine, _| {
                if let Machine::ServerInvite(invite) = machine {
                    tag = invite.to_tag().map(str::to_owned);
                    heard = invite.on_cancel();
                }
                Life::Goes
            });
        }
        let status = if invite.is_some() {
            StatusCode::OK
        } else {
            StatusCode::CALL_DOES_NOT_EXIST
        };
        let tag = tag.unwrap_or_else(|| self.new_tag());
        self.respond(now, id, &Response::to_request(&request, status, Some(&tag)));
        if let Some(invite) = invite
            && heard
        {
            self.outputs.push_back(Output::Cancelled {
                id: ServerId(invite),
                request,
            });
        }
    }

    fn on_ack(
        &mut self,
        now: Instant,
        flow: Flow,
        known: Option<u64>,
        via: Via,
        mut request: Request,
    ) {
        let mut ack = AckFor::Dialog;
        if let Some(id) = known {
            self.with(now, id, |machine, cx| {
                if let Machine::ServerInvite(invite) = machine {
                    ack = invite.on_ack(cx);
                }
                match ack {
                    AckFor::Transaction(life) => life,
                    AckFor::Dialog | AckFor::Nothing => Life::Goes,
                }
            });
        }
        match ack {
            AckFor::Transaction(_) => {}
            AckFor::Nothing => self.counters.acks_stray += 1,
            AckFor::Dialog => {
                stamp(&mut request, via, &flow);
                self.outputs.push_back(Output::Ack { flow, request });
            }
        }
    }

    fn on_response(&mut self, now: Instant, response: Response) {
        let known = ClientKey::of(&response).and_then(|key| self.clients.get(&key).copied());
        let Some(id) = known else {
            self.counters.responses_stray += 1;
            return;
        };
        self.with(now, id, |machine, cx| match machine {
            Machine::ClientInvite(invite) => invite.on_response(response, cx),
            Machine::ClientOther(other) => other.on_response(response, cx),
            Machine::ServerInvite(_) | Machine::ServerOther(_) => Life::Goes,
        });
        self.send_wanted_cancel(now, ClientId(id));
    }

    fn on_fault(&mut self, flow: Flow, fault: &ParseFault) {
        self.counters.faults += 1;
        let tag = self.new_tag();
        if let Some(response) = fault.response(flow.remote, &tag) {
            self.outputs.push_back(Output::Transmit {
                flow,
                bytes: response.to_bytes(),
            });
        }
        self.outputs.push_back(Output::Fault {
            flow,
            kind: fault.kind.clone(),
        });
    }

    fn on_flow_failed(&mut self, now: Instant, flow: Flow) {
        let on_flow: Vec<u64> = match flow.stream {
            Some(stream) => {
                let of_stream = (stream, u64::MIN)..=(stream, u64::MAX);
                self.by_stream.range(of_stream).map(|(_, id)| *id).collect()
            }
            None => {
                let same = |transaction: &Transaction| {
                    transaction.flow.transport == flow.transport
                        && transaction.flow.remote == flow.remote
                };
                self.transactions
                    .iter()
                    .filter(|(_, one)| same(one))
                    .map(|(id, _)| *id)
                    .collect()
            }
        };
        for id in on_flow {
            self.with(now, id, |machine, cx| match machine {
                Machine::ClientInvite(invite) => invite.on_flow_failed(cx),
                Machine::ClientOther(other) => other.on_flow_failed(cx),
                Machine::ServerInvite(invite) => invite.on_flow_failed(cx),
                Machine::ServerOther(other) => other.on_flow_failed(cx),
            });
        }
    }

    fn on_timer(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.deadlines.first()
            && at <= now
        {
            self.with(now, id, |machine, cx| {
                while let Some(timer) = cx.timers.take_due(now) {
                    let life = match machine {
                        Machine::ClientInvite(invite) => invite.on_timer(timer, cx),
                        Machine::ClientOther(other) => other.on_timer(timer, cx),
                        Machine::ServerInvite(invite) => invite.on_timer(timer, cx),
                        Machine::ServerOther(_) => ServerOther::on_timer(timer),
                    };
                    if life == Life::Over {
                        return Life::Over;
                    }
                }
                Life::Goes
            });
        }
    }
}

impl Node for Layer {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Message {
                flow,
                message: Message::Request(request),
            } => {
                self.on_request(now, flow, request);
            }
            Input::Message {
                flow: _,
                message: Message::Response(response),
            } => {
                self.on_response(now, response);
            }
            Input::Fault { flow, fault } => self.on_fault(flow, &fault),
            Input::FlowFailed(flow) => self.on_flow_failed(now, flow),
            Input::Timer => self.on_timer(now),
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }
}

fn add_via(request: &mut Request, flow: &Flow, branch: &str) {
    let via = Via::new(flow.transport, flow.local, branch);
    request.headers.push_first(HeaderName::Via, via.to_string());
}

fn stamp(request: &mut Request, mut via: Via, flow: &Flow) {
    via.stamp(flow.remote);
    request.headers.replace_top_via(&via);
}
