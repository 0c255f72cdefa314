//! Control groups (v2): what one service may take from the others.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::{Context, SystemError};

/// What the processes of a group may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Memory in bytes; beyond it the group's process is killed, not the box.
    pub memory_max: u64,
    /// Processes and threads.
    pub tasks_max: u32,
    /// Share of the processor when it is short; 100 is the usual one.
    pub cpu_weight: u32,
}

/// A group with limits.
#[derive(Debug)]
pub struct Group {
    path: PathBuf,
}

impl Group {
    /// Lets groups limit memory, tasks and processor time.
    ///
    /// # Errors
    /// When the group file system is not mounted or lacks these controllers.
    pub fn enable_controllers() -> Result<(), SystemError> {
        let path = format!("{ROOT}/cgroup.subtree_control");
        fs::write(&path, "+memory +pids +cpu").context("write", path)
    }

    /// Makes the group of that name with these limits.
    ///
    /// # Errors
    /// When the kernel refuses the group or a limit.
    pub fn make(name: &str, limits: Limits) -> Result<Self, SystemError> {
        let group = Self {
            path: PathBuf::from(ROOT).join(name),
        };
        if !group.path.is_dir() {
            fs::create_dir(&group.path).context("make", group.path.display())?;
        }
        group.set("memory.max", &limits.memory_max.to_string())?;
        group.set("memory.oom.group", "1")?;
        group.set("pids.max", &limits.tasks_max.to_string())?;
        group.set("cpu.weight", &limits.cpu_weight.to_string())?;
        Ok(group)
    }

    /// The file a process writes `0` to in order to join.
    ///
    /// # Errors
    /// When the group is gone.
    pub fn open_door(&self) -> Result<File, SystemError> {
        let path = self.path.join("cgroup.procs");
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .context("open", path.display())
    }

    /// How often the kernel killed this group for want of memory.
    #[must_use]
    pub fn out_of_memory_kills(&self) -> u64 {
        let events = fs::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        let kills = events
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "));
        kills
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Kills whatever is still in the group: a service that has ended leaves nothing running.
    ///
    /// # Errors
    /// When the group is gone.
    pub fn kill_all(&self) -> Result<(), SystemError> {
        self.set("cgroup.kill", "1")
    }

    fn set(&self, file: &str, value: &str) -> Result<(), SystemError> {
        let path = self.path.join(file);
        fs::write(&path, value).context("write", path.display())
    }
}

const ROOT: &str = "/sys/fs/cgroup";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_left_in_a_group_is_killed() {
        let path = std::env::temp_dir().join(format!("ramal-group-{}", std::process::id()));
        fs::create_dir_all(&path).expect("made");
        let group = Group { path: path.clone() };
        group.kill_all().expect("written");
        let told = fs::read_to_string(path.join("cgroup.kill"));
        fs::remove_dir_all(path).expect("removed");
        assert_eq!(told.expect("there"), "1");
    }
}
