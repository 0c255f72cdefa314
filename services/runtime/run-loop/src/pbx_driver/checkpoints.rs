//! Calls in progress as files, for the process that comes after this one.
//!
//! One file a call, in a folder of ours on a tmpfs. A file is written under another name and then
//! renamed (rename(2) is atomic), so whoever looks finds the old version whole or the new one,
//! however suddenly this process died. Nothing is synced: what a power cut takes, it takes along
//! with the calls.
//!
//! That costs some five microseconds a file (measured), less than handing it to another thread
//! would, and a call that was answered is kept before anybody is told.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Calls kept at once; more than there can be.
const CALLS_MAX: usize = 10_000;

/// Bytes of one call at most; a conference of many legs.
const CALL_BYTES_MAX: usize = 256 * 1024;

/// Ends the names of files that are not whole.
const UNFINISHED: &str = "new";

/// The folder of calls.
#[derive(Debug)]
pub(super) struct Checkpoints {
    folder: Option<PathBuf>,
    /// What the turn at hand has changed.
    changed: BTreeMap<u64, Option<Vec<u8>>>,
    /// Said once that they cannot be kept.
    told: bool,
}

impl Checkpoints {
    /// Keeps calls in `folder`; without one, nothing is kept.
    pub(super) const fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            changed: BTreeMap::new(),
            told: false,
        }
    }

    /// What an earlier process kept, by key. Half-written files are removed.
    pub(super) fn read(&self) -> Vec<(u64, Vec<u8>)> {
        let Some(folder) = &self.folder else {
            return Vec::new();
        };
        let mut calls = BTreeMap::new();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!("calls in progress are lost: {}: {error}", folder.display());
                return Vec::new();
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(key) = key_of(&path) else {
                // The process before died while it wrote this.
                let _ = fs::remove_file(&path);
                continue;
            };
            match fs::read(&path) {
                Ok(call) if calls.len() < CALLS_MAX => drop(calls.insert(key, call)),
                Ok(_) => drop(fs::remove_file(&path)),
                Err(error) => tracing::error!(key, "a call in progress is lost: {error}"),
            }
        }
        calls.into_iter().collect()
    }

    /// Notes what to keep of a call; the last word of a turn counts.
    pub(super) fn put(&mut self, key: u64, call: Option<Vec<u8>>) {
        if self.folder.is_some() {
            self.changed.insert(key, call);
        }
    }

    /// Writes what the turn has changed.
    pub(super) fn flush(&mut self) {
        let Some(folder) = &self.folder else { return };
        while let Some((key, call)) = self.changed.pop_first() {
            let done = match call {
                Some(call) => write(folder, key, &call),
                None => remove(folder, key),
            };
            if let Err(error) = done
                && !std::mem::replace(&mut self.told, true)
            {
                let folder = folder.display();
                tracing::error!("calls would not outlive a crash: {folder}: {error}");
            }
        }
    }
}

fn write(folder: &Path, key: u64, call: &[u8]) -> io::Result<()> {
    if call.len() > CALL_BYTES_MAX {
        return Err(io::Error::other("a call is too large to be kept"));
    }
    let path = path_of(folder, key);
    let unfinished = path.with_extension(UNFINISHED);
    fs::write(&unfinished, call)?;
    fs::rename(&unfinished, &path)
}

fn remove(folder: &Path, key: u64) -> io::Result<()> {
    match fs::remove_file(path_of(folder, key)) {
        // Never written, or written and forgotten in one turn.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn path_of(folder: &Path, key: u64) -> PathBuf {
    folder.join(format!("{key:016x}"))
}

fn key_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let key = u64::from_str_radix(name, 16).ok()?;
    (name.len() == 16).then_some(key)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let mut unique = [0; 8];
            crate::fill_random(&mut unique).expect("the kernel has a generator");
            let name = format!("ramal-calls-{:x}", u64::from_le_bytes(unique));
            let folder = std::env::temp_dir().join(name);
            fs::create_dir(&folder).expect("a writable folder");
            Self(folder)
        }

        fn checkpoints(&self) -> Checkpoints {
            Checkpoints::new(Some(self.0.clone()))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // What stays in the temporary folder does no harm.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_kept_last_is_found_in_the_order_of_the_keys() {
        let folder = Folder::new();
        let mut kept = folder.checkpoints();
        kept.put(u64::MAX, Some(b"second".to_vec()));
        kept.put(9, Some(b"early".to_vec()));
        kept.put(10, Some(b"gone".to_vec()));
        kept.flush();
        kept.put(9, Some(b"first".to_vec()));
        kept.put(10, None);
        kept.put(11, Some(b"never seen".to_vec()));
        kept.put(11, None);
        kept.flush();
        let found = folder.checkpoints().read();
        assert_eq!(
            found,
            [(9, b"first".to_vec()), (u64::MAX, b"second".to_vec())]
        );
    }

    #[test]
    fn a_half_written_call_is_not_taken_for_one() {
        let folder = Folder::new();
        fs::write(folder.0.join("0000000000000001.new"), b"hal").expect("written");
        assert!(folder.checkpoints().read().is_empty());
        let left = fs::read_dir(&folder.0).expect("still there").count();
        assert_eq!(left, 0, "and it is cleared away");
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_reason_to_stop() {
        let mut kept = Checkpoints::new(Some("/nonexistent/calls".into()));
        kept.put(1, Some(Vec::new()));
        kept.flush();
        assert!(kept.read().is_empty());
        let mut nowhere = Checkpoints::new(None);
        nowhere.put(1, Some(Vec::new()));
        nowhere.flush();
        assert!(nowhere.read().is_empty());
    }

    const WRITER: &str = "RAMAL_TEST_CHECKPOINT_WRITER";

    /// Not a test of its own: the process that the next test kills.
    #[test]
    fn writer_to_be_killed() {
        let Some(folder) = std::env::var_os(WRITER) else {
            return;
        };
        let mut kept = Checkpoints::new(Some(folder.into()));
        // Some seconds, should whoever is to kill it be dead himself.
        for version in 0..50_000_u32 {
            // Each version is long, and every byte of it tells which one it is.
            let byte = version.to_le_bytes()[0];
            kept.put(5, Some(vec![byte; 200_000]));
            kept.flush();
            if version == 0 {
                io::stderr().write_all(b"!").expect("a pipe");
            }
        }
    }

    #[test]
    fn a_process_killed_while_it_writes_leaves_one_version_whole() {
        for _ in 0..10 {
            let folder = Folder::new();
            let mut writer = Command::new(std::env::current_exe().expect("we run"))
                .args([
                    "--exact",
                    "pbx_driver::checkpoints::tests::writer_to_be_killed",
                ])
                .arg("--nocapture")
                .env(WRITER, &folder.0)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the test can run itself");
            let mut told = [0];
            let mut pipe = writer.stderr.take().expect("piped");
            while told != *b"!" {
                pipe.read_exact(&mut told).expect("it begins to write");
            }
            writer.kill().expect("it still writes");
            writer.wait().expect("it was ours");
            let found = folder.checkpoints().read();
            let (key, call) = found.first().expect("kept before it said so");
            assert_eq!((*key, call.len(), found.len()), (5, 200_000, 1));
            assert!(call.iter().all(|byte| Some(byte) == call.first()));
        }
    }
}
