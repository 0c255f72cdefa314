//! What is looked for among call records, and what is counted of them.

use serde::{Deserialize, Serialize};

/// What somebody looks for among call records; what is empty asks for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CallSearch {
    /// A number that was in the call, whole and however it is written: `config::is_same_number`
    /// says which are the same. Of a million calls those of a number are found at once; a part of
    /// a number would have to be looked for in all.
    pub number: String,
    /// Begun at this time or later, milliseconds since 1970.
    pub from_millis: Option<i64>,
    /// Begun before this time, milliseconds since 1970.
    pub until_millis: Option<i64>,
    /// Whether somebody answered it.
    pub answered: Option<bool>,
    /// Which way it went.
    pub direction: Option<Direction>,
}

/// Which way a call went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Direction {
    /// From outside, by a trunk.
    Inbound,
    /// By a trunk, from an extension.
    Outbound,
    /// By no trunk.
    Inside,
}

/// Calls that began within a span of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CallCount {
    /// Somebody answered.
    pub answered: u32,
    /// They ended before somebody did.
    pub unanswered: u32,
}

/// Spans of time that follow each other, all of one length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Spans {
    /// Where the first begins, milliseconds since 1970.
    pub from_millis: i64,
    /// How long each is; at least 1.
    pub span_millis: i64,
    /// How many; at most [`SPANS_MAX`] are looked at.
    pub count: u16,
}

/// Most spans that are counted at once.
pub const SPANS_MAX: u16 = 1000;

impl Spans {
    /// Which of them a time lies in.
    #[must_use]
    pub fn place(&self, millis: i64) -> Option<usize> {
        let since = millis.checked_sub(self.from_millis)?;
        let place = since.checked_div_euclid(self.span_millis)?;
        let place = usize::try_from(place).ok()?;
        (place < self.len()).then_some(place)
    }

    /// How many are looked at.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.count.min(SPANS_MAX))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_lies_in_one_span_or_in_none() {
        let spans = Spans {
            from_millis: 1000,
            span_millis: 100,
            count: 3,
        };
        let check = |millis, expected| assert_eq!(spans.place(millis), expected, "{millis}");
        check(999, None);
        check(1000, Some(0));
        check(1099, Some(0));
        check(1299, Some(2));
        check(1300, None);
        check(i64::MIN, None);
        let none = Spans {
            span_millis: 0,
            ..spans
        };
        assert_eq!(none.place(1000), None);
    }
}
