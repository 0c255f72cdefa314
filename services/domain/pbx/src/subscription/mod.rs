//! Who wants to be told how things stand: lamps of other extensions, messages (RFC 6665, notifier).
//!
//! ```text
//!   SUBSCRIBE -> 200, NOTIFY        a change -> NOTIFY, or one for all changes while one is
//!                                   under way -> NOTIFY
//!   refresh   -> 200, NOTIFY        Expires 0, time out, 481 -> gone
//! ```
//!
//! Every NOTIFY tells the whole state, so that a lost one is made good by the next.
//! Read first: [`Subscriptions`], then `one`.

#![cfg_attr(
    not(test),
    expect(dead_code, reason = "nothing keeps messages yet, so no mailbox is set")
)]

mod admission;
mod dialog_info;
mod one;
mod row;
mod setting;
mod sight;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sansio::Instant;
use sip::transaction::{ClientId, Flow, ServerId};
use sip::{HeaderName, Request, Response, StatusCode, TerminationReason};

pub(crate) use self::admission::EVENTS;
use self::admission::{asked, lifetime};
use self::one::{CSEQ_RESERVE, Subscription};
pub(crate) use self::state::{Lamp, LampState, Mailbox, Party};
use self::state::{States, Watched};
use crate::core::Core;
use crate::dialog::Dialog;
use crate::interface::{Limit, Output, StreamId};

/// Set in the keys of what is kept here over a restart; calls keep theirs without it.
pub(crate) const CHECKPOINT_KEYS: u64 = 1 << 63;
/// Subscriptions in all: every extension of the largest site watches its mailbox and a colleague.
const SUBSCRIPTIONS_MAX: usize = 20_000;
/// Subscriptions of one extension: a console with three full side cars, on two phones.
const SUBSCRIPTIONS_PER_WATCHER_MAX: usize = 200;
/// Subscriptions kept for the next process: half of the memory there is for that, so that those of
/// a large site leave room for the calls. Who watches beyond that subscribes again after a crash.
const KEPT_MAX: usize = 2_000;
/// Seconds a watcher is asked to wait when there is no room.
const RETRY_AFTER: &str = "60";
/// When to try again what a watcher could not take now.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// The longest a watcher's Retry-After is honoured.
const TRY_AGAIN_MAX: Duration = Duration::from_secs(300);
/// After a restart every watcher is told within this time, and not all at once.
const TOLD_AGAIN_WITHIN_MILLIS: u64 = 3_000;
/// First CSeq of a NOTIFY.
const FIRST_CSEQ: u32 = 1;

/// Names a subscription, and what is kept of it.
type Key = u64;

/// All subscriptions, the ways to find one, and how everything stands.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    all: BTreeMap<Key, Subscription>,
    /// By Call-ID and our tag.
    by_dialog: BTreeMap<(String, String), Key>,
    by_watched: BTreeMap<Watched, BTreeSet<Key>>,
    by_watcher: BTreeMap<String, BTreeSet<Key>>,
    clients: BTreeMap<ClientId, Key>,
    due: BTreeSet<(Instant, Key)>,
    states: States,
    next: Key,
    /// How many are kept for the next process.
    kept: usize,
}

impl Subscriptions {
    /// A SUBSCRIBE that `watcher` has authenticated; `lamps` tells the calls of a number as they
    /// are now, which nobody hands over while it is not watched.
    pub(crate) fn subscribe(
        &mut self,
        core: &mut Core,
        id: ServerId,
        flow: Flow,
        request: &Request,
        watcher: &str,
        lamps: impl FnOnce(&str) -> Vec<Lamp>,
    ) {
        let in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
        let outcome = match in_dialog {
            true => self.refresh(core, flow, request, watcher),
            false => self.begin(core, flow, request, watcher, lamps),
        };
        match outcome {
            Ok((key, response)) => {
                core.respond(id, response);
                self.keep(core, key);
                self.tell(core, key);
            }
            Err(response) => {
                core.respond(id, *response);
            }
        }
    }

    /// Whether anybody wants to know of the calls of an extension, a group or a parking slot.
    pub(crate) fn watches(&self, number: &str) -> bool {
        let watched = Watched::Dialogs(number.to_owned());
        self.by_watched.contains_key(&watched)
    }

