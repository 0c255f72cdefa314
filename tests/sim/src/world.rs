//! The site: one box, its phones, and everything that is on its way between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::Site;
use ipc::Redacted;
use ipc::site::{Extension, ExtensionSettings, Forward, Site as RawSite};
use ipc::sound::{EndpointId, Event as SoundEvent, Reply, Request};
use ipc::store::{PhoneChange, PhoneSetting, Spent};
use pbx::{Event, Hop, Input, Output, PbxNode, Query, Stored};
use sansio::{Datagram, Entropy, Instant, Node, Rng, Transport, UnixTime};
use sip::digest::{Algorithm, Ha1};

use crate::network::Faults;
use crate::phone::{Act, Phone};
use crate::services::{MediaModel, StoreModel};
use crate::trace::Trace;

/// The box's SIP address.
pub const BOX_ADDRESS: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
    5060,
);
/// The password of every simulated extension.
pub const PASSWORD: &str = "correct-horse";
const REALM: &str = "ramal";
/// How long the media service and the store take to answer.
const SERVICE_DELAY: Duration = Duration::from_millis(5);
/// When the simulated clock on the wall starts: 2026-01-01.
const WALL_CLOCK_START: i64 = 1_767_225_600_000;

/// The address of the phone with this index.
#[must_use]
pub fn phone_address(index: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, index], 5060))
}

/// Something on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Arrival {
    AtBox(Datagram),
    AtPhone(usize, Datagram),
    Media(EndpointId, Reply),
    Stored(Vec<String>),
    Act(usize, Act),
    Input(Box<Input>),
    StoreDown,
    StoreUp,
    PbxKilled,
}

/// One simulated site.
#[derive(Debug)]
pub struct World {
    /// The node under test.
    pub node: PbxNode,
    /// Its phones: extensions 100, 101...
    pub phones: Vec<Phone>,
    /// The media service.
    pub media: MediaModel,
    /// The store.
    pub store: StoreModel,
    /// What the network does from now on.
    pub faults: Faults,
    /// Every event so far.
    pub events: Vec<Event>,
    /// Every call that was accepted for processing, by record id.
    pub calls_started: Vec<String>,
    /// What was sent to addresses where no phone is.
    pub elsewhere: Vec<Datagram>,
    /// What the node wants of TCP connections: bytes to send, or `None` to close.
    pub streams: Vec<(pbx::StreamId, Option<Vec<u8>>)>,
    /// What the node wants kept of calls in progress, by key.
    pub checkpoints: BTreeMap<u64, Vec<u8>>,
    /// How each connection that is open was told: they outlive the exchange (decision 0014).
    pub kept: BTreeMap<pbx::StreamId, Input>,
    /// The node said that it has stopped.
    pub stopped: bool,
    site: Site,
    version: u64,
    rng: Rng,
    now: Instant,
    sequence: u64,
    arrivals: BTreeMap<(Instant, u64), Arrival>,
    trace: Trace,
}

impl World {
    /// A site with that many phones, all extensions configured, nothing registered.
    #[must_use]
    pub fn new(seed: u64, phones: u8, faults: Faults) -> Self {
        let mut rng = Rng::from_seed(seed);
        let site = site(phones);
        let mut key = [0; 32];
        key.fill_with(|| u8::try_from(rng.below(256)).unwrap_or_default());
        let mut world = Self {
            node: PbxNode::new(Rng::from_seed(rng.next_u64()), Entropy::new(key)),
            phones: Vec::new(),
            media: MediaModel::default(),
            store: StoreModel::default(),
            faults,
            events: Vec::new(),
            calls_started: Vec::new(),
            elsewhere: Vec::new(),
            streams: Vec::new(),
            checkpoints: BTreeMap::new(),
            kept: BTreeMap::new(),
            stopped: false,
            site: site.clone(),
            version: 1,
            rng,
            now: Instant::ORIGIN,
            sequence: 0,
            arrivals: BTreeMap::new(),
            trace: Trace::default(),
        };
        for index in 0..phones {
            world.add_phone(index, PASSWORD);
        }
        world.input(Input::WallClock(UnixTime::from_millis(WALL_CLOCK_START)));
        world.input(Input::Config(1, Arc::new(site)));
        world.input(Input::StoredSpent(Spent::default()));
        world
    }

    /// Cuts the power of the box: what only its memory held is gone, and every call over.
    pub fn cut_power(&mut self) {
        self.checkpoints.clear();
        self.kill_pbx();
    }

    /// Sets the clock on the wall to so long after the beginning.
    pub fn set_clock(&mut self, after: Duration) {
        let unix = UnixTime::from_millis(WALL_CLOCK_START) + after;
        self.input(Input::WallClock(unix));
    }

