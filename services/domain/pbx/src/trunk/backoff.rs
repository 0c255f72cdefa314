//! How long to wait before trying again.

use std::time::Duration;

use sansio::Rng;

/// After the first failure: long enough for a carrier's switch-over, short enough for an office.
const BASE: Duration = Duration::from_secs(5);
/// The longest wait after failures that pass by themselves.
const LONGEST: Duration = Duration::from_secs(300);
/// After a refusal that a person has to clear up: the account is wrong or blocked, and knocking on
/// makes it worse (pbx trap 23).
const REFUSED: Duration = Duration::from_secs(300);
/// The longest wait after such refusals, and the longest a Retry-After is honoured.
pub(super) const REFUSED_LONGEST: Duration = Duration::from_secs(3600);

/// Twice as long after each failure, and half of it by chance, so that a carrier that comes back is
/// not met by all its customers at once (RFC 5626 §4.5).
pub(super) fn after_failure(failures: u32, rng: &mut Rng) -> Duration {
    jittered(doubled(BASE, failures, LONGEST), rng)
}

/// The same after refusals for good.
pub(super) fn after_refusal(refusals: u32, rng: &mut Rng) -> Duration {
    jittered(doubled(REFUSED, refusals, REFUSED_LONGEST), rng)
}

/// When to refresh what holds so long: between 80 and 90 percent of it.
pub(super) fn refresh(granted: Duration, rng: &mut Rng) -> Duration {
    let percent = u32::try_from(80 + rng.below(11)).unwrap_or(80);
    granted.saturating_mul(percent) / 100
}

fn doubled(base: Duration, times: u32, longest: Duration) -> Duration {
    let factor = 1_u32
        .checked_shl(times.saturating_sub(1))
        .unwrap_or(u32::MAX);
    base.saturating_mul(factor.max(1)).min(longest)
}

fn jittered(wait: Duration, rng: &mut Rng) -> Duration {
    let percent = u32::try_from(50 + rng.below(51)).unwrap_or(50);
    wait.saturating_mul(percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_vary() {
        let mut rng = Rng::from_seed(3);
        for (failures, least, most) in [
            (1, 2_500, 5_000),
            (2, 5_000, 10_000),
            (7, 150_000, 300_000),
            (200, 150_000, 300_000),
        ] {
            for _ in 0..50 {
                let wait = after_failure(failures, &mut rng).as_millis();
                assert!((least..=most).contains(&wait), "{failures}: {wait}");
            }
        }
        let refused = after_refusal(1, &mut rng);
        assert!(refused >= REFUSED / 2 && refused <= REFUSED);
        assert!(after_refusal(40, &mut rng) <= REFUSED_LONGEST);
    }

    #[test]
    fn a_registration_is_refreshed_well_before_it_ends() {
        let mut rng = Rng::from_seed(3);
        for _ in 0..50 {
            let at = refresh(Duration::from_secs(100), &mut rng).as_secs();
            assert!((80..=90).contains(&at), "{at}");
        }
    }
}
