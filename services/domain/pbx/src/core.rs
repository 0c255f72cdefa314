//! What every part of the node works with: the time, the site, the SIP stack, the way out.

use std::collections::VecDeque;
use std::sync::Arc;

use config::Site;
use ipc::store::{CallRecord, Registration};
use sansio::{Entropy, Instant, Node, Rng, UnixTime};
use sip::transaction::{ClientId, Flow, Layer, ServerId};
use sip::{HeaderName, Request, Response, StatusCode};

use crate::authentication::Gate;
use crate::dialog::PRODUCT;
use crate::interface::{Event, Limit, Output, PeerFault, StreamId};
use crate::registrar::{Change, Registrar};

/// Longest text from a peer that goes into an event, characters.
const EVENT_TEXT_LENGTH_MAX: usize = 128;

/// The shared part of a [`PbxNode`](crate::PbxNode).
#[derive(Debug)]
pub(crate) struct Core {
    /// The time of the cause at hand.
    pub(crate) now: Instant,
    /// The configuration and its version.
    pub(crate) site: Option<(u64, Arc<Site>)>,
    /// SIP transactions.
    pub(crate) sip: Layer,
    /// Where the phones are.
    pub(crate) registrar: Registrar,
    /// Who may pass.
    pub(crate) gate: Gate,
    /// Counters for the status page.
    pub(crate) counters: Counters,
    /// Set once: nothing new is begun.
    pub(crate) stopping: bool,
    /// Connections by which a request came that was let in, as of the cause at hand.
    pub(crate) proven: Vec<StreamId>,
    /// Registrations changed since they were last handed to the store.
    pub(crate) registrations_dirty: bool,
    wall: (Instant, UnixTime),
    outputs: VecDeque<Output>,
}

/// What was counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) calls: u64,
    pub(crate) registers: u64,
    pub(crate) auth_failures: u64,
    pub(crate) peer_faults: u64,
    pub(crate) limits: u64,
}

impl Core {
    pub(crate) fn new(rng: Rng, key: Entropy) -> Self {
        Self {
            now: Instant::ORIGIN,
            site: None,
            sip: Layer::new(rng),
            registrar: Registrar::default(),
            gate: Gate::new(key),
            counters: Counters::default(),
            stopping: false,
            proven: Vec::new(),
            registrations_dirty: false,
            wall: (Instant::ORIGIN, UnixTime::default()),
            outputs: VecDeque::new(),
        }
    }

    /// The wall clock was read: `unix` is now.
    pub(crate) const fn set_wall_clock(&mut self, unix: UnixTime) {
        self.wall = (self.now, unix);
    }

    /// The time people read.
    pub(crate) fn unix(&self) -> UnixTime {
        let (at, unix) = self.wall;
        unix + (self.now - at)
    }

    pub(crate) fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn take_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn persist(&mut self, record: &CallRecord) {
        self.emit(Output::Persist(vec![record.clone()]));
    }

    pub(crate) fn event(&mut self, event: Event) {
        let counter = match &event {
            Event::AuthFailure { .. } => Some(&mut self.counters.auth_failures),
            Event::PeerFault { .. } => Some(&mut self.counters.peer_faults),
            Event::LimitReached { .. } => Some(&mut self.counters.limits),
            Event::CallStarted { .. } => Some(&mut self.counters.calls),
            Event::Configured { .. }
            | Event::Registered { .. }
            | Event::Unregistered { .. }
            | Event::CallAnswered { .. }
            | Event::CallEnded { .. }
            | Event::MediaFailed { .. } => None,
        };
        if let Some(counter) = counter {
            *counter = counter.saturating_add(1);
        }
        self.emit(Output::Event(event));
    }

    pub(crate) fn peer_fault(&mut self, flow: Flow, fault: PeerFault) {
        let (source, transport) = (flow.remote, flow.transport);
        self.event(Event::PeerFault {
            fault,
            source,
            transport,
        });
    }

    pub(crate) fn limit_reached(&mut self, limit: Limit) {
        self.event(Event::LimitReached { limit });
    }

    /// Tells what a change of the registrar means, and remembers to save it.
    pub(crate) fn registrar_changed(&mut self, changes: Vec<Change>) {
        self.registrations_dirty |= !changes.is_empty();
        for change in changes {
            self.event(match change {
                Change::Added { extension, flow } => Event::Registered { extension, flow },
                Change::Removed {
                    extension,
                    flow,
                    cause,
                } => Event::Unregistered {
                    extension,
                    flow,
                    cause,
                },
            });
        }
    }

    /// A configuration came: who is gone or has a new password loses his contacts.
    pub(crate) fn configure(&mut self, version: u64, site: Arc<Site>) {
        if let Some((_, before)) = self.site.take() {
            let stands = |number: &str| match (before.extension(number), site.extension(number)) {
                (Some(old), Some(new)) => {
                    old.ha1_md5 == new.ha1_md5
                        && old.ha1_sha256 == new.ha1_sha256
                        && (new.remote || !old.remote)
                }
                (None, _) | (_, None) => false,
            };
            let changes = self.registrar.retain(stands);
            self.registrar_changed(changes);
        } else {
            // Contacts restored before the first configuration may be of extensions since deleted.
            let changes = self
                .registrar
                .retain(|number| site.extension(number).is_some());
            self.registrar_changed(changes);
        }
        self.gate.configure(&site);
        self.site = Some((version, site));
        self.event(Event::Configured { version });
    }

    /// Takes back the registrations an earlier process kept, of extensions that still exist.
    pub(crate) fn restore(&mut self, unix: UnixTime, rows: &[Registration]) {
        self.registrar.restore(self.now, unix, rows);
        if let Some((_, site)) = &self.site {
            let changes = self
                .registrar
                .retain(|number| site.extension(number).is_some());
            self.registrar_changed(changes);
        }
    }

    /// Answers a request; false when it was answered already.
    pub(crate) fn respond(&mut self, id: ServerId, response: Response) -> bool {
        self.sip
            .respond(self.now, id, &response.with(HeaderName::Server, PRODUCT))
    }

    /// An answer without a dialog: with a fresh To tag unless the request has one.
    pub(crate) fn answer(&mut self, request: &Request, status: StatusCode) -> Response {
        let tag = self.sip.new_tag();
        Response::to_request(request, status, Some(&tag))
    }

    /// Answers with nothing but a status.
    pub(crate) fn reject(&mut self, id: ServerId, request: &Request, status: StatusCode) {
        let response = self.answer(request, status);
        self.respond(id, response);
    }

    /// Sends a request; `None` when there are too many.
    pub(crate) fn send(&mut self, flow: Flow, request: Request) -> Option<ClientId> {
        let sent = self.sip.send_request(self.now, flow, request);
        if sent.is_err() {
            self.limit_reached(Limit::Transactions);
        }
        sent.ok()
    }

    /// The earliest deadline of what is kept here.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.sip
            .deadline()
            .into_iter()
            .chain(self.registrar.deadline())
            .min()
    }
}

/// A peer's text for an event: bounded, without control characters.
pub(crate) fn event_text(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(EVENT_TEXT_LENGTH_MAX)
        .collect()
}
