//! An HMAC session with encrypted parameters, whose key is agreed with the storage key.
//!
//! Who only listens on the bus between processor and TPM learns nothing of the secret; who changes
//! something on it is found. Part 1 §19 (HMAC), §21 (encryption of parameters), §C.6.1 (ECDH).

use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes128, Block};
use hmac::{Hmac, Mac as _};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{PublicKey, SecretKey, ecdh};
use sansio::Entropy;
use sha2::{Digest as _, Sha256};

use crate::Fault;
use crate::command::{ALG_AES, ALG_CFB, ALG_SHA256, Command, NO_SESSIONS, SESSIONS};
use crate::command::{START_AUTH_SESSION, point};
use crate::secret::Secret;
use crate::wire::{Reader, Writer};

/// Everything random of one dialogue, from one draw: each by a number of its own.
pub(crate) struct Draws {
    entropy: Entropy,
    count: u8,
}

impl Draws {
    pub(crate) const fn new(entropy: Entropy) -> Self {
        Self { entropy, count: 0 }
    }

    fn next(&mut self) -> Secret {
        self.count = self.count.wrapping_add(1);
        let hmac = mac(self.entropy.bytes(), &[b"draw", &[self.count]]);
        Secret::new(hmac.to_vec())
    }
}

/// A storage key in the TPM.
#[derive(Clone)]
pub(crate) struct StorageKey {
    pub(crate) handle: u32,
    /// Its public area.
    pub(crate) area: Vec<u8>,
    pub(crate) name: Vec<u8>,
}

/// A session that was asked for.
pub(crate) struct Opening {
    salt: Secret,
    nonce: Secret,
}

impl Opening {
    /// The command that opens a session with the key.
    pub(crate) fn with(key: &StorageKey, draws: &mut Draws) -> Result<(Self, Vec<u8>), Fault> {
        let (x, y) = point(&key.area).ok_or(UNFIT_KEY)?;
        let (x, y) = (padded(x).ok_or(UNFIT_KEY)?, padded(y).ok_or(UNFIT_KEY)?);
        let theirs = [&[UNCOMPRESSED][..], &x, &y].concat();
        let theirs = PublicKey::from_sec1_bytes(&theirs).map_err(|_| UNFIT_KEY)?;
        // A number beyond the order of the curve is drawn once in four thousand million.
        let ours = (0..DRAWS_MAX).find_map(|_| SecretKey::from_slice(draws.next().bytes()).ok());
        let ours = ours.ok_or(Fault::NotAsked)?;
        let shared = ecdh::diffie_hellman(ours.to_nonzero_scalar(), theirs.as_affine());
        let sent = ours.public_key().to_sec1_point(false);
        let (Some(sent_x), Some(sent_y)) = (sent.x(), sent.y()) else {
            return Err(Fault::NotAsked);
        };
        let salt = kdf_e(shared.raw_secret_bytes(), "SECRET", sent_x, &x);
        let nonce = draws.next();
        let salted = Writer::default().sized(sent_x).sized(sent_y).0;
        let body = Writer::default().u32(key.handle).u32(RH_NULL);
        let body = body.sized(nonce.bytes()).sized(&salted).u8(SE_HMAC);
        let body = body.u16(ALG_AES).u16(128).u16(ALG_CFB).u16(ALG_SHA256);
        let opening = Self {
            salt: Secret::new(salt.to_vec()),
            nonce,
        };
        Ok((opening, START_AUTH_SESSION.frame(NO_SESSIONS, &body.0)))
    }

    /// Takes the answer.
    pub(crate) fn opened(self, answer: &[u8]) -> Result<Session, Fault> {
        let body = START_AUTH_SESSION.body(NO_SESSIONS, answer)?;
        let read = || {
            let mut reader = Reader(body);
            let read = (reader.u32()?, reader.sized()?);
            reader.end()?;
            Some(read)
        };
        let malformed = Fault::Malformed(START_AUTH_SESSION.name);
        let (handle, nonce) = read().ok_or(malformed)?;
        let key = kdf_a(self.salt.bytes(), "ATH", nonce, self.nonce.bytes());
        Ok(Session {
            handle,
            key: Secret::new(key.to_vec()),
            theirs: nonce.to_vec(),
            ours: Secret::new(Vec::new()),
        })
    }
}

