//! What every part of the node works with: the time, the site, the SIP stack, the way out.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use config::{Network, Site, Way};
use guard::{Around, Borders, Door};
use ipc::store::{CallRecord, Registration};
use sansio::{Entropy, Instant, Node, Rng, UnixTime};
use sip::transaction::{ClientId, Flow, Layer, ServerId};
use sip::{HeaderName, Request, Response, StatusCode};

use crate::authentication::Gate;
use crate::dialog::PRODUCT;
use crate::door;
use crate::hiding::Hiding;
use crate::interface::{Event, Hop, Limit, Output, PeerFault, Query, QueryId, StreamId, Trust};
use crate::keeping::Keeping;
use crate::registrar::{Binding, Change, Registrar};
use crate::secrets::Secrets;
use crate::streams::Connections;

/// Longest text from a peer that goes into an event, characters.
const EVENT_TEXT_LENGTH_MAX: usize = 128;

/// Longest Call-ID that goes into an event whole, bytes: it is compared.
const CALL_ID_LENGTH_MAX: usize = 256;

/// Networks that are remembered: a carrier that gives another prefix each day fills them in two
/// weeks, and no registration lasts as long.
const MET_MAX: usize = 16;

/// How long a phone whose connection ended with an earlier process is expected back: phones see the
/// end at once, and most connect again within ten seconds.
const BACK_TIME_MAX: Duration = Duration::from_secs(20);

/// The shared part of a [`PbxNode`](crate::PbxNode).
#[derive(Debug)]
pub(crate) struct Core {
    /// The time of the cause at hand.
    pub(crate) now: Instant,
    /// The configuration and its version.
    pub(crate) site: Option<(u64, Arc<Site>)>,
    /// SIP transactions.
    pub(crate) sip: Layer,
    /// Networks that count as inside because the box is on them.
    pub(crate) neighbours: Vec<Network>,
    /// Those, and the latest that did.
    met: Vec<Network>,
    /// Where the phones are.
    pub(crate) registrar: Registrar,
    /// Who may pass.
    pub(crate) gate: Gate,
    /// Who is heard at all.
    pub(crate) door: Door,
    /// Whom a router hides.
    pub(crate) hiding: Hiding,
    /// Who was last heard from outside, and when that was told.
    pub(crate) outsider: Option<(IpAddr, Instant)>,
    /// Who is in a call is to be told.
    pub(crate) calls_changed: bool,
    /// When it was told last.
    pub(crate) calls_told: Option<Instant>,
    /// Who is heard from which country.
    pub(crate) borders: Borders,
    /// Counters for the status page.
    pub(crate) counters: Counters,
    /// Set once: nothing new is begun.
    pub(crate) stopping: bool,
    /// Connections by which a request came that was let in, as of the cause at hand.
    pub(crate) proven: Vec<StreamId>,
    /// Extensions that registered by the cause at hand, and how.
    pub(crate) registered: Vec<(String, Flow)>,
    /// Extensions whose phones lost their connection with an earlier process, and until when they
    /// are expected to be back.
    expected: BTreeMap<String, Instant>,
    /// Connections we opened.
    pub(crate) connections: Connections,
    /// SRTP keys and client nonces.
    pub(crate) secrets: Secrets,
    /// What of the registrations is not kept yet.
    pub(crate) keeping: Keeping,
    /// Phones whose line is not known yet, as the box's own networks are not: addresses and
    /// extensions that were let in by an earlier process.
    pub(crate) let_in: Vec<(IpAddr, String)>,
    wall: (Instant, UnixTime),
    last_query: QueryId,
    /// Addresses that the name of each trunk's server leads to.
    servers: BTreeMap<String, Vec<IpAddr>>,
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
    pub(crate) shut_out: u64,
}

