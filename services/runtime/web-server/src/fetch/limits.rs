//! How long a fetch waits, and how often it tries.

use std::time::Duration;

/// How long a fetch waits, and how often it tries.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For a connection, and again for its TLS.
    pub connect: Duration,
    /// For the next bytes.
    pub silence: Duration,
    /// For a whole piece: bounds servers that send a byte now and then.
    pub piece: Duration,
    /// Tries in a row without one byte.
    pub tries: u32,
    /// Before the second try; each later one waits twice as long, up to half a minute.
    pub pause: Duration,
}

impl Limits {
    /// What a line of the poorest kind needs: 256 KiB in two minutes.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(10),
        silence: Duration::from_secs(30),
        piece: Duration::from_secs(120),
        tries: 10,
        pause: Duration::from_secs(1),
    };

    pub(super) fn pause_before(&self, tries: u32) -> Duration {
        let doubled = 1u32
            .checked_shl(tries.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.pause.saturating_mul(doubled).min(PAUSE_MAX)
    }
}

const PAUSE_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute() {
        let pause = |tries| Limits::USUAL.pause_before(tries).as_secs();
        assert_eq!(
            [pause(1), pause(2), pause(5), pause(6), pause(99)],
            [1, 2, 16, 30, 30]
        );
    }
}
