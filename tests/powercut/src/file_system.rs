//! The data of a state: decrypted to a scratch file, mended and checked as the box does it, and its
//! database opened by the store.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use firmware::Medium as _;
use ipc::store::{Reply, Request};
use kernel::ext4;
use qemu::process::command;
use sansio::UnixTime;
use store::{DataDisk, Peers, Store};

use crate::crypt::{BLOCK, Crypt};
use crate::fault::Fault;
use crate::trace::{SECTOR, SECTOR_LENGTH};
use crate::view::View;

/// A data partition whose key is known.
pub(crate) struct Data<'v, 't> {
    view: &'v View<'t>,
    crypt: Crypt,
    start: u64,
    length: u64,
}

impl<'v, 't> Data<'v, 't> {
    /// In the partition at `place`.
    pub(crate) fn new(
        view: &'v View<'t>,
        (start, length): (u64, u64),
        key: &[u8],
    ) -> Result<Self, Fault> {
        let crypt = Crypt::new(key).ok_or_else(|| Fault::broken("the key has no 64 bytes"))?;
        Ok(Self {
            view,
            crypt,
            start,
            length,
        })
    }

    /// One block.
    pub(crate) fn block(&self, number: u64) -> Result<Vec<u8>, Fault> {
        let mut block = vec![0; BLOCK];
        let at = self
            .start
            .saturating_add(number.saturating_mul(BLOCK as u64));
        self.view.read_at(&mut block, at)?;
        self.crypt.open(number, &mut block);
        Ok(block)
    }

    /// Whether the first block holds a file system of ours.
    pub(crate) fn has_file_system(&self) -> Result<bool, Fault> {
        let block = self.block(0)?;
        let magic = block.get(0x438..0x43a) == Some(&[0x53, 0xef]);
        Ok(magic && block.get(0x478..0x482) == Some(b"ramal-data"))
    }

    /// Writes all blocks to a file. What nobody ever wrote is noise there, as it is for the box.
    fn write_to(&self, path: &Path) -> Result<(), Fault> {
        let error = |source| Fault::file(path, source);
        let file = File::create(path).map_err(error)?;
        file.set_len(self.length).map_err(error)?;
        let first = self.start / SECTOR_LENGTH;
        let written = self
            .view
            .written_in(first..first + self.length / SECTOR_LENGTH);
        let sectors_a_block = (BLOCK / SECTOR) as u64;
        let mut blocks: Vec<u64> = written
            .iter()
            .map(|it| (it - first) / sectors_a_block)
            .collect();
        blocks.dedup();
        // The file's holes are zeros; what follows what was written would be noise to the box.
        let mut noise: Vec<u64> = blocks.iter().map(|it| it + 1).collect();
        noise.retain(|it| blocks.binary_search(it).is_err());
        noise.retain(|it| (it + 1) * BLOCK as u64 <= self.length);
        for number in blocks.into_iter().chain(noise) {
            let at = number.saturating_mul(BLOCK as u64);
            file.write_all_at(&self.block(number)?, at).map_err(error)?;
        }
        Ok(())
    }

    /// What the store finds when the box has started with these data.
    ///
    /// # Errors
    /// [`Fault::Broken`]: the file system or the database is not whole.
    pub(crate) fn stored(&self, scratch: &Path) -> Result<Stored, Fault> {
        let image = scratch.join("data.ext4");
        self.write_to(&image)?;
        // As stage-1 does it: 0 is clean, 1 is mended.
        let file = File::options().read(true).write(true).open(&image);
        let file = file.map_err(|source| Fault::file(&image, source))?;
        let torn = ext4::mend_torn_superblock(&file);
        let torn = torn.map_err(|it| Fault::broken(it.to_string()))?;
        let how = if torn.is_some() { "-fp" } else { "-p" };
        check(&image, how, &[0, 1])?;
        check(&image, "-fn", &[0])?;
        let folder = scratch.join("store");
        let error = |source| Fault::file(&folder, source);
        let _ = std::fs::remove_dir_all(&folder);
        dump(&image, scratch)?;
        std::fs::create_dir_all(&folder).map_err(error)?;
        Stored::read(&folder)
    }
}

/// Runs the checker of the file system, whose code must be one of `wanted`.
fn check(image: &Path, how: &str, wanted: &[i32]) -> Result<(), Fault> {
    let mut e2fsck = command("e2fsck")?;
    e2fsck.arg(how).arg(image);
    let output = e2fsck
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output();
    let output = output.map_err(|source| Fault::file(image, source))?;
    if output
        .status
        .code()
        .is_some_and(|code| wanted.contains(&code))
    {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let said: Vec<&str> = said.lines().take(5).collect();
    let status = output.status;
    Err(Fault::Broken(format!(
        "e2fsck {how} ({status}): {}",
        said.join("; ")
    )))
}

/// Copies the folder of the store out of the file system.
fn dump(image: &Path, to: &Path) -> Result<(), Fault> {
    let mut debugfs: Command = command("debugfs")?;
    debugfs.args(["-f", "-"]).arg(image);
    debugfs
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let error = |source| Fault::file(image, source);
    let mut child = debugfs.spawn().map_err(error)?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "rdump /store {}", to.display()).map_err(error)?;
    }
    child.wait().map_err(error)?;
    Ok(())
}

/// What the store holds.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Numbers of extensions.
    pub(crate) extensions: Vec<String>,
    /// What is wrong; empty when nothing is.
    pub(crate) warning: String,
    /// Whether there was a database before it was opened.
    pub(crate) was_there: bool,
}

impl Stored {
    fn read(folder: &Path) -> Result<Self, Fault> {
        let was_there = folder.join("ramal.redb").exists();
        let own = rustix::process::geteuid().as_raw();
        let peers = Peers {
            own,
            net: own,
            pbx: own,
            web: own,
            provision: own,
            grid: own,
            guard: own,
        };
        let clock = Arc::new(UnixTime::default);
        let opened = Store::open(Box::new(DataDisk::new(folder)), folder, peers, clock);
        let store = opened.map_err(|it| Fault::broken(it.to_string()))?;
        let Reply::Config { site, .. } = store.ask(own, Request::Config) else {
            return Err(Fault::broken("the store tells no configuration"));
        };
        let Reply::Health(health) = store.ask(own, Request::Health) else {
            return Err(Fault::broken("the store tells nothing of its health"));
        };
        store.close();
        Ok(Self {
            extensions: site.extensions.iter().map(|it| it.number.clone()).collect(),
            warning: health.warning,
            was_there,
        })
    }
}
