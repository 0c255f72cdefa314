//! From which countries the box may be reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From which countries the box may be reached (R48, R49). Whoever is inside, in the grid, or never
/// banned is heard from anywhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Countries {
    /// Whether anybody is refused for his country. Off, it is counted all the same who came from
    /// where.
    pub on: bool,
    /// The countries that are let in, by their codes of ISO 3166-1 (`BR`), none twice; `EU` and
    /// `AP` for addresses of which no more is known than that.
    pub allowed: Vec<String>,
    /// The pages and the API ask for the country.
    pub web: bool,
    /// SIP by TCP and TLS does.
    pub sip: bool,
    /// SIP by UDP does. The sender of a datagram can be anything its writer likes, so this keeps
    /// out no more than honest strangers and simple scanners (T4).
    pub sip_udp: bool,
}

impl Default for Countries {
    /// Everybody is let in until somebody says otherwise.
    fn default() -> Self {
        Self {
            on: false,
            allowed: Vec::new(),
            web: true,
            sip: true,
            sip_udp: false,
        }
    }
}
