//! What the lab must not leave behind: its folder, its children, its namespaces, mounts.
//!
//! Folders and namespaces are registered as they are made, and processes know their parent, so one
//! place can end it all when a person presses Ctrl-C in the middle of anything, and another can
//! prove afterwards that nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What exists now because of this process.
struct Made {
    folders: BTreeSet<PathBuf>,
    /// Every namespace ever made, by its inode: they are only listed, the kernel ends them.
    namespaces: BTreeSet<String>,
}

static MADE: Mutex<Made> = Mutex::new(Made {
    folders: BTreeSet::new(),
    namespaces: BTreeSet::new(),
});

/// A folder of the lab's own under the system's temporary folder, gone when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one, readable by us alone, and removes those of labs that were killed.
    ///
    /// # Errors
    /// The temporary folder cannot be written.
    pub fn new() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let base = std::env::temp_dir();
        sweep(&base);
        // Never one that was had before: an older lab may stand longer than a newer one.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("{PREFIX}{}-{count}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        made().folders.insert(path.clone());
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If that fails, `found` says so and the next lab tries again.
        let _removed = std::fs::remove_dir_all(&self.path);
        made().folders.remove(&self.path);
    }
}

pub(crate) fn namespace_made(inode: String) {
    made().namespaces.insert(inode);
}

/// Ends everything at once: for Ctrl-C while something else is going on. That includes a compiler
/// that cargo started for us: all that descends from this process.
pub(crate) fn end_all() {
    for pid in descendants() {
        // It may have ended by itself; the kernel reaps it after us.
        let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    for folder in &made().folders {
        let _removed = std::fs::remove_dir_all(folder);
    }
}

fn descendants() -> BTreeSet<i32> {
    let mut parents = BTreeMap::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = process.file_name().to_string_lossy().parse::<i32>();
        if let (Ok(pid), Some(parent)) = (pid, parent_of(&process.path())) {
            parents.insert(pid, parent);
        }
    }
    let mut found = BTreeSet::new();
    let mut above = BTreeSet::from([std::process::id()]);
    while !above.is_empty() {
        let is_below = |parent: &u32| above.contains(parent);
        let below = parents.iter().filter(|(_, parent)| is_below(parent));
        let below: BTreeSet<i32> = below.map(|(pid, _)| *pid).collect();
        above = below
            .iter()
            .filter_map(|pid| u32::try_from(*pid).ok())
            .collect();
        found.extend(below);
    }
    found
}

/// What is left of the lab after it ended; empty when all is well.
pub fn found(mounts_before: &str) -> Vec<String> {
    let mut left = Vec::new();
    let made = made();
    let ours = format!("{PREFIX}{}-", std::process::id());
    left.extend(names_in(&std::env::temp_dir(), &ours).map(|path| format!("folder {path}")));
    if mounts() != mounts_before {
        left.push("a mount".to_owned());
    }
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let path = process.path();
        if parent_of(&path) == Some(std::process::id()) {
            left.push(format!("process {}", path.display()));
        }
        let threads = std::fs::read_dir(path.join("task"))
            .into_iter()
            .flatten()
            .flatten();
        for thread in threads {
            let namespace = std::fs::read_link(thread.path().join("ns/net")).unwrap_or_default();
            if made.namespaces.contains(&*namespace.to_string_lossy()) {
                left.push(format!(
                    "namespace {} of {}",
                    namespace.display(),
                    path.display()
                ));
            }
        }
    }
    left
}

/// The mounts of this process, to be compared later.
pub fn mounts() -> String {
    std::fs::read_to_string("/proc/self/mounts").unwrap_or_default()
}

fn made() -> MutexGuard<'static, Made> {
    // Each change is one insertion or removal, complete even after a panic elsewhere.
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The fourth field of /proc/pid/stat. Source: proc(5).
fn parent_of(process: &Path) -> Option<u32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// Removes folders of labs whose process is gone: they were killed with SIGKILL.
fn sweep(base: &Path) {
    for path in names_in(base, PREFIX) {
        let name = path.rsplit('/').next().unwrap_or_default();
        let pid = name
            .trim_start_matches(PREFIX)
            .split('-')
            .next()
            .unwrap_or_default();
        if !Path::new("/proc").join(pid).exists() {
            let _removed = std::fs::remove_dir_all(&path);
        }
    }
}

fn names_in(base: &Path, prefix: &str) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let named =
        entries.filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix));
    named
        .map(|entry| entry.path().to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .into_iter()
}

const PREFIX: &str = "ramal-lab-";
