//! Every length around the bounds between the ways to copy, at every alignment, overlapping by
//! every distance, against the standard library's.
#![cfg(target_arch = "x86_64")]
#![expect(unsafe_code, reason = "what is tested is unsafe to call")]

const LENGTHS: [usize; 14] = [
    255, 256, 257, 511, 512, 2015, 2047, 2048, 2049, 2079, 2080, 2081, 4096, 9001,
];

fn lengths() -> impl Iterator<Item = usize> {
    (0..=200).chain(LENGTHS)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at * 131 % 251).unwrap_or(0))
        .collect()
}

#[test]
fn a_copy_is_whole_and_touches_nothing_else() {
    for length in lengths() {
        for (shift, other) in (0..17).flat_map(|it| [(it, 0), (it, 5), (3, it)]) {
            let from = pattern(length + 64);
            let mut to = vec![0xee; length + 64];
            let mut expected = to.clone();
            expected[other..other + length].copy_from_slice(&from[shift..shift + length]);
            let start = to[other..].as_mut_ptr();
            // SAFETY: both have 64 bytes more than is copied from an offset below 17.
            let returned = unsafe { memcpy::memcpy(start, from[shift..].as_ptr(), length) };
            assert_eq!(returned, start);
            assert_eq!(to, expected, "{length} bytes from {shift} to {other}");
        }
    }
}

#[test]
fn what_overlaps_arrives_whole() {
    for length in lengths() {
        for distance in (0..=130).chain([length / 2, length.saturating_sub(1), length, length + 1])
        {
            for (from, to) in [(0, distance), (distance, 0), (7, 7 + distance)] {
                let mut moved = pattern(length + distance + 64);
                let mut expected = moved.clone();
                expected.copy_within(from..from + length, to);
                let base = moved.as_mut_ptr();
                // SAFETY: the bytes reach at most 7 + distance + length, and there are 64 more.
                let (source, start) = unsafe { (base.add(from).cast_const(), base.add(to)) };
                // SAFETY: as above.
                let returned = unsafe { memcpy::memmove(start, source, length) };
                assert_eq!(returned, start);
                assert_eq!(moved, expected, "{length} bytes from {from} to {to}");
            }
        }
    }
}
