//! An image as it was published: the file, its block map and its checksums.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use gpt::Table;
use sha2::{Digest as _, Sha256};

use crate::block_map::{BlockMap, BlockMapFault};
use crate::checksums::{CHECKSUMS, Checksums};
use crate::content;
use disks::Extents;
use disks::{Phase, Watcher};

/// An image and what is known of it.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    is_compressed: bool,
    length: u64,
    table: Table,
    map: Option<BlockMap>,
    sums: Sums,
}

/// What `SHA256SUMS` says of it.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    file: Option<[u8; 32]>,
    unpacked: Option<[u8; 32]>,
}

/// Why an image is not used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The block map is none.
    #[error("{path}: {fault}; download it again, or remove it to write every block")]
    Map {
        /// The map.
        path: PathBuf,
        /// What is wrong.
        fault: BlockMapFault,
    },
    /// The bytes are not the published ones.
    #[error("{path} is damaged: its SHA-256 is not the one in SHA256SUMS; download it again")]
    Checksum {
        /// The file.
        path: PathBuf,
    },
    /// A part is not what the block map says.
    #[error("{path} is damaged: bytes {from} to {to} are not those of its block map")]
    Range {
        /// The image.
        path: PathBuf,
        /// First byte.
        from: u64,
        /// The byte after the last.
        to: u64,
    },
    /// Too short or too long.
    #[error("{path} is damaged: it does not hold {expected} bytes; download it again")]
    Length {
        /// The image.
        path: PathBuf,
        /// How many it should hold.
        expected: u64,
    },
    /// Nobody says how long it is.
    #[error("{0} does not say how large it is unpacked; put its .bmap file beside it")]
    NoLength(PathBuf),
    /// Not the image of a disk.
    #[error("{0} is not the image of a disk; give the file ramal-<version>.img.zst")]
    NoTable(PathBuf),
}

