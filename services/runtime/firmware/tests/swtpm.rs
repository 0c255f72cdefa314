//! With a TPM: swtpm, which is the reference implementation, over its socket.
//!
//! Each dialogue has a TPM that was started for it, as it has on a box a device that forgets what
//! was loaded; what a TPM keeps when it is switched off is in a folder.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up has failed, and one that was not run says so"
)]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firmware::{DataKey, FirmwareError, Keeper as _, RecoveryCode, Tpm, open_by_code};
use tpm::Fault;

/// What a TPM keeps.
struct State(PathBuf);

impl State {
    fn new(name: &str) -> Self {
        let unique = format!("ramal-tpm-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&folder).expect("made");
        Self(folder)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A TPM that is switched on.
struct Switched {
    child: Child,
    bus: Bus,
}

/// The way to it, with somebody who listens and perhaps changes something.
struct Bus {
    socket: UnixStream,
    /// Everything that passed.
    seen: Vec<u8>,
    /// Answers until one is changed.
    sound: usize,
}

impl Write for Bus {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        self.seen.extend_from_slice(command);
        self.socket.write(command)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

impl Read for Bus {
    fn read(&mut self, answer: &mut [u8]) -> io::Result<usize> {
        let length = self.socket.read(answer)?;
        let answer = answer.get_mut(..length).unwrap_or_default();
        self.seen.extend_from_slice(answer);
        if let (0, Some(byte)) = (self.sound, answer.get_mut(length / 2)) {
            *byte ^= 1;
        }
        self.sound = self.sound.wrapping_sub(1);
        Ok(length)
    }
}

impl Switched {
    fn on(state: &State) -> Self {
        Self::with_changes_after(state, usize::MAX)
    }

    fn with_changes_after(state: &State, sound: usize) -> Self {
        let path = |name: &str| state.0.join(name).display().to_string();
        let socket = path("tpm");
        let _ = std::fs::remove_file(&socket);
        let child = Command::new(SWTPM)
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .args(["--tpmstate", &format!("dir={}", path(""))])
            .args(["--server", &format!("type=unixio,path={socket}")])
            .stdin(Stdio::null())
            .spawn()
            .expect("started");
        let socket = connect(Path::new(&socket));
        let bus = Bus {
            socket,
            seen: Vec::new(),
            sound,
        };
        Self { child, bus }
    }

    const fn tpm(&mut self) -> Tpm<&mut Bus> {
        Tpm::of(&mut self.bus)
    }

    /// A command of another kind; the code of its answer.
    fn ask(&mut self, command: &[u8]) -> Option<u32> {
        self.bus.write_all(command).expect("sent");
        let mut answer = [0; 64];
        let length = self.bus.read(&mut answer).expect("answered");
        let code = answer.get(..length)?.get(6..)?.first_chunk()?;
        Some(u32::from_be_bytes(*code))
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program makes its socket a moment after it was started.
fn connect(path: &Path) -> UnixStream {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match UnixStream::connect(path) {
            Ok(socket) => {
                let patience = Some(Duration::from_secs(30));
                socket.set_read_timeout(patience).expect("set");
                return socket;
            }
            Err(error) if Instant::now() > end => panic!("{}: {error}", path.display()),
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// Whether there is a TPM to test with; says so when there is none.
fn is_there() -> bool {
    let found = Command::new(SWTPM).arg("--version").output().is_ok();
    if !found {
        println!("not run: there is no {SWTPM} here (Debian package swtpm)");
    }
    found
}

const SWTPM: &str = "swtpm";

/// What a box does at its first start.
fn sealed(state: &State) -> (DataKey, Vec<u8>) {
    let key = DataKey::fresh().expect("random");
    let blob = Switched::on(state).tpm().seal(&key).expect("sealed");
    (key, blob)
}

/// Why it is not opened.
fn fault(opened: Result<DataKey, FirmwareError>) -> Option<Fault> {
    match opened {
        Err(FirmwareError::Tpm(fault)) => Some(fault),
        _ => None,
    }
}

#[test]
fn what_a_tpm_sealed_it_opens_after_it_was_switched_off() {
    if !is_there() {
        return;
    }
    let state = State::new("again");
    let (key, blob) = sealed(&state);
    for _ in 0..3 {
        let opened = Switched::on(&state).tpm().open(&blob).expect("opened");
        assert_eq!(opened.material(), key.material());
    }
    // It fits where it is kept, and nothing of the key is in it.
    assert!(blob.len() < 1024, "{} bytes", blob.len());
    assert!(!blob.windows(8).any(|it| it == &key.material()[..8]));
}

#[test]
fn nobody_on_the_bus_sees_what_opens_the_key() {
    if !is_there() {
        return;
    }
    let state = State::new("bus");
    let key = DataKey::fresh().expect("random");
    let mut first = Switched::on(&state);
    let blob = first.tpm().seal(&key).expect("sealed");
    let mut seen = std::mem::take(&mut first.bus.seen);
    drop(first);
    let mut second = Switched::on(&state);
    let code = second.tpm().recovery_code(&blob).expect("opened");
    seen.append(&mut second.bus.seen);
    assert!(seen.len() > 2000, "{} bytes", seen.len());
    for secret in [&code.bytes()[..8], &key.material()[..8]] {
        assert!(!seen.windows(8).any(|it| it == secret));
    }
}

#[test]
fn another_tpm_and_one_that_was_cleared_do_not_open_it_and_the_code_does() {
    if !is_there() {
        return;
    }
    let (state, other) = (State::new("first"), State::new("other"));
    let (key, blob) = sealed(&state);
    let code = Switched::on(&state)
        .tpm()
        .recovery_code(&blob)
        .expect("opened");
    let opened = Switched::on(&other).tpm().open(&blob);
    assert_eq!(fault(opened), Some(Fault::OtherTpm));
    clear(&state);
    let opened = Switched::on(&state).tpm().open(&blob);
    assert_eq!(fault(opened), Some(Fault::OtherTpm));
    let typed = RecoveryCode::parse(&code.shown()).expect("a code");
    let opened = open_by_code(&blob, &typed).expect("opened");
    assert_eq!(opened.material(), key.material());
}

/// TPM2_Clear by the lockout hierarchy, whose password is empty: what "clear TPM" in a machine's
/// setup does.
fn clear(state: &State) {
    let command = b"\x80\x02\0\0\0\x1b\0\0\x01\x26\x40\0\0\x0a\0\0\0\x09\x40\0\0\x09\0\0\0\0\0";
    assert_eq!(Switched::on(state).ask(command), Some(0));
}

#[test]
fn an_answer_that_was_changed_on_its_way_is_found() {
    if !is_there() {
        return;
    }
    let state = State::new("changed");
    let (_, blob) = sealed(&state);
    for (sound, fault_found) in [
        (2, Fault::NotAuthentic("Load")),
        (3, Fault::NotAuthentic("Unseal")),
    ] {
        let opened = Switched::with_changes_after(&state, sound)
            .tpm()
            .open(&blob);
        assert_eq!(fault(opened), Some(fault_found));
    }
}

#[test]
fn an_owner_who_has_set_a_password_is_no_keeper() {
    if !is_there() {
        return;
    }
    let state = State::new("owned");
    // TPM2_HierarchyChangeAuth of the owner, from an empty password to "x".
    let command =
        b"\x80\x02\0\0\0\x1e\0\0\x01\x29\x40\0\0\x01\0\0\0\x09\x40\0\0\x09\0\0\0\0\0\0\x01x";
    let mut machine = Switched::on(&state);
    assert_eq!(machine.ask(command), Some(0));
    let sealed = machine.tpm().seal(&DataKey::fresh().expect("random"));
    let refused = matches!(
        sealed,
        Err(FirmwareError::Tpm(Fault::Refused {
            command: "CreatePrimary",
            ..
        }))
    );
    assert!(refused);
}