    /// The calls of a watched extension, group or parking slot, all of them, as they are now.
    pub(crate) fn set_dialogs(&mut self, core: &mut Core, watched: &str, lamps: Vec<Lamp>) {
        if self.states.set_dialogs(watched, lamps) {
            self.changed(core, &Watched::Dialogs(watched.to_owned()));
        }
    }

    /// The messages of an extension, as they are now.
    pub(crate) fn set_mailbox(&mut self, core: &mut Core, extension: &str, mailbox: Mailbox) {
        if self.states.set_mailbox(extension, mailbox) {
            self.changed(core, &Watched::Mailbox(extension.to_owned()));
        }
    }

    /// A configuration came: what is no more is watched no more, by nobody.
    pub(crate) fn configure(&mut self, core: &mut Core) {
        let Some((_, site)) = core.site.clone() else {
            return;
        };
        let mut ended = Vec::new();
        for (key, one) in &self.all {
            let may_watch = sight::may_watch(&site, &one.watcher, &one.watched);
            if site.extension(&one.watcher).is_none() || !may_watch {
                ended.push((*key, TerminationReason::Rejected));
            } else if !one.watched.exists(&site) {
                ended.push((*key, TerminationReason::NoResource));
            }
        }
        for (key, reason) in ended {
            self.end(core, key, reason);
        }
        self.light_settings(core);
    }

    /// The lamps of all settings that are watched, as the site has them now.
    fn light_settings(&mut self, core: &mut Core) {
        let Some((_, site)) = core.site.clone() else {
            return;
        };
        let lamps = |watched: &Watched| match watched {
            Watched::Dialogs(number) => {
                let lamps = setting::lamps(&site, number)?;
                Some((number.clone(), lamps))
            }
            Watched::Mailbox(_) => None,
        };
        let settings: Vec<_> = self.by_watched.keys().filter_map(lamps).collect();
        for (number, lamps) in settings {
            self.set_dialogs(core, &number, lamps);
        }
    }

    /// A phone registered: a watcher there that had lost its connection, or has come by another
    /// port, is told by the way that is good now.
    pub(crate) fn registered(&mut self, core: &mut Core, extension: &str, flow: Flow) {
        let keys = self.by_watcher.get(extension).cloned().unwrap_or_default();
        for key in keys {
            let Some(one) = self.all.get_mut(&key) else {
                continue;
            };
            let old = one.dialog.flow;
            let same_phone = old.remote.ip() == flow.remote.ip() && old.transport == flow.transport;
            if old == flow || !same_phone {
                continue;
            }
            let target = one.dialog.target();
            let bindings = core.registrar.bindings(extension).iter();
            let here = bindings
                .filter(|binding| binding.flow == flow)
                .any(|binding| binding.uri.matches(target));
            if one.lost || here {
                self.due.remove(&(one.due(), key));
                if let Some(client) = one.outstanding.take() {
                    self.clients.remove(&client);
                }
                one.moves_to(flow);
                self.due.insert((one.due(), key));
                self.keep(core, key);
                self.tell(core, key);
            }
        }
    }

    /// A connection is gone: its watchers have to come again before they are told anything.
    pub(crate) fn stream_closed(&mut self, stream: StreamId) {
        for (key, one) in &mut self.all {
            if one.dialog.flow.stream == Some(stream) {
                self.due.remove(&(one.due(), *key));
                one.lost = true;
                self.due.insert((one.due(), *key));
            }
        }
    }

    /// A response; false when it is not to a NOTIFY of ours.
    pub(crate) fn response(&mut self, core: &mut Core, id: ClientId, response: &Response) -> bool {
        let Some(key) = self.clients.get(&id).copied() else {
            return false;
        };
        if response.status.is_provisional() {
            return true;
        }
        self.clients.remove(&id);
        self.answered(core, key, response);
        true
    }

    /// A request without a final response; false when it was none of ours.
    pub(crate) fn no_response(&mut self, core: &mut Core, id: ClientId) -> bool {
        let Some(key) = self.clients.remove(&id) else {
            return false;
        };
        // RFC 6665 §4.2.2: who does not answer is gone; but a lost connection says nothing yet.
        match self.all.get_mut(&key) {
            Some(one) if one.lost && one.ended.is_none() => {
                one.outstanding = None;
                one.behind = true;
            }
            Some(_) | None => self.remove(core, key),
        }
        true
    }

