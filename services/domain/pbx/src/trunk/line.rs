//! One trunk at work: its ways, its registration, its probes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use config::{Access, Trunk, TrunkTransport};
use sansio::{Instant, Rng, Transport};
use sip::transaction::{ClientId, Flow};
use sip::{HeaderName, Method, NameAddr, Request, Response, StatusCode, Uri};

use super::address::{at_server, contact, own_address, proxy_route};
use super::hops::{Change, Hops};
use super::registration::{Granted, Next, Registration};
use crate::core::{Core, event_text};
use crate::dialog::PRODUCT;
use crate::interface::{Event, Hop, Output, Query, QueryId, StreamId, Trust};

/// How long a probe may take: what needs longer is of no use to a caller.
const PROBE_TIME_MAX: Duration = Duration::from_secs(8);
/// Time between two keep-alives by which a router in front of us keeps the way in open: over UDP
/// routers close a port after 30 seconds (RFC 5626 §4.4.2), over connections after two minutes.
const KEEP_ALIVE_DATAGRAM: Duration = Duration::from_secs(25);
const KEEP_ALIVE_STREAM: Duration = Duration::from_secs(90);
/// A keep-alive of ours: two line ends, which mean nothing to a SIP server (RFC 5626 §4.4.1).
const KEEP_ALIVE: &[u8] = b"\r\n\r\n";
/// Who asks when the trunk gives us no account.
const PROBE_USER: &str = "ramal";

/// Names a line for as long as the process runs.
pub(super) type LineKey = u64;

/// What a request of ours is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// Registering.
    Register(Flow),
    /// Asking whether the server is there, by this way.
    Probe(Hop),
    /// Taking a registration away.
    Leave(Flow),
}

/// What lines work with.
pub(super) struct Context<'a> {
    pub(super) core: &'a mut Core,
    pub(super) clients: &'a mut BTreeMap<ClientId, (LineKey, Purpose)>,
    pub(super) rng: &'a mut Rng,
}

/// A trunk at work.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) key: LineKey,
    trunk: Trunk,
    hops: Hops,
    registration: Option<Registration>,
    /// When the way in is to be kept open next.
    keep_alive: Option<Instant>,
    /// What the log was told last: why it is down, nothing when it is up.
    told: Option<String>,
}

impl Line {
    pub(super) fn new(key: LineKey, trunk: &Trunk, core: &mut Core) -> Self {
        let registration = match &trunk.access {
            Access::Registering(account) => {
                let (call_id, tag) = (core.sip.new_tag(), core.sip.new_tag());
                Some(Registration::new(trunk, account, call_id, tag))
            }
            Access::Peer { .. } => None,
        };
        Self {
            key,
            trunk: trunk.clone(),
            hops: Hops::default(),
            registration,
            keep_alive: None,
            told: None,
        }
    }

    pub(super) const fn trunk(&self) -> &Trunk {
        &self.trunk
    }

    /// Takes settings that change nothing about the ways and the registration.
    pub(super) fn adjust(&mut self, trunk: &Trunk) {
        self.trunk = trunk.clone();
    }

    /// Whether these settings can be taken without beginning anew.
    pub(super) fn is_adjustable(&self, trunk: &Trunk) -> bool {
        let own = &self.trunk;
        own.name == trunk.name
            && own.enabled == trunk.enabled
            && own.outbound_proxy == trunk.outbound_proxy
            && own.transport == trunk.transport
            && own.trust == trunk.trust
            && match (&own.access, &trunk.access) {
                (Access::Registering(one), Access::Registering(two)) => one == two,
                (Access::Peer { server: one, .. }, Access::Peer { server: two, .. }) => one == two,
                (Access::Registering(_), Access::Peer { .. })
                | (Access::Peer { .. }, Access::Registering(_)) => false,
            }
    }

    /// Hands over the registration, if the carrier knows of it, to be taken away.
    pub(super) fn leave(self, now: Instant) -> Option<(Registration, Trunk, Hop)> {
        let registration = self.registration?;
        let hop = registration.granted(now)?.hop;
        Some((registration, self.trunk, hop))
    }

    /// Whether the Contact would be the same under these settings.
    pub(super) fn keeps_contact(&self, next: &Self) -> bool {
        let user = |line: &Self| match &line.trunk.access {
            Access::Registering(account) => Some(account.contact_user.clone()),
            Access::Peer { .. } => None,
        };
        let token = |line: &Self| line.registration.as_ref().map(|it| it.token().to_owned());
        user(self) == user(next)
            && token(self) == token(next)
            && self.trunk.transport == next.trunk.transport
            && next.trunk.enabled
    }

