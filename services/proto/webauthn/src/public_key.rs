//! Public keys of credentials: COSE keys (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4) of the three
//! algorithms that authenticators have.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use crate::cbor::{Malformed, Reader};
use crate::ceremony::Refusal;

/// The algorithms that are taken, by their COSE numbers, the preferred first: EdDSA, ES256, and
/// RS256, with which Windows Hello signs where its TPM knows no curve.
pub const ALGORITHMS: [i32; 3] = [EDDSA, ES256, RS256];

/// A key, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublicKey<'a> {
    /// ECDSA on P-256 with SHA-256: the uncompressed point.
    Es256([u8; 65]),
    /// Ed25519.
    Eddsa([u8; 32]),
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits or more.
    Rs256 {
        /// Modulus.
        modulus: &'a [u8],
        /// Exponent.
        exponent: &'a [u8],
    },
}

impl<'a> PublicKey<'a> {
    /// Reads a COSE key and nothing behind it.
    ///
    /// # Errors
    /// It is not one, or of an algorithm that was not offered.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        Fields::read(bytes)
            .map_err(|_| Refusal::PublicKey)?
            .key()
            .ok_or(Refusal::PublicKey)
    }

    /// The COSE number of its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> i32 {
        match self {
            Self::Es256(_) => ES256,
            Self::Eddsa(_) => EDDSA,
            Self::Rs256 { .. } => RS256,
        }
    }

    /// Whether it has signed this.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::Eddsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        }
        .is_ok()
    }
}

/// The labels of a COSE key that matter; what -1, -2 and -3 are depends on the kind of key.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    minus_1: Option<&'a [u8]>,
    minus_2: Option<&'a [u8]>,
    minus_3: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut fields = Self::default();
        for _ in 0..reader.map()? {
            match reader.integer()? {
                1 => once(&mut fields.kind, reader.integer()?)?,
                3 => once(&mut fields.algorithm, reader.integer()?)?,
                // The modulus of RSA, the curve of others.
                -1 if fields.kind == Some(RSA) => once(&mut fields.minus_1, reader.bytes()?)?,
                -1 => once(&mut fields.curve, reader.integer()?)?,
                -2 => once(&mut fields.minus_2, reader.bytes()?)?,
                -3 => once(&mut fields.minus_3, reader.bytes()?)?,
                // §6.5.1.1: nothing else is in it.
                _ => return Err(Malformed),
            }
        }
        reader.end().map(|()| fields)
    }

    fn key(self) -> Option<PublicKey<'a>> {
        let algorithm = i32::try_from(self.algorithm?).ok()?;
        match (self.kind?, algorithm, self.curve) {
            // An x alone would be a compressed point, which is not allowed (§5.8.5).
            (EC2, ES256, Some(P256)) => {
                let x: [u8; 32] = self.minus_2?.try_into().ok()?;
                let y: [u8; 32] = self.minus_3?.try_into().ok()?;
                let mut point = [0; 65];
                let (form, xy) = point.split_first_mut()?;
                *form = UNCOMPRESSED;
                let (to_x, to_y) = xy.split_at_mut_checked(32)?;
                to_x.copy_from_slice(&x);
                to_y.copy_from_slice(&y);
                Some(PublicKey::Es256(point))
            }
            (OKP, EDDSA, Some(ON_ED25519)) if self.minus_3.is_none() => {
                Some(PublicKey::Eddsa(self.minus_2?.try_into().ok()?))
            }
            (RSA, RS256, None) if self.minus_3.is_none() => {
                let (modulus, exponent) = (self.minus_1?, self.minus_2?);
                let fits = (MODULUS_MIN..=MODULUS_MAX).contains(&modulus.len())
                    && (1..=EXPONENT_MAX).contains(&exponent.len());
                fits.then_some(PublicKey::Rs256 { modulus, exponent })
            }
            _ => None,
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed),
    }
}

const ES256: i32 = -7;
const EDDSA: i32 = -8;
const RS256: i32 = -257;
/// Kinds of keys (RFC 9053 §7.1, RFC 8230 §4).
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
/// Curves (RFC 9053 §7.1).
const P256: i64 = 1;
const ON_ED25519: i64 = 6;
/// SEC 1 §2.3.3.
const UNCOMPRESSED: u8 = 4;
/// Bytes of a modulus of 2048 bits, and of 4096, more than any authenticator has.
const MODULUS_MIN: usize = 256;
const MODULUS_MAX: usize = 512;
const EXPONENT_MAX: usize = 4;
