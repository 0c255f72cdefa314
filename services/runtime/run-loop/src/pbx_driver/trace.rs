//! The trace of SIP messages where bytes pass: hands what goes by to [`trace::Tap`] while it is on,
//! and is one comparison a message while it is not.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ipc::trace::{Ask, Trace};
use pbx::{Event, Flow, Input, StreamId};
use sansio::{Instant, Transport};
use trace::{Passed, Tap};

use crate::clock::Clock;

/// The tap, and between whom each connection is.
#[derive(Debug, Default)]
pub(super) struct SipTrace {
    tap: Tap,
    wires: BTreeMap<StreamId, Wire>,
}

#[derive(Clone, Copy, Debug)]
struct Wire {
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
}

impl SipTrace {
    /// Sees a cause before the node does.
    pub(super) fn see(&mut self, clock: &Clock, input: &Input) {
        match input {
            Input::StreamOpened {
                stream,
                transport,
                remote,
                local,
            } => {
                let (transport, local, remote) = (*transport, *local, *remote);
                let wire = Wire {
                    transport,
                    local,
                    remote,
                };
                self.wires.insert(*stream, wire);
            }
            Input::StreamClosed { stream } => {
                self.wires.remove(stream);
                self.tap.forget_stream(*stream);
            }
            Input::Datagram(datagram) if self.tap.is_on() => {
                let wire = Wire {
                    transport: Transport::Udp,
                    local: datagram.destination,
                    remote: datagram.source,
                };
                self.tap.take(wire.passed(clock, false, &datagram.bytes));
            }
            Input::StreamBytes { stream, bytes } if self.tap.is_on() => {
                if let Some(wire) = self.wires.get(stream) {
                    let passed = wire.passed(clock, false, bytes);
                    self.tap.take_stream(*stream, passed);
                }
            }
            _ => {}
        }
    }

    /// Sees a message that the node sends.
    pub(super) fn sent(&mut self, clock: &Clock, flow: &Flow, bytes: &[u8]) {
        if self.tap.is_on() {
            let wire = Wire {
                transport: flow.transport,
                local: flow.local,
                remote: flow.remote,
            };
            self.tap.take(wire.passed(clock, true, bytes));
        }
    }

    /// Hears from the node which legs belong together.
    pub(super) fn told(&mut self, event: &Event) {
        if let Event::CallLeg { id, call_id } = event {
            self.tap.join(id, call_id.as_bytes());
        }
    }

    /// Ends what has had its time.
    pub(super) fn pass(&mut self, now: Instant) {
        self.tap.pass(now);
    }

    /// Does what is asked; `legs` gives the Call-IDs of the calls that are going on, each with the
    /// id of its record.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        ask: Ask,
        legs: impl FnOnce() -> Vec<(String, String)>,
    ) -> Trace {
        self.tap.pass(now);
        match ask {
            Ask::Begin { filter, secs } => {
                let of = filter.extension.as_deref().unwrap_or_default();
                let trunk = filter.trunk.as_ref().map_or("", |it| &it.name);
                tracing::info!(extension = of, trunk, secs, "a trace of SIP begins");
                self.tap.begin(now, filter, secs);
                for (id, call_id) in legs() {
                    self.tap.join(&id, call_id.as_bytes());
                }
                self.tap.read(now, None, None, 0)
            }
            Ask::End => {
                self.tap.end(now);
                self.tap.read(now, None, None, 0)
            }
            Ask::Read { of, from, most } => self.tap.read(now, of.as_ref(), from, most),
        }
    }
}

impl Wire {
    fn passed<'a>(&self, clock: &Clock, is_sent: bool, bytes: &'a [u8]) -> Passed<'a> {
        Passed {
            at_millis: clock.unix().as_millis(),
            is_sent,
            transport: self.transport,
            local: self.local,
            remote: self.remote,
            bytes,
        }
    }
}
