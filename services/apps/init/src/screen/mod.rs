//! The status page on the box's own screen: the monitor, where it stands by itself, and the serial
//! line, where it comes among the log's lines when something has changed.

mod pace;
mod page;
mod terminal;

pub(crate) use page::{Facts, Presence};

use sansio::Instant;

use pace::Pace;
use terminal::Terminal;

/// Both places of the page.
#[derive(Default)]
pub(crate) struct Screen {
    monitor: Option<Terminal>,
    drawn: Vec<String>,
    serial: Pace,
}

impl Screen {
    /// The box's; what of it cannot be had is left out, and told.
    pub(crate) fn of_the_box(mut tell: impl FnMut(&dyn std::fmt::Display)) -> Self {
        let monitor = Terminal::of_the_box();
        let monitor = monitor.map_err(|error| tell(&error)).ok().flatten();
        Self {
            monitor,
            ..Self::default()
        }
    }

    /// Shows the page on the monitor when it says something new; returns the lines for the serial
    /// line when it is time for them.
    pub(crate) fn turn(&mut self, facts: &Facts<'_>, now: Instant) -> Vec<String> {
        let lines = page::lines(facts);
        if self.drawn != lines
            && let Some(monitor) = &mut self.monitor
        {
            monitor.draw(&lines);
            self.drawn.clone_from(&lines);
        }
        if self.serial.is_due(&lines, now) {
            lines
        } else {
            Vec::new()
        }
    }

    /// When to turn again, if nothing happens before.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.serial.deadline()
    }

    /// Shows the log on the monitor: the page says nothing true any more.
    pub(crate) fn leave(&mut self) {
        if let Some(monitor) = self.monitor.take() {
            monitor.leave();
        }
    }
}