impl Source {
    /// Opens an image, raw or compressed, and reads what lies beside it.
    ///
    /// # Errors
    /// It is none, or what lies beside it does not fit it.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let mut file = File::open(path).map_err(|source| file_error(path, source))?;
        let failed = |source| file_error(path, source);
        let mut start = Vec::new();
        (&mut file)
            .take(64)
            .read_to_end(&mut start)
            .map_err(failed)?;
        let is_compressed = start.starts_with(&ZSTD_MAGIC);
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let raw_name = name.strip_suffix(".zst").unwrap_or(&name);
        let listed = listed(path)?;
        let map = map(path, &format!("{raw_name}.bmap"), &listed)?;
        let length = match (&map, is_compressed) {
            (Some(map), _) => map.image_size,
            (None, false) => file.metadata().map_err(failed)?.len(),
            (None, true) => {
                let stated = zstd::zstd_safe::get_frame_content_size(&start)
                    .ok()
                    .flatten();
                stated.ok_or_else(|| SourceError::NoLength(path.to_owned()))?
            }
        };
        Ok(Self {
            path: path.to_owned(),
            is_compressed,
            length,
            table: read_table(path, is_compressed, length)?,
            map,
            sums: Sums {
                file: listed.of(&name),
                unpacked: listed.of(raw_name),
            },
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the disk it is the image of.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Its partitions.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Whether `SHA256SUMS` names it.
    #[must_use]
    pub const fn has_checksum(&self) -> bool {
        self.sums.file.is_some()
    }

    pub(crate) const fn map(&self) -> Option<&BlockMap> {
        self.map.as_ref()
    }

    pub(crate) const fn unpacked_sha256(&self) -> Option<[u8; 32]> {
        self.sums.unpacked
    }

    /// Compares the file with its checksum, when it has one.
    ///
    /// # Errors
    /// It is another one; `Ok(false)` when the watcher wants to end.
    pub fn check(&self, watcher: &mut dyn Watcher) -> Result<bool, SourceError> {
        let Some(expected) = self.sums.file else {
            return Ok(true);
        };
        let failed = |source| file_error(&self.path, source);
        let mut file = File::open(&self.path).map_err(failed)?;
        watcher.begin(Phase::Check, file.metadata().map_err(failed)?.len());
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            hash.update(buffer.get(..count).unwrap_or_default());
            watcher.advance(count as u64);
            if watcher.is_cancelled() {
                return Ok(false);
            }
        }
        if <[u8; 32]>::from(hash.finalize()) == expected {
            Ok(true)
        } else {
            let path = self.path.clone();
            Err(SourceError::Checksum { path })
        }
    }

    /// Its bytes from the first on, unpacked.
    pub(crate) fn reader(&self) -> Result<Box<dyn Read>, SourceError> {
        reader(&self.path, self.is_compressed)
    }

    /// What has to be on a disk: by the block map; without one, of a raw image what its partitions
    /// say, and of a compressed one everything.
    pub(crate) fn mapped(&self) -> Result<Extents, SourceError> {
        if let Some(map) = &self.map {
            return Ok(map.extents());
        }
        if self.is_compressed {
            let mut whole = Extents::default();
            whole.add(0..self.length);
            return Ok(whole);
        }
        let failed = |source| file_error(&self.path, source);
        let file = File::open(&self.path).map_err(failed)?;
        let read = &mut |offset: u64, into: &mut [u8]| file.read_exact_at(into, offset);
        content::mapped(&self.table, self.length, read).map_err(failed)
    }

    pub(crate) fn length_error(&self) -> SourceError {
        SourceError::Length {
            path: self.path.clone(),
            expected: self.length,
        }
    }
}

fn reader(path: &Path, is_compressed: bool) -> Result<Box<dyn Read>, SourceError> {
    let failed = |source| file_error(path, source);
    let file = File::open(path).map_err(failed)?;
    if is_compressed {
        Ok(Box::new(zstd::Decoder::new(file).map_err(failed)?))
    } else {
        Ok(Box::new(file))
    }
}

fn read_table(path: &Path, is_compressed: bool, length: u64) -> Result<Table, SourceError> {
    let mut head = Vec::new();
    let mut start = reader(path, is_compressed)?.take(HEAD_LENGTH);
    let read = start.read_to_end(&mut head);
    read.map_err(|source| file_error(path, source))?;
    let read = &mut |offset: u64, into: &mut [u8]| {
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let found = head.get(from..from.saturating_add(into.len()));
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    };
    let table = content::table(length, read).ok().flatten();
    table.ok_or_else(|| SourceError::NoTable(path.to_owned()))
}

/// What lies beside the image under this name.
fn beside(path: &Path, name: &str) -> Result<Option<(PathBuf, String)>, SourceError> {
    let path = path.with_file_name(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error(&path, source)),
    }
}

fn listed(path: &Path) -> Result<Checksums, SourceError> {
    let found = beside(path, CHECKSUMS)?;
    Ok(found.map_or_else(Checksums::default, |(_, text)| Checksums::parse(&text)))
}

fn map(path: &Path, name: &str, listed: &Checksums) -> Result<Option<BlockMap>, SourceError> {
    let Some((path, text)) = beside(path, name)? else {
        return Ok(None);
    };
    if listed
        .of(name)
        .is_some_and(|sum| sum != <[u8; 32]>::from(Sha256::digest(&text)))
    {
        return Err(SourceError::Checksum { path });
    }
    match BlockMap::parse(&text) {
        Ok(map) => Ok(Some(map)),
        Err(fault) => Err(SourceError::Map { path, fault }),
    }
}

pub(crate) fn file_error(path: &Path, source: io::Error) -> SourceError {
    SourceError::File {
        path: path.to_owned(),
        source,
    }
}

/// RFC 8878 §3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Bytes in which the first copy of any table lies.
const HEAD_LENGTH: u64 = 1 << 20;
