//! Sessions: who is signed in, for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use sansio::{Entropy, Instant};
use sha2::{Digest, Sha256};

/// The hash a session is known by; the token itself is held by the browser alone.
pub(crate) type SessionId = [u8; 32];

/// Somebody signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Their sign-in name.
    pub(crate) login: String,
    /// Fingerprint of the password hash they signed in with: when it changes, the session ends.
    pub(crate) credential: [u8; 32],
    /// They signed in with a one-time password and may do nothing but change it.
    pub(crate) must_change: bool,
    /// They said the password, and not yet the code of their second factor.
    pub(crate) awaits_code: bool,
    /// Which it is since the start, under whatever token.
    number: u64,
    opened: Instant,
    used: Instant,
    /// When the password was said last; never in a session that a passkey opened.
    proved: Option<Instant>,
    /// When a passkey was used last to say who it is.
    shown: Option<Instant>,
    /// Wrong passwords said since.
    wrong: u8,
}

/// How somebody says again who he is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Proof {
    Password,
    Passkey,
}

/// What stands between a new session and all that its owner may do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stage {
    pub(crate) must_change: bool,
    pub(crate) awaits_code: bool,
    /// A passkey opened it: no password was said.
    pub(crate) is_by_passkey: bool,
}

/// Every session. Kept in memory only: a restart of `web` signs everybody out.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    live: BTreeMap<SessionId, Session>,
    opened: u64,
}

