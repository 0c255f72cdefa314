//! The supervisor: one small state machine a service, and one for the way down.
//!
//! ```text
//!            Spawn                 READY
//!   Idle ----------> Starting ------------> Ready
//!                     ^   |                   |
//!       delay over    |   | ended             | ended
//!                     |   v                   v
//!                   Waiting <-----------------+----- 5 ends in 60 s ----> GivenUp
//!
//!   Shutdown: web, update, grid, pbx, media, guard, net, store: SIGTERM, 5 s, SIGKILL, Finish.
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use sansio::{Instant, Node};

use crate::backoff::{Backoff, Verdict};
use crate::events::{Exit, Input, Output, Report, ServiceStatus, Shutdown, Signal};
use crate::service::{ByService, Service};
use crate::trial::Trial;

/// Decides over all services; see the crate header.
#[derive(Debug, Default)]
pub struct SupervisorNode {
    services: ByService<Supervised>,
    outputs: VecDeque<Output>,
    pet_at: Option<Instant>,
    /// What a hardware watchdog waits for a pet, where that is shorter than it should be.
    watchdog_waits: Option<Duration>,
    trial: Trial,
    was_ready: bool,
    shutdown: Option<Shutdown>,
    finished: bool,
}

#[derive(Debug, Default)]
struct Supervised {
    phase: Phase,
    backoff: Backoff,
    restarts: u32,
    last_exit: String,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Idle,
    Spawning,
    Running(Running),
    Waiting {
        until: Instant,
    },
    GivenUp,
    Stopped,
}

#[derive(Debug)]
struct Running {
    pid: u32,
    since: Instant,
    ready: bool,
    heard: Instant,
    terminated: Option<Instant>,
    killed: Option<Instant>,
    unkillable: bool,
}

impl Node for SupervisorNode {
    type Input = Input;
    type Output = Output;

    fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Start(standing) => {
                self.trial.begin(now, standing);
                self.start(now);
            }
            Input::Maintain(standing) => {
                self.trial.maintain(now, standing);
                self.keep_alive(now);
            }
            Input::ChildStarted(service, pid) => self.started(now, service, pid),
            Input::SpawnFailed(service, reason) => {
                if matches!(self.services.of(service).phase, Phase::Spawning) {
                    self.ended(now, service, Exit::NotStarted(reason), Duration::ZERO);
                }
            }
            Input::ChildReady(service, pid) => self.ready(now, service, pid),
            Input::Watchdog(service, pid) => {
                if let Some(running) = self.running(service, pid) {
                    running.heard = now;
                }
            }
            Input::Answered(service) => self.trial.answered(service),
            Input::TunnelExpected => self.trial.expect_tunnel(),
            Input::Tunnel { is_up } => self.trial.tunnel(now, is_up),
            Input::ChildExited(service, pid, exit) => {
                if let Some(running) = self.running(service, pid) {
                    let uptime = now - running.since;
                    self.ended(now, service, exit, uptime);
                }
            }
            Input::RootDamaged { has_other } => self.root_damaged(has_other),
            Input::RestartRequested(service, signal) => self.restart(now, service, signal),
            Input::ShutdownRequested(kind) => self.shut_down(now, kind),
            Input::Timer => self.timer(now),
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let services = self
            .services
            .iter()
            .filter_map(|(service, it)| match &it.phase {
                Phase::Waiting { until } => Some(*until),
                Phase::Running(running) => running.deadline(service),
                Phase::Idle | Phase::Spawning | Phase::GivenUp | Phase::Stopped => None,
            });
        let others = [self.pet_at, self.trial.deadline()];
        services.chain(others.into_iter().flatten()).min()
    }
}

impl SupervisorNode {
    /// A supervisor that has started nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The hardware watchdog waits this long for a pet: it gets three chances at least.
    pub fn pet_within(&mut self, watchdog_waits: Duration) {
        self.watchdog_waits = Some(watchdog_waits);
    }

    fn pet_interval(&self) -> Duration {
        let third = self.watchdog_waits.map(|it| it / 3);
        third.map_or(PET_INTERVAL, |it| it.clamp(PET_INTERVAL_MIN, PET_INTERVAL))
    }

    /// Every service, in start order.
    #[must_use]
    pub fn status(&self) -> Vec<ServiceStatus> {
        let of = |(service, it): (Service, &Supervised)| {
            let (state, pid) = match &it.phase {
                Phase::Spawning => ("starting", None),
                Phase::Running(running) => (running.state(), Some(running.pid)),
                Phase::Waiting { .. } => ("waiting", None),
                Phase::GivenUp => ("given-up", None),
                Phase::Idle | Phase::Stopped => ("stopped", None),
            };
            let last_exit = it.last_exit.clone();
            ServiceStatus {
                service,
                state,
                pid,
                restarts: it.restarts,
                last_exit,
            }
        };
        self.services.iter().map(of).collect()
    }

