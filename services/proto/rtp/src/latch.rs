//! Symmetric RTP: who may send into a leg, decided once (RFC 4961, RFC 7362 §4).
//!
//! ```text
//!            first valid RTP from the SDP's or the signalling IP
//!   open ─────────────────────────────────────────────────────────> locked(source)
//!    ^                                                                   │
//!    └──────────────── told to latch again (a re-INVITE) <───────────────┘
//! ```
//! Told to latch again without a new address in the SDP, a leg is sent to where it was until its
//! next packet: a phone that only listens is silent, and one behind a router is at another port
//! than the SDP says. Its router may also have chosen a new one meanwhile.
//!
//! While locked, every other source is dropped: a stranger who guesses the port can neither
//! listen in nor talk ("RTP bleed"). One source may still take the lock over: the very address the
//! SDP names, when the lock sits on another port of the same host. That heals a latch onto a
//! straggler from the stream before a re-INVITE, and gives a stranger nothing.
//!
//! Asking ([`Latch::admits_rtp`]) and locking ([`Latch::lock_rtp`]) are two steps, because a packet
//! of an SRTP stream must prove authentic in between.

use std::net::{IpAddr, SocketAddr};

/// Where a peer's media may come from, and what it has locked to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Latch {
    expected: Expected,
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    /// The next valid source locks, though one is locked already.
    reopened: bool,
    strangers: Strangers,
}

/// What signalling says of a peer's media.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Expected {
    /// Where its SDP says it listens; `None` while unknown. Port 0 and `0.0.0.0` mean none, too.
    pub remote: Option<SocketAddr>,
    /// Where it wants RTCP when not on the next port (RFC 3605).
    pub remote_rtcp: Option<SocketAddr>,
    /// RTP and RTCP share a port (RFC 5761).
    pub rtcp_mux: bool,
    /// Where its signalling comes from; its media may come from there as well.
    pub signalling: Option<SocketAddr>,
}

impl Expected {
    fn names(&self, host: IpAddr) -> bool {
        let named = [self.remote, self.signalling];
        named.into_iter().flatten().any(|it| it.ip() == host)
    }

    /// Without addresses nobody can be sent to, and with the scope a link-local one needs: SDP
    /// cannot say it (RFC 4007 §11), the signalling came over the same link.
    fn settled(self) -> Self {
        let settle = |address: Option<SocketAddr>| {
            let address = address.filter(|it| !it.ip().is_unspecified() && it.port() != 0);
            address.map(|address| match (address, self.signalling) {
                (SocketAddr::V6(mut to), Some(SocketAddr::V6(from)))
                    if to.scope_id() == 0 && to.ip().is_unicast_link_local() =>
                {
                    to.set_scope_id(from.scope_id());
                    SocketAddr::V6(to)
                }
                (SocketAddr::V4(_) | SocketAddr::V6(_), _) => address,
            })
        };
        Self {
            remote: settle(self.remote),
            remote_rtcp: settle(self.remote_rtcp),
            ..self
        }
    }
}

impl Latch {
    /// Takes what was negotiated anew. The lock stays, unless [reopened](Self::reopen) and the
    /// SDP now names another address: then the media have moved for sure, and it is forgotten.
    pub fn expect(&mut self, expected: Expected) {
        let expected = expected.settled();
        if self.reopened && self.expected.remote != expected.remote {
            (self.rtp, self.rtcp, self.reopened) = (None, None, false);
        }
        self.expected = expected;
    }

    /// Lets the next valid source lock. Until then the one locked stays: its phone may only listen.
    pub const fn reopen(&mut self) {
        self.reopened = true;
    }

    /// Whether RTP from `source` may pass. Nothing changes; see [`Self::lock_rtp`].
    #[must_use]
    pub fn admits_rtp(&self, source: SocketAddr) -> bool {
        let Some(locked) = self.rtp else {
            return self.expected.names(source.ip());
        };
        let told = self.expected.remote.is_some_and(|it| same(it, source));
        same(locked, source)
            || (told && locked.ip() == source.ip())
            || (self.reopened && self.expected.names(source.ip()))
    }

