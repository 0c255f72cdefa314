//! Where each extension's phones are (RFC 3261 §10.3): a table, and the rules for changing it.
//!
//! Time here is monotonic: a step of the wall clock expires nobody.

mod binding;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use ipc::store::Registration;
use sansio::{Instant, UnixTime};
use sip::transaction::Flow;

pub(crate) use self::binding::{Binding, Source, Update};
use crate::interface::{StreamId, UnregisterCause};

/// Phones one extension may have at a time, whatever its settings say: a desk phone, a soft phone,
/// a mobile, and spares. It is also the most branches a call to it forks into.
pub const CONTACTS_PER_EXTENSION_MAX: usize = 10;
/// Flows of one phone (RFC 5626 §4.2.1 wants two, and four is the most it speaks of).
pub(crate) const FLOWS_PER_PHONE_MAX: usize = 4;
/// Contacts in all: two for each extension of the largest site.
pub const REGISTRATIONS_MAX: usize = 20_000;
/// Longest contact, Call-ID and user agent kept, bytes; more does not fit a datagram's fair share.
pub(crate) const TEXT_LENGTH_MAX: usize = 512;

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
    /// Extensions with a contact on each connection, so that a closed one is not searched for.
    by_stream: BTreeMap<StreamId, BTreeSet<String>>,
    /// No contact expires before this; kept so that the deadline needs no search.
    next_expiry: Option<Instant>,
}

impl Registrar {
    /// The contacts of an extension, oldest first.
    pub(crate) fn bindings(&self, extension: &str) -> &[Binding] {
        self.bindings.get(extension).map_or(&[], Vec::as_slice)
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// All of them, by extension.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Binding)> {
        self.bindings.iter().flat_map(|(extension, bindings)| {
            bindings
                .iter()
                .map(move |binding| (extension.as_str(), binding))
        })
    }

    /// The phones of an extension, oldest first; of each its ways in the order to try them, the
    /// connected and the latest first (RFC 5626 §5.3). A call rings each phone by one way.
    pub(crate) fn phones(&self, extension: &str) -> Vec<Vec<Binding>> {
        let mut phones: Vec<Vec<Binding>> = Vec::new();
        for binding in self.bindings(extension) {
            let of_phone = |ways: &&mut Vec<Binding>| {
                ways.first().is_some_and(|known| known.is_flow_of(binding))
            };
            match phones.iter_mut().find(of_phone) {
                Some(ways) => ways.insert(0, binding.clone()),
                None => phones.push(vec![binding.clone()]),
            }
        }
        phones
    }

