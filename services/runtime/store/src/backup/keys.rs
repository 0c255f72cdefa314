//! The keys of the box's backups, among the store's own secrets.

use ::backup::{BackupKey, Code, KeyId, Signer};
use ipc::Redacted;
use ipc::store::{Audit, Reply};
use redb::{ReadableDatabase as _, ReadableTable as _, WriteTransaction};
use sansio::UnixTime;

use crate::access::Peers;
use crate::reads;
use crate::rows::SecretRow;
use crate::store::Shared;
use crate::tables::{Fault, SECRETS, WriteTable, decode, get, open, put, redb_fault, secret_key};
use crate::writes::{Outcome, Write, append_audit};

/// What opens backups, behind a byte that says whether somebody was given its code.
const KEY: &str = "backup-key";
/// The seed of the key that signs them.
const SIGNER: &str = "backup-signer";
/// From which version of the configuration on the site is the one that the box has: what it was
/// before, a restore has replaced.
const SITE_SINCE: &str = "backup-site-since";
const NAMES: [&str; 3] = [KEY, SIGNER, SITE_SINCE];
/// Keys that were there before, by number: archives that lie on the box need them.
const EARLIER: &str = "backup-key-";
/// So many of these; a backup is made after each new code, and fewer are kept.
const EARLIER_MAX: usize = 32;

/// Whether a secret stays out of backups, and stays when one is restored: what makes this box
/// another one than the next.
pub(crate) fn is_left_out(peers: &Peers, uid: u32, name: &str) -> bool {
    uid == peers.grid || NAMES.contains(&name) || name.starts_with(EARLIER)
}

/// The keys of this box.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) key: BackupKey,
    /// Somebody was given the code.
    pub(crate) has_code: bool,
    pub(crate) signer: Signer,
}

/// What tells the box's own past from that of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnPast {
    pub(crate) of_box: [u8; 32],
    /// A version of the configuration.
    pub(crate) since: u64,
}

/// Secrets of the store's own to be kept, with an entry in the trail where somebody asked for it.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    uid: u32,
    rows: Vec<(&'static str, Redacted<Vec<u8>>)>,
    audit: Option<Audit>,
}

impl KeyRow {
    /// The key that a code leads to, as one that somebody has.
    pub(crate) fn of_code(peers: &Peers, key: &BackupKey, audit: Option<Audit>) -> Self {
        Self {
            uid: peers.own,
            rows: vec![(KEY, kept(key, true))],
            audit,
        }
    }

    /// From which version of the configuration on the site is that of a restored backup.
    pub(crate) fn of_site_since(peers: &Peers, version: u64) -> Self {
        let value = Redacted::new(version.to_be_bytes().to_vec());
        Self {
            uid: peers.own,
            rows: vec![(SITE_SINCE, value)],
            audit: None,
        }
    }

    pub(crate) fn apply(&self, txn: &WriteTransaction, now: UnixTime) -> Result<Outcome, Fault> {
        let mut table = open(txn, SECRETS)?;
        for (name, value) in &self.rows {
            if *name == KEY {
                keep_earlier(&mut table, self.uid, value)?;
            }
            let row = SecretRow {
                value: value.clone(),
            };
            put(&mut table, "secrets", &secret_key(self.uid, name), &row)?;
        }
        drop(table);
        if let Some(audit) = &self.audit {
            append_audit(txn, audit, now)?;
        }
        Ok(Outcome::precious(Reply::Stored))
    }
}

/// Keeps the key that another one replaces.
fn keep_earlier(
    table: &mut WriteTable<'_>,
    uid: u32,
    next: &Redacted<Vec<u8>>,
) -> Result<(), Fault> {
    let present: Option<SecretRow> = get(table, "secrets", &secret_key(uid, KEY))?;
    let Some(present) = present.filter(|it| it.value != *next) else {
        return Ok(());
    };
    let prefix = secret_key(uid, EARLIER);
    let mut numbers = Vec::new();
    for entry in table.range(prefix.as_slice()..).map_err(redb_fault)? {
        let (key, _) = entry.map_err(redb_fault)?;
        let Some(number) = key.value().strip_prefix(prefix.as_slice()) else {
            break;
        };
        let number = str::from_utf8(number).ok();
        numbers.extend(number.and_then(|it| it.parse::<u32>().ok()));
    }
    let named = |number: u32| secret_key(uid, &format!("{EARLIER}{number:08}"));
    let next = numbers.last().map_or(1, |last| last + 1);
    put(table, "secrets", &named(next), &present)?;
    let too_many = (numbers.len() + 1).saturating_sub(EARLIER_MAX);
    for number in numbers.into_iter().take(too_many) {
        table.remove(named(number).as_slice()).map_err(redb_fault)?;
    }
    Ok(())
}

