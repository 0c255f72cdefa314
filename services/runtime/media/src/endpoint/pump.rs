//! The media thread: waits on every socket at once, moves packets, keeps the tick.
//!
//! Nothing here waits for anybody: requests come by a queue, recordings leave by one, events by
//! one a watcher, and none of them is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use ipc::sound::{EndpointId, Event, Family, Reply, Request};
use run_loop::clock::Clock;
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use sansio::{Instant, Rng};

use super::Channel;
use super::control::{Command, Commands, Control, Order, channel};
use super::engine::{Arrived, ENDPOINTS_MAX, Engine, IDLE, SWEEP, TICK};
use super::files::Opened;
use super::hearing::World;
use super::links::{Job, Jobs, Link, Wish};
use super::recorder::{Recorder, Work, recorder};
use super::resting::Resting;
use super::sockets::{Pair, SocketsError, control_space, is_own_address};
use crate::ports::{PortRange, PortRing};

/// Why the media thread cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    /// epoll, eventfd or timerfd failed.
    #[error("the kernel does not wait on sockets: {0}")]
    Kernel(#[from] rustix::io::Errno),
    /// The socket requests come by failed.
    #[error("the control socket failed: {0}")]
    Listener(std::io::Error),
    /// There is no thread for recordings.
    #[error("no thread for recordings: {0}")]
    Thread(std::io::Error),
}

/// Every endpoint of the box and the one thread that drives them.
#[derive(Debug)]
pub struct Pump {
    clock: Clock,
    engine: Engine,
    outside: Outside,
    /// Pairs whose slot no endpoint has.
    resting: Resting,
    range: PortRange,
    ring: PortRing,
    poll: OwnedFd,
    commands: Commands,
    links: Vec<Option<Link>>,
    jobs: Option<Jobs>,
    tick: Tick,
    watchers: Vec<SyncSender<Event>>,
    next_recording: u64,
    /// The recording an endpoint had last, and its file.
    recorded: BTreeMap<EndpointId, (u64, String)>,
    idle: Duration,
}

/// What the engine reaches of the world.
#[derive(Debug)]
struct Outside {
    /// By slot, as the engine's endpoints.
    pairs: Vec<Option<Pair>>,
    recorder: Recorder,
    /// Recordings the recorder does not keep up with.
    overrun: Vec<u64>,
}

impl World for Outside {
    fn send(
        &mut self,
        slot: usize,
        channel: Channel,
        local: Option<IpAddr>,
        to: SocketAddr,
        bytes: &[u8],
    ) -> bool {
        let pair = self.pairs.get_mut(slot).and_then(Option::as_mut);
        pair.is_some_and(|pair| pair.send(channel, local, to, bytes))
    }

    fn record(&mut self, recording: u64, samples: Vec<i16>) -> bool {
        let is_taken = self.recorder.samples(recording, samples);
        if !is_taken {
            self.overrun.push(recording);
        }
        is_taken
    }
}

/// The 20 ms timer; it runs only while somebody needs it.
#[derive(Debug)]
struct Tick {
    timer: OwnedFd,
    is_running: bool,
    told_late: Option<Instant>,
}

impl Pump {
    /// A pump without endpoints, and the handle that opens some. `seed` gives SSRCs and the first
    /// port and should be hard to guess.
    ///
    /// # Errors
    /// The kernel gives no epoll, eventfd, timerfd or thread.
    pub fn new(clock: Clock, range: PortRange, seed: u64) -> Result<(Self, Control), PumpError> {
        let (control, commands) = channel()?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        watch(&poll, commands.wake(), CONTROL)?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        watch(&poll, &timer, TIMER)?;
        let (recorder, work) = recorder();
        start_recorder(work, control.clone())?;
        let mut rng = Rng::from_seed(seed);
        let pump = Self {
            clock,
            ring: PortRing::new(range, rng.next_u64()),
            engine: Engine::new(rng),
            outside: Outside {
                pairs: Vec::new(),
                recorder,
                overrun: Vec::new(),
            },
            resting: Resting::default(),
            range,
            poll,
            commands,
            links: Vec::new(),
            jobs: None,
            tick: Tick {
                timer,
                is_running: false,
                told_late: None,
            },
            watchers: Vec::new(),
            next_recording: 0,
            recorded: BTreeMap::new(),
            idle: IDLE,
        };
        Ok((pump, control))
    }

