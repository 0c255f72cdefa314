//! What an authenticator says of itself and signs (WebAuthn §6.1).

use ring::digest::{SHA256, digest};

use crate::cbor::{Malformed, Reader};
use crate::ceremony::Refusal;
use crate::public_key::PublicKey;

/// Most bytes of the id of a credential (WebAuthn §7.1 step 25).
pub const CREDENTIAL_ID_LENGTH_MAX: usize = 1023;

/// It, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AuthenticatorData<'a> {
    name_hash: [u8; 32],
    flags: u8,
    pub(crate) counter: u32,
    /// The credential that was made; none when one was used.
    pub(crate) made: Option<Made<'a>>,
}

/// A credential that was just made (§6.5.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Made<'a> {
    /// What kind of authenticator it is; zeros where it does not say.
    pub(crate) kind: [u8; 16],
    pub(crate) id: &'a [u8],
    /// Its COSE key as it came.
    pub(crate) key: &'a [u8],
    pub(crate) parsed: PublicKey<'a>,
}

impl<'a> AuthenticatorData<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > LENGTH_MAX {
            return Err(Refusal::AuthenticatorData);
        }
        let mut left = bytes;
        let name_hash = array(&mut left)?;
        let [flags] = array(&mut left)?;
        let counter = u32::from_be_bytes(array(&mut left)?);
        let made = match flags & CREDENTIAL {
            0 => None,
            _ => Some(Made::parse(&mut left)?),
        };
        if flags & EXTENSIONS != 0 {
            let mut reader = Reader::new(left);
            // A map, of which nothing was asked for and nothing is used.
            reader.clone().map()?;
            reader.skip()?;
            left = reader.left();
        }
        match left.is_empty() {
            true => Ok(Self {
                name_hash,
                flags,
                counter,
                made,
            }),
            false => Err(Refusal::AuthenticatorData),
        }
    }

    /// §7.1 steps 14 to 17, §7.2 steps 15 to 18: for this name, by somebody who was there and whom
    /// the authenticator knows, and nothing that contradicts itself.
    pub(crate) fn check(&self, name: &str) -> Result<(), Refusal> {
        if self.name_hash != digest(&SHA256, name.as_bytes()).as_ref() {
            return Err(Refusal::Name);
        }
        if self.flags & PRESENT == 0 {
            return Err(Refusal::NotPresent);
        }
        if self.flags & VERIFIED == 0 {
            return Err(Refusal::NotVerified);
        }
        if !self.is_backup_eligible() && self.flags & BACKED_UP != 0 {
            return Err(Refusal::Backup);
        }
        Ok(())
    }

    /// Whether its maker may copy it to other devices of its owner (§6.1.3).
    pub(crate) const fn is_backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }
}

impl<'a> Made<'a> {
    fn parse(left: &mut &'a [u8]) -> Result<Self, Refusal> {
        let kind = array(left)?;
        let length = usize::from(u16::from_be_bytes(array(left)?));
        if !(1..=CREDENTIAL_ID_LENGTH_MAX).contains(&length) {
            return Err(Refusal::CredentialId);
        }
        let (id, rest) = left
            .split_at_checked(length)
            .ok_or(Refusal::AuthenticatorData)?;
        // §6.5.1: the key says itself where it ends.
        let mut reader = Reader::new(rest);
        reader.skip()?;
        let key_length = rest.len() - reader.left().len();
        let (key, rest) = rest
            .split_at_checked(key_length)
            .ok_or(Refusal::AuthenticatorData)?;
        *left = rest;
        Ok(Self {
            kind,
            id,
            key,
            parsed: PublicKey::parse(key)?,
        })
    }
}

fn array<const N: usize>(left: &mut &[u8]) -> Result<[u8; N], Refusal> {
    let (taken, rest) = left.split_first_chunk().ok_or(Refusal::AuthenticatorData)?;
    *left = rest;
    Ok(*taken)
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::AuthenticatorData
    }
}

/// An id, a key and extensions of which there are none: less than half of it.
const LENGTH_MAX: usize = 4096;
/// Somebody touched it.
const PRESENT: u8 = 1;
/// It knows who.
const VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const CREDENTIAL: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;