    /// A quiet site whose phones have just registered.
    #[must_use]
    pub fn office(phones: u8) -> Self {
        let mut world = Self::new(1, phones, Faults::NONE);
        for index in 0..usize::from(phones) {
            world.act_after(Duration::ZERO, index, Act::Register);
        }
        world.run_for(Duration::from_secs(1));
        world
    }

    /// One more phone for the extension 100 + `extension`, with this password; gives its index.
    pub fn add_phone(&mut self, extension: u8, password: &str) -> usize {
        let place = u8::try_from(self.phones.len()).unwrap_or(u8::MAX);
        let rng = Rng::from_seed(self.rng.next_u64());
        let number = number(extension);
        let address = phone_address(place);
        self.phones.push(Phone::new(
            &number,
            REALM,
            password,
            address,
            BOX_ADDRESS,
            rng,
        ));
        self.phones.len().saturating_sub(1)
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The hash over everything that happened so far.
    #[must_use]
    pub const fn trace(&self) -> u64 {
        self.trace.value()
    }

    /// As many extensions as that, 100 and up, without phones of this world's own.
    pub fn extensions(&mut self, count: u8) {
        self.configure(|raw| raw.extensions = extensions(count));
    }

    /// Changes the configuration, as an administrator does.
    pub fn configure(&mut self, change: impl FnOnce(&mut RawSite)) {
        let mut raw = self.site.to_ipc();
        change(&mut raw);
        match Site::parse(&raw) {
            Ok(site) => self.site = site,
            Err(faults) => unreachable!("the simulated site is valid: {faults:?}"),
        }
        self.version = self.version.saturating_add(1);
        let config = Input::Config(self.version, Arc::new(self.site.clone()));
        self.arrive(SERVICE_DELAY, Arrival::Input(Box::new(config)));
    }

    /// What the store does when somebody changes a setting at his phone.
    fn change(&mut self, change: &PhoneChange) {
        self.configure(|raw| {
            let mut extensions = raw.extensions.iter_mut();
            let Some(extension) = extensions.find(|one| one.number == change.extension) else {
                return;
            };
            let settings = &mut extension.settings;
            match &change.setting {
                PhoneSetting::ForwardAlways(number) => settings.forward.always.clone_from(number),
                PhoneSetting::ForwardBusy(number) => settings.forward.busy.clone_from(number),
                PhoneSetting::ForwardNoAnswer(number) => {
                    settings.forward.no_answer.clone_from(number);
                }
                PhoneSetting::DoNotDisturb(on) => settings.do_not_disturb = *on,
            }
        });
    }

    /// Kills the exchange after a while, and starts it again at once.
    pub fn kill_pbx_after(&mut self, wait: Duration) {
        self.arrive(wait, Arrival::PbxKilled);
    }

    /// Kills the exchange and starts it again at once: it knows what the store and its checkpoints
    /// know. Endpoints of media go on.
    pub fn kill_pbx(&mut self) {
        let mut key = [0; 32];
        key.fill_with(|| u8::try_from(self.rng.below(256)).unwrap_or_default());
        let rng = Rng::from_seed(self.rng.next_u64());
        self.node = PbxNode::new(rng, Entropy::new(key));
        self.store.forget_waiting();
        // Nobody is left to hear what services answer to the process that died.
        self.arrivals.retain(|_, arrival| {
            !matches!(
                arrival,
                Arrival::Media(..) | Arrival::Stored(_) | Arrival::Input(_)
            )
        });
        let unix = UnixTime::from_millis(WALL_CLOCK_START) + (self.now - Instant::ORIGIN);
        self.input(Input::WallClock(unix));
        let rows = self.checkpoints.clone().into_iter().collect();
        self.input(Input::StoredCalls(rows));
        let taken_over = self.node.status().calls;
        self.store
            .interrupt(|id| taken_over.iter().any(|call| call.id == id));
        for opened in self.kept.clone().into_values() {
            self.input(opened);
        }
        self.input(Input::Config(self.version, Arc::new(self.site.clone())));
        self.input(Input::StoredRegistrations(self.store.registrations.clone()));
        self.input(Input::StoredSpent(self.store.spent.0.clone()));
    }

    /// The configuration in use.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// A random number for the script of a run, from the run's own seed.
    pub fn draw(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// Lets a phone's owner do something after a while.
    pub fn act_after(&mut self, wait: Duration, phone: usize, act: Act) {
        self.arrive(wait, Arrival::Act(phone, act));
    }

    /// Crashes the store after a while, and starts it again later.
    pub fn crash_store(&mut self, after: Duration, away: Duration) {
        self.arrive(after, Arrival::StoreDown);
        self.arrive(after + away, Arrival::StoreUp);
    }

    /// Gives the node a cause at once.
    pub fn input(&mut self, input: Input) {
        self.trace
            .feed(self.now, "input", format!("{input:?}").as_bytes());
        self.node.handle(self.now, input);
        self.drain_node();
    }

    /// Gives the node a cause after a while.
    pub fn input_after(&mut self, wait: Duration, input: Input) {
        self.arrive(wait, Arrival::Input(Box::new(input)));
    }

    /// Sends a datagram to the box at once, without the network's faults.
    pub fn send_to_box(&mut self, source: SocketAddr, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.input(Input::Datagram(Datagram {
            source,
            destination: BOX_ADDRESS,
            ttl: None,
            bytes,
        }));
    }

    /// Takes what was sent to an address where no phone is.
    pub fn take_for(&mut self, address: SocketAddr) -> Vec<Vec<u8>> {
        let sent = self
            .elsewhere
            .extract_if(.., |sent| sent.destination == address);
        sent.map(|sent| sent.bytes).collect()
    }

    /// Runs for a while.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(next) = self.next_moment().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.moment();
        }
        self.now = end;
    }

