//! The answering side: a thread a connection, bounded, peers known by their user id.

use std::io::{Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipc::frame::{Decoder, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Connections served at once; the box has five services that hold one or two each.
const CONNECTIONS_MAX: usize = 64;

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
        let frame = encode(reply).map_err(std::io::Error::other)?;
        self.stream.write_all(&frame)
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
    let open = Arc::new(AtomicUsize::new(0));
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
        if open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            tracing::warn!(
                uid,
                "refused a connection: {CONNECTIONS_MAX} are open already"
            );
            continue;
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (handler, slot) = (Arc::clone(&handler), Slot(Arc::clone(&open)));
        let connection = Connection {
            stream,
            peer: Peer { uid },
        };
        let spawned = std::thread::Builder::new()
            .name("ipc".into())
            .stack_size(256 * 1024)
            .spawn(move || {
                let _slot = slot;
                answer(connection, &*handler);
            });
        if let Err(error) = spawned {
            tracing::warn!("no thread for a connection: {error}");
        }
    }
}

/// Gives a connection's place back, however its thread ends.
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer<Request: DeserializeOwned, Reply: Serialize>(
    mut connection: Connection,
    handler: &dyn Fn(&mut Connection, Request) -> Answer<Reply>,
) {
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
