//! One side of a call: a dialog, what its peer said of its media, and what is owed to it.

use std::time::Duration;

use sansio::Instant;
use sdp::{Author, Place, Session, Side};
use sip::transaction::ServerId;
use sip::{HeaderName, Method, Request, Response};

use super::{T1, T2, TRANSACTION_TIME_MAX};
use crate::core::Core;
use crate::dialog::Dialog;
use crate::requests::ALLOW;

/// What we write bodies as.
pub(super) const SDP: &str = "application/sdp";

/// A dialog with its media.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) dialog: Dialog,
    pub(super) author: Author,
    /// What the peer's last description in force said.
    pub(super) side: Option<Side>,
    /// A 2xx that we gave it and that it has not acknowledged.
    pub(super) confirmation: Option<Confirmation>,
    /// An ACK that it waits for until the other leg has answered its offer.
    pub(super) owed: Option<OwedAck>,
    pub(super) farewell: Farewell,
    /// The ACK for its last 2xx, for when it repeats that.
    last_ack: Option<Request>,
}

/// A 2xx to an INVITE, repeated until its ACK (RFC 3261 §13.3.1.4).
#[derive(Debug)]
pub(super) struct Confirmation {
    response: Response,
    server: ServerId,
    cseq: u32,
    /// The offer in the 2xx, as its author wrote it, when the ACK shall bring the answer.
    pub(super) offer: Option<Session>,
    interval: Duration,
    repeat_at: Instant,
    give_up_at: Instant,
}

/// A 2xx with an offer whose answer is not known yet (RFC 3261 §13.2.1).
#[derive(Debug)]
pub(super) struct OwedAck {
    cseq: u32,
    offer: Session,
}

/// How far the end of a dialog has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Farewell {
    /// Not at its end.
    None,
    /// A BYE will go out once the peer has acknowledged our 2xx (RFC 3261 §15).
    Wanted,
    /// A BYE went either way.
    Said,
}

impl Leg {
    pub(super) fn new(core: &mut Core, dialog: Dialog) -> Self {
        let id = u64::from_str_radix(&core.sip.new_tag(), 16).unwrap_or_default();
        Self {
            dialog,
            author: Author::new(id),
            side: None,
            confirmation: None,
            owed: None,
            farewell: Farewell::None,
            last_ack: None,
        }
    }

    /// Where the relay listens for this leg's peer.
    pub(super) const fn place(&self, port: u16) -> Place {
        Place {
            address: self.dialog.flow.local.ip(),
            port,
        }
    }

    /// A description of ours for this leg's peer.
    pub(super) fn describe(&mut self, session: Session) -> Vec<u8> {
        self.author
            .write(session, self.dialog.flow.local.ip())
            .into_bytes()
    }

    /// Answers an INVITE of this leg's peer with 200 and starts to repeat it.
    pub(super) fn confirm(
        &mut self,
        core: &mut Core,
        server: ServerId,
        invite: &Request,
        body: Vec<u8>,
        offer: Option<Session>,
    ) {
        let tag = self.dialog.local_tag();
        let response = Response::to_request(invite, sip::StatusCode::OK, Some(tag))
            .with(HeaderName::Contact, self.dialog.contact())
            .with(HeaderName::Allow, ALLOW)
            .with_body(SDP, body);
        core.respond(server, response.clone());
        self.confirmation = Some(Confirmation {
            response,
            server,
            cseq: invite.headers.cseq().map_or(0, |cseq| cseq.number),
            offer,
            interval: T1,
            repeat_at: core.now + T1,
            give_up_at: core.now + TRANSACTION_TIME_MAX,
        });
    }

    /// Repeats an unacknowledged 2xx when its time has come. False when the peer has been silent
    /// for too long.
    pub(super) fn repeat(&mut self, core: &mut Core) -> bool {
        let Some(pending) = &mut self.confirmation else {
            return true;
        };
        if core.now >= pending.give_up_at {
            return false;
        }
        if core.now >= pending.repeat_at {
            pending.interval = pending.interval.saturating_mul(2).min(T2);
            pending.repeat_at = core.now + pending.interval;
            let (server, response) = (pending.server, pending.response.clone());
            core.respond(server, response);
        }
        true
    }

    /// When [`Self::repeat`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.confirmation
            .as_ref()
            .map(|pending| pending.repeat_at.min(pending.give_up_at))
    }

    /// Takes the peer's ACK; `None` when it belongs to no pending 2xx.
    pub(super) fn acknowledged(&mut self, cseq: u32) -> Option<Confirmation> {
        self.confirmation.take_if(|pending| pending.cseq == cseq)
    }

    /// Acknowledges a 2xx of the peer.
    pub(super) fn acknowledge(&mut self, core: &mut Core, cseq: u32, answer: Option<Vec<u8>>) {
        let mut ack = self.dialog.ack(cseq);
        if let Some(answer) = answer {
            ack = ack.with_body(SDP, answer);
        }
        core.sip.send_ack(self.dialog.flow, ack.clone());
        self.last_ack = Some(ack);
    }

    /// Remembers that the peer's 2xx has to be acknowledged with an answer to its offer.
    pub(super) fn owe(&mut self, cseq: u32, offer: Session) {
        self.owed = Some(OwedAck { cseq, offer });
    }

    /// Acknowledges the 2xx that waited, with an answer.
    pub(super) fn acknowledge_owed(&mut self, core: &mut Core, answer: Vec<u8>) {
        if let Some(owed) = self.owed.take() {
            self.acknowledge(core, owed.cseq, Some(answer));
        }
    }

    /// Repeats the ACK because the peer repeats its 2xx.
    pub(super) fn repeat_ack(&self, core: &mut Core) {
        if let Some(ack) = &self.last_ack {
            core.sip.send_ack(self.dialog.flow, ack.clone());
        }
    }

    /// Says good-bye, now or as soon as the peer may hear it.
    pub(super) fn bye(&mut self, core: &mut Core) {
        match self.farewell {
            Farewell::Said => return,
            Farewell::None | Farewell::Wanted => {}
        }
        if self.confirmation.is_some() {
            self.farewell = Farewell::Wanted;
            return;
        }
        if let Some(owed) = self.owed.take() {
            // An offer must be answered before the dialog can end: by refusing all of it.
            let refusal = refuse(&owed.offer);
            let body = self.describe(refusal);
            self.acknowledge(core, owed.cseq, Some(body));
        }
        self.farewell = Farewell::Said;
        let bye = self.dialog.request(Method::Bye);
        core.send(self.dialog.flow, bye);
    }

    /// The peer said good-bye, or will never answer again.
    pub(super) fn over(&mut self) {
        self.farewell = Farewell::Said;
        self.confirmation = None;
        self.owed = None;
    }
}

/// An answer that takes none of the media.
fn refuse(offer: &Session) -> Session {
    let mut answer = Session {
        lines: Vec::new(),
        media: offer.media.clone(),
    };
    answer.lines.push(sdp::Line::new('t', "0 0"));
    for media in &mut answer.media {
        media.port = 0;
        media.lines.clear();
    }
    answer
}