    fn keep_alive(&mut self, now: Instant) {
        self.outputs.push_back(Output::PetWatchdog);
        self.pet_at = Some(now + self.pet_interval());
    }

    fn start(&mut self, now: Instant) {
        self.keep_alive(now);
        for service in Service::ALL {
            if matches!(self.services.of(service).phase, Phase::Idle) {
                self.spawn(service);
            }
        }
    }

    fn spawn(&mut self, service: Service) {
        self.services.of_mut(service).phase = Phase::Spawning;
        self.outputs.push_back(Output::Spawn(service));
    }

    fn running(&mut self, service: Service, pid: u32) -> Option<&mut Running> {
        match &mut self.services.of_mut(service).phase {
            Phase::Running(running) if running.pid == pid => Some(running),
            Phase::Running(_)
            | Phase::Idle
            | Phase::Spawning
            | Phase::Waiting { .. }
            | Phase::GivenUp
            | Phase::Stopped => None,
        }
    }

    fn started(&mut self, now: Instant, service: Service, pid: u32) {
        self.services.of_mut(service).phase = Phase::Running(Running {
            pid,
            since: now,
            ready: false,
            heard: now,
            terminated: None,
            killed: None,
            unkillable: false,
        });
        self.stop_next(now);
    }

    fn ready(&mut self, now: Instant, service: Service, pid: u32) {
        let Some(running) = self.running(service, pid) else {
            return;
        };
        running.heard = now;
        if running.ready {
            return;
        }
        running.ready = true;
        let after = now - running.since;
        self.outputs
            .push_back(Output::Report(Report::Ready(service, after)));
        if self.first_not_ready().is_some() {
            return;
        }
        self.trial.all_ready(now);
        if !self.was_ready {
            self.was_ready = true;
            self.outputs.push_back(Output::AllReady);
        }
    }

    fn first_not_ready(&self) -> Option<Service> {
        let is_ready = |it: &Supervised| match &it.phase {
            Phase::Running(running) => running.ready,
            Phase::Idle
            | Phase::Spawning
            | Phase::Waiting { .. }
            | Phase::GivenUp
            | Phase::Stopped => false,
        };
        let mut services = self.services.iter();
        services.find_map(|(service, it)| {
            let is_missing = service.is_needed() && !is_ready(it);
            is_missing.then_some(service)
        })
    }

    fn ended(&mut self, now: Instant, service: Service, exit: Exit, uptime: Duration) {
        let stopping = self.shutdown.is_some();
        let it = self.services.of_mut(service);
        it.last_exit = exit.to_string();
        if matches!(&it.phase, Phase::Running(running) if running.terminated.is_some()) {
            // It ended because it was asked to: no crash.
            it.backoff.forget();
        }
        if stopping {
            it.phase = Phase::Stopped;
            self.outputs
                .push_back(Output::Report(Report::Stopped(service)));
            self.stop_next(now);
            return;
        }
        if service.is_needed() {
            self.trial.not_ready();
        }
        if service == Service::Grid {
            self.trial.tunnel(now, false);
        }
        let report = match it.backoff.exited(now, uptime) {
            Verdict::RestartAfter(delay) => {
                it.phase = Phase::Waiting { until: now + delay };
                Report::Restarting(service, exit, delay)
            }
            Verdict::GiveUp => {
                it.phase = Phase::GivenUp;
                Report::GivenUp(service, exit)
            }
        };
        let is_given_up = matches!(report, Report::GivenUp(..));
        self.outputs.push_back(Output::Report(report));
        if is_given_up {
            self.outputs.extend(self.trial.given_up(service));
        }
    }

    fn root_damaged(&mut self, has_other: bool) {
        if self.shutdown.is_some() {
            return;
        }
        let is_given_up = |it: &Supervised| matches!(it.phase, Phase::GivenUp);
        let mut services = self.services.iter();
        let given_up = services.find_map(|(service, it)| {
            let is_lost = service.is_needed() && is_given_up(it);
            is_lost.then_some(service)
        });
        self.outputs.extend(self.trial.damaged(has_other, given_up));
    }

    fn restart(&mut self, now: Instant, service: Service, signal: Signal) {
        let it = self.services.of_mut(service);
        match &mut it.phase {
            Phase::GivenUp | Phase::Waiting { .. } => {
                it.backoff.forget();
                it.restarts = it.restarts.saturating_add(1);
                self.spawn(service);
            }
            Phase::Running(running) => {
                match signal {
                    Signal::Terminate if running.terminated.is_none() => {
                        running.terminated = Some(now);
                    }
                    Signal::Kill if running.killed.is_none() => running.killed = Some(now),
                    Signal::Terminate | Signal::Kill => return,
                }
                let pid = running.pid;
                self.outputs.push_back(Output::Kill(service, pid, signal));
            }
            Phase::Idle | Phase::Spawning | Phase::Stopped => {}
        }
    }

