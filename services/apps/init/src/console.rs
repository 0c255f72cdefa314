//! The screen of the box: the serial line in the lab, a monitor in the field.
//!
//! Nothing ever waits for it: what it does not take at once is kept up to a limit, then dropped.
//! A serial port whose other end holds its breath must not stop telephony.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use kernel::poller::{Interest, Poller};

/// Where lines for people go.
#[derive(Debug)]
pub struct Console {
    screen: Option<File>,
    /// The monitor, where the kernel's console is a serial line.
    mirror: Option<File>,
    pending: VecDeque<u8>,
    dropped: u64,
}

impl Console {
    /// Opens a screen. Without one, lines go nowhere; that is no error.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let mut options = OpenOptions::new();
        let options = options
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        Self::on(options.open(path).ok())
    }

    /// The box's: the kernel's console, and the monitor when that is another one.
    #[must_use]
    pub(crate) fn of_the_box() -> Self {
        let active = active();
        // The last one is what /dev/console means; `tty0` is whichever terminal of the monitor is
        // seen, and that one may have the status page.
        if active.split_whitespace().next_back() == Some(MONITOR) {
            return Self::open(Path::new(LOG_TERMINAL));
        }
        let mut console = Self::open(Path::new("/dev/console"));
        if active.contains(MONITOR) {
            console.mirror = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(LOG_TERMINAL)
                .ok();
        }
        console
    }

    const fn on(screen: Option<File>) -> Self {
        Self {
            screen,
            mirror: None,
            pending: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Shows one line. Control characters in it are replaced: log text comes from outside.
    pub fn line(&mut self, text: &str) {
        self.mirror_line(text);
        self.serial_line(text);
    }

    /// The same, but not on the monitor when that is another place.
    pub(crate) fn serial_line(&mut self, text: &str) {
        if self.screen.is_none() {
            return;
        }
        if self.pending.len() >= PENDING_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        if self.dropped > 0 {
            let note = format!(
                "ramal: the screen was too slow for {} lines\r\n",
                self.dropped
            );
            self.dropped = 0;
            self.pending.extend(note.bytes());
        }
        self.pending.extend(clean(text).bytes());
        self.pending.extend(b"\r\n");
        self.flush();
    }

    /// A monitor takes everything at once; what it does not take is lost.
    fn mirror_line(&mut self, text: &str) {
        if let Some(mirror) = &mut self.mirror {
            let _ = mirror.write(format!("{}\r\n", clean(text)).as_bytes());
        }
    }

    /// Writes what the screen takes now.
    pub fn flush(&mut self) {
        let Some(screen) = &mut self.screen else {
            return;
        };
        while !self.pending.is_empty() {
            let (front, _) = self.pending.as_slices();
            match screen.write(front) {
                Ok(0) => return,
                Ok(count) => drop(self.pending.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    // The line is gone for good, as when a USB adapter is pulled.
                    self.screen = None;
                    self.pending.clear();
                    return;
                }
            }
        }
    }

    /// Whether something waits for room.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The screen, to wait for room on it.
    #[must_use]
    pub fn waiting(&self) -> Option<BorrowedFd<'_>> {
        self.screen.as_ref().map(File::as_fd)
    }

    /// Before the end of the system: gives the screen a moment to take the last lines.
    pub fn drain(&mut self) {
        let Ok(mut poller) = Poller::new() else {
            return;
        };
        let Some(screen) = &self.screen else { return };
        if poller.add(screen, 0, Interest::Write).is_err() {
            return;
        }
        for _ in 0..DRAIN_ROUNDS {
            self.flush();
            if !self.is_pending() || poller.wait(Some(DRAIN_ROUND)).is_err() {
                return;
            }
        }
    }
}

/// Whether the kernel was told to use a monitor.
pub(crate) fn has_monitor() -> bool {
    active().contains(MONITOR)
}

fn active() -> String {
    std::fs::read_to_string(ACTIVE).unwrap_or_default()
}

/// A line without control characters.
pub(crate) fn clean(text: &str) -> String {
    let clean = |letter: char| if letter.is_control() { '?' } else { letter };
    text.chars().map(clean).collect()
}

/// The kernel's consoles, the one that /dev/console means last.
const ACTIVE: &str = "/sys/class/tty/console/active";
/// What the kernel calls the monitor among them.
const MONITOR: &str = "tty0";
/// The terminal of the monitor that has the lines of kernel and services.
const LOG_TERMINAL: &str = "/dev/tty1";

/// Bytes kept for a slow screen: some screens full.
const PENDING_MAX: usize = 64 * 1024;
const DRAIN_ROUNDS: u32 = 20;
const DRAIN_ROUND: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// A screen that takes nothing until it is read from.
    fn screen() -> (UnixStream, Console) {
        let (reader, writer) = UnixStream::pair().expect("a pair");
        writer.set_nonblocking(true).expect("set");
        reader.set_nonblocking(true).expect("set");
        (reader, Console::on(Some(File::from(OwnedFd::from(writer)))))
    }

    fn read(reader: &mut UnixStream) -> String {
        let mut bytes = Vec::new();
        let _ = reader.read_to_end(&mut bytes);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn control_characters_from_outside_do_not_reach_the_screen() {
        let (mut reader, mut console) = screen();
        console.line("pbx: INVITE \u{1b}[2J\r\nramal: ready 1");
        assert_eq!(read(&mut reader), "pbx: INVITE ?[2J??ramal: ready 1\r\n");
    }

    #[test]
    fn a_screen_that_takes_nothing_costs_bounded_memory_and_says_so_later() {
        let (mut reader, mut console) = screen();
        let line = "x".repeat(1000);
        for _ in 0..2000 {
            console.line(&line);
        }
        assert!(console.is_pending());
        assert!(console.pending.len() <= PENDING_MAX + 2000);
        while console.is_pending() {
            read(&mut reader);
            console.flush();
        }
        console.line("after");
        let text = read(&mut reader);
        assert!(text.contains("too slow for"), "{text}");
        assert!(text.ends_with("after\r\n"));
    }

    #[test]
    fn without_a_screen_nothing_is_kept() {
        let mut console = Console::on(None);
        console.line("nobody reads this");
        assert!(!console.is_pending());
    }
}
