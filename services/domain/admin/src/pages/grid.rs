//! The grid: the box's key, and how its tunnel stands.

use maud::{Markup, html};

use super::layout::{Place, page};
use super::state::seconds;
use crate::admin::Caller;
use crate::grid_view::{GridView, TunnelView};
use crate::http::Response;

/// The box's key, how the tunnel stands, and what is set.
pub(crate) fn grid(caller: &Caller, view: &GridView) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.grid) }
        section.card {
            h2 { (words.tunnel) " "
                span class={ "badge " (tone(view.state)) } { (caller.language.state(view.state)) }
            }
            @if !view.reason.is_empty() { p.error { (view.reason) } }
            @match &view.tunnel {
                None => p.hint { (words.no_tunnel) },
                Some(tunnel) => (facts(caller, view, tunnel)),
            }
            p.hint { (words.tunnel_hint) }
        }
        @if !view.public_key.is_empty() {
            section.card {
                h2 { (words.public_key) }
                p { code { (view.public_key) } }
                p.hint { (words.public_key_hint) }
            }
        }
    };
    page(200, caller, Place::Grid, words.grid, &body)
}

fn facts(caller: &Caller, view: &GridView, tunnel: &TunnelView) -> Markup {
    let words = caller.language.words();
    html! {
        dl.facts {
            @if let Some(since) = view.since_secs {
                div { dt { (words.since) } dd { (seconds(since)) } }
            }
            @if let Some(handshake) = view.handshake_secs {
                div { dt { (words.handshake) } dd { (seconds(handshake)) } }
            }
            div { dt { (words.hub) } dd { (tunnel.endpoint) } }
            div { dt { (words.hub_key) } dd { code { (tunnel.hub_key) } } }
            div { dt { (words.own_address) } dd { (tunnel.addresses.join(", ")) } }
            div { dt { (words.reached) } dd { (tunnel.allowed.join(", ")) } }
        }
    }
}

fn tone(state: &str) -> &'static str {
    match state {
        "up" => "good",
        "down" | "unknown" => "busy",
        "not-set" => "",
        _ => "bad",
    }
}
