//! The transactions held, found by message, by time and by connection.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use sansio::Instant;

use super::answers::Answers;
use super::flow::{Flow, Output};
use super::key::{ClientKey, ServerKey};
use super::layer::{Counters, Full};
use super::machine::{Context, Life, Machine};
use super::timers::TimerTable;
use crate::fault::HeaderFault;
use crate::message::Request;

/// The most transactions held. Beyond it answered requests are forgotten early, oldest first, which
/// costs no more than doing a repetition's work twice; only then are new ones refused. An answered
/// REGISTER is some 700 bytes, and one that a stranger pads 3 KiB, so 11 to 48 MiB.
pub(super) const TRANSACTIONS_MAX: usize = 16_384;

/// All transactions, and what they asked for.
#[derive(Default)]
pub(super) struct Table {
    pub(super) outputs: VecDeque<Output>,
    pub(super) counters: Counters,
    next_id: u64,
    transactions: BTreeMap<u64, Transaction>,
    // Looked up only, never walked: their order is not the same twice.
    servers: HashMap<ServerKey, Server>,
    clients: HashMap<Arc<ClientKey>, u64>,
    deadlines: BTreeSet<(Instant, u64)>,
    by_stream: BTreeSet<(u64, u64)>,
    /// What is left of requests that are answered.
    answers: Answers,
    /// INVITEs refused at once and when, oldest first; some have gone already.
    refused: VecDeque<(Instant, u64)>,
}

/// Where a request we were sent is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Server {
    /// It is a transaction with this id.
    Transaction(u64),
    /// It is an answer with this number.
    Answer(u64),
}

/// A machine with what the table needs to find it by.
pub(super) struct Transaction {
    pub(super) flow: Flow,
    pub(super) key: Key,
    timers: TimerTable,
    /// The entry in `deadlines`.
    scheduled: Option<Instant>,
    machine: Machine,
}

/// What messages find it by.
pub(super) enum Key {
    Server(ServerKey),
    Client(Arc<ClientKey>),
}

impl fmt::Debug for Table {
    /// How many there are: what they hold are messages, with the secrets in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("transactions", &self.transactions.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl Table {
    /// Runs one machine on one cause, then keeps its timers or takes it away.
    pub(super) fn with(
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
            Life::Answered(bytes) => self.answer(now, id, bytes),
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

    /// Starts a machine; [`make_room`](Self::make_room) comes first.
    pub(super) fn insert(
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
            Key::Server(key) => {
                self.servers.insert(*key, Server::Transaction(id));
            }
            Key::Client(key) => {
                self.clients.insert(Arc::clone(key), id);
            }
        }
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
        let Some(transaction) = self.take(id) else {
            return;
        };
        match &transaction.key {
            Key::Server(key) => {
                self.servers.remove(key);
            }
            Key::Client(key) => {
                self.clients.remove(key);
            }
        }
        // Transactions mostly end in the order they were answered: this keeps the queue short.
        while self
            .refused
            .front()
            .is_some_and(|(_, id)| !self.transactions.contains_key(id))
        {
            self.refused.pop_front();
        }
    }

    /// Takes a transaction out; messages still find it.
    fn take(&mut self, id: u64) -> Option<Transaction> {
        let transaction = self.transactions.remove(&id)?;
        if let Some(at) = transaction.scheduled {
            self.deadlines.remove(&(at, id));
        }
        if let Some(stream) = transaction.flow.stream {
            self.by_stream.remove(&(stream, id));
        }
        Some(transaction)
    }

    /// Sends the last answer of a transaction, and keeps nothing but that.
    fn answer(&mut self, now: Instant, id: u64, bytes: Vec<u8>) {
        let Some(Transaction { flow, key, .. }) = self.take(id) else {
            return;
        };
        if let Key::Server(key) = key {
            let number = self.answers.keep(now, key, flow, &bytes);
            self.servers.insert(key, Server::Answer(number));
        }
        self.outputs.push_back(Output::Transmit { flow, bytes });
    }

