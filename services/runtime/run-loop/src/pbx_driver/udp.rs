//! The SIP datagram socket: knows the local address of every datagram, and sends from it.
//!
//! The socket is bound to the wildcard, because addresses come and go with DHCP; `IP_PKTINFO`
//! (ip(7)) tells which one a datagram was sent to and makes the answer leave from the same one. An
//! answer from another address is dropped by the phone's router.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use sansio::Datagram;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// The longest UDP payload over IPv4, so nothing is ever cut.
const DATAGRAM_MAX: usize = 65_507;

/// The SIP socket.
#[derive(Debug)]
pub(super) struct SipUdp {
    socket: UdpSocket,
    port: u16,
    buffer: Vec<u8>,
    control: Vec<u8>,
}

impl SipUdp {
    /// Takes a bound IPv4 socket over; call on the runtime.
    pub(super) fn new(socket: std::net::UdpSocket) -> std::io::Result<Self> {
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        let port = socket.local_addr()?.port();
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            port,
            buffer: vec![0; DATAGRAM_MAX],
            control: nix::cmsg_space!(in_pktinfo),
        })
    }

    /// Waits until a datagram may be there.
    pub(super) async fn readable(&self) -> std::io::Result<()> {
        self.socket.readable().await
    }

    /// Takes the next datagram; `None` when none waits.
    pub(super) fn receive(&mut self) -> std::io::Result<Option<Datagram>> {
        let Self {
            socket,
            port,
            buffer,
            control,
        } = self;
        let fd = socket.as_raw_fd();
        let received = socket.try_io(Interest::READABLE, || {
            let mut slices = [IoSliceMut::new(buffer)];
            let space = Some(control.as_mut_slice());
            let message = recvmsg::<SockaddrIn>(fd, &mut slices, space, MsgFlags::MSG_DONTWAIT)?;
            let destination = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => Some(address(info.ipi_spec_dst)),
                _ => None,
            });
            Ok((message.bytes, message.address, destination))
        });
        match received {
            Ok((length, Some(source), Some(destination))) => Ok(Some(Datagram {
                source: SocketAddr::V4(SocketAddrV4::from(source)),
                destination: SocketAddr::new(IpAddr::V4(destination), *port),
                bytes: buffer.get(..length).unwrap_or_default().to_vec(),
            })),
            Ok(_) => Err(std::io::Error::other(
                "a datagram came without its addresses",
            )),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends from `local` to `remote`. SIP repeats what gets lost, so a full queue is no reason to
    /// wait.
    pub(super) fn send(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
    ) -> std::io::Result<()> {
        let (IpAddr::V4(local), SocketAddr::V4(remote)) = (local.ip(), remote) else {
            return Err(std::io::Error::other("the SIP socket carries IPv4 only"));
        };
        let info = in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: in_addr {
                s_addr: u32::from_ne_bytes(local.octets()),
            },
            ipi_addr: in_addr { s_addr: 0 },
        };
        let control = [ControlMessage::Ipv4PacketInfo(&info)];
        // Without a known address of ours the kernel chooses by route.
        let control = if local.is_unspecified() {
            &[][..]
        } else {
            &control[..]
        };
        let slices = [IoSlice::new(bytes)];
        let fd = self.socket.as_raw_fd();
        let to = SockaddrIn::from(remote);
        match sendmsg(fd, &slices, control, MsgFlags::MSG_DONTWAIT, Some(&to)) {
            Ok(_) => Ok(()),
            Err(Errno::EINTR) => Err(std::io::ErrorKind::Interrupted.into()),
            Err(error) => Err(error.into()),
        }
    }
}

fn address(address: in_addr) -> Ipv4Addr {
    Ipv4Addr::from(address.s_addr.to_ne_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_leaves_from_the_address_the_question_came_to() {
        let bound = std::net::UdpSocket::bind("0.0.0.0:0").expect("a port is free");
        let port = bound.local_addr().expect("bound").port();
        let mut sip = SipUdp::new(bound).expect("a UDP socket");
        let phone = UdpSocket::bind("127.0.0.1:0").await.expect("loopback");
        for host in ["127.0.0.2", "127.0.0.3"] {
            let ours: SocketAddr = format!("{host}:{port}").parse().expect("an address");
            phone.send_to(b"question", ours).await.expect("sent");
            let datagram = loop {
                sip.readable().await.expect("a live socket");
                if let Some(datagram) = sip.receive().expect("a live socket") {
                    break datagram;
                }
            };
            assert_eq!(datagram.destination, ours);
            assert_eq!(datagram.bytes, b"question");
            sip.send(datagram.destination, datagram.source, b"answer")
                .expect("sent");
            let mut buffer = [0; 16];
            let (length, from) = phone.recv_from(&mut buffer).await.expect("answered");
            assert_eq!((&buffer[..length], from), (&b"answer"[..], ours));
        }
        assert_eq!(sip.receive().expect("a live socket"), None);
    }
}