    fn shut_down(&mut self, now: Instant, kind: Shutdown) {
        if self.shutdown.is_some() {
            return;
        }
        self.shutdown = Some(kind);
        for service in Service::ALL {
            let it = self.services.of_mut(service);
            match it.phase {
                Phase::Idle | Phase::Waiting { .. } | Phase::GivenUp => it.phase = Phase::Stopped,
                Phase::Spawning | Phase::Running(_) | Phase::Stopped => {}
            }
        }
        self.stop_next(now);
    }

    /// On the way down: tells the last service still there to stop, or ends.
    fn stop_next(&mut self, now: Instant) {
        let Some(kind) = self.shutdown else { return };
        for service in Service::ALL.into_iter().rev() {
            match &mut self.services.of_mut(service).phase {
                Phase::Running(running) => {
                    if running.terminated.is_none() {
                        running.terminated = Some(now);
                        let pid = running.pid;
                        self.outputs
                            .push_back(Output::Kill(service, pid, Signal::Terminate));
                    }
                    return;
                }
                Phase::Spawning => return,
                Phase::Idle | Phase::Waiting { .. } | Phase::GivenUp | Phase::Stopped => {}
            }
        }
        if !self.finished {
            self.finished = true;
            self.pet_at = None;
            self.outputs.push_back(Output::Finish(kind));
        }
    }

    fn timer(&mut self, now: Instant) {
        for service in Service::ALL {
            let it = self.services.of_mut(service);
            match &mut it.phase {
                Phase::Waiting { until } if *until <= now => {
                    it.restarts = it.restarts.saturating_add(1);
                    self.spawn(service);
                }
                Phase::Running(running) => {
                    if running
                        .deadline(service)
                        .is_some_and(|deadline| deadline <= now)
                    {
                        self.overdue(now, service);
                    }
                }
                Phase::Waiting { .. }
                | Phase::Idle
                | Phase::Spawning
                | Phase::GivenUp
                | Phase::Stopped => {}
            }
        }
        if self.shutdown.is_none() {
            let not_ready = self.first_not_ready();
            self.outputs.extend(self.trial.timer(now, not_ready));
        }
        if self.pet_at.is_some_and(|at| at <= now) {
            self.pet_at = Some(now + self.pet_interval());
            if !self.is_hung() {
                self.outputs.push_back(Output::PetWatchdog);
            }
        }
    }

    /// The deadline of a running service passed: kill it, or note that killing did not help.
    fn overdue(&mut self, now: Instant, service: Service) {
        let Phase::Running(running) = &mut self.services.of_mut(service).phase else {
            return;
        };
        let pid = running.pid;
        if running.killed.is_some() {
            running.unkillable = true;
            self.outputs
                .push_back(Output::Report(Report::Unkillable(service)));
            if self.shutdown.is_some() {
                self.services.of_mut(service).phase = Phase::Stopped;
                self.stop_next(now);
            }
            return;
        }
        running.killed = Some(now);
        let report = if running.terminated.is_some() {
            Report::SlowToStop(service)
        } else {
            Report::Silent(service, now - running.heard)
        };
        self.outputs.push_back(Output::Report(report));
        self.outputs
            .push_back(Output::Kill(service, pid, Signal::Kill));
    }

    fn is_hung(&self) -> bool {
        self.services.iter().any(|(service, it)| {
            service.is_critical()
                && matches!(&it.phase, Phase::Running(running) if running.unkillable)
        })
    }
}

impl Running {
    const fn state(&self) -> &'static str {
        match (self.terminated.is_some(), self.ready) {
            (true, _) => "stopping",
            (false, true) => "ready",
            (false, false) => "starting",
        }
    }

    fn deadline(&self, service: Service) -> Option<Instant> {
        if self.unkillable {
            return None;
        }
        if let Some(killed) = self.killed {
            return Some(killed + KILL_GRACE);
        }
        if let Some(terminated) = self.terminated {
            return Some(terminated + STOP_GRACE);
        }
        let silence = if self.ready {
            service.silence_max()
        } else {
            service.silence_max_at_start()
        };
        Some(self.heard + silence)
    }
}

/// The hardware watchdog is set to 60 s; twelve chances before it bites.
const PET_INTERVAL: Duration = Duration::from_secs(5);
/// No driver counts in less than seconds.
const PET_INTERVAL_MIN: Duration = Duration::from_millis(300);
/// Services stop within 2 s of SIGTERM; the rest is for slow machines.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(5);
/// A process that is still there this long after SIGKILL hangs in the kernel.
const KILL_GRACE: Duration = Duration::from_secs(10);
