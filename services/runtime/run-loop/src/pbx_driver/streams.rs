//! Every stream connection of the PBX, accepted or made, and how many there may be.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipc::masquerade::Listener;
use masquerade::Sight;
use pbx::{Hop, Input, STREAM_OUTBOUND, StreamId, Trust};
use sansio::{Transport, network_of};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::connection::{self, Outgoing, Socket};
use super::dial::{self, Dialled};
use super::keeper::Keeper;
use crate::syn::{self, Syn};

/// Connections open at once: as many phones as a large site has. One inside TLS takes about
/// 40 KiB, so all of them 80 MiB, which is below what the box gives the process.
pub(super) const STREAMS_MAX: usize = 2048;

/// Connections from one IPv4 address: an office behind one router has tens of phones.
const STREAMS_PER_HOST_MAX: usize = 64;

/// Connections from one /64 of IPv6: all phones of an office, or one host that changes its address
/// at will. A quarter of all.
const STREAMS_PER_NETWORK_MAX: usize = 512;

/// Connections accepted and not yet looked at.
pub(super) const ACCEPTED_MAX: usize = 16;

/// Rest after a failed accept, such as for want of descriptors.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection that a peer has made.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) socket: Socket,
    pub(super) remote: SocketAddr,
    pub(super) local: SocketAddr,
    /// What its first packet said, where it is known.
    pub(super) syn: Option<Syn>,
}

impl Accepted {
    /// A plain one; `None` when it is gone already.
    pub(super) fn tcp(socket: TcpStream) -> Option<Self> {
        let (remote, local) = (socket.peer_addr().ok()?, socket.local_addr().ok()?);
        connection::prepare(&socket);
        let syn = syn::of(&socket);
        Some(Self {
            socket: Socket::Tcp(socket),
            remote,
            local,
            syn,
        })
    }

    /// How it began; who speaks over a connection gets what is sent to him.
    pub(super) fn sight(&self) -> Sight {
        Sight {
            ttl: self.syn.map(|syn| syn.ttl),
            mss: self.syn.and_then(|syn| syn.mss),
            is_proven: true,
            ..Sight::of(Listener::SipTcp, self.remote.ip())
        }
    }
}

/// The open connections by name.
#[derive(Debug)]
pub(super) struct Streams {
    open: BTreeMap<StreamId, Open>,
    by_host: BTreeMap<IpAddr, usize>,
    next: StreamId,
    /// Where encryption happens.
    background: Handle,
    keeper: Keeper,
    feed: mpsc::Sender<Input>,
}

#[derive(Debug)]
struct Open {
    /// Of those that were accepted.
    host: Option<IpAddr>,
    /// `None` once we have closed our side.
    outgoing: Option<Outgoing>,
}

impl Streams {
    /// No connections; theirs will report to `feed`. They are named from `first` on, which must be
    /// random: a name must not mean another connection to what was kept of an earlier process.
    pub(super) const fn new(
        first: StreamId,
        background: Handle,
        keeper: Keeper,
        feed: mpsc::Sender<Input>,
    ) -> Self {
        Self {
            open: BTreeMap::new(),
            by_host: BTreeMap::new(),
            next: first & !STREAM_OUTBOUND,
            background,
            keeper,
            feed,
        }
    }

    /// Takes an accepted connection in, or drops it when there are too many.
    pub(super) fn admit(&mut self, accepted: Accepted) -> Option<Input> {
        let host = network_of(accepted.remote.ip());
        let of_host = self.by_host.get(&host).copied().unwrap_or(0);
        let of_host_max = match host {
            IpAddr::V4(_) => STREAMS_PER_HOST_MAX,
            IpAddr::V6(_) => STREAMS_PER_NETWORK_MAX,
        };
        if self.open.len() >= STREAMS_MAX || of_host >= of_host_max {
            let (remote, all) = (accepted.remote, self.open.len());
            tracing::debug!(%remote, of_host, all, "too many connections");
            return None;
        }
        let stream = self.next;
        self.next = self.next.wrapping_add(1) & !STREAM_OUTBOUND;
        Some(self.serve(stream, accepted, false))
    }

