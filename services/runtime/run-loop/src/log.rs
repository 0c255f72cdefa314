//! Log lines: compact, on standard error; PID 1 adds the service and the time.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::LevelFilter;

/// Starts logging. `RAMAL_LOG` is one of `error`, `warn`, `info` (the default), `debug`, `trace`.
pub fn init() {
    let level = std::env::var("RAMAL_LOG")
        .ok()
        .and_then(|level| level.parse::<LevelFilter>().ok())
        .unwrap_or(LevelFilter::INFO);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .finish();
    // A second call keeps the first subscriber: tests in one process may all ask.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Has a panic say where, and not why: what a library says as it panics may quote what it was
/// reading, which may be a secret, or made to command a terminal.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!("panicked at {}", place.unwrap_or_default());
    }));
}
