//! The two ceremonies: a credential is made, and one is used (WebAuthn §7.1, §7.2).

use ring::digest::{SHA256, digest};

use crate::authenticator_data::{AuthenticatorData, Made};
use crate::cbor::{Malformed, Reader};
use crate::client_data::{ClientData, Kind};
use crate::public_key::PublicKey;

/// What an answer is held against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected<'a> {
    /// The challenge that was given out for this, and for nothing before.
    pub challenge: &'a [u8],
    /// Where the page was served from, as the browser says it: `https://ramal.local`.
    pub origin: &'a str,
    /// The name credentials are made for (RP ID): `ramal.local`.
    pub name: &'a str,
}

/// What a browser gives when a credential was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registration<'a> {
    /// `response.clientDataJSON`.
    pub client_data: &'a [u8],
    /// `response.attestationObject`.
    pub attestation: &'a [u8],
}

/// A credential that was made for the expected name by an authenticator that knows its owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    /// Its id, 1 to 1023 bytes.
    pub id: Vec<u8>,
    /// Its public key, as COSE has it; [`PublicKey::parse`] reads it.
    pub public_key: Vec<u8>,
    /// The counter of its signatures; 0 from an authenticator that counts none.
    pub counter: u32,
    /// Its maker may copy it to other devices of its owner, as phones do.
    pub is_backup_eligible: bool,
}

/// What a browser gives when a credential was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assertion<'a> {
    /// `response.clientDataJSON`.
    pub client_data: &'a [u8],
    /// `response.authenticatorData`.
    pub authenticator_data: &'a [u8],
    /// `response.signature`.
    pub signature: &'a [u8],
}

/// What is kept of a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credential<'a> {
    /// Its public key, as COSE has it.
    pub public_key: &'a [u8],
    /// The counter it had last.
    pub counter: u32,
    /// As it was when it was made.
    pub is_backup_eligible: bool,
}

/// A credential was used; whoever keeps it has to keep this counter from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    /// The counter of its signatures; 0 from an authenticator that counts none.
    pub counter: u32,
}

/// Why an answer is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Not what a browser makes (§5.8.1).
    #[error("the client data cannot be read")]
    ClientData,
    /// §7.1 step 7, §7.2 step 10.
    #[error("it is the answer to another kind of question")]
    Kind,
    /// §7.1 step 8, §7.2 step 11.
    #[error("it is the answer to another challenge")]
    Challenge,
    /// §7.1 steps 9 to 11, §7.2 steps 12 to 14.
    #[error("another page asked for it")]
    Origin,
    /// Not what an authenticator makes (§6.1, §6.5.4).
    #[error("the data of the authenticator cannot be read")]
    AuthenticatorData,
    /// §7.1 step 14, §7.2 step 15.
    #[error("it is for another name")]
    Name,
    /// §7.1 step 15, §7.2 step 16.
    #[error("nobody was there")]
    NotPresent,
    /// §7.1 step 16, §7.2 step 17.
    #[error("the authenticator did not check who is there")]
    NotVerified,
    /// §7.1 step 17, §7.2 steps 18 and 19.
    #[error("what it says of copies contradicts itself, or what it said before")]
    Backup,
    /// §7.1 step 20.
    #[error("the key is of no algorithm that was offered")]
    PublicKey,
    /// §7.1 steps 21 to 24.
    #[error("it is attested in a way that was not asked for")]
    Attestation,
    /// §7.1 step 25.
    #[error("the id of the credential is too long")]
    CredentialId,
    /// §7.2 step 21.
    #[error("the signature is wrong")]
    Signature,
    /// §7.2 step 22.
    #[error("its counter went back: there may be a copy of it")]
    Counter,
}

/// Judges a credential that was made (§7.1). The steps before 5 are the browser's and the caller's;
/// so is step 26, that nobody has this credential yet.
///
/// # Errors
/// The first step that does not hold.
pub fn register(answer: &Registration<'_>, expected: &Expected<'_>) -> Result<Registered, Refusal> {
    let client_data = ClientData::parse(answer.client_data)?;
    client_data.check(Kind::Create, expected)?;
    // Steps 12 and 13.
    let hash = digest(&SHA256, answer.client_data);
    let attestation = Attestation::read(answer.attestation)?;
    let data = AuthenticatorData::parse(attestation.authenticator_data)?;
    data.check(expected.name)?;
    let made = data.made.as_ref().ok_or(Refusal::AuthenticatorData)?;
    // Step 20 is done by the reading of the key: it knows the algorithms that are offered.
    attestation.check(made, hash.as_ref())?;
    Ok(Registered {
        id: made.id.to_vec(),
        public_key: made.key.to_vec(),
        counter: data.counter,
        is_backup_eligible: data.is_backup_eligible(),
    })
}

