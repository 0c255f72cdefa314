//! How often something happened lately.

use std::collections::VecDeque;

use config::GuardRule;
use sansio::Instant;

use crate::lately::Kept;

/// When something happened, as far back as any rule looks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window(VecDeque<Instant>);

impl Kept for Window {}
impl Kept for [Window; 2] {}

impl Window {
    /// It happened once more: whether that is too often now.
    pub(crate) fn count(&mut self, now: Instant, rule: &GuardRule) -> bool {
        self.0.push_back(now);
        if self.0.len() > COUNT_MAX {
            self.0.pop_front();
        }
        let first = self.0.len().checked_sub(usize::from(rule.count));
        let first = first.and_then(|at| self.0.get(at));
        first.is_some_and(|first| now - *first < rule.within)
    }

    /// The same; when it is, it is counted from nothing.
    pub(crate) fn is_over(&mut self, now: Instant, rule: &GuardRule) -> bool {
        let is_over = self.count(now, rule);
        if is_over {
            self.clear();
        }
        is_over
    }

    /// Counts from nothing.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The most that a rule may allow.
const COUNT_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_too_often_with_the_last_of_the_count_within_the_time() {
        let rule = |count| GuardRule {
            count,
            within: Duration::from_secs(10),
            only_report: false,
        };
        let at = |secs| Instant::ORIGIN + Duration::from_secs(secs);
        let mut window = Window::default();
        let counted = [0, 4, 10, 11, 13].map(|secs| window.count(at(secs), &rule(3)));
        assert_eq!(counted, [false, false, false, true, true]);
        assert!(
            !window.count(at(14), &rule(5)),
            "the first of five was at 4"
        );
        window.clear();
        assert!(!window.count(at(14), &rule(3)));
        assert!(window.count(at(14), &rule(1)));
    }
}
