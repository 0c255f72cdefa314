//! `ramal media`: the RTP relay and its Unix socket.

use std::error::Error;

use media::PortRange;
use run_loop::notify::Notify;
use run_loop::passed::Passed;

/// Command line of `ramal media`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal media --ports 20000-20999")]
pub(crate) struct Arguments {
    /// UDP ports for calls, two pairs a call: FIRST-LAST, even to odd.
    #[arg(long, value_name = "RANGE", default_value_t = PortRange::DEFAULT)]
    ports: PortRange,
}

/// Runs the service until PID 1 stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let listener = Passed::from_env().unix_listener("ipc")?;
    media::serve(listener, &notify, arguments.ports)?;
    Ok(())
}
