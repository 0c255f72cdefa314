//! What SIP sockets have in common: the class of service of signalling.

use std::net::IpAddr;
use std::os::fd::AsFd;

use rustix::net::sockopt;

/// DSCP CS3 in the upper six bits. RFC 4594 §4.1 has CS5 for signalling, but CS3 is what switches
/// and providers are set up for.
const SIGNALLING: u8 = 24 << 2;

/// Marks what leaves by this socket as signalling, for switches that give it room before data.
pub(super) fn mark(socket: impl AsFd, local: IpAddr) {
    let marked = match local {
        IpAddr::V4(_) => sockopt::set_ip_tos(&socket, SIGNALLING),
        IpAddr::V6(_) => sockopt::set_ipv6_tclass(&socket, u32::from(SIGNALLING)),
    };
    if let Err(error) = marked {
        tracing::debug!("SIP goes without its mark: {error}");
    }
}
