//! Making an archive of the database as it is at one moment, while others write to it.

use ::backup::{Header, Summary, Table, Writer};
use ipc::store::BackupFailure;
use redb::{ReadTransaction, ReadableTable as _};

use super::keys::{Keys, draw, is_left_out};
use super::{Backups, failure};
use crate::access::Peers;
use crate::files::Open;
use crate::provision::is_ids;
use crate::reads;
use crate::sounds::Sounds;
use crate::store::Shared;
use crate::tables::{
    AUDIT, CALLS, CONFIG, Definition, META, REGISTRATIONS, SCHEMA_VERSION_KEY, SECRETS, redb_fault,
};

/// Bytes that are written before the disk is given them: a commit that comes in between waits for
/// no more than these.
const SYNC_BYTES: usize = 4 * 1024 * 1024;

/// An archive that was made.
pub(super) struct Made {
    pub(super) name: String,
    pub(super) header: Header,
    pub(super) summary: Summary,
}

/// Makes one; nothing is left of it when that fails.
pub(super) fn make(backups: &Backups, shared: &Shared, keys: &Keys) -> Result<Made, BackupFailure> {
    let made = write(backups, shared, keys);
    if made.is_err() {
        backups.folder.give_up();
    }
    made
}

fn write(backups: &Backups, shared: &Shared, keys: &Keys) -> Result<Made, BackupFailure> {
    room(shared, shared.medium.file_bytes())?;
    let taken_millis = shared.now().as_millis();
    let nonce = draw().map_err(failure::of_keys)?;
    let sounds = shared.sounds.get();
    let names = sounds.map_or(Ok(Vec::new()), Sounds::names);
    let names = names.map_err(failure::of_disk)?;
    shared.with_snapshot(|txn| {
        let (config_version, _) = reads::config_row(txn)?.ok_or(BackupFailure::NoSite)?;
        let header = Header {
            schema: reads::schema_version(txn)?,
            firmware: backups.firmware.clone(),
            of_box: keys.signer.of_box(),
            taken_millis,
            config_version,
            key: keys.key.id(),
            nonce,
            sounds: !names.is_empty(),
        };
        let mut out = Out {
            file: backups.folder.begin().map_err(failure::of_disk)?,
            unsynced: 0,
            shared,
        };
        let mut writer = Writer::new(&header, &keys.key).map_err(failure::of_archive)?;
        let is_over = || backups.is_stopped() || shared.wants_database();
        rows(txn, &shared.peers, &mut writer, &mut out, &is_over)?;
        if let Some(sounds) = sounds {
            put_sounds(sounds, &names, &mut writer, &mut out)?;
        }
        let (rest, summary) = writer.finish(&keys.signer).map_err(failure::of_archive)?;
        out.write(&rest)?;
        let kept = backups.folder.keep(&*out.file, taken_millis);
        let name = kept.map_err(failure::of_disk)?;
        Ok(Made {
            name,
            header,
            summary,
        })
    })
}

/// Whether there is room for so much.
fn room(shared: &Shared, bytes: u64) -> Result<(), BackupFailure> {
    match shared.spare_bytes() < bytes {
        true => Err(BackupFailure::NoRoom),
        false => Ok(()),
    }
}

struct Out<'a> {
    file: Box<dyn Open>,
    unsynced: usize,
    shared: &'a Shared,
}

impl Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackupFailure> {
        let written = self.file.write_all(bytes).and_then(|()| {
            self.unsynced += bytes.len();
            if self.unsynced < SYNC_BYTES {
                return Ok(());
            }
            self.unsynced = 0;
            self.file.sync()
        });
        written.map_err(failure::of_disk)?;
        match self.unsynced {
            0 => room(self.shared, SYNC_BYTES as u64),
            _ => Ok(()),
        }
    }
}

/// Every row that belongs into a backup.
fn rows(
    txn: &ReadTransaction,
    peers: &Peers,
    writer: &mut Writer,
    out: &mut Out<'_>,
    is_over: &dyn Fn() -> bool,
) -> Result<(), BackupFailure> {
    let tables: [(Table, Definition); 6] = [
        (Table::Meta, META),
        (Table::Config, CONFIG),
        (Table::Calls, CALLS),
        (Table::Registrations, REGISTRATIONS),
        (Table::Audit, AUDIT),
        (Table::Secrets, SECRETS),
    ];
    for (table, definition) in tables {
        let opened = txn.open_table(definition).map_err(redb_fault)?;
        for entry in opened.iter().map_err(redb_fault)? {
            if is_over() {
                return Err(BackupFailure::Interrupted);
            }
            let (key, value) = entry.map_err(redb_fault)?;
            let (key, value) = (key.value(), value.value());
            if !belongs(peers, table, key) {
                continue;
            }
            let put = writer.put(table, key, value);
            put.map_err(failure::of_archive)?;
            out.write(&writer.take())?;
        }
    }
    Ok(())
}

/// The sounds of prompts; one that was deleted meanwhile is left out.
fn put_sounds(
    sounds: &Sounds,
    names: &[String],
    writer: &mut Writer,
    out: &mut Out<'_>,
) -> Result<(), BackupFailure> {
    for name in names {
        let Some(file) = sounds.read(name).map_err(failure::of_disk)? else {
            continue;
        };
        let put = writer.put(Table::Sounds, name.as_bytes(), &file);
        put.map_err(failure::of_archive)?;
        out.write(&writer.take())?;
    }
    Ok(())
}

/// Whether a row is part of backups. The schema stands in the header.
pub(super) fn belongs(peers: &Peers, table: Table, key: &[u8]) -> bool {
    match table {
        Table::Meta => key != SCHEMA_VERSION_KEY,
        Table::Secrets => key.split_first_chunk().is_some_and(|(uid, name)| {
            let uid = u32::from_be_bytes(*uid);
            str::from_utf8(name).is_ok_and(|name| {
                let is_somebodys = peers.knows(uid) || is_ids(uid, name);
                is_somebodys && !is_left_out(peers, uid, name)
            })
        }),
        Table::Config | Table::Calls | Table::Registrations | Table::Audit | Table::Sounds => true,
    }
}
