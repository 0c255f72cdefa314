//! Calls in progress, kept in a file of a tmpfs for the process that comes after this one.
//!
//! What a turn has changed is written at once, in one piece, and before anybody is told: some three
//! microseconds, less than handing it to another thread would cost. A row that was being written
//! when this process died is not believed; the one before of that call counts. Nothing is synced:
//! what a power cut takes, it takes along with the calls.
//!
//! What could not be written waits for the next turns: a call that ended while there was no room
//! must not come back to life.

mod journal;

use std::io;
use std::path::PathBuf;

use self::journal::{Journal, Rows};

/// Calls kept at once; more than there can be.
const CALLS_MAX: usize = 20_000;

/// Bytes of one call at most; a conference of many legs.
const CALL_BYTES_MAX: usize = 256 * 1024;

/// Bytes of all rows in force, beyond which no other key gets one: the file is renewed beside the
/// old one, and both must fit into the 16 MiB of the tmpfs. Five hundred calls take a quarter.
const ROWS_BYTES_MAX: u64 = 6 * 1024 * 1024;

/// Changes that are tried again in the next turn; with more of them, some turns later.
const CHANGES_PER_TURN: usize = 16;

/// Turns until they are tried again, however many they are.
const REST_MAX: usize = 64;

/// The file's name in its folder.
const NAME: &str = "journal";

/// The calls of a folder.
#[derive(Debug)]
pub(super) struct Checkpoints {
    folder: Option<PathBuf>,
    /// Open from the first use on.
    journal: Option<Journal>,
    /// What is to be written: what the turn at hand has changed, and what earlier ones could not
    /// write. The last word on each key counts.
    changed: Rows,
    /// Turns until that is tried again.
    rest: usize,
    /// Said that they cannot be kept at the moment.
    failing: bool,
    /// Said once that one was refused.
    told: bool,
}

