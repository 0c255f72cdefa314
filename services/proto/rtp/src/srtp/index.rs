//! Packet indices: the rollover counter (RFC 3711 §3.3.1) and the replay window (§3.3.2).

use super::Refused;

/// The 48-bit index of an RTP packet, or the 31-bit one of an RTCP packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Index(pub(super) u64);

impl Index {
    /// The rollover counter: what the index has above the sequence number.
    pub(super) fn rollovers(self) -> u32 {
        u32::try_from(self.0 >> 16).unwrap_or(u32::MAX)
    }

    /// The sequence number: what the index has below the rollover counter.
    pub(super) const fn sequence(self) -> u16 {
        let [.., high, low] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// The index of `sequence` nearest to `self`.
    pub(super) fn nearest(self, sequence: u16) -> Self {
        let sequence = u64::from(sequence);
        let near = (self.0 & !0xffff) | sequence;
        let last = self.0 & 0xffff;
        let index = if sequence > last + HALF {
            near.checked_sub(ROUND).unwrap_or(near)
        } else if sequence + HALF < last {
            near.saturating_add(ROUND)
        } else {
            near
        };
        Self(index)
    }
}

/// How far a stream has come: what must outlive a process for its peer to go on understanding it.
///
/// Read it with [`Sender::positions`](super::Sender::positions) or
/// [`Receiver::positions`](super::Receiver::positions), give it to the next process's `resume`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The stream.
    pub ssrc: u32,
    /// How often its sequence number wrapped.
    pub rollovers: u32,
    /// Its highest sequence number.
    pub sequence: u16,
    /// The highest SRTCP index.
    pub rtcp: u32,
}

impl Position {
    /// The position `packets` RTP packets and as many RTCP packets later.
    ///
    /// A sender goes on from a position read a while ago: it must skip what it may have sent
    /// since, or one key stream would cover two packets.
    #[must_use]
    pub fn ahead(self, packets: u16) -> Self {
        let index = Index(self.rtp_index().0.saturating_add(u64::from(packets)));
        Self {
            ssrc: self.ssrc,
            rollovers: index.rollovers(),
            sequence: index.sequence(),
            rtcp: self.rtcp.saturating_add(u32::from(packets)),
        }
    }

    pub(super) fn rtp_index(self) -> Index {
        Index((u64::from(self.rollovers) << 16) | u64::from(self.sequence))
    }
}

/// The highest index so far and which of the 64 up to it were seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    highest: Index,
    /// Bit n: the packet n below the highest came.
    seen: u64,
}

impl Window {
    /// A window in which nothing up to and with `highest` may come again.
    pub(super) const fn resumed(highest: Index) -> Self {
        Self {
            highest,
            seen: u64::MAX,
        }
    }

    /// A window in which only `highest` came.
    pub(super) const fn first(highest: Index) -> Self {
        Self { highest, seen: 1 }
    }

    pub(super) const fn highest(&self) -> Index {
        self.highest
    }

    /// Whether a packet may come; one too old to know may not.
    pub(super) fn check(&self, index: Index) -> Result<(), Refused> {
        let Some(behind) = self.highest.0.checked_sub(index.0) else {
            return Ok(());
        };
        let fresh = behind < 64 && self.seen & (1 << behind) == 0;
        fresh.then_some(()).ok_or(Refused::Replayed)
    }

    /// Takes in a packet that is authentic.
    pub(super) fn take(&mut self, index: Index) {
        match index.0.checked_sub(self.highest.0) {
            Some(0) | None => {
                let behind = self.highest.0.saturating_sub(index.0);
                if behind < 64 {
                    self.seen |= 1 << behind;
                }
            }
            Some(ahead) => {
                let by = u32::try_from(ahead).unwrap_or(u32::MAX);
                self.seen = self.seen.checked_shl(by).unwrap_or(0) | 1;
                self.highest = index;
            }
        }
    }
}

/// Sequence numbers in one round.
const ROUND: u64 = 1 << 16;
/// Half a round: further away than this, a sequence number belongs to another round.
const HALF: u64 = 1 << 15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_index_follows_the_sequence_number_across_its_end() {
        let check = |last: u64, sequence: u16, expected: u64| {
            assert_eq!(Index(last).nearest(sequence), Index(expected), "{last:x}");
        };
        check(0x1_fffe, 0xffff, 0x1_ffff);
        check(0x1_ffff, 0, 0x2_0000);
        check(0x2_0000, 0xffff, 0x1_ffff);
        check(0x1_8000, 0, 0x1_0000);
        check(0x1_8001, 0, 0x2_0000);
        // Before the first round there is none.
        check(5, 0xffff, 0xffff);
    }

    #[test]
    fn no_index_passes_twice_and_late_ones_pass_once() {
        let mut window = Window::first(Index(100));
        assert_eq!(window.check(Index(100)), Err(Refused::Replayed));
        assert_eq!(window.check(Index(98)), Ok(()));
        window.take(Index(98));
        assert_eq!(window.check(Index(98)), Err(Refused::Replayed));
        window.take(Index(163));
        assert_eq!(window.check(Index(100)), Err(Refused::Replayed));
        assert_eq!(window.check(Index(101)), Ok(()));
        assert_eq!(window.check(Index(99)), Err(Refused::Replayed));
        window.take(Index(1_000_000));
        assert_eq!(window.check(Index(999_999)), Ok(()));
        assert_eq!(window.check(Index(1_000_000)), Err(Refused::Replayed));
    }

    #[test]
    fn a_position_ahead_carries_into_the_rollover_counter() {
        let position = Position {
            ssrc: 1,
            rollovers: 2,
            sequence: 65_500,
            rtcp: 7,
        };
        let ahead = position.ahead(100);
        assert_eq!((ahead.rollovers, ahead.sequence, ahead.rtcp), (3, 64, 107));
    }

    proptest! {
        #[test]
        fn each_index_is_taken_at_most_once(
            indices in proptest::collection::vec(0_u64..200, 0..300)
        ) {
            let mut window = Window::first(Index(0));
            let mut taken = std::collections::BTreeSet::from([0]);
            for index in indices {
                if window.check(Index(index)).is_ok() {
                    window.take(Index(index));
                    prop_assert!(taken.insert(index));
                }
            }
        }
    }
}
