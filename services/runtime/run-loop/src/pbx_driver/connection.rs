//! One stream connection, TCP or TLS: bounded both ways, and closed when nothing comes of it.
//!
//! ```text
//!   opened ──(nothing answered in 30 s)──> closed         a half-open or mute peer
//!      │ first answer                        ^
//!      v                                     │
//!   in use ──(silent for 65 min, or a write stuck for 10 s, or told to)
//! ```

use std::sync::Arc;
use std::time::Duration;

use pbx::{Input, StreamId};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsStream;

use super::{keeper, marks};

/// A peer that has sent nothing worth an answer by then is half-open, slow on purpose, or lost.
const FIRST_ANSWER_MAX: Duration = Duration::from_secs(30);

/// Longest silence on a connection in use: a phone registers again within the hour.
const SILENCE_MAX: Duration = Duration::from_secs(65 * 60);

/// A peer that does not take what we send for this long is gone.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// Data unacknowledged for this long means that the peer is gone (tcp(7) `TCP_USER_TIMEOUT`): a
/// phone that lost its power, a router that forgot. The kernel's own patience is a quarter of an
/// hour, in which every call to the phone would fail.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// Bytes read at once: a message or two. There may be thousands of connections.
const READ_LENGTH: usize = 4 * 1024;

/// Messages waiting to be written. A peer that lets more pile up is cut off.
const OUTGOING_MAX: usize = 64;

/// Bytes waiting to be written: two of the longest messages. A stranger who asks at length and
/// reads nothing holds no more than this.
const OUTGOING_BYTES_MAX: usize = 128 * 1024;

