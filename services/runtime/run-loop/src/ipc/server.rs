//! The answering side: a thread a connection, bounded, peers known by their user id.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, PoisonError};

use ipc::frame::{Decoder, append};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Connections served at once; the box has five services that hold one or two each. A thread each
/// must fit the 64 that PID 1 allows a service.
const CONNECTIONS_MAX: usize = 48;

/// Connections of one other user at once: one service gone wrong must not keep the others out, nor
/// fill our memory with half-sent frames.
const CONNECTIONS_PER_USER_MAX: usize = 8;

/// Who is asking, as the kernel attests it (`SO_PEERCRED`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// User id of the process at the other end.
    pub uid: u32,
}

/// What a handler does with a request.
#[derive(Debug)]
pub enum Answer<Reply> {
    /// Send this, wait for the next request.
    Reply(Reply),
    /// The handler took the connection over (a watch); it has ended.
    Done,
}

/// A connection as a handler sees it.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    /// Who is at the other end.
    pub peer: Peer,
}

impl Connection {
    /// Sends one reply outside the question-answer order: for watches.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn push<T: Serialize>(&mut self, reply: &T) -> std::io::Result<()> {
        let mut frame = Vec::new();
        append(&mut frame, reply).map_err(std::io::Error::other)?;
        self.send(&frame)
    }

    /// Sends frames as they are.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn send(&mut self, frames: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(frames)
    }

    /// Whether the peer is still there: for watches, which may have nothing to push for days and
    /// must not hold a place for a service that has restarted since.
    #[must_use]
    pub fn is_open(&self) -> bool {
        use rustix::net::RecvFlags;
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recv(&self.stream, &mut [0_u8; 1], flags) {
            Ok((_, count)) => count > 0,
            Err(error) => matches!(error, rustix::io::Errno::AGAIN | rustix::io::Errno::INTR),
        }
    }
}

/// For whoever waits on several connections.
impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// A connection that was taken, and its place among all.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub connection: Connection,
    _place: Place,
}

/// The user id at the other end of a Unix socket.
///
/// # Errors
/// The socket is not a connected Unix socket.
pub fn peer_uid(socket: impl AsFd) -> std::io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(socket)?.uid.as_raw())
}

/// Answers connections until the listener fails; never returns in normal life.
///
/// Peers that `allow` refuses are closed at once. The process's own user id is always allowed: in
/// a native run every service has the same one.
///
/// # Errors
/// The listener itself failed.
pub fn serve<Request, Reply>(
    listener: &UnixListener,
    allow: impl Fn(u32) -> bool,
    handler: impl Fn(&mut Connection, Request) -> Answer<Reply> + Send + Sync + 'static,
) -> std::io::Result<()>
where
    Request: DeserializeOwned + 'static,
    Reply: Serialize + 'static,
{
    let handler = Arc::new(handler);
    accept(listener, allow, |accepted| {
        let handler = Arc::clone(&handler);
        let spawned = std::thread::Builder::new()
            .name("ipc".into())
            .stack_size(STACK_BYTES)
            .spawn(move || answer(accepted, &*handler));
        if let Err(error) = spawned {
            tracing::warn!("no thread for a connection: {error}");
        }
    })
}

/// Takes connections until the listener fails, and hands them over; for a service that answers them
/// itself. Who is refused, and how many there may be, is as in [`serve`].
///
/// # Errors
/// The listener itself failed.
pub fn accept(
    listener: &UnixListener,
    allow: impl Fn(u32) -> bool,
    mut take: impl FnMut(Accepted),
) -> std::io::Result<()> {
    let places = Places::default();
    let own = rustix::process::geteuid().as_raw();
    listener.set_nonblocking(false)?;
    loop {
        let (stream, _) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => return Err(error),
        };
        let Ok(uid) = peer_uid(&stream) else { continue };
        if uid != own && !allow(uid) {
            tracing::warn!(uid, "a process that may not ask was refused");
            continue;
        }
        let per_user_max = if uid == own {
            CONNECTIONS_MAX
        } else {
            CONNECTIONS_PER_USER_MAX
        };
        let Some(place) = places.take(uid, per_user_max) else {
            tracing::warn!(uid, "refused a connection: too many are open already");
            continue;
        };
        let peer = Peer { uid };
        take(Accepted {
            connection: Connection { stream, peer },
            _place: place,
        });
    }
}

/// How many connections each user has open.
#[derive(Clone, Default, Debug)]
struct Places {
    taken: Arc<Mutex<BTreeMap<u32, usize>>>,
}

/// One connection's place; given back however the connection ends.
#[derive(Debug)]
struct Place {
    places: Places,
    uid: u32,
}

impl Places {
    /// Takes a place, unless this user or all together have too many.
    fn take(&self, uid: u32, per_user_max: usize) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.entry(uid).or_default();
        if all >= CONNECTIONS_MAX || *own >= per_user_max {
            return None;
        }
        *own += 1;
        Some(Place {
            places: self.clone(),
            uid,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let taken = &self.places.taken;
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.uid) {
            *count = count.saturating_sub(1);
        }
    }
}

fn answer<Request: DeserializeOwned, Reply: Serialize>(
    accepted: Accepted,
    handler: &dyn Fn(&mut Connection, Request) -> Answer<Reply>,
) {
    let Accepted {
        mut connection,
        _place,
    } = accepted;
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let request = match decoder.pop::<Request>() {
            Ok(Some(request)) => request,
            Ok(None) => match connection.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    decoder.push(buffer.get(..count).unwrap_or_default());
                    continue;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            },
            Err(fault) => {
                tracing::warn!(uid = connection.peer.uid, "closed a connection: {fault}");
                return;
            }
        };
        match handler(&mut connection, request) {
            Answer::Reply(reply) => {
                if connection.push(&reply).is_err() {
                    return;
                }
            }
            Answer::Done => return,
        }
    }
}

fn is_of_one_connection(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::Interrupted
            | std::io::ErrorKind::ConnectionAborted
            | std::io::ErrorKind::ConnectionReset
    )
}

/// Room to read a whole site, which is deep and large in a build without optimisation. Only what is
/// touched takes memory.
const STACK_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_cannot_take_every_place() {
        let places = Places::default();
        let mut greedy: Vec<_> = (0..100)
            .filter_map(|_| places.take(103, CONNECTIONS_PER_USER_MAX))
            .collect();
        assert_eq!(greedy.len(), CONNECTIONS_PER_USER_MAX);
        let other = places.take(105, CONNECTIONS_PER_USER_MAX);
        assert!(other.is_some(), "another user's are free");
        greedy.pop();
        assert!(places.take(103, CONNECTIONS_PER_USER_MAX).is_some());
    }

    #[test]
    fn all_users_together_have_a_limit() {
        let places = Places::default();
        let all: Vec<_> = (0..100).filter_map(|uid| places.take(uid, 1)).collect();
        assert_eq!(all.len(), CONNECTIONS_MAX);
    }
}
