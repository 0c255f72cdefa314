//! How the box gets its address: kept by the store together with the entry in the audit trail, then
//! taken up by `net`.

use config::StaticNetwork;
use ipc::net::{Reply, Request};
use ipc::store;
use serde_json::json;

use super::change::unkept;
use crate::admin::Caller;
use crate::http::Response;
use crate::step::Step;

/// Has the box keep this address, as [`StaticNetwork`] writes it, or ask DHCP, from now on.
pub(super) fn set(network: Option<String>, caller: Caller) -> Step {
    let to = shown(network.as_deref());
    let action = format!("network set to {to}");
    let audit = caller.audit(action, String::new(), String::new());
    Step::Store(
        store::Request::SetNetwork { network, audit },
        Box::new(move |_, _, reply| match reply {
            Ok(store::Reply::Stored) => take_up(to, true),
            // It may be kept all the same, and would move the box at some later start.
            Err(_) => take_up(to, false),
            other => caller.refuse(&unkept(other)),
        }),
    )
}

/// Once it is durable, `net` asks the store when it starts, whatever becomes of this.
fn take_up(to: String, is_kept: bool) -> Step {
    Step::Net(
        Request::TakeUp,
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