    /// After how long a silence [`Event::Idle`] is told; 30 s unless set.
    #[must_use]
    pub const fn idle_after(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Where requests of links go that take a file, or time.
    #[must_use]
    pub(crate) fn serving(mut self, jobs: Jobs) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Pumps until something breaks; calls `alive` at least once a second.
    ///
    /// # Errors
    /// What broke.
    pub fn run(mut self, mut alive: impl FnMut()) -> Result<(), PumpError> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut buffer = vec![0; DATAGRAM_MAX];
        let mut control = control_space();
        let mut last_alive = self.clock.now();
        let mut next_sweep = last_alive + SWEEP;
        alive();
        loop {
            events.clear();
            let wait = timespec(next_sweep - self.clock.now());
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.poll, spare, Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                match event.data.u64() {
                    CONTROL => self.obey()?,
                    TIMER => self.tick(),
                    data if data >= LINKS => self.hear_link(data - LINKS, &mut buffer),
                    data => self.receive(data, &mut buffer, &mut control),
                }
            }
            let now = self.clock.now();
            if now >= next_sweep {
                self.tick.look(now, now - next_sweep);
                next_sweep = now + SWEEP;
                self.engine.sweep(now, self.idle, &mut self.outside);
                while let Some(slot) = self.resting.expired(now) {
                    self.release(slot);
                }
                self.check_leaks();
            }
            self.settle()?;
            if now - last_alive >= ALIVE_EVERY {
                last_alive = now;
                alive();
            }
        }
    }

    /// Takes one datagram. One only: epoll reports the socket again while more wait, and meanwhile
    /// every other call has its turn.
    fn receive(&mut self, data: u64, buffer: &mut [u8], control: &mut [u8]) {
        let (slot, channel) = from_data(data);
        // A slot may have been emptied or used again since the event was reported; then there is
        // nothing to read, or what is read belongs to the new endpoint.
        let Some(pair) = self.outside.pairs.get(slot).and_then(Option::as_ref) else {
            return;
        };
        if !self.engine.has(slot) {
            // The last packets of a call that is over.
            let taken = pair.receive(channel, buffer, None);
            if taken.is_some() && self.resting.stray(self.clock.now(), slot) {
                self.release(slot);
            }
            return;
        }
        let control = self.engine.needs_local(slot).then_some(control);
        let Some(received) = pair.receive(channel, buffer, control) else {
            return;
        };
        let Some(bytes) = buffer.get(..received.length) else {
            return;
        };
        let arrived = Arrived {
            slot,
            channel,
            source: received.source,
            local: received.local,
            bytes,
        };
        let now = self.clock.now();
        self.engine.datagram(now, arrived, &mut self.outside);
    }

    /// Does the ticks that are due: more than one when the thread was late.
    fn tick(&mut self) {
        let mut expirations = [0; 8];
        if rustix::io::read(&self.tick.timer, &mut expirations).is_err() {
            return;
        }
        let now = self.clock.now();
        let due = u64::from_ne_bytes(expirations);
        for _ in 0..due.min(TICKS_CAUGHT_UP_MAX) {
            self.engine.tick(now, &mut self.outside);
        }
    }

    /// Tells what happened, and starts or stops the timer.
    fn settle(&mut self) -> Result<(), PumpError> {
        while let Some(recording) = self.outside.overrun.pop() {
            let reason = "the disk does not keep up".to_owned();
            self.outside.recorder.end(recording, None);
            self.engine.recording_failed(recording, reason);
        }
        while let Some(event) = self.engine.poll_event() {
            self.watchers
                .retain(|watcher| match watcher.try_send(event.clone()) {
                    Ok(()) => true,
                    Err(TrySendError::Disconnected(_)) => false,
                    Err(TrySendError::Full(_)) => {
                        tracing::warn!("a watcher of media events fell behind and is let go");
                        false
                    }
                });
        }
        if self.engine.is_ticking() != self.tick.is_running {
            self.tick.run(self.engine.is_ticking())?;
        }
        Ok(())
    }

    fn obey(&mut self) -> Result<(), PumpError> {
        self.commands.quiet();
        while let Some(command) = self.commands.next() {
            match command {
                Command::Ask(order, answer) => self.answer(order, answer),
                Command::Watch(watcher) => self.watchers.push(watcher),
                Command::RecordingFailed { recording, reason } => {
                    self.engine.recording_failed(recording, reason);
                }
                Command::Adopt(link) => self.adopt(*link),
                Command::Stop(reason) => return Err(PumpError::Listener(reason)),
            }
        }
        Ok(())
    }

    /// Serves a connection from now on; it may have sent something already.
    fn adopt(&mut self, link: Link) {
        let free = self.links.iter().position(Option::is_none);
        let at = free.unwrap_or(self.links.len());
        if at == self.links.len() {
            self.links.push(None);
        }
        match watch(&self.poll, &link, LINKS + at as u64) {
            Ok(()) => self.serve(at, link),
            Err(error) => tracing::warn!("the kernel does not wait on a connection: {error}"),
        }
    }

    /// A link has sent something.
    fn hear_link(&mut self, at: u64, buffer: &mut [u8]) {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let link = self.links.get_mut(at).and_then(Option::take);
        // Whoever is gone is closed here, and epoll forgets it by itself.
        if let Some(mut link) = link
            && link.receive(buffer)
        {
            self.serve(at, link);
        }
    }

    /// Answers everything that a link has asked.
    fn serve(&mut self, at: usize, mut link: Link) {
        let now = self.clock.now();
        let request = loop {
            match link.next() {
                Wish::Answer(request) => {
                    let reply = self.plain(now, request);
                    if !link.answer(&reply) {
                        return;
                    }
                }
                Wish::Thread(request) => break request,
                Wish::Wait => {
                    if let Some(place) = self.links.get_mut(at) {
                        *place = Some(link);
                    }
                    return;
                }
                Wish::End => return,
            }
        };
        // It comes back as a new one. Without room the peer finds it closed, and connects again.
        let is_ours = epoll::delete(&self.poll, &link).is_ok();
        let jobs = self.jobs.as_ref().filter(|_| is_ours);
        if jobs.is_none_or(|jobs| jobs.try_send(Job { link, request }).is_err()) {
            tracing::warn!("closed a connection: too much is asked that takes time");
        }
    }

    /// Answers a request. An asker that went away needs no answer.
    fn answer(&mut self, order: Order, answer: SyncSender<Reply>) {
        let now = self.clock.now();
        let reply = match order {
            Order::Plain(Request::StopRecording(id)) => {
                // The recorder answers, once the file can be read.
                let Some(slot) = self.engine.slot_of(id) else {
                    let _ = answer.send(Reply::Unknown);
                    return;
                };
                match self.engine.stop_recording(slot, &mut self.outside) {
                    Some(recording) => self.outside.recorder.end(recording, Some(answer)),
                    None => drop(answer.send(Reply::Done)),
                }
                return;
            }
            Order::Plain(request) => self.plain(now, request),
            Order::Play(id, sound) => self.with(id, |engine, slot| engine.play(slot, sound)),
            Order::PlayOn(id, name, sound) => {
                self.with(id, |engine, slot| engine.play_on(slot, name, sound))
            }
            Order::Record(id, name, file) => self.record(id, name, file),
            Order::Recorded(id, name, reason) => self.is_recorded(id, &name, reason),
        };
        let _ = answer.send(reply);
    }

    fn plain(&mut self, now: Instant, request: Request) -> Reply {
        match request {
            Request::Open { id, family, port } => self.open(now, id, family, port),
            Request::Set(id, agreed) => {
                let Some(slot) = self.engine.slot_of(id) else {
                    return Reply::Unknown;
                };
                if let Some(remote) = agreed.remote
                    && self.is_its_own(slot, remote)
                {
                    return failed(format!(
                        "{remote} is the endpoint itself: media would circle"
                    ));
                }
                match self.engine.set(now, slot, *agreed) {
                    Ok(()) => Reply::Done,
                    Err(reason) => failed(reason),
                }
            }
            Request::Hear(id, source) => self.with(id, |engine, slot| engine.hear(slot, source)),
            Request::Dial { id, digits } => {
                self.with(id, |engine, slot| engine.dial(slot, &digits))
            }
            Request::Close(id) => self.close(now, id),
            Request::KeepOnly(kept) => {
                let kept = BTreeSet::from_iter(kept);
                let unwanted: Vec<_> = self.engine.ids().filter(|id| !kept.contains(id)).collect();
                for id in unwanted {
                    self.close(now, id);
                }
                Reply::Done
            }
            Request::Status => {
                let stats = |id| Some((id, self.engine.stats(now, id)?));
                Reply::Endpoints(self.engine.ids().filter_map(stats).collect())
            }
            Request::Record { .. }
            | Request::StopRecording(_)
            | Request::KeepRecordings(_)
            | Request::Recordings
            | Request::DeleteRecording(_)
            | Request::ReadRecording { .. }
            | Request::Watch => failed("not asked this way".to_owned()),
        }
    }

    fn with(&mut self, id: EndpointId, act: impl FnOnce(&mut Engine, usize)) -> Reply {
        let Some(slot) = self.engine.slot_of(id) else {
            return Reply::Unknown;
        };
        act(&mut self.engine, slot);
        Reply::Done
    }

    fn record(&mut self, id: EndpointId, name: String, file: Opened) -> Reply {
        let Some(slot) = self.engine.slot_of(id) else {
            return Reply::Unknown;
        };
        if let Some(before) = self.engine.stop_recording(slot, &mut self.outside) {
            self.outside.recorder.end(before, None);
        }
        let recording = self.next_recording;
        self.next_recording += 1;
        match self.engine.record(slot, recording) {
            Some(rate) => {
                self.outside.recorder.begin(recording, file, rate);
                self.recorded.insert(id, (recording, name));
                Reply::Done
            }
            None => failed("it is being recorded already".to_owned()),
        }
    }

    /// Whoever asks again for what is being done has it.
    fn is_recorded(&self, id: EndpointId, name: &str, reason: String) -> Reply {
        let Some(slot) = self.engine.slot_of(id) else {
            return Reply::Unknown;
        };
        let running = self.engine.recording(slot);
        match self.recorded.get(&id) {
            Some((recording, known)) if known == name && running == Some(*recording) => Reply::Done,
            Some(_) | None => failed(reason),
        }
    }

    fn open(&mut self, now: Instant, id: EndpointId, family: Family, port: Option<u16>) -> Reply {
        if let Some(pair) = self.pair(id) {
            return Reply::Opened { port: pair.port() };
        }
        if self.engine.len() >= ENDPOINTS_MAX {
            return failed(format!(
                "{ENDPOINTS_MAX} endpoints are open, as many as there may be"
            ));
        }
        if port.is_none()
            && let Some(slot) = self.resting.take(now, family)
            && let Some(pair) = self.outside.pairs.get_mut(slot).and_then(Option::as_mut)
        {
            pair.begin_anew();
            self.engine.open(now, id, slot, false);
            return Reply::Opened { port: pair.port() };
        }
        match self.bind(family, port) {
            Ok((slot, port_now)) => {
                self.engine.open(now, id, slot, port.is_some());
                Reply::Opened { port: port_now }
            }
            Err(reason) => failed(reason),
        }
    }

    /// Opens the sockets of a pair and waits on them; where it is, and its port.
    fn bind(&mut self, family: Family, port: Option<u16>) -> Result<(usize, u16), String> {
        let bound = match port {
            None => self.bind_any(family).map_err(|error| error.to_string()),
            Some(port) if self.range.has_pair(port) => {
                if let Some(slot) = self.resting.give_up(family, Some(port)) {
                    self.release(slot);
                }
                Pair::bind_at(family, port)
                    .map_err(|error| format!("port {port} cannot be had again: {error}"))
            }
            Some(port) => Err(format!(
                "port {port} does not begin a pair of {}",
                self.range
            )),
        };
        let pair = bound?;
        let pairs = &mut self.outside.pairs;
        let free = pairs.iter().position(Option::is_none);
        let slot = free.unwrap_or(pairs.len());
        for channel in [Channel::Rtp, Channel::Rtcp] {
            watch(&self.poll, pair.get(channel), to_data(slot, channel))
                .map_err(|error| format!("the kernel does not wait on another socket: {error}"))?;
        }
        let port = pair.port();
        match pairs.get_mut(slot) {
            Some(place) => *place = Some(pair),
            None => pairs.push(Some(pair)),
        }
        Ok((slot, port))
    }

    /// Any pair; when there is no other, one that would have rested longer.
    fn bind_any(&mut self, family: Family) -> Result<Pair, SocketsError> {
        let bound = Pair::bind(family, &mut self.ring);
        if let Err(SocketsError::NoPort) = bound
            && let Some(slot) = self.resting.give_up(family, None)
        {
            self.release(slot);
            return Pair::bind(family, &mut self.ring);
        }
        bound
    }

    /// Drops an endpoint; its sockets rest for the next one.
    fn close(&mut self, now: Instant, id: EndpointId) -> Reply {
        let Some(slot) = self.engine.slot_of(id) else {
            return Reply::Unknown;
        };
        if let Some(recording) = self.engine.stop_recording(slot, &mut self.outside) {
            self.outside.recorder.end(recording, None);
        }
        self.recorded.remove(&id);
        let stats = self.engine.close(now, slot);
        if let Some(pair) = self.outside.pairs.get(slot).and_then(Option::as_ref) {
            let surplus = self.resting.put(now, slot, pair.family(), pair.port());
            surplus.into_iter().for_each(|slot| self.release(slot));
        }
        stats.map_or(Reply::Unknown, |stats| Reply::Closed(Box::new(stats)))
    }

    /// Closes the sockets of a pair, which epoll forgets by itself.
    fn release(&mut self, slot: usize) {
        if let Some(place) = self.outside.pairs.get_mut(slot) {
            *place = None;
        }
    }

    fn pair(&self, id: EndpointId) -> Option<&Pair> {
        self.outside.pairs.get(self.engine.slot_of(id)?)?.as_ref()
    }

    /// Whether an address is one of the endpoint's own two ports.
    fn is_its_own(&self, slot: usize, remote: SocketAddr) -> bool {
        let pair = self.outside.pairs.get(slot).and_then(Option::as_ref);
        let ports = pair.map_or(0..=0, |pair| pair.port()..=pair.port().saturating_add(1));
        ports.contains(&remote.port()) && is_own_address(remote.ip())
    }

    /// Each port open must be an endpoint's or rest, or the range runs dry in some weeks.
    fn check_leaks(&self) {
        let open = self.outside.pairs.iter().flatten().count();
        let known = self.engine.len() + self.resting.len();
        if open != known {
            tracing::error!("{open} port pairs are open, {known} are known");
        }
        debug_assert_eq!(open, known, "a port leaks");
    }
}

