//! From digits to telephone-event packets (RFC 4733 §2.5.1; pbx trap 20).
//!
//! ```text
//!   every 20 ms:  start  update  update  ...  end  end  end  .. gap ..  next digit
//!   duration      20     40      60           100  100  100
//! ```
//! The header of each packet is [`Outgoing::event`](crate::Outgoing::event)'s.

use std::collections::VecDeque;

use super::event::{Digit, TelephoneEvent};
use super::{DIGITS_MAX, GAP_MILLIS};
use crate::pcm::FRAME_MILLIS;

/// What to send for one tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPacket {
    /// The payload.
    pub payload: [u8; 4],
    /// Whether it is the first of its digit: it takes a new timestamp and the marker.
    pub first: bool,
}

/// Sends digits as telephone events, one packet every [`FRAME_MILLIS`].
#[derive(Clone, Debug)]
pub struct EventSender {
    /// Timestamp units in one tick.
    step: u32,
    waiting: VecDeque<(Digit, u32)>,
    /// The digit being sent, its length in ticks, and the ticks since it began.
    current: Option<(Digit, u32, u32)>,
}

impl EventSender {
    /// A sender of events with this clock in Hz.
    #[must_use]
    pub const fn new(clock: u32) -> Self {
        Self {
            step: clock / PER_SECOND,
            waiting: VecDeque::new(),
            current: None,
        }
    }

    /// Adds a digit to be sent for `millis`, within 40 ms and what a duration can say. False when
    /// [`DIGITS_MAX`] wait already.
    pub fn press(&mut self, digit: Digit, millis: u32) -> bool {
        if self.waiting.len() >= DIGITS_MAX {
            return false;
        }
        let longest = u32::from(u16::MAX) / self.step.max(1);
        let ticks = (millis / TICK).clamp(2, longest.max(2));
        self.waiting.push_back((digit, ticks));
        true
    }

    /// What to send now; to be asked every [`FRAME_MILLIS`]. `None` in gaps and when all is sent.
    pub fn tick(&mut self) -> Option<EventPacket> {
        let (digit, length, since) = match self.current.take() {
            Some((_, length, since)) if since >= length + GAP_MILLIS / TICK => self.next()?,
            Some(current) => current,
            None => self.next()?,
        };
        let since = since + 1;
        self.current = Some((digit, length, since));
        if since > length + ENDS - 1 {
            return None;
        }
        let duration = self.step.saturating_mul(since.min(length));
        let duration = u16::try_from(duration).unwrap_or(u16::MAX);
        let event = TelephoneEvent::of(digit, since >= length, duration);
        Some(EventPacket {
            payload: event.to_bytes(),
            first: since == 1,
        })
    }

    /// Whether everything is sent, the gap after it included.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let over = |(_, length, since): (Digit, u32, u32)| since >= length + GAP_MILLIS / TICK;
        self.waiting.is_empty() && self.current.is_none_or(over)
    }

    fn next(&mut self) -> Option<(Digit, u32, u32)> {
        let (digit, ticks) = self.waiting.pop_front()?;
        Some((digit, ticks, 0))
    }
}

/// Milliseconds in a tick.
#[expect(clippy::cast_possible_truncation, reason = "20")]
const TICK: u32 = FRAME_MILLIS as u32;
/// Ticks in a second.
const PER_SECOND: u32 = 1000 / TICK;
/// The end of an event is sent three times (RFC 4733 §2.5.1.4).
const ENDS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn digit(code: u8) -> Digit {
        Digit::from_code(code).expect("a digit")
    }

    /// Every tick: `-` for none, else S(tart), u(pdate) or E(nd) with the duration in ticks.
    fn shown(sender: &mut EventSender, step: u16) -> String {
        let mut shown = String::new();
        while !sender.is_idle() {
            let word = sender.tick().map_or_else(
                || "-".to_owned(),
                |packet| {
                    let event = TelephoneEvent::parse(&packet.payload).expect("four octets");
                    let kind = match (packet.first, event.end) {
                        (true, _) => 'S',
                        (false, false) => 'u',
                        (false, true) => 'E',
                    };
                    format!("{kind}{}", event.duration / step)
                },
            );
            shown = shown + &word + " ";
        }
        shown
    }

    #[test]
    fn a_digit_grows_ends_three_times_and_leaves_a_gap() {
        let mut sender = EventSender::new(8000);
        assert!(sender.press(digit(5), 100));
        assert!(sender.press(digit(6), 60));
        assert_eq!(
            shown(&mut sender, 160),
            "S1 u2 u3 u4 E5 E5 E5 - - S1 u2 E3 E3 E3 - - "
        );
        assert_eq!(sender.tick(), None);
        assert!(sender.press(digit(7), 40));
        assert_eq!(shown(&mut sender, 160), "S1 E2 E2 E2 - - ");
    }

    #[test]
    fn a_clock_of_48_khz_counts_its_own_ticks() {
        let mut sender = EventSender::new(48_000);
        assert!(sender.press(digit(1), 40));
        assert_eq!(shown(&mut sender, 960), "S1 E2 E2 E2 - - ");
        // The longest a duration can say is 1.3 s at this clock.
        assert!(sender.press(digit(1), 60_000));
        assert!(shown(&mut sender, 960).contains("u67 E68 "));
    }

    #[test]
    fn no_more_digits_wait_than_may() {
        let mut sender = EventSender::new(8000);
        let taken = (0..100).filter(|_| sender.press(digit(1), 100)).count();
        assert_eq!(taken, DIGITS_MAX);
    }

    #[test]
    fn a_receiver_hears_what_is_sent_also_when_every_third_packet_is_lost() {
        use super::super::{EventReceiver, Heard};
        let mut sender = EventSender::new(8000);
        let mut receiver = EventReceiver::new(8000);
        for code in 0..16 {
            assert!(sender.press(digit(code), 100));
        }
        let (mut now, mut timestamp, mut heard) = (0_u64, 0, String::new());
        while !sender.is_idle() {
            now += 20;
            let instant = sansio::Instant::from_nanos(now * 1_000_000);
            let Some(packet) = sender.tick() else {
                continue;
            };
            if packet.first {
                timestamp += 5000;
            }
            if now % 60 != 0 {
                let all = receiver.packet(instant, 1, timestamp, &packet.payload);
                heard.extend(all.filter_map(|heard| match heard {
                    Heard::Ended(digit, _) => Some(digit.as_char()),
                    Heard::Started(_) => None,
                }));
            }
        }
        assert_eq!(heard, "0123456789*#ABCD");
    }
}
