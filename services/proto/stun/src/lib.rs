//! STUN binding requests and answers (RFC 8489), as phones keep a UDP flow alive with them.
//!
//! What this crate must never do: open a socket, draw entropy, or panic on bytes from a peer.
//! Read first: [`answer`], then [`Message`].
//!
//! Phones send binding requests to the SIP port (RFC 5626 §3.5.2 and §8): nobody is authenticated
//! there, and a request costs one answer of at most its own length and 36 bytes.

mod address;
mod attribute;
mod crc;
mod message;

pub use attribute::Attribute;
pub use message::{Class, Message, TransactionId};

use std::net::SocketAddr;

/// What every STUN message has in its bytes 4 to 7 (RFC 8489 §5).
pub const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// The one method there is a use for here.
pub const BINDING: u16 = 0x001;

/// Most comprehension-required attributes that one refusal names.
const UNKNOWN_NAMED_MAX: usize = 16;

/// Bytes that are no STUN message, or one that was changed on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The first two bits or the magic cookie are wrong.
    #[error("not STUN at all")]
    NotStun,
    /// The length field does not fit what came.
    #[error("the length of the STUN message is wrong")]
    Length,
    /// An attribute ends beyond the message or cannot be read.
    #[error("a STUN attribute cannot be read")]
    Attribute,
    /// FINGERPRINT does not match, or is not the last attribute.
    #[error("the fingerprint of the STUN message is wrong")]
    Fingerprint,
    /// An answer to another request than ours.
    #[error("the STUN message answers another request")]
    Stray,
    /// The server refused, with this code.
    #[error("the STUN server refused with code {0}")]
    Refused(u16),
    /// A success without an address.
    #[error("the STUN server named no address")]
    NoAddress,
}

/// Whether a datagram is for this crate; SIP begins with a letter, so the two never meet.
#[must_use]
pub fn is_stun(bytes: &[u8]) -> bool {
    const FIRST_TWO_BITS: u8 = 0b1100_0000;
    bytes
        .first()
        .is_some_and(|first| first & FIRST_TWO_BITS == 0)
        && bytes.get(4..8) == Some(&MAGIC_COOKIE[..])
}

/// The answer to a binding request that came from `source` (RFC 8489 §6.3.1 and §12); `None` for
/// everything else, which is passed over in silence.
#[must_use]
pub fn answer(bytes: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let request = Message::parse(bytes).ok()?;
    if request.class != Class::Request || request.method != BINDING {
        return None;
    }
    let mut unknown: Vec<u16> = request.unknown_required().collect();
    unknown.truncate(UNKNOWN_NAMED_MAX);
    let (class, attributes) = if unknown.is_empty() {
        (Class::Success, vec![Attribute::XorMappedAddress(source)])
    } else {
        let refused = Attribute::ErrorCode {
            code: 420,
            reason: "Unknown Attribute".to_owned(),
        };
        (
            Class::Error,
            vec![refused, Attribute::UnknownAttributes(unknown)],
        )
    };
    let answer = Message {
        class,
        method: BINDING,
        transaction: request.transaction,
        attributes,
        fingerprint: request.fingerprint,
    };
    Some(answer.to_bytes())
}

/// A binding request; `transaction` must not be guessable.
#[must_use]
pub fn binding_request(transaction: TransactionId) -> Vec<u8> {
    let request = Message {
        class: Class::Request,
        method: BINDING,
        transaction,
        attributes: Vec::new(),
        fingerprint: true,
    };
    request.to_bytes()
}

/// Our own address as the server saw it, from its answer to the binding request `transaction`.
///
/// # Errors
/// When the bytes are no answer to it, or a refusal.
pub fn mapped_address(bytes: &[u8], transaction: TransactionId) -> Result<SocketAddr, Fault> {
    let answer = Message::parse(bytes)?;
    if answer.method != BINDING || answer.transaction != transaction {
        return Err(Fault::Stray);
    }
    match answer.class {
        Class::Success => answer.mapped_address().ok_or(Fault::NoAddress),
        Class::Error => Err(Fault::Refused(answer.error_code().unwrap_or(0))),
        Class::Request | Class::Indication => Err(Fault::Stray),
    }
}

#[cfg(test)]
mod tests;
