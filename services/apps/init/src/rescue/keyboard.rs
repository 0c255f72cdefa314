//! Lines that a person types, on the serial line or on the keyboard.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use kernel::clock;
use kernel::poller::{Interest, Poller};

/// Everything a person can type on.
pub(super) struct Keyboard {
    poller: Option<Poller>,
    places: Vec<(File, Vec<u8>)>,
}

impl Keyboard {
    /// Opens the serial line and the keyboard; what is not there is left out.
    pub(super) fn open() -> Self {
        let poller = Poller::new().ok();
        let open = |path: &&str| {
            let mut options = OpenOptions::new();
            let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
            options.read(true).custom_flags(flags).open(path).ok()
        };
        let files = PLACES.iter().filter_map(open);
        let places: Vec<_> = files.map(|file| (file, Vec::new())).collect();
        if let Some(poller) = &poller {
            for (token, (file, _)) in (0..).zip(&places) {
                // One that cannot be waited for is looked at whenever another wakes us.
                let _ = poller.add(file, token, Interest::Read);
            }
        }
        Self { poller, places }
    }

    /// The next line; `None` when nobody typed one in time.
    pub(super) fn line(&mut self, patience: Duration) -> Option<String> {
        let begin = clock::since_boot();
        loop {
            let places = self.places.iter_mut();
            let found = places
                .filter_map(|(file, typed)| read_line(file, typed))
                .next();
            if found.is_some() {
                return found;
            }
            let left = patience.checked_sub(clock::since_boot().saturating_sub(begin))?;
            match &mut self.poller {
                Some(poller) => drop(poller.wait(Some(left.min(LOOK))).ok()?),
                None => std::thread::sleep(LOOK),
            }
        }
    }
}

fn read_line(file: &mut File, typed: &mut Vec<u8>) -> Option<String> {
    let mut bytes = [0; 64];
    if let Ok(count) = file.read(&mut bytes) {
        typed.extend_from_slice(bytes.get(..count).unwrap_or_default());
    }
    let end = typed
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))?;
    let line: Vec<u8> = typed.drain(..=end).take(end).collect();
    typed.truncate(LINE_MAX);
    Some(String::from_utf8_lossy(&line).into_owned())
}

const PLACES: [&str; 2] = ["/dev/console", "/dev/tty1"];
const LOOK: Duration = Duration::from_millis(500);
const LINE_MAX: usize = 256;