impl Tick {
    fn run(&mut self, run: bool) -> rustix::io::Result<()> {
        let interval = timespec(if run { TICK } else { Duration::ZERO });
        let timer = Itimerspec {
            it_interval: interval,
            it_value: interval,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer)?;
        self.is_running = run;
        Ok(())
    }

    /// Says when the thread is late; not more often than every ten seconds.
    fn look(&mut self, now: Instant, late: Duration) {
        let was_told = self
            .told_late
            .is_some_and(|told| now - told < LATE_TOLD_EVERY);
        if late < LATE || was_told {
            return;
        }
        self.told_late = Some(now);
        let late = late.as_millis();
        tracing::warn!("the media thread is {late} ms late: this box has too much to do");
    }
}

fn start_recorder(work: Work, control: Control) -> Result<(), PumpError> {
    std::thread::Builder::new()
        .name("recorder".into())
        .spawn(move || work.run(&control))
        .map(drop)
        .map_err(PumpError::Thread)
}

fn watch(poll: &OwnedFd, socket: impl rustix::fd::AsFd, data: u64) -> rustix::io::Result<()> {
    let data = epoll::EventData::new_u64(data);
    epoll::add(poll, socket, data, epoll::EventFlags::IN)
}

const fn failed(reason: String) -> Reply {
    Reply::Failed { reason }
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}

