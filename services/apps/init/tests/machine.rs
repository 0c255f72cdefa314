//! The machine's firmware, asked by a process beside the loop of PID 1: whatever becomes of that,
//! the box goes on, and says what it knows.
//!
//! A program of its own (no test harness), because signals are blocked in the first thread before
//! any other is made. The services, and the process, are a shell script; the variables are files,
//! or, for firmware that never comes back, a fifo.
#![expect(
    clippy::expect_used,
    reason = "a test; clippy only knows those of the harness"
)]
#![expect(clippy::print_stdout, reason = "as above")]

mod bench;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use init::Boot;
use init::console::Console;
use init::pid1::{Settings, Supervision};
use ipc::frame::{self, Decoder};
use ipc::init::{Reply, Request, SecureBoot, Shutdown, Status};

/// Each process says that it is ready; the one that asks the machine reads a variable first.
const SCRIPT: &str = r#"#!/bin/sh
tell() { echo "$1" >> "/proc/self/fd/$NOTIFY_FD"; }
if [ "$1" = machine-keys ]; then
    echo "asks with $LISTEN_FDNAMES"
    . /proc/self/fd/3/SecureBoot
    exit
fi
tell READY=1
exec sleep 600
"#;

fn main() {
    let folder = std::env::temp_dir().join(format!("ramal-machine-{}", std::process::id()));
    fs::create_dir_all(folder.join("variables")).expect("a folder for the test");
    let program = folder.join("ramal");
    fs::write(&program, SCRIPT).expect("the services");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("runs");
    let bench = Bench { folder, program };

    for (does, said, state) in [
        ("tell 'SAYS=yes no no'", "Secure Boot: on", SecureBoot::On),
        ("tell 'SAYS=no no no'", "Secure Boot: off", SecureBoot::Off),
        // Without an image that has the keys, nothing is offered.
        (
            "tell 'SAYS=no yes no'",
            "Secure Boot: setup-mode",
            SecureBoot::Setup,
        ),
        (
            "tell 'SAYS=none none no'",
            "Secure Boot: unknown",
            SecureBoot::Unknown,
        ),
        (
            "tell 'FAILED=read SetupMode: an error of the device'",
            "could not be read: read SetupMode: an error of the device",
            SecureBoot::NotRead,
        ),
        (
            "kill -SEGV $$",
            "could not be read: Signal(11) without a word",
            SecureBoot::NotRead,
        ),
        (
            "tell 'ANOTHER=word'; exit 1",
            "could not be read: Code(1) without a word",
            SecureBoot::NotRead,
        ),
        // Without an end, and no text.
        (
            "exec cat /dev/zero >> /proc/self/fd/$NOTIFY_FD",
            "could not be read: no answer within 1 s",
            SecureBoot::NotRead,
        ),
    ] {
        fs::write(bench.variable(), does).expect("written");
        let screen = bench.live(said, state);
        assert!(
            screen.contains("machine-keys: asks with variables"),
            "{screen}"
        );
    }

    // Who opens it waits for ever, as who asks firmware that hangs.
    fs::remove_file(bench.variable()).expect("removed");
    let made = Command::new("mkfifo").arg(bench.variable()).status();
    assert!(made.is_ok_and(|it| it.success()), "mkfifo of coreutils");
    bench.live(
        "could not be read: no answer within 1 s",
        SecureBoot::NotRead,
    );
    fs::remove_dir_all(&bench.folder).expect("cleaned up");
    println!("test the_box_goes_on_whatever_the_firmware_of_its_machine_does ... ok");
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

struct Bench {
    folder: PathBuf,
    program: PathBuf,
}

impl Bench {
    fn variable(&self) -> PathBuf {
        self.folder.join("variables/SecureBoot")
    }

    /// One life of PID 1, until the screen says `until`, the services are ready and this is told of
    /// the machine; what the screen said.
    fn live(&self, until: &'static str, state: SecureBoot) -> String {
        let screen = self.folder.join("screen");
        fs::write(&screen, "").expect("a screen");
        let console = Console::open(&screen);
        let supervision = Supervision::new(self.settings(), Boot::default(), console);
        let supervision = supervision
            .map_err(|(error, _)| error)
            .expect("the sockets");
        let watched = (screen.clone(), self.folder.join("init.sock"));
        let watcher = std::thread::spawn(move || watch(&watched.0, &watched.1, until, state));
        let _ = supervision.run();
        watcher.join().expect("it aborts when a step fails");
        lossy(&screen)
    }

    fn settings(&self) -> Settings {
        Settings {
            errand_time_max: PATIENCE,
            machine_time_max: Duration::from_secs(1),
            judge_time_max: PATIENCE,
            variables: Some(self.folder.join("variables")),
            ..bench::settings(&self.folder, &self.program)
        }
    }
}

/// Waits for what is to be, then has the box end.
fn watch(screen: &Path, socket: &Path, until: &str, state: SecureBoot) {
    let begin = Instant::now();
    loop {
        let said = lossy(screen);
        let status = match ask(socket, &Request::Status) {
            Some(Reply::Status(status)) => status,
            _ => Status::default(),
        };
        let is_well = status.services.iter().all(|it| it.state == "ready");
        let is_told = said.contains(until) && status.secure_boot == state;
        if is_told && !status.services.is_empty() && is_well {
            let asked = ask(socket, &Request::Shutdown(Shutdown::PowerOff));
            assert_eq!(asked, Some(Reply::Done));
            return;
        }
        if begin.elapsed() > PATIENCE {
            println!("never {until:?}: {status:?}\n{said}");
            std::process::abort();
        }
        std::thread::yield_now();
    }
}

fn ask(socket: &Path, request: &Request) -> Option<Reply> {
    use std::io::{Read as _, Write as _};
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(&frame::encode(request).ok()?).ok()?;
    let mut decoder = Decoder::default();
    let mut bytes = [0; 4096];
    loop {
        if let Some(reply) = decoder.pop().ok()? {
            return Some(reply);
        }
        match stream.read(&mut bytes).ok()? {
            0 => return None,
            count => decoder.push(bytes.get(..count)?),
        }
    }
}

fn lossy(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

const PATIENCE: Duration = Duration::from_secs(60);
