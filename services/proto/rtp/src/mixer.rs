//! A mix of several voices: each hears the sum of all the others.

use crate::pcm::{Rate, saturate};

/// The sum of one frame of everybody, at one rate.
#[derive(Clone, Debug)]
pub struct Mix {
    /// 32 bits hold the sum of 65,536 voices.
    sum: [i32; Rate::Wide.frame()],
    length: usize,
}

impl Mix {
    /// An empty mix of frames at this rate.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self {
            sum: [0; Rate::Wide.frame()],
            length: rate.frame(),
        }
    }

    /// Begins the next frame.
    pub const fn clear(&mut self) {
        self.sum = [0; Rate::Wide.frame()];
    }

    /// Adds one voice's frame; what is missing of it is silence.
    pub fn add(&mut self, frame: &[i16]) {
        for (sum, sample) in self.sum.iter_mut().take(self.length).zip(frame) {
            *sum = sum.saturating_add(i32::from(*sample));
        }
    }

    /// What the voice that added `own` hears: all the others. With an empty `own`, everybody.
    /// Overwrites `heard`, a frame long.
    pub fn without(&self, own: &[i16], heard: &mut [i16]) {
        let sums = self.sum.get(..self.length).unwrap_or_default();
        let length = own.len().min(sums.len()).min(heard.len());
        let (with_own, others) = sums.split_at(length);
        let (first, rest) = heard.split_at_mut(length);
        for ((place, sum), own) in first.iter_mut().zip(with_own).zip(own) {
            *place = saturate(sum.saturating_sub(i32::from(*own)));
        }
        for (place, sum) in rest.iter_mut().zip(others) {
            *place = saturate(*sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hears_the_others_and_not_itself() {
        let mut mix = Mix::new(Rate::Narrow);
        let voices = [[100_i16; 160], [20; 160], [3; 160]];
        for voice in &voices {
            mix.add(voice);
        }
        let mut heard = [0; 160];
        for (voice, expected) in voices.iter().zip([23, 103, 120]) {
            mix.without(voice, &mut heard);
            assert_eq!(heard, [expected; 160]);
        }
        mix.without(&[], &mut heard);
        assert_eq!(heard, [123; 160]);
        mix.clear();
        mix.without(&[], &mut heard);
        assert_eq!(heard, [0; 160]);
    }

    #[test]
    fn loud_voices_together_are_cut_not_wrapped() {
        let mut mix = Mix::new(Rate::Wide);
        for _ in 0..3 {
            mix.add(&[30_000; 320]);
        }
        let mut heard = [0; 320];
        mix.without(&[30_000; 320], &mut heard);
        assert_eq!(heard, [i16::MAX; 320]);
        // Taking the own voice out comes before the cut, or a loud mix would be heard inside out.
        mix.add(&[-32_768; 320]);
        mix.without(&[-32_768; 320], &mut heard);
        assert_eq!(heard, [i16::MAX; 320]);
    }

    #[test]
    fn short_frames_are_filled_with_silence() {
        let mut mix = Mix::new(Rate::Narrow);
        mix.add(&[5; 10]);
        mix.add(&[7; 500]);
        let mut heard = [0; 160];
        mix.without(&[5; 10], &mut heard);
        assert_eq!(heard, [7; 160]);
    }
}
