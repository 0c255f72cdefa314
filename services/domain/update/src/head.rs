//! The head of an update file: who signed it, and the hash of every chunk.

use sha2::{Digest as _, Sha256};
use slot::layout::SLOT_LENGTH;
use slot::{KEY_SET_LENGTH, KEYS_MAX, KeyId, KeySet, Signature, update_message};

use crate::manifest::Manifest;
use crate::refusal::Refusal;
use crate::{CHUNK, HEAD_MAX};

/// A head that trusted keys have signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// What the update is.
    pub manifest: Manifest,
    /// Key sets to take over, each signed by the one before.
    pub key_sets: Vec<KeySet>,
    /// SHA-256 of each chunk.
    pub chunks: Vec<[u8; 32]>,
    /// Where the first chunk begins in the file.
    pub payload: u64,
}

impl Head {
    /// How many bytes the head has, from its first ones; `None` until there are enough to tell.
    pub(crate) fn length(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        let known = bytes.len().min(MAGIC.len());
        if bytes.get(..known) != MAGIC.get(..known) {
            return Err(Refusal::NotAnUpdate);
        }
        let Some(length) = bytes.get(MAGIC.len()..).and_then(<[u8]>::first_chunk) else {
            return Ok(None);
        };
        let rest = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let length = rest.saturating_add(BEGINNING);
        if length > HEAD_MAX {
            return Err(Refusal::Damaged("its head is too long"));
        }
        Ok(Some(length))
    }

    /// What a whole head says; see [`crate::manifest_unverified`].
    pub(crate) fn manifest_unverified(bytes: &[u8]) -> Option<Manifest> {
        let mut rest = bytes.get(BEGINNING..)?;
        take_key_sets(&mut rest).ok()?;
        take_signatures(&mut rest).ok()?;
        let length = usize::try_from(u32::from_le_bytes(take(&mut rest).ok()?)).ok()?;
        Manifest::read(rest.get(..length)?).ok()
    }

    /// Reads a whole head and judges who signed it.
    pub(crate) fn verify(bytes: &[u8], trusted: &KeySet) -> Result<Self, Refusal> {
        let mut rest = bytes.get(BEGINNING..).unwrap_or_default();
        let key_sets = take_key_sets(&mut rest)?;
        let signatures = take_signatures(&mut rest)?;
        let length = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).unwrap_or(usize::MAX);
        let (text, list) = rest.split_at_checked(length).ok_or(TORN)?;
        let (trusted, key_sets) = follow(trusted, &key_sets)?;
        let message = update_message(&Sha256::digest(text).into());
        if !trusted.approves(&message, &signatures) {
            return Err(not_signed(&trusted));
        }
        // From here on, what is read was signed.
        let manifest = Manifest::read(text)?;
        if manifest.length > SLOT_LENGTH {
            return Err(Refusal::TooLarge {
                length: manifest.length,
                room: SLOT_LENGTH,
            });
        }
        let digest = hex::encode(Sha256::digest(list));
        if digest != manifest.chunks_sha256 || list.len() != manifest.chunks().saturating_mul(32) {
            return Err(Refusal::Damaged(
                "its list of chunks is not the one that was signed",
            ));
        }
        let chunks = list.chunks_exact(32).filter_map(|it| it.try_into().ok());
        Ok(Self {
            manifest,
            key_sets,
            chunks: chunks.collect(),
            payload: bytes.len() as u64,
        })
    }
}

/// The last of the sets that the box does not know yet, and those sets. Sets it already has are
/// passed over: a file is for boxes that took some of them earlier too.
fn follow(
    trusted: &KeySet,
    blocks: &[[u8; KEY_SET_LENGTH]],
) -> Result<(KeySet, Vec<KeySet>), Refusal> {
    let mut last = *trusted;
    let mut new = Vec::new();
    for block in blocks {
        let set = KeySet::decode(block);
        let set = set.map_err(|_| Refusal::Damaged("a key set in it cannot be read"))?;
        if set.version <= last.version {
            continue;
        }
        last = last.successor(block).map_err(|_| not_signed(trusted))?;
        new.push(last);
    }
    Ok((last, new))
}

fn not_signed(trusted: &KeySet) -> Refusal {
    Refusal::NotSigned {
        trusted: trusted.name.as_str().to_owned(),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Refusal> {
    let (first, after) = rest.split_first_chunk().ok_or(TORN)?;
    *rest = after;
    Ok(*first)
}

fn take_key_sets(rest: &mut &[u8]) -> Result<Vec<[u8; KEY_SET_LENGTH]>, Refusal> {
    let count = usize::from(u16::from_le_bytes(take(rest)?));
    if count > slot::CHAIN_LENGTH_MAX {
        return Err(Refusal::Damaged("it has too many key sets"));
    }
    (0..count).map(|_| take(rest)).collect()
}

fn take_signatures(rest: &mut &[u8]) -> Result<[Option<Signature>; KEYS_MAX], Refusal> {
    let count = usize::from(u16::from_le_bytes(take(rest)?));
    let mut signatures = [None; KEYS_MAX];
    if count > signatures.len() {
        return Err(Refusal::Damaged("it has too many signatures"));
    }
    for place in signatures.iter_mut().take(count) {
        *place = Some(Signature {
            key: KeyId(take(rest)?),
            bytes: take(rest)?,
        });
    }
    Ok(signatures)
}

/// Makes the head for a slot; `sign` signs a message with as many keys as the set asks for. The
/// slot follows it in the file.
///
/// # Errors
/// Those of `sign`.
pub fn make_head<E>(
    slot: &[u8],
    mut manifest: Manifest,
    key_sets: &[KeySet],
    sign: impl FnOnce(&[u8]) -> Result<[Option<Signature>; KEYS_MAX], E>,
) -> Result<Vec<u8>, E> {
    let hashes: Vec<[u8; 32]> = slot
        .chunks(CHUNK)
        .map(|chunk| Sha256::digest(chunk).into())
        .collect();
    let list = hashes.concat();
    manifest.length = slot.len() as u64;
    manifest.chunks_sha256 = hex::encode(Sha256::digest(&list));
    let text = serde_json::to_vec(&manifest).unwrap_or_default();
    let signatures = sign(&update_message(&Sha256::digest(&text).into()))?;
    let signatures: Vec<Signature> = signatures.into_iter().flatten().collect();
    let mut rest = Vec::new();
    rest.extend_from_slice(&u16_of(key_sets.len()));
    for set in key_sets {
        rest.extend_from_slice(&set.encode());
    }
    rest.extend_from_slice(&u16_of(signatures.len()));
    for signature in &signatures {
        rest.extend_from_slice(&signature.key.0);
        rest.extend_from_slice(&signature.bytes);
    }
    rest.extend_from_slice(&u32_of(text.len()));
    rest.extend_from_slice(&text);
    rest.extend_from_slice(&list);
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&u32_of(rest.len()));
    head.extend_from_slice(&rest);
    Ok(head)
}

fn u16_of(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}

fn u32_of(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

const TORN: Refusal = Refusal::Damaged("its head ends too soon");
const MAGIC: &[u8; 8] = b"RMLUPD01";
/// Magic and length.
pub(crate) const BEGINNING: usize = 12;
