//! The device as it watches lamps (RFC 6665, RFC 4235).

use std::time::Duration;

use sansio::Instant;
use sip::{HeaderName, Method, NameAddr, Request, Response, StatusCode};

use super::{Desk, Due, EXPIRES, Purpose, Watch};
use crate::dialog::at_box;

impl Desk {
    /// Watches the calls of a number.
    pub(crate) fn watch(&mut self, now: Instant, number: &str) {
        if self.watches.values().any(|watch| watch.number == number) {
            return;
        }
        let dialog = self.new_dialog(NameAddr::new(at_box(number, self.flow)));
        let id = self.next_line;
        self.next_line = self.next_line.saturating_add(1);
        let watch = Watch {
            number: number.to_owned(),
            dialog,
            heard: (None, 0),
            states: Vec::new(),
        };
        self.watches.insert(id, watch);
        self.refresh(now, id);
    }

    /// What each of its lamps shows: the number, and the states of its dialogs.
    pub(crate) fn lamps(&self) -> Vec<(&str, &[String])> {
        let watches = self.watches.values();
        watches
            .map(|watch| (watch.number.as_str(), watch.states.as_slice()))
            .collect()
    }

    pub(super) fn refresh(&mut self, now: Instant, id: u32) {
        self.subscribe(now, id, EXPIRES);
    }

    pub(super) fn unwatch(&mut self, now: Instant) {
        let watches: Vec<u32> = self.watches.keys().copied().collect();
        for id in watches {
            self.subscribe(now, id, 0);
            self.watches.remove(&id);
        }
        self.drain(now);
    }

    fn subscribe(&mut self, now: Instant, id: u32, expires: u32) {
        let contact = self.contact();
        let Some(watch) = self.watches.get_mut(&id) else {
            return;
        };
        let mut request = watch.dialog.request(Method::Subscribe);
        for (name, value) in [
            (HeaderName::Contact, contact),
            (HeaderName::Event, "dialog".to_owned()),
            (HeaderName::Accept, "application/dialog-info+xml".to_owned()),
            (HeaderName::Expires, expires.to_string()),
        ] {
            request.headers.push(name, value);
        }
        self.send(now, request, Purpose::Watch(id));
        self.due.retain(|(_, due)| *due != Due::Refresh(id));
        self.drain(now);
    }

    pub(super) fn watch_answered(&mut self, now: Instant, id: u32, response: &Response) {
        let Some(watch) = self.watches.get_mut(&id) else {
            return;
        };
        if response.status.is_provisional() {
            return;
        }
        if response.status.is_success() {
            watch.dialog.learn(&response.headers);
            let wait = Duration::from_secs(u64::from(EXPIRES) / 2);
            self.after(now, wait, Due::Refresh(id));
        } else {
            self.watch_failed(now, id);
        }
    }

    /// Begins anew in a moment.
    pub(super) fn watch_failed(&mut self, now: Instant, id: u32) {
        let Some(watch) = self.watches.remove(&id) else {
            return;
        };
        let dialog = self.new_dialog(NameAddr::new(at_box(&watch.number, self.flow)));
        let number = watch.number;
        let again = self.next_line;
        self.next_line = self.next_line.saturating_add(1);
        self.watches.insert(
            again,
            Watch {
                number,
                dialog,
                heard: (None, 0),
                states: Vec::new(),
            },
        );
        self.after(now, Duration::from_secs(5), Due::Refresh(again));
    }

    pub(super) fn notified(&mut self, now: Instant, request: &Request) -> StatusCode {
        let call_id = request.headers.call_id().unwrap_or_default().to_owned();
        let tag = request.headers.to().ok();
        let tag = tag.and_then(|to| to.tag().map(str::to_owned));
        let mut watches = self.watches.iter_mut();
        let found = watches.find(|(_, watch)| {
            watch.dialog.call_id == call_id && watch.dialog.local.tag() == tag.as_deref()
        });
        let Some((id, watch)) = found else {
            return StatusCode::CALL_DOES_NOT_EXIST;
        };
        let cseq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let theirs = request.headers.from().ok();
        let theirs = theirs.and_then(|from| from.tag().map(str::to_owned));
        if theirs == watch.heard.0 && cseq <= watch.heard.1 {
            return StatusCode::SERVER_INTERNAL_ERROR;
        }
        watch.heard = (theirs, cseq);
        let id = *id;
        let body = String::from_utf8_lossy(&request.body);
        if !body.is_empty() {
            watch.states = states(&body);
        }
        let state = request.headers.text(&HeaderName::SubscriptionState);
        if state.is_some_and(|state| state.starts_with("terminated")) {
            self.watch_failed(now, id);
        }
        StatusCode::OK
    }
}

/// States of the dialogs in a document that are not over.
fn states(body: &str) -> Vec<String> {
    let states = body.split("<state").skip(1).filter_map(|rest| {
        let inner = rest.split_once('>')?.1;
        Some(inner.split_once('<')?.0.to_owned())
    });
    states.filter(|state| state != "terminated").collect()
}
