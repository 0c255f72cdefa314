//! How the box gets its address.
//!
//! At the box's own screen it is kept at once, by the store together with the entry in the audit
//! trail, and then taken up by `net`. From afar it is tried first: nothing keeps it until somebody
//! who reaches the box by it says so, and after five minutes the one from before is back.

use std::net::IpAddr;

use config::{Fault as Wrongness, StaticNetwork, Wrong};
use ipc::net::{Reply, Request as Ask};
use ipc::site::Site;
use ipc::{net, store};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::change::unkept;
use super::firmware::recorded;
use super::form;
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::network_view::NetworkView;
use crate::pages;
use crate::routes::{Face, OnNetwork};
use crate::step::{Away, Step};

/// An address, by the API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NetworkWish")]
pub(crate) struct Wish {
    /// With the length of the network, as `192.168.10.5/24`; empty for DHCP.
    address: String,
    /// Another one of the same network; empty for none.
    #[serde(default)]
    gateway: String,
    /// At most three addresses.
    #[serde(default)]
    dns: Vec<String>,
}

/// Which of the addresses that are tried is meant: another one may be by now.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NetworkKept")]
pub(crate) struct Kept {
    /// With the length of the network, as it was wished; empty for DHCP.
    address: String,
}

fn kept(request: &Request, face: Face) -> Result<String, Fault> {
    match face {
        Face::Api => Ok(super::json::<Kept>(request)?.address),
        Face::Page | Face::Asset => Ok(form(request, "address")),
    }
}

/// Does one of these.
pub(crate) fn act(admin: &mut Admin, request: &Request, action: OnNetwork, caller: Caller) -> Step {
    match action {
        OnNetwork::Show => show(caller, None),
        OnNetwork::Try => match wish(request, caller.face).and_then(|it| wanted(admin, &it)) {
            Ok(network) => attempt(network, caller),
            Err(fault) if caller.face == Face::Page => show(caller, Some(fault)),
            Err(fault) => caller.refuse(&fault),
        },
        OnNetwork::Keep => match kept(request, caller.face) {
            Ok(address) => keep(address, request.at, caller),
            Err(fault) => caller.refuse(&fault),
        },
        OnNetwork::Return => back(caller),
    }
}

fn show(caller: Caller, fault: Option<Fault>) -> Step {
    status(caller, move |_, caller, status| {
        let view = NetworkView::new(status);
        let response = match caller.face {
            Face::Page | Face::Asset => pages::network(&caller, &view, fault.as_ref()),
            Face::Api => Response::json(200, &view),
        };
        Step::Respond(response.sealed())
    })
}

/// Goes on with the box's addresses.
fn status(
    caller: Caller,
    then: impl FnOnce(&mut Admin, Caller, net::Status) -> Step + Send + 'static,
) -> Step {
    Step::Net(
        Ask::Status,
        Box::new(move |admin, _, reply| match reply {
            Ok(Reply::Status(status)) => then(admin, caller, status),
            Ok(_) | Err(_) => caller.refuse(&Fault::NetAway),
        }),
    )
}

fn wish(request: &Request, face: Face) -> Result<Wish, Fault> {
    if face == Face::Api {
        return super::json(request);
    }
    let is_fixed = form(request, "way") == "fixed";
    let field = |name| form(request, name).trim().to_owned();
    let address = if is_fixed {
        field("address")
    } else {
        String::new()
    };
    if is_fixed && address.is_empty() {
        return Err(Fault::NotANetwork("address"));
    }
    let also = |name| if is_fixed { field(name) } else { String::new() };
    let dns = also("dns");
    let dns = dns.split([',', ' ']).filter(|it| !it.is_empty());
    Ok(Wish {
        address,
        gateway: also("gateway"),
        dns: dns.map(str::to_owned).collect(),
    })
}

