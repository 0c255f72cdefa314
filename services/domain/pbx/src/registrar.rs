//! Where each extension's phones are (RFC 3261 §10.3): a table, and the rules for changing it.
//!
//! Time here is monotonic: a step of the wall clock expires nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use ipc::store::Registration;
use sansio::{Instant, Transport, UnixTime};
use sip::transaction::Flow;
use sip::{NameAddr, Uri};

use crate::interface::{StreamId, UnregisterCause};

/// Contacts one extension may have at a time: a desk phone, a soft phone, a mobile, and spares.
/// It is also the most branches a call forks into.
pub const CONTACTS_PER_EXTENSION_MAX: usize = 5;
/// Contacts in all: two for each extension of the largest site.
pub const REGISTRATIONS_MAX: usize = 20_000;
/// Longest contact, Call-ID and user agent kept, bytes; more does not fit a datagram's fair share.
pub(crate) const TEXT_LENGTH_MAX: usize = 512;

/// One contact of an extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Binding {
    /// The Contact URI as the phone wrote it; echoed to it, and the Request-URI towards it.
    pub(crate) uri: Uri,
    /// `+sip.instance` with `reg-id`, when given: the same phone under a new address.
    pub(crate) instance: Option<String>,
    /// The way its REGISTER came, and requests go.
    pub(crate) flow: Flow,
    /// Call-ID of its registration.
    pub(crate) call_id: String,
    /// CSeq of its last REGISTER.
    pub(crate) cseq: u32,
    /// When it is void.
    pub(crate) expires: Instant,
    /// User-Agent as sent; may be empty.
    pub(crate) user_agent: String,
}

/// One contact of a REGISTER, and for how long; zero takes it away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Update {
    pub(crate) contact: NameAddr,
    pub(crate) lifetime: Duration,
}

/// What all contacts of one REGISTER have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Source {
    pub(crate) flow: Flow,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) user_agent: String,
}

/// Why a REGISTER changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// It is older than what we know (RFC 3261 §10.3 step 7).
    OutOfOrder,
    /// [`REGISTRATIONS_MAX`] is reached.
    Full,
}

/// A contact that came or went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Added {
        extension: String,
        flow: Flow,
    },
    Removed {
        extension: String,
        flow: Flow,
        cause: UnregisterCause,
    },
}

/// All contacts, by extension.
#[derive(Debug, Default)]
pub(crate) struct Registrar {
    bindings: BTreeMap<String, Vec<Binding>>,
    count: usize,
    /// No contact expires before this; kept so that the deadline needs no search.
    next_expiry: Option<Instant>,
}

impl Registrar {
    /// The contacts of an extension, oldest first.
    pub(crate) fn bindings(&self, extension: &str) -> &[Binding] {
        self.bindings.get(extension).map_or(&[], Vec::as_slice)
    }

