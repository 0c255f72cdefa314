//! What makes two messages part of the same transaction (RFC 3261 §17.1.3 and §17.2.3).

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::fault::HeaderFault;
use crate::header_name::HeaderName;
use crate::message::{Request, Response};
use crate::method::Method;
use crate::via::MAGIC_COOKIE;

/// Identity of a request we were sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct ServerKey {
    /// Branch and sent-by; or for a peer of RFC 2543 everything that tells its requests apart.
    identity: Box<str>,
    method: Method,
}

/// Identity of a request we sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct ClientKey {
    pub(super) branch: Box<str>,
    pub(super) method: Method,
}

impl ServerKey {
    /// The key of a request as it came. An ACK has the key of its INVITE; a CANCEL has its own.
    pub(super) fn of(request: &Request) -> Result<Self, HeaderFault> {
        let via = request.headers.via_ref()?;
        let identity = match via.branch() {
            Some(branch) if is_unique(branch) => {
                let port = via.port.unwrap_or(0);
                let mut identity = String::with_capacity(branch.len() + via.host.len() + 7);
                identity.push_str(&via.host);
                identity.make_ascii_lowercase();
                // Writing to memory does not fail.
                let _ = write!(identity, ":{port} {branch}");
                identity
            }
            // The To tag is left out: the ACK has one that the INVITE has not, and the rest is
            // enough to tell a dialog's requests apart.
            Some(_) | None => format!(
                "{} {} {} {} {}",
                request.uri,
                request
                    .headers
                    .address_ref(HeaderName::From)?
                    .tag()
                    .unwrap_or_default(),
                request.headers.call_id()?,
                request.headers.cseq()?.number,
                via.into_owned(),
            ),
        };
        let identity = match identity.len() > IDENTITY_LENGTH_MAX {
            true => hex(&Sha256::digest(identity)),
            false => identity,
        };
        let method = match &request.method {
            Method::Ack => Method::Invite,
            method => method.clone(),
        };
        Ok(Self {
            identity: identity.into(),
            method,
        })
    }

    /// The key of the INVITE that a CANCEL with this key is about.
    pub(super) fn of_invite(&self) -> Self {
        Self {
            identity: self.identity.clone(),
            method: Method::Invite,
        }
    }
}

impl ClientKey {
    /// The key a response names; `None` when its Via or CSeq is not one we could have written.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let via = response.headers.via_ref().ok()?;
        let method = response.headers.cseq().ok()?.method;
        Some(Self {
            branch: via.branch()?.into(),
            method,
        })
    }
}

/// A longer identity stands for itself by its hash: a stranger chooses it, and thousands are kept.
const IDENTITY_LENGTH_MAX: usize = 256;

/// Whether the branch alone names the transaction. The bare cookie is no name (RFC 4475 §3.2.1).
fn is_unique(branch: &str) -> bool {
    let cookie = branch.get(..MAGIC_COOKIE.len());
    cookie.is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC_COOKIE))
        && branch.len() > MAGIC_COOKIE.len()
}
