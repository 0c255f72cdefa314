//! What an installer has laid down for the box: kept once, in one transaction.

use ipc::Redacted;
use ipc::site::Site;
use ipc::store::{Audit, Provisioned, Reply, laid_down};
use redb::WriteTransaction;
use sansio::UnixTime;

use crate::access::Peers;
use crate::rows::SecretRow;
use crate::tables::{Fault, SECRETS, WriteTable, get, open, put, secret_key};
use crate::writes::{Outcome, SECRET_LENGTH_MAX, commit};

/// What is laid down, for whoever uses it.
#[derive(Clone, Debug)]
pub(crate) struct LaidDown {
    /// SHA-256 of the file.
    id: [u8; ID_LENGTH],
    /// Whether it says who administers the box, or which grid it belongs to.
    is_for_new_box: bool,
    /// User id, name, content.
    secrets: Vec<(u32, &'static str, Redacted<Vec<u8>>)>,
    /// What it is about, for the audit trail.
    subjects: String,
}

impl LaidDown {
    pub(crate) fn new(provisioned: &Provisioned, peers: &Peers) -> Self {
        let text = |text: &Option<String>| text.clone().map(String::into_bytes);
        let address = provisioned.address.map(|it| it.to_string().into_bytes());
        let login_key = provisioned.login_key_sha256.as_ref();
        let keys = provisioned.ssh_keys.join("\n").into_bytes();
        let code = provisioned.grid_code.as_ref();
        let all = [
            (
                laid_down::NETWORK,
                text(&provisioned.network),
                &[peers.net][..],
            ),
            (laid_down::ADDRESS, address, &[peers.pbx, peers.web]),
            (
                laid_down::HOST_NAME,
                text(&provisioned.host_name),
                &[peers.net, peers.pbx, peers.web],
            ),
            (
                laid_down::LOGIN_KEY,
                login_key.map(|it| it.reveal().to_vec()),
                &[peers.web],
            ),
            (
                laid_down::SSH_KEYS,
                Some(keys).filter(|it| !it.is_empty()),
                &[peers.own],
            ),
            (
                laid_down::GRID_CODE,
                code.map(|it| it.reveal().clone().into_bytes()),
                &[peers.own],
            ),
        ];
        let mut subjects: Vec<&str> = Vec::new();
        let mut secrets = Vec::new();
        for (name, value, users) in all {
            let Some(value) = value else { continue };
            subjects.push(name);
            let value = Redacted::new(value);
            secrets.extend(users.iter().map(|user| (*user, name, value.clone())));
        }
        subjects.extend(provisioned.time_zone.as_deref());
        subjects.extend(provisioned.tunnel.is_some().then_some("tunnel"));
        Self {
            id: provisioned.id,
            is_for_new_box: login_key.is_some()
                || code.is_some()
                || provisioned.tunnel.is_some()
                || !provisioned.ssh_keys.is_empty(),
            subjects: subjects.join(", "),
            secrets,
        }
    }
}

/// Keeps it, unless it was kept before.
pub(crate) fn apply(
    txn: &WriteTransaction,
    base: u64,
    site: &Site,
    laid_down: &LaidDown,
    now: UnixTime,
) -> Result<Outcome, Fault> {
    let key = secret_key(ROOT, IDS);
    let mut ids = {
        let table = open(txn, SECRETS)?;
        let kept: Option<SecretRow> = get(&table, "secrets", &key)?;
        kept.map(|row| row.value.reveal().clone())
            .unwrap_or_default()
    };
    if ids
        .chunks_exact(laid_down.id.len())
        .any(|id| id == laid_down.id)
    {
        return Ok(Outcome::of(Reply::Stored));
    }
    let is_short = |value: &Redacted<Vec<u8>>| value.reveal().len() <= SECRET_LENGTH_MAX;
    if !laid_down.secrets.iter().all(|(.., value)| is_short(value)) {
        let reason = "more was laid down than is kept".to_owned();
        return Ok(Outcome::refused(reason));
    }
    if laid_down.is_for_new_box && is_administered(site) {
        return Ok(Outcome::of(Reply::Administered));
    }
    let audit = Audit {
        who: "system".to_owned(),
        action: "provisioning file applied".to_owned(),
        after: laid_down.subjects.clone(),
        ..Audit::default()
    };
    let mut outcome = commit(txn, base, &audit, site, now)?;
    if !matches!(outcome.reply, Reply::Committed { .. }) {
        return Ok(outcome);
    }
    let mut table = open(txn, SECRETS)?;
    for (uid, name, value) in &laid_down.secrets {
        let row = SecretRow {
            value: value.clone(),
        };
        put(&mut table, "secrets", &secret_key(*uid, name), &row)?;
    }
    add(&mut ids, &laid_down.id);
    let row = SecretRow {
        value: Redacted::new(ids),
    };
    put(&mut table, "secrets", &key, &row)?;
    outcome.reply = Reply::Stored;
    Ok(outcome)
}

/// Adds the id of a file, unless it is there. The oldest makes room: nobody lays down the same file
/// after so many others.
fn add(ids: &mut Vec<u8>, id: &[u8]) {
    if ids.chunks_exact(ID_LENGTH).any(|known| known == id) {
        return;
    }
    if ids.len() >= IDS_MAX * ID_LENGTH {
        ids.drain(..ID_LENGTH);
    }
    ids.extend_from_slice(id);
}

/// Whether a secret is the list of the files that were applied.
pub(crate) fn is_ids(uid: u32, name: &str) -> bool {
    uid == ROOT && name == IDS
}

/// Adds the files that a list names to the one in a table of secrets: what was applied once, on
/// this box or on the one a backup is of, is not applied again.
pub(crate) fn unite(table: &mut WriteTable<'_>, list: &SecretRow) -> Result<(), Fault> {
    let key = secret_key(ROOT, IDS);
    let kept: Option<SecretRow> = get(table, "secrets", &key)?;
    let mut ids = kept
        .map(|row| row.value.reveal().clone())
        .unwrap_or_default();
    for id in list.value.reveal().chunks_exact(ID_LENGTH) {
        add(&mut ids, id);
    }
    let value = Redacted::new(ids);
    put(table, "secrets", &key, &SecretRow { value })
}

/// Whether somebody has a password: who then holds the disk must not become administrator by it.
fn is_administered(site: &Site) -> bool {
    site.people
        .iter()
        .any(|person| !person.password_hash.reveal().is_empty())
}

/// Nobody asks for secrets of this user id but the store itself.
const ROOT: u32 = 0;
/// Under which name the ids of the files that were applied are kept.
const IDS: &str = "provisioned";
const IDS_MAX: usize = 64;
/// Bytes of one: SHA-256.
const ID_LENGTH: usize = 32;
