//! Codes of a second factor: TOTP (RFC 6238) over SHA-1 with 30 s and 6 digits, which every
//! authenticator app speaks, and codes for the day the phone with the app is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ipc::Redacted;
use ipc::site::Person;
use sansio::{Instant, UnixTime};
use sha1::Sha1;

use crate::session::{SessionId, fingerprint};

/// Seconds a code is good for (RFC 6238 §4.1).
pub(crate) const STEP_SECS: u64 = 30;
/// Bytes of a secret: what SHA-1 gives (RFC 4226 §4, R6).
const SECRET_LENGTH: usize = 20;
/// Codes for a lost phone.
const RECOVERY_CODES: usize = 10;
/// Bytes of such a code, 80 random bits: a plain hash of it is enough.
const RECOVERY_LENGTH: usize = 10;
/// What was shown and not proved by then is forgotten.
const OFFER_TIME: Duration = Duration::from_secs(10 * 60);
/// Wrong codes in a row that cost nothing.
const FREE_TRIES: u32 = 4;
/// The wait after the next; it doubles with each further one.
const WAIT_FIRST: Duration = Duration::from_secs(30);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// What is known of everybody's codes since the start; kept in memory only.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    /// The last step somebody's code was taken of: each is good once (RFC 6238 §5.2).
    used: BTreeMap<String, u64>,
    /// Codes of steps up to this one may have been used before the start.
    floor: Option<u64>,
    /// Wrong codes in a row. Whoever comes here has said the password, so no stranger can make the
    /// owner wait.
    tries: BTreeMap<String, Tries>,
    /// Secrets that were shown and not yet proved to be in an app.
    offered: BTreeMap<SessionId, Offered>,
}

#[derive(Debug)]
struct Offered {
    secret: Redacted<String>,
    at: Instant,
}

#[derive(Debug)]
struct Tries {
    wrong: u32,
    until: Instant,
}

impl Codes {
    /// Notes when codes were looked at first.
    pub(crate) fn begin(&mut self, wall: UnixTime) {
        // A code of the next step passes too, so it may have been used.
        self.floor
            .get_or_insert_with(|| step(wall).saturating_add(1));
    }

    /// Begins an attempt of somebody, counting it as wrong, or says how long to wait.
    pub(crate) fn attempt(&mut self, now: Instant, login: &str) -> Result<(), Duration> {
        let fresh = Tries {
            wrong: 0,
            until: now,
        };
        let tries = self.tries.entry(login.to_owned()).or_insert(fresh);
        let wait = tries.until - now;
        if !wait.is_zero() {
            return Err(wait);
        }
        tries.wrong = tries.wrong.saturating_add(1);
        if let Some(over) = tries.wrong.checked_sub(FREE_TRIES.saturating_add(1)) {
            let wait = WAIT_FIRST.saturating_mul(1 << over.min(5));
            tries.until = now + wait.min(WAIT_MAX);
        }
        Ok(())
    }

    /// Takes a code of this secret, once; whether it was good.
    pub(crate) fn take(
        &mut self,
        login: &str,
        secret: &Redacted<String>,
        code: &str,
        wall: UnixTime,
    ) -> bool {
        let now = step(wall);
        let Some(found) = matching(secret, code, now) else {
            return false;
        };
        // What lies ahead was noted before the clock was set back, and says nothing.
        let passed = |step: &&u64| **step <= now.saturating_add(1) && found <= **step;
        let used = self.used.get(login);
        if used.iter().any(passed) || self.floor.as_ref().iter().any(passed) {
            return false;
        }
        self.used.insert(login.to_owned(), found);
        self.tries.remove(login);
        true
    }

    /// An attempt ended well by another way.
    pub(crate) fn forgive(&mut self, login: &str) {
        self.tries.remove(login);
    }

    /// Keeps a secret that is shown to this session, for [`OFFER_TIME`].
    pub(crate) fn offer(&mut self, session: SessionId, secret: Redacted<String>, now: Instant) {
        if self.offered.len() >= OFFERED_MAX {
            self.offered.clear();
        }
        self.offered.insert(session, Offered { secret, at: now });
    }

