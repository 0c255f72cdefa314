//! Provisional responses to the first INVITE: each as it comes, and the last once a minute.

use std::time::Duration;

use ipc::sound::Codec;
use sip::StatusCode;

use super::state::{Cx, First, Leg, Phase, SDP, own_address, response};

/// How long a caller hears nothing new. A proxy between us gives a call up after three minutes
/// without word (Timer C), and one may be lost (RFC 3261 §13.3.1.1).
const AGAIN: Duration = Duration::from_secs(60);

impl Leg {
    /// Sends 180 to 199, now or when it can be.
    pub(super) fn progress(
        &mut self,
        cx: &mut Cx<'_>,
        status: StatusCode,
        early: Option<&[Codec]>,
    ) {
        if self.phase != Phase::Early {
            return;
        }
        let (open, usage) = (self.endpoint.is_open(), self.profile.reliable);
        let Some(incoming) = self.incoming() else {
            return;
        };
        let offers = incoming.offer.is_none() && incoming.reliable.is_used(usage);
        let needs_port = early.is_some() || offers;
        if (needs_port && !open) || incoming.reliable.is_pending() {
            // The last status goes out; a description that waits goes out with it.
            let waits = incoming.waiting.take().and_then(|(_, early)| early);
            let early = early.map(<[Codec]>::to_vec).or(waits);
            incoming.waiting = Some((status, early));
            return;
        }
        self.send_progress(cx, status, early);
    }

    pub(super) fn send_progress(
        &mut self,
        cx: &mut Cx<'_>,
        status: StatusCode,
        early: Option<&[Codec]>,
    ) {
        let reliable = {
            let profile = self.profile.reliable;
            let Some(incoming) = self.incoming() else {
                return;
            };
            incoming.reliable.is_used(profile)
        };
        let body = self.early_description(cx, early, reliable);
        let First::Incoming(incoming) = &mut self.first else {
            return;
        };
        let described = body.is_some();
        let mut response = response(&self.dialog, &self.profile, &incoming.invite, status);
        if let Some(body) = body {
            response = response.with_body(SDP, body);
        }
        if reliable {
            let reliable = &mut incoming.reliable;
            reliable.send(cx.core.now, &mut response, described);
        }
        incoming.again = Some((cx.core.now + AGAIN, response.clone()));
        cx.core.respond(incoming.server, response);
    }

    /// Our description for a provisional response: the answer, or with a late offer and a reliable
    /// response our offer (RFC 3262 §5).
    fn early_description(
        &mut self,
        cx: &mut Cx<'_>,
        early: Option<&[Codec]>,
        reliable: bool,
    ) -> Option<Vec<u8>> {
        let address = own_address(self.dialog.flow);
        let described = self.talk.ours.is_some() || self.talk.is_offering();
        if described {
            let told = self.incoming().is_some_and(|one| one.told_reliably);
            let again = early.is_some() && !told && !self.talk.is_offering();
            return again.then(|| self.talk.repeat(address)).flatten();
        }
        let late = self.incoming()?.offer.is_none();
        if late && !reliable {
            return None;
        }
        if !late && early.is_none() {
            return None;
        }
        self.talk.prefer = early.unwrap_or_default().to_vec();
        self.describe(cx).ok()
    }

    /// A minute has passed since the last provisional response: it is sent once more, as a new one
    /// where it has to be acknowledged (RFC 3262 §3).
    pub(super) fn repeat_progress(&mut self, cx: &mut Cx<'_>) {
        let now = cx.core.now;
        let usage = self.profile.reliable;
        let Some(incoming) = self.incoming() else {
            return;
        };
        let Some((_, last)) = incoming.again.take_if(|(at, _)| *at <= now) else {
            return;
        };
        if incoming.reliable.is_used(usage) {
            self.progress(cx, last.status, None);
            return;
        }
        let server = incoming.server;
        incoming.again = Some((now + AGAIN, last.clone()));
        cx.core.respond(server, last);
    }
}