    /// Takes back the connections that an earlier process left, under the names they had.
    pub(super) fn take_back(&mut self) -> Vec<Input> {
        let kept = self.keeper.take_back();
        let opened = kept.into_iter().filter_map(|(stream, socket)| {
            let accepted = TcpStream::from_std(socket).ok().and_then(Accepted::tcp)?;
            Some(self.serve(stream, accepted, true))
        });
        opened.collect()
    }

    fn serve(&mut self, stream: StreamId, accepted: Accepted, answered: bool) -> Input {
        let Accepted {
            socket,
            remote,
            local,
            ..
        } = accepted;
        let (outgoing, queue) = connection::outgoing();
        let feed = self.feed.clone();
        let transport = match &socket {
            Socket::Tcp(tcp) => {
                self.keeper.keep(stream, tcp);
                Transport::Tcp
            }
            Socket::Tls(_) => Transport::Tls,
        };
        let task = connection::run(socket, stream, answered, queue, feed);
        match transport {
            Transport::Tls => self.background.spawn(task),
            Transport::Tcp | Transport::Udp => tokio::spawn(task),
        };
        let host = network_of(remote.ip());
        let open = Open {
            host: Some(host),
            outgoing: Some(outgoing),
        };
        self.open.insert(stream, open);
        *self.by_host.entry(host).or_insert(0) += 1;
        Input::StreamOpened {
            stream,
            transport,
            remote,
            local,
        }
    }

    /// Connects to a server under the node's own name for the connection; what is sent on it
    /// meanwhile waits. Gives its end at once when there are too many.
    pub(super) fn connect(
        &mut self,
        stream: StreamId,
        hop: Hop,
        server_name: String,
        trust: Trust,
    ) -> Option<Input> {
        if self.open.len() >= STREAMS_MAX || self.open.contains_key(&stream) {
            tracing::warn!(to = %hop.remote, "too many connections to make one more");
            return Some(Input::StreamClosed { stream });
        }
        let (outgoing, queue) = connection::outgoing();
        let dialled = Dialled {
            hop,
            server_name,
            trust,
        };
        let task = dial::run(dialled, stream, queue, self.feed.clone());
        match hop.transport {
            Transport::Tls => self.background.spawn(task),
            Transport::Tcp | Transport::Udp => tokio::spawn(task),
        };
        let open = Open {
            host: None,
            outgoing: Some(outgoing),
        };
        self.open.insert(stream, open);
        None
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
        self.keeper.forget(stream);
        let Some(host) = open.host else { return };
        let left = self
            .by_host
            .get(&host)
            .map_or(0, |all| all.saturating_sub(1));
        if left == 0 {
            self.by_host.remove(&host);
        } else {
            self.by_host.insert(host, left);
        }
    }

    /// Lets all connections end with this process.
    pub(super) fn end(&mut self) {
        self.keeper.let_go();
    }
}

/// Accepts on a task of its own, so that a broken accept never holds the loop up.
pub(super) async fn accept(listener: TcpListener, accepted: mpsc::Sender<Accepted>) {
    syn::keep(&listener);
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let Some(connection) = Accepted::tcp(socket) else {
                    continue;
                };
                if accepted.send(connection).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!("cannot accept a SIP connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
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
        let (sender, mut accepted) = mpsc::channel(ACCEPTED_MAX);
        tokio::spawn(accept(listener, sender));
        let (feeder, mut feed) = mpsc::channel(8);
        let mut streams = Streams::new(1, Handle::current(), Keeper::none(), feeder);
        let mut peers = Vec::new();
        for count in 1..=STREAMS_PER_HOST_MAX + 1 {
            peers.push(TcpStream::connect(address).await.expect("listening"));
            let connection = accepted.recv().await.expect("accepting");
            let admitted = streams.admit(connection).is_some();
            assert_eq!(admitted, count <= STREAMS_PER_HOST_MAX, "{count}");
        }
        peers.remove(0);
        let closed = feed.recv().await;
        assert_eq!(closed, Some(Input::StreamClosed { stream: 1 }));
        streams.forget(1);
        let _peer = TcpStream::connect(address).await.expect("listening");
        let connection = accepted.recv().await.expect("accepting");
        assert!(streams.admit(connection).is_some());
    }
}
