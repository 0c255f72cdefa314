//! A call that goes out by a trunk: one attempt for each way that may work.

use config::{Access, Trunk};
use ipc::sound::Codec;
use sansio::Instant;
use sip::{HeaderName, NameAddr, Uri};

use super::address::{at_server, proxy_route};
use super::identity::{Caller, Diverted, outgoing};
use super::line::{Line, connect};
use super::profile::profile;
use crate::core::Core;
use crate::interface::Hop;
use crate::leg::{Login, Outgoing, Peer};

/// What is to be called, and for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallOut<'a> {
    /// The number as it goes out.
    pub(crate) number: &'a str,
    /// Who calls.
    pub(crate) caller: &'a Caller,
    /// Who passed the call on, if anybody.
    pub(crate) diverted: Option<&'a Diverted>,
    /// An emergency: tried even by a trunk that is believed to be down.
    pub(crate) urgent: bool,
}

/// Why a trunk carries no call now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Unavailable {
    /// There is none of this name.
    Unknown,
    /// It is switched off.
    Disabled,
    /// Nobody answers there, or its name leads nowhere.
    Down,
    /// The carrier does not know us now.
    NotRegistered,
}

/// One way to place the call.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// The way.
    pub(crate) hop: Hop,
    trunk: Trunk,
    target: Uri,
    route: Vec<NameAddr>,
    from: NameAddr,
    headers: Vec<(HeaderName, String)>,
}

impl Attempt {
    /// The leg to be made, with a connection if the way needs one. `hops` becomes Max-Forwards,
    /// `codecs` are what the caller can do.
    pub(crate) fn dial(self, core: &mut Core, hops: u8, codecs: Vec<Codec>) -> Outgoing {
        let login = match &self.trunk.access {
            Access::Registering(account) => Some(Login {
                user: account.auth_user.clone(),
                password: account.password.clone(),
                realm: Some(account.realm.clone()),
            }),
            Access::Peer { .. } => None,
        };
        Outgoing {
            flow: connect(core, &self.trunk, self.hop),
            to: NameAddr::new(self.target.clone()),
            target: self.target,
            route: self.route,
            from: self.from,
            hops,
            headers: self.headers,
            profile: profile(&self.trunk),
            login,
            codecs,
            peer: Peer::Trunk(self.trunk.name),
        }
    }
}

/// An attempt for each way of the trunk, best first; never empty.
pub(super) fn attempts(
    line: &Line,
    now: Instant,
    call: &CallOut<'_>,
) -> Result<Vec<Attempt>, Unavailable> {
    let trunk = line.trunk();
    if !trunk.enabled {
        return Err(Unavailable::Disabled);
    }
    let ways = line.ways(now, call.urgent);
    if ways.is_empty() {
        return Err(Unavailable::Down);
    }
    let granted = line.granted(now);
    if line.is_registering() && granted.is_none() && !call.urgent {
        return Err(Unavailable::NotRegistered);
    }
    let target = at_server(Some(call.number), trunk);
    // RFC 3608 §5: the carrier's own route comes after the proxy that leads to it.
    let mut route = proxy_route(trunk);
    route.extend(granted.into_iter().flat_map(|it| it.service_route.clone()));
    let attempt = |hop: Hop| {
        let identity = outgoing(trunk, hop, call.caller, call.diverted);
        Attempt {
            hop,
            trunk: trunk.clone(),
            target: target.clone(),
            route: route.clone(),
            from: identity.from,
            headers: identity.headers,
        }
    };
    Ok(ways.into_iter().map(attempt).collect())
}
