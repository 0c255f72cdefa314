//! What goes to the browser and comes back, as Web Authentication has it in JSON (§5.1: the types
//! `PublicKeyCredentialCreationOptionsJSON` and so on). Bytes are base64url without padding.

use data_encoding::BASE64URL_NOPAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::passkeys::CHALLENGE_TIME;

/// What a passkey is made with.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreationOptions {
    rp: Party,
    user: User,
    challenge: String,
    pub_key_cred_params: Vec<Algorithm>,
    /// Milliseconds.
    timeout: u64,
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    attestation: &'static str,
}

/// What a passkey is used with. Without `allowCredentials` the authenticator knows its owner.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestOptions {
    challenge: String,
    /// Milliseconds.
    timeout: u64,
    rp_id: String,
    allow_credentials: Vec<Descriptor>,
    user_verification: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Party {
    id: String,
    name: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    name: String,
    display_name: String,
}

#[derive(Serialize, JsonSchema)]
struct Algorithm {
    #[serde(rename = "type")]
    kind: &'static str,
    alg: i32,
}

/// A credential.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Descriptor {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Selection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

impl CreationOptions {
    /// For somebody who is known as `owner` to authenticators and has `own` already.
    pub(crate) fn new(
        name: &str,
        login: &str,
        owner: String,
        challenge: &[u8],
        own: impl Iterator<Item = String>,
    ) -> Self {
        let algorithm = |alg| Algorithm { kind: KIND, alg };
        Self {
            rp: Party {
                id: name.to_owned(),
                name: "Ramal".to_owned(),
            },
            user: User {
                id: owner,
                name: login.to_owned(),
                display_name: login.to_owned(),
            },
            challenge: BASE64URL_NOPAD.encode(challenge),
            pub_key_cred_params: webauthn::ALGORITHMS.map(algorithm).into(),
            timeout: timeout(),
            exclude_credentials: own.map(Descriptor::of).collect(),
            authenticator_selection: Selection {
                resident_key: REQUIRED,
                require_resident_key: true,
                user_verification: REQUIRED,
            },
            attestation: "none",
        }
    }
}

impl RequestOptions {
    pub(crate) fn new(name: &str, challenge: &[u8], allowed: impl Iterator<Item = String>) -> Self {
        Self {
            challenge: BASE64URL_NOPAD.encode(challenge),
            timeout: timeout(),
            rp_id: name.to_owned(),
            allow_credentials: allowed.map(Descriptor::of).collect(),
            user_verification: REQUIRED,
        }
    }
}

impl Descriptor {
    const fn of(id: String) -> Self {
        Self { kind: KIND, id }
    }
}

/// A passkey that was made. What else a browser says of it is passed over.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct MadeCredential {
    response: MadeResponse,
}

#[derive(Deserialize, JsonSchema)]
struct MadeResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    attestation: String,
}

/// A passkey that was used. What else a browser says of it is passed over.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UsedCredential {
    id: String,
    response: UsedResponse,
}

#[derive(Deserialize, JsonSchema)]
struct UsedResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(rename = "userHandle", default)]
    owner: Option<String>,
}

/// The bytes of one that was made.
pub(crate) struct Made {
    pub(crate) client_data: Vec<u8>,
    pub(crate) attestation: Vec<u8>,
}

/// The bytes of one that was used, and whose it says it is.
pub(crate) struct Used {
    pub(crate) id: String,
    pub(crate) client_data: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) owner: Option<String>,
}

impl MadeCredential {
    pub(crate) fn decode(&self) -> Result<Made, Fault> {
        let MadeResponse {
            client_data,
            attestation,
        } = &self.response;
        Ok(Made {
            client_data: bytes("clientDataJSON", client_data)?,
            attestation: bytes("attestationObject", attestation)?,
        })
    }
}

impl UsedCredential {
    pub(crate) fn decode(self) -> Result<Used, Fault> {
        let UsedResponse {
            client_data,
            authenticator_data,
            signature,
            owner,
        } = self.response;
        Ok(Used {
            id: self.id,
            client_data: bytes("clientDataJSON", &client_data)?,
            authenticator_data: bytes("authenticatorData", &authenticator_data)?,
            signature: bytes("signature", &signature)?,
            owner,
        })
    }
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>, Fault> {
    let decoded = BASE64URL_NOPAD.decode(text.as_bytes());
    decoded.map_err(|_| Fault::BadBody(format!("{field}: write it as base64url without padding")))
}

fn timeout() -> u64 {
    u64::try_from(CHALLENGE_TIME.as_millis()).unwrap_or(u64::MAX)
}

const KIND: &str = "public-key";
const REQUIRED: &str = "required";