impl Core {
    pub(crate) fn new(mut rng: Rng, key: Entropy) -> Self {
        let connections = Connections::new(&mut rng);
        Self {
            now: Instant::ORIGIN,
            site: None,
            neighbours: Vec::new(),
            met: Vec::new(),
            sip: Layer::new(rng),
            registrar: Registrar::default(),
            secrets: Secrets::new(&key),
            gate: Gate::new(key),
            door: Door::default(),
            hiding: Hiding::default(),
            outsider: None,
            calls_changed: false,
            calls_told: None,
            borders: Borders::default(),
            counters: Counters::default(),
            stopping: false,
            proven: Vec::new(),
            registered: Vec::new(),
            expected: BTreeMap::new(),
            connections,
            keeping: Keeping::default(),
            let_in: Vec::new(),
            wall: (Instant::ORIGIN, UnixTime::default()),
            last_query: 0,
            servers: BTreeMap::new(),
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
        self.calls_changed |= matches!(event, Event::CallAnswered { .. } | Event::CallEnded { .. });
        let counter = match &event {
            Event::AuthFailure { .. } => Some(&mut self.counters.auth_failures),
            Event::PeerFault { .. } => Some(&mut self.counters.peer_faults),
            Event::LimitReached { .. } => Some(&mut self.counters.limits),
            Event::CallStarted { .. } => Some(&mut self.counters.calls),
            Event::Configured { .. }
            | Event::Registered { .. }
            | Event::Unregistered { .. }
            | Event::CallLeg { .. }
            | Event::CalledBack { .. }
            | Event::CallAnswered { .. }
            | Event::CallEnded { .. }
            | Event::TrunkUp { .. }
            | Event::TrunkDown { .. }
            | Event::RecordingBegun { .. }
            | Event::RecordingFailed { .. }
            | Event::MediaFailed { .. } => None,
        };
        if let Some(counter) = counter {
            *counter = counter.saturating_add(1);
        }
        self.emit(Output::Event(event));
    }

    /// Tells that a leg belongs to a call, unless its peer chose a name for it that is no text to
    /// tell.
    pub(crate) fn call_leg(&mut self, id: &str, call_id: &str) {
        let is_plain = call_id.chars().all(|letter| !letter.is_control());
        if is_plain && (1..=CALL_ID_LENGTH_MAX).contains(&call_id.len()) {
            let (id, call_id) = (id.to_owned(), call_id.to_owned());
            self.event(Event::CallLeg { id, call_id });
        }
    }

    pub(crate) fn peer_fault(&mut self, flow: Flow, fault: PeerFault) {
        if matches!(fault, PeerFault::Unreadable { .. }) {
            door::malformed(self, flow);
        }
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
        if !changes.is_empty() {
            self.keeping.changed(self.now);
        }
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
        let before = self.site.take();
        let inside = self.possible_neighbours();
        let stands = |number: &str, binding: &Binding| {
            let Some(new) = site.extension(number) else {
                return false;
            };
            // Contacts restored before the first configuration have no earlier one to differ from.
            let same = before.as_ref().is_none_or(|(_, before)| {
                before.extension(number).is_some_and(|old| {
                    old.ha1_md5 == new.ha1_md5 && old.ha1_sha256 == new.ha1_sha256
                })
            });
            same && site.admits(new, binding.flow.remote.ip(), &inside)
        };
        let changes = self.registrar.retain(stands);
        self.registrar_changed(changes);
        self.gate.configure(&site);
        self.door.configure(&site.guard);
        self.borders.configure(&site.countries);
        if let Some((_, before)) = &before {
            door::unlearn(self, before, &site);
        }
        self.servers.retain(|name, _| site.trunk(name).is_some());
        self.site = Some((version, site));
        door::protect_trunks(self);
        self.event(Event::Configured { version });
    }

    /// Takes back the registrations an earlier process kept, of extensions that still exist.
    /// `open` has the connections that outlived it.
    pub(crate) fn restore(
        &mut self,
        unix: UnixTime,
        rows: &[Registration],
        open: &BTreeMap<(SocketAddr, SocketAddr), StreamId>,
    ) {
        door::trust(self, rows);
        let lost = self.registrar.restore(self.now, unix, rows, open);
        let until = self.now + BACK_TIME_MAX;
        self.expected
            .extend(lost.into_iter().map(|extension| (extension, until)));
        let streams = self.registrar.iter().filter_map(|(_, it)| it.flow.stream);
        self.proven.extend(streams);
        let Some((_, site)) = self.site.clone() else {
            return;
        };
        let inside = self.possible_neighbours();
        let changes = self.registrar.retain(|number, binding| {
            let extension = site.extension(number);
            extension.is_some_and(|it| site.admits(it, binding.flow.remote.ip(), &inside))
        });
        self.registrar_changed(changes);
    }

    /// The box has other neighbours. Nobody is lost by that: a cable may be out for a while, of one
    /// link or of all, and who has another address registers it or is gone with his registration.
    pub(crate) fn meet(&mut self, neighbours: Vec<Network>) {
        let new = neighbours.iter().filter(|it| !self.met.contains(it));
        self.met.extend(new.copied().collect::<Vec<_>>());
        let surplus = self.met.len().saturating_sub(MET_MAX);
        self.met.drain(..surplus);
        self.door.near(&neighbours);
        self.neighbours = neighbours;
        door::trust_registered(self);
    }

    /// Who may keep a registration: the neighbours of now and before. When none were ever known,
    /// all who could be: a phone that an earlier process let in must not be lost because the router
    /// has not spoken. Requests are judged by the neighbours of now alone.
    fn possible_neighbours(&self) -> Vec<Network> {
        match self.met.as_slice() {
            [] => Network::around(Ipv6Addr::UNSPECIFIED.into(), 0)
                .into_iter()
                .collect(),
            met => met.to_vec(),
        }
    }

    /// Until when a phone of an extension is expected that an earlier process knew.
    pub(crate) fn expected_until(&self, extension: &str) -> Option<Instant> {
        let until = self.expected.get(extension).copied();
        until.filter(|until| *until > self.now)
    }

    /// An extension has a phone again.
    pub(crate) fn is_back(&mut self, extension: &str) {
        self.expected.remove(extension);
    }

    /// The way to a contact: how its REGISTER came, or a new connection when that one is gone.
    pub(crate) fn reach(&mut self, binding: &Binding) -> Flow {
        let flow = binding.flow;
        match binding.listens_at().filter(|_| flow.stream.is_none()) {
            Some(remote) => {
                let hop = Hop {
                    transport: flow.transport,
                    remote,
                    local: flow.local,
                };
                self.connect(hop, "", &Trust::Public)
            }
            None => flow,
        }
    }

    /// A flow to a hop, by a connection of ours where one is needed; `server_name` is whom a TLS
    /// server must prove to be.
    pub(crate) fn connect(&mut self, hop: Hop, server_name: &str, trust: &Trust) -> Flow {
        let (flow, outputs) = self.connections.flow(hop, server_name, trust);
        self.outputs.extend(outputs);
        flow
    }

    /// Asks for the hops of a server; the answer comes as [`Input::Resolved`](crate::Input).
    pub(crate) fn resolve(&mut self, query: Query) -> QueryId {
        self.last_query = self.last_query.wrapping_add(1);
        let id = self.last_query;
        self.emit(Output::Resolve { id, query });
        id
    }

    /// Asks the store who had last to do with a number; the answer comes as
    /// [`Input::LastWith`](crate::Input).
    pub(crate) fn ask_last_with(
        &mut self,
        number: ipc::Redacted<String>,
        since_millis: i64,
    ) -> QueryId {
        self.last_query = self.last_query.wrapping_add(1);
        let id = self.last_query;
        self.emit(Output::LastWith {
            id,
            number,
            since_millis,
        });
        id
    }

    /// The name of a trunk's server leads to these addresses; of a trunk that is gone it is
    /// forgotten.
    pub(crate) fn set_servers(&mut self, trunk: &str, addresses: Vec<IpAddr>) {
        self.servers.insert(trunk.to_owned(), addresses);
        door::protect_trunks(self);
    }

    /// The addresses of all trunks' servers.
    pub(crate) fn servers(&self) -> impl Iterator<Item = IpAddr> {
        self.servers.values().flatten().copied()
    }

    /// Whether an address is one of a trunk's own servers.
    pub(crate) fn is_server(&self, trunk: &str, address: IpAddr) -> bool {
        let known = self.servers.get(trunk);
        known.is_some_and(|known| known.contains(&address))
    }

    /// Whether a host is the server of a trunk, or its proxy, as the settings name them.
    pub(crate) fn is_server_name(&self, trunk: &str, host: &str) -> bool {
        let trunk = self.site.as_ref().and_then(|(_, site)| site.trunk(trunk));
        trunk.is_some_and(|trunk| {
            let named = trunk.outbound_proxy.iter().chain([trunk.server()]);
            named
                .into_iter()
                .any(|known| known.name.eq_ignore_ascii_case(host))
        })
    }

    /// Whether nothing of an address is to be read; it is counted.
    pub(crate) fn is_shut_out(&mut self, source: IpAddr) -> bool {
        let is_shut = self.door.is_shut(self.now, source);
        if is_shut {
            self.counters.shut_out = self.counters.shut_out.saturating_add(1);
        }
        is_shut
    }

    /// Somebody comes: whether nothing of him is to be read, for a ban or for his country.
    pub(crate) fn is_turned_away(&mut self, way: Way, source: IpAddr) -> bool {
        if self.is_shut_out(source) {
            return true;
        }
        let at = self.at_the_borders();
        at.is_some_and(|(borders, around)| borders.knock(way, source, around))
    }

    /// The same of somebody who was let in before, and is not counted again.
    pub(crate) fn is_foreign(&mut self, way: Way, source: IpAddr) -> bool {
        let at = self.at_the_borders();
        at.is_some_and(|(borders, around)| borders.refuses(way, source, around))
    }

    /// Who decides by country, and who is near; nobody before there is a site.
    fn at_the_borders(&mut self) -> Option<(&mut Borders, Around<'_>)> {
        let (_, site) = self.site.as_ref()?;
        let around = Around {
            networks: &site.networks,
            neighbours: &self.neighbours,
            protected: self.door.guests(),
        };
        Some((&mut self.borders, around))
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
            .chain(door::calls_due(self))
            .chain(self.hiding.deadline())
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
