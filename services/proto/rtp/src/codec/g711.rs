//! G.711: one octet a sample, A-law or mu-law (ITU-T G.711 tables 1 and 2).
//!
//! Decoding reads a table made at compile time. Encoding counts leading zeros, which touches no
//! cache and is as fast.

/// One of the two companding laws.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Law {
    /// `PCMA`: Europe, Brazil and most of the world.
    A,
    /// `PCMU`: North America and Japan.
    Mu,
}

impl Law {
    /// The octet of a sample.
    #[must_use]
    pub const fn compress(self, sample: i16) -> u8 {
        match self {
            Self::A => a_compress(sample),
            Self::Mu => mu_compress(sample),
        }
    }

    /// The sample of an octet.
    #[must_use]
    pub fn expand(self, octet: u8) -> i16 {
        let table = match self {
            Self::A => &A_EXPANDED,
            Self::Mu => &MU_EXPANDED,
        };
        table.get(usize::from(octet)).copied().unwrap_or(0)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a segment is below 16")]
const fn a_compress(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample }) >> 4;
    // 4 bits of mantissa below a leading one, or linear in the two lowest segments.
    let segment = (12_u32.saturating_sub(magnitude.leading_zeros())) as i16;
    let mantissa = if segment > 1 {
        (magnitude >> (segment - 1)) & 0x0f
    } else {
        magnitude & 0x0f
    };
    let code = (segment << 4) | mantissa;
    let sign = if sample < 0 { 0 } else { 0x80 };
    low_octet(code | sign) ^ 0x55
}

const fn a_expand(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let segment = (code & 0x7f) >> 4;
    let mantissa = (code & 0x0f) as i16;
    let magnitude = if segment == 0 {
        (mantissa << 4) + 8
    } else {
        (((mantissa + 16) << 4) + 8) << (segment - 1)
    };
    if code & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a segment is below 16")]
const fn mu_compress(sample: i16) -> u8 {
    let magnitude = ((if sample < 0 { !sample } else { sample }) >> 2) + MU_BIAS;
    let magnitude = if magnitude > 0x1fff {
        0x1fff
    } else {
        magnitude
    };
    // The bias puts the leading one at bit 5 at least, so the segment is never below 0.
    let segment = (10_u32.saturating_sub(magnitude.leading_zeros())) as i16;
    let mantissa = (magnitude >> (segment + 1)) & 0x0f;
    let code = ((7 - segment) << 4) | (0x0f - mantissa);
    let sign = if sample < 0 { 0 } else { 0x80 };
    low_octet(code | sign)
}

const fn mu_expand(octet: u8) -> i16 {
    let code = !octet;
    let segment = (code >> 4) & 7;
    let mantissa = (code & 0x0f) as i16;
    let magnitude = (((mantissa << 1) + MU_BIAS) << (segment + 2)) - (MU_BIAS << 2);
    if octet & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

const fn low_octet(code: i16) -> u8 {
    let [low, _] = code.to_le_bytes();
    low
}

/// Added to a mu-law magnitude of 14 bits before its segment is found.
const MU_BIAS: i16 = 33;

const A_EXPANDED: [i16; 256] = expanded(Law::A);
const MU_EXPANDED: [i16; 256] = expanded(Law::Mu);

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "the index is below 256, checked when the constants are made"
)]
const fn expanded(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = match law {
            Law::A => a_expand(octet as u8),
            Law::Mu => mu_expand(octet as u8),
        };
        octet += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decision_values_of_the_recommendation_hold() {
        // ITU-T G.711 tables 1a and 2a: the largest, the smallest and the character of +0.
        assert_eq!(Law::A.expand(0xd5), 8);
        assert_eq!(Law::A.expand(0x55), -8);
        assert_eq!(Law::A.expand(0xaa), 32_256);
        assert_eq!(Law::A.expand(0x2a), -32_256);
        assert_eq!(Law::Mu.expand(0xff), 0);
        assert_eq!(Law::Mu.expand(0x80), 32_124);
        assert_eq!(Law::Mu.expand(0x00), -32_124);
        assert_eq!(Law::A.compress(0), 0xd5);
        assert_eq!(Law::Mu.compress(0), 0xff);
    }

    #[test]
    fn every_octet_comes_back_as_itself() {
        for octet in 0..=u8::MAX {
            assert_eq!(Law::A.compress(Law::A.expand(octet)), octet);
            let again = Law::Mu.compress(Law::Mu.expand(octet));
            // Mu-law has two zeros; -0 is read as 0 and written as +0.
            assert_eq!(again, if octet == 0x7f { 0xff } else { octet });
        }
    }

    #[test]
    fn no_sample_moves_further_than_half_a_step() {
        for sample in i16::MIN..=i16::MAX {
            for law in [Law::A, Law::Mu] {
                let far = (i32::from(sample) - i32::from(law.expand(law.compress(sample)))).abs();
                let magnitude = i32::from(sample).abs();
                let allowed = (magnitude / 16).max(16);
                assert!(far <= allowed, "{law:?} {sample}: {far}");
            }
        }
    }

    #[test]
    fn larger_samples_never_give_smaller_ones_back() {
        for law in [Law::A, Law::Mu] {
            let back = |sample| law.expand(law.compress(sample));
            for sample in i16::MIN..i16::MAX {
                assert!(back(sample) <= back(sample + 1), "{law:?} {sample}");
            }
        }
    }
}
