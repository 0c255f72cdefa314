//! The TPM of the box, reached by a process that may hang in its place.
//!
//! A command to a TPM waits in the kernel until it is answered, up to five minutes by Linux'
//! limits, and nothing ends it sooner: not a signal, and not the end of a thread. The first process
//! must not wait like that, as the watchdogs would start the box anew, again and again, because its
//! TPM is broken. So a process of its own has the device open and passes commands and answers on.
//! It sees no secret: those are encrypted between whoever asks and the TPM.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use firmware::{FirmwareError, Need, TPM_ANSWER_MAX, Tpm, is_tpm_announced};
use kernel::clock;
use kernel::poller::{Interest, Poller};
use kernel::process::{self, Stop};

/// The other end of the process.
pub(crate) struct Relay<'a> {
    child: Child,
    commands: ChildStdin,
    answers: ChildStdout,
    poller: Poller,
    /// By the time since the kernel started.
    end: Duration,
    waiting: &'a dyn Fn(),
}

/// Looks for the TPM, and waits for it where there is one to wait for: some need seconds to test
/// themselves. `waiting` is called again and again meanwhile, and while it is asked something.
///
/// # Errors
/// The process cannot be started.
pub(crate) fn find(
    need: Need,
    waiting: &dyn Fn(),
) -> Result<Option<Tpm<Relay<'_>>>, FirmwareError> {
    let patience = match need {
        Need::Must => APPEAR_MAX,
        Need::May if is_tpm_announced() => APPEAR_MAX,
        Need::May => Duration::ZERO,
    };
    let start = clock::since_boot();
    while !Path::new(DEVICE).exists() {
        if clock::since_boot().saturating_sub(start) >= patience {
            return Ok(None);
        }
        waiting();
        std::thread::sleep(APPEAR_POLL);
    }
    let mut program = Command::new(OWN_PROGRAM);
    program.env_clear().env(TASK, TASK_TPM);
    let relay = Relay::start(&mut program, ANSWERS_MAX, waiting);
    Ok(Some(Tpm::of(relay.map_err(FirmwareError::TpmDevice)?)))
}

/// The life of the process: it was started with a task by [`find`], else this returns at once.
pub(crate) fn serve_when_asked() {
    if std::env::var(TASK).is_ok_and(|task| task == TASK_TPM) {
        // Whoever asked finds that there is no answer.
        let _ = serve();
    }
}

fn serve() -> io::Result<()> {
    let standard = |stream: &dyn AsFd| {
        let stream = stream.as_fd().try_clone_to_owned();
        stream.map(File::from)
    };
    let mut device = OpenOptions::new().read(true).write(true).open(DEVICE)?;
    let (mut commands, mut answers) = (standard(&io::stdin())?, standard(&io::stdout())?);
    loop {
        let command = read_command(&mut commands)?;
        device.write_all(&command)?;
        let mut answer = vec![0; TPM_ANSWER_MAX];
        let length = device.read(&mut answer)?;
        // In one piece: no longer than what a pipe takes at once.
        answers.write_all(answer.get(..length).unwrap_or_default())?;
    }
}

/// A command says its length, in the bytes 2 to 5.
fn read_command(commands: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut command = vec![0; COMMAND_HEAD];
    commands.read_exact(&mut command)?;
    let length = command.get(2..6).and_then(|it| it.first_chunk());
    let length = length.map_or(0, |it| u32::from_be_bytes(*it));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(COMMAND_HEAD..=TPM_ANSWER_MAX).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    command.resize(length, 0);
    commands.read_exact(command.get_mut(COMMAND_HEAD..).unwrap_or_default())?;
    Ok(command)
}

impl<'a> Relay<'a> {
    fn start(program: &mut Command, limit: Duration, waiting: &'a dyn Fn()) -> io::Result<Self> {
        let piped = program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.stderr(Stdio::null()).spawn()?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let set = || {
            let poller = Poller::new()?;
            poller.add(&answers, 0, Interest::Read).map(|()| poller)
        };
        let poller = set().map_err(|error| error.source)?;
        Ok(Self {
            child,
            commands,
            answers,
            poller,
            end: clock::since_boot().saturating_add(limit),
            waiting,
        })
    }
}

impl Write for Relay<'_> {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        self.commands.write(command)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.commands.flush()
    }
}

impl Read for Relay<'_> {
    fn read(&mut self, answer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.end.saturating_sub(clock::since_boot());
            let ready = self.poller.wait(Some(left.min(WAIT)));
            if !ready.map_err(|error| error.source)?.is_empty() {
                return match self.answers.read(answer)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    length => Ok(length),
                };
            }
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            (self.waiting)();
        }
    }
}

impl Drop for Relay<'_> {
    /// One that hangs in the kernel is not waited for: it ends when the kernel lets it.
    fn drop(&mut self) {
        let _ = process::stop(self.child.id(), Stop::Kill);
        let _ = self.child.try_wait();
    }
}

/// With the kernel's resource manager, which forgets what was loaded when it is closed. It is there
/// for TPM 2.0 only.
const DEVICE: &str = "/dev/tpmrm0";
const OWN_PROGRAM: &str = "/proc/self/exe";

/// What a process of this program that is not the first one is for.
const TASK: &str = "RAMAL_INIT_TASK";
const TASK_TPM: &str = "tpm";

/// Bytes of a command's head: tag, length, code.
const COMMAND_HEAD: usize = 10;

/// How long a TPM may take until it is there, and how often to look.
const APPEAR_MAX: Duration = Duration::from_secs(20);
const APPEAR_POLL: Duration = Duration::from_millis(10);

/// How long the eight answers may take that sealing and the proof of it need: the slowest chips
/// need some seconds for each of the three that make or load a key.
const ANSWERS_MAX: Duration = Duration::from_secs(60);
/// Between two calls of whoever waits.
const WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tpm_that_hangs_is_not_waited_for() {
        let mut hangs = Command::new("tail");
        let calls = std::cell::Cell::new(0);
        let count = || calls.set(calls.get() + 1);
        let program = hangs.args(["-f", "/dev/null"]);
        let mut relay = Relay::start(program, Duration::ZERO, &count).expect("started");
        let read = relay.read(&mut [0; 16]).map_err(|it| it.kind());
        assert_eq!(read, Err(io::ErrorKind::TimedOut));
        assert_eq!(calls.get(), 0, "no time was left");
    }

    #[test]
    fn an_answer_comes_as_one_and_an_end_is_an_error() {
        let mut echo = Command::new("cat");
        let mut relay = Relay::start(&mut echo, ANSWERS_MAX, &|| ()).expect("started");
        relay.write_all(&[7; 4096]).expect("sent");
        let mut answer = [0; 4096];
        let mut length = 0;
        while length < answer.len() {
            length += relay.read(&mut answer[length..]).expect("answered");
        }
        assert_eq!(answer, [7; 4096]);
        let mut ends = Command::new("true");
        let mut relay = Relay::start(&mut ends, ANSWERS_MAX, &|| ()).expect("started");
        let read = relay.read(&mut answer).map_err(|it| it.kind());
        assert_eq!(read, Err(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn a_command_is_as_long_as_it_says() {
        let command = b"\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0more";
        let mut left = &command[..];
        assert_eq!(read_command(&mut left).expect("read"), command[..12]);
        assert_eq!(left, b"more");
        for bad in [&b"\x80\x01\0\0\0\x09\0\0\x01\x44"[..], &[0xff; 12], b"\x80"] {
            assert!(read_command(&mut &bad[..]).is_err(), "{bad:?}");
        }
    }
}
