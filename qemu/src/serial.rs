//! The box's serial line: every line with its time, waited for by content, never by sleeping.
//!
//! The one-time password shown on the line is taken out before anything is kept.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Why a line did not come.
#[derive(Debug, thiserror::Error)]
pub enum SerialError {
    /// Time is up.
    #[error("the box did not say \"{wanted}\" within {seconds} s; its last lines were:\n{last}")]
    TimedOut {
        /// What was waited for.
        wanted: String,
        /// How long.
        seconds: u64,
        /// The end of the log.
        last: String,
    },
    /// Another line says that it cannot come any more.
    #[error("the box did not say \"{wanted}\" but \"{instead}\"; its last lines were:\n{last}")]
    Instead {
        /// What was waited for.
        wanted: String,
        /// What came.
        instead: String,
        /// The end of the log.
        last: String,
    },
    /// QEMU ended.
    #[error("QEMU ended before the box said \"{wanted}\"; its last lines were:\n{last}")]
    Ended {
        /// What was waited for.
        wanted: String,
        /// The end of the log.
        last: String,
    },
    /// The log file cannot be written.
    #[error("cannot write the console log: {0}")]
    Log(std::io::Error),
}

/// A line of the box.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it came, since the start of QEMU.
    pub at: Duration,
    /// What it says, without secrets.
    pub text: String,
}

/// The serial line. Clones read the same line.
#[derive(Clone)]
pub struct Serial {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    lines: Vec<Line>,
    one_time_password: Option<String>,
    ended: bool,
}

