//! A real SIP phone: Debian's baresip 1.0.0 without a sound card, driven over its control
//! connection.
//!
//! It plays a pure tone to whoever it talks to and records what it hears.
//! What this module must never do: put a password into a file, an argument, the environment or a
//! message (it goes to the phone over a loopback connection only); sleep (it waits for events).
//! Read first: [`Phone::start`], then the `wait_` functions.
//!
//! ```text
//! caller:  start -> wait_registered -> dial -> wait_ringing -> wait_established --+
//! callee:  start -> wait_registered -> wait_incoming -> accept -> wait_established +
//!          -> wait_sound, send_digits, wait_digits -> hang_up -> wait_closed -> heard -> quit
//! ```

mod account;
mod board;
mod control;
mod error;
mod event;
mod files;

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use self::account::{Codec, Encryption, PhoneConfig, Transport};
use self::account::{account, host};
use self::board::{Board, State};
pub use self::error::PhoneError;
pub use self::event::Event;
use crate::process::{self, Process};
use crate::sound::Wav;

/// A running phone. Dropping it kills it; [`Phone::quit`] lets it unregister first.
pub struct Phone {
    config: PhoneConfig,
    process: Option<Process>,
    control: TcpStream,
    board: Arc<Board>,
    readers: Vec<JoinHandle<()>>,
    commands: AtomicU64,
    recordings: AtomicU64,
}

impl Phone {
    /// Starts baresip in the network namespace of the calling thread, which must outlive the phone
    /// (the kernel kills baresip when that thread ends), and begins to register.
    /// Afterwards the phone may be used from any thread.
    ///
    /// # Errors
    /// baresip is missing, or does not come up within ten seconds.
    pub fn start(config: PhoneConfig) -> Result<Self, PhoneError> {
        let system = |doing| {
            let extension = config.extension.clone();
            move |source| PhoneError::System {
                extension,
                doing,
                source,
            }
        };
        let account = account(&config)?;
        let address = control_address().map_err(system("choosing a port on loopback"))?;
        files::write(&config, address)?;
        let (output, theirs) = io::pipe().map_err(system("making a pipe"))?;
        let error_output = theirs.try_clone().map_err(system("making a pipe"))?;
        let family = if config.local.is_ipv4() { "-4" } else { "-6" };
        let mut command = process::command("baresip")?;
        command
            .args([family, "-f", "."])
            .current_dir(&config.folder);
        command.stdout(theirs).stderr(error_output);
        let process = Process::start(command)?;

        let board = Arc::new(Board::default());
        let path = config.folder.join("baresip.log");
        let log = File::create(&path).map_err(|source| PhoneError::File { path, source })?;
        let (name, writer) = (&config.extension, Arc::clone(&board));
        let log_reader = reader(name, move || keep_log(output, log, &writer));
        let mut readers = vec![log_reader.map_err(system("starting a thread"))?];
        ready(&config.extension, &board)?;

        let control = TcpStream::connect(address).map_err(system("connecting to baresip"))?;
        let stream = control
            .try_clone()
            .map_err(system("connecting to baresip"))?;
        let writer = Arc::clone(&board);
        let control_reader = reader(name, move || control::read_all(stream, &writer));
        readers.push(control_reader.map_err(system("starting a thread"))?);
        let (process, commands, recordings) = (Some(process), AtomicU64::new(0), AtomicU64::new(0));
        let phone = Self {
            config,
            process,
            control,
            board,
            readers,
            commands,
            recordings,
        };
        phone.command("uanew", Some(&account))?;
        Ok(phone)
    }

    /// What it was told at the start.
    pub fn config(&self) -> &PhoneConfig {
        &self.config
    }

    /// Waits until the registrar has accepted this phone. `Function not implemented` as the reason
    /// means that it was offered another digest than MD5: this baresip then gives up.
    ///
    /// # Errors
    /// [`PhoneError::NotRegistered`] with the registrar's words, or nothing happened in time.
    pub fn wait_registered(&self, limit: Duration) -> Result<(), PhoneError> {
        let outcome = self.wait("registration", limit, |state| {
            state.take(|event| match event {
                Event::Registered => Some(Ok(())),
                Event::RegisterFailed { reason } => Some(Err(reason.clone())),
                _other => None,
            })
        })?;
        let extension = self.config.extension.clone();
        outcome.map_err(|reason| PhoneError::NotRegistered { extension, reason })
    }

