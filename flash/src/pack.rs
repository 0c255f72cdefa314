//! Makes the files that are published of a raw disk image.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use gpt::Table;
use sha2::{Digest as _, Sha256};
use slot::{HEADER_LENGTH, Header, partition};

use crate::block_map::{BLOCK, BlockMap, MappedRange};
use crate::checksums::{CHECKSUMS, Checksums};
use crate::content;
use disks::Extents;

/// What was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packed {
    /// `ramal-<version>.img.zst`.
    pub image: PathBuf,
    /// `ramal-<version>.img.bmap`.
    pub block_map: PathBuf,
    /// `SHA256SUMS`.
    pub checksums: PathBuf,
    /// Bytes of the compressed image.
    pub size: u64,
    /// Bytes of the image that hold something.
    pub mapped: u64,
}

/// Why an image is not packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not the image of a disk.
    #[error("{0} has no partition table; give the raw image of a whole disk")]
    NoTable(PathBuf),
    /// Nothing would start.
    #[error("{path} has no firmware in slot A: {why}")]
    NoFirmware {
        /// The image.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Half a block at the end.
    #[error("{path} has {length} bytes, which is not a multiple of {BLOCK}")]
    Length {
        /// The image.
        path: PathBuf,
        /// Bytes.
        length: u64,
    },
}

/// Removes what was packed of another image that had the same name, where this one lies now:
/// whoever writes it would be told that it is damaged. What was packed of the same bytes stays.
///
/// # Errors
/// A file cannot be read or removed.
pub fn forget_other(raw: &Path) -> io::Result<()> {
    let Some(name) = raw.file_name().and_then(|name| name.to_str()) else {
        return Ok(());
    };
    let sums = raw.with_file_name(CHECKSUMS);
    let listed = match fs::read_to_string(&sums) {
        Ok(text) => Checksums::parse(&text).of(name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    match listed {
        Some(listed) if listed != digest(raw)? => {}
        Some(_) | None => return Ok(()),
    }
    let of_it = ["zst", "bmap"].map(|kind| raw.with_file_name(format!("{name}.{kind}")));
    // The sums go first: without them nothing is said to be damaged.
    for path in [sums].iter().chain(&of_it) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// SHA-256 of a file.
fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digest.finalize().into()),
            length => digest.update(piece.get(..length).unwrap_or_default()),
        }
    }
}

/// Packs the raw image of a disk into the folder `out`. Its version is that of the firmware in slot
/// A. The same image gives the same bytes.
///
/// # Errors
/// The image is none, or a file cannot be read or written.
pub fn pack(raw: &Path, out: &Path) -> Result<Packed, PackError> {
    let failed = |source| PackError::File {
        path: raw.to_owned(),
        source,
    };
    let file = File::open(raw).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length % BLOCK != 0 {
        let path = raw.to_owned();
        return Err(PackError::Length { path, length });
    }
    let read = &mut |offset: u64, into: &mut [u8]| file.read_exact_at(into, offset);
    let table = content::table(length, read).map_err(failed)?;
    let table = table.ok_or_else(|| PackError::NoTable(raw.to_owned()))?;
    let name = format!("ramal-{}.img", version(&table, raw, read)?);
    let mapped = content::mapped(&table, length, read).map_err(failed)?;
    let map = block_map(&file, length, &mapped).map_err(failed)?.to_xml();

    let [image, block_map, checksums] = [
        out.join(format!("{name}.zst")),
        out.join(format!("{name}.bmap")),
        out.join(CHECKSUMS),
    ];
    let unwritten = |path: &Path| {
        let path = path.to_owned();
        move |source| PackError::File { path, source }
    };
    fs::create_dir_all(out).map_err(unwritten(out))?;
    let (unpacked, packed, size) = compress(&file, length, &image).map_err(unwritten(&image))?;
    fs::write(&block_map, &map).map_err(unwritten(&block_map))?;
    let mut sums = Checksums::default();
    sums.add(&name, unpacked);
    sums.add(&format!("{name}.zst"), packed);
    sums.add(&format!("{name}.bmap"), Sha256::digest(&map).into());
    fs::write(&checksums, sums.to_text()).map_err(unwritten(&checksums))?;
    Ok(Packed {
        image,
        block_map,
        checksums,
        size,
        mapped: mapped.length(),
    })
}

