//! `ramal update`: the slot that is not running, and a Unix socket by which it is written.
//!
//! It has no rights of its own: PID 1 passes it the partitions it may use, open. Started without
//! them it says that there are no slots.

mod answers;
mod programs;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firmware::{Guard, Places, StateFile, keys_of_firmware};
use ipc::update::{Reply, Request};
use run_loop::ipc::Answer;
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::uid;
use slot::Slot;
use tokio::signal::unix::{SignalKind, signal};

use answers::Updater;
use programs::Programs;

/// Command line of `ramal update`.
#[derive(clap::Args)]
#[command(after_help = "Example (as PID 1 starts it):\n  ramal update --running a")]
pub(crate) struct Arguments {
    /// The slot the system was started from. Without it there are no slots.
    #[arg(long, value_name = "a|b", value_parser = slot_named)]
    running: Option<Slot>,
    /// The keys of this firmware.
    #[arg(long, value_name = "FILE", default_value = "/etc/ramal/keys")]
    keys: PathBuf,
}

fn slot_named(name: &str) -> Result<Slot, String> {
    Slot::named(name).ok_or_else(|| "a slot is `a` or `b`".to_owned())
}

/// Runs the service until PID 1 stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let mut passed = Passed::from_env();
    let listener = passed.unix_listener("ipc")?;
    let places = arguments
        .running
        .map(|running| places(running, &mut passed, &arguments.keys))
        .transpose()?;
    let updater = Arc::new(Mutex::new(Updater::new(places.map(Arc::new))));
    std::thread::Builder::new()
        .name("server".into())
        .spawn(move || {
            let answered = run_loop::ipc::serve(
                &listener,
                |peer| peer == uid::WEB,
                move |_, request: Request| {
                    let mut updater = updater.lock().unwrap_or_else(PoisonError::into_inner);
                    Answer::<Reply>::Reply(updater.answer(request))
                },
            );
            if let Err(error) = answered {
                tracing::error!("updates are no longer served: {error}");
            }
        })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        notify.ready();
        let mut beat = tokio::time::interval(WATCHDOG_INTERVAL);
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = beat.tick() => notify.watchdog(),
            }
        }
    })
}

fn places(running: Slot, passed: &mut Passed, keys: &Path) -> Result<Places, Box<dyn Error>> {
    Ok(Places {
        running,
        source: passed.file("slot-running")?,
        target: passed.file("slot-other")?,
        state: StateFile::of(passed.file("boot-state")?, "the boot state"),
        keys: keys_of_firmware(keys)?,
        guard: Guard::RunningIsGood,
        patcher: Some(Box::new(Programs)),
    })
}

/// Between two signs of life to PID 1.
const WATCHDOG_INTERVAL: Duration = Duration::from_secs(2);
