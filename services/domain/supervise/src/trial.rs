//! Whether the firmware that runs is good: asked once a boot, answered to the boot state.
//!
//! Firmware is good when every service has been ready without a break for [`PROOF`], and when SIP
//! and the web admin have answered a question from outside in that time. Firmware that is on trial
//! and does not get there within [`PATIENCE`], or of which a service is given up, is left; so is
//! one that cannot use the box's data. Firmware that has proved good before is kept whatever
//! happens, since what broke it is then not new: unless its root is damaged, a service is given up,
//! and the other slot is sound.
//!
//! Where the tunnel into a grid was up lately with the version before, it has to be up with this
//! one too, for [`TUNNEL_PROOF`]: its operator could reach the box no more to set it right.

use std::time::Duration;

use sansio::Instant;

use crate::events::Output;
use crate::service::Service;

/// What is known of the firmware that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standing {
    /// It did not come from a slot: there is nothing to go back to, and nobody to tell.
    #[default]
    Unknown,
    /// It has proved good in an earlier boot.
    Proven,
    /// It runs for the first times.
    OnTrial,
    /// It came from a slot, but found neither its root nor what is known of it. The loader counts.
    Lost,
}

/// Why firmware on trial is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// This service ended too often.
    GivenUp(Service),
    /// This service was not ready, or did not answer, in time.
    NotWell(Service),
    /// It cannot use the data of the box, or not even its disk.
    Maintenance,
    /// A block of its root is not the one that was signed.
    RootDamaged,
    /// The tunnel was up lately with the version before, and did not come up.
    TunnelDown,
}

impl Failure {
    /// The service it concerns.
    #[must_use]
    pub const fn service(self) -> Option<Service> {
        match self {
            Self::GivenUp(service) | Self::NotWell(service) => Some(service),
            Self::TunnelDown => Some(Service::Grid),
            Self::Maintenance | Self::RootDamaged => None,
        }
    }
}

/// The trial of this boot.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    standing: Standing,
    ready_since: Option<Instant>,
    ask_at: Option<Instant>,
    end_at: Option<Instant>,
    answered: [bool; ASKED.len()],
    is_maintained: bool,
    /// The tunnel was up lately with the version before.
    expects_tunnel: bool,
    is_tunnel_up: bool,
    /// The root is damaged, and the other slot is sound.
    makes_room: bool,
    is_over: bool,
}

impl Trial {
    pub(crate) fn begin(&mut self, now: Instant, standing: Standing) {
        self.standing = standing;
        self.is_over = matches!(standing, Standing::Unknown | Standing::Lost);
        self.end_at = (standing == Standing::OnTrial).then(|| now + PATIENCE);
    }