/// The loop's end of what waits to be written. Dropping it closes the connection once everything
/// queued is written.
#[derive(Debug)]
pub(super) struct Outgoing {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// The connection's end of it.
pub(super) type OutgoingQueue = mpsc::Receiver<Waiting>;

/// A message, and the room it takes until it is written.
#[derive(Debug)]
pub(super) struct Waiting {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

/// An empty queue of messages to be written.
pub(super) fn outgoing() -> (Outgoing, OutgoingQueue) {
    let (queue, waiting) = mpsc::channel(OUTGOING_MAX);
    let room = Arc::new(Semaphore::new(OUTGOING_BYTES_MAX));
    (Outgoing { queue, room }, waiting)
}

impl Outgoing {
    /// Queues a message; false when too much waits already, or the connection has ended.
    pub(super) fn send(&self, bytes: Vec<u8>) -> bool {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Arc::clone(&self.room)
            .try_acquire_many_owned(length)
            .is_ok_and(|_room| self.queue.try_send(Waiting { bytes, _room }).is_ok())
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(super) enum Socket {
    /// Plain.
    Tcp(TcpStream),
    /// Inside TLS, the handshake done; either side of it.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Serves a connection until either side ends it, then reports [`Input::StreamClosed`]. `answered`
/// says that it need not prove itself: it came over from an earlier process, or is to a server.
pub(super) async fn run(
    socket: Socket,
    stream: StreamId,
    answered: bool,
    outgoing: OutgoingQueue,
    feed: mpsc::Sender<Input>,
) {
    let exchange = Exchange {
        stream,
        answered,
        outgoing,
        feed: &feed,
    };
    match socket {
        Socket::Tcp(socket) => {
            let (mut reader, mut writer) = socket.into_split();
            exchange.run(&mut reader, &mut writer).await;
            keeper::end(reader.as_ref());
        }
        Socket::Tls(socket) => {
            let (mut reader, mut writer) = tokio::io::split(*socket);
            exchange.run(&mut reader, &mut writer).await;
        }
    }
    // The loop gone means the process is ending.
    let _ = feed.send(Input::StreamClosed { stream }).await;
}

struct Exchange<'a> {
    stream: StreamId,
    answered: bool,
    outgoing: OutgoingQueue,
    feed: &'a mpsc::Sender<Input>,
}

impl Exchange<'_> {
    async fn run(
        mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) {
        let mut buffer = vec![0; READ_LENGTH];
        let mut give_up = Instant::now() + self.patience();
        loop {
            tokio::select! {
                read = reader.read(&mut buffer) => {
                    let Ok(length @ 1..) = read else { return };
                    let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                    let stream = self.stream;
                    if self.feed.send(Input::StreamBytes { stream, bytes }).await.is_err() {
                        return;
                    }
                }
                waiting = self.outgoing.recv() => {
                    let Some(Waiting { bytes, _room }) = waiting else {
                        // Told to close: the peer sees an orderly end.
                        let _ = timeout(WRITE_MAX, writer.shutdown()).await;
                        return;
                    };
                    self.answered = true;
                    let written = async {
                        writer.write_all(&bytes).await?;
                        // TLS may hold a record back otherwise.
                        writer.flush().await
                    };
                    if !matches!(timeout(WRITE_MAX, written).await, Ok(Ok(()))) {
                        return;
                    }
                }
                () = sleep_until(give_up) => {
                    let (stream, answered) = (self.stream, self.answered);
                    tracing::debug!(stream, answered, "closed a silent connection");
                    return;
                }
            }
            if self.answered {
                give_up = Instant::now() + SILENCE_MAX;
            }
        }
    }

    const fn patience(&self) -> Duration {
        if self.answered {
            SILENCE_MAX
        } else {
            FIRST_ANSWER_MAX
        }
    }
}

/// Lets the kernel find dead peers: a probe after a minute of silence, given up after three.
pub(super) fn prepare(socket: &TcpStream) {
    use rustix::net::sockopt;
    let unacknowledged = u32::try_from(UNACKNOWLEDGED_MAX.as_millis()).unwrap_or(u32::MAX);
    let set = || {
        sockopt::set_tcp_nodelay(socket, true)?;
        sockopt::set_socket_keepalive(socket, true)?;
        sockopt::set_tcp_keepidle(socket, Duration::from_secs(60))?;
        sockopt::set_tcp_keepintvl(socket, Duration::from_secs(20))?;
        sockopt::set_tcp_keepcnt(socket, 3)?;
        sockopt::set_tcp_user_timeout(socket, unacknowledged)
    };
    if let Err(error) = set() {
        tracing::debug!("a connection goes without keep-alive: {error}");
    }
    if let Ok(local) = socket.local_addr() {
        marks::mark(socket, local.ip());
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn connections_are_marked_cs3_in_both_families_and_from_both_ends() {
        use rustix::net::sockopt;
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(host).await.expect("a port is free");
            let address = listener.local_addr().expect("bound");
            let (made, taken) = tokio::join!(TcpStream::connect(address), listener.accept());
            for socket in [made.expect("connected"), taken.expect("connected").0] {
                prepare(&socket);
                let class = if address.is_ipv4() {
                    sockopt::ip_tos(&socket).map(u32::from)
                } else {
                    sockopt::ipv6_tclass(&socket)
                };
                assert_eq!(class, Ok(24 << 2), "{host}");
            }
        }
    }

    struct Pair {
        peer: TcpStream,
        outgoing: Outgoing,
        feed: mpsc::Receiver<Input>,
    }

    async fn connect() -> Pair {
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let listener = TcpListener::bind(any).await.expect("a port is free");
        let address = listener.local_addr().expect("bound");
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (outgoing, queue) = outgoing();
        let (feeder, feed) = mpsc::channel(8);
        let socket = accepted.expect("connected").0;
        tokio::spawn(run(Socket::Tcp(socket), 7, false, queue, feeder));
        Pair {
            peer: peer.expect("connected"),
            outgoing,
            feed,
        }
    }

    async fn end_of(peer: &mut TcpStream) -> Vec<u8> {
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).await.expect("an orderly end");
        rest
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_open_connection_is_closed_after_30_s() {
        let mut pair = connect().await;
        let opened = Instant::now();
        pair.peer
            .write_all(b"REGISTER sip:box SIP/2.0\r\nVia: ")
            .await
            .expect("sent");
        assert_eq!(end_of(&mut pair.peer).await, b"");
        assert_eq!(opened.elapsed().as_secs(), 30);
        assert!(matches!(
            pair.feed.recv().await,
            Some(Input::StreamBytes { .. })
        ));
        let closed = Input::StreamClosed { stream: 7 };
        assert_eq!(pair.feed.recv().await, Some(closed));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answered_connection_may_be_silent_for_an_hour() {
        let mut pair = connect().await;
        assert!(pair.outgoing.send(b"SIP/2.0 200 OK\r\n".to_vec()));
        let opened = Instant::now();
        assert_eq!(end_of(&mut pair.peer).await, b"SIP/2.0 200 OK\r\n");
        assert!(opened.elapsed() >= SILENCE_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_queued_is_written_before_a_close() {
        let mut pair = connect().await;
        for word in [&b"one "[..], b"two"] {
            assert!(pair.outgoing.send(word.to_vec()));
        }
        drop(pair.outgoing);
        assert_eq!(end_of(&mut pair.peer).await, b"one two");
    }

    #[tokio::test]
    async fn a_peer_that_reads_nothing_holds_little_memory() {
        let (outgoing, mut queue) = outgoing();
        let message = vec![0; 60 * 1024];
        assert!(outgoing.send(message.clone()) && outgoing.send(message.clone()));
        assert!(!outgoing.send(message.clone()));
        // What is written makes room again.
        assert!(queue.recv().await.is_some());
        assert!(outgoing.send(message));
    }
}
