//! Network namespaces without names: each is held by one thread and gone with it.
//!
//! Nothing is mounted and nothing is listed under `/run/netns`, so a lab that is killed leaves no
//! namespace behind. Whatever has to happen inside runs on the holding thread; sockets made there
//! stay in the namespace wherever they are used later.

use std::fs::File;
use std::io;
use std::process::Command;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use nix::sched::{CloneFlags, unshare};

use crate::leftovers;
use crate::process::{Process, ProcessError};

/// Why a namespace could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// The kernel does not let us make one.
    #[error(
        "cannot make a network namespace ({0}); run as root, or allow user namespaces with \
         `sysctl kernel.unprivileged_userns_clone=1`"
    )]
    NotAllowed(nix::Error),
    /// The thread that holds it could not be started or is gone.
    #[error("the thread holding the network namespace {0} is gone")]
    Gone(String),
    /// A file or device of the system could not be used.
    #[error("network namespace {name}: {source}")]
    System {
        /// The namespace.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A program run inside failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

type Job = Box<dyn FnOnce() + Send>;

/// A network namespace and the thread that holds it.
pub struct Namespace {
    name: String,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    handle: File,
}

impl Namespace {
    /// A new, empty namespace with its loopback interface up. The name is for messages only.
    ///
    /// # Errors
    /// The kernel does not allow it, or `ip` is missing.
    pub fn new(name: &str) -> Result<Self, NetnsError> {
        let (jobs, inbox) = sync_channel::<Job>(JOBS_WAITING_MAX);
        let (report, made) = sync_channel(1);
        let start = std::thread::Builder::new().name(format!("netns {name}"));
        let thread = start.spawn(move || {
            let entered = enter_new();
            let ready = entered.is_ok();
            if report.send(entered).is_ok() && ready {
                work(&inbox);
            }
        });
        let system = |source| NetnsError::System {
            name: name.to_owned(),
            source,
        };
        let thread = thread.map_err(system)?;
        let handle = made
            .recv()
            .map_err(|_| NetnsError::Gone(name.to_owned()))??;
        let namespace = Self {
            name: name.to_owned(),
            jobs: Some(jobs),
            thread: Some(thread),
            handle,
        };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Runs something inside and waits for its answer.
    ///
    /// # Errors
    /// [`NetnsError::Gone`] when an earlier job panicked.
    pub fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NetnsError> {
        let gone = || NetnsError::Gone(self.name.clone());
        let (report, answer) = sync_channel(1);
        let job: Job = Box::new(move || {
            // Nobody waits for the answer any more only when the caller panicked.
            let _unheard = report.send(job());
        });
        self.jobs
            .as_ref()
            .ok_or_else(gone)?
            .send(job)
            .map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())
    }

    /// Starts a program inside. It is killed with the returned [`Process`], and by the kernel when
    /// this namespace's thread ends.
    ///
    /// # Errors
    /// The program could not be started.
    pub fn spawn(&self, command: Command) -> Result<Process, NetnsError> {
        Ok(self.run(move || Process::start(command))??)
    }

    /// Runs iproute2's `ip` inside.
    ///
    /// # Errors
    /// What `ip` complains about.
    pub fn ip(&self, arguments: &[&str]) -> Result<(), NetnsError> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        Ok(self.run(move || crate::process::run("ip", &arguments))??)
    }

    /// A path that names this namespace to `ip link ... netns <path>`, while `self` lives.
    pub fn path(&self) -> String {
        use std::os::fd::AsRawFd;
        format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.handle.as_raw_fd()
        )
    }

    /// Writes a kernel setting inside, such as `net/ipv4/conf/all/arp_ignore`.
    ///
    /// # Errors
    /// The setting does not exist here.
    pub fn sysctl(&self, setting: &str, value: &str) -> Result<(), NetnsError> {
        // /proc/sys/net shows the namespace of the thread that opens it.
        let path = format!("/proc/sys/{setting}");
        let value = value.to_owned();
        let system = |source| NetnsError::System {
            name: self.name.clone(),
            source,
        };
        self.run(move || std::fs::write(path, value))?
            .map_err(system)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported to whoever waited for its answer.
            let _reported = thread.join();
        }
    }
}

fn enter_new() -> Result<File, NetnsError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(NetnsError::NotAllowed)?;
    let system = |source| NetnsError::System {
        name: "new".to_owned(),
        source,
    };
    let inode = std::fs::read_link(THIS_NAMESPACE).map_err(system)?;
    leftovers::namespace_made(inode.to_string_lossy().into_owned());
    File::open(THIS_NAMESPACE).map_err(system)
}

fn work(inbox: &Receiver<Job>) {
    while let Ok(job) = inbox.recv() {
        job();
    }
}

const THIS_NAMESPACE: &str = "/proc/thread-self/ns/net";

/// One caller waits for each job, so more than a few can only be a mistake.
const JOBS_WAITING_MAX: usize = 16;
