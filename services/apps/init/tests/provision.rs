//! A provisioning file on its way: PID 1's loop reads it from a FAT, the real store keeps it, and
//! it is wiped; the same file again is only wiped; one with a mistake is kept and named.
//!
//! A program of its own (no test harness), because signals are blocked in the first thread before
//! any other is made. As a service it is called again: the store is a real one.
#![expect(
    clippy::expect_used,
    reason = "a test; clippy only knows those of the harness"
)]
#![expect(clippy::print_stdout, reason = "as above")]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use init::console::Console;
use init::pid1::{Settings, Supervision};
use init::services::Addresses;
use init::{Boot, Firmware};
use ipc::init::{Reply, Request, Shutdown};
use ipc::store;
use run_loop::ipc::{Answer, BlockingClient};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use sansio::UnixTime;
use slot::Slot;

const FILE: &str = "version = 1\n[network]\nmethod = \"static\"\naddress = \"10.77.0.9/24\"\n\
                    [site]\nhost_name = \"matriz\"\ntime_zone = \"America/Manaus\"\n\
                    [grid]\ncode = \"K7QF-9M2X-TRWA-03BD\"\n";
const MISTAKE: &str = "version = 1\n[site]\nhost_name = \"No Name\"\n";

fn main() {
    if std::env::args().nth(1).as_deref() == Some("store") {
        return serve_store();
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: PID 1 is root, and the store asks who it is");
        return;
    }
    let folder = std::env::temp_dir().join(format!("ramal-provision-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the test");
    let program = folder.join("ramal");
    let own = std::env::current_exe().expect("this program");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = store ] && exec {} store\n\
         echo READY=1 > /proc/self/fd/$NOTIFY_FD\nexec sleep 600\n",
        own.display()
    );
    fs::write(&program, script).expect("the services");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("runs");
    let esp = folder.join("esp");

    lay_down(&esp, FILE);
    let said = live(&folder, &program, &esp, "provision.toml wiped");
    assert!(said.contains("ramal: provision.toml applied"), "{said}");
    assert!(!said.contains("K7QF"), "{said}");
    assert_eq!(left_of(&esp), None);
    let bytes = fs::read(&esp).expect("read");
    assert!(!bytes.windows(4).any(|it| it == b"K7QF"));

    // As after a power cut before the wipe.
    lay_down(&esp, FILE);
    live(&folder, &program, &esp, "provision.toml wiped");
    assert_eq!(left_of(&esp), None);

    lay_down(&esp, MISTAKE);
    let said = live(&folder, &program, &esp, "site.host_name");
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(left_of(&esp).as_deref(), Some(MISTAKE));

    let store = open_store(&folder);
    let store::Reply::AuditTrail(trail) = store.ask(WEB, store::Request::AuditTrail { limit: 100 })
    else {
        panic!("the trail")
    };
    let applied = trail
        .iter()
        .filter(|it| it.audit.action == "provisioning file applied");
    assert_eq!(applied.count(), 1, "once: {trail:?}");
    let network = store.ask(NET, store::Request::Secret("network".into()));
    let wanted = ipc::Redacted::new(b"10.77.0.9/24 - -".to_vec());
    assert_eq!(network, store::Reply::Secret(Some(wanted)));
    store.close();
    fs::remove_dir_all(folder).expect("cleaned up");
    println!("test a_file_is_applied_once_and_wiped_and_a_mistake_is_kept ... ok");
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

/// One life of PID 1, until its screen says this; what it said.
fn live(folder: &Path, program: &Path, esp: &Path, until: &'static str) -> String {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let any6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let settings = Settings {
        run_dir: folder.to_owned(),
        program: program.to_owned(),
        data_dir: folder.to_owned(),
        recordings_dir: folder.to_owned(),
        sounds_dir: folder.to_owned(),
        addresses: Addresses {
            sip: any,
            sips: any,
            sip6: any6,
            sips6: any6,
            https: any,
            http: any,
        },
        is_confined: false,
        log_level: "info".to_owned(),
    };
    let screen = folder.join("screen");
    fs::write(&screen, "").expect("a screen");
    // Of the firmware only the partition matters here.
    let slot = folder.join("slot");
    fs::write(&slot, "").expect("a slot");
    let boot = Boot {
        firmware: Some(Firmware {
            slot: Slot::A,
            security: 0,
            state: slot.clone(),
            device: slot.clone(),
            other: slot,
            esp: Some(esp.to_owned()),
            is_sealed: false,
        }),
        ..Boot::default()
    };
    let supervision = Supervision::new(settings, boot, Console::open(&screen));
    let supervision = supervision
        .map_err(|(error, _)| error)
        .expect("the sockets");
    let watched = (screen.clone(), folder.join("init.sock"));
    let watcher = std::thread::spawn(move || {
        let (screen, socket) = watched;
        let begin = Instant::now();
        let said = || fs::read_to_string(&screen).unwrap_or_default();
        while !said().contains(until) {
            if begin.elapsed() > PATIENCE {
                println!("never said {until}:\n{}", said());
                std::process::abort();
            }
            std::thread::yield_now();
        }
        let init = BlockingClient::<Request, Reply>::new(socket);
        let asked = init.call(&Request::Shutdown(Shutdown::PowerOff));
        assert!(matches!(asked, Ok(Reply::Done)), "{asked:?}");
    });
    let _ = supervision.run();
    watcher.join().expect("it aborts when a step fails");
    fs::read_to_string(screen).expect("the screen")
}

/// A partition with this file.
fn lay_down(esp: &Path, text: &str) {
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(true);
    let mut file = options.open(esp).expect("made");
    file.set_len(8 << 20).expect("as large");
    fatfs::format_volume(&mut file, fatfs::FormatVolumeOptions::new()).expect("formatted");
    let volume = fatfs::FileSystem::new(file, fatfs::FsOptions::new()).expect("a FAT");
    volume.root_dir().create_dir("RAMAL").expect("made");
    let mut file = volume.root_dir().create_file(PATH).expect("made");
    file.write_all(text.as_bytes()).expect("written");
}

fn left_of(esp: &Path) -> Option<String> {
    let file = File::options()
        .read(true)
        .write(true)
        .open(esp)
        .expect("there");
    let volume = fatfs::FileSystem::new(file, fatfs::FsOptions::new()).expect("a FAT");
    let mut file = volume.root_dir().open_file(PATH).ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).expect("text");
    Some(text)
}

fn open_store(folder: &Path) -> ::store::Store {
    let peers = ::store::Peers {
        own: 101,
        net: NET,
        pbx: 103,
        web: WEB,
    };
    let clock = Arc::new(|| UnixTime::from_millis(1_795_446_000_000));
    let disk = Box::new(::store::DataDisk::new(folder));
    ::store::Store::open(disk, folder, peers, clock).expect("it opens")
}

/// The store as `ramal store` serves it, until it is killed.
fn serve_store() {
    let folder = std::env::args().skip_while(|it| it != "--data").nth(1);
    let folder = folder
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("RAMAL_RUN").map(Into::into));
    let store = open_store(&folder.expect("the run folder"));
    let listener = Passed::from_env().unix_listener("ipc").expect("passed");
    Notify::from_env().ready();
    let served = run_loop::ipc::serve(
        &listener,
        |_| true,
        move |connection, request| Answer::Reply(store.ask(connection.peer.uid, request)),
    );
    served.expect("it serves");
}

const PATH: &str = "RAMAL/provision.toml";
const NET: u32 = 102;
const WEB: u32 = 105;
const PATIENCE: Duration = Duration::from_secs(60);
