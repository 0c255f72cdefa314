//! Our credentials at a server (RFC 3261 §22.2, RFC 7616, RFC 8760).
//!
//! A password answers for one realm only: the one configured, or the first that asked. A server
//! that could name another realm would get hashes to guess the password from.

use sip::digest::{Challenge, Ha1};
use sip::transaction::ClientId;
use sip::{HeaderName, Request, Response, StatusCode};

use super::Login;
use super::state::{Cx, Leg};
use super::table::Purpose;
use crate::secrets::Secrets;

/// How often one request is answered with a challenge before we believe that the password is
/// wrong: once for a proxy, once for the server, once for a nonce that has run out.
const TRIES_MAX: u8 = 3;

/// A login and the challenges it answers.
#[derive(Debug)]
pub(super) struct Challenges {
    login: Login,
    /// The realm it keeps to.
    realm: Option<String>,
    answers: Vec<Answer>,
}

/// One server's last challenge; later requests answer it unasked (RFC 3261 §22.2).
#[derive(Debug)]
struct Answer {
    /// Where credentials go: Authorization or Proxy-Authorization.
    field: HeaderName,
    challenge: Challenge,
    ha1: Ha1,
    /// Requests sent with this nonce.
    count: u32,
}

impl Challenges {
    pub(super) fn new(login: Login) -> Self {
        Self {
            realm: login.realm.clone(),
            login,
            answers: Vec::new(),
        }
    }

    pub(super) const fn login(&self) -> &Login {
        &self.login
    }

    pub(super) fn realm(&self) -> Option<&str> {
        self.realm.as_deref()
    }

    /// A login that has found its realm in an earlier process.
    pub(super) fn pinned(login: Login, realm: Option<String>) -> Self {
        Self {
            realm,
            ..Self::new(login)
        }
    }

    /// Puts credentials for every known challenge into a request; never into ACK or CANCEL, which
    /// cannot be challenged.
    pub(super) fn authorize(&mut self, secrets: &mut Secrets, request: &mut Request) {
        let uri = request.uri.to_string();
        for answer in &mut self.answers {
            answer.count = answer.count.saturating_add(1);
            let cnonce = format!("{:016x}", secrets.number());
            let value = answer.challenge.answer(
                &self.login.user,
                &answer.ha1,
                &request.method,
                &uri,
                answer.count,
                &cnonce,
            );
            request.headers.set(answer.field.clone(), value);
        }
    }

    /// Takes the challenge in a 401 or 407; false when it is not for us, or our credentials were
    /// just refused.
    fn take(&mut self, request: &Request, response: &Response) -> bool {
        let (asks, field) = match response.status {
            StatusCode::UNAUTHORIZED => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => (
                HeaderName::ProxyAuthenticate,
                HeaderName::ProxyAuthorization,
            ),
            _ => return false,
        };
        let ours = |challenge: &Challenge| match &self.realm {
            Some(realm) => challenge.realm == *realm,
            None => true,
        };
        let offered = response.headers.all(&asks).filter_map(Challenge::parse);
        // RFC 8760 §2.4: the first that we can answer is the server's favourite; but old servers
        // put MD5 first.
        let best = offered.filter(ours).max_by_key(|one| one.algorithm);
        let Some(challenge) = best else { return false };
        let sent = request.headers.credentials(&field);
        let refused = |nonce: &str| nonce == challenge.nonce && !challenge.stale;
        if sent.into_iter().any(|one| refused(&one.nonce)) {
            return false;
        }
        self.realm = Some(challenge.realm.clone());
        let password = self.login.password.reveal();
        let ha1 = Ha1::from_password(&self.login.user, &challenge.realm, password);
        self.answers.retain(|known| known.field != field);
        self.answers.push(Answer {
            field,
            challenge,
            ha1,
            count: 0,
        });
        true
    }
}

impl Leg {
    /// Sends a request again with credentials, under the next CSeq (RFC 3261 §22.2). False when
    /// that is not what its response asks for, or it was in vain.
    pub(super) fn answer_challenge(
        &mut self,
        cx: &mut Cx<'_>,
        id: ClientId,
        response: &Response,
    ) -> bool {
        let asked = matches!(
            response.status,
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        );
        let sent = cx.shared.clients.get(&id);
        let may_sign = sent.is_some_and(|sent| self.may_sign(cx.core, sent.purpose));
        let Some(challenges) = self.challenges.as_mut().filter(|_| asked && may_sign) else {
            return false;
        };
        let Some(sent) = cx.shared.clients.get_mut(&id) else {
            return false;
        };
        if sent.tries >= TRIES_MAX {
            return false;
        }
        let (purpose, tries) = (sent.purpose, sent.tries.saturating_add(1));
        let Some(request) = sent.request.take() else {
            return false;
        };
        if !challenges.take(&request, response) {
            sent.request = Some(request);
            return false;
        }
        let mut request = *request;
        let cseq = match purpose {
            Purpose::Prack(fork) => match self.fork(fork) {
                Some(fork) => next(&mut fork.dialog.local_cseq),
                None => return false,
            },
            Purpose::LateBye => request
                .headers
                .cseq()
                .map_or(0, |cseq| cseq.number.saturating_add(1)),
            Purpose::Invite
            | Purpose::Exchange
            | Purpose::Bye
            | Purpose::Info
            | Purpose::Notify => next(&mut self.dialog.local_cseq),
        };
        let value = format!("{cseq} {}", request.method);
        request.headers.set(HeaderName::CSeq, value);
        request.headers.remove(&HeaderName::Via);
        if let Some(challenges) = &mut self.challenges {
            challenges.authorize(&mut cx.core.secrets, &mut request);
        }
        self.forget(cx, id);
        self.resend(cx, request, purpose, tries);
        true
    }
}

const fn next(cseq: &mut u32) -> u32 {
    *cseq = cseq.saturating_add(1);
    *cseq
}