    pub(super) fn granted(&self, now: Instant) -> Option<&Granted> {
        self.registration.as_ref().and_then(|it| it.granted(now))
    }

    /// Whether the Request-URI is the Contact that only our carrier knows.
    pub(super) fn has_token(&self, uri: &Uri) -> bool {
        let line = uri.as_sip().and_then(|uri| uri.params.get("line"));
        let token = self.registration.as_ref().map(Registration::token);
        self.trunk.enabled && line.is_some() && line == token
    }

    /// Whether one of its ways leads to this address.
    pub(super) fn is_server(&self, address: IpAddr) -> bool {
        let mut ways = self.hops.iter();
        ways.any(|way| way.hop.remote.ip().to_canonical() == address.to_canonical())
    }

    /// Calls can go out by it.
    pub(super) fn is_up(&self, now: Instant) -> bool {
        let registered = self.registration.is_none() || self.granted(now).is_some();
        self.trunk.enabled && registered && !self.hops.working(now).is_empty()
    }

    pub(super) const fn is_registering(&self) -> bool {
        self.registration.is_some()
    }

    /// Its state for people.
    pub(super) fn state(&self, now: Instant) -> String {
        if !self.trunk.enabled {
            return "not enabled".to_owned();
        }
        if self.hops.is_unknown() {
            return if self.hops.has_failed() {
                "the server's name has no address".to_owned()
            } else {
                "looking for the server".to_owned()
            };
        }
        let trouble = self.registration.as_ref().and_then(Registration::trouble);
        match (&self.registration, trouble) {
            (_, _) if self.hops.working(now).is_empty() => "no answer".to_owned(),
            (None, _) => "in service".to_owned(),
            (Some(_), Some(trouble)) => event_text(&trouble.to_string()),
            (Some(it), None) if it.granted(now).is_some() => "registered".to_owned(),
            (Some(_), None) => "registering".to_owned(),
        }
    }

    /// The ways to try for a call, the one we are registered by first.
    pub(super) fn ways(&self, now: Instant, urgent: bool) -> Vec<Hop> {
        let mut ways = match urgent {
            true => self.hops.all(now),
            false => self.hops.working(now),
        };
        let own = self.granted(now).map(|granted| granted.hop);
        ways.sort_by_key(|hop| Some(*hop) != own);
        ways
    }

    pub(super) fn hop_failed(&mut self, now: Instant, hop: Hop) {
        self.hops.failed(now, hop);
    }

