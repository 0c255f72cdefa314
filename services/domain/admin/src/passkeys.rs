//! What the box knows of passkeys while it runs: the challenges it gives out, and how far the
//! counters of authenticators have come.
//!
//! A challenge says itself when it was made, and proves by a MAC that it was made here, and what
//! for: nothing is kept for those that are only asked for, so that no stranger fills the memory or
//! pushes out the challenge of somebody else. What was used is kept until it would end anyway; for
//! that one has to have a passkey.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use ipc::Redacted;
use ipc::site::{Passkey, Person, Site};
use ipc::store::laid_down;
use sansio::{Entropy, Instant};
use sha2::Sha256;

use crate::actions::stretch;
use crate::certificate::CertificateFacts;
use crate::opened::Name;
use crate::session::{SessionId, fingerprint};

/// For so long a challenge may be answered.
pub(crate) const CHALLENGE_TIME: Duration = Duration::from_secs(5 * 60);
/// Bytes of what somebody is known by to authenticators (WebAuthn §5.4.3: at most 64).
const OWNER_LENGTH: usize = 32;
/// Random bytes of a challenge (WebAuthn §13.4.3: 16 at least).
const NONCE_LENGTH: usize = 16;
const MAC_LENGTH: usize = 32;

/// What a challenge is for. It is good for nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Making a passkey in this session.
    Make(SessionId),
    /// Signing in.
    SignIn,
    /// Completing this session, whose owner has said the password.
    Second(SessionId),
    /// Saying again who one is, in this session.
    Confirm(SessionId),
}

/// Why a challenge is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stale {
    /// Not made here for this, or too long ago.
    Unknown,
    /// Answered already.
    Used,
    /// More are used at one time than can be told apart.
    Busy,
}

/// A challenge that was answered.
#[derive(Debug)]
struct Use {
    /// The fingerprint of the login of whoever did.
    by: [u8; 32],
    ends: Instant,
}

/// Challenges and counters.
#[derive(Debug)]
pub(crate) struct Passkeys {
    /// The name the box was given, for which they are made: `ramal.local`.
    pub(crate) name: String,
    /// Another: the one that others have signed the certificate for that is served.
    pub(crate) signed_name: Option<String>,
    /// What that certificate says; none while the box has signed it itself.
    pub(crate) signed_for: Option<CertificateFacts>,
    /// Of the MAC, of this start alone.
    key: Option<Redacted<[u8; 32]>>,
    /// Challenges that were answered, and when they end.
    used: BTreeMap<[u8; 32], Use>,
    /// By credential; none until the store has said them.
    counters: Option<BTreeMap<String, u32>>,
}

impl Passkeys {
    pub(crate) fn new() -> Self {
        Self {
            name: local(laid_down::FACTORY_HOST_NAME),
            signed_name: None,
            signed_for: None,
            key: None,
            used: BTreeMap::new(),
            counters: None,
        }
    }

    /// The names of the box at which passkeys may be made and used, and which are of use here.
    pub(crate) fn names(&self, people: &[Person]) -> Vec<Name> {
        let signed = self.signed_name.iter().filter(|it| **it != self.name);
        // A wildcard names what was asked for only by its rule.
        let leaves_out = |name: &String| {
            let signed = self.signed_for.as_ref();
            self.signed_name.as_ref() != Some(name) && signed.is_some_and(|it| !it.has_name(name))
        };
        let named = |name: &String| Name {
            name: name.clone(),
            is_of_use: people.iter().any(|it| has_one_for(it, name)),
            is_served: !leaves_out(name),
        };
        [&self.name].into_iter().chain(signed).map(named).collect()
    }

    /// A challenge for this, by a page from there.
    pub(crate) fn challenge(
        &mut self,
        now: Instant,
        entropy: &Entropy,
        purpose: Purpose,
        origin: &str,
    ) -> Vec<u8> {
        let mut fill = stretch(entropy);
        let (mut key, mut nonce) = ([0; 32], [0; NONCE_LENGTH]);
        fill(&mut key);
        fill(&mut nonce);
        let _ = self.key.get_or_insert_with(|| Redacted::new(key));
        let mut challenge = nonce.to_vec();
        challenge.extend(now.as_nanos().to_be_bytes());
        let mac = self.mac(&challenge, purpose, origin);
        challenge.extend(mac.map(|it| it.finalize().into_bytes()).unwrap_or_default());
        challenge
    }

    /// Whether it was made here for this, lately, and was not used. Looking does not use it up.
    pub(crate) fn check(
        &self,
        now: Instant,
        challenge: &[u8],
        purpose: Purpose,
        origin: &str,
    ) -> Result<(), Stale> {
        let (body, mac) = challenge
            .split_at_checked(challenge.len().saturating_sub(MAC_LENGTH))
            .ok_or(Stale::Unknown)?;
        let expected = self.mac(body, purpose, origin).ok_or(Stale::Unknown)?;
        // In the same time, wherever the first wrong byte is.
        expected.verify_slice(mac).map_err(|_| Stale::Unknown)?;
        let made = body
            .get(NONCE_LENGTH..)
            .and_then(|it| it.try_into().ok())
            .map(|nanos| Instant::from_nanos(u64::from_be_bytes(nanos)))
            .ok_or(Stale::Unknown)?;
        if now - made >= CHALLENGE_TIME {
            return Err(Stale::Unknown);
        }
        match self.used.contains_key(&fingerprint(challenge)) {
            true => Err(Stale::Used),
            false => Ok(()),
        }
    }

