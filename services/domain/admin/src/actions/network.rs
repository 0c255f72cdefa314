//! How the box gets its address.
//!
//! At the box's own screen it is kept at once, by the store together with the entry in the audit
//! trail, and then taken up by `net`. From afar it is tried first: nothing keeps it until somebody
//! who reaches the box by it says so, and after five minutes the one from before is back.

use config::{Fault as Wrongness, Network, StaticNetwork, Tunnel, Wrong};
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

/// Does one of these.
pub(crate) fn act(admin: &mut Admin, request: &Request, action: OnNetwork, caller: Caller) -> Step {
    match action {
        OnNetwork::Show => show(caller, None),
        OnNetwork::Try => match wish(request, caller.face).and_then(|it| wanted(admin, &it)) {
            Ok(network) => attempt(admin, network, caller),
            Err(fault) if caller.face == Face::Page => show(caller, Some(fault)),
            Err(fault) => caller.refuse(&fault),
        },
        OnNetwork::Keep => keep(caller),
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

/// What lies behind the tunnel to a grid counts as outside: the store would not keep this.
fn in_the_way(wanted: &StaticNetwork, site: &Site) -> Option<Wrongness> {
    let own = Network::around(wanted.address.into(), wanted.length)?;
    let tunnel = Tunnel::parse(site.tunnel.as_ref()?).ok()?;
    let (behind, own) = tunnel.overlap(&[own])?;
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

/// Has it tried, which goes on record.
fn attempt(admin: &mut Admin, network: Option<StaticNetwork>, caller: Caller) -> Step {
    let network = network.map(|it| it.to_text());
    let action = format!("network {} tried", shown(network.as_deref()));
    recorded(admin, caller, &action, |caller| begin(network, caller))
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

fn keep(caller: Caller) -> Step {
    status(caller, |_, caller, mut status| {
        let Some(trial) = status.trial.take() else {
            return caller.refuse(&Fault::NoTrial);
        };
        status.set.clone_from(&trial.network);
        store_and(trial.network, caller, |caller, reply| match reply {
            Ok(store::Reply::Stored) => end(caller, status),
            other => caller.refuse(&unkept(other)),
        })
    })
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
