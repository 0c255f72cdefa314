//! Signs programs for Secure Boot, by keys of our own.
//!
//! A signature is a PKCS #7 SignedData over the program's digest, without a time, so that the same
//! program and key give the same bytes. Certificates have dates only because they must: firmware
//! does not look at them.
//!
//! Sources: Windows Authenticode Portable Executable Signature Format; RFC 2315; RFC 5280; UEFI
//! 2.10 §32.2.4.

use rsa::pkcs1v15;
use rsa::pkcs8::{
    DecodePrivateKey as _, Document, EncodePrivateKey as _, EncodePublicKey as _, LineEnding,
};
use rsa::sha2::Sha256 as RsaSha256;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use sha2::{Digest as _, Sha256};

use crate::der;
use crate::pe::{PeError, Program};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The program.
    #[error(transparent)]
    Program(#[from] PeError),
    /// The key cannot be made, read or used.
    #[error("the key for Secure Boot: {0}")]
    Key(String),
}

/// A key for Secure Boot, and the certificate that says whose it is.
pub struct SecureBootKey {
    private: rsa::PrivateKey,
    name: String,
    certificate: Vec<u8>,
}

impl SecureBootKey {
    /// Makes one; `name` is what firmware shows, as `Ramal development db`.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn make(name: &str) -> Result<Self, SignError> {
        let private = rsa::PrivateKey::new(&mut getrandom::SysRng, KEY_BITS).map_err(key_error)?;
        Self::new(private, name)
    }

    /// Reads one as [`SecureBootKey::private_pem`] writes it. The certificate is not kept: the
    /// same key and name give the same one.
    ///
    /// # Errors
    /// It is no private key of RSA.
    pub fn read(pem: &str, name: &str) -> Result<Self, SignError> {
        let private = rsa::PrivateKey::from_pkcs8_pem(pem).map_err(key_error)?;
        Self::new(private, name)
    }

    /// The same with a certificate whose name is that of the key alone. A machine that trusts one
    /// certificate knows the next by its name and key: under another name the same key is a
    /// stranger's.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn named_by_itself(self) -> Result<Self, SignError> {
        let digits = self.serial()?.map(|byte| format!("{byte:02x}"));
        Self::new(self.private, &format!("Ramal {}", digits.concat()))
    }

    fn new(private: rsa::PrivateKey, name: &str) -> Result<Self, SignError> {
        let mut key = Self {
            private,
            name: name.to_owned(),
            certificate: Vec::new(),
        };
        key.certificate = key.certify()?;
        Ok(key)
    }

    /// The private key (PKCS #8, PEM): a secret.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn private_pem(&self) -> Result<String, SignError> {
        let pem = self
            .private
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(key_error)?;
        Ok(pem.to_string())
    }

    /// The certificate (X.509, DER): what firmware is given.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate for people's tools (PEM).
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn certificate_pem(&self) -> Result<String, SignError> {
        let document = Document::try_from(self.certificate.as_slice()).map_err(key_error)?;
        let pem = document.to_pem("CERTIFICATE", LineEnding::LF);
        pem.map_err(key_error)
    }

    /// The program with our signature instead of those it had.
    ///
    /// # Errors
    /// It is no program.
    pub fn sign(&self, program: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut program = Program::parse(program.to_vec())?;
        program.strip()?;
        let signed = self.signed_data(&program.digest()?)?;
        // WIN_CERTIFICATE: length, revision 2.0, type PKCS #7.
        let length = u32::try_from(8 + signed.len()).map_err(|_| PeError::Large)?;
        let mut table = length.to_le_bytes().to_vec();
        table.extend_from_slice(&[0x00, 0x02, 0x02, 0x00]);
        table.extend_from_slice(&signed);
        table.resize(table.len().next_multiple_of(8), 0);
        program.attach(&table)?;
        Ok(program.into_bytes())
    }

    /// RFC 2315 §9.1.
    fn signed_data(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        let content = indirect_data(digest);
        let content_type = attribute(3, &der::object(SPC_INDIRECT_DATA));
        let content_digest = Sha256::digest(content.concat());
        let message_digest = attribute(4, &der::value(OCTET_STRING, &content_digest));
        // Already in the order of a SET: the first is the shorter.
        let attributes = [content_type, message_digest].concat();
        let signature = self.signature(&der::value(0x31, &attributes))?;
        let signer = der::sequence(&[
            &der::unsigned(&[1]),
            &self.own_name()?,
            &algorithm(SHA256),
            &der::context(0, &attributes),
            &algorithm(RSA),
            &der::value(OCTET_STRING, &signature),
        ]);
        let content = der::sequence(&[&content.concat()]);
        let signed = der::sequence(&[
            &der::unsigned(&[1]),
            &der::set(&[&algorithm(SHA256)]),
            &der::sequence(&[&der::object(SPC_INDIRECT_DATA), &der::context(0, &content)]),
            &der::context(0, &self.certificate),
            &der::set(&[&signer]),
        ]);
        Ok(der::sequence(&[
            &der::object(SIGNED_DATA),
            &der::context(0, &signed),
        ]))
    }

    /// SignedData of content that is elsewhere and without attributes, as firmware wants it of the
    /// variables that hold keys: nothing around it (UEFI 2.10 §8.2.2; RFC 2315 §9.1).
    pub(crate) fn sign_detached(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.signature(message)?;
        let signer = der::sequence(&[
            &der::unsigned(&[1]),
            &self.own_name()?,
            &algorithm(SHA256),
            &algorithm(RSA),
            &der::value(OCTET_STRING, &signature),
        ]);
        Ok(der::sequence(&[
            &der::unsigned(&[1]),
            &der::set(&[&algorithm(SHA256)]),
            &der::sequence(&[&der::object(DATA)]),
            &der::context(0, &self.certificate),
            &der::set(&[&signer]),
        ]))
    }

    /// By which a signature names its certificate.
    fn own_name(&self) -> Result<Vec<u8>, SignError> {
        let serial = der::unsigned(&self.serial()?);
        Ok(der::sequence(&[&self.name_value(), &serial]))
    }

    /// A certificate by itself (RFC 5280 §4.1).
    fn certify(&self) -> Result<Vec<u8>, SignError> {
        let public = self.private.to_public_key().to_public_key_der();
        let public = public.map_err(key_error)?;
        let is_authority = der::sequence(&[&der::value(0x01, &[0xff])]);
        let constraints = der::sequence(&[
            &der::object(&[2, 5, 29, 19]),
            &der::value(0x01, &[0xff]),
            &der::value(OCTET_STRING, &is_authority),
        ]);
        let body = der::sequence(&[
            &der::context(0, &der::unsigned(&[2])),
            &der::unsigned(&self.serial()?),
            &algorithm(SHA256_WITH_RSA),
            &self.name_value(),
            &der::sequence(&[
                &der::value(0x18, b"20200101000000Z"),
                &der::value(0x18, b"99991231235959Z"),
            ]),
            &self.name_value(),
            public.as_bytes(),
            &der::context(3, &der::sequence(&[&constraints])),
        ]);
        let signature = [&[0][..], &self.signature(&body)?].concat();
        let signature = der::value(BIT_STRING, &signature);
        Ok(der::sequence(&[
            &body,
            &algorithm(SHA256_WITH_RSA),
            &signature,
        ]))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let key = pkcs1v15::SigningKey::<RsaSha256>::new(self.private.clone());
        let signature = key.try_sign(message).map_err(key_error)?;
        Ok(signature.to_vec())
    }

    /// The first bytes of the public key's hash: no two certificates of ours have the same.
    fn serial(&self) -> Result<[u8; 8], SignError> {
        let public = self.private.to_public_key().to_public_key_der();
        let digest: [u8; 32] = Sha256::digest(public.map_err(key_error)?.as_bytes()).into();
        let mut serial: [u8; 8] = digest.first_chunk().copied().unwrap_or_default();
        let [first, ..] = &mut serial;
        *first = *first & 0x7f | 0x40;
        Ok(serial)
    }

    /// The common name, and nothing else.
    fn name_value(&self) -> Vec<u8> {
        let name = der::value(0x0c, self.name.as_bytes());
        let common = der::sequence(&[&der::object(&[2, 5, 4, 3]), &name]);
        der::sequence(&[&der::set(&[&common])])
    }
}