fn kept(key: &BackupKey, has_code: bool) -> Redacted<Vec<u8>> {
    let mut bytes = vec![u8::from(has_code)];
    bytes.extend(key.bytes());
    Redacted::new(bytes)
}

impl Shared {
    /// The keys of this box; `Err` while it has none, or cannot read them.
    pub(crate) fn backup_keys(&self) -> Result<Keys, String> {
        self.kept_backup_keys()?
            .ok_or_else(|| "the box has no key for backups yet: ask again".to_owned())
    }

    /// The key of this name, among the one that the box has and those it had before.
    pub(crate) fn backup_key_of(&self, id: &KeyId) -> Result<Option<BackupKey>, String> {
        let prefix = secret_key(self.peers.own, KEY);
        self.with(|database| {
            let txn = database.begin_read().map_err(redb_fault)?;
            let table = txn.open_table(SECRETS).map_err(redb_fault)?;
            for entry in table.range(prefix.as_slice()..).map_err(redb_fault)? {
                let (key, value) = entry.map_err(redb_fault)?;
                if !key.value().starts_with(&prefix) {
                    break;
                }
                // One that cannot be read must not hide the others.
                let Ok(row) = decode::<SecretRow>("secrets", value.value()) else {
                    continue;
                };
                let bytes = row.value.reveal().get(1..).unwrap_or_default();
                let found = BackupKey::from_bytes(bytes).filter(|key| key.id() == *id);
                if found.is_some() {
                    return Ok(found);
                }
            }
            Ok(None)
        })
    }

    fn kept_backup_keys(&self) -> Result<Option<Keys>, String> {
        let (Some(key), Some(seed)) = (self.own_secret(KEY)?, self.own_secret(SIGNER)?) else {
            return Ok(None);
        };
        let split = key.reveal().split_first();
        let key = split.and_then(|(flag, key)| Some((*flag == 1, BackupKey::from_bytes(key)?)));
        let seed = seed.reveal().as_slice().try_into().ok();
        let ((has_code, key), seed) = key.zip(seed).ok_or("the key of backups is damaged")?;
        Ok(Some(Keys {
            key,
            has_code,
            signer: Signer::from_seed(seed),
        }))
    }

    fn own_secret(&self, name: &str) -> Result<Option<Redacted<Vec<u8>>>, String> {
        let own = self.peers.own;
        let reply = self.read(|txn| reads::secret(txn, own, name).map(Reply::Secret));
        match reply {
            Reply::Secret(secret) => Ok(secret),
            Reply::Failed { reason } => Err(reason),
            other => Err(format!("the store answers {other:?}")),
        }
    }

    /// Which box this is, and from which version of the configuration on its site is the one that
    /// it has; `None` where that cannot be read.
    pub(crate) fn own_past(&self) -> Option<OwnPast> {
        let seed = self.own_secret(SIGNER).ok()??;
        let seed: [u8; 32] = seed.reveal().as_slice().try_into().ok()?;
        let since = self.own_secret(SITE_SINCE).ok()?;
        let since = since.and_then(|it| it.reveal().as_slice().try_into().ok());
        Some(OwnPast {
            of_box: Signer::from_seed(&seed).of_box(),
            since: since.map_or(0, u64::from_be_bytes),
        })
    }

    /// Draws the keys that are not there, to be kept; each by itself, as without its signing key
    /// the box would be another one. Nobody knows the code of such a key: it opens the backups
    /// that lie on this box.
    pub(crate) fn missing_backup_keys(&self) -> Result<Option<Write>, String> {
        let mut rows = Vec::new();
        if self.own_secret(KEY)?.is_none() {
            rows.push((KEY, kept(&BackupKey::of(&fresh_code()?), false)));
        }
        if self.own_secret(SIGNER)?.is_none() {
            rows.push((SIGNER, Redacted::new(draw::<32>()?.to_vec())));
        }
        let uid = self.peers.own;
        let audit = None;
        let write = (!rows.is_empty()).then_some(KeyRow { uid, rows, audit });
        Ok(write.map(Write::PutBackupKeys))
    }
}

/// A code that nobody has seen.
pub(crate) fn fresh_code() -> Result<Code, String> {
    Ok(Code::from_random(&draw()?))
}

pub(crate) fn draw<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    let flags = rustix::rand::GetRandomFlags::empty();
    match rustix::rand::getrandom(&mut bytes, flags) {
        Ok(read) if read == N => Ok(bytes),
        Ok(_) | Err(_) => Err("the kernel gives no random numbers".to_owned()),
    }
}