    /// Does what is due.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.trunk.enabled {
            return;
        }
        let now = cx.core.now;
        self.hops.timer(now);
        if self.hops.is_due(now) {
            self.resolve(cx);
        }
        if let Some(registration) = &mut self.registration {
            registration.timer(now);
            if registration.is_due(now) && !self.hops.is_unknown() {
                registration.begin();
                self.register(cx, Vec::new());
            }
        }
        self.probe(cx);
        self.keep_way_in(cx);
        self.tell(cx);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        if !self.trunk.enabled {
            return None;
        }
        let known = !self.hops.is_unknown();
        let registration = self.registration.as_ref().filter(|_| known);
        let registration = registration.and_then(Registration::deadline);
        let hops = self.hops.deadline(self.trunk.qualify.is_some());
        let others = registration.into_iter().chain(self.keep_alive);
        others.chain(hops).min()
    }

    fn resolve(&mut self, cx: &mut Context<'_>) {
        let server = self.trunk.outbound_proxy.as_ref();
        let server = server.unwrap_or_else(|| self.trunk.server());
        let query = Query {
            host: server.name.clone(),
            port: server.port,
            transport: match self.trunk.transport {
                TrunkTransport::Auto => None,
                TrunkTransport::Udp => Some(Transport::Udp),
                TrunkTransport::Tcp => Some(Transport::Tcp),
                TrunkTransport::Tls => Some(Transport::Tls),
            },
            secure: self.trunk.transport == TrunkTransport::Tls,
        };
        let id = cx.core.resolve(query);
        self.hops.asked(cx.core.now, id);
    }

    pub(super) fn query(&self) -> Option<QueryId> {
        self.hops.query()
    }

    /// The answer to a resolution.
    pub(super) fn resolved(&mut self, cx: &mut Context<'_>, hops: &[Hop], ttl: Duration) {
        let now = cx.core.now;
        let change = self.hops.resolved(now, hops, ttl, cx.rng);
        let ways = self.hops.iter();
        let addresses = ways.map(|way| way.hop.remote.ip().to_canonical()).collect();
        cx.core.set_servers(&self.trunk.name, addresses);
        // Registered where the carrier is not any more, or under an address that is not ours.
        let lost = self.granted(now).is_some_and(|it| !self.hops.has(it.hop));
        if change == Change::Different
            && lost
            && let Some(registration) = &mut self.registration
        {
            registration.renew(now);
        }
        self.drive(cx);
    }

    /// The connection we are registered by is gone: the carrier has no way to us.
    pub(super) fn stream_closed(&mut self, cx: &mut Context<'_>, stream: StreamId) {
        let now = cx.core.now;
        let by_it = self.granted(now);
        if by_it.is_some_and(|granted| granted.flow.stream == Some(stream))
            && let Some(registration) = &mut self.registration
        {
            registration.renew(now);
            self.drive(cx);
        }
    }

    /// Registers by the best way that was not tried in this attempt.
    fn register(&mut self, cx: &mut Context<'_>, tried: Vec<Hop>) {
        let now = cx.core.now;
        let ways = self.ways(now, true);
        let way = ways.into_iter().find(|it| !tried.contains(it));
        match way {
            Some(hop) => self.register_at(cx, hop, tried),
            None => {
                if let Some(registration) = &mut self.registration {
                    registration.give_up(now, cx.rng);
                }
            }
        }
    }

    fn register_at(&mut self, cx: &mut Context<'_>, hop: Hop, tried: Vec<Hop>) {
        let flow = connect(cx.core, &self.trunk, hop);
        let Some(registration) = &mut self.registration else {
            return;
        };
        let core = &mut *cx.core;
        let request = registration.request(hop, false, || core.sip.new_tag());
        match cx.core.send(flow, request) {
            Some(client) => {
                registration.sent(client, hop, tried);
                let purpose = Purpose::Register(flow);
                cx.clients.insert(client, (self.key, purpose));
            }
            None => registration.give_up(cx.core.now, cx.rng),
        }
    }

    /// A final response to one of its requests.
    pub(super) fn response(
        &mut self,
        cx: &mut Context<'_>,
        client: ClientId,
        purpose: Purpose,
        response: &Response,
    ) {
        let now = cx.core.now;
        match purpose {
            Purpose::Register(flow) => {
                let Some(registration) = &mut self.registration else {
                    return;
                };
                let next = registration.response(now, client, flow, response, cx.rng);
                self.go_on(cx, next);
            }
            Purpose::Probe(hop) => {
                let status = response.status;
                let there = status != StatusCode::SERVICE_UNAVAILABLE
                    && status != StatusCode::REQUEST_TIMEOUT;
                self.probed(now, hop, client, there);
            }
            Purpose::Leave(_) => {}
        }
        self.drive(cx);
    }

    /// One of its requests got no answer.
    pub(super) fn no_response(&mut self, cx: &mut Context<'_>, client: ClientId, purpose: Purpose) {
        match purpose {
            Purpose::Register(_) => {
                let next = match &mut self.registration {
                    Some(registration) => registration.no_response(client),
                    None => Next::Rest,
                };
                self.go_on(cx, next);
            }
            Purpose::Probe(hop) => self.probed(cx.core.now, hop, client, false),
            Purpose::Leave(_) => {}
        }
        self.drive(cx);
    }

    fn go_on(&mut self, cx: &mut Context<'_>, next: Next) {
        match next {
            Next::Rest => {}
            Next::Again(hop) => {
                let tried = self.registration.as_ref().map(Registration::tried);
                self.register_at(cx, hop, tried.unwrap_or_default());
            }
            Next::Elsewhere(tried) => {
                if let Some(failed) = tried.last() {
                    self.hops.failed(cx.core.now, *failed);
                }
                self.register(cx, tried);
            }
        }
    }

    /// Asks every way that is due whether it works.
    fn probe(&mut self, cx: &mut Context<'_>) {
        let Some(interval) = self.trunk.qualify else {
            return;
        };
        let now = cx.core.now;
        let (trunk, key) = (&self.trunk, self.key);
        for way in self.hops.iter_mut() {
            if let Some((client, due)) = way.probe
                && due <= now
            {
                cx.clients.remove(&client);
                way.probed(now, false, interval);
            }
            if way.probe.is_some() || way.probe_at > now {
                continue;
            }
            let flow = connect(cx.core, trunk, way.hop);
            let request = options(cx.core, trunk, way.hop);
            match cx.core.send(flow, request) {
                Some(client) => {
                    way.probe = Some((client, now + PROBE_TIME_MAX));
                    let purpose = Purpose::Probe(way.hop);
                    cx.clients.insert(client, (key, purpose));
                }
                None => way.probe_at = now + interval,
            }
        }
    }

    fn probed(&mut self, now: Instant, hop: Hop, client: ClientId, there: bool) {
        let interval = self.trunk.qualify.unwrap_or(PROBE_TIME_MAX);
        let way = self.hops.iter_mut().find(|way| way.hop == hop);
        if let Some(way) = way.filter(|way| way.probe.is_some_and(|(sent, _)| sent == client)) {
            way.probed(now, there, interval);
        }
    }

    /// Calls come in by the way we registered: routers must not close it meanwhile.
    fn keep_way_in(&mut self, cx: &mut Context<'_>) {
        let now = cx.core.now;
        let Some(flow) = self.granted(now).map(|granted| granted.flow) else {
            self.keep_alive = None;
            return;
        };
        let interval = match flow.transport {
            Transport::Udp => KEEP_ALIVE_DATAGRAM,
            Transport::Tcp | Transport::Tls => KEEP_ALIVE_STREAM,
        };
        match self.keep_alive {
            None => self.keep_alive = Some(now + interval),
            Some(due) if due <= now => {
                self.keep_alive = Some(now + interval);
                let bytes = KEEP_ALIVE.to_vec();
                cx.core.emit(Output::Transmit { flow, bytes });
            }
            Some(_) => {}
        }
    }

    /// Tells the log what has changed: also that it never came up, once that is certain.
    fn tell(&mut self, cx: &mut Context<'_>) {
        let now = cx.core.now;
        let reason = match self.is_up(now) {
            true => String::new(),
            false => self.state(now),
        };
        let certain = self.told.is_some() || reason.is_empty() || self.has_trouble(now);
        if !certain || self.told.as_ref() == Some(&reason) {
            return;
        }
        self.told = Some(reason.clone());
        let trunk = self.trunk.name.clone();
        cx.core.event(if reason.is_empty() {
            Event::TrunkUp { trunk }
        } else {
            Event::TrunkDown { trunk, reason }
        });
    }

    /// Something is wrong, and not merely under way.
    fn has_trouble(&self, now: Instant) -> bool {
        let registration = self.registration.as_ref();
        self.hops.has_failed()
            || registration.is_some_and(|it| it.trouble().is_some())
            || (!self.hops.is_unknown() && self.hops.working(now).is_empty())
    }
}

