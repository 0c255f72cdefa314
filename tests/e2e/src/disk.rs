//! Data as they come from the field: nearly full, damaged. Made and looked at on the host, with
//! Debian's e2fsprogs, while the box is off.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Stdio;

use qemu::process::{command, run};

use crate::Failure;

/// A file system of data with only this many bytes left for the box.
///
/// # Errors
/// The host has no room.
pub fn make_nearly_full(path: &Path, size: u64, left: u64) -> Result<(), Failure> {
    let folder = path.with_extension("content");
    fs::create_dir_all(&folder)?;
    make(path, size, &folder)?;
    // What is free depends on what the file system needs for itself: look, then fill the rest.
    let free = free_bytes(path)?;
    let filler = free.saturating_sub(left);
    let mut file = File::create(folder.join("filler"))?;
    let block = [0x5a; 4096];
    for _ in 0..filler / 4096 {
        file.write_all(&block)?;
    }
    make(path, size, &folder)?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn make(path: &Path, size: u64, content: &Path) -> Result<(), Failure> {
    File::create(path)?.set_len(size)?;
    let (path, content) = (path.display().to_string(), content.display().to_string());
    let words = [
        "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-J", "size=4",
    ];
    let mut arguments: Vec<String> = words.map(str::to_owned).into();
    arguments.extend(["-L", "ramal-data", "-d", &content, &path].map(str::to_owned));
    Ok(run("mke2fs", &arguments)?)
}

fn free_bytes(disk: &Path) -> Result<u64, Failure> {
    let text = debugfs(disk, "stats")?;
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Free blocks:"));
    let blocks = line.and_then(|line| line.trim().parse::<u64>().ok());
    let no_number = || Failure::new(format!("debugfs told no free blocks: {text}"));
    Ok(blocks.ok_or_else(no_number)? * 4096)
}

/// Writes noise over a part of a file system.
///
/// # Errors
/// The file cannot be written.
pub fn damage(disk: &Path, offset: u64, length: usize) -> Result<(), Failure> {
    let mut noise = vec![0; length];
    File::open("/dev/urandom")?.read_exact(&mut noise)?;
    let file = File::options().write(true).open(disk)?;
    Ok(file.write_all_at(&noise, offset)?)
}

/// Where the blocks of a file in a file system are, in bytes from its beginning.
///
/// # Errors
/// There is no such file.
pub fn blocks_of(disk: &Path, file: &str) -> Result<Vec<u64>, Failure> {
    let text = debugfs(disk, &format!("blocks {file}"))?;
    let blocks: Vec<u64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    if blocks.is_empty() {
        return Err(Failure::new(format!("{file} has no blocks: {text}")));
    }
    Ok(blocks.into_iter().map(|block| block * 4096).collect())
}

/// The names in a folder of a file system, as debugfs shows them.
///
/// # Errors
/// The disk cannot be read.
pub fn listing(disk: &Path, folder: &str) -> Result<String, Failure> {
    debugfs(disk, &format!("ls -l {folder}"))
}

/// Looks at a file system with a command of debugfs; never writes.
fn debugfs(disk: &Path, request: &str) -> Result<String, Failure> {
    let mut debugfs = command("debugfs")?;
    debugfs.args(["-R", request]).arg(disk);
    let output = debugfs.stdout(Stdio::piped()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