    /// All of them, by extension.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Binding)> {
        self.bindings.iter().flat_map(|(extension, bindings)| {
            bindings
                .iter()
                .map(move |binding| (extension.as_str(), binding))
        })
    }

    /// Applies one REGISTER: all of its contacts or none.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        extension: &str,
        updates: &[Update],
        source: &Source,
    ) -> Result<Vec<Change>, Refusal> {
        let known = self.bindings(extension);
        for update in updates {
            if find(known, &update.contact).is_some_and(|at| is_stale(known.get(at), source)) {
                return Err(Refusal::OutOfOrder);
            }
        }
        let grows = updates
            .iter()
            .any(|update| !update.lifetime.is_zero() && find(known, &update.contact).is_none());
        if grows && known.len() < CONTACTS_PER_EXTENSION_MAX && self.count >= REGISTRATIONS_MAX {
            return Err(Refusal::Full);
        }
        let before = known.len();
        let mut changes = Vec::new();
        let bindings = self.bindings.entry(extension.to_owned()).or_default();
        for update in updates {
            apply(now, extension, bindings, update, source, &mut changes);
        }
        let (after, next) = (
            bindings.len(),
            bindings.iter().map(|known| known.expires).min(),
        );
        if after == 0 {
            self.bindings.remove(extension);
        }
        self.count = self.count.saturating_sub(before).saturating_add(after);
        self.next_expiry = earlier(self.next_expiry, next);
        Ok(changes)
    }

    /// `Contact: *`: every contact of the extension goes, unless one is newer than the request.
    pub(crate) fn remove_all(
        &mut self,
        extension: &str,
        source: &Source,
    ) -> Result<Vec<Change>, Refusal> {
        if self
            .bindings(extension)
            .iter()
            .any(|binding| is_stale(Some(binding), source))
        {
            return Err(Refusal::OutOfOrder);
        }
        let of_extension = |candidate: &str, _: &Binding| candidate == extension;
        Ok(self.remove_where(UnregisterCause::Asked, of_extension))
    }

    /// Drops what has expired.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Change> {
        if self.next_expiry.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let expired = |_: &str, binding: &Binding| binding.expires <= now;
        let changes = self.remove_where(UnregisterCause::Expired, expired);
        self.next_expiry = self.iter().map(|(_, binding)| binding.expires).min();
        changes
    }

    /// Drops what can only be reached by a connection that is gone.
    pub(crate) fn close_stream(&mut self, closed: StreamId) -> Vec<Change> {
        let by_stream = |_: &str, binding: &Binding| binding.flow.stream == Some(closed);
        self.remove_where(UnregisterCause::ConnectionClosed, by_stream)
    }

    /// Drops the contacts of extensions that no longer stand as they stood.
    pub(crate) fn retain(&mut self, stands: impl Fn(&str) -> bool) -> Vec<Change> {
        self.remove_where(UnregisterCause::Reconfigured, |extension, _| {
            !stands(extension)
        })
    }

    /// When [`Self::expire`] wants to be called; no contact expires earlier.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Everything, as the store keeps it.
    pub(crate) fn save(&self, now: Instant, wall: UnixTime) -> Vec<Registration> {
        let kept = self.iter().filter(|(_, binding)| binding.expires > now);
        let row = |(extension, binding): (&str, &Binding)| Registration {
            extension: extension.to_owned(),
            contact: binding.uri.to_string(),
            source: format!(
                "{} {}",
                binding.flow.transport.to_string().to_ascii_lowercase(),
                binding.flow.remote
            ),
            local: binding.flow.local.to_string(),
            expires_secs: seconds(binding.expires - now),
            kept_millis: wall.as_millis(),
            call_id: binding.call_id.clone(),
            cseq: binding.cseq,
            user_agent: binding.user_agent.clone(),
        };
        kept.map(row).collect()
    }

    /// Takes back what an earlier process kept. Connections did not outlive it, so only UDP
    /// contacts come back; what already stands is newer and stays.
    pub(crate) fn restore(&mut self, now: Instant, wall: UnixTime, rows: &[Registration]) {
        for row in rows {
            let Some(binding) = restored(now, wall, row) else {
                continue;
            };
            let known = self.bindings(&row.extension);
            let room = known.len() < CONTACTS_PER_EXTENSION_MAX && self.count < REGISTRATIONS_MAX;
            if room && !known.iter().any(|known| known.uri.matches(&binding.uri)) {
                self.next_expiry = earlier(self.next_expiry, Some(binding.expires));
                self.bindings
                    .entry(row.extension.clone())
                    .or_default()
                    .push(binding);
                self.count = self.count.saturating_add(1);
            }
        }
    }

    fn remove_where(
        &mut self,
        cause: UnregisterCause,
        gone: impl Fn(&str, &Binding) -> bool,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (extension, bindings) in &mut self.bindings {
            bindings.retain(|binding| {
                let gone = gone(extension, binding);
                if gone {
                    let (extension, flow) = (extension.clone(), binding.flow);
                    changes.push(Change::Removed {
                        extension,
                        flow,
                        cause,
                    });
                }
                !gone
            });
        }
        if !changes.is_empty() {
            self.bindings.retain(|_, bindings| !bindings.is_empty());
            self.count = self.bindings.values().map(Vec::len).sum();
        }
        changes
    }
}

