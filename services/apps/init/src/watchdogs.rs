//! The hardware watchdogs, from stage-1 on: a box that hangs before PID 1's loop runs is restarted
//! too, and that counts as a try of its slot.
//!
//! The rescue system opens none: it waits for people.

use std::io::ErrorKind;
use std::time::Duration;

use kernel::watchdog::Watchdog;

use crate::console::Console;

/// All of the box; none is no error.
#[derive(Debug, Default)]
pub struct Watchdogs(Vec<Watchdog>);

impl Watchdogs {
    /// Opens and thereby arms them.
    pub(crate) fn open(console: &mut Console) -> Self {
        let mut watchdogs = Self::default();
        watchdogs.open_more(console);
        watchdogs
    }

    /// Opens those that came since.
    pub(crate) fn open_more(&mut self, console: &mut Console) {
        // Those that are open count meanwhile.
        self.pet();
        for opened in Watchdog::open_all() {
            match opened {
                Ok(mut watchdog) => {
                    let waits = watchdog.set_timeout(STAGE_1_MAX);
                    if let Some(short) = falls_short(STAGE_1_MAX, waits) {
                        console.line(&format!("ramal: {short}"));
                    }
                    self.0.push(watchdog);
                }
                // One of these: nobody else opens any.
                Err(error) if error.source.kind() == ErrorKind::ResourceBusy => {}
                Err(error) => console.line(&format!("ramal: {error}")),
            }
        }
    }

    /// Those that stage-1 has kept open; `variable` looks one up. What it could not hand over, or
    /// what came too late for it, is opened now.
    pub(crate) fn taken_over(
        variable: impl Fn(&str) -> Option<String>,
        console: &mut Console,
    ) -> Self {
        let numbers = variable(VARIABLE).unwrap_or_default();
        let taken = Watchdog::taken_over(&numbers);
        match taken.is_empty() {
            true => Self::open(console),
            false => Self(taken),
        }
    }

    /// Keeps them open for PID 1 of the root; the variable that tells it of them.
    pub(crate) fn hand_over(&self) -> String {
        let numbers = self.0.iter().filter_map(Watchdog::hand_over);
        let numbers: Vec<_> = numbers.map(|it| it.to_string()).collect();
        format!("{VARIABLE}={}", numbers.join(","))
    }

    /// Whether one of them says that it was what restarted the machine.
    pub(crate) fn have_restarted_the_machine(&self) -> bool {
        self.0.iter().any(Watchdog::has_restarted_the_machine)
    }

    /// Restarts their count.
    pub(crate) fn pet(&mut self) {
        self.0.iter_mut().for_each(Watchdog::pet);
    }

    /// How long they are to wait from now on; how long the first of them to bite does wait, and
    /// what to say of those that cannot wait that long.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) -> (Duration, Vec<String>) {
        let (mut shortest, mut said) = (timeout, Vec::new());
        for watchdog in &mut self.0 {
            let waits = watchdog.set_timeout(timeout);
            watchdog.pet();
            shortest = shortest.min(waits.unwrap_or(UNKNOWN));
            said.extend(falls_short(timeout, waits));
        }
        (shortest, said)
    }

    /// Leaves them armed for good: closing one would have the kernel complain on the screen.
    pub(crate) fn leave_armed(self) {
        std::mem::forget(self);
    }
}

/// What stage-1 may take between two pets: a data disk is waited for half a minute, and a large
/// file system may be grown. Its check has a time limit of its own.
const STAGE_1_MAX: Duration = Duration::from_secs(180);

/// A watchdog that does not say how long it waits: no driver's own time is known to be shorter.
const UNKNOWN: Duration = Duration::from_secs(10);

/// What to say of a watchdog that waits less long than it should.
fn falls_short(wanted: Duration, waits: Option<Duration>) -> Option<String> {
    let wanted = wanted.as_secs();
    match waits.map(|it| it.as_secs()) {
        Some(waits) if waits >= wanted => None,
        Some(waits) => Some(format!(
            "a watchdog takes no time-out of {wanted} s and waits {waits} s"
        )),
        None => Some(format!(
            "a watchdog takes no time-out of {wanted} s, and does not say how long it waits"
        )),
    }
}

const VARIABLE: &str = "RAMAL_WATCHDOGS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_watchdog_that_waits_less_long_than_it_should_is_told_of() {
        let seconds = Duration::from_secs;
        assert_eq!(falls_short(seconds(60), Some(seconds(60))), None);
        // The next one that its hardware has.
        assert_eq!(falls_short(seconds(60), Some(seconds(64))), None);
        let said = falls_short(seconds(180), Some(seconds(37))).expect("told");
        assert!(said.contains("180 s") && said.contains("37 s"), "{said}");
        assert!(falls_short(seconds(180), None).is_some());
    }
}
