//! The keys of a backup: one that follows from the code, one of each archive, one of the box.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use sha2::{Digest as _, Sha256};

use crate::code::Code;

/// Opens and makes backups; kept by the box, which has forgotten the code.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupKey([u8; 32]);

/// Which key an archive needs; of no use to anybody who has not got it.
pub type KeyId = [u8; 8];

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl BackupKey {
    /// The key that follows from a code.
    #[must_use]
    pub fn of(code: &Code) -> Self {
        Self(derive(b"ramal backup code 1", code.bytes(), b"key"))
    }

    /// As the box keeps it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For the box to keep.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What an archive names it by.
    #[must_use]
    pub fn id(&self) -> KeyId {
        derive(b"ramal backup key 1", &self.0, b"id")
    }

    /// The key of one archive: of the whole header, which has a number that no other has.
    pub(crate) fn of_archive(&self, header: &[u8]) -> Option<ArchiveKey> {
        let salt: [u8; 32] = Sha256::digest(header).into();
        let key: [u8; 32] = derive(&salt, &self.0, b"archive");
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).ok()?;
        Some(ArchiveKey(LessSafeKey::new(key)))
    }
}

impl fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupKey")
    }
}

impl Drop for BackupKey {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

/// HKDF of RFC 5869. `N` is far below its limit, so it does not fail.
fn derive<const N: usize>(salt: &[u8], secret: &[u8], label: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let labels = [label];
    let filled = Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&labels, Length(N))
        .and_then(|okm| okm.fill(&mut out));
    debug_assert!(filled.is_ok(), "N is below the limit of HKDF");
    out
}

/// Encrypts the chunks of one archive, each by its number and whether it is the last (the STREAM
/// construction): none can be left out, moved, doubled or taken for the end.
pub(crate) struct ArchiveKey(LessSafeKey);

impl ArchiveKey {
    fn nonce(number: u32, is_last: bool) -> Nonce {
        let mut nonce = [0; 12];
        let (place, rest) = nonce.split_at_mut(4);
        place.copy_from_slice(&number.to_le_bytes());
        if let Some(flag) = rest.first_mut() {
            *flag = u8::from(is_last);
        }
        Nonce::assume_unique_for_key(nonce)
    }

    pub(crate) fn seal(&self, number: u32, is_last: bool, chunk: &mut Vec<u8>) -> Option<()> {
        let nonce = Self::nonce(number, is_last);
        self.0
            .seal_in_place_append_tag(nonce, Aad::empty(), chunk)
            .ok()
    }

    pub(crate) fn open<'a>(
        &self,
        number: u32,
        is_last: bool,
        chunk: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let nonce = Self::nonce(number, is_last);
        let opened = self.0.open_in_place(nonce, Aad::empty(), chunk).ok()?;
        Some(opened)
    }
}

/// The box as the one that makes archives. It stays in the box: it is in no backup.
pub struct Signer(SigningKey);

impl Signer {
    /// From 32 bytes that nobody can guess, as the box keeps them.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Which box it is.
    #[must_use]
    pub fn of_box(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Its signature of a message, which begins with a line that says what it is of: no signature
    /// of one thing is one of another.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    pub(crate) fn sign_archive(&self, digest: Sha256) -> [u8; 64] {
        self.sign(&message(digest))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", hex::encode(self.of_box()))
    }
}

/// Whether that box has signed this.
pub(crate) fn is_signed(of_box: &[u8; 32], digest: Sha256, signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(of_box).is_ok_and(|key| {
        let signature = Signature::from_bytes(signature);
        key.verify_strict(&message(digest), &signature).is_ok()
    })
}

/// No signature of a backup is one of anything else.
fn message(digest: Sha256) -> Vec<u8> {
    let digest: [u8; 32] = digest.finalize().into();
    [b"ramal backup 1\n".as_slice(), &digest].concat()
}
