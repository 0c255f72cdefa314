//! Our registration at a carrier (RFC 3261 §10.2), as a client.
//!
//! ```text
//!            hop               2xx                refresh due
//!   Idle ----------> Asking ----------> Holding -------------> Asking
//!    ^                | | ^ challenge,
//!    |  wait is over  | | | next hop
//!    +--- Waiting <---+ +-+
//! ```

use std::fmt;
use std::time::Duration;

use config::{Account, Trunk};
use sansio::{Instant, Rng};
use sip::digest::{Algorithm, Ha1};
use sip::transaction::{ClientId, Flow};
use sip::{Contacts, HeaderName, Method, NameAddr, Request, Response, StatusCode, Uri};

use super::account::{Credentials, Refusal};
use super::address::{contact, host_of, proxy_route};
use super::backoff;
use crate::dialog::PRODUCT;
use crate::interface::Hop;

/// The longest registration a 423 can make us ask for.
const EXPIRES_MAX: Duration = Duration::from_secs(86_400);
/// Refreshes never come closer than this, however little is granted.
const REFRESH_MIN: Duration = Duration::from_secs(5);
/// Most addresses of a Service-Route that are kept (RFC 3608).
const SERVICE_ROUTE_MAX: usize = 8;

/// A registration of ours, wanted for as long as it lives.
#[derive(Debug)]
pub(super) struct Registration {
    account: Account,
    route: Vec<NameAddr>,
    token: String,
    call_id: String,
    tag: String,
    cseq: u32,
    expires: Duration,
    credentials: Credentials,
    phase: Phase,
    /// Failures in a row, of all ways together.
    failures: u32,
    /// Refusals for good in a row.
    refusals: u32,
    granted: Option<Granted>,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
enum Phase {
    /// A request is to be sent as soon as there is a way.
    Idle,
    /// One is under way.
    Asking {
        client: ClientId,
        hop: Hop,
        tried: Vec<Hop>,
        /// A server asked for this much patience.
        patience: Duration,
    },
    /// All is well until the refresh.
    Holding { refresh: Instant },
    /// It failed; the next try is at this time.
    Waiting { until: Instant },
}

/// What the carrier granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Granted {
    /// By this way.
    pub(super) hop: Hop,
    /// Over this connection, if it is one.
    pub(super) flow: Flow,
    /// Until then.
    pub(super) until: Instant,
    /// What our requests pass on their way (RFC 3608).
    pub(super) service_route: Vec<NameAddr>,
}

/// Why we are not registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// No way answered.
    NoAnswer,
    /// This final response.
    Refused(StatusCode),
    /// The password was not believed.
    WrongPassword,
    /// A challenge of another realm.
    OtherRealm(String),
    /// A challenge that we do not speak.
    Challenge,
}

/// What to do after a response, or for want of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Nothing: time or the owner will tell.
    Rest,
    /// Send again by the same way.
    Again(Hop),
    /// Send by another way than these, if there is one; otherwise say [`Registration::give_up`].
    Elsewhere(Vec<Hop>),
}

impl Registration {
    pub(super) fn new(trunk: &Trunk, account: &Account, call_id: String, tag: String) -> Self {
        Self {
            route: proxy_route(trunk),
            token: token(trunk, account),
            call_id,
            tag,
            cseq: 0,
            expires: account.expires,
            credentials: Credentials::new(account),
            account: account.clone(),
            phase: Phase::Idle,
            failures: 0,
            refusals: 0,
            granted: None,
            trouble: None,
        }
    }

    /// The part of our Contact that no one else knows: who uses it as Request-URI has it from the
    /// carrier. It stays the same over restarts, so that a new process replaces the binding of the
    /// one before.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// What is granted at this time.
    pub(super) fn granted(&self, now: Instant) -> Option<&Granted> {
        self.granted.as_ref().filter(|granted| granted.until > now)
    }

    pub(super) const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        match self.phase {
            Phase::Idle => true,
            Phase::Asking { .. } => false,
            Phase::Holding { refresh: at } | Phase::Waiting { until: at } => at <= now,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let next = match self.phase {
            Phase::Idle | Phase::Asking { .. } => None,
            Phase::Holding { refresh: at } | Phase::Waiting { until: at } => Some(at),
        };
        let end = self.granted.as_ref().map(|granted| granted.until);
        next.into_iter().chain(end).min()
    }

    /// What we were granted may not hold any more: our address, the way or the connection is gone.
    pub(super) fn renew(&mut self, now: Instant) {
        if let Phase::Holding { refresh } = &mut self.phase {
            *refresh = (*refresh).min(now);
        }
    }

