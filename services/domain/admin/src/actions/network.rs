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
            Ok(store::Reply::Stored) => take_up(to),
            other => caller.refuse(&unkept(other)),
        }),
    )
}

/// It is durable: whatever becomes of this, `net` asks the store when it starts.
fn take_up(to: String) -> Step {
    Step::Net(
        Request::TakeUp,
        Box::new(move |_, _, reply| {
            let (portuguese, english) = match reply {
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
            Step::Respond(Response::json(200, &said).sealed())
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
