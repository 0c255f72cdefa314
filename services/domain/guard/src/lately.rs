//! A map that holds so many entries and forgets the ones untouched longest.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use sansio::Instant;

/// Entries by key, and when each was last touched.
#[derive(Clone, Debug)]
pub(crate) struct Lately<K, V> {
    entries: BTreeMap<K, (Instant, V)>,
    order: BTreeSet<(Instant, K)>,
    max: usize,
}

impl<K: Ord + Clone, V: Default> Lately<K, V> {
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
        if self.entries.len() >= self.max
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.order.insert((now, key.clone()));
        let (_, value) = self.entries.entry(key).or_insert((now, value));
        value
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
}