    /// It was answered rightly by somebody, and is good for nothing any more. Who does that all
    /// the time takes nobody's place but his own.
    pub(crate) fn use_up(
        &mut self,
        now: Instant,
        challenge: &[u8],
        login: &str,
    ) -> Result<(), Stale> {
        self.used.retain(|_, it| it.ends > now);
        let by = fingerprint(login.as_bytes());
        if self.used.values().filter(|it| it.by == by).count() >= USED_MAX {
            return Err(Stale::Busy);
        }
        let ends = now + CHALLENGE_TIME;
        match self.used.insert(fingerprint(challenge), Use { by, ends }) {
            None => Ok(()),
            Some(_) => Err(Stale::Used),
        }
    }

    /// What somebody without passkeys is known by from this challenge on: random, and the same when
    /// the answer comes.
    pub(crate) fn new_owner(&self, challenge: &[u8]) -> Vec<u8> {
        let mac = self.keyed(b"owner").map(|it| it.chain_update(challenge));
        let bytes = mac.map(|it| it.finalize().into_bytes().to_vec());
        let mut bytes = bytes.unwrap_or_default();
        bytes.truncate(OWNER_LENGTH);
        bytes
    }

    /// Takes what the store keeps of counters.
    pub(crate) fn load(&mut self, kept: Option<&[u8]>) {
        let kept = kept.and_then(|it| serde_json::from_slice(it).ok());
        self.counters = Some(kept.unwrap_or_default());
    }

    /// How far the counter of a passkey has come; none before the store has said it.
    pub(crate) fn counter(&self, passkey: &Passkey) -> Option<u32> {
        let counters = self.counters.as_ref()?;
        let later = counters.get(&credential(passkey)).copied();
        Some(later.unwrap_or_default().max(passkey.counter))
    }

    /// Notes how far it has come; answers what the store has to keep, when it counts at all.
    pub(crate) fn count(
        &mut self,
        passkey: &Passkey,
        counter: u32,
        site: &Site,
    ) -> Option<Vec<u8>> {
        if counter == 0 {
            return None;
        }
        let counters = self.counters.get_or_insert_default();
        let people = site.people.iter().flat_map(|it| &it.passkeys);
        let known: BTreeSet<String> = people.map(credential).collect();
        counters.retain(|it, _| known.contains(it));
        counters.insert(credential(passkey), counter);
        serde_json::to_vec(counters).ok()
    }

    fn mac(&self, body: &[u8], purpose: Purpose, origin: &str) -> Option<Hmac<Sha256>> {
        let (what, session): (&[u8], SessionId) = match purpose {
            Purpose::Make(session) => (b"make", session),
            Purpose::SignIn => (b"sign in", [0; 32]),
            Purpose::Second(session) => (b"second", session),
            Purpose::Confirm(session) => (b"confirm", session),
        };
        // What differs in length is last.
        let mac = self.keyed(what)?.chain_update(session);
        Some(mac.chain_update(body).chain_update(origin))
    }

    /// Of one use of the key: a name, and a zero that no name has.
    fn keyed(&self, what: &[u8]) -> Option<Hmac<Sha256>> {
        let key = self.key.as_ref()?.reveal();
        let mac = Hmac::new_from_slice(key).ok()?;
        Some(mac.chain_update(what).chain_update([0]))
    }
}

/// The name of a box on its own network (RFC 6762).
pub(crate) fn local(host: &str) -> String {
    format!("{}.local", host.to_ascii_lowercase())
}

/// Whether somebody has a passkey that was made for this name.
pub(crate) fn has_one_for(person: &Person, name: &str) -> bool {
    person.passkeys.iter().any(|it| it.made_for == name)
}

/// Whether the password alone is not enough for somebody.
pub(crate) const fn is_guarded(person: &Person) -> bool {
    person.second_factor.is_some() || !person.passkeys.is_empty()
}

/// What a credential is known by in what is kept: its id may be long.
fn credential(passkey: &Passkey) -> String {
    let mut hash = hex::encode(fingerprint(passkey.id.as_bytes()));
    hash.truncate(32);
    hash
}

