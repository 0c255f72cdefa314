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
    AUDIT, CALLS, CONFIG, Definition, META, REGISTRATIONS, RESTORE_KEY, SCHEMA_VERSION_KEY,
    SECRETS, redb_fault,
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
    let names = sounds.map_or(Ok(Vec::new()), Sounds::names_to_back_up);
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
            let out = &mut |bytes: &[u8]| out.write(bytes);
            put_sounds(sounds, &names, &mut writer, out, &is_over)?;
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
    out: &mut dyn FnMut(&[u8]) -> Result<(), BackupFailure>,
    is_over: &dyn Fn() -> bool,
) -> Result<(), BackupFailure> {
    for name in names {
        if is_over() {
            return Err(BackupFailure::Interrupted);
        }
        let Some(file) = sounds.read(name).map_err(failure::of_disk)? else {
            continue;
        };
        let put = writer.put(Table::Sounds, name.as_bytes(), &file);
        put.map_err(failure::of_archive)?;
        out(&writer.take())?;
    }
    Ok(())
}

/// Whether a row is part of backups. The schema stands in the header, and which restore the box is
/// of is nothing to the next.
pub(super) fn belongs(peers: &Peers, table: Table, key: &[u8]) -> bool {
    match table {
        Table::Meta => key != SCHEMA_VERSION_KEY && key != RESTORE_KEY,
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rtp::{Rate, wav};

    use super::*;
    use crate::files::DiskFolder;

    /// Up to 64 MiB of them are in a backup: nobody waits for all of them.
    #[test]
    fn sounds_are_not_written_on_when_the_database_is_wanted_or_the_store_ends() {
        let name = format!("ramal-backup-sounds-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        for file in ["a.wav", "b.wav", "c.wav"] {
            let sound = [&wav::header(Rate::Narrow, 1, 2)[..], &[0, 0]].concat();
            std::fs::write(folder.join(file), sound).expect("written");
        }
        let sounds = Sounds::new(Box::new(DiskFolder::new(&folder)), Ok(None));
        let key = ::backup::BackupKey::of(&::backup::Code::from_random(&[5; 30]));
        let header = Header {
            schema: 1,
            firmware: "1.0.0".into(),
            of_box: [0; 32],
            taken_millis: 1,
            config_version: 1,
            key: key.id(),
            nonce: [0; 16],
            sounds: true,
        };
        let written = |wanted_at: usize| {
            let mut writer = Writer::new(&header, &key).expect("a header");
            let (mut pieces, asked) = (0, Cell::new(0));
            let is_over = || asked.replace(asked.get() + 1) == wanted_at;
            let mut out = |_: &[u8]| {
                pieces += 1;
                Ok(())
            };
            let names = sounds.names().expect("readable");
            (
                put_sounds(&sounds, &names, &mut writer, &mut out, &is_over),
                pieces,
            )
        };
        assert_eq!(written(9), (Ok(()), 3));
        assert_eq!(written(1), (Err(BackupFailure::Interrupted), 1));
        assert_eq!(written(0), (Err(BackupFailure::Interrupted), 0));
        let _ = std::fs::remove_dir_all(&folder);
    }
}
