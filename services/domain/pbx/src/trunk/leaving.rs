//! Registrations that are being taken away (RFC 3261 §10.2.2).

use std::time::Duration;

use config::Trunk;
use sansio::Instant;
use sip::transaction::ClientId;
use sip::{Response, StatusCode};

use super::line::{LineKey, Purpose, connect};
use super::registration::Registration;
use crate::core::Core;
use crate::interface::Hop;

/// How long a carrier gets to hear of it: a person waits for the box to switch off meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);

/// The registrations, each with the request that is under way.
#[derive(Debug)]
pub(super) struct Leaving(Vec<One>);

#[derive(Debug)]
struct One {
    registration: Registration,
    trunk: Trunk,
    hop: Hop,
    client: ClientId,
    until: Instant,
}

/// A request that was sent.
type Sent = Option<(ClientId, (LineKey, Purpose))>;

impl Leaving {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a registration away by the way it came about.
    pub(super) fn add(
        &mut self,
        core: &mut Core,
        mut registration: Registration,
        trunk: Trunk,
        hop: Hop,
    ) -> Sent {
        registration.begin();
        let until = core.now + PATIENCE;
        self.send(core, registration, trunk, hop, until)
    }

    fn send(
        &mut self,
        core: &mut Core,
        mut registration: Registration,
        trunk: Trunk,
        hop: Hop,
        until: Instant,
    ) -> Sent {
        let flow = connect(core, &trunk, hop);
        let request = registration.request(hop, true, || core.sip.new_tag());
        let client = core.send(flow, request)?;
        self.0.push(One {
            registration,
            trunk,
            hop,
            client,
            until,
        });
        Some((client, (LineKey::MAX, Purpose::Leave(flow))))
    }

    /// A final response: done, unless it asks for the password.
    pub(super) fn response(&mut self, core: &mut Core, id: ClientId, response: &Response) -> Sent {
        let at = self.0.iter().position(|one| one.client == id)?;
        let mut one = self.0.swap_remove(at);
        let challenged = matches!(
            response.status,
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        );
        if !challenged || one.registration.learn(response).is_err() {
            return None;
        }
        self.send(core, one.registration, one.trunk, one.hop, one.until)
    }

    pub(super) fn no_response(&mut self, id: ClientId) {
        self.0.retain(|one| one.client != id);
    }

    pub(super) fn timer(&mut self, now: Instant) {
        self.0.retain(|one| one.until > now);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|one| one.until).min()
    }
}
