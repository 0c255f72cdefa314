//! The composition: one node that owns the SIP stack, the registrar and the calls.

use std::net::IpAddr;
use std::sync::Arc;

use config::Way;
use countries::Table;
use ipc::pbx::{Phone, Status};
use sansio::{Datagram, Entropy, Instant, Node, Rng, Transport};
use sip::transaction::{Flow, Input as SipInput, Output as SipOutput};
use sip::{DatagramKind, parse_datagram};

use crate::call::{Calls, Tools};
use crate::core::{Core, event_text};
use crate::door;
use crate::interface::{Input, Output, PeerFault, Stored};
use crate::leg::Legs;
use crate::registrar::seconds;
use crate::streams::Streams;
use crate::subscription::{CHECKPOINT_KEYS, Subscriptions};
use crate::trunk::Trunks;
use crate::{hiding, requests};

/// The telephone exchange as one state machine.
#[derive(Debug)]
pub struct PbxNode {
    core: Core,
    legs: Legs,
    trunks: Trunks,
    calls: Calls,
    subscriptions: Subscriptions,
    streams: Streams,
    stopped_told: bool,
}

impl PbxNode {
    /// An exchange that knows nothing yet. `rng` makes tags and branches and must be seeded from
    /// the operating system's generator outside of tests; `nonce_key` must be fresh at each start.
    #[must_use]
    pub fn new(mut rng: Rng, nonce_key: Entropy) -> Self {
        let trunks = Trunks::new(Rng::from_seed(rng.next_u64()));
        Self {
            core: Core::new(rng, nonce_key),
            legs: Legs::default(),
            trunks,
            calls: Calls::default(),
            subscriptions: Subscriptions::default(),
            streams: Streams::default(),
            stopped_told: false,
        }
    }

    /// The Call-IDs of the legs of all calls, each with the id of its call's record, as
    /// [`Event::CallLeg`](crate::Event::CallLeg) has told them.
    #[must_use]
    pub fn call_ids(&self) -> Vec<(String, String)> {
        self.calls.call_ids(&self.legs)
    }

    /// Takes the table of which country an address is registered in.
    pub fn know(&mut self, countries: Arc<Table>) {
        self.core.borders.know(countries);
    }

    /// Whether somebody who asks for a connection by TLS is answered at all. Asked once, before
    /// the handshake.
    pub fn hears(&mut self, now: Instant, source: IpAddr) -> bool {
        self.core.now = now;
        !self.core.is_turned_away(Way::Sip, source)
    }

    /// Phones, calls and counters as of the last cause.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = self.core.now;
        let phones = self
            .core
            .registrar
            .iter()
            .map(|(extension, binding)| Phone {
                extension: extension.to_owned(),
                address: binding.flow.remote.to_string(),
                transport: binding.flow.transport.to_string(),
                expires_secs: seconds(binding.expires - now),
                user_agent: binding.user_agent.clone(),
            });
        let counters = self.core.counters;
        let sip = self.core.sip.counters();
        let streams = u64::try_from(self.streams.len()).unwrap_or(u64::MAX);
        Status {
            config_version: self.core.site.as_ref().map_or(0, |(version, _)| *version),
            phones: phones.collect(),
            calls: self.calls.status(self.core.unix().as_millis()),
            trunks: self.trunk_status(),
            spent: self.calls.spending(&self.core),
            minutes: self.calls.minutes(&self.core),
            arrivals: self.core.borders.arrivals(),
            counters: [
                ("calls", counters.calls),
                ("registers", counters.registers),
                ("auth-failures", counters.auth_failures),
                ("peer-faults", counters.peer_faults),
                ("limits-reached", counters.limits),
                ("shut-out", counters.shut_out),
                ("streams", streams),
                ("requests-absorbed", sip.requests_absorbed),
                ("retransmissions", sip.retransmissions),
                ("responses-stray", sip.responses_stray),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        }
    }

    fn trunk_status(&self) -> Vec<ipc::pbx::Trunk> {
        let mut trunks = self.trunks.status(self.core.now);
        self.calls.count_calls(&mut trunks);
        trunks
    }

    #[cfg(test)]
    pub(crate) const fn core(&self) -> &Core {
        &self.core
    }

