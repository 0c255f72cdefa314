//! SRTP and SRTCP with keys from SDP (RFC 3711, RFC 7714; the `a=crypto` lines of RFC 4568 are the
//! `sdp` crate's).
//!
//! ```text
//!   master key and salt ──derive──> session keys ──> Sender:   protect   in place
//!   (one a=crypto line)                         └──> Receiver: unprotect in place
//! ```
//! Both directions have a key of their own, so an endpoint has one [`Sender`] and one
//! [`Receiver`]. New keys from the peer mean a new one of them (pbx trap 21); the same keys again,
//! as after most re-INVITEs, mean the old one goes on, or its rollover counter would be lost.
//! Read first: [`Sender::protect_rtp`], then [`Receiver::unprotect_rtp`].

mod cipher;
mod derivation;
mod index;
mod receiver;
mod sender;

use std::fmt;

pub use index::Position;
pub use receiver::Receiver;
pub use sender::Sender;

/// A way to encrypt and authenticate, by its name in SDP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80` (RFC 4568 §6.2.1): what every phone has.
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32` (RFC 4568 §6.2.2): a shorter tag on RTP, 80 bits on RTCP.
    AesCm128HmacSha1_32,
    /// `AEAD_AES_128_GCM` (RFC 7714 §14.1).
    AeadAes128Gcm,
}

impl Suite {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::AesCm128HmacSha1_80,
        Self::AeadAes128Gcm,
        Self::AesCm128HmacSha1_32,
    ];

    /// Its name in `a=crypto`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
        }
    }

    /// Octets of master key and master salt together.
    #[must_use]
    pub const fn master_length(self) -> usize {
        KEY_LENGTH + self.salt_length()
    }

    /// Octets a packet grows by at most, so that buffers can be made once.
    #[must_use]
    pub const fn overhead(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 10 + 4,
            Self::AeadAes128Gcm => 16 + 4,
        }
    }

    const fn salt_length(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 14,
            Self::AeadAes128Gcm => 12,
        }
    }

    const fn rtp_tag(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
            Self::AeadAes128Gcm => 16,
        }
    }

    const fn rtcp_tag(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 10,
            Self::AeadAes128Gcm => 16,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A master key with its salt and the suite they are for. `Debug` shows the suite only.
#[derive(Clone, PartialEq, Eq)]
pub struct Master {
    suite: Suite,
    key: [u8; KEY_LENGTH],
    /// The salt, with zeros behind a shorter one (RFC 7714 §11).
    salt: [u8; SALT_ROOM],
}

impl Master {
    /// From key and salt one behind the other, as `inline:` has them.
    ///
    /// # Errors
    /// When there are not [`Suite::master_length`] octets.
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Result<Self, WrongLength> {
        let wrong = WrongLength {
            suite,
            length: key_and_salt.len(),
        };
        if key_and_salt.len() != suite.master_length() {
            return Err(wrong);
        }
        let (key, rest) = key_and_salt
            .split_first_chunk::<KEY_LENGTH>()
            .ok_or(wrong)?;
        let mut salt = [0; SALT_ROOM];
        for (place, octet) in salt.iter_mut().zip(rest) {
            *place = *octet;
        }
        Ok(Self {
            suite,
            key: *key,
            salt,
        })
    }

    /// The suite it is for.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Master({}, ..)", self.suite)
    }
}

/// A key that does not fit its suite.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{suite} takes {} octets of key and salt, not {length}", suite.master_length())]
pub struct WrongLength {
    /// The suite.
    pub suite: Suite,
    /// How many octets came.
    pub length: usize,
}

/// Why a packet is neither protected nor unprotected. The packet is to be dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Refused {
    /// It is no RTP or RTCP, or too short to carry a tag.
    #[error("the packet is malformed")]
    Malformed,
    /// The tag is not what the key makes of the packet.
    #[error("the packet is not authentic")]
    Forged,
    /// The packet came before, or is too old to know (RFC 3711 §3.3.2).
    #[error("the packet is a replay")]
    Replayed,
    /// The key has protected as many packets as it may (RFC 3711 §9.2).
    #[error("the key is used up")]
    KeyUsedUp,
}

/// The sender an RTCP packet begins with; its key stream and its index are those of this SSRC.
fn rtcp_ssrc(packet: &[u8]) -> Result<u32, Refused> {
    let Some(([_, _, _, _, ssrc @ ..], _)) = packet.split_first_chunk::<8>() else {
        return Err(Refused::Malformed);
    };
    Ok(u32::from_be_bytes(*ssrc))
}

/// What AES-GCM authenticates of an RTCP packet besides its payload (RFC 7714 §9.2).
fn rtcp_associated(header: &[u8], trailer: [u8; 4]) -> [u8; 12] {
    let mut associated = [0; 12];
    for (place, octet) in associated.iter_mut().zip(header.iter().chain(&trailer)) {
        *place = *octet;
    }
    associated
}

/// The E bit beside an SRTCP index: the payload is encrypted (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;
/// Streams remembered a direction. A phone has one; some take a new SSRC after every hold.
const STREAMS_MAX: usize = 32;
/// Octets of a master key.
const KEY_LENGTH: usize = 16;
/// Octets of the longest master salt.
const SALT_ROOM: usize = 14;

#[cfg(test)]
mod tests;
