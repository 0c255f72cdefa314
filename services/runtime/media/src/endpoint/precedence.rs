//! The media thread goes before every other thread of the box, where the box lets it.
//!
//! With a fair share alone a packet waits for whoever has the processor; with real-time priority it
//! does not. `init` says how high a service may go (`RLIMIT_RTPRIO`), and most may not at all; on a
//! machine that is no box of ours the limit is 0, and the thread stays as it is. A thread that does
//! not rest cannot hold the box up: the kernel keeps a part of each second for the others.
//! Source: sched(7).
#![expect(
    unsafe_code,
    reason = "no library of ours has this system call, and the one of musl refuses it"
)]

use std::io;

use rustix::process::{Resource, getrlimit};

/// Gives the calling thread its priority; threads it makes afterwards do not have it.
/// `None` where it may have none.
///
/// # Errors
/// When the kernel refuses what the limit allows.
pub(crate) fn take() -> io::Result<Option<i32>> {
    take_within(getrlimit(Resource::Rtprio).current)
}

fn take_within(limit: Option<u64>) -> io::Result<Option<i32>> {
    let Some(priority) = allowed(limit) else {
        return Ok(None);
    };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the kernel's `sched_param` is this one number, which outlives the call; 0 is the
    // calling thread.
    let done =
        unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const priority) };
    if done == 0 {
        Ok(Some(priority))
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The priority under a limit; `None` for the limit is no limit.
fn allowed(limit: Option<u64>) -> Option<i32> {
    let most = limit.map_or(PRIORITY, |limit| i32::try_from(limit).unwrap_or(PRIORITY));
    (most > 0).then_some(most.min(PRIORITY))
}

/// Of 1 to 99; above nothing but what else asks for less.
const PRIORITY: i32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_the_box_decides() {
        for (limit, priority) in [
            (Some(0), None),
            (Some(1), Some(1)),
            (Some(10), Some(10)),
            (Some(99), Some(10)),
            (Some(u64::MAX), Some(10)),
            (None, Some(10)),
        ] {
            assert_eq!(allowed(limit), priority, "{limit:?}");
        }
    }

    /// The policy and the priority of the calling thread.
    fn scheduled() -> (libc::c_int, u32) {
        let told = std::fs::read_to_string("/proc/thread-self/stat").expect("a thread");
        let (_, behind) = told.rsplit_once(") ").expect("a name in brackets");
        // proc(5): the name is field 2, the real-time priority 40 and the policy 41.
        let field = |number: usize| behind.split(' ').nth(number - 3).expect("a field");
        let number = "a number";
        (
            field(41).parse().expect(number),
            field(40).parse().expect(number),
        )
    }

    #[test]
    fn the_thread_goes_first_where_it_may_and_those_it_makes_do_not() {
        let check = |limit| {
            let taking = move || {
                let taken = take_within(Some(limit));
                let child = std::thread::spawn(scheduled).join().expect("ended");
                (taken, scheduled(), child)
            };
            std::thread::spawn(taking).join().expect("ended")
        };
        let fair = (libc::SCHED_OTHER, 0);
        let (taken, own, child) = check(0);
        assert_eq!((taken.expect("not asked"), own, child), (None, fair, fair));
        let (taken, own, child) = check(10);
        assert_eq!(child, fair);
        match taken {
            Ok(taken) => assert_eq!((taken, own), (Some(10), (libc::SCHED_FIFO, 10))),
            // Who may not is told so, and works on.
            Err(refused) => {
                assert_eq!(
                    (refused.kind(), own),
                    (io::ErrorKind::PermissionDenied, fair)
                );
            }
        }
    }
}
