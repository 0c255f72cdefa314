//! Who is heard, and whose password is looked at: what becomes of failures (R53, R55).

use std::time::Duration;

use config::Network;
use guard::Attempt;
use ipc::guard::{Guest, Offence, Protection};
use sip::transaction::Flow;

use crate::authentication::Admission;
use crate::core::Core;
use crate::interface::{AuthFailure, Output};

/// What becomes of a request once its credentials were looked at. Who is locked out is refused like
/// anybody with a wrong password, after the same work.
pub(crate) fn judged(core: &mut Core, flow: Flow, admission: Admission) -> Admission {
    let (name, is_proven) = match &admission {
        Admission::Challenged(_) => return admission,
        // Nobody is admitted without a nonce that was given to him.
        Admission::Admitted(extension) => (extension.clone(), true),
        Admission::Refused {
            extension,
            is_proven,
            ..
        } => (extension.clone(), *is_proven),
    };
    let attempt = Attempt {
        source: flow.remote.ip(),
        name: &name,
        is_proven,
    };
    if !core.door.admits(core.now, attempt) {
        return Admission::Refused {
            class: AuthFailure::LockedOut,
            extension: name,
            is_proven,
        };
    }
    match &admission {
        Admission::Admitted(_) => core.door.proved(core.now, attempt),
        Admission::Refused { class, .. } => {
            if let Some(offence) = offence(*class) {
                count(core, attempt, offence);
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
    let is_due = |told| core.now - told >= OUTSIDER_PAUSE;
    if core.outsider_told.is_none_or(is_due)
        && !site.networks.is_internal(source, &core.neighbours)
        && core.door.protected().why(source).is_none()
    {
        core.outsider_told = Some(core.now);
        core.emit(Output::Outsider(source));
    }
}

/// Something came that cannot be read.
pub(crate) fn malformed(core: &mut Core, flow: Flow) {
    let attempt = Attempt {
        source: flow.remote.ip(),
        name: "",
        is_proven: flow.stream.is_some(),
    };
    count(core, attempt, Offence::SipMalformed);
}

fn count(core: &mut Core, attempt: Attempt<'_>, offence: Offence) {
    for finding in core.door.offence(core.now, attempt, offence) {
        core.emit(Output::Found(finding));
    }
}

/// Phones that registered with an earlier process were let in by their passwords.
pub(crate) fn trust_registered(core: &mut Core) {
    let phones = core.registrar.iter();
    let phones = phones.map(|(number, binding)| (number.to_owned(), binding.flow.remote.ip()));
    for (number, source) in phones.collect::<Vec<_>>() {
        let attempt = Attempt {
            source,
            name: &number,
            is_proven: true,
        };
        core.door.proved(core.now, attempt);
    }
}

/// The servers of the trunks are never banned, and all doors know it.
pub(crate) fn protect_servers(core: &mut Core) {
    let mut servers: Vec<Network> = core.servers().map(Network::of).collect();
    servers.sort_unstable();
    servers.dedup();
    let guest = |network: &Network| Guest {
        why: Protection::Trunk,
        network: network.to_string(),
    };
    let guests: Vec<_> = servers.iter().map(guest).collect();
    if core.door.protected().set(Protection::Trunk, servers) {
        core.emit(Output::Protect(guests));
    }
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

/// Between two times that it is told.
const OUTSIDER_PAUSE: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests;