fn version(table: &Table, raw: &Path, read: content::ReadAt<'_>) -> Result<String, PackError> {
    let wrong = |why: String| PackError::NoFirmware {
        path: raw.to_owned(),
        why,
    };
    let part = table.of_kind(partition::SLOT_A);
    let part = part.ok_or_else(|| wrong("there is no such partition".into()))?;
    let mut bytes = [0; HEADER_LENGTH];
    read(part.bytes(table.geometry()).0, &mut bytes).map_err(|fault| wrong(fault.to_string()))?;
    let header = Header::decode(&bytes).map_err(|fault| wrong(fault.to_string()))?;
    let version = header.version.as_str();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-+_".contains(c);
    if version.is_empty() || !version.chars().all(is_plain) {
        let why = format!("its version {version:?} cannot be part of a file name");
        return Err(wrong(why));
    }
    Ok(version.to_owned())
}

fn block_map(file: &File, length: u64, mapped: &Extents) -> io::Result<BlockMap> {
    let mut ranges = Vec::new();
    let mut buffer = vec![0; PIECE];
    for range in mapped.ranges() {
        let mut hash = Sha256::new();
        let mut at = range.start;
        while at < range.end {
            let left = usize::try_from(range.end - at).unwrap_or(PIECE);
            let piece = buffer.get_mut(..left.min(PIECE)).unwrap_or_default();
            file.read_exact_at(piece, at)?;
            hash.update(&*piece);
            at += piece.len() as u64;
        }
        ranges.push(MappedRange {
            first: range.start / BLOCK,
            last: range.end.div_ceil(BLOCK) - 1,
            sha256: hash.finalize().into(),
        });
    }
    Ok(BlockMap {
        image_size: length,
        ranges,
    })
}

/// SHA-256 of the image, and that and the length of what it was compressed to.
fn compress(file: &File, length: u64, path: &Path) -> io::Result<([u8; 32], [u8; 32], u64)> {
    let output = Hashing {
        inner: File::create(path)?,
        hash: Sha256::new(),
        length: 0,
    };
    // One thread and a fixed level: the same bytes on every machine.
    let mut encoder = zstd::Encoder::new(output, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(length))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE];
    let mut input = file;
    loop {
        let count = input.read(&mut buffer)?;
        let piece = buffer.get(..count).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        hash.update(piece);
        encoder.write_all(piece)?;
    }
    let output = encoder.finish()?;
    output.inner.sync_all()?;
    let packed = output.hash.finalize().into();
    Ok((hash.finalize().into(), packed, output.length))
}