    /// The deadline has passed.
    pub(crate) fn timer(&mut self, core: &mut Core) {
        while let Some((at, key)) = self.due.first().copied().filter(|(at, _)| *at <= core.now) {
            self.due.remove(&(at, key));
            let Some(one) = self.all.get(&key) else {
                continue;
            };
            if one.expires <= core.now {
                self.end(core, key, TerminationReason::Timeout);
            } else {
                self.send(core, key);
            }
        }
    }

    /// When [`Self::timer`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes back what an earlier process kept under keys with [`CHECKPOINT_KEYS`]; everybody is
    /// told anew how things stand, shortly.
    pub(crate) fn restore(&mut self, core: &mut Core, rows: &[(u64, Vec<u8>)]) {
        for (kept, bytes) in rows.iter().filter(|(key, _)| key & CHECKPOINT_KEYS != 0) {
            let key = kept & !CHECKPOINT_KEYS;
            let room = self.all.len() < SUBSCRIPTIONS_MAX && !self.all.contains_key(&key);
            match row::load(core.now, bytes).filter(|_| room) {
                Some(mut one) => {
                    let spread = key.wrapping_mul(97) % TOLD_AGAIN_WITHIN_MILLIS;
                    one.try_again(core.now, Duration::from_millis(1 + spread));
                    self.next = self.next.max(key);
                    self.insert(key, one);
                }
                None => core.emit(Output::Checkpoint {
                    key: *kept,
                    call: None,
                }),
            }
        }
        self.light_settings(core);
    }

    fn begin(
        &mut self,
        core: &mut Core,
        flow: Flow,
        request: &Request,
        watcher: &str,
        lamps: impl FnOnce(&str) -> Vec<Lamp>,
    ) -> Result<(Key, Response), Box<Response>> {
        let Some((_, site)) = core.site.clone() else {
            return Err(full(core, request));
        };
        let asked = asked(core, &site, request, watcher)?;
        let tag = core.sip.new_tag();
        let Ok(dialog) = Dialog::answering(request, flow, &tag, FIRST_CSEQ) else {
            return Err(Box::new(core.answer(request, StatusCode::BAD_REQUEST)));
        };
        self.forget_twins(core, watcher, &asked, &dialog);
        let own = self.by_watcher.get(watcher).map_or(0, BTreeSet::len);
        if self.all.len() >= SUBSCRIPTIONS_MAX || own >= SUBSCRIPTIONS_PER_WATCHER_MAX {
            core.limit_reached(Limit::Subscriptions);
            return Err(full(core, request));
        }
        let once = asked.lifetime.is_zero();
        if let Watched::Dialogs(number) = &asked.watched {
            let lamps = setting::lamps(&site, number).unwrap_or_else(|| lamps(number));
            self.states.set_dialogs(number, lamps);
        }
        self.next = self.next.wrapping_add(1) & !CHECKPOINT_KEYS;
        let key = self.next;
        self.insert(
            key,
            Subscription {
                watcher: watcher.to_owned(),
                watched: asked.watched,
                event: asked.event,
                dialog,
                // An answer to a question asked once is waited for as long as any other.
                expires: core.now + asked.lifetime.max(admission::EXPIRES_MIN),
                version: 0,
                cseq_reserved: 0,
                outstanding: None,
                behind: true,
                wait: None,
                ended: once.then_some(TerminationReason::Timeout),
                lost: false,
                told: Vec::new(),
            },
        );
        Ok((key, self.accepted(core, request, key, asked.lifetime)))
    }

    /// A phone that restarted subscribes in a new dialog: the old one would be told in vain.
    fn forget_twins(
        &mut self,
        core: &mut Core,
        watcher: &str,
        asked: &admission::Asked,
        dialog: &Dialog,
    ) {
        let keys = self.by_watcher.get(watcher).cloned().unwrap_or_default();
        for key in keys {
            let twin = self.all.get(&key).is_some_and(|one| {
                one.watched == asked.watched
                    && one.event == asked.event
                    && one.dialog.target().matches(dialog.target())
                    && one.dialog.flow.remote.ip() == dialog.flow.remote.ip()
            });
            if twin {
                self.remove(core, key);
            }
        }
    }