    /// Locks to a source whose RTP [may pass](Self::admits_rtp) and is authentic.
    pub fn lock_rtp(&mut self, source: SocketAddr) {
        self.reopened = false;
        match self.rtp {
            Some(locked) if same(locked, source) => {}
            // RTCP is locked anew as well.
            Some(_) => (self.rtp, self.rtcp) = (Some(source), None),
            None => {
                // RTCP that came first may have come from the other of the two hosts.
                self.rtcp = self.rtcp.filter(|rtcp| rtcp.ip() == source.ip());
                self.rtp = Some(source);
            }
        }
    }

    /// Whether RTCP from `source` may pass on the RTCP port: it must come from the host the RTP is
    /// locked to, or from where the SDP puts RTCP.
    #[must_use]
    pub fn admits_rtcp(&self, source: SocketAddr) -> bool {
        if let Some(locked) = self.rtcp {
            return same(locked, source);
        }
        let host = source.ip();
        let told = self.expected.remote_rtcp;
        told.is_some_and(|it| same(it, source))
            || self
                .rtp
                .map_or_else(|| self.expected.names(host), |rtp| rtp.ip() == host)
    }

    /// Locks to a source whose RTCP [may pass](Self::admits_rtcp) and is authentic.
    pub const fn lock_rtcp(&mut self, source: SocketAddr) {
        self.rtcp = Some(source);
    }

    /// Whether RTCP may pass on the RTP port (RFC 5761): from the source already locked; before,
    /// and where it was agreed, from a host that is expected. It never locks.
    #[must_use]
    pub fn admits_muxed(&self, source: SocketAddr) -> bool {
        match self.rtp {
            Some(locked) => same(locked, source),
            None => self.expected.rtcp_mux && self.expected.names(source.ip()),
        }
    }

    /// The locked RTP source.
    #[must_use]
    pub const fn rtp(&self) -> Option<SocketAddr> {
        self.rtp
    }

    /// The locked RTCP source.
    #[must_use]
    pub const fn rtcp(&self) -> Option<SocketAddr> {
        self.rtcp
    }

    /// Where to send RTP: the locked source, else what the SDP says. Nowhere while it says nothing.
    #[must_use]
    pub fn rtp_destination(&self) -> Option<SocketAddr> {
        let remote = self.expected.remote?;
        Some(self.rtp.unwrap_or(remote))
    }

    /// Where to send RTCP: where the RTP goes if that was agreed, else to the locked source, else
    /// where the SDP says, else to the port after the RTP's.
    #[must_use]
    pub fn rtcp_destination(&self) -> Option<SocketAddr> {
        let mut rtp = self.rtp_destination()?;
        if self.expected.rtcp_mux {
            return Some(rtp);
        }
        // Behind a router the address in the SDP is as private as that of the RTP.
        let reachable = |told: &SocketAddr| {
            self.rtp.is_none() || Some(told.ip()) == self.rtp.map(|rtp| rtp.ip())
        };
        let told = self.expected.remote_rtcp.filter(reachable);
        if let Some(known) = self.rtcp.or(told) {
            return Some(known);
        }
        rtp.set_port(rtp.port().checked_add(1)?);
        Some(rtp)
    }

    /// Remembers an address that was turned away.
    pub fn turned_away(&mut self, source: SocketAddr) {
        self.strangers.add(source);
    }

    /// The first addresses that were turned away, at most [`STRANGERS_MAX`]: for diagnosis.
    pub fn strangers(&self) -> impl Iterator<Item = SocketAddr> {
        self.strangers.0.iter().flatten().copied()
    }
}

/// Addresses that sent to a port without being expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Strangers([Option<SocketAddr>; STRANGERS_MAX]);

impl Strangers {
    fn add(&mut self, source: SocketAddr) {
        for place in &mut self.0 {
            match place {
                Some(known) if same(*known, source) => return,
                Some(_) => {}
                None => {
                    *place = Some(source);
                    return;
                }
            }
        }
    }
}

/// Whether both are the same host and port. An IPv6 flow label is none of the address, and a
/// link-local address is only one with its scope (RFC 4007 §4).
fn same(left: SocketAddr, right: SocketAddr) -> bool {
    let scope = |address: SocketAddr| match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    };
    left.ip() == right.ip() && left.port() == right.port() && scope(left) == scope(right)
}

/// Strangers remembered: enough to see a wrong address, too few for a flood to matter.
pub const STRANGERS_MAX: usize = 4;

#[cfg(test)]
mod tests;