    /// Forgets a grant that has run out.
    pub(super) fn timer(&mut self, now: Instant) {
        if self.granted.as_ref().is_some_and(|it| it.until <= now) {
            self.granted = None;
        }
    }

    /// A new attempt begins.
    pub(super) fn begin(&mut self) {
        self.credentials.begin();
    }

    /// Learns a challenge to a request that takes our contact away.
    ///
    /// # Errors
    /// When it gets no answer.
    pub(super) fn learn(&mut self, response: &Response) -> Result<(), Refusal> {
        self.credentials.learn(response)
    }

    /// The next request by this way; `leaving` takes our contact away.
    pub(super) fn request(
        &mut self,
        hop: Hop,
        leaving: bool,
        cnonce: impl FnMut() -> String,
    ) -> Request {
        self.cseq = self.cseq.saturating_add(1);
        let host = host_of(&self.account.server);
        let server = Uri::sip(None, host.clone(), self.account.server.port);
        let address = NameAddr::new(Uri::sip(Some(&self.account.user), host, None));
        let from = address.clone().with_tag(&self.tag);
        let (method, call_id) = (Method::Register, &self.call_id);
        let mut request = Request::new(method, server, &from, &address, call_id, self.cseq);
        for hop in &self.route {
            request.headers.push(HeaderName::Route, hop.to_string());
        }
        let contact = contact(&self.account.contact_user, hop, Some(&self.token));
        let expires = if leaving { 0 } else { self.expires.as_secs() };
        let value = format!("{contact};expires={expires}");
        request.headers.push(HeaderName::Contact, value);
        request
            .headers
            .push(HeaderName::Expires, expires.to_string());
        request.headers.push(HeaderName::Supported, "path");
        request.headers.push(HeaderName::UserAgent, PRODUCT);
        self.credentials.sign(&mut request, cnonce);
        request
    }

    /// The request has been sent; `tried` are the ways that failed before.
    pub(super) fn sent(&mut self, client: ClientId, hop: Hop, tried: Vec<Hop>) {
        let patience = match &self.phase {
            Phase::Asking { patience, .. } => *patience,
            Phase::Idle | Phase::Holding { .. } | Phase::Waiting { .. } => Duration::ZERO,
        };
        self.phase = Phase::Asking {
            client,
            hop,
            tried,
            patience,
        };
    }

    /// The ways that failed in this attempt.
    pub(super) fn tried(&self) -> Vec<Hop> {
        match &self.phase {
            Phase::Asking { tried, .. } => tried.clone(),
            Phase::Idle | Phase::Holding { .. } | Phase::Waiting { .. } => Vec::new(),
        }
    }

