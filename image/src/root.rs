//! The root file system: a squashfs with our two binaries, the overlay and nothing else.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use backhand::compression::{CompressionOptions, Compressor, Zstd};
use backhand::{BackhandError, FilesystemCompressor, FilesystemWriter, NodeHeader};

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
    /// The squashfs writer failed.
    #[error("the root file system cannot be written: {0}")]
    Write(#[from] BackhandError),
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
            compression_level: LEVEL,
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

/// Empty folders PID 1 mounts something on.
const MOUNT_POINTS: &[&str] = &["/dev", "/proc", "/sys", "/run", "/data", "/tmp"];

/// 15 is squashfs-tools' own default for zstd; more gains little and costs a minute.
const LEVEL: u32 = 15;

/// Bytes. A quarter MiB: our binaries are read whole, so larger blocks compress better.
const BLOCK_SIZE: u32 = 256 * 1024;

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
}
