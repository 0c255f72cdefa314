//! What the processors have been used for since the kernel started.

use std::time::Duration;

/// Processor time, of all processors together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spent {
    /// In programs.
    pub programs: Duration,
    /// In the kernel, interrupts included.
    pub kernel: Duration,
}

/// What has been spent so far; `None` where /proc is not there.
#[must_use]
pub fn spent() -> Option<Spent> {
    parse(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// Reads the line of all processors: `cpu user nice system idle iowait irq softirq ...`, in
/// hundredths of a second whatever the kernel's own tick is (proc_stat(5), USER_HZ).
fn parse(stat: &str) -> Option<Spent> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let mut ticks = [0_u64; 7];
    let mut words = line.split_whitespace();
    for place in &mut ticks {
        *place = words.next()?.parse().ok()?;
    }
    let [
        user,
        nice,
        system,
        _idle,
        _waiting,
        interrupts,
        soft_interrupts,
    ] = ticks;
    let time = |ticks: &[u64]| {
        let sum = ticks.iter().fold(0_u64, |sum, it| sum.saturating_add(*it));
        Duration::from_millis(sum.saturating_mul(10))
    };
    Some(Spent {
        programs: time(&[user, nice]),
        kernel: time(&[system, interrupts, soft_interrupts]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_kernel_are_told_apart() {
        let stat = "cpu  68 3 150 900 7 11 2 0 0 0\ncpu0 1 1 1 1 1 1 1 0 0 0\nintr 5\n";
        let spent = parse(stat).expect("complete");
        assert_eq!(spent.programs, Duration::from_millis(710));
        assert_eq!(spent.kernel, Duration::from_millis(1630));
        for broken in [
            "",
            "cpu0 1 2 3 4 5 6 7\n",
            "cpu  1 2 3\n",
            "cpu  1 2 x 4 5 6 7\n",
        ] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn this_machine_tells_it() {
        let spent = spent().expect("/proc/stat");
        assert!(spent.programs + spent.kernel > Duration::ZERO);
    }
}
