//! Ctrl-C and SIGTERM: end the lab whatever it is doing, and leave nothing behind.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{SigSet, Signal};

use crate::leftovers;

/// Who wants to hear of it instead of being ended at once.
static LISTENER: Mutex<Option<Sender<()>>> = Mutex::new(None);

/// Takes over Ctrl-C, SIGTERM and SIGHUP. Called once, before any other thread is started, so that
/// every thread has them blocked.
///
/// # Errors
/// The system refuses the signal mask or the thread.
pub fn take_over() -> std::io::Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block()?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || watch(&signals))?;
    Ok(())
}

/// From now on an interrupt is only reported here, so that the lab can be taken down in order. A
/// second one ends it at once.
pub fn listen() -> Receiver<()> {
    let (sender, receiver) = channel();
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    receiver
}

fn watch(signals: &SigSet) {
    while let Ok(signal) = signals.wait() {
        let listener = LISTENER
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if listener.is_some_and(|listener| listener.send(()).is_ok()) {
            continue;
        }
        image::progress::step("Stopping");
        end(signal);
    }
}

#[expect(
    clippy::exit,
    reason = "other threads may be waiting for minutes; all of it ends here"
)]
fn end(signal: Signal) -> ! {
    leftovers::end_all();
    std::process::exit(EXIT_BY_SIGNAL + signal as i32)
}

/// What a shell reports for a program that ended by signal n: 128 + n.
const EXIT_BY_SIGNAL: i32 = 128;
