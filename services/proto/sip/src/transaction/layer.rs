//! The layer: finds the transaction for each message and keeps their timers.

use std::sync::Arc;

use sansio::{Instant, Node, Rng};

use super::client_invite::ClientInvite;
use super::client_other::ClientOther;
use super::flow::{ClientId, Flow, Input, Output, ServerId};
use super::key::{ClientKey, ServerKey};
use super::machine::{Life, Machine};
use super::server_invite::{AckFor, ServerInvite};
use super::server_other::ServerOther;
use super::table::{Key, Server, Table, Transaction};
use super::tags::Tags;
use crate::fault::{FaultKind, ParseFault};
use crate::header_name::HeaderName;
use crate::message::{Message, Request, Response};
use crate::method::Method;
use crate::status::StatusCode;
use crate::via::{MAGIC_COOKIE, Via};

/// Seconds a refused peer is asked to wait.
const RETRY_AFTER: &str = "5";

/// All transactions of one SIP element.
#[derive(Debug)]
pub struct Layer {
    tags: Tags,
    pub(super) table: Table,
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
    /// Keep-alive datagrams, which are neither answered nor reported.
    pub keep_alives: u64,
    /// Requests refused with 503 because the layer was full.
    pub refused: u64,
    /// Answered requests forgotten before their time because the layer was full.
    pub forgotten: u64,
}