impl Serial {
    /// Starts to read; everything also goes to the file `log`, and to standard error when asked.
    ///
    /// # Errors
    /// [`SerialError::Log`]
    pub fn start(
        output: impl Read + Send + 'static,
        log: &Path,
        show: bool,
    ) -> Result<Self, SerialError> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(SerialError::Log)?;
        let serial = Self {
            shared: Arc::default(),
        };
        let reader = serial.clone();
        std::thread::Builder::new()
            .name("serial".to_owned())
            .spawn(move || reader.read(output, file, show))
            .map_err(SerialError::Log)?;
        Ok(serial)
    }

    fn read(&self, output: impl Read, mut log: File, show: bool) {
        let begin = Instant::now();
        let mut input = BufReader::new(output);
        let mut bytes = Vec::new();
        while let Ok(1..) = input.read_until(b'\n', &mut bytes) {
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            let (text, secret) = redact(text);
            // A full disk of the host must not stop the lab: the lines are in memory too.
            let _unwritten = writeln!(log, "{:9.3} {text}", begin.elapsed().as_secs_f64());
            if show {
                image::progress::note(&text);
            }
            let mut state = self.state();
            if secret.is_some() {
                state.one_time_password = secret;
            }
            if state.lines.len() < LINES_MAX {
                state.lines.push(Line {
                    at: begin.elapsed(),
                    text,
                });
            }
            self.shared.1.notify_all();
        }
        self.state().ended = true;
        self.shared.1.notify_all();
    }

    /// A place in the line: what was said so far lies before it.
    pub fn mark(&self) -> usize {
        self.state().lines.len()
    }

    /// Waits for a line after `from` that contains `wanted`.
    ///
    /// # Errors
    /// It did not come in time, or QEMU ended.
    pub fn wait(&self, from: usize, wanted: &str, limit: Duration) -> Result<Line, SerialError> {
        self.wait_unless(from, wanted, None, limit)
    }

    /// The same, and gives up when a line says `never`: then `wanted` cannot come any more.
    ///
    /// # Errors
    /// It did not come in time, or cannot, or QEMU ended.
    pub fn wait_unless(
        &self,
        from: usize,
        wanted: &str,
        never: Option<&str>,
        limit: Duration,
    ) -> Result<Line, SerialError> {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        let mut next = from;
        loop {
            let fresh = state.lines.get(next..).unwrap_or_default();
            if let Some(line) = fresh.iter().find(|line| line.text.contains(wanted)) {
                return Ok(line.clone());
            }
            let is_never = |line: &&Line| never.is_some_and(|never| line.text.contains(never));
            let hopeless = fresh.iter().find(is_never).map(|line| line.text.clone());
            next = state.lines.len().max(from);
            let wanted = wanted.to_owned();
            if let Some(instead) = hopeless {
                return Err(SerialError::Instead {
                    wanted,
                    instead,
                    last: state.tail(),
                });
            }
            if state.ended {
                return Err(SerialError::Ended {
                    wanted,
                    last: state.tail(),
                });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let seconds = limit.as_secs();
                return Err(SerialError::TimedOut {
                    wanted,
                    seconds,
                    last: state.tail(),
                });
            }
            let waited = self.shared.1.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the line is closed: QEMU has ended.
    ///
    /// # Errors
    /// It still runs.
    pub fn wait_end(&self, limit: Duration) -> Result<(), SerialError> {
        let running = |state: &mut State| !state.ended;
        let waited = self
            .shared
            .1
            .wait_timeout_while(self.state(), limit, running);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            return Ok(());
        }
        Err(SerialError::TimedOut {
            wanted: "(the end of QEMU)".to_owned(),
            seconds: limit.as_secs(),
            last: state.tail(),
        })
    }

    /// All lines after `from`.
    pub fn since(&self, from: usize) -> Vec<Line> {
        self.state().lines.get(from..).unwrap_or_default().to_vec()
    }

    /// The newest one-time password that was on the line; it is handed out once.
    pub fn take_one_time_password(&self) -> Option<String> {
        self.state().one_time_password.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of another reader leaves complete lines behind.
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tail(&self) -> String {
        let begin = self.lines.len().saturating_sub(TAIL_LINES);
        let lines = self.lines.get(begin..).unwrap_or_default();
        let lines: Vec<String> = lines
            .iter()
            .map(|line| format!("  {}", line.text))
            .collect();
        lines.join("\n")
    }
}

/// Takes the password out of any line that shows one. Only PID 1's screen lines tell the real one:
/// a log line may quote what a stranger sent.
fn redact(text: String) -> (String, Option<String>) {
    let Some((before, secret)) = text.split_once(PASSWORD_LABEL) else {
        return (text, None);
    };
    let is_screen = before.starts_with(SCREEN_LABEL);
    let secret = is_screen.then(|| secret.trim().to_owned());
    (format!("{before}{PASSWORD_LABEL}(secret)"), secret)
}

/// What the box shows before the password.
pub const PASSWORD_LABEL: &str = "one-time password: ";

/// What PID 1 puts before lines that are for the screen alone.
const SCREEN_LABEL: &str = "screen: ";

/// A day of a talkative box.
const LINES_MAX: usize = 200_000;

/// Lines repeated in an error.
const TAIL_LINES: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_content_and_the_password_is_kept_apart() {
        let folder = std::env::temp_dir().join(format!("ramal-serial-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let log = folder.join("log");
        let text =
            b"ramal: stage one\r\nscreen: one-time password: abcd-efgh\r\nramal: ready 7\r\n\
              pbx: from \"one-time password: wxyz\"\r\n";
        let serial = Serial::start(text.as_slice(), &log, false).unwrap();
        let wait = Duration::from_secs(10);
        assert_eq!(
            serial.wait(0, "ready", wait).unwrap().text,
            "ramal: ready 7"
        );
        // What a stranger put into a log line is no password.
        serial.wait(0, "pbx: from", wait).unwrap();
        assert_eq!(
            serial.take_one_time_password().as_deref(),
            Some("abcd-efgh")
        );
        assert_eq!(serial.take_one_time_password(), None);
        let ended = serial.wait(4, "never", wait);
        assert!(matches!(ended, Err(SerialError::Ended { .. })));
        let kept = std::fs::read_to_string(&log).unwrap();
        assert!(
            !kept.contains("abcd") && kept.contains("(secret)"),
            "{kept}"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