    #[cfg(test)]
    pub(crate) const fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }

    fn datagram(&mut self, datagram: &Datagram) {
        let source = datagram.source.ip();
        if self.core.is_turned_away(Way::SipUdp, source) {
            return;
        }
        let flow = Flow {
            transport: Transport::Udp,
            local: datagram.destination,
            remote: datagram.source,
            stream: None,
        };
        match DatagramKind::of(&datagram.bytes) {
            DatagramKind::KeepAlive => return,
            DatagramKind::Stun => {
                if let Some(bytes) = stun::answer(&datagram.bytes, datagram.source) {
                    self.core.emit(Output::Transmit { flow, bytes });
                }
                return;
            }
            DatagramKind::Sip => {}
        }
        hiding::arrived(&mut self.core, datagram.source, datagram.ttl);
        let input = match parse_datagram(&datagram.bytes) {
            Ok(message) => SipInput::Message { flow, message },
            Err(fault) => SipInput::Fault { flow, fault },
        };
        self.core.sip.handle(self.core.now, input);
    }

    /// What the store had kept of the calls, and of who watches them.
    fn restore_calls(&mut self, rows: Vec<(u64, Vec<u8>)>) {
        let of_subscription = |(key, _): &(u64, Vec<u8>)| key & CHECKPOINT_KEYS != 0;
        let (watchers, calls): (Vec<_>, Vec<_>) = rows.into_iter().partition(of_subscription);
        self.subscriptions.restore(&mut self.core, &watchers);
        self.calls(|known, tools| known.restore(tools, &calls));
    }

    fn stream_closed(&mut self, stream: crate::StreamId) {
        let Some((flow, proven)) = self.streams.closed(stream) else {
            return;
        };
        self.core.connections.closed(flow);
        if proven {
            let changes = self.core.registrar.close_stream(stream);
            self.core.registrar_changed(changes);
        }
        self.trunks.stream_closed(&mut self.core, stream);
        self.subscriptions.stream_closed(stream);
        self.legs.flow_failed(&mut self.core, flow);
        self.core
            .sip
            .handle(self.core.now, SipInput::FlowFailed(flow));
    }

    fn timer(&mut self) {
        let now = self.core.now;
        self.core.hiding.forget(now);
        let changes = self.core.registrar.expire(now);
        self.core.registrar_changed(changes);
        self.legs.timer(&mut self.core);
        self.trunks.timer(&mut self.core);
        self.subscriptions.timer(&mut self.core);
        self.calls(Calls::timer);
        self.streams.timer(&mut self.core);
        if self
            .core
            .sip
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.core.sip.handle(now, SipInput::Timer);
        }
    }

    /// Lets the calls do something with everything they work with.
    fn calls<R>(&mut self, work: impl FnOnce(&mut Calls, &mut Tools<'_>) -> R) -> R {
        let (calls, mut tools) = self.tools();
        work(calls, &mut tools)
    }

    /// The calls, and everything they work with.
    const fn tools(&mut self) -> (&mut Calls, Tools<'_>) {
        let tools = Tools {
            core: &mut self.core,
            legs: &mut self.legs,
            trunks: &mut self.trunks,
            subscriptions: &mut self.subscriptions,
        };
        (&mut self.calls, tools)
    }

    /// Works off what the SIP stack reports and what the legs tell, until both have nothing more
    /// to say.
    fn drain(&mut self) {
        loop {
            self.drain_sip();
            let Some((leg, event)) = self.legs.poll() else {
                return;
            };
            self.calls(|calls, tools| calls.event(tools, leg, event));
        }
    }

    fn drain_sip(&mut self) {
        while let Some(output) = self.core.sip.poll() {
            let (calls, mut tools) = self.tools();
            let Tools {
                core,
                legs,
                trunks,
                subscriptions,
            } = &mut tools;
            match output {
                SipOutput::Transmit { flow, bytes } => core.emit(Output::Transmit { flow, bytes }),
                SipOutput::Request { id, flow, request } => {
                    requests::request(&mut tools, calls, id, flow, &request);
                }
                SipOutput::Ack { flow, request } => {
                    legs.ack(core, flow, &request);
                }
                SipOutput::Cancelled { id, request } => {
                    legs.cancelled(core, id, &request);
                }
                SipOutput::Response { id, response } => {
                    let known = trunks.response(core, id, &response)
                        || subscriptions.response(core, id, &response);
                    if !known {
                        legs.response(core, id, &response);
                    }
                }
                SipOutput::Unasked { response } => legs.unasked(core, &response),
                SipOutput::Timeout { id } | SipOutput::ClientFlowFailed { id } => {
                    let known = trunks.no_response(core, id) || subscriptions.no_response(core, id);
                    if !known {
                        legs.no_response(core, id);
                    }
                }
                SipOutput::ServerFlowFailed { id } => {
                    legs.server_lost(core, id);
                }
                // The caller was refused and did not say that he heard: nothing is left to do.
                SipOutput::AckMissing { .. } => {}
                SipOutput::Fault { flow, kind } => {
                    let reason = event_text(&kind.to_string());
                    core.peer_fault(flow, PeerFault::Unreadable { reason });
                }
            }
        }
    }

    /// Phones that registered by the cause at hand may be waited for.
    fn tell_callers(&mut self) {
        for (extension, _) in self.core.registered.clone() {
            if !self.core.registrar.phones(&extension).is_empty() {
                self.core.is_back(&extension);
                self.calls(|calls, tools| calls.phone_came(tools, &extension));
            }
        }
        self.drain();
    }

    /// Phones that registered by the cause at hand may have come by another way than they watch by.
    fn tell_watchers(&mut self) {
        for (extension, flow) in std::mem::take(&mut self.core.registered) {
            self.subscriptions
                .registered(&mut self.core, &extension, flow);
        }
        self.drain_sip();
    }

    fn save_registrations(&mut self) {
        let now = self.core.now;
        let (contacts, stopping) = (self.core.registrar.len(), self.core.stopping);
        if !self.core.keeping.take_due(now, contacts, stopping) {
            return;
        }
        let rows = self.core.registrar.save(now, self.core.unix());
        self.core.emit(Output::PersistRegistrations(rows));
    }

    fn tell_stopped(&mut self) {
        if self.core.stopping
            && !self.stopped_told
            && self.calls.all_recorded()
            && self.trunks.is_settled()
        {
            self.stopped_told = true;
            self.core.emit(Output::Stopped);
        }
    }

    /// A stream of somebody who is shut out is closed before it is read.
    fn stream_opened(&mut self, stream: crate::StreamId, flow: Flow) {
        let source = flow.remote.ip();
        // Of TLS the country was asked before the handshake.
        let is_turned_away = match flow.transport {
            Transport::Tls => self.core.is_shut_out(source),
            Transport::Tcp | Transport::Udp => self.core.is_turned_away(Way::Sip, source),
        };
        if is_turned_away {
            self.core.emit(Output::CloseStream(stream));
            return;
        }
        self.streams.opened(&mut self.core, stream, flow);
        self.legs.flow_opened(flow);
    }

    /// Hands a cause to whom it concerns.
    fn take(&mut self, input: Input) {
        match input {
            Input::Config(version, site) => {
                self.core.configure(version, site);
                self.trunks.configure(&mut self.core);
                self.subscriptions.configure(&mut self.core);
                self.calls(Calls::configured);
                self.calls(Calls::sweep);
            }
            Input::Datagram(datagram) => self.datagram(&datagram),
            Input::StreamOpened {
                stream,
                transport,
                remote,
                local,
            } => {
                let flow = Flow {
                    transport,
                    local,
                    remote,
                    stream: Some(stream),
                };
                self.stream_opened(stream, flow);
            }
            Input::StreamBytes { stream, bytes } => {
                self.streams.received(&mut self.core, stream, &bytes);
            }
            Input::StreamClosed { stream } => self.stream_closed(stream),
            Input::Resolved { id, hops, ttl_secs } => {
                if !self.legs.resolved(&mut self.core, id, &hops) {
                    self.trunks.resolved(&mut self.core, id, &hops, ttl_secs);
                }
            }
            Input::LastWith { id, extension } => {
                self.calls(|calls, tools| calls.last_with(tools, id, extension.as_deref()));
            }
            Input::Sound { endpoint, reply } => {
                self.legs.sound(&mut self.core, endpoint, &reply);
            }
            Input::SoundEvent(event) => {
                self.calls(|calls, tools| calls.sound_event(tools, event));
            }
            Input::StoredCalls(rows) => self.restore_calls(rows),
            Input::Stored(Stored::Calls(ids) | Stored::Lost(ids)) => {
                self.calls(|calls, tools| calls.stored(tools, &ids));
            }
            // The run-loop repeats what is not durable yet; there is nothing to remember here.
            Input::Stored(Stored::Registrations | Stored::Spent) => {}
            Input::StoredSpent(spent) => {
                self.calls(|calls, tools| calls.take_back_spent(tools, &spent));
            }
            Input::StoredRegistrations(rows) => {
                let unix = self.core.unix();
                let open = self.streams.by_address();
                self.core.restore(unix, &rows, &open);
            }
            Input::Neighbours(networks) => self.core.meet(networks),
            Input::Bans(notice) => door::obey(&mut self.core, notice),
            Input::Around(around) => self.core.hiding.meet(around),
            Input::Seen(sight) => hiding::see(&mut self.core, sight),
            Input::WallClock(unix) => self.core.set_wall_clock(unix),
            Input::Shutdown => {
                self.core.stopping = true;
                self.calls(Calls::shut_down);
                self.trunks.shut_down(&mut self.core);
            }
            Input::Timer => self.timer(),
        }
    }
}

impl Node for PbxNode {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) {
        self.core.now = now;
        self.take(input);
        self.drain();
        self.tell_callers();
        self.calls(Calls::settle);
        self.drain();
        self.tell_watchers();
        for flow in self.core.connections.take_fresh() {
            self.streams.dialled(flow);
        }
        for stream in std::mem::take(&mut self.core.proven) {
            self.streams.prove(stream);
        }
        self.streams.close_broken(&mut self.core);
        door::protect_calls(&mut self.core, &self.legs);
        self.save_registrations();
        self.calls(Calls::save_spent);
        self.tell_stopped();
    }

    fn poll(&mut self) -> Option<Output> {
        self.core.take_output()
    }

    fn deadline(&self) -> Option<Instant> {
        let registrations = self.core.keeping.deadline();
        let others = self
            .calls
            .deadline()
            .into_iter()
            .chain(registrations)
            .chain(self.legs.deadline());
        let others = others
            .chain(self.streams.deadline())
            .chain(self.trunks.deadline())
            .chain(self.subscriptions.deadline());
        self.core.deadline().into_iter().chain(others).min()
    }
}
