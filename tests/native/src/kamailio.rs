//! Kamailio: beside ours, or at the far end of a trunk.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kernel::process::{Stop, stop, usage};

use crate::{NativeError, PASSWORD, running};

/// Questions asked before Kamailio counts as not starting, each with 100 ms to answer.
const PROBES_MAX: u32 = 100;

/// A running Kamailio; dropping it kills all its processes.
#[derive(Debug)]
pub struct Kamailio {
    child: Child,
    /// Where it serves SIP.
    pub sip: SocketAddr,
    /// As it says itself.
    pub version: String,
}

impl Kamailio {
    /// Starts it on this address with its files in `folder`; `ADDRESS` and `PASSWORD` in the
    /// configuration are filled in.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(
        folder: &Path,
        configuration: &Path,
        sip: SocketAddr,
    ) -> Result<Self, NativeError> {
        let missing = |source| NativeError::Missing {
            program: "kamailio",
            package: "kamailio",
            source,
        };
        let shown = Command::new("kamailio")
            .arg("-v")
            .output()
            .map_err(missing)?;
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let version = shown.split_whitespace().nth(2).unwrap_or("?").to_owned();
        let text = std::fs::read_to_string(configuration)
            .map_err(NativeError::io("read", configuration))?;
        let text = text
            .replace("ADDRESS", &sip.to_string())
            .replace("PASSWORD", PASSWORD);
        let path = folder.join("kamailio.cfg");
        std::fs::write(&path, text).map_err(NativeError::io("write", &path))?;
        let log_path = folder.join("kamailio.log");
        let log = File::create(&log_path).map_err(NativeError::io("write", &log_path))?;
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
            .arg(&path)
            .arg("-Y")
            .arg(folder)
            .arg("-w")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(missing)?;
        let kamailio = Self {
            child,
            sip,
            version,
        };
        kamailio.wait_until_ready(&log_path)?;
        running().extend(kamailio.processes());
        Ok(kamailio)
    }

    fn wait_until_ready(&self, log: &Path) -> Result<(), NativeError> {
        let probe = || -> std::io::Result<bool> {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(self.sip)?;
            socket.set_read_timeout(Some(Duration::from_millis(100)))?;
            let local = socket.local_addr()?;
            let question = format!(
                "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKprobe\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:probe@{local}>;tag=1\r\nTo: <sip:{to}>\r\n\
                 Call-ID: probe@{local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
                to = self.sip
            );
            for _ in 0..PROBES_MAX {
                // Refused while it does not listen yet.
                let _ = socket.send(question.as_bytes());
                if socket.recv(&mut [0; 2048]).is_ok() {
                    return Ok(true);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(false)
        };
        if probe().map_err(NativeError::io("ask", "Kamailio"))? {
            return Ok(());
        }
        let log = std::fs::read_to_string(log).unwrap_or_default();
        Err(NativeError::NotReady {
            name: "kamailio",
            log,
        })
    }

    /// Processor time of all its processes so far, milliseconds.
    #[must_use]
    pub fn cpu_millis(&self) -> u64 {
        self.processes()
            .into_iter()
            .map(|pid| usage(pid).cpu_millis)
            .sum()
    }

    /// Its main process, last, and the workers.
    fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let workers = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        let workers = workers.unwrap_or_default();
        let workers = workers
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok());
        workers.chain([own]).collect()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Not SIGTERM: it inherits our signal mask, which blocks that.
        let processes = self.processes();
        for pid in &processes {
            // Already gone is as good.
            let _ = stop(*pid, Stop::Kill);
        }
        let _ = self.child.wait();
        running().retain(|pid| !processes.contains(pid));
    }
}