/// What the store keeps counters as, among the secrets of the pages.
pub const COUNTERS: &str = "passkey-counters";
/// Answered challenges of five minutes by one person.
const USED_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://ramal.local";
    const SESSION: SessionId = [3; 32];

    fn at(secs: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(secs)
    }

    fn passkeys() -> (Passkeys, Vec<u8>) {
        let mut passkeys = Passkeys::new();
        let entropy = Entropy::new([1; 32]);
        let challenge = passkeys.challenge(at(10), &entropy, Purpose::Make(SESSION), ORIGIN);
        (passkeys, challenge)
    }

    #[test]
    fn a_challenge_is_good_for_what_it_was_made_for_and_for_five_minutes() {
        let (passkeys, challenge) = passkeys();
        let check = |secs: u64, purpose, origin: &str| {
            passkeys.check(at(secs), &challenge, purpose, origin)
        };
        assert_eq!(check(10, Purpose::Make(SESSION), ORIGIN), Ok(()));
        assert_eq!(check(309, Purpose::Make(SESSION), ORIGIN), Ok(()));
        let unknown = Err(Stale::Unknown);
        assert_eq!(check(310, Purpose::Make(SESSION), ORIGIN), unknown);
        assert_eq!(check(10, Purpose::Make([4; 32]), ORIGIN), unknown);
        assert_eq!(check(10, Purpose::Second(SESSION), ORIGIN), unknown);
        assert_eq!(check(10, Purpose::SignIn, ORIGIN), unknown);
        assert_eq!(
            check(10, Purpose::Make(SESSION), "https://ramal.local:1"),
            unknown
        );
        for place in 0..challenge.len() {
            let mut other = challenge.clone();
            other[place] ^= 1;
            let told = passkeys.check(at(10), &other, Purpose::Make(SESSION), ORIGIN);
            assert_eq!(told, unknown, "{place}");
        }
        for length in 0..challenge.len() {
            let cut = challenge.get(..length).expect("shorter");
            let told = passkeys.check(at(10), cut, Purpose::Make(SESSION), ORIGIN);
            assert_eq!(told, unknown, "{length}");
        }
        // Of another start.
        let fresh = Passkeys::new();
        let told = fresh.check(at(10), &challenge, Purpose::Make(SESSION), ORIGIN);
        assert_eq!(told, unknown);
    }

    #[test]
    fn a_challenge_is_good_once_and_what_is_kept_of_them_is_bounded() {
        let (mut passkeys, challenge) = passkeys();
        passkeys
            .use_up(at(20), &challenge, "ana")
            .expect("the first time");
        let again = passkeys.check(at(21), &challenge, Purpose::Make(SESSION), ORIGIN);
        assert_eq!(again, Err(Stale::Used));
        assert_eq!(passkeys.use_up(at(21), &challenge, "ana"), Err(Stale::Used));
        for number in 1..USED_MAX {
            passkeys
                .use_up(at(21), &number.to_be_bytes(), "ana")
                .expect("room");
        }
        assert_eq!(passkeys.use_up(at(21), b"more", "ana"), Err(Stale::Busy));
        // Nobody else is kept from signing in by that.
        assert_eq!(passkeys.use_up(at(21), b"more", "rui"), Ok(()));
        assert_eq!(passkeys.use_up(at(400), b"more", "ana"), Ok(()));
        assert_eq!(passkeys.used.len(), 1);
    }

    #[test]
    fn asking_for_challenges_keeps_nothing_and_each_is_another() {
        let (mut passkeys, first) = passkeys();
        let key = passkeys.key.clone();
        let entropy = Entropy::new([2; 32]);
        let other = passkeys.challenge(at(10), &entropy, Purpose::Make(SESSION), ORIGIN);
        assert!(other != first && passkeys.key == key && passkeys.used.is_empty());
        assert!(!format!("{passkeys:?}").contains("[1, 1"));
        let owners = [&first, &other].map(|it| passkeys.new_owner(it));
        assert!(owners[0] != owners[1] && owners[0].len() == OWNER_LENGTH);
    }

    #[test]
    fn counters_go_on_where_the_store_has_kept_them_and_those_of_nobody_go() {
        let passkey = |id: &str| Passkey {
            id: id.to_owned(),
            counter: 5,
            ..Passkey::default()
        };
        let (mut passkeys, _) = passkeys();
        assert_eq!(passkeys.counter(&passkey("a")), None, "not known yet");
        passkeys.load(None);
        assert_eq!(passkeys.counter(&passkey("a")), Some(5));
        let mut site = Site::default();
        let person = Person {
            passkeys: vec![passkey("a"), passkey("b")],
            ..Person::default()
        };
        site.people.push(person);
        assert_eq!(passkeys.count(&passkey("a"), 0, &site), None);
        passkeys.count(&passkey("a"), 7, &site).expect("counts");
        let kept = passkeys.count(&passkey("b"), 9, &site).expect("counts");
        let mut later = Passkeys::new();
        later.load(Some(&kept));
        assert_eq!(later.counter(&passkey("a")), Some(7));
        assert_eq!(later.counter(&passkey("b")), Some(9));
        site.people[0].passkeys.remove(0);
        let kept = later.count(&passkey("b"), 10, &site).expect("counts");
        later.load(Some(&kept));
        assert_eq!(later.counter(&passkey("a")), Some(5));
        assert_eq!(later.counter(&passkey("b")), Some(10));
    }
}
