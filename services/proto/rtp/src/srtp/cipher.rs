//! The two ways to encrypt: AES in counter mode with HMAC-SHA1, and AES-GCM.

use aes::cipher::BlockCipherEncrypt as _;
use aes::{Aes128, Block};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::aead;
use sha1::Sha1;

use super::derivation::{Purpose, Session};
use super::index::Index;
use super::{Master, Refused, SALT_ROOM, Suite};

/// The session keys of one direction of RTP or of RTCP, ready to use.
pub(super) enum Cipher {
    /// RFC 3711 §4.1.1 and §4.2.1.
    Counter(Counter),
    /// RFC 7714.
    Gcm(Gcm),
}

impl Cipher {
    pub(super) fn new(master: &Master, purpose: Purpose) -> Self {
        let session = Session::derive(master, purpose);
        let suite = master.suite();
        match suite {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => {
                Self::Counter(Counter::new(&session))
            }
            Suite::AeadAes128Gcm => Self::Gcm(Gcm::new(&session)),
        }
    }
}

/// AES in counter mode, and HMAC-SHA1 over what it made.
pub(super) struct Counter {
    aes: Aes128,
    salt: [u8; SALT_ROOM],
    authentication: Hmac<Sha1>,
}

impl Counter {
    fn new(session: &Session) -> Self {
        Self {
            aes: Aes128::new(&session.encryption.into()),
            salt: session.salt,
            authentication: Hmac::new(&padded(&session.authentication)),
        }
    }

    /// Encrypts or decrypts, which is the same.
    pub(super) fn apply(&self, ssrc: u32, index: Index, bytes: &mut [u8]) {
        let mut start = [0; 16];
        let parts = self.salt.iter().zip(counter_base(ssrc, index.0));
        for (place, (salt, part)) in start.iter_mut().zip(parts) {
            *place = salt ^ part;
        }
        key_stream(&self.aes, start, bytes);
    }

    /// The whole tag over a packet and what goes with it unsent: the rollover counter.
    pub(super) fn tag(&self, packet: &[u8], unsent: &[u8]) -> [u8; 20] {
        let mut context = self.authentication.clone();
        context.update(packet);
        context.update(unsent);
        context.finalize().into_bytes().into()
    }

    /// Whether `tag` begins what [`Self::tag`] gives; takes the same time wherever they differ.
    pub(super) fn verify(&self, packet: &[u8], unsent: &[u8], tag: &[u8]) -> Result<(), Refused> {
        let expected = self.tag(packet, unsent);
        let differences = expected.iter().zip(tag);
        let difference = differences.fold(0, |all, (left, right)| all | (left ^ right));
        if std::hint::black_box(difference) == 0 {
            Ok(())
        } else {
            Err(Refused::Forged)
        }
    }
}

/// A key of HMAC-SHA1 with the zeros RFC 2104 §2 puts behind it.
fn padded(key: &[u8; 20]) -> hmac::digest::Key<Hmac<Sha1>> {
    let mut padded = hmac::digest::Key::<Hmac<Sha1>>::default();
    for (place, octet) in padded.iter_mut().zip(key) {
        *place = *octet;
    }
    padded
}

/// AES-GCM, whose tag authenticates header and payload.
pub(super) struct Gcm {
    key: Option<aead::LessSafeKey>,
    salt: [u8; 12],
}

impl Gcm {
    fn new(session: &Session) -> Self {
        let key = aead::UnboundKey::new(&aead::AES_128_GCM, &session.encryption);
        let mut salt = [0; 12];
        for (place, octet) in salt.iter_mut().zip(session.salt) {
            *place = octet;
        }
        Self {
            // A key of 16 octets is never refused.
            key: key.ok().map(aead::LessSafeKey::new),
            salt,
        }
    }

