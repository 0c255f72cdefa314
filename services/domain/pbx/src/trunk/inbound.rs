//! Whose call it is that comes from outside.
//!
//! What counts is what a stranger cannot write: the secret token in the Contact that we registered,
//! or the address the request came from. A sender address of a datagram can be forged too: then a
//! phone may ring, but our answers go to the carrier, whoever forged it never learns our tag, and
//! nothing of ours follows his Contact before an ACK has come (`leg::next_hop`). From is never
//! looked at.

use config::{Access, InboundNumber, Network, Trunk, TrunkTransport};
use sansio::Transport;
use sip::transaction::Flow;
use sip::{HeaderName, Request, Uri};

use super::identity::number;
use super::line::Line;
use crate::core::Core;

/// The trunk a request comes from; `None` for a phone or a stranger.
pub(super) fn identify<'a>(
    core: &Core,
    lines: &'a [Line],
    flow: Flow,
    request: &Request,
) -> Option<&'a Line> {
    if is_phone(core, request) {
        return None;
    }
    let by_token = lines.iter().find(|line| line.has_token(&request.uri));
    let found = by_token.or_else(|| by_address(lines, flow, request))?;
    let from_phone = core.registrar.iter().any(|(_, it)| it.flow == flow);
    (!from_phone).then_some(found)
}

/// Whether it brings credentials of an extension, right or wrong.
fn is_phone(core: &Core, request: &Request) -> bool {
    let realm = core.site.as_ref().map(|(_, site)| site.realm.as_str());
    let mut credentials = request.headers.credentials(&HeaderName::Authorization);
    credentials.any(|it| Some(it.realm.as_str()) == realm)
}

/// Of the trunks with this address: the one whose account is called, else the narrowest network,
/// and of these the one whose server uses this port.
fn by_address<'a>(lines: &'a [Line], flow: Flow, request: &Request) -> Option<&'a Line> {
    let candidates = lines
        .iter()
        .filter_map(|line| Some((line, fit(line, flow)?)));
    let rank = |(line, fit): &(&Line, Fit)| {
        let account = calls_account(line.trunk(), request);
        let port = line.trunk().server().port.unwrap_or(5060) == flow.remote.port();
        (account, *fit, port)
    };
    let mut best: Option<(&Line, Fit)> = None;
    for candidate in candidates {
        // The first in the site's order stays when nothing tells them apart.
        if best
            .as_ref()
            .is_none_or(|best| rank(&candidate) > rank(best))
        {
            best = Some(candidate);
        }
    }
    best.map(|(line, _)| line)
}

/// How narrowly an address fits, in bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Fit(u8);

fn fit(line: &Line, flow: Flow) -> Option<Fit> {
    let trunk = line.trunk();
    let transport = match trunk.transport {
        TrunkTransport::Auto => true,
        // Long requests come by TCP (RFC 3261 §18.1.1).
        TrunkTransport::Udp => matches!(flow.transport, Transport::Udp | Transport::Tcp),
        TrunkTransport::Tcp => flow.transport == Transport::Tcp,
        TrunkTransport::Tls => flow.transport == Transport::Tls,
    };
    if !transport || !trunk.enabled {
        return None;
    }
    let source = flow.remote.ip();
    match &trunk.access {
        Access::Peer { .. } if !is_source_port(trunk, flow) => None,
        Access::Peer { networks, .. } => {
            let fitting = networks.iter().filter(|it| it.contains(source));
            fitting.map(Network::length).max().map(Fit)
        }
        Access::Registering(_) => line.is_server(source).then_some(Fit(u8::MAX)),
    }
}

/// Whether a datagram comes from the port that the trunk always uses, where it has one. Connections
/// come from any.
fn is_source_port(trunk: &Trunk, flow: Flow) -> bool {
    let port = trunk.source_port.filter(|_| flow.stream.is_none());
    port.is_none_or(|port| port == flow.remote.port())
}

fn calls_account(trunk: &Trunk, request: &Request) -> bool {
    let Access::Registering(account) = &trunk.access else {
        return false;
    };
    let ours = |uri: &Uri| {
        let user = uri.user();
        user.is_some_and(|user| user == account.contact_user || user == account.user)
    };
    ours(&request.uri) || request.headers.to().is_ok_and(|to| ours(&to.uri))
}

/// The called number, as routes shall see it.
pub(super) fn called(trunk: &Trunk, request: &Request) -> String {
    let in_uri = number(&request.uri);
    let in_to = || request.headers.to().ok().and_then(|to| number(&to.uri));
    let accounts: [&str; 2] = match &trunk.access {
        Access::Registering(account) => [&account.contact_user, &account.user],
        Access::Peer { .. } => ["", ""],
    };
    let is_account = |number: &String| accounts.contains(&number.as_str());
    let called = match trunk.inbound_number {
        InboundNumber::RequestUri => in_uri,
        InboundNumber::To => in_to(),
        InboundNumber::Auto => match in_uri {
            Some(number) if !is_account(&number) => Some(number),
            account => in_to().or(account),
        },
    };
    trunk.inbound(&called.unwrap_or_default())
}