/// An open session. Every object it authorises has an empty authorisation value.
pub(crate) struct Session {
    handle: u32,
    key: Secret,
    /// The nonce the TPM has sent last.
    theirs: Vec<u8>,
    /// The nonce that was sent last.
    ours: Secret,
}

impl Session {
    /// A command on one object, by handle and name, whose first parameter is encrypted when `way`
    /// says so.
    pub(crate) fn command(
        &mut self,
        command: Command,
        (handle, name): (u32, &[u8]),
        mut parameters: Vec<u8>,
        way: Way,
        draws: &mut Draws,
    ) -> Vec<u8> {
        self.ours = draws.next();
        if let (Way::Encrypted, Some((length, rest))) = (way, parameters.split_first_chunk_mut()) {
            let length = usize::from(u16::from_be_bytes(*length));
            if let Some(first) = rest.get_mut(..length) {
                cfb(
                    self.key.bytes(),
                    self.ours.bytes(),
                    &self.theirs,
                    first,
                    Cfb::Encrypt,
                );
            }
        }
        let code = command.code.to_be_bytes();
        let hash = Sha256::new().chain_update(code).chain_update(name);
        let hash = hash.chain_update(&parameters).finalize();
        let proof = mac(
            self.key.bytes(),
            &[&hash, self.ours.bytes(), &self.theirs, &[way.attributes()]],
        );
        let area = Writer::default().u32(self.handle).sized(self.ours.bytes());
        let area = area.u8(way.attributes()).sized(&proof).0;
        let length = u32::try_from(area.len()).unwrap_or(u32::MAX);
        let body = Writer::default().u32(handle).u32(length).bytes(&area);
        command.frame(SESSIONS, &body.bytes(&parameters).0)
    }

    /// The handle an answer begins with, when it has one, and its parameters, proved to come from
    /// the TPM; the first of them is decrypted when `way` says so.
    pub(crate) fn answer(
        &mut self,
        command: Command,
        answer: &[u8],
        has_handle: bool,
        way: Way,
    ) -> Result<(u32, Secret), Fault> {
        let body = command.body(SESSIONS, answer)?;
        let read = || {
            let mut reader = Reader(body);
            let handle = if has_handle { reader.u32()? } else { 0 };
            let length = usize::try_from(reader.u32()?).ok()?;
            let parameters = reader.bytes(length)?;
            let (nonce, attributes, proof) = (reader.sized()?, reader.u8()?, reader.sized()?);
            reader.end()?;
            Some((handle, parameters, nonce, attributes, proof))
        };
        let malformed = Fault::Malformed(command.name);
        let (handle, parameters, nonce, attributes, proof) = read().ok_or(malformed)?;
        let hash = Sha256::new().chain_update([0; 4]);
        let hash = hash.chain_update(command.code.to_be_bytes());
        let hash = hash.chain_update(parameters).finalize();
        let parts: [&[u8]; 4] = [&hash, nonce, self.ours.bytes(), &[attributes]];
        keyed(self.key.bytes(), &parts)
            .verify_slice(proof)
            .map_err(|_| Fault::NotAuthentic(command.name))?;
        nonce.clone_into(&mut self.theirs);
        let mut parameters = parameters.to_vec();
        if let (Way::Decrypted, Some((length, rest))) = (way, parameters.split_first_chunk_mut()) {
            let length = usize::from(u16::from_be_bytes(*length));
            if let Some(first) = rest.get_mut(..length) {
                cfb(
                    self.key.bytes(),
                    &self.theirs,
                    self.ours.bytes(),
                    first,
                    Cfb::Decrypt,
                );
            }
        }
        Ok((handle, Secret::new(parameters)))
    }
}

