//! Messages: header, attributes, fingerprint (RFC 8489 §5).

use std::net::SocketAddr;

use crate::attribute::{Attribute, FINGERPRINT, ends_message};
use crate::crc::crc32;
use crate::{Fault, MAGIC_COOKIE, is_stun};

const HEADER_BYTES: usize = 20;
/// What the checksum is masked with, so that it differs from one the payload may have itself.
const FINGERPRINT_MASK: u32 = 0x5354_554e;
const FINGERPRINT_BYTES: usize = 8;
/// Most attributes of one message that are read; a binding request has three or four.
const ATTRIBUTES_MAX: usize = 64;

/// Names a request and its answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TransactionId(pub [u8; 12]);

/// What kind of message it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// An answer with what was wanted.
    Success,
    /// A refusal.
    Error,
}

/// One STUN message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// What kind it is.
    pub class: Class,
    /// 12 bits; [`BINDING`](crate::BINDING) or something we do not do.
    pub method: u16,
    /// Names it and its answer.
    pub transaction: TransactionId,
    /// Its attributes in order, without FINGERPRINT and what does not count.
    pub attributes: Vec<Attribute>,
    /// Whether it ends with a FINGERPRINT; a wrong one is a [`Fault`].
    pub fingerprint: bool,
}

impl Message {
    /// Reads a message that fills the bytes.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if !is_stun(bytes) {
            return Err(Fault::NotStun);
        }
        let (header, mut rest) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(Fault::Length)?;
        let [
            high,
            low,
            length_high,
            length_low,
            _,
            _,
            _,
            _,
            transaction @ ..,
        ] = *header;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        if length != rest.len() || length % 4 != 0 {
            return Err(Fault::Length);
        }
        let (class, method) = class_and_method(u16::from_be_bytes([high, low]));
        let mut message = Self {
            class,
            method,
            transaction: TransactionId(transaction),
            attributes: Vec::new(),
            fingerprint: false,
        };
        let mut counts = true;
        for _ in 0..ATTRIBUTES_MAX {
            if rest.is_empty() {
                return Ok(message);
            }
            let (kind, value, tail) = attribute(rest).ok_or(Fault::Attribute)?;
            if kind == FINGERPRINT {
                let covered = bytes.len() - rest.len();
                if !tail.is_empty() || value != checksum(bytes.get(..covered).unwrap_or_default()) {
                    return Err(Fault::Fingerprint);
                }
                message.fingerprint = true;
                return Ok(message);
            }
            if counts {
                let read = Attribute::read(kind, value, message.transaction);
                message.attributes.push(read.ok_or(Fault::Attribute)?);
            }
            counts &= !ends_message(kind);
            rest = tail;
        }
        Err(Fault::Attribute)
    }

    /// The message as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&kind_bits(self.class, self.method).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&MAGIC_COOKIE);
        out.extend_from_slice(&self.transaction.0);
        for attribute in &self.attributes {
            let (kind, value) = attribute.parts(self.transaction);
            let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
            out.extend(value.iter().take(usize::from(length)));
            out.resize(out.len().next_multiple_of(4), 0);
        }
        let extra = if self.fingerprint {
            FINGERPRINT_BYTES
        } else {
            0
        };
        let length = (out.len() - HEADER_BYTES + extra).to_be_bytes();
        if let ([.., high, low], Some(field)) = (length, out.get_mut(2..4)) {
            field.copy_from_slice(&[high, low]);
        }
        if self.fingerprint {
            let checksum = checksum(&out);
            out.extend_from_slice(&FINGERPRINT.to_be_bytes());
            out.extend_from_slice(&[0, 4]);
            out.extend_from_slice(&checksum);
        }
        out
    }

    /// Types of attributes that must be understood and are not.
    pub fn unknown_required(&self) -> impl Iterator<Item = u16> {
        self.attributes
            .iter()
            .filter_map(Attribute::unknown_required)
    }

    /// The address in a success: the masked one before one in clear.
    #[must_use]
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        let masked = self.attributes.iter().find_map(|one| match one {
            Attribute::XorMappedAddress(address) => Some(*address),
            _ => None,
        });
        masked.or_else(|| {
            self.attributes.iter().find_map(|one| match one {
                Attribute::MappedAddress(address) => Some(*address),
                _ => None,
            })
        })
    }

    /// The code in a refusal.
    #[must_use]
    pub fn error_code(&self) -> Option<u16> {
        self.attributes.iter().find_map(|one| match one {
            Attribute::ErrorCode { code, .. } => Some(*code),
            _ => None,
        })
    }
}

/// Type, value without padding, and what follows.
fn attribute(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let ([kind_high, kind_low, high, low], rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let (padded, tail) = rest.split_at_checked(length.next_multiple_of(4))?;
    let kind = u16::from_be_bytes([*kind_high, *kind_low]);
    Some((kind, padded.get(..length)?, tail))
}

/// The value of FINGERPRINT behind these bytes, whose length field already counts it.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    (crc32(bytes) ^ FINGERPRINT_MASK).to_be_bytes()
}

/// The two class bits stand between the bits of the method (RFC 8489 §5, figure 3).
fn class_and_method(bits: u16) -> (Class, u16) {
    let class = match (bits & 0x0100 != 0, bits & 0x0010 != 0) {
        (false, false) => Class::Request,
        (false, true) => Class::Indication,
        (true, false) => Class::Success,
        (true, true) => Class::Error,
    };
    let method = (bits & 0x000f) | (bits & 0x00e0) >> 1 | (bits & 0x3e00) >> 2;
    (class, method)
}

fn kind_bits(class: Class, method: u16) -> u16 {
    let class = match class {
        Class::Request => 0,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    class | (method & 0x000f) | (method & 0x0070) << 1 | (method & 0x0f80) << 2
}
