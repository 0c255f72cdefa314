//! Who was erased (LGPD art. 18, VI), by names that only the key beside them makes.
//!
//! The list is what makes an erasure durable: `erasing.rs` does what it says, after a power cut and
//! after a backup of before was restored too. It stands among the store's own secrets, and so in
//! the snapshot and in every backup that is made from then on.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use config::recorded_form;
use ipc::Redacted;
use ipc::erasure::{FORMS_MAX, Whose};
use ipc::site::Site;
use ipc::store::{Audit, Reply};
use redb::{ReadableTable, WriteTransaction};
use ring::hmac;
use sansio::UnixTime;
use sha2::{Digest as _, Sha256};

use crate::backup::draw;
use crate::dates::{self, DAY_MILLIS};
use crate::rows::{ConfigRow, DatedRow, KeptRow, RowError, SecretRow};
use crate::tables::{
    CALLS, CONFIG, ERASED_KEY, Fault, KEPT_KEY, META, SECRETS, WriteTable, decode, get, open, put,
    redb_fault, secret_key,
};
use crate::writes::{Outcome, SECRET_LENGTH_MAX, append_audit};

/// Among the store's own secrets.
pub(crate) const NAME: &str = "erased";
/// The list of the site that the box was before a backup of another was restored.
pub(crate) const NAME_BEFORE: &str = "erased-before";

const KEY_LENGTH: usize = 32;
const NAME_LENGTH: usize = 16;
/// A name and when, milliseconds since 1970.
const ROW_LENGTH: usize = NAME_LENGTH + 8;
/// Some 500 numbers.
const ROWS_MAX: usize = (SECRET_LENGTH_MAX - KEY_LENGTH) / ROW_LENGTH;
/// No call record and no version is kept for so long.
const KEPT_MILLIS: i64 = 3_660 * 24 * 60 * 60 * 1000;

/// What kind of name a form of a number has. Another word was in the lists of firmware that took
/// the last digits for a number; it was never released.
const FORM: &str = "form";

/// What kind of name an extension has that an account gave it: its number and what it was called.
const LABEL: &str = "label";

/// An extension, and what it is called.
pub(crate) type Label = (String, String);

/// What was taken out of a site.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Gone {
    pub(crate) accounts: usize,
    /// Names at extensions that are nobody's any more.
    pub(crate) labels: usize,
}

/// What the extensions that were an account's alone were called in a site.
pub(crate) fn labels_of(site: &Site, login: &str) -> Vec<Label> {
    let Some(person) = site.people.iter().find(|it| it.login == login) else {
        return Vec::new();
    };
    let is_theirs = |number: &String| {
        let mut others = site.people.iter().filter(|it| it.login != login);
        person.extensions.contains(number) && !others.any(|it| it.extensions.contains(number))
    };
    let theirs = site.extensions.iter().filter(|it| is_theirs(&it.number));
    let named = theirs.filter(|it| !it.display_name.is_empty());
    named
        .map(|it| (it.number.clone(), it.display_name.clone()))
        .collect()
}

/// The same in every version that is kept.
pub(crate) fn labels_ever(
    versions: &impl ReadableTable<&'static [u8], &'static [u8]>,
    login: &str,
) -> Result<BTreeSet<Label>, Fault> {
    let mut labels = BTreeSet::new();
    for entry in versions.iter().map_err(redb_fault)? {
        let (_, value) = entry.map_err(redb_fault)?;
        let row: Option<ConfigRow> = decode("config", value.value()).ok();
        if let Some(row) = row {
            labels.extend(labels_of(&Site::from(row.site), login));
        }
    }
    Ok(labels)
}

/// Who asks, and by which clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By {
    /// The store's user id.
    pub(crate) own: u32,
    pub(crate) now: UnixTime,
    /// When the firmware was made, milliseconds since 1970; 0 where nobody says it.
    pub(crate) built: i64,
}

