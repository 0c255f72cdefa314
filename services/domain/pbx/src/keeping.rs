//! When the registrations are handed to the store.
//!
//! A phone that came or went is worth a write at once: a crash of this process must not lose it. A
//! refresh only tells that a known contact holds longer, and waits: otherwise every office would
//! write to its disk all day long.

use std::time::Duration;

use sansio::Instant;

/// Changes of a moment are kept together.
const CHANGE_DELAY: Duration = Duration::from_millis(200);
/// What a crash may cost of a contact's time: a fraction of what phones ask for, and they register
/// again at half of that.
const REFRESH_DELAY: Duration = Duration::from_secs(60);
/// Pause between two writes for each contact written, so that a thousand phones that come back
/// after a power cut are not written a thousand times.
const SPACING_PER_CONTACT: Duration = Duration::from_millis(5);
/// The longest pause.
const SPACING_MAX: Duration = Duration::from_secs(5);

/// What is not kept yet, and until when it may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Keeping {
    due: Option<Instant>,
    not_before: Option<Instant>,
}

impl Keeping {
    /// A contact came, went, or is reached another way.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.wants(now + CHANGE_DELAY);
    }

    /// A contact holds longer.
    pub(crate) fn refreshed(&mut self, now: Instant) {
        self.wants(now + REFRESH_DELAY);
    }

    /// Whether to write now; at the end of the process, whatever is not kept.
    pub(crate) fn take_due(&mut self, now: Instant, contacts: usize, stopping: bool) -> bool {
        let due = self.due.is_some_and(|due| due <= now || stopping);
        if due {
            self.due = None;
            let contacts = u32::try_from(contacts).unwrap_or(u32::MAX);
            let spacing = SPACING_PER_CONTACT
                .saturating_mul(contacts)
                .min(SPACING_MAX);
            self.not_before = Some(now + spacing);
        }
        due
    }

    /// When [`Self::take_due`] wants to be asked.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn wants(&mut self, at: Instant) {
        let at = self.not_before.map_or(at, |earliest| earliest.max(at));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(millis)
    }

    #[test]
    fn a_phone_that_came_is_kept_at_once_and_a_refresh_when_it_suits() {
        let mut keeping = Keeping::default();
        keeping.refreshed(at(0));
        assert_eq!(keeping.deadline(), Some(at(60_000)));
        keeping.changed(at(100));
        assert_eq!(keeping.deadline(), Some(at(300)));
        assert!(!keeping.take_due(at(299), 10, false));
        assert!(keeping.take_due(at(300), 10, false));
        assert_eq!(keeping.deadline(), None);
    }

    #[test]
    fn many_contacts_are_written_seldom() {
        let mut keeping = Keeping::default();
        keeping.changed(at(0));
        assert!(keeping.take_due(at(200), 1_000, false));
        keeping.changed(at(201));
        assert_eq!(keeping.deadline(), Some(at(5_200)));
    }

    #[test]
    fn the_end_of_the_process_waits_for_nothing() {
        let mut keeping = Keeping::default();
        assert!(!keeping.take_due(at(0), 1, true), "nothing is new");
        keeping.refreshed(at(0));
        assert!(keeping.take_due(at(1), 1, true));
    }
}
