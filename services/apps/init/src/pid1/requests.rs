//! Answering what comes in on the control socket.

use ipc::init::{self, Presence, Reply, Request, Wish};
use kernel::poller::Interest;
use kernel::{clock, process};
use supervise::{Input, Service, ServiceStatus, Shutdown, Signal};

use super::control::{self, Connection, State};
use super::{Source, Supervision};

impl Supervision {
    /// Takes connections in, but no more than a fair share at a time: the rest wakes the loop
    /// again, so that nobody keeps it here by connecting without end.
    pub(super) fn accept(&mut self) {
        for _ in 0..ACCEPTS_MAX {
            let Ok((stream, _)) = self.control.accept() else {
                return;
            };
            match Connection::new(stream) {
                Ok(connection) => {
                    self.make_room(connection.uid());
                    self.add(Source::Connection(connection));
                }
                Err(error) => self.tell(&error.to_string()),
            }
        }
    }

    /// Closes the oldest connection of a user who has too many: only his own suffer.
    fn make_room(&mut self, uid: u32) {
        let of_user = |(token, source): (&u64, &Source)| match source {
            Source::Connection(it) if it.uid() == uid => Some(*token),
            Source::Connection(_)
            | Source::Output(..)
            | Source::Notices(..)
            | Source::Button(_)
            | Source::Keys(_)
            | Source::ErrandOutput(..)
            | Source::ErrandNews(..)
            | Source::InstallOutput(..)
            | Source::InstallReports(..)
            | Source::MachineOutput(..)
            | Source::MachineReports(..)
            | Source::StickOutput(..)
            | Source::StickOffers(..)
            | Source::Hotplug(_)
            | Source::Question(_) => None,
        };
        let tokens: Vec<_> = self.sources.iter().filter_map(of_user).collect();
        if tokens.len() >= CONNECTIONS_PER_USER_MAX
            && let Some(oldest) = tokens.first()
        {
            self.sources.remove(oldest);
        }
    }

    /// Serves a connection that woke the loop; returns whether it goes on.
    pub(super) fn serve(&mut self, token: u64, connection: &mut Connection) -> bool {
        let mut state = connection.flush();
        if state == State::Open {
            let (requests, read) = connection.requests();
            state = read;
            for request in requests {
                let attends =
                    request == Request::Attend && control::may(connection.uid(), &request);
                let mut replies = vec![self.answer(connection.uid(), request)];
                if attends {
                    self.attendant = Some(token);
                    let waiting = self.unrecorded.drain(..).map(Wish::Record);
                    replies.extend(waiting.map(Reply::AtBox));
                }
                let mut states = replies.iter().map(|reply| connection.reply(reply));
                if states.any(|state| state == State::Closed) {
                    return false;
                }
            }
        }
        if state != State::Closed {
            state = connection.flush();
        }
        let interest = match state {
            State::Closed => return false,
            State::Open => Interest::Read,
            // A peer that does not read its replies is not asked for more requests.
            State::Writing => Interest::Write,
        };
        self.poller
            .change(&connection.stream, token, interest)
            .is_ok()
    }

    fn answer(&mut self, uid: u32, request: Request) -> Reply {
        if !control::may(uid, &request) {
            return Reply::Refused { uid };
        }
        match request {
            Request::Status => Reply::Status(self.status()),
            Request::Screen(lines) => {
                for line in lines.reveal().iter().take(SCREEN_LINES_MAX) {
                    self.console.line(&format!("screen: {line}"));
                }
                self.presence.sign_in = lines;
                Reply::Done
            }
            Request::Attend => Reply::Done,
            Request::SecureBoot => Reply::SecureBoot(self.enrolment.state()),
            Request::Stick => Reply::Stick(self.sticks.all()),
            Request::Present(presence) => {
                if let Presence::Notice(text) = &presence {
                    self.say(text);
                }
                self.presence.take(presence);
                Reply::Done
            }
            Request::Shutdown(how) => {
                let how = match how {
                    init::Shutdown::PowerOff => Shutdown::PowerOff,
                    init::Shutdown::Restart => Shutdown::Restart,
                };
                self.shut_down(how, &format!("asked by user {uid}"));
                Reply::Done
            }
            Request::Restart { name, kill } => {
                let Some(service) = Service::from_name(&name) else {
                    return Reply::Unknown;
                };
                let signal = if kill {
                    Signal::Kill
                } else {
                    Signal::Terminate
                };
                self.tell(&format!("service {service}: a restart was asked for"));
                self.feed(Input::RestartRequested(service, signal));
                Reply::Done
            }
            Request::RecoveryCode => self.give_recovery_code(),
            Request::RenewRecoveryCode => self.renew_recovery_code(),
            Request::Log { limit } => Reply::Log(init::Log {
                now_millis: crate::boot::millis_since_boot(),
                lines: self
                    .log
                    .newest(usize::try_from(limit).unwrap_or(usize::MAX)),
            }),
        }
    }

    fn status(&self) -> init::Status {
        let service = |it: ServiceStatus| {
            let usage = it.pid.map(process::usage).unwrap_or_default();
            init::Service {
                name: it.service.name().to_owned(),
                state: it.state.to_owned(),
                pid: it.pid.unwrap_or(0),
                restarts: it.restarts,
                last_exit: it.last_exit,
                resident_kib: usage.resident_kib,
                cpu_millis: usage.cpu_millis,
            }
        };
        init::Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kernel: process::kernel_release(),
            uptime_secs: clock::since_boot().as_secs(),
            boot: self.boot.stages.clone(),
            services: self.node.status().into_iter().map(service).collect(),
            provision_refusal: self.errand.refusal().unwrap_or_default(),
            is_code_unseen: self.recovery_code.is_some(),
            runs: self.told_runs(),
            secure_boot: self.enrolment.state(),
            is_secure_boot_lost: self.enrolment.is_lost(),
        }
    }
}

/// Connections of one user at once: each service keeps one or two; beyond that his oldest goes.
/// The box has six users, so this bounds all of them.
const CONNECTIONS_PER_USER_MAX: usize = 8;
/// Connections taken in before the others get their turn.
const ACCEPTS_MAX: usize = 16;
/// Lines shown for one request: a screen full.
const SCREEN_LINES_MAX: usize = 24;
