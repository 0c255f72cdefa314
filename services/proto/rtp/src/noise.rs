//! Comfort noise (RFC 3389): what is heard while the other end says it is silent.

use crate::pcm::from_float;

/// White noise at the level a comfort noise packet asks for. Its spectrum is not followed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ComfortNoise {
    amplitude: f64,
    state: u32,
}

impl ComfortNoise {
    /// Noise as the payload asks; `None` when it is empty.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let level = f64::from(*payload.first()? & 0x7f);
        // RFC 3389 §3.1: the level is in -dBov. Uniform noise peaks at the root of three times
        // its effective value.
        let effective = 32_767.0 * 10_f64.powf(-level / 20.0);
        Some(Self {
            amplitude: (effective * 3_f64.sqrt()).min(LOUDEST),
            state: 1,
        })
    }

    /// Fills a frame.
    pub fn fill(&mut self, frame: &mut [i16]) {
        for place in frame {
            // The generator of Numerical Recipes: it need only sound like noise.
            self.state = self
                .state
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            let uniform = f64::from(self.state.cast_signed()) / f64::from(i32::MAX);
            *place = from_float(uniform * self.amplitude);
        }
    }
}

/// No background is louder than this, whatever a packet says: -20 dBov.
const LOUDEST: f64 = 5_675.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::power;

    #[test]
    fn it_is_as_loud_as_asked_for_and_never_loud() {
        let loud = |payload: &[u8]| {
            let mut samples = vec![0; 8000];
            ComfortNoise::parse(payload)
                .expect("a level")
                .fill(&mut samples);
            10.0 * (power(&samples) / 32_767_f64.powi(2)).log10()
        };
        assert!((loud(&[40]) + 40.0).abs() < 0.5);
        assert!((loud(&[0x80 | 55, 1, 2]) + 55.0).abs() < 0.5);
        assert!((loud(&[0]) + 20.0).abs() < 0.5);
        assert!(loud(&[127]) < -90.0);
        assert_eq!(ComfortNoise::parse(&[]), None);
    }
}