    /// Forgets the account and adds it again, so that it registers at once: the box was restarted.
    ///
    /// # Errors
    /// baresip refused.
    pub fn register_again(&self) -> Result<(), PhoneError> {
        self.board.change(|state| {
            state
                .events
                .retain(|event| !matches!(event, Event::Registered | Event::RegisterFailed { .. }));
        });
        let aor = format!(
            "sip:{}@{}",
            self.config.extension,
            host(self.config.registrar)
        );
        self.command("uadel", Some(&aor))?;
        self.command("uanew", Some(&account(&self.config)?))?;
        Ok(())
    }

    /// Calls a number at the registrar, or a whole address (`sip:101@192.0.2.1`).
    ///
    /// # Errors
    /// baresip refused.
    pub fn dial(&self, target: &str) -> Result<(), PhoneError> {
        let whole = match target.contains('@') {
            true => target.to_owned(),
            false => format!("sip:{target}@{}", host(self.config.registrar)),
        };
        let parameter = match self.config.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        };
        self.forget_call();
        self.command("dial", Some(&format!("{whole}{parameter}")))
            .map(drop)
    }

    /// Answers the call that rings.
    ///
    /// # Errors
    /// baresip refused.
    pub fn accept(&self) -> Result<(), PhoneError> {
        self.command("accept", None).map(drop)
    }

    /// Ends the call: BYE, CANCEL or a refusal, whichever fits.
    ///
    /// # Errors
    /// baresip refused.
    pub fn hang_up(&self) -> Result<(), PhoneError> {
        self.command("hangup", None).map(drop)
    }

    /// Holds the call: a re-INVITE with `sendonly` (RFC 3264 §8.4).
    ///
    /// # Errors
    /// baresip refused.
    pub fn hold(&self) -> Result<(), PhoneError> {
        self.command("hold", None).map(drop)
    }

    /// Takes the held call back.
    ///
    /// # Errors
    /// baresip refused.
    pub fn resume(&self) -> Result<(), PhoneError> {
        self.command("resume", None).map(drop)
    }

    /// Sends digits as telephone events, one after the other, 180 ms each (RFC 4733).
    ///
    /// # Errors
    /// baresip refused: one is no digit. Without a call it takes them and sends nothing.
    pub fn send_digits(&self, digits: &str) -> Result<(), PhoneError> {
        self.command("sndcode", Some(digits)).map(drop)
    }

    /// Waits until somebody calls, and gives the URI of the caller.
    ///
    /// # Errors
    /// It did not happen in time.
    pub fn wait_incoming(&self, limit: Duration) -> Result<String, PhoneError> {
        self.wait("incoming call", limit, |state| {
            state.take(|event| match event {
                Event::Incoming { from } => Some(from.clone()),
                _other => None,
            })
        })
    }

    /// Waits until the phone that was called rings.
    ///
    /// # Errors
    /// The call was refused, or nothing happened in time.
    pub fn wait_ringing(&self, limit: Duration) -> Result<(), PhoneError> {
        self.wait_in_call("ringing", limit, |state| {
            state.take(|event| matches!(event, Event::Ringing).then_some(()))
        })
    }

    /// Waits until the call is answered, and gives the URI of the other side.
    ///
    /// # Errors
    /// The call was refused, or nothing happened in time.
    pub fn wait_established(&self, limit: Duration) -> Result<String, PhoneError> {
        self.wait_in_call("answer to the call", limit, |state| {
            state.take(|event| match event {
                Event::Established { peer } => Some(peer.clone()),
                _other => None,
            })
        })
    }

    /// Waits until the call has ended, and gives the reason: `404 Not Found`, or
    /// `Connection reset by peer` for a BYE.
    ///
    /// # Errors
    /// It did not happen in time.
    pub fn wait_closed(&self, limit: Duration) -> Result<String, PhoneError> {
        self.wait("end of the call", limit, |state| {
            state.take(|event| match event {
                Event::Closed { reason } => Some(reason.clone()),
                _other => None,
            })
        })
    }

    /// Waits until this much sound of the call has arrived, whatever it contains.
    ///
    /// # Errors
    /// The call ended, or not so much arrived in time.
    pub fn wait_sound(&self, length: Duration, limit: Duration) -> Result<(), PhoneError> {
        let (until, wanted) = (Instant::now() + limit, files::recorded_bytes(length));
        let mut reports = 0;
        loop {
            if self.recorded_so_far()? >= wanted {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            reports = self.wait_in_call("sound", left, |state| {
                (state.sound_reports > reports).then_some(state.sound_reports)
            })?;
        }
    }

    /// How much sound of the call has arrived so far, whatever it contains: a place in what
    /// [`Self::heard`] gives later. Nothing while there is no call.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn recorded(&self) -> Result<Duration, PhoneError> {
        Ok(files::recorded_length(self.recorded_so_far()?))
    }

    /// Waits until these digits, and no others, have arrived in this call.
    ///
    /// # Errors
    /// Other digits arrived, or too few in time.
    pub fn wait_digits(&self, expected: &str, limit: Duration) -> Result<(), PhoneError> {
        let received = self.wait_in_call("digits", limit, |state| {
            let enough = state.digits.len() >= expected.len();
            enough.then(|| state.digits.clone())
        })?;
        if received == expected {
            return Ok(());
        }
        let (extension, expected) = (self.config.extension.clone(), expected.to_owned());
        Err(PhoneError::WrongDigits {
            extension,
            received,
            expected,
        })
    }

    /// The digits that arrived in this call so far, or in the last one.
    pub fn digits(&self) -> String {
        self.board.look(|state| state.digits.clone())
    }

    /// What it heard in the last call, which must have ended. The recording is kept beside the log
    /// as `heard-1.wav`, `heard-2.wav` and so on.
    ///
    /// # Errors
    /// There was no call, or the recording is damaged.
    pub fn heard(&self) -> Result<Wav, PhoneError> {
        // baresip reports the end of a call before it closes the recording. It does one thing at a
        // time, so the answer to any later command comes after both.
        self.command("listcalls", None)?;
        let folder = &self.config.folder;
        let none = || PhoneError::NoRecording(self.config.extension.clone());
        let newest = files::newest_heard(folder)?.ok_or_else(none)?;
        let number = self.recordings.fetch_add(1, Ordering::Relaxed) + 1;
        let kept = folder.join(format!("heard-{number}.wav"));
        let file = |path: &PathBuf| {
            let path = path.clone();
            |source| PhoneError::File { path, source }
        };
        fs::rename(&newest, &kept).map_err(file(&newest))?;
        for dump in files::dumps(folder)? {
            fs::remove_file(&dump).map_err(file(&dump))?;
        }
        Ok(Wav::read(&kept)?)
    }

    /// Unregisters and ends. baresip is killed when that takes longer than five seconds.
    ///
    /// # Errors
    /// baresip refused.
    pub fn quit(self) -> Result<(), PhoneError> {
        match self.command("quit", None) {
            // It can be gone before its answer is read.
            Ok(_) | Err(PhoneError::Ended { .. }) => {}
            Err(error) => return Err(error),
        }
        // Killed when this is over without an end: the drop that follows sees to it.
        let _in_time = self
            .board
            .wait(Instant::now() + QUIT_MAX, |state| state.ended.then_some(()));
        Ok(())
    }

    /// Sends a command and waits for its answer. The parameters and the answer never get into an
    /// error: those of `uanew` have the password.
    fn command(
        &self,
        command: &'static str,
        parameters: Option<&str>,
    ) -> Result<String, PhoneError> {
        let extension = || self.config.extension.clone();
        let token = self.commands.fetch_add(1, Ordering::Relaxed).to_string();
        control::send(&self.control, command, parameters, &token).map_err(|source| {
            PhoneError::System {
                extension: extension(),
                doing: "sending a command",
                source,
            }
        })?;
        let answer = self.wait(&format!("answer to {command}"), ANSWER_MAX, |state| {
            let answer = state.answers.pop_front()?;
            (answer.token == token).then_some(answer)
        })?;
        match answer.ok {
            true => Ok(answer.text),
            false => Err(PhoneError::Refused {
                extension: extension(),
                command,
            }),
        }
    }

    /// Whatever is left of earlier calls must not be taken for something of the next one.
    fn forget_call(&self) {
        self.board.change(|state| {
            state.digits.clear();
            state
                .events
                .retain(|event| matches!(event, Event::Registered | Event::RegisterFailed { .. }));
        });
    }

    fn recorded_so_far(&self) -> Result<u64, PhoneError> {
        let Some(path) = files::newest_heard(&self.config.folder)? else {
            return Ok(0);
        };
        let file = |source| PhoneError::File {
            path: path.clone(),
            source,
        };
        Ok(fs::metadata(&path).map_err(file)?.len())
    }

    fn wait<T>(
        &self,
        waiting: &str,
        limit: Duration,
        done: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, PhoneError> {
        wait(&self.config.extension, &self.board, waiting, limit, done)
    }

    /// As `wait`, and the end of the call ends it too.
    fn wait_in_call<T>(
        &self,
        waiting: &str,
        limit: Duration,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, PhoneError> {
        let outcome = self.wait(waiting, limit, |state| {
            let closed = |event: &Event| match event {
                Event::Closed { reason } => Some(reason.clone()),
                _other => None,
            };
            let ended = state.events.iter().find_map(closed);
            done(state).map(Ok).or_else(|| ended.map(Err))
        })?;
        outcome.map_err(|reason| {
            let (extension, waiting) = (self.config.extension.clone(), waiting.to_owned());
            PhoneError::Closed {
                extension,
                waiting,
                reason,
            }
        })
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        // Both readers end when baresip has: first that, then them.
        drop(self.process.take());
        for reader in self.readers.drain(..) {
            // A reader that panicked has printed why.
            let _panicked = reader.join();
        }
    }
}

/// Waits for something on the board, or for the end of baresip.
fn wait<T>(
    extension: &str,
    board: &Board,
    waiting: &str,
    limit: Duration,
    mut done: impl FnMut(&mut State) -> Option<T>,
) -> Result<T, PhoneError> {
    let outcome = board.wait(Instant::now() + limit, |state| {
        let found = done(state).map(Ok);
        found.or_else(|| state.ended.then_some(Err(())))
    });
    let log = || board.look(State::log);
    let (extension, waiting) = (extension.to_owned(), waiting.to_owned());
    match outcome {
        Some(Ok(found)) => Ok(found),
        Some(Err(())) => Err(PhoneError::Ended {
            extension,
            waiting,
            log: log(),
        }),
        None => Err(PhoneError::TimedOut {
            extension,
            waiting,
            limit,
            log: log(),
        }),
    }
}

fn ready(extension: &str, board: &Board) -> Result<(), PhoneError> {
    wait(extension, board, "start of baresip", START_MAX, |state| {
        state.ready.then_some(())
    })
}

/// A free port on loopback for the control connection. It is free again when this returns; only
/// another phone of the same namespace could take it, and phones are started one by one.
fn control_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn reader(extension: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("phone {extension}"))
        .spawn(work)
}

/// Copies the output of baresip into its log until it ends.
fn keep_log(output: PipeReader, mut log: File, board: &Board) {
    for line in BufReader::new(output).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line).into_owned();
        // A full disk shows in the recordings; the phone goes on.
        let _kept = writeln!(log, "{line}");
        board.change(|state| {
            state.ready |= line.starts_with("baresip is ready");
            state.note_line(line);
        });
    }
    board.change(|state| state.ended = true);
}

/// baresip is up in 50 ms; a machine that emulates another at the same time needs longer.
const START_MAX: Duration = Duration::from_secs(10);
/// baresip answers at once, unless the machine is very busy.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// An unregistration that is answered takes milliseconds; one that is not is not waited for.
const QUIT_MAX: Duration = Duration::from_secs(5);
