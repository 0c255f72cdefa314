//! The asking side on a plain thread: command-line tools, benches, tests.

use std::io::{Read as _, Write as _};
use std::marker::PhantomData;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use ipc::frame::{Decoder, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{frame_error, show};
use super::{CALL_TIMEOUT_SECS, CallError};

/// Asks one service; every call is a connection of its own.
#[derive(Debug)]
pub struct BlockingClient<Request, Reply> {
    path: PathBuf,
    types: PhantomData<fn(Request) -> Reply>,
}

impl<Request: Serialize, Reply: DeserializeOwned> BlockingClient<Request, Reply> {
    /// A client of the service behind `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            types: PhantomData,
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The service cannot be reached, does not answer in time, or answers nonsense.
    pub fn call(&self, request: &Request) -> Result<Reply, CallError> {
        let frame = encode(request).map_err(|source| frame_error(&self.path, source))?;
        let unreachable = |source| CallError::Unreachable {
            path: show(&self.path),
            source,
        };
        let mut stream = UnixStream::connect(&self.path).map_err(unreachable)?;
        let time = Some(Duration::from_secs(CALL_TIMEOUT_SECS));
        stream.set_read_timeout(time).map_err(unreachable)?;
        stream.write_all(&frame).map_err(|_| CallError::Closed {
            path: show(&self.path),
        })?;
        let mut decoder = Decoder::default();
        let mut buffer = [0; 8192];
        loop {
            if let Some(reply) = decoder
                .pop()
                .map_err(|source| frame_error(&self.path, source))?
            {
                return Ok(reply);
            }
            match stream.read(&mut buffer) {
                Ok(0) => {
                    return Err(CallError::Closed {
                        path: show(&self.path),
                    });
                }
                Ok(count) => decoder.push(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    return Err(CallError::TimedOut {
                        path: show(&self.path),
                        seconds: CALL_TIMEOUT_SECS,
                    });
                }
                Err(_) => {
                    return Err(CallError::Closed {
                        path: show(&self.path),
                    });
                }
            }
        }
    }
}
