//! Who is heard, and whose password is looked at: what becomes of failures (R53, R55).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use config::{Access, Extension, Network, Site, Trunk};
use guard::{Attempt, Notice};
use ipc::guard::{Finding, Guest, Offence, Protection};
use ipc::store::Registration;
use sansio::Instant;
use sip::transaction::Flow;

use crate::authentication::Admission;
use crate::core::Core;
use crate::hiding;
use crate::interface::{AuthFailure, Output};
use crate::leg::Legs;

/// What becomes of a request once its credentials were looked at. Who is locked out is refused like
/// anybody with a wrong password, after the same work; a phone that is registered and writes from
/// where it is goes on, so that nobody beside it can keep it from its calls.
pub(crate) fn judged(core: &mut Core, flow: Flow, admission: Admission) -> Admission {
    let name = match &admission {
        Admission::Admitted(extension) => extension.clone(),
        Admission::Refused {
            extension,
            is_proven: true,
            ..
        } => extension.clone(),
        Admission::Challenged(_) | Admission::Refused { .. } => return admission,
    };
    hiding::proven(core, flow);
    let attempt = Attempt {
        source: flow.remote.ip(),
        name: &name,
    };
    let is_admitted = matches!(admission, Admission::Admitted(_));
    let bindings = core.registrar.bindings(&name);
    let is_registered = is_admitted && bindings.iter().any(|binding| binding.flow == flow);
    if !is_registered && !core.door.admits(core.now, attempt) {
        return Admission::Refused {
            class: AuthFailure::LockedOut,
            extension: name,
            is_proven: true,
        };
    }
    match &admission {
        Admission::Admitted(_) => core.door.proved(core.now, attempt),
        Admission::Refused { class, .. } => {
            if let Some(offence) = offence(*class) {
                let found = core.door.offence(core.now, attempt, offence);
                tell(core, found);
            }
        }
        Admission::Challenged(_) => {}
    }
    admission
}

/// A request came: whether from outside is told now and then (T8).
pub(crate) fn heard(core: &mut Core, flow: Flow) {
    let source = flow.remote.ip();
    let Some((_, site)) = &core.site else { return };
    let is_due = |(_, told)| core.now - told >= OUTSIDER_PAUSE;
    if core.outsider.is_none_or(is_due)
        && (core.hiding.is_hidden(source)
            || (!site.networks.is_internal(source, &core.neighbours)
                && core.door.protected().why(source).is_none()))
    {
        core.outsider = Some((source, core.now));
        core.emit(Output::Outsider(source));
    }
}

/// The process that keeps the bans says something. A new one knows of nobody outside.
pub(crate) fn obey(core: &mut Core, notice: Notice) {
    let outsider = core.outsider.filter(|_| notice.is_whole());
    if let Some((source, _)) = outsider {
        core.emit(Output::Outsider(source));
    }
    if let Some(hiding) = notice.hiding() {
        core.hiding.take(hiding);
    }
    core.door.obey(core.now, notice, PROTECTING);
}

/// Something came that cannot be read. In a datagram anybody can have written any sender.
pub(crate) fn malformed(core: &mut Core, flow: Flow) {
    if flow.stream.is_some() {
        let attempt = Attempt {
            source: flow.remote.ip(),
            name: "",
        };
        let found = core.door.offence(core.now, attempt, Offence::SipMalformed);
        tell(core, found);
    }
}

fn tell(core: &mut Core, found: Vec<Finding>) {
    for finding in found {
        core.emit(Output::Found(finding));
    }
}

/// Phones that registered with an earlier process were let in by their passwords. Whose line they
/// are may show only when the box's own networks are known.
pub(crate) fn trust(core: &mut Core, rows: &[Registration]) {
    for row in rows {
        let Some((number, source)) = registered_from(row) else {
            continue;
        };
        if core.neighbours.is_empty() && source.is_ipv6() {
            core.let_in.push((source, number.to_owned()));
        }
        let attempt = Attempt {
            source,
            name: number,
        };
        core.door.proved(core.now, attempt);
    }
}

/// The box has other neighbours: whose line a phone is may be another one now.
pub(crate) fn trust_registered(core: &mut Core) {
    let phones = core.registrar.iter();
    let phones = phones.map(|(number, binding)| (binding.flow.remote.ip(), number.to_owned()));
    let mut phones: Vec<_> = phones.collect();
    if !core.neighbours.is_empty() {
        phones.append(&mut core.let_in);
    }
    for (source, name) in phones {
        let attempt = Attempt {
            source,
            name: &name,
        };
        core.door.proved(core.now, attempt);
    }
}

