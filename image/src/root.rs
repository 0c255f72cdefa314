//! The root file system: a squashfs with our two binaries, the overlay and nothing else.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

use backhand::compression::{CompressionOptions, Compressor, Zstd};
use backhand::{
    BackhandError, FilesystemCompressor, FilesystemReader, FilesystemWriter, InnerNode, NodeHeader,
};

/// Why the root file system could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// A file that goes in cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The squashfs writer or reader failed.
    #[error("the root file system cannot be written or read: {0}")]
    Squashfs(#[from] BackhandError),
    /// A program is not in a root, or cannot be read.
    #[error("the root has no {0} that can be read")]
    Absent(String),
}

/// Files of the root, by path; folders above them are made. The same input gives the same bytes:
/// everything is owned by root, dated 1970 and sorted.
#[derive(Default)]
pub(crate) struct Root {
    files: BTreeMap<String, (u16, Vec<u8>)>,
}

impl Root {
    /// A file from the host.
    pub(crate) fn copy(&mut self, from: &Path, to: &str, mode: u16) -> Result<(), RootError> {
        let error = |source| RootError::Read {
            path: from.to_owned(),
            source,
        };
        let content = std::fs::read(from).map_err(error)?;
        self.file(to, mode, content);
        Ok(())
    }

    /// A file from memory.
    pub(crate) fn file(&mut self, path: &str, mode: u16, content: Vec<u8>) {
        self.files.insert(path.to_owned(), (mode, content));
    }

    /// What is in a file.
    #[cfg(test)]
    pub(crate) fn content(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(|(_, content)| content.as_slice())
    }

    /// A folder of the host with all below it; executable files stay so. A missing folder is empty.
    pub(crate) fn overlay(&mut self, folder: &Path) -> Result<(), RootError> {
        if folder.is_dir() {
            self.overlay_below(folder, "")
        } else {
            Ok(())
        }
    }

    fn overlay_below(&mut self, folder: &Path, prefix: &str) -> Result<(), RootError> {
        use std::os::unix::fs::PermissionsExt;
        let error = |source| RootError::Read {
            path: folder.to_owned(),
            source,
        };
        for entry in std::fs::read_dir(folder).map_err(error)? {
            let entry = entry.map_err(error)?;
            let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
            let metadata = entry.metadata().map_err(error)?;
            if metadata.is_dir() {
                self.overlay_below(&entry.path(), &path)?;
            } else {
                let runs = metadata.permissions().mode() & 0o100 != 0;
                self.copy(&entry.path(), &path, if runs { 0o755 } else { 0o644 })?;
            }
        }
        Ok(())
    }

    /// The squashfs, zstd-compressed.
    pub(crate) fn pack(self) -> Result<Vec<u8>, RootError> {
        let mut writer = FilesystemWriter::default();
        let options = CompressionOptions::Zstd(Zstd {
            compression_level: patch::LEVEL.unsigned_abs(),
        });
        writer.set_compressor(FilesystemCompressor::new(Compressor::Zstd, Some(options))?);
        writer.set_only_root_id();
        writer.set_root_mode(0o755);
        writer.set_block_size(BLOCK_SIZE);
        let folder = NodeHeader::new(0o755, 0, 0, 0);
        for path in MOUNT_POINTS {
            writer.push_dir_all(path, folder)?;
        }
        for (path, (mode, content)) in self.files {
            if let Some(parent) = Path::new(&path).parent() {
                writer.push_dir_all(parent, folder)?;
            }
            writer.push_file(Cursor::new(content), &path, NodeHeader::new(mode, 0, 0, 0))?;
        }
        let mut bytes = Cursor::new(Vec::new());
        writer.write(&mut bytes)?;
        Ok(bytes.into_inner())
    }
}

/// The programs of a root that begins at this place, one behind the other, as patches begin with
/// them.
///
/// # Errors
/// There is no root with them.
pub(crate) fn programs(bytes: &[u8], start: u64) -> Result<[Vec<u8>; 2], RootError> {
    let reader = FilesystemReader::from_reader_with_offset(Cursor::new(bytes), start)?;
    let read = |path: &str| {
        let mut nodes = reader.files();
        let node = nodes.find(|it| it.fullpath == Path::new(path));
        let Some(InnerNode::File(file)) = node.map(|it| &it.inner) else {
            return Err(RootError::Absent(path.to_owned()));
        };
        let mut content = Vec::new();
        let mut file = reader.file(file).reader();
        let read = file.read_to_end(&mut content);
        read.map_err(|_| RootError::Absent(path.to_owned()))?;
        Ok(content)
    };
    let [init, ramal] = patch::PROGRAMS;
    Ok([read(init)?, read(ramal)?])
}

/// Empty folders PID 1 mounts something on.
const MOUNT_POINTS: &[&str] = &["/dev", "/proc", "/sys", "/run", "/data", "/tmp"];

/// Bytes. A quarter MiB: our binaries are read whole, so larger blocks compress better.
pub(crate) const BLOCK_SIZE: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let make = |order: [&str; 3]| {
            let mut root = Root::default();
            for path in order {
                root.file(path, 0o755, path.repeat(1000).into_bytes());
            }
            root.pack().expect("packs")
        };
        let first = make(["/sbin/init", "/usr/bin/ramal", "/etc/build-time"]);
        assert_eq!(
            first,
            make(["/etc/build-time", "/usr/bin/ramal", "/sbin/init"])
        );
        assert!(first.starts_with(b"hsqs"));
    }

    #[test]
    fn the_programs_of_a_root_are_read_where_it_begins() {
        let contents = [vec![7; 300_000], b"ramal".to_vec()];
        let mut root = Root::default();
        for (path, content) in patch::PROGRAMS.into_iter().zip(&contents) {
            root.file(path, 0o755, content.clone());
        }
        let packed = [&[0; 4096][..], &root.pack().expect("packs")].concat();
        assert_eq!(programs(&packed, 4096).expect("read"), contents);
        assert!(programs(&packed, 0).is_err());
        let empty = Root::default().pack().expect("packs");
        assert!(matches!(programs(&empty, 0), Err(RootError::Absent(_))));
    }
}