impl Checkpoints {
    /// Keeps calls in `folder`; without one, nothing is kept.
    pub(super) const fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            journal: None,
            changed: Rows::new(),
            rest: 0,
            failing: false,
            told: false,
        }
    }

    /// What an earlier process kept, by key.
    pub(super) fn read(&mut self) -> Vec<(u64, Vec<u8>)> {
        let journal = match self.journal() {
            Ok(Some(journal)) => journal,
            Ok(None) => return Vec::new(),
            Err(error) => {
                tracing::error!("calls in progress are lost: {error}");
                return Vec::new();
            }
        };
        let call = |key| match journal.read(key) {
            Ok(call) => Some((key, call)),
            Err(error) => {
                tracing::error!(key, "a call in progress is lost: {error}");
                None
            }
        };
        journal.keys().filter_map(call).collect()
    }

    /// Notes what to keep of a call; the last word of a turn counts.
    pub(super) fn put(&mut self, key: u64, call: Option<Vec<u8>>) {
        if self.folder.is_some() {
            self.changed.insert(key, call);
        }
    }

    /// Writes what the turn has changed.
    pub(super) fn flush(&mut self) {
        if self.changed.is_empty() {
            return;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        match self.write() {
            Ok(()) => {
                self.changed.clear();
                if std::mem::take(&mut self.failing) {
                    tracing::info!("calls would outlive a crash again");
                }
            }
            Err(error) => {
                self.rest = REST_MAX.min(self.changed.len() / CHANGES_PER_TURN);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!("calls would not outlive a crash: {error}");
                }
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let mut changed = std::mem::take(&mut self.changed);
        let opened = self.journal();
        let refused = sift(
            &mut changed,
            opened.as_ref().ok().and_then(|it| it.as_deref()),
        );
        let written = match opened {
            Ok(Some(journal)) if !changed.is_empty() => journal.write(&changed),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        self.changed = changed;
        if let Some(reason) = refused
            && !std::mem::replace(&mut self.told, true)
        {
            tracing::error!("a call would not outlive a crash: {reason}");
        }
        written
    }

    /// The file, opened when it was not; `None` when nothing is kept.
    fn journal(&mut self) -> io::Result<Option<&mut Journal>> {
        if self.journal.is_none()
            && let Some(folder) = &self.folder
        {
            self.journal = Some(Journal::open(&folder.join(NAME))?);
        }
        Ok(self.journal.as_mut())
    }
}

/// Leaves out what need not or cannot be written; says why when it is a call.
fn sift(changed: &mut Rows, journal: Option<&Journal>) -> Option<&'static str> {
    let mut refused = None;
    let mut room = CALLS_MAX.saturating_sub(journal.map_or(0, Journal::len));
    let mut bytes = ROWS_BYTES_MAX.saturating_sub(journal.map_or(0, Journal::live));
    changed.retain(|key, call| {
        let is_known = journal.is_some_and(|journal| journal.has(*key));
        match call {
            // Else written and forgotten before it was there.
            None => is_known,
            Some(call) if call.len() > CALL_BYTES_MAX => {
                refused = Some("it is too large to be kept");
                false
            }
            Some(_) if is_known => true,
            Some(_) if room == 0 => {
                refused = Some("there are too many");
                false
            }
            Some(call) => match bytes.checked_sub(call.len() as u64) {
                Some(left) => {
                    (room, bytes) = (room - 1, left);
                    true
                }
                None => {
                    refused = Some("the others take all room");
                    false
                }
            },
        }
    });
    refused
}

#[cfg(test)]
mod full_tests;

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    pub(super) struct Folder(PathBuf);

    impl Folder {
        pub(super) fn new() -> Self {
            let mut unique = [0; 8];
            crate::fill_random(&mut unique).expect("the kernel has a generator");
            let name = format!("ramal-calls-{:x}", u64::from_le_bytes(unique));
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir(&folder).expect("a writable folder");
            Self(folder)
        }

        pub(super) fn path(&self) -> &std::path::Path {
            &self.0
        }

        fn checkpoints(&self) -> Checkpoints {
            Checkpoints::new(Some(self.0.clone()))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // What stays in the temporary folder does no harm.
            let _ = std::fs::remove_dir_all(&self.0);
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
    fn a_call_too_large_to_be_kept_does_not_keep_out_the_others() {
        let folder = Folder::new();
        let mut kept = folder.checkpoints();
        kept.put(1, Some(vec![0; CALL_BYTES_MAX + 1]));
        kept.put(2, Some(b"small".to_vec()));
        kept.flush();
        assert_eq!(folder.checkpoints().read(), [(2, b"small".to_vec())]);
    }

    /// More could not be renewed beside the old file, and then not even an end could be written.
    #[test]
    fn rows_take_no_more_than_their_share_of_the_tmpfs_and_ends_are_always_kept() {
        let folder = Folder::new();
        let mut kept = folder.checkpoints();
        let row = vec![7; CALL_BYTES_MAX];
        for key in 0..100 {
            kept.put(key, Some(row.clone()));
            kept.flush();
        }
        let found = folder.checkpoints().read();
        let bytes: usize = found.iter().map(|(_, call)| call.len()).sum();
        assert!(
            bytes as u64 <= ROWS_BYTES_MAX && found.len() > 20,
            "{bytes}"
        );
        for (key, _) in &found {
            kept.put(*key, None);
        }
        kept.put(1000, Some(row));
        kept.flush();
        kept.put(1000, Some(b"goes on".to_vec()));
        kept.put(1001, Some(b"there is room again".to_vec()));
        kept.flush();
        let keys: Vec<u64> = folder
            .checkpoints()
            .read()
            .into_iter()
            .map(|it| it.0)
            .collect();
        assert!(keys.contains(&1001), "{keys:?}");
        assert!(found.iter().all(|(key, _)| !keys.contains(key)), "{keys:?}");
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
