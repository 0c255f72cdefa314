//! The test vectors of the W3C (WebAuthn §16): made by somebody else, with keys of each algorithm.
//!
//! Few of them were made by an authenticator that knew its user, which is what the box asks for; of
//! the others what was signed is held against the key.

use ring::digest::{SHA256, digest};

use super::hex_of;
use crate::authenticator_data::AuthenticatorData;
use crate::cbor::Reader;
use crate::{Assertion, Credential, Expected, Refusal, Registration, register, sign_in};

const VECTORS: &str = include_str!("vectors.txt");

fn field(credential: &str, when: &str, name: &str) -> Vec<u8> {
    let start = format!("{credential} {when} {name} ");
    let found = VECTORS.lines().find_map(|it| it.strip_prefix(&start));
    hex_of(found.expect("a field"))
}

/// The data of the authenticator in an attestation object, wherever it is from.
fn data_in(attestation: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(attestation);
    for _ in 0..reader.map().expect("a map") {
        if reader.text() == Ok("authData") {
            return reader.bytes().expect("bytes").to_vec();
        }
        reader.skip().expect("an item");
    }
    panic!("no data")
}

struct Told {
    made: Result<(), Refusal>,
    used: Result<(), Refusal>,
    is_signed: bool,
}

fn play(credential: &str) -> Told {
    let made = |name| field(credential, "made", name);
    let used = |name| field(credential, "used", name);
    let expected = |challenge| Expected {
        challenge,
        origin: "https://example.org",
        name: "example.org",
    };
    let attestation = made("attestationObject");
    let data = data_in(&attestation);
    let data = AuthenticatorData::parse(&data).expect("data");
    let new = data.made.as_ref().expect("a credential");
    let registration = Registration {
        client_data: &made("clientDataJSON"),
        attestation: &attestation,
    };
    let kept = Credential {
        public_key: new.key,
        counter: data.counter,
        is_backup_eligible: data.is_backup_eligible(),
    };
    let (signed, client_data) = (used("authenticatorData"), used("clientDataJSON"));
    let signature = used("signature");
    let assertion = Assertion {
        client_data: &client_data,
        authenticator_data: &signed,
        signature: &signature,
    };
    let message = [&signed[..], digest(&SHA256, &client_data).as_ref()].concat();
    Told {
        made: register(&registration, &expected(&made("challenge"))).map(drop),
        used: sign_in(&assertion, &kept, &expected(&used("challenge"))).map(drop),
        is_signed: new.parsed.has_signed(&message, &signature),
    }
}

#[test]
fn each_algorithm_signs_as_the_w3c_says() {
    let check = |credential, made, used| {
        let told = play(credential);
        assert!(told.is_signed, "{credential}");
        assert_eq!((told.made, told.used), (made, used), "{credential}");
    };
    let unknown = Err(Refusal::NotVerified);
    let attested = Err(Refusal::Attestation);
    check("none.ES256", unknown, unknown);
    check("packed-self.ES256", attested, unknown);
    check("packed.RS256", attested, unknown);
    check("packed.EdDSA", unknown, unknown);
    check(
        "none.ES256.crossOrigin",
        Err(Refusal::Origin),
        Err(Refusal::Origin),
    );
    check(
        "none.ES256.topOrigin",
        Err(Refusal::Origin),
        Err(Refusal::Origin),
    );
}