/// The two halves of SpcIndirectDataContent: that it is a program, and its digest.
fn indirect_data(digest: &[u8; 32]) -> [Vec<u8>; 2] {
    let obsolete: Vec<u8> = "<<<Obsolete>>>"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let link = der::context(2, &der::value(0x80, &obsolete));
    let data = der::sequence(&[&der::value(BIT_STRING, &[0]), &der::context(0, &link)]);
    let kind = der::sequence(&[&der::object(SPC_PE_IMAGE_DATA), &data]);
    let digest = der::value(OCTET_STRING, digest);
    [kind, der::sequence(&[&algorithm(SHA256), &digest])]
}

/// An attribute of PKCS #9 with one value.
fn attribute(number: u32, value: &[u8]) -> Vec<u8> {
    let kind = der::object(&[1, 2, 840, 113_549, 1, 9, number]);
    der::sequence(&[&kind, &der::set(&[value])])
}

fn algorithm(numbers: &[u32]) -> Vec<u8> {
    der::sequence(&[&der::object(numbers), &der::null()])
}

fn key_error(error: impl std::fmt::Display) -> SignError {
    SignError::Key(error.to_string())
}

const KEY_BITS: usize = 2048;

const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;

const SHA256: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
const RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
const SHA256_WITH_RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 11];
const DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 1];
const SIGNED_DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 2];
const SPC_INDIRECT_DATA: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 4];
const SPC_PE_IMAGE_DATA: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 15];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pe::tests::program;

    #[test]
    fn the_same_program_and_key_give_the_same_bytes_and_signing_again_changes_nothing() {
        let key = SecureBootKey::make("Ramal test db").expect("made");
        let pem = key.private_pem().expect("encoded");
        let same = SecureBootKey::read(&pem, "Ramal test db").expect("read");
        assert_eq!(key.certificate(), same.certificate());
        let signed = key.sign(&program()).expect("signed");
        assert!(signed == same.sign(&program()).expect("signed"));
        assert!(signed == key.sign(&signed).expect("signed again"));
        let other = SecureBootKey::make("Ramal other db").expect("made");
        assert!(signed != other.sign(&signed).expect("signed anew"));
        let digest = |bytes: &[u8]| Program::parse(bytes.to_vec()).expect("a program").digest();
        assert_eq!(digest(&signed), digest(&program()));
        assert_eq!(signed.len() % 8, 0);
    }

    #[test]
    fn what_is_no_program_is_not_signed() {
        let key = SecureBootKey::make("Ramal test db").expect("made");
        let refused = key.sign(b"#!/bin/sh").expect_err("refused");
        assert!(
            refused.to_string().contains("no program for UEFI"),
            "{refused}"
        );
    }
}