impl Layer {
    /// A layer whose branches and tags follow from `rng`.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self {
            tags: Tags::new(rng),
            table: Table::default(),
        }
    }

    /// Sends a request other than ACK and CANCEL: adds the top Via, repeats it, matches answers.
    ///
    /// # Errors
    /// [`Full`] when there are too many transactions.
    pub fn send_request(
        &mut self,
        now: Instant,
        flow: Flow,
        mut request: Request,
    ) -> Result<ClientId, Full> {
        self.table.make_room()?;
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
        self.table.with(now, id.0, |machine, _| {
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
        self.table.outputs.push_back(Output::Transmit {
            flow,
            bytes: request.to_bytes(),
        });
    }

    /// Answers a request. After a 2xx to INVITE, call it again with the same response to repeat it
    /// until the ACK comes, which the layer does not do by itself. False when the id is void or the
    /// request has its final answer; nothing is sent then.
    pub fn respond(&mut self, now: Instant, id: ServerId, response: &Response) -> bool {
        let mut sent = false;
        let mut refused = false;
        self.table.with(now, id.0, |machine, cx| {
            let life = match machine {
                Machine::ServerInvite(invite) => {
                    let life = invite.respond(response, cx);
                    refused = life == Some(Life::Goes) && invite.is_refused();
                    life
                }
                Machine::ServerOther(other) => Some(other.respond(response, cx)),
                Machine::ClientInvite(_) | Machine::ClientOther(_) => None,
            };
            sent = life.is_some();
            life.unwrap_or(Life::Goes)
        });
        if refused {
            self.table.set_refused(now, id.0);
        }
        sent
    }

    /// A tag or Call-ID part no one else has or can foretell: 16 hex digits.
    pub fn new_tag(&mut self) -> String {
        self.tags.next()
    }

    /// What has happened since the start.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.table.counters
    }

    /// How many transactions are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no transaction is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    fn new_branch(&mut self) -> String {
        format!("{MAGIC_COOKIE}{}", self.new_tag())
    }

    fn start_client(
        &mut self,
        now: Instant,
        flow: Flow,
        key: ClientKey,
        request: Request,
        silent: bool,
    ) -> ClientId {
        let id = self
            .table
            .insert(now, flow, Key::Client(Arc::new(key)), |id, cx| {
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
        self.table.with(now, id.0, |machine, cx| {
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
        }) = self.table.get(id.0)
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
        let key = match self.table.key(&request) {
            Ok(key) => key,
            Err(fault) => return self.on_fault(flow, &FaultKind::from(fault).into()),
        };
        let known = self.table.server(&key);
        match (&request.method, known) {
            (Method::Ack, Some(Server::Transaction(id))) => {
                self.on_ack(now, flow, Some(id), request);
            }
            (Method::Ack, Some(Server::Answer(_)) | None) => {
                self.on_ack(now, flow, None, request);
            }
            (_, Some(Server::Answer(number))) => {
                self.table.counters.requests_absorbed += 1;
                self.table.repeat(number);
            }
            (_, Some(Server::Transaction(id))) => {
                self.table.counters.requests_absorbed += 1;
                self.table
                    .with(now, id, |machine, cx| machine.on_repetition(cx));
            }
            (_, None) => {
                request.headers.stamp_source(flow.remote);
                self.on_new_request(now, flow, key, request);
            }
        }
    }

    fn on_new_request(&mut self, now: Instant, flow: Flow, key: ServerKey, request: Request) {
        if self.table.make_room().is_err() {
            self.table.counters.refused += 1;
            let tag = self.new_tag();
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let response = Response::to_request(&request, status, Some(&tag))
                .with(HeaderName::RetryAfter, RETRY_AFTER);
            self.table.outputs.push_back(Output::Transmit {
                flow,
                bytes: response.to_bytes(),
            });
            return;
        }
        let id = self.table.insert(now, flow, Key::Server(key), |id, cx| {
            let id = ServerId(id);
            if request.method == Method::Invite {
                Machine::ServerInvite(Box::new(ServerInvite::start(id, &request, cx)))
            } else {
                Machine::ServerOther(ServerOther::start(id))
            }
        });
        let id = ServerId(id);
        if request.method == Method::Cancel {
            self.on_cancel(now, id, request);
        } else {
            self.table
                .outputs
                .push_back(Output::Request { id, flow, request });
        }
    }

    /// Answers a CANCEL: 200 when its INVITE is known, answered or not, else 481 (RFC 3261 §9.2).
    fn on_cancel(&mut self, now: Instant, id: ServerId, request: Request) {
        let mut tag = None;
        let mut heard = false;
        let invite = self.table.cancelled(&request);
        if let Some(invite) = invite {
            self.table.with(now, invite, |machine, _| {
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
            self.table.outputs.push_back(Output::Cancelled {
                id: ServerId(invite),
                request,
            });
        }
    }

    fn on_ack(&mut self, now: Instant, flow: Flow, known: Option<u64>, mut request: Request) {
        let mut ack = AckFor::Dialog;
        if let Some(id) = known {
            self.table.with(now, id, |machine, cx| {
                if let Machine::ServerInvite(invite) = machine {
                    ack = invite.on_ack(cx);
                }
                match &ack {
                    AckFor::Transaction(life) => life.clone(),
                    AckFor::Dialog | AckFor::Nothing => Life::Goes,
                }
            });
        }
        match ack {
            AckFor::Transaction(_) => {}
            AckFor::Nothing => self.table.counters.acks_stray += 1,
            AckFor::Dialog => {
                request.headers.stamp_source(flow.remote);
                self.table.outputs.push_back(Output::Ack { flow, request });
            }
        }
    }

    fn on_response(&mut self, now: Instant, response: Response) {
        let known = ClientKey::of(&response).and_then(|key| self.table.client(&key));
        let Some(id) = known else {
            self.table.counters.responses_stray += 1;
            if is_answer_to_invite(&response) {
                self.table.outputs.push_back(Output::Unasked { response });
            }
            return;
        };
        self.table.with(now, id, |machine, cx| match machine {
            Machine::ClientInvite(invite) => invite.on_response(response, cx),
            Machine::ClientOther(other) => other.on_response(response, cx),
            Machine::ServerInvite(_) | Machine::ServerOther(_) => Life::Goes,
        });
        self.send_wanted_cancel(now, ClientId(id));
    }

    fn on_fault(&mut self, flow: Flow, fault: &ParseFault) {
        if fault.kind == FaultKind::KeepAlive {
            self.table.counters.keep_alives += 1;
            return;
        }
        self.table.counters.faults += 1;
        let tag = self.new_tag();
        if let Some(response) = fault.response(flow.remote, &tag) {
            self.table.outputs.push_back(Output::Transmit {
                flow,
                bytes: response.to_bytes(),
            });
        }
        self.table.outputs.push_back(Output::Fault {
            flow,
            kind: fault.kind.clone(),
        });
    }

    fn on_flow_failed(&mut self, now: Instant, flow: &Flow) {
        for id in self.table.on_flow(flow) {
            self.table
                .with(now, id, |machine, cx| machine.on_flow_failed(cx));
        }
    }

    fn on_timer(&mut self, now: Instant) {
        while let Some(id) = self.table.due(now) {
            self.table.with(now, id, Machine::on_timers);
        }
        self.table.forget_due(now);
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
            Input::FlowFailed(flow) => self.on_flow_failed(now, &flow),
            Input::Timer => self.on_timer(now),
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.table.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.table.deadline()
    }
}

fn is_answer_to_invite(response: &Response) -> bool {
    let cseq = response.headers.cseq();
    response.status.is_success() && cseq.is_ok_and(|cseq| cseq.method == Method::Invite)
}

fn add_via(request: &mut Request, flow: &Flow, branch: &str) {
    let via = Via::new(flow.transport, flow.local, branch);
    request.headers.push_first(HeaderName::Via, via.to_string());
}
