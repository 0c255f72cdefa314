//! Who may pass: digest credentials against the site's extensions (R51, R53, R70).
//!
//! A wrong password, an unknown user and an internal extension from outside get the same answer
//! after the same work, so that a guesser learns nothing; only the event tells them apart.

use std::fmt::Write as _;
use std::net::IpAddr;

use config::{Extension, Network, Site};
use sansio::{Entropy, Instant};
use sip::digest::{Algorithm, Authenticator, Challenge, Credentials, Ha1, Verdict};
use sip::transaction::Flow;
use sip::{HeaderName, Request};

use crate::device;
use crate::interface::AuthFailure;

/// Judges credentials for one realm, by themselves: how often somebody fails is [`guard::Door`]'s.
#[derive(Debug)]
pub(crate) struct Gate {
    key: Entropy,
    authenticator: Option<Authenticator>,
}

/// What became of a request at the door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Admission {
    /// It comes from this extension.
    Admitted(String),
    /// Ask for credentials: 401 with these WWW-Authenticate values.
    Challenged(Vec<String>),
    /// 403, the same for every cause.
    Refused {
        class: AuthFailure,
        /// Who it claims to be.
        extension: String,
        /// Whether it comes from where it says it does.
        is_proven: bool,
    },
}

/// Who counts as inside, for the sender at hand (R51).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Inside<'a> {
    /// Whom the site says, and these.
    With(&'a [Network]),
    /// He does not, whatever his address: a router hides who he is (T7).
    Nobody,
}

impl Inside<'_> {
    fn admits(self, site: &Site, extension: &Extension, source: IpAddr) -> bool {
        match self {
            Self::With(neighbours) => site.admits(extension, source, neighbours),
            Self::Nobody => site.admits_hidden(extension, source),
        }
    }
}

impl Gate {
    pub(crate) const fn new(key: Entropy) -> Self {
        Self {
            key,
            authenticator: None,
        }
    }

    /// Takes the realm of a site. The realm never changes while a site lives, so used nonces are
    /// forgotten only when they mean nothing any more.
    pub(crate) fn configure(&mut self, site: &Site) {
        if self
            .authenticator
            .as_ref()
            .is_none_or(|known| known.realm() != site.realm)
        {
            self.authenticator = Some(Authenticator::new(&site.realm, &self.key));
        }
    }

    /// Judges a request of a line, as the door draws lines.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        (site, inside): (&Site, Inside<'_>),
        (flow, line): (Flow, IpAddr),
        request: &Request,
    ) -> Admission {
        let source = flow.remote.ip();
        let Some(authenticator) = &mut self.authenticator else {
            return Admission::Challenged(Vec::new());
        };
        let Some(credentials) = own_credentials(request, authenticator.realm()) else {
            let name = HeaderName::Authorization;
            // Another scheme than Digest is as good as nothing (regaut01 in RFC 4475).
            let sent = request.headers.all(&name).any(|value| {
                let scheme = value.get(..6).unwrap_or_default();
                scheme.eq_ignore_ascii_case(b"Digest")
            });
            let legible = request.headers.credentials(&name).next().is_some();
            if sent && !legible {
                return Admission::Refused {
                    class: AuthFailure::Malformed,
                    extension: String::new(),
                    is_proven: flow.stream.is_some(),
                };
            }
            return challenged(authenticator, now, request, line, false);
        };
        // Only `auth` is on offer. Nobody is looked up, so nothing can be told from the refusal.
        let qop = credentials.qop.as_ref().map_or("auth", |it| &it.qop);
        if !qop.eq_ignore_ascii_case("auth") {
            return Admission::Refused {
                class: AuthFailure::Malformed,
                extension: credentials.username,
                is_proven: flow.stream.is_some(),
            };
        }
        let extension = site.extension(&credentials.username);
        let hashes = extension.map_or(DECOY, |known| {
            (
                known.ha1_md5.reveal().as_str(),
                known.ha1_sha256.reveal().as_str(),
            )
        });
        let ha1 = Ha1::from_hex(hashes.0, hashes.1).filter(|_| extension.is_some());
        let verdict = authenticator.check(now, line, &request.method, &credentials, ha1.as_ref());
        let refused = |class| Admission::Refused {
            class,
            extension: credentials.username.clone(),
            // He has repeated a nonce that was sent there.
            is_proven: true,
        };
        // For everybody alike: who could tell a right password by it would not be counted.
        if let Verdict::Stale(_) = verdict {
            return challenged(authenticator, now, request, line, true);
        }
        let Some(extension) = extension else {
            return refused(AuthFailure::UnknownUser);
        };
        match verdict {
            Verdict::Accepted if !inside.admits(site, extension, source) => {
                refused(AuthFailure::RemoteNotAllowed)
            }
            Verdict::Accepted if !credentials.covers(&request.uri) => {
                refused(AuthFailure::Malformed)
            }
            Verdict::Accepted => Admission::Admitted(credentials.username),
            Verdict::Refused | Verdict::Stale(_) => refused(AuthFailure::WrongPassword),
        }
    }
}

/// The credentials for our realm, the strongest algorithm first.
fn own_credentials(request: &Request, realm: &str) -> Option<Credentials> {
    let name = HeaderName::Authorization;
    let ours = request
        .headers
        .credentials(&name)
        .filter(|one| one.realm == realm);
    ours.max_by_key(|one| one.algorithm.unwrap_or(Some(Algorithm::Md5)))
}

fn challenged(
    authenticator: &mut Authenticator,
    now: Instant,
    request: &Request,
    line: IpAddr,
    stale: bool,
) -> Admission {
    let both = device::reads_sha256(request);
    let challenges = authenticator.challenges(now, line, stale);
    let offered = challenges
        .iter()
        .filter(|one| both || one.algorithm == Algorithm::Md5);
    Admission::Challenged(offered.map(written).collect())
}

fn written(challenge: &Challenge) -> String {
    let mut text = String::with_capacity(CHALLENGE_BYTES);
    // Writing to memory does not fail.
    let _ = write!(text, "{challenge}");
    text
}

/// Room for a challenge with a realm of ordinary length.
const CHALLENGE_BYTES: usize = 192;

/// Hashes to read for a user who does not exist, so that he costs the same work; nothing is ever
/// compared with them.
const DECOY: (&str, &str) = (
    "00000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
);

#[cfg(test)]
mod tests;
