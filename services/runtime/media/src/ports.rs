//! Which UDP ports relays use, and in what order they are tried.

use std::fmt;
use std::str::FromStr;

/// A range of UDP ports, both ends included, that holds whole pairs: even first, odd last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// The text is not a usable port range.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{0}` is not a port range: write FIRST-LAST with FIRST even and at least 1024, LAST odd and \
     greater than FIRST + 2, such as 16384-32767"
)]
pub struct PortRangeError(String);

impl PortRange {
    /// What the box uses: below Linux' ephemeral ports (32768 and up), so the two never meet.
    pub const DEFAULT: Self = Self {
        first: 16384,
        last: 32767,
    };

    /// Whether a port lies in the range.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether a pair of the range begins at a port.
    pub(crate) const fn has_pair(self, port: u16) -> bool {
        self.contains(port) && port.is_multiple_of(2)
    }

    /// How many RTP/RTCP pairs there are.
    #[must_use]
    pub fn pairs(self) -> usize {
        (usize::from(self.last) + 1).saturating_sub(usize::from(self.first)) / 2
    }

    /// The even port of pair `index`, counted round the range.
    fn pair(self, index: usize) -> u16 {
        let offset = (index % self.pairs().max(1)) * 2;
        self.first
            .saturating_add(u16::try_from(offset).unwrap_or(0))
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let parse = || {
            let (first, last) = text.split_once('-')?;
            let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
            let whole_pairs = first >= 1024 && first % 2 == 0 && last % 2 == 1;
            (whole_pairs && last > first.saturating_add(2)).then_some(Self { first, last })
        };
        parse().ok_or_else(|| PortRangeError(text.to_owned()))
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Walks the range in a ring, so that a port rests as long as possible before its next call: the
/// last packets of an old call must not reach a new one.
#[derive(Debug)]
pub(crate) struct PortRing {
    range: PortRange,
    next: usize,
}

impl PortRing {
    /// A ring that starts at a place given by `start`, which should be hard to guess.
    pub(crate) fn new(range: PortRange, start: u64) -> Self {
        let next = usize::try_from(start % (range.pairs().max(1) as u64)).unwrap_or(0);
        Self { range, next }
    }

    /// Every pair's even port once, beginning where the last walk ended.
    pub(crate) fn walk(&mut self) -> impl Iterator<Item = u16> + '_ {
        (0..self.range.pairs()).map(move |_| {
            let port = self.range.pair(self.next);
            self.next = (self.next + 1) % self.range.pairs().max(1);
            port
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_whole_pairs_or_refused() {
        let check = |text: &str, pairs: Option<usize>| {
            assert_eq!(
                text.parse::<PortRange>().ok().map(PortRange::pairs),
                pairs,
                "{text}"
            );
        };
        check("16384-32767", Some(8192));
        check("2000-2003", Some(2));
        for refused in [
            "",
            "2000",
            "2001-2004",
            "2000-2002",
            "2000-2001",
            "80-99",
            "9-1",
            "a-b",
        ] {
            check(refused, None);
        }
        assert_eq!(
            PortRange::DEFAULT.to_string().parse(),
            Ok(PortRange::DEFAULT)
        );
        assert!(PortRange::DEFAULT.contains(32767) && !PortRange::DEFAULT.contains(32768));
    }

    #[test]
    fn a_walk_goes_on_where_the_last_one_stopped() {
        let range = "2000-2005".parse().expect("a range");
        let mut ring = PortRing::new(range, 4);
        assert_eq!(ring.walk().take(1).collect::<Vec<_>>(), [2002]);
        assert_eq!(ring.walk().collect::<Vec<_>>(), [2004, 2000, 2002]);
    }
}