/// What is wished, checked; `None` for DHCP.
fn wanted(admin: &Admin, wish: &Wish) -> Result<Option<StaticNetwork>, Fault> {
    if wish.address.is_empty() {
        let is_bare = wish.gateway.is_empty() && wish.dns.is_empty();
        return is_bare.then_some(None).ok_or(Fault::NotANetwork("address"));
    }
    let mut network = StaticNetwork::at(&wish.address).ok_or(Fault::NotANetwork("address"))?;
    if !wish.gateway.is_empty() {
        let with = network.with_gateway(&wish.gateway);
        network = with.ok_or(Fault::NotANetwork("gateway"))?;
    }
    let with = network.with_dns(wish.dns.iter().map(String::as_str));
    let network = with.ok_or(Fault::NotANetwork("dns"))?;
    match admin
        .site
        .as_ref()
        .and_then(|(_, site)| in_the_way(&network, site))
    {
        Some(fault) => Err(Fault::Invalid(vec![fault.into()])),
        None => Ok(Some(network)),
    }
}

/// Why the store would not keep this.
fn in_the_way(wanted: &StaticNetwork, site: &Site) -> Option<Wrongness> {
    let (behind, own) = wanted.behind_tunnel(site)?;
    Some(Wrongness::Setting {
        of: "network".to_owned(),
        field: "address",
        wrong: Wrong::Overlap {
            network: own.to_string(),
            other: behind.to_string(),
            what: "a network behind the tunnel to the grid",
        },
    })
}

/// Has it tried, which goes on record, unless somebody tries another one.
fn attempt(network: Option<StaticNetwork>, caller: Caller) -> Step {
    let network = network.map(|it| it.to_text());
    let action = format!("network {} tried", shown(network.as_deref()));
    status(caller, move |admin, caller, status| match status.trial {
        Some(_) => caller.refuse(&Fault::TrialOn),
        None => recorded(admin, caller, &action, |caller| begin(network, caller)),
    })
}

fn begin(network: Option<String>, caller: Caller) -> Step {
    let ask = Ask::Try {
        network: network.clone(),
        secs: TRIAL_SECS,
    };
    Step::Net(
        ask,
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::Done) => moving(network, caller),
            Ok(_) | Err(_) => caller.refuse(&Fault::NetAway),
        }),
    )
}

/// Tells where the box is found in a moment: the page cannot be asked for again where it is.
fn moving(network: Option<String>, caller: Caller) -> Step {
    status(caller, move |_, caller, mut status| {
        status.trial = Some(net::Trial {
            network,
            left_secs: TRIAL_SECS.into(),
        });
        let view = NetworkView::new(status);
        let response = match caller.face {
            Face::Page | Face::Asset => pages::moving(&caller, &view),
            Face::Api => Response::json(200, &view),
        };
        Step::Respond(response.sealed())
    })
}

/// Keeps the address that is tried, for somebody who reaches the box by it.
fn keep(address: String, at: Option<IpAddr>, caller: Caller) -> Step {
    status(caller, move |_, caller, mut status| {
        let trial = status.trial.take();
        let Some(trial) = trial.filter(|it| address == self::address(it.network.as_deref())) else {
            return caller.refuse(&Fault::NoTrial);
        };
        if !at.is_some_and(|at| is_reached(at, &trial, &status)) {
            return caller.refuse(&Fault::NotReached);
        }
        status.set.clone_from(&trial.network);
        store_and(trial.network, caller, |caller, reply| match reply {
            Ok(store::Reply::Stored) => end(caller, status),
            other => caller.refuse(&unkept(other)),
        })
    })
}

/// Whether the box's own address of a connection shows that the one that is tried is of use: a card
/// has it, and nobody else.
fn is_reached(at: IpAddr, trial: &net::Trial, status: &net::Status) -> bool {
    let has = |link: &&net::Link| link.ipv4().is_some_and(|it| IpAddr::V4(it) == at);
    let link = status.links.iter().find(has);
    let Some(link) = link.filter(|link| link.up && link.conflict_with.is_empty()) else {
        return false;
    };
    match &trial.network {
        Some(_) => link.address == address(trial.network.as_deref()),
        // Until the router has answered the one from before stays, and what a box chooses for
        // itself is no answer.
        None => {
            let is_own = link.ipv4().is_some_and(|it| it.is_link_local());
            !is_own && trial.left_secs + ROUTER_SECS <= u64::from(TRIAL_SECS)
        }
    }
}