    fn refresh(
        &mut self,
        core: &mut Core,
        flow: Flow,
        request: &Request,
        watcher: &str,
    ) -> Result<(Key, Response), Box<Response>> {
        let key = self.find(request);
        let Some((key, one)) = key.and_then(|key| Some((key, self.all.get_mut(&key)?))) else {
            let status = StatusCode::CALL_DOES_NOT_EXIST;
            return Err(Box::new(core.answer(request, status)));
        };
        let mut refuse = |status| Err(Box::new(core.answer(request, status)));
        if one.watcher != watcher {
            return refuse(StatusCode::FORBIDDEN);
        }
        if request.headers.event().as_ref() != Ok(&one.event) || one.ended.is_some() {
            return refuse(StatusCode::CALL_DOES_NOT_EXIST);
        }
        let cseq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        if one.dialog.remote_cseq.is_some_and(|known| cseq <= known) {
            return refuse(StatusCode::SERVER_INTERNAL_ERROR);
        }
        let lifetime = lifetime(core, request)?;
        self.due.remove(&(one.due(), key));
        one.dialog.remote_cseq = Some(cseq);
        // It is there: a NOTIFY that never reached it must not count against it.
        if let Some(client) = one.outstanding.take() {
            self.clients.remove(&client);
        }
        one.dialog.refresh(&request.headers);
        one.moves_to(flow);
        one.behind = true;
        one.wait = None;
        if lifetime.is_zero() {
            one.ended = Some(TerminationReason::Timeout);
        } else {
            one.expires = core.now + lifetime;
        }
        self.due.insert((one.due(), key));
        Ok((key, self.accepted(core, request, key, lifetime)))
    }

    /// 200, with the time granted (RFC 6665 §4.2.1.1).
    fn accepted(&self, core: &Core, request: &Request, key: Key, lifetime: Duration) -> Response {
        let dialog = self.all.get(&key).map(|one| &one.dialog);
        let tag = dialog.map(Dialog::local_tag);
        let contact = dialog.map(Dialog::contact).unwrap_or_default();
        debug_assert!(core.site.is_some(), "nobody is let in before");
        Response::to_request(request, StatusCode::OK, tag)
            .with(HeaderName::Expires, lifetime.as_secs().to_string())
            .with(HeaderName::Contact, contact)
    }

    fn find(&self, request: &Request) -> Option<Key> {
        let headers = &request.headers;
        let to = headers.to().ok()?;
        let name = (headers.call_id().ok()?.to_owned(), to.tag()?.to_owned());
        let key = *self.by_dialog.get(&name)?;
        let from = headers.from().ok()?;
        let of_peer = self.all.get(&key)?.dialog.is_from(&from);
        of_peer.then_some(key)
    }

    fn changed(&mut self, core: &mut Core, watched: &Watched) {
        let keys = self.by_watched.get(watched).cloned().unwrap_or_default();
        for key in keys {
            self.tell(core, key);
        }
    }

    /// The watcher shall know how things stand: now, or when it can be told.
    fn tell(&mut self, core: &mut Core, key: Key) {
        if let Some(one) = self.all.get_mut(&key) {
            one.behind = true;
            self.send(core, key);
        }
    }

    fn send(&mut self, core: &mut Core, key: Key) {
        let Some(one) = self.all.get_mut(&key) else {
            return;
        };
        self.due.remove(&(one.due(), key));
        if one.is_ready(core.now) {
            let site = core.site.as_ref().map(|(_, site)| site);
            let callers =
                site.is_some_and(|site| sight::sees_callers(site, &one.watcher, &one.watched));
            let request = one.notify(core.now, &self.states, callers);
            match core.send(one.dialog.flow, request) {
                Some(client) => {
                    one.outstanding = Some(client);
                    self.clients.insert(client, key);
                }
                None => one.try_again(core.now, TRY_AGAIN),
            }
        }
        self.due.insert((one.due(), key));
        if one.dialog.local_cseq >= one.cseq_reserved {
            self.keep(core, key);
        }
    }

