//! The box's way into a grid, as it travels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Redacted;

/// A tunnel to a hub of a grid: one WireGuard peer. The box's own private key is not here: `grid`
/// makes it and keeps it for itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tunnel {
    /// The box's own addresses in the grid, as `10.200.0.5`: one, or one of each IP version.
    pub addresses: Vec<String>,
    /// The hub's public key: 32 bytes as base64.
    pub hub_key: String,
    /// Where the hub is, as `hub.example.com:51820`; without a port it is
    /// [`Tunnel::PORT`].
    pub endpoint: String,
    /// A secret that box and hub share beside their keys, likewise; empty for none.
    pub preshared_key: Redacted<String>,
    /// What of the grid may be reached, and reach the box, as `10.200.0.0/24`.
    pub allowed: Vec<String>,
    /// Seconds between two signs of life, which keep the way open through a router.
    pub keepalive_secs: u16,
    /// Bytes of the longest packet.
    pub mtu: u16,
}

impl Tunnel {
    /// Where a hub listens that names no port.
    pub const PORT: u16 = 51820;
}

impl Default for Tunnel {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            hub_key: String::new(),
            endpoint: String::new(),
            preshared_key: Redacted::default(),
            allowed: Vec::new(),
            // What a router forgets after half a minute is the shortest that is seen.
            keepalive_secs: 25,
            // The least that IPv6 needs (RFC 8200 §5): with what WireGuard adds it passes every
            // line, whatever its own tunnels take away.
            mtu: 1280,
        }
    }
}