impl Sessions {
    /// Opens a session and returns its token for the cookie.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        entropy: &Entropy,
        login: &str,
        credential: [u8; 32],
        stage: Stage,
    ) -> String {
        self.live.retain(|_, session| session.is_live(now));
        self.make_room(login);
        let token = hex::encode(entropy.bytes());
        let login = login.to_owned();
        self.opened = self.opened.saturating_add(1);
        let session = Session {
            login,
            credential,
            must_change: stage.must_change,
            awaits_code: stage.awaits_code,
            number: self.opened,
            opened: now,
            used: now,
            proved: (!stage.is_by_passkey).then_some(now),
            shown: None,
            wrong: 0,
        };
        self.live.insert(fingerprint(token.as_bytes()), session);
        token
    }

    /// The live session of a token.
    pub(crate) fn find(&mut self, now: Instant, token: &str) -> Option<(SessionId, Session)> {
        let id = fingerprint(token.as_bytes());
        let session = self.live.get(&id)?;
        if !session.is_live(now) {
            self.live.remove(&id);
            return None;
        }
        Some((id, session.clone()))
    }

    /// Starts the idle time of a session anew: not for what a page asks by itself, or an open
    /// window would keep its session for ever.
    pub(crate) fn touch(&mut self, id: &SessionId, now: Instant) {
        if let Some(session) = self.live.get_mut(id) {
            session.used = now;
        }
    }

    /// The password was said again, or a passkey used: the session goes on under another token,
    /// which whoever did is given. One that was stolen before is worth nothing from then on. `None`
    /// when the session has ended.
    pub(crate) fn prove(
        &mut self,
        id: &SessionId,
        now: Instant,
        entropy: &Entropy,
        by: Proof,
    ) -> Option<(String, SessionId, Session)> {
        let session = self.live.remove(id).filter(|it| it.is_live(now))?;
        let (proved, shown) = match by {
            Proof::Password => (Some(now), session.shown),
            Proof::Passkey => (session.proved, Some(now)),
        };
        let session = Session {
            used: now,
            proved,
            shown,
            wrong: 0,
            ..session
        };
        let token = hex::encode(entropy.bytes());
        let id = fingerprint(token.as_bytes());
        self.live.insert(id, session.clone());
        Some((token, id, session))
    }

    /// A wrong password was said, or a wrong passkey used; answers whether the session has ended by
    /// it.
    pub(crate) fn doubt(&mut self, id: &SessionId) -> bool {
        let Some(session) = self.live.get_mut(id) else {
            return true;
        };
        session.wrong = session.wrong.saturating_add(1);
        let ends = session.wrong >= WRONG_MAX;
        if ends {
            self.live.remove(id);
        }
        ends
    }

    /// Whether it goes on.
    pub(crate) fn has(&self, id: &SessionId) -> bool {
        self.live.contains_key(id)
    }

    /// The code was said too: the session is a whole one, under another token, which whoever said
    /// it is given. Who planted the half one in a browser has nothing of it. `None` when it has
    /// ended.
    pub(crate) fn complete(&mut self, id: &SessionId, entropy: &Entropy) -> Option<String> {
        let session = self.live.remove(id)?;
        let session = Session {
            awaits_code: false,
            ..session
        };
        let token = hex::encode(entropy.bytes());
        self.live.insert(fingerprint(token.as_bytes()), session);
        Some(token)
    }

    /// Ends every session of a person but one.
    pub(crate) fn close_but(&mut self, login: &str, keep: SessionId) {
        self.live
            .retain(|id, session| session.login != login || *id == keep);
    }

    /// Which session a token is of.
    pub(crate) fn number(&self, token: &str) -> Option<u64> {
        let session = self.live.get(&fingerprint(token.as_bytes()));
        session.map(|it| it.number)
    }

    /// Whether somebody is wholly signed in by a session.
    pub(crate) fn is_whole(&self, now: Instant, number: u64) -> bool {
        let mut live = self.live.values();
        live.any(|it| it.number == number && !it.awaits_code && it.is_live(now))
    }

    /// Ends one session.
    pub(crate) fn close(&mut self, id: &SessionId) {
        self.live.remove(id);
    }

    /// Ends every session of a person.
    pub(crate) fn close_all_of(&mut self, login: &str) {
        self.live.retain(|_, session| session.login != login);
    }

    /// Ends every session that is nobody's any more.
    pub(crate) fn keep_those(&mut self, is_somebodys: impl Fn(&Session) -> bool) {
        self.live.retain(|_, session| is_somebodys(session));
    }

    /// Drops the sessions longest unused until one more of this person fits: of his own when he has
    /// too many, else of whoever has most.
    fn make_room(&mut self, login: &str) {
        loop {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for session in self.live.values() {
                let count = counts.entry(&session.login).or_default();
                *count = count.saturating_add(1);
            }
            let own = counts.get(login).copied().unwrap_or_default();
            let crowding = if own >= SESSIONS_PER_PERSON_MAX {
                Some(login)
            } else if self.live.len() < SESSIONS_MAX {
                return;
            } else {
                let most = counts.iter().max_by_key(|(_, count)| **count);
                most.map(|(login, _)| *login)
            };
            let sessions = self.live.iter();
            let theirs = sessions.filter(|(_, it)| Some(it.login.as_str()) == crowding);
            let oldest = theirs.min_by_key(|(_, it)| it.used).map(|(id, _)| *id);
            let Some(oldest) = oldest else { return };
            self.live.remove(&oldest);
        }
    }
}

impl Session {
    /// Whether it was said lately enough who it is, for what cannot be taken back.
    pub(crate) fn is_sure(&self, now: Instant) -> bool {
        let shown = self.shown.is_some_and(|at| now - at < PROOF_MAX);
        self.has_said_password(now) || shown
    }

    /// Whether it was the password that was said lately.
    pub(crate) fn has_said_password(&self, now: Instant) -> bool {
        self.proved.is_some_and(|at| now - at < PROOF_MAX)
    }

    /// Whether the password was ever said in it: whoever has found a phone and its PIN has not.
    pub(crate) const fn knows_password(&self) -> bool {
        self.proved.is_some()
    }

    fn is_live(&self, now: Instant) -> bool {
        let in_time = !self.awaits_code || now - self.opened < CODE_TIME;
        in_time && now - self.used < IDLE_MAX && now - self.opened < LIFE_MAX
    }
}

