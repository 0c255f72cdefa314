//! Passkeys as the relying party sees them: what an authenticator sent, judged (Web Authentication
//! Level 3, §7.1 and §7.2).
//!
//! What this crate must never do: draw a challenge, keep one, read a clock, or know who somebody
//! is. Whoever calls it has the challenge and the credentials, and says which he expects.
//! Read first: [`register`], [`sign_in`], then [`Expected`] (what both are held against).
//!
//! The user is always verified (PIN, finger, face): a passkey is possession and more. Where an
//! authenticator is from is not asked for (attestation `none`): a box that is alone has no list of
//! makers it trusts, and no way to keep one fresh.
//!
//! The rejected alternative, the crate `webauthn_rp`, draws its challenges itself by a global
//! generator and a clock, and brings a second generation of some forty crates of cryptography
//! beside those that are here.
//!
//! Sources: W3C Web Authentication Level 3 (cited as `WebAuthn §`), RFC 9052 and RFC 9053 (COSE),
//! RFC 8949 (CBOR), CTAP 2.1 §8 (the strict form of CBOR).

mod authenticator_data;
mod cbor;
mod ceremony;
mod client_data;
mod public_key;

pub use authenticator_data::CREDENTIAL_ID_LENGTH_MAX;
pub use ceremony::{
    Assertion, Counted, Credential, Expected, Refusal, Registered, Registration, register, sign_in,
};
pub use client_data::challenge_of;
pub use public_key::{ALGORITHMS, PublicKey};

#[cfg(test)]
mod tests;
