//! QEMU's control channel: power button, keys, reset. Source: QEMU Machine Protocol specification.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

/// Why QEMU could not be told something.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The channel is gone, or QEMU never came.
    #[error("QEMU's control channel: {0}")]
    Channel(#[from] io::Error),
    /// QEMU refused.
    #[error("QEMU refused {command}: {reason}")]
    Refused {
        /// The command.
        command: String,
        /// What it said.
        reason: String,
    },
    /// An event did not come.
    #[error("QEMU did not report {event} within {seconds} s")]
    TimedOut {
        /// The event.
        event: String,
        /// How long.
        seconds: u64,
    },
}

/// A place QEMU connects to as it starts, so that nobody has to poll for a socket to appear.
pub(crate) struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    pub(crate) fn bind(folder: &Path) -> Result<Self, QmpError> {
        let path = folder.join("qmp.sock");
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
        Ok(Self {
            listener: UnixListener::bind(&path)?,
            path,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for QEMU and greets it.
    pub(crate) fn accept(self) -> Result<Qmp, QmpError> {
        use std::os::fd::AsFd;
        let mut ready = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(CONNECT_MAX).unwrap_or(PollTimeout::MAX);
        if poll(&mut ready, limit).map_err(io::Error::from)? == 0 {
            return Err(QmpError::Channel(io::ErrorKind::TimedOut.into()));
        }
        let (stream, _) = self.listener.accept()?;
        let mut qmp = Qmp {
            stream,
            buffer: Vec::new(),
            events: VecDeque::new(),
        };
        qmp.read_message(Instant::now() + CONNECT_MAX)?;
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }
}

/// The control channel.
pub struct Qmp {
    stream: UnixStream,
    buffer: Vec<u8>,
    events: VecDeque<String>,
}

impl Qmp {
    /// Runs a command.
    ///
    /// # Errors
    /// QEMU refused or is gone.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, QmpError> {
        let text = json!({ "execute": command, "arguments": arguments }).to_string();
        self.stream.write_all(text.as_bytes())?;
        self.stream.write_all(b"\n")?;
        let deadline = Instant::now() + COMMAND_MAX;
        loop {
            let mut message = self.read_message(deadline)?;
            if let Some(result) = message.get_mut("return") {
                return Ok(result.take());
            }
            if let Some(error) = message.get("error") {
                let reason = error
                    .get("desc")
                    .and_then(Value::as_str)
                    .unwrap_or("no reason");
                let (command, reason) = (command.to_owned(), reason.to_owned());
                return Err(QmpError::Refused { command, reason });
            }
            self.keep_event(&message);
        }
    }

    /// Waits for an event that came since the last call for it.
    ///
    /// # Errors
    /// It did not come in time.
    pub fn wait_event(&mut self, event: &str, limit: Duration) -> Result<(), QmpError> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(at) = self.events.iter().position(|name| name == event) {
                self.events.drain(..=at);
                return Ok(());
            }
            match self.read_message(deadline) {
                Ok(message) => self.keep_event(&message),
                Err(QmpError::Channel(error)) if error.kind() == io::ErrorKind::TimedOut => {
                    let event = event.to_owned();
                    return Err(QmpError::TimedOut {
                        event,
                        seconds: limit.as_secs(),
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn keep_event(&mut self, message: &Value) {
        if let Some(name) = message.get("event").and_then(Value::as_str) {
            if self.events.len() == EVENTS_MAX {
                self.events.pop_front();
            }
            self.events.push_back(name.to_owned());
        }
    }

    fn read_message(&mut self, deadline: Instant) -> Result<Value, QmpError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(serde_json::from_slice(&line).map_err(io::Error::from)?);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(QmpError::Channel(io::ErrorKind::TimedOut.into()));
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(QmpError::Channel(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => self
                    .buffer
                    .extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(QmpError::Channel(error)),
            }
        }
    }
}

/// QEMU connects before it does anything slow.
const CONNECT_MAX: Duration = Duration::from_secs(20);

/// Commands are answered at once, even by a busy emulator.
const COMMAND_MAX: Duration = Duration::from_secs(20);

/// Events nobody asked for; the oldest go.
const EVENTS_MAX: usize = 256;
