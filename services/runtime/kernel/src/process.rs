//! Processes that already run: ending, reaping, and what they use.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Pid, Signal, WaitOptions};

use crate::{Context, SystemError};

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Which signal to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// SIGTERM: asks.
    Terminate,
    /// SIGKILL: does not ask.
    Kill,
}

/// What a process uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Memory it occupies, KiB: what it has for itself, and its share of the pages that it has in
    /// common with others, so that the sum of all is what all of them occupy. Our services run one
    /// program, whose pages the plain resident size counts once for each.
    pub resident_kib: u64,
    /// Processor time, milliseconds.
    pub cpu_millis: u64,
}

/// Keeps all of this process in memory, what it will have included, so that it never waits for the
/// disk to get a part of its own program. Children do not inherit it.
///
/// # Errors
/// Without the right to do so, or with too little memory.
pub fn stay_in_memory() -> Result<(), SystemError> {
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
        .context("keep in memory", "this process")
}

/// Takes one ended child off the kernel's list; `None` when no more have ended. Also takes
/// children of others that were left to PID 1.
#[must_use]
pub fn reap() -> Option<(u32, End)> {
    loop {
        let (pid, status) = rustix::process::wait(WaitOptions::NOHANG).ok()??;
        let end = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => End::Code(code),
            (None, Some(signal)) => End::Signal(signal),
            (None, None) => continue,
        };
        return Some((pid.as_raw_nonzero().get().unsigned_abs(), end));
    }
}

/// Sends a signal to a child that has not been reaped yet.
///
/// # Errors
/// When there is no such process.
pub fn stop(pid: u32, how: Stop) -> Result<(), SystemError> {
    let signal = match how {
        Stop::Terminate => Signal::TERM,
        Stop::Kill => Signal::KILL,
    };
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let target = target
        .ok_or(rustix::io::Errno::SRCH)
        .context("signal process", pid)?;
    rustix::process::kill_process(target, signal).context("signal process", pid)
}

/// What a process uses; zero when it is gone.
#[must_use]
pub fn usage(pid: u32) -> Usage {
    let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let share = kib(&read("smaps_rollup"), "Pss:");
    Usage {
        // A kernel without CONFIG_PROC_PAGE_MONITOR knows no shares.
        resident_kib: share
            .or_else(|| kib(&read("status"), "VmRSS:"))
            .unwrap_or(0),
        cpu_millis: cpu(&read("stat")),
    }
}

/// The kernel's release, as in `6.12.107+deb12-amd64`.
#[must_use]
pub fn kernel_release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// Makes `file` the standard input, output and error of this process.
///
/// # Errors
/// When the kernel refuses.
pub fn set_standard_streams(file: &std::fs::File) -> Result<(), SystemError> {
    let set = || {
        rustix::stdio::dup2_stdin(file)?;
        rustix::stdio::dup2_stdout(file)?;
        rustix::stdio::dup2_stderr(file)
    };
    set().context("set", "the standard streams")
}

/// The number behind a name, as proc_pid_status(5) and proc_pid_smaps(5) write them.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms; the name in field 2 may hold spaces.
fn cpu(stat: &str) -> u64 {
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return 0;
    };
    let ticks = rest.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum::<u64>()
        .saturating_mul(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 1 0 5 6";
        assert_eq!(cpu(stat), 1750);
        assert_eq!(cpu(""), 0);
    }

    #[test]
    fn memory_is_read_by_its_name() {
        let status = "Name:\tx\nVmRSS:\t    1234 kB\n";
        assert_eq!(kib(status, "VmRSS:"), Some(1234));
        let rollup = "00400000-7ffd r-xp 00000000 00:00 0 [rollup]\nRss: 900 kB\nPss:   300 kB\n";
        assert_eq!(kib(rollup, "Pss:"), Some(300));
        assert_eq!(kib("", "Pss:"), None);
    }

    #[test]
    fn this_very_process_uses_something() {
        let used = usage(std::process::id()).resident_kib;
        assert!(used > 0);
        let status = std::fs::read_to_string("/proc/self/status").expect("read");
        assert!(used <= kib(&status, "VmHWM:").expect("there"));
        assert_eq!(usage(u32::MAX), Usage::default());
    }
}
