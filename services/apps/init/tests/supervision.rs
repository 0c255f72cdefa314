//! The loop of PID 1 with real processes, as an ordinary process: services that are shell
//! scripts are started, killed, given up and stopped, all seen through the control socket.
//!
//! A program of its own (no test harness), because signals are blocked in the first thread before
//! any other is made, as they are in PID 1.
#![expect(
    clippy::expect_used,
    reason = "a test; clippy only knows those of the harness"
)]
#![expect(clippy::indexing_slicing, clippy::print_stdout, reason = "as above")]

mod bench;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use init::Boot;
use init::console::Console;
use init::pid1::{Settings, Supervision};
use ipc::frame::{self, Decoder};
use ipc::init::{Reply, Request, Service, Shutdown, Status};

/// A service: tells who it is and what it got, says that it is ready, and waits to be stopped.
const SCRIPT: &str = r#"#!/bin/sh
echo "I am $1 with $LISTEN_FDNAMES"
[ -e "$RAMAL_RUN/crash-$1" ] && exit 7
echo READY=1 > "/proc/self/fd/$NOTIFY_FD"
exec cat "$RAMAL_RUN/nothing"
"#;

/// What `pbx` tells of its sockets.
const PBX_SOCKETS: &str = "I am pbx with ipc:sip-udp:sip-tcp:sip-tls:\
                           sip-udp6:sip-tcp6:sip-tls6:keep-into:keep-out";

