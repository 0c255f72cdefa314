//! One subscription: its dialog, how long it lasts, and what its watcher knows (RFC 6665 §4.2).

use std::time::Duration;

use sansio::Instant;
use sip::body::{MessageCounts, MessageSummary};
use sip::transaction::{ClientId, Flow};
use sip::{Event, HeaderName, Method, Request, SubscriptionState, TerminationReason};

use super::dialog_info;
use super::state::{States, Watched};
use crate::dialog::Dialog;
use crate::registrar::seconds;

/// CSeq numbers kept in reserve: a restart goes on behind them, so that not every NOTIFY has to be
/// written down.
pub(super) const CSEQ_RESERVE: u32 = 256;

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    /// The extension that watches.
    pub(super) watcher: String,
    pub(super) watched: Watched,
    pub(super) event: Event,
    pub(super) dialog: Dialog,
    pub(super) expires: Instant,
    /// Of the next document.
    pub(super) version: u32,
    /// What is written down: numbers up to this one may have been used.
    pub(super) cseq_reserved: u32,
    /// The NOTIFY under way: one at a time, or a late one would overtake a newer.
    pub(super) outstanding: Option<ClientId>,
    /// The watcher does not know how things stand now.
    pub(super) behind: bool,
    /// Not before then is it told.
    pub(super) wait: Option<Instant>,
    /// It is over: the next NOTIFY is the last.
    pub(super) ended: Option<TerminationReason>,
    /// The connection to the watcher is gone; it has to come again first.
    pub(super) lost: bool,
    /// Dialogs the watcher was told of that it has not been told the end of.
    pub(super) told: Vec<String>,
}

impl Subscription {
    /// Whether a NOTIFY can go out now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        self.behind
            && !self.lost
            && self.outstanding.is_none()
            && self.wait.is_none_or(|until| until <= now)
    }

    /// When something is due: the end, or the telling.
    pub(super) fn due(&self) -> Instant {
        let telling = self.wait.filter(|_| self.behind && !self.lost);
        telling.map_or(self.expires, |at| at.min(self.expires))
    }

    /// The NOTIFY that tells how things stand; with `callers`, who calls too.
    pub(super) fn notify(&mut self, now: Instant, states: &States, callers: bool) -> Request {
        self.behind = false;
        self.wait = None;
        let mut request = self.dialog.request(Method::Notify);
        let state = match self.ended.clone() {
            Some(reason) => SubscriptionState::terminated(reason),
            None => SubscriptionState::active(seconds(self.expires - now)),
        };
        let headers = &mut request.headers;
        headers.push(HeaderName::Contact, self.dialog.contact());
        headers.push(HeaderName::Event, self.event.to_string());
        headers.push(HeaderName::SubscriptionState, state.to_string());
        let (content_type, body) = self.document(states, callers);
        request.with_body(content_type, body.into_bytes())
    }

    fn document(&mut self, states: &States, callers: bool) -> (&'static str, String) {
        let watched = &self.dialog.local.uri;
        let ours = || sip::Host::from_ip(self.dialog.flow.local.ip());
        let host = watched.host().cloned().unwrap_or_else(ours);
        let entity = watched.to_string();
        match &self.watched {
            Watched::Dialogs(number) => {
                let lamps = states.dialogs(number);
                let now: Vec<String> = lamps.iter().map(|lamp| lamp.id.clone()).collect();
                let before = std::mem::replace(&mut self.told, now);
                let over: Vec<String> = before
                    .into_iter()
                    .filter(|id| !self.told.contains(id))
                    .collect();
                let version = self.version;
                self.version = version.wrapping_add(1);
                let xml = dialog_info::document(version, &entity, &host, (lamps, callers), &over);
                (dialog_info::CONTENT_TYPE, xml)
            }
            Watched::Mailbox(extension) => {
                let mailbox = states.mailbox(extension);
                let summary = MessageSummary {
                    waiting: mailbox.new > 0,
                    account: Some(format!("sip:{extension}@{host}")),
                    voice: Some(MessageCounts {
                        new: mailbox.new,
                        old: mailbox.old,
                        ..MessageCounts::default()
                    }),
                };
                (MessageSummary::CONTENT_TYPE, summary.to_string())
            }
        }
    }

    /// The watcher came by another way.
    pub(super) const fn moves_to(&mut self, flow: Flow) {
        self.dialog.flow = flow;
        self.lost = false;
    }

    /// Its watcher could not take the last NOTIFY: try again after this long.
    pub(super) fn try_again(&mut self, now: Instant, after: Duration) {
        self.behind = true;
        self.wait = Some(now + after);
    }
}
