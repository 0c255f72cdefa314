//! Digest authentication (RFC 7616, RFC 8760; RFC 3261 §22), for both sides.
//!
//! A server keeps no nonces: a nonce carries its own time under a key of ours, and only the highest
//! `nc` of each recently used one is remembered, in a bounded window.

mod credentials;
mod nonce;
mod verify;

pub use credentials::{Challenge, Credentials};
pub use nonce::NONCE_LIFETIME;
pub use verify::{Authenticator, StaleCause, Verdict};

use md5::{Digest, Md5};
use sha2::Sha256;
use std::fmt;

/// The hash a digest is made with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Algorithm {
    /// `MD5`, for phones that know nothing else.
    Md5,
    /// `SHA-256` (RFC 8760).
    Sha256,
}

/// What a server stores instead of a password: H(user:realm:password) in both algorithms.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    md5: String,
    sha256: String,
}

impl Algorithm {
    /// Reads the `algorithm` parameter without case; `None` for those we do not speak.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("MD5") {
            Some(Self::Md5)
        } else if text.eq_ignore_ascii_case("SHA-256") {
            Some(Self::Sha256)
        } else {
            None
        }
    }

    /// As written in a challenge.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Lower-case hex of the hash of `parts` joined by colons.
    pub(crate) fn hash(self, parts: &[&[u8]]) -> String {
        match self {
            Self::Md5 => hash_joined::<Md5>(parts),
            Self::Sha256 => hash_joined::<Sha256>(parts),
        }
    }
}

impl Ha1 {
    /// Computes both hashes of a password.
    #[must_use]
    pub fn from_password(user: &str, realm: &str, password: &str) -> Self {
        let parts = [user.as_bytes(), realm.as_bytes(), password.as_bytes()];
        Self {
            md5: Algorithm::Md5.hash(&parts),
            sha256: Algorithm::Sha256.hash(&parts),
        }
    }

    /// Takes stored hashes: 32 and 64 hex digits; `None` when they are not.
    #[must_use]
    pub fn from_hex(md5: &str, sha256: &str) -> Option<Self> {
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if md5.len() != 32 || sha256.len() != 64 || !is_hex(md5) || !is_hex(sha256) {
            return None;
        }
        Some(Self {
            md5: md5.to_ascii_lowercase(),
            sha256: sha256.to_ascii_lowercase(),
        })
    }

    /// The hash of one algorithm, in lower-case hex. As good as a password: never log it.
    #[must_use]
    pub fn hex(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
        }
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(..)")
    }
}

fn hash_joined<D: Digest>(parts: &[&[u8]]) -> String {
    count_hash();
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Counts the work of a test's thread; nothing otherwise.
fn count_hash() {
    #[cfg(test)]
    tests::HASHES.with(|hashes| hashes.set(hashes.get() + 1));
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests;
