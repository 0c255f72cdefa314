//! A packet socket on one link: every ARP frame in, any frame out.

use std::io;
use std::os::fd::AsRawFd as _;

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::net::UdpSocket;

/// Longest frame read; an ARP frame has 42 bytes, padded to 60 by the cable.
const FRAME_LENGTH_MAX: usize = 128;

/// Whole Ethernet frames of one link. Needs CAP_NET_RAW.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    /// Not UDP: the type is only what gives a datagram socket to tokio without unsafe code. It is
    /// read and written without addresses, which is the same system call for every family.
    socket: UdpSocket,
}

impl PacketSocket {
    /// Opens a socket on the link of that name.
    pub(crate) fn open(link: &str) -> io::Result<Self> {
        let descriptor = rustix::net::socket_with(
            AddressFamily::PACKET,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(rustix::net::eth::ARP),
        )?;
        // The kernel's own list of addresses names the link as a packet address; the protocol in
        // it is zero, with which binding keeps the one the socket was made with.
        let address = nix::ifaddrs::getifaddrs()?
            .filter(|entry| entry.interface_name == link)
            .find_map(|entry| entry.address?.as_link_addr().copied())
            .ok_or(io::ErrorKind::NotFound)?;
        nix::sys::socket::bind(descriptor.as_raw_fd(), &address)?;
        let socket = UdpSocket::from_std(std::net::UdpSocket::from(descriptor))?;
        Ok(Self { socket })
    }

    /// The next frame. May be called again after it was cancelled.
    pub(crate) async fn receive(&self) -> io::Result<Vec<u8>> {
        let mut frame = [0; FRAME_LENGTH_MAX];
        let length = self.socket.recv(&mut frame).await?;
        Ok(frame.get(..length).unwrap_or_default().to_vec())
    }

    /// Sends a frame. One that does not fit the queue now is lost, as a cable would lose it.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        match self.socket.try_send(frame) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
