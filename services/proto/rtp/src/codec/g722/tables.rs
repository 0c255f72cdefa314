//! The tables of ITU-T G.722 (09/2012): 11 (QMF), 14 to 16 (quantisers), 17 to 21 (scale factors).

/// The entry at `index`; every table is as long as its index is wide, so 0 is never given.
pub(super) fn at(table: &[i32], index: u8) -> i32 {
    table.get(usize::from(index)).copied().unwrap_or(0)
}

/// Half of the symmetric 24-tap filter: the coefficients of one phase.
pub(super) const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Decision levels of the lower band's 60-level quantiser (Q6).
pub(super) const Q6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
    1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// Output levels of the lower band by all 6 bits: what is heard (QM6).
pub(super) const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

/// Output levels of the lower band by its upper 4 bits: what adapts (QM4).
pub(super) const QM4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];

/// Output levels of the upper band (QM2).
pub(super) const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];

/// Log scale factor steps of the lower band by its upper 4 bits (WL of RL42).
pub(super) const LOWER_STEP: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];

/// Log scale factor steps of the upper band by its code (WH of RH2).
pub(super) const UPPER_STEP: [i32; 4] = [798, -214, 798, -214];

/// From the log scale factor's fraction to linear (ILB).
pub(super) const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
