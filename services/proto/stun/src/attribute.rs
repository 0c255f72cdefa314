//! Attributes (RFC 8489 §14).

use std::net::SocketAddr;

use crate::address::{self, Mask};
use crate::message::TransactionId;

const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const SOFTWARE: u16 = 0x8022;
pub(crate) const FINGERPRINT: u16 = 0x8028;

/// Attributes of RFC 8489 that authenticate somebody: known, so never refused, and without a
/// meaning for who asks for nothing but his address. USERNAME, MESSAGE-INTEGRITY, REALM, NONCE,
/// MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH.
const AUTHENTICATING: [u16; 7] = [0x0006, 0x0008, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e];
/// Behind one of these two only the other and FINGERPRINT count (RFC 8489 §14.5 and §14.6).
const INTEGRITY: [u16; 2] = [0x0008, 0x001c];
/// Types below this must be understood (RFC 8489 §14).
const OPTIONAL_FROM: u16 = 0x8000;

/// One attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attribute {
    /// Where a request came from, masked against meddling routers.
    XorMappedAddress(SocketAddr),
    /// The same in clear, from servers of RFC 3489.
    MappedAddress(SocketAddr),
    /// Why a request was refused.
    ErrorCode {
        /// 300 to 699.
        code: u16,
        /// In words.
        reason: String,
    },
    /// Types the server must understand and does not.
    UnknownAttributes(Vec<u16>),
    /// Who made the message.
    Software(String),
    /// Any other, as sent.
    Other {
        /// Its type.
        kind: u16,
        /// Its value without padding.
        value: Vec<u8>,
    },
}

impl Attribute {
    /// Reads an attribute; `None` when its value is not what its type says.
    pub(crate) fn read(kind: u16, value: &[u8], transaction: TransactionId) -> Option<Self> {
        Some(match kind {
            MAPPED_ADDRESS => Self::MappedAddress(address::read(value, Mask::None)?),
            XOR_MAPPED_ADDRESS => {
                Self::XorMappedAddress(address::read(value, Mask::Of(transaction))?)
            }
            ERROR_CODE => {
                let [_, _, class, number, reason @ ..] = value else {
                    return None;
                };
                if !(3..=6).contains(class) || *number > 99 {
                    return None;
                }
                Self::ErrorCode {
                    code: u16::from(*class) * 100 + u16::from(*number),
                    reason: str::from_utf8(reason).ok()?.to_owned(),
                }
            }
            UNKNOWN_ATTRIBUTES => {
                let (pairs, []) = value.as_chunks::<2>() else {
                    return None;
                };
                Self::UnknownAttributes(pairs.iter().copied().map(u16::from_be_bytes).collect())
            }
            SOFTWARE => Self::Software(str::from_utf8(value).ok()?.to_owned()),
            _ => Self::Other {
                kind,
                value: value.to_vec(),
            },
        })
    }

    /// Type and value as they go on the wire.
    pub(crate) fn parts(&self, transaction: TransactionId) -> (u16, Vec<u8>) {
        let mut value = Vec::new();
        let kind = match self {
            Self::XorMappedAddress(address) => {
                address::write(&mut value, *address, Mask::Of(transaction));
                XOR_MAPPED_ADDRESS
            }
            Self::MappedAddress(address) => {
                address::write(&mut value, *address, Mask::None);
                MAPPED_ADDRESS
            }
            Self::ErrorCode { code, reason } => {
                let class = u8::try_from(code / 100).unwrap_or(0);
                let number = u8::try_from(code % 100).unwrap_or(0);
                value.extend_from_slice(&[0, 0, class, number]);
                value.extend_from_slice(reason.as_bytes());
                ERROR_CODE
            }
            Self::UnknownAttributes(kinds) => {
                value.extend(kinds.iter().flat_map(|kind| kind.to_be_bytes()));
                UNKNOWN_ATTRIBUTES
            }
            Self::Software(name) => {
                value.extend_from_slice(name.as_bytes());
                SOFTWARE
            }
            Self::Other { kind, value: bytes } => {
                value.extend_from_slice(bytes);
                *kind
            }
        };
        (kind, value)
    }

    /// The type, when it must be understood and is not.
    pub(crate) fn unknown_required(&self) -> Option<u16> {
        match self {
            Self::Other { kind, .. } if *kind < OPTIONAL_FROM && !AUTHENTICATING.contains(kind) => {
                Some(*kind)
            }
            Self::Other { .. }
            | Self::XorMappedAddress(_)
            | Self::MappedAddress(_)
            | Self::ErrorCode { .. }
            | Self::UnknownAttributes(_)
            | Self::Software(_) => None,
        }
    }
}

/// Whether what follows an attribute of this type no longer counts.
pub(crate) fn ends_message(kind: u16) -> bool {
    INTEGRITY.contains(&kind)
}
