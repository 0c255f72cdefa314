//! From telephone-event packets to digits, each once (RFC 4733 §2.5.2; pbx trap 20).
//!
//! ```text
//!              a packet with a new timestamp             a packet with the E bit,
//!   idle ────────────────────────────────> pressed ──── a newer event, or silence ────> idle
//!                    Started                                     Ended
//! ```
//! All packets of an event carry the timestamp of its start, so that is what names it. Its end is
//! sent three times and may still be lost three times.

use std::time::Duration;

use sansio::Instant;

use super::event::{Digit, TelephoneEvent, is_newer};

/// What was heard of a digit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// It was pressed.
    Started(Digit),
    /// It was let go after so many milliseconds.
    Ended(Digit, u32),
}

/// Reads the telephone events of one peer.
#[derive(Clone, Debug)]
pub struct EventReceiver {
    clock: u32,
    latest: Option<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    ssrc: u32,
    timestamp: u32,
    digit: Digit,
    /// Ticks of segments before the one at `timestamp` (RFC 4733 §2.5.1.3).
    before: u32,
    duration: u16,
    /// When its latest packet came.
    at: Instant,
    ended: bool,
}

impl EventReceiver {
    /// A receiver of events with this clock in Hz: 8000, or 48000 beside Opus.
    #[must_use]
    pub const fn new(clock: u32) -> Self {
        Self {
            clock,
            latest: None,
        }
    }

    /// Takes the payload of an event packet; what it says, at most an end, a start and an end.
    pub fn packet(
        &mut self,
        now: Instant,
        ssrc: u32,
        timestamp: u32,
        payload: &[u8],
    ) -> impl Iterator<Item = Heard> + use<> {
        let mut heard = [None; 3];
        let [overtaken, started, ended] = &mut heard;
        if let Some((digit, event)) = TelephoneEvent::parse(payload).and_then(named) {
            match self.latest {
                Some(latest) if latest.is(ssrc, timestamp) => {}
                Some(latest) if latest.continues(ssrc, timestamp, digit) => {
                    self.latest = Some(latest.next_segment(timestamp));
                }
                Some(latest) if latest.is_after(ssrc, timestamp) => {}
                Some(_) | None => {
                    *overtaken = self.end();
                    *started = Some(Heard::Started(digit));
                    self.latest = Some(Event {
                        ssrc,
                        timestamp,
                        digit,
                        before: 0,
                        duration: 0,
                        at: now,
                        ended: false,
                    });
                }
            }
            *ended = self.update(now, ssrc, timestamp, event);
        }
        heard.into_iter().flatten()
    }

    /// Ends a digit of which nothing more came; to be asked from time to time while one is pressed.
    pub fn poll(&mut self, now: Instant) -> Option<Heard> {
        let latest = self.latest?;
        if now.saturating_since(latest.at) < SILENCE {
            return None;
        }
        self.end()
    }

    /// Whether a digit is pressed.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.latest.is_some_and(|event| !event.ended)
    }

    fn update(
        &mut self,
        now: Instant,
        ssrc: u32,
        timestamp: u32,
        event: TelephoneEvent,
    ) -> Option<Heard> {
        let latest = self.latest.as_mut()?;
        if !latest.is(ssrc, timestamp) || latest.ended {
            return None;
        }
        latest.duration = latest.duration.max(event.duration);
        latest.at = now;
        event.end.then(|| self.end()).flatten()
    }

    fn end(&mut self) -> Option<Heard> {
        let clock = u64::from(self.clock.max(1));
        let event = self.latest.as_mut().filter(|event| !event.ended)?;
        event.ended = true;
        let ticks = u64::from(event.before) + u64::from(event.duration);
        let millis = u32::try_from(ticks * 1000 / clock).unwrap_or(u32::MAX);
        Some(Heard::Ended(event.digit, millis))
    }
}

impl Event {
    fn is(&self, ssrc: u32, timestamp: u32) -> bool {
        self.ssrc == ssrc && self.timestamp == timestamp
    }

    /// Whether a packet is of an earlier event than this: a repeated end that was overtaken.
    fn is_after(&self, ssrc: u32, timestamp: u32) -> bool {
        self.ssrc == ssrc && !is_newer(timestamp, self.timestamp)
    }

    /// Whether a packet begins the next segment of this event, whose duration has run full.
    fn continues(&self, ssrc: u32, timestamp: u32, digit: Digit) -> bool {
        let ahead = timestamp.wrapping_sub(self.timestamp);
        self.ssrc == ssrc && self.digit == digit && !self.ended && ahead == u32::from(u16::MAX)
    }

    fn next_segment(self, timestamp: u32) -> Self {
        Self {
            timestamp,
            before: self.before.saturating_add(u32::from(u16::MAX)),
            duration: 0,
            ..self
        }
    }
}

fn named(event: TelephoneEvent) -> Option<(Digit, TelephoneEvent)> {
    Digit::from_code(event.code).map(|digit| (digit, event))
}

