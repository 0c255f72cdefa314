//! The loop: waits for the next cause, hands it to the node, carries out what the node wants.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use pbx::{Event, Flow, Input, Limit, Output, PbxNode};
use sansio::{Instant, Node as _, UnixTime};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::events::EventLog;
use super::media_link::MediaLink;
use super::status::{self, StatusQuestion};
use super::store_link::StoreLink;
use super::streams::{self, Streams};
use super::udp::SipUdp;
use super::{DriveError, Peers, Sockets};
use crate::clock::Clock;
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
    peers: Peers,
    notify: &Notify,
) -> Result<(), DriveError> {
    let failed = |name| move |source| DriveError::Socket { name, source };
    let udp = SipUdp::new(sockets.sip_udp).map_err(failed("SIP over UDP"))?;
    sockets
        .sip_tcp
        .set_nonblocking(true)
        .map_err(failed("SIP over TCP"))?;
    let listener = tokio::net::TcpListener::from_std(sockets.sip_tcp);
    let accepted = streams::accept(listener.map_err(failed("SIP over TCP"))?);
    let questions = status::serve(sockets.ipc).map_err(failed("the status socket"))?;
    let terminated = signal(SignalKind::terminate()).map_err(failed("SIGTERM"))?;
    let (feeder, feed) = mpsc::channel(FEED_MAX);
    let turn = Turn {
        node,
        clock,
        udp,
        streams: Streams::new(feeder.clone()),
        media: MediaLink::start(peers.media, feeder.clone()),
        store: StoreLink::start(peers.store, Vec::new(), feeder),
        log: EventLog::default(),
        backlog: VecDeque::new(),
        notify,
        ready: false,
        wall_offset: None,
        stopping: None,
        stopped: false,
    };
    turn.serve(Arrivals {
        feed,
        accepted,
        questions,
        terminated,
    })
    .await;
    Ok(())
}

/// Everything that arrives other than by UDP.
struct Arrivals {
    feed: mpsc::Receiver<Input>,
    accepted: mpsc::Receiver<(TcpStream, SocketAddr)>,
    questions: mpsc::Receiver<StatusQuestion>,
    terminated: tokio::signal::unix::Signal,
}

struct Turn<'a> {
    node: PbxNode,
    clock: Clock,
    udp: SipUdp,
    streams: Streams,
    media: MediaLink,
    store: StoreLink,
    log: EventLog,
    /// Inputs that carrying out an output gave at once.
    backlog: VecDeque<Input>,
    notify: &'a Notify,
    ready: bool,
    /// Wall clock less running clock, milliseconds, as last told to the node.
    wall_offset: Option<i64>,
    /// When stopping must be over.
    stopping: Option<Instant>,
    stopped: bool,
}

impl Turn<'_> {
    async fn serve(mut self, mut arrivals: Arrivals) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() {
            let wake = self.clock.to_std(self.wake_at());
            tokio::select! {
                readable = self.udp.readable() => self.datagrams(readable),
                Some(input) = arrivals.feed.recv() => {
                    self.input(input);
                    self.more(&mut arrivals.feed);
                }
                Some((socket, remote)) = arrivals.accepted.recv() => {
                    match self.streams.admit(socket, remote) {
                        Some(opened) => self.input(opened),
                        None => self.log.write(self.clock.now(), &TOO_MANY_STREAMS),
                    }
                }
                Some(question) = arrivals.questions.recv() => {
                    // An asker that went away needs no answer.
                    let _ = question.send(self.node.status());
                }
                () = sleep_until(wake.into()) => self.timer(),
                _ = tick.tick() => self.tick(),
                Some(()) = arrivals.terminated.recv() => self.stop(),
            }
        }
    }

    /// Takes the datagrams that wait, up to the budget.
    fn datagrams(&mut self, readable: std::io::Result<()>) {
        if let Err(error) = readable {
            tracing::warn!("SIP over UDP: {error}");
        }
        for _ in 0..BUDGET {
            match self.udp.receive() {
                Ok(Some(datagram)) => self.input(Input::Datagram(datagram)),
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!("SIP over UDP: {error}");
                    return;
                }
            }
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
        if let Input::StreamClosed { stream } = &input {
            self.streams.forget(*stream);
        }
        let configured = matches!(input, Input::Config(..));
        self.backlog.push_back(input);
        while let Some(input) = self.backlog.pop_front() {
            self.node.handle(self.clock.now(), input);
            while let Some(output) = self.node.poll() {
                self.carry_out(output);
            }
        }
        if configured && !self.ready {
            self.ready = true;
            self.notify.ready();
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Transmit { flow, bytes } => self.transmit(flow, bytes),
            Output::CloseStream(stream) => self.streams.close(stream),
            Output::Media(request) => self.backlog.extend(self.media.ask(request)),
            Output::Connect { stream, .. } => {
                self.backlog.push_back(Input::StreamClosed { stream });
            }
            Output::Resolve { id, .. } => self.backlog.push_back(Input::Resolved {
                id,
                hops: Vec::new(),
                ttl_secs: 0,
            }),
            Output::Sound(_) | Output::Checkpoint { .. } => {}
            Output::Persist(records) => self.store.put_calls(records),
            Output::PersistRegistrations(all) => self.store.put_registrations(all),
            Output::Change(change) => self.store.change(change),
            Output::Event(event) => self.log.write(self.clock.now(), &event),
            Output::Stopped => self.stopped = true,
        }
    }

    fn transmit(&mut self, flow: Flow, bytes: Vec<u8>) {
        if let Some(stream) = flow.stream {
            self.streams.send(stream, bytes);
        } else if let Err(error) = self.udp.send(flow.local, flow.remote, &bytes) {
            tracing::debug!(to = %flow.remote, "a datagram could not be sent: {error}");
        }
    }

    fn timer(&mut self) {
        let now = self.clock.now();
        if self.node.deadline().is_some_and(|deadline| deadline <= now) {
            self.input(Input::Timer);
        }
    }

    fn tick(&mut self) {
        self.notify.watchdog();
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

    /// When the loop must turn even if nothing arrives.
    fn wake_at(&self) -> Instant {
        let never = self.clock.now() + NEVER;
        let deadline = self.node.deadline().unwrap_or(never);
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