fn earlier(one: Option<Instant>, two: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(two).min()
}

/// Seconds, rounded up: a phone told 0 would think itself gone.
pub(crate) fn seconds(duration: Duration) -> u32 {
    let whole = duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0));
    u32::try_from(whole).unwrap_or(u32::MAX)
}

fn apply(
    now: Instant,
    extension: &str,
    bindings: &mut Vec<Binding>,
    update: &Update,
    source: &Source,
    changes: &mut Vec<Change>,
) {
    let known = find(bindings, &update.contact).map(|at| bindings.remove(at));
    if update.lifetime.is_zero() {
        if let Some(known) = known {
            changes.push(removed(extension, &known, UnregisterCause::Asked));
        }
        return;
    }
    if known.is_none() {
        changes.push(Change::Added {
            extension: extension.to_owned(),
            flow: source.flow,
        });
        if bindings.len() >= CONTACTS_PER_EXTENSION_MAX {
            // Phones behind a router come back under new ports; the one longest silent is dead.
            let oldest = bindings.remove(0);
            changes.push(removed(extension, &oldest, UnregisterCause::Replaced));
        }
    }
    bindings.push(Binding {
        uri: update.contact.uri.clone(),
        instance: instance(&update.contact),
        flow: source.flow,
        call_id: source.call_id.clone(),
        cseq: source.cseq,
        expires: now + update.lifetime,
        user_agent: clipped(&source.user_agent),
    });
}

fn removed(extension: &str, binding: &Binding, cause: UnregisterCause) -> Change {
    Change::Removed {
        extension: extension.to_owned(),
        flow: binding.flow,
        cause,
    }
}

fn find(bindings: &[Binding], contact: &NameAddr) -> Option<usize> {
    let instance = instance(contact);
    bindings.iter().position(|binding| {
        let same_phone = instance.is_some() && binding.instance == instance;
        same_phone || binding.uri.matches(&contact.uri)
    })
}

fn is_stale(binding: Option<&Binding>, source: &Source) -> bool {
    binding.is_some_and(|known| known.call_id == source.call_id && known.cseq >= source.cseq)
}

/// RFC 5626 §4.1: one phone is one instance, and each of its flows one reg-id.
fn instance(contact: &NameAddr) -> Option<String> {
    let instance = contact
        .params
        .unquoted("+sip.instance")
        .filter(|text| !text.is_empty())?;
    Some(clipped(&format!(
        "{instance};{}",
        contact.params.get("reg-id").unwrap_or_default()
    )))
}

fn clipped(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(TEXT_LENGTH_MAX)
        .collect()
}

fn restored(now: Instant, wall: UnixTime, row: &Registration) -> Option<Binding> {
    let (transport, remote) = row.source.split_once(' ')?;
    if transport != "udp" {
        return None;
    }
    // A clock that went backwards or was not set yet tells nothing about the time that passed.
    let away = wall.as_millis().saturating_sub(row.kept_millis).max(0);
    let left = i64::from(row.expires_secs)
        .saturating_mul(1000)
        .saturating_sub(away);
    let left = u64::try_from(left).ok().filter(|left| *left > 0)?;
    Some(Binding {
        uri: Uri::parse(row.contact.as_bytes()).ok()?,
        instance: None,
        flow: Flow {
            transport: Transport::Udp,
            local: row.local.parse().ok()?,
            remote: remote.parse().ok()?,
            stream: None,
        },
        call_id: row.call_id.clone(),
        cseq: row.cseq,
        expires: now + Duration::from_millis(left),
        user_agent: row.user_agent.clone(),
    })
}

#[cfg(test)]
mod tests;
