//! Media as a service: its Unix socket, who may ask, the threads for files, and the pump on the
//! calling thread.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel, sync_channel};
use std::time::{Duration, SystemTime};

use ipc::sound::{Clip, Keeping, Reply, Request, Source, take_of};
use run_loop::clock::Clock;
use run_loop::ipc::{Accepted, Connection};
use run_loop::notify::Notify;
use run_loop::uid;

use super::control::{Control, Order};
use super::engine::ENDPOINTS_MAX;
use super::files::{FileError, Folders};
use super::links::{Link, do_jobs};
use super::precedence;
use super::pump::{Pump, PumpError};
use super::shelf::Shelf;
use super::sounds::Sounds;
use crate::ports::PortRange;

/// What the service is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// UDP ports for calls, two a peer.
    pub ports: PortRange,
    /// Where recordings go and sounds come from.
    pub folders: Folders,
}

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The media thread broke.
    #[error(transparent)]
    Pump(#[from] PumpError),
    /// No thread for the control socket, or for files.
    #[error("no thread for the control socket or for files: {0}")]
    Thread(std::io::Error),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] run_loop::RandomError),
}

/// Serves until something breaks; SIGTERM ends the process at once: what it holds is told again by
/// `pbx`, and recordings are repaired at the next start.
///
/// # Errors
/// What broke.
pub fn serve(
    listener: UnixListener,
    notify: &Notify,
    settings: &Settings,
) -> Result<(), ServeError> {
    let mut seed = [0; 8];
    run_loop::fill_random(&mut seed)?;
    raise_descriptor_limit();
    let (ports, folders) = (settings.ports, settings.folders.clone());
    let (pump, control) = Pump::new(Clock::start(), ports, u64::from_le_bytes(seed))?;
    let old = folders.clone();
    let started = SystemTime::now();
    // There may be very many, and calls wait for this process.
    std::thread::Builder::new()
        .name("repair".into())
        .spawn(move || old.repair(started))
        .map_err(ServeError::Thread)?;
    let (jobs, slow) = sync_channel(JOBS_MAX);
    let (asked, adopting) = (control.clone(), control.clone());
    let shelf = Shelf::new(folders.recordings.clone());
    let (keeping, told) = channel();
    let files = Files {
        sounds: Arc::new(Sounds::new(folders.sounds)),
        shelf: shelf.clone(),
        keeping,
    };
    let serve = move |accepted: &mut Accepted, request| {
        answer(&asked, &files, &mut accepted.connection, request)
    };
    std::thread::Builder::new()
        .name("shelf".into())
        .spawn(move || shelf.look_after(&told))
        .map_err(ServeError::Thread)?;
    let adopt = move |link| adopting.adopt(link);
    std::thread::Builder::new()
        .name("jobs".into())
        .spawn(move || do_jobs(&slow, &serve, &adopt))
        .map_err(ServeError::Thread)?;
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || take(&listener, &control))
        .map_err(ServeError::Thread)?;
    tracing::info!("endpoints on UDP ports {ports}");
    go_first();
    notify.ready();
    pump.serving(jobs).run(|| notify.watchdog())?;
    Ok(())
}

/// Puts this thread before the others, where that is allowed.
fn go_first() {
    match precedence::take() {
        Ok(Some(priority)) => tracing::info!("voice goes first: real-time priority {priority}"),
        Ok(None) => tracing::debug!("voice has no real-time priority here"),
        Err(error) => tracing::warn!("voice waits with all others: {error}"),
    }
}

/// Takes connections and hands them to the pump.
fn take(listener: &UnixListener, control: &Control) {
    let allow = |uid| [uid::PBX, uid::WEB, uid::ROOT].contains(&uid);
    let own = rustix::process::geteuid().as_raw();
    let taken = run_loop::ipc::accept(listener, allow, |accepted| {
        let is_own = accepted.connection.peer.uid == own;
        let link = Link::new(accepted, if is_own { |_, _| true } else { may_ask });
        // A pump that has ended needs no links.
        let _ = control.adopt(link);
    });
    if let Err(error) = taken {
        // A pump that has ended already needs no reason.
        let _ = control.stop(error);
    }
}

