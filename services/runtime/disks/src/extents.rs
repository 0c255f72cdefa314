//! Parts of a disk.

use std::ops::Range;

/// A set of bytes of a disk, as ranges in ascending order that do not touch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Extents(Vec<Range<u64>>);

impl Extents {
    /// Its ranges.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.0.iter().cloned()
    }

    /// Bytes in all.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.0.iter().map(|it| it.end - it.start).sum()
    }

    /// Adds a range; it may overlap what is there.
    pub fn add(&mut self, added: Range<u64>) {
        if added.is_empty() {
            return;
        }
        // Mostly they come in order.
        if let Some(last) = self.0.last_mut()
            && last.start <= added.start
        {
            if added.start <= last.end {
                last.end = last.end.max(added.end);
            } else {
                self.0.push(added);
            }
            return;
        }
        let (mut merged, mut kept) = (added, Vec::new());
        for range in self.0.drain(..) {
            if range.end < merged.start || merged.end < range.start {
                kept.push(range);
            } else {
                merged = range.start.min(merged.start)..range.end.max(merged.end);
            }
        }
        kept.push(merged);
        kept.sort_by_key(|it| it.start);
        self.0 = kept;
    }

    /// Takes a range away.
    pub fn remove(&mut self, removed: &Range<u64>) {
        let ranges = std::mem::take(&mut self.0);
        let left = ranges.into_iter().flat_map(|range| {
            let before = range.start..range.end.min(removed.start);
            let after = range.start.max(removed.end)..range.end;
            [before, after]
        });
        self.0 = left.filter(|it| !it.is_empty()).collect();
    }

    /// What of it lies in `window`.
    pub fn within(&self, window: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let first = self.0.partition_point(|it| it.end <= window.start);
        let ranges = self.0.iter().skip(first);
        let end = window.end;
        ranges
            .take_while(move |it| it.start < end)
            .map(move |it| it.start.max(window.start)..it.end.min(window.end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_added_and_not_taken_away(
            changes in vec((any::<bool>(), 0..64_u64, 0..16_u64), 0..30),
            window in (0..70_u64, 0..70_u64),
        ) {
            let (mut extents, mut model) = (Extents::default(), [false; 96]);
            for (is_added, start, length) in changes {
                let range = start..start + length;
                for place in range.clone() {
                    model[usize::try_from(place).unwrap()] = is_added;
                }
                if is_added {
                    extents.add(range);
                } else {
                    extents.remove(&range);
                }
                let ranges: Vec<_> = extents.ranges().collect();
                prop_assert!(ranges.iter().all(|it| !it.is_empty()));
                prop_assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
            }
            let holds = |place: u64| extents.ranges().any(|it| it.contains(&place));
            for (place, expected) in (0..).zip(model) {
                prop_assert_eq!(holds(place), expected, "{}", place);
            }
            prop_assert_eq!(extents.length(), model.iter().filter(|it| **it).count() as u64);
            let window = window.0..window.1.max(window.0);
            let seen: u64 = extents.within(window.clone()).map(|it| it.end - it.start).sum();
            prop_assert_eq!(seen, window.filter(|place| holds(*place)).count() as u64);
        }
    }
}
