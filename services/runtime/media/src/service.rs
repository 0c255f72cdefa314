//! The relay as a service: its Unix socket, who may ask, and the pump on the calling thread.

use std::os::unix::net::UnixListener;

use ipc::media::{Reply, Request};
use run_loop::clock::Clock;
use run_loop::ipc::Answer;
use run_loop::notify::Notify;
use run_loop::uid;

use crate::control::Control;
use crate::endpoint::Settings;
use crate::pump::{Pump, PumpError};
use crate::table::RELAYS_MAX;

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The relay thread broke.
    #[error(transparent)]
    Pump(#[from] PumpError),
    /// No thread for the control socket.
    #[error("no thread for the control socket: {0}")]
    Thread(std::io::Error),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] run_loop::RandomError),
}

/// Serves until something breaks; SIGTERM ends the process at once, since relays hold nothing that
/// must be kept.
///
/// # Errors
/// What broke.
pub fn serve(
    listener: UnixListener,
    notify: &Notify,
    settings: &Settings,
) -> Result<(), ServeError> {
    let range = settings.ports;
    settings.folders.repair();
    let mut start = [0; 8];
    run_loop::fill_random(&mut start)?;
    raise_descriptor_limit();
    let (pump, control) = Pump::new(Clock::start(), range, u64::from_le_bytes(start))?;
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || answer(&listener, &control))
        .map_err(ServeError::Thread)?;
    tracing::info!("relaying on UDP ports {range}");
    notify.ready();
    pump.run(|| notify.watchdog())?;
    Ok(())
}

fn answer(listener: &UnixListener, control: &Control) {
    let asked = control.clone();
    let own = rustix::process::geteuid().as_raw();
    let allow = |uid| [uid::PBX, uid::WEB, uid::ROOT].contains(&uid);
    let served = run_loop::ipc::serve(listener, allow, move |connection, request: Request| {
        let uid = connection.peer.uid;
        if uid != own && !may_ask(uid, &request) {
            tracing::warn!(uid, "a process that may only look tried to change a relay");
            return Answer::Reply(Reply::Refused { uid });
        }
        asked.ask(request).map_or(Answer::Done, Answer::Reply)
    });
    if let Err(error) = served {
        // A pump that has ended already needs no reason.
        let _ = control.stop(error);
    }
}

/// `pbx` rules the relays; `web` and a person at the box may look.
const fn may_ask(peer: u32, request: &Request) -> bool {
    match request {
        Request::Status => matches!(peer, uid::PBX | uid::WEB | uid::ROOT),
        Request::Open(_)
        | Request::Reopen(..)
        | Request::Set(..)
        | Request::Close(_)
        | Request::KeepOnly(_) => peer == uid::PBX,
    }
}

/// Four sockets a relay are more than the usual soft limit of 1,024.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!("the descriptor limit stays, so {RELAYS_MAX} relays may not fit: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pbx_changes_relays() {
        assert!(may_ask(uid::PBX, &Request::Open(1)));
        for looker in [uid::WEB, uid::ROOT] {
            assert!(may_ask(looker, &Request::Status));
            assert!(!may_ask(looker, &Request::Close(1)));
        }
        assert!(!may_ask(uid::NET, &Request::Status));
    }
}