    /// The nonce of RFC 7714 §8.1 and §9.1: both are 0, SSRC, 48 bits of index, under the salt.
    fn nonce(&self, ssrc: u32, index: Index) -> aead::Nonce {
        let [s0, s1, s2, s3] = ssrc.to_be_bytes();
        let [_, _, i0, i1, i2, i3, i4, i5] = index.0.to_be_bytes();
        let mut nonce = [0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5];
        for (place, salt) in nonce.iter_mut().zip(self.salt) {
            *place ^= salt;
        }
        aead::Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts in place; the tag to append.
    pub(super) fn seal(
        &self,
        ssrc: u32,
        index: Index,
        associated: &[u8],
        bytes: &mut [u8],
    ) -> Result<aead::Tag, Refused> {
        let key = self.key.as_ref().ok_or(Refused::KeyUsedUp)?;
        let associated = aead::Aad::from(associated);
        key.seal_in_place_separate_tag(self.nonce(ssrc, index), associated, bytes)
            .map_err(|_| Refused::Malformed)
    }

    /// Decrypts in place what ends in its tag.
    pub(super) fn open(
        &self,
        ssrc: u32,
        index: Index,
        associated: &[u8],
        bytes: &mut [u8],
    ) -> Result<(), Refused> {
        let key = self.key.as_ref().ok_or(Refused::KeyUsedUp)?;
        let associated = aead::Aad::from(associated);
        key.open_in_place(self.nonce(ssrc, index), associated, bytes)
            .map(|_| ())
            .map_err(|_| Refused::Forged)
    }
}

/// SSRC and packet index where RFC 3711 §4.1.1 puts them: octets 4 to 14.
const fn counter_base(ssrc: u32, index: u64) -> [u8; SALT_ROOM] {
    let [s0, s1, s2, s3] = ssrc.to_be_bytes();
    let [_, _, i0, i1, i2, i3, i4, i5] = index.to_be_bytes();
    [0, 0, 0, 0, s0, s1, s2, s3, i0, i1, i2, i3, i4, i5]
}

/// XORs the key stream that begins at `start` over `bytes`, eight blocks at a time.
pub(super) fn key_stream(aes: &Aes128, start: [u8; 16], bytes: &mut [u8]) {
    let mut counter = u128::from_be_bytes(start);
    for chunk in bytes.chunks_mut(16 * BLOCKS) {
        let mut blocks = [Block::from([0; 16]); BLOCKS];
        let needed = chunk.len().div_ceil(16);
        let used = blocks.get_mut(..needed).unwrap_or_default();
        for block in &mut *used {
            *block = Block::from(counter.to_be_bytes());
            counter = counter.wrapping_add(1);
        }
        aes.encrypt_blocks(used);
        let (whole, rest) = chunk.as_chunks_mut::<16>();
        let mut keys = used.iter().map(|block| <[u8; 16]>::from(*block));
        for (place, key) in whole.iter_mut().zip(keys.by_ref()) {
            let mixed = u128::from_ne_bytes(*place) ^ u128::from_ne_bytes(key);
            *place = mixed.to_ne_bytes();
        }
        for (place, key) in rest.iter_mut().zip(keys.flatten()) {
            *place ^= key;
        }
    }
}

/// Blocks encrypted together: what processors with AES instructions keep in flight.
const BLOCKS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stream_of_the_rfc_comes_out() {
        // RFC 3711 appendix B.2.
        let key = hex::decode("2b7e151628aed2a6abf7158809cf4f3c").expect("hex");
        let start = hex::decode("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000").expect("hex");
        let key: [u8; 16] = key.try_into().expect("16 octets");
        let start: [u8; 16] = start.try_into().expect("16 octets");
        let mut stream = [0; 48];
        key_stream(&Aes128::new(&key.into()), start, &mut stream);
        assert_eq!(
            hex::encode(stream),
            "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab\
             41e95b3bb0a2e8dd477901e4fca894c0"
        );
    }

    #[test]
    fn long_packets_continue_the_stream() {
        let aes = Aes128::new(&[7; 16].into());
        let mut whole = [0; 300];
        key_stream(&aes, [0; 16], &mut whole);
        let mut tail = [0; 300 - 256];
        let mut start = [0; 16];
        start[15] = 16;
        key_stream(&aes, start, &mut tail);
        assert_eq!(whole[256..], tail);
    }

    #[test]
    fn aes_gcm_is_that_of_the_rfc() {
        // RFC 7714 §16.1.1.
        let gcm = Gcm::new(&Session {
            encryption: std::array::from_fn(|at| u8::try_from(at).unwrap_or(0)),
            authentication: [0; 20],
            salt: *b"Quid pro quo\0\0",
        });
        let header = hex::decode("8040f17b8041f8d35501a0b2").expect("hex");
        let mut payload = b"Gallia est omnis divisa in partes tres".to_vec();
        let tag = gcm
            .seal(0x5501_a0b2, Index(0xf17b), &header, &mut payload)
            .expect("a key");
        payload.extend_from_slice(tag.as_ref());
        assert_eq!(
            hex::encode(&payload),
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b\
             36de3adf8833899d7f27beb16a9152cf765ee4390cce"
        );
        gcm.open(0x5501_a0b2, Index(0xf17b), &header, &mut payload)
            .expect("authentic");
        assert!(payload.starts_with(b"Gallia est"));
    }
}
