//! Programs of the host: where they are, and running them with errors that name them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Why a program of the host did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended with a failure.
    #[error("{program} failed ({status}): {message}")]
    Failed {
        /// The program and its arguments.
        program: String,
        /// Its exit status.
        status: String,
        /// The end of what it wrote on standard error.
        message: String,
    },
    /// It is not installed.
    #[error("{0} is not installed")]
    Missing(String),
}

/// Where a program is: in `PATH`, or in the system folders that `PATH` lacks for ordinary users.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];
    std::env::split_paths(&path)
        .chain(system.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Whether we are root of the machine, not only of a user namespace (the lab makes one): only the
/// first maps every user id. Source: user_namespaces(7).
pub(crate) fn is_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    nix::unistd::geteuid().is_root() && map.split_whitespace().last() == Some("4294967295")
}

/// A command for a program that must be there.
pub(crate) fn command(name: &str) -> Result<Command, HostError> {
    program(name)
        .map(Command::new)
        .ok_or_else(|| HostError::Missing(name.to_owned()))
}

/// Runs to the end and gives what it wrote on standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, HostError> {
    command.stdin(Stdio::null());
    let output = command
        .output()
        .map_err(|source| start_error(command, source))?;
    check(command, &output)?;
    Ok(output.stdout)
}

/// Runs to the end with the terminal's standard error, for programs that show their own progress.
pub(crate) fn run_visibly(command: &mut Command) -> Result<(), HostError> {
    command.stdin(Stdio::null());
    let status = command
        .status()
        .map_err(|source| start_error(command, source))?;
    if status.success() {
        return Ok(());
    }
    Err(HostError::Failed {
        program: describe(command),
        status: status.to_string(),
        message: "see above".to_owned(),
    })
}

/// Runs with `input` as standard input; for decompressors.
pub(crate) fn filter(command: &mut Command, input: &Path) -> Result<Vec<u8>, HostError> {
    let file = std::fs::File::open(input).map_err(|source| start_error(command, source))?;
    command.stdin(file);
    let output = command
        .output()
        .map_err(|source| start_error(command, source))?;
    check(command, &output)?;
    Ok(output.stdout)
}

fn start_error(command: &Command, source: std::io::Error) -> HostError {
    HostError::Start {
        program: describe(command),
        source,
    }
}

fn check(command: &Command, output: &Output) -> Result<(), HostError> {
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let mut last: Vec<&str> = text.lines().rev().take(ERROR_LINES_MAX).collect();
    last.reverse();
    Err(HostError::Failed {
        program: describe(command),
        status: output.status.to_string(),
        message: last.join("; "),
    })
}

fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program()];
    words.extend(command.get_args());
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

/// How much of a program's complaint is repeated: its last lines hold the reason.
const ERROR_LINES_MAX: usize = 5;