/// Hashes what goes through.
struct Hashing {
    inner: File,
    hash: Sha256,
    length: u64,
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Of zstd. What is in an image is compressed already, so that higher ones only take longer.
const LEVEL: i32 = 12;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Folder};

    #[test]
    fn the_same_image_is_packed_to_the_same_bytes() {
        let folder = Folder::new("pack-twice");
        let raw = folder.save("any.img", &sample::image(512));
        let made = ["one", "two"].map(|out| {
            let packed = pack(&raw, &folder.path(out)).expect("packed");
            let paths = [packed.image, packed.block_map, packed.checksums];
            paths.map(|path| fs::read(path).expect("read"))
        });
        assert!(made[0] == made[1]);
    }

    #[test]
    fn the_checksums_and_the_map_are_those_of_the_image() {
        let folder = Folder::new("pack-sums");
        let disk = sample::image(512);
        let raw = folder.save("any.img", &disk);
        let packed = pack(&raw, &folder.path("out")).expect("packed");
        assert!(packed.image.ends_with("ramal-1.2.3.img.zst"));
        let compressed = fs::read(&packed.image).expect("read");
        assert_eq!(packed.size, compressed.len() as u64);
        let whole = fs::read(&raw).expect("read");
        assert!(zstd::decode_all(&*compressed).expect("unpacked") == whole);
        let text = fs::read_to_string(&packed.block_map).expect("read");
        let sums = fs::read_to_string(&packed.checksums).expect("read");
        let sums = Checksums::parse(&sums);
        let digest = |bytes: &[u8]| Some(Sha256::digest(bytes).into());
        assert_eq!(sums.of("ramal-1.2.3.img"), digest(&whole));
        assert_eq!(sums.of("ramal-1.2.3.img.zst"), digest(&compressed));
        assert_eq!(sums.of("ramal-1.2.3.img.bmap"), digest(text.as_bytes()));
        let map = BlockMap::parse(&text).expect("a map");
        assert_eq!(map.image_size, whole.len() as u64);
        assert_eq!(map.extents().length(), packed.mapped);
        for range in &map.ranges {
            let bytes = range.bytes(map.image_size);
            let at = |place| usize::try_from(place).expect("fits");
            let bytes = &whole[at(bytes.start)..at(bytes.end)];
            assert_eq!(Some(range.sha256), digest(bytes));
        }
    }

    #[test]
    fn what_was_packed_goes_with_the_image_it_was_made_of() {
        let folder = Folder::new("pack-other");
        let raw = folder.save("ramal-1.2.3.img", &sample::image(512));
        let beside = raw.parent().expect("a folder");
        forget_other(&raw).expect("nothing was packed");
        let packed = pack(&raw, beside).expect("packed");
        let files = [&packed.image, &packed.block_map, &packed.checksums];
        forget_other(&raw).expect("the same image");
        assert!(files.iter().all(|path| path.exists()));
        let file = fs::OpenOptions::new().write(true).open(&raw);
        let changed = file.and_then(|file| file.write_all_at(b"other", 0));
        changed.expect("written");
        forget_other(&raw).expect("another image");
        assert!(files.iter().all(|path| !path.exists()));
        assert!(raw.exists());
    }

    #[test]
    fn everything_that_counts_is_mapped_and_the_rest_is_not() {
        for sector in [512, 4096] {
            let disk = sample::whole_image(sector);
            let folder = Folder::new(&format!("pack-map-{sector}"));
            let raw = folder.save("any.img", &disk);
            let packed = pack(&raw, &folder.path("out")).expect("packed");
            let text = fs::read_to_string(&packed.block_map).expect("read");
            let mapped = BlockMap::parse(&text).expect("a map").extents();
            // Nothing that was written is left out.
            for range in disk.written() {
                let length: u64 = mapped
                    .within(range.clone())
                    .map(|it| it.end - it.start)
                    .sum();
                assert_eq!(length, BLOCK, "{range:?} of {sector}");
            }
            assert!(mapped.length() < 6 << 20, "{} bytes", mapped.length());
            assert!(disk.length() > 270 << 20);
        }
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let folder = Folder::new("pack-refused");
        let raw = folder.path("any.img");
        let refused = |bytes: &[u8]| {
            fs::write(&raw, bytes).expect("written");
            pack(&raw, &folder.path("out"))
                .expect_err("refused")
                .to_string()
        };
        assert!(refused(&[0; 1 << 20]).contains("no partition table"));
        assert!(refused(&[0; 5000]).contains("not a multiple of 4096"));
        let mut disk = sample::image(512);
        let at = sample::place(&disk, partition::SLOT_A).start;
        disk.write_at(at, &[0; HEADER_LENGTH]).expect("written");
        folder.save("any.img", &disk);
        let refused = pack(&raw, &folder.path("out"))
            .expect_err("refused")
            .to_string();
        assert!(refused.contains("slot A: the slot is empty"), "{refused}");
        assert!(!folder.path("out").exists());
    }
}
