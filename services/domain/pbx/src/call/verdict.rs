//! What the caller is told when nobody answered.

use ipc::store::Outcome;
use sip::StatusCode;

/// The verdict over every target's last word (RFC 3261 §16.7 step 6).
pub(super) fn verdict(failures: &[u16]) -> (StatusCode, Outcome) {
    // A phone's word counts more than a phone's silence, and "busy" more than other words.
    let best = failures.iter().copied().min_by_key(|status| match status {
        486 | 600 | 603 => 0,
        408 => 3,
        400..=499 => 1,
        _ => 2,
    });
    match best {
        Some(408) | None => (StatusCode::TEMPORARILY_UNAVAILABLE, Outcome::Unreachable),
        // Not for the caller: he cannot log in there, nor follow.
        Some(300..=399 | 401 | 407 | 487) => {
            (StatusCode::TEMPORARILY_UNAVAILABLE, Outcome::Refused)
        }
        // 503 would shun all of us (RFC 3261 §16.7).
        Some(503) => (StatusCode::SERVER_INTERNAL_ERROR, Outcome::Refused),
        Some(404) => (StatusCode::NOT_FOUND, Outcome::NotFound),
        Some(other) => {
            let fallback = StatusCode::TEMPORARILY_UNAVAILABLE;
            (StatusCode::new(other).unwrap_or(fallback), Outcome::Refused)
        }
    }
}

/// Whether a status says that its target was busy, for where a busy one's calls go.
pub(super) const fn is_busy(status: u16) -> bool {
    matches!(status, 486 | 600 | 603)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_word_wins() {
        let check = |failures: &[u16], status: u16, outcome| {
            let (told, recorded) = verdict(failures);
            assert_eq!((told.code(), recorded), (status, outcome), "{failures:?}");
        };
        check(&[], 480, Outcome::Unreachable);
        check(&[408, 408], 480, Outcome::Unreachable);
        check(&[408, 503, 486], 486, Outcome::Refused);
        check(&[503], 500, Outcome::Refused);
        check(&[401], 480, Outcome::Refused);
        check(&[302, 408], 480, Outcome::Refused);
        check(&[488, 408], 488, Outcome::Refused);
    }
}
