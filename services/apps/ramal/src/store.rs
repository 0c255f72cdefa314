//! `ramal store`: the database and its Unix socket.

use std::error::Error;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use ipc::store::{Reply, Request};
use run_loop::clock::Clock;
use run_loop::ipc::{Answer, Connection};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::uid;
use sansio::UnixTime;
use store::{BackupSettings, DataDisk, Peers, Store};
use tokio::signal::unix::{SignalKind, signal};

/// Command line of `ramal store`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal store --data /data/store --backups /data/backups")]
pub(crate) struct Arguments {
    /// Directory of the database; only this service may read it.
    #[arg(long, value_name = "DIR", default_value = "/data")]
    data: PathBuf,
    /// Folder of the backups, which `web` may read; without it none are made.
    #[arg(long, value_name = "DIR")]
    backups: Option<PathBuf>,
    /// Folder of the sounds of prompts, which `media` plays and `web` may read; without it none are
    /// kept.
    #[arg(long, value_name = "DIR")]
    sounds: Option<PathBuf>,
}

/// Seconds since 1970 at which the image was made, in decimal.
const BUILD_TIME: &str = "/etc/build-time";

/// Between two signs of life to PID 1.
const WATCHDOG_INTERVAL: Duration = Duration::from_secs(2);

/// How long the writer may take to take a job before the store counts as stuck.
const WRITER_PATIENCE: Duration = Duration::from_secs(3);

/// How often a watch looks whether its peer is still there.
const WATCH_PATIENCE: Duration = Duration::from_secs(5);

/// Runs the service until PID 1 stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let listener = Passed::from_env().unix_listener("ipc")?;
    let peers = Peers {
        own: rustix::process::geteuid().as_raw(),
        net: uid::NET,
        pbx: uid::PBX,
        web: uid::WEB,
        provision: uid::PROVISION,
        grid: uid::GRID,
        guard: uid::GUARD,
    };
    let clock = Clock::start();
    let disk = Box::new(DataDisk::new(&arguments.data));
    let wall_clock = Arc::new(move || clock.unix());
    let store = Arc::new(Store::open(disk, &arguments.data, peers, wall_clock)?);
    match built() {
        Some(built) => store.made_at(built),
        None => tracing::info!("{BUILD_TIME} does not say when the firmware was made"),
    }
    if let Some(folder) = &arguments.sounds {
        store.keep_sounds(folder);
    }
    if let Some(folder) = &arguments.backups {
        store.keep_backups(&BackupSettings {
            folder: folder.clone(),
            firmware: env!("CARGO_PKG_VERSION").to_owned(),
            run: run_loop::run_dir().join("store"),
        })?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(serve(&notify, listener, peers, &store));
    // The thread that accepts connections has no end of its own to wait for.
    runtime.shutdown_background();
    store.close();
    outcome
}

/// When the firmware was made; on the machine of a developer, when this program was.
pub(crate) fn built() -> Option<UnixTime> {
    if let Ok(text) = std::fs::read_to_string(BUILD_TIME) {
        let seconds: i64 = text.trim().parse().ok()?;
        return Some(UnixTime::from_millis(seconds.checked_mul(1000)?));
    }
    let program = std::fs::metadata(std::env::current_exe().ok()?).ok()?;
    let made = program.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(UnixTime::from_millis(i64::try_from(made.as_millis()).ok()?))
}

/// Serves on a thread of its own, and tells PID 1 that the writer is alive, until SIGTERM.
async fn serve(
    notify: &Notify,
    listener: UnixListener,
    peers: Peers,
    store: &Arc<Store>,
) -> Result<(), Box<dyn Error>> {
    let mut stop = signal(SignalKind::terminate())?;
    let answering = Arc::clone(store);
    let mut server = tokio::task::spawn_blocking(move || {
        run_loop::ipc::serve(
            &listener,
            |uid| peers.knows(uid),
            move |connection, request| answer(&answering, connection, request),
        )
    });
    notify.ready();
    tracing::info!("serving");
    let mut beat = tokio::time::interval(WATCHDOG_INTERVAL);
    loop {
        tokio::select! {
            _ = stop.recv() => return Ok(()),
            ended = &mut server => return Ok(ended??),
            _ = beat.tick() => {
                if store.is_alive(WRITER_PATIENCE) {
                    notify.watchdog();
                } else {
                    tracing::error!("the writer has not moved for {WRITER_PATIENCE:?}");
                }
            }
        }
    }
}

fn answer(store: &Store, connection: &mut Connection, request: Request) -> Answer<Reply> {
    let watches = request == Request::Watch;
    let uid = connection.peer.uid;
    let reply = store.ask(uid, request);
    let (true, Reply::Config { version, .. }) = (watches, &reply) else {
        return Answer::Reply(reply);
    };
    let mut seen = *version;
    let mut pushed = connection.push(&reply);
    while pushed.is_ok() && connection.is_open() && !store.is_closing() {
        if let Some((version, site)) = store.next_config(uid, seen, WATCH_PATIENCE) {
            seen = version;
            pushed = connection.push(&Reply::Config { version, site });
        }
    }
    Answer::Done
}
