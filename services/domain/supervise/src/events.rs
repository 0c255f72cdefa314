//! What goes into the supervisor and what comes out of it.

use std::fmt;
use std::time::Duration;

use crate::backoff::{EXITS_MAX, EXITS_WINDOW};
use crate::node::STOP_GRACE;
use crate::service::Service;
use crate::trial::{Failure, Standing};

/// Everything that can happen to the supervisor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The box is up with such firmware: start the services.
    Start(Standing),
    /// The box is up with such firmware but its data is not: start nothing, only keep the box
    /// itself alive, or leave the firmware.
    Maintain(Standing),
    /// A [`Output::Spawn`] was carried out.
    ChildStarted(Service, u32),
    /// A [`Output::Spawn`] could not be carried out, and why.
    SpawnFailed(Service, String),
    /// The process said that it serves.
    ChildReady(Service, u32),
    /// The process gave a sign of life.
    Watchdog(Service, u32),
    /// The service answered an [`Output::Ask`].
    Answered(Service),
    /// The tunnel into a grid was up lately with the version before; said before the start.
    TunnelExpected,
    /// Whether the tunnel is up, as `grid` says.
    Tunnel {
        /// Its hub answers.
        is_up: bool,
    },
    /// The process ended.
    ChildExited(Service, u32, Exit),
    /// A block of the firmware's root is not the one that was signed, and whether the other slot is
    /// sound.
    RootDamaged {
        /// It has proved good and is not damaged.
        has_other: bool,
    },
    /// An administrator asks for a service to be ended with this signal and started again, or, when
    /// it was given up or is waiting, to be started now.
    RestartRequested(Service, Signal),
    /// Power button, Ctrl-Alt-Del, or the web page.
    ShutdownRequested(Shutdown),
    /// The deadline passed.
    Timer,
}

/// Everything the supervisor can ask of PID 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Start this service; answer with `ChildStarted` or `SpawnFailed`.
    Spawn(Service),
    /// Send a signal to this process.
    Kill(Service, u32, Signal),
    /// Tell people.
    Report(Report),
    /// Every service is ready for the first time since boot.
    AllReady,
    /// Ask this service something as its users do; when it answers, say so with `Answered`.
    Ask(Service),
    /// The firmware is good: the boot state is to know.
    FirmwareProved,
    /// The firmware is not good, and there is other to go to: the boot state is to know, and
    /// the box to start anew.
    FirmwareFailed(Failure),
    /// All is as well as it gets: keep the hardware watchdog from restarting the box.
    PetWatchdog,
    /// Every service has stopped: end the system this way.
    Finish(Shutdown),
}

/// How the system is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shutdown {
    /// Switch the power off.
    PowerOff,
    /// Start again.
    Restart,
}

/// The two signals a service gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM: stop in order.
    Terminate,
    /// SIGKILL: stop now.
    Kill,
}

/// How a process ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It could not be started, and why.
    NotStarted(String),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(9) => f.write_str("signal 9 (killed)"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::NotStarted(reason) => write!(f, "could not be started: {reason}"),
        }
    }
}

/// What people are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// The service serves, this long after its process was started.
    Ready(Service, Duration),
    /// It ended and will be started again after this long.
    Restarting(Service, Exit, Duration),
    /// It ended too often and will not be started again by itself.
    GivenUp(Service, Exit),
    /// It gave no sign of life for this long and is killed.
    Silent(Service, Duration),
    /// It was killed and is still there: the kernel cannot end it.
    Unkillable(Service),
    /// It did not stop in time and is killed.
    SlowToStop(Service),
    /// It stopped on the way down.
    Stopped(Service),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(service, after) => {
                write!(f, "service {service} ready after {} ms", after.as_millis())
            }
            Self::Restarting(service, exit, delay) => {
                let delay = delay.as_millis();
                write!(
                    f,
                    "service {service} ended ({exit}); starting it again in {delay} ms"
                )
            }
            Self::GivenUp(service, exit) => write!(
                f,
                "service {service} GIVEN UP: it ended {EXITS_MAX} times within {} s, last by \
                 {exit}; the other services go on. Restart the box to try again, and report its \
                 log lines above",
                EXITS_WINDOW.as_secs()
            ),
            Self::Silent(service, silence) => {
                let silence = silence.as_secs();
                write!(
                    f,
                    "service {service} gave no sign of life for {silence} s; killing it"
                )
            }
            Self::Unkillable(service) => write!(f, "service {service} cannot be killed"),
            Self::SlowToStop(service) => {
                let grace = STOP_GRACE.as_secs();
                write!(
                    f,
                    "service {service} did not stop within {grace} s; killing it"
                )
            }
            Self::Stopped(service) => write!(f, "service {service} stopped"),
        }
    }
}

/// One service as the status page shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceStatus {
    /// Which one.
    pub service: Service,
    /// `starting`, `ready`, `waiting` (to be restarted), `stopping`, `stopped`, `given-up`.
    pub state: &'static str,
    /// Process id, when there is a process.
    pub pid: Option<u32>,
    /// Restarts since boot.
    pub restarts: u32,
    /// How it last ended; empty when it never did.
    pub last_exit: String,
}
