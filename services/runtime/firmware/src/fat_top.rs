//! What may be at the top of a FAT, by one look without a library: `fatfs` may panic on a damaged
//! file system, and PID 1 must not.
//!
//! Source: Microsoft FAT Specification (2005), "Boot Sector and BPB" and "FAT Directory Structure".

use std::io;

use crate::medium::Medium;

/// Whether a folder whose name begins so may be at the top of the FAT on a partition; `true`
/// whenever one look does not rule that out.
///
/// # Errors
/// The partition cannot be read.
pub fn may_have_folder(partition: &impl Medium, name: &str) -> io::Result<bool> {
    let mut sector = [0; SECTOR];
    partition.read_at(&mut sector, 0)?;
    let Some(top) = Top::of(&sector) else {
        return Ok(true);
    };
    let mut entries = vec![0; top.length];
    partition.read_at(&mut entries, top.start)?;
    for entry in entries.chunks_exact(ENTRY) {
        match entry.first() {
            // Nothing was ever written behind it.
            None | Some(0) => return Ok(false),
            Some(&DELETED) => {}
            // Its name in capitals, in eight letters: a longer one stands in entries of its own.
            Some(_) => {
                let begin = entry.get(..name.len().min(NAME)).unwrap_or_default();
                let wanted = name.as_bytes().get(..begin.len()).unwrap_or_default();
                if begin.eq_ignore_ascii_case(wanted) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(top.goes_on)
}

/// Where the folder at the top begins.
struct Top {
    /// Byte of the partition.
    start: u64,
    /// Bytes that are looked at.
    length: usize,
    /// More of it may lie elsewhere.
    goes_on: bool,
}

impl Top {
    /// `None` when this is not the first sector of a FAT.
    fn of(sector: &[u8; SECTOR]) -> Option<Self> {
        let byte = |at: usize| sector.get(at).copied().map(u64::from);
        let word = |at: usize| Some(byte(at)? | byte(at + 1)? << 8);
        let double = |at: usize| Some(word(at)? | word(at + 2)? << 16);
        let bytes = word(11).filter(|it| (512..=4096).contains(it))?;
        let (cluster, reserved, fats) = (byte(13)? * bytes, word(14)?, byte(16)?);
        let entries = word(17)?;
        let (start, length, goes_on) = match entries {
            // FAT32: a chain of clusters, of which the first has a number from 2.
            0 => {
                let first = double(44)?.checked_sub(2)?;
                let data = (reserved + fats * double(36)?) * bytes;
                (data + first * cluster, cluster, true)
            }
            entries => {
                let start = (reserved + fats * word(22)?) * bytes;
                (start, entries * ENTRY as u64, false)
            }
        };
        let length = usize::try_from(length).ok();
        let length = length.filter(|it| (1..=LOOK_MAX).contains(it))?;
        Some(Self {
            start,
            length,
            goes_on,
        })
    }
}

const SECTOR: usize = 512;
/// Bytes of an entry, of which the first eleven are its name.
const ENTRY: usize = 32;
const NAME: usize = 8;
const DELETED: u8 = 0xe5;
/// The largest cluster, and more than a FAT16 has at its top.
const LOOK_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;
    use std::os::unix::fs::FileExt as _;

    use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};

    use super::*;

    /// A file with a FAT, in which these files and folders were made and those removed again.
    fn fat(kind: FatType, made: &[&str], removed: &[&str]) -> File {
        let name = format!("ramal-fat-top-{}-{kind:?}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&path).expect("made");
        std::fs::remove_file(&path).expect("it stays open");
        let length = if kind == FatType::Fat32 { 64 } else { 16 };
        file.set_len(length << 20).expect("as large");
        let format = FormatVolumeOptions::new().fat_type(kind);
        fatfs::format_volume(&file, format).expect("formatted");
        let volume = FileSystem::new(&file, FsOptions::new()).expect("a FAT");
        let top = volume.root_dir();
        for name in made {
            match name.strip_suffix('/') {
                Some(folder) => drop(top.create_dir(folder).expect("made")),
                None => {
                    let mut file = top.create_file(name).expect("made");
                    file.write_all(b"text").expect("written");
                }
            }
        }
        for name in removed {
            top.remove(name).expect("removed");
        }
        drop(top);
        volume.unmount().expect("whole");
        file
    }

    fn check(made: &[&str], removed: &[&str], expected: bool) {
        for kind in [FatType::Fat16, FatType::Fat32] {
            let found = may_have_folder(&fat(kind, made, removed), "RAMAL");
            assert_eq!(found.expect("read"), expected, "{kind:?} {made:?}");
        }
    }

    #[test]
    fn a_folder_is_found_however_it_is_written_and_no_other_is_taken_for_it() {
        check(&[], &[], false);
        check(
            &["EFI/", "readme.txt", "A rather long name.update"],
            &[],
            false,
        );
        check(&["EFI/", "RAMAL/"], &[], true);
        check(&["EFI/", "ramal/"], &[], true);
        check(&["A rather long name.update", "Ramal/"], &[], true);
        check(&["RAMAL/", "EFI/"], &["RAMAL"], false);
    }

    #[test]
    fn what_one_look_does_not_tell_is_not_ruled_out() {
        let names: Vec<String> = (0..200).map(|it| format!("FILE{it}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let full = fat(FatType::Fat32, &names, &[]);
        assert!(may_have_folder(&full, "RAMAL").expect("read"));
        let damaged = fat(FatType::Fat32, &[], &[]);
        for at in 11..48 {
            for value in [0, 0xff] {
                damaged.write_all_at(&[value], at).expect("written");
                // Behind the end of the partition nothing can be read.
                let _ = may_have_folder(&damaged, "RAMAL");
            }
        }
        damaged.write_all_at(&[0; SECTOR], 0).expect("written");
        assert!(may_have_folder(&damaged, "RAMAL").expect("read"));
    }
}
