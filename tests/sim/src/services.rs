//! The media service and the store, as far as `pbx` can tell them from the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipc::media::{RelayId, Reply, Request, Side, Stats};
use ipc::store::{CallRecord, Outcome, Registration};

/// Relays without packets.
#[derive(Debug, Default)]
pub struct MediaModel {
    /// Relays that are open.
    pub open: BTreeSet<RelayId>,
    /// How many there ever were.
    pub opened: u64,
    /// Which sides were told to lock to their media again, in order.
    pub relatched: Vec<Side>,
    /// Answers nothing but failures.
    pub broken: bool,
    /// How much later than usual it answers.
    pub late: Duration,
}

impl MediaModel {
    /// Answers a request, as `media` does.
    pub fn answer(&mut self, request: &Request) -> (RelayId, Reply) {
        if self.broken {
            let reply = Reply::Failed {
                reason: "the media service is away".to_owned(),
            };
            return (relay_of(request), reply);
        }
        let reply = match request {
            Request::Open(relay) => {
                self.open.insert(*relay);
                self.opened = self.opened.saturating_add(1);
                let base = u16::try_from(relay % 5000)
                    .unwrap_or_default()
                    .saturating_mul(4);
                let caller_port = base.saturating_add(20_000);
                Reply::Opened {
                    caller_port,
                    callee_port: caller_port.saturating_add(2),
                }
            }
            Request::Reopen(relay, caller_port, callee_port) => {
                self.open.insert(*relay);
                Reply::Opened {
                    caller_port: *caller_port,
                    callee_port: *callee_port,
                }
            }
            Request::Set(relay, side, leg) if self.open.contains(relay) => {
                self.relatched.extend(leg.relatch.then_some(*side));
                Reply::Done
            }
            Request::Close(relay) if self.open.remove(relay) => Reply::Closed(Stats {
                packets_to_callee: 50,
                ..Stats::default()
            }),
            Request::Set(..) | Request::Close(_) => Reply::Unknown,
            Request::KeepOnly(kept) => {
                self.open.retain(|relay| kept.contains(relay));
                Reply::Done
            }
            Request::Status => Reply::Relays(Vec::new()),
        };
        (relay_of(request), reply)
    }
}

fn relay_of(request: &Request) -> RelayId {
    match request {
        Request::Open(relay)
        | Request::Reopen(relay, _, _)
        | Request::Set(relay, _, _)
        | Request::Close(relay) => *relay,
        Request::KeepOnly(_) | Request::Status => 0,
    }
}

/// Call records and registrations; what is handed over while it is down waits, as the run-loop
/// makes it wait.
#[derive(Debug, Default)]
pub struct StoreModel {
    /// Durable records by id.
    pub records: BTreeMap<String, CallRecord>,
    /// How often each id was handed over in its final form.
    pub finals: BTreeMap<String, u32>,
    /// Durable registrations.
    pub registrations: Vec<Registration>,
    /// It has crashed and takes nothing.
    pub down: bool,
    waiting: Vec<CallRecord>,
}

impl StoreModel {
    /// Takes records from `pbx`; gives the ids that are durable now.
    pub fn put(&mut self, records: Vec<CallRecord>) -> Vec<String> {
        for record in &records {
            if record.outcome != Outcome::Ongoing {
                let count = self.finals.entry(record.id.clone()).or_default();
                *count = count.saturating_add(1);
            }
        }
        self.waiting.extend(records);
        self.flush()
    }

    /// Comes back after a crash; gives the ids that are durable now.
    pub fn restart(&mut self) -> Vec<String> {
        self.down = false;
        self.flush()
    }

    fn flush(&mut self) -> Vec<String> {
        if self.down {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.waiting);
        let ids = waiting.iter().map(|record| record.id.clone()).collect();
        self.records.extend(
            waiting
                .into_iter()
                .map(|record| (record.id.clone(), record)),
        );
        ids
    }
}