/// SHA-256. Enough for tokens (256 random bits) and for telling one stored hash from another.
pub(crate) fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A session nobody used for this long is over.
const IDLE_MAX: Duration = Duration::from_secs(15 * 60);
/// A session is over after this long whatever was done in it.
const LIFE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// For so long the code of a second factor may follow the password.
const CODE_TIME: Duration = Duration::from_secs(5 * 60);
/// For so long a password that was typed stands for the one who typed it.
const PROOF_MAX: Duration = Duration::from_secs(5 * 60);
/// Whoever is wrong about the password so often in one session is not its owner.
const WRONG_MAX: u8 = 5;
/// About 200 bytes each; more administrators than this do not look at one box.
const SESSIONS_MAX: usize = 512;
/// Programs that sign in and never out must not push others out.
const SESSIONS_PER_PERSON_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn open(sessions: &mut Sessions, now: Instant, seed: u8, login: &str) -> String {
        sessions.open(
            now,
            &Entropy::new([seed; 32]),
            login,
            [0; 32],
            Stage::default(),
        )
    }

    fn find(sessions: &mut Sessions, now: Instant, token: &str, touch: bool) -> bool {
        let found = sessions.find(now, token);
        if let Some((id, _)) = found.as_ref().filter(|_| touch) {
            sessions.touch(id, now);
        }
        found.is_some()
    }

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(secs)
    }

    #[test]
    fn a_session_ends_after_fifteen_idle_minutes() {
        let mut sessions = Sessions::default();
        let token = open(&mut sessions, at(0), 1, "ana");
        assert!(find(&mut sessions, at(899), &token, true));
        assert!(
            find(&mut sessions, at(899 + 899), &token, false),
            "a look without touch"
        );
        assert!(!find(&mut sessions, at(899 + 900), &token, true));
    }

    #[test]
    fn a_session_ends_after_twelve_hours_of_work() {
        let mut sessions = Sessions::default();
        let token = open(&mut sessions, at(0), 1, "ana");
        for minute in 1..720 {
            assert!(
                find(&mut sessions, at(minute * 60), &token, true),
                "minute {minute}"
            );
        }
        assert!(!find(&mut sessions, at(720 * 60), &token, true));
    }

    #[test]
    fn the_token_itself_is_not_kept() {
        let mut sessions = Sessions::default();
        let token = open(&mut sessions, at(0), 7, "ana");
        assert_eq!(token.len(), 64, "256 bits in hex");
        let kept = format!(
            "{:?}",
            sessions.live.keys().map(hex::encode).collect::<Vec<_>>()
        );
        assert!(!kept.contains(&token));
    }

    #[test]
    fn one_person_cannot_crowd_out_another() {
        let mut sessions = Sessions::default();
        let anas = open(&mut sessions, at(0), 255, "ana");
        for seed in 0..200 {
            open(&mut sessions, at(1), seed, "robot");
        }
        assert!(find(&mut sessions, at(2), &anas, true));
        assert_eq!(sessions.live.len(), 1 + SESSIONS_PER_PERSON_MAX);
    }

    #[test]
    fn many_with_many_sessions_do_not_crowd_out_one_with_one() {
        let mut sessions = Sessions::default();
        let anas = open(&mut sessions, at(0), 255, "ana");
        for number in 0..640_u16 {
            let mut bytes = [1; 32];
            bytes[..2].copy_from_slice(&number.to_le_bytes());
            let (entropy, login) = (Entropy::new(bytes), format!("robot{}", number / 16));
            sessions.open(at(1), &entropy, &login, [0; 32], Stage::default());
        }
        assert!(find(&mut sessions, at(2), &anas, true));
        assert_eq!(sessions.live.len(), SESSIONS_MAX);
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let mut sessions = Sessions::default();
        for number in 0..600_u16 {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&number.to_le_bytes());
            sessions.open(
                at(0),
                &Entropy::new(bytes),
                &format!("p{number}"),
                [0; 32],
                Stage::default(),
            );
        }
        assert_eq!(sessions.live.len(), SESSIONS_MAX);
    }
}
