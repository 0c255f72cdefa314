//! `ramal guard`: who is banned for guessing and scanning, and a Unix socket by which doors and
//! pages ask it.

use std::error::Error;

use guard_service::{Peers, Places, World};
use run_loop::clock::Clock;
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::{socket_path, uid};
use sansio::Rng;
use tokio::signal::unix::{SignalKind, signal};

/// Command line of `ramal guard`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal guard")]
pub(crate) struct Arguments {}

/// Runs the service until PID 1 stops it.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let listener = Passed::from_env().unix_listener("ipc")?;
    let peers = Peers {
        own: rustix::process::geteuid().as_raw(),
        pbx: uid::PBX,
        web: uid::WEB,
    };
    let places = Places {
        store: socket_path("store"),
        net: socket_path("net"),
    };
    let mut seed = [0; 8];
    run_loop::fill_random(&mut seed)?;
    let rng = Rng::from_seed(u64::from_le_bytes(seed));
    let (clock, built) = (Clock::start(), crate::store::built());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        let mut stop = signal(SignalKind::terminate())?;
        let world = World {
            now: move || clock.now(),
            // No clock that is right shows a time before the firmware was made.
            wall: move || Some(clock.unix()).filter(|wall| built.is_none_or(|it| *wall >= it)),
            loaded: || notify.ready(),
            beat: || notify.watchdog(),
            stop: async {
                stop.recv().await;
            },
        };
        guard_service::run(listener, peers, places, rng, world).await
    });
    runtime.shutdown_background();
    Ok(outcome?)
}
