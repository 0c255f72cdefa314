//! Linear samples: 16 bits, mono, at one of two rates.

/// The two sampling rates audio is handled at inside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rate {
    /// 8 kHz: G.711 and everything made for it.
    Narrow,
    /// 16 kHz: G.722.
    Wide,
}

impl Rate {
    /// Samples a second.
    #[must_use]
    pub const fn hertz(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
        }
    }

    /// Samples in a frame of [`FRAME_MILLIS`].
    #[must_use]
    pub const fn frame(self) -> usize {
        match self {
            Self::Narrow => 160,
            Self::Wide => 320,
        }
    }

    /// Samples in `millis` milliseconds.
    #[must_use]
    pub const fn samples(self, millis: usize) -> usize {
        match self {
            Self::Narrow => 8_usize.saturating_mul(millis),
            Self::Wide => 16_usize.saturating_mul(millis),
        }
    }
}

/// The length of one frame everywhere audio is made, mixed or transcoded: what phones send.
pub const FRAME_MILLIS: usize = 20;

/// The nearest 16-bit sample.
pub(crate) fn saturate(sample: i32) -> i16 {
    let nearest = if sample < 0 { i16::MIN } else { i16::MAX };
    i16::try_from(sample).unwrap_or(nearest)
}

/// The nearest 16-bit sample.
pub(crate) fn from_float(sample: f64) -> i16 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "from float to integer `as` saturates; truncation after rounding is nothing"
    )]
    let nearest = sample.round() as i16;
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_outside_16_bits_are_cut_not_wrapped() {
        assert_eq!(saturate(40_000), i16::MAX);
        assert_eq!(saturate(-40_000), i16::MIN);
        assert_eq!(saturate(-5), -5);
        assert_eq!(from_float(1e9), i16::MAX);
        assert_eq!(from_float(f64::NAN), 0);
        assert_eq!(from_float(-2.6), -3);
    }
}