/// Who was erased, and when.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Erased {
    key: [u8; KEY_LENGTH],
    rows: Vec<([u8; NAME_LENGTH], i64)>,
    /// What is dated after this is of a clock that was ahead, and counts as of before.
    ahead_millis: i64,
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
            ahead_millis: i64::MAX,
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

    /// The same for what is there by now: what is dated after tomorrow was written by a clock that
    /// was ahead then.
    pub(crate) fn by_clock(self, now: UnixTime) -> Self {
        let now = now.as_millis();
        let ahead_millis = match dates::is_set(now) {
            true => now.saturating_add(DAY_MILLIS),
            false => i64::MAX,
        };
        Self {
            ahead_millis,
            ..self
        }
    }

    /// Tells one list from another.
    pub(crate) fn id(&self) -> String {
        let sum = Sha256::digest(self.bytes());
        hex::encode(sum.get(..16).unwrap_or_default())
    }

    /// Whether a number in something that was written then was erased since.
    pub(crate) fn has_number(&self, number: &str, at_millis: i64) -> bool {
        let form = recorded_form(number);
        form.is_some_and(|form| self.has(&self.name(FORM, &form), at_millis))
    }

    /// The same of an account.
    pub(crate) fn has_login(&self, login: &str, at_millis: i64) -> bool {
        self.has(&self.name("login", login), at_millis)
    }

    /// Takes everybody out of a site of then who was erased since, and what they called their
    /// extensions, also where the account was gone by then.
    pub(crate) fn erase_from(&self, site: &mut Site, at_millis: i64) -> Gone {
        let logins = site.people.iter().map(|it| it.login.clone());
        let gone: Vec<String> = logins.filter(|it| self.has_login(it, at_millis)).collect();
        for login in &gone {
            config::erase_person(site, login);
        }
        let mut labels = 0;
        for extension in &mut site.extensions {
            let mut people = site.people.iter();
            let is_somebodys = people.any(|it| it.extensions.contains(&extension.number));
            let label = label(&extension.number, &extension.display_name);
            if !is_somebodys && self.has(&self.name(LABEL, &label), at_millis) {
                extension.display_name.clear();
                labels += 1;
            }
        }
        Gone {
            accounts: gone.len(),
            labels,
        }
    }

    fn has(&self, name: &[u8; NAME_LENGTH], at_millis: i64) -> bool {
        let mut rows = self.rows.iter();
        let is_ahead = at_millis > self.ahead_millis;
        rows.any(|(erased, at)| erased == name && (at_millis <= *at || is_ahead))
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

    /// Adds somebody of whom everything goes that is dated until then; who was erased too long
    /// before this day is forgotten.
    fn add(&mut self, whose: &Whose, until: i64, day: i64) {
        self.rows
            .retain(|(_, at)| day.saturating_sub(*at) < KEPT_MILLIS);
        let names: Vec<_> = match whose {
            Whose::Number(forms) => {
                let forms = forms.reveal().iter();
                forms.map(|it| self.name(FORM, it)).collect()
            }
            Whose::Login(login) => vec![self.name("login", login)],
        };
        self.put(names, until);
    }

    /// Adds what somebody called extensions.
    fn add_labels(&mut self, labels: &BTreeSet<Label>, until: i64) {
        let labels = labels.iter().map(|(number, name)| label(number, name));
        let names = labels.map(|it| self.name(LABEL, &it)).collect();
        self.put(names, until);
    }

    fn put(&mut self, names: Vec<[u8; NAME_LENGTH]>, until: i64) {
        for name in names {
            self.rows.retain(|(kept, _)| *kept != name);
            self.rows.push((name, until));
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
        self.rows.sort_by_key(|(_, at)| Reverse(*at));
        self.rows.truncate(ROWS_MAX);
        Some(self)
    }
}

/// An extension and its name as one; no number has the byte between.
fn label(number: &str, name: &str) -> String {
    format!("{number}\0{name}")
}

/// Notes that somebody is erased. What is there of him goes in small steps from then on.
pub(crate) fn note(
    txn: &WriteTransaction,
    whose: &Whose,
    audit: &Audit,
    by: By,
) -> Result<Outcome, Fault> {
    let By { own, now, built } = by;
    let now_millis = now.as_millis();
    let noted: Option<KeptRow> = match get(&open(txn, META)?, "meta", KEPT_KEY) {
        Err(Fault::Row { .. }) => None,
        read => read?,
    };
    let day = dates::day_known(noted.as_ref(), built);
    if let Some(reason) = dates::doubt(now_millis, day, built) {
        return Ok(Outcome::refused(reason));
    }
    if let Whose::Number(forms) = whose
        && !(1..=FORMS_MAX).contains(&forms.reveal().len())
    {
        let reason = format!("a number has 1 to {FORMS_MAX} forms; nobody was erased");
        return Ok(Outcome::refused(reason));
    }
    let until = newest(txn, now_millis)?;
    let labels = match whose {
        Whose::Login(login) => labels_ever(&open(txn, CONFIG)?, login)?,
        Whose::Number(_) => BTreeSet::new(),
    };
    let mut secrets = open(txn, SECRETS)?;
    let mut erased = match Erased::kept(&secrets, own)? {
        Some(erased) => erased,
        None => {
            let no_key = |it: String| redb_fault(redb::Error::Io(std::io::Error::other(it)));
            Erased {
                key: draw().map_err(no_key)?,
                rows: Vec::new(),
                ahead_millis: i64::MAX,
            }
        }
    };
    erased.add(whose, until, day.min(now_millis));
    erased.add_labels(&labels, until);
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

/// Now, or when the newest call or version is dated, where the clock was a little ahead then: what
/// is there is of before.
fn newest(txn: &WriteTransaction, now_millis: i64) -> Result<i64, Fault> {
    let tomorrow = now_millis.saturating_add(DAY_MILLIS);
    let calls = open(txn, CALLS)?;
    let before = format!("{:013}", tomorrow.max(0));
    let mut range = calls.range(..before.as_bytes()).map_err(redb_fault)?;
    let last = range.next_back().transpose().map_err(redb_fault)?;
    let call = last.and_then(|(key, _)| {
        let at = key.value().get(..13)?;
        std::str::from_utf8(at).ok()?.parse::<i64>().ok()
    });
    let versions = open(txn, CONFIG)?;
    let last = versions.last().map_err(redb_fault)?;
    let version = last.and_then(|(_, value)| {
        let row: Option<DatedRow> = decode("config", value.value()).ok();
        row.map(|row| row.at_millis)
    });
    let near = [call, version].into_iter().flatten();
    let near = near.filter(|at| *at <= tomorrow);
    Ok(near.fold(now_millis, i64::max))
}

/// Whose past a backup is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// This site's.
    OwnPast,
    /// Another site's that this box was.
    OwnBox,
    /// Another box's: the same login is somebody else there.
    Another,
}

/// What a restored database has of it, with what the box has (`present`, and `before` of
/// [`NAME_BEFORE`]): whoever was erased here stays so. Of another key that of the box counts where
/// the backup is of its own past. The list of another site is kept aside, for the day a backup of
/// that site is restored.
pub(crate) fn unite(
    secrets: &mut WriteTable<'_>,
    own: u32,
    present: Option<&SecretRow>,
    before: Option<&SecretRow>,
    origin: Origin,
) -> Result<(), Fault> {
    let read = |row: Option<&SecretRow>| row.and_then(|it| Erased::read(it.value.reveal()).ok());
    let (present, before) = (read(present), read(before));
    let restored = match Erased::kept(secrets, own) {
        Err(Fault::Row { .. }) => None,
        read => read?,
    };
    let of_site = match origin {
        Origin::OwnPast => present.clone(),
        Origin::OwnBox => before.clone().or_else(|| present.clone()),
        Origin::Another => None,
    };
    let kept = match (restored, of_site) {
        (Some(restored), Some(of_site)) => Some(match restored.clone().with(&of_site) {
            Some(both) => both,
            None if origin == Origin::OwnPast => of_site,
            None => restored,
        }),
        (restored, of_site) => restored.or(of_site),
    };
    let aside = match origin {
        Origin::OwnPast | Origin::OwnBox => before,
        Origin::Another => before.or(present),
    };
    for (name, list) in [(NAME, kept), (NAME_BEFORE, aside)] {
        if let Some(list) = list {
            let value = Redacted::new(list.bytes());
            let key = secret_key(own, name);
            put(secrets, "secrets", &key, &SecretRow { value })?;
        }
    }
    Ok(())
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
            ahead_millis: i64::MAX,
        }
    }

    fn number(text: &str) -> Whose {
        let dialling = ipc::site::Dialling {
            area_code: "48".into(),
            ..ipc::site::Dialling::default()
        };
        let number = config::WholeNumber::parse(text, &dialling).expect("it is whole");
        Whose::Number(Redacted::new(number.forms()))
    }

    #[test]
    fn a_number_is_known_again_however_it_is_written_and_only_from_before() {
        let mut erased = list();
        erased.add(&number("+5548999990021"), 1_000, 1_000);
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
        erased.add(&number("+5548999990021"), 1_000, 1_000);
        erased.add(&Whose::Login("ana".into()), 2_000, 2_000);
        assert_eq!(Erased::read(&erased.bytes()).expect("whole"), erased);
        let bytes = erased.bytes();
        assert!(Erased::read(&bytes[..bytes.len() - 1]).is_err());
        assert!(Erased::read(&[]).is_err());
    }

    #[test]
    fn who_is_erased_again_is_so_until_then_and_nobody_stays_for_ever() {
        let mut erased = list();
        erased.add(&Whose::Login("ana".into()), 1_000, 1_000);
        erased.add(&Whose::Login("ana".into()), 5_000, 5_000);
        assert!(erased.has_login("ana", 5_000) && erased.rows.len() == 1);
        erased.add(&Whose::Login("rui".into()), 6_000, 5_000 + KEPT_MILLIS);
        assert!(!erased.has_login("ana", 1_000));
    }

    #[test]
    fn what_a_clock_has_dated_that_was_ahead_is_of_before() {
        let mut erased = list();
        let now = 1_700_000_000_000;
        erased.add(&Whose::Login("ana".into()), now, now);
        assert!(!erased.has_login("ana", now + 2 * DAY_MILLIS));
        let erased = erased.by_clock(UnixTime::from_millis(now));
        assert!(erased.has_login("ana", now + 2 * DAY_MILLIS));
        assert!(!erased.has_login("ana", now + DAY_MILLIS), "that is since");
        let unset = erased.by_clock(UnixTime::from_millis(0));
        assert!(!unset.has_login("ana", now + 2 * DAY_MILLIS));
    }

    #[test]
    fn two_lists_of_one_key_become_one() {
        let (mut one, mut other) = (list(), list());
        one.add(&Whose::Login("ana".into()), 1_000, 1_000);
        other.add(&Whose::Login("ana".into()), 3_000, 3_000);
        other.add(&Whose::Login("rui".into()), 2_000, 2_000);
        let both = one.clone().with(&other).expect("one key");
        assert!(both.has_login("ana", 3_000) && both.has_login("rui", 2_000));
        other.key = [8; KEY_LENGTH];
        assert_eq!(one.with(&other), None);
    }
}
