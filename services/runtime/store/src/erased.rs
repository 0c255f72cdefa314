//! Who was erased (LGPD art. 18, VI), by names that only the key beside them makes.
//!
//! The list is what makes an erasure durable: `erasing.rs` does what it says, after a power cut and
//! after a backup of before was restored too. It stands among the store's own secrets, and so in
//! the snapshot and in every backup that is made from then on.

use config::{asked_keys, kept_keys};
use ipc::Redacted;
use ipc::erasure::Whose;
use ipc::site::Site;
use ipc::store::{Audit, Reply};
use redb::{ReadableTable, WriteTransaction};
use ring::hmac;
use sansio::UnixTime;
use sha2::{Digest as _, Sha256};

use crate::backup::draw;
use crate::rows::{RowError, SecretRow};
use crate::tables::{
    ERASED_KEY, Fault, META, SECRETS, WriteTable, get, open, put, redb_fault, secret_key,
};
use crate::writes::{Outcome, SECRET_LENGTH_MAX, append_audit};

/// Among the store's own secrets.
pub(crate) const NAME: &str = "erased";

const KEY_LENGTH: usize = 32;
const NAME_LENGTH: usize = 16;
/// A name and when, milliseconds since 1970.
const ROW_LENGTH: usize = NAME_LENGTH + 8;
/// Some 900 numbers.
const ROWS_MAX: usize = (SECRET_LENGTH_MAX - KEY_LENGTH) / ROW_LENGTH;
/// No call record and no version is kept for so long.
const KEPT_MILLIS: i64 = 3_660 * 24 * 60 * 60 * 1000;

/// Who was erased, and when.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Erased {
    key: [u8; KEY_LENGTH],
    rows: Vec<([u8; NAME_LENGTH], i64)>,
}

impl std::fmt::Debug for Erased {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Erased({})", self.rows.len())
    }
}

impl Erased {
    /// The list of a database; `None` before somebody was erased.
    pub(crate) fn kept(
        secrets: &impl ReadableTable<&'static [u8], &'static [u8]>,
        own: u32,
    ) -> Result<Option<Self>, Fault> {
        let row: Option<SecretRow> = get(secrets, "secrets", &secret_key(own, NAME))?;
        row.map(|row| Self::read(row.value.reveal())).transpose()
    }

    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let parts = bytes
            .split_first_chunk::<KEY_LENGTH>()
            .and_then(|(key, rest)| {
                let (rows, rest) = rest.as_chunks::<ROW_LENGTH>();
                rest.is_empty().then_some((key, rows))
            });
        let Some((key, rows)) = parts else {
            let source = RowError::Content("the list of who was erased has a torn row".to_owned());
            let table = "secrets";
            return Err(Fault::Row { table, source });
        };
        let row = |row: &[u8; ROW_LENGTH]| {
            let (name, at) = row.split_first_chunk::<NAME_LENGTH>()?;
            Some((*name, i64::from_be_bytes(at.try_into().ok()?)))
        };
        Ok(Self {
            key: *key,
            rows: rows.iter().filter_map(row).collect(),
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.key.to_vec();
        for (name, at) in &self.rows {
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(&at.to_be_bytes());
        }
        bytes
    }

    /// Tells one list from another.
    pub(crate) fn id(&self) -> String {
        let sum = Sha256::digest(self.bytes());
        hex::encode(sum.get(..16).unwrap_or_default())
    }

    /// Whether a number in something that was written then was erased since.
    pub(crate) fn has_number(&self, number: &str, at_millis: i64) -> bool {
        let names = asked_keys(number);
        let mut names = names.iter().map(|it| self.name("number", it));
        names.any(|name| self.has(&name, at_millis))
    }

    /// The same of an account.
    pub(crate) fn has_login(&self, login: &str, at_millis: i64) -> bool {
        self.has(&self.name("login", login), at_millis)
    }

    /// Takes everybody out of a site of then who was erased since; whether somebody was.
    pub(crate) fn erase_from(&self, site: &mut Site, at_millis: i64) -> bool {
        let logins = site.people.iter().map(|it| it.login.clone());
        let gone: Vec<String> = logins.filter(|it| self.has_login(it, at_millis)).collect();
        for login in &gone {
            config::erase_person(site, login);
        }
        !gone.is_empty()
    }

    fn has(&self, name: &[u8; NAME_LENGTH], at_millis: i64) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|(erased, at)| erased == name && at_millis <= *at)
    }

    fn name(&self, kind: &str, text: &str) -> [u8; NAME_LENGTH] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key);
        let mut said = hmac::Context::with_key(&key);
        said.update(kind.as_bytes());
        said.update(&[0]);
        said.update(text.as_bytes());
        let mut name = [0; NAME_LENGTH];
        for (to, from) in name.iter_mut().zip(said.sign().as_ref()) {
            *to = *from;
        }
        name
    }

    fn add(&mut self, whose: &Whose, now: i64) {
        self.rows
            .retain(|(_, at)| now.saturating_sub(*at) < KEPT_MILLIS);
        let names: Vec<_> = match whose {
            Whose::Number(number) => {
                let keys = kept_keys(number.reveal());
                keys.iter().map(|it| self.name("number", it)).collect()
            }
            Whose::Login(login) => vec![self.name("login", login)],
        };
        for name in names {
            self.rows.retain(|(kept, _)| *kept != name);
            self.rows.push((name, now));
        }
    }

    /// Both lists, where they are of one key.
    fn with(mut self, other: &Self) -> Option<Self> {
        if self.key != other.key {
            return None;
        }
        for (name, at) in &other.rows {
            match self.rows.iter_mut().find(|(kept, _)| kept == name) {
                Some((_, kept)) => *kept = (*kept).max(*at),
                None => self.rows.push((*name, *at)),
            }
        }
        self.rows.truncate(ROWS_MAX);
        Some(self)
    }
}