    /// Applies one REGISTER: all of its contacts or none. The extension may have `limit` phones.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        extension: &str,
        limit: usize,
        updates: &[Update],
        source: &Source,
    ) -> Result<Vec<Change>, Refusal> {
        let known = self.bindings(extension);
        let is_known = |update: &Update| known.iter().find(|known| known.is_of(update));
        if updates
            .iter()
            .filter_map(is_known)
            .any(|known| known.is_newer_than(source))
        {
            return Err(Refusal::OutOfOrder);
        }
        let grows = updates
            .iter()
            .any(|update| !update.lifetime.is_zero() && is_known(update).is_none());
        if grows && self.count >= REGISTRATIONS_MAX {
            return Err(Refusal::Full);
        }
        let before = known.len();
        let mut changes = Vec::new();
        if before == 0 {
            self.bindings.insert(extension.to_owned(), Vec::new());
        }
        let Some(bindings) = self.bindings.get_mut(extension) else {
            return Ok(changes);
        };
        for update in updates {
            apply(now, extension, bindings, update, source, &mut changes);
        }
        make_room(extension, bindings, limit, &mut changes);
        let (after, next) = (
            bindings.len(),
            bindings.iter().map(|known| known.expires).min(),
        );
        if after == 0 {
            self.bindings.remove(extension);
        }
        self.count = self.count.saturating_sub(before).saturating_add(after);
        self.next_expiry = earlier(self.next_expiry, next);
        if let Some(stream) = source.flow.stream {
            self.by_stream
                .entry(stream)
                .or_default()
                .insert(extension.to_owned());
        }
        Ok(changes)
    }

    /// `Contact: *`: every contact of the extension goes, unless one is newer than the request.
    pub(crate) fn remove_all(
        &mut self,
        extension: &str,
        source: &Source,
    ) -> Result<Vec<Change>, Refusal> {
        let known = self.bindings(extension);
        if known.iter().any(|binding| binding.is_newer_than(source)) {
            return Err(Refusal::OutOfOrder);
        }
        let gone = known.iter().map(|binding| Change::Removed {
            extension: extension.to_owned(),
            flow: binding.flow,
            cause: UnregisterCause::Asked,
        });
        let changes: Vec<Change> = gone.collect();
        self.bindings.remove(extension);
        self.count = self.count.saturating_sub(changes.len());
        Ok(changes)
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

    /// A connection is gone: what it alone reached is dropped (RFC 5626 §5.3), and the rest waits
    /// to be connected to anew.
    pub(crate) fn close_stream(&mut self, closed: StreamId) -> Vec<Change> {
        let mut changes = Vec::new();
        for extension in self.by_stream.remove(&closed).unwrap_or_default() {
            let Some(bindings) = self.bindings.get_mut(&extension) else {
                continue;
            };
            let before = bindings.len();
            bindings.retain_mut(|binding| {
                if binding.flow.stream != Some(closed) {
                    return true;
                }
                let flow = binding.flow;
                binding.flow.stream = None;
                let stays = binding.is_reachable();
                if !stays {
                    changes.push(Change::Removed {
                        extension: extension.clone(),
                        flow,
                        cause: UnregisterCause::ConnectionClosed,
                    });
                }
                stays
            });
            self.count = self.count.saturating_sub(before - bindings.len());
            if bindings.is_empty() {
                self.bindings.remove(&extension);
            }
        }
        changes
    }

    /// Drops the contacts that do not stand any more as they stood.
    pub(crate) fn retain(&mut self, stands: impl Fn(&str, &Binding) -> bool) -> Vec<Change> {
        self.remove_where(UnregisterCause::Reconfigured, |extension, binding| {
            !stands(extension, binding)
        })
    }

    /// When [`Self::expire`] wants to be called; no contact expires earlier.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Everything, as the store keeps it.
    pub(crate) fn save(&self, now: Instant, wall: UnixTime) -> Vec<Registration> {
        let kept = self.iter().filter(|(_, binding)| binding.expires > now);
        kept.map(|(extension, binding)| row::row(extension, binding, now, wall))
            .collect()
    }

    /// Takes back what an earlier process kept: what can be reached by a connection that outlived
    /// it, by a new one, or without any. What already stands is newer and stays. Gives the
    /// extensions of contacts that would stand if their connection did.
    pub(crate) fn restore(
        &mut self,
        now: Instant,
        wall: UnixTime,
        rows: &[Registration],
        open: &BTreeMap<(SocketAddr, SocketAddr), StreamId>,
    ) -> Vec<String> {
        let mut lost = Vec::new();
        for row in rows {
            let Some(binding) = row::binding(now, wall, row, open) else {
                continue;
            };
            if !binding.is_reachable() {
                lost.push(row.extension.clone());
                continue;
            }
            let known = self.bindings(&row.extension);
            let room = known.len() < CONTACTS_PER_EXTENSION_MAX * FLOWS_PER_PHONE_MAX
                && self.count < REGISTRATIONS_MAX;
            let same = |known: &Binding| match (known.reg_id, binding.reg_id) {
                (Some(one), Some(two)) => known.instance == binding.instance && one == two,
                (None, None) => known.uri.matches(&binding.uri),
                (Some(_), None) | (None, Some(_)) => false,
            };
            if room && !known.iter().any(same) {
                self.next_expiry = earlier(self.next_expiry, Some(binding.expires));
                if let Some(stream) = binding.flow.stream {
                    let of_stream = self.by_stream.entry(stream).or_default();
                    of_stream.insert(row.extension.clone());
                }
                let bindings = self.bindings.entry(row.extension.clone());
                push(bindings.or_default(), binding);
                self.count = self.count.saturating_add(1);
            }
        }
        lost
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
    let known = bindings.extract_if(.., |known| known.is_of(update)).last();
    if update.lifetime.is_zero() {
        let gone = known.map(|known| removed(extension, &known, UnregisterCause::Asked));
        changes.extend(gone);
        return;
    }
    if known.is_none() {
        changes.push(Change::Added {
            extension: extension.to_owned(),
            flow: source.flow,
        });
    }
    push(bindings, Binding::new(now, update, source));
}

/// Adds one without room for more: most extensions have one phone, and a binding is large.
fn push(bindings: &mut Vec<Binding>, binding: Binding) {
    bindings.reserve_exact(1);
    bindings.push(binding);
}

/// Drops the flows and phones longest silent until no more than allowed are left. Phones behind a
/// router come back under new ports; the one longest silent is the dead one.
fn make_room(
    extension: &str,
    bindings: &mut Vec<Binding>,
    limit: usize,
    changes: &mut Vec<Change>,
) {
    let is_first_of_phone = |bindings: &[Binding], at: usize| {
        let binding = bindings.get(at);
        let earlier = bindings.iter().take(at);
        binding.is_some_and(|binding| !earlier.into_iter().any(|one| one.is_flow_of(binding)))
    };
    while let Some(oldest) = bindings.iter().position(|binding| {
        let flows = bindings.iter().filter(|other| other.is_flow_of(binding));
        flows.count() > FLOWS_PER_PHONE_MAX
    }) {
        let oldest = bindings.remove(oldest);
        changes.push(removed(extension, &oldest, UnregisterCause::Replaced));
    }
    let limit = limit.clamp(1, CONTACTS_PER_EXTENSION_MAX);
    loop {
        let phones = (0..bindings.len()).filter(|at| is_first_of_phone(bindings, *at));
        if phones.count() <= limit {
            return;
        }
        // A phone is as old as its latest flow.
        let oldest = bindings.iter().position(|binding| {
            let latest = bindings.iter().rfind(|other| other.is_flow_of(binding));
            latest.is_none_or(|latest| std::ptr::eq(latest, binding))
        });
        let Some(oldest) = oldest.and_then(|at| bindings.get(at).cloned()) else {
            return;
        };
        bindings.retain(|binding| {
            let goes = *binding == oldest || binding.is_flow_of(&oldest);
            if goes {
                changes.push(removed(extension, binding, UnregisterCause::Replaced));
            }
            !goes
        });
    }
}

fn removed(extension: &str, binding: &Binding, cause: UnregisterCause) -> Change {
    Change::Removed {
        extension: extension.to_owned(),
        flow: binding.flow,
        cause,
    }
}

fn clipped(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(TEXT_LENGTH_MAX)
        .collect()
}

#[cfg(test)]
mod tests;
