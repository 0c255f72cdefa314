//! The tunnel into a grid as programs and pages see it.

use ipc::grid::Status;
use ipc::site::Tunnel;
use schemars::JsonSchema;
use serde::Serialize;

/// How the tunnel stands, and what is set.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct GridView {
    /// The box's own, as the hub has to know it; empty until the box has one.
    pub(crate) public_key: String,
    /// `unknown`, `not-set`, `unreadable`, `overlaps`, `refused`, `down`, `up`; `away` while `grid`
    /// is.
    pub(crate) state: &'static str,
    /// How long it has been up or down.
    pub(crate) since_secs: Option<u64>,
    /// Since the last handshake.
    pub(crate) handshake_secs: Option<u64>,
    /// Why it is refused, what cannot be read, or which networks overlap.
    pub(crate) reason: String,
    pub(crate) tunnel: Option<TunnelView>,
}

/// What is set, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TunnelView {
    pub(crate) addresses: Vec<String>,
    pub(crate) hub_key: String,
    pub(crate) endpoint: String,
    pub(crate) preshared_key_set: bool,
    pub(crate) allowed: Vec<String>,
    pub(crate) keepalive_secs: u16,
    pub(crate) mtu: u16,
}

impl GridView {
    pub(crate) fn new(tunnel: Option<&Tunnel>, status: Option<Status>) -> Self {
        let is_away = status.is_none();
        let status = status.unwrap_or_default();
        Self {
            public_key: status.public_key,
            state: if is_away { "away" } else { status.state.name() },
            since_secs: status.since_secs,
            handshake_secs: status.handshake_secs,
            reason: status.reason,
            tunnel: tunnel.map(TunnelView::new),
        }
    }
}

impl TunnelView {
    pub(crate) fn new(tunnel: &Tunnel) -> Self {
        let Tunnel {
            addresses,
            hub_key,
            endpoint,
            preshared_key,
            allowed,
            keepalive_secs,
            mtu,
        } = tunnel;
        Self {
            addresses: addresses.clone(),
            hub_key: hub_key.clone(),
            endpoint: endpoint.clone(),
            preshared_key_set: !preshared_key.reveal().is_empty(),
            allowed: allowed.clone(),
            keepalive_secs: *keepalive_secs,
            mtu: *mtu,
        }
    }
}