    /// A final response; `flow` is how the request went.
    pub(super) fn response(
        &mut self,
        now: Instant,
        client: ClientId,
        flow: Flow,
        response: &Response,
        rng: &mut Rng,
    ) -> Next {
        let Phase::Asking {
            client: asked, hop, ..
        } = &self.phase
        else {
            return Next::Rest;
        };
        let hop = *hop;
        if *asked != client {
            return Next::Rest;
        }
        match response.status {
            status if status.is_success() => {
                self.succeeded(now, hop, flow, response, rng);
                Next::Rest
            }
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                match self.credentials.learn(response) {
                    Ok(()) => Next::Again(hop),
                    Err(refusal) => self.refused(now, Trouble::of(refusal), response, rng),
                }
            }
            StatusCode::INTERVAL_TOO_BRIEF => {
                let least = response.headers.min_expires().ok().flatten();
                let least = least.map(|secs| Duration::from_secs(secs.into()));
                match least.filter(|least| *least > self.expires && *least <= EXPIRES_MAX) {
                    Some(least) => {
                        self.expires = least;
                        Next::Again(hop)
                    }
                    None => self.refused(now, Trouble::Refused(response.status), response, rng),
                }
            }
            // RFC 3263 §4.3: the server is the trouble, not the request. 5xx of a registrar are
            // no better than its 503.
            status
                if status == StatusCode::REQUEST_TIMEOUT || (500..600).contains(&status.code()) =>
            {
                self.trouble = Some(Trouble::Refused(status));
                self.be_patient(retry_after(response));
                self.elsewhere(hop)
            }
            status => self.refused(now, Trouble::Refused(status), response, rng),
        }
    }

    /// No final response came in time, or the way failed.
    pub(super) fn no_response(&mut self, client: ClientId) -> Next {
        match &self.phase {
            Phase::Asking {
                client: asked, hop, ..
            } if *asked == client => {
                let hop = *hop;
                self.trouble = Some(Trouble::NoAnswer);
                self.elsewhere(hop)
            }
            Phase::Asking { .. } | Phase::Idle | Phase::Holding { .. } | Phase::Waiting { .. } => {
                Next::Rest
            }
        }
    }

    /// Every way has failed, or there is none.
    pub(super) fn give_up(&mut self, now: Instant, rng: &mut Rng) {
        let patience = match &self.phase {
            Phase::Asking { patience, .. } => *patience,
            Phase::Idle | Phase::Holding { .. } | Phase::Waiting { .. } => Duration::ZERO,
        };
        self.failures = self.failures.saturating_add(1);
        self.trouble.get_or_insert(Trouble::NoAnswer);
        let wait = backoff::after_failure(self.failures, rng).max(patience);
        self.phase = Phase::Waiting { until: now + wait };
    }

    fn elsewhere(&mut self, failed: Hop) -> Next {
        let mut tried = self.tried();
        tried.push(failed);
        Next::Elsewhere(tried)
    }

    fn be_patient(&mut self, wait: Duration) {
        if let Phase::Asking { patience, .. } = &mut self.phase {
            *patience = (*patience).max(wait);
        }
    }

    fn refused(
        &mut self,
        now: Instant,
        trouble: Trouble,
        response: &Response,
        rng: &mut Rng,
    ) -> Next {
        self.granted = None;
        self.refusals = self.refusals.saturating_add(1);
        self.trouble = Some(trouble);
        let wait = backoff::after_refusal(self.refusals, rng).max(retry_after(response));
        self.phase = Phase::Waiting { until: now + wait };
        Next::Rest
    }

    fn succeeded(
        &mut self,
        now: Instant,
        hop: Hop,
        flow: Flow,
        response: &Response,
        rng: &mut Rng,
    ) {
        let granted = self.granted_for(response);
        self.failures = 0;
        self.refusals = 0;
        self.trouble = None;
        let mut service_route = response.headers.service_route().unwrap_or_default();
        service_route.truncate(SERVICE_ROUTE_MAX);
        self.granted = Some(Granted {
            hop,
            flow,
            until: now + granted,
            service_route,
        });
        let refresh = backoff::refresh(granted, rng).max(REFRESH_MIN);
        self.phase = Phase::Holding {
            refresh: now + refresh,
        };
    }

    /// How long our contact stands: as its own entry says, else Expires, else what we asked for.
    fn granted_for(&self, response: &Response) -> Duration {
        let contacts = match response.headers.contacts() {
            Ok(Contacts::List(contacts)) => contacts,
            Ok(Contacts::Star) | Err(_) => Vec::new(),
        };
        let ours = contacts.iter().find(|contact| {
            let uri = contact.uri.as_sip();
            uri.is_some_and(|uri| uri.params.get("line") == Some(self.token.as_str()))
        });
        let only = match &*contacts {
            [only] => Some(only),
            _ => None,
        };
        let own = ours.or(only).and_then(NameAddr::expires);
        let secs = own.or_else(|| response.headers.expires());
        secs.map_or(self.expires, |secs| {
            Duration::from_secs(secs.into()).clamp(REFRESH_MIN, EXPIRES_MAX)
        })
    }
}

/// Retry-After, bounded: a carrier that says "in a week" is asked again within the hour.
fn retry_after(response: &Response) -> Duration {
    let wanted = response.headers.retry_after().ok().flatten();
    wanted.map_or(Duration::ZERO, |wanted| {
        Duration::from_secs(wanted.seconds.into()).min(backoff::REFUSED_LONGEST)
    })
}

fn token(trunk: &Trunk, account: &Account) -> String {
    let user = format!("{}@{}", account.user, account.server);
    let hash = Ha1::from_password(&user, &trunk.name, account.password.reveal());
    hash.hex(Algorithm::Sha256).chars().take(24).collect()
}

impl Trouble {
    fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OtherRealm(realm) => Self::OtherRealm(realm),
            Refusal::Illegible => Self::Challenge,
            Refusal::Wrong => Self::WrongPassword,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer"),
            Self::Refused(status) => write!(f, "refused: {} {}", status.code(), status.reason()),
            Self::WrongPassword => f.write_str("refused: user or password is wrong"),
            Self::OtherRealm(realm) => {
                write!(f, "refused: asked for a password of the realm \"{realm}\"")
            }
            Self::Challenge => f.write_str("refused: asked for a password in a way unknown to us"),
        }
    }
}
