//! Numbers of people outside, sealed in call records (R17), and the names under which the index
//! has them.
//!
//! What this is: pseudonymisation. Whoever has the key, as this process, reads every number, and
//! there are so few telephone numbers that the names in the index can be tried out by whoever has
//! the key. Without it neither tells anything but that two calls were with the same number.

use std::fmt;

use ipc::Redacted;
use redb::{ReadableTable, WriteTransaction};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::hmac;

use crate::backup::draw;
use crate::rows::{RowError, SecretRow};
use crate::tables::{Fault, SECRETS, get, open, put, redb_fault, secret_key};

/// Among the store's own secrets. It is in backups, as their call records are read with it.
pub(crate) const NAME: &str = "call-numbers";

/// Before every text that is sealed.
const PREFIX: &str = "sealed1:";

/// Bytes of a name in the index: two numbers have the same by chance once in 2^32 numbers, and then
/// a record more is read.
pub(crate) const TAG_LENGTH: usize = 8;

/// Seals and opens the numbers of one database.
pub(crate) struct Seal {
    aead: LessSafeKey,
    nonce: hmac::Key,
    index: hmac::Key,
    id: String,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({})", self.id)
    }
}

/// Which number of a record: what is sealed as one does not open as another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    From,
    To,
    TransferredTo,
}

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::TransferredTo => "transferred-to",
        }
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Seal {
    /// The one that follows from a secret of 32 bytes; `None` of another length.
    pub(crate) fn of(secret: &[u8]) -> Option<Self> {
        let secret: &[u8; 32] = secret.try_into().ok()?;
        let keys = Salt::new(HKDF_SHA256, b"ramal call numbers 1").extract(secret);
        let key: [u8; 32] = derive(&keys, b"seal")?;
        let id: [u8; 4] = derive(&keys, b"id")?;
        let mac = |label| {
            Some(hmac::Key::new(
                hmac::HMAC_SHA256,
                &derive::<32>(&keys, label)?,
            ))
        };
        Some(Self {
            aead: LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key).ok()?),
            nonce: mac(b"nonce")?,
            index: mac(b"index")?,
            id: hex::encode(id),
        })
    }

    /// The one of a database; `None` before a number was sealed in it. A secret of another length
    /// is one that cannot be read.
    pub(crate) fn kept(
        secrets: &impl ReadableTable<&'static [u8], &'static [u8]>,
        own: u32,
    ) -> Result<Option<Self>, Fault> {
        let row: Option<SecretRow> = get(secrets, "secrets", &secret_key(own, NAME))?;
        let Some(row) = row else { return Ok(None) };
        let bytes = row.value.reveal();
        match Self::of(bytes) {
            Some(seal) => Ok(Some(seal)),
            None => Err(Fault::Row {
                table: "secrets",
                source: RowError::Content(format!(
                    "the key of numbers has {} bytes, 32 are needed",
                    bytes.len()
                )),
            }),
        }
    }

    /// The one of a database, and whether it was drawn just now. Where it cannot be read nothing is
    /// drawn in its place: the write fails, and `lost_key.rs` sees to it as the database is opened
    /// again.
    pub(crate) fn kept_or_drawn(txn: &WriteTransaction, own: u32) -> Result<(Self, bool), Fault> {
        let mut secrets = open(txn, SECRETS)?;
        if let Some(seal) = Self::kept(&secrets, own)? {
            return Ok((seal, false));
        }
        let no_key = |reason: String| redb_fault(redb::Error::Io(std::io::Error::other(reason)));
        let secret = draw::<32>().map_err(no_key)?;
        let row = SecretRow {
            value: Redacted::new(secret.to_vec()),
        };
        put(&mut secrets, "secrets", &secret_key(own, NAME), &row)?;
        let seal = Self::of(&secret).ok_or_else(|| no_key("no key can be made".to_owned()))?;
        Ok((seal, true))
    }

    /// Which one it is; of no use to anybody who has not got it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// A number as it stands on disk, in this place of this record. The nonce follows from all of
    /// it under a key of its own (as in RFC 5297): the same number in the same place is the same
    /// text, and nothing else has the same nonce.
    pub(crate) fn seal(&self, record: &str, place: Place, number: &str) -> String {
        let bound = bound(record, place);
        let mut said = hmac::Context::with_key(&self.nonce);
        said.update(&bound);
        said.update(&[0]);
        said.update(number.as_bytes());
        let mut nonce = [0; NONCE_LEN];
        for (to, from) in nonce.iter_mut().zip(said.sign().as_ref()) {
            *to = *from;
        }
        let mut bytes = number.as_bytes().to_vec();
        let sealed = self.aead.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound),
            &mut bytes,
        );
        debug_assert!(sealed.is_ok(), "a number is shorter than 256 GiB");
        match sealed {
            Ok(()) => format!("{PREFIX}{}{}", hex::encode(nonce), hex::encode(bytes)),
            // Better without it than in the clear.
            Err(_) => PREFIX.to_owned(),
        }
    }

    /// The number that was sealed; `None` of what this key has not sealed here.
    pub(crate) fn open(&self, record: &str, place: Place, text: &str) -> Option<String> {
        let mut bytes = hex::decode(text.strip_prefix(PREFIX)?).ok()?;
        let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self
            .aead
            .open_in_place(nonce, Aad::from(bound(record, place)), rest)
            .ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }

    /// The name under which the index has a number, however it is written.
    pub(crate) fn number_tag(&self, number: &str) -> [u8; TAG_LENGTH] {
        self.tag(b"number", &config::number_key(number))
    }

    /// The name under which the index has the call of a recording; of none, all that have one.
    pub(crate) fn recording_tag(&self, recording: &str) -> [u8; TAG_LENGTH] {
        self.tag(b"recording", recording)
    }

    fn tag(&self, kind: &[u8], text: &str) -> [u8; TAG_LENGTH] {
        let mut said = hmac::Context::with_key(&self.index);
        said.update(kind);
        said.update(&[0]);
        said.update(text.as_bytes());
        let mut tag = [0; TAG_LENGTH];
        for (to, from) in tag.iter_mut().zip(said.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

/// Whether a text is a sealed one.
pub(crate) fn is_sealed(text: &str) -> bool {
    text.starts_with(PREFIX)
}

fn bound(record: &str, place: Place) -> Vec<u8> {
    [place.name().as_bytes(), &[0], record.as_bytes()].concat()
}

/// HKDF-Expand of RFC 5869. `N` is far below its limit, so it does not fail.
fn derive<const N: usize>(keys: &Prk, label: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    let labels = [label];
    let okm = keys.expand(&labels, Length(N)).ok()?;
    okm.fill(&mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::of(&[byte; 32]).expect("32 bytes")
    }

    #[test]
    fn a_number_opens_where_it_was_sealed_and_nowhere_else() {
        let (own, other) = (seal(1), seal(2));
        let number = "+5548999990021";
        let text = own.seal("17-a", Place::From, number);
        assert!(is_sealed(&text) && !text.contains("9999"), "{text}");
        assert_eq!(own.open("17-a", Place::From, &text), Some(number.into()));
        assert_eq!(own.open("17-a", Place::To, &text), None);
        assert_eq!(own.open("17-b", Place::From, &text), None);
        assert_eq!(other.open("17-a", Place::From, &text), None);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(own.open("17-a", Place::From, &changed), None, "byte {at}");
        }
        assert_eq!(own.open("17-a", Place::From, PREFIX), None);
    }

    #[test]
    fn two_calls_with_one_number_do_not_look_alike() {
        let own = seal(1);
        let number = "+5548999990021";
        let one = own.seal("17-a", Place::From, number);
        assert_eq!(one, own.seal("17-a", Place::From, number));
        assert_ne!(one, own.seal("17-b", Place::From, number));
        assert_ne!(one, own.seal("17-a", Place::To, number));
    }

    #[test]
    fn the_index_has_a_number_under_one_name_that_the_key_makes() {
        let own = seal(1);
        let tag = own.number_tag("+5548999990021");
        assert_eq!(tag, own.number_tag("021 48 99999-0021"));
        assert_ne!(tag, own.number_tag("+5548999990022"));
        assert_ne!(tag, seal(2).number_tag("+5548999990021"));
        assert_ne!(own.number_tag("a"), own.recording_tag("a"));
    }
}
