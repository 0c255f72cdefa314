//! Other people's servers, to be measured beside ours or to be talked to.

mod asterisk;
mod kamailio;
mod packages;
mod rtpengine;

pub use asterisk::Asterisk;
pub use kamailio::Kamailio;
pub use rtpengine::{RtpEngine, Session};

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kernel::process::{Stop, stop, usage};

use crate::{NativeError, running};

/// Questions asked before a server counts as not starting, each with 100 ms to answer.
const PROBES_MAX: u32 = 300;

/// A server's processes; dropping it kills them all.
#[derive(Debug)]
struct Processes(Child);

impl Processes {
    /// Starts a server whose log is `NAME.log` in `folder`, and waits until it answers.
    fn start(
        command: &mut Command,
        name: &'static str,
        folder: &Path,
        answers: impl FnOnce() -> Result<bool, NativeError>,
    ) -> Result<Self, NativeError> {
        let log_path = folder.join(format!("{name}.log"));
        let write = || NativeError::io("write", &log_path);
        let log = File::create(&log_path).map_err(write())?;
        let errors = log.try_clone().map_err(write())?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let processes = Self(command.spawn().map_err(NativeError::io("run", name))?);
        if !answers()? {
            return Err(NativeError::NotReady {
                name,
                log: std::fs::read_to_string(&log_path).unwrap_or_default(),
            });
        }
        processes.note();
        Ok(processes)
    }

    /// Processor time so far, milliseconds.
    fn cpu_millis(&self) -> u64 {
        self.pids()
            .into_iter()
            .map(|pid| usage(pid).cpu_millis)
            .sum()
    }

    /// The main process, last, and its workers.
    fn pids(&self) -> Vec<u32> {
        let own = self.0.id();
        let workers = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        let workers = workers.unwrap_or_default();
        let workers = workers
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok());
        workers.chain([own]).collect()
    }

    /// Says that Ctrl-C has to end them too.
    fn note(&self) {
        running().extend(self.pids());
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // Not SIGTERM: they inherit our signal mask, which blocks that.
        let pids = self.pids();
        for pid in &pids {
            // Already gone is as good.
            let _ = stop(*pid, Stop::Kill);
        }
        let _ = self.0.wait();
        running().retain(|pid| !pids.contains(pid));
    }
}

/// Asks with `question` until something comes back; the question is given its own address.
fn wait_until_answered(
    server: SocketAddr,
    question: impl Fn(SocketAddr) -> Vec<u8>,
) -> Result<bool, NativeError> {
    let probe = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let question = question(socket.local_addr()?);
        for _ in 0..PROBES_MAX {
            // Refused while it does not listen yet.
            let _ = socket.send(&question);
            if socket.recv(&mut [0; 2048]).is_ok() {
                return Ok(true);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(false)
    };
    probe().map_err(NativeError::io("ask", "a peer"))
}

/// OPTIONS, which every SIP server answers somehow.
fn options(server: SocketAddr) -> impl Fn(SocketAddr) -> Vec<u8> {
    move |local| {
        format!(
            "OPTIONS sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKprobe\r\n\
             Max-Forwards: 70\r\nFrom: <sip:probe@{local}>;tag=1\r\nTo: <sip:{server}>\r\n\
             Call-ID: probe@{local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }
}
