//! Session timers (RFC 4028): a session that nobody refreshes ends.

use std::time::Duration;

use sansio::Instant;
use sip::{HeaderName, Headers, Refresher, Request, Response, SessionExpires};

use super::{Profile, Use};

/// The shortest interval there is (RFC 4028 §4), and the shortest we take.
pub(super) const MIN_SE: u32 = 90;
/// Its option tag.
pub(super) const TIMER: &str = "timer";
/// How long before the end of the interval the session is given up (RFC 4028 §10).
const GIVE_UP_EARLY_MAX: u32 = 32;
/// After a refresh that was refused for another reason, seconds.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The first refresh after a restart: not while peers and calls are still finding one another.
const RESTORED_AFTER: Duration = Duration::from_secs(2);
/// The refreshes of all legs after a restart are spread over this time.
const RESTORED_SPREAD_MILLIS: u64 = 30_000;

/// The timer of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionTimer {
    /// The interval agreed, seconds; 0 without one.
    pub(super) interval: u32,
    /// We refresh.
    pub(super) ours: bool,
    /// The least interval we were told of, seconds.
    pub(super) least: u32,
    /// When we refresh next.
    refresh_at: Option<Instant>,
    /// When the session is over.
    pub(super) expires_at: Option<Instant>,
}

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Nothing,
    /// A refresh of ours.
    Refresh,
    /// The end.
    Expired,
}

impl SessionTimer {
    /// Starts anew, as every refresh does; 0 stops.
    pub(super) fn start(&mut self, now: Instant, interval: u32, ours: bool) {
        self.interval = interval;
        self.ours = ours;
        if interval == 0 {
            (self.refresh_at, self.expires_at) = (None, None);
            return;
        }
        let early = GIVE_UP_EARLY_MAX.min(interval / 3);
        let left = u64::from(interval.saturating_sub(early));
        self.expires_at = Some(now + Duration::from_secs(left));
        let half = Duration::from_millis(u64::from(interval) * 500);
        self.refresh_at = ours.then(|| now + half);
    }

    /// As it was in an earlier process: a session of ours to refresh is refreshed soon, which also
    /// tells whether the peer is still there. `seed` spreads the legs of a site over half a minute;
    /// an eighth of the interval after its half is still before any peer gives up.
    pub(super) fn restored(
        now: Instant,
        (interval, ours, least): (u32, bool, u32),
        seed: u64,
    ) -> Self {
        let mut timer = Self {
            least,
            ..Self::default()
        };
        timer.start(now, interval, ours);
        let spread = RESTORED_AFTER + Duration::from_millis(seed % RESTORED_SPREAD_MILLIS);
        let soon = spread.min(Duration::from_secs(u64::from(interval)) / 8);
        timer.refresh_at = timer.refresh_at.map(|_| now + soon);
        timer
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.refresh_at.into_iter().chain(self.expires_at).min()
    }

    pub(super) fn timer(&mut self, now: Instant) -> Due {
        if self.expires_at.take_if(|at| *at <= now).is_some() {
            self.refresh_at = None;
            return Due::Expired;
        }
        match self.refresh_at.take_if(|at| *at <= now) {
            Some(_) => Due::Refresh,
            None => Due::Nothing,
        }
    }

    /// A refresh was refused; it is tried again until the session expires.
    pub(super) fn refused(&mut self, now: Instant) {
        if self.ours && self.interval > 0 {
            self.refresh_at = Some(now + RETRY_AFTER);
        }
    }

    /// What a first INVITE of ours asks for (RFC 4028 §7.1); the peer chooses who refreshes.
    pub(super) fn ask(&self, profile: &Profile, request: &mut Request) {
        if profile.timer == Use::Off {
            return;
        }
        let least = self.least.max(MIN_SE);
        let seconds = profile.session_interval.max(least);
        let asked = SessionExpires {
            seconds,
            refresher: None,
        };
        let headers = &mut request.headers;
        headers.set(HeaderName::SessionExpires, asked.to_string());
        headers.set(HeaderName::MinSe, least.to_string());
    }