/// Notes that somebody is erased. What is there of him goes in small steps from then on.
pub(crate) fn note(
    txn: &WriteTransaction,
    whose: &Whose,
    audit: &Audit,
    own: u32,
    now: UnixTime,
) -> Result<Outcome, Fault> {
    let mut secrets = open(txn, SECRETS)?;
    let mut erased = match Erased::kept(&secrets, own)? {
        Some(erased) => erased,
        None => {
            let no_key = |it: String| redb_fault(redb::Error::Io(std::io::Error::other(it)));
            Erased {
                key: draw().map_err(no_key)?,
                rows: Vec::new(),
            }
        }
    };
    erased.add(whose, now.as_millis());
    if erased.rows.len() > ROWS_MAX {
        return Ok(Outcome::refused(format!(
            "more than {ROWS_MAX} names of who was erased are not kept; the oldest go after ten \
             years"
        )));
    }
    let value = Redacted::new(erased.bytes());
    let key = secret_key(own, NAME);
    put(&mut secrets, "secrets", &key, &SecretRow { value })?;
    drop(secrets);
    append_audit(txn, audit, now)?;
    Ok(Outcome::precious(Reply::Stored))
}

/// What a restored database has of it, with what the box has: whoever was erased here stays so.
/// Of another key that of the box counts where the backup is of its own past.
pub(crate) fn unite(
    secrets: &mut WriteTable<'_>,
    own: u32,
    present: &SecretRow,
    is_own_past: bool,
) -> Result<(), Fault> {
    let Ok(present) = Erased::read(present.value.reveal()) else {
        return Ok(());
    };
    let restored = match Erased::kept(secrets, own) {
        Err(Fault::Row { .. }) => None,
        read => read?,
    };
    let kept = match restored {
        None => present,
        Some(restored) => match restored.clone().with(&present) {
            Some(both) => both,
            None if is_own_past => present,
            None => restored,
        },
    };
    let value = Redacted::new(kept.bytes());
    put(
        secrets,
        "secrets",
        &secret_key(own, NAME),
        &SecretRow { value },
    )
}

/// The list that everything has been gone through for.
pub(crate) fn done_for(
    meta: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<Option<String>, Fault> {
    match get(meta, "meta", ERASED_KEY) {
        Err(Fault::Row { .. }) => Ok(None),
        read => read,
    }
}

/// Everything has been gone through for this list.
pub(crate) fn is_done(txn: &WriteTransaction, erased: &Erased) -> Result<(), Fault> {
    put(&mut open(txn, META)?, "meta", ERASED_KEY, &erased.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Erased {
        Erased {
            key: [7; KEY_LENGTH],
            rows: Vec::new(),
        }
    }

    fn number(text: &str) -> Whose {
        Whose::Number(Redacted::new(text.to_owned()))
    }

    #[test]
    fn a_number_is_known_again_however_it_is_written_and_only_from_before() {
        let mut erased = list();
        erased.add(&number("+5548999990021"), 1_000);
        for same in [
            "0 21 48 99999-0021",
            "(48) 99999-0021",
            "999990021",
            "99990021",
        ] {
            assert!(erased.has_number(same, 1_000), "{same}");
            assert!(!erased.has_number(same, 1_001), "{same}: called since");
        }
        for other in ["+5511999990021", "+5548999990022", "100", "", "erased"] {
            assert!(!erased.has_number(other, 1_000), "{other}");
        }
        assert!(!erased.has_login("+5548999990021", 1_000));
        let text = format!("{erased:?} {:?}", Erased::read(&erased.bytes()));
        assert!(!text.contains("99990021"));
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_a_torn_one_is_refused() {
        let mut erased = list();
        erased.add(&number("+5548999990021"), 1_000);
        erased.add(&Whose::Login("ana".into()), 2_000);
        assert_eq!(Erased::read(&erased.bytes()).expect("whole"), erased);
        let bytes = erased.bytes();
        assert!(Erased::read(&bytes[..bytes.len() - 1]).is_err());
        assert!(Erased::read(&[]).is_err());
    }

    #[test]
    fn who_is_erased_again_is_so_until_then_and_nobody_stays_for_ever() {
        let mut erased = list();
        erased.add(&Whose::Login("ana".into()), 1_000);
        erased.add(&Whose::Login("ana".into()), 5_000);
        assert!(erased.has_login("ana", 5_000) && erased.rows.len() == 1);
        erased.add(&Whose::Login("rui".into()), 5_000 + KEPT_MILLIS);
        assert!(!erased.has_login("ana", 1_000));
    }

    #[test]
    fn two_lists_of_one_key_become_one() {
        let (mut one, mut other) = (list(), list());
        one.add(&Whose::Login("ana".into()), 1_000);
        other.add(&Whose::Login("ana".into()), 3_000);
        other.add(&Whose::Login("rui".into()), 2_000);
        let both = one.clone().with(&other).expect("one key");
        assert!(both.has_login("ana", 3_000) && both.has_login("rui", 2_000));
        other.key = [8; KEY_LENGTH];
        assert_eq!(one.with(&other), None);
    }
}