    /// The secret that was shown to this session last, while it is still offered.
    pub(crate) fn offered(&self, session: &SessionId, now: Instant) -> Option<&Redacted<String>> {
        let offered = self.offered.get(session);
        offered
            .filter(|it| now - it.at < OFFER_TIME)
            .map(|it| &it.secret)
    }

    /// The session goes on as another.
    pub(crate) fn pass_on(&mut self, from: &SessionId, to: SessionId) {
        if let Some(offered) = self.offered.remove(from) {
            self.offered.insert(to, offered);
        }
    }

    /// It is in use, or forgotten.
    pub(crate) fn settle(&mut self, session: &SessionId) {
        self.offered.remove(session);
    }
}

/// A secret, as apps take it: 32 letters and digits (RFC 4648 §6).
pub(crate) fn new_secret(fill: &mut impl FnMut(&mut [u8])) -> Redacted<String> {
    let mut bytes = [0; SECRET_LENGTH];
    fill(&mut bytes);
    Redacted::new(BASE32_NOPAD.encode(&bytes))
}

/// Codes for a lost phone, `ABCD-EFGH-JKLM-NPQR`, and what is kept of them.
pub(crate) fn new_recovery_codes(
    fill: &mut impl FnMut(&mut [u8]),
) -> (Vec<String>, Vec<Redacted<String>>) {
    let mut codes = Vec::new();
    let mut kept = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let mut bytes = [0; RECOVERY_LENGTH];
        fill(&mut bytes);
        let code = BASE32_NOPAD.encode(&bytes);
        kept.push(recovery_hash(&code));
        let parts = code.as_bytes().chunks(4).map(String::from_utf8_lossy);
        codes.push(parts.collect::<Vec<_>>().join("-"));
    }
    (codes, kept)
}

/// The kept hash that a typed code for a lost phone or a lost passkey matches.
pub(crate) fn recovery_match(person: &Person, typed: &str) -> Option<Redacted<String>> {
    let plain: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    let hash = recovery_hash(&plain.to_ascii_uppercase());
    let of_app = person.second_factor.iter().flat_map(|it| &it.recovery);
    let mut all = of_app.chain(&person.passkey_codes);
    all.find(|it| **it == hash).cloned()
}

fn recovery_hash(code: &str) -> Redacted<String> {
    Redacted::new(hex::encode(fingerprint(code.as_bytes())))
}

/// What an app reads from the picture, <https://github.com/google/google-authenticator/wiki>.
pub(crate) fn uri(login: &str, secret: &Redacted<String>) -> String {
    // A login has no character that an address would have to escape.
    format!(
        "otpauth://totp/Ramal:{login}?secret={}&issuer=Ramal&algorithm=SHA1&digits=6&period={}",
        secret.reveal(),
        STEP_SECS
    )
}

fn step(wall: UnixTime) -> u64 {
    let millis = u64::try_from(wall.as_millis()).unwrap_or_default();
    millis / 1000 / STEP_SECS
}

/// The step around now whose code this is: one either side, for clocks that differ (§5.2).
fn matching(secret: &Redacted<String>, typed: &str, now: u64) -> Option<u64> {
    let typed: String = typed.chars().filter(|it| !it.is_whitespace()).collect();
    let key = BASE32_NOPAD.decode(secret.reveal().as_bytes()).ok()?;
    let steps = [now.saturating_sub(1), now, now.saturating_add(1)];
    steps.into_iter().find(|step| code(&key, *step) == typed)
}

