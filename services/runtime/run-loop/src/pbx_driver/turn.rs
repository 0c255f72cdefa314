//! The loop: waits for the next cause, hands it to the node, carries out what the node wants.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use ipc::guard::Bans;
use ipc::pbx::{Reply, Request};
use pbx::{Event, Flow, Input, Limit, Notice, Output, PROTECTING, PbxNode};
use sansio::{Datagram, Instant, Node as _, Rng, UnixTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::background::Background;
use super::checkpoints::Checkpoints;
use super::events::EventLog;
use super::identity;
use super::keeper::Keeper;
use super::last_with::LastWith;
use super::neighbours;
use super::pace::{PAUSE, Pace};
use super::resolver::{self, Ports, Resolver};
use super::sound_link::SoundLink;
use super::start::Start;
use super::status::{self, Question};
use super::store_link::StoreLink;
use super::streams::{self, ACCEPTED_MAX, Accepted, Streams};
use super::tls::{Doors, Knock};
use super::trace::SipTrace;
use super::udp::SipUdp;
use super::{DriveError, Places, Sockets, tls};
use crate::clock::Clock;
use crate::guard_link::GuardLink;
use crate::notify::Notify;

/// Inputs from tasks that wait for the loop. A full queue holds the peers' streams back.
const FEED_MAX: usize = 1024;

/// Inputs of one kind worked off before the others have their turn.
const BUDGET: usize = 64;

/// How often the loop says it turns, and looks at the wall clock.
const TICK: Duration = Duration::from_secs(1);

/// A wall clock that is off by more than this was set, rather than slewed.
const WALL_CLOCK_JUMP: Duration = Duration::from_millis(500);

/// How long stopping in order may take; PID 1 kills after 2 s.
const STOP_MAX: Duration = Duration::from_millis(1800);

/// What is logged of a connection that is not taken; bounded there like all that strangers cause.
const TOO_MANY_STREAMS: Event = Event::LimitReached {
    limit: Limit::Streams,
};

/// A time-out that is never reached.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Serves until told to stop.
pub(super) async fn run(
    node: PbxNode,
    clock: Clock,
    sockets: Sockets,
    places: Places,
    notify: &Notify,
) -> Result<(), DriveError> {
    let failed = |name| move |source| DriveError::Socket { name, source };
    let background = Background::start().map_err(DriveError::Runtime)?;
    let ports = ports_of(&sockets);
    let mut udp = Vec::new();
    for socket in sockets.udp {
        udp.push(SipUdp::new(socket).map_err(failed("SIP over UDP"))?);
    }
    let (accepting, accepted) = mpsc::channel(ACCEPTED_MAX);
    let (knocks, knocked) = mpsc::channel(ACCEPTED_MAX);
    for listener in sockets.tcp {
        let listener = listener
            .set_nonblocking(true)
            .and_then(|()| tokio::net::TcpListener::from_std(listener))
            .map_err(failed("SIP over TCP"))?;
        tokio::spawn(streams::accept(listener, accepting.clone()));
    }
    if !sockets.tls.is_empty() {
        let sources = identity::Sources {
            store: places.store.clone(),
            net: places.net.clone(),
        };
        let doors = Doors { knocks, accepting };
        let serve = tls::serve(sockets.tls, sources, doors);
        background.handle().spawn(serve);
    }
    let questions = status::serve(sockets.ipc).map_err(failed("the status socket"))?;
    let terminated = signal(SignalKind::terminate()).map_err(failed("SIGTERM"))?;
    let (feeder, feed) = mpsc::channel(FEED_MAX);
    let mut rng = Rng::from_seed(random_number().map_err(DriveError::Runtime)?);
    let keeper = Keeper::new(sockets.kept);
    let first = rng.next_u64();
    let on_background = background.handle();
    on_background.spawn(neighbours::follow(places.net.clone(), feeder.clone()));
    let names = resolver::Source::Net(places.net);
    let mut turn = Turn {
        node,
        clock,
        streams: Streams::new(first, on_background.clone(), keeper, feeder.clone()),
        resolver: Resolver::start(on_background, names, ports, rng, feeder.clone()),
        sound: SoundLink::start(places.media, feeder.clone()),
        last_with: LastWith::new(places.store.clone(), feeder.clone()),
        store: StoreLink::new(places.store),
        guard: guard_link(&background, clock, places.guard, feeder.clone()),
        checkpoints: Checkpoints::new(places.calls),
        udp,
        datagrams: VecDeque::new(),
        pace: Pace::default(),
        pausing: false,
        log: EventLog::default(),
        trace: SipTrace::default(),
        backlog: VecDeque::new(),
        notify,
        start: Start::at(clock.now()),
        wall_offset: None,
        stopping: None,
        stopped: false,
    };
    let taken_over = turn.take_over();
    turn.store.start(taken_over, feeder);
    turn.serve(Arrivals {
        feed,
        accepted,
        knocks: knocked,
        questions,
        terminated,
    })
    .await;
    Ok(())
}

/// Who is banned is read on the second thread: no call waits for it.
fn guard_link(
    background: &Background,
    clock: Clock,
    path: PathBuf,
    feeder: mpsc::Sender<Input>,
) -> GuardLink {
    let read = move |bans: Bans| {
        let notices = Notice::read(clock.now(), &bans).into_iter();
        notices.map(Input::Bans).collect()
    };
    GuardLink::start(background.handle(), path, PROTECTING, read, feeder)
}

/// What we listen on. Both IP versions use the same ports.
fn ports_of(sockets: &Sockets) -> Ports {
    let udp = sockets.udp.iter().find_map(|it| it.local_addr().ok());
    let of = |listeners: &[std::net::TcpListener]| {
        let local = listeners.iter().find_map(|it| it.local_addr().ok());
        local.map_or(0, |local| local.port())
    };
    Ports {
        udp: udp.map_or(0, |local| local.port()),
        tcp: of(&sockets.tcp),
        tls: of(&sockets.tls),
    }
}

fn random_number() -> io::Result<u64> {
    let mut bytes = [0; 8];
    crate::fill_random(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Everything that arrives other than by UDP.
struct Arrivals {
    feed: mpsc::Receiver<Input>,
    accepted: mpsc::Receiver<Accepted>,
    knocks: mpsc::Receiver<Knock>,
    questions: mpsc::Receiver<Question>,
    terminated: tokio::signal::unix::Signal,
}

struct Turn<'a> {
    node: PbxNode,
    clock: Clock,
    /// One for each IP version.
    udp: Vec<SipUdp>,
    /// Taken from a socket, not yet worked off.
    datagrams: VecDeque<Datagram>,
    pace: Pace,
    /// The next datagrams are let gather.
    pausing: bool,
    streams: Streams,
    resolver: Resolver,
    sound: SoundLink,
    store: StoreLink,
    last_with: LastWith,
    guard: GuardLink,
    checkpoints: Checkpoints,
    log: EventLog,
    trace: SipTrace,
    /// Inputs that carrying out an output gave at once.
    backlog: VecDeque<Input>,
    notify: &'a Notify,
    start: Start,
    /// Wall clock less running clock, milliseconds, as last told to the node.
    wall_offset: Option<i64>,
    /// When stopping must be over.
    stopping: Option<Instant>,
    stopped: bool,
}

impl Turn<'_> {
    /// Goes on with what an earlier process left; gives the records of the calls that go on.
    fn take_over(&mut self) -> Vec<String> {
        self.look_at_wall_clock();
        let calls = self.checkpoints.read();
        if !calls.is_empty() {
            tracing::info!(calls = calls.len(), "taking over calls in progress");
        }
        self.input(Input::StoredCalls(calls));
        let calls = self.node.status().calls;
        let connections = self.streams.take_back();
        if !connections.is_empty() {
            let count = connections.len();
            tracing::info!(connections = count, "taking over connections of phones");
        }
        for opened in connections {
            self.input(opened);
        }
        self.flush();
        calls.into_iter().map(|call| call.id).collect()
    }

    async fn serve(mut self, mut arrivals: Arrivals) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut alarm = std::pin::pin!(sleep_until(tokio::time::Instant::now()));
        while !self.is_over() {
            let wake = self.clock.to_std(self.wake_at()).into();
            if alarm.deadline() != wake {
                alarm.as_mut().reset(wake);
            }
            tokio::select! {
                ready = readable(&self.udp), if self.takes_datagrams() => self.datagrams(ready),
                Some(input) = arrivals.feed.recv() => {
                    self.input(input);
                    self.more(&mut arrivals.feed);
                }
                Some(accepted) = arrivals.accepted.recv(), if self.takes_strangers() => {
                    let sight = accepted.sight();
                    match self.streams.admit(accepted) {
                        Some(opened) => {
                            self.input(Input::Seen(sight));
                            self.input(opened);
                        }
                        None => self.log.write(self.clock.now(), &TOO_MANY_STREAMS),
                    }
                }
                Some(knock) = arrivals.knocks.recv() => {
                    let is_heard = self.node.hears(self.clock.now(), knock.source.to_canonical());
                    // Who has gone meanwhile needs no answer.
                    let _ = knock.answer.send(is_heard);
                }
                Some(question) = arrivals.questions.recv() => self.answer(question),
                () = &mut alarm => self.timer(),
                _ = tick.tick() => {
                    self.notify.watchdog();
                    self.look_at_wall_clock();
                    self.trace.pass(self.clock.now());
                }
                Some(()) = arrivals.terminated.recv() => self.stop(),
            }
            self.flush();
            if std::mem::take(&mut self.pausing) {
                self.settle(&mut arrivals.feed).await;
                // Everything else on this thread waits too: what it says is told in the same turn.
                std::thread::sleep(PAUSE);
            }
        }
        self.streams.end();
    }

    /// Takes the datagrams that wait at one socket, a batch at most.
    fn datagrams(&mut self, (at, readable): (usize, io::Result<()>)) {
        if let Err(error) = readable {
            tracing::warn!("SIP over UDP: {error}");
        }
        let Some(socket) = self.udp.get_mut(at) else {
            return;
        };
        let more = socket.receive(&mut self.datagrams).unwrap_or_else(|error| {
            tracing::debug!("SIP over UDP: {error}");
            false
        });
        self.pace.took(self.clock.now(), self.datagrams.len());
        self.pausing = self.pace.is_high() && !more;
        while let Some(datagram) = self.datagrams.pop_front() {
            self.input(Input::Datagram(datagram));
        }
    }

    /// Lets the links say what this turn gave them, and takes what they were answered, so that
    /// neither waits for a pause that is not theirs.
    async fn settle(&mut self, feed: &mut mpsc::Receiver<Input>) {
        for _ in 0..2 {
            tokio::task::yield_now().await;
            self.more(feed);
            self.flush();
        }
    }

    /// What a turn has gathered: calls are kept before anybody is told.
    fn flush(&mut self) {
        self.checkpoints.flush();
        for socket in &mut self.udp {
            socket.flush();
        }
    }

    /// Takes what else the tasks have sent, up to the budget.
    fn more(&mut self, feed: &mut mpsc::Receiver<Input>) {
        for _ in 1..BUDGET {
            let Ok(input) = feed.try_recv() else { return };
            self.input(input);
        }
    }

    /// One cause from outside, and whatever follows from it at once.
    fn input(&mut self, input: Input) {
        self.trace.see(&self.clock, &input);
        if let Input::StreamClosed { stream } = &input {
            self.streams.forget(*stream);
        }
        let is_first = self.start.see(&input);
        self.backlog.push_back(input);
        while let Some(input) = self.backlog.pop_front() {
            self.node.handle(self.clock.now(), input);
            while let Some(output) = self.node.poll() {
                self.carry_out(output);
            }
        }
        if is_first {
            self.notify.ready();
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Transmit { flow, bytes } => self.transmit(flow, bytes),
            Output::CloseStream(stream) => self.streams.close(stream),
            Output::Sound(request) => self.backlog.extend(self.sound.ask(request)),
            Output::Connect {
                stream,
                hop,
                server_name,
                trust,
            } => {
                let failed = self.streams.connect(stream, hop, server_name, trust);
                self.backlog.extend(failed);
            }
            Output::Resolve { id, query } => self.backlog.extend(self.resolver.ask(id, query)),
            Output::LastWith {
                id,
                number,
                since_millis,
            } => {
                let answered = self.last_with.ask(id, number, since_millis);
                self.backlog.extend(answered);
            }
            Output::Checkpoint { key, call } => self.checkpoints.put(key, call),
            Output::Persist(records) => self.backlog.extend(self.store.put_calls(records)),
            Output::PersistRegistrations(all) => self.store.put_registrations(all),
            Output::PersistSpent(spent) => self.store.put_spent(spent),
            Output::Change(change) => self.store.change(change),
            Output::Found(finding) => self.guard.found(finding),
            Output::Outsider(source) => self.guard.outsider(source),
            Output::Seen(sighting) => self.guard.seen(sighting),
            Output::Protect(guests) => self.guard.protect(guests),
            Output::Event(event) => {
                // The servers of the trunks are known by then.
                if matches!(event, Event::Configured { .. }) {
                    self.guard.settled();
                }
                self.trace.told(&event);
                self.log.write(self.clock.now(), &event);
            }
            Output::Stopped => self.stopped = true,
        }
    }

    fn answer(&mut self, question: Question) {
        let reply = match question.request {
            Request::Status => Reply::Status(self.node.status()),
            Request::Trace(ask) => {
                let legs = || self.node.call_ids();
                Reply::Trace(self.trace.answer(self.clock.now(), ask, legs))
            }
        };
        // An asker that went away needs no answer.
        let _ = question.answer.send(reply);
    }

    fn transmit(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.trace.sent(&self.clock, &flow, &bytes);
        if let Some(stream) = flow.stream {
            self.streams.send(stream, bytes);
            return;
        }
        let remote = flow.remote;
        match self.udp.iter_mut().find(|it| it.reaches(remote.ip())) {
            Some(socket) => socket.send(flow.local, remote, bytes),
            None => tracing::debug!(to = %remote, "no socket of this IP version"),
        }
    }

    fn timer(&mut self) {
        let now = self.clock.now();
        if self.node.deadline().is_some_and(|deadline| deadline <= now) {
            self.input(Input::Timer);
        }
    }

    fn look_at_wall_clock(&mut self) {
        let wall = self.clock.unix();
        let running = i64::try_from(self.clock.now().as_nanos() / 1_000_000).unwrap_or(i64::MAX);
        let offset = wall.as_millis().saturating_sub(running);
        let jumped = self
            .wall_offset
            .is_none_or(|told| u128::from(told.abs_diff(offset)) > WALL_CLOCK_JUMP.as_millis());
        if jumped {
            self.wall_offset = Some(offset);
            self.input(Input::WallClock(UnixTime::from_millis(wall.as_millis())));
        }
    }

    fn stop(&mut self) {
        if self.stopping.is_none() {
            tracing::info!("stopping");
            self.stopping = Some(self.clock.now() + STOP_MAX);
            self.input(Input::Shutdown);
        }
    }

    fn takes_datagrams(&self) -> bool {
        self.start.datagrams_wait_until(self.clock.now()).is_none()
    }

    fn takes_strangers(&self) -> bool {
        self.start.strangers_wait_until(self.clock.now()).is_none()
    }

    /// When the loop must turn even if nothing arrives.
    fn wake_at(&self) -> Instant {
        let now = self.clock.now();
        let waits = self.start.datagrams_wait_until(now);
        let never = waits.unwrap_or_else(|| now + NEVER);
        let deadline = self
            .node
            .deadline()
            .map_or(never, |deadline| deadline.min(never));
        self.stopping.map_or(deadline, |stop| {
            // While stopping, look often whether the store has taken everything.
            deadline
                .min(stop)
                .min(self.clock.now() + Duration::from_millis(20))
        })
    }

    fn is_over(&self) -> bool {
        let Some(stop) = self.stopping else {
            return false;
        };
        let done = self.stopped && self.store.is_idle();
        if !done && self.clock.now() >= stop {
            tracing::warn!(
                node = self.stopped,
                store = self.store.is_idle(),
                "stopped halfway"
            );
            return true;
        }
        done
    }
}

/// Which of the sockets may have a datagram.
async fn readable(sockets: &[SipUdp]) -> (usize, io::Result<()>) {
    std::future::poll_fn(|context| {
        for (at, socket) in sockets.iter().enumerate() {
            if let Poll::Ready(readable) = socket.poll_readable(context) {
                return Poll::Ready((at, readable));
            }
        }
        Poll::Pending
    })
    .await
}
