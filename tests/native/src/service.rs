//! One service of the box, started natively the way PID 1 does it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use kernel::process::{Stop, stop, usage};
use kernel::spawn::{Program, spawn};

use crate::NativeError;

/// How long a service may take to say that it serves.
const READY_MAX: Duration = Duration::from_secs(20);

/// A running service; dropping it kills it.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    pid: u32,
}

/// Where the services of one run live.
#[derive(Clone, Debug)]
pub struct Home {
    /// The program `ramal`.
    pub ramal: PathBuf,
    /// A fresh directory for sockets, data and logs.
    pub folder: PathBuf,
}

impl Service {
    /// Starts `ramal NAME` with these sockets, and waits until it serves.
    ///
    /// # Errors
    /// It does not start, or does not say in time that it serves.
    pub fn start(
        home: &Home,
        name: &'static str,
        arguments: &[&str],
        sockets: &[(&str, OwnedFd)],
    ) -> Result<Self, NativeError> {
        let log_path = home.folder.join(format!("{name}.log"));
        let log = File::create(&log_path).map_err(NativeError::io("write", &log_path))?;
        let (reader, writer) = std::io::pipe().map_err(NativeError::io("make", "a pipe"))?;
        let mut descriptors: Vec<BorrowedFd<'_>> =
            sockets.iter().map(|(_, socket)| socket.as_fd()).collect();
        descriptors.push(writer.as_fd());
        let names: Vec<&str> = sockets.iter().map(|(name, _)| *name).collect();
        let environment = [
            format!("LISTEN_FDS={}", sockets.len()),
            format!("LISTEN_FDNAMES={}", names.join(":")),
            format!("NOTIFY_FD={}", 3 + sockets.len()),
            format!("RAMAL_RUN={}", home.folder.display()),
            format!(
                "RAMAL_LOG={}",
                std::env::var("RAMAL_LOG").unwrap_or_else(|_| "info".into())
            ),
            // As PID 1 does it: huge pages would quadruple what an idle service holds.
            "MIMALLOC_ALLOW_THP=0".to_owned(),
        ];
        let path = home.ramal.to_string_lossy();
        let arguments = [&["ramal", name], arguments].concat();
        let pid = spawn(&Program {
            path: &path,
            arguments: &arguments,
            environment: &environment,
            output: log.as_fd(),
            descriptors: &descriptors,
            opened: None,
            identity: None,
            group: None,
            limits: None,
            fence: None,
        })?;
        running().push(pid);
        let service = Self { name, pid };
        drop(writer);
        service.wait_until_ready(reader, &log_path)?;
        Ok(service)
    }

    fn wait_until_ready(&self, reader: std::io::PipeReader, log: &Path) -> Result<(), NativeError> {
        let (sender, ready) = mpsc::channel();
        // Reads on for as long as the service lives, so that its watchdog lines have a taker.
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                if line == "READY=1" {
                    // The bench may have given up by now.
                    let _ = sender.send(());
                }
            }
        });
        ready
            .recv_timeout(READY_MAX)
            .map_err(|_| NativeError::NotReady {
                name: self.name,
                log: std::fs::read_to_string(log).unwrap_or_default(),
            })
    }

    /// Processor time so far, milliseconds, in steps of 10.
    pub fn cpu_millis(&self) -> u64 {
        usage(self.pid).cpu_millis
    }

    /// Resident memory, KiB.
    pub fn resident_kib(&self) -> u64 {
        usage(self.pid).resident_kib
    }

    /// Open descriptors.
    pub fn descriptors(&self) -> usize {
        self.links().len()
    }

    /// Open UDP sockets.
    pub fn udp_sockets(&self) -> usize {
        let tables = ["udp", "udp6"].map(|name| {
            let path = format!("/proc/{}/net/{name}", self.pid);
            std::fs::read_to_string(path).unwrap_or_default()
        });
        // proc(5): the tenth column is the inode.
        let inodes = tables.iter().flat_map(|table| table.lines().skip(1));
        let inodes = inodes.filter_map(|line| line.split_whitespace().nth(9));
        let known: BTreeSet<String> = inodes.map(|inode| format!("socket:[{inode}]")).collect();
        let links = self.links();
        links.iter().filter(|link| known.contains(*link)).count()
    }

    /// What its descriptors lead to; none when it is gone.
    fn links(&self) -> Vec<String> {
        let entries = std::fs::read_dir(format!("/proc/{}/fd", self.pid));
        let entries = entries.into_iter().flatten().flatten();
        let links = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links.map(|link| link.display().to_string()).collect()
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&self) {
        // Already gone is as good.
        let _ = stop(self.pid, Stop::Kill);
        running().retain(|pid| *pid != self.pid);
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ends every service at once: the bench was interrupted.
pub fn end_all() {
    for pid in running().drain(..) {
        // Already gone is as good. Not SIGTERM: what SIPp and Kamailio inherit from us blocks it.
        let _ = stop(pid, Stop::Kill);
    }
}

/// What is to be ended with the bench. Services have sessions of their own, so no Ctrl-C reaches
/// them; whatever else is started in the background notes itself here too.
pub fn running() -> MutexGuard<'static, Vec<u32>> {
    static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