    pub(crate) fn next_moment(&self) -> Option<Instant> {
        let arrival = self.arrivals.first_key_value().map(|((at, _), _)| *at);
        let phones = self.phones.iter().filter_map(Phone::deadline);
        phones.chain(arrival).chain(self.node.deadline()).min()
    }

    /// Everything that happens at one instant, in a fixed order.
    fn moment(&mut self) {
        let now = self.now;
        while let Some(entry) = self
            .arrivals
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            let arrival = entry.remove();
            self.arrived(arrival);
        }
        if self.node.deadline().is_some_and(|deadline| deadline <= now) {
            self.node.handle(now, Input::Timer);
            self.drain_node();
        }
        for index in 0..self.phones.len() {
            if let Some(phone) = self.phones.get_mut(index)
                && phone.deadline().is_some_and(|deadline| deadline <= now)
            {
                phone.timer(now);
            }
            self.drain_phone(index);
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        let now = self.now;
        self.trace
            .feed(now, "arrival", format!("{arrival:?}").as_bytes());
        match arrival {
            Arrival::AtBox(datagram) => self.node.handle(now, Input::Datagram(datagram)),
            Arrival::AtPhone(index, datagram) => {
                if let Some(phone) = self.phones.get_mut(index) {
                    phone.receive(now, &datagram.bytes);
                }
                self.drain_phone(index);
            }
            Arrival::Media(endpoint, reply) => {
                self.node.handle(now, Input::Sound { endpoint, reply });
            }
            Arrival::Stored(ids) => self.node.handle(now, Input::Stored(Stored::Calls(ids))),
            Arrival::Act(index, act) => {
                if let Some(phone) = self.phones.get_mut(index) {
                    phone.act(now, &act);
                }
                self.drain_phone(index);
            }
            Arrival::Input(input) => self.node.handle(now, *input),
            Arrival::StoreDown => self.store.down = true,
            Arrival::PbxKilled => self.kill_pbx(),
            Arrival::StoreUp => {
                let ids = self.store.restart();
                self.arrive(SERVICE_DELAY, Arrival::Stored(ids));
            }
        }
        self.drain_node();
    }

