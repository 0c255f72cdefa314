//! Guesses of PINs, over all calls (F7).
//!
//! Three tries a call would be ten thousand in an hour. After some wrong ones no PIN of the
//! extension is taken for a while, twice as long after each further one, and the same for the line
//! the calls come from. Whoever has the password of an extension can so keep its people from their
//! PIN, and from nothing else: routes without one and emergencies never ask.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sansio::{Instant, network_of};

/// Wrong tries from one line that cost nothing: people mistype.
const FREE_OF_SOURCE: u32 = 3;
/// Those of one extension: more, so that a thief elsewhere does not at once stop its people.
const FREE_OF_EXTENSION: u32 = 6;
/// The first lock; each further wrong try doubles it.
const LOCK_MIN: Duration = Duration::from_secs(60);
/// The longest one: two dozen guesses a day.
const LOCK_MAX: Duration = Duration::from_secs(3_600);
/// After so long without a wrong try everything is forgotten.
const FORGET: Duration = Duration::from_secs(24 * 3_600);
/// Most that is remembered of either kind; the ones longest ago are forgotten first.
const REMEMBERED_MAX: usize = 1_000;

/// Who guessed wrong lately.
#[derive(Clone, Debug, Default)]
pub(super) struct PinGuard {
    extensions: BTreeMap<String, Wrong>,
    sources: BTreeMap<IpAddr, Wrong>,
}

/// Wrong tries.
#[derive(Clone, Copy, Debug)]
struct Wrong {
    tries: u32,
    last: Instant,
}

/// What of an extension outlives a restart: wrong tries, and how many seconds ago the last was. A
/// source is not kept: the extension's own count bounds guessing already.
pub(super) type Row = (String, u32, u32);

impl PinGuard {
    /// Whether no PIN is taken now.
    pub(super) fn is_locked(&self, extension: &str, source: IpAddr, now: Instant) -> bool {
        let of_extension = self.extensions.get(extension);
        let of_source = self.sources.get(&network_of(source));
        of_extension.is_some_and(|wrong| wrong.is_locked(FREE_OF_EXTENSION, now))
            || of_source.is_some_and(|wrong| wrong.is_locked(FREE_OF_SOURCE, now))
    }

    /// A wrong PIN.
    pub(super) fn wrong(&mut self, extension: &str, source: IpAddr, now: Instant) {
        count(&mut self.extensions, extension.to_owned(), now);
        count(&mut self.sources, network_of(source), now);
    }

    /// The right PIN: its extension is known to be in good hands.
    pub(super) fn right(&mut self, extension: &str, source: IpAddr) {
        self.extensions.remove(extension);
        self.sources.remove(&network_of(source));
    }

    /// What has to outlive a restart.
    pub(super) fn rows(&self, now: Instant) -> Vec<Row> {
        let row = |(extension, wrong): (&String, &Wrong)| {
            let ago = u32::try_from((now - wrong.last).as_secs()).unwrap_or(u32::MAX);
            (extension.clone(), wrong.tries, ago)
        };
        self.extensions.iter().map(row).collect()
    }

    /// Goes on from what an earlier process knew; a restart never forgives.
    pub(super) fn restore(&mut self, rows: &[Row], now: Instant) {
        for (extension, tries, ago) in rows.iter().take(REMEMBERED_MAX) {
            let nanos = u64::from(*ago).saturating_mul(1_000_000_000);
            let last = Instant::from_nanos(now.as_nanos().saturating_sub(nanos));
            let tries = *tries;
            self.extensions
                .insert(extension.clone(), Wrong { tries, last });
        }
    }
}

impl Wrong {
    fn is_locked(&self, free: u32, now: Instant) -> bool {
        let Some(beyond) = self.tries.checked_sub(free) else {
            return false;
        };
        let lock = LOCK_MIN.saturating_mul(2_u32.saturating_pow(beyond));
        now - self.last < lock.min(LOCK_MAX)
    }
}

fn count<K: Ord + Clone>(all: &mut BTreeMap<K, Wrong>, key: K, now: Instant) {
    all.retain(|_, wrong| now - wrong.last < FORGET);
    if all.len() >= REMEMBERED_MAX && !all.contains_key(&key) {
        let oldest = all.iter().min_by_key(|(_, wrong)| wrong.last);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            all.remove(&oldest);
        }
    }
    let wrong = all.entry(key).or_insert(Wrong {
        tries: 0,
        last: now,
    });
    wrong.tries = wrong.tries.saturating_add(1);
    wrong.last = now;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(100_000 + secs)
    }

    fn source(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_source_is_locked_longer_with_each_wrong_pin() {
        let mut guard = PinGuard::default();
        let locked = |guard: &PinGuard, secs| guard.is_locked("100", source(1), at(secs));
        for _ in 0..2 {
            guard.wrong("100", source(1), at(0));
        }
        assert!(!locked(&guard, 0));
        guard.wrong("100", source(1), at(0));
        assert!(locked(&guard, 59) && !locked(&guard, 60));
        guard.wrong("100", source(1), at(60));
        assert!(locked(&guard, 179) && !locked(&guard, 180));
        for tries in 0..40 {
            guard.wrong("100", source(1), at(200 + tries));
        }
        assert!(locked(&guard, 3_838) && !locked(&guard, 3_839));
        // Neither another line nor another extension there has anything to do with it.
        assert!(!PinGuard::default().is_locked("100", source(1), at(0)));
        guard.right("100", source(1));
        assert!(!locked(&guard, 240));
    }

    #[test]
    fn an_extension_is_locked_wherever_the_guesses_come_from() {
        let mut guard = PinGuard::default();
        for last in 0..5 {
            guard.wrong("100", source(last), at(0));
        }
        assert!(!guard.is_locked("100", source(9), at(0)));
        guard.wrong("100", source(5), at(0));
        assert!(guard.is_locked("100", source(9), at(0)));
        assert!(!guard.is_locked("101", source(9), at(0)));
    }

    #[test]
    fn a_restart_forgives_nothing_and_a_day_everything() {
        let mut guard = PinGuard::default();
        for _ in 0..9 {
            guard.wrong("100", source(1), at(0));
        }
        let mut next = PinGuard::default();
        next.restore(&guard.rows(at(100)), at(5_000));
        assert!(next.is_locked("100", source(1), at(5_000 + 379)));
        assert!(!next.is_locked("100", source(1), at(5_000 + 380)));
        guard.wrong("101", source(2), at(24 * 3_600));
        assert_eq!(guard.rows(at(24 * 3_600)).len(), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut guard = PinGuard::default();
        for line in 0..2_000_u32 {
            let [_, _, high, low] = line.to_be_bytes();
            let source = IpAddr::from([10, 0, high, low]);
            guard.wrong(&line.to_string(), source, at(u64::from(line)));
        }
        assert_eq!(guard.sources.len(), REMEMBERED_MAX);
        assert_eq!(guard.extensions.len(), REMEMBERED_MAX);
        assert!(!guard.extensions.contains_key("0"));
    }
}