/// A socket as epoll's user data.
const fn to_data(slot: usize, channel: Channel) -> u64 {
    let channel = match channel {
        Channel::Rtp => 0,
        Channel::Rtcp => 1,
    };
    (slot as u64) << 1 | channel
}

/// The socket behind epoll's user data.
fn from_data(data: u64) -> (usize, Channel) {
    let slot = usize::try_from(data >> 1).unwrap_or(usize::MAX);
    let channel = if data & 1 == 0 {
        Channel::Rtp
    } else {
        Channel::Rtcp
    };
    (slot, channel)
}

/// The user data of links begins here; no slot reaches it.
const LINKS: u64 = 1 << 62;

/// The user data of the control channel and of the timer; no link reaches them.
const CONTROL: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// Sockets worked off between two looks at the kernel's list.
const EVENTS_MAX: usize = 256;

/// Longest datagram taken whole; audio packets are under 1,500 bytes, what is longer is cut and of
/// no use to anyone.
const DATAGRAM_MAX: usize = 2048;

/// How often to say that the loop turns.
const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// Ticks made up for after the thread was held up: 200 ms, what jitter buffers bridge.
const TICKS_CAUGHT_UP_MAX: u64 = 10;

/// A lateness that is heard: phones hold back some 40 to 60 ms.
const LATE: Duration = Duration::from_millis(40);

/// How often at most to say that the thread is late.
const LATE_TOLD_EVERY: Duration = Duration::from_secs(10);
