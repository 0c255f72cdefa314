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
    md5: Hex,
    sha256: Hex,
}

/// A hash in lower-case hex, held in place: each check makes a handful of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex {
    letters: [u8; Self::LENGTH_MAX],
    length: usize,
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
    pub(crate) fn hash(self, parts: &[&[u8]]) -> Hex {
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
        Some(Self {
            md5: Hex::read(md5, 32)?,
            sha256: Hex::read(sha256, 64)?,
        })
    }

    /// The hash of one algorithm, in lower-case hex. As good as a password: never log it.
    #[must_use]
    pub fn hex(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Md5 => self.md5.as_str(),
            Algorithm::Sha256 => self.sha256.as_str(),
        }
    }
}

impl Hex {
    /// As long as the longest hash.
    const LENGTH_MAX: usize = 64;

    /// The hex of at most 32 bytes.
    fn of(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        let mut hex = Self {
            letters: [0; Self::LENGTH_MAX],
            length: (bytes.len() * 2).min(Self::LENGTH_MAX),
        };
        for (pair, byte) in hex.letters.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        hex
    }

    /// Takes hex of this length over, in any case.
    fn read(text: &str, length: usize) -> Option<Self> {
        let mut letters = [0; Self::LENGTH_MAX];
        let taken = letters.get_mut(..length)?;
        if text.len() != length || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        taken.copy_from_slice(text.as_bytes());
        taken.make_ascii_lowercase();
        Some(Self { letters, length })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.letters.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        // Hex digits are UTF-8.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(..)")
    }
}

fn hash_joined<D: Digest>(parts: &[&[u8]]) -> Hex {
    count_hash();
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    Hex::of(&hash.finalize())
}

/// Counts the work of a test's thread; nothing otherwise.
fn count_hash() {
    #[cfg(test)]
    tests::HASHES.with(|hashes| hashes.set(hashes.get() + 1));
}

/// The hex of at most 32 bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    Hex::of(bytes).as_str().to_owned()
}

#[cfg(test)]
mod tests;
