//! The errand of the provisioning file in the loop of PID 1: what its process tells is carried out,
//! and whatever it does, the box goes on. What a file does is tested with `ramal provision`.
//!
//! A program of its own (no test harness), because signals are blocked in the first thread before
//! any other is made. The services, and the errand, are a shell script.
#![expect(
    clippy::expect_used,
    reason = "a test; clippy only knows those of the harness"
)]
#![expect(clippy::print_stdout, reason = "as above")]

mod bench;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use init::console::Console;
use init::pid1::{Settings, Supervision};
use init::{Boot, Firmware, KeyKept};
use ipc::frame::{self, Decoder};
use ipc::init::{Reply, Request, Shutdown, Status};
use slot::Slot;

/// Each process says that it is ready; the errand does what a life has for it instead.
const SCRIPT: &str = r#"#!/bin/sh
tell() { echo "$1" >> "/proc/self/fd/$NOTIFY_FD"; }
[ "$1" = provision ] && . "$RAMAL_RUN/errand"
tell READY=1
exec sleep 600
"#;

fn main() {
    let folder = std::env::temp_dir().join(format!("ramal-errand-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the test");
    let program = folder.join("ramal");
    fs::write(&program, SCRIPT).expect("the services");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("runs");
    fs::write(folder.join("esp"), "what is on the partition").expect("a partition");
    let bench = Bench { folder, program };

    // It is passed the partition, open for reading and writing, and nothing but its pipe beside it.
    let errand = "cat <&3; echo; echo changed 1<>/proc/self/fd/3; echo \"$LISTEN_FDNAMES\"; \
                  tell APPLIED=1; tell WIPED=1; exit 0";
    let (said, status) = bench.live(errand, "provision.toml wiped", |status| {
        ["net", "pbx", "web"].iter().all(|name| {
            let service = status.services.iter().find(|it| it.name == *name);
            service.is_some_and(|it| it.restarts == 1 && it.state == "ready")
        })
    });
    for wanted in [
        "provision: what is on the partition",
        "provision: esp",
        "ramal: provision.toml applied",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let esp = fs::read_to_string(bench.folder.join("esp")).expect("there");
    assert!(esp.starts_with("changed\n"), "{esp}");
    assert!(status.provision_refusal.is_empty());

    let errand = "tell 'REFUSED=site.host_name: use a-z'; exit 0";
    let (said, status) = bench.live(errand, "nothing was changed: site.host_name", is_well);
    assert_eq!(status.provision_refusal, "site.host_name: use a-z");
    assert!(!said.contains("could not be worked off"), "{said}");

    for (errand, said) in [
        ("kill -SEGV $$", "worked off (signal 11); it is tried again"),
        ("exit 101", "worked off (exit code 101)"),
        (
            "tell FAILED='the disk fails'; exit 0",
            "next start: the disk fails",
        ),
        ("exec sleep 600", "worked off (signal 9)"),
        // Without an end, and no text.
        (
            "exec cat /dev/zero >> /proc/self/fd/$NOTIFY_FD",
            "worked off (signal 9)",
        ),
    ] {
        let (_, status) = bench.live(errand, said, is_well);
        assert!(status.provision_refusal.is_empty(), "{errand}");
    }

    // Hardly any partition has the folder of such a file: then nothing is started.
    fs::write(bench.folder.join("esp"), empty_fat()).expect("a partition");
    let (said, status) = bench.live("tell 'REFUSED=started'; exit 0", "ramal: ready ", is_well);
    assert!(!said.contains("provision"), "{said}");
    assert!(status.provision_refusal.is_empty());

    // A box whose partition cannot be opened does without.
    fs::remove_file(bench.folder.join("esp")).expect("removed");
    bench.live("exit 0", "provision.toml was not looked for", is_well);
    fs::remove_dir_all(&bench.folder).expect("cleaned up");
    println!("test the_box_goes_on_whatever_the_errand_of_the_provisioning_file_does ... ok");
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

/// The first sectors of a FAT16 with nothing at its top: sectors of 512 bytes, one of them reserved
/// and one with the FAT, then 16 entries.
fn empty_fat() -> Vec<u8> {
    let mut bytes = vec![0; 2048];
    for (at, value) in [(12, 2), (13, 1), (14, 1), (16, 1), (17, 16), (22, 1)] {
        bytes.splice(at..=at, [value]);
    }
    bytes
}

fn is_well(status: &Status) -> bool {
    status.services.iter().all(|it| it.state == "ready")
}

struct Bench {
    folder: PathBuf,
    program: PathBuf,
}

impl Bench {
    /// One life of PID 1, in which the errand does this, until the screen says `until` and the
    /// state is as `wanted`; what the screen said, and that state.
    fn live(
        &self,
        errand: &str,
        until: &'static str,
        wanted: fn(&Status) -> bool,
    ) -> (String, Status) {
        fs::write(self.folder.join("errand"), errand).expect("written");
        let screen = self.folder.join("screen");
        fs::write(&screen, "").expect("a screen");
        let supervision = Supervision::new(self.settings(), self.boot(), Console::open(&screen));
        let supervision = supervision
            .map_err(|(error, _)| error)
            .expect("the sockets");
        let watched = (screen.clone(), self.folder.join("init.sock"));
        let watcher = std::thread::spawn(move || watch(&watched.0, &watched.1, until, wanted));
        let _ = supervision.run();
        let status = watcher.join().expect("it aborts when a step fails");
        (lossy(&screen), status)
    }

    fn settings(&self) -> Settings {
        bench::settings(&self.folder, &self.program)
    }

    fn boot(&self) -> Boot {
        // Of the firmware only that partition matters here.
        let slot = self.folder.join("slot");
        fs::write(&slot, "").expect("a slot");
        Boot {
            firmware: Some(Firmware {
                slot: Slot::A,
                security: 0,
                state: slot.clone(),
                device: slot.clone(),
                other: slot,
                esp: Some(self.folder.join("esp")),
                key: KeyKept::OnDisk,
            }),
            ..Boot::default()
        }
    }
}

/// Waits for what is to be, then has the box end.
fn watch(screen: &Path, socket: &Path, until: &str, wanted: fn(&Status) -> bool) -> Status {
    let begin = Instant::now();
    loop {
        // In this order: what was said before is in the status, and not the other way round.
        let said = lossy(screen);
        let status = match ask(socket, &Request::Status) {
            Some(Reply::Status(status)) => status,
            _ => Status::default(),
        };
        if said.contains(until) && !status.services.is_empty() && wanted(&status) {
            let asked = ask(socket, &Request::Shutdown(Shutdown::PowerOff));
            assert_eq!(asked, Some(Reply::Done));
            return status;
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
    let mut stream = std::os::unix::net::UnixStream::connect(socket).ok()?;
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
