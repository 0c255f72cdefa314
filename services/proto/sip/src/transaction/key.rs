//! What makes two messages part of the same transaction (RFC 3261 §17.1.3 and §17.2.3).

use std::hash::{BuildHasher, Hasher};

use crate::fault::HeaderFault;
use crate::header_name::HeaderName;
use crate::message::{Request, Response};
use crate::method::Method;
use crate::via::MAGIC_COOKIE;

/// Identity of a request we were sent, as a keyed hash of 128 bits: a stranger chooses what goes
/// into it, as long as he likes, and thousands are kept. Who does not know the key cannot make two
/// that are alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct ServerKey([u64; 2]);

/// Identity of a request we sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct ClientKey {
    pub(super) branch: Box<str>,
    pub(super) method: Method,
}

impl ServerKey {
    /// The key of a request as it came. An ACK has the key of its INVITE; a CANCEL has its own.
    pub(super) fn of(request: &Request, keyed: &impl BuildHasher) -> Result<Self, HeaderFault> {
        let method = match &request.method {
            Method::Ack => &Method::Invite,
            method => method,
        };
        Self::with_method(request, method, keyed)
    }

    #[cfg(test)]
    pub(super) const fn numbered(number: u64) -> Self {
        Self([number, 0])
    }

    /// The key of the INVITE that a CANCEL is about.
    pub(super) fn of_invite(
        cancel: &Request,
        keyed: &impl BuildHasher,
    ) -> Result<Self, HeaderFault> {
        Self::with_method(cancel, &Method::Invite, keyed)
    }

    /// Branch and sent-by; or for a peer of RFC 2543 everything that tells its requests apart.
    fn with_method(
        request: &Request,
        method: &Method,
        keyed: &impl BuildHasher,
    ) -> Result<Self, HeaderFault> {
        let mut halves = Halves::new(keyed);
        halves.write(method.as_str());
        let via = request.headers.via_ref()?;
        match via.branch() {
            Some(branch) if is_unique(branch) => {
                halves.write_lower(&via.host);
                halves.write_port(via.port.unwrap_or(0));
                halves.write(branch);
            }
            // The To tag is left out: the ACK has one that the INVITE has not, and the rest is
            // enough to tell a dialog's requests apart.
            Some(_) | None => {
                let from = request.headers.address_ref(HeaderName::From)?;
                halves.write(&request.uri.to_string());
                halves.write(from.tag().unwrap_or_default());
                halves.write(request.headers.call_id()?);
                halves.write(&request.headers.cseq()?.number.to_string());
                halves.write(&via.into_owned().to_string());
            }
        }
        Ok(halves.finish())
    }
}

/// Two hashes of the same texts, told apart by what goes first.
struct Halves<H>([H; 2]);

/// Stands behind every text, and in none: it is not UTF-8.
const END: u8 = 0xff;

impl<H: Hasher> Halves<H> {
    fn new(keyed: &impl BuildHasher<Hasher = H>) -> Self {
        Self([0, 1].map(|half| {
            let mut hash = keyed.build_hasher();
            hash.write_u8(half);
            hash
        }))
    }

    fn write(&mut self, text: &str) {
        for half in &mut self.0 {
            half.write(text.as_bytes());
            half.write_u8(END);
        }
    }

    fn write_lower(&mut self, text: &str) {
        for half in &mut self.0 {
            for byte in text.bytes() {
                half.write_u8(byte.to_ascii_lowercase());
            }
            half.write_u8(END);
        }
    }

    fn write_port(&mut self, port: u16) {
        for half in &mut self.0 {
            half.write_u16(port);
        }
    }

    fn finish(&self) -> ServerKey {
        ServerKey(self.0.each_ref().map(Hasher::finish))
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

/// Whether the branch alone names the transaction. The bare cookie is no name (RFC 4475 §3.2.1).
fn is_unique(branch: &str) -> bool {
    let cookie = branch.get(..MAGIC_COOKIE.len());
    cookie.is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC_COOKIE))
        && branch.len() > MAGIC_COOKIE.len()
}
