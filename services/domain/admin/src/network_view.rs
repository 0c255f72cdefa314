//! The box's address as programs and pages see it.

use config::StaticNetwork;
use ipc::net;
use schemars::JsonSchema;
use serde::Serialize;

use crate::views::LinkView;

/// The box's place on the network.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NetworkView {
    /// What each card has now.
    pub(crate) links: Vec<LinkView>,
    /// What is kept; `null` for DHCP.
    pub(crate) set: Option<FixedView>,
    /// What is tried just now.
    pub(crate) trial: Option<TrialView>,
}

/// An address that does not come from DHCP.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct FixedView {
    /// With the length of the network: `192.168.10.5/24`.
    pub(crate) address: String,
    /// Empty for none.
    pub(crate) gateway: String,
    pub(crate) dns: Vec<String>,
}

/// What is tried.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TrialView {
    /// `null` for DHCP.
    pub(crate) network: Option<FixedView>,
    /// Until what is kept is back.
    pub(crate) left_secs: u64,
}

impl NetworkView {
    pub(crate) fn new(status: net::Status) -> Self {
        let trial = status.trial.map(|trial| TrialView {
            network: trial.network.as_deref().and_then(FixedView::read),
            left_secs: trial.left_secs,
        });
        Self {
            set: status.set.as_deref().and_then(FixedView::read),
            links: status.links.into_iter().map(LinkView::new).collect(),
            trial,
        }
    }
}

impl FixedView {
    fn read(text: &str) -> Option<Self> {
        let network = StaticNetwork::from_text(text)?;
        Some(Self {
            address: format!("{}/{}", network.address, network.length),
            gateway: network.gateway.map(|it| it.to_string()).unwrap_or_default(),
            dns: network.dns.iter().map(ToString::to_string).collect(),
        })
    }
}