/// What of a command and its answer is encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing: it is no secret.
    Open,
    /// The first parameter of the command.
    Encrypted,
    /// The first parameter of the answer.
    Decrypted,
}

impl Way {
    /// `TPMA_SESSION`, Part 2 §8.4: the session goes on; `decrypt` is from where the TPM stands.
    const fn attributes(self) -> u8 {
        match self {
            Self::Open => 0x01,
            Self::Encrypted => 0x21,
            Self::Decrypted => 0x41,
        }
    }
}

#[derive(Clone, Copy)]
enum Cfb {
    Encrypt,
    Decrypt,
}

/// AES-128 in CFB mode with the key and first vector of a pair of nonces, Part 1 §21.3.
fn cfb(key: &[u8], newer: &[u8], older: &[u8], text: &mut [u8], way: Cfb) {
    let derived = kdf_a(key, "CFB", newer, older);
    let (key, vector) = derived.split_at(16);
    let (Ok(cipher), Ok(mut vector)) = (Aes128::new_from_slice(key), <[u8; 16]>::try_from(vector))
    else {
        return;
    };
    for piece in text.chunks_mut(16) {
        let mut stream = Block::from(vector);
        cipher.encrypt_block(&mut stream);
        for ((byte, mask), next) in piece.iter_mut().zip(stream).zip(&mut vector) {
            let before = *byte;
            *byte ^= mask;
            *next = match way {
                Cfb::Encrypt => *byte,
                Cfb::Decrypt => before,
            };
        }
    }
}

/// KDFa for 256 bits, Part 1 §11.4.10.2: one round of SP 800-108 in counter mode.
fn kdf_a(key: &[u8], label: &str, one: &[u8], two: &[u8]) -> [u8; 32] {
    let (count, bits) = (1_u32.to_be_bytes(), 256_u32.to_be_bytes());
    mac(key, &[&count, label.as_bytes(), &[0], one, two, &bits])
}

/// KDFe for 256 bits, Part 1 §11.4.10.3: one round of SP 800-56A.
fn kdf_e(shared: &[u8], label: &str, one: &[u8], two: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(1_u32.to_be_bytes());
    let hash = hash.chain_update(shared).chain_update(label);
    let hash = hash.chain_update([0]).chain_update(one);
    hash.chain_update(two).finalize().into()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    keyed(key, parts).finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "an HMAC takes a key of any length")]
fn keyed(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let keyed = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key);
    let mut hmac = keyed.expect("a key of any length");
    parts.iter().for_each(|part| hmac.update(part));
    hmac
}

/// A coordinate at its full length; some TPMs leave zeros at the front out.
fn padded(coordinate: &[u8]) -> Option<[u8; 32]> {
    let mut full = [0; 32];
    let start = full.len().checked_sub(coordinate.len())?;
    full.get_mut(start..)?.copy_from_slice(coordinate);
    Some(full)
}

const UNFIT_KEY: Fault = Fault::Malformed("CreatePrimary");

/// How often a private key is drawn: twice never happens.
const DRAWS_MAX: u8 = 8;

/// `TPM_RH_NULL`: the session is bound to no object, Part 2 §7.4.
const RH_NULL: u32 = 0x4000_0007;
/// `TPM_SE_HMAC`, Part 2 §6.11.
const SE_HMAC: u8 = 0;
/// Before a point in SEC 1.
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encrypted_is_decrypted() {
        for length in [0, 1, 15, 16, 17, 80, 128] {
            let plain: Vec<u8> = (0..length).collect();
            let mut text = plain.clone();
            cfb(b"key", b"newer", b"older", &mut text, Cfb::Encrypt);
            assert!(length == 0 || text != plain);
            cfb(b"key", b"newer", b"older", &mut text, Cfb::Decrypt);
            assert_eq!(text, plain);
        }
    }

    #[test]
    fn a_short_coordinate_gets_its_zeros_back() {
        assert_eq!(padded(&[7; 31]).map(|it| (it[0], it[1])), Some((0, 7)));
        assert_eq!(padded(&[7; 33]), None);
    }
}