    /// The data cannot be used, and no service is started. The version before may do better, and
    /// when it does not, it stays so that somebody can read why.
    pub(crate) fn maintain(&mut self, now: Instant, standing: Standing) {
        self.standing = standing;
        self.is_maintained = true;
        self.end_at = match standing {
            Standing::OnTrial => Some(now),
            Standing::Lost => Some(now + PATIENCE),
            Standing::Unknown | Standing::Proven => None,
        };
        self.is_over = self.end_at.is_none();
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.is_over {
            return None;
        }
        let proof = self.ready_since.map(|since| since + self.proof());
        let proof = proof.filter(|_| self.has_all());
        [proof, self.ask_at, self.end_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Every service is ready now.
    pub(crate) fn all_ready(&mut self, now: Instant) {
        if self.ready_since.is_none() {
            self.ready_since = Some(now);
            self.answered = [false; ASKED.len()];
            self.ask_at = Some(now);
        }
    }

    /// A service is not ready any more: the proof begins anew.
    pub(crate) fn not_ready(&mut self) {
        self.ready_since = None;
        self.ask_at = None;
    }

    pub(crate) fn answered(&mut self, service: Service) {
        let places = self.answered.iter_mut().zip(ASKED);
        for (answered, asked) in places {
            *answered |= asked == service && self.ready_since.is_some();
        }
    }

    /// The tunnel was up lately with the version before.
    pub(crate) fn expect_tunnel(&mut self) {
        self.expects_tunnel = true;
    }

    /// The tunnel is up now, or is not. When it had to be waited for the proof begins with it.
    pub(crate) fn tunnel(&mut self, now: Instant, is_up: bool) {
        if is_up && self.awaits_tunnel() {
            self.ready_since = self.ready_since.map(|_| now);
        }
        self.is_tunnel_up = is_up;
    }

    /// How long everything has to be well.
    fn proof(&self) -> Duration {
        match self.expects_tunnel && self.standing == Standing::OnTrial {
            true => TUNNEL_PROOF,
            false => PROOF,
        }
    }

    fn awaits_tunnel(&self) -> bool {
        self.expects_tunnel && self.standing == Standing::OnTrial && !self.is_tunnel_up
    }

    /// Whether everybody who was asked has answered.
    fn has_all(&self) -> bool {
        self.answered == [true; ASKED.len()] && !self.awaits_tunnel()
    }

    /// A service will not be started again.
    pub(crate) fn given_up(&mut self, service: Service) -> Option<Output> {
        if service.is_needed() {
            return self.fail(Failure::GivenUp(service));
        }
        // The kernel keeps the tunnel as it was, but nobody looks after it any more.
        let is_missed = self.expects_tunnel && service == Service::Grid;
        is_missed.then(|| self.fail(Failure::TunnelDown)).flatten()
    }

    /// The root is damaged; `has_other` tells whether the other slot is sound. Firmware on trial is
    /// left at once. What has proved good goes on with what can still be read, until a service is
    /// `given_up`.
    pub(crate) fn damaged(&mut self, has_other: bool, given_up: Option<Service>) -> Option<Output> {
        self.makes_room = has_other && self.standing == Standing::Proven;
        match (self.standing, given_up) {
            (Standing::OnTrial, _) => self.fail(Failure::RootDamaged),
            (_, Some(service)) => self.given_up(service),
            (_, None) => None,
        }
    }

    /// What is due. `not_ready` is the first service that is not ready, if one is.
    pub(crate) fn timer(&mut self, now: Instant, not_ready: Option<Service>) -> Vec<Output> {
        if self.is_over {
            return Vec::new();
        }
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if self.has_all() && is_due(self.ready_since.map(|since| since + self.proof())) {
            self.is_over = true;
            return vec![Output::FirmwareProved];
        }
        if self.is_maintained {
            let is_due = is_due(self.end_at);
            self.is_over = is_due;
            let left = is_due.then_some(Output::FirmwareFailed(Failure::Maintenance));
            return left.into_iter().collect();
        }
        if is_due(self.end_at) {
            let failure = match not_ready.or_else(|| self.silent().next()) {
                Some(culprit) => Failure::NotWell(culprit),
                None if self.awaits_tunnel() => Failure::TunnelDown,
                None => Failure::NotWell(Service::Store),
            };
            return self.fail(failure).into_iter().collect();
        }
        if is_due(self.ask_at) {
            self.ask_at = Some(now + ASK_INTERVAL);
            return self.silent().map(Output::Ask).collect();
        }
        Vec::new()
    }

    /// Services that were asked and have not answered yet.
    fn silent(&self) -> impl Iterator<Item = Service> {
        let pairs = ASKED.into_iter().zip(self.answered);
        pairs.filter_map(|(service, answered)| (!answered).then_some(service))
    }

    fn fail(&mut self, failure: Failure) -> Option<Output> {
        if std::mem::take(&mut self.makes_room) {
            self.is_over = true;
            return Some(Output::FirmwareFailed(Failure::RootDamaged));
        }
        if self.is_over || self.standing != Standing::OnTrial {
            return None;
        }
        self.is_over = true;
        Some(Output::FirmwareFailed(failure))
    }
}

/// Who has to answer a question from outside: what phones and people reach.
const ASKED: [Service; 2] = [Service::Pbx, Service::Web];

/// How long everything has to be well. Long enough for what fails at the first registrations, short
/// enough for an installer to wait.
const PROOF: Duration = Duration::from_secs(120);

/// The same where the tunnel is waited for. One handshake counts as up for three minutes
/// (WireGuard §6.1, Reject-After-Time), so a tunnel that is up after five has made another.
const TUNNEL_PROOF: Duration = Duration::from_secs(300);

/// How long firmware on trial may take to be well.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often who has not answered is asked again.
const ASK_INTERVAL: Duration = Duration::from_secs(10);