    /// What a refresh of ours asks for: who refreshes stays the same (RFC 4028 §7.4).
    pub(super) fn ask_again(&self, request: &mut Request) {
        if self.interval == 0 {
            return;
        }
        let refresher = match self.ours {
            true => Refresher::Uac,
            false => Refresher::Uas,
        };
        let asked = SessionExpires {
            seconds: self.interval.max(self.least),
            refresher: Some(refresher),
        };
        let headers = &mut request.headers;
        headers.set(HeaderName::SessionExpires, asked.to_string());
        headers.set(HeaderName::MinSe, self.least.max(MIN_SE).to_string());
    }

    /// The answer to a request of ours says what holds (RFC 4028 §7.2).
    pub(super) fn agreed(&mut self, now: Instant, headers: &Headers) {
        match headers.session_expires() {
            Ok(Some(said)) => {
                let ours = said.refresher != Some(Refresher::Uas);
                self.start(now, said.seconds.max(MIN_SE), ours);
            }
            Ok(None) | Err(_) => self.start(now, 0, false),
        }
    }

    /// What a request asks for, if we take it; puts it into the answer (RFC 4028 §9) and starts.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        profile: &Profile,
        request: &Request,
        response: &mut Response,
    ) {
        let headers = &request.headers;
        let theirs = headers.has_option(TIMER);
        let asked = headers.session_expires().ok().flatten();
        let wanted = profile.timer != Use::Off || headers.requires(TIMER);
        if !wanted || (asked.is_none() && profile.timer == Use::Off) {
            self.start(now, 0, false);
            return;
        }
        let least = headers
            .min_se()
            .ok()
            .flatten()
            .unwrap_or(MIN_SE)
            .max(MIN_SE);
        let own = profile.session_interval.max(least);
        let seconds = asked.map_or(own, |asked| asked.seconds.min(own.max(least)));
        let refresher = match asked.and_then(|asked| asked.refresher) {
            _ if !theirs => Refresher::Uas,
            Some(named) => named,
            // It refreshes who knows how and asked: one timer less for us.
            None => Refresher::Uac,
        };
        let said = SessionExpires {
            seconds,
            refresher: Some(refresher),
        };
        response
            .headers
            .set(HeaderName::SessionExpires, said.to_string());
        if refresher == Refresher::Uac {
            response.headers.push(HeaderName::Require, TIMER);
        }
        self.start(now, seconds, refresher == Refresher::Uas);
    }
}

/// Whether a request asks for too short an interval: 422 with Min-SE (RFC 4028 §9). One whose
/// sender does not know timers cannot read that.
pub(super) fn is_too_short(profile: &Profile, request: &Request) -> bool {
    let headers = &request.headers;
    let asked = headers.session_expires().ok().flatten();
    let used = profile.timer != Use::Off || headers.requires(TIMER);
    used && headers.has_option(TIMER) && asked.is_some_and(|asked| asked.seconds < MIN_SE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_given_up_a_third_or_32_seconds_before_its_end() {
        // RFC 4028 §10; pbx trap 14.
        let check = |interval, refresh: Option<u64>, expires: u64| {
            let mut timer = SessionTimer::default();
            timer.start(Instant::ORIGIN, interval, refresh.is_some());
            let at = |seconds| Instant::ORIGIN + Duration::from_secs(seconds);
            assert_eq!(timer.refresh_at, refresh.map(at));
            assert_eq!(timer.expires_at, Some(at(expires)));
        };
        check(1800, Some(900), 1768);
        check(90, None, 60);
    }

    #[test]
    fn restored_sessions_are_refreshed_soon_but_not_all_at_once() {
        let at = |interval, seed| {
            let restored = SessionTimer::restored(Instant::ORIGIN, (interval, true, 0), seed);
            restored.refresh_at.map(|at| at - Instant::ORIGIN)
        };
        assert_eq!(at(1800, 0), Some(Duration::from_secs(2)));
        assert_eq!(at(1800, 29_999), Some(Duration::from_millis(31_999)));
        // Half of 90 s and this much after it: the peer waits 60 s.
        assert_eq!(at(90, 29_999), Some(Duration::from_millis(11_250)));
    }

    #[test]
    fn no_interval_no_timer() {
        let mut timer = SessionTimer::default();
        timer.start(Instant::ORIGIN, 90, true);
        timer.start(Instant::ORIGIN, 0, true);
        assert_eq!(timer.deadline(), None);
        timer.refused(Instant::ORIGIN);
        assert_eq!(timer.deadline(), None);
    }
}
