//! The monitor: the page has a terminal of its own, and lines of kernel and services another.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use kernel::{Context as _, SystemError, terminal};

use crate::console;

/// The terminal of the page.
pub(super) struct Terminal {
    file: File,
}

impl Terminal {
    /// Opens and shows it; `None` when the kernel was told of no monitor.
    pub(super) fn of_the_box() -> Result<Option<Self>, SystemError> {
        if !console::has_monitor() {
            return Ok(None);
        }
        let path = PAGE_TERMINAL;
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).custom_flags(flags);
        let file = opened.open(path).context("open", path)?;
        terminal::send_kernel_lines_to(&file, LOG)?;
        terminal::show(&file, PAGE)?;
        Ok(Some(Self { file }))
    }

    /// Writes the page over the one before. A monitor takes everything at once.
    pub(super) fn draw(&mut self, lines: &[String]) {
        let mut text = String::from(HOME);
        for line in lines {
            text.push_str(&console::clean(line));
            text.push_str(NEXT_LINE);
        }
        text.push_str(CLEAR_BELOW);
        let _ = self.file.write(text.as_bytes());
    }

    /// Shows the log again.
    pub(super) fn leave(self) {
        // Refused only where there is no monitor; then nobody sees it either.
        let _ = terminal::show(&self.file, LOG);
    }
}

/// Terminal with the lines of kernel and services: Alt-F1.
const LOG: u8 = 1;
/// Terminal with the page: Alt-F2.
const PAGE: u8 = 2;
pub(super) const PAGE_TERMINAL: &str = "/dev/tty2";
/// ECMA-48: to the first line; erase the rest of this one and go to the next; erase what is below.
const HOME: &str = "\x1b[H";
const NEXT_LINE: &str = "\x1b[K\r\n";
const CLEAR_BELOW: &str = "\x1b[J";
