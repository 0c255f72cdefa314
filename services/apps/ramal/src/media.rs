//! `ramal media`: everything calls hear, and its Unix socket.

use std::error::Error;
use std::path::PathBuf;

use media::{Folders, PortRange, Settings};
use run_loop::notify::Notify;
use run_loop::passed::Passed;

/// Command line of `ramal media`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal media --ports 20000-20999 --recordings /data/recordings")]
pub(crate) struct Arguments {
    /// UDP ports for calls, two a peer: FIRST-LAST, even to odd.
    #[arg(long, value_name = "RANGE", default_value_t = PortRange::DEFAULT)]
    ports: PortRange,
    /// Folder calls are recorded into; without it, none are.
    #[arg(long, value_name = "FOLDER")]
    recordings: Option<PathBuf>,
    /// Folder of the WAV files calls can be played; without it, none are.
    #[arg(long, value_name = "FOLDER")]
    sounds: Option<PathBuf>,
}

/// Runs the service until PID 1 stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let listener = Passed::from_env().unix_listener("ipc")?;
    let settings = Settings {
        ports: arguments.ports,
        folders: Folders {
            recordings: arguments.recordings.clone(),
            sounds: arguments.sounds.clone(),
        },
    };
    media::serve(listener, &notify, &settings)?;
    Ok(())
}
