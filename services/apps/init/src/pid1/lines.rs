//! Text from services: cut into lines, and the newest of it kept.

use std::collections::VecDeque;

use ipc::init::LogLine;

/// Cuts what comes out of a pipe into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes bytes as they came and returns the lines they complete. A line that gets too long is
    /// cut, so that a service that never ends one cannot fill the memory.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    self.partial.extend_from_slice(end);
                    lines.extend(self.take());
                }
                None => self.partial.extend_from_slice(part),
            }
            while self.partial.len() >= LINE_MAX {
                let rest = self.partial.split_off(LINE_MAX);
                // What goes on is as fine as its beginning: not everybody is shown the finest.
                let level = fine(&self.partial);
                lines.extend(self.take());
                self.partial = [level, &rest].concat();
            }
        }
        lines
    }

    /// What is left when the pipe ends in the middle of a line.
    pub(crate) fn take(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end();
        let is_said = !text.is_empty() && !FINE.iter().any(|it| it.trim_end() == text);
        is_said.then(|| text.to_owned())
    }
}

/// The word by which a line of the finest levels begins, with a space; empty for any other line.
fn fine(line: &[u8]) -> &'static [u8] {
    let line = line.trim_ascii_start();
    let mut words = FINE.iter().map(|it| it.as_bytes());
    words.find(|it| line.starts_with(it)).unwrap_or_default()
}

/// The newest log lines of all services.
#[derive(Debug, Default)]
pub(crate) struct LogRing {
    lines: VecDeque<LogLine>,
    bytes: usize,
}

impl LogRing {
    /// Adds a line of a service, with the milliseconds since the kernel started.
    pub(crate) fn push(&mut self, source: &'static str, millis: u64, text: &str) {
        self.bytes = self
            .bytes
            .saturating_add(text.len())
            .saturating_add(LINE_OVERHEAD);
        self.lines.push_back(LogLine {
            service: source.to_owned(),
            at_millis: millis,
            text: text.to_owned(),
        });
        while self.bytes > LOG_BYTES_MAX {
            let Some(old) = self.lines.pop_front() else {
                break;
            };
            self.bytes = self
                .bytes
                .saturating_sub(old.text.len())
                .saturating_sub(LINE_OVERHEAD);
        }
    }

    /// The newest `limit` lines, oldest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<LogLine> {
        let skip = self.lines.len().saturating_sub(limit);
        self.lines.iter().skip(skip).cloned().collect()
    }
}

/// Levels whose lines have whole numbers of people outside, as `tracing` writes them.
const FINE: [&str; 2] = ["DEBUG ", "TRACE "];
/// Bytes of a line; a SIP message logged whole would still fit.
const LINE_MAX: usize = 4096;
/// Log kept in memory: some thousand lines, enough for the story of a fault.
const LOG_BYTES_MAX: usize = 1024 * 1024;
/// What a line costs besides its text.
const LINE_OVERHEAD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_fine_line_that_is_too_long_is_as_fine() {
        let cut = |text: &str| {
            let mut lines = Lines::default();
            let mut pieces = lines.push(text.as_bytes());
            pieces.extend(lines.push(b"\n"));
            pieces
        };
        let pieces = cut(&format!(" DEBUG pbx: {}", "x".repeat(2 * LINE_MAX)));
        assert_eq!(pieces.len(), 3);
        let is_fine = |it: &String| it.trim_start().starts_with("DEBUG ");
        assert!(pieces.iter().all(is_fine), "{pieces:?}");
        // One that is cut at its very end leaves nothing, and others no word.
        let whole = cut(&format!("DEBUG {}", "x".repeat(LINE_MAX - 6)));
        assert_eq!(whole.len(), 1);
        let other = cut(&format!(" INFO {}", "x".repeat(LINE_MAX)));
        assert_eq!(other[1], "x".repeat(6));
    }

    #[test]
    fn lines_come_out_whole_however_the_pipe_cuts_them() {
        let text = b"one\n\ntwo\r\nthree";
        for cut in 1..text.len() {
            let mut lines = Lines::default();
            let mut seen: Vec<String> =
                text.chunks(cut).flat_map(|part| lines.push(part)).collect();
            seen.extend(lines.take());
            assert_eq!(seen, ["one", "two", "three"], "cut every {cut}");
        }
    }

    #[test]
    fn a_line_without_end_is_cut_and_bytes_that_are_no_text_are_replaced() {
        let mut lines = Lines::default();
        let seen = lines.push(&vec![b'x'; LINE_MAX * 3 + 1]);
        assert_eq!(
            seen.iter().map(String::len).collect::<Vec<_>>(),
            [LINE_MAX; 3]
        );
        assert_eq!(lines.push(b"\xff\n"), ["x\u{fffd}"]);
    }

    #[test]
    fn the_ring_forgets_the_oldest_and_stays_within_its_bound() {
        let mut ring = LogRing::default();
        for number in 0..20_000_u64 {
            ring.push("web", number, &format!("{number} {}", "y".repeat(100)));
        }
        assert!(ring.bytes <= LOG_BYTES_MAX);
        let newest = ring.newest(2);
        assert!(newest[1].text.starts_with("19999 "), "{newest:?}");
        assert_eq!((&*newest[1].service, newest[1].at_millis), ("web", 19_999));
        assert_eq!(newest.len(), 2);
        assert!(ring.newest(usize::MAX).len() > 5000);
    }
}