/// Judges the use of a credential (§7.2). Finding it by its id, and that it is its user's (steps 5
/// and 6), is the caller's.
///
/// # Errors
/// The first step that does not hold.
pub fn sign_in(
    answer: &Assertion<'_>,
    credential: &Credential<'_>,
    expected: &Expected<'_>,
) -> Result<Counted, Refusal> {
    ClientData::parse(answer.client_data)?.check(Kind::Get, expected)?;
    let data = AuthenticatorData::parse(answer.authenticator_data)?;
    data.check(expected.name)?;
    // §6.1: what was not just made is not said again.
    if data.made.is_some() {
        return Err(Refusal::AuthenticatorData);
    }
    if data.is_backup_eligible() != credential.is_backup_eligible {
        return Err(Refusal::Backup);
    }
    // Steps 20 and 21.
    let mut signed = answer.authenticator_data.to_vec();
    signed.extend_from_slice(digest(&SHA256, answer.client_data).as_ref());
    let key = PublicKey::parse(credential.public_key)?;
    if !key.has_signed(&signed, answer.signature) {
        return Err(Refusal::Signature);
    }
    // Step 22: who counts goes on counting; who never did says 0.
    let counts = data.counter != 0 || credential.counter != 0;
    if counts && data.counter <= credential.counter {
        return Err(Refusal::Counter);
    }
    Ok(Counted {
        counter: data.counter,
    })
}

/// An attestation object (§6.5.4): `fmt`, `attStmt` and `authData`, each once and nothing else.
struct Attestation<'a> {
    format: &'a str,
    statement: &'a [u8],
    authenticator_data: &'a [u8],
}

impl<'a> Attestation<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > ATTESTATION_LENGTH_MAX {
            return Err(Refusal::AuthenticatorData);
        }
        let mut reader = Reader::new(bytes);
        let (mut format, mut statement, mut authenticator_data) = (None, None, None);
        for _ in 0..reader.map()? {
            let is_new = match reader.text()? {
                "fmt" => format.replace(reader.text()?).is_none(),
                "attStmt" => {
                    let before = reader.left();
                    reader.skip()?;
                    let length = before.len() - reader.left().len();
                    statement
                        .replace(before.get(..length).ok_or(Malformed)?)
                        .is_none()
                }
                "authData" => authenticator_data.replace(reader.bytes()?).is_none(),
                _ => false,
            };
            if !is_new {
                return Err(Refusal::AuthenticatorData);
            }
        }
        reader.end()?;
        match (format, statement, authenticator_data) {
            (Some(format), Some(statement), Some(authenticator_data)) => Ok(Self {
                format,
                statement,
                authenticator_data,
            }),
            _ => Err(Refusal::AuthenticatorData),
        }
    }

    /// `none` (§8.7), or the one thing a browser lets through when `none` was asked for: an
    /// authenticator without a maker's name that signs with the new key itself (§5.1.3 step 22,
    /// §8.2).
    fn check(&self, made: &Made<'_>, client_data_hash: &[u8]) -> Result<(), Refusal> {
        match self.format {
            "none" if self.statement == EMPTY_MAP => Ok(()),
            "packed" if made.kind == [0; 16] => {
                let (algorithm, signature) =
                    self.self_signed().map_err(|_| Refusal::Attestation)?;
                let mut signed = self.authenticator_data.to_vec();
                signed.extend_from_slice(client_data_hash);
                let is_good = algorithm == i64::from(made.parsed.algorithm())
                    && made.parsed.has_signed(&signed, signature);
                is_good.then_some(()).ok_or(Refusal::Attestation)
            }
            _ => Err(Refusal::Attestation),
        }
    }

    /// A statement of `alg` and `sig`, without certificates.
    fn self_signed(&self) -> Result<(i64, &'a [u8]), Malformed> {
        let mut reader = Reader::new(self.statement);
        let (mut algorithm, mut signature) = (None, None);
        for _ in 0..reader.map()? {
            match reader.text()? {
                "alg" if algorithm.is_none() => algorithm = Some(reader.integer()?),
                "sig" if signature.is_none() => signature = Some(reader.bytes()?),
                _ => return Err(Malformed),
            }
        }
        reader.end()?;
        algorithm.zip(signature).ok_or(Malformed)
    }
}

const EMPTY_MAP: [u8; 1] = [0xa0];
/// Authenticator data and a signature: a fraction of it.
const ATTESTATION_LENGTH_MAX: usize = 8192;
