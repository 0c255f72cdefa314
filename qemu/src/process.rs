//! Child processes that cannot outlive the lab: killed and reaped when dropped, killed by the
//! kernel when the thread that started them ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not installed.
    #[error("{0} is not installed")]
    Missing(String),
    /// It could not be started or waited for.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("{program} failed: {message}")]
    Failed {
        /// The program and its arguments.
        program: String,
        /// What it wrote on standard error.
        message: String,
    },
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program made by [`command`], in a process group of its own, so that a Ctrl-C on the
    /// terminal reaches the lab only.
    ///
    /// # Errors
    /// The program could not be started.
    pub fn start(mut command: Command) -> Result<Self, ProcessError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let error = |source| ProcessError::Start { program, source };
        command.process_group(0);
        let child = command.spawn().map_err(error)?;
        Ok(Self { child })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The kernel does not know it any more.
    pub fn wait(&mut self) -> Result<ExitStatus, ProcessError> {
        let program = format!("process {}", self.child.id());
        self.child
            .wait()
            .map_err(|source| ProcessError::Start { program, source })
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended and was reaped already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A command for a program of the host, to be started with [`Process::start`]. The kernel kills it
/// when the thread that starts it ends: `setpriv` asks for that, so we need no unsafe code for it.
/// Its standard streams are closed unless set.
///
/// # Errors
/// [`ProcessError::Missing`]
pub fn command(program: &str) -> Result<Command, ProcessError> {
    let find =
        |name: &str| image::program(name).ok_or_else(|| ProcessError::Missing(name.to_owned()));
    let mut command = Command::new(find("setpriv")?);
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(find(program)?);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}

/// Runs a program of the host to its end.
///
/// # Errors
/// It failed; the message is what it wrote on standard error.
pub fn run(program: &str, arguments: &[String]) -> Result<(), ProcessError> {
    let mut command = command(program)?;
    command.args(arguments).stderr(Stdio::piped());
    let named = format!("{program} {}", arguments.join(" "));
    let output = command.output().map_err(|source| ProcessError::Start {
        program: named.clone(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ProcessError::Failed {
        program: named,
        message,
    })
}
