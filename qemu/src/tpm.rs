//! The TPM of a box: swtpm, with what it keeps in a folder. The same folder is the same TPM.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use image::progress;

use crate::process::{Process, ProcessError, command};

/// How a TPM is attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interface {
    /// As firmware TPMs and newer chips are: a command buffer.
    Crb,
    /// As chips on a bus are: registers and a FIFO.
    Tis,
}

/// A TPM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tpm {
    /// Where it keeps its state.
    pub folder: PathBuf,
    /// How it is attached.
    pub interface: Interface,
}

/// Why it is not there.
#[derive(Debug, thiserror::Error)]
pub enum TpmError {
    /// The program.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Its folder or its socket.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Tpm {
    /// Whether there is a program to have TPMs by; says so when there is none.
    #[must_use]
    pub fn is_there() -> bool {
        let is_there = command(SWTPM).is_ok();
        if !is_there {
            progress::note(&format!(
                "not run: there is no {SWTPM} here (Debian package swtpm)"
            ));
        }
        is_there
    }

    /// Switches it on, for one start of QEMU, after whose end it ends by itself.
    pub(crate) fn start(&self) -> Result<Process, TpmError> {
        let error = |path: &Path| {
            let path = path.to_owned();
            |source| TpmError::File { path, source }
        };
        fs::create_dir_all(&self.folder).map_err(error(&self.folder))?;
        let socket = self.socket();
        if socket.exists() {
            fs::remove_file(&socket).map_err(error(&socket))?;
        }
        let mut swtpm = command(SWTPM)?;
        add_state(&mut swtpm, &self.folder);
        swtpm.args(["--ctrl", &format!("type=unixio,path={}", socket.display())]);
        swtpm.arg("--terminate");
        let process = Process::start(swtpm)?;
        wait_for(&socket).map_err(error(&socket))?;
        Ok(process)
    }

    /// Switches it on outside of a box, and connects to it: one command, one answer.
    ///
    /// # Errors
    /// The program is not there.
    pub fn connect(&self) -> Result<(Process, UnixStream), TpmError> {
        let socket = self.folder.join("commands");
        let mut swtpm = command(SWTPM)?;
        add_state(&mut swtpm, &self.folder);
        swtpm.args([
            "--server",
            &format!("type=unixio,path={}", socket.display()),
        ]);
        swtpm.args(["--flags", "not-need-init,startup-clear"]);
        let process = Process::start(swtpm)?;
        let connected = wait_for(&socket).and_then(|()| UnixStream::connect(&socket));
        let stream = connected.map_err(|source| TpmError::File {
            path: socket,
            source,
        })?;
        Ok((process, stream))
    }

    /// QEMU's part of it.
    pub(crate) fn add_to(&self, qemu: &mut Command) {
        let socket = self.socket().display().to_string().replace(',', ",,");
        qemu.args(["-chardev", &format!("socket,id=tpm,path={socket}")]);
        qemu.args(["-tpmdev", "emulator,id=tpm0,chardev=tpm"]);
        qemu.args([
            "-device",
            match self.interface {
                Interface::Crb => "tpm-crb,tpmdev=tpm0",
                Interface::Tis => "tpm-tis,tpmdev=tpm0",
            },
        ]);
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("control")
    }
}

fn add_state(swtpm: &mut Command, folder: &Path) {
    swtpm.args(["socket", "--tpm2"]);
    swtpm.args(["--tpmstate", &format!("dir={}", folder.display())]);
}

/// The program listens a moment after it was started, and says nothing then. It cannot be asked by
/// connecting: it ends with the first who does. Its socket is there before it listens.
fn wait_for(socket: &Path) -> std::io::Result<()> {
    let end = Instant::now() + SOCKET_MAX;
    while !is_listening(socket)? {
        if Instant::now() > end {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// Whether somebody accepts connections there. Source: proc_net(5), /proc/net/unix: the fourth word
/// has the flag `__SO_ACCEPTCON`, the last is the path.
fn is_listening(socket: &Path) -> std::io::Result<bool> {
    // Of this thread, which may be in a network namespace of its own.
    let sockets = fs::read_to_string("/proc/thread-self/net/unix")?;
    Ok(sockets.lines().any(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_it = words.last().is_some_and(|path| Path::new(path) == socket);
        is_it && words.get(3) == Some(&"00010000")
    }))
}

const SWTPM: &str = "swtpm";
const SOCKET_MAX: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_that_is_there_is_not_yet_one_that_listens() {
        let scratch = crate::leftovers::Scratch::new().expect("room");
        let path = scratch.path().join("socket");
        let is = || is_listening(&path).expect("told");
        assert!(!is());
        let listener = UnixListener::bind(&path).expect("bound");
        assert!(is());
        drop(listener);
        assert!(path.exists() && !is(), "what an earlier one has left");
    }
}
