//! Lines that a person types on the monitor's keyboard or on the serial line.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::terminal::PAGE_TERMINAL;

/// One place to type at. The terminal itself gathers a line and lets it be mended.
pub(crate) struct Keys {
    file: File,
    typed: Vec<u8>,
    ends: u32,
}

impl Keys {
    /// The box's: keyboard and serial line; what is not there is left out.
    pub(crate) fn of_the_box() -> Vec<Self> {
        // A shell of the debug variant reads the serial line itself.
        let serial = (!cfg!(feature = "debug-shell")).then_some("/dev/console");
        let places = serial.into_iter().chain([PAGE_TERMINAL]);
        places
            .filter_map(|path| Self::open(Path::new(path)))
            .collect()
    }

    fn open(path: &Path) -> Option<Self> {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(flags).open(path).ok()?;
        Some(Self::on(file))
    }

    const fn on(file: File) -> Self {
        Self {
            file,
            typed: Vec::new(),
            ends: 0,
        }
    }

    /// What was typed since the last time; `None` when the place is gone for good.
    pub(crate) fn lines(&mut self) -> Option<Vec<String>> {
        let mut bytes = [0; 256];
        match self.file.read(&mut bytes) {
            // Ctrl-D is an end too, but a line that has hung up ends again and again.
            Ok(0) => {
                self.ends += 1;
                return (self.ends < ENDS_MAX).then(Vec::new);
            }
            Ok(count) => {
                self.ends = 0;
                let read = bytes.get(..count).unwrap_or_default();
                self.typed.extend_from_slice(read);
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Some(Vec::new());
            }
            Err(_) => return None,
        }
        Some(self.take())
    }

    fn take(&mut self) -> Vec<String> {
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let mut lines = Vec::new();
        while let Some(end) = self.typed.iter().position(is_end) {
            let line: Vec<u8> = self.typed.drain(..=end).take(end).collect();
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        // No answer is that long.
        if self.typed.len() > LINE_MAX {
            self.typed.clear();
        }
        lines
    }
}

impl AsFd for Keys {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

const LINE_MAX: usize = 256;
/// Nobody presses Ctrl-D that often in a row.
const ENDS_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn stand() -> (UnixStream, Keys) {
        let (person, place) = UnixStream::pair().expect("a pair");
        place.set_nonblocking(true).expect("set");
        (person, Keys::on(File::from(OwnedFd::from(place))))
    }

    #[test]
    fn lines_come_whole_and_noise_is_forgotten() {
        let (mut person, mut keys) = stand();
        person.write_all(b"me").expect("typed");
        assert_eq!(keys.lines(), Some(vec![]));
        assert_eq!(keys.lines(), Some(vec![]), "nothing more yet");
        person.write_all(b"nu\n2\nY").expect("typed");
        assert_eq!(keys.lines(), Some(vec!["menu".to_owned(), "2".to_owned()]));
        for _ in 0..10 {
            person.write_all(&[0xff; 200]).expect("typed");
            assert_eq!(keys.lines(), Some(vec![]));
            assert!(keys.typed.len() <= LINE_MAX);
        }
    }

    #[test]
    fn a_line_that_has_hung_up_is_left() {
        let (person, mut keys) = stand();
        drop(person);
        let looks = std::iter::from_fn(|| keys.lines()).take(1000).count();
        assert!(looks < 20, "{looks}");
    }
}