/// As people write it; empty for DHCP.
fn address(network: Option<&str>) -> String {
    let network = network.and_then(StaticNetwork::from_text);
    let shown = network.map(|it| format!("{}/{}", it.address, it.length));
    shown.unwrap_or_default()
}

fn back(caller: Caller) -> Step {
    status(caller, |admin, caller, mut status| {
        match status.trial.take() {
            Some(_) => recorded(admin, caller, "network trial ended", |caller| {
                end(caller, status)
            }),
            None => caller.refuse(&Fault::NoTrial),
        }
    })
}

/// Has `net` take up what is kept, and tells how that will be: it begins after its answer.
fn end(caller: Caller, status: net::Status) -> Step {
    Step::Net(
        Ask::TakeUp,
        // It asks the store by itself when it is back.
        Box::new(move |_, _, _reply| {
            let response = match caller.face {
                Face::Page | Face::Asset => Response::redirect("/network"),
                Face::Api => Response::json(200, &NetworkView::new(status)),
            };
            Step::Respond(response.sealed())
        }),
    )
}

/// Five minutes: enough to open a page at another address and sign in.
const TRIAL_SECS: u16 = 300;
/// In which a router has answered, or none will.
const ROUTER_SECS: u64 = 40;

/// Has the box keep this address, as [`StaticNetwork`] writes it, or ask DHCP, from now on.
pub(super) fn set(network: Option<String>, caller: Caller) -> Step {
    let to = shown(network.as_deref());
    store_and(network, caller, |caller, reply| match reply {
        Ok(store::Reply::Stored) => take_up(to, true),
        // It may be kept all the same, and would move the box at some later start.
        Err(_) => take_up(to, false),
        other => caller.refuse(&unkept(other)),
    })
}

/// Asks the store to keep it, with its entry in the audit trail.
fn store_and(
    network: Option<String>,
    caller: Caller,
    then: impl FnOnce(Caller, Result<store::Reply, Away>) -> Step + Send + 'static,
) -> Step {
    let action = format!("network set to {}", shown(network.as_deref()));
    let audit = caller.audit(action, String::new(), String::new());
    Step::Store(
        store::Request::SetNetwork { network, audit },
        Box::new(move |_, _, reply| then(caller, reply)),
    )
}

/// Once it is durable, `net` asks the store when it starts, whatever becomes of this.
fn take_up(to: String, is_kept: bool) -> Step {
    Step::Net(
        Ask::TakeUp,
        Box::new(move |_, _, reply| {
            let (portuguese, english) = match reply {
                _ if !is_kept => (
                    "não se sabe se foi gravada; veja em Rede daqui a pouco",
                    "it is not known whether it was kept; look at Network in a moment",
                ),
                Ok(Reply::Done) => ("gravada", "kept"),
                Ok(_) | Err(_) => (
                    "gravada; vale quando o serviço de rede voltar",
                    "kept; it takes effect when the network service is back",
                ),
            };
            let said = json!({
                "text": format!("rede {to}: {portuguese}"),
                "error": format!("network {to}: {english}"),
            });
            let status = if is_kept { 200 } else { 202 };
            Step::Respond(Response::json(status, &said).sealed())
        }),
    )
}

/// In a few words.
fn shown(network: Option<&str>) -> String {
    match network {
        Some(text) => StaticNetwork::from_text(text).map_or_else(
            || "an address that is none".to_owned(),
            |it| format!("{}/{}", it.address, it.length),
        ),
        None => "DHCP".to_owned(),
    }
}
