//! The grid: the box's tunnel to a hub.

use config::{Fault as Wrongness, Network, Tunnel, Wrong};
use ipc::grid::{Reply, Request as Ask};
use ipc::net;
use ipc::site::Site;
use serde_json::Value;

use super::items::commit;
use super::patch::Patch;
use crate::admin::{Admin, Caller};
use crate::answers::TunnelSet;
use crate::fault::Fault;
use crate::grid_view::{GridView, TunnelView};
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::Face;
use crate::step::Step;

/// The tunnel as it is set, how it stands, and the key that the hub has to know.
pub(crate) fn show(admin: &Admin, caller: Caller) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let tunnel = site.tunnel.clone();
    Step::Grid(
        Ask::Status,
        Box::new(move |_, _, reply| {
            // What is set is told also while `grid` is away.
            let status = match reply {
                Ok(Reply::Status(status)) => Some(status),
                Ok(Reply::Refused { .. }) | Err(_) => None,
            };
            let view = GridView::new(tunnel.as_ref(), status);
            let response = match caller.face {
                Face::Page | Face::Asset => pages::grid(&caller, &view),
                Face::Api => Response::json(200, &view),
            };
            Step::Respond(response.sealed())
        }),
    )
}

/// Changes the fields of the tunnel that a request names; where there is none, those of a new one.
/// It must not lead to a network that the box is in already.
pub(crate) fn change(request: &Request, caller: Caller) -> Step {
    let patch = match Patch::read(request) {
        Ok(patch) => patch,
        Err(fault) => return caller.refuse(&fault),
    };
    Step::Observe(Box::new(move |admin, _, seen| {
        // Who sets the tunnel up looks again: addresses come and go.
        let Ok(own) = seen.net.map(|status| networks(&status)) else {
            return caller.refuse(&Fault::NetAway);
        };
        let edit = move |site: &mut Site| {
            let tunnel = patch.apply(&site.tunnel.clone().unwrap_or_default())?;
            if let Ok(read) = Tunnel::parse(&tunnel)
                && let Some(overlap) = read.overlap(&own)
            {
                return Err(vec![overlaps(overlap)].into());
            }
            site.tunnel = Some(tunnel);
            Ok(())
        };
        commit(admin, caller, "tunnel changed".into(), 200, edit, view)
    }))
}

/// Takes the tunnel away.
pub(crate) fn delete(admin: &Admin, caller: Caller) -> Step {
    let edit = |site: &mut Site| {
        site.tunnel = None;
        Ok(())
    };
    commit(admin, caller, "tunnel deleted".into(), 204, edit, view)
}

fn view(site: &Site) -> Value {
    let tunnel = site.tunnel.as_ref().map(TunnelView::new);
    serde_json::to_value(TunnelSet { tunnel }).unwrap_or_default()
}

fn overlaps((network, other): (Network, Network)) -> Wrongness {
    Wrongness::Setting {
        of: "tunnel".to_owned(),
        field: "allowed",
        wrong: Wrong::Overlap {
            network: network.to_string(),
            other: other.to_string(),
            what: "a network the box is in",
        },
    }
}

/// The networks that the box has addresses in.
fn networks(status: &net::Status) -> Vec<Network> {
    let of_link = |link: &net::Link| {
        let four = link.ipv4_network().into_iter();
        let six = link.ipv6_networks().map(|(ip, length)| (ip.into(), length));
        let all = four.map(|(ip, length)| (ip.into(), length)).chain(six);
        all.filter_map(|(ip, length)| Network::around(ip, length))
            .collect::<Vec<_>>()
    };
    status.links.iter().flat_map(of_link).collect()
}
