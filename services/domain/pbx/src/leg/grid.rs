//! Sound into a grid: only to who is there himself.
//!
//! What lies behind the tunnel is a network of other people, and the box may send into it. A
//! description can name any address: without this, whoever is let in from elsewhere could have the
//! box send sound to a machine of the grid that never asked for it.

use std::net::SocketAddr;

use sdp::Session;
use sip::transaction::Flow;

use super::state::own_address;
use crate::core::Core;

/// Whether a description of the peer's wants sound sent to an address behind the tunnel, though its
/// signalling does not come from there.
pub(super) fn is_led_into(core: &Core, flow: Flow, session: &Session) -> bool {
    let Some((_, site)) = &core.site else {
        return false;
    };
    let holds = |address: SocketAddr| {
        let ip = address.ip();
        site.networks.grid.iter().any(|it| it.contains(ip))
    };
    if holds(flow.remote) {
        return false;
    }
    let audio = sdp::read_audio(session, own_address(flow)).unwrap_or_default();
    let places = audio.iter().flat_map(|it| [it.remote, it.rtcp]);
    places.flatten().any(holds)
}

/// Said to the peer and in the log.
pub(super) const REASON: &str = "the audio is for an address behind the tunnel to the grid, where \
                                 its signalling does not come from";
