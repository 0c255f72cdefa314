//! Every TCP connection of the PBX, and how many there may be.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pbx::{Input, StreamId};
use sansio::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::connection::{self, Outgoing};

/// Connections open at once; half of the usual 1,024 descriptors.
pub(super) const STREAMS_MAX: usize = 512;

/// Connections from one address: an office behind one router has tens of phones.
const STREAMS_PER_HOST_MAX: usize = 64;

/// Connections accepted and not yet looked at.
const ACCEPTED_MAX: usize = 16;

/// Rest after a failed accept, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The open connections by name.
#[derive(Debug)]
pub(super) struct Streams {
    open: BTreeMap<StreamId, Open>,
    by_host: BTreeMap<IpAddr, usize>,
    named: StreamId,
    feed: mpsc::Sender<Input>,
}

#[derive(Debug)]
struct Open {
    host: IpAddr,
    /// `None` once we have closed our side.
    outgoing: Option<Outgoing>,
}

impl Streams {
    /// No connections; theirs will report to `feed`.
    pub(super) const fn new(feed: mpsc::Sender<Input>) -> Self {
        Self {
            open: BTreeMap::new(),
            by_host: BTreeMap::new(),
            named: 0,
            feed,
        }
    }

    /// Takes an accepted connection in, or drops it when there are too many.
    pub(super) fn admit(&mut self, socket: TcpStream, remote: SocketAddr) -> Option<Input> {
        let host = remote.ip();
        let of_host = self.by_host.get(&host).copied().unwrap_or(0);
        if self.open.len() >= STREAMS_MAX || of_host >= STREAMS_PER_HOST_MAX {
            tracing::debug!(%remote, of_host, all = self.open.len(), "too many connections");
            return None;
        }
        let local = socket.local_addr().ok()?;
        self.named += 1;
        let stream = self.named;
        let (outgoing, queue) = connection::outgoing();
        tokio::spawn(connection::run(socket, stream, queue, self.feed.clone()));
        self.open.insert(
            stream,
            Open {
                host,
                outgoing: Some(outgoing),
            },
        );
        self.by_host.insert(host, of_host + 1);
        Some(Input::StreamOpened {
            stream,
            transport: Transport::Tcp,
            remote,
            local,
        })
    }

    /// Queues bytes; a connection that does not drain its queue is closed.
    pub(super) fn send(&mut self, stream: StreamId, bytes: Vec<u8>) {
        let Some(outgoing) = self
            .open
            .get(&stream)
            .and_then(|open| open.outgoing.as_ref())
        else {
            return;
        };
        if !outgoing.send(bytes) {
            self.close(stream);
        }
    }

    /// Closes our side; [`Input::StreamClosed`] follows from the connection itself.
    pub(super) fn close(&mut self, stream: StreamId) {
        if let Some(open) = self.open.get_mut(&stream) {
            open.outgoing = None;
        }
    }

    /// Forgets a connection that has reported its end.
    pub(super) fn forget(&mut self, stream: StreamId) {
        let Some(open) = self.open.remove(&stream) else {
            return;
        };
        let left = self
            .by_host
            .get(&open.host)
            .copied()
            .unwrap_or(0)
            .saturating_sub(1);
        if left == 0 {
            self.by_host.remove(&open.host);
        } else {
            self.by_host.insert(open.host, left);
        }
    }
}

/// Accepts on a task of its own, so that a broken accept never holds the loop up.
pub(super) fn accept(listener: TcpListener) -> mpsc::Receiver<(TcpStream, SocketAddr)> {
    let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok(connection) => {
                    if sender.send(connection).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot accept a SIP connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_host_cannot_take_every_connection() {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("bound");
        let mut accepted = accept(listener);
        let (feeder, mut feed) = mpsc::channel(8);
        let mut streams = Streams::new(feeder);
        let mut peers = Vec::new();
        for count in 1..=STREAMS_PER_HOST_MAX + 1 {
            peers.push(TcpStream::connect(address).await.expect("listening"));
            let (socket, remote) = accepted.recv().await.expect("accepting");
            let admitted = streams.admit(socket, remote).is_some();
            assert_eq!(admitted, count <= STREAMS_PER_HOST_MAX, "{count}");
        }
        peers.remove(0);
        let closed = feed.recv().await;
        assert_eq!(closed, Some(Input::StreamClosed { stream: 1 }));
        streams.forget(1);
        let _peer = TcpStream::connect(address).await.expect("listening");
        let (socket, remote) = accepted.recv().await.expect("accepting");
        assert!(streams.admit(socket, remote).is_some());
    }
}
