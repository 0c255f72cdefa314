//! What an installer has laid down for the box: kept once, in one transaction.

use ipc::site::Site;
use ipc::store::{Audit, Provisioned, Reply};
use redb::WriteTransaction;
use sansio::UnixTime;

use crate::rows::SecretRow;
use crate::tables::{Fault, SECRETS, get, open, put, secret_key};
use crate::writes::{Outcome, SECRET_LENGTH_MAX, commit, is_name};

/// Keeps it, unless it was kept before.
pub(crate) fn apply(
    txn: &WriteTransaction,
    base: u64,
    site: &Site,
    laid_down: &Provisioned,
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
    let is_right = |(_, name, value): &(u32, String, ipc::Redacted<Vec<u8>>)| {
        is_name(name) && value.reveal().len() <= SECRET_LENGTH_MAX
    };
    if laid_down.secrets.len() > SETTINGS_MAX || !laid_down.secrets.iter().all(is_right) {
        return Ok(Outcome::refused(
            "more was laid down than is kept".to_owned(),
        ));
    }
    let names: Vec<&str> = laid_down.secrets.iter().map(|it| it.1.as_str()).collect();
    let audit = Audit {
        who: "system".to_owned(),
        action: "provisioning file applied".to_owned(),
        after: format!("{} {}", names.join(" "), laid_down.time_zone),
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
    // The oldest makes room: nobody lays down the same file after so many others.
    if ids.len() >= IDS_MAX * laid_down.id.len() {
        ids.drain(..laid_down.id.len());
    }
    ids.extend_from_slice(&laid_down.id);
    let row = SecretRow {
        value: ipc::Redacted::new(ids),
    };
    put(&mut table, "secrets", &key, &row)?;
    outcome.reply = Reply::Stored;
    Ok(outcome)
}

/// PID 1, whose secrets these are.
const ROOT: u32 = 0;
/// Under which name the ids of the files that were applied are kept.
const IDS: &str = "provisioned";
const IDS_MAX: usize = 64;
/// A file has fewer.
const SETTINGS_MAX: usize = 16;
