//! Seeded mutations: what a fuzzer does to its inputs, without its feedback.

use sansio::Rng;

/// Most bytes of a mutated input: datagrams are no longer.
const LENGTH_MAX: usize = 8 * 1024;

/// Bytes at which parsers change their mind.
const TURNING_POINTS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\x80",
    b"\"",
    b"\\",
    b"<",
    b">",
    b",",
    b";",
    b"=",
    b":",
    b"@",
    b"?",
    b"&",
    b"%",
    b"%00",
    b"%0d%0a",
    b"[",
    b"]",
    b"(",
    b")",
    b" ",
    b"\t",
    b"--",
    b"0",
    b"-1",
    b"4294967296",
    b"18446744073709551616",
    b"{",
    b"}",
    b"null",
];

/// Changes inputs; everything follows from the seed.
#[derive(Debug)]
pub struct Mutator {
    rng: Rng,
}

impl Mutator {
    /// A mutator whose whole future is given by `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::from_seed(seed),
        }
    }

    /// One of the inputs, changed in one to six places; parts of others may come in.
    pub fn change(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.pick(corpus).cloned().unwrap_or_default();
        for _ in 0..=self.index(6) {
            self.step(&mut bytes, corpus);
        }
        bytes.truncate(LENGTH_MAX);
        bytes
    }

    fn step(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.index(bytes.len() + 1);
        match self.index(8) {
            0 => {
                let bit = 1 << self.index(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bit;
                }
            }
            1 => {
                let [random, ..] = self.rng.next_u64().to_le_bytes();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random;
                }
            }
            2 => {
                let span = self.span(bytes.len());
                bytes.drain(span);
            }
            3 => {
                let span = self.span(bytes.len());
                let copy = bytes.get(span).unwrap_or_default().to_vec();
                bytes.splice(at..at, copy);
            }
            4 | 5 => {
                let point = self.pick(TURNING_POINTS).copied().unwrap_or_default();
                let till = if self.rng.chance(50) {
                    at
                } else {
                    bytes.len().min(at + 1)
                };
                bytes.splice(at..till, point.iter().copied());
            }
            6 => {
                let other = self.pick(corpus).cloned().unwrap_or_default();
                let span = self.span(other.len());
                bytes.splice(at..at, other.get(span).unwrap_or_default().iter().copied());
            }
            _ => bytes.truncate(at),
        }
    }

    /// Somewhere, and mostly short.
    fn span(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.index(length + 1);
        let most = if self.rng.chance(80) { 16 } else { length };
        let till = (from + self.index(most + 1)).min(length);
        from..till
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.index(from.len());
        from.get(at)
    }

    fn index(&mut self, below: usize) -> usize {
        let below = u64::try_from(below).unwrap_or(u64::MAX);
        usize::try_from(self.rng.below(below)).unwrap_or(0)
    }
}
