//! Our credentials at a carrier: which challenges they answer, and how often.
//!
//! The password answers one realm only: a challenge of another one is a mistake in the settings or
//! somebody else fishing for digests, and either way gets nothing.

use config::Account;
use sip::digest::{Challenge, Ha1};
use sip::{HeaderName, Request, Response, StatusCode};

/// Challenges answered in one attempt: a proxy's, the server's, and one expired nonce for each.
const ROUNDS_MAX: u8 = 4;

/// Why a challenge gets no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// It is of this realm and not of ours.
    OtherRealm(String),
    /// It cannot be read, or asks for what we do not speak.
    Illegible,
    /// The credentials were there and were not believed.
    Wrong,
}

/// The credentials, with the challenges that are being answered.
#[derive(Debug)]
pub(super) struct Credentials {
    user: String,
    password: ipc::Redacted<String>,
    realm: String,
    known: Vec<Known>,
    rounds: u8,
}

/// A challenge, answered so many times.
#[derive(Debug)]
struct Known {
    /// Of a proxy: 407 rather than 401.
    proxy: bool,
    challenge: Challenge,
    count: u32,
    /// It was learnt in the attempt that is under way.
    fresh: bool,
}

impl Credentials {
    pub(super) fn new(account: &Account) -> Self {
        Self {
            user: account.auth_user.clone(),
            password: account.password.clone(),
            realm: account.realm.clone(),
            known: Vec::new(),
            rounds: 0,
        }
    }

    /// A new attempt begins: nonces learnt earlier may be used, and may turn out to be stale.
    pub(super) fn begin(&mut self) {
        self.rounds = 0;
        for known in &mut self.known {
            known.fresh = false;
        }
    }

    /// Adds credentials for every challenge known, so that a refresh needs one request only.
    pub(super) fn sign(&mut self, request: &mut Request, mut cnonce: impl FnMut() -> String) {
        let uri = request.uri.to_string();
        for known in &mut self.known {
            known.count = known.count.saturating_add(1);
            let realm = &known.challenge.realm;
            let ha1 = Ha1::from_password(&self.user, realm, self.password.reveal());
            let cnonce = cnonce();
            let (method, count) = (&request.method, known.count);
            let value = known
                .challenge
                .answer(&self.user, &ha1, method, &uri, count, &cnonce);
            request.headers.push(field(known.proxy), value);
        }
    }

    /// Learns the challenge of a 401 or 407.
    ///
    /// # Errors
    /// When the request must not be sent again.
    pub(super) fn learn(&mut self, response: &Response) -> Result<(), Refusal> {
        let proxy = response.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        let name = if proxy {
            HeaderName::ProxyAuthenticate
        } else {
            HeaderName::WwwAuthenticate
        };
        let mut offered = response.headers.all(&name).filter_map(Challenge::parse);
        let first = offered.next().ok_or(Refusal::Illegible)?;
        let other = first.realm.clone();
        // RFC 8760 §2.4: the first that we speak is the one the server likes best.
        let ours = std::iter::once(first)
            .chain(offered)
            .find(|it| it.realm.eq_ignore_ascii_case(&self.realm));
        let challenge = ours.ok_or(Refusal::OtherRealm(other))?;
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds > ROUNDS_MAX {
            return Err(Refusal::Wrong);
        }
        let answered = self.known.iter_mut().find(|it| it.proxy == proxy);
        let Some(answered) = answered else {
            self.known.push(Known {
                proxy,
                challenge,
                count: 0,
                fresh: true,
            });
            return Ok(());
        };
        // RFC 3261 §22.1: an answer that was refused is not given again, unless its nonce was the
        // trouble: it is called stale, or was not made for this attempt.
        let renewed = challenge.nonce != answered.challenge.nonce;
        if !renewed || (answered.fresh && !challenge.stale) {
            self.known.clear();
            return Err(Refusal::Wrong);
        }
        answered.challenge = challenge;
        answered.count = 0;
        answered.fresh = true;
        Ok(())
    }
}

const fn field(proxy: bool) -> HeaderName {
    if proxy {
        HeaderName::ProxyAuthorization
    } else {
        HeaderName::Authorization
    }
}