    /// Makes sure one more transaction can be held.
    pub(super) fn make_room(&mut self) -> Result<(), Full> {
        while self.len() >= TRANSACTIONS_MAX {
            let refused = self.refused.front().map(|(at, _)| *at);
            match (self.answers.oldest(), refused) {
                (None, None) => return Err(Full),
                (Some(answer), refused) if refused.is_none_or(|refused| answer <= refused) => {
                    self.counters.forgotten += 1;
                    let key = self.answers.forget_oldest();
                    key.and_then(|key| self.servers.remove(&key));
                }
                (_, _) => {
                    let oldest = self.refused.pop_front();
                    if let Some((_, oldest)) = oldest.filter(|(_, id)| self.get(*id).is_some()) {
                        self.counters.forgotten += 1;
                        self.remove(oldest);
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes that an INVITE only waits for its repetitions and may be forgotten when room is short.
    pub(super) fn set_refused(&mut self, now: Instant, id: u64) {
        self.refused.push_back((now, id));
    }

    /// The key of a request.
    pub(super) fn key(&self, request: &Request) -> Result<ServerKey, HeaderFault> {
        ServerKey::of(request, self.servers.hasher())
    }

    /// The INVITE that a CANCEL is about.
    pub(super) fn cancelled(&self, cancel: &Request) -> Option<u64> {
        let key = ServerKey::of_invite(cancel, self.servers.hasher()).ok()?;
        match self.server(&key)? {
            Server::Transaction(id) => Some(id),
            // No INVITE is ever kept as an answer.
            Server::Answer(_) => None,
        }
    }

    pub(super) fn server(&self, key: &ServerKey) -> Option<Server> {
        self.servers.get(key).copied()
    }

    /// Gives an answer again.
    pub(super) fn repeat(&mut self, number: u64) {
        let Some((flow, bytes)) = self.answers.get(number) else {
            return;
        };
        let bytes = bytes.to_vec();
        self.counters.retransmissions += 1;
        self.outputs.push_back(Output::Transmit { flow, bytes });
    }

    /// Forgets the answers whose time is over.
    pub(super) fn forget_due(&mut self, now: Instant) {
        while let Some(key) = self.answers.forget_due(now) {
            self.servers.remove(&key);
        }
    }

    pub(super) fn client(&self, key: &ClientKey) -> Option<u64> {
        self.clients.get(key).copied()
    }

    pub(super) fn get(&self, id: u64) -> Option<&Transaction> {
        self.transactions.get(&id)
    }

    pub(super) fn machine(&self, id: u64) -> Option<&Machine> {
        self.transactions.get(&id).map(|one| &one.machine)
    }

    pub(super) fn len(&self) -> usize {
        self.transactions.len() + self.answers.len()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let first = self.deadlines.first().map(|(at, _)| *at);
        first.into_iter().chain(self.answers.deadline()).min()
    }

    /// A transaction whose timer has gone off.
    pub(super) fn due(&self, now: Instant) -> Option<u64> {
        self.deadlines
            .first()
            .filter(|(at, _)| *at <= now)
            .map(|(_, id)| *id)
    }

    /// The transactions of a flow, oldest first. Those of a connection are indexed; for UDP, where
    /// failures are rare, all are looked at.
    pub(super) fn on_flow(&self, flow: &Flow) -> Vec<u64> {
        let Some(stream) = flow.stream else {
            let same = |one: &Transaction| {
                one.flow.transport == flow.transport && one.flow.remote == flow.remote
            };
            let all = self.transactions.iter();
            return all
                .filter(|(_, one)| same(one))
                .map(|(id, _)| *id)
                .collect();
        };
        let of_stream = (stream, u64::MIN)..=(stream, u64::MAX);
        self.by_stream.range(of_stream).map(|(_, id)| *id).collect()
    }
}
