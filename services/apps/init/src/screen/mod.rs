//! The status page on the box's own screen: the monitor, where it stands by itself, and the serial
//! line, where it comes among the log's lines when something has changed.

mod keys;
mod menu;
mod pace;
mod page;
mod terminal;

pub(crate) use keys::Keys;
pub(crate) use menu::{Step, name};
pub(crate) use page::{Facts, Presence};

use std::time::Duration;

use sansio::Instant;

use menu::Menu;
use pace::Pace;
use terminal::Terminal;

/// Both places of the page.
#[derive(Default)]
pub(crate) struct Screen {
    monitor: Option<Terminal>,
    drawn: Vec<String>,
    serial: Pace,
    menu: Menu,
    /// When the menu goes away by itself.
    menu_end: Option<Instant>,
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

    /// Takes a line that somebody typed; what to say on the serial line, and what to do.
    pub(crate) fn enter(&mut self, line: &str, now: Instant) -> (Vec<String>, Step) {
        let step = self.menu.enter(line);
        if step == Step::Nothing {
            return (Vec::new(), step);
        }
        if self.menu == Menu::Page {
            self.menu_end = None;
            self.serial.ask(now);
            return (Vec::new(), step);
        }
        self.menu_end = Some(now + PATIENCE);
        (self.menu.lines(), step)
    }

    /// Shows the page on the monitor when it says something new, or the menu in its place; returns
    /// the lines for the serial line when it is time for them.
    pub(crate) fn turn(&mut self, facts: &Facts<'_>, now: Instant) -> Vec<String> {
        if self.menu_end.is_some_and(|end| end <= now) && self.menu.leave() {
            self.menu_end = None;
            self.serial.ask(now);
        }
        let is_page = self.menu == Menu::Page;
        let mut lines = if is_page {
            page::lines(facts)
        } else {
            Vec::new()
        };
        lines.extend(self.menu.lines());
        if self.drawn != lines
            && let Some(monitor) = &mut self.monitor
        {
            monitor.draw(&lines);
            self.drawn.clone_from(&lines);
        }
        // A menu was written there when it was asked for; the page waits until it is done with.
        if is_page && self.serial.is_due(&lines, now) {
            lines
        } else {
            Vec::new()
        }
    }

    /// When to turn again, if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.menu_end.or_else(|| self.serial.deadline())
    }

    /// Shows the log on the monitor: the page says nothing true any more.
    pub(crate) fn leave(&mut self) {
        if let Some(monitor) = self.monitor.take() {
            monitor.leave();
        }
    }
}

/// After this without a line, the menu gives way to the page.
const PATIENCE: Duration = Duration::from_secs(60);
