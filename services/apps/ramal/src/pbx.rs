//! `ramal pbx`: being composed.

use std::error::Error;

/// Command line of `ramal pbx`.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Runs the service until PID 1 stops it.
pub(crate) fn run(_arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    Err("not composed yet".into())
}