    /// A NOTIFY has its final response (RFC 6665 §4.2.2).
    fn answered(&mut self, core: &mut Core, key: Key, response: &Response) {
        let Some(one) = self.all.get_mut(&key) else {
            return;
        };
        one.outstanding = None;
        let status = response.status;
        let over = one.ended.is_some() && !one.behind;
        if over || (!status.is_success() && !may_recover(response)) {
            self.remove(core, key);
            return;
        }
        if !status.is_success() {
            self.due.remove(&(one.due(), key));
            let wanted = response.headers.retry_after().ok().flatten();
            let after = wanted.map_or(TRY_AGAIN, |it| Duration::from_secs(it.seconds.into()));
            one.try_again(core.now, after.min(TRY_AGAIN_MAX));
            self.due.insert((one.due(), key));
        }
        self.send(core, key);
    }

    /// Says the last word and forgets it once that is answered.
    fn end(&mut self, core: &mut Core, key: Key, reason: TerminationReason) {
        let Some(one) = self.all.get_mut(&key) else {
            return;
        };
        if one.lost || one.ended.is_some() {
            self.remove(core, key);
            return;
        }
        self.due.remove(&(one.due(), key));
        one.ended = Some(reason);
        one.wait = None;
        // The answer to the last word is waited for, and for no longer than any other.
        one.expires = core.now + admission::EXPIRES_MIN;
        self.tell(core, key);
    }

    fn insert(&mut self, key: Key, one: Subscription) {
        let name = (
            one.dialog.call_id.clone(),
            one.dialog.local_tag().to_owned(),
        );
        self.by_dialog.insert(name, key);
        self.by_watched
            .entry(one.watched.clone())
            .or_default()
            .insert(key);
        self.by_watcher
            .entry(one.watcher.clone())
            .or_default()
            .insert(key);
        self.due.insert((one.due(), key));
        self.kept += usize::from(one.cseq_reserved > 0);
        self.all.insert(key, one);
    }

    fn remove(&mut self, core: &mut Core, key: Key) {
        let Some(one) = self.all.remove(&key) else {
            return;
        };
        self.due.remove(&(one.due(), key));
        let name = (
            one.dialog.call_id.clone(),
            one.dialog.local_tag().to_owned(),
        );
        self.by_dialog.remove(&name);
        without(&mut self.by_watched, &one.watched, key);
        without(&mut self.by_watcher, &one.watcher, key);
        if let Watched::Dialogs(number) = &one.watched
            && !self.by_watched.contains_key(&one.watched)
        {
            self.states.set_dialogs(number, Vec::new());
        }
        if let Some(client) = one.outstanding {
            self.clients.remove(&client);
        }
        if one.cseq_reserved > 0 {
            self.kept = self.kept.saturating_sub(1);
            core.emit(Output::Checkpoint {
                key: key | CHECKPOINT_KEYS,
                call: None,
            });
        }
    }

    /// Writes a subscription down for the next process.
    fn keep(&mut self, core: &mut Core, key: Key) {
        let Some(one) = self.all.get_mut(&key).filter(|one| one.ended.is_none()) else {
            return;
        };
        if one.cseq_reserved == 0 {
            if self.kept >= KEPT_MAX {
                return;
            }
            self.kept += 1;
        }
        one.cseq_reserved = one.dialog.local_cseq.saturating_add(CSEQ_RESERVE);
        let call = row::save(core.now, one);
        core.emit(Output::Checkpoint {
            key: key | CHECKPOINT_KEYS,
            call,
        });
    }
}

fn without<K: Ord>(index: &mut BTreeMap<K, BTreeSet<Key>>, name: &K, key: Key) {
    if let Some(keys) = index.get_mut(name) {
        keys.remove(&key);
        if keys.is_empty() {
            index.remove(name);
        }
    }
}

/// Whether a failure says nothing about the subscription: the watcher asks for patience, or had an
/// accident. 501 and all of 4xx and 6xx mean that it does not want NOTIFYs (RFC 5057 §5.1).
fn may_recover(response: &Response) -> bool {
    let code = response.status.code();
    let patience = response.headers.first(&HeaderName::RetryAfter).is_some();
    (500..600).contains(&code) && code != StatusCode::NOT_IMPLEMENTED.code()
        || (patience && code != StatusCode::CALL_DOES_NOT_EXIST.code())
}

fn full(core: &mut Core, request: &Request) -> Box<Response> {
    let response = core.answer(request, StatusCode::SERVICE_UNAVAILABLE);
    Box::new(response.with(HeaderName::RetryAfter, RETRY_AFTER))
}

#[cfg(test)]
mod tests;
