//! The status page on the box's own screen: the monitor, where it stands by itself, and the serial
//! line, where it comes among the log's lines when something has changed.

pub(crate) mod enrol;
mod install;
mod keys;
mod menu;
mod network;
mod pace;
mod page;
mod terminal;
mod update;

pub(crate) use install::{Candidate, Outcome};
pub(crate) use keys::Keys;
pub(crate) use menu::{Choices, Step, name};
pub(crate) use page::{Facts, Presence};

use std::time::Duration;

use ipc::install::Report;
use sansio::Instant;

use install::Work;
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
    choices: Choices,
    /// The installation that goes on, or that nobody has taken note of.
    work: Option<Work>,
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

    /// Takes a line that somebody typed; what to say on the serial line, and what to do. `find`
    /// looks for what there is to choose from.
    pub(crate) fn enter(
        &mut self,
        line: &str,
        now: Instant,
        find: impl FnOnce() -> Choices,
    ) -> (Vec<String>, Step) {
        match &self.work {
            Some(work) if work.is_over() => {
                self.work = None;
                self.serial.ask(now);
            }
            Some(_) if install::is_cancel(line) => return (Vec::new(), Step::Cancel),
            Some(_) => return (Vec::new(), Step::Nothing),
            None => {}
        }
        if self.menu.opens(line) {
            self.choices = find();
        }
        let step = self.menu.enter(line, &self.choices);
        if step == Step::Nothing {
            return (Vec::new(), step);
        }
        if self.menu == Menu::Page {
            self.menu_end = None;
            self.serial.ask(now);
            return (Vec::new(), step);
        }
        self.menu_end = Some(now + PATIENCE);
        (self.menu.lines(&self.choices), step)
    }

    /// The disk with this number in the list that was shown.
    pub(crate) fn chosen(&self, number: usize) -> Option<Candidate> {
        install::chosen(&self.choices.disks, number).cloned()
    }

    /// An installation begins; it takes the place of the page.
    pub(crate) fn work_begins(&mut self, candidate: &Candidate, now: Instant) {
        self.work = Some(Work::new(candidate, now));
    }

    /// How far it is; what to say of it on the serial line.
    pub(crate) fn work_goes_on(&mut self, report: Report, now: Instant) -> Vec<String> {
        let work = self.work.as_mut();
        let told = work.filter(|it| !it.is_over());
        let told = told.and_then(|it| it.take(report, now).then(|| it.progress()));
        told.into_iter().collect()
    }

    /// How it ended; the same for the serial line.
    pub(crate) fn work_ends(&mut self, outcome: Outcome) -> Vec<String> {
        let work = self.work.as_mut();
        let ended = work.and_then(|it| it.end(outcome).then(|| it.lines()));
        ended.unwrap_or_default()
    }

    /// Whether an installation has not been heard the end of.
    pub(crate) fn is_work_open(&self) -> bool {
        self.work.as_ref().is_some_and(|it| !it.is_over())
    }

    /// Shows the page on the monitor when it says something new, or the menu in its place; returns
    /// the lines for the serial line when it is time for them.
    pub(crate) fn turn(&mut self, facts: &Facts<'_>, now: Instant) -> Vec<String> {
        if self.menu_end.is_some_and(|end| end <= now) && self.menu.leave() {
            self.menu_end = None;
            self.serial.ask(now);
        }
        let is_page = self.menu == Menu::Page && self.work.is_none();
        let mut lines = if is_page {
            page::lines(facts)
        } else {
            Vec::new()
        };
        match &self.work {
            Some(work) => lines.extend(work.lines()),
            None => lines.extend(self.menu.lines(&self.choices)),
        }
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
