//! Whether firmware that knows one certificate starts a program: as it judges, but by one way of
//! signing only, which is our own. What this finds good, it does.

use sha2::{Digest as _, Sha256};

use crate::der::{self, Values};
use crate::program::Program;

/// Why firmware would not start a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It is no program.
    #[error("it is no program for UEFI")]
    NoProgram,
    /// It is not signed, or not as we sign.
    #[error("it is not signed for Secure Boot")]
    NotSigned,
    /// Another certificate is in its signature.
    #[error("another key has signed it")]
    OtherKey,
    /// The signature is not of this program.
    #[error("its signature is not of its content")]
    Broken,
}

/// A public key (RSAPublicKey, DER; RFC 8017 appendix A.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey<'a>(pub &'a [u8]);

/// Whether firmware whose `db` holds this certificate (X.509, DER) alone starts a program.
/// `verify` says whether a key has signed a message: RSASSA-PKCS1-v1_5 with SHA-256.
///
/// # Errors
/// Why not.
pub fn judge(
    program: &[u8],
    certificate: &[u8],
    verify: impl Fn(PublicKey<'_>, &[u8], &[u8]) -> bool,
) -> Result<(), Fault> {
    let program = Program::parse(program).ok_or(Fault::NoProgram)?;
    let digest = program.digest().ok_or(Fault::NoProgram)?;
    let signature = program.signature().and_then(Signature::parse);
    let signature = signature.ok_or(Fault::NotSigned)?;
    if signature.certificate != certificate {
        return Err(Fault::OtherKey);
    }
    let key = public_key(certificate).ok_or(Fault::OtherKey)?;
    let content_digest: [u8; 32] = Sha256::digest(signature.content).into();
    let is_of_it = signature.program_digest() == Some(&digest)
        && signature.message_digest() == Some(&content_digest)
        && verify(key, &signature.message(), signature.bytes);
    is_of_it.then_some(()).ok_or(Fault::Broken)
}

/// What a signature of a program says (PKCS #7 SignedData; RFC 2315 §9.1).
struct Signature<'a> {
    /// The only one.
    certificate: &'a [u8],
    /// SpcIndirectDataContent without its tag and length.
    content: &'a [u8],
    /// The attributes that are signed, without tag and length.
    attributes: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Signature<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Values::new(bytes).enter(der::SEQUENCE)?;
        outer
            .expect(der::OBJECT)
            .filter(|it| it.content == SIGNED_DATA)?;
        let mut signed = outer.enter(der::CONTEXT_0)?.enter(der::SEQUENCE)?;
        signed.expect(der::INTEGER)?;
        signed.expect(der::SET)?;
        let mut content = signed.enter(der::SEQUENCE)?;
        content
            .expect(der::OBJECT)
            .filter(|it| it.content == INDIRECT_DATA)?;
        let content = content.enter(der::CONTEXT_0)?.expect(der::SEQUENCE)?;
        let certificate = signed.expect(der::CONTEXT_0)?.content;
        let mut signers = signed.enter(der::SET)?;
        let mut signer = signers.enter(der::SEQUENCE)?;
        if signers.next().is_some() {
            return None;
        }
        signer.expect(der::INTEGER)?;
        signer.expect(der::SEQUENCE)?;
        signer.expect(der::SEQUENCE)?;
        let attributes = signer.expect(der::CONTEXT_0)?.content;
        signer.expect(der::SEQUENCE)?;
        let bytes = signer.expect(der::OCTET_STRING)?.content;
        Some(Self {
            certificate,
            content: content.content,
            attributes,
            bytes,
        })
    }

    /// The digest of the program that was signed.
    fn program_digest(&self) -> Option<&'a [u8]> {
        let mut content = Values::new(self.content);
        content.expect(der::SEQUENCE)?;
        let mut digest = content.enter(der::SEQUENCE)?;
        let mut algorithm = digest.enter(der::SEQUENCE)?;
        algorithm
            .expect(der::OBJECT)
            .filter(|it| it.content == SHA256)?;
        digest.expect(der::OCTET_STRING).map(|it| it.content)
    }

    /// The digest of the content that was signed.
    fn message_digest(&self) -> Option<&'a [u8]> {
        let mut attributes = Values::new(self.attributes);
        while let Some(mut attribute) = attributes.enter(der::SEQUENCE) {
            if attribute.expect(der::OBJECT)?.content == MESSAGE_DIGEST {
                let mut values = attribute.enter(der::SET)?;
                return values.expect(der::OCTET_STRING).map(|it| it.content);
            }
        }
        None
    }

    /// What the signature is over: the attributes as a SET.
    fn message(&self) -> Vec<u8> {
        let length = self.attributes.len().to_be_bytes();
        let digits: Vec<u8> = length.into_iter().skip_while(|digit| *digit == 0).collect();
        let mut message = vec![der::SET];
        match (digits.as_slice(), u8::try_from(digits.len())) {
            ([short], _) if *short < 0x80 => message.push(*short),
            (long, count) => {
                message.push(0x80 | count.unwrap_or_default());
                message.extend_from_slice(long);
            }
        }
        message.extend_from_slice(self.attributes);
        message
    }
}

/// The key of a certificate (RFC 5280 §4.1).
fn public_key(certificate: &[u8]) -> Option<PublicKey<'_>> {
    let mut body = Values::new(certificate)
        .enter(der::SEQUENCE)?
        .enter(der::SEQUENCE)?;
    body.expect(der::CONTEXT_0)?;
    body.expect(der::INTEGER)?;
    // Algorithm, issuer, validity, subject.
    for _ in 0..4 {
        body.expect(der::SEQUENCE)?;
    }
    let mut key = body.enter(der::SEQUENCE)?;
    let mut algorithm = key.enter(der::SEQUENCE)?;
    algorithm
        .expect(der::OBJECT)
        .filter(|it| it.content == RSA)?;
    let bits = key.expect(der::BIT_STRING)?.content;
    bits.strip_prefix(&[0]).map(PublicKey)
}

/// 1.2.840.113549.1.7.2.
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// 1.2.840.113549.1.9.4.
const MESSAGE_DIGEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
/// 1.2.840.113549.1.1.1.
const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// 1.3.6.1.4.1.311.2.1.4.
const INDIRECT_DATA: [u8; 10] = [0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 4];
/// 2.16.840.1.101.3.4.2.1.
const SHA256: [u8; 9] = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