/// Answers a request that takes a file, or time; nothing when the connection is over.
fn answer(
    control: &Control,
    files: &Files,
    connection: &mut Connection,
    request: Request,
) -> Option<Reply> {
    let answered = match request {
        Request::Watch => {
            watch(connection, control);
            return None;
        }
        Request::KeepRecordings(keeping) => {
            // The thread that looks after them ends with the process only.
            let _ = files.keeping.send(keeping);
            Ok(Reply::Done)
        }
        Request::Recordings => files.shelf.list().map(Reply::Recordings),
        Request::DeleteRecording(name) => Ok(files.shelf.delete(&name)),
        Request::ReadRecording { name, offset } => Ok(files.shelf.read(&name, offset)),
        request => match prepare(files, request) {
            Ok(order) => return control.order(order).ok(),
            Err(error) => Err(error),
        },
    };
    let failed = |error: FileError| Reply::Failed {
        reason: error.to_string(),
    };
    Some(answered.unwrap_or_else(failed))
}

/// What requests with files need.
#[derive(Clone)]
struct Files {
    sounds: Arc<Sounds>,
    shelf: Shelf,
    keeping: Sender<Keeping>,
}

/// Opens and reads the files of a request, so that the media thread need not wait for a disk.
fn prepare(files: &Files, request: Request) -> Result<Order, FileError> {
    Ok(match request {
        Request::Hear(id, Source::Clip(Clip::File(name))) => {
            Order::Play(id, files.sounds.load(&name)?)
        }
        Request::Hear(id, Source::Clip(Clip::Music(name))) => match files.sounds.load(&name) {
            Ok(sound) if !sound.samples.is_empty() => Order::PlayOn(id, name, sound),
            loaded => {
                // Nobody waits in silence because a file is missing.
                let reason = loaded.map_or_else(|it| it.to_string(), |_| "it is empty".into());
                tracing::warn!("the music {name} cannot be played: {reason}");
                Order::Plain(Request::Hear(id, Source::Clip(Clip::MusicOnHold)))
            }
        },
        Request::Record { id, file } => {
            if take_of(&file).is_some() {
                files.shelf.make_way();
            }
            match files.shelf.create(&file) {
                Ok(opened) => Order::Record(id, file, opened),
                Err(error) if error.is_there() => Order::Recorded(id, file, error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Request::Open { .. }
        | Request::Set(..)
        | Request::Hear(..)
        | Request::Dial { .. }
        | Request::StopRecording(_)
        | Request::KeepRecordings(_)
        | Request::Recordings
        | Request::DeleteRecording(_)
        | Request::ReadRecording { .. }
        | Request::Close(_)
        | Request::KeepOnly(_)
        | Request::Status
        | Request::Watch => Order::Plain(request),
    })
}

/// Pushes events until the watcher is gone or behind.
fn watch(connection: &mut Connection, control: &Control) {
    let Ok(events) = control.watch() else { return };
    loop {
        match events.recv_timeout(LOOK) {
            Ok(event) => {
                if connection.push(&Reply::Event(event)).is_err() {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) if connection.is_open() => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// `pbx` rules the endpoints; `web` and a person at the box may look, and `web` deletes recordings
/// for an administrator.
const fn may_ask(peer: u32, request: &Request) -> bool {
    match request {
        Request::Status | Request::Watch => matches!(peer, uid::PBX | uid::WEB | uid::ROOT),
        Request::Recordings => matches!(peer, uid::WEB | uid::ROOT),
        Request::DeleteRecording(_) | Request::ReadRecording { .. } => peer == uid::WEB,
        Request::Open { .. }
        | Request::Set(..)
        | Request::Hear(..)
        | Request::Dial { .. }
        | Request::Record { .. }
        | Request::StopRecording(_)
        | Request::KeepRecordings(_)
        | Request::Close(_)
        | Request::KeepOnly(_) => peer == uid::PBX,
    }
}

/// Two sockets an endpoint are more than the usual soft limit of 1,024.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(
            "the descriptor limit stays, so {ENDPOINTS_MAX} endpoints may not fit: {error}"
        );
    }
}

/// Requests that wait for a thread; more than there are connections.
const JOBS_MAX: usize = 64;

/// How often a watch without events looks whether anybody still watches.
const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pbx_changes_endpoints() {
        assert!(may_ask(uid::PBX, &Request::Close(1)));
        for looker in [uid::WEB, uid::ROOT] {
            assert!(may_ask(looker, &Request::Status));
            assert!(may_ask(looker, &Request::Watch));
            assert!(!may_ask(looker, &Request::Close(1)));
        }
        assert!(!may_ask(uid::NET, &Request::Status));
        let delete = Request::DeleteRecording("a.wav".into());
        assert!(may_ask(uid::WEB, &delete));
        assert!(!may_ask(uid::PBX, &delete) && !may_ask(uid::ROOT, &delete));
    }
}
