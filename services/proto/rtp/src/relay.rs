//! One call's relay: two legs, and where each packet goes.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sansio::Instant;

use crate::dtmf::DigitCounter;
use crate::latch::{Expected, Latch};
use crate::packet::{Malformed, Packet, check_rtcp, is_rtcp};

/// The two legs of a relay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Towards whoever called.
    Caller,
    /// Towards whoever was called.
    Callee,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// The two ports of a leg (RFC 3550 §11: RTP even, RTCP the next).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    /// The even port.
    Rtp,
    /// The odd port.
    Rtcp,
}

/// One leg as negotiated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Leg {
    /// Where its SDP says it listens; `None` while unknown or held.
    pub remote: Option<SocketAddr>,
    /// Its signalling address: media may come from here too (symmetric RTP).
    pub signalling: Option<IpAddr>,
    /// Payload type it uses for telephone-event.
    pub telephone_event: Option<u8>,
    /// Rewrites on packets that go out to this leg: (as received, as sent).
    pub payload_map: Vec<(u8, u8)>,
}

/// What to do with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Send it to `to` from the socket of `side` and `channel`.
    Forward {
        /// The leg it goes out on.
        side: Side,
        /// The port it goes out by.
        channel: Channel,
        /// Where it goes.
        to: SocketAddr,
    },
    /// Say nothing and count it.
    Drop(DropReason),
}

/// Why a packet is not relayed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum DropReason {
    /// It is not what its port carries.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It comes from an address this leg is not locked to and may not lock to.
    #[error("the source is not this leg's")]
    ForeignSource,
    /// The other leg has no address yet, or is on hold.
    #[error("the other side listens nowhere")]
    NoDestination,
}

/// What passed so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// RTP packets relayed to the callee.
    pub packets_to_callee: u64,
    /// RTP packets relayed to the caller.
    pub packets_to_caller: u64,
    /// Packets dropped, for any [`DropReason`] or because they could not be sent.
    pub dropped: u64,
    /// DTMF digits seen, both directions together.
    pub dtmf_digits: u32,
}

/// A relay between two legs. One packet in, one [`Verdict`] out; nothing is allocated per packet.
#[derive(Clone, Debug)]
pub struct Relay {
    caller: Half,
    callee: Half,
    dropped: u64,
    last_packet: Instant,
}

#[derive(Clone, Debug)]
struct Half {
    latch: Latch,
    telephone_event: Option<u8>,
    /// Outgoing payload type by incoming one; most map to themselves.
    payload_types: [u8; 128],
    /// Digits sent by this side.
    digits: DigitCounter,
    /// RTP packets relayed to this side.
    packets: u64,
}

impl Relay {
    /// A relay nobody may send into yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            caller: Half::new(),
            callee: Half::new(),
            dropped: 0,
            last_packet: now,
        }
    }

    /// Replaces what is known of one side. The locked source stays; see [`relatch`](Self::relatch).
    pub fn set(&mut self, side: Side, leg: &Leg) {
        let half = self.half_mut(side);
        half.latch.expect(Expected {
            remote: leg.remote,
            signalling: leg.signalling.map(|host| SocketAddr::new(host, 0)),
            ..Expected::default()
        });
        half.telephone_event = leg.telephone_event;
        half.payload_types = IDENTITY;
        for (received, sent) in &leg.payload_map {
            if let Some(slot) = half.payload_types.get_mut(usize::from(*received)) {
                *slot = *sent & 0x7f;
            }
        }
    }

    /// Lets one side lock to another source: its media may have moved. Where they have for sure,
    /// because the next [`set`](Self::set) names another address, the old source is forgotten.
    pub fn relatch(&mut self, side: Side) {
        self.half_mut(side).latch.reopen();
    }

    /// Decides about one datagram that arrived on `side`'s `channel` port, rewriting its payload
    /// type in place where the other side uses another number.
    pub fn forward(
        &mut self,
        now: Instant,
        side: Side,
        channel: Channel,
        source: SocketAddr,
        bytes: &mut [u8],
    ) -> Verdict {
        let decided = match (channel, is_rtcp(bytes)) {
            (Channel::Rtp, false) => self.rtp(side, source, bytes),
            (Channel::Rtp, true) => self.rtcp(side, true, source, bytes),
            (Channel::Rtcp, _) => self.rtcp(side, false, source, bytes),
        };
        match decided {
            Ok((channel, to)) => {
                self.last_packet = now;
                Verdict::Forward {
                    side: side.other(),
                    channel,
                    to,
                }
            }
            Err(reason) => {
                // A side that talks while the other is on hold is alive all the same.
                if reason == DropReason::NoDestination {
                    self.last_packet = now;
                }
                self.count_dropped();
                Verdict::Drop(reason)
            }
        }
    }

    /// Counts a packet that was to be forwarded and could not be sent.
    pub const fn count_dropped(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    /// What passed so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        Stats {
            packets_to_callee: self.callee.packets,
            packets_to_caller: self.caller.packets,
            dropped: self.dropped,
            dtmf_digits: self
                .caller
                .digits
                .digits()
                .saturating_add(self.callee.digits.digits()),
        }
    }

    /// Time since a packet last came from one of the two sides, or since the relay was made.
    #[must_use]
    pub const fn idle(&self, now: Instant) -> Duration {
        now.saturating_since(self.last_packet)
    }

    fn rtp(
        &mut self,
        side: Side,
        source: SocketAddr,
        bytes: &mut [u8],
    ) -> Result<(Channel, SocketAddr), DropReason> {
        let packet = Packet::parse(bytes)?;
        let from = self.half_mut(side);
        if !from.latch.admit_rtp(source) {
            return Err(DropReason::ForeignSource);
        }
        if from.telephone_event == Some(packet.payload_type) {
            from.digits
                .observe(packet.ssrc, packet.timestamp, packet.payload);
        }
        let received = packet.payload_type;
        let to = self.half_mut(side.other());
        let destination = to
            .latch
            .rtp_destination()
            .ok_or(DropReason::NoDestination)?;
        let sent = to
            .payload_types
            .get(usize::from(received))
            .copied()
            .unwrap_or(received);
        if let Some(second) = bytes.get_mut(1) {
            *second = (*second & 0x80) | sent;
        }
        to.packets = to.packets.saturating_add(1);
        Ok((Channel::Rtp, destination))
    }

    fn rtcp(
        &mut self,
        side: Side,
        muxed: bool,
        source: SocketAddr,
        bytes: &[u8],
    ) -> Result<(Channel, SocketAddr), DropReason> {
        check_rtcp(bytes)?;
        let from = self.half_mut(side);
        let admitted = if muxed {
            from.latch.admits_muxed(source)
        } else {
            from.latch.admit_rtcp(source)
        };
        if !admitted {
            return Err(DropReason::ForeignSource);
        }
        let to = self.half_mut(side.other()).latch.rtcp_destination();
        to.map(|to| (Channel::Rtcp, to))
            .ok_or(DropReason::NoDestination)
    }

    const fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }
}

impl Half {
    fn new() -> Self {
        Self {
            latch: Latch::default(),
            telephone_event: None,
            payload_types: IDENTITY,
            digits: DigitCounter::default(),
            packets: 0,
        }
    }
}

/// Every payload type as itself.
const IDENTITY: [u8; 128] = {
    let mut map = [0; 128];
    let mut at = 0;
    while at < 128 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::indexing_slicing,
            reason = "at is below 128, checked when the constant is made"
        )]
        {
            map[at] = at as u8;
        }
        at += 1;
    }
    map
};

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
