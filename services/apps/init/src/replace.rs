//! A file replaced as a whole: after a power cut it is the old one or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Puts these bytes in the place of what the file holds; on the disk when this returns. Only root
/// may read it.
///
/// # Errors
/// The disk does not take them; the file is the one before then.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut new = options.open(&beside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    let folder = file.parent().unwrap_or_else(|| Path::new("/"));
    File::open(folder)?.sync_all()
}
