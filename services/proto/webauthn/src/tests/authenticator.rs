//! An authenticator in a few lines: makes credentials and uses them, honestly or otherwise.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};

/// Flags of authenticator data (WebAuthn §6.1): there, verified.
pub(crate) const HONEST: u8 = 0b101;
/// A credential comes along.
const MADE: u8 = 1 << 6;

/// One with one credential, of Ed25519.
pub(crate) struct Authenticator {
    key: ed25519_dalek::SigningKey,
    pub(crate) id: Vec<u8>,
    pub(crate) counter: u32,
    pub(crate) flags: u8,
}

/// What page asks, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) challenge: Vec<u8>,
    pub(crate) origin: String,
    pub(crate) name: String,
}

/// What the browser hands on: client data, and what came from the authenticator.
pub(crate) struct Answer {
    pub(crate) client_data: Vec<u8>,
    /// The attestation object, or the authenticator data.
    pub(crate) data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Authenticator {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            key: ed25519_dalek::SigningKey::from_bytes(&[seed; 32]),
            id: vec![seed; 16],
            counter: 0,
            flags: HONEST,
        }
    }

    /// Makes the credential (§6.3.2).
    pub(crate) fn make(&mut self, ask: &Ask) -> Answer {
        let data = self.made(ask);
        Answer {
            client_data: client_data("webauthn.create", ask),
            data: attestation("none", &[0xa0], &data),
            signature: Vec::new(),
        }
    }

    /// Uses it (§6.3.3).
    pub(crate) fn sign(&mut self, ask: &Ask) -> Answer {
        let client_data = client_data("webauthn.get", ask);
        let data = self.head(self.flags, &ask.name);
        let signature = self.signature(&data, &client_data);
        Answer {
            client_data,
            data,
            signature,
        }
    }

    /// The data of a credential that was made.
    pub(crate) fn made(&mut self, ask: &Ask) -> Vec<u8> {
        let mut data = self.head(self.flags | MADE, &ask.name);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        data
    }

    pub(crate) fn signature(&self, data: &[u8], client_data: &[u8]) -> Vec<u8> {
        let signed = [data, &Sha256::digest(client_data)].concat();
        ed25519_dalek::Signer::sign(&self.key, &signed).to_vec()
    }

    /// `{1: 1, 3: -8, -1: 6, -2: x}`.
    pub(crate) fn cose(&self) -> Vec<u8> {
        let mut key = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
        key.extend(self.key.verifying_key().to_bytes());
        key
    }

    fn head(&mut self, flags: u8, name: &str) -> Vec<u8> {
        if self.counter > 0 {
            self.counter += 1;
        }
        let mut data = Sha256::digest(name.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }
}

/// The client data a browser makes (§5.8.1.1).
pub(crate) fn client_data(kind: &str, ask: &Ask) -> Vec<u8> {
    let challenge = BASE64URL_NOPAD.encode(&ask.challenge);
    let origin = &ask.origin;
    format!(
        r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#
    )
    .into_bytes()
}

/// An attestation object around authenticator data.
pub(crate) fn attestation(format: &str, statement: &[u8], data: &[u8]) -> Vec<u8> {
    let mut object = vec![0xa3, 0x63];
    object.extend(b"fmt");
    object.push(0x60 | u8::try_from(format.len()).expect("short"));
    object.extend(format.as_bytes());
    object.push(0x67);
    object.extend(b"attStmt");
    object.extend(statement);
    object.push(0x68);
    object.extend(b"authData");
    object.extend([0x58, u8::try_from(data.len()).expect("short")]);
    object.extend(data);
    object
}
