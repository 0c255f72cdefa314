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

use firmware::{
    Code, DataKey, FirmwareError, Keeper as _, KeyNews, Recovery, RecoveryCode, StateFile, Tpm,
};
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

    const fn tpm(&mut self) -> Tpm<&mut Self> {
        Tpm::of(self)
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

impl Write for Switched {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        self.bus.write(command)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bus.flush()
    }
}

impl Read for Switched {
    fn read(&mut self, answer: &mut [u8]) -> io::Result<usize> {
        self.bus.read(answer)
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
    let (key, code) = (DataKey::fresh(), RecoveryCode::fresh());
    let (key, code) = (key.expect("random"), code.expect("random"));
    let blob = Switched::on(state).tpm().seal(&key, &code);
    (key, blob.expect("sealed"))
}

/// Why it is not opened.
fn fault<T>(opened: Result<T, FirmwareError>) -> Option<Fault> {
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
        let (opened, _) = Switched::on(&state).tpm().open(&blob).expect("opened");
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
    let (key, code) = (DataKey::fresh(), RecoveryCode::fresh());
    let (key, code) = (key.expect("random"), code.expect("random"));
    let mut first = Switched::on(&state);
    let blob = first.tpm().seal(&key, &code).expect("sealed");
    let mut seen = std::mem::take(&mut first.bus.seen);
    drop(first);
    let mut second = Switched::on(&state);
    let (_, opened) = second.tpm().open(&blob).expect("opened");
    assert_eq!(opened, code);
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
    let (machine, other) = (State::new("first"), State::new("other"));
    let path = machine.0.join("bootstate");
    let file = std::fs::File::create(&path).expect("made");
    file.set_len(slot::layout::BOOTSTATE_LENGTH)
        .expect("as large");
    let state = StateFile::open(&path).expect("opened");
    let start = |on: &State| state.key_at_start(true, |_| Ok(Some(Tpm::of(Switched::on(on)))));
    let first = start(&machine).expect("made");
    assert!(matches!(first.news, KeyNews::MadeSealed));
    state.note_formatted().expect("written");
    let before = std::fs::read(&path).expect("read");
    assert_eq!(fault(start(&other)), Some(Fault::OtherTpm));
    clear(&machine);
    assert_eq!(fault(start(&machine)), Some(Fault::OtherTpm));
    assert_eq!(
        std::fs::read(&path).expect("read"),
        before,
        "it was written to"
    );
    let code = first.code.expect("sealed").shown();
    assert!(state.note_code(Code::Shown).expect("written"));
    let recover = |code: &RecoveryCode, on: Option<&State>| {
        let found = || on.map(|it| Tpm::of(Switched::on(it)));
        state.recover_key(code, |_| Ok(found())).expect("read")
    };
    let wrong = RecoveryCode::fresh().expect("random");
    let kept = std::fs::read(&path).expect("read");
    assert!(matches!(recover(&wrong, Some(&other)), Recovery::Wrong));
    assert_eq!(
        std::fs::read(&path).expect("read"),
        kept,
        "it was written to"
    );
    let open = &first.key.material()[..16];
    let lies_open = || {
        let disk = std::fs::read(&path).expect("read");
        disk.windows(16).any(|it| it == open)
    };
    // The TPM that is there now keeps it, by the code that somebody has written down.
    let typed = RecoveryCode::parse(&code).expect("a code");
    assert!(matches!(recover(&typed, Some(&other)), Recovery::Sealed));
    assert!(!lies_open(), "the key lies open");
    let again = start(&other).expect("opened");
    assert!(matches!(again.news, KeyNews::None) && again.is_formatted && again.code.is_none());
    assert_eq!(again.key.material(), first.key.material());
    // Without a TPM it lies open, until there is one; the code on paper goes on being the code.
    assert!(matches!(recover(&typed, None), Recovery::Open(None)));
    assert!(lies_open());
    let sealed = start(&machine).expect("opened");
    assert!(matches!(sealed.news, KeyNews::Sealed) && !lies_open());
    assert!(sealed.code.is_none(), "it was shown");
    assert!(matches!(recover(&typed, Some(&machine)), Recovery::Sealed));
    // Another code, when somebody asks for one.
    assert!(state.note_code(Code::Renewed).expect("written"));
    let renewed = start(&machine).expect("opened");
    assert!(matches!(renewed.news, KeyNews::Renewed));
    let fresh = renewed.code.expect("nobody has seen it");
    // Nobody has seen it, so the one on paper counts too.
    assert!(matches!(recover(&typed, Some(&other)), Recovery::Sealed));
    let again = start(&other).expect("opened");
    assert!(matches!(again.news, KeyNews::Renewed));
    let newer = again.code.expect("nobody has seen it");
    assert!(matches!(recover(&fresh, None), Recovery::Wrong));
    assert!(state.note_code(Code::Shown).expect("written"));
    assert!(matches!(recover(&typed, None), Recovery::Wrong));
    assert!(matches!(recover(&newer, Some(&other)), Recovery::Sealed));
}

/// TPM2_Clear by the lockout hierarchy, whose password is empty: what "clear TPM" in a machine's
/// setup does.
fn clear(state: &State) {
    let command = b"\x80\x02\0\0\0\x1b\0\0\x01\x26\x40\0\0\x0a\0\0\0\x09\x40\0\0\x09\0\0\0\0\0";
    assert_eq!(Switched::on(state).ask(command), Some(0));
}

/// What firmware, loader and kernel do as they start: whatever of them an update changes, the PCRs
/// are others then.
#[test]
fn what_was_measured_at_the_start_does_not_matter() {
    if !is_there() {
        return;
    }
    let state = State::new("measured");
    let (key, blob) = sealed(&state);
    let mut machine = Switched::on(&state);
    for register in [0_u8, 4, 7, 9, 11, 14] {
        // TPM2_PCR_Extend with one SHA-256 digest, by an empty password.
        let head = b"\x80\x02\0\0\0\x41\0\0\x01\x82\0\0\0";
        let password = b"\0\0\0\x09\x40\0\0\x09\0\0\0\0\0";
        let digest = [&b"\0\0\0\x01\0\x0b"[..], &[register | 0xa0; 32]].concat();
        let command = [&head[..], &[register], password, &digest].concat();
        assert_eq!(machine.ask(&command), Some(0), "PCR {register}");
    }
    let (opened, _) = machine.tpm().open(&blob).expect("opened");
    assert_eq!(opened.material(), key.material());
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
    let (key, code) = (DataKey::fresh(), RecoveryCode::fresh());
    let sealed = machine
        .tpm()
        .seal(&key.expect("random"), &code.expect("random"));
    let refused = matches!(
        sealed,
        Err(FirmwareError::Tpm(Fault::Refused {
            command: "CreatePrimary",
            ..
        }))
    );
    assert!(refused);
}
