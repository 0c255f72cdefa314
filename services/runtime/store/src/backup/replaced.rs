//! The audit trail that a restore replaces, kept in a file: as it would be exported, signed by the
//! box, beside the backups. No restore takes one away without saying so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use ::backup::Signer;
use ipc::store::{BackupFailure, ReplacedTrail, Reply, trail_file_millis};
use redb::{ReadTransaction, ReadableTable as _};
use trail::{Heading, LINE_BYTES_MAX, Verifier};

use super::folder::Folder;
use super::{Backups, failure};
use crate::audit;
use crate::store::Shared;
use crate::tables::{AUDIT, key_number, redb_fault};

/// Files that are kept; the oldest makes room, and the entry of the restore names it.
const TRAILS_MAX: usize = 8;

/// Behind the time in the name of one.
const KIND: &str = ".trail";

/// A trail that was written and counts once the restore is done.
#[derive(Debug)]
pub(super) struct Replaced {
    name: String,
    /// Those that are too many then.
    surplus: Vec<String>,
}

impl Replaced {
    /// For the entry of the restore.
    pub(super) fn said(&self) -> String {
        let mut said = format!(", kept as {}", self.name);
        for name in &self.surplus {
            said.push_str(&format!(
                "; the one kept as {name} was deleted, as too many"
            ));
        }
        said
    }
}

/// Writes the trail that is to be replaced; `None` where there is none that can be proved.
pub(super) fn keep(
    folder: &Folder,
    shared: &Shared,
    signer: &Signer,
    txn: &ReadTransaction,
) -> Result<Option<Replaced>, BackupFailure> {
    let table = txn.open_table(AUDIT).map_err(redb_fault)?;
    let ends = [table.first(), table.last()].map(|end| {
        let end = end.ok().flatten();
        end.map(|(key, _)| key_number(key.value()))
    });
    let [Some(first), Some(last)] = ends else {
        return Ok(None);
    };
    let now = shared.now().as_millis();
    let stretch = match audit::stretch(txn, first, last)? {
        Ok(stretch) => stretch,
        Err(reason) => {
            tracing::error!("the audit trail that is replaced cannot be kept: {reason}");
            return Ok(None);
        }
    };
    let heading = Heading::signed(stretch, signer.of_box(), now, |it| signer.sign(it));
    let mut file = folder.begin_trail().map_err(failure::of_disk)?;
    let mut text = heading.line();
    let mut next = Some(first);
    while let Some(from) = next {
        let lines = audit::lines(txn, from, last)?;
        text.push_str(&lines.text);
        if shared.spare_bytes() < text.len() as u64 {
            folder.give_up_trail();
            return Err(BackupFailure::NoRoom);
        }
        let written = file.write_all(text.as_bytes());
        written.map_err(failure::of_disk)?;
        text.clear();
        next = lines.next;
    }
    let name = folder.keep_trail(&*file, now, KIND);
    let name = name.map_err(failure::of_disk)?;
    let mut surplus = folder.trails();
    let count = surplus.len().saturating_sub(TRAILS_MAX);
    surplus.truncate(count);
    Ok(Some(Replaced { name, surplus }))
}

/// The restore is done, or nothing became of it.
pub(super) fn settle(folder: &Folder, replaced: &Replaced, is_done: bool) {
    if !is_done {
        folder.remove(&replaced.name);
        return;
    }
    for name in &replaced.surplus {
        folder.remove(name);
    }
}

impl Backups {
    /// The trails that restores have replaced, newest first.
    pub(crate) fn replaced_trails(&self, shared: &Shared, is_checked: bool) -> Reply {
        let of_box = shared.backup_keys().map(|keys| keys.signer.of_box());
        let of_box = of_box.ok();
        let mut names = self.folder.trails();
        names.reverse();
        let told = |name| self.replaced_trail(name, of_box, is_checked);
        Reply::ReplacedTrails(names.into_iter().filter_map(told).collect())
    }

    fn replaced_trail(
        &self,
        name: String,
        of_box: Option<[u8; 32]>,
        is_checked: bool,
    ) -> Option<ReplacedTrail> {
        let file = self.folder.open_trail(&name).ok()?;
        let mut told = ReplacedTrail {
            at_millis: trail_file_millis(&name)?,
            bytes: file.length().ok()?,
            name,
            ..ReplacedTrail::default()
        };
        let mut lines = BufReader::new(file);
        let mut verifier = Verifier::new(of_box, None);
        let mut line = Vec::new();
        let mut is_good = true;
        let mut is_first = true;
        loop {
            line.clear();
            let bounded = (&mut lines)
                .take(LINE_BYTES_MAX as u64)
                .read_until(b'\n', &mut line);
            if !matches!(bounded, Ok(count) if count > 0) {
                break;
            }
            if is_first && let Ok(heading) = serde_json::from_slice::<Heading>(&line) {
                told.first = heading.first;
                told.last = heading.last;
                told.head = heading.head;
            }
            is_first = false;
            is_good = is_good && verifier.line(&line).is_ok();
            if !is_checked || !is_good {
                break;
            }
        }
        // Without the key of the box nobody knows who has signed it.
        let is_whole = || is_good && of_box.is_some() && verifier.end().is_ok();
        told.is_whole = is_checked.then(is_whole);
        Some(told)
    }
}
