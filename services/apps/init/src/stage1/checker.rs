//! The checker of the data's file system: run within a time, and what its end means.

use std::io;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kernel::process::{self, Stop};

/// Whether the data may be mounted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// There is no fault in it, or none any more.
    Sound,
    /// There are faults in it that the checker would not mend without being told how: to write to
    /// it could make them worse.
    Damaged,
    /// The checker could not say; mounting it will tell.
    Unknown,
}

impl Verdict {
    /// By the exit code of e2fsck(8), whose bits add up; `None` when a signal ended it.
    pub(super) const fn of(code: Option<i32>) -> Self {
        match code {
            Some(code) if code & UNCORRECTED != 0 => Self::Damaged,
            Some(code) if code & !(CORRECTED | RESTART) == 0 => Self::Sound,
            Some(_) | None => Self::Unknown,
        }
    }
}

/// Runs a program, and kills it when it has not ended in time. One that hangs in the kernel is not
/// waited for. `waiting` is called again and again meanwhile.
///
/// # Errors
/// It cannot be run, or [`io::ErrorKind::TimedOut`].
pub(super) fn run(
    command: &mut Command,
    limit: Duration,
    mut waiting: impl FnMut(),
) -> io::Result<Output> {
    let quiet = command.stdin(Stdio::null()).stderr(Stdio::piped());
    let child = quiet.stdout(Stdio::piped()).spawn()?;
    let pid = child.id();
    let (ended, end) = mpsc::channel();
    let wait = move || ended.send(child.wait_with_output());
    // Without it nobody reads what the program says, and it would wait for that.
    thread::Builder::new().spawn(wait)?;
    let mut left = limit;
    loop {
        let now = left.min(WAIT);
        match end.recv_timeout(now) {
            Ok(ended) => return ended,
            Err(_) if left > now => left -= now,
            Err(_) => {
                // That it cannot be killed changes nothing.
                let _ = process::stop(pid, Stop::Kill);
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        waiting();
    }
}

/// Between two calls of whoever waits.
const WAIT: Duration = Duration::from_secs(5);

/// Faults were mended.
const CORRECTED: i32 = 1;
/// Faults were mended, and a file system that is mounted has to be mounted anew; ours is not yet.
const RESTART: i32 = 2;
/// Faults were left as they are.
const UNCORRECTED: i32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_that_were_left_forbid_the_mount_whatever_else_the_checker_says() {
        for code in 0..256 {
            let expected = match code {
                0..=3 => Verdict::Sound,
                _ if code & 4 != 0 => Verdict::Damaged,
                _ => Verdict::Unknown,
            };
            assert_eq!(Verdict::of(Some(code)), expected, "{code}");
        }
        assert_eq!(Verdict::of(None), Verdict::Unknown);
    }

    #[test]
    fn a_program_that_hangs_is_not_waited_for() {
        let mut hangs = Command::new("tail");
        let ran = run(hangs.args(["-f", "/dev/null"]), Duration::ZERO, || ());
        assert_eq!(ran.map_err(|it| it.kind()), Err(io::ErrorKind::TimedOut));
        let mut says = Command::new("echo");
        let ran = run(says.arg("clean"), Duration::from_secs(60), || ()).expect("ran");
        assert_eq!(
            (ran.status.code(), &ran.stdout[..]),
            (Some(0), &b"clean\n"[..])
        );
    }
}
