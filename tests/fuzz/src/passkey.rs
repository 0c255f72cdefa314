//! What a browser hands on of an authenticator: credentials that were made and used.

use webauthn::{
    Assertion, CREDENTIAL_ID_LENGTH_MAX, Credential, Expected, PublicKey, Registration,
    challenge_of, register, sign_in,
};

/// What the corpus answers.
const EXPECTED: Expected<'static> = Expected {
    challenge: &[7; 32],
    origin: "https://ramal.local",
    name: "ramal.local",
};
/// A COSE key of Ed25519 that nobody has the other half of.
const NOBODYS: [u8; 42] = *b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20\
    \x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\
    \x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09";
/// Bytes of authenticator data without a credential.
const SHORT_DATA: usize = 37;

/// What is taken is a credential that can be kept and read again, and nobody signs in without its
/// key. First comes the length of the client data, in two bytes.
pub fn passkey(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (client_data, rest) = rest.split_at(length);
    let challenge = challenge_of(client_data);
    let registration = Registration {
        client_data,
        attestation: rest,
    };
    if let Ok(made) = register(&registration, &EXPECTED) {
        assert_eq!(challenge.as_deref(), Ok(EXPECTED.challenge));
        assert!((1..=CREDENTIAL_ID_LENGTH_MAX).contains(&made.id.len()));
        assert!(PublicKey::parse(&made.public_key).is_ok(), "not read again");
    }
    let kept = Credential {
        public_key: &NOBODYS,
        counter: 0,
        is_backup_eligible: false,
    };
    let (authenticator_data, signature) = rest.split_at(SHORT_DATA.min(rest.len()));
    let assertion = Assertion {
        client_data,
        authenticator_data,
        signature,
    };
    assert!(sign_in(&assertion, &kept, &EXPECTED).is_err(), "signed in");
}