fn main() {
    let folder = std::env::temp_dir().join(format!("ramal-supervision-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the test");
    let program = folder.join("ramal");
    fs::write(&program, SCRIPT).expect("the service");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("runs");
    let made = std::process::Command::new("mkfifo")
        .arg(folder.join("nothing"))
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "mkfifo of coreutils"
    );
    // Something for the services to wait on that never comes.
    let nothing = fs::File::options()
        .read(true)
        .write(true)
        .open(folder.join("nothing"));
    let settings = Settings {
        errand_time_max: Duration::from_secs(60),
        ..bench::settings(&folder, &program)
    };
    let screen = folder.join("screen");
    fs::write(&screen, "").expect("a screen");
    let console = Console::open(&screen);
    let supervision = Supervision::new(settings, Boot::default(), console);
    let supervision = supervision
        .map_err(|(error, _)| error)
        .expect("the sockets");
    let installer = std::thread::spawn({
        let folder = folder.clone();
        move || {
            // The loop would run on for ever without anybody to end it.
            if std::panic::catch_unwind(|| as_installer(&folder)).is_err() {
                std::process::abort();
            }
        }
    });
    let (how, _) = supervision.run();
    installer.join().expect("it aborts when a step fails");
    drop(nothing);
    let screen = fs::read_to_string(screen).expect("the screen");
    fs::remove_dir_all(folder).expect("cleaned up");
    assert_eq!(how, supervise::Shutdown::PowerOff);
    check_screen(&screen);
    // As the harness would say it, for whoever counts.
    println!("test killed_services_are_healed_and_all_stop_in_order ... ok");
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

/// All steps, one after the other, on one box.
fn as_installer(folder: &Path) {
    let mut init = Control::connect(&folder.join("init.sock"));
    init.wait("all services are ready", |status| {
        status
            .services
            .iter()
            .all(|it| it.state == "ready" && it.pid > 0)
    });
    for name in [
        "store", "net", "guard", "media", "pbx", "grid", "update", "web",
    ] {
        let before = init.service(name);
        kill(before.pid);
        let killed = Instant::now();
        init.wait("a killed service is healed", |status| {
            find(status, name).state == "ready" && find(status, name).pid != before.pid
        });
        assert!(
            killed.elapsed() < Duration::from_secs(1),
            "{name} took {:?}",
            killed.elapsed()
        );
        assert_eq!(init.service(name).last_exit, "signal 9 (killed)");
        assert_eq!(init.service(name).restarts, 1);
    }
    fs::write(folder.join("crash-net"), "").expect("written");
    kill(init.service("net").pid);
    init.wait("a crash loop is given up", |status| {
        find(status, "net").state == "given-up"
    });
    assert_eq!(init.service("net").last_exit, "exit code 7");
    assert_eq!(init.service("pbx").state, "ready", "the others go on");
    fs::remove_file(folder.join("crash-net")).expect("removed");
    // Root is not `web`: it may neither write to the screen nor restart a service.
    let screen = Request::Screen(ipc::Redacted::new(vec!["secret".to_owned()]));
    for request in [
        screen,
        Request::Restart {
            name: "net".to_owned(),
            kill: false,
        },
    ] {
        assert_eq!(init.ask(&request), Reply::Refused { uid: own_uid() });
    }
    let Reply::Log(log) = init.ask(&Request::Log { limit: 1000 }) else {
        panic!("a log")
    };
    let said = |service: &str, text: &str| {
        let mut lines = log.lines.iter();
        lines.any(|line| line.service == service && line.text.contains(text))
    };
    assert!(said("pbx", PBX_SOCKETS));
    assert!(said("web", "I am web with ipc:https:http:https6:http6:ctl"));
    assert!(said("init", "service net GIVEN UP"));
    // Peers that connect and say nothing, or half a word, keep nobody out.
    let silent: Vec<_> = (0..100)
        .map(|_| {
            let mut peer = Control::connect(&folder.join("init.sock"));
            peer.stream.write_all(&[9, 0]).expect("sent");
            peer
        })
        .collect();
    let mut init = Control::connect(&folder.join("init.sock"));
    assert_eq!(init.service("pbx").state, "ready");
    drop(silent);
    assert_eq!(
        init.ask(&Request::Shutdown(Shutdown::PowerOff)),
        Reply::Done
    );
}

fn check_screen(screen: &str) {
    let place = |line: &str| {
        screen
            .find(line)
            .unwrap_or_else(|| panic!("{line} in {screen}"))
    };
    let order = ["web", "pbx", "media", "store"].map(|it| place(&format!("service {it} stopped")));
    assert!(order.is_sorted(), "{screen}");
    assert!(place("ramal: stage service store ready") < place("ramal: ready "));
    assert!(place("services stopped") > order[3]);
    assert!(screen.contains("store: I am store with ipc\r\n"));
    assert!(!screen.contains("secret"));
}

/// A connection to the control socket.
struct Control {
    stream: UnixStream,
    decoder: Decoder,
}

impl Control {
    fn connect(path: &PathBuf) -> Self {
        let stream = UnixStream::connect(path).expect("listening since before the thread began");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("set");
        Self {
            stream,
            decoder: Decoder::default(),
        }
    }

    fn ask(&mut self, request: &Request) -> Reply {
        self.stream
            .write_all(&frame::encode(request).expect("fits"))
            .expect("sent");
        let mut buffer = [0; 4096];
        loop {
            if let Some(reply) = self.decoder.pop().expect("well-formed") {
                return reply;
            }
            let count = self.stream.read(&mut buffer).expect("an answer in time");
            assert!(count > 0, "the connection was closed on {request:?}");
            self.decoder.push(&buffer[..count]);
        }
    }

    /// Asks again and again, as the loop cannot announce what we wait for.
    fn wait(&mut self, what: &str, holds: impl Fn(&Status) -> bool) {
        let start = Instant::now();
        loop {
            let Reply::Status(status) = self.ask(&Request::Status) else {
                panic!("a status")
            };
            if holds(&status) {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "{what}: {status:#?}"
            );
            std::thread::yield_now();
        }
    }

    fn service(&mut self, name: &str) -> Service {
        let Reply::Status(status) = self.ask(&Request::Status) else {
            panic!("a status")
        };
        find(&status, name).clone()
    }
}

fn find<'a>(status: &'a Status, name: &str) -> &'a Service {
    status
        .services
        .iter()
        .find(|it| it.name == name)
        .expect("all services are listed")
}

fn kill(pid: u32) {
    kernel::process::stop(pid, kernel::process::Stop::Kill).expect("there to be killed");
}

fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}
