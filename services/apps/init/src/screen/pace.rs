//! When the page is written to a line that keeps everything: after a change, once things have
//! settled, and not too often.

use std::time::Duration;

use sansio::Instant;

/// What was written last, and what waits.
#[derive(Default)]
pub(super) struct Pace {
    seen: Vec<String>,
    due: Option<Instant>,
    written: Option<Instant>,
}

impl Pace {
    /// Whether to write the page, which says this now.
    pub(super) fn is_due(&mut self, lines: &[String], now: Instant) -> bool {
        if self.seen != lines {
            lines.clone_into(&mut self.seen);
            let settled = now + SETTLE;
            let next = self.written.map_or(settled, |at| at + PAUSE);
            // One that was asked for does not wait.
            let is_asked = self.due.is_some_and(|due| due <= now);
            self.due = Some(if is_asked { now } else { settled.max(next) });
        }
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            self.due = None;
            self.written = Some(now);
        }
        is_due
    }

    /// Somebody wants to see it: it is written at the next look.
    pub(super) const fn ask(&mut self, now: Instant) {
        self.due = Some(now);
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.due
    }
}

/// Changes come in groups: a service ends and comes back, a lease comes after a cable.
const SETTLE: Duration = Duration::from_secs(3);
/// Between two pages, whatever happens.
const PAUSE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn page(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn it_is_written_once_when_things_have_settled() {
        let mut pace = Pace::default();
        assert!(!pace.is_due(&page("a"), at(10)));
        assert_eq!(pace.deadline(), Some(at(13)));
        assert!(!pace.is_due(&page("b"), at(12)));
        assert!(!pace.is_due(&page("b"), at(13)), "it has just changed");
        assert!(pace.is_due(&page("b"), at(15)));
        assert_eq!(pace.deadline(), None);
        assert!(!pace.is_due(&page("b"), at(1000)), "nothing new");
    }

    #[test]
    fn a_service_that_ends_again_and_again_does_not_flood_the_line() {
        let mut pace = Pace::default();
        let mut written = 0;
        for second in 0..600 {
            let text = if second % 8 < 4 { "ready" } else { "waiting" };
            written += u32::from(pace.is_due(&page(text), at(second)));
        }
        assert!((10..=40).contains(&written), "{written}");
    }
}