    fn drain_node(&mut self) {
        while let Some(output) = self.node.poll() {
            self.trace
                .feed(self.now, "output", format!("{output:?}").as_bytes());
            match output {
                Output::Transmit { flow, bytes } => match flow.stream {
                    Some(stream) => self.streams.push((stream, Some(bytes))),
                    None => self.carry(Datagram {
                        source: flow.local,
                        destination: flow.remote,
                        ttl: None,
                        bytes,
                    }),
                },
                Output::CloseStream(stream) => self.streams.push((stream, None)),
                Output::Sound(request) => {
                    let (endpoint, reply) = self.media.answer(&request);
                    let wait = SERVICE_DELAY.saturating_add(self.media.late);
                    let arrival = match (&request, reply) {
                        // As the run-loop tells it.
                        (Request::Record { id, .. }, Reply::Failed { reason }) => {
                            let event = SoundEvent::RecordingFailed { id: *id, reason };
                            Arrival::Input(Box::new(Input::SoundEvent(event)))
                        }
                        (_, reply) => Arrival::Media(endpoint, reply),
                    };
                    self.arrive(wait, arrival);
                }
                Output::Checkpoint { key, call } => {
                    match call {
                        Some(call) => self.checkpoints.insert(key, call),
                        None => self.checkpoints.remove(&key),
                    };
                }
                Output::Change(change) => self.change(&change),
                // Nothing in this world listens for connections.
                Output::Connect { stream, .. } => {
                    let closed = Input::StreamClosed { stream };
                    self.arrive(SERVICE_DELAY, Arrival::Input(Box::new(closed)));
                }
                Output::Resolve { id, query } => {
                    let resolved = Input::Resolved {
                        id,
                        hops: hops(&query),
                        ttl_secs: 3600,
                    };
                    self.arrive(SERVICE_DELAY, Arrival::Input(Box::new(resolved)));
                }
                Output::LastWith {
                    id,
                    number,
                    since_millis,
                } => self.ask_last_with(id, number.reveal(), since_millis),
                Output::Persist(records) => {
                    let ids = self.store.put(records);
                    if !ids.is_empty() {
                        self.arrive(SERVICE_DELAY, Arrival::Stored(ids));
                    }
                }
                Output::PersistRegistrations(rows) => self.store.registrations = rows,
                Output::PersistSpent(spent) => {
                    self.store.spent = (spent, self.store.spent.1 + 1);
                }
                Output::Event(event) => {
                    if let Event::CallStarted { id, .. } = &event {
                        self.calls_started.push(id.clone());
                    }
                    self.events.push(event);
                }
                // The world has no guard; what a door decides it decides by itself.
                Output::Found(_) | Output::Outsider(_) | Output::Seen(_) | Output::Protect(_) => {}
                Output::Stopped => self.stopped = true,
            }
        }
    }

    /// Asks the store who had last to do with a number.
    fn ask_last_with(&mut self, id: u64, number: &str, since_millis: i64) {
        self.store.asked.push((number.to_owned(), since_millis));
        let known = self.store.last_with.clone();
        let extension = known.filter(|_| !self.store.down);
        if let Some(late) = self.store.last_with_late {
            let answer = Input::LastWith { id, extension };
            let wait = SERVICE_DELAY.saturating_add(late);
            self.arrive(wait, Arrival::Input(Box::new(answer)));
        }
    }

    fn drain_phone(&mut self, index: usize) {
        while let Some(datagram) = self.phones.get_mut(index).and_then(Phone::poll) {
            self.carry(datagram);
        }
    }

    /// Puts a datagram on the network.
    fn carry(&mut self, datagram: Datagram) {
        let delays = self.faults.deliveries(&mut self.rng);
        let to_phone = self
            .phones
            .iter()
            .position(|phone| phone.address() == datagram.destination);
        for delay in delays {
            let datagram = datagram.clone();
            if datagram.destination == BOX_ADDRESS {
                self.arrive(delay, Arrival::AtBox(datagram));
            } else if let Some(index) = to_phone {
                self.arrive(delay, Arrival::AtPhone(index, datagram));
            } else {
                self.elsewhere.push(datagram);
            }
        }
    }

    fn arrive(&mut self, wait: Duration, arrival: Arrival) {
        self.sequence = self.sequence.saturating_add(1);
        self.arrivals
            .insert((self.now + wait, self.sequence), arrival);
    }
}

fn number(extension: u8) -> String {
    u32::from(extension).saturating_add(100).to_string()
}

/// Every host in this world is an address, and is reached by UDP.
fn hops(query: &Query) -> Vec<Hop> {
    let Ok(address) = query.host.parse() else {
        return Vec::new();
    };
    vec![Hop {
        transport: Transport::Udp,
        remote: SocketAddr::new(address, query.port.unwrap_or(5060)),
        local: BOX_ADDRESS,
    }]
}

/// Rings longer than a transaction lasts, so that a phone that is gone is told from one that rings.
fn patient() -> ExtensionSettings {
    ExtensionSettings {
        forward: Forward {
            ring_secs: 60,
            ..Forward::default()
        },
        ..ExtensionSettings::default()
    }
}

fn extensions(count: u8) -> Vec<Extension> {
    (0..count)
        .map(|index| {
            let number = number(index);
            let ha1 = Ha1::from_password(&number, REALM, PASSWORD);
            Extension {
                display_name: format!("Desk {number}"),
                ha1_md5: Redacted::new(ha1.hex(Algorithm::Md5).to_owned()),
                ha1_sha256: Redacted::new(ha1.hex(Algorithm::Sha256).to_owned()),
                remote: false,
                settings: patient(),
                number,
            }
        })
        .collect()
}

fn site(phones: u8) -> Site {
    let mut raw = Site::factory(REALM).to_ipc();
    raw.extensions = extensions(phones);
    match Site::parse(&raw) {
        Ok(site) => site,
        Err(faults) => unreachable!("the simulated site is valid: {faults:?}"),
    }
}
