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

use std::net::{IpAddr, SocketAddr};

/// The sources one leg has locked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Latch {
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    /// The next valid source locks, though one is locked already.
    reopened: bool,
}

/// Where a leg's media may come from before it is locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Expected {
    /// Where the SDP says it listens.
    pub(crate) remote: Option<SocketAddr>,
    /// Where its signalling comes from.
    pub(crate) signalling: Option<IpAddr>,
}

impl Expected {
    fn names(self, host: IpAddr) -> bool {
        self.remote.is_some_and(|remote| remote.ip() == host) || self.signalling == Some(host)
    }
}

impl Latch {
    /// Whether RTP from `source` may pass; locks onto the first that may.
    pub(crate) fn admit_rtp(&mut self, expected: Expected, source: SocketAddr) -> bool {
        match self.rtp {
            Some(locked) if locked == source => {
                self.reopened = false;
                true
            }
            Some(locked) => {
                let told = expected.remote == Some(source) && locked.ip() == source.ip();
                let takes_over = told || (self.reopened && expected.names(source.ip()));
                if takes_over {
                    *self = Self {
                        rtp: Some(source),
                        ..Self::default()
                    };
                }
                takes_over
            }
            None => {
                let admitted = expected.names(source.ip());
                if admitted {
                    // RTCP that came first may have come from the other of the two hosts.
                    let rtcp = self.rtcp.filter(|rtcp| rtcp.ip() == source.ip());
                    let rtp = Some(source);
                    *self = Self {
                        rtp,
                        rtcp,
                        reopened: false,
                    };
                }
                admitted
            }
        }
    }

    /// Lets the next valid source lock. Until then the one locked stays: its phone may only listen.
    pub(crate) const fn reopen(&mut self) {
        self.reopened = true;
    }

    /// Whether [`Self::reopen`] was called and nothing has come since.
    pub(crate) const fn is_reopened(&self) -> bool {
        self.reopened
    }

    /// Whether RTCP from `source` may pass; it must come from the host the RTP is locked to.
    pub(crate) fn admit_rtcp(&mut self, expected: Expected, source: SocketAddr) -> bool {
        if let Some(locked) = self.rtcp {
            return locked == source;
        }
        let host = source.ip();
        let admitted = self
            .rtp
            .map_or_else(|| expected.names(host), |rtp| rtp.ip() == host);
        if admitted {
            self.rtcp = Some(source);
        }
        admitted
    }

    /// Whether RTCP may pass on the RTP port (RFC 5761): only from the source already locked.
    pub(crate) fn admits_muxed(&self, source: SocketAddr) -> bool {
        self.rtp == Some(source)
    }

    /// The locked RTP source.
    pub(crate) const fn rtp(&self) -> Option<SocketAddr> {
        self.rtp
    }

    /// The locked RTCP source.
    pub(crate) const fn rtcp(&self) -> Option<SocketAddr> {
        self.rtcp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("a socket address")
    }

    fn expected(remote: &str, signalling: &str) -> Expected {
        Expected {
            remote: Some(address(remote)),
            signalling: signalling.parse().ok(),
        }
    }

    /// RTP sources in order, each with whether it must pass.
    fn check(expected: Expected, sources: &[(&str, bool)]) {
        let mut latch = Latch::default();
        for (source, passes) in sources {
            assert_eq!(
                latch.admit_rtp(expected, address(source)),
                *passes,
                "{source}"
            );
        }
    }

    #[test]
    fn the_first_source_on_the_named_host_locks_and_others_are_dropped() {
        check(
            expected("10.0.0.2:4000", "10.0.0.2"),
            &[
                ("10.0.0.9:4000", false),
                ("10.0.0.2:4000", true),
                ("10.0.0.2:4002", false),
                ("10.0.0.9:4000", false),
                ("10.0.0.2:4000", true),
            ],
        );
    }

    #[test]
    fn a_phone_behind_a_router_is_known_by_its_signalling_address() {
        check(
            expected("192.168.1.5:4000", "203.0.113.7"),
            &[
                ("203.0.113.7:61000", true),
                ("203.0.113.7:61001", false),
                ("192.0.2.1:9", false),
            ],
        );
    }

    #[test]
    fn the_address_in_the_sdp_takes_over_from_a_straggler_on_the_same_host_only() {
        check(
            expected("10.0.0.2:4000", "10.0.0.2"),
            &[
                ("10.0.0.2:3000", true),
                ("10.0.0.2:4000", true),
                ("10.0.0.2:3000", false),
            ],
        );
        check(
            expected("192.168.1.5:4000", "203.0.113.7"),
            &[("203.0.113.7:61000", true), ("192.168.1.5:4000", false)],
        );
    }

    #[test]
    fn nobody_passes_before_anything_is_known() {
        check(Expected::default(), &[("10.0.0.2:4000", false)]);
    }

    #[test]
    fn rtcp_that_came_before_the_rtp_from_another_host_is_let_go() {
        let expected = expected("10.0.0.2:4000", "10.0.0.3");
        let mut latch = Latch::default();
        assert!(latch.admit_rtcp(expected, address("10.0.0.3:4001")));
        assert!(latch.admit_rtp(expected, address("10.0.0.2:4000")));
        assert_eq!(latch.rtcp(), None);
        assert!(!latch.admit_rtcp(expected, address("10.0.0.3:4001")));
        assert!(latch.admit_rtcp(expected, address("10.0.0.2:4001")));
    }

    #[test]
    fn rtcp_follows_the_host_of_the_rtp() {
        let expected = expected("10.0.0.2:4000", "10.0.0.3");
        let mut latch = Latch::default();
        assert!(!latch.admits_muxed(address("10.0.0.2:4000")));
        assert!(latch.admit_rtp(expected, address("10.0.0.2:4000")));
        assert!(latch.admits_muxed(address("10.0.0.2:4000")));
        assert!(!latch.admit_rtcp(expected, address("10.0.0.3:4001")));
        assert!(latch.admit_rtcp(expected, address("10.0.0.2:4001")));
        assert!(!latch.admit_rtcp(expected, address("10.0.0.2:4003")));
        assert_eq!(latch.rtcp(), Some(address("10.0.0.2:4001")));
    }
}