/// A flow to the trunk. A TLS server must be whom the settings name, never whom DNS named
/// (RFC 5922 §4).
pub(super) fn connect(core: &mut Core, trunk: &Trunk, hop: Hop) -> Flow {
    let server = trunk.outbound_proxy.as_ref();
    let server = server.unwrap_or_else(|| trunk.server());
    core.connect(hop, &server.name, &trust(trunk))
}

fn trust(trunk: &Trunk) -> Trust {
    match &trunk.trust {
        config::Trust::Public => Trust::Public,
        config::Trust::Authorities { der, .. } => Trust::Authorities(der.clone()),
        config::Trust::Fingerprint(hash) => Trust::Fingerprint(*hash),
    }
}

/// A flow to a hop that a dialog of the trunk of this name leads to. A TLS server must be whom the
/// dialog names; when that is an address, whom the settings name.
pub(crate) fn connect_in_dialog(core: &mut Core, name: &str, hop: Hop, host: &str) -> Flow {
    let Some(trunk) = core.site.as_ref().and_then(|(_, site)| site.trunk(name)) else {
        return core.connect(hop, host, &Trust::Public);
    };
    let literal = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let server_name = match literal {
        true => trunk.server().name.clone(),
        false => host.to_owned(),
    };
    let trust = trust(trunk);
    core.connect(hop, &server_name, &trust)
}

fn options(core: &mut Core, trunk: &Trunk, hop: Hop) -> Request {
    let user = match &trunk.access {
        Access::Registering(account) => &account.user,
        Access::Peer { .. } => PROBE_USER,
    };
    let target = at_server(None, trunk);
    let from = NameAddr::new(own_address(user, trunk, hop)).with_tag(&core.sip.new_tag());
    let to = NameAddr::new(target.clone());
    let call_id = core.sip.new_tag();
    let mut request = Request::new(Method::Options, target, &from, &to, &call_id, 1);
    for hop in proxy_route(trunk) {
        request.headers.push(HeaderName::Route, hop.to_string());
    }
    let contact = contact(user, hop, None).to_string();
    request.headers.push(HeaderName::Contact, contact);
    request.headers.push(HeaderName::Accept, "application/sdp");
    request.headers.push(HeaderName::UserAgent, PRODUCT);
    request
}