/// A digit of which nothing came for so long is over: its ends were lost. Senders repeat a pressed
/// digit every 50 ms at least (RFC 4733 §2.5.1.2), and a few of those may be lost, too.
const SILENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn payload(code: u8, end: bool, duration: u16) -> [u8; 4] {
        let digit = Digit::from_code(code).expect("a digit");
        TelephoneEvent::of(digit, end, duration).to_bytes()
    }

    /// Packets (millis, timestamp, code, end, duration), then silence; digits with milliseconds.
    fn check(clock: u32, packets: &[(u64, u32, u8, bool, u16)], expected: &str) {
        let mut receiver = EventReceiver::new(clock);
        let mut ended = Vec::new();
        let (mut pressed, mut last) = (0, 0);
        let mut note = |heard: Heard| match heard {
            Heard::Started(_) => pressed += 1,
            Heard::Ended(digit, millis) => ended.push(format!("{digit}:{millis}")),
        };
        for (millis, timestamp, code, end, duration) in packets {
            let payload = payload(*code, *end, *duration);
            receiver
                .packet(at(*millis), 1, *timestamp, &payload)
                .for_each(&mut note);
            last = *millis;
        }
        assert_eq!(receiver.poll(at(last + 100)), None);
        receiver
            .poll(at(last + 500))
            .into_iter()
            .for_each(&mut note);
        assert_eq!(receiver.poll(at(last + 900)), None);
        assert!(!receiver.is_active());
        assert_eq!(pressed, ended.len());
        assert_eq!(ended.join(" "), expected);
    }

    #[test]
    fn three_ends_are_one_digit() {
        let packets = [
            (0, 8, 5, false, 160),
            (20, 8, 5, false, 320),
            (40, 8, 5, true, 480),
            (60, 8, 5, true, 480),
            (80, 8, 5, true, 480),
        ];
        check(8000, &packets, "5:60");
    }

    #[test]
    fn the_same_key_twice_is_two_digits_and_a_late_copy_none() {
        let packets = [
            (0, 8, 1, true, 800),
            (20, 1000, 1, true, 400),
            (40, 8, 1, true, 800),
            (60, 1000, 1, true, 400),
        ];
        check(8000, &packets, "1:100 1:50");
    }

    #[test]
    fn a_digit_whose_ends_were_lost_ends_by_the_next_or_by_silence() {
        let packets = [(0, 8, 1, false, 400), (100, 4000, 2, false, 800)];
        check(8000, &packets, "1:50 2:100");
    }

    #[test]
    fn a_digit_of_which_only_an_end_came_is_a_digit() {
        check(8000, &[(0, 8, 15, true, 800)], "D:100");
    }

    #[test]
    fn a_clock_of_48_khz_gives_the_same_time() {
        check(48_000, &[(0, 8, 11, true, 4800)], "#:100");
    }

    #[test]
    fn a_key_held_for_longer_than_the_duration_can_say_is_one_digit() {
        // RFC 4733 §2.5.1.3.
        let packets = [
            (0, 8, 7, false, 65_000),
            (8192, 8 + 65_535, 7, false, 160),
            (8292, 8 + 65_535, 7, true, 800),
        ];
        check(8000, &packets, "7:8291");
    }

    #[test]
    fn the_clock_may_wrap_and_a_new_source_starts_afresh() {
        let packets = [(0, u32::MAX - 5, 10, true, 800), (200, 700, 11, true, 800)];
        check(8000, &packets, "*:100 #:100");
        let mut receiver = EventReceiver::new(8000);
        let end = payload(3, true, 800);
        assert_eq!(receiver.packet(at(0), 1, 9000, &end).count(), 2);
        assert_eq!(receiver.packet(at(1), 2, 100, &end).count(), 2);
    }

    #[test]
    fn other_events_are_not_digits() {
        let mut receiver = EventReceiver::new(8000);
        assert_eq!(receiver.packet(at(0), 1, 1, &[16, 0x80, 0, 1]).count(), 0);
        assert_eq!(receiver.packet(at(0), 1, 1, &[1, 0x80, 0]).count(), 0);
    }

    proptest! {
        #[test]
        fn no_packets_panic_and_every_digit_that_starts_ends(
            packets in proptest::collection::vec(any::<(u8, u32, [u8; 4])>(), 0..60)
        ) {
            let mut receiver = EventReceiver::new(8000);
            let mut balance = 0_i32;
            let mut count = |heard: Heard| match heard {
                Heard::Started(_) => balance += 1,
                Heard::Ended(..) => balance -= 1,
            };
            for (ssrc, timestamp, payload) in packets {
                let ssrc = u32::from(ssrc & 1);
                receiver.packet(at(0), ssrc, timestamp & 7, &payload).for_each(&mut count);
            }
            receiver.poll(at(1000)).into_iter().for_each(&mut count);
            prop_assert_eq!(balance, 0);
        }
    }
}