/// HOTP of a counter (RFC 4226 §5.3), six digits.
fn code(key: &[u8], counter: u64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(&counter.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash.last().copied().unwrap_or_default() & 0xf);
    let four = hash.get(offset..).and_then(|rest| rest.first_chunk::<4>());
    let number = u32::from_be_bytes(four.copied().unwrap_or_default()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Secrets that wait to be proved at one time: about 100 bytes each.
const OFFERED_MAX: usize = 512;

/// The code of a secret at a time, as an app shows it.
#[cfg(test)]
pub(crate) fn shown(secret: &str, wall: UnixTime) -> String {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    code(&key, step(wall))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> UnixTime {
        UnixTime::from_millis(secs * 1000)
    }

    fn secret() -> Redacted<String> {
        Redacted::new(BASE32_NOPAD.encode(b"12345678901234567890"))
    }

    #[test]
    fn codes_are_those_of_rfc_4226_and_rfc_6238() {
        // RFC 4226 appendix D.
        for (counter, expected) in [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ]
        .into_iter()
        .enumerate()
        {
            let counter = u64::try_from(counter).expect("small");
            assert_eq!(code(b"12345678901234567890", counter), expected);
        }
        // RFC 6238 appendix B, of which the last six of eight digits.
        for (secs, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(shown(secret().reveal(), at(secs)), expected, "{secs}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_one_step_either_side() {
        let check = |offset: i64, expected: bool| {
            let mut codes = Codes::default();
            let code = shown(secret().reveal(), at(3000 + offset));
            assert_eq!(
                codes.take("ana", &secret(), &code, at(3000)),
                expected,
                "{offset}"
            );
            assert!(
                !codes.take("ana", &secret(), &code, at(3000)),
                "{offset} again"
            );
        };
        check(0, true);
        check(-30, true);
        check(30, true);
        check(-60, false);
        check(60, false);
        let mut codes = Codes::default();
        let (early, late) = (at(3000), at(3030));
        let [first, second] = [early, late].map(|at| shown(secret().reveal(), at));
        assert!(codes.take("ana", &secret(), &second, early));
        assert!(
            !codes.take("ana", &secret(), &first, early),
            "one before a used one"
        );
        assert!(
            codes.take("rui", &secret(), &first, early),
            "each has his own"
        );
    }

    #[test]
    fn a_code_used_before_a_restart_is_not_used_again_and_a_clock_set_back_locks_nobody_out() {
        let mut codes = Codes::default();
        codes.begin(at(3000));
        for secs in [3000, 3030] {
            let code = shown(secret().reveal(), at(secs));
            assert!(!codes.take("ana", &secret(), &code, at(3000)), "{secs}");
        }
        let later = at(3060);
        let code = shown(secret().reveal(), later);
        assert!(codes.take("ana", &secret(), &code, later));
        let back = at(900);
        let code = shown(secret().reveal(), back);
        assert!(codes.take("ana", &secret(), &code, back));
    }

    #[test]
    fn wrong_codes_cost_more_and_more_time() {
        let mut codes = Codes::default();
        let now = Instant::ORIGIN;
        let waits: Vec<u64> = (0..8)
            .scan(now, |now, _| {
                let wait = codes.attempt(*now, "ana").err().unwrap_or_default();
                *now = *now + wait;
                if !wait.is_zero() {
                    codes.attempt(*now, "ana").expect("after the wait");
                }
                Some(wait.as_secs())
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 30, 60, 120]);
        assert!(codes.attempt(now, "rui").is_ok());
    }

    #[test]
    fn a_code_for_a_lost_phone_is_known_by_its_hash_however_it_is_typed() {
        let mut next = 0_u8;
        let mut fill = |bytes: &mut [u8]| {
            for byte in bytes {
                next = next.wrapping_add(41);
                *byte = next;
            }
        };
        let (codes, recovery) = new_recovery_codes(&mut fill);
        assert_eq!((codes.len(), recovery.len()), (10, 10));
        let (of_app, of_passkeys) = recovery.split_at(5);
        let person = Person {
            second_factor: Some(ipc::site::SecondFactor {
                secret: secret(),
                recovery: of_app.to_vec(),
            }),
            passkey_codes: of_passkeys.to_vec(),
            ..Person::default()
        };
        for place in [3, 7] {
            let typed = codes[place].to_lowercase().replace('-', " ");
            let found = recovery_match(&person, &typed).expect("known");
            assert_eq!(found, recovery[place]);
            assert!(!found.reveal().contains(&codes[place]));
        }
        assert!(recovery_match(&person, "AAAA-AAAA-AAAA-AAAA").is_none());
        assert!(recovery_match(&person, "").is_none());
        assert!(recovery_match(&Person::default(), &codes[3]).is_none());
    }
}
