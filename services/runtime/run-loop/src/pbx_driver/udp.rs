//! A SIP datagram socket: knows the local address of every datagram, and sends from it.
//!
//! The socket is bound to the wildcard, because addresses come and go with DHCP; the kernel tells
//! which one a datagram was sent to, and the answer leaves from the same one. An answer from
//! another address is dropped by the phone's router.

mod batch;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::task::{Context, Poll};

use nix::sys::socket::{setsockopt, sockopt};
use sansio::Datagram;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use self::batch::{BATCH, Departing, Incoming};
use super::marks;

/// One SIP socket of one IP version.
#[derive(Debug)]
pub(super) struct SipUdp {
    /// Watched for reading only. Watched for writing, the socket would wake the loop once more for
    /// every datagram sent, as soon as the kernel is done with it.
    socket: AsyncFd<UdpSocket>,
    local: SocketAddr,
    incoming: Incoming,
    departing: VecDeque<Departing>,
}

impl SipUdp {
    /// Takes a bound socket over; call on the runtime.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        if local.is_ipv4() {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
        }
        marks::mark(&socket, local.ip());
        Ok(Self {
            socket: watch(socket)?,
            local,
            incoming: Incoming::new(),
            departing: VecDeque::new(),
        })
    }

    /// Whether it can reach this address.
    pub(super) const fn reaches(&self, remote: IpAddr) -> bool {
        self.local.is_ipv4() == remote.is_ipv4()
    }

    /// Whether a datagram may be there; wakes the task when one may be.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_read_ready(context).map_ok(drop)
    }

    /// Takes the datagrams that wait; true when more may wait.
    pub(super) fn receive(&mut self, datagrams: &mut VecDeque<Datagram>) -> io::Result<bool> {
        let Self {
            socket,
            local,
            incoming,
            ..
        } = self;
        let mut more = false;
        let received = socket.try_io(Interest::READABLE, |socket| {
            let count = incoming.receive(socket.as_fd(), |arrived| {
                datagrams.push_back(Datagram {
                    source: arrived.source,
                    destination: SocketAddr::new(arrived.destination, local.port()),
                    ttl: arrived.ttl,
                    bytes: arrived.bytes.to_vec(),
                });
            })?;
            more = count == BATCH;
            // A batch that is not full has emptied the socket: saying so here spares the call that
            // would find it empty.
            if more {
                Ok(())
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        });
        match received {
            Ok(()) => Ok(more),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Queues a datagram from `local` to `remote` until [`Self::flush`].
    pub(super) fn send(&mut self, local: SocketAddr, remote: SocketAddr, bytes: Vec<u8>) {
        let local = local.ip();
        self.departing.push_back(Departing {
            local,
            remote,
            bytes,
        });
    }

    /// Sends what is queued. SIP repeats what gets lost, so a full queue of the kernel's is no
    /// reason to wait.
    pub(super) fn flush(&mut self) {
        while !self.departing.is_empty() {
            let batch = self.departing.make_contiguous();
            let sent = match batch::send(self.socket.get_ref().as_fd(), batch) {
                Ok(sent) => sent.max(1),
                Err(error) => {
                    let to = batch.first().map(|first| first.remote);
                    tracing::debug!(?to, "a datagram could not be sent: {error}");
                    1
                }
            };
            self.departing.drain(..sent.min(self.departing.len()));
        }
    }
}

#[expect(
    unsafe_code,
    reason = "the runtime cannot check what its caller says of the descriptor"
)]
fn watch(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    // SAFETY: a UdpSocket owns its descriptor, and names the same one until it is dropped.
    let watched = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
    watched.map_err(io::Error::from)
}

#[cfg(test)]
mod tests;
