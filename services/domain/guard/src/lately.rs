//! A map that holds so many entries and forgets the ones untouched longest.

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

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The entry, made where there is none, as touched now.
    pub(crate) fn touch(&mut self, now: Instant, key: K) -> &mut V {
        match self.entries.get(&key) {
            Some((last, _)) => {
                self.order.remove(&(*last, key.clone()));
            }
            None if self.entries.len() >= self.max => {
                if let Some((_, oldest)) = self.order.pop_first() {
                    self.entries.remove(&oldest);
                }
            }
            None => {}
        }
        self.order.insert((now, key.clone()));
        let (last, value) = self.entries.entry(key).or_insert((now, V::default()));
        *last = now;
        value
    }

    /// Changes the entry, if there is one, without touching it.
    pub(crate) fn change<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        self.entries.get_mut(key).map(|(_, value)| change(value))
    }

    /// Changes all of which the key is one.
    pub(crate) fn each_of(&mut self, is_one: impl Fn(&K) -> bool, change: impl Fn(&mut V)) {
        let entries = self.entries.iter_mut().filter(|(key, _)| is_one(key));
        entries.for_each(|(_, (_, value))| change(value));
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some((last, _)) = self.entries.remove(key) {
            self.order.remove(&(last, key.clone()));
        }
    }

    /// Forgets those for which `is_kept` says no.
    pub(crate) fn retain(&mut self, mut is_kept: impl FnMut(&K, &V) -> bool) {
        self.entries.retain(|key, (_, value)| is_kept(key, value));
        let entries = &self.entries;
        self.order.retain(|(_, key)| entries.contains_key(key));
    }

    /// How many there are of which it is so.
    pub(crate) fn count(&self, is_so: impl Fn(&V) -> bool) -> usize {
        self.entries.values().filter(|(_, it)| is_so(it)).count()
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
        lately.remove(&1);
        lately.retain(|key, _| *key != 3);
        assert_eq!(lately.len(), 0);
    }
}
