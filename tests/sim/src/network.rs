//! A network that loses, delays, reorders and repeats datagrams, by seed.

use std::time::Duration;

use sansio::Rng;

/// What the network does to each datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Faults {
    /// Lost, in percent.
    pub loss_percent: u8,
    /// Delivered twice, in percent.
    pub repeat_percent: u8,
    /// Shortest way.
    pub delay_min: Duration,
    /// Longest way. Datagrams overtake each other within the difference.
    pub delay_max: Duration,
}

impl Faults {
    /// A quiet office network.
    pub const NONE: Self = Self {
        loss_percent: 0,
        repeat_percent: 0,
        delay_min: Duration::from_millis(1),
        delay_max: Duration::from_millis(1),
    };

    /// One datagram in five is lost, some are repeated, and up to 200 ms of delay reorder them.
    pub const HEAVY: Self = Self {
        loss_percent: 20,
        repeat_percent: 5,
        delay_min: Duration::from_millis(1),
        delay_max: Duration::from_millis(200),
    };

    /// The delays of the copies of one datagram that arrive; none when it is lost.
    pub(crate) fn deliveries(&self, rng: &mut Rng) -> Vec<Duration> {
        // Every draw is made every time, so that a change of one rate moves no other decision.
        let (lost, repeated) = (
            rng.chance(self.loss_percent),
            rng.chance(self.repeat_percent),
        );
        let (first, second) = (self.delay(rng), self.delay(rng));
        match (lost, repeated) {
            (true, _) => Vec::new(),
            (false, false) => vec![first],
            (false, true) => vec![first, second],
        }
    }

    fn delay(&self, rng: &mut Rng) -> Duration {
        let spread = self.delay_max.saturating_sub(self.delay_min).as_nanos();
        let spread = u64::try_from(spread).unwrap_or(u64::MAX);
        self.delay_min + Duration::from_nanos(rng.below(spread.saturating_add(1)))
    }
}
