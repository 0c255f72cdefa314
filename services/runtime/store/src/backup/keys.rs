//! The two keys of the box's backups, among the store's own secrets.

use ::backup::{BackupKey, Code, Signer};
use ipc::Redacted;
use ipc::store::{Audit, Reply};
use redb::WriteTransaction;
use sansio::UnixTime;

use crate::access::Peers;
use crate::reads;
use crate::rows::SecretRow;
use crate::store::Shared;
use crate::tables::{Fault, SECRETS, open, put, secret_key};
use crate::writes::{Outcome, Write, append_audit};

/// What opens backups, behind a byte that says whether somebody was given its code.
const KEY: &str = "backup-key";
/// The seed of the key that signs them.
const SIGNER: &str = "backup-signer";
const NAMES: [&str; 2] = [KEY, SIGNER];

/// Whether a secret stays out of backups, and stays when one is restored: what makes this box
/// another one than the next.
pub(crate) fn is_left_out(peers: &Peers, uid: u32, name: &str) -> bool {
    uid == peers.grid || NAMES.contains(&name)
}

/// The keys of this box.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) key: BackupKey,
    /// Somebody was given the code.
    pub(crate) has_code: bool,
    pub(crate) signer: Signer,
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

    pub(crate) fn apply(&self, txn: &WriteTransaction, now: UnixTime) -> Result<Outcome, Fault> {
        let mut table = open(txn, SECRETS)?;
        for (name, value) in &self.rows {
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

    fn kept_backup_keys(&self) -> Result<Option<Keys>, String> {
        let own = self.peers.own;
        let read = |name: &str| {
            let reply = self.read(|txn| reads::secret(txn, own, name).map(Reply::Secret));
            match reply {
                Reply::Secret(secret) => Ok(secret),
                Reply::Failed { reason } => Err(reason),
                other => Err(format!("the store answers {other:?}")),
            }
        };
        let (Some(key), Some(seed)) = (read(KEY)?, read(SIGNER)?) else {
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

    /// Draws the keys that are not there, to be kept. Nobody knows the code of such a key: it
    /// opens the backups that lie on this box.
    pub(crate) fn missing_backup_keys(&self) -> Result<Option<Write>, String> {
        if self.kept_backup_keys()?.is_some() {
            return Ok(None);
        }
        let seed = draw::<32>()?;
        let rows = vec![
            (KEY, kept(&BackupKey::of(&fresh_code()?), false)),
            (SIGNER, Redacted::new(seed.to_vec())),
        ];
        Ok(Some(Write::PutBackupKeys(KeyRow {
            uid: self.peers.own,
            rows,
            audit: None,
        })))
    }
}

/// A code that nobody has seen.
pub(crate) fn fresh_code() -> Result<Code, String> {
    Ok(Code::from_random(&draw()?))
}

pub(super) fn draw<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    let flags = rustix::rand::GetRandomFlags::empty();
    match rustix::rand::getrandom(&mut bytes, flags) {
        Ok(read) if read == N => Ok(bytes),
        Ok(_) | Err(_) => Err("the kernel gives no random numbers".to_owned()),
    }
}
