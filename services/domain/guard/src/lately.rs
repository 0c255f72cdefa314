//! A map that holds so many entries and forgets the ones untouched longest, but for those of which
//! something holds: nobody ends that by a flood of others.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use sansio::Instant;

/// What is remembered of somebody.
pub(crate) trait Kept: Default {
    /// Whether something of it holds now, so that it is not forgotten for others.
    fn holds(&self, _now: Instant) -> bool {
        false
    }
}

impl Kept for () {}
impl Kept for u8 {}

/// Entries by key, and when each was last touched.
#[derive(Clone, Debug)]
pub(crate) struct Lately<K, V> {
    entries: BTreeMap<K, (Instant, V)>,
    order: BTreeSet<(Instant, K)>,
    max: usize,
}

impl<K: Ord + Clone, V: Kept> Lately<K, V> {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            order: BTreeSet::new(),
            max,
        }
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// When an entry was last touched.
    pub(crate) fn last<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Instant>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|(last, _)| *last)
    }

    /// The entry, made where there is none, as touched now.
    pub(crate) fn touch(&mut self, now: Instant, key: K) -> &mut V {
        let value = self.take(&key).unwrap_or_default();
        self.put(now, key, value)
    }

    /// When any was last touched.
    pub(crate) fn newest(&self) -> Option<Instant> {
        self.order.last().map(|(last, _)| *last)
    }

    /// Puts an entry in the place of what is there, as touched now.
    pub(crate) fn put(&mut self, now: Instant, key: K, value: V) -> &mut V {
        self.take(&key);
        if self.entries.len() >= self.max {
            self.forget_one(now);
        }
        self.order.insert((now, key.clone()));
        let (_, value) = self.entries.entry(key).or_insert((now, value));
        value
    }

    /// Forgets the oldest of which nothing holds. Those before it count as touched now, so that
    /// they are not looked at again soon.
    fn forget_one(&mut self, now: Instant) {
        let holds = |key: &K| {
            let entry = self.entries.get(key);
            entry.is_some_and(|(_, value)| value.holds(now))
        };
        let oldest = self.order.iter().take(HOLD_MAX);
        let kept: Vec<_> = oldest.take_while(|(_, key)| holds(key)).cloned().collect();
        let victim = self
            .order
            .iter()
            .nth(kept.len())
            .or_else(|| kept.first())
            .cloned();
        if let Some((_, key)) = victim {
            self.take(&key);
        }
        for entry in kept {
            // The victim may be one of them.
            if self.order.remove(&entry) {
                let (_, key) = entry;
                if let Some((last, _)) = self.entries.get_mut(&key) {
                    *last = now;
                }
                self.order.insert((now, key));
            }
        }
    }

    /// Takes an entry out.
    pub(crate) fn take<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, (last, value)) = self.entries.remove_entry(key)?;
        self.order.remove(&(last, key));
        Some(value)
    }

    /// Changes the entry, if there is one, without touching it.
    pub(crate) fn change<Q: Ord + ?Sized, R>(
        &mut self,
        key: &Q,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key).map(|(_, value)| change(value))
    }

    /// Changes all.
    pub(crate) fn each(&mut self, change: impl Fn(&mut V)) {
        self.entries
            .values_mut()
            .for_each(|(_, value)| change(value));
    }

    /// Changes all from this key on for as long as they belong to it.
    pub(crate) fn each_from(
        &mut self,
        first: &K,
        belongs: impl Fn(&K) -> bool,
        change: impl Fn(&mut V),
    ) {
        let entries = self.entries.range_mut(first..);
        for (_, (_, value)) in entries.take_while(|(key, _)| belongs(key)) {
            crate::work::step();
            change(value);
        }
    }

    /// Forgets those which go, from this key on for as long as they belong to it.
    pub(crate) fn forget_from(
        &mut self,
        first: &K,
        belongs: impl Fn(&K) -> bool,
        goes: impl Fn(&V) -> bool,
    ) {
        let entries = self.entries.range(first..);
        let entries = entries.take_while(|(key, _)| belongs(key));
        let gone = entries.filter(|(_, (_, value))| goes(value));
        let gone: Vec<K> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            crate::work::step();
            self.take(&key);
        }
    }

    /// How many were touched within this time.
    pub(crate) fn since(&self, then: Instant) -> usize {
        self.order
            .iter()
            .rev()
            .take_while(|(at, _)| *at > then)
            .count()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.order.len());
        self.entries.len()
    }
}

/// So many of which something holds are passed over in turn, not more: a flood must not make each
/// step slow.
const HOLD_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_one_untouched_longest_is_forgotten_first() {
        let at = |secs| Instant::ORIGIN + Duration::from_secs(secs);
        let mut lately: Lately<u8, u8> = Lately::new(2);
        *lately.touch(at(0), 1) = 11;
        *lately.touch(at(1), 2) = 12;
        assert_eq!(*lately.touch(at(2), 1), 11);
        lately.touch(at(3), 3);
        assert_eq!((lately.get(&1), lately.get(&2)), (Some(&11), None));
        assert_eq!((lately.last(&1), lately.since(at(2))), (Some(at(2)), 1));
        lately.put(at(4), 1, 21);
        assert_eq!((lately.take(&1), lately.len()), (Some(21), 1));
    }

    #[derive(Default)]
    struct Held(bool);

    impl Kept for Held {
        fn holds(&self, _now: Instant) -> bool {
            self.0
        }
    }

    #[test]
    fn of_whom_something_holds_is_not_forgotten_for_others() {
        let at = |secs| Instant::ORIGIN + Duration::from_secs(secs);
        let mut lately: Lately<u64, Held> = Lately::new(100);
        lately.touch(at(0), 0).0 = true;
        for key in 1..10_000 {
            lately.touch(at(key), key);
        }
        assert!(lately.get(&0).is_some() && lately.len() == 100);
        lately.each(|it| it.0 = true);
        lately.touch(at(10_000), 10_000);
        assert_eq!(lately.len(), 100, "there is room whatever holds");
    }
}