/// Who has another password now, or none, is trusted nowhere.
pub(crate) fn unlearn(core: &mut Core, before: &Site, now: &Site) {
    let is_same = |old: &Extension| {
        let new = now.extension(old.number.as_str());
        new.is_some_and(|new| old.ha1_md5 == new.ha1_md5 && old.ha1_sha256 == new.ha1_sha256)
    };
    for old in before.extensions.values().filter(|old| !is_same(old)) {
        let number = old.number.as_str();
        core.door.unlearn(core.now, number);
        core.let_in.retain(|(_, name)| name != number);
    }
}

/// Servers and networks of the trunks are never banned, and all doors know it.
pub(crate) fn protect_trunks(core: &mut Core) {
    let mut networks: Vec<Network> = core.servers().map(Network::of).collect();
    if let Some((_, site)) = &core.site {
        networks.extend(site.trunks.iter().flat_map(trunk_networks));
    }
    if core
        .door
        .protected()
        .set(Protection::Trunk, networks)
        .is_any
    {
        protect(core);
    }
}

/// Nobody is banned while he is in a call, whatever a page or a program there does (bar E9). It is
/// told when calls were answered or have ended, and not for each of them.
pub(crate) fn protect_calls(core: &mut Core, legs: &Legs) {
    if calls_due(core).is_none_or(|due| core.now < due) {
        return;
    }
    core.calls_changed = false;
    core.calls_told = Some(core.now);
    let peers = legs.peers().map(Network::of);
    if core.door.protected().set(Protection::Call, peers).is_any {
        protect(core);
    }
}

/// When it is to be told who is in a call.
pub(crate) fn calls_due(core: &Core) -> Option<Instant> {
    let earliest = core.calls_told.map_or(core.now, |told| told + CALLS_PAUSE);
    core.calls_changed.then_some(earliest)
}

/// Tells who is never banned, as this door knows first.
fn protect(core: &mut Core) {
    let protected = core.door.protected();
    let of_reason = |why: Protection| protected.all_of(why).map(move |network| (why, network));
    let all = PROTECTING.iter().flat_map(|why| of_reason(*why));
    let guests = all.map(|(why, network)| Guest {
        why,
        network: network.to_string(),
    });
    let guests: Vec<_> = guests.collect();
    core.emit(Output::Protect(guests));
}

/// Where calls of a trunk come from; a list that holds half the Internet protects nobody.
fn trunk_networks(trunk: &Trunk) -> Vec<Network> {
    let Access::Peer { networks, .. } = &trunk.access else {
        return Vec::new();
    };
    let is_narrow = |it: &&Network| it.length() >= if it.is_ipv4() { 16 } else { 32 };
    networks.iter().filter(is_narrow).copied().collect()
}

/// The extension of a registration as it is kept, and the address its phone was at.
fn registered_from(row: &Registration) -> Option<(&str, IpAddr)> {
    let (_, remote) = row.source.split_once(' ')?;
    let remote: SocketAddr = remote.parse().ok()?;
    Some((&row.extension, remote.ip()))
}

/// What a failure counts as; `None` for what honest phones do and the password was right for.
const fn offence(class: AuthFailure) -> Option<Offence> {
    match class {
        AuthFailure::WrongPassword => Some(Offence::SipPassword),
        AuthFailure::UnknownUser => Some(Offence::SipExtension),
        AuthFailure::RemoteNotAllowed => Some(Offence::SipOutside),
        AuthFailure::Malformed => Some(Offence::SipMalformed),
        // PINs have a guard of their own.
        AuthFailure::BadNonce
        | AuthFailure::OtherExtension
        | AuthFailure::WrongPin
        | AuthFailure::LockedOut => None,
    }
}

/// For what this node says that somebody is never banned, in [`Output::Protect`].
pub const PROTECTING: &[Protection] = &[Protection::Trunk, Protection::Call];
/// Between two times that it is told who is in a call.
const CALLS_PAUSE: Duration = Duration::from_secs(2);
/// Between two times that it is told who is outside.
const OUTSIDER_PAUSE: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod countries;
#[cfg(test)]
mod tests;
