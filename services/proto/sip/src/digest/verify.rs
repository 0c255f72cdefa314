//! The server's side: challenges out, credentials in, a verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use sansio::{Entropy, Instant};

use super::credentials::{Challenge, Credentials};
use super::nonce::{Issued, NONCE_LIFETIME, NonceMaker};
use super::{Algorithm, Ha1, Hex};
use crate::method::Method;

/// Nonces whose highest `nc` is remembered: at 500 bytes of phone traffic each this is more than
/// a site with 10,000 phones uses within [`NONCE_LIFETIME`]; 1 MiB of memory.
const WINDOW_MAX: usize = 16_384;

/// What the credentials are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Right, and the nonce was good.
    Accepted,
    /// The nonce cannot be used: challenge again with `stale`, whoever it is. The digest was not
    /// looked at, so that nobody learns from the answer whether it was right (RFC 7616 §3.3 asks
    /// only for a nonce that is not valid).
    Stale(StaleCause),
    /// Wrong password, unknown user, other realm or an algorithm or qop we did not offer, with a
    /// nonce that was given to this source and is still good. Answer all of them alike.
    Refused,
}

/// Why a nonce cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StaleCause {
    /// The nonce is older than [`NONCE_LIFETIME`].
    Expired,
    /// `nc` did not grow: a replay, or two requests that overtook each other.
    Replayed,
    /// Not a nonce of ours for this source: from before a restart, or taken elsewhere.
    Unknown,
}

/// Challenges and checks for one realm.
pub struct Authenticator {
    realm: String,
    nonces: NonceMaker,
    /// Highest `nc` seen, by nonce; the oldest nonce first.
    window: BTreeMap<Issued, u32>,
    /// Nonces up to this one have left the window, so their `nc` is no longer known.
    forgotten: Option<Issued>,
    /// Stands in for unknown users, so that they cost the same work.
    nobody: Ha1,
}

impl Authenticator {
    /// An authenticator whose nonces no one else can make. `key` must be fresh at every start.
    #[must_use]
    pub fn new(realm: &str, key: &Entropy) -> Self {
        Self {
            realm: realm.to_owned(),
            nonces: NonceMaker::new(key),
            window: BTreeMap::new(),
            forgotten: None,
            nobody: Ha1::from_password("", realm, &super::hex(key.bytes())),
        }
    }

    /// The realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// WWW-Authenticate values to be sent in this order: SHA-256 first (RFC 8760 §2.4), then MD5.
    /// Whoever answers them proves that he gets what is sent to `source`, so that is as wide as the
    /// caller counts failures: one address, or the first of a customer's.
    #[must_use]
    pub fn challenges(&mut self, now: Instant, source: IpAddr, stale: bool) -> [Challenge; 2] {
        let nonce = self.nonces.issue(now, source);
        [Algorithm::Sha256, Algorithm::Md5].map(|algorithm| Challenge {
            realm: self.realm.clone(),
            nonce: nonce.clone(),
            algorithm,
            qop_auth: true,
            stale,
            opaque: None,
        })
    }

    /// Judges `credentials` sent with a request of `method` from `source`, drawn as for
    /// [`Self::challenges`]. Give `None` for a user
    /// who does not exist: the same work is done and the same verdict comes out.
    pub fn check(
        &mut self,
        now: Instant,
        source: IpAddr,
        method: &Method,
        credentials: &Credentials,
        ha1: Option<&Ha1>,
    ) -> Verdict {
        let count = count(credentials);
        // Without a count nothing tells a repetition from a replay: one use of the nonce it is.
        let nc = count.ok().flatten().unwrap_or(1);
        let issued = match self.usable(now, source, &credentials.nonce, nc) {
            Ok(issued) => issued,
            Err(cause) => return Verdict::Stale(cause),
        };
        if count.is_err() {
            return Verdict::Refused;
        }
        let algorithm = credentials.algorithm.unwrap_or(Some(Algorithm::Md5));
        let expected = credentials.expected(
            ha1.unwrap_or(&self.nobody),
            algorithm.unwrap_or(Algorithm::Md5),
            method,
        );
        let sent = Hex::read(&credentials.response, expected.as_bytes().len());
        let right = sent.is_some_and(|sent| same(sent.as_bytes(), expected.as_bytes()));
        let offered = algorithm.is_some() && credentials.realm == self.realm;
        if !right || !offered || ha1.is_none() {
            return Verdict::Refused;
        }
        self.advance(now, issued, nc);
        Verdict::Accepted
    }

    /// The nonce, when it can be used with that count.
    fn usable(
        &self,
        now: Instant,
        source: IpAddr,
        nonce: &str,
        nc: u32,
    ) -> Result<Issued, StaleCause> {
        let issued = self.nonces.recognise(nonce, source);
        let issued = issued.ok_or(StaleCause::Unknown)?;
        if issued.at > now || now - issued.at > NONCE_LIFETIME {
            return Err(StaleCause::Expired);
        }
        match self.window.get(&issued) {
            Some(highest) if nc > *highest => Ok(issued),
            None if nc == 0 => Err(StaleCause::Replayed),
            None if self.forgotten.is_some_and(|it| issued <= it) => Err(StaleCause::Expired),
            None => Ok(issued),
            Some(_) => Err(StaleCause::Replayed),
        }
    }

    /// Takes note of the highest `nc` that was right with that nonce.
    fn advance(&mut self, now: Instant, issued: Issued, nc: u32) {
        self.window.insert(issued, nc);
        while let Some(oldest) = self.window.first_entry()
            && (now - oldest.key().at > NONCE_LIFETIME)
        {
            oldest.remove();
        }
        if self.window.len() > WINDOW_MAX
            && let Some((oldest, _)) = self.window.pop_first()
        {
            self.forgotten = Some(oldest);
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// `nc` as the hexadecimal number it is (RFC 7616 §3.4); `None` for the legacy form without qop.
fn count(credentials: &Credentials) -> Result<Option<u32>, ()> {
    let Some(qop) = &credentials.qop else {
        return Ok(None);
    };
    let hex = qop.nc.len() == 8 && qop.nc.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex || !qop.qop.eq_ignore_ascii_case("auth") {
        return Err(());
    }
    u32::from_str_radix(&qop.nc, 16).map(Some).map_err(|_| ())
}

/// Compares without telling by time where the difference is.
pub(super) fn same(one: &[u8], two: &[u8]) -> bool {
    let differences = one
        .iter()
        .zip(two)
        .fold(0, |acc, (one, two)| acc | (one ^ two));
    std::hint::black_box(differences) == 0 && one.len() == two.len()
}
